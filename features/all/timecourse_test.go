package all_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	_ "github.com/gyrus-bci/gyrus/ingest/fif"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/ingest/text"
)

// TestRecordedTimeCourse compares features of the time course with other programs', on a stretch of four recordings.
func TestRecordedTimeCourse(t *testing.T) {
	var g struct {
		Programs map[string]string            `json:"programs"`
		Cases    []map[string]json.RawMessage `json:"cases"`
	}
	read(t, "testdata/timecourse.json", &g)
	if len(g.Cases) != 4 {
		t.Fatalf("%d recordings, must be 4", len(g.Cases))
	}
	numpy, scipy := "NumPy "+g.Programs["numpy"], "SciPy "+g.Programs["scipy"]
	antropy, stats, mne := "antropy "+g.Programs["antropy"], "statsmodels "+g.Programs["statsmodels"], "mne-features "+g.Programs["mne_features"]
	for _, c := range g.Cases {
		var name, path string
		var idx []int
		var start, length int64
		var check float64
		for key, dst := range map[string]any{"name": &name, "path": &path, "channels": &idx, "start": &start, "length": &length, "check": &check} {
			if err := json.Unmarshal(c[key], dst); err != nil {
				t.Fatal(err)
			}
		}
		all := datasettest.Whole(t, path)
		info, sum := all.Info.Pick(idx), 0.0
		var x [][]float64
		for _, ch := range idx {
			row := all.X[ch][start : start+length]
			for _, v := range row {
				sum += math.Abs(v)
			}
			x = append(x, row)
		}
		if !(math.Abs(sum-check) <= 1e-9*check) {
			t.Fatalf("%s: the samples add up to %g, those of the script to %g", name, sum, check)
		}
		in := features.Format{Names: info.Names(), Len: int(length), Rate: info.Rate}
		for _, tc := range []struct {
			key, what, use, params, peer string
			tol                          float64
		}{
			{"statistics", "statistics of a channel", "statistics", "", numpy + ", " + scipy + ", " + mne + ", " + antropy, 1e-9},
			{"hjorth", "Hjorth's descriptors", "hjorth", "", numpy + ", " + antropy, 1e-9},
			{"line_length", "line length", "line_length", "", mne, 1e-9},
			{"sample_entropy", "sample entropy, order 2", "sample_entropy", "", antropy, 1e-9},
			{"sample_entropy_3", "sample entropy, order 3", "sample_entropy", `{"order": 3, "tolerance": 0.5}`, antropy, 1e-9},
			{"permutation_entropy", "permutation entropy, order 3", "permutation_entropy", "", antropy, 1e-9},
			{"permutation_entropy_5", "permutation entropy, order 5, delay 2", "permutation_entropy", `{"order": 5, "delay_samples": 2, "normalise": false}`, antropy, 1e-9},
			{"burg", "autoregression, Burg: coefficients", "ar", "", stats, 1e-6},
			{"burg_50", "autoregression, Burg: coefficients", "ar", "", "the recursion in 50 digits, mpmath " + g.Programs["mpmath"], 1e-9},
			{"yule_walker", "autoregression, Yule-Walker: coefficients", "ar", `{"order": 5, "method": "yule_walker"}`, stats, 1e-9},
		} {
			var want []float64
			if err := json.Unmarshal(c[tc.key], &want); err != nil {
				t.Fatal(err)
			}
			rows, _ := rowsOf(t, tc.use, tc.params, in, [][][]float64{x})
			if len(rows[0]) != len(want) {
				t.Fatalf("%s: %d numbers, must be %d", tc.key, len(rows[0]), len(want))
			}
			worst := 0.0
			for i, w := range want { // each for itself: a mean is not a kurtosis
				worst = max(worst, math.Abs(rows[0][i]-w)/max(math.Abs(w), 1e-3))
			}
			paritytest.Error(t, paritytest.Report{What: tc.what, Peer: tc.peer, Data: name, Err: worst, Tol: tc.tol})
		}
	}
}

func read(t *testing.T, file string, dst any) {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, dst); err != nil {
		t.Fatal(err)
	}
}

// labelled is y of the named classes.
func labelled(y []int, classes ...string) signal.Labels {
	return signal.Labels{Classes: classes, Y: y}
}
