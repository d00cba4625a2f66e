package bus

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nuid"
)

// Stop is an emergency stop of everything that a session moves, as JSON on gyrus.<session>.stop. Whatever arrives there is
// one, an empty or a damaged message too: a stop that is refused for its form is worse than one that nobody meant. There
// is no message that lifts it: an operator re-arms each controller where its actuator can be seen.
type Stop struct {
	V int `json:"v"`
	// ID tells this stop from any other: all its repetitions have the same, and so has what is said of it later. "" where it
	// came without one, or with one of more than 64 bytes.
	ID     string `json:"id,omitempty"`
	Source string `json:"source,omitempty"` // who stops: "button", "page"
	Why    string `json:"why,omitempty"`
}

// NewStop is a stop with an ID of its own, for people from source, because of why.
func NewStop(source, why string) Stop {
	return Stop{V: Version, ID: nuid.Next(), Source: source, Why: why}
}

// StandingStop is an emergency stop that is in force, as somebody who stands by it tells others.
type StandingStop struct {
	// ID is that of the stop, "" where it had none, SinceMS how long ago it, or a message of it, last came, Source and Why are its own.
	// Heartbeats tell of the newest, answers to them of all in turn.
	ID      string  `json:"id,omitempty"`
	SinceMS float64 `json:"since_ms,omitempty"`
	Source  string  `json:"source,omitempty"`
	Why     string  `json:"why,omitempty"`
}

// Standing is what others are told of s, which came so long ago. Long words are cut: what says it must not be too long to be sent.
func (s Stop) Standing(ago time.Duration) StandingStop {
	cut := func(text string) string {
		if len(text) > maxWords {
			text = text[:maxWords] + "…"
		}
		return strings.ToValidUTF8(text, "")
	}
	return StandingStop{ID: s.ID, SinceMS: max(0, min(ago.Seconds()*1e3, maxSinceMS)), Source: cut(s.Source), Why: cut(s.Why)}
}

// Came is the stop, and when it came, by what was told at the given time.
func (s *StandingStop) Came(told time.Time) (Stop, time.Time) {
	return Stop{V: Version, ID: s.ID, Source: s.Source, Why: s.Why}, told.Add(-time.Duration(s.SinceMS * float64(time.Millisecond)))
}

// Validate reports the first field that breaks the schema.
func (s *StandingStop) Validate() error {
	if len(s.ID) > maxID {
		return fmt.Errorf("id has %d bytes, must have at most %d", len(s.ID), maxID)
	}
	if !(0 <= s.SinceMS && s.SinceMS <= maxSinceMS) {
		return fmt.Errorf("since_ms is %g, must be 0 to %g", s.SinceMS, maxSinceMS)
	}
	return nil
}

// Answer is what somebody says of s to a heartbeat that asks: the controller, or decoder, named who, which follows decoder, and
// heard of s so long ago.
func (s Stop) Answer(who, decoder string, ago time.Duration) StopAnswer {
	return StopAnswer{Decoder: decoder, Controller: who, StandingStop: s.Standing(ago)}
}

// maxWords are the bytes of each word of a stop that are handed on.
const maxWords = 1000

// maxSinceMS is 30 years.
const maxSinceMS = 1e12

// StopAnswer is what a controller replies to a Stop as soon as its actuator is confirmed to stand, and to each heartbeat that
// asks for it while the stop is in force, as JSON. So does another decoder that the stop holds back.
type StopAnswer struct {
	V            int    `json:"v"`
	Session      string `json:"session"`
	Decoder      string `json:"decoder"`    // whose commands it follows
	Controller   string `json:"controller"` // token that tells it from the others
	StandingStop        // to a heartbeat alone
}

// Validate reports the first field that breaks the schema.
func (s *StopAnswer) Validate() error {
	if err := checkNamed(s.V, s.Session, s.Decoder); err != nil {
		return err
	}
	if !token.MatchString(s.Controller) {
		return fmt.Errorf("controller is %q, must be a token of letters, digits, _ and -", s.Controller)
	}
	return s.StandingStop.Validate()
}

// ParseStopAnswer decodes and validates.
func ParseStopAnswer(data []byte) (StopAnswer, error) { return parse[StopAnswer]("stop answer", data) }

// StopSubject is where the emergency stops of a session are.
func StopSubject(session string) string { return "gyrus." + session + ".stop" }

// SubscribeStop calls fn for whatever arrives on the subject of the session's emergency stops, as SubscribeCommands does;
// what cannot be read is the zero Stop. answer replies to it, or does nothing where no reply was asked for; it may be
// called later and from any goroutine.
func (b *Bus) SubscribeStop(session string, fn func(s Stop, at time.Time, answer func(StopAnswer) error)) (*Subscription, error) {
	if err := CheckToken("session", session); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	s := &Subscription{done: make(chan struct{})}
	handle := func(m *nats.Msg) {
		arrival := time.Now()
		var stop Stop
		if len(m.Data) > MaxMessageBytes || json.Unmarshal(m.Data, &stop) != nil {
			stop = Stop{}
			s.malformed.Add(1)
		} else {
			s.received.Add(1)
		}
		if len(stop.ID) > maxID {
			stop.ID = ""
		}
		reply := m.Reply
		fn(stop, arrival, func(a StopAnswer) error {
			if !mayAnswer(reply) {
				return nil
			}
			return b.answerStop(reply, session, a)
		})
	}
	if err := s.listen(b, StopSubject(session), handle, pendingMsgs, -1); err != nil {
		return nil, err
	}
	return b.settled(s, nil)
}

// answerStops answers each heartbeat of the session that asks whether an emergency stop is in force: fn says what, or false where
// none is. A decoder that was started behind the stop, or had no link then, learns of it this way. It does not wait for the server.
func (b *Bus) answerStops(session string, fn func(s Status, at time.Time) (StopAnswer, bool)) (*Subscription, error) {
	s := &Subscription{done: make(chan struct{})}
	handle := func(m *nats.Msg) {
		arrival := time.Now()
		beat, err := ParseStatus(m.Data)
		if err != nil || StatusSubject(beat.Session) != m.Subject || !mayAnswer(m.Reply) {
			return // who follows the heartbeats counts those that break the schema
		}
		if a, stands := fn(beat, arrival); stands {
			_ = b.answerStop(m.Reply, session, a) // without a link it is asked again
		}
	}
	if err := s.listen(b, StatusSubject(session), handle, pendingMsgs, -1); err != nil {
		return nil, err
	}
	return s, nil
}

// answerStop sends a to whoever asked.
func (b *Bus) answerStop(subject, session string, a StopAnswer) error {
	a.V, a.Session = Version, session
	data, err := encode(&a)
	if err != nil {
		return fmt.Errorf("bus: answer about a stop: %w", err)
	}
	return b.publish(&nats.Msg{Subject: subject, Data: data})
}

// stopRepeat is the time between two sendings of the same stop.
const stopRepeat = 100 * time.Millisecond

// SendStop sends s again and again until so many different controllers have answered that they stand, or ctx ends. It
// returns who did, sorted; the error says that it were fewer, and at once where the server refuses this client the stop or the
// answers. A stop without an ID gets one.
func (b *Bus) SendStop(ctx context.Context, session string, s Stop, controllers int) ([]StopAnswer, error) {
	if err := CheckToken("session", session); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	if s.V = Version; s.ID == "" {
		s.ID = nuid.Next()
	}
	data, err := json.Marshal(&s)
	if err != nil {
		return nil, fmt.Errorf("bus: stop: %w", err)
	}
	before := b.nc.LastError() // one of before says nothing of this stop
	inbox := b.newInbox(inboxStop)
	answers := make(chan *nats.Msg, pendingMsgs)
	sub, err := b.nc.ChanSubscribe(inbox, answers)
	if err != nil {
		return nil, fmt.Errorf("bus: stop: %w", err)
	}
	defer func() { _ = sub.Unsubscribe() }() // fails where the bus is closed, and then there is none
	stood := map[string]StopAnswer{}
	var sendErr error
	send := func() {
		sendErr = b.publish(&nats.Msg{Subject: StopSubject(session), Reply: inbox, Data: data})
	}
	send()
	again := time.NewTicker(stopRepeat)
	defer again.Stop()
	look := time.NewTicker(refusedEvery)
	defer look.Stop()
	for len(stood) < controllers {
		select {
		case m := <-answers:
			if a, err := ParseStopAnswer(m.Data); err == nil && a.Session == session {
				stood[a.Controller] = a
			}
		case <-again.C:
			send()
		case <-look.C:
			if errors.Is(b.nc.LastError(), before) {
				continue
			}
			if err := b.stopRefused(session, inbox); err != nil {
				return sorted(stood), err
			}
		case <-ctx.Done():
			return sorted(stood), fmt.Errorf("bus: %d of %d controllers of session %s confirmed the stop: stop by hand what may still move: %w",
				len(stood), controllers, session, errors.Join(sendErr, ctx.Err()))
		}
	}
	return sorted(stood), nil
}

// stopRefused says whether the server lets this client send no stop, or hear no answer to one.
func (b *Bus) stopRefused(session, inbox string) error {
	deaf := b.refusedBy(inbox)
	if deaf != nil && b.settle() != nil { // what the server says of the stop itself comes behind that
		deaf = nil // it is looked at again
	}
	if err := b.refusedBy(StopSubject(session)); err != nil {
		return fmt.Errorf("bus: THE STOP DID NOT LEAVE: stop by hand, or with the key of an operator of session %s: %w", session, err)
	}
	if deaf != nil {
		return fmt.Errorf("bus: the stop was sent, but no answer can be heard: look whether all stand, and stop by hand what moves: %w", deaf)
	}
	return nil
}

func sorted(m map[string]StopAnswer) []StopAnswer {
	return slices.SortedFunc(maps.Values(m), func(a, b StopAnswer) int { return strings.Compare(a.Controller, b.Controller) })
}
