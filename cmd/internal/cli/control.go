package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
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
	ctl.AddCommand(newCursorCommand())
	return ctl
}

// controlFlags are those of every simulated controller.
type controlFlags struct {
	conn     busFlags
	opt      control.Options
	trials   control.Trials
	feedback string
	headless bool
}

func (f *controlFlags) add(cmd *cobra.Command) {
	f.conn.add(cmd)
	f.trials = control.DefaultTrials()
	flags := cmd.Flags()
	flags.StringVar(&f.opt.Decoder, "decoder", "decoder", "name of the decoder on the bus")
	flags.BoolVar(&f.opt.Latch, "latch", false, "keep the first safe state until the end")
	flags.BoolVar(&f.headless, "headless", false, "draw nothing")
	flags.IntVar(&f.trials.Count, "trials", 0, "end after so many trials; 0 goes on until interrupted")
	flags.DurationVar(&f.trials.Hold, "hold", 0, "how long a goal must be held")
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
}

// controlJSON is the last line of gyrus control --json.
type controlJSON struct {
	control.Stats
	Score    control.Score          `json:"score"`
	Feedback *control.FeedbackStats `json:"feedback,omitempty"`
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
	if err := sim.Validate(); err != nil {
		return usageError{err}
	}
	b, err := f.conn.open(cmd)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	rec, err := control.New(b, f.opt)
	if err != nil {
		return err
	}
	var opt control.LoopOptions
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
		opt.JSON = cmd.OutOrStdout()
	}
	if file := screen(cmd, f.headless); file != nil {
		opt.Screen = control.TerminalScreen(file)
	}
	err = control.Run(cmd.Context(), rec, sim, opt)
	err = errors.Join(err, rec.Close()) // stops first
	res := controlJSON{Stats: rec.Stats(), Score: sim.Score()}
	if sender != nil {
		sender.Close()
		stats := sender.Stats()
		res.Feedback = &stats
		if stats.NotSent > 0 && err == nil {
			err = incomplete{fmt.Errorf("feedback on %d trials was not sent", stats.NotSent)}
		}
	}
	if wantsJSON(cmd) {
		return errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(res)) // one line, like the others
	}
	return errors.Join(err, printControl(cmd.OutOrStdout(), &res))
}

func newCursorCommand() *cobra.Command {
	var (
		f        controlFlags
		dirs     [4]string
		targets  int
		speed    float64
		vectors  = [4][2]float64{{-1, 0}, {1, 0}, {0, 1}, {0, -1}}
		names    = [4]string{"left", "right", "up", "down"}
		defaults = [4]string{"left", "right", "", ""}
	)
	cmd := &cobra.Command{
		Use: "cursor", Short: "a cursor that the commands of a session move to targets", Args: cobra.NoArgs,
		Long: `The cursor moves by the newest command: a class in the direction that the flags give it, a continuous value as a velocity.
It stands still in the safe state: whenever there is no command young enough to act on, the decoder falls silent, or the
bus is gone. Each trial begins in the middle and ends at a target, or after --timeout; a safe state stops its clock.

It draws on a terminal; --headless draws nothing, and --json prints a line for every change of state, and the counts and
scores as the last one. It runs until it is interrupted, or to the end of --trials.`,
		Example: `  gyrus control cursor --session s1 --url nats://127.0.0.1:4222 --left feet --right fists
  gyrus control cursor --session s1 --targets 8 --hold 500ms --trials 40     # continuous commands
  gyrus control cursor --session s1 --left feet --right fists --feedback     # a session with adapt learns from it`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := &control.Cursor{Velocities: map[string][2]float64{}, Speed: speed}
			for k, label := range dirs {
				if label == "" {
					continue
				}
				if _, twice := c.Velocities[label]; twice {
					return usageError{fmt.Errorf("--%s is %q, which moves the cursor in another direction already: give each direction a class of its own", names[k], label)}
				}
				c.Velocities[label] = vectors[k]
			}
			task := control.NewCenterOut(c, targets)
			task.Trials = f.trials
			return f.run(cmd, task)
		},
	}
	f.add(cmd)
	for k, name := range names {
		cmd.Flags().StringVar(&dirs[k], name, defaults[k], "class that moves the cursor "+name)
	}
	cmd.Flags().IntVar(&targets, "targets", 2, "2 (right and left), 4 or 8 around the middle")
	cmd.Flags().Float64Var(&speed, "speed", 0.5, "way per second; a target is 0.8 from the middle")
	return cmd
}

// printControl prints what became of the commands and the trials.
func printControl(w io.Writer, r *controlJSON) error {
	s := &r.Stats
	_, err := fmt.Fprintf(w, "commands: %d received, %d accepted, %d expired, %d unproven, %d of an old run, %d duplicate, %d malformed, %d missing; %d safe states\n"+
		"age of the newest sample on arrival: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
		s.Received, s.Accepted, s.Expired, s.Unproven, s.OldRun, s.Duplicate, s.Malformed, s.Gaps, s.SafeEntries, s.Age.P50, s.Age.P99, s.Age.Max)
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
	_, err2 := fmt.Fprintln(w, line)
	return errors.Join(err, err2)
}
