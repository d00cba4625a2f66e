package nn

import "fmt"

// Evaluate is the mean loss of examples, weighted by b.W, as the network answers in use. Any number of examples may come.
// With several workers each takes a part. keep, if not nil, is filled with the outputs [N, Out].
func (n *Net) Evaluate(b Batch, loss Loss, keep []float32) (float64, error) {
	if err := n.examples(b, loss); err != nil {
		return 0, fmt.Errorf("nn: evaluate: %w", err)
	}
	in, out, targets := n.In.Size(), n.Out.Size(), loss.Targets(n.Out.Size())
	if keep != nil && len(keep) != b.N*out {
		return 0, fmt.Errorf("nn: evaluate: room for %d outputs, must be %d for %d examples", len(keep), b.N*out, b.N)
	}
	total := b.weight()
	room := n.opt.Batch
	if n.opt.Train {
		room = (n.opt.Batch + n.opt.Workers - 1) / n.opt.Workers
	}
	n.each(func(i int) {
		w := n.workers[i]
		w.loss = 0
		for lo, end := i*b.N/len(n.workers), (i+1)*b.N/len(n.workers); lo < end; lo += room {
			hi := min(lo+room, end)
			w.pass.N, w.pass.First, w.pass.Train = hi-lo, lo, false
			y := w.root.Forward(&w.pass, b.X[lo*in:hi*in])[:(hi-lo)*out]
			var weights []float32
			if b.W != nil {
				weights = b.W[lo:hi]
			}
			if keep != nil {
				copy(keep[lo*out:hi*out], y)
			}
			w.loss += loss.Gradient(w.dy[:(hi-lo)*out], y, b.Y[lo*targets:hi*targets], weights, out, 1/total)
		}
	})
	sum := 0.0
	for _, w := range n.workers {
		sum += w.loss
	}
	return sum, nil
}
