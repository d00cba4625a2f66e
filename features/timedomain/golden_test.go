package timedomain_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

func step(t testing.TB, name, params string) features.Extractor {
	t.Helper()
	s, err := features.Steps().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return s.(features.Extractor)
}

func format(chs, n int, rate float64) features.Format {
	f := features.Format{Len: n, Rate: rate}
	for ch := range chs {
		f.Names = append(f.Names, fmt.Sprintf("E%d", ch+1))
	}
	return f
}

// channels is what channels in testdata/golden.py makes.
func channels(count, n int, rate float64, seed uint64) [][]float64 {
	state := seed
	x := make([][]float64, count)
	for ch := range x {
		last := 0.0
		x[ch] = make([]float64, n)
		for t := range x[ch] {
			state = state*6364136223846793005 + 1442695040888963407
			last = (0.5+0.1*float64(ch))*last + 20*(float64(state>>11)*0x1p-53-0.5)
			x[ch][t] = last + (3+float64(ch))*math.Sin(2*math.Pi*10*float64(t)/rate) + 7*float64(ch)
		}
	}
	return x
}

// run starts a step and extracts one row.
func run(t testing.TB, name, params string, x [][]float64, rate float64) (row []float64, names []string) {
	t.Helper()
	s := step(t, name, params)
	out, err := s.Start(format(len(x), len(x[0]), rate))
	if err != nil {
		t.Fatalf("%s %s: %v", name, params, err)
	}
	row = make([]float64, len(out.Names))
	if err := s.Extract(row, x); err != nil {
		t.Fatalf("%s %s: %v", name, params, err)
	}
	return row, out.Names
}

// TestAgainstOthers compares with numpy, SciPy, antropy, mne-features and statsmodels.
func TestAgainstOthers(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []map[string]json.RawMessage
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	worst := map[string]float64{}
	for _, g := range cases {
		var n int
		var rate float64
		var seed uint64
		for key, dst := range map[string]any{"n": &n, "rate": &rate, "seed": &seed} {
			if err := json.Unmarshal(g[key], dst); err != nil {
				t.Fatal(err)
			}
		}
		x := channels(4, n, rate, seed)
		ties := channels(4, n, rate, seed)
		for _, row := range ties {
			for i := range row {
				row[i] = math.RoundToEven(row[i] / 4)
			}
		}
		for _, tc := range []struct {
			key, name, params string
			x                 [][]float64
		}{
			{"statistics", "statistics", `{}`, x},
			{"hjorth", "hjorth", `{}`, x},
			{"line_length", "line_length", `{}`, x},
			{"sample_entropy", "sample_entropy", `{}`, x},
			{"sample_entropy_3", "sample_entropy", `{"order": 3, "tolerance": 0.5}`, x},
			{"permutation_entropy", "permutation_entropy", `{}`, x},
			{"permutation_entropy_5", "permutation_entropy", `{"order": 5, "delay_samples": 2, "normalise": false}`, x},
			{"permutation_entropy_ties", "permutation_entropy", `{"order": 4, "normalise": false}`, ties},
			{"burg", "ar", `{}`, x},
			{"yule_walker", "ar", `{"order": 5, "method": "yule_walker"}`, x},
		} {
			var want []*float64 // nil where antropy has infinity: no stretch repeats itself
			if err := json.Unmarshal(g[tc.key], &want); err != nil {
				t.Fatalf("%s of %d samples: %v", tc.key, n, err)
			}
			got, names := run(t, tc.name, tc.params, tc.x, rate)
			if len(got) != len(want) {
				t.Fatalf("%s of %d samples: %d numbers, must be %d", tc.key, n, len(got), len(want))
			}
			for i, p := range want {
				if p == nil {
					if m := 2.0; tc.key == "sample_entropy" && math.Abs(got[i]-math.Log((float64(n)-m)*(float64(n)-m-1)/2)) > 1e-12 {
						t.Errorf("%s of %d samples: %s is %g, must be the upper bound", tc.key, n, names[i], got[i])
					}
					continue
				}
				want := *p
				d := math.Abs(got[i]-want) / max(math.Abs(want), 1e-3)
				worst[tc.key] = max(worst[tc.key], d)
				if !(d <= 1e-9) {
					t.Errorf("%s of %d samples: %s is %.15g, must be %.15g", tc.key, n, names[i], got[i], want)
				}
			}
		}
	}
	for _, r := range []struct{ key, what, peer string }{ // versions of testdata/README.md
		{"statistics", "statistics of a channel", "NumPy 2.4.6, SciPy 1.17.1, mne-features 0.3.2, antropy 0.2.3"},
		{"hjorth", "Hjorth's descriptors", "NumPy 2.4.6, antropy 0.2.3"},
		{"line_length", "line length", "mne-features 0.3.2"},
		{"sample_entropy", "sample entropy, order 2", "antropy 0.2.3"},
		{"sample_entropy_3", "sample entropy, order 3", "antropy 0.2.3"},
		{"permutation_entropy", "permutation entropy, order 3", "antropy 0.2.3"},
		{"permutation_entropy_5", "permutation entropy, order 5, delay 2", "antropy 0.2.3"},
		{"permutation_entropy_ties", "permutation entropy, order 4, with ties", "antropy 0.2.3"},
		{"burg", "autoregression, Burg: coefficients", "statsmodels 0.15.0"},
		{"yule_walker", "autoregression, Yule-Walker: coefficients", "statsmodels 0.15.0"},
	} {
		d, ok := worst[r.key]
		if !ok {
			t.Fatalf("%s was not compared", r.key)
		}
		paritytest.Error(t, paritytest.Report{What: r.what, Peer: r.peer, Data: "generated", Err: d, Tol: 1e-9})
	}
}

// TestSampleEntropyIsTheDefinition counts pairs of stretches one by one, on samples with many equal differences.
func TestSampleEntropyIsTheDefinition(t *testing.T) {
	for _, n := range []int{4, 5, 9, 60} {
		for m := 1; m+2 <= n && m <= 4; m++ {
			x := channels(1, n, 128, uint64(n+m))
			mean, sd := 0.0, 0.0
			for i := range x[0] {
				x[0][i] = math.Round(x[0][i])
				mean += x[0][i] / float64(n)
			}
			for _, v := range x[0] {
				sd += (v - mean) * (v - mean) / float64(n)
			}
			sd = math.Sqrt(sd)
			const tolerance = 0.7
			alike := func(i, j, length int) bool {
				for k := range length {
					if !(math.Abs(x[0][i+k]-x[0][j+k]) < tolerance*sd) {
						return false
					}
				}
				return true
			}
			a, b := 0, 0
			for i := range n - m {
				for j := i + 1; j < n-m; j++ {
					if alike(i, j, m) {
						b++
					}
					if alike(i, j, m+1) {
						a++
					}
				}
			}
			want := -math.Log(float64(a) / float64(b))
			if a == 0 {
				want = math.Log(float64((n-m)*(n-m-1)) / 2)
			}
			got, _ := run(t, "sample_entropy", fmt.Sprintf(`{"order": %d, "tolerance": %g}`, m, tolerance), x, 128)
			if math.Abs(got[0]-want) > 1e-12 {
				t.Errorf("%d samples, order %d: %g, the definition gives %g", n, m, got[0], want)
			}
		}
	}
}

// TestSampleEntropyWithoutRepetition has its upper bound.
func TestSampleEntropyWithoutRepetition(t *testing.T) {
	x := [][]float64{{1, 2, 4, 8, 16, 32, 64, 128}}
	got, _ := run(t, "sample_entropy", `{"tolerance": 0.001}`, x, 128)
	if want := math.Log(6. * 5 / 2); math.Abs(got[0]-want) > 1e-14 {
		t.Errorf("entropy of what never repeats itself is %g, must be the bound %g", got[0], want)
	}
}

// TestARFindsTheProcess: a long autoregression has the coefficients that made it.
func TestARFindsTheProcess(t *testing.T) {
	const n = 20000
	noise := channels(1, n, 128, 5)[0]
	for i := n - 1; i > 0; i-- { // channels is an autoregression of 0.5 and a sine; the differences undo the former
		noise[i] -= 0.5 * noise[i-1]
	}
	want := []float64{1.2, -0.8, 0.3}
	x := make([]float64, n)
	for i := range x {
		x[i] = noise[i] - 3*math.Sin(2*math.Pi*10*float64(i)/128) + 1.5*math.Sin(2*math.Pi*10*float64(i-1)/128)
		for k, a := range want {
			if i > k {
				x[i] += a * x[i-1-k]
			}
		}
	}
	for _, method := range []string{"burg", "yule_walker"} {
		got, _ := run(t, "ar", `{"order": 3, "method": "`+method+`"}`, [][]float64{x}, 128)
		for k := range want {
			if math.Abs(got[k]-want[k]) > 0.03 {
				t.Errorf("%s: coefficient %d is %.3f, the process has %g", method, k+1, got[k], want[k])
			}
		}
	}
}

func TestHjorthOfASine(t *testing.T) {
	x := make([]float64, 1000)
	for i := range x {
		x[i] = 50 + 20*math.Sin(2*math.Pi*10*float64(i)/1000)
	}
	got, _ := run(t, "hjorth", `{}`, [][]float64{x}, 1000)
	for i, want := range []float64{200, 2 * math.Pi * 10, 1} {
		if math.Abs(got[i]/want-1) > 3e-3 {
			t.Errorf("descriptor %d of a sine of 10 Hz and 20 µV is %g, must be near %g", i+1, got[i], want)
		}
	}
}

func TestNamesOfTheOthers(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"statistics", `{"numbers": ["kurtosis", "mean"]}`, "E1.kurtosis E1.mean"},
		{"hjorth", `{}`, "E1.activity E1.mobility E1.complexity"},
		{"line_length", `{}`, "E1.line_length"},
		{"sample_entropy", `{}`, "E1.sample_entropy"},
		{"permutation_entropy", `{}`, "E1.permutation_entropy"},
		{"ar", `{"order": 2}`, "E1.ar1 E1.ar2"},
	} {
		if _, names := run(t, tc.name, tc.params, channels(1, 100, 128, 1), 128); strings.Join(names, " ") != tc.want {
			t.Errorf("%s: names are %q, must be %s", tc.name, names, tc.want)
		}
	}
}

// TestStatisticsSelects: a selection has the same numbers in the order asked for.
func TestStatisticsSelects(t *testing.T) {
	x := channels(2, 100, 128, 1)
	all, _ := run(t, "statistics", `{}`, x, 128)
	some, _ := run(t, "statistics", `{"numbers": ["rms", "sd"]}`, x, 128)
	for ch := range 2 {
		if some[2*ch] != all[7*ch+5] || some[2*ch+1] != all[7*ch+1] {
			t.Errorf("channel %d: rms and sd are %v alone, %v among all", ch, some[2*ch:2*ch+2], all[7*ch:7*ch+7])
		}
	}
}

func TestParametersOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		name, params string
		n            int
		want         string
	}{
		{"statistics", `{"numbers": []}`, 100, "at least one"},
		{"statistics", `{"numbers": ["variance"]}`, 100, `"variance"`},
		{"statistics", `{"numbers": ["sd", "sd"]}`, 100, "twice"},
		{"statistics", `{}`, 1, "at least 2 samples"},
		{"hjorth", `{}`, 3, "at least 4 samples"},
		{"line_length", `{}`, 0, "at least 2 samples"},
		{"sample_entropy", `{"order": 0}`, 100, "at least 1"},
		{"sample_entropy", `{"tolerance": 0}`, 100, "above 0"},
		{"sample_entropy", `{}`, 3, "at least 4 samples"},
		{"permutation_entropy", `{"order": 8}`, 100, "2 to 7"},
		{"permutation_entropy", `{"delay_samples": 0}`, 100, "at least 1"},
		{"permutation_entropy", `{}`, 3, "at least 4 samples"},
		{"ar", `{"order": 0}`, 100, "at least 1"},
		{"ar", `{"method": "ols"}`, 100, `"burg" or "yule_walker"`},
		{"ar", `{"order": 50}`, 100, "at least 101 samples"},
	} {
		_, err := step(t, tc.name, tc.params).Start(format(1, tc.n, 128))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), tc.name+": ") {
			t.Errorf("%s %s, %d samples: error is %v, must begin with the step and contain %q", tc.name, tc.params, tc.n, err, tc.want)
		}
	}
}

func TestOthersNameTheChannelToo(t *testing.T) {
	for _, name := range []string{"statistics", "hjorth", "line_length", "sample_entropy", "permutation_entropy", "ar"} {
		for what, tc := range map[string]struct {
			spoil func(x []float64)
			want  string
		}{
			"flat": {func(x []float64) {
				for i := range x {
					x[i] = 0.1 + 1e5/3
				}
			}, `"E2" is flat`},
			"NaN":      {func(x []float64) { x[70] = math.NaN() }, `"E2"`},
			"infinite": {func(x []float64) { x[0] = math.Inf(-1) }, `"E2"`},
		} {
			s := step(t, name, `{}`)
			out, err := s.Start(format(2, 200, 128))
			if err != nil {
				t.Fatal(err)
			}
			x := channels(2, 200, 128, 1)
			tc.spoil(x[1])
			if err := s.Extract(make([]float64, len(out.Names)), x); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %s: error is %v, must contain %q", name, what, err, tc.want)
			}
		}
	}
	ramp := make([]float64, 100)
	for i := range ramp {
		ramp[i] = float64(i)
	}
	h := step(t, "hjorth", `{}`)
	if _, err := h.Start(format(1, 100, 128)); err != nil {
		t.Fatal(err)
	}
	if err := h.Extract(make([]float64, 3), [][]float64{ramp}); err == nil || !strings.Contains(err.Error(), `"E1" is a straight line`) {
		t.Errorf("hjorth of a straight line: error is %v", err)
	}
	a := step(t, "ar", `{}`)
	if _, err := a.Start(format(1, 100, 128)); err != nil {
		t.Fatal(err)
	}
	for i := range ramp {
		ramp[i] = float64(1 - 2*(i%2)) // foretold by one coefficient
	}
	if err := a.Extract(make([]float64, 6), [][]float64{ramp}); err == nil || !strings.Contains(err.Error(), "lower the order") {
		t.Errorf("ar of an alternating channel: error is %v", err)
	}
}

// wide is one second of count channels at 250 Hz, of which every fourth is the same.
func wide(count int) [][]float64 {
	x := channels(4, 250, 250, 1)
	for ch := 4; ch < count; ch++ {
		x = append(x, x[ch-4])
	}
	return x
}

func BenchmarkTimeDomain(b *testing.B) { // a second of 64 channels at 250 Hz
	for _, name := range []string{"statistics", "hjorth", "line_length", "sample_entropy", "permutation_entropy", "ar"} {
		b.Run(name, func(b *testing.B) {
			s := step(b, name, `{}`)
			out, err := s.Start(format(64, 250, 250))
			if err != nil {
				b.Fatal(err)
			}
			x, dst := wide(64), make([]float64, len(out.Names))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Extract(dst, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
