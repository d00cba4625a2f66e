// Package stream drives a pipeline: Run takes a source to its end, offline and live alike, and hands every prediction
// to a sink.
package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Sink takes predictions: a file, a bus, a table of scores.
type Sink interface {
	// Put takes one prediction, which is valid until it returns.
	Put(ctx context.Context, p *pipeline.Prediction) error
}

// SinkFunc is a function as a Sink.
type SinkFunc func(ctx context.Context, p *pipeline.Prediction) error

// Put calls f.
func (f SinkFunc) Put(ctx context.Context, p *pipeline.Prediction) error { return f(ctx, p) }

// Full says what a full queue does.
type Full int

// A full queue lets the source wait, or loses its oldest chunk, which the pipeline then sees as a gap.
const (
	Block Full = iota
	DropOldest
)

// Options tune Run; the zero value runs everything in the caller's goroutine.
type Options struct {
	Queue int  // chunks between the source and the pipeline; 0 means no queue
	Full  Full // what the queue does when it is full
	// OnChunk, if not nil, is called with each chunk before the pipeline sees it, such as to record or to count it.
	OnChunk func(c signal.Chunk)
}

// Stats is what Run did.
type Stats struct {
	pipeline.Stats
	Chunks  int64 `json:"chunks"`
	Dropped int64 `json:"dropped"` // chunks that the queue lost
}

// Run starts p on src, pushes every chunk and puts every prediction, until the source ends (nil), fails, or ctx is done.
// At the end of the source it flushes what the pipeline holds back. It does not close src.
func Run(ctx context.Context, src signal.Source, p *pipeline.Pipeline, sink Sink, opt Options) (Stats, error) {
	var stats Stats
	if err := p.Start(src.Info()); err != nil {
		return stats, err
	}
	put := func(preds []pipeline.Prediction, err error) error {
		if err != nil {
			return err
		}
		for i := range preds {
			if err := sink.Put(ctx, &preds[i]); err != nil {
				return fmt.Errorf("prediction at sample %d: %w", preds[i].End, err)
			}
		}
		return nil
	}
	var q *queue
	if opt.Queue > 0 {
		q = newQueue(ctx, src, opt.Queue, opt.Full)
		defer q.end()
		src = q
	}
	err := drive(ctx, src, func(c signal.Chunk) error {
		stats.Chunks++
		if opt.OnChunk != nil {
			opt.OnChunk(c)
		}
		return put(p.Push(c))
	})
	if err == nil {
		err = put(p.Flush())
	}
	stats.Stats = p.Stats()
	if q != nil {
		stats.Dropped = q.dropped()
	}
	return stats, err
}

// drive hands every chunk of src to each.
func drive(ctx context.Context, src signal.Source, each func(signal.Chunk) error) error {
	for {
		c, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(c); err != nil {
			return err
		}
	}
}

// queue stands between a source and a pipeline: a goroutine of its own takes chunks from the source as they come.
type queue struct {
	src  signal.Source
	stop context.CancelFunc
	done chan struct{}

	mu     sync.Mutex
	change *sync.Cond
	ring   []signal.Chunk // waiting, oldest first
	limit  int
	full   Full
	lost   int64
	err    error // of the source, io.EOF included; set once
}

func newQueue(ctx context.Context, src signal.Source, limit int, full Full) *queue {
	ctx, stop := context.WithCancel(ctx)
	q := &queue{src: src, stop: stop, done: make(chan struct{}), limit: limit, full: full}
	q.change = sync.NewCond(&q.mu)
	go q.fill(ctx)
	return q
}

func (q *queue) fill(ctx context.Context) {
	defer close(q.done)
	wake := context.AfterFunc(ctx, func() { // a wait on the condition does not see ctx
		q.mu.Lock()
		defer q.mu.Unlock()
		q.change.Broadcast()
	})
	defer wake()
	for {
		c, err := q.src.Next(ctx)
		if err == nil {
			c = c.Clone() // the source uses its memory again
		}
		q.mu.Lock()
		for err == nil && q.full == Block && len(q.ring) >= q.limit && ctx.Err() == nil {
			q.change.Wait()
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			q.err = err
			q.change.Broadcast()
			q.mu.Unlock()
			return
		}
		if len(q.ring) >= q.limit {
			q.ring = append(q.ring[:0], q.ring[1:]...)
			q.lost++
		}
		q.ring = append(q.ring, c)
		q.change.Broadcast()
		q.mu.Unlock()
	}
}

// Info is the source's.
func (q *queue) Info() *signal.Info { return q.src.Info() }

// Next is the oldest chunk that waits. What the source delivered before it failed comes first.
func (q *queue) Next(context.Context) (signal.Chunk, error) { // the context is the one that fill runs under
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.ring) == 0 && q.err == nil {
		q.change.Wait()
	}
	if len(q.ring) == 0 {
		return signal.Chunk{}, q.err
	}
	c := q.ring[0]
	q.ring = append(q.ring[:0], q.ring[1:]...)
	q.change.Broadcast()
	return c, nil
}

// end ends the goroutine and waits for it. The source stays open.
func (q *queue) end() {
	q.stop()
	<-q.done
}

// Close does nothing: whoever made the queue ends it.
func (q *queue) Close() error { return nil }

func (q *queue) dropped() int64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.lost
}
