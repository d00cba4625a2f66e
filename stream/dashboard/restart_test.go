package dashboard_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
)

// servedAt makes this program one that serves a page at the address in it, see servePage; servedLabel is what it decides.
const servedAt, servedLabel = "GYRUS_TEST_PAGE_AT", "GYRUS_TEST_PAGE_LABEL"

func TestMain(m *testing.M) {
	if at := os.Getenv(servedAt); at != "" {
		if err := servePage(at, os.Getenv(servedLabel)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// servePage serves a page until standard input ends. It writes its address, and then reads lines: attach makes it one of a session,
// start N shows a stream from sample 0, N times real time, and decisions.
func servePage(at, label string) error {
	opt := dashboard.Defaults()
	opt.Listen = at
	page, err := dashboard.Serve(context.Background(), opt)
	if err != nil {
		return err
	}
	fmt.Println(page.URL())
	info := &signal.Info{Rate: 160}
	for _, name := range synth.EEGMMIDB()[:16] {
		info.Channels = append(info.Channels, signal.Channel{Name: name, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	clock := bus.NewClock()
	session := dashboard.Session{Name: "s", Decoder: "d", Run: clock.Now(), Version: "test", Clock: clock}
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var speed int
		if lines.Text() == "attach" {
			page.Attach(session)
			continue
		}
		if _, err := fmt.Sscanf(lines.Text(), "start %d", &speed); err != nil {
			return fmt.Errorf("%q: %w", lines.Text(), err)
		}
		page.Start(session, info)
		go func() {
			for start, seq := int64(0), uint64(1); ; seq++ {
				c := signal.NewChunk(info, start, 8*speed)
				start = c.End()
				for ch, x := range c.X {
					for k := range x {
						s := float64(c.Start+int64(k)) / info.Rate
						x[k] = float64(10+2*ch)*math.Sin(2*math.Pi*10*s) + float64(len(label))*math.Sin(2*math.Pi*3*s)
					}
				}
				page.Chunk(c)
				now := time.Now()
				page.Decision(bus.Command{Kind: bus.KindClass, Label: label, Confidence: 0.9, TSample: clock.At(now), Scores: []bus.Score{{Label: label, P: 0.9}, {Label: "other", P: 0.1}}}, now)
				page.Look(bus.Telemetry{
					V: bus.Version, Session: "s", Decoder: "d", Run: session.Run, Seq: seq, TPublish: clock.At(now), Phase: bus.PhaseDecoding, Sent: start,
					Streams: []bus.StreamHealth{{Name: "eeg", State: string(signal.LinkConnected), Samples: uint64(start)}},
				})
				time.Sleep(50 * time.Millisecond)
			}
		}()
	}
	return errors.Join(lines.Err(), page.Close())
}

// served is a page in a process of its own.
type served struct {
	url string
	cmd *exec.Cmd
	say func(line string)
	end func() // as a session does: browsers are told
}

// serve starts one; it ends with the test at the latest.
func serve(t *testing.T, at, label string) *served {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &served{cmd: exec.Command(self)}
	s.cmd.Env = append(os.Environ(), servedAt+"="+at, servedLabel+"="+label)
	s.cmd.Stderr = os.Stderr
	in, err := s.cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the page at %s: %v", at, err)
	}
	s.url = strings.TrimSpace(line)
	s.say = func(line string) {
		t.Helper()
		if _, err := fmt.Fprintln(in, line); err != nil {
			t.Fatal(err)
		}
	}
	s.end = func() {
		t.Helper()
		if err := errors.Join(in.Close(), s.cmd.Wait()); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// kill ends it as a crash does: nothing is said to browsers.
func (s *served) kill() {
	_ = s.cmd.Process.Kill() // it may be over
	_ = s.cmd.Wait()         // says that it was killed
}

// TestPageOfARestartedDecoder: the program that serves the page is killed and started again at its port, where samples count from 0 once
// more. The browser comes back by itself, shows nothing of the run before as if it were of now, not even until the new one has its
// session, and then the new run from its first samples.
func TestPageOfARestartedDecoder(t *testing.T) {
	b := newBrowser(t)
	const pictures = `["traces", "scores", "spectra", "scalp", "ages", "latencies"].map((id) => document.getElementById(id).toDataURL()).join()`
	const texts = `["phase", "decision", "legend", "scalptext", "spectratext", "facts", "streams", "stages"].map((id) => document.getElementById(id).innerText).join("|")`
	const connected = `document.getElementById("link").dataset.state === "good" && document.getElementById("stale").hidden`
	text := func(id, part string) string {
		return fmt.Sprintf(`document.getElementById(%q).textContent.includes(%q)`, id, part)
	}

	old := serve(t, "127.0.0.1:0", "left")
	b.run(scheme(false), chromedp.Navigate(old.url))
	b.until("the connection", connected)
	b.until("the empty page", text("phase", "no session yet"))
	b.run(chromedp.Sleep(500*time.Millisecond), js(`window.pictures = `+pictures+`; window.texts = `+texts))
	old.say("attach")
	old.say("start 20")
	b.until("a decision", text("decision", "left"))
	b.until("the map", text("scalptext", "most at"))
	b.until("the spectra", text("spectratext", "median"))
	b.until("a minute of samples", `parseInt(document.querySelector("#streams dd").textContent.replaceAll(",", "")) > 9600`)

	old.kill()
	b.until("the break to be told", `document.getElementById("stale").textContent.includes("what you see is old")`)
	b.run(js(`window.old = document.getElementById("traces").toDataURL()`))
	at := strings.TrimSuffix(strings.TrimPrefix(old.url, "http://"), "/")
	fresh := serve(t, at, "right")
	b.until("the connection", connected)
	b.until("the texts of the run before to go", texts+` === window.texts`)
	b.until("the pictures of the run before to go", pictures+` === window.pictures`)
	if !eval[bool](b, text("log", "The decoder was started again")) {
		t.Error("nothing says that the decoder was started again")
	}

	fresh.say("attach")
	fresh.say("start 1")
	b.until("the decision of the new run", text("decision", "right"))
	b.until("its traces", `document.getElementById("traces").getAttribute("aria-label").includes("`+synth.EEGMMIDB()[0]+`")`)
	b.run(js(`window.before = document.getElementById("traces").toDataURL()`))
	b.until("its traces to move", `document.getElementById("traces").toDataURL() !== window.before && document.getElementById("traces").toDataURL() !== window.old`)
	b.until("its map", text("scalptext", "most at"))
	if eval[bool](b, text("legend", "left")) || !eval[bool](b, connected) {
		t.Errorf("behind the restart: %s", eval[string](b, `document.body.innerText.slice(0, 1500)`))
	}

	// Maps are not drawn where nobody sees them, as while a token is asked for.
	b.run(js(`document.getElementById("main").hidden = true`), chromedp.Sleep(time.Second))
	for _, line := range b.console() {
		if !strings.Contains(line, "net::ERR_") { // of the connection that was broken
			t.Errorf("console: %s", line)
		}
	}
}

// TestPageOfADecoderThatIsStartedAfterItsEnd: behind the end of a session the page says so, and nothing of it can be pressed but the stop.
// When the program is started again at that port, the browser comes back by itself, also where it had made way meanwhile, and shows the new
// run as behind a crash.
func TestPageOfADecoderThatIsStartedAfterItsEnd(t *testing.T) {
	b := newBrowser(t)
	text := func(id, part string) string {
		return fmt.Sprintf(`document.getElementById(%q).textContent.includes(%q)`, id, part)
	}
	const pressed = `[...document.querySelectorAll("#buttons button, #swapnow")].filter((e) => !e.disabled).map((e) => e.dataset.verb || e.id).join(" ")`
	page := serve(t, "127.0.0.1:0", "left")
	b.run(scheme(false), chromedp.Navigate(page.url))
	for _, label := range []string{"left", "right", "feet"} {
		b.until("the connection", `document.getElementById("link").textContent === "● connected" && document.getElementById("stale").hidden`)
		page.say("attach")
		page.say("start 1")
		b.until("a decision", text("decision", label))
		b.until("what can be pressed", pressed+` === "pause shadow swapnow"`)

		page.end()
		b.until("the end", `document.getElementById("link").textContent === "■ ended"`)
		if got := eval[string](b, pressed); got != "" || eval[bool](b, `document.getElementById("stop").disabled`) {
			t.Errorf("behind the end %q can be pressed, and the stop must", got)
		}
		if label == "right" { // another page of the browser has asked for something
			b.run(js(`new BroadcastChannel("gyrus").postMessage("give way")`), chromedp.Sleep(time.Second), js(`new BroadcastChannel("gyrus").postMessage("come back")`))
		}
		b.run(chromedp.Sleep(4 * time.Second)) // several looks in vain
		if !eval[bool](b, `document.getElementById("link").textContent === "■ ended" && `+text("stale", "The session has ended")) {
			t.Errorf("behind the end: %s", eval[string](b, `document.body.innerText.slice(0, 500)`))
		}
		next := map[string]string{"left": "right", "right": "feet"}[label]
		if next == "" {
			break
		}
		page = serve(t, strings.TrimSuffix(strings.TrimPrefix(page.url, "http://"), "/"), next)
		b.until("the words of the run before to go", text("phase", "no session yet")+` && `+text("decision", "no decision yet"))
		if !eval[bool](b, text("log", "The decoder was started again")) {
			t.Error("nothing says that the decoder was started again")
		}
	}
	for _, line := range b.console() {
		if !strings.Contains(line, "net::ERR_") { // of what was looked for in vain
			t.Errorf("console: %s", line)
		}
	}
}
