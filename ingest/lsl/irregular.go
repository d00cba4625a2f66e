package lsl

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// NoSignalError is a stream that was found and cannot be read as a signal. OpenIrregular reads it.
type NoSignalError struct{ Stream StreamInfo }

// Error is one line.
func (e *NoSignalError) Error() string {
	return e.Stream.String() + " cannot be read as a signal: its samples are strings or come at irregular times; it can give the marks of another stream (markers), and gyrus record writes it down alone, as .xdf"
}

// signal says whether i has numbers at a rate.
func (i *StreamInfo) signal() bool { return i.Format != String && i.Rate > 0 }

// Moment is one sample of an irregular stream.
type Moment struct {
	Time    int64     // on this machine's clock, nanoseconds since 1970
	Texts   []string  // one for each channel of a stream of strings, and of int64, of which float64 has not all; nil for others
	Numbers []float64 // of the others
}

// Irregular reads a stream of strings, or of numbers that come when they come. It finds the stream again when it is lost, as an Inlet
// does, and puts its stamps on this machine's clock. One goroutine may call Next; the other methods are for any.
type Irregular struct {
	full   StreamInfo
	delay  float64
	link   *link
	cancel context.CancelFunc
	wg     sync.WaitGroup
	wake   chan struct{} // holds one token when there is something new

	mu     sync.Mutex
	queue  []Moment
	marked signal.Marks
	err    error
}

// OpenIrregular finds the stream and connects to it.
func OpenIrregular(ctx context.Context, opt InletOptions) (*Irregular, error) {
	cfg, err := opt.prepare()
	if err != nil {
		return nil, err
	}
	found, err := find(ctx, cfg, "streams", opt.predicate(), opt.Wait)
	if err != nil {
		return nil, err
	}
	if found.signal() {
		return nil, fmt.Errorf("%s is a signal: its samples come at a rate", found.String())
	}
	if opt.Markers != "" {
		return nil, fmt.Errorf("%s is no signal, and the marks of markers lie at the samples of one: record the two streams each alone, or name the signal", found.String())
	}
	if found, err = FullInfo(ctx, found); err != nil {
		return nil, err
	}
	n := &Irregular{full: found, delay: opt.DelayS, wake: make(chan struct{}, 1)}
	n.link = &link{
		cfg: cfg, watchdog: opt.Watchdog, buffer: maxMarks, held: opt.BufferS,
		accept: func(StreamInfo) error { return nil }, state: n.enter, samples: n.take,
		back: func(full StreamInfo) { n.enter(signal.LinkConnected, full.String()) },
	}
	n.marked = signal.Marks{State: signal.LinkConnected, Since: time.Now(), Detail: found.String()}
	recv, err := n.link.open(ctx, found)
	if err != nil {
		return nil, err
	}
	run, cancel := context.WithCancel(context.WithoutCancel(ctx))
	n.cancel = cancel
	n.wg.Go(func() {
		err := n.link.run(run, recv)
		n.mu.Lock()
		defer n.mu.Unlock()
		if n.err = err; !errors.Is(err, ErrClosed) {
			n.marked.Over = n.marked.Detail
		}
		n.notify()
	})
	return n, nil
}

// Stream is what is read, as it was found first.
func (n *Irregular) Stream() StreamInfo { return n.full }

// Labels names the channels, as the stream's description does.
func (n *Irregular) Labels() []string {
	labels := make([]string, n.full.Channels)
	for k := range labels {
		labels[k] = strconv.Itoa(k + 1)
	}
	if list := n.full.Desc.Child("channels"); list != nil && len(list.Children) == len(labels) {
		for k, c := range list.Children {
			if text := c.Value("label"); text != "" {
				labels[k] = text
			}
		}
	}
	return labels
}

// Marks is how the stream is: Waiting has not been taken yet, and Lost was thrown away because too much waited.
func (n *Irregular) Marks() signal.Marks {
	n.mu.Lock()
	defer n.mu.Unlock()
	m := n.marked
	m.Waiting = uint64(len(n.queue))
	return m
}

// Next returns what has come since the last call, and blocks until there is something. The error wraps signal.ErrLost where the stream is
// lost and none can take its place.
func (n *Irregular) Next(ctx context.Context) ([]Moment, error) {
	for {
		n.mu.Lock()
		all, err := n.queue, n.err
		n.queue = nil
		n.mu.Unlock()
		if len(all) > 0 || err != nil {
			if len(all) > 0 {
				err = nil // told behind what came before
				n.notify()
			}
			return all, err
		}
		select {
		case <-n.wake:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (n *Irregular) notify() {
	select {
	case n.wake <- struct{}{}:
	default: // a token is there
	}
}

func (n *Irregular) enter(s signal.LinkState, detail string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.marked.State != s {
		n.marked.State, n.marked.Since = s, time.Now()
	}
	n.marked.Detail = detail
}

// take keeps what came, on the link's goroutine.
func (n *Irregular) take(s *Samples, ts *timeSync) {
	texts, numbers, mended := s.values()
	arrived := clockOf(s.Arrived)
	c := s.shape.channels
	n.mu.Lock()
	defer n.mu.Unlock()
	for k := range s.Len() {
		m := Moment{Time: Wall(ts.mark(s.Stamps[k], arrived) - n.delay)}
		if texts != nil {
			m.Texts = texts[k*c : (k+1)*c]
		} else {
			m.Numbers = numbers[k*c : (k+1)*c]
		}
		n.queue = append(n.queue, m)
	}
	n.marked.N += uint64(s.Len())
	mendedTexts(&n.marked, mended)
	off, tell := ts.tellOff()
	if n.marked.StampsOffS = off; tell {
		n.marked.Detail += fmt.Sprintf("; its stamps lie %s the clock that it tells of: samples are taken to be of when they arrive", signal.Apart(off))
	}
	if over := len(n.queue) - maxMarks; over > 0 {
		n.marked.Lost += uint64(over)
		n.queue = n.queue[over:]
	}
	n.notify()
}

// values is all values, one sample behind the other: as text where they are strings or int64. mended is as in strings.
func (s *Samples) values() (asText []string, numbers []float64, mended uint64) {
	switch s.shape.format {
	case String:
		asText, mended = s.strings()
	case Int64:
		asText = texts(AppendValues[int64](nil, s))
	case Float64:
		numbers = AppendValues[float64](nil, s)
	case Float32:
		numbers = floats(AppendValues[float32](nil, s))
	case Int32:
		numbers = floats(AppendValues[int32](nil, s))
	case Int16:
		numbers = floats(AppendValues[int16](nil, s))
	default:
		numbers = floats(AppendValues[int8](nil, s))
	}
	return asText, numbers, mended
}

func floats[T float32 | int32 | int16 | int8](x []T) []float64 {
	out := make([]float64, len(x))
	for i, v := range x {
		out[i] = float64(v)
	}
	return out
}

// Close ends the connection. Next returns ErrClosed behind what has come.
func (n *Irregular) Close() error {
	n.cancel()
	n.wg.Wait()
	return nil
}
