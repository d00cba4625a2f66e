package nn

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// ONNX is BatchNormalization.
func (l *BatchNorm) ONNX(g *onnx.Graph, in string) (string, error) {
	return l.stat.node(g, in, l.weight, l.bias), nil
}

func (r *running) node(g *onnx.Graph, in string, weight, bias *Param) string {
	inputs := []string{in}
	for _, p := range []*Param{weight, bias, r.mean, r.variance} {
		inputs = append(inputs, constant(g, p, p.Shape...))
	}
	return node(g, "BatchNormalization", inputs, onnx.Float("epsilon", float32(r.eps)))
}

// ONNX is InstanceNormalization of the groups, then Mul and Add for each channel: a GroupNormalization that all programs
// agree on came only with operator set 21.
func (l *GroupNorm) ONNX(g *onnx.Graph, in string) (string, error) {
	ones, zeros := make([]float32, l.Groups), make([]float32, l.Groups)
	for i := range ones {
		ones[i] = 1
	}
	one, zero := g.Free("ones"), g.Free("zeros")
	g.Const(one, ones, l.Groups)
	g.Const(zero, zeros, l.Groups)
	x := node(g, "InstanceNormalization", []string{reshape(g, in, l.Groups, -1), one, zero}, onnx.Float("epsilon", float32(l.eps)))
	x = reshape(g, x, l.c, l.t)
	x = node(g, "Mul", []string{x, constant(g, l.weight, l.c, 1)})
	x = node(g, "Add", []string{x, constant(g, l.bias, l.c, 1)})
	return reshape(g, x, l.shape...), nil
}

// ONNX is LayerNormalization.
func (l *LayerNorm) ONNX(g *onnx.Graph, in string) (string, error) {
	return node(g, "LayerNormalization", []string{in, constant(g, l.weight, l.width), constant(g, l.bias, l.width)},
		onnx.Int("axis", -1), onnx.Float("epsilon", float32(or(l.Epsilon, 1e-5)))), nil
}

// ONNX is PRelu with a slope for each channel.
func (l *PReLU) ONNX(g *onnx.Graph, in string) (string, error) {
	shape := make([]int, l.rank)
	for i := range shape {
		shape[i] = 1
	}
	shape[0] = l.c
	return node(g, "PRelu", []string{in, constant(g, l.weight, shape...)}), nil
}

// ONNX is the operator of that name, or a few where there is none.
func (l *pointwise) ONNX(g *onnx.Graph, in string) (string, error) {
	switch l.Name {
	case "Relu", "Elu", "Sigmoid", "Tanh":
		return node(g, l.Name, []string{in}), nil
	case "Gelu":
		out := g.Free("Gelu")
		g.Gelu(in, out)
		return out, nil
	case "SiLU":
		return node(g, "Mul", []string{in, node(g, "Sigmoid", []string{in})}), nil
	case "Square":
		return node(g, "Mul", []string{in, in}), nil
	case "SafeLog":
		return node(g, "Log", []string{node(g, "Max", []string{in, scalar(g, safeLogLeast)})}), nil
	}
	return "", fmt.Errorf("the function %q cannot be written as ONNX", l.Name)
}

// ONNX is the definition, with ReduceMean for sums.
func (l *LogVar) ONNX(g *onnx.Graph, in string) (string, error) {
	mean := func(x string) string {
		return node(g, "ReduceMean", []string{x}, onnx.Ints("axes", -1), onnx.Int("keepdims", 1))
	}
	x := reshape(g, in, l.c, l.Segments, l.length)
	x = node(g, "Sub", []string{x, mean(x)})
	v := mean(node(g, "Mul", []string{x, x}))
	n := float32(l.length)
	v = node(g, "Mul", []string{v, scalar(g, n/(n-1))})
	v = node(g, "Log", []string{node(g, "Clip", []string{v, scalar(g, float32(l.min)), scalar(g, float32(l.max))})})
	return reshape(g, v, l.c, l.Segments), nil
}
