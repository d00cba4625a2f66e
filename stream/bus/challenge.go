package bus

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// Challenge is what a controller that cannot tell a decoder from a recording of it answers to one of its heartbeats, as JSON
// on the reply subject. The decoder sends the nonce back in its next heartbeats, which no recording can: it shows that the run
// is alive, and that its heartbeat is not older than the nonce.
//
// It has no field controller, so that decoders of before do not take it for a StopAnswer.
type Challenge struct {
	V       int    `json:"v"`
	Session string `json:"session"`
	Decoder string `json:"decoder"` // that is to send it back
	Nonce   string `json:"nonce"`   // 1 to 32 letters, digits, _ or -, of 128 random bits or more
}

// MaxNonces is how many nonces a heartbeat sends back at most; who is left out asks again.
const MaxNonces = 8

// nonceEchoes is in how many heartbeats a nonce is sent back: two of them may be lost.
const nonceEchoes = 3

// nonce is one that may be sent back.
var nonce = regexp.MustCompile(`^[A-Za-z0-9_-]{1,32}$`)

func checkNonce(n string) error {
	if !nonce.MatchString(n) {
		return fmt.Errorf("nonce is %q, must be 1 to 32 letters, digits, _ or -", n)
	}
	return nil
}

// Validate reports the first field that breaks the schema.
func (c *Challenge) Validate() error {
	if err := checkNamed(c.V, c.Session, c.Decoder); err != nil {
		return err
	}
	return checkNonce(c.Nonce)
}

// ParseChallenge decodes and validates.
func ParseChallenge(data []byte) (Challenge, error) { return parse[Challenge]("challenge", data) }

// StatusAnswer is what a controller says to a heartbeat that has a reply subject; the zero value is no answer.
type StatusAnswer struct {
	Stop  *StopAnswer // an emergency stop is in force
	Nonce string      // to be sent back, see Challenge
	Clear *Clear      // none is, to a decoder that asks for it
}

// AnswerStatus is SubscribeStatus for controllers: what fn returns is sent to the decoder, where the heartbeat has a reply subject
// (asks), and in Clear which heartbeat it answers, and for how long this subscription has heard all that came: subscribe to the stops
// before. fn must not block.
func (b *Bus) AnswerStatus(session string, fn func(s Status, at time.Time, asks bool) StatusAnswer) (*Subscription, error) {
	if err := CheckToken("session", session); err != nil {
		return nil, fmt.Errorf("bus: %w", err)
	}
	ears := newListening(b)
	sub, err := b.settled(subscribeMsg(b, StatusSubject(session), ParseStatus, func(s Status) string { return StatusSubject(s.Session) },
		func(s Status, at time.Time, m *nats.Msg) {
			asks := mayAnswer(m.Reply)
			a := fn(s, at, asks)
			if !asks {
				return
			}
			// Without a link it is asked again.
			if a.Stop != nil {
				_ = b.answerStop(m.Reply, session, *a.Stop)
			}
			if a.Nonce != "" {
				_ = b.say(m.Reply, &Challenge{V: Version, Session: session, Decoder: s.Decoder, Nonce: a.Nonce})
			}
			if c := a.Clear; c != nil && s.Unheard { // a decoder that does not ask for it may be of before, and take it for a stop
				_ = b.say(m.Reply, &Clear{V: Version, Session: session, Decoder: c.Decoder, Controller: c.Controller, Clear: true, ListensMS: ears.look().Seconds() * 1e3, Seq: s.Seq})
			}
		}))
	if err != nil {
		return nil, err
	}
	ears.look() // from here on, where nobody has asked yet
	sub.also.Go(func() { ears.run(sub.done) })
	return sub, nil
}

// say sends v, an answer to a heartbeat.
func (b *Bus) say(subject string, v interface{ Validate() error }) error {
	data, err := encode(v)
	if err != nil {
		return fmt.Errorf("bus: answer to a heartbeat: %w", err)
	}
	return b.publish(&nats.Msg{Subject: subject, Data: data})
}

// heldAnswer is an answer to a heartbeat: one of these.
type heldAnswer struct {
	challenge *Challenge
	clear     *Clear
	stop      *StopAnswer
}

func parseHeldAnswer(data []byte) (a heldAnswer, err error) {
	var is struct {
		Nonce *string `json:"nonce"`
		Clear *bool   `json:"clear"`
	}
	if len(data) <= MaxMessageBytes && json.Unmarshal(data, &is) == nil {
		switch {
		case is.Nonce != nil:
			c, err := ParseChallenge(data)
			return heldAnswer{challenge: &c}, err
		case is.Clear != nil:
			c, err := ParseClear(data)
			return heldAnswer{clear: &c}, err
		}
	}
	s, err := ParseStopAnswer(data)
	return heldAnswer{stop: &s}, err
}

func (a heldAnswer) session() string {
	if a.challenge != nil {
		return a.challenge.Session
	}
	if a.clear != nil {
		return a.clear.Session
	}
	return a.stop.Session
}

// echoes are the nonces that the next heartbeats send back.
type echoes struct {
	nonces []string
	left   []int // how many heartbeats yet
}

// add takes one more, where there is room and it is new.
func (e *echoes) add(n string) {
	if len(e.nonces) < MaxNonces && !slices.Contains(e.nonces, n) {
		e.nonces, e.left = append(e.nonces, n), append(e.left, nonceEchoes)
	}
}

// next are those of one more heartbeat, never nil: who speaks of them sends them back.
func (e *echoes) next() []string {
	if len(e.nonces) == 0 {
		return []string{}
	}
	all := slices.Clone(e.nonces)
	k := 0
	for i, n := range e.nonces {
		if e.left[i]--; e.left[i] > 0 {
			e.nonces[k], e.left[k] = n, e.left[i]
			k++
		}
	}
	e.nonces, e.left = e.nonces[:k], e.left[:k]
	return all
}
