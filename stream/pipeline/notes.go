package pipeline

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// Note is what a step said of how it learned.
type Note struct {
	Step string // "decoder lda"
	signal.Note
}

// notes are what the fitted steps have to say, in their order.
func (h *head) notes() (list []Note) {
	add := func(i int, step any) {
		n, ok := step.(signal.Noter)
		if !ok {
			return
		}
		for _, note := range n.Notes() {
			list = append(list, Note{h.where[i].where + " " + h.where[i].Use, note})
		}
	}
	for i, s := range h.steps {
		add(i, s)
	}
	add(len(h.steps), h.decoder)
	return list
}

// SampleNotes are what the steps on samples have to say of how they learned, in their order.
func (p *Pipeline) SampleNotes() (list []Note) {
	for i, step := range p.front.steps {
		if n, ok := step.(signal.Noter); ok {
			for _, note := range n.Notes() {
				list = append(list, Note{fmt.Sprintf("preprocess[%d] %s", i, p.spec.Preprocess[i].Use), note})
			}
		}
	}
	return list
}

// MergeNotes makes one note of those with the same text, over all folds: numbers become ranges.
func MergeNotes(folds ...[]Note) []bundle.Note {
	var all []Note
	for _, fold := range folds {
		for _, n := range fold {
			k := slices.IndexFunc(all, func(m Note) bool { return m.Step == n.Step && m.Text == n.Text })
			if k < 0 {
				all = append(all, n)
				continue
			}
			all[k].Low, all[k].High = min(all[k].Low, n.Low), max(all[k].High, n.High)
		}
	}
	list := make([]bundle.Note, len(all))
	for i, n := range all {
		list[i] = bundle.Note{Step: n.Step, Text: n.String(), Low: n.Low, High: n.High}
	}
	return list
}

// NotesOf merges what the folds of a cross-validation said.
func NotesOf(tested map[int]Tested) []bundle.Note {
	folds := map[int][]Note{}
	last := -1
	for _, t := range tested {
		folds[t.Fold], last = t.Notes, max(last, t.Fold)
	}
	var list [][]Note
	for f := 0; f <= last; f++ {
		list = append(list, folds[f])
	}
	return MergeNotes(list...)
}

// Delay is by how much the steps on samples make the signal late, at the centre of their pass band: midway between the
// highest lower edge (0 Hz without one) and the lowest upper edge (half the sampling rate). It is nil where no step
// filters. p must have been started.
func (p *Pipeline) Delay() *bundle.Delay {
	if p.input == nil {
		return nil
	}
	low, high := 0.0, p.input.Rate/2
	if p.front.out != nil {
		high = min(high, p.front.out.Rate/2)
	}
	for _, s := range p.front.steps {
		if b, ok := s.(preprocess.Passer); ok {
			l, h := b.PassBand()
			if low = max(low, l); h > 0 {
				high = min(high, h)
			}
		}
	}
	d := &bundle.Delay{AtHz: (low + high) / 2}
	for i, s := range p.front.steps {
		if f, ok := s.(preprocess.Delayer); ok {
			sec := f.DelayAt(d.AtHz)
			d.Steps = append(d.Steps, bundle.StepDelay{Step: fmt.Sprintf("preprocess[%d] %s", i, p.spec.Preprocess[i].Use), Seconds: sec})
			d.Seconds += sec
		}
	}
	if len(d.Steps) == 0 {
		return nil
	}
	return d
}
