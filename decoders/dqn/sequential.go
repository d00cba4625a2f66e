package dqn

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	deep.Register("dqn_sequential", func() deep.Agent {
		return &Sequential{
			Learning: defaults(), Layout: layout(0, 0.25, 1), Length: 1, Step: 0.25, Cost: 0.02, Late: 1,
			Bootstrap: Bootstrap{Gamma: 0.99, Double: true, Target: 100},
		}
	})
}

// Sequential looks at a window piece by piece, and at each piece decides for a class or waits: what it buys is a decision
// as soon as the evidence is there. A state is the signal of the last Length seconds and the time since the window began.
// The scores are those of the piece at which the agent stops waiting (see the package); where it waits to the end every
// class gets the score 1/classes, on which a section decide decides nothing.
//
// Values are discounted by Gamma for each piece. The target of a remembered decision is
//
//	reward + Gamma · Q_target(next, argmax_a Q(next, a))    with Double; without, the largest Q_target(next, a)
//
// where Q_target is a copy of the network that is renewed every Target steps.
//
// The values Q [actions] of pieces [channels, samples] are learned as by Mnih et al. 2015 (doi:10.1038/nature14236), with
// Double as by van Hasselt, Guez and Silver 2016 (arXiv:1509.06461).
type Sequential struct {
	deep.Core
	Learning
	Layout
	Bootstrap
	Length float64 `json:"length_s" doc:"length of a piece in seconds, at most that of the window"`
	Step   float64 `json:"step_s" doc:"from one piece to the next in seconds, above 0"`
	Cost   float64 `json:"wait_cost" doc:"what waiting for the next piece costs, at least 0"`
	Late   float64 `json:"late_cost" doc:"what waiting at the last piece costs, at least 0"`

	cut pieces
	x   []float32 // the piece at hand
}

// pieces says how a window is cut.
type pieces struct{ channels, samples, length, step, n int }

// cutting is in samples.
func (s *Sequential) cutting(in features.Format) (pieces, error) {
	p := pieces{channels: len(in.Names), samples: in.Len, length: int(math.Round(s.Length * in.Rate)), step: int(math.Round(s.Step * in.Rate))}
	switch {
	case p.length < 1 || p.length > in.Len:
		return p, fmt.Errorf("length_s is %g, must be above 0 and at most the %g s of the window", s.Length, float64(in.Len)/in.Rate)
	case p.step < 1:
		return p, fmt.Errorf("step_s is %g, must be at least one sample, %g s", s.Step, 1/in.Rate)
	}
	p.n = 1 + (in.Len-p.length)/p.step
	if p.n < 2 {
		return p, fmt.Errorf("the window of %g s holds only one piece of length_s %g and step_s %g; shorten them, or use dqn", float64(in.Len)/in.Rate, s.Length, s.Step)
	}
	return p, nil
}

// size is the number of values of a state: the piece, and one more row that says how late it is.
func (p pieces) size() int { return (p.channels + 1) * p.length }

// look writes piece number k of the window x to dst; the last row grows from 1/e to e, so that the logarithm of its power
// grows evenly.
func (p pieces) look(dst, x []float32, k int) {
	for ch := range p.channels {
		copy(dst[ch*p.length:(ch+1)*p.length], x[ch*p.samples+k*p.step:])
	}
	late := float32(math.Exp(2*float64(k)/float64(p.n-1) - 1))
	for t := p.channels * p.length; t < p.size(); t++ {
		dst[t] = late
	}
}

// Layers checks the parameters and says how to make the network for one piece.
func (s *Sequential) Layers(in features.Format, classes int) (func() nn.Layer, error) {
	if err := errors.Join(s.Learning.check(), s.Bootstrap.check()); err != nil {
		return nil, err
	}
	if !(s.Cost >= 0) || !(s.Late >= 0) || s.Gamma == 0 {
		return nil, errors.New("wait_cost and late_cost must be at least 0, and gamma above 0, or there is nothing to wait for")
	}
	cut, err := s.cutting(in)
	if err != nil {
		return nil, err
	}
	s.cut, s.x = cut, make([]float32, cut.size())
	return s.define(len(in.Names)+1, cut.length, in.Rate, classes+1)
}

// Input is one piece.
func (s *Sequential) Input(in features.Format) nn.Shape {
	return nn.Shape{len(in.Names) + 1, int(math.Round(s.Length * in.Rate))}
}

// Learn trains a network by reward on the windows x.
func (s *Sequential) Learn(ctx context.Context, define func() nn.Layer, in features.Format, x []float32, y signal.Labels) (*nn.Net, error) {
	cut, err := s.cutting(in)
	if err != nil {
		return nil, err
	}
	size := cut.channels * cut.samples
	return s.run(ctx, define, s.Input(in), &world{
		truth: y.Y, classes: len(y.Classes), wait: true, states: cut.n, size: cut.size(), signals: cut.channels, samples: cut.length,
		right: s.Right, wrong: s.Wrong, cost: -s.Cost, late: -s.Late,
		look: func(dst []float32, trial, k int) { cut.look(dst, x[trial*size:(trial+1)*size], k) },
	}, s.Bootstrap)
}

// Answer goes through the pieces until the agent decides.
func (s *Sequential) Answer(net *nn.Net, dst []float64, x []float32) error {
	q, err := s.until(net, x)
	if err != nil {
		return err
	}
	return decide(dst, q, s.Right, -s.Wrong)
}

// until is the values at the piece where the agent does not wait, or at the last one. s.x is that piece then.
func (s *Sequential) until(net *nn.Net, x []float32) (q []float32, err error) {
	for k := range s.cut.n {
		s.cut.look(s.x, x, k)
		if q, err = net.Forward(s.x); err != nil || greedy(q) < len(q)-1 {
			break
		}
	}
	return q, err
}

// BeforeLast is what the values of the piece where the agent decides are a linear function of.
func (s *Sequential) BeforeLast(net *nn.Net, x []float32) ([]float32, error) {
	if _, err := s.until(net, x); err != nil {
		return nil, err
	}
	return net.Features(s.x)
}

// Probabilities is an error: a graph answers windows, this one looks at piece after piece until it decides.
func (s *Sequential) Probabilities(*onnx.Graph, string) (string, error) {
	return "", errors.New("looks at one piece of a window after the other until it decides, which an ONNX file of one network cannot say: write its weights as .safetensors (values of one piece), or train dqn, which looks at the whole window")
}

// Meaning is that of the values.
func (s *Sequential) Meaning() string {
	return "of one piece of a window, " + meaning(s.Right, -s.Wrong)
}
