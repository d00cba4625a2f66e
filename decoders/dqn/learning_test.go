package dqn

import (
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// corridor is a world whose values can be written down: the class shows in the last of three states only.
func corridor() *world {
	w := &world{classes: 2, wait: true, states: 3, size: 5, right: 1, wrong: -2, cost: -0.1, late: -1}
	for i := range 20 {
		w.truth = append(w.truth, i%2)
	}
	w.look = func(dst []float32, trial, s int) {
		clear(dst)
		dst[s] = 1
		if s == 2 {
			dst[3+w.truth[trial]] = 1
		}
	}
	return w
}

func small() nn.Layer {
	return nn.Seq(&nn.Linear{Out: 32}, nn.ReLU(), &nn.Linear{Out: 3})
}

// TestValues: the network learns the values that follow from the rewards by Bellman's equation, with double Q-learning and
// without.
func TestValues(t *testing.T) {
	const gamma = 0.9
	last := gamma*1 - 0.1 // of waiting in state 1: the class shows next
	want := map[[2]int][]float64{
		{2, 0}: {1, -2, -1}, {2, 1}: {-2, 1, -1},
		{1, 0}: {-0.5, -0.5, last}, {0, 0}: {-0.5, -0.5, gamma*last - 0.1},
	}
	for _, double := range []bool{false, true} {
		l := defaults()
		l.Decisions, l.Warmup, l.Rate, l.Decay, l.Augment = 13_000, 1000, 3e-3, 0, false
		net, err := l.run(t.Context(), small, nn.Shape{5}, corridor(), Bootstrap{Gamma: gamma, Double: double, Target: 50})
		if err != nil {
			t.Fatal(err)
		}
		w := corridor()
		for at, q := range want {
			x := make([]float32, 5)
			w.look(x, at[1], at[0])
			got, err := net.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			for a := range q {
				limit := 0.1
				if at[0] < 2 && a < 2 { // of the remembered rewards half are 1 and half −2: their mean scatters
					limit = 0.25
				}
				if d := math.Abs(float64(got[a]) - q[a]); d > limit {
					t.Errorf("double %v, state %v, action %d: value %.3f, must be %.3f", double, at, a, got[a], q[a])
				}
			}
		}
	}
}

// TestTargets: the target of one transition, by the formulas.
func TestTargets(t *testing.T) {
	for _, double := range []bool{false, true} {
		w := corridor()
		l := defaults()
		l.Batch = 2
		r := &learner{
			Learning: &l, w: w, boot: Bootstrap{Gamma: 0.9, Double: double, Target: 1}, x: make([]float32, 2*w.size), y: make([]float32, 6),
			picked: []transition{{trial: 0, state: 0, action: 2, reward: -0.1, next: 1, nextTrial: 0}, {trial: 1, state: 2, action: 1, reward: 1, next: over}},
		}
		var err error
		if r.net, err = nn.New(small, nn.Shape{5}, nn.Options{Batch: 2, Train: true, Seed: 1}); err != nil {
			t.Fatal(err)
		}
		if r.target, err = nn.New(small, nn.Shape{5}, nn.Options{Batch: 2, Seed: 7}); err != nil {
			t.Fatal(err)
		}
		x := make([]float32, 5)
		w.look(x, 0, 1)
		online, err := r.net.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		target, err := r.target.Forward(x)
		if err != nil {
			t.Fatal(err)
		}
		a := slices.Index(target, slices.Max(target))
		if double {
			a = slices.Index(online, slices.Max(online))
		}
		want := float32(-0.1) + float32(0.9*float64(target[a]))
		if err := r.targets(); err != nil {
			t.Fatal(err)
		}
		if r.y[2] != want || r.y[4] != 1 {
			t.Errorf("double %v: targets %v, want %g and 1", double, r.y, want)
		}
		for _, i := range []int{0, 1, 3, 5} {
			if r.y[i] == r.y[i] {
				t.Errorf("double %v: an action that was not taken has the target %g", double, r.y[i])
			}
		}
	}
}

// trials is a world of one decision each, whose class shows.
func trials() *world {
	w := &world{classes: 2, states: 1, chain: true, size: 2, right: 1, wrong: -2}
	for i := range 20 {
		w.truth = append(w.truth, i%2)
	}
	w.look = func(dst []float32, trial, _ int) {
		clear(dst)
		dst[w.truth[trial]] = 1
	}
	return w
}

func two() nn.Layer { return nn.Seq(&nn.Linear{Out: 32}, nn.ReLU(), &nn.Linear{Out: 2}) }

// TestChain: where the next trial counts as what follows, all values are larger by the same, gamma · 1/(1 − gamma) with
// the reward 1 of deciding well ever after, and the scores are what they are without.
func TestChain(t *testing.T) {
	const gamma = 0.5
	for _, double := range []bool{false, true} {
		l := defaults()
		l.Decisions, l.Warmup, l.Rate, l.Decay, l.Augment = 9000, 1000, 3e-3, 0, false
		net, err := l.run(t.Context(), two, nn.Shape{2}, trials(), Bootstrap{Gamma: gamma, Double: double, Target: 50})
		if err != nil {
			t.Fatal(err)
		}
		for k := range 2 {
			x := make([]float32, 2)
			x[k] = 1
			q, err := net.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			p := make([]float64, 2)
			if err := decide(p, q, 1, 2); err != nil {
				t.Fatal(err)
			}
			if d := max(math.Abs(float64(q[k])-2), math.Abs(float64(q[1-k])+1)); d > 0.15 || p[k] < 0.95 {
				t.Errorf("double %v, class %d: values %v and scores %v, must be 2 for it and -1 for the other, and 1 and 0", double, k, q, p)
			}
		}
	}
}

// TestBandit: with gamma 0 neither the target network nor double changes a bit.
func TestBandit(t *testing.T) {
	var want []float32
	for _, boot := range []Bootstrap{{Target: 1}, {Target: 100}, {Target: 7, Double: true}} {
		l := defaults()
		l.Decisions, l.Warmup = 1400, 1000
		l.Augment = false
		net, err := l.run(t.Context(), two, nn.Shape{2}, trials(), boot)
		if err != nil {
			t.Fatal(err)
		}
		if want == nil {
			want = slices.Clone(net.Weights())
		}
		if !slices.Equal(net.Weights(), want) {
			t.Errorf("%+v: other weights than with %+v", boot, Bootstrap{Target: 1})
		}
	}
	if n := (&DQN{}).Notes(); len(n) != 1 || !strings.Contains(n[0].String(), "contextual bandit; target network and double are without effect") {
		t.Errorf("notes %v do not say that it is a bandit", n)
	}
}

// TestNotFinite: an update that ruins the network is an error with the step and the tensor.
func TestNotFinite(t *testing.T) {
	const (
		update = "decision 1001, step 1: the update made 0.weight (32×2) not finite"
		output = "decision 1005, step 2: the loss is +Inf, must be finite (the output of the network is not, though its weights and input are; the largest weight is 1.01e+25, in 0.weight"
		input  = "decision 1001, step 1: the loss is NaN, must be finite (the input is not)"
	)
	for want, change := range map[string]func(*Learning, *world){
		update: func(l *Learning, _ *world) { l.Rate = 1e39 },
		output: func(l *Learning, _ *world) { l.Rate = 1e25 },
		input: func(_ *Learning, w *world) {
			look := w.look
			w.look = func(dst []float32, trial, s int) {
				look(dst, trial, s)
				dst[0] = float32(math.NaN())
			}
		},
	} {
		l, w := defaults(), trials()
		l.Augment = false
		change(&l, w)
		if _, err := l.run(t.Context(), two, nn.Shape{2}, w, Bootstrap{Target: 1}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

func TestWorld(t *testing.T) {
	w := corridor()
	for _, tc := range []struct {
		trial, s, a int
		reward      float64
		next        int
	}{{0, 0, 0, 1, over}, {0, 0, 1, -2, over}, {1, 2, 1, 1, over}, {0, 0, 2, -0.1, 1}, {0, 1, 2, -0.1, 2}, {0, 2, 2, -1, over}} {
		if r, next := w.act(tc.trial, tc.s, tc.a); r != tc.reward || next != tc.next {
			t.Errorf("%+v: reward %g, next %d", tc, r, next)
		}
	}
	m := replay{limit: 3}
	for i := range 5 {
		m.add(transition{trial: i})
	}
	if got := []int{m.kept[0].trial, m.kept[1].trial, m.kept[2].trial}; !slices.Equal(got, []int{3, 4, 2}) {
		t.Errorf("the memory holds the trials %v, want the newest three", got)
	}
	l := defaults()
	l.Decisions, l.Warmup, l.Explore, l.Epsilon = 1100, 100, 0.5, 0.1
	for at, want := range map[int]float64{0: 1, 100: 1, 350: 0.55, 600: 0.1, 1099: 0.1} {
		if got := l.epsilon(at); math.Abs(got-want) > 1e-12 {
			t.Errorf("decision %d: %g are random, want %g", at, got, want)
		}
	}
}

// TestDecide: exact values give back the probabilities; waiting gives equal scores.
func TestDecide(t *testing.T) {
	p := []float64{0.5, 0.2, 0.3}
	q := make([]float32, 3)
	for k := range p {
		q[k] = float32(1*p[k] - 2*(1-p[k]))
	}
	dst := make([]float64, 3)
	if err := decide(dst, q, 1, 2); err != nil {
		t.Fatal(err)
	}
	for k := range p {
		if math.Abs(dst[k]-p[k]) > 1e-6 {
			t.Errorf("class %d has the score %g, want %g", k, dst[k], p[k])
		}
	}
	if err := decide(dst, append(q, 0), 1, 2); err != nil || dst[0] != dst[1] || dst[1] != dst[2] {
		t.Errorf("scores %v where waiting is best, error %v", dst, err)
	}
	if err := decide(dst, append(q, -1), 1, 2); err != nil || math.Abs(dst[0]-0.5) > 1e-6 {
		t.Errorf("scores %v where waiting is worse, error %v", dst, err)
	}
	if err := decide(dst, []float32{float32(math.NaN()), 0, 0}, 1, 2); err == nil {
		t.Error("a value that is not a number is no error")
	}
}

// TestPieces: what a state shows of a window.
func TestPieces(t *testing.T) {
	s := &Sequential{Length: 0.4, Step: 0.2}
	p, err := s.cutting(features.Format{Names: []string{"a", "b"}, Len: 10, Rate: 10})
	if err != nil || p.n != 4 {
		t.Fatalf("%+v, %v", p, err)
	}
	x := make([]float32, 20)
	for i := range x {
		x[i] = float32(i)
	}
	dst := make([]float32, p.size())
	p.look(dst, x, 3)
	late := float32(math.E)
	if want := []float32{6, 7, 8, 9, 16, 17, 18, 19, late, late, late, late}; !slices.Equal(dst, want) {
		t.Errorf("the last piece is %v, want %v", dst, want)
	}
	if p.look(dst, x, 0); dst[0] != 0 || dst[11] != float32(1/math.E) {
		t.Errorf("the first piece is %v", dst)
	}
	for what, s := range map[string]*Sequential{"longer": {Length: 1.1, Step: 0.2}, "no step": {Length: 0.4}, "one piece": {Length: 1, Step: 0.2}} {
		if _, err := s.cutting(features.Format{Names: []string{"a"}, Len: 10, Rate: 10}); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
}

// TestAugment: rotated and with a sign, and nothing else; the row behind the signals stays.
func TestAugment(t *testing.T) {
	l := defaults()
	r := &learner{Learning: &l, w: &world{signals: 2, samples: 5}, change: l.random(4)}
	seen := map[float32]bool{}
	for range 200 {
		x := []float32{1, 2, 3, 4, 5, 11, 12, 13, 14, 15, 7, 7, 7, 7, 7}
		r.augment(x)
		seen[x[0]] = true
		shift := (int(max(x[0], -x[0])) + 4) % 5
		for ch, base := range []float32{1, 11} {
			sign := float32(1)
			if x[5*ch] < 0 {
				sign = -1
			}
			for t2 := range 5 {
				if want := sign * (base + float32((t2+shift)%5)); x[5*ch+t2] != want {
					t.Fatalf("%v: sample %d of row %d must be %g", x, t2, ch, want)
				}
			}
		}
		if !slices.Equal(x[10:], []float32{7, 7, 7, 7, 7}) {
			t.Fatalf("the time became %v", x[10:])
		}
	}
	if len(seen) != 10 {
		t.Errorf("only %d of 10 beginnings were seen", len(seen))
	}
}

func TestParameters(t *testing.T) {
	for want, change := range map[string]func(*DQN){
		"decisions": func(d *DQN) { d.Decisions = 1000 }, "warmup": func(d *DQN) { d.Warmup = 31 }, "replay": func(d *DQN) { d.Replay = 1 },
		"epsilon": func(d *DQN) { d.Epsilon = 1.1 }, "explore": func(d *DQN) { d.Explore = math.NaN() }, "learning_rate": func(d *DQN) { d.Rate = 0 },
		"reward_right": func(d *DQN) { d.Wrong = 2 }, "train_every": func(d *DQN) { d.Every = 0 }, "samples": func(d *DQN) { d.Pool = 400 },
		"power_s": func(d *DQN) { d.Power = math.Inf(1) }, "wave_filters": func(d *DQN) { d.WaveFilters = 0 }, "shorter": func(d *DQN) { d.Wave = 2 }, "steps": func(d *DQN) { d.Kernel = 9 }, "gamma": func(d *DQN) { d.Gamma = 1 }, "target_every": func(d *DQN) { d.Target = 0 },
	} {
		d := &DQN{Learning: defaults(), Layout: layout(0, 0.25, 1), Bootstrap: Bootstrap{Target: 1}}
		change(d)
		if _, err := d.Layers(features.Format{Names: []string{"a"}, Len: 100, Rate: 100}, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
}
