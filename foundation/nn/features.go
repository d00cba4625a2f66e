package nn

import "fmt"

// Features answers examples like Forward, but stops in front of the last layer that learns: it returns what that is given,
// one example [FeatureShape] behind the other. The layer is looked for in the outermost Sequential, and in one that is its
// last layer to learn. The result is valid until the next call.
func (n *Net) Features(x []float32) ([]float32, error) {
	seq, shape := n.last()
	if seq == nil {
		return nil, fmt.Errorf("nn: the outermost layer is %T, must be a Sequential in which some layer learns", n.Root())
	}
	count, err := n.admit(x)
	if err != nil {
		return nil, err
	}
	w := n.workers[0]
	w.pass.N, w.pass.First, w.pass.Train = count, 0, false
	for at := n.Root().(*Sequential); ; at = at.Layers[at.last].Layer.(*Sequential) {
		for _, l := range at.Layers[:at.last] {
			x = l.Layer.Forward(&w.pass, x)
		}
		if at == seq {
			return x[:count*shape.Size()], nil
		}
	}
}

// FeatureShape is the shape of what Features returns of one example, nil where it is an error.
func (n *Net) FeatureShape() Shape {
	_, shape := n.last()
	return shape
}

// last is the Sequential that holds the last layer that learns, and what goes into that.
func (n *Net) last() (*Sequential, Shape) {
	seq, ok := n.Root().(*Sequential)
	if !ok || seq.last < 0 {
		return nil, nil
	}
	for {
		inner, ok := seq.Layers[seq.last].Layer.(*Sequential)
		if !ok {
			return seq, seq.before
		}
		seq = inner
	}
}
