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

func TestLayers(t *testing.T) {
	apart := nntest.Options{Input: func(rng *rand.Rand, x []float32) { // no two values so near that a finite difference swaps them
		for i, j := range rng.Perm(len(x)) {
			x[i] = 0.1*float32(j) - 0.05*float32(len(x)) + 0.03
		}
	}}
	positive := nntest.Options{Input: func(rng *rand.Rand, x []float32) {
		for i := range x {
			x[i] = 0.5 + rng.Float32()
		}
	}}
	for _, tc := range []struct {
		name string
		in   nn.Shape
		opt  nntest.Options
		make func() nn.Layer
	}{
		{"conv1d", nn.Shape{3, 20}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 4, Kernel: 5, Pad: nn.Same(5, 1)} }},
		{"conv1d stride", nn.Shape{3, 21}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 4, Kernel: 5, Stride: 3, Pad: [2]int{2, 1}} }},
		{"conv1d causal dilated", nn.Shape{3, 20}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 2, Kernel: 4, Dilation: 2, Pad: nn.Causal(4, 2), NoBias: true} }},
		{"conv1d depthwise", nn.Shape{3, 20}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 6, Kernel: 6, Groups: 3, Pad: [2]int{3, 3}} }},
		{"conv1d groups", nn.Shape{4, 20}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 6, Kernel: 3, Groups: 2, Stride: 2} }},
		{"conv1d point", nn.Shape{4, 9}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 3, Kernel: 1} }},
		{"conv1d whole", nn.Shape{4, 9}, nntest.Options{}, func() nn.Layer { return &nn.Conv1d{Out: 3} }},
		{"conv2d", nn.Shape{2, 6, 9}, nntest.Options{}, func() nn.Layer {
			return &nn.Conv2d{Out: 3, Kernel: [2]int{3, 4}, PadH: [2]int{1, 1}, PadW: [2]int{1, 2}}
		}},
		{"conv2d stride", nn.Shape{2, 7, 11}, nntest.Options{}, func() nn.Layer {
			return &nn.Conv2d{Out: 4, Kernel: [2]int{3, 4}, Stride: [2]int{2, 3}, PadH: [2]int{1, 0}, Groups: 2}
		}},
		{"conv2d spatial", nn.Shape{2, 5, 11}, nntest.Options{}, func() nn.Layer { return &nn.Conv2d{Out: 4, Kernel: [2]int{0, 1}, Groups: 2, NoBias: true} }},
		{"batch norm", nn.Shape{3, 7}, nntest.Options{}, func() nn.Layer { return &nn.BatchNorm{} }},
		{"batch norm of vectors", nn.Shape{6}, nntest.Options{}, func() nn.Layer { return nn.Seq(nn.Tanh(), &nn.BatchNorm{Eps: 1e-3}) }},
		{"group norm", nn.Shape{4, 6}, nntest.Options{}, func() nn.Layer { return &nn.GroupNorm{Groups: 2} }},
		{"instance norm", nn.Shape{4, 6}, nntest.Options{}, func() nn.Layer { return &nn.GroupNorm{Groups: 4} }},
		{"dropout", nn.Shape{3, 7}, nntest.Options{}, func() nn.Layer { return &nn.Dropout{P: 0.25} }},
		{"dropout channels", nn.Shape{9, 4}, nntest.Options{}, func() nn.Layer { return &nn.Dropout{P: 0.5, Channels: true} }},
		{"relu", nn.Shape{20}, apart, nn.ReLU},
		{"elu", nn.Shape{20}, nntest.Options{}, nn.ELU},
		{"gelu", nn.Shape{20}, nntest.Options{}, nn.GELU},
		{"silu", nn.Shape{20}, nntest.Options{}, nn.SiLU},
		{"sigmoid", nn.Shape{20}, nntest.Options{}, nn.Sigmoid},
		{"tanh", nn.Shape{20}, nntest.Options{}, nn.Tanh},
		{"square", nn.Shape{20}, nntest.Options{}, nn.Square},
		{"safe log", nn.Shape{20}, positive, nn.SafeLog},
		{"mean pool", nn.Shape{3, 14}, nntest.Options{}, func() nn.Layer { return &nn.MeanPool{Size: 4} }},
		{"mean pool overlap", nn.Shape{3, 14}, nntest.Options{}, func() nn.Layer { return &nn.MeanPool{Size: 5, Stride: 2, Ceil: true} }},
		{"global mean", nn.Shape{3, 14}, nntest.Options{}, func() nn.Layer { return &nn.MeanPool{} }},
		{"max pool", nn.Shape{3, 14}, apart, func() nn.Layer { return &nn.MaxPool{Size: 3} }},
		{"max pool overlap", nn.Shape{3, 14}, apart, func() nn.Layer { return &nn.MaxPool{Size: 4, Stride: 3, Ceil: true} }},
		{"log var", nn.Shape{3, 24}, nntest.Options{}, func() nn.Layer { return &nn.LogVar{Segments: 3} }},
		{"reshape", nn.Shape{3, 4}, nntest.Options{}, func() nn.Layer { return &nn.Reshape{To: nn.Shape{2, 6}} }},
		{"flatten", nn.Shape{3, 4}, nntest.Options{}, func() nn.Layer { return &nn.Flatten{} }},
		{"flatten all but one", nn.Shape{3, 4, 2}, nntest.Options{}, func() nn.Layer { return nn.Seq(&nn.Flatten{Keep: 1}, &nn.Image{}, nn.Tanh()) }},
		{"last", nn.Shape{3, 4}, nntest.Options{}, func() nn.Layer { return &nn.LastStep{} }},
		{"transpose", nn.Shape{2, 3, 4}, nntest.Options{}, func() nn.Layer { return &nn.Transpose{} }},
		{"crop", nn.Shape{2, 9}, nntest.Options{}, func() nn.Layer { return &nn.Crop{Front: 3, Back: -2} }},
		{"each", nn.Shape{3, 4, 5}, nntest.Options{}, func() nn.Layer { return &nn.Each{Layer: &nn.Conv1d{Out: 2, Kernel: 3}} }},
		{"residual", nn.Shape{3, 8}, nntest.Options{}, func() nn.Layer {
			return &nn.Residual{Body: nn.Named{Name: "body", Layer: nn.Seq(&nn.Conv1d{Out: 2, Kernel: 1}, nn.Tanh())}, Shortcut: nn.Named{Name: "down", Layer: &nn.Conv1d{Out: 2, Kernel: 1}}}
		}},
		{"residual identity", nn.Shape{3, 8}, nntest.Options{}, func() nn.Layer { return &nn.Residual{Body: nn.Named{Name: "body", Layer: nn.ELU()}} }},
		{"concat", nn.Shape{3, 8}, nntest.Options{}, func() nn.Layer {
			return &nn.Concat{Branches: []nn.Named{{Name: "a", Layer: &nn.Conv1d{Out: 2, Kernel: 1}}, {Name: "b", Layer: nn.Tanh()}}}
		}},
	} {
		t.Run(tc.name, func(t *testing.T) { nntest.Check(t, tc.make, tc.in, tc.opt) })
	}
}

// convDefinition is the sum in the documentation, in float64.
func convDefinition(x []float32, in nn.Shape, w, bias []float32, out int, kernel, stride [2]int, dil, groups int, padH, padW [2]int) []float64 {
	c, h, wd := in[0], in[1], in[2]
	oh := (h+padH[0]+padH[1]-kernel[0])/stride[0] + 1
	ow := (wd+padW[0]+padW[1]-(kernel[1]-1)*dil-1)/stride[1] + 1
	cg := c / groups
	y := make([]float64, out*oh*ow)
	for o := range out {
		for i := range oh {
			for j := range ow {
				s := 0.0
				if bias != nil {
					s = float64(bias[o])
				}
				for q := range cg {
					ch := o/(out/groups)*cg + q
					for a := range kernel[0] {
						for b := range kernel[1] {
							r, t := i*stride[0]+a-padH[0], j*stride[1]+b*dil-padW[0]
							if r >= 0 && r < h && t >= 0 && t < wd {
								s += float64(w[((o*cg+q)*kernel[0]+a)*kernel[1]+b]) * float64(x[(ch*h+r)*wd+t])
							}
						}
					}
				}
				y[(o*oh+i)*ow+j] = s
			}
		}
	}
	return y
}

func near(t *testing.T, what string, got []float32, want []float64, tol float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	d, top := 0.0, 1e-30
	for i, v := range want {
		top = max(top, math.Abs(v))
		e := math.Abs(float64(got[i]) - v)
		if math.IsNaN(e) {
			e = math.Inf(1)
		}
		d = max(d, e)
	}
	if d > tol*top {
		t.Errorf("%s: differs by %g of its largest value, want at most %g", what, d/top, tol)
	}
}

func random(rng *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	return x
}

func TestConvIsTheSum(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for try := range 60 {
		groups := 1 + rng.IntN(3)
		in := nn.Shape{groups * (1 + rng.IntN(3)), 1 + rng.IntN(5), 8 + rng.IntN(20)}
		c := nn.Conv2d{
			Out: groups * (1 + rng.IntN(3)), Kernel: [2]int{1 + rng.IntN(in[1]), 1 + rng.IntN(8)},
			Stride: [2]int{1 + rng.IntN(2), 1 + rng.IntN(4)}, Groups: groups,
			PadH: [2]int{rng.IntN(3), rng.IntN(3)}, PadW: [2]int{rng.IntN(4), rng.IntN(4)}, NoBias: try%3 == 0,
		}
		dil := 1
		var layer nn.Layer = &c
		shape := in
		if try%2 == 0 { // one row: Conv1d
			in[1], c.Kernel[0], c.Stride[0], c.PadH = 1, 1, 1, [2]int{}
			shape = nn.Shape{in[0], in[2]}
			if c.Stride[1] == 1 {
				dil = 1 + rng.IntN(2)
			}
			if c.Kernel[1] > 4 {
				c.Kernel[1] = 4
			}
			layer = &nn.Conv1d{Out: c.Out, Kernel: c.Kernel[1], Stride: c.Stride[1], Dilation: dil, Groups: groups, Pad: c.PadW, NoBias: c.NoBias}
		}
		n, err := nn.New(func() nn.Layer { return layer }, shape, nn.Options{Batch: 1, Seed: uint64(try)})
		if err != nil {
			t.Fatal(err)
		}
		x := random(rng, in.Size())
		var bias []float32
		if !c.NoBias {
			bias = n.Param("bias").W
		}
		want := convDefinition(x, in, n.Param("weight").W, bias, c.Out, c.Kernel, c.Stride, dil, groups, c.PadH, c.PadW)
		for _, when := range []string{"", ", frozen"} {
			got, err := n.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			near(t, fmt.Sprintf("%+v dilation %d of %v%s", c.Kernel, dil, in, when), got, want, 1e-5)
			if err := n.Freeze(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// Statistics and outputs of a batch with a mean 1000 times its deviation are those of the definition in float64.
func TestBatchNormFarFromZero(t *testing.T) {
	const batch, ch, steps = 7, 3, 50
	for _, workers := range []int{1, 3} {
		n, err := nn.New(func() nn.Layer { return &nn.BatchNorm{Momentum: 1} }, nn.Shape{ch, steps}, nn.Options{Batch: batch, Workers: workers, Train: true})
		if err != nil {
			t.Fatal(err)
		}
		b := nn.Batch{N: batch, X: random(rand.New(rand.NewPCG(1, 5)), batch*ch*steps), Y: make([]float32, batch*ch*steps)}
		for i := range b.X {
			b.X[i] += 1000
		}
		if _, err := n.Gradient(b, weigh{}, 1); err != nil {
			t.Fatal(err)
		}
		for c := range ch {
			var mean, variance float64
			for pass := range 2 {
				for i := range batch {
					for _, v := range b.X[(i*ch+c)*steps:][:steps] {
						if pass == 0 {
							mean += float64(v) / (batch * steps)
						} else {
							variance += (float64(v) - mean) * (float64(v) - mean) / (batch*steps - 1)
						}
					}
				}
			}
			if got := float64(n.Param("running_mean").W[c]); math.Abs(got/mean-1) > 1e-6 {
				t.Errorf("%d workers: the mean is %g, want %g", workers, got, mean)
			}
			if got := float64(n.Param("running_var").W[c]); math.Abs(got/variance-1) > 1e-5 {
				t.Errorf("%d workers: the variance is %g, want %g", workers, got, variance)
			}
		}
	}
}

// What no layer can be made of is refused with what is allowed.
func TestLayersRefuse(t *testing.T) {
	for what, tc := range map[string]struct {
		layer nn.Layer
		in    nn.Shape
		says  string
	}{
		"a reshape to negative sizes":   {&nn.Reshape{To: nn.Shape{-2, -3}}, nn.Shape{6}, "each size must be at least 1"},
		"a reshape to nothing":          {&nn.Reshape{To: nn.Shape{0}}, nn.Shape{6}, "each size must be at least 1"},
		"a negative stride":             {&nn.Conv1d{Out: 1, Kernel: 2, Stride: -1}, nn.Shape{1, 6}, "must not be negative"},
		"a negative dilation":           {&nn.Conv1d{Out: 1, Kernel: 2, Dilation: -1}, nn.Shape{1, 6}, "must not be negative"},
		"a negative kernel":             {&nn.Conv1d{Out: 1, Kernel: -2}, nn.Shape{1, 6}, "must not be negative"},
		"negative groups":               {&nn.Conv1d{Out: 1, Kernel: 2, Groups: -1}, nn.Shape{1, 6}, "must not be negative"},
		"a negative stride of an image": {&nn.Conv2d{Out: 1, Kernel: [2]int{1, 2}, Stride: [2]int{1, -2}}, nn.Shape{1, 2, 6}, "must not be negative"},
		"a negative stride of a pool":   {&nn.MeanPool{Size: 2, Stride: -1}, nn.Shape{1, 6}, "must be at least 1"},
		"a negative pool":               {&nn.MaxPool{Size: -2}, nn.Shape{1, 6}, "must be at least 1"},
	} {
		_, err := nn.New(func() nn.Layer { return tc.layer }, tc.in, nn.Options{})
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: the error is %v, must say %q", what, err, tc.says)
		}
	}
}
