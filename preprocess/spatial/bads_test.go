package spatial_test

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
)

// badGolden is what MNE makes of blinked with one channel marked as bad.
type badGolden struct {
	Program string      `json:"program"`
	Bad     int         `json:"bad"`
	ICA     [][]float64 `json:"ica"` // cleaned, every 100th sample
	SSP     [][]float64 `json:"ssp"`
	Vectors [][]float64 `json:"vectors"` // over the good channels
	SSD     struct {
		Filters [][]float64 `json:"filters"`
		Ratios  []float64   `json:"ratios"`
	} `json:"ssd"`
}

// TestBadChannelsAsMNE: a channel that the source marks as bad is in no component and passes as it is, whatever it holds, also where a
// stream does not mark it any more.
func TestBadChannelsAsMNE(t *testing.T) {
	raw, err := os.ReadFile("testdata/bads.json")
	if err != nil {
		t.Fatal(err)
	}
	var g badGolden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	peer := strings.Replace(g.Program, "mne", "MNE", 1)
	in := blinked()
	in.Info.Channels[g.Bad].Bad = true
	ica := &spatial.ICA{Method: "fastica", EOG: []string{"VEOG"}, EOGThreshold: 0.7, MaxIter: 2000, Tol: 1e-14, Output: "cleaned"}
	ssp := &spatial.SSP{Components: 2, Events: []string{"blink"}, TMin: -0.2, TMax: 0.2}
	for name, tc := range map[string]struct {
		step preprocess.Calibrator
		want [][]float64
	}{"ICA": {ica, g.ICA}, "SSP": {ssp, g.SSP}} {
		y := calibrated(t, tc.step, in)
		for ch, want := range tc.want {
			got := make([]float64, len(want))
			for i := range got {
				got[i] = y.X[ch][100*i]
			}
			paritytest.Within(t, name+" with a channel marked as bad: "+in.Info.Channels[ch].Name, peer, "generated", got, want, 1e-6)
		}
		if notes := tc.step.(signal.Noter).Notes(); len(notes) != 1 || !strings.Contains(notes[0].String(), "because the recording marks them as bad: E3") {
			t.Errorf("%s: the notes are %v", name, notes)
		}
	}
	for k, v := range g.Vectors {
		full := append(append(append([]float64{}, v[:g.Bad]...), 0), v[g.Bad:]...)
		if d := differ(ssp.Vectors[k], full); !(d <= 1e-9) {
			t.Errorf("SSP: vector %d differs from MNE's by %g of its size", k+1, d)
		}
	}
	ssd := &spatial.SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 2, Components: 3, Output: "cleaned"}
	y := calibrated(t, ssd, in)
	for i, v := range in.X[g.Bad] {
		if y.X[g.Bad][i] != v {
			t.Fatalf("SSD: sample %d of the bad channel changes", i)
		}
	}
	for k, w := range g.SSD.Filters {
		norm, mine := 0.0, 0.0
		for i, v := range w {
			norm += v * v
			if i >= g.Bad {
				i++
			}
			mine += ssd.Filters[k][i] * ssd.Filters[k][i]
		}
		full := append(append(append([]float64{}, w[:g.Bad]...), 0), w[g.Bad:]...)
		for i := range full {
			full[i] *= math.Sqrt(mine / norm) // MNE's scale is that of whitened data
		}
		if d := differ(ssd.Filters[k], full); !(d <= 1e-6) {
			t.Errorf("SSD: filter %d differs from MNE's by %g of its size", k+1, d)
		}
	}
	paritytest.Within(t, "SSD with a channel marked as bad: ratios", peer, "generated", ssd.Ratios, g.SSD.Ratios[:3], 1e-6)

	// What was learned serves a stream that marks nothing, and whose bad channel has broken off.
	for name, step := range map[string]preprocess.Calibrator{"ica": ica, "ssp": ssp, "ssd": ssd} {
		live := blinked()
		want, err := step.Process(in)
		if err != nil {
			t.Fatal(err)
		}
		want = want.Clone()
		for i := range live.X[g.Bad] {
			live.X[g.Bad][i] = math.NaN()
		}
		if _, err := step.Start(live.Info); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := step.SetState(step.State()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := step.Process(live)
		if err != nil {
			t.Fatal(err)
		}
		for ch := range got.X {
			for i, v := range got.X[ch] {
				if ch == g.Bad && !math.IsNaN(v) || ch != g.Bad && v != want.X[ch][i] {
					t.Fatalf("%s: channel %s sample %d is %g, was %g", name, live.Info.Channels[ch].Name, i, v, want.X[ch][i])
				}
			}
		}
	}
}

// TestBadChannelsLeaveEnough: too few good channels are an error that says so.
func TestBadChannelsLeaveEnough(t *testing.T) {
	in := blinked()
	for ch := range channels - 1 {
		in.Info.Channels[ch].Bad = true
	}
	for want, step := range map[string]preprocess.Calibrator{
		"ica: 1 of 6 EEG channels are not marked as bad":             &spatial.ICA{Method: "fastica", EOGThreshold: 1, MaxIter: 5, Output: "cleaned"},
		"ssp: components is 1, must be below 1":                      &spatial.SSP{Components: 1, Events: []string{"blink"}, TMin: -0.2, TMax: 0.2},
		"ssd: components is 2, but only 1 of 6 EEG channels are not": &spatial.SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 2, Components: 2, Output: "sources"},
	} {
		if _, err := step.Start(in.Info); err != nil {
			t.Fatal(err)
		}
		if err := step.Calibrate([]signal.Chunk{in}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the error is %v, want %q", err, want)
		}
	}
}
