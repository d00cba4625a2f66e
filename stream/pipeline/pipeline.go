package pipeline

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
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
	spec  *Spec // with every parameter, defaults written out
	front front
	head  head

	input   *signal.Info // the stream it is made for, nil until the first Start
	pick    []int        // where each channel of input is in what comes in; nil where they are the same
	classes []string
	viewX   [][]float64 // the channels of the chunk at hand, picked
	preds   []Prediction
}

// Prediction is what one window led to.
type Prediction struct {
	Start, End int64         // the window's samples, [Start, End)
	Time       int64         // when its newest sample was measured, in nanoseconds since 1970
	Row        []float64     // what the decoder saw
	Scores     []float64     // one per class, in the order of Classes
	Label      string        // the class with the highest score
	Confidence float64       // its score
	Event      *signal.Event // what the window was cut around, nil for one that slides
	Truth      string        // the class of Event, "" where there is none
}

// Build makes the steps of spec. Errors are *SpecError.
func Build(spec *Spec, which Which) (*Pipeline, error) {
	p := &Pipeline{spec: &Spec{file: spec.file}}
	for i, st := range spec.Preprocess {
		step, eff, err := construct(spec, preprocess.Processors(), st, fmt.Sprintf("preprocess[%d]", i))
		if err != nil {
			return nil, err
		}
		p.front.steps, p.front.names = append(p.front.steps, step), append(p.front.names, eff.where)
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
		}
	}
	var err error
	if p.head, p.spec.Features, p.spec.Decoder, err = buildHead(spec); err != nil {
		return nil, err
	}
	return p, nil
}

func buildHead(spec *Spec) (h head, feats []Step, dec Step, err error) {
	for i, st := range spec.Features {
		step, eff, err := construct(spec, features.Steps(), st, fmt.Sprintf("features[%d]", i))
		if err != nil {
			return h, nil, dec, err
		}
		h.steps, h.names = append(h.steps, step), append(h.names, eff.where)
		feats = append(feats, eff)
	}
	h.decoder, dec, err = construct(spec, decoders.Decoders(), spec.Decoder, "decoder")
	if err != nil {
		return h, nil, dec, err
	}
	h.names = append(h.names, dec.where)
	if err := h.check(); err != nil {
		return h, nil, dec, &SpecError{File: spec.file, Err: err}
	}
	return h, feats, dec, nil
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
// and the same channels by name, kind and unit, in any order and among any others. Errors are *InputError.
func (p *Pipeline) Start(info *signal.Info) error {
	if err := info.Validate(); err != nil {
		return &InputError{err}
	}
	want := p.input
	if want == nil {
		want = info
	}
	pick, err := match(want, info)
	if err != nil {
		return &InputError{err}
	}
	out, n, err := p.front.start(want)
	if err != nil {
		return &InputError{err}
	}
	if !p.head.fitted || p.head.formats == nil {
		if err := p.head.start(features.WindowFormat(out, n), p.classes); err != nil {
			return &InputError{err}
		}
	}
	p.input, p.pick = want, pick
	return nil
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
		some := missing[:min(5, len(missing))]
		more := ""
		if len(missing) > len(some) {
			more = fmt.Sprintf(" and %d more", len(missing)-len(some))
		}
		return nil, fmt.Errorf("channels %s%s of the %d that the pipeline is made for are not among %s: use a recording with this montage, or train on this one",
			list(some), more, len(want.Channels), have)
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
	v.Info, v.X = p.input, p.viewX
	return v
}

// Windows takes one chunk and returns the windows that it completes, preprocessed, valid until the next call.
func (p *Pipeline) Windows(c signal.Chunk) ([]signal.Window, error) { return p.front.push(p.view(c)) }

// FlushWindows ends the stream for Windows.
func (p *Pipeline) FlushWindows() ([]signal.Window, error) { return p.front.flush() }

// Push takes one chunk and returns the predictions that it completes, in the order of their last sample, valid until
// the next call.
func (p *Pipeline) Push(c signal.Chunk) ([]Prediction, error) {
	ws, err := p.Windows(c)
	if err != nil {
		return nil, err
	}
	return p.predict(ws)
}

// Flush ends the stream: it returns what the steps held back.
func (p *Pipeline) Flush() ([]Prediction, error) {
	ws, err := p.FlushWindows()
	if err != nil {
		return nil, err
	}
	return p.predict(ws)
}

// Stats counts what p has seen since Start.
func (p *Pipeline) Stats() Stats { return p.front.stats }

func (p *Pipeline) predict(ws []signal.Window) ([]Prediction, error) {
	if len(ws) == 0 {
		return nil, nil
	}
	if !p.head.fitted {
		return nil, errors.New("the pipeline has not learned anything yet: train it, or load a bundle")
	}
	for len(p.preds) < len(ws) {
		p.preds = append(p.preds, Prediction{})
	}
	for i, w := range ws {
		if err := p.head.into(&p.preds[i], w, p.classes); err != nil {
			return nil, fmt.Errorf("window [%d, %d): %w", w.Start, w.End(), err)
		}
	}
	return p.preds[:len(ws)], nil
}

// into makes the prediction of one window in out, whose memory is used again.
func (h *head) into(out *Prediction, w signal.Window, classes []string) error {
	row, scores, err := h.predict(w.X)
	if err != nil {
		return err
	}
	best := 0
	for k := range scores {
		if scores[k] > scores[best] {
			best = k
		}
	}
	*out = Prediction{
		Start: w.Start, End: w.End(), Time: w.Time, Row: append(out.Row[:0], row...), Scores: append(out.Scores[:0], scores...),
		Label: classes[best], Confidence: scores[best], Event: w.Event, Truth: w.Label,
	}
	return nil
}
