package spd

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
)

// Estimator is a way to estimate a covariance. Each of them takes every channel's mean out first and divides by the
// number of samples.
type Estimator string

// The estimators that exist. C is the sample covariance of p channels and n samples, μ = trace(C)/p, I the identity.
const (
	// SCM is C itself: singular where there are fewer samples than channels, or an average reference.
	SCM Estimator = "scm"
	// OAS is (1−ρ)·C + ρμ·I with ρ = min(1, (a + μ²) / ((n+1)·(a − μ²/p))), a the mean of the squared entries of C: oracle
	// approximating shrinkage (Chen et al. 2010, doi:10.1109/TSP.2010.2053029), in scikit-learn's form.
	OAS Estimator = "oas"
	// LedoitWolf is (1−ρ)·C + ρμ·I with the ρ of least expected squared error (Ledoit and Wolf 2004,
	// doi:10.1016/S0047-259X(03)00096-4), as scikit-learn's.
	LedoitWolf Estimator = "lwf"
	// Tyler is the fixed point of Σ = (p/n)·Σ_t x_t·x_tᵀ / (x_tᵀ·Σ⁻¹·x_t) with the trace p (Tyler 1987,
	// doi:10.1214/aos/1176350263): large samples weigh no more than small ones, and all power is lost. It is computed until
	// it changes by less than 1e-9 of its norm; pyRiemann's stops at 1e-2 by default.
	Tyler Estimator = "tyler"
)

// Estimators lists them.
func Estimators() []Estimator { return []Estimator{SCM, OAS, LedoitWolf, Tyler} }

// UnmarshalJSON accepts the names above.
func (e *Estimator) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Estimator(word).Check() != nil {
		return fmt.Errorf(`key "estimator": is %s, must be "scm", "oas", "lwf" or "tyler"`, strings.TrimSpace(string(data)))
	}
	*e = Estimator(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Estimator) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(SCM), string(OAS), string(LedoitWolf), string(Tyler)}}
}

// Check is an error where e is none of the estimators.
func (e Estimator) Check() error {
	for _, known := range Estimators() {
		if e == known {
			return nil
		}
	}
	return fmt.Errorf("estimator is %q, must be %q, %q, %q or %q", string(e), SCM, OAS, LedoitWolf, Tyler)
}

// Covariances is the memory in which covariances of windows [p channels, n samples] are estimated without allocating. It
// must not be used from two goroutines at once.
type Covariances struct {
	p, n, stride int
	slab, white  []float64 // the window without its means, p rows padded to a multiple of 12; white for Tyler only
	power        []float64 // per sample
	solver       *Solver   // for Tyler only
	inverse, old *Matrix
}

// NewCovariances makes room. p and n are at least 1.
func NewCovariances(p, n int) *Covariances {
	c := &Covariances{p: p, n: n, stride: pad(n)}
	c.slab = make([]float64, (p+11)/12*12*c.stride)
	c.power = make([]float64, c.stride)
	return c
}

// Load takes a window in, which is kept until the next one, so that it can be estimated in several ways. It panics where
// the window has another shape.
func (c *Covariances) Load(x [][]float64) {
	if len(x) != c.p {
		panic(fmt.Sprintf("spd: window of %d channels, must have %d", len(x), c.p))
	}
	for ch, row := range x {
		if len(row) != c.n {
			panic(fmt.Sprintf("spd: channel %d has %d samples, must have %d", ch, len(row), c.n))
		}
		c.LoadRow(ch, row)
	}
}

// LoadRow takes in one channel of n samples.
func (c *Covariances) LoadRow(ch int, x []float64) { center(c.Row(ch), x) }

// Row is the memory of one channel, for a caller who fills it with something that has the mean 0.
func (c *Covariances) Row(ch int) []float64 { return c.slab[ch*c.stride : ch*c.stride+c.n] }

// Estimate fills dst [p, p], in x's unit squared, from the window loaded last, and returns the shrinkage ρ (0 for SCM
// and Tyler). The window must not be all flat, must be finite, and for Tyler its covariance must not be singular.
func (c *Covariances) Estimate(dst *Matrix, how Estimator) (shrinkage float64, err error) {
	if dst.N != c.p {
		panic(fmt.Sprintf("spd: covariance of %d channels into a matrix of size %d", c.p, dst.N))
	}
	c.gram(dst, c.slab)
	mu := dst.Trace() / float64(c.p)
	switch {
	case math.IsNaN(mu) || math.IsInf(mu, 0):
		return 0, c.badChannel(dst)
	case mu == 0:
		return 0, errors.New("no channel changes within the window; check the recording")
	}
	switch how {
	case SCM:
		return 0, nil
	case OAS:
		shrinkage = oas(dst, mu, c.n)
	case LedoitWolf:
		shrinkage = c.ledoitWolf(dst, mu)
	case Tyler:
		return 0, c.tyler(dst)
	default:
		return 0, how.Check()
	}
	shrink(dst, mu, shrinkage)
	return shrinkage, nil
}

func (c *Covariances) badChannel(dst *Matrix) error {
	for ch := range c.p {
		if v := dst.At(ch, ch); math.IsNaN(v) || math.IsInf(v, 0) {
			return &ChannelError{Channel: ch, Variance: v}
		}
	}
	return errors.New("the power of the window is too large for a float64")
}

// ChannelError is a channel whose variance is not a finite number.
type ChannelError struct {
	Channel  int
	Variance float64
}

// Error says which one.
func (e *ChannelError) Error() string {
	return fmt.Sprintf("variance of channel %d (from 0) is %g, must be finite: its samples hold NaN, infinity or values too large to square; leave the window out or repair the channel", e.Channel, e.Variance)
}

// gram fills dst with x·xᵀ/n for the rows of a slab.
func (c *Covariances) gram(dst *Matrix, slab []float64) {
	var out [9]float64
	scale := 1 / float64(c.n)
	for i := 0; i < c.p; i += 3 {
		for j := i; j < c.p; j += 3 {
			gram3(&out, slab[i*c.stride:], slab[j*c.stride:], c.stride, c.stride)
			for a := range min(3, c.p-i) {
				for b := range min(3, c.p-j) {
					v := out[3*a+b] * scale
					dst.Data[(i+a)*dst.Stride+j+b], dst.Data[(j+b)*dst.Stride+i+a] = v, v
				}
			}
		}
	}
}

func shrink(dst *Matrix, mu, rho float64) {
	for i := range dst.Data {
		dst.Data[i] *= 1 - rho
	}
	for i := range dst.N {
		dst.Data[i*dst.Stride+i] += rho * mu
	}
}

func oas(cov *Matrix, mu float64, n int) float64 {
	p := float64(cov.N)
	if p == 1 {
		return 0 // the target is the covariance itself
	}
	a := laneDot(cov.Data, cov.Data) / (p * p)
	num, den := a+mu*mu, float64(n+1)*(a-mu*mu/p)
	if den == 0 {
		return 1
	}
	return min(num/den, 1)
}

func (c *Covariances) ledoitWolf(cov *Matrix, mu float64) float64 {
	if c.p == 1 {
		return 0
	}
	p, n := float64(c.p), float64(c.n)
	c.samplePower(c.slab)
	fourth := laneDot(c.power, c.power)
	norm2 := laneDot(cov.Data, cov.Data)
	delta := (norm2 - 2*mu*mu*p + p*mu*mu) / p
	beta := min((fourth/n-norm2)/(p*n), delta)
	if beta <= 0 {
		return 0
	}
	return beta / delta
}

// samplePower fills c.power with the squared length of each sample of a slab.
func (c *Covariances) samplePower(slab []float64) {
	clear(c.power)
	for ch := range c.p {
		for t, v := range slab[ch*c.stride : ch*c.stride+c.n] {
			c.power[t] += v * v
		}
	}
}

// tyler iterates from the sample covariance in dst.
func (c *Covariances) tyler(dst *Matrix) error {
	const tol, maxIter = 1e-11, 500
	if c.solver == nil {
		c.solver, c.inverse, c.old = NewSolver(c.p), NewMatrix(c.p), NewMatrix(c.p)
		c.white = make([]float64, len(c.slab))
	}
	change := math.Inf(1)
	for range maxIter {
		if err := c.solver.Cholesky(c.solver.t2, dst); err != nil {
			return fmt.Errorf("tyler: %w", err)
		}
		InvertLower(c.inverse, c.solver.t2)
		gemm(c.white, c.inverse.Data, c.slab, pad(c.p), c.stride, c.p, c.inverse.Stride, 1, c.stride, c.stride, false)
		c.samplePower(c.white)
		for t, d := range c.power[:c.n] {
			if d == 0 {
				return fmt.Errorf("tyler: at sample %d all channels are at their mean, which this estimator cannot weight; use oas", t)
			}
			c.power[t] = math.Sqrt(float64(c.p) / d)
		}
		for ch := range c.p {
			w := c.white[ch*c.stride : ch*c.stride+c.n]
			for t, v := range c.Row(ch) {
				w[t] = v * c.power[t]
			}
		}
		c.old.CopyFrom(dst)
		c.gram(dst, c.white)
		change = DistanceEuclid(dst, c.old) / c.old.norm()
		if change <= tol {
			f := float64(c.p) / dst.Trace()
			for i := range dst.Data {
				dst.Data[i] *= f
			}
			return nil
		}
	}
	return fmt.Errorf("tyler: did not converge: after %d iterations it still changes by %.2g of its norm, must be at most %g; use oas, or longer windows", maxIter, change, tol)
}
