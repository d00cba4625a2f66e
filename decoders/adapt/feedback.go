package adapt

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"
)

// Feedback is what came back for a decision: a reward for it, or the class that was meant.
type Feedback struct {
	Seq    uint64 `json:"seq"`    // number of the decision
	Reward int    `json:"reward"` // 1: right, -1: wrong; 0: Truth says more
	Truth  int    `json:"truth"`  // class that was meant, where Reward is 0
}

// Record says what one piece of feedback, or an operator, did.
type Record struct {
	Seq      uint64   `json:"seq"`
	Time     int64    `json:"time_ns"`
	Feedback Feedback `json:"feedback"`
	State    State    `json:"state"`            // behind it
	Accepted bool     `json:"accepted"`         // something was learned
	Reason   string   `json:"reason,omitempty"` // why not; or what else happened
	Step     float64  `json:"step"`             // norm of the change of the weights that was asked for
	Taken    float64  `json:"taken"`            // and of the one that was made
	Distance float64  `json:"distance"`         // of the weights from where they began, as part of their norm there
	Comparison
	Evidence float64 `json:"evidence"` // that the shadow is better, over comparisons that began at different times
	Snapshot string  `json:"snapshot"` // hash of the newest
}

// Feedback takes in what came back at t, in nanoseconds. The record says what it changed. Where it is the one that settles
// the features there are several, one for each piece of feedback that is learned from then, in order: the last is its own.
func (h *Head) Feedback(f Feedback, t int64) ([]Record, error) {
	if f.Reward < -1 || f.Reward > 1 || f.Reward == 0 && (f.Truth < 0 || f.Truth >= h.classes) {
		return nil, fmt.Errorf("adapt: feedback has the reward %d and the class %d, must be 1 or -1, or 0 and a class from 0 to %d", f.Reward, f.Truth, h.classes-1)
	}
	h.expire(t)
	at := slices.IndexFunc(h.pending, func(d decision) bool { return d.seq == f.Seq })
	if at < 0 {
		h.stats.Unknown++
		return h.one(f, t, "no decision of this number waits for feedback: it came too late, twice, or for another"), nil
	}
	l := lesson{d: h.pending[at], truth: f.Truth, told: f}
	h.pending = slices.Delete(h.pending, at, at+1)
	h.stats.Feedback++
	switch {
	case f.Reward == 1:
		l.truth = l.d.taken
	case f.Reward == -1 && h.classes == 2:
		l.truth = 1 - l.d.taken
	case f.Reward == -1:
		l.truth = -1
	}
	h.judge(l)
	if h.state == Frozen {
		h.stats.Skipped++
		return h.one(f, t, "frozen"), nil
	}
	if reason := h.monitors(); reason != "" {
		h.Freeze(reason)
		return h.one(f, t, reason), nil
	}
	if !h.mayUpdate(t) {
		h.stats.Skipped++
		return h.one(f, t, fmt.Sprintf("more than updates_per_minute, %d", h.opt.PerMinute)), nil
	}
	var recs []Record
	if h.mean == nil {
		recs = h.settle(l, t)
	} else {
		recs = []Record{h.learn(l, t)}
	}
	if h.state == Shadow && h.stats.Feedback >= h.opt.Decisions && h.contest.evidence() >= 1/h.opt.Doubt {
		h.state, h.decides = Live, true
		last := &recs[len(recs)-1]
		last.State, last.Reason = Live, "live: better than the running decoder"
	}
	return recs, nil
}

// Status is a record without feedback, for what an operator does: it says what the head is now.
func (h *Head) Status(t int64, reason string) Record { return h.record(Feedback{}, t, reason) }

// one is the only record of f.
func (h *Head) one(f Feedback, t int64, reason string) []Record {
	return []Record{h.record(f, t, reason)}
}

func (h *Head) record(f Feedback, t int64, reason string) Record {
	return Record{
		Seq: f.Seq, Time: t, Feedback: f, State: h.state, Reason: reason, Comparison: h.contest.total(), Evidence: h.contest.evidence(),
		Distance: distance(h.m.theta, h.begin) / norm(h.begin), Snapshot: h.snaps[len(h.snaps)-1].hash,
	}
}

// judge counts who was right.
func (h *Head) judge(l lesson) {
	shadow, running := l.d.shadow == l.truth, l.d.decoder == l.truth
	if l.truth < 0 { // only known: taken was wrong
		running, shadow = false, false
	}
	if !h.decides {
		h.contest.add(shadow, running)
		return
	}
	if h.right = append(h.right, l.d.taken == l.truth); len(h.right) > fallSpan {
		h.right = h.right[1:]
	}
	if h.recent = append(h.recent, l.d.taken); len(h.recent) > collapseSpan {
		h.recent = h.recent[1:]
	}
	if h.hits[1]++; l.d.taken == l.truth {
		h.hits[0]++
	}
}

// What the monitors look at, in decisions with feedback.
const (
	collapseSpan = 30
	fallSpan     = 20
	// fallDoubt is the chance of a fall as deep where nothing has changed. The monitor looks again with every piece of
	// feedback, hundreds of times an hour, so it is far below the 0.05 of a single look.
	fallDoubt = 1e-4
)

// monitors say why the head must stop learning, "" where all is well.
func (h *Head) monitors() string {
	if len(h.recent) == collapseSpan {
		count := make([]int, h.classes)
		for _, k := range h.recent {
			count[k]++
		}
		if part := float64(slices.Max(count)) / collapseSpan; part > h.opt.Collapse || part == 1 && h.opt.Collapse == 1 {
			return fmt.Sprintf("collapse: %.0f %% of the last %d decisions are for one class, allowed are %.0f %%", 100*part, collapseSpan, 100*h.opt.Collapse)
		}
	}
	before := h.snaps[len(h.snaps)-1].rate
	if len(h.right) < fallSpan || math.IsNaN(before) {
		return ""
	}
	now := 0
	for _, ok := range h.right {
		if ok {
			now++
		}
	}
	rate := float64(now) / fallSpan
	if rate < before-h.opt.Fall && binomial(now, fallSpan, before) < fallDoubt {
		return fmt.Sprintf("fall: %d of the last %d decisions were right, %.0f %% at the snapshot", now, fallSpan, 100*before)
	}
	return ""
}

// binomial is the chance of at most x of n with probability p each.
func binomial(x, n int, p float64) float64 {
	if x >= n {
		return 1
	}
	return mathext.RegIncBeta(float64(n-x), float64(x+1), 1-p)
}

// mayUpdate says whether another update within this minute is allowed.
func (h *Head) mayUpdate(t int64) bool {
	old := 0
	for old < len(h.updates) && t-h.updates[old] >= 60e9 {
		old++
	}
	h.updates = slices.Delete(h.updates, 0, old)
	if len(h.updates) >= h.opt.PerMinute {
		return false
	}
	h.updates = append(h.updates, t)
	return true
}

// settle keeps the first lessons until they give the features their mean and scale.
func (h *Head) settle(l lesson, t int64) []Record {
	h.early = append(h.early, l)
	if len(h.early) < h.opt.Settle {
		return h.one(l.told, t, fmt.Sprintf("settling: %d of %d decisions", len(h.early), h.opt.Settle))
	}
	n := float64(len(h.early))
	mean, scale := make([]float64, h.width), make([]float64, h.width)
	for j := range mean {
		for _, e := range h.early {
			mean[j] += e.d.row[j] / n
		}
		square := 0.0
		for _, e := range h.early {
			square += (e.d.row[j] - mean[j]) * (e.d.row[j] - mean[j]) / (n - 1)
		}
		if square > 0 && !math.IsInf(1/math.Sqrt(square), 0) { // a feature that never changed says nothing: it stays 0
			scale[j] = 1 / math.Sqrt(square)
		}
	}
	h.mean, h.scale = mean, scale
	early := h.early
	h.early = nil
	var recs []Record
	for _, e := range early {
		if recs = append(recs, h.learn(e, t)); h.state == Frozen {
			break
		}
	}
	return recs
}

// learn makes one update.
func (h *Head) learn(l lesson, t int64) Record {
	f := l.told
	h.features(l.d.row, l.d.running)
	old := h.m.clone()
	for k := range h.classes {
		r := -1.0
		switch {
		case l.truth == k:
			r = 1
		case l.truth < 0 && k != l.d.taken:
			copy(h.trial[k], h.m.theta[k])
			continue // wrong says nothing of the others
		}
		h.m.add(k, h.phi, r/(1-2*h.opt.ErrorRate), h.forget)
		if !h.m.solve(h.trial[k], k, h.begin[k], h.ridge) {
			h.restore(h.snaps[len(h.snaps)-1])
			h.Freeze("an update was not finite: rolled back to the newest snapshot")
			return h.record(f, t, h.why)
		}
	}
	step := distance(h.trial, h.m.theta)
	taken, limit := step, h.opt.MaxStep*norm(h.m.theta)
	if step > limit {
		taken = limit
	}
	for k := range h.trial {
		for i, v := range h.trial[k] {
			if step > limit {
				v = h.m.theta[k][i] + float64((v-h.m.theta[k][i])*(limit/step))
			}
			h.m.theta[k][i] = v
		}
	}
	if d := distance(h.m.theta, h.begin) / norm(h.begin); d > h.opt.MaxDistance {
		h.m = old
		h.Freeze(fmt.Sprintf("the weights would be %.2f of their norm away from where they began, max_distance is %g", d, h.opt.MaxDistance))
		return h.record(f, t, h.why)
	}
	h.stats.Accepted++
	h.learned++
	if step > limit {
		h.stats.Clipped++
	}
	if h.since++; h.since >= h.opt.Snapshot {
		h.since = 0
		if h.snaps = append(h.snaps, h.snapshot()); len(h.snaps) > maxSnapshots {
			h.snaps = h.snaps[1:]
		}
	}
	rec := h.record(f, t, "")
	rec.Accepted, rec.Step, rec.Taken = true, step, taken
	return rec
}
