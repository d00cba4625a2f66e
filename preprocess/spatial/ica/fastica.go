package ica

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"
)

// Result is what an algorithm found.
type Result struct {
	W          *mat.Dense // [components, components], for white data
	Iterations int
	Converged  bool    // whether the stopping rule was met
	Left       float64 // what the stopping rule looks at, in the end
}

// FastICAOptions tune FastICA.
type FastICAOptions struct {
	Init    *mat.Dense // start [components, components], any of full rank
	MaxIter int        // at least 1
	Tol     float64    // largest 1 − |cos| between a row of W and itself one iteration ago; scikit-learn's default is 1e-4
}

// FastICA finds all components at once by fixed-point iteration with the contrast log cosh and symmetric decorrelation
// (Hyvärinen 1999, doi:10.1109/72.761722), step by step like scikit-learn's fastica(algorithm="parallel", fun="logcosh"):
//
//	W ← decorrelate(E[tanh(W·z)·zᵀ] − E[1 − tanh²(W·z)]·W),   decorrelate(W) = (W·Wᵀ)^(−1/2)·W
//
// It fails where Init is singular.
func (d *Data) FastICA(opt FastICAOptions) (Result, error) {
	w, err := decorrelate(opt.Init)
	if err != nil {
		return Result{}, fmt.Errorf("start: %w", err)
	}
	p := d.comps
	acc := make([]float64, d.wide*d.stride)
	y := make([]float64, min(block, d.rows)*d.stride)
	slope := make([]float64, p)
	res := Result{W: w}
	for res.Iterations < opt.MaxIter {
		clear(acc)
		clear(slope)
		wt := d.padded(w)
		for at := 0; at < d.rows; at += block { // every block is read once: product, tanh and product in the cache
			k := min(block, d.rows-at)
			z, u := d.x[at*d.stride:], y[:k*d.stride]
			clear(u)
			gemm(u, d.stride, z, d.stride, 1, wt, d.stride, k, d.wide, p)
			tanh(u, u)
			for t := range k {
				row := u[t*d.stride : t*d.stride+p]
				sum := slope[:len(row)]
				for i, v := range row {
					sum[i] += v * v
				}
			}
			d.gram(acc, u, z, k)
		}
		next := d.square(acc, 1/float64(d.n))
		for i := range p {
			mean := 1 - slope[i]/float64(d.n)
			row, old := next.RawRowView(i), w.RawRowView(i)
			for j := range row {
				row[j] -= mean * old[j]
			}
		}
		if next, err = decorrelate(next); err != nil {
			return Result{}, fmt.Errorf("iteration %d: %w", res.Iterations+1, err)
		}
		res.Left = 0
		for i := range p {
			res.Left = max(res.Left, math.Abs(math.Abs(mat.Dot(next.RowView(i), w.RowView(i)))-1))
		}
		w, res.W = next, next
		res.Iterations++
		if res.Left < opt.Tol {
			res.Converged = true
			break
		}
	}
	return res, nil
}

// decorrelate is (w·wᵀ)^(−1/2)·w, the orthogonal matrix nearest to w.
func decorrelate(w *mat.Dense) (*mat.Dense, error) {
	p, _ := w.Dims()
	var wwt mat.SymDense
	wwt.SymOuterK(1, w)
	var eig mat.EigenSym
	if !eig.Factorize(&wwt, true) {
		return nil, errors.New("the matrix cannot be decorrelated: its eigenvalues did not converge")
	}
	values := eig.Values(nil)
	if !(values[0] > 1e-15*values[p-1]) { // also catches NaN
		return nil, fmt.Errorf("the matrix cannot be decorrelated: it is singular (eigenvalues %g to %g)", values[0], values[p-1])
	}
	var u, scaled, root mat.Dense
	eig.VectorsTo(&u)
	scaled.CloneFrom(&u)
	for j, v := range values {
		s := 1 / math.Sqrt(v)
		for i := range p {
			scaled.Set(i, j, scaled.At(i, j)*s)
		}
	}
	root.Mul(&scaled, u.T())
	out := new(mat.Dense)
	out.Mul(&root, w)
	return out, nil
}

// Start is a random start for the algorithms: normal numbers from next, decorrelated. Components times components
// numbers are drawn, row by row.
func Start(components int, next func() float64) (*mat.Dense, error) {
	w := mat.NewDense(components, components, nil)
	for i := range components {
		for j := range components {
			w.Set(i, j, next())
		}
	}
	return decorrelate(w)
}
