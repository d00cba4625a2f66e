package nn

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
)

// Builder hands parameters and memory to the layers of one worker.
type Builder struct {
	MaxN      int  // the most examples that one Forward of this worker gets
	Train     bool // Backward will be called
	InputGrad bool // the layer in front wants to know the gradient by its outputs

	scope  []string
	params []*Param
	layers int // numbered, for the masks of dropout
	slab   []float32
	left   *int64 // bytes that the network may still take; nil: as many as it likes
}

// MaxBytes is the most memory that the weights and the arrays of one network may take, those of all its workers together.
// A size with some zeros too many is an error then, and not the end of the program.
const MaxBytes int64 = 8 << 30

// tooLarge is what take panics with; New makes an error of it.
type tooLarge struct{ where string }

// take counts n values of so many bytes each, before memory is taken for them.
func (b *Builder) take(n, bytes int) {
	if b.left == nil {
		return
	}
	if int64(n) > *b.left/int64(bytes) {
		panic(tooLarge{strings.Join(b.scope, ".")})
	}
	*b.left -= int64(n) * int64(bytes)
}

// times is a·b, the largest int where that is more.
func times(a, b int) int { return Shape{a, b}.Size() }

// Init fills a new parameter.
type Init func(rng *rand.Rand, w []float32)

// Const sets all values to v.
func Const(v float32) Init {
	return func(_ *rand.Rand, w []float32) {
		for i := range w {
			w[i] = v
		}
	}
}

// Uniform draws from [-limit, limit).
func Uniform(limit float64) Init {
	return func(rng *rand.Rand, w []float32) {
		for i := range w {
			w[i] = float32((2*rng.Float64() - 1) * limit)
		}
	}
}

// Normal draws from a normal distribution with mean 0.
func Normal(sd float64) Init {
	return func(rng *rand.Rand, w []float32) {
		for i := range w {
			w[i] = float32(rng.NormFloat64() * sd)
		}
	}
}

// FanIn is the uniform distribution within 1/sqrt(fanIn), which PyTorch uses for the weights and biases of linear and
// convolution layers.
func FanIn(fanIn int) Init { return Uniform(1 / math.Sqrt(float64(fanIn))) }

// Xavier is the uniform distribution of Glorot and Bengio 2010 (AISTATS 9:249): variance 2/(fanIn+fanOut).
func Xavier(fanIn, fanOut int) Init { return Uniform(math.Sqrt(6 / float64(fanIn+fanOut))) }

// Param asks for a parameter. Its values are there after Build, not yet during it.
func (b *Builder) Param(name string, shape Shape, init Init) *Param {
	p := &Param{Name: strings.Join(append(b.scope[:len(b.scope):len(b.scope)], name), "."), Shape: shape, init: init}
	copies := 1
	if b.Train {
		copies = 2 // and its gradient
	}
	b.take(times(shape.Size(), copies), 4)
	b.params = append(b.params, p)
	return p
}

// Buffer asks for an array that is kept with the weights but not learned.
func (b *Builder) Buffer(name string, shape Shape, init Init) *Param {
	p := b.Param(name, shape, init)
	p.Buffer = true
	return p
}

// Floats is memory for n values, zero at first.
func (b *Builder) Floats(n int) []float32 {
	const slab = 1 << 16
	n = max(n, 0)
	if n > slab/4 {
		b.take(n, 4)
	}
	room := (n + 15) &^ 15 // so that rows begin at cache lines
	if room > len(b.slab) {
		if room > slab/4 {
			return make([]float32, n, room)
		}
		b.take(slab, 4)
		b.slab = make([]float32, slab)
	}
	x := b.slab[:n:room]
	b.slab = b.slab[room:]
	return x
}

// Batch is memory for a batch of MaxN examples of shape s.
func (b *Builder) Batch(s Shape) []float32 { return b.Floats(times(b.MaxN, s.Size())) }

// Number is a number that no other call gives in this worker, and that is the same in every worker: it tells the random
// masks of layers apart.
func (b *Builder) Number() int {
	b.layers++
	return b.layers
}

// In builds a layer inside of another under a name of its own; "" adds no name.
func (b *Builder) In(name string, l Layer, in Shape) (Shape, error) {
	if name != "" {
		b.scope = append(b.scope, name)
		defer func() { b.scope = b.scope[:len(b.scope)-1] }()
	}
	out, err := l.Build(b, in)
	if err != nil {
		return nil, fmt.Errorf("%s%w", label(name), err)
	}
	if out.Size() <= 0 {
		return nil, fmt.Errorf("%s%T makes nothing (%v) of %v", label(name), l, out, in)
	}
	return out, nil
}

func label(name string) string {
	if name == "" {
		return ""
	}
	return name + ": "
}
