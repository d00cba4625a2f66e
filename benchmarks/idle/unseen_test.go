package main

import (
	"errors"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
)

// said is windows of 2 s, 1 s apart, the first from 0 to 2 s: "a" is decided for a, "-" held back, "." no control.
func said(text string) (windows []heard) {
	for i, c := range text {
		w := heard{from: float64(i), to: float64(i) + 2, held: c == '-'}
		if c != '.' && c != '-' {
			w.class = string(c)
		}
		windows = append(windows, w)
	}
	return windows
}

// TestCount: what of rest and trials is counted, by hand.
func TestCount(t *testing.T) {
	for _, tc := range []struct {
		name         string
		said         string
		rest, trials []stretch
		want         tally
	}{
		{"all is rest", "a.b.", []stretch{{to: 5}}, nil, tally{Rest: 4, False: 2, Decided: 2}},
		{"a decision that goes on is one", "aaabb", []stretch{{to: 6}}, nil, tally{Rest: 5, False: 2, Again: 3, Decided: 5, Going: 3}},
		{"but what is held back ends it", "a-a", []stretch{{to: 4}}, nil, tally{Rest: 3, RestHeld: 1, False: 2, Decided: 2}},
		{"a decision from before goes on into rest", "aaa.", []stretch{{from: 1, to: 5}}, nil, tally{Rest: 3, Again: 1, Decided: 2, Going: 2}},
		{"windows that reach out of rest do not count", "aba", []stretch{{from: 0.5, to: 3.5}}, nil, tally{Rest: 1, False: 1, Decided: 1}},
		{"two stretches of rest", "abab", []stretch{{to: 2}, {from: 3, to: 5}}, nil, tally{Rest: 2, False: 2, Decided: 2}},
		{"right", ".a.b", nil, []stretch{{0, 5, "a"}}, tally{Trials: 1, Right: 1, Busy: 4}},
		{"wrong, and right too late", ".b.a", nil, []stretch{{0, 5, "a"}}, tally{Trials: 1, Wrong: 1, Busy: 4}},
		{"undecided", "....", nil, []stretch{{0, 5, "a"}}, tally{Trials: 1, Busy: 4}},
		{"held back in half", "--..", nil, []stretch{{0, 5, "a"}}, tally{Trials: 1, Held: 1, Busy: 4, BusyHeld: 2}},
		{"held back in less", "-...", nil, []stretch{{0, 5, "a"}}, tally{Trials: 1, Busy: 4, BusyHeld: 1}},
		{"held back, then decided", "---a", nil, []stretch{{0, 5, "a"}}, tally{Trials: 1, Right: 1, Busy: 4, BusyHeld: 3}},
		{"decided before the trial", "a...", nil, []stretch{{1, 5, "a"}}, tally{Trials: 1, Busy: 3}},
		{"no window fits", "a", nil, []stretch{{0, 1, "a"}}, tally{Trials: 1}},
		{"rest, then two trials", "a..b..b", []stretch{{to: 4}}, []stretch{{3, 6, "b"}, {6, 9, "a"}}, tally{Rest: 3, False: 1, Decided: 1, Trials: 2, Right: 1, Wrong: 1, Busy: 3}},
	} {
		if got := count(said(tc.said), tc.rest, tc.trials, 1); got != tc.want {
			t.Errorf("%s: %+v, want %+v", tc.name, got, tc.want)
		}
	}
	gap := said("aaaa")
	if got, want := count(slices.Delete(gap, 1, 2), []stretch{{to: 5}}, nil, 1), (tally{Rest: 3, False: 2, Again: 1, Decided: 3, Going: 1}); got != want {
		t.Errorf("a decision behind a gap begins anew: %+v, want %+v", got, want)
	}
}

// TestSum: the sum over persons is that of their tallies, and its rate is of the time that was let through.
func TestSum(t *testing.T) {
	sum := guarded{Asked: 5}
	sum.add(tally{Rest: 60, RestHeld: 30, False: 2, Trials: 4, Right: 1, Wrong: 1, Held: 1, Busy: 8, BusyHeld: 2})
	sum.add(tally{Rest: 30, False: 1, Trials: 2, Held: 2, Busy: 4, BusyHeld: 4})
	if want := (tally{Rest: 90, RestHeld: 30, False: 3, Trials: 6, Right: 1, Wrong: 1, Held: 3, Busy: 12, BusyHeld: 6}); sum.tally != want {
		t.Errorf("sum %+v, want %+v", sum.tally, want)
	}
	if n := sum.undecided(); n != 1 {
		t.Errorf("%d undecided, want 1", n)
	}
	if err := sum.rate(); err != nil || sum.PerMinute != 3 {
		t.Errorf("%g a minute (%v), want 3 in 1 minute", sum.PerMinute, err)
	}
	sum.Persons = 2
	if s := sum.String(); !strings.Contains(s, "SUM of 2") || !strings.Contains(s, "3 in 1.00 min (0.0 s in a decision, 0.50 min more held back, 33 %), 3.00 a minute") || !strings.HasSuffix(s, "of 6 trials 1 right, 1 wrong, 3 held back, 1 undecided (50 % of their windows held back)") {
		t.Error(s)
	}
	// nothing let through is no rate of 0, and shows nothing; nor does so little that one decision would be too many
	for _, tc := range []struct {
		tally
		persons int
		verdict string
	}{
		{tally{Rest: 30, RestHeld: 30}, 1, "not shown: nothing could be decided"},
		{tally{Rest: 30}, 1, "not shown: too little rest to tell either way"},
		{tally{Rest: 60}, 1, "met, by the whole interval"},
		{tally{Rest: 60, False: 6}, 1, "missed, but the interval reaches below it: more rest would tell"},
		{tally{Rest: 30, Decided: 30, Going: 30}, 1, "missed: a decision stands all the time, and none could begin"},
		{tally{}, 0, "not shown: nothing could be decided"},
	} {
		r := guarded{Asked: 5, Persons: tc.persons, tally: tc.tally}
		if err := r.rate(); err != nil || r.Verdict != tc.verdict {
			t.Errorf("%+v: %q (%v), want %q", tc.tally, r.Verdict, err, tc.verdict)
		}
	}
}

// TestResult: rows that are missed, sets of which no row shows that the rate is met, and sets that are not there, are no success, and each
// is named. Rows to compare with may miss it.
func TestResult(t *testing.T) {
	yes, no, rate := true, false, 1.0
	met, missed := stream.Idle{Asked: 5, PerMinute: &rate, Low: &rate, High: &rate, Met: &yes}, stream.Idle{Asked: 0.5, PerMinute: &rate, Low: &rate, High: &rate, Met: &no}
	for _, tc := range []struct {
		name   string
		fill   func(*result)
		result string
		line   string // on the way
		want   string // in the error, "" for none
	}{
		{"all is met", func(*result) {}, "met", "1 of 1 rows are shown", ""},
		{"one is refused", func(s *result) { s.count("x", "b", "too little rest", stream.Idle{Asked: 5}, false) }, "met", "NOT SHOWN: b: refused", ""},
		{"all of a set are refused", func(s *result) { s.count("y", "b", "too little rest", stream.Idle{Asked: 5}, false) }, "not shown", "NOT SHOWN: y: no row shows", "1 of 2 rows are shown and meet the rate asked for; 2 not shown"},
		{"none of a set is shown", func(s *result) { s.count("y", "b", "", stream.Idle{Asked: 5}, false) }, "not shown", "NOT SHOWN: b: not shown: nothing could be decided", "2 not shown"},
		{"missed", func(s *result) { s.count("x", "b", "", missed, false) }, "missed", "MISSED: b: missed, by the whole interval", "1 above the rate asked for"},
		{"missed to compare with", func(s *result) { s.count("x", "b", "", missed, true) }, "met", "1 of 2 rows are shown and meet the rate asked for, 1 to compare with do not", ""},
		{"met only to compare with", func(s *result) { s.count("y", "b", "", met, true) }, "not shown", "NOT SHOWN: y: no row shows", "1 not shown"},
		{"lacking", func(s *result) { s.measured("eegmat", func() error { return errors.New("not below GYRUS_DATA") }) }, "incomplete", "INCOMPLETE: eegmat: not below GYRUS_DATA", "1 could not be measured"},
	} {
		var s result
		s.count("x", "a", "", met, false)
		tc.fill(&s)
		var out strings.Builder
		if err := s.end(&out, false); s.Result != tc.result || !strings.Contains(out.String(), tc.line) || (err != nil) != (tc.want != "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %q, %v\n%s", tc.name, s.Result, err, out.String())
		}
	}
	if err := new(result).end(io.Discard, false); err == nil {
		t.Error("no row at all is a success")
	}
}

// TestLackingData: a set that is not there is told with the reason, and keeps no other from being looked for.
func TestLackingData(t *testing.T) {
	t.Setenv("GYRUS_DATA", t.TempDir())
	err := idle(t.Context(), "", []string{"S001", "S002"}, 5, true)
	if err == nil || !strings.Contains(err.Error(), "4 could not be measured") {
		t.Error(err)
	}
}

// TestExoParts: rest is one block, trials are what follows; another order is an error, since rest could then be between trials.
func TestExoParts(t *testing.T) {
	rec := &signal.Recording{Name: "r", Info: &signal.Info{Rate: 10}, Len: 1000}
	for i, label := range []string{"1", "1", "3", "4", "2", "3"} {
		rec.Events = append(rec.Events, signal.Event{Sample: int64(100 + 65*i), Label: label})
	}
	rest, trials, err := exoParts(rec)
	if err != nil || rest != (stretch{10, 21.5, ""}) || len(trials) != 4 || trials[0] != (stretch{23, 28, "21 Hz"}) {
		t.Errorf("rest %v, trials %v (%v)", rest, trials, err)
	}
	var p person
	if err := p.exo([]*signal.Recording{rec}); err == nil || !strings.Contains(err.Error(), "at least 2") {
		t.Errorf("one record: %v", err)
	}
	if err := p.exo([]*signal.Recording{rec, rec}); err != nil {
		t.Fatal(err)
	}
	if len(p.learn) != 3 || len(p.learn[0].Events) != 3 || len(p.learn[1].Events) != 2 || len(p.learn[2].Events) != 2 || p.learn[1].Spans[0] != (signal.Span{Start: 220, Len: 130}) {
		t.Errorf("learned from %+v", p.learn)
	}
	if e := p.learn[0].Events; e[0].Label != "1" || e[1].Label != "rest" || e[1].Duration != 11.5 {
		t.Errorf("events %+v", e)
	}
	if len(rec.Events) != 6 || len(p.measured) != 1 || p.measured[0].rec != rec {
		t.Errorf("measured on %+v", p.measured)
	}
	rec.Events[5].Label = "1"
	if _, _, err := exoParts(rec); err == nil || !strings.Contains(err.Error(), "must come first") {
		t.Errorf("rest behind trials: %v", err)
	}
	rec.Events[5].Label = "5"
	if _, _, err := exoParts(rec); err == nil || !strings.Contains(err.Error(), `"5"`) {
		t.Errorf("an unknown label: %v", err)
	}
}

// TestWorkloadParts: what is learned from, what sets the threshold and what is measured do not overlap.
func TestWorkloadParts(t *testing.T) {
	rest := &signal.Recording{Name: "1", Info: &signal.Info{Rate: 10}, Len: 1820}
	task := &signal.Recording{Name: "2", Info: &signal.Info{Rate: 10}, Len: 620}
	var p person
	if err := p.workload(rest, task); err != nil {
		t.Fatal(err)
	}
	used := map[string][]int{"1": make([]int, rest.Len), "2": make([]int, task.Len)}
	all := append(append([]*signal.Recording{}, p.learn...), p.rest.Recordings...)
	for _, m := range p.measured {
		all = append(all, m.rec)
	}
	for _, r := range all {
		name, _, _ := strings.Cut(r.Name, " ")
		for _, s := range r.Spans {
			for i := s.Start; i < s.End(); i++ {
				used[name][i]++
			}
		}
	}
	for name, n := range used {
		for i, n := range n {
			if n > 1 {
				t.Fatalf("sample %d of recording %s is used %d times", i, name, n)
			}
		}
	}
	if err := p.workload(rest, nil); err == nil {
		t.Error("no recording of arithmetic is no error")
	}
}

func TestUnknownSet(t *testing.T) {
	if err := idle(t.Context(), "physionet", nil, 5, false); err == nil || !strings.Contains(err.Error(), "must be eegmmidb, ssvep-exo or eegmat") {
		t.Error(err)
	}
}
