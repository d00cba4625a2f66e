package control

import (
	"io"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

const ms = time.Millisecond

// sender makes the messages of one run of a decoder whose clock is as far from the receiver's as it likes.
type sender struct {
	run   int64
	clock func() time.Duration // the receiver's clock
	ahead int64                // sender's clock minus receiver's
	seq   uint64
	beats uint64

	nonces []string // to be sent back
	dead   bool     // a recording: it sends none back
}

// hear takes a nonce, where a controller asks for one.
func (s *sender) hear(nonce string) {
	if nonce != "" && !s.dead {
		s.nonces = append(s.nonces, nonce)
		s.nonces = s.nonces[max(0, len(s.nonces)-bus.MaxNonces):]
	}
}

func (s *sender) now() int64 { return int64(s.clock()) + s.ahead }

func (s *sender) makeCommand(label string, valid time.Duration) bus.Command {
	s.seq++
	t := s.now()
	return bus.Command{
		V: bus.Version, Session: "s1", Decoder: "mi", Run: s.run, Seq: s.seq, TSample: t - int64(5*ms), TPublish: t, AgeMS: 5,
		ValidForMS: float64(valid) / 1e6, State: bus.Actuate, Kind: bus.KindClass, Label: label, Confidence: 0.75,
		Scores: []bus.Score{{Label: label, P: 0.75}, {Label: "other", P: 0.25}},
	}
}

func (s *sender) makeBeat(state bus.State) bus.Status {
	s.beats++
	return bus.Status{
		V: bus.Version, Session: "s1", Decoder: "mi", Run: s.run, Seq: s.beats, CmdSeq: s.seq, TPublish: s.now(), State: state,
		Nonces: slices.Clone(s.nonces),
	}
}

// fakeLink is a bus that delivers at once.
type fakeLink struct {
	mu       sync.Mutex
	onCmd    func(bus.Command, time.Time)
	onStatus func(bus.Status, time.Time, bool) bus.StatusAnswer
	onStop   func(bus.Stop, time.Time, func(bus.StopAnswer) error)
	onLink   func(bool)
	open     int
	failCmd  error
	failSub  error // of Close
}

type fakeSub struct{ l *fakeLink }

func (s *fakeSub) Close() error {
	s.l.mu.Lock()
	defer s.l.mu.Unlock()
	s.l.open--
	return s.l.failSub
}

var _ io.Closer = (*fakeSub)(nil)

func (l *fakeLink) SubscribeCommands(_, _ string, fn func(bus.Command, time.Time)) (*fakeSub, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failCmd != nil {
		return nil, l.failCmd
	}
	l.onCmd, l.open = fn, l.open+1
	return &fakeSub{l}, nil
}

func (l *fakeLink) AnswerStatus(_ string, fn func(bus.Status, time.Time, bool) bus.StatusAnswer) (*fakeSub, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onStatus, l.open = fn, l.open+1
	return &fakeSub{l}, nil
}

func (l *fakeLink) SubscribeStop(_ string, fn func(bus.Stop, time.Time, func(bus.StopAnswer) error)) (*fakeSub, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onStop, l.open = fn, l.open+1
	return &fakeSub{l}, nil
}

func (l *fakeLink) OnLink(fn func(bool)) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.onLink, l.open = fn, l.open+1
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.open--
	}
}
