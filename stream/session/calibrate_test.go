package session

import (
	"encoding/json"
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// calibrated runs a session that calibrates on a simulated person, ten times as fast as a real one would be.
func calibrated(t *testing.T, edit func(*Calibration, *Options)) (*rig, string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "made.gyrus")
	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.Save, cal.Version, cal.Seed = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 8, file, "test", 5
	r := start(t, person(t), func(o *Options, _ *stepped) {
		o.Calibrate = &cal
		seated(t, o, 400, 400)
		edit(&cal, o)
	})
	return r, file
}

// seated makes a simulated person the source, for so many seconds and so many times as fast as real time.
func seated(t *testing.T, o *Options, length, speed float64) {
	t.Helper()
	opt := synth.Defaults()
	opt.Channels, opt.Effect = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 0.9
	src, err := openPerson(opt, &Source{Length: length, Chunk: 0.1, Speed: speed}, o.Clock)
	if err != nil {
		t.Fatal(err)
	}
	o.Source = src
}

// above is one rule.
func above(metric string, bound float64) Accept {
	return Accept{Rules: []Rule{{Metric: metric, Above: &bound}}}
}

// windowed is a pipeline that learns from another window around a cue, in seconds.
func windowed(t *testing.T, name string, from, to float64) string {
	t.Helper()
	spec, err := pipeline.Load(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Segment.Set(map[string]any{"tmin_s": from, "tmax_s": to}); err != nil {
		t.Fatal(err)
	}
	if err := spec.Live.Set(map[string]any{"length_s": to - from}); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(spec)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "own.yaml") // JSON is YAML
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func exists(t *testing.T, path string) bool {
	t.Helper()
	_, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// TestCalibrate: cues are shown to a simulated person who follows them, the model that is made of it decodes what they do by
// their own will afterwards, and is the one that was saved.
func TestCalibrate(t *testing.T) {
	var events []signal.Event
	r, file := calibrated(t, func(c *Calibration, o *Options) {
		c.Accept = above("balanced_accuracy", 0.7)
		o.OnChunk = func(c signal.Chunk) { events = append(events, c.Events...) }
	})
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	c := rep.Calibration
	if !c.Accepted || c.Trials != 16 || c.Cued != 16 || c.Spoiled != 0 || c.BalancedAccuracy <= 0.7 || c.Chance != 0.5 || !(c.CILow < c.BalancedAccuracy && c.BalancedAccuracy <= c.CIHigh) {
		t.Errorf("calibration: %+v", c)
	}
	b, err := bundle.Read(file)
	if err != nil || b.SHA256 != c.SHA256 || b.Manifest.Score.BalancedAccuracy != c.BalancedAccuracy || b.Manifest.Data[0].Trials["left_fist"] != 8 {
		t.Fatalf("the file: %v", err)
	}
	if len(rep.Models) != 1 || rep.Models[0] != c.SHA256 || rep.Sent < 500 {
		t.Errorf("models %v, %d commands", rep.Models, rep.Sent)
	}
	if len(events) < 20 {
		t.Errorf("%d events of the person's own will", len(events))
	}
	for _, p := range []bus.Phase{bus.PhaseCalibrating, bus.PhaseTraining, bus.PhaseDecoding, bus.PhaseEnded} {
		r.until("telemetry of the phase "+string(p), func() bool {
			return slices.ContainsFunc(r.looks, func(l bus.Telemetry) bool { return l.Phase == p })
		})
	}
}

// TestCalibrateAsked: somebody repeats, then accepts, then nothing more can be judged.
func TestCalibrateAsked(t *testing.T) {
	r, file := calibrated(t, func(*Calibration, *Options) {})
	asking := func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking }
	r.until("the question", asking)
	s := r.status()
	if s.Score == nil || s.Score.Trials != 16 || exists(t, file) || s.Sent != 0 || !strings.Contains(s.Detail, "balanced accuracy") {
		t.Errorf("asked with %+v, the file is there: %t", s, exists(t, file))
	}
	if err := r.ask(nil, "swap", "x.gyrus"); err == nil {
		t.Error("a swap before there is a model")
	}
	if err := r.ask(nil, "repeat"); err != nil {
		t.Fatal(err)
	}
	r.until("the second round", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhaseCalibrating })
	r.until("the question again", asking)
	if err := r.ask(nil, "accept"); err != nil || !exists(t, file) {
		t.Fatalf("accept: %v, the file is there: %t", err, exists(t, file))
	}
	if err := r.ask(nil, "refuse"); err == nil {
		t.Error("refused behind it")
	}
	r.until("commands", func() bool { return len(r.cmds) > 0 })
	r.stop()
	rep, err := r.over()
	if err != nil || rep.Calibration.Rounds != 2 || !rep.Calibration.Accepted || rep.Calibration.Why != "an operator said so" {
		t.Errorf("%v, %+v", err, rep.Calibration)
	}
}

// TestCalibrateRefused: a refused model is not saved, and the session ends, or goes on with the bundle it has.
func TestCalibrateRefused(t *testing.T) {
	r, file := calibrated(t, func(c *Calibration, _ *Options) { c.Accept = above("ci_low", 1) })
	rep, err := r.over()
	var no *NotAcceptedError
	if !errors.As(err, &no) || exists(t, file) || rep.Calibration.Accepted || rep.Sent != 0 {
		t.Errorf("%v, %+v", err, rep.Calibration)
	}
	a, sha := saved(t, 8, "lda")
	r, file = calibrated(t, func(c *Calibration, o *Options) {
		c.Accept = above("ci_low", 1)
		c.Classes = map[string]string{"T1": "left", "T2": "right"}
		with(load(t, a))(o, nil)
	})
	rep, err = r.over()
	if err != nil || exists(t, file) || len(rep.Models) != 1 || rep.Models[0] != sha || rep.Sent == 0 {
		t.Errorf("with a bundle: %v, models %v", err, rep.Models)
	}
}

// TestRollbackBehindCalibration: behind an accepted model lies the bundle that the session came with, whose learning is saved from the
// bundle; behind that, and where there was no bundle, nothing.
func TestRollbackBehindCalibration(t *testing.T) {
	a, sha := saved(t, 8, "lda")
	for _, bundled := range []bool{true, false} {
		var adapter *Adapter
		r, file := calibrated(t, func(c *Calibration, o *Options) {
			seated(t, o, 600, 50)
			c.Classes = map[string]string{"T1": "left", "T2": "right"}
			o.swapWait = patience
			if !bundled {
				return
			}
			m := load(t, a)
			with(m)(o, nil)
			var err error
			if adapter, err = NewAdapter(o.Echo, "s", "d", Adapt{Options: adapt.Defaults()}, m.Origin); err != nil {
				t.Fatal(err)
			}
			o.Adapter = adapter
		})
		r.until("the question", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking })
		if err := r.ask(nil, "rollback"); err == nil {
			t.Error("gone back before any model decides")
		}
		if err := r.ask(nil, "accept"); err != nil {
			t.Fatal(err)
		}
		made := r.status()
		if want := map[bool]string{true: sha}[bundled]; made.Before != want || made.Bundle == sha || !exists(t, file) {
			t.Errorf("accepted: decides %.8s, before %.8s, want %.8s before", made.Bundle, made.Before, want)
		}
		models := []string{made.Bundle}
		if bundled {
			var got Swapped
			if err := r.ask(&got, "rollback"); err != nil || got.From != made.Bundle || got.To != sha {
				t.Fatalf("rollback: %+v, %v", got, err)
			}
			if s := r.status(); s.Bundle != sha || s.Before != "" || s.Phase != bus.PhaseDecoding {
				t.Errorf("gone back: decides %.8s, before %.8s, %s", s.Bundle, s.Before, s.Phase)
			}
			if from := adapter.from(); from.SHA256 != sha || from.Bundle == nil {
				t.Errorf("what is learned beside it would be saved from %.8s", from.SHA256)
			}
			models = append(models, sha)
		}
		if err := r.ask(nil, "rollback"); err == nil || !strings.Contains(err.Error(), "no model before") {
			t.Errorf("rollback beyond the first: %v", err)
		}
		r.stop()
		if rep, err := r.over(); err != nil || !slices.Equal(rep.Models, models) {
			t.Errorf("%v, models %v, want %v", err, rep.Models, models)
		}
		if adapter != nil {
			if err := adapter.sub.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestCalibrateInterrupted: at whatever moment it is stopped, no bundle is left.
func TestCalibrateInterrupted(t *testing.T) {
	for _, when := range []bus.Phase{bus.PhaseCalibrating, bus.PhaseTraining, bus.PhaseAsking} {
		r, file := calibrated(t, func(*Calibration, *Options) {})
		r.until(string(when), func() bool {
			for _, l := range r.looks {
				if l.Phase == when {
					return true
				}
			}
			return false
		})
		r.stop()
		rep, err := r.over()
		left, glob := filepath.Glob(filepath.Join(filepath.Dir(file), "*"))
		if err != nil || glob != nil || len(left) > 0 || rep.Calibration.Accepted {
			t.Errorf("stopped while %s: %v; %v is left", when, err, left)
		}
	}
}

// TestCalibrateMarkers: the source's own events are the cues; a source that ends too early leaves nothing.
func TestCalibrateMarkers(t *testing.T) {
	for _, trials := range []int{5, 7} { // the recording has 6 of each
		file := filepath.Join(t.TempDir(), "made.gyrus")
		cal := CalibrationDefaults()
		cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left_fist", "T2": "right_fist"}, trials, file, "markers"
		cal.Accept = above("balanced_accuracy", 0)
		r := start(t, person(t), func(o *Options, _ *stepped) { o.Calibrate = &cal })
		r.src.gate <- 100_000
		rep, err := r.over()
		if trials == 7 {
			if err == nil || !strings.Contains(err.Error(), "left_fist 6 of 7") || exists(t, file) {
				t.Errorf("too few cues: %v", err)
			}
			continue
		}
		// The training may end before or behind the last chunk of a source that does not wait.
		if err != nil && !strings.Contains(err.Error(), "the source ended") || err == nil && !exists(t, file) {
			t.Errorf("%v, %+v", err, rep.Calibration)
		}
	}
}

// TestCalibrateCounts: samples, gaps and restarts count from the first chunk on, also where there is no model yet: in the report, in the
// telemetry and in the metrics, and once each where the model takes over.
func TestCalibrateCounts(t *testing.T) {
	rec := person(t)
	info := rec.Info
	chunk := func(start, n int64) signal.Chunk { return signal.NewChunk(info, start, int(n)) }
	anew := chunk(0, 16)
	anew.Anew = true
	a, _ := saved(t, 8, "lda")
	m := load(t, a)
	e := &engine{calEnd: -1}
	for _, c := range []signal.Chunk{chunk(100, 16), chunk(116, 16), chunk(164, 16), anew, chunk(16, 16)} {
		e.countUndecided(c)
	}
	e.model = &running{Model: m}
	e.countUndecided(chunk(64, 16)) // a gap in front of what the model gets first
	e.countUndecided(chunk(90, 16)) // which its pipeline counts
	if got := e.retired; got.Samples != 80 || got.Gaps != 2 || got.Lost != 64 || got.Restarts != 1 {
		t.Errorf("%d samples, %d gaps, %d lost, %d restarts; want 80, 2, 64, 1", got.Samples, got.Gaps, got.Lost, got.Restarts)
	}

	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 1000, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
	prom := serving(t)
	r := start(t, rec, func(o *Options, s *stepped) {
		o.Calibrate, o.Metrics = &cal, prom
		s.edit = func(c *signal.Chunk) {
			if c.Start >= 16*60 {
				c.Start, c.Events = c.Start+320, nil
			}
		}
	})
	r.src.gate <- 120
	r.until("all samples", func() bool {
		n := len(r.looks)
		return n > 0 && r.looks[n-1].Samples == 16*120 && r.looks[n-1].Gaps == 1
	})
	if s := prom.peek().t; s.Samples != 16*120 || s.Gaps != 1 || s.Streams[0].Samples != 16*120 {
		t.Errorf("the metrics have %d samples, %d gaps", s.Samples, s.Gaps)
	}
	close(r.src.gate)
	rep, err := r.over()
	if err == nil || rep.Samples != 16*120 || rep.Gaps != 1 || rep.Lost != 320 {
		t.Errorf("%v: %d samples, %d gaps, %d lost", err, rep.Samples, rep.Gaps, rep.Lost)
	}
}

// TestCalibrateShortCues: cues that end before the windows that are learned from are refused before the first is shown, with both
// keys; those that end with them are not.
func TestCalibrateShortCues(t *testing.T) {
	src := ingestOf(t)
	for cue, want := range map[float64]string{
		2:   "cue_s is 2, but pipeline csp-lda learns from windows that end 3.5 s behind the begin of a cue (tmax_s of its section segment, or the end of baseline_s): it would learn rest for what is meant; set cue_s to at least 3.5, or tmax_s to at most 2",
		3.5: "",
	} {
		cal := CalibrationDefaults()
		cal.Classes, cal.Save, cal.CueS = map[string]string{"T1": "a", "T2": "b"}, "x", cue
		if err := cal.Check(); (err == nil) != (want == "") || err != nil && err.Error() != want {
			t.Errorf("cue_s %g: %v, want %q", cue, err, want)
		}
		if _, err := newCalibrator(cal, src); (err == nil) != (want == "") {
			t.Errorf("cue_s %g: %v", cue, err)
		}
	}
}

// TestCalibrateLeftOut: markers that stand for shorter cues than the window are waited for, so that the last trial counts, and what is
// lost in a gap is named with its reason.
func TestCalibrateLeftOut(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made.gyrus")
	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.Save, cal.Cues, cal.CueS = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 5, file, "markers", 0.5
	rec := person(t)
	var cues []signal.Event
	for _, e := range rec.Events {
		if cal.Classes[e.Label] != "" {
			cues = append(cues, e)
		}
	}
	lost := cues[3].Sample + rec.Info.Samples(1)
	rec.Spans = []signal.Span{{Start: 0, Len: lost}, {Start: lost + 16, Len: rec.Len - lost - 16}}
	r := start(t, rec, func(o *Options, _ *stepped) { o.Calibrate = &cal })
	for r.status().Phase == bus.PhaseCalibrating {
		r.chunks(10)
	}
	r.until("the question", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhaseAsking || r.ended() })
	s := r.status()
	if s.Score == nil || !strings.Contains(s.Detail, "; left out: "+cal.Classes[cues[3].Label]+" at ") {
		t.Errorf("asked with %q, %+v", s.Detail, s.Score)
	}
	r.stop()
	rep, err := r.over()
	c := rep.Calibration
	if err != nil || c == nil || len(c.LeftOut) != 1 || c.LeftOut[0].Class != cal.Classes[cues[3].Label] || math.Abs(c.LeftOut[0].Onset-float64(cues[3].Sample)/rec.Info.Rate) > 1e-9 || c.LeftOut[0].Why == "" || c.Trials != c.Cued-1 {
		t.Errorf("%v, %+v", err, c)
	}
}

// TestCalibrateUntrained: where the training fails, who is asked and the report are told which cues nothing was learned from, and why:
// that is often the cause.
func TestCalibrateUntrained(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(own, []byte(`preprocess: [{use: bandpass, low_hz: 8, high_hz: 30, order: 4}]
segment: {use: events, tmin_s: 0.5, tmax_s: 2.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 2, step_s: 0.1}
reject: [{use: amplitude, peak_to_peak_uv: 0.01}]
features: [{use: csp, components: 6}, {use: logvar}]
decoder: {use: lda, shrinkage: auto}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cal := CalibrationDefaults()
	cal.Pipeline, cal.Classes, cal.Trials, cal.Save, cal.Cues = own, map[string]string{"T1": "left", "T2": "right"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
	r := start(t, person(t), func(o *Options, _ *stepped) { o.Calibrate = &cal })
	for r.status().Phase == bus.PhaseCalibrating {
		r.chunks(10)
	}
	r.until("the question", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhaseAsking || r.ended() })
	if s := r.status(); !strings.HasPrefix(s.Detail, "training failed: ") || !strings.Contains(s.Detail, "; left out: ") || !strings.Contains(s.Detail, " more") {
		t.Errorf("asked with %q", s.Detail)
	}
	if err := r.ask(nil, "refuse"); err != nil {
		t.Error(err)
	}
	rep, err := r.over()
	var no *NotAcceptedError
	c := rep.Calibration
	if !errors.As(err, &no) || c == nil || c.Cued < 10 || len(c.LeftOut) != c.Cued || c.LeftOut[0].Why == "" {
		t.Errorf("%v, %+v", err, c)
	}
}

// TestCalibratePurged: windows that reach into that of the next cue are not learned from where that one is tested, and who is asked is
// told how many.
func TestCalibratePurged(t *testing.T) {
	own := filepath.Join(t.TempDir(), "own.yaml")
	if err := os.WriteFile(own, []byte(`preprocess: [{use: bandpass, low_hz: 8, high_hz: 30, order: 4}]
segment: {use: events, tmin_s: 0.5, tmax_s: 10, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 9.5, step_s: 0.1}
features: [{use: csp, components: 6}, {use: logvar}]
decoder: {use: lda, shrinkage: auto}
`), 0o600); err != nil {
		t.Fatal(err)
	}
	cal := CalibrationDefaults()
	cal.Pipeline, cal.Classes, cal.Trials, cal.Save, cal.Cues, cal.CueS = own, map[string]string{"T1": "left", "T2": "right"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers", 0.5
	opt := synth.Defaults()
	opt.Channels, opt.TrialsPerClass = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 10 // not over before the last window
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, rec, func(o *Options, _ *stepped) { o.Calibrate = &cal })
	for r.status().Phase == bus.PhaseCalibrating {
		r.chunks(10)
	}
	r.until("the question", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhaseAsking || r.ended() })
	s := r.status()
	const said = "share samples with windows that are tested and are left out; "
	if s.Score == nil || !strings.Contains(s.Detail, "; to score it, of the training windows of 5 folds, ") || !strings.Contains(s.Detail, said) {
		t.Errorf("asked with %q, %+v", s.Detail, s.Score)
	}
	r.stop()
	if rep, err := r.over(); err != nil || rep.Calibration == nil || !strings.Contains(rep.Calibration.Purged, said) {
		t.Errorf("%v, %+v", err, rep.Calibration)
	}
}

// byMarkers is a calibration by five marks T1 and five T2 of src.
func byMarkers(t *testing.T, src signal.Source) *calibrator {
	t.Helper()
	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "a", "T2": "b"}, 5, "x", "markers"
	c, err := newCalibrator(cal, src)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestLateCues: a cue of another program that comes late is one at its sample, with its true time; one of before the beginning is none.
func TestLateCues(t *testing.T) {
	src := ingestOf(t)
	c := byMarkers(t, src)
	const rate = 160
	take := func(start int64, late, on []signal.Event) {
		x := signal.NewChunk(src.Info(), start, rate)
		x.Time, x.Late, x.Events = start*1e9/rate, late, on
		c.take(x)
	}
	take(1000, nil, []signal.Event{{Sample: 1010, Onset: 1010.2 / rate, Label: "T1"}})
	take(1160, []signal.Event{{Sample: 900, Onset: 900. / rate, Label: "T1"}, {Sample: 1080, Onset: 1080.4 / rate, Label: "T2"}}, nil)
	e := c.capture.events
	if len(e) != 2 || e[0].Sample != 10 || e[1].Sample != 80 || math.Abs(e[0].Onset-10.2/rate) > 1e-9 || math.Abs(e[1].Onset-80.4/rate) > 1e-9 {
		t.Errorf("events %+v, want samples 10 and 80, with onsets of 10.2 and 80.4 samples", e)
	}
	if c.counts["T1"] != 1 || c.counts["T2"] != 1 || c.cue != 80 {
		t.Errorf("counted %v, the last at %d", c.counts, c.cue)
	}
}

// TestGapBeforeCue: a gap that lies before a cue but in its window, which begins earlier, spoils it too: it is shown again.
func TestGapBeforeCue(t *testing.T) {
	src := ingestOf(t)
	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.CueS, cal.RestS, cal.Save = map[string]string{"T1": "a", "T2": "b"}, 5, 1, 2, "x"
	cal.Pipeline = windowed(t, "csp-lda", -1, 1)
	c, err := newCalibrator(cal, src)
	if err != nil {
		t.Fatal(err)
	}
	const rate, gaps = 160, 3
	lost, rested := 0, int64(0)
	for start := int64(0); !c.ended; start += 16 {
		if lost < gaps && c.result.Cued > lost && !c.showing && start-rested == 2*rate-48 { // 0.3 s before the next cue
			start += 8
			lost++
		}
		x := signal.NewChunk(src.Info(), start, 16)
		x.Time = start * 1e9 / rate
		c.take(x)
		c.step(func(q bus.Cue) int64 {
			if q.Kind == bus.CueRest {
				rested = x.End()
			}
			return x.TimeAt(x.End() - 1)
		})
	}
	whole := 0
	for _, e := range c.capture.events {
		if from, to := c.window(e); !c.capture.broken(from, to) {
			whole++
		}
	}
	if lost != gaps || c.result.Spoiled != gaps || c.result.Cued != 10+gaps || whole != 10 {
		t.Errorf("%d gaps; %d whole windows, %+v: want 10, and %d cues again", lost, whole, c.result, gaps)
	}
}

// TestCueSample: a cue is recorded at the sample that was measured when it was shown.
func TestCueSample(t *testing.T) {
	src := ingestOf(t)
	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.CueS, cal.RestS, cal.Save = map[string]string{"T1": "a", "T2": "b"}, 5, 1, 1, "x"
	cal.Pipeline = windowed(t, "csp-lda", 0, 1)
	c, err := newCalibrator(cal, src)
	if err != nil {
		t.Fatal(err)
	}
	const rate = 160
	var shown []int64 // time at which each cue was shown
	now := int64(0)
	gapAt := int64(rate * 15 / 2)
	for start := int64(0); !c.ended; start += 16 {
		if start == gapAt {
			start += 48 // samples are lost within a cue
		}
		x := signal.NewChunk(src.Info(), start, 16)
		x.Time = start * 1e9 / rate
		now = x.TimeAt(x.End()-1) + 37_000_000 // 37 ms later it arrives: 5.92 samples
		c.take(x)
		c.step(func(q bus.Cue) int64 {
			if q.Kind == bus.CueShow {
				shown = append(shown, now)
			}
			return now
		})
	}
	if len(shown) != 11 || c.result.Spoiled != 1 || c.result.Cued != 11 {
		t.Fatalf("%d cues shown, %+v: want 10 and the one that the gap spoiled again", len(shown), c.result)
	}
	for i, e := range c.capture.events {
		if want := math.Round(float64(shown[i]) * rate / 1e9); math.Abs(float64(e.Sample)-want) > 0.5 {
			t.Errorf("cue %d is recorded at sample %d, was shown at %g", i, e.Sample, want)
		}
	}
	rec := c.capture.recording("x")
	if len(rec.Spans) != 2 || rec.Spans[1].Start-rec.Spans[0].End() != 48 {
		t.Errorf("spans %v", rec.Spans)
	}
}

func ingestOf(t *testing.T) signal.Source {
	t.Helper()
	p, err := synth.NewPerson(synth.Defaults(), 60, 0.1)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestLookersInTheProcess: who is in the same process is told what the bus is told.
func TestLookersInTheProcess(t *testing.T) {
	var mu sync.Mutex
	var looks []bus.Telemetry
	var cues []bus.Cue
	r, _ := calibrated(t, func(c *Calibration, o *Options) {
		c.Accept = above("balanced_accuracy", 0.7)
		o.OnLook = func(l bus.Telemetry) { mu.Lock(); defer mu.Unlock(); looks = append(looks, l) }
		o.OnShow = func(c bus.Cue) { mu.Lock(); defer mu.Unlock(); cues = append(cues, c) }
	})
	if _, err := r.over(); err != nil {
		t.Fatal(err)
	}
	r.until("the last telemetry", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseEnded })
	mu.Lock()
	defer mu.Unlock()
	if n := len(r.looks); len(looks) != n || looks[n-1].Phase != bus.PhaseEnded || looks[n-1].Samples != r.looks[n-1].Samples {
		t.Errorf("%d looks in the process, %d on the bus", len(looks), n)
	}
	shown := 0
	for _, c := range cues {
		if c.Kind == bus.CueShow {
			shown++
		}
		if c.TPublish == 0 {
			t.Errorf("a cue without its time: %+v", c)
		}
	}
	if shown != 16 || cues[len(cues)-1].Kind != bus.CueDone {
		t.Errorf("%d cues were shown in the process, want 16; the last is %+v", shown, cues[len(cues)-1])
	}
}

// TestOldRefuseLetsNothingMove: what begins to decode with the bundle is asked for now, and of this run.
func TestOldRefuseLetsNothingMove(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	r, _ := calibrated(t, func(c *Calibration, o *Options) {
		c.Classes = map[string]string{"T1": "left", "T2": "right"}
		with(load(t, a))(o, nil)
	})
	r.until("the question", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhaseAsking })
	nc, err := nats.Connect(r.b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	now := r.status()
	for _, verb := range []string{"accept", "refuse"} {
		day := int64(24 * time.Hour)
		text, err := json.Marshal(bus.Request{V: 1, Session: "s", Decoder: "d", ID: "old-" + verb, Verb: verb, Sent: now.TPublish - day, Seen: now.TPublish - day, Run: now.Run - day})
		if err != nil {
			t.Fatal(err)
		}
		m, err := nc.Request(bus.CtlSubject("s"), text, 20*time.Second)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct {
			OK    bool   `json:"ok"`
			Error string `json:"error"`
		}
		if err := json.Unmarshal(m.Data, &answer); err != nil || answer.OK || answer.Error == "" {
			t.Errorf("%s of yesterday: %s, %v", verb, m.Data, err)
		}
	}
	r.mu.Lock()
	n := len(r.cmds)
	r.mu.Unlock()
	if n > 0 {
		t.Errorf("%d commands", n)
	}
	r.stop()
	_, _ = r.over()
}
