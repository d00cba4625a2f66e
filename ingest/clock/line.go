package clock

import "math"

// line is a straight line that is fitted to points as they come: weighted least squares in which each step of x forgets a
// little. It is the recursion of the post-processing of liblsl's inlets (time_postprocessor.cpp) with three differences:
// x is counted from the newest point, so that it stays exact however long a stream runs; each point may have a weight of
// its own; and the slope has a prior, so that a first burst of equal stamps does not make a flat line.
type line struct {
	y     float64    // of the line at the newest x
	slope float64    // per unit of x
	p     [3]float64 // covariance of y and slope over the variance of a point: yy, ys, ss
	keep  float64    // what is left of the weight of a point one unit of x later
	prior [2]float64 // slope and its variance, at the start
}

// halving is the factor that halves a weight in n units.
func halving(n float64) float64 { return math.Exp2(-1 / n) }

// mostP bounds the covariance: how little is known of a line of which no point has come for days must not overflow.
const mostP = 1e60

// start begins anew with one point, of a variance as in learn. The line goes through it.
func (l *line) start(y, variance float64) {
	l.y, l.slope = y, l.prior[0]
	l.p = [3]float64{variance, 0, l.prior[1]}
}

// move goes to x + dx.
func (l *line) move(dx float64) {
	l.y += dx * l.slope
	yy, ys, ss := l.p[0], l.p[1], l.p[2]
	f := 1 / l.keep
	if dx != 1 {
		f = math.Pow(f, dx)
	}
	f = min(f, mostP/max(yy+2*dx*ys+dx*dx*ss, 1))
	l.p = [3]float64{f * (yy + 2*dx*ys + dx*dx*ss), f * (ys + dx*ss), f * ss}
}

// learn takes in that the point at x is r above the line, with a variance of so many times that of a usual point.
func (l *line) learn(r, variance float64) {
	yy, ys, ss := l.p[0], l.p[1], l.p[2]
	d := 1 / (yy + variance)
	l.y += yy * d * r
	l.slope += ys * d * r
	l.p = [3]float64{yy * variance * d, ys * variance * d, ss - ys*ys*d}
}
