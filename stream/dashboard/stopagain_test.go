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
	b, r := watched(t)
	// The connection hangs: nothing comes back until the page gives up.
	b.run(js(`window.real = fetch; window.sent = 0; fetch = (path, o) => path === "api/stop" ? new Promise((_, no) => { sent++; o.signal.addEventListener("abort", () => no(new Error("given up"))); }) : real(path, o)`))
	says := func(text string) {
		t.Helper()
		b.until(text, `document.getElementById("stopped").textContent.includes("`+text+`")`)
	}
	b.press("s")
	says("EMERGENCY STOP asked for, waiting for the controllers")
	b.run(chromedp.Click("#stop"))
	says("EMERGENCY STOP asked for again, waiting for the controllers")
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
	r.rearm()

	// One that hangs does not take back what a newer one has confirmed.
	b.run(js(`fetch = (path, o) => path === "api/stop" ? new Promise(() => {}) : real(path, o)`))
	b.press("s")
	says("EMERGENCY STOP asked for")
	b.run(js(`fetch = real; from = performance.now()`))
	b.press(kb.Escape)
	says("✓ STOPPED: 1 controller confirmed")
	b.until("the patience with the first to end", `performance.now() - from > 8000`)
	says("✓ STOPPED: 1 controller confirmed")
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}

// tab is another page of the same browser.
func (b *browser) tab() *browser {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	return &browser{t: b.t, ctx: ctx}
}

// TestPageStopsFromManyTabs: a browser opens six connections to one place, and each page holds one for what it shows: a stop leaves all the
// same, from whichever page, and all of them show how things are again behind it.
func TestPageStopsFromManyTabs(t *testing.T) {
	const seen = `document.getElementById("link").textContent === "● connected"`
	b := newBrowser(t)
	r := start(t, 1, synth.EEGMMIDB()[:16], options(), nil)
	tabs := []*browser{b}
	for len(tabs) < 6 { // a seventh would not be loaded
		tabs = append(tabs, b.tab())
	}
	for _, tab := range tabs {
		tab.run(chromedp.Navigate(r.page.URL()))
		tab.until("decoding", `document.getElementById("phase").textContent.includes("decoding")`)
	}
	for _, i := range []int{0, 5} {
		tabs[i].run(js(`emergencyAt = performance.now(); document.getElementById("stop").click()`))
		tabs[i].until("the stop", `document.getElementById("stopped").textContent.includes("✓ STOPPED: 1 controller confirmed")`)
		if took := eval[float64](tabs[i], `performance.now() - emergencyAt`); took > 3000 {
			t.Errorf("tab %d: the stop took %.0f ms", i, took)
		}
		if l := r.look(); l.Phase != bus.PhasePaused {
			t.Errorf("tab %d: the session is %s", i, l.Phase)
		}
		for _, tab := range tabs {
			tab.until("the page to come back", seen)
			tab.until("the pause", `document.getElementById("phase").textContent.includes("paused")`)
		}
		if i == 0 {
			r.rearm()
		}
	}
}

// TestPageStopsBeforeOthers: requests of the page that are not answered keep no stop back.
func TestPageStopsBeforeOthers(t *testing.T) {
	b, _ := watched(t)
	b.run(js(`window.real = fetch; window.given = 0; fetch = (path, o) => path === "api/verb" ? new Promise((_, no) => { o.signal.addEventListener("abort", () => { given++; no(o.signal.reason); }); }) : real(path, o)`))
	for range 5 {
		b.press("p")
	}
	b.press("s")
	b.until("the stop", `document.getElementById("stopped").textContent.includes("✓ STOPPED: 1 controller confirmed")`)
	if n := eval[int](b, `given`); n != 5 {
		t.Errorf("%d of 5 requests gave their connection up", n)
	}
	b.until("what became of them", `document.getElementById("log").textContent.includes("Failed: pause: no answer from the session (an emergency stop goes first)")`)
}
