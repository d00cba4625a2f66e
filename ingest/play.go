package ingest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// PlayOptions say how Play cuts a recording into chunks; the zero value asks for the default.
type PlayOptions struct {
	Chunk int        // samples in a chunk; 0 means 0.1 s, at least 1. The last one before a gap and at the end may be shorter
	Sizes func() int // asked for the samples of each chunk in place of Chunk, to test with random lengths; at least 1
}

// Play is rec as a source that never waits: the next chunk is there as soon as it is asked for.
//
// The chunks cover rec.Runs from the first sample to the last, in order; none reaches over a gap. Chunk.Start is counted
// as in the recording. Chunk.Time is rec.Begin, or the start of 1970 where that is unknown, plus Start over the rate. Each
// chunk has the events whose Sample lies in it; events in a gap or outside the data are in no chunk, they are only in
// rec.Events. Once its longest chunk has been read, a player allocates nothing any more.
//
// A recording without channels has nothing to play: Next returns an error. Close ends the playing and leaves rec open; it
// may be played again, but by one player at a time.
func Play(rec *signal.Recording, opt PlayOptions) signal.Source {
	p := &player{rec: rec, runs: rec.Runs(), size: opt.Chunk, sizes: opt.Sizes}
	if !rec.Begin.IsZero() {
		p.begin = rec.Begin.UnixNano()
	}
	if err := rec.Info.Validate(); err != nil {
		p.err = fmt.Errorf("%s: cannot be played: %w", rec.Name, err)
	} else if opt.Chunk < 0 {
		p.err = fmt.Errorf("%s: cannot be played in chunks of %d samples, must be at least 1, or 0 for the default", rec.Name, opt.Chunk)
	}
	if p.size == 0 {
		p.size = int(max(1, min(rec.Info.Samples(0.1), math.MaxInt32)))
	}
	if len(p.runs) > 0 {
		p.at = p.runs[0].Start
	}
	return p
}

// errClosed is what a player returns behind Close.
var errClosed = errors.New("the player is closed")

type player struct {
	rec   *signal.Recording
	begin int64 // nanoseconds since 1970 of sample 0
	size  int
	sizes func() int

	runs  []signal.Span // what is left
	at    int64         // the next sample, in runs[0]
	event int           // the first event that is not before at
	buf   signal.Buffer
	err   error // what ended the playing
}

// Info describes the samples.
func (p *player) Info() *signal.Info { return p.rec.Info }

// Next is the next chunk.
func (p *player) Next(ctx context.Context) (signal.Chunk, error) {
	if p.err != nil {
		return signal.Chunk{}, p.err
	}
	if err := ctx.Err(); err != nil { // the playing can go on with another context
		return signal.Chunk{}, err
	}
	for len(p.runs) > 0 && p.at >= p.runs[0].End() {
		p.runs = p.runs[1:]
		if len(p.runs) > 0 {
			p.at = p.runs[0].Start
		}
	}
	if len(p.runs) == 0 {
		p.err = io.EOF
		return signal.Chunk{}, p.err
	}
	n := p.size
	if p.sizes != nil {
		if n = p.sizes(); n < 1 {
			p.err = fmt.Errorf("%s: PlayOptions.Sizes asks for a chunk of %d samples, must be at least 1", p.rec.Name, n)
			return signal.Chunk{}, p.err
		}
	}
	n = int(min(int64(n), p.runs[0].End()-p.at))
	c := p.buf.Chunk(p.rec.Info, p.at, n)
	if err := p.rec.Data.ReadSamples(c.X, p.at); err != nil {
		p.err = err
		return signal.Chunk{}, err
	}
	c.Time = p.begin + int64(math.Round(float64(p.at)*1e9/p.rec.Info.Rate))
	c.Events = p.events(c.Start, c.End())
	p.at = c.End()
	return c, nil
}

// events is those in [from, to). Chunks come in order, so each event is passed once.
func (p *player) events(from, to int64) []signal.Event {
	all := p.rec.Events
	for p.event < len(all) && all[p.event].Sample < from {
		p.event++
	}
	first := p.event
	for p.event < len(all) && all[p.event].Sample < to {
		p.event++
	}
	return all[first:p.event:p.event]
}

// Close ends the playing. The recording stays open: it belongs to whoever opened it.
func (p *player) Close() error {
	p.err = errClosed
	return nil
}
