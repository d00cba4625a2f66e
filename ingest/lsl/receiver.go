package lsl

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"os"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/clock"
)

// ErrGone says that an outlet is not there any more: another one may have taken its place.
var ErrGone = errors.New("the outlet is gone")

const (
	// dialTime bounds connecting and the handshake, so that a peer that accepts and then says nothing does not hang us.
	dialTime = 5 * time.Second
	// readLen is the buffer of a connection; maxSample the longest sample that it may grow to.
	readLen   = 256 << 10
	maxSample = 64 << 20
)

// dial connects to the samples of a stream within dialTime.
func dial(ctx context.Context, i *StreamInfo) (net.Conn, error) {
	if at := i.Endpoint(); !at.IsValid() || at.Port() == 0 {
		return nil, fmt.Errorf("stream %q has no address over IPv%s", i.Name, familyOf(i.Addr))
	}
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	return new(net.Dialer).DialContext(ctx, "tcp", i.Endpoint().String()) // sends without delay, as Go does by default
}

// FullInfo asks an outlet that Resolve has found for its whole description.
func FullInfo(ctx context.Context, found StreamInfo) (StreamInfo, error) {
	wrap := func(err error) (StreamInfo, error) {
		return StreamInfo{}, fmt.Errorf("description of stream %q at %s: %w", found.Name, found.Endpoint(), err)
	}
	conn, err := dial(ctx, &found)
	if err != nil {
		return wrap(err)
	}
	defer func() { _ = conn.Close() }() // everything has been read
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if err := conn.SetDeadline(time.Now().Add(dialTime)); err != nil {
		return wrap(err)
	}
	if _, err := conn.Write([]byte("LSL:fullinfo\r\n")); err != nil {
		return wrap(err)
	}
	data, err := io.ReadAll(io.LimitReader(conn, maxXML+1))
	if err != nil {
		return wrap(silent(ctx, err))
	}
	full, err := parseInfo(data)
	if err != nil {
		return wrap(err)
	}
	if full.UID != found.UID {
		return wrap(fmt.Errorf("%w: another one, %s, answers in its place", ErrGone, full.UID))
	}
	full.Addr = found.Addr
	return *full, nil
}

// Samples is what one Read of a Receiver brought: whole samples as they were on the wire. It is valid until the next Read.
type Samples struct {
	// Stamps are seconds on the sender's clock. Where Sent is false, the stamp was not on the wire: it is the one before
	// plus 1/rate, or the one before where the stream is irregular. Stamps that are no times (not finite, or beyond any
	// clock) count as not sent.
	Stamps  []float64
	Sent    []bool
	Arrived time.Time
	// Unstamped counts the samples whose stamps were no times, and those that came before the first stamp of the
	// connection: when they were measured is not known, and they are left out.
	Unstamped int

	shape shape
	buf   []byte
	at    []int // where the values of each sample begin in buf
}

// Len is the number of samples.
func (s *Samples) Len() int { return len(s.at) }

// AppendValues appends the values of all samples to dst: those of the first sample, then those of the second. It panics
// where T is not the type of the stream.
func AppendValues[T Value](dst []T, s *Samples) []T {
	if formatOf[T]() != s.shape.format {
		panic(fmt.Sprintf("lsl: values of %s taken for %s", s.shape.format, formatOf[T]()))
	}
	bo := s.shape.order.bytes()
	for _, at := range s.at {
		b := s.buf[at:]
		size := s.shape.format.Size()
		for k := range s.shape.channels {
			var v any
			switch s.shape.format {
			case Float32:
				v = math.Float32frombits(bo.Uint32(b[k*size:]))
			case Float64:
				v = math.Float64frombits(bo.Uint64(b[k*size:]))
			case Int64:
				v = int64(bo.Uint64(b[k*size:]))
			case Int32:
				v = int32(bo.Uint32(b[k*size:]))
			case Int16:
				v = int16(bo.Uint16(b[k*size:]))
			case Int8:
				v = int8(b[k])
			default:
				from, end, err := s.shape.text(b, 0)
				if err != nil {
					panic(err) // Read has seen that the sample is whole
				}
				v, b = string(b[from:end]), b[end:]
			}
			dst = append(dst, v.(T))
		}
	}
	return dst
}

// Receiver reads the samples of one outlet as they come, over one connection. It does not recover: Inlet does.
type Receiver struct {
	info  StreamInfo
	conn  net.Conn
	shape shape
	step  float64
	last  float64

	stamped bool // one stamp of the connection was a time
	blind   int  // samples before it

	buf        []byte
	start, end int           // what has not been handed out
	block      func() []byte // gives memory to go on in where buf is full: what was read stays as it is. nil uses buf again
	need       int           // bytes that the next sample has at least
	out        Samples
	err        error // for the next Read
}

// Connect asks an outlet for its samples. buffer is how many may wait at the outlet before the oldest are lost.
func Connect(ctx context.Context, info StreamInfo, buffer int) (*Receiver, error) {
	wrap := func(err error) (*Receiver, error) {
		return nil, fmt.Errorf("stream %q at %s: %w", info.Name, info.Endpoint(), err)
	}
	if err := info.Validate(); err != nil {
		return nil, err
	}
	if buffer < 1 || buffer > math.MaxInt32 {
		return nil, fmt.Errorf("stream %q: a buffer of %d samples, must be 1 to %d", info.Name, buffer, math.MaxInt32)
	}
	conn, err := dial(ctx, &info)
	if err != nil {
		return wrap(err)
	}
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	r, err := handshake(conn, info, buffer)
	if !stop() && err == nil { // ctx was done after all, and conn is closed
		err = ctx.Err()
	}
	if err != nil {
		_ = conn.Close()
		return wrap(silent(ctx, err))
	}
	return r, nil
}

// silent says of an error of reading what it means: the deadline was over, or ctx, and the peer had not said all it must.
func silent(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("it took the connection and did not answer: %w", context.Cause(ctx))
	case errors.Is(err, os.ErrDeadlineExceeded):
		return fmt.Errorf("it took the connection and did not answer within %g s: %w", dialTime.Seconds(), err)
	}
	return err
}

// handshake sends the request and reads up to the first sample.
func handshake(conn net.Conn, info StreamInfo, buffer int) (*Receiver, error) {
	if err := conn.SetDeadline(time.Now().Add(dialTime)); err != nil {
		return nil, err
	}
	if _, err := conn.Write(appendFeed(nil, &info, buffer)); err != nil {
		return nil, err
	}
	in := bufio.NewReader(conn)
	a, err := readAnswer(in)
	switch {
	case err != nil:
		return nil, err
	case a.status == 404 || a.status >= 300 && a.status < 400:
		return nil, fmt.Errorf("%w: it answers %d %s", ErrGone, a.status, a.reason)
	case a.status != 200:
		return nil, fmt.Errorf("the outlet refuses: %d %s", a.status, a.reason)
	case a.uid != "" && a.uid != info.UID:
		return nil, fmt.Errorf("%w: another one, %s, answers in its place", ErrGone, a.uid)
	}
	r := &Receiver{info: info, conn: conn, shape: shape{info.Format, info.Channels, a.order}, buf: make([]byte, readLen)}
	if info.Rate > 0 {
		r.step = 1 / info.Rate
	}
	want := patterns(info.Format, info.Channels)
	if a.order == bigEndian {
		if want, err = (shape{info.Format, info.Channels, littleEndian}).swap(nil, want); err != nil {
			return nil, err
		}
	}
	got := make([]byte, len(want))
	if _, err := io.ReadFull(in, got); err != nil {
		return nil, fmt.Errorf("the test patterns: %w", err)
	}
	if !bytes.Equal(got, want) {
		return nil, errors.New("the test patterns are not those that they must be: sender and receiver understand the format differently")
	}
	rest, err := in.Peek(in.Buffered()) // samples that came with the answer
	if err != nil {
		return nil, err
	}
	r.end = copy(r.buf, rest)
	return r, conn.SetDeadline(time.Time{})
}

// Info is the stream that is read.
func (r *Receiver) Info() *StreamInfo { return &r.info }

// Read blocks until at least one whole sample is there, and returns all that are; none where they had no time. Its errors are final: io.EOF where the
// outlet has ended the connection between two samples.
func (r *Receiver) Read() (*Samples, error) {
	if r.err != nil {
		return nil, r.err
	}
	for {
		if r.parse(time.Now()); len(r.out.at) > 0 || r.out.Unstamped > 0 {
			return &r.out, nil
		}
		if r.err == nil {
			r.err = r.fill()
		}
		if r.err != nil {
			return nil, r.err
		}
	}
}

// fill reads what is there from the connection, at least one byte.
func (r *Receiver) fill() error {
	switch full := len(r.buf)-r.end < readLen/4; {
	case r.block == nil && r.start > 0 && (r.start == r.end || full):
		r.end = copy(r.buf, r.buf[r.start:r.end])
		r.start = 0
	case r.block != nil && full:
		rest := r.buf[r.start:r.end]
		if r.buf = r.block(); len(r.buf)-len(rest) < readLen/4 { // one sample that is longer
			r.buf = make([]byte, 2*len(rest)+readLen/4)
		}
		r.start, r.end = 0, copy(r.buf, rest)
	}
	if r.end-r.start >= maxSample {
		return fmt.Errorf("a sample of stream %q is longer than %d bytes", r.info.Name, maxSample)
	}
	if r.end == len(r.buf) { // the same, in a buffer that is used again
		r.buf = append(r.buf, make([]byte, len(r.buf))...)
	}
	n, err := r.conn.Read(r.buf[r.end:])
	r.end += n
	if n > 0 {
		return nil
	}
	if errors.Is(err, io.EOF) && r.start < r.end {
		return fmt.Errorf("stream %q ended within a sample: %w", r.info.Name, io.ErrUnexpectedEOF)
	}
	return err
}

// parse finds the whole samples in the buffer.
func (r *Receiver) parse(now time.Time) {
	s := &r.out
	s.Stamps, s.Sent, s.at = s.Stamps[:0], s.Sent[:0], s.at[:0]
	s.shape, s.buf, s.Arrived, s.Unstamped = r.shape, r.buf, now, 0
	bo := r.shape.order.bytes()
	for r.end-r.start >= r.need && r.start < r.end {
		b := r.buf[r.start:r.end]
		n, need, err := r.shape.sampleLen(b)
		if r.need = need; err == errShort { //nolint:errorlint // it comes from the line above
			return
		}
		r.need = 0
		if err != nil {
			r.err = fmt.Errorf("stream %q: %w", r.info.Name, err)
			return
		}
		values, sent := r.start+1, false
		r.last += r.step
		if b[0] == tagStamped {
			values += 8
			stamp := math.Float64frombits(bo.Uint64(b[1:]))
			if sent = clock.IsTime(stamp); sent {
				r.last, r.stamped = stamp, true
			} else {
				s.Unstamped++
			}
		}
		r.start += n
		if !r.stamped {
			if b[0] != tagStamped {
				s.Unstamped++
			}
			if r.blind++; r.blind > maxBlind {
				r.err = fmt.Errorf("stream %q: none of the first %d samples has a stamp that is a time in seconds: the sending program must be mended", r.info.Name, maxBlind)
				return
			}
			continue
		}
		s.Stamps, s.Sent, s.at = append(s.Stamps, r.last), append(s.Sent, sent), append(s.at, values)
	}
}

// maxBlind is how many samples may come before the first stamp: more than a sender makes one chunk of.
const maxBlind = 1 << 14

// Close ends the connection. It may be called while another goroutine reads.
func (r *Receiver) Close() error { return r.conn.Close() }
