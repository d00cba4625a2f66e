package cli

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/lsl"
)

// streamJSON is a row of gyrus streams --json.
type streamJSON struct {
	lsl.StreamInfo
	Format string `json:"format"`
}

func newStreams() *cobra.Command {
	var (
		wait      float64
		predicate string
	)
	cmd := &cobra.Command{
		Use: "streams", Short: "what is on the network", Args: cobra.NoArgs,
		Long: `Streams lists the streams of the lab streaming layer (LSL) that answer within a while. The ports of this machine are always
asked, so that streams are found in containers and where multicast is switched off. The file that the variable LSLAPICFG
names, as for liblsl, says which other machines to ask (KnownPeers), how far questions travel (ResolveScope), and of which session
streams are looked for (SessionID). Streams of other sessions are counted, and known peers without an address named, on stderr.`,
		Example: `  gyrus streams
  gyrus streams --predicate "type='EEG' and nominal_srate>=250" --json
  gyrus streams --predicate "desc/channels/channel/label='Cz'"`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !(wait > 0 && wait <= 3600) {
				return usageError{fmt.Errorf("--wait is %g, must be above 0 and at most 3600 seconds", wait)}
			}
			if err := lsl.CheckPredicate(predicate); err != nil {
				return usageError{err}
			}
			cfg, err := lsl.Environment()
			if err != nil {
				return usageError{err}
			}
			opt := lsl.ResolveOptions{Config: &cfg, Wait: time.Duration(math.Round(wait * 1e9))}
			var hints []lsl.Hint
			var failed error
			var asking sync.WaitGroup
			asking.Go(func() { hints, failed = lsl.Hints(cmd.Context(), opt) })
			odd := 0
			found, err := lsl.Resolve(cmd.Context(), lsl.ResolveOptions{Config: &cfg, Predicate: predicate, Wait: opt.Wait, Odd: func(a lsl.OddAnswer) {
				odd++
				note(cmd, "%s", inline(a.String()))
			}})
			asking.Wait()
			if err := errors.Join(err, failed); err != nil {
				return err
			}
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if len(found)+odd == 0 {
				note(cmd, "no stream answered within %g s (session %q, scope %s, UDP ports %d and %d to %d): is the sender running, in the same network and session, and not behind a firewall?",
					wait, cfg.SessionID, cfg.Scope, cfg.DiscoveryPort, cfg.BasePort, cfg.BasePort+cfg.PortRange-1)
			}
			for _, h := range hints {
				note(cmd, "%s", inline(h.String()))
			}
			if wantsJSON(cmd) {
				rows := []streamJSON{}
				for _, f := range found {
					rows = append(rows, streamJSON{f, f.Format.String()})
				}
				return printJSON(cmd, rows)
			}
			if len(found) == 0 {
				return nil
			}
			rows := [][]string{{"name", "type", "channels", "rate", "format", "host", "source_id", "uid", "address"}}
			for _, f := range found {
				rate := "irregular"
				if f.Rate > 0 {
					rate = fmt.Sprintf("%g Hz", f.Rate)
				}
				rows = append(rows, []string{
					f.Name, f.Type, strconv.Itoa(f.Channels), rate, f.Format.String(), f.Hostname, f.SourceID, f.UID, f.Endpoint().String(),
				})
			}
			columns(cmd.OutOrStdout(), rows)
			return nil
		},
	}
	cmd.Flags().Float64Var(&wait, "wait", 1.5, "seconds to wait for answers")
	cmd.Flags().StringVar(&predicate, "predicate", "", "only streams of which this XPath is true, seen from <info>")
	return cmd
}
