package nn

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Training teaches a network. Everything random in it depends on Seed, the epoch and the step alone, so that a training
// which is interrupted and restored goes on with the same bits.
type Training struct {
	Epochs    int
	Batch     int     // examples in a step; the last one of an epoch may have fewer
	Rate      float64 // highest learning rate
	Schedule  Schedule
	Optimiser Optimiser
	Loss      Loss
	Clip      float64 // largest Euclidean norm of the gradient; 0 means no limit
	Seed      uint64

	// Patience stops the training when the loss of the validation examples has not fallen for so many epochs; 0 means
	// never. With validation examples, the weights of the best epoch are those that stay.
	Patience int
	// Augment may change the examples of a batch, which are copies: x [n, in], y [n, targets], and their weights w [n], nil
	// where they have none. nil leaves them.
	Augment func(rng *rand.Rand, x, y, w []float32)
	// Report, if not nil, is told of every epoch. An error stops the training.
	Report func(Epoch) error
	// Journal, if not nil, keeps how far the training has come, and gives back how far it had come in an earlier run of the
	// same program. Epochs that were made then are not reported again.
	Journal *Journal
	// Stop, if not nil, is asked before each step: an error ends the training there and is what Run returns. It is the Err
	// of a context.
	Stop func() error

	epoch, step int
	best        float64
	bestEpoch   int
	bestWeights []float32
	before      []float32 // the weights before the step at hand
	stopped     bool
}

// Epoch is what is known behind one pass through the examples.
type Epoch struct {
	Epoch      int     // from 1
	Loss       float64 // mean over the steps, each before its update
	Validation float64 // NaN without validation examples
	GradNorm   float64 // largest of the epoch, before it was clipped
	Rate       float64 // of the last step
	Best       int     // the epoch with the lowest validation loss so far
}

// Run trains n on train until the epochs are over or, by the loss of validation (nil for none), nothing is gained. A
// loss or gradient that is not finite is an error that names the step and the tensor; then the network keeps the weights
// from before that step.
func (t *Training) Run(n *Net, train Batch, validation *Batch) error {
	if err := t.check(n, train, validation); err != nil {
		return err
	}
	keep, over, err := t.resume(n, train, validation)
	if err != nil || over {
		return err
	}
	in, targets := n.In.Size(), t.Loss.Targets(n.Out.Size())
	size := min(t.Batch, train.N)
	buf := Batch{X: make([]float32, size*in), Y: make([]float32, size*targets)}
	if train.W != nil {
		buf.W = make([]float32, size)
	}
	steps := steps(train.N, size)
	for t.epoch < t.Epochs && !t.stopped {
		order := rand.New(rand.NewPCG(t.Seed, uint64(t.epoch)<<1)).Perm(train.N)
		e := Epoch{Epoch: t.epoch + 1, Validation: math.NaN(), Best: t.bestEpoch}
		for s := range steps {
			if t.Stop != nil {
				if err := t.Stop(); err != nil {
					return err
				}
			}
			pick := order[s*size : min((s+1)*size, train.N)]
			b := gather(buf, train, pick, in, targets)
			if t.Augment != nil {
				t.Augment(rand.New(rand.NewPCG(t.Seed, uint64(t.step)<<1|1)), b.X, b.Y, b.W)
			}
			loss, norm, err := t.update(n, b, steps*t.Epochs, &e)
			if err != nil {
				return fmt.Errorf("epoch %d, step %d: %w", e.Epoch, t.step, err)
			}
			e.Loss += loss / float64(steps)
			e.GradNorm = max(e.GradNorm, norm)
		}
		t.epoch++
		if validation != nil {
			v, err := n.Evaluate(*validation, t.Loss, nil)
			if err != nil {
				return err
			}
			if math.IsNaN(v) || math.IsInf(v, 0) {
				return fmt.Errorf("epoch %d, step %d: the loss of the validation examples is %g, must be finite%s; lower the learning rate", e.Epoch, t.step, v, n.FirstBad(*validation, t.Loss))
			}
			e.Validation = v
			if t.bestEpoch == 0 || v < t.best {
				t.best, t.bestEpoch, t.bestWeights = v, t.epoch, append(t.bestWeights[:0], n.weights...)
			}
			e.Best = t.bestEpoch
			t.stopped = t.Patience > 0 && t.epoch-t.bestEpoch >= t.Patience
		}
		if err := keep(false); err != nil {
			return err
		}
		if t.Report != nil {
			if err := t.Report(e); err != nil {
				return err
			}
		}
	}
	if t.bestWeights != nil {
		copy(n.weights, t.bestWeights)
	}
	return keep(true)
}

// steps is those of an epoch.
func steps(examples, batch int) int {
	size := min(batch, examples)
	return (examples + size - 1) / size
}

// resume takes the training up where the journal has it, and returns what is to be called behind every epoch and at the
// end. over says that the training had ended: the network has the weights that it ended with.
func (t *Training) resume(n *Net, train Batch, validation *Batch) (keep func(end bool) error, over bool, err error) {
	j := t.Journal
	if j == nil {
		return func(bool) error { return nil }, false, nil
	}
	id := t.identity(n, train, validation)
	at, have := j.begin()
	if have != nil {
		if over, err = t.restore(n, *have, id, steps(train.N, t.Batch), validation != nil); err != nil {
			return nil, false, fmt.Errorf("checkpoint: training %d: %w", at+1, err)
		}
	}
	return func(end bool) error {
		if end || t.epoch%max(j.Every, 1) == 0 {
			return j.put(at, t.snapshot(n, id, end))
		}
		return nil
	}, over, nil
}

// update is one step on the batch b of a training with total steps.
func (t *Training) update(n *Net, b Batch, total int, e *Epoch) (loss, norm float64, err error) {
	t.before = append(t.before[:0], n.weights...) // running statistics change in the forward pass already
	defer func() {
		if err != nil {
			copy(n.weights, t.before)
		}
	}()
	loss, err = n.Gradient(b, t.Loss, mix(t.Seed, uint64(t.step)))
	if err != nil {
		return 0, 0, err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return 0, 0, fmt.Errorf("the loss is %g, must be finite%s; lower the learning rate, clip the gradient, or look for values that are not finite in the data", loss, n.FirstBad(b, t.Loss))
	}
	if norm, err = n.ClipGrad(t.Clip); err != nil {
		return 0, 0, fmt.Errorf("%w; lower the learning rate or clip the gradient", err)
	}
	e.Rate = t.Rate
	if t.Schedule != nil {
		e.Rate *= t.Schedule(t.step, total)
	}
	t.Optimiser.Step(n, e.Rate)
	n.Limit()
	t.step++
	for _, p := range n.Params {
		if !kernel.Finite(p.W) {
			return 0, 0, fmt.Errorf("the update made %s (%v) not finite; lower the learning rate", p.Name, p.Shape)
		}
	}
	return loss, norm, nil
}

// FirstBad names the first tensor that explains why the loss of the batch b is not finite, in brackets with a space before
// them, as errors have it.
func (n *Net) FirstBad(b Batch, loss Loss) string {
	for _, p := range n.Params {
		if !kernel.Finite(p.W) {
			return fmt.Sprintf(" (%s is not)", p.Name)
		}
	}
	if !kernel.Finite(b.X) {
		return " (the input is not)"
	}
	for i, v := range b.Y {
		if isNaN := v != v; isNaN && !unjudged(loss) || !isNaN && v-v != 0 {
			per := len(b.Y) / b.N
			return fmt.Sprintf(" (target %d of example %d is %g)", i%per, i/per, v)
		}
	}
	for i, v := range b.W {
		if v-v != 0 {
			return fmt.Sprintf(" (the weight of example %d is %g)", i, v)
		}
	}
	name, top := "", float32(0)
	for _, p := range n.Params {
		for _, v := range p.W {
			if v = max(v, -v); v > top {
				name, top = p.Name, v
			}
		}
	}
	return fmt.Sprintf(" (the output of the network is not, though its weights and input are; the largest weight is %.3g, in %s)", top, name)
}

func (t *Training) check(n *Net, train Batch, validation *Batch) error {
	switch {
	case t.Loss == nil || t.Optimiser == nil:
		return errors.New("training: has no loss or no optimiser")
	case t.Epochs < 1 || t.Batch < 1 || t.Batch > n.opt.Batch:
		return fmt.Errorf("training: %d epochs with batches of %d, must be at least 1 and 1 to %d", t.Epochs, t.Batch, n.opt.Batch)
	case !(t.Rate > 0) || math.IsInf(t.Rate, 0):
		return fmt.Errorf("training: the learning rate is %g, must be above 0", t.Rate)
	case !(t.Clip >= 0):
		return fmt.Errorf("training: the gradient is clipped at %g, must be at least 0", t.Clip)
	case !n.opt.Train:
		return errors.New("training: the network was made without Options.Train")
	}
	if err := n.examples(train, t.Loss); err != nil {
		return fmt.Errorf("training: %w", err)
	}
	if validation == nil {
		return nil
	}
	// Before hours are spent on what the end of the first epoch would refuse.
	v, err := n.Evaluate(*validation, t.Loss, nil)
	if err != nil {
		return fmt.Errorf("training: validation: %w", err)
	}
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf("training: the loss of the validation examples is %g before the first step, must be finite%s", v, n.FirstBad(*validation, t.Loss))
	}
	return nil
}

// gather copies the examples of one batch into buf.
func gather(buf, from Batch, pick []int, in, targets int) Batch {
	b := Batch{N: len(pick), X: buf.X[:len(pick)*in], Y: buf.Y[:len(pick)*targets]}
	if from.W != nil {
		b.W = buf.W[:len(pick)]
	}
	for i, j := range pick {
		copy(b.X[i*in:(i+1)*in], from.X[j*in:])
		copy(b.Y[i*targets:(i+1)*targets], from.Y[j*targets:])
		if b.W != nil {
			b.W[i] = from.W[j]
		}
	}
	return b
}

// mix makes one seed of two numbers (the finaliser of SplitMix64, Steele et al. 2014, doi:10.1145/2660193.2660195).
func mix(a, b uint64) uint64 {
	z := a*0x9e3779b97f4a7c15 + b + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
