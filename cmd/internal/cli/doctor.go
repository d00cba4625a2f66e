package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/cmd/internal/doctor"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// doctorJSON is what gyrus doctor --json prints.
type doctorJSON struct {
	Healthy  bool             `json:"healthy"`
	Findings []doctor.Finding `json:"findings"`
}

func newDoctor() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use: "doctor", Short: "why a stream is not seen: interfaces, multicast, ports, firewalls, clock, streams", Args: cobra.NoArgs,
		Long: `Doctor looks at what keeps a live session from working and says what to do. It leaves everything as it was and needs no privileges.
With --session it also looks for the server and whether the key may decode there (with one empty message on
gyrus.SESSION.cmd.~check, which no controller listens to, and which the audit stream keeps), for the ports that the session will listen on, whether the bundle and the secrets of the page can be read and what it will write
can be written (with a file that it removes again), and for each stream or recording that it waits for, and holds that against the bundle that is to decode it: rate, channels, units. Places of LSL are those of the file
that LSLAPICFG names. The exit code is 1 where there is a problem.`,
		Example: "  gyrus doctor\n  gyrus doctor --session session.yaml --json",
		RunE: func(cmd *cobra.Command, _ []string) error {
			o := doctor.Options{Streams: lslStreams, Hints: lslHints, LSL: lslPlaces()}
			if file != "" {
				data, err := os.ReadFile(file)
				if err != nil {
					return usageError{fmt.Errorf("the session file: %w", err)}
				}
				cfg, err := session.ParseConfig(file, data)
				if err != nil {
					return err
				}
				expect(&o, file, cfg)
			}
			all := doctor.Run(cmd.Context(), o)
			var err error
			if !doctor.Healthy(all) {
				err = errors.New("something keeps a session from working, see the problems above")
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, doctorJSON{err == nil, all}))
			}
			for _, f := range all {
				say(cmd.OutOrStdout(), "%-8s %-11s %s\n", f.State, f.Check, inline(f.What))
				if f.Remedy != "" {
					say(cmd.OutOrStdout(), "%20s → %s\n", "", inline(f.Remedy))
				}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&file, "session", "", "session file: look for its server and its stream too")
	return cmd
}

// lslStreams lists the streams of LSL.
func lslStreams(ctx context.Context) ([]doctor.Stream, error) {
	var out []doctor.Stream
	list, err := lsl.Resolve(ctx, lsl.ResolveOptions{Odd: func(a lsl.OddAnswer) { out = append(out, doctor.Stream{Odd: a.String()}) }})
	if err != nil {
		return nil, err
	}
	for _, s := range list {
		out = append(out, doctor.Stream{Name: s.Name, Type: s.Type, Host: s.Hostname, Channels: s.Channels, Rate: s.Rate})
	}
	return out, nil
}

// lslHints say what keeps streams of LSL from being listed.
func lslHints(ctx context.Context) (out []doctor.Hint, err error) {
	list, err := lsl.Hints(ctx, lsl.ResolveOptions{})
	for _, h := range list {
		out = append(out, doctor.Hint(h))
	}
	return out, err
}

// lslPlaces is where this machine's programs look for streams and offer them.
func lslPlaces() doctor.LSL {
	c, err := lsl.Environment()
	if err != nil {
		c = lsl.DefaultConfig()
	}
	return doctor.LSL{
		Discovery: int(c.DiscoveryPort), First: int(c.BasePort), Last: int(c.BasePort) + int(c.PortRange) - 1, Groups: c.MulticastGroups(), Session: c.SessionID, IPv6: c.IPv6, Err: err,
	}
}

// streamPatience is longer than the second after which the schema of a stream is repeated.
const streamPatience = 2500 * time.Millisecond

// expect adds what a session needs.
func expect(o *doctor.Options, file string, cfg *session.Config) {
	o.Expected, o.Listens, o.Peers = expectations(file, cfg), listensOf(cfg), peersOf(cfg)
	o.Writes, o.Reads = writesOf(cfg), readsOf(cfg)
	if cfg.Bus.URL == "" { // the server is inside the session
		o.BusName, o.BusFine = "the server inside the session:", "its settings are right"
		o.Bus = func(context.Context) error {
			err := cfg.Bus.Validate()
			if err == nil && cfg.Bus.Operator != "" {
				_, err = bus.ReadOperator(cfg.Bus.Operator)
			}
			return err
		}
		return
	}
	o.BusName = "the server of the session"
	o.Bus = func(ctx context.Context) error {
		b, err := bus.Open(ctx, cfg.Bus)
		if err != nil {
			return err
		}
		return errors.Join(b.MayDecode(cfg.Session), b.Close())
	}
}

// writesOf is what a session writes, with the checks of gyrus live.
func writesOf(cfg *session.Config) (list []doctor.File) {
	if r := cfg.Record; r != nil {
		list = append(list, doctor.File{
			What: "the recording", File: r.File, Remedy: "move away what is there, make the folder, or give another name: record: {file: run2.arrow}",
			Check: func() error { return record.Check(r.File) },
		})
	}
	if c := cfg.Calibrate; c != nil && c.Save != "" {
		list = append(list, doctor.File{
			What: "the model of the calibration", File: c.Save, Remedy: "give another name: calibrate: {save: today.gyrus}",
			Check: func() error { return checkOutput(c.Save, readBy(cfg)) },
		})
	}
	if a := cfg.Adapt; a != nil && a.Log != "" {
		list = append(list, doctor.File{What: "the log of what is learned", File: a.Log, Remedy: "make the folder, or give another name: adapt: {log: feedback.jsonl}", Check: a.CheckLog})
	}
	if a := cfg.Adapt; a != nil && a.Save != "" {
		list = append(list, doctor.File{
			What: "the model that is learned", File: a.Save, Remedy: "give another name: adapt: {save: learned.gyrus}",
			Check: func() error { return checkOutput(a.Save, readBy(cfg)) },
		})
	}
	return list
}

// readsOf is what a session begins with, with the checks of gyrus live.
func readsOf(cfg *session.Config) (list []doctor.File) {
	if cfg.Bundle != "" {
		list = append(list, doctor.File{
			What: "the bundle", File: cfg.Bundle, Remedy: "name the file that gyrus train -o wrote, of a model that does what the session file asks for: bundle: model.gyrus",
			Check: func() error { _, err := loadSessionModel(cfg); return err },
		})
	}
	if d := cfg.Dashboard; d != nil && d.Token+d.Cert != "" {
		list = append(list, doctor.File{
			What: "the secrets of the page", File: strings.Join(slices.DeleteFunc([]string{d.Token, d.ViewToken, d.Cert, d.Key}, func(f string) bool { return f == "" }), ", "),
			Remedy: "make what is missing, or name another file in dashboard: head -c 32 /dev/urandom | base64 > page.token; chmod 600 page.token", Check: d.CheckFiles,
		})
	}
	return list
}

// readBy are the files that a session reads: no model may be saved over them.
func readBy(cfg *session.Config) []string {
	list := []string{cfg.Bundle, cfg.Source.File}
	if cfg.Calibrate != nil {
		list = append(list, cfg.Calibrate.Pipeline)
	}
	return list
}

// peersOf are the servers that the one inside a session links to.
func peersOf(cfg *session.Config) (list []doctor.Peer) {
	if cfg.Bus.URL != "" || cfg.Bus.Operator == "" {
		return nil
	}
	op, err := bus.ReadOperator(cfg.Bus.Operator)
	if err != nil { // the check of the bus says why
		return nil
	}
	add := func(what, at, key string) {
		address := at
		if u, err := url.Parse(at); err == nil {
			address = net.JoinHostPort(u.Hostname(), cmp.Or(u.Port(), leafPort))
		}
		list = append(list, doctor.Peer{
			What: what, Address: address,
			Remedy: "start it, let a firewall there let the port through, or name another: " + key + " in broker.yaml; the session starts without it, and links to it when it is there",
		})
	}
	for _, r := range op.Config.Cluster.Routes { // each with its port, or the session would not start
		add("a server of the cluster", r, "cluster: {routes: [nats://host:6222]}")
	}
	if at := op.Config.Leaf.URL; at != "" {
		add("the server that this one is a leaf of", at, "leaf: {url: \"nats-leaf://host:7422\"}")
	}
	return list
}

// leafPort is where NATS looks for a server to be a leaf of whose URL has no port.
const leafPort = "7422"

// listensOf is what a session listens on: never nil.
func listensOf(cfg *session.Config) []doctor.Listen {
	list := []doctor.Listen{}
	add := func(what, address, key string) {
		if address != "" {
			list = append(list, doctor.Listen{What: what, Address: address, Key: key})
		}
	}
	if b := cfg.Bus; b.URL == "" {
		at, key := b.Listen, `bus: {listen: "127.0.0.1:4333"}`
		if b.Port > 0 {
			at, key = net.JoinHostPort("127.0.0.1", strconv.Itoa(b.Port)), "bus: {port: 4333}"
		}
		if b.Operator != "" {
			key = `bus: {listen: "0.0.0.0:4333", operator: …}`
			if op, err := bus.ReadOperator(b.Operator); err == nil { // else the check of the bus says why
				add("the listener for browsers", op.Config.WebSocket.Listen, "websocket: {listen: …} in broker.yaml")
				add("the listener for other servers of the cluster", op.Config.Cluster.Listen, "cluster: {listen: …} in broker.yaml")
				add("the listener for leaf nodes", op.Config.Leaf.Listen, "leaf: {listen: …} in broker.yaml")
				at = cmp.Or(at, op.Config.Listen)
			}
		}
		add("the bus", at, key)
	}
	if d := cfg.Dashboard; d != nil {
		add("the page", d.Listen, `dashboard: {listen: "127.0.0.1:8081"}`)
	}
	if m := cfg.Metrics; m != nil {
		add("the metrics", m.Listen, `metrics: {listen: "127.0.0.1:9101"}`)
	}
	return list
}
