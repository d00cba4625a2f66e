package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// Set is what a pipeline learns from: windows, preprocessed, with their classes and the run that each is from.
type Set struct {
	Info    *signal.Info    // of the windows
	Windows []signal.Window // all of one length
	Group   []string        // the run of each window
	Classes []string
}

// Labels is the class of each window.
func (s *Set) Labels() (signal.Labels, error) {
	l := signal.Labels{Classes: s.Classes, Y: make([]int, len(s.Windows))}
	pos := make(map[string]int, len(s.Classes))
	for k, c := range s.Classes {
		pos[c] = k
	}
	for i, w := range s.Windows {
		k, ok := pos[w.Label]
		if !ok {
			return l, fmt.Errorf("window %d (sample %d of %s) is of class %q, known are %s", i, w.Start, s.Group[i], w.Label, list(s.Classes))
		}
		l.Y[i] = k
	}
	return l, nil
}

// pickXY is the windows and labels at the given positions.
func (s *Set) pickXY(y signal.Labels, idx []int) ([][][]float64, signal.Labels) {
	x := make([][][]float64, len(idx))
	out := signal.Labels{Classes: y.Classes, Y: make([]int, len(idx))}
	for k, i := range idx {
		x[k], out.Y[k] = s.Windows[i].X, y.Y[i]
	}
	return x, out
}

func all(n int) []int {
	idx := make([]int, n)
	for i := range idx {
		idx[i] = i
	}
	return idx
}

// Fit learns from all windows of s with the labels y, which are s.Labels() or a permutation of it. p must have been
// started on the kind of stream that s comes from.
func (p *Pipeline) Fit(s *Set, y signal.Labels) error {
	if p.input == nil {
		return errors.New("fit before the first Start: the pipeline does not know its input")
	}
	x, y := s.pickXY(y, all(len(s.Windows)))
	return p.head.fit(x, y)
}

// Tested is the answer to one window by a pipeline that has not seen it.
type Tested struct {
	Fold   int
	Truth  int       // position in Set.Classes
	Label  int       // position in Set.Classes
	Row    []float64 // what the decoder saw
	Scores []float64 // one per class
}

// CrossValidate fits the feature steps and the decoder of spec anew for each fold, on its training windows only, and
// answers its test windows. The result has one entry per window that some fold tests, in the order of s. done, if not
// nil, is called behind each fold.
func CrossValidate(spec *Spec, s *Set, y signal.Labels, folds []split.Fold, done func()) (map[int]Tested, error) {
	out := map[int]Tested{}
	if len(s.Windows) == 0 {
		return nil, errors.New("no windows to cross-validate on")
	}
	for f, fold := range folds {
		h, _, _, err := buildHead(spec)
		if err != nil {
			return nil, err
		}
		if err := h.start(features.WindowFormat(s.Info, s.Windows[0].Len()), s.Classes); err != nil {
			return nil, fmt.Errorf("fold %s: %w", fold.Name, err)
		}
		if err := h.fit(s.pickXY(y, fold.Train)); err != nil {
			return nil, fmt.Errorf("fold %s: %w", fold.Name, err)
		}
		var pred Prediction
		for _, i := range fold.Test {
			if _, twice := out[i]; twice {
				return nil, fmt.Errorf("fold %s: window %d is tested a second time", fold.Name, i)
			}
			if err := h.into(&pred, s.Windows[i], s.Classes); err != nil {
				return nil, fmt.Errorf("fold %s: window %d: %w", fold.Name, i, err)
			}
			t := Tested{Fold: f, Truth: y.Y[i], Row: slices.Clone(pred.Row), Scores: slices.Clone(pred.Scores)}
			for k, c := range s.Classes {
				if c == pred.Label {
					t.Label = k
				}
			}
			out[i] = t
		}
		if done != nil {
			done()
		}
	}
	return out, nil
}

// Bundle is p with all that it has learned. The caller adds what it knows to the manifest: data, seed, score.
func (p *Pipeline) Bundle(version string) (*bundle.Bundle, error) {
	if !p.head.fitted {
		return nil, errors.New("nothing to save: the pipeline has not learned anything yet")
	}
	spec, err := json.Marshal(p.spec)
	if err != nil {
		return nil, err
	}
	m := bundle.Manifest{Version: bundle.Version, Gyrus: version, Spec: spec, Classes: p.classes, Input: bundle.Input{Rate: p.input.Rate}}
	for _, c := range p.input.Channels {
		m.Input.Channels = append(m.Input.Channels, bundle.Channel{Name: c.Name, Kind: c.Kind, Unit: c.Unit})
	}
	return &bundle.Bundle{Manifest: m, State: p.head.state()}, nil
}

// FromBundle builds the pipeline that b holds, ready for Start. file is for messages.
func FromBundle(file string, b *bundle.Bundle, which Which) (*Pipeline, error) {
	bad := func(err error) (*Pipeline, error) { return nil, &bundle.ReadError{File: file, Err: err} }
	spec := &Spec{}
	if err := json.Unmarshal(b.Manifest.Spec, spec); err != nil {
		return bad(fmt.Errorf("spec: %w", err))
	}
	p, err := Build(spec, which)
	if err != nil {
		return bad(fmt.Errorf("spec: %w", err))
	}
	if err := p.Restore(b); err != nil {
		return bad(err)
	}
	return p, nil
}

// Restore puts back what p.Bundle saved. It refuses a bundle of another pipeline: each parameter must be the same.
func (p *Pipeline) Restore(b *bundle.Bundle) error {
	mine, err := json.Marshal(p.spec)
	if err != nil {
		return err
	}
	theirs := &Spec{}
	if err := json.Unmarshal(b.Manifest.Spec, theirs); err != nil {
		return fmt.Errorf("spec: %w", err)
	}
	if where := difference(p.spec, theirs); where != "" {
		return fmt.Errorf("is of another pipeline: %s; this one is %s", where, mine)
	}
	if fmt.Sprint(b.Manifest.Classes) != fmt.Sprint(p.classes) {
		return fmt.Errorf("the classes are %s, the pipeline's are %s", list(b.Manifest.Classes), list(p.classes))
	}
	info := &signal.Info{Rate: b.Manifest.Input.Rate}
	for _, c := range b.Manifest.Input.Channels {
		info.Channels = append(info.Channels, signal.Channel{Name: c.Name, Original: c.Name, Kind: c.Kind, Unit: c.Unit})
	}
	p.input = nil
	if err := p.Start(info); err != nil {
		return err
	}
	return p.head.setState(b.State)
}

// difference names the first step that two definitions do not share, "" where there is none.
func difference(a, b *Spec) string {
	one := func(where string, x, y *Step) string {
		jx, errx := json.Marshal(x)
		jy, erry := json.Marshal(y)
		if errx != nil || erry != nil || !sameJSON(jx, jy) {
			return fmt.Sprintf("%s is %s, there it is %s", where, jx, jy)
		}
		return ""
	}
	several := func(where string, x, y []Step) string {
		if len(x) != len(y) {
			return fmt.Sprintf("%s has %d steps, there %d", where, len(x), len(y))
		}
		for i := range x {
			if d := one(fmt.Sprintf("%s[%d]", where, i), &x[i], &y[i]); d != "" {
				return d
			}
		}
		return ""
	}
	for _, d := range []string{
		several("preprocess", a.Preprocess, b.Preprocess), one("segment", &a.Segment, &b.Segment),
		one("live", a.Live, b.Live), several("features", a.Features, b.Features), one("decoder", &a.Decoder, &b.Decoder),
	} {
		if d != "" {
			return d
		}
	}
	return ""
}

// sameJSON says whether two values are equal whatever the order of their keys.
func sameJSON(a, b []byte) bool {
	var x, y any
	if json.Unmarshal(a, &x) != nil || json.Unmarshal(b, &y) != nil {
		return false
	}
	cx, ex := json.Marshal(x) // sorts the keys
	cy, ey := json.Marshal(y)
	return ex == nil && ey == nil && string(cx) == string(cy)
}
