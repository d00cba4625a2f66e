package session

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/decoders/adapt"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// muddled is csp-lda, fitted to a simulated person with left and right exchanged: it is nearly always wrong.
func muddled(t *testing.T) *pipeline.Pipeline {
	t.Helper()
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		t.Fatal(err)
	}
	set, err := stream.Collect(t.Context(), []*signal.Recording{person(t)}, p, stream.Watch{})
	if err != nil {
		t.Fatal(err)
	}
	y, err := set.Labels()
	if err != nil {
		t.Fatal(err)
	}
	for i, k := range y.Y {
		y.Y[i] = 1 - k
	}
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	return p
}

// TestAdapter: a session with a model that is wrong learns from the feedback of a controller on the bus, goes live, and
// is right; every piece of feedback is one line of the log.
func TestAdapter(t *testing.T) {
	p := muddled(t)
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	opt := Adapt{Options: adapt.Defaults(), Log: filepath.Join(t.TempDir(), "adapt.jsonl")}
	opt.PerMinute = 100_000 // the recording is played fast
	a, err := NewAdapter(b, "s", "d", opt, Origin{})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var truth, said []string
	known := make(chan string, 1024) // the truth of each command, in order
	given := 0
	sub, err := b.SubscribeCommands("s", "d", func(c bus.Command, _ time.Time) {
		right := <-known
		mu.Lock()
		defer mu.Unlock()
		for uint64(len(said)) < c.Seq {
			said = append(said, "")
		}
		said[c.Seq-1] = c.Label
		f := bus.Feedback{Session: "s", Decoder: "d", Run: c.Run, Seq: c.Seq, Reward: -1, Source: "task"}
		if c.Label == right {
			f.Reward = 1
		}
		if c.Seq%5 == 0 { // the class itself
			f.Reward, f.Label = 0, right
		}
		if err := b.SendFeedback(f); err != nil {
			t.Error(err)
		}
		given++
	})
	if err != nil {
		t.Fatal(err)
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []bus.Feedback{ // none of these teaches anything
		{Session: "s", Decoder: "d", Run: w.Run() - 1, Seq: 1, Reward: 1},
		{Session: "s", Decoder: "d", Run: w.Run(), Seq: 1, Label: "tongue"},
	} {
		if err := b.SendFeedback(f); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := nats.Connect(b.URL())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"{", `{"v":1,"session":"s","decoder":"d","run":1,"seq":1,"reward":2}`} { // nor do these
		if err := raw.Publish(bus.FeedbackSubject("s", "d"), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := raw.Flush(); err != nil {
		t.Fatal(err)
	}
	raw.Close()
	so := synth.Defaults()
	so.Channels, so.TrialsPerClass, so.Run = []string{"FC3", "FC4", "C3", "Cz", "C4", "CP3", "CPz", "CP4"}, 70, 5
	rec, _, err := synth.MotorImagery(so)
	if err != nil {
		t.Fatal(err)
	}
	src, err := Playback(rec, 400, 0.5, clock)
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Run(t.Context(), Options{
		Source: src, Pipeline: p, Commands: w, Clock: clock, Adapter: a,
		OnDecision: func(p Decided) {
			mu.Lock()
			defer mu.Unlock()
			truth = append(truth, p.Truth)
			known <- p.Truth
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []io.Closer{src, w, sub, a, b} {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	rights := func(from, to int) (n int) {
		for i := from; i < to; i++ {
			if said[i] == truth[i] {
				n++
			}
		}
		return n
	}
	n := len(said)
	t.Logf("%d commands, %d right of the first 30, %d of the last 30; %+v", n, rights(0, 30), rights(n-30, n), *rep.Adapt)
	if n != 140 || rights(0, 30) > 6 || rights(n-30, n) < 24 {
		t.Errorf("%d commands, %d right of the first 30, %d of the last 30: want 140, at most 6, at least 24", n, rights(0, 30), rights(n-30, n))
	}
	r := rep.Adapt
	if !r.Decides || r.State != adapt.Live || r.OtherRun != 1 || r.Odd != 1 || r.Malformed != 2 || r.Lost != 0 || r.Sent != n || r.Feedback < given-5 || r.Feedback > given {
		t.Errorf("%d pieces of feedback were given: %+v", given, *r)
	}
	f, err := os.Open(opt.Log)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	lines, live := 0, 0
	for in := bufio.NewScanner(f); in.Scan(); lines++ {
		var rec adapt.Record
		if err := json.Unmarshal(in.Bytes(), &rec); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(rec.Reason, "live") {
			live++
		}
	}
	if lines != r.Feedback+r.Unknown+opt.Settle-1 || live != 1 {
		t.Errorf("%d lines in the log, %d say that it went live: want %d, one for each piece of feedback and for each of the first updates besides, and 1", lines, live, r.Feedback+r.Unknown+opt.Settle-1)
	}
}

// TestAdapterRefuses what it cannot work with.
func TestAdapterRefuses(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	}()
	opt := Adapt{Options: adapt.Defaults()}
	opt.Explore = 1
	if _, err := NewAdapter(b, "s", "d", opt, Origin{}); err == nil || !strings.Contains(err.Error(), "explore") {
		t.Errorf("exploration: %v", err)
	}
	opt = Adapt{Options: adapt.Defaults(), Log: filepath.Join(t.TempDir(), "no", "folder")}
	if _, err := NewAdapter(b, "s", "d", opt, Origin{}); err == nil || !strings.Contains(err.Error(), "folder") {
		t.Errorf("a log in no folder: %v", err)
	}
	a, err := NewAdapter(b, "s", "d", Adapt{Options: adapt.Defaults()}, Origin{})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		t.Fatal(err)
	}
	spec.Decide = &pipeline.Step{Use: "evidence"}
	p, err := pipeline.Build(spec, pipeline.All)
	if err != nil {
		t.Fatal(err)
	}
	if err := a.begin(p, bus.NewClock(), 1, Origin{}); err == nil || !strings.Contains(err.Error(), "decide") {
		t.Errorf("a model with a section decide: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Error(err)
	}
}

// parseLine is one line of the log.
func parseLine(t *testing.T, line string) logLine {
	t.Helper()
	var l logLine
	dec := json.NewDecoder(strings.NewReader(line))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&l); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return l
}

// TestAdapterModels: each model of a session has what was learned beside it: another one begins anew, and the one that is
// gone back to goes on with its bits. Feedback on commands of the model before teaches nothing.
func TestAdapterModels(t *testing.T) {
	b, err := bus.Open(t.Context(), bus.Options{})
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	opt := Adapt{Options: adapt.Defaults(), Log: filepath.Join(dir, "log.jsonl"), Save: filepath.Join(dir, "out.gyrus")}
	opt.Settle = 5
	bundles := []*bundle.Bundle{model(t, "csp-lda", nil), model(t, "csp-lda", map[string]any{"priors": "equal"})}
	a, err := NewAdapter(b, "s", "d", opt, Origin{Bundle: bundles[0], File: "one.gyrus", SHA256: "01"})
	if err != nil {
		t.Fatal(err)
	}
	var ps []*pipeline.Pipeline
	for _, one := range bundles {
		p, err := pipeline.FromBundle("test", one, pipeline.Cued)
		if err != nil {
			t.Fatal(err)
		}
		ps = append(ps, p)
	}
	clock := bus.NewClock()
	begin := func(k int, o Origin) {
		t.Helper()
		if err := a.begin(ps[k], clock, 7, o); err != nil {
			t.Fatal(err)
		}
	}
	seq := uint64(0)
	send := func() {
		t.Helper()
		seq++
		p := &pipeline.Prediction{Row: []float64{float64(seq % 3), 1, 2, 3, float64(seq % 2), 5}, Scores: []float64{0.5, 0.5}, Decision: "left"}
		if _, err := a.decide(p); err != nil {
			t.Fatal(err)
		}
		a.sent(p, seq)
	}
	tell := func() {
		t.Helper()
		if err := a.learn(told{bus.Feedback{Run: 7, Seq: seq, Reward: 1 - 2*int(seq%2)}, time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	begin(0, Origin{})
	for range 12 {
		send()
		tell()
	}
	send()
	first, updates := a.head.Hash(), a.head.Updates()
	begin(1, Origin{Bundle: bundles[1], File: "two.gyrus", SHA256: "02"})
	if tell(); a.head.Updates() != 0 || a.head.Stats().Unknown != 1 {
		t.Errorf("feedback on a command of the model before: %+v", a.head.Stats())
	}
	for k, want := range []bundle.Adapted{{From: "01", File: "one.gyrus", Updates: updates}, {From: "02", File: "two.gyrus", Updates: 6}} {
		if k == 1 {
			for range 6 {
				send()
				tell()
			}
			if err := a.save(); err != nil {
				t.Fatal(err)
			}
		}
		saved, err := bundle.Read(opt.Save)
		if err != nil {
			t.Fatal(err)
		}
		if m := saved.Manifest.Adapted; m == nil || m.From != want.From || m.File != want.File || m.Updates != want.Updates {
			t.Errorf("saved with model %d: %+v, want %+v", k, m, want)
		}
	}
	begin(0, Origin{})
	if a.head.Hash() != first || a.head.Updates() != updates || a.origin.SHA256 != "01" {
		t.Errorf("back at the first model: %s with %d updates of %s, want %s with %d of 01", a.head.Hash(), a.head.Updates(), a.origin.SHA256, first, updates)
	}
	if updates != 12 {
		t.Errorf("%d updates, want 12", updates)
	}
	if err := errors.Join(a.Close(), b.Close()); err != nil {
		t.Error(err)
	}
}
