package clock

import (
	"math"
	"slices"
)

// Probe is a question to another clock and its answer, in seconds: Sent and Returned on our clock, Received and Answered
// on the other one.
type Probe struct{ Sent, Received, Answered, Returned float64 }

// RTT is how long the question and the answer were on their way.
func (p Probe) RTT() float64 { return (p.Returned - p.Sent) - (p.Answered - p.Received) }

// Offset is what has to be added to the other clock to get ours, right to RTT/2 either way whatever the network did.
func (p Probe) Offset() float64 { return ((p.Sent - p.Received) + (p.Returned - p.Answered)) / 2 }

const (
	offsetHalfTime = 90    // s
	offsetSlope    = 2e-4  // drift that is expected before anything is known, one standard deviation: 200 ppm
	offsetFloor    = 20e-6 // s; what the scheduler adds to any round trip
)

// Offset follows how another clock stands to ours. The zero value knows nothing.
//
// It draws a line through the best probe of each wave. The truth lies within half a round trip of each probe, so the line
// is never let out of that; where it was far out, the other clock was set, and the line begins anew.
type Offset struct {
	l       line
	at      float64 // on our clock
	err     float64
	waves   int
	resets  int
	started float64
}

// Add takes in one wave of probes, at least one. Those with impossible times are passed over.
func (o *Offset) Add(wave []Probe) {
	wave = slices.DeleteFunc(slices.Clone(wave), func(p Probe) bool {
		return !(p.RTT() >= -1e-6) || !(math.Abs(p.Offset()) < 1e12) // -1e-6: the two clocks are read in steps
	})
	if len(wave) == 0 {
		return
	}
	best := slices.MinFunc(wave, func(a, b Probe) int {
		if a.RTT() < b.RTT() {
			return -1
		}
		return 1
	})
	half := max(best.RTT(), 0) / 2
	m, at := best.Offset(), best.Returned
	o.waves++
	if o.waves == 1 || at < o.at {
		o.begin(m, at, half)
		return
	}
	o.l.move(at - o.at)
	o.at = at
	o.l.learn(m-o.l.y, weight(half))
	if d := math.Abs(m - o.l.y); d > half+10*(half+offsetFloor)+1e-3 {
		o.resets++
		o.begin(m, at, half)
		return
	}
	o.l.y = min(max(o.l.y, m-half), m+half)
	o.err = math.Abs(m-o.l.y) + half
}

// weight is the variance of a probe, over that of one which took no time.
func weight(half float64) float64 {
	w := (half + offsetFloor) / offsetFloor
	return w * w
}

func (o *Offset) begin(m, at, half float64) {
	const sd = offsetSlope / offsetFloor
	o.l = line{keep: halving(offsetHalfTime), prior: [2]float64{0, sd * sd}}
	o.l.start(m, weight(half))
	o.at, o.started, o.err = at, at, half
}

// Known says whether there was a probe.
func (o *Offset) Known() bool { return o.waves > 0 }

// At is what to add to the other clock where ours shows now. NaN where nothing is known.
func (o *Offset) At(now float64) float64 {
	if !o.Known() {
		return math.NaN()
	}
	return o.l.y + (now-o.at)*o.l.slope
}

// Err bounds the error of At at the time of the last wave.
func (o *Offset) Err() float64 {
	if !o.Known() {
		return math.NaN()
	}
	return o.err
}

// DriftPPM is how much faster than ours the other clock runs, in millionths; NaN until waves of 10 s are there.
func (o *Offset) DriftPPM() float64 {
	if !o.Known() || o.at-o.started < 10 {
		return math.NaN()
	}
	return -1e6 * o.l.slope
}

// Resets counts the times that the other clock was set.
func (o *Offset) Resets() int { return o.resets }
