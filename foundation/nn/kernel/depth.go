package kernel

import "fmt"

// Depth convolves one row: y[t] = Σ_k wt[k]·x[t+k·dil], added to y if acc is set. x has at least
// len(y)+(len(wt)-1)·dil numbers.
func Depth(y, x, wt []float32, dil int, acc bool) {
	checkDepth("Depth", len(y), len(x), len(wt), dil)
	if len(y) > 0 {
		depth(y, x, wt, dil, acc)
	}
}

func depthGeneric(y, x, wt []float32, dil int, acc bool) {
	if !acc {
		clear(y)
	}
	for k, f := range wt {
		for t, v := range x[k*dil:][:len(y)] {
			y[t] += float32(f * v)
		}
	}
}

// DepthGradW adds to dwt the gradient of Depth by wt: dwt[k] += Σ_t dy[t]·x[t+k·dil].
func DepthGradW(dwt, dy, x []float32, dil int) {
	checkDepth("DepthGradW", len(dy), len(x), len(dwt), dil)
	if len(dy) > 0 {
		gemv(dwt, x, dil, len(dwt), len(dy), dy, true) // the rows of a matrix may overlap
	}
}

// DepthGradX adds to dx the gradient of Depth by x: dx[t+k·dil] += wt[k]·dy[t].
func DepthGradX(dx, dy, wt []float32, dil int) {
	checkDepth("DepthGradX", len(dy), len(dx), len(wt), dil)
	if len(dy) > 0 {
		depthGradX(dx, dy, wt, dil)
	}
}

// depthGradXGeneric adds to the numbers of dx from begin to end.
func depthGradXGeneric(dx, dy, wt []float32, dil, begin, end int) {
	for k, f := range wt {
		first, last := max(0, begin-k*dil), min(len(dy), end-k*dil)
		if first >= last {
			continue
		}
		into := dx[first+k*dil:][:last-first]
		for t, v := range dy[first:last] {
			into[t] += float32(f * v)
		}
	}
}

func checkDepth(routine string, y, x, taps, dil int) {
	if taps < 1 || dil < 1 {
		panic(fmt.Sprintf("kernel: %s: %d taps, dilation %d: both must be at least 1", routine, taps, dil))
	}
	if need := y + (taps-1)*dil; x < need {
		panic(fmt.Sprintf("kernel: %s: x has %d numbers, must have at least %d for %d outputs, %d taps, dilation %d", routine, x, need, y, taps, dil))
	}
}
