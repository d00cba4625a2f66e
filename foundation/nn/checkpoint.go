package nn

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Snapshot is everything that a training needs to go on with the same bits: arrays by name and numbers by name.
type Snapshot struct {
	Arrays map[string]Array
	Text   map[string]string
}

// Array is a named array of a Snapshot.
type Array struct {
	Shape Shape
	Data  []float32
}

// what a Snapshot's names begin with.
const (
	weightsIn   = "weights."
	bestIn      = "best."
	optimiserIn = "optimiser."
)

// Snapshot copies the state of a training and its network.
func (t *Training) Snapshot(n *Net) Snapshot {
	s := Snapshot{Arrays: map[string]Array{}, Text: map[string]string{}}
	for name, a := range n.Arrays() {
		s.Arrays[weightsIn+name] = a
	}
	if t.bestWeights != nil {
		n.split(t.bestWeights, func(p *Param, w []float32) {
			s.Arrays[bestIn+p.Name] = Array{p.Shape, slices.Clone(w)}
		})
	}
	vectors, steps := t.Optimiser.State()
	for name, v := range vectors {
		s.Arrays[optimiserIn+name] = Array{Shape{len(v)}, slices.Clone(v)}
	}
	s.Text["optimiser.steps"] = strconv.Itoa(steps)
	s.Text["epoch"], s.Text["step"] = strconv.Itoa(t.epoch), strconv.Itoa(t.step)
	s.Text["best.epoch"] = strconv.Itoa(t.bestEpoch)
	s.Text["best.loss"] = strconv.FormatUint(math.Float64bits(t.best), 16)
	s.Text["stopped"] = strconv.FormatBool(t.stopped)
	s.Text["training"] = t.identity(n)
	return s
}

// identity is what must be the same for a training to go on: with other settings the result would be neither the one
// training nor the other.
func (t *Training) identity(n *Net) string {
	id, _ := json.Marshal(map[string]any{ // numbers and text only: it cannot fail
		"epochs": t.Epochs, "batch": t.Batch, "rate": t.Rate, "clip": t.Clip, "seed": t.Seed, "patience": t.Patience,
		"loss": fmt.Sprintf("%T%+v", t.Loss, t.Loss), "optimiser": fmt.Sprintf("%T", t.Optimiser), "workers": n.opt.Workers,
	})
	return string(id)
}

// Restore puts a Snapshot back into a training with the same settings and its network. Where it is refused, both are as
// before.
func (t *Training) Restore(n *Net, s Snapshot) error {
	if have, want := s.Text["training"], t.identity(n); have != want {
		return fmt.Errorf("checkpoint: was made by the training %s, this one is %s: give the same settings", have, want)
	}
	number := map[string]int{}
	for _, key := range []string{"optimiser.steps", "epoch", "step", "best.epoch"} {
		v, err := strconv.Atoi(s.Text[key])
		if err != nil || v < 0 {
			return fmt.Errorf("checkpoint: %s is %q, must be a whole number of at least 0", key, s.Text[key])
		}
		number[key] = v
	}
	bits, err := strconv.ParseUint(s.Text["best.loss"], 16, 64)
	if err != nil {
		return fmt.Errorf("checkpoint: best.loss is %q, must be the bits of a number", s.Text["best.loss"])
	}
	stopped, err := strconv.ParseBool(s.Text["stopped"])
	if err != nil {
		return fmt.Errorf("checkpoint: stopped is %q, must be true or false", s.Text["stopped"])
	}
	now, best, vectors := map[string]Array{}, map[string]Array{}, map[string][]float32{}
	for name, a := range s.Arrays {
		switch {
		case cut(name, weightsIn) != "":
			now[cut(name, weightsIn)] = a
		case cut(name, bestIn) != "":
			best[cut(name, bestIn)] = a
		case cut(name, optimiserIn) != "":
			if len(a.Data) != len(n.weights) {
				return fmt.Errorf("checkpoint: %s has %d values, must have %d", name, len(a.Data), len(n.weights))
			}
			vectors[cut(name, optimiserIn)] = a.Data
		default:
			return fmt.Errorf("checkpoint: there is an unknown array %s", name)
		}
	}
	weights, err := n.gather(now)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	var bestWeights []float32
	if len(best) > 0 {
		if bestWeights, err = n.gather(best); err != nil {
			return fmt.Errorf("checkpoint: best: %w", err)
		}
	}
	if (bestWeights == nil) != (number["best.epoch"] == 0) {
		return fmt.Errorf("checkpoint: the best epoch is %d, and there are %d arrays of its weights", number["best.epoch"], len(best))
	}
	if err := t.Optimiser.SetState(vectors, number["optimiser.steps"]); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	copy(n.weights, weights)
	t.epoch, t.step, t.bestEpoch = number["epoch"], number["step"], number["best.epoch"]
	t.best, t.bestWeights, t.stopped = math.Float64frombits(bits), bestWeights, stopped
	return nil
}

func cut(name, prefix string) string {
	if len(name) > len(prefix) && name[:len(prefix)] == prefix {
		return name[len(prefix):]
	}
	return ""
}

// Arrays copies all parameters and statistics, by name.
func (n *Net) Arrays() map[string]Array {
	out := map[string]Array{}
	n.split(n.weights, func(p *Param, w []float32) { out[p.Name] = Array{p.Shape, slices.Clone(w)} })
	return out
}

// SetArrays puts back what Arrays returned, or what another program learned under the same names. Sizes of 1 in a shape
// do not count. A missing, unknown, misshapen or infinite array is an error that names it; then nothing is changed.
func (n *Net) SetArrays(arrays map[string]Array) error {
	w, err := n.gather(arrays)
	if err != nil {
		return err
	}
	copy(n.weights, w)
	if n.frozen {
		return n.Freeze()
	}
	return nil
}

// split visits each parameter with its part of a flat vector.
func (n *Net) split(flat []float32, visit func(p *Param, w []float32)) {
	at := 0
	for _, p := range n.Params {
		visit(p, flat[at:at+len(p.W)])
		at += (len(p.W) + 15) &^ 15
	}
}

// gather is the flat vector that arrays make.
func (n *Net) gather(arrays map[string]Array) ([]float32, error) {
	flat := make([]float32, len(n.weights))
	seen := 0
	var err error
	n.split(flat, func(p *Param, w []float32) {
		a, ok := arrays[p.Name]
		switch {
		case err != nil:
		case !ok:
			err = fmt.Errorf("the array %s (%v) is missing", p.Name, p.Shape)
		case !slices.Equal(squeeze(a.Shape), squeeze(p.Shape)) || len(a.Data) != len(w):
			err = fmt.Errorf("the array %s is %v with %d values, must be %v", p.Name, a.Shape, len(a.Data), p.Shape)
		default:
			for i, v := range a.Data {
				if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
					err = fmt.Errorf("value %d of the array %s is %g, must be finite", i, p.Name, v)
					return
				}
			}
			copy(w, a.Data)
			seen++
		}
	})
	if err != nil {
		return nil, err
	}
	if seen != len(arrays) {
		for name := range arrays {
			if n.Param(name) == nil {
				return nil, fmt.Errorf("there is an array %s, the network has none of that name", name)
			}
		}
	}
	return flat, nil
}

// squeeze leaves out the sizes of 1.
func squeeze(s Shape) Shape {
	out := Shape{}
	for _, v := range s {
		if v != 1 {
			out = append(out, v)
		}
	}
	return out
}
