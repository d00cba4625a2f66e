package deep

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// registered is the networks of this package, of which each can be exported.
func registered(t *testing.T) []string {
	t.Helper()
	names := decoders.Decoders().Names()
	if len(names) < 8 {
		t.Fatalf("only %q are registered", names)
	}
	return names
}

// testFormat is windows of 22 channels × 1000 samples, which all networks take with their default parameters.
func testFormat() features.Format {
	in := features.Format{Len: 1000, Rate: 250}
	for i := range 22 {
		in.Names = append(in.Names, fmt.Sprintf("E%d", i+1))
	}
	return in
}

// random is a network as if it were fitted: every array drawn at random, norms and statistics too, so that none of them
// does nothing.
func random(t *testing.T, name, params string, in features.Format, classes ...string) *decoder {
	t.Helper()
	f, err := decoders.Decoders().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	w, ok := f.(network)
	if !ok {
		t.Fatalf("%s is a %T", name, f)
	}
	if err := w.SetFormat(in); err != nil {
		t.Fatal(err)
	}
	w.SetClasses(classes)
	define, err := w.layers(in, len(classes))
	if err != nil {
		t.Fatal(err)
	}
	net, err := nn.New(define, nn.Shape{len(in.Names), in.Len}, nn.Options{Seed: 7})
	if err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(3, 4))
	d := &decoder{name: name, own: w, format: in, classes: classes}
	for range in.Names {
		d.mean, d.sd = append(d.mean, 20*rng.Float64()-10), append(d.sd, 5+10*rng.Float64())
	}
	arrays := net.Arrays()
	for _, key := range slices.Sorted(maps.Keys(arrays)) {
		a := arrays[key]
		switch {
		case strings.Contains(key, "fir_list"): // fixed
		case strings.HasSuffix(key, "running_var"):
			for i := range a.Data {
				a.Data[i] = float32(0.5 + rng.Float64())
			}
		case len(a.Shape) == 1 && strings.HasSuffix(key, "weight"):
			for i := range a.Data {
				a.Data[i] = float32(0.75 + 0.5*rng.Float64())
			}
		case len(a.Shape) == 1:
			for i := range a.Data {
				a.Data[i] = float32(0.4*rng.Float64() - 0.2)
			}
		}
	}
	if err := d.use(define, arrays); err != nil {
		t.Fatal(err)
	}
	return d
}

// field is one field of a message of protocol buffers.
type field struct {
	number int
	value  []byte // of a field with a length
	n      uint64 // of another
}

// fields cuts a message, as the encoding guide has it (https://protobuf.dev/programming-guides/encoding).
func fields(t *testing.T, m []byte) (out []field) {
	t.Helper()
	for len(m) > 0 {
		tag, n := binary.Uvarint(m)
		m = m[n:]
		f := field{number: int(tag >> 3)}
		switch tag & 7 {
		case 0:
			f.n, n = binary.Uvarint(m)
			m = m[n:]
		case 2:
			size, n := binary.Uvarint(m)
			f.value, m = m[n:n+int(size)], m[n+int(size):]
		case 5:
			f.n, m = uint64(binary.LittleEndian.Uint32(m)), m[4:]
		default:
			t.Fatalf("a field of type %d", tag&7)
		}
		out = append(out, f)
	}
	return out
}

// model is what a test wants to know of a model.
type model struct {
	ops      []string
	weights  map[string][]int // the sizes of the initializers
	metadata map[string]string
}

// read takes a model apart by the field numbers of onnx.proto.
func read(t *testing.T, raw []byte) model {
	t.Helper()
	m := model{weights: map[string][]int{}, metadata: map[string]string{}}
	for _, f := range fields(t, raw) {
		switch f.number {
		case 7: // GraphProto
			for _, g := range fields(t, f.value) {
				switch g.number {
				case 1: // NodeProto
					for _, n := range fields(t, g.value) {
						if n.number == 4 {
							m.ops = append(m.ops, string(n.value))
						}
					}
				case 5: // TensorProto
					var name string
					dims := []int{}
					for _, x := range fields(t, g.value) {
						switch x.number {
						case 1:
							dims = append(dims, int(x.n))
						case 8:
							name = string(x.value)
						}
					}
					m.weights[name] = dims
				}
			}
		case 14: // StringStringEntryProto
			e := fields(t, f.value)
			m.metadata[string(e[0].value)] = string(e[1].value)
		}
	}
	return m
}

// asONNX is the model of a decoder.
func asONNX(t *testing.T, d *decoder) []byte {
	t.Helper()
	g := onnx.NewGraph(d.name)
	g.Input("x", "batch", len(d.format.Names), d.format.Len)
	y, err := d.ONNX(g, "x")
	if err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	g.Node("Identity", []string{y}, []string{"y"})
	g.Output("y", "batch", len(d.classes))
	raw, err := g.Marshal()
	if err != nil {
		t.Fatalf("%s: %v", d.name, err)
	}
	return raw
}

// TestONNXOfEEGNet: the graph is the published network, operator by operator, with PyTorch's sizes.
func TestONNXOfEEGNet(t *testing.T) {
	m := read(t, asONNX(t, random(t, "eegnet", `{}`, testFormat(), "a", "b", "c", "d")))
	want := strings.Fields(`Sub Div Unsqueeze Conv BatchNormalization Conv Squeeze BatchNormalization Elu AveragePool
		Conv Conv BatchNormalization Elu AveragePool Conv Reshape Softmax Identity`)
	if !slices.Equal(m.ops, want) {
		t.Errorf("operators %q, want %q", m.ops, want)
	}
	for name, shape := range map[string][]int{
		"input.mean": {22, 1}, "conv_temporal.weight": {8, 1, 1, 125}, "conv_spatial.weight": {16, 1, 22, 1}, "bnorm_temporal.running_var": {8},
		"conv_separable_depth.weight": {16, 1, 16}, "final_layer.conv_classifier.weight": {4, 16, 31},
	} {
		if !slices.Equal(m.weights[name], shape) {
			t.Errorf("%s is %v, want %v", name, m.weights[name], shape)
		}
	}
}

// TestONNXHasAllWeights: every array of every network is in its graph, as large as it is, and nothing is dropped out.
func TestONNXHasAllWeights(t *testing.T) {
	for _, name := range registered(t) {
		d := random(t, name, `{}`, testFormat(), "a", "b", "c")
		m := read(t, asONNX(t, d))
		for key, a := range d.net.Arrays() {
			if strings.Contains(key, "fir_list") { // all of them are one Conv
				key = "spectral_filtering.fir_list"
				a.Shape = nn.Shape{9, 413}
			}
			if strings.HasSuffix(key, "bias_hh_l0") {
				continue // ONNX has both biases in one
			}
			size := a.Shape.Size()
			if strings.HasSuffix(key, "bias_ih_l0") {
				size *= 2
			}
			if shape, ok := m.weights[key]; !ok || nn.Shape(shape).Size() != size {
				t.Errorf("%s: %s has the sizes %v, want %d values", name, key, shape, size)
			}
		}
		if slices.Contains(m.ops, "Dropout") {
			t.Errorf("%s: drops out", name)
		}
		if m.ops[0] != "Sub" || m.ops[1] != "Div" || m.ops[len(m.ops)-2] != "Softmax" {
			t.Errorf("%s: begins %q, ends %q", name, m.ops[:2], m.ops[len(m.ops)-2:])
		}
	}
}

// TestExportUnfitted: nothing learned, nothing exported.
func TestExportUnfitted(t *testing.T) {
	d := &decoder{name: "eegnet"}
	_, _, first := d.Network()
	_, second := d.ONNX(onnx.NewGraph("g"), "x")
	_, third := d.Weights()
	for _, err := range []error{first, second, third} {
		if err == nil || !strings.Contains(err.Error(), "not fitted; train") {
			t.Errorf("error %v", err)
		}
	}
}

// TestWeightsHaveTheSizesOfBraindecode: the names and sizes are those of braindecode's state dicts, whose parametrised
// weights count by their plain names.
func TestWeightsHaveTheSizesOfBraindecode(t *testing.T) {
	for name, tc := range map[string]struct{ golden, params string }{
		"eegnet": {"EEGNet", `{"kernel_samples": 64}`}, "shallow": {"ShallowFBCSPNet", `{}`}, "deep4": {"Deep4Net", `{}`},
		"eeg_conformer": {"EEGConformer", `{}`}, "atcnet": {"ATCNet", `{}`}, "eegtcnet": {"EEGTCNet", `{"kernel_samples": 64, "activate_temporal": true}`},
		"fbcnet": {"FBCNet", `{}`},
	} {
		for _, params := range []string{tc.params, strings.Replace(tc.params, "true", "false", 1)} {
			want := goldenShapes(t, tc.golden)
			f, err := random(t, name, params, testFormat(), "a", "b", "c", "d").Weights()
			if err != nil {
				t.Fatal(err)
			}
			delete(f.Tensors, "input.mean")
			delete(f.Tensors, "input.sd")
			for key, shape := range want {
				got, ok := f.Tensors[key]
				if !ok || !slices.Equal(got.Shape, shape) {
					t.Errorf("%s: %s is %v, braindecode's is %v", name, key, got.Shape, shape)
				}
				delete(f.Tensors, key)
			}
			for key := range f.Tensors {
				t.Errorf("%s: braindecode has no %s", name, key)
			}
		}
	}
}

// trainedEEGNet has learned to tell three channels with a rhythm apart.
func trainedEEGNet(t *testing.T) *decoder {
	t.Helper()
	f, err := decoders.Decoders().New("eegnet", []byte(`{"epochs": 80, "learning_rate": 0.003, "workers": 1, "kernel_samples": 64, "padding": "symmetric"}`))
	if err != nil {
		t.Fatal(err)
	}
	in := features.Format{Names: []string{"C3", "Cz", "C4"}, Len: 256, Rate: 128}
	n := f.(network)
	if err := n.SetFormat(in); err != nil {
		t.Fatal(err)
	}
	x, y := rhythms(in, 48, 1)
	if err := f.Fit(x, y); err != nil {
		t.Fatal(err)
	}
	return f.(*eegnet).decoder
}

// rhythms is windows of noise, to which 12 Hz is added in the channel of the class.
func rhythms(in features.Format, n int, seed uint64) ([][]float64, signal.Labels) {
	rng := rand.New(rand.NewPCG(seed, 2))
	y := signal.Labels{Classes: in.Names}
	var x [][]float64
	for i := range n {
		k := i % len(in.Names)
		w := make([]float64, len(in.Names)*in.Len)
		for j := range w {
			w[j] = 30 + 10*rng.NormFloat64()
		}
		phase := 2 * math.Pi * rng.Float64()
		for t := range in.Len {
			w[k*in.Len+t] += 15 * math.Sin(2*math.Pi*12*float64(t)/in.Rate+phase)
		}
		x, y.Y = append(x, w), append(y.Y, k)
	}
	return x, y
}
