// Package mix applies one matrix to every sample of a stream: what re-referencing, interpolation, projection and unmixing
// have in common.
package mix

import (
	"errors"
	"fmt"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Row says how one channel of the output is made: Offset + Σ Weights[i] · input[From[i]]. An input that is not listed
// does not reach it, also where it is NaN.
type Row struct {
	From    []int
	Weights []float64
	Offset  float64 // in the unit of the output
}

// Copy is the row that takes channel ch over, bit for bit.
func Copy(ch int) Row { return Row{From: []int{ch}, Weights: []float64{1}} }

// Dense is the row with the weights w for the inputs idx. Weights of exactly 0 are left out.
func Dense(idx []int, w []float64, offset float64) Row {
	r := Row{Offset: offset}
	for i, v := range w {
		if v != 0 {
			r.From, r.Weights = append(r.From, idx[i]), append(r.Weights, v)
		}
	}
	return r
}

// block is the number of samples that all rows are computed for before the next samples: 64 channels fit the
// second-level cache. It changes no bit.
const block = 256

// Apply fills dst[i][t] by rows[i] from x[·][t]. dst and x must not share memory. The order of the sums is that of the
// rows' lists, so a sample depends on nothing but the samples of that moment, bit for bit.
func Apply(dst, x [][]float64, rows []Row) {
	if len(dst) != len(rows) {
		panic(fmt.Sprintf("mix: %d rows into %d channels", len(rows), len(dst)))
	}
	if len(dst) == 0 {
		return
	}
	n := len(dst[0])
	for from := 0; from < n; from += block {
		to := min(from+block, n)
		for i := range rows {
			rows[i].apply(dst[i][from:to], x, from, to)
		}
	}
}

func (r *Row) apply(y []float64, x [][]float64, from, to int) {
	if len(r.From) == 1 && r.Weights[0] == 1 && r.Offset == 0 {
		copy(y, x[r.From[0]][from:to])
		return
	}
	for t := range y {
		y[t] = r.Offset
	}
	for k, ch := range r.From {
		floats.AddScaled(y, r.Weights[k], x[ch][from:to])
	}
}

// Stage is the part of a Processor that all such steps share. The zero value has no rows: Process is an error until Set.
type Stage struct {
	rows []Row
	in   int // channels of the input
	info *signal.Info
	out  signal.Buffer
}

// Set says what comes in, what goes out, and how: one row for each channel of out. It forgets what was set before.
func (s *Stage) Set(in, out *signal.Info, rows []Row) {
	if len(rows) != len(out.Channels) {
		panic(fmt.Sprintf("mix: %d rows for %d channels", len(rows), len(out.Channels)))
	}
	s.in, s.info, s.rows = len(in.Channels), out, rows
}

// Clear takes the rows away.
func (s *Stage) Clear() { s.rows = nil }

// Ready says whether there are rows.
func (s *Stage) Ready() bool { return s.rows != nil }

// Process applies the rows to c.
func (s *Stage) Process(c signal.Chunk) (signal.Chunk, error) {
	if s.rows == nil {
		return signal.Chunk{}, errors.New("used before it was started and, where it learns, calibrated")
	}
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != s.in {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), s.in)
	}
	y := s.out.Like(c, s.info)
	Apply(y.X, c.X, s.rows)
	return y, nil
}

// Flush has nothing to return: no sample is held back.
func (s *Stage) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }
