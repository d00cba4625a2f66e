// Package featurestest is the conformance suite of feature steps. Run checks the contract of features.Mapper,
// features.Extractor and features.Transformer on simulated data, and runs two experiments with every step: on pure
// noise with random labels a classifier behind it must stay at chance, and an effect that was planted must be found.
package featurestest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Run tests the step that construct makes with its parameters set, for two and for three classes. Windows have 8 EEG
// channels of 256 samples at 128 Hz, rows 8 numbers; a step with a method TakesCovariances gets the upper triangles of
// 4 × 4 covariances as rows. A step that follows runs (features.Aligner, features.RowAligner) is fitted on two runs, and
// is tested on what only it promises besides.
func Run(t *testing.T, name string, construct func() features.Step, options ...Option) {
	t.Helper()
	for _, classes := range []int{2, 3} {
		t.Run(fmt.Sprintf("%s/%d classes", name, classes), func(t *testing.T) {
			s := &suite{construct: construct, classes: classNames[:classes]}
			for _, set := range options {
				set(s)
			}
			t.Run("kind", s.kind)
			t.Run("start", s.start)
			t.Run("unfitted or not started is an error", s.unfitted)
			t.Run("wrong shapes are errors", s.shapes)
			t.Run("NaN does not vanish", s.nan)
			if _, learns := construct().(signal.Stateful); learns {
				t.Run("fit refuses bad data and keeps what it had", s.badFit)
				t.Run("fit again gives the same bits", s.refit)
				t.Run("state round trip gives the same bits", s.roundTrip)
			}
			if _, follows := construct().(interface{ Reset() }); follows {
				t.Run("follows a run", s.follow)
			}
			t.Run("same bits however it is called", s.sameBits)
			t.Run("input is untouched", s.untouched)
			t.Run("no allocation", s.allocations)
			t.Run("bad input is refused or survived", s.poor)
			t.Run("noise stays at chance", s.noise)
			t.Run("planted effect is found", s.power)
		})
	}
}

var classNames = []string{"left_hand", "right_hand", "feet"}

type suite struct {
	construct func() features.Step
	classes   []string
	partly    string
	banked    bool
}

// Option changes what a step is asked for.
type Option func(*suite)

// Partly says that a step sees the planted effect only in part, and why: it must be found better than chance, not
// almost always.
func Partly(why string) Option { return func(s *suite) { s.partly = why } }

// fitted is a started step, and a fitted one where it learns, with the examples it saw.
func (s *suite) fitted(t *testing.T) (*unit, examples) {
	t.Helper()
	u := s.unit(t)
	ex := u.simulate(1, 20*len(s.classes), 10, effect)
	if err := u.fit(ex.pick(ex.train), ex.labels(ex.train)); err != nil {
		t.Fatalf("fit: %v", err)
	}
	return u, ex
}

func (s *suite) kind(t *testing.T) {
	step := s.construct()
	kinds := 0
	_, mapper := step.(features.Mapper)
	_, extractor := step.(features.Extractor)
	_, transformer := step.(features.Transformer)
	for _, is := range []bool{mapper, extractor, transformer} {
		if is {
			kinds++
		}
	}
	if kinds != 1 {
		t.Errorf("step is a Mapper: %t, an Extractor: %t, a Transformer: %t; must be exactly one", mapper, extractor, transformer)
	}
	_, windows := step.(features.WindowFitter)
	_, rows := step.(features.RowFitter)
	_, stateful := step.(signal.Stateful)
	_, aligner := step.(features.Aligner)
	_, rowAligner := step.(features.RowAligner)
	_, reset := step.(interface{ Reset() })
	if learns := windows || rows || aligner || rowAligner; learns != stateful {
		t.Errorf("step learns: %t, is signal.Stateful: %t; must be both or neither", learns, stateful)
	}
	if follows := aligner || rowAligner; follows != reset || follows && (windows || rows) {
		t.Errorf("step is an Aligner: %t, a RowAligner: %t, has Reset: %t, learns from windows: %t, from rows: %t; only Aligners have Reset, and learn from runs only",
			aligner, rowAligner, reset, windows, rows)
	}
	if windows && transformer || rows && !transformer {
		t.Errorf("step learns from windows: %t, from rows: %t, which is not what it works on", windows, rows)
	}
}

func (s *suite) start(t *testing.T) {
	u := s.unit(t)
	if len(u.out.Names) == 0 {
		t.Error("output has no names")
	}
	if sorted := slices.Sorted(slices.Values(u.out.Names)); len(slices.Compact(sorted)) != len(u.out.Names) {
		t.Errorf("output names %q must differ", u.out.Names)
	}
	if _, mapper := u.step.(features.Mapper); mapper != (u.out.Len > 0) {
		t.Errorf("output is %v, step is a Mapper: %t", u.out, mapper)
	}
	again, err := u.step.Start(u.in)
	if err != nil || !slices.Equal(again.Names, u.out.Names) || again.Len != u.out.Len || again.Rate != u.out.Rate {
		t.Errorf("second Start gives %v, %v; the first gave %v", again, err, u.out)
	}
	if _, learns := u.step.(signal.Stateful); !learns {
		return
	}
	if state := u.state(); state != nil {
		t.Errorf("state before fit has %d arrays, must be nil", len(state))
	}
	f, _ := s.fitted(t)
	before := f.state()
	if _, err := f.step.Start(f.in); err != nil {
		t.Errorf("Start of a fitted step: %v", err)
	}
	if !sameState(before, f.state()) {
		t.Error("Start changed the fitted state")
	}
}

func (s *suite) unfitted(t *testing.T) {
	u := s.unit(t)
	dst, x := u.buffer(), u.simulate(1, 2, 1, 0).x[0]
	fresh := &unit{step: s.construct(), in: u.in, out: u.out, classes: u.classes}
	if err := fresh.apply(dst, x); err == nil {
		t.Error("use before Start is no error")
	}
	if !u.learns() {
		return
	}
	if err := u.apply(dst, x); err == nil {
		t.Error("use before the fit is no error")
	}
	if err := u.step.(signal.Stateful).SetState(signal.State{}); err == nil {
		t.Error("an empty state is no error")
	}
	if err := u.apply(dst, x); err == nil {
		t.Error("use after a refused state is no error")
	}
}

func (s *suite) shapes(t *testing.T) {
	u, ex := s.fitted(t)
	good, dst := ex.x[0], u.buffer()
	last := len(good) - 1
	for _, tc := range []struct {
		what   string
		dst, x [][]float64
	}{
		{"input without its last channel", dst, good[:last]},
		{"input with one channel more", dst, append(slices.Clone(good), good[0])},
		{"input with one sample less in the last channel", dst, append(slices.Clone(good[:last]), good[last][1:])},
		{"input with one sample more in the first channel", dst, append([][]float64{append(slices.Clone(good[0]), 0)}, good[1:]...)},
		{"empty input", dst, [][]float64{{}}},
		{"output too short", cutLast(dst), good},
		{"output too long", append(slices.Clone(dst[:len(dst)-1]), append(slices.Clone(dst[len(dst)-1]), 0)), good},
	} {
		if _, row := u.step.(features.Transformer); row && len(tc.x) != 1 {
			continue // a row is one slice
		}
		if err := u.apply(tc.dst, tc.x); err == nil {
			t.Errorf("%s is no error", tc.what)
		}
	}
	if _, mapper := u.step.(features.Mapper); mapper {
		if err := u.apply(dst[:len(dst)-1], good); err == nil {
			t.Error("output without its last channel is no error")
		}
	}
	if err := u.apply(dst, good); err != nil {
		t.Errorf("right shapes after wrong ones: %v", err)
	}
}

func (s *suite) nan(t *testing.T) {
	u, ex := s.fitted(t)
	x, dst := clone(ex.x[0]), u.buffer()
	for _, row := range x {
		for i := range row {
			row[i] = math.NaN()
		}
	}
	if err := u.apply(dst, x); err == nil && allFinite(dst) {
		t.Error("a window of NaN gives finite numbers and no error")
	}
}

func (s *suite) badFit(t *testing.T) {
	u, ex := s.fitted(t)
	before := u.state()
	train := ex.pick(ex.train)
	refuse := func(what string, x [][][]float64, y signal.Labels) {
		t.Helper()
		if err := u.fit(x, y); err == nil {
			t.Errorf("%s: no error", what)
		}
		if !sameState(before, u.state()) {
			t.Fatalf("%s: changed the fitted state", what)
		}
	}
	y := ex.labels(ex.train)
	refuse("no examples", nil, signal.Labels{Classes: y.Classes})
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		x := slices.Clone(train)
		x[3] = clone(x[3])
		x[3][len(x[3])-1][5] = bad
		refuse(fmt.Sprintf("%g in a training example", bad), x, y)
	}
	x := slices.Clone(train)
	x[2] = [][]float64{x[2][0][1:]}
	refuse("an example of another shape", x, y)
	if _, classed := u.step.(features.Classed); !classed {
		return // what ignores the labels need not check them
	}
	refuse("one label too few", train, signal.Labels{Classes: y.Classes, Y: y.Y[1:]})
	wrong := slices.Clone(y.Y)
	wrong[0] = len(y.Classes)
	refuse("a label that no class has", train, signal.Labels{Classes: y.Classes, Y: wrong})
	wrong[0] = -1
	refuse("a negative label", train, signal.Labels{Classes: y.Classes, Y: wrong})
	refuse("a class without examples", train, signal.Labels{Classes: y.Classes, Y: make([]int, len(y.Y))})
	refuse("labels of other classes", train, signal.Labels{Classes: append([]string{"tongue"}, y.Classes[1:]...), Y: y.Y})
}

func (s *suite) refit(t *testing.T) {
	u, ex := s.fitted(t)
	first := u.state()
	other := u.simulate(99, 20*len(s.classes), 1, effect)
	for _, fit := range []examples{other, ex} { // what it learned in between must leave no trace
		if err := u.fit(fit.pick(fit.train), fit.labels(fit.train)); err != nil {
			t.Fatal(err)
		}
	}
	if !sameState(first, u.state()) {
		t.Error("the same step fitted again on the same data has other bits")
	}
	if fresh, _ := s.fitted(t); !sameState(first, fresh.state()) {
		t.Error("a new step fitted on the same data has other bits")
	}
}

func (s *suite) roundTrip(t *testing.T) {
	u, ex := s.fitted(t)
	want := u.all(t, ex.x)
	state := u.state()
	loaded := s.unit(t)
	if err := loaded.step.(signal.Stateful).SetState(state); err != nil {
		t.Fatal(err)
	}
	if !sameState(state, loaded.state()) {
		t.Error("state put back differs")
	}
	for _, a := range state { // what was handed out or in is no longer the step's
		for i := range a.Data {
			a.Data[i] = math.NaN()
		}
	}
	for what, step := range map[string]*unit{"the loaded step": loaded, "the step itself": u} {
		if !slices.EqualFunc(step.all(t, ex.x), want, equalBits) {
			t.Errorf("%s gives other bits", what)
		}
	}
	for name, a := range loaded.state() {
		short := loaded.state()
		short[name] = signal.NewArray(append(slices.Clone(a.Data), 0), len(a.Data)+1)
		if err := s.unit(t).step.(signal.Stateful).SetState(short); err == nil {
			t.Errorf("state with another shape of %q is no error", name)
		}
		delete(short, name)
		if err := s.unit(t).step.(signal.Stateful).SetState(short); err == nil {
			t.Errorf("state without %q is no error", name)
		}
	}
}

func (s *suite) sameBits(t *testing.T) {
	u, ex := s.fitted(t)
	want := u.all(t, ex.x)
	dst := u.buffer()
	order := make([]int, len(ex.x))
	for i := range order {
		if order[i] = len(ex.x) - 1 - i; u.follows() {
			order[i] = i // what comes out depends on the order, by contract
		}
	}
	u.reset()
	for _, i := range order { // backwards, into a used buffer, from memory that is aligned otherwise
		if err := u.apply(dst, shifted(ex.x[i])); err != nil {
			t.Fatal(err)
		}
		if !equalBits(dst, want[i]) {
			t.Fatalf("example %d gives other bits when the order and the memory are others", i)
		}
	}
}

func (s *suite) untouched(t *testing.T) {
	u := s.unit(t)
	ex := u.simulate(1, 20*len(s.classes), 10, effect)
	same := u.simulate(1, 20*len(s.classes), 10, effect)
	y := ex.labels(ex.train)
	if err := u.fit(ex.pick(ex.train), y); err != nil {
		t.Fatal(err)
	}
	u.all(t, ex.x)
	if !slices.EqualFunc(ex.x, same.x, equalBits) {
		t.Error("the step wrote to its input")
	}
	if !slices.Equal(y.Y, same.labels(same.train).Y) || !slices.Equal(y.Classes, s.classes) {
		t.Error("the step wrote to the labels")
	}
}

func (s *suite) allocations(t *testing.T) {
	u, ex := s.fitted(t)
	dst := u.buffer()
	var err error
	n := testing.AllocsPerRun(20, func() {
		if e := u.apply(dst, ex.x[0]); e != nil {
			err = e
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 {
		t.Errorf("%g allocations per example, must be 0", n)
	}
}
