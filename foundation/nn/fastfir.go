package nn

import "github.com/gyrus-bci/gyrus/foundation/nn/kernel"

// fastFIR is a convolution over time with about five eighths of the products: a fast FIR algorithm, applied twice (Mou and
// Duhamel 1991, doi:10.1109/78.134467). Even and odd samples of one convolution with the taps w,
//
//	y₀ = w₀·x₀ + w₁·x₁     =  w₀·(x₀−x₁) + (w₀+w₁)·x₁
//	y₁ = w₀·x₁ + w₁·x₀′    =  (w₀+w₁)·x₁ + w₁·(x₀′−x₁)
//
// where x₀, x₁ are the even and odd samples, x₀′ the even ones from the second on, and w₀, w₁ the even and odd taps, are three
// convolutions of half the taps on half the samples instead of four. Each of the three is done the same way: nine of a
// quarter, called aa, ab, … cc. The gradient by the taps is the transpose, and costs as much. Rounding is some times that
// of the plain sum.
type fastFIR struct {
	out, in, taps, t int // of the whole
	q, s, n          int // taps, outputs and inputs of a part
	w, x, y          [9][]float32
	row              []float32    // one row of x with zeros behind
	dw               [9][]float32 // [in, q, out], gathered over examples
}

// fastTaps and fastSteps are the least for which it pays.
const (
	fastTaps  = 16
	fastSteps = 128
)

// newFastFIR takes memory for w [out, in, taps] on x [in, t+taps−1].
func newFastFIR(b *Builder, out, in, taps, t int) *fastFIR {
	f := &fastFIR{out: out, in: in, taps: taps, t: t, q: (taps + 3) / 4, s: (t + 3) / 4}
	f.n = f.s + f.q - 1
	for i := range f.w {
		f.w[i], f.x[i], f.y[i] = b.Floats(out*in*f.q), b.Floats(in*f.n), b.Floats(out*f.s)
	}
	f.row = b.Floats(4*f.n + 4)
	if b.Train {
		for i := range f.dw {
			f.dw[i] = b.Floats(out * in * f.q)
		}
	}
	return f
}

// prepare makes the taps of the parts of w [out, in, taps].
func (f *fastFIR) prepare(w []float32) {
	for r := range f.out * f.in {
		row := w[r*f.taps : (r+1)*f.taps]
		for j := range f.q {
			var h [4]float32
			copy(h[:], row[4*j:min(4*j+4, f.taps)])
			at := r*f.q + j
			f.w[0][at], f.w[1][at], f.w[2][at] = h[0], h[0]+h[2], h[2]
			f.w[3][at], f.w[4][at], f.w[5][at] = h[0]+h[1], (h[0]+h[1])+(h[2]+h[3]), h[2]+h[3]
			f.w[6][at], f.w[7][at], f.w[8][at] = h[1], h[1]+h[3], h[3]
		}
	}
}

// split makes the inputs of the parts of x, rows of t+taps−1 samples ldx apart.
func (f *fastFIR) split(x []float32, ldx int) {
	for c := range f.in {
		k := copy(f.row, x[c*ldx:c*ldx+f.t+f.taps-1])
		clear(f.row[k:])
		lo, hi := c*f.n, (c+1)*f.n
		aa, ab, ac := f.x[0][lo:hi], f.x[1][lo:hi], f.x[2][lo:hi]
		ba, bb, bc := f.x[3][lo:hi], f.x[4][lo:hi], f.x[5][lo:hi]
		ca, cb, cc := f.x[6][lo:hi], f.x[7][lo:hi], f.x[8][lo:hi]
		row := f.row
		for i := range aa {
			z := row[4*i : 4*i+7 : 4*i+7]
			a0, a1 := z[0]-z[1], z[2]-z[3]
			a2 := z[4] - z[5]
			c0, c1 := z[2]-z[1], z[4]-z[3]
			c2 := z[6] - z[5]
			aa[i], ab[i], ac[i] = a0-a1, a1, a2-a1
			ba[i], bb[i], bc[i] = z[1]-z[3], z[3], z[5]-z[3]
			ca[i], cb[i], cc[i] = c0-c1, c1, c2-c1
		}
	}
}

// forward fills y [out, t] with bias [out] plus the convolution of x.
func (f *fastFIR) forward(p *Pass, y, x []float32, ldx int, bias []float32) {
	f.split(x, ldx)
	for i := range f.w {
		p.Work.Conv(f.y[i], f.s, f.x[i], f.n, f.w[i], f.out, f.in, f.q, 1, f.s, false)
	}
	for o, b := range bias {
		part := func(i int) []float32 { return f.y[i][o*f.s : (o+1)*f.s] }
		// Sums of the parts, in place: y₀ = aa+ab+ba+bb, y₁ = ba+bb+ca+cb, y₂ = ab+ac+bb+bc, y₃ = bb+bc+cb+cc.
		aa, ab, ac, ba, bb, bc, ca, cb, cc := part(0), part(1), part(2), part(3), part(4), part(5), part(6), part(7), part(8)
		kernel.Add(aa, aa, ab)
		kernel.Add(ac, ac, ab)
		kernel.Add(ba, ba, bb)
		kernel.Add(bc, bc, bb)
		kernel.Add(ca, ca, cb)
		kernel.Add(cc, cc, cb)
		kernel.Add(aa, aa, ba)
		kernel.Add(ca, ca, ba)
		kernel.Add(ac, ac, bc)
		kernel.Add(cc, cc, bc)
		interleave(y[o*f.t:(o+1)*f.t], aa, ca, ac, cc, b)
	}
}

// interleave fills y with a[0]+b, c[0]+b, d[0]+b, e[0]+b, a[1]+b, and so on.
func interleave(y, a, c, d, e []float32, b float32) {
	n := len(y) / 4
	a, c, d, e = a[:len(a):len(a)], c[:len(a)], d[:len(a)], e[:len(a)]
	for i := range n {
		to := y[4*i : 4*i+4 : 4*i+4]
		to[0], to[1], to[2], to[3] = a[i]+b, c[i]+b, d[i]+b, e[i]+b
	}
	if n < len(a) {
		last := [4]float32{a[n] + b, c[n] + b, d[n] + b, e[n] + b}
		copy(y[4*n:], last[:])
	}
}

// deal is the opposite of interleave with b = 0; behind the end of y are zeros.
func deal(a, c, d, e, y []float32) {
	n := len(y) / 4
	c, d, e = c[:len(a)], d[:len(a)], e[:len(a)]
	for i := range n {
		from := y[4*i : 4*i+4 : 4*i+4]
		a[i], c[i], d[i], e[i] = from[0], from[1], from[2], from[3]
	}
	if n < len(a) {
		var last [4]float32
		copy(last[:], y[4*n:])
		a[n], c[n], d[n], e[n] = last[0], last[1], last[2], last[3]
	}
}

// gradient gathers the gradient by the taps, for dy [out, t] and x as forward has it. collect hands it out.
func (f *fastFIR) gradient(p *Pass, dy, x []float32, ldx int) {
	f.split(x, ldx)
	for o := range f.out {
		part := func(i int) []float32 { return f.y[i][o*f.s : (o+1)*f.s] }
		aa, ab, ac, ba, bb, bc, ca, cb, cc := part(0), part(1), part(2), part(3), part(4), part(5), part(6), part(7), part(8)
		deal(aa, ca, ac, cc, dy[o*f.t:(o+1)*f.t])
		kernel.Add(ab, aa, ac)
		kernel.Add(ba, aa, ca)
		kernel.Add(bc, ac, cc)
		kernel.Add(cb, ca, cc)
		kernel.Add(bb, ba, bc)
	}
	for i := range f.w {
		p.Work.ConvGradWT(f.dw[i], f.y[i], f.s, f.x[i], f.n, f.out, f.in, f.q, 1, f.s)
	}
}

// collect adds what gradient has gathered to dw [out, in, taps], and forgets it. Tap k is in the parts that prepare made of
// it.
func (f *fastFIR) collect(dw []float32) {
	g := &f.dw
	for o := range f.out {
		for c := range f.in {
			row := dw[(o*f.in+c)*f.taps:][:f.taps]
			for j := range f.q {
				at := (c*f.q+j)*f.out + o
				all := g[4][at]
				h := [4]float32{
					g[0][at] + g[1][at] + g[3][at] + all, g[6][at] + g[7][at] + g[3][at] + all,
					g[2][at] + g[1][at] + g[5][at] + all, g[8][at] + g[7][at] + g[5][at] + all,
				}
				for k, v := range h[:min(4, f.taps-4*j)] {
					row[4*j+k] += v
				}
			}
		}
	}
	for i := range g {
		clear(g[i])
	}
}
