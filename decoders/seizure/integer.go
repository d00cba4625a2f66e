package seizure

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// Model is a network in integers, with its front end. It is used by one goroutine at a time.
type Model struct {
	Name    string   // of the decoder: "edge_cnn"
	Classes []string // of the logits
	Logit   float64  // what one step of a logit is worth

	front  *front
	mean   []int32  // of each feature, in units of the front end
	scale  []factor // from those units to those of the input
	each   int      // channels that go through the layers one by one, the largest of each output going on; 1 where all go together
	layers []intLayer
	pool   *intMean   // nil where there is none; behind it the largest over the channels
	head   *intHead   // the last layer
	raw    []int32    // features of a window
	act    [2][]int16 // activations in turn
	most   []int16    // what pool leaves
	in     []int16
	conv   []int16
}

// intLayer is one stage in integers.
type intLayer interface {
	// run fills y from x.
	run(y, x []int16)
	sizes() (in, out int)
}

// matrix is a weight [rows, cols] of int8 with a scale for each row, which is an output (Krishnamoorthi 2018,
// arXiv:1806.08342: one scale for all rows spends most of the 8 bits on the largest of them).
type matrix struct {
	name       string
	rows, cols int
	w          []int8
	scale      []float64 // [rows]
}

// newMatrix rounds the weights of each row symmetrically: the largest becomes ±127. What one weight loses by rounding the next
// one gets (error diffusion: Floyd and Steinberg 1976). So the sum of a row stays what it was, and the error lies in high
// frequencies along the taps of a convolution, where its inputs have little. With each weight at its nearest integer edge_cnn
// decided 4 of 482 simulated windows otherwise than in floating point, so none. A weight that is 0 was pruned and stays.
func newMatrix(p *nn.Param) matrix {
	m := matrix{name: p.Name, rows: p.Shape[0], cols: p.Shape.Size() / p.Shape[0], w: make([]int8, len(p.W))}
	m.scale = make([]float64, m.rows)
	for r := range m.scale {
		row, top := p.W[r*m.cols:][:m.cols], 0.0
		for _, v := range row {
			top = max(top, math.Abs(float64(v)))
		}
		if m.scale[r] = top / 127; top == 0 {
			m.scale[r] = 1
		}
		owed := 0.0
		for i, v := range row {
			if v == 0 {
				continue
			}
			want := float64(v) / m.scale[r]
			q := clamp8(int32(roundAway(want + owed)))
			m.w[r*m.cols+i] = q
			owed += want - float64(q)
		}
	}
	return m
}

// used counts the weights that are not 0.
func (m *matrix) used() int {
	n := 0
	for _, v := range m.w {
		if v != 0 {
			n++
		}
	}
	return n
}

// times is the product of row r with x [cols].
func (m *matrix) times(r int, x []int16) int32 {
	acc := int32(0)
	for k, w := range m.w[r*m.cols:][:m.cols] {
		acc += int32(w) * int32(x[k])
	}
	return acc
}

// factors are those from the sums of each row, of inputs with the scale from, to numbers with the scale to.
func (m *matrix) factors(from, to float64) ([]factor, error) {
	out := make([]factor, m.rows)
	for r := range out {
		var err error
		if out[r], err = newFactor(from * m.scale[r] / to); err != nil {
			return nil, fmt.Errorf("%s: output %d: %w", m.name, r, err)
		}
	}
	return out, nil
}

// biases are in units of the accumulator, for inputs with the scale from, of which none is beyond most. A sum of any inputs
// must stay within int32.
func biases(b []float32, from, most float64, m matrix) ([]int32, error) {
	out := make([]int32, len(b))
	for i, v := range b {
		q, reach := roundAway(float64(v)/(from*m.scale[i])), 0.0
		for _, w := range m.w[i*m.cols : (i+1)*m.cols] {
			reach += most * math.Abs(float64(w))
		}
		if !(math.Abs(q)+reach <= math.MaxInt32) {
			return nil, fmt.Errorf("%s: the sum of output %d may be %.3g, which does not fit into 32 bits: take fewer inputs (smaller kernels, fewer filters) or look at its bias, %g, which may be too large for the scale of its weights", m.name, i, math.Abs(q)+reach, v)
		}
		out[i] = int32(q)
	}
	return out, nil
}

// intConv is a convolution [in, steps] → [out, after]; a dense layer is one of one step.
type intConv struct {
	weight         matrix // [out, in·kernel]
	bias           []int32
	to             []factor // [out]
	in, steps      int
	out, after     int
	kernel, stride int
	relu           bool
	acc            []int32 // [after]
}

func (l *intConv) sizes() (in, out int) { return l.in * l.steps, l.out * l.after }

func (l *intConv) run(y, x []int16) {
	for o := range l.out {
		w := l.weight.w[o*l.in*l.kernel:][:l.in*l.kernel]
		acc := l.acc
		for t := range acc {
			acc[t] = l.bias[o]
		}
		if l.steps == 1 { // dense
			for c, v := range w {
				acc[0] += int32(v) * int32(x[c])
			}
		} else {
			for i, v := range w {
				l.tap(acc, x[i/l.kernel*l.steps+i%l.kernel:], int32(v))
			}
		}
		for t, v := range acc {
			q := clampFine(l.to[o].times(v))
			if l.relu {
				q = max(q, 0)
			}
			y[o*l.after+t] = q
		}
	}
}

// tap adds one weight times its inputs. Sums of integers are the same in any order.
func (l *intConv) tap(acc []int32, x []int16, w int32) {
	if w == 0 {
		return
	}
	if l.stride == 2 {
		x = x[:2*len(acc)-1]
		for t := range acc {
			acc[t] += w * int32(x[2*t])
		}
		return
	}
	for t := range acc {
		acc[t] += w * int32(x[t*l.stride])
	}
}

// intMean is the mean over time of a channel, [rows, steps] → [rows], in 16 bits: a mean is finer than what
// it is of.
type intMean struct {
	rows, steps int
	to          factor
}

// run puts the larger of it and of what most has there into most, or, for the first channel, it.
func (l *intMean) run(most, x []int16, first bool) {
	for r := range most {
		sum := int32(0)
		for _, v := range x[r*l.steps:][:l.steps] {
			sum += int32(v)
		}
		if v := clampLogit(l.to.times(sum)); first || v > most[r] {
			most[r] = v
		}
	}
}

// intHead is the last, dense layer [in] → [classes]. Its logits have all of 16 bits: with 8 the two largest would often be
// the same number, and which of them is larger is all that a decision asks for.
type intHead struct {
	weight matrix // [classes, in]
	bias   []int32
	to     []factor // [classes]
}

// logitBits is by how much finer the logits, and means over time, are than the step that would be best for 8 bits; they reach
// four times as far.
const logitBits = 6

func (l *intHead) run(logits, x []int16) {
	for o := range logits {
		acc := l.bias[o]
		for k, w := range l.weight.w[o*l.weight.cols:][:l.weight.cols] {
			acc += int32(w) * int32(x[k])
		}
		logits[o] = clampLogit(l.to[o].times(acc))
	}
}

func clampLogit(v int32) int16 { return int16(min(max(v, -math.MaxInt16), math.MaxInt16)) }

// intLSTM is [tokens, width] → [hidden], the output behind the last token. Gates are in PyTorch's order i, f, g, o. What
// comes into a gate has gateBits behind the point, the cell is an int16 with cellBits, the output has stateBits.
type intLSTM struct {
	wx, wh                matrix // [4·hidden, width], [4·hidden, hidden]
	bias                  []int32
	fromX, fromH          []factor // [4·hidden], to gateBits
	tokens, width, hidden int
	gate                  []int32
	cell                  []int16
	h                     []int16
}

func (l *intLSTM) sizes() (in, out int) { return l.tokens * l.width, l.hidden }

func (l *intLSTM) run(y, x []int16) {
	clear(l.cell)
	clear(l.h)
	n := l.hidden
	for s := range l.tokens {
		token := x[s*l.width:][:l.width]
		for g := range 4 * n {
			a, b := l.bias[g]+l.wx.times(g, token), l.wh.times(g, l.h)
			l.gate[g] = clamp16(clamp16(l.fromX[g].times(a)) + clamp16(l.fromH[g].times(b)))
		}
		for k := range n {
			i, f := sigmoidCurve.at(l.gate[k]), sigmoidCurve.at(l.gate[n+k])
			g, o := tanhCurve.at(l.gate[2*n+k]), sigmoidCurve.at(l.gate[3*n+k])
			c := roundShift(int64(f)*int64(l.cell[k]), curveBits) + roundShift(int64(i)*int64(g), 2*curveBits-cellBits)
			l.cell[k] = int16(clamp16(int32(c)))
			bent := tanhCurve.at(clamp16(int32(l.cell[k]) * (1 << (gateBits - cellBits))))
			l.h[k] = clampFine(int32(roundShift(int64(o)*int64(bent), 2*curveBits-stateBits)))
		}
	}
	copy(y, l.h)
}

// newModel rounds a trained network. eight is the best step of 8 bits for the input and for what leaves each stage.
func newModel(name string, classes []string, stages []stage, f *front, std standard, net *nn.Net, eight []float64) (*Model, error) {
	scale := make([]float64, len(eight))
	for i, v := range eight {
		scale[i] = v / (1 << fineBits)
	}
	m := &Model{Name: name, Classes: slices.Clone(classes), front: f}
	for k, mean := range std.mean {
		m.mean = append(m.mean, int32(roundAway(mean/f.unit())))
		to, err := newFactor(f.unit() / (std.sd[k] * scale[0]))
		if err != nil {
			return nil, fmt.Errorf("input %d: %w", k, err)
		}
		m.scale = append(m.scale, to)
	}
	in, steps := 1, f.samples // of what comes into a stage
	m.each = 1
	switch f.kind {
	case samplesIn:
		m.each = f.channels
	case powersIn:
		in, steps = f.size(), 1
	case secondsIn:
		in, steps = f.features(), f.count
	}
	at, last := scale[0], len(stages)-1
	for i, st := range stages[:last] {
		switch st.kind {
		case maxOverChannels: // which changes no scale
			continue
		case meanOverTime:
			to := eight[i+1] / (1 << logitBits)
			f, err := newFactor(at / (float64(steps) * to))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", st.name, err)
			}
			m.pool, at = &intMean{rows: in, steps: steps, to: f}, to
			continue
		}
		layer, err := st.integer(net, in, steps, at, scale[i+1])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", st.name, err)
		}
		m.layers = append(m.layers, layer)
		at = scale[i+1]
		switch l := layer.(type) {
		case *intConv:
			in, steps = l.out, l.after
		case *intLSTM:
			in, steps, at = l.hidden, 1, 1.0/(1<<stateBits)
		}
	}
	m.Logit = eight[last+1] / (1 << logitBits)
	top := float64(widest)
	if m.pool != nil {
		top = math.MaxInt16
	}
	var err error
	if m.head, err = newHead(net, stages[last].name, at, top, m.Logit); err != nil {
		return nil, err
	}
	m.raw, m.in, m.conv = make([]int32, f.size()), make([]int16, f.size()), make([]int16, f.channels*f.samples)
	a, b := m.plan()
	m.act = [2][]int16{make([]int16, a), make([]int16, b)}
	if m.pool != nil {
		m.most = make([]int16, m.pool.rows)
	}
	return m, nil
}

// plan is the size of the two buffers that layers write to in turn.
func (m *Model) plan() (a, b int) {
	for i, l := range m.layers {
		_, out := l.sizes()
		if i%2 == 0 {
			a = max(a, out)
		} else {
			b = max(b, out)
		}
	}
	return a, b
}

// integer rounds one stage, whose input [in, steps] has the scale from.
func (st stage) integer(net *nn.Net, in, steps int, from, to float64) (intLayer, error) {
	switch st.kind {
	case lstm:
		l := &intLSTM{wx: newMatrix(net.Param(st.name + ".weight_ih_l0")), wh: newMatrix(net.Param(st.name + ".weight_hh_l0")), tokens: steps, width: in, hidden: st.out}
		both := slices.Clone(net.Param(st.name + ".bias_ih_l0").W)
		for i, v := range net.Param(st.name + ".bias_hh_l0").W {
			both[i] += v
		}
		var errs [3]error
		l.bias, errs[0] = biases(both, from, widest, l.wx)
		l.fromX, errs[1] = l.wx.factors(from, 1.0/(1<<gateBits))
		l.fromH, errs[2] = l.wh.factors(1.0/(1<<stateBits), 1.0/(1<<gateBits))
		l.gate, l.cell, l.h = make([]int32, 4*st.out), make([]int16, st.out), make([]int16, st.out)
		return l, errors.Join(errs[:]...)
	default:
		l := &intConv{weight: newMatrix(net.Param(st.name + ".weight")), in: in, steps: steps, out: st.out, kernel: 1, stride: 1, relu: st.relu}
		if st.kind == convolution {
			l.kernel, l.stride = st.kernel, st.stride
		}
		l.after = (steps-l.kernel)/l.stride + 1
		l.acc = make([]int32, l.after)
		var err error
		if l.bias, err = biases(net.Param(st.name+".bias").W, from, widest, l.weight); err != nil {
			return nil, err
		}
		l.to, err = l.weight.factors(from, to)
		return l, err
	}
}

// newHead rounds the last layer.
func newHead(net *nn.Net, name string, from, most, to float64) (*intHead, error) {
	h := &intHead{weight: newMatrix(net.Param(name + ".weight"))}
	var errs [2]error
	h.bias, errs[0] = biases(net.Param(name+".bias").W, from, most, h.weight)
	h.to, errs[1] = h.weight.factors(from, to)
	return h, errors.Join(errs[:]...)
}

// Channels and Samples are the size of a window.
func (m *Model) Channels() int { return m.front.channels }

// Samples is that of each channel.
func (m *Model) Samples() int { return m.front.samples }

// LSB is what one step of a sample is worth, in the unit of the windows (µV).
func (m *Model) LSB() float64 { return m.front.lsb }

// Run fills logits, one to a class, from a window x [channels·samples] of the samples of a converter. It panics on other
// lengths and does not allocate.
func (m *Model) Run(logits, x []int16) {
	if len(x) != len(m.conv) || len(logits) != len(m.Classes) {
		panic(fmt.Sprintf("seizure: %d samples and room for %d logits, must be %d and %d", len(x), len(logits), len(m.conv), len(m.Classes)))
	}
	m.front.integer(m.raw, x)
	for i, v := range m.raw {
		k := m.front.feature(i)
		m.in[i] = clampFine(m.scale[k].times(v - m.mean[k]))
	}
	m.network(logits, m.in)
}

// network runs the layers.
func (m *Model) network(logits, x []int16) {
	part := len(x) / m.each
	for ch := range m.each {
		y := x[ch*part:][:part]
		for i, l := range m.layers {
			_, out := l.sizes()
			to := m.act[i%2][:out]
			l.run(to, y)
			y = to
		}
		if m.pool == nil {
			m.head.run(logits, y)
			return
		}
		m.pool.run(m.most, y, ch == 0)
	}
	m.head.run(logits, m.most)
}

// window converts a window in µV and runs it.
func (m *Model) window(logits []int16, x []float64) {
	m.front.convert(m.conv, x)
	m.Run(logits, m.conv)
}
