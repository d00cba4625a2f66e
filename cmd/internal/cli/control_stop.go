package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// stopJSON is what gyrus control stop --json prints.
type stopJSON struct {
	Session string           `json:"session"`
	Stopped []bus.StopAnswer `json:"stopped"` // who has confirmed
}

func newStopCommand() *cobra.Command {
	var (
		conn        busFlags
		controllers int
		wait        time.Duration
		why         string
	)
	cmd := &cobra.Command{
		Use: "stop", Short: "emergency stop of every controller of a session", Args: cobra.NoArgs,
		Long: `Stop is sent again and again until so many controllers have answered that their actuator stands. The stop is latched: each
controller goes on only when it is re-armed where its actuator can be seen. Without an answer the exit code is 1: stop by
hand. Any message on the session's stop subject does the same: nats pub gyrus.SESSION.stop ''`,
		Example: "  gyrus control stop --session s1 --url nats://127.0.0.1:4222 --controllers 2",
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			conn.fromEnv(cmd)
			switch {
			case conn.opt.URL == "":
				return usageError{errors.New("--url is empty (environment: GYRUS_URL): a stop is for the controllers on a server that runs")}
			case controllers < 1:
				return usageError{fmt.Errorf("--controllers is %d, must be at least 1", controllers)}
			case wait <= 0:
				return usageError{fmt.Errorf("--wait is %v, must be above 0", wait)}
			}
			b, err := conn.open(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			ctx, cancel := context.WithTimeout(cmd.Context(), wait)
			defer cancel()
			host, err := os.Hostname()
			if err != nil {
				host = "gyrus control stop"
			}
			stood, err := b.SendStop(ctx, conn.session, bus.Stop{Source: host, Why: why}, controllers)
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, stopJSON{conn.session, stood}))
			}
			for _, a := range stood {
				say(cmd.OutOrStdout(), "stands: controller %s of decoder %s\n", a.Controller, a.Decoder)
			}
			return err
		},
	}
	conn.addJoining(cmd)
	cmd.Flags().IntVar(&controllers, "controllers", 1, "how many must answer")
	cmd.Flags().DurationVar(&wait, "wait", 5*time.Second, "how long to try")
	cmd.Flags().StringVar(&why, "why", "", "what people are shown")
	return cmd
}
