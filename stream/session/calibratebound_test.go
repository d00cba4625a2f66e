package session

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// TestCalibrationWithoutCuesIsBounded: where the source's cues do not come, what is kept is bounded: the calibration is given up, with the
// labels that are missing, and the session decodes with its bundle, or ends.
func TestCalibrationWithoutCuesIsBounded(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for _, bundle := range []bool{true, false} {
		rec := person(t)
		cal := CalibrationDefaults()
		cal.Classes, cal.Trials, cal.Save, cal.Cues = map[string]string{"X1": "left", "X2": "right"}, 5, filepath.Join(t.TempDir(), "made.gyrus"), "markers"
		b := bustest.Open(t, bus.Options{})
		clock := bus.NewClock()
		w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
		if err != nil {
			t.Fatal(err)
		}
		opt := Options{Source: ingest.Play(rec, ingest.PlayOptions{Chunk: 16}), Commands: w, Clock: clock, Calibrate: &cal}
		if bundle {
			with(load(t, a))(&opt, nil)
		}
		e, err := newEngine(opt)
		if err != nil {
			t.Fatal(err)
		}
		e.cal.capture.most = 100_000
		largest := int64(0)
		e.opt.OnChunk = func(signal.Chunk) { largest = max(largest, e.cal.capture.bytes()) }
		if err := e.begin(); err != nil {
			t.Fatal(err)
		}
		rep, err := e.finish(t.Context(), e.loop(t.Context()))
		if largest < 90_000 || largest > 100_000 || e.cal.capture.bytes() != 0 { // looked at before each chunk
			t.Errorf("%d bytes were kept, may be 100000, and %d at the end", largest, e.cal.capture.bytes())
		}
		why := ""
		if rep.Calibration != nil {
			why = rep.Calibration.Why
		}
		if !strings.Contains(why, "the cues of the source have not come") || !strings.Contains(why, "left 0 of 5") {
			t.Errorf("why: %q", why)
		}
		if no := (*NotAcceptedError)(nil); bundle && (err != nil || rep.Sent+rep.NotSent+rep.Expired == 0) || !bundle && !errors.As(err, &no) {
			t.Errorf("with a bundle: %t; %v, %d commands", bundle, err, rep.Sent)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
