package pipeline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
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
	Notes   []Note // what the steps on samples said of how they learned

	// With a section target there are no classes but quantities, [window][output]: what a prediction is scored against
	// (Truth), and what is learned (Quantities), which ReFIT makes of it. Hop is the number of samples between windows
	// that follow each other.
	Outputs           []string
	Quantities, Truth [][]float64
	Hop               int64
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

// Trials puts the windows together that are of one event; a window without an event is a trial of its own.
func (s *Set) Trials() (split.Trials, error) {
	y, err := s.Labels()
	if err != nil {
		return split.Trials{}, err
	}
	origin := make([]int64, len(s.Windows))
	for i, w := range s.Windows {
		if origin[i] = w.Origin; w.Event == nil {
			origin[i] = w.Start
		}
	}
	return split.TrialsOf(y, s.Group, origin)
}

// Split is the folds of a splitter, in which all windows of an event are in one part, and no window that is learned from shares samples
// with one that is tested: those that do are in Fold.Purged. y is s.Labels() or a permutation of it.
func (s *Set) Split(by split.Splitter, y signal.Labels) ([]split.Fold, error) {
	t, err := s.Trials()
	if err != nil {
		return nil, err
	}
	folds, err := t.Split(by, y, s.Group)
	if err != nil {
		return nil, err
	}
	return split.Purge(folds, y, s.Group, s.spans())
}

// spans are the samples of its run that each window is made of.
func (s *Set) spans() []signal.Span {
	spans := make([]signal.Span, len(s.Windows))
	for i, w := range s.Windows {
		spans[i] = w.Span()
	}
	return spans
}

// Permute is the labels of s, shuffled among its events: see split.Permute.
func (s *Set) Permute(seed uint64) (signal.Labels, error) {
	t, err := s.Trials()
	if err != nil {
		return signal.Labels{}, err
	}
	y, err := s.Labels()
	if err != nil {
		return signal.Labels{}, err
	}
	return t.Permute(y, s.Group, seed)
}

// apart is Trials; it refuses a fold with windows of one event in both parts, or with windows in them that share samples.
func (s *Set) apart(fold split.Fold) (split.Trials, error) {
	t, err := s.Trials()
	if err != nil {
		return t, err
	}
	learned := make([]bool, t.N)
	for _, i := range fold.Train {
		learned[t.Of[i]] = true
	}
	for _, i := range fold.Test {
		if learned[t.Of[i]] {
			return t, fmt.Errorf("windows of the event at sample %d of %s are in training and test, and windows of one event are alike: make the folds with Set.Split", s.Windows[i].Origin, s.Group[i])
		}
	}
	if i, k, found := split.Shared(fold, s.Group, s.spans()); found {
		return t, fmt.Errorf("the windows at samples %d and %d of %s share samples, and one is in training, the other in test: make the folds with Set.Split", s.Windows[i].Start, s.Windows[k].Start, s.Group[i])
	}
	return t, nil
}

// Good lists the positions of the windows that no check refused, among idx.
func (s *Set) Good(idx []int) []int {
	var good []int
	for _, i := range idx {
		if s.Windows[i].Rejected == "" {
			good = append(good, i)
		}
	}
	return good
}

// All lists all positions.
func (s *Set) All() []int {
	idx := make([]int, len(s.Windows))
	for i := range idx {
		idx[i] = i
	}
	return idx
}

// examples are the windows at the given positions with their labels.
func (s *Set) examples(y signal.Labels, idx []int) examples {
	e := examples{wins: make([][][]float64, len(idx)), y: signal.Labels{Classes: y.Classes}}
	run := map[string]int{}
	for k, i := range idx {
		e.wins[k] = s.Windows[i].X
		if s.Quantities == nil {
			e.y.Y = append(e.y.Y, y.Y[i])
		} else {
			e.quantities = append(e.quantities, s.Quantities[i])
			if k == 0 || s.Group[i] != s.Group[idx[k-1]] || s.Windows[i].Start != s.Windows[idx[k-1]].Start+s.Hop {
				e.pieces = append(e.pieces, nil)
			}
			last := len(e.pieces) - 1
			e.pieces[last] = append(e.pieces[last], k)
		}
		r, known := run[s.Group[i]]
		if !known {
			r = len(e.runs)
			run[s.Group[i]], e.runs = r, append(e.runs, nil)
		}
		e.runs[r] = append(e.runs[r], k)
	}
	return e
}

// Fit learns from the good windows of s with the labels y, which are s.Labels() or a permutation of it. p must have
// been started on the kind of stream that s comes from.
func (p *Pipeline) Fit(s *Set, y signal.Labels) error {
	return p.FitContext(context.Background(), s, y)
}

// FitContext is Fit that ends with the error of ctx soon after that is done: p has learned nothing then.
func (p *Pipeline) FitContext(ctx context.Context, s *Set, y signal.Labels) error {
	if p.input == nil {
		return errors.New("fit before the first Start: the pipeline does not know its input")
	}
	p.head.fitted = false
	if err := p.begin(p.input); err != nil {
		return err
	}
	return p.head.fitWith(ctx, p.decider, s, y, s.Good(s.All()))
}

// Tested is the answer to one window by a pipeline that has not seen it.
type Tested struct {
	Fold   int
	Trial  int       // number of the event that the window is of: those of one event have it in common (Set.Trials)
	Truth  int       // position in Set.Classes
	Label  int       // position in Set.Classes
	Row    []float64 // what the decoder saw
	Scores []float64 // one per class
	// Possible are the classes that a decide step which learns from trials does not rule out, and Decision what it says: a
	// position in Set.Classes, or -1. Without such a step Possible is nil.
	Possible []bool
	Decision int
	Value    []float64 // with a section target: the quantities
	Notes    []Note    // what the steps said of the fold's fit
}

// CrossValidate fits the feature steps and the decoder of spec anew for each fold, on its training windows only, and
// answers its test windows. The result has one entry per good window that some fold tests, by its position in s. What
// comes before the features must not learn (Pipeline.Learns): see Test. done, if not nil, is called behind each fold.
func CrossValidate(spec *Spec, s *Set, y signal.Labels, folds []split.Fold, done func()) (map[int]Tested, error) {
	return CrossValidateContext(context.Background(), spec, s, y, folds, done)
}

// CrossValidateContext is CrossValidate that ends with the error of ctx soon after that is done.
func CrossValidateContext(ctx context.Context, spec *Spec, s *Set, y signal.Labels, folds []split.Fold, done func()) (map[int]Tested, error) {
	out := map[int]Tested{}
	for f, fold := range folds {
		if err := Test(ctx, spec, s, y, f, fold, out); err != nil {
			return nil, fmt.Errorf("fold %s: %w", fold.Name, err)
		}
		if done != nil {
			done()
		}
	}
	return out, nil
}

// Test is one fold of CrossValidate: s holds the windows as the training runs of the fold make them. It adds to out.
func Test(ctx context.Context, spec *Spec, s *Set, y signal.Labels, f int, fold split.Fold, out map[int]Tested) error {
	if len(s.Windows) == 0 {
		return errors.New("no windows to cross-validate on")
	}
	var events split.Trials
	if s.Quantities == nil {
		var err error
		if events, err = s.apart(fold); err != nil {
			return err
		}
	}
	h, _, _, err := buildHead(spec)
	if err != nil {
		return err
	}
	d, _, err := buildDecider(spec)
	if err != nil {
		return err
	}
	outputs := s.Classes
	if s.Quantities != nil {
		outputs = s.Outputs
	}
	if err := h.start(features.WindowFormat(s.Info, s.Windows[0].Len()), outputs, s.Hop); err != nil {
		return err
	}
	if err := h.fitWith(ctx, d, s, y, s.Good(fold.Train)); err != nil {
		return err
	}
	trials, _ := d.(decoders.TrialFitter)
	var pred Prediction
	run, notes := "", slices.Concat(s.Notes, h.notes())
	for _, i := range s.Good(fold.Test) {
		if _, twice := out[i]; twice {
			return fmt.Errorf("window %d is tested a second time", i)
		}
		if s.Group[i] != run { // steps that follow a run begin anew with each
			run = s.Group[i]
			if err := h.beginRun(s, s.Good(fold.Test), run); err != nil {
				return err
			}
		}
		if err := h.into(&pred, s.Windows[i], s.Classes); err != nil {
			return fmt.Errorf("window %d: %w", i, err)
		}
		t := Tested{Fold: f, Row: slices.Clone(pred.Row), Scores: slices.Clone(pred.Scores), Value: slices.Clone(pred.Value), Notes: notes}
		if s.Quantities == nil {
			t.Truth, t.Label, t.Trial = y.Y[i], slices.Index(s.Classes, pred.Label), events.Of[i]
		}
		if trials != nil {
			t.Possible = make([]bool, len(pred.Scores))
			trials.Possible(t.Possible, pred.Scores)
			if t.Decision, _, err = trials.Push(pred.Scores, 0); err != nil {
				return fmt.Errorf("window %d: decide: %w", i, err)
			}
		}
		out[i] = t
	}
	return nil
}

// Bundle is p with all that it has learned. The caller adds what it knows to the manifest: data, seed, score.
func (p *Pipeline) Bundle(version string) (*bundle.Bundle, error) {
	if !p.head.fitted {
		return nil, errors.New("nothing to save: the pipeline has not learned anything yet")
	}
	if _, missing := deciderState(p.decider); missing != nil {
		return nil, missing
	}
	spec, err := json.Marshal(p.spec)
	if err != nil {
		return nil, err
	}
	m := bundle.Manifest{Version: bundle.Version, Gyrus: version, Spec: spec, Classes: p.classes, Outputs: p.outputs(), Input: bundle.InputOf(p.input), Delay: p.Delay()}
	if to := p.Bridged(); to != nil {
		need := bundle.InputOf(to)
		m.Montage = &need
	}
	if notes := MergeNotes(p.SampleNotes(), p.head.notes()); len(notes) > 0 {
		m.Notes = notes
	}
	return &bundle.Bundle{Manifest: m, State: p.state()}, nil
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
	if !slices.Equal(b.Manifest.Outputs, p.outputs()) {
		return fmt.Errorf("the quantities are %s, the pipeline's are %s", list(b.Manifest.Outputs), list(p.outputs()))
	}
	if fmt.Sprint(b.Manifest.Classes) != fmt.Sprint(p.classes) {
		return fmt.Errorf("the classes are %s, the pipeline's are %s", list(b.Manifest.Classes), list(p.classes))
	}
	info := b.Manifest.Input.Info()
	if err := info.Validate(); err != nil {
		return err
	}
	p.input, p.pick, p.crossed, p.head.fitted = info, nil, false, false
	p.front.in, p.front.beyond = info, nil
	if err := p.front.restore(func(prefix string) signal.State { return under(b.State, prefix) }); err != nil {
		return err
	}
	if err := p.begin(info); err != nil {
		return err
	}
	if need, to := b.Manifest.Montage, p.Bridged(); need != nil && to != nil { // older ones do not say it
		if err := sameChannels(need.Info(), to); err != nil {
			return fmt.Errorf("montage: %w", err)
		}
	}
	return p.setState(b.State)
}

// part is a step that learns, with the prefix of its arrays' names.
type part struct {
	prefix, where string
	signal.Stateful
}

// parts lists the steps that learn: "preprocess.0.", "reject.0.", "features.0.", "decoder.".
func (p *Pipeline) parts() []part { return append(p.front.parts(), p.behind()...) }

// behind is the parts from the features on, the section decide among them.
func (p *Pipeline) behind() []part {
	list := p.head.parts()
	if st, _ := deciderState(p.decider); st != nil {
		list = append(list, part{"decide.", "decide", st}, part{"likeness.", "decide", &p.likeness})
	}
	return list
}

// under is the part of all whose names begin with prefix, without it.
func under(all signal.State, prefix string) signal.State {
	mine := signal.State{}
	for name, a := range all {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			mine[rest] = a
		}
	}
	return mine
}

// state is what the steps have learned, under names such as "features.0.filters" and "decoder.coef".
func (p *Pipeline) state() signal.State {
	all := signal.State{}
	for _, part := range p.parts() {
		for name, a := range part.State() {
			all[part.prefix+name] = a
		}
	}
	return all
}

// setState puts back what the features and the decoder have learned; what comes before them has its state already.
// Arrays that no step asks for are an error.
func (p *Pipeline) setState(all signal.State) error {
	used := 0
	for _, part := range p.front.parts() {
		used += len(under(all, part.prefix))
	}
	for _, part := range p.behind() {
		mine := under(all, part.prefix)
		used += len(mine)
		if err := part.SetState(mine); err != nil {
			return fmt.Errorf("%s: %w", part.where, err)
		}
	}
	if n := len(p.likeness.mean); n > 0 && n != 2*len(p.front.out.Channels) {
		return fmt.Errorf("decide: what rest looks like has %d numbers, must be 2 for each of %d channels", n, len(p.front.out.Channels))
	}
	if used != len(all) {
		return fmt.Errorf("%d arrays belong to no step of the pipeline", len(all)-used)
	}
	p.head.fitted = true
	p.head.reset()
	return nil
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
	target := func(x, y *Target) string {
		jx, errx := json.Marshal(x)
		jy, erry := json.Marshal(y)
		if errx != nil || erry != nil || !sameJSON(jx, jy) {
			return fmt.Sprintf("target is %s, there it is %s", jx, jy)
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
		target(a.Target, b.Target), several("offline", a.Offline, b.Offline), several("reject", a.Reject, b.Reject),
		several("preprocess", a.Preprocess, b.Preprocess), one("segment", &a.Segment, &b.Segment),
		one("live", a.Live, b.Live), one("decide", a.Decide, b.Decide), several("features", a.Features, b.Features), one("decoder", &a.Decoder, &b.Decoder),
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
