package lsl

import (
	"math"
	"testing"
)

// TestGuessBehindAStandstill: where samples count as of when they arrive, one that was held up is not what all others are counted from: those
// that come in time behind it would be measured later than they arrive, for as long as the connection lasts.
func TestGuessBehindAStandstill(t *testing.T) {
	const held = 2.6 // s, by which the first was late
	var s timeSync   // of an outlet that tells of no clock
	for i := range 1000 {
		stamp := 1000 + float64(i)/10
		measured := 5 + float64(i)/10
		arrived := math.Max(measured, 5+held) + 0.001
		got := s.local(stamp, 0, arrived)
		if got > arrived+maxGuess || measured > 5+held && math.Abs(got-measured) > maxGuess+0.001 {
			t.Fatalf("sample %d, measured at %g s, counts as of %g s, and arrived at %g s", i, measured, got, arrived)
		}
	}
}
