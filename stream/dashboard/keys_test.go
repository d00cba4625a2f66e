package dashboard_test

import (
	"errors"
	"testing"

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
