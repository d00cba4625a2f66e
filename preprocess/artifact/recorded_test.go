package artifact_test

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// TestRecordedVerdicts compares what is said of the seconds of a recording with MNE, autoreject and pyRiemann.
func TestRecordedVerdicts(t *testing.T) {
	const run, length, count, folds = "EEGMMIDB S001 R04", 160, 120, 5
	c := datasettest.Whole(t, "eegmmidb/S001/S001R04.edf")
	var g struct {
		Programs map[string]string `json:"programs"`
		Shown    []string          `json:"shown"`
		Check    float64           `json:"check"`
		Kept     []int             `json:"kept"`
		Losses   []*float64        `json:"losses"`
		Found    float64           `json:"found"`
		Z        []float64         `json:"z"`
	}
	readJSON(t, "testdata/recorded.json", &g)
	idx := make([]int, len(g.Shown))
	for i, n := range g.Shown {
		idx[i] = c.Info.Index(n)
	}
	info := c.Info.Pick(idx)
	ws, sum := make([]signal.Window, count), 0.0
	for i := range ws {
		ws[i] = signal.Window{Info: info, Start: int64(i * length)}
		for _, ch := range idx {
			x := c.X[ch][i*length : (i+1)*length]
			ws[i].X = append(ws[i].X, x)
			sum += floats.Norm(x, 1)
		}
	}
	if math.Abs(sum-g.Check) > 1e-9*g.Check {
		t.Fatalf("the windows add up to %g, those of the script to %g", sum, g.Check)
	}
	eeg := []signal.Kind{signal.EEG}

	limits := &artifact.Amplitude{PeakToPeak: 300.5, Flat: 130.5, Kinds: eeg}
	if err := limits.Start(info, length); err != nil {
		t.Fatal(err)
	}
	other := 0.0
	for i, w := range ws {
		if (limits.Check(w) == "") != slices.Contains(g.Kept, i) {
			other++
		}
	}
	if len(g.Kept) == 0 || len(g.Kept) == count {
		t.Fatalf("MNE keeps %d of %d windows: nothing is compared", len(g.Kept), count)
	}
	paritytest.Error(t, paritytest.Report{What: "amplitude: windows with another verdict", Peer: "MNE " + g.Programs["mne"] + " drop_bad", Data: run, Err: other})

	candidates, losses := artifact.Losses(ws, []int{0, 1, 2, 3, 4, 5, 6, 7}, folds, true)
	var got, want []float64
	for i, l := range g.Losses {
		if l == nil != math.IsInf(losses[i], 1) {
			t.Errorf("loss %d is %g, the package's is infinite: %t", i, losses[i], l == nil)
		} else if l != nil {
			got, want = append(got, losses[i]), append(want, *l)
		}
	}
	peer := "autoreject " + g.Programs["autoreject"]
	paritytest.Within(t, "autoreject: losses of global thresholds", peer, run, got, want, 1e-12)
	auto := &artifact.AutoReject{Method: "global", Folds: folds, Kinds: eeg}
	fit(t, auto, ws)
	theirs := make([]float64, len(g.Losses)) // the package's loss at every candidate
	for i, l := range g.Losses {
		if theirs[i] = math.Inf(1); l != nil {
			theirs[i] = *l
		}
	}
	best := floats.MinIdx(theirs)
	paritytest.Within(t, "autoreject: global threshold, all candidates tried", peer, run, auto.Thresholds[:1], candidates[best:best+1], 1e-9)
	found := floats.NearestIdx(candidates, g.Found)
	paritytest.Error(t, paritytest.Report{
		What: "autoreject: global threshold, how much worse than that of the package's search by its own loss", Peer: peer, Data: run,
		Err: max(0, theirs[floats.NearestIdx(candidates, auto.Thresholds[0])]-theirs[found]) / theirs[found], Tol: 1e-12,
		Note: fmt.Sprintf("The package's Bayesian search ends at %.6g µV with a loss of %.6g by its own estimator; trying every candidate, as gyrus does, finds %.6g µV with %.6g.",
			g.Found, theirs[found], auto.Thresholds[0], theirs[best]),
	})

	potato := &artifact.Potato{Threshold: 2.5, MaxIter: 100, Estimator: spd.OAS, Kinds: eeg}
	fit(t, potato, ws)
	zs := make([]float64, count)
	for i, w := range ws {
		var err error
		if zs[i], err = potato.Score(w); err != nil {
			t.Fatal(err)
		}
	}
	paritytest.Within(t, "Riemannian potato, OAS: z of the windows", "pyRiemann "+g.Programs["pyriemann"], run, zs, g.Z, 1e-6)
}
