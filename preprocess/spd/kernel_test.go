package spd

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// withoutAVX runs f with the plain loops.
func withoutAVX(f func()) {
	was := useAVX
	useAVX = false
	defer func() { useAVX = was }()
	f()
}

func numbers(n int, rng *rand.Rand) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func sameBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) })
}

// TestKernelsGiveTheSameBits compares every AVX kernel with its plain loop, on all widths and with strides.
func TestKernelsGiveTheSameBits(t *testing.T) {
	if !useAVX {
		t.Skip("no AVX here: there is one version only")
	}
	rng := rand.New(rand.NewPCG(1, 1))
	both := func(name string, n int, run func(out []float64)) {
		t.Helper()
		start := numbers(n, rng)
		fast, plain := slices.Clone(start), slices.Clone(start)
		run(fast)
		withoutAVX(func() { run(plain) })
		if !sameBits(fast, plain) {
			t.Fatalf("%s: other bits than the plain loop", name)
		}
		if sameBits(fast, start) {
			t.Fatalf("%s: did nothing", name)
		}
	}
	both("shift4", 4*9, func(out []float64) {
		shift4(out, &[lanes]float64{1, 2, 3, 4}, &[lanes]float64{2, 5, 9, 3}, 2, 9)
	})
	for _, cols := range []int{4, 8, 12, 16, 20, 24, 28, 36, 64, 72} {
		ld := cols + 4*(cols/4%3)
		for _, rows := range []int{1, 3, 4, 8, 21, 24} {
			v, w, a := numbers(max(rows, cols), rng), numbers(cols, rng), numbers(rows*ld, rng)
			name := fmt.Sprintf("%d × %d", rows, cols)
			both("combine "+name, cols, func(out []float64) { combine(out, v[:rows], a, ld) })
			both("downdate "+name, rows*ld, func(out []float64) { downdate(out, v[:rows], w, ld) })
			if rows <= cols {
				both("downdate2 "+name, rows*ld, func(out []float64) { downdate2(out, v[:cols], w, rows, ld) })
			}
			if rows > 1 {
				both("turn "+name, rows*ld, func(out []float64) { turn(out, rows-1, rows-1, cols, ld, a, a[1:], 1) })
			}
			if rows%4 == 0 {
				for _, k := range []int{1, 7, 22} {
					b := numbers(k*ld, rng)
					at, byRow := numbers(k*rows, rng), numbers(rows*k, rng)
					for _, add := range []bool{false, true} {
						both(fmt.Sprintf("gemm %s, k=%d, accumulate=%t", name, k, add), rows*ld,
							func(out []float64) { gemm(out, byRow, b, rows, cols, k, k, 1, ld, ld, add) })
						both(fmt.Sprintf("gemm of a transpose %s, k=%d", name, k), rows*ld,
							func(out []float64) { gemm(out, at, b, rows, cols, k, 1, rows, ld, ld, add) })
					}
				}
			}
		}
		for _, n := range []int{cols - 3, cols - 1, cols} {
			x := numbers(n, rng)
			both(fmt.Sprintf("center of %d", n), n, func(out []float64) { center(out, x) })
		}
		x, y := numbers(3*ld, rng), numbers(3*ld, rng)
		both(fmt.Sprintf("gram3 of %d", cols), 9, func(out []float64) { gram3((*[9]float64)(out), x, y, cols, ld) })
	}
}

// TestKernelsAgainstDefinitions: the plain loops do what they say.
func TestKernelsAgainstDefinitions(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	const rows, cols, k, ld = 4, 8, 3, 12
	a, b, c := numbers(rows*k, rng), numbers(k*ld, rng), numbers(rows*ld, rng)
	got := slices.Clone(c)
	gemm(got, a, b, rows, cols, k, k, 1, ld, ld, true)
	for i := range rows {
		for j := range cols {
			want := c[i*ld+j]
			for p := range k {
				want += a[i*k+p] * b[p*ld+j]
			}
			if math.Abs(got[i*ld+j]-want) > 1e-14 {
				t.Fatalf("gemm: entry (%d, %d) is %g, want %g", i, j, got[i*ld+j], want)
			}
		}
		if !sameBits(got[i*ld+cols:(i+1)*ld], c[i*ld+cols:(i+1)*ld]) {
			t.Fatal("gemm wrote beside its columns")
		}
	}
	var out [9]float64
	x, y := numbers(3*ld, rng), numbers(3*ld, rng)
	gram3(&out, x, y, ld, ld)
	for i := range 3 {
		for j := range 3 {
			want := 0.0
			for t := range ld {
				want += x[i*ld+t] * y[j*ld+t]
			}
			if math.Abs(out[3*i+j]-want) > 1e-13 {
				t.Fatalf("gram3: product of rows %d and %d is %g, want %g", i, j, out[3*i+j], want)
			}
		}
	}
}

// TestFourLanesGiveTheBitsOfOne decomposes four matrices at once, of which some split and some converge at once, and
// each alone.
func TestFourLanesGiveTheBitsOfOne(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for _, avx := range []bool{true, false} {
		run := func() {
			for _, n := range []int{1, 2, 3, 4, 5, 9, 16, 22, 31} {
				s := NewSolver(n)
				var group [lanes]*Matrix
				for k := range group {
					group[k] = NewMatrix(n)
					for i := range n {
						for j := range i + 1 {
							v := rng.NormFloat64() * math.Pow(10, -float64(k*i)/10)
							if k == 2 && i != j && i%3 == 0 || k == 3 && i != j {
								v = 0
							}
							group[k].Set(i, j, v)
							group[k].Set(j, i, v)
						}
					}
					if err := s.put(k, group[k]); err != nil {
						t.Fatal(err)
					}
				}
				if err := s.ql4(); err != nil {
					t.Fatal(err)
				}
				alone := NewSolver(n)
				for k := range group {
					s.take(k)
					if err := alone.decompose(group[k], true); err != nil {
						t.Fatal(err)
					}
					same := sameBits(s.values[:n], alone.values[:n])
					for i := range n {
						same = same && sameBits(s.z.Row(i), alone.z.Row(i))
					}
					if !same {
						t.Fatalf("n=%d, AVX %t: matrix %d has other bits among others than alone", n, avx, k)
					}
				}
			}
		}
		if avx {
			run()
		} else {
			withoutAVX(run)
		}
	}
}

// TestDecompositionHasTheSameBitsWithoutAVX: what a published accuracy once depended on.
func TestDecompositionHasTheSameBitsWithoutAVX(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for _, n := range []int{1, 2, 5, 22, 33, 64} {
		rows := make([][]float64, 6)
		for i := range rows {
			m := NewMatrix(n)
			x := numbers(n*3*n, rng)
			for r := range n {
				for c := range n {
					m.Set(r, c, laneDot(x[r*3*n:(r+1)*3*n], x[c*3*n:(c+1)*3*n]))
				}
			}
			rows[i] = make([]float64, Packed(n))
			m.Pack(rows[i])
		}
		mean := func() *Matrix {
			m := NewMatrix(n)
			if _, err := NewSolver(n).MeanRiemann(m, rows, MeanOptions{}); err != nil {
				t.Fatal(err)
			}
			return m
		}
		fast, plain := mean(), (*Matrix)(nil)
		withoutAVX(func() { plain = mean() })
		if !sameBits(fast.Data, plain.Data) {
			t.Errorf("n=%d: the mean has other bits without AVX", n)
		}
	}
}
