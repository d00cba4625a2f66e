package kernel

import (
	"math"
	"math/rand/v2"
	"testing"
)

// exactSum is the exact value of a sum of products, near enough, and what bounds the error of float32: Σ|a||b|.
type exactSum struct {
	v, abs float64
	n      int
}

func (s *exactSum) add(a, b float32) {
	p := float64(a) * float64(b)
	s.v += p
	s.abs += math.Abs(p)
	s.n++
}

// plus adds one number.
func (s *exactSum) plus(a float32) { s.add(a, 1) }

// near says whether got is as close as any order of the n products, fused or not, must come: the bound of Higham,
// Accuracy and Stability of Numerical Algorithms (2002), section 3.1, with one rounding to spare for the last sum.
func (s *exactSum) near(got float32) bool {
	tol := float64(s.n+2) * 0x1p-24 * s.abs
	return math.Abs(float64(got)-s.v) <= tol // false for NaN
}

// hole fills what no routine may use: a sum that it touches is no number.
var hole = float32(math.NaN())

// matrix is rows × cols random numbers, with holes between the rows and behind the last.
type matrix struct {
	rows, cols, ld int
	s              []float32
}

func newMatrix(r *rand.Rand, rows, cols, pad int) *matrix {
	m := &matrix{rows: rows, cols: cols, ld: cols + pad, s: make([]float32, rows*(cols+pad)+1)}
	for i := range m.s {
		m.s[i] = hole
	}
	for i := range rows {
		for j := range cols {
			m.s[i*m.ld+j] = float32(r.NormFloat64())
		}
	}
	if rows > 0 { // as short as it may be
		m.s = m.s[:(rows-1)*m.ld+cols]
	}
	return m
}

func (m *matrix) at(i, j int) float32 { return m.s[i*m.ld+j] }

func (m *matrix) clone() *matrix {
	c := *m
	c.s = append([]float32(nil), m.s...)
	return &c
}

// holes fails the test if anything but the matrix itself was written.
func (m *matrix) holes(t *testing.T) {
	t.Helper()
	for i := range m.s {
		if (m.ld == 0 || i%m.ld >= m.cols) && !math.IsNaN(float64(m.s[i])) {
			t.Fatalf("number %d is %g: it lies between the rows of %d × %d with a leading dimension of %d", i, m.s[i], m.rows, m.cols, m.ld)
		}
	}
}

// sameBits tells whether a and b hold the same bits.
func sameBits(a, b []float32) bool {
	for i := range a {
		if math.Float32bits(a[i]) != math.Float32bits(b[i]) {
			return false
		}
	}
	return len(a) == len(b)
}

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if recover() == nil {
			t.Errorf("%s: no panic", what)
		}
	}()
	f()
}

// eachKind runs a test with every kind of kernels that the processor has and GYRUS_KERNEL allows.
func eachKind(t *testing.T, f func(t *testing.T)) {
	t.Helper()
	best := level
	t.Cleanup(func() { level = best })
	for _, k := range kinds() {
		if k > best {
			break
		}
		level = k
		t.Run(k.String(), f)
	}
}

// kindOf is one of the kinds that eachKind runs.
func kindOf(i int) kind {
	has := kinds()
	return min(level, has[i%len(has)])
}
