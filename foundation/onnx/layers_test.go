package onnx

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
)

// array is row-major values with a shape.
type array struct {
	shape []int
	x     []float32
}

// MarshalJSON is [shape, values].
func (a array) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{append([]int{}, a.shape...), append([]float32{}, a.x...)})
}

// noise is seeded values between -2 and 2.
func noise(seed uint64, shape ...int) array {
	r := rand.New(rand.NewPCG(seed, 17))
	a := array{shape, make([]float32, product(shape))}
	for i := range a.x {
		a.x[i] = float32(4*r.Float64() - 2)
	}
	return a
}

func product(shape []int) int {
	n := 1
	for _, d := range shape {
		n *= d
	}
	return n
}

// at is one value.
func (a array) at(index ...int) float64 {
	i := 0
	for d, n := range index {
		i = i*a.shape[d] + n
	}
	return float64(a.x[i])
}

// fill makes an array of a function of the index.
func fill(shape []int, f func(i []int) float64) array {
	a := array{shape, make([]float32, product(shape))}
	index := make([]int, len(shape))
	for n := range a.x {
		for d, rest := len(shape)-1, n; d >= 0; d-- {
			index[d], rest = rest%shape[d], rest/shape[d]
		}
		a.x[n] = float32(f(index))
	}
	return a
}

// each applies a function of one number.
func (a array) each(f func(v float64) float64) array {
	return fill(a.shape, func(i []int) float64 { return f(a.at(i...)) })
}

func (g *Graph) constant(name string, a array) { g.Const(name, a.x, a.shape...) }

// layer is one operator: the graph from x to y, and y by the operator's definition.
type layer struct {
	name string
	x    array
	add  func(g *Graph)
	want array
}

func sigmoid(v float64) float64 { return 1 / (1 + math.Exp(-v)) }

// unary is an operator of one number.
func unary(op string, f func(v float64) float64, attrs ...Attr) layer {
	x := noise(1, 2, 3, 5)
	return layer{op, x, func(g *Graph) { g.Node(op, []string{"x"}, []string{"y"}, attrs...) }, x.each(f)}
}

// convolution is groups, padding, strides and dilation at once: out[b,o,h,w] = bias + Σ x·w.
func convolution() layer {
	x, w, b := noise(2, 2, 4, 5, 11), noise(3, 6, 2, 3, 4), noise(4, 6)
	// groups 2; padded by 1, 2 and 0, 1; strides 2, 1; dilation 1, 2
	want := fill([]int{2, 6, 3, 8}, func(i []int) float64 {
		sum := b.at(i[1])
		for c := range 2 {
			for kh := range 3 {
				for kw := range 4 {
					h, t := 2*i[2]+kh-1, i[3]+2*kw-2
					if h >= 0 && h < 5 && t >= 0 && t < 11 {
						sum += x.at(i[0], i[1]/3*2+c, h, t) * w.at(i[1], c, kh, kw)
					}
				}
			}
		}
		return sum
	})
	return layer{"Conv", x, func(g *Graph) {
		g.constant("w", w)
		g.constant("b", b)
		g.Node("Conv", []string{"x", "w", "b"}, []string{"y"}, Int("group", 2), Ints("pads", 1, 2, 1, 1), Ints("strides", 2, 1), Ints("dilations", 1, 2))
	}, want}
}

// pool is windows of 1 × 4 every 3 samples.
func pool(op string, f func(window []float64) float64) layer {
	x := noise(5, 2, 3, 2, 10)
	want := fill([]int{2, 3, 2, 3}, func(i []int) float64 {
		var w []float64
		for k := range 4 {
			w = append(w, x.at(i[0], i[1], i[2], 3*i[3]+k))
		}
		return f(w)
	})
	return layer{op, x, func(g *Graph) {
		g.Node(op, []string{"x"}, []string{"y"}, Ints("kernel_shape", 1, 4), Ints("strides", 1, 3))
	}, want}
}

func mean(v []float64) float64 {
	var sum float64
	for _, x := range v {
		sum += x
	}
	return sum / float64(len(v))
}

// row is the values along the last dimension.
func (a array) row(i []int) []float64 {
	v := make([]float64, a.shape[len(a.shape)-1])
	at := slices.Clone(i)
	for k := range v {
		at[len(at)-1] = k
		v[k] = a.at(at...)
	}
	return v
}

func batchNorm() layer {
	x, scale, bias, mu := noise(6, 2, 3, 4), noise(7, 3), noise(8, 3), noise(9, 3)
	variance := noise(10, 3).each(math.Abs)
	want := fill(x.shape, func(i []int) float64 {
		c := i[1]
		return (x.at(i...)-mu.at(c))/math.Sqrt(variance.at(c)+1e-3)*scale.at(c) + bias.at(c)
	})
	return layer{"BatchNormalization", x, func(g *Graph) {
		for name, a := range map[string]array{"scale": scale, "bias": bias, "mean": mu, "var": variance} {
			g.constant(name, a)
		}
		g.Node("BatchNormalization", []string{"x", "scale", "bias", "mean", "var"}, []string{"y"}, Float("epsilon", 1e-3))
	}, want}
}

func layerNorm() layer {
	x, scale, bias := noise(11, 2, 3, 7), noise(12, 7), noise(13, 7)
	want := fill(x.shape, func(i []int) float64 {
		r := x.row(i)
		m, sq := mean(r), make([]float64, len(r))
		for k, v := range r {
			sq[k] = (v - m) * (v - m)
		}
		return (x.at(i...)-m)/math.Sqrt(mean(sq)+1e-5)*scale.at(i[2]) + bias.at(i[2])
	})
	return layer{"LayerNormalization", x, func(g *Graph) {
		g.constant("scale", scale)
		g.constant("bias", bias)
		g.Node("LayerNormalization", []string{"x", "scale", "bias"}, []string{"y"}, Int("axis", -1), Float("epsilon", 1e-5))
	}, want}
}

func softmax() layer {
	x := noise(14, 2, 3, 5)
	want := fill(x.shape, func(i []int) float64 {
		var sum float64
		for _, v := range x.row(i) {
			sum += math.Exp(v)
		}
		return math.Exp(x.at(i...)) / sum
	})
	return layer{"Softmax", x, func(g *Graph) { g.Node("Softmax", []string{"x"}, []string{"y"}, Int("axis", -1)) }, want}
}

// lstm has four gates, in the order input, output, forget, cell: iₜ = σ(W xₜ + R hₜ₋₁ + b), cₜ = f·cₜ₋₁ + i·tanh(…),
// hₜ = o·tanh(cₜ) (Hochreiter and Schmidhuber 1997, doi:10.1162/neco.1997.9.8.1735).
func lstm() layer {
	const steps, batch, in, hidden = 6, 2, 3, 4
	x, w, r, b := noise(15, steps, batch, in), noise(16, 1, 4*hidden, in), noise(17, 1, 4*hidden, hidden), noise(18, 1, 8*hidden)
	y := array{[]int{steps, 1, batch, hidden}, make([]float32, steps*batch*hidden)}
	for n := range batch {
		h, c := make([]float64, hidden), make([]float64, hidden)
		for t := range steps {
			gate := make([]float64, 4*hidden)
			for k := range gate {
				gate[k] = b.at(0, k) + b.at(0, 4*hidden+k)
				for j := range in {
					gate[k] += w.at(0, k, j) * x.at(t, n, j)
				}
				for j := range hidden {
					gate[k] += r.at(0, k, j) * h[j]
				}
			}
			for k := range hidden {
				c[k] = sigmoid(gate[2*hidden+k])*c[k] + sigmoid(gate[k])*math.Tanh(gate[3*hidden+k])
				h[k] = sigmoid(gate[hidden+k]) * math.Tanh(c[k])
				y.x[(t*batch+n)*hidden+k] = float32(h[k])
			}
		}
	}
	return layer{"LSTM", x, func(g *Graph) {
		g.constant("w", w)
		g.constant("r", r)
		g.constant("b", b)
		g.Node("LSTM", []string{"x", "w", "r", "b"}, []string{"y", "", ""}, Int("hidden_size", hidden))
	}, y}
}

func gemmLayer() layer {
	x, w, b := noise(19, 3, 5), noise(20, 4, 5), noise(21, 4)
	want := fill([]int{3, 4}, func(i []int) float64 {
		sum := b.at(i[1])
		for k := range 5 {
			sum += x.at(i[0], k) * w.at(i[1], k)
		}
		return sum
	})
	return layer{"Gemm", x, func(g *Graph) {
		g.constant("w", w)
		g.constant("b", b)
		g.Node("Gemm", []string{"x", "w", "b"}, []string{"y"}, Int("transB", 1))
	}, want}
}

func matMul() layer {
	x, w := noise(22, 2, 3, 5), noise(23, 5, 4)
	want := fill([]int{2, 3, 4}, func(i []int) float64 {
		var sum float64
		for k := range 5 {
			sum += x.at(i[0], i[1], k) * w.at(k, i[2])
		}
		return sum
	})
	return layer{"MatMul", x, func(g *Graph) {
		g.constant("w", w)
		g.Node("MatMul", []string{"x", "w"}, []string{"y"})
	}, want}
}

// moves are the operators that only carry values to other places.
func moves() []layer {
	x := noise(24, 2, 3, 4)
	same := func(shape ...int) array { return array{shape, x.x} }
	node := func(op string, attrs ...Attr) func(g *Graph) {
		return func(g *Graph) { g.Node(op, []string{"x"}, []string{"y"}, attrs...) }
	}
	with := func(op string, ints ...int64) func(g *Graph) {
		return func(g *Graph) {
			g.Ints("n", ints, len(ints))
			g.Node(op, []string{"x", "n"}, []string{"y"})
		}
	}
	return []layer{
		{"Transpose", x, node("Transpose", Ints("perm", 2, 0, 1)), fill([]int{4, 2, 3}, func(i []int) float64 { return x.at(i[1], i[2], i[0]) })},
		{"Reshape", x, with("Reshape", 0, -1), same(2, 12)},
		{"Flatten", x, node("Flatten", Int("axis", 2)), same(6, 4)},
		{"Unsqueeze", x, with("Unsqueeze", 1, -1), same(2, 1, 3, 4, 1)},
		{"Squeeze", array{[]int{2, 1, 12}, x.x}, with("Squeeze", 1), same(2, 12)},
		{"Slice", x, func(g *Graph) {
			g.Ints("begin", []int64{1, -1}, 2)
			g.Ints("end", []int64{3, math.MinInt64}, 2)
			g.Ints("axes", []int64{1, 2}, 2)
			g.Ints("step", []int64{1, -2}, 2)
			g.Node("Slice", []string{"x", "begin", "end", "axes", "step"}, []string{"y"})
		}, fill([]int{2, 2, 2}, func(i []int) float64 { return x.at(i[0], i[1]+1, 3-2*i[2]) })},
		{
			"Concat", x, func(g *Graph) { g.Node("Concat", []string{"x", "x"}, []string{"y"}, Int("axis", 1)) },
			fill([]int{2, 6, 4}, func(i []int) float64 { return x.at(i[0], i[1]%3, i[2]) }),
		},
		{
			"ReduceMean", x, node("ReduceMean", Ints("axes", -1), Int("keepdims", 0)),
			fill([]int{2, 3}, func(i []int) float64 { return mean(x.row([]int{i[0], i[1], 0})) }),
		},
	}
}

// sums are operators of two arrays, the second repeated along the first dimensions.
func sums() []layer {
	x, w := noise(25, 2, 3, 4), noise(26, 3, 1)
	var all []layer
	for op, f := range map[string]func(a, b float64) float64{
		"Add": func(a, b float64) float64 { return a + b },
		"Sub": func(a, b float64) float64 { return a - b },
		"Mul": func(a, b float64) float64 { return a * b },
		"Div": func(a, b float64) float64 { return a / b },
	} {
		all = append(all, layer{op, x, func(g *Graph) {
			g.constant("w", w)
			g.Node(op, []string{"x", "w"}, []string{"y"})
		}, fill(x.shape, func(i []int) float64 { return f(x.at(i...), w.at(i[1], 0)) })})
	}
	return all
}

func layers() []layer {
	all := []layer{
		unary("Elu", func(v float64) float64 { return math.Max(v, 0) + 0.7*math.Expm1(math.Min(v, 0)) }, Float("alpha", 0.7)),
		unary("Relu", func(v float64) float64 { return math.Max(v, 0) }),
		unary("LeakyRelu", func(v float64) float64 { return math.Max(v, 0.01*v) }, Float("alpha", 0.01)),
		unary("Sigmoid", sigmoid), unary("Tanh", math.Tanh), unary("Erf", math.Erf),
		convolution(), batchNorm(), layerNorm(), softmax(), lstm(), gemmLayer(), matMul(),
		pool("AveragePool", mean), pool("MaxPool", slices.Max[[]float64]),
	}
	gelu := noise(27, 2, 9)
	all = append(all, layer{
		"Gelu", gelu, func(g *Graph) { g.Gelu("x", "y") },
		gelu.each(func(v float64) float64 { return v / 2 * (1 + math.Erf(v/math.Sqrt2)) }),
	})
	return append(append(all, moves()...), sums()...)
}
