package brainvision

import (
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	firstSamples = 1 << 14 // by which steps are guessed
	blockSamples = 1024    // read at once
	neighbours   = 3       // floating-point numbers on both sides of a guess that are tried
)

// resolutions are, for each channel, the number that all its samples are whole multiples of, in all bits, and at most 2^15 times:
// they are kept in INT_16 without a rounding. nil says that some channel has none.
//
// They are guessed by the first samples, and tried on all: an integer that was read times a gain is found again, and what was
// filtered is not taken for one.
func (w *writer) resolutions() ([]float64, error) {
	guesses := make([][]float64, len(w.rec.Info.Channels))
	var first [][]float64
	err := w.blocks(func(c signal.Chunk) bool {
		if first == nil {
			first = make([][]float64, len(c.X))
		}
		for ch, x := range c.X {
			first[ch] = append(first[ch], x...)
		}
		return len(first[0]) < firstSamples
	})
	if err != nil {
		return nil, err
	}
	for ch, x := range first {
		if guesses[ch] = steps(x); len(guesses[ch]) == 0 {
			return nil, nil
		}
	}
	held := true
	err = w.blocks(func(c signal.Chunk) bool {
		for ch, x := range c.X {
			guesses[ch] = slices.DeleteFunc(guesses[ch], func(step float64) bool { return !multiples(x, step) })
			held = held && len(guesses[ch]) > 0
		}
		return held
	})
	if err != nil || !held {
		return nil, err
	}
	best := make([]float64, len(guesses))
	for ch, g := range guesses {
		best[ch] = slices.MinFunc(g, func(a, b float64) int { return len(decimal(a)) - len(decimal(b)) })
	}
	return best, nil
}

// blocks reads the samples from front to back, as long as f wants more.
func (w *writer) blocks(f func(c signal.Chunk) bool) error {
	var buf signal.Buffer
	for _, run := range w.runs {
		for at := run.Start; at < run.End(); at += blockSamples {
			c := buf.Chunk(w.rec.Info, at, int(min(blockSamples, run.End()-at)))
			if err := w.rec.Data.ReadSamples(c.X, at); err != nil {
				return err
			}
			if !f(c) {
				return nil
			}
		}
	}
	return nil
}

// decimal is a number as the header writes it, which reads back as the same.
func decimal(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

// multiples says whether every x is a whole number of 16 bits times step, in all bits.
func multiples(x []float64, step float64) bool {
	for _, v := range x {
		n := math.Round(v / step)
		if !(n >= math.MinInt16 && n <= math.MaxInt16) || n*step != v { // also what is no number
			return false
		}
	}
	return true
}

// steps are the numbers that every x may be a multiple of, the greatest ones. There is none where they would have to be so small
// that 16 bits do not reach.
func steps(x []float64) []float64 {
	most := 0.0
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	if most == 0 {
		return []float64{1}
	}
	if math.IsInf(most, 0) || math.IsNaN(most) {
		return nil
	}
	// Euclid's algorithm on what is rounded: remainders below noise are 0.
	least, noise, divisor := most/40_000, most*1e-9, 0.0
	for _, v := range x {
		a, b := max(divisor, math.Abs(v)), min(divisor, math.Abs(v))
		for b > noise {
			r := math.Mod(a, b)
			if b-r < noise {
				r = 0
			}
			a, b = b, r
		}
		if divisor = a; divisor > 0 && divisor < least {
			return nil
		}
	}
	guess := most / math.Round(most/divisor)
	tries := []float64{guess}
	for low, high, k := guess, guess, 0; k < neighbours; k++ {
		low, high = math.Nextafter(low, 0), math.Nextafter(high, math.Inf(1))
		tries = append(tries, low, high)
	}
	return slices.DeleteFunc(tries, func(step float64) bool { return !multiples(x, step) })
}
