package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

func newBus() *cobra.Command {
	cmd := &cobra.Command{
		Use: "bus", Short: "the NATS server of a session: keys and roles, running it, checking it, its audit", Args: cobra.NoArgs,
		Long: `On one machine gyrus needs none of this: the server inside a session listens on the loopback interface. As soon as others
shall reach it, everybody proves who they are, and may do what their role is for (docs/security.md).`,
		Example: `  gyrus bus init op --name lab.example.org
  gyrus bus run op
  gyrus bus check tls://lab.example.org:4222 --operator op --role viewer
  gyrus bus audit op --session s1 --json`,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newBusInit(), newBusRun(), newBusCheck(), newBusAudit())
	return cmd
}

// logTo is where a bus writes what it refused.
func logTo(cmd *cobra.Command) *slog.Logger {
	return slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil))
}

func newBusInit() *cobra.Command {
	var (
		names, sessions []string
		days            int
	)
	cmd := &cobra.Command{
		Use: "init DIR", Short: "make an operator's directory: authority, certificate, keys of the roles", Args: cobra.ExactArgs(1),
		Long: `Init makes an authority of its own, the server's certificate, an NKey for each role, and broker.yaml with the settings of
the server. It never writes over a directory that exists. Give a client ca.crt and the key of its role, nothing else; keep
ca.key where no server runs.

The keys in DIR count in every session on the server. --session makes keys that count in one session only, in
DIR/sessions/NAME; where DIR is there already it adds them, and the server knows them when it is started anew.`,
		Example: "  gyrus bus init op --name lab.example.org --name 192.168.1.5\n  gyrus bus init op --session s1      # keys that count in the session s1 only",
		RunE: func(cmd *cobra.Command, args []string) error {
			if days < 1 || days > 36500 {
				return usageError{fmt.Errorf("--days is %d, must be 1 to 36500", days)}
			}
			for i, s := range sessions {
				if err := bus.CheckToken("--session", s); err != nil {
					return usageError{err}
				}
				if slices.Contains(sessions[:i], s) {
					return usageError{fmt.Errorf("--session %s is given twice", s)}
				}
			}
			if _, err := os.Stat(args[0]); err == nil && len(sessions) > 0 {
				return addSessions(cmd, args[0], sessions)
			}
			if err := bus.InitOperator(args[0], bus.InitOptions{Names: names, Valid: time.Duration(days) * 24 * time.Hour, Sessions: sessions}); err != nil {
				return err
			}
			op, err := bus.ReadOperator(args[0])
			if err != nil {
				return err
			}
			res := busInitJSON{Dir: args[0], CA: op.CA(), Ends: op.Ends, Keys: map[bus.Role]string{}}
			for _, r := range bus.Roles() {
				res.Keys[r] = op.Seed(r)
			}
			res.Sessions = sessionSeeds(op, sessions)
			if wantsJSON(cmd) {
				return printJSON(cmd, res)
			}
			out := cmd.OutOrStdout()
			say(out, "%s: certificates until %s\n", args[0], op.Ends.Format(time.DateOnly))
			for _, r := range bus.Roles() {
				say(out, "  %-10s  %s\n", r, op.Seed(r))
			}
			printSessions(out, res.Sessions)
			say(out, "start it:   gyrus bus run %s\nclients:    bus: {url: \"tls://HOST:4222\", credentials: ROLE.nk, ca: ca.crt}\n", args[0])
			return nil
		},
	}
	cmd.Flags().StringArrayVar(&names, "name", nil, "host name or address under which clients reach the server; may be given several times (localhost always is one)")
	cmd.Flags().IntVar(&days, "days", 3650, "how long the certificates are valid")
	cmd.Flags().StringArrayVar(&sessions, "session", nil, "make keys that count in this session only; may be given several times, also for a directory that is there")
	return cmd
}

// addSessions makes keys of sessions in an operator's directory that is there.
func addSessions(cmd *cobra.Command, dir string, sessions []string) error {
	for _, name := range []string{"name", "days"} {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s does nothing here: %s is there, with its certificate; leave it out to add keys, or name a new directory", name, dir)}
		}
	}
	var made []string
	for _, s := range sessions {
		if err := bus.AddSession(dir, s); err != nil {
			if len(made) > 0 {
				err = incomplete{fmt.Errorf("%w; the keys of %s were made", err, strings.Join(made, ", "))}
			}
			return err
		}
		made = append(made, s)
	}
	op, err := bus.ReadOperator(dir)
	if err != nil {
		return err
	}
	res := busInitJSON{Dir: dir, CA: op.CA(), Ends: op.Ends, Sessions: sessionSeeds(op, sessions)}
	if wantsJSON(cmd) {
		return printJSON(cmd, res)
	}
	printSessions(cmd.OutOrStdout(), res.Sessions)
	note(cmd, "a server that runs knows them when it is started anew")
	return nil
}

// sessionSeeds are the files with the seeds of sessions.
func sessionSeeds(op *bus.Operator, sessions []string) map[string]map[bus.Role]string {
	all := map[string]map[bus.Role]string{}
	for _, s := range sessions {
		all[s] = map[bus.Role]string{}
		for _, r := range bus.SessionRoles() {
			all[s][r] = op.SessionSeed(s, r)
		}
	}
	return all
}

func printSessions(w io.Writer, all map[string]map[bus.Role]string) {
	for _, s := range slices.Sorted(maps.Keys(all)) {
		fmt.Fprintf(w, "in session %s only:\n", s)
		for _, r := range bus.SessionRoles() {
			fmt.Fprintf(w, "  %-10s  %s\n", r, all[s][r])
		}
	}
}

type busInitJSON struct {
	Dir  string              `json:"dir"`
	CA   string              `json:"ca"`
	Ends time.Time           `json:"certificates_end"`
	Keys map[bus.Role]string `json:"credentials,omitempty"` // in every session; absent where they were there before
	// Sessions are the keys that count in one session only.
	Sessions map[string]map[bus.Role]string `json:"sessions,omitempty"`
}

func newBusRun() *cobra.Command {
	var (
		set     bus.BrokerConfig
		noAudit bool
	)
	cmd := &cobra.Command{
		Use: "run [DIR]", Short: "run the server until it is interrupted", Args: cobra.MaximumNArgs(1),
		Long: `Run starts the NATS server with the settings of DIR/broker.yaml; flags stand above the file. Without DIR it listens on the
loopback interface and lets everybody in. What it refuses is written to standard error, and counted.`,
		Example: `  gyrus bus run op
  gyrus bus run op --listen 0.0.0.0:4222 --websocket 127.0.0.1:4280 --origin http://127.0.0.1:8080
  gyrus bus run op --cluster 0.0.0.0:6222 --route nats://other.example.org:6222
  gyrus bus run robot --leaf nats-leaf://lab.example.org:7422 --leaf-credentials controller.nk --leaf-ca ca.crt`,
		RunE: func(cmd *cobra.Command, args []string) error {
			o := bus.BrokerOptions{Listen: set.Listen, Log: logTo(cmd)}
			if len(args) == 1 {
				op, err := bus.ReadOperator(args[0])
				if err != nil {
					return refusal{err}
				}
				overlay(&op.Config, set)
				if noAudit {
					op.Config.Audit.Dir = ""
				}
				o.Operator = op
			} else {
				if err := onlyListen(cmd); err != nil {
					return err
				}
				if o.Listen == "" {
					o.Listen = "127.0.0.1:4222"
				}
			}
			unheld(cmd)
			b, err := bus.StartBroker(o)
			if err != nil {
				return err
			}
			note(cmd, "bus: %s", b.URL())
			for what, at := range map[string]string{"browsers": b.WebSocketURL(), "cluster": b.ClusterAddr(), "leaf nodes": b.LeafAddr()} {
				if at != "" {
					note(cmd, "%s: %s", what, at)
				}
			}
			<-cmd.Context().Done()
			stats := b.Stats()
			err = b.Close()
			stats.Audit = b.Stats().Audit // with what was stored at the end
			if err != nil {
				err = incomplete{err}
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, stats))
			}
			say(cmd.OutOrStdout(), "%d messages in, %d out, %d refusals, %d slow clients cut off\n", stats.InMsgs, stats.OutMsgs, stats.Errors, stats.SlowClients)
			if a := stats.Audit; a.On {
				say(cmd.OutOrStdout(), "audit: %d heard, %d stored, %d dropped, %d failed, %d too long\n", a.Heard, a.Stored, a.Dropped, a.Failed, a.TooLong)
			}
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&set.Listen, "listen", "", "address and port for clients, such as 0.0.0.0:4222")
	f.StringVar(&set.WebSocket.Listen, "websocket", "", "address and port for browsers, which may only look on; off without it")
	f.StringArrayVar(&set.WebSocket.Origins, "origin", nil, "page that may connect with --websocket, such as https://lab.example.org; may be given several times")
	f.StringVar(&set.Cluster.Listen, "cluster", "", "address and port for other servers of the same operator")
	f.StringArrayVar(&set.Cluster.Routes, "route", nil, "another server of the cluster, nats://host:6222; may be given several times")
	f.StringVar(&set.Leaf.Listen, "leaf-listen", "", "address and port for leaf nodes")
	f.StringVar(&set.Leaf.URL, "leaf", "", "server to be a leaf of, nats-leaf://host:7422")
	f.StringVar(&set.Leaf.Credentials, "leaf-credentials", "", "key of the role that this server has there")
	f.StringVar(&set.Leaf.CA, "leaf-ca", "", "certificate of the authority there; empty means that of DIR")
	f.BoolVar(&noAudit, "no-audit", false, "keep no audit stream")
	return cmd
}

// onlyListen refuses the flags that need an operator's directory.
func onlyListen(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.Name != "listen" && f.Name != "json" {
			err = usageError{fmt.Errorf("--%s needs the directory of an operator: gyrus bus run DIR", f.Name)}
		}
	})
	return err
}

// overlay puts what flags say above what the file says.
func overlay(c *bus.BrokerConfig, flags bus.BrokerConfig) {
	for dst, v := range map[*string]string{
		&c.Listen: flags.Listen, &c.WebSocket.Listen: flags.WebSocket.Listen, &c.Cluster.Listen: flags.Cluster.Listen,
		&c.Leaf.Listen: flags.Leaf.Listen, &c.Leaf.URL: flags.Leaf.URL, &c.Leaf.Credentials: flags.Leaf.Credentials, &c.Leaf.CA: flags.Leaf.CA,
	} {
		if v != "" {
			*dst = v
		}
	}
	if len(flags.WebSocket.Origins) > 0 {
		c.WebSocket.Origins = flags.WebSocket.Origins
	}
	if len(flags.Cluster.Routes) > 0 {
		c.Cluster.Routes = flags.Cluster.Routes
	}
}

func newBusCheck() *cobra.Command {
	var (
		conn     busFlags
		operator string
		name     string
		session  string
	)
	cmd := &cobra.Command{
		Use: "check URL --role ROLE", Short: "connect as a role and try what it may do", Args: cobra.ExactArgs(1),
		Long: `Check connects and tries to publish and to subscribe to every subject of the protocol, in a session of which nobody takes
notice. It fails where the role may do less than it must, or more. The key of one session is checked with --session: what all
in it would hear (a heartbeat, a request, a stop) is not published there, and in another session it may do nothing.`,
		Example: "  gyrus bus check tls://lab.example.org:4222 --role controller --credentials controller.nk --ca ca.crt",
		RunE: func(cmd *cobra.Command, args []string) error {
			role, err := bus.ParseRole(name)
			if err != nil {
				return usageError{fmt.Errorf("--role: %w", err)}
			}
			if session != "" {
				if err := bus.CheckToken("--session", session); err != nil {
					return usageError{err}
				}
				if !slices.Contains(bus.SessionRoles(), role) {
					return usageError{fmt.Errorf("--role %s has no key of one session: leave --session out", role)}
				}
			}
			if conn.opt.URL, err = withoutPassword(args[0]); err != nil {
				return err
			}
			conn.fromEnv(cmd)
			o := conn.opt
			if operator != "" {
				op, err := bus.ReadOperator(operator)
				if err != nil {
					return refusal{err}
				}
				o.Credentials, o.CA = op.Seed(role), op.CA()
				if session != "" {
					o.Credentials = op.SessionSeed(session, role)
				}
			}
			if err := o.Validate(); err != nil {
				return usageError{err}
			}
			o.Log = nil // refusals are the result here
			rep, err := bus.CheckRole(cmd.Context(), o, role, session)
			if err != nil {
				return err
			}
			if rep.Wrong > 0 {
				err = fmt.Errorf("%d of %d rules are not those of the role %s", rep.Wrong, len(rep.Rules), role)
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, rep))
			}
			tls := "NO TLS"
			if rep.TLS {
				tls = "TLS"
			}
			say(cmd.OutOrStdout(), "%s: nats-server %s, %s, %.2f ms there and back, as %s\n", rep.URL, rep.Vers, tls, rep.RTTms, role)
			rows := [][]string{{"subject", "publish", "subscribe"}}
			index := map[string]int{}
			for _, r := range rep.Rules {
				word := map[bool]string{true: "yes", false: "no"}[r.Allowed]
				if r.Allowed != r.Want {
					word = "WRONG: " + word
				}
				i, ok := index[r.Subject]
				if !ok {
					i = len(rows)
					index[r.Subject] = i
					rows = append(rows, []string{r.Subject, "-", "-"})
				}
				rows[i][map[string]int{"publish": 1, "subscribe": 2}[r.Do]] = word
			}
			columns(cmd.OutOrStdout(), rows)
			return err
		},
	}
	conn.addCredentials(cmd)
	cmd.Flags().StringVar(&operator, "operator", "", "operator's directory to take the role's key and the authority from")
	cmd.Flags().StringVar(&session, "session", "", "the key is one that counts in this session only")
	cmd.Flags().StringVar(&name, "role", "", "decoder, source, controller, viewer, operator or auditor")
	return cmd
}

func newBusAudit() *cobra.Command {
	var session, since string
	cmd := &cobra.Command{
		Use: "audit DIR", Short: "what passed over the bus: commands, feedback, requests of operators", Args: cobra.ExactArgs(1),
		Long: `Audit prints the audit stream of an operator's directory, oldest first; with --json each record is one line of JSON. It asks
the running server, or opens the folder itself where none runs.`,
		Example: "  gyrus bus audit op --session s1 --since 2h --json > s1.jsonl",
		RunE: func(cmd *cobra.Command, args []string) error {
			q := bus.AuditQuery{Session: session}
			if since != "" {
				d, err := time.ParseDuration(since)
				if err == nil && d >= 0 {
					q.Since = time.Now().Add(-d)
				} else if q.Since, err = time.Parse(time.RFC3339, since); err != nil {
					return usageError{fmt.Errorf("--since is %q, must be a length such as 2h, or a time such as 2026-05-01T09:00:00Z", since)}
				}
			}
			if session != "" {
				if err := bus.CheckToken("--session", session); err != nil {
					return usageError{err}
				}
			}
			op, err := bus.ReadOperator(args[0])
			if err != nil {
				return refusal{err}
			}
			enc := json.NewEncoder(plainJSON{cmd.OutOrStdout()})
			n := 0
			err = bus.ReadAudit(cmd.Context(), op, q, logTo(cmd), func(r bus.AuditRecord) error {
				n++
				if wantsJSON(cmd) {
					return enc.Encode(r)
				}
				text := string(r.Data)
				if r.Data == nil {
					text = fmt.Sprintf("%q", r.Bytes)
				}
				_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s\n", r.Time.Format("2006-01-02T15:04:05.000000Z07:00"), inline(r.Subject), inline(text))
				return err
			})
			note(cmd, "%d records of %s", n, bus.AuditStream)
			return err
		},
	}
	cmd.Flags().StringVar(&session, "session", "", "of one session only")
	cmd.Flags().StringVar(&since, "since", "", "not before: a length of time before now such as 2h, or a time such as 2026-05-01T09:00:00Z")
	return cmd
}
