// Package segment cuts a stream into windows: around events, or one after the other.
//
// All windows of a step have one length. Their places are counted in samples of the stream, so they do not depend on how
// the stream was cut into chunks; only whole windows come out, and none reaches over a gap.
package segment

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// maxSeconds bounds every time in a parameter: a day. It keeps counts of samples far from the end of an int.
const maxSeconds = 86400

// history keeps the newest samples of a stream in one piece per channel, so that a window is a view of them, and lends
// the windows out. It has room for at most twice the samples to keep plus twice the longest chunk so far, and grows only
// as samples come; what it keeps is moved once in about as many samples.
type history struct {
	info    *signal.Info
	keep    int64       // samples that have to stay when new ones come
	x       [][]float64 // [channel][0:n], of one capacity each
	n, room int64       // samples held, samples that fit
	begin   int64       // sample number of x[·][0]
	run     int64       // sample number where the run without a gap began
	started bool        // a chunk has come, so begin and run are known
	last    signal.Chunk

	windows []signal.Window // lent out until the next push
	views   [][]float64     // the X of all of them
}

func (h *history) start(in *signal.Info, keep int64) {
	// The memory stays where the channels are as many as before: Start is called behind every gap of a live stream.
	if len(h.x) != len(in.Channels) {
		h.x, h.room = make([][]float64, len(in.Channels)), 0
	}
	h.info, h.keep, h.n, h.started = in, keep, 0, false
	h.last = signal.Chunk{}
}

// end is the sample number behind the newest one.
func (h *history) end() int64 { return h.begin + h.n }

// push appends c, which is not empty, and takes all windows back.
func (h *history) push(c signal.Chunk) error {
	if h.info == nil {
		return errors.New("a chunk before the start: call Start first")
	}
	if len(c.X) != len(h.x) {
		return fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(h.x))
	}
	if h.started && c.Start != h.end() {
		return fmt.Errorf("a chunk starts at sample %d, the one before ended at %d: call End and Start at a gap", c.Start, h.end())
	}
	if !h.started {
		h.begin, h.run, h.started = c.Start, c.Start, true
	}
	h.takeBack()
	h.last = signal.Chunk{Info: h.info, Start: c.Start, Time: c.Time} // for TimeAt; the samples belong to others
	m := int64(c.Len())
	if h.n+m > h.room {
		h.makeRoom(m)
	}
	for ch, x := range c.X {
		h.x[ch] = append(h.x[ch][:h.n], x...)
	}
	h.n += m
	return nil
}

// takeBack ends what was lent out.
func (h *history) takeBack() { h.windows, h.views = h.windows[:0], h.views[:0] }

// makeRoom drops what is older than keep and moves the rest to the front, into longer slices where those are too short.
func (h *history) makeRoom(m int64) {
	stay := min(h.keep, h.n)
	drop := h.n - stay
	grow := stay+m > h.room/2 // less than half free would mean moving all the time
	if grow {
		h.room = 2 * (stay + m) // not of keep: memory is bounded by what came, however long a window is asked for
	}
	for ch, x := range h.x {
		if grow {
			h.x[ch] = append(make([]float64, 0, h.room), x[drop:h.n]...)
		} else {
			h.x[ch] = append(x[:0], x[drop:h.n]...)
		}
	}
	h.begin, h.n = h.begin+drop, stay
}

// lend adds the window [start, start+length), which must be in the history, to those lent out.
func (h *history) lend(start, length int64) *signal.Window {
	from := len(h.views)
	for _, x := range h.x {
		h.views = append(h.views, x[start-h.begin:start-h.begin+length:start-h.begin+length])
	}
	h.windows = append(h.windows, signal.Window{
		Info: h.info, Start: start, Time: h.last.TimeAt(start + length - 1), X: h.views[from:len(h.views):len(h.views)],
	})
	return &h.windows[len(h.windows)-1]
}

// at is n samples of a channel from number start on, which must be in the history.
func (h *history) at(ch int, start, n int64) []float64 {
	return h.x[ch][start-h.begin : start-h.begin+n]
}

// samples converts a parameter, which must be a number of at most a day.
func samples(in *signal.Info, step, key string, seconds float64) (int64, error) {
	if !(math.Abs(seconds) <= maxSeconds) { // also catches NaN
		return 0, fmt.Errorf("%s: %s is %g, must be within a day (%d s)", step, key, seconds, maxSeconds)
	}
	return in.Samples(seconds), nil
}
