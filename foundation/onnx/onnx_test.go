package onnx

import (
	"bytes"
	"math"
	"os"
	"strings"
	"testing"
)

func gemm() *Graph {
	g := NewGraph("gemm")
	g.Input("x", "batch", 3)
	g.Const("w", []float32{1, -2, 3, 0.25, 1e-9, 7}, 2, 3)
	g.Const("b", []float32{0.5, -0.5}, 2)
	g.Node("Gemm", []string{"x", "w", "b"}, []string{"z"}, Float("alpha", 0.5), Int("transB", 1))
	g.Node("Softmax", []string{"z"}, []string{"y"}, Int("axis", -1))
	g.Output("y", "batch", 2)
	return g
}

func conv() *Graph {
	g := NewGraph("conv")
	g.Input("x", 1, 1, 3, 300)
	w := make([]float32, 12)
	for i := range w {
		w[i] = float32(i) / 4
	}
	g.Const("w", w, 2, 1, 3, 2)
	g.Ints("begin", []int64{0, 0, 0, 0}, 4)
	g.Ints("end", []int64{1, 2, 1, -3}, 4)
	g.Ints("step", []int64{1, 1, 1, 2}, 4)
	g.Node("Conv", []string{"x", "w"}, []string{"c"}, String("auto_pad", "VALID"), Ints("strides", 1, 2))
	g.Node("Slice", []string{"c", "begin", "end", "", "step"}, []string{"y"})
	g.Output("y", 1, 2, 1, "time")
	return g
}

// TestGoldenBytes: the same models built with the onnx package are the same files.
func TestGoldenBytes(t *testing.T) {
	for name, g := range map[string]*Graph{"gemm": gemm(), "conv": conv()} {
		want, err := os.ReadFile("testdata/" + name + ".onnx")
		if err != nil {
			t.Fatal(err)
		}
		got, err := g.Marshal()
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %v\n got %x\nwant %x", name, err, got, want)
		}
	}
}

// TestWire: the examples of the protocol buffers' encoding guide (https://protobuf.dev/programming-guides/encoding).
func TestWire(t *testing.T) {
	var m message
	m.int(1, 150)
	m.string(2, "testing")
	m.int(1, -2)
	m.float(3, 1)
	want := []byte{
		0x08, 0x96, 0x01, 0x12, 0x07, 0x74, 0x65, 0x73, 0x74, 0x69, 0x6e, 0x67,
		0x08, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0x1d, 0, 0, 0x80, 0x3f,
	}
	if !bytes.Equal(m, want) {
		t.Errorf("got %x, want %x", []byte(m), want)
	}
}

func TestMistakes(t *testing.T) {
	for name, tc := range map[string]struct {
		build func(g *Graph)
		want  string
	}{
		"no output":       {func(g *Graph) {}, "no output"},
		"unknown input":   {func(g *Graph) { g.Node("Elu", []string{"z"}, []string{"y"}) }, `input "z" is not computed`},
		"twice":           {func(g *Graph) { g.Node("Elu", []string{"x"}, []string{"x"}) }, "computed twice"},
		"unknown output":  {func(g *Graph) { g.Output("q") }, `output "q" is not computed`},
		"output twice":    {func(g *Graph) { g.Output("x"); g.Output("x") }, "stands twice"},
		"shape":           {func(g *Graph) { g.Const("w", make([]float32, 5), 2, 3) }, "5 values, shape [2 3] takes 6"},
		"negative":        {func(g *Graph) { g.Ints("w", nil, -1, 0) }, "impossible"},
		"overflow":        {func(g *Graph) { g.Const("w", nil, math.MaxInt, 4) }, "impossible"},
		"dimension":       {func(g *Graph) { g.Input("w", 1.5) }, "must be an int or a string"},
		"negative length": {func(g *Graph) { g.Input("w", -1) }, "at least 0"},
		"unnamed length":  {func(g *Graph) { g.Input("w", "") }, "empty name"},
		"unnamed value":   {func(g *Graph) { g.Input("") }, "must not be empty"},
		"no operator":     {func(g *Graph) { g.Node("", []string{"x"}, []string{"y"}) }, "must have a name"},
		"metadata twice":  {func(g *Graph) { g.Metadata("a", "1"); g.Metadata("a", "2") }, `metadata "a" stands twice`},
		"unnamed entry":   {func(g *Graph) { g.Metadata("", "1") }, "has no name"},
		"same attribute":  {func(g *Graph) { g.Node("Elu", []string{"x"}, []string{"y"}, Float("alpha", 1), Float("alpha", 2)) }, "stands twice"},
	} {
		g := NewGraph("g")
		g.Input("x", 2)
		tc.build(g)
		if _, err := g.Marshal(); err == nil || !strings.Contains(err.Error(), tc.want) || !strings.HasPrefix(err.Error(), `onnx: graph "g": `) {
			t.Errorf("%s: error %v, want one with %q", name, err, tc.want)
		}
	}
	if _, err := NewGraph("").Marshal(); err == nil {
		t.Error("a graph without a name passes")
	}
}
