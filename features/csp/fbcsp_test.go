package csp_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/timedomain"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestFBCSPConformance(t *testing.T) {
	featurestest.Run(t, "fbcsp", func() features.Step { return &csp.FBCSP{Components: 4, Select: 4, Bands: 1} })
}

// banded is windows of three bands of 4 channels each: class k has source k stronger in the band "8-12" only.
func banded(t *testing.T, windows, classes int) ([][][]float64, signal.Labels, features.Format) {
	t.Helper()
	var x [][][]float64
	in := features.Format{Len: 100, Rate: 100}
	y := signal.Labels{}
	for b, name := range []string{"4-8", "8-12", "12-16"} {
		g := golden{Windows: windows, Channels: 4, Samples: 100, Classes: classes, Balanced: windows, Seed: uint64(20 + b), Strength: 1}
		if name == "8-12" {
			g.Strength = 2
		}
		var part [][][]float64
		part, y = g.signals()
		if x == nil {
			x = make([][][]float64, windows)
		}
		for i := range part {
			x[i] = append(x[i], part[i]...)
		}
		for _, electrode := range []string{"C3", "Cz", "C4", "Pz"} {
			in.Names = append(in.Names, electrode+"@"+name)
		}
	}
	return x, y, in
}

// TestFBCSPIsCSPInTheBestBand compares with the steps csp and logvar on the band that tells the classes apart.
func TestFBCSPIsCSPInTheBestBand(t *testing.T) {
	for _, tc := range []struct{ classes, components, keep int }{{2, 2, 2}, {3, 1, 3}} {
		x, y, in := banded(t, 40*tc.classes, tc.classes)
		f := &csp.FBCSP{Components: tc.components, Select: tc.keep}
		f.SetClasses(y.Classes)
		if _, err := f.Start(in); err != nil {
			t.Fatal(err)
		}
		if err := f.FitWindows(x, y); err != nil {
			t.Fatal(err)
		}
		if want := slices.Repeat([]int{1}, tc.keep); !slices.Equal(f.Band, want) {
			t.Fatalf("%d classes: chose bands %v with %v bits, must be %v", tc.classes, f.Band, f.Information, want)
		}
		middle := make([][][]float64, len(x))
		for i := range x {
			middle[i] = x[i][4:8]
		}
		c := started(t, csp.CSP{Components: tc.components}, y.Classes, format(4, 100))
		if err := c.FitWindows(middle, y); err != nil {
			t.Fatal(err)
		}
		var power timedomain.LogVar
		if _, err := power.Start(features.Format{Names: make([]string, tc.keep), Len: 100, Rate: 100}); err != nil {
			t.Fatal(err)
		}
		mapped, want, got := newWindow(tc.keep, 100), make([]float64, tc.keep), make([]float64, tc.keep)
		for i := range x {
			if err := c.Map(mapped, middle[i]); err != nil {
				t.Fatal(err)
			}
			if err := power.Extract(want, mapped); err != nil {
				t.Fatal(err)
			}
			if err := f.Extract(got, x[i]); err != nil {
				t.Fatal(err)
			}
			for k := range want {
				if math.Abs(got[k]-want[k]) > 1e-12 {
					t.Fatalf("window %d, number %d: %g, want %g", i, k, got[k], want[k])
				}
			}
		}
	}
}

// TestFBCSPRanksByInformation: of all features, the chosen ones are those with the most information.
func TestFBCSPRanksByInformation(t *testing.T) {
	x, y, in := banded(t, 60, 2)
	all, some := &csp.FBCSP{Components: 4, Select: 12}, &csp.FBCSP{Components: 4, Select: 5}
	for _, f := range []*csp.FBCSP{all, some} {
		f.SetClasses(y.Classes)
		if _, err := f.Start(in); err != nil {
			t.Fatal(err)
		}
		if err := f.FitWindows(x, y); err != nil {
			t.Fatal(err)
		}
	}
	want := slices.Sorted(slices.Values(all.Information))[7:]
	if got := slices.Sorted(slices.Values(some.Information)); !slices.Equal(got, want) {
		t.Errorf("the chosen have %v bits, the best of all %v", got, want)
	}
	if !slices.IsSorted(some.Band) {
		t.Errorf("bands %v, must stand in their order", some.Band)
	}
}

// TestMutualInformation compares with the definition written out: densities with their constants, Bayes' rule.
func TestMutualInformation(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, tc := range []struct {
		counts []int
		shift  float64
	}{{[]int{20, 20}, 0}, {[]int{30, 12}, 1}, {[]int{9, 14, 25}, 2}, {[]int{1, 6}, 3}} {
		var x []float64
		y := signal.Labels{Classes: []string{"a", "b", "c"}[:len(tc.counts)]}
		for k, n := range tc.counts {
			for range n {
				x, y.Y = append(x, 5+tc.shift*float64(k)+rng.NormFloat64()), append(y.Y, k)
			}
		}
		if got, want := csp.MutualInformation(x, y), naiveInformation(x, y); math.Abs(got-want) > 1e-12 {
			t.Errorf("%v shifted by %g: %.15g bits, the definition gives %.15g", tc.counts, tc.shift, got, want)
		}
	}
	apart := []float64{0, 0.1, 0.2, 0.3, 9, 9.1, 9.2, 9.3}
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 0, 0, 0, 1, 1, 1, 1}}
	if got := csp.MutualInformation(apart, y); math.Abs(got-1) > 1e-12 {
		t.Errorf("classes far apart: %g bits, must be 1", got)
	}
	if got := csp.MutualInformation(slices.Repeat([]float64{7.3}, 8), y); got != 0 {
		t.Errorf("a feature that never changes: %g bits, must be 0", got)
	}
}

func naiveInformation(x []float64, y signal.Labels) float64 {
	n := float64(len(x))
	std := func(class int) (sd, size float64) { // of one class, or of all for -1
		var sum, squares float64
		for i, v := range x {
			if class < 0 || y.Y[i] == class {
				sum, size = sum+v, size+1
			}
		}
		for i, v := range x {
			if class < 0 || y.Y[i] == class {
				squares += (v - sum/size) * (v - sum/size)
			}
		}
		return math.Sqrt(squares / size), size
	}
	density := func(v float64, class int) float64 {
		sd, size := std(class)
		if size == 1 {
			sd, _ = std(-1)
		}
		h := sd * math.Pow(4/(3*size), 1.0/5)
		sum := 0.0
		for i, r := range x {
			if y.Y[i] == class {
				sum += math.Exp(-(v-r)*(v-r)/(2*h*h)) / (math.Sqrt(2*math.Pi) * h) / size
			}
		}
		return sum
	}
	information := 0.0
	for k := range y.Classes {
		_, size := std(k)
		information -= size / n * math.Log2(size/n)
		for _, v := range x {
			evidence := 0.0
			for j := range y.Classes {
				_, other := std(j)
				evidence += density(v, j) * other / n
			}
			if p := density(v, k) * size / n / evidence; p > 0 {
				information += p * math.Log2(p) / n
			}
		}
	}
	return information
}

func TestFBCSPErrors(t *testing.T) {
	_, _, in := banded(t, 2, 2)
	plain := features.Format{Len: 100, Rate: 100, Names: []string{"C3", "C4"}}
	for _, tc := range []struct {
		name string
		step csp.FBCSP
		in   features.Format
		want string
	}{
		{"no filter bank", csp.FBCSP{Components: 2, Select: 2}, plain, `channel "C3" names no band`},
		{"other bands", csp.FBCSP{Components: 2, Select: 2, Bands: 4}, in, "channels are of 3 bands, bands is 4"},
		{"select too many", csp.FBCSP{Components: 2, Select: 7}, in, "select is 7, must be from 1 to the 6 features"},
		{"select none", csp.FBCSP{Components: 2}, in, "select is 0"},
		{"components", csp.FBCSP{Components: 5, Select: 2}, in, "set components to at most 4"},
		{"shrinkage", csp.FBCSP{Components: 2, Select: 2, Shrinkage: 1}, in, "shrinkage is 1"},
	} {
		tc.step.SetClasses([]string{"a", "b"})
		if _, err := tc.step.Start(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

func TestFBCSPNamesTheBandOfBadWindows(t *testing.T) {
	x, y, in := banded(t, 20, 2)
	f := &csp.FBCSP{Components: 2, Select: 2}
	f.SetClasses(y.Classes)
	if _, err := f.Start(in); err != nil {
		t.Fatal(err)
	}
	x[3][5][7] = math.NaN()
	err := f.FitWindows(x, y)
	for _, want := range []string{`band "8-12"`, "window 3", `"Cz@8-12"`, "sample 7 is NaN"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
}
