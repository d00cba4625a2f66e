package kernel

import "math"

// Adam takes one step of AdamW (Kingma & Ba 2015, arXiv:1412.6980; Loshchilov & Hutter 2019, arXiv:1711.05101) with the
// gradient g:
//
//	m = beta1·m + (1−beta1)·g
//	v = beta2·v + (1−beta2)·g²
//	w = w − lr·decay·w − lr·(m/c1) / (√(v/c2) + eps)
//
// After step t, c1 = 1−beta1ᵗ and c2 = 1−beta2ᵗ. The numbers are float64, because 1−0.999 in float32 is wrong in the fifth
// digit.
func Adam(w, g, m, v []float32, lr, beta1, beta2, eps, decay, c1, c2 float64) {
	same("Adam", len(g), len(w))
	same("Adam", len(m), len(w))
	same("Adam", len(v), len(w))
	p := [8]float32{
		float32(beta1), float32(1 - beta1), float32(beta2), float32(1 - beta2),
		float32(1 - lr*decay), float32(lr / c1), float32(1 / math.Sqrt(c2)), float32(eps),
	}
	adam(w, g, m, v, &p)
}
