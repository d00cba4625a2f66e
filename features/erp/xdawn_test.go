package erp_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/erp"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestConformance(t *testing.T) {
	featurestest.Run(t, "xdawn", func() features.Step { return &erp.Xdawn{Components: 2, Centre: true} })
	featurestest.Run(t, "xdawn of one class", func() features.Step { return &erp.Xdawn{Components: 2, Classes: []string{"right_hand"}} },
		featurestest.Partly("the other classes have no filters"))
}

const (
	windows, channels, samples = 40, 7, 90
)

var classes = []string{"other", "target", "novel"}

// evoked makes what windows in xdawn.py makes.
func evoked() ([][][]float64, signal.Labels) {
	state := uint64(2009)
	draw := func() float64 {
		state = state*6364136223846793005 + 1442695040888963407
		return float64(state>>11)/(1<<53) - 0.5
	}
	var mix [channels][channels]float64
	var pattern [3][channels]float64
	for i := range mix {
		for k := range mix[i] {
			mix[i][k] = draw()
		}
	}
	for i := range pattern {
		for k := range pattern[i] {
			pattern[i][k] = draw()
		}
	}
	x, y := make([][][]float64, windows), signal.Labels{Classes: classes}
	for i := range x {
		class := 0
		if i%4 == 0 {
			class = 1 + i/4%2
		}
		y.Y = append(y.Y, class)
		x[i] = make([][]float64, channels)
		for ch := range x[i] {
			x[i][ch] = make([]float64, samples)
		}
		for t := range samples {
			var s [channels]float64
			for k := range s {
				s[k] = 20 * draw()
			}
			d := (float64(t) - 40 - 10*float64(class)) / 8
			bump := 6 * math.Exp(-d*d/2)
			for ch := range x[i] {
				for k, v := range s {
					x[i][ch][t] += mix[ch][k] * v
				}
				x[i][ch][t] += bump*pattern[class][ch] + float64(ch)
			}
		}
	}
	return x, y
}

func started(t *testing.T, x *erp.Xdawn) *erp.Xdawn {
	t.Helper()
	f := features.Format{Len: samples, Rate: 128}
	for ch := range channels {
		f.Names = append(f.Names, fmt.Sprintf("E%d", ch+1))
	}
	x.SetClasses(classes)
	if _, err := x.Start(f); err != nil {
		t.Fatal(err)
	}
	return x
}

// differ is the largest difference over the largest entry of want, with the sign of the whole that makes it smaller.
func differ(got, want []float64) float64 {
	size, plus, minus := 0.0, 0.0, 0.0
	for i, w := range want {
		size = max(size, math.Abs(w))
		plus, minus = max(plus, math.Abs(got[i]-w)), max(minus, math.Abs(got[i]+w))
	}
	return min(plus, minus) / size
}

func TestMatchesPyRiemannAndMNE(t *testing.T) {
	raw, err := os.ReadFile("testdata/xdawn.json")
	if err != nil {
		t.Fatal(err)
	}
	type result struct{ Filters, Patterns [][]float64 }
	var g struct {
		Programs  string `json:"programs"`
		PyRiemann result `json:"pyriemann"`
		MNE       result `json:"mne"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]result{"pyRiemann": g.PyRiemann, "MNE": g.MNE} {
		x := started(t, &erp.Xdawn{Components: 3, Centre: name == "pyRiemann"})
		if err := x.FitWindows(evoked()); err != nil {
			t.Fatal(err)
		}
		if len(want.Filters) != 9 || len(x.Filters) != 9 {
			t.Fatalf("%d filters of %s, %d of ours, want 9", len(want.Filters), name, len(x.Filters))
		}
		filters, patterns := 0.0, 0.0
		for i := range want.Filters {
			d := differ(x.Filters[i], want.Filters[i])
			filters = max(filters, d)
			if !(d <= 1e-6) {
				t.Errorf("filter %d differs from that of %s by %.2g of its size", i, name, d)
			}
			d = differ(x.Patterns[i], want.Patterns[i])
			patterns = max(patterns, d)
			if !(d <= 1e-6) {
				t.Errorf("pattern %d differs from that of %s by %.2g of its size", i, name, d)
			}
		}
		what, peer := "xDAWN, centred: ", strings.Split(g.Programs, ", ")[0]
		if name == "MNE" {
			what, peer = "xDAWN: ", strings.Split(g.Programs, ", ")[1]
		}
		paritytest.Error(t, paritytest.Report{What: what + "filters", Peer: peer, Data: "generated", Err: filters, Tol: 1e-6})
		paritytest.Error(t, paritytest.Report{What: what + "patterns", Peer: peer, Data: "generated", Err: patterns, Tol: 1e-6})
	}
}

// TestRatios: λ is the power of the filtered response over that of all filtered windows.
func TestRatios(t *testing.T) {
	x := started(t, &erp.Xdawn{Components: 2})
	wins, y := evoked()
	if err := x.FitWindows(wins, y); err != nil {
		t.Fatal(err)
	}
	out := make([][]float64, 6)
	for i := range out {
		out[i] = make([]float64, samples)
	}
	power, mean, counts := make([]float64, 6), make([][samples]float64, 6), y.Counts()
	for k, w := range wins {
		if err := x.Map(out, w); err != nil {
			t.Fatal(err)
		}
		for i, row := range out {
			for s, v := range row {
				power[i] += v * v / windows
				if i/2 == y.Y[k] {
					mean[i][s] += v / float64(counts[i/2])
				}
			}
		}
	}
	for i, want := range x.Ratios {
		got := 0.0
		for _, v := range mean[i] {
			got += v * v
		}
		if got /= power[i]; math.Abs(got-want) > 1e-9 {
			t.Errorf("filter %d: the ratio of powers is %g, Ratios says %g", i, got, want)
		}
	}
}

// TestDeficientRank: an average reference and a flat channel lower the rank by two, and the error says so.
func TestDeficientRank(t *testing.T) {
	x, y := evoked()
	for _, w := range x {
		for i := range w[6] {
			w[6][i] = 12345.6 // an offset is no signal
		}
		for i := range w[0] {
			mean := 0.0
			for _, row := range w[:6] {
				mean += row[i] / 6
			}
			for _, row := range w[:6] {
				row[i] -= mean
			}
		}
	}
	s := started(t, &erp.Xdawn{Components: 5, Classes: []string{"target"}, Centre: true})
	if err := s.FitWindows(x, y); err != nil {
		t.Fatal(err)
	}
	for i, f := range s.Filters {
		for _, v := range f {
			if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) > 1 {
				t.Fatalf("filter %d is %g", i, f)
			}
		}
		if math.Abs(f[6]) > 1e-9 {
			t.Errorf("filter %d listens to the flat channel: %g", i, f)
		}
	}
	err := started(t, &erp.Xdawn{Components: 6, Centre: true}).FitWindows(x, y)
	if err == nil || !strings.Contains(err.Error(), "have rank 5") {
		t.Errorf("six components of five dimensions: %v", err)
	}
	for _, w := range x {
		for _, row := range w {
			clear(row)
		}
	}
	if err := s.FitWindows(x, y); err == nil || !strings.Contains(err.Error(), "no channel of any training window ever changes") {
		t.Errorf("zeros: %v", err)
	}
}

func TestErrors(t *testing.T) {
	f := features.Format{Names: []string{"a", "b"}, Len: 50, Rate: 100}
	for want, tc := range map[string]struct {
		x       erp.Xdawn
		in      features.Format
		classes []string
	}{
		"xdawn: gets rows of 2 numbers":                                    {erp.Xdawn{Components: 1}, features.Format{Names: f.Names}, classes},
		"xdawn: no class is known":                                         {erp.Xdawn{Components: 1}, f, nil},
		"xdawn: components is 3, must be from 1 to 2":                      {erp.Xdawn{Components: 3}, f, classes},
		"xdawn: components is 0, must be from 1 to 2":                      {erp.Xdawn{}, f, classes},
		`xdawn: classes: unknown class "targte": did you mean "target"?`:   {erp.Xdawn{Components: 1, Classes: []string{"targte"}}, f, classes},
		`xdawn: classes: "novel" is listed twice`:                          {erp.Xdawn{Components: 1, Classes: []string{"novel", "novel"}}, f, classes},
		"xdawn: was fitted on 1 channels, now gets 2":                      {erp.Xdawn{Components: 1, Filters: [][]float64{{1}}}, f, classes},
		"xdawn: was fitted with 1 filters, components and classes now ask": {erp.Xdawn{Components: 1, Filters: [][]float64{{1, 2}}}, f, classes},
	} {
		x := tc.x
		filters := x.Filters
		x.SetClasses(tc.classes)
		x.Filters = filters
		if _, err := x.Start(tc.in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
}
