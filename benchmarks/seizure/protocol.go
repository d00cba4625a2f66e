package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/decoders/seizure"
	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/synth"
)

// config is what the experiment is made of.
type config struct {
	models []string
	labels seizure.Labels
	most   int     // training windows of each class of each run
	prune  float64 // of the third variant; 0: none
	epochs int
	say    func(format string, args ...any)
}

// variants of a network that are held side by side.
const (
	float  = "float"
	int8s  = "int8"
	pruned = "int8, pruned"
)

// cell is what one variant of one network did on one patient.
type cell struct {
	patient string
	window  *metrics.Confusion // of the windows that have a class; nil where there are none
	said    []int              // the decision on each of them
	events  seizure.EventScore
	theta   float64
	ns      float64 // for one window
}

// result is one variant of one network under one protocol.
type result struct {
	protocol, model, variant string
	cells                    []cell
	report                   *seizure.Report // of the integer variants
}

// fitted trains a network and gives its variants. The integer twin has the same weights.
func (c *config) fitted(name string, s set) (map[string]decoders.Fitter, error) {
	make1 := func(params string) (decoders.Fitter, error) {
		d, err := decoders.Decoders().New(name, []byte(params))
		if err != nil {
			return nil, err
		}
		return d, d.(decoders.Windowed).SetFormat(features.Format{Names: synth.Bipolar(), Len: length, Rate: rate})
	}
	out := map[string]decoders.Fitter{}
	f, err := make1(fmt.Sprintf(`{"epochs": %d}`, c.epochs))
	if err != nil {
		return nil, err
	}
	if err := f.Fit(s.x, s.y); err != nil {
		return nil, err
	}
	q, err := make1(fmt.Sprintf(`{"epochs": %d, "int8": true}`, c.epochs))
	if err != nil {
		return nil, err
	}
	q.SetClasses(classes)
	if err := q.SetState(f.State()); err != nil {
		return nil, err
	}
	out[float], out[int8s] = f, q
	if c.prune > 0 {
		p, err := make1(fmt.Sprintf(`{"epochs": %d, "int8": true, "prune": %g}`, c.epochs, c.prune))
		if err != nil {
			return nil, err
		}
		p.SetClasses(classes)
		if err := p.SetState(f.State()); err != nil {
			return nil, err
		}
		if err := p.(interface {
			Compress(x [][]float64, y signal.Labels) error
		}).Compress(s.x, s.y); err != nil {
			return nil, err
		}
		out[pruned] = p
	}
	return out, nil
}

// track is the answers to all windows of one run.
type track struct {
	run    *run
	scores [][]float64
	t      []float64 // end of each window, in s
	// between is the decisions on ictal windows between those, where they are asked for: seizures are short, and with one
	// window a second each would weigh a fifth of a point or more in the accuracy of a patient.
	between []int
}

// finer is how many ictal windows are judged in a step.
const finer = 4

// answer runs a decoder over recordings and says how long one window took. ictal, if not nil, says which windows between the
// steps are judged as well.
func answer(d decoders.Decoder, runs []run, ictal func(r *run, at int) bool) (out []track, ns float64, err error) {
	w, n := make([]float64, channels*length), 0
	var took time.Duration
	for i := range runs {
		x, err := runs[i].load()
		if err != nil {
			return nil, 0, err
		}
		t := track{run: &runs[i]}
		for at := 0; at+length <= len(x[0]); at += stepS * rate {
			cut(w, x, at)
			p := make([]float64, len(classes))
			begin := time.Now()
			if err := d.Predict(p, w); err != nil {
				return nil, 0, err
			}
			took += time.Since(begin)
			n++
			t.scores, t.t = append(t.scores, p), append(t.t, float64(at+length)/rate)
		}
		for k := 1; ictal != nil && k*stepS*rate/finer+length <= len(x[0]); k++ {
			if at := k * stepS * rate / finer; k%finer != 0 && ictal(&runs[i], at) {
				cut(w, x, at)
				p := make([]float64, len(classes))
				if err := d.Predict(p, w); err != nil {
					return nil, 0, err
				}
				t.between = append(t.between, slices.Index(p, slices.Max(p)))
			}
		}
		out = append(out, t)
	}
	return out, float64(took.Nanoseconds()) / float64(max(n, 1)), nil
}

// events scores the alarms that the vote makes with a threshold.
func events(tracks []track, theta float64) (sum seizure.EventScore, err error) {
	v := seizure.NewVote()
	v.Threshold = theta
	for _, t := range tracks {
		alarms, err := v.Alarms(t.scores, t.t, t.run.seconds+stepS) // an alarm of the last row has no recorded time left
		if err != nil {
			return sum, err
		}
		s, err := seizure.Score(t.run.seizures, alarms, t.run.seconds, seizure.SzCORE())
		if err != nil {
			return sum, err
		}
		sum.Add(s)
	}
	return sum, nil
}

// choose is the threshold with the best F1 of events; of several the one in the middle.
func choose(tracks []track) (float64, error) {
	var best []float64
	top := math.Inf(-1)
	for i := 1; i < 20; i++ {
		theta := float64(i) / 20
		s, err := events(tracks, theta)
		if err != nil {
			return 0, err
		}
		f1 := s.F1()
		if math.IsNaN(f1) { // neither seizures nor alarms
			f1 = 0
		}
		switch {
		case f1 > top:
			best, top = []float64{theta}, f1
		case f1 == top:
			best = append(best, theta)
		}
	}
	return best[len(best)/2], nil
}

// judge makes a cell.
func (c *config) judge(p *patient, tracks []track, theta float64) (cell, error) {
	out := cell{patient: p.id, theta: theta}
	var truth, said []int
	for _, t := range tracks {
		for i, s := range t.scores {
			at := int(math.Round(t.t[i]*rate)) - length
			if k := slices.Index(classes, p.class(t.run, c.labels, at)); k >= 0 {
				truth, said = append(truth, k), append(said, slices.Index(s, slices.Max(s)))
			}
		}
		for _, k := range t.between {
			truth, said = append(truth, slices.Index(classes, seizure.Ictal)), append(said, k)
		}
	}
	var err error
	if len(truth) > 0 {
		if out.window, err = metrics.NewConfusion(classes, truth, said); err != nil {
			return out, err
		}
	}
	out.said = said
	out.events, err = events(tracks, theta)
	return out, err
}

// lopo is leave one patient out: each patient is tested by networks that were trained on all others but one, on which the
// threshold of the vote is chosen.
func (c *config) lopo(patients []patient) ([]result, error) {
	if len(patients) < 3 {
		return nil, fmt.Errorf("%d patients, must be at least 3: one to test, one to choose the threshold, the others to train", len(patients))
	}
	sets := make([]set, len(patients))
	for i := range patients {
		var err error
		if sets[i], err = patients[i].training(patients[i].runs, c.labels, c.most); err != nil {
			return nil, err
		}
	}
	results := map[string]*result{}
	var order []*result
	for test := range patients {
		validate := (test + 1) % len(patients)
		all := set{y: sets[0].y}
		all.y.Y = nil
		for i, s := range sets {
			if i != test && i != validate {
				all.x, all.y.Y = append(all.x, s.x...), append(all.y.Y, s.y.Y...)
			}
		}
		for _, name := range c.models {
			c.say("%s: %s learns from %d windows", patients[test].id, name, len(all.x))
			ds, err := c.fitted(name, all)
			if err != nil {
				return nil, err
			}
			if err := c.fold(&patients[test], &patients[validate], "leave one patient out", name, ds, results, &order); err != nil {
				return nil, err
			}
		}
	}
	return values(order), nil
}

// fold chooses the threshold with the network in floating point and judges all variants with it.
func (c *config) fold(test, validate *patient, protocol, name string, ds map[string]decoders.Fitter, results map[string]*result, order *[]*result) error {
	tracks, _, err := answer(ds[float], validate.runs, nil)
	if err != nil {
		return err
	}
	theta, err := choose(tracks)
	if err != nil {
		return err
	}
	for _, v := range []string{float, int8s, pruned} {
		d, ok := ds[v]
		if !ok {
			continue
		}
		tracks, ns, err := answer(d, test.runs, func(r *run, at int) bool { return test.class(r, c.labels, at) == seizure.Ictal })
		if err != nil {
			return err
		}
		one, err := c.judge(test, tracks, theta)
		if err != nil {
			return err
		}
		one.ns = ns
		if one.window != nil {
			c.say("%s, %s, %s: balanced accuracy %.2f %% of %d windows, %d of %d seizures found, %d false alarms", test.id, name, v, 100*one.window.BalancedAccuracy(), len(one.said), one.events.Detected, one.events.Seizures, one.events.FalsePart)
		}
		key := protocol + name + v
		if results[key] == nil {
			results[key] = &result{protocol: protocol, model: name, variant: v}
			*order = append(*order, results[key])
		}
		results[key].cells = append(results[key].cells, one)
		if v != float {
			m, err := d.(seizure.Exporter).Model()
			if err != nil {
				return err
			}
			report := m.Report()
			results[key].report = &report
		}
	}
	return nil
}

// specific is patient by patient, in time order: the later half of the recordings with a seizure is tested by networks that
// were trained on all before it. The threshold is chosen on the next patient, whom the network has not seen, as in lopo.
func (c *config) specific(patients []patient) ([]result, error) {
	results := map[string]*result{}
	var order []*result
	for i := range patients {
		p := &patients[i]
		cut := p.half()
		if cut < 1 {
			c.say("%s: has fewer than two recordings with a seizure, is left out", p.id)
			continue
		}
		s, err := p.training(p.runs[:cut], c.labels, c.most)
		if err != nil {
			return nil, err
		}
		if slices.Contains(s.y.Counts(), 0) {
			c.say("%s: its first %d recordings lack a class, is left out", p.id, cut)
			continue
		}
		test := patient{id: p.id, runs: p.runs[cut:], seizures: p.seizures}
		for _, name := range c.models {
			c.say("%s alone: %s learns from %d windows", p.id, name, len(s.x))
			ds, err := c.fitted(name, s)
			if err != nil {
				return nil, err
			}
			if err := c.fold(&test, &patients[(i+1)%len(patients)], "patient by patient", name, ds, results, &order); err != nil {
				return nil, err
			}
		}
	}
	if order == nil {
		return nil, errors.New("patient by patient: no patient has two recordings with a seizure and windows of all classes before the later half of them")
	}
	return values(order), nil
}

// half is the position of the recording with which the later half of those with a seizure begins; 0 where there are fewer
// than two.
func (p *patient) half() int {
	var with []int
	for i, r := range p.runs {
		if len(r.seizures) > 0 {
			with = append(with, i)
		}
	}
	if len(with) < 2 {
		return 0
	}
	return with[(len(with)+1)/2]
}

func values(list []*result) []result {
	out := make([]result, len(list))
	for i, r := range list {
		out[i] = *r
	}
	return out
}

// summary is a result in numbers. Intervals are of 95 %; those of accuracies are Student's, over patients.
type summary struct {
	Protocol    string  `json:"protocol"`
	Model       string  `json:"model"`
	Variant     string  `json:"variant"`
	Patients    int     `json:"patients"`
	Windows     int     `json:"windows"` // that have a class
	Balanced    mean    `json:"balanced_accuracy"`
	Loss        *mean   `json:"loss"`   // balanced accuracy of float less this one's, on the same windows, patient by patient; null of float
	Differ      int     `json:"differ"` // windows that float decides otherwise
	Seizures    int     `json:"seizures"`
	Sensitivity float64 `json:"event_sensitivity"` // mean over patients
	Low         float64 `json:"event_sensitivity_low"`
	High        float64 `json:"event_sensitivity_high"`
	PerHour     float64 `json:"false_alarms_per_hour"`
	PerDay      float64 `json:"false_alarms_per_day"`
	Hours       float64 `json:"hours"`
	// The latencies are null where nothing was detected.
	Latency   *float64 `json:"latency_median_s"`
	LatencyQ1 *float64 `json:"latency_first_quartile_s"`
	LatencyQ3 *float64 `json:"latency_third_quartile_s"`
	NS        float64  `json:"ns_per_window"` // here, not on a microcontroller
	// Cost is null of float.
	Cost *seizure.Report `json:"cost"`
}

// mean is that of patients, with its interval; the limits are null with fewer than two.
type mean struct {
	Mean float64  `json:"mean"`
	Low  *float64 `json:"low"`
	High *float64 `json:"high"`
}

// meanOf is the mean of independent numbers with Student's interval of 95 %.
func meanOf(x []float64) mean {
	m := mean{Mean: stat.Mean(x, nil)}
	if n := float64(len(x)); n > 1 {
		half := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: n - 1}.Quantile(0.975) * stat.StdDev(x, nil) / math.Sqrt(n)
		low, high := m.Mean-half, m.Mean+half
		m.Low, m.High = &low, &high
	}
	return m
}

// summary sums up; base is the same network in floating point under the same protocol, which may be r itself.
func (r *result) summary(base *result) (summary, error) {
	s := summary{Protocol: r.protocol, Model: r.model, Variant: r.variant, Patients: len(r.cells), Cost: r.report}
	var all seizure.EventScore
	var each []seizure.EventScore
	var right, lost []float64
	for i, c := range r.cells {
		if c.window != nil {
			f := base.cells[i]
			if f.patient != c.patient || len(f.said) != len(c.said) {
				return s, fmt.Errorf("%s %s: the windows of %s are not those of %s", r.model, r.variant, c.patient, f.patient)
			}
			right = append(right, c.window.BalancedAccuracy())
			lost = append(lost, f.window.BalancedAccuracy()-c.window.BalancedAccuracy())
			s.Windows += len(c.said)
			for k, v := range c.said {
				if v != f.said[k] {
					s.Differ++
				}
			}
		}
		all.Add(c.events)
		each = append(each, c.events)
		s.NS += c.ns / float64(len(r.cells))
	}
	if len(right) == 0 {
		return s, fmt.Errorf("%s: no patient has windows with a class", r.protocol)
	}
	s.Balanced = meanOf(right)
	if r.variant != float {
		loss := meanOf(lost)
		s.Loss = &loss
	}
	var err error
	if s.Sensitivity, s.Low, s.High, err = seizure.MeanSensitivity(each, 0.95); err != nil {
		return s, err
	}
	s.Seizures, s.Hours, s.PerHour, s.PerDay = all.Seizures, all.Seconds/3600, all.FalsePerHour(), all.FalsePerDay()
	if q := all.LatencyQuartiles(); all.Detected > 0 {
		s.LatencyQ1, s.Latency, s.LatencyQ3 = &q[0], &q[1], &q[2]
	}
	return s, nil
}

// summaries are those of results, in which each network in floating point stands before its variants.
func summaries(results []result) ([]summary, error) {
	var out []summary
	base := -1
	for i := range results {
		if results[i].variant == float {
			base = i
		}
		s, err := results[i].summary(&results[base])
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, nil
}
