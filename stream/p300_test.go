package stream_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// p300Golden is what benchmarks/oracle/muse_p300.py --golden prints.
type p300Golden struct {
	LeftOut      int        `json:"left_out"`
	MeanAUC      float64    `json:"mean_auc"`
	MeanInterval [2]float64 `json:"mean_interval"`
	LBFGSError   float64    `json:"lbfgs_error"`
	Sessions     []struct {
		Session, Windows, Targets int
		AUC                       float64
		Interval                  [2]float64
	} `json:"sessions"`
	Runs []struct {
		File, SHA256 string
		Sample       []int64
		LogOdds      []float64 `json:"log_odds"`
	} `json:"runs"`
}

// TestP300AgainstOracle decodes the P300 of muse-p300, each session from the two others, by the built-in pipeline: the
// area under the ROC curve of each session is at or above that of the same pipeline in SciPy, pyRiemann and scikit-learn
// (benchmarks/oracle/muse_p300.py), and the log odds of every window are the same.
func TestP300AgainstOracle(t *testing.T) {
	raw, err := os.ReadFile("../benchmarks/oracle/golden/muse_p300.json")
	if err != nil {
		t.Fatal(err)
	}
	var want p300Golden
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Sessions) != 3 || len(want.Runs) != 16 {
		t.Fatalf("%d sessions and %d runs, want 3 and 16", len(want.Sessions), len(want.Runs))
	}
	spec, err := pipeline.Load("xdawn-ts-lr")
	if err != nil {
		t.Fatal(err)
	}
	root := datasettest.Need(t, "muse-p300")
	var recs []*signal.Recording
	for _, r := range want.Runs {
		data, err := os.ReadFile(filepath.Join(root, r.File))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != r.SHA256 {
			t.Fatalf("%s is not the file that the oracle read", r.File)
		}
		rec, err := ingest.Open(os.DirFS(root), r.File)
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	set, y := collect(t, build(t, spec, pipeline.Cued), recs...)
	folds, err := split.CrossSession{}.Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := stream.CrossValidate(context.Background(), spec, recs, set, y, folds, nil)
	if err != nil {
		t.Fatal(err)
	}

	// Window by window.
	type cue struct {
		file   string
		sample int64
	}
	python := map[cue]float64{}
	for _, r := range want.Runs {
		for i, at := range r.Sample {
			python[cue{r.File, at}] = r.LogOdds[i]
		}
	}
	if len(tested) != len(python) || len(set.Windows)-len(tested) != want.LeftOut {
		t.Errorf("%d windows, %d left out; the oracle has %d and %d", len(tested), len(set.Windows)-len(tested), len(python), want.LeftOut)
	}
	worst := 0.0
	odds, target := make([][]float64, len(folds)), make([][]bool, len(folds))
	for i, w := range set.Windows {
		r, ok := tested[i]
		if !ok {
			continue
		}
		of, known := python[cue{set.Group[i], w.Event.Sample}]
		if !known {
			t.Fatalf("%s: the oracle left out the window at sample %d", set.Group[i], w.Event.Sample)
		}
		got := math.Log(r.Scores[1] / r.Scores[0]) // classes are sorted: nontarget, target
		worst = max(worst, math.Abs(got-of)/max(1, math.Abs(of)))
		odds[r.Fold], target[r.Fold] = append(odds[r.Fold], got), append(target[r.Fold], r.Truth == 1)
	}
	// The peer's log odds are of its logistic regression solved to the end: see the script for why its default solver's are
	// not compared.
	paritytest.Error(t, paritytest.Report{
		What: "xdawn-ts-lr, leave one session out: log odds of 3078 windows, over max(1, magnitude)", Peer: "SciPy, pyRiemann, scikit-learn (benchmarks/oracle)",
		Data: "muse-p300", Err: worst, Tol: 1e-6,
	})

	t.Logf("log odds differ by up to %.3g; those of scikit-learn's default solver are off by %.3g", worst, want.LBFGSError)

	// Session by session. Windows whose odds are the same to their last digits may be ordered in two ways: one pair of
	// them is 1/(targets·others) of an AUC, 6e-6, so nothing is allowed for it.
	var all []*metrics.Ranking
	for f, s := range want.Sessions {
		rank, err := metrics.NewRanking(odds[f], target[f])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, rank)
		low, high, err := rank.AUCInterval(0.95)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("session %d: %d windows, AUC %.6f [%.4f, %.4f], oracle %.6f %v", s.Session, len(odds[f]), rank.AUC(), low, high, s.AUC, s.Interval)
		if len(odds[f]) != s.Windows || rank.AUC() < s.AUC-1e-12 { // the sums of pairs are rounded
			t.Errorf("session %d: AUC %.6f of %d windows, the oracle has %.6f of %d", s.Session, rank.AUC(), len(odds[f]), s.AUC, s.Windows)
		}
		near(t, "limits of a session", []float64{low, high}, s.Interval[:])
	}
	mean := metrics.MeanAUC(all)
	low, high, err := metrics.MeanAUCInterval(all, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("mean AUC %.6f [%.4f, %.4f], oracle %.6f %v", mean, low, high, want.MeanAUC, want.MeanInterval)
	if mean < want.MeanAUC-1e-12 || mean < 0.766 {
		t.Errorf("the mean AUC is %.6f, must be at least the oracle's %.6f and 0.766", mean, want.MeanAUC)
	}
	near(t, "limits of the mean", []float64{low, high}, want.MeanInterval[:])
}

// near compares limits of DeLong's with those of a bootstrap: two estimates of one thing, within a hundredth.
func near(t *testing.T, what string, got, want []float64) {
	t.Helper()
	for i := range got {
		if math.Abs(got[i]-want[i]) > 0.01 {
			t.Errorf("%s are %.4f, a bootstrap has %.4f", what, got, want)
			return
		}
	}
}
