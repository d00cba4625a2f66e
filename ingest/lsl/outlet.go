package lsl

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// OutletOptions tune an outlet; the zero value asks for the defaults.
type OutletOptions struct {
	Config *Config // nil takes Environment
	// BufferS is how much a slow reader may be behind before it loses the oldest samples, in seconds, or in hundreds of
	// samples for irregular streams; 0 means 360 as in liblsl. A reader may ask for less.
	BufferS float64
	// BufferBytes bounds the same in bytes; 0 means 256 MiB. Nothing is kept that every reader has got.
	BufferBytes int
}

// ErrClosed says that an outlet or inlet was closed here.
var ErrClosed = errors.New("lsl: closed")

// Outlet offers a stream to the network. Its methods may be called from any goroutine; samples are in the order in which
// they were pushed.
type Outlet struct {
	info  StreamInfo
	shape shape
	short []byte // description without and with <desc>
	full  []byte
	doc   document // the full one

	host *host
	lns  []net.Listener // over each family of addresses
	wg   sync.WaitGroup

	limit int64 // samples that may wait for a reader
	most  int   // bytes

	mu      sync.Mutex
	more    sync.Cond // something was pushed, a reader came or went, or the outlet is closed
	ring    ring
	last    float64 // stamp of the newest sample
	readers map[*reader]struct{}
	conns   map[net.Conn]time.Time // since when each is silent; the zero time where it has said what it wants
	gone    ReaderStats            // sums over readers that have left
	refused uint64
	closed  bool
}

// ReaderStats is what one reader of an outlet got.
type ReaderStats struct {
	Addr    string    `json:"address"`
	Since   time.Time `json:"since"`
	Sent    uint64    `json:"sent"`    // samples
	Dropped uint64    `json:"dropped"` // samples that it lost because it was too slow
	Waiting int64     `json:"waiting"` // samples
}

// OutletStats is what an outlet did.
type OutletStats struct {
	Pushed  uint64        `json:"pushed"` // samples
	Readers []ReaderStats `json:"readers"`
	Left    ReaderStats   `json:"left"`    // sums over the readers that have left
	Refused uint64        `json:"refused"` // connections that asked for what is not here, or for nothing in time, or were too many
}

// NewOutlet offers the stream that info describes. It is visible, and accepts readers, when NewOutlet returns.
func NewOutlet(info StreamInfo, opt OutletOptions) (*Outlet, error) {
	if err := info.Validate(); err != nil {
		return nil, err
	}
	if !(opt.BufferS >= 0) || opt.BufferBytes < 0 {
		return nil, fmt.Errorf("stream %q: buffer of %g s, %d bytes: must not be below 0", info.Name, opt.BufferS, opt.BufferBytes)
	}
	cfg, err := configOf(opt.Config)
	if err != nil {
		return nil, err
	}
	if opt.BufferS == 0 {
		opt.BufferS = 360
	}
	ln, err := listenTCP(cfg, cfg.Listen)
	if err != nil {
		return nil, err
	}
	lns := []net.Listener{ln}
	h, err := acquire(cfg)
	if err != nil {
		return nil, errors.Join(err, ln.Close())
	}
	if info.TimePort6 = h.port(v6); info.TimePort6 != 0 {
		if ln, err := listenTCP(cfg, cfg.listen(v6)); err == nil { // without it the stream is offered over IPv4
			lns, info.DataPort6 = append(lns, ln), portOf(ln.Addr())
		}
	}
	info.UID, info.SessionID, info.Hostname = newUID(), cfg.SessionID, hostname()
	info.CreatedAt, info.Version, info.Addr = LocalClock(), protocolVersion, netip.Addr{}
	info.DataPort, info.TimePort = portOf(ln.Addr()), h.port(v4)
	perSecond := info.Rate
	if perSecond == 0 {
		perSecond = 100
	}
	o := &Outlet{
		info: info, shape: shape{info.Format, info.Channels, littleEndian},
		short: info.document(false), full: info.document(true), doc: document{info.element(true)},
		host: h, lns: lns,
		limit: int64(max(1, min(math.Round(opt.BufferS*perSecond), 1<<40))), most: cmp.Or(opt.BufferBytes, 256<<20),
		readers: map[*reader]struct{}{}, conns: map[net.Conn]time.Time{},
	}
	o.more.L = &o.mu
	for _, ln := range lns {
		o.wg.Go(func() { o.accept(ln) })
	}
	h.add(o)
	return o, nil
}

// newUID is a random one (RFC 9562, version 4).
func newUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Info describes the stream, with what the outlet has added.
func (o *Outlet) Info() StreamInfo { return o.info }

// Push sends one sample: x has one value for each channel. stamp is when it was measured, on this machine's LSL clock;
// 0 means now.
func Push[T Value](o *Outlet, x []T, stamp float64) error {
	if len(x) != o.info.Channels {
		return fmt.Errorf("stream %q: %d values pushed, a sample has %d", o.info.Name, len(x), o.info.Channels)
	}
	return push(o, x, stamp, nil)
}

// PushChunk sends samples that were measured one 1/rate after the other; x has the values of the first one, then those of
// the second. stamp is when the last one was measured, as everywhere in LSL; 0 means now. Samples of an irregular stream all
// get it.
func PushChunk[T Value](o *Outlet, x []T, stamp float64) error {
	if len(x)%o.info.Channels != 0 {
		return fmt.Errorf("stream %q: %d values pushed, must be a multiple of the %d channels", o.info.Name, len(x), o.info.Channels)
	}
	if stamp == 0 {
		stamp = LocalClock()
	}
	if o.info.Rate > 0 {
		stamp -= float64(len(x)/o.info.Channels-1) / o.info.Rate
	}
	return push(o, x, stamp, nil)
}

// PushStamped sends samples with a stamp for each.
func PushStamped[T Value](o *Outlet, x []T, stamps []float64) error {
	if len(x) != len(stamps)*o.info.Channels {
		return fmt.Errorf("stream %q: %d values pushed with %d stamps, must be %d to a stamp", o.info.Name, len(x), len(stamps), o.info.Channels)
	}
	return push(o, x, 0, stamps)
}

// push appends samples to the ring. Without stamps the first one has stamp, and the others follow.
func push[T Value](o *Outlet, x []T, stamp float64, stamps []float64) error {
	if f := formatOf[T](); f != o.info.Format {
		return fmt.Errorf("stream %q: %s pushed, the stream is of %s", o.info.Name, f, o.info.Format)
	}
	channels := o.info.Channels
	return o.append(len(x)/channels, stamp, stamps, func(i int) int {
		return sizeOf(x[i*channels : (i+1)*channels])
	}, func(b []byte, i int) []byte {
		return appendValues(b, x[i*channels:(i+1)*channels])
	})
}

// PushSignal sends samples that lie channel by channel, as in a signal.Chunk. They are rounded to the stream's format where
// it is of whole numbers; one that does not fit is an error, and nothing is sent. stamp is that of the last sample.
func (o *Outlet) PushSignal(x [][]float64, stamp float64) error {
	if len(x) != o.info.Channels {
		return fmt.Errorf("stream %q: %d channels pushed, must be %d", o.info.Name, len(x), o.info.Channels)
	}
	if o.info.Format == String {
		return fmt.Errorf("stream %q: numbers pushed, the stream is of strings", o.info.Name)
	}
	if bits := 8 * o.info.Format.Size(); o.info.Format != Float32 && o.info.Format != Float64 {
		limit := math.Ldexp(1, bits-1)
		for ch := range x {
			for t, v := range x[ch] {
				if r := math.Round(v); !(-limit <= r && r < limit) {
					return fmt.Errorf("stream %q: sample %d of channel %d is %g, which is no %s", o.info.Name, t, ch, v, o.info.Format)
				}
			}
		}
	}
	if stamp == 0 {
		stamp = LocalClock()
	}
	n := len(x[0])
	if o.info.Rate > 0 {
		stamp -= float64(n-1) / o.info.Rate
	}
	size := o.info.Channels * o.info.Format.Size()
	return o.append(n, stamp, nil, func(int) int { return size }, func(b []byte, t int) []byte {
		le := binary.LittleEndian
		switch o.info.Format {
		case Float32:
			for _, c := range x {
				b = le.AppendUint32(b, math.Float32bits(float32(c[t])))
			}
		case Float64:
			for _, c := range x {
				b = le.AppendUint64(b, math.Float64bits(c[t]))
			}
		case Int64:
			for _, c := range x {
				b = le.AppendUint64(b, uint64(int64(math.Round(c[t]))))
			}
		case Int32:
			for _, c := range x {
				b = le.AppendUint32(b, uint32(int32(math.Round(c[t]))))
			}
		case Int16:
			for _, c := range x {
				b = le.AppendUint16(b, uint16(int16(math.Round(c[t]))))
			}
		default:
			for _, c := range x {
				b = append(b, byte(int8(math.Round(c[t]))))
			}
		}
		return b
	})
}

// append adds n samples. size is an upper bound for the bytes of the values of sample i, values appends them.
func (o *Outlet) append(n int, stamp float64, stamps []float64, size func(i int) int, values func(b []byte, i int) []byte) error {
	if n == 0 {
		return nil
	}
	if stamps == nil && stamp == 0 {
		stamp = LocalClock()
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.closed {
		return ErrClosed
	}
	step := 0.0
	if o.info.Rate > 0 {
		step = 1 / o.info.Rate
	}
	if len(o.readers) == 0 { // nobody gets these, but the next reader gets the next ones
		o.ring.trim(math.MaxInt64, 0)
		o.ring.head += int64(n)
		if o.last = stamp + float64(n-1)*step; stamps != nil {
			o.last = stamps[n-1]
		}
		return nil
	}
	for i := range n {
		stamped := stamps != nil || i == 0
		switch {
		case stamps != nil:
			o.last = stamps[i]
		case i == 0:
			o.last = stamp
		default:
			o.last += step
		}
		need := stampLen + size(i)
		b := o.ring.tail(need)
		b.at = append(b.at, place{len(b.buf), o.last})
		if stamped {
			b.buf = appendStamp(b.buf, o.last)
		} else {
			b.buf = append(b.buf, tagDeduced)
		}
		b.buf = values(b.buf, i)
		o.ring.head++
	}
	o.trim()
	o.more.Broadcast()
	return nil
}

// trim lets go of what no reader needs.
func (o *Outlet) trim() {
	keep := o.ring.head
	for r := range o.readers {
		keep = min(keep, max(r.cursor.next, o.ring.head-r.cursor.limit))
	}
	o.ring.trim(keep, o.most)
}

// sizeOf bounds the bytes of values.
func sizeOf[T Value](x []T) int {
	if s, ok := any(x).([]string); ok {
		n := 0
		for _, v := range s {
			n += 9 + len(v)
		}
		return n
	}
	return len(x) * formatOf[T]().Size()
}

// appendValues appends values in little-endian order.
func appendValues[T Value](b []byte, x []T) []byte {
	le := binary.LittleEndian
	switch x := any(x).(type) {
	case []float32:
		for _, v := range x {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	case []float64:
		for _, v := range x {
			b = le.AppendUint64(b, math.Float64bits(v))
		}
	case []int32:
		for _, v := range x {
			b = le.AppendUint32(b, uint32(v))
		}
	case []int16:
		for _, v := range x {
			b = le.AppendUint16(b, uint16(v))
		}
	case []int8:
		for _, v := range x {
			b = append(b, byte(v))
		}
	case []int64:
		for _, v := range x {
			b = le.AppendUint64(b, uint64(v))
		}
	case []string:
		for _, v := range x {
			b = appendText(b, v)
		}
	}
	return b
}

// Readers is how many read the stream now.
func (o *Outlet) Readers() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.readers)
}

// WaitReaders blocks until at least n read the stream.
func (o *Outlet) WaitReaders(ctx context.Context, n int) error {
	return o.wait(ctx, func() bool { return len(o.readers) >= n })
}

// Flush blocks until everything that was pushed has been handed to the sockets of all readers.
func (o *Outlet) Flush(ctx context.Context) error {
	return o.wait(ctx, func() bool {
		for r := range o.readers {
			if r.cursor.next < o.ring.head || len(r.cursor.held) > 0 {
				return false
			}
		}
		return true
	})
}

func (o *Outlet) wait(ctx context.Context, until func() bool) error {
	stop := context.AfterFunc(ctx, func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		o.more.Broadcast()
	})
	defer stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	for !until() {
		switch {
		case o.closed:
			return ErrClosed
		case ctx.Err() != nil:
			return ctx.Err()
		}
		o.more.Wait()
	}
	return nil
}

// Stats is what happened so far.
func (o *Outlet) Stats() OutletStats {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := OutletStats{Pushed: uint64(o.ring.head), Left: o.gone, Refused: o.refused}
	for r := range o.readers {
		s.Readers = append(s.Readers, r.stats(o.ring.head))
	}
	slices.SortFunc(s.Readers, func(a, b ReaderStats) int { return cmp.Or(a.Since.Compare(b.Since), cmp.Compare(a.Addr, b.Addr)) })
	return s
}

// drain is how long Close waits for readers that are slow.
const drain = 500 * time.Millisecond

// Close takes the stream off the network. Readers get what was pushed before, unless they are too slow.
func (o *Outlet) Close() error {
	o.host.remove(o)
	ctx, cancel := context.WithTimeout(context.Background(), drain)
	err := o.Flush(ctx)
	cancel()
	if errors.Is(err, context.DeadlineExceeded) {
		err = nil // a reader that does not read: what it lost is in Stats
	}
	o.mu.Lock()
	if o.closed {
		o.mu.Unlock()
		return nil
	}
	o.closed = true
	for c := range o.conns {
		_ = c.Close() // ends whoever waits for it
	}
	o.more.Broadcast()
	o.mu.Unlock()
	for _, ln := range o.lns {
		err = errors.Join(err, ln.Close())
	}
	o.wg.Wait()
	return errors.Join(err, o.host.release())
}
