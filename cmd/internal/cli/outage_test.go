package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
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
