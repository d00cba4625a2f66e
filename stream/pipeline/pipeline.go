package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// Which says which windows a pipeline cuts.
type Which int

// The windows of the section segment only, or those of the section live besides.
const (
	Cued Which = iota
	All
)

// Pipeline is a built Spec. It is used by one goroutine at a time.
type Pipeline struct {
	spec    *Spec // with every parameter, defaults written out
	offline []preprocess.Offline
	front   front
	head    head
	decider decoders.Decider // nil: every prediction is a decision
	// likeness holds decisions back where the stream is unlike the rest that the decider's threshold was set with.
	likeness likeness
	looks    bool // predictions say what their windows look like

	input   *signal.Info // the stream it is made for, nil until the first Start
	pick    []int        // where each channel of front.in is in what comes in; nil where they are the same
	crossed bool         // front.in is not input: the stream has other channels, which a bridge makes up for
	classes []string
	looked  bool // the feature steps know the run that comes

	// cut is what heal took out of the recordings that Prepare has made, by their Info, which no other recording has.
	cut map[*signal.Info]Stats

	viewX [][]float64 // the channels of the chunk at hand, picked
	preds []Prediction
	stage func(Stage)
}

// Stage is a part of the way from a chunk to its predictions.
type Stage int

// The stages of Push, in order.
const (
	Preprocessed Stage = iota // the steps on samples are done
	Windowed                  // and the windows are cut and checked
	Decoded                   // and decided on
)

// OnStage calls fn behind each stage of Push, such as to time it: a pipeline itself sees no clock. Where a chunk holds
// samples that are lost, the first two may come several times.
func (p *Pipeline) OnStage(fn func(Stage)) { p.stage, p.front.stage = fn, fn }

// Prediction is what one window led to.
type Prediction struct {
	Start, End int64     // the window's samples, [Start, End)
	Time       int64     // when its newest sample was measured, in nanoseconds since 1970
	Row        []float64 // what the decoder saw
	Scores     []float64 // one per class, in the order of Classes
	Value      []float64 // with a section target in place of Scores, Label and Decision: the quantities, in the order of Outputs
	Label      string    // the class with the highest score
	Confidence float64   // its score
	// Decision is what a controller is told: Label, or with a section decide what that says of the windows that slide, ""
	// for no control.
	Decision string
	// Sure is the confidence in Decision, or without one in the class that is nearest to being decided for.
	Sure float64
	// Slides says that the window is one of those that follow the stream, whether or not it was also cut around an event.
	Slides bool
	// Silent says that a controller is told nothing: the window was cut around an event and does not slide, and the
	// section decide speaks for those that do.
	Silent bool
	Event  *signal.Event // what the window was cut around, nil for one that slides
	Truth  string        // the class of Event, "" where there is none
	Origin int64         // sample of the event that the window is of, see signal.Window
	// Rejected says why there is no decision: a check refused the window. Row, Scores, Label and Confidence are empty then.
	Rejected string
	// Unlike says that the stream is unlike the rest that the threshold of the section decide was set with, so that there is no
	// decision: a window that slides is rejected, one that was also cut around an event has its scores all the same.
	Unlike bool
	// Look is what a window that slides looks like, where Pipeline.KeepLooks asks for it.
	Look []float64
}

// Build makes the steps of spec. Errors are *SpecError.
func Build(spec *Spec, which Which) (*Pipeline, error) {
	p := &Pipeline{spec: &Spec{file: spec.file}, front: front{file: spec.file}}
	for i, st := range spec.Offline {
		step, eff, err := construct(spec, preprocess.Offlines(), st, fmt.Sprintf("offline[%d]", i))
		if err != nil {
			return nil, err
		}
		p.offline, p.spec.Offline = append(p.offline, step), append(p.spec.Offline, eff)
	}
	for i, st := range spec.Preprocess {
		step, eff, err := construct(spec, preprocess.Processors(), st, fmt.Sprintf("preprocess[%d]", i))
		if err != nil {
			return nil, err
		}
		p.front.steps, p.front.names = append(p.front.steps, step), append(p.front.names, eff.where)
		p.front.where = append(p.front.where, eff)
		p.spec.Preprocess = append(p.spec.Preprocess, eff)
	}
	cuts := []Step{spec.Segment}
	if spec.Live != nil {
		cuts = append(cuts, *spec.Live)
	}
	for i, st := range cuts {
		seg, eff, err := construct(spec, preprocess.Segmenters(), st, []string{"segment", "live"}[i])
		if err != nil {
			return nil, err
		}
		if i == 0 {
			p.spec.Segment = eff
			if spec.Target != nil {
				if err := p.checkTarget(spec, seg); err != nil {
					return nil, err
				}
				p.front.segs, p.front.names, p.front.where = append(p.front.segs, seg), append(p.front.names, eff.where), append(p.front.where, eff)
				continue
			}
			c, ok := seg.(interface{ Classes() []string })
			if !ok {
				return nil, spec.fail(eff, errors.New("cuts windows without a class: a pipeline learns from cued windows, such as those of events"))
			}
			p.classes = c.Classes()
		} else {
			p.spec.Live = &eff
		}
		if i == 0 || which == All {
			p.front.segs, p.front.names = append(p.front.segs, seg), append(p.front.names, eff.where)
			p.front.where = append(p.front.where, eff)
		}
	}
	for i, st := range spec.Reject {
		check, eff, err := construct(spec, preprocess.Checkers(), st, fmt.Sprintf("reject[%d]", i))
		if err != nil {
			return nil, err
		}
		p.front.checks, p.front.names = append(p.front.checks, check), append(p.front.names, eff.where)
		p.front.where = append(p.front.where, eff)
		p.spec.Reject = append(p.spec.Reject, eff)
	}
	var err error
	if p.decider, p.spec.Decide, err = buildDecider(spec); err != nil {
		return nil, err
	}
	if p.decider != nil && spec.Live == nil {
		return nil, spec.fail(*p.spec.Decide, errors.New("decides on the windows of the section live, which is missing"))
	}
	if _, learns := p.decider.(decoders.TrialFitter); learns && p.Learns() {
		return nil, spec.fail(*p.spec.Decide, errors.New("keeps training runs for its calibration, which steps that learn from whole runs before the windows (in the sections preprocess and reject) would see: leave out those, or use evidence"))
	}
	if p.head, p.spec.Features, p.spec.Decoder, err = buildHead(spec); err != nil {
		return nil, err
	}
	return p, nil
}

func buildHead(spec *Spec) (h head, feats []Step, dec Step, err error) {
	h.file = spec.file
	for i, st := range spec.Features {
		step, eff, err := construct(spec, features.Steps(), st, fmt.Sprintf("features[%d]", i))
		if err != nil {
			return h, nil, dec, err
		}
		h.steps, h.names, h.where = append(h.steps, step), append(h.names, eff.where), append(h.where, eff)
		feats = append(feats, eff)
	}
	if spec.Target != nil {
		h.follows, dec, err = construct(spec, decoders.ContinuousDecoders(), spec.Decoder, "decoder")
		h.decoder = h.follows
	} else {
		h.classes, dec, err = construct(spec, decoders.Decoders(), spec.Decoder, "decoder")
		h.decoder = h.classes
	}
	if err != nil {
		return h, nil, dec, wrongKind(spec, err)
	}
	h.names, h.where = append(h.names, dec.where), append(h.where, dec)
	if err := h.check(); err != nil {
		return h, nil, dec, &SpecError{File: spec.file, Err: err}
	}
	return h, feats, dec, nil
}

// wrongKind says so where the decoder is one of the other kind.
func wrongKind(spec *Spec, err error) error {
	st := spec.Decoder
	st.where = "decoder"
	switch {
	case spec.Target == nil && slices.Contains(decoders.ContinuousDecoders().Names(), st.Use):
		return spec.fail(st, errors.New("follows quantities: name them in a section target, such as target: {channels: [cursor_vx, cursor_vy]}"))
	case spec.Target != nil && slices.Contains(decoders.Decoders().Names(), st.Use):
		return spec.fail(st, fmt.Errorf("tells classes, but the pipeline has a section target: use one of %s", list(decoders.ContinuousDecoders().Names())))
	}
	return err
}

// construct makes one step and says how it would be written with all its parameters.
func construct[T any](spec *Spec, reg *registry.Registry[T], st Step, where string) (T, Step, error) {
	st.where = where
	v, err := reg.New(st.Use, st.Params)
	if err != nil {
		return v, st, spec.fail(st, err)
	}
	full, err := json.Marshal(v)
	if err != nil {
		return v, st, spec.fail(st, err)
	}
	st.Params = full
	return v, st, nil
}

// Spec is the definition with every parameter, defaults written out.
func (p *Pipeline) Spec() *Spec { return p.spec }

// Decoder is the last step, with what it has learned. Who changes it changes the pipeline.
func (p *Pipeline) Decoder() decoders.Decoder { return p.head.decoder }

// Classes names the scores, in order.
func (p *Pipeline) Classes() []string { return p.classes }

// EventLabels lists the labels of the events that windows are cut around.
func (p *Pipeline) EventLabels() []string {
	if s, ok := p.front.segs[0].(interface{ EventLabels() []string }); ok {
		return s.EventLabels()
	}
	return nil
}

// Input describes the streams that p is made for: what Start was given first, or what is in the bundle. It is nil
// before.
func (p *Pipeline) Input() *signal.Info { return p.input }

// InputError is a stream or recording that does not fit a pipeline.
type InputError struct{ Err error }

// Error is one line.
func (e *InputError) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *InputError) Unwrap() error { return e.Err }

// Start prepares for a new stream. The first one decides what p is made for; every later one must have the same rate
// and the same channels by name, kind and unit, in any order and among any others. A pipeline that begins with a step montage
// also takes streams with other channels, which that step can make its own of; Crossing tells then. Errors are *InputError, or *SpecError
// where a parameter of a step is impossible for this stream.
func (p *Pipeline) Start(info *signal.Info) error {
	if err := info.Validate(); err != nil {
		return &InputError{err}
	}
	want := p.input
	if want == nil {
		want, p.front.beyond = info, nil
		if t := p.spec.Target; t != nil {
			var err error
			if want, err = t.inputs(info); err != nil {
				return &InputError{err}
			}
		}
	}
	p.crossed = false
	pick, err := match(want, info)
	var missing *missingError
	switch {
	case err == nil:
		missing = p.marked(want, info, pick)
	case !errors.As(err, &missing):
		return &InputError{err}
	}
	if missing != nil {
		if err := p.across(info, missing); err != nil {
			return err
		}
	} else {
		if err := p.begin(want); err != nil {
			return err
		}
		p.input, p.pick = want, pick
	}
	if lost, ok := p.cut[info]; ok {
		p.front.stats = lost
	}
	return nil
}

// Accepts says whether p can take recordings described by info, as far as that is known before they are read: a section
// offline may change what they are.
func (p *Pipeline) Accepts(info *signal.Info) error {
	if len(p.offline) > 0 || p.head.wholeRun() >= 0 {
		return nil
	}
	return p.Start(info)
}

// begin starts the steps for a stream of the kind that p is made for.
func (p *Pipeline) begin(in *signal.Info) error {
	out, n, err := p.front.start(in)
	if err != nil {
		return err
	}
	p.undecided()
	if p.head.fitted {
		p.head.reset()
		return nil
	}
	if p.front.learns() && !p.front.calibrated {
		return nil // what reaches the features is not known yet
	}
	return p.head.start(features.WindowFormat(out, n), p.Outputs(), p.Hop())
}

// Learns says whether a step learns from whole runs before windows are cut, or a check from windows.
func (p *Pipeline) Learns() bool {
	return p.front.learns() || slices.ContainsFunc(p.front.checks, func(c preprocess.Checker) bool { _, ok := c.(preprocess.CheckFitter); return ok })
}

// Calibrate lets the steps on samples learn from recordings, which Prepare has prepared, and forgets what they learned
// before. Without such steps it does nothing. The recordings are held in memory meanwhile.
func (p *Pipeline) Calibrate(recs []*signal.Recording) error {
	if !p.front.learns() {
		return nil
	}
	var runs []signal.Chunk
	for _, rec := range recs {
		if err := p.Start(rec.Info); err != nil {
			return fmt.Errorf("%s: %w", rec.Name, err)
		}
		chunks, err := stretches(rec)
		if err != nil {
			return err
		}
		for _, c := range chunks {
			v := p.view(c)
			v.X = slices.Clone(v.X) // view uses its memory again
			runs = append(runs, v)
		}
	}
	if err := p.front.calibrate(runs); err != nil {
		return &InputError{err}
	}
	return p.begin(p.input)
}

// stretches reads a recording, one chunk to each stretch without a gap.
func stretches(rec *signal.Recording) ([]signal.Chunk, error) {
	var all []signal.Chunk
	for _, s := range rec.Runs() {
		c := signal.NewChunk(rec.Info, s.Start, int(s.Len))
		if !rec.Begin.IsZero() {
			c.Time = rec.Begin.UnixNano()
		}
		c.Time += int64(math.Round(float64(s.Start) * 1e9 / rec.Info.Rate))
		if err := rec.Data.ReadSamples(c.X, s.Start); err != nil {
			return nil, fmt.Errorf("%s: %w", rec.Name, err)
		}
		c.Events = signal.EventsIn(rec.Events, s.Start, s.End())
		all = append(all, c)
	}
	return all, nil
}

// FitChecks lets the checks of windows learn from windows; those that an earlier check refuses are left out.
func (p *Pipeline) FitChecks(ws []signal.Window) error {
	for i, c := range p.front.checks {
		p.front.checked = i
		f, ok := c.(preprocess.CheckFitter)
		if !ok {
			continue
		}
		var good []signal.Window
		for _, w := range ws {
			if p.front.why(w) == "" {
				good = append(good, w)
			}
		}
		if err := f.FitWindows(good); err != nil {
			return &InputError{fmt.Errorf("reject[%d]: %w", i, err)}
		}
	}
	p.front.checked = len(p.front.checks)
	return nil
}

// Why says why w must not be used, "" where it is good.
func (p *Pipeline) Why(w signal.Window) string { return p.front.why(w) }

// Causal says that p can be used live: it has no step that looks into the future. Otherwise the error names the step.
func (p *Pipeline) Causal() error {
	if i := p.head.wholeRun(); i >= 0 {
		return &InputError{fmt.Errorf("%s needs a whole run before its first window, which a live session does not have: train with the mode incremental or fixed instead", p.head.names[i])}
	}
	if len(p.spec.Offline) == 0 {
		return nil
	}
	return &InputError{fmt.Errorf("%s %s looks into the future, which a live session does not have: train with a causal step in the section preprocess instead",
		p.spec.Offline[0].where, p.spec.Offline[0].Use)}
}

// Prepare takes a recording through the section offline; without one it returns rec itself. Where a feature step maps a run
// by all its windows, a fitted pipeline takes their mean here: the recording that comes next must then be this one.
func (p *Pipeline) Prepare(rec *signal.Recording) (*signal.Recording, error) {
	rec, err := p.filtered(rec)
	if err == nil && p.head.wholeRun() >= 0 && p.head.fitted {
		if err = p.look(rec); err != nil {
			err = &InputError{fmt.Errorf("%s: %w", rec.Name, err)}
		}
	}
	return rec, err
}

// look shows the windows around events of the whole recording to the feature steps that ask for them.
func (p *Pipeline) look(rec *signal.Recording) error {
	p.looked = false
	if err := p.Start(rec.Info); err != nil {
		return err
	}
	chunks, err := stretches(rec)
	if err != nil {
		return err
	}
	var wins [][][]float64
	keep := func(ws []signal.Window, err error) error {
		for _, w := range ws {
			if w.Event != nil && w.Rejected == "" {
				wins = append(wins, w.Clone().X)
			}
		}
		return err
	}
	for _, c := range chunks {
		if err := keep(p.Windows(c)); err != nil {
			return err
		}
	}
	if err := keep(p.FlushWindows()); err != nil {
		return err
	}
	if len(wins) == 0 {
		return fmt.Errorf("%s maps a run by the mean of its windows around events, and there is none", p.head.names[p.head.wholeRun()])
	}
	if err := p.head.setRun(wins); err != nil {
		return err
	}
	p.looked = true
	return nil
}

// filtered takes a recording through the section offline.
func (p *Pipeline) filtered(rec *signal.Recording) (*signal.Recording, error) {
	if len(p.offline) == 0 {
		return rec, nil
	}
	chunks, err := stretches(rec)
	if err != nil {
		return nil, err
	}
	chunks, lost := p.heal(chunks)
	for i, step := range p.offline {
		for k := range chunks {
			if chunks[k], err = step.Apply(chunks[k]); err != nil {
				return nil, &InputError{fmt.Errorf("%s: offline[%d]: %w", rec.Name, i, err)}
			}
		}
	}
	if len(chunks) == 0 {
		why := "holds no samples"
		if s := lost.Spoilt(); s != "" {
			why = "holds no sample that can be used: " + s
		}
		return nil, &InputError{fmt.Errorf("%s: %s", rec.Name, why)}
	}
	out, info := *rec, *chunks[0].Info
	if p.cut == nil {
		p.cut = map[*signal.Info]Stats{}
	}
	p.cut[&info] = lost
	out.Info, out.Spans, out.Events, out.Others, out.Closer = &info, []signal.Span{}, nil, nil, nil
	for _, c := range chunks {
		out.Spans = append(out.Spans, signal.Span{Start: c.Start, Len: int64(c.Len())})
		out.Events = append(out.Events, c.Events...)
		out.Len = c.End()
	}
	out.Data = inMemory(chunks)
	return &out, nil
}

// inMemory reads from stretches that are in memory.
type inMemory []signal.Chunk

// ReadSamples copies.
func (m inMemory) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) == 0 {
		return nil
	}
	end := start + int64(len(dst[0]))
	for _, c := range m {
		if c.Start <= start && end <= c.End() {
			for ch := range dst {
				copy(dst[ch], c.X[ch][start-c.Start:])
			}
			return nil
		}
	}
	return fmt.Errorf("samples [%d, %d) do not lie in one stretch of the recording", start, end)
}

// match says where each channel of want is in have; nil where they are the same.
func match(want, have *signal.Info) ([]int, error) {
	if math.Abs(want.Rate-have.Rate) > 1e-9*want.Rate {
		return nil, fmt.Errorf("the sampling rate is %g Hz, the pipeline is made for %g Hz: resample, or train on data of this rate", have.Rate, want.Rate)
	}
	pick := make([]int, len(want.Channels))
	same := len(want.Channels) == len(have.Channels)
	var missing []string
	for i, c := range want.Channels {
		k := have.Index(c.Name)
		if k < 0 {
			missing = append(missing, c.Name)
			continue
		}
		if h := have.Channels[k]; h.Kind != c.Kind || h.Unit != c.Unit {
			return nil, fmt.Errorf("channel %s is %s in %q, the pipeline is made for %s in %q", c.Name, h.Kind, h.Unit, c.Kind, c.Unit)
		}
		pick[i], same = k, same && k == i
	}
	if len(missing) > 0 {
		return nil, &missingError{names: missing, of: len(want.Channels), have: have}
	}
	if same {
		return nil, nil
	}
	return pick, nil
}

// list joins names: "A, B".
func list(names []string) string { return strings.Join(names, ", ") }

// view is c with the channels that p is made for.
func (p *Pipeline) view(c signal.Chunk) signal.Chunk {
	if p.pick == nil {
		return c
	}
	v := c
	p.viewX = p.viewX[:0]
	for _, k := range p.pick {
		p.viewX = append(p.viewX, c.X[k])
	}
	v.Info, v.X = p.front.in, p.viewX
	return v
}

// Windows takes one chunk and returns the windows that it completes, preprocessed, valid until the next call. Windows around events
// that came up to signal.MaxLate late are where the events were, cut from the past: the same as if they had come in time. Unseen
// counts those of which there is no window any more.
func (p *Pipeline) Windows(c signal.Chunk) ([]signal.Window, error) {
	return p.front.push(p.view(c))
}

// FlushWindows ends the stream for Windows.
func (p *Pipeline) FlushWindows() ([]signal.Window, error) { return p.front.flush() }

// Push takes one chunk and returns the predictions that it completes, in the order of their last sample, valid until
// the next call. A *WindowError names windows of which there is none; the others are returned beside it.
func (p *Pipeline) Push(c signal.Chunk) ([]Prediction, error) {
	ws, err := p.Windows(c)
	if err != nil {
		return nil, err
	}
	if c.Anew {
		p.head.reset()
		p.undecided()
	}
	preds, err := p.predict(ws)
	if p.stage != nil && len(ws) > 0 {
		p.stage(Decoded)
	}
	return preds, err
}

// Flush ends the stream: it returns what the steps held back.
func (p *Pipeline) Flush() ([]Prediction, error) {
	ws, err := p.FlushWindows()
	if err != nil {
		return nil, err
	}
	preds, err := p.predict(ws)
	p.looked = false
	return preds, err
}

// Breaks counts how often the stream broke off or began anew since Start: the Gaps and Restarts of Stats.
func (p *Pipeline) Breaks() int64 { return p.front.stats.Gaps + p.front.stats.Restarts }

// Unseen counts the late events that got no window since Start, the Unseen of Stats, and is the newest of them.
func (p *Pipeline) Unseen() (n int64, newest preprocess.Miss) {
	return p.front.stats.Unseen, p.front.newest
}

// Stats counts what p has seen since Start.
func (p *Pipeline) Stats() Stats {
	s := p.front.counted()
	s.Crossing = p.Crossing()
	return s
}

func (p *Pipeline) predict(ws []signal.Window) ([]Prediction, error) {
	if len(ws) == 0 {
		return nil, nil
	}
	if p.head.wholeRun() >= 0 && !p.looked {
		return nil, p.Causal()
	}
	if !p.head.fitted && !p.looks {
		return nil, errors.New("the pipeline has not learned anything yet: train it, or load a bundle")
	}
	for len(p.preds) < len(ws) {
		p.preds = append(p.preds, Prediction{})
	}
	n := 0
	var failed *WindowError
	fails := func(w signal.Window, err error) {
		if failed == nil {
			failed = &WindowError{Start: w.Start, End: w.End(), Err: err}
		}
		failed.Windows++
	}
	for _, w := range ws {
		q := &p.preds[n]
		if w.Rejected != "" {
			*q = reject(q, w, w.Rejected)
			n++
			continue
		}
		held := ""
		look := q.Look[:0]
		if w.Slides && (p.looks || p.likeness.mean != nil) {
			look = lookOf(look, w)
			held = p.likeness.why(look, float64(w.End())/w.Info.Rate)
		}
		if !p.head.fitted {
			*q = reject(q, w, "")
			q.Look = look
			n++
			continue
		}
		if held != "" && w.Event == nil {
			held += "; " + bundle.FarthestWords(p.farthestNow(look))
			*q = reject(q, w, held)
			q.Unlike = true
			p.front.stats.Rejected++
			n++
			continue
		}
		if err := p.head.into(q, w, p.classes); err != nil {
			fails(w, err)
			continue
		}
		q.Look, q.Unlike = look, held != ""
		if p.spec.Target == nil {
			if err := p.decide(q, w, held != ""); err != nil {
				fails(w, fmt.Errorf("decide: %w", err))
				continue
			}
		}
		n++
	}
	if failed != nil {
		return p.preds[:n], failed
	}
	return p.preds[:n], nil
}

// reject is the prediction of a window that nothing is decided on, in the memory of q.
func reject(q *Prediction, w signal.Window, why string) Prediction {
	return Prediction{Start: w.Start, End: w.End(), Time: w.Time, Row: q.Row[:0], Scores: q.Scores[:0], Value: q.Value[:0], Look: q.Look[:0], Slides: w.Slides, Event: w.Event, Truth: w.Label, Origin: w.Origin, Rejected: why}
}

// WindowError is windows that could not be decoded, such as those in which something overflows. The pipeline can go on behind
// them: Push and Flush return the predictions of the others beside it.
type WindowError struct {
	Start, End int64 // samples of the first one, [Start, End)
	Windows    int   // how many of those that the chunk has completed
	Err        error // of the first one
}

// Error is one line.
func (e *WindowError) Error() string {
	return fmt.Sprintf("window [%d, %d): %v", e.Start, e.End, e.Err)
}

// Unwrap is what was wrong.
func (e *WindowError) Unwrap() error { return e.Err }

// into makes the prediction of one window in out, whose memory is used again.
func (h *head) into(out *Prediction, w signal.Window, classes []string) error {
	row, scores, err := h.predict(w)
	if err != nil {
		return err
	}
	if h.follows != nil {
		*out = Prediction{Start: w.Start, End: w.End(), Time: w.Time, Row: append(out.Row[:0], row...), Value: append(out.Value[:0], scores...), Slides: true}
		return nil
	}
	best := 0
	for k := range scores {
		if scores[k] > scores[best] {
			best = k
		}
	}
	*out = Prediction{
		Start: w.Start, End: w.End(), Time: w.Time, Row: append(out.Row[:0], row...), Scores: append(out.Scores[:0], scores...),
		Slides: w.Slides, Label: classes[best], Confidence: scores[best], Event: w.Event, Truth: w.Label, Origin: w.Origin,
	}
	return nil
}
