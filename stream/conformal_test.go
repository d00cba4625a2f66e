package stream_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// abstaining is csp-lda with conformal abstention.
func abstaining(t testing.TB) *pipeline.Spec {
	t.Helper()
	spec := cspLDA(t)
	spec.Decide = &pipeline.Step{Use: "conformal"}
	if err := spec.Decide.Set(map[string]any{"alpha": 0.1}); err != nil {
		t.Fatal(err)
	}
	return spec
}

func person(t testing.TB, subject uint64, effect float64) []*signal.Recording {
	t.Helper()
	var recs []*signal.Recording
	for run, name := range []string{"a", "b", "c", "d"} {
		recs = append(recs, simulatedRun(t, subject, uint64(run), effect, name))
	}
	return recs
}

func tested(t testing.TB, spec *pipeline.Spec, recs []*signal.Recording, set *pipeline.Set, y signal.Labels) map[int]pipeline.Tested {
	t.Helper()
	folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
	if err != nil {
		t.Fatal(err)
	}
	out, err := stream.CrossValidate(context.Background(), spec, recs, set, y, folds, nil)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestConformalCoverage: over simulated persons, easy and hard to decode, the true class is possible in at least 90 % of the
// trials of runs that nothing has learned from, within binomial limits, and not in all: some sets leave the class out.
func TestConformalCoverage(t *testing.T) {
	for _, effect := range []float64{0.3, 0.7} {
		trials, covered, decided, right := 0, 0, 0, 0
		for subject := range uint64(4) {
			recs := person(t, subject, effect)
			set, y := collect(t, build(t, abstaining(t), pipeline.Cued), recs...)
			for _, r := range tested(t, abstaining(t), recs, set, y) {
				if trials++; r.Possible[r.Truth] {
					covered++
				}
				if r.Decision >= 0 {
					decided++
					if r.Decision == r.Truth {
						right++
					}
				}
			}
		}
		t.Logf("effect %g: true class possible in %d of %d trials (%.3f); %d decided, %d rightly", effect, covered, trials, float64(covered)/float64(trials), decided, right)
		if p := (distuv.Binomial{N: float64(trials), P: 0.9}).CDF(float64(covered)); p < 0.001 {
			t.Errorf("effect %g: covered %d of %d, which has the probability %.2g at a coverage of 0.9", effect, covered, trials, p)
		}
		if covered == trials || decided == 0 {
			t.Errorf("effect %g: %d of %d covered, %d decided: sets that are always whole say nothing", effect, covered, trials, decided)
		}
	}
}

// TestConformalSeparate: the calibration run teaches the limit alone, and the test run nothing: with the labels of the last
// training run turned round, rows and scores of the test run keep their bits, and only what is possible changes; with those
// of the test run turned round, nothing does.
func TestConformalSeparate(t *testing.T) {
	recs := person(t, 1, 0.5)
	spec := abstaining(t)
	set, y := collect(t, build(t, spec, pipeline.Cued), recs...)
	turned := func(run string) signal.Labels {
		z := signal.Labels{Classes: y.Classes, Y: slices.Clone(y.Y)}
		for i := range z.Y {
			if set.Group[i] == run {
				z.Y[i] = 1 - z.Y[i]
			}
		}
		return z
	}
	want, calibration, test := tested(t, spec, recs, set, y), tested(t, spec, recs, set, turned("c")), tested(t, spec, recs, set, turned("d"))
	changed := false
	for i, w := range want {
		if set.Group[i] != "d" { // c is the last training run where d is tested
			continue
		}
		c, d := calibration[i], test[i]
		if !slices.Equal(c.Row, w.Row) || !slices.Equal(c.Scores, w.Scores) {
			t.Fatal("features or decoder learn from the calibration run")
		}
		if !slices.Equal(d.Scores, w.Scores) || !slices.Equal(d.Possible, w.Possible) || d.Decision != w.Decision {
			t.Fatal("something learns from the labels of the test run")
		}
		changed = changed || !slices.Equal(c.Possible, w.Possible)
	}
	if !changed {
		t.Error("the calibration run does not teach the limit")
	}
}

// TestConformalLive: a bundle decides as cross-validation did, and says no control elsewhere.
func TestConformalLive(t *testing.T) {
	recs := person(t, 2, 0.6)
	p := build(t, abstaining(t), pipeline.Cued)
	set, y := collect(t, p, recs[:3]...)
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	q, err := pipeline.FromBundle("x", b, pipeline.All)
	if err != nil {
		t.Fatal(err)
	}
	limit := b.State["decide.limit"].Data[0]
	told, none := 0, 0
	var runs [2][]decision
	for k, opt := range []ingest.PlayOptions{{}, {Sizes: randomSizes(4)}} {
		_, err = stream.Run(context.Background(), ingest.Play(recs[3], opt), q, stream.SinkFunc(func(_ context.Context, pr *pipeline.Prediction) error {
			if !pr.Slides {
				return nil
			}
			want, n := "", 0
			for c, s := range pr.Scores { // the definition
				if 1-s <= limit {
					want = q.Classes()[c]
					n++
				}
			}
			if n != 1 {
				want = ""
			}
			if pr.Decision != want {
				t.Fatalf("window that ends at %d: decision %q, want %q", pr.End, pr.Decision, want)
			}
			if pr.Decision == "" {
				none++
			} else {
				told++
			}
			runs[k] = append(runs[k], decision{pr.End, pr.Decision})
			return nil
		}), stream.Options{})
		if err != nil {
			t.Fatal(err)
		}
	}
	if !slices.Equal(runs[0], runs[1]) {
		t.Error("random chunks lead to other decisions")
	}
	if told == 0 {
		t.Errorf("%d decisions, %d times no control", told, none)
	}
	delete(b.State, "decide.limit")
	if _, err := pipeline.FromBundle("x", b, pipeline.All); err == nil || !strings.Contains(err.Error(), "limit") {
		t.Errorf("a bundle without its limit: %v", err)
	}
}

func TestConformalErrors(t *testing.T) {
	recs := person(t, 2, 0.6)
	for _, tc := range []struct {
		set  map[string]any
		n    int
		want string
	}{
		{map[string]any{"alpha": 0.0}, 3, "alpha is 0"},
		{map[string]any{"calibration_runs": 0}, 3, "calibration_runs is 0"},
		{map[string]any{"calibration_runs": 2}, 2, "nothing is left to learn from"},
		{map[string]any{"alpha": 0.01}, 3, "needs at least 99"},
	} {
		spec := abstaining(t)
		if err := spec.Decide.Set(tc.set); err != nil {
			t.Fatal(err)
		}
		p, err := pipeline.Build(spec, pipeline.Cued)
		if err == nil {
			set, y := collect(t, p, recs[:tc.n]...)
			err = p.Fit(set, y)
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%v: error %v, must contain %q", tc.set, err, tc.want)
		}
	}
	spec := abstaining(t)
	spec.Reject = []pipeline.Step{{Use: "autoreject"}}
	if _, err := pipeline.Build(spec, pipeline.Cued); err == nil || !strings.Contains(err.Error(), "keeps training runs") {
		t.Errorf("with a check that learns: %v", err)
	}
}
