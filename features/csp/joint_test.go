package csp_test

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features/csp"
)

// TestJointDiagonalisation checks the defining property on covariances that one mixing explains exactly: filters of all
// sources make every class's covariance diagonal, and the mean of the classes the identity.
func TestJointDiagonalisation(t *testing.T) {
	g := golden{Windows: 30, Channels: 6, Samples: 200, Classes: 3, Balanced: 30, Seed: 8, Strength: 2}
	x, y := g.signals()
	c := started(t, csp.CSP{Components: 6, Method: csp.JointDiagonalisation}, y.Classes, format(6, 200))
	if err := c.FitWindows(x, y); err != nil {
		t.Fatal(err)
	}
	mean := newWindow(6, 6)
	for k := range y.Classes {
		cov := newWindow(6, 6)
		for i, w := range x {
			if y.Y[i] != k {
				continue
			}
			s := newWindow(6, 200)
			if err := c.Map(s, w); err != nil {
				t.Fatal(err)
			}
			for a := range s {
				for b := range s {
					cov[a][b] += covariance(s[a], s[b]) / 10
					mean[a][b] += covariance(s[a], s[b]) / 30
				}
			}
		}
		for a := range cov {
			for b := range a { // what is left is that samples of independent sources correlate a little
				if r := cov[a][b] / math.Sqrt(cov[a][a]*cov[b][b]); math.Abs(r) > 0.08 {
					t.Errorf("class %d: filters %d and %d correlate by %.3f, must be near 0", k, a, b, r)
				}
			}
		}
	}
	for a := range mean {
		if math.Abs(mean[a][a]-1) > 1e-9 {
			t.Errorf("filter %d has the mean power %g, must be 1", a, mean[a][a])
		}
	}
	if !slices.IsSortedFunc(c.Eigenvalues, func(a, b float64) int { return int(math.Copysign(1, b-a)) }) {
		t.Errorf("mutual information %v, must fall", c.Eigenvalues)
	}
}

func covariance(x, y []float64) float64 {
	var mx, my, sum float64
	for t := range x {
		mx += x[t] / float64(len(x))
		my += y[t] / float64(len(x))
	}
	for t := range x {
		sum += (x[t] - mx) * (y[t] - my) / float64(len(x))
	}
	return sum
}

// TestJointDiagonalisationNeedsFullRank: one short window of a class spans less than all classes do.
func TestJointDiagonalisationNeedsFullRank(t *testing.T) {
	g := golden{Windows: 9, Channels: 8, Samples: 6, Classes: 3, Balanced: 3, Seed: 4} // 5 dimensions of 8 in classes b and c
	x, y := g.signals()
	c := started(t, csp.CSP{Components: 2, Method: csp.JointDiagonalisation}, y.Classes, format(8, 6))
	err := c.FitWindows(x, y)
	for _, want := range []string{`class "b"`, "rank 5, that of all classes 8", "regularise"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
	c = started(t, csp.CSP{Components: 2, Method: csp.JointDiagonalisation, Regularise: csp.LedoitWolf}, y.Classes, format(8, 6))
	if err := c.FitWindows(x, y); err != nil {
		t.Errorf("with the remedy that the message names: %v", err)
	}
}

func TestParameters(t *testing.T) {
	for _, tc := range []struct{ json, want string }{
		{`{"method":"jade"}`, `key "method": is "jade", must be "ovr" or "ajd"`},
		{`{"cov_est":1}`, `key "cov_est": is 1, must be "epoch" or "concat"`},
		{`{"regularise":"auto"}`, `key "regularise": is "auto", must be "none", "ledoit_wolf" or "oas"`},
	} {
		if err := json.Unmarshal([]byte(tc.json), &csp.CSP{}); err == nil || err.Error() != tc.want {
			t.Errorf("%s: error is %v, must be %s", tc.json, err, tc.want)
		}
	}
	for _, tc := range []struct {
		step csp.CSP
		want string
	}{
		{csp.CSP{Components: 1, Method: "x"}, `csp: method is "x"`},
		{csp.CSP{Components: 1, CovEst: "x"}, `csp: cov_est is "x"`},
		{csp.CSP{Components: 1, Regularise: "x"}, `csp: regularise is "x"`},
		{csp.CSP{Components: 1, Regularise: csp.OAS, Shrinkage: 0.1}, `set one of them`},
	} {
		tc.step.SetClasses([]string{"a", "b"})
		if _, err := tc.step.Start(format(4, 10)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error is %v, must contain %q", err, tc.want)
		}
	}
}

// TestMapHasTheSameBits wherever the output lies, also where a window is no whole number of blocks.
func TestMapHasTheSameBits(t *testing.T) {
	for _, n := range []int{5, 512, 1027} {
		x, y := random(7, n, 6)
		c := started(t, csp.CSP{Components: 5}, y.Classes, format(7, n))
		if err := c.FitWindows(x, y); err != nil {
			t.Fatal(err)
		}
		want, got := newWindow(5, n), newWindow(5, n+1)
		for i := range got {
			got[i] = got[i][1:]
			for s := range got[i] {
				got[i][s] = math.NaN()
			}
		}
		for _, dst := range [][][]float64{want, got} {
			if err := c.Map(dst, x[0]); err != nil {
				t.Fatal(err)
			}
		}
		for i := range want {
			for s := range want[i] {
				if math.Float64bits(got[i][s]) != math.Float64bits(want[i][s]) {
					t.Fatalf("%d samples: filter %d, sample %d is %v, was %v", n, i, s, got[i][s], want[i][s])
				}
			}
		}
	}
}
