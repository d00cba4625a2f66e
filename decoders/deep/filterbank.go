package deep

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// What the filter bank of FBCNet covers, Hz.
const (
	bandStart = 4
	bandEnd   = 40
)

// bandpass is the taps of a linear-phase band-pass filter, designed as MNE does by default: the difference of two low-pass
// filters with a Hamming window, each as long as its transition asks for. A transition is a quarter of its corner
// frequency wide, but at least 2 Hz, and stays between 0 and half the rate.
func bandpass(low, high, rate float64) []float64 {
	below := min(max(low/4, 2), low)
	above := min(max(high/4, 2), rate/2-high)
	// In the order of MNE's operations, because a length of half a tap more is rounded.
	taps := func(stop, pass float64) int {
		return int(math.RoundToEven(3.3/(math.Abs(stop/(rate/2)-pass/(rate/2))/2))) | 1
	}
	h := make([]float64, int(math.Ceil(3.3/min(below, above)*rate))|1)
	for _, edge := range []struct{ cut, stop, pass, sign float64 }{
		{high + above/2, high + above, high, 1}, {low - below/2, low - below, low, -1},
	} {
		n := min(taps(edge.stop, edge.pass), len(h))
		w, sum := make([]float64, n), 0.0
		for i := range w {
			t := float64(i) - float64(n-1)/2
			w[i] = 2 * edge.cut / rate
			if t != 0 {
				w[i] = math.Sin(2*math.Pi*edge.cut/rate*t) / (math.Pi * t)
			}
			w[i] *= 0.54 - 0.46*math.Cos(2*math.Pi*float64(i)/float64(n-1))
			sum += w[i]
		}
		for i, v := range w {
			h[(len(h)-n)/2+i] += edge.sign * v / sum
		}
	}
	return h
}

// filterBank filters all channels with each of some fixed filters, without delay: [C, T] → [len(taps), C, T].
type filterBank struct {
	taps [][]float64 // each of odd length

	filters []*nn.Param
	ch, t   int
	xp, w   []float32
	y       []float32
}

// Build keeps the taps with the weights, as fir_list.0 and so on.
func (l *filterBank) Build(b *nn.Builder, in nn.Shape) (nn.Shape, error) {
	if len(in) != 2 {
		return nil, fmt.Errorf("filter bank: the input is %v, must be [channels, time]", in)
	}
	if b.Train && b.InputGrad {
		return nil, errors.New("filter bank: has no gradient by its input, so nothing that learns can be in front of it")
	}
	l.ch, l.t = in[0], in[1]
	longest := 0
	for i, h := range l.taps {
		fixed := func(_ *rand.Rand, w []float32) {
			for k, v := range h {
				w[k] = float32(v)
			}
		}
		l.filters = append(l.filters, b.Buffer(fmt.Sprintf("fir_list.%d", i), nn.Shape{len(h)}, fixed))
		longest = max(longest, len(h))
	}
	l.xp, l.w = b.Floats(l.t+longest-1), b.Floats(longest)
	out := nn.Shape{len(l.taps), l.ch, l.t}
	l.y = b.Batch(out)
	return out, nil
}

// Forward convolves, with zeros around each signal.
func (l *filterBank) Forward(p *nn.Pass, x []float32) []float32 {
	y := l.y[:p.N*len(l.taps)*l.ch*l.t]
	for j, f := range l.filters {
		n := len(f.W)
		w := l.w[:n]
		for k, v := range f.W {
			w[n-1-k] = v // the kernel correlates
		}
		xp := l.xp[:l.t+n-1]
		clear(xp)
		for i := range p.N {
			for c := range l.ch {
				copy(xp[n/2:], x[(i*l.ch+c)*l.t:][:l.t])
				kernel.Depth(y[((i*len(l.taps)+j)*l.ch+c)*l.t:][:l.t], xp, w, 1, false)
			}
		}
	}
	return y
}

// Backward ends here.
func (l *filterBank) Backward(*nn.Pass, []float32) []float32 { return nil }
