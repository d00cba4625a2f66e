package ssvep_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/ssvep"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/fif"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// oracle is what benchmarks/oracle/ssvep_exo.py wrote.
type oracle struct {
	Freqs   []float64 `json:"freqs_hz"`
	Classes string    `json:"classes"` // of each trial, as a digit
	Rows    []struct {
		Filter    string  `json:"filter"`
		Method    string  `json:"method"`
		Length    float64 `json:"length_s"`
		Correct   int     `json:"correct"`
		Decisions string  `json:"decisions"`
	} `json:"rows"`
}

// trial is one of the exoskeleton set: 5 s from the onset.
type trial struct {
	x               [][]float64 // [bands × channels][samples]
	class           int
	subject, record string
}

// exoBands are those of the oracle.
var exoBands = [][2]float64{{10, 80}, {24, 80}, {36, 80}}

// exoTrials reads the recordings and filters them as a whole, forwards and backwards.
func exoTrials(t *testing.T) (trials []trial, channels []string, rate float64) {
	t.Helper()
	codes := map[string]int{"2": 0, "4": 1, "3": 2}
	fsys := os.DirFS(datasettest.Need(t, "ssvep-exo"))
	names, err := fs.Glob(fsys, "subject*/*_raw.fif")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		rec, err := ingest.Open(fsys, name)
		if err != nil {
			t.Fatal(err)
		}
		raw := make([][]float64, len(rec.Info.Channels))
		for ch := range raw {
			raw[ch] = make([]float64, rec.Len)
		}
		if err := errors.Join(rec.Data.ReadSamples(raw, 0), rec.Close()); err != nil {
			t.Fatal(err)
		}
		channels, rate = rec.Info.Names(), rec.Info.Rate
		var x [][]float64
		for _, b := range exoBands {
			sos, err := dsp.Butter(4, dsp.Bandpass(b[0], b[1]), rate)
			if err != nil {
				t.Fatal(err)
			}
			y := make([][]float64, len(raw))
			for ch := range y {
				y[ch] = make([]float64, rec.Len)
			}
			sos.FiltFilt(y, raw)
			x = append(x, y...)
		}
		subject, _, _ := strings.Cut(name, "/")
		for _, e := range rec.Events {
			class, cue := codes[e.Label]
			if !cue {
				continue
			}
			tr := trial{class: class, subject: subject, record: name}
			for _, row := range x {
				tr.x = append(tr.x, row[e.Sample:e.Sample+rec.Info.Samples(5)])
			}
			trials = append(trials, tr)
		}
	}
	return trials, channels, rate
}

// TestExoskeletonAsInPython decides every trial of the SSVEP exoskeleton set, filtered without delay, as scikit-learn, SciPy
// and meegkit do. (benchmarks/ssvep does so with the built-in pipelines, whose filters are causal.)
func TestExoskeletonAsInPython(t *testing.T) {
	raw, err := os.ReadFile("../../benchmarks/oracle/golden/ssvep_exo.json")
	if err != nil {
		t.Fatal(err)
	}
	var o oracle
	if err := json.Unmarshal(raw, &o); err != nil {
		t.Fatal(err)
	}
	trials, channels, rate := exoTrials(t)
	classes, freqs := make([]string, len(o.Freqs)), map[string]float64{}
	for k, hz := range o.Freqs {
		classes[k] = fmt.Sprintf("%g Hz", hz)
		freqs[classes[k]] = hz
	}
	if len(trials) != 288 || len(o.Classes) != 288 {
		t.Fatalf("%d trials, the oracle has %d, must be 288", len(trials), len(o.Classes))
	}
	all, others := 0, 0
	for _, want := range o.Rows {
		if want.Filter != "zero-phase" {
			continue
		}
		t.Run(fmt.Sprintf("%s/%g s", want.Method, want.Length), func(t *testing.T) {
			bands := len(exoBands)
			if want.Method == "cca" || want.Method == "trca" {
				bands = 1
			}
			in := features.Format{Len: int(math.Round(want.Length * rate)), Rate: rate}
			for b := range bands {
				for _, name := range channels {
					if bands > 1 {
						name += fmt.Sprintf("@%g-%g", exoBands[b][0], exoBands[b][1])
					}
					in.Names = append(in.Names, name)
				}
			}
			x := make([][][]float64, len(trials))
			for i, tr := range trials {
				for _, row := range tr.x[:len(in.Names)] {
					x[i] = append(x[i], row[:in.Len])
				}
			}
			var step classed
			switch want.Method {
			case "cca":
				step = &ssvep.CCA{Freqs: freqs, Harmonics: 3}
			case "fbcca":
				step = &ssvep.FBCCA{Freqs: freqs, Harmonics: 3, Power: 1.25, Offset: 0.25}
			default:
				step = &ssvep.TRCA{Ensemble: true, Bands: bands}
			}
			step.SetClasses(classes)
			if _, err := step.Start(in); err != nil {
				t.Fatal(err)
			}
			correct, other := 0, 0
			for i, tr := range trials {
				if trca, ok := step.(*ssvep.TRCA); ok && (i == 0 || tr.record != trials[i-1].record) {
					fitOnOtherRecord(t, trca, trials, x, signal.Labels{Classes: classes}, tr)
				}
				dst := make([]float64, len(classes))
				if err := step.Extract(dst, x[i]); err != nil {
					t.Fatal(err)
				}
				decided := slices.Index(dst, slices.Max(dst))
				if decided == tr.class {
					correct++
				}
				if decided != int(want.Decisions[i]-'0') || tr.class != int(o.Classes[i]-'0') {
					other++
				}
			}
			all, others = all+len(trials), others+other
			t.Logf("%d of %d right, in Python %d; %d decided otherwise", correct, len(trials), want.Correct, other)
			if correct < want.Correct || other > 0 {
				t.Errorf("%d right and %d decided otherwise, must be at least %d and 0", correct, other, want.Correct)
			}
		})
	}
	if all > 0 {
		paritytest.Error(t, paritytest.Report{
			What: "CCA, filter-bank CCA and TRCA: part of the trials decided otherwise", Peer: "scikit-learn, SciPy and meegkit (benchmarks/oracle)",
			Data: "SSVEP exoskeleton set, filtered without delay", Err: float64(others) / float64(all), Tol: 0,
		})
	}
}

// fitOnOtherRecord fits on the trials of the same subject as test from the other record.
func fitOnOtherRecord(t *testing.T, step *ssvep.TRCA, trials []trial, x [][][]float64, y signal.Labels, test trial) {
	t.Helper()
	var train [][][]float64
	for j, tr := range trials {
		if tr.subject == test.subject && tr.record != test.record {
			train, y.Y = append(train, x[j]), append(y.Y, tr.class)
		}
	}
	if err := step.FitWindows(train, y); err != nil {
		t.Fatal(err)
	}
}
