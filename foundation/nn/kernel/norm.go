package kernel

// LayerNorm computes xhat = (x−mean)·rstd and y = g·xhat + b over one row (Ba et al. 2016, arXiv:1607.06450), where rstd =
// 1/√(variance + eps) and the variance is divided by len(x). It returns rstd, which LayerNormGrad needs together with xhat;
// xhat may be nil. y may be x, and xhat may be x if y is not.
func LayerNorm(y, xhat, x, g, b []float32, eps float32) (rstd float32) {
	same("LayerNorm", len(y), len(x))
	same("LayerNorm", len(g), len(x))
	same("LayerNorm", len(b), len(x))
	if len(x) == 0 {
		panic("kernel: LayerNorm: a row has no numbers")
	}
	if xhat != nil {
		same("LayerNorm", len(xhat), len(x))
	}
	return layerNorm(y, xhat, x, g, b, eps)
}

// LayerNormGrad computes the gradient dx of one row of LayerNorm out of the gradient dy of y, and adds those of g and b to dg
// and db. dx may be dy.
func LayerNormGrad(dx, dg, db, dy, xhat, g []float32, rstd float32) {
	same("LayerNormGrad", len(dg), len(dx))
	same("LayerNormGrad", len(db), len(dx))
	same("LayerNormGrad", len(dy), len(dx))
	same("LayerNormGrad", len(xhat), len(dx))
	same("LayerNormGrad", len(g), len(dx))
	if len(dx) > 0 {
		layerNormGrad(dx, dg, db, dy, xhat, g, rstd)
	}
}

// NormGrad computes dx = k·(dy − a − xhat·b), the gradient of a batch normalisation. dx may be dy or xhat.
func NormGrad(dx, dy, xhat []float32, k, a, b float32) {
	same("NormGrad", len(dy), len(dx))
	same("NormGrad", len(xhat), len(dx))
	normGrad(dx, dy, xhat, k, a, b)
}
