package session

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// enoughRest is Enough for the rest before the first cue.
func (c *Calibration) enoughRest(p *pipeline.Pipeline) error {
	step, window := float64(p.LiveHop())/p.OutRate(), p.WindowS()
	try := func(s float64) error {
		rows := int((s-window)/step) + 1
		return fitsRest(p, rows-(rows/stream.RestBlocks+1+2*int(math.Ceil(window/step)))) // a block is held out, with what overlaps it, to measure the rate
	}
	wrong := try(c.RestBlockS)
	if wrong == nil {
		return nil
	}
	for s := math.Ceil(c.RestBlockS); s <= maxRestS; s++ {
		if try(s) == nil {
			return fmt.Errorf("rest_block_s is %g, of which a tenth at a time is held out to measure the rate, and another may be held back as unlike the rest: too little for false_per_min: %g; set it to at least %g, or allow more false decisions",
				c.RestBlockS, p.Resting().AsksForRest(), s)
		}
	}
	return fmt.Errorf("rest_block_s: %w", wrong)
}

// fitsRest says whether the section decide of p can set its threshold from so many windows at rest.
func fitsRest(p *pipeline.Pipeline, rows int) error {
	if rows > 0 && !p.Resting().AnyRest() {
		rows -= rows/stream.RestBlocks + 1 // the stretch that is left out of the limit may be held back
	}
	rows = max(0, rows)
	classes := len(p.Classes())
	scores := make([][]float64, rows)
	for i := range scores { // each class for a while, so that a decision that is held would end
		scores[i] = make([]float64, classes)
		scores[i][i*classes/rows] = 1
	}
	return p.Resting().FitRest([]decoders.Stretch{{Scores: scores}}, float64(p.LiveHop())/p.OutRate())
}

// leastRest is what counts of events of rest, and how much of it the section decide takes at least, in seconds.
type leastRest struct {
	step, window float64 // of the windows that slide
	s            float64
}

// leastRest is all 0 without events of rest. With less the threshold cannot be set; a little more may be too little as well, where
// windows at rest overlap with the block that is held out.
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
	most := int(maxRestS / l.step)
	held := func(n int) error { return fitsRest(p, n-(n+stream.RestBlocks-1)/stream.RestBlocks) } // a block is held out
	if err := held(most); err != nil {
		return l, fmt.Errorf("rest_events: not even %d s of rest are enough: %w", maxRestS, err)
	}
	rows := sort.Search(most, func(n int) bool { return held(n) == nil })
	l.s = float64(rows) * l.step
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
