package kalman

import (
	"errors"
	"math"
	"slices"
)

// settle iterates the covariance until it rests.
func (m *model) settle(steady bool) error {
	m.steadyGain = nil
	if !steady {
		return nil
	}
	n := m.d * m.d
	p, pp, work := slices.Clone(m.start), make([]float64, n), make([]float64, n)
	last := make([]float64, n)
	for range 1_000_000 {
		copy(last, p)
		m.advance(pp, p, work)
		m.update(p, pp, work)
		change, size := 0.0, 0.0
		for i, v := range p {
			change, size = max(change, math.Abs(v-last[i])), max(size, math.Abs(v))
		}
		if change <= 1e-14*size {
			m.steadyGain = p
			return nil
		}
	}
	return errors.New("the covariance does not come to rest, so there is no steady state; set steady_state to false, or leave out quantities that the features say nothing about")
}

// advance is pp = A·p·Aᵀ + W.
func (m *model) advance(pp, p, work []float64) {
	d := m.d
	for i := range d {
		for j := range d {
			sum := 0.0
			for c := range d {
				sum += float64(m.a[i*d+c] * p[c*d+j])
			}
			work[i*d+j] = sum
		}
	}
	for i := range d {
		for j := range i + 1 {
			sum := m.w[i*d+j]
			for c := range d {
				sum += float64(work[i*d+c] * m.a[j*d+c])
			}
			pp[i*d+j], pp[j*d+i] = sum, sum
		}
	}
}

// update is p = (I + pp·G)⁻¹·pp, by Gauss-Jordan elimination with pivots. work is overwritten.
func (m *model) update(p, pp, work []float64) {
	d := m.d
	for i := range d {
		for j := range d {
			sum := 0.0
			if i == j {
				sum = 1
			}
			for c := range d {
				sum += float64(pp[i*d+c] * m.precision[c*d+j])
			}
			work[i*d+j] = sum
		}
	}
	copy(p, pp)
	for c := range d {
		pivot := c
		for i := c + 1; i < d; i++ {
			if math.Abs(work[i*d+c]) > math.Abs(work[pivot*d+c]) {
				pivot = i
			}
		}
		if pivot != c {
			for j := range d {
				work[c*d+j], work[pivot*d+j] = work[pivot*d+j], work[c*d+j]
				p[c*d+j], p[pivot*d+j] = p[pivot*d+j], p[c*d+j]
			}
		}
		inv := 1 / work[c*d+c]
		for j := range d {
			work[c*d+j] *= inv
			p[c*d+j] *= inv
		}
		for i := range d {
			by := work[i*d+c]
			if i == c || by == 0 {
				continue
			}
			for j := range d {
				work[i*d+j] -= float64(by * work[c*d+j])
				p[i*d+j] -= float64(by * p[c*d+j])
			}
		}
	}
	for i := range d {
		for j := range i {
			mean := (p[i*d+j] + p[j*d+i]) / 2
			p[i*d+j], p[j*d+i] = mean, mean
		}
	}
}
