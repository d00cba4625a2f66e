package deep_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"strconv"
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
			After, Gradient  []float64 // at places spread over the tensor
			Largest, Product float64   // of the gradient: its largest value, and its product with uniform(…, 777)
			Single           float64   // by how much PyTorch's own gradient in float32 is off
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

// idle are the parameters that only shift the input of a norm or of a softmax, and so have no effect: their gradient is
// rounding, 1e-16 in PyTorch's float64.
var idle = map[string][]string{
	"EEGNet":         {"bnorm_temporal.bias"},
	"ShallowConvNet": {"conv_time_spat.conv_time.bias"},
	"Deep4Net":       {"conv_time_spat.conv_time.bias"},
	"EEGConformer": {
		"patch_embedding.shallownet.0.bias", "patch_embedding.shallownet.1.bias", "transformer.0.0.fn.1.keys.bias", "transformer.1.0.fn.1.keys.bias",
	},
	"ATCNet": {
		"attention_blocks.0.mha.fc_k.bias", "attention_blocks.1.mha.fc_k.bias", "conv_block.bn1.bias",
		"temporal_conv_nets.0.0.conv1.bias", "temporal_conv_nets.0.0.conv2.bias", "temporal_conv_nets.0.1.conv1.bias", "temporal_conv_nets.0.1.conv2.bias",
		"temporal_conv_nets.1.0.conv1.bias", "temporal_conv_nets.1.0.conv2.bias", "temporal_conv_nets.1.1.conv1.bias", "temporal_conv_nets.1.1.conv2.bias",
	},
	"EEGTCNet":   {"eegnet_tc.bn1.bias"},
	"FBCNet":     {"spatial_conv.0.bias"},
	"SignalJEPA": {"spatial_conv.1.bias"},
	"Encoder":    {"blocks.0.attention.key.bias", "blocks.1.attention.key.bias"},
}

// smallEncoder is nn.Encoder on 22 tokens of 16 values, the mean over the tokens and 4 classes.
func smallEncoder() nn.Layer {
	return &nn.Sequential{Layers: []nn.Named{
		{Name: "blocks", Layer: nn.Encoder(2, 16, 4, 24, 0)},
		{Name: "norm", Layer: &nn.LayerNorm{}},
		{Layer: &nn.Transpose{}},
		{Layer: &nn.MeanPool{}},
		{Layer: &nn.Flatten{}},
		{Name: "out", Layer: &nn.Linear{Out: 4}},
	}}
}

// One step of training has PyTorch's loss, gradients, running statistics and weights.
func TestTrainingStep(t *testing.T) {
	g := readGolden(t)
	eeg := deep.EEGNet82()
	eeg.Kernel, eeg.Dropout, eeg.MaxNorm, eeg.Limit = 64, 0, 0, 0
	flat, deep4 := deep.Shallow(), deep.Deep4()
	flat.Dropout, deep4.Dropout = 0, 0
	former := deep.ConformerOptions{Filters: 8, Kernel: 15, Pool: 30, Stride: 10, Depth: 2, Heads: 2, Expansion: 2}
	atc := deep.ATCNetOptions{Filters: 4, Kernel: 16, Kernel2: 8, Pool: 8, Pool2: 4, Depth: 2, Windows: 2, Heads: 2, HeadWidth: 3, TCNDepth: 2, TCNKernel: 4}
	tcn := deep.EEGTCNetOptions{Temporal: 4, Depth: 2, Kernel: 16, Filters: 6, TCNKernel: 4, Blocks: 2}
	fbc := deep.FBCNetOptions{Bands: 3, Spatial: 4, Segments: 3}
	lstm := deep.CNNLSTMSize{Filters: 6, Kernel: 5, Pool: 4, Hidden: 5, Dense: 7}
	for name, define := range map[string]func() (func() nn.Layer, error){
		"EEGNet":         func() (func() nn.Layer, error) { return deep.EEGNet(eeg, 4) },
		"ShallowConvNet": func() (func() nn.Layer, error) { return deep.ShallowConvNet(flat, 4) },
		"Deep4Net":       func() (func() nn.Layer, error) { return deep.Deep4Net(deep4, 4) },
		"EEGConformer":   func() (func() nn.Layer, error) { return deep.ConformerNet(former, 200, 4) },
		"ATCNet":         func() (func() nn.Layer, error) { return deep.ATCNet(atc, 192, 4) },
		"EEGTCNet":       func() (func() nn.Layer, error) { return deep.EEGTCNet(tcn, 4) },
		"FBCNet":         func() (func() nn.Layer, error) { return deep.FBCNet(fbc, 100, 100, 4) },
		"CNNLSTM":        func() (func() nn.Layer, error) { return lstm.Layers(120, 4) },
		"SignalJEPA":     func() (func() nn.Layer, error) { return deep.SignalJEPA(deep.SignalJEPAOptions{Spatial: 3}, 4) },
		"Encoder":        func() (func() nn.Layer, error) { return smallEncoder, nil },
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
			for i := range fbc.Bands { // of no meaning: their design is compared with MNE's elsewhere
				if p := net.Param("spectral_filtering.fir_list." + strconv.Itoa(i)); p != nil {
					copy(p.W, scaled(uniform(len(p.W), 500+i), 0.2, 0))
				}
			}
			for i, name := range learned {
				p := net.Param(name)
				u := uniform(len(p.W), i+1)
				switch {
				case strings.Contains(name, "bnorm") && strings.HasSuffix(name, "weight"):
					copy(p.W, scaled(u, 0.2, 1))
				case strings.Contains(name, "bnorm"):
					copy(p.W, scaled(u, 0.2, 0))
				case len(p.Shape) == 1 && strings.HasSuffix(name, "weight"): // of other norms, and slopes
					copy(p.W, scaled(u, 0.2, 1))
				case len(p.Shape) == 1:
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
			rounded := map[string]float64{}
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
				without := !p.Buffer && w.Largest < 1e-10*top
				if without != slices.Contains(idle[name], tensor) {
					t.Errorf("%s: the largest gradient by %s is %g of %g: without effect %t, want %t", name, tensor, w.Largest, top, without, !without)
				}
				scale := w.Largest
				if without {
					scale = top
				}
				// Where a norm behind them takes most of their effect away, gradients are the small difference of large terms, of
				// which float32 keeps few digits: off by as much as PyTorch's own are, they count as equal.
				differs := func(by float64) {
					if by <= 1e-4*scale || by > 2*w.Single {
						gradient = max(gradient, by/scale)
					} else {
						rounded[tensor] = max(rounded[tensor], by/scale)
					}
				}
				if !p.Buffer {
					product := 0.0
					for i, v := range uniform(len(p.W), 777) {
						product += v * float64(gradients[tensor][i])
					}
					differs(math.Abs(product-w.Product) / math.Sqrt(float64(len(p.W))))
				}
				for i := range w.After {
					at := i * (len(p.W) - 1) / (len(w.After) - 1)
					// Adam's first step is the sign of the gradient, as long as that is nothing at all (behind a unit that is off, of
					// a tap that only sees zeros) or more than rounding.
					if p.Buffer || math.Abs(w.Gradient[i]) > 1e-4*scale || w.Gradient[i] == 0 && gradients[tensor][at] == 0 {
						after = max(after, math.Abs(float64(p.W[at])-w.After[i]))
					} else if !without {
						unknown++
					}
					if !p.Buffer {
						differs(math.Abs(float64(gradients[tensor][at]) - w.Gradient[i]))
					}
				}
			}
			if unknown > 2 {
				t.Errorf("%s: the gradients of %d of the values of %d tensors are too small to compare the weights", name, unknown, len(want.Tensors))
			}
			peer, data := "PyTorch "+g.Torch+" in float64", "generated"
			if workers > 1 {
				data = "generated, 3 workers"
			}
			paritytest.Error(t, paritytest.Report{What: name + ": weights and statistics after one step of Adam", Peer: peer, Data: data, Err: after, Tol: 1e-4})
			paritytest.Error(t, paritytest.Report{What: name + ": gradients, of the largest of each tensor", Peer: peer, Data: data, Err: gradient, Tol: 1e-4})
			for tensor, by := range rounded {
				t.Logf("%s, %d workers: the gradient by %s is off by %.2g of its largest, PyTorch's in float32 by %.2g: left out", name, workers, tensor, by, want.Tensors[tensor].Single/want.Tensors[tensor].Largest)
			}
		}
	}
}
