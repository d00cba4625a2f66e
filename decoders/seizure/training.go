package seizure

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Training is the parameters that all networks share.
type Training struct {
	LSB        float64 `json:"lsb_uv" doc:"what one step of a sample of 16 bits is worth, in µV: the converter's; above 0. Only the integer network and the logarithms' lower end depend on it"`
	Int8       bool    `json:"int8" doc:"true: answer with the integer network, whose weights have 8 bits; false: in floating point"`
	Prune      float64 `json:"prune" doc:"part of the weights of each layer, the smallest ones, that are set to 0 behind the training; 0 to below 1"`
	FineTune   int     `json:"fine_tune_epochs" doc:"passes through the training windows behind pruning, at least 0"`
	Epochs     int     `json:"epochs" doc:"most passes through the training windows, at least 1"`
	Batch      int     `json:"batch" doc:"windows in a step, at least 2"`
	Rate       float64 `json:"learning_rate" doc:"highest learning rate of AdamW, above 0"`
	Decay      float64 `json:"weight_decay" doc:"decoupled weight decay of AdamW, at least 0"`
	Validation float64 `json:"validation" doc:"part of the training windows, the last of each class, that choose the epoch instead of being trained on; 0: none, the last epoch stays"`
	Patience   int     `json:"patience" doc:"stop when the validation loss has not fallen for so many epochs; 0: never"`
	Seed       uint64  `json:"seed" doc:"of the first weights and the order of the windows"`
	Workers    int     `json:"workers" doc:"parts that a step is cut into, one to a core, at least 1; another number gives other last bits"`
}

func defaults() Training {
	return Training{
		LSB: 0.1, FineTune: 10, Epochs: 40, Batch: 32, Rate: 2e-3, Decay: 0.01, Validation: 0.2, Patience: 10, Seed: 1, Workers: 2,
	}
}

func (t *Training) training() *Training { return t }

// check reports what is out of range.
func (t *Training) check() error {
	var errs []error
	unit := func(key string, v float64) {
		if !(v >= 0 && v < 1) {
			errs = append(errs, fmt.Errorf("%s is %g, must be at least 0 and below 1", key, v))
		}
	}
	whole := func(key string, v, least int) {
		if v < least {
			errs = append(errs, fmt.Errorf("%s is %d, must be at least %d", key, v, least))
		}
	}
	unit("prune", t.Prune)
	unit("validation", t.Validation)
	whole("fine_tune_epochs", t.FineTune, 0)
	whole("epochs", t.Epochs, 1)
	whole("batch", t.Batch, 2)
	whole("patience", t.Patience, 0)
	whole("workers", t.Workers, 1)
	if !(t.Rate > 0) {
		errs = append(errs, fmt.Errorf("learning_rate is %g, must be above 0", t.Rate))
	}
	if !(t.Decay >= 0) {
		errs = append(errs, fmt.Errorf("weight_decay is %g, must be at least 0", t.Decay))
	}
	return errors.Join(errs...)
}

// run trains a new network on rows that are standardised.
func (t *Training) run(ctx context.Context, define func() nn.Layer, shape nn.Shape, x [][]float32, y signal.Labels) (*nn.Net, error) {
	learn, judge := decoders.HoldBack(y, t.Validation, 0)
	size := min(t.Batch, len(learn))
	net, err := nn.New(define, shape, nn.Options{Batch: size, Workers: t.Workers, Seed: t.Seed, Train: true})
	if err != nil {
		return nil, err
	}
	train := examples(x, y, learn)
	var validation *nn.Batch
	if len(judge) > 0 {
		b := examples(x, y, judge)
		validation = &b
	}
	pass := nn.Training{
		Epochs: t.Epochs, Batch: size, Rate: t.Rate, Schedule: nn.Cosine(0.05, 0.01), Optimiser: &nn.AdamW{Decay: t.Decay},
		Loss: nn.CrossEntropy{}, Clip: 5, Seed: t.Seed, Patience: t.Patience, Stop: ctx.Err, Journal: nn.JournalOf(ctx),
	}
	return net, pass.Run(net, train, validation)
}

// compress sets the smallest weights of a trained network to 0 and trains the others on.
func (t *Training) compress(ctx context.Context, net *nn.Net, x [][]float32, y signal.Labels) error {
	if t.Prune == 0 {
		return nil
	}
	keep := prune(net, t.Prune)
	if t.FineTune == 0 {
		return nil
	}
	learn, judge := decoders.HoldBack(y, t.Validation, 0)
	train := examples(x, y, learn)
	var validation *nn.Batch
	if len(judge) > 0 {
		b := examples(x, y, judge)
		validation = &b
	}
	keep.Decay = t.Decay
	again := nn.Training{
		Epochs: t.FineTune, Batch: min(t.Batch, len(learn)), Rate: t.Rate / 4, Schedule: nn.Cosine(0.05, 0.01), Optimiser: keep,
		Loss: nn.CrossEntropy{}, Clip: 5, Seed: t.Seed + 1, Stop: ctx.Err, Journal: nn.JournalOf(ctx),
	}
	return again.Run(net, train, validation)
}

// pruned is AdamW that leaves the weights that were set to 0 at 0 (Han et al. 2015, arXiv:1506.02626).
type pruned struct {
	nn.AdamW
	gone []int // positions in the network's vector
}

// Step updates and sets the weights to 0 again.
func (p *pruned) Step(n *nn.Net, rate float64) {
	p.AdamW.Step(n, rate)
	w := n.Weights()
	for _, i := range p.gone {
		w[i] = 0
	}
}

// prune sets the given part of the weights of each matrix to 0, those nearest to it. Biases stay.
func prune(n *nn.Net, part float64) *pruned {
	p, at := &pruned{}, 0
	for _, w := range n.Params {
		if strings.Contains(w.Name, "weight") {
			order := make([]int, len(w.W))
			for i := range order {
				order[i] = i
			}
			slices.SortStableFunc(order, func(a, b int) int {
				x, y := math.Abs(float64(w.W[a])), math.Abs(float64(w.W[b]))
				switch {
				case x < y:
					return -1
				case x > y:
					return 1
				}
				return 0
			})
			for _, i := range order[:int(part*float64(len(order)))] {
				w.W[i] = 0
				p.gone = append(p.gone, at+i)
			}
		}
		at = (at + len(w.W) + 15) &^ 15 // as Weights lays them out
	}
	return p
}

// examples are the rows at the given positions; rare classes count as much as frequent ones.
func examples(x [][]float32, y signal.Labels, at []int) nn.Batch {
	size, classes := len(x[0]), len(y.Classes)
	b := nn.Batch{N: len(at), X: make([]float32, len(at)*size), Y: make([]float32, len(at)*classes), W: make([]float32, len(at))}
	count := make([]int, classes)
	for i, j := range at {
		copy(b.X[i*size:], x[j])
		b.Y[i*classes+y.Y[j]] = 1
		count[y.Y[j]]++
	}
	for i, j := range at {
		b.W[i] = float32(float64(len(at)) / float64(classes*count[y.Y[j]]))
	}
	return b
}
