package nn

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Optimiser changes the weights of a network by its gradient.
type Optimiser interface {
	// Step makes one update at the learning rate. It does not move weights that MaxNorm limits back: Net.Limit does.
	Step(n *Net, rate float64)
	// State is what it remembers: flat vectors in the places of Net.Weights, by name, and the number of steps so far. It
	// is the optimiser's own memory.
	State() (vectors map[string][]float32, steps int)
	// SetState puts a State back, for the network n. It copies. What no steps could have left is an error that names it.
	SetState(n *Net, vectors map[string][]float32, steps int) error
}

// AdamW is Adam with decoupled weight decay (Kingma and Ba 2015, arXiv:1412.6980; Loshchilov and Hutter 2019,
// arXiv:1711.05101), with PyTorch's formulas:
//
//	m = β1·m + (1−β1)·g;  v = β2·v + (1−β2)·g²
//	w -= rate·Decay·w;    w -= rate · (m/(1−β1ᵗ)) / (√(v/(1−β2ᵗ)) + Epsilon)
//
// With Decay 0 it is Adam. The zero value asks for the defaults, which are PyTorch's. Params with NoDecay are not decayed.
type AdamW struct {
	Beta1, Beta2 float64 // 0 means 0.9 and 0.999
	Epsilon      float64 // 0 means 1e-8
	Decay        float64

	m, v  []float32
	steps int
}

// Step is one update.
func (a *AdamW) Step(n *Net, rate float64) {
	if a.m == nil {
		a.m, a.v = make([]float32, len(n.weights)), make([]float32, len(n.weights))
	}
	b1, b2, eps := or(a.Beta1, 0.9), or(a.Beta2, 0.999), or(a.Epsilon, 1e-8)
	a.steps++
	c1, c2 := 1-math.Pow(b1, float64(a.steps)), 1-math.Pow(b2, float64(a.steps))
	n.learned(func(p *Param, at int) {
		end := at + len(p.W)
		decay := a.Decay
		if p.NoDecay {
			decay = 0
		}
		kernel.Adam(p.W, p.G, a.m[at:end], a.v[at:end], rate, b1, b2, eps, decay, c1, c2)
	})
}

// State is the two moments.
func (a *AdamW) State() (map[string][]float32, int) {
	if a.m == nil {
		return nil, 0
	}
	return map[string][]float32{"m": a.m, "v": a.v}, a.steps
}

// SetState puts them back.
func (a *AdamW) SetState(n *Net, vectors map[string][]float32, steps int) error {
	got, err := n.vectorsNamed(vectors, steps, "m", "v")
	if err != nil {
		return fmt.Errorf("adamw: %w", err)
	}
	for i, v := range got[1] {
		if v < 0 {
			return fmt.Errorf("adamw: the second moment v of %s is %g, must be at least 0", n.where(i), v)
		}
	}
	a.m, a.v, a.steps = got[0], got[1], steps
	return nil
}

// SGD is gradient descent with momentum, in PyTorch's form: g += Decay·w; u = Momentum·u + g; w -= rate·u, or with
// Nesterov w -= rate·(g + Momentum·u). u begins as the first g.
type SGD struct {
	Momentum float64
	Nesterov bool
	Decay    float64

	u     []float32
	steps int
}

// Step is one update.
func (s *SGD) Step(n *Net, rate float64) {
	if s.u == nil {
		s.u = make([]float32, len(n.weights))
	}
	momentum, lr := float32(s.Momentum), float32(rate)
	n.learned(func(p *Param, at int) {
		decay := float32(s.Decay)
		if p.NoDecay {
			decay = 0
		}
		u := s.u[at : at+len(p.W)]
		for i, g := range p.G {
			g += decay * p.W[i]
			u[i] = momentum*u[i] + g
			if s.Nesterov {
				g += momentum * u[i]
			} else {
				g = u[i]
			}
			p.W[i] -= lr * g
		}
	})
	s.steps++
}

// State is the momentum.
func (s *SGD) State() (map[string][]float32, int) {
	if s.u == nil {
		return nil, 0
	}
	return map[string][]float32{"u": s.u}, s.steps
}

// SetState puts it back.
func (s *SGD) SetState(n *Net, vectors map[string][]float32, steps int) error {
	got, err := n.vectorsNamed(vectors, steps, "u")
	if err != nil {
		return fmt.Errorf("sgd: %w", err)
	}
	s.u, s.steps = got[0], steps
	return nil
}

func or(v, otherwise float64) float64 {
	if v == 0 {
		return otherwise
	}
	return v
}

// vectorsNamed copies the vectors that an optimiser must have: all or, before the first step, none.
func (n *Net) vectorsNamed(vectors map[string][]float32, steps int, names ...string) ([][]float32, error) {
	out := make([][]float32, len(names))
	if steps == 0 && len(vectors) == 0 {
		return out, nil
	}
	if steps < 1 || len(vectors) != len(names) {
		return nil, fmt.Errorf("state has %d vectors after %d steps, must have %q", len(vectors), steps, names)
	}
	for i, name := range names {
		v, ok := vectors[name]
		if !ok || len(v) != len(n.weights) {
			return nil, fmt.Errorf("state has no vector %q of %d values", name, len(n.weights))
		}
		for at, x := range v {
			if x-x != 0 { // NaN and ±Inf
				return nil, fmt.Errorf("%s of %s is %g, must be finite", name, n.where(at), x)
			}
		}
		out[i] = slices.Clone(v)
	}
	return out, nil
}

// learned visits the parameters that are learned, with their places in the flat vectors.
func (n *Net) learned(visit func(p *Param, at int)) {
	at := 0
	for _, p := range n.Params {
		if !p.Buffer {
			visit(p, at)
		}
		at += (len(p.W) + 15) &^ 15
	}
}

// Limit scales down the rows of weights that are longer than their MaxNorm allows.
func (n *Net) Limit() {
	for _, p := range n.Params {
		if p.MaxNorm <= 0 {
			continue
		}
		rows, length := p.Rows()
		for i := range rows {
			row := p.W[i*length : (i+1)*length]
			if norm := math.Sqrt(square(row)); norm > float64(p.MaxNorm) {
				f := float32(float64(p.MaxNorm) / norm)
				for j := range row {
					row[j] *= f
				}
			}
		}
	}
}

// square is Σx², which is not finite only where a value of x is not, or where the squares pass the range of float64.
func square(x []float32) float64 {
	const block = 4096
	sum := 0.0
	for lo := 0; lo < len(x); lo += block {
		part := x[lo:min(lo+block, len(x))]
		_, s := kernel.SumSq(part)
		if float64(s) > math.MaxFloat32/2 { // the squares may have passed the range of float32 only
			exact := 0.0
			for _, v := range part {
				exact += float64(v) * float64(v)
			}
			sum += exact
			continue
		}
		sum += float64(s)
	}
	return sum
}

// ClipGrad scales the gradient down to the Euclidean norm limit (0: leaves it) and returns the norm that it had. A
// gradient that is not finite is an error that names the parameter.
func (n *Net) ClipGrad(limit float64) (float64, error) {
	sum := 0.0
	for _, p := range n.Params {
		if p.Buffer {
			continue
		}
		s := square(p.G)
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return math.NaN(), fmt.Errorf("the gradient by %s (%v) is not finite", p.Name, p.Shape)
		}
		sum += s
	}
	norm := math.Sqrt(sum)
	if limit > 0 && norm > limit {
		kernel.Scale(n.grad, float32(limit/norm))
	}
	return norm, nil
}
