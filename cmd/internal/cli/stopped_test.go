package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
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
	if out := lift(t, url, "EMERGENCY STOP by button: the arm jams (on record since "); !strings.Contains(out, "decoding") {
		t.Errorf("resume: %s", out)
	}
	says(t, "resumed", &live.errs)
	live.stop()
	live.wait(t)
	if _, err := os.Stat(session.HeldFile(file, "s1", "decoder")); err == nil {
		t.Error("the record is still there")
	}
}

// lift resumes the session s1 as an operator does: the refusal says what is in force, and with what to ask again.
func lift(t *testing.T, url, words string) (out string) {
	t.Helper()
	for end := time.Now().Add(inTime); ; {
		code, out, errs := run(t, "ctl", "s1", "resume", "--url", url)
		_, seen, ok := strings.Cut(strings.TrimSpace(errs), "when you have looked, say the same with --seen ")
		if code != exitFailed || !ok || !strings.Contains(errs, words) || out != "" {
			t.Fatalf("resume, shown nothing: %d, %s%s", code, out, errs)
		}
		code, out, errs = run(t, "ctl", "s1", "resume", "--url", url, "--seen", seen)
		if code == exitDone {
			return out
		}
		if !strings.Contains(errs, "must have been there for 1 s") || time.Now().After(end) {
			t.Fatalf("resume --seen %s: %d, %s%s", seen, code, out, errs)
		}
		time.Sleep(50 * time.Millisecond) // more than a thousand within 2 s are refused
	}
}

// TestCtlResumeOfWhatWasShown: gyrus ctl says of nobody that they were shown what they were not. A resume behind one's own pause is one
// short command; where somebody else stops all before it comes, it lifts nothing, says what is in force, and what to say when one has looked.
func TestCtlResumeOfWhatWasShown(t *testing.T) {
	m := model(t)
	port := freePort(t)
	file := write(t, t.TempDir(), "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %s}\nbus: {port: %d}\n", m, s001(t, "R14"), port))
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	live := start(t, "live", file, "--json")
	says(t, "connected: samples come", &live.errs)
	ask := func(args ...string) (code int, out, errs string) {
		t.Helper()
		return run(t, append([]string{"ctl", "s1", "--url", url}, args...)...)
	}
	for range 2 {
		if code, out, errs := ask("pause"); code != exitDone {
			t.Errorf("pause: %d, %s%s", code, out, errs)
		}
		if code, out, errs := ask("resume"); code != exitDone || strings.Contains(out, "held") || strings.Contains(out, "lifted") {
			t.Errorf("resume behind a pause: %d, %s%s", code, out, errs)
		}
	}
	if code, out, errs := ask("pause"); code != exitDone {
		t.Errorf("pause: %d, %s%s", code, out, errs)
	}
	if code, _, errs := run(t, "control", "stop", "--session", "s1", "--url", url, "--why", "jam", "--wait", "100ms"); code != exitFailed || !strings.Contains(errs, "0 of 1 controllers") {
		t.Errorf("stop: %d, %s", code, errs)
	}
	says(t, ": jam: no commands are sent", &live.errs)
	code, out, errs := ask("resume")
	if code != exitFailed || !strings.Contains(errs, "this is in force: EMERGENCY STOP by ") || !strings.Contains(errs, ": jam;") {
		t.Errorf("resume behind somebody else's stop: %d, %s%s", code, out, errs)
	}
	var r bus.Reply
	if code, out, _ := ask("resume", "--json"); code != exitFailed || json.Unmarshal([]byte(out), &r) != nil || r.OK || r.Seen == 0 || !strings.Contains(r.Error, ": jam;") {
		t.Errorf("resume --json: %d, %s", code, out)
	}
	if code, out, errs := ask("status"); code != exitDone || !strings.Contains(out, `"phase": "paused"`) {
		t.Errorf("status: %d, %s%s", code, out, errs)
	}
	if code, out, errs := ask("resume", "--seen", strconv.FormatInt(r.Seen+int64(time.Hour), 10)); code != exitFailed || !strings.Contains(errs, "how the decoder will be in 3") {
		t.Errorf("resume --seen of an hour later: %d, %s%s", code, out, errs)
	}
	if out := lift(t, url, ": jam;"); !strings.Contains(out, `"why": "jam"`) {
		t.Errorf("resume: %s", out)
	}
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"pause", "--seen", "5"}, "it does nothing for pause"},
		{[]string{"--seen", "5"}, "it does nothing for verbs"},
		{[]string{"resume", "--seen", "0"}, "--seen is 0, must be the number"},
		{[]string{"resume", "--seen", "now"}, "--seen"},
	} {
		if code, _, errs := ask(c.args...); code != exitUsage || !strings.Contains(errs, c.want) {
			t.Errorf("%v: %d, %s", c.args, code, errs)
		}
	}
	live.stop()
	live.wait(t)
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
