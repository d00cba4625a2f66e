package stream_test

import (
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// asking is a built-in pipeline for fists and feet with evidence whose threshold rest data set.
func asking(t testing.TB, name string, perMinute float64) *pipeline.Spec {
	t.Helper()
	spec, err := pipeline.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Segment.Set(map[string]any{"events": map[string]string{"T1": "fists", "T2": "feet"}}); err != nil {
		t.Fatal(err)
	}
	spec.Decide = &pipeline.Step{Use: "evidence"}
	if err := spec.Decide.Set(map[string]any{"false_per_min": perMinute}); err != nil {
		t.Fatal(err)
	}
	return spec
}

// resting fits spec to recs, sets its threshold from rest, and gives the pipeline as a live session would load it.
func resting(t testing.TB, spec *pipeline.Spec, recs []*signal.Recording, opt stream.RestOptions) (*pipeline.Pipeline, *bundle.Rest) {
	t.Helper()
	p := build(t, spec, pipeline.Cued)
	set, y := collect(t, p, recs...)
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Bundle("test"); err == nil || !strings.Contains(err.Error(), "rest data") {
		t.Errorf("a bundle without its threshold: %v", err)
	}
	rep, err := stream.CalibrateRest(context.Background(), p, recs, opt)
	if err != nil {
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
	return q, rep
}

// onsets counts decisions while p follows rec, and the minutes of windows.
func onsets(t testing.TB, p *pipeline.Pipeline, rec *signal.Recording) (n int, minutes float64) {
	t.Helper()
	_, err := stream.Run(context.Background(), ingest.Play(rec, ingest.PlayOptions{}), p, stream.SinkFunc(func(_ context.Context, q *pipeline.Prediction) error {
		if q.Slides {
			minutes += 0.1 / 60
			if q.Decision != "" {
				n++
			}
		}
		return nil
	}), stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return n, minutes
}

// few are electrodes enough for a quick test.
var few = []string{"FC3", "FC4", "C3", "C1", "Cz", "C2", "C4", "CP3", "CP4"}

func simulatedRun(t testing.TB, subject, run uint64, effect float64, name string) *signal.Recording {
	t.Helper()
	opt := synth.Defaults()
	opt.Subject, opt.Run, opt.Task, opt.Channels, opt.Effect = subject, run, synth.FistsFeet, few, effect
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	rec.Name = name
	return rec
}

// TestRestSimulated: for several simulated persons the threshold that two minutes of rest set holds the rate on rest that
// nothing has seen: in the mean it is at most the one asked for. So is the held-out rate that is reported.
func TestRestSimulated(t *testing.T) {
	const asked, persons = 2.0, 8
	heldOut, fresh, minutes := 0.0, 0, 0.0
	for subject := range uint64(persons) {
		recs := []*signal.Recording{simulatedRun(t, subject, 1, 0.6, "a"), simulatedRun(t, subject, 2, 0.6, "b")}
		still := simulatedRun(t, subject, 3, 0, "rest") // nothing is imagined, whatever the cues say
		still.Events = nil
		p, rep := resting(t, asking(t, "csp-lda", asked), recs, stream.RestOptions{Recordings: []*signal.Recording{still}})
		other := simulatedRun(t, subject, 4, 0, "other rest")
		other.Events = nil
		n, m := onsets(t, p, other)
		t.Logf("person %d: enter at %.1f nats; held out %.2f a minute [%.2f, %.2f]; fresh rest %.2f; %d trials: %d right, %d wrong",
			subject, rep.Threshold, rep.PerMinute, rep.Low, rep.High, float64(n)/m, rep.Trials, rep.Right, rep.Wrong)
		heldOut += rep.PerMinute / persons
		fresh, minutes = fresh+n, minutes+m
	}
	t.Logf("mean: held out %.2f a minute, fresh rest %.2f, asked for at most %g", heldOut, float64(fresh)/minutes, asked)
	if heldOut > asked || float64(fresh)/minutes > asked {
		t.Errorf("held out %.2f a minute, fresh rest %.2f, must be at most %g", heldOut, float64(fresh)/minutes, asked)
	}
}

// eegmmidb opens one run.
func eegmmidb(t testing.TB, subject, run string) *signal.Recording {
	t.Helper()
	path := datasettest.Need(t, "eegmmidb/"+subject+"/"+subject+run+".edf")
	return ingesttest.Open(t, os.DirFS(filepath.Dir(path)), filepath.Base(path))
}

// TestRestRecorded: two persons of EEGMMIDB, two pipelines, their two minutes of rest with open and closed eyes: the mean
// held-out rate is at most the one asked for. T0 between the trials of the training runs adds rest from runs that the
// decoder has not learned from.
func TestRestRecorded(t *testing.T) {
	const asked = 2.0
	for what, events := range map[string][]string{"rest runs": nil, "rest runs and T0": {"T0"}} {
		mean, n := 0.0, 0
		for _, subject := range []string{"S001", "S002"} {
			for _, name := range []string{"csp-lda", "ts-lr"} {
				var recs []*signal.Recording
				for _, run := range fistsFeet {
					recs = append(recs, eegmmidb(t, subject, run))
				}
				_, rep := resting(t, asking(t, name, asked), recs, stream.RestOptions{Recordings: []*signal.Recording{eegmmidb(t, subject, "R01"), eegmmidb(t, subject, "R02")}, Events: events})
				t.Logf("%s, %s %s: enter at %.1f nats; held out %d in %.2f min, %.2f a minute [%.2f, %.2f]; %d trials: %d right, %d wrong",
					what, subject, name, rep.Threshold, rep.Count, rep.Minutes, rep.PerMinute, rep.Low, rep.High, rep.Trials, rep.Right, rep.Wrong)
				mean, n = mean+rep.PerMinute, n+1
			}
		}
		t.Logf("%s: mean %.2f a minute, asked for at most %g", what, mean/float64(n), asked)
		if mean/float64(n) > asked {
			t.Errorf("%s: mean %.2f a minute, must be at most %g", what, mean/float64(n), asked)
		}
	}
}

// TestRestUnlike: a decoder whose threshold comes from the rests between trials makes far too many false decisions with the
// eyes closed, of which it has seen nothing, where any_rest lets it. Without, they are held back as unlike that rest, and a threshold
// from closed eyes is refused. A potato with folds lets none of those windows through, live and when the
// threshold is set; the rests between trials pass.
func TestRestUnlike(t *testing.T) {
	const asked = 5.0
	var recs []*signal.Recording
	for _, run := range fistsFeet {
		recs = append(recs, eegmmidb(t, "S001", run))
	}
	asRecorded := eegmmidb(t, "S001", "R02")
	still := *asRecorded
	closed := &still
	closed.Events = nil
	guarded := func(guard, whatever bool) *pipeline.Spec {
		spec := asking(t, "ts-lr", asked)
		if err := spec.Segment.Set(map[string]any{"events": map[string]string{"T0": "rest", "T1": "fists", "T2": "feet"}}); err != nil {
			t.Fatal(err)
		}
		if err := spec.Decide.Set(map[string]any{"rest": 2, "any_rest": whatever}); err != nil {
			t.Fatal(err)
		}
		if guard {
			step := pipeline.Step{Use: "potato"}
			if err := step.Set(map[string]any{"estimator": "oas", "folds": 5}); err != nil {
				t.Fatal(err)
			}
			spec.Reject = []pipeline.Step{step}
		}
		return spec
	}
	for _, c := range []struct{ guard, whatever bool }{{false, true}, {false, false}, {true, true}} {
		guard := c.guard
		p, rep := resting(t, guarded(guard, c.whatever), recs, stream.RestOptions{Events: []string{"T0"}})
		var a stream.Activity
		if err := a.Active(context.Background(), p, closed, nil); err != nil {
			t.Fatal(err)
		}
		var b stream.Activity
		if err := b.AtRest(context.Background(), p, asRecorded, nil); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(a, b) { // its one event stands for the class of rest
			t.Errorf("potato %t: %+v at rest, %+v without its event", guard, b, a)
		}
		if unlike := !guard && !c.whatever; unlike != (a.AwayS == a.UnlikeS && a.AwayS > 0) || c.whatever && a.UnlikeS > 0 {
			t.Errorf("potato %t, any rest %t: %g of %g s refused are unlike the rest of the threshold", guard, c.whatever, a.UnlikeS, a.AwayS)
		}
		t.Logf("potato %t, any rest %t: %d false decisions in %.0f s with the eyes closed, %.0f s refused; %d windows between trials refused, %d of %d trials right", guard, c.whatever, a.False, a.IdleS, a.AwayS, rep.Rejected, rep.Right, rep.Trials)
		switch {
		case c.whatever && !guard && float64(a.False) <= asked*a.IdleS/60:
			t.Errorf("without a potato %d false decisions in %g s: there is nothing to guard against", a.False, a.IdleS)
		case !c.whatever && (a.False > 0 || a.AwayS < 50 || rep.Right == 0):
			t.Errorf("%d false decisions, only %g s held back, %d trials right", a.False, a.AwayS, rep.Right)
		case guard && (a.False > 0 || a.AwayS < 50):
			t.Errorf("with a potato %d false decisions, only %g s refused", a.False, a.AwayS)
		case guard && (float64(rep.Rejected)*0.1/60 > 0.2*rep.Minutes || rep.Right == 0):
			t.Errorf("with a potato %d windows of rest between trials are refused and %g min left, and %d trials are right", rep.Rejected, rep.Minutes, rep.Right)
		}
	}
	for guard, want := range map[bool]string{
		true: "windows at rest are rejected by the pipeline's own checks (the last: reject[0]: covariance", false: " between them; farthest, in standard deviations of the rest: ",
	} {
		p := build(t, guarded(guard, false), pipeline.Cued)
		set, y := collect(t, p, recs...)
		if err := p.Fit(set, y); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.CalibrateRest(context.Background(), p, recs, stream.RestOptions{Recordings: []*signal.Recording{closed}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("potato %t, rest of another kind: error %v, must contain %q", guard, err, want)
		} else if !guard && (!strings.HasPrefix(err.Error(), "the rest is of another kind than the training recordings") || !strings.Contains(err.Error(), " power ") || !strings.Contains(err.Error(), "what you decode itself")) {
			t.Errorf("rest of another kind: %v", err)
		}
	}
}

func TestRestErrors(t *testing.T) {
	recs := []*signal.Recording{simulatedRun(t, 1, 1, 0.6, "a"), simulatedRun(t, 1, 2, 0.6, "b")}
	short := simulatedRun(t, 1, 3, 0, "short")
	short.Len = 60 * 160
	for _, tc := range []struct {
		opt  stream.RestOptions
		recs []*signal.Recording
		want string
	}{
		{stream.RestOptions{Recordings: []*signal.Recording{short}}, recs, "60 s of rest are too little to show that there are at most 2 false decisions a minute"},
		{stream.RestOptions{Events: []string{"T9"}}, recs, `event "T9" does not occur`},
		{stream.RestOptions{Events: []string{"T0"}}, recs[:1], "at least 2 recordings"},
		{stream.RestOptions{}, recs, "no window lies wholly at rest"},
	} {
		p := build(t, asking(t, "csp-lda", 2), pipeline.Cued)
		set, y := collect(t, p, tc.recs...)
		if err := p.Fit(set, y); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.CalibrateRest(context.Background(), p, tc.recs, tc.opt); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error %v, must contain %q", err, tc.want)
		}
	}
}

// TestLasting: an event of rest without a duration ends with the next event of another time, whatever it is, and no cue is in it.
func TestLasting(t *testing.T) {
	ev := func(at int64, label string, s float64) signal.Event {
		return signal.Event{Sample: at, Label: label, Duration: s}
	}
	events := []signal.Event{ev(0, "T0", 0), ev(0, "trial 1", 0), ev(400, "T1", 0), ev(700, "T0", 9), ev(800, "T0", 0), ev(850, "T2", 0), ev(1000, "T0", 0)}
	for _, tc := range []struct {
		mostS float64
		want  []float64
	}{
		{0, []float64{4, 0, 0, 9, 0.5, 0, 0}},
		{2, []float64{2, 0, 0, 9, 0.5, 0, 2}},
	} {
		var got []float64
		for _, e := range stream.Lasting(events, []string{"T0"}, 100, tc.mostS) {
			got = append(got, e.Duration)
		}
		if !slices.Equal(got, tc.want) {
			t.Errorf("at most %g s: they last %v, want %v", tc.mostS, got, tc.want)
		}
	}
	if events[0].Duration != 0 {
		t.Error("the events of others are changed")
	}
}
