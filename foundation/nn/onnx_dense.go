package nn

import (
	"errors"
	"math"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// matrix adds x·Wᵀ + b on the last size. The weight keeps PyTorch's shape, [out, in].
func matrix(g *onnx.Graph, in string, weight, bias *Param) string {
	w := node(g, "Transpose", []string{constant(g, weight, weight.Shape...)}, onnx.Ints("perm", 1, 0))
	out := node(g, "MatMul", []string{in, w})
	if bias != nil {
		out = node(g, "Add", []string{out, constant(g, bias, bias.Shape...)})
	}
	return out
}

// ONNX is MatMul and Add.
func (l *Linear) ONNX(g *onnx.Graph, in string) (string, error) {
	return matrix(g, in, l.weight, l.bias), nil
}

// ONNX is products, Softmax and products, with one axis for heads.
func (l *Attention) ONNX(g *onnx.Graph, in string) (string, error) {
	if l.groups != 1 {
		return "", errors.New("attention along one of two axes of tokens cannot be written as ONNX yet")
	}
	width := l.hw / l.Heads
	heads := func(j int, perm ...int) string { // [batch, heads, tokens, width], or with the last two swapped
		y := reshape(g, matrix(g, in, l.weight[j], l.bias[j]), l.n, l.Heads, width)
		return node(g, "Transpose", []string{y}, onnx.Ints("perm", perm...))
	}
	q, k, v := heads(0, 0, 2, 1, 3), heads(1, 0, 2, 3, 1), heads(2, 0, 2, 1, 3)
	a := node(g, "MatMul", []string{node(g, "Mul", []string{q, scalar(g, l.scale())}), k})
	if l.Causal {
		mask, name := make([]float32, l.n*l.n), g.Free("mask")
		for i := range l.n {
			for j := i + 1; j < l.n; j++ {
				mask[i*l.n+j] = float32(math.Inf(-1))
			}
		}
		g.Const(name, mask, l.n, l.n)
		a = node(g, "Add", []string{a, name})
	}
	a = node(g, "Softmax", []string{a}, onnx.Int("axis", -1))
	o := node(g, "Transpose", []string{node(g, "MatMul", []string{a, v})}, onnx.Ints("perm", 0, 2, 1, 3))
	return matrix(g, reshape(g, o, l.n, l.hw), l.weight[3], l.bias[3]), nil
}

// ONNX is LSTM, which has time first, a direction, and the gates in the order i, o, f, g.
func (l *LSTM) ONNX(g *onnx.Graph, in string) (string, error) {
	return l.node(g, in, "LSTM", []int{0, 3, 1, 2}), nil
}

// ONNX is GRU, which has time first, a direction, and the gates in the order z, r, n.
func (l *GRU) ONNX(g *onnx.Graph, in string) (string, error) {
	return l.node(g, in, "GRU", []int{1, 0, 2}, onnx.Int("linear_before_reset", 1)), nil
}

// node adds the operator op with the gates in another order.
func (r *recurrent) node(g *onnx.Graph, in, op string, order []int, attrs ...onnx.Attr) string {
	ordered := func(p *Param, width int) (out []float32) {
		size := r.h * width
		for _, k := range order {
			out = append(out, p.W[k*size:(k+1)*size]...)
		}
		return out
	}
	g.Const(r.wx.Name, ordered(r.wx, r.d), 1, r.gates*r.h, r.d)
	g.Const(r.whh.Name, ordered(r.whh, r.h), 1, r.gates*r.h, r.h)
	bias := g.Free(r.bih.Name)
	g.Const(bias, append(ordered(r.bih, 1), ordered(r.bhh, 1)...), 1, 2*r.gates*r.h)
	x := node(g, "Transpose", []string{in}, onnx.Ints("perm", 1, 0, 2))
	y := node(g, op, []string{x, r.wx.Name, r.whh.Name, bias}, append(attrs, onnx.Int("hidden_size", r.h))...)
	y = node(g, "Squeeze", []string{y, ints(g, 1)}) // [tokens, batch, hidden]
	return node(g, "Transpose", []string{y}, onnx.Ints("perm", 1, 0, 2))
}
