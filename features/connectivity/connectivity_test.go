package connectivity_test

import (
	"encoding/json"
	"fmt"
	"math"
	"math/cmplx"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/connectivity"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

var names = []string{"plv", "pli", "wpli", "band_coherence", "pac"}

// title is what docs/parity.md calls them; the versions there are those of testdata/README.md.
var title = map[string]string{
	"plv": "phase-locking value", "pli": "phase-lag index", "wpli": "weighted phase-lag index",
	"coh": "coherence", "band_coherence": "coherence", "pac": "phase-amplitude coupling",
}

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
			x[ch][t] = last + (3+float64(ch))*math.Sin(2*math.Pi*10*float64(t)/rate+float64(ch))
		}
	}
	return x
}

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

type golden struct {
	Measures []struct {
		N                   int
		Rate, Freq          float64
		Seed                uint64
		PLV, PLI, WPLI, Coh []float64
	}
	Steps []map[string]json.RawMessage
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Measures) == 0 || len(g.Steps) == 0 {
		t.Fatal("testdata/golden.json lacks a group")
	}
	return g
}

// wavelet convolves x with the Morlet wavelet of 5 cycles that mne-connectivity takes: with the small mean that
// dsp.Morlet takes out.
func wavelet(x []float64, rate, freq float64) []complex128 {
	sigma := 5 / (2 * math.Pi * freq)
	half := int(math.Ceil(5*sigma*rate)) - 1
	z := make([]complex128, len(x))
	for i := range z {
		for k := max(-half, i-len(x)+1); k <= min(half, i); k++ {
			t := float64(k) / rate
			z[i] += complex(x[i-k]*math.Exp(-t*t/(2*sigma*sigma)), 0) * cmplx.Exp(complex(0, 2*math.Pi*freq*t))
		}
	}
	return z
}

// TestMeasuresAgainstMNE compares with mne-connectivity, which takes them from Morlet coefficients over time.
func TestMeasuresAgainstMNE(t *testing.T) {
	worst := map[string]float64{}
	for _, g := range readGolden(t).Measures {
		var z [][]complex128
		for _, row := range channels(4, g.N, g.Rate, g.Seed) {
			z = append(z, wavelet(row, g.Rate, g.Freq))
		}
		for name, m := range map[string]struct {
			f    func(a, b []complex128) float64
			want []float64
		}{
			"plv": {connectivity.MeanProduct, g.PLV}, "pli": {connectivity.LagIndex, g.PLI},
			"wpli": {connectivity.WeightedLagIndex, g.WPLI}, "coh": {connectivity.CoherenceOf, g.Coh},
		} {
			at := 0
			for i := range z {
				for j := i + 1; j < len(z); j++ {
					got := m.f(slices.Clone(z[i]), slices.Clone(z[j]))
					d := math.Abs(got - m.want[at])
					worst[name] = max(worst[name], d)
					if !(d <= 1e-9) {
						t.Errorf("%s of channels %d and %d at %g Hz: %.12g, must be %.12g", name, i, j, g.Freq, got, m.want[at])
					}
					at++
				}
			}
		}
	}
	for name, d := range worst {
		paritytest.Error(t, paritytest.Report{
			What: title[name] + ", of Morlet coefficients", Peer: "mne-connectivity 0.9.0", Data: "generated", Err: d, Tol: 1e-9,
		})
	}
}

// TestStepsAgainstOthers compares whole steps with SciPy's Hilbert transform and tensorpac's modulation index.
func TestStepsAgainstOthers(t *testing.T) {
	worst := map[string]float64{}
	for _, g := range readGolden(t).Steps {
		var n int
		var rate, trim float64
		var seed uint64
		for key, dst := range map[string]any{"n": &n, "rate": &rate, "seed": &seed, "trim": &trim} {
			if err := json.Unmarshal(g[key], dst); err != nil {
				t.Fatal(err)
			}
		}
		for _, name := range names {
			var want []float64
			if err := json.Unmarshal(g[name], &want); err != nil {
				t.Fatal(err)
			}
			got, labels := run(t, name, fmt.Sprintf(`{"trim_s": %g}`, trim), channels(4, n, rate, seed), rate)
			if len(got) != len(want) {
				t.Fatalf("%s: %d numbers, must be %d", name, len(got), len(want))
			}
			for i := range want {
				d := math.Abs(got[i] - want[i])
				worst[name] = max(worst[name], d)
				if !(d <= 1e-10) {
					t.Errorf("%s of %d samples: %s is %.12g, must be %.12g", name, n, labels[i], got[i], want[i])
				}
			}
		}
	}
	for _, name := range names {
		d, ok := worst[name]
		if !ok {
			t.Fatalf("%s was not compared", name)
		}
		peer := "SciPy 1.17.1"
		if name == "pac" {
			peer += ", tensorpac 0.6.5"
		}
		paritytest.Error(t, paritytest.Report{What: title[name] + ", in bands", Peer: peer, Data: "generated", Err: d, Tol: 1e-10})
	}
}

// TestOfKnownPairs: a copy is locked without lag, a copy a quarter of a period later with lag, unrelated noise is not.
func TestOfKnownPairs(t *testing.T) {
	const n, rate = 20000, 200.0
	noise := channels(3, n+5, rate, 7)
	for _, row := range noise {
		for i := range row { // without the sine
			row[i] -= 3 * math.Sin(2*math.Pi*10*float64(i)/rate)
		}
	}
	x := [][]float64{noise[0][5:], make([]float64, n), noise[0][:n], noise[2][:n]}
	for i, v := range x[0] {
		x[1][i] = -2 * v // the same, other electrode: no lag, in whatever sign
	}
	params := `{"bands_hz": {"alpha": [9, 11]}}`
	for _, tc := range []struct {
		name           string
		copied, lagged float64
		unrelated      float64
	}{{"plv", 1, 1, 0.2}, {"pli", 0, 1, 0.2}, {"wpli", 0, 1, 0.3}, {"band_coherence", 1, 1, 0.2}} {
		got, _ := run(t, tc.name, params, x, rate) // pairs 01 02 03 12 13 23
		if math.Abs(got[0]-tc.copied) > 1e-9 {
			t.Errorf("%s of a channel and its copy is %g, must be %g", tc.name, got[0], tc.copied)
		}
		if math.Abs(got[1]-tc.lagged) > 0.05 {
			t.Errorf("%s of a channel and its copy 25 ms later is %g, must be near %g", tc.name, got[1], tc.lagged)
		}
		if got[2] > tc.unrelated {
			t.Errorf("%s of unrelated channels is %g, must be below %g", tc.name, got[2], tc.unrelated)
		}
	}
}

// TestPAC: where a fast rhythm waxes and wanes with a slow one the index is many times that of one that does not, and
// it is what the definition gives for a cosine on a pedestal.
func TestPAC(t *testing.T) {
	const n, rate = 5000, 250.0
	x := [][]float64{make([]float64, n), make([]float64, n)}
	for i := range n {
		at := 2 * math.Pi * float64(i) / rate
		x[0][i] = math.Cos(6*at) + (1+0.8*math.Cos(6*at+1))*math.Cos(40*at)
		x[1][i] = math.Cos(6*at) + math.Cos(40*at)
	}
	got, labels := run(t, "pac", `{}`, x, rate)
	if strings.Join(labels, " ") != "E1.pac E2.pac" {
		t.Errorf("names are %q", labels)
	}
	const bins = 18
	want, total, means := 1.0, 0.0, make([]float64, bins)
	for j := range means { // averaged over the bin, finely
		for k := range 1000 {
			means[j] += 1 + 0.8*math.Cos(2*math.Pi*(float64(j)+(float64(k)+0.5)/1000)/bins-math.Pi+1)
		}
		total += means[j]
	}
	for _, m := range means {
		want += m / total * math.Log(m/total) / math.Log(bins)
	}
	if math.Abs(got[0]/want-1) > 0.02 {
		t.Errorf("modulation index is %g, the definition gives %g", got[0], want)
	}
	if got[1] > 1e-6 {
		t.Errorf("modulation index without coupling is %g", got[1])
	}
}

func TestNames(t *testing.T) {
	for _, name := range names[:4] {
		_, labels := run(t, name, `{"bands_hz": {"b": [13, 30], "a": [8, 13]}}`, channels(3, 256, 128, 1), 128)
		want := "N(E1,E2).a N(E1,E3).a N(E2,E3).a N(E1,E2).b N(E1,E3).b N(E2,E3).b"
		if got := strings.Join(labels, " "); got != strings.ReplaceAll(want, "N", name) {
			t.Errorf("%s: names are %s", name, got)
		}
	}
}

func TestParametersOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		name, params string
		channels, n  int
		want         string
	}{
		{"plv", `{}`, 1, 256, "at least 2"},
		{"pli", `{}`, 2, 3, "at least 4 samples"},
		{"wpli", `{"trim_s": 1}`, 2, 256, "at most 0.98"},
		{"wpli", `{"trim_s": -1}`, 2, 256, "trim_s"},
		{"band_coherence", `{"bands_hz": {"x": [10, 10.4]}}`, 2, 256, "at least 2"},
		{"plv", `{"bands_hz": {"x": [60, 70]}}`, 2, 256, "64 Hz"},
		{"plv", `{"bands_hz": {}}`, 2, 256, "at least one band"},
		{"pac", `{"bins": 1}`, 1, 256, "at least 2"},
		{"pac", `{"phase_hz": [8, 4]}`, 1, 256, "must rise"},
		{"pac", `{"amplitude_hz": [6, 50]}`, 1, 256, "must rise"},
		{"pac", `{"amplitude_hz": [30, 70]}`, 1, 256, "64"},
		{"pac", `{"amplitude_hz": [30, 40]}`, 1, 256, "side bands"},
	} {
		_, err := step(t, tc.name, tc.params).Start(format(tc.channels, tc.n, 128))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), tc.name+": ") {
			t.Errorf("%s %s: error is %v, must begin with the step and contain %q", tc.name, tc.params, err, tc.want)
		}
	}
}

func TestErrorsNameTheChannel(t *testing.T) {
	for _, name := range names {
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
			"nothing in the band": {func(x []float64) {
				for i := range x {
					x[i] = math.Sin(2 * math.Pi * float64(i) / 128) // 1 Hz, two whole periods
				}
			}, `"E2" has nothing`},
		} {
			s := step(t, name, `{}`)
			out, err := s.Start(format(2, 256, 128))
			if err != nil {
				t.Fatal(err)
			}
			x := channels(2, 256, 128, 1)
			tc.spoil(x[1])
			if err := s.Extract(make([]float64, len(out.Names)), x); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %s: error is %v, must contain %q", name, what, err, tc.want)
			}
		}
	}
}

// TestLagIndexOfRealNumbers: numbers without an imaginary part have no lag; that is 0, not NaN.
func TestLagIndexOfRealNumbers(t *testing.T) {
	z := make([]complex128, 50)
	for i := range z {
		z[i] = cmplx.Rect(1+float64(i), 0.3*float64(i))
	}
	if a, b := connectivity.LagIndex(z, z), connectivity.WeightedLagIndex(z, z); a != 0 || b != 0 {
		t.Errorf("a series and itself: lag index %g, weighted %g; must both be 0", a, b)
	}
}

func BenchmarkConnectivity(b *testing.B) { // two seconds of 16 channels at 128 Hz, 120 pairs, two bands
	for _, name := range names {
		b.Run(name, func(b *testing.B) {
			var x [][]float64
			for seed := range uint64(4) {
				x = append(x, channels(4, 256, 128, seed)...)
			}
			s := step(b, name, `{}`)
			out, err := s.Start(format(16, 256, 128))
			if err != nil {
				b.Fatal(err)
			}
			dst := make([]float64, len(out.Names))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.Extract(dst, x); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
