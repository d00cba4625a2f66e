package session

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// There says why the recording that is to be played is not there, nil where it is, and of all other sources.
func (s *Source) There() error {
	if _, err := os.Stat(s.File); s.Use == "play" && errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("source: file: %w", notThere(s.File, "a recording that gyrus info can read, or one of a data set (gyrus data list)"))
	}
	return nil
}

// Open opens the source of a session. A live source or one on the bus is waited for, as long as timeout_s says; if it does
// not come the error says what was seen instead.
func (s *Source) Open(ctx context.Context, b *bus.Bus, session string, clock bus.Clock) (signal.Source, error) {
	if s.comes() {
		wait, cancel := context.WithTimeout(ctx, s.Patience())
		defer cancel()
		if s.Use != "nats" {
			src, err := ingest.Dial(wait, s.Name())
			if err != nil {
				return nil, fmt.Errorf("required stream: %w", err)
			}
			return src, nil
		}
		return openRaw(wait, b, session, s.Stream)
	}
	switch s.Use {
	case "play":
		if err := s.There(); err != nil {
			return nil, err
		}
		opt, err := s.Options(ingest.Paths{})
		if err != nil {
			return nil, fmt.Errorf("source: %w", err)
		}
		rec, _, err := opt.OpenFile(s.File)
		if err != nil {
			return nil, err
		}
		return Playback(rec, s.Speed, s.Chunk, clock)
	case "synth":
		if s.Task == "cursor" {
			opt := synth.CursorDefaults()
			opt.Subject, opt.Run = s.Seed, s.Seed
			rec, _, err := synth.Cursor(opt)
			if err != nil {
				return nil, err
			}
			return Playback(rec, s.Speed, s.Chunk, clock)
		}
		opt := synth.Defaults()
		opt.Subject, opt.Run = s.Seed, s.Seed
		if s.Task == "person" {
			return openPerson(opt, s, clock)
		}
		rec, _, err := synth.MotorImagery(opt)
		if err != nil {
			return nil, err
		}
		return Playback(rec, s.Speed, s.Chunk, clock)
	default:
		return nil, fmt.Errorf("source: use is %q", s.Use) // check has refused it
	}
}

// Patience is how long Open waits for the stream, 0 where the source is there at once.
func (s *Source) Patience() time.Duration {
	if !s.comes() {
		return 0
	}
	return time.Duration(s.Wait * float64(time.Second))
}

// comes says whether the source has to be waited for.
func (s *Source) comes() bool { return s.Use == "live" || s.Use == "lsl" || s.Use == "nats" }

// openRaw waits for a stream on the bus and says, where it does not come, which did.
func openRaw(ctx context.Context, b *bus.Bus, session, stream string) (signal.Source, error) {
	seen, stop, err := b.Streams()
	if err != nil {
		return nil, err
	}
	src, err := b.Raw(ctx, session, stream)
	if stopped := stop(); stopped != nil && err == nil {
		return nil, errors.Join(stopped, src.Close())
	}
	if err == nil {
		return src, nil
	}
	what := "no stream at all was seen"
	if list := seen(); len(list) > 0 {
		what = "seen were " + strings.Join(list, ", ")
	}
	return nil, fmt.Errorf("required stream: %w; %s", err, what)
}

// openPerson is a simulated person who reacts to cues.
func openPerson(opt synth.Options, s *Source, clock bus.Clock) (signal.Source, error) {
	p, err := synth.NewPerson(opt, s.Length, s.Chunk)
	if err != nil {
		return nil, err
	}
	src, err := stream.Pace(p, s.Speed, clock.Now)
	if err != nil {
		return nil, err
	}
	return &simulated{src, p}, nil
}

// simulated is a simulated person at the pace of a live one.
type simulated struct {
	signal.Source
	p *synth.Person
}

// Cue tells what is shown, "" for rest.
func (p *simulated) Cue(label string) { p.p.Cue(label) }

// Free says that no cues are shown any more.
func (p *simulated) Free() { p.p.Free() }

// Playback plays rec as if it were measured now, speed times faster, in chunks of chunkS seconds (at least one sample).
// Closing it closes rec.
func Playback(rec *signal.Recording, speed, chunkS float64, clock bus.Clock) (signal.Source, error) {
	n := max(1, int(rec.Info.Samples(chunkS)))
	src, err := stream.Pace(ingest.Play(rec, ingest.PlayOptions{Chunk: n}), speed, clock.Now)
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	return &playback{src, rec}, nil
}

type playback struct {
	signal.Source
	rec *signal.Recording
}

// Recording is what is played.
func (p *playback) Recording() *signal.Recording { return p.rec }

// Close closes the recording too.
func (p *playback) Close() error { return errors.Join(p.Source.Close(), p.rec.Close()) }
