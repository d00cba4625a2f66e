package linear

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"gonum.org/v1/gonum/mat"
)

// Solver says how LDA finds its weights. The zero value is LSQR.
type Solver string

// The solvers that exist.
const (
	LSQR Solver = "lsqr" // normal equations with the shrunk covariance
	SVD  Solver = "svd"  // singular values of the rows, without the covariance
)

// UnmarshalJSON accepts the names above.
func (s *Solver) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || (Solver(word) != LSQR && Solver(word) != SVD) {
		return fmt.Errorf(`key "solver": is %s, must be "lsqr" or "svd"`, strings.TrimSpace(string(data)))
	}
	*s = Solver(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Solver) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(LSQR), string(SVD)}}
}

// check refuses a shrinkage that would have no effect.
func (s Solver) check(shrinkage Shrinkage) error {
	switch {
	case s != "" && s != LSQR && s != SVD:
		return fmt.Errorf(`solver is %q, must be "lsqr" or "svd"`, string(s))
	case s == SVD && shrinkage != (Shrinkage{}):
		return fmt.Errorf(`solver "svd" cannot shrink, and shrinkage is %v; set shrinkage to 0, or solver to "lsqr"`, shrinkage)
	}
	return nil
}

// svdTolerance is the singular value below which a direction counts as absent, scikit-learn's default.
const svdTolerance = 1e-4

// solveSVD finds the weights [classes][features] and intercepts from the rows of each class, n rows in all. It whitens
// the rows within the classes, then keeps the directions in which the class means differ.
//
// rank is the number of directions within the classes that count.
func solveSVD(groups [][][]float64, prior []float64, n int) (coef [][]float64, intercept []float64, rank int, err error) {
	classes, p := len(groups), len(groups[0][0])
	if n <= classes {
		return nil, nil, 0, fmt.Errorf(`solver "svd" needs more than %d training rows for %d classes, got %d; record more`, classes, classes, n)
	}
	means := mat.NewDense(classes, p, nil)
	x := mat.NewDense(n, p, nil) // without the class means
	i := 0
	for k, rows := range groups {
		mean := classMean(rows)
		means.SetRow(k, mean)
		for _, row := range rows {
			for j, v := range row {
				x.Set(i, j, v-mean[j])
			}
			i++
		}
	}
	centre := make([]float64, p)
	for k := range classes {
		for j := range p {
			centre[j] += prior[k] * means.At(k, j)
		}
	}
	scale := standardise(x, centre)
	x.Scale(1/math.Sqrt(float64(n)), x)
	var svd mat.SVD
	if !svd.Factorize(x, mat.SVDThin) {
		return nil, nil, 0, errors.New("singular value decomposition of the training rows failed: their values are too large; scale the features down")
	}
	white, err := whitening(&svd, scale)
	if err != nil {
		return nil, nil, 0, err
	}
	between := mat.NewDense(classes, p, nil)
	for k := range classes {
		for j := range p {
			between.Set(k, j, math.Sqrt(float64(n)*prior[k]/float64(classes-1))*(means.At(k, j)-centre[j]))
		}
	}
	var z mat.Dense
	z.Mul(between, white)
	if !svd.Factorize(&z, mat.SVDThin) {
		return nil, nil, 0, errors.New("singular value decomposition of the class means failed: their values are too large; scale the features down")
	}
	var v, axes, at mat.Dense
	svd.VTo(&v)
	values := svd.Values(nil)
	directions := 0
	for directions < len(values) && values[directions] > svdTolerance*values[0] {
		directions++
	}
	if directions == 0 {
		return nil, nil, 0, errors.New("the means of all classes are the same, so no direction tells them apart; check the labels and the features")
	}
	axes.Mul(white, v.Slice(0, v.RawMatrix().Rows, 0, directions)) // [features, directions]
	at.Mul(mat.NewDense(1, p, centre), &axes)
	coef, intercept = make([][]float64, classes), make([]float64, classes)
	for k := range classes {
		coef[k] = make([]float64, p)
		intercept[k] = math.Log(prior[k])
		for r := range directions {
			c := -at.At(0, r)
			for j := range p {
				c += means.At(k, j) * axes.At(j, r)
			}
			intercept[k] -= c * c / 2
			for j := range p {
				coef[k][j] += c * axes.At(j, r)
			}
		}
		for j := range p {
			intercept[k] -= centre[j] * coef[k][j]
		}
	}
	_, within := white.Dims()
	return coef, intercept, within, nil
}

// whitening is the matrix [features, rank] that gives standardised rows the covariance I.
func whitening(svd *mat.SVD, scale []float64) (*mat.Dense, error) {
	values := svd.Values(nil)
	rank := 0
	for rank < len(values) && values[rank] > svdTolerance {
		rank++
	}
	if rank == 0 {
		return nil, errors.New("no feature varies within the classes; check the features")
	}
	var v mat.Dense
	svd.VTo(&v)
	white := mat.NewDense(len(scale), rank, nil)
	for j, s := range scale {
		for r := range rank {
			white.Set(j, r, v.At(j, r)/s/values[r])
		}
	}
	return white, nil
}

// classMean is the mean of rows, measured from the first.
func classMean(rows [][]float64) []float64 {
	n := float64(len(rows))
	mean := make([]float64, len(rows[0]))
	for _, row := range rows {
		for j, v := range row {
			mean[j] += (v - rows[0][j]) / n
		}
	}
	for j, v := range rows[0] {
		mean[j] += v
	}
	return mean
}
