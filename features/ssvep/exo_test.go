package ssvep_test

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/ssvep"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// exported is what benchmarks/oracle/ssvep_exo.py --export writes.
type exported struct {
	Shape     []int     `json:"shape"` // trials, bands, channels, samples
	Rate      float64   `json:"rate_hz"`
	Channels  []string  `json:"channels"`
	Freqs     []float64 `json:"freqs_hz"`
	Bands     []string  `json:"bands"`
	Harmonics int       `json:"harmonics"`
	Class     []int     `json:"class"`
	Subject   []int     `json:"subject"`
	Record    []int     `json:"record"`
	Results   []struct {
		Method    string  `json:"method"`
		Length    float64 `json:"length_s"`
		Correct   int     `json:"correct"`
		Decisions []int   `json:"decisions"`
	} `json:"results"`

	x [][][]float64 // [trials][bands × channels][samples]
}

// loadExport reads the folder that GYRUS_EXPORT names. It is made by hand from recordings that no reader of ours reads.
func loadExport(t *testing.T) exported {
	t.Helper()
	dir := os.Getenv("GYRUS_EXPORT")
	if dir == "" {
		t.Skip("skipped: GYRUS_EXPORT must name the folder that benchmarks/oracle/ssvep_exo.py --export has written")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "trials.json"))
	if err != nil {
		t.Fatal(err)
	}
	var e exported
	if err := json.Unmarshal(raw, &e); err != nil {
		t.Fatal(err)
	}
	if raw, err = os.ReadFile(filepath.Join(dir, "trials.f64")); err != nil {
		t.Fatal(err)
	}
	trials, rows, n := e.Shape[0], e.Shape[1]*e.Shape[2], e.Shape[3]
	if len(raw) != 8*trials*rows*n {
		t.Fatalf("trials.f64 has %d bytes, the shape %v needs %d", len(raw), e.Shape, 8*trials*rows*n)
	}
	for i := range trials {
		window := make([][]float64, rows)
		for r := range window {
			window[r] = make([]float64, n)
			for s := range window[r] {
				window[r][s] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*((i*rows+r)*n+s):]))
			}
		}
		e.x = append(e.x, window)
	}
	return e
}

// TestExoskeletonAsInPython decides every trial of the SSVEP exoskeleton set as scikit-learn, SciPy and meegkit do.
func TestExoskeletonAsInPython(t *testing.T) {
	e := loadExport(t)
	classes := make([]string, len(e.Freqs))
	freqs := map[string]float64{}
	for k, hz := range e.Freqs {
		classes[k] = fmt.Sprintf("%g Hz", hz)
		freqs[classes[k]] = hz
	}
	trials, others := 0, 0
	for _, want := range e.Results {
		t.Run(fmt.Sprintf("%s/%g s", want.Method, want.Length), func(t *testing.T) {
			bands := len(e.Bands)
			if want.Method == "cca" || want.Method == "trca" {
				bands = 1
			}
			in := features.Format{Len: int(math.Round(want.Length * e.Rate)), Rate: e.Rate}
			for b := range bands {
				for _, name := range e.Channels {
					if bands > 1 {
						name += "@" + e.Bands[b]
					}
					in.Names = append(in.Names, name)
				}
			}
			x := make([][][]float64, len(e.x))
			for i := range x {
				for _, row := range e.x[i][:len(in.Names)] {
					x[i] = append(x[i], row[:in.Len])
				}
			}
			var step classed
			switch want.Method {
			case "cca":
				step = &ssvep.CCA{Freqs: freqs, Harmonics: e.Harmonics}
			case "fbcca":
				step = &ssvep.FBCCA{Freqs: freqs, Harmonics: e.Harmonics, Power: 1.25, Offset: 0.25}
			default:
				step = &ssvep.TRCA{Ensemble: true, Bands: bands}
			}
			step.SetClasses(classes)
			if _, err := step.Start(in); err != nil {
				t.Fatal(err)
			}
			got := make([]int, len(x))
			for i := range x {
				if trca, ok := step.(*ssvep.TRCA); ok && (i == 0 || e.Subject[i] != e.Subject[i-1] || e.Record[i] != e.Record[i-1]) {
					fitOnOtherRecord(t, trca, e, x, signal.Labels{Classes: classes}, i)
				}
				dst := make([]float64, len(classes))
				if err := step.Extract(dst, x[i]); err != nil {
					t.Fatal(err)
				}
				got[i] = slices.Index(dst, slices.Max(dst))
			}
			correct, other := 0, 0
			for i := range got {
				if got[i] == e.Class[i] {
					correct++
				}
				if got[i] != want.Decisions[i] {
					other++
				}
			}
			trials, others = trials+len(got), others+other
			t.Logf("%d of %d right, in Python %d; %d decided otherwise", correct, len(got), want.Correct, other)
			if correct < want.Correct || other > 0 {
				t.Errorf("%d right and %d decided otherwise, must be at least %d and 0", correct, other, want.Correct)
			}
		})
	}
	if trials > 0 {
		paritytest.Error(t, paritytest.Report{
			What: "CCA, filter-bank CCA and TRCA: part of the trials decided otherwise", Peer: "scikit-learn, SciPy and meegkit (benchmarks/oracle)",
			Data: "SSVEP exoskeleton set", Err: float64(others) / float64(trials), Tol: 0,
		})
	}
}

// fitOnOtherRecord fits on the trials of the same subject as trial i from the other record.
func fitOnOtherRecord(t *testing.T, step *ssvep.TRCA, e exported, x [][][]float64, y signal.Labels, i int) {
	t.Helper()
	var train [][][]float64
	for j := range x {
		if e.Subject[j] == e.Subject[i] && e.Record[j] != e.Record[i] {
			train, y.Y = append(train, x[j]), append(y.Y, e.Class[j])
		}
	}
	if err := step.FitWindows(train, y); err != nil {
		t.Fatal(err)
	}
}
