package decoderstest

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const (
	decideRows = 3000
	decideStep = 0.1 // s from row to row
)

// RunDecider tests the decide step that construct makes with its parameters set, on the scores of two and of three classes:
// the contract of decoders.Decider; that scores which clearly speak for a class bring its decision; and that scores of chance
// bring no more than the step states: with false_per_min that rate, with alpha that part of the trials in which the true
// class is ruled out.
func RunDecider(t *testing.T, name string, construct func() decoders.Decider) {
	t.Helper()
	for _, classes := range []int{2, 3} {
		t.Run(name+"/"+[]string{2: "two classes", 3: "three classes"}[classes], func(t *testing.T) {
			s := &deciding{construct: construct, classes: classes}
			t.Run("reset gives the same bits", s.reset)
			t.Run("same bits however it is called", s.sameBits)
			t.Run("a refused row leaves no trace", s.refused)
			t.Run("state round trip gives the same bits", s.roundTrip)
			t.Run("input is untouched", s.untouched)
			t.Run("no allocation", s.allocations)
			t.Run("clear scores are decided for", s.power)
			t.Run("rest brings no more decisions than asked for", s.restRate)
			t.Run("rest is enough from the least on", s.leastRest)
			t.Run("the true class is ruled out no more often than asked for", s.coverage)
		})
	}
}

type deciding struct {
	construct func() decoders.Decider
	classes   int
}

// decision is what Push returns.
type decision struct {
	class      int
	confidence float64
}

// scores are probabilities that speak for class truth(i) of row i as far as strength says; 0: chance.
func (s *deciding) scores(seed uint64, rows int, strength float64, truth func(i int) int) [][]float64 {
	rng := rand.New(rand.NewPCG(seed, 1))
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, s.classes)
		sum := 0.0
		for k := range x[i] {
			z := rng.NormFloat64()
			if k == truth(i) {
				z += strength
			}
			x[i][k] = math.Exp(z)
			sum += x[i][k]
		}
		for k := range x[i] {
			x[i][k] /= sum
		}
	}
	return x
}

func (s *deciding) labels(rows int) signal.Labels {
	y := signal.Labels{Classes: []string{"a", "b", "c"}[:s.classes], Y: make([]int, rows)}
	for i := range y.Y {
		y.Y[i] = i % s.classes
	}
	return y
}

func inTurn(classes int) func(int) int { return func(i int) int { return i % classes } }

// fitted has learned from trials, and from rest where it asks for it.
func (s *deciding) fitted(t *testing.T) decoders.Decider {
	t.Helper()
	d := s.construct()
	if err := d.Check(); err != nil {
		t.Fatal(err)
	}
	if f, ok := d.(decoders.TrialFitter); ok {
		if err := f.FitTrials(s.scores(1, 60, 2, inTurn(s.classes)), s.labels(60)); err != nil {
			t.Fatal(err)
		}
	}
	if f, ok := d.(decoders.RestFitter); ok && f.AsksForRest() > 0 {
		if err := f.FitRest([]decoders.Stretch{{Scores: s.scores(2, decideRows, 0, inTurn(s.classes))}}, decideStep); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// run pushes the rows of a new run.
func (s *deciding) run(t *testing.T, d decoders.Decider, x [][]float64) []decision {
	t.Helper()
	d.Reset()
	out := make([]decision, len(x))
	for i, row := range x {
		class, confidence, err := d.Push(row, decideStep*float64(i))
		if err != nil {
			t.Fatalf("row %d: %v", i, err)
		}
		if class < -1 || class >= s.classes || !(confidence >= 0 && confidence <= 1) {
			t.Fatalf("row %d: class %d with confidence %g; must be -1 to %d, and 0 to 1", i, class, confidence, s.classes-1)
		}
		out[i] = decision{class, confidence}
	}
	return out
}

// mixed has stretches of every class and of chance.
func (s *deciding) mixed() [][]float64 {
	return s.scores(3, 600, 2, func(i int) int { return i/60%(s.classes+1) - 1 })
}

func (s *deciding) reset(t *testing.T) {
	d := s.fitted(t)
	want := s.run(t, d, s.mixed())
	if again := s.run(t, d, s.mixed()); !slices.Equal(again, want) {
		t.Error("the same run behind Reset gives other bits")
	}
	if fresh := s.run(t, s.fitted(t), s.mixed()); !slices.Equal(fresh, want) {
		t.Error("a new decider gives other bits")
	}
}

func (s *deciding) sameBits(t *testing.T) {
	d := s.fitted(t)
	x := s.mixed()
	want := s.run(t, d, x)
	d.Reset()
	row := make([]float64, s.classes+1)[1:] // used again, and aligned otherwise
	for i := range x {
		copy(row, x[i])
		class, confidence, err := d.Push(row, decideStep*float64(i))
		if err != nil || (decision{class, confidence}) != want[i] {
			t.Fatalf("row %d: %d %g, %v; want %v", i, class, confidence, err, want[i])
		}
		fill(row, math.NaN())
	}
}

func (s *deciding) refused(t *testing.T) {
	d := s.fitted(t)
	x := s.mixed()
	want := s.run(t, d, x)
	d.Reset()
	for i := range x {
		for _, wrong := range [][]float64{nil, fillNew(s.classes, math.NaN()), fillNew(s.classes, math.Inf(1)), fillNew(s.classes, -1)} {
			if class, _, err := d.Push(wrong, decideStep*float64(i)); err == nil || class != -1 {
				t.Fatalf("row %d: scores %v give class %d, no error", i, wrong, class)
			}
		}
		class, confidence, err := d.Push(x[i], decideStep*float64(i))
		if err != nil || (decision{class, confidence}) != want[i] {
			t.Fatalf("row %d: %d %g, %v behind refused rows; want %v", i, class, confidence, err, want[i])
		}
	}
}

func fillNew(n int, v float64) []float64 {
	x := make([]float64, n)
	fill(x, v)
	return x
}

func (s *deciding) roundTrip(t *testing.T) {
	d := s.fitted(t)
	stateful, ok := d.(signal.Stateful)
	if !ok || stateful.State() == nil {
		t.Skip("keeps no state")
	}
	want := s.run(t, d, s.mixed())
	loaded := s.construct()
	if err := loaded.(signal.Stateful).SetState(stateful.State()); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.run(t, loaded, s.mixed()), want) {
		t.Error("the loaded decider gives other bits")
	}
	for key := range stateful.State() {
		broken := stateful.State()
		delete(broken, key)
		if s.construct().(signal.Stateful).SetState(broken) == nil {
			t.Errorf("state without %q is no error", key)
		}
	}
}

func (s *deciding) untouched(t *testing.T) {
	x := s.mixed()
	s.run(t, s.fitted(t), x)
	if !slices.EqualFunc(x, s.mixed(), equalBits) {
		t.Error("the decider wrote to the scores")
	}
}

func (s *deciding) allocations(t *testing.T) {
	d := s.fitted(t)
	x := s.mixed()
	s.run(t, d, x)
	d.Reset()
	i := 0
	if n := testing.AllocsPerRun(500, func() {
		if _, _, err := d.Push(x[i], decideStep*float64(i)); err != nil {
			t.Error(err)
		}
		i++
	}); n != 0 {
		t.Errorf("%g allocations per row, must be 0", n)
	}
}

// power: scores that clearly speak for one class bring that decision and no other. A class that stands for rest, or a decider that
// knows one class only, is not decided for.
func (s *deciding) power(t *testing.T) {
	decided := 0
	for k := range s.classes {
		n := 0
		for i, got := range s.run(t, s.fitted(t), s.scores(4, 300, 12, func(int) int { return k })) {
			if got.class >= 0 && got.class != k {
				t.Fatalf("class %d is decided for as %d in row %d", k, got.class, i)
			}
			if got.class == k {
				n++
			}
		}
		if n > 0 {
			decided++
		}
	}
	if decided == 0 {
		t.Error("no class is ever decided for, however clear the scores")
	}
}

// asking is a decider with the parameter set, or a skip where it has none of the name.
func (s *deciding) asking(t *testing.T, parameter string, v float64) decoders.Decider {
	t.Helper()
	d := s.construct()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var params map[string]any
	if err := json.Unmarshal(raw, &params); err != nil {
		t.Fatal(err)
	}
	if _, ok := params[parameter]; !ok {
		t.Skipf("has no parameter %s", parameter)
	}
	if raw, err = json.Marshal(map[string]float64{parameter: v}); err != nil {
		t.Fatal(err)
	}
	if err := registry.Decode(d, raw); err != nil {
		t.Fatal(err)
	}
	return d
}

// restRate sets the threshold from scores of chance, and counts decisions in new ones: as the threshold is a one-sided limit,
// with 95 % certainty, the rate exceeds it for one seed of twenty at most, and the mean does not.
func (s *deciding) restRate(t *testing.T) {
	const asked, seeds, minutes = 2.0, 40, 10
	rows := int(minutes * 60 / decideStep)
	over, sum := 0, 0.0
	for seed := range uint64(seeds) {
		d, ok := s.asking(t, "false_per_min", asked).(decoders.RestFitter)
		if !ok {
			t.Fatal("has false_per_min and is no RestFitter")
		}
		if err := d.FitRest([]decoders.Stretch{{Scores: s.scores(100+2*seed, decideRows, 0, inTurn(s.classes))}}, decideStep); err != nil {
			t.Fatal(err)
		}
		n, err := d.FalseDecisions([]decoders.Stretch{{Scores: s.scores(101+2*seed, rows, 0, inTurn(s.classes))}}, decideStep)
		if err != nil {
			t.Fatal(err)
		}
		if sum += float64(n.Count()) / minutes / seeds; float64(n.Count()) > asked*minutes {
			over++
		}
	}
	t.Logf("%.2f decisions a minute of chance, %g asked for; more with %d of %d seeds", sum, asked, over, seeds)
	if p := 1 - (distuv.Binomial{N: seeds, P: 0.05}).CDF(float64(over-1)); sum > asked || p <= 0.0005 {
		t.Errorf("%.2f decisions a minute of chance, %g asked for; more with %d of %d seeds, which has the probability %.2g", sum, asked, over, seeds, p)
	}
}

// leastRest: FitRest takes LeastRest rows, and not one fewer.
func (s *deciding) leastRest(t *testing.T) {
	for _, asked := range []float64{0.7, 2, 30} {
		for _, step := range []float64{0.04, 0.1, 1} {
			d, ok := s.asking(t, "false_per_min", asked).(decoders.RestFitter)
			if !ok {
				t.Fatal("has false_per_min and is no RestFitter")
			}
			n := d.LeastRest(step)
			fit := func(rows int) error {
				return d.FitRest([]decoders.Stretch{{Scores: s.scores(1, rows, 0, inTurn(s.classes))}}, step)
			}
			if few, enough := fit(n-1), fit(n); few == nil || enough != nil {
				t.Errorf("%g a minute, rows %g s apart: %d rows: %v, %d rows: %v; must be too few, and enough", asked, step, n-1, few, n, enough)
			}
		}
	}
}

// coverage fits to trials and counts, in new ones, how often the true class is ruled out, at chance and with an effect. Over
// calibrations that part is alpha at most.
func (s *deciding) coverage(t *testing.T) {
	const alpha, calibration, tests, seeds = 0.1, 59, 50, 60
	for _, strength := range []float64{0, 1.5} {
		out, decided, wrong := 0, 0, 0
		for seed := range uint64(seeds) {
			d, ok := s.asking(t, "alpha", alpha).(decoders.TrialFitter)
			if !ok {
				t.Fatal("has alpha and is no TrialFitter")
			}
			x, y := s.scores(1000+seed, calibration+tests, strength, inTurn(s.classes)), s.labels(calibration+tests)
			if err := d.FitTrials(x[:calibration], signal.Labels{Classes: y.Classes, Y: y.Y[:calibration]}); err != nil {
				t.Fatal(err)
			}
			possible := make([]bool, s.classes)
			for i := calibration; i < len(x); i++ {
				if d.Possible(possible, x[i]); !possible[y.Y[i]] {
					out++
				}
				class, _, err := d.Push(x[i], decideStep*float64(i))
				if err != nil {
					t.Fatal(err)
				}
				if class >= 0 {
					decided++
				}
				if class >= 0 && class != y.Y[i] {
					wrong++
				}
			}
		}
		// Trials of one seed share a calibration, whose part ruled out has the variance α(1−α)/(n+2) (Beta); between
		// trials there is that of the binomial. Three and a half standard errors leave 0.02 %.
		part := float64(out) / (tests * seeds)
		limit := alpha + 3.5*math.Sqrt(alpha*(1-alpha)/seeds*(1.0/(calibration+2)+1.0/tests))
		t.Logf("strength %g: ruled out %.3f, %d decisions, %d wrong", strength, part, decided, wrong)
		if part > limit || wrong > out {
			t.Errorf("strength %g: the true class is ruled out in %.3f of the trials, must be at most %g (%.3f); %d of %d decisions are wrong", strength, part, alpha, limit, wrong, decided)
		}
	}
}
