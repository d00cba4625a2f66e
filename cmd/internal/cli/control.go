package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

func newControl() *cobra.Command {
	ctl := &cobra.Command{
		Use: "control", Short: "a simulated controller, with safe states", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	ctl.AddCommand(newCursorCommand(), newHandCommand(), newStopCommand())
	return ctl
}

// controlFlags are those of every simulated controller.
type controlFlags struct {
	conn     busFlags
	opt      control.Options
	trials   control.Trials
	feedback string
	moves    string // the flags that give classes a movement
	headless bool
	keys     bool
}

// controlHelp is what the help of every simulated controller ends with.
const controlHelp = `

Keys, where it draws on a terminal (or with --keys, as bytes on standard input): s emergency stop, r re-arm, q end, and
space, which must be held or pressed again within --dead-man. "gyrus control stop" stops every controller of a session.`

// add registers the flags; a goal must be held for the given time.
func (f *controlFlags) add(cmd *cobra.Command, hold time.Duration) {
	f.conn.add(cmd)
	f.trials = control.DefaultTrials()
	f.trials.Hold = hold
	flags := cmd.Flags()
	flags.DurationVar(&f.opt.Watchdog, "watchdog", 250*time.Millisecond, "longest silence of the decoder")
	flags.DurationVar(&f.opt.MaxSampleAge, "max-sample-age", 0, "largest age of the newest sample behind a command; 0: no limit")
	flags.DurationVar(&f.opt.DeadMan, "dead-man", 0, "act only while the space bar is held: longest time between two presses; 0: no such switch")
	flags.BoolVar(&f.keys, "keys", false, "read keys from standard input, where it is no terminal too")
	l := &f.opt.Limits
	flags.Float64Var(&l.Commands, "max-commands", 0, "most commands per second that are acted on; 0: no limit, here and below")
	flags.Float64Var(&l.ClassChanges, "max-class-changes", 0, "most changes of class per second")
	flags.Float64Var(&l.ChangePerS, "max-change", 0, "largest change of a continuous value per second")
	flags.Float64Var(&l.ChangePerCommand, "max-change-per-command", 0, "largest change of a continuous value from one command to the next")
	flags.StringVar(&f.opt.Decoder, "decoder", "decoder", "name of the decoder on the bus")
	flags.BoolVar(&f.opt.Latch, "latch", false, "keep the first safe state until the end")
	flags.BoolVar(&f.headless, "headless", false, "draw nothing")
	flags.IntVar(&f.trials.Count, "trials", 0, "end after so many trials; 0 goes on until interrupted")
	flags.DurationVar(&f.trials.Hold, "hold", hold, "how long a goal must be held")
	flags.DurationVar(&f.trials.Timeout, "timeout", f.trials.Timeout, "longest trial")
	flags.DurationVar(&f.trials.Pause, "pause", f.trials.Pause, "time before each trial")
	flags.Uint64Var(&f.trials.Seed, "seed", f.trials.Seed, "seed of the order of the goals")
	flags.StringVar(&f.feedback, "feedback", "", "tell the decoder how each trial ended: reward, or label (the class that was meant, beside the reward)")
	flags.Lookup("feedback").NoOptDefVal = string(control.FeedbackReward)
}

// scored is a simulator with a task.
type scored interface {
	control.Simulator
	Score() control.Score
	// Knows says whether it has a movement for a command. It is for any goroutine.
	Knows(c *bus.Command) bool
}

// heartbeatPatience is how long nobody may say that the decoder is there until people are told: heartbeats come every 80 ms.
const heartbeatPatience = 3 * time.Second

// nobodyHere says that nothing of the decoder comes, and what to do. ours says that the server on url is one of this process that nobody
// was told of.
func nobodyHere(decoder, session, url string, ours bool) string {
	line := fmt.Sprintf("nobody publishes as decoder %s in session %s here: %s: ", decoder, session, url)
	if ours {
		return line + "this is a server of this process, which nobody else uses; give the --url that gyrus live prints (or set GYRUS_URL)"
	}
	return line + "start gyrus live, or give its --url, --session and --decoder, which it prints"
}

// unheard says why no heartbeat was taken, "" where one was or commands come all the same. alone is the line of nobodyHere.
func unheard(n *control.Counters, alone string) string {
	switch {
	case n.Heartbeats == 0 && n.HeartbeatsRefused > 0:
		return fmt.Sprintf("none of the heartbeats that come is taken, %d were refused: they are malformed, out of order, or of an older run; see that the decoder is a gyrus of this version, and that no other program publishes as it", n.HeartbeatsRefused)
	case n.Heartbeats == 0 && n.Received == 0:
		return alone
	}
	return ""
}

// unmoved counts the commands that were accepted and that a simulator has no movement for.
type unmoved struct {
	mu       sync.Mutex
	Commands int            `json:"commands"`
	What     map[string]int `json:"what"` // the same by class, or kind of value
}

// maxUnmoved is how many classes are told apart: those on a bus can be anything.
const maxUnmoved = 64

// count counts c.
func (u *unmoved) count(c *bus.Command) {
	what := c.Label
	if c.Kind == bus.KindContinuous {
		what = fmt.Sprintf("(values of %d numbers)", len(c.Value))
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.Commands++
	if _, is := u.What[what]; is || len(u.What) < maxUnmoved {
		u.What[what]++
	}
}

// line is for people, "" where there was none. flags are those that give classes a movement.
func (u *unmoved) line(flags string) string {
	if u.Commands == 0 {
		return ""
	}
	var all []string
	for _, what := range slices.Sorted(maps.Keys(u.What)) {
		all = append(all, fmt.Sprintf("%s (%d)", printable(what), u.What[what]))
	}
	return fmt.Sprintf("without a movement here: %d of the accepted commands, at which it stood: %s; classes get one by %s\n", u.Commands, some(all), flags)
}

// controlJSON is the last line of gyrus control --json.
type controlJSON struct {
	control.Stats
	Score    control.Score      `json:"score"`
	Feedback *control.SentStats `json:"feedback,omitempty"`
	Reports  control.SentStats  `json:"reports"` // to pages, of what the simulator does
	Unmoved  *unmoved           `json:"without_movement"`
}

// run moves sim until it is done or interrupted.
func (f *controlFlags) run(cmd *cobra.Command, sim scored) (err error) {
	f.opt.Session = f.conn.session
	if err := errors.Join(bus.CheckToken("--session", f.conn.session), bus.CheckToken("--decoder", f.opt.Decoder)); err != nil {
		return usageError{err}
	}
	kind := control.FeedbackKind(f.feedback)
	if kind != "" && kind != control.FeedbackReward && kind != control.FeedbackLabel {
		return usageError{fmt.Errorf("--feedback is %q, must be %s or %s", kind, control.FeedbackReward, control.FeedbackLabel)}
	}
	if err := errors.Join(sim.Validate(), f.opt.Validate()); err != nil {
		return usageError{err}
	}
	if f.opt.DeadMan > 0 && !f.keys && screen(cmd, f.headless) == nil {
		return usageError{errors.New("--dead-man needs keys: draw on a terminal, or give --keys and write a space to standard input again and again")}
	}
	unheld(cmd)
	b, err := f.conn.open(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	var steps sync.Mutex // held during each
	opt := control.LoopOptions{Lock: &steps}
	if file := screen(cmd, f.headless); file != nil {
		opt.Screen = control.TerminalScreen(file)
	}
	var stands atomic.Bool  // as of the newest step
	var reason atomic.Value // likewise
	reason.Store(control.ReasonNever)
	f.opt.OnSafe = func(control.Reason) error {
		steps.Lock() // one that is under way may have been begun before
		defer steps.Unlock()
		if !stands.Load() {
			return errors.New("the simulator has not made its next step yet")
		}
		return nil
	}
	if opt.Screen == nil {
		f.opt.OnEmergency = func(s bus.Stop) { note(cmd, "EMERGENCY STOP by %q: %q", s.Source, s.Why) }
	}
	unknown := &unmoved{What: map[string]int{}}
	f.opt.OnCommand = func(c bus.Command, _ time.Time, v control.Verdict) {
		if v == control.Accepted {
			if !sim.Knows(&c) {
				unknown.count(&c)
			}
			return
		}
		attrs := []slog.Attr{slog.Int64("run", c.Run), slog.Uint64("seq", c.Seq)}
		if words := reason.Load().(control.Reason).Words(); v == control.RefusedUnproven && words != "" {
			attrs = append(attrs, slog.String("because", words))
		}
		b.LogRefused(string(v), attrs...)
	}
	rec, err := control.New(b, f.opt)
	if err != nil {
		return err
	}
	alone := nobodyHere(f.opt.Decoder, f.opt.Session, b.URL(), f.conn.opt.URL == "" && f.conn.opt.Port == 0)
	if opt.Screen == nil {
		wait := time.AfterFunc(heartbeatPatience, func() {
			n := rec.Counters()
			if line := unheard(&n, alone); line != "" {
				note(cmd, "%s", line)
			}
		})
		defer wait.Stop()
	}
	opt.Note = func(f *control.Frame) string {
		if f.Seconds > heartbeatPatience.Seconds() {
			return unheard(&f.Counters, alone)
		}
		return ""
	}
	reporter := control.NewReporter(b.SendActuator, f.opt.Session, f.opt.Decoder, rec.Name())
	defer reporter.Close()
	opt.OnStep = func(f control.Frame) {
		stands.Store(f.State == control.StateSafe)
		reason.Store(f.Reason)
		reporter.Step(f)
	}
	ctx, cancel := context.WithCancelCause(cmd.Context())
	defer cancel(nil)
	restore, err := f.readKeys(cmd, opt.Screen != nil, rec, cancel)
	if err != nil {
		return errors.Join(err, rec.Close())
	}
	defer restore()
	var sender *control.FeedbackSender
	if kind != "" {
		sender = control.NewFeedbackSender(b.SendFeedback)
		opt.OnOutcome = func(o control.Outcome) {
			if told, ok := o.Feedback(f.opt.Session, f.opt.Decoder, kind); ok {
				sender.Send(told)
			}
		}
	}
	if wantsJSON(cmd) {
		opt.JSON = plainJSON{cmd.OutOrStdout()}
	}
	err = control.Run(ctx, rec, sim, opt)
	err = errors.Join(err, rec.Close()) // stops first
	restore()
	if sig, ok := context.Cause(ctx).(stopped); ok && err == nil { //nolint:errorlint // the cause is set as it is, by us
		err = sig
	}
	reporter.Close()
	res := controlJSON{Stats: rec.Stats(), Score: sim.Score(), Reports: reporter.Stats(), Unmoved: unknown}
	if sender != nil {
		sender.Close()
		stats := sender.Stats()
		res.Feedback = &stats
		if stats.NotSent > 0 && amiss(err) == nil {
			err = incomplete{fmt.Errorf("feedback on %d trials was not sent", stats.NotSent)}
		}
	}
	if wantsJSON(cmd) {
		return errors.Join(err, json.NewEncoder(plainJSON{cmd.OutOrStdout()}).Encode(res)) // one line, like the others
	}
	return errors.Join(err, printControl(cmd.OutOrStdout(), &res, f.moves))
}

// printControl prints what became of the commands and the trials. flags are those that give classes a movement.
func printControl(w io.Writer, r *controlJSON, flags string) error {
	s := &r.Stats
	_, err := fmt.Fprintf(w, "commands: %d received, %d accepted, %d expired, %d unproven, %d of an old run, %d duplicate, %d in shadow, %d malformed, %d missing; %d safe states\n"+
		"held back: %d blocked, %d too soon, %d changes of class, %d values slowed down; %d emergency stops\n"+
		"age of the newest sample on arrival: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
		s.Received, s.Accepted, s.Expired, s.Unproven, s.OldRun, s.Duplicate, s.Shadow, s.Malformed, s.Gaps, s.SafeEntries,
		s.Blocked, s.Rate, s.Change, s.Slewed, s.EmergencyStops, s.Age.P50, s.Age.P99, s.Age.Max)
	t := &r.Score
	line := fmt.Sprintf("trials: %d of %d goals each: %d hits, %d misses, %d timeouts", t.Trials, t.Goals, t.Hits, t.Misses, t.Timeouts)
	if t.Trials > 0 {
		line += fmt.Sprintf("; %.1f bits/min", t.ITR)
	}
	if t.Hits > 0 {
		line += fmt.Sprintf("; %v to a hit", time.Duration(t.TimeToHit*1e9).Round(10*time.Millisecond))
	}
	if t.PathEfficiency != nil {
		line += fmt.Sprintf("; path efficiency %.2f", *t.PathEfficiency)
	}
	if r.Feedback != nil {
		line += fmt.Sprintf("; feedback: %d sent, %d not sent", r.Feedback.Sent, r.Feedback.NotSent)
	}
	_, err2 := fmt.Fprintf(w, "%s\n%s", line, r.Unmoved.line(flags))
	return errors.Join(err, err2)
}
