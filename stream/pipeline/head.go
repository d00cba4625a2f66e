package pipeline

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// head takes windows to scores: the feature steps, then the decoder.
type head struct {
	steps   []features.Step
	decoder interface { // classes or follows
		decoders.Decoder
		signal.Stateful
	}
	classes decoders.Fitter     // tells classes; nil with a section target
	follows decoders.Continuous // follows quantities; nil without one
	names   []string            // of steps, then of the decoder, for messages
	where   []Step              // the steps as they stand in the file
	file    string              // which, for messages

	formats []features.Format // formats[i] goes into step i; the last goes into the decoder
	wins    [][][]float64     // what step i writes, where it is a Mapper
	rows    [][]float64       // what step i writes, where it is not
	flat    []float64         // the window that goes into a decoder of windows
	scores  []float64
	fitted  bool
	hop     int64 // samples from one window to the next that continues it, for follows
	next    int64 // where such a window starts
}

// check reports what no order of fitting could mend: two Extractors, a Transformer before one.
func (h *head) check() error {
	row := false
	for i, s := range h.steps {
		switch s.(type) {
		case features.Mapper:
			if row {
				return fmt.Errorf("%s works on windows, the step before gives rows", h.names[i])
			}
		case features.Extractor:
			if row {
				return fmt.Errorf("%s works on windows, the step before gives rows", h.names[i])
			}
			row = true
		case features.Transformer:
			if !row {
				return fmt.Errorf("%s works on rows, but no step before turns windows into rows", h.names[i])
			}
		default:
			return fmt.Errorf("%s is neither a Mapper nor an Extractor nor a Transformer", h.names[i]) // a mistake in the step
		}
	}
	_, windowed := h.windowed()
	switch name := h.names[len(h.steps)]; {
	case row && windowed:
		return fmt.Errorf("%s works on windows, the step before gives rows: leave out what turns windows into rows", name)
	case !row && !windowed:
		return errors.New("features: no step turns windows into rows, such as logvar")
	}
	return nil
}

// windowed is the decoder where it reads windows.
func (h *head) windowed() (decoders.Windowed, bool) {
	if h.classes == nil {
		return nil, false
	}
	return decoders.AsWindowed(h.classes)
}

// start prepares for windows of format in, of the given classes or quantities; fitted state is kept. hop is the number of
// samples between windows that follow each other.
func (h *head) start(in features.Format, outputs []string, hop int64) error {
	h.hop = hop
	h.formats = append(h.formats[:0], in)
	h.wins, h.rows = make([][][]float64, len(h.steps)), make([][]float64, len(h.steps))
	for i, s := range h.steps {
		if c, ok := s.(features.Classed); ok && h.classes != nil {
			c.SetClasses(outputs)
		}
		out, err := s.Start(h.formats[i])
		if err != nil {
			return &SpecError{File: h.file, Line: h.where[i].line, Step: h.names[i], Err: err}
		}
		h.formats = append(h.formats, out)
		if out.Len == 0 {
			h.rows[i] = make([]float64, len(out.Names))
			continue
		}
		h.wins[i] = newWindow(out)
	}
	if h.follows != nil {
		h.follows.SetOutputs(outputs)
	} else {
		h.classes.SetClasses(outputs)
	}
	if d, ok := h.windowed(); ok {
		last := h.formats[len(h.steps)]
		if err := d.SetFormat(last); err != nil {
			return &SpecError{File: h.file, Line: h.where[len(h.steps)].line, Step: h.names[len(h.steps)], Err: err}
		}
		h.flat = make([]float64, len(last.Names)*last.Len)
	}
	h.scores = make([]float64, len(outputs))
	return nil
}

func newWindow(f features.Format) [][]float64 {
	slab := make([]float64, len(f.Names)*f.Len)
	w := make([][]float64, len(f.Names))
	for ch := range w {
		w[ch] = slab[ch*f.Len : (ch+1)*f.Len : (ch+1)*f.Len]
	}
	return w
}

// row takes one window through all feature steps. The result is valid until the next call.
func (h *head) row(x [][]float64) ([]float64, error) {
	var row []float64
	for i, s := range h.steps {
		var err error
		switch s := s.(type) {
		case features.Mapper:
			err = s.Map(h.wins[i], x)
			x = h.wins[i]
		case features.Extractor:
			err = s.Extract(h.rows[i], x)
			row = h.rows[i]
		case features.Transformer:
			err = s.Transform(h.rows[i], row)
			row = h.rows[i]
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", h.names[i], err)
		}
	}
	if row == nil {
		return flatten(h.flat, x), nil
	}
	return row, nil
}

// flatten lays the channels of the window x one behind the other.
func flatten(dst []float64, x [][]float64) []float64 {
	n := 0
	for _, c := range x {
		n += copy(dst[n:], c)
	}
	return dst
}

// predict takes one window to its row and scores, valid until the next call.
func (h *head) predict(w signal.Window) (row, scores []float64, err error) {
	if row, err = h.row(w.X); err != nil {
		return nil, nil, err
	}
	if h.follows != nil {
		if w.Start != h.next { // samples or windows are missing
			h.follows.Reset()
		}
		h.next = w.Start + h.hop
	}
	if err = h.decoder.Predict(h.scores, row); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", h.names[len(h.steps)], err)
	}
	for k, p := range h.scores {
		if math.IsNaN(p) {
			return nil, nil, fmt.Errorf("%s: the score of %q is not a number: the window holds NaN or overflows", h.names[len(h.steps)], h.decoder.Outputs()[k])
		}
	}
	return row, h.scores, nil
}

// examples are what fit learns from: windows, or behind an Extractor rows, with the run that each is from.
type examples struct {
	wins [][][]float64
	rows [][]float64
	y    signal.Labels
	// quantities are what rows stand for with a section target, and pieces the positions of windows that follow each other
	// without a hole.
	quantities [][]float64
	pieces     [][]int
	runs       [][]int // positions of each run's examples, in order of time
}

// fit learns step by step: each one sees what the steps before it, already fitted, make of the examples.
func (h *head) fit(ctx context.Context, e examples) error {
	for i, s := range h.steps {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := learn(s, e); err != nil {
			return fmt.Errorf("%s: %w", h.names[i], err)
		}
		var err error
		if e, err = through(s, e, h.formats[i+1]); err != nil {
			return fmt.Errorf("%s: %w", h.names[i], err)
		}
	}
	if e.rows == nil {
		e.rows = make([][]float64, len(e.wins))
		for k, w := range e.wins {
			e.rows[k] = flatten(make([]float64, len(h.flat)), w)
		}
	}
	if err := h.learn(ctx, e); err != nil {
		return fmt.Errorf("%s: %w", h.names[len(h.steps)], err)
	}
	h.fitted = true
	h.reset()
	return nil
}

// learn fits the decoder.
func (h *head) learn(ctx context.Context, e examples) error {
	if h.follows == nil {
		return decoders.Fit(ctx, h.classes, e.rows, e.y)
	}
	x, y := byRun(e.rows, e.pieces), byRun(e.quantities, e.pieces)
	if f, ok := h.follows.(decoders.RunFitter); ok {
		return f.FitRuns(x, y)
	}
	if len(x) != 1 {
		return fmt.Errorf("learns from one run only, got %d pieces without a hole; use another decoder, or one recording without gaps", len(x))
	}
	return h.follows.FitContinuous(x[0], y[0])
}

// learn fits one step.
func learn(s features.Step, e examples) error {
	switch f := s.(type) {
	case features.Aligner:
		return f.FitRuns(byRun(e.wins, e.runs))
	case features.RowAligner:
		return f.FitRuns(byRun(e.rows, e.runs))
	case features.WindowFitter:
		return f.FitWindows(e.wins, e.y)
	case features.RowFitter:
		return f.FitRows(e.rows, e.y)
	default:
		return nil
	}
}

// byRun is x as one list to a run.
func byRun[T any](x []T, runs [][]int) [][]T {
	out := make([][]T, len(runs))
	for r, idx := range runs {
		for _, i := range idx {
			out[r] = append(out[r], x[i])
		}
	}
	return out
}

// through takes all examples through one fitted step, whose output has the given format.
func through(s features.Step, e examples, out features.Format) (examples, error) {
	next := examples{y: e.y, runs: e.runs, quantities: e.quantities, pieces: e.pieces}
	n := max(len(e.wins), len(e.rows))
	if out.Len > 0 {
		next.wins = make([][][]float64, n)
		for k := range next.wins {
			next.wins[k] = newWindow(out)
		}
	} else {
		next.rows = make([][]float64, n)
		for k := range next.rows {
			next.rows[k] = make([]float64, len(out.Names))
		}
	}
	switch s := s.(type) {
	case features.Aligner:
		dst, src := byRun(next.wins, e.runs), byRun(e.wins, e.runs)
		for r := range src {
			if err := s.MapRun(dst[r], src[r]); err != nil {
				return next, err
			}
		}
	case features.RowAligner:
		dst, src := byRun(next.rows, e.runs), byRun(e.rows, e.runs)
		for r := range src {
			if err := s.MapRun(dst[r], src[r]); err != nil {
				return next, err
			}
		}
	case features.Mapper:
		return next, each(n, func(k int) error { return s.Map(next.wins[k], e.wins[k]) })
	case features.Extractor:
		return next, each(n, func(k int) error { return s.Extract(next.rows[k], e.wins[k]) })
	case features.Transformer:
		return next, each(n, func(k int) error { return s.Transform(next.rows[k], e.rows[k]) })
	}
	return next, nil
}

func each(n int, fn func(k int) error) error {
	for k := range n {
		if err := fn(k); err != nil {
			return err
		}
	}
	return nil
}

// reset tells the steps that follow a run that a new one begins.
func (h *head) reset() {
	if h.follows != nil {
		h.follows.Reset()
		h.next = math.MinInt64
	}
	for _, s := range h.steps {
		if r, ok := s.(interface{ Reset() }); ok {
			r.Reset()
		}
	}
}

// parts lists the steps that learn, in order: "features.0.", …, "decoder.".
func (h *head) parts() []part {
	var list []part
	for i, s := range h.steps {
		if st, ok := s.(signal.Stateful); ok {
			list = append(list, part{fmt.Sprintf("features.%d.", i), h.names[i], st})
		}
	}
	return append(list, part{"decoder.", h.names[len(h.steps)], h.decoder})
}

// wholeRun is the first step that maps a new run by all its windows, -1 where there is none.
func (h *head) wholeRun() int {
	for i, s := range h.steps {
		if w, ok := s.(features.WholeRun); ok && w.NeedsRun() {
			return i
		}
	}
	return -1
}

// setRun shows the windows of the run that comes to the steps that map a run by all of them.
func (h *head) setRun(wins [][][]float64) error {
	e := examples{wins: wins}
	for i, s := range h.steps {
		var err error
		if w, ok := s.(features.WholeRun); ok && w.NeedsRun() {
			switch w := s.(type) {
			case features.RunSetter:
				err = w.SetRun(e.wins)
			case features.RowRunSetter:
				err = w.SetRun(e.rows)
			}
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.names[i], err)
		}
		e.runs = [][]int{make([]int, len(wins))}
		for k := range wins {
			e.runs[0][k] = k
		}
		if e, err = through(s, e, h.formats[i+1]); err != nil {
			return fmt.Errorf("%s: %w", h.names[i], err)
		}
	}
	h.reset()
	return nil
}

// beginRun is reset for the windows of run among those at idx.
func (h *head) beginRun(s *Set, idx []int, run string) error {
	h.reset()
	if h.wholeRun() < 0 {
		return nil
	}
	var wins [][][]float64
	for _, i := range idx {
		if s.Group[i] == run {
			wins = append(wins, s.Windows[i].X)
		}
	}
	return h.setRun(wins)
}

// RowFormat describes Prediction.Row, what the decoder sees: a window, or where Len is 0 one value to a name. p must have
// been started, or come from a bundle.
func (p *Pipeline) RowFormat() features.Format { return p.head.formats[len(p.head.formats)-1] }
