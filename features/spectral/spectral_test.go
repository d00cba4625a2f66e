package spectral_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/spectral"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

// TestConformance runs the suite with other parameters than the defaults, which features/all tests.
func TestConformance(t *testing.T) {
	const params = `{"bands_hz": {"alpha": [7, 11], "beta": [11, 17], "fast": [17, 30]}, "relative": true, "method": "multitaper"}`
	featurestest.Run(t, "band_power", func() features.Step { return step(t, "band_power", params) })
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
			x[ch][t] = last + (3+float64(ch))*math.Sin(2*math.Pi*10*float64(t)/rate)
		}
	}
	return x
}

type golden struct {
	N, Segment                                     int
	Rate                                           float64
	Seed                                           uint64
	Welch, Multitaper, Relative, Aperiodic, Morlet []float64
	BandPower                                      []float64 `json:"band_power"`
	DifferentialEntropy                            []float64 `json:"differential_entropy"`
	SpectralEntropy                                []float64 `json:"spectral_entropy"`
	SpectralEntropyBits                            []float64 `json:"spectral_entropy_bits"`
}

// TestAgainstOthers compares with SciPy, MNE, FOOOF and antropy. FOOOF solves its least squares by iteration, to 1e-8.
func TestAgainstOthers(t *testing.T) {
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []golden
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	worst := map[string]float64{}
	for _, g := range cases {
		x := channels(4, g.N, g.Rate, g.Seed)
		seg := fmt.Sprintf(`"segment_s": %d`, g.Segment)
		for _, tc := range []struct {
			what, name, params string
			want               []float64
			tol                float64
		}{
			{"density", "welch", `{"log": false, ` + seg + `}`, g.Welch, 1e-11},
			{"multitaper", "multitaper", `{"log": false, "bandwidth_hz": 6}`, g.Multitaper, 1e-9},
			{"band power", "band_power", `{"log": false, ` + seg + `}`, g.BandPower, 1e-11},
			{"relative band power", "band_power", `{"log": false, "relative": true, ` + seg + `}`, g.Relative, 1e-11},
			{"differential entropy", "differential_entropy", `{` + seg + `}`, g.DifferentialEntropy, 1e-11},
			{"spectral entropy", "spectral_entropy", `{"low_hz": 0, "high_hz": 0, ` + seg + `}`, g.SpectralEntropy, 1e-11},
			{"spectral entropy in bits", "spectral_entropy", `{"low_hz": 0, "high_hz": 0, "normalise": false, ` + seg + `}`, g.SpectralEntropyBits, 1e-11},
			{"aperiodic", "aperiodic", `{` + seg + `}`, g.Aperiodic, 1e-6},
			{"morlet", "morlet", `{"log": false}`, g.Morlet, 1e-10},
		} {
			s := step(t, tc.name, tc.params)
			out, err := s.Start(format(4, g.N, g.Rate))
			if err != nil {
				t.Errorf("%s of %d samples: %v", tc.what, g.N, err)
				continue
			}
			if len(out.Names) != len(tc.want) {
				t.Errorf("%s of %d samples: %d numbers, must be %d", tc.what, g.N, len(out.Names), len(tc.want))
				continue
			}
			got := make([]float64, len(out.Names))
			if err := s.Extract(got, x); err != nil {
				t.Errorf("%s of %d samples: %v", tc.what, g.N, err)
			}
			for i, want := range tc.want {
				d := math.Abs(got[i]-want) / math.Abs(want)
				worst[tc.what] = max(worst[tc.what], d)
				if !(d <= tc.tol) {
					t.Errorf("%s of %d samples: %s is %.12g, must be %.12g", tc.what, g.N, out.Names[i], got[i], want)
				}
			}
		}
	}
	for _, r := range []struct {
		key, what, peer string // versions of testdata/README.md
		tol             float64
	}{
		{"density", "power spectral density, Welch", "SciPy 1.17.1", 1e-11},
		{"multitaper", "power spectral density, multitaper", "MNE 1.13.2", 1e-9},
		{"band power", "band power", "SciPy 1.17.1", 1e-11},
		{"relative band power", "band power, relative", "SciPy 1.17.1", 1e-11},
		{"differential entropy", "differential entropy", "SciPy 1.17.1", 1e-11},
		{"spectral entropy", "spectral entropy", "antropy 0.2.3", 1e-11},
		{"spectral entropy in bits", "spectral entropy, in bits", "antropy 0.2.3", 1e-11},
		{"aperiodic", "aperiodic offset and exponent", "FOOOF 1.1.1", 1e-6},
		{"morlet", "power of Morlet wavelets", "MNE 1.13.2", 1e-10},
	} {
		d, ok := worst[r.key]
		if !ok {
			t.Fatalf("%s was not compared", r.key)
		}
		paritytest.Error(t, paritytest.Report{What: r.what, Peer: r.peer, Data: "generated", Err: d, Tol: r.tol})
	}
}

// TestLogarithm: with log the numbers are the logarithms of those without.
func TestLogarithm(t *testing.T) {
	for _, name := range []string{"welch", "multitaper", "band_power", "morlet"} {
		var rows [2][]float64
		for i, params := range []string{`{"log": false}`, `{"log": true}`} {
			s := step(t, name, params)
			out, err := s.Start(format(2, 500, 250))
			if err != nil {
				t.Fatal(err)
			}
			rows[i] = make([]float64, len(out.Names))
			if err := s.Extract(rows[i], channels(2, 500, 250, 9)); err != nil {
				t.Fatal(err)
			}
		}
		for i, v := range rows[0] {
			if rows[1][i] != math.Log(v) {
				t.Errorf("%s: number %d is %g, with log %g", name, i, v, rows[1][i])
			}
		}
	}
}

// TestAperiodicOfKnownSpectrum: noise whose spectrum is made to fall as f^-1.5 has that exponent, with and without a
// strong rhythm on top.
func TestAperiodicOfKnownSpectrum(t *testing.T) {
	const n, rate = 5000, 250.0
	x := make([]float64, n)
	for k := 1; k < 900; k++ { // up to 45 Hz
		amplitude, phase := math.Pow(float64(k), -0.75), math.Mod(float64(k)*float64(k)*0.6180339887, 1)*2*math.Pi
		for t := range x {
			x[t] += amplitude * math.Cos(2*math.Pi*float64(k*t%n)/n+phase)
		}
	}
	for _, rhythm := range []float64{0, 3} {
		y := make([]float64, n)
		for t := range y {
			y[t] = x[t] + rhythm*math.Sin(2*math.Pi*10*float64(t)/rate)
		}
		s := step(t, "aperiodic", `{"low_hz": 2, "high_hz": 40, "segment_s": 2}`)
		if _, err := s.Start(format(1, n, rate)); err != nil {
			t.Fatal(err)
		}
		got := make([]float64, 2)
		if err := s.Extract(got, [][]float64{y}); err != nil {
			t.Fatal(err)
		}
		if math.Abs(got[0]-1.5) > 0.1 {
			t.Errorf("rhythm of %g: exponent is %.3f, must be near 1.5", rhythm, got[0])
		}
	}
}

func TestNames(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"welch", `{"low_hz": 8, "high_hz": 9.5, "segment_s": 2}`, "E1.welch_8Hz E1.welch_8.5Hz E1.welch_9Hz E1.welch_9.5Hz"},
		{"multitaper", `{"low_hz": 8, "high_hz": 8.5}`, "E1.multitaper_8Hz E1.multitaper_8.5Hz"},
		{"band_power", `{"bands_hz": {"beta": [13, 30], "alpha": [8, 13]}}`, "E1.alpha_power E1.beta_power"},
		{"differential_entropy", `{"bands_hz": {"mu": [8, 12]}}`, "E1.mu_de"},
		{"spectral_entropy", `{}`, "E1.spectral_entropy"},
		{"aperiodic", `{}`, "E1.exponent E1.offset"},
		{"morlet", `{"freqs_hz": [10, 12.5]}`, "E1.morlet_10Hz E1.morlet_12.5Hz"},
	} {
		out, err := step(t, tc.name, tc.params).Start(format(1, 500, 250))
		if err != nil || out.Len != 0 || strings.Join(out.Names, " ") != tc.want {
			t.Errorf("%s %s: got %q, %v; want %s", tc.name, tc.params, out.Names, err, tc.want)
		}
	}
}

func TestParametersOutOfRange(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"welch", `{"segment_s": 3}`, "at most 2"},
		{"welch", `{"segment_s": -1}`, "segment_s"},
		{"welch", `{"low_hz": 30, "high_hz": 20}`, "must rise"},
		{"welch", `{"high_hz": 200}`, "125 Hz"},
		{"welch", `{"low_hz": 8.1, "high_hz": 8.2}`, "no bin"},
		{"multitaper", `{"bandwidth_hz": 0.1}`, "at least 0.5"},
		{"multitaper", `{"bandwidth_hz": 250}`, "below 250"},
		{"band_power", `{"bands_hz": {}}`, "at least one band"},
		{"band_power", `{"bands_hz": {"x": [13, 8]}}`, "must rise"},
		{"band_power", `{"bands_hz": {"x": [100, 130]}}`, "125 Hz"},
		{"band_power", `{"bands_hz": {"": [1, 2]}}`, "no name"},
		{"band_power", `{"bands_hz": {"x": [8.1, 8.2]}}`, "longer windows"},
		{"band_power", `{"method": "burg"}`, `"welch" or "multitaper"`},
		{"differential_entropy", `{"bands_hz": {"x": [0, 0]}}`, "must rise"},
		{"spectral_entropy", `{"low_hz": 8, "high_hz": 8.5}`, "at least 2"},
		{"aperiodic", `{"low_hz": 0}`, "above 0"},
		{"aperiodic", `{"low_hz": 1, "high_hz": 4}`, "at least 8"},
		{"morlet", `{"freqs_hz": []}`, "at least one"},
		{"morlet", `{"freqs_hz": [8, 8]}`, "twice"},
		{"morlet", `{"freqs_hz": [125]}`, "below 125"},
		{"morlet", `{"freqs_hz": [0.5]}`, "longer windows"},
		{"morlet", `{"cycles": 0}`, "above 0"},
	} {
		_, err := step(t, tc.name, tc.params).Start(format(1, 500, 250))
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), tc.name+": ") {
			t.Errorf("%s %s: error is %v, must begin with the step and contain %q", tc.name, tc.params, err, tc.want)
		}
	}
	for _, params := range []string{`{"bands_hz": {"x": [1, 2, 3]}}`, `{"bands_hz": [1, 2]}`} {
		if _, err := features.Steps().New("band_power", []byte(params)); err == nil || !strings.Contains(err.Error(), "bands_hz") {
			t.Errorf("%s: error is %v, must name bands_hz", params, err)
		}
	}
}

func TestBandsRoundTrip(t *testing.T) {
	raw, err := json.Marshal(spectral.DefaultBands())
	if err != nil {
		t.Fatal(err)
	}
	var back spectral.Bands
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(back) != fmt.Sprint(spectral.DefaultBands()) {
		t.Errorf("bands come back as %v", back)
	}
}

func TestErrorsNameTheChannel(t *testing.T) {
	for _, name := range []string{"welch", "multitaper", "band_power", "differential_entropy", "spectral_entropy", "aperiodic", "morlet"} {
		for what, tc := range map[string]struct {
			spoil func(x []float64)
			want  string
		}{
			"flat": {func(x []float64) {
				for i := range x {
					x[i] = 0.1 + 1e5/3
				}
			}, `"E2" is flat`},
			"NaN":       {func(x []float64) { x[70] = math.NaN() }, `"E2"`},
			"infinite":  {func(x []float64) { x[0] = math.Inf(-1) }, `"E2"`},
			"too large": {func(x []float64) { x[70] = 1e200 }, `"E2"`},
		} {
			s := step(t, name, `{}`)
			out, err := s.Start(format(2, 500, 250))
			if err != nil {
				t.Fatal(err)
			}
			x := channels(2, 500, 250, 1)
			tc.spoil(x[1])
			if err := s.Extract(make([]float64, len(out.Names)), x); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s, %s: error is %v, must contain %q", name, what, err, tc.want)
			}
		}
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

func BenchmarkBandPower(b *testing.B) { // a second of 64 channels
	for _, method := range []string{"welch", "multitaper"} {
		b.Run(method, func(b *testing.B) {
			s := step(b, "band_power", `{"method": "`+method+`"}`)
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
