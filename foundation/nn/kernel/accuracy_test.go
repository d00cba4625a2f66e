package kernel

import (
	"math"
	"math/rand/v2"
	"os"
	"regexp"
	"strings"
	"testing"
)

// accuracy is a function of one number with its bars: relative where |result| is at least 2⁻¹²⁶, below it one step between
// subnormal numbers more; absolute, where abs is above 0, up to |x| = 16, beyond which float32 itself is coarser.
type accuracy struct {
	name     string
	f        func(y, x []float32)
	exact    func(x float64) float64
	rel, abs float64
	lo, hi   float64 // of the dense grid
}

var accuracies = []accuracy{
	{"Exp", Exp, math.Exp, 2e-7, 0, -110, 95},
	{"Log", Log, math.Log, 2e-7, 0, 0, 4},
	{"Sqrt", Sqrt, math.Sqrt, 0x1p-24, 0, 0, 10},
	{"Sigmoid", Sigmoid, sigma, 3e-7, 0, -110, 110},
	{"Tanh", Tanh, math.Tanh, 3e-7, 0, -12, 12},
	{"ELU", ELU, elu64, 3e-7, 0, -30, 10},
	{"GELU", GELU, func(x float64) float64 {
		if math.IsInf(x, -1) {
			return 0
		}
		return x * normal(x)
	}, 0x1p-24, 1e-6, -16, 16},
	{"SiLU", SiLU, func(x float64) float64 {
		if x < -700 {
			return 0
		}
		return x * sigma(x)
	}, 3e-7, 2e-36, -110, 20}, // below −87 it stays at −2e-36
}

// TestAccuracy goes over a dense grid, random bit patterns, and the numbers where something changes.
func TestAccuracy(t *testing.T) {
	const n = 1 << 16
	x, y := make([]float32, n), make([]float32, n)
	withKinds(t, func(t *testing.T) {
		for _, f := range accuracies {
			var worstRel, worstAbs float64
			check := func() {
				f.f(y, x)
				for i, v := range x {
					want, got := f.exact(float64(v)), float64(y[i])
					if math.IsNaN(want) || math.IsInf(float64(float32(want)), 0) {
						if got != float64(float32(want)) && !(math.IsNaN(want) && math.IsNaN(got)) {
							t.Fatalf("%s(%g, bits %08x) is %g, want %g", f.name, v, math.Float32bits(v), got, want)
						}
						continue
					}
					d := math.Abs(got - want)
					if !(d <= f.rel*math.Abs(want)+f.abs+0x1p-149) {
						t.Fatalf("%s(%.9g, bits %08x) is %.9g, want %.9g", f.name, v, math.Float32bits(v), got, want)
					}
					worstAbs = max(worstAbs, d)
					if math.Abs(want) > 0x1p-126 {
						worstRel = max(worstRel, d/math.Abs(want))
					}
				}
			}
			for i := range x {
				x[i] = float32(f.lo + (f.hi-f.lo)*float64(i)/(n-1))
			}
			check()
			t.Logf("%s: on the grid: relative error %.2g, absolute %.2g", f.name, worstRel, worstAbs)
			r := rand.New(rand.NewPCG(13, 14))
			for range 4 {
				for i := range x {
					x[i] = math.Float32frombits(r.Uint32())
				}
				check()
			}
			i := 0
			for _, b := range []uint32{
				0, 0x80000000, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00000, 0x7f800001, 0xffffffff, 0x7fffffff,
				1, 0x80000001, 0x7fffff, 0x800000, 0x7f7fffff, 0xff7fffff, 0x3f800000, 0xbf800000, 0x42b17217, 0x42b17218, 0xc2aeac50, 0xc2cff1b5, 0x3f3504f3,
			} {
				for d := range uint32(9) {
					x[i] = math.Float32frombits(b + d - 4)
					i++
				}
			}
			check()
		}
	})
}

// TestOddNumbers compares what all other functions do with zeros, subnormals, infinities and NaN with plain Go.
// A fused product cannot overflow before the addition, so the largest numbers are not here.
func TestOddNumbers(t *testing.T) {
	odd := []float32{0, float32(math.Copysign(0, -1)), 1e-45, -1e-45, 1e-39, 1, -1, 1e18, -1e18, inf, -inf, nan, math.Float32frombits(0xff800001)}
	n := len(odd) * len(odd)
	x := [][]float32{make([]float32, n), make([]float32, n), make([]float32, n)}
	for i := range n {
		x[0][i], x[1][i], x[2][i] = odd[i%len(odd)], odd[i/len(odd)], odd[i*7%len(odd)]
	}
	s := []float32{1.5, -0.5, 2}
	best := level
	defer func() { level = best }()
	for _, f := range routines {
		if f.name == "Adam" {
			continue // v is never odd
		}
		level = generic
		want := clone(x[:f.out])
		f.call(want, x[:f.in], s)
		for level = avx2; level <= best; level++ {
			got := clone(x[:f.out])
			f.call(got, x[:f.in], s)
			for i := range n {
				g, w := float64(got[0][i]), float64(want[0][i])
				same := g == w || math.IsNaN(g) && math.IsNaN(w)
				if !same && !(math.Abs(g-w) <= 1e-6*math.Abs(w)+2e-36+f.abs*min(max(math.Abs(float64(x[0][i])), 1), 1e18)) {
					t.Errorf("%s, %s: of %g and %g: %g, want %g", Name(), f.name, x[0][i], x[1][i], g, w)
				}
			}
		}
	}
}

// TestRegisters looks for registers that only AVX-512 has in what runs on processors without: the assembler takes them.
func TestRegisters(t *testing.T) {
	src, err := os.ReadFile("vec_lanes_amd64.s")
	if err != nil {
		t.Fatal(err)
	}
	foreign := regexp.MustCompile(`\b([XY](1[6-9]|2\d|3[01])|Z\d+|K\d)\b|RNDSCALE|BLENDM|SCALEF|32X8|64X4|PANDD|D2M|\.Z\b`)
	functions := 0
	for _, f := range strings.Split(string(src), "\nTEXT ")[1:] {
		name, body, _ := strings.Cut(f, "(SB)")
		if !strings.HasSuffix(name, "AVX2") {
			continue
		}
		functions++
		if m := foreign.FindString(body); m != "" {
			t.Errorf("%s uses %s", name, m)
		}
	}
	if functions < 30 {
		t.Errorf("found %d functions for AVX2, want at least 30", functions)
	}
}
