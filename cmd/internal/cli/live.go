package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

func newLive() *cobra.Command {
	var shadow bool
	cmd := &cobra.Command{
		Use: "live SESSION.yaml", Short: "a live session: samples in, commands out", Args: cobra.ExactArgs(1),
		Long: `Live decodes a stream and publishes a command for every window, until the stream ends or it is interrupted. The session
file says which bundle, which source and which bus:

  session: s1
  bundle: model.gyrus
  source: {use: lsl, name: EEG}           # or {use: nats, stream: eeg}, {use: play, file: r14.edf}, {use: synth, seed: 1},
                                          # or any driver by URL: {use: live, url: "lsl://?name=EEG"}
  bus: {port: 4222}                       # a server inside the process; or {url: "tls://host:4222", credentials: decoder.nk, ca: ca.crt}
                                          # or, for others too: {listen: "0.0.0.0:4222", operator: op}  (gyrus bus init op)
  valid_for_ms: 250
  shadow: true                            # publish commands that no controller may act on (--shadow does too); gyrus ctl s1 actuate ends it
  watch: {stalled_ms: 500, lost_ms: 3000} # from which silence on the stream is stalled, and lost
  age: {max_ms: 1000, policy: skip}       # samples that are older are left out (all: their commands are; fail: the session ends)
  calibrate: {pipeline: csp-lda, classes: {T1: left_fist, T2: right_fist}, trials: 10, cue_s: 4, rest_s: 3, save: today.gyrus,
              accept: [{metric: balanced_accuracy, above: 0.7}, {metric: ci_low, above: 0.55}]}
                                          # make the model first; all rules must hold. Behind a section decide in the pipeline they may be
                                          # about what it sends: decided_rightly, false_per_min (below). accept: ask waits for gyrus ctl s1 accept
  record: {file: run1.arrow}              # samples, decisions, clock and log, written down as they come (.xdf: in one file, which gyrus replay does not take)
  metrics: {listen: "127.0.0.1:9100"}     # for Prometheus
  dashboard: {listen: "127.0.0.1:8080"}   # a web page with traces, maps, scores and buttons
  adapt: {log: adapt.jsonl}               # learn from feedback on the bus; leave it out to learn nothing

Only source, and bundle or calibrate, must be there. gyrus schema session prints every key with its meaning and default.
While it runs, gyrus ctl asks it to pause, resume, go into shadow or actuate, swap the model, roll back, stop, …`,
		Example: "  gyrus live session.yaml\n  gyrus ctl s1 status --url nats://127.0.0.1:4222                  # in another terminal\n  gyrus control cursor --session s1 --url nats://127.0.0.1:4222   # in a third",
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
			if cmd.Flags().Changed("shadow") {
				cfg.Shadow = shadow
			}
			if cfg.Source.Use == "play" {
				if cfg.Source.File, err = playedBy(args[0], cfg.Source.File); err != nil {
					return fmt.Errorf("%s: source: file: %w", args[0], err)
				}
				if err := cfg.Source.There(); err != nil { // before anything is opened
					return usageError{err}
				}
			}
			rep, rec, delay, err := live(cmd, cfg, filepath.Dir(args[0]), session.HeldFile(args[0], cfg.Session, cfg.Decoder))
			var no *session.NotAcceptedError
			lostSource := errors.Is(err, signal.ErrLost) && rep.Chunks > 0 // what was done until then is told of
			switch {
			case errors.Is(err, session.ErrAsked): // as gyrus ctl stop ends a session that has its stream
				note(cmd, "ended: %v", err)
				return nil
			case errors.As(err, &no), lostSource:
				err = incomplete{err}
			case err != nil && rep.Chunks == 0: // nothing was done that could be told of
				return err
			}
			failed := err != nil && no == nil && !lostSource
			if lost := rep.NotSent + rep.Lost + rep.NotFinite + rep.Skipped + int64(rep.Transport.Malformed+rep.Transport.Lost); lost > 0 && !failed {
				err = errors.Join(err, incomplete{fmt.Errorf("%d commands were not sent, %d samples are missing, %d were too old, %d are not finite, %d messages of the stream could not be read, %d never came",
					rep.NotSent, rep.Lost, rep.Skipped, rep.NotFinite, rep.Transport.Malformed, rep.Transport.Lost)})
			}
			if bad := rep.Refused + rep.Failed + rep.Unlearned; bad > 0 && !failed {
				err = errors.Join(err, incomplete{fmt.Errorf("%d commands that no controller would take were not sent, %d windows could not be decoded, learning from feedback failed %d times",
					rep.Refused, rep.Failed, rep.Unlearned)})
			}
			if m := rep.Marks; m != nil && m.Lost+uint64(rep.UnseenMarks) > 0 && !failed {
				err = errors.Join(err, incomplete{fmt.Errorf("of %d marks %d were lost, and %d had no window, since they came more than %g s late, or behind a break in the stream", m.Came, m.Lost, rep.UnseenMarks, signal.MaxLate)})
			}
			if line := rep.Marks.Cut(cfg.Source.Name()); line != "" && !failed {
				err = errors.Join(err, incomplete{errors.New(line)})
			}
			if why := rep.Stale(); why != "" && !failed {
				err = errors.Join(err, refusal{errors.New(why)})
			}
			noteSpoilt(cmd, cfg.Session, rep.Stats.Stats)
			if none := anyWindow(cfg.Session, rep.Stats.Stats); none != nil && !failed && !lostSource {
				err = none
			}
			if rec != nil && rec.err != nil { // the session went on without being recorded
				err = errors.Join(err, incomplete{rec.err})
			}
			if wantsJSON(cmd) {
				out := liveJSON{Report: rep, Delay: delay}
				if rec != nil {
					out.Recording = &rec.Stats
				}
				return errors.Join(err, printJSON(cmd, out))
			}
			if a := rep.Adapt; a != nil {
				printAdapt(cmd.OutOrStdout(), a)
			}
			printLive(cmd.OutOrStdout(), &rep)
			if rec != nil {
				say(cmd.OutOrStdout(), "recorded: %d samples, %d events, %d decisions, %d lines of the log, in %s (%.1f MB); not recorded: %d samples, %d decisions, %d lines of the log\n",
					rec.Samples, rec.Events, rec.Decisions, rec.Entries, strings.Join(rec.Files, ", "), float64(rec.Bytes)/1e6, rec.Dropped, rec.DroppedDecisions, rec.DroppedEntries)
				printInstants(cmd.OutOrStdout(), rec.Stats)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&shadow, "shadow", false, "publish commands that no controller may act on, whatever the session file says (--shadow=false: that they may)")
	return cmd
}

// playedBy is the recording that a session plays. file counts from the folder of the session file; a recording may also be named by
// its data set.
func playedBy(sessionFile, file string) (string, error) {
	if asked, err := filepath.Rel(filepath.Dir(sessionFile), file); err == nil {
		name, _, _ := splitName(asked)
		if _, err := dataset.Lookup(name); err == nil {
			if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
				file = asked
			}
		}
	}
	return resolveOne(file)
}

// recorded is a source that plays a recording.
type recorded interface{ Recording() *signal.Recording }

// liveJSON is what gyrus live --json prints.
type liveJSON struct {
	session.Report
	Recording *record.Stats `json:"recording,omitempty"`
	Delay     *bundle.Delay `json:"group_delay,omitempty"`
}

// taped is what became of the recording of a session.
type taped struct {
	record.Stats
	err error // why something is missing in it, nil where it is whole
}

// loadSessionModel reads the bundle of a session, and says why it cannot be what the session file asks for.
func loadSessionModel(cfg *session.Config) (m session.Model, err error) {
	if m, err = session.LoadModel(cfg.Bundle); err != nil {
		return m, notThere(fmt.Errorf("bundle: %w", err))
	}
	if cfg.Adapt != nil {
		err = session.Adaptable(m.Pipeline)
	}
	if err == nil && cfg.Calibrate != nil {
		err = cfg.Calibrate.Fits(m.Pipeline)
	}
	if err != nil {
		err = refusal{fmt.Errorf("%s: %w", cfg.Bundle, err)}
	}
	return m, err
}

// live runs a session whose file lies in dir; what holds it back is kept in heldFile.
func live(cmd *cobra.Command, cfg *session.Config, dir, heldFile string) (rep session.Report, rec *taped, delay *bundle.Delay, err error) {
	unheld(cmd)
	cfg.Bus.Log = logTo(cmd)
	var model session.Model
	if cfg.Bundle != "" {
		if model, err = loadSessionModel(cfg); err != nil { // before anybody waits for a stream
			return rep, rec, delay, err
		}
		delay = model.Pipeline.Delay()
	}
	model.Origin.Gyrus = Version
	if cfg.Adapt != nil && cfg.Adapt.Save != "" {
		if err := checkOutput(cfg.Adapt.Save, readBy(cfg)); err != nil {
			return rep, rec, delay, err
		}
	}
	if cfg.Calibrate != nil {
		cfg.Calibrate.Version = Version
		if err := checkOutput(cfg.Calibrate.Save, readBy(cfg)); err != nil {
			return rep, rec, delay, err
		}
	}
	if cfg.Record != nil { // before anybody waits for a stream
		if err := misnamed(cfg.Record.File); err != nil {
			return rep, rec, delay, err
		}
		if err := record.Check(cfg.Record.File); err != nil {
			return rep, rec, delay, err
		}
	}
	closing := func(end func() error) { err = errors.Join(err, end()) }
	var prom *session.Metrics
	if cfg.Metrics != nil {
		if prom, err = session.ServeMetrics(cmd.Context(), *cfg.Metrics); err != nil {
			return rep, rec, delay, err
		}
		defer closing(prom.Close)
		note(cmd, "metrics: http://%s/metrics, /healthz and /readyz", prom.Addr())
	}
	var page *dashboard.Server
	if cfg.Dashboard != nil {
		if page, err = dashboard.Serve(cmd.Context(), *cfg.Dashboard); err != nil {
			return rep, rec, delay, err
		}
		defer closing(page.Close)
		note(cmd, "page: %s", page.URL())
	}
	b, err := bus.Open(cmd.Context(), cfg.Bus)
	if err != nil && cfg.Bus.URL != "" && errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w; or leave url out of the section bus, for a server inside the session", err)
	}
	if err != nil {
		return rep, rec, delay, err
	}
	defer closing(b.Close)
	if delay != nil {
		note(cmd, "%s", strings.TrimSpace(delayLine(delay)))
	}
	note(cmd, "bus: %s, session %s, decoder %s", b.URL(), cfg.Session, cfg.Decoder)

	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, cfg.Session, cfg.Decoder, time.Duration(cfg.ValidForMS*float64(time.Millisecond)), clock)
	if err != nil {
		return rep, rec, delay, err
	}
	defer closing(w.Close) // before the bus: whoever acts is told first that it is over
	if cfg.Shadow {
		_ = w.SetShadow(true) // what is not sent is counted there; the next heartbeat, and each command, says it again
		note(cmd, "in SHADOW: no controller may act on the commands; gyrus ctl %s actuate ends it", cfg.Session)
	}
	if cfg.GoOnUnheard {
		note(cmd, "go_on_unheard: behind a broken link to the bus the session goes on also where nobody knows whether an emergency stop came meanwhile")
	}
	w.OnRival(func(int64) {
		note(cmd, "ANOTHER DECODER runs as %s in session %s and began later: controllers obey it and no longer this one", cfg.Decoder, cfg.Session)
	})
	looks := bus.NewTelemetryWriter(w)
	guarding := session.GuardOptions{Commands: w, Clock: clock, Stops: b, File: heldFile, GoOnUnheard: cfg.GoOnUnheard, Telemetry: looks, Note: func(text string) { note(cmd, "%s", text) }}
	if page != nil {
		guarding.OnLook = page.Look
	}
	guard, err := session.NewGuard(guarding) // from here on a stop is heard, whatever the session waits for
	if err != nil {
		return rep, rec, delay, err
	}
	defer closing(guard.Close)
	if prom != nil {
		prom.Attach(guard)
	}
	ctl, err := bus.NewCtl(b, cfg.Session, cfg.Decoder, w.Run(), clock, func(q bus.Request, r bus.Reply) {
		if q.Verb != "status" && q.Verb != "verbs" { // pages ask for these all the time
			note(cmd, "%s", asked(q, r))
		}
	})
	if err != nil {
		return rep, rec, delay, err
	}
	defer closing(ctl.Close)
	ctl.Handle(guard.Verbs()...)
	shown := dashboard.Session{Name: cfg.Session, Decoder: cfg.Decoder, Run: w.Run(), Version: Version, Clock: clock, Operator: ctl, Stopper: b, Holder: guard}
	if page != nil {
		page.Attach(shown)
		defer closing(showActuators(cmd, page, b, cfg.Session, cfg.Decoder))
	}
	var adapter *session.Adapter
	if cfg.Adapt != nil {
		if adapter, err = session.NewAdapter(b, cfg.Session, cfg.Decoder, *cfg.Adapt, model.Origin); err != nil {
			return rep, rec, delay, err
		}
		defer closing(adapter.Close)
		note(cmd, "learning from feedback on %s, in the shadow of the model until it has proven better", bus.FeedbackSubject(cfg.Session, cfg.Decoder))
	}
	note(cmd, "waiting for the stream")
	wait, found := guard.Waiting(cmd.Context(), cfg.Source.Name(), cfg.Source.Patience())
	src, err := cfg.Source.Open(wait, b, cfg.Session, clock)
	found()
	if cause := context.Cause(wait); err != nil && errors.Is(cause, session.ErrAsked) {
		return rep, rec, delay, cause
	}
	if err != nil {
		return rep, rec, delay, noSignal(err)
	}
	defer closing(src.Close)
	if r, ok := src.(recorded); ok {
		deviations(cmd, []*signal.Recording{r.Recording()})
	}
	if d, ok := src.(interface{ Deviations() []signal.Deviation }); ok { // of a live stream
		deviations(cmd, []*signal.Recording{{Name: cfg.Source.Name(), Deviations: d.Deviations()}})
	}
	if cfg.Calibrate != nil { // before anything is written down
		if err := cfg.Calibrate.Enough(src.Info()); err != nil {
			return rep, rec, delay, refusal{fmt.Errorf("calibrate: %w", err)}
		}
	}
	note(cmd, "decoding %s", src.Info())
	looking, enough := context.WithCancel(cmd.Context())
	var look sync.WaitGroup
	look.Go(func() { noteLine(cmd, unreadLive(looking, &cfg.Source)) }) // beside the session, which does not wait for it
	defer func() { enough(); look.Wait() }()

	bar := newProgress(cmd, "samples", 0)
	defer bar.end()
	opt := session.Options{
		Source: src, Stream: cfg.Source.Name(), Pipeline: model.Pipeline, SHA256: model.SHA256, Commands: w, Clock: clock, Adapter: adapter,
		OnChunk: func(c signal.Chunk) { bar.set(c.End()) },
		Guard:   guard,
		Watch:   cfg.Watch, Age: cfg.Age, Calibrate: cfg.Calibrate, Ctl: ctl, Telemetry: looks, Metrics: prom,
		Note: func(text string) { note(cmd, "%s", text) }, Dir: dir,
	}
	if cfg.Bus.URL == "" && cfg.Bus.Operator == "" { // who decodes on another server may not listen to commands
		opt.Echo = b
	}
	var tape *tape
	if cfg.Record != nil {
		if tape, err = newTape(cmd, cfg, model, src, clock); err != nil {
			return rep, rec, delay, err
		}
		tape.attach(&opt)
	}
	if page != nil {
		attachPage(page, &opt)
		page.Start(shown, src.Info())
	}
	rep, err = session.Run(cmd.Context(), opt)
	err = errors.Join(err, w.Close()) // whoever acts is told that it is over before anything else is tidied up
	if tape != nil {
		st, e := tape.close()
		rec = &taped{st, e}
	}
	return rep, rec, delay, err
}

// asked is a line about a request of an operator.
func asked(q bus.Request, r bus.Reply) string {
	said := "done"
	if !r.OK {
		said = "refused: " + r.Error
	}
	words := []string{q.Verb}
	for _, a := range q.Args {
		words = append(words, printable(a)) // another line would look like one of ours
	}
	return fmt.Sprintf("asked to %s: %s", strings.Join(words, " "), inline(said))
}

// printLive prints what a session did.
func printLive(w io.Writer, rep *session.Report) {
	if c := rep.Calibration; c != nil {
		said := "refused"
		if c.Accepted {
			said = "accepted, written: " + c.File
		}
		if c.Trials > 0 {
			say(w, "calibration: %d trials, balanced accuracy %.3f, 95 %% interval [%.3f, %.3f], chance %.3f: %s (%s)\n", c.Trials, c.BalancedAccuracy, c.CILow, c.CIHigh, c.Chance, said, c.Why)
		}
		for _, l := range c.LeftOut { // also of a training that failed
			say(w, "left out: %s at %.2f s: %s\n", l.Class, l.Onset, l.Why)
		}
		if c.Purged != "" {
			say(w, "%s\n", c.Purged)
		}
		if d := c.Decide; d != nil && c.Rest == nil {
			say(w, "behind the section decide %d of %d held-out trials are decided rightly, %.3f, 95 %% interval [%.3f, %.3f], %d wrongly, %d not at all\n", d.Right, d.Trials, d.Rightly, d.RightlyLow, d.RightlyHigh, d.Wrong, d.Undecided)
		}
		printRest(w, c.Rest, "classes: {…, T0: rest} in the section calibrate")
	}
	say(w, "%d samples, %d gaps (%d samples lost, %d not finite), %d restarts of the source, %d windows (%d rejected), %d commands sent, %d not sent\n",
		rep.Samples, rep.Gaps, rep.Lost, rep.NotFinite, rep.Restarts, rep.Windows, rep.Rejected, rep.Sent, rep.NotSent)
	if rep.Shadow > 0 {
		say(w, "%d of the commands were sent in shadow: not to be acted on\n", rep.Shadow)
	}
	if rep.Skipped+rep.Expired+rep.Held > 0 {
		say(w, "%d samples in %d stretches were too old and left out; held back: %d commands of old samples, %d while paused\n", rep.Skipped, rep.Skips, rep.Expired, rep.Held)
	}
	printMarks(w, rep.Marks)
	for _, s := range rep.Streams {
		say(w, "stream %s: %s at the end, %d stalls, %d losses\n", s.Name, s.State, s.Stalls, s.Losses)
	}
	if a := rep.Activations; a != nil && a.PerMinute != nil {
		say(w, "decisions: %s in %.2f min in which one could begin, %.2f a minute, 95 %% interval [%.2f, %.2f] (Poisson); they stood for %.1f s; at rest each is a false one\n",
			counted(int(a.Count), int(a.Again)), a.Minutes, *a.PerMinute, *a.Low, *a.High, a.DecidedS)
	} else if a != nil {
		say(w, "decisions: there was no window in which one could begin\n")
	}
	say(w, "latency chunk → bus: p50 %.3f ms, p99 %.3f ms, max %.3f ms\n", rep.Latency.P50, rep.Latency.P99, rep.Latency.Max)
	rows := [][]string{{"stage, milliseconds", "p50", "p99", "p99.9", "max"}}
	for _, name := range session.Stages() {
		if s, ok := rep.Stages[name]; ok {
			rows = append(rows, []string{name, fmt.Sprintf("%.3f", s.P50), fmt.Sprintf("%.3f", s.P99), fmt.Sprintf("%.3f", s.P999), fmt.Sprintf("%.3f", s.Max)})
		}
	}
	columns(w, append(rows, []string{"age of the newest sample", fmt.Sprintf("%.3f", rep.Age.P50), fmt.Sprintf("%.3f", rep.Age.P99), fmt.Sprintf("%.3f", rep.Age.P999), fmt.Sprintf("%.3f", rep.Age.Max)}))
}

// printAdapt prints what became of feedback.
func printAdapt(w io.Writer, a *session.AdaptReport) {
	say(w, "feedback: %d on %d commands, %d learned from, %d matched none, %d of another run, %d with a label that is no class, %d malformed, %d lost\n",
		a.Feedback, a.Sent, a.Accepted, a.Unknown, a.OtherRun, a.Odd, a.Malformed, a.Lost)
	who := "the decoder of the model decides"
	if a.Decides {
		who = "it decides"
	}
	why := ""
	if a.Why != "" {
		why = " (" + a.Why + ")"
	}
	say(w, "what was learned: %d updates, %s%s, %s", a.Updates, a.State, why, who)
	if a.Saved != "" {
		say(w, "; written: %s", a.Saved)
	}
	fmt.Fprintln(w)
}
