package main

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// workload is EEGMAT (Zyma 2019, doi:10.3390/data4010014): 182 s of rest in one recording, 62 s of mental arithmetic in another.
// A switch with one class, arithmetic, learns from the first 30 s of both; its threshold is set on the rest from 30 to 91 s, and
// the second half of the rest and of the arithmetic are measured.
//
// What is decoded is the recording as much as the person: there is one of each kind. The rate on rest says something, the
// trials little.
var workload = unseen{
	name:      "eegmat",
	pipelines: []named{{"switch by ts-lr", func() (*pipeline.Spec, error) { return pipeline.Parse("workload", []byte(workloadSpec)) }, 1}},
	share: func(p *person, set dataset.Set, recs []opened) error {
		of := map[string]*signal.Recording{}
		for _, r := range recs {
			of[set.Meaning(r.place, "")] = r.rec
		}
		return p.workload(of["rest"], of["mental arithmetic"])
	},
}

const workloadSpec = `
preprocess:
  - {use: pick, channels: [Fp1, Fp2, F3, F4, F7, F8, T7, T8, C3, C4, P7, P8, P3, P4, O1, O2, Fz, Cz, Pz]}
  - {use: bandpass, low_hz: 4, high_hz: 30, order: 4}
segment: {use: events, tmin_s: 0, tmax_s: 2, every_s: 0.5, events: {mental arithmetic: arithmetic, rest: rest}}
live: {use: sliding, length_s: 2, step_s: 0.1}
features:
  - {use: covariance, estimator: oas}
  - {use: tangent_space, metric: riemann}
decoder: {use: logistic, penalty: l2, c: 1}
`

// workload shares out the two recordings of a person.
func (p *person) workload(rest, task *signal.Recording) error {
	if rest == nil || task == nil {
		return fmt.Errorf("person %s must have a recording of rest, _1, and one of mental arithmetic, _2", p.name)
	}
	const learned = 30.0 // s
	half := func(rec *signal.Recording) (middle, end float64) {
		end = float64(rec.Len) / rec.Info.Rate
		return end / 2, end
	}
	middle, end := half(rest)
	for i := range 2 { // each part is decoded by what was learned from the others, which must hold both classes
		from, to := float64(i)*learned/2, float64(i+1)*learned/2
		p.learn = append(p.learn, lasting(rest, from, to, "rest"), lasting(task, from, to, "mental arithmetic"))
	}
	p.rest = stream.RestOptions{Recordings: []*signal.Recording{between(rest, learned, middle)}}
	p.measured = []part{{rec: between(rest, middle, end), rest: []stretch{{from: middle, to: end}}}}
	middle, end = half(task)
	p.measured = append(p.measured, part{rec: between(task, middle, end), trials: []stretch{{middle, end, "arithmetic"}}})
	return nil
}

// lasting is a part of rec in which one thing goes on all the time.
func lasting(rec *signal.Recording, from, to float64, label string) *signal.Recording {
	h := between(rec, from, to)
	h.Events = []signal.Event{{Sample: h.Spans[0].Start, Onset: from, Duration: to - from, Label: label}}
	return h
}
