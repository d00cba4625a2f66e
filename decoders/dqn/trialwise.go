package dqn

import (
	"context"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	deep.Register("dqn", func() deep.Agent {
		return &DQN{Learning: defaults(), Network: network(0.5)}
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
// The network of values Q [actions] over a window [channels, samples] is that of RLEEGNet (Nallani and Ramachandran 2024,
// arXiv:2402.09465); it minimises the squared error of the reward (Mnih et al. 2015, doi:10.1038/nature14236).
type DQN struct {
	deep.Core
	Learning
	Network
	Wait bool `json:"wait" doc:"the agent may decide for no class, with the reward 0; the scores are equal then"`
}

// Layers checks the parameters and says how to make the network.
func (d *DQN) Layers(in features.Format, classes int) (func() nn.Layer, error) {
	if err := d.check(); err != nil {
		return nil, err
	}
	if d.Wait {
		classes++
	}
	return d.define(in.Len, in.Rate, classes)
}

// Input is the whole window.
func (d *DQN) Input(in features.Format) nn.Shape { return nn.Shape{len(in.Names), in.Len} }

// Learn trains a network by reward on the windows x.
func (d *DQN) Learn(ctx context.Context, define func() nn.Layer, in features.Format, x []float32, y signal.Labels) (*nn.Net, error) {
	size := d.Input(in).Size()
	return d.run(ctx, define, d.Input(in), &world{
		truth: y.Y, classes: len(y.Classes), wait: d.Wait, states: 1, size: size, signals: len(in.Names), samples: in.Len, right: d.Right, wrong: d.Wrong,
		look: func(dst []float32, trial, _ int) { copy(dst, x[trial*size:(trial+1)*size]) },
	}, nil)
}

// Answer is greedy.
func (d *DQN) Answer(net *nn.Net, dst []float64, x []float32) error {
	q, err := net.Forward(x)
	if err != nil {
		return err
	}
	return decide(dst, q, d.Right, -d.Wrong)
}
