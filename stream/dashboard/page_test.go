package dashboard_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
)

// chromium is the path of a browser: of the environment, of make page, or on PATH; the test is skipped where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("GYRUS_CHROMIUM"); path != "" {
		return path
	}
	if path, err := filepath.Abs("../../bin/chromium/run"); err == nil {
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("no Chromium: neither GYRUS_CHROMIUM nor bin/chromium/run (make page puts it there) nor one on PATH")
	return ""
}

// browser is a tab of a headless Chromium that keeps what goes wrong in its console.
type browser struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // chromedp's way to name a tab

	mu    sync.Mutex
	wrong []string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a browser")
	}
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.WindowSize(1440, 1000))
	alloc, cancelAlloc := chromedp.NewExecAllocator(t.Context(), opts...)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(func() { cancel(); cancelAlloc() })
	b := &browser{t: t, ctx: ctx}
	err := chromedp.Listen(ctx, func(ev any) {
		b.mu.Lock()
		defer b.mu.Unlock()
		switch e := ev.(type) {
		case *runtime.EventExceptionThrown:
			b.wrong = append(b.wrong, fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
		case *runtime.EventConsoleAPICalled:
			if e.Type == "error" || e.Type == "warning" {
				b.wrong = append(b.wrong, fmt.Sprintf("console.%s: %s", e.Type, e.Args[0].Value))
			}
		case *log.EventEntryAdded:
			if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
				b.wrong = append(b.wrong, fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL))
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(emulate(log.Enable, cdp.Empty{}), emulate(runtime.Enable, cdp.Empty{}))
	return b
}

// watched is a session that decodes, and a browser that shows it.
func watched(t *testing.T) (*browser, *rig) {
	t.Helper()
	b := newBrowser(t)
	r := start(t, 1, synth.EEGMMIDB()[:16], options(), nil)
	b.run(scheme(false), chromedp.Navigate(r.page.URL()))
	b.until("decoding", `document.getElementById("phase").textContent.includes("decoding")`)
	return b, r
}

func (b *browser) run(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, actions...); err != nil {
		b.t.Fatalf("%v; console: %v", err, b.console())
	}
}

// console is what went wrong so far.
func (b *browser) console() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.wrong)
}

// eval is the value of an expression in the page.
func eval[T any](b *browser, expression string, opts ...chromedp.EvaluateOption) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, chromedp.Evaluate[T](expression, opts...))
	if err != nil {
		b.t.Fatalf("%v; console: %v", err, b.console())
	}
	return v
}

// js does something in the page.
func js(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](expression)
}

// emulate is a command of the protocol.
func emulate[P, R any](c cdp.Command[P, R], params P) chromedp.Action[chromedp.Void] {
	return func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := cdp.Call(ctx, t, c, params)
		return chromedp.Void{}, err
	}
}

// size is a window of so many pixels.
func size(width, height int64) chromedp.Action[chromedp.Void] {
	return emulate(emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: height, DeviceScaleFactor: 1, Mobile: width < 700})
}

// prefers is what a person has set in the system.
func prefers(feature, value string) chromedp.Action[chromedp.Void] {
	return emulate(emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: feature, Value: value}}})
}

// until waits for a condition in the page.
func (b *browser) until(what, js string) {
	b.t.Helper()
	began := time.Now()
	for ; time.Since(began) < patience; time.Sleep(50 * time.Millisecond) {
		if eval[bool](b, js) {
			if took := time.Since(began); took > 5*time.Second {
				b.t.Logf("%s took %s", what, took)
			}
			return
		}
	}
	b.t.Fatalf("waited in vain for %s; console: %v; page: %s", what, b.console(), eval[string](b, `document.body.innerText.slice(0, 1500)`))
}

func (b *browser) press(keys string) { b.t.Helper(); b.run(chromedp.KeyEvent(keys)) }

// readable waits until the words of what holds the session back have been on the page for more than a second.
func (b *browser) readable() {
	b.t.Helper()
	b.until("the words to be there for a second", `!document.getElementById("held").hidden && performance.now() - (window.readableFrom ??= performance.now()) > 1100 && delete window.readableFrom`)
}

func options() dashboard.Options {
	o := dashboard.Defaults()
	o.Listen = "127.0.0.1:0"
	return o
}

func scheme(dark bool) chromedp.Action[chromedp.Void] {
	if dark {
		return prefers("prefers-color-scheme", "dark")
	}
	return prefers("prefers-color-scheme", "light")
}

// TestPage drives the page of a real session in a real browser.
func TestPage(t *testing.T) {
	b := newBrowser(t)
	r := start(t, 1, synth.EEGMMIDB(), options(), nil)
	b.run(scheme(false), chromedp.Navigate(r.page.URL()))

	t.Run("loads", func(t *testing.T) {
		b.t = t
		b.until("the connection", `document.getElementById("link").textContent.includes("connected") && document.getElementById("link").dataset.state === "good"`)
		b.until("decoding", `document.getElementById("phase").textContent.includes("decoding")`)
		b.until("the state of the stream", `document.getElementById("streams").textContent.includes("connected")`)
		b.until("a decision", `/left|right/.test(document.getElementById("decision").textContent)`)
		b.until("the map", `document.getElementById("scalptext").textContent.includes("most at")`)
		b.until("the spectra", `document.getElementById("spectratext").textContent.includes("median")`)
		b.until("the stages", `document.getElementById("stages").tBodies[0].rows.length >= 5`)
		b.until("the cursor", `/moves|holds|safe/i.test(document.getElementById("cursortext").textContent)`)
	})
	t.Run("pictures move", func(t *testing.T) {
		b.t = t
		for _, id := range []string{"traces", "scores", "spectra", "scalp", "ages", "latencies"} {
			before := eval[string](b, `document.getElementById("`+id+`").toDataURL()`)
			b.run(js(`window.before = document.getElementById("` + id + `").toDataURL()`))
			b.until(id+" to change", `document.getElementById("`+id+`").toDataURL() !== window.before`)
			if len(before) < 500 {
				t.Errorf("%s: the picture is empty", id)
			}
		}
	})
	t.Run("buttons", func(t *testing.T) {
		b.t = t
		b.run(chromedp.Click(chromedp.CSS(`[data-verb="pause"]`)))
		r.until("the pause", func() bool { return r.phase() == bus.PhasePaused })
		b.until("the word", `document.getElementById("phase").textContent.includes("paused")`)
		r.until("commands to be held", func() bool { return r.look().Held > 0 })
		sent := r.look().Sent
		held := r.look().Held
		r.until("more to be held", func() bool { return r.look().Held > held+3 })
		if now := r.look().Sent; now != sent {
			t.Errorf("%d commands were sent while the session was paused", now-sent)
		}
		b.readable()
		b.run(chromedp.Click(chromedp.CSS(`[data-verb="resume"]`)))
		r.until("the resumption", func() bool { return r.phase() == bus.PhaseDecoding && r.look().Sent > sent })
		b.run(chromedp.SetValue(chromedp.CSS(`#bundle`), "/no/such.gyrus"), chromedp.Click(chromedp.CSS(`#swap button`)))
		b.until("the refusal", `document.getElementById("log").textContent.includes("Refused: swap")`)
	})
	t.Run("emergency stop", func(t *testing.T) {
		b.t = t
		r.until("the cursor to move", func() bool { _, ok := r.receiver.Current(); return ok })
		b.run(chromedp.Click(chromedp.CSS(`#stop`)))
		b.until("the answer", `document.getElementById("stopped").textContent.includes("STOPPED: 1 controller confirmed")`)
		if a, ok := r.receiver.Current(); ok || !a.Latched {
			t.Errorf("the controller acts on %+v behind the stop, latched: %t", a, a.Latched)
		}
		b.until("the cursor to say so", `document.getElementById("cursortext").textContent.includes("latched")`)
		for _, key := range []string{"s", kb.Escape} {
			r.rearm()
			r.until("the cursor to move again", func() bool { _, ok := r.receiver.Current(); return ok })
			b.run(js(`document.getElementById("stopped").textContent = ""`))
			if key == kb.Escape { // also while somebody types
				b.run(chromedp.Focus(chromedp.CSS(`#bundle`)))
			}
			b.press(key)
			b.until("the answer", `document.getElementById("stopped").textContent.includes("STOPPED: 1 controller confirmed")`)
			if a, ok := r.receiver.Current(); ok || !a.Latched {
				t.Errorf("the key %q did not stop the controller", key)
			}
		}
		r.rearm()
	})
	t.Run("shadow", func(t *testing.T) {
		b.t = t
		r.until("the cursor to move", func() bool { _, ok := r.receiver.Current(); return ok })
		b.run(chromedp.Click(chromedp.CSS(`[data-verb="shadow"]`)))
		b.until("the word", `document.getElementById("phase").textContent.includes("decoding, in shadow")`)
		r.until("the controller to stand", func() bool { a, ok := r.receiver.Current(); return !ok && a.Reason == control.ReasonShadow })
		r.until("commands in shadow", func() bool { l := r.look(); return l.Shadow && l.SentShadow > 3 })
		b.until("the count", `document.getElementById("facts").textContent.match(/of these in shadow[1-9]/) !== null`)
		if off := eval[bool](b, `document.querySelector('[data-verb="actuate"]').disabled`); off {
			t.Error("nothing leads out of the shadow")
		}
		b.run(chromedp.Click(chromedp.CSS(`[data-verb="actuate"]`)))
		r.until("the cursor to move again", func() bool { _, ok := r.receiver.Current(); return ok })
		b.until("the word to go", `!document.getElementById("phase").textContent.includes("shadow")`)
	})
	t.Run("typing is no shortcut", func(t *testing.T) {
		b.t = t
		b.run(js(`document.getElementById("bundle").value = ""`), chromedp.Focus(chromedp.CSS(`#bundle`)))
		b.press("ps")
		if got := eval[string](b, `document.getElementById("bundle").value`); got != "ps" {
			t.Errorf("typed ps, the field holds %q", got)
		}
		if r.phase() != bus.PhaseDecoding {
			t.Errorf("typing in the field made the session %s", r.phase())
		}
		b.run(js(`document.activeElement.blur()`))
	})
	t.Run("keyboard only", func(t *testing.T) { b.t = t; keyboard(b, r) })
	t.Run("channels and bands", func(t *testing.T) {
		b.t = t
		b.run(js(`document.activeElement.blur()`))
		b.press("]")
		b.until("the next channels", `document.getElementById("chrange").textContent === "17–32 of 64"`)
		b.until("their traces", `document.getElementById("traces").getAttribute("aria-label").includes("`+synth.EEGMMIDB()[20]+`")`)
		b.run(js(`document.querySelector("#band [value=beta]").click()`))
		b.until("the map of beta", `document.getElementById("scalptext").textContent.startsWith("Power beta, 13–30 Hz, dB of 1 µV²: most at ")`)
		b.run(js(`document.querySelector("#band [value=alpha]").click()`))
		b.press("[")
		b.until("the first channels", `document.getElementById("chrange").textContent === "1–16 of 64"`)
	})
	t.Run("light and dark", func(t *testing.T) {
		b.t = t
		for _, dark := range []bool{false, true} {
			b.run(scheme(dark))
			contrast(b, fmt.Sprintf("as the system, dark %t", dark))
		}
		light := eval[string](b, `document.documentElement.dataset.theme = "light"; getComputedStyle(document.body).backgroundColor`)
		dark := eval[string](b, `document.documentElement.dataset.theme = "dark"; getComputedStyle(document.body).backgroundColor`)
		auto := eval[string](b, `document.documentElement.dataset.theme = "auto"; getComputedStyle(document.body).backgroundColor`)
		if light == dark || auto != dark { // the system is dark now
			t.Errorf("grounds: light %s, dark %s, as a dark system %s", light, dark, auto)
		}
		b.press("t")
		if got := eval[string](b, `document.documentElement.dataset.theme`); got != "light" {
			t.Errorf("the key t leads from auto to %q", got)
		}
		b.press("tt")
		b.run(scheme(false))
	})
	t.Run("narrow", func(t *testing.T) {
		b.t = t
		for _, width := range []int64{320, 375, 768, 1024, 1440} {
			b.run(size(width, 800))
			wide := eval[int64](b, `document.documentElement.scrollWidth`)
			if wide > width {
				t.Errorf("the page is %d pixels wide in a window of %d: %s", wide, width, eval[string](b, `[...document.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > `+strconv.FormatInt(width, 10)+`).map((e) => e.tagName + "#" + e.id + " " + e.className + " " + e.getBoundingClientRect().right).join(", ")`))
			}
			if top := eval[float64](b, `scrollTo(0, 1e6); document.getElementById("stop").getBoundingClientRect().top`); top < 0 || top > 400 {
				t.Errorf("at %d pixels the emergency stop is at %g when the page is scrolled: it must stay in sight", width, top)
			}
			b.run(js(`scrollTo(0, 0)`))
		}
		b.run(emulate(emulation.ClearDeviceMetricsOverride, cdp.Empty{}))
	})
	t.Run("words of the map", func(t *testing.T) {
		b.t = t
		got := eval[[]string](b, `import(new URL("draw.js", document.baseURI).href).then((draw) => {
			const at = {Cz: [0, 0], C3: [-0.5, 0], C4: [0.5, 0], Oz: [0, -1], Iz: [0, -1.25], T9: [-1.25, 0]};
			const values = [100, 120, 310, 140, 470, 20]; // tenths of a dB: the last two lie beyond the circle
			const now = {
				about: {channels: [{name: "EOG"}, ...Object.entries(at).map(([name, at]) => ({name, at}))], bands: []}, band: "alpha", first: 0, count: 0, actuators: [],
				scalp: {size: 3, grid: [null, 130, null, 150, 105, 160, null, 140, null], values},
			};
			const e = {}, $ = (id) => e[id] ??= {textContent: "", getAttribute: () => "", setAttribute() {}};
			draw.texts(now, $);
			const fill = CanvasRenderingContext2D.prototype.fillText, written = [];
			CanvasRenderingContext2D.prototype.fillText = function (s) { written.push(s); };
			try { draw.scalp(document.getElementById("scalp"), now); } finally { CanvasRenderingContext2D.prototype.fillText = fill; }
			return [e.scalptext.textContent, ...written];
		})`, chromedp.EvalAwaitPromise)
		if want := []string{"Power alpha, dB of 1 µV²: most at C4 31, Oz 14, C3 12; least at Cz 10.", "31 dB", "10 dB"}; !slices.Equal(got, want) {
			t.Errorf("the map says %q, want %q", got, want)
		}
	})
	t.Run("little motion", func(t *testing.T) {
		b.t = t
		b.run(prefers("prefers-reduced-motion", "reduce"))
		n := eval[int](b, `new Promise((done) => {
			const c = document.getElementById("traces");
			let last = c.toDataURL(), n = 0;
			const t = setInterval(() => { const d = c.toDataURL(); if (d !== last) { last = d; n++; } }, 50);
			setTimeout(() => { clearInterval(t); done(n); }, 3000);
		})`, chromedp.EvalAwaitPromise)
		if n > 4 {
			t.Errorf("%d pictures in 3 s, must be about one a second", n)
		}
		b.run(scheme(false))
	})
	if dir := os.Getenv("GYRUS_PAGE_PICTURES"); dir != "" {
		b.t = t
		pictures(b, r, dir)
	}
	// What is refused on purpose above is the only thing that the console may tell.
	for _, line := range b.console() {
		if !strings.Contains(line, "409 (Conflict)") {
			t.Errorf("console: %s", line)
		}
	}

	b.t = t
	r.stop()
	<-r.done
	if err := r.page.Close(); err != nil {
		t.Error(err)
	}
	b.until("the end to be told", `document.getElementById("stale").textContent.includes("has ended") && document.getElementById("phase").textContent.includes("ended")`)
}

// TestPageViewOnly: who shows the token for looking on sees the session and what controllers move, finds no button, and presses none
// with a key. A controller that falls silent is said to be, with the time since; one that ends is gone.
func TestPageViewOnly(t *testing.T) {
	b := newBrowser(t)
	opt := options()
	tokens(t, &opt)
	r := start(t, 1, synth.EEGMMIDB()[:16], opt, nil)
	b.run(scheme(false), chromedp.Navigate(r.page.URL()+"#token=another-secret-for-those-who-look-on"))
	b.until("decoding", `document.getElementById("phase").textContent.includes("decoding")`)
	b.until("the cursor", `/^cursor: (moves|holds|safe)/i.test(document.getElementById("cursortext").textContent)`)
	if got := eval[int](b, `[...document.querySelectorAll("#stop, #buttons button, #swap")].filter((e) => e.offsetParent !== null).length`); got != 0 {
		t.Errorf("%d buttons are seen", got)
	}
	if !eval[bool](b, `document.getElementById("viewonly").offsetParent !== null && location.hash === ""`) {
		t.Error("the page does not say that it is for looking on, or the token is still in the address")
	}
	for _, key := range []string{"s", kb.Escape, "p", "r"} {
		b.press(key)
	}
	if got := eval[int](b, `fetch("api/stop", {method: "POST", headers: {"Content-Type": "application/json"}, body: "{}"}).then((r) => r.status)`, chromedp.EvalAwaitPromise); got != 403 {
		t.Errorf("a stop from this page: %d", got)
	}
	windows := r.look().Windows
	r.until("more windows", func() bool { return r.look().Windows > windows+5 })
	if a, ok := r.receiver.Current(); r.phase() != bus.PhaseDecoding || !ok && a.Latched {
		t.Errorf("keys of a page for looking on: the session is %s, the controller %+v", r.phase(), a)
	}

	r.reporter.Close()
	b.until("the end of the controller", `document.getElementById("cursortext").textContent === "no controller reports what it moves"`)
	hand := bus.Actuator{Session: "s", Decoder: "d", Controller: "h1", Seq: 1, Kind: "hand", State: bus.ActuatorMoves, Label: "right", Goal: "power", Joints: []bus.ActuatorJoint{{Name: "thumb", Bend: 0.3}, {Name: "index", Bend: 0.9}}}
	if err := r.other.SendActuator(hand); err != nil {
		t.Fatal(err)
	}
	b.until("the hand", `document.getElementById("cursortext").textContent === "hand: moves: right · to be reached: power"`)
	b.until("its silence", `/^hand: SILENT, last seen [3-9] s ago \(moves: right/.test(document.getElementById("cursortext").textContent)`)
	b.until("the word in the log", `document.getElementById("log").textContent.includes("Controller hand h1 is silent")`)
	for _, line := range b.console() {
		if !strings.Contains(line, "403 (Forbidden)") {
			t.Errorf("console: %s", line)
		}
	}
}

// TestPageAsking: who is asked whether a model is good enough sees what the section decide makes of trials and rest, and that a model
// decides nothing rightly. The page stays readable at 320 pixels.
func TestPageAsking(t *testing.T) {
	b := newBrowser(t)
	page, err := dashboard.Serve(t.Context(), options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := page.Close(); err != nil {
			t.Error(err)
		}
	})
	rec := simulated(t, 1, synth.EEGMMIDB()[:8], 1)
	page.Start(dashboard.Session{Name: "s", Decoder: "d", Version: "test", Clock: bus.NewClock()}, rec.Info)
	score := func(right int, decided *bus.Decisions) bus.Telemetry {
		return bus.Telemetry{
			V: bus.Version, Session: "s", Decoder: "d", Run: 1, Seq: 1, Phase: bus.PhaseAsking, Detail: "16 trials, balanced accuracy 0.750",
			DecodedS: 120, Decisions: decided, Score: &bus.Scored{
				Trials: 16, BalancedAccuracy: 0.75, CILow: 0.5, CIHigh: 0.9, Chance: 0.5, Decide: &bus.DecideScore{
					Trials: 16, Right: right, Wrong: 1, Undecided: 15 - right, Rightly: float64(right) / 16, RightlyLow: 0.125, RightlyHigh: 0.625,
					Rest: &bus.RestScore{AskedPerMin: 3, Decisions: 2, Minutes: 2, PerMin: 1, PerMinLow: 0.12, PerMinHigh: 3.61},
				},
			},
		}
	}
	page.Look(score(0, nil))
	b.run(scheme(false), size(320, 800), chromedp.Navigate(page.URL()))
	b.until("the warning", `document.getElementById("cue").textContent === "The model decides nothing rightly"`)
	b.until("the trials", `document.getElementById("facts").textContent.includes("held-out trials decided0 of 16 rightly, 0.000 [0.125, 0.625], 1 wrongly, 15 not at all")`)
	b.until("the rest", `document.getElementById("facts").textContent.includes("held-out rest1.00 false decisions a minute [0.12, 3.61], at most 3 asked for")`)
	if facts := eval[string](b, `document.getElementById("facts").textContent`); strings.Contains(facts, "begun") {
		t.Errorf("a rate without a section decide: %q", facts)
	}
	if wide := eval[int64](b, `document.documentElement.scrollWidth`); wide > 320 {
		t.Errorf("the page is %d pixels wide in a window of 320", wide)
	}
	page.Look(score(6, &bus.Decisions{Begun: 2, Again: 1, FreeS: 90, DecidedS: 30}))
	b.until("the question", `document.getElementById("cue").textContent === "Accept the model?"`)
	b.until("the trials", `document.getElementById("facts").textContent.includes("6 of 16 rightly, 0.375")`)
	b.until("what was decided", `document.getElementById("facts").textContent.includes("decisions2 begun, 1 more for the seconds held: 2.0 a minute in which one could begin, 25.0 % of the time in one")`)
	if wrong := b.console(); len(wrong) > 0 {
		t.Errorf("console: %v", wrong)
	}
}

// keyboard works with the page without a mouse: every control can be reached with Tab, in the order of the page, shows that it has
// the focus, and can be pressed.
func keyboard(b *browser, r *rig) {
	b.t.Helper()
	// The place that Tab goes on from is the begin of the page again.
	b.run(js(`document.activeElement.blur(); scrollTo(0, 0); document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute("tabindex")`))
	want := []string{"Skip to the session", "stop", "scale", "seconds", "chnext", "band", "pause", "bundle", "theme", "keys", "summary"}
	var order []string
	for range 40 {
		b.press(kb.Tab)
		at := eval[struct {
			Name    string
			Outline string
		}](b, `(() => { const e = document.activeElement; return {
			Name: e === document.body ? "" : e.id || e.dataset.verb || e.name || (e.tagName === "SUMMARY" ? "summary" : e.textContent.trim()),
			Outline: getComputedStyle(e).outlineStyle + " " + getComputedStyle(e).outlineWidth }; })()`)
		if at.Name == "" {
			break
		}
		order = append(order, at.Name)
		if strings.HasPrefix(at.Outline, "none") || strings.HasSuffix(at.Outline, " 0px") {
			b.t.Errorf("%s has the focus and does not show it: %s", at.Name, at.Outline)
		}
		if at.Name == "pause" {
			b.press(" ")
			r.until("the pause", func() bool { return r.phase() == bus.PhasePaused })
			b.until("the word", `document.getElementById("phase").textContent.includes("paused")`)
			if got := eval[string](b, `document.activeElement.dataset.verb`); got != "pause" {
				b.t.Errorf("pressing pause moved the focus to %q", got)
			}
			b.readable()
			b.press("r")
			r.until("the resumption", func() bool { return r.phase() == bus.PhaseDecoding })
		}
	}
	for from := 0; len(want) > 0; want = want[1:] {
		k := slices.Index(order[from:], want[0])
		if k < 0 {
			b.t.Errorf("%s is not reached with Tab behind %v; the order is %v", want[0], order[:from], order)
			return
		}
		from += k
	}
}

// contrast holds text and controls against the limits of WCAG 2.2: 4.5 for text, 3 for the edges of controls.
func contrast(b *browser, what string) {
	b.t.Helper()
	got := eval[map[string]float64](b, `(() => {
		const of = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
		const lum = (hex) => { const v = [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16) / 255).map((c) => c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4); return 0.2126 * v[0] + 0.7152 * v[1] + 0.0722 * v[2]; };
		const ratio = (a, b) => { const [x, y] = [lum(a), lum(b)]; return (Math.max(x, y) + 0.05) / (Math.min(x, y) + 0.05); };
		const out = {};
		for (const [f, g] of [["text", "card"], ["text", "ground"], ["quiet", "card"], ["quiet", "ground"], ["quiet", "gap"], ["good", "good-ground"], ["warn", "warn-ground"], ["bad", "bad-ground"],
			["accent", "card"], ["on-accent", "accent"], ["c0", "card"], ["c1", "card"], ["c2", "card"], ["c3", "card"], ["c4", "card"], ["c5", "card"]]) out[f + " on " + g] = ratio(of("--" + f), of("--" + g)) / 4.5;
		out["white on stop"] = ratio("#ffffff", of("--stop")) / 4.5;
		for (const f of ["control", "trace"]) out[f + " on card"] = ratio(of("--" + f), of("--card")) / 3;
		return out;
	})()`)
	if len(got) < 19 {
		b.t.Errorf("%s: only %d pairs of colours were looked at", what, len(got))
	}
	for pair, r := range got {
		if !(r >= 1) {
			b.t.Errorf("%s: the contrast of %s is %.2f of what it must be", what, pair, r)
		}
	}
}

// maxPicture is the size of a picture for docs/.
const maxPicture = 200_000

// whole is the height of the page, where that is at most what is given, else the greatest one up to there that cuts through no card.
const whole = `((most) => {
	const all = document.documentElement.getBoundingClientRect().height;
	if (all <= most) return Math.ceil(all);
	const cards = [...document.querySelectorAll(".card")].filter((c) => c.offsetParent !== null).map((c) => c.getBoundingClientRect());
	return Math.ceil(Math.max(...cards.map((c) => c.bottom + 6).filter((y) => y <= most && !cards.some((c) => c.top < y && y < c.bottom))));
})(%d)`

// pictures writes what docs/ shows.
func pictures(b *browser, r *rig, dir string) {
	b.t.Helper()
	r.until("the cursor to move", func() bool { _, ok := r.receiver.Current(); return ok })
	b.run(js(`document.getElementById("stopped").hidden = true; document.activeElement.blur(); document.getElementById("bundle").value = ""`))
	b.until("ten seconds of traces", `document.getElementById("chrange").textContent === "1–16 of 64"`)
	time.Sleep(12 * time.Second) // of signal, which comes in real time
	for _, p := range []struct {
		name          string
		dark          bool
		width, height int64
	}{{"dashboard-light.png", false, 1440, 2000}, {"dashboard-dark.png", true, 1440, 2000}, {"dashboard-375.png", false, 375, 2000}} {
		b.run(scheme(p.dark), size(p.width, p.height))
		time.Sleep(time.Second) // until it is laid out
		high := eval[int64](b, fmt.Sprintf(whole, p.height))
		b.t.Logf("%s: %d by %d", p.name, p.width, high)
		b.run(size(p.width, high), chromedp.Sleep(1500*time.Millisecond))
		eval[bool](b, `new Promise((done) => new MutationObserver((_, o) => { o.disconnect(); requestAnimationFrame(() => done(true)); })
			.observe(document.getElementById("scalptext"), {childList: true}))`, chromedp.EvalAwaitPromise) // words and map are of one moment
		shot, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err != nil {
			b.t.Fatal(err)
		}
		shot = fewColours(b.t, shot)
		if len(shot) > maxPicture {
			b.t.Errorf("%s has %d bytes, must have at most %d", p.name, len(shot), maxPicture)
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), shot, 0o644); err != nil {
			b.t.Fatal(err)
		}
	}
	b.run(scheme(false), emulate(emulation.ClearDeviceMetricsOverride, cdp.Empty{}))
}

// fewColours is a PNG with a palette, which makes it small: colours are rounded until there are at most 256.
func fewColours(t *testing.T, data []byte) []byte {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	box := img.Bounds()
	for step := 4; ; step += 4 {
		sums := map[[3]int][4]int{} // red, green, blue and count of what is rounded to the same colour
		round := func(x, y int) (k [3]int, c color.RGBA) {
			c = color.RGBAModel.Convert(img.At(x, y)).(color.RGBA)
			return [3]int{int(c.R) / step, int(c.G) / step, int(c.B) / step}, c
		}
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				k, c := round(x, y)
				s := sums[k]
				sums[k] = [4]int{s[0] + int(c.R), s[1] + int(c.G), s[2] + int(c.B), s[3] + 1}
			}
		}
		if len(sums) > 256 {
			continue
		}
		var palette color.Palette
		index := map[[3]int]uint8{}
		for k, s := range sums {
			index[k] = uint8(len(palette))
			palette = append(palette, color.RGBA{uint8(s[0] / s[3]), uint8(s[1] / s[3]), uint8(s[2] / s[3]), 255})
		}
		out := image.NewPaletted(box, palette)
		for y := box.Min.Y; y < box.Max.Y; y++ {
			for x := box.Min.X; x < box.Max.X; x++ {
				k, _ := round(x, y)
				out.SetColorIndex(x, y, index[k])
			}
		}
		var buf bytes.Buffer
		if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&buf, out); err != nil {
			t.Fatal(err)
		}
		return buf.Bytes()
	}
}
