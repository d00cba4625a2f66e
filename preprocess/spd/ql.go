package spd

import (
	"fmt"
	"math"
)

// maxSweeps is how often QL may turn on one eigenvalue; two are usual, and no matrix is known that needs ten.
const maxSweeps = 50

const eps = 0x1p-52

// ql takes the tridiagonal matrix to diagonal form, turning the rows of s.z along. Its products stand inside float64()
// for the reason that kernel.go gives.
func (s *Solver) ql(vectors bool) error {
	n := s.n
	d, e := s.values[:n], s.off[1:n+1] // e[i] couples d[i] and d[i+1]
	ld := s.z.Stride
	shift, size := 0.0, 0.0
	for l := range n {
		size = max(size, math.Abs(d[l])+math.Abs(e[l]))
		m := l
		for m < n-1 && math.Abs(e[m]) > eps*size {
			m++
		}
		for sweep := 0; m > l && math.Abs(e[l]) > eps*size; sweep++ {
			if sweep == maxSweeps {
				return errSweeps(l, n)
			}
			h, dl1 := shiftQL(d, e, l, 1)
			shift += h
			for i := l + 2; i < n; i++ {
				d[i] -= h
			}
			el1 := e[l+1]
			p, c, c2, c3, sn, s2 := d[m], 1.0, 1.0, 1.0, 0.0, 0.0
			cs := s.cs[:0]
			for i := m - 1; i >= l; i-- {
				c3, c2, s2 = c2, c, sn
				ei, di := e[i], d[i]
				g, h := float64(c*ei), float64(c*p)
				r := math.Sqrt(float64(p*p) + float64(ei*ei))
				e[i+1] = sn * r
				inv := 1 / r
				sn, c = float64(ei*inv), float64(p*inv)
				p = (float64(p*di) - float64(ei*g)) * inv
				d[i+1] = h + float64(sn*(float64(c*g)+float64(sn*di)))
				cs = append(cs, c, sn)
			}
			p = -sn * s2 * c3 * el1 * e[l] / dl1
			e[l], d[l] = sn*p, c*p
			if vectors {
				turn(s.z.Data, m, m-l, ld, ld, cs, cs[1:], 2)
			}
		}
		d[l] += shift
		e[l] = 0
	}
	return nil
}

func errSweeps(l, n int) error {
	return fmt.Errorf("eigenvalue %d of %d did not converge within %d steps", l, n, maxSweeps)
}

// shiftQL moves the origin of the 2×2 block at l to its eigenvalue that is nearer to d[l], and returns how far, which the
// caller subtracts from the rest of d, and what d[l+1] became. Numbers of d and e stand step apart.
func shiftQL(d, e []float64, l, step int) (h, dl1 float64) {
	i, j := l*step, (l+1)*step
	g := d[i]
	p := (d[j] - g) / (2 * e[i])
	r := math.Copysign(math.Sqrt(float64(p*p)+1), p)
	d[i] = e[i] / (p + r)
	d[j] = e[i] * (p + r)
	return g - d[i], d[j]
}

// four is the memory to diagonalise four matrices at once, one to a lane: the square root and the division of a QL step
// take as long for four as for one, and nothing else can be done meanwhile. Each matrix gets the bits that ql gives it.
type four struct {
	d, e, cs []float64 // [row][lane]; cs is [step][cosines of the lanes, sines of the lanes]
	z        [lanes]*Matrix
	scale    [lanes]float64
	st       sweepState
	h, rest  [lanes]float64 // shift, and the first row that shift4 subtracts it from
	lane     [lanes]laneState
}

// sweepState is what sweep4 starts from and leaves, one number to a lane. The order is known to the assembler.
type sweepState struct {
	p, c, s, c2, c3, s2 [lanes]float64
	one                 [lanes]float64
	first, end          [lanes]float64 // rows [first, end) of each matrix take part
}

// laneState is where one matrix stands.
type laneState struct {
	l, m, sweep           int
	shift, size, el1, dl1 float64
	entered, busy         bool
}

func newFour(n int) *four {
	f := &four{d: make([]float64, lanes*n), e: make([]float64, lanes*(n+1)), cs: make([]float64, 2*lanes*n)}
	for k := range f.z {
		f.z[k] = NewMatrix(n)
		f.st.one[k] = 1
	}
	return f
}

// put tridiagonalises a into a lane.
func (s *Solver) put(lane int, a *Matrix) error {
	if s.four == nil {
		s.four = newFour(s.n)
	}
	f := s.four
	s.z, f.z[lane] = f.z[lane], s.z
	defer func() { s.z, f.z[lane] = f.z[lane], s.z }()
	var err error
	if f.scale[lane], err = s.tridiagonal(a, true); err != nil {
		return err
	}
	for i := range s.n {
		f.d[i*lanes+lane] = s.values[i]
		f.e[i*lanes+lane] = s.off[i+1]
	}
	f.lane[lane] = laneState{}
	return nil
}

// take makes the matrix of a lane, behind ql4, the one decomposed last.
func (s *Solver) take(lane int) {
	f := s.four
	s.z, f.z[lane] = f.z[lane], s.z
	for i := range s.n {
		s.values[i] = f.d[i*lanes+lane]
	}
	s.rescale(f.scale[lane])
}

// ql4 does for the four lanes what ql does for one matrix.
func (s *Solver) ql4() error {
	f := s.four
	ld := s.z.Stride
	for {
		lo, hi := s.n, 0
		for k := range f.lane {
			if err := f.next(k, s.n); err != nil {
				return err
			}
			if w := &f.lane[k]; w.busy {
				lo, hi = min(lo, w.l), max(hi, w.m)
			}
		}
		if hi == 0 {
			return nil
		}
		shift4(f.d, &f.h, &f.rest, lo+2, s.n)
		sweep4(f.d, f.e, f.cs, &f.st, hi, lo)
		for k := range f.lane {
			w := &f.lane[k]
			if !w.busy {
				continue
			}
			el := &f.e[w.l*lanes+k]
			p := -f.st.s[k] * f.st.s2[k] * f.st.c3[k] * w.el1 * *el / w.dl1
			*el, f.d[w.l*lanes+k] = f.st.s[k]*p, f.st.c[k]*p
			cs := f.cs[(hi-w.m)*2*lanes+k:]
			turn(f.z[k].Data, w.m, w.m-w.l, ld, ld, cs, cs[lanes:], 2*lanes)
		}
	}
}

// next takes lane k to its next sweep, or to its end.
func (f *four) next(k, n int) error {
	w := &f.lane[k]
	d, e := f.d[k:], f.e[k:]
	w.busy = false
	f.h[k], f.rest[k] = 0, float64(n)
	f.st.first[k], f.st.end[k] = 0, 0
	for ; w.l < n; w.l++ {
		l := w.l
		if !w.entered {
			w.entered, w.sweep = true, 0
			w.size = max(w.size, math.Abs(d[l*lanes])+math.Abs(e[l*lanes]))
			w.m = l
			for w.m < n-1 && math.Abs(e[w.m*lanes]) > eps*w.size {
				w.m++
			}
		}
		if w.m > l && math.Abs(e[l*lanes]) > eps*w.size {
			if w.sweep == maxSweeps {
				return errSweeps(l, n)
			}
			w.sweep++
			w.busy = true
			f.h[k], w.dl1 = shiftQL(d, e, l, lanes)
			f.rest[k] = float64(l + 2)
			w.shift += f.h[k]
			w.el1 = e[(l+1)*lanes]
			f.st.p[k] = d[w.m*lanes]
			if w.m >= l+2 {
				f.st.p[k] -= f.h[k] // as shift4 will
			}
			f.st.first[k], f.st.end[k] = float64(l), float64(w.m)
			return nil
		}
		d[l*lanes] += w.shift
		e[l*lanes] = 0
		w.entered = false
	}
	return nil
}

// shift4 subtracts h from rows first, …, n−1 of each of the four columns of d. from is the smallest of first.
func shift4(d []float64, h, first *[lanes]float64, from, n int) {
	_ = d[n*lanes-1]
	if useAVX {
		shift4AVX(&d[0], h, first, from, n)
		return
	}
	shift4Go(d, h, first, from, n)
}

func shift4Go(d []float64, h, first *[lanes]float64, from, n int) {
	for i := from; i < n; i++ {
		for k := range lanes {
			if float64(i) >= first[k] {
				d[i*lanes+k] -= h[k]
			}
		}
	}
}

// sweep4 is one QL sweep over rows hi−1 down to lo of four matrices.
func sweep4(d, e, cs []float64, st *sweepState, hi, lo int) {
	_ = d[(hi+1)*lanes-1]
	_ = e[(hi+1)*lanes-1]
	_ = cs[(hi-lo)*2*lanes-1]
	if useAVX {
		sweep4AVX(&d[0], &e[0], &cs[0], st, hi, lo)
		return
	}
	sweep4Go(d, e, cs, st, hi, lo)
}

func sweep4Go(d, e, cs []float64, st *sweepState, hi, lo int) {
	for k := range lanes {
		p, c, c2, c3, s, s2 := st.p[k], 1.0, 1.0, 1.0, 0.0, 0.0
		for i := hi - 1; i >= lo; i-- {
			if f := float64(i); f >= st.first[k] && f < st.end[k] {
				c3, c2, s2 = c2, c, s
				ei, di := e[i*lanes+k], d[i*lanes+k]
				g, h := float64(c*ei), float64(c*p)
				r := math.Sqrt(float64(p*p) + float64(ei*ei))
				e[(i+1)*lanes+k] = s * r
				inv := 1 / r
				s, c = float64(ei*inv), float64(p*inv)
				p = (float64(p*di) - float64(ei*g)) * inv
				d[(i+1)*lanes+k] = h + float64(s*(float64(c*g)+float64(s*di)))
			}
			at := (hi - 1 - i) * 2 * lanes
			cs[at+k], cs[at+lanes+k] = c, s
		}
		st.p[k], st.c[k], st.s[k], st.c2[k], st.c3[k], st.s2[k] = p, c, s, c2, c3, s2
	}
}
