package bus

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestWhateverArrivesIsAStop: a stop is not refused for its form.
func TestWhateverArrivesIsAStop(t *testing.T) {
	b := openBus(t, "")
	got := make(chan Stop, 10)
	sub, err := b.SubscribeStop("s1", func(s Stop, _ time.Time, answer func(StopAnswer) error) {
		if err := answer(StopAnswer{Decoder: "mi", Controller: "c1"}); err != nil { // nobody asked for one
			t.Error(err)
		}
		got <- s
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		data string
		want Stop
	}{
		{"", Stop{}},
		{"stop!", Stop{}},
		{`{"v":"one"}`, Stop{}},
		{strings.Repeat("x", MaxMessageBytes+1), Stop{}},
		{`{"v":99,"source":"button","why":"smoke"}`, Stop{V: 99, Source: "button", Why: "smoke"}},
	} {
		if err := b.publish(&nats.Msg{Subject: StopSubject("s1"), Data: []byte(tc.data)}); err != nil {
			t.Fatal(err)
		}
		if s := <-got; s != tc.want {
			t.Errorf("%.20q arrives as %+v, want %+v", tc.data, s, tc.want)
		}
	}
	if n := sub.Stats(); n.Received != 1 || n.Malformed != 4 {
		t.Errorf("%+v", n)
	}
	if err := sub.Close(); err != nil {
		t.Error(err)
	}
	if _, err := b.SubscribeStop("a b", nil); err == nil {
		t.Error("a bad session, no error")
	}
}

// TestLongWordsOfAStopAreCut: the answer to a heartbeat can be sent whatever the stop says.
func TestLongWordsOfAStopAreCut(t *testing.T) {
	long := strings.Repeat("\x01µ", MaxMessageBytes/4)
	a := Stop{Source: long, Why: long}.Answer("c1", "mi", -time.Second)
	a.V, a.Session = Version, "s1"
	data, err := encode(&a)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseStopAnswer(data); err != nil || got != a || got.SinceMS != 0 || !strings.HasPrefix(got.Why, "\x01µ\x01µ") {
		t.Errorf("%+v, %v", got, err)
	}
}

// TestSendStopRepeats: the first two stops are not answered, a foreign answer does not count, and without any the error
// says so.
func TestSendStopRepeats(t *testing.T) {
	b := openBus(t, "")
	n := 0
	if _, err := b.nc.Subscribe(StopSubject("s1"), func(m *nats.Msg) {
		if n++; n < 3 {
			return
		}
		for _, answer := range []string{`{}`, `{"v":1,"session":"s2","decoder":"mi","controller":"c9"}`, `{"v":1,"session":"s1","decoder":"mi","controller":"c1"}`} {
			if err := m.Respond([]byte(answer)); err != nil {
				t.Error(err)
			}
		}
	}); err != nil {
		t.Fatal(err)
	}
	got, err := b.SendStop(t.Context(), "s1", Stop{}, 1)
	if err != nil || len(got) != 1 || got[0].Controller != "c1" {
		t.Errorf("%+v, %v; want the answer of c1", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	if _, err = b.SendStop(ctx, "s2", Stop{}, 1); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "0 of 1 controllers of session s2") {
		t.Errorf("error %v", err)
	}
	if _, err := b.SendStop(t.Context(), "a b", Stop{}, 1); err == nil {
		t.Error("a bad session, no error")
	}
}

// TestStopHasOneID: every repetition of a stop has the same ID, each stop another, and what is said of it later has it too; one that
// is too long is none.
func TestStopHasOneID(t *testing.T) {
	b := openBus(t, "")
	got := make(chan Stop, 100)
	if _, err := b.SubscribeStop("s1", func(s Stop, _ time.Time, _ func(StopAnswer) error) { got <- s }); err != nil {
		t.Fatal(err)
	}
	from := func(source string) Stop { // what was sent last may arrive late, beside the next one
		for {
			if s := <-got; s.Source == source {
				return s
			}
		}
	}
	ids := map[string]bool{}
	for _, s := range []Stop{{Source: "button", Why: "a"}, NewStop("page", "b"), {Source: "pedal", ID: "mine"}} {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		if _, err := b.SendStop(ctx, "s1", s, 1); err == nil { // nobody answers, so that it is repeated
			t.Error("no error")
		}
		cancel()
		first := from(s.Source)
		if first.ID == "" || ids[first.ID] || s.ID != "" && s.ID != first.ID {
			t.Errorf("%+v arrives with the ID %q", s, first.ID)
		}
		ids[first.ID] = true
		if again := from(s.Source); again != first {
			t.Errorf("%+v is repeated as %+v", first, again)
		}
		if a := first.Answer("c1", "mi", time.Second); a.ID != first.ID {
			t.Errorf("%+v", a)
		}
	}
	if err := b.publish(&nats.Msg{Subject: StopSubject("s1"), Data: []byte(`{"v":1,"id":"` + strings.Repeat("x", 65) + `","why":"long"}`)}); err != nil {
		t.Fatal(err)
	}
	for s := range got {
		if s.Why == "long" {
			if s.ID != "" {
				t.Errorf("%+v", s)
			}
			break
		}
	}
	a := StopAnswer{V: Version, Session: "s1", Decoder: "d", Controller: "c", StandingStop: StandingStop{ID: strings.Repeat("x", 65)}}
	if err := a.Validate(); err == nil || !strings.Contains(err.Error(), "id has 65 bytes") {
		t.Error(err)
	}
}
