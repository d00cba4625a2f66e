package nn

import "github.com/gyrus-bci/gyrus/foundation/onnx"

// ONNX is Conv.
func (l *Conv1d) ONNX(g *onnx.Graph, in string) (string, error) {
	return l.node(g, in, l.weight.Shape,
		onnx.Ints("pads", l.padW[0], l.padW[1]), onnx.Ints("strides", l.sw), onnx.Ints("dilations", l.dil)), nil
}

// ONNX is Conv.
func (l *Conv2d) ONNX(g *onnx.Graph, in string) (string, error) {
	return l.node(g, in, l.weight.Shape,
		onnx.Ints("pads", l.padH[0], l.padW[0], l.padH[1], l.padW[1]), onnx.Ints("strides", l.sh, l.sw)), nil
}

func (l *conv) node(g *onnx.Graph, in string, shape Shape, attrs ...onnx.Attr) string {
	inputs := []string{in, constant(g, l.weight, shape...)}
	if l.bias != nil {
		inputs = append(inputs, constant(g, l.bias, l.out))
	}
	return node(g, "Conv", inputs, append(attrs, onnx.Int("group", l.groups))...)
}

// ONNX is the three operators Conv, BatchNormalization (with Norm) and Conv on images [1, C, T], so that others can go on
// training them.
func (l *TemporalSpatial) ONNX(g *onnx.Graph, in string) (string, error) {
	x := node(g, "Unsqueeze", []string{in, ints(g, 1)})
	inputs := []string{x, constant(g, l.wt, l.Filters, 1, 1, l.Kernel)}
	if l.bt != nil {
		inputs = append(inputs, constant(g, l.bt, l.Filters))
	}
	x = node(g, "Conv", inputs, onnx.Ints("pads", 0, l.Pad[0], 0, l.Pad[1]))
	if l.Norm != nil {
		x = l.stat.node(g, x, l.gamma, l.beta)
	}
	shape, groups := []int{l.outs, 1, l.ch, 1}, l.Filters
	if l.Out > 0 {
		shape, groups = []int{l.outs, l.Filters, l.ch, 1}, 1
	}
	inputs = []string{x, constant(g, l.ws, shape...)}
	if l.bs != nil {
		inputs = append(inputs, constant(g, l.bs, l.outs))
	}
	x = node(g, "Conv", inputs, onnx.Int("group", groups))
	return node(g, "Squeeze", []string{x, ints(g, 2)}), nil
}

// ONNX is AveragePool. A last window that is cut off is refused: programs do not agree on its mean.
func (l *MeanPool) ONNX(g *onnx.Graph, in string) (string, error) {
	return l.node(g, "AveragePool", in)
}

// ONNX is MaxPool.
func (l *MaxPool) ONNX(g *onnx.Graph, in string) (string, error) { return l.node(g, "MaxPool", in) }
