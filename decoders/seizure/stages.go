package seizure

import (
	"math"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// stage is one layer that learns, or a mean over time.
type stage struct {
	kind           stageKind
	name           string
	out            int
	kernel, stride int  // of a convolution
	relu           bool // behind it
}

type stageKind int

const (
	convolution stageKind = iota // over the time of each channel, with the same weights for all
	meanOverTime
	maxOverChannels
	dense
	lstm // the last output of all tokens
)

// layers makes the network, with a probe behind its input and behind each stage.
func layers(stages []stage) func() nn.Layer {
	return func() nn.Layer {
		s := &nn.Sequential{Layers: []nn.Named{{Layer: &probe{}}}}
		if stages[0].kind == convolution {
			s.Layers = append(s.Layers, nn.Named{Layer: &nn.Image{}}) // [1, channels, samples]
		}
		add := func(name string, l nn.Layer) { s.Layers = append(s.Layers, nn.Named{Name: name, Layer: l}) }
		for _, st := range stages {
			switch st.kind {
			case convolution:
				add(st.name, &nn.Conv2d{Out: st.out, Kernel: [2]int{1, st.kernel}, Stride: [2]int{1, st.stride}})
			case meanOverTime:
				add("", &nn.MeanPool{})
				add("", &nn.Flatten{Keep: 1}) // [out, channels]
			case maxOverChannels:
				add("", &nn.MaxPool{})
				add("", &nn.Flatten{})
			case dense:
				add(st.name, &nn.Linear{Out: st.out})
			case lstm:
				add(st.name, &nn.LSTM{Hidden: st.out})
				add("", &nn.Last{})
			}
			if st.relu {
				add("", nn.ReLU())
			}
			add("", &probe{})
		}
		return s
	}
}

// probe hands on what comes, and remembers how large it was where it is told to.
type probe struct {
	watch bool
	seen  []float32 // magnitudes
}

// Build takes any shape.
func (p *probe) Build(_ *nn.Builder, in nn.Shape) (nn.Shape, error) { return in, nil }

// Forward looks.
func (p *probe) Forward(_ *nn.Pass, x []float32) []float32 {
	if p.watch {
		for _, v := range x {
			p.seen = append(p.seen, float32(math.Abs(float64(v))))
		}
	}
	return x
}

// Backward changes nothing.
func (p *probe) Backward(_ *nn.Pass, dy []float32) []float32 { return dy }

// scales runs windows through the network and says what the best step of 8 bits is worth at its input and behind each
// stage.
func scales(net *nn.Net, x [][]float32) ([]float64, error) {
	var probes []*probe
	for _, l := range net.Root().(*nn.Sequential).Layers {
		if p, ok := l.Layer.(*probe); ok {
			p.watch = true
			probes = append(probes, p)
		}
	}
	for _, row := range x {
		if _, err := net.Forward(row); err != nil {
			return nil, err
		}
	}
	out := make([]float64, len(probes))
	for i, p := range probes {
		out[i] = bestStep(p.seen)
		p.watch, p.seen = false, nil
	}
	return out, nil
}

// bestStep is the step of 8 bits that loses the least, in squares, of numbers with the given magnitudes: a small one cuts the
// largest off, a large one rounds all of them coarsely. It is looked for among the largest over 127 and its parts by
// 2^(1/16), down to a 16th.
func bestStep(x []float32) float64 {
	top := 0.0
	for _, v := range x {
		top = max(top, float64(v))
	}
	if top == 0 { // nothing comes through: any step will do
		return 1.0 / 127
	}
	const most = 1 << 16 // numbers that are looked at, evenly spread
	stride := (len(x) + most - 1) / most
	best, least := 0.0, math.Inf(1)
	for k := range 65 {
		step, lost := top/127*math.Exp2(-float64(k)/16), 0.0
		for i := 0; i < len(x); i += stride {
			v := float64(x[i])
			d := v - step*min(math.Round(v/step), 127)
			lost += d * d
		}
		if lost < least {
			best, least = step, lost
		}
	}
	return best
}
