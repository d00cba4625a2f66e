package dashboard_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestPageStopsAgain: a stop whose answer does not come keeps no other stop back, and the page does not go on saying that it waits for the
// controllers.
func TestPageStopsAgain(t *testing.T) {
	if testing.Short() {
		t.Skip("starts a browser")
	}
	b := newBrowser(t)
	r := start(t, 1, synth.EEGMMIDB()[:16], options(), nil)
	b.run(scheme(false), chromedp.Navigate(r.page.URL()))
	b.until("decoding", `document.getElementById("phase").textContent.includes("decoding")`)
	// The connection hangs: nothing comes back until the page gives up.
	b.run(js(`window.real = fetch; window.sent = 0; fetch = (path, o) => path === "api/stop" ? new Promise((_, no) => { sent++; o.signal.addEventListener("abort", () => no(new Error("given up"))); }) : real(path, o)`))
	says := func(text string) {
		t.Helper()
		b.until(text, `document.getElementById("stopped").textContent.includes("`+text+`")`)
	}
	b.press("s")
	says("EMERGENCY STOP sent, waiting for the controllers")
	b.run(chromedp.Click("#stop"))
	says("EMERGENCY STOP sent again, waiting for the controllers")
	if n := eval[int](b, `sent`); n != 2 {
		t.Errorf("%d stops were sent", n)
	}
	says("NO ANSWER to the stop for 7 s. Stop by hand")
	if r.phase() != bus.PhaseDecoding {
		t.Errorf("the session is %s", r.phase())
	}
	b.run(js(`fetch = real`))
	b.press(kb.Escape)
	says("✓ STOPPED: 1 controller confirmed")
	if l := r.look(); l.Phase != bus.PhasePaused || l.HeldBy != "EMERGENCY STOP by page: the button of the page" {
		t.Errorf("the session is %s, held back by %q", l.Phase, l.HeldBy)
	}
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}
