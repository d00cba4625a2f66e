package record

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Loader makes the model with a hash anew, nil where it is not there.
type Loader func(sha256 string) (*pipeline.Pipeline, error)

// Replay runs the samples of a recording through p as the session did: in its batches, at the times that were recorded, without
// what it left out, and where the log says so beginning anew. It does not wait.
func Replay(ctx context.Context, r *Recorded, p *pipeline.Pipeline) ([]Decision, error) {
	if err := p.Accepts(r.Samples.Info); err != nil {
		return nil, err
	}
	pl := player{r: r, only: true, model: playing{p: p}}
	first := slices.IndexFunc(r.Log, func(e Entry) bool { return e.Kind == KindModel })
	if err := p.Start(r.Samples.Info); err != nil {
		return nil, err
	}
	if first >= 0 { // before it a calibration made the model
		pl.from = r.Log[first].Sample
	}
	return pl.play(ctx)
}

// ReplaySession runs the samples of a recording through the models of the session, each where it decided, as the log tells.
// What models decided that load does not find is not there.
func ReplaySession(ctx context.Context, r *Recorded, load Loader) ([]Decision, error) {
	pl := player{r: r, load: load}
	return pl.play(ctx)
}

// playing is a model of a replay; p is nil where it was not found.
type playing struct {
	sha string
	p   *pipeline.Pipeline
}

// player is a replay at work.
type player struct {
	r    *Recorded
	load Loader
	only bool  // one model decides everywhere
	from int64 // samples before it are left out

	model   playing
	front   *pipeline.Pipeline // the one that saw the samples last: model's, or that of one before where model's was not found
	before  []playing
	next    *playing // it warms up
	skip    bool     // samples are left out
	anew    bool     // the next chunk is the first of a source that began anew
	shift   int64    // from numbers of the source to those of the recording
	flushed bool
	late    []signal.Event // that are known from the next chunk on
	all     []Decision
}

// seen is the events of a recording without those that the log says were known later than their samples.
func seen(events []signal.Event, log []Entry) []signal.Event {
	type key struct {
		sample int64
		label  string
	}
	late := map[key]int{}
	for _, e := range log {
		if e.Kind == KindLate && e.EventSample != nil {
			late[key{*e.EventSample, e.Event}]++
		}
	}
	var all []signal.Event
	for _, e := range events {
		k := key{e.Sample, e.Label}
		if late[k] > 0 {
			late[k]--
			continue
		}
		all = append(all, e)
	}
	return all
}

// play runs through the recording.
func (pl *player) play(ctx context.Context) ([]Decision, error) {
	rec := pl.r.Samples
	data, ok := rec.Data.(*arrowfile.Reader)
	if !ok {
		return nil, fmt.Errorf("%s: is %s, must be a recording of a session in Arrow", rec.Name, rec.Format)
	}
	log := slices.Clone(pl.r.Log)
	pl.flushed = log == nil // versions without a log ran every recording to its end
	// An entry that was told of behind samples that were left out may count from before them.
	slices.SortStableFunc(log, func(a, b Entry) int { return cmp.Compare(a.Sample, b.Sample) })
	events := seen(rec.Events, log)
	var buf signal.Buffer
	for _, b := range data.Batches() {
		for at := b.Start; at < b.End(); {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			for len(log) > 0 && log[0].Sample <= at {
				if err := pl.apply(log[0]); err != nil {
					return nil, err
				}
				log = log[1:]
			}
			end := b.End()
			if len(log) > 0 {
				end = min(end, log[0].Sample)
			}
			if at < pl.from {
				end = min(end, pl.from)
			}
			c := buf.Chunk(rec.Info, at, int(end-at))
			if err := data.ReadSamples(c.X, at); err != nil {
				return nil, err
			}
			whole := signal.Chunk{Info: rec.Info, Start: b.Start, Time: b.Time}
			c.Time, c.Events = whole.TimeAt(at), slices.Clone(signal.EventsIn(events, at, end))
			c.Late, pl.late = pl.late, nil
			if at >= pl.from && !pl.skip {
				if err := pl.push(c); err != nil {
					return nil, err
				}
			}
			at = end
		}
	}
	for _, e := range log { // behind the last samples
		if err := pl.apply(e); err != nil {
			return nil, err
		}
	}
	p := pl.pipeline()
	if p == nil || !pl.flushed {
		return pl.all, nil
	}
	preds, err := p.Flush()
	pl.put(preds)
	return pl.all, decoded(err)
}

func (pl *player) pipeline() *pipeline.Pipeline {
	if pl.only {
		return pl.model.p
	}
	return pl.front
}

// push shows c, which is counted as in the recording, to the models.
func (pl *player) push(c signal.Chunk) error {
	p := pl.pipeline()
	if p == nil && pl.next == nil {
		return nil // a calibration, or models that were not found
	}
	c.Start -= pl.shift
	for _, events := range [][]signal.Event{c.Late, c.Events} {
		for i := range events {
			events[i].Sample -= pl.shift
		}
	}
	c.Anew, pl.anew = pl.anew, false
	if p != nil {
		preds, err := p.Push(c)
		if err := decoded(err); err != nil {
			return err
		}
		pl.put(preds)
	}
	if pl.next != nil && pl.next.p != nil {
		if _, err := pl.next.p.Push(c); decoded(err) != nil {
			return err
		}
	}
	return nil
}

// decoded is err but for windows that could not be decoded: a session goes on behind them, and has no decision of them.
func decoded(err error) error {
	if w := (*pipeline.WindowError)(nil); errors.As(err, &w) {
		return nil
	}
	return err
}

// put keeps decisions of a model that was found.
func (pl *player) put(preds []pipeline.Prediction) {
	if pl.model.p == nil {
		return
	}
	for i := range preds {
		if preds[i].Silent {
			continue
		}
		d := Of(&preds[i])
		d.Values, d.Model = slices.Clone(d.Values), pl.model.sha
		d.Start, d.End = d.Start+pl.shift, d.End+pl.shift
		pl.all = append(pl.all, d)
	}
}

// apply does what an entry of the log says.
func (pl *player) apply(e Entry) error {
	switch e.Kind {
	case KindBegin, KindAnew:
		if e.SourceSample != nil {
			pl.shift = e.Sample - *e.SourceSample
		}
		pl.anew = pl.anew || e.Kind == KindAnew
	case KindLate:
		if e.EventSample != nil {
			pl.late = append(pl.late, signal.Event{Sample: *e.EventSample, Onset: float64(*e.EventSample) / pl.r.Samples.Info.Rate, Label: e.Event})
		}
	case KindSkip:
		pl.skip = true
	case KindSkipEnd:
		pl.skip = false
	case KindEnd:
		pl.flushed = e.Flushed
	}
	if pl.only {
		return nil
	}
	switch e.Kind {
	case KindModel:
		m, err := pl.get(e.To)
		pl.model, pl.front = m, m.p
		return err
	case KindWarming:
		m, err := pl.coming(e)
		if err == nil && m.p != nil && !e.Forward {
			err = m.p.Start(pl.r.Samples.Info)
		}
		if pl.next = &m; m.p == pl.front { // it stood in for one that was not found
			pl.front = nil
		}
		return err
	case KindGaveUp:
		pl.next = nil
	case KindSwap, KindRollback:
		return pl.change(e)
	}
	return nil
}

// get makes a model and starts it.
func (pl *player) get(sha string) (playing, error) {
	p, err := pl.load(sha)
	if err == nil && p != nil {
		err = p.Start(pl.r.Samples.Info)
	}
	return playing{sha, p}, err
}

// coming is the model that an entry leads to: a new one, or the one before.
func (pl *player) coming(e Entry) (playing, error) {
	if n := len(pl.before); !e.Forward && n > 0 && pl.before[n-1].sha == e.To {
		return pl.before[n-1], nil
	}
	return pl.get(e.To)
}

// change puts another model in place of the one that decides.
func (pl *player) change(e Entry) error {
	var m playing
	if e.Filters == "warmed" && pl.next != nil {
		m = *pl.next
	} else {
		var err error
		if m, err = pl.coming(e); err != nil {
			return err
		}
		if m.p != nil && pl.front != nil && !m.p.Adopt(pl.front) {
			if err := m.p.Start(pl.r.Samples.Info); err != nil { // the one whose filters it went on with was not found
				return err
			}
		}
	}
	pl.next = nil
	if e.Forward {
		pl.before = append(pl.before, pl.model)
	} else if n := len(pl.before); n > 0 {
		pl.before = pl.before[:n-1]
	}
	pl.model = m
	if m.p != nil {
		pl.front = m.p
	}
	return nil
}
