package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// button is a bus and a session that keep what is asked of them.
type button struct {
	mu    sync.Mutex
	stops []bus.Stop
	held  []bus.Stop // what the decoder is held back by
	verbs []string
	asked bus.Request // the newest
}

func (b *button) SendStop(_ context.Context, session string, s bus.Stop, _ int) ([]bus.StopAnswer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Source = session + " " + s.Source
	b.stops = append(b.stops, s)
	return nil, errors.New("nobody answers")
}

func (b *button) Stop(s bus.Stop) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.stops) > 0 {
		panic("the decoder is held back behind the sending of the stop")
	}
	b.held = append(b.held, s)
}

func (b *button) Call(_ context.Context, q bus.Request) bus.Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verbs, b.asked = append(b.verbs, q.Verb), q
	return bus.Reply{OK: true}
}

func (b *button) Verbs() []bus.VerbInfo { return nil }

// TestStopWithoutAStream: the emergency stop of the page is sent, and requests are handed on, as soon as there is a bus, whether there
// is anything to show or not. All sendings of one press are one stop, which holds back the decoder of this process before it is sent.
func TestStopWithoutAStream(t *testing.T) {
	s, ask := served(t, func(*Options) {})
	header := map[string]string{"Content-Type": isJSON}
	if code, text, _ := ask("POST", "/api/stop", header, `{}`); code != 503 || !strings.Contains(text, "no bus yet") {
		t.Errorf("without a bus: %d %s", code, text)
	}
	var b button
	s.Attach(Session{Name: "s1", Decoder: "d", Operator: &b, Stopper: &b, Holder: &b})
	code, text, _ := ask("POST", "/api/stop", header, `{"why":"smoke"}`)
	var got Stopped
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != 504 || !got.Paused || got.OK || !strings.Contains(got.Error, "nobody answers") {
		t.Errorf("%d %s, %v", code, text, err)
	}
	if len(b.stops) != 2 || b.stops[0].ID == "" || b.stops[0] != b.stops[1] || b.stops[0].Source != "s1 page" || b.stops[0].Why != "smoke" {
		t.Errorf("sent %+v, want the same twice", b.stops)
	}
	if len(b.held) != 1 || b.held[0].ID != b.stops[0].ID || b.held[0].Source != "page" || b.held[0].Why != "smoke" {
		t.Errorf("held back by %+v, sent %+v", b.held, b.stops)
	}
	if code, text, _ := ask("POST", "/api/verb", header, `{"verb":"shadow"}`); code != 200 || strings.Join(b.verbs, " ") != "shadow" {
		t.Errorf("%d %s, asked for %v", code, text, b.verbs)
	}
	var far button // the decoder is elsewhere
	s.Attach(Session{Name: "s1", Decoder: "d", Stopper: &far})
	if code, text, _ := ask("POST", "/api/stop", header, `{}`); code != 504 || !strings.Contains(text, `"paused":false`) || len(far.stops) != 2 {
		t.Errorf("%d %s, sent %+v", code, text, far.stops)
	}
}

// TestWhatABrowserAsks: a request says which run of the decoder it is for and when it was asked for as on the bus, as numbers or, for
// JavaScript, as texts, to the last digit; what is no whole number is refused.
func TestWhatABrowserAsks(t *testing.T) {
	s, ask := served(t, func(*Options) {})
	var b button
	s.Attach(Session{Name: "s1", Decoder: "d", Operator: &b, Stopper: &b})
	header := map[string]string{"Content-Type": isJSON}
	for body, want := range map[string]bus.Request{
		`{"verb":"pause"}`: {Verb: "pause"},
		`{"id":"x","verb":"resume","run":1795750000123456789,"t_sent_ns":1795750007123456789}`:       {ID: "x", Verb: "resume", Run: 1795750000123456789, Sent: 1795750007123456789},
		`{"verb":"swap","args":["a"],"run":"1795750000123456789","t_sent_ns":"1795750007123456789"}`: {Verb: "swap", Args: []string{"a"}, Run: 1795750000123456789, Sent: 1795750007123456789},
		`{"verb":"resume","t_seen_ns":"1795750006123456789","t_sent_ns":1795750007123456789}`:        {Verb: "resume", Seen: 1795750006123456789, Sent: 1795750007123456789},
	} {
		code, text, _ := ask("POST", "/api/verb", header, body)
		if got := b.asked; code != 200 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %d %s, %+v", body, code, text, got)
		}
	}
	n := len(b.verbs)
	for body, want := range map[string]string{
		`{"verb":"resume","t_sent_ns":1.5e9}`:            `t_sent_ns is \"1.5e9\", must be a whole number`,
		`{"verb":"resume","run":"one"}`:                  "invalid number literal",
		`{"verb":"resume","run":17957500001234567890}`:   `run is \"17957500001234567890\"`,
		`{"verb":"resume","t_sent":1795750007123456789}`: "unknown field",
		`{"verb":"resume","t_seen_ns":"now"}`:            "invalid number literal",
		`{"verb":"resume","t_sent_ns":true}`:             "t_sent_ns",
	} {
		if code, text, _ := ask("POST", "/api/verb", header, body); code != 400 || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s", body, code, text)
		}
	}
	if len(b.verbs) != n {
		t.Errorf("asked for %v", b.verbs[n:])
	}
}
