package session

import (
	"fmt"
	"math"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Watch says from which silence on a stream counts as stalled and as lost.
type Watch struct {
	StalledMS float64 `json:"stalled_ms" doc:"a stream without samples for so long is stalled, 50 to 60000 ms; beyond twice its usual time between chunks it is never called so"`
	LostMS    float64 `json:"lost_ms" doc:"a stream without samples for so long is lost, more than stalled_ms, at most 600000 ms: filters and windows begin anew when it is back"`
}

// WatchDefaults suit amplifiers with chunks of up to a tenth of a second.
func WatchDefaults() Watch { return Watch{StalledMS: 500, LostMS: 3000} }

// Check reports the first value that is out of its range.
func (w Watch) Check() error {
	switch {
	case !(50 <= w.StalledMS && w.StalledMS <= 60_000):
		return fmt.Errorf("stalled_ms is %g, must be 50 to 60000", w.StalledMS)
	case !(w.StalledMS < w.LostMS && w.LostMS <= 600_000):
		return fmt.Errorf("lost_ms is %g, must be above stalled_ms, which is %g, and at most 600000", w.LostMS, w.StalledMS)
	}
	return nil
}

// recoveredFor is how long a stream that came back is called recovered.
const recoveredFor = time.Second

// drained is the silence behind which a loss that a source tells of is one of samples.
const drained = 100 * time.Millisecond

// keptTransitions are the newest that a link remembers.
const keptTransitions = 16

// link is the state machine of one stream. It holds no clock: it is told what happens and when.
//
//	resolving → connected ⇄ stalled → lost → recovered → connected
//
// Both what the source says of its own link and the silence that is seen here count; the worse of the two wins.
type link struct {
	opt  Watch
	name string

	state   signal.LinkState
	since   time.Time
	detail  string
	changes uint64
	stalls  uint64
	losses  uint64
	newest  []bus.Transition
	stamp   func(time.Time) int64 // of the session's clock
	again   string                // the words for samples behind a loss

	heard  time.Time     // when the newest chunk came
	usual  time.Duration // time between chunks, smoothed; at first the length of one
	chunks int64
	taken  uint64 // samples
	anew   bool   // the next chunk is the first behind a loss
	known  uint64 // losses that the source told of, of those that were taken in
}

func newLink(name string, opt Watch, now time.Time, stamp func(time.Time) int64) *link {
	return &link{
		opt: opt, name: name, state: signal.LinkResolving, since: now, heard: now, stamp: stamp, again: "samples come again: filters and windows began anew",
	}
}

// enter changes the state, and says whether it was another.
func (l *link) enter(s signal.LinkState, why string, now time.Time) bool {
	l.detail = why
	if s == l.state {
		return false
	}
	l.newest = append(l.newest, bus.Transition{From: string(l.state), To: string(s), Time: l.stamp(now), Reason: why})
	if len(l.newest) > keptTransitions {
		l.newest = l.newest[1:]
	}
	switch s {
	case signal.LinkStalled:
		l.stalls++
	case signal.LinkLost:
		l.losses++
		l.anew = true
	}
	l.state, l.since, l.changes = s, now, l.changes+1
	return true
}

// take is told that c came at now, see chunk.
func (l *link) take(now time.Time, c signal.Chunk) (first, changed bool) {
	l.taken += uint64(c.Len())
	return l.chunk(now, time.Duration(float64(c.Len())/c.Info.Rate*float64(time.Second)))
}

// chunk is told that samples so long came at now. It says whether they are the first behind a loss, and whether the state changed.
func (l *link) chunk(now time.Time, length time.Duration) (first, changed bool) {
	gap := now.Sub(l.heard)
	if l.state == signal.LinkLost { // it says little of what is usual
		gap = min(gap, ms(l.opt.LostMS))
	}
	switch {
	case l.chunks == 0:
		l.usual = length
	case l.usual == 0:
		l.usual = gap
	default: // also behind a stall: chunks that always come so far apart are no stalls
		l.usual += (gap - l.usual) / 8
	}
	l.heard = now
	l.chunks++
	first, l.anew = l.anew, false
	switch {
	case first:
		return true, l.enter(signal.LinkRecovered, l.again, now)
	case l.state == signal.LinkRecovered && now.Sub(l.since) < recoveredFor:
		return false, false
	default:
		return false, l.enter(signal.LinkConnected, "samples come", now)
	}
}

// tick is told the time, and what the source says of its link, nil where it says nothing. It says whether the state changed.
func (l *link) tick(now time.Time, h *signal.Health) bool {
	silent := now.Sub(l.heard)
	if h != nil {
		switch h.State {
		case signal.LinkLost, signal.LinkResolving:
			if l.chunks > 0 && silent >= drained && h.Samples <= l.taken { // what it has handed out is here
				l.known = h.Losses
				return l.enter(signal.LinkLost, detailOf(h, "the source says that its peer is gone"), now)
			}
		case signal.LinkStalled:
			if l.chunks > 0 && l.state != signal.LinkLost && silent < max(ms(l.opt.LostMS), 4*l.usual) {
				return l.enter(signal.LinkStalled, detailOf(h, "the source says that nothing comes"), now)
			}
		}
	}
	if l.chunks == 0 {
		return false // still resolving
	}
	switch {
	case silent >= max(ms(l.opt.LostMS), 4*l.usual):
		return l.enter(signal.LinkLost, fmt.Sprintf("no samples for %.1f s", silent.Seconds()), now)
	case silent >= max(ms(l.opt.StalledMS), 2*l.usual) && l.state != signal.LinkLost:
		return l.enter(signal.LinkStalled, fmt.Sprintf("no samples for %.1f s", silent.Seconds()), now)
	case l.state == signal.LinkRecovered && now.Sub(l.since) >= recoveredFor:
		return l.enter(signal.LinkConnected, "samples come", now)
	}
	return false
}

// missed is told what the source said of its link when it handed out the first chunk of a run, nil for nothing, before that is taken in.
// Where the link was lost and is back since anybody looked, it enters that loss, and says so.
func (l *link) missed(h *signal.Health) bool {
	if h == nil {
		return false
	}
	told := h.Losses
	if h.State == signal.LinkLost {
		told-- // the newest is behind this chunk
	}
	if told <= l.known {
		return false
	}
	l.losses += told - l.known - 1 // several, with nothing left of what came between
	l.known = told
	if l.state == signal.LinkLost { // by its silence
		return false
	}
	return l.enter(signal.LinkLost, h.LostWhy, h.LostAt)
}

// mark is tick for a stream of marks, of which only the source knows whether it is there: marks come when they come. It says whether the
// state changed to one that is worth a word: to be there at the start is not.
func (l *link) mark(now time.Time, m signal.Marks) bool {
	before := l.state
	l.chunks = int64(m.N)
	changed := l.enter(m.State, m.Detail, now)
	if m.Late > 0 {
		l.detail += fmt.Sprintf("; %d of %d marks came late", m.Late, m.N)
	}
	return changed && (before != signal.LinkResolving || m.State == signal.LinkLost)
}

func detailOf(h *signal.Health, otherwise string) string {
	if h.Detail != "" {
		return h.Detail
	}
	return otherwise
}

// flows says whether samples come.
func (l *link) flows() bool {
	return l.state == signal.LinkConnected || l.state == signal.LinkRecovered
}

// health is the link for telemetry; h is what the source knows, nil for nothing.
func (l *link) health(h *signal.Health) bus.StreamHealth {
	s := bus.StreamHealth{
		Name: l.name, State: string(l.state), Since: l.stamp(l.since), Detail: l.detail, Changes: l.changes,
		Transitions: l.newest, Stalls: l.stalls, Losses: l.losses,
	}
	if h != nil {
		s.Lost, s.Suspected, s.Unstamped, s.Dropped = h.Lost, h.Suspected, h.Unstamped, h.Dropped
		s.RateHz, s.OffsetMS, s.DriftPPM, s.JitterMS = known(h.RateHz, 1), known(h.OffsetS, 1e3), known(h.DriftPPM, 1), known(h.JitterS, 1e3)
	}
	return s
}

// known is v in other units, nil where it is not known.
func known(v, scale float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	v *= scale
	return &v
}

func ms(v float64) time.Duration { return time.Duration(v * float64(time.Millisecond)) }
