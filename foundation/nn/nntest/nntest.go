// Package nntest is the conformance suite of layers. Check compares the gradient of a layer with finite differences, and
// the work of several workers with that of one.
package nntest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Options say what Check does; the zero value asks for the defaults.
type Options struct {
	Input     func(rng *rand.Rand, x []float32) // fills one example; nil means normal numbers
	Tolerance float64                           // of a directional derivative, relative; 0 means 1 %
	Step      float64                           // of the finite difference; 0 means 1e-2
	Discrete  bool                              // the input is not a quantity: no gradient by it
}

const batch = 5

// projection is the loss of Check: Σ y·t, whose gradient by y is t.
type projection struct{}

func (projection) Targets(out int) int { return out }

func (projection) Gradient(dy, y, t, _ []float32, _ int, scale float64) float64 {
	sum := 0.0
	for i, v := range y {
		sum += float64(v) * float64(t[i])
		dy[i] = t[i] * float32(scale)
	}
	return sum * scale
}

// front is a layer that adds a parameter to each value of its input, so that the gradient by the input of the layer
// behind it is the gradient by a parameter.
type front struct {
	shift *nn.Param
	y     []float32
}

func (f *front) Build(b *nn.Builder, in nn.Shape) (nn.Shape, error) {
	f.shift = b.Param("shift", in, nn.Const(0))
	f.y = b.Batch(in)
	return in, nil
}

func (f *front) Forward(p *nn.Pass, x []float32) []float32 {
	for i, v := range x {
		f.y[i] = v + f.shift.W[i%len(f.shift.W)]
	}
	return f.y[:len(x)]
}

func (f *front) Backward(_ *nn.Pass, dy []float32) []float32 {
	for i, v := range dy {
		f.shift.G[i%len(f.shift.G)] += v
	}
	return nil
}

// Check tests the layer that define makes, on examples of shape in.
func Check(t *testing.T, define func() nn.Layer, in nn.Shape, opt Options) {
	t.Helper()
	if opt.Input == nil {
		opt.Input = func(rng *rand.Rand, x []float32) {
			for i := range x {
				x[i] = float32(rng.NormFloat64())
			}
		}
	}
	if opt.Tolerance == 0 {
		opt.Tolerance = 0.01
	}
	if opt.Step == 0 {
		opt.Step = 1e-2
	}
	whole := func() nn.Layer {
		if opt.Discrete {
			return nn.Seq(define())
		}
		return nn.Seq(&front{}, define())
	}
	build := func(workers int) *nn.Net {
		t.Helper()
		n, err := nn.New(whole, in, nn.Options{Batch: batch, Workers: workers, Seed: 3, Train: true})
		if err != nil {
			t.Fatal(err)
		}
		// No parameter stays at a special value, such as 0 or 1.
		rng := rand.New(rand.NewPCG(4, 4))
		for _, p := range n.Params {
			if p.Buffer || p.Name == "0.shift" && !opt.Discrete {
				continue
			}
			for i := range p.W {
				p.W[i] += float32(rng.NormFloat64() * 0.1)
			}
		}
		return n
	}
	n := build(1)
	rng := rand.New(rand.NewPCG(5, 5))
	b := nn.Batch{N: batch, X: make([]float32, batch*n.In.Size()), Y: make([]float32, batch*n.Out.Size())}
	for i := range batch {
		opt.Input(rng, b.X[i*n.In.Size():(i+1)*n.In.Size()])
	}
	for i := range b.Y {
		b.Y[i] = float32(rng.NormFloat64())
	}
	loss := func(n *nn.Net) float64 {
		t.Helper()
		v, err := n.Gradient(b, projection{}, 6)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	x := slices.Clone(b.X)
	loss(n)
	if !slices.Equal(x, b.X) {
		t.Error("the input was written to")
	}
	gradient, top := map[string][]float32{}, 0.0 // top: the largest value of all
	for _, p := range n.Params {
		if !p.Buffer {
			gradient[p.Name] = slices.Clone(p.G)
			for _, v := range p.G {
				top = max(top, math.Abs(float64(v)))
			}
		}
	}
	for _, p := range n.Params {
		if p.Buffer {
			continue
		}
		t.Run(p.Name, func(t *testing.T) {
			direction(t, p, gradient[p.Name], top, rng, opt, func() float64 { return loss(n) })
		})
	}
	t.Run("several workers", func(t *testing.T) {
		for _, workers := range []int{2, 3, batch + 2} {
			many := build(workers)
			loss(many)
			for i, p := range many.Params {
				if p.Buffer {
					continue
				}
				if d := difference(p.G, gradient[n.Params[i].Name], 0.01*top); d > 1e-4 {
					t.Errorf("%d workers: the gradient by %s differs by %g of its size from that of one worker", workers, p.Name, d)
				}
			}
			again := build(workers)
			loss(again)
			if !slices.Equal(many.Grad(), again.Grad()) {
				t.Errorf("%d workers: the same step gives other bits", workers)
			}
		}
	})
	t.Run("no allocation", func(t *testing.T) {
		use, err := nn.New(whole, in, nn.Options{Batch: 1})
		if err != nil {
			t.Fatal(err)
		}
		one := b.X[:use.In.Size()]
		if a := testing.AllocsPerRun(20, func() {
			if _, err := use.Forward(one); err != nil {
				t.Fatal(err)
			}
		}); a != 0 {
			t.Errorf("Forward allocates %g times", a)
		}
	})
	t.Run("frozen equals as it is", func(t *testing.T) {
		use, err := nn.New(whole, in, nn.Options{Batch: batch, Seed: 3})
		if err != nil {
			t.Fatal(err)
		}
		y, err := use.Forward(b.X)
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(y)
		if err := use.Freeze(); err != nil {
			t.Fatal(err)
		}
		if y, err = use.Forward(b.X); err != nil {
			t.Fatal(err)
		}
		if d := difference(y, before, 1e-30); d > 1e-5 {
			t.Errorf("outputs differ by %g of their size once frozen", d)
		}
		if a := testing.AllocsPerRun(20, func() { _, _ = use.Forward(b.X) }); a != 0 {
			t.Errorf("frozen, Forward allocates %g times", a)
		}
	})
	t.Run("one by one equals batch", func(t *testing.T) {
		use, err := nn.New(whole, in, nn.Options{Batch: batch})
		if err != nil {
			t.Fatal(err)
		}
		y, err := use.Forward(b.X)
		if err != nil {
			t.Fatal(err)
		}
		y = slices.Clone(y)
		for i := range batch {
			one, err := use.Forward(b.X[i*use.In.Size() : (i+1)*use.In.Size()])
			if err != nil {
				t.Fatal(err)
			}
			if d := difference(one, y[i*use.Out.Size():(i+1)*use.Out.Size()], 1e-30); d > 1e-5 {
				t.Errorf("example %d: alone and in a batch differ by %g of its size", i, d)
			}
		}
	})
}

// direction compares derivatives along random directions, and along single values, with central differences. The tolerance
// has a part of top, the largest derivative of all parameters, because a gradient may be 0 by nature and rounding is not.
func direction(t *testing.T, p *nn.Param, g []float32, top float64, rng *rand.Rand, opt Options, loss func() float64) {
	keep := slices.Clone(p.W)
	norm := 0.0
	for _, v := range g {
		norm += float64(v) * float64(v)
	}
	norm = math.Sqrt(norm)
	for try := range 6 {
		d := make([]float64, len(g))
		what := fmt.Sprintf("random direction %d", try)
		if try < 3 {
			size := 0.0
			for i := range d {
				d[i] = rng.NormFloat64()
				size += d[i] * d[i]
			}
			for i := range d {
				d[i] /= math.Sqrt(size)
			}
		} else {
			i := rng.IntN(len(d))
			d[i] = 1
			what = fmt.Sprintf("value %d", i)
		}
		want := 0.0
		for i, v := range g {
			want += float64(v) * d[i]
		}
		at := func(h float64) float64 {
			for i := range p.W {
				p.W[i] = keep[i] + float32(h*d[i])
			}
			return loss()
		}
		// Two steps cancel the error of third order (Richardson), which lets the step be large beside rounding.
		near := (at(opt.Step/2) - at(-opt.Step/2)) / opt.Step
		far := (at(opt.Step) - at(-opt.Step)) / (2 * opt.Step)
		got := (4*near - far) / 3
		copy(p.W, keep)
		if tol := opt.Tolerance * (math.Abs(want) + 0.1*norm/math.Sqrt(float64(len(g))) + 0.01*top + 1e-3); !(math.Abs(got-want) <= tol) {
			t.Errorf("%s: derivative is %g, finite differences say %g (tolerance %g)", what, want, got, tol)
		}
	}
}

// difference is the largest difference over the largest value, which counts as at least top.
func difference(a, b []float32, top float64) float64 {
	d := 0.0
	for i := range a {
		d = max(d, math.Abs(float64(a[i])-float64(b[i])))
		top = max(top, math.Abs(float64(b[i])))
	}
	return d / top
}
