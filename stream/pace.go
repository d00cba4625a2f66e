package stream

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Pace plays src as if it were measured now: each chunk is handed out when its last sample would have come, at speed
// times real time, and Chunk.Time is moved to the present. now is the clock that the times are on, in nanoseconds since
// 1970.
//
// At another speed than 1 the samples of a chunk cannot all have a true time, since the rate says how they are spaced:
// the newest has, and it is the one that ages are counted from.
func Pace(src signal.Source, speed float64, now func() int64) (signal.Source, error) {
	if !(speed > 0) || math.IsInf(speed, 0) {
		return nil, fmt.Errorf("speed is %g, must be above 0 and finite (1 is real time)", speed)
	}
	return &pacer{Source: src, speed: speed, now: now}, nil
}

type pacer struct {
	signal.Source
	speed float64
	now   func() int64

	began time.Time // when the first sample would have been measured
	stamp int64     // the same on now's clock
	first int64     // its number
}

// Next waits until the chunk is due.
func (p *pacer) Next(ctx context.Context) (signal.Chunk, error) {
	c, err := p.Source.Next(ctx)
	if err != nil {
		return c, err
	}
	if p.began.IsZero() {
		p.stamp, p.first = p.now(), c.Start
		p.began = time.Now() // behind the stamp: no sample may come before its own
	}
	after := time.Duration(float64(c.End()-1-p.first) / c.Info.Rate / p.speed * 1e9) // of the newest sample
	if wait := time.Until(p.began.Add(after)); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return signal.Chunk{}, ctx.Err()
		case <-timer.C:
		}
	}
	c.Time += p.stamp + int64(after) - c.TimeAt(c.End()-1)
	return c, ctx.Err()
}
