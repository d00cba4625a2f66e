package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// streaming publishes a simulated run as eeg of session s1 on b, until the function that it returns is called, which ends the stream.
func streaming(t *testing.T, b *bus.Bus) (end func()) {
	t.Helper()
	rec, _, err := synth.MotorImagery(synth.Defaults())
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	src, err := session.Playback(rec, 1, 0.05, clock)
	if err != nil {
		t.Fatal(err)
	}
	w, err := bus.NewRawWriter(b, "s1", "eeg", src.Info(), clock)
	if err != nil {
		t.Fatal(err)
	}
	ctx, quit := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		for {
			c, err := src.Next(ctx)
			if errors.Is(err, context.Canceled) {
				err = nil
			}
			if err != nil || c.Len() == 0 {
				done <- errors.Join(err, w.Close(), src.Close())
				return
			}
			if err := w.Write(c); err != nil {
				done <- errors.Join(err, src.Close())
				return
			}
		}
	}()
	return func() {
		quit()
		if err := <-done; err != nil && !errors.Is(err, io.EOF) {
			t.Error(err)
		}
	}
}

// TestLiveOverAnOutage: what was sent while the link to the bus was down, for longer than lost_ms, is missing: the report, the line at the
// end and the exit code say so.
func TestLiveOverAnOutage(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	dir := t.TempDir()
	m := filepath.Join(dir, "m.gyrus")
	if code, _, errs := run(t, "train", "csp-lda", "synth:imagery:1:1", "synth:imagery:1:2", "-o", m); code != exitDone {
		t.Fatalf("train: %s", errs)
	}
	cable := bustest.NewCable(t, b.URL())
	end := streaming(t, b)
	file := write(t, dir, "s.yaml", fmt.Sprintf("session: s1\nbundle: m.gyrus\nsource: {use: nats, stream: eeg}\nbus: {url: %q}\ngo_on_unheard: true\nwatch: {stalled_ms: 100, lost_ms: 400}\n", cable.URL()))
	live := start(t, "live", file, "--json")
	says(t, ": connected: samples come", &live.errs)
	cable.Cut()
	says(t, ": lost: no samples for", &live.errs)
	cable.Mend()
	says(t, ": recovered: samples come again", &live.errs)
	end()
	if code := live.wait(t); code != exitIncomplete {
		t.Errorf("exit code %d: %s", code, live.errs.String())
	}
	var rep liveJSON
	if err := json.Unmarshal([]byte(live.out.String()), &rep); err != nil {
		t.Fatalf("%v in %q", err, live.out.String())
	}
	missing := rep.Transport.Missing
	if rep.Lost == 0 || uint64(rep.Lost) != missing || rep.Streams[0].Lost != missing || !strings.Contains(live.errs.String(), fmt.Sprintf(" %d samples are missing", missing)) {
		t.Errorf("%d samples lost, %d by the health of the stream, %d by its transport: %s", rep.Lost, rep.Streams[0].Lost, missing, live.errs.String())
	}
}

// recordedBy waits for the end of gyrus record --json, which must have the exit code for a recording that lacks something, and is its result.
func recordedBy(t *testing.T, c *command) (res recordedJSON) {
	t.Helper()
	if code := c.wait(t); code != exitIncomplete {
		t.Errorf("exit code %d: %s", code, c.errs.String())
	}
	if err := json.Unmarshal([]byte(c.out.String()), &res); err != nil {
		t.Fatalf("%v in %q", err, c.out.String())
	}
	return res
}

// TestRecordLacks: a recording in which samples are missing, or are no numbers, is told of and ends with exit code 4.
func TestRecordLacks(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	cable := bustest.NewCable(t, b.URL())
	end := streaming(t, b)
	c := start(t, "record", filepath.Join(t.TempDir(), "r.arrow"), "nats:eeg", "--url", cable.URL(), "--session", "s1", "--json")
	says(t, "nats:eeg: connected: samples come", &c.errs)
	cable.Cut()
	says(t, "nats:eeg: lost: no link to", &c.errs)
	time.Sleep(200 * time.Millisecond) // in which four chunks are sent
	cable.Mend()
	says(t, "nats:eeg: recovered: samples come again", &c.errs)
	end()
	s := recordedBy(t, c).Streams[0]
	if s.State != saidOver || s.Lost == 0 || s.Transport.Missing != s.Lost || !strings.Contains(c.errs.String(), fmt.Sprintf("nats:eeg: %d samples were lost on the way", s.Lost)) {
		t.Errorf("%+v: %s", s, c.errs.String())
	}

	push, over := pushed(t, b, "C3", "C4")
	c = start(t, "record", filepath.Join(t.TempDir(), "r.arrow"), "nats:aux", "--url", b.URL(), "--session", "s1", "--json")
	says(t, " at 100 Hz", &c.errs)
	push(1)
	push(math.NaN())
	push(math.Inf(-1))
	says(t, "nats:aux: samples are NaN or infinite, and recorded as they came", &c.errs)
	push(2)
	over()
	s = recordedBy(t, c).Streams[0]
	if s.State != saidOver || s.Samples != 8 || s.NotFinite != 4 || len(s.Channels) != 1 || s.Channels[0].Channel != "C4" || s.Channels[0].Samples != 4 ||
		!strings.Contains(c.errs.String(), "nats:aux: 4 samples are NaN or infinite, and recorded as they came (C4: 4 samples") {
		t.Errorf("%+v: %s", s, c.errs.String())
	}
}

// pushed is a stream of channels at 100 Hz, aux of session s1: push sends two samples that are v in the last channel, and over ends it.
func pushed(t *testing.T, b *bus.Bus, channels ...string) (push func(v float64), over func()) {
	t.Helper()
	info := &signal.Info{Rate: 100}
	for _, name := range channels {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	w, err := bus.NewRawWriter(b, "s1", "aux", info, bus.Clock{})
	if err != nil {
		t.Fatal(err)
	}
	var at int64
	push = func(v float64) {
		c := signal.NewChunk(info, at, 2)
		c.Time = time.Now().UnixNano()
		c.X[len(channels)-1][0], c.X[len(channels)-1][1] = v, v
		if err := w.Write(c); err != nil {
			t.Error(err)
		}
		at += 2
	}
	return push, func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRecordSourceFails: of several sources one that cannot be read any more is told of at once, in its log and at the end, and the others
// go on.
func TestRecordSourceFails(t *testing.T) {
	b := bustest.Open(t, bus.Options{})
	end := streaming(t, b)
	push, _ := pushed(t, b, "C3")
	dir := t.TempDir()
	c := start(t, "record", filepath.Join(dir, "r.arrow"), "nats:eeg", "nats:aux", "--url", b.URL(), "--session", "s1", "--json")
	says(t, " at 100 Hz", &c.errs)
	says(t, "nats:eeg: connected: samples come", &c.errs)
	push(1)
	says(t, "nats:aux: connected: samples come", &c.errs)
	push, over := pushed(t, b, "C3", "C4")
	push(1)
	const why = "the sender was restarted with another stream"
	says(t, "nats:aux: lost: bus: gyrus.s1.raw.aux: "+why, &c.errs)
	over()
	end()
	res := recordedBy(t, c)
	if s := res.Streams[0]; s.State != saidOver || s.Samples == 0 {
		t.Errorf("the other one: %+v", s)
	}
	if s := res.Streams[1]; s.State != "lost" || s.Samples != 2 || s.Losses != 1 || !strings.Contains(s.Detail, why) || !strings.Contains(c.errs.String(), "nats:aux: lost at the end: bus: ") {
		t.Errorf("the one that failed: %+v: %s", s, c.errs.String())
	}
	rec, err := record.Open(filepath.Join(dir, "r-2-nats-aux.arrow"))
	if err != nil {
		t.Fatal(err)
	}
	if last := rec.Log[len(rec.Log)-1]; last.To != "lost" || !strings.Contains(last.Why, why) {
		t.Errorf("the log ends with %+v", last)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
}
