package deep

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/foundation/weights"
)

// unfitted is an error before Fit.
func (d *decoder) unfitted() error {
	if d.net == nil {
		return fmt.Errorf("%s: is not fitted; train the pipeline or load a bundle first", d.name)
	}
	return nil
}

// Network is the network's name and the windows that it reads.
func (d *decoder) Network() (string, features.Format, error) { return d.name, d.format, d.unfitted() }

// ONNX adds the decoder: each channel is standardised, then comes the network, then what makes probabilities of its output,
// Softmax for most.
func (d *decoder) ONNX(g *onnx.Graph, in string) (string, error) {
	if err := d.unfitted(); err != nil {
		return "", err
	}
	node := func(op string, in ...string) string {
		out := g.Free(op)
		g.Node(op, in, []string{out})
		return out
	}
	for _, c := range []struct {
		name string
		v    []float64
	}{{"input.mean", d.mean}, {"input.sd", d.sd}} {
		v := make([]float32, len(c.v))
		for i, x := range c.v {
			v[i] = float32(x)
		}
		g.Const(c.name, v, len(v), 1)
	}
	x := node("Div", node("Sub", in, "input.mean"), "input.sd")
	y, err := d.net.ONNX(g, x)
	if err == nil {
		y, err = d.own.onnx(g, y)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", d.name, err)
	}
	return y, nil
}

// Weights is the network's arrays under the names and with the sizes that braindecode's class of the network has, and
// "input.mean" and "input.sd" [channels] besides, which standardise the windows: they belong in front of the network.
//
// Weights that braindecode keeps under a maximum norm are there as the network uses them, "conv_spatial.weight" and not
// "conv_spatial.parametrizations.weight.original": the limit is met already. A program that wants to load them takes the
// parametrisation off before (torch.nn.utils.parametrize.remove_parametrizations). Each batch norm has the counter
// num_batches_tracked, at 0, and each FIR filter of FBCNet its denominator 1, 0, 0, …, so that nothing is missing.
func (d *decoder) Weights() (weights.File, error) {
	if err := d.unfitted(); err != nil {
		return weights.File{}, err
	}
	f := weights.File{Metadata: map[string]string{}, Tensors: Tensors(d.net, torchShapes[d.name])}
	f.Tensors["input.mean"] = weights.Float64s(d.mean, len(d.mean))
	f.Tensors["input.sd"] = weights.Float64s(d.sd, len(d.sd))
	f.Metadata["output"] = d.own.meaning()
	f.Metadata["standardisation"] = "(window - input.mean) / input.sd for each channel, before the network"
	return f, nil
}

// torchShapes says where braindecode's arrays have sizes of 1, by the beginnings of names: "01.2" is the first size, 1, and so
// on: a digit is that size of gyrus's array, a dot is a size of 1.
var torchShapes = map[string]map[string]string{
	"eegnet": {
		"conv_temporal.": "0..1", "conv_spatial.": "0.1.", "conv_separable_depth.": "01.2", "conv_separable_point.": "012.",
		"final_layer.conv_classifier.": "01.2",
	},
	"shallow": {"conv_time_spat.conv_time.": "0.1.", "conv_time_spat.conv_spat.": "01.2", "final_layer.conv_classifier.": "012."},
	"deep4": {
		"conv_time_spat.conv_time.": "0.1.", "conv_time_spat.conv_spat.": "01.2", "conv_": "012.", "final_layer.conv_classifier.": "012.",
	},
	"eeg_conformer": {"patch_embedding.shallownet.0.": "0..1", "patch_embedding.shallownet.1.": "012.", "patch_embedding.projection.0.": "012."},
	"atcnet":        {"conv_block.conv1.": "0.1.", "conv_block.conv2.": "0..1", "conv_block.conv3.": "012."},
	"eegtcnet": {
		"eegnet_tc.conv1.": "0.1.", "eegnet_tc.depthwise_conv.": "0..1", "eegnet_tc.separable_conv_depthwise.": "012.",
		"eegnet_tc.separable_conv_pointwise.": "012.",
	},
}

// Tensors is the arrays of a network as PyTorch has them. shapes is one of torchShapes, nil where the sizes are the same.
func Tensors(net *nn.Net, shapes map[string]string) map[string]weights.Tensor {
	out := map[string]weights.Tensor{}
	for name, a := range net.Arrays() {
		shape := []int(a.Shape)
		best := ""
		for prefix := range shapes {
			if strings.HasPrefix(name, prefix) && len(prefix) > len(best) {
				best = prefix
			}
		}
		if pattern := shapes[best]; best != "" && strings.HasSuffix(name, ".weight") && len(a.Shape) > 1 {
			shape = spread(a.Shape, pattern)
		}
		out[name] = weights.Float32s(a.Data, shape...)
		if norm, ok := strings.CutSuffix(name, "running_mean"); ok {
			out[norm+"num_batches_tracked"] = weights.Tensor{DType: "I64", Shape: []int{}, Data: make([]byte, 8)}
		}
		if band, ok := strings.CutPrefix(name, "spectral_filtering.fir_list."); ok {
			one := make([]float32, len(a.Data))
			one[0] = 1
			out["spectral_filtering.fir_a_list."+band] = weights.Float32s(one, len(one))
		}
	}
	return out
}

// spread is the sizes of shape in the places that pattern says. Where the shape has more sizes than the pattern has digits,
// sizes of 1 are left out first.
func spread(shape nn.Shape, pattern string) []int {
	sizes := slices.Clone(shape)
	for len(sizes) > len(strings.ReplaceAll(pattern, ".", "")) {
		i := slices.Index(sizes[1:], 1)
		if i < 0 {
			return shape
		}
		sizes = slices.Delete(sizes, i+1, i+2)
	}
	out := make([]int, len(pattern))
	for i, c := range pattern {
		out[i] = 1
		if c != '.' {
			out[i] = sizes[c-'0']
		}
	}
	return out
}

// ONNX is one Conv with a filter for each band, all as long as the longest, around each of which zeros stand.
func (l *filterBank) ONNX(g *onnx.Graph, in string) (string, error) {
	longest := 0
	for _, f := range l.filters {
		longest = max(longest, len(f.W))
	}
	w := make([]float32, len(l.filters)*longest)
	for j, f := range l.filters {
		at := j*longest + (longest-len(f.W))/2
		for k, v := range f.W {
			w[at+len(f.W)-1-k] = v // Conv correlates
		}
	}
	name := strings.TrimSuffix(l.filters[0].Name, ".0")
	g.Const(name, w, len(l.filters), 1, 1, longest)
	image, axis, out := g.Free("Unsqueeze"), g.Free("sizes"), g.Free("Conv")
	g.Ints(axis, []int64{1}, 1)
	g.Node("Unsqueeze", []string{in, axis}, []string{image})
	g.Node("Conv", []string{image, name}, []string{out}, onnx.Ints("pads", 0, longest/2, 0, longest/2))
	return out, nil
}
