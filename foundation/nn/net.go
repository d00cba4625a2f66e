package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"sync"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Options say how a network is used.
type Options struct {
	Batch   int    // the most examples at a time; 0 means 1
	Workers int    // how many parts a training batch is cut into, each on a goroutine; 0 means 1
	Seed    uint64 // of the first weights
	Train   bool   // false: only Forward is used; no memory for gradients
}

// Net is a network with its weights. It is used by one goroutine at a time.
type Net struct {
	In, Out Shape
	Params  []*Param // in the order in which the layers asked for them; G is the first worker's

	weights []float32 // all Params, each begins at a multiple of 16
	opt     Options
	frozen  bool
	workers []*worker
	grad    []float32 // of the last Gradient; it is the first worker's
}

type worker struct {
	root   Layer
	pass   Pass
	params []*Param
	grad   []float32
	dy     []float32
	loss   float64
}

// New builds a network: define makes its layers, in is the shape of one example.
func New(define func() Layer, in Shape, opt Options) (n *Net, err error) {
	const most = 1024
	if opt.Workers > most {
		return nil, fmt.Errorf("nn: %d workers, must be at most %d: one to a core", opt.Workers, most)
	}
	defer func() {
		switch large := recover().(type) {
		case nil:
		case tooLarge:
			n, err = nil, fmt.Errorf("nn: %sthe network takes more than %d GiB with batches of %d and %d workers; lower its sizes, the batch or the workers", label(large.where), MaxBytes>>30, opt.Batch, opt.Workers)
		default:
			panic(large)
		}
	}()
	opt.Batch, opt.Workers = max(opt.Batch, 1), max(opt.Workers, 1)
	if err := kernel.Check(); err != nil {
		return nil, fmt.Errorf("nn: %w", err)
	}
	n = &Net{In: in, opt: opt}
	if in.Size() <= 0 {
		return nil, fmt.Errorf("nn: an example is %v, must have at least one value", in)
	}
	left := MaxBytes
	shared := newGroup(opt.Workers)
	part := (opt.Batch + opt.Workers - 1) / opt.Workers
	for i := range opt.Workers {
		b := &Builder{MaxN: part, Train: opt.Train, left: &left}
		if i == 0 && !opt.Train {
			b.MaxN = opt.Batch
		}
		w := &worker{root: define()}
		out, err := b.In("", w.root, in)
		if err != nil {
			return nil, fmt.Errorf("nn: %w", err)
		}
		w.params, n.Out = b.params, out
		w.pass = Pass{worker: i, group: shared}
		w.dy = b.Batch(out)
		if err := n.place(w, i == 0); err != nil {
			return nil, err
		}
		n.workers = append(n.workers, w)
		if !opt.Train {
			break
		}
	}
	n.Params, n.grad = n.workers[0].params, n.workers[0].grad
	rng := rand.New(rand.NewPCG(opt.Seed, 0x6e6e))
	for _, p := range n.Params {
		if p.init != nil {
			p.init(rng, p.W)
		}
	}
	return n, nil
}

// place lays the parameters of a worker into the flat vectors.
func (n *Net) place(w *worker, first bool) error {
	size, seen := 0, map[string]bool{}
	for _, p := range w.params {
		if seen[p.Name] {
			return fmt.Errorf("nn: two parameters are called %s", p.Name)
		}
		seen[p.Name] = true
		size += (p.Shape.Size() + 15) &^ 15
	}
	switch {
	case first:
		n.weights = make([]float32, size)
	case size != len(n.weights):
		return errors.New("nn: the function that makes the layers makes others each time")
	}
	if n.opt.Train {
		w.grad = make([]float32, size)
	}
	at := 0
	for _, p := range w.params {
		end := at + p.Shape.Size()
		p.W = n.weights[at:end:end]
		if n.opt.Train && !p.Buffer {
			p.G = w.grad[at:end:end]
		}
		at = (end + 15) &^ 15
	}
	return nil
}

// Root is the outermost layer, of the first worker.
func (n *Net) Root() Layer { return n.workers[0].root }

// Param is the parameter called name, nil where there is none.
func (n *Net) Param(name string) *Param {
	for _, p := range n.Params {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// Size counts the values that are learned.
func (n *Net) Size() int {
	size := 0
	for _, p := range n.Params {
		if !p.Buffer {
			size += p.Shape.Size()
		}
	}
	return size
}

// Forward answers examples, one behind the other in x, as in use: no dropout, running statistics. The result is valid
// until the next call. It runs on the caller's goroutine and allocates nothing.
func (n *Net) Forward(x []float32) ([]float32, error) {
	count, err := n.admit(x)
	if err != nil {
		return nil, err
	}
	w := n.workers[0]
	w.pass.N, w.pass.First, w.pass.Train = count, 0, false
	return w.root.Forward(&w.pass, x)[:count*n.Out.Size()], nil
}

// admit is how many examples x holds.
func (n *Net) admit(x []float32) (count int, err error) {
	size := n.In.Size()
	count = len(x) / size
	limit := n.opt.Batch
	if n.opt.Train {
		limit = (n.opt.Batch + n.opt.Workers - 1) / n.opt.Workers
	}
	if count*size != len(x) || count == 0 || count > limit {
		return 0, fmt.Errorf("nn: got %d values, must be 1 to %d examples of %v (%d values each)", len(x), limit, n.In, size)
	}
	return count, nil
}

// Batch is what a network learns from in one step.
type Batch struct {
	X []float32 // [N, In]
	Y []float32 // [N, targets]: what the loss reads
	W []float32 // [N] weights of the examples; nil means 1 each
	N int
}

// Gradient computes the mean loss of a batch, weighted by b.W, and its gradient, which is left in Grad. seed is that of
// the random masks of this step.
func (n *Net) Gradient(b Batch, loss Loss, seed uint64) (float64, error) {
	switch {
	case !n.opt.Train:
		return 0, errors.New("nn: the network was made without Options.Train")
	case b.N < 1 || b.N > n.opt.Batch:
		return 0, fmt.Errorf("nn: a batch has %d examples, must be 1 to %d", b.N, n.opt.Batch)
	}
	if err := n.examples(b, loss); err != nil {
		return 0, fmt.Errorf("nn: %w", err)
	}
	in, targets, out := n.In.Size(), loss.Targets(n.Out.Size()), n.Out.Size()
	total := b.weight()
	run := func(i int) {
		w := n.workers[i]
		lo, hi := i*b.N/len(n.workers), (i+1)*b.N/len(n.workers)
		p := &w.pass
		p.N, p.First, p.Train, p.Seed = hi-lo, lo, true, seed
		clear(w.grad)
		y := w.root.Forward(p, b.X[lo*in:hi*in])[:p.N*out]
		dy := w.dy[:p.N*out]
		var weights []float32
		if b.W != nil {
			weights = b.W[lo:hi]
		}
		w.loss = loss.Gradient(dy, y, b.Y[lo*targets:hi*targets], weights, out, 1/total)
		w.root.Backward(p, dy)
	}
	n.each(run)
	sum := 0.0
	for _, w := range n.workers {
		sum += w.loss
	}
	if len(n.workers) > 1 {
		n.each(func(i int) { // each goroutine adds one part of the vector, over the workers in order
			lo, hi := i*len(n.grad)/len(n.workers), (i+1)*len(n.grad)/len(n.workers)
			dst := n.grad[lo:hi]
			for _, w := range n.workers[1:] {
				for j, v := range w.grad[lo:hi] {
					dst[j] += v
				}
			}
		})
	}
	return sum, nil
}

// weight is the sum over the examples.
func (b Batch) weight() float64 {
	if b.W == nil {
		return float64(b.N)
	}
	total := 0.0
	for _, w := range b.W {
		total += float64(w)
	}
	return total
}

// examples checks a batch of any length against the network and the loss.
func (n *Net) examples(b Batch, loss Loss) error {
	if b.N < 1 {
		return errors.New("there are no examples")
	}
	if err := CheckLoss(loss, n.Out.Size()); err != nil {
		return err
	}
	targets := loss.Targets(n.Out.Size())
	switch {
	case len(b.X) != b.N*n.In.Size():
		return fmt.Errorf("%d inputs for %d examples, must be %d of shape %v", len(b.X), b.N, b.N*n.In.Size(), n.In)
	case len(b.Y) != b.N*targets:
		return fmt.Errorf("%d targets for %d examples, must be %d (%d each)", len(b.Y), b.N, b.N*targets, targets)
	case b.W == nil:
		return nil
	case len(b.W) != b.N:
		return fmt.Errorf("%d weights for %d examples", len(b.W), b.N)
	}
	for i, w := range b.W {
		if !(w >= 0) || math.IsInf(float64(w), 0) {
			return fmt.Errorf("example %d has the weight %g, must be at least 0 and finite", i, w)
		}
	}
	if b.weight() == 0 {
		return errors.New("all examples have the weight 0")
	}
	return nil
}

// each calls do for every worker and waits for all.
func (n *Net) each(do func(i int)) {
	var wait sync.WaitGroup
	for i := 1; i < len(n.workers); i++ {
		wait.Go(func() { do(i) })
	}
	do(0)
	wait.Wait()
}

// Weights is the flat vector of all Params; between them lie zeros. Grad is the gradient of the last Gradient in the same
// places. Both are the network's own memory.
func (n *Net) Weights() []float32 { return n.weights }

// Grad is described at Weights.
func (n *Net) Grad() []float32 { return n.grad }
