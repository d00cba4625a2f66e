package nn

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
)

// snapshot is how far one training has come: arrays and numbers by name, and what it is a snapshot of. One of a training
// that is over has only the weights that stay.
type snapshot struct {
	Arrays   map[string]Array  `json:"-"`
	Identity map[string]string `json:"identity"`
	Text     map[string]string `json:"state"`
}

// Array is a named array.
type Array struct {
	Shape Shape
	Data  []float32
}

// what the names of arrays begin with.
const (
	weightsIn   = "weights."
	bestIn      = "best."
	optimiserIn = "optimiser."
)

// snapshot copies the state of a training and its network.
func (t *Training) snapshot(n *Net, id map[string]string, finished bool) snapshot {
	s := snapshot{Arrays: map[string]Array{}, Identity: id, Text: map[string]string{
		"epoch": strconv.Itoa(t.epoch), "step": strconv.Itoa(t.step), "finished": strconv.FormatBool(finished),
	}}
	for name, a := range n.Arrays() {
		s.Arrays[weightsIn+name] = a
	}
	if finished {
		return s
	}
	if t.bestWeights != nil {
		n.split(t.bestWeights, func(p *Param, w []float32) {
			s.Arrays[bestIn+p.Name] = Array{p.Shape, slices.Clone(w)}
		})
	}
	vectors, made := t.Optimiser.State()
	for name, v := range vectors {
		n.split(v, func(p *Param, part []float32) {
			if !p.Buffer {
				s.Arrays[optimiserIn+name+"."+p.Name] = Array{p.Shape, slices.Clone(part)}
			}
		})
	}
	s.Text["optimiser steps"] = strconv.Itoa(made)
	s.Text["best epoch"] = strconv.Itoa(t.bestEpoch)
	s.Text["best loss"] = strconv.FormatUint(math.Float64bits(t.best), 16)
	s.Text["stopped"] = strconv.FormatBool(t.stopped)
	return s
}

// restore puts a snapshot back, and says whether its training was over. perEpoch is the steps of an epoch. Where it is
// refused, training and network are as before.
func (t *Training) restore(n *Net, s snapshot, id map[string]string, perEpoch int, judged bool) (finished bool, err error) {
	if what, differs := Differ(s.Identity, id); differs {
		return false, fmt.Errorf("is of another training: %s; give the same data and settings, or begin anew", what)
	}
	known := map[string]string{}
	next := Training{}
	for _, f := range []struct {
		key string
		to  *int
	}{{"epoch", &next.epoch}, {"step", &next.step}} {
		if *f.to, err = whole(s.Text, f.key, known); err != nil {
			return false, err
		}
	}
	if finished, err = yes(s.Text, "finished", known); err != nil {
		return false, err
	}
	switch {
	case next.epoch > t.Epochs:
		return false, fmt.Errorf("its epoch is %d, the training has at most %d", next.epoch, t.Epochs)
	case next.step != next.epoch*perEpoch:
		return false, fmt.Errorf("it is behind step %d, epoch %d ends with step %d", next.step, next.epoch, next.epoch*perEpoch)
	}
	now, best, vectors := map[string]Array{}, map[string]Array{}, map[string]map[string]Array{}
	for _, name := range slices.Sorted(maps.Keys(s.Arrays)) {
		kind, rest, _ := strings.Cut(name, ".")
		vector, param, _ := strings.Cut(rest, ".")
		switch {
		case kind+"." == weightsIn:
			now[rest] = s.Arrays[name]
		case kind+"." == bestIn && !finished:
			best[rest] = s.Arrays[name]
		case kind+"." == optimiserIn && param != "" && !finished:
			if vectors[vector] == nil {
				vectors[vector] = map[string]Array{}
			}
			vectors[vector][param] = s.Arrays[name]
		default:
			return false, fmt.Errorf("there is an unknown tensor %s", name)
		}
	}
	weights, err := n.gather(now, weightsIn, nil)
	if err != nil {
		return false, err
	}
	if finished {
		if err := all(s.Text, known); err != nil {
			return false, err
		}
		copy(n.weights, weights)
		t.epoch, t.step, t.stopped = next.epoch, next.step, true
		return true, nil
	}
	if err := t.restoreBest(&next, n, s.Text, best, known, judged); err != nil {
		return false, err
	}
	made, err := whole(s.Text, "optimiser steps", known)
	if err != nil {
		return false, err
	}
	if err := all(s.Text, known); err != nil {
		return false, err
	}
	if made != next.step {
		return false, fmt.Errorf("its optimiser has made %d steps, the training %d", made, next.step)
	}
	flat := map[string][]float32{}
	for name, arrays := range vectors {
		if flat[name], err = n.gather(arrays, optimiserIn+name+".", func(p *Param) bool { return !p.Buffer }); err != nil {
			return false, err
		}
	}
	if err := t.Optimiser.SetState(n, flat, made); err != nil {
		return false, err
	}
	copy(n.weights, weights)
	t.epoch, t.step, t.bestEpoch = next.epoch, next.step, next.bestEpoch
	t.best, t.bestWeights, t.stopped = next.best, next.bestWeights, next.stopped
	return false, nil
}

// restoreBest reads what is known of the best epoch into next.
func (t *Training) restoreBest(next *Training, n *Net, text map[string]string, best map[string]Array, known map[string]string, judged bool) (err error) {
	if next.bestEpoch, err = whole(text, "best epoch", known); err != nil {
		return err
	}
	if next.stopped, err = yes(text, "stopped", known); err != nil {
		return err
	}
	known["best loss"] = ""
	bits, err := strconv.ParseUint(text["best loss"], 16, 64)
	if err != nil {
		return fmt.Errorf("its best loss is %q, must be the bits of a number", text["best loss"])
	}
	next.best = math.Float64frombits(bits)
	patient := t.Patience == 0 || next.epoch-next.bestEpoch < t.Patience
	switch {
	case judged != (next.bestEpoch > 0) && next.epoch > 0:
		return fmt.Errorf("its best epoch is %d of %d, must be at least 1 with validation examples and 0 without", next.bestEpoch, next.epoch)
	case next.bestEpoch > next.epoch:
		return fmt.Errorf("its best epoch is %d, it has only come to epoch %d", next.bestEpoch, next.epoch)
	case math.IsNaN(next.best) || math.IsInf(next.best, 0):
		return fmt.Errorf("its best loss is %g, must be finite", next.best)
	case next.stopped != (judged && !patient):
		return fmt.Errorf("it says stopped: %t, behind epoch %d with the best one %d and the patience %d", next.stopped, next.epoch, next.bestEpoch, t.Patience)
	case len(best) == 0 && next.bestEpoch == 0:
		return nil
	case len(best) == 0:
		return fmt.Errorf("its best epoch is %d, and there is no tensor of its weights (%s…)", next.bestEpoch, bestIn)
	case next.bestEpoch == 0:
		return fmt.Errorf("there are %d tensors %s…, and no best epoch", len(best), bestIn)
	}
	next.bestWeights, err = n.gather(best, bestIn, nil)
	return err
}

// whole is a whole number of at least 0. What was asked for is noted in known.
func whole(text map[string]string, key string, known map[string]string) (int, error) {
	known[key] = ""
	v, err := strconv.Atoi(text[key])
	if err != nil || v < 0 {
		return 0, fmt.Errorf("its %s is %q, must be a whole number of at least 0", key, text[key])
	}
	return v, nil
}

func yes(text map[string]string, key string, known map[string]string) (bool, error) {
	known[key] = ""
	switch text[key] {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, fmt.Errorf("its %s is %q, must be true or false", key, text[key])
}

// all reports what nobody asked for.
func all(text, known map[string]string) error {
	for _, key := range slices.Sorted(maps.Keys(text)) {
		if _, ok := known[key]; !ok {
			return fmt.Errorf("there is an unknown entry %q", key)
		}
	}
	return nil
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
	w, err := n.gather(arrays, "", nil)
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

// where names a place of a flat vector: the parameter and the position in it.
func (n *Net) where(i int) string {
	at := 0
	for _, p := range n.Params {
		if i < at+len(p.W) {
			return fmt.Sprintf("%s (%v), value %d", p.Name, p.Shape, i-at)
		}
		at += (len(p.W) + 15) &^ 15
	}
	return "no parameter"
}

// gather is the flat vector that arrays make, one for each parameter that has is true for (nil: all). prefix is for
// messages.
func (n *Net) gather(arrays map[string]Array, prefix string, has func(p *Param) bool) ([]float32, error) {
	flat := make([]float32, len(n.weights))
	seen := map[string]bool{}
	var err error
	n.split(flat, func(p *Param, w []float32) {
		if err != nil || has != nil && !has(p) {
			return
		}
		a, ok := arrays[p.Name]
		switch {
		case !ok:
			err = fmt.Errorf("the array %s%s (%v) is missing", prefix, p.Name, p.Shape)
		case !slices.Equal(squeeze(a.Shape), squeeze(p.Shape)) || len(a.Data) != len(w):
			err = fmt.Errorf("the array %s%s is %v with %d values, must be %v", prefix, p.Name, a.Shape, len(a.Data), p.Shape)
		default:
			for i, v := range a.Data {
				if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
					err = fmt.Errorf("value %d of the array %s%s is %g, must be finite", i, prefix, p.Name, v)
					return
				}
			}
			copy(w, a.Data)
			seen[p.Name] = true
		}
	})
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(arrays)) {
		if !seen[name] {
			return nil, fmt.Errorf("there is an array %s%s, the network has none of that name", prefix, name)
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
