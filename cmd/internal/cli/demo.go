package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datadir"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// demoJSON is what gyrus demo --json prints.
type demoJSON struct {
	Data string `json:"data"` // which recordings, or that they are simulated
	scoreJSON
	Cued      int             `json:"cued"`     // trials that the decoder decided on; those whose command was not acted on are not among trials
	Training  scoreJSON       `json:"training"` // cross-validated, on the runs it was fitted to
	Commands  demoCommands    `json:"commands"`
	Age       control.Summary `json:"age_ms"`     // of the newest sample behind a command, at the subscriber's callback
	Latency   control.Summary `json:"latency_ms"` // arrival of the chunk that completes a window → the subscriber's callback
	Hits      int             `json:"hits"`       // targets that the cursor reached
	SafeTimes uint64          `json:"safe_entries"`
	Speed     float64         `json:"speed"`
}

type demoCommands struct {
	Sent     int64  `json:"sent"`
	Received uint64 `json:"received"`
	Expired  uint64 `json:"expired"` // received too old to act on
	Refused  uint64 `json:"refused"` // received and not acted on for another reason: the next ones
	// How long Refused ones had been on their way could not be told (unproven); they were of an older run of the decoder, came
	// twice, broke the schema, or came while the stop was not confirmed.
	Unproven  uint64 `json:"unproven"`
	OldRun    uint64 `json:"old_run"`
	Duplicate uint64 `json:"duplicate"`
	Malformed uint64 `json:"malformed"`
	Blocked   uint64 `json:"blocked"`
}

// The bars on the latency, in milliseconds.
const latencyP50, latencyP99 = 1, 5

// missing says what keeps the result from being complete, "" where nothing does.
func (r *demoJSON) missing() string {
	var why []string
	if lost := r.Commands.Sent - int64(r.Commands.Received); lost != 0 {
		why = append(why, fmt.Sprintf("%d of %d commands did not reach the cursor", lost, r.Commands.Sent))
	}
	if n := r.Commands.Expired + r.Commands.Refused; n > 0 {
		why = append(why, fmt.Sprintf("%d commands were not acted on: %d expired, %d unproven, %d of an old run, %d duplicate, %d malformed, %d blocked",
			n, r.Commands.Expired, r.Commands.Unproven, r.Commands.OldRun, r.Commands.Duplicate, r.Commands.Malformed, r.Commands.Blocked))
	}
	if n := r.Cued - r.Trials; n > 0 {
		why = append(why, fmt.Sprintf("%d of %d trials are not scored, because their command was not acted on", n, r.Cued))
	}
	if why == nil {
		return ""
	}
	return strings.Join(why, "; ") + "; is the machine busy with something else?"
}

// The runs of the demo: imagined fists against feet, EEGMMIDB subject 1.
const demoFolder = "eegmmidb/S001/"

var (
	demoTrain  = []string{"S001R06.edf", "S001R10.edf"}
	demoTest   = "S001R14.edf"
	demoEvents = map[string]string{"T1": "fists", "T2": "feet"}
)

const (
	demoSession, demoDecoder, demoStream = "demo", "csp-lda", "eeg"

	demoChunkS = 0.05
	demoValid  = 250 * time.Millisecond
)

func newDemo() *cobra.Command {
	var speed float64
	var seed uint64
	var headless bool
	var page string
	cmd := &cobra.Command{
		Use: "demo", Short: "recording → training → live session → cursor, in one command", Args: cobra.NoArgs,
		Long: `Demo trains on two runs of a person who imagines moving the fists or the feet, plays a third run as a live stream,
decodes it through NATS, and moves a cursor by the commands. It uses the recordings of EEGMMIDB subject 1 below
$GYRUS_DATA (by default gyrus/data in the XDG data folder), and simulates a person where they are not there.`,
		Example: "  gyrus demo\n  gyrus demo --speed 1\n  gyrus demo --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(speed > 0) || speed > 100 {
				return usageError{fmt.Errorf("--speed is %g, must be above 0 and at most 100", speed)}
			}
			res, err := demo(cmd, speed, seed, headless, page)
			if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, res)
			} else {
				printDemo(cmd, res)
			}
			if why := res.missing(); err == nil && why != "" {
				err = incomplete{errors.New(why)}
			}
			return err
		},
	}
	cmd.Flags().Float64Var(&speed, "speed", 10, "times real time")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed of the simulated person")
	cmd.Flags().BoolVar(&headless, "headless", false, "draw no cursor")
	cmd.Flags().StringVar(&page, "page", "127.0.0.1:0", "host:port of the web page, on loopback; port 0 takes a free one, an empty text serves none")
	return cmd
}

// demoData opens the recordings, or simulates them.
func demoData(cmd *cobra.Command, seed uint64) (what string, train []*signal.Recording, test *signal.Recording, closeAll func(), err error) {
	var paths []string
	for _, name := range append(slices.Clone(demoTrain), demoTest) {
		path, err := datadir.Find(demoFolder + name)
		if errors.Is(err, os.ErrNotExist) {
			note(cmd, "SIMULATED DATA: %v", err)
			return simulatedDemo(seed)
		}
		if err != nil {
			return "", nil, nil, nil, err
		}
		paths = append(paths, path)
	}
	recs, _, closeAll, err := openAll(cmd, paths)
	if err != nil {
		return "", nil, nil, nil, err
	}
	deviations(cmd, recs)
	last := len(recs) - 1
	return "EEGMMIDB S001: R06 and R10 to train, R14 to test", recs[:last], recs[last], closeAll, nil
}

func simulatedDemo(seed uint64) (what string, train []*signal.Recording, test *signal.Recording, closeAll func(), err error) {
	var recs []*signal.Recording
	for run := range uint64(len(demoTrain) + 1) {
		opt := synth.Defaults()
		opt.Subject, opt.Run, opt.Task = seed, run, synth.FistsFeet
		rec, _, err := synth.MotorImagery(opt)
		if err != nil {
			return "", nil, nil, nil, err
		}
		rec.Name = fmt.Sprintf("simulated run %d", run+1)
		recs = append(recs, rec)
	}
	last := len(recs) - 1
	return fmt.Sprintf("simulated (seed %d): 2 runs to train, 1 to test", seed), recs[:last], recs[last], func() {}, nil
}

func demo(cmd *cobra.Command, speed float64, seed uint64, headless bool, listen string) (res demoJSON, err error) {
	unheld(cmd)
	var page *dashboard.Server
	if listen != "" {
		opt := dashboard.Defaults()
		opt.Listen = listen
		if err := opt.Check(); err != nil {
			return res, usageError{fmt.Errorf("--page: %w", err)}
		}
		if page, err = dashboard.Serve(cmd.Context(), opt); err != nil {
			return res, err
		}
		defer func() { err = errors.Join(err, page.Close()) }()
		note(cmd, "page: %s", page.URL())
	}
	what, train, test, closeAll, err := demoData(cmd, seed)
	if err != nil {
		return res, err
	}
	defer closeAll()
	note(cmd, "data: %s", what)

	spec, err := pipeline.Load("csp-lda")
	if err != nil {
		return res, err
	}
	if err := spec.Segment.Set(map[string]any{"events": demoEvents}); err != nil {
		return res, err
	}
	t, err := trainOn(cmd, spec, train, "leave-one-run-out", seed, false)
	if err != nil {
		return res, err
	}
	note(cmd, "trained on %d trials: balanced accuracy %.2f [%.2f, %.2f] when each run is left out in turn", t.Trials, t.BalancedAccuracy, t.CILow, t.CIHigh)
	model, err := t.bundle(cmd.Context(), nil)
	if err != nil {
		return res, err
	}
	p, err := pipeline.FromBundle("demo", model, pipeline.All) // what a live session would load
	if err != nil {
		return res, err
	}

	d := &demoRun{speed: speed, page: page, clock: bus.NewClock(), test: test, pending: map[int64]expected{}, early: map[int64]arrival{}, chose: make([][2]int, 0, 64), classes: p.Classes()}
	if err := d.run(cmd, p, headless); err != nil {
		return res, err
	}
	if res.scoreJSON, err = d.score(); err != nil {
		return res, err
	}
	res.Data, res.Training, res.Speed = what, t.scoreJSON, speed
	res.Commands = demoCommands{
		Sent: d.report.Sent, Received: d.stats.Received, Expired: d.stats.Expired,
		Refused:  d.stats.Received - d.stats.Accepted - d.stats.Expired,
		Unproven: d.stats.Unproven, OldRun: d.stats.OldRun, Duplicate: d.stats.Duplicate, Malformed: d.stats.Malformed, Blocked: d.stats.Blocked,
	}
	res.Cued = d.cued
	res.Age, res.Latency, res.SafeTimes, res.Hits = d.age.Summary(), d.latency.Summary(), d.stats.SafeEntries, d.hits
	return res, nil
}

// maxEarly commands of which nothing is known may be remembered: others than ours are of another program, and must not fill the
// memory.
const maxEarly = 1024

// arrival is a command that has reached the controller.
type arrival struct {
	c  bus.Command
	at time.Time
	v  control.Verdict
}

// expected is what is known of a command when it was sent.
type expected struct {
	arrived time.Time // of the chunk that completed its window
	truth   string    // "" for a window that slides
}

// demoRun is the live part.
type demoRun struct {
	speed   float64
	page    *dashboard.Server // nil for none
	clock   bus.Clock
	test    *signal.Recording
	classes []string

	mu      sync.Mutex
	pending map[int64]expected // by the time of the newest sample
	early   map[int64]arrival  // those that arrived before it was known that they were sent
	chose   [][2]int           // of each trial: truth and decision
	age     control.Quantiles
	latency control.Quantiles
	cued    int    // trials that were decided on
	cue     string // the class of the newest cue
	cues    int

	hits   int
	report session.Report
	stats  control.Stats
}

// run plays the test run through three connections to one server, as three processes would: the amplifier, the decoder
// and the controller.
func (d *demoRun) run(cmd *cobra.Command, p *pipeline.Pipeline, headless bool) (err error) {
	ctx, cancel := context.WithCancel(cmd.Context())
	defer cancel()
	closing := func(end func() error) { err = errors.Join(err, end()) }

	decoderBus, err := bus.Open(ctx, bus.Options{Name: "gyrus-demo-decoder"})
	if err != nil {
		return err
	}
	defer closing(decoderBus.Close)
	other := func(name string) (*bus.Bus, error) {
		return bus.Open(ctx, bus.Options{URL: decoderBus.URL(), Name: "gyrus-demo-" + name})
	}
	playerBus, err := other("player")
	if err != nil {
		return err
	}
	defer closing(playerBus.Close)
	controlBus, err := other("controller")
	if err != nil {
		return err
	}
	defer closing(controlBus.Close)

	receiver, err := control.New(controlBus, control.Options{Session: demoSession, Decoder: demoDecoder, OnCommand: d.received})
	if err != nil {
		return err
	}
	defer closing(receiver.Close)
	writer, err := bus.NewCommandWriter(decoderBus, demoSession, demoDecoder, demoValid, d.clock)
	if err != nil {
		return err
	}
	defer closing(writer.Close)
	src, err := session.Playback(d.test, d.speed, demoChunkS, d.clock)
	if err != nil {
		return err
	}
	// The recording is closed by the caller, with the others.

	// The controller acts on nothing before it has seen how heartbeats come; then the first sample may leave.
	if err := until(ctx, 5*time.Second, func() bool { return receiver.Counters().Heartbeats >= 5 }); err != nil {
		return fmt.Errorf("no heartbeats of the decoder: %w", err)
	}

	cursorDone := make(chan error, 1)
	cursorCtx, stopCursor := context.WithCancel(ctx)
	defer stopCursor()
	sim, opt := d.cursor(cmd, headless)
	reporter := control.NewReporter(controlBus.SendActuator, demoSession, demoDecoder, receiver.Name())
	defer reporter.Close()
	opt.OnStep = reporter.Step
	go func() { cursorDone <- control.Run(cursorCtx, receiver, sim, opt) }()

	raw, playerDone, err := d.play(ctx, decoderBus, playerBus, src)
	if err != nil {
		return err
	}
	defer closing(raw.Close)
	bar := newProgress(cmd, "decoding live", d.test.Len)
	if screen(cmd, headless) != nil {
		bar.out = nil // the cursor is on it
	}
	run := session.Options{
		Source: raw, Stream: demoStream, Pipeline: p, Commands: writer, Clock: d.clock,
		OnChunk:    func(c signal.Chunk) { d.shown(c); bar.set(c.End()) },
		OnDecision: d.decided,
	}
	if run.Guard, err = session.NewGuard(session.GuardOptions{Commands: writer, Clock: d.clock, Stops: decoderBus}); err != nil {
		return err
	}
	defer closing(run.Guard.Close)
	if d.page != nil {
		ctl, err := bus.NewCtl(decoderBus, demoSession, demoDecoder, writer.Run(), d.clock, func(q bus.Request, r bus.Reply) { note(cmd, "%s", asked(q, r)) })
		if err != nil {
			return err
		}
		defer closing(ctl.Close)
		ctl.Handle(run.Guard.Verbs()...)
		run.Ctl = ctl
		attachPage(d.page, &run)
		defer closing(showActuators(cmd, d.page, decoderBus, demoSession, demoDecoder))
		d.page.Start(dashboard.Session{Name: demoSession, Decoder: demoDecoder, Run: writer.Run(), Version: Version, Clock: d.clock, Operator: ctl, Stopper: decoderBus, Holder: run.Guard}, raw.Info())
	}
	d.report, err = session.Run(ctx, run)
	bar.end()
	cancelled := ctx.Err()
	if err = errors.Join(err, cancelled); err != nil {
		cancel()
		return errors.Join(err, ignoreCancel(<-playerDone))
	}
	if err := <-playerDone; err != nil {
		return err
	}
	// What was sent last may still be on its way; what is not there after a second is lost, and the result says so.
	arrived := func() bool { return receiver.Counters().Received >= uint64(d.report.Sent) }
	if err := until(ctx, time.Second, arrived); err != nil && ctx.Err() != nil {
		return err
	}
	stopCursor()
	err = <-cursorDone
	d.hits = sim.Score().Hits
	d.stats = receiver.Stats()
	return err
}

// play starts the player and returns the source that the decoder reads, which misses nothing.
func (d *demoRun) play(ctx context.Context, decoderBus, playerBus *bus.Bus, src signal.Source) (*bus.RawReader, <-chan error, error) {
	raw, err := decoderBus.SubscribeRaw(demoSession, demoStream)
	if err != nil {
		return nil, nil, err
	}
	done := make(chan error, 1)
	go func() {
		var res playJSON
		err := publish(ctx, src, playerBus, d.clock, demoSession, demoStream, &res, func(int64) {})
		if err == nil && res.Failed > 0 {
			err = fmt.Errorf("%d chunks could not be sent", res.Failed)
		}
		done <- err
	}()
	if err := raw.Ready(ctx); err != nil {
		return nil, nil, errors.Join(err, raw.Close())
	}
	return raw, done, nil
}

// ignoreCancel is err without the part that says that it was told to stop.
func ignoreCancel(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// until waits for cond, looking a hundred times a second.
func until(ctx context.Context, atMost time.Duration, cond func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
	return nil
}

// shown remembers which target the person was shown.
func (d *demoRun) shown(c signal.Chunk) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, e := range c.Events {
		if class, ok := demoEvents[e.Label]; ok {
			d.cue = class
			d.cues++
		}
	}
}

// decided is called behind each command, which may have arrived before.
func (d *demoRun) decided(was session.Decided) {
	d.mu.Lock()
	defer d.mu.Unlock()
	want := expected{was.Arrived, was.Truth}
	if was.Truth != "" {
		d.cued++
	}
	if got, ok := d.early[was.Command.TSample]; ok {
		delete(d.early, was.Command.TSample)
		d.match(want, got)
		return
	}
	d.pending[was.Command.TSample] = want
}

// received is called when a command has reached the controller, on the bus's goroutine.
func (d *demoRun) received(c bus.Command, at time.Time, v control.Verdict) {
	d.mu.Lock()
	defer d.mu.Unlock()
	got := arrival{c, at, v}
	want, ok := d.pending[c.TSample]
	if !ok {
		if len(d.early) < maxEarly { // it may not be one of ours: another program uses the session's name
			d.early[c.TSample] = got
		}
		return
	}
	delete(d.pending, c.TSample)
	d.match(want, got)
}

// match counts a command that arrived; d.mu is held.
func (d *demoRun) match(want expected, got arrival) {
	d.latency.Add(got.at.Sub(want.arrived).Seconds() * 1e3)
	d.age.Add(float64(d.clock.At(got.at)-got.c.TSample) / 1e6)
	if want.truth != "" && got.v == control.Accepted {
		d.chose = append(d.chose, [2]int{slices.Index(d.classes, want.truth), slices.Index(d.classes, got.c.Label)})
	}
}

// score is over the trials whose command the controller accepted.
func (d *demoRun) score() (scoreJSON, error) {
	var truth, label []int
	for _, c := range d.chose {
		truth, label = append(truth, c[0]), append(label, c[1])
	}
	return score(d.classes, truth, label, nil)
}

// cursor is what moves: fists to the right, feet to the left. Each cue puts it back into the middle.
func (d *demoRun) cursor(cmd *cobra.Command, headless bool) (*control.CenterOut, control.LoopOptions) {
	c := control.NewCursor("feet", "fists")
	c.Speed = math.Min(20, c.Speed*d.speed)
	task := control.NewCenterOut(c, 2)
	task.Cued, task.Timeout = true, time.Hour // a trial is over with the next cue
	seen := 0
	opt := control.LoopOptions{
		Before: func() {
			d.mu.Lock()
			defer d.mu.Unlock()
			if d.cues == seen {
				return
			}
			seen = d.cues
			task.Cue(c.Velocities[d.cue])
		},
	}
	if f := screen(cmd, headless); f != nil {
		opt.Screen = control.TerminalScreen(f)
	}
	return task, opt
}

func printDemo(cmd *cobra.Command, r demoJSON) {
	w := cmd.OutOrStdout()
	fmt.Fprintf(w, "data                %s\n", r.Data)
	fmt.Fprintf(w, "trials              %d of %d decided live, %d correct\n", r.Trials, r.Cued, r.correct())
	fmt.Fprintf(w, "balanced accuracy   %.3f, 95 %% interval [%.3f, %.3f], chance %.3f\n", r.BalancedAccuracy, r.CILow, r.CIHigh, r.Chance)
	fmt.Fprintf(w, "commands            %d sent, %d received, %d expired, %d refused\n", r.Commands.Sent, r.Commands.Received, r.Commands.Expired, r.Commands.Refused)
	fmt.Fprintf(w, "cursor              %d targets reached, %d safe states\n\n", r.Hits, r.SafeTimes)
	ms := func(name string, s control.Summary) []string {
		return []string{name, fmt.Sprintf("%.3f", s.P50), fmt.Sprintf("%.3f", s.P99), fmt.Sprintf("%.3f", s.P999), fmt.Sprintf("%.3f", s.Max)}
	}
	columns(w, [][]string{
		{"milliseconds", "p50", "p99", "p99.9", "max"},
		ms("age of the newest sample at the controller", r.Age),
		ms("latency chunk → controller", r.Latency),
	})
	verdict := "met"
	if r.Latency.P50 >= latencyP50 || r.Latency.P99 >= latencyP99 {
		verdict = "NOT met on this machine, in this run"
	}
	fmt.Fprintf(w, "latency bar: p50 below %d ms and p99 below %d ms: %s\n", latencyP50, latencyP99, verdict)
}
