package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/record"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// recordedJSON is what gyrus record --json prints.
type recordedJSON struct {
	Streams []recordedStream `json:"streams"`
	Seconds float64          `json:"seconds"`
}

type recordedStream struct {
	Source string `json:"source"`
	record.Stats
	Health    *signal.Health `json:"health,omitempty"`    // of a live source, at the end
	Transport *bus.RawStats  `json:"transport,omitempty"` // of a stream on the bus
	Lost      uint64         `json:"lost"`                // samples that the source knows it missed
	// NotFinite counts the samples that are NaN or infinite in a channel, which are recorded as they came, and Channels says in which.
	NotFinite int64                `json:"not_finite"`
	Channels  []pipeline.NotFinite `json:"not_finite_channels,omitempty"`
	Marks     *session.Marks       `json:"marks,omitempty"`
	State     string               `json:"state"` // of the stream at the end, as in the telemetry of a session; ended: its sender said that it is over
	Detail    string               `json:"detail"`
	Stalls    uint64               `json:"stalls"` // times that nothing came for longer than it should
	Losses    uint64               `json:"losses"` // times that the stream was lost
}

// saidOver is the state of a stream whose sender said that it is over.
const saidOver = "ended"

// cutOff says why the end of the recording is not that of the stream, "" where samples came up to there, or its sender ended it.
func (s *recordedStream) cutOff() string {
	switch signal.LinkState(s.State) {
	case signal.LinkStalled, signal.LinkLost:
		return fmt.Sprintf("%s: %s at the end: %s; what it sent since is not recorded", s.Source, s.State, s.Detail)
	case signal.LinkResolving:
		return s.Source + ": is there, and no sample came"
	}
	return ""
}

// lacks says what is not in the recording, or not as it should be, a line each.
func (s *recordedStream) lacks() (lines []string) {
	say := func(bad bool, format string, args ...any) {
		if bad {
			lines = append(lines, fmt.Sprintf("%s: "+format, append([]any{s.Source}, args...)...))
		}
	}
	say(s.Lost > 0, "%d samples were lost on the way: the recording has gaps there", s.Lost)
	if t := s.Transport; t != nil {
		say(t.Lost+t.Malformed > 0, "%d messages never came, %d could not be read", t.Lost, t.Malformed)
	}
	say(s.NotFinite > 0, "%d samples are NaN or infinite, and recorded as they came (%s)", s.NotFinite, pipeline.Blame(s.Channels))
	for _, line := range []string{s.Marks.End(s.Source), s.Marks.Cut(s.Source), s.cutOff()} {
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func newRecord() *cobra.Command {
	var (
		conn     busFlags
		asXDF    bool
		duration float64
		wait     float64
	)
	cmd := &cobra.Command{
		Use: "record FILE SOURCE…", Short: "write live streams down, safe from a crash", Args: cobra.MinimumNArgs(2),
		Long: `Record writes what arrives until it is interrupted, the streams end, or --duration is over. A source is a stream on the bus
(nats:eeg, with --url and --session) or a live driver by URL (lsl://?name=EEG). FILE.arrow has the samples and events, as the
stream of Arrow IPC, which pyarrow.ipc.open_stream and polars.read_ipc_stream open; what wants the form of a file refuses it.
FILE.clock.arrow has the clock of a live driver, its rate and losses, once a second, FILE.log.arrow what happened, FILE.json
which source it was and when. With the ending .xdf, or --xdf, it is one file of XDF; endings of other formats are refused (gyrus
convert writes them afterwards). A stream of marks alone goes into .arrow (with FILE.log.arrow beside it) or .xdf, one of numbers
at irregular times into .xdf. Several sources make several recordings, numbered and named by their sources:
FILE-1-nats-eeg.arrow, FILE-2-lsl-name-EEG.arrow.

A stream of LSL has no events of its own: markers= in its URL names the stream whose marks become them, by XPath. Streams of
marks that are on the network and that no source reads are told of. Double quotes keep the single ones of XPath in a shell.

What has arrived is handed to the system every half second: a recording whose writer was killed lacks the last second at most.

A stream that stalls, is lost and comes back is waited for, and told of at once, at the end and in the log; one that fails is
told of too, and the others go on. The exit code is 4 where samples, marks or messages were lost on the way, here too, or samples are
NaN or infinite (these are recorded as they came), and where a stream is gone at the end and no sample came since; not where its
sender said that it is over.`,
		Example: `  gyrus record run1.arrow nats:eeg --url nats://127.0.0.1:4222 --session s1
  gyrus record run1.xdf 'lsl://?type=EEG' --duration 60
  gyrus record run1.arrow "lsl://?name=cap&markers=name='cap-markers'"   # with the marks of another stream`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if !(duration >= 0) || math.IsInf(duration, 0) {
				return usageError{fmt.Errorf("--duration is %g, must be at least 0 seconds (0: until it is interrupted)", duration)}
			}
			if !(wait > 0) || math.IsInf(wait, 0) {
				return usageError{fmt.Errorf("--wait is %g, must be above 0 seconds", wait)}
			}
			path := args[0]
			if err := misnamed(path); err != nil { // before another ending is put behind it, or several sources make names of it
				return err
			}
			if asXDF && !strings.EqualFold(filepath.Ext(path), ".xdf") {
				if ext := filepath.Ext(path); strings.EqualFold(ext, ".arrow") {
					path = strings.TrimSuffix(path, ext)
				}
				path += ".xdf"
			}
			res, err := recordAll(cmd, &conn, path, args[1:], duration, wait)
			for _, s := range res.Streams {
				for _, line := range s.lacks() {
					err = errors.Join(err, incomplete{errors.New(line)})
				}
			}
			if wantsJSON(cmd) {
				return errors.Join(err, printJSON(cmd, res))
			}
			for _, s := range res.Streams {
				say(cmd.OutOrStdout(), "%s: %d samples, %d events, %d restarts, %d lost on the way, in %s (%.1f MB)\n",
					s.Source, s.Samples, s.Events, s.Restarts, s.Lost, strings.Join(s.Files, ", "), float64(s.Bytes)/1e6)
				say(cmd.OutOrStdout(), "stream %s: %s at the end, %d stalls, %d losses\n", s.Source, s.State, s.Stalls, s.Losses)
				printInstants(cmd.OutOrStdout(), s.Stats)
				printMarks(cmd.OutOrStdout(), s.Marks)
				if s.Health != nil && s.Health.Unstamped > 0 {
					note(cmd, "%s: %d samples came with a stamp that is no time in seconds, or before the first stamp; the latter are not recorded", s.Source, s.Health.Unstamped)
				}
			}
			return err
		},
	}
	conn.addJoining(cmd)
	cmd.Flags().BoolVar(&asXDF, "xdf", false, "write XDF")
	cmd.Flags().Float64Var(&duration, "duration", 0, "seconds to record; 0 records until it is interrupted")
	cmd.Flags().Float64Var(&wait, "wait", 30, "seconds to wait for the streams to be there")
	return cmd
}

// instantsNoted tells of an event whose duration or channels are not in the recording of what name is.
func instantsNoted(cmd *cobra.Command, name string) func(signal.Event) {
	return func(e signal.Event) {
		if e.Duration != 0 {
			note(cmd, "%s: event %q lasts %g s, and XDF has no place for that: events are written as instants; record to .arrow to keep how long they last", name, e.Label, e.Duration)
		}
		if !e.Channels.IsZero() {
			note(cmd, "%s: event %q is of %s, and XDF has no place for that: events are written as of all channels; record to .arrow to keep of which they are", name, e.Label, e.Channels)
		}
	}
}

// printInstants prints how many durations and channels of events are not in a recording, where some are not.
func printInstants(w io.Writer, s record.Stats) {
	if s.Instants > 0 {
		say(w, "not in it: the durations of %d of %d events, written as instants: XDF has no place for them\n", s.Instants, s.Events)
	}
	if s.OfAll > 0 {
		say(w, "not in it: the channels of %d of %d events, written as of all channels: XDF has no place for them\n", s.OfAll, s.Events)
	}
}

// printMarks prints what became of the marks, where that needs a word.
func printMarks(w io.Writer, m *session.Marks) {
	if m == nil {
		return
	}
	if m.NotUTF8 > 0 {
		say(w, "marks: the texts of %d were not UTF-8, and are recorded as read in Latin-1\n", m.NotUTF8)
	}
	if m.Gone != nil {
		say(w, "marks: their stream ended at %s, and was not back at the end: %d came\n", m.Gone.Format(time.TimeOnly), m.Came)
	}
	if m.Late+m.Lost+m.Waiting == 0 {
		return
	}
	say(w, "marks: %d came, %d after their samples (%d by more than %g s, the latest by %.3f s), %d lost, %d without samples at the end\n",
		m.Came, m.Late, m.TooLate, signal.MaxLate, m.LagS, m.Lost, m.Waiting)
}

// recordSource is a source that is being recorded.
type recordSource struct {
	name string // as it was asked for
	path string // of the recording
	signal.Source
	bus  *bus.Bus // that it is on, nil for others
	link *session.LinkWatch

	mu    sync.Mutex // the recorder is for one goroutine
	rec   *record.Recorder
	good  *pipeline.FiniteWatch
	bad   session.Seldom // samples that are not finite
	at    int64          // the sample behind the newest
	ended bool           // its sender said so
	lost  bool           // for good
}

// unsafeInName is what does not go into the name of a file.
var unsafeInName = regexp.MustCompile(`[^A-Za-z0-9_-]+`)

// recordedAs is the name of the recording of the i-th source: path where there is one alone.
func recordedAs(path string, names []string, i int) string {
	if len(names) == 1 {
		return path
	}
	ext := filepath.Ext(path)
	return fmt.Sprintf("%s-%d-%s%s", strings.TrimSuffix(path, ext), i+1, strings.Trim(unsafeInName.ReplaceAllString(names[i], "-"), "-"), ext)
}

// checkDriver says why a source that is not on the bus is none.
func checkDriver(source string) error {
	if u, err := url.Parse(source); err == nil && slices.ContainsFunc(ingest.Drivers(), func(d ingest.Driver) bool { return d.Scheme == u.Scheme }) {
		return nil
	}
	return fmt.Errorf("%q is no source, must be like nats:eeg or lsl://?name=EEG; a recording is written in another format by gyrus convert", source)
}

// openSource connects to a source, and waits for it at most as long as ctx lasts.
func openSource(ctx context.Context, b *bus.Bus, session, name string) (signal.Source, error) {
	if stream, is := strings.CutPrefix(name, "nats:"); is {
		return b.Raw(ctx, session, stream)
	}
	return ingest.Dial(ctx, name)
}

// misnamed says why path cannot be what a recording is called, whatever is there.
func misnamed(path string) error {
	if err := cmp.Or(record.Named(path), record.Ending(path)); err != nil {
		return usageError{err}
	}
	return nil
}

func recordAll(cmd *cobra.Command, conn *busFlags, path string, names []string, duration, wait float64) (res recordedJSON, err error) {
	unheld(cmd)
	var b *bus.Bus
	onBus := slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, "nats:") })
	for _, flag := range []string{"url", "session", "credentials", "ca"} {
		if !onBus && cmd.Flags().Changed(flag) {
			return res, usageError{fmt.Errorf("--%s does nothing here: it is for a stream on the bus (nats:eeg), and %s is none", flag, strings.Join(names, ", "))}
		}
	}
	conn.fromEnv(cmd)
	for _, n := range names {
		if stream, is := strings.CutPrefix(n, "nats:"); is {
			if err := bus.CheckToken("the stream in "+n, stream); err != nil {
				return res, usageError{err}
			}
			if conn.opt.URL == "" {
				return res, usageError{fmt.Errorf("%s: say where the bus is: --url nats://host:4222", n)}
			}
		} else if err := checkDriver(n); err != nil {
			return res, usageError{err}
		}
	}
	for i := range names { // before anybody waits for a stream
		if err := record.Check(recordedAs(path, names, i)); err != nil {
			return res, err
		}
	}
	if onBus {
		if b, err = conn.open(cmd); err != nil {
			return res, err
		}
		defer func() { err = errors.Join(err, b.Close()) }()
	}
	var sources []*recordSource
	var marks []*markSource
	defer func() {
		for _, s := range sources {
			err = errors.Join(err, s.Close())
		}
		for _, s := range marks {
			err = errors.Join(err, s.Close())
		}
	}()
	for i, n := range names {
		ctx, cancel := context.WithTimeout(cmd.Context(), time.Duration(wait*float64(time.Second)))
		src, err := openSource(ctx, b, conn.session, n)
		var no *lsl.NoSignalError
		if errors.As(err, &no) {
			var m *markSource
			if m, err = openedAlone(ctx, n, recordedAs(path, names, i), no); err == nil {
				cancel()
				marks = append(marks, m)
				is := m.Stream()
				note(cmd, "%s: %s", n, is.String())
				continue
			}
		}
		late := ctx.Err() != nil && cmd.Context().Err() == nil
		cancel()
		if err != nil && late {
			err = fmt.Errorf("%s: was not there within %g s (--wait): %w; gyrus streams and gyrus doctor show what is seen", n, wait, err)
		}
		if err != nil {
			return res, err
		}
		s := &recordSource{name: n, path: recordedAs(path, names, i), Source: src}
		if _, live := src.(signal.LiveSource); !live {
			s.bus = b
		}
		sources = append(sources, s)
		note(cmd, "%s: %s", n, src.Info())
	}
	for i, s := range sources {
		about := map[string]any{"source": s.name, "session": conn.session, "begin": time.Now().UTC(), "gyrus": Version}
		r, err := record.Create(record.Options{Path: s.path, Info: s.Info(), About: about, OnError: func(err error) { note(cmd, "%v", err) }, OnInstant: instantsNoted(cmd, s.name)})
		if err != nil {
			for _, t := range sources[:i] {
				_, e := t.rec.Close()
				err = errors.Join(err, e)
			}
			return res, err
		}
		s.rec, s.good = r, pipeline.NewFiniteWatch(s.Info())
	}
	for i, s := range marks {
		if err := s.create(); err != nil {
			for _, t := range sources {
				_, e := t.rec.Close()
				err = errors.Join(err, e)
			}
			for _, t := range marks[:i] {
				_, e := t.out.Close()
				err = errors.Join(err, e)
			}
			return res, err
		}
	}
	return follow(cmd, names, sources, marks, duration)
}

// follow records until all sources have ended or the time is over. names are those of all sources.
func follow(cmd *cobra.Command, names []string, sources []*recordSource, marks []*markSource, duration float64) (res recordedJSON, err error) {
	ctx, cancel := stopAfter(cmd.Context(), duration)
	defer cancel()
	begin := time.Now()
	bar := newProgress(cmd, "recording", 0)
	defer bar.end()
	var all sync.WaitGroup
	for i, s := range sources {
		all.Go(func() {
			s.follow(ctx, func(text string) { note(cmd, "%s", text) }, func(end int64) {
				if i == 0 {
					bar.set(end)
				}
			})
		})
	}
	for _, s := range marks {
		all.Go(func() { s.follow(ctx, func(text string) { note(cmd, "%s", text) }) })
	}
	looking, enough := context.WithCancel(ctx)
	defer enough()
	var look sync.WaitGroup
	if len(sources) > 0 { // who records marks alone has chosen among them
		look.Go(func() { noteLine(cmd, unreadRecording(looking, names)) })
	}
	all.Wait()
	enough()
	look.Wait()
	bar.end()
	res.Seconds = time.Since(begin).Seconds()
	for _, s := range sources {
		st, bad := s.rec.Close()
		if bad != nil { // what was written until then is there
			err = errors.Join(err, incomplete{bad})
		}
		h := s.link.Health()
		out := recordedStream{Source: s.name, Stats: st, State: h.State, Detail: h.Detail, Stalls: h.Stalls, Losses: h.Losses}
		if s.ended {
			out.State, out.Detail = saidOver, "its sender said that it is over"
		}
		switch src := s.Source.(type) {
		case signal.LiveSource:
			h := src.Health()
			out.Health, out.Lost, out.Marks = &h, h.Lost+h.Suspected+h.Dropped, session.MarksOf(src)
		case interface{ Stats() bus.RawStats }:
			t := src.Stats()
			out.Transport, out.Lost = &t, t.Missing
		}
		out.NotFinite, out.Channels = s.good.NotFinite()
		res.Streams = append(res.Streams, out)
	}
	for _, s := range marks {
		out, bad := s.end()
		if bad != nil {
			err = errors.Join(err, incomplete{bad})
		}
		res.Streams = append(res.Streams, out)
	}
	return res, err
}

// watchEvery is the time between two looks at a stream, and clockEvery that between two lines of its clock.
const watchEvery, clockEvery = 100 * time.Millisecond, time.Second

// atEnd is for how long behind the end of a recording is taken what had come before it.
const atEnd = 50 * time.Millisecond

// follow records one source until it ends, and how it is meanwhile. tell is for people. Where ctx ends it, what has come by then is
// recorded too, but what comes behind is not waited for.
func (s *recordSource) follow(ctx context.Context, tell func(string), at func(int64)) {
	s.link = session.NewLinkWatch(s.name, time.Now())
	stop := make(chan struct{})
	var done sync.WaitGroup
	defer done.Wait()
	defer close(stop)
	done.Go(func() { s.watch(stop, tell) })
	if told := s.take(ctx, tell, at, func() bool { return true }); !told {
		return
	}
	from, knows := s.Source.(interface{ Arrived() time.Time })
	end := time.Now()
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), atEnd)
	defer cancel()
	s.take(rest, tell, at, func() bool { return knows && !from.Arrived().After(end) })
}

// take records chunks while more of them are wanted, and says whether ctx told it to stop.
func (s *recordSource) take(ctx context.Context, tell func(string), at func(int64), more func() bool) (told bool) {
	for {
		c, err := s.Next(ctx)
		if errors.Is(err, io.EOF) {
			s.mu.Lock()
			s.ended = true
			s.mu.Unlock()
			return false
		}
		if err != nil && ctx.Err() != nil {
			return true
		}
		if err != nil {
			s.gone(err, tell)
			return false
		}
		s.took(c, tell)
		at(c.End())
		if !more() {
			return false
		}
	}
}

// took records c.
func (s *recordSource) took(c signal.Chunk, tell func(string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rec.Chunk(c)
	s.at = c.End()
	if n := s.good.See(c); n > 0 {
		if line := s.bad.Line(time.Now(), n, s.name+": samples are NaN or infinite, and recorded as they came: look at the electrodes, and at what the sender does"); line != "" {
			tell(line)
		}
	}
	var h *signal.Health
	if c.Anew { // what it says of a loss in front of any other chunk has been told
		live, _ := s.Source.(signal.LiveSource)
		h = s.health(live)
	}
	for _, changed := range s.link.Chunk(time.Now(), c, h) {
		s.rec.Log(changed.Entry(c.Start))
		tell(changed.String())
	}
}

// gone tells that the source is lost for good, whatever the reason: what came is recorded, and others go on.
func (s *recordSource) gone(err error, tell func(string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = true
	changed := s.link.Lost(time.Now(), err)
	s.rec.Log(changed.Entry(s.at))
	tell(changed.String())
}

// watch tells of what is wrong with a source until stop is closed, and records what is known of its clock once a second.
func (s *recordSource) watch(stop <-chan struct{}, tell func(string)) {
	live, _ := s.Source.(signal.LiveSource)
	stamps, marks := session.NewStampWatch(s.name), session.NewMarkWatch(s.name, session.LateRecorded)
	look := func(now time.Time) {
		h := s.health(live)
		s.mu.Lock()
		if !s.ended && !s.lost { // the server of a player goes with it
			for _, c := range s.link.Look(now, s.Source, h) {
				s.rec.Log(c.Entry(s.at))
				tell(c.String())
			}
		}
		s.mu.Unlock()
		if live == nil {
			return
		}
		for _, line := range []string{stamps.Look(now, *h), marks.Look(now, session.MarksOf(live))} {
			if line != "" {
				tell(line)
			}
		}
	}
	tick := time.NewTicker(watchEvery)
	defer tick.Stop()
	clock := time.Now()
	for {
		select {
		case <-stop:
			look(time.Now()) // what is shorter than a look is told of too
			return
		case now := <-tick.C:
			if live != nil && now.Sub(clock) >= clockEvery {
				clock = now
				s.rec.Clock(record.Clock{Time: now.UnixNano(), Stream: s.name, Health: live.Health()})
			}
			look(now)
		}
	}
}

// health is what the source says of its link, nil where it says nothing. A stream on a bus that is not reached is lost.
func (s *recordSource) health(live signal.LiveSource) *signal.Health {
	switch {
	case live != nil:
		h := live.Health()
		return &h
	case s.bus != nil && !s.bus.Connected():
		return &signal.Health{State: signal.LinkLost, Detail: "no link to " + s.bus.URL()}
	}
	return nil
}
