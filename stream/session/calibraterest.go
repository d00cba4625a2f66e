package session

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// enoughRest is Enough for the rest before the first cue.
func (c *Calibration) enoughRest(p *pipeline.Pipeline) error {
	need := stream.NeedRest(p)
	if c.RestBlockS >= need.BlockS()-roundingS {
		return nil
	}
	asked := p.Resting().AsksForRest()
	if need.BlockS() > maxRestS {
		return fmt.Errorf("rest_block_s: not even %d s are enough for false_per_min: %g; allow more false decisions", maxRestS, asked)
	}
	held := ""
	if need.UnlikeS() > 0 {
		held = fmt.Sprintf(", and another, with %.3g s more for what a short artefact leaves behind, may be held back as unlike the rest", need.UnlikeS())
	}
	return fmt.Errorf("rest_block_s is %g, of which a tenth at a time is held out to measure the rate%s: too little for false_per_min: %g; set it to at least %g, or allow more false decisions",
		c.RestBlockS, held, asked, math.Ceil(need.BlockS()-roundingS))
}

// leastRest is what counts of events of rest, and how much of it the section decide takes at least, in seconds.
type leastRest struct {
	step, window float64 // of the windows that slide
	s            float64
}

// leastRest is all 0 without events of rest. With less the threshold cannot be set; a little more may be too little as well, where
// windows at rest overlap with the block that is held out, or more is held back: training says so.
func (c *Calibration) leastRest(info *signal.Info) (l leastRest, err error) {
	if len(c.RestEvents) == 0 {
		return l, nil
	}
	spec, err := c.spec()
	if err != nil {
		return l, err
	}
	p, err := pipeline.Build(spec, pipeline.All)
	if err != nil {
		return l, err
	}
	if err := p.Start(info); err != nil {
		return l, err
	}
	l.step, l.window = float64(p.LiveHop())/p.OutRate(), p.WindowS()
	if l.s = stream.NeedRest(p).LeastS(); l.s > maxRestS {
		return l, fmt.Errorf("rest_events: not even %d s of rest are enough for false_per_min: %g; allow more false decisions", maxRestS, p.Resting().AsksForRest())
	}
	return l, nil
}

// roundingS is less than any sample lasts, in seconds.
const roundingS = 1e-6

// restRows is how many windows, each l.step behind the one before, can lie wholly within one event of rec with one of labels, and within
// samples that are there: the most, since where the first one begins is not known. The events must have durations.
func restRows(rec *signal.Recording, labels []string, l leastRest) (n int) {
	for _, e := range rec.Events {
		if !slices.Contains(labels, e.Label) {
			continue
		}
		from := float64(e.Sample) / rec.Info.Rate
		for _, span := range rec.Spans {
			s := min(from+e.Duration, float64(span.End())/rec.Info.Rate) - max(from, float64(span.Start)/rec.Info.Rate)
			if s >= l.window-roundingS {
				n += int((s-l.window)/l.step+roundingS) + 1
			}
		}
	}
	return n
}

// restCheck looks at the rest while more of it can be recorded: at that before the first cue, or at the events of rest behind the last one.
type restCheck struct {
	due    bool        // there is as much as was asked for
	passed bool        // and it is enough
	upto   int64       // our number of the sample behind what was looked at
	until  time.Time   // to when chunks wait for the look that is under way
	done   chan looked // nil, or where a look that is under way says what it found
	cancel context.CancelFunc
	had    float64 // s of windows in events of rest, see restRows, at the newest look
	least  float64 // and with which it is worth to look again
	// with is what looks; nil means stream.CheckRest.
	with func(context.Context, *pipeline.Spec, []*signal.Recording, []string) error
}

// atOnce is how long chunks wait for a look, all of them together: rest of minutes is looked at within it, so that the first cue does not
// depend on the speed of the machine, and heartbeats come often enough. A look that takes longer holds nothing up: what is measured
// meanwhile is kept with the rest of the calibration, and bounded as that is, see full.
const atOnce = 300 * time.Millisecond

// spare is how long samples may be made to wait behind one of that age: those that come meanwhile must not get too old by it. Half of what is
// left is for what else makes them so.
func (a Age) spare(age time.Duration) time.Duration {
	if a.MaxMS == 0 {
		return atOnce
	}
	return min(atOnce, max(0, (ms(a.MaxMS)-age)/2))
}

// looked is what a look found.
type looked struct{ err error }

// end gives up what is under way, and waits for it.
func (r *restCheck) end() {
	if r.done != nil {
		r.cancel()
		<-r.done
		r.done = nil
	}
}

// look begins to look at the rest, the events of recs, or, for none, all of them, on a goroutine of its own: end and found wait for it.
func (r *restCheck) look(ctx context.Context, spec *pipeline.Spec, recs []*signal.Recording, events []string) {
	ctx, r.cancel = context.WithCancel(ctx)
	out, with := make(chan looked, 1), r.with
	if with == nil {
		with = stream.CheckRest
	}
	r.done = out
	go func() { out <- looked{with(ctx, spec, recs, events)} }()
}

// found is what a look found, once it is over; it is not where the session ends meanwhile.
func (r *restCheck) found(ctx context.Context) (over bool, err error) {
	var l looked
	select {
	case l = <-r.done:
	default:
		select {
		case l = <-r.done:
		case <-time.After(time.Until(r.until)): // chunks and heartbeats must go on
			return false, nil
		}
	}
	r.cancel()
	r.done = nil
	return ctx.Err() == nil, l.err
}

// resting is what a look at the rest looks at: the rest before the first cue, or the parts that training cuts the calibration into.
func (c *calibrator) resting() (recs []*signal.Recording, err error) {
	if c.block.open {
		return []*signal.Recording{cut(c.capture.now("rest"), "rest", c.block.from, c.check.upto)}, nil
	}
	l, err := c.lessons(c.capture.now("calibration"))
	return l.recs, err
}

// checkRest looks, once there is as much rest as was asked for, whether it is enough, and has more of it recorded, or waits for more events
// of rest, where it is not. It says what people are told of that, "" for nothing. The error is rest that cannot become enough. Chunks may
// wait for as long as wait.
func (c *calibrator) checkRest(ctx context.Context, wait time.Duration, show func(bus.Cue) int64) (line string, err error) {
	r := &c.check
	if !r.due || r.passed {
		return "", nil
	}
	if r.done == nil {
		spec, err := c.opt.spec()
		if err != nil {
			return "", err
		}
		r.upto, r.until, r.had = c.capture.end, time.Now().Add(wait), c.rest()
		recs, err := c.resting()
		if err != nil {
			return "", err
		}
		r.look(ctx, spec, recs, c.opt.RestEvents)
	}
	over, err := r.found(ctx)
	if !over {
		return "", nil
	}
	var lack *stream.RestLackError
	switch {
	case err == nil:
		r.passed = true
		c.ended = !c.block.open // behind the last cue
		return "", nil
	case !errors.As(err, &lack):
		return "", err
	}
	r.due = false
	if !c.block.open {
		r.least = r.had*lack.AllS/lack.RestS + c.least.step
		return fmt.Sprintf("REST is too little: %v; %s", lack, c.waitsForRest()), nil
	}
	more := math.Ceil(lack.AllS - lack.RestS)
	if most := 2 * c.opt.RestBlockS; float64(r.upto-c.block.from)/c.info.Rate+more > most {
		return "", fmt.Errorf("%w; rest_block_s is %g, and up to twice as much is recorded: look at the electrodes and what moves, and set it to more", lack, c.opt.RestBlockS)
	}
	c.block.since = c.capture.end // what came during the look was not asked for: a gap in it spoils nothing
	c.pause(more, show)
	return fmt.Sprintf("REST is too little: %v; %.0f s more are recorded now", lack, more), nil
}
