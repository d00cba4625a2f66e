package filt

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// each is the running state of a step that filters every channel but triggers by itself.
type each struct {
	info *signal.Info
	out  signal.Buffer
}

// channelFilter filters a part of channel ch into dst and remembers it.
type channelFilter interface {
	filt(ch int, dst, x []float64)
}

// process filters c.
func (e *each) process(c signal.Chunk, f channelFilter) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != len(e.info.Channels) {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(e.info.Channels))
	}
	out := e.out.Like(c, e.info)
	for ch, x := range c.X {
		if e.info.Channels[ch].Kind == signal.Trigger {
			copy(out.X[ch], x)
			continue
		}
		f.filt(ch, out.X[ch], x)
	}
	return out, nil
}

// Ignores names none: every channel is filtered by itself.
func (e *each) Ignores() (names []string, separate bool) { return nil, true }

// Flush has nothing to return: no sample is held back.
func (e *each) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }
