package dashboard_test

import (
	"errors"
	"testing"

	"github.com/chromedp/chromedp/kb"
	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestPageKeyOfPauseOnlyPauses: who presses P because something goes wrong, behind somebody else's emergency stop that has only just come,
// lifts nothing, and nor does one who presses S and then P. What holds the session back is on the page in words, and R lifts it when these
// have been there for a second, not at once.
func TestPageKeyOfPauseOnlyPauses(t *testing.T) {
	b, r := watched(t)
	r.until("the cursor to move", func() bool { _, ok := r.receiver.Current(); return ok })
	nc, err := nats.Connect(r.bus.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	stop := func(id, why string) {
		t.Helper()
		if err := errors.Join(nc.Publish(bus.StopSubject("s"), []byte(`{"v":1,"id":"`+id+`","source":"button","why":"`+why+`"}`)), nc.Flush()); err != nil {
			t.Fatal(err)
		}
	}
	held := func(words string) {
		t.Helper()
		if l := r.look(); l.Phase != bus.PhasePaused || l.HeldBy != words {
			t.Fatalf("the session is %s, held back by %q, want %q; the page tells: %s", l.Phase, l.HeldBy, words, eval[string](b, `document.getElementById("log").innerText.slice(0, 400)`))
		}
	}
	logged := func(text string) {
		t.Helper()
		b.until(text, `document.getElementById("log").textContent.includes("`+text+`")`)
	}
	shown := func(text string) {
		t.Helper()
		b.until(text, `document.getElementById("held").textContent === "`+text+`" && document.getElementById("held").offsetParent !== null`)
	}
	forget := func() { b.run(js(`document.getElementById("log").replaceChildren()`)) }

	stop("a", "the arm jams")
	b.until("the pause", `document.getElementById("phase").textContent.includes("paused")`)
	b.press("p")
	logged("Done: pause.")
	held("EMERGENCY STOP by button: the arm jams")
	shown("No commands are sent: EMERGENCY STOP by button: the arm jams")
	if a, ok := r.receiver.Current(); ok || !a.Latched {
		t.Errorf("the controller: %+v", a)
	}

	// Whoever presses R as soon as there are other words meant those of before.
	b.readable()
	forget()
	b.run(js(`new MutationObserver((_, o) => { o.disconnect(); document.body.dispatchEvent(new KeyboardEvent("keydown", {key: "r", bubbles: true})); document.querySelector('[data-verb="resume"]').click(); })
		.observe(document.getElementById("held"), {childList: true})`))
	stop("b", "smoke")
	logged("Not asked to resume: what holds the session back has only just come (EMERGENCY STOP by button: smoke (and 1 more))")
	held("EMERGENCY STOP by button: smoke (and 1 more)")
	if n := eval[int](b, `document.getElementById("log").textContent.split("Not asked to resume").length - 1`); n != 2 {
		t.Errorf("told %d times that it is not asked to resume, by the key and by the button", n)
	}
	b.readable()
	b.press("r")
	r.until("the resumption", func() bool { return r.phase() == bus.PhaseDecoding })
	b.until("the words to go", `document.getElementById("held").hidden`)
	forget()
	b.press("r")
	logged("There is nothing to resume.")

	for range 2 { // the second time it is paused already
		forget()
		b.press("p")
		logged("Done: pause.")
		shown("No commands are sent: paused by an operator")
		held("paused by an operator")
	}
	b.readable()
	b.press("r")
	r.until("the resumption", func() bool { return r.phase() == bus.PhaseDecoding })
	b.until("the words to go", `document.getElementById("held").hidden`)

	forget()
	b.press("s")
	b.press("p")
	logged("Done: pause.")
	held("EMERGENCY STOP by page: the button of the page")
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}

// TestPageKeysOnWhatIsChosen: the keys of the stop and of the pause work while the focus is on what somebody has just chosen, and no list
// of the browser's own opens over the page, which would take Esc for its own end.
func TestPageKeysOnWhatIsChosen(t *testing.T) {
	b, r := watched(t)
	b.until("the bands", `document.querySelectorAll("#band input, #band option").length === 5`)
	choose := func(id string) {
		t.Helper()
		b.run(js(`[...document.querySelectorAll("#` + id + `, #` + id + ` input")].pop().focus(); document.getElementById("stopped").textContent = ""; document.getElementById("log").replaceChildren()`))
		b.press(" ")
		if !eval[bool](b, `document.activeElement.closest("#`+id+`") !== null`) {
			t.Fatalf("the focus is not on %s", id)
		}
	}
	for _, id := range []string{"scale", "seconds", "band", "theme"} {
		for _, key := range []string{"s", "S", kb.Escape} {
			choose(id)
			b.press(key)
			b.until("the stop by "+key+" on "+id, `document.getElementById("stopped").textContent.includes("✓ STOPPED: 1 controller confirmed")`)
			if l := r.look(); l.HeldBy != "EMERGENCY STOP by page: the button of the page" {
				t.Errorf("%s on %s: held back by %q", key, id, l.HeldBy)
			}
			r.rearm()
		}
		choose(id)
		b.press("p")
		b.until("the pause on "+id, `document.getElementById("log").textContent.includes("Done: pause.")`)
		r.rearm()
	}
	if got := eval[string](b, `["scale", "seconds", "band", "theme"].map((n) => document.querySelector("#" + n + " :checked").value).join(" ") + " " + document.documentElement.dataset.theme`); got != "1000 20 gamma dark dark" {
		t.Errorf("chosen: %s", got)
	}
	b.until("the map of what was chosen", `document.getElementById("scalptext").textContent.includes("gamma")`)
	if n := eval[int](b, `document.querySelectorAll("select, input[list], input[type=color], input[type=date]").length`); n != 0 {
		t.Errorf("%d controls have a list of the browser's own", n)
	}
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}
