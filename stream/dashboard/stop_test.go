package dashboard

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// button is a bus and a session that keep what is asked of them.
type button struct {
	mu    sync.Mutex
	stops []bus.Stop
	verbs []string
}

func (b *button) SendStop(_ context.Context, session string, s bus.Stop, _ int) ([]bus.StopAnswer, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s.Source = session + " " + s.Source
	b.stops = append(b.stops, s)
	return nil, errors.New("nobody answers")
}

func (b *button) Call(_ context.Context, verb string, _ ...string) bus.Reply {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.verbs = append(b.verbs, verb)
	return bus.Reply{OK: true}
}

func (b *button) Verbs() []bus.VerbInfo { return nil }

// TestStopWithoutAStream: the emergency stop of the page is sent, and requests are handed on, as soon as there is a bus, whether there
// is anything to show or not. All sendings of one press are one stop.
func TestStopWithoutAStream(t *testing.T) {
	s, ask := served(t, func(*Options) {})
	header := map[string]string{"Content-Type": isJSON}
	if code, text, _ := ask("POST", "/api/stop", header, `{}`); code != 503 || !strings.Contains(text, "no bus yet") {
		t.Errorf("without a bus: %d %s", code, text)
	}
	var b button
	s.Attach(Session{Name: "s1", Decoder: "d", Operator: &b, Stopper: &b})
	code, text, _ := ask("POST", "/api/stop", header, `{"why":"smoke"}`)
	var got Stopped
	if err := json.Unmarshal([]byte(text), &got); err != nil || code != 504 || !got.Paused || got.OK || !strings.Contains(got.Error, "nobody answers") {
		t.Errorf("%d %s, %v", code, text, err)
	}
	if len(b.stops) != 2 || b.stops[0].ID == "" || b.stops[0] != b.stops[1] || b.stops[0].Source != "s1 page" || b.stops[0].Why != "smoke" {
		t.Errorf("sent %+v, want the same twice", b.stops)
	}
	if code, text, _ := ask("POST", "/api/verb", header, `{"verb":"shadow"}`); code != 200 || strings.Join(b.verbs, " ") != "pause shadow" {
		t.Errorf("%d %s, asked for %v", code, text, b.verbs)
	}
}
