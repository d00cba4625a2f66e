package kernel

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// convolution compares Conv and its two gradients with the definition.
func convolution(t *testing.T, w *Work, r *rand.Rand, out, in, taps, dil, n, pad int, acc bool) {
	t.Helper()
	name := fmt.Sprintf("out=%d in=%d taps=%d dil=%d t=%d pad=%d acc=%t", out, in, taps, dil, n, pad, acc)
	x := newMatrix(r, in, n+(taps-1)*dil, pad)
	wt := newMatrix(r, out*in, taps, 0)
	y := newMatrix(r, out, n, 2*pad)
	dy := newMatrix(r, out, n, pad)
	dwt, dx := wt.clone(), x.clone()
	wantY, wantW, wantX := make([]exactSum, out*n), make([]exactSum, out*in*taps), make([]exactSum, in*x.cols)
	for i := range wantW {
		wantW[i].plus(dwt.s[i])
	}
	for c := range in {
		for i := range x.cols {
			wantX[c*x.cols+i].plus(dx.at(c, i))
		}
	}
	for o := range out {
		for i := range n {
			if acc {
				wantY[o*n+i].plus(y.at(o, i))
			} else {
				y.s[o*y.ld+i] = hole
			}
			for c := range in {
				for k := range taps {
					f := wt.at(o*in+c, k)
					wantY[o*n+i].add(f, x.at(c, i+k*dil))
					wantW[(o*in+c)*taps+k].add(dy.at(o, i), x.at(c, i+k*dil))
					wantX[c*x.cols+i+k*dil].add(f, dy.at(o, i))
				}
			}
		}
	}
	w.Conv(y.s, y.ld, x.s, x.ld, wt.s, out, in, taps, dil, n, acc)
	w.ConvGradW(dwt.s, dy.s, dy.ld, x.s, x.ld, out, in, taps, dil, n)
	turned := make([]float32, out*in*taps)
	for i := range out {
		for j := range in * taps {
			turned[j*out+i] = wt.s[i*in*taps+j]
		}
	}
	w.ConvGradWT(turned, dy.s, dy.ld, x.s, x.ld, out, in, taps, dil, n)
	for i := range out {
		for j := range in * taps {
			if s := wantW[i*in*taps+j]; !s.near(turned[j*out+i]) {
				t.Fatalf("%s: turned dwt[%d] = %g, want %g", name, j*out+i, turned[j*out+i], s.v)
			}
		}
	}
	w.ConvGradX(dx.s, dx.ld, dy.s, dy.ld, wt.s, out, in, taps, dil, n)
	y.holes(t)
	dx.holes(t)
	for o := range out {
		for i := range n {
			if s := wantY[o*n+i]; !s.near(y.at(o, i)) {
				t.Fatalf("%s: y[%d,%d] = %g, want %g", name, o, i, y.at(o, i), s.v)
			}
		}
	}
	for i := range wantW {
		if !wantW[i].near(dwt.s[i]) {
			t.Fatalf("%s: dwt[%d] = %g, want %g", name, i, dwt.s[i], wantW[i].v)
		}
	}
	for c := range in {
		for i := range x.cols {
			if s := wantX[c*x.cols+i]; n > 0 && !s.near(dx.at(c, i)) {
				t.Fatalf("%s: dx[%d,%d] = %g, want %g", name, c, i, dx.at(c, i), s.v)
			}
		}
	}
}

func TestConv(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		var w Work
		for _, out := range []int{0, 1, 2, 8, 13, 40} {
			for _, in := range []int{0, 1, 3, 22} {
				for _, taps := range []int{1, 2, 4, 7, 25, 64} {
					for _, n := range []int{0, 1, 7, 16, 33, 100} {
						if v := r.IntN(24); v < 12 || out*in*taps*n < 10000 {
							v %= 12
							convolution(t, &w, r, out, in, taps, 1+v/4, n, 5*(v&1), v&2 != 0)
						}
					}
				}
			}
		}
		convolution(t, &w, r, 8, 1, 64, 1, 600, 0, false)
		convolution(t, &w, r, 5, 40, 30, 2, 150, 3, true)
		convolution(t, &w, r, 20, 16, 64, 1, 20, 0, true) // wt has rows of a page
	})
}

func FuzzConv(f *testing.F) {
	f.Add(uint64(2), uint8(8), uint8(3), uint8(16), uint8(0), uint16(100), uint8(5), true)
	var w Work
	f.Fuzz(func(t *testing.T, seed uint64, out, in, taps, dil uint8, n uint16, pad uint8, acc bool) {
		r := rand.New(rand.NewPCG(seed, 1))
		defer func(best kind) { level = best }(level)
		level = kindOf(int(seed % 60))
		convolution(t, &w, r, int(out%50), int(in%25), 1+int(taps%70), 1+int(dil%5), int(n%300), int(pad%20), acc)
	})
}

func TestDepth(t *testing.T) {
	eachKind(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		for _, taps := range []int{1, 2, 3, 4, 5, 8, 16, 25, 64} {
			for _, n := range []int{0, 1, 7, 8, 15, 16, 17, 63, 64, 65, 100, 127, 128, 129, 500} {
				for _, dil := range []int{1, 2, 5} {
					for _, acc := range []bool{false, true} {
						depthwise(t, r, taps, n, dil, acc)
					}
				}
			}
		}
	})
}

func depthwise(t *testing.T, r *rand.Rand, taps, n, dil int, acc bool) {
	t.Helper()
	name := fmt.Sprintf("taps=%d t=%d dil=%d acc=%t", taps, n, dil, acc)
	vec := func(n int) []float32 { return newMatrix(r, 1, n, 0).s }
	x, wt, y, dy := vec(n+(taps-1)*dil), vec(taps), vec(n), vec(n)
	dx, dwt := vec(len(x)), vec(taps)
	wantY, wantX, wantW := make([]exactSum, n), make([]exactSum, len(x)), make([]exactSum, taps)
	for i := range wantX {
		wantX[i].plus(dx[i])
	}
	for k := range wantW {
		wantW[k].plus(dwt[k])
	}
	for i := range n {
		if acc {
			wantY[i].plus(y[i])
		} else {
			y[i] = hole
		}
		for k := range taps {
			wantY[i].add(wt[k], x[i+k*dil])
			wantX[i+k*dil].add(wt[k], dy[i])
			wantW[k].add(dy[i], x[i+k*dil])
		}
	}
	Depth(y, x, wt, dil, acc)
	DepthGradX(dx, dy, wt, dil)
	DepthGradW(dwt, dy, x, dil)
	for what, pair := range map[string]struct {
		got  []float32
		want []exactSum
	}{"y": {y, wantY}, "dx": {dx, wantX}, "dwt": {dwt, wantW}} {
		for i := range pair.got {
			if !pair.want[i].near(pair.got[i]) {
				t.Fatalf("%s: %s[%d] = %g, want %g", name, what, i, pair.got[i], pair.want[i].v)
			}
		}
	}
}
