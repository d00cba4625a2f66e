package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

func newLive() *cobra.Command {
	return &cobra.Command{
		Use: "live SESSION.yaml", Short: "a live session: samples in, commands out", Args: cobra.ExactArgs(1),
		Long: `Live decodes a stream and publishes a command for every window, until the stream ends or it is interrupted. The session
file says which bundle, which source and which bus:

  session: s1
  bundle: model.gyrus
  source: {use: nats, stream: eeg}        # or {use: play, file: r14.edf, speed: 1}, or {use: synth, seed: 1}
  bus: {port: 4222}                       # a server inside the process; or {url: "tls://host:4222", credentials: decoder.nk, ca: ca.crt}
                                          # or, for others too: {listen: "0.0.0.0:4222", operator: op}  (gyrus bus init op)
  valid_for_ms: 250
  adapt: {log: adapt.jsonl}               # learn from feedback on the bus; leave it out to learn nothing`,
		Example: "  gyrus live session.yaml\n  gyrus control cursor --session s1 --url nats://127.0.0.1:4222   # in another terminal",
		RunE: func(cmd *cobra.Command, args []string) error {
			data, err := os.ReadFile(args[0])
			if err != nil {
				return usageError{fmt.Errorf("the session file: %w", err)}
			}
			cfg, err := session.ParseConfig(args[0], data)
			if err != nil {
				return err
			}
			if err := cfg.Bus.Validate(); err != nil {
				return usageError{err}
			}
			rep, delay, err := live(cmd, cfg)
			if err != nil {
				return err
			}
			if lost := rep.NotSent + rep.Lost + rep.NotFinite + int64(rep.Transport.Malformed); lost > 0 {
				err = incomplete{fmt.Errorf("%d commands were not sent, %d samples are missing, %d are not finite, %d messages of the stream could not be read", rep.NotSent, rep.Lost, rep.NotFinite, rep.Transport.Malformed)}
			}
			noteSpoilt(cmd, cfg.Session, rep.Stats.Stats)
			if none := anyWindow(cfg.Session, rep.Stats.Stats); none != nil {
				err = none
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, liveJSON{rep, delay}))
			}
			if a := rep.Adapt; a != nil {
				printAdapt(cmd.OutOrStdout(), a)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%d samples, %d gaps (%d samples lost, %d not finite), %d restarts of the source, %d windows (%d rejected), %d commands sent, %d not sent\nlatency chunk → bus: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n",
				rep.Samples, rep.Gaps, rep.Lost, rep.NotFinite, rep.Restarts, rep.Windows, rep.Rejected, rep.Sent, rep.NotSent, rep.Latency.P50, rep.Latency.P99, rep.Latency.Max)
			return err
		},
	}
}

// recorded is a source that plays a recording.
type recorded interface{ Recording() *signal.Recording }

// liveJSON is what gyrus live --json prints.
type liveJSON struct {
	session.Report
	Delay *bundle.Delay `json:"group_delay,omitempty"`
}

func live(cmd *cobra.Command, cfg *session.Config) (rep session.Report, delay *bundle.Delay, err error) {
	model, p, err := loadModel(cfg.Bundle, pipeline.All)
	if err != nil {
		return rep, delay, err
	}
	if err := p.Causal(); err != nil { // before anybody waits for a stream
		return rep, delay, fmt.Errorf("%s: %w", cfg.Bundle, err)
	}
	cfg.Bus.Log = logTo(cmd)
	origin := session.Origin{Bundle: model, File: filepath.Base(cfg.Bundle), Gyrus: Version}
	if cfg.Adapt != nil {
		if err := session.Adaptable(p); err != nil {
			return rep, delay, refusal{fmt.Errorf("%s: %w", cfg.Bundle, err)}
		}
		if origin.SHA256, err = hashFile(cfg.Bundle); err != nil {
			return rep, delay, err
		}
		if cfg.Adapt.Save != "" {
			if err := checkOutput(cfg.Adapt.Save, []string{cfg.Bundle, cfg.Source.File}); err != nil {
				return rep, delay, err
			}
		}
	}
	b, err := bus.Open(cmd.Context(), cfg.Bus)
	if err != nil {
		return rep, delay, err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	delay = p.Delay()
	if delay != nil {
		note(cmd, "%s", strings.TrimSpace(delayLine(delay)))
	}
	note(cmd, "bus: %s, session %s, decoder %s", b.URL(), cfg.Session, cfg.Decoder)

	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, cfg.Session, cfg.Decoder, time.Duration(cfg.ValidForMS*float64(time.Millisecond)), clock)
	if err != nil {
		return rep, delay, err
	}
	defer func() { err = errors.Join(err, w.Close()) }() // before the bus: whoever acts is told first that it is over
	w.OnRival(func(int64) {
		note(cmd, "ANOTHER DECODER runs as %s in session %s and began later: controllers obey it and no longer this one", cfg.Decoder, cfg.Session)
	})
	var adapter *session.Adapter
	if cfg.Adapt != nil {
		if adapter, err = session.NewAdapter(b, cfg.Session, cfg.Decoder, *cfg.Adapt, origin); err != nil {
			return rep, delay, err
		}
		defer func() { err = errors.Join(err, adapter.Close()) }()
		note(cmd, "learning from feedback on %s, in the shadow of the model until it has proven better", bus.FeedbackSubject(cfg.Session, cfg.Decoder))
	}
	note(cmd, "waiting for the stream")
	src, err := cfg.Source.Open(cmd.Context(), b, cfg.Session, clock)
	if err != nil {
		return rep, delay, err
	}
	defer func() { err = errors.Join(err, src.Close()) }()
	if r, ok := src.(recorded); ok {
		deviations(cmd, []*signal.Recording{r.Recording()})
	}
	note(cmd, "decoding %s", src.Info())

	bar := newProgress(cmd, "samples", 0)
	defer bar.end()
	rep, err = session.Run(cmd.Context(), session.Options{
		Source: src, Pipeline: p, Commands: w, Clock: clock, Adapter: adapter,
		OnChunk: func(c signal.Chunk) { bar.set(c.End()) },
	})
	return rep, delay, err
}

// printAdapt prints what became of feedback.
func printAdapt(w io.Writer, a *session.AdaptReport) {
	fmt.Fprintf(w, "feedback: %d on %d commands, %d learned from, %d matched none, %d of another run, %d with a label that is no class, %d malformed, %d lost\n",
		a.Feedback, a.Sent, a.Accepted, a.Unknown, a.OtherRun, a.Odd, a.Malformed, a.Lost)
	who := "the decoder of the model decides"
	if a.Decides {
		who = "it decides"
	}
	why := ""
	if a.Why != "" {
		why = " (" + a.Why + ")"
	}
	fmt.Fprintf(w, "what was learned: %d updates, %s%s, %s", a.Updates, a.State, why, who)
	if a.Saved != "" {
		fmt.Fprintf(w, "; written: %s", a.Saved)
	}
	fmt.Fprintln(w)
}
