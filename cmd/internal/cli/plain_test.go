package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// hostile clears the screen, sets a title, writes to the clipboard, goes back on the line, turns the order of writing, and begins a
// line of its own; one of its controls is of C1, and one byte is no text.
const hostile = "EEG\x1b[2J\x1b]0;safe\x07\x1b]52;c;cm0=\x07\r\u009b31m\u202eevil\u2028\n\x9bgyrus: all is well\x7f"

// harmless reports what of got acts on a terminal; lines is how many there may be.
func harmless(t *testing.T, what, got string, lines int) {
	t.Helper()
	if i := strings.IndexFunc(got, func(r rune) bool { return r != '\n' && r != '\t' && acts(r) }); i >= 0 || strings.Contains(got, "\x9b\x67") {
		t.Errorf("%s: a terminal acts on %q", what, got)
	}
	if n := strings.Count(got, "\n"); n != lines {
		t.Errorf("%s: %d lines, want %d: %q", what, n, lines, got)
	}
	if !strings.Contains(got, "EEG") {
		t.Errorf("%s: %q has not what was said", what, got)
	}
}

// TestNothingActsOnTheTerminal: every way on which text of others is printed writes out what a terminal would act on.
func TestNothingActsOnTheTerminal(t *testing.T) {
	var b bytes.Buffer
	said := func() string { defer b.Reset(); return b.String() }
	columns(&b, [][]string{{"name", "host"}, {hostile, hostile}})
	harmless(t, "a table", said(), 2)
	printVerbs(&b, []bus.VerbInfo{{Verb: hostile, Args: []string{hostile}, Doc: hostile}, {Verb: "x"}})
	harmless(t, "verbs", said(), 2)
	say(&b, "%s\n", hostile)
	harmless(t, "a line", said(), 2) // the second is that of the text
	harmless(t, "an operator's request", asked(bus.Request{Verb: "swap", Args: []string{hostile}}, bus.Reply{Error: hostile})+"\n", 1)

	text, err := json.Marshal(map[string]string{"name": hostile})
	if err != nil {
		t.Fatal(err)
	}
	if err := printReply(&b, bus.Reply{Result: text}); err != nil {
		t.Fatal(err)
	}
	reply := said()
	harmless(t, "a reply", reply, 3)
	var back map[string]string
	if err := json.Unmarshal([]byte(reply), &back); err != nil || back["name"] != strings.ToValidUTF8(hostile, "\ufffd") {
		t.Errorf("the reply is no longer what it was: %v, %q", err, back["name"])
	}
}

// TestHostileDecoder: whatever a decoder answers, gyrus ctl prints a line of its own.
func TestHostileDecoder(t *testing.T) {
	broker, err := bus.StartBroker(bus.BrokerOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	nc, err := nats.Connect(broker.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	if _, err := nc.Subscribe(bus.CtlSubject("s1"), func(m *nats.Msg) {
		q, err := bus.ParseRequest(m.Data)
		if err != nil {
			t.Error(err)
			return
		}
		r := bus.Reply{V: 1, Session: "s1", Decoder: "decoder", Run: 1, ID: q.ID, Error: hostile, Verbs: []bus.VerbInfo{{Verb: "EEG", Doc: hostile}}}
		if q.Verb == "status" {
			r = bus.Reply{V: 1, Session: "s1", Decoder: "decoder", Run: 1, ID: q.ID, OK: true, Result: []byte("{\"name\":\"EEG\u009b2J\"}")}
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Error(err)
		}
		if err := m.Respond(text); err != nil {
			t.Error(err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	code, _, errs := run(t, "ctl", "s1", "pause", "--url", broker.URL())
	if code != exitFailed {
		t.Errorf("refused: %d", code)
	}
	harmless(t, "a refusal", errs, 2) // the verb, and the error
	code, out, errs := run(t, "ctl", "s1", "status", "--url", broker.URL())
	if code != exitDone {
		t.Errorf("status: %d, %s", code, errs)
	}
	harmless(t, "a status", out, 3)
	code, out, _ = run(t, "ctl", "s1", "pause", "--url", broker.URL(), "--json")
	if code != exitFailed || !json.Valid([]byte(out)) {
		t.Errorf("--json: %d, %s", code, out)
	}
	if strings.ContainsFunc(out, func(r rune) bool { return r != '\n' && acts(r) }) {
		t.Errorf("--json: a terminal acts on %q", out)
	}
}
