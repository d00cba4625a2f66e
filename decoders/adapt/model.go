package adapt

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// model is what is learned: for every class a the weights θ_a of the value φᵀθ_a of deciding for it, with
//
//	A_a ← λ A_a + φφᵀ,   b_a ← λ b_a + r φ,   θ_a = (A_a + R)⁻¹ (b_a + R θ⁰_a)
//
// λ is the forgetting factor, R the ridge, diagonal, θ⁰ where it began: the values of the running decoder. The ridge is added when
// solving and is never forgotten, so nothing grows without bound in directions that no feedback speaks of (which is what
// happens to an inverse that is updated by the Sherman–Morrison formula under forgetting).
type model struct {
	a     [][]float64 // [classes][size·size], symmetric
	b     [][]float64 // [classes][size]
	theta [][]float64 // [classes][size]
}

func newModel(classes, size int) model {
	var m model
	for range classes {
		m.a, m.b, m.theta = append(m.a, make([]float64, size*size)), append(m.b, make([]float64, size)), append(m.theta, make([]float64, size))
	}
	return m
}

func (m *model) clone() model {
	deep := func(x [][]float64) [][]float64 {
		out := make([][]float64, len(x))
		for i := range x {
			out[i] = slices.Clone(x[i])
		}
		return out
	}
	return model{deep(m.a), deep(m.b), deep(m.theta)}
}

// hash is of the exact bits.
func (m *model) hash() string {
	h := sha256.New()
	var word [8]byte
	for _, part := range [][][]float64{m.a, m.b, m.theta} {
		for _, x := range part {
			for _, v := range x {
				binary.LittleEndian.PutUint64(word[:], math.Float64bits(v))
				_, _ = h.Write(word[:]) // never fails
			}
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// add takes in that deciding for class k on phi has the reward r.
func (m *model) add(k int, phi []float64, r, forget float64) {
	n := len(phi)
	for i, v := range phi {
		m.b[k][i] = forget*m.b[k][i] + r*v
		row := m.a[k][i*n : (i+1)*n]
		for j, w := range phi {
			row[j] = forget*row[j] + v*w
		}
	}
}

// solve is the weights of class k; false where there are none that are finite.
func (m *model) solve(dst []float64, k int, begin, ridge []float64) bool {
	n := len(dst)
	var chol mat.Cholesky
	if !chol.Factorize(m.system(k, n, ridge)) {
		return false
	}
	rhs := mat.NewVecDense(n, nil)
	for i := range n {
		rhs.SetVec(i, m.b[k][i]+ridge[i]*begin[i])
	}
	out := mat.NewVecDense(n, dst)
	if err := chol.SolveVecTo(out, rhs); err != nil {
		return false // hardly positive definite: the features are far out of their range
	}
	return finite(dst)
}

// system is A + R.
func (m *model) system(k, n int, ridge []float64) *mat.SymDense {
	s := mat.NewSymDense(n, slices.Clone(m.a[k]))
	for i := range n {
		s.SetSym(i, i, s.At(i, i)+ridge[i])
	}
	return s
}

// spread is sqrt(φᵀ (A+R)⁻¹ φ), how little is known of class k at phi.
func (m *model) spread(k int, phi, ridge []float64) float64 {
	n := len(phi)
	var chol mat.Cholesky
	if !chol.Factorize(m.system(k, n, ridge)) {
		return 0
	}
	out, x := mat.NewVecDense(n, nil), mat.NewVecDense(n, slices.Clone(phi))
	if err := chol.SolveVecTo(out, x); err != nil {
		return 0
	}
	return math.Sqrt(max(mat.Dot(out, x), 0))
}

func finite(x []float64) bool {
	for _, v := range x {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}

func dot(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += float64(v * b[i]) // rounded before it is added: the same bits on every machine
	}
	return sum
}

// distance is the Euclidean distance of two sets of weights, and norm the norm of one.
func distance(a, b [][]float64) float64 {
	sum := 0.0
	for k := range a {
		for i, v := range a[k] {
			d := v - b[k][i]
			sum += float64(d * d)
		}
	}
	return math.Sqrt(sum)
}

func norm(a [][]float64) float64 {
	sum := 0.0
	for k := range a {
		sum += dot(a[k], a[k])
	}
	return math.Sqrt(sum)
}
