package pipeline

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestStillChannels: only voltages count, a second of them, and what is not finite is no change.
func TestStillChannels(t *testing.T) {
	info := &signal.Info{Rate: 4}
	nan := math.NaN()
	var tracks []stillTrack
	var want []string
	for _, tc := range []struct {
		name string
		kind signal.Kind
		x    []float64
		flat bool
	}{
		{"same", signal.EEG, []float64{3, 3, 3, 3, 3}, true},
		{"last differs", signal.EEG, []float64{3, 3, 3, 3, 4}, false},
		{"gaps", signal.EEG, []float64{nan, 3, 3, math.Inf(1), 3, 3}, true},
		{"lost", signal.EEG, []float64{nan, nan, nan, nan, nan}, false},
		{"short", signal.EEG, []float64{3, 3, 3}, false},
		{"trigger", signal.Trigger, []float64{0, 0, 0, 0, 0}, false},
	} {
		info.Channels = append(info.Channels, signal.Channel{Name: tc.name, Kind: tc.kind})
		var s stillTrack
		for _, v := range tc.x { // in pieces of one
			s.see([]float64{v})
		}
		tracks = append(tracks, s)
		if tc.flat {
			want = append(want, tc.name)
		}
	}
	if got := flat(tracks, info); !slices.Equal(got, want) {
		t.Errorf("flat are %q, must be %q", got, want)
	}
}
