package spatial_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
	"github.com/gyrus-bci/gyrus/preprocess/reref"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
)

const run = "EEGMMIDB S001 R04"

// onRun is what recorded.py wrote.
type onRun struct {
	Channels []string `json:"channels"`
	Shown    []string `json:"shown"` // of cleaned and csd, every 1000th sample
	Check    float64  `json:"check"`
	ICA      []struct {
		Method   string      `json:"method"`
		Program  string      `json:"program"`
		By       string      `json:"by"`
		Unmixing [][]float64 `json:"unmixing"`
		Cleaned  [][]float64 `json:"cleaned"`
	} `json:"ica"`
	SSP struct {
		Vectors   [][]float64 `json:"vectors"`
		Explained []float64   `json:"explained"`
	} `json:"ssp"`
	SSD struct {
		Filters  [][]float64 `json:"filters"`
		Patterns [][]float64 `json:"patterns"`
		Ratios   []float64   `json:"ratios"`
	} `json:"ssd"`
	Positions    []signal.Position `json:"positions"`
	Sphere       []float64         `json:"sphere"`
	CSD          [][]float64       `json:"csd"`
	Interpolated [][]float64       `json:"interpolated"` // every 400th sample
}

// recorded is the run as recorded.py filters it, with the electrodes where MNE's template has them, and the golden values.
func recorded(t *testing.T) (signal.Chunk, onRun) {
	t.Helper()
	c := datasettest.Whole(t, "eegmmidb/S001/S001R04.edf")
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var g onRun
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	info := *c.Info
	info.Channels = slices.Clone(info.Channels)
	if !slices.Equal(info.Names(), g.Channels) {
		t.Fatalf("the channels are %q, MNE has %q", info.Names(), g.Channels)
	}
	for ch := range info.Channels {
		info.Channels[ch].Pos = &g.Positions[ch]
	}
	sos, err := dsp.Butter(2, dsp.Bandpass(1, 40), info.Rate)
	if err != nil {
		t.Fatal(err)
	}
	y, sum := signal.NewChunk(&info, 0, c.Len()), 0.0
	y.Events = c.Events
	sos.FiltFilt(y.X, c.X)
	for _, x := range y.X {
		for _, v := range x {
			sum += math.Abs(v)
		}
	}
	if !(math.Abs(sum-g.Check) <= 1e-9*g.Check) {
		t.Fatalf("the filtered samples add up to %g, SciPy's to %g", sum, g.Check)
	}
	return y, g
}

// shown is every step-th sample of the named channels.
func shown(c signal.Chunk, names []string, step int) (values []float64) {
	for _, n := range names {
		for i := 0; i < c.Len(); i += step {
			values = append(values, c.X[c.Info.Index(n)][i])
		}
	}
	return values
}

func onRecording(t *testing.T, what, peer string, got, want []float64, tol float64) {
	t.Helper()
	paritytest.Within(t, what, peer, run, got, want, tol)
}

// TestRecordedICA: ten principal components, for which all methods have one optimum that every start leads to.
func TestRecordedICA(t *testing.T) {
	in, g := recorded(t)
	tolerances := map[string]float64{"fastica": 1e-15, "picard": 1e-11, "picard_o": 1e-11, "infomax": 1e-12}
	for _, want := range g.ICA {
		s := &spatial.ICA{Method: want.Method, Components: 10, Exclude: []int{1, 2}, EOGThreshold: 1, MaxIter: 5000, Tol: tolerances[want.Method], Seed: 5, Output: "cleaned"}
		y := calibrated(t, s, in)
		if len(s.Unmixing) != len(want.Unmixing) {
			t.Fatalf("%s: %d components, must be %d", want.Method, len(s.Unmixing), len(want.Unmixing))
		}
		apart := 0.0
		for k, row := range want.Unmixing {
			apart = max(apart, differ(s.Unmixing[k], row))
		}
		peer := want.Program
		if want.By == "n" {
			peer += ", whitened by n"
		}
		if want.Method == "infomax" {
			peer += ", the same random numbers"
		}
		paritytest.Error(t, paritytest.Report{What: "ICA, " + want.Method + ": unmixing", Peer: peer, Data: run, Err: apart, Tol: 1e-6})
		onRecording(t, "ICA, "+want.Method+": cleaned signal", peer, shown(y, g.Shown, 1000), slices.Concat(want.Cleaned...), 1e-6)
	}
}

func TestRecordedProjections(t *testing.T) {
	in, g := recorded(t)
	mne, _, _ := strings.Cut(g.ICA[0].Program, ",")
	ssp := &spatial.SSP{Components: 3, Events: []string{"T1", "T2"}, TMin: -0.2, TMax: 0.2}
	calibrated(t, ssp, in)
	apart := 0.0
	for k, want := range g.SSP.Vectors {
		apart = max(apart, differ(ssp.Vectors[k], want))
	}
	paritytest.Error(t, paritytest.Report{What: "SSP: vectors", Peer: mne, Data: run, Err: apart, Tol: 1e-9})
	onRecording(t, "SSP: shares of the variance", mne, ssp.Explained, g.SSP.Explained, 1e-9)

	ssd := &spatial.SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 2, Components: 3, Output: "sources"}
	calibrated(t, ssd, in)
	filters, patterns := 0.0, 0.0
	for k, want := range g.SSD.Filters {
		norm, mine := 0.0, 0.0
		for ch := range want {
			norm, mine = norm+want[ch]*want[ch], mine+ssd.Filters[k][ch]*ssd.Filters[k][ch]
		}
		scale := math.Sqrt(norm / mine) // MNE's scale is that of whitened data
		filter, pattern := make([]float64, len(want)), make([]float64, len(want))
		for ch := range filter {
			filter[ch], pattern[ch] = ssd.Filters[k][ch]*scale, ssd.Patterns[ch][k]/scale
		}
		filters, patterns = max(filters, differ(filter, want)), max(patterns, differ(pattern, g.SSD.Patterns[k]))
	}
	paritytest.Error(t, paritytest.Report{What: "SSD: filters", Peer: mne, Data: run, Err: filters, Tol: 1e-6})
	paritytest.Error(t, paritytest.Report{What: "SSD: patterns", Peer: mne, Data: run, Err: patterns, Tol: 1e-6})
	onRecording(t, "SSD: ratios of signal to noise", mne, ssd.Ratios, g.SSD.Ratios, 1e-6)
}

// TestRecordedSplines: on the sphere that MNE fits. By itself gyrus fits it to all electrodes; MNE leaves out those below and
// in front of the origin of its head frame, two here.
func TestRecordedSplines(t *testing.T) {
	in, g := recorded(t)
	mne, _, _ := strings.Cut(g.ICA[0].Program, ",")
	bads := []string{"C4", "Oz", "T9"}
	for what, tc := range map[string]struct {
		step preprocess.Processor
		at   []string
		each int
		want [][]float64
	}{
		"interpolate: bad channels":         {&spatial.Interpolate{Bads: bads, Sphere: g.Sphere}, bads, 400, g.Interpolated},
		"laplacian: current source density": {&reref.Laplacian{Lambda: 1e-5, Stiffness: 4, Sphere: g.Sphere}, g.Shown, 1000, g.CSD},
	} {
		if _, err := tc.step.Start(in.Info); err != nil {
			t.Fatal(err)
		}
		y, err := tc.step.Process(in)
		if err != nil {
			t.Fatal(err)
		}
		var want []float64
		for i := range tc.at {
			want = append(want, tc.want[i]...)
		}
		onRecording(t, what, mne, shown(y, tc.at, tc.each), want, 1e-9)
	}
}
