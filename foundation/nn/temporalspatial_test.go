package nn_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/nn/nntest"
)

// temporalSpatialCases are the ways in which networks begin.
var temporalSpatialCases = []struct {
	name string
	in   nn.Shape
	ts   nn.TemporalSpatial
}{
	{"depthwise, norm, padded", nn.Shape{5, 30}, nn.TemporalSpatial{Filters: 3, Kernel: 8, Pad: [2]int{4, 4}, Depth: 2, Norm: &nn.BatchNorm{Eps: 1e-3, Momentum: 0.01}}},
	{"depthwise, norm, same", nn.Shape{4, 25}, nn.TemporalSpatial{Filters: 2, Kernel: 6, Pad: [2]int{2, 3}, Depth: 1, Norm: &nn.BatchNorm{}, TemporalBias: true, SpatialBias: true}},
	{"depthwise, norm, valid", nn.Shape{1, 25}, nn.TemporalSpatial{Filters: 2, Kernel: 7, Depth: 3, Norm: &nn.BatchNorm{}}},
	{"depthwise, norm, more padding than signal", nn.Shape{3, 4}, nn.TemporalSpatial{Filters: 2, Kernel: 7, Depth: 2, Pad: [2]int{9, 1}, Norm: &nn.BatchNorm{}}},
	{"depthwise, norm, causal", nn.Shape{3, 12}, nn.TemporalSpatial{Filters: 2, Kernel: 7, Depth: 2, Pad: [2]int{6, 0}, Norm: &nn.BatchNorm{}}},
	{"depthwise", nn.Shape{3, 20}, nn.TemporalSpatial{Filters: 2, Kernel: 5, Depth: 2, Pad: [2]int{2, 2}, TemporalBias: true}},
	{"full", nn.Shape{5, 30}, nn.TemporalSpatial{Filters: 4, Kernel: 5, Out: 3, TemporalBias: true}},
	{"full, padded, biases", nn.Shape{4, 20}, nn.TemporalSpatial{Filters: 3, Kernel: 5, Out: 2, Pad: [2]int{1, 3}, TemporalBias: true, SpatialBias: true}},
	{"full, norm", nn.Shape{4, 20}, nn.TemporalSpatial{Filters: 3, Kernel: 5, Out: 2, Pad: [2]int{1, 3}, Norm: &nn.BatchNorm{Momentum: 0.3}, SpatialBias: true}},
	{"full, many taps", nn.Shape{8, 150}, nn.TemporalSpatial{Filters: 3, Kernel: 18, Out: 8, Pad: [2]int{1, 0}, TemporalBias: true, SpatialBias: true}},
}

// threeLayers is the same as separate layers under the same names.
func threeLayers(ts nn.TemporalSpatial, in nn.Shape) func() nn.Layer {
	return func() nn.Layer {
		s := &nn.Sequential{Layers: []nn.Named{
			{Name: "image", Layer: &nn.Reshape{To: nn.Shape{1, in[0], in[1]}}},
			{Name: "temporal", Layer: &nn.Conv2d{Out: ts.Filters, Kernel: [2]int{1, ts.Kernel}, PadW: ts.Pad, NoBias: !ts.TemporalBias}},
		}}
		if ts.Norm != nil {
			s.Layers = append(s.Layers, nn.Named{Name: "norm", Layer: &nn.BatchNorm{Eps: ts.Norm.Eps, Momentum: ts.Norm.Momentum}})
		}
		out, groups := ts.Out, 1
		if ts.Depth > 0 {
			out, groups = ts.Filters*ts.Depth, ts.Filters
		}
		steps := in[1] + ts.Pad[0] + ts.Pad[1] - ts.Kernel + 1
		s.Layers = append(s.Layers, nn.Named{Name: "spatial", Layer: &nn.Conv2d{Out: out, Kernel: [2]int{in[0], 1}, Groups: groups, NoBias: !ts.SpatialBias}},
			nn.Named{Name: "signal", Layer: &nn.Reshape{To: nn.Shape{out, steps}}})
		return s
	}
}

// input adds a parameter to x, so that its gradient can be read.
type input struct {
	shift *nn.Param
	y     []float32
}

func (f *input) Build(b *nn.Builder, in nn.Shape) (nn.Shape, error) {
	f.shift, f.y = b.Param("shift", append(nn.Shape{b.MaxN}, in...), nn.Const(0)), b.Batch(in)
	return in, nil
}

func (f *input) Forward(_ *nn.Pass, x []float32) []float32 {
	copy(f.y, x)
	return f.y[:len(x)]
}

func (f *input) Backward(_ *nn.Pass, dy []float32) []float32 {
	copy(f.shift.G, dy)
	return nil
}

// weigh is a loss whose gradient is what the targets say.
type weigh struct{}

func (weigh) Targets(out int) int { return out }
func (weigh) Gradient(dy, y, t, _ []float32, _ int, scale float64) float64 {
	sum := 0.0
	for i := range y {
		sum += float64(y[i]) * float64(t[i]) * scale
		dy[i] = t[i] * float32(scale)
	}
	return sum
}

func TestTemporalSpatial(t *testing.T) {
	for _, tc := range temporalSpatialCases {
		t.Run(tc.name, func(t *testing.T) {
			nntest.Check(t, func() nn.Layer { ts := tc.ts; return &ts }, tc.in, nntest.Options{})
		})
	}
}

// The layer is the three layers: outputs, running statistics and all gradients, with one worker and with several, for
// signals with and without an offset, and frozen.
func TestTemporalSpatialIsThreeLayers(t *testing.T) {
	const batch = 6
	for _, tc := range temporalSpatialCases {
		for _, workers := range []int{1, 2, 4} {
			t.Run(fmt.Sprintf("%s, %d workers", tc.name, workers), func(t *testing.T) {
				opt := nn.Options{Batch: batch, Workers: workers, Seed: 1, Train: true}
				ours, err := nn.New(func() nn.Layer { ts := tc.ts; return nn.Seq(&input{}, &ts) }, tc.in, opt)
				if err != nil {
					t.Fatal(err)
				}
				opt.Workers = 1
				plain, err := nn.New(func() nn.Layer { return nn.Seq(&input{}, threeLayers(tc.ts, tc.in)()) }, tc.in, opt)
				if err != nil {
					t.Fatal(err)
				}
				rng := rand.New(rand.NewPCG(1, 1))
				for _, p := range plain.Params {
					if strings.HasSuffix(p.Name, "shift") {
						continue
					}
					for i := range p.W {
						p.W[i] += 0.3 * rng.Float32()
					}
					copy(ours.Param(p.Name).W, p.W)
				}
				b := nn.Batch{N: batch, X: random(rng, batch*tc.in.Size()), Y: random(rng, batch*ours.Out.Size())}
				for range 2 { // the second time the running statistics are not their first values
					want, err := plain.Gradient(b, weigh{}, 1)
					if err != nil {
						t.Fatal(err)
					}
					got, err := ours.Gradient(b, weigh{}, 1)
					if err != nil {
						t.Fatal(err)
					}
					if math.Abs(got-want) > 1e-5*(1+math.Abs(want)) {
						t.Errorf("the loss is %g, want %g", got, want)
					}
				}
				top := 0.0
				for _, p := range plain.Params {
					for _, v := range p.G {
						top = max(top, math.Abs(float64(v)))
					}
				}
				for _, p := range plain.Params {
					q := ours.Param(p.Name)
					if q == nil {
						t.Fatalf("there is no %s", p.Name)
					}
					compare := func(what string, got, want []float32, scale float64) {
						for i, v := range want {
							if d := math.Abs(float64(got[i]) - float64(v)); !(d <= 2e-5*scale) {
								t.Fatalf("%s of %s: value %d is %g, want %g", what, p.Name, i, got[i], v)
							}
						}
					}
					switch {
					case p.Buffer:
						compare("statistics", q.W, p.W, 1)
					case !strings.HasSuffix(p.Name, "shift") || workers == 1: // that of several workers holds only their parts
						compare("gradient", q.G, p.G, top)
					}
				}
			})
		}
		t.Run(tc.name+", in use", func(t *testing.T) {
			ours, err := nn.New(func() nn.Layer { ts := tc.ts; return nn.Seq(&ts, &nn.BatchNorm{}) }, tc.in, nn.Options{Batch: batch, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			plain, err := nn.New(func() nn.Layer { return nn.Seq(threeLayers(tc.ts, tc.in)(), &nn.BatchNorm{}) }, tc.in, nn.Options{Batch: batch, Seed: 1})
			if err != nil {
				t.Fatal(err)
			}
			rng := rand.New(rand.NewPCG(2, 1))
			for _, p := range plain.Params {
				for i := range p.W {
					p.W[i] += 0.3 * rng.Float32()
				}
				copy(ours.Param(p.Name).W, p.W)
			}
			x := random(rng, batch*tc.in.Size())
			want, err := plain.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			want64 := make([]float64, len(want))
			for i, v := range want {
				want64[i] = float64(v)
			}
			for _, when := range []string{"as it is", "frozen", "frozen again"} {
				got, err := ours.Forward(x)
				if err != nil {
					t.Fatal(err)
				}
				near(t, when, got, want64, 1e-5)
				if err := ours.Freeze(); err != nil {
					t.Fatal(err)
				}
				if a := testing.AllocsPerRun(5, func() {
					if _, err := ours.Forward(x); err != nil {
						t.Fatal(err)
					}
				}); a != 0 {
					t.Errorf("%s: Forward allocates %g times", when, a)
				}
			}
		})
	}
}

// The statistics of outputs that are never computed are those of the definition in float64, also where the variance is
// small beside the square of the mean, or the filter takes out nearly all of the signal.
func TestTemporalSpatialStatistics(t *testing.T) {
	const batch, ch, steps, taps = 8, 6, 200, 16
	for _, tc := range []struct {
		name string
		pad  [2]int
		tol  float64
		x    func(rng *rand.Rand, x []float32)
		w    func(k int) float32
	}{
		{"offset 100", [2]int{}, 1e-6, func(rng *rand.Rand, x []float32) {
			for i := range x {
				x[i] = float32(100 + 7*(i/steps) + rng.IntN(17) - 8)
			}
		}, func(k int) float32 { return float32(1+k) / taps }},
		{"offset 100, padded", [2]int{8, 7}, 1e-6, func(rng *rand.Rand, x []float32) {
			for i := range x {
				x[i] = float32(100 - 9*(i/steps) + rng.IntN(17) - 8)
			}
		}, func(k int) float32 { return float32(1+k) / taps }},
		{"offset 10000, filter without a mean", [2]int{}, 1e-6, func(rng *rand.Rand, x []float32) {
			for i := range x {
				x[i] = float32(10000 + rng.IntN(17) - 8)
			}
		}, func(k int) float32 { return float32(1 - 2*(k%2)) }},
		{"drift 300 times the rest, filter that takes it out", [2]int{}, 1e-4, func(rng *rand.Rand, x []float32) {
			for i := range x {
				x[i] = float32(300*math.Sin(2*math.Pi*float64(i%steps)/steps+float64(i/steps)) + rng.NormFloat64())
			}
		}, func(k int) float32 { return float32(1 - 2*(k%2)) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n, err := nn.New(func() nn.Layer {
				return &nn.TemporalSpatial{Filters: 1, Kernel: taps, Pad: tc.pad, Depth: 1, Norm: &nn.BatchNorm{Momentum: 1}}
			}, nn.Shape{ch, steps}, nn.Options{Batch: batch, Workers: 2, Train: true})
			if err != nil {
				t.Fatal(err)
			}
			b := nn.Batch{N: batch, X: make([]float32, batch*ch*steps), Y: make([]float32, batch*n.Out.Size())}
			rng := rand.New(rand.NewPCG(3, 3))
			for i := range batch {
				tc.x(rng, b.X[i*ch*steps:][:ch*steps])
			}
			w := n.Param("temporal.weight").W
			for k := range w {
				w[k] = tc.w(k)
			}
			if _, err := n.Gradient(b, weigh{}, 1); err != nil {
				t.Fatal(err)
			}
			var y []float64
			for r := range batch * ch {
				row := b.X[r*steps:][:steps]
				for at := -tc.pad[0]; at+taps <= steps+tc.pad[1]; at++ {
					s := 0.0
					for k, v := range w {
						if i := at + k; i >= 0 && i < steps {
							s += float64(v) * float64(row[i])
						}
					}
					y = append(y, s)
				}
			}
			mean, vrc := 0.0, 0.0
			for _, v := range y {
				mean += v / float64(len(y))
			}
			for _, v := range y {
				vrc += (v - mean) * (v - mean) / float64(len(y)-1)
			}
			if got := float64(n.Param("norm.running_mean").W[0]); math.Abs(got-mean) > tc.tol*math.Sqrt(mean*mean+vrc) {
				t.Errorf("the mean is %g, want %g", got, mean)
			}
			if got := float64(n.Param("norm.running_var").W[0]); math.Abs(got/vrc-1) > tc.tol {
				t.Errorf("the variance is %g, want %g (differs by %.2g of it)", got, vrc, got/vrc-1)
			}
		})
	}
}
