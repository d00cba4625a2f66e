package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
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

// leakVar makes a child leak on purpose, so that a test can show that growth is found.
const leakVar = "GYRUS_SOAK_LEAK"

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
	go beat(os.Getenv(leakVar) != "") // ends with the process
	switch {
	case role == "broker" && len(args) == 2:
		return broker(ctx, args[1])
	case role == "broker" && len(args) == 3:
		return guardedBroker(ctx, args[0], args[1], args[2])
	case role == "outlet" && len(args) == 1:
		return outlet(ctx, args[0], lines)
	case role == "decoder" && len(args) >= 2:
		return decoder(ctx, args)
	case role == "recorder" && len(args) == 2:
		return recorder(ctx, args[0], args[1])
	case role == "controller" && len(args) == 2:
		return controller(ctx, args[0], args[1], lines)
	case role == "viewer" && len(args) == 1:
		return viewer(ctx, args[0])
	default:
		return fmt.Errorf("with the arguments %q", args)
	}
}

// controller follows a decoder as an actuator at 50 Hz does. It understands "count" and answers with its counters.
func controller(ctx context.Context, url, session string, lines <-chan string) error {
	b, err := bus.Open(ctx, bus.Options{URL: url})
	if err != nil {
		return err
	}
	rec, err := control.New(b, control.Options{Session: session, Decoder: soakDecoder, Watchdog: watchdog, OnSafe: func(control.Reason) error { return nil }})
	if err != nil {
		return errors.Join(err, b.Close())
	}
	if err := say(map[string]string{"controller": session}); err != nil {
		return err
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return errors.Join(rec.Close(), b.Close())
		case <-lines:
			if err := say(rec.Counters()); err != nil {
				return err
			}
		case <-tick.C:
			rec.Current()
		}
	}
}

// viewer reads everything that is on the bus.
func viewer(ctx context.Context, url string) error {
	nc, err := nats.Connect(url)
	if err != nil {
		return err
	}
	defer nc.Close()
	if _, err := nc.Subscribe(">", func(*nats.Msg) {}); err != nil {
		return err
	}
	if err := say(map[string]string{"viewer": url}); err != nil {
		return err
	}
	<-ctx.Done()
	return nil
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

// answer is what an outlet says to a line: the chunk with which it takes effect is measured in full at FirstNS, nanoseconds
// since 1970 by a clock that does not jump.
type answer struct {
	FirstNS int64 `json:"first_ns"`
}

// schedule says which of n chunks are lost: each with probability part, at least one of them. Both sides work it out.
func schedule(part float64, n int, seed uint64) []bool {
	rng := rand.New(rand.NewPCG(seed, 1))
	lost := make([]bool, n)
	some := false
	for k := range lost {
		lost[k] = rng.Float64() < part
		some = some || lost[k]
	}
	if !some {
		lost[n/2] = true
	}
	return lost
}

// outlet pushes noise in real time. It understands "lose PART N SEED" (see schedule) and "jump SECONDS", which moves its stamps.
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
	var lost []bool // of the chunks to come
	ahead, base := 0.0, lsl.LocalClock()
	for k := 0; ; k++ {
		due := base + float64(k+1)*chunkN/rateHz
		select {
		case <-ctx.Done():
			return out.Close()
		case line := <-lines:
			var part, by float64
			var n int
			var seed uint64
			if c, _ := fmt.Sscanf(line, "lose %g %d %d", &part, &n, &seed); c == 3 {
				lost = schedule(part, n, seed)
			} else if c, _ := fmt.Sscanf(line, "jump %g", &by); c == 1 {
				ahead += by
			} else {
				return fmt.Errorf("line %q is not understood", line)
			}
			if err := say(answer{lsl.Wall(due)}); err != nil {
				return err
			}
		case <-time.After(time.Duration((due - lsl.LocalClock()) * 1e9)):
		}
		if now := lsl.LocalClock(); now < due { // a line came: the chunk is not due yet
			time.Sleep(time.Duration((due - now) * 1e9))
		}
		if len(lost) > 0 {
			gone := lost[0]
			if lost = lost[1:]; gone {
				continue
			}
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

// begun is what a decoder says when it begins.
type begun struct {
	Decoder string `json:"decoder"`
	Run     int64  `json:"run"`
}

// decoder is a live session. Its host's clock may be wrong: then the stamps of commands and of samples are, as they are with
// a machine whose clock was set wrongly when the program began.
func decoder(ctx context.Context, args []string) error {
	fs := flag.NewFlagSet("decoder", flag.ContinueOnError)
	dir := fs.String("dir", "", "operator's directory")
	folder := fs.String("folder", "", "of the run: what holds the decoder back is kept there")
	name := fs.String("session", soakSession, "name of the session")
	wrong := fs.Duration("clock", 0, "how far the host's clock is ahead")
	// What is older than this moves nothing: with a session that is behind, an actuator stops as late as its data are old.
	age := session.Age{MaxMS: 200, Policy: "all"}
	fs.StringVar(&age.Policy, "policy", age.Policy, "for samples that are too old")
	if err := fs.Parse(args); err != nil {
		return err
	}
	opt, stream := bus.Options{URL: fs.Arg(0)}, fs.Arg(1)
	if *dir != "" {
		var err error
		if opt, err = asRole(opt.URL, *dir, bus.RoleDecoder); err != nil {
			return err
		}
	}
	p, err := trained()
	if err != nil {
		return err
	}
	b, err := bus.Open(ctx, opt)
	if err != nil {
		return err
	}
	clock := bus.NewClock().Ahead(*wrong)
	w, err := bus.NewCommandWriter(b, *name, soakDecoder, valid, clock)
	if err != nil {
		return err
	}
	looks := bus.NewTelemetryWriter(w)
	// As a session of gyrus live has it: a stop is heard while the stream is waited for, what holds back is on record, and where nobody
	// knows whether a stop came somebody has to resume the session.
	guard, err := session.NewGuard(session.GuardOptions{Commands: w, Clock: clock, Stops: b, File: heldFile(*folder, *name), Telemetry: looks})
	if err != nil {
		return err
	}
	ctl, err := bus.NewCtl(b, *name, soakDecoder, w.Run(), clock, nil)
	if err != nil {
		return err
	}
	ctl.Handle(guard.Verbs()...)
	cfg := lsl.DefaultConfig()
	wait, found := guard.Waiting(ctx, stream, 30*time.Second)
	src, err := lsl.Open(wait, lsl.InletOptions{Config: &cfg, Name: stream, Wait: 30 * time.Second, Stall: 300 * time.Millisecond})
	found()
	if err != nil {
		return err
	}
	if err := say(begun{*name, w.Run()}); err != nil {
		return err
	}
	_, err = session.Run(ctx, session.Options{
		Source: shifted{src, *wrong}, Stream: stream, Pipeline: p, Commands: w, Clock: clock, Ctl: ctl, Telemetry: looks, Guard: guard,
		Age: age, Watch: session.Watch{StalledMS: 300, LostMS: 2000},
	})
	for _, end := range []func() error{src.Close, ctl.Close, guard.Close, w.Close, b.Close} {
		err = errors.Join(err, end())
	}
	return err
}

// shifted is an inlet on a host whose clock is ahead.
type shifted struct {
	*lsl.Inlet
	by time.Duration
}

// Next has the times that the host believes in.
func (s shifted) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := s.Inlet.Next(ctx)
	c.Time += int64(s.by)
	return c, err
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
	return stream.FitLive(context.Background(), "soak", spec, []*signal.Recording{rec})
}

// readLines hands on every line of a child.
func readLines(r io.Reader, to func([]byte)) {
	in := bufio.NewScanner(r)
	for in.Scan() {
		to(in.Bytes())
	}
}
