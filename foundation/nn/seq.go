package nn

import "strconv"

// Named is a layer with the name that its parameters have in front; "" adds nothing.
type Named struct {
	Name  string
	Layer Layer
}

// Sequential runs layers one behind the other.
type Sequential struct {
	Layers []Named

	last   int   // the last layer that learns, -1: none does
	before Shape // what goes into it
}

// Seq is Sequential without names: the names of the parameters get the positions, "0", "1", … as in PyTorch.
func Seq(layers ...Layer) *Sequential {
	s := &Sequential{}
	for i, l := range layers {
		s.Layers = append(s.Layers, Named{strconv.Itoa(i), l})
	}
	return s
}

// Build builds the layers in order.
func (s *Sequential) Build(b *Builder, in Shape) (Shape, error) {
	outer := b.InputGrad
	defer func() { b.InputGrad = outer }()
	s.last, s.before = -1, nil
	for i, l := range s.Layers {
		before, shape := len(b.params), in
		var err error
		if in, err = b.In(l.Name, l.Layer, in); err != nil {
			return nil, err
		}
		if len(b.params) > before { // who comes behind nothing that learns need not say how its input should change
			b.InputGrad = true
			s.last, s.before = i, shape
		}
	}
	return in, nil
}

// Forward runs the layers in order.
func (s *Sequential) Forward(p *Pass, x []float32) []float32 {
	for _, l := range s.Layers {
		x = l.Layer.Forward(p, x)
	}
	return x
}

// Backward runs them in the opposite order, until one does not say how its input should change.
func (s *Sequential) Backward(p *Pass, dy []float32) []float32 {
	for i := len(s.Layers) - 1; i >= 0; i-- {
		if dy == nil && p.N > 0 {
			return nil
		}
		dy = s.Layers[i].Layer.Backward(p, dy)
	}
	return dy
}
