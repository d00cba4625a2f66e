package csp

import (
	"math"

	"gonum.org/v1/gonum/floats"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// mutualInformation estimates how much the feature x says about the class, in bits (Ang et al. 2012,
// doi:10.3389/fnins.2012.00039, equations 12 to 18): I = H(class) − H(class | x), with
//
//	H(class)     = −Σ_k P(k) log₂ P(k)                      P(k) is the part of the examples that class k has
//	H(class | x) = −1/n Σ_i Σ_k p(k | x_i) log₂ p(k | x_i)  over all n examples
//	p(k | x_i)   = p(x_i | k) P(k) / Σ_j p(x_i | j) P(j)
//	p(x_i | k)   = 1/n_k Σ_r φ(x_i − x_r, h_k)              over the n_k examples of class k
//
// φ is the normal density with the standard deviation h_k = σ_k (4 / 3n_k)^(1/5), σ_k that of the feature within the
// class: the rule for normal data. An example counts in the density of its own class, as in the paper, so the estimate is
// above 0 for noise; it is for ranking. Where a class has only one value, h_k is that of all examples; a feature that
// never changes says nothing, 0.
func mutualInformation(x []float64, y signal.Labels) float64 {
	n, classes := float64(len(x)), len(y.Classes)
	groups := make([][]float64, classes)
	for i, v := range x {
		groups[y.Y[i]] = append(groups[y.Y[i]], v)
	}
	all := deviation(x)
	if all == 0 {
		return 0
	}
	prior, width, entropy := make([]float64, classes), make([]float64, classes), 0.0
	for k, values := range groups {
		size := float64(len(values))
		prior[k] = size / n
		entropy -= prior[k] * math.Log2(prior[k])
		sigma := deviation(values)
		if sigma == 0 {
			sigma = all
		}
		width[k] = sigma * math.Pow(4/(3*size), 0.2)
	}
	p, conditional := make([]float64, classes), 0.0
	for _, v := range x {
		for k, values := range groups {
			sum := 0.0
			for _, r := range values {
				z := (v - r) / width[k]
				sum += math.Exp(-z * z / 2)
			}
			p[k] = sum / (width[k] * n) // prior and 1/n_k together; √2π is common to all
		}
		total := floats.Sum(p) // above 0: the example itself adds 1 to its own class
		for _, q := range p {
			if q > 0 {
				q /= total
				conditional -= q * math.Log2(q) / n
			}
		}
	}
	return entropy - conditional
}

// deviation is the standard deviation of x, divided by its number; exactly 0 where all are the same.
func deviation(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v - x[0]
	}
	mean, power := sum/float64(len(x)), 0.0
	for _, v := range x {
		power += (v - x[0] - mean) * (v - x[0] - mean)
	}
	return math.Sqrt(power / float64(len(x)))
}
