package nn_test

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// hidden is a small network: 4 numbers, 16 hidden with a bend, 3 outputs.
func hidden() nn.Layer { return nn.Seq(&nn.Linear{Out: 16}, &bend{}, &nn.Linear{Out: 3}) }

// bend is x·|x|, a nonlinearity for tests.
type bend struct{ x, y, dx []float32 }

func (b *bend) Build(bl *nn.Builder, in nn.Shape) (nn.Shape, error) {
	b.y, b.dx = bl.Batch(in), bl.Batch(in)
	return in, nil
}

func (b *bend) Forward(_ *nn.Pass, x []float32) []float32 {
	b.x = x
	for i, v := range x {
		b.y[i] = v * float32(math.Abs(float64(v)))
	}
	return b.y[:len(x)]
}

func (b *bend) Backward(_ *nn.Pass, dy []float32) []float32 {
	for i, v := range dy {
		b.dx[i] = 2 * v * float32(math.Abs(float64(b.x[i])))
	}
	return b.dx[:len(dy)]
}

// rings is n points whose class is their distance from 0: no linear decoder finds it.
func rings(n int, seed uint64) nn.Batch {
	rng := rand.New(rand.NewPCG(seed, 9))
	b := nn.Batch{N: n}
	for range n {
		r := 0.0
		for range 4 {
			v := rng.NormFloat64()
			r += v * v
			b.X = append(b.X, float32(v))
		}
		t := make([]float32, 3)
		switch {
		case r < 2.4:
			t[0] = 1
		case r < 4.4:
			t[1] = 1
		default:
			t[2] = 1
		}
		b.Y = append(b.Y, t...)
	}
	return b
}

func newNet(t *testing.T, workers int) *nn.Net {
	t.Helper()
	n, err := nn.New(hidden, nn.Shape{4}, nn.Options{Batch: 32, Workers: workers, Seed: 1, Train: true})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func newTraining() *nn.Training {
	return &nn.Training{Epochs: 12, Batch: 32, Rate: 0.02, Schedule: nn.Cosine(0.1, 0.01), Optimiser: &nn.AdamW{Decay: 0.01}, Loss: nn.CrossEntropy{Smoothing: 0.05}, Clip: 5, Seed: 2}
}

// accuracy is that of the largest output.
func accuracy(t *testing.T, n *nn.Net, b nn.Batch) float64 {
	t.Helper()
	out := make([]float32, b.N*3)
	if _, err := n.Evaluate(b, nn.CrossEntropy{}, out); err != nil {
		t.Fatal(err)
	}
	right := 0
	for i := range b.N {
		row := out[3*i : 3*i+3]
		if b.Y[3*i+slices.Index(row, slices.Max(row))] == 1 {
			right++
		}
	}
	return float64(right) / float64(b.N)
}

func TestTrainingLearns(t *testing.T) {
	train, test := rings(2000, 1), rings(400, 2)
	n := newNet(t, 1)
	if a := accuracy(t, n, test); a > 0.6 {
		t.Fatalf("accuracy is %.2f before anything was learned", a)
	}
	tr := newTraining()
	tr.Epochs = 60
	if err := tr.Run(n, train, nil); err != nil {
		t.Fatal(err)
	}
	if a := accuracy(t, n, test); a < 0.85 {
		t.Errorf("accuracy on new examples is %.2f, want at least 0.85", a)
	}
}

func TestTrainingGivesTheSameBits(t *testing.T) {
	train := rings(100, 1)
	for _, workers := range []int{1, 2, 3} {
		var first []float32
		for range 2 {
			n := newNet(t, workers)
			if err := newTraining().Run(n, train, nil); err != nil {
				t.Fatal(err)
			}
			if first == nil {
				first = slices.Clone(n.Weights())
			} else if !slices.Equal(first, n.Weights()) {
				t.Errorf("%d workers: the same training gave other bits", workers)
			}
		}
	}
}

func TestTrainingStops(t *testing.T) {
	// Labels without meaning: soon nothing is gained on other examples.
	train, check := rings(60, 1), rings(60, 2)
	rng := rand.New(rand.NewPCG(3, 3))
	for _, b := range []*nn.Batch{&train, &check} {
		clear(b.Y)
		for i := range b.N {
			b.Y[3*i+rng.IntN(3)] = 1
		}
	}
	n := newNet(t, 1)
	tr := newTraining()
	tr.Epochs, tr.Patience = 200, 4
	var last nn.Epoch
	losses := map[int]float64{}
	tr.Report = func(e nn.Epoch) error {
		last, losses[e.Epoch] = e, e.Validation
		return nil
	}
	if err := tr.Run(n, train, &check); err != nil {
		t.Fatal(err)
	}
	if last.Epoch != last.Best+4 {
		t.Errorf("stopped behind epoch %d, the best was %d and the patience 4", last.Epoch, last.Best)
	}
	got, err := n.Evaluate(check, tr.Loss, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got != losses[last.Best] {
		t.Errorf("the weights that stay have the validation loss %g, those of the best epoch had %g", got, losses[last.Best])
	}
}

func TestTrainingNamesWhatIsNotFinite(t *testing.T) {
	for _, tc := range []struct {
		what, says string
		change     func(tr *nn.Training, n *nn.Net, b nn.Batch)
	}{
		{"input", "the input is not", func(_ *nn.Training, _ *nn.Net, b nn.Batch) { b.X[17] = float32(math.NaN()) }},
		{"target", "target 1 of example 3 is NaN", func(_ *nn.Training, _ *nn.Net, b nn.Batch) { b.Y[3*3+1] = float32(math.NaN()) }},
		{"weight", "2.weight is not", func(_ *nn.Training, n *nn.Net, _ nn.Batch) { n.Param("2.weight").W[3] = float32(math.Inf(1)) }},
		{"rate", "update made 0.weight", func(tr *nn.Training, _ *nn.Net, _ nn.Batch) { tr.Rate = 1e300 }},
		{"explosion", "output of the network is not", func(tr *nn.Training, _ *nn.Net, _ nn.Batch) {
			tr.Rate, tr.Optimiser, tr.Clip = 1e38, &nn.SGD{}, 0
		}},
	} {
		n, b, tr := newNet(t, 1), rings(40, 1), newTraining()
		tc.change(tr, n, b)
		err := tr.Run(n, b, nil)
		if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "step ") {
			t.Errorf("%s: the error is %v, must say %q and the step", tc.what, err, tc.says)
		}
		if tc.what == "weight" {
			continue
		}
		for i, w := range n.Weights() {
			if math.IsNaN(float64(w)) || math.IsInf(float64(w), 0) {
				t.Errorf("%s: weight %d is %g behind the error", tc.what, i, w)
				break
			}
		}
	}
}

func TestTrainingRefuses(t *testing.T) {
	for what, change := range map[string]func(tr *nn.Training, b *nn.Batch){
		"no loss":         func(tr *nn.Training, _ *nn.Batch) { tr.Loss = nil },
		"no epochs":       func(tr *nn.Training, _ *nn.Batch) { tr.Epochs = 0 },
		"large batch":     func(tr *nn.Training, _ *nn.Batch) { tr.Batch = 33 },
		"no rate":         func(tr *nn.Training, _ *nn.Batch) { tr.Rate = math.NaN() },
		"negative clip":   func(tr *nn.Training, _ *nn.Batch) { tr.Clip = -1 },
		"no examples":     func(_ *nn.Training, b *nn.Batch) { b.N = 0 },
		"short input":     func(_ *nn.Training, b *nn.Batch) { b.X = b.X[1:] },
		"short targets":   func(_ *nn.Training, b *nn.Batch) { b.Y = b.Y[1:] },
		"short weights":   func(_ *nn.Training, b *nn.Batch) { b.W = make([]float32, 3) },
		"negative weight": func(_ *nn.Training, b *nn.Batch) { b.W = slices.Repeat([]float32{-1}, b.N) },
		"all weights 0":   func(_ *nn.Training, b *nn.Batch) { b.W = make([]float32, b.N) },
		"smoothing of 1":  func(tr *nn.Training, _ *nn.Batch) { tr.Loss = nn.CrossEntropy{Smoothing: 1} },
		"no smoothing":    func(tr *nn.Training, _ *nn.Batch) { tr.Loss = nn.CrossEntropy{Smoothing: math.NaN()} },
		"negative delta":  func(tr *nn.Training, _ *nn.Batch) { tr.Loss = nn.Huber{Delta: -1} },
		"mixed of too few": func(tr *nn.Training, _ *nn.Batch) {
			tr.Loss = nn.Mixed{{Loss: nn.CrossEntropy{}, Out: 2, Weight: 1}}
		},
		"mixed of nothing": func(tr *nn.Training, _ *nn.Batch) { tr.Loss = nn.Mixed{{Out: 3, Weight: 1}} },
	} {
		n, b, tr := newNet(t, 1), rings(40, 1), newTraining()
		change(tr, &b)
		before := slices.Clone(n.Weights())
		if err := tr.Run(n, b, nil); err == nil {
			t.Errorf("%s is no error", what)
		}
		if !slices.Equal(before, n.Weights()) {
			t.Errorf("%s: the weights have changed", what)
		}
	}
}

// What is wrong with the validation examples is said before the first step.
func TestTrainingLooksAtTheValidationFirst(t *testing.T) {
	for _, tc := range []struct {
		what, says string
		change     func(b *nn.Batch)
	}{
		{"short input", "inputs for 40 examples", func(b *nn.Batch) { b.X = b.X[1:] }},
		{"short targets", "targets for 40 examples", func(b *nn.Batch) { b.Y = b.Y[1:] }},
		{"no examples", "no examples", func(b *nn.Batch) { *b = nn.Batch{} }},
		{"weights of 0", "weight 0", func(b *nn.Batch) { b.W = make([]float32, b.N) }},
		{"negative weight", "weight -1", func(b *nn.Batch) { b.W = slices.Repeat([]float32{-1}, b.N) }},
		{"an input that is not finite", "the input is not", func(b *nn.Batch) { b.X[5] = float32(math.NaN()) }},
		{"a target that is not finite", "target 2 of example 7", func(b *nn.Batch) { b.Y[3*7+2] = float32(math.Inf(1)) }},
	} {
		n, train, check, tr := newNet(t, 2), rings(40, 1), rings(40, 2), newTraining()
		tc.change(&check)
		before := slices.Clone(n.Weights())
		err := tr.Run(n, train, &check)
		if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "validation") {
			t.Errorf("%s: the error is %v, must name the validation examples and %q", tc.what, err, tc.says)
		}
		if !slices.Equal(before, n.Weights()) {
			t.Errorf("%s: the weights have changed", tc.what)
		}
	}
}

func TestWeightsOfExamples(t *testing.T) {
	// An example with the weight 2 counts like the same example twice.
	b := rings(6, 1)
	twice := nn.Batch{N: 8, X: append(slices.Clone(b.X), b.X[:8]...), Y: append(slices.Clone(b.Y), b.Y[:6]...)}
	b.W = []float32{2, 2, 1, 1, 1, 1}
	n := newNet(t, 1)
	one, err := n.Gradient(b, nn.CrossEntropy{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	g := slices.Clone(n.Grad())
	two, err := n.Gradient(twice, nn.CrossEntropy{}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if math.Abs(one-two) > 1e-6 {
		t.Errorf("loss is %g with weights and %g with copies", one, two)
	}
	for i, v := range n.Grad() {
		if math.Abs(float64(v-g[i])) > 1e-6 {
			t.Fatalf("value %d of the gradient is %g with weights and %g with copies", i, g[i], v)
		}
	}
}

func TestCosine(t *testing.T) {
	s := nn.Cosine(0.1, 0.2)
	for _, tc := range []struct {
		step int
		want float64
	}{{0, 0.1}, {4, 0.5}, {9, 1}, {10, 1}, {99, 0.2}, {200, 0.2}, {10 + 89/2, 0.2 + 0.8*(1+math.Cos(math.Pi*44/89))/2}} {
		if got := s(tc.step, 100); math.Abs(got-tc.want) > 1e-12 {
			t.Errorf("step %d of 100: factor %g, want %g", tc.step, got, tc.want)
		}
	}
	if f := nn.Cosine(0, 0)(0, 1); f != 1 {
		t.Errorf("the only step has the factor %g", f)
	}
}

func TestLimit(t *testing.T) {
	n, err := nn.New(func() nn.Layer { return &nn.Linear{Out: 2, MaxNorm: 1} }, nn.Shape{2}, nn.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := n.Param("weight").W
	copy(w, []float32{3, 4, 0.3, 0.4})
	n.Limit()
	for i, want := range []float32{0.6, 0.8, 0.3, 0.4} {
		if math.Abs(float64(w[i]-want)) > 1e-6 {
			t.Errorf("weight %d is %g, want %g", i, w[i], want)
		}
	}
}

// TestStop: a training that is told to stop makes no further step, and its error says why.
func TestStop(t *testing.T) {
	n, err := nn.New(func() nn.Layer { return &nn.Linear{Out: 1} }, nn.Shape{2}, nn.Options{Batch: 2, Train: true, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	enough, asked, epochs := errors.New("enough"), 0, 0
	var before []float32
	tr := nn.Training{
		Epochs: 5, Batch: 2, Rate: 0.1, Optimiser: &nn.SGD{}, Loss: nn.MeanSquare{}, Report: func(nn.Epoch) error { epochs++; return nil },
		Stop: func() error {
			if asked++; asked == 4 { // before the second step of the second epoch
				before = slices.Clone(n.Weights())
				return enough
			}
			return nil
		},
	}
	b := nn.Batch{X: []float32{1, 2, 3, 4, 5, 6, 7, 8}, Y: []float32{1, 2, 3, 4}, N: 4}
	if err := tr.Run(n, b, nil); !errors.Is(err, enough) || epochs != 1 || asked != 4 || !slices.Equal(n.Weights(), before) {
		t.Errorf("%v after %d epochs, asked %d times, weights %v, want %v after 1 and 4, and %v", err, epochs, asked, n.Weights(), enough, before)
	}
}
