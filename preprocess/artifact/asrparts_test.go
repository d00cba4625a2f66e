package artifact_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"regexp"
	"strconv"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
)

func readJSON(t *testing.T, path string, dst any) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

type asrParts struct {
	Program string `json:"program"`
	Filters []struct {
		Rate float64   `json:"rate"`
		B    []float64 `json:"b"`
		A    []float64 `json:"a"`
	} `json:"filters"`
	Fits  [][2]float64 `json:"fits"`
	Clean []struct {
		MaxBad float64 `json:"max_bad"`
		Low    float64 `json:"low"`
		High   float64 `json:"high"`
		First  bool    `json:"first"`
		Edges  []int   `json:"edges"`
	} `json:"clean"`
}

// npy reads a two-dimensional array of little-endian float64 (NumPy Enhancement Proposal 1).
func npy(t *testing.T, path string) [][]float64 {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(raw) < 10 || string(raw[:8]) != "\x93NUMPY\x01\x00" {
		t.Fatalf("%s is no .npy file of version 1", path)
	}
	n := 10 + int(binary.LittleEndian.Uint16(raw[8:]))
	m := regexp.MustCompile(`'descr': '<f8', 'fortran_order': False, 'shape': \((\d+), (\d+)\)`).FindSubmatch(raw[10:n])
	if m == nil {
		t.Fatalf("%s: %s: must be rows of float64", path, raw[10:n])
	}
	rows, _ := strconv.Atoi(string(m[1]))
	cols, _ := strconv.Atoi(string(m[2]))
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, cols)
		for t := range x[i] {
			x[i][t] = math.Float64frombits(binary.LittleEndian.Uint64(raw[n+8*(i*cols+t):]))
		}
	}
	return x
}

// TestShapingFilter compares the design with meegkit's, which agrees with MATLAB's tables to 1e-14. The least-squares
// problems have a condition of up to 1e5.
func TestShapingFilter(t *testing.T) {
	var golden asrParts
	readJSON(t, "testdata/asr.json", &golden)
	worst := 0.0
	for _, tc := range golden.Filters {
		b, a, err := artifact.ShapingFilter(tc.Rate)
		if err != nil {
			t.Fatal(err)
		}
		worst = max(worst, floats.Distance(b, tc.B, math.Inf(1))/floats.Norm(tc.B, math.Inf(1)), floats.Distance(a, tc.A, math.Inf(1))/floats.Norm(tc.A, math.Inf(1)))
	}
	paritytest.Error(t, paritytest.Report{What: "artifact subspace reconstruction: shaping filters", Peer: golden.Program, Data: "generated", Err: worst, Tol: 1e-9})
	if worst > 1e-9 {
		t.Errorf("the filter differs from %s by %g", golden.Program, worst)
	}
	if _, _, err := artifact.ShapingFilter(30); err == nil {
		t.Error("a rate of 30 Hz is accepted")
	}
	for _, rate := range []float64{40, 79, 81, 160} { // rates the original has no filter for, or a broken one
		b, a, err := artifact.ShapingFilter(rate)
		if err != nil || !finite(b) || !finite(a) {
			t.Errorf("%g Hz: %v, %v, %v", rate, b, a, err)
		}
	}
}

func finite(x []float64) bool {
	sum := floats.Sum(x)
	return !math.IsNaN(sum) && !math.IsInf(sum, 0)
}

func TestCleanWindows(t *testing.T) {
	var golden asrParts
	readJSON(t, "testdata/asr.json", &golden)
	x := npy(t, datasettest.Need(t, "asr/eeg_raw.npy"))
	var fits, theirs, left, kept []float64
	for ch, want := range golden.Fits {
		var rms []float64
		for s := 0; s < len(x[ch])-250; s += 85 {
			sum := 0.0
			for _, v := range x[ch][s : s+250] {
				sum += v * v
			}
			rms = append(rms, math.Sqrt(sum/250))
		}
		mu, sigma := artifact.FitAmplitudes(rms)
		fits, theirs = append(fits, mu, sigma), append(theirs, want[:]...)
		if math.Abs(mu-want[0]) > 1e-9 || math.Abs(sigma-want[1]) > 1e-9 {
			t.Errorf("channel %d: clean EEG of %g ± %g, %s says %g ± %g", ch, mu, sigma, golden.Program, want[0], want[1])
		}
	}
	for _, tc := range golden.Clean {
		var want []float64
		keep, e := tc.First, 0
		for t, v := range x[2] {
			if e < len(tc.Edges) && tc.Edges[e] == t {
				keep = !keep
				e++
			}
			if keep {
				want = append(want, v)
			}
		}
		got := artifact.CleanSamples(x, 250, tc.MaxBad, tc.Low, tc.High)
		left, kept = append(left, got[2]...), append(kept, want...)
		if len(got) != len(x) || len(got[2]) != len(want) || !floats.Equal(got[2], want) {
			t.Errorf("tolerances %g, %g to %g: %d samples are left, %s leaves %d", tc.MaxBad, tc.Low, tc.High, len(got[2]), golden.Program, len(want))
		}
	}
	const data = "meegkit's example"
	paritytest.Within(t, "artifact subspace reconstruction: amplitudes of clean EEG", golden.Program, data, fits, theirs, 1e-9)
	paritytest.Within(t, "artifact subspace reconstruction: clean windows", golden.Program, data, left, kept, 0)
}

// TestFitAmplitudesByHand: of 400 amplitudes of N(10, 1) and 130 much larger ones, the first are found.
func TestFitAmplitudesByHand(t *testing.T) {
	var x []float64
	for i := range 400 { // quantiles, so that nothing is left to chance
		x = append(x, 10+math.Sqrt2*math.Erfinv(2*(float64(i)+0.5)/400-1))
	}
	for i := range 130 {
		x = append(x, 30+float64(i))
	}
	mu, sigma := artifact.FitAmplitudes(x)
	if math.Abs(mu-10) > 0.25 || math.Abs(sigma-1) > 0.25 {
		t.Errorf("clean part of %g ± %g, must be 10 ± 1", mu, sigma)
	}
	for name, x := range map[string][]float64{"all 3": {0, 3}, "most 3": {0, 3, 1e3}} {
		same := make([]float64, 100)
		for i := range same {
			same[i] = 3
		}
		copy(same, x[2:])
		if mu, sigma := artifact.FitAmplitudes(same); mu != 3 || sigma != 0 {
			t.Errorf("%s: %g ± %g", name, mu, sigma)
		}
	}
}

func TestGeometricMedian(t *testing.T) {
	var golden struct {
		Programs map[string]string
		Median   struct {
			Rows   [][]float64 `json:"rows"`
			Median []float64   `json:"median"`
		} `json:"geometric_median"`
	}
	readJSON(t, "testdata/golden.json", &golden)
	var u []float64
	for _, row := range golden.Median.Rows {
		u = append(u, row...)
	}
	for _, tc := range []struct {
		what, note string
		tol, bar   float64
	}{
		{"geometric median", "", 1e-12, 1e-6},
		{"geometric median, as the step stops", "The step stops where clean_rawdata does, when a step of the iteration is below 1e-5; gone on with, it agrees to the bar (the row above).", artifact.MedianTol, 1e-4},
	} {
		got, err := artifact.GeometricMedian(u, 4, tc.tol)
		if err != nil {
			t.Fatal(err)
		}
		paritytest.Error(t, paritytest.Report{
			What: "artifact subspace reconstruction: " + tc.what, Peer: "SciPy " + golden.Programs["scipy"] + " optimize", Data: "generated",
			Err: floats.Distance(got, golden.Median.Median, 2) / floats.Norm(got, 2), Tol: tc.bar, Note: tc.note,
		})
	}
}
