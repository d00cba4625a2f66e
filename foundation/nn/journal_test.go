package nn_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/weights"
)

type stopError struct{}

func (*stopError) Error() string { return "enough" }

// shake is an augmentation.
func shake(rng *rand.Rand, x, _, _ []float32) {
	for i := range x {
		x[i] += float32(0.01 * rng.NormFloat64())
	}
}

// twoTrainings is a program: one training, then another that goes on with the weights of the first.
func twoTrainings(t *testing.T, optimiser func() nn.Optimiser, j *nn.Journal, report func(training int, e nn.Epoch) error) ([]float32, error) {
	t.Helper()
	train, check := rings(100, 1), rings(50, 2)
	n := newNet(t, 2)
	for i := range 2 {
		tr := newTraining()
		tr.Optimiser, tr.Augment, tr.Journal, tr.Seed = optimiser(), shake, j, uint64(i)
		tr.Report = func(e nn.Epoch) error {
			if report == nil {
				return nil
			}
			return report(i, e)
		}
		check := &check
		if i == 1 {
			check = nil // the last epoch stays
		}
		if err := tr.Run(n, train, check); err != nil {
			return nil, err
		}
	}
	return n.Weights(), nil
}

func optimisers() map[string]func() nn.Optimiser {
	return map[string]func() nn.Optimiser{
		"adamw": func() nn.Optimiser { return &nn.AdamW{Decay: 0.01} },
		"sgd":   func() nn.Optimiser { return &nn.SGD{Momentum: 0.9, Nesterov: true, Decay: 1e-3} },
	}
}

// Wherever a program is cut off, from the checkpoint that was written last it ends with the same bits.
func TestJournalResumes(t *testing.T) {
	for name, optimiser := range optimisers() {
		whole, err := twoTrainings(t, optimiser, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		whole = slices.Clone(whole)
		for _, every := range []int{1, 5} {
			var end []byte
			for cut := range 24 { // epochs behind which it ends
				var file []byte
				j := &nn.Journal{Every: every, Save: func(raw []byte) error { file = raw; return nil }}
				stop := &stopError{}
				_, err := twoTrainings(t, optimiser, j, func(training int, e nn.Epoch) error {
					if training*12+e.Epoch == cut+1 {
						return stop
					}
					return nil
				})
				if err != stop { //nolint:errorlint // it must be this very one
					t.Fatalf("the report's error did not come back: %v", err)
				}
				j = &nn.Journal{}
				if file != nil {
					if j, err = nn.ReadJournal(file, nil); err != nil {
						t.Fatal(err)
					}
				}
				j.Every, j.Save = every, func(raw []byte) error { file = raw; return nil }
				got, err := twoTrainings(t, optimiser, j, nil)
				if err != nil {
					t.Fatalf("%s, cut behind epoch %d: %v", name, cut+1, err)
				}
				if !slices.Equal(whole, got) {
					t.Errorf("%s: cut behind epoch %d, with a checkpoint every %d, it ends with other bits", name, cut+1, every)
				}
				if over, _ := j.Epochs(); over != 2 {
					t.Errorf("%s: %d trainings are over in the end, want 2", name, over)
				}
				if end == nil {
					end = file
				} else if !bytes.Equal(end, file) {
					t.Errorf("%s: cut behind epoch %d, the last checkpoint has other bytes", name, cut+1)
				}
			}
			// What is over needs no epoch more.
			j, err := nn.ReadJournal(end, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := twoTrainings(t, optimiser, j, func(int, nn.Epoch) error { return &stopError{} })
			if err != nil || !slices.Equal(whole, got) {
				t.Errorf("%s: from a journal of trainings that are over: %v, or other bits", name, err)
			}
		}
	}
}

// checkpoint is the one behind an epoch of a training with validation examples.
func checkpoint(t *testing.T, epoch int) []byte {
	t.Helper()
	var file []byte
	tr := newTraining()
	tr.Patience, tr.Augment = 9, shake
	tr.Journal = &nn.Journal{Save: func(raw []byte) error { file = raw; return nil }}
	stop := &stopError{}
	tr.Report = func(e nn.Epoch) error {
		if e.Epoch == epoch {
			return stop
		}
		return nil
	}
	train, check := rings(100, 1), rings(50, 2)
	if err := tr.Run(newNet(t, 2), train, &check); err != stop { //nolint:errorlint // it must be this very one
		t.Fatal(err)
	}
	return file
}

// goOn runs the training of checkpoint from a file.
func goOn(t *testing.T, file []byte, n *nn.Net, change func(tr *nn.Training, train, check *nn.Batch)) error {
	t.Helper()
	j, err := nn.ReadJournal(file, nil)
	if err != nil {
		return err
	}
	j.Save = func([]byte) error { return nil }
	tr := newTraining()
	tr.Patience, tr.Augment, tr.Journal = 9, shake, j
	train, check := rings(100, 1), rings(50, 2)
	if change != nil {
		change(tr, &train, &check)
	}
	return tr.Run(n, train, &check)
}

// A training with anything different is refused, and the difference named.
func TestJournalRefusesAnotherTraining(t *testing.T) {
	file := checkpoint(t, 5)
	if err := goOn(t, file, newNet(t, 2), nil); err != nil {
		t.Fatalf("the same training: %v", err)
	}
	for what, change := range map[string]func(tr *nn.Training, train, check *nn.Batch){
		"epochs":       func(tr *nn.Training, _, _ *nn.Batch) { tr.Epochs = 13 },
		"batch":        func(tr *nn.Training, _, _ *nn.Batch) { tr.Batch = 31 },
		"rate":         func(tr *nn.Training, _, _ *nn.Batch) { tr.Rate = 0.021 },
		"clip":         func(tr *nn.Training, _, _ *nn.Batch) { tr.Clip = 6 },
		"patience":     func(tr *nn.Training, _, _ *nn.Batch) { tr.Patience = 8 },
		"seed":         func(tr *nn.Training, _, _ *nn.Batch) { tr.Seed = 3 },
		"schedule":     func(tr *nn.Training, _, _ *nn.Batch) { tr.Schedule = nn.Cosine(0.1, 0.02) },
		"augmentation": func(tr *nn.Training, _, _ *nn.Batch) { tr.Augment = nil },
		"loss":         func(tr *nn.Training, _, _ *nn.Batch) { tr.Loss = nn.CrossEntropy{Smoothing: 0.06} },
		"optimiser":    func(tr *nn.Training, _, _ *nn.Batch) { tr.Optimiser = &nn.AdamW{Decay: 0.02} },
		"examples":     func(_ *nn.Training, train, _ *nn.Batch) { train.X[0] = -train.X[0] },
		"validation":   func(_ *nn.Training, _, check *nn.Batch) { check.X[0] = -check.X[0] },
	} {
		err := goOn(t, file, newNet(t, 2), change)
		if err == nil || !strings.Contains(err.Error(), "its "+what+" is ") {
			t.Errorf("another %s: the error is %v, must name it", what, err)
		}
	}
	err := goOn(t, file, newNet(t, 1), nil)
	if err == nil || !strings.Contains(err.Error(), "its workers is 2, here it is 1") {
		t.Errorf("other workers: the error is %v", err)
	}
	for what, define := range map[string]func() nn.Layer{
		"network":       func() nn.Layer { return nn.Seq(&nn.Linear{Out: 16, MaxNorm: 9}, &bend{}, &nn.Linear{Out: 3}) },
		"first weights": func() nn.Layer { return nn.Seq(&nn.Linear{Out: 16}, &bend{}, &nn.Linear{Out: 3}) },
	} {
		n, err := nn.New(define, nn.Shape{4}, nn.Options{Batch: 32, Workers: 2, Seed: 9, Train: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := goOn(t, file, n, nil); err == nil || !strings.Contains(err.Error(), "its "+what+" is ") && what == "first weights" || err == nil {
			t.Errorf("another %s: the error is %v, must name it", what, err)
		}
	}
	if _, err := nn.ReadJournal(file, map[string]string{"pipeline": "x"}); err == nil || !strings.Contains(err.Error(), "pipeline") {
		t.Errorf("another program: the error is %v", err)
	}
}

// spoilt is a file with something changed and the right SHA-256.
func spoilt(t *testing.T, file []byte, change func(f *weights.File, head map[string]any)) []byte {
	t.Helper()
	f, err := weights.Unseal(file)
	if err != nil {
		t.Fatal(err)
	}
	var head map[string]any
	if err := json.Unmarshal([]byte(f.Metadata["gyrus.checkpoint"]), &head); err != nil {
		t.Fatal(err)
	}
	f.Tensors = maps.Clone(f.Tensors)
	change(&f, head)
	text, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	f.Metadata["gyrus.checkpoint"] = string(text)
	raw, err := weights.Seal(f)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// set changes the first value of a tensor.
func set(f *weights.File, name string, v float32) {
	x := f.Tensors[name]
	x.Data = bytes.Clone(x.Data)
	binary.LittleEndian.PutUint32(x.Data, math.Float32bits(v))
	f.Tensors[name] = x
}

func state(head map[string]any) map[string]any {
	return head["trainings"].([]any)[0].(map[string]any)["state"].(map[string]any)
}

// What no training could have left behind is refused, and the tensor or number named; then nothing is changed.
func TestJournalRefusesWhatCannotBe(t *testing.T) {
	file := checkpoint(t, 5)
	for _, tc := range []struct {
		what, says string
		spoil      func(f *weights.File, head map[string]any)
	}{
		{"a missing weight", "weights.2.bias", func(f *weights.File, _ map[string]any) { delete(f.Tensors, "0.weights.2.bias") }},
		{"a missing moment", "optimiser.v.0.weight", func(f *weights.File, _ map[string]any) { delete(f.Tensors, "0.optimiser.v.0.weight") }},
		{"no best weights", "best", func(f *weights.File, _ map[string]any) {
			maps.DeleteFunc(f.Tensors, func(name string, _ weights.Tensor) bool { return strings.HasPrefix(name, "0.best.") })
		}},
		{"another shape", "weights.0.weight", func(f *weights.File, _ map[string]any) {
			f.Tensors["0.weights.0.weight"] = weights.Float32s(make([]float32, 64), 4, 16)
		}},
		{"another shape of a moment", "optimiser.m.2.bias", func(f *weights.File, _ map[string]any) {
			f.Tensors["0.optimiser.m.2.bias"] = weights.Float32s(make([]float32, 4), 4)
		}},
		{"an unknown tensor", "other", func(f *weights.File, _ map[string]any) {
			f.Tensors["0.other"] = weights.Float32s([]float32{1}, 1)
		}},
		{"a tensor of no training", `"7.weights.x"`, func(f *weights.File, _ map[string]any) {
			f.Tensors["7.weights.x"] = weights.Float32s([]float32{1}, 1)
		}},
		{"an unknown weight", "best.9.weight", func(f *weights.File, _ map[string]any) {
			f.Tensors["0.best.9.weight"] = weights.Float32s([]float32{1}, 1)
		}},
		{"a tensor of another type", "must be F32", func(f *weights.File, _ map[string]any) {
			f.Tensors["0.weights.2.bias"] = weights.Float64s(make([]float64, 3), 3)
		}},
		{"a weight that is not finite", "weights.0.weight is NaN", func(f *weights.File, _ map[string]any) { set(f, "0.weights.0.weight", float32(math.NaN())) }},
		{"a moment that is not finite", "optimiser.m.0.bias is +Inf", func(f *weights.File, _ map[string]any) { set(f, "0.optimiser.m.0.bias", float32(math.Inf(1))) }},
		{"a negative second moment", "v of 2.bias (3), value 0 is -1", func(f *weights.File, _ map[string]any) { set(f, "0.optimiser.v.2.bias", -1) }},
		{"an epoch beyond the last", "at most 12", func(_ *weights.File, head map[string]any) { state(head)["epoch"], state(head)["step"] = "13", "52" }},
		{"another step", "epoch 5 ends with step 20", func(_ *weights.File, head map[string]any) { state(head)["step"] = "19" }},
		{"steps of the optimiser", "made 3 steps", func(_ *weights.File, head map[string]any) { state(head)["optimiser steps"] = "3" }},
		{"a best epoch to come", "best epoch is 6", func(_ *weights.File, head map[string]any) { state(head)["best epoch"] = "6" }},
		{"a best loss of NaN", "best loss is NaN", func(_ *weights.File, head map[string]any) { state(head)["best loss"] = "7ff8000000000001" }},
		{"a stop too early", "stopped: true", func(_ *weights.File, head map[string]any) { state(head)["stopped"] = "true" }},
		{"no epoch", "epoch is \"\"", func(_ *weights.File, head map[string]any) { delete(state(head), "epoch") }},
		{"an unknown entry", "\"more\"", func(_ *weights.File, head map[string]any) { state(head)["more"] = "1" }},
		{"an unknown key", "unknown field", func(_ *weights.File, head map[string]any) { head["more"] = 1 }},
		{"another version", "version is 2", func(_ *weights.File, head map[string]any) { head["version"] = 2 }},
		{"an end that is none", "unknown tensor best.", func(_ *weights.File, head map[string]any) { state(head)["finished"] = "true" }},
	} {
		n := newNet(t, 2)
		before := slices.Clone(n.Weights())
		err := goOn(t, spoilt(t, file, tc.spoil), n, nil)
		if err == nil || !strings.Contains(err.Error(), tc.says) {
			t.Errorf("%s: the error is %v, must say %s", tc.what, err, tc.says)
		}
		if !slices.Equal(before, n.Weights()) {
			t.Errorf("%s: was refused, but the weights have changed", tc.what)
		}
	}
}

// Every byte counts: a file that is cut or altered anywhere is refused, and so is one with code in it.
func TestJournalRefusesAlteredFiles(t *testing.T) {
	file := checkpoint(t, 1)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		bad := bytes.Clone(file)
		at := rng.IntN(len(bad))
		bad[at] ^= 1 << rng.IntN(8)
		if _, err := nn.ReadJournal(bad, nil); err == nil {
			t.Errorf("byte %d was altered, and it is no error", at)
		}
		if _, err := nn.ReadJournal(file[:at], nil); err == nil {
			t.Errorf("only %d of %d bytes are there, and it is no error", at, len(file))
		}
	}
	for what, raw := range map[string][]byte{
		"a pickle":      []byte("\x80\x04cposix\nsystem\nX\x04\x00\x00\x00trueR."),
		"a zip file":    []byte("PK\x03\x04 and more"),
		"an empty file": nil,
		"text":          []byte("a text that is no checkpoint"),
		"a file of safetensors": func() []byte {
			raw, err := weights.Seal(weights.File{Tensors: map[string]weights.Tensor{"w": weights.Float32s([]float32{1}, 1)}})
			if err != nil {
				t.Fatal(err)
			}
			return raw
		}(),
	} {
		if _, err := nn.ReadJournal(raw, nil); err == nil || strings.Contains(what, "pickle") != strings.Contains(err.Error(), "may hold code") && what != "a zip file" {
			t.Errorf("%s: the error is %v", what, err)
		}
	}
}

// A checkpoint that cannot be written ends the training.
func TestJournalSaves(t *testing.T) {
	full := &stopError{}
	tr := newTraining()
	tr.Journal = &nn.Journal{Every: 3, Save: func([]byte) error { return full }}
	epochs := 0
	tr.Report = func(nn.Epoch) error { epochs++; return nil }
	if err := tr.Run(newNet(t, 1), rings(40, 1), nil); err != full || epochs != 2 { //nolint:errorlint // it must be this very one
		t.Errorf("got %v behind %d reports, want the error of Save behind the second", err, epochs)
	}
}
