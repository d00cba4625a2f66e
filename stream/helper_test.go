package stream_test

import (
	"context"
	"math"
	"testing"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	"github.com/gyrus-bci/gyrus/decoders/split"
	_ "github.com/gyrus-bci/gyrus/features/all"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// fistsFeet are the runs of EEGMMIDB S001 in which fists and feet are imagined.
var fistsFeet = []string{"R06", "R10", "R14"}

// recorded opens a run of EEGMMIDB S001.
func recorded(t testing.TB, run string) *signal.Recording {
	t.Helper()
	return eegmmidb(t, "S001", run)
}

// simulated is a run of a simulated person who imagines fists and feet, in few channels so that tests are quick.
func simulated(t testing.TB, run uint64) *signal.Recording {
	t.Helper()
	opt := synth.Defaults()
	opt.Subject, opt.Run, opt.Task = 5, run, synth.FistsFeet
	opt.Channels = []string{"Fp1", "FC3", "FCz", "FC4", "C3", "C1", "Cz", "C2", "C4", "CP3", "CPz", "CP4", "O1"}
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	rec.Name = "simulated " + string(rune('a'+run))
	return rec
}

// cspLDA is the built-in pipeline for fists and feet.
func cspLDA(t testing.TB) *pipeline.Spec {
	t.Helper()
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Segment.Set(map[string]any{"events": map[string]string{"T1": "fists", "T2": "feet"}}); err != nil {
		t.Fatal(err)
	}
	return spec
}

func build(t testing.TB, spec *pipeline.Spec, which pipeline.Which) *pipeline.Pipeline {
	t.Helper()
	p, err := pipeline.Build(spec, which)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// collect gathers the training windows of recordings.
func collect(t testing.TB, p *pipeline.Pipeline, recs ...*signal.Recording) (*pipeline.Set, signal.Labels) {
	t.Helper()
	set, err := stream.Collect(context.Background(), recs, p, stream.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	y, err := set.Labels()
	if err != nil {
		t.Fatal(err)
	}
	return set, y
}

// trainedOn is the built-in pipeline fitted to recordings, cutting all windows.
func trainedOn(t testing.TB, recs ...*signal.Recording) *pipeline.Pipeline {
	t.Helper()
	p := build(t, cspLDA(t), pipeline.All)
	cued := build(t, cspLDA(t), pipeline.Cued)
	set, y := collect(t, cued, recs...)
	if err := cued.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	b, err := cued.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Restore(b); err != nil {
		t.Fatal(err)
	}
	return p
}

// leaveOneRunOut is the part of balanced right decisions, and how many were right.
func leaveOneRunOut(t testing.TB, set *pipeline.Set, y signal.Labels) (balanced float64, correct int) {
	t.Helper()
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	tested, err := pipeline.CrossValidate(cspLDA(t), set, y, folds, nil)
	if err != nil {
		t.Fatal(err)
	}
	right, all := make([]float64, len(y.Classes)), make([]float64, len(y.Classes))
	for _, r := range tested {
		all[r.Truth]++
		if r.Label == r.Truth {
			right[r.Truth]++
			correct++
		}
	}
	for k := range all {
		balanced += right[k] / all[k] / float64(len(all))
	}
	return balanced, correct
}

// meanAndError is the mean of x and its standard error.
func meanAndError(x []float64) (mean, se float64) {
	for _, v := range x {
		mean += v / float64(len(x))
	}
	for _, v := range x {
		se += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(se/float64(len(x)-1)) / math.Sqrt(float64(len(x)))
}

// answer is a prediction in memory of its own.
type answer struct {
	start, end, time int64
	row, scores      []float64
	label, truth     string
}

// decode runs p on src to its end.
func decode(t testing.TB, src signal.Source, p *pipeline.Pipeline, opt stream.Options) ([]answer, stream.Stats) {
	t.Helper()
	var all []answer
	stats, err := stream.Run(context.Background(), src, p, stream.SinkFunc(func(_ context.Context, pr *pipeline.Prediction) error {
		all = append(all, answer{
			pr.Start, pr.End, pr.Time, append([]float64(nil), pr.Row...), append([]float64(nil), pr.Scores...), pr.Label, pr.Truth,
		})
		return nil
	}), opt)
	if err != nil {
		t.Fatal(err)
	}
	return all, stats
}

// sameBits compares two runs: windows, decisions, and every bit of every row and score.
func sameBits(t testing.TB, name string, got, want []answer) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d predictions, want %d", name, len(got), len(want))
	}
	bits := func(a, b []float64) bool {
		if len(a) != len(b) {
			return false
		}
		for i := range a {
			if math.Float64bits(a[i]) != math.Float64bits(b[i]) {
				return false
			}
		}
		return true
	}
	for i, g := range got {
		w := want[i]
		if g.start != w.start || g.end != w.end || g.label != w.label || g.truth != w.truth || !bits(g.row, w.row) || !bits(g.scores, w.scores) {
			t.Fatalf("%s: prediction %d is %+v, want %+v", name, i, g, w)
		}
	}
}
