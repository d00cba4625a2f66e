package all_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/erp"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	run    = "EEGMMIDB S001 R04"
	length = 640
)

// onRun is what recorded.py wrote.
type onRun struct {
	Programs map[string]string    `json:"programs"`
	Shown    []string             `json:"shown"`
	Events   []int64              `json:"events"`
	Y        []int                `json:"y"`
	Check    float64              `json:"check"`
	Features map[string][]float64 `json:"features"`
	Xdawn    map[string]struct {
		Filters  [][]float64 `json:"filters"`
		Patterns [][]float64 `json:"patterns"`
	} `json:"xdawn"`
}

// trials are the windows from T1 and T2 on, of all channels, and the golden values.
func trials(t *testing.T) (windows [][][]float64, info *signal.Info, g onRun) {
	t.Helper()
	c := datasettest.Whole(t, "eegmmidb/S001/S001R04.edf")
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	var at []int64
	sum := 0.0
	for _, e := range c.Events {
		if e.Label != "T1" && e.Label != "T2" {
			continue
		}
		at = append(at, e.Sample)
		w := c.Slice(e.Sample, e.Sample+length).X
		for _, x := range w {
			for _, v := range x {
				sum += math.Abs(v)
			}
		}
		windows = append(windows, w)
	}
	if !slices.Equal(at, g.Events) || math.Abs(sum-g.Check) > 1e-9*g.Check {
		t.Fatalf("trials at %d add up to %g; MNE has them at %d, and %g", at, sum, g.Events, g.Check)
	}
	return windows, c.Info, g
}

// fewer is the named channels of every window.
func fewer(windows [][][]float64, info *signal.Info, names []string) [][][]float64 {
	out := make([][][]float64, len(windows))
	for i, w := range windows {
		for _, n := range names {
			out[i] = append(out[i], w[info.Index(n)])
		}
	}
	return out
}

func start(t *testing.T, name, params string, in features.Format) (features.Step, features.Format) {
	t.Helper()
	s, err := features.Steps().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.Start(in)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s, out
}

// rowsOf is what the extractor makes of every window.
func rowsOf(t *testing.T, name, params string, in features.Format, windows [][][]float64) ([][]float64, features.Format) {
	t.Helper()
	s, out := start(t, name, params, in)
	rows := make([][]float64, len(windows))
	for i, w := range windows {
		rows[i] = make([]float64, len(out.Names))
		if err := s.(features.Extractor).Extract(rows[i], w); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	return rows, out
}

// TestRecordedFeatures compares features of the first trial of a recording with other programs'.
func TestRecordedFeatures(t *testing.T) {
	all, info, g := trials(t)
	few := fewer(all, info, g.Shown)
	in := features.Format{Names: g.Shown, Len: length, Rate: info.Rate}
	scipy, mne, fooof := "SciPy "+g.Programs["scipy"], "MNE "+g.Programs["mne"], "FOOOF "+g.Programs["fooof"]
	antropy, pyriemann := "antropy "+g.Programs["antropy"], "pyRiemann "+g.Programs["pyriemann"]
	for _, tc := range []struct {
		key, what, use, params, peer string
		channels, every              int
		tol                          float64
	}{
		{"welch", "power spectral density, Welch", "welch", `{"log": false, "segment_s": 1}`, scipy, 8, 1, 1e-9},
		{"multitaper", "power spectral density, multitaper", "multitaper", `{"log": false, "bandwidth_hz": 6}`, mne, 8, 8, 1e-9},
		{"band_power", "band power", "band_power", `{"log": false, "segment_s": 1}`, scipy, 8, 1, 1e-9},
		{"relative", "band power, relative", "band_power", `{"log": false, "relative": true, "segment_s": 1}`, scipy, 8, 1, 1e-9},
		{"differential_entropy", "differential entropy", "differential_entropy", `{"segment_s": 1}`, scipy, 8, 1, 1e-9},
		{"spectral_entropy", "spectral entropy", "spectral_entropy", `{"low_hz": 0, "high_hz": 0, "segment_s": 1}`, antropy, 8, 1, 1e-9},
		{"aperiodic", "aperiodic offset and exponent", "aperiodic", `{"segment_s": 1}`, fooof, 8, 1, 1e-6},
		{"morlet", "power of Morlet wavelets", "morlet", `{"log": false}`, mne, 8, 1, 1e-9},
		{"plv", "phase-locking value, in bands", "plv", `{"trim_s": 0}`, scipy, 4, 1, 1e-9},
		{"pli", "phase-lag index, in bands", "pli", `{"trim_s": 0}`, scipy, 4, 1, 1e-9},
		{"wpli", "weighted phase-lag index, in bands", "wpli", `{"trim_s": 0}`, scipy, 4, 1, 1e-9},
		{"band_coherence", "coherence, in bands", "band_coherence", `{"trim_s": 0}`, scipy, 4, 1, 1e-9},
		{"pac", "phase-amplitude coupling, in bands", "pac", `{"trim_s": 0}`, scipy + ", tensorpac 0.6.5", 4, 1, 1e-9},
		{"covariance", "covariance, OAS", "covariance", `{"estimator": "oas"}`, pyriemann, 8, 1, 1e-9},
		{"covariance_lwf", "covariance, Ledoit-Wolf", "covariance", `{"estimator": "lwf"}`, pyriemann, 8, 1, 1e-9},
		{"coherence", "coherence matrix", "coherence", `{"kind": "ordinary", "window_s": 0.8, "overlap": 0.75, "fmin_hz": 8, "fmax_hz": 30}`, pyriemann, 8, 1, 1e-9},
	} {
		f := in
		f.Names = f.Names[:tc.channels]
		rows, _ := rowsOf(t, tc.use, tc.params, f, fewer(few[:1], &signal.Info{Channels: named(g.Shown)}, f.Names))
		got := rows[0]
		if tc.every > 1 { // of each channel's bins
			got = nil
			bins := len(rows[0]) / tc.channels
			for ch := range tc.channels {
				for k := 0; k < bins; k += tc.every {
					got = append(got, rows[0][ch*bins+k])
				}
			}
		}
		paritytest.Within(t, tc.what, tc.peer, run, got, g.Features[tc.key], tc.tol)
	}

	covariances, format := rowsOf(t, "covariance", `{"estimator": "oas"}`, in, few)
	ts, _ := start(t, "tangent_space", "", format)
	if err := ts.(features.RowFitter).FitRows(covariances, signal.Labels{}); err != nil {
		t.Fatal(err)
	}
	got := make([]float64, len(covariances[0]))
	if err := ts.(features.Transformer).Transform(got, covariances[0]); err != nil {
		t.Fatal(err)
	}
	paritytest.Within(t, "tangent space, Riemannian", pyriemann, run, got, g.Features["tangent_space"], 1e-6)
}

func named(names []string) []signal.Channel {
	channels := make([]signal.Channel, len(names))
	for i, n := range names {
		channels[i].Name = n
	}
	return channels
}

// TestRecordedXdawn compares filters and patterns of 64 channels, up to sign.
func TestRecordedXdawn(t *testing.T) {
	windows, info, g := trials(t)
	for name, want := range g.Xdawn {
		x := &erp.Xdawn{Components: 3, Centre: name == "pyriemann"}
		x.SetClasses([]string{"T1", "T2"})
		if _, err := x.Start(features.Format{Names: info.Names(), Len: length, Rate: info.Rate}); err != nil {
			t.Fatal(err)
		}
		if err := x.FitWindows(windows, signal.Labels{Classes: []string{"T1", "T2"}, Y: g.Y}); err != nil {
			t.Fatal(err)
		}
		what, peer := "xDAWN: ", "MNE "+g.Programs["mne"]
		if name == "pyriemann" {
			what, peer = "xDAWN, centred: ", "pyRiemann "+g.Programs["pyriemann"]
		}
		paritytest.Within(t, what+"filters", peer, run, signed(x.Filters, want.Filters), slices.Concat(want.Filters...), 1e-6)
		paritytest.Within(t, what+"patterns", peer, run, signed(x.Patterns, want.Patterns), slices.Concat(want.Patterns...), 1e-6)
	}
}

// signed is the rows of got, each with the sign that it has in want.
func signed(got, want [][]float64) (all []float64) {
	for i, row := range got {
		dot := 0.0
		for j := range row {
			dot += row[j] * want[i][j]
		}
		for _, v := range row {
			all = append(all, math.Copysign(1, dot)*v)
		}
	}
	return all
}
