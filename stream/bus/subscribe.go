package bus

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// pendingMsgs is how many commands or heartbeats may wait for a callback. It bridges the time until the goroutine gets
// a core (a decoder at 1 kHz sends 64 in 64 ms), and it is small because at the limit the client drops the newest. The
// callback stores into one slot, so nothing waits in practice.
const pendingMsgs = 64

// Subscription is a running subscription.
type Subscription struct {
	sub  *nats.Subscription
	done chan struct{}  // closed when no callback will follow
	also sync.WaitGroup // what runs until then

	received, malformed, dropped atomic.Uint64

	mu      sync.Mutex
	lastErr error
}

// SubscriptionStats counts messages.
type SubscriptionStats struct {
	Received  uint64 `json:"received"`   // handed to the callback
	Malformed uint64 `json:"malformed"`  // not handed to it, because they break the schema
	Dropped   uint64 `json:"dropped"`    // not handed to it, because the callback blocked
	LastError string `json:"last_error"` // what was wrong with the newest malformed one
}

// SubscribeCommands calls fn for every command of one decoder of a session, or of all with the decoder "*". fn runs on
// a goroutine of the client, gets the time of arrival (with its monotonic reading), and must only store the command
// into one slot, over the one before: whoever acts reads the slot and looks at the age then. Messages that break the
// schema, or whose session and decoder are not those of the subject, are counted and never delivered. The server knows
// the subscription on return.
func (b *Bus) SubscribeCommands(session, decoder string, fn func(Command, time.Time)) (*Subscription, error) {
	if err := checkNames(session, decoder); err != nil {
		return nil, err
	}
	return b.settled(subscribe(b, CommandSubject(session, decoder), ParseCommand, func(c Command) string { return CommandSubject(c.Session, c.Decoder) }, fn))
}

// SubscribeStatus is SubscribeCommands for the heartbeats of all decoders of a session.
func (b *Bus) SubscribeStatus(session string, fn func(Status, time.Time)) (*Subscription, error) {
	if err := CheckToken("session", session); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	return b.settled(subscribeStatus(b, session, fn))
}

// subscribeStatus is SubscribeStatus that does not wait for the server.
func subscribeStatus(b *Bus, session string, fn func(Status, time.Time)) (*Subscription, error) {
	return subscribe(b, StatusSubject(session), ParseStatus, func(s Status) string { return StatusSubject(s.Session) }, func(s Status, at time.Time) {
		b.hear(s.Session, s.Decoder, heard{s.Run, s.TPublish, at})
		fn(s, at)
	})
}

// settled waits until the server knows s.
func (b *Bus) settled(s *Subscription, err error) (*Subscription, error) {
	if err != nil {
		return nil, err
	}
	subject := s.sub.Subject
	if err := b.settle(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	if err := b.refusedBy(subject); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func subscribe[T any](b *Bus, subject string, parse func([]byte) (T, error), subjectOf func(T) string, fn func(T, time.Time)) (*Subscription, error) {
	return subscribeMsg(b, subject, parse, subjectOf, func(v T, at time.Time, _ *nats.Msg) { fn(v, at) })
}

// subscribeMsg is subscribe for a callback that needs the message, to answer it.
func subscribeMsg[T any](b *Bus, subject string, parse func([]byte) (T, error), subjectOf func(T) string, fn func(T, time.Time, *nats.Msg)) (*Subscription, error) {
	s := &Subscription{done: make(chan struct{})}
	handle := func(m *nats.Msg) {
		arrival := time.Now()
		v, err := parse(m.Data)
		if err == nil && subjectOf(v) != m.Subject {
			err = fmt.Errorf("says it belongs to %s", subjectOf(v))
		}
		if err != nil {
			s.malformed.Add(1)
			s.mu.Lock()
			s.lastErr = fmt.Errorf("%s: %w", m.Subject, err)
			s.mu.Unlock()
			b.LogRefused("malformed", slog.String("subject", m.Subject), slog.Int("bytes", len(m.Data)), slog.String("error", err.Error()))
			return
		}
		s.received.Add(1)
		fn(v, arrival, m)
	}
	if err := s.listen(b, subject, handle, pendingMsgs, -1); err != nil {
		return nil, err
	}
	return s, nil
}

// listen begins to call handle for every message on subject.
func (s *Subscription) listen(b *Bus, subject string, handle nats.MsgHandler, msgs, bytes int) error {
	var err error
	s.sub, err = b.nc.Subscribe(subject, handle)
	if errors.Is(err, nats.ErrConnectionClosed) {
		return ErrClosed
	}
	if err != nil {
		return fmt.Errorf("bus: subscribe to %s: %w", subject, err)
	}
	var once sync.Once
	finish := func() { once.Do(func() { close(s.done) }) }
	s.sub.SetClosedHandler(func(string) { finish() })
	if b.nc.IsClosed() { // maybe before the handler was set
		finish()
		return ErrClosed
	}
	if err := s.sub.SetPendingLimits(msgs, bytes); err != nil {
		return fmt.Errorf("bus: subscribe to %s: %w", subject, err)
	}
	return nil
}

// Close ends the subscription. No callback runs any more when it returns; it must not be called from one.
func (s *Subscription) Close() error {
	s.countDropped()
	err := s.sub.Unsubscribe()
	if errors.Is(err, nats.ErrConnectionClosed) || errors.Is(err, nats.ErrBadSubscription) {
		err = nil // the bus was closed before, or Close is called twice
	}
	<-s.done
	s.also.Wait()
	return err
}

// countDropped asks the client, which forgets the number when the subscription ends.
func (s *Subscription) countDropped() uint64 {
	if n, err := s.sub.Dropped(); err == nil {
		s.dropped.Store(uint64(n))
	}
	return s.dropped.Load()
}

// Stats counts what came since the subscription began.
func (s *Subscription) Stats() SubscriptionStats {
	st := SubscriptionStats{Received: s.received.Load(), Malformed: s.malformed.Load(), Dropped: s.countDropped()}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lastErr != nil {
		st.LastError = s.lastErr.Error()
	}
	return st
}
