package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/gyrus-bci/gyrus/cmd/internal/doctor"
	"github.com/gyrus-bci/gyrus/ingest/lsl"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// expectations are the streams, or the recording, that a session waits for. Sources that are in the session's own process need none.
func expectations(file string, cfg *session.Config) []doctor.Expectation {
	name := cfg.Source.Name()
	switch u, err := url.Parse(name); {
	case cfg.Source.Use == "play":
		return []doctor.Expectation{{
			Name: "the recording " + cfg.Source.File, Remedy: "name a recording that gyrus info can read in source: {file: …}; a relative path counts from the session file",
			Look: func(ctx context.Context) (doctor.Expected, error) { return lookRecording(ctx, file, cfg) },
		}}
	case cfg.Source.Use == "nats":
		subject := bus.RawSubject(cfg.Session, cfg.Source.Stream)
		return []doctor.Expectation{{Name: subject, Look: func(ctx context.Context) (doctor.Expected, error) { return lookNATS(ctx, cfg, subject) }}}
	case cfg.Source.Use != "lsl" && cfg.Source.Use != "live":
		return nil
	case err == nil && u.Scheme == "lsl":
		all := []doctor.Expectation{{Name: name, Look: func(ctx context.Context) (doctor.Expected, error) { return lookLSL(ctx, cfg, u, false) }}}
		if marks := u.Query().Get("markers"); marks != "" {
			all = append(all, doctor.Expectation{Name: "the marks " + marks, Look: func(ctx context.Context) (doctor.Expected, error) { return lookLSL(ctx, cfg, u, true) }})
		}
		return all
	default:
		return []doctor.Expectation{{Name: name, Look: func(context.Context) (doctor.Expected, error) {
			return doctor.Expected{Notes: []string{name + ": not looked for: a device is opened by the session alone, as it may not be shared"}}, nil
		}}}
	}
}

// lookRecording opens the recording that a session in the given file plays, as the session would.
func lookRecording(ctx context.Context, file string, cfg *session.Config) (e doctor.Expected, err error) {
	played := cfg.Source
	if played.File, err = playedBy(file, played.File); err != nil {
		return e, err
	}
	src, err := played.Open(ctx, nil, cfg.Session, bus.NewClock())
	if err != nil {
		return e, err
	}
	e.What = src.Info().String()
	return hold(cfg, src.Info(), e), src.Close()
}

// lookLSL looks for the stream of a session, or for its marks.
func lookLSL(ctx context.Context, cfg *session.Config, u *url.URL, marks bool) (e doctor.Expected, err error) {
	opt, err := lslOptions(u.String())
	if err != nil {
		return e, err
	}
	opt.Wait = streamPatience
	if marks {
		found, err := lsl.Resolve(ctx, lsl.ResolveOptions{Predicate: opt.Markers, Wait: streamPatience, Least: 1})
		switch {
		case err != nil:
			return e, err
		case len(found) == 0:
			return e, errors.New("no stream of marks matches; see the streams above")
		}
		e.What = found[0].String()
		if len(found) > 1 {
			e.Differs, e.Remedy = []string{fmt.Sprintf("%d others match too", len(found)-1)}, "name the one that is meant, by its source_id"
		}
		return e, nil
	}
	opt.Markers = ""
	d, err := lsl.Examine(ctx, opt)
	if err != nil {
		return e, err
	}
	e.What = d.Stream.String()
	for _, v := range d.Deviations {
		e.Notes = append(e.Notes, fmt.Sprintf("%s: %s; found: %s; assumed: %s", v.Where, v.Rule, v.Found, v.Assumed))
	}
	if opt.Counter != "" && d.Info.Index(opt.Counter) < 0 {
		e.Differs, e.Remedy = append(e.Differs, fmt.Sprintf("it has no channel %q to count samples by", opt.Counter)), "give the name of the channel in counter, or leave the key out"
	}
	if line := unreadLive(ctx, &cfg.Source); line != "" {
		e.Notes = append(e.Notes, line)
	}
	return hold(cfg, d.Info, e), nil
}

// lookNATS looks for the stream of a session on its bus.
func lookNATS(ctx context.Context, cfg *session.Config, subject string) (e doctor.Expected, err error) {
	if cfg.Bus.URL == "" {
		return doctor.Expected{Notes: []string{subject + ": not looked for: the server is inside the session, so nobody can send before that runs"}}, nil
	}
	b, err := bus.Open(ctx, cfg.Bus)
	if err != nil {
		return e, errors.New("the server of the session does not answer, see bus")
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	r, err := b.SubscribeRaw(cfg.Session, cfg.Source.Stream)
	if err != nil {
		return e, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	ctx, cancel := context.WithTimeout(ctx, streamPatience)
	defer cancel()
	if err := r.Ready(ctx); err != nil {
		return e, fmt.Errorf("nobody sends it (gyrus play --nats sends a recording): %w", err)
	}
	e.What = r.Info().String()
	return hold(cfg, r.Info(), e), nil
}

// hold says what speaks against a stream: of the bundle that is to decode it, or of the pipeline that is to be trained on it.
func hold(cfg *session.Config, info *signal.Info, e doctor.Expected) doctor.Expected {
	if cfg.Bundle != "" {
		file := filepath.Base(cfg.Bundle)
		b, err := bundle.Read(cfg.Bundle)
		if err != nil {
			e.Differs, e.Remedy = append(e.Differs, fmt.Sprintf("it cannot be held against the bundle: %v", err)), "name the file that gyrus train -o wrote"
			return e
		}
		if wrong := differences(&b.Manifest.Input, info); len(wrong) > 0 {
			e.Differs = append(e.Differs, wrong...)
			e.Remedy = fmt.Sprintf("set rate, montage, names and units in the amplifier's program as %s expects them, or train a bundle on recordings of this stream", file)
			return e
		}
		e.Fits = fmt.Sprintf("with the rate and the %d channels that %s expects", len(b.Manifest.Input.Channels), file)
	}
	if c := cfg.Calibrate; c != nil {
		if err := startable(c.Pipeline, info); err != nil {
			e.Differs = append(e.Differs, fmt.Sprintf("the pipeline of the calibration cannot work with it: %v", err))
			e.Remedy = "change the pipeline, or set the amplifier's program as it needs it"
		}
	}
	return e
}

// startable says why a pipeline cannot begin on a stream.
func startable(name string, info *signal.Info) error {
	spec, err := pipeline.Load(name)
	if err != nil {
		return err
	}
	p, err := pipeline.Build(spec, pipeline.All)
	if err != nil {
		return err
	}
	return p.Start(info)
}

// differences are what a stream has otherwise than a bundle expects. Channels that the bundle does not know do no harm.
func differences(want *bundle.Input, have *signal.Info) (list []string) {
	if math.Abs(want.Rate-have.Rate) > 1e-9*want.Rate {
		list = append(list, fmt.Sprintf("its rate is %g Hz, the bundle expects %g Hz", have.Rate, want.Rate))
	}
	var missing, other []string
	for _, c := range want.Channels {
		k := have.Index(c.Name)
		if k < 0 {
			missing = append(missing, c.Name)
			continue
		}
		if h := have.Channels[k]; h.Kind != c.Kind || h.Unit != c.Unit {
			other = append(other, fmt.Sprintf("%s is %s in %s, expected is %s in %s", c.Name, h.Kind, h.Unit, c.Kind, c.Unit))
		}
	}
	if len(missing) > 0 {
		list = append(list, fmt.Sprintf("%d of the %d channels that the bundle expects are not among its %d: %s; it has %s",
			len(missing), len(want.Channels), len(have.Channels), some(missing), some(have.Names())))
	}
	if len(other) > 0 {
		list = append(list, some(other))
	}
	return list
}

// some are the first names of a list.
func some(names []string) string {
	const most = 12
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}
