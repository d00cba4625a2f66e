package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/decoders/evidence"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// imagery is csp-lda with a section decide.
func imagery(t *testing.T, decide string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "own.yaml")
	text := `preprocess:
  - {use: bandpass, low_hz: 8, high_hz: 30, order: 4}
segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 3, step_s: 0.1}
features:
  - {use: csp, components: 6}
  - {use: logvar}
decoder: {use: lda, shrinkage: auto}
decide: ` + decide + "\n"
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// long is a simulated person who does not end while a model is being trained.
func long(t *testing.T, o *Options) {
	t.Helper()
	opt := synth.Defaults()
	opt.Channels, opt.Effect = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 0.9
	src, err := openPerson(opt, &Source{Length: 3600, Chunk: 0.1, Speed: 40}, o.Clock)
	if err != nil {
		t.Fatal(err)
	}
	o.Source = src
}

// TestCalibrateThreshold: a session that calibrates sets the threshold of decide from the rest before the first cue. With the model
// that was saved, that rest, played again from its first sample, holds no more decisions than the rate allows, and the person's
// own will is decided behind it.
func TestCalibrateThreshold(t *testing.T) {
	const asked, block = 12, 130.0
	var chunks []signal.Chunk
	var cues []bus.Cue
	r, file := calibrated(t, func(c *Calibration, o *Options) {
		long(t, o)
		c.Pipeline = imagery(t, "{use: evidence, false_per_min: 12}")
		c.RestBlockS = block
		c.Accept = above("balanced_accuracy", 0.7)
		o.OnChunk = func(c signal.Chunk) { chunks = append(chunks, c.Clone()) }
		o.OnShow = func(c bus.Cue) { cues = append(cues, c) }
	})
	r.until("a decision", func() bool { return r.ended() || len(r.looks) > 0 && begun(r.looks) > 0 })
	r.stop()
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	c := rep.Calibration
	b, err := bundle.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	q := b.Manifest.Rest
	if q == nil || c.Rest == nil {
		t.Fatalf("the threshold in the bundle: %+v, in the report: %+v", q, c.Rest)
	}
	if q.Asked != asked || q.Minutes < (block-4)/60 || q.Minutes > block/60 || q.Trials != 16 || q.Right+q.Wrong > q.Trials || !strings.HasSuffix(q.Recordings[0].Name, ", rest") {
		t.Errorf("the threshold: %+v", q)
	}
	if d := c.Decide; d == nil || d.Trials != q.Trials || d.Right != q.Right || d.Wrong != q.Wrong || d.Undecided != q.Trials-q.Right-q.Wrong || d.Rightly != float64(q.Right)/16 ||
		!(d.RightlyLow < d.Rightly && d.Rightly <= d.RightlyHigh) || *d.Rest != (bus.RestScore{
		AskedPerMin: asked, Decisions: q.Count, Again: q.Again, DecidedS: q.DecidedS, Share: q.Share, Minutes: q.Minutes, PerMin: float64(q.Count+q.Again) / q.Minutes, PerMinLow: q.Low, PerMinHigh: q.High,
	}) {
		t.Errorf("the score: %+v, the threshold in the bundle: %+v", d, q)
	}
	if !c.Accepted || c.Trials != 16 || c.Cued != 16 || b.Manifest.Data[0].Trials["left_fist"] != 8 {
		t.Errorf("calibration: %+v", c)
	}
	rate := chunks[0].Info.Rate
	begin := chunks[0].End() // the first cue, rest, is shown behind the first chunk
	p := load(t, file).Pipeline
	if err := p.Start(chunks[0].Info); err != nil {
		t.Fatal(err)
	}
	rows, decisions := 0, 0
	for _, c := range chunks {
		if c.Start < begin || float64(c.End()-begin) > block*rate {
			continue
		}
		preds, err := p.Push(c)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range preds {
			rows++
			if d.Decision != "" {
				decisions++ // without hold each lasts one row
			}
		}
	}
	if most := evidence.Allowed(float64(rows)*0.1/60, asked, 0.95); rows < 1200 || decisions > most {
		t.Errorf("%d decisions in %d windows of the rest that the threshold was set with, at most %d are allowed", decisions, rows, most)
	}
	if rep.Activations == nil || rep.Activations.Count == 0 {
		t.Error("nothing was decided behind the calibration")
	}
	if len(cues) < 3 || cues[0].Kind != bus.CueRest || cues[0].LengthMS != 1e3*block || cues[1].Kind != bus.CueRest || cues[1].LengthMS != 3000 || cues[2].Kind != bus.CueShow {
		t.Errorf("what was shown begins with %+v", cues[:min(3, len(cues))])
	}
}

// begun is how many decisions began by the newest look.
func begun(looks []bus.Telemetry) int64 {
	if d := looks[len(looks)-1].Decisions; d != nil {
		return d.Begun
	}
	return 0
}

// TestCalibrateMute: a section decide that lets no held-out trial be decided rightly makes a model that would never do what is
// meant. No rule accepts it, however well the decoder alone tells the classes apart, and who is asked is told. It does not matter
// whether the threshold comes from rest or stands in the pipeline.
func TestCalibrateMute(t *testing.T) {
	for name, c := range map[string]struct {
		decide string
		rest   float64
	}{
		"from rest": {"{use: evidence, false_per_min: 12, dwell_rows: 400}", 130},
		"as it is":  {"{use: evidence, enter_nats: 2.2, dwell_rows: 400}", 0},
	} {
		silent := func(c2 *Calibration, o *Options) {
			long(t, o)
			c2.Pipeline, c2.RestBlockS = imagery(t, c.decide), c.rest
		}
		r, file := calibrated(t, func(c *Calibration, o *Options) {
			silent(c, o)
			c.Accept = above("balanced_accuracy", 0.7)
		})
		rep, err := r.over()
		var no *NotAcceptedError
		q := rep.Calibration
		if q == nil || q.Decide == nil || q.BalancedAccuracy <= 0.7 {
			t.Fatalf("%s: %v, %+v: the test needs a model that is good alone and decides nothing", name, err, q)
		}
		d := *q.Decide
		if d.Trials != 16 || d.Right != 0 || d.Wrong != 0 || d.Undecided != 16 || d.Rightly != 0 || d.RightlyLow != 0 || math.Abs(d.RightlyHigh-(1-math.Pow(0.025, 1./16))) > 1e-9 || (d.Rest != nil) != (c.rest > 0) {
			t.Errorf("%s: %+v", name, d)
		}
		if !errors.As(err, &no) || exists(t, file) || q.Accepted || rep.Sent != 0 || !strings.Contains(no.Why, "none of 16 held-out trials is decided rightly") {
			t.Errorf("%s: %v, %+v", name, err, q)
		}

		r, _ = calibrated(t, func(c *Calibration, o *Options) { silent(c, o) })
		r.until("the question", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking })
		s := r.status()
		if s.Score == nil || s.Score.Decide == nil || s.Score.Decide.Undecided != 16 || !strings.Contains(s.Detail, "0 of 16 held-out trials are decided rightly, 0.000 [0.000, 0.206]") ||
			!strings.Contains(s.Detail, "DO NOT ACCEPT IT AS IT IS") || (c.rest > 0) != strings.Contains(s.Detail, "at most 12 asked for") {
			t.Errorf("%s: asked with %q, %+v", name, s.Detail, s.Score)
		}
		if err := r.ask(nil, "refuse"); err != nil {
			t.Error(err)
		}
		if _, err := r.over(); !errors.As(err, &no) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAcceptRules: all rules must hold, each strictly and on the side that is better; why says what of each.
func TestAcceptRules(t *testing.T) {
	good := bus.Scored{
		Trials: 16, BalancedAccuracy: 0.75, CILow: 0.6, Decide: &bus.DecideScore{
			Trials: 16, Right: 8, Undecided: 8, Rightly: 0.5, RightlyLow: 0.25, Rest: &bus.RestScore{AskedPerMin: 6, PerMin: 2, PerMinHigh: 5},
		},
	}
	alone, mute := good, good
	alone.Decide = nil
	mute.Decide = &bus.DecideScore{Trials: 16, Undecided: 16, Rest: &bus.RestScore{AskedPerMin: 6}}
	for name, c := range map[string]struct {
		accept string
		of     bus.Scored
		want   verdict
		why    string
	}{
		"above":          {`{"above": 0.7}`, good, accepted, "balanced_accuracy is 0.750, above 0.7"},
		"without decide": {`{"above": 0.7}`, alone, accepted, "balanced_accuracy is 0.750, above 0.7"},
		"at the bound":   {`{"above": 0.75}`, good, refused, "balanced_accuracy is 0.750, must be above 0.75"},
		"low end":        {`{"metric": "ci_low", "above": 0.5}`, good, accepted, "ci_low is 0.600, above 0.5"},
		"rightly":        {`{"metric": "decided_rightly", "above": 0.6}`, good, refused, "decided_rightly is 0.500, must be above 0.6"},
		"rightly, low":   {`{"metric": "decided_rightly_low", "above": 0.2}`, good, accepted, "decided_rightly_low is 0.250, above 0.2"},
		"false":          {`{"metric": "false_per_min", "below": 3}`, good, accepted, "false_per_min is 2.000, below 3"},
		"false, at it":   {`{"metric": "false_per_min", "below": 2}`, good, refused, "false_per_min is 2.000, must be below 2"},
		"false, high":    {`{"metric": "false_per_min_high", "below": 4}`, good, refused, "false_per_min_high is 5.000, must be below 4"},
		"both": {
			`[{"metric": "decided_rightly", "above": 0.4}, {"metric": "false_per_min", "below": 3}]`, good, accepted,
			"decided_rightly is 0.500, above 0.4, false_per_min is 2.000, below 3",
		},
		"one of two": {
			`[{"metric": "decided_rightly", "above": 0.4}, {"metric": "false_per_min", "below": 1}]`, good, refused,
			"false_per_min is 2.000, must be below 1",
		},
		"mute": {
			`[{"above": 0.7}, {"metric": "false_per_min", "below": 3}]`, mute, refused,
			"none of 16 held-out trials is decided rightly, so that it would not do what is meant: allow more than 6 false decisions a minute, or give it more trials, or a class that stands for rest",
		},
	} {
		var a Accept
		if err := a.UnmarshalJSON([]byte(c.accept)); err != nil {
			t.Fatal(err)
		}
		if err := a.check(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if v, why := a.judge(&c.of); v != c.want || why != c.why {
			t.Errorf("%s: %d, %q, want %d, %q", name, v, why, c.want, c.why)
		}
		back, err := a.MarshalJSON()
		var again Accept
		if err = errors.Join(err, again.UnmarshalJSON(back)); err != nil || !reflect.DeepEqual(a, again) {
			t.Errorf("%s: %s reads back as %+v, %v", name, back, again, err)
		}
	}
}

// TestCalibrateThresholdOfMarkers: events of rest of the source do the same.
func TestCalibrateThresholdOfMarkers(t *testing.T) {
	cal := CalibrationDefaults()
	cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 30, certainty: 0.6}")
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
	cal.RestEvents = []string{"T0"}
	cal.Accept = above("balanced_accuracy", 0)
	r := start(t, person(t), func(o *Options, _ *stepped) { o.Calibrate = &cal })
	for r.status().Phase == bus.PhaseCalibrating {
		r.chunks(10) // a second
	}
	r.until("the model", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhaseDecoding || r.ended() })
	close(r.src.gate)
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	if q := rep.Calibration.Rest; q == nil || q.Trials == 0 || q.Minutes == 0 {
		t.Errorf("%+v", rep.Calibration)
	}
}

// TestCalibrateThresholdOfMarks: marks of rest without a duration, as those of LSL are, do so too: each lasts until the next mark.
func TestCalibrateThresholdOfMarks(t *testing.T) {
	cal := CalibrationDefaults()
	cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 30, certainty: 0.6}")
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
	cal.RestEvents = []string{"T0"}
	rec := person(t)
	rec.Events = slices.Clone(rec.Events)
	for i := range rec.Events {
		rec.Events[i].Duration = 0
	}
	c, err := newCalibrator(cal, ingest.Play(rec, ingest.PlayOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range outage(t, rec, rec.Len, rec.Len) { // none
		if c.take(x); !c.ended {
			c.step(nil) // which shows nothing
			if line, err := c.checkRest(t.Context(), time.Minute, nil); line != "" || err != nil {
				t.Fatalf("%s, %v", line, err)
			}
		}
	}
	rows := 0 // windows of 3 s, a tenth of a second apart, that fit between a mark of rest and the mark behind it
	for i, e := range rec.Events {
		to := c.capture.end
		if i+1 < len(rec.Events) {
			to = min(to, rec.Events[i+1].Sample)
		}
		if e.Label != "T0" || i+1 == len(rec.Events) || rec.Events[i+1].Sample >= c.capture.end { // which must have come
			continue
		}
		for s := e.Sample; s+480 <= to; s += 16 {
			rows++
		}
	}
	// What FitRest says that it takes at certainty 0.6: −ln(0.4) / 30 min, of which a tenth is held out: 0.9 n ≥ 1.84 s.
	if want := fmt.Sprintf(", rest that counts %d s of at least 3 s", rows/10); !c.ended || rows < 40 || !strings.HasSuffix(c.progress(), want) {
		t.Errorf("ended: %t; %s, want %s", c.ended, c.progress(), want)
	}
	l, err := c.lessons(c.capture.recording("s"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := trainOn(t.Context(), cal, l, "x")
	if err != nil {
		t.Fatal(err)
	}
	if m.rest == nil || m.rest.Minutes == 0 || m.rest.Trials == 0 {
		t.Errorf("%+v", m.rest)
	}
}

// TestCalibrateLooksAtEventsOfRest: rest within events is looked at behind the last cue as rest before the first one is, as training will
// cut it. Where windows do not count, that is said, and more rest is waited for until there is enough to train with: the training failed,
// and all was to be done again.
func TestCalibrateLooksAtEventsOfRest(t *testing.T) {
	cal := CalibrationDefaults()
	cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 8, certainty: 0.6}")
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
	cal.RestEvents = []string{"T0"}
	rec := personOf(t, 20)
	c, err := newCalibrator(cal, ingest.Play(rec, ingest.PlayOptions{}))
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	var first int64
	for _, x := range outage(t, rec, rec.Len, rec.Len) { // none
		if c.take(x); c.ended {
			break
		}
		c.step(nil) // which shows nothing
		line, err := c.checkRest(t.Context(), time.Minute, nil)
		if err != nil {
			t.Fatal(err)
		}
		if line == "" {
			continue
		}
		if said = append(said, line); len(said) > 1 {
			continue
		}
		first = c.capture.end
		if got := c.progress(); !strings.HasSuffix(got, ", rest that counts 13 s of at least 17 s") {
			t.Errorf("behind the first look: %s", got)
		}
		l, err := c.lessons(c.capture.recording("s"))
		if err != nil {
			t.Fatal(err)
		}
		var lack *stream.RestLackError
		if _, err := trainOn(t.Context(), cal, l, "x"); !errors.As(err, &lack) || !strings.HasPrefix(line, "REST is too little: "+lack.Error()+"; all cues have come, and more rest is waited for (") {
			t.Errorf("the look says %q, the training would say %v", line, err)
		}
	}
	if !c.ended || len(said) == 0 || len(said) > 3 || c.rest() < 13 || c.capture.end <= first {
		t.Fatalf("ended: %t, %s, said %q", c.ended, c.progress(), said)
	}
	l, err := c.lessons(c.capture.recording("s"))
	if err != nil {
		t.Fatal(err)
	}
	if m, err := trainOn(t.Context(), cal, l, "x"); err != nil || m.rest == nil || m.rest.Minutes == 0 {
		t.Errorf("%+v, %v", m.rest, err)
	}

	// What no more rest mends ends it.
	if c, err = newCalibrator(cal, ingest.Play(rec, ingest.PlayOptions{})); err != nil {
		t.Fatal(err)
	}
	broken := errors.New("no channel can be compared")
	c.check.with = func(_ context.Context, _ *pipeline.Spec, recs []*signal.Recording, events []string) error {
		if len(recs) != parts || !slices.Equal(events, cal.RestEvents) {
			t.Errorf("%d recordings are looked at, for events %q", len(recs), events)
		}
		return broken
	}
	for _, x := range outage(t, rec, rec.Len, rec.Len) {
		c.take(x)
		c.step(nil)
		if _, err = c.checkRest(t.Context(), time.Minute, nil); err != nil || c.ended {
			break
		}
	}
	if !errors.Is(err, broken) || c.ended {
		t.Errorf("%v, ended: %t", err, c.ended)
	}
}

// TestCalibrateLittleRest: where the rests of the source are too short for windows to lie in them, that is said while there is time to
// mend it, with the rest that counts and what is needed; the calibration goes on behind the last cue until there is as much.
func TestCalibrateLittleRest(t *testing.T) {
	cal := CalibrationDefaults()
	cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 30}")
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left", "T2": "right"}, 5, "x", "markers"
	cal.RestEvents = []string{"T0"}
	src := ingestOf(t)
	c, err := newCalibrator(cal, src)
	if err != nil {
		t.Fatal(err)
	}
	c.check.with = func(context.Context, *pipeline.Spec, []*signal.Recording, []string) error { return nil } // of samples that are all 0
	const rate = 160
	var said []string
	at := int64(0)
	mark := func(label string, n int) { // and n samples behind it
		x := signal.NewChunk(src.Info(), at, n)
		x.Time, x.Events = at*1e9/rate, []signal.Event{{Sample: at, Onset: float64(at) / rate, Label: label}}
		c.take(x)
		if c.step(nil); c.spoiled() != "" {
			t.Fatal(c.progress())
		}
		if line, err := c.checkRest(t.Context(), time.Minute, nil); line != "" || err != nil {
			t.Fatalf("%s, %v", line, err)
		}
		if line := c.short(); line != "" {
			said = append(said, fmt.Sprintf("%d: %s", at/rate, line))
		}
		at += int64(n)
	}
	for k := range 10 {
		mark("T0", 3*rate-1) // a window lasts 3 s
		mark([]string{"T1", "T2"}[k%2], 4*rate+1)
	}
	if c.ended || !strings.HasSuffix(c.progress(), "left 5 of 5, right 5 of 5, rest that counts 0 s of at least 8 s") {
		t.Errorf("ended: %t, %s", c.ended, c.progress())
	}
	mark("T0", 4*rate+8)
	mark("T1", 10) // ends it, and does not count
	if c.ended || !strings.HasSuffix(c.progress(), "rest that counts 1 s of at least 8 s") {
		t.Errorf("ended: %t, %s", c.ended, c.progress())
	}
	for s := 4; !c.ended && s < 30; s++ {
		mark("T0", s*rate)
		mark("T2", 10)
	}
	if n := c.rest(); !c.ended || n < 7.4 || n > 15 {
		t.Errorf("ended: %t, %s", c.ended, c.progress())
	}
	if len(said) != 2 || !strings.HasPrefix(said[0], "16: REST is too little: left 2 of 5, right 1 of 5, rest that counts 0 s of at least 8 s; at this pace 0 s will count at the last cue") ||
		!strings.HasPrefix(said[1], "65: REST is too little: ") || !strings.Contains(said[1], "all cues have come, and more rest is waited for (an event without a duration counts when the next one ends it); where none will come, say refuse or repeat with gyrus ctl. Only windows of 3 s that lie wholly within one event of rest (T0) count") {
		t.Errorf("said %q", said)
	}
}

// TestCalibrateConformal: what learns to abstain from trials of other runs learns from a part of the calibration.
func TestCalibrateConformal(t *testing.T) {
	r, file := calibrated(t, func(c *Calibration, o *Options) {
		long(t, o)
		c.Pipeline, c.Trials = imagery(t, "{use: conformal, alpha: 0.2, calibration_runs: 2}"), 10
		c.Accept = above("balanced_accuracy", 0.6)
	})
	r.until("commands", func() bool { return r.ended() || len(r.cmds) > 100 })
	r.stop()
	rep, err := r.over()
	if err != nil || !rep.Calibration.Accepted || rep.Sent < 100 {
		t.Fatalf("%v, %+v, %d commands", err, rep.Calibration, rep.Sent)
	}
	if p := load(t, file).Pipeline; p.Decider() == nil {
		t.Error("the model that was saved has no section decide")
	}
	b, err := bundle.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	d, q := rep.Calibration.Decide, b.Manifest.Coverage
	if d == nil || q == nil || d.Trials != 20 || q.Trials != 20 || d.Right != q.Right || d.Right+d.Wrong != q.Decided || d.Undecided != 20-q.Decided || d.Rest != nil || q.Asked != 0.8 {
		t.Errorf("the score: %+v, in the bundle: %+v", d, q)
	}
}

// TestCalibrateRestKeys: what does nothing is refused, what is missing is named with its key, and rest that is too short is
// refused before the first cue with the length that is long enough.
func TestCalibrateRestKeys(t *testing.T) {
	src := ingestOf(t)
	for name, c := range map[string]struct {
		edit func(*Calibration)
		want string
	}{
		"no rest":           {func(*Calibration) {}, "set rest_block_s"},
		"no events of rest": {func(c *Calibration) { c.Cues = "markers" }, "rest_events"},
		"marks without end": {func(c *Calibration) { c.Cues, c.RestEvents = "markers", []string{"T0"} }, ""},
		"marks of 2 s":      {func(c *Calibration) { c.Cues, c.RestEvents, c.RestEventS = "markers", []string{"T0"}, 2 }, "rest_event_s is 2, but a window lasts 3 s"},
		"marks of a window": {func(c *Calibration) { c.Cues, c.RestEvents, c.RestEventS = "markers", []string{"T0"}, 3 }, ""},
		"marks of ever":     {func(c *Calibration) { c.Cues, c.RestEvents, c.RestEventS = "markers", []string{"T0"}, math.Inf(1) }, "must be 0 to 3600"},
		"a length alone":    {func(c *Calibration) { c.RestBlockS, c.RestEventS = 90, 3 }, "does nothing without rest_events"},
		"no rate":           {func(c *Calibration) { c.Pipeline, c.RestBlockS = "csp-lda", 60 }, "give false_per_min"},
		"markers show it":   {func(c *Calibration) { c.Cues, c.RestBlockS = "markers", 60 }, "name its events of rest"},
		"no markers":        {func(c *Calibration) { c.RestEvents = []string{"T0"} }, "set rest_block_s"},
		"too long":          {func(c *Calibration) { c.RestBlockS = 3601 }, "0 to 3600"},
		"too short":         {func(c *Calibration) { c.RestBlockS = 60 }, "set it to at least 96"},
		"just too short":    {func(c *Calibration) { c.RestBlockS = 95 }, "set it to at least 96"},
		"long enough":       {func(c *Calibration) { c.RestBlockS = 96 }, ""},
		"few trials":        {func(c *Calibration) { c.Pipeline = "csp-lda-conformal" }, "cannot rule out any class"},
		"all runs kept":     {func(c *Calibration) { c.Pipeline = imagery(t, "{use: conformal, calibration_runs: 5}") }, "at least one must be left"},
	} {
		cal := CalibrationDefaults()
		cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 3}")
		cal.Classes, cal.Save = map[string]string{"T1": "a", "T2": "b"}, "x"
		c.edit(&cal)
		_, err := newCalibrator(cal, src)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// troubled is a simulated person who moves from some seconds on, for some: all is gain times as strong then.
type troubled struct {
	signal.Source
	from, every, lasts, gain float64 // s; every 0 for once
	until                    float64
}

func (s *troubled) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.Source.Next(ctx)
	for t := range c.Len() {
		at := float64(c.Start+int64(t))/c.Info.Rate - s.from
		if s.every > 0 && at < s.until-s.from {
			at = math.Mod(at, s.every)
		}
		if 0 <= at && at < s.lasts {
			for ch := range c.X {
				c.X[ch][t] *= s.gain
			}
		}
	}
	return c, err
}

func (s *troubled) Cue(label string) { s.Source.(cued).Cue(label) }
func (s *troubled) Free()            { s.Source.(freed).Free() }

// promised is the least rest_block_s that the program names for c, in the words of its error.
func promised(t *testing.T, c Calibration, src signal.Source) float64 {
	t.Helper()
	c.RestBlockS = 10
	err := c.Enough(src.Info())
	if err == nil {
		t.Fatal("10 s are enough")
	}
	m := regexp.MustCompile("set it to at least ([0-9.]+), or allow").FindStringSubmatch(err.Error())
	if m == nil {
		t.Fatal(err)
	}
	s, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestCalibrateLeastRest: the rest that the program itself calls enough is so, also with a second of artefact in it: a threshold is set.
func TestCalibrateLeastRest(t *testing.T) {
	for _, c := range []struct {
		seed     uint64
		artefact float64 // s
	}{{1, 0}, {1, 1}, {2, 1}} {
		shown, began := 0.0, false // s of rest before the first cue
		r, _ := calibrated(t, func(cal *Calibration, o *Options) {
			src := seeded(t, o, c.seed)
			cal.Pipeline, cal.Accept = imagery(t, "{use: evidence, false_per_min: 5}"), above("balanced_accuracy", 0.1)
			cal.RestBlockS = promised(t, *cal, src)
			o.Source = &troubled{Source: src, from: cal.RestBlockS / 2, lasts: c.artefact, gain: 8}
			o.OnShow = func(q bus.Cue) {
				if began = began || q.Kind == bus.CueShow; !began {
					shown += q.LengthMS / 1e3
				}
			}
		})
		r.until("the verdict", func() bool {
			return r.ended() || len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseDecoding
		})
		r.stop()
		rep, err := r.over()
		if rep.Calibration == nil || rep.Calibration.Rest == nil || shown > 80 { // so few trials may all stay undecided, which is another matter
			t.Errorf("person %d, %g s of artefact: %g s of rest before the first cue, %v, %+v", c.seed, c.artefact, shown, err, rep.Calibration)
		}
	}
}

// seeded is a simulated person who goes on for an hour.
func seeded(t *testing.T, o *Options, seed uint64) signal.Source {
	t.Helper()
	opt := synth.Defaults()
	opt.Channels, opt.Effect = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 0.9
	src, err := openPerson(opt, &Source{Length: 3600, Chunk: 0.1, Speed: 100, Seed: seed}, o.Clock)
	if err != nil {
		t.Fatal(err)
	}
	return src
}

// TestCalibrateMoreRest: rest of which too little counts is told at its end, before the first cue, and more is recorded there, until it is
// enough; where twice as much is not, or none counts at all, no cue is shown: the person has sat for nothing else.
func TestCalibrateMoreRest(t *testing.T) {
	moving := func(every, until, gain float64) (*rig, *[]string, *[]bus.Cue) {
		var said []string
		var cues []bus.Cue
		r, _ := calibrated(t, func(c *Calibration, o *Options) {
			src := seeded(t, o, 1)
			c.Pipeline = imagery(t, "{use: evidence, false_per_min: 5}\nreject: [{use: amplitude, peak_to_peak_uv: 300}]")
			c.Accept = above("balanced_accuracy", 0.1)
			c.RestBlockS = promised(t, *c, src)
			o.Source = &troubled{Source: src, from: 1, every: every, until: until, lasts: min(1, every), gain: gain}
			o.Note = func(line string) { said = append(said, line) }
			o.OnShow = func(q bus.Cue) { cues = append(cues, q) }
		})
		return r, &said, &cues
	}
	const strong = 1000
	r, said, cues := moving(10, 60, strong)
	r.until("the verdict", func() bool {
		return r.ended() || len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseDecoding
	})
	r.stop()
	rep, err := r.over()
	if rep.Calibration == nil || rep.Calibration.Rest == nil || rep.Calibration.Rest.Rejected < 100 {
		t.Fatalf("%v, %+v, said %q", err, rep.Calibration, *said)
	}
	if i := slices.IndexFunc(*said, func(l string) bool { return strings.HasPrefix(l, "REST is too little: ") }); i < 0 ||
		!strings.Contains((*said)[i], "more are rejected by the pipeline's own checks") || !strings.HasSuffix((*said)[i], " s more are recorded now") {
		t.Errorf("said %q", *said)
	}
	if first := slices.IndexFunc(*cues, func(q bus.Cue) bool { return q.Kind == bus.CueShow }); first < 3 {
		t.Errorf("before the first cue: %+v", (*cues)[:max(0, first)])
	}
	for name, c := range map[string]struct {
		every float64
		want  string
	}{
		"most of it": {4.5, "up to twice as much is recorded"},
		"all of it":  {1, "are rejected by the pipeline's own checks"},
	} {
		r, _, cues := moving(c.every, 4000, strong)
		rep, err := r.over()
		var no *NotAcceptedError
		if !errors.As(err, &no) || !strings.Contains(no.Why, "the rest that was recorded does not do: ") || !strings.Contains(no.Why, c.want) || rep.Sent > 0 {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if slices.ContainsFunc(*cues, func(q bus.Cue) bool { return q.Kind == bus.CueShow }) {
			t.Errorf("%s: a cue was shown", name)
		}
	}
}
