package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// The bars, in ms, and the part of the peer's that is allowed.
const (
	barP50, barP99, barP999 = 0.5, 2, 5
	barPeer                 = 0.5
)

// The signal: 22 channels at 250 Hz in chunks of 100 ms, as peers/latency.py has it.
const (
	rateHz = 250
	chunkN = 25
)

// definition is the pipeline that both run: windows of 1 s, one with every chunk.
const definition = `
preprocess: [{use: bandpass, low_hz: 8, high_hz: 30, order: 4}]
segment: {use: events, tmin_s: 0.5, tmax_s: 1.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 1, step_s: 0.1}
features: [{use: csp, components: 6}, {use: logvar}]
decoder: {use: lda}
`

// result is one side.
type result struct {
	What    string                     `json:"what"`
	Latency control.Summary            `json:"latency_ms"`
	Stages  map[string]control.Summary `json:"stages_ms,omitempty"`
	Lost    int64                      `json:"lost"`
	Missing int64                      `json:"missing"` // commands that never came
}

func latency(ctx context.Context, o options) error {
	model, info, err := trained()
	if err != nil {
		return err
	}
	var ours, theirs control.Quantiles
	var peer string
	mine := result{What: "gyrus: outlet, inlet, band-pass, CSP+LDA, NATS, subscriber"}
	for range o.rounds {
		r, err := once(ctx, model, info, o.seconds, &ours)
		if err != nil {
			return err
		}
		mine.Stages, mine.Lost = r.Stages, mine.Lost+r.Lost
		mine.Missing += expected(o.seconds)
		if o.python == "" {
			continue
		}
		if peer, err = peerOnce(ctx, o, &theirs); err != nil {
			return err
		}
	}
	mine.Latency = ours.Summary()
	mine.Missing -= int64(mine.Latency.N)
	rows := []result{mine}
	if o.python != "" {
		rows = append(rows, result{What: peer + ": outlet, inlet, band-pass, CSP+LDA (no NATS)", Latency: theirs.Summary()})
	}
	for _, r := range rows {
		if o.json {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		l := r.Latency
		fmt.Printf("%s\n  %d windows: p50 %.3f ms, p99 %.3f ms, p99.9 %.3f ms, max %.3f ms; %d samples lost, %d commands never came\n", r.What, l.N, l.P50, l.P99, l.P999, l.Max, r.Lost, r.Missing)
		for _, name := range session.Stages() {
			if s, ok := r.Stages[name]; ok {
				fmt.Printf("    %-11s p50 %.3f  p99 %.3f  p99.9 %.3f  max %.3f   (last round)\n", name, s.P50, s.P99, s.P999, s.Max)
			}
		}
	}
	return judge(rows)
}

// judge compares with the bars.
func judge(rows []result) error {
	var missed []error
	check := func(what string, got, bar float64) {
		if !(got < bar) {
			missed = append(missed, fmt.Errorf("%s is %.3f ms, must be below %.3f", what, got, bar))
		}
	}
	l := rows[0].Latency
	check("p50", l.P50, barP50)
	check("p99", l.P99, barP99)
	check("p99.9", l.P999, barP999)
	if len(rows) > 1 {
		p := rows[1].Latency
		check("p50 beside half of the peer's", l.P50, barPeer*p.P50)
		check("p99 beside half of the peer's", l.P99, barPeer*p.P99)
		check("p99.9 beside half of the peer's", l.P999, barPeer*p.P999)
		fmt.Printf("gyrus over peer: p50 %.2f, p99 %.2f, p99.9 %.2f (bar %.2f)\n", l.P50/p.P50, l.P99/p.P99, l.P999/p.P999, barPeer)
	}
	if n := rows[0].Missing; n != 0 {
		missed = append(missed, fmt.Errorf("%d commands never came, of %d that had to", n, n+int64(l.N)))
	}
	if rows[0].Lost > 0 {
		missed = append(missed, fmt.Errorf("%d samples were lost", rows[0].Lost))
	}
	return errors.Join(missed...)
}

// trained is the pipeline, fitted to simulated noise: what it says does not matter, how long it takes does.
func trained() (*pipeline.Pipeline, *signal.Info, error) {
	opt := synth.NoiseDefaults()
	opt.Rate, opt.TrialsPerClass = rateHz, 20
	rec, _, err := synth.Noise(opt)
	if err != nil {
		return nil, nil, err
	}
	p, err := fitted(definition, rec)
	return p, rec.Info, err
}

// fitted is a pipeline for live use.
func fitted(def string, rec *signal.Recording) (*pipeline.Pipeline, error) {
	spec, err := pipeline.Parse("live", []byte(def))
	if err != nil {
		return nil, err
	}
	return stream.FitLive(context.Background(), "live", spec, []*signal.Recording{rec})
}

// warmUp is how many chunks at the beginning are not measured.
const warmUp = 20

// expected is how many commands one round must bring: one with every chunk behind the warm-up.
func expected(seconds float64) int64 { return max(0, int64(seconds*rateHz/chunkN)-warmUp) }

// marks remembers when each chunk was pushed and which command came of which.
type marks struct {
	mu     sync.Mutex
	pushed []time.Time
	chunk  map[uint64]int64     // of a command
	early  map[uint64]time.Time // commands that arrived before it was known of which chunk they are
	got    *control.Quantiles
	skip   int64 // chunks of warming up
}

// once runs one session: an outlet, an inlet and a subscriber, each with connections of its own over TCP.
func once(ctx context.Context, p *pipeline.Pipeline, info *signal.Info, seconds float64, into *control.Quantiles) (session.Report, error) {
	var none session.Report
	cfg := lsl.DefaultConfig()
	name := fmt.Sprintf("gyrus-latency-%d", os.Getpid())
	out, err := lsl.NewOutlet(lsl.StreamInfo{
		Name: name, Type: "EEG", Channels: len(info.Channels), Rate: info.Rate, Format: lsl.Float32, SourceID: name, Desc: lsl.Describe(info),
	}, lsl.OutletOptions{Config: &cfg})
	if err != nil {
		return none, err
	}
	in, err := lsl.Open(ctx, lsl.InletOptions{Config: &cfg, Name: name, Wait: 10 * time.Second})
	if err != nil {
		return none, errors.Join(err, out.Close())
	}
	b, err := bus.Open(ctx, bus.Options{})
	if err != nil {
		return none, err
	}
	sub, err := bus.Open(ctx, bus.Options{URL: b.URL()})
	if err != nil {
		return none, err
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "latency", "d", time.Second, clock)
	if err != nil {
		return none, err
	}
	m := &marks{chunk: map[uint64]int64{}, early: map[uint64]time.Time{}, got: into, skip: warmUp}
	if _, err := sub.SubscribeCommands("latency", "d", m.received); err != nil {
		return none, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	var rep session.Report
	go func() {
		var err error
		rep, err = session.Run(ctx, session.Options{
			Source: in, Stream: name, Pipeline: p, Commands: w, Clock: clock, Age: session.AgeDefaults(), Echo: b,
			OnDecision: func(d session.Decided) { m.decided(d.Seq, d.End/chunkN-1) },
		})
		done <- err
	}()
	err = m.push(ctx, out, info, seconds)
	time.Sleep(300 * time.Millisecond) // what is on its way
	stop()
	err = errors.Join(err, <-done)
	for _, end := range []func() error{in.Close, out.Close, w.Close, sub.Close, b.Close} {
		err = errors.Join(err, end())
	}
	return rep, err
}

// push sends a chunk every 100 ms.
func (m *marks) push(ctx context.Context, out *lsl.Outlet, info *signal.Info, seconds float64) error {
	if err := out.WaitReaders(ctx, 1); err != nil {
		return err
	}
	x := signal.NewChunk(info, 0, chunkN).X
	for ch := range x {
		for t := range x[ch] {
			x[ch][t] = float64((ch*7919+t*104729)%1000)/50 - 10
		}
	}
	n := int(seconds * rateHz / chunkN)
	tick := time.NewTicker(time.Second * chunkN / rateHz)
	defer tick.Stop()
	for range n {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		m.mu.Lock()
		m.pushed = append(m.pushed, time.Now())
		m.mu.Unlock()
		if err := out.PushSignal(x, 0); err != nil {
			return err
		}
	}
	return nil
}

// decided notes which chunk completed the window of a command, which may have arrived already; seq is 0 where none was sent.
func (m *marks) decided(seq uint64, chunk int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if at, ok := m.early[seq]; ok {
		delete(m.early, seq)
		m.count(chunk, at)
	} else if seq > 0 {
		m.chunk[seq] = chunk
	}
}

// count adds a command that arrived; m.mu is held.
func (m *marks) count(chunk int64, at time.Time) {
	if chunk >= m.skip && chunk < int64(len(m.pushed)) {
		m.got.Add(at.Sub(m.pushed[chunk]).Seconds() * 1e3)
	}
}

// received takes the time at the subscriber's callback.
func (m *marks) received(c bus.Command, at time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	chunk, ok := m.chunk[c.Seq]
	if !ok {
		m.early[c.Seq] = at
		return
	}
	delete(m.chunk, c.Seq)
	m.count(chunk, at)
}

// peerOnce runs the same with liblsl and NumPy.
func peerOnce(ctx context.Context, o options, into *control.Quantiles) (string, error) {
	cmd := exec.CommandContext(ctx, o.python, filepath.Join("benchmarks", "speed", "live", "peers", "latency.py"), fmt.Sprint(o.seconds))
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1")
	cmd.Stderr = os.Stderr
	raw, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w (run it in the root of the repository)", o.python, err)
	}
	var got struct {
		Peer string    `json:"peer"`
		MS   []float64 `json:"ms"`
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		return "", err
	}
	if len(got.MS) == 0 || slices.Max(got.MS) <= 0 {
		return "", errors.New("the peer measured nothing")
	}
	for _, v := range got.MS {
		into.Add(v)
	}
	runtime.GC() // what the peer's figures left
	return got.Peer, nil
}
