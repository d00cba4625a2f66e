package dqn

import (
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
)

// decide turns the values of the classes, and behind them of waiting where that is possible, into scores: of all
// probabilities those nearest to (q + l) / (g + l), which is p where the network has learned exactly E[reward] for the
// rewards g and −l. The order of q stays. Where waiting has the largest value all scores are equal.
func decide(dst []float64, q []float32, g, l float64) error {
	for k := range dst {
		dst[k] = (float64(q[k]) + l) / (g + l)
	}
	if !decoders.Simplex(dst) {
		return errors.New("the output of the network is not finite: the window is far from what it was trained on")
	}
	if greedy(q) == len(dst) {
		for k := range dst {
			dst[k] = 1 / float64(len(dst))
		}
	}
	return nil
}

// greedy is the position of the largest value, the first of equals.
func greedy(q []float32) int {
	best := 0
	for a, v := range q {
		if v > q[best] {
			best = a
		}
	}
	return best
}

// onnxDecide adds decide to g, for values q [batch, classes], or [batch, classes + 1] with waiting. The nearest
// probabilities are max(p − τ, 0) with τ the largest of (Σ of the j largest − 1)/j over all j.
func onnxDecide(g *onnx.Graph, q string, classes int, wait bool, right, loss float64) string {
	node := func(op string, in []string, attrs ...onnx.Attr) string {
		out := g.Free(op)
		g.Node(op, in, []string{out}, attrs...)
		return out
	}
	number := func(name string, v ...float32) string {
		name = g.Free(name)
		if len(v) == 1 {
			g.Const(name, v)
		} else {
			g.Const(name, v, len(v))
		}
		return name
	}
	position := func(name string, v ...int64) string {
		name = g.Free(name)
		g.Ints(name, v, len(v))
		return name
	}
	own, last := q, ""
	if wait {
		last = position("axis", -1)
		own = node("Slice", []string{q, position("begin", 0), position("end", int64(classes)), last})
	}
	p := node("Div", []string{node("Add", []string{own, number("loss", float32(loss))}), number("range", float32(right+loss))})
	sorted, places := g.Free("TopK"), g.Free("places")
	g.Node("TopK", []string{p, position("classes", int64(classes))}, []string{sorted, places}, onnx.Int("axis", -1))
	count := make([]float32, classes)
	for j := range count {
		count[j] = float32(j + 1)
	}
	axis := g.Free("axis")
	g.Ints(axis, []int64{-1})
	one := number("one", 1)
	sums := node("Sub", []string{node("CumSum", []string{sorted, axis}), one})
	tau := node("ReduceMax", []string{node("Div", []string{sums, number("counts", count...)})}, onnx.Ints("axes", -1), onnx.Int("keepdims", 1))
	p = node("Relu", []string{node("Sub", []string{p, tau})})
	if !wait {
		return p
	}
	best := node("ReduceMax", []string{own}, onnx.Ints("axes", -1), onnx.Int("keepdims", 1))
	waiting := node("Slice", []string{q, position("begin", int64(classes)), position("end", int64(classes)+1), last})
	return node("Where", []string{node("Greater", []string{waiting, best}), number("equal", 1/float32(classes)), p})
}

// meaning is what programs need to know that get the weights alone.
func meaning(right, loss float64) string {
	return fmt.Sprintf("values of deciding for the classes, and behind them of waiting where there is one more: (value + %g)/%g, moved to the nearest numbers of at least 0 with the sum 1, are probabilities", loss, right+loss)
}
