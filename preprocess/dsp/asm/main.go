// Command asm writes the vector kernels of the Fourier transform, fft_amd64.s and its declarations fft_amd64.go. Run
// `go generate` in the folder above. It is a module of its own, so that users of gyrus never download its generator.
//
// Four transforms run side by side: element k of a buffer is four real parts and then four imaginary ones, 64 bytes. A
// kernel does on vectors of four what fft_pass.go and fft_real.go do on one number, in the same order and without fused
// products, so that both give the same bits. They need AVX and nothing more.
package main

import (
	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const element = 64 // bytes of four complex numbers

type (
	vec = reg.VecVirtual
	gp  = reg.GPVirtual
	// cpx is four complex numbers.
	cpx struct{ re, im vec }
)

func main() {
	ConstraintExpr("amd64")
	for _, r := range []int{2, 3, 4, 5, 7} {
		pass(r)
	}
	mulLanes()
	pack(false)
	pack(true)
	packReal()
	split()
	unpack()
	power()
	Generate()
}

func add(a, b vec) vec { y := YMM(); VADDPD(b, a, y); return y }
func sub(a, b vec) vec { y := YMM(); VSUBPD(b, a, y); return y }

func addC(a, b cpx) cpx { return cpx{add(a.re, b.re), add(a.im, b.im)} }
func subC(a, b cpx) cpx { return cpx{sub(a.re, b.re), sub(a.im, b.im)} }

// constant is v four times, in memory.
func constant(name string, v float64) operand.Mem {
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := range 4 {
		DATA(8*i, operand.F64(v))
	}
	return m
}

func load(m operand.Mem) cpx {
	c := cpx{YMM(), YMM()}
	VMOVUPD(m, c.re)
	VMOVUPD(m.Offset(32), c.im)
	return c
}

func store(c cpx, m operand.Mem) {
	VMOVUPD(c.re, m)
	VMOVUPD(c.im, m.Offset(32))
}

// turn is c·w for the complex number at w.
func turn(c cpx, w operand.Mem) cpx {
	f, re, im := YMM(), YMM(), YMM()
	VBROADCASTSD(w, f)
	VMULPD(f, c.re, re)
	VMULPD(f, c.im, im)
	g, x, y := YMM(), YMM(), YMM()
	VBROADCASTSD(w.Offset(8), g)
	VMULPD(g, c.im, x)
	VMULPD(g, c.re, y)
	return cpx{sub(re, x), add(y, im)}
}

// strides addresses p + j·s for j < 7.
type strides struct{ s1, s3, s5 gp }

func newStrides(s gp, radix int) strides {
	st := strides{s1: s}
	if radix > 3 {
		st.s3 = GP64()
		LEAQ(operand.Mem{Base: s, Index: s, Scale: 2}, st.s3)
	}
	if radix > 5 {
		st.s5 = GP64()
		LEAQ(operand.Mem{Base: s, Index: s, Scale: 4}, st.s5)
	}
	return st
}

func (st strides) at(p gp, j int) operand.Mem {
	switch j {
	case 0:
		return operand.Mem{Base: p}
	case 1, 2, 4:
		return operand.Mem{Base: p, Index: st.s1, Scale: uint8(j)}
	case 3:
		return operand.Mem{Base: p, Index: st.s3, Scale: 1}
	case 5:
		return operand.Mem{Base: p, Index: st.s5, Scale: 1}
	default:
		return operand.Mem{Base: p, Index: st.s3, Scale: 2}
	}
}

// pass writes the pass of one radix: see fftCore for the layout.
func pass(radix int) {
	name := "pass" + string(rune('0'+radix)) + "Lanes"
	TEXT(name, NOSPLIT, "func(dst, src, tw *complex128, l1, ido, step int)")
	Pragma("noescape")
	Doc(name + " is one pass of radix " + string(rune('0'+radix)) + " over four transforms. The last pass, with ido = 1, writes to every step-th element.")
	q, p := Load(Param("dst"), GP64()).(gp), Load(Param("src"), GP64()).(gp)
	l1, ido := Load(Param("l1"), GP64()).(gp), Load(Param("ido"), GP64()).(gp)
	in, out := GP64(), GP64()
	MOVQ(ido, in)
	SHLQ(operand.U8(6), in)
	step := Load(Param("step"), GP64()).(gp)
	SHLQ(operand.U8(6), step)
	MOVQ(step, out)
	IMULQ(ido, out)
	IMULQ(l1, out)
	from, to := newStrides(in, radix), newStrides(out, radix)
	var spill operand.Mem
	if radix == 7 {
		spill = AllocLocal(12 * 32)
	}
	back := GP64() // to the next k, behind the last of the radix stretches that this one read
	IMUL3Q(operand.U8(uint8(radix-1)), in, back)

	CMPQ(ido, operand.U8(1))
	JE(operand.LabelRef("last"))
	Label("outer")
	{
		tw := Load(Param("tw"), GP64()).(gp)
		i := Load(Param("ido"), GP64()).(gp)
		Label("inner")
		butterfly(radix, spill, func(j int) operand.Mem { return from.at(p, j) }, func(j int, c cpx) {
			if j > 0 {
				c = turn(c, operand.Mem{Base: tw, Disp: 16 * (j - 1)})
			}
			store(c, to.at(q, j))
		})
		ADDQ(operand.U8(element), p)
		ADDQ(operand.U8(element), q)
		ADDQ(operand.U8(uint8(16*(radix-1))), tw)
		DECQ(i)
		JNE(operand.LabelRef("inner"))
	}
	ADDQ(back, p)
	DECQ(l1)
	JNE(operand.LabelRef("outer"))
	VZEROUPPER()
	RET()

	Label("last")
	butterfly(radix, spill, func(j int) operand.Mem { return operand.Mem{Base: p, Disp: element * j} }, func(j int, c cpx) {
		store(c, to.at(q, j))
	})
	ADDQ(operand.U32(uint32(element*radix)), p)
	ADDQ(step, q)
	DECQ(l1)
	JNE(operand.LabelRef("last"))
	VZEROUPPER()
	RET()
}

// half4 is the four-point transform.
func half4(x0, x1, x2, x3 cpx) (y0, y1, y2, y3 cpx) {
	t0, t1 := addC(x0, x2), subC(x0, x2)
	t2, t3 := addC(x1, x3), subC(x1, x3)
	y0, y2 = addC(t0, t2), subC(t0, t2)
	y1 = cpx{add(t1.re, t3.im), sub(t1.im, t3.re)}
	y3 = cpx{sub(t1.re, t3.im), add(t1.im, t3.re)}
	return
}

// butterfly writes the transform of radix points at x(0), x(1), … and hands each of them to y.
func butterfly(radix int, spill operand.Mem, x func(int) operand.Mem, y func(int, cpx)) {
	switch radix {
	case 2:
		a, b := load(x(0)), load(x(1))
		y(0, addC(a, b))
		y(1, subC(a, b))
	case 3:
		odd(x, y, [][]float64{{-0.5}}, [][]float64{{sin(3, 1)}})
	case 4:
		y0, y1, y2, y3 := half4(load(x(0)), load(x(1)), load(x(2)), load(x(3)))
		y(0, y0)
		y(1, y1)
		y(2, y2)
		y(3, y3)
	case 5:
		odd(x, y, [][]float64{{cos(5, 1), cos(5, 2)}, {cos(5, 2), cos(5, 1)}},
			[][]float64{{sin(5, 1), sin(5, 2)}, {sin(5, 2), -sin(5, 1)}})
	case 7:
		seven(spill, x, y)
	}
}

func cos(n, k int) float64 { return trig[n][0][k-1] }
func sin(n, k int) float64 { return trig[n][1][k-1] }

// trig is the cosines and sines of fft_pass.go, which are these numbers correctly rounded.
var trig = map[int][2][]float64{
	3: {nil, {0.86602540378443864676372317075293618}},
	5: {
		{0.30901699437494742410229341718281906, -0.80901699437494742410229341718281906},
		{0.95105651629515357211643933337938214, 0.58778525229247312916870595463907277},
	},
	7: {
		{0.62348980185873353052500488400423981, -0.22252093395631440428890256449679476, -0.90096886790241912623610231950744505},
		{0.78183148246802980870844452667405776, 0.97492791218182360701813168299393121, 0.43388373911755812047576833284835875},
	},
}

var constants = map[float64]operand.Mem{}

// shared is a constant that is written once.
func shared(name string, v float64) operand.Mem {
	if _, ok := constants[v]; !ok {
		constants[v] = constant(name, v)
	}
	return constants[v]
}

func named(v float64) operand.Mem {
	return shared("c"+string(rune('a'+len(constants))), v)
}

func times(c float64, v vec) vec { y := YMM(); VMULPD(named(c), v, y); return y }

// odd is butterfly3 or butterfly5. x(0) is read from memory again and again, to save registers.
func odd(x func(int) operand.Mem, y func(int, cpx), c, s [][]float64) {
	pairs := len(c)
	radix := 2*pairs + 1
	t, u := make([]cpx, pairs), make([]cpx, pairs)
	for j := range pairs {
		a, b := load(x(j+1)), load(x(radix-1-j))
		t[j], u[j] = addC(a, b), subC(a, b)
	}
	y0 := load(x(0))
	for j := range pairs {
		y0 = addC(y0, t[j])
	}
	y(0, y0)
	for k := range pairs {
		even := func(m operand.Mem, part func(cpx) vec) vec {
			sum := times(c[k][0], part(t[0]))
			VADDPD(m, sum, sum)
			for j := 1; j < pairs; j++ {
				VADDPD(times(c[k][j], part(t[j])), sum, sum)
			}
			return sum
		}
		rest := func(part func(cpx) vec) vec {
			sum := times(s[k][0], part(u[0]))
			for j := 1; j < pairs; j++ {
				if s[k][j] < 0 {
					sum = sub(sum, times(-s[k][j], part(u[j])))
				} else {
					sum = add(sum, times(s[k][j], part(u[j])))
				}
			}
			return sum
		}
		cr, dr := even(x(0), re), rest(im)
		y1, y2 := cpx{re: add(cr, dr)}, cpx{re: sub(cr, dr)}
		ci, di := even(x(0).Offset(32), im), rest(re)
		y1.im, y2.im = sub(ci, di), add(ci, di)
		y(k+1, y1)
		y(radix-1-k, y2)
	}
}

func re(c cpx) vec { return c.re }
func im(c cpx) vec { return c.im }

// seven is butterfly7, whose sums and differences do not fit the registers.
func seven(spill operand.Mem, x func(int) operand.Mem, y func(int, cpx)) {
	t := func(j int) operand.Mem { return spill.Offset(128 * j) }
	u := func(j int) operand.Mem { return spill.Offset(128*j + 64) }
	y0 := load(x(0))
	for j := range 3 {
		a, b := load(x(j+1)), load(x(6-j))
		sum := addC(a, b)
		y0 = addC(y0, sum)
		store(sum, t(j))
		store(subC(a, b), u(j))
	}
	y(0, y0)
	product := func(c float64, m operand.Mem) vec {
		v := YMM()
		VMOVUPD(m, v)
		VMULPD(named(c), v, v)
		return v
	}
	for k := range 3 {
		even := func(part int) vec {
			var sum vec
			for j := range 3 {
				p := product(cos(7, fold(7, (j+1)*(k+1))), t(j).Offset(part))
				if j == 0 {
					sum = p
					VADDPD(x(0).Offset(part), sum, sum)
				} else {
					sum = add(sum, p)
				}
			}
			return sum
		}
		rest := func(part int) vec {
			var sum vec
			for j := range 3 {
				at := (j + 1) * (k + 1) % 7
				p := product(sin(7, fold(7, at)), u(j).Offset(part))
				switch {
				case j == 0:
					sum = p
				case at > 3:
					sum = sub(sum, p)
				default:
					sum = add(sum, p)
				}
			}
			return sum
		}
		cr, dr := even(0), rest(32)
		ci, di := even(32), rest(0)
		y(k+1, cpx{add(cr, dr), sub(ci, di)})
		y(6-k, cpx{sub(cr, dr), add(ci, di)})
	}
}

// fold is the angle k of n turned into the upper half.
func fold(n, k int) int {
	k %= n
	return min(k, n-k)
}
