package stream_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/stream"
)

// TestIdle: rates and their intervals. The limits of a Poisson count at 95 % are those of Garwood's table (1936,
// doi:10.1093/biomet/28.3-4.437): 0 to 3.689 for 0, 0.242 to 7.225 for 2, 4.795 to 18.390 for 10.
func TestIdle(t *testing.T) {
	for _, tc := range []struct {
		a                    stream.Activity
		asked                float64
		rate, low, high      float64
		minutes, away, apart float64
		verdict              string
	}{
		{stream.Activity{IdleS: 120, False: 2}, 4, 1, 0.121, 3.612, 2, 0, 0, "met, by the whole interval"},
		{stream.Activity{IdleS: 120, False: 2}, 1, 1, 0.121, 3.612, 2, 0, 0, "not shown"}, // 0 would reach to 1.844
		{stream.Activity{IdleS: 600, False: 10}, 1.5, 1, 0.480, 1.839, 10, 0, 0, "met, but the interval reaches above it"},
		{stream.Activity{IdleS: 600, False: 10, AwayS: 90, UnlikeS: 60}, 0.9, 1, 0.480, 1.839, 10, 0.5, 1, "missed, but the interval reaches below it"},
		{stream.Activity{IdleS: 60, False: 10}, 4, 10, 4.795, 18.390, 1, 0, 0, "missed, by the whole interval"},
		{stream.Activity{IdleS: 30}, 5, 0, 0, 7.378, 0.5, 0, 0, "not shown"},
		{stream.Activity{IdleS: 6, False: 9}, 5, 90, 41.154, 170.848, 0.1, 0, 0, "missed, by the whole interval"}, // however little it is
		{stream.Activity{IdleS: 60, False: 10}, 0, 10, 4.795, 18.390, 1, 0, 0, ""},
	} {
		got, err := tc.a.Idle(tc.asked)
		if err != nil {
			t.Fatal(err)
		}
		if v := got.Verdict(); !strings.HasPrefix(v, tc.verdict) || v == "" != (tc.verdict == "") {
			t.Errorf("%+v, %g asked for: %q, want %q", tc.a, tc.asked, v, tc.verdict)
		}
		for _, x := range [][2]float64{{*got.PerMinute, tc.rate}, {*got.Low, tc.low}, {*got.High, tc.high}, {got.Minutes, tc.minutes}, {got.Rejected, tc.away}, {got.Unlike, tc.apart}} {
			if math.Abs(x[0]-x[1]) > 1e-3 { // the table has three digits
				t.Errorf("%+v: %+v, rate %g [%g, %g]; %g must be %g", tc.a, got, *got.PerMinute, *got.Low, *got.High, x[0], x[1])
			}
		}
		if met := got.Met; (met == nil) != (tc.asked == 0 || tc.verdict == "not shown") || met != nil && *met != strings.HasPrefix(tc.verdict, "met") {
			t.Errorf("%+v, %g asked for: met %v", tc.a, tc.asked, met)
		}
	}
	// Held for ever: 2 begin in 0.4 min, which is 5 a minute, but they stand for 2.6 min. Each second of that counts.
	ever := stream.Activity{IdleS: 24, HeldS: 156, StandS: 156.2, False: 2, Again: 155}
	if got, err := ever.Idle(5); err != nil || math.Abs(*got.PerMinute-157/0.4) > 1e-9 || math.Abs(*got.Share-156.2/180) > 1e-9 || got.DecidedS != 156.2 || got.Count != 2 || got.Again != 155 || got.Met == nil || *got.Met || got.Verdict() != "missed, by the whole interval" {
		t.Errorf("held for ever: %+v, %q, %v", got, got.Verdict(), err)
	}
	always := stream.Activity{HeldS: 60, StandS: 60, Again: 59}
	if got, err := always.Idle(5); err != nil || got.PerMinute != nil || *got.Share != 1 || got.Met == nil || *got.Met || !strings.HasPrefix(got.Verdict(), "missed: a decision stands all the time") {
		t.Errorf("held all the time: %+v, %q, %v", got, got.Verdict(), err)
	}
	held := stream.Activity{AwayS: 60, UnlikeS: 60}
	if got, err := held.Idle(5); err != nil || got.PerMinute != nil || got.Met != nil || got.Unlike != 1 || got.Verdict() != "not shown: nothing could be decided" {
		t.Errorf("all held back: %+v, %q, %v", got, got.Verdict(), err)
	}
	if _, err := new(stream.Activity).Idle(5); err == nil || !strings.Contains(err.Error(), "no window") {
		t.Errorf("no window at all: %v", err)
	}
}
