package nn_test

import (
	"encoding/json"
	"math"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// torchRun is what testdata/torch_layers.py wrote of a layer.
type torchRun struct {
	Y     []float64   `json:"y"`
	DX    []float64   `json:"dx"`
	Grads [][]float64 `json:"grads"`
}

type torchFile struct {
	LSTM      torchRun    `json:"lstm"`
	GRU       torchRun    `json:"gru"`
	LayerNorm torchRun    `json:"layer_norm"`
	Attention torchRun    `json:"attention"`
	Adam      [][]float64 `json:"adam"`
	AdamW     [][]float64 `json:"adamw"`
	SGD       [][]float64 `json:"sgd"`
	Nesterov  [][]float64 `json:"nesterov"`
}

func readTorch(t *testing.T) torchFile {
	t.Helper()
	raw, err := os.ReadFile("testdata/torch_layers.json")
	if err != nil {
		t.Fatal(err)
	}
	var f torchFile
	if err := json.Unmarshal(raw, &f); err != nil {
		t.Fatal(err)
	}
	return f
}

// wave is the script's array number j.
func wave(x []float32, j int) []float32 {
	for k := range x {
		x[k] = float32(math.Sin(1.7*float64(k)+float64(j)) / 2)
	}
	return x
}

// cosine is the script's loss.
type cosine struct{}

func (cosine) Targets(int) int { return 0 }

func (cosine) Gradient(dy, y, _, _ []float32, _ int, scale float64) float64 {
	sum := 0.0
	for k, v := range y {
		c := math.Cos(0.9 * float64(k))
		sum += float64(v) * c
		dy[k] = float32(c)
	}
	return sum * scale
}

// shifted adds a parameter to each example, whose gradient is then that by the inputs, one after the other.
type shifted struct {
	weight *nn.Param
	y      []float32
}

func (s *shifted) Build(b *nn.Builder, in nn.Shape) (nn.Shape, error) {
	s.weight, s.y = b.Param("x", nn.Shape{2, in.Size()}, nn.Const(0)), b.Batch(in)
	return in, nil
}

func (s *shifted) Forward(_ *nn.Pass, x []float32) []float32 {
	for i := range x {
		s.y[i] = x[i] + s.weight.W[i]
	}
	return s.y[:len(x)]
}

func (s *shifted) Backward(_ *nn.Pass, dy []float32) []float32 {
	copy(s.weight.G, dy)
	return nil
}

func nearTorch(t *testing.T, what string, got []float32, want []float64, tolerance float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	top := 0.0
	for _, v := range want {
		top = max(top, math.Abs(v))
	}
	for i, v := range got {
		if d := math.Abs(float64(v) - want[i]); !(d <= tolerance*max(top, 1)) {
			t.Errorf("%s: value %d is %g, PyTorch has %g", what, i, v, want[i])
			return
		}
	}
}

func TestLayersAgainstTorch(t *testing.T) {
	const layers = 1e-5 // roundings of float32, which a norm's division enlarges
	f := readTorch(t)
	for _, tc := range []struct {
		name  string
		layer func() nn.Layer
		in    nn.Shape
		want  torchRun
	}{
		{"lstm", func() nn.Layer { return &nn.LSTM{Hidden: 4} }, nn.Shape{5, 3}, f.LSTM},
		{"gru", func() nn.Layer { return &nn.GRU{Hidden: 4} }, nn.Shape{5, 3}, f.GRU},
		{"layer norm", func() nn.Layer { return &nn.LayerNorm{} }, nn.Shape{5, 6}, f.LayerNorm},
		{"attention", func() nn.Layer { return &nn.Attention{Heads: 2} }, nn.Shape{5, 6}, f.Attention},
	} {
		n, err := nn.New(func() nn.Layer { return nn.Seq(&shifted{}, tc.layer()) }, tc.in, nn.Options{Batch: 2, Train: true})
		if err != nil {
			t.Fatal(err)
		}
		for j, p := range n.Params[1:] {
			wave(p.W, j+1)
		}
		b := nn.Batch{N: 2, X: wave(make([]float32, 2*tc.in.Size()), 0)}
		y, err := n.Forward(b.X)
		if err != nil {
			t.Fatal(err)
		}
		nearTorch(t, tc.name+": output", y, tc.want.Y, layers)
		if _, err := n.Gradient(b, cosine{}, 0); err != nil {
			t.Fatal(err)
		}
		nearTorch(t, tc.name+": gradient by the input", n.Params[0].G, tc.want.DX, layers)
		for j, p := range n.Params[1:] {
			nearTorch(t, tc.name+": gradient by "+p.Name, p.G, tc.want.Grads[j], layers)
		}
	}
}

// given is a loss whose gradient by the weight of a network with one weight for each output is what the script gave.
type given struct{ g []float32 }

func (given) Targets(int) int { return 0 }

func (l given) Gradient(dy, _, _, _ []float32, _ int, _ float64) float64 {
	copy(dy, l.g)
	return 0
}

// scaled is y = w·x with one weight a value.
type scaled struct {
	w    *nn.Param
	x, y []float32
}

func (s *scaled) Build(b *nn.Builder, in nn.Shape) (nn.Shape, error) {
	s.w, s.y = b.Param("w", in, nn.Const(0)), b.Batch(in)
	return in, nil
}

func (s *scaled) Forward(_ *nn.Pass, x []float32) []float32 {
	s.x = x
	for i, v := range x {
		s.y[i] = v * s.w.W[i]
	}
	return s.y[:len(x)]
}

func (s *scaled) Backward(_ *nn.Pass, dy []float32) []float32 {
	for i, v := range dy {
		s.w.G[i] += v * s.x[i]
	}
	return nil
}

func TestOptimisersAgainstTorch(t *testing.T) {
	f := readTorch(t)
	for _, tc := range []struct {
		name string
		opt  nn.Optimiser
		rate float64
		want [][]float64
	}{
		{"adam", &nn.AdamW{}, 0.1, f.Adam},
		{"adamw", &nn.AdamW{Beta1: 0.8, Beta2: 0.95, Epsilon: 1e-6, Decay: 0.1}, 0.05, f.AdamW},
		{"sgd", &nn.SGD{Momentum: 0.9, Decay: 0.01}, 0.1, f.SGD},
		{"nesterov", &nn.SGD{Momentum: 0.9, Nesterov: true}, 0.1, f.Nesterov},
	} {
		n, err := nn.New(func() nn.Layer { return &scaled{} }, nn.Shape{7}, nn.Options{Train: true})
		if err != nil {
			t.Fatal(err)
		}
		wave(n.Params[0].W, 1)
		ones := []float32{1, 1, 1, 1, 1, 1, 1}
		for s, want := range tc.want {
			if _, err := n.Gradient(nn.Batch{N: 1, X: ones}, given{wave(make([]float32, 7), 10+s)}, 0); err != nil {
				t.Fatal(err)
			}
			tc.opt.Step(n, tc.rate)
			nearTorch(t, tc.name, n.Params[0].W, want, 5e-7) // a few roundings
		}
	}
}
