package record_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// TestSplice: over a restart samples and events are where the clock says, and an event of when nobody knows how long nothing was
// measured is among no samples.
func TestSplice(t *testing.T) {
	info := &signal.Info{Rate: 250, Channels: []signal.Channel{{Name: "C3", Kind: signal.EEG, Unit: signal.Microvolt}}}
	for name, tc := range map[string]struct {
		beginS, endS float64 // of the new run by the clock; of the old one, which has 5000 samples from sample 700 on
		at           int64   // of the first new sample, counted on
		eventS       float64 // from the new run's begin
		want         int64   // of the event
	}{
		"an outage of 10 s":                 {130, 120, 7500, -4, 6500},
		"an event of before it":             {130, 120, 7500, -12, 4500},
		"at once":                           {120, 120, 5001, -1, 4751},
		"a clock that went back by 20 s":    {100, 120, 5001, -4, 5000},
		"stamps that overlap by a sample":   {119.996, 120, 5001, -1, 4751},
		"an event behind a clock that went": {100, 120, 5001, 0.5, 5126},
	} {
		var s record.Splice
		chunk := func(start int64, n int, end float64, anew bool) record.Kind {
			c := signal.NewChunk(info, start, n)
			c.Time, c.Anew = int64((end-float64(n)/250)*1e9), anew
			return s.Take(c)
		}
		if k := chunk(700, 5000, tc.endS, false); k != record.KindBegin || s.Shift() != -700 {
			t.Errorf("%s: begins with %q, shift %d", name, k, s.Shift())
		}
		chunk(0, 0, 0, true) // an empty chunk may say it
		if k := chunk(0, 250, tc.beginS+1, false); k != record.KindAnew || s.Shift() != tc.at {
			t.Errorf("%s: %q at sample %d, want %q at %d", name, k, s.Shift(), record.KindAnew, tc.at)
		}
		e := s.Place(signal.Event{Sample: int64(tc.eventS * 250), Onset: tc.eventS}, 250)
		if e.Sample != tc.want || e.Onset != float64(tc.want)/250 {
			t.Errorf("%s: the event is at sample %d, %g s, want %d", name, e.Sample, e.Onset, tc.want)
		}
		if k := chunk(250, 250, tc.beginS+2, false); k != "" || s.Shift() != tc.at {
			t.Errorf("%s: goes on with %q, shift %d", name, k, s.Shift())
		}
	}
}
