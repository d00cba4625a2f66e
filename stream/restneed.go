package stream

import (
	"context"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// RestNeed is how much rest a section decide takes to set its threshold from. What is promised before rest is recorded, and what is said
// of rest that was, goes by the same numbers: the fewest windows that its FitRest takes must be left beside each block that is held out
// to measure the rate, and only windows count that are let through, as they are like the rest of it.
type RestNeed struct {
	asked        float64 // false decisions a minute, at most
	least        int     // windows at rest that FitRest takes
	step, window float64 // s
	guarded      bool    // what is unlike the rest of it is held back
}

// NeedRest is what the section decide of p, which must have been started, asks for.
func NeedRest(p *pipeline.Pipeline) RestNeed {
	return needRest(p.Resting(), float64(p.LiveHop())/p.OutRate(), p.WindowS())
}

func needRest(d decoders.RestFitter, step, window float64) RestNeed {
	return RestNeed{asked: d.AsksForRest(), least: d.LeastRest(step), step: step, window: window, guarded: !d.AnyRest()}
}

// blockOf is how many of rows are in the largest block of them.
func blockOf(rows int) int { return (rows + RestBlocks - 1) / RestBlocks }

// beside is the least number of windows of which n are left without a block and so many more.
func beside(n, more int) int {
	rows := n
	for rows-blockOf(rows)-more < n {
		rows++
	}
	return rows
}

// through is how many windows must be let through, where so many that overlap with a block cannot be learned from beside it.
func (n RestNeed) through(overlap int) int { return beside(n.least, overlap) }

// recorded is how many windows at rest must be recorded so that as many are let through, where a tenth is held back and so many more.
func (n RestNeed) recorded(through, more int) int {
	if !n.guarded {
		return through
	}
	return beside(through, more)
}

// BlockS is how long one block of rest must be, in seconds, to be enough also where something in it is unlike the rest of it: a stretch
// as long as the one that the limit leaves out, with a window, and what that leaves behind in the average.
func (n RestNeed) BlockS() float64 {
	rows := n.recorded(n.through(2*n.overlap()), int(math.Ceil(n.UnlikeS()/n.step)))
	return float64(rows-1)*n.step + n.window
}

// UnlikeS is how many seconds, beside a tenth of the rest, BlockS counts for what is held back.
func (n RestNeed) UnlikeS() float64 {
	if !n.guarded {
		return 0
	}
	return n.window + pipeline.LookFadeS()
}

// LeastS is how many seconds of windows at rest are the least that can be enough, wherever they lie: less is never.
func (n RestNeed) LeastS() float64 { return float64(n.recorded(n.through(0), 0)) * n.step }

// overlap is how many windows on one side of a block overlap with it.
func (n RestNeed) overlap() int { return int(math.Ceil(n.window / n.step)) }

// RestLackError is rest that is too little to set a threshold from.
type RestLackError struct {
	RestS float64 // seconds of rest that were recorded: what windows that lie wholly in it cover
	AllS  float64 // that must be recorded in all, where as large a part as of these does not count

	need                    RestNeed
	windows, held, rejected int // at rest; of them unlike the rest of it; more, that a check of the pipeline rejected
	left                    int // of those that are let through, beside the block with which the least are left
}

// Error is one line.
func (e *RestLackError) Error() string {
	lost := ""
	if e.held > 0 {
		lost = fmt.Sprintf(", since %d of %d windows at rest are unlike the rest of it, and nothing is decided there", e.held, e.windows)
	}
	if e.rejected > 0 {
		lost += fmt.Sprintf(", and %d more are rejected by the pipeline's own checks", e.rejected)
	}
	s := func(windows int) float64 { return float64(windows) * e.need.step }
	return fmt.Sprintf("%.0f s of rest are too little to show that there are at most %g false decisions a minute: %.3g s of windows count%s; a tenth at a time is held out to measure the rate, with the windows that overlap with it, which leaves %.3g s, and %.3g s are needed; record %.0f s of rest in all, if as much of it is lost, or allow more false decisions",
		e.RestS, e.need.asked, s(e.windows-e.held), lost, s(e.left), s(e.need.least), math.Ceil(e.AllS))
}

// lack is what is missing of the rest, where passed are its runs that are let through; nil where it is enough, or where none at all
// is let through.
func (all *rests) lack(need RestNeed, passed []restRun) *RestLackError {
	n := atRest(passed)
	if n == 0 {
		return nil
	}
	left := n
	for _, others := range blocksOf(passed) {
		rows := 0
		for _, run := range others {
			rows += trues(run)
		}
		left = min(left, rows)
	}
	if left >= need.least {
		return nil
	}
	windows := atRest(all.runs)
	through := need.through(max(0, n-blockOf(n)-left))
	return &RestLackError{
		RestS: all.restS, AllS: all.restS * float64(through) / float64(n), need: need, windows: windows, held: windows - n, rejected: all.rejected, left: left,
	}
}

// guarded fits what decisions of p are held back by to the rest, where its section decide asks for that, and gives the runs without
// what is held back.
func (all *rests) guarded(p *pipeline.Pipeline) (passed []restRun, g *pipeline.Guard, err error) {
	if p.Resting().AnyRest() {
		return all.runs, nil, nil
	}
	fitted, err := p.FitLikeness(looksOf(all.runs), partsOf(all.runs))
	if err != nil {
		return nil, nil, err
	}
	return letThrough(p, all.runs), &fitted, nil
}

// CheckRest says before anything is learned what CalibrateRest will say of the rest: a *RestLackError where it is too little for the
// section decide of spec, within the events with the given labels, or, for nil, in all of each recording. What is held back as unlike
// the rest of it is known by then, what checks that learn from trials will reject is not. Where steps on samples learn from whole runs
// nothing is known yet, and there is no error.
func CheckRest(ctx context.Context, spec *pipeline.Spec, recs []*signal.Recording, events []string) error {
	plain := *spec
	p, err := pipeline.Build(&plain, pipeline.All)
	if err != nil {
		return err
	}
	if p.Learns() {
		plain.Reject = nil
		if p, err = pipeline.Build(&plain, pipeline.All); err != nil || p.Learns() {
			return err
		}
	}
	var all rests
	for _, rec := range recs {
		if err := all.score(ctx, p, rec, events); err != nil {
			return fmt.Errorf("%s: %w", rec.Name, err)
		}
	}
	if err := all.any(); err != nil {
		return &pipeline.InputError{Err: err}
	}
	passed, _, err := all.guarded(p)
	if err != nil {
		return &pipeline.InputError{Err: err}
	}
	if lack := all.lack(NeedRest(p), passed); lack != nil {
		return &pipeline.InputError{Err: lack}
	}
	return nil
}
