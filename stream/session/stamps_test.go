package session

import (
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestStampWatch tells once, and then at most every ten seconds, of all that is wrong.
func TestStampWatch(t *testing.T) {
	w, now := NewStampWatch("EEG"), time.Now()
	for _, tc := range []struct {
		at               float64
		jumps, unstamped uint64
		off              float64
		want             string // "" for silence
	}{
		{0, 0, 0, 0, ""},
		{1, 2, 0, 0, "STAMPS of EEG: its clock jumped 2 times"},
		{2, 9, 300, 0, ""},
		{10.9, 50, 900, 0, ""},
		{11, 51, 900, 0, "STAMPS of EEG within 10 s: its clock jumped 49 times, and the stream began anew each time, with filters and windows; 900 samples had a stamp that is no time in seconds"},
		{30, 51, 900, 0, ""},
		{31, 51, 901, 0, "STAMPS of EEG within 20 s: 1 samples had"},
		{45, 51, 901, -30, "STAMPS of EEG within 14 s: they lie 30 s behind the clock that it tells of"},
		{49, 51, 901, -30, ""},
		{60, 1, 0, 0, "STAMPS of EEG within 15 s: its clock jumped 1 times"}, // it was opened again
	} {
		got := w.Look(now.Add(time.Duration(tc.at*float64(time.Second))), signal.Health{Jumps: tc.jumps, Unstamped: tc.unstamped, StampsOffS: tc.off})
		if tc.want == "" && got != "" || !strings.HasPrefix(got, tc.want) || strings.Contains(got, "\n") {
			t.Errorf("at %g s: %q, want %q", tc.at, got, tc.want)
		}
		if got != "" && !strings.Contains(got, "mend the sending program: a stamp is in seconds") {
			t.Errorf("%q has no remedy", got)
		}
	}
}
