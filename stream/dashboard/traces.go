package dashboard

import (
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// columnsPerS is how many columns of a trace a second of signal has at most, give or take the rounding of samples.
const columnsPerS = 60

// column is the least and the largest sample of every channel in one bin.
type column struct {
	epoch  int64 // which beginning of the stream: samples of two do not count from the same one
	bin    int64 // samples [bin·per, (bin+1)·per)
	lo, hi []float64
}

// decimator thins a stream out to columns. Bins lie at fixed sample numbers, so what comes out does not depend on how the
// samples were cut into chunks. A bin without a sample has no column: that is a gap.
type decimator struct {
	per int64 // samples in a bin

	epoch int64
	open  *column // being filled
	next  int64   // sample behind the newest
}

func newDecimator(rate float64) *decimator {
	return &decimator{per: max(1, int64(math.Round(rate/columnsPerS))), next: math.MinInt64}
}

// add takes c in and hands over the columns that are finished. A sample that is not finite counts for nothing; a channel
// without any other in a bin has NaN there.
func (d *decimator) add(c signal.Chunk, emit func(column)) {
	if c.Anew || c.Start < d.next { // numbers start again
		d.flush(emit)
		d.epoch++
	}
	d.next = c.End()
	for from := c.Start; from < c.End(); {
		bin := floorDiv(from, d.per)
		to := min((bin+1)*d.per, c.End())
		if d.open != nil && d.open.bin != bin {
			d.flush(emit)
		}
		if d.open == nil {
			d.open = newColumn(d.epoch, bin, len(c.X))
		}
		for ch, x := range c.X {
			lo, hi := d.open.lo[ch], d.open.hi[ch]
			for _, v := range x[from-c.Start : to-c.Start] {
				if v-v != 0 { // not finite
					continue
				}
				if !(lo <= v) { // also the first
					lo = v
				}
				if !(hi >= v) {
					hi = v
				}
			}
			d.open.lo[ch], d.open.hi[ch] = lo, hi
		}
		if to == (bin+1)*d.per {
			d.flush(emit)
		}
		from = to
	}
}

// flush hands over what is begun.
func (d *decimator) flush(emit func(column)) {
	if d.open != nil {
		emit(*d.open)
		d.open = nil
	}
}

func newColumn(epoch, bin int64, channels int) *column {
	slab := make([]float64, 2*channels)
	for i := range slab {
		slab[i] = math.NaN()
	}
	return &column{epoch, bin, slab[:channels], slab[channels:]}
}

// floorDiv is a/b rounded down; b is above 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
