package csp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/csp"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestConformance(t *testing.T) {
	for name, c := range map[string]csp.CSP{
		"csp shrinkage": {Components: 4, Shrinkage: 0.2},
		"csp joint":     {Components: 6, Method: csp.JointDiagonalisation, CovEst: csp.Joined, Regularise: csp.LedoitWolf},
	} {
		featurestest.Run(t, name, func() features.Step { step := c; return &step })
	}
}

// golden is one case of testdata/golden.py, and what another program made of it.
type golden struct {
	Name             string      `json:"name"`
	Windows          int         `json:"windows"`
	Channels         int         `json:"channels"`
	Samples          int         `json:"samples"`
	Classes          int         `json:"classes"`
	Balanced         int         `json:"balanced"`
	Components       int         `json:"components"`
	Shrinkage        float64     `json:"shrinkage"`
	Demean           bool        `json:"demean"`
	AverageReference bool        `json:"average_reference"`
	Flat             []int       `json:"flat"`
	Seed             uint64      `json:"seed"`
	Strength         float64     `json:"strength"`
	Method           csp.Method  `json:"method"`
	CovEst           csp.CovEst  `json:"cov_est"`
	Regularise       string      `json:"regularise"`
	Program          string      `json:"program"`
	Filters          [][]float64 `json:"filters"`
	Distance         []float64   `json:"distance"`
}

// signals makes what signals in golden.py makes.
func (g golden) signals() ([][][]float64, signal.Labels) {
	state := g.Seed
	next := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11)*0x1p-53 - 0.5
	}
	mix := newWindow(g.Channels, g.Channels)
	for i := range mix {
		for j := range mix[i] {
			mix[i][j] = next()
		}
	}
	y := signal.Labels{Classes: []string{"a", "b", "c", "d"}[:g.Classes]}
	x := make([][][]float64, g.Windows)
	source := make([]float64, g.Channels)
	for i := range x {
		k := 0
		if i < g.Balanced {
			k = i % g.Classes
		}
		y.Y = append(y.Y, k)
		x[i] = newWindow(g.Channels, g.Samples)
		for t := range g.Samples {
			for s := range source {
				source[s] = next()
			}
			source[k] *= g.strength()
			for ch := range mix {
				for s, v := range source {
					x[i][ch][t] += 20 * mix[ch][s] * v
				}
			}
		}
		if g.Demean {
			for _, row := range x[i] {
				subtractMean(row)
			}
		}
		if g.AverageReference {
			averageReference(x[i])
		}
		for _, ch := range g.Flat {
			clear(x[i][ch])
		}
	}
	return x, y
}

// strength of a class's source; cases written in a test leave it out.
func (g golden) strength() float64 {
	if g.Strength == 0 {
		return 3
	}
	return g.Strength
}

func newWindow(chs, n int) [][]float64 {
	x := make([][]float64, chs)
	for ch := range x {
		x[ch] = make([]float64, n)
	}
	return x
}

func subtractMean(row []float64) {
	mean := 0.0
	for _, v := range row {
		mean += v / float64(len(row))
	}
	for t := range row {
		row[t] -= mean
	}
}

func averageReference(x [][]float64) {
	for t := range x[0] {
		mean := 0.0
		for _, row := range x {
			mean += row[t] / float64(len(x))
		}
		for _, row := range x {
			row[t] -= mean
		}
	}
}

func format(chs, n int) features.Format {
	f := features.Format{Len: n, Rate: 160}
	for ch := range chs {
		f.Names = append(f.Names, fmt.Sprintf("E%d", ch+1))
		f.Chans = append(f.Chans, signal.Channel{Name: f.Names[ch]})
	}
	return f
}

// started is a step that knows its classes and its input.
func started(t testing.TB, c csp.CSP, classes []string, in features.Format) *csp.CSP {
	t.Helper()
	c.SetClasses(classes)
	if _, err := c.Start(in); err != nil {
		t.Fatal(err)
	}
	return &c
}

// TestAgainstMNE compares the filters and |λ − 1/2| with MNE and with a naive SciPy solution. MNE divides covariances by
// one sample less, so its filters are shorter by sqrt((n−1)/n). The three whiten in other bases: where two λ are close,
// as with all components of a class, rounding turns the filters by up to 1e-15 · cond(B) / gap, which is 1e-9 here.
func TestAgainstMNE(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	type quantity struct {
		program string
		method  csp.Method
	}
	filters, distances := map[quantity]float64{}, map[quantity]float64{}
	for _, g := range cases {
		t.Run(g.Program+"/"+g.Name, func(t *testing.T) {
			const tol = 1e-8
			program, _, _ := strings.Cut(g.Program, " ")
			q := quantity{g.Program, g.Method}
			scale := 1.0
			if program == "mne" && g.CovEst != csp.Joined {
				scale = math.Sqrt(float64(g.Samples) / float64(g.Samples-1))
			}
			x, y := g.signals()
			c := started(t, csp.CSP{
				Components: g.Components, Shrinkage: g.Shrinkage,
				Method: g.Method, CovEst: g.CovEst, Regularise: csp.Regularise(g.Regularise),
			}, y.Classes, format(g.Channels, g.Samples))
			if err := c.FitWindows(x, y); err != nil {
				t.Fatal(err)
			}
			if len(c.Filters) != len(g.Filters) {
				t.Fatalf("%d filters, must be %d", len(c.Filters), len(g.Filters))
			}
			for i, want := range g.Filters {
				for ch := range want {
					want[ch] *= scale
				}
				d := distanceUpToSign(c.Filters[i], want)
				filters[q] = max(filters[q], d)
				if d > tol {
					t.Errorf("filter %d differs by %g of its largest entry:\n got %v\nwant %v", i, d, c.Filters[i], want)
				}
				if len(g.Distance) == 0 { // MNE does not show what it sorts by; the order of the filters does
					continue
				}
				d = math.Abs(math.Abs(c.Eigenvalues[i]-0.5) - g.Distance[i])
				distances[q] = max(distances[q], d)
				if d > tol {
					t.Errorf("|λ − 1/2| of filter %d differs by %g", i, d)
				}
			}
		})
	}
	for of, worst := range map[string]map[quantity]float64{"filters": filters, "|λ − 1/2|": distances} {
		for q, d := range worst {
			what := "CSP, one class against the rest: "
			if q.method == csp.JointDiagonalisation {
				what = "CSP, joint diagonalisation: "
			}
			if strings.HasPrefix(q.program, "scipy ") {
				what = "CSP as a generalised eigenproblem: "
			}
			paritytest.Error(t, paritytest.Report{What: what + of, Peer: q.program, Data: "generated", Err: d, Tol: 1e-8})
		}
	}
}

// distanceUpToSign is the largest difference relative to the largest entry.
func distanceUpToSign(got, want []float64) float64 {
	var plus, minus, big float64
	for i := range want {
		plus = max(plus, math.Abs(got[i]-want[i]))
		minus = max(minus, math.Abs(got[i]+want[i]))
		big = max(big, math.Abs(want[i]))
	}
	return min(plus, minus) / big
}

func TestNames(t *testing.T) {
	for _, tc := range []struct {
		classes []string
		want    string
	}{{[]string{"fists", "feet"}, "csp1 csp2"}, {[]string{"left", "right", "feet"}, "left.csp1 left.csp2 right.csp1 right.csp2 feet.csp1 feet.csp2"}} {
		c := &csp.CSP{Components: 2}
		c.SetClasses(tc.classes)
		out, err := c.Start(format(4, 100))
		if err != nil || strings.Join(out.Names, " ") != tc.want || out.Len != 100 || out.Rate != 160 || out.Chans != nil {
			t.Errorf("%q: got %+v, %v; want windows of %s without electrodes", tc.classes, out, err, tc.want)
		}
	}
}

// TestMap compares with the definition: filter times sample.
func TestMap(t *testing.T) {
	g := golden{Windows: 12, Channels: 5, Samples: 40, Classes: 3, Balanced: 12, Seed: 3}
	x, y := g.signals()
	c := started(t, csp.CSP{Components: 2}, y.Classes, format(5, 40))
	if err := c.FitWindows(x, y); err != nil {
		t.Fatal(err)
	}
	got := newWindow(6, 40)
	if err := c.Map(got, x[7]); err != nil {
		t.Fatal(err)
	}
	for i, w := range c.Filters {
		for s := range 40 {
			want := 0.0
			for ch := range w {
				want += w[ch] * x[7][ch][s]
			}
			if math.Abs(got[i][s]-want) > 1e-12 {
				t.Errorf("filter %d, sample %d: %g, want %g", i, s, got[i][s], want)
			}
		}
	}
}

// TestFiltersFindTheSources mixes known sources: the first filter of each class must bring out the source that this
// class has stronger, and nothing else.
func TestFiltersFindTheSources(t *testing.T) {
	g := golden{Windows: 60, Channels: 6, Samples: 400, Classes: 3, Balanced: 60, Seed: 12}
	x, y := g.signals()
	c := started(t, csp.CSP{Components: 1}, y.Classes, format(6, 400))
	if err := c.FitWindows(x, y); err != nil {
		t.Fatal(err)
	}
	state := g.Seed
	mix := newWindow(6, 6)
	for i := range mix {
		for j := range mix[i] {
			state = state*6364136223846793005 + 1442695040888963407
			mix[i][j] = float64(state>>11)*0x1p-53 - 0.5
		}
	}
	for k, w := range c.Filters {
		gain := make([]float64, 6) // of each source in the filter's output
		norm := 0.0
		for s := range gain {
			for ch := range w {
				gain[s] += w[ch] * mix[ch][s]
			}
			norm += gain[s] * gain[s]
		}
		if part := gain[k] * gain[k] / norm; part < 0.98 {
			t.Errorf("class %d: its source makes %.3f of the filter's power, must be above 0.98", k, part)
		}
		if want := 9.0 / (9 + 1); math.Abs(c.Eigenvalues[k]-want) > 0.02 {
			t.Errorf("class %d: λ is %.3f, must be near %.3f: nine times the power", k, c.Eigenvalues[k], want)
		}
	}
}

// TestFiltersStayWithinTheRange: a filter's part outside the data's range would only amplify rounding errors.
func TestFiltersStayWithinTheRange(t *testing.T) {
	for _, shrinkage := range []float64{0, 0.5} {
		g := golden{Windows: 20, Channels: 8, Samples: 50, Classes: 2, Balanced: 20, AverageReference: true, Flat: []int{2}, Seed: 5}
		x, y := g.signals()
		c := started(t, csp.CSP{Components: 7, Shrinkage: shrinkage}, y.Classes, format(8, 50))
		if err := c.FitWindows(x, y); err != nil {
			t.Fatal(err)
		}
		for i, w := range c.Filters {
			if big := slices.Max(w); math.Abs(w[2]) > 1e-9*big {
				t.Errorf("shrinkage %g: filter %d gives the flat channel the weight %g beside %g", shrinkage, i, w[2], big)
			}
		}
		c.Components = 8
		if _, err := c.Start(format(8, 50)); err == nil {
			t.Error("Start with other components than were fitted is no error")
		}
		c = started(t, csp.CSP{Components: 8, Shrinkage: shrinkage}, y.Classes, format(8, 50))
		err := c.FitWindows(x, y)
		for _, want := range []string{"components is 8", "rank 7", "set components to at most 7"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("shrinkage %g: error is %v, must contain %q", shrinkage, err, want)
			}
		}
	}
}

func TestStartErrors(t *testing.T) {
	two := []string{"a", "b"}
	for _, tc := range []struct {
		name    string
		step    csp.CSP
		classes []string
		in      features.Format
		want    string
	}{
		{"no classes", csp.CSP{Components: 2}, nil, format(4, 10), "at least 2 classes"},
		{"one class", csp.CSP{Components: 2}, two[:1], format(4, 10), "at least 2 classes"},
		{"rows", csp.CSP{Components: 2}, two, format(4, 0), "rows of 4 numbers"},
		{"no components", csp.CSP{}, two, format(4, 10), "components is 0"},
		{"too many components", csp.CSP{Components: 5}, two, format(4, 10), "set components to at most 4"},
		{"shrinkage 1", csp.CSP{Components: 2, Shrinkage: 1}, two, format(4, 10), "shrinkage is 1"},
		{"shrinkage NaN", csp.CSP{Components: 2, Shrinkage: math.NaN()}, two, format(4, 10), "shrinkage is NaN"},
	} {
		tc.step.SetClasses(tc.classes)
		if _, err := tc.step.Start(tc.in); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

func TestFitErrorsNameThePlace(t *testing.T) {
	g := golden{Windows: 10, Channels: 4, Samples: 30, Classes: 2, Balanced: 10, Seed: 1}
	for _, tc := range []struct {
		name  string
		spoil func(x [][][]float64, y *signal.Labels)
		want  []string
	}{
		{"NaN", func(x [][][]float64, _ *signal.Labels) { x[3][2][7] = math.NaN() }, []string{"window 3", `"E3"`, "sample 7 is NaN"}},
		{"infinite", func(x [][][]float64, _ *signal.Labels) { x[9][0][0] = math.Inf(-1) }, []string{"window 9", `"E1"`, "sample 0 is -Inf"}},
		{"too large", func(x [][][]float64, _ *signal.Labels) { x[0][1][2] = 1e300 }, []string{"window 0", `"E2"`, "too large"}},
		{"empty class", func(_ [][][]float64, y *signal.Labels) { clear(y.Y) }, []string{`class "b" has no training window`}},
		{"dead stream", func(x [][][]float64, _ *signal.Labels) {
			for _, w := range x {
				for _, row := range w {
					clear(row)
				}
			}
		}, []string{"no channel of any training window ever changes"}},
		{"shorter window", func(x [][][]float64, _ *signal.Labels) { x[4][3] = x[4][3][:29] }, []string{"window 4", `29 samples in channel "E4"`, "must have 30"}},
	} {
		x, y := g.signals()
		tc.spoil(x, &y)
		err := started(t, csp.CSP{Components: 2}, y.Classes, format(4, 30)).FitWindows(x, y)
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error is %v, must contain %q", tc.name, err, want)
			}
		}
	}
}

func TestFittedFiltersNeedTheSameInput(t *testing.T) {
	g := golden{Windows: 10, Channels: 4, Samples: 30, Classes: 2, Balanced: 10, Seed: 1}
	x, y := g.signals()
	c := started(t, csp.CSP{Components: 2}, y.Classes, format(4, 30))
	if err := c.FitWindows(x, y); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Start(format(5, 30)); err == nil || !strings.Contains(err.Error(), "fitted on 4 channels, now gets 5") {
		t.Errorf("another number of channels: error is %v", err)
	}
	if _, err := c.Start(format(4, 60)); err != nil {
		t.Errorf("another window length: %v", err)
	}
	c.SetClasses([]string{"a", "b", "c"})
	if c.State() != nil {
		t.Error("filters of other classes are kept")
	}
}

func random(chs, n, windows int) ([][][]float64, signal.Labels) {
	rng := rand.New(rand.NewPCG(1, 1))
	y := signal.Labels{Classes: []string{"a", "b"}}
	x := make([][][]float64, windows)
	for i := range x {
		x[i] = newWindow(chs, n)
		for _, row := range x[i] {
			for t := range row {
				row[t] = rng.NormFloat64()
			}
		}
		y.Y = append(y.Y, i%2)
	}
	return x, y
}

func BenchmarkFit(b *testing.B) {
	for _, tc := range []struct{ chs, n, windows int }{{22, 1000, 288}, {64, 480, 45}} {
		b.Run(fmt.Sprintf("ch=%d n=%d windows=%d", tc.chs, tc.n, tc.windows), func(b *testing.B) {
			x, y := random(tc.chs, tc.n, tc.windows)
			c := started(b, csp.CSP{Components: 6}, y.Classes, format(tc.chs, tc.n))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.FitWindows(x, y); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMap(b *testing.B) {
	for _, chs := range []int{8, 64, 256} {
		b.Run(fmt.Sprintf("ch=%d", chs), func(b *testing.B) {
			x, y := random(chs, 480, 20)
			c := started(b, csp.CSP{Components: 6}, y.Classes, format(chs, 480))
			if err := c.FitWindows(x, y); err != nil {
				b.Fatal(err)
			}
			dst := newWindow(6, 480)
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Map(dst, x[0]); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(480/160.*float64(b.N)/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
