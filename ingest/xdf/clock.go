package xdf

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/pages"
)

// huberDelta is the residual, in seconds, from which on an offset counts as an outlier: the loss is quadratic below it and
// linear above.
const huberDelta = 1e-4

// line is offset + slope·t.
type line struct{ offset, slope float64 }

func (l line) at(t float64) float64 { return l.offset + l.slope*t }

// sync moves the stamps of s to the clock of the recorder.
func (s *stream) sync(src *source) {
	if s.n == 0 || s.times.Len() == 0 {
		if s.n > 0 {
			s.deviate(src, "clock", "a stream has clock offsets", "none", "its stamps are on the clock of the recorder already")
		}
		return
	}
	w := &offsets{s: s, n: s.times.Len(), work: make([]float64, s.times.Len())}
	w.dropLate(src)
	w.findResets()
	at, resets := int64(0), 0
	var moves pages.List[move]
	for from := 0; from < w.n; {
		to := from
		for to+1 < w.n && !w.reset(to) {
			to++
		}
		end := s.n
		if to+1 < w.n { // a stamp belongs to the part whose nearest offset is nearer
			resets++
			last, next := w.time(to), w.time(to+1)
			for end = at; end < s.n; end++ {
				if t := s.stamps.at(end); math.Abs(t-last) >= math.Abs(t-next) {
					break
				}
			}
		}
		if end > at {
			moves.Add(move{end, w.line(from, to)})
		}
		at, from = end, to+1
	}
	if resets > 0 {
		s.deviate(src, "resets", "the sender's clock runs through", fmt.Sprintf("set anew %d times, by its offsets", resets), "each part is moved to the recorder's clock on its own")
	}
	s.stamps.move(moves)
}

// offsets are the clock offsets of a stream. There may be one in 24 bytes of the file, so that what is worked out of them shares its
// memory, and the steps between them are worked out each time.
type offsets struct {
	s    *stream
	n    int
	work []float64 // of n

	oddTime, oddValue outlier
}

// outlier is what sets a step apart from the others.
type outlier struct{ mid, mad, deviations, least float64 }

func (o outlier) is(step float64) bool {
	a := math.Abs(step - o.mid)
	return a/o.mad > o.deviations && a > o.least
}

func (w *offsets) time(i int) float64  { return *w.s.times.At(i) }
func (w *offsets) value(i int) float64 { return *w.s.values.At(i) }

func (w *offsets) timeStep(i int) float64  { return w.time(i+1) - w.time(i) }
func (w *offsets) valueStep(i int) float64 { return w.value(i+1) - w.value(i) }

// spread is the median of the first n values, and that of how far they are from it.
func (w *offsets) spread(n int, value func(i int) float64) (mid, mad float64) {
	mid = w.median(n, value)
	return mid, w.median(n, func(i int) float64 { return math.Abs(value(i) - mid) })
}

// median is that of the first n values, 0 where there are none.
func (w *offsets) median(n int, value func(i int) float64) float64 {
	if n == 0 {
		return 0
	}
	x := w.work[:n]
	for i := range x {
		x[i] = value(i)
	}
	slices.Sort(x)
	if n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[n/2]
}

// dropLate takes off what a known fault of liblsl leaves behind (sccn/liblsl#246): when an outlet is closed while an inlet
// still listens, one more sample and one more offset are recorded, and both are garbage. Both signs must be there: more
// samples than the footer counts, and a last offset that has nothing to do with those before.
func (w *offsets) dropLate(src *source) {
	s, n := w.s, w.n
	count := s.counted
	if count < 0 || s.n <= count || n < 3 {
		return
	}
	ratio := math.Abs(w.timeStep(n-2)) / w.median(n-2, w.timeStep)
	mid, mad := w.spread(n-1, w.value)
	mad *= 1.4826 // the standard deviation of normal values
	if !(ratio > 10) && !(mad > 0 && math.Abs(w.value(n-1)-mid)/mad > 10) {
		return
	}
	s.deviate(src, "late", "the footer counts the samples", fmt.Sprintf("%d samples, the footer counts %d, and the last clock offset is far from the others", s.n, count),
		"what is beyond the count, and that offset, are garbage of a closed outlet (sccn/liblsl#246) and left out")
	w.n--
	s.n = count
	s.stamps.cut(count)
	s.labels.Cut(min(s.labels.Len(), int(count)))
	s.blocks.cut(count)
}

// findResets finds what the steps must be between which the sender's clock was set anew.
func (w *offsets) findResets() {
	mid, mad := w.spread(w.n-1, w.timeStep)
	w.oddTime = outlier{mid, mad + 0x1p-52, 5, 5}
	mid, mad = w.spread(w.n-1, w.valueStep)
	w.oddValue = outlier{mid, mad + 0x1p-52, 10, 1}
}

// reset says whether the sender's clock was set anew between offsets i and i+1: where time steps back, or where the step of the time
// and that of the offset are both outliers (by more than 5 and 10 median absolute deviations and by 5 s and 1 s).
func (w *offsets) reset(i int) bool {
	dt := w.timeStep(i)
	return dt < 0 || w.oddTime.is(dt) && w.oddValue.is(w.valueStep(i))
}

// line is what is added to the stamps of the range of offsets, both ends included.
func (w *offsets) line(from, to int) line {
	if from == to {
		return line{offset: w.value(from)}
	}
	return huber(to-from+1, func(i int) float64 { return w.time(from + i) }, func(i int) float64 { return w.value(from + i) }, w.work)
}

// huber is the line through n points (t, y) that minimises Huber's loss, by iteratively reweighted least squares up to rounding. It
// needs memory for n weights.
func huber(n int, t, y func(i int) float64, work []float64) line {
	origin := t(0)
	weights := work[:n]
	for i := range weights {
		origin, weights[i] = min(origin, t(i)), 1
	}
	var fit line
	for range 500 {
		var sw, st, sy, stt, sty float64
		for i, w := range weights {
			x := t(i) - origin
			sw += w
			st += w * x
			sy += w * y(i)
		}
		mt, my := st/sw, sy/sw
		for i, w := range weights {
			x := t(i) - origin - mt
			stt += w * x * x
			sty += w * x * (y(i) - my)
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
			if r := math.Abs(y(i) - fit.at(t(i)-origin)); r > huberDelta {
				weights[i] = huberDelta / r
			}
		}
	}
	fit.offset -= fit.slope * origin
	return fit
}
