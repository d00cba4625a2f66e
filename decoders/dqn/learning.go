package dqn

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// Learning is the parameters of learning by reward, which both decoders share.
type Learning struct {
	Decisions int     `json:"decisions" doc:"decisions in training, the random ones before it learns included; above warmup"`
	Warmup    int     `json:"warmup" doc:"decisions at random before it begins to learn, at least batch"`
	Every     int     `json:"train_every" doc:"decisions to a step of the optimiser, at least 1"`
	Batch     int     `json:"batch" doc:"remembered decisions in a step of the optimiser, at least 1"`
	Replay    int     `json:"replay" doc:"decisions that are remembered, at least batch; the oldest are forgotten first"`
	Rate      float64 `json:"learning_rate" doc:"highest learning rate of AdamW, above 0; it falls along a cosine"`
	Decay     float64 `json:"weight_decay" doc:"decoupled weight decay of AdamW, at least 0"`
	Clip      float64 `json:"clip_norm" doc:"largest Euclidean norm of the gradient; 0: no limit"`
	Epsilon   float64 `json:"epsilon" doc:"part of the decisions that are random in the end, 0 to 1; answers are never random"`
	Explore   float64 `json:"explore" doc:"part of the decisions behind warmup over which the random ones fall from all to epsilon, 0 to 1"`
	Right     float64 `json:"reward_right" doc:"reward of deciding for the class of the trial, above 0"`
	Wrong     float64 `json:"reward_wrong" doc:"reward of deciding for another class, below 0"`
	Augment   bool    `json:"augment" doc:"windows that are learned from get a random sign in each channel and are rotated in time by a random part: in CSP space that leaves the powers as they are"`
	Seed      uint64  `json:"seed" doc:"of the first weights, the order of trials, exploration, replay, augmentation and dropout, each with random numbers of its own"`
}

func defaults() Learning {
	return Learning{
		Decisions: 2600, Warmup: 1000, Every: 4, Batch: 32, Replay: 50_000, Rate: 1e-3, Decay: 0.01, Clip: 10,
		Epsilon: 0.05, Explore: 0.3, Right: 1, Wrong: -2, Augment: true, Seed: 1,
	}
}

// check reports what is out of range.
func (l *Learning) check() error {
	whole := func(key string, v, least int) error {
		if v < least {
			return fmt.Errorf("%s is %d, must be at least %d", key, v, least)
		}
		return nil
	}
	unit := func(key string, v float64) error {
		if !(v >= 0 && v <= 1) {
			return fmt.Errorf("%s is %g, must be 0 to 1", key, v)
		}
		return nil
	}
	errs := []error{
		whole("batch", l.Batch, 1), whole("warmup", l.Warmup, l.Batch), whole("replay", l.Replay, l.Batch),
		whole("decisions", l.Decisions, l.Warmup+1), whole("train_every", l.Every, 1), unit("epsilon", l.Epsilon), unit("explore", l.Explore),
	}
	if !(l.Rate > 0) || !(l.Decay >= 0) || !(l.Clip >= 0) {
		errs = append(errs, fmt.Errorf("learning_rate is %g, must be above 0, weight_decay %g and clip_norm %g, must be at least 0", l.Rate, l.Decay, l.Clip))
	}
	if !(l.Right > 0) || !(l.Wrong < 0) || math.IsInf(l.Right-l.Wrong, 0) {
		errs = append(errs, fmt.Errorf("reward_right is %g, must be above 0, and reward_wrong %g, must be below 0", l.Right, l.Wrong))
	}
	return errors.Join(errs...)
}

// epsilon is the part of random decisions at decision t.
func (l *Learning) epsilon(t int) float64 {
	fall := l.Explore * float64(l.Decisions-l.Warmup)
	if done := float64(t - l.Warmup); done < fall {
		return 1 - (1-l.Epsilon)*max(done, 0)/fall
	}
	return l.Epsilon
}

// Bootstrap is the parameters of how value flows back from the next state, by a target network.
type Bootstrap struct {
	Gamma  float64 `json:"gamma" doc:"what the value of the next state counts in that of this one, 0 to 1 (dqn: below 1)"`
	Double bool    `json:"double" doc:"double Q-learning: the network chooses the next action, the target network values it; false: the target network does both"`
	Target int     `json:"target_every" doc:"steps of the optimiser between two copies of the network to the target network, at least 1"`
}

// check reports what is out of range.
func (b *Bootstrap) check() error {
	if !(b.Gamma >= 0 && b.Gamma <= 1) || b.Target < 1 {
		return fmt.Errorf("gamma is %g, must be 0 to 1, and target_every %d, must be at least 1", b.Gamma, b.Target)
	}
	return nil
}

// learner is one training.
type learner struct {
	*Learning
	w      *world
	boot   Bootstrap
	net    *nn.Net
	target *nn.Net // what net was at the last copy
	memory replay

	replay *rand.Rand
	change *rand.Rand
	x      []float32 // [batch, size]
	y      []float32 // [batch, actions]
	picked []transition
	steps  int // of the optimiser
	opt    *nn.AdamW
}

// run trains a new network, [shape] → [actions], in w.
func (l *Learning) run(ctx context.Context, define func() nn.Layer, shape nn.Shape, w *world, boot Bootstrap) (*nn.Net, error) {
	if err := errors.Join(l.check(), boot.check()); err != nil {
		return nil, err
	}
	net, err := nn.New(define, shape, nn.Options{Batch: l.Batch, Seed: l.Seed, Train: true})
	if err != nil {
		return nil, err
	}
	r := &learner{
		Learning: l, w: w, boot: boot, net: net, memory: replay{limit: l.Replay}, replay: l.random(1), change: l.random(4),
		x: make([]float32, l.Batch*w.size), y: make([]float32, l.Batch*w.actions()), opt: &nn.AdamW{Decay: l.Decay},
	}
	if r.target, err = nn.New(define, shape, nn.Options{Batch: l.Batch}); err != nil {
		return nil, err
	}
	copy(r.target.Weights(), net.Weights())
	return net, r.all(ctx)
}

// random is a stream of random numbers of its own.
func (l *Learning) random(stream uint64) *rand.Rand { return rand.New(rand.NewPCG(l.Seed, stream)) }

// all goes through the decisions.
func (r *learner) all(ctx context.Context) error {
	order, explore := r.random(2), r.random(3)
	byClass := make([][]int, r.w.classes)
	for i, k := range r.w.truth {
		byClass[k] = append(byClass[k], i)
	}
	draw := func() int { // rare classes are shown as often as frequent ones
		own := byClass[order.IntN(len(byClass))]
		return own[order.IntN(len(own))]
	}
	trial, s := draw(), 0
	for t := range r.Decisions {
		if err := ctx.Err(); err != nil {
			return err
		}
		var a int
		if explore.Float64() < r.epsilon(t) {
			a = explore.IntN(r.w.actions())
		} else {
			r.w.look(r.x[:r.w.size], trial, s)
			q, err := r.net.Forward(r.x[:r.w.size])
			if err != nil {
				return err
			}
			a = greedy(q)
		}
		reward, next := r.w.act(trial, s, a)
		did := transition{trial: trial, state: s, action: a, reward: reward, next: next, nextTrial: trial}
		if s = next; s == over {
			if trial, s = draw(), 0; r.w.chain && r.boot.Gamma > 0 {
				did.next, did.nextTrial = s, trial
			}
		}
		r.memory.add(did)
		if t >= r.Warmup && (t-r.Warmup)%r.Every == 0 {
			if err := r.step(); err != nil {
				return fmt.Errorf("decision %d, step %d: %w", t+1, r.steps+1, err)
			}
		}
	}
	return nil
}

// step is one step of the optimiser.
func (r *learner) step() error {
	r.picked = r.picked[:0]
	for range r.Batch {
		r.picked = append(r.picked, r.memory.kept[r.replay.IntN(len(r.memory.kept))])
	}
	if err := r.targets(); err != nil {
		return err
	}
	for i, t := range r.picked {
		x := r.x[i*r.w.size : (i+1)*r.w.size]
		if r.w.look(x, t.trial, t.state); r.Augment {
			r.augment(x)
		}
	}
	// Errors up to the distance of both rewards are squared, so that values are means of rewards. With the usual limit of 1
	// they would be drawn towards medians, and an action with p = 0.51 would be valued above waiting.
	b := nn.Batch{X: r.x, Y: r.y, N: r.Batch}
	huber := nn.Huber{Delta: r.Right - r.Wrong}
	loss, err := r.net.Gradient(b, huber, r.Seed+uint64(r.steps)<<20)
	if err != nil {
		return err
	}
	if math.IsNaN(loss) || math.IsInf(loss, 0) {
		return fmt.Errorf("the loss is %g, must be finite%s; lower learning_rate", loss, r.net.FirstBad(b, huber))
	}
	if _, err := r.net.ClipGrad(r.Clip); err != nil {
		return fmt.Errorf("%w; lower learning_rate", err)
	}
	total := (r.Decisions - r.Warmup + r.Every - 1) / r.Every
	r.opt.Step(r.net, r.Rate*nn.Cosine(0, 0.01)(r.steps, total))
	for _, p := range r.net.Params {
		if !kernel.Finite(p.W) {
			return fmt.Errorf("the update made %s (%v) not finite; lower learning_rate", p.Name, p.Shape)
		}
	}
	r.steps++
	if r.steps%r.boot.Target == 0 {
		copy(r.target.Weights(), r.net.Weights())
	}
	return nil
}

// augment changes a state. CSP makes the covariances of both sides diagonal, and powers are all that band-passed signals
// are told apart by, so a sign in front of a row, or another beginning, changes nothing that matters; the network would
// otherwise learn the waves of a few dozen trials by heart.
func (r *learner) augment(x []float32) {
	n := r.w.samples
	shift := r.change.IntN(n)
	for at := 0; at < r.w.signals*n; at += n {
		row := x[at : at+n]
		slices.Reverse(row[:shift]) // three times reversed is rotated
		slices.Reverse(row[shift:])
		slices.Reverse(row)
		if r.change.Uint64()&1 == 1 {
			for t := range row {
				row[t] = -row[t]
			}
		}
	}
}

// targets fills y: reward + γ·(value of the next state) for the action that was taken, and nothing for the others.
func (r *learner) targets() error {
	actions := r.w.actions()
	for i := range r.y {
		r.y[i] = float32(math.NaN())
	}
	n := 0
	for i, t := range r.picked {
		r.y[i*actions+t.action] = float32(t.reward)
		if t.next != over {
			r.w.look(r.x[n*r.w.size:(n+1)*r.w.size], t.nextTrial, t.next)
			n++
		}
	}
	if n == 0 {
		return nil
	}
	next, err := r.target.Forward(r.x[:n*r.w.size])
	if err != nil {
		return err
	}
	choose := next
	if r.boot.Double {
		if choose, err = r.net.Forward(r.x[:n*r.w.size]); err != nil {
			return err
		}
	}
	n = 0
	for i, t := range r.picked {
		if t.next == over {
			continue
		}
		best := greedy(choose[n*actions : (n+1)*actions])
		r.y[i*actions+t.action] += float32(r.boot.Gamma * float64(next[n*actions+best]))
		n++
	}
	return nil
}
