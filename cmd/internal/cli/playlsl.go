package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
)

// lslPlay is gyrus play --lsl.
type lslPlay struct {
	listen, source string
	readers        int
}

func (p *lslPlay) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.listen, "listen", "", "with --lsl: address to offer the streams on; 0.0.0.0 is every interface (default: this machine alone, or the file that LSLAPICFG names)")
	cmd.Flags().StringVar(&p.source, "source-id", "", "with --lsl: the identity by which readers find the stream again (default: gyrus-play- and the stream's name)")
	cmd.Flags().IntVar(&p.readers, "readers", 0, "with --lsl: begin when so many read the stream")
}

// onlyWith refuses flags of the target that is not chosen.
func onlyWith(cmd *cobra.Command, toLSL bool, flags map[string][]string) error {
	chosen, other := "nats", "lsl"
	if toLSL {
		chosen, other = other, chosen
	}
	for _, f := range flags[other] {
		if cmd.Flags().Changed(f) {
			return fmt.Errorf("--%s does nothing with --%s: it is for --%s", f, chosen, other)
		}
	}
	return nil
}

// playLSLJSON is what gyrus play --lsl --json prints.
type playLSLJSON struct {
	Recording string          `json:"recording"`
	Stream    lsl.OutletStats `json:"stream"`
	Markers   lsl.OutletStats `json:"markers"`
	Samples   int64           `json:"samples"`
	Events    int64           `json:"events"`
	Dropped   uint64          `json:"dropped"` // samples that readers lost because they were too slow
	Seconds   float64         `json:"seconds"`
}

func (p *lslPlay) run(cmd *cobra.Command, how opener, file, name string, speed, chunk float64) (err error) {
	cfg, err := lsl.Environment()
	if err != nil {
		return usageError{err}
	}
	if p.listen != "" {
		if cfg.Listen, err = netip.ParseAddr(p.listen); err != nil || !cfg.Listen.Is4() {
			return usageError{fmt.Errorf("--listen is %q, must be an IPv4 address of this machine, or 0.0.0.0 for all", p.listen)}
		}
	}
	if p.readers < 0 || p.readers > 100 {
		return usageError{fmt.Errorf("--readers is %d, must be 0 to 100", p.readers)}
	}
	rec, err := how.openSignals(file)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rec.Close()) }()
	deviations(cmd, []*signal.Recording{rec})
	source := p.source
	if source == "" {
		source = "gyrus-play-" + name
	}
	kind := "Misc"
	if slices.ContainsFunc(rec.Info.Channels, func(c signal.Channel) bool { return c.Kind == signal.EEG }) {
		kind = "EEG"
	}
	out, err := lsl.NewOutlet(lsl.StreamInfo{
		Name: name, Type: kind, Channels: len(rec.Info.Channels), Rate: rec.Info.Rate, Format: lsl.Float32, SourceID: source, Desc: lsl.Describe(rec.Info),
	}, lsl.OutletOptions{Config: &cfg})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	marks, err := lsl.NewOutlet(lsl.StreamInfo{
		Name: name + "-markers", Type: "Markers", Channels: 1, Format: lsl.String, SourceID: source + "-markers",
	}, lsl.OutletOptions{Config: &cfg})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, marks.Close()) }()
	info := out.Info()
	note(cmd, "stream %s and %s-markers, offered on %s", info.String(), name, cfg.Listen)

	ctx := cmd.Context()
	if p.readers > 0 {
		note(cmd, "waiting for %d readers", p.readers)
		if err := out.WaitReaders(ctx, p.readers); err != nil {
			return err
		}
	}
	now := func() int64 { return lsl.Wall(lsl.LocalClock()) }
	src, err := stream.Pace(ingest.Play(rec, ingest.PlayOptions{Chunk: max(1, int(rec.Info.Samples(chunk)))}), speed, now)
	if err != nil {
		return err
	}
	res := playLSLJSON{Recording: rec.Name}
	bar := newProgress(cmd, "playing", rec.Len)
	defer bar.end()
	began := time.Now()
	err = offer(ctx, src, out, marks, &res, bar.set)
	if err == nil {
		flush, cancel := context.WithTimeout(ctx, 5*time.Second)
		err = errors.Join(out.Flush(flush), marks.Flush(flush))
		cancel()
	}
	bar.end()
	res.Seconds = time.Since(began).Seconds()
	res.Stream, res.Markers = out.Stats(), marks.Stats()
	res.Dropped = res.Stream.Left.Dropped + res.Markers.Left.Dropped
	for _, r := range append(res.Stream.Readers, res.Markers.Readers...) {
		res.Dropped += r.Dropped
	}
	if wantsJSON(cmd) { // also of what was played before it was interrupted
		err = errors.Join(err, printJSON(cmd, res))
	} else {
		say(cmd.OutOrStdout(), "%s: %d samples and %d events as stream %s, %d readers at the end, within %.1f s\n",
			res.Recording, res.Samples, res.Events, name, len(res.Stream.Readers), res.Seconds)
	}
	if err == nil && res.Dropped > 0 {
		err = incomplete{fmt.Errorf("readers lost %d samples because they were too slow", res.Dropped)}
	}
	return err
}

// offer pushes a source's chunks until it ends. Stamps go on as in the recording, gaps included, from the moment of the
// first sample on: at another speed than 1 they leave the clock, but stay a rate's distance apart.
func offer(ctx context.Context, src signal.Source, out, marks *lsl.Outlet, res *playLSLJSON, at func(int64)) error {
	var first int64
	var begin float64
	for {
		c, err := src.Next(ctx)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if res.Samples == 0 {
			first, begin = c.Start, lsl.Stamp(c.Time)
		}
		stamp := func(sample int64) float64 { return begin + float64(sample-first)/c.Info.Rate }
		for _, e := range c.Events { // before the samples: whoever waits for those has them
			if err := lsl.Push(marks, []string{e.Label}, stamp(e.Sample)); err != nil {
				return err
			}
		}
		if err := out.PushSignal(c.X, stamp(c.End()-1)); err != nil {
			return err
		}
		res.Samples += int64(c.Len())
		res.Events += int64(len(c.Events))
		at(c.End())
	}
}
