package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/stream/control"
)

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
scores as the last one. It runs until it is interrupted, or to the end of --trials.` + controlHelp,
		Example: `  gyrus control cursor --session s1 --url nats://127.0.0.1:4222 --left feet --right fists
  gyrus control cursor --session s1 --url nats://127.0.0.1:4222 --targets 8 --hold 500ms --trials 40   # continuous commands
  gyrus control cursor --session s1 --url nats://127.0.0.1:4222 --left feet --right fists --feedback   # a session with adapt learns from it`,
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
			f.moves = "--left, --right, --up and --down"
			return f.run(cmd, task)
		},
	}
	f.add(cmd, 0)
	for k, name := range names {
		cmd.Flags().StringVar(&dirs[k], name, defaults[k], "class that moves the cursor "+name)
	}
	cmd.Flags().IntVar(&targets, "targets", 2, "2 (right and left), 4 or 8 around the middle")
	cmd.Flags().Float64Var(&speed, "speed", 0.5, "way per second; a target is 0.8 from the middle")
	return cmd
}
