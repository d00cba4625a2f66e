package kernel

import "math"

func adamGeneric(w, g, m, v []float32, p *adamStep) {
	for i, d := range g {
		m[i] = p.beta1*m[i] + p.rest1*d
		v[i] = p.beta2*v[i] + p.rest2*(d*d)
		root := float32(math.Sqrt(float64(v[i])))
		w[i] = w[i]*p.shrink - p.step*m[i]/(root*p.root+p.eps)
	}
}
