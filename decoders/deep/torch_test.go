package deep_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

// uniform is the numbers of the same name in testdata/golden.py.
func uniform(n, seed int) []float64 {
	x := make([]float64, n)
	for i := range x {
		h := uint32((uint64(i) + uint64(seed)*1000003) * 2654435761)
		h = uint32(uint64(h^h>>15) * 2246822519)
		h ^= h >> 13
		x[i] = float64(h>>8)/(1<<23) - 1
	}
	return x
}

func scaled(x []float64, a, b float64) []float32 {
	y := make([]float32, len(x))
	for i, v := range x {
		y[i] = float32(a*v + b)
	}
	return y
}

func wide(x []float32) []float64 {
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = float64(v)
	}
	return y
}

// golden is testdata/golden.json.
type golden struct {
	Torch string
	Steps map[string]struct {
		Batch, Samples int
		Loss           float64
		Tensors        map[string]struct {
			After, Gradient []float64
			Largest         float64
		}
	}
	Checkpoints map[string]struct {
		Classes int
		Logits  []float64
	}
}

func readGolden(t *testing.T) golden {
	t.Helper()
	raw, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// Published EEGNets give PyTorch's logits.
func TestDeepTransferCheckpoints(t *testing.T) {
	g := readGolden(t)
	for name, want := range g.Checkpoints {
		t.Run(name, func(t *testing.T) {
			file := tensors(t, datasettest.Need(t, "weights/eegnet-loso/runs/"+name))
			define, err := deep.EEGNet(deep.EEGNetDeepTransfer(250), want.Classes)
			if err != nil {
				t.Fatal(err)
			}
			net, err := nn.New(define, nn.Shape{22, 1001}, nn.Options{Batch: 2})
			if err != nil {
				t.Fatal(err)
			}
			if err := deep.Load(net, deep.Rename(file, deep.EEGNetDeepTransferNames)); err != nil {
				t.Fatal(err)
			}
			if err := net.Freeze(); err != nil {
				t.Fatal(err)
			}
			y, err := net.Forward(scaled(uniform(2*22*1001, 9), 2, 0))
			if err != nil {
				t.Fatal(err)
			}
			paritytest.Within(t, "EEGNet-4,2 trained on BNCI2014-001: logits", "PyTorch "+g.Torch, name, wide(y), want.Logits, 1e-5)
		})
	}
}

// One step of training has PyTorch's loss, gradients, running statistics and weights.
func TestTrainingStep(t *testing.T) {
	g := readGolden(t)
	eeg := deep.EEGNet82()
	eeg.Kernel, eeg.Dropout, eeg.MaxNorm, eeg.Limit = 64, 0, 0, 0
	flat, deep4 := deep.Shallow(), deep.Deep4()
	flat.Dropout, deep4.Dropout = 0, 0
	for name, define := range map[string]func() (func() nn.Layer, error){
		"EEGNet":         func() (func() nn.Layer, error) { return deep.EEGNet(eeg, 4) },
		"ShallowConvNet": func() (func() nn.Layer, error) { return deep.ShallowConvNet(flat, 4) },
		"Deep4Net":       func() (func() nn.Layer, error) { return deep.Deep4Net(deep4, 4) },
	} {
		for _, workers := range []int{1, 3} {
			want := g.Steps[name]
			layers, err := define()
			if err != nil {
				t.Fatal(err)
			}
			net, err := nn.New(layers, nn.Shape{22, want.Samples}, nn.Options{Batch: want.Batch, Workers: workers, Train: true})
			if err != nil {
				t.Fatal(err)
			}
			var learned []string
			for _, p := range net.Params {
				if !p.Buffer {
					learned = append(learned, p.Name)
				}
			}
			slices.Sort(learned)
			for i, name := range learned {
				p := net.Param(name)
				u := uniform(len(p.W), i+1)
				switch {
				case strings.Contains(name, "bnorm") && strings.HasSuffix(name, "weight"):
					copy(p.W, scaled(u, 0.2, 1))
				case strings.Contains(name, "bnorm"):
					copy(p.W, scaled(u, 0.2, 0))
				case strings.HasSuffix(name, "bias"):
					copy(p.W, scaled(u, 0.5/math.Sqrt(10), 0))
				default:
					_, length := p.Rows()
					copy(p.W, scaled(u, 0.5/math.Sqrt(float64(length)), 0))
				}
			}
			b := nn.Batch{N: want.Batch, X: scaled(uniform(want.Batch*22*want.Samples, 0), 2, 0), Y: make([]float32, want.Batch*4)}
			for i := range want.Batch {
				b.Y[4*i+i*7%4] = 1
			}
			loss, err := net.Gradient(b, nn.CrossEntropy{}, 1)
			if err != nil {
				t.Fatal(err)
			}
			if math.Abs(loss-want.Loss) > 1e-5*want.Loss {
				t.Errorf("%s: the loss is %g, PyTorch's is %g", name, loss, want.Loss)
			}
			gradients := map[string][]float32{}
			for _, p := range net.Params {
				gradients[p.Name] = slices.Clone(p.G)
			}
			(&nn.AdamW{}).Step(net, 1e-3)
			top, gradient, after, unknown := 0.0, 0.0, 0.0, 0
			for _, w := range want.Tensors {
				top = max(top, w.Largest)
			}
			if len(want.Tensors) != len(net.Params) {
				t.Errorf("%s: PyTorch has %d tensors, ours %d", name, len(want.Tensors), len(net.Params))
			}
			for tensor, w := range want.Tensors {
				p := net.Param(tensor)
				if p == nil {
					t.Fatalf("%s: there is no %s", name, tensor)
				}
				// What only shifts the input of a norm has no effect: its gradient is rounding, 1e-16 in PyTorch's float64.
				idle := !p.Buffer && w.Largest < 1e-10*top
				scale := w.Largest
				if idle {
					scale = top
				}
				for i := range w.After {
					at := i * (len(p.W) - 1) / 23
					// Adam's first step is the sign of the gradient, as long as that is more than rounding.
					known := p.Buffer || math.Abs(w.Gradient[i]) > 1e-4*scale
					if !known {
						unknown++
					}
					if known {
						after = max(after, math.Abs(float64(p.W[at])-w.After[i]))
					}
					if !p.Buffer {
						gradient = max(gradient, math.Abs(float64(gradients[tensor][at])-w.Gradient[i])/scale)
					}
				}
			}
			if unknown > 24+2 { // one tensor that is idle, and two values
				t.Errorf("%s: the gradients of %d of the values of %d tensors are too small to compare the weights", name, unknown, len(want.Tensors))
			}
			peer, data := "PyTorch "+g.Torch+" in float64", "generated"
			if workers > 1 {
				data = "generated, 3 workers"
			}
			paritytest.Error(t, paritytest.Report{What: name + ": weights and statistics after one step of Adam", Peer: peer, Data: data, Err: after, Tol: 1e-4})
			paritytest.Error(t, paritytest.Report{What: name + ": gradients, of the largest of each tensor", Peer: peer, Data: data, Err: gradient, Tol: 1e-4})
		}
	}
}
