package session

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// childVar makes the test binary one of the children: the name of it, a space, and what it is told.
const childVar = "GYRUS_TEST_SESSION_CHILD"

var children = map[string]func(url string) error{}

func TestMain(m *testing.M) {
	if what, url, is := strings.Cut(os.Getenv(childVar), " "); is {
		if err := children[what](url); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	goleak.VerifyTestMain(m)
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig("dir/s.yaml", []byte("session: s1\nbundle: m.gyrus\nsource: {use: play, file: /abs/r.edf, speed: 4}\nbus: {port: 4222}\nvalid_for_ms: 300\n"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Session != "s1" || c.Decoder != "decoder" || c.Bundle != "dir/m.gyrus" || c.Source.File != "/abs/r.edf" || c.Source.Speed != 4 ||
		c.Source.Chunk != 0.05 || c.Bus.Port != 4222 || c.ValidForMS != 300 {
		t.Errorf("got %+v", c)
	}
	if c.Adapt != nil {
		t.Error("a session without the section adapt adapts")
	}
	if c.GoOnUnheard {
		t.Error("a session goes on where nobody knows whether an emergency stop came, though its file does not ask for that")
	}
	if c, err = ParseConfig("dir/s.yaml", []byte("bundle: m.gyrus\nsource: {use: nats}\ngo_on_unheard: true\n")); err != nil || !c.GoOnUnheard {
		t.Errorf("%+v, %v", c, err)
	}
	c, err = ParseConfig("dir/s.yaml", []byte("bundle: m.gyrus\nsource: {use: nats}\nadapt: {memory: 60, log: a.jsonl}\n"))
	if err != nil || c.Adapt == nil || c.Adapt.Memory != 60 || c.Adapt.Ridge != adapt.Defaults().Ridge || c.Adapt.Log != "dir/a.jsonl" {
		t.Errorf("adapt: got %+v, %v", c.Adapt, err)
	}
	const good = "bundle: m.gyrus\nsource: {use: nats}\n"
	const calibrating = "source: {use: nats}\ncalibrate:\n  classes: {T1: left, T2: right}\n  save: c.gyrus\n"
	if c, err = ParseConfig("dir/s.yaml", []byte(calibrating+"  accept: {above: 0.8}\n")); err != nil || c.Calibrate.Save != "dir/c.gyrus" || !reflect.DeepEqual(c.Calibrate.Accept, above("balanced_accuracy", 0.8)) || c.Calibrate.Trials != 10 {
		t.Errorf("calibrate: %+v, %v", c.Calibrate, err)
	}
	if c, err = ParseConfig("dir/s.yaml", []byte(good+"dashboard: {token: t}\n")); err != nil || c.Dashboard.Listen != "127.0.0.1:8080" || c.Dashboard.Token != "dir/t" || c.Dashboard.Controllers != 1 {
		t.Errorf("a page: %+v, %v", c, err)
	}
	if _, err := ParseConfig("s.yaml", []byte(good)); err != nil {
		t.Errorf("the shortest session: %v", err)
	}
	for name, tc := range map[string]struct{ in, want string }{
		"empty":             {"", "s.yaml: is empty"},
		"unknown key":       {good + "vaild_for_ms: 3\n", `s.yaml: line 3: unknown key "vaild_for_ms": did you mean "valid_for_ms"?`},
		"unknown bus key":   {good + "bus: {prot: 4222}\n", `unknown key of bus "prot": did you mean "port"?`},
		"twice":             {good + "bundle: n\n", `key "bundle" stands twice`},
		"no bundle":         {"source: {use: nats}\n", "bundle is missing"},
		"no source":         {"bundle: m\n", "unknown use"},
		"odd source":        {"bundle: m\nsource: {use: nat}\n", `did you mean "nats"?`},
		"key of another":    {"bundle: m\nsource: {use: synth, stream: eeg}\n", `key "stream" does nothing with use: synth`},
		"no file":           {"bundle: m\nsource: {use: play}\n", "file is missing"},
		"speed":             {"bundle: m\nsource: {use: synth, speed: 0}\n", "speed is 0"},
		"chunk":             {"bundle: m\nsource: {use: synth, chunk_s: -1}\n", "chunk_s is -1"},
		"adapt":             {good + "adapt: {memory: 1}\n", "adapt: memory is 1"},
		"adapt explores":    {good + "adapt: {explore: 0.1}\n", "set explore to 0"},
		"watch":             {good + "watch: {stalled_ms: 10}\n", "watch: stalled_ms is 10"},
		"watch order":       {good + "watch: {lost_ms: 400}\n", "watch: lost_ms is 400, must be above stalled_ms, which is 500"},
		"age":               {good + "age: {max_ms: -1}\n", "age: max_ms is -1"},
		"age policy":        {good + "age: {policy: skpi}\n", `did you mean "skip"?`},
		"key of age":        {good + "age: {max: 1}\n", `unknown key of age "max"`},
		"metrics":           {good + "metrics: {listen: \"0.0.0.0:9100\"}\n", "others can reach"},
		"page":              {good + "dashboard: {listen: \"0.0.0.0:8080\"}\n", "dashboard: listen is \"0.0.0.0:8080\", which others can reach"},
		"key of the page":   {good + "dashboard: {lisen: x}\n", `did you mean "listen"?`},
		"live without url":  {"bundle: m\nsource: {use: live}\n", "url is missing"},
		"wait":              {"bundle: m\nsource: {use: nats, timeout_s: 0}\n", "timeout_s is 0"},
		"length":            {"bundle: m\nsource: {use: synth, length_s: 100}\n", "length_s does nothing with task: imagery"},
		"task":              {"bundle: m\nsource: {use: synth, task: persn}\n", `did you mean "person"?`},
		"calibrate":         {calibrating + "  trials: 2\n", "calibrate: trials is 2"},
		"calibrate save":    {strings.Replace(calibrating, "  save: c.gyrus\n", "", 1), "calibrate: save is missing"},
		"calibrate classes": {strings.Replace(calibrating, "T2: right", "T2: left", 1), "must name at least two"},
		"calibrate accept":  {calibrating + "  accept: maybe\n", "must be ask, or a rule"},
		"calibrate metric":  {calibrating + "  accept: {metric: acc, above: 0.5}\n", "unknown metric"},
		"no bound":          {calibrating + "  accept: {metric: ci_low}\n", "say what it must be above, such as {metric: ci_low, above: 0.7}"},
		"wrong side":        {calibrating + "  accept: {below: 0.5}\n", "more is better"},
		"wrong side, rate":  {calibrating + "  accept: {metric: false_per_min, above: 3}\n", "say what it must be below"},
		"bound":             {calibrating + "  accept: {above: 1.5}\n", "balanced_accuracy: above is 1.5, must be 0 to 1"},
		"bound of a rate":   {calibrating + "  accept: {metric: false_per_min, below: 0}\n", "below is 0, must be above 0"},
		"no rule":           {calibrating + "  accept: []\n", "accept has no rule"},
		"key of a rule":     {calibrating + "  accept: [{above: 0.7}, {metric: ci_low, abov: 0.5}]\n", "accept: rule 2"},
		"nothing decides":   {calibrating + "  accept: {metric: decided_rightly, above: 0.5}\n", "the pipeline has none"},
		"nothing at rest":   {calibrating + "  accept: {metric: false_per_min, below: 3}\n", "give false_per_min there"},
		"calibrate key":     {calibrating + "  trails: 5\n", `did you mean "trials"?`},
		"calibrate itself":  {"bundle: c.gyrus\n" + calibrating, "which is the bundle itself"},
		"calibrate play":    {strings.Replace(calibrating, "{use: nats}", "{use: play, file: r.edf}", 1), "whose person sees no cues"},
		"calibrate lsl":     {strings.Replace(calibrating, "{use: nats}", "{use: lsl, name: EEG}", 1) + "  cues: markers\n", "without a stream of marks"},
		"calibrate by URL":  {strings.Replace(calibrating, "{use: nats}", `{use: live, url: "lsl://?name=EEG&markers="}`, 1) + "  cues: markers\n", `without a stream of marks: name it in the source, such as url: "lsl://?name=EEG&markers=name='Cues'"`},
		"calibrate file":    {strings.Replace(calibrating, "  save", "  pipeline: none.yaml\n  save", 1), "none.yaml"},
		"key of adapt":      {good + "adapt: {memroy: 60}\n", `did you mean "memory"?`},
		"lsl predicate":     {"bundle: m\nsource: {use: lsl, predicate: '(('}\n", "is no XPath"},
		"lsl delay":         {"bundle: m\nsource: {use: lsl, delay_s: 60}\n", "delay_s is 60"},
		"key of lsl":        {"bundle: m\nsource: {use: play, file: f, source_id: x}\n", `key "source_id" does nothing with use: play`},
		"policy":            {"bundle: m\nsource: {use: play, file: f, units_policy: maybe}\n", `source: units policy "maybe", must be warn, error`},
		"encoding":          {"bundle: m\nsource: {use: play, file: f, header_encoding: x}\n", `source: unknown encoding of headers "x"`},
		"electrodes of lsl": {"bundle: m\nsource: {use: lsl, name: EEG, electrodes: cap.sfp}\n", `key "electrodes" does nothing with use: lsl`},
		"session name":      {good + "session: a.b\n", `session "a.b"`},
		"valid":             {good + "valid_for_ms: 0\n", "valid_for_ms is 0"},
		"not a number":      {good + "valid_for_ms: soon\n", `key "valid_for_ms": is a string, must be a number`},
		"two documents":     {good + "---\n" + good, "more than one YAML document"},
		"a list at the top": {"- a\n", "must be a mapping"},
	} {
		_, err := ParseConfig("s.yaml", []byte(tc.in))
		var bad *pipeline.SpecError
		if !errors.As(err, &bad) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want a SpecError with %q", name, err, tc.want)
		}
	}
}

// trained is the built-in pipeline, fitted to a simulated person.
func trained(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	q, err := stream.FitLive(t.Context(), "test", spec, []*signal.Recording{person(t)})
	if err != nil {
		t.Fatal(err)
	}
	return q
}

func person(t *testing.T) *signal.Recording {
	t.Helper()
	return personOf(t, 6)
}

// personOf is one with so many trials of each class.
func personOf(t *testing.T, trials int) *signal.Recording {
	t.Helper()
	opt := synth.Defaults()
	opt.Channels, opt.TrialsPerClass = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, trials
	rec, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// stamped hands out a recording at once, with sample times that the test decides on.
type stamped struct {
	signal.Source
	at func(c signal.Chunk) int64
}

func (s *stamped) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.Source.Next(ctx)
	if err == nil {
		c.Time = s.at(c)
	}
	return c, err
}

// TestRun: every window becomes one command, in order, with the scores of the pipeline; a clock that is ahead makes no
// command look younger than it is.
func TestRun(t *testing.T) {
	p := trained(t)
	for _, ahead := range []time.Duration{0, time.Hour} {
		b, err := bus.Open(t.Context(), bus.Options{})
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var got []bus.Command
		sub, err := b.SubscribeCommands("s", "d", func(c bus.Command, _ time.Time) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, c)
		})
		if err != nil {
			t.Fatal(err)
		}
		clock := bus.NewClock()
		w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
		if err != nil {
			t.Fatal(err)
		}
		src, err := Playback(person(t), 50, 0.05, clock)
		if err != nil {
			t.Fatal(err)
		}
		var want []string
		rep, err := Run(t.Context(), Options{
			Source:   &stamped{src, func(c signal.Chunk) int64 { return c.Time + int64(ahead) }},
			Pipeline: p, Commands: w, Clock: clock,
			OnDecision: func(p Decided) { want = append(want, p.Label) },
		})
		if err != nil {
			t.Fatal(err)
		}
		// A receiver that gets no core while more come than the client holds for it loses some: each is counted.
		received := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(got) + int(sub.Stats().Dropped)
		}
		for end := time.Now().Add(patience); received() < len(want) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		for _, c := range []io.Closer{src, w, sub, b} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if len(want) < 500 || rep.Sent != int64(len(want)) || received() != len(want) || len(got) < 2 || rep.NotSent != 0 || rep.Latency.N != uint64(len(want)) {
			t.Fatalf("%d decisions, %d sent, %d received (%+v), %d latencies", len(want), rep.Sent, len(got), sub.Stats(), rep.Latency.N)
		}
		if (rep.Ahead != 0) != (ahead != 0) {
			t.Errorf("clock %v ahead: %d commands say so", ahead, rep.Ahead)
		}
		last := uint64(0)
		for _, c := range got {
			if c.Seq <= last || c.Seq > uint64(len(want)) || c.Label != want[c.Seq-1] || c.AgeMS < 0 || len(c.Scores) != 2 {
				t.Fatalf("behind command %d came %+v, want the label of its window and an age of at least 0", last, c)
			}
			last = c.Seq
		}
	}
}

// TestRunStops: a session that is told to stop ends without an error.
func TestRunStops(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	src, err := Playback(person(t), 1, 0.05, clock)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	rep, err := Run(ctx, Options{Source: src, Pipeline: trained(t), Commands: w, Clock: clock, OnChunk: func(c signal.Chunk) {
		if c.Start > 10 {
			cancel()
		}
	}})
	if err != nil || rep.Chunks == 0 {
		t.Errorf("%d chunks, %v: want a quiet end", rep.Chunks, err)
	}
	for _, c := range []io.Closer{src, w, b} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOpenSource(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := Source{Use: "synth", Seed: 3, Speed: 1000, Chunk: 0.1}
	src, err := s.Open(t.Context(), b, "s", bus.NewClock())
	if err != nil {
		t.Fatal(err)
	}
	c, err := src.Next(t.Context())
	if err != nil || c.Len() != 16 || len(c.X) != 64 {
		t.Errorf("the first chunk has %d samples of %d channels, %v", c.Len(), len(c.X), err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
	s = Source{Use: "play", File: "none.edf"}
	if _, err := s.Open(t.Context(), b, "s", bus.NewClock()); err == nil || !strings.Contains(err.Error(), "none.edf") {
		t.Errorf("a file that is not there: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	s = Source{Use: "lsl", LSL: LSL{Title: "amp & <1>", Type: "EEG", SourceID: "a=b", Markers: "name='Cues'", Delay: 0.06, Counter: "n", Modulus: 128}}
	u, err := url.Parse(s.Name())
	if err != nil {
		t.Fatal(err)
	}
	if o, err := lsl.ParseOptions(u.Query()); err != nil || o.Name != "amp & <1>" || o.Type != "EEG" || o.SourceID != "a=b" || o.Markers != "name='Cues'" || o.DelayS != 0.06 || o.Counter != "n" || o.Modulus != 128 {
		t.Errorf("%s is read as %+v (%v)", s.Name(), o, err)
	}
	s = Source{Use: "nats", Stream: "eeg"}
	if _, err := s.Open(ctx, b, "s", bus.NewClock()); err == nil || !strings.Contains(err.Error(), "is a sender running") {
		t.Errorf("a stream that is not there: %v", err)
	}
}

// TestSchema: every key of a session file is described, with its default.
func TestSchema(t *testing.T) {
	s, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var walk func(where string, m map[string]any)
	walk = func(where string, m map[string]any) {
		props, ok := m["properties"].(map[string]any)
		if !ok {
			return
		}
		for key, v := range props {
			p, ok := v.(map[string]any)
			if !ok || p["description"] == nil {
				t.Errorf("%s%s is not described: %v", where, key, v)
				continue
			}
			walk(where+key+".", p)
		}
	}
	walk("", s)
	age, ok := s["properties"].(map[string]any)["age"].(map[string]any)
	if !ok || age["properties"].(map[string]any)["max_ms"].(map[string]any)["default"] != 1000.0 || age["additionalProperties"] != false {
		t.Errorf("age is %v", age)
	}
}

// TestRequiredStream: a stream that does not come in time fails the start, with what was seen instead.
func TestRequiredStream(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	w, err := bus.NewRawWriter(b, "other", "emg", person(t).Info, bus.NewClock())
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	s := Source{Use: "nats", Stream: "eeg", Wait: 1.5}
	if _, err := s.Open(t.Context(), b, "s", bus.NewClock()); err == nil || !strings.Contains(err.Error(), "required stream") || !strings.Contains(err.Error(), "other/emg (8 channels at 160 Hz") {
		t.Errorf("a stream that is not there: %v", err)
	}
}

// TestEmptySections: a section in which nothing stands is an error that says what to write, and so is one of elsewhere.
func TestEmptySections(t *testing.T) {
	const rest = "bundle: m.gyrus\n"
	for _, key := range []string{"metrics", "age", "record", "dashboard", "watch", "adapt", "calibrate", "bus", "source"} {
		for _, null := range []string{"", " null", " ~"} {
			if _, err := ParseConfig("s.yaml", []byte(rest+key+":"+null+"\n")); err == nil || !strings.Contains(err.Error(), key+" is empty: write what it does, such as "+key+": {") {
				t.Errorf("%s:%s: %v", key, null, err)
			}
		}
	}
	if _, err := ParseConfig("s.yaml", []byte(rest+"source: {use: synth}\nsafety: {watchdog_ms: 250}\n")); err == nil || !strings.Contains(err.Error(), "gyrus control") || !strings.Contains(err.Error(), "3") {
		t.Errorf("safety: %v", err)
	}
}

// TestMetricsHost: a page that reaches the figures under a name of its own is refused; an address and localhost are not.
func TestMetricsHost(t *testing.T) {
	m := serving(t)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	for host, want := range map[string]int{"127.0.0.1:9100": 200, "localhost": 200, "[::1]:9100": 200, "rebind.example:9100": 403, "localhost.example": 403} {
		for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Addr()+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = resp.Body.Close()
			if refused := resp.StatusCode == http.StatusForbidden; refused != (want == 403) {
				t.Errorf("%s asked for as %s: status %d", path, host, resp.StatusCode)
			}
		}
	}
}

// TestStepBeyondValidity: people are told where each command ends before the next one can come.
func TestStepBeyondValidity(t *testing.T) {
	t.Parallel() // it mostly waits
	for valid, want := range map[time.Duration]int{10 * time.Millisecond: 1, 10 * time.Second: 0} {
		b := bustest.Open(t, bus.Options{})
		clock := bus.NewClock()
		w, err := bus.NewCommandWriter(b, "s", "d", valid, clock)
		if err != nil {
			t.Fatal(err)
		}
		src, err := Playback(person(t), 50, 0.05, clock)
		if err != nil {
			t.Fatal(err)
		}
		var notes said
		if _, err := Run(t.Context(), Options{Source: src, Pipeline: trained(t), Commands: w, Clock: clock, Note: notes.note}); err != nil {
			t.Fatal(err)
		}
		if n := notes.count("safe state between any two of them; set valid_for_ms"); n != want {
			t.Errorf("valid for %s: %d such lines, want %d: %q", valid, n, want, notes.lines)
		}
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}
}
