package cli

import (
	"maps"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/stream/control"
)

func newHandCommand() *cobra.Command {
	var (
		f      controlFlags
		h      = control.NewHand()
		safe   string
		grasps map[string]string
		object bool
	)
	cmd := &cobra.Command{
		Use: "hand", Short: "a five-finger prosthetic hand that the commands of a session close and open", Args: cobra.NoArgs,
		Long: `The hand closes to the grasp that the newest class asks for (` + strings.Join(control.GraspNames(), ", ") + `),
or moves by continuous values from -1 (opening) to 1 (closing): one number for the whole grasp, five for the digits from the
thumb on, six with the thumb's rotation first. Joints keep their limits, their speed and their force whatever is asked for.
A trial asks for a grasp of a cup, which slips where the grip is too weak and is crushed where it is too strong.

In the safe state (no command young enough, a silent decoder, no bus) the hand keeps what it holds, and opens slowly where
it holds nothing: a cup that falls because a decoder was restarted hurts more than one that is held for longer, and an open
hand cannot close on anybody. --safe hold freezes it instead, --safe open lets go. An emergency stop always freezes it.` + controlHelp,
		Example: `  gyrus control hand --session s1 --url nats://127.0.0.1:4222 --grasp fists=power --grasp feet=open --goals power,pinch
  gyrus control hand --session s1 --url nats://127.0.0.1:4222 --max-change 2 --max-class-changes 1 --trials 20 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			h.Safe = control.SafeHand(safe)
			if len(grasps) > 0 {
				h.Grasps = maps.Clone(grasps)
			}
			if !object {
				h.Object = nil
			}
			h.Trials = f.trials
			f.moves = "--grasp CLASS=GRASP"
			return f.run(cmd, h)
		},
	}
	f.add(cmd, h.Hold)
	flags := cmd.Flags()
	flags.StringVar(&safe, "safe", string(h.Safe), "without a command: auto (hold an object, open otherwise), hold or open")
	flags.StringToStringVar(&grasps, "grasp", nil, "CLASS=GRASP, again for each class; without it each grasp is a class of its own name")
	flags.StringSliceVar(&h.Goals, "goals", h.Goals, "the grasps of the task")
	flags.BoolVar(&object, "object", true, "a cup to grasp; --object=false: the posture counts")
	flags.Float64Var(&h.Speed, "speed", h.Speed, "largest speed of a joint, degrees per second")
	flags.Float64Var(&h.Force, "force", h.Force, "largest force of a digit, newtons")
	flags.Float64Var(&h.Grip, "grip", h.Grip, "grip at which a class stops closing, newtons")
	return cmd
}
