package bus

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// RawMessageBytes is the size of the largest message with samples, where the server does not ask for smaller ones.
// Longer chunks are split: a command waits behind little, and a link of 4 Mbit/s takes a message within the 250 ms that
// publishing may block.
const RawMessageBytes = 128 << 10

// SchemaInterval is how often a stream's schema is repeated for those who join late.
const SchemaInterval = time.Second

// The headers of a raw message. They tell lost messages from gaps in the recording, which both are jumps in
// Chunk.Start, and a restarted sender from one that goes on. With values of fixed length the block of headers has 72
// bytes: a multiple of 8, so that the samples behind it in the receiver's memory are aligned and need no copy.
const (
	runHeader = "Gyrus-Run" // as in Command, 19 digits
	seqHeader = "Gyrus-Seq" // 15 digits, 0 for the schema, then counting without holes
	headers   = 72
)

// RawWriter publishes the samples of one stream. The messages on RawSubject, one behind the other, are one Arrow IPC
// stream: the schema, record batches, the end. A goroutine repeats the schema on SchemaSubject once a second, also
// while no samples come. All methods may be called from any goroutine.
type RawWriter struct {
	bus            *Bus
	subject, again string
	info, checked  *signal.Info // checked: the last other Info that proved equal
	schema         *arrow.Schema
	head           []byte // the schema message
	limit, max     int    // bytes of payload, as we like it and as the server takes it
	clock          Clock  // of the numbers of runs

	mu      sync.Mutex
	enc     *arrowipc.Encoder
	run     int64
	runText string // in the header
	seq     uint64 // of the next message on subject
	stats   RawWriterStats
	closed  bool
	denied  bool // whoever writes was told that the server refuses the samples
	stop    chan struct{}
	stopped chan struct{}
}

// RawWriterStats counts what a RawWriter did.
type RawWriterStats struct {
	Messages       uint64 `json:"messages"`         // record batches handed to the link
	Samples        uint64 `json:"samples"`          // of each channel, handed to the link
	NotSent        uint64 `json:"not_sent"`         // record batches lost because there was no link
	SamplesNotSent uint64 `json:"samples_not_sent"` // of each channel
	LastError      string `json:"last_error"`       // "" where there was none
}

// NewRawWriter publishes the schema of a stream that info describes. clock gives the number of the run; the zero Clock
// asks for a new one. A role that may not publish the stream is an error: the server says so behind the schema.
func NewRawWriter(b *Bus, session, stream string, info *signal.Info, clock Clock) (*RawWriter, error) {
	if err := errors.Join(CheckToken("session", session), CheckToken("stream", stream)); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	if clock.start.IsZero() {
		clock = NewClock()
	}
	w := &RawWriter{
		bus: b, subject: RawSubject(session, stream), again: SchemaSubject(session, stream), info: info, checked: info,
		schema: signal.PlacedSchema(info), max: int(b.nc.MaxPayload()) - headers,
		clock: clock, stop: make(chan struct{}), stopped: make(chan struct{}),
	}
	w.begin()
	// What receivers would refuse is refused here.
	if _, err := signal.InfoFromSchema(w.schema); err != nil {
		return nil, fmt.Errorf("bus: %s: %w", w.subject, err)
	}
	var err error
	if w.enc, w.head, err = arrowipc.NewEncoder(w.schema); err != nil {
		return nil, fmt.Errorf("bus: %s: %w", w.subject, err)
	}
	if len(w.head) > w.max {
		return nil, fmt.Errorf("bus: %s: the schema has %d bytes, the server takes %d: use fewer channels, or raise its max_payload", w.subject, len(w.head), w.max)
	}
	w.limit = min(RawMessageBytes, w.max)
	if err := w.send(w.subject, w.head); err != nil {
		return nil, err
	}
	if err := errors.Join(b.settle(), w.refused()); err != nil {
		return nil, err
	}
	go w.repeat()
	return w, nil
}

// begin starts a run; called like send.
func (w *RawWriter) begin() {
	w.run, w.seq = max(w.clock.Now(), w.run+1), 0
	w.runText = fmt.Sprintf("%019d", w.run)
}

// send publishes one message with the next number; called with w.mu held, or before others know w. The number is used
// up whether or not the message leaves, so that receivers see the hole.
func (w *RawWriter) send(subject string, data []byte) error {
	m := &nats.Msg{Subject: subject, Data: data, Header: nats.Header{runHeader: {w.runText}, seqHeader: {fmt.Sprintf("%015d", w.seq)}}}
	if subject == w.subject {
		w.seq++
	}
	err := w.bus.publish(m)
	if err != nil {
		w.stats.LastError = err.Error()
	}
	return err
}

// refused says whether the server refuses what is published here. It says so behind the message, and of each one anew: samples that
// were handed to the link are lost then.
func (w *RawWriter) refused() error {
	if err := w.bus.refusedToPublish(w.subject); err != nil {
		return err
	}
	return w.bus.refusedToPublish(w.again)
}

func (w *RawWriter) repeat() {
	defer close(w.stopped)
	tick := time.NewTicker(SchemaInterval)
	defer tick.Stop()
	for {
		w.mu.Lock()
		_ = w.send(w.again, w.head) // noted there; the next comes in a second
		w.mu.Unlock()
		select {
		case <-tick.C:
		case <-w.stop:
			return
		case <-w.bus.done:
			return
		}
	}
}

// Write publishes c, in several messages where it is long, and keeps nothing of it. A chunk without samples sends
// nothing. One that is Anew begins a new run, as if the sender had been restarted. An error that wraps ErrNotSent says
// that samples are lost: receivers see a jump in Chunk.Start, and the caller may go on with the next chunk. Any other
// error says that c is not a chunk of this stream, or that the server refuses this client the stream: what was written
// since it does is lost.
func (w *RawWriter) Write(c signal.Chunk) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return fmt.Errorf("bus: %s: %w: %w", w.subject, ErrNotSent, ErrClosed)
	}
	if err := w.check(c); err != nil {
		return fmt.Errorf("bus: %s: chunk at sample %d: %w", w.subject, c.Start, err)
	}
	if err := w.refused(); err != nil {
		w.denied = true
		return err
	}
	if c.Anew && w.seq > 1 { // where the run holds more than its schema
		w.begin()
		_ = w.send(w.subject, w.head) // noted there; who misses it has the one that is repeated
	}
	return w.write(c)
}

func (w *RawWriter) check(c signal.Chunk) error {
	if c.Info != w.info && c.Info != w.checked { // once per Info, not per chunk
		if !reflect.DeepEqual(c.Info, w.info) {
			return fmt.Errorf("is of a stream of %v, must be of %v", c.Info, w.info)
		}
		w.checked = c.Info
	}
	if len(c.X) != len(w.info.Channels) {
		return fmt.Errorf("has %d channels, must have %d", len(c.X), len(w.info.Channels))
	}
	for ch, x := range c.X {
		if len(x) != c.Len() {
			return fmt.Errorf("channel %d has %d samples, channel 0 has %d", ch, len(x), c.Len())
		}
	}
	return c.CheckEvents()
}

func (w *RawWriter) write(c signal.Chunk) error {
	n, limit := c.Len(), w.limit
	if n == 0 {
		return nil
	}
	if n == 1 { // cannot be split
		limit = w.max
	}
	if 8*(len(c.X)+2)*n <= limit { // the samples alone, so that a long chunk is not encoded in vain
		data, err := w.enc.Encode(c.RecordWith(w.schema))
		if err != nil {
			return fmt.Errorf("bus: %s: chunk at sample %d: %w", w.subject, c.Start, err)
		}
		if len(data) <= limit {
			if err := w.send(w.subject, data); err != nil {
				w.stats.NotSent++
				w.stats.SamplesNotSent += uint64(n)
				return err
			}
			w.stats.Messages++
			w.stats.Samples += uint64(n)
			return nil
		}
	}
	if n == 1 {
		return fmt.Errorf("bus: %s: sample %d with its events does not fit into a message of %d bytes: use fewer channels, or raise the server's max_payload", w.subject, c.Start, limit)
	}
	half := c.Start + int64(n/2)
	left, right := w.write(c.Slice(c.Start, half)), w.write(c.Slice(half, c.End()))
	if left != nil {
		return left
	}
	return right
}

// Stats counts what was published so far.
func (w *RawWriter) Stats() RawWriterStats {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.stats
}

// Close sends the end of the stream and stops repeating the schema. The error says that the end could not be sent, or that
// the server refused what was written last: receivers then go on waiting.
func (w *RawWriter) Close() error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	err := w.send(w.subject, arrowipc.EndOfStream)
	w.mu.Unlock()
	close(w.stop)
	<-w.stopped
	if err != nil {
		return err
	}
	if err := w.bus.flush(flushTimeout); err != nil {
		return fmt.Errorf("bus: %s: the end: %w: %w", w.subject, ErrNotSent, err)
	}
	if w.denied { // which was told
		return nil
	}
	return w.refused()
}
