package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// ErrNotSent is the reason why a message did not leave: it is lost, nothing sends it later.
var ErrNotSent = errors.New("not sent")

// ErrClosed is returned by everything that belongs to a bus that was closed.
var ErrClosed = errors.New("bus: closed")

// The client's settings. The library's defaults are made for messages that must arrive some day; a command must arrive
// now or never. docs/protocol.md has the reasons of all settings in a table.
const (
	reconnectBuffer = -1                     // none: what is published without a link fails; 0 would mean 8 MiB, delivered after the break
	pingInterval    = 300 * time.Millisecond // with pingsOut: a dead link is noticed after 0.9 to 1.2 s; the default is 6 min
	pingsOut        = 2
	reconnectWait   = 100 * time.Millisecond
	jitter          = 50 * time.Millisecond // so that many clients do not knock at once
	jitterTLS       = 100 * time.Millisecond
	flushTimeout    = 250 * time.Millisecond // the longest that publishing may block; the default is a minute
	settleTimeout   = 2 * time.Second        // for the server to confirm a subscription
	dialTimeout     = 2 * time.Second
)

// Bus is a connection to a NATS server, and the server itself where Options name none.
type Bus struct {
	nc     *nats.Conn
	broker *Broker // nil where it is elsewhere
	lines  *lineLog
	url    string // without credentials
	seed   string // the file with the key by which the server knows this client, and lets it do what its role may; "" where it has none

	done      chan struct{} // closed at the begin of Close
	closed    chan struct{} // closed when the client has finished its callbacks
	closeOnce sync.Once
	closeErr  error

	disconnects, reconnects, asyncErrors, slow, denied atomic.Uint64

	arrived atomic.Uint64 // so many messages the server has for sure

	mu       sync.Mutex
	lastErr  error
	links    map[int]func(up bool)
	nextLink int
	newest   map[named]heard
}

// Open starts a server inside the process, or connects to the one that o.URL names. It keeps trying until the server
// answers, ctx ends, or o.Timeout is over.
//
// The client reaches its own server through TCP on the loopback interface, not through a pipe in memory: latencies that
// are measured in one process are then those of two.
func Open(ctx context.Context, o Options) (*Bus, error) {
	o, err := o.withDefaults()
	if err != nil {
		return nil, err
	}
	b := &Bus{done: make(chan struct{}), closed: make(chan struct{}), links: map[int]func(bool){}}
	if o.URL == "" {
		var op *Operator
		if o.Operator != "" {
			if op, err = ReadOperator(o.Operator); err != nil {
				return nil, err
			}
		}
		if b.broker, err = StartBroker(BrokerOptions{Name: o.Name, Listen: o.Listen, Operator: op, Log: o.Log}); err != nil {
			return nil, err
		}
		o = b.broker.ownClient(o)
	}
	b.url, b.seed = public(o.URL), o.Credentials
	b.lines = newLineLog(o.Log)
	if err := b.connect(ctx, o); err != nil {
		b.lines.close()
		return nil, errors.Join(err, b.stopServer())
	}
	return b, nil
}

func (b *Bus) connect(ctx context.Context, o Options) error {
	secure, err := o.secureOptions()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(o.Timeout*float64(time.Second)))
	defer cancel()
	begin := time.Now()
	for {
		nc, err := nats.Connect(o.URL, append(b.clientOptions(o.Name), secure...)...)
		if err == nil {
			b.nc = nc
			return nil
		}
		if final := b.connectFailed(err, o); final != nil {
			return final
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("bus: no NATS server answers at %s (%w after %s): %w; start it, or check host and port",
				b.url, ctx.Err(), time.Since(begin).Round(100*time.Millisecond), err)
		case <-time.After(reconnectWait):
		}
	}
}

func (b *Bus) clientOptions(name string) []nats.Option {
	return []nats.Option{
		nats.Name(name), nats.Timeout(dialTimeout),
		nats.ReconnectBufSize(reconnectBuffer),
		nats.PingInterval(pingInterval), nats.MaxPingsOutstanding(pingsOut),
		nats.MaxReconnects(-1), nats.ReconnectWait(reconnectWait), nats.ReconnectJitter(jitter, jitterTLS),
		nats.IgnoreDiscoveredServers(), // checkSecure has seen those of the URL, not those that a server speaks of
		nats.IgnoreAuthErrorAbort(),    // a hiccup of the credentials must not end the connection for good
		nats.FlusherTimeout(flushTimeout), nats.ReconnectOnFlusherError(),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			b.asyncErrors.Add(1)
			switch {
			case errors.Is(err, nats.ErrSlowConsumer):
				b.slow.Add(1)
			case errors.Is(err, nats.ErrPermissionViolation):
				b.denied.Add(1)
				b.LogRefused("permission", slog.String("server", err.Error()))
			}
			b.note(err)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			b.disconnects.Add(1)
			b.note(err)
			b.tell(false)
		}),
		nats.ReconnectHandler(func(*nats.Conn) {
			b.reconnects.Add(1)
			b.tell(true)
		}),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { b.note(err) }),
		nats.ClosedHandler(func(nc *nats.Conn) {
			b.note(nc.LastError())
			close(b.closed)
		}),
	}
}

// Close sends what was published, then ends the connection and the server, if it is ours, and waits for both. What
// belongs to the bus and is still open fails with ErrClosed from then on. It must not be called from a callback.
func (b *Bus) Close() error {
	b.closeOnce.Do(func() {
		close(b.done)
		if b.nc.IsConnected() && b.nc.Stats().OutMsgs > b.arrived.Load() {
			if err := b.flush(flushTimeout); err != nil {
				b.closeErr = fmt.Errorf("bus: the last messages may be lost: %w", err)
			}
		}
		b.nc.Close() // without a link there is nothing to send: no buffer holds anything
		<-b.closed
		b.closeErr = errors.Join(b.closeErr, b.stopServer())
		b.lines.close()
	})
	return b.closeErr
}

func (b *Bus) stopServer() error {
	if b.broker == nil {
		return nil
	}
	return b.broker.Close()
}

// URL is where others reach the same server, without credentials.
func (b *Bus) URL() string { return b.url }

// Connected says whether there is a link now.
func (b *Bus) Connected() bool { return b.nc.IsConnected() }

// OnLink calls fn whenever the link is lost or back, in order, on a goroutine of the client: fn must not block. A link
// that dies silently is noticed after about a second. The returned function ends it.
func (b *Bus) OnLink(fn func(up bool)) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	id := b.nextLink
	b.nextLink++
	b.links[id] = fn
	return func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.links, id)
	}
}

func (b *Bus) tell(up bool) {
	b.mu.Lock()
	fns := make([]func(bool), 0, len(b.links))
	for id := range b.nextLink { // in the order of registration
		if fn, ok := b.links[id]; ok {
			fns = append(fns, fn)
		}
	}
	b.mu.Unlock()
	for _, fn := range fns {
		fn(up)
	}
}

func (b *Bus) note(err error) {
	if err == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lastErr = err
}

// Stats counts what happened to the connection since Open.
type Stats struct {
	Connected     bool   `json:"connected"`
	Disconnects   uint64 `json:"disconnects"`
	Reconnects    uint64 `json:"reconnects"`
	Errors        uint64 `json:"errors"`         // that the library reports beside any call: permissions, slow subscriptions, …
	Slow          uint64 `json:"slow"`           // of these: a subscription of ours began to lose messages
	Denied        uint64 `json:"denied"`         // of these: the server does not let this client's role use a subject
	SlowClients   int64  `json:"slow_clients"`   // clients that our server has cut off because they did not read
	ServerErrors  uint64 `json:"server_errors"`  // of our server
	LastError     string `json:"last_error"`     // "" where there was none
	SentMsgs      uint64 `json:"sent_msgs"`      // handed to the link
	ReceivedMsgs  uint64 `json:"received_msgs"`  // taken from the link
	SentBytes     uint64 `json:"sent_bytes"`     // of payload and headers
	ReceivedBytes uint64 `json:"received_bytes"` // of payload and headers
}

// Stats is the state of the connection now.
func (b *Bus) Stats() Stats {
	n := b.nc.Stats()
	s := Stats{
		Connected: b.nc.IsConnected(), Disconnects: b.disconnects.Load(), Reconnects: b.reconnects.Load(),
		Errors: b.asyncErrors.Load(), Slow: b.slow.Load(), Denied: b.denied.Load(),
		SentMsgs: n.OutMsgs, ReceivedMsgs: n.InMsgs, SentBytes: n.OutBytes, ReceivedBytes: n.InBytes,
	}
	b.mu.Lock()
	last := b.lastErr
	b.mu.Unlock()
	if b.broker != nil {
		s.SlowClients = b.broker.server.NumSlowConsumers()
		var err error
		if s.ServerErrors, err = b.broker.log.count(); last == nil {
			last = err
		}
	}
	if last != nil {
		s.LastError = last.Error()
	}
	return s
}

// publish hands one message to the link and returns. The client's flusher goroutine writes it at once, without the round
// trip to the server that Flush would wait for: BenchmarkCommandLatency shows what that costs.
func (b *Bus) publish(m *nats.Msg) error {
	err := b.nc.PublishMsg(m)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, nats.ErrReconnectBufExceeded): // the library's words are about a buffer that we do not have
		return fmt.Errorf("bus: %s: %w: no link to %s, trying again all the time", m.Subject, ErrNotSent, b.url)
	case errors.Is(err, nats.ErrConnectionClosed):
		return fmt.Errorf("bus: %s: %w: %w", m.Subject, ErrNotSent, ErrClosed)
	default:
		return fmt.Errorf("bus: %s: %w: %w", m.Subject, ErrNotSent, err)
	}
}

// mayAnswer says whether an answer may go to subject. It must not end up among the commands, whose subject whoever asks may
// not write to.
func mayAnswer(subject string) bool { return subject != "" && !strings.HasPrefix(subject, "gyrus.") }

// flush waits until the server has all that was published.
func (b *Bus) flush(timeout time.Duration) error {
	sent := b.nc.Stats().OutMsgs
	err := b.nc.FlushTimeout(timeout)
	if err == nil {
		b.left(sent)
	}
	return err
}

// left says that the first n messages have arrived: the server may go away now, and they are not lost.
func (b *Bus) left(n uint64) { b.arrived.Store(max(b.arrived.Load(), n)) }

// settle waits until the server knows our subscriptions. Without a link there is nothing to wait for: the client
// subscribes anew when it is back.
func (b *Bus) settle() error {
	err := b.flush(settleTimeout)
	switch {
	case err == nil:
		return nil
	case b.nc.IsClosed():
		return ErrClosed
	case errors.Is(err, nats.ErrTimeout) && b.nc.IsConnected():
		return fmt.Errorf("bus: %s does not confirm a subscription within %s: %w", b.url, settleTimeout, err)
	default:
		return nil
	}
}
