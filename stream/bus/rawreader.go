package bus

import (
	"context"
	"errors"
	"fmt"
	"io"
	"reflect"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// RawReader is the receiving end of a stream of samples, a signal.Source. A chunk lies in the memory of the message
// that brought it, nothing is copied. One goroutine may call Next; the other methods are for any.
type RawReader struct {
	bus     *Bus
	subject string
	queue   *rawQueue
	subs    []*Subscription
	closing chan struct{} // closed at the begin of Close
	once    sync.Once

	// Of Next alone.
	held   *rawMsg       // the oldest message, maybe waiting for the schema of its run
	schema *arrow.Schema // of the run that is being read, nil before the first
	run    int64
	seq    int64 // number of the next message, -1 where any may be the first, as before any run
	start  int64 // next Chunk.Start, where going
	going  bool  // a chunk of this run has been read
	anew   bool  // the next chunk is the first of its run, and chunks of older runs have been read
	end    error // what Next returns from now on

	mu      sync.Mutex
	info    *signal.Info
	arrival time.Time
	stats   RawStats
}

// RawStats counts what a RawReader received.
type RawStats struct {
	Chunks    uint64 `json:"chunks"`
	Samples   uint64 `json:"samples"`    // of each channel
	Lost      uint64 `json:"lost"`       // messages that were sent and never read, those in Dropped too; known from the sender's numbers
	Dropped   uint64 `json:"dropped"`    // messages that came while the queue was full
	Jumps     uint64 `json:"jumps"`      // places where Chunk.Start did not count on: messages lost, or gaps in the recording
	Missing   uint64 `json:"missing"`    // samples that jumps left out
	Restarts  uint64 `json:"restarts"`   // a newer sender took over, see Chunk.Anew
	Stale     uint64 `json:"stale"`      // messages of an older sender than the newest seen, ignored
	Malformed uint64 `json:"malformed"`  // messages that cannot be read, ignored
	Waiting   int    `json:"waiting"`    // messages in the queue now
	LastError string `json:"last_error"` // about the newest malformed message
}

// Raw subscribes to a stream of samples and waits until its sender has told what the stream is: at once where it starts
// later, within SchemaInterval where it is running already. Nothing that is published after Raw was called is missed.
func (b *Bus) Raw(ctx context.Context, session, stream string) (*RawReader, error) {
	r, err := b.SubscribeRaw(session, stream)
	if err != nil {
		return nil, err
	}
	if err := r.Ready(ctx); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// SubscribeRaw is Raw that does not wait: the server knows the subscription on return, and Ready waits for the sender.
func (b *Bus) SubscribeRaw(session, stream string) (*RawReader, error) {
	if err := errors.Join(CheckToken("session", session), CheckToken("stream", stream)); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	return b.subscribeRaw(session, stream, newRawQueue(RawPendingMessages, RawPendingBytes))
}

func (b *Bus) subscribeRaw(session, stream string, q *rawQueue) (*RawReader, error) {
	r := &RawReader{bus: b, subject: RawSubject(session, stream), queue: q, seq: -1, closing: make(chan struct{})}
	for _, s := range []struct {
		subject string
		handle  func(*nats.Msg)
	}{{r.subject, q.push}, {SchemaSubject(session, stream), q.announce}} {
		sub := &Subscription{done: make(chan struct{})}
		// The handlers never block: what fills up is the queue. These limits are for a process that gets no core.
		if err := sub.listen(b, s.subject, s.handle, RawPendingMessages, RawPendingBytes); err != nil {
			return nil, errors.Join(err, r.Close())
		}
		r.subs = append(r.subs, sub)
	}
	err := b.settle()
	if err == nil {
		err = errors.Join(b.refusedBy(r.subject), b.refusedBy(SchemaSubject(session, stream)))
	}
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

// Ready waits until Info is known. It must not run at the same time as Next.
func (r *RawReader) Ready(ctx context.Context) error {
	for r.Info() == nil {
		if r.prepare(); r.end != nil {
			return r.end
		}
		if r.Info() != nil {
			break
		}
		if err := r.wait(ctx); err != nil {
			if last := r.Stats().LastError; last != "" {
				err = fmt.Errorf("%w (what came cannot be read: %s)", err, last)
			}
			return fmt.Errorf("bus: %s: nothing tells what the stream is: %w; is a sender running on %s, with this session and stream name?", r.subject, err, r.bus.url)
		}
	}
	return nil
}

// Next returns the next chunk with Start, Time and Events as they were sent; io.EOF behind the last one. Where messages
// were lost Start jumps. Where the sender was restarted its sample numbers start again, and the first chunk that comes of
// the new one has Anew set. A link that is lost is no error: Next waits until it is back. A sender that comes back with
// other channels is one.
func (r *RawReader) Next(ctx context.Context) (signal.Chunk, error) {
	for {
		select {
		case <-r.closing:
			return signal.Chunk{}, ErrClosed
		case <-ctx.Done():
			return signal.Chunk{}, ctx.Err()
		default:
		}
		if r.end != nil {
			return signal.Chunk{}, r.end
		}
		if r.prepare() {
			if c, ok := r.decode(); ok {
				return c, nil
			}
		} else if r.end == nil {
			if err := r.wait(ctx); err != nil {
				return signal.Chunk{}, err
			}
		}
	}
}

// prepare works off messages until a record batch whose schema is known is in held, and says whether there is one.
func (r *RawReader) prepare() bool {
	for r.end == nil {
		if r.held == nil {
			m, ok := r.queue.pop()
			if !ok {
				if s := r.queue.newest(); s != nil && r.Info() == nil { // it may be known before the first sample
					r.know(s.info)
				}
				return false
			}
			r.held = &m
		}
		m := r.held
		announced := r.queue.newest()
		switch {
		case m.run < r.run, m.Kind != arrowipc.SchemaKind && announced != nil && m.run < announced.run && m.run != r.run:
			r.held = nil
			r.stale()
		case m.Kind == arrowipc.EndKind:
			r.held, r.end = nil, io.EOF
			r.number(m)
		case m.Kind == arrowipc.SchemaKind:
			r.held = nil
			switch s, err := m.read(); {
			case err != nil:
				r.queue.refuse(r.subject, err)
			case r.schema == nil && announced != nil && m.run < announced.run && !reflect.DeepEqual(s.info, announced.info):
				r.stale() // Info is of the newer sender, and of another stream
			default:
				r.adopt(s, m.seq)
				r.number(m)
			}
		case r.schema != nil && m.run == r.run:
			return true
		case announced != nil && announced.run == m.run: // the schema itself was missed
			first := m.seq
			if r.schema != nil {
				first = 0 // so was all before this message
			}
			r.adopt(*announced, first)
		default:
			return false // the schema is repeated within a second
		}
	}
	return false
}

// stale counts a message of an older sender.
func (r *RawReader) stale() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stats.Stale++
}

// know makes info known before there is a run to read. The run that repeats it is not begun with that: the schema that is repeated
// comes by another subscription, and may overtake the last messages of the run before, which count.
func (r *RawReader) know(info *signal.Info) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.info = info
}

// adopt makes s the schema of what follows; seq is the number of its next message.
func (r *RawReader) adopt(s rawSchema, seq int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.info == nil:
		r.info = s.info
	case !reflect.DeepEqual(r.info, s.info):
		r.end = fmt.Errorf("bus: %s: the sender was restarted with another stream: %v, before it was %v; start a new session for it", r.subject, s.info, r.info)
		return
	}
	if s.run == r.run && r.run != 0 && r.schema != nil { // told twice
		return
	}
	if r.going { // a run without chunks in between changes nothing
		r.stats.Restarts++
		r.anew = true
	}
	r.schema, r.run, r.seq, r.going = s.schema, s.run, seq, false
}

// number counts the messages that are missing before m.
func (r *RawReader) number(m *rawMsg) {
	if m.run == 0 {
		return // the sender does not number
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seq >= 0 && m.seq > r.seq {
		r.stats.Lost += uint64(m.seq - r.seq)
	}
	r.seq = m.seq + 1
}

// decode makes a chunk of the record batch in held.
func (r *RawReader) decode() (signal.Chunk, bool) {
	m := r.held
	r.held = nil
	r.number(m)
	rec, err := m.Batch(r.schema)
	var c signal.Chunk
	if err == nil {
		c, err = signal.FromRecord(rec, r.Info())
	}
	if err != nil {
		r.queue.refuse(r.subject, err)
		return c, false
	}
	if c.Len() == 0 {
		return c, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.going && c.Start != r.start {
		r.stats.Jumps++
		r.stats.Missing += uint64(max(0, c.Start-r.start))
	}
	c.Anew = r.anew
	r.start, r.going, r.anew, r.arrival = c.End(), true, false, m.arrival
	r.stats.Chunks++
	r.stats.Samples += uint64(c.Len())
	return c, true
}

// wait returns when something has come.
func (r *RawReader) wait(ctx context.Context) error {
	select {
	case <-r.queue.wake:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closing:
		return ErrClosed
	case <-r.bus.done:
		return ErrClosed
	}
}

// Info describes the stream; nil until it is known, see Ready.
func (r *RawReader) Info() *signal.Info {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.info
}

// Arrived is when the message with the newest chunk that Next has returned was taken from the link.
func (r *RawReader) Arrived() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.arrival
}

// Stats counts what came so far.
func (r *RawReader) Stats() RawStats {
	r.mu.Lock()
	s := r.stats
	r.mu.Unlock()
	for _, sub := range r.subs {
		s.Dropped += sub.countDropped()
	}
	q := r.queue
	q.mu.Lock()
	defer q.mu.Unlock()
	s.Dropped += q.dropped
	s.Malformed, s.Waiting = q.malformed, len(q.list)
	if q.lastErr != nil {
		s.LastError = q.lastErr.Error()
	}
	return s
}

// Close ends the subscription. A call of Next that waits returns ErrClosed.
func (r *RawReader) Close() error {
	var err error
	r.once.Do(func() {
		close(r.closing)
		for _, sub := range r.subs {
			err = errors.Join(err, sub.Close())
		}
	})
	return err
}
