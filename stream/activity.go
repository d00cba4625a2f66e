package stream

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Activity is what the section decide of a pipeline would have told a controller during recordings. A decision is one that
// begins: windows that follow each other with the same one count once, and anew where windows are missing, as in a gap.
type Activity struct {
	IdleS   float64   // time of the sliding windows that lie wholly outside of trials, and in which a decision could begin: none goes on
	HeldS   float64   // s, the same for windows in which one goes on
	StandS  float64   // s of IdleS and HeldS with a decision, those in which it begins among them
	AwayS   float64   // s, the same for windows that a check refused: nothing can be decided there
	UnlikeS float64   // s of these in which the stream is unlike the rest that the threshold was set with
	False   int       // decisions that begin in idle time
	Again   int       // and one more for each further second of it that a decision goes on into (decoders.FalseDecisions)
	Times   []float64 // of each trial, s from its event to the first decision that begins in it; +Inf where there is none
	Right   int       // trials whose first decision is their class
	Wrong   int       // and those where it is another
	Cued    int       // trials in recordings that were taken for rest: idle time, and in none of the other counts
}

// Active plays rec through p, which must cut all windows and have a section decide, and adds what happens to a. A trial lasts
// from its event until half a window behind the end of its cued window, whether or not a check refused that; trials of the
// class that stands for rest are no trials but part of the idle time. Windows that a check refused
// are no idle time, but counted apart, and so are those in which a decision goes on from the window before.
func (a *Activity) Active(ctx context.Context, p *pipeline.Pipeline, rec *signal.Recording, onChunk func(signal.Chunk)) error {
	windows, trials, err := decisions(ctx, p, rec, onChunk)
	if err == nil {
		a.count(windows, trials, float64(p.LiveHop())/p.OutRate())
	}
	return err
}

// AtRest is Active for a recording in which nothing is meant, whatever its events say: all of it is idle time. The trials that they
// would be are counted as Cued.
func (a *Activity) AtRest(ctx context.Context, p *pipeline.Pipeline, rec *signal.Recording, onChunk func(signal.Chunk)) error {
	windows, trials, err := decisions(ctx, p, rec, onChunk)
	if err == nil {
		a.Cued += len(trials)
		a.count(windows, nil, float64(p.LiveHop())/p.OutRate())
	}
	return err
}

// decisions plays rec through p and says what it decides in the windows that slide, and when something was asked for.
func decisions(ctx context.Context, p *pipeline.Pipeline, rec *signal.Recording, onChunk func(signal.Chunk)) (windows []slid, trials []trial, err error) {
	if p.Decider() == nil {
		return nil, nil, errors.New("the pipeline has no section decide: every window is a decision, and none holds back")
	}
	if err := p.Causal(); err != nil {
		return nil, nil, err
	}
	put := func(_ context.Context, q *pipeline.Prediction) error {
		rate := p.OutRate()
		w := slid{from: float64(q.Start) / rate, to: float64(q.End) / rate, class: slices.Index(p.Classes(), q.Decision), refused: q.Rejected != "" || q.Unlike, unlike: q.Unlike}
		if q.Event != nil {
			trials = append(trials, trial{float64(q.Event.Sample) / rate, w.to + (w.to-w.from)/2, slices.Index(p.Classes(), q.Truth)})
		}
		if q.Slides {
			windows = append(windows, w)
		}
		return nil
	}
	src := ingest.Play(rec, ingest.PlayOptions{})
	stats, err := Run(ctx, src, p, SinkFunc(put), Options{OnChunk: onChunk})
	if err = errors.Join(err, src.Close()); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", rec.Name, err)
	}
	for _, m := range stats.Misses { // something was asked for, but there is no window to say until when
		if len(windows) > 0 {
			w := windows[0]
			trials = append(trials, trial{m.Event.Onset, m.Event.Onset + max(m.Event.Duration, w.to-w.from) + (w.to-w.from)/2, missed})
		}
	}
	if rest, ok := p.Decider().(decoders.RestFitter); ok {
		trials = slices.DeleteFunc(trials, func(t trial) bool { return t.class >= 0 && t.class == rest.RestClass() })
	}
	return windows, trials, nil
}

// missed is the class of a trial that counts as busy time only.
const missed = -2

// slid is a window that slides, in s, with the class that was decided for, or -1.
type slid struct {
	from, to float64
	class    int
	refused  bool // by any check
	unlike   bool // since the stream is unlike the rest of the threshold
}

// count adds windows, step seconds apart, and trials to a.
func (a *Activity) count(windows []slid, trials []trial, step float64) {
	first := make([]int, len(trials))
	times := make([]float64, len(trials))
	for k := range trials {
		first[k], times[k] = -1, math.Inf(1)
	}
	var found decoders.FalseDecisions
	for _, w := range windows {
		idle := true
		for _, t := range trials {
			if t.from < w.to && w.from < t.to {
				idle = false
			}
		}
		begins := found.Add(w.class, w.from, idle && !w.refused, step)
		for k, t := range trials {
			if begins && first[k] < 0 && t.from < w.to && w.to <= t.to {
				first[k], times[k] = w.class, w.to-t.from
			}
		}
		if idle && w.refused {
			a.AwayS += step
			if w.unlike {
				a.UnlikeS += step
			}
		}
	}
	a.False, a.Again = a.False+found.Begun, a.Again+found.Again
	a.IdleS += float64(found.Free) * step
	a.StandS += float64(found.Decided) * step
	a.HeldS += float64(found.Decided-found.Begun) * step
	for k, t := range trials {
		if t.class == missed {
			continue
		}
		a.Times = append(a.Times, times[k])
		switch first[k] {
		case -1:
		case t.class:
			a.Right++
		default:
			a.Wrong++
		}
	}
}
