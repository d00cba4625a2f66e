package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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

func newCursorCommand() *cobra.Command {
	var (
		conn        busFlags
		decoder     string
		left, right string
		latch       bool
		headless    bool
	)
	cmd := &cobra.Command{
		Use: "cursor", Short: "a cursor that the commands of a session move", Args: cobra.NoArgs,
		Long: `The cursor moves left or right by the newest command and stands still in the safe state: whenever there is no command
young enough to act on, the decoder falls silent, or the bus is gone. It draws on a terminal; --headless draws nothing,
and --json prints a line for every change of state, and the counts as the last one. It runs until it is interrupted.`,
		Example: "  gyrus control cursor --session s1 --url nats://127.0.0.1:4222 --left left --right right",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			if err := errors.Join(bus.CheckToken("--session", conn.session), bus.CheckToken("--decoder", decoder)); err != nil {
				return usageError{err}
			}
			if left == right {
				return usageError{fmt.Errorf("--left and --right are both %q, must be two classes of the decoder", left)}
			}
			b, err := conn.open(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			rec, err := control.New(b, control.Options{
				Session: conn.session, Decoder: decoder, Latch: latch,
				OnCommand: func(c bus.Command, _ time.Time, v control.Verdict) {
					if v != control.Accepted {
						b.LogRefused(string(v), slog.Int64("run", c.Run), slog.Uint64("seq", c.Seq))
					}
				},
			})
			if err != nil {
				return err
			}
			opt := control.CursorOptions{Cursor: control.NewCursor(left, right)}
			if wantsJSON(cmd) {
				opt.JSON = cmd.OutOrStdout()
			}
			if f := screen(cmd, headless); f != nil {
				opt.Screen = control.TerminalScreen(f)
			}
			err = control.RunCursor(cmd.Context(), rec, opt)
			err = errors.Join(err, rec.Close()) // stops first
			stats := rec.Stats()
			if wantsJSON(cmd) {
				return errors.Join(err, json.NewEncoder(cmd.OutOrStdout()).Encode(stats)) // one line, like the others
			}
			return errors.Join(err, printStats(cmd.OutOrStdout(), stats))
		},
	}
	conn.add(cmd)
	cmd.Flags().StringVar(&decoder, "decoder", "decoder", "name of the decoder on the bus")
	cmd.Flags().StringVar(&left, "left", "left", "class that moves the cursor to the left")
	cmd.Flags().StringVar(&right, "right", "right", "class that moves the cursor to the right")
	cmd.Flags().BoolVar(&latch, "latch", false, "keep the first safe state until the end")
	cmd.Flags().BoolVar(&headless, "headless", false, "draw nothing")
	return cmd
}

// printStats prints what became of the commands.
func printStats(w io.Writer, s control.Stats) error {
	_, err := fmt.Fprintf(w, "commands: %d received, %d accepted, %d expired, %d unproven, %d of an old run, %d duplicate, %d malformed, %d missing; %d safe states\n"+
		"age of the newest sample on arrival: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
		s.Received, s.Accepted, s.Expired, s.Unproven, s.OldRun, s.Duplicate, s.Malformed, s.Gaps, s.SafeEntries, s.Age.P50, s.Age.P99, s.Age.Max)
	return err
}
