package cli

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// TestLiveStartedBehindAStop: gyrus live that is started again behind an emergency stop begins paused, says whose stop it was, and
// goes on when an operator resumes it. The server was in its own process, and is another one.
func TestLiveStartedBehindAStop(t *testing.T) {
	m := model(t)
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "s.yaml")
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %s}\nbus: {port: %d}\n", m, s001(t, "R14"), port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	live := start(t, "live", file, "--json")
	says(t, "no emergency stop is on record in "+session.HeldFile(file, "s1", "decoder"), &live.errs)
	says(t, "connected: samples come", &live.errs)
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(nc.Publish(bus.StopSubject("s1"), []byte(`{"v":1,"source":"button","why":"the arm jams"}`)), nc.Flush()); err != nil {
		t.Fatal(err)
	}
	nc.Close()
	says(t, "EMERGENCY STOP by button: the arm jams: no commands are sent", &live.errs)
	live.stop()
	live.wait(t)

	live = start(t, "live", file, "--json")
	says(t, "EMERGENCY STOP by button: the arm jams (on record since ", &live.errs)
	says(t, "connected: samples come", &live.errs)
	code, out, errs := run(t, "ctl", "s1", "status", "--url", url)
	if code != exitDone || !strings.Contains(out, `"phase": "paused"`) || !strings.Contains(out, "the arm jams") || !strings.Contains(out, `"sent": 0`) {
		t.Errorf("status: %d, %s%s", code, out, errs)
	}
	if code, out, errs := run(t, "ctl", "s1", "resume", "--url", url); code != exitDone || !strings.Contains(out, "decoding") {
		t.Errorf("resume: %d, %s%s", code, out, errs)
	}
	says(t, "resumed", &live.errs)
	live.stop()
	live.wait(t)
	if _, err := os.Stat(session.HeldFile(file, "s1", "decoder")); err == nil {
		t.Error("the record is still there")
	}
}

// TestLiveIsStoppedWhileItWaits: while the stream is not there yet the page's emergency stop is sent and holds the session back, other
// controllers and decoders of it hear it, operators are answered, and stop ends the wait.
func TestLiveIsStoppedWhileItWaits(t *testing.T) {
	m := model(t)
	port := freePort(t)
	file := filepath.Join(t.TempDir(), "s.yaml")
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: nats, stream: eeg, timeout_s: 600}\nbus: {port: %d}\ndashboard: {listen: \"127.0.0.1:0\"}\n", m, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	live := start(t, "live", file)
	says(t, "waiting for the stream", &live.errs)
	_, page, _ := strings.Cut(live.errs.String(), "page: ")
	page, _, _ = strings.Cut(page, "\n")
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	stops, err := nc.SubscribeSync(bus.StopSubject("s1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	answered := make(chan string, 1)
	go func() {
		res, err := http.Post(page+"api/stop", "application/json", strings.NewReader(`{"why":"smoke"}`))
		if err != nil {
			answered <- err.Error()
			return
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		answered <- fmt.Sprint(res.StatusCode, string(body), err)
	}()
	msg, err := stops.NextMsg(20 * time.Second)
	if err != nil {
		t.Fatalf("no stop on the bus: %v; %s", err, <-answered)
	}
	if err := msg.Respond([]byte(`{"v":1,"session":"s1","decoder":"other","controller":"c1"}`)); err != nil {
		t.Fatal(err)
	}
	if got := <-answered; !strings.HasPrefix(got, "200") || !strings.Contains(got, `"paused":true`) || !strings.Contains(got, `"controller":"c1"`) {
		t.Errorf("the page answers %s", got)
	}
	says(t, "EMERGENCY STOP by page: smoke: no commands are sent", &live.errs)
	for verb, want := range map[string]string{"status": "EMERGENCY STOP by page: smoke", "pause": `"held": "EMERGENCY STOP by page: smoke"`, "shadow": `"state": "shadow"`} {
		if code, out, errs := run(t, "ctl", "s1", verb, "--url", url); code != exitDone || !strings.Contains(out, want) || !strings.Contains(out, `"phase": "resolving"`) {
			t.Errorf("%s: %d, %s%s", verb, code, out, errs)
		}
	}
	if code, out, errs := run(t, "ctl", "s1", "swap", "x.gyrus", "--url", url); code != exitFailed || !strings.Contains(errs, "the session waits for its stream") {
		t.Errorf("swap: %d, %s%s", code, out, errs)
	}
	if code, out, errs := run(t, "ctl", "s1", "stop", "--url", url); code != exitDone {
		t.Errorf("stop: %d, %s%s", code, out, errs)
	}
	if code := live.wait(t); code != exitDone || !strings.Contains(live.errs.String(), "ended: an operator asked for the end of the session, which waited for its stream") {
		t.Errorf("exit code %d: %s", code, live.errs.String())
	}
	kept, err := os.ReadFile(session.HeldFile(file, "s1", "decoder"))
	if err != nil || !strings.Contains(string(kept), `"why": "smoke"`) || !strings.Contains(string(kept), `"paused"`) || !strings.Contains(string(kept), `"shadow"`) {
		t.Errorf("on record: %s, %v", kept, err)
	}
}
