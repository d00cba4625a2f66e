package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
