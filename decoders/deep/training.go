package deep

import (
	"context"
	"errors"
	"fmt"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Training is the parameters of training, which all networks share.
type Training struct {
	Epochs       int      `json:"epochs" doc:"most passes through the training windows, at least 1"`
	Batch        int      `json:"batch" doc:"windows in a step, at least 2"`
	Rate         float64  `json:"learning_rate" doc:"highest learning rate of AdamW, above 0"`
	Decay        float64  `json:"weight_decay" doc:"decoupled weight decay of AdamW, at least 0"`
	Warmup       float64  `json:"warmup" doc:"part of the steps in which the learning rate rises, 0 to below 1; it falls along a cosine after that"`
	Clip         float64  `json:"clip_norm" doc:"largest Euclidean norm of the gradient; 0: no limit"`
	Smoothing    float64  `json:"label_smoothing" doc:"part of every label that is spread over all classes, 0 to below 1"`
	ClassWeights bool     `json:"class_weights" doc:"rare classes count as much as frequent ones"`
	Validation   float64  `json:"validation" doc:"part of the training windows, the last of each class, that choose the epoch instead of being trained on; 0: none, the last epoch stays"`
	Least        int      `json:"validation_least" doc:"hold windows back only where they are at least so many, at least 0: fewer choose by chance, and are missed in training"`
	Patience     int      `json:"patience" doc:"stop when the validation loss has not fallen for so many epochs; 0: never"`
	Augment      []string `json:"augment" doc:"changes to the windows of each step: time_shift, channel_drop, noise, surrogate, mixup"`
	Seed         uint64   `json:"seed" doc:"of the first weights, the order of the windows, dropout and augmentation"`
	Workers      int      `json:"workers" doc:"parts that a step is cut into, one to a core, at least 1; another number gives other last bits"`
}

// defaults are those of a small network.
func defaults() Training {
	return Training{
		Epochs: 200, Batch: 16, Rate: 1e-3, Decay: 0.01, Warmup: 0.05, Clip: 5, ClassWeights: true,
		Validation: 0.2, Least: 20, Patience: 50, Seed: 1, Workers: 2,
	}
}

func (t *Training) ready() error { return t.check() }

func (t *Training) input(in features.Format) nn.Shape { return nn.Shape{len(in.Names), in.Len} }

func (t *Training) answer(net *nn.Net, dst []float64, x []float32) error {
	y, err := net.Forward(x)
	if err != nil {
		return err
	}
	return decoders.SoftmaxLogits(dst, y)
}

func (t *Training) onnx(g *onnx.Graph, y string) (string, error) { //nolint:unparam // that of an agent may fail
	out := g.Free("Softmax")
	g.Node("Softmax", []string{y}, []string{out}, onnx.Int("axis", -1))
	return out, nil
}

func (t *Training) meaning() string { return "logits of the classes: softmax makes them probabilities" }

func (t *Training) embed(net *nn.Net, x []float32) ([]float32, error) { return net.Features(x) }

// check reports what is out of range.
func (t *Training) check() error {
	unit := func(key string, v float64) error {
		if !(v >= 0 && v < 1) {
			return fmt.Errorf("%s is %g, must be at least 0 and below 1", key, v)
		}
		return nil
	}
	whole := func(key string, v, least int) error {
		if v < least {
			return fmt.Errorf("%s is %d, must be at least %d", key, v, least)
		}
		return nil
	}
	errs := []error{
		whole("epochs", t.Epochs, 1), whole("batch", t.Batch, 2), whole("patience", t.Patience, 0), whole("validation_least", t.Least, 0), whole("workers", t.Workers, 1),
		unit("warmup", t.Warmup), unit("label_smoothing", t.Smoothing), unit("validation", t.Validation),
	}
	if !(t.Rate > 0) {
		errs = append(errs, fmt.Errorf("learning_rate is %g, must be above 0", t.Rate))
	}
	if !(t.Decay >= 0) || !(t.Clip >= 0) {
		errs = append(errs, fmt.Errorf("weight_decay is %g and clip_norm %g, must be at least 0", t.Decay, t.Clip))
	}
	_, err := augmentation(t.Augment, 1, 1)
	return errors.Join(append(errs, err)...)
}

func (t *Training) learn(ctx context.Context, d *decoder, define func() nn.Layer, x [][]float64, y signal.Labels) (*nn.Net, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	augment, err := augmentation(t.Augment, len(d.format.Names), d.format.Len)
	if err != nil {
		return nil, err
	}
	learn, judge := decoders.HoldBack(y, t.Validation, t.Least)
	net, err := nn.New(define, d.shape(), nn.Options{Batch: min(t.Batch, len(learn)), Workers: t.Workers, Seed: t.Seed, Train: true})
	if err != nil {
		return nil, err
	}
	tr := nn.Training{
		Epochs: t.Epochs, Batch: min(t.Batch, len(learn)), Rate: t.Rate, Schedule: nn.Cosine(t.Warmup, 0.01),
		Optimiser: &nn.AdamW{Decay: t.Decay}, Loss: nn.CrossEntropy{Smoothing: t.Smoothing}, Clip: t.Clip, Seed: t.Seed,
		Patience: t.Patience, Augment: augment, Stop: ctx.Err, Journal: nn.JournalOf(ctx),
	}
	var validation *nn.Batch
	if len(judge) > 0 {
		b := t.examples(d, x, y, judge)
		validation = &b
	}
	return net, tr.Run(net, t.examples(d, x, y, learn), validation)
}

// examples are the standardised windows at the given positions.
func (t *Training) examples(d *decoder, x [][]float64, y signal.Labels, at []int) nn.Batch {
	size, classes := d.shape().Size(), len(y.Classes)
	b := nn.Batch{N: len(at), X: make([]float32, len(at)*size), Y: make([]float32, len(at)*classes)}
	count := make([]int, classes)
	for i, j := range at {
		d.standardise(b.X[i*size:(i+1)*size], x[j]) // finite: check has seen them
		b.Y[i*classes+y.Y[j]] = 1
		count[y.Y[j]]++
	}
	if t.ClassWeights {
		b.W = make([]float32, len(at))
		for i, j := range at {
			b.W[i] = float32(float64(len(at)) / float64(classes*count[y.Y[j]]))
		}
	}
	return b
}
