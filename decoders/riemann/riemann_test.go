package riemann_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
	"github.com/gyrus-bci/gyrus/decoders/riemann"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func decoder(t testing.TB, name, params string) decoders.Fitter {
	t.Helper()
	d, err := decoders.Decoders().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformance(t *testing.T) {
	for _, tc := range []struct{ name, params string }{
		{"mdm", ""},
		{"mdm", `{"metric":"logeuclid"}`},
		{"mdm", `{"metric":"euclid"}`},
		{"fgmdm", ""},
		{"fgmdm", `{"metric":"logeuclid"}`},
	} {
		decoderstest.Run(t, tc.name+tc.params, func() decoders.Fitter { return decoder(t, tc.name, tc.params) })
	}
}

type golden struct {
	Program string `json:"program"`
	Sets    []struct {
		Classes int         `json:"classes"`
		What    string      `json:"what"`
		X       [][]float64 `json:"x"`
		Y       []int       `json:"y"`
		Test    [][]float64 `json:"test"`
		Results map[string]struct {
			Distances [][]float64 `json:"distances"`
			Proba     [][]float64 `json:"proba"`
		} `json:"results"`
	} `json:"sets"`
}

// TestDegenerateChannels: a flat channel, a constant one and a copy decide as with pyRiemann, whose shrunk covariances
// they are. 1e-6, because a channel that is nearly dependent makes tangent vectors long.
func TestDegenerateChannels(t *testing.T) {
	compare(t, "testdata/degenerate.json", 1e-6)
}

// TestAgainstPyRiemann: pyRiemann stops a mean at a gradient of 1e-8, so probabilities agree to 1e-7.
func TestAgainstPyRiemann(t *testing.T) {
	compare(t, "testdata/golden.json", 1e-7)
}

func compare(t *testing.T, file string, tol float64) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	type values struct{ got, want []float64 }
	proba, distances := map[string]*values{}, map[string]*values{}
	add := func(to map[string]*values, what string, got, want []float64) {
		if to[what] == nil {
			to[what] = &values{}
		}
		to[what].got, to[what].want = append(to[what].got, got...), append(to[what].want, want...)
	}
	for i, set := range g.Sets {
		y := signal.Labels{Classes: []string{"a", "b", "c", "d"}[:set.Classes], Y: set.Y}
		for what, want := range set.Results {
			name, metric, _ := strings.Cut(what, " ")
			if set.What != "" {
				what = set.What + ", " + what
			}
			d := decoder(t, name, `{"metric":"`+metric+`"}`)
			if err := d.Fit(set.X, y); err != nil {
				t.Fatalf("set %d, %s: %v", i, what, err)
			}
			p := make([]float64, set.Classes)
			for r, row := range set.Test {
				if err := d.Predict(p, row); err != nil {
					t.Fatalf("set %d, %s: %v", i, what, err)
				}
				add(proba, what, p, want.Proba[r])
				if m, ok := d.(*riemann.MDM); ok {
					if err := m.Distances(p, row); err != nil {
						t.Fatal(err)
					}
					add(distances, what, p, want.Distances[r])
				}
			}
		}
	}
	peer, _, _ := strings.Cut(g.Program, ",")
	for what, v := range proba {
		paritytest.Within(t, what+": probabilities", peer, "generated", v.got, v.want, tol)
	}
	for what, v := range distances {
		paritytest.Within(t, what+": distances", peer, "generated", v.got, v.want, tol)
	}
}

// TestByHand: one number is a 1×1 covariance, the Riemannian mean the geometric one, the distance |ln x − ln m|.
func TestByHand(t *testing.T) {
	d := decoder(t, "mdm", "")
	y := signal.Labels{Classes: []string{"a", "b"}, Y: []int{0, 0, 1, 1}}
	if err := d.Fit([][]float64{{1}, {math.E * math.E}, {math.Exp(3)}, {math.Exp(3)}}, y); err != nil {
		t.Fatal(err)
	}
	p := make([]float64, 2)
	if err := d.Predict(p, []float64{math.E}); err != nil { // distances 0 and 2
		t.Fatal(err)
	}
	if want := 1 / (1 + math.Exp(-4)); math.Abs(p[0]-want) > 1e-12 {
		t.Errorf("p(a) is %g, want %g", p[0], want)
	}
}

func TestErrors(t *testing.T) {
	good := [][]float64{{2, 0, 1}, {3, 0.1, 1}, {1, 0, 2}, {1, 0.2, 3}, {2, 0.2, 1.2}, {4, -0.3, 0.9}, {1.1, 0.1, 2.2}, {0.8, -0.2, 3.5}}
	y := signal.Labels{Classes: []string{"left", "right"}, Y: []int{0, 0, 1, 1, 0, 0, 1, 1}}
	change := func(i int, row ...float64) [][]float64 {
		x := append([][]float64(nil), good...)
		x[i] = row
		return x
	}
	for _, name := range []string{"mdm", "fgmdm"} {
		for _, tc := range []struct {
			x    [][]float64
			want []string
		}{
			{[][]float64{{1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}, {1, 2}}, []string{"2 numbers", "put the step covariance before"}},
			{change(2, 1, 1, 1), []string{"condition", "oas"}}, // singular
			{change(3, 1, 0, -1), []string{"positive definite"}},
			{change(1, 1, math.NaN(), 1), []string{"row 1", "number 1", "must be finite"}},
		} {
			d := decoder(t, name, "")
			err := d.Fit(tc.x, y)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), name+": ") {
					t.Errorf("%s: error is %v, must contain %q", name, err, want)
				}
			}
		}
		d := decoder(t, name, "")
		if err := d.Fit(good, y); err != nil {
			t.Fatal(err)
		}
		if err := d.Predict(make([]float64, 2), []float64{1, 1, 1}); err == nil || !strings.Contains(err.Error(), "oas") {
			t.Errorf("%s: a singular covariance: error is %v, must name a remedy", name, err)
		}
		if _, err := decoders.Decoders().New(name, []byte(`{"metric":"manhattan"}`)); err == nil || !strings.Contains(err.Error(), "manhattan") {
			t.Errorf("%s: metric manhattan: error is %v", name, err)
		}
	}
	if err := decoder(t, "fgmdm", `{"metric":"euclid"}`).Fit(good, y); err == nil || !strings.Contains(err.Error(), "metric") {
		t.Errorf("fgmdm euclid: error is %v", err)
	}
}
