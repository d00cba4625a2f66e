package dsp

// The butterflies. Each is written so that its sums stand in the order in which the vector kernels add them (asm/):
// both give the same bits.

// Cosines and sines of the angles 2π/3, 2π/5, 2π/7 and their multiples.
const (
	sin3                = 0.86602540378443864676372317075293618
	cos5a, cos5b        = 0.30901699437494742410229341718281906, -0.80901699437494742410229341718281906
	sin5a, sin5b        = 0.95105651629515357211643933337938214, 0.58778525229247312916870595463907277
	cos7a, cos7b, cos7c = 0.62348980185873353052500488400423981, -0.22252093395631440428890256449679476, -0.90096886790241912623610231950744505
	sin7a, sin7b, sin7c = 0.78183148246802980870844452667405776, 0.97492791218182360701813168299393121, 0.43388373911755812047576833284835875
)

// cmul is a·w without fused products.
func cmul(a, w complex128) complex128 {
	return complex(float64(real(a)*real(w))-float64(imag(a)*imag(w)), float64(real(a)*imag(w))+float64(imag(a)*real(w)))
}

// mulBack is −i·a.
func mulBack(a complex128) complex128 { return complex(imag(a), -real(a)) }

// scaled is s·a for a real s.
func scaled(s float64, a complex128) complex128 {
	return complex(float64(s*real(a)), float64(s*imag(a)))
}

func butterfly3(x0, x1, x2 complex128) (y0, y1, y2 complex128) {
	t, u := x1+x2, x1-x2
	c, d := x0+scaled(-0.5, t), mulBack(scaled(sin3, u))
	return x0 + t, c + d, c - d
}

func butterfly4(x0, x1, x2, x3 complex128) (y0, y1, y2, y3 complex128) {
	t0, t1, t2, t3 := x0+x2, x0-x2, x1+x3, mulBack(x1-x3)
	return t0 + t2, t1 + t3, t0 - t2, t1 - t3
}

func butterfly5(x0, x1, x2, x3, x4 complex128) (y0, y1, y2, y3, y4 complex128) {
	t1, u1, t2, u2 := x1+x4, x1-x4, x2+x3, x2-x3
	c1, d1 := x0+scaled(cos5a, t1)+scaled(cos5b, t2), mulBack(scaled(sin5a, u1)+scaled(sin5b, u2))
	c2, d2 := x0+scaled(cos5b, t1)+scaled(cos5a, t2), mulBack(scaled(sin5b, u1)-scaled(sin5a, u2))
	return x0 + t1 + t2, c1 + d1, c2 + d2, c2 - d2, c1 - d1
}

func butterfly7(x *[7]complex128) {
	t1, u1, t2, u2, t3, u3 := x[1]+x[6], x[1]-x[6], x[2]+x[5], x[2]-x[5], x[3]+x[4], x[3]-x[4]
	x0 := x[0]
	c1, d1 := x0+scaled(cos7a, t1)+scaled(cos7b, t2)+scaled(cos7c, t3), mulBack(scaled(sin7a, u1)+scaled(sin7b, u2)+scaled(sin7c, u3))
	c2, d2 := x0+scaled(cos7b, t1)+scaled(cos7c, t2)+scaled(cos7a, t3), mulBack(scaled(sin7b, u1)-scaled(sin7c, u2)-scaled(sin7a, u3))
	c3, d3 := x0+scaled(cos7c, t1)+scaled(cos7a, t2)+scaled(cos7b, t3), mulBack(scaled(sin7c, u1)-scaled(sin7a, u2)+scaled(sin7b, u3))
	x[0], x[1], x[2], x[3] = x0+t1+t2+t3, c1+d1, c2+d2, c3+d3
	x[6], x[5], x[4] = c1-d1, c2-d2, c3-d3
}

func pass2(dst, src []complex128, p *fftPass) {
	l1, ido := p.l1, p.ido
	for k := range l1 {
		x0, x1 := src[2*k*ido:][:ido], src[(2*k+1)*ido:][:ido]
		y0, y1 := dst[k*ido:][:ido], dst[(k+l1)*ido:][:ido]
		if ido == 1 {
			y0[0], y1[0] = x0[0]+x1[0], x0[0]-x1[0]
			continue
		}
		for i, w := range p.tw[:ido] {
			y0[i], y1[i] = x0[i]+x1[i], cmul(x0[i]-x1[i], w)
		}
	}
}

func pass3(dst, src []complex128, p *fftPass) {
	l1, ido := p.l1, p.ido
	for k := range l1 {
		x0, x1, x2 := src[3*k*ido:][:ido], src[(3*k+1)*ido:][:ido], src[(3*k+2)*ido:][:ido]
		y0, y1, y2 := dst[k*ido:][:ido], dst[(k+l1)*ido:][:ido], dst[(k+2*l1)*ido:][:ido]
		if ido == 1 {
			y0[0], y1[0], y2[0] = butterfly3(x0[0], x1[0], x2[0])
			continue
		}
		w := p.tw[:2*ido]
		for i := range x0 {
			v0, v1, v2 := butterfly3(x0[i], x1[i], x2[i])
			y0[i], y1[i], y2[i] = v0, cmul(v1, w[0]), cmul(v2, w[1])
			w = w[2:]
		}
	}
}

func pass4(dst, src []complex128, p *fftPass) {
	l1, ido := p.l1, p.ido
	if ido == 1 {
		y0, y1, y2, y3 := dst[:l1], dst[l1:][:l1], dst[2*l1:][:l1], dst[3*l1:][:l1]
		for k := range y0 {
			x := src[4*k:][:4]
			y0[k], y1[k], y2[k], y3[k] = butterfly4(x[0], x[1], x[2], x[3])
		}
		return
	}
	for k := range l1 {
		x := src[4*k*ido:][:4*ido]
		x0, x1, x2, x3 := x[:ido], x[ido:][:ido], x[2*ido:][:ido], x[3*ido:][:ido]
		y0, y1, y2, y3 := dst[k*ido:][:ido], dst[(k+l1)*ido:][:ido], dst[(k+2*l1)*ido:][:ido], dst[(k+3*l1)*ido:][:ido]
		w := p.tw[:3*ido]
		for i := range x0 {
			v0, v1, v2, v3 := butterfly4(x0[i], x1[i], x2[i], x3[i])
			y0[i], y1[i], y2[i], y3[i] = v0, cmul(v1, w[0]), cmul(v2, w[1]), cmul(v3, w[2])
			w = w[3:]
		}
	}
}

func pass5(dst, src []complex128, p *fftPass) {
	l1, ido := p.l1, p.ido
	for k := range l1 {
		x := src[5*k*ido:][:5*ido]
		y0, y1, y2, y3, y4 := dst[k*ido:][:ido], dst[(k+l1)*ido:][:ido], dst[(k+2*l1)*ido:][:ido], dst[(k+3*l1)*ido:][:ido], dst[(k+4*l1)*ido:][:ido]
		if ido == 1 {
			y0[0], y1[0], y2[0], y3[0], y4[0] = butterfly5(x[0], x[1], x[2], x[3], x[4])
			continue
		}
		x0, x1, x2, x3, x4 := x[:ido], x[ido:][:ido], x[2*ido:][:ido], x[3*ido:][:ido], x[4*ido:][:ido]
		w := p.tw[:4*ido]
		for i := range x0 {
			v0, v1, v2, v3, v4 := butterfly5(x0[i], x1[i], x2[i], x3[i], x4[i])
			y0[i], y1[i], y2[i], y3[i], y4[i] = v0, cmul(v1, w[0]), cmul(v2, w[1]), cmul(v3, w[2]), cmul(v4, w[3])
			w = w[4:]
		}
	}
}

func pass7(dst, src []complex128, p *fftPass) {
	l1, ido := p.l1, p.ido
	var v [7]complex128
	for k := range l1 {
		for i := range ido {
			for j := range v {
				v[j] = src[(7*k+j)*ido+i]
			}
			butterfly7(&v)
			dst[k*ido+i] = v[0]
			for j := 1; j < 7; j++ {
				if ido > 1 {
					v[j] = cmul(v[j], p.tw[6*i+j-1])
				}
				dst[(k+j*l1)*ido+i] = v[j]
			}
		}
	}
}
