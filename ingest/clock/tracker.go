package clock

import (
	"fmt"
	"math"
	"slices"
)

// Options tune a Tracker; zero values ask for the defaults.
type Options struct {
	Rate      float64 // samples per second, nominal
	HalfTimeS float64 // after which a stamp counts half; 0 means 90 as in liblsl
	HoldS     float64 // for how long samples are held back while it is not clear whether some are missing, at most four times as long; 0 means 0.25
	JumpS     float64 // a step of the stamps of more than this, which the arrival did not take, is a jump; 0 means 5
	Modulus   int64   // of the counter of samples, 0 where there is none: one byte counts to 256
}

// Run is a number of samples without a break.
type Run struct {
	N    int
	Time float64 // when the first one was measured, on the sender's clock
	// Lost samples are missing before the first one. Known says that a counter tells, Told that Missing did; otherwise it is
	// what the clock says.
	Lost  int64
	Known bool
	Told  bool
	// Anew says that nothing before has to do with the run: the clock jumped.
	Anew bool
}

// Tracker follows the stamps of one stream: it says when each sample was measured, and where some are missing.
//
// A line through stamps against sample numbers gives the times. A stamp far from the line can be late (the sender was
// busy), can say that samples are missing, or that the clock jumped. Which of it shows by what follows: samples that are
// only late catch up. So from a stamp that is off by more than the usual jitter allows, samples are held back until stamps
// are near the line again, or HoldS is over; then as many are missing as the stamps say. While stamps still catch up, or as long as
// fewer than three came, it waits longer, at most four times HoldS. Nothing is held back otherwise. What is
// usual is learned from stamps that caught up (see late.go), never from losses, so that many of these do not hide the next.
//
// With a counter, losses are known at once: the counter says how many up to a multiple of Modulus, the stamps which.
type Tracker struct {
	opt  Options
	hold int     // samples
	fade float64 // of the peak, with each sample

	l       line
	begun   bool
	blind   bool    // it began without a stamp
	stamps  int     // that the line has seen since it began
	newest  float64 // how far the newest stamp is off the line
	spread  float64 // median distance of stamps from the line
	square  float64 // mean square of it
	hop     float64 // median of by how much a stamp is farther off than the one before
	late    lateness
	first   beginning
	at      int64   // samples since it began, with those that are missing
	since   int     // samples since the newest stamp that came
	apart   float64 // samples from one stamp to the next, usually
	arrived float64 // when the newest decided sample arrived

	counter int64
	counted bool

	held    []held
	sent    int   // of held
	missing int64 // samples before the next one, by the caller
	anew    bool  // the next one begins anew
	out     []Run

	Jumps    int   // places where the clock jumped
	Repeated int64 // samples that came twice, by the counter
}

// Missing says that n samples were lost between the last one and the next, as somebody knows for sure.
func (t *Tracker) Missing(n int64) { t.missing += n }

// Restart says that the next sample comes from another sender: nothing before has to do with it.
func (t *Tracker) Restart() {
	t.settle(Run{})
	t.begun, t.blind, t.counted, t.anew, t.missing = false, false, false, true, 0
}

// held is a sample about which nothing has been decided.
type held struct {
	stamp, arrived float64
	sent           bool
}

// NewTracker makes one for a stream of a fixed rate.
func NewTracker(opt Options) (*Tracker, error) {
	if !(opt.Rate > 0) || math.IsInf(opt.Rate, 0) {
		return nil, fmt.Errorf("rate is %g Hz, must be above 0 and finite", opt.Rate)
	}
	for _, v := range []*float64{&opt.HalfTimeS, &opt.HoldS, &opt.JumpS} {
		if !(*v >= 0) || math.IsInf(*v, 0) {
			return nil, fmt.Errorf("%g s, must be 0 or above and finite", *v)
		}
	}
	if opt.Modulus < 0 || opt.Modulus == 1 {
		return nil, fmt.Errorf("a counter modulo %d counts nothing, must be at least 2", opt.Modulus)
	}
	def := func(v *float64, d float64) {
		if *v == 0 {
			*v = d
		}
	}
	def(&opt.HalfTimeS, 90)
	def(&opt.HoldS, 0.25)
	def(&opt.JumpS, 5)
	return &Tracker{opt: opt, hold: max(2, int(math.Round(opt.HoldS*opt.Rate))), fade: halving(peakHalfS * opt.Rate)}, nil
}

const (
	firstSpread = 0.02   // s; the jitter that is expected before any is known
	firstPeak   = 0.05   // s; the lateness that is expected
	peakHalfS   = 10     // s
	peakFactor  = 1.25   // a stamp may be off by so many times the peak
	floor       = 1.5e-3 // s; what the scheduler of the sender does to stamps
	chunkFloor  = 0.25   // of the time between stamps: where one stands for a chunk, chunks are lost as a whole
	chunkMost   = 25e-3  // s; at most so much
	priorNoise  = 0.005  // s
	priorRate   = 0.01   // of the nominal rate: how far it may be from the true one
	mostRate    = 0.1    // of the nominal rate: it is never farther off
	firstS      = 10     // s; before so much has come it is within priorRate, lest stamps of coarse ticks look like another rate with losses
	medianStep  = 0.02   // by which each stamp moves the median
	tolerance   = 6      // times the hop: what a stamp may be off the line
	clip        = 4      // times the spread: how far a stamp may pull the line
)

// begin puts the line through a stamp. The spread is kept: it belongs to the sender.
func (t *Tracker) begin(stamp float64) {
	if !t.begun {
		t.spread, t.hop, t.square, t.late.peak = firstSpread, firstSpread, 0, 0
	}
	step := 1 / t.opt.Rate
	sd := priorRate * step / priorNoise
	t.l = line{keep: halving(t.opt.Rate * t.opt.HalfTimeS), prior: [2]float64{step, sd * sd}}
	t.l.start(stamp, 1)
	t.late.start(stamp)
	t.first.start(stamp)
	t.begun, t.stamps, t.at, t.newest = true, 1, 0, 0
}

// maxStamp is more seconds than any clock shows: a stamp beyond it, or one that is not finite, is no time at all. Milliseconds
// since 1970 are beyond it, too. So many seconds, in nanoseconds, still have a place in 64 bits.
const maxStamp = 9e9

// IsTime says whether a stamp can be a time in seconds.
func IsTime(stamp float64) bool { return math.Abs(stamp) < maxStamp }

// bound is how far from the line a stamp may be.
func (t *Tracker) bound() float64 {
	peak := t.late.peak
	if t.stamps < firstKnown {
		peak = max(peak, firstPeak)
	}
	return max(t.least(), 0.5/t.opt.Rate+max(tolerance*t.hop, peakFactor*peak))
}

// least is how far from the line a stamp may be if there is no jitter.
func (t *Tracker) least() float64 {
	return 0.5/t.opt.Rate + max(floor, min(chunkFloor*t.apart/t.opt.Rate, chunkMost))
}

// Add takes in the next sample. sent says that its stamp came with it and was not worked out from the one before; arrived
// is when it came, on any clock that does not jump. A stamp that is no time (see IsTime) counts as not sent; where the first
// one is none, times begin at 0 and a new run begins with the first that is one.
func (t *Tracker) Add(stamp, arrived float64, sent bool) { t.add(held{stamp, arrived, sent}, 0, false) }

// AddCounted is Add for a stream with a counter of samples.
func (t *Tracker) AddCounted(stamp, arrived float64, sent bool, counter int64) {
	m := t.opt.Modulus
	if m == 0 {
		panic("clock: AddCounted without a modulus")
	}
	h := held{stamp, arrived, sent}
	if !t.counted {
		t.counter, t.counted = counter, true
		t.add(h, 0, true)
		return
	}
	step := mod(counter-t.counter, m) - 1 // samples missing, up to a multiple of m; -1 is one that came again
	t.counter = counter
	t.add(h, step, true)
}

func mod(a, m int64) int64 { return ((a % m) + m) % m }

func (t *Tracker) add(h held, step int64, counted bool) {
	if !IsTime(h.stamp) {
		h.stamp, h.sent = 0, false
		t.blind = t.blind || !t.begun
	}
	if t.blind && h.sent {
		t.settle(Run{})
		t.begun, t.blind, t.anew, t.missing = false, false, true, 0
	}
	if !t.begun {
		t.begin(h.stamp)
		t.emit(h, Run{Anew: t.anew})
		t.anew, t.missing = false, 0
		return
	}
	if n := t.missing; n > 0 {
		t.missing = 0
		t.settle(Run{})
		t.skipExactly(n) // what a counter has stepped over is among them
		t.accept(h, Run{Lost: n, Told: true})
		return
	}
	if counted && step != 0 {
		t.counterSays(h, step)
		return
	}
	if len(t.held) == 0 && (!h.sent || math.Abs(t.off(h, 0)) <= t.bound()) {
		t.accept(h, Run{})
		return
	}
	if h.sent && math.Abs(t.off(h, len(t.held))) <= max(t.least(), t.bound()/2) { // they were only late
		t.settle(Run{})
		t.accept(h, Run{})
		return
	}
	t.held = append(t.held, h)
	if h.sent {
		t.sent++
	}
	if n := len(t.held) - t.hold; n >= 3*t.hold || n >= 0 && n%max(1, t.hold/8) == 0 && t.times() >= 3 && !t.catching() {
		t.decide()
	}
}

// Settle decides about what is held back by what there is: for a source that has gone quiet.
func (t *Tracker) Settle() {
	switch {
	case len(t.held) == 0:
	case t.sent == 0:
		t.settle(Run{})
	default:
		t.decide()
		t.Settle() // the rest, where decide has left one
	}
}

// off is how far the stamp of a sample is from the line, which has seen everything up to k samples before it.
func (t *Tracker) off(h held, k int) float64 { return h.stamp - (t.l.y + float64(k+1)*t.l.slope) }

// decide says what the held samples mean: all of their stamps are off. Where samples are missing among them too, it decides
// about those before, and goes on to hold the rest.
func (t *Tracker) decide() {
	if n := t.firstStretch(); !t.counted && n < len(t.held) {
		rest := slices.Clone(t.held[n:])
		t.held = t.held[:n]
		t.decide()
		for _, h := range rest {
			t.add(h, 0, false)
		}
		return
	}
	var off, late []float64
	for k, h := range t.held {
		if h.sent {
			off = append(off, t.off(h, k))
			late = append(late, h.arrived-t.arrived-float64(k+1)*t.l.slope)
		}
	}
	by, took := median(off), median(late)
	lost := int64(math.Round(by / t.l.slope))
	switch {
	case math.Abs(by) <= t.bound() && !t.counted: // they have come near the line, though not so near that they were let go
		t.settle(Run{})
	case !t.counted && (math.Abs(by-t.newest) <= floor/2 || by < 0 && by > -max(2*t.least(), firstPeak)):
		// It was the line that was off: they are no farther from it than the one before, as where a clock is slewed, or stamps were late for
		// longer than anybody waits, or too few samples were missing to be told.
		t.l.y += by
		t.late.peak = max(t.late.peak, -by)
		t.late.forget()
		t.settle(Run{})
	case by < 0 && !t.counted, math.Abs(by) > t.opt.JumpS && math.Abs(by-took) > max(1, math.Abs(by)/2):
		t.Jumps++
		t.restart()
	case t.counted:
		m := t.opt.Modulus
		if lost = m * int64(math.Round(float64(lost)/float64(m))); lost > 0 {
			t.skip(lost)
			t.settle(Run{Lost: lost})
			return
		}
		t.l.y += by // the counter says that nothing is missing: the stamps have moved
		t.late.forget()
		t.settle(Run{})
	case lost < 1: // cannot be: off by more than half a sample
		t.settle(Run{})
	default:
		t.skip(lost)
		t.settle(Run{Lost: lost})
	}
}

// times is how many times held samples with stamps came: those that came together are late together.
func (t *Tracker) times() (n int) {
	for k, h := range t.held {
		if h.sent && (k == 0 || !t.held[k-1].sent || t.held[k-1].arrived != h.arrived) {
			n++
		}
	}
	return n
}

// catching says that the held samples are still catching up: one of the second half is less late than all of the first.
func (t *Tracker) catching() bool {
	least := [2]float64{math.Inf(1), math.Inf(1)}
	n := 0
	for k, h := range t.held {
		if h.sent {
			half := min(1, 2*n/t.sent)
			least[half] = min(least[half], t.off(h, k))
			n++
		}
	}
	return least[1] < least[0]-max(t.least(), t.bound()/2)
}

// firstStretch is how many of the held samples lie before the next place where samples are missing: from there on every stamp
// is later by more than jitter allows than those before. Stamps can be late, but never early, so that what all later ones have
// in common is no lateness.
func (t *Tracker) firstStretch() int {
	least := math.Inf(1) // of the stamps from a sample on
	cut := len(t.held)
	for k := len(t.held) - 1; k >= 0; k-- {
		if !t.held[k].sent {
			continue
		}
		off := t.off(t.held[k], k)
		if !math.IsInf(least, 1) && least-off > t.bound() {
			cut = t.nextSent(k)
		}
		least = min(least, off)
	}
	return cut
}

// nextSent is the next held sample behind k that has a stamp.
func (t *Tracker) nextSent(k int) int {
	for k++; !t.held[k].sent; k++ {
	}
	return k
}

// counterSays handles a step of the counter. Held samples come first.
func (t *Tracker) counterSays(h held, step int64) {
	off := t.off(h, len(t.held))
	if !h.sent {
		off = 0
	}
	m := t.opt.Modulus
	lost := step + m*int64(math.Round((off/t.l.slope-float64(step))/float64(m)))
	if math.Abs(off) > t.opt.JumpS && math.Abs(off-(h.arrived-t.arrived)) > max(1, math.Abs(off)/2) {
		lost = max(step, 0) // by the clock, which has jumped, nothing can be said
	}
	t.settle(Run{})
	if lost <= 0 { // it came again, or a few again
		t.Repeated++
		t.accept(h, Run{})
		return
	}
	t.skipExactly(lost)
	t.accept(h, Run{Lost: lost, Known: true})
}

// skip moves the line on over samples that are missing, so many by the clock.
func (t *Tracker) skip(n int64) {
	t.skipExactly(n)
	t.late.forget()
}

// skipExactly is skip where it is known how many are missing.
func (t *Tracker) skipExactly(n int64) {
	t.l.move(float64(n))
	t.late.move(int(n), t.l.slope)
	t.at += n
}

// restart begins anew with the held samples.
func (t *Tracker) restart() {
	all := t.held
	t.held, t.sent = nil, 0
	first := slices.IndexFunc(all, func(h held) bool { return h.sent })
	step := t.l.slope
	t.begin(all[first].stamp - float64(first)*step)
	t.emit(all[0], Run{Anew: true})
	for _, h := range all[1:] {
		t.accept(h, Run{})
	}
}

// settle accepts the held samples, the first one as the beginning of run r.
func (t *Tracker) settle(r Run) {
	for _, h := range t.held {
		t.accept(h, r)
		r = Run{}
	}
	t.held, t.sent = t.held[:0], 0
}

// accept moves the line by one sample and lets its stamp pull.
func (t *Tracker) accept(h held, r Run) {
	t.l.move(1)
	t.late.move(1, t.l.slope)
	t.late.peak *= t.fade
	t.at++
	t.since++
	if h.sent {
		lost := t.learn(h.stamp)
		if r == (Run{}) {
			r.Lost = lost
		}
	}
	t.emit(h, r)
}

// learn lets the stamp of the newest sample pull. lost is how many samples are missing among the first ones of the line, where it shows only now that some are.
func (t *Tracker) learn(stamp float64) (lost int64) {
	t.apart += (float64(t.since) - t.apart) / 16
	t.since = 0
	off := stamp - t.l.y
	hop := math.Abs(off - t.newest)
	t.newest = off
	t.stamps++
	t.late.take(stamp, t.hold)
	limit := max(clip*t.spread, floor)
	if t.stamps <= settled {
		limit = math.Inf(1)
	}
	t.l.learn(min(max(off, -limit), limit), 1)
	t.l.slope = t.plausible(t.l.slope)
	far := min(math.Abs(off), t.bound())
	a := max(1/float64(t.stamps), 1.0/256)
	t.square += a * (far*far - t.square)
	if t.stamps <= settled {
		t.spread += a * (far - t.spread)
		t.hop = t.first.hop(hop)
	} else {
		t.spread = towards(t.spread, far)
		t.hop = towards(t.hop, hop)
	}
	if t.first.take(point{t.at, stamp}, t.hold) {
		lost = t.review()
	}
	return lost
}

// towards is a median that has seen one more value.
func towards(median, x float64) float64 {
	if x > median {
		return median * (1 + medianStep)
	}
	return max(median*(1-medianStep), 1e-9)
}

// review looks among the first stamps, of which some were taken before any jitter was known, for places where samples are missing, and puts the line
// through them anew.
func (t *Tracker) review() (lost int64) {
	if t.counted {
		return 0
	}
	step := 1 / t.opt.Rate
	for {
		k, n := t.first.gap(step, t.bound(), t.hold)
		if n < 1 {
			break
		}
		t.first.skip(k, n)
		t.late.forget()
		t.at += n
		lost += n
	}
	if lost == 0 {
		return 0
	}
	all := t.first.all[:t.first.n]
	t.l.start(all[0].stamp, 1)
	for k, p := range all[1:] {
		t.l.move(float64(p.at - all[k].at))
		t.l.learn(p.stamp-t.l.y, 1)
	}
	return lost
}

// emit appends one sample to the newest run, or begins run r with it.
func (t *Tracker) emit(h held, r Run) {
	t.arrived = h.arrived
	if k := len(t.out) - 1; k >= 0 && r == (Run{}) {
		t.out[k].N++
		return
	}
	r.N, r.Time = 1, t.l.y
	t.out = append(t.out, r)
}

// Take returns the next run of samples whose times are known, at most n of them (at least 1). ok is false where there is
// none; a run may be continued by the next one, with neither Lost nor Anew.
func (t *Tracker) Take(n int) (r Run, ok bool) {
	if len(t.out) == 0 {
		return Run{}, false
	}
	r = t.out[0]
	if r.N > n {
		rest := Run{N: r.N - n, Time: r.Time + float64(n)*t.l.slope}
		t.out[0], r.N = rest, n
		return r, true
	}
	t.out = slices.Delete(t.out, 0, 1)
	return r, true
}

// RateHz is the effective rate on the sender's clock; NaN before the first sample.
func (t *Tracker) RateHz() float64 {
	if !t.begun {
		return math.NaN()
	}
	return 1 / t.l.slope
}

// JitterS is the root mean square of the stamps about the line; NaN before there are 16.
func (t *Tracker) JitterS() float64 {
	if t.stamps < settled {
		return math.NaN()
	}
	return math.Sqrt(t.square)
}

// Held is how many samples wait for a decision.
func (t *Tracker) Held() int { return len(t.held) }

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	n := len(x)
	if n == 0 {
		return 0
	}
	return (x[(n-1)/2] + x[n/2]) / 2
}

// plausible is the slope, within what a sender's rate may be off.
func (t *Tracker) plausible(slope float64) float64 {
	most := mostRate
	if float64(t.at) < firstS*t.opt.Rate {
		most = priorRate
	}
	step := 1 / t.opt.Rate
	return min(max(slope, step*(1-most)), step*(1+most))
}
