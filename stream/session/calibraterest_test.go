package session

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/evidence"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
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
	src, err := openPerson(opt, &Source{Length: 3600, Chunk: 0.1, Speed: 150}, o.Clock)
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
		c.Accept = Accept{Metric: "balanced_accuracy", Above: 0.7}
		o.OnChunk = func(c signal.Chunk) { chunks = append(chunks, c.Clone()) }
		o.OnShow = func(c bus.Cue) { cues = append(cues, c) }
	})
	r.until("a decision", func() bool { return r.ended() || len(r.looks) > 0 && r.looks[len(r.looks)-1].Activations > 0 })
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
	if rep.Activations.Count == 0 {
		t.Error("nothing was decided behind the calibration")
	}
	if len(cues) < 3 || cues[0].Kind != bus.CueRest || cues[0].LengthMS != 1e3*block || cues[1].Kind != bus.CueRest || cues[1].LengthMS != 3000 || cues[2].Kind != bus.CueShow {
		t.Errorf("what was shown begins with %+v", cues[:min(3, len(cues))])
	}
}

// TestCalibrateMute: a threshold from rest that lets no held-out trial be decided rightly makes a model that would never do what is
// meant. No rule accepts it, however well the decoder alone tells the classes apart, and who is asked is told.
func TestCalibrateMute(t *testing.T) {
	var notes said
	r, file := calibrated(t, func(c *Calibration, o *Options) {
		long(t, o)
		c.Pipeline = imagery(t, "{use: evidence, false_per_min: 12, dwell_rows: 400}")
		c.RestBlockS = 130
		c.Accept = Accept{Metric: "balanced_accuracy", Above: 0.7}
		o.Note = notes.note
	})
	rep, err := r.over()
	var no *NotAcceptedError
	c := rep.Calibration
	if c == nil || c.Rest == nil || c.BalancedAccuracy <= 0.7 || c.Rest.Right != 0 || c.Rest.Trials != 16 {
		t.Fatalf("%v, %+v: the test needs a model that is good alone and decides nothing", err, c)
	}
	if !errors.As(err, &no) || exists(t, file) || c.Accepted || rep.Sent != 0 {
		t.Errorf("%v, %+v", err, c)
	}
}

// TestCalibrateThresholdOfMarkers: events of rest of the source do the same.
func TestCalibrateThresholdOfMarkers(t *testing.T) {
	cal := CalibrationDefaults()
	cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 30, certainty: 0.6}")
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
	cal.RestEvents = []string{"T0"}
	cal.Accept = Accept{Metric: "balanced_accuracy", Above: 0}
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

// TestCalibrateConformal: what learns to abstain from trials of other runs learns from a part of the calibration.
func TestCalibrateConformal(t *testing.T) {
	r, file := calibrated(t, func(c *Calibration, o *Options) {
		long(t, o)
		c.Pipeline, c.Trials = imagery(t, "{use: conformal, alpha: 0.2, calibration_runs: 2}"), 10
		c.Accept = Accept{Metric: "balanced_accuracy", Above: 0.6}
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
		"no rate":           {func(c *Calibration) { c.Pipeline, c.RestBlockS = "csp-lda", 60 }, "give false_per_min"},
		"markers show it":   {func(c *Calibration) { c.Cues, c.RestBlockS = "markers", 60 }, "name its events of rest"},
		"no markers":        {func(c *Calibration) { c.RestEvents = []string{"T0"} }, "set rest_block_s"},
		"too long":          {func(c *Calibration) { c.RestBlockS = 3601 }, "0 to 3600"},
		"too short":         {func(c *Calibration) { c.RestBlockS = 60 }, "set it to at least 77"},
		"just too short":    {func(c *Calibration) { c.RestBlockS = 76 }, "set it to at least 77"},
		"long enough":       {func(c *Calibration) { c.RestBlockS = 77 }, ""},
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
