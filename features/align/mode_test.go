package align_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// TestModeRun: a new run of which all windows are known comes out as pyRiemann maps it, and no window before that.
func TestModeRun(t *testing.T) {
	g, f := readGolden(t)
	for name, want := range map[string][][][]float64{"euclidean_alignment": g.Euclidean, "riemannian_alignment": g.Riemannian} {
		scaled := make([][][]float64, len(g.X)) // another training run
		for i, x := range g.X {
			scaled[i] = window(f)
			for ch, row := range x {
				for k, v := range row {
					scaled[i][ch][k] = v * float64(1+ch)
				}
			}
		}
		a := fitted(t, name, `{"estimator":"scm","mode":"run"}`, f, scaled)
		if !a.NeedsRun() {
			t.Errorf("%s: does not say that it needs the whole run", name)
		}
		dst := window(f)
		if err := a.Map(dst, g.X[0]); err == nil || !strings.Contains(err.Error(), "mode incremental") {
			t.Errorf("%s: a window before its run is known: %v", name, err)
		}
		if err := a.SetRun(g.X); err != nil {
			t.Fatal(err)
		}
		for i := len(want) - 1; i >= 0; i-- { // in any order
			if err := a.Map(dst, g.X[i]); err != nil {
				t.Fatal(err)
			}
			for ch, row := range want[i] {
				for k, v := range row {
					if !(math.Abs(dst[ch][k]-v) <= 1e-8) {
						t.Fatalf("%s: window %d, channel %d, sample %d is %g, pyRiemann has %g", name, i, ch, k, dst[ch][k], v)
					}
				}
			}
		}
	}
}

// TestModeFixed: X ← R^−½·X with the training reference, whatever came before, also behind Start and in a loaded step.
func TestModeFixed(t *testing.T) {
	g, f := readGolden(t)
	a := fitted(t, "euclidean_alignment", `{"estimator":"scm","mode":"fixed"}`, f, g.X[:10], g.X[10:])
	n := len(f.Names)
	covs, c, white, solver := spd.NewCovariances(n, f.Len), spd.NewMatrix(n), spd.NewMatrix(n), spd.NewSolver(n)
	ref := spd.NewMatrix(n)
	for _, run := range [][][][]float64{g.X[:10], g.X[10:]} {
		for _, x := range run {
			covs.Load(x)
			if _, err := covs.Estimate(c, spd.SCM); err != nil {
				t.Fatal(err)
			}
			for k, v := range c.Data {
				ref.Data[k] += v / float64(len(run)) / 2
			}
		}
	}
	if err := solver.InvSqrt(white, ref); err != nil {
		t.Fatal(err)
	}
	loaded := step(t, "euclidean_alignment", `{"estimator":"scm","mode":"fixed"}`)
	if _, err := loaded.Start(f); err != nil {
		t.Fatal(err)
	}
	if err := loaded.SetState(a.State()); err != nil {
		t.Fatal(err)
	}
	check := func(what string, x [][]float64, m func(dst, x [][]float64) error) {
		dst := window(f)
		if err := m(dst, x); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for ch := range dst {
			for k := range dst[ch] {
				want := 0.0
				for j := range x {
					want += white.Row(ch)[j] * x[j][k]
				}
				if !(math.Abs(dst[ch][k]-want) <= 1e-9*math.Max(1, math.Abs(want))) {
					t.Fatalf("%s: channel %d, sample %d is %g, want %g", what, ch, k, dst[ch][k], want)
				}
			}
		}
	}
	check("fitted", g.X[3], a.Map)
	check("again", g.X[7], a.Map)
	if err := a.MapRun(windows(5, f), g.X[:5]); err != nil {
		t.Fatal(err)
	}
	check("behind a training run", g.X[3], a.Map)
	if _, err := a.Start(f); err != nil {
		t.Fatal(err)
	}
	check("behind Start", g.X[3], a.Map)
	check("loaded", g.X[3], loaded.Map)
	if a.SetRun(g.X) == nil {
		t.Error("SetRun in the mode fixed is no error")
	}
}

func TestModes(t *testing.T) {
	for _, name := range []string{"euclidean_alignment", "riemannian_alignment"} {
		if _, err := features.Steps().New(name, []byte(`{"mode":"offline"}`)); err == nil || !strings.Contains(err.Error(), `must be "incremental", "run" or "fixed"`) {
			t.Errorf("%s: an unknown mode: %v", name, err)
		}
		if a := step(t, name, `{}`); a.Mode != features.Incremental || a.NeedsRun() {
			t.Errorf("%s: the default mode is %q", name, a.Mode)
		}
	}
}
