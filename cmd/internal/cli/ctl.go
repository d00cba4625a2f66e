package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

func newCtl() *cobra.Command {
	var (
		conn    busFlags
		decoder string
		timeout float64
		seen    int64
	)
	cmd := &cobra.Command{
		Use: "ctl SESSION VERB [ARGUMENT…]", Short: "ask a live session to do something: pause, resume, swap, stop, …", Args: cobra.MinimumNArgs(1),
		Long: `Ctl sends one request to the decoder of a live session and prints what it answers. Without a verb, or with the verb
verbs, it lists what the decoder can be asked for.

Resume lifts a pause at once. An emergency stop it lifts for somebody alone who was shown it: the refusal says what is in force, and
with which --seen to ask again once you have looked whether all may move. What comes behind that is not lifted.

The path that swap is given is one of the machine that decodes. A relative one counts from the folder of the session file, as that of
bundle there does; the answer, or the refusal, has the whole path.`,
		Example: `  gyrus ctl s1 status --url nats://127.0.0.1:4222
  gyrus ctl s1 pause --url nats://127.0.0.1:4222
  gyrus ctl s1 resume --url nats://127.0.0.1:4222                             # behind a pause
  gyrus ctl s1 resume --seen 1767225600100000000 --url nats://127.0.0.1:4222  # behind an emergency stop, as the refusal says
  gyrus ctl s1 swap tuesday.gyrus --url nats://127.0.0.1:4222`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			asked := time.Now() // what comes to the decoder from now on is not meant
			conn.fromEnv(cmd)
			if conn.opt.URL == "" {
				return usageError{errors.New("--url is missing: the NATS server of the session, as gyrus live prints it (or set GYRUS_URL)")}
			}
			if !(timeout > 0 && timeout <= 3600) {
				return usageError{fmt.Errorf("--timeout is %g, must be above 0 and at most 3600 seconds", timeout)}
			}
			if conn.session = args[0]; bus.CheckToken("SESSION", conn.session) != nil {
				return usageError{bus.CheckToken("SESSION", conn.session)}
			}
			verb, rest := "verbs", []string(nil)
			if len(args) > 1 {
				verb, rest = args[1], args[2:]
			}
			if err := errors.Join(bus.CheckToken("--decoder", decoder), bus.CheckToken("VERB", verb)); err != nil {
				return usageError{err}
			}
			switch shown := cmd.Flags().Changed("seen"); {
			case shown && verb != "resume" && verb != "actuate":
				return usageError{fmt.Errorf("--seen says what somebody was shown who asks for resume or actuate, it does nothing for %s: leave it out", verb)}
			case shown && seen <= 0:
				return usageError{fmt.Errorf("--seen is %d, must be the number that the refusal printed, or t_publish_ns of status", seen)}
			}
			b, err := conn.open(cmd)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			ctx, cancel := context.WithTimeout(cmd.Context(), time.Duration(timeout*float64(time.Second)))
			defer cancel()
			r, err := b.AskAt(ctx, bus.Asked{At: asked, Seen: seen}, conn.session, decoder, verb, rest...)
			if refused := (*bus.RefusedError)(nil); errors.As(err, &refused) {
				err = errors.New(inline(err.Error())) // its words are those of the decoder, or of who says to be it
				if r.Seen > 0 {
					err = fmt.Errorf("%w; when you have looked, say the same with --seen %d", err, r.Seen)
				}
			} else if err != nil {
				return err
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, r))
			}
			if err != nil {
				printVerbs(cmd.ErrOrStderr(), r.Verbs)
				return err
			}
			return printReply(cmd.OutOrStdout(), r)
		},
	}
	cmd.Flags().StringVar(&conn.opt.URL, "url", "", "NATS server of the session, nats://host:4222 (environment: GYRUS_URL)")
	conn.addCredentials(cmd)
	cmd.Flags().SetNormalizeFunc(func(_ *pflag.FlagSet, name string) pflag.NormalizedName {
		if name == "bus" {
			name = "url"
		}
		return pflag.NormalizedName(name)
	})
	cmd.Flags().StringVar(&decoder, "decoder", "decoder", "name of the decoder on the bus")
	cmd.Flags().Int64Var(&seen, "seen", 0, "for resume and actuate: up to when you were shown how the decoder is, the number that a refusal of resume prints, or t_publish_ns of status")
	cmd.Flags().Float64Var(&timeout, "timeout", 10, "how long to wait for the answer, in seconds")
	return cmd
}

// printReply prints what a decoder answered.
func printReply(w io.Writer, r bus.Reply) error {
	printVerbs(w, r.Verbs)
	if len(r.Verbs) > 0 {
		return nil
	}
	if len(r.Result) == 0 {
		fmt.Fprintln(w, "done")
		return nil
	}
	var text bytes.Buffer
	if err := json.Indent(&text, r.Result, "", "  "); err != nil {
		return err
	}
	fmt.Fprintln(plainJSON{w}, text.String())
	return nil
}

// printVerbs prints what a decoder can be asked for.
func printVerbs(w io.Writer, verbs []bus.VerbInfo) {
	width := 0
	for _, v := range verbs {
		width = max(width, len(usageOf(v)))
	}
	for _, v := range verbs {
		say(w, "%-*s  %s\n", width, usageOf(v), inline(v.Doc))
	}
}

// usageOf is a verb with its arguments.
func usageOf(v bus.VerbInfo) string {
	return inline(strings.Join(append([]string{v.Verb}, v.Args...), " "))
}
