package stream

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

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

// Collect plays recordings through the preprocessing of p and gathers the windows to learn from, one group to a
// recording. Every event that p looks for must occur in some recording. done, if not nil, is called behind each.
func Collect(ctx context.Context, recs []*signal.Recording, p *pipeline.Pipeline, done func(Collected)) (*pipeline.Set, error) {
	if len(recs) == 0 {
		return nil, errors.New("no recordings")
	}
	set := &pipeline.Set{Classes: p.Classes()}
	seen := map[string]bool{}
	names := map[string]bool{}
	for _, rec := range recs {
		if names[rec.Name] {
			return nil, &pipeline.InputError{Err: fmt.Errorf("%s is given twice: its trials would be in training and test", rec.Name)}
		}
		names[rec.Name] = true
		for _, e := range rec.Events {
			seen[e.Label] = true
		}
		if err := p.Start(rec.Info); err != nil {
			return nil, fmt.Errorf("%s: %w", rec.Name, err)
		}
		col := Collected{Name: rec.Name, Trials: map[string]int{}}
		keep := func(ws []signal.Window, err error) error {
			for _, w := range ws {
				set.Info = w.Info
				set.Windows = append(set.Windows, w.Clone())
				set.Group = append(set.Group, rec.Name)
				col.Trials[w.Label]++
			}
			return err
		}
		src := ingest.Play(rec, ingest.PlayOptions{})
		err := drive(ctx, src, func(c signal.Chunk) error { return keep(p.Windows(c)) })
		if err == nil {
			err = keep(p.FlushWindows())
		}
		if cerr := src.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", rec.Name, err)
		}
		col.Stats = p.Stats()
		col.Stats.Misses = append(col.Stats.Misses, outside(rec, p.EventLabels())...)
		col.Misses = col.Stats.Misses
		if done != nil {
			done(col)
		}
	}
	return set, occur(p.EventLabels(), seen, recs)
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

// occur reports an event that is asked for and that no recording has.
func occur(wanted []string, seen map[string]bool, recs []*signal.Recording) error {
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
		names := make([]string, len(recs))
		for i, r := range recs {
			names[i] = r.Name
		}
		return &pipeline.InputError{Err: fmt.Errorf("event %q does not occur in %s; %s: name one of these with --events LABEL=CLASS", label, strings.Join(names, ", "), what)}
	}
	return nil
}
