package preprocesstest

import (
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// checkLength is the length of the windows that checkers get, in samples: a second.
const checkLength = rate

// RunChecker checks that the checker called name keeps the promises of preprocess.Checker, and those of
// preprocess.CheckFitter where it is one, on windows of 1 s of the signal of Training. Construct returns a new one each
// time, with parameters that reject fewer than half of those windows, and every one of them with its EEG a thousand times
// larger.
func RunChecker(t *testing.T, name string, construct func() preprocess.Checker) {
	t.Helper()
	k := checker{name, construct, Info(), windows(Training(Info()))}
	if _, fits := construct().(preprocess.CheckFitter); fits {
		t.Run("not fitted", func(t *testing.T) { k.unfitted(t) })
		t.Run("fit", func(t *testing.T) { k.fit(t) })
		t.Run("bad state", func(t *testing.T) {
			badStates(t, name, k.fitted(t).State(), func() signal.Stateful {
				c := construct().(preprocess.CheckFitter)
				k.start(t, c)
				return c
			})
		})
		t.Run("bad training windows", func(t *testing.T) { k.badTraining(t) })
	}
	t.Run("verdicts", func(t *testing.T) { k.verdicts(t) })
	t.Run("input untouched", func(t *testing.T) { k.untouched(t) })
	t.Run("allocations", func(t *testing.T) { k.allocations(t) })
}

type checker struct {
	name      string
	construct func() preprocess.Checker
	info      *signal.Info
	windows   []signal.Window
}

// windows cuts runs into windows one behind the other.
func windows(runs []signal.Chunk) []signal.Window {
	var ws []signal.Window
	for _, run := range runs {
		for at := run.Start; at+checkLength <= run.End(); at += checkLength {
			part := run.Slice(at, at+checkLength)
			ws = append(ws, signal.Window{Info: run.Info, Start: at, Time: run.TimeAt(at + checkLength - 1), X: part.X}.Clone())
		}
	}
	return ws
}

func cloneWindows(ws []signal.Window) []signal.Window {
	out := make([]signal.Window, len(ws))
	for i, w := range ws {
		out[i] = w.Clone()
	}
	return out
}

func (k checker) start(t *testing.T, c preprocess.Checker) {
	t.Helper()
	before := clone(k.info)
	if err := c.Start(k.info, checkLength); err != nil {
		t.Fatalf("%s: Start: %v", k.name, err)
	}
	if !reflect.DeepEqual(k.info, before) {
		t.Fatalf("%s: Start changes its input", k.name)
	}
}

// ready is a checker that can be used: started and, where it learns, fitted.
func (k checker) ready(t *testing.T) preprocess.Checker {
	t.Helper()
	c := k.construct()
	k.start(t, c)
	if f, fits := c.(preprocess.CheckFitter); fits {
		if err := f.FitWindows(k.windows); err != nil {
			t.Fatalf("%s: FitWindows: %v", k.name, err)
		}
	}
	return c
}

func (k checker) fitted(t *testing.T) preprocess.CheckFitter {
	t.Helper()
	return k.ready(t).(preprocess.CheckFitter)
}

// says is the verdict on every window.
func (k checker) says(c preprocess.Checker) []string {
	out := make([]string, len(k.windows))
	for i, w := range k.windows {
		out[i] = c.Check(w.Clone()) // should it write to it, untouched must be the one to find out
	}
	return out
}

func (k checker) unfitted(t *testing.T) {
	c := k.construct().(preprocess.CheckFitter)
	k.start(t, c)
	if s := c.State(); s != nil {
		t.Errorf("%s: State before a fit is %v, must be nil", k.name, s)
	}
	for _, w := range k.windows[:3] {
		if c.Check(w) == "" {
			t.Fatalf("%s: Check accepts a window before anything was fitted", k.name)
		}
	}
	if err := c.FitWindows(nil); err == nil {
		t.Errorf("%s: FitWindows on no window works, must be an error", k.name)
	}
}

func (k checker) fit(t *testing.T) {
	c := k.fitted(t)
	state := c.State()
	if len(state) == 0 {
		t.Fatalf("%s: State is empty behind a fit", k.name)
	}
	checkNumbers(t, k.name, state)
	want := k.says(c)
	spoil(c.State())
	compareStates(t, k.name, "behind writing to what State returned", c.State(), state)
	compareStates(t, k.name, "of a second step", k.fitted(t).State(), state)
	k.start(t, c)
	compareStates(t, k.name, "behind another Start", c.State(), state)
	if err := c.FitWindows(k.windows); err != nil {
		t.Fatalf("%s: FitWindows a second time: %v", k.name, err)
	}
	compareStates(t, k.name, "fitted a second time", c.State(), state)

	lent := cloneWindows(k.windows)
	fresh := k.construct().(preprocess.CheckFitter)
	k.start(t, fresh)
	if err := fresh.FitWindows(lent); err != nil {
		t.Fatalf("%s: FitWindows: %v", k.name, err)
	}
	for i, w := range lent {
		if !sameWindow(w, k.windows[i]) {
			t.Fatalf("%s: FitWindows writes to its input", k.name)
		}
		for _, x := range w.X {
			clear(x)
		}
	}
	k.compare(t, "behind writing to the training windows", fresh, want)

	loaded := k.construct().(preprocess.CheckFitter)
	k.start(t, loaded)
	s := copyState(state)
	if err := loaded.SetState(s); err != nil {
		t.Fatalf("%s: SetState: %v", k.name, err)
	}
	spoil(s)
	compareStates(t, k.name, "loaded", loaded.State(), state)
	k.compare(t, "loaded", loaded, want)
}

func (k checker) compare(t *testing.T, what string, c preprocess.Checker, want []string) {
	t.Helper()
	for i, says := range k.says(c) {
		if says != want[i] {
			t.Errorf("%s: %s: says %q of window %d, must say %q", k.name, what, says, i, want[i])
			return
		}
	}
}

// badTraining checks that windows with NaN or a flat channel give numbers or an error.
func (k checker) badTraining(t *testing.T) {
	for what, change := range map[string]func(ws []signal.Window) []signal.Window{
		"a NaN": func(ws []signal.Window) []signal.Window {
			ws[3].X[2][17] = math.NaN()
			return ws
		},
		"a channel of NaN": func(ws []signal.Window) []signal.Window {
			for _, w := range ws {
				for t := range w.X[2] {
					w.X[2][t] = math.NaN()
				}
			}
			return ws
		},
		"a flat channel": func(ws []signal.Window) []signal.Window {
			for _, w := range ws {
				clear(w.X[3])
			}
			return ws
		},
		"nothing but zeros": func(ws []signal.Window) []signal.Window {
			for _, w := range ws {
				for _, x := range w.X {
					clear(x)
				}
			}
			return ws
		},
		"one window": func(ws []signal.Window) []signal.Window { return ws[:1] },
	} {
		c := k.construct().(preprocess.CheckFitter)
		k.start(t, c)
		err := c.FitWindows(change(cloneWindows(k.windows)))
		switch {
		case err == nil:
			checkNumbers(t, k.name+": trained with "+what, c.State())
		case c.State() != nil:
			t.Errorf("%s: FitWindows on %s fails (%v), but leaves a state", k.name, what, err)
		}
	}
}

// verdicts checks that the verdict on a window depends on this window alone, that most good ones pass, and that
// artefacts and NaN do not.
func (k checker) verdicts(t *testing.T) {
	c := k.ready(t)
	want := k.says(c)
	good := 0
	for _, says := range want {
		if says == "" {
			good++
		}
	}
	if 2*good < len(want) {
		t.Errorf("%s: %d of %d good windows pass, must be half at least; the first says %q", k.name, good, len(want), want[0])
	}
	k.compare(t, "a second time", c, want)
	for i := len(k.windows) - 1; i >= 0; i-- {
		if says := c.Check(k.windows[i].Clone()); says != want[i] {
			t.Fatalf("%s: says %q of window %d in backward order, said %q", k.name, says, i, want[i])
		}
	}
	for i, w := range k.windows {
		large, nan := w.Clone(), w.Clone()
		for ch, x := range large.X {
			for t := range x {
				if k.info.Channels[ch].Kind == signal.EEG {
					x[t] *= 1000
				}
			}
		}
		nan.X[i%6][i] = math.NaN()
		if c.Check(large) == "" {
			t.Fatalf("%s: accepts window %d with its EEG a thousand times larger", k.name, i)
		}
		if c.Check(nan) == "" {
			t.Fatalf("%s: accepts window %d with a NaN in channel %d", k.name, i, i%6)
		}
	}
	k.compare(t, "behind bad windows", c, want)
}

func (k checker) untouched(t *testing.T) {
	c := k.ready(t)
	for i, w := range k.windows {
		lent := w.Clone()
		says := c.Check(lent)
		if !sameWindow(lent, w) {
			t.Fatalf("%s: Check writes to its input", k.name)
		}
		for _, x := range lent.X {
			clear(x)
		}
		if again := c.Check(w.Clone()); again != says {
			t.Fatalf("%s: says %q of window %d, then %q: it keeps the window", k.name, says, i, again)
		}
	}
}

// allocations checks that a good window needs no memory.
func (k checker) allocations(t *testing.T) {
	c := k.ready(t)
	for _, w := range k.windows {
		if c.Check(w) != "" {
			continue
		}
		if n := testing.AllocsPerRun(100, func() { c.Check(w) }); n > 0 {
			t.Errorf("%s: %g allocations for a good window, must be 0", k.name, n)
		}
		return
	}
	t.Errorf("%s: no good window among %d", k.name, len(k.windows))
}

func sameWindow(a, b signal.Window) bool {
	return a.Info == b.Info && a.Start == b.Start && a.Time == b.Time && a.Label == b.Label &&
		slices.EqualFunc(a.X, b.X, func(x, y []float64) bool { return slices.EqualFunc(x, y, same) })
}
