package bus_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestNonces: a decoder sends each nonce back in its next three heartbeats, eight at a time, and those of its own session and name alone.
// Who is left out asks again; what is no nonce is no answer about a stop either.
func TestNonces(t *testing.T) {
	b := open(t, "")
	nc := plainClient(t, b.URL())
	beats := make(chan *nats.Msg, 1000)
	if _, err := nc.ChanSubscribe(bus.StatusSubject("s1"), beats); err != nil {
		t.Fatal(err)
	}
	if err := nc.FlushTimeout(patience); err != nil {
		t.Fatal(err)
	}
	w, err := bus.NewCommandWriter(b, "s1", "lda", time.Second, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = w.Close() }()
	stops := make(chan bus.StopAnswer, 100)
	if _, err := w.AskStopped(func(a bus.StopAnswer, _ time.Time) { stops <- a }); err != nil {
		t.Fatal(err)
	}
	ask := func(subject, session, decoder, nonce string) {
		t.Helper()
		if err := nc.Publish(subject, fmt.Appendf(nil, `{"v":1,"session":%q,"decoder":%q,"nonce":%q}`, session, decoder, nonce)); err != nil {
			t.Fatal(err)
		}
	}
	const controllers = 20
	var want []string
	for k := range controllers {
		want = append(want, fmt.Sprintf("nonce-%02d", k))
	}
	came := map[string]int{}
	for end := time.Now().Add(patience); len(came) < controllers; {
		var m *nats.Msg
		select {
		case m = <-beats:
		case <-time.After(time.Until(end)):
			t.Fatalf("%d of %d nonces were sent back", len(came), controllers)
		}
		s, err := bus.ParseStatus(m.Data)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range s.Nonces {
			if !slices.Contains(want, n) {
				t.Fatalf("sends %q back", n)
			}
			came[n]++
		}
		for _, n := range want {
			if came[n] == 0 {
				ask(m.Reply, "s1", "lda", n)
				ask(m.Reply, "s1", "lda", n) // twice is once
			}
		}
		ask(m.Reply, "s1", "another", "of-another-decoder")
		ask(m.Reply, "s2", "lda", "of-another-session")
		ask(m.Reply, "s1", "lda", "not a nonce")
		ask(m.Reply, "s1", "lda", "too-long-0123456789-0123456789-01")
		ask(m.Reply, "s1", "lda", "")
	}
	for quiet := 0; quiet < 2; { // until the last were sent three times
		s, err := bus.ParseStatus((<-beats).Data)
		if err != nil {
			t.Fatal(err)
		}
		if quiet++; len(s.Nonces) > 0 {
			quiet = 0
		}
		for _, n := range s.Nonces {
			came[n]++
		}
	}
	for _, n := range want {
		if came[n] < 3 {
			t.Errorf("%s was sent back %d times, want 3", n, came[n])
		}
	}
	if len(stops) > 0 {
		t.Errorf("takes a nonce for a stop: %+v", <-stops)
	}
}

// TestChallengeIsNoStop: a decoder of before the nonces, which reads what is said to its heartbeats as an answer about a stop, does not stop
// for one.
func TestChallengeIsNoStop(t *testing.T) {
	if a, err := bus.ParseStopAnswer([]byte(`{"v":1,"session":"s1","decoder":"lda","nonce":"7QK3ZJ5N2LMTXA4WVUHROEDGC6"}`)); err == nil {
		t.Errorf("%+v", a)
	}
}
