package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestCtl asks a live session from another terminal: what there is, how it is, to pause, to swap, to stop.
func TestCtl(t *testing.T) {
	dir := t.TempDir()
	m := model(t)
	port := freePort(t)
	file := filepath.Join(dir, "s.yaml")
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %s}\nbus: {port: %d}\n", m, s001(t, "R14"), port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	ask := func(args ...string) (int, string, string) {
		t.Helper()
		return run(t, append([]string{"ctl", "s1", "--url", url}, args...)...)
	}
	live := start(t, "live", file, "--json")
	says(t, "connected: samples come", &live.errs)
	if code, out, _ := ask(); code != exitDone || !strings.Contains(out, "swap bundle") {
		t.Errorf("verbs: %d, %s", code, out)
	}
	if code, out, errs := ask("pause"); code != exitDone || !strings.Contains(out, "paused") {
		t.Errorf("pause: %d, %s, %s", code, out, errs)
	}
	code, out, errs := ask("status", "--json")
	var r bus.Reply
	var s bus.Telemetry
	if err := json.Unmarshal([]byte(out), &r); err != nil || json.Unmarshal(r.Result, &s) != nil || s.Phase != bus.PhasePaused || len(s.Streams) != 1 || len(s.Bundle) != 64 {
		t.Errorf("status: %d, %v in %s, %s", code, err, out, errs)
	}
	if code, _, errs := ask("resume"); code != exitDone {
		t.Errorf("resume: %d, %s", code, errs)
	}
	if code, out, errs := ask("swap", m); code != exitDone || !strings.Contains(out, "kept") {
		t.Errorf("swap: %d, %s, %s", code, out, errs)
	}
	for _, tc := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"resmue"}, exitFailed, `did you mean "resume"?`},
		{[]string{"swap"}, exitFailed, "swap takes bundle"},
		{[]string{"pause", "--decoder", "x", "--timeout", "0.2"}, exitFailed, `is the decoder called "x"?`},
		{[]string{"a.b"}, exitUsage, "VERB"},
		{[]string{"pause", "--timeout", "0"}, exitUsage, "--timeout is 0"},
	} {
		if code, _, errs := ask(tc.args...); code != tc.code || !strings.Contains(errs, tc.want) {
			t.Errorf("%v: %d, %s; want %d with %q", tc.args, code, errs, tc.code, tc.want)
		}
	}
	if code, _, errs := ask("stop"); code != exitDone {
		t.Errorf("stop: %d, %s", code, errs)
	}
	if code := live.wait(t); code != exitDone {
		t.Errorf("the session ends with %d: %s", code, live.errs.String())
	}
	var rep map[string]any
	if err := json.Unmarshal([]byte(live.out.String()), &rep); err != nil || len(rep["models"].([]any)) != 2 {
		t.Errorf("%v, models %v", err, rep["models"])
	}
	if code, _, errs := run(t, "ctl", "s1", "pause"); code != exitUsage || !strings.Contains(errs, "--url is missing") {
		t.Errorf("without a server: %d, %s", code, errs)
	}
}

// What an operator asks for is shown as it is, and moves no cursor: neither colours nor lines of its own come through.
func TestAskedIsPrintable(t *testing.T) {
	line := asked(bus.Request{Verb: "swap", Args: []string{"a b", "x\x1b[2J\nSTOPPED: everything is safe"}}, bus.Reply{Error: "no\nfile"})
	if want := `asked to swap a b "x\x1b[2J\nSTOPPED: everything is safe": refused: no\nfile`; line != want {
		t.Errorf("%q, want %q", line, want)
	}
	if got := plainly("µV\tok\x1b[31m\x07"); got != "µV\tok\\x1b[31m\\x07" {
		t.Errorf("%q", got)
	}
}

// TestLiveShadow: a session that is begun with --shadow moves no controller, which says why, until an operator lets it act, and stops it
// again with a word; the report and the replay count it. The flag stands above the session file.
func TestLiveShadow(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	m := model(t)
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %s}\nbus: {port: %d}\nrecord: {file: run1.arrow}\n", m, s001(t, "R14"), port)
	live := start(t, "live", write(t, dir, "s.yaml", text), "--shadow", "--json")
	says(t, "in SHADOW: no controller may act on the commands; gyrus ctl s1 actuate ends it", &live.errs)
	says(t, "connected: samples come", &live.errs)
	cursor := start(t, "control", "cursor", "--session", "s1", "--url", url, "--left", "feet", "--right", "fists", "--json", "--pause", "0s")
	says(t, `"state":"safe","reason":"shadow"`, &cursor.out)
	says(t, "why=shadow", &cursor.errs) // a command, beside the heartbeats
	if strings.Contains(cursor.out.String(), `"state":"moves"`) {
		t.Errorf("it moves in shadow: %s", cursor.out.String())
	}
	if code, out, errs := run(t, "ctl", "s1", "--url", url, "actuate"); code != exitDone || !strings.Contains(out, `"state": "actuate"`) {
		t.Errorf("actuate: %d, %s%s", code, out, errs)
	}
	says(t, `"state":"moves"`, &cursor.out)
	before := strings.Count(cursor.out.String(), `"reason":"shadow"`)
	if code, out, errs := run(t, "ctl", "s1", "--url", url, "shadow"); code != exitDone || !strings.Contains(out, `"state": "shadow"`) {
		t.Errorf("shadow: %d, %s%s", code, out, errs)
	}
	for end := time.Now().Add(20 * time.Second); strings.Count(cursor.out.String(), `"reason":"shadow"`) == before; time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it moves on in shadow: %s", cursor.out.String())
		}
	}
	cursor.stop()
	cursor.wait(t)
	if code, _, errs := run(t, "ctl", "s1", "--url", url, "stop"); code != exitDone {
		t.Errorf("stop: %d, %s", code, errs)
	}
	live.wait(t)
	var rep struct {
		Sent   int `json:"sent"`
		Shadow int `json:"sent_shadow"`
	}
	if err := json.Unmarshal([]byte(live.out.String()), &rep); err != nil || rep.Shadow == 0 || rep.Shadow >= rep.Sent {
		t.Errorf("%v: %+v", err, rep)
	}
	lines := strings.Split(strings.TrimSpace(cursor.out.String()), "\n")
	var last struct {
		Commands struct{ Accepted, Shadow uint64 } `json:"commands"`
	}
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last.Commands.Accepted == 0 || last.Commands.Shadow == 0 {
		t.Errorf("%v: %s", err, lines[len(lines)-1])
	}
	var again replayJSON
	mustJSON(t, &again, "replay", filepath.Join(dir, "run1.arrow"), "--json")
	if again.Exact != again.Recorded || again.Fates["shadow"] != rep.Shadow || again.Fates["sent"] != rep.Sent-rep.Shadow {
		t.Errorf("the replay: %+v of %+v", again, rep)
	}

	file := write(t, dir, "quick.yaml", fmt.Sprintf("bundle: %s\nshadow: true\nsource: {use: play, file: %s, speed: 100}\n%s", m, s001(t, "R14"), patient))
	mustJSON(t, &rep, "live", file, "--json")
	if rep.Sent == 0 || rep.Shadow != rep.Sent {
		t.Errorf("shadow: true in the file: %+v", rep)
	}
	mustJSON(t, &rep, "live", file, "--json", "--shadow=false")
	if rep.Sent == 0 || rep.Shadow != 0 {
		t.Errorf("--shadow=false above the file: %+v", rep)
	}
}
