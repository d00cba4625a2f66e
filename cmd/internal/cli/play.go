package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// busFlags say which NATS server to use and under which names.
type busFlags struct {
	opt     bus.Options
	session string
}

// add adds them to a command that has a server of its own where no URL is given.
func (f *busFlags) add(cmd *cobra.Command) {
	f.addOf(cmd, "NATS server, nats://host:4222; without one a server runs inside this process (environment: GYRUS_URL)")
	cmd.Flags().IntVar(&f.opt.Port, "port", 0, "port of the server inside this process; 0 takes a free one")
}

// addJoining adds them to a command that is for a server that runs already.
func (f *busFlags) addJoining(cmd *cobra.Command) {
	f.addOf(cmd, "NATS server of the session, nats://host:4222, as gyrus live prints it (environment: GYRUS_URL)")
}

func (f *busFlags) addOf(cmd *cobra.Command, url string) {
	cmd.Flags().StringVar(&f.opt.URL, "url", "", url)
	f.addCredentials(cmd)
	cmd.Flags().StringVar(&f.session, "session", "session", "name of the session on the bus")
}

// addCredentials adds the flags with which a client proves who it is: files, never a secret itself.
func (f *busFlags) addCredentials(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.opt.Credentials, "credentials", "", "file with the key of this client's role, of gyrus bus init (environment: GYRUS_CREDENTIALS)")
	cmd.Flags().StringVar(&f.opt.CA, "ca", "", "certificate of the server's authority, ca.crt of gyrus bus init (environment: GYRUS_CA)")
}

// fromEnv fills in what no flag says. The environment is not the default of the flags: the help would show a password.
func (f *busFlags) fromEnv(cmd *cobra.Command) {
	fill := func(flag, env string, dst *string) {
		if !cmd.Flags().Changed(flag) {
			*dst = os.Getenv(env)
		}
	}
	if f.opt.Port == 0 && cmd.Flags().Lookup("url") != nil {
		fill("url", "GYRUS_URL", &f.opt.URL)
	}
	if f.opt.URL != "" { // a server inside this process needs no credentials
		fill("credentials", "GYRUS_CREDENTIALS", &f.opt.Credentials)
		fill("ca", "GYRUS_CA", &f.opt.CA)
	}
}

// withoutPassword refuses a secret on the command line, where every user of the machine can read it.
func withoutPassword(rawURL string) (string, error) {
	for _, s := range strings.Split(rawURL, ",") {
		if u, err := url.Parse(strings.TrimSpace(s)); err == nil && u.User != nil {
			return "", usageError{errors.New("the URL holds a password, which other users of this machine can read on the command line: put it into GYRUS_URL, or use --credentials")}
		}
	}
	return rawURL, nil
}

// open connects, and says where others find a server of our own.
func (f *busFlags) open(cmd *cobra.Command) (*bus.Bus, error) {
	if err := bus.CheckToken("--session", f.session); err != nil {
		return nil, usageError{err}
	}
	if cmd.Flags().Changed("url") {
		if _, err := withoutPassword(f.opt.URL); err != nil {
			return nil, err
		}
	}
	f.fromEnv(cmd)
	if err := f.opt.Validate(); err != nil {
		return nil, usageError{err}
	}
	f.opt.Log = logTo(cmd)
	b, err := bus.Open(cmd.Context(), f.opt)
	if err != nil {
		return nil, err
	}
	if f.opt.URL == "" {
		note(cmd, "bus: %s", b.URL())
	}
	return b, nil
}

// playJSON is what gyrus play --json prints.
type playJSON struct {
	Recording string  `json:"recording"`
	Stream    string  `json:"stream"`
	Chunks    int64   `json:"chunks"`
	Samples   int64   `json:"samples"`
	Events    int64   `json:"events"`
	Failed    int64   `json:"failed"` // chunks that the bus could not take: they are lost, and show as gaps
	Seconds   float64 `json:"seconds"`
}

func newPlay() *cobra.Command {
	var (
		conn          busFlags
		lab           lslPlay
		toNATS, toLSL bool
		name          string
		speed, chunk  float64
	)
	cmd := &cobra.Command{
		Use: "play FILE --nats|--lsl", Short: "a recording as a live stream", Args: cobra.ExactArgs(1),
		Long: `Play publishes the samples and events of a recording as if they were measured now. Who listens must listen before:
samples are never sent twice.

With --lsl it is an outlet of the lab streaming layer, with names, units and measured positions of the channels, and a second one
with the events. Only programs on this machine see them, unless --listen opens them to the network: LSL knows no
passwords and no encryption.`,
		Example: `  gyrus play S001R14.edf --nats --url nats://127.0.0.1:4222 --session s1
  gyrus play S001R14.edf --nats --port 4222 --speed 10
  gyrus play S001R14.edf --lsl --stream eeg --readers 1`,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if toNATS == toLSL {
				return usageError{errors.New("say where to play: one of --nats and --lsl")}
			}
			if err := onlyWith(cmd, toLSL, map[string][]string{"nats": {"url", "port", "session"}, "lsl": {"listen", "readers", "source-id"}}); err != nil {
				return usageError{err}
			}
			if !(speed > 0) || math.IsInf(speed, 0) {
				return usageError{fmt.Errorf("--speed is %g, must be above 0 (1 is real time)", speed)}
			}
			if !(chunk > 0 && chunk <= 10) {
				return usageError{fmt.Errorf("--chunk is %g, must be above 0 and at most 10 seconds", chunk)}
			}
			if err := bus.CheckToken("--stream", name); err != nil {
				return usageError{err}
			}
			how, err := readingOf(cmd)
			if err != nil {
				return err
			}
			unheld(cmd)
			if toLSL {
				return lab.run(cmd, how, args[0], name, speed, chunk)
			}
			rec, err := how.openSignals(args[0])
			if err != nil {
				return err
			}
			deviations(cmd, []*signal.Recording{rec})
			b, err := conn.open(cmd)
			if err != nil {
				return errors.Join(err, rec.Close())
			}
			defer func() { err = errors.Join(err, b.Close()) }()
			clock := bus.NewClock()
			src, err := session.Playback(rec, speed, chunk, clock)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, src.Close()) }()
			res := playJSON{Recording: rec.Name, Stream: bus.RawSubject(conn.session, name)}
			bar := newProgress(cmd, "playing", rec.Len)
			defer bar.end()
			began := time.Now()
			err = publish(cmd.Context(), src, b, clock, conn.session, name, &res, bar.set)
			bar.end()
			res.Seconds = time.Since(began).Seconds()
			if wantsJSON(cmd) { // also of what was played before it was interrupted
				err = errors.Join(err, printJSON(cmd, res))
			} else {
				say(cmd.OutOrStdout(), "%s: %d samples and %d events in %d chunks on %s within %.1f s\n",
					res.Recording, res.Samples, res.Events, res.Chunks, res.Stream, res.Seconds)
			}
			if err == nil && res.Failed > 0 {
				err = incomplete{fmt.Errorf("%d of %d chunks could not be sent: the link to %s was down", res.Failed, res.Failed+res.Chunks, b.URL())}
			}
			return err
		},
	}
	conn.add(cmd)
	lab.add(cmd)
	addReading(cmd)
	cmd.Flags().BoolVar(&toNATS, "nats", false, "publish on NATS")
	cmd.Flags().BoolVar(&toLSL, "lsl", false, "publish as a stream of the lab streaming layer")
	cmd.Flags().StringVar(&name, "stream", "eeg", "name of the stream")
	cmd.Flags().Float64Var(&speed, "speed", 1, "times real time")
	cmd.Flags().Float64Var(&chunk, "chunk", 0.05, "length of a chunk in seconds of the recording")
	return cmd
}

// publish sends a source's chunks until it ends. A chunk that cannot be sent is counted: it must not come late.
func publish(ctx context.Context, src signal.Source, b *bus.Bus, clock bus.Clock, session, name string, res *playJSON, at func(int64)) error {
	w, err := bus.NewRawWriter(b, session, name, src.Info(), clock)
	if err != nil {
		return err
	}
	for {
		c, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return w.Close()
		}
		if err != nil {
			return errors.Join(err, w.Close())
		}
		if err := w.Write(c); err != nil {
			if !errors.Is(err, bus.ErrNotSent) {
				return errors.Join(err, w.Close())
			}
			res.Failed++
			continue
		}
		res.Chunks++
		res.Samples += int64(c.Len())
		res.Events += int64(len(c.Events))
		at(c.End())
	}
}
