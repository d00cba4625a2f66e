package kalman_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
	"github.com/gyrus-bci/gyrus/decoders/kalman"
	_ "github.com/gyrus-bci/gyrus/decoders/linear" // registers ridge_regression
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

var velocity = []string{"vel_x", "vel_y"}

// simulate is a smooth velocity, and features that follow it with noise and an offset.
func simulate(seed uint64, rows, features int) (x, y [][]float64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	tuning := rand.New(rand.NewPCG(7, 7))
	h := make([][2]float64, features)
	for j := range h {
		h[j] = [2]float64{tuning.NormFloat64(), tuning.NormFloat64()}
	}
	v := [2]float64{}
	for range rows {
		for a := range v {
			v[a] = 0.95*v[a] + 0.3*rng.NormFloat64()
		}
		row := make([]float64, features)
		for j := range row {
			row[j] = h[j][0]*v[0] + h[j][1]*v[1] + rng.NormFloat64() + 10
		}
		x, y = append(x, row), append(y, []float64{v[0] + 1, v[1] - 2})
	}
	return x, y
}

func fitted(t testing.TB, name, params string) decoders.Continuous {
	t.Helper()
	d, err := decoders.ContinuousDecoders().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	s := subjectOf(name)
	d.SetOutputs(s.outputs)
	x, y := s.simulate(1, 400, 8)
	if err := d.FitContinuous(x, y); err != nil {
		t.Fatal(err)
	}
	return d
}

// subject is what a decoder is tested on.
type subject struct {
	outputs  []string
	simulate func(seed uint64, rows, features int) (x, y [][]float64)
}

func subjectOf(name string) subject {
	if name == "refit" {
		return subject{[]string{"x", "y", "vel_x", "vel_y"}, steered}
	}
	return subject{velocity, simulate}
}

func run(t testing.TB, d decoders.Continuous, x [][]float64) [][]float64 {
	t.Helper()
	out := make([][]float64, len(x))
	for i, row := range x {
		out[i] = make([]float64, len(d.Outputs()))
		if err := d.Predict(out[i], row); err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestConformance runs the suite with parameters other than the defaults, which decoders/all has.
func TestConformance(t *testing.T) {
	for _, tc := range []struct{ name, params string }{
		{"kalman", `{"steady_state": true}`}, {"wiener", `{"lags": 1, "alpha": 0}`}, {"refit", `{"shrinkage": 0.1}`},
	} {
		decoderstest.RunContinuous(t, tc.name+tc.params, func() decoders.Continuous {
			d, err := decoders.ContinuousDecoders().New(tc.name, []byte(tc.params))
			if err != nil {
				t.Fatal(err)
			}
			return d
		}, tc.name == "refit")
	}
}

func correlation(a, b [][]float64, k int) float64 {
	n := float64(len(a))
	ma, mb, ab, aa, bb := 0.0, 0.0, 0.0, 0.0, 0.0
	for i := range a {
		ma, mb = ma+a[i][k]/n, mb+b[i][k]/n
	}
	for i := range a {
		ab += (a[i][k] - ma) * (b[i][k] - mb)
		aa += (a[i][k] - ma) * (a[i][k] - ma)
		bb += (b[i][k] - mb) * (b[i][k] - mb)
	}
	return ab / math.Sqrt(aa*bb)
}

// TestAgainstNumPy compares with the textbook form, whose inverses of the innovation's covariance lose a few digits.
func TestAgainstNumPy(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string
		Cases   []struct {
			X      [][][]float64
			Y      [][][]float64
			Test   [][]float64
			Kalman []struct {
				Shrinkage   float64
				SteadyState bool `json:"steady_state"`
				Value       [][]float64
			}
			Wiener []struct {
				Lags  int
				Alpha float64
				Value [][]float64
			}
		}
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	var filter, wiener float64 // largest differences
	for i, c := range g.Cases {
		names := []string{"a", "b", "c", "d"}[:len(c.Y[0][0])]
		compare := func(what string, d decoders.Continuous, want [][]float64, worst *float64) {
			d.SetOutputs(names)
			if err := d.(decoders.RunFitter).FitRuns(c.X, c.Y); err != nil {
				t.Fatal(err)
			}
			for r, got := range run(t, d, c.Test) {
				for k, v := range got {
					diff := math.Abs(v-want[r][k]) / max(1, math.Abs(want[r][k]))
					*worst = max(*worst, diff)
					if !(diff < 1e-9) {
						t.Fatalf("case %d, %s, row %d: %v, want %v", i, what, r, got, want[r])
					}
				}
			}
		}
		for _, k := range c.Kalman {
			compare(fmt.Sprintf("kalman shrinkage %g steady %t", k.Shrinkage, k.SteadyState), &kalman.Filter{Shrinkage: k.Shrinkage, SteadyState: k.SteadyState}, k.Value, &filter)
		}
		for _, w := range c.Wiener {
			compare(fmt.Sprintf("wiener %d lags", w.Lags), &kalman.Wiener{Lags: w.Lags, Alpha: w.Alpha}, w.Value, &wiener)
		}
	}
	paritytest.Error(t, paritytest.Report{What: "Kalman filter: decoded values", Peer: g.Program, Data: "generated", Err: filter, Tol: 1e-9})
	paritytest.Error(t, paritytest.Report{What: "Wiener filter: decoded values", Peer: g.Program, Data: "generated", Err: wiener, Tol: 1e-9})
}

// TestDeterministicPosition: a position that is exactly the sum of the velocity makes W singular, which is no problem.
func TestDeterministicPosition(t *testing.T) {
	x, v := simulate(4, 500, 6)
	pos := 0.0
	y := make([][]float64, len(v))
	for i := range v {
		y[i] = []float64{pos, v[i][0]}
		pos += 0.05 * v[i][0]
	}
	for _, steady := range []bool{false, true} {
		k := &kalman.Filter{SteadyState: steady}
		k.SetOutputs([]string{"pos", "vel"})
		if err := k.FitContinuous(x, y); err != nil {
			t.Fatal(err)
		}
		if r := correlation(run(t, k, x), y, 1); r < 0.9 {
			t.Errorf("steady %t: correlation of the velocity is %.2f", steady, r)
		}
	}
}

func TestErrorsNameTheRemedy(t *testing.T) {
	for _, tc := range []struct {
		name  string
		fit   decoders.Continuous
		rows  int
		spoil func(x, y [][]float64)
		want  string
	}{
		{"constant feature", &kalman.Filter{}, 100, func(x, _ [][]float64) {
			for _, row := range x {
				row[3] = 5
			}
		}, "feature 3 (from 0) has the variance 0"},
		{"feature twice", &kalman.Filter{}, 100, func(x, _ [][]float64) {
			for _, row := range x {
				row[3] = 2 * row[4]
			}
		}, "set shrinkage higher"},
		{"fewer rows than features", &kalman.Filter{}, 9, func(_, _ [][]float64) {}, "set shrinkage higher"},
		{"two rows", &kalman.Filter{}, 2, func(_, _ [][]float64) {}, "too few"},
		{"quantity that does not vary", &kalman.Filter{}, 100, func(_, y [][]float64) {
			for _, row := range y {
				row[1] = 0
			}
		}, "vel_y has the sum of squares 0"},
		{"quantity twice", &kalman.Filter{}, 100, func(_, y [][]float64) {
			for _, row := range y {
				row[1] = -row[0]
			}
		}, "depend on each other"},
		{"shrinkage", &kalman.Filter{Shrinkage: math.NaN()}, 100, func(_, _ [][]float64) {}, "shrinkage is NaN"},
		{"short runs", &kalman.Wiener{Lags: 20}, 19, func(_, _ [][]float64) {}, "no run has 20 rows"},
		{"lags", &kalman.Wiener{}, 100, func(_, _ [][]float64) {}, "lags is 0"},
	} {
		x, y := simulate(5, tc.rows, 8)
		tc.spoil(x, y)
		tc.fit.SetOutputs(velocity)
		if err := tc.fit.FitContinuous(x, y); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
	// With the remedy it works.
	x, y := simulate(5, 9, 8)
	k := &kalman.Filter{Shrinkage: 0.2}
	k.SetOutputs(velocity)
	if err := k.FitContinuous(x, y); err != nil {
		t.Error(err)
	}
}

func TestIntention(t *testing.T) {
	v := [][]float64{{3, 4}, {0, -2}, {1, 1}, {5, 0}}
	at := [][]float64{{0, 0}, {1, 1}, {9.5, 0}, {2, 2}}
	target := [][]float64{{10, 0}, {1, 5}, {10, 0}, {2, 2}}
	got, err := kalman.Intention(v, at, target, 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := "[[5 0] [0 2] [0 0] [0 0]]"; fmt.Sprint(got) != want {
		t.Errorf("corrected velocities are %v, want %s", got, want)
	}
	if v[0][0] != 3 || at[0][0] != 0 {
		t.Error("the input was changed")
	}
	if got, err := kalman.Intention([][]float64{{1, 0}}, [][]float64{{2, 2}}, [][]float64{{2, 2}}, 0); err != nil || got[0][0] != 0 {
		t.Errorf("on the target with radius 0: %v, %v; must be at rest", got, err)
	}
	for what, err := range map[string]error{
		"nothing":    errOf(kalman.Intention(nil, nil, nil, 1)),
		"lengths":    errOf(kalman.Intention(v, at[1:], target, 1)),
		"axes":       errOf(kalman.Intention([][]float64{{1}}, [][]float64{{1, 2}}, [][]float64{{1, 2}}, 1)),
		"NaN":        errOf(kalman.Intention([][]float64{{1, 0}}, [][]float64{{math.NaN(), 0}}, [][]float64{{1, 2}}, 1)),
		"NaN radius": errOf(kalman.Intention(v, at, target, math.NaN())),
	} {
		if err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }

func BenchmarkPredict(b *testing.B) {
	for _, name := range decoders.ContinuousDecoders().Names() {
		b.Run(name, func(b *testing.B) {
			d := fitted(b, name, "")
			x, _ := subjectOf(name).simulate(2, 1, 8)
			dst := make([]float64, len(d.Outputs()))
			b.ReportAllocs()
			for b.Loop() {
				if err := d.Predict(dst, x[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestNotes: shrinkage and penalties are named, and nothing is where there are none.
func TestNotes(t *testing.T) {
	for _, tc := range []struct {
		decoder signal.Noter
		want    string
	}{
		{&kalman.Filter{Shrinkage: 0.1}, "shrinkage 0.1 of the correlations in the noise of the features (fixed)"},
		{&kalman.Refit{Shrinkage: 0.25}, "shrinkage 0.25 of the correlations in the noise of the features (fixed)"},
		{&kalman.Wiener{Lags: 2, Alpha: 3}, "penalty on the squared weights, alpha 3"},
		{&kalman.Filter{}, ""},
		{&kalman.Refit{}, ""},
		{&kalman.Wiener{Lags: 2}, ""},
	} {
		var got []string
		for _, n := range tc.decoder.Notes() {
			got = append(got, n.String())
		}
		if strings.Join(got, "; ") != tc.want {
			t.Errorf("%T: notes %q, want %q", tc.decoder, got, tc.want)
		}
	}
}
