package ingesttest

import (
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Rates is a recording of three sampling rates, the second of which begins later and has a gap of its own, with events before the data, in
// a gap, behind the end and by a clock of their own, for tests of writers: a new one each time.
func Rates() *signal.Recording {
	rec := Gapped()
	outside := func(e ...signal.Event) []signal.Event { return e }
	inside := rec.Events
	rec.Spans[0] = signal.Span{Start: 3, Len: 330}
	rec.Events = outside(signal.Event{Sample: -1280, Onset: -10, Duration: 3, Label: "before"}, signal.Event{Sample: 2, Onset: 2. / 128, Label: ""})
	rec.Events = append(rec.Events, inside[:2]...)
	rec.Events = append(rec.Events, outside(signal.Event{Sample: 350, Onset: 350. / 128, Label: `in the "gap" <µ>`}, signal.Event{Sample: 360, Onset: 2.5, Label: "by another clock"})...)
	rec.Events = append(rec.Events, inside[2:]...)
	rec.Events = append(rec.Events, outside(signal.Event{Sample: 700, Onset: 700. / 128, Label: "at the end"}, signal.Event{Sample: 1 << 60, Onset: 1 << 53, Duration: 0.1, Label: "long after"})...)
	other := func(rate float64, n int64, spans []signal.Span, channels ...signal.Channel) *signal.Recording {
		x := make(signal.Memory, len(channels))
		for ch := range x {
			x[ch] = make([]float64, n)
			for t := range x[ch] {
				x[ch][t] = rate*float64(ch+1) + float64(t)/3
			}
		}
		return &signal.Recording{Name: rec.Name, Format: rec.Format, Begin: rec.Begin, Len: n, Spans: spans, Data: x, Info: &signal.Info{Rate: rate, Channels: channels}}
	}
	rec.Others = []*signal.Recording{
		other(1.0/3, 40, []signal.Span{{Start: 2, Len: 5}, {Start: 20, Len: 20}}, signal.Channel{Name: "temperature", Original: "Temp rectal", Kind: signal.Misc, Unit: "DegC"}),
		other(1000, 5000, nil, signal.Channel{Name: "EMG 1", Original: "EMG submental", Kind: signal.EMG, Unit: signal.Microvolt},
			signal.Channel{Name: "ECG", Original: "ECG", Kind: signal.ECG, Unit: signal.Microvolt, Bad: true}),
	}
	return rec
}

// Hypnogram is a recording of events alone, as a file of annotations is read: all at sample 0, where only the onset counts.
func Hypnogram() *signal.Recording {
	return &signal.Recording{
		Name: "h", Format: "test", Begin: time.Date(2026, 1, 2, 23, 4, 5, 678, time.UTC), Info: &signal.Info{}, Data: signal.Memory{},
		Events: []signal.Event{{Onset: 0, Duration: 3630, Label: "Sleep stage W"}, {Onset: 3630.5, Duration: 30, Label: "Sleep stage 1"}, {Onset: 3660.5, Duration: 1e-9, Label: "Sleep stage ?"}},
	}
}

// OwnNames is a recording whose channels are called as columns are that gyrus adds to those of channels, or as these become.
func OwnNames() *signal.Recording {
	names := []string{"sample", "time_ns", "events", "Sample", "sample (channel)", "sample (channel 2)", "EVENTS", "Cz"}
	const n = 20
	info, x := &signal.Info{Rate: 128, Reference: "A1"}, make(signal.Memory, len(names))
	for ch, name := range names {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Original: "my " + name, Kind: signal.EEG, Unit: signal.Microvolt})
		x[ch] = make([]float64, n)
		for t := range x[ch] {
			x[ch][t] = float64(ch) + float64(t)/4
		}
	}
	return &signal.Recording{Name: "own", Format: "test", Info: info, Len: n, Data: x, Events: []signal.Event{{Sample: 3, Onset: 3. / 128, Label: "cue"}}}
}
