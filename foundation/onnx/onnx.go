// Package onnx writes networks as ONNX models, which onnxruntime, TensorRT and others run.
//
// A Graph is filled in the order in which values are computed, then laid out by Marshal: intermediate representation 8
// and operator set 17 (https://onnx.ai/onnx/operators), the oldest with LayerNormalization. Field numbers are those of
// onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). It only writes; it knows no operator's meaning.
package onnx

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// The versions that models are written in.
const (
	IRVersion = 8
	Opset     = 17
)

// maxBytes is what readers of protocol buffers accept.
const maxBytes = math.MaxInt32

// The types of values, TensorProto.DataType.
const (
	typeFloat = 1
	typeInt64 = 7
)

// Graph is a network under construction. The first mistake is kept and returned by Marshal.
type Graph struct {
	name                           string
	nodes, consts, inputs, outputs []message
	metadata                       []message
	keys                           map[string]bool // of metadata
	made                           map[string]bool // values that can be used so far
	out                            map[string]bool
	bytes                          int64
	err                            error
}

// NewGraph begins a graph. The name may not be empty.
func NewGraph(name string) *Graph {
	g := &Graph{name: name, keys: map[string]bool{}, made: map[string]bool{}, out: map[string]bool{}}
	if name == "" {
		g.fail(errors.New("the name of a graph must not be empty"))
	}
	return g
}

func (g *Graph) fail(err error) {
	if g.err == nil {
		g.err = fmt.Errorf("onnx: graph %q: %w", g.name, err)
	}
}

// define takes a name for a value. Each value is computed once.
func (g *Graph) define(name string) {
	switch {
	case name == "":
		g.fail(errors.New("the name of a value must not be empty"))
	case g.made[name]:
		g.fail(fmt.Errorf("%q is computed twice", name))
	}
	g.made[name] = true
}

// Free is a name that no value has yet: base, or base_2, base_3, ….
func (g *Graph) Free(base string) string {
	name := base
	for i := 2; g.made[name]; i++ {
		name = base + "_" + strconv.Itoa(i)
	}
	return name
}

// Metadata says something about the model, for those who run it; a key stands once.
func (g *Graph) Metadata(key, value string) {
	if key == "" || g.keys[key] {
		g.fail(fmt.Errorf("metadata %q stands twice or has no name", key))
	}
	g.keys[key] = true
	var m message // StringStringEntryProto: key 1, value 2
	m.string(1, key)
	m.string(2, value)
	g.metadata = append(g.metadata, m)
}

// Input adds a float32 input. A dimension is an int, its length, or a string, the name of a length that the caller
// chooses: Input("x", "batch", 22, 1000).
func (g *Graph) Input(name string, dims ...any) {
	g.define(name)
	g.inputs = append(g.inputs, g.valueInfo(name, dims))
}

// Output makes a value that the graph has computed one of its results. Dimensions are as in Input.
func (g *Graph) Output(name string, dims ...any) {
	if !g.made[name] {
		g.fail(fmt.Errorf("output %q is not computed", name))
	}
	if g.out[name] {
		g.fail(fmt.Errorf("output %q stands twice", name))
	}
	g.out[name] = true
	g.outputs = append(g.outputs, g.valueInfo(name, dims))
}

// valueInfo is a ValueInfoProto: name 1, type 2; TypeProto: tensor_type 1; Tensor: elem_type 1, shape 2;
// TensorShapeProto: dim 1; Dimension: dim_value 1, dim_param 2.
func (g *Graph) valueInfo(name string, dims []any) message {
	var shape, tensor, kind, info message
	for i, d := range dims {
		var dim message
		switch d := d.(type) {
		case int:
			if d < 0 {
				g.fail(fmt.Errorf("%q: dimension %d is %d, must be at least 0", name, i, d))
			}
			dim.int(1, int64(d))
		case string:
			if d == "" {
				g.fail(fmt.Errorf("%q: dimension %d has an empty name", name, i))
			}
			dim.string(2, d)
		default:
			g.fail(fmt.Errorf("%q: dimension %d is %v (%T), must be an int or a string", name, i, d, d))
		}
		shape.bytes(1, dim)
	}
	tensor.int(1, typeFloat)
	tensor.bytes(2, shape)
	kind.bytes(1, tensor)
	info.string(1, name)
	info.bytes(2, kind)
	return info
}

// Const adds weights: row-major values of the shape; no dimension is a scalar.
func (g *Graph) Const(name string, data []float32, shape ...int) {
	raw := make([]byte, 0, 4*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
	}
	g.initializer(name, typeFloat, len(data), raw, shape)
}

// Ints adds whole numbers, which Reshape, Slice and their like take as shapes, begins and ends.
func (g *Graph) Ints(name string, data []int64, shape ...int) {
	raw := make([]byte, 0, 8*len(data))
	for _, v := range data {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	g.initializer(name, typeInt64, len(data), raw, shape)
}

// initializer adds a TensorProto: dims 1, data_type 2, name 8, raw_data 9 (little-endian).
func (g *Graph) initializer(name string, kind int64, n int, raw []byte, shape []int) {
	g.define(name)
	var t message
	want := 1
	for _, d := range shape {
		if d < 0 || d > 0 && want > math.MaxInt/d {
			g.fail(fmt.Errorf("%q: shape %v is impossible", name, shape))
			return
		}
		want *= d
		t.int(1, int64(d))
	}
	if want != n {
		g.fail(fmt.Errorf("%q: %d values, shape %v takes %d", name, n, shape, want))
	}
	t.int(2, kind)
	t.string(8, name)
	t.bytes(9, raw)
	g.consts = append(g.consts, t)
	g.bytes += int64(len(t))
}

// Attr is an attribute of a node.
type Attr struct {
	name string
	body message // AttributeProto
}

// The values of AttributeProto.AttributeType.
const (
	attrFloat  = 1
	attrInt    = 2
	attrString = 3
	attrInts   = 7
)

// newAttr is an AttributeProto: name 1, then the value, type 20.
func newAttr(name string, kind int64, value func(m *message)) Attr {
	var m message
	m.string(1, name)
	value(&m)
	m.int(20, kind)
	return Attr{name, m}
}

// Int is an attribute with one whole number.
func Int(name string, v int) Attr {
	return newAttr(name, attrInt, func(m *message) { m.int(3, int64(v)) })
}

// Float is an attribute with one number.
func Float(name string, v float32) Attr {
	return newAttr(name, attrFloat, func(m *message) { m.float(2, v) })
}

// String is an attribute with a text.
func String(name, v string) Attr {
	return newAttr(name, attrString, func(m *message) { m.string(4, v) })
}

// Ints is an attribute with a list of whole numbers.
func Ints(name string, v ...int) Attr {
	return newAttr(name, attrInts, func(m *message) {
		for _, n := range v {
			m.int(8, int64(n))
		}
	})
}

// Node adds an operator of operator set 17. Its inputs are values that are there already, "" for an optional one that
// is left out; its outputs are new, "" for one that nobody needs. What an operator that is not in the set, or an
// attribute that it does not have, leads to is seen by onnx.checker only.
func (g *Graph) Node(op string, inputs, outputs []string, attrs ...Attr) {
	if op == "" || len(outputs) == 0 {
		g.fail(fmt.Errorf("node %q with %d outputs: must have a name and at least one", op, len(outputs)))
	}
	var n message // NodeProto: input 1, output 2, op_type 4, attribute 5
	for _, in := range inputs {
		if in != "" && !g.made[in] {
			g.fail(fmt.Errorf("%s: input %q is not computed before it", op, in))
		}
		n.string(1, in)
	}
	for _, out := range outputs {
		if out != "" {
			g.define(out)
		}
		n.string(2, out)
	}
	n.string(4, op)
	seen := map[string]bool{}
	for _, a := range attrs {
		if a.name == "" || seen[a.name] {
			g.fail(fmt.Errorf("%s: attribute %q stands twice or has no name", op, a.name))
		}
		seen[a.name] = true
		n.bytes(5, a.body)
	}
	g.nodes = append(g.nodes, n)
	g.bytes += int64(len(n))
}

// Gelu adds x·(1 + erf(x/√2))/2 (Hendrycks and Gimpel 2016, arXiv:1606.08415), which is an operator of its own only
// from set 20 on. The values in between are called out + ".div" and so on.
func (g *Graph) Gelu(in, out string) {
	name := func(part string) string { return out + "." + part }
	g.Const(name("sqrt2"), []float32{math.Sqrt2})
	g.Const(name("one"), []float32{1})
	g.Const(name("half"), []float32{0.5})
	g.Node("Div", []string{in, name("sqrt2")}, []string{name("div")})
	g.Node("Erf", []string{name("div")}, []string{name("erf")})
	g.Node("Add", []string{name("erf"), name("one")}, []string{name("add")})
	g.Node("Mul", []string{in, name("add")}, []string{name("mul")})
	g.Node("Mul", []string{name("mul"), name("half")}, []string{out})
}

// Marshal lays the graph out as a file. The same calls give the same bytes.
func (g *Graph) Marshal() ([]byte, error) {
	if len(g.outputs) == 0 {
		g.fail(errors.New("has no output"))
	}
	if g.bytes > maxBytes {
		g.fail(fmt.Errorf("takes %d bytes, must be below 2 GiB: models above keep their weights in other files, which is not supported", g.bytes))
	}
	if g.err != nil {
		return nil, g.err
	}
	var graph message // GraphProto: node 1, name 2, initializer 5, input 11, output 12
	for _, n := range g.nodes {
		graph.bytes(1, n)
	}
	graph.string(2, g.name)
	for _, c := range g.consts {
		graph.bytes(5, c)
	}
	for _, in := range g.inputs {
		graph.bytes(11, in)
	}
	for _, out := range g.outputs {
		graph.bytes(12, out)
	}
	var set, model message
	set.string(1, "") // OperatorSetIdProto: domain 1, the standard one; version 2
	set.int(2, Opset)
	model.int(1, IRVersion) // ModelProto: ir_version 1, producer_name 2, graph 7, opset_import 8, metadata_props 14
	model.string(2, "gyrus")
	model.bytes(7, graph)
	model.bytes(8, set)
	for _, m := range g.metadata {
		model.bytes(14, m)
	}
	if len(model) > maxBytes {
		return nil, fmt.Errorf("onnx: graph %q: takes %d bytes, must be below 2 GiB", g.name, len(model))
	}
	return model, nil
}
