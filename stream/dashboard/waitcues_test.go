package dashboard_test

import (
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// TestPageLeavesTheWaitForCues: the buttons that give a calibration up can be pressed while it waits for cues of its source, and not while it
// shows cues itself.
func TestPageLeavesTheWaitForCues(t *testing.T) {
	for cues, want := range map[string]bool{"markers": true, "show": false} {
		b := newBrowser(t)
		r := start(t, 1, synth.EEGMMIDB()[:16], options(), func(o *session.Options) {
			c := session.CalibrationDefaults()
			classes := o.Pipeline.Classes()
			c.Cues, c.Classes, c.Save = cues, map[string]string{"X1": classes[0], "X2": classes[1]}, filepath.Join(t.TempDir(), "made.gyrus")
			o.Calibrate = &c
		})
		b.run(chromedp.Navigate(r.page.URL()))
		b.until("the calibration", `document.getElementById("phase").textContent.includes("calibrating") && !document.querySelector('[data-verb="pause"]').disabled`)
		if cues == "show" {
			b.until("a cue", `["rest", "→", "←"].some((w) => document.getElementById("cue").textContent.includes(w))`)
		}
		for verb, can := range map[string]bool{"refuse": want, "repeat": want, "accept": false} {
			if off := eval[bool](b, `document.querySelector('[data-verb="`+verb+`"]').disabled`); off == can {
				t.Errorf("%s: %s can be pressed: %t, want %t", cues, verb, !off, can)
			}
		}
		if want {
			b.run(js(`document.querySelector('[data-verb="refuse"]').click()`))
			b.until("the bundle to decode", `document.getElementById("phase").textContent.includes("decoding")`)
		}
	}
}
