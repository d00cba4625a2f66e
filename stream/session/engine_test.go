package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
)

// patience is how long a test waits for what must happen. A wait ends when it does; a calibration alone takes a core for up to ten
// seconds, and other work may hold the cores.
const patience = 4 * time.Minute

// stepped is a source whose chunks come when the test says so.
type stepped struct {
	signal.Source
	clock bus.Clock
	gate  chan int            // so many chunks may come
	left  int                 // of them
	edit  func(*signal.Chunk) // nil, or changes each
}

func (s *stepped) Next(ctx context.Context) (signal.Chunk, error) {
	for s.left == 0 {
		select {
		case n, ok := <-s.gate:
			if !ok {
				return signal.Chunk{}, io.EOF
			}
			s.left = n
		case <-ctx.Done():
			return signal.Chunk{}, ctx.Err()
		}
	}
	s.left--
	c, err := s.Source.Next(ctx)
	if err != nil {
		return c, err
	}
	c.Time += s.clock.Now() - c.TimeAt(c.End()-1)
	if s.edit != nil {
		s.edit(&c)
	}
	return c, nil
}

// rig is a session at work, with a subscriber and an operator.
type rig struct {
	t     *testing.T
	b     *bus.Bus
	src   *stepped
	mu    sync.Mutex
	cmds  []bus.Command
	looks []bus.Telemetry
	beats []bus.Status
	done  chan struct{}
	rep   Report
	err   error
	stop  context.CancelFunc
}

// start runs a session on rec; edit may change its options.
func start(t *testing.T, rec *signal.Recording, edit func(*Options, *stepped)) *rig {
	t.Helper()
	r := &rig{t: t, done: make(chan struct{})}
	var err error
	if r.b, err = bus.Open(t.Context(), bus.Options{}); err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	cmds, err := r.b.SubscribeCommands("s", "d", func(c bus.Command, _ time.Time) { r.mu.Lock(); defer r.mu.Unlock(); r.cmds = append(r.cmds, c) })
	if err != nil {
		t.Fatal(err)
	}
	beats, err := r.b.SubscribeStatus("s", func(s bus.Status, _ time.Time) { r.mu.Lock(); defer r.mu.Unlock(); r.beats = append(r.beats, s) })
	if err != nil {
		t.Fatal(err)
	}
	looks, err := r.b.SubscribeTelemetry("s", "*", func(s bus.Telemetry, _ time.Time) { r.mu.Lock(); defer r.mu.Unlock(); r.looks = append(r.looks, s) })
	if err != nil {
		t.Fatal(err)
	}
	w, err := bus.NewCommandWriter(r.b, "s", "d", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	ctl, err := bus.NewCtl(r.b, "s", "d", w.Run(), clock, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.src = &stepped{Source: ingest.Play(rec, ingest.PlayOptions{Chunk: 16}), clock: clock, gate: make(chan int, 1000)}
	opt := Options{Source: r.src, Stream: "eeg", Commands: w, Clock: clock, Ctl: ctl, Telemetry: bus.NewTelemetryWriter(w), Echo: r.b}
	edit(&opt, r.src)
	ctx, cancel := context.WithCancel(t.Context())
	r.stop = cancel
	go func() {
		defer close(r.done)
		r.rep, r.err = Run(ctx, opt)
	}()
	r.until("the verbs of the session", func() bool { return r.ask(nil, "status") == nil || r.ended() })
	t.Cleanup(func() {
		cancel()
		<-r.done
		for _, c := range []io.Closer{ctl, w, cmds, beats, looks, r.b} {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return r
}

// ended says whether the session is over.
func (r *rig) ended() bool {
	select {
	case <-r.done:
		return true
	default:
		return false
	}
}

// until waits for ok, called with the lock held.
func (r *rig) until(what string, ok func() bool) {
	r.t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		r.mu.Lock()
		yes := ok()
		r.mu.Unlock()
		if yes {
			return
		}
	}
	r.t.Fatalf("waited in vain for %s", what)
}

// ask asks and decodes the result into v, nil for none.
func (r *rig) ask(v any, verb string, args ...string) error {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), patience)
	defer cancel()
	rep, err := r.b.Ask(ctx, "s", "d", verb, args...)
	if err == nil && v != nil {
		err = json.Unmarshal(rep.Result, v)
	}
	return err
}

// resume lifts what holds the session back, as somebody does who looks how it is, and waits until that has been there for a second.
func (r *rig) resume() {
	r.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		look := r.status()
		_, err := r.b.AskAt(r.t.Context(), bus.Asked{At: time.Now(), Seen: look.TPublish}, "s", "d", "resume")
		if err == nil {
			return
		}
		if !strings.Contains(err.Error(), "must have been there for 1 s") || time.Now().After(end) {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) status() bus.Telemetry {
	r.t.Helper()
	var s bus.Telemetry
	if err := r.ask(&s, "status"); err != nil {
		r.t.Fatal(err)
	}
	return s
}

// chunks lets n chunks come and waits until they are taken in, and until all commands so far have come here: of those that wait for a
// subscriber the bus drops the newest behind the 64th, and on a busy machine they wait while the session goes on.
func (r *rig) chunks(n int) {
	r.t.Helper()
	const most = 32 // at once
	for ; n > most; n -= most {
		r.chunks(most)
	}
	s := r.status()
	want := s.Samples + int64(16*n)
	r.src.gate <- n
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if s = r.status(); s.Samples >= want {
			r.until("the commands of the chunks", func() bool { return int64(len(r.cmds)) >= s.Sent })
			return
		}
	}
	r.t.Fatalf("%d chunks were not taken in", n)
}

// over waits for the end of the session.
func (r *rig) over() (Report, error) {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		r.t.Fatal("the session does not end")
	}
	return r.rep, r.err
}

// written is the pipeline of spec, trained on rec, as a file.
func written(t *testing.T, spec *pipeline.Spec, rec *signal.Recording) string {
	t.Helper()
	p, err := stream.Fit(t.Context(), spec, []*signal.Recording{rec})
	if err != nil {
		t.Fatal(err)
	}
	b, err := p.Bundle("test")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "model.gyrus")
	if err := bundle.Write(path, b); err != nil {
		t.Fatal(err)
	}
	return path
}

// saved is a pipeline trained on a simulated person, as a file; band is its pass band's lower end.
func saved(t *testing.T, lowHz float64, decoder string) (path, sha string) {
	t.Helper()
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	if err := spec.Preprocess[0].Set(map[string]any{"low_hz": lowHz}); err != nil {
		t.Fatal(err)
	}
	spec.Decoder = pipeline.Step{Use: decoder}
	path = written(t, spec, person(t))
	got, err := bundle.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, got.SHA256
}

func load(t *testing.T, path string) Model {
	t.Helper()
	m, err := LoadModel(path)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// with is an option that decodes with a model.
func with(m Model) func(*Options, *stepped) {
	return func(o *Options, _ *stepped) { o.Pipeline, o.SHA256 = m.Pipeline, m.SHA256 }
}

// offline is what a model says of a recording: label and scores by the window's last sample.
func offline(t *testing.T, m Model, rec *signal.Recording) map[int64][]float64 {
	t.Helper()
	out := map[int64][]float64{}
	_, err := stream.Run(t.Context(), ingest.Play(rec, ingest.PlayOptions{Chunk: 16}), m.Pipeline, stream.SinkFunc(func(_ context.Context, p *pipeline.Prediction) error {
		out[p.End] = slices.Clone(p.Scores)
		return nil
	}), stream.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func scoresOf(c bus.Command) []float64 {
	var s []float64
	for _, x := range c.Scores {
		s = append(s, x.P)
	}
	return s
}

// TestSwap swaps models in a running session: one that treats samples alike, whose answers are from the next window on those
// of a session that had it from the start, bit for bit; one with another filter, which warms up first; and back again.
// No window is lost, none comes twice, every command names its model.
func TestSwap(t *testing.T) {
	a, shaA := saved(t, 8, "lda")
	b, shaB := saved(t, 8, "logistic")
	c, shaC := saved(t, 9, "lda")
	rec := person(t)
	ends := map[string]map[int64][]float64{shaA: offline(t, load(t, a), rec), shaB: offline(t, load(t, b), rec), shaC: offline(t, load(t, c), rec)}
	r := start(t, rec, func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.swapWait = patience // however long the 7 s of signal take that the test lets come
	})
	r.chunks(60)
	var got Swapped
	if err := r.ask(&got, "swap", b); err != nil || got != (Swapped{shaA, shaB, b, "kept"}) {
		t.Fatalf("swap to a model that treats samples alike: %+v, %v", got, err)
	}
	r.chunks(40)
	answered := make(chan error, 1)
	go func() { answered <- r.ask(&got, "swap", c) }()
	r.until("the model to warm up", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Pending == shaC })
	if err := r.ask(nil, "swap", a); err == nil || !strings.Contains(err.Error(), "warming up already") {
		t.Errorf("a swap during a swap: %v", err)
	}
	for range 70 {
		r.chunks(1)
	}
	if err := <-answered; err != nil || got != (Swapped{shaB, shaC, c, "warmed"}) {
		t.Fatalf("swap to a model with another filter: %+v, %v", got, err)
	}
	r.chunks(40)
	if s := r.status(); s.Bundle != shaC || s.Before != shaB || s.Pending != "" {
		t.Errorf("decides %.8s, before %.8s, pending %q", s.Bundle, s.Before, s.Pending)
	}
	go func() { answered <- r.ask(&got, "rollback") }()
	r.until("the model before to warm up", func() bool { return r.looks[len(r.looks)-1].Pending == shaB })
	for range 70 {
		r.chunks(1)
	}
	if err := <-answered; err != nil || got != (Swapped{shaC, shaB, b, "warmed"}) {
		t.Fatalf("rollback: %+v, %v", got, err)
	}
	if err := r.ask(&got, "rollback"); err != nil || got != (Swapped{shaB, shaA, "", "kept"}) {
		t.Fatalf("rollback to the first: %+v, %v", got, err)
	}
	if err := r.ask(nil, "rollback"); err == nil || !strings.Contains(err.Error(), "no model before") {
		t.Errorf("rollback beyond the first: %v", err)
	}
	r.chunks(40)
	close(r.src.gate)
	rep, err := r.over()
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{shaA, shaB, shaC, shaB, shaA}; !slices.Equal(rep.Models, want) {
		t.Errorf("models %v, want %v", rep.Models, want)
	}
	r.until("every command", func() bool { return int64(len(r.cmds)) >= rep.Sent })
	// One command to each window of the grid, in order.
	var grid []int64
	for e := range ends[shaA] {
		if e <= 16*320 {
			grid = append(grid, e)
		}
	}
	slices.Sort(grid)
	if len(r.cmds) != len(grid) {
		t.Fatalf("%d commands for %d windows", len(r.cmds), len(grid))
	}
	exact, near := 0, 0
	for i, cmd := range r.cmds {
		want, got := ends[cmd.Bundle][grid[i]], scoresOf(cmd)
		switch {
		case slices.Equal(want, got):
			exact++
		case max(want[0]-got[0], got[0]-want[0]) < 1e-6: // a filter that began later has all but forgotten it
			near++
		default:
			t.Errorf("window %d of %.8s: scores %v, want %v", i, cmd.Bundle, got, want)
		}
	}
	if exact < len(grid)/3 {
		t.Errorf("%d of %d answers are exactly those of a session with that model alone", exact, len(grid))
	}
	t.Logf("%d windows: %d equal to the last bit, %d where the filter began later and differs by less than 1e-6", len(grid), exact, near)
}

// TestSwapRefused: a model that does not fit is refused with the difference, and the session goes on with its own.
func TestSwapRefused(t *testing.T) {
	a, shaA := saved(t, 8, "lda")
	m := load(t, a)
	r := start(t, person(t), with(m))
	r.chunks(60)
	opt := synth.Defaults()
	opt.Channels, opt.TrialsPerClass, opt.Task = []string{"C3", "C4", "Oz"}, 6, synth.FistsFeet
	other, _, err := synth.MotorImagery(opt)
	if err != nil {
		t.Fatal(err)
	}
	file := func(classes map[string]string, rec *signal.Recording) string {
		spec, err := pipeline.Load("csp-lda")
		if err != nil {
			t.Fatal(err)
		}
		if err := spec.Features[0].Set(map[string]any{"components": 2}); err != nil {
			t.Fatal(err)
		}
		if err := spec.Segment.Set(map[string]any{"events": classes}); err != nil {
			t.Fatal(err)
		}
		return written(t, spec, rec)
	}
	same := map[string]string{}
	for i, l := range []string{"T1", "T2"} {
		same[l] = slices.Sorted(slices.Values(m.Pipeline.Classes()))[i]
	}
	broken := filepath.Join(t.TempDir(), "broken.gyrus")
	raw, err := os.ReadFile(a)
	if err != nil {
		t.Fatal(err)
	}
	raw[len(raw)-1] ^= 1
	if err := os.WriteFile(broken, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ file, want string }{
		{file(map[string]string{"T1": "fists", "T2": "feet"}, person(t)), "the new one feet, fists"},
		{file(same, other), "Oz"},
		{broken, "cut short or altered"},
		{filepath.Join(t.TempDir(), "none.gyrus"), "name the bundle that gyrus train -o wrote; a relative path counts from the folder of the session file"},
	} {
		if err := r.ask(nil, "swap", tc.file); err == nil || !strings.Contains(err.Error(), tc.want) || strings.Count(err.Error(), tc.file) != 1 {
			t.Errorf("swap to %s: %v, want %q", tc.file, err, tc.want)
		}
	}
	r.chunks(10)
	if s := r.status(); s.Bundle != shaA || s.Pending != "" || s.Phase != bus.PhaseDecoding {
		t.Errorf("afterwards %.8s decides, %q warms up, the session is %s", s.Bundle, s.Pending, s.Phase)
	}
}

// TestSwapFrom: a relative path counts from the folder of the session, not from where the program was started, where another model of
// that name lies; the answer and the refusal have the whole path.
func TestSwapFrom(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	b, shaB := saved(t, 8, "logistic")
	t.Chdir(filepath.Dir(a))
	m := load(t, a)
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(m)(o, nil)
		o.Dir = filepath.Dir(b)
	})
	r.chunks(60)
	if filepath.Base(a) != filepath.Base(b) {
		t.Fatalf("%s and %s have to have the same name", a, b)
	}
	var got Swapped
	if err := r.ask(&got, "swap", filepath.Base(b)); err != nil || got.To != shaB || got.File != b {
		t.Errorf("swap to %s beside the session: %+v, %v", filepath.Base(b), got, err)
	}
	want := filepath.Join(filepath.Dir(b), "sub", "none.gyrus")
	if err := r.ask(nil, "swap", filepath.Join("sub", "none.gyrus")); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestPause: a paused session sends no command and says so, and goes on with the next window.
func TestPause(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	r := start(t, person(t), with(load(t, a)))
	r.chunks(60)
	var ph struct{ Phase bus.Phase }
	if err := r.ask(&ph, "pause"); err != nil || ph.Phase != bus.PhasePaused {
		t.Fatalf("pause: %v, %v", ph, err)
	}
	r.until("a heartbeat that says waiting", func() bool { return len(r.beats) > 0 && r.beats[len(r.beats)-1].State == bus.StateWaiting })
	before := r.status()
	r.chunks(20)
	s := r.status()
	if s.Sent != before.Sent || s.Held-before.Held != s.Windows-before.Windows || s.Held == 0 {
		t.Errorf("paused: %d commands sent, %d held back of %d windows", s.Sent-before.Sent, s.Held-before.Held, s.Windows-before.Windows)
	}
	if err := r.ask(&ph, "resume"); err != nil || ph.Phase != bus.PhaseDecoding {
		t.Fatalf("resume: %v, %v", ph, err)
	}
	r.chunks(20)
	if after := r.status(); after.Held != s.Held || after.Sent-s.Sent != after.Windows-s.Windows {
		t.Errorf("resumed: %d commands for %d windows", after.Sent-s.Sent, after.Windows-s.Windows)
	}
	if err := r.ask(nil, "accept"); err == nil || !strings.Contains(err.Error(), "no model to judge") {
		t.Errorf("accept: %v", err)
	}
	if err := r.ask(nil, "stop"); err != nil {
		t.Errorf("stop: %v", err)
	}
	rep, err := r.over()
	if err != nil || rep.Held != s.Held || rep.Ctl.Requests == 0 {
		t.Errorf("%v, %d held back", err, rep.Held)
	}
	for _, name := range Stages() {
		if rep.Stages[name].N == 0 {
			t.Errorf("stage %s was not measured", name)
		}
	}
}

// TestEmergencyStop: a session hears the stop of its controllers, sends nothing behind it whoever comes to listen, and goes
// on when an operator resumes it.
func TestEmergencyStop(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	var stopper *bus.Bus
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.Stops, stopper = o.Echo, o.Echo
	})
	r.chunks(60)
	sent := r.status().Sent
	if sent == 0 {
		t.Fatal("no commands")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	if _, err := stopper.SendStop(ctx, "s", bus.Stop{Source: "test", Why: "it grabs"}, 1); err == nil {
		t.Error("a stop that nobody confirms is no error")
	}
	r.until("paused", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Phase == bus.PhasePaused })
	r.until("a heartbeat that says waiting", func() bool { return len(r.beats) > 0 && r.beats[len(r.beats)-1].State == bus.StateWaiting })
	r.chunks(20)
	s := r.status()
	if s.Sent != sent || s.Held == 0 || s.Detail != "EMERGENCY STOP by test: it grabs" {
		t.Errorf("behind the stop %d commands are sent, %d held; %q", s.Sent-sent, s.Held, s.Detail)
	}
	r.resume()
	r.chunks(20)
	if s := r.status(); s.Sent == sent || s.Detail != "" || s.Phase != bus.PhaseDecoding {
		t.Errorf("resumed: %d commands, %s, %q", s.Sent-sent, s.Phase, s.Detail)
	}
	// One of another session is not ours; an empty one, as a button of another make sends it, is.
	ctx2, cancel2 := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel2()
	_, _ = stopper.SendStop(ctx2, "other", bus.Stop{}, 1) // nobody answers
	r.chunks(5)
	if s := r.status(); s.Phase != bus.PhaseDecoding {
		t.Errorf("the stop of another session: %s", s.Phase)
	}
	if err := r.ask(nil, "stop"); err != nil {
		t.Fatal(err)
	}
	if rep, err := r.over(); err != nil || rep.Stops != 1 {
		t.Errorf("%v, %d stops", err, rep.Stops)
	}
}

// TestSwapHangs: a model on a drive that does not answer holds up neither what operators ask for nor the end.
func TestSwapHangs(t *testing.T) {
	a, shaA := saved(t, 8, "lda")
	hang, begun := make(chan struct{}), make(chan struct{}, 20)
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.Load = func(string) (Model, error) {
			begun <- struct{}{}
			<-hang
			return Model{}, errors.New("too late")
		}
	})
	defer close(hang)
	r.chunks(60)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	for range 20 {
		go func() { _, _ = r.b.Ask(ctx, "s", "d", "swap", "x.gyrus") }() // nobody answers the first
	}
	<-begun
	if err := r.ask(nil, "swap", "x.gyrus"); err == nil || !strings.Contains(err.Error(), "another model is being read") {
		t.Errorf("a second model: %v", err)
	}
	for _, verb := range []string{"pause", "status", "resume"} {
		if err := r.ask(nil, verb); err != nil {
			t.Errorf("%s: %v", verb, err)
		}
	}
	r.chunks(5)
	if s := r.status(); s.Bundle != shaA || len(begun) > 0 {
		t.Errorf("%.8s decides, %d more models are being read", s.Bundle, len(begun))
	}
	if err := r.ask(nil, "stop"); err != nil {
		t.Fatal(err)
	}
	if _, err := r.over(); err != nil {
		t.Error(err)
	}
}

// TestStall: a source that falls silent is stalled, then lost, while its newest sample gets older; no command comes, the heartbeat says so, and when it is back
// filters and windows begin anew.
func TestStall(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	m := serving(t)
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.Watch, o.Metrics = Watch{StalledMS: 100, LostMS: 400}, m
	})
	state := func(want string) func() bool {
		return func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Streams[0].State == want }
	}
	r.until("resolving", state("resolving"))
	r.src.gate <- 60
	r.until("connected", state("connected"))
	r.until("stalled", state("stalled"))
	r.until("waiting", func() bool { return r.beats[len(r.beats)-1].State == bus.StateWaiting })
	r.until("lost", state("lost"))
	before := r.status()
	first := *before.Streams[0].AgeMS
	r.until("the age to rise", func() bool { return *r.looks[len(r.looks)-1].Streams[0].AgeMS > first+1000 })
	if first < 300 || *m.peek().t.Streams[0].AgeMS <= first {
		t.Errorf("%g ms old when it was lost, %g ms later, in the metrics", first, *m.peek().t.Streams[0].AgeMS)
	}
	r.src.gate <- 25 // 400 samples: less than a window
	r.until("recovered", state("recovered"))
	r.until("decoding", func() bool { return r.beats[len(r.beats)-1].State == bus.StateDecoding })
	r.until("the samples", func() bool { return r.looks[len(r.looks)-1].Samples >= before.Samples+400 })
	if s := r.status(); s.Windows != before.Windows || s.Streams[0].Losses != 1 || s.Streams[0].Stalls == 0 {
		t.Errorf("a window reaches over the loss: %d before, %d now; %+v", before.Windows, s.Windows, s.Streams[0])
	}
	r.src.gate <- 60
	r.until("windows", func() bool { return r.looks[len(r.looks)-1].Windows > before.Windows })
	close(r.src.gate)
	rep, err := r.over()
	if err != nil || rep.Restarts != 1 || rep.Streams[0].Losses != 1 {
		t.Errorf("%v, %d restarts, %+v", err, rep.Restarts, rep.Streams)
	}
	n := len(rep.Streams[0].Transitions)
	if n < 4 || rep.Streams[0].Transitions[0].From != "resolving" {
		t.Errorf("transitions %+v", rep.Streams[0].Transitions)
	}
}

// TestStaleSamples: what comes too late is left out as a gap, held back, or ends the session, and is always counted.
func TestStaleSamples(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for _, policy := range []string{"skip", "all", "fail"} {
		t.Run(policy, func(t *testing.T) {
			var late bool
			r := start(t, person(t), func(o *Options, s *stepped) {
				with(load(t, a))(o, nil)
				o.Age = Age{MaxMS: 5000, Policy: policy}
				s.edit = func(c *signal.Chunk) {
					if late = c.Start >= 16*60 && c.Start < 16*80; late {
						c.Time -= int64(6 * time.Second)
					}
				}
			})
			r.src.gate <- 160
			if policy == "fail" {
				var stale *StaleError
				if _, err := r.over(); !errors.As(err, &stale) {
					t.Errorf("the session ends with %v", err)
				}
				return
			}
			close(r.src.gate)
			rep, err := r.over()
			if err != nil {
				t.Fatal(err)
			}
			switch policy {
			case "skip":
				if rep.Skipped != 320 || rep.Skips != 1 || rep.Gaps != 1 || rep.Expired != 0 {
					t.Errorf("%d samples skipped in %d stretches, %d gaps", rep.Skipped, rep.Skips, rep.Gaps)
				}
			case "all":
				if rep.Skipped != 0 || rep.Gaps != 0 || rep.Expired != 20 || rep.Sent+rep.Expired != rep.Windows {
					t.Errorf("%d commands held back and %d sent of %d windows, %d gaps", rep.Expired, rep.Sent, rep.Windows, rep.Gaps)
				}
			}
		})
	}
}

// TestTooOldIsSeen: while all that comes is too old to act on, others see how old it is, and that no command goes out.
func TestTooOldIsSeen(t *testing.T) {
	for _, policy := range []string{"skip", "all"} {
		m := serving(t)
		a, _ := saved(t, 8, "lda")
		r := start(t, person(t), func(o *Options, s *stepped) {
			with(load(t, a))(o, nil)
			o.Age, o.Metrics = Age{MaxMS: 5000, Policy: policy}, m
			s.edit = func(c *signal.Chunk) {
				if c.Start >= 16*60 && c.Start < 16*80 {
					c.Time -= int64(60 * time.Second)
				}
			}
		})
		look := func(what string, ok func(age float64) bool) {
			t.Helper()
			r.until(what, func() bool {
				n := len(r.looks)
				return n > 0 && r.looks[n-1].Streams[0].AgeMS != nil && ok(*r.looks[n-1].Streams[0].AgeMS)
			})
		}
		r.src.gate <- 60
		look("samples that are young", func(age float64) bool { return age < 5000 })
		r.src.gate <- 20
		look("samples that are old", func(age float64) bool { return age > 59_000 })
		if why := m.ready(); !strings.Contains(why, "too old") {
			t.Errorf("%s: with samples a minute old /readyz says %q", policy, why)
		}
		r.src.gate <- 20
		look("samples that are young again", func(age float64) bool { return age < 5000 })
		if why := m.ready(); strings.Contains(why, "old") {
			t.Errorf("%s: with young samples /readyz still says %q", policy, why)
		}
		close(r.src.gate)
		if _, err := r.over(); err != nil {
			t.Error(err)
		}
	}
}

// TestLostByKind: a loss is counted under one kind.
func TestLostByKind(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	m := serving(t)
	r := start(t, person(t), func(o *Options, s *stepped) {
		with(load(t, a))(o, nil)
		o.Metrics = m
		o.Source = knowing{s, signal.Health{State: signal.LinkConnected, Suspected: 40, Dropped: 5}}
		s.edit = func(c *signal.Chunk) {
			if c.Start >= 16*60 { // 48 samples are missing, of which the source suspects 40 and threw 5 away
				c.Start += 48
			}
		}
	})
	r.chunks(80)
	r.until("a look behind the loss", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Gaps == 1 })
	for kind, want := range map[string]float64{"suspected": 40, "dropped": 5, "known": 3, "skipped": 0} {
		if got := m.peek().lost[kind]; got != want {
			t.Errorf("%s: %g samples lost, want %g", kind, got, want)
		}
	}
}

// TestSourceLostForGood: a source that nothing can take the place of is told of as lost, at once and in the log, and the session ends with
// that, and with the report of what was done; a loss that is over when its samples are taken is counted.
func TestSourceLostForGood(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	var mu sync.Mutex
	var notes []string
	var entries []record.Entry
	gone := fmt.Errorf("amp: %w: the connection ended", signal.ErrLost)
	src := &dying{err: gone}
	r := start(t, person(t), func(o *Options, s *stepped) {
		with(load(t, a))(o, nil)
		src.stepped = s
		o.Source = src
		o.Note = func(text string) { mu.Lock(); defer mu.Unlock(); notes = append(notes, text) }
		o.OnLog = func(e record.Entry) { mu.Lock(); defer mu.Unlock(); entries = append(entries, e) }
		s.edit = func(c *signal.Chunk) {
			if c.Start == 16*60 {
				src.back()
				c.Anew = true
			}
		}
	})
	r.chunks(120)
	close(r.src.gate)
	rep, err := r.over()
	if !errors.Is(err, signal.ErrLost) || rep.Chunks != 120 || rep.Sent == 0 {
		t.Errorf("%v, %d chunks, %d commands", err, rep.Chunks, rep.Sent)
	}
	if s := rep.Streams[0]; s.State != string(signal.LinkLost) || s.Losses != 2 || s.Detail != gone.Error() {
		t.Errorf("%+v", s)
	}
	mu.Lock()
	defer mu.Unlock()
	for _, want := range []string{"eeg: lost: the outlet is gone", "eeg: recovered: samples come again: filters and windows began anew", "eeg: lost: " + gone.Error()} {
		if n := len(slices.DeleteFunc(slices.Clone(notes), func(s string) bool { return s != want })); n != 1 {
			t.Errorf("%q is said %d times: %q", want, n, notes)
		}
	}
	var lost []record.Entry
	for _, e := range entries {
		if e.Kind == record.KindStream && e.To == string(signal.LinkLost) {
			lost = append(lost, e)
		}
	}
	if len(lost) != 2 || lost[0].Sample != 16*60 || lost[0].Time != r.src.clock.At(src.Health().LostAt) || lost[1].Sample != 16*120 {
		t.Errorf("the log has %+v", lost)
	}
	if end := entries[len(entries)-1]; end.Kind != record.KindEnd || end.Why != gone.Error() || end.Flushed {
		t.Errorf("the log ends with %+v", end)
	}
}

// dying is a source that ends with an error.
type dying struct {
	*stepped
	err error

	mu     sync.Mutex
	health signal.Health
}

// back says that the link was lost, and is back.
func (s *dying) back() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.health = signal.Health{State: signal.LinkRecovered, Losses: 1, LostAt: time.Now(), LostWhy: "the outlet is gone"}
}

func (s *dying) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.stepped.Next(ctx)
	if errors.Is(err, io.EOF) {
		err = s.err
	}
	return c, err
}

func (s *dying) Health() signal.Health {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.health
}

func (s *dying) Arrived() time.Time { return time.Now() }

// knowing is a source that says how it is.
type knowing struct {
	*stepped
	health signal.Health
}

func (s knowing) Health() signal.Health { return s.health }
func (s knowing) Arrived() time.Time    { return time.Now() }

// TestClockAhead: a source whose clock is ahead makes no sample look younger than its arrival, and is told of.
func TestClockAhead(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	r := start(t, person(t), func(o *Options, s *stepped) {
		with(load(t, a))(o, nil)
		o.Age = Age{MaxMS: 5000, Policy: "skip"}
		s.edit = func(c *signal.Chunk) { c.Time += int64(20 * time.Second) }
	})
	r.chunks(60)
	s := r.status().Streams[0]
	if s.AgeMS == nil || *s.AgeMS < 0 || *s.AgeMS > 5000 || !strings.Contains(s.Detail, "its clock is 20.0 s ahead") && !strings.Contains(s.Detail, "its clock is 19.9 s ahead") {
		t.Errorf("age %v, %q", s.AgeMS, s.Detail)
	}
	close(r.src.gate)
	rep, err := r.over()
	if err != nil || rep.Ahead != rep.Sent || rep.Sent == 0 {
		t.Errorf("%v, %d of %d commands of a clock that is ahead", err, rep.Ahead, rep.Sent)
	}
}

// serving is the figures of a session that will be, served until the test ends.
func serving(t *testing.T) *Metrics {
	t.Helper()
	m, err := ServeMetrics(t.Context(), MetricsOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// TestMetrics: Prometheus sees the session, and the probes tell whether it is ready.
func TestMetrics(t *testing.T) {
	m := serving(t)
	defer http.DefaultClient.CloseIdleConnections()
	get := func(path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+m.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		if err = errors.Join(err, res.Body.Close()); err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "starting") {
		t.Errorf("before the session: %d %s", code, body)
	}
	a, _ := saved(t, 8, "lda")
	r := start(t, person(t), func(o *Options, _ *stepped) {
		with(load(t, a))(o, nil)
		o.Metrics, o.Watch = m, Watch{StalledMS: 300, LostMS: 600_000}
	})
	r.chunks(80)
	r.until("a look", func() bool { return len(r.looks) > 1 && r.looks[len(r.looks)-1].Sent > 0 })
	_, body := get("/metrics")
	for _, want := range []string{
		"gyrus_sample_age_seconds{stream=\"eeg\"}", "gyrus_stage_latency_seconds_bucket{stage=\"decode\",le=\"0.001\"}", "gyrus_samples_lost_total{kind=\"known\"} 0",
		"gyrus_samples_lost_total{kind=\"suspected\"} 0", "gyrus_commands_expired_total 0", "gyrus_stream_state{state=\"lost\",stream=\"eeg\"} 0", "gyrus_bus_connected 1",
		"gyrus_samples_total{stream=\"eeg\"} 1280", "gyrus_session_phase{phase=\"decoding\"} 1",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %q", want)
		}
	}
	r.until("stalled", func() bool { return r.looks[len(r.looks)-1].Streams[0].State == "stalled" })
	if code, body := get("/readyz"); code != 503 || !strings.Contains(body, "eeg is stalled") {
		t.Errorf("stalled: %d %s", code, body)
	}
	if code, body := get("/healthz"); code != 200 || body != "ok\n" {
		t.Errorf("health: %d %s", code, body)
	}
	for _, o := range []MetricsOptions{{Listen: "0.0.0.0:0"}, {Listen: "9100"}, {Listen: "example.org:9100"}} {
		if _, err := ServeMetrics(t.Context(), o); err == nil || !strings.Contains(err.Error(), "127.0.0.1") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// TestLostOverAnOutage: samples that are missing where a stream was lost and is back are counted as those of a short gap are: in the
// report, in the telemetry and in the metrics, one number each time.
func TestLostOverAnOutage(t *testing.T) {
	a, _ := saved(t, 8, "lda")
	for _, outage := range []bool{false, true} {
		m := serving(t)
		r := start(t, person(t), func(o *Options, s *stepped) {
			with(load(t, a))(o, nil)
			o.Metrics = m
			if outage {
				o.Watch = Watch{StalledMS: 100, LostMS: 400}
			}
			s.edit = func(c *signal.Chunk) {
				if c.Start >= 16*60 {
					c.Start, c.Events = c.Start+320, nil
				}
			}
		})
		r.src.gate <- 60
		if outage {
			r.until("lost", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Streams[0].State == "lost" })
		}
		r.src.gate <- 60
		r.until("all samples", func() bool { return len(r.looks) > 0 && r.looks[len(r.looks)-1].Samples >= 16*120 })
		r.mu.Lock()
		told := r.looks[len(r.looks)-1].Streams[0].Lost
		r.mu.Unlock()
		if known := m.peek().lost["known"]; told != 320 || known != 320 {
			t.Errorf("outage %v: the telemetry has %d lost samples, the metrics %g, want 320", outage, told, known)
		}
		close(r.src.gate)
		rep, err := r.over()
		if err != nil || rep.Lost != 320 || rep.Streams[0].Lost != 320 || (rep.Restarts == 1) != outage {
			t.Errorf("outage %v: %v, %d samples lost, %d restarts, %+v", outage, err, rep.Lost, rep.Restarts, rep.Streams[0])
		}
	}
}
