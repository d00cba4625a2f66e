package nn

import "fmt"

// Conv1d is a convolution over time (without turning the taps around, as networks do): [in, T] → [Out, T'],
//
//	y[o,t] = b[o] + Σ_c Σ_k W[o,c,k]·x[c, Stride·t + Dilation·k − Pad[0]]
//
// where x is 0 outside and c runs over the in/Groups channels of the group of o. T' is
// (T + Pad[0] + Pad[1] − Dilation·(Kernel−1) − 1)/Stride + 1, rounded down.
type Conv1d struct {
	Out      int
	Kernel   int     // taps; 0 means all of the input, which leaves one step
	Stride   int     // 0 means 1
	Dilation int     // 0 means 1; not together with a stride
	Groups   int     // 0 means 1; the number of channels makes it depthwise
	Pad      [2]int  // zeros in front and behind
	NoBias   bool    //
	Init     Init    // of the weights; nil means FanIn
	MaxNorm  float32 // largest Euclidean norm of the weights of one output; 0 means no limit

	conv
}

// Same is the padding that keeps the number of steps: for an even kernel one more behind than in front, as PyTorch's
// padding="same" has it.
func Same(kernel, dilation int) [2]int {
	total := (kernel - 1) * dilation
	return [2]int{total / 2, total - total/2}
}

// Causal is the padding that keeps the number of steps and lets no output see a later input.
func Causal(kernel, dilation int) [2]int { return [2]int{(kernel - 1) * dilation, 0} }

// Build asks for weight [Out, in/Groups, Kernel] and bias [Out].
func (l *Conv1d) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("conv1d: the input is %v, must be [channels, time]", in)
	}
	if min(l.Stride, l.Dilation, l.Groups, l.Kernel) < 0 {
		return nil, fmt.Errorf("conv1d: kernel %d, stride %d, dilation %d and %d groups, must not be negative", l.Kernel, l.Stride, l.Dilation, l.Groups)
	}
	kernel := l.Kernel
	if kernel == 0 {
		kernel = in[1]
	}
	l.conv = conv{
		in: in[0], out: l.Out, groups: max(l.Groups, 1), kh: 1, kw: kernel, sh: 1, sw: max(l.Stride, 1), dil: max(l.Dilation, 1),
		h: 1, w: in[1], padW: l.Pad,
	}
	if err := l.shape(); err != nil {
		return nil, fmt.Errorf("conv1d: %w", err)
	}
	l.params(b, Shape{l.out, l.in / l.groups, kernel}, l.NoBias, l.Init, l.MaxNorm)
	return Shape{l.out, l.ow}, nil
}

// Conv2d is a convolution over two axes: [in, H, W] → [Out, H', W'], as Conv1d over each, without dilation.
type Conv2d struct {
	Out        int
	Kernel     [2]int  // taps over H and over W; 0 means all of the input
	Stride     [2]int  // 0 means 1
	Groups     int     // 0 means 1
	PadH, PadW [2]int  // zeros in front and behind
	NoBias     bool    //
	Init       Init    // of the weights; nil means FanIn
	MaxNorm    float32 // largest Euclidean norm of the weights of one output; 0 means no limit

	conv
}

// Build asks for weight [Out, in/Groups, Kernel[0], Kernel[1]] and bias [Out].
func (l *Conv2d) Build(b *Builder, in Shape) (Shape, error) {
	if len(in) != 3 {
		return nil, fmt.Errorf("conv2d: the input is %v, must be [channels, height, width]", in)
	}
	if min(l.Stride[0], l.Stride[1], l.Groups, l.Kernel[0], l.Kernel[1]) < 0 {
		return nil, fmt.Errorf("conv2d: kernel %v, stride %v and %d groups, must not be negative", l.Kernel, l.Stride, l.Groups)
	}
	kernel := l.Kernel
	for i, k := range kernel {
		if k == 0 {
			kernel[i] = in[1+i]
		}
	}
	l.conv = conv{
		in: in[0], out: l.Out, groups: max(l.Groups, 1), kh: kernel[0], kw: kernel[1], sh: max(l.Stride[0], 1), sw: max(l.Stride[1], 1),
		dil: 1, h: in[1], w: in[2], padH: l.PadH, padW: l.PadW,
	}
	if err := l.shape(); err != nil {
		return nil, fmt.Errorf("conv2d: %w", err)
	}
	l.params(b, Shape{l.out, l.in / l.groups, kernel[0], kernel[1]}, l.NoBias, l.Init, l.MaxNorm)
	return Shape{l.out, l.oh, l.ow}, nil
}

// conv is what both have: an image [in, h, w] that is one row high in Conv1d.
//
// It is computed as convolutions along w, one for each row of the kernel and of the output. The kernels for those know no
// stride, so each row of the input is cut into sw phases, x[sw·i], x[sw·i+1], …, which become channels of their own.
type conv struct {
	in, out, groups      int
	kh, kw, sh, sw, dil  int
	h, w, oh, ow         int
	padH, padW           [2]int
	hp, wq, kq           int  // rows with padding, samples and taps of one phase
	plain                bool // neither padding nor phases: x is used as it is
	point, whole, single bool // a matrix product for each example, one for the batch, one channel to a group

	weight, bias *Param
	x, y, dx     []float32
	xs, dxs      []float32 // one example, [in·sw, hp, wq]
	wt, dwt      []float32 // the weights for phases, [kh, out, in/groups·sw, kq]
	folded
}

// shape works out sizes.
func (l *conv) shape() error {
	switch {
	case l.out < 1 || l.kh < 1 || l.kw < 1:
		return fmt.Errorf("%d outputs and a kernel of %d×%d, must be at least 1", l.out, l.kh, l.kw)
	case l.in%l.groups != 0 || l.out%l.groups != 0:
		return fmt.Errorf("%d groups of %d inputs and %d outputs, must divide both", l.groups, l.in, l.out)
	case l.dil > 1 && l.sw > 1:
		return fmt.Errorf("stride %d and dilation %d, one of them must be 1", l.sw, l.dil)
	case min(l.padH[0], l.padH[1], l.padW[0], l.padW[1]) < 0:
		return fmt.Errorf("padding %v and %v, must not be negative", l.padH, l.padW)
	}
	hp, wp := l.h+l.padH[0]+l.padH[1], l.w+l.padW[0]+l.padW[1]
	spanH, spanW := l.kh, (l.kw-1)*l.dil+1
	if hp < spanH || wp < spanW {
		return fmt.Errorf("a kernel that spans %d×%d is larger than the input of %d×%d with its padding", spanH, spanW, hp, wp)
	}
	l.hp, l.oh, l.ow = hp, (hp-spanH)/l.sh+1, (wp-spanW)/l.sw+1
	l.kq = (l.kw + l.sw - 1) / l.sw
	l.wq = max((wp+l.sw-1)/l.sw, l.ow+(l.kq-1)*l.dil)
	padded := l.padH != [2]int{} || l.padW != [2]int{}
	l.plain = !padded && l.sw == 1
	l.whole = !padded && l.groups == 1 && l.kh == l.h && l.kw == l.w && l.dil == 1
	l.point = !l.whole && l.plain && l.sh == 1 && l.groups == 1 && l.kh == 1 && l.kw == 1
	l.single = l.sw == 1 && l.groups == l.in && l.in > 1
	return nil
}

// packed says that the weights lie in another order than the kernels want.
func (l *conv) packed() bool { return !l.whole && (l.kh > 1 || l.sw > 1) }

func (l *conv) params(b *Builder, shape Shape, noBias bool, init Init, maxNorm float32) {
	fanIn := shape.Size() / l.out
	if init == nil {
		init = FanIn(fanIn)
	}
	l.weight = b.Param("weight", shape, init)
	l.weight.MaxNorm = maxNorm
	if !noBias {
		l.bias = b.Param("bias", Shape{l.out}, FanIn(fanIn))
		l.bias.NoDecay = true
	}
	l.y = b.Batch(Shape{l.out, l.oh, l.ow})
	back := b.Train && b.InputGrad
	if back {
		l.dx = b.Batch(Shape{l.in, l.h, l.w})
	}
	if l.whole || l.point {
		return
	}
	if !l.plain {
		l.xs = b.Floats(l.in * l.sw * l.hp * l.wq)
		if back {
			l.dxs = b.Floats(len(l.xs))
		}
	}
	if l.packed() {
		l.wt = b.Floats(l.kh * l.out * l.in / l.groups * l.sw * l.kq)
		if b.Train {
			l.dwt = b.Floats(len(l.wt))
		}
	}
}

// eachTap calls visit with the places of each weight in the order of the parameter and in the order of the kernels.
func (l *conv) eachTap(visit func(param, kernel int)) {
	cg := l.in / l.groups
	i := 0
	for o := range l.out {
		for c := range cg {
			for kh := range l.kh {
				for k := range l.kw {
					visit(i, (((kh*l.out+o)*cg+c)*l.sw+k%l.sw)*l.kq+k/l.sw)
					i++
				}
			}
		}
	}
}

// place copies an example into xs: behind the padding, cut into phases.
func (l *conv) place(x []float32) []float32 {
	if l.plain {
		return x
	}
	for c := range l.in {
		for h := range l.h {
			row := x[(c*l.h+h)*l.w:][:l.w]
			to := l.xs[(c*l.sw*l.hp+h+l.padH[0])*l.wq:]
			if l.sw == 1 {
				copy(to[l.padW[0]:], row)
				continue
			}
			for i, v := range row {
				at := i + l.padW[0]
				to[at%l.sw*l.hp*l.wq+at/l.sw] = v
			}
		}
	}
	return l.xs
}

// unplace is the gradient of place.
func (l *conv) unplace(dx []float32) {
	for c := range l.in {
		for h := range l.h {
			row := dx[(c*l.h+h)*l.w:][:l.w]
			from := l.dxs[(c*l.sw*l.hp+h+l.padH[0])*l.wq:]
			if l.sw == 1 {
				copy(row, from[l.padW[0]:])
				continue
			}
			for i := range row {
				at := i + l.padW[0]
				row[i] = from[at%l.sw*l.hp*l.wq+at/l.sw]
			}
		}
	}
}
