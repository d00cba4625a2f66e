package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// commander is a decoder on a bus of its own that decides the same all the time.
func commander(t *testing.T, c bus.Command) *bus.Bus {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s1", "decoder", 200*time.Millisecond, clock)
	if err != nil {
		t.Fatal(err)
	}
	quit := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				c.TSample = clock.Now()
				if err := w.Publish(c); err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	t.Cleanup(func() {
		close(quit)
		wg.Wait()
		if err := errors.Join(w.Close(), b.Close()); err != nil {
			t.Error(err)
		}
	})
	return b
}

func rightwards() bus.Command {
	return bus.Command{Kind: bus.KindClass, Label: "right", Confidence: 0.9}
}

// ended is the last line of gyrus control --json.
type ended struct {
	Commands struct {
		Accepted       uint64 `json:"accepted"`
		Blocked        uint64 `json:"blocked"`
		Rate           uint64 `json:"rate"`
		EmergencyStops uint64 `json:"emergency_stops"`
	} `json:"commands"`
	Score struct {
		Trials, Hits, Misses, Timeouts, Goals int
		ITR                                   float64 `json:"itr_bits_per_min"`
		PathEfficiency                        float64 `json:"path_efficiency"`
	} `json:"score"`
	Feedback *struct {
		Sent    uint64 `json:"sent"`
		NotSent uint64 `json:"not_sent"`
	} `json:"feedback"`
}

// lastLine reads it, and the line before.
func lastLine(t *testing.T, out string) (e ended, before string) {
	t.Helper()
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &e); err != nil {
		t.Fatalf("%v in %q", err, lines[len(lines)-1])
	}
	return e, lines[max(0, len(lines)-2)]
}

// TestControlCursorTask: four trials of a user who always goes to the right: two hits, two misses, and feedback on each.
func TestControlCursorTask(t *testing.T) {
	t.Parallel()
	b := commander(t, rightwards())
	told := make(chan bus.Feedback, 10)
	sub, err := b.SubscribeFeedback("s1", "decoder", func(f bus.Feedback, _ time.Time) { told <- f })
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := sub.Close(); err != nil {
			t.Error(err)
		}
	}()
	code, out, errs := run(t, "control", "cursor", "--session", "s1", "--url", b.URL(), "--json", "--trials", "4", "--pause", "50ms", "--speed", "3",
		"--feedback=label", "--max-commands", "25")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	e, before := lastLine(t, out)
	if s := e.Score; s.Trials != 4 || s.Hits != 2 || s.Misses != 2 || s.Goals != 2 || s.PathEfficiency < 0.9 {
		t.Errorf("score %+v", s)
	}
	if e.Feedback == nil || e.Feedback.Sent != 4 || e.Commands.Rate == 0 {
		t.Errorf("feedback %+v, %d commands too soon; want 4 sent, and some of 50 per second held back", e.Feedback, e.Commands.Rate)
	}
	if !strings.Contains(before, `"state":"safe","reason":"stopped"`) {
		t.Errorf("the line before the last is %s", before)
	}
	for range 4 {
		f := <-told
		want := map[int]string{1: "right", -1: "left"}[f.Reward]
		if f.Label != want || f.Seq == 0 || f.Source != "task" || f.Outcome != map[int]string{1: "hit", -1: "miss"}[f.Reward] || !(f.DelayMS >= 0 && f.DelayMS < 1000) {
			t.Errorf("feedback %+v", f)
		}
	}
}

func TestControlHand(t *testing.T) {
	t.Parallel()
	b := commander(t, bus.Command{Kind: bus.KindClass, Label: "right", Confidence: 1})
	code, out, errs := run(t, "control", "hand", "--session", "s1", "--url", b.URL(), "--json", "--trials", "2", "--pause", "0s", "--hold", "100ms",
		"--grasp", "right=power", "--grasp", "left=open", "--goals", "power,pinch")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	e, _ := lastLine(t, out)
	if s := e.Score; s.Trials != 2 || s.Hits != 1 || s.Misses != 1 {
		t.Errorf("score %+v", s)
	}
	if !strings.Contains(out, `"object":"held"`) || !strings.Contains(out, `"simulator":"hand"`) {
		t.Error("no line says that the cup is held")
	}
}

// TestControlKeys: nothing is acted on before the switch is held; stop, re-arm and end by key.
func TestControlKeys(t *testing.T) {
	t.Parallel()
	b := commander(t, rightwards())
	keys, press := io.Pipe()
	var out, errs safeBuffer
	done := make(chan int, 1)
	go func() {
		done <- Run(context.Background(), []string{"control", "cursor", "--session", "s1", "--url", b.URL(), "--json", "--keys", "--dead-man", "2s", "--pause", "0s", "--speed", "0.05"},
			keys, &out, &errs)
	}()
	write := func(s string) {
		t.Helper()
		if _, err := io.WriteString(press, s); err != nil {
			t.Error(err)
		}
	}
	says(t, `"reason":"released"`, &out)
	write(" ")
	says(t, `"state":"moves"`, &out)
	write("s")
	says(t, `"reason":"emergency","latched":true`, &out)
	moved := strings.Count(out.String(), `"state":"moves"`)
	for end := time.Now().Add(20 * time.Second); strings.Count(out.String(), `"state":"moves"`) == moved; time.Sleep(20 * time.Millisecond) {
		write("r ") // again: it is refused while the stop is not confirmed
		if time.Now().After(end) {
			t.Fatalf("it does not move after it was re-armed: %s", out.String())
		}
	}
	write("q")
	if code := <-done; code != exitDone {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if e, _ := lastLine(t, out.String()); e.Commands.EmergencyStops != 1 || e.Commands.Blocked == 0 {
		t.Errorf("%+v", e)
	}
}

func TestControlStop(t *testing.T) {
	t.Parallel()
	b := commander(t, rightwards())
	c := start(t, "control", "hand", "--session", "s1", "--url", b.URL(), "--json", "--grasp", "right=power", "--pause", "0s")
	says(t, `"object":"held"`, &c.out)
	code, out, errs := run(t, "control", "stop", "--session", "s1", "--url", b.URL(), "--json", "--why", "the arm jams")
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var v stopJSON
	if err := json.Unmarshal([]byte(out), &v); err != nil || len(v.Stopped) != 1 || v.Stopped[0].Decoder != "decoder" {
		t.Errorf("%q, %v", out, err)
	}
	says(t, `"reason":"emergency","latched":true`, &c.out)
	says(t, `"the arm jams"`, &c.errs)

	code, _, errs = run(t, "control", "stop", "--session", "elsewhere", "--url", b.URL(), "--wait", "300ms")
	if code != exitFailed || !strings.Contains(errs, "0 of 1 controllers of session elsewhere") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	c.stop()
	c.wait(t)
}

// TestControlSignal: a signal stops the simulator first; what was counted follows.
func TestControlSignal(t *testing.T) {
	t.Parallel()
	b := commander(t, rightwards())
	ctx, cancel := context.WithCancelCause(context.Background())
	var out, errs safeBuffer
	done := make(chan int, 1)
	go func() {
		done <- Run(ctx, []string{"control", "cursor", "--session", "s1", "--url", b.URL(), "--json", "--pause", "0s", "--speed", "0.05"}, &bytes.Buffer{}, &out, &errs)
	}()
	says(t, `"state":"moves"`, &out)
	cancel(stopped{syscall.SIGTERM})
	if code := <-done; code != 143 {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	if e, before := lastLine(t, out.String()); !strings.Contains(before, `"state":"safe","reason":"stopped"`) || e.Commands.Accepted == 0 {
		t.Errorf("%s, then %+v", before, e)
	}
}

func TestControlUsage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"must be 2, 4 or 8":       {"cursor", "--targets", "3"},
		`--up is "left"`:          {"cursor", "--up", "left"},
		"must be reward or label": {"cursor", "--feedback=maybe"},
		"speed_per_s":             {"cursor", "--speed", "0"},
		"timeout is 0s":           {"cursor", "--timeout", "0s"},
		"Watchdog is 10ms":        {"cursor", "--watchdog", "10ms"},
		"Limits.Commands is -1":   {"hand", "--max-commands", "-1"},
		"--dead-man needs keys":   {"hand", "--dead-man", "1s"},
		`the grasp "fist"`:        {"hand", "--grasp", "a=fist"},
		`goal 2 is "fist"`:        {"hand", "--goals", "power,fist"},
		`safe is "fall"`:          {"hand", "--safe", "fall"},
		"--decoder":               {"hand", "--decoder", "a b"},
		"--url is empty":          {"stop"},
		"--controllers is 0":      {"stop", "--url", "nats://127.0.0.1:1", "--controllers", "0"},
	} {
		code, out, errs := run(t, append([]string{"control"}, args...)...)
		if code != exitUsage || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%v: exit code %d, %q, want %d with %q", args, code, errs, exitUsage, want)
		}
	}
}

// TestControlAlone: a controller to which no heartbeat comes says so, with what to do; every example of its help names a bus.
func TestControlAlone(t *testing.T) {
	b := commander(t, rightwards())
	own := start(t, "control", "cursor", "--session", "s1", "--headless")
	other := start(t, "control", "hand", "--session", "s2", "--url", b.URL(), "--headless")
	right := start(t, "control", "cursor", "--session", "s1", "--url", b.URL(), "--headless")
	port := strconv.Itoa(freePort(t))
	offered := start(t, "control", "cursor", "--session", "s1", "--port", port, "--headless") // others may have been told of it
	refusing := start(t, "control", "cursor", "--session", "s3", "--url", b.URL(), "--headless")
	garbled(t, b.URL(), bus.StatusSubject("s3"))
	says(t, "nobody publishes as decoder decoder in session s1 here: nats://127.0.0.1:", &own.errs)
	says(t, "give the --url that gyrus live prints", &own.errs)
	says(t, "nobody publishes as decoder decoder in session s2 here: "+b.URL()+": start gyrus live", &other.errs)
	says(t, "here: nats://127.0.0.1:"+port+": start gyrus live, or give its --url", &offered.errs)
	says(t, "none of the heartbeats that come is taken, ", &refusing.errs)
	time.Sleep(time.Second) // beyond the time at which it would have been said
	for _, c := range []*command{own, other, right, offered, refusing} {
		c.stop()
		c.wait(t)
	}
	if text := refusing.errs.String(); strings.Contains(text, "nobody publishes") {
		t.Errorf("where heartbeats are refused: %s", text)
	}
	if strings.Contains(right.errs.String(), "nobody publishes") || strings.Count(own.errs.String(), "nobody publishes") != 1 {
		t.Errorf("%s; alone: %s", right.errs.String(), own.errs.String())
	}
	for _, what := range []string{"cursor", "hand", "stop"} {
		_, out, _ := run(t, "control", what, "--help")
		_, examples, _ := strings.Cut(out, "Examples:")
		examples, _, _ = strings.Cut(examples, "Flags:")
		if n := strings.Count(examples, "gyrus control "+what); n == 0 || strings.Count(examples, "--url nats://") != n {
			t.Errorf("%d examples of control %s, not all with --url: %s", n, what, examples)
		}
	}
}

// garbled publishes what is no message of gyrus until the test ends.
func garbled(t *testing.T, url, subject string) {
	t.Helper()
	nc, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		for tick := time.NewTicker(80 * time.Millisecond); ; {
			select {
			case <-tick.C:
				if err := nc.Publish(subject, []byte("{}")); err != nil {
					t.Error(err)
				}
			case <-done:
				tick.Stop()
				return
			}
		}
	})
	t.Cleanup(func() { close(done); wg.Wait(); nc.Close() })
}

// TestControlUnmoved: the report says how many of the accepted commands had no movement, and of which classes.
func TestControlUnmoved(t *testing.T) {
	c := rightwards()
	c.Label = "feet"
	b := commander(t, c)
	for what, flags := range map[string]string{"cursor": "--left, --right, --up and --down", "hand": "--grasp CLASS=GRASP"} {
		p := start(t, "control", what, "--session", "s1", "--url", b.URL(), "--trials", "1", "--timeout", "2s", "--headless")
		p.wait(t)
		out := p.out.String()
		_, line, _ := strings.Cut(out, "without a movement here: ")
		var n, m int
		if _, err := fmt.Sscanf(line, "%d of the accepted commands, at which it stood: feet (%d); classes get one by "+flags, &n, &m); err != nil || n == 0 || n != m {
			t.Errorf("%s: %v: %s", what, err, out)
		}
	}
	p := start(t, "control", "cursor", "--session", "s1", "--url", b.URL(), "--trials", "1", "--timeout", "2s", "--headless", "--right", "feet")
	p.wait(t)
	if out := p.out.String(); strings.Contains(out, "without a movement") || !strings.Contains(out, "accepted") {
		t.Errorf("with a movement: %s", out)
	}
}
