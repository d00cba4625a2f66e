package calibrate_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/calibrate"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestAbstain: with nine trials and alpha 0.1 the limit is the largest 1 − p of a true class, ⌈10·0.9⌉ = 9th of 9: here 0.4. A
// class stays possible with a score of at least 0.6, and one alone is decided for.
func TestAbstain(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b"}}
	var scores [][]float64
	for i := range 9 {
		p := 0.6 + 0.04*float64(i)
		scores, y.Y = append(scores, []float64{p, 1 - p}), append(y.Y, 0)
	}
	a := &calibrate.Abstain{Alpha: 0.1, Runs: 1}
	if _, _, err := a.Push(scores[0], 0); err == nil || a.State() != nil {
		t.Errorf("unfitted: %v", err)
	}
	if err := a.FitTrials(scores[:8], signal.Labels{Classes: y.Classes, Y: y.Y[:8]}); err == nil || !strings.Contains(err.Error(), "needs at least 9") {
		t.Errorf("eight trials: %v", err)
	}
	if err := a.FitTrials(scores, y); err != nil {
		t.Fatal(err)
	}
	loaded := &calibrate.Abstain{Alpha: 0.1, Runs: 1}
	if err := loaded.SetState(a.State()); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		scores []float64
		want   int
		sure   float64
	}{{[]float64{0.7, 0.3}, 0, 0.7}, {[]float64{0.39, 0.61}, 1, 0.61}, {[]float64{0.55, 0.45}, -1, 0.55}} {
		for _, d := range []*calibrate.Abstain{a, loaded} {
			if got, sure, err := d.Push(tc.scores, 0); err != nil || got != tc.want || sure != tc.sure {
				t.Errorf("%v: decided for %d (%g), %v; want %d (%g)", tc.scores, got, sure, err, tc.want, tc.sure)
			}
		}
	}
	for _, bad := range [][]float64{{1}, {math.NaN(), 1}, {2, -1}} {
		if got, _, err := a.Push(bad, 0); err == nil || got != -1 {
			t.Errorf("%v is no error", bad)
		}
	}
	for name, v := range map[string]float64{"limit": 2, "classes": 1.5} {
		s := a.State()
		s[name] = signal.NewArray([]float64{v}, 1)
		if loaded.SetState(s) == nil {
			t.Errorf("%s %g is no error", name, v)
		}
	}
}
