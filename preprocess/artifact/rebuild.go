package artifact

import (
	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// rebuilder makes the matrix R of ASR from a window. All its memory is made once; what is not an spd.Matrix is [C, C]
// row by row.
type rebuilder struct {
	c         int
	protected int       // components that are never rejected: the weakest
	square    []float64 // M²
	threshold []float64 // T

	r, was              []float64 // the newest matrix and the one before
	trivial, wasTrivial bool      // the matrix is the identity

	solver      *spd.Solver
	cov, gram   *spd.Matrix
	v, q        *spd.Matrix // eigenvectors of each, one per row
	d, values   []float64   // and eigenvalues
	keep        []bool      // components that are no artefacts
	p           []float64   // M² times them, one per row
	left, right []float64
}

func (b *rebuilder) start(mixing, threshold [][]float64, maxDims int) {
	c := len(mixing)
	if b.c != c {
		slab := make([]float64, 5*c*c+4*c)
		next := func(n int) []float64 {
			s := slab[:n:n]
			slab = slab[n:]
			return s
		}
		*b = rebuilder{
			c: c, square: next(c * c), threshold: next(c * c), r: next(c * c), was: next(c * c), p: next(c * c),
			d: next(c), values: next(c), left: next(c), right: next(c), keep: make([]bool, c), solver: spd.NewSolver(c),
			cov: spd.NewMatrix(c), gram: spd.NewMatrix(c), v: spd.NewMatrix(c), q: spd.NewMatrix(c),
		}
	}
	b.protected = c - maxDims - 1
	for i := range c {
		for j := range c {
			b.square[i*c+j] = floats.Dot(mixing[i], mixing[j]) // M is symmetric
		}
		copy(b.threshold[i*c:(i+1)*c], threshold[i])
	}
	b.reset()
}

// reset makes R the identity.
func (b *rebuilder) reset() {
	identity(b.r, b.c)
	identity(b.was, b.c)
	b.trivial, b.wasTrivial = true, true
}

func identity(m []float64, c int) {
	clear(m)
	for i := range c {
		m[i*c+i] = 1
	}
}

// update makes R from the filtered window x [C][n]. Where the power of the window overflows, R stays what it was.
func (b *rebuilder) update(x [][]float64) {
	c := b.c
	b.r, b.was = b.was, b.r
	b.wasTrivial = b.trivial
	n := float64(len(x[0]))
	for i := range c {
		row := b.cov.Row(i)
		for j := i; j < c; j++ {
			row[j] = floats.Dot(x[i], x[j]) / n
		}
	}
	b.trivial = true
	if b.solver.Eigen(b.d, b.v, b.cov) != nil {
		copy(b.r, b.was)
		b.trivial = b.wasTrivial
		return
	}
	for i := range c {
		limit := 0.0
		for j := range c {
			t := floats.Dot(b.threshold[j*c:(j+1)*c], b.v.Row(i))
			limit += float64(t * t)
		}
		b.keep[i] = i < b.protected || b.d[i] <= limit
		b.trivial = b.trivial && b.keep[i]
	}
	if b.trivial {
		identity(b.r, c)
		return
	}
	if !b.rebuild() {
		copy(b.r, b.was)
		b.trivial = b.wasTrivial
	}
}

// rebuild is R = M (VM)⁺ V for the components V that are kept: M² Vᵀ (V M² Vᵀ)⁺ V, since M is symmetric. Rows of V that
// are not kept are 0 and drop out of the pseudo-inverse, as do directions in which the training signal had no power,
// such as the mean behind an average reference (spd.RankTol).
func (b *rebuilder) rebuild() bool {
	c := b.c
	clear(b.gram.Data)
	for i := range c {
		if !b.keep[i] {
			continue
		}
		p := b.p[i*c : (i+1)*c]
		for j := range c {
			p[j] = floats.Dot(b.square[j*c:(j+1)*c], b.v.Row(i))
		}
		for j := range i + 1 {
			if b.keep[j] {
				b.gram.Set(j, i, floats.Dot(p, b.v.Row(j)))
			}
		}
	}
	if b.solver.Eigen(b.values, b.q, b.gram) != nil {
		return false
	}
	clear(b.r)
	for l, power := range b.values {
		if power <= spd.RankTol*b.values[c-1] {
			continue
		}
		clear(b.left)
		clear(b.right)
		for i, q := range b.q.Row(l) {
			if b.keep[i] {
				floats.AddScaled(b.left, q/power, b.p[i*c:(i+1)*c])
				floats.AddScaled(b.right, q, b.v.Row(i))
			}
		}
		for i, v := range b.left {
			floats.AddScaled(b.r[i*c:(i+1)*c], v, b.right)
		}
	}
	return true
}
