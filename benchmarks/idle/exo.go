package main

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// exo is the SSVEP exoskeleton set (Kalunga 2016, doi:10.1016/j.neucom.2016.01.007). In a record 8 trials of 5 s without a
// flicker come first, then 24 with one of three. All records of a person but the last are learned from and set the threshold;
// the last is measured.
//
// The 8 trials of rest and the 1.5 s between them are one block of 50 s in which there is nothing to look at. Each training record
// is cut in three: that block and what is before it, and the trials in two halves. So the threshold is set by the decoder that
// is measured, which has learned from all of the trials, and trials are decoded by what was learned from the other half.
var exo = unseen{
	name: "ssvep-exo",
	pipelines: []named{
		{"ssvep-cca", func() (*pipeline.Spec, error) { return exoLate("ssvep-cca") }, -1},
		{"ssvep-fbcca", func() (*pipeline.Spec, error) { return exoLate("ssvep-fbcca") }, -1},
		{"ts-lr in bands of 1 Hz", func() (*pipeline.Spec, error) { return pipeline.Parse("ts-lr", []byte(exoRiemann)) }, -1},
	},
	share: func(p *person, _ dataset.Set, recs []opened) error {
		all := make([]*signal.Recording, len(recs))
		for i, r := range recs {
			all[i] = r.rec
		}
		return p.exo(all)
	},
}

// exoRiemann is the Riemannian pipeline of that paper, with logistic regression in the tangent space in place of the least distance.
const exoRiemann = `
preprocess:
  - {use: filterbank, bands: [[12.5, 13.5], [16.5, 17.5], [20.5, 21.5]], order: 4}
segment: {use: events, tmin_s: 2, tmax_s: 5, events: {"2": 13 Hz, "4": 17 Hz, "3": 21 Hz}}
live: {use: sliding, length_s: 3, step_s: 0.1}
features:
  - {use: covariance, estimator: oas}
  - {use: tangent_space, metric: riemann}
decoder: {use: logistic, penalty: l2, c: 1}
`

var exoClasses = map[string]string{"2": "13 Hz", "4": "17 Hz", "3": "21 Hz"}

const (
	exoRest  = "1"
	exoTrial = 5.0 // s
)

// exoLate is a built-in pipeline that learns from 2 to 5 s behind the event, as that paper does: the flickers begin late.
func exoLate(name string) (*pipeline.Spec, error) {
	spec, err := pipeline.Load(name)
	if err != nil {
		return nil, err
	}
	return spec, spec.Segment.Set(map[string]any{"tmin_s": 2, "tmax_s": 5})
}

// exo shares out the records of a person.
func (p *person) exo(recs []*signal.Recording) error {
	p.rest = stream.RestOptions{Events: []string{"rest"}}
	if len(recs) < 2 {
		return fmt.Errorf("person %s has %d records, must be at least 2: the last is measured, the others are learned from", p.name, len(recs))
	}
	for i, rec := range recs {
		rest, trials, err := exoParts(rec)
		if err != nil {
			return fmt.Errorf("%s: %w", rec.Name, err)
		}
		if i == len(recs)-1 {
			p.measured = []part{{rec, []stretch{rest}, trials}}
			return nil
		}
		marked := *rec
		marked.Events = append(slices.Clone(rec.Events), signal.Event{Sample: int64(rest.from*rec.Info.Rate + 0.5), Onset: rest.from, Duration: rest.to - rest.from, Label: "rest"})
		slices.SortStableFunc(marked.Events, func(a, b signal.Event) int { return int(a.Sample - b.Sample) })
		const before = 1 // s, less than the 1.5 s between trials
		first, middle := trials[0].from-before, trials[len(trials)/2].from-before
		p.learn = append(p.learn, between(&marked, 0, first), between(&marked, first, middle), between(&marked, middle, float64(rec.Len)/rec.Info.Rate))
	}
	return nil
}

// exoParts is where in a record nothing is meant, and the trials.
func exoParts(rec *signal.Recording) (rest stretch, trials []stretch, err error) {
	for _, e := range rec.Events {
		at := float64(e.Sample) / rec.Info.Rate
		class, flickers := exoClasses[e.Label]
		switch {
		case flickers:
			trials = append(trials, stretch{at, at + exoTrial, class})
		case e.Label != exoRest:
			return rest, nil, fmt.Errorf("event %q at %g s, must be %q for rest or one of 2, 3, 4", e.Label, at, exoRest)
		case len(trials) > 0:
			return rest, nil, fmt.Errorf("a trial of rest at %g s, behind one with a flicker: the trials of rest must come first", at)
		case rest.to == 0:
			rest = stretch{from: at, to: at + exoTrial}
		default:
			rest.to = at + exoTrial
		}
	}
	if rest.to == 0 || len(trials) < 4 {
		return rest, nil, fmt.Errorf("%d trials with a flicker and %.3g s of rest, must be at least 4 and some", len(trials), rest.to-rest.from)
	}
	return rest, trials, nil
}
