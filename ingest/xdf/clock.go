package xdf

import (
	"fmt"
	"math"
	"slices"
)

// huberDelta is the residual, in seconds, from which on an offset counts as an outlier: the loss is quadratic below it and
// linear above.
const huberDelta = 1e-4

// line is offset + slope·t.
type line struct{ offset, slope float64 }

func (l line) at(t float64) float64 { return l.offset + l.slope*t }

// part is a range of clock offsets, or of samples, both ends included.
type part struct{ from, to int }

// sync moves the stamps of s to the clock of the recorder. It returns the ranges of samples with a line of their own.
func (s *stream) sync(src *source) {
	if s.n == 0 || len(s.times) == 0 {
		if s.n > 0 {
			s.deviate(src, "clock", "a stream has clock offsets", "none", "its stamps are on the clock of the recorder already")
		}
		return
	}
	s.dropLate(src)
	parts := resets(s.times, s.values)
	if len(parts) > 1 {
		s.deviate(src, "resets", "the sender's clock runs through", fmt.Sprintf("set anew %d times, by its offsets", len(parts)-1), "each part is moved to the recorder's clock on its own")
	}
	at := int64(0)
	var moves []move
	for k, p := range parts {
		l := line{offset: s.values[p.from]}
		if p.from != p.to {
			l = huber(s.times[p.from:p.to+1], s.values[p.from:p.to+1])
		}
		end := s.n
		if k+1 < len(parts) { // a stamp belongs to the part whose nearest offset is nearer
			last, next := s.times[p.to], s.times[p.to+1]
			for end = at; end < s.n; end++ {
				if t := s.stamps.at(end); math.Abs(t-last) >= math.Abs(t-next) {
					break
				}
			}
		}
		moves = append(moves, move{end, l})
		at = end
	}
	s.stamps.move(moves)
}

// dropLate takes off what a known fault of liblsl leaves behind (sccn/liblsl#246): when an outlet is closed while an inlet
// still listens, one more sample and one more offset are recorded, and both are garbage. Both signs must be there: more
// samples than the footer counts, and a last offset that has nothing to do with those before.
func (s *stream) dropLate(src *source) {
	n, count := len(s.times), s.count()
	if count < 0 || s.n <= count || n < 3 {
		return
	}
	intervals := diff(s.times)
	usual := median(intervals[:n-2])
	ratio := math.Abs(intervals[n-2]) / usual
	mid := median(s.values[:n-1])
	spread := make([]float64, n-1)
	for i, v := range s.values[:n-1] {
		spread[i] = math.Abs(v - mid)
	}
	mad := 1.4826 * median(spread) // the standard deviation of normal values
	if !(ratio > 10) && !(mad > 0 && math.Abs(s.values[n-1]-mid)/mad > 10) {
		return
	}
	s.deviate(src, "late", "the footer counts the samples", fmt.Sprintf("%d samples, the footer counts %d, and the last clock offset is far from the others", s.n, count),
		"what is beyond the count, and that offset, are garbage of a closed outlet (sccn/liblsl#246) and left out")
	s.times, s.values = s.times[:n-1], s.values[:n-1]
	s.n = count
	s.stamps.cut(count)
	if s.info.text() {
		s.labels.Cut(int(count))
		return
	}
	for s.blocks.n > 0 && s.blocks.at(s.blocks.n-1).first >= count {
		s.blocks.cut(s.blocks.n - 1)
	}
}

// resets finds the ranges of offsets between which the sender's clock was set anew: where time steps back, or where the
// step of the time and that of the offset are both outliers (by more than 5 and 10 median absolute deviations and by 5 s
// and 1 s).
func resets(times, values []float64) []part {
	dt, dv := diff(times), diff(values)
	odd := func(d []float64, deviations, seconds float64) []bool {
		out := make([]bool, len(d))
		mid := median(d)
		abs := make([]float64, len(d))
		for i, v := range d {
			abs[i] = math.Abs(v - mid)
		}
		mad := median(abs) + 0x1p-52
		for i, a := range abs {
			out[i] = a/mad > deviations && a > seconds
		}
		return out
	}
	oddTime, oddValue := odd(dt, 5, 5), odd(dv, 10, 1)
	parts := []part{{}}
	for i := range dt {
		if dt[i] < 0 || oddTime[i] && oddValue[i] {
			parts[len(parts)-1].to = i
			parts = append(parts, part{from: i + 1})
		}
	}
	parts[len(parts)-1].to = len(times) - 1
	return parts
}

// huber is the line through (t, y) that minimises Huber's loss, by iteratively reweighted least squares up to rounding.
func huber(t, y []float64) line {
	origin := slices.Min(t)
	weights := make([]float64, len(t))
	for i := range weights {
		weights[i] = 1
	}
	var fit line
	for range 500 {
		var sw, st, sy, stt, sty float64
		for i, w := range weights {
			x := t[i] - origin
			sw += w
			st += w * x
			sy += w * y[i]
		}
		mt, my := st/sw, sy/sw
		for i, w := range weights {
			x := t[i] - origin - mt
			stt += w * x * x
			sty += w * x * (y[i] - my)
		}
		next := line{offset: my}
		if stt > 0 {
			next.slope = sty / stt
			next.offset -= next.slope * mt
		}
		done := math.Abs(next.offset-fit.offset) < 1e-12 && math.Abs(next.slope-fit.slope) < 1e-15
		fit = next
		if done {
			break
		}
		for i := range weights {
			weights[i] = 1
			if r := math.Abs(y[i] - fit.at(t[i]-origin)); r > huberDelta {
				weights[i] = huberDelta / r
			}
		}
	}
	fit.offset -= fit.slope * origin
	return fit
}

func diff(x []float64) []float64 {
	d := make([]float64, max(0, len(x)-1))
	for i := range d {
		d[i] = x[i+1] - x[i]
	}
	return d
}

// median is that of x, 0 where it is empty.
func median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	s := slices.Clone(x)
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
