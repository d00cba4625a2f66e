package stream

import (
	"math"
	"slices"
	"testing"
)

// TestActivityByHand: windows of 1 s every 0.5 s, one trial from 3 s to 5 s, one from 10 s to 12 s in which nothing is
// decided. The windows that touch no trial end at 1 to 3 s, 6 to 10 s and from 13 s on.
func TestActivityByHand(t *testing.T) {
	decided := map[float64]int{2: 1, 2.5: 1, 4: 0, 4.5: 1, 7: 0, 9.5: 1, 14: 0}
	var windows []slid
	for to := 1.0; to <= 15; to += 0.5 {
		w := slid{from: to - 1, to: to, class: -1, refused: to == 8 || to == 8.5, unlike: to == 8.5}
		if k, ok := decided[to]; ok {
			w.class = k
		}
		windows = append(windows, w)
	}
	var a Activity
	a.count(windows, []trial{{3, 5, 1}, {10, 12, 0}, {16, 18, missed}}, 0.5)
	// Idle ends: 1 1.5 2 2.5 3 | 6 6.5 7 7.5 (8 and 8.5 are refused) 9 9.5 10 | 13 13.5 14 14.5 15: 17 windows. False: at 2 (2.5
	// goes on, so that none could begin), 7, 9.5 and 14.
	if a.IdleS != 8 || a.HeldS != 0.5 || a.StandS != 2.5 || a.Again != 0 || a.AwayS != 1 || a.UnlikeS != 0.5 || a.False != 4 {
		t.Errorf("%g s idle with %d decisions, %g s refused, %g s of them unlike; want 8 with 4, 1, 0.5", a.IdleS, a.False, a.AwayS, a.UnlikeS)
	}
	// The first decision of the first trial, at 4 s, is for the wrong class.
	if !slices.Equal(a.Times, []float64{1, math.Inf(1)}) || a.Right != 0 || a.Wrong != 1 {
		t.Errorf("times %v, %d right, %d wrong", a.Times, a.Right, a.Wrong)
	}
}

// TestActivityBehindAGap: where windows are missing, as in a gap, a decision begins anew, the same one too: whoever listens has
// heard nothing in between. Ten windows with one decision, the first six of them a minute apart, count as six and no time between them.
func TestActivityBehindAGap(t *testing.T) {
	var windows []slid
	for k := range 10 {
		from := 60*float64(min(k, 5)) + 0.5*float64(max(0, k-5))
		windows = append(windows, slid{from: from, to: from + 1, class: 0})
	}
	var a Activity
	a.count(windows, nil, 0.5)
	if a.False != 6 || a.Again != 2 || a.IdleS != 3 || a.HeldS != 2 || a.StandS != 5 { // the last goes on for 2.5 s in all
		t.Errorf("%d decisions and %d again, %g s idle, %g s held, %g s with one; want 6 and 2, 3, 2, 5", a.False, a.Again, a.IdleS, a.HeldS, a.StandS)
	}
	// A source that begins anew counts its samples from 0 again.
	a = Activity{}
	a.count([]slid{{from: 5, to: 6, class: 0}, {from: 5.5, to: 6.5, class: 0}, {from: 0, to: 1, class: 0}}, nil, 0.5)
	if a.False != 2 || a.HeldS != 0.5 {
		t.Errorf("a source that began anew: %d decisions, %g s held; want 2, 0.5", a.False, a.HeldS)
	}
}
