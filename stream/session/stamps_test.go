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
		want             string // "" for silence
	}{
		{0, 0, 0, ""},
		{1, 2, 0, "STAMPS of EEG: its clock jumped 2 times"},
		{2, 9, 300, ""},
		{10.9, 50, 900, ""},
		{11, 51, 900, "STAMPS of EEG within 10 s: its clock jumped 49 times, and the stream began anew each time, with filters and windows; 900 samples had a stamp that is no time in seconds"},
		{30, 51, 900, ""},
		{31, 51, 901, "STAMPS of EEG within 20 s: 1 samples had"},
		{50, 1, 0, "jumped 1 times"}, // it was opened again
	} {
		got := w.Look(now.Add(time.Duration(tc.at*float64(time.Second))), signal.Health{Jumps: tc.jumps, Unstamped: tc.unstamped})
		if tc.want == "" && got != "" || !strings.HasPrefix(strings.Replace(got, "STAMPS of EEG within 19 s: its clock ", "", 1), tc.want) || strings.Contains(got, "\n") {
			t.Errorf("at %g s: %q, want %q", tc.at, got, tc.want)
		}
		if got != "" && !strings.Contains(got, "mend the sending program: a stamp is in seconds") {
			t.Errorf("%q has no remedy", got)
		}
	}
}
