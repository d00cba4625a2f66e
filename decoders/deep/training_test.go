package deep

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// small is windows that a network learns from in no time.
var small = features.Format{Names: []string{"C3", "Cz", "C4"}, Len: 128, Rate: 128}

func newNet(t *testing.T, params string, in features.Format) decoders.Windowed {
	t.Helper()
	f, err := decoders.Decoders().New("eegnet", []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	w, _ := decoders.AsWindowed(f)
	if err := w.SetFormat(in); err != nil {
		t.Fatal(err)
	}
	return w
}

// TestHold: the last windows of each class choose the epoch, and none of a class with fewer than four.
func TestHold(t *testing.T) {
	y := signal.Labels{Classes: []string{"a", "b", "c"}, Y: []int{0, 1, 0, 2, 0, 1, 2, 0, 1, 2, 0, 1, 1, 1, 1, 1, 1, 1}}
	learn, judge := decoders.HoldBack(y, 0.4, 6) // a: 5 windows, 2 of them held back; b: 10, 4; c: 3, none
	if !slices.Equal(judge, []int{7, 10, 14, 15, 16, 17}) {
		t.Errorf("held back: %v", judge)
	}
	all := append(slices.Clone(learn), judge...)
	slices.Sort(all)
	for i, j := range all {
		if i != j {
			t.Fatalf("%v and %v are not all windows, once each", learn, judge)
		}
	}
	if learn, judge := decoders.HoldBack(y, 0.4, 7); len(learn) != len(y.Y) || len(judge) != 0 { // 6 are not worth it
		t.Errorf("%d windows are held back, %d must be", len(judge), 0)
	}
}

// TestClassWeights: the windows of each class weigh as much together as those of any other, and all as many as they are.
func TestClassWeights(t *testing.T) {
	x, y := rhythms(small, 30, 4)
	for i := range y.Y {
		y.Y[i] = min(i/5, 2) // 5, 5 and 20
	}
	d := newNet(t, `{}`, small).(*eegnet)
	if err := d.scale(x); err != nil {
		t.Fatal(err)
	}
	at := make([]int, len(x))
	for i := range at {
		at[i] = i
	}
	b := d.examples(d.decoder, x, y, at)
	var sum [3]float64
	for i, w := range b.W {
		sum[y.Y[i]] += float64(w)
	}
	for k, s := range sum {
		if math.Abs(s-10) > 1e-5 {
			t.Errorf("class %d weighs %g, want 10", k, s)
		}
	}
	d.ClassWeights = false
	if b := d.examples(d.decoder, x, y, at); b.W != nil {
		t.Error("weights without class_weights")
	}
}

// TestImbalance: from windows that are all the same a network can only learn how frequent the classes are; where rare ones
// count as much as frequent ones it learns that they are alike.
func TestImbalance(t *testing.T) {
	x, _ := rhythms(small, 1, 3)
	y := signal.Labels{Classes: []string{"rare", "frequent"}}
	for i := range 40 {
		y.Y = append(y.Y, min(i%10, 1))
	}
	x = slices.Repeat(x, 40)
	for weights, want := range map[string]float64{"true": 0.5, "false": 0.1} {
		d := newNet(t, `{"epochs": 150, "batch": 40, "learning_rate": 0.02, "weight_decay": 0, "validation": 0, "workers": 1, "dropout": 0, "class_weights": `+weights+`}`, small)
		if err := d.Fit(x, y); err != nil {
			t.Fatal(err)
		}
		p := make([]float64, 2)
		if err := d.Predict(p, x[0]); err != nil {
			t.Fatal(err)
		}
		t.Logf("class_weights %s: probability of a class that is a tenth %.3f", weights, p[0])
		if math.Abs(p[0]-want) > 0.03 {
			t.Errorf("class_weights %s: probability of a class that is a tenth %.3f, want %g", weights, p[0], want)
		}
	}
}

// TestBadWindows: what no network can learn from is refused with what to do about it, and leaves what was fitted.
func TestBadWindows(t *testing.T) {
	x, y := rhythms(small, 12, 4)
	d := newNet(t, `{"epochs": 2, "workers": 1}`, small)
	if err := d.Fit(x, y); err != nil {
		t.Fatal(err)
	}
	before := make([]float64, 3)
	if err := d.Predict(before, x[0]); err != nil {
		t.Fatal(err)
	}
	change := func(set func(w [][]float64)) [][]float64 {
		out := make([][]float64, len(x))
		for i := range x {
			out[i] = slices.Clone(x[i])
		}
		set(out)
		return out
	}
	for what, tc := range map[string]struct {
		x    [][]float64
		y    signal.Labels
		want []string
	}{
		"flat channel": {change(func(w [][]float64) {
			for i := range w {
				for t := range small.Len {
					w[i][small.Len+t] = -7
				}
			}
		}), y, []string{"channel Cz is flat", "leave it out"}},
		"NaN":           {change(func(w [][]float64) { w[4][2*small.Len+9] = math.NaN() }), y, []string{"training window 4", "sample 9 of channel C4", "leave the window out or repair"}},
		"a class short": {x, signal.Labels{Classes: []string{"C3", "Cz", "C4", "Oz"}, Y: y.Y}, []string{`class "Oz" has no training window`, "record some"}},
		"huge":          {change(func(w [][]float64) { w[0][0] = 1e200 }), y, []string{"channel C3", "too large"}},
	} {
		err := d.Fit(tc.x, tc.y)
		for _, want := range append(tc.want, "eegnet: ") {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: error %v does not say %q", what, err, want)
			}
		}
	}
	after := make([]float64, 3)
	if err := d.Predict(after, x[0]); err != nil || !slices.Equal(before, after) {
		t.Errorf("what was fitted is no longer there: %v", err)
	}
	if err := d.Predict(after, change(func(w [][]float64) { w[0][3] = math.Inf(1) })[0]); err == nil || !strings.Contains(err.Error(), "sample 3 of channel C3") {
		t.Errorf("an infinite sample: %v", err)
	}
	state := d.State()
	other := newNet(t, `{}`, features.Format{Names: []string{"C3", "Cz"}, Len: 128, Rate: 128})
	other.SetClasses(y.Classes)
	if err := other.SetState(state); err == nil || other.Outputs() != nil {
		t.Errorf("the state of three channels fits two: %v", err)
	}
}

// TestShortWindows: every network says of windows that are too short for it what they are, and what to do.
func TestShortWindows(t *testing.T) {
	for _, name := range registered(t) {
		f, err := decoders.Decoders().New(name, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = f.(network).SetFormat(features.Format{Names: []string{"C3", "Cz"}, Len: 3, Rate: 128})
		if err == nil || !strings.Contains(err.Error(), name+": ") || !strings.Contains(err.Error(), "3 samples") {
			t.Errorf("%s: error %v", name, err)
			continue
		}
		if !strings.Contains(err.Error(), "take longer windows") && !strings.Contains(err.Error(), "must have at least") {
			t.Errorf("%s: does not say what to do: %v", name, err)
		}
		t.Log(err)
	}
}

// TestExplosion: where the learning rate is far too high the error names epoch, step and tensor.
func TestExplosion(t *testing.T) {
	x, y := rhythms(small, 24, 4)
	for _, validation := range []string{"0", "0.25"} {
		d := newNet(t, `{"epochs": 30, "learning_rate": 1e30, "clip_norm": 0, "validation": `+validation+`, "validation_least": 1, "workers": 1}`, small)
		err := d.Fit(x, y)
		for _, want := range []string{"epoch ", "step ", "lower the learning rate"} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("validation %s: error %v does not say %q", validation, err, want)
			}
		}
		if !regexp.MustCompile(`(conv|bnorm)_[a-z_0-9]+\.(weight|bias|running_mean|running_var)`).MatchString(fmt.Sprint(err)) {
			t.Errorf("validation %s: error %v names no tensor", validation, err)
		}
		if d.Outputs() != nil || d.State() != nil {
			t.Error("something was learned all the same")
		}
		t.Log(err)
	}
}

// TestSeeds: the same seed gives the same bits with every augmentation, another one others.
func TestSeeds(t *testing.T) {
	x, y := rhythms(small, 12, 4)
	params := func(seed string) string {
		return `{"epochs": 3, "workers": 2, "augment": ["time_shift", "channel_drop", "noise", "surrogate", "mixup"], "seed": ` + seed + `}`
	}
	var states []signal.State
	for _, seed := range []string{"1", "1", "2"} {
		d := newNet(t, params(seed), small)
		if err := d.Fit(x, y); err != nil {
			t.Fatal(err)
		}
		states = append(states, d.State())
	}
	const name = "net.conv_temporal.weight"
	if !slices.Equal(states[0][name].Data, states[1][name].Data) || slices.Equal(states[0][name].Data, states[2][name].Data) {
		t.Error("the seed does not decide the bits")
	}
}
