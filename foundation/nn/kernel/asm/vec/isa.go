package main

import (
	"fmt"
	"math"
	"strconv"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

type (
	vec = reg.VecVirtual
	gp  = reg.GPVirtual
	mem = operand.Mem
	// mask chooses lanes: a vector in AVX2, a mask register in AVX-512.
	mask = reg.Register
)

// wide says that AVX-512 is being written, not AVX2.
var wide bool

// lanes is how many numbers a vector holds.
func lanes() int {
	if wide {
		return 16
	}
	return 8
}

func newVec() vec {
	if wide {
		return ZMM()
	}
	return YMM()
}

var table = map[string]mem{}

// words is a table of 16 words of 32 bits in memory.
func words(name string, w func(i int) uint32) mem {
	if m, ok := table[name]; ok {
		return m
	}
	m := GLOBL(name, attr.RODATA|attr.NOPTR)
	for i := range 16 {
		DATA(4*i, operand.U32(w(i)))
	}
	table[name] = m
	return m
}

// bits is a vector of equal words in memory.
func bits(w uint32) mem {
	return words(fmt.Sprintf("all_%08x", w), func(int) uint32 { return w })
}

// num is a vector of equal numbers in memory.
func num(v float64) mem { return bits(math.Float32bits(float32(v))) }

// queue is where instructions wait that interleave will emit; nil emits at once.
var queue *[]func()

// emit is how everything that stands in the body of a loop writes its instructions.
func emit(f func()) {
	if queue == nil {
		f()
	} else {
		*queue = append(*queue, f)
	}
}

// interleave writes n bodies, one instruction of each in turn: their chains of dependent instructions then run side by
// side, also where the processor does not look far ahead.
func interleave(n int, body func(j int)) {
	queues := make([][]func(), n)
	longest := 0
	for j := range n {
		queue = &queues[j]
		body(j)
		longest = max(longest, len(queues[j]))
	}
	queue = nil
	for i := range longest {
		for _, q := range queues {
			if i < len(q) {
				q[i]()
			}
		}
	}
}

func load(m operand.Op) vec {
	y := newVec()
	emit(func() { VMOVUPS(m, y) })
	return y
}

// op2 makes f(a, b), where f is an instruction of three operands in the order of Go's assembler: dst = a ∘ b.
func op2(f func(...operand.Op), a vec, b operand.Op) vec {
	y := newVec()
	emit(func() { f(b, a, y) })
	return y
}

func add(a vec, b operand.Op) vec { return op2(VADDPS, a, b) }
func sub(a vec, b operand.Op) vec { return op2(VSUBPS, a, b) }
func mul(a vec, b operand.Op) vec { return op2(VMULPS, a, b) }
func div(a vec, b operand.Op) vec { return op2(VDIVPS, a, b) }
func and(a vec, b operand.Op) vec { return op2(VANDPS, a, b) }
func or(a vec, b operand.Op) vec  { return op2(VORPS, a, b) }

// above is max(b, floor), and NaN where b is: of a NaN the instruction returns its second operand.
func above(b, floor vec) vec { return op2(VMAXPS, floor, b) }

// below is min(b, ceiling), and NaN where b is.
func below(b, ceiling vec) vec { return op2(VMINPS, ceiling, b) }

// fma is a·b + c; it overwrites a.
func fma(a, b vec, c operand.Op) vec {
	emit(func() { VFMADD213PS(c, b, a) })
	return a
}

// fnma is c − a·b; it overwrites c.
func fnma(c, a vec, b operand.Op) vec {
	emit(func() { VFNMADD231PS(b, a, c) })
	return c
}

// fmac is c + a·b; it overwrites c.
func fmac(c, a vec, b operand.Op) vec {
	emit(func() { VFMADD231PS(b, a, c) })
	return c
}

// accumulate is acc = acc ∘ b.
func accumulate(f func(...operand.Op), acc vec, b operand.Op) { emit(func() { f(b, acc, acc) }) }

func dup(a vec) vec {
	y := newVec()
	emit(func() { VMOVAPS(a, y) })
	return y
}

func zero() vec {
	y := newVec()
	emit(func() { VXORPS(y.AsX(), y.AsX(), y.AsX()) })
	return y
}

func sqrt(a vec) vec {
	y := newVec()
	emit(func() { VSQRTPS(a, y) })
	return y
}

// horner is the polynomial with the coefficients c, lowest first.
func horner(x vec, c ...float64) vec {
	y := load(num(c[len(c)-1]))
	for i := len(c) - 2; i >= 0; i-- {
		y = fma(y, x, num(c[i]))
	}
	return y
}

// Predicates of VCMPPS; the last three are true for NaN.
const (
	lt    = 1
	unord = 3
	nlt   = 5
	nle   = 6
)

func cmp(predicate uint8, a vec, b operand.Op) mask {
	var m mask
	if wide {
		m = K()
	} else {
		m = YMM()
	}
	emit(func() { VCMPPS(operand.U8(predicate), b, a, m) })
	return m
}

// sign chooses the lanes whose sign bit is set.
func sign(a vec) mask {
	if !wide {
		return a
	}
	k := K()
	emit(func() { VPMOVD2M(a, k) })
	return k
}

// where is a in the lanes of m and b in the others.
func where(m mask, a, b vec) vec {
	y := newVec()
	if wide {
		emit(func() { VBLENDMPS(a, b, m, y) })
	} else {
		emit(func() { VBLENDVPS(m, a, b, y) })
	}
	return y
}

// keep is a in the lanes of m and 0 in the others.
func keep(m mask, a vec) vec {
	y := newVec()
	if wide {
		emit(func() { VMOVAPS_Z(a, m, y) })
	} else {
		emit(func() { VANDPS(a, m.(vec), y) })
	}
	return y
}

// shift moves the bits of 32-bit words by n, to the left if n is positive, else to the right, filling with the sign.
func shift(a vec, n int) vec {
	y := newVec()
	if n > 0 {
		emit(func() { VPSLLD(operand.U8(n), a, y) })
	} else {
		emit(func() { VPSRAD(operand.U8(-n), a, y) })
	}
	return y
}

func addInt(a vec, b operand.Op) vec { return op2(VPADDD, a, b) }
func subInt(a vec, b operand.Op) vec { return op2(VPSUBD, a, b) }

// broadcast loads one number into all lanes.
func broadcast(m operand.Op) vec {
	y := newVec()
	VBROADCASTSS(m, y)
	return y
}

// scalar broadcasts a parameter.
func scalar(name string) vec {
	b, err := Param(name).Resolve()
	if err != nil {
		panic(err)
	}
	return broadcast(b.Addr)
}

// total adds the lanes of a, the upper half to the lower one until one is left.
func total(a vec) reg.VecVirtual { return across(VADDPS, VADDSS, a) }

// largest is the largest lane of a.
func largest(a vec) reg.VecVirtual { return across(VMAXPS, VMAXSS, a) }

func across(f, f1 func(...operand.Op), a vec) vec {
	y := a.AsY()
	if wide {
		h := YMM()
		VEXTRACTF32X8(operand.U8(1), a, h)
		s := YMM()
		f(h, a.AsY(), s)
		y = s
	}
	h, s := XMM(), XMM()
	VEXTRACTF128(operand.U8(1), y, h)
	f(h, y.(reg.VecVirtual).AsX(), s)
	VMOVHLPS(s, s, h)
	f(h, s, s)
	VMOVSHDUP(s, h)
	f1(h, s, s)
	return s
}

// fn is one kernel, which the dispatcher chooses by kind.
type fn struct {
	name, sig string
	alone     bool // AVX2 serves AVX-512 as well
}

var fns []fn

// alone says that the kernels written have no version of their own for AVX-512.
var alone bool

// text begins a kernel with the signature of its plain version.
func text(name, sig, doc string) {
	suffix := "AVX2"
	if wide {
		suffix = "AVX512"
	} else {
		fns = append(fns, fn{name, sig, alone})
	}
	TEXT(name+suffix, NOSPLIT, "func"+sig)
	Pragma("noescape")
	Doc(name + suffix + " " + doc)
	labels = 0
}

func ret() {
	VZEROUPPER()
	RET()
}

var labels int

// label is a new name within a kernel.
func label(s string) string {
	labels++
	return s + "_" + strconv.Itoa(labels)
}

func pointer(name string) gp { return Load(Param(name).Base(), GP64()).(gp) }
func length(name string) gp  { return Load(Param(name).Len(), GP64()).(gp) }

func copyOf(r gp) gp {
	y := GP64()
	MOVQ(r, y)
	return y
}
