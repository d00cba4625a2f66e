package preprocesstest

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

// RunCalibrator checks that the calibrator called name keeps the promises of preprocess.Calibrator, and, calibrated,
// those of preprocess.Processor on the stream of Info (see Run). Construct returns a new one each time, with parameters
// that fit that stream; it learns from Training.
//
// What comes out may depend on what was learned, such as which channels are left. So whoever uses a calibrator calls
// Start again behind Calibrate and behind SetState, and so does the suite.
func RunCalibrator(t *testing.T, name string, construct func() preprocess.Calibrator) {
	t.Helper()
	k := calibrator{name, construct, Info(), Training(Info())}
	state := k.calibrate(t, construct()).State()
	t.Run("not calibrated", func(t *testing.T) { k.uncalibrated(t) })
	t.Run("state", func(t *testing.T) { k.state(t, state) })
	t.Run("same bits again", func(t *testing.T) { k.again(t, state) })
	t.Run("input of Calibrate", func(t *testing.T) { k.input(t, state) })
	t.Run("bad training signal", func(t *testing.T) { k.badTraining(t) })
	t.Run("round trip", func(t *testing.T) { k.roundTrip(t, state) })
	t.Run("bad state", func(t *testing.T) { k.badState(t, state) })
	Run(t, name, func() preprocess.Processor { return &restored{Calibrator: construct(), state: state} })
}

type calibrator struct {
	name      string
	construct func() preprocess.Calibrator
	info      *signal.Info
	runs      []signal.Chunk
}

// restored is a calibrator that gets its state at the first Start.
type restored struct {
	preprocess.Calibrator
	state signal.State
	done  bool
}

func (r *restored) Start(in *signal.Info) (*signal.Info, error) {
	if !r.done {
		if _, err := r.Calibrator.Start(in); err != nil {
			return nil, err
		}
		if err := r.SetState(copyState(r.state)); err != nil {
			return nil, err
		}
		r.done = true
	}
	return r.Calibrator.Start(in)
}

func (k calibrator) start(t *testing.T, c preprocess.Calibrator) {
	t.Helper()
	if _, err := c.Start(k.info); err != nil {
		t.Fatalf("%s: Start: %v", k.name, err)
	}
}

// calibrate starts c and lets it learn.
func (k calibrator) calibrate(t *testing.T, c preprocess.Calibrator) preprocess.Calibrator {
	t.Helper()
	k.start(t, c)
	if err := c.Calibrate(k.runs); err != nil {
		t.Fatalf("%s: Calibrate: %v", k.name, err)
	}
	return c
}

func (k calibrator) uncalibrated(t *testing.T) {
	c := k.construct()
	k.start(t, c)
	if s := c.State(); s != nil {
		t.Errorf("%s: State without calibration is %v, must be nil", k.name, slices.Sorted(maps.Keys(s)))
	}
	in := play(k.info, 1)
	if _, err := c.Process(in.Slice(in.Start, in.Start+64)); err == nil {
		t.Errorf("%s: Process without calibration works, must be an error", k.name)
	} else if !strings.Contains(err.Error(), "calibrat") {
		t.Errorf("%s: Process without calibration says %q, must say that calibration is missing", k.name, err)
	}
	if err := c.Calibrate(nil); err == nil {
		t.Errorf("%s: Calibrate on no signal works, must be an error", k.name)
	}
}

// state checks that what was learned are numbers, and that it is lent to nobody.
func (k calibrator) state(t *testing.T, state signal.State) {
	if len(state) == 0 {
		t.Fatalf("%s: State is empty behind Calibrate", k.name)
	}
	checkNumbers(t, k.name, state)
	c := k.calibrate(t, k.construct())
	spoil(c.State())
	compareStates(t, k.name, "behind writing to what State returned", c.State(), state)
}

func (k calibrator) again(t *testing.T, state signal.State) {
	c := k.calibrate(t, k.construct())
	compareStates(t, k.name, "of a second step", c.State(), state)
	if err := c.Calibrate(k.runs); err != nil {
		t.Fatalf("%s: Calibrate a second time: %v", k.name, err)
	}
	compareStates(t, k.name, "calibrated a second time", c.State(), state)
	k.start(t, c)
	compareStates(t, k.name, "behind another Start", c.State(), state)
	p := processor{k.name, nil}
	in := play(k.info, 4)
	p.run(t, c, in, cuts(in.Len())[4])
	compareStates(t, k.name, "behind a stream", c.State(), state)
	k.calibrate(t, c)
	compareStates(t, k.name, "calibrated again behind a stream", c.State(), state)
}

// input checks that Calibrate neither writes to its input nor keeps it.
func (k calibrator) input(t *testing.T, state signal.State) {
	runs := make([]signal.Chunk, len(k.runs))
	for i, r := range k.runs {
		runs[i] = r.Clone()
	}
	c := k.construct()
	k.start(t, c)
	if err := c.Calibrate(runs); err != nil {
		t.Fatalf("%s: Calibrate: %v", k.name, err)
	}
	for i := range runs {
		if !equal(runs[i], k.runs[i]) || runs[i].Info != k.runs[i].Info {
			t.Fatalf("%s: Calibrate writes to its input", k.name)
		}
		for _, x := range runs[i].X {
			for t := range x {
				x[t] = math.Inf(-1)
			}
		}
	}
	compareStates(t, k.name, "behind writing to the training signal", c.State(), state)
	k.compare(t, "behind writing to the training signal", c, state)
}

// compare plays a stream through c, which was calibrated, and through a new step with the same state.
func (k calibrator) compare(t *testing.T, what string, c preprocess.Calibrator, state signal.State) {
	t.Helper()
	in := play(k.info, 4)
	p := processor{k.name, nil}
	want := p.run(t, &restored{Calibrator: k.construct(), state: state}, in, cuts(in.Len())[0])
	p.compare(t, what, p.run(t, c, in, cuts(in.Len())[0]), want)
}

// badTraining checks that a training signal with NaN, a flat channel or hardly any samples gives numbers or an error.
func (k calibrator) badTraining(t *testing.T) {
	for what, change := range map[string]func(run signal.Chunk) signal.Chunk{
		"a NaN": func(run signal.Chunk) signal.Chunk {
			run.X[2][1000] = math.NaN()
			return run
		},
		"a channel of NaN": func(run signal.Chunk) signal.Chunk {
			for t := range run.X[2] {
				run.X[2][t] = math.NaN()
			}
			return run
		},
		"an infinity": func(run signal.Chunk) signal.Chunk {
			run.X[1][500] = math.Inf(1)
			return run
		},
		"a flat channel": func(run signal.Chunk) signal.Chunk {
			clear(run.X[3])
			return run
		},
		"nothing but zeros": func(run signal.Chunk) signal.Chunk {
			for _, x := range run.X {
				clear(x)
			}
			return run
		},
		"one sample": func(run signal.Chunk) signal.Chunk { return run.Slice(run.Start, run.Start+1) },
		"no sample":  func(run signal.Chunk) signal.Chunk { return run.Slice(run.Start, run.Start) },
		"a channel too few": func(run signal.Chunk) signal.Chunk {
			run.X = run.X[1:]
			return run
		},
	} {
		var runs []signal.Chunk
		for _, r := range k.runs {
			runs = append(runs, change(r.Clone()))
		}
		c := k.construct()
		k.start(t, c)
		err := c.Calibrate(runs)
		switch {
		case err == nil && what == "a channel too few":
			t.Errorf("%s: Calibrate on %s works, must be an error", k.name, what)
		case err == nil:
			checkNumbers(t, k.name+": trained with "+what, c.State())
		case c.State() != nil:
			t.Errorf("%s: Calibrate on %s fails (%v), but leaves a state", k.name, what, err)
		}
	}
}

func (k calibrator) roundTrip(t *testing.T, state signal.State) {
	c := k.calibrate(t, k.construct())
	k.compare(t, "calibrated, not loaded", c, state)

	loaded := k.construct()
	k.start(t, loaded)
	s := copyState(state)
	if err := loaded.SetState(s); err != nil {
		t.Fatalf("%s: SetState: %v", k.name, err)
	}
	spoil(s)
	compareStates(t, k.name, "loaded", loaded.State(), state)
	k.compare(t, "behind writing to what SetState was given", loaded, state)
	other := k.construct()
	k.start(t, other)
	if err := other.Calibrate(k.runs[:1]); err != nil {
		t.Fatalf("%s: Calibrate on one run: %v", k.name, err)
	}
	if err := other.SetState(copyState(state)); err != nil {
		t.Fatalf("%s: SetState over another: %v", k.name, err)
	}
	k.compare(t, "loaded over another state", other, state)
}

func (k calibrator) badState(t *testing.T, state signal.State) {
	badStates(t, k.name, state, func() signal.Stateful {
		c := k.construct()
		k.start(t, c)
		return c
	})
}

// badStates checks that SetState refuses a state where an array is missing or has another shape.
func badStates(t *testing.T, name string, state signal.State, started func() signal.Stateful) {
	t.Helper()
	for key, a := range state {
		s := copyState(state)
		delete(s, key)
		if err := started().SetState(s); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: SetState without %q: the error is %v, must name it", name, key, err)
		}
		s = copyState(state)
		s[key] = signal.NewArray(slices.Clone(a.Data), append(slices.Clone(a.Shape), 1)...)
		if err := started().SetState(s); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: SetState with %q of shape %v: the error is %v, must name it", name, key, s[key].Shape, err)
		}
	}
}

func copyState(s signal.State) signal.State {
	out := make(signal.State, len(s))
	for key, a := range s {
		out[key] = signal.NewArray(slices.Clone(a.Data), slices.Clone(a.Shape)...)
	}
	return out
}

// spoil writes over all arrays.
func spoil(s signal.State) {
	for _, a := range s {
		for i := range a.Data {
			a.Data[i] = math.Inf(-1)
		}
	}
}

func checkNumbers(t *testing.T, name string, s signal.State) {
	t.Helper()
	for key, a := range s {
		if i := slices.IndexFunc(a.Data, math.IsNaN); i >= 0 {
			t.Errorf("%s: value %d of the state %q is NaN", name, i, key)
		}
	}
}

func compareStates(t *testing.T, name, what string, got, want signal.State) {
	t.Helper()
	gotKeys, wantKeys := slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))
	if !slices.Equal(gotKeys, wantKeys) {
		t.Errorf("%s: the state %s has the arrays %v, must have %v", name, what, gotKeys, wantKeys)
		return
	}
	for _, key := range wantKeys {
		if g, w := got[key], want[key]; !slices.Equal(g.Shape, w.Shape) || !slices.EqualFunc(g.Data, w.Data, same) {
			t.Errorf("%s: the state %s has another %q", name, what, key)
		}
	}
}
