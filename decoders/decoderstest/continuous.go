package decoderstest

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// RunContinuous tests the continuous decoder that construct makes with its parameters set, on features of 8 numbers that
// follow a velocity in the plane or, with steered, the position and the velocity of a cursor: the contract of
// decoders.Continuous, that what was planted is found, and that in noise nothing is.
func RunContinuous(t *testing.T, name string, construct func() decoders.Continuous, steered bool) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		s := newTracking(construct, steered)
		t.Run("unfitted use is an error", s.unfitted)
		t.Run("state round trip and the same run again give the same bits", s.sameBits)
		t.Run("a refused row leaves no trace", s.refusedRows)
		t.Run("fit refuses bad data and keeps what it had", s.badFit)
		t.Run("fit again gives the same bits", s.refit)
		t.Run("input is untouched", s.untouched)
		t.Run("no allocation", s.allocations)
		t.Run("bad input is refused or survived", s.poorRuns)
		t.Run("noise stays at chance", s.noise)
		t.Run("planted effect is found", s.power)
	})
}

func (s *tracking) fresh() decoders.Continuous {
	d := s.construct()
	d.SetOutputs(s.outputs)
	return d
}

// fitted is a decoder that has seen one run.
func (s *tracking) fitted(t *testing.T) decoders.Continuous {
	t.Helper()
	d := s.fresh()
	x, y := s.simulate(1, trackRows)
	if err := d.FitContinuous(x, y); err != nil {
		t.Fatal(err)
	}
	return d
}

// run is what the decoder makes of the rows that follow each other, each in memory of its own.
func (s *tracking) run(t *testing.T, d decoders.Continuous, x [][]float64) [][]float64 {
	t.Helper()
	out := make([][]float64, len(x))
	for i, row := range x {
		out[i] = make([]float64, len(s.outputs))
		if err := d.Predict(out[i], row); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	return out
}

func (s *tracking) unfitted(t *testing.T) {
	x, y := s.simulate(1, trackRows)
	d := s.construct()
	if d.Predict(make([]float64, len(s.outputs)), x[0]) == nil || d.Outputs() != nil || d.State() != nil {
		t.Error("predicts, or has outputs or a state")
	}
	if d.FitContinuous(x, y) == nil || d.SetState(s.fitted(t).State()) == nil {
		t.Error("fit or state before SetOutputs is no error")
	}
	if d = s.fresh(); d.Predict(make([]float64, len(s.outputs)), x[0]) == nil || d.Outputs() != nil || d.State() != nil {
		t.Error("with outputs: predicts, or has outputs or a state")
	}
}

func (s *tracking) sameBits(t *testing.T) {
	test, _ := s.simulate(2, testRows)
	d := s.fitted(t)
	if !slices.Equal(d.Outputs(), s.outputs) {
		t.Errorf("outputs are %q, must be %q", d.Outputs(), s.outputs)
	}
	want := s.run(t, d, test)
	d.Reset()
	if !slices.EqualFunc(s.run(t, d, test), want, equalBits) {
		t.Error("the same run again gives other bits")
	}
	loaded := s.fresh()
	if err := loaded.SetState(d.State()); err != nil {
		t.Fatal(err)
	}
	if !slices.EqualFunc(s.run(t, loaded, test), want, equalBits) {
		t.Error("the loaded decoder gives other bits")
	}
	for key, a := range d.State() {
		broken := d.State()
		broken[key] = signal.NewArray(append(slices.Clone(a.Data), 0), len(a.Data)+1)
		if len(a.Shape) > 1 && loaded.SetState(broken) == nil {
			t.Errorf("state with another shape of %q is no error", key)
		}
		delete(broken, key)
		if loaded.SetState(broken) == nil {
			t.Errorf("state without %q is no error", key)
		}
	}
	loaded.SetOutputs([]string{"a", "b"})
	if loaded.Outputs() != nil {
		t.Error("what was learned about other outputs is kept")
	}
}

func (s *tracking) refusedRows(t *testing.T) {
	test, _ := s.simulate(2, testRows)
	d := s.fitted(t)
	want := s.run(t, d, test)
	d.Reset()
	dst := make([]float64, len(s.outputs))
	for i, row := range test {
		for _, wrong := range [][]float64{nil, row[1:], append(slices.Clone(row), 0), append(slices.Clone(row[:7]), math.NaN()), append(slices.Clone(row[:7]), math.Inf(-1))} {
			if d.Predict(dst, wrong) == nil {
				t.Fatalf("row %v is no error", wrong)
			}
		}
		if d.Predict(dst[:1], row) == nil {
			t.Fatal("a short output is no error")
		}
		if err := d.Predict(dst, row); err != nil || !equalBits(dst, want[i]) {
			t.Fatalf("row %d: %v, %v behind refused rows; want %v", i, dst, err, want[i])
		}
	}
}

func (s *tracking) badFit(t *testing.T) {
	d := s.fitted(t)
	before := d.State()
	for what, spoil := range map[string]func(x, y [][]float64) (a, b [][]float64){
		"no rows": func(_, _ [][]float64) ([][]float64, [][]float64) { return nil, nil },
		"a NaN feature": func(x, y [][]float64) ([][]float64, [][]float64) {
			x[5][5] = math.NaN()
			return x, y
		},
		"an infinite target": func(x, y [][]float64) ([][]float64, [][]float64) {
			y[5][1] = math.Inf(1)
			return x, y
		},
		"a short row":      func(x, y [][]float64) ([][]float64, [][]float64) { x[5] = x[5][1:]; return x, y },
		"a short target":   func(x, y [][]float64) ([][]float64, [][]float64) { y[5] = y[5][1:]; return x, y },
		"a target too few": func(x, y [][]float64) ([][]float64, [][]float64) { return x, y[1:] },
	} {
		x, y := spoil(s.simulate(1, trackRows))
		if d.FitContinuous(x, y) == nil {
			t.Errorf("fit with %s is no error", what)
		}
		if !sameState(before, d.State()) {
			t.Fatalf("a refused fit (%s) changed what was fitted", what)
		}
	}
}

func (s *tracking) refit(t *testing.T) {
	d := s.fitted(t)
	first := d.State()
	for _, seed := range []uint64{9, 1} { // what it learned in between must leave no trace
		x, y := s.simulate(seed, trackRows)
		if err := d.FitContinuous(x, y); err != nil {
			t.Fatal(err)
		}
		if sameState(first, d.State()) != (seed == 1) {
			t.Errorf("after a fit on run %d the state is that of run 1: %t", seed, seed != 1)
		}
	}
}

func (s *tracking) untouched(t *testing.T) {
	d := s.fresh()
	x, y := s.simulate(1, trackRows)
	if err := d.FitContinuous(x, y); err != nil {
		t.Fatal(err)
	}
	s.run(t, d, x)
	sameX, sameY := s.simulate(1, trackRows)
	if !slices.EqualFunc(x, sameX, equalBits) || !slices.EqualFunc(y, sameY, equalBits) {
		t.Error("the decoder wrote to its rows or targets")
	}
}

func (s *tracking) allocations(t *testing.T) {
	d := s.fitted(t)
	test, _ := s.simulate(2, testRows)
	dst, i := make([]float64, len(s.outputs)), 0
	if n := testing.AllocsPerRun(50, func() {
		if err := d.Predict(dst, test[i]); err != nil {
			t.Error(err)
		}
		i++
	}); n != 0 {
		t.Errorf("%g allocations per row, must be 0", n)
	}
}
