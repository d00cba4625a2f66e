package session

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Open opens the source of a session. A source on the bus blocks until its stream is there, or ctx is done.
func (s *Source) Open(ctx context.Context, b *bus.Bus, session string, clock bus.Clock) (signal.Source, error) {
	switch s.Use {
	case "nats":
		return b.Raw(ctx, session, s.Stream)
	case "play":
		rec, err := ingest.Open(os.DirFS(filepath.Dir(s.File)), filepath.Base(s.File))
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
		rec, _, err := synth.MotorImagery(opt)
		if err != nil {
			return nil, err
		}
		return Playback(rec, s.Speed, s.Chunk, clock)
	default:
		return nil, fmt.Errorf("source: use is %q", s.Use) // check has refused it
	}
}

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
