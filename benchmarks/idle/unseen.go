package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datadir"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// guarded is one line of the second table: a decoder whose threshold was set on rest, on a later part of what the same person
// did, with and without the guard that holds decisions back where the stream is unlike that rest.
type guarded struct {
	Set      string  `json:"set"`
	Person   string  `json:"person"` // "" for the sum
	Persons  int     `json:"persons"`
	Pipeline string  `json:"pipeline"`
	Guard    bool    `json:"guard"`
	Asked    float64 `json:"asked_per_min"`
	tally
	PerMinute float64 `json:"per_min"` // of the rest that was let through
	Low       float64 `json:"per_min_low"`
	High      float64 `json:"per_min_high"`
	idle      stream.Idle
	Verdict   string `json:"verdict,omitempty"`
	Refused   string `json:"refused,omitempty"`  // why no threshold could be set
	Refusals  int    `json:"refusals,omitempty"` // of a sum: persons that are not in it, since none could be set
}

// tally counts what a decoder says while rest and trials pass that neither it nor its threshold has seen.
type tally struct {
	Rest     float64 `json:"rest_s"`      // time of the sliding windows that lie wholly at rest
	RestHeld float64 `json:"rest_held_s"` // the same of those that were held back
	False    int     `json:"false_decisions"`
	Again    int     `json:"held_again"`    // one more for each further second that a decision goes on into
	Decided  float64 `json:"in_decision_s"` // of the rest
	Going    float64 `json:"held_on_s"`     // of that, windows in which a decision goes on, so that none could begin

	Trials   int     `json:"trials"`
	Right    int     `json:"trials_right"` // the first decision on a window that lies wholly in them is their class
	Wrong    int     `json:"trials_wrong"` // and here it is another
	Held     int     `json:"trials_held"`  // nothing is decided, and at least half of the windows are held back
	Busy     float64 `json:"trials_s"`     // time of the windows that lie wholly in trials
	BusyHeld float64 `json:"trials_held_s"`
}

// undecided is the trials without a decision although most of their windows were let through.
func (t tally) undecided() int { return t.Trials - t.Right - t.Wrong - t.Held }

func (t *tally) add(o tally) {
	t.Rest, t.RestHeld, t.False = t.Rest+o.Rest, t.RestHeld+o.RestHeld, t.False+o.False
	t.Again, t.Decided, t.Going = t.Again+o.Again, t.Decided+o.Decided, t.Going+o.Going
	t.Trials, t.Right, t.Wrong, t.Held = t.Trials+o.Trials, t.Right+o.Right, t.Wrong+o.Wrong, t.Held+o.Held
	t.Busy, t.BusyHeld = t.Busy+o.Busy, t.BusyHeld+o.BusyHeld
}

// heard is what was said on one window that slides.
type heard struct {
	from, to float64 // s
	class    string  // that was decided for, "" for no control
	held     bool
}

func (w heard) within(s stretch) bool {
	const rounding = 1e-6 // s
	return s.from <= w.from+rounding && w.to <= s.to+rounding
}

// stretch is a time in which one thing is meant: a class, or nothing (rest).
type stretch struct {
	from, to float64 // s
	class    string
}

// count is the tally of windows step seconds apart. Rest and trials count for the windows that lie wholly in them, so what was meant
// before is neither a false decision nor a wrong one. Windows that follow each other with the same decision are one
// (decoders.FalseDecisions).
func count(windows []heard, rest, trials []stretch, step float64) (t tally) {
	first, busy, held := make([]string, len(trials)), make([]int, len(trials)), make([]int, len(trials))
	var classes []string
	var found decoders.FalseDecisions
	for _, w := range windows {
		class := -1
		if w.class != "" {
			if !slices.Contains(classes, w.class) {
				classes = append(classes, w.class)
			}
			class = slices.Index(classes, w.class)
		}
		resting := slices.ContainsFunc(rest, w.within)
		begins := found.Add(class, w.from, resting, step)
		if resting {
			t.Rest += step
			if w.held {
				t.RestHeld += step
			}
		}
		for k, s := range trials {
			if !w.within(s) {
				continue
			}
			busy[k]++
			if w.held {
				held[k]++
			}
			if begins && first[k] == "" {
				first[k] = w.class
			}
		}
	}
	t.False, t.Again = found.Begun, found.Again
	t.Decided, t.Going = step*float64(found.Decided), step*float64(found.Decided-found.Begun)
	t.Trials = len(trials)
	for k, s := range trials {
		t.Busy, t.BusyHeld = t.Busy+step*float64(busy[k]), t.BusyHeld+step*float64(held[k])
		switch {
		case first[k] == s.class:
			t.Right++
		case first[k] != "":
			t.Wrong++
		case busy[k] > 0 && 2*held[k] >= busy[k]:
			t.Held++
		}
	}
	return t
}

// follow plays rec, without its events, through p and tells what is said on every window.
func follow(ctx context.Context, p *pipeline.Pipeline, rec *signal.Recording) (windows []heard, step float64, err error) {
	blind := *rec
	blind.Events = nil
	put := func(_ context.Context, q *pipeline.Prediction) error {
		rate := p.OutRate()
		windows = append(windows, heard{float64(q.Start) / rate, float64(q.End) / rate, q.Decision, q.Rejected != ""})
		return nil
	}
	src := ingest.Play(&blind, ingest.PlayOptions{})
	_, err = stream.Run(ctx, src, p, stream.SinkFunc(put), stream.Options{})
	return windows, float64(p.LiveHop()) / p.OutRate(), errors.Join(err, src.Close())
}

// person is what there is of one: recordings to learn from, with the label "rest" where the threshold may be set, or recordings
// of rest for that, and what it is measured on.
type person struct {
	name     string
	learn    []*signal.Recording
	rest     stream.RestOptions
	measured []part
	closers  []*signal.Recording
}

// opened is a recording of a set.
type opened struct {
	place dataset.Place
	rec   *signal.Recording
}

// open opens all of a set that lies below root. What is returned with an error must be closed too.
func (u unseen) open(set dataset.Set, root string) (people []person, err error) {
	recs, err := set.Recordings(os.DirFS(root))
	if err == nil && len(recs) == 0 {
		err = fmt.Errorf("no recording below %s", root)
	}
	if err != nil {
		return nil, err
	}
	var names []string
	for _, r := range recs {
		if !slices.Contains(names, r.Subject) {
			names = append(names, r.Subject)
		}
	}
	for _, name := range names {
		people = append(people, person{name: name})
		p := &people[len(people)-1]
		var own []opened
		for _, r := range recs {
			if r.Subject != name {
				continue
			}
			rec, err := ingest.OpenFile(filepath.Join(root, filepath.FromSlash(r.Path)))
			if err != nil {
				return people, err
			}
			p.closers, own = append(p.closers, rec), append(own, opened{r.Place, rec})
		}
		if err := u.share(p, set, own); err != nil {
			return people, err
		}
	}
	return people, nil
}

// part is one recording that is measured, with what was meant when.
type part struct {
	rec          *signal.Recording
	rest, trials []stretch
}

func (p *person) close() (err error) {
	for _, r := range p.closers {
		err = errors.Join(err, r.Close())
	}
	return err
}

// unseen is a data set of persons whom nobody looked at when the limits of the guard were chosen.
type unseen struct {
	name      string
	pipelines []named
	share     func(p *person, set dataset.Set, recs []opened) error // shares out the recordings of a person
}

// named is a pipeline without its section decide.
type named struct {
	title string
	spec  func() (*pipeline.Spec, error)
	rest  int // the class that stands for rest, -1 where there is none
}

// show prints the rows of the set.
func (u unseen) show(ctx context.Context, sum *result, rate float64, asJSON bool) error {
	rows, err := u.table(ctx, rate)
	for _, r := range rows { // also those of before an error
		sum.count(u.name, r.name(), r.refused(), r.idle, !r.Guard)
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Println(r)
	}
	return err
}

func (u unseen) table(ctx context.Context, rate float64) (rows []guarded, err error) {
	set, err := dataset.Lookup(u.name)
	if err != nil {
		return nil, err
	}
	root, err := datadir.Find(u.name)
	if err != nil {
		return nil, err
	}
	people, err := u.open(set, root)
	defer func() {
		for _, p := range people {
			err = errors.Join(err, p.close())
		}
	}()
	if err != nil {
		return nil, err
	}
	for _, n := range u.pipelines {
		for _, guard := range []bool{false, true} {
			sum := guarded{Set: u.name, Pipeline: n.title, Guard: guard, Asked: rate}
			for _, p := range people {
				r := guarded{Set: u.name, Person: p.name, Persons: 1, Pipeline: n.title, Guard: guard, Asked: rate}
				if err := r.measure(ctx, n, p); err != nil {
					return rows, fmt.Errorf("%s, %s: %w", p.name, n.title, err)
				}
				rows = append(rows, r)
				if r.Refused != "" {
					sum.Refusals++
					continue
				}
				sum.add(r.tally)
				sum.Persons++
			}
			if err := sum.rate(); err != nil {
				return rows, err
			}
			rows = append(rows, sum)
		}
	}
	return rows, nil
}

// measure fills r with what n says to p, or with why no threshold could be set.
func (r *guarded) measure(ctx context.Context, n named, p person) error {
	spec, err := n.spec()
	if err != nil {
		return err
	}
	decide := map[string]any{"false_per_min": r.Asked, "rest": n.rest, "any_rest": !r.Guard}
	pipe, err := fitted(ctx, spec, decide, p.learn)
	if err != nil {
		return err
	}
	var refused *pipeline.InputError
	switch _, err := stream.CalibrateRest(ctx, pipe, p.learn, p.rest); {
	case errors.As(err, &refused):
		r.Refused = refused.Error()
		return nil
	case err != nil:
		return err
	}
	b, err := pipe.Bundle("")
	if err != nil {
		return err
	}
	live, err := pipeline.FromBundle("", b, pipeline.All) // as a session decodes
	if err != nil {
		return err
	}
	for _, m := range p.measured {
		windows, step, err := follow(ctx, live, m.rec)
		if err != nil {
			return err
		}
		r.add(count(windows, m.rest, m.trials, step))
	}
	return r.rate()
}

// rate works out the rate, its interval and whether it is what was asked for; where nothing was let through they stay 0, and nothing is
// shown.
func (r *guarded) rate() (err error) {
	r.idle = stream.Idle{Asked: r.Asked}
	if r.Rest > 1e-9 {
		seen := r.Rest - r.RestHeld - r.Going
		if seen < 1e-9 { // sums of steps are not exact
			seen = 0
		}
		a := stream.Activity{IdleS: seen, HeldS: r.Going, AwayS: r.RestHeld, StandS: r.Decided, False: r.False, Again: r.Again}
		if r.idle, err = a.Idle(r.Asked); err != nil {
			return err
		}
	}
	if r.idle.PerMinute != nil {
		r.PerMinute, r.Low, r.High = *r.idle.PerMinute, *r.idle.Low, *r.idle.High
	}
	r.Verdict = r.idle.Verdict()
	return nil
}

// name says which row it is.
func (r guarded) name() string {
	who := r.Person
	if who == "" {
		who = fmt.Sprintf("SUM of %d", r.Persons)
		if r.Refusals > 0 {
			who += fmt.Sprintf(" (%d more refused)", r.Refusals)
		}
	}
	guard := "decided whatever the stream looks like"
	if r.Guard {
		guard = "held back where it is unlike"
	}
	return fmt.Sprintf("%s %s, %s, %s", r.Set, who, r.Pipeline, guard)
}

// refused is why the row shows nothing of anybody, "" where it does.
func (r guarded) refused() string {
	if r.Persons == 0 {
		return "all are refused"
	}
	return r.Refused
}

// String is one line.
func (r guarded) String() string {
	if why := r.refused(); why != "" {
		return r.name() + ": refused, nothing is decided: " + why
	}
	return fmt.Sprintf("%s: at most %g a minute asked for: %d in %.2f min (%.1f s in a decision, %.2f min more held back, %.0f %%), %.2f a minute, 95 %% interval [%.2f, %.2f]: %s; of %d trials %d right, %d wrong, %d held back, %d undecided (%.0f %% of their windows held back)",
		r.name(), r.Asked, r.False, (r.Rest-r.RestHeld-r.Going)/60, r.Decided, r.RestHeld/60, part100(r.RestHeld, r.Rest), r.PerMinute, r.Low, r.High, r.Verdict,
		r.Trials, r.Right, r.Wrong, r.Held, r.undecided(), part100(r.BusyHeld, r.Busy))
}

func part100(a, b float64) float64 {
	if b == 0 {
		return 0
	}
	return 100 * a / b
}

// between is the part of rec from one time to another, in s, with the events that begin in it. It is not to be closed.
func between(rec *signal.Recording, from, to float64) *signal.Recording {
	at := func(s float64) int64 { return min(max(int64(s*rec.Info.Rate+0.5), 0), rec.Len) }
	h := *rec
	h.Name = fmt.Sprintf("%s %g to %g s", rec.Name, from, to)
	h.Closer = nil
	h.Spans = []signal.Span{{Start: at(from), Len: at(to) - at(from)}}
	h.Events = nil
	for _, e := range rec.Events {
		if at(from) <= e.Sample && e.Sample < at(to) {
			h.Events = append(h.Events, e)
		}
	}
	return &h
}
