package dashboard_test

import (
	"context"
	"testing"
	"time"

	protocol "github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// window puts the window of the browser into a state. Pages of one that is minimised are hidden, those behind another page are not, headless.
func window(state protocol.WindowState) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (none chromedp.Void, err error) {
		w, err := cdp.Call(ctx, t, protocol.GetWindowForTarget, protocol.GetWindowForTargetParams{})
		if err == nil {
			_, err = cdp.Call(ctx, t, protocol.SetWindowBounds, protocol.SetWindowBoundsParams{WindowID: w.WindowID, Bounds: &protocol.Bounds{WindowState: state}})
		}
		return none, err
	}
}

// TestPageThatIsHidden: a page that nobody sees for a minute gives its connection up, asks for none when other pages come back, and shows how
// things are when it is seen again. One that is hidden for a shorter time keeps it.
func TestPageThatIsHidden(t *testing.T) {
	b := newBrowser(t)
	r := start(t, 1, synth.EEGMMIDB()[:16], options(), nil)
	b.run(emulate(page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: `
		window.sources = [];
		EventSource = class extends EventSource { constructor(path) { super(path); sources.push(this); } };
		window.minutes = new Map(); // what waits for one
		const wait = setTimeout, forget = clearTimeout;
		setTimeout = (fn, ms, ...args) => { const id = wait(fn, ms, ...args); if (ms === 60000) minutes.set(id, fn); return id; };
		clearTimeout = (id) => { minutes.delete(id); forget(id); };`}))
	b.run(chromedp.Navigate(r.page.URL()))
	const open, seen = `sources.filter((s) => s.readyState !== EventSource.CLOSED).length`, `document.getElementById("link").textContent === "● connected"`
	hide := func() {
		t.Helper()
		b.run(window(protocol.WindowStateMinimized))
		b.until("the page to be hidden", `document.hidden && minutes.size === 1`)
	}
	show := func() {
		t.Helper()
		b.run(window(protocol.WindowStateNormal))
		b.until("the page to be seen", `!document.hidden`)
	}
	b.until("decoding", seen+` && document.getElementById("phase").textContent.includes("decoding")`)

	hide()
	show()
	if n := eval[int](b, `minutes.size + 10*sources.length`); n != 10 || !eval[bool](b, seen) {
		t.Errorf("hidden for less than a minute: %d minutes are waited for, %d connections were made", n%10, n/10)
	}

	hide()
	b.run(js(`minutes.forEach((fn, id) => { clearTimeout(id); fn(); })`))
	b.until("the rest", `document.getElementById("link").textContent === "◌ rests, since nobody looks"`)
	if n := eval[int](b, open); n != 0 {
		t.Errorf("a page that rests holds %d connections", n)
	}
	const others = `new BroadcastChannel("gyrus").postMessage` // as another page of the browser asks for something, and has its answer
	b.run(js(others + `("give way")`))
	b.until("the page to hear of it", `document.getElementById("link").textContent === "◌ makes way"`)
	b.run(js(others+`("come back")`), chromedp.Sleep(300*time.Millisecond))
	if n := eval[int](b, open); n != 0 {
		t.Errorf("a page that rests holds %d connections when others come back", n)
	}
	if reply := r.ctl.Call(t.Context(), bus.Request{Verb: "pause", Run: r.run}); !reply.OK {
		t.Fatal(reply.Error)
	}
	show()
	b.until("the connection", open+` === 1 && sources.length === 2 && `+seen)
	b.until("the pause of meanwhile", `document.getElementById("phase").textContent.includes("paused")`)
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}
