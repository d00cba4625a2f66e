package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Collected is what Collect found in one recording.
type Collected struct {
	Name   string            `json:"name"`
	Stats  pipeline.Stats    `json:"stats"`
	Trials map[string]int    `json:"trials"` // per class
	Misses []preprocess.Miss `json:"-"`
}

// Collect takes recordings through the pipeline up to the windows to learn from, one group to a recording. What learns on
// the way (calibrated steps, fitted checks) learns from all of them. Every event that p looks for must occur in some
// recording. Windows that a check refuses are in the set, marked.
func Collect(ctx context.Context, recs []*signal.Recording, p *pipeline.Pipeline, watch Watch) (*pipeline.Set, error) {
	if err := occur(p.EventLabels(), recs, "--events LABEL=CLASS"); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, rec := range recs {
		if names[rec.Name] {
			return nil, &pipeline.InputError{Err: fmt.Errorf("%s is given twice: its trials would be in training and test", rec.Name)}
		}
		names[rec.Name] = true
	}
	return collect(ctx, recs, p, func(string) bool { return true }, watch)
}

// Watch is told how Collect gets on. Its functions may be nil.
type Watch struct {
	Chunk func(signal.Chunk) // each chunk that was taken in
	Done  func(Collected)    // each recording
}

// collect is Collect that learns only from the recordings that learn names.
func collect(ctx context.Context, recs []*signal.Recording, p *pipeline.Pipeline, learn func(name string) bool, watch Watch) (*pipeline.Set, error) {
	prepared := make([]*signal.Recording, len(recs))
	var from []*signal.Recording
	for i, rec := range recs {
		var err error
		if prepared[i], err = p.Prepare(rec); err != nil {
			return nil, err
		}
		if learn(rec.Name) {
			from = append(from, prepared[i])
		}
	}
	if err := p.Calibrate(from); err != nil {
		return nil, err
	}
	set := &pipeline.Set{Classes: p.Classes()}
	var spoilt []string
	for i, rec := range prepared {
		col, err := windows(ctx, rec, p, set, watch.Chunk)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rec.Name, err)
		}
		if why := col.Stats.Spoilt(); why != "" {
			spoilt = append(spoilt, rec.Name+": "+why)
		}
		col.Misses = append(col.Misses, outside(recs[i], p.EventLabels())...)
		if watch.Done != nil {
			watch.Done(col)
		}
	}
	if len(set.Windows) == 0 && len(spoilt) > 0 {
		return nil, &pipeline.InputError{Err: fmt.Errorf("no window is left to learn from; %s", strings.Join(spoilt, "; "))}
	}
	if p.Target() != nil {
		set.Outputs, set.Hop = p.Outputs(), p.Hop()
	}
	var lessons []signal.Window
	for i, w := range set.Windows {
		if learn(set.Group[i]) {
			lessons = append(lessons, w)
		}
	}
	if err := p.FitChecks(lessons); err != nil {
		return nil, err
	}
	set.Notes = p.SampleNotes()
	for i := range set.Windows {
		set.Windows[i].Rejected = p.Why(set.Windows[i])
	}
	return set, nil
}

// windows adds those of one recording to set.
func windows(ctx context.Context, rec *signal.Recording, p *pipeline.Pipeline, set *pipeline.Set, onChunk func(signal.Chunk)) (Collected, error) {
	col := Collected{Name: rec.Name, Trials: map[string]int{}}
	quantities, err := follow(rec, p)
	if err != nil {
		return col, err
	}
	if err := p.Start(rec.Info); err != nil {
		return col, err
	}
	keep := func(ws []signal.Window, err error) error {
		for _, w := range ws {
			if quantities != nil {
				if err := quantities.add(set, w); err != nil {
					return err
				}
			}
			set.Info = w.Info
			set.Windows = append(set.Windows, w.Clone())
			set.Group = append(set.Group, rec.Name)
			if w.Label != "" {
				col.Trials[w.Label]++
			}
		}
		return err
	}
	src := ingest.Play(rec, ingest.PlayOptions{})
	err = drive(ctx, src, func(c signal.Chunk) error {
		if quantities != nil {
			quantities.take(c)
		}
		if onChunk != nil {
			onChunk(c)
		}
		return keep(p.Windows(c))
	})
	if err == nil {
		err = keep(p.FlushWindows())
	}
	col.Stats = p.Stats()
	col.Misses = col.Stats.Misses
	return col, errors.Join(err, src.Close())
}

// CrossValidate answers every window of recordings by a pipeline that has not seen its fold's test windows. Where
// something before the features learns, it learns anew for each fold, from the runs that the fold trains on; a fold must
// not split a run then. set and y are what Collect made of the same recordings, and its labels or a permutation of them.
func CrossValidate(ctx context.Context, spec *pipeline.Spec, recs []*signal.Recording, set *pipeline.Set, y signal.Labels, folds []split.Fold, done func()) (map[int]pipeline.Tested, error) {
	probe, err := pipeline.Build(spec, pipeline.Cued)
	if err != nil {
		return nil, err
	}
	if !probe.Learns() {
		return pipeline.CrossValidateContext(ctx, spec, set, y, folds, done)
	}
	out := map[int]pipeline.Tested{}
	for f, fold := range folds {
		train := map[string]bool{}
		for _, i := range fold.Train {
			train[set.Group[i]] = true
		}
		for _, i := range fold.Test {
			if train[set.Group[i]] {
				return nil, &pipeline.InputError{Err: fmt.Errorf("fold %s: run %s is in training and test, but the pipeline learns from whole runs before it cuts windows: use a split that keeps runs together, such as leave-one-run-out", fold.Name, set.Group[i])}
			}
		}
		p, err := pipeline.Build(spec, pipeline.Cued)
		if err != nil {
			return nil, err
		}
		own, err := collect(ctx, recs, p, func(name string) bool { return train[name] }, Watch{})
		if err != nil {
			return nil, fmt.Errorf("fold %s: %w", fold.Name, err)
		}
		if len(own.Windows) != len(set.Windows) {
			return nil, fmt.Errorf("fold %s: %d windows, %d when all runs are learned from: a step changes how many there are", fold.Name, len(own.Windows), len(set.Windows))
		}
		own.Truth, own.Quantities = set.Truth, set.Quantities // the caller may have shuffled them
		if err := pipeline.Test(ctx, spec, own, y, f, fold, out); err != nil {
			return nil, fmt.Errorf("fold %s: %w", fold.Name, err)
		}
		if done != nil {
			done()
		}
	}
	return out, nil
}

// outside lists the events with the given labels that lie in a gap or outside the data: no chunk brings them.
func outside(rec *signal.Recording, labels []string) []preprocess.Miss {
	var misses []preprocess.Miss
	for _, e := range rec.Events {
		if slices.Contains(labels, e.Label) && !slices.ContainsFunc(rec.Runs(), func(s signal.Span) bool { return s.Start <= e.Sample && e.Sample < s.End() }) {
			misses = append(misses, preprocess.Miss{Event: e, Why: "it lies where the recording has no samples"})
		}
	}
	return misses
}

// occur reports an event that is asked for and that no recording has. flag is how it is asked for.
func occur(wanted []string, recs []*signal.Recording, flag string) error {
	if len(recs) == 0 {
		return errors.New("no recordings")
	}
	seen := map[string]bool{}
	names := make([]string, len(recs))
	for i, rec := range recs {
		names[i] = rec.Name
		for _, e := range rec.Events {
			seen[e.Label] = true
		}
	}
	for _, label := range wanted {
		if seen[label] {
			continue
		}
		var there []string
		for l := range seen {
			there = append(there, fmt.Sprintf("%q", l))
		}
		slices.Sort(there)
		what := "there are no events at all"
		if len(there) > 0 {
			what = "those that occur are " + strings.Join(there[:min(12, len(there))], ", ")
		}
		return &pipeline.InputError{Err: fmt.Errorf("event %q does not occur in %s; %s: name one of these with %s", label, strings.Join(names, ", "), what, flag)}
	}
	return nil
}
