// Package decoderstest is the conformance suites of decoders. Run checks the contract of decoders.Fitter on simulated
// rows, and makes two experiments: on pure noise with random labels a decoder must stay at chance, and an effect that
// was planted must be found. RunContinuous and RunDecider do the same for decoders of quantities and for deciders.
package decoderstest

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	numbers   = 8
	perClass  = 24  // training rows
	testCases = 480 // test rows of an experiment
	effect    = 4   // shift of one feature per class, in standard deviations
)

var classNames = []string{"left_hand", "right_hand", "feet", "tongue"}

// Run tests the decoder that construct makes with its parameters set, for two and for four classes, on rows of 8
// numbers, or, where it has a method TakesCovariances, on the upper triangles of 4 × 4 covariances, or, where it is a
// decoders.Windowed, on windows of 4 channels × 288 samples at 128 Hz. There the classes differ by the channel of a rhythm, or,
// for a decoder with a method IgnoresChannels, by its frequency.
func Run(t *testing.T, name string, construct func() decoders.Fitter) {
	t.Helper()
	for _, classes := range []int{2, 4} {
		t.Run(fmt.Sprintf("%s/%d classes", name, classes), func(t *testing.T) {
			s := &suite{construct: construct, classes: classNames[:classes], width: numbers}
			if _, s.windows = decoders.AsWindowed(construct()); s.windows {
				s.width = windowChannels * windowSamples
				s.construct = func() decoders.Fitter { return withFormat(t, construct()) }
			}
			_, s.blind = construct().(interface{ IgnoresChannels() })
			if _, s.covariances = construct().(interface{ TakesCovariances() }); s.covariances {
				s.width = matrixSize * (matrixSize + 1) / 2
			}
			t.Run("unfitted use is an error", s.unfitted)
			t.Run("outputs are the classes", s.outputs)
			t.Run("scores are probabilities", s.probabilities)
			t.Run("wrong shapes are errors", s.shapes)
			t.Run("a row that is not finite is an error", s.notFinite)
			t.Run("fit refuses bad data and keeps what it had", s.badFit)
			t.Run("fit can be interrupted", s.interrupted)
			t.Run("fit again gives the same bits", s.refit)
			t.Run("state round trip gives the same bits", s.roundTrip)
			t.Run("same bits however it is called", s.sameBits)
			t.Run("input is untouched", s.untouched)
			t.Run("no allocation", s.allocations)
			t.Run("an embedding of windows", s.embedding)
			t.Run("bad input is refused or survived", s.poor)
			t.Run("noise stays at chance", s.noise)
			t.Run("planted effect is found", s.power)
		})
	}
}

type suite struct {
	construct   func() decoders.Fitter
	classes     []string
	covariances bool // rows are upper triangles
	windows     bool // rows are the channels of windows
	blind       bool // to which channel is which
	width       int  // of a row

	shared decoders.Fitter // fitted once, to rows and labels that are its own
	x      [][]float64
	y      signal.Labels
}

// simulate makes rows of normal numbers, in which number k is shifted for class k. The first train rows have all classes
// in turn; the classes of the test rows are drawn independently and with equal probability, so that the number of
// correct decisions of a decoder without information is binomial.
func (s *suite) simulate(seed uint64, train, test int, strength float64) (x [][]float64, y []int) {
	rng := rand.New(rand.NewPCG(seed, 1))
	for i := range train + test {
		k := i % len(s.classes)
		if i >= train {
			k = rng.IntN(len(s.classes))
		}
		if s.covariances {
			x, y = append(x, covariance(rng, k, strength)), append(y, k)
			continue
		}
		if s.windows {
			x, y = append(x, window(rng, k, strength, s.blind)), append(y, k)
			continue
		}
		row := make([]float64, numbers)
		for j := range row {
			row[j] = rng.NormFloat64()
		}
		row[k] += strength
		x, y = append(x, row), append(y, k)
	}
	return x, y
}

// rows are training rows and labels, new ones each time.
func (s *suite) rows() ([][]float64, signal.Labels) {
	x, classes := s.simulate(1, perClass*len(s.classes), 0, effect)
	return x, signal.Labels{Classes: slices.Clone(s.classes), Y: classes}
}

// fit is a new decoder, fitted to the rows x.
func (s *suite) fit(t *testing.T, x [][]float64, y signal.Labels) decoders.Fitter {
	t.Helper()
	d := s.construct()
	if err := d.Fit(x, y); err != nil {
		t.Fatalf("fit: %v", err)
	}
	return d
}

// fitted is a fitted decoder with the rows and labels that it saw. It is one and the same in all tests, which leave it and
// what it saw as they were: fitting is what takes long.
func (s *suite) fitted(t *testing.T) (d decoders.Fitter, x [][]float64, y signal.Labels) {
	t.Helper()
	if s.shared == nil {
		s.x, s.y = s.rows()
		s.shared = s.fit(t, s.x, s.y)
	}
	return s.shared, s.x, s.y
}

// predict is the scores of every row, each in memory of its own.
func (s *suite) predict(t *testing.T, d decoders.Decoder, x [][]float64) [][]float64 {
	t.Helper()
	p := make([][]float64, len(x))
	for i := range x {
		p[i] = make([]float64, len(s.classes))
		if err := d.Predict(p[i], x[i]); err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
	}
	return p
}

func (s *suite) unfitted(t *testing.T) {
	for what, prepare := range map[string]func(decoders.Fitter){
		"new":                   func(decoders.Fitter) {},
		"with classes":          func(d decoders.Fitter) { d.SetClasses(s.classes) },
		"after a refused state": func(d decoders.Fitter) { d.SetClasses(s.classes); _ = d.SetState(signal.State{}) },
	} {
		d := s.construct()
		prepare(d)
		if err := d.Predict(make([]float64, len(s.classes)), make([]float64, s.width)); err == nil {
			t.Errorf("%s: Predict is no error", what)
		}
		if names := d.Outputs(); names != nil {
			t.Errorf("%s: outputs are %q, must be nil", what, names)
		}
		if state := d.State(); state != nil {
			t.Errorf("%s: state has %d arrays, must be nil", what, len(state))
		}
	}
	d, _, _ := s.fitted(t)
	if err := s.construct().SetState(d.State()); err == nil {
		t.Error("SetState before SetClasses is no error")
	}
}

func (s *suite) outputs(t *testing.T) {
	d, _, y := s.fitted(t)
	if !slices.Equal(d.Outputs(), s.classes) {
		t.Errorf("outputs are %q, must be %q", d.Outputs(), s.classes)
	}
	y.Classes[0] = "changed"
	defer func() { y.Classes[0] = s.classes[0] }()
	d.Outputs()[0] = "changed"
	if !slices.Equal(d.Outputs(), s.classes) {
		t.Error("outputs share memory with the labels, or with what was handed out")
	}
}

func (s *suite) probabilities(t *testing.T) {
	d, x, _ := s.fitted(t)
	far := make([]float64, s.width)
	for j := range far {
		far[j] = 1e6 * float64(1-2*(j%2))
	}
	if s.covariances {
		copy(far, x[0])
		for j := range far {
			far[j] *= 1e6
		}
	}
	for i, p := range s.predict(t, d, append(slices.Clone(x), far)) {
		sum := 0.0
		for _, v := range p {
			if !(v >= 0 && v <= 1) {
				t.Fatalf("row %d: scores %v, must be from 0 to 1", i, p)
			}
			sum += v
		}
		if math.Abs(sum-1) > 1e-12 {
			t.Fatalf("row %d: scores add up to %.15g, must be 1", i, sum)
		}
	}
}

func (s *suite) shapes(t *testing.T) {
	d, x, _ := s.fitted(t)
	k := len(s.classes)
	for _, tc := range []struct {
		what   string
		dst, x int
	}{{"short row", k, s.width - 1}, {"long row", k, s.width + 1}, {"empty row", k, 0}, {"short output", k - 1, s.width}, {"long output", k + 1, s.width}} {
		if err := d.Predict(make([]float64, tc.dst), make([]float64, tc.x)); err == nil {
			t.Errorf("%s is no error", tc.what)
		}
	}
	s.predict(t, d, x[:1])
}

func (s *suite) notFinite(t *testing.T) {
	d, x, _ := s.fitted(t)
	for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		for j := range s.width {
			row := slices.Clone(x[0])
			row[j] = bad
			if err := d.Predict(make([]float64, len(s.classes)), row); err == nil {
				t.Errorf("%g in feature %d is no error", bad, j)
			}
		}
	}
}

func (s *suite) badFit(t *testing.T) {
	d, x, y := s.fitted(t)
	before := d.State()
	refuse := func(what string, x [][]float64, y signal.Labels) {
		t.Helper()
		if err := d.Fit(x, y); err == nil {
			t.Errorf("%s: no error", what)
		}
		if !sameState(before, d.State()) || !slices.Equal(d.Outputs(), s.classes) {
			t.Fatalf("%s: changed what was fitted", what)
		}
	}
	change := func(i int, row []float64) [][]float64 {
		out := slices.Clone(x)
		out[i] = row
		return out
	}
	label := func(i, k int) signal.Labels {
		out := slices.Clone(y.Y)
		out[i] = k
		return signal.Labels{Classes: y.Classes, Y: out}
	}
	nan, inf := slices.Clone(x[3]), slices.Clone(x[3])
	nan[5], inf[s.width-1] = math.NaN(), math.Inf(-1)
	refuse("no rows", nil, signal.Labels{Classes: y.Classes})
	refuse("NaN in a training row", change(3, nan), y)
	refuse("an infinite number in a training row", change(3, inf), y)
	refuse("a shorter row", change(7, x[7][1:]), y)
	refuse("empty rows", make([][]float64, len(x)), y)
	refuse("one label too few", x, signal.Labels{Classes: y.Classes, Y: y.Y[1:]})
	refuse("a label that no class has", x, label(0, len(y.Classes)))
	refuse("a negative label", x, label(0, -1))
	refuse("a class without rows", x, signal.Labels{Classes: y.Classes, Y: make([]int, len(y.Y))})
	refuse("one class", x, signal.Labels{Classes: y.Classes[:1], Y: make([]int, len(y.Y))})
}

func (s *suite) refit(t *testing.T) {
	shared, x, y := s.fitted(t)
	first := shared.State()
	d := s.fit(t, x, y)
	if !sameState(first, d.State()) {
		t.Error("a new decoder fitted on the same data has other bits")
	}
	other, labels := s.simulate(99, perClass*len(s.classes), 0, 1)
	if err := d.Fit(other, signal.Labels{Classes: y.Classes, Y: labels}); err != nil {
		t.Fatal(err)
	}
	if sameState(first, d.State()) {
		t.Error("fit on other data changed nothing")
	}
	if err := d.Fit(x, y); err != nil { // what it learned in between must leave no trace
		t.Fatal(err)
	}
	if !sameState(first, d.State()) {
		t.Error("the same decoder fitted again on the same data has other bits")
	}
}

func (s *suite) roundTrip(t *testing.T) {
	d, x, _ := s.fitted(t)
	want, state := s.predict(t, d, x), d.State()
	load := func(state signal.State) (decoders.Fitter, error) {
		loaded := s.construct()
		loaded.SetClasses(s.classes)
		return loaded, loaded.SetState(state)
	}
	loaded, err := load(state)
	if err != nil {
		t.Fatal(err)
	}
	if !sameState(state, loaded.State()) || !slices.Equal(loaded.Outputs(), s.classes) {
		t.Error("what was put back differs")
	}
	for _, a := range state { // what was handed out or in is no longer the decoder's
		for i := range a.Data {
			a.Data[i] = math.NaN()
		}
	}
	for what, dec := range map[string]decoders.Decoder{"the loaded decoder": loaded, "the decoder itself": d} {
		if !slices.EqualFunc(s.predict(t, dec, x), want, equalBits) {
			t.Errorf("%s gives other bits", what)
		}
	}
	for name, a := range d.State() {
		broken := d.State()
		broken[name] = signal.NewArray(append(slices.Clone(a.Data), 0), len(a.Data)+1)
		if _, err := load(broken); err == nil {
			t.Errorf("state with another shape of %q is no error", name)
		}
		delete(broken, name)
		if _, err := load(broken); err == nil {
			t.Errorf("state without %q is no error", name)
		}
	}
	loaded.SetClasses([]string{"x", "y", "z"})
	if loaded.Outputs() != nil || loaded.State() != nil {
		t.Error("what was learned about other classes is kept")
	}
}

func (s *suite) sameBits(t *testing.T) {
	d, x, _ := s.fitted(t)
	want := s.predict(t, d, x)
	dst := make([]float64, len(s.classes))
	for i := len(x) - 1; i >= 0; i-- { // backwards, into a used buffer, from memory that is aligned otherwise
		if err := d.Predict(dst, append([]float64{0}, x[i]...)[1:]); err != nil {
			t.Fatal(err)
		}
		if !equalBits(dst, want[i]) {
			t.Fatalf("row %d gives other bits when the order and the memory are others", i)
		}
	}
}

func (s *suite) untouched(t *testing.T) {
	d, x, y := s.fitted(t)
	s.predict(t, d, x)
	same, labels := s.rows()
	if !slices.EqualFunc(x, same, equalBits) {
		t.Error("the decoder wrote to its rows")
	}
	if !slices.Equal(y.Y, labels.Y) || !slices.Equal(y.Classes, labels.Classes) {
		t.Error("the decoder wrote to the labels")
	}
}

func (s *suite) allocations(t *testing.T) {
	d, x, _ := s.fitted(t)
	dst := make([]float64, len(s.classes))
	var err error
	n := testing.AllocsPerRun(20, func() {
		if e := d.Predict(dst, x[0]); e != nil {
			err = e
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("%g allocations per row, must be 0", n)
	}
}

func (s *suite) noise(t *testing.T) {
	// Exactly 99.9 % of the outcomes of guessing lie between the tails of 0.05 %.
	n := testCases
	b := distuv.Binomial{N: float64(n), P: 1 / float64(len(s.classes))}
	correct := s.experiment(t, 0)
	if low, high := b.CDF(float64(correct)), 1-b.CDF(float64(correct-1)); min(low, high) <= 0.0005 {
		t.Errorf("%d of %d test rows of pure noise with random labels are right; by chance that many or fewer have the probability %.2g, that many or more %.2g",
			correct, n, low, high)
	}
}

func (s *suite) power(t *testing.T) {
	n := testCases
	if correct := s.experiment(t, effect); correct <= 9*n/10 {
		t.Errorf("%d of %d test rows with a planted effect are right, must be more than %d", correct, n, 9*n/10)
	}
}

// seeds is how many decoders an experiment fits. Those of windows, which are networks, take long; as every test row is drawn
// independently, the number of test rows is what the experiments' certainty rests on, and it is the same.
func (s *suite) seeds() int {
	if s.windows {
		return 4
	}
	return 8
}

// testCases is the test rows for each of them.
func (s *suite) testCases() int { return testCases / s.seeds() }

// experiment fits a new decoder on new training rows for every seed, and counts the test rows whose highest score is
// that of their class.
func (s *suite) experiment(t *testing.T, strength float64) (correct int) {
	t.Helper()
	train := perClass * len(s.classes)
	for seed := range uint64(s.seeds()) {
		x, y := s.simulate(1000+seed, train, s.testCases(), strength)
		d := s.construct()
		if err := d.Fit(x[:train], signal.Labels{Classes: s.classes, Y: y[:train]}); err != nil {
			t.Fatalf("seed %d: fit: %v", seed, err)
		}
		for i, p := range s.predict(t, d, x[train:]) {
			if slices.Index(p, slices.Max(p)) == y[train+i] {
				correct++
			}
		}
	}
	return correct
}

// equalBits tells +0 from −0 and takes NaN for equal to itself.
func equalBits(a, b []float64) bool {
	return slices.EqualFunc(a, b, func(v, w float64) bool { return math.Float64bits(v) == math.Float64bits(w) })
}

func sameState(a, b signal.State) bool {
	if len(a) != len(b) || (a == nil) != (b == nil) {
		return false
	}
	for name, x := range a {
		y, ok := b[name]
		if !ok || !slices.Equal(x.Shape, y.Shape) || !equalBits(x.Data, y.Data) {
			return false
		}
	}
	return true
}
