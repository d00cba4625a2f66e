package clock

import (
	"math"
	"slices"
)

// A stamp may be late, but a sender that is late catches up: what all later stamps have in common is no lateness, but samples that are
// missing. So lateness looks from a stamp at those just behind it, and hops, from one stamp to the next, are far only at the losses themselves.
// beginning does the same for the first stamps of a line, while no jitter is known by which one could be told to be odd.

const (
	firstKnown  = 4  // stamps, from which on their jitter is known at all
	settled     = 16 // stamps, after which it is known well
	blockStamps = 4  // that a block of lateness has at least, however seldom they come
)

// lateness is by how much stamps have been later than some that came behind them, within two blocks of samples. Samples that are missing
// add nothing to it: the stamps behind them do not catch up.
type lateness struct {
	peak   float64    // s; the greatest one, half forgotten in peakHalfS
	line   float64    // where the newest sample would be if no stamp had pulled
	latest [2]float64 // off that line, in this block and the one before
	n      int        // samples in this block
	stamps int        // in this block
}

// start begins with a stamp. The peak is kept.
func (l *lateness) start(stamp float64) {
	l.line, l.n, l.stamps = stamp, 0, 1
	l.latest = [2]float64{0, math.Inf(-1)}
}

// move goes on by n samples.
func (l *lateness) move(n int, step float64) {
	l.line += float64(n) * step
	l.n += n
}

// forget is for a place where samples are missing: how many is not known so well that stamps could be compared across it.
func (l *lateness) forget() { l.latest, l.n, l.stamps = [2]float64{math.Inf(-1), math.Inf(-1)}, 0, 0 }

// take is the stamp of the newest sample. long is how many samples a block has.
func (l *lateness) take(stamp float64, long int) {
	off := stamp - l.line
	if l.n >= long && l.stamps >= blockStamps {
		l.latest[0], l.latest[1], l.n, l.stamps = math.Inf(-1), l.latest[0], 0, 0
	}
	l.stamps++
	l.latest[0] = max(l.latest[0], off)
	l.peak = max(l.peak, max(l.latest[0], l.latest[1])-off)
}

// point is a stamp, of a sample so many behind the first.
type point struct {
	at    int64
	stamp float64
}

// beginning is the first stamps of a line, and the first hops.
type beginning struct {
	all   [settled]point
	n     int
	hops  [settled - 1]float64 // sorted
	nhops int
}

// start begins anew with a stamp.
func (b *beginning) start(stamp float64) { b.all[0], b.n, b.nhops = point{0, stamp}, 1, 0 }

// take is the next stamp, while there is place. Where they come so often that all would be of a moment, most are left out; taken says whether
// this one was not. hold is the samples of HoldS: as many can be late together.
func (b *beginning) take(p point, hold int) (taken bool) {
	if b.n == len(b.all) || p.at-b.all[b.n-1].at < int64(hold/(settled/2)) {
		return false
	}
	b.all[b.n] = p
	b.n++
	return true
}

// hop takes in by how much one more of the first stamps is farther off than the one before, and returns by how much they usually are: of few
// it is more, since their median says less. It is a median, so that a few places where samples are missing do not matter.
func (b *beginning) hop(x float64) float64 {
	k, _ := slices.BinarySearch(b.hops[:b.nhops], x)
	copy(b.hops[k+1:], b.hops[k:b.nhops])
	b.hops[k] = x
	b.nhops++
	if b.nhops < firstKnown-1 {
		return firstSpread
	}
	return b.hops[b.nhops/2] * (1 + firstKnown/float64(b.nhops))
}

// off is how far stamp k is from where samples of a fixed rate would be.
func (b *beginning) off(k int, step float64) float64 {
	return b.all[k].stamp - b.all[0].stamp - float64(b.all[k].at)*step
}

// gap finds the first place where samples are missing: from stamp k on, for hold samples or more, all are later than the one before by
// more than bound. lost is how many, 0 where there is no such place.
func (b *beginning) gap(step, bound float64, hold int) (k int, lost int64) {
	for k = 1; k < b.n-1 && b.all[b.n-1].at-b.all[k].at >= int64(hold); k++ {
		least := math.Inf(1)
		for j := k; j < b.n; j++ {
			least = min(least, b.off(j, step))
		}
		if least-b.off(k-1, step) > bound {
			return k, int64(math.Round((b.median(k, b.n, step) - b.median(0, k, step)) / step))
		}
	}
	return 0, 0
}

// median is that of the offs of stamps from i to j.
func (b *beginning) median(i, j int, step float64) float64 {
	var off []float64
	for k := i; k < j; k++ {
		off = append(off, b.off(k, step))
	}
	return median(off)
}

// skip says that lost samples are missing before stamp k.
func (b *beginning) skip(k int, lost int64) {
	for ; k < b.n; k++ {
		b.all[k].at += lost
	}
}
