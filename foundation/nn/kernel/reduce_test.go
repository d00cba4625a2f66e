package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// near says that got is the sum want of n terms with the absolute sum size, added in any order in float32.
func near(got float32, want, size float64, n int) bool {
	return math.Abs(float64(got)-want) <= float64(n+2)*0x1p-24*size
}

func TestSums(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		page := newPaged(t, 2)
		r := rand.New(rand.NewPCG(3, 4))
		for _, n := range lengths() {
			v := many(r, 2, n)
			x, y := v[0], v[1]
			var dot, dotSize, sum, sumSize, sq float64
			const shift = 2.5
			var dev float64
			top := math.Inf(-1)
			for i := range n {
				p, q := float64(x[i]), float64(y[i])
				dot, dotSize = dot+p*q, dotSize+math.Abs(p*q)
				sum, sumSize, sq = sum+p, sumSize+math.Abs(p), sq+p*p
				top = max(top, p)
				dev += (p - shift) * (p - shift)
			}
			for _, atEnd := range []bool{false, true} {
				g := page.place(v, 0, atEnd)
				for name, c := range map[string]struct {
					got        float32
					want, size float64
				}{
					"Dot":        {Dot(g[0], g[1]), dot, dotSize},
					"Sum":        {Sum(g[0]), sum, sumSize},
					"SumSq sum":  {first(SumSq(g[0])), sum, sumSize},
					"SumSq":      {second(SumSq(g[0])), sq, sq},
					"SumDot sum": {first(SumDot(g[0], g[1])), sum, sumSize},
					"SumDot":     {second(SumDot(g[0], g[1])), dot, dotSize},
					"SumSqDev":   {SumSqDev(g[0], shift), dev, 2 * dev}, // every difference is rounded
					"Max":        {Max(g[0]), top, 0},
				} {
					if !near(c.got, c.want, c.size, n) && float64(c.got) != c.want {
						t.Errorf("%s: n=%d: got %g, want %g", name, n, c.got, c.want)
					}
				}
				if got, want := Dot(g[0], g[1]), Dot(x, y); got != want {
					t.Errorf("Dot: n=%d: %g beside a guarded page, %g elsewhere", n, got, want)
				}
				if !Finite(g[0]) {
					t.Errorf("Finite: n=%d: finds something", n)
				}
			}
			for i := range n { // one odd number, anywhere
				for _, odd := range []float32{inf, -inf, nan} {
					was := x[i]
					x[i] = odd
					if Finite(x) {
						t.Fatalf("Finite: n=%d: %g at %d is not found", n, odd, i)
					}
					if m := Max(x); odd == inf && m != inf || odd != odd && m == m {
						t.Fatalf("Max: n=%d: is %g with %g at %d", n, m, odd, i)
					}
					x[i] = was
				}
			}
		}
	})
}

func first(a, _ float32) float32  { return a }
func second(_, b float32) float32 { return b }

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

func TestSoftmax(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		page := newPaged(t, 3)
		r := rand.New(rand.NewPCG(5, 6))
		for _, n := range lengths()[1:] {
			x := noise(r, n)
			for i := range x {
				x[i] *= 10
			}
			top := float64(Max(x))
			var sum float64
			want := make([]float64, n)
			for i, v := range x {
				want[i] = math.Exp(float64(v) - top)
				sum += want[i]
			}
			y := make([]float32, n)
			Softmax(y, x)
			// every term has the error of exp and of its argument, which is up to 100
			tol := 3e-7 + float64(n)*0x1p-24
			for i := range y {
				if w := want[i] / sum; math.Abs(float64(y[i])-w) > (tol+100*0x1p-24)*w+math.Exp(-87) { // below, it is 0
					t.Fatalf("Softmax: n=%d: element %d is %g, want %g", n, i, y[i], w)
				}
			}
			if got, want := LogSumExp(x), top+math.Log(sum); math.Abs(float64(got)-want) > tol+math.Abs(want)*0x1p-24 {
				t.Errorf("LogSumExp: n=%d: %g, want %g", n, got, want)
			}
			dy := noise(r, n)
			var dot, size float64
			for i := range n {
				dot += float64(y[i]) * float64(dy[i])
				size += math.Abs(float64(y[i]) * float64(dy[i]))
			}
			dx := make([]float32, n)
			SoftmaxGrad(dx, dy, y)
			for i := range dx {
				w := float64(y[i]) * (float64(dy[i]) - dot)
				if math.Abs(float64(dx[i])-w) > float64(y[i])*(float64(n+2)*size+20)*0x1p-24+0x1p-149 { // the last is a step between subnormal numbers
					t.Fatalf("SoftmaxGrad: n=%d: element %d is %g, want %g", n, i, dx[i], w)
				}
			}
			for _, atEnd := range []bool{false, true} {
				g := page.place([][]float32{x, dy, y}, 0, atEnd)
				Softmax(g[0], g[0])
				SoftmaxGrad(g[1], g[1], g[2])
				equalBits(t, "softmax in place", g, [][]float32{y, dx, y})
				page.check(t, "softmax")
			}
		}
	})
}

func TestSoftmaxOdd(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		for _, n := range []int{1, 2, 7, 8, 9, 15, 16, 17, 40} {
			y := make([]float32, n)
			row := func(fill float32, at int, v float32) []float32 {
				x := make([]float32, n)
				for i := range x {
					x[i] = fill
				}
				x[at] = v
				return x
			}
			for at := range n {
				Softmax(y, row(-inf, at, 3)) // all but one are masked
				for i, v := range y {
					if want := float32(map[bool]int{true: 1}[i == at]); v != want {
						t.Errorf("n=%d: element %d of a row masked but for %d is %g", n, i, at, v)
					}
				}
				for _, x := range [][]float32{row(0, at, nan), row(-inf, at, -inf), row(1, at, inf)} {
					Softmax(y, x)
					if n > 1 || x[0] != 1 {
						for i, v := range y {
							if v == v && !(v == 0 && x[at] == inf) {
								t.Errorf("n=%d: element %d of %v is %g, want NaN", n, i, x, v)
							}
						}
					}
				}
				if got := LogSumExp(row(0, at, nan)); got == got {
					t.Errorf("LogSumExp with NaN is %g", got)
				}
				if got := LogSumExp(row(0, at, inf)); got != inf {
					t.Errorf("LogSumExp with +Inf is %g", got)
				}
			}
			if got := LogSumExp(row(-inf, 0, -inf)); got != -inf {
				t.Errorf("LogSumExp of -Inf is %g", got)
			}
		}
	})
}

func TestLayerNorm(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		page := newPaged(t, 7)
		r := rand.New(rand.NewPCG(7, 8))
		for _, n := range lengths()[1:] {
			v := many(r, 5, n)
			x, g, b, dy, y := v[0], v[1], v[2], v[3], v[4]
			for i := range x {
				x[i] += 30
			}
			var mean, sq float64
			for _, v := range x {
				mean += float64(v) / float64(n)
			}
			for _, v := range x {
				sq += (float64(v) - mean) * (float64(v) - mean) / float64(n)
			}
			const eps = 1e-2
			rstd := 1 / math.Sqrt(sq+eps)
			xhat := make([]float32, n)
			got := LayerNorm(y, xhat, x, g, b, eps)
			// the mean is known to some 2⁻²⁴·30·(additions in one lane), which rstd magnifies
			tol := 30 * (3 + float64(n)/8) * 0x1p-24 * max(rstd, 1)
			if math.Abs(float64(got)-rstd) > tol*rstd {
				t.Errorf("LayerNorm: n=%d: rstd is %g, want %g", n, got, rstd)
			}
			for i := range x {
				h := (float64(x[i]) - mean) * rstd
				if math.Abs(float64(xhat[i])-h) > tol*(1+math.Abs(h)) {
					t.Fatalf("LayerNorm: n=%d: xhat %d is %g, want %g", n, i, xhat[i], h)
				}
				if w := float64(g[i])*h + float64(b[i]); math.Abs(float64(y[i])-w) > tol*(2+math.Abs(h))*(1+math.Abs(float64(g[i]))) {
					t.Fatalf("LayerNorm: n=%d: element %d is %g, want %g", n, i, y[i], w)
				}
			}
			again := make([]float32, n)
			LayerNorm(again, nil, x, g, b, eps)
			equalBits(t, "LayerNorm without xhat", [][]float32{again}, [][]float32{y})

			var sum, dot, size float64
			for i := range n {
				h := float64(dy[i]) * float64(g[i])
				sum, dot = sum+h/float64(n), dot+h*float64(xhat[i])/float64(n)
				size += math.Abs(h) * (1 + math.Abs(float64(xhat[i]))) / float64(n)
			}
			sums := many(r, 2, n)
			before := clone(sums)
			dx := make([]float32, n)
			LayerNormGrad(dx, sums[0], sums[1], dy, xhat, g, got)
			for i := range n {
				h := float64(xhat[i])
				w := float64(got) * (float64(dy[i])*float64(g[i]) - sum - h*dot)
				if math.Abs(float64(dx[i])-w) > float64(got)*0x1p-24*(float64(n)+4)*(size+math.Abs(float64(dy[i]*g[i])))*(1+math.Abs(h)) {
					t.Fatalf("LayerNormGrad: n=%d: element %d is %g, want %g", n, i, dx[i], w)
				}
				for k, w := range []float64{float64(before[0][i]) + float64(dy[i])*h, float64(before[1][i]) + float64(dy[i])} {
					if math.Abs(float64(sums[k][i])-w) > 1e-5 {
						t.Fatalf("LayerNormGrad: n=%d: sum %d, element %d is %g, want %g", n, k, i, sums[k][i], w)
					}
				}
			}
			for _, atEnd := range []bool{false, true} {
				p := page.place([][]float32{x, x, g, b, x}, 0, atEnd)
				LayerNorm(p[1], p[0], p[4], p[2], p[3], eps)
				equalBits(t, "LayerNorm beside a guarded page", p[:2], [][]float32{xhat, y})
				LayerNorm(p[4], nil, p[4], p[2], p[3], eps)
				equalBits(t, "LayerNorm in place", p[4:], [][]float32{y})
				page.check(t, "LayerNorm")
				p = page.place([][]float32{dy, before[0], before[1], xhat, g}, 0, atEnd)
				LayerNormGrad(p[0], p[1], p[2], p[0], p[3], p[4], got)
				equalBits(t, "LayerNormGrad in place", p[:3], [][]float32{dx, sums[0], sums[1]})
				page.check(t, "LayerNormGrad")
			}
		}
	})
}

func TestMeanPool(t *testing.T) {
	withKinds(t, func(t *testing.T) {
		page := newPaged(t, 2)
		r := rand.New(rand.NewPCG(9, 10))
		for _, p := range []int{1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 75} {
			for _, s := range []int{1, 2, p, 15, p + 3} {
				for _, n := range []int{0, 1, 2, 3, 7, 8, 9, 15, 16, 17} {
					what := fmt.Sprintf("p=%d s=%d", p, s)
					size := max(n-1, 0)*s + p
					if n == 0 {
						size = 0
					}
					if size > 1000 {
						continue
					}
					x, dy := noise(r, size), noise(r, n)
					for _, atEnd := range []bool{false, true} {
						g := page.place([][]float32{x, dy}, 0, atEnd)
						MeanPool(g[1], g[0], p, s)
						for i := range n {
							var sum, size float64
							for _, v := range x[i*s : i*s+p] {
								sum, size = sum+float64(v), size+math.Abs(float64(v))
							}
							if !near(g[1][i], sum/float64(p), size/float64(p), p) {
								t.Fatalf("MeanPool %s: n=%d: element %d is %g, want %g", what, n, i, g[1][i], sum/float64(p))
							}
						}
						page.check(t, what)
						g = page.place([][]float32{x, dy}, 0, atEnd)
						MeanPoolGrad(g[0], g[1], p, s)
						page.check(t, what)
						for j := range x {
							w, size := float64(x[j]), math.Abs(float64(x[j]))
							for i := range n {
								if i*s <= j && j < i*s+p {
									w += float64(dy[i]) / float64(p)
									size += math.Abs(float64(dy[i])) / float64(p)
								}
							}
							if !near(g[0][j], w, size, p+2) {
								t.Fatalf("MeanPoolGrad %s: n=%d: element %d is %g, want %g", what, n, j, g[0][j], w)
							}
						}
					}
				}
			}
		}
	})
}
