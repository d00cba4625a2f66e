package featurestest

import (
	"math"
	"slices"
	"testing"
)

// follow checks what only steps that follow a run promise.
func (s *suite) follow(t *testing.T) {
	u, ex := s.fitted(t)
	want := u.all(t, ex.x)

	// A window that is refused teaches nothing, and a new run knows nothing of the old one.
	u.reset()
	bad, dst := clone(ex.x[0]), u.buffer()
	bad[len(bad)-1][5] = math.NaN()
	for i, x := range ex.x {
		if err := u.apply(dst, bad); err == nil {
			t.Fatal("a NaN is no error")
		}
		if err := u.apply(dst, x); err != nil {
			t.Fatal(err)
		}
		if !equalBits(dst, want[i]) {
			t.Fatalf("example %d gives other bits behind refused ones, or in a second run", i)
		}
	}

	// A training run has nothing to do with the run at hand.
	u.reset()
	for i, x := range ex.x {
		if i == 3 {
			out := [][][]float64{u.buffer(), u.buffer()}
			if err := u.mapRun(out, ex.x[4:6]); err != nil {
				t.Fatal(err)
			}
		}
		if err := u.apply(dst, x); err != nil {
			t.Fatal(err)
		}
		if !equalBits(dst, want[i]) {
			t.Fatalf("example %d gives other bits when a training run is mapped in between", i)
		}
	}

	// The reference moves: the same window comes out otherwise when others stood before it.
	other := slices.Clone(ex.x[:8])
	other[7] = ex.x[0]
	if equalBits(u.all(t, other)[7], want[0]) {
		t.Error("the output does not depend on the windows before: the step does not follow the run")
	}

	// State is what was learned in training, whatever came since.
	if fresh, _ := s.fitted(t); !sameState(u.state(), fresh.state()) {
		t.Error("following a run changed the fitted state")
	}

	for _, run := range [][][][]float64{nil, {bad}} {
		out := make([][][]float64, len(run))
		for i := range out {
			out[i] = u.buffer()
		}
		if err := u.mapRun(out, run); err == nil {
			t.Errorf("a training run of %d examples, with a NaN, is no error", len(run))
		}
	}
}
