package linear_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/linear"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestArgMaxFindsTheTemperature draws labels with the probabilities that a known β gives: the fit must find it.
func TestArgMaxFindsTheTemperature(t *testing.T) {
	const beta, rows = 3.0, 20000
	rng := rand.New(rand.NewPCG(5, 5))
	y := signal.Labels{Classes: []string{"13", "17", "21"}}
	x := make([][]float64, rows)
	for i := range x {
		x[i] = []float64{rng.NormFloat64(), rng.NormFloat64(), rng.NormFloat64(), 99} // the last belongs to no class
		u, total := rng.Float64(), 0.0
		for _, v := range x[i][:3] {
			total += math.Exp(beta * v)
		}
		k := 0
		for u -= math.Exp(beta*x[i][0]) / total; u > 0 && k < 2; u -= math.Exp(beta*x[i][k]) / total {
			k++
		}
		y.Y = append(y.Y, k)
	}
	d := &linear.ArgMax{}
	if err := d.Fit(x, y); err != nil {
		t.Fatal(err)
	}
	if math.Abs(d.Scale-beta) > 0.1 { // three standard errors at this many rows
		t.Errorf("scale is %g, the labels were drawn with %g", d.Scale, beta)
	}
	p := make([]float64, 3)
	for _, row := range x[:50] {
		if err := d.Predict(p, row); err != nil {
			t.Fatal(err)
		}
		if got, want := slices.Index(p, slices.Max(p)), slices.Index(row, slices.Max(row[:3])); got != want {
			t.Errorf("row %v: decides for %d, the largest of the first three is %d", row, got, want)
		}
		if ratio := math.Log(p[0]/p[1]) / (row[0] - row[1]); math.Abs(ratio-d.Scale) > 1e-9*d.Scale {
			t.Errorf("log odds per difference are %g, must be the scale %g", ratio, d.Scale)
		}
	}
}

// TestArgMaxStaysFinite where every training row is decided rightly, and keeps decisions where the features mislead.
func TestArgMaxStaysFinite(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 1, 0, 1}}
	right, wrong := [][]float64{{2, 1}, {1, 2}, {3, 1}, {1, 3}}, [][]float64{{1, 2}, {2, 1}, {1, 3}, {3, 1}}
	for name, x := range map[string][][]float64{"right": right, "wrong": wrong} {
		d, p := &linear.ArgMax{}, make([]float64, 2)
		if err := d.Fit(x, y); err != nil {
			t.Fatal(err)
		}
		if err := d.Predict(p, []float64{4, 5}); err != nil || !(p[1] > p[0]) || p[1] > 0.99 {
			t.Errorf("%s: scale %g gives %v, %v; must decide for the second, below certainty", name, d.Scale, p, err)
		}
	}
}

func TestArgMaxErrors(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b", "c"}, Y: []int{0, 1, 2}}
	for _, tc := range []struct {
		x    [][]float64
		want string
	}{
		{[][]float64{{1, 2}, {2, 1}, {1, 1}}, "rows have 2 features, needs one for each of the 3 classes"},
		{[][]float64{{1, 1, 1}, {2, 2, 2}, {3, 3, 3}}, "standard deviation of the features within a row is 0"},
	} {
		if err := (&linear.ArgMax{}).Fit(tc.x, y); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error is %v, must contain %q", err, tc.want)
		}
	}
	d := &linear.ArgMax{}
	d.SetClasses(y.Classes)
	state := signal.State{"scale": signal.NewArray([]float64{-1}, 1), "columns": signal.NewArray([]float64{3}, 1)}
	if err := d.SetState(state); err == nil || !strings.Contains(err.Error(), "scale is -1") {
		t.Errorf("a negative scale: error is %v", err)
	}
}
