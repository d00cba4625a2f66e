package pipeline

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// head takes windows to scores: the feature steps, then the decoder.
type head struct {
	steps   []features.Step
	decoder decoders.Fitter
	names   []string // of steps, then of the decoder, for messages

	formats []features.Format // formats[i] goes into step i; the last goes into the decoder
	wins    [][][]float64     // what step i writes, where it is a Mapper
	rows    [][]float64       // what step i writes, where it is not
	scores  []float64
	fitted  bool
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
	if !row {
		return errors.New("features: no step turns windows into rows, such as logvar")
	}
	return nil
}

// start prepares for windows of format in, of the given classes; fitted state is kept.
func (h *head) start(in features.Format, classes []string) error {
	h.formats = append(h.formats[:0], in)
	h.wins, h.rows = make([][][]float64, len(h.steps)), make([][]float64, len(h.steps))
	for i, s := range h.steps {
		if c, ok := s.(features.Classed); ok {
			c.SetClasses(classes)
		}
		out, err := s.Start(h.formats[i])
		if err != nil {
			return fmt.Errorf("%s: %w", h.names[i], err)
		}
		h.formats = append(h.formats, out)
		if out.Len == 0 {
			h.rows[i] = make([]float64, len(out.Names))
			continue
		}
		h.wins[i] = newWindow(out)
	}
	h.decoder.SetClasses(classes)
	h.scores = make([]float64, len(classes))
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
	return row, nil
}

// predict takes one window to its row and scores, valid until the next call.
func (h *head) predict(x [][]float64) (row, scores []float64, err error) {
	if row, err = h.row(x); err != nil {
		return nil, nil, err
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

// fit learns from windows, step by step: each one sees what the steps before it, already fitted, make of them.
func (h *head) fit(x [][][]float64, y signal.Labels) error {
	cur, rows := x, [][]float64(nil)
	for i, s := range h.steps {
		if f, ok := s.(features.WindowFitter); ok {
			if err := f.FitWindows(cur, y); err != nil {
				return fmt.Errorf("%s: %w", h.names[i], err)
			}
		}
		if f, ok := s.(features.RowFitter); ok {
			if err := f.FitRows(rows, y); err != nil {
				return fmt.Errorf("%s: %w", h.names[i], err)
			}
		}
		var err error
		switch s := s.(type) {
		case features.Mapper:
			next := make([][][]float64, len(cur))
			for k := range cur {
				next[k] = newWindow(h.formats[i+1])
				if err = s.Map(next[k], cur[k]); err != nil {
					break
				}
			}
			cur = next
		case features.Extractor:
			rows = make([][]float64, len(cur))
			for k := range cur {
				rows[k] = make([]float64, len(h.formats[i+1].Names))
				if err = s.Extract(rows[k], cur[k]); err != nil {
					break
				}
			}
		case features.Transformer:
			next := make([][]float64, len(rows))
			for k := range rows {
				next[k] = make([]float64, len(h.formats[i+1].Names))
				if err = s.Transform(next[k], rows[k]); err != nil {
					break
				}
			}
			rows = next
		}
		if err != nil {
			return fmt.Errorf("%s: %w", h.names[i], err)
		}
	}
	if err := h.decoder.Fit(rows, y); err != nil {
		return fmt.Errorf("%s: %w", h.names[len(h.steps)], err)
	}
	h.fitted = true
	return nil
}

// part is a step that learns, with the prefix of its arrays' names.
type part struct {
	prefix, name string
	signal.Stateful
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

// state is what the steps have learned, under names such as "features.0.filters" and "decoder.weights".
func (h *head) state() signal.State {
	all := signal.State{}
	for _, p := range h.parts() {
		for name, a := range p.State() {
			all[p.prefix+name] = a
		}
	}
	return all
}

// setState puts back what state returned. Arrays that no step asks for are an error.
func (h *head) setState(all signal.State) error {
	used := 0
	for _, p := range h.parts() {
		mine := signal.State{}
		for name, a := range all {
			if rest, ok := strings.CutPrefix(name, p.prefix); ok {
				mine[rest] = a
			}
		}
		used += len(mine)
		if err := p.SetState(mine); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	if used != len(all) {
		return fmt.Errorf("%d arrays belong to no step of the pipeline", len(all)-used)
	}
	h.fitted = true
	return nil
}
