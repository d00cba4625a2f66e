package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// roleVar is the variable of the environment that makes this program one of the children.
const roleVar = "GYRUS_SOAK_ROLE"

// The signal: 8 channels at 250 Hz in chunks of 100 ms, and a command with every chunk, which is valid for 250 ms.
const (
	rateHz   = 250
	chunkN   = 25
	windowS  = 1.0
	valid    = 250 * time.Millisecond
	watchdog = 250 * time.Millisecond

	soakSession, soakDecoder = "soak", "d"
)

const definition = `
preprocess: [{use: bandpass, low_hz: 8, high_hz: 30, order: 4}]
segment: {use: events, tmin_s: 0.5, tmax_s: 1.5, events: {T1: left, T2: right}}
live: {use: sliding, length_s: 1, step_s: 0.1}
features: [{use: csp, components: 4}, {use: logvar}]
decoder: {use: lda}
`

// child plays one role until its input ends.
func child(role string, args []string) error {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	lines := make(chan string)
	go func() {
		in := bufio.NewScanner(os.Stdin)
		for in.Scan() {
			lines <- in.Text()
		}
		cancel() // the parent is gone, or wants the end
	}()
	switch {
	case role == "broker" && len(args) == 2:
		return broker(ctx, args[1])
	case role == "broker" && len(args) == 3:
		return guardedBroker(ctx, args[0], args[1], args[2])
	case role == "outlet" && len(args) == 1:
		return outlet(ctx, args[0], lines)
	case role == "decoder" && len(args) == 2:
		return decoder(ctx, bus.Options{URL: args[0]}, args[1])
	case role == "decoder" && len(args) == 3:
		opt, err := asRole(args[0], args[2], bus.RoleDecoder)
		if err != nil {
			return err
		}
		return decoder(ctx, opt, args[1])
	case role == "recorder" && len(args) == 2:
		return recorder(ctx, args[0], args[1])
	default:
		return fmt.Errorf("with the arguments %q", args)
	}
}

// recorder writes a stream down.
func recorder(ctx context.Context, path, stream string) error {
	cfg := lsl.DefaultConfig()
	src, err := lsl.Open(ctx, lsl.InletOptions{Config: &cfg, Name: stream, Wait: 30 * time.Second})
	if err != nil {
		return err
	}
	rec, err := record.Create(record.Options{Path: path, Info: src.Info()})
	if err != nil {
		return err
	}
	for first := true; ; first = false {
		c, err := src.Next(ctx)
		if err != nil {
			_, end := rec.Close()
			return errors.Join(err, end, src.Close())
		}
		if rec.Chunk(c); first {
			if err := say(map[string]string{"recording": path}); err != nil {
				return err
			}
		}
	}
}

// say prints one line of JSON for the parent.
func say(v any) error { return json.NewEncoder(os.Stdout).Encode(v) }

// broker is the server of gyrus on one port of the loopback interface.
func broker(ctx context.Context, port string) error {
	n, err := strconv.Atoi(port)
	if err != nil {
		return err
	}
	b, err := bus.Open(ctx, bus.Options{Port: n})
	if err != nil {
		return err
	}
	if err := say(map[string]string{"url": b.URL()}); err != nil {
		return err
	}
	<-ctx.Done()
	return b.Close()
}

func info() *signal.Info {
	in := &signal.Info{Rate: rateHz}
	for _, n := range strings.Fields("FC3 FC4 C3 Cz C4 CP3 CPz CP4") {
		in.Channels = append(in.Channels, signal.Channel{Name: n, Original: n, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return in
}

// pushed is what an outlet did since it was last asked.
type pushed struct {
	Chunks  int `json:"chunks"`
	Lost    int `json:"lost"`
	Runs    int `json:"runs"`    // stretches of lost chunks
	Windows int `json:"windows"` // that lie between two losses, or behind the last
}

// outlet pushes noise in real time. It understands "loss P", "jump S" and "count", and answers each with what it did so far.
func outlet(ctx context.Context, name string, lines <-chan string) error {
	in := info()
	cfg := lsl.DefaultConfig()
	out, err := lsl.NewOutlet(lsl.StreamInfo{Name: name, Type: "EEG", Channels: len(in.Channels), Rate: rateHz, Format: lsl.Float32, SourceID: name, Desc: lsl.Describe(in)}, lsl.OutletOptions{Config: &cfg})
	if err != nil {
		return err
	}
	if err := say(map[string]string{"outlet": name}); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(1, uint64(os.Getpid())))
	x := signal.NewChunk(in, 0, chunkN).X
	var did pushed
	loss, ahead, run, losing := 0.0, 0.0, 0, false
	base := lsl.LocalClock()
	const need = windowS * rateHz / chunkN // chunks of a window
	for k := 0; ; k++ {
		due := base + float64(k+1)*chunkN/rateHz
		select {
		case <-ctx.Done():
			return out.Close()
		case line := <-lines:
			word, arg, _ := strings.Cut(line, " ")
			v, err := strconv.ParseFloat(arg, 64)
			if arg != "" && err != nil {
				return err
			}
			switch word {
			case "loss":
				loss, did, run = v, pushed{}, 0
			case "jump":
				ahead += v
			}
			if err := say(did); err != nil {
				return err
			}
		case <-time.After(time.Duration((due - lsl.LocalClock()) * 1e9)):
		}
		if now := lsl.LocalClock(); now < due { // a line came: the chunk is not due yet
			time.Sleep(time.Duration((due - now) * 1e9))
		}
		did.Chunks++
		if rng.Float64() < loss {
			did.Lost++
			if !losing {
				did.Runs++
			}
			losing, run = true, 0
			continue
		}
		losing = false
		if run++; run >= need {
			did.Windows++
		}
		for ch := range x {
			for t := range x[ch] {
				x[ch][t] = 10 * rng.NormFloat64()
			}
		}
		if err := out.PushSignal(x, due+ahead); err != nil {
			return err
		}
	}
}

// pulse is what a decoder says of itself once a second.
type pulse struct {
	Goroutines int     `json:"goroutines"`
	HeapMB     float64 `json:"heap_mb"`
	Samples    int64   `json:"samples"`
	URL        string  `json:"url,omitempty"`
}

func decoder(ctx context.Context, opt bus.Options, stream string) error {
	p, err := trained()
	if err != nil {
		return err
	}
	b, err := bus.Open(ctx, opt)
	if err != nil {
		return err
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, soakSession, soakDecoder, valid, clock)
	if err != nil {
		return err
	}
	ctl, err := bus.NewCtl(b, soakSession, soakDecoder, w.Run(), clock, nil)
	if err != nil {
		return err
	}
	cfg := lsl.DefaultConfig()
	src, err := lsl.Open(ctx, lsl.InletOptions{Config: &cfg, Name: stream, Wait: 30 * time.Second, Stall: 300 * time.Millisecond})
	if err != nil {
		return err
	}
	var samples atomic.Int64
	go func() { // ends with the process
		for range time.Tick(time.Second) {
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			_ = say(pulse{Goroutines: runtime.NumGoroutine(), HeapMB: float64(m.HeapAlloc) / 1e6, Samples: samples.Load()}) // who does not hear it is gone
		}
	}()
	_, err = session.Run(ctx, session.Options{
		Source: src, Stream: stream, Pipeline: p, Commands: w, Clock: clock, Ctl: ctl, Telemetry: bus.NewTelemetryWriter(w),
		// What is older than this moves nothing: with a session that is behind, an actuator stops as late as its data are old.
		Age: session.Age{MaxMS: 200, Policy: "skip"}, Watch: session.Watch{StalledMS: 300, LostMS: 2000},
		OnChunk: func(c signal.Chunk) { samples.Add(int64(c.Len())) },
	})
	for _, end := range []func() error{src.Close, ctl.Close, w.Close, b.Close} {
		err = errors.Join(err, end())
	}
	return err
}

// trained is the pipeline, fitted to simulated noise.
func trained() (*pipeline.Pipeline, error) {
	opt := synth.NoiseDefaults()
	opt.Rate, opt.TrialsPerClass, opt.Channels = rateHz, 12, info().Names()
	rec, _, err := synth.Noise(opt)
	if err != nil {
		return nil, err
	}
	spec, err := pipeline.Parse("soak", []byte(definition))
	if err != nil {
		return nil, err
	}
	p, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return nil, err
	}
	set, err := stream.Collect(context.Background(), []*signal.Recording{rec}, p, stream.Watch{})
	if err != nil {
		return nil, err
	}
	y, err := set.Labels()
	if err != nil {
		return nil, err
	}
	if err := p.Fit(set, y); err != nil {
		return nil, err
	}
	b, err := p.Bundle("")
	if err != nil {
		return nil, err
	}
	return pipeline.FromBundle("soak", b, pipeline.All)
}

// readLines hands on every line of a child.
func readLines(r io.Reader, to func([]byte)) {
	in := bufio.NewScanner(r)
	for in.Scan() {
		to(in.Bytes())
	}
}
