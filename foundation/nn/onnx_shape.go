package nn

import (
	"errors"

	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// node adds the operator op over windows of the last size. Operators of pooling want channels, so the sizes before become
// one.
func (l *pool) node(g *onnx.Graph, op, in string) (string, error) {
	if l.full < l.out {
		return "", errors.New("a pool whose last window is cut off cannot be written as ONNX: choose sizes that fit, or leave it out (Ceil false)")
	}
	rank := len(l.lead)
	if rank != 1 {
		in = reshape(g, in, l.lead.Size(), l.in)
	}
	out := node(g, op, []string{in}, onnx.Ints("kernel_shape", l.size), onnx.Ints("strides", l.stride))
	if rank != 1 {
		out = reshape(g, out, append(append([]int{}, l.lead...), l.out)...)
	}
	return out, nil
}

// ONNX is Reshape.
func (l *Reshape) ONNX(g *onnx.Graph, in string) (string, error) {
	return reshape(g, in, l.To...), nil
}

// ONNX is Unsqueeze.
func (l *Image) ONNX(g *onnx.Graph, in string) (string, error) {
	return node(g, "Unsqueeze", []string{in, ints(g, 1)}), nil
}

// ONNX is Reshape.
func (l *Flatten) ONNX(g *onnx.Graph, in string) (string, error) {
	return reshape(g, in, append(make([]int, l.Keep), -1)...), nil
}

// ONNX is Transpose.
func (l *Transpose) ONNX(g *onnx.Graph, in string) (string, error) {
	perm := make([]int, l.rank+1)
	for i := range perm {
		perm[i] = i
	}
	perm[l.rank-1], perm[l.rank] = l.rank, l.rank-1
	return node(g, "Transpose", []string{in}, onnx.Ints("perm", perm...)), nil
}

// ONNX is Slice, Pad or both.
func (l *Crop) ONNX(g *onnx.Graph, in string) (string, error) {
	if from, to := max(l.Front, 0), l.in-max(l.Back, 0); from > 0 || to < l.in {
		in = node(g, "Slice", []string{in, ints(g, from), ints(g, to), ints(g, -1)})
	}
	if l.Front < 0 || l.Back < 0 {
		pads := make([]int, 2*(l.rank+1)) // in front of each axis, then behind each
		pads[l.rank], pads[2*l.rank+1] = max(-l.Front, 0), max(-l.Back, 0)
		in = node(g, "Pad", []string{in, ints(g, pads...)})
	}
	return in, nil
}

// last adds Gather of the last position of an axis.
func last(g *onnx.Graph, in string, axis int) string {
	name := g.Free("last")
	g.Ints(name, []int64{-1})
	return node(g, "Gather", []string{in, name}, onnx.Int("axis", axis))
}

// ONNX is Gather.
func (l *LastStep) ONNX(g *onnx.Graph, in string) (string, error) { return last(g, in, -1), nil }

// ONNX is Gather.
func (l *Last) ONNX(g *onnx.Graph, in string) (string, error) { return last(g, in, 1), nil }

// ONNX adds nothing.
func (l *Dropout) ONNX(_ *onnx.Graph, in string) (string, error) { return in, nil }

// ONNX is Add.
func (l *Positions) ONNX(g *onnx.Graph, in string) (string, error) {
	return node(g, "Add", []string{in, constant(g, l.weight, l.weight.Shape...)}), nil
}
