package session

import (
	"cmp"
	"fmt"
	"math"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// lookEvery is the time between two looks at the session.
const lookEvery = 500 * time.Millisecond

// snapshot is how a session was at one moment.
type snapshot struct {
	at     time.Time
	t      bus.Telemetry
	stages [stageCount]histogram
	lost   map[string]float64 // samples, by kind
	adapt  map[string]float64 // pieces of feedback, by outcome
	up     bool               // the link to the bus
	old    bool               // the newest samples are too old to act on
}

// shown is the phase as others see it.
func (e *engine) shown() bus.Phase {
	if _, holds := e.guard.holding(); holds && e.phase == bus.PhaseDecoding {
		return bus.PhasePaused
	}
	return e.phase
}

// streams is how the samples are, and the marks where they come beside them.
func (e *engine) streams() []bus.StreamHealth {
	all := []bus.StreamHealth{e.streamHealth()}
	if e.marks != nil {
		h := e.marks.health(nil)
		h.Samples = uint64(e.marks.chunks)
		all = append(all, h)
	}
	return all
}

func (e *engine) streamHealth() bus.StreamHealth {
	h := e.link.health(e.health())
	h.Samples = uint64(e.stats().Samples)
	if lost := h.Lost + h.Suspected + h.Dropped; uint64(e.jumps) > lost { // the source does not count them
		h.Lost += uint64(e.jumps) - lost
	}
	if e.aged {
		h.AgeMS = known(e.ageNow+time.Since(e.link.heard).Seconds()*1e3, 1) // also while nothing comes
	}
	h.NotFinite = e.bad.n
	if bad := e.bad.now(time.Now()); bad != "" {
		h.Detail += "; " + bad
	}
	if ahead := e.lead.by; ahead > time.Second {
		h.Detail += fmt.Sprintf("; its clock is %.1f s ahead of ours: ages count from the youngest sample", ahead.Seconds())
	}
	return h
}

// telemetry is how the session is now.
func (e *engine) telemetry() bus.Telemetry {
	st := e.stats()
	w := e.opt.Commands
	t := bus.Telemetry{
		V: bus.Version, Session: w.Session(), Decoder: w.Decoder(), Run: w.Run(), TPublish: e.opt.Clock.Now(),
		Phase: e.shown(), Shadow: w.Intent() == bus.Shadow, Detail: cmp.Or(e.guard.alarm(), e.detail), Streams: e.streams(), Stages: e.stages.latencies(),
		Samples: st.Samples, Gaps: st.Gaps, Restarts: st.Restarts, Windows: st.Windows, Rejected: st.Rejected, Skipped: e.gate.skipped,
		Sent: e.rep.Sent, SentShadow: e.rep.Shadow, NotSent: e.rep.NotSent, Expired: e.rep.Expired, Held: e.rep.Held,
		Refused: e.rep.Refused, Failed: e.rep.Failed,
		DecodedS: e.decoded,
	}
	if e.decisions != nil {
		d := *e.decisions
		t.Decisions = &d
	}
	if t.HeldBy, _ = e.guard.holding(); t.Detail == "" && t.Phase == bus.PhasePaused {
		t.Detail = t.HeldBy
	}
	if e.model != nil {
		t.Bundle = e.model.SHA256
	}
	if n := len(e.before); n > 0 {
		t.Before = e.before[n-1].SHA256
	}
	if e.next != nil {
		t.Pending = e.next.SHA256
	}
	if e.cal != nil {
		t.Score = e.cal.score
		if t.Detail == "" && e.phase != bus.PhaseDecoding { // or the last cue would be told for ever
			t.Detail = e.cal.progress()
		}
	}
	if e.opt.Adapter != nil {
		t.Adaptation = string(e.opt.Adapter.state())
	}
	return t
}

// losses are the samples that are missing or left out, by kind.
func losses(h bus.StreamHealth, skipped, notFinite int64) map[string]float64 {
	return map[string]float64{
		"known": float64(h.Lost), "suspected": float64(h.Suspected), "unstamped": float64(h.Unstamped), "dropped": float64(h.Dropped),
		"skipped": float64(skipped), "not_finite": float64(notFinite),
	}
}

// look lets others see how the session is.
func (e *engine) look(now time.Time) {
	s := snapshot{at: now, t: e.telemetry(), stages: e.stages.buckets, up: e.opt.Commands.Connected(), old: e.old}
	s.lost = losses(s.t.Streams[0], e.gate.skipped, e.stats().NotFinite)
	if e.opt.Adapter != nil {
		s.adapt = e.opt.Adapter.outcomes()
	}
	e.mu.Lock()
	e.view = s
	e.mu.Unlock()
	if e.opt.OnLook != nil {
		e.opt.OnLook(s.t)
	}
	if e.opt.Telemetry != nil {
		_ = e.opt.Telemetry.Write(s.t) // counted there: who looks on misses a look
	}
}

// peek is what others see.
func (e *engine) peek() snapshot {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.view
}

func unknownHealth() signal.Health {
	nan := math.NaN()
	return signal.Health{RateHz: nan, OffsetS: nan, OffsetErrS: nan, DriftPPM: nan, JitterS: nan, AgeS: nan, DelayS: nan}
}
