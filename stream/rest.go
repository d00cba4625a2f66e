package stream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// RestOptions say where rest is: in recordings of their own, in which nothing at all is meant, and in the training
// recordings, within events with the given labels; how long those last says Lasting. At least one must be there.
type RestOptions struct {
	Recordings []*signal.Recording
	Events     []string
	Named      string // where a user names Events, for messages; "" is --rest-events LABEL
}

// RestBlocks is how many blocks the rest data are cut into to measure the rate: each is held out in turn.
const RestBlocks = 10

// CalibrateRest sets the threshold of p's section decide (pipeline.Resting) from rest data. p must have been fitted to recs.
//
// Nothing is scored by a decoder that has learned from it: recordings of rest by a pipeline fitted to recs, and the
// training recordings by one fitted to all others. The section decide follows each recording from its beginning as it
// would live; only windows that lie wholly at rest count.
//
// Where decisions are held back as unlike the rest, what that goes by is set first, from all windows at rest; those that it holds back
// are no rest for the threshold, as the section decide is not told of them live either.
//
// The report's rate is of rest that the threshold has not been set with: the rest data are cut into 10 blocks that follow
// each other, and the decisions in each are counted with a threshold from the others, less those windows that overlap
// with the block. The threshold that p keeps is from all of them. What it costs is in the report as well: how many cued
// trials, of recordings that the decoder has not learned from, are decided within their windows' time.
func CalibrateRest(ctx context.Context, p *pipeline.Pipeline, recs []*signal.Recording, opt RestOptions) (*bundle.Rest, error) {
	d := p.Resting()
	if d == nil {
		return nil, errors.New("the pipeline has no section decide that asks for rest data")
	}
	var all rests
	for _, rec := range opt.Recordings {
		if err := all.add(ctx, p.Spec(), recs, rec, nil); err != nil {
			return nil, err
		}
	}
	if len(opt.Events) > 0 {
		if err := occur(opt.Events, recs, cmp.Or(opt.Named, "--rest-events LABEL")); err != nil {
			return nil, err
		}
	}
	if len(recs) < 2 && len(opt.Events) > 0 {
		return nil, &pipeline.InputError{Err: errors.New("rest within the training recordings must be decoded by what was learned from others: give at least 2 recordings, or recordings of rest")}
	}
	if len(recs) >= 2 {
		if err := all.addEach(ctx, p.Spec(), recs, opt.Events); err != nil {
			return nil, err
		}
	}
	rep := &bundle.Rest{Asked: d.AsksForRest(), Blocks: RestBlocks, Rejected: all.rejected}
	runs := all.runs
	if err := all.any(); err != nil {
		return nil, &pipeline.InputError{Err: err}
	}
	passed := all
	var g *pipeline.Guard
	var err error
	if passed.runs, g, err = all.guarded(p); err != nil {
		return nil, &pipeline.InputError{Err: err}
	}
	if g != nil {
		rep.Guard = &bundle.Guard{Limit: g.Limit, Channels: g.Channels, Of: g.Of, Windows: g.Windows, Flat: g.Flat, Minutes: float64(g.Windows) * runs[0].step / 60}
	}
	if lack := all.lack(needRest(d, runs[0].step, all.window), passed.runs); lack != nil {
		return nil, &pipeline.InputError{Err: lack}
	}
	if err := passed.heldOut(d, rep); err != nil {
		if n, all := atRest(passed.runs), atRest(runs); n < all {
			err = fmt.Errorf("%d of %d windows at rest are unlike the rest of it, and nothing is decided there: %w", all-n, all, err)
		}
		return nil, &pipeline.InputError{Err: err}
	}
	if err := d.FitRest(stretchesOf(passed.runs), runs[0].step); err != nil {
		return nil, &pipeline.InputError{Err: err}
	}
	if s, err := d.State().Get("enter", 1); err == nil {
		rep.Threshold = s.Data[0]
	}
	n, err := countTrials(p, d, runs)
	if err != nil {
		return nil, err
	}
	rep.Trials, rep.Right, rep.Wrong = n.Trials, n.Right, n.Wrong
	unlike, looks := unlikeRest(p, runs)
	if rep.Held = len(looks); rep.Held > 0 {
		unlike.Away = p.Farthest(looks)
		rep.Unlike = &unlike
	}
	if 2*rep.Held > unlike.Windows {
		cause := "other eyes, open or closed, another day or another cap, and a threshold counts for the kind of rest that it was set with alone: give rest as it is between the trials, beside any other kind that will come"
		if len(opt.Events) > 0 {
			cause = "muscles, a cable that moves, the mains: filter that out, or give rest that holds it as well"
		}
		return nil, &pipeline.InputError{Err: fmt.Errorf("the rest is of another kind than the training recordings, and decisions would be held back there: %s; it may be what you decode itself, such as a flicker, or a rhythm that changes with what is meant: any_rest: true in the section decide lets decisions be made there, at a rate that is not known on other rest; or it may be %s", rep.UnlikeWhere(), cause)}
	}
	return rep, nil
}

// DecidedTrials counts what became of cued trials.
type DecidedTrials struct {
	Trials int
	Right  int // decided for their class
	Wrong  int // for another
}

// DecideTrials counts how many cued trials of recs p's section decide decides rightly, as CalibrateRest does: it follows each
// recording from its beginning as it would live, with the scores of a pipeline fitted to all others, and the first decision between
// the start of a trial's window and half a window behind its end counts. There must be a section decide that can decide as it is,
// and at least 2 recordings.
func DecideTrials(ctx context.Context, p *pipeline.Pipeline, recs []*signal.Recording) (n DecidedTrials, err error) {
	switch {
	case p.Decider() == nil:
		return n, errors.New("the pipeline has no section decide")
	case len(recs) < 2:
		return n, &pipeline.InputError{Err: errors.New("trials must be decoded by what was learned from others: give at least 2 recordings")}
	}
	var all rests
	if err := all.addEach(ctx, p.Spec(), recs, nil); err != nil {
		return n, err
	}
	return countTrials(p, p.Decider(), all.runs)
}

// rests is what was decoded.
type rests struct {
	runs     []restRun
	events   int     // of rest
	longest  float64 // of them, s
	window   float64 // s
	restS    float64 // seconds that the windows at rest cover, those too that a check rejected
	rejected int     // windows at rest that a check of the pipeline rejected: nothing is decided there, live neither
	why      string  // of the last of them
}

// restRun is the windows that slide through one stretch of a recording without a hole.
type restRun struct {
	decoders.Stretch
	looks  [][]float64 // what each window looks like
	step   float64     // s
	window float64     // length, s
	trials []trial
}

// trial is a cued window of a recording, in s.
type trial struct {
	from, to float64
	class    int
}

// counts says whether a decision at at seconds, on a window that is so long, counts for the trial: between the start of its window and
// half a window behind its end.
func (t trial) counts(at, window float64) bool { return t.from < at && at <= t.to+window/2 }

// undecided is a pipeline like that of spec without its section decide, fitted to recs, that cuts all windows.
func undecided(ctx context.Context, spec *pipeline.Spec, recs []*signal.Recording) (*pipeline.Pipeline, error) {
	plain := *spec
	plain.Decide = nil
	return FitLive(ctx, "", &plain, recs)
}

// Lasting is events, sorted by sample, at rate Hz, in which those with one of labels that have no duration have the one that can be
// relied on: each ends with the next event of any label, which may be a cue, and lasts for at most mostS seconds where that is above
// 0. The last one ends with mostS; without it nobody knows when, and it is left as it is.
func Lasting(events []signal.Event, labels []string, rate, mostS float64) []signal.Event {
	out := slices.Clone(events)
	for i := range out {
		e := &out[i]
		if e.Duration > 0 || !slices.Contains(labels, e.Label) {
			continue
		}
		e.Duration = mostS
		for _, next := range out[i+1:] {
			if s := float64(next.Sample-e.Sample) / rate; s > 0 {
				if mostS <= 0 || s < mostS {
					e.Duration = s
				}
				break
			}
		}
	}
	return out
}

// add adds a recording, decoded by what was learned from others.
func (all *rests) add(ctx context.Context, spec *pipeline.Spec, learn []*signal.Recording, rec *signal.Recording, rest []string) error {
	own, err := undecided(ctx, spec, learn)
	if err != nil {
		return err
	}
	if err := all.score(ctx, own, rec, rest); err != nil {
		return fmt.Errorf("%s: %w", rec.Name, err)
	}
	return nil
}

// addEach adds each recording, decoded by what was learned from all others; rest is within the events with these labels.
func (all *rests) addEach(ctx context.Context, spec *pipeline.Spec, recs []*signal.Recording, rest []string) error {
	for i, rec := range recs {
		if err := all.add(ctx, spec, slices.Delete(slices.Clone(recs), i, i+1), rec, append([]string{}, rest...)); err != nil {
			return err
		}
	}
	return nil
}

// score adds a recording; rest are the labels of the events that are rest, nil for all of the recording. A window is
// at rest that lies in it from its first to its last sample.
func (all *rests) score(ctx context.Context, p *pipeline.Pipeline, rec *signal.Recording, rest []string) error {
	var resting []signal.Event
	rate := rec.Info.Rate // of the events, before steps offline
	for _, e := range Lasting(rec.Events, rest, rate, 0) {
		if slices.Contains(rest, e.Label) {
			resting = append(resting, e)
			all.longest = max(all.longest, e.Duration)
		}
	}
	all.events += len(resting)
	rec, err := p.Prepare(rec)
	if err != nil {
		return err
	}
	var runs []restRun
	var trials []trial
	p.KeepLooks(true)
	next, hop := int64(math.MinInt64), int64(0)
	covered := math.Inf(-1) // so far, s
	put := func(_ context.Context, q *pipeline.Prediction) error {
		from, to := float64(q.Start)/p.OutRate(), float64(q.End)/p.OutRate()
		if q.Event != nil {
			trials = append(trials, trial{from, to, slices.Index(p.Classes(), q.Truth)})
		}
		all.window = to - from
		atRest := rest == nil || within(resting, rate, from, to)
		if q.Slides && atRest {
			all.restS += to - max(from, covered)
			covered = to
		}
		switch {
		case !q.Slides:
			return nil
		case q.Rejected != "":
			if atRest {
				all.rejected, all.why = all.rejected+1, q.Rejected
			}
			return nil
		}
		if hop = p.LiveHop(); q.Start != next {
			runs = append(runs, restRun{step: float64(hop) / p.OutRate(), window: to - from, Stretch: decoders.Stretch{Rest: []bool{}}})
		}
		next = q.Start + hop
		r := &runs[len(runs)-1]
		r.Scores, r.Times, r.Rest = append(r.Scores, slices.Clone(q.Scores)), append(r.Times, to), append(r.Rest, atRest)
		r.looks = append(r.looks, slices.Clone(q.Look))
		return nil
	}
	src := ingest.Play(rec, ingest.PlayOptions{})
	_, err = Run(ctx, src, p, SinkFunc(put), Options{})
	for i := range runs {
		for _, t := range trials {
			if e := runs[i].Times; e[0] <= t.to && t.to <= e[len(e)-1] {
				runs[i].trials = append(runs[i].trials, t)
			}
		}
	}
	all.runs = append(all.runs, runs...)
	return errors.Join(err, src.Close())
}

// within says whether one event covers [from, to) seconds.
func within(events []signal.Event, rate, from, to float64) bool {
	return slices.ContainsFunc(events, func(e signal.Event) bool {
		begin := float64(e.Sample) / rate
		const rounding = 1e-6
		return begin <= from+rounding && to <= begin+e.Duration+rounding
	})
}

func stretchesOf(runs []restRun) []decoders.Stretch {
	s := make([]decoders.Stretch, len(runs))
	for i, r := range runs {
		s[i] = r.Stretch
	}
	return s
}

// looksOf is what the windows at rest look like.
func looksOf(runs []restRun) [][]float64 {
	rest := make([][]bool, len(runs))
	for i, r := range runs {
		rest[i] = r.Rest
	}
	return looksAt(runs, rest)
}

func looksAt(runs []restRun, which [][]bool) (looks [][]float64) {
	for r, run := range runs {
		for i, x := range run.looks {
			if which[r][i] {
				looks = append(looks, x)
			}
		}
	}
	return looks
}

// partsOf is the blocks of the rest, by what their windows look like.
func partsOf(runs []restRun) (parts []pipeline.RestPart) {
	for in, others := range blocksOf(runs) {
		part := pipeline.RestPart{Others: looksAt(runs, others)}
		seen := 0 // windows at rest
		for r, run := range runs {
			begins, at := make([]bool, len(run.looks)), slices.Repeat([]int{-1}, len(run.looks))
			for i, rest := range run.Rest {
				if rest {
					at[i] = seen
					seen++
				}
			}
			if !slices.Contains(in[r], true) {
				continue
			}
			begins[0] = true
			part.Looks, part.Times = append(part.Looks, run.looks...), append(part.Times, run.Times...)
			part.Begins, part.At, part.In = append(part.Begins, begins...), append(part.At, at...), append(part.In, in[r]...)
		}
		parts = append(parts, part)
	}
	return parts
}

// atRest is how many windows are at rest.
func atRest(runs []restRun) (n int) {
	for _, r := range runs {
		n += trues(r.Rest)
	}
	return n
}

func trues(flags []bool) (n int) {
	for _, yes := range flags {
		if yes {
			n++
		}
	}
	return n
}

// blocksOf is the RestBlocks blocks that follow each other: which windows of each run are in it, and which at rest do not overlap
// with it.
func blocksOf(runs []restRun) iter.Seq2[[][]bool, [][]bool] {
	return func(yield func(in, others [][]bool) bool) {
		total := atRest(runs)
		for b := range RestBlocks {
			in, others := make([][]bool, len(runs)), make([][]bool, len(runs))
			seen := 0
			for k, r := range runs {
				in[k], others[k] = make([]bool, len(r.Rest)), slices.Clone(r.Rest)
				far := int(math.Ceil(r.window / r.step))
				for i, rest := range r.Rest {
					if !rest {
						continue
					}
					in[k][i] = seen*RestBlocks/total == b
					seen++
					if in[k][i] {
						clear(others[k][max(0, i-far):min(len(r.Rest), i+far+1)])
					}
				}
			}
			if !yield(in, others) {
				return
			}
		}
	}
}

// any is an error where no window is at rest.
func (all *rests) any() error {
	switch total := atRest(all.runs); {
	case total == 0 && all.rejected > 0:
		return fmt.Errorf("all %d windows at rest are rejected by the pipeline's own checks (the last: %s), so there is none to set the threshold with: nothing would be decided there; take rest more like the training recordings, or events of rest within them", all.rejected, all.why)
	case total == 0 && all.events > 0:
		return fmt.Errorf("no window lies wholly at rest: a window lasts %.3g s, the longest of %d events of rest %.3g s (one without a duration ends with the next event); name recordings of rest, or longer events", all.window, all.events, all.longest)
	case total == 0:
		return errors.New("no window lies wholly at rest: rest must last longer than a window; name recordings of rest, or longer events")
	}
	return nil
}

// letThrough is runs without the windows in which p holds decisions back: there live the section decide is not told of them, and
// has the less evidence behind them, so that neither must be different where its threshold is set.
func letThrough(p *pipeline.Pipeline, runs []restRun) (passed []restRun) {
	for _, r := range runs {
		q := restRun{step: r.step, window: r.window, trials: r.trials, Stretch: decoders.Stretch{Times: []float64{}, Rest: []bool{}}}
		for i, held := range p.HeldBack(r.looks, r.Times) {
			if !held {
				q.Scores, q.Times, q.Rest = append(q.Scores, r.Scores[i]), append(q.Times, r.Times[i]), append(q.Rest, r.Rest[i])
			}
		}
		passed = append(passed, q)
	}
	return passed
}

// heldOut counts the false decisions, and the time in them, in each block with a threshold from the others.
func (all *rests) heldOut(d decoders.RestFitter, rep *bundle.Rest) error {
	runs := all.runs
	total := atRest(runs)
	if total == 0 {
		return errors.New("all windows at rest are unlike the other rest, and nothing is decided there: give longer rest of one kind")
	}
	step := runs[0].step
	free, decided := 0, 0 // windows
	for in, others := range blocksOf(runs) {
		var learn, test []decoders.Stretch
		for k, r := range runs {
			learn = append(learn, decoders.Stretch{Scores: r.Scores, Times: r.Times, Rest: others[k]})
			test = append(test, decoders.Stretch{Scores: r.Scores, Times: r.Times, Rest: in[k]})
		}
		if err := d.FitRest(learn, step); err != nil {
			return fmt.Errorf("of %.0f s of rest a tenth at a time is held out to measure the rate: %w", float64(total)*step, err)
		}
		n, err := d.FalseDecisions(test, step)
		if err != nil {
			return err
		}
		rep.Count, rep.Again = rep.Count+n.Begun, rep.Again+n.Again
		free, decided = free+n.Free, decided+n.Decided
	}
	rep.DecidedS, rep.Share = float64(decided)*step, float64(decided)/float64(total)
	if free == 0 {
		return fmt.Errorf("a decision stands through all %.0f s of held-out rest, as it began before: rest must be long enough for it to end", float64(total)*step)
	}
	rate, err := metrics.FalseActivations(rep.Count+rep.Again, float64(free)*step, 0.95)
	rep.Minutes, rep.PerMinute, rep.Low, rep.High = rate.Minutes, rate.PerMinute, rate.Low, rate.High
	return err
}

// unlikeRest counts the windows of the recordings with trials in which p holds decisions back, and gives their looks.
func unlikeRest(p *pipeline.Pipeline, runs []restRun) (u bundle.Unlike, looks [][]float64) {
	for _, r := range runs {
		if len(r.trials) == 0 {
			continue
		}
		u.Windows += len(r.Scores)
		for i, held := range p.HeldBack(r.looks, r.Times) {
			busy := slices.ContainsFunc(r.trials, func(t trial) bool { return t.counts(r.Times[i], r.window) })
			if busy {
				u.Trials++
			}
			if !held {
				continue
			}
			looks = append(looks, r.looks[i])
			if busy {
				u.Held++
			}
		}
	}
	return u, looks
}

// countTrials follows the recordings with the threshold as it is: the first decision between the start of a trial's
// window and half a window behind its end counts.
func countTrials(p *pipeline.Pipeline, d decoders.Decider, runs []restRun) (n DecidedTrials, err error) {
	atRest := -1
	if r, ok := d.(decoders.RestFitter); ok {
		atRest = r.RestClass()
	}
	for _, r := range runs {
		if len(r.trials) == 0 {
			continue
		}
		first := make([]int, len(r.trials))
		for k := range first {
			first[k] = -1
		}
		d.Reset()
		held := p.HeldBack(r.looks, r.Times)
		for i, row := range r.Scores {
			if held[i] {
				continue
			}
			class, _, err := d.Push(row, r.Times[i])
			if err != nil {
				return n, err
			}
			for k, t := range r.trials {
				if class >= 0 && first[k] < 0 && t.counts(r.Times[i], r.window) {
					first[k] = class
				}
			}
		}
		for k, t := range r.trials {
			if t.class == atRest {
				continue
			}
			n.Trials++
			switch first[k] {
			case t.class:
				n.Right++
			case -1:
			default:
				n.Wrong++
			}
		}
	}
	d.Reset()
	return n, nil
}
