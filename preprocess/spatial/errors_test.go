package spatial_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
)

func newICA(change func(*spatial.ICA)) *spatial.ICA {
	s := &spatial.ICA{Method: "fastica", EOGThreshold: 0.5, MaxIter: 500, Output: "cleaned"}
	if change != nil {
		change(s)
	}
	return s
}

func newSSD(change func(*spatial.SSD)) *spatial.SSD {
	s := &spatial.SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 2, Components: 3, Output: "sources"}
	if change != nil {
		change(s)
	}
	return s
}

func TestStartErrors(t *testing.T) {
	for want, step := range map[string]preprocess.Processor{
		`interpolate: bads: unknown channel "C33": did you mean "C3"?`:        &spatial.Interpolate{Bads: []string{"C33"}},
		`interpolate: bads: "C3" is listed twice`:                             &spatial.Interpolate{Bads: []string{"C3", "C3"}},
		`interpolate: bads: channel "EOG1" is of kind "eog", must be "eeg"`:   &spatial.Interpolate{Bads: []string{"EOG1"}},
		"interpolate: bads lists all EEG channels":                            &spatial.Interpolate{Bads: []string{"Fp1", "F3", "C3", "C4", "O1", "O2"}},
		"interpolate: sphere_m must be empty, or four numbers":                &spatial.Interpolate{Bads: []string{"C3"}, Sphere: []float64{1}},
		`ica: method is "jade", must be fastica, infomax, picard or picard_o`: newICA(func(s *spatial.ICA) { s.Method = "jade" }),
		"ica: eog_threshold is 0, must be above 0":                            newICA(func(s *spatial.ICA) { s.EOGThreshold = 0 }),
		"ica: max_iter is 0": newICA(func(s *spatial.ICA) { s.MaxIter = 0 }),
		"ica: tol is NaN":    newICA(func(s *spatial.ICA) { s.Tol = math.NaN() }),
		`ica: output is "both", must be "cleaned" or "sources"`:                                newICA(func(s *spatial.ICA) { s.Output = "both" }),
		"ica: exclude: component 0, numbers go from 1 to at most 6":                            newICA(func(s *spatial.ICA) { s.Exclude = []int{0} }),
		"ica: exclude: component 7":                                                            newICA(func(s *spatial.ICA) { s.Exclude = []int{7} }),
		`ica: eog: unknown channel "EOG2"`:                                                     newICA(func(s *spatial.ICA) { s.EOG = []string{"EOG2"} }),
		"ssp: components is 6, must be at least 1 and below 6":                                 &spatial.SSP{Components: 6, TMin: -1, TMax: 1},
		"ssp: tmin_s is 1 and tmax_s 1":                                                        &spatial.SSP{Components: 1, TMin: 1, TMax: 1},
		"ssp: threshold_uv is -1":                                                              &spatial.SSP{Components: 1, TMax: 1, Threshold: -1},
		`ssp: eog: unknown channel "EOG2"`:                                                     &spatial.SSP{Components: 1, TMax: 1, EOG: []string{"EOG2"}},
		"ssd: bands are 9 to 12 Hz within 10 to 14 Hz, must be":                                newSSD(func(s *spatial.SSD) { s.NoiseLow = 10 }),
		"ssd: bands are 9 to 12 Hz within 7 to 125 Hz":                                         newSSD(func(s *spatial.SSD) { s.NoiseHigh = 125 }),
		"ssd: bands are NaN to 12 Hz":                                                          newSSD(func(s *spatial.SSD) { s.Low = math.NaN() }),
		"ssd: both bands are 9 to 12 Hz":                                                       newSSD(func(s *spatial.SSD) { s.NoiseLow, s.NoiseHigh = 9, 12 }),
		"ssd: order is 9":                                                                      newSSD(func(s *spatial.SSD) { s.Order = 9 }),
		"ssd: components is 7, must be from 1 to 6":                                            newSSD(func(s *spatial.SSD) { s.Components = 7 }),
		`ssd: output is ""`:                                                                    newSSD(func(s *spatial.SSD) { s.Output = "" }),
		"ica: was fitted on 1 EEG channels, now gets 6; use the channels of the training data": newICA(func(s *spatial.ICA) { s.Mean = []float64{1} }),
		"ssp: was fitted on 1 EEG channels, now gets 6; use the channels of the training data": &spatial.SSP{Components: 1, TMax: 1, Vectors: [][]float64{{1}}},
		"ssd: was fitted on 1 EEG channels, now gets 6; use the channels of the training data": newSSD(func(s *spatial.SSD) { s.Filters = [][]float64{{1}} }),
	} {
		if _, err := step.Start(preprocesstest.Info()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%T: error is %v, must contain %q", step, err, want)
		}
		if _, err := step.Process(signal.NewChunk(preprocesstest.Info(), 0, 3)); err == nil {
			t.Errorf("%T works after a refused Start", step)
		}
	}
	unplaced := preprocesstest.Info()
	unplaced.Channels[1].Pos, unplaced.Channels[4].Pos = nil, nil
	if _, err := (&spatial.Interpolate{Bads: []string{"C3"}}).Start(unplaced); err == nil || !strings.Contains(err.Error(), "no position is known for channel F3, O1") {
		t.Errorf("channels without a position give the error %v", err)
	}
	if _, err := (&spatial.Interpolate{}).Start(unplaced); err != nil {
		t.Errorf("without bads no position is needed, but: %v", err)
	}
	one := preprocesstest.Info().Pick([]int{0, 7})
	if _, err := newICA(nil).Start(one); err == nil || !strings.Contains(err.Error(), "1 EEG channels (of 2 channels), must be at least 2") {
		t.Errorf("one EEG channel gives the error %v", err)
	}
	if _, err := (&spatial.SSP{Components: 1, TMax: 1}).Start(preprocesstest.Info().Pick([]int{0, 1, 2, 7})); err == nil || !strings.Contains(err.Error(), "no channel is of kind eog") {
		t.Errorf("no eog channel gives the error %v", err)
	}
}

// TestCalibrateErrors: what the training signal can lack.
func TestCalibrateErrors(t *testing.T) {
	once := preprocesstest.Training(preprocesstest.Info())
	good := func() []signal.Chunk { return []signal.Chunk{once[0].Clone(), once[1].Clone()} }
	flat := func(ch int) []signal.Chunk {
		runs := good()
		for _, r := range runs {
			clear(r.X[ch])
		}
		return runs
	}
	holed := good()
	holed[1].X[3][77] = math.NaN()
	short := []signal.Chunk{good()[0].Slice(2500, 2504)}
	for _, tc := range []struct {
		step preprocess.Calibrator
		runs []signal.Chunk
		want string
	}{
		{newICA(nil), nil, "ica: the training signal has no samples"},
		{newICA(nil), holed, `ica: training run 1, channel "C4", sample 14827 is NaN, must be finite`},
		{newICA(nil), short, "ica: 4 samples of 6 channels, must be more samples than channels"},
		{newICA(func(s *spatial.ICA) { s.Components = 6 }), flat(2), "ica: components is 6, but the channels have rank 5"},
		{newICA(func(s *spatial.ICA) { s.Exclude = []int{6} }), flat(2), "ica: exclude: component 6, but there are only 5"},
		{newICA(func(s *spatial.ICA) { s.MaxIter = 1 }), good(), "ica: fastica has not converged in 1 iterations"},
		{newICA(func(s *spatial.ICA) { s.Method, s.MaxIter = "picard", 1 }), good(), "ica: picard has not converged in 1 iterations"},
		{newICA(func(s *spatial.ICA) { s.Method, s.MaxIter = "infomax", 1 }), good(), "ica: infomax has not converged in 1 iterations"},
		{newICA(func(s *spatial.ICA) { s.EOG = []string{"EOG1"} }), flat(6), `ica: eog: channel "EOG1" never changes`},
		{&spatial.SSP{Components: 1, TMax: 0.2}, flat(6), `ssp: eog: channel "EOG1" hardly ever changes`},
		{&spatial.SSP{Components: 1, TMax: 0.2, Threshold: 1e6}, good(), "ssp: no artefact in the training signal"},
		{&spatial.SSP{Components: 1, TMax: 0.2, Events: []string{"blink"}}, good(), `ssp: no artefact in the training signal (events ["blink"]`},
		{newSSD(func(s *spatial.SSD) { s.Components = 6 }), flat(0), "ssd: components is 6, but the EEG channels have rank 5"},
		{newSSD(nil), holed, `ssd: training run 1, channel "C4"`},
	} {
		if _, err := tc.step.Start(preprocesstest.Info()); err != nil {
			t.Fatal(err)
		}
		if err := tc.step.Calibrate(tc.runs); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error is %v, must contain %q", err, tc.want)
		}
		if tc.step.State() != nil {
			t.Errorf("%q leaves a state", tc.want)
		}
	}
	for _, step := range []preprocess.Calibrator{&spatial.ICA{}, &spatial.SSP{}, &spatial.SSD{}} {
		if err := step.Calibrate(good()); err == nil {
			t.Errorf("%T calibrates before Start", step)
		}
		if err := step.SetState(signal.State{}); err == nil {
			t.Errorf("%T takes a state before Start", step)
		}
	}
}

// TestDeficientRank: an average reference and an interpolated channel leave fewer components, and numbers.
func TestDeficientRank(t *testing.T) {
	for _, step := range []preprocess.Calibrator{newICA(func(s *spatial.ICA) { s.Exclude = []int{1} }), newSSD(func(s *spatial.SSD) { s.Output = "cleaned" })} {
		runs := preprocesstest.Training(preprocesstest.Info())
		for _, r := range runs {
			for i := range r.X[0] {
				r.X[5][i] = r.X[4][i]
				mean := 0.0
				for _, x := range r.X[:6] {
					mean += x[i] / 6
				}
				for _, x := range r.X[:6] {
					x[i] -= mean
				}
			}
		}
		y := calibratedOn(t, step, runs)
		for ch, x := range y.X {
			for i, v := range x {
				if math.IsNaN(v) || math.IsInf(v, 0) || math.Abs(v) > 1000 {
					t.Fatalf("%T: channel %d sample %d is %g", step, ch, i, v)
				}
			}
		}
		if s, ok := step.(*spatial.ICA); ok && len(s.Unmixing) != 4 {
			t.Errorf("%d components of 6 channels with rank 4", len(s.Unmixing))
		}
		if n := step.(signal.Noter).Notes(); len(n) != 1 || !strings.Contains(n[0].String(), "rank 4 of 6") {
			t.Errorf("the rank is not named: %v", n)
		}
	}
}

func calibratedOn(t *testing.T, step preprocess.Calibrator, runs []signal.Chunk) signal.Chunk {
	t.Helper()
	if _, err := step.Start(runs[0].Info); err != nil {
		t.Fatal(err)
	}
	if err := step.Calibrate(runs); err != nil {
		t.Fatal(err)
	}
	if _, err := step.Start(runs[0].Info); err != nil {
		t.Fatal(err)
	}
	y, err := step.Process(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	return y
}
