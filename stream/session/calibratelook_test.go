package session

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// losing is a simulated person of whom chunks are lost.
type losing struct {
	signal.Source
	lose func(c signal.Chunk) bool
}

func (s *losing) Next(ctx context.Context) (signal.Chunk, error) {
	for {
		if c, err := s.Source.Next(ctx); err != nil || !s.lose(c) {
			return c, err
		}
	}
}

func (s *losing) Cue(label string) { s.Source.(cued).Cue(label) }

// moment is when a chunk comes: so many looks at the rest have begun, rests were shown, and chunks have come since the newest of these.
type moment struct{ looks, rests, chunks int }

// slowLook is what a calibration did up to the first cue, whose looks at the rest last until so many chunks have come.
type slowLook struct {
	block float64   // s of rest that were asked for
	rests []float64 // s, as they were shown before the first cue
	came  int64     // samples, none of which are of a gap
	said  []string
	rep   Report
	err   error
	e     *engine
}

// looksSlowly calibrates up to the first cue. Each look at the rest goes on until chunks more have come, and finds what found says of the
// n-th; the first chunk that comes at lost gets lost. most, if not 0, bounds what is kept.
func looksSlowly(t *testing.T, chunks int, lost moment, found func(n int) error, most int64) *slowLook {
	t.Helper()
	s := new(slowLook)
	cal := CalibrationDefaults()
	cal.Classes, cal.Trials, cal.Save = map[string]string{"T1": "left_fist", "T2": "right_fist"}, 8, filepath.Join(t.TempDir(), "made.gyrus")
	cal.Pipeline, cal.Accept = imagery(t, "{use: evidence, false_per_min: 12}"), above("balanced_accuracy", 0.1)
	b := bustest.Open(t, bus.Options{})
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	person := synth.Defaults()
	person.Channels, person.Effect = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 0.9
	src, err := openPerson(person, &Source{Length: 3600, Chunk: 0.1, Speed: 40}, clock)
	if err != nil {
		t.Fatal(err)
	}
	cal.RestBlockS = promised(t, cal, src)
	s.block = cal.RestBlockS
	var at moment
	came, gone := 0, false // chunks since the newest look began; the one was lost
	begun, enough := make(chan chan struct{}, 1), make(chan struct{})
	opt := Options{Commands: w, Clock: clock, Calibrate: &cal, Age: Age{MaxMS: 6000, Policy: ageSkip}}
	opt.Source = &losing{src, func(signal.Chunk) bool { // the session is through with the chunk before
		lose := !gone && at == lost
		gone = gone || lose
		return lose
	}}
	opt.OnChunk = func(c signal.Chunk) {
		select {
		case enough = <-begun:
			at, came = moment{at.looks + 1, at.rests, 0}, 0
		default:
		}
		at.chunks++
		if came++; at.looks > 0 && came == chunks {
			close(enough)
		}
		s.came += int64(c.Len())
	}
	opt.Note = func(line string) { s.said = append(s.said, line) }
	opt.OnShow = func(c bus.Cue) {
		if c.Kind == bus.CueShow {
			s.e.end = true
			return
		}
		s.rests = append(s.rests, c.LengthMS/1e3)
		at = moment{at.looks, at.rests + 1, 0}
	}
	if s.e, err = newEngine(opt); err != nil {
		t.Fatal(err)
	}
	s.e.cal.capture.most = most
	looks := 0
	s.e.cal.check.with = func(ctx context.Context, _ *pipeline.Spec, _ []*signal.Recording, _ []string) error {
		looks++
		over := make(chan struct{})
		begun <- over
		select {
		case <-over:
		case <-ctx.Done():
			return ctx.Err()
		}
		return found(looks)
	}
	if err := s.e.begin(); err != nil {
		t.Fatal(err)
	}
	s.rep, s.err = s.e.finish(t.Context(), s.e.loop(t.Context()))
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return s
}

// TestLookLongerThanAge: while a look at the rest lasts, samples are taken in and kept, none gets too old for it, and what is lost meanwhile
// is no reason to show the rest again; a gap in the rest itself is, once.
func TestLookLongerThanAge(t *testing.T) {
	const chunks = 60 // each is 2.5 ms behind the one before: behind 20 of them that wait for 0.3 s each the next is too old
	const rate = 160
	lack := func(n int) error {
		if n == 1 {
			return &pipeline.InputError{Err: &stream.RestLackError{RestS: 50, AllS: 57}}
		}
		return nil
	}
	plenty := func(int) error { return nil }
	for name, c := range map[string]struct {
		lost  moment
		found func(n int) error
		rests []float64 // those that are shown behind the first, but the one before the first cue; -1 is the first again
		gaps  int
	}{
		"no gap":          {moment{-1, -1, -1}, plenty, nil, 0},
		"in the rest":     {moment{0, 1, 200}, plenty, []float64{-1}, 1},
		"while it looks":  {moment{1, 1, 10}, plenty, nil, 1},
		"and more rest":   {moment{1, 1, 10}, lack, []float64{7}, 1},
		"in what is more": {moment{1, 2, 30}, lack, []float64{7, -1}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s := looksSlowly(t, chunks, c.lost, c.found, 0)
			if s.err != nil {
				t.Fatal(s.err)
			}
			want := []float64{s.block}
			for _, r := range c.rests {
				if r < 0 {
					r = s.block
				}
				want = append(want, r)
			}
			if want = append(want, 3); !slices.Equal(s.rests, want) {
				t.Errorf("rests of %v s were shown before the first cue, want %v; said %q", s.rests, want, s.said)
			}
			if s.rep.Skipped != 0 || slices.ContainsFunc(s.said, func(l string) bool { return strings.Contains(l, "s old") }) {
				t.Errorf("%d samples were too old; said %q", s.rep.Skipped, s.said)
			}
			kept := int64(0)
			for _, span := range s.e.cal.capture.spans {
				kept += span.Len
			}
			if kept != s.came || len(s.e.cal.capture.spans) != 1+c.gaps {
				t.Errorf("%d of %d samples were kept, in spans %v, want %d gaps", kept, s.came, s.e.cal.capture.spans, c.gaps)
			}
			if blk := s.e.cal.block; len(c.rests) == 0 && float64(blk.to-blk.from) > (s.block+0.2)*rate { // no more than was asked for, whatever came meanwhile
				t.Errorf("the rest is %+v, want %g s", blk, s.block)
			}
		})
	}
}

// TestLookWithoutEnd: what is kept during a look that does not end is bounded, and the calibration is given up.
func TestLookWithoutEnd(t *testing.T) {
	const most = 8 * 8 * 160 * 100 // bytes: 100 s
	s := looksSlowly(t, -1, moment{-1, -1, -1}, func(int) error { return nil }, most)
	var no *NotAcceptedError
	if !errors.As(s.err, &no) || !strings.Contains(no.Why, "whether the rest is enough was not known within 2 min") {
		t.Errorf("%v", s.err)
	}
	if s.came > most/64+320 || s.e.cal.check.done != nil || s.e.cal.capture.bytes() != 0 {
		t.Errorf("%d samples came; %d bytes are kept", s.came, s.e.cal.capture.bytes())
	}
}

// TestSpare: nothing waits for longer than the samples behind it may.
func TestSpare(t *testing.T) {
	for _, c := range []struct {
		max       float64
		age, want time.Duration
	}{
		{0, time.Hour, atOnce}, // no bound
		{1000, 50 * time.Millisecond, atOnce},
		{400, 0, 200 * time.Millisecond},
		{400, 100 * time.Millisecond, 150 * time.Millisecond},
		{400, 400 * time.Millisecond, 0},
		{400, time.Second, 0},
	} {
		if got := (Age{MaxMS: c.max, Policy: ageSkip}).spare(c.age); got != c.want {
			t.Errorf("at most %g ms, %v old: %v, want %v", c.max, c.age, got, c.want)
		}
	}
}
