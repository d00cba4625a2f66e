package adapt

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
)

// MaxRow is the most features that a head takes.
const MaxRow = decoders.MaxEmbed

// Head learns from feedback beside a decoder that is in use. The caller asks Decide what to send, says with Sent under
// which number it was sent, and hands over what comes back with Feedback. It is used by one goroutine at a time.
//
// Its features φ are a constant, the row of features that the decoder gets (with the mean and the scale that the first
// decisions with feedback had), and what the decoder made of it: 2p − 1 for every class. It begins with the values 2p − 1
// themselves, the expected reward for ±1, so that it decides like the decoder until it has learned something.
type Head struct {
	opt     Options
	classes int
	width   int // of a row
	forget  float64

	state   State
	decides bool // it is live, or was when it froze
	why     string

	mean, scale []float64 // of the rows; nil until settled
	early       []lesson  // what settles them
	m           model
	begin       [][]float64 // weights at the start
	ridge       []float64

	snaps   []snapshot // oldest first
	source  snapshot
	since   int // updates since the newest
	updates []int64
	contest contest
	stats   Stats
	learned int   // updates that the weights have behind them, those of earlier sessions included
	recent  []int // classes of the head's last decisions with feedback while it decides
	right   []bool
	hits    [2]int // of the head since it went live: right decisions, and all with feedback

	hand    decision // what Decide said last
	pending []decision
	phi     []float64
	trial   [][]float64 // weights that a step would lead to
}

// decision is one that waits for feedback.
type decision struct {
	seq                    uint64
	t                      int64
	row, running           []float64
	decoder, shadow, taken int // classes: the running decoder's, the head's, the one that was sent
}

// lesson is a decision with what is known of the rewards: of every class where truth ≥ 0, and otherwise that taken was wrong.
type lesson struct {
	d     decision
	truth int
	told  Feedback
}

type snapshot struct {
	m    model
	hash string
	made int     // updates up to it
	rate float64 // of right decisions; NaN before the head has decided often enough
}

// Stats counts what a head has seen.
type Stats struct {
	Sent     int `json:"sent"`     // decisions
	Feedback int `json:"feedback"` // that matched one
	Accepted int `json:"accepted"` // updates
	Clipped  int `json:"clipped"`  // updates whose step was shortened
	Skipped  int `json:"skipped"`  // too many within a minute, or frozen
	Unknown  int `json:"unknown"`  // feedback on no decision that waits: too late, twice, or never made
	Expired  int `json:"expired"`  // decisions that got none in time
	Dropped  int `json:"dropped"`  // decisions forgotten at an interruption
}

// New is a head beside a decoder of so many classes, for rows of width features.
func New(opt Options, classes, width int) (*Head, error) {
	if err := opt.Check(); err != nil {
		return nil, fmt.Errorf("adapt: %w", err)
	}
	if classes < 2 || width < 1 || width > MaxRow {
		return nil, fmt.Errorf("adapt: %d classes and rows of %d features, must be at least 2 and 1 to %d: adapt a pipeline whose features are few, such as logvar or tangent_space", classes, width, MaxRow)
	}
	size := 1 + width + classes
	h := &Head{opt: opt, classes: classes, width: width, forget: math.Exp(-1 / opt.Memory), state: opt.Start, m: newModel(classes, size), phi: make([]float64, size)}
	for j := range size {
		if h.ridge = append(h.ridge, opt.Ridge); j > width {
			h.ridge[j] = opt.Trust
		}
	}
	for k := range classes {
		h.m.theta[k][1+width+k] = 1
		h.trial = append(h.trial, make([]float64, size))
	}
	begin := h.m.clone()
	h.begin = begin.theta
	h.source = h.snapshot()
	h.snaps = []snapshot{h.source}
	return h, nil
}

// State is what the head does, and why where it is frozen.
func (h *Head) State() (State, string) { return h.state, h.why }

// Decides says whether Decide gives the head's scores, not the running decoder's.
func (h *Head) Decides() bool { return h.decides }

// Stats counts what came so far.
func (h *Head) Stats() Stats { return h.stats }

// Updates counts those that the weights have behind them, in all sessions that the head has learned in.
func (h *Head) Updates() int { return h.learned }

// Hash is that of all that the head has learned.
func (h *Head) Hash() string { return h.m.hash() }

// Decide fills scores [classes] with what to send for a row, to which the running decoder gave the probabilities running:
// those of the head where it is live, else running itself. It returns the class with the highest score, or with
// exploration the one to try.
func (h *Head) Decide(scores, row, running []float64) (class int, err error) {
	if len(row) != h.width || len(running) != h.classes || len(scores) != h.classes {
		return 0, fmt.Errorf("adapt: a row of %d features, %d probabilities and room for %d scores, must be %d, %d and %d", len(row), len(running), len(scores), h.width, h.classes, h.classes)
	}
	if !finite(row) || !finite(running) {
		return 0, fmt.Errorf("adapt: a feature or a probability is not finite: features %v, probabilities %v", row, running)
	}
	d := &h.hand
	d.row, d.running = append(d.row[:0], row...), append(d.running[:0], running...)
	d.decoder = best(running)
	h.values(scores, row, running)
	d.shadow = best(scores)
	if !h.decides {
		copy(scores, running)
		d.taken = d.decoder
		return d.taken, nil
	}
	if probabilities(scores); h.opt.Explore > 0 && h.mean != nil {
		d.taken = h.explore(row, running)
		return d.taken, nil
	}
	d.taken = d.shadow
	return d.taken, nil
}

// Scores fills dst [classes] with what Decide would send, whatever is decided by it: it leaves no trace, and does not
// allocate.
func (h *Head) Scores(dst, row, running []float64) error {
	if len(row) != h.width || len(running) != h.classes || len(dst) != h.classes || !finite(row) || !finite(running) {
		return fmt.Errorf("adapt: a row of %d features, %d probabilities and room for %d scores, must be %d, %d and %d, all of them finite", len(row), len(running), len(dst), h.width, h.classes, h.classes)
	}
	if !h.decides {
		copy(dst, running)
		return nil
	}
	h.values(dst, row, running)
	probabilities(dst)
	return nil
}

// probabilities makes scores of values: the reward for ±1 is 2p − 1.
func probabilities(values []float64) {
	for k, v := range values {
		values[k] = (v + 1) / 2
	}
	decoders.Simplex(values) // the weights and features are finite, and so are the values
}

// values fills dst with the expected reward of every class.
func (h *Head) values(dst, row, running []float64) {
	h.features(row, running)
	for k := range dst {
		dst[k] = dot(h.m.theta[k], h.phi)
	}
}

// features fills phi.
func (h *Head) features(row, running []float64) {
	h.phi[0] = 1
	for j, v := range row {
		if h.mean == nil {
			h.phi[1+j] = 0
			continue
		}
		h.phi[1+j] = min(max((v-h.mean[j])*h.scale[j], -10), 10) // one artefact must not outweigh a hundred trials
	}
	for k, p := range running {
		h.phi[1+h.width+k] = 2*p - 1
	}
}

// explore is the class whose value may be the largest.
func (h *Head) explore(row, running []float64) int {
	h.features(row, running)
	top, class := math.Inf(-1), 0
	for k := range h.classes {
		if v := dot(h.m.theta[k], h.phi) + h.opt.Explore*h.m.spread(k, h.phi, h.ridge); v > top {
			top, class = v, k
		}
	}
	return class
}

// maxPending decisions may wait for feedback.
const maxPending = 4096

// Sent says that what Decide said last was sent as number seq at t, in nanoseconds. Only then can it get feedback.
func (h *Head) Sent(seq uint64, t int64) {
	h.expire(t)
	d := h.hand
	d.seq, d.t, d.row, d.running = seq, t, slices.Clone(d.row), slices.Clone(d.running)
	h.pending = append(h.pending, d)
	h.stats.Sent++
	if len(h.pending) > maxPending {
		h.pending = slices.Delete(h.pending, 0, 1)
		h.stats.Expired++
	}
}

// expire forgets decisions that have waited for too long at t.
func (h *Head) expire(t int64) {
	old := 0
	for old < len(h.pending) && float64(t-h.pending[old].t) > h.opt.Expire*1e9 {
		old++
	}
	h.stats.Expired += old
	h.pending = slices.Delete(h.pending, 0, old)
}

// Interrupt forgets the decisions that wait: the stream broke off, and feedback may no longer belong to what is thought.
func (h *Head) Interrupt() {
	h.stats.Dropped += len(h.pending)
	h.pending = h.pending[:0]
}

// best is the position of the largest, the first of equals.
func best(x []float64) int {
	top := 0
	for k, v := range x {
		if v > x[top] {
			top = k
		}
	}
	return top
}
