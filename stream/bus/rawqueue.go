package bus

import (
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// How much a RawReader holds for a reader that is slower than the stream. NATS cannot hold the sender back, so behind
// this the oldest samples are dropped and counted: what is left is the newest, and the age of the data falls at once
// when the reader is back. With 64 channels, 64 MiB are one minute at 2 kHz and thirteen at 160 Hz.
const (
	RawPendingMessages = 1 << 16
	RawPendingBytes    = 64 << 20
)

// rawMsg is one message of a stream as it arrived.
type rawMsg struct {
	arrowipc.Message
	run, seq int64 // 0 and 0 from a sender without headers
	size     int
	arrival  time.Time
}

func newRawMsg(m *nats.Msg, arrival time.Time) (rawMsg, error) {
	r := rawMsg{size: len(m.Data), arrival: arrival}
	var err error
	if r.Message, err = arrowipc.Parse(m.Data); err != nil {
		return r, err
	}
	run, seq := m.Header.Get(runHeader), m.Header.Get(seqHeader)
	if run == "" && seq == "" {
		return r, nil
	}
	var errRun, errSeq error
	r.run, errRun = strconv.ParseInt(run, 10, 64)
	r.seq, errSeq = strconv.ParseInt(seq, 10, 64)
	if errRun != nil || errSeq != nil || r.run <= 0 || r.seq < 0 {
		return r, fmt.Errorf("headers %s %q and %s %q, must be numbers, the first above 0", runHeader, run, seqHeader, seq)
	}
	return r, nil
}

// rawQueue stands between the client's goroutine, which fills it, and the reader.
type rawQueue struct {
	maxMsgs, maxBytes int

	mu        sync.Mutex
	list      []rawMsg
	bytes     int
	dropped   uint64
	malformed uint64
	lastErr   error
	announced *rawSchema // the newest that was repeated for those who join late
	wake      chan struct{}
}

// rawSchema is what one run of a sender says about its stream.
type rawSchema struct {
	run    int64
	schema *arrow.Schema
	info   *signal.Info
}

// read is the schema in m.
func (m rawMsg) read() (rawSchema, error) {
	schema, err := m.Schema()
	if err != nil {
		return rawSchema{}, err
	}
	info, err := signal.InfoFromSchema(schema)
	return rawSchema{m.run, schema, info}, err
}

func newRawQueue(maxMsgs, maxBytes int) *rawQueue {
	return &rawQueue{maxMsgs: maxMsgs, maxBytes: maxBytes, wake: make(chan struct{}, 1)}
}

// push takes one message of the stream. Where there is no room it drops the oldest record batch: a schema or the end is
// only dropped where nothing else is left.
func (q *rawQueue) push(m *nats.Msg) {
	r, err := newRawMsg(m, time.Now())
	q.mu.Lock()
	defer q.mu.Unlock()
	if err != nil {
		q.reject(m.Subject, err)
		return
	}
	q.list = append(q.list, r)
	q.bytes += r.size
	for len(q.list) > 1 && (len(q.list) > q.maxMsgs || q.bytes > q.maxBytes) {
		k := 0
		for k < len(q.list)-1 && q.list[k].Kind != arrowipc.BatchKind {
			k++
		}
		q.bytes -= q.list[k].size
		copy(q.list[1:k+1], q.list[:k]) // the few in front move up by one
		q.list[0] = rawMsg{}            // lets the memory go
		q.list = q.list[1:]
		q.dropped++
	}
	q.signal()
}

// announce takes one repeated schema.
func (q *rawQueue) announce(m *nats.Msg) {
	r, err := newRawMsg(m, time.Now())
	q.mu.Lock()
	defer q.mu.Unlock()
	if err == nil && q.announced != nil && r.run <= q.announced.run {
		return // known, or of an older sender
	}
	var s rawSchema
	if err == nil {
		s, err = r.read()
	}
	if err != nil {
		q.reject(m.Subject, err)
		return
	}
	q.announced = &s
	q.signal()
}

// refuse counts a message that cannot be read.
func (q *rawQueue) refuse(subject string, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.reject(subject, err)
}

// reject is refuse with q.mu held.
func (q *rawQueue) reject(subject string, err error) {
	q.malformed++
	q.lastErr = fmt.Errorf("%s: %w", subject, err)
}

func (q *rawQueue) signal() {
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// pop returns the oldest message.
func (q *rawQueue) pop() (m rawMsg, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.list) == 0 {
		return m, false
	}
	m = q.list[0]
	q.list[0] = rawMsg{} // lets the memory go
	q.list = q.list[1:]
	q.bytes -= m.size
	return m, true
}

// newest is the repeated schema of the newest run, nil where none has come.
func (q *rawQueue) newest() *rawSchema {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.announced
}
