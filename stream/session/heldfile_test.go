package session

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// said collects the lines for people.
type said struct {
	mu    sync.Mutex
	lines []string
}

func (s *said) note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, text)
}

// count is how many lines contain what.
func (s *said) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, l := range s.lines {
		if strings.Contains(l, what) {
			n++
		}
	}
	return n
}

// decoding lets chunks come until commands leave, or fails.
func (r *rig) decoding() {
	r.t.Helper()
	before := r.status()
	r.chunks(60)
	if s := r.status(); s.Sent == before.Sent || s.Phase != bus.PhaseDecoding {
		r.t.Fatalf("%d commands, %s, %q", s.Sent-before.Sent, s.Phase, s.Detail)
	}
}

// paused lets chunks come, of which no command may leave; detail is what is said.
func (r *rig) paused(detail string) {
	r.t.Helper()
	before := r.status()
	r.chunks(60)
	s := r.status()
	if s.Sent != before.Sent || s.Held == before.Held || s.Phase != bus.PhasePaused || !strings.Contains(s.Detail, detail) {
		r.t.Fatalf("%d commands, %d held back, %s, %q; want none, and %q", s.Sent-before.Sent, s.Held-before.Held, s.Phase, s.Detail, detail)
	}
}

// TestStopSurvivesRestart: a decoder that is started again behind an emergency stop begins paused, with the words of the stop,
// though nobody is there to tell it and the server is another one. An operator who resumes it ends that.
func TestStopSurvivesRestart(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	file := HeldFile(filepath.Join(t.TempDir(), "session.yaml"), "s", "d")
	var notes said
	run := func() (*rig, *bus.Bus) {
		var b *bus.Bus
		r := start(t, person(t), func(o *Options, _ *stepped) {
			with(load(t, a))(o, nil)
			o.Stops, o.HeldFile, o.Note, b = o.Echo, file, notes.note, o.Echo
		})
		return r, b
	}
	end := func(r *rig) Report {
		t.Helper()
		r.stop() // as SIGTERM does
		rep, err := r.over()
		if err != nil {
			t.Fatal(err)
		}
		return rep
	}
	r, b := run()
	if n := notes.count("no emergency stop is on record in " + file); n != 1 {
		t.Errorf("told %d times that no stop is known", n)
	}
	r.decoding()
	if err := sendStop(b, bus.Stop{Source: "test\x1b[2J", Why: "it\ngrabs"}); err != nil {
		t.Fatal(err)
	}
	r.until("the stop", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhasePaused })
	end(r)
	for range 2 { // and again, and again
		r, _ = run()
		r.paused("EMERGENCY STOP by test [2J: it grabs (on record since ")
		if rep := end(r); rep.Stops != 1 || rep.Sent != 0 {
			t.Errorf("%d stops, %d commands sent", rep.Stops, rep.Sent)
		}
	}
	r, _ = run()
	r.resume()
	r.decoding()
	end(r)
	if _, err := os.Stat(file); err == nil {
		t.Error("the record is still there behind resume")
	}
	r, _ = run()
	r.decoding()
	end(r)
}

// TestStopRecordIsDamaged: a record that cannot be read is no reason to move.
func TestStopRecordIsDamaged(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for name, text := range map[string]string{
		"empty": "", "cut": `{"v":1,"ses`, "foreign": `{"v":1,"session":"other","decoder":"d"}`, "no pause": `{"v":1,"session":"s","decoder":"d","paused":"0001-01-01T00:00:00Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "held.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r := start(t, person(t), func(o *Options, _ *stepped) {
				with(load(t, a))(o, nil)
				o.HeldFile = file
			})
			r.paused("it is not known whether an emergency stop is in force: " + file)
			r.resume()
			r.decoding()
		})
	}
}

// TestRecordThatIsNotUnderstood: a record with anything in it that no decoder writes is one that cannot be read: it could say what holds
// the decoder back.
func TestRecordThatIsNotUnderstood(t *testing.T) {
	const head = `{"v":1,"session":"s","decoder":"d",`
	file := filepath.Join(t.TempDir(), "held.json")
	for text, want := range map[string]string{
		`"pausd":"2026-01-02T03:04:05Z"}`:                                                                 `unknown field "pausd"`,
		`"paused":"2026-01-02T03:04:05Z","lifted":["x"],"held":true}`:                                     `unknown field "held"`,
		`"stop":{"time":"2026-01-02T03:04:05Z","reason":"smoke"}}`:                                        `unknown field "reason"`,
		`"paused":"2026-01-02T03:04:05Z"} {}`:                                                             "something comes behind the record",
		`"paused":"2026-01-02T03:04:05Z"}x`:                                                               "something comes behind the record",
		`"paused":"0001-01-01T00:00:00Z"}`:                                                                "paused is 0001-01-01T00:00:00Z, must be in the year 2000 or later",
		`"shadow":"1999-12-31T23:59:59Z"}`:                                                                "shadow is 1999-12-31T23:59:59Z",
		`"stop":{"id":"x","why":"smoke"}}`:                                                                "time of stop 1 of 1 is 0001-01-01T00:00:00Z",
		`"more":[{"id":"y"}],"stop":{"id":"x","time":"2026-01-02T03:04:05Z"}}`:                            "time of stop 1 of 2 is 0001-01-01T00:00:00Z",
		`"stop":{"id":"` + strings.Repeat("x", 65) + `","time":"2026-01-02T03:04:05Z"}}`:                  "stop 1 of 1: id has 65 bytes",
		`"paused":"yesterday"}`:                                                                           "yesterday",
		`"paused":"2026-01-02T03:04:05Z","lifted":["` + strings.Repeat(`x","`, maxHeldFile/4) + `xx"]}  `: "unexpected E",
	} {
		if err := os.WriteFile(file, []byte(head+text), 0o600); err != nil {
			t.Fatal(err)
		}
		h, err := readHeld(file, "s", "d")
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file+": ") || h.what() != "" {
			t.Errorf("%.100s: %+v, %v; want %q", text, h, err, want)
		}
	}
	for text, stops := range map[string]int{
		`"paused":"2000-01-01T00:00:00Z"}` + "\n":            0,
		`"more":[{"id":"y","time":"2026-01-02T03:04:05Z"}]}`: 1,
		`"stop":{"id":"x","time":"2026-01-02T03:04:05Z"},"more":[{"time":"2026-01-02T03:04:04Z"}],"lifted":["x","z"],"doubt":""}`: 2,
	} {
		if err := os.WriteFile(file, []byte(head+text), 0o600); err != nil {
			t.Fatal(err)
		}
		if h, err := readHeld(file, "s", "d"); err != nil || len(h.stops()) != stops || stops == 2 && len(h.Lifted) != 1 {
			t.Errorf("%s: %+v, %v", text, h, err)
		}
	}
}

// TestStopCannotBeKept: where no record can be written the session says so when it begins, and behind the stop, which it obeys.
func TestStopCannotBeKept(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	dir := filepath.Join(t.TempDir(), "gone")
	var notes said
	var b *bus.Bus
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.Stops, o.HeldFile, o.Note, b = o.Echo, filepath.Join(dir, "held.json"), notes.note, o.Echo
	})
	if n := notes.count("cannot be put on record"); n != 1 {
		t.Errorf("told %d times at the start that a stop cannot be kept", n)
	}
	r.decoding()
	if err := sendStop(b, bus.Stop{}); err != nil {
		t.Fatal(err)
	}
	r.until("the stop", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhasePaused })
	r.until("that it is not on record", func() bool { return notes.count("COULD NOT BE PUT ON RECORD") == 1 })
	r.paused("EMERGENCY STOP")
}

// TestStopIsKnownByOthers: a decoder that was not there when the stop came, and has no record of it, learns of it from a controller
// that latched, and from another decoder that is held back. What an operator has resumed is not stopped by it again, a stop that
// comes later is.
func TestStopIsKnownByOthers(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	var b *bus.Bus
	var rec *control.Receiver
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		b = o.Echo
		o.Stops = b
		var err error
		if rec, err = control.New(b, control.Options{Session: "s", Decoder: "d", OnSafe: func(control.Reason) error { return nil }}); err != nil {
			t.Fatal(err)
		}
		ctx := t.Context()
		if _, err := b.SendStop(ctx, "s", bus.Stop{Source: "button", Why: "smoke"}, 1); err != nil {
			t.Fatal(err)
		}
	})
	r.until("the controller's word", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhasePaused })
	r.paused("EMERGENCY STOP by button: smoke (")

	w, err := bus.NewCommandWriter(b, "s", "second", time.Second, bus.NewClock())
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan bus.StopAnswer, 1000)
	asks, err := w.AskStopped(func(a bus.StopAnswer, _ time.Time) { heard <- a })
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]bus.StopAnswer{}
	r.until("the decoder and the controller to tell a second decoder", func() bool {
		for len(heard) > 0 {
			a := <-heard
			from[a.Controller] = a
		}
		return len(from) == 2
	})
	if d := from["d"]; d.Source != "button" || d.Why != "smoke" || !(d.SinceMS > 0) {
		t.Errorf("the decoder says %+v", d)
	}
	if err := asks.Close(); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}

	r.resume()
	r.decoding()
	time.Sleep(5 * bus.HeartbeatInterval) // the controller says so all the time
	r.decoding()
	if rec.Counters().EmergencyStops != 1 {
		t.Errorf("%+v", rec.Counters())
	}

	// One that the session did not hear itself, from a controller of another make, which answers one heartbeat.
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	nc, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	sub, err := nc.SubscribeSync(bus.StatusSubject("s"))
	if err != nil {
		t.Fatal(err)
	}
	m, err := sub.NextMsg(patience)
	if err != nil {
		t.Fatal(err)
	}
	for _, answer := range []string{"stop", `{"v":1,"session":"t","decoder":"d","controller":"c9"}`, `{"v":1,"session":"s","decoder":"d","controller":"c9","since_ms":-1}`} {
		if err := m.Respond([]byte(answer)); err != nil {
			t.Fatal(err)
		}
	}
	r.decoding() // none of these is an answer
	if err := m.Respond([]byte(`{"v":1,"session":"s","decoder":"d","controller":"c9","why":"pinched"}`)); err != nil {
		t.Fatal(err)
	}
	r.until("the other controller's word", func() bool { return r.looks[len(r.looks)-1].Phase == bus.PhasePaused })
	r.paused("EMERGENCY STOP: pinched (0.0 s before, says c9 of decoder d)")
	r.stop()
	if rep, err := r.over(); err != nil || rep.Stops != 2 {
		t.Errorf("%v, %d stops", err, rep.Stops)
	}
}

// TestKeeperHangs: a drive that takes nothing holds up neither the stop nor, for long, the end.
func TestKeeperHangs(t *testing.T) {
	k := &keeper{path: "x", want: make(chan heldBack, 1), done: make(chan struct{})} // nobody runs it
	for range 5 {
		k.keep(heldBack{Doubt: "x"})
		k.keep(heldBack{})
	}
	if err := k.close(); err == nil || !strings.Contains(err.Error(), "the drive does not answer") {
		t.Errorf("closed with %v", err)
	}
}

// sendStop sends one stop with a client of another make, and waits for nobody.
func sendStop(b *bus.Bus, s bus.Stop) error {
	nc, err := nats.Connect(b.URL())
	if err != nil {
		return err
	}
	defer nc.Close()
	text, err := json.Marshal(s)
	if err != nil {
		return err
	}
	return errors.Join(nc.Publish(bus.StopSubject("s"), text), nc.Flush())
}
