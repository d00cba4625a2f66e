package nn

import (
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// Exporter is a layer that can be written as operators of ONNX, for inference: dropout is left out, running statistics
// are used. ONNX is called after Build; in is a value of the graph, [batch, …] with the shape of the layer's input, and so
// is out. Weights stand in the graph under the names of their parameters, in PyTorch's shapes, as they were learned: a
// network that is frozen gives the same graph.
type Exporter interface {
	ONNX(g *onnx.Graph, in string) (out string, err error)
}

// ONNX adds the network to g. in is [batch, In], out is [batch, Out].
func (n *Net) ONNX(g *onnx.Graph, in string) (out string, err error) {
	if out, err = export(g, n.Root(), in); err != nil {
		return "", fmt.Errorf("nn: %w", err)
	}
	return out, nil
}

// export adds a layer.
func export(g *onnx.Graph, l Layer, in string) (string, error) {
	e, ok := l.(Exporter)
	if !ok {
		return "", fmt.Errorf("%T cannot be written as ONNX", l)
	}
	return e.ONNX(g, in)
}

// node adds one operator with one output, whose name is the operator's.
func node(g *onnx.Graph, op string, in []string, attrs ...onnx.Attr) string {
	out := g.Free(op)
	g.Node(op, in, []string{out}, attrs...)
	return out
}

// constant adds the values of p in another shape, which must have as many.
func constant(g *onnx.Graph, p *Param, shape ...int) string {
	g.Const(p.Name, p.W, shape...)
	return p.Name
}

// scalar adds one number.
func scalar(g *onnx.Graph, v float32) string {
	name := g.Free("number")
	g.Const(name, []float32{v})
	return name
}

// ints adds a list of whole numbers.
func ints(g *onnx.Graph, v ...int) string {
	name, list := g.Free("sizes"), make([]int64, len(v))
	for i, n := range v {
		list[i] = int64(n)
	}
	g.Ints(name, list, len(list))
	return name
}

// reshape gives what lies behind the batch another shape; -1 is what is left, 0 in front is what is there.
func reshape(g *onnx.Graph, in string, to ...int) string {
	return node(g, "Reshape", []string{in, ints(g, append([]int{0}, to...)...)})
}

// ONNX adds the layers in order.
func (s *Sequential) ONNX(g *onnx.Graph, in string) (string, error) {
	for i, l := range s.Layers {
		var err error
		if in, err = export(g, l.Layer, in); err != nil {
			name := l.Name
			if name == "" {
				name = strconv.Itoa(i)
			}
			return "", fmt.Errorf("%s: %w", name, err)
		}
	}
	return in, nil
}

// ONNX is Add.
func (l *Residual) ONNX(g *onnx.Graph, in string) (string, error) {
	body, err := export(g, l.Body.Layer, in)
	if err != nil {
		return "", err
	}
	if l.Shortcut.Layer != nil {
		if in, err = export(g, l.Shortcut.Layer, in); err != nil {
			return "", err
		}
	}
	return node(g, "Add", []string{body, in}), nil
}

// ONNX is Concat along the first size.
func (l *Concat) ONNX(g *onnx.Graph, in string) (string, error) {
	outs := make([]string, len(l.Branches))
	for i, br := range l.Branches {
		var err error
		if outs[i], err = export(g, br.Layer, in); err != nil {
			return "", err
		}
	}
	return node(g, "Concat", outs, onnx.Int("axis", 1)), nil
}

// ONNX makes examples of the parts, and parts of the examples again.
func (l *Each) ONNX(g *onnx.Graph, in string) (string, error) {
	parts := node(g, "Reshape", []string{in, ints(g, append([]int{-1}, l.in...)...)})
	out, err := export(g, l.Layer, parts)
	if err != nil {
		return "", err
	}
	return node(g, "Reshape", []string{out, ints(g, append([]int{-1, l.m}, l.out...)...)}), nil
}
