package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/vbauerster/cupwriter"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// safeBuffer is written by a command while the test reads it.
type safeBuffer struct {
	still sync.Mutex // held: as a terminal that stands still, nothing can be written
	mu    sync.Mutex
	b     bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.still.Lock()
	defer s.still.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// command is one that runs beside the test, as in another terminal.
type command struct {
	out, errs safeBuffer
	stop      context.CancelFunc
	code      chan int
}

func start(t *testing.T, args ...string) *command {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	c := &command{stop: stop, code: make(chan int, 1)}
	go func() { c.code <- Run(ctx, args, strings.NewReader(""), &c.out, &c.errs) }()
	t.Cleanup(stop)
	return c
}

// inTime is how long a test waits for what must happen. A wait ends when it does; other work may hold the cores.
const inTime = 4 * time.Minute

// wait is the exit code.
func (c *command) wait(t *testing.T) int {
	t.Helper()
	select {
	case code := <-c.code:
		return code
	case <-time.After(inTime):
		t.Fatalf("still running; standard error: %s", c.errs.String())
		return -1
	}
}

// says waits until the command has written text to one of its outputs.
func says(t *testing.T, text string, from fmt.Stringer) {
	t.Helper()
	for end := time.Now().Add(inTime); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if strings.Contains(from.String(), text) {
			return
		}
	}
	t.Fatalf("%q was not written within %s: %s", text, inTime, from.String())
}

// freePort is a port that nobody listens on.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}()
	return l.Addr().(*net.TCPAddr).Port
}

// TestDemo runs the demo without recordings, and checks every word that scripts rely on.
func TestDemo(t *testing.T) {
	t.Setenv("GYRUS_DATA", t.TempDir())
	code, out, errs := run(t, "demo", "--json", "--speed", "40")
	var v map[string]any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("exit code %d, %v in %q; %s", code, err, out, errs)
	}
	if !strings.Contains(errs, "SIMULATED DATA") || !strings.Contains(v["data"].(string), "simulated") {
		t.Errorf("the demo does not say that it simulates: %q, %q", errs, v["data"])
	}
	keys(t, "demo", v, "data", "trials", "balanced_accuracy", "ci_low", "ci_high", "chance", "commands", "age_ms", "latency_ms")
	commands := v["commands"].(map[string]any)
	keys(t, "commands", commands, "sent", "received", "expired")
	for _, q := range []string{"age_ms", "latency_ms"} {
		keys(t, q, v[q].(map[string]any), "p50", "p99", "max")
		if p50, most := v[q].(map[string]any)["p50"].(float64), v[q].(map[string]any)["max"].(float64); !(0 < p50 && p50 <= most) {
			t.Errorf("%s: p50 %g, max %g", q, p50, most)
		}
	}
	// On a machine that is busy with other tests a command may come too late to act on; then the demo must say so.
	bad := commands["sent"].(float64) != commands["received"].(float64) || commands["expired"].(float64)+commands["refused"].(float64) > 0 || v["trials"] != v["cued"]
	if (code == exitIncomplete) != bad || (code != exitDone && code != exitIncomplete) {
		t.Errorf("exit code %d with commands %v and %v of %v trials: %s", code, commands, v["trials"], v["cued"], errs)
	}
	if sent := commands["sent"].(float64); sent < 1000 || v["cued"] != 16.0 {
		t.Errorf("%g commands and %v cues, want over a thousand and 16", sent, v["cued"])
	}
	// The truth is in the cues, not in the decoder: the score is what the confusion matrix says.
	right, all := 0.0, 0.0
	for k, row := range v["confusion"].([]any) {
		for l, n := range row.([]any) {
			all += n.(float64)
			if k == l {
				right += n.(float64)
			}
		}
	}
	if all != v["trials"].(float64) || v["balanced_accuracy"].(float64) < 0.7 {
		t.Errorf("%g trials in the matrix, %v reported; balanced accuracy %v on a simulated person", all, v["trials"], v["balanced_accuracy"])
	}
}

// TestLiveSession is a session in three terminals: decoder, controller, amplifier; then the amplifier is restarted.
func TestLiveSession(t *testing.T) {
	dir := t.TempDir()
	m := model(t)
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	file := filepath.Join(dir, "s.yaml")
	text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: nats, stream: eeg}\nbus: {port: %d}\n"+patient, m, port)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	decoder := start(t, "live", file, "--json")
	says(t, "waiting for the stream", &decoder.errs)
	cursor := start(t, "control", "cursor", "--session", "s1", "--url", url, "--left", "feet", "--right", "fists", "--json")
	says(t, `"state":"safe"`, &cursor.out)

	unplugged(t, url, s001(t, "R14"))
	says(t, `"state":"moves"`, &cursor.out)
	says(t, `"state":"safe","reason":"expired"`, &cursor.out)
	seen := strings.Count(cursor.out.String(), `"state":"moves"`)
	amplifier := start(t, "play", s001(t, "R14"), "--nats", "--session", "s1", "--url", url, "--speed", "20", "--json")
	if code := amplifier.wait(t); code != exitDone {
		t.Errorf("the second playback ends with %d: %s", code, amplifier.errs.String())
	}
	code := decoder.wait(t) // the stream has ended
	var rep map[string]any
	if err := json.Unmarshal([]byte(decoder.out.String()), &rep); err != nil {
		t.Fatalf("live: exit code %d, %v in %q; %s", code, err, decoder.out.String(), decoder.errs.String())
	}
	if rep["restarts"] != 1.0 || rep["sent"].(float64) < 1221 || rep["not_sent"] != 0.0 {
		t.Errorf("live reports %v restarts, %v commands sent, %v not sent; want 1, over 1221 and 0", rep["restarts"], rep["sent"], rep["not_sent"])
	}
	if (code == exitDone) != (rep["lost"] == 0.0) {
		t.Errorf("live ends with %d and %v samples lost", code, rep["lost"])
	}
	says(t, `"state":"safe","reason":"ended"`, &cursor.out)
	if strings.Count(cursor.out.String(), `"state":"moves"`) <= seen {
		t.Error("the cursor did not move again behind the restart")
	}
	cursor.stop()
	if cursor.wait(t) == exitUsage {
		t.Errorf("cursor: %s", cursor.errs.String())
	}
	lines := strings.Split(strings.TrimSpace(cursor.out.String()), "\n")
	var last map[string]any
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil || last["commands"].(map[string]any)["accepted"].(float64) < 1000 {
		t.Errorf("the cursor's last line is %q (%v)", lines[len(lines)-1], err)
	}
}

// patient keeps samples that are behind: a machine under the race detector does not keep up with many times the speed of an
// amplifier, and how old samples may be is not what the tests are about that have it.
const patient = "age: {max_ms: 600000}\n"

// TestLiveNamed: a session plays a recording that is named by its data set.
func TestLiveNamed(t *testing.T) {
	s001(t, "R14")
	m := model(t)
	for name, c := range map[string]struct {
		code int
		says string
	}{
		"eegmmidb:S001:R14": {exitDone, `"chunks":`},
		"eegmmidb:S001:R99": {exitUsage, "source: file: eegmmidb:S001:R99: "},
		"eegmmidb:S001":     {exitUsage, "one is wanted: name subject and run"},
	} {
		file := filepath.Join(t.TempDir(), "s.yaml")
		text := fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: %q, speed: 500}\nbus: {port: %d}\n"+patient, m, name, freePort(t))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		code, out, errs := run(t, "live", file, "--json")
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit code %d, want %d with %q: %s %s", name, code, c.code, c.says, out, errs)
		}
	}
}

// unplugged streams the first seconds of a recording and breaks off without a word.
func unplugged(t *testing.T, url, file string) {
	t.Helper()
	rec, err := opener{}.open(file)
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	b, err := bus.Open(t.Context(), bus.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	src, err := session.Playback(rec, 8, 0.05, clock)
	if err != nil {
		t.Fatal(err)
	}
	w, err := bus.NewRawWriter(b, "s1", "eeg", src.Info(), clock)
	if err != nil {
		t.Fatal(err)
	}
	for {
		c, err := src.Next(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if c.End() > 1600 { // 10 s of signal
			break
		}
		if err := w.Write(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(b.Close(), src.Close()); err != nil { // the writer is not closed: no end of the stream is sent
		t.Fatal(err)
	}
}

// TestPlayInterrupted: whoever stops a playback is told how far it came, and whoever listens that it is over.
func TestPlayInterrupted(t *testing.T) {
	p := start(t, "play", s001(t, "R14"), "--nats")
	says(t, "bus: nats://", &p.errs)
	p.stop()
	if code := p.wait(t); code == exitDone {
		t.Error("an interrupted playback ends with 0")
	}
	if !regexp.MustCompile(`\d+ samples and \d+ events`).MatchString(p.out.String()) {
		t.Errorf("an interrupted playback does not say how far it came: %q", p.out.String())
	}
}

// TestPlay: without anybody who listens, playing still ends, and says what it sent.
func TestPlay(t *testing.T) {
	var v map[string]any
	mustJSON(t, &v, "play", s001(t, "R14"), "--nats", "--speed", "1000", "--json")
	if v["samples"] != 20000.0 || v["events"] != 30.0 || v["failed"] != 0.0 || v["stream"] != "gyrus.session.raw.eeg" {
		t.Errorf("got %v", v)
	}
}

func TestSchemaAndVersion(t *testing.T) {
	var v map[string]any
	mustJSON(t, &v, "schema")
	if props := v["properties"].(map[string]any); props["decoder"] == nil || props["preprocess"] == nil {
		t.Errorf("the schema has the properties %v", props)
	}
	mustJSON(t, &v, "version", "--json")
	keys(t, "version", v, "version", "go", "os", "arch")
	if code, out, _ := run(t, "version"); code != 0 || !strings.HasPrefix(out, "gyrus ") {
		t.Errorf("exit %d, %q", code, out)
	}
	if code, out, _ := run(t, "docs", "steps"); code != 0 || !strings.Contains(out, "### `csp`") {
		t.Errorf("exit %d, %q", code, out)
	}
}

// TestProgress: a bar appears once the work has taken a second, whether or not its length is known.
func TestProgress(t *testing.T) {
	for _, total := range []int64{100, 0} {
		var b safeBuffer
		p := &progress{title: "reading", total: total, began: time.Now(), out: cupwriter.New(&b, true)}
		p.add(1)
		if p.bar != nil {
			t.Error("a bar at once")
		}
		p.began = time.Now().Add(-2 * patience)
		p.add(41)
		if p.bar == nil || p.bar.Current() != 42 {
			t.Fatalf("total %d: no bar at 42", total)
		}
		says(t, "reading", &b)
		p.end()
	}
	quiet := &progress{title: "reading", total: 100, began: time.Now().Add(-time.Hour)}
	quiet.add(50)
	quiet.end()
	if quiet.bar != nil {
		t.Error("a bar where there is no terminal")
	}
}

// fullDisk takes nothing.
type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, io.ErrShortWrite }

// TestLostResult: a result that cannot be written is a failure.
func TestLostResult(t *testing.T) {
	var errs bytes.Buffer
	if code := Run(context.Background(), []string{"version"}, strings.NewReader(""), fullDisk{}, &errs); code != exitFailed || errs.Len() == 0 {
		t.Errorf("exit code %d, %q: want 1 and a message", code, errs.String())
	}
}

// TestLiveHelpIsTrue: the session file in the help of live is one, with every key that it names.
func TestLiveHelpIsTrue(t *testing.T) {
	_, text, _ := strings.Cut(newLive().Long, "\n\n")
	text, _, _ = strings.Cut(text, "\n\n")
	cfg, err := session.ParseConfig("session.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if a := cfg.Calibrate.Accept; a.Ask || len(a.Rules) != 2 || a.Rules[0].Metric != "balanced_accuracy" || a.Rules[1].Metric != "ci_low" || *a.Rules[1].Above != 0.55 {
		t.Errorf("accept is %+v", a)
	}
	for _, word := range []string{"decided_rightly", "false_per_min"} { // what it speaks of besides
		if !strings.Contains(text, word) {
			t.Errorf("it does not speak of %s", word)
		}
	}
	spec := strings.Replace(text, "{metric: ci_low, above: 0.55}", "{metric: decided_rightly, above: 0.4}, {metric: false_per_min, below: 6}", 1)
	if _, err := session.ParseConfig("session.yaml", []byte(spec)); err == nil || !strings.Contains(err.Error(), "decide") {
		t.Errorf("rules about a section decide, which csp-lda has not: %v", err)
	}
}

// TestSessionFilesNotThere: a file of a session that is not there is told of with its key, its whole path, and what to do; a bundle that is
// swapped in counts from the same folder.
func TestSessionFilesNotThere(t *testing.T) {
	m := model(t)
	dir := t.TempDir()
	t.Chdir(dir)
	sub := filepath.Join(dir, "sub")
	if err := os.Mkdir(sub, 0o700); err != nil {
		t.Fatal(err)
	}
	const counts = "a relative path counts from the folder of the session file"
	for key, text := range map[string]string{
		"bundle: ":       "session: s1\nbundle: x\nsource: {use: synth}\n",
		"source: file: ": fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: play, file: x}\n", m),
	} {
		write(t, sub, "s.yaml", text)
		code, _, errs := run(t, "live", filepath.Join("sub", "s.yaml"))
		if want := key + filepath.Join(sub, "x") + ": "; code != exitUsage || !strings.Contains(errs, want) || !strings.Contains(errs, counts) {
			t.Errorf("exit code %d, %q is not said: %s", code, want, errs)
		}
	}
	write(t, sub, "s.yaml", fmt.Sprintf("session: s1\nbundle: %s\nsource: {use: synth, seed: 1}\nbus: {port: %d}\n", m, freePort(t)))
	decoder := start(t, "live", filepath.Join("sub", "s.yaml"))
	says(t, "decoding ", &decoder.errs)
	_, url, _ := strings.Cut(decoder.errs.String(), "bus: ")
	url, _, _ = strings.Cut(url, ",")
	_, _, errs := run(t, "ctl", "s1", "swap", "x.gyrus", "--url", url)
	if want := filepath.Join(sub, "x.gyrus"); !strings.Contains(errs, want) || !strings.Contains(errs, counts) {
		t.Errorf("%q is not said: %s", want, errs)
	}
	decoder.stop()
	decoder.wait(t)
}
