package dqn

import (
	"context"
	"errors"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/onnx"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	deep.Register("dqn", func() deep.Agent {
		return &DQN{Learning: defaults(), Layout: layout(0.1, 0.25, 3), Bootstrap: Bootstrap{Double: true, Target: 100}}
	})
}

// DQN decides for one class a trial, and learns from the reward: a contextual bandit (see the package). Its windows are
// best in CSP space, with the filters of all classes: the step csp in front of it.
//
// The scores are the probabilities that the values mean, (Q + l)/(g + l), moved to the nearest that add up to 1
// (decoders.Simplex). With Wait there is another action, with the reward 0, which the
// agent prefers where no class has a probability above l/(g + l): then every class gets the score 1/classes, which no
// section decide takes for a decision.
//
// There is a target network, and double Q-learning (Gamma, Double, Target), as the recipe has them. With Gamma 0, the
// default, nothing that follows a decision counts, and neither changes a bit of what is learned: that is the bandit. With
// Gamma above 0 the next trial counts as what follows, as in the recipe. It is drawn at random, whatever was decided, so
// that adds the same to the value of each action, and noise:
//
//	target = reward + Gamma · Q_target(next trial, argmax_a Q(next trial, a))    with Double; else the largest Q_target
//
// Adding the same to all values changes no score: moving to the nearest probabilities takes it out again.
//
// The network of values Q [actions] over a window [channels, samples] is that of RLEEGNet (Nallani and Ramachandran 2024,
// arXiv:2402.09465); it minimises the squared error of the reward (Mnih et al. 2015, doi:10.1038/nature14236).
type DQN struct {
	deep.Core
	Learning
	Layout
	Bootstrap
	Wait bool `json:"wait" doc:"the agent may decide for no class, with the reward 0; the scores are equal then"`
}

// Notes says what there was to learn.
func (d *DQN) Notes() []signal.Note {
	text := "gamma %s: each trial is one decision and its reward, a contextual bandit; target network and double are without effect"
	if d.Gamma > 0 {
		text = "gamma %s: each trial is one decision and its reward; the next trial, which is drawn at random, counts as what follows, which shifts all values alike and adds noise"
	}
	return []signal.Note{{Text: text, Low: d.Gamma, High: d.Gamma}}
}

// Layers checks the parameters and says how to make the network.
func (d *DQN) Layers(in features.Format, classes int) (func() nn.Layer, error) {
	if err := errors.Join(d.Learning.check(), d.Bootstrap.check()); err != nil {
		return nil, err
	}
	if d.Gamma == 1 {
		return nil, errors.New("gamma is 1, must be below 1: trials follow each other without end, and their values would have no sum")
	}
	if d.Wait {
		classes++
	}
	return d.define(len(in.Names), in.Len, in.Rate, classes)
}

// Input is the whole window.
func (d *DQN) Input(in features.Format) nn.Shape { return nn.Shape{len(in.Names), in.Len} }

// Learn trains a network by reward on the windows x.
func (d *DQN) Learn(ctx context.Context, define func() nn.Layer, in features.Format, x []float32, y signal.Labels) (*nn.Net, error) {
	size := d.Input(in).Size()
	return d.run(ctx, define, d.Input(in), &world{
		truth: y.Y, classes: len(y.Classes), wait: d.Wait, states: 1, chain: true, size: size, signals: len(in.Names), samples: in.Len, right: d.Right, wrong: d.Wrong,
		look: func(dst []float32, trial, _ int) { copy(dst, x[trial*size:(trial+1)*size]) },
	}, d.Bootstrap)
}

// Answer is greedy.
func (d *DQN) Answer(net *nn.Net, dst []float64, x []float32) error {
	q, err := net.Forward(x)
	if err != nil {
		return err
	}
	return decide(dst, q, d.Right, -d.Wrong)
}

// BeforeLast is what the values are a linear function of.
func (d *DQN) BeforeLast(net *nn.Net, x []float32) ([]float32, error) { return net.Features(x) }

// Probabilities is what Answer does with the values.
func (d *DQN) Probabilities(g *onnx.Graph, y string) (string, error) {
	return onnxDecide(g, y, len(d.Outputs()), d.Wait, d.Right, -d.Wrong), nil
}

// Meaning is that of the values.
func (d *DQN) Meaning() string { return meaning(d.Right, -d.Wrong) }
