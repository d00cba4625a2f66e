package kernel

import "math"

// adamGeneric takes, in p, what one step multiplies by: beta1 and what is missing to 1, the same of beta2, what decay leaves
// of w, lr/c1, 1/√c2, and eps.
func adamGeneric(w, g, m, v []float32, p *[8]float32) {
	shrink, step, root, eps := p[4], p[5], p[6], p[7]
	for i, d := range g {
		m[i] = p[0]*m[i] + p[1]*d
		v[i] = p[2]*v[i] + p[3]*(d*d)
		w[i] = w[i]*shrink - step*m[i]/(float32(math.Sqrt(float64(v[i])))*root+eps)
	}
}
