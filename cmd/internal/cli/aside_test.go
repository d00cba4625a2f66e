package cli

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestControlBehindAStillTerminal: where nobody takes what a session and a controller say (Ctrl-S, or a console in which somebody marks text),
// the session decodes on, both stop at every emergency stop, operators are answered, and all is shown in its order when the terminal goes on.
func TestControlBehindAStillTerminal(t *testing.T) {
	t.Parallel() // it mostly waits
	m := model(t)
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	live := start(t, "live", write(t, t.TempDir(), "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %s}\nbus: {port: %d}\n", m, s001(t, "R14"), port)), "--json")
	says(t, "connected: samples come", &live.errs)
	cursor := start(t, "control", "cursor", "--session", "s1", "--url", url, "--left", "feet", "--right", "fists", "--json", "--pause", "0s")
	says(t, `"state":"moves"`, &cursor.out)
	live.errs.still.Lock()
	cursor.errs.still.Lock()
	for i := range 2 {
		why := fmt.Sprintf("jam %d", i)
		if code, out, errs := run(t, "control", "stop", "--session", "s1", "--url", url, "--why", why); code != exitDone || !strings.Contains(out, "stands: controller ") {
			t.Errorf("stop: %d, %s%s", code, out, errs)
		}
		says(t, `"state":"safe","reason":"emergency"`, &cursor.out) // latched: nobody re-arms it
		if out := lift(t, url, ": "+why+";"); !strings.Contains(out, fmt.Sprintf(`"why": %q`, why)) {
			t.Errorf("resume: %s", out)
		}
		var first, second bus.Telemetry
		for _, look := range []*bus.Telemetry{&first, &second} {
			if code, out, errs := run(t, "ctl", "s1", "status", "--url", url); code != exitDone || json.Unmarshal([]byte(out), look) != nil {
				t.Fatalf("status: %d, %s%s", code, out, errs)
			}
			time.Sleep(300 * time.Millisecond)
		}
		if first.Phase != bus.PhaseDecoding || second.Samples <= first.Samples {
			t.Errorf("the session stands: %+v, then %+v", first, second)
		}
	}
	live.errs.still.Unlock()
	cursor.errs.still.Unlock()
	says(t, `EMERGENCY STOP by `, &cursor.errs)
	says(t, `"jam 1"`, &cursor.errs)
	cursor.stop()
	cursor.wait(t)
	if code, _, errs := run(t, "ctl", "s1", "--url", url, "stop"); code != exitDone {
		t.Errorf("stop: %d, %s", code, errs)
	}
	live.wait(t)
	rest := live.errs.String()
	for _, line := range []string{": jam 0: no commands are sent", "resumed", ": jam 1: no commands are sent", "resumed", "asked to stop"} {
		var ok bool
		if _, rest, ok = strings.Cut(rest, line); !ok {
			t.Fatalf("%q is not said in its turn: %s", line, live.errs.String())
		}
	}
}

// TestAside: what is written goes out at once until nobody may wait, then in its turn; what finds no room is counted, and an end waits for
// a terminal that stands still no longer than a second.
func TestAside(t *testing.T) {
	var w safeBuffer
	a := &aside{w: &w}
	line := func(i int) string { return fmt.Sprintf("line %d\n", i) }
	put := func(i int) {
		t.Helper()
		if n, err := a.Write([]byte(line(i))); n != len(line(i)) || err != nil {
			t.Fatal(n, err)
		}
	}
	put(0)
	if w.String() != line(0) {
		t.Errorf("at once: %q", w.String())
	}
	a.unheld()
	a.unheld()
	w.still.Lock()
	const lost = 7
	put(1)
	for len(a.queue) > 0 { // the first waits for the terminal
		time.Sleep(time.Millisecond)
	}
	for i := range asideAhead + lost {
		put(2 + i)
	}
	w.still.Unlock()
	for len(a.queue) == asideAhead {
		time.Sleep(time.Millisecond)
	}
	for len(a.queue) > 0 {
		time.Sleep(time.Millisecond)
	}
	put(-1)
	a.close()
	a.close()
	var want strings.Builder
	for i := range asideAhead + 2 {
		want.WriteString(line(i))
	}
	want.WriteString(fmt.Sprintf("%d lines before the next one were not shown: nothing was read for a while\n", lost) + line(-1))
	if w.String() != want.String() {
		t.Errorf("%q", w.String())
	}
	put(-2) // nobody is there to see it
	if w.String() != want.String() {
		t.Error("written behind the end")
	}

	a = &aside{w: &w}
	a.unheld()
	w.still.Lock()
	put(1)
	began := time.Now()
	a.close()
	if d := time.Since(began); d < asideEnd {
		t.Errorf("waited for %s", d)
	}
	w.still.Unlock()
	<-a.done
}
