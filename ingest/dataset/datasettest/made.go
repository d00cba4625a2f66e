package datasettest

import (
	"bytes"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Made is an Arrow file with these channels, all samples 0, and events with these labels, a sample apart.
func Made(t testing.TB, rate float64, channels []signal.Channel, labels ...string) []byte {
	t.Helper()
	rec := &signal.Recording{Name: "made", Len: int64(len(labels) + 1), Info: &signal.Info{Rate: rate, Channels: channels}}
	x := make(signal.Memory, len(channels))
	for ch := range x {
		x[ch] = make([]float64, rec.Len)
	}
	rec.Data = x
	for i, l := range labels {
		rec.Events = append(rec.Events, signal.Event{Sample: int64(i), Onset: float64(i) / rate, Label: l})
	}
	var b bytes.Buffer
	if err := arrowfile.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Channels are those of a recording with these names: EEG in µV, and EOG where a name says so.
func Channels(names ...string) (channels []signal.Channel) {
	for _, n := range names {
		c := signal.Channel{Name: n, Original: n, Kind: signal.EEG, Unit: signal.Microvolt}
		if len(n) > 3 && n[:3] == "EOG" {
			c.Kind = signal.EOG
		}
		channels = append(channels, c)
	}
	return channels
}
