package kernel

import "math"

func layerNormGeneric(y, xhat, x, g, b []float32, eps float32) (rstd float32) {
	n := float64(len(x))
	var mean, sq float64
	for _, v := range x {
		mean += float64(v)
	}
	mean /= n
	for _, v := range x {
		d := float64(v) - mean
		sq += d * d
	}
	r := 1 / math.Sqrt(sq/n+float64(eps))
	for i, v := range x {
		h := float32((float64(v) - mean) * r)
		if xhat != nil {
			xhat[i] = h
		}
		y[i] = g[i]*h + b[i]
	}
	return float32(r)
}

func layerNormGradGeneric(dx, dg, db, dy, xhat, g []float32, rstd float32) {
	var sum, dot float64
	for i, d := range dy {
		h := float64(d) * float64(g[i])
		sum += h
		dot += h * float64(xhat[i])
		dg[i] += d * xhat[i]
		db[i] += d
	}
	a, b := float32(sum/float64(len(dx))), float32(dot/float64(len(dx)))
	for i, d := range dy {
		dx[i] = rstd * (d*g[i] - a - xhat[i]*b)
	}
}

func normGradGeneric(dx, dy, xhat []float32, k, a, b float32) {
	for i, d := range dy {
		dx[i] = k * (d - a - xhat[i]*b)
	}
}
