package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
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

// TestPageStopThatBreaksBehindTheRequest: where the connection breaks once the session has taken the stop, the page does not say that the
// stop did not leave, but that nobody knows, and what to do. The next one is confirmed.
func TestPageStopThatBreaksBehindTheRequest(t *testing.T) {
	b := newBrowser(t)
	r := waits(t, options())
	target, err := url.Parse(r.page.URL())
	if err != nil {
		t.Fatal(err)
	}
	through := &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(q *httputil.ProxyRequest) {
		q.SetURL(target) // the host too
		q.Out.Header.Set("Origin", strings.TrimSuffix(r.page.URL(), "/"))
	}}
	var taken atomic.Int32
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		if q.URL.Path == "/api/stop" && taken.Add(1) == 1 {
			through.ServeHTTP(httptest.NewRecorder(), q)
			_ = http.NewResponseController(w).Flush() // the head of the answer: a browser asks again by itself where nothing came
			panic(http.ErrAbortHandler)
		}
		through.ServeHTTP(w, q)
	}))
	t.Cleanup(func() { proxy.CloseClientConnections(); proxy.Close() })
	r.page.Attach(dashboard.Session{Name: "s", Decoder: "d", Clock: r.clock, Operator: r.ctl, Stopper: stands{}, Holder: r.guard})
	_, found := r.guard.Waiting(t.Context(), "eeg", 0)
	defer found()
	b.run(chromedp.Navigate(proxy.URL))
	b.until("the wait", `document.getElementById("waitname").textContent === "eeg"`)
	b.press("s")
	b.until("the break", `document.getElementById("stopped").textContent.startsWith("✕ ")`)
	if text := eval[string](b, `document.getElementById("stopped").textContent`); !strings.Contains(text, "NOT KNOWN WHETHER THE STOP ARRIVED") || !strings.Contains(text, "the device's own stop; press again") {
		t.Errorf("the page says %q", text)
	}
	b.until("the stop that did arrive", `document.getElementById("waitheld").textContent.includes("EMERGENCY STOP by page")`)
	b.press("s")
	b.until("the stop", `document.getElementById("stopped").textContent.includes("✓ STOPPED: 1 controller confirmed")`)
}

// stands is a bus on which a controller confirms each stop at once.
type stands struct{}

func (stands) SendStop(context.Context, string, bus.Stop, int) ([]bus.StopAnswer, error) {
	return []bus.StopAnswer{{Controller: "arm"}}, nil
}

// hangs is a session that answers nothing.
type hangs struct {
	asked atomic.Int32 // requests that are there
	verbs []bus.VerbInfo
}

func (h *hangs) Call(ctx context.Context, _ bus.Request) bus.Reply {
	h.asked.Add(1)
	defer h.asked.Add(-1)
	<-ctx.Done()
	return bus.Reply{}
}

func (h *hangs) Verbs() []bus.VerbInfo { return h.verbs }

// TestPageStopsBeforeOtherTabs: requests of another page of the same browser that are not answered hold all of its six connections, and give
// them up for a stop; so do older stops, of which three are enough.
func TestPageStopsBeforeOtherTabs(t *testing.T) {
	b := newBrowser(t)
	r := waits(t, options())
	h := &hangs{verbs: r.ctl.Verbs()}
	r.page.Attach(dashboard.Session{Name: "s", Decoder: "d", Clock: r.clock, Operator: h, Stopper: stands{}, Holder: r.guard})
	_, found := r.guard.Waiting(t.Context(), "eeg", 0)
	defer found()
	other := b.tab()
	for _, tab := range []*browser{b, other} {
		tab.run(chromedp.Navigate(r.page.URL()))
		tab.until("the wait", `document.getElementById("waitname").textContent === "eeg"`)
	}
	for range 8 {
		other.press("p")
	}
	for end := time.Now().Add(patience); h.asked.Load() < 6; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d requests hang, must be 6 to hold all connections", h.asked.Load())
		}
	}
	b.run(js(`emergencyAt = performance.now(); document.getElementById("stop").click()`))
	b.until("the stop", `document.getElementById("stopped").textContent.includes("✓ STOPPED: 1 controller confirmed")`)
	if took := eval[float64](b, `performance.now() - emergencyAt`); took > 3000 {
		t.Errorf("the stop took %.0f ms", took)
	}
	other.until("what became of them", `document.getElementById("log").textContent.includes("Failed: pause: no answer from the session (an emergency stop goes first)")`)

	other.run(js(`window.real = fetch; window.given = 0; fetch = (path, o) => new Promise((_, no) => { o.signal.addEventListener("abort", () => { given++; no(o.signal.reason); }); })`))
	for range 2 {
		other.press("s")
	}
	for i, want := range []int{0, 1, 2} {
		b.press("s")
		b.until("the stop", `document.getElementById("log").textContent.split("✓ STOPPED").length === `+strconv.Itoa(i+3))
		b.run(chromedp.Sleep(100 * time.Millisecond))
		if n := eval[int](other, `given`); n != want {
			t.Errorf("behind %d newer stops of another page, %d of 2 were given up, want %d", i+1, n, want)
		}
	}
	other.until("what became of them", `document.getElementById("stopped").textContent.includes("NOT KNOWN WHETHER THE STOP ARRIVED: no answer from the session (newer stops go first)")`)
}

// TestPageAsksWhyItIsRefusedForATime: where nothing answers what a page asks to find out why there are no messages, it tries again all the same.
func TestPageAsksWhyItIsRefusedForATime(t *testing.T) {
	b, _ := watched(t)
	b.run(js(`window.real = fetch; window.given = 0; window.tries = 0;
		fetch = (path, o) => path === "api/state" ? new Promise((_, no) => { if (o) o.signal.addEventListener("abort", () => { given++; no(o.signal.reason); }); }) : real(path, o);
		window.Real = EventSource; EventSource = class extends Real { constructor(path) { tries++; super(tries === 1 ? "nothing-here" : path); } };
		document.getElementById("band").dispatchEvent(new Event("change"))`))
	b.until("the break", `tries === 1 && document.getElementById("link").textContent.includes("not connected")`)
	b.until("the connection", `given === 1 && tries === 2 && document.getElementById("link").textContent.includes("● connected")`)
}

// TestPageSaysThatAStopWasLifted: what the page says of a stop stands there while the stop holds the session back, and no longer: who lifts
// it elsewhere ends it too, with the time. A stop of which nobody knows whether it arrived was not lifted, and what was not confirmed is
// not forgotten because the decoder was started again.
func TestPageSaysThatAStopWasLifted(t *testing.T) {
	b, r := watched(t)
	says := func(text string) {
		t.Helper()
		b.until(text, `document.getElementById("stopped").offsetParent !== null && document.getElementById("stopped").textContent.startsWith("`+text+`")`)
	}
	lifted := func() {
		t.Helper()
		says("○ LIFTED at ")
		if text := eval[string](b, `document.getElementById("stopped").textContent + document.getElementById("stopped").dataset.state`); !regexp.MustCompile(`^○ LIFTED at \d\d:\d\d:\d\d: the emergency stop of \d\d:\d\d:\d\d holds this session back no more\.none$`).MatchString(text) {
			t.Errorf("the page says %q", text)
		}
	}
	looks := func() { // several are shown
		t.Helper()
		b.until("the connection", `document.getElementById("link").textContent === "● connected"`)
		b.run(chromedp.Sleep(3 * time.Second))
	}
	const confirmed = "✓ STOPPED: 1 controller confirmed"
	b.press("s")
	says(confirmed)
	looks()
	says(confirmed)
	r.rearm()
	lifted()

	b.run(js(`window.real = fetch; fetch = async (path, o) => {
		const res = await real(path, o);
		return path === "api/stop" ? new Response(JSON.stringify({...await res.json(), ok: false, error: "one does not answer"})) : res;
	}`))
	b.press("s")
	says("✕ NOT CONFIRMED: one does not answer. This session sends no commands until it is resumed")
	looks()
	says("✕ NOT CONFIRMED")
	r.rearm()
	lifted()

	b.run(js(`fetch = async (path, o) => { if (path === "api/stop") throw new Error("the link is broken"); return real(path, o); }`))
	b.press("s")
	says("✕ IT IS NOT KNOWN WHETHER THE STOP ARRIVED")
	looks()
	says("✕ IT IS NOT KNOWN WHETHER THE STOP ARRIVED")
	again := func(n int64) {
		r.page.Attach(dashboard.Session{Name: "s", Decoder: "d", Run: r.run + n, Version: "test", Clock: r.clock, Operator: r.ctl, Stopper: r.bus})
	}
	again(1)
	says("Asked of the run before: ✕ IT IS NOT KNOWN WHETHER THE STOP ARRIVED")
	b.run(js(`fetch = real`))
	b.press("s")
	says(confirmed)
	again(2)
	b.until("the words of the run before to go", `document.getElementById("stopped").hidden`)
	for _, line := range b.console() {
		t.Errorf("console: %s", line)
	}
}
