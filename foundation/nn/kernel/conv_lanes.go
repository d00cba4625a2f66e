//go:build amd64 || arm64

package kernel

// conv is Conv for out, in, t > 0. Row (c, k) of the right operand is x[c] from k·dil on: the kernels read it in place.
func (w *Work) conv(y []float32, ldy int, x []float32, ldx int, wt []float32, out, in, taps, dil, t int, acc bool) {
	switch {
	case level == generic:
		convGeneric(y, ldy, x, ldx, wt, out, in, taps, dil, t, acc)
	case taps == 1:
		w.gemm(false, false, out, t, in, wt, in, x, ldx, y, ldy, acc)
	default:
		a := tile{a: &wt[0], rsa: size * in * taps, csa: size, ldb: size * dil, ldc: size * ldy, k: taps, groups: in, jb: size * (ldx - taps*dil)}
		if acc {
			a.acc = 1
		}
		tileA := 0
		if a.rsa%page == 0 {
			tileA = size * w.packA(wt, false, cutRows(out), in*taps, in*taps)
			a.a, a.rsa, a.csa = &w.a[0], size, size*columnA()
		}
		a.across(y, x, out, t, tileA)
	}
}

// across works on the first t columns of y, m rows; the first row of the right operand begins at x[0].
func (a *tile) across(y, x []float32, m, t, tileA int) {
	v := lanes()
	rows := cutRows(m)
	most := rows.widest()
	for at := 0; at < t; {
		n := strip(t-at, most)
		width := min(n*v, t-at)
		a.last = width - (n-1)*v
		a.b, a.c = &x[at], &y[at]
		if full := (t - at) / (n * v); m == 1 && full > 1 {
			a.beside(full, n)
			at += full * n * v
			continue
		}
		a.column(rows, n, tileA)
		at += width
	}
}

// beside works on one row of C, count times n vectors wide.
func (a *tile) beside(count, n int) {
	ldc := a.ldc
	a.count, a.na, a.nb = count, 0, size*n*lanes()
	a.ldc = a.nb
	a.run(1, n)
	a.nb, a.ldc = 0, ldc
}

// convGradW is ConvGradW for out, in, t > 0. Row t of the right operand, for one c, is x[c] from t on; where it is dilated,
// every dil-th number of x[c] and of dy makes a product of its own.
func (w *Work) convGradW(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	switch {
	case level == generic:
		convGradWGeneric(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
		return
	case taps == 1:
		w.gemm(false, true, out, in, t, dy, ldy, x, ldx, dwt, in, true)
		return
	}
	if taps <= lanes()/2 && out >= 2*taps {
		w.convGradWFew(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
		return
	}
	long := parts(t+(taps-1)*dil, dil)
	if dil > 1 {
		w.b = grow(w.b, long)
	}
	a := tile{rsa: size * ldy, csa: size * dil, ldb: size, ldc: size * in * taps, groups: 1, acc: 1}
	for c := range in {
		row := x[c*ldx:][:t+(taps-1)*dil]
		for phase := range min(dil, t) {
			a.a, a.k = &dy[phase], parts(t-phase, dil)
			from := row
			if dil > 1 {
				from = w.b[:0]
				for i := phase; i < len(row); i += dil {
					from = append(from, row[i])
				}
			}
			a.across(dwt[c*taps:], from, out, taps, 0)
		}
	}
}

// convGradWFew is convGradW for few taps, which would leave most of a vector empty: it makes the transposed gradient, whose
// rows are as long as there are outputs.
func (w *Work) convGradWFew(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	w.a = grow(w.a, in*taps*out)
	w.turned(w.a, dy, ldy, x, ldx, out, in, taps, dil, t, 0)
	for o := range out {
		for i := range in * taps {
			dwt[o*in*taps+i] += w.a[i*out+o]
		}
	}
}

// convGradWT is ConvGradWT for out, in, t > 0.
func (w *Work) convGradWT(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t int) {
	if level == generic {
		convGradWTGeneric(dwt, dy, ldy, x, ldx, out, in, taps, dil, t)
		return
	}
	w.turned(dwt, dy, ldy, x, ldx, out, in, taps, dil, t, 1)
}

// turned is the transposed gradient, added to dwt if acc is 1.
func (w *Work) turned(dwt []float32, dy []float32, ldy int, x []float32, ldx int, out, in, taps, dil, t, acc int) {
	padded := parts(out, 8) * 8
	w.b = grow(w.b, t*padded)
	packColumns(w.b, dy, out, t, ldy, padded)
	a := tile{rsa: size * dil, csa: size, ldb: size * padded, ldc: size * out, groups: 1, k: t, acc: acc}
	for c := range in {
		a.a = &x[c*ldx]
		a.across(dwt[c*taps*out:], w.b, taps, out, 0)
	}
}

// convGradX is ConvGradX for out, in, t > 0: a convolution of dy, with zeros around it, by the taps turned around.
func (w *Work) convGradX(dx []float32, ldx int, dy []float32, ldy int, wt []float32, out, in, taps, dil, t int) {
	switch {
	case level == generic:
		convGradXGeneric(dx, ldx, dy, ldy, wt, out, in, taps, dil, t)
		return
	case taps == 1:
		w.gemm(true, false, in, t, out, wt, in, dy, ldy, dx, ldx, true)
		return
	}
	edge := (taps - 1) * dil
	ld := t + 2*edge
	w.b = grow(w.b, out*ld)
	for o := range out {
		row := w.b[o*ld:][:ld]
		clear(row[:edge])
		copy(row[edge:], dy[o*ldy:][:t])
		clear(row[edge+t:])
	}
	a := tile{
		a: &wt[0], rsa: size * taps, csa: size, ja: size * (in - 1) * taps,
		ldb: -size * dil, ldc: size * ldx, k: taps, groups: out, jb: size * (ld + taps*dil), acc: 1,
	}
	a.across(dx, w.b[edge:], in, t+edge, 0)
}

// depth is Depth for len(y) > 0.
func depth(y, x, wt []float32, dil int, acc bool) {
	if level == generic {
		depthGeneric(y, x, wt, dil, acc)
		return
	}
	a := tile{a: &wt[0], csa: size, ldb: size * dil, k: len(wt), groups: 1}
	if acc {
		a.acc = 1
	}
	a.across(y, x, 1, len(y), 0)
}

// depthGradX is DepthGradX for len(dy) > 0. Where all taps meet dy it is a convolution by the taps turned around.
func depthGradX(dx, dy, wt []float32, dil int) {
	edge := (len(wt) - 1) * dil
	if level == generic || len(dy) <= edge {
		depthGradXGeneric(dx, dy, wt, dil, 0, len(dy)+edge)
		return
	}
	depthGradXGeneric(dx, dy, wt, dil, 0, edge)
	a := tile{a: &wt[0], csa: size, ldb: -size * dil, k: len(wt), groups: 1, acc: 1}
	a.across(dx[edge:], dy[edge:], 1, len(dy)-edge, 0)
	depthGradXGeneric(dx, dy, wt, dil, len(dy), len(dy)+edge)
}
