package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// swapWait is how long a request for another model waits for it to take over before it is answered that it is warming up, unless Options
// say otherwise.
const swapWait = 8 * time.Second

// Swapped says what became of a request for another model.
type Swapped struct {
	From string `json:"from"` // SHA-256 of the model before
	To   string `json:"to"`
	File string `json:"file"` // that To was read from, from the root; "" where it is not of a file that was swapped in
	// Filters says what the filters of the new model know of the samples before: "kept" where both models treat samples
	// alike, so that not even the next window differs in what it is cut from, "warmed" where the new one followed the stream
	// for a while beside the old one, and "warming" where it still does.
	Filters string `json:"filters"`
}

// swap puts m in place of the model that decides, between two windows. It is called in turn. A new model (forward)
// has been started on the stream.
//
// Where both treat the samples alike, m goes on at once with the filters and the samples that the other holds. Otherwise m
// sees the stream beside it, for warmS and a window, and takes over between two chunks: the windows up to there are of
// the one, those behind of the other, and as windows lie at fixed sample numbers, none is lost or there twice.
func (e *engine) swap(m Model, forward bool) (*Swapped, *pending, error) {
	if e.model == nil {
		return nil, nil, fmt.Errorf("the session is %s: there is no model to replace yet", e.phase)
	}
	if e.next != nil {
		return nil, nil, fmt.Errorf("the model %.12s is warming up already: wait for it", e.next.SHA256)
	}
	if err := e.model.fits(m); err != nil {
		return nil, nil, err
	}
	res := &Swapped{From: e.model.SHA256, To: m.SHA256, File: m.File, Filters: "kept"}
	if m.Pipeline.Adopt(e.model.Pipeline) {
		return res, nil, e.replace(running{Model: m, before: e.model.before}, forward, res.Filters)
	}
	if !forward { // it has stood still meanwhile
		if err := m.Pipeline.Start(e.info); err != nil {
			return nil, nil, err
		}
	}
	e.next = newPending(m, e.info, forward)
	res.Filters = "warmed"
	e.log(record.KindWarming, e.at, record.Detail{From: res.From, To: res.To, Bundle: m.File, Forward: forward})
	e.look(time.Now())
	return res, e.next, nil
}

// replace makes m the model that decides; filters is what its know of the samples before.
func (e *engine) replace(m running, forward bool, filters string) error {
	old := *e.model
	if err := e.decide(m.Model); err != nil {
		return errors.Join(err, e.decide(old.Model))
	}
	e.model.before = m.before
	if forward {
		if e.before = append(e.before, old.Model); len(e.before) > maxBefore {
			e.before = e.before[1:]
		}
	} else {
		e.before = e.before[:len(e.before)-1]
	}
	kind := record.KindSwap
	if !forward {
		kind = record.KindRollback
	}
	e.log(kind, e.at, record.Detail{From: old.SHA256, To: m.SHA256, Bundle: m.File, Forward: forward, Filters: filters})
	e.note(fmt.Sprintf("model %.12s decides now, before it was %.12s", m.SHA256, old.SHA256))
	e.look(time.Now())
	return nil
}

// warm shows c to the model that waits, and lets it take over where it has seen enough.
func (e *engine) warm(c signal.Chunk) {
	q := e.next
	if q == nil {
		return
	}
	ready, err := q.push(c)
	if err == nil && !ready {
		return
	}
	e.next = nil
	if err == nil {
		e.retired = e.stats()
		q.before = q.Pipeline.Stats()
		err = e.replace(q.running, q.forward, "warmed")
	}
	if err != nil {
		err = fmt.Errorf("the model %.12s was given up: %w", q.SHA256, err)
		e.note(err.Error())
		e.log(record.KindGaveUp, e.at, record.Detail{To: q.SHA256, Why: err.Error()})
	}
	q.finish(err)
}

// await waits until a model has taken over, or says that it still warms up behind atMost.
func (q *pending) await(ctx context.Context, atMost time.Duration, res *Swapped) (*Swapped, error) {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	select {
	case <-q.done:
		return res, q.err
	case <-ctx.Done():
		res.Filters = "warming"
		return res, nil
	}
}
