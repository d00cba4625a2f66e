package dashboard_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
)

// TestPageWaiting: while the session waits for its stream the page says for which, since when and until when, and what holds it back.
// The buttons that work then can be pressed, and the others cannot; who looks on finds none. All that goes when the stream is there.
func TestPageWaiting(t *testing.T) {
	b := newBrowser(t)
	opt := options()
	tokens(t, &opt)
	r := waits(t, opt)
	page, server, clock, guard, ctl := r.page, r.server, r.clock, r.guard, r.ctl
	shown := dashboard.Session{Name: "s", Decoder: "d", Version: "test", Clock: clock, Operator: ctl, Stopper: server, Holder: guard}
	page.Attach(shown)
	const stream = "lsl://?name=Actiwave-Cap-of-the-second-laboratory&type=EEG"
	_, found := guard.Waiting(t.Context(), stream, 90*time.Second)
	defer func() { found() }()

	b.run(scheme(false), chromedp.Navigate(page.URL()+"#token=another-secret-for-those-who-look-on"))
	b.until("the name of the stream", `document.getElementById("waitname").textContent === "`+stream+`"`)
	if got := eval[int](b, `[...document.querySelectorAll("#stop, #buttons button, #swap")].filter((e) => e.offsetParent !== null).length`); got != 0 {
		t.Errorf("who looks on sees %d buttons", got)
	}
	b.run(chromedp.Navigate(page.URL() + "?again#token=a-secret-of-more-than-twenty-characters"))
	b.until("the name of the stream", `document.getElementById("waitname").textContent === "`+stream+`" && document.getElementById("name").textContent === "s / d"`)
	b.until("the time that it waits", `/^for [3-9] s; the session ends where it has not come within 90 s$/.test(document.getElementById("waittime").textContent)`)
	works := func(what, want string) {
		t.Helper()
		b.until(what+": the buttons "+want, `[...document.querySelectorAll("#buttons button, #swapnow")].filter((e) => !e.disabled && e.getAttribute("aria-disabled") !== "true" && e.offsetParent !== null).map((e) => e.dataset.verb || e.id).join(" ") === "`+want+`"`)
	}
	held := func(want string) {
		t.Helper()
		b.until(want, `document.getElementById("waitheld").textContent === "`+want+`"`)
	}
	works("at first", "pause shadow")
	held("")
	b.run(chromedp.Click(chromedp.CSS(`[data-verb="pause"]`)))
	held("No commands will be sent when it is there: paused by an operator")
	works("paused", "resume shadow")
	b.run(js(`document.activeElement.blur()`))
	b.readable()
	b.press("r")
	held("")
	b.run(chromedp.Click(chromedp.CSS(`[data-verb="shadow"]`)))
	held("In shadow: no controller may act on the commands when it is there.")
	works("in shadow", "pause actuate")
	b.run(chromedp.Click(chromedp.CSS(`#stop`)))
	held("No commands will be sent when it is there: EMERGENCY STOP by page: the button of the page")
	works("stopped", "resume actuate")
	if got := eval[int](b, `[...document.querySelectorAll("canvas")].filter((e) => e.offsetParent !== null).length`); got != 1 { // that of the controller
		t.Errorf("%d pictures are seen, of which one can show something", got)
	}
	for _, dark := range []bool{false, true} {
		for _, width := range []int64{320, 375, 1440} {
			b.run(scheme(dark), size(width, 900), js(`scrollTo(0, 0)`))
			if wide := eval[int64](b, `document.documentElement.scrollWidth`); wide > width {
				t.Errorf("the page is %d pixels wide in a window of %d", wide, width)
			}
		}
	}

	found()
	found = func() {}
	rec := simulated(t, 1, synth.EEGMMIDB()[:8], 1)
	page.Start(shown, rec.Info)
	page.Look(bus.Telemetry{V: bus.Version, Session: "s", Decoder: "d", Run: 1, Seq: 1, Phase: bus.PhaseDecoding})
	b.until("the end of the wait", `document.getElementById("waitcard").hidden && document.getElementById("tracenote").textContent.includes("8 channels")`)
	works("decoding", "pause shadow swapnow")
	for _, line := range b.console() {
		if !strings.Contains(line, "504 (Gateway Timeout)") { // no controller confirms the stop
			t.Errorf("console: %s", line)
		}
	}
}

// TestPagePausesInEveryPhase: a session takes a pause in whatever phase it is, and so do the button and the key of the page.
func TestPagePausesInEveryPhase(t *testing.T) {
	b := newBrowser(t)
	r := waits(t, options())
	rec := simulated(t, 1, synth.EEGMMIDB()[:8], 1)
	r.page.Start(dashboard.Session{Name: "s", Decoder: "d", Run: r.commands.Run(), Version: "test", Clock: r.clock, Operator: r.ctl, Stopper: r.server, Holder: r.guard}, rec.Info)
	look := func(phase bus.Phase, held string) {
		r.page.Look(bus.Telemetry{V: bus.Version, Session: "s", Decoder: "d", Run: r.commands.Run(), Seq: 1, TPublish: r.clock.Now(), Phase: phase, HeldBy: held})
	}
	ask := func(verb string) (now bus.Telemetry) {
		t.Helper()
		seen := r.clock.Now()
		reply := r.ctl.Call(t.Context(), bus.Request{Verb: verb, Run: r.commands.Run(), Sent: seen, Seen: seen})
		if !reply.OK {
			t.Fatal(reply.Error)
		}
		if verb == "status" {
			if err := json.Unmarshal(reply.Result, &now); err != nil {
				t.Fatal(err)
			}
		}
		return now
	}
	done := func(what string, phase bus.Phase) {
		t.Helper()
		b.until(what+" while "+string(phase), `document.getElementById("log").textContent.includes("Done: pause.")`)
		if now := ask("status"); now.HeldBy != "paused by an operator" {
			t.Errorf("%s while %s: held back by %q", what, phase, now.HeldBy)
		}
		ask("resume")
		b.run(js(`document.getElementById("log").replaceChildren(); document.activeElement.blur()`))
	}
	b.run(chromedp.Navigate(r.page.URL()))
	for _, phase := range []bus.Phase{bus.PhaseResolving, bus.PhaseCalibrating, bus.PhaseTraining, bus.PhaseAsking, bus.PhaseDecoding} {
		look(phase, "")
		b.until("the button while "+string(phase), `document.querySelector('[data-verb="pause"]').disabled === false && document.querySelector('[data-verb="resume"]').disabled`)
		b.run(chromedp.Click(chromedp.CSS(`[data-verb="pause"]`)))
		done("the button", phase)
		look(phase, "")
		b.press("p")
		done("the key", phase)
		look(phase, "paused by an operator")
		b.until("the way out while "+string(phase), `document.querySelector('[data-verb="pause"]').disabled && document.querySelector('[data-verb="resume"]').disabled === false`)
	}
	look(bus.PhaseEnded, "")
	b.until("the end", `document.querySelector('[data-verb="pause"]').disabled && document.getElementById("phase").textContent.includes("ended")`)
	b.press("p")
	b.until("the word", `document.getElementById("log").textContent.includes("There is nothing to pause.")`)
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}
