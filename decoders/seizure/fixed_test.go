package seizure

import (
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// rounded is v rounded half away from zero, exactly.
func rounded(v *big.Rat) *big.Int {
	twice := new(big.Rat).Mul(new(big.Rat).Abs(v), big.NewRat(2, 1))
	twice.Add(twice, big.NewRat(1, 1))                                     // 2|v| + 1
	n := new(big.Int).Quo(twice.Num(), new(big.Int).Lsh(twice.Denom(), 1)) // its half, rounded down
	if v.Sign() < 0 {
		n.Neg(n)
	}
	return n
}

// TestTimes: a product with a factor is the exact product of the two integers, rounded once, cut to 32 bits.
func TestTimes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := factor{rapid.Int32Range(0, math.MaxInt32).Draw(t, "mult"), rapid.IntRange(1, 62).Draw(t, "shift")}
		v := rapid.Int32().Draw(t, "v")
		exact := new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(int64(v)), big.NewInt(int64(f.mult))), new(big.Int).Lsh(big.NewInt(1), uint(f.shift)))
		want := rounded(exact)
		switch {
		case want.Cmp(big.NewInt(math.MaxInt32)) > 0:
			want.SetInt64(math.MaxInt32)
		case want.Cmp(big.NewInt(math.MinInt32)) < 0:
			want.SetInt64(math.MinInt32)
		}
		if got := f.times(v); int64(got) != want.Int64() {
			t.Fatalf("%d × %d/2^%d is %d, by definition %v", v, f.mult, f.shift, got, want)
		}
	})
}

// TestTies: exact halves go away from zero.
func TestTies(t *testing.T) {
	half := factor{1 << 30, 31}
	for v, want := range map[int32]int32{1: 1, -1: -1, 3: 2, -3: -2, 2: 1, 0: 0, math.MinInt32: math.MinInt32 / 2} {
		if got := half.times(v); got != want {
			t.Errorf("%d/2 is %d, must be %d", v, got, want)
		}
	}
}

// TestNewFactor: 31 bits, and nearer to the number than half of the last one.
func TestNewFactor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := math.Exp2(rapid.Float64Range(-31, 28.99).Draw(t, "log2"))
		f, err := newFactor(v)
		if err != nil {
			t.Fatal(err)
		}
		if f.mult < 1<<30 || f.shift < 1 || f.shift > 62 {
			t.Fatalf("%g is %+v", v, f)
		}
		if got := math.Ldexp(float64(f.mult), -f.shift); math.Abs(got-v) > math.Ldexp(0.5, -f.shift) {
			t.Fatalf("%g became %g", v, got)
		}
	})
	for _, v := range []float64{0, -1, math.NaN(), math.Inf(1), 1 << 29} {
		if f, err := newFactor(v); err == nil {
			t.Errorf("%g is no error: %+v", v, f)
		}
	}
	if f, err := newFactor(math.Exp2(-60)); err != nil || f.shift != 62 || f.mult != 4 {
		t.Errorf("2^-60 is %+v, %v", f, err)
	}
}

func TestLog2(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := max(rapid.Uint64().Draw(t, "v")>>rapid.IntRange(0, 63).Draw(t, "shift"), 1)
		if got, want := float64(log2(v)), math.Log2(float64(v))*(1<<logBits); math.Abs(got-want) > 1.25 {
			t.Fatalf("log2 of %d is %g/256, must be %.3f/256", v, got, want)
		}
	})
}

// TestCurves: a straight line between two values of 16 bits is off by at most h²/8·|f”| and one rounding of each.
func TestCurves(t *testing.T) {
	for v := int32(math.MinInt16); v <= math.MaxInt16; v++ {
		x := float64(v) / (1 << gateBits)
		for what, c := range map[string][2]float64{
			"sigmoid": {float64(sigmoidCurve.at(v)), 1 / (1 + math.Exp(-x))}, "tanh": {float64(tanhCurve.at(v)), math.Tanh(x)},
		} {
			// h = 1/16; |f''| is at most 0.1 and 0.77. Beyond the last value, 1/16 before 8, the function stands still.
			if d := math.Abs(c[0]/(1<<curveBits) - c[1]); d > 0.77/16/16/8+2.0/(1<<curveBits) {
				t.Fatalf("%s(%g) is off by %g", what, x, d)
			}
		}
	}
}

// TestLayersAreTheirDefinition holds the integer layers against sums over indices with exact rounding.
func TestLayersAreTheirDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	bytes := func(n int) []int8 {
		x := make([]int8, n)
		for i := range x {
			x[i] = int8(rng.IntN(255) - 127)
		}
		return x
	}
	fine := func(n int) []int16 {
		x := make([]int16, n)
		for i := range x {
			x[i] = int16(rng.IntN(8191) - 4095)
		}
		return x
	}
	exact := func(acc int64, f factor) int64 {
		return rounded(new(big.Rat).SetFrac(new(big.Int).Mul(big.NewInt(acc), big.NewInt(int64(f.mult))), new(big.Int).Lsh(big.NewInt(1), uint(f.shift)))).Int64()
	}
	for range 30 {
		l := &intConv{in: 1 + rng.IntN(4), steps: 9 + rng.IntN(9), out: 1 + rng.IntN(4), kernel: 1 + rng.IntN(5), stride: 1 + rng.IntN(3), relu: rng.IntN(2) == 0}
		l.after = (l.steps-l.kernel)/l.stride + 1
		l.acc = make([]int32, l.after)
		l.weight = matrix{rows: l.out, cols: l.in * l.kernel, w: bytes(l.out * l.in * l.kernel)}
		for range l.out {
			l.bias, l.to = append(l.bias, int32(rng.IntN(20000)-10000)), append(l.to, factor{1<<30 + rng.Int32N(1<<30), 36 + rng.IntN(6)})
		}
		x, y := fine(l.in*max(l.steps, l.kernel)), make([]int16, l.out*l.after)
		l.run(y, x)
		for o := range l.out {
			for s := range l.after {
				acc := int64(l.bias[o])
				for c := range l.in {
					for k := range l.kernel {
						acc += int64(l.weight.w[(o*l.in+c)*l.kernel+k]) * int64(x[c*l.steps+s*l.stride+k])
					}
				}
				want := min(max(exact(acc, l.to[o]), -4095), 4095)
				if l.relu && want < 0 {
					want = 0
				}
				if int64(y[o*l.after+s]) != want {
					t.Fatalf("%+v: output %d at %d is %d, by definition %d", l, o, s, y[o*l.after+s], want)
				}
			}
		}
		h := &intHead{weight: matrix{rows: l.out, cols: l.in * l.kernel, w: l.weight.w}, bias: l.bias}
		for range l.out {
			h.to = append(h.to, factor{1<<30 + rng.Int32N(1<<30), 28 + rng.IntN(6)})
		}
		logits, wide := make([]int16, l.out), make([]int16, h.weight.cols)
		for k := range wide {
			wide[k] = int16(rng.IntN(65535) - 32767)
		}
		h.run(logits, wide)
		for o, got := range logits {
			acc := int64(h.bias[o])
			for k := range h.weight.cols {
				acc += int64(h.weight.w[o*h.weight.cols+k]) * int64(wide[k])
			}
			if want := min(max(exact(acc, h.to[o]), -32767), 32767); int64(got) != want {
				t.Fatalf("%+v: logit %d is %d, by definition %d", h, o, got, want)
			}
		}
		m := &intMean{rows: l.in, steps: l.steps, to: factor{1<<30 + rng.Int32N(1<<30), 31 + rng.IntN(4)}}
		mean := make([]int16, m.rows)
		for r := range mean {
			mean[r] = int16(rng.IntN(2000) - 1000)
		}
		for _, first := range []bool{false, true} {
			before := slices.Clone(mean)
			m.run(mean, x, first)
			for r, got := range mean {
				sum := int64(0)
				for _, v := range x[r*m.steps : (r+1)*m.steps] {
					sum += int64(v)
				}
				want := min(max(exact(sum, m.to), -32767), 32767)
				if !first {
					want = max(want, int64(before[r]))
				}
				if int64(got) != want {
					t.Fatalf("mean of row %d is %d, by definition %d", r, got, want)
				}
			}
		}
	}
}

// TestRowsAreRounded: each row of a matrix has a scale of its own; no weight is off by more than one step, the sum of no
// beginning of a row by more than half of one, and what is 0 stays 0.
func TestRowsAreRounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	p := &nn.Param{Name: "w", Shape: nn.Shape{4, 3, 5}, W: make([]float32, 60)}
	for i := range p.W {
		p.W[i] = float32(math.Pow(10, float64(i/15-2)) * rng.NormFloat64()) // rows from 0.01 to 10
		if i/15 == 3 {
			p.W[i] = 0
		}
	}
	p.W[7] = 0
	m := newMatrix(p)
	if m.rows != 4 || m.cols != 15 {
		t.Fatalf("%d rows of %d", m.rows, m.cols)
	}
	sum := 0.0
	for i, w := range p.W {
		scale := m.scale[i/15]
		if i%15 == 0 {
			sum = 0
		}
		d := float64(m.w[i])*scale - float64(w)
		if sum += d; math.Abs(d) > scale*(1+1e-6) || math.Abs(sum) > scale*(0.5+1e-6) || w == 0 && m.w[i] != 0 {
			t.Errorf("weight %d is %g, became %d × %g; up to it the row is off by %g", i, w, m.w[i], scale, sum)
		}
	}
	for r := range 3 {
		top := int8(0)
		for _, v := range m.w[r*15 : (r+1)*15] {
			top = max(top, v, -v)
		}
		if top != 127 {
			t.Errorf("the largest weight of row %d is %d, must be ±127", r, top)
		}
	}
}

// TestBestStep: none on a fine grid loses more than a hundredth less, by the definition.
func TestBestStep(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	for _, heavy := range []float64{0, 0.5, 1.5} {
		x := make([]float32, 20000)
		for i := range x {
			x[i] = float32(math.Abs(rng.NormFloat64() * math.Exp(heavy*rng.NormFloat64())))
		}
		lost := func(step float64) (sum float64) {
			for _, v := range x {
				d := float64(v) - step*min(math.Round(float64(v)/step), 127)
				sum += d * d
			}
			return sum
		}
		got, best := bestStep(x), math.Inf(1)
		for k := range 400 {
			best = min(best, lost(got/8*math.Exp2(float64(k)*6/400)))
		}
		if lost(got) > 1.01*best {
			t.Errorf("tails %g: a step of %g loses %g, the best %g", heavy, got, lost(got), best)
		}
	}
	if got := bestStep(make([]float32, 5)); got != 1.0/127 {
		t.Errorf("the step of nothing is %g", got)
	}
}
