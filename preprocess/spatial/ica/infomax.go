package ica

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"
)

// InfomaxOptions tune Infomax.
type InfomaxOptions struct {
	Init    *mat.Dense     // start [components, components]; nil for the identity, which is MNE's default
	MaxIter int            // passes over the data, at least 1; MNE's default is 200
	Tol     float64        // squared change of the weights in one pass that ends it; MNE's default is 1e-12
	Rate    float64        // learning rate; 0 for MNE's default, 0.01/log(components²)
	Block   int            // samples per step; 0 for MNE's default, sqrt(samples/3)
	Uniform func() float64 // random numbers from 0 up to, not including, 1: orders the samples, draws those for the kurtosis
	// SmallAngles passes in which the direction of change turns by less than 60° end it too, as if it had converged. 0 is
	// MNE's default, 20; negative is never.
	SmallAngles int
}

// The constants of MNE's infomax, in its names.
const (
	maxWeight          = 1e8
	restartFactor      = 0.9
	minRate            = 1e-10
	extMomentum        = 0.5
	signsBias          = 0.02
	signCountThreshold = 25
	kurtSize           = 6000
	annealDegrees      = 60
	annealStep         = 0.9
	blowup             = 1e4
	blowupFactor       = 0.5
)

// Infomax is extended Infomax by stochastic gradient (Lee, Girolami & Sejnowski 1999, doi:10.1162/089976699300016719), step
// by step like MNE-Python's infomax(extended=True) with its defaults: blocks of sqrt(samples/3), a bias, as many
// sub-Gaussian sources as the kurtosis says. Rows of W have no fixed length: it is what the natural gradient makes it.
//
// Two stopping rules count as converged: Tol, and SmallAngles (see there), by which MNE nearly always ends. The result
// then lies near the maximum of the likelihood, not at it: about as far as the last learning rate. It is an error where
// the weights grow beyond all bounds at every learning rate.
func (d *Data) Infomax(opt InfomaxOptions) (Result, error) {
	m := newInfomax(d, opt)
	for m.step < m.maxIter {
		blown := m.pass()
		if blown {
			if err := m.restart(); err != nil {
				return Result{}, err
			}
			continue
		}
		m.anneal()
	}
	w := mat.NewDense(d.comps, d.comps, nil)
	for i := range d.comps {
		for j := range d.comps {
			w.Set(i, j, m.w[j*d.stride+i])
		}
	}
	return Result{W: w, Iterations: m.steps, Converged: m.done, Left: m.change}, nil
}

// infomax is the state of a run. w is W transposed, [wide][stride], the layout that both MNE and gemm want.
type infomax struct {
	*Data
	opt                 InfomaxOptions
	rate                float64
	w, start, old       []float64
	bias                []float64
	signs, oldSigns     []float64
	kurt, excess        []float64
	moments             [3][]float64
	drawn               []int // samples for the kurtosis
	block, blockNo, ext int
	signCount           int

	step, steps, maxIter, small int
	done                        bool
	change, oldChange           float64
	delta, oldDelta             []float64

	order        []int
	keys         []float64
	picked, u, y []float64 // gathered samples, activations and their tanh
	uy, uu, next []float64
}

func newInfomax(d *Data, opt InfomaxOptions) *infomax {
	m := &infomax{Data: d, opt: opt, rate: opt.Rate, maxIter: opt.MaxIter}
	if m.rate == 0 {
		m.rate = 0.01 / math.Log(max(2, float64(d.comps*d.comps))) // MNE divides by 0 for one component
	}
	if m.opt.SmallAngles == 0 {
		m.opt.SmallAngles = 20
	}
	size := d.wide * d.stride
	m.start = make([]float64, size)
	for i := range d.comps {
		for j := range d.comps {
			switch {
			case opt.Init != nil:
				m.start[j*d.stride+i] = opt.Init.At(i, j)
			case i == j:
				m.start[j*d.stride+i] = 1
			}
		}
	}
	m.w, m.old = slices.Clone(m.start), slices.Clone(m.start)
	m.delta, m.oldDelta = make([]float64, size), make([]float64, size)
	m.uy, m.uu, m.next = make([]float64, size), make([]float64, size), make([]float64, size)
	if m.block = min(opt.Block, d.n); m.block <= 0 {
		m.block = int(math.Sqrt(float64(d.n) / 3))
	}
	most := max(up8(m.block), min(up8(kurtSize), d.rows))
	m.picked, m.u, m.y = make([]float64, most*d.stride), make([]float64, most*d.stride), make([]float64, most*d.stride)
	m.order, m.keys = make([]int, d.n), make([]float64, d.n)
	m.bias, m.kurt, m.oldSigns = make([]float64, d.comps), make([]float64, d.comps), make([]float64, d.comps)
	m.drawn, m.excess, m.ext = make([]int, kurtSize), make([]float64, d.comps), 1
	for k := range m.moments {
		m.moments[k] = make([]float64, d.comps)
	}
	m.resetSigns()
	return m
}

func (m *infomax) resetSigns() {
	m.signs = make([]float64, m.comps)
	for i := range m.signs {
		m.signs[i] = 1
	}
	m.signs[0] = -1 // one sub-Gaussian source until the kurtosis is known
	clear(m.oldSigns)
}

// gather copies the samples idx to m.picked and fills up with 0; it returns how many rows that makes.
func (m *infomax) gather(idx []int) int {
	k := up8(len(idx))
	for i, t := range idx {
		copy(m.picked[i*m.stride:(i+1)*m.stride], m.x[t*m.stride:(t+1)*m.stride])
	}
	clear(m.picked[len(idx)*m.stride : k*m.stride])
	return k
}

// activate fills m.u with the activations of k rows.
func (m *infomax) activate(x []float64, k int) {
	u := m.u[:k*m.stride]
	clear(u)
	gemm(u, m.stride, x, m.stride, 1, m.w, m.stride, k, m.wide, m.comps)
}

// pass takes all blocks once, in random order. It says whether the weights grew beyond all bounds.
func (m *infomax) pass() (blown bool) {
	for i := range m.keys {
		m.keys[i], m.order[i] = m.opt.Uniform(), i
	}
	slices.SortFunc(m.order, func(a, b int) int { return cmp.Compare(m.keys[a], m.keys[b]) })
	for at := 0; at+m.block <= m.n; at += m.block {
		m.learn(m.order[at : at+m.block])
		largest := 0.0
		for j := range m.comps {
			for _, v := range m.w[j*m.stride : j*m.stride+m.comps] {
				if !(math.Abs(v) <= largest) { // NaN becomes the largest too
					largest = math.Abs(v)
				}
			}
		}
		if !(largest <= maxWeight) {
			return true
		}
		m.blockNo++
		if m.blockNo%m.ext == 0 {
			m.estimateSigns()
		}
	}
	return false
}

// learn is one step of the gradient: W ← W + rate·(block·I − K·tanh(u)·uᵀ − u·uᵀ)·W, on the transpose.
func (m *infomax) learn(idx []int) {
	n, k := len(idx), m.gather(idx)
	m.activate(m.picked, k)
	for t := range n {
		u := m.u[t*m.stride : t*m.stride+m.comps]
		for i, b := range m.bias {
			u[i] += b
		}
	}
	u, y := m.u[:k*m.stride], m.y[:k*m.stride]
	tanh(y, u)
	clear(m.uy)
	clear(m.uu)
	m.gram(m.uy, u, y, k)
	m.gram(m.uu, u, u, k)
	for i := range m.comps {
		uy, uu := m.uy[i*m.stride:], m.uu[i*m.stride:]
		for j, s := range m.signs {
			uu[j] = -s*uy[j] - uu[j]
		}
		uu[i] += float64(n)
	}
	clear(m.next)
	gemm(m.next, m.stride, m.w, m.stride, 1, m.uu, m.stride, m.wide, m.wide, m.comps)
	for i, v := range m.next {
		m.w[i] += m.rate * v
	}
	for i := range m.bias {
		sum := 0.0
		for t := range n {
			sum += y[t*m.stride+i]
		}
		m.bias[i] += m.rate * -2 * sum
	}
}

// estimateSigns tells sub- from super-Gaussian sources by the kurtosis of some samples, drawn with replacement.
func (m *infomax) estimateSigns() {
	n := m.n
	if kurtSize < m.n {
		n = kurtSize
		for i := range m.drawn {
			m.drawn[i] = int(m.opt.Uniform() * float64(m.n-1))
		}
		m.activate(m.picked, m.gather(m.drawn))
	} else {
		m.activate(m.x, m.rows)
	}
	m.kurtosis(n)
	differ := 0
	for i, k := range m.excess {
		m.kurt[i] = extMomentum*m.kurt[i] + (1-extMomentum)*k
		m.signs[i] = sign(m.kurt[i] + signsBias)
		if m.signs[i] != m.oldSigns[i] {
			differ++
		}
	}
	copy(m.oldSigns, m.signs)
	if differ > 0 {
		m.signCount = 0
		return
	}
	if m.signCount++; m.signCount >= signCountThreshold {
		m.ext, m.signCount = m.ext*2, 0
	}
}

// kurtosis fills m.excess with the excess kurtosis of the first n activations of every component. It goes sample by sample,
// as they lie in memory.
func (m *infomax) kurtosis(n int) {
	mean, m2, m4 := m.moments[0], m.moments[1], m.moments[2]
	clear(mean)
	clear(m2)
	clear(m4)
	for t := range n {
		row := m.u[t*m.stride : t*m.stride+len(mean)]
		for i, v := range row {
			mean[i] += v
		}
	}
	for i := range mean {
		mean[i] /= float64(n)
	}
	for t := range n {
		row := m.u[t*m.stride : t*m.stride+len(mean)]
		for i, v := range row {
			d := v - mean[i]
			d *= d
			m2[i] += d
			m4[i] += d * d
		}
	}
	for i := range m.excess {
		m.excess[i] = m4[i]*float64(n)/(m2[i]*m2[i]) - 3
	}
}

func sign(v float64) float64 {
	switch {
	case v > 0:
		return 1
	case v < 0:
		return -1
	}
	return v // 0 or NaN
}

// anneal ends a pass: it lowers the learning rate where the weights change to and fro, and looks whether to stop.
func (m *infomax) anneal() {
	m.step++
	m.steps = m.step
	m.change = 0
	dot := 0.0
	for i := range m.w {
		d := m.w[i] - m.old[i]
		m.delta[i] = d
		m.change += d * d
		dot += d * m.oldDelta[i]
	}
	degrees := 0.0
	if m.step > 2 {
		degrees = math.Acos(max(-1, min(dot/math.Sqrt(m.change*m.oldChange), 1))) * 180 / math.Pi
	}
	copy(m.old, m.w)
	if degrees > annealDegrees {
		m.rate *= annealStep
		copy(m.oldDelta, m.delta)
		m.oldChange, m.small = m.change, 0
	} else {
		if m.step == 1 {
			copy(m.oldDelta, m.delta)
			m.oldChange = m.change
		}
		if m.small++; m.opt.SmallAngles > 0 && m.small > m.opt.SmallAngles {
			m.maxIter, m.done = m.step, true
		}
	}
	switch {
	case m.step > 2 && m.change < m.opt.Tol:
		m.maxIter, m.done = m.step, true
	case m.change > blowup:
		m.rate *= blowupFactor
	}
}

// restart begins anew with a lower learning rate.
func (m *infomax) restart() error {
	m.rate *= restartFactor
	if !(m.rate > minRate) {
		return errors.New("infomax: the weights grow beyond all bounds at every learning rate: is the signal filtered (highpass of about 1 Hz) and free of large artefacts?")
	}
	m.step, m.blockNo, m.ext = 0, 1, 1
	copy(m.w, m.start)
	copy(m.old, m.start)
	clear(m.oldDelta)
	clear(m.bias)
	m.resetSigns()
	return nil
}

// String is a line for people.
func (r Result) String() string {
	if r.Converged {
		return fmt.Sprintf("converged in %d iterations (%.3g left)", r.Iterations, r.Left)
	}
	return fmt.Sprintf("not converged in %d iterations (%.3g left)", r.Iterations, r.Left)
}
