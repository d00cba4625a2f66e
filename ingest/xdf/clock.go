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
	if s.n == 0 || s.times.Len() == 0 {
		if s.n > 0 {
			s.deviate(src, "clock", "a stream has clock offsets", "none", "its stamps are on the clock of the recorder already")
		}
		return
	}
	w := newOffsets(s)
	w.dropLate(src)
	parts := w.resets()
	if len(parts) > 1 {
		s.deviate(src, "resets", "the sender's clock runs through", fmt.Sprintf("set anew %d times, by its offsets", len(parts)-1), "each part is moved to the recorder's clock on its own")
	}
	at := int64(0)
	for k, p := range parts {
		l := line{offset: w.value(p.from)}
		if p.from != p.to {
			l = w.huber(p)
		}
		end := s.n
		if k+1 < len(parts) { // a stamp belongs to the part whose nearest offset is nearer
			last, next := w.time(p.to), w.time(p.to+1)
			for end = at; end < s.n; end++ {
				if t := s.stamps.at(end); math.Abs(t-last) >= math.Abs(t-next) {
					break
				}
			}
		}
		s.stamps.move(end, l)
		at = end
	}
}

// offsets are the clock offsets of a stream, with memory to compute in: there may be one in 24 bytes of the file.
type offsets struct {
	s     *stream
	n     int
	a, b  []float64 // of n
	order []float64
}

func newOffsets(s *stream) *offsets {
	n := s.times.Len()
	return &offsets{s, n, make([]float64, n), make([]float64, n), make([]float64, n)}
}

func (w *offsets) time(i int) float64  { return *w.s.times.At(i) }
func (w *offsets) value(i int) float64 { return *w.s.values.At(i) }

// steps is what a list changes by, in dst.
func (w *offsets) steps(dst []float64, of func(i int) float64) []float64 {
	dst = dst[:max(0, w.n-1)]
	for i := range dst {
		dst[i] = of(i+1) - of(i)
	}
	return dst
}

// median is that of x, 0 where it is empty.
func (w *offsets) median(x []float64) float64 {
	if len(x) == 0 {
		return 0
	}
	s := w.order[:copy(w.order, x)]
	slices.Sort(s)
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}

// dropLate takes off what a known fault of liblsl leaves behind (sccn/liblsl#246): when an outlet is closed while an inlet
// still listens, one more sample and one more offset are recorded, and both are garbage. Both signs must be there: more
// samples than the footer counts, and a last offset that has nothing to do with those before.
func (w *offsets) dropLate(src *source) {
	s := w.s
	n, count := w.n, s.count()
	if count < 0 || s.n <= count || n < 3 {
		return
	}
	intervals := w.steps(w.a, w.time)
	usual := w.median(intervals[:n-2])
	ratio := math.Abs(intervals[n-2]) / usual
	spread := w.b[:n-1]
	for i := range spread {
		spread[i] = w.value(i)
	}
	mid := w.median(spread)
	for i, v := range spread {
		spread[i] = math.Abs(v - mid)
	}
	mad := 1.4826 * w.median(spread) // the standard deviation of normal values
	if !(ratio > 10) && !(mad > 0 && math.Abs(w.value(n-1)-mid)/mad > 10) {
		return
	}
	s.deviate(src, "late", "the footer counts the samples", fmt.Sprintf("%d samples, the footer counts %d, and the last clock offset is far from the others", s.n, count),
		"what is beyond the count, and that offset, are garbage of a closed outlet (sccn/liblsl#246) and left out")
	w.n--
	s.n = count
	s.stamps.cut(count)
	if s.info.text() {
		s.labels.Cut(int(count))
		return
	}
	for n := s.blocks.len(); n > 0 && s.blocks.at(n-1).first >= count; n-- {
		s.blocks.list.Cut(n - 1)
	}
}

// resets finds the ranges of offsets between which the sender's clock was set anew: where time steps back, or where the
// step of the time and that of the offset are both outliers (by more than 5 and 10 median absolute deviations and by 5 s
// and 1 s).
func (w *offsets) resets() []part {
	odd := func(d []float64, deviations, seconds float64) []bool {
		out := make([]bool, len(d))
		mid := w.median(d)
		abs := w.b[:len(d)]
		for i, v := range d {
			abs[i] = math.Abs(v - mid)
		}
		mad := w.median(abs) + 0x1p-52
		for i, a := range abs {
			out[i] = a/mad > deviations && a > seconds
		}
		return out
	}
	oddValue := odd(w.steps(w.a, w.value), 10, 1)
	dt := w.steps(w.a, w.time)
	oddTime := odd(dt, 5, 5)
	parts := []part{{}}
	for i := range dt {
		if dt[i] < 0 || oddTime[i] && oddValue[i] {
			parts[len(parts)-1].to = i
			parts = append(parts, part{from: i + 1})
		}
	}
	parts[len(parts)-1].to = w.n - 1
	return parts
}

// huber is the line through a part of the offsets that minimises Huber's loss, by iteratively reweighted least squares up to rounding.
func (w *offsets) huber(p part) line {
	n := p.to - p.from + 1
	t, y, weights := w.a[:n], w.b[:n], w.order[:n]
	for i := range t {
		t[i], y[i] = w.time(p.from+i), w.value(p.from+i)
	}
	origin := slices.Min(t)
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
