package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// withKinds runs a test with every kind that this processor has.
func withKinds(t *testing.T, f func(t *testing.T)) {
	best := level
	defer func() { level = best }()
	for k := generic; k <= best; k++ {
		level = k
		t.Run(Name(), f)
	}
}

// routine is one function that maps slices of one length to slices of that length.
type routine struct {
	name    string
	out, in int // how many slices; out ones that are also read come first and again as old in want
	call    func(o, x [][]float32, s []float32)
	want    func(old, x, s []float64) []float64 // the definition of one element
	rel     float64                             // allowed error relative to the result,
	abs     float64                             // and absolute, where terms cancel
	inPlace []int                               // which x the first out may be
}

const ulp = 0x1p-23

func sigma(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
func normal(x float64) float64 {
	return math.Erfc(-x/math.Sqrt2) / 2
}

// one is a function of one number, grad a gradient dy·f.
func one(name string, call func(y, x []float32), f func(x float64) float64, rel, abs float64) routine {
	return routine{
		name, 1, 1, func(o, x [][]float32, _ []float32) { call(o[0], x[0]) },
		func(_, x, _ []float64) []float64 { return []float64{f(x[0])} }, rel, abs,
		[]int{0},
	}
}

func two(name string, call func(o, x, y []float32), f func(x, y float64) float64, rel, abs float64) routine {
	return routine{
		name, 1, 2, func(o, x [][]float32, _ []float32) { call(o[0], x[0], x[1]) },
		func(_, x, _ []float64) []float64 { return []float64{f(x[0], x[1])} }, rel, abs,
		[]int{0, 1},
	}
}

func elu64(x float64) float64 { return max(x, 0) + math.Expm1(min(x, 0)) }

// The inputs are normal, with a deviation of 3.
var routines = []routine{
	two("Add", Add, func(x, y float64) float64 { return x + y }, ulp/2, 0),
	two("Sub", Sub, func(x, y float64) float64 { return x - y }, ulp/2, 0),
	two("Mul", Mul, func(x, y float64) float64 { return x * y }, ulp/2, 0),
	one("Square", Square, func(x float64) float64 { return x * x }, ulp/2, 0),
	{
		"MulAdd", 1, 2, func(o, x [][]float32, _ []float32) { MulAdd(o[0], x[0], x[1]) },
		func(old, x, _ []float64) []float64 { return []float64{old[0] + x[0]*x[1]} }, ulp, 1e-5, nil,
	},
	{
		"Axpy", 1, 1, func(o, x [][]float32, s []float32) { Axpy(o[0], s[0], x[0]) },
		func(old, x, s []float64) []float64 { return []float64{old[0] + s[0]*x[0]} }, ulp, 1e-5, nil,
	},
	{
		"Scale", 1, 0, func(o, _ [][]float32, s []float32) { Scale(o[0], s[0]) },
		func(old, _, s []float64) []float64 { return []float64{old[0] * s[0]} }, ulp / 2, 0, nil,
	},
	{
		"Affine", 1, 1, func(o, x [][]float32, s []float32) { Affine(o[0], x[0], s[0], s[1]) },
		func(_, x, s []float64) []float64 { return []float64{s[0]*x[0] + s[1]} }, ulp, 1e-5,
		[]int{0},
	},
	{
		"AffineVec", 1, 3, func(o, x [][]float32, _ []float32) { AffineVec(o[0], x[0], x[1], x[2]) },
		func(_, x, _ []float64) []float64 { return []float64{x[0]*x[1] + x[2]} }, ulp, 1e-5,
		[]int{0, 1, 2},
	},
	{
		"NormGrad", 1, 2, func(o, x [][]float32, s []float32) { NormGrad(o[0], x[0], x[1], s[0], s[1], s[2]) },
		func(_, x, s []float64) []float64 { return []float64{s[0] * (x[0] - s[1] - x[1]*s[2])} }, 2 * ulp, 3e-5,
		[]int{0, 1},
	},
	one("Exp", Exp, math.Exp, 2e-7, 0),
	one("Sqrt", Sqrt, math.Sqrt, ulp/2, 0),
	one("Log", Log, math.Log, 2*ulp, 0),
	one("ReLU", ReLU, func(x float64) float64 { return max(x, 0) }, 0, 0),
	two("ReLUGrad", ReLUGrad, func(d, y float64) float64 {
		if y <= 0 {
			return 0
		}
		return d
	}, 0, 0),
	one("ELU", ELU, elu64, 3e-7, 0),
	two("ELUGrad", ELUGrad, func(d, y float64) float64 { return d * (min(y, 0) + 1) }, 2*ulp, 0),
	{
		"AffineELU", 1, 1, func(o, x [][]float32, s []float32) { AffineELU(o[0], x[0], s[0], s[1]) },
		func(_, x, s []float64) []float64 { return []float64{elu64(s[0]*x[0] + s[1])} }, 4e-7, 1e-6,
		[]int{0},
	},
	one("GELU", GELU, func(x float64) float64 { return x * normal(x) }, 0, 1e-6),
	two("GELUGrad", GELUGrad, func(d, x float64) float64 {
		return d * (normal(x) + x*math.Exp(-x*x/2)/math.Sqrt(2*math.Pi))
	}, ulp, 6e-6),
	one("SiLU", SiLU, func(x float64) float64 { return x * sigma(x) }, 3e-7, 0),
	two("SiLUGrad", SiLUGrad, func(d, x float64) float64 { return d * sigma(x) * (1 + x*sigma(-x)) }, 6e-7, 2e-6),
	one("Sigmoid", Sigmoid, sigma, 3e-7, 0),
	two("SigmoidGrad", SigmoidGrad, func(d, y float64) float64 { return d * y * (1 - y) }, 3*ulp, 0),
	one("Tanh", Tanh, math.Tanh, 3e-7, 0),
	two("TanhGrad", TanhGrad, func(d, y float64) float64 { return d * (1 - y*y) }, 2*ulp, 2e-5),
	{"Adam", 3, 1, func(o, x [][]float32, _ []float32) {
		square(o[2])
		Adam(o[0], x[0], o[1], o[2], 1e-2, 0.9, 0.99, 1e-8, 0.1, 0.19, 0.0199)
	}, func(old, x, _ []float64) []float64 {
		m, v := 0.9*old[1]+0.1*x[0], 0.99*old[2]*old[2]+0.01*x[0]*x[0]
		return []float64{old[0] - 1e-2*0.1*old[0] - 1e-2*(m/0.19)/(math.Sqrt(v/0.0199)+1e-8), m, v}
	}, 4 * ulp, 3e-6, nil},
}

// square makes what Adam keeps in v, which is never below 0.
func square(v []float32) {
	for i := range v {
		v[i] *= v[i]
	}
}

func lengths() []int {
	var n []int
	for i := range 71 {
		n = append(n, i)
	}
	return append(n, 127, 128, 200, 1000)
}

// noise is n normal numbers of deviation 3, rounded to a multiple of 2⁻¹⁶, so that none is too close to 0.
func noise(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(math.Round(3*r.NormFloat64()*0x1p16)+0.5) / 0x1p16
	}
	return x
}

func many(r *rand.Rand, count, n int) [][]float32 {
	x := make([][]float32, count)
	for i := range x {
		x[i] = noise(r, n)
	}
	return x
}

func clone(x [][]float32) [][]float32 {
	y := make([][]float32, len(x))
	for i := range x {
		y[i] = append([]float32{}, x[i]...)
	}
	return y
}

func at64(x [][]float32, i int) []float64 {
	y := make([]float64, len(x))
	for k := range x {
		y[k] = float64(x[k][i])
	}
	return y
}

// equalBits fails where two results differ, be it in the last bit.
func equalBits(t *testing.T, what string, got, want [][]float32) {
	t.Helper()
	for k := range got {
		for i := range got[k] {
			if math.Float32bits(got[k][i]) != math.Float32bits(want[k][i]) {
				t.Fatalf("%s: n=%d: slice %d, element %d is %g, want %g", what, len(got[k]), k, i, got[k][i], want[k][i])
			}
		}
	}
}

// TestRoutines compares every element with the definition in float64, checks that what is in place gives the same bits,
// and that neither the place in memory nor the neighbours matter: slices end or begin at a page that cannot be touched.
func TestRoutines(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		page := newPaged(t, 8)
		for _, f := range routines {
			r := rand.New(rand.NewPCG(1, 2))
			for _, n := range lengths() {
				old, x, s := many(r, f.out, n), many(r, f.in, n), noise(r, 3)
				got := clone(old)
				f.call(got, x, s)
				scalars := []float64{float64(s[0]), float64(s[1]), float64(s[2])}
				for i := range n {
					for k, want := range f.want(at64(old, i), at64(x, i), scalars) {
						if g := float64(got[k][i]); !(math.Abs(g-want) <= f.rel*math.Abs(want)+f.abs) && !(math.IsNaN(g) && math.IsNaN(want)) {
							t.Fatalf("%s: n=%d: result %d, element %d is %.9g, want %.9g (x = %v, before %v)", f.name, n, k, i, g, want, at64(x, i), at64(old, i))
						}
					}
				}
				for _, k := range f.inPlace {
					y := clone(x)
					f.call([][]float32{y[k]}, y, s)
					equalBits(t, fmt.Sprintf("%s in place of input %d", f.name, k), y[k:k+1], got)
				}
				for _, atEnd := range []bool{false, true} {
					o, in := page.place(old, 0, atEnd), page.place(x, f.out, atEnd)
					f.call(o, in, s)
					equalBits(t, f.name+" beside a guarded page", o, got)
					equalBits(t, f.name+": inputs", in, x)
					page.check(t, f.name)
				}
			}
		}
	})
}

// TestAllocate covers everything that takes slices.
func TestAllocate(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	withKinds(t, func(t *testing.T) {
		x := many(r, 6, 100)
		s := []float32{1, 2, 3}
		bits := make([]uint8, 13)
		for _, f := range routines {
			if n := testing.AllocsPerRun(10, func() { f.call(x[:f.out], x[f.out:], s) }); n != 0 {
				t.Errorf("%s allocates %g times", f.name, n)
			}
		}
		if n := testing.AllocsPerRun(10, func() {
			s[0] = Dot(x[0], x[1]) + Sum(x[0]) + SumSqDev(x[0], 1) + Max(x[0]) + LogSumExp(x[0])
			s[1], s[2] = SumDot(x[0], x[1])
			s[1], s[2] = SumSq(x[0])
			if !Finite(x[0]) {
				s[0] = 0
			}
			Softmax(x[0], x[1])
			SoftmaxGrad(x[0], x[1], x[2])
			s[2] = LayerNorm(x[0], x[1], x[2], x[3], x[4], 1e-5)
			LayerNormGrad(x[0], x[1], x[2], x[3], x[4], x[5], 1)
			for _, p := range []int{3, 4, 8, 20} {
				MeanPool(x[0][:100/p], x[1], p, p)
				MeanPoolGrad(x[1], x[0][:100/p], p, p)
			}
			Mask(bits, 1, 8, 0.5)
			MaskScale(x[0], x[1], bits, 2)
		}); n != 0 {
			t.Errorf("reductions and rows allocate %g times", n)
		}
	})
}

func TestLengths(t *testing.T) {
	a, b := make([]float32, 3), make([]float32, 4)
	for name, f := range map[string]func(){
		"Dot":             func() { Dot(a, b) },
		"SumDot":          func() { SumDot(a, b) },
		"Axpy":            func() { Axpy(a, 1, b) },
		"Add":             func() { Add(a, a, b) },
		"Mul":             func() { Mul(a, b, a) },
		"MulAdd":          func() { MulAdd(b, a, b) },
		"AffineVec":       func() { AffineVec(a, a, a, b) },
		"Softmax":         func() { Softmax(a, b) },
		"SoftmaxGrad":     func() { SoftmaxGrad(a, a, b) },
		"GELUGrad":        func() { GELUGrad(a, a, b) },
		"LayerNorm":       func() { LayerNorm(a, b, a, a, a, 0) },
		"LayerNorm empty": func() { LayerNorm(nil, nil, nil, nil, nil, 0) },
		"LayerNormGrad":   func() { LayerNormGrad(a, a, a, a, a, b, 0) },
		"Adam":            func() { Adam(a, a, a, b, 0, 0, 0, 0, 0, 1, 1) },
		"MeanPool":        func() { MeanPool(a, b, 2, 2) },
		"MeanPool window": func() { MeanPool(a, b, 0, 1) },
		"MeanPoolGrad":    func() { MeanPoolGrad(b, a, 3, 1) },
		"Mask":            func() { Mask(nil, 0, 4, 1) },
		"Mask keep":       func() { Mask(nil, 0, 0, 0) },
		"Mask NaN":        func() { Mask(nil, 0, 0, float32(math.NaN())) },
		"MaskScale":       func() { MaskScale(a, a, nil, 1) },
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if recover() == nil {
					t.Error("does not panic")
				}
			}()
			f()
		})
	}
}
