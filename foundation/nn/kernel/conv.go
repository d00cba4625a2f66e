package kernel

import "fmt"

// Conv convolves over time (as networks do, without turning the taps around): y[o,t] = Σ_c Σ_k wt[o,c,k]·x[c,t+k·dil],
// added to y if acc is set.
//
// y is [out, t] with rows ldy apart, wt is [out, in, taps] without holes, x is [in, t+(taps-1)·dil] with rows ldx apart:
// who wants zeros at the edges has put them into x.
func (w *Work) Conv(y []float32, ldy int, x []float32, ldx int, wt []float32, out, in, taps, dil, t int, acc bool) {
	checkConv("Conv", y, ldy, x, ldx, wt, out, in, taps, dil, t)
	if out == 0 || in == 0 || t == 0 {
		convGeneric(y, ldy, x, ldx, wt, out, in, taps, dil, t, acc)
		return
	}
	w.conv(y, ldy, x, ldx, wt, out, in, taps, dil, t, acc)
}

// ConvGradW adds to dwt the gradient of Conv by wt: dwt[o,c,k] += Σ_t dy[o,t]·x[c,t+k·dil]. Shapes are those of Conv.
func (w *Work) ConvGradW(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	checkConv("ConvGradW", dy, ldy, x, ldx, dwt, out, in, taps, dil, t)
	if out == 0 || in == 0 || t == 0 {
		return
	}
	w.convGradW(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
}

// ConvGradWT is ConvGradW with the gradient turned: dwt[c,k,o] += Σ_t dy[o,t]·x[c,t+k·dil]. With few taps and many outputs it
// is the faster of the two, above all where dwt gathers many examples and is turned back once.
func (w *Work) ConvGradWT(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	checkConv("ConvGradWT", dy, ldy, x, ldx, dwt, out, in, taps, dil, t)
	if out == 0 || in == 0 || t == 0 {
		return
	}
	w.convGradWT(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
}

// ConvGradX adds to dx the gradient of Conv by x: dx[c,t+k·dil] += Σ_o wt[o,c,k]·dy[o,t]. Shapes are those of Conv.
func (w *Work) ConvGradX(dx []float32, ldx int, dy []float32, ldy int, wt []float32, out, in, taps, dil, t int) {
	checkConv("ConvGradX", dy, ldy, dx, ldx, wt, out, in, taps, dil, t)
	if out == 0 || in == 0 || t == 0 {
		return
	}
	w.convGradX(dx, ldx, dy, ldy, wt, out, in, taps, dil, t)
}

func checkConv(routine string, y []float32, ldy int, x []float32, ldx int, wt []float32, out, in, taps, dil, t int) {
	if out < 0 || in < 0 || taps < 1 || dil < 1 || t < 0 {
		panic(fmt.Sprintf("kernel: %s: out %d, in %d and t %d must not be negative, taps %d and dil %d must be at least 1", routine, out, in, t, taps, dil))
	}
	if len(wt) < out*in*taps {
		panic(fmt.Sprintf("kernel: %s: the weights have %d numbers, must have at least %d for [%d, %d, %d]", routine, len(wt), out*in*taps, out, in, taps))
	}
	checkMatrix(routine, "y", y, ldy, out, t)
	if t > 0 {
		checkMatrix(routine, "x", x, ldx, in, t+(taps-1)*dil)
	}
}

func convGeneric(y []float32, ldy int, x []float32, ldx int, wt []float32, out, in, taps, dil, t int, acc bool) {
	if t == 0 {
		return
	}
	for o := range out {
		row := y[o*ldy:][:t]
		if !acc {
			clear(row)
		}
		for c := range in {
			for k := range taps {
				f := wt[(o*in+c)*taps+k]
				for i, v := range x[c*ldx+k*dil:][:t] {
					row[i] += float32(f * v)
				}
			}
		}
	}
}

func convGradWTGeneric(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	for c := range in {
		for k := range taps {
			row := x[c*ldx+k*dil:][:t]
			for o := range out {
				var s float32
				for i, v := range dy[o*ldy:][:t] {
					s += float32(row[i] * v)
				}
				dwt[(c*taps+k)*out+o] += s
			}
		}
	}
}

func convGradWGeneric(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	for o := range out {
		row := dy[o*ldy:][:t]
		for c := range in {
			for k := range taps {
				var s float32
				for i, v := range x[c*ldx+k*dil:][:t] {
					s += float32(row[i] * v)
				}
				dwt[(o*in+c)*taps+k] += s
			}
		}
	}
}

func convGradXGeneric(dx []float32, ldx int, dy []float32, ldy int, wt []float32, out, in, taps, dil, t int) {
	for o := range out {
		row := dy[o*ldy:][:t]
		for c := range in {
			for k := range taps {
				f := wt[(o*in+c)*taps+k]
				into := dx[c*ldx+k*dil:][:t]
				for i, v := range row {
					into[i] += float32(f * v)
				}
			}
		}
	}
}
