package session

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// TestCalibrationWithoutCuesIsBounded: where the source's cues do not come, what is kept is bounded: the calibration is given up, with the
// labels that are missing, and the session decodes with its bundle, or ends.
func TestCalibrationWithoutCuesIsBounded(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for _, bundle := range []bool{true, false} {
		rec := person(t)
		cal := CalibrationDefaults()
		cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"X1": "left", "X2": "right"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
		b := bustest.Open(t, bus.Options{})
		clock := bus.NewClock()
		w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
		if err != nil {
			t.Fatal(err)
		}
		opt := Options{Source: ingest.Play(rec, ingest.PlayOptions{Chunk: 16}), Commands: w, Clock: clock, Calibrate: &cal}
		if bundle {
			with(load(t, a))(&opt, nil)
		}
		e, err := newEngine(opt)
		if err != nil {
			t.Fatal(err)
		}
		e.cal.capture.most = 100_000
		largest := int64(0)
		e.opt.OnChunk = func(signal.Chunk) { largest = max(largest, e.cal.capture.bytes()) }
		if err := e.begin(); err != nil {
			t.Fatal(err)
		}
		rep, err := e.finish(t.Context(), e.loop(t.Context()))
		if largest < 90_000 || largest > 100_000 || e.cal.capture.bytes() != 0 { // looked at before each chunk
			t.Errorf("%d bytes were kept, may be 100000, and %d at the end", largest, e.cal.capture.bytes())
		}
		why := ""
		if rep.Calibration != nil {
			why = rep.Calibration.Why
		}
		if !strings.Contains(why, "the cues of the source have not come") || !strings.Contains(why, "left 0 of 5") {
			t.Errorf("why: %q", why)
		}
		if no := (*NotAcceptedError)(nil); bundle && (err != nil || rep.Sent+rep.NotSent+rep.Expired == 0) || !bundle && !errors.As(err, &no) {
			t.Errorf("with a bundle: %t; %v, %d commands", bundle, err, rep.Sent)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestCalibrationLeavesTheWaitForRest: where the source shows no more rest behind the last cue, nobody is held there: refuse goes on with the
// bundle, or ends the session where there is none, repeat begins anew, and the line says so.
func TestCalibrationLeavesTheWaitForRest(t *testing.T) {
	a, sha := saved(t, 8, "lda")
	rec := personOf(t, 20)
	rec.Events = slices.Clone(rec.Events)
	for i := range rec.Events {
		if rec.Events[i].Label == "T0" {
			rec.Events[i].Duration = 0.5 // in which no window lies
		}
	}
	for _, tc := range []struct {
		verb   string
		bundle bool
	}{{"refuse", true}, {"refuse", false}, {"repeat", true}} {
		cal := CalibrationDefaults()
		cal.Pipeline = imagery(t, "{use: evidence, false_per_min: 30, certainty: 0.6}")
		cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"T1": "left", "T2": "right"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
		cal.RestEvents, cal.Accept = []string{"T0"}, above("balanced_accuracy", 0)
		var notes said
		r := start(t, rec, func(o *Options, _ *stepped) {
			o.Calibrate, o.Note = &cal, notes.note
			if tc.bundle {
				with(load(t, a))(o, nil)
			}
		})
		for n := 0; notes.count("all cues have come") == 0; n++ {
			if r.chunks(10); n > 200 {
				t.Fatalf("%+v", r.status())
			}
		}
		if n := notes.count("where none will come, say refuse or repeat with gyrus ctl"); n != 1 {
			t.Errorf("the way out is told %d times", n)
		}
		if err := r.ask(nil, "accept"); err == nil || !strings.Contains(err.Error(), "no model to accept: all cues have come, and more rest is waited for") {
			t.Errorf("accepted: %v", err)
		}
		if err := r.ask(nil, tc.verb); err != nil {
			t.Fatalf("%s: %v", tc.verb, err)
		}
		switch {
		case tc.verb == "repeat":
			r.chunks(10)
			if s := r.status(); s.Phase != bus.PhaseCalibrating || !strings.Contains(s.Detail, "left 0 of 5") && !strings.Contains(s.Detail, "left 1 of 5") {
				t.Errorf("behind repeat: %s, %s", s.Phase, s.Detail)
			}
		case tc.bundle:
			r.decoding()
			if s := r.status(); s.Bundle != sha {
				t.Errorf("decides %.8s, want %.8s", s.Bundle, sha)
			}
		}
		if tc.bundle {
			r.stop()
		}
		rep, err := r.over()
		if no := (*NotAcceptedError)(nil); tc.bundle && err != nil || !tc.bundle && !errors.As(err, &no) {
			t.Errorf("%+v: %v", tc, err)
		}
		if c := rep.Calibration; tc.verb == "repeat" && c.Rounds != 2 || tc.verb == "refuse" && (c.Accepted || !strings.Contains(c.Why, "while more rest was waited for (left 5 of 5, right 5 of 5, rest that counts 0 s")) {
			t.Errorf("%+v: %+v", tc, c)
		}
		if exists(t, cal.Save) {
			t.Errorf("%+v: a model is saved", tc)
		}
	}
}

// TestCalibrationLeavesTheWaitForCues: where the program that shows the cues has ended, or was never started, the same is taken. Cues that the
// session shows itself come, and the model is judged behind them.
func TestCalibrationLeavesTheWaitForCues(t *testing.T) {
	a, sha := saved(t, 8, "lda")
	for _, tc := range []struct {
		cues, verb, label string
		bundle            bool
	}{{"markers", "refuse", "X1", true}, {"markers", "refuse", "T1", false}, {"markers", "repeat", "T1", true}, {"show", "refuse", "T1", true}} {
		cal := CalibrationDefaults()
		cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{tc.label: "left", "X2": "right"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), tc.cues
		r := start(t, personOf(t, 20), func(o *Options, _ *stepped) {
			o.Calibrate = &cal
			if tc.bundle {
				with(load(t, a))(o, nil)
			}
		})
		for range 10 {
			r.chunks(30)
		}
		const none = "left 0 of 5, right 0 of 5"
		err := r.ask(nil, "accept")
		if tc.cues == "show" {
			if err = r.ask(nil, tc.verb); err == nil || !strings.Contains(err.Error(), "there is no model to judge") {
				t.Errorf("%+v: %v", tc, err)
			}
			r.stop()
			continue
		}
		if err == nil || !strings.Contains(err.Error(), "no model to accept: cues of the source are waited for (left ") || !strings.Contains(err.Error(), "where none will come, say refuse or repeat with gyrus ctl") {
			t.Errorf("%+v: accepted: %v", tc, err)
		}
		if s := r.status(); strings.HasPrefix(s.Detail, none) != (tc.label == "X1") {
			t.Errorf("%+v: %s", tc, s.Detail)
		}
		if err := r.ask(nil, tc.verb); err != nil {
			t.Fatalf("%+v: %v", tc, err)
		}
		if tc.verb == "repeat" {
			if s := r.status(); s.Phase != bus.PhaseCalibrating || !strings.HasPrefix(s.Detail, none) {
				t.Errorf("behind repeat: %s, %s", s.Phase, s.Detail)
			}
			err = r.ask(nil, "refuse")
			if err != nil {
				t.Fatal(err)
			}
		}
		if tc.bundle {
			r.decoding()
			if s := r.status(); s.Bundle != sha {
				t.Errorf("decides %.8s, want %.8s", s.Bundle, sha)
			}
			r.stop()
		}
		rep, err := r.over()
		if no := (*NotAcceptedError)(nil); tc.bundle && err != nil || !tc.bundle && !errors.As(err, &no) {
			t.Errorf("%+v: %v", tc, err)
		}
		if c := rep.Calibration; c.Accepted || !strings.Contains(c.Why, "while cues of the source were waited for (left ") || (c.Rounds == 2) != (tc.verb == "repeat") || exists(t, cal.Save) {
			t.Errorf("%+v: %+v", tc, c)
		}
	}
}
