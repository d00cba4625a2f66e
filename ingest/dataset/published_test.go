package dataset_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// said is what testdata/published.py has found in one source about one set.
type said struct {
	Subjects        *int           `json:"subjects"`
	Names           []string       `json:"names"`
	Recordings      *int           `json:"recordings"`
	Sessions        *int           `json:"sessions"`
	SessionsExcept  map[string]int `json:"sessions_except"`
	Runs            *int           `json:"runs"`
	RunsExcept      map[string]int `json:"runs_except"`
	Trials          map[string]int `json:"trials"` // in a session
	TrialsOfRun     map[string]int `json:"trials_of_run"`
	TrialsOfSubject map[string]int `json:"trials_of_subject"`
	Events          map[string]string
	EEG             *int      `json:"eeg"`
	Channels        []string  `json:"channels"`
	EOG             *int      `json:"eog"`
	Rates           []float64 `json:"rates_hz"`
	AllChannels     []int     `json:"all_channels"` // of any kind
	Unit            *string   `json:"unit"`
}

// sources are those that the script reads, by what we call them.
var sources = map[string]string{
	"metadata": "MOABB 1.7.2 METADATA", "summary": "MOABB 1.7.2 summary", "loader": "MOABB 1.7.2 loader",
	"eegdash": "eegdash 0.9.1", "mne": "MNE 1.13.2", "torcheeg": "torcheeg 1.1.3",
}

// compass is the source that no script reads: EEG-FM-Compass, arXiv:2601.17883, what it says of its preparation of SEED-VIG.
var compass = map[string]map[string]said{"seed-vig": {"EEG-FM-Compass, as prepared there, arXiv:2601.17883": {EEG: new(17), Rates: []float64{200}}}}

// fact compares what is published with all that the sources say of it: its own must say the same, and every other one that does
// not must be named.
func fact[T any](t *testing.T, what string, f dataset.Fact[T], all map[string]said, of func(said) (any, bool), ours func(T) any) {
	t.Helper()
	if !f.Known() {
		return
	}
	own := false
	for _, name := range slices.Sorted(maps.Keys(all)) {
		v, says := of(all[name])
		if !says {
			continue
		}
		same := cmp.Equal(v, ours(f.Value))
		switch {
		case name == f.Source && !same:
			t.Errorf("%s is %v, %s says %v", what, ours(f.Value), name, v)
		case name == f.Source:
			own = true
		case !same && !strings.Contains(f.Differs, name+" has "):
			t.Errorf("%s is %v by %s, and that %s says %v is not told: %q", what, ours(f.Value), f.Source, name, v, f.Differs)
		case same && strings.Contains(f.Differs, name+" has "):
			t.Errorf("%s: %s does not differ: %q", what, name, f.Differs)
		}
	}
	if !own {
		t.Errorf("%s is %v by %q, where the script has not found it", what, ours(f.Value), f.Source)
	}
}

func number(f func(said) *int) func(said) (any, bool) {
	return func(s said) (any, bool) {
		if p := f(s); p != nil {
			return *p, true
		}
		return nil, false
	}
}

func itself[T any](v T) any { return v }

// counts is one number, or, where subjects differ, with those that have another.
func counts(all *int, except map[string]int) (any, bool) {
	if all == nil {
		return nil, false
	}
	return fmt.Sprint(*all, except), true
}

// TestPublishedNames: the names that a set is published with are those of EEG, spelled as channels are: otherwise no copy of it is as published.
func TestPublishedNames(t *testing.T) {
	for _, s := range dataset.Sets() {
		for _, e := range montage.Assign(strings.Fields(s.Published.Channels.Value)) {
			if e.Kind != signal.EEG || e.Name != e.Original {
				t.Errorf("%s: the channel %q is %q of kind %s, must be EEG of that name", s.Name, e.Original, e.Name, e.Kind)
			}
		}
	}
}

// TestPublished: every number is what its source says, and no source that says something else is left unsaid.
func TestPublished(t *testing.T) {
	data, err := os.ReadFile("testdata/published.json")
	if err != nil {
		t.Fatal(err)
	}
	golden := map[string]map[string]said{}
	if err := json.Unmarshal(data, &golden); err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, s := range dataset.Sets() {
		p, all := s.Published, map[string]said{}
		maps.Copy(all, compass[s.Name])
		for key, v := range golden[s.Name] {
			all[sources[key]] = v
		}
		if p.Known() != (len(all) > 0) {
			t.Errorf("%s: published: %v, sources: %d", s.Name, p.Known(), len(all))
		}
		if !p.Known() {
			continue
		}
		n++
		t.Run(s.Name, func(t *testing.T) {
			fact(t, "subjects", p.Subjects, all, number(func(s said) *int { return s.Subjects }), itself[int])
			fact(t, "recordings", p.Recordings, all, number(func(s said) *int { return s.Recordings }), itself[int])
			fact(t, "EEG", p.EEG, all, func(s said) (any, bool) {
				if s.EEG == nil && len(s.AllChannels) == 1 && all[p.EEG.Source].EEG == nil { // THINGS-EEG2 has no others
					return s.AllChannels[0], true
				}
				return number(func(s said) *int { return s.EEG })(s)
			}, itself[int])
			fact(t, "EOG", p.EOG, all, number(func(s said) *int { return s.EOG }), itself[int])
			fact(t, "names", p.Names, all, func(s said) (any, bool) { return s.Names, s.Names != nil }, func(text string) any { return dataset.Spans(text) })
			ours := func(c dataset.Counts) any { return fmt.Sprint(c.All, c.Except) }
			fact(t, "sessions", p.Sessions, all, func(s said) (any, bool) { return counts(s.Sessions, s.SessionsExcept) }, ours)
			fact(t, "runs", p.Runs, all, func(s said) (any, bool) { return counts(s.Runs, s.RunsExcept) }, ours)
			fact(t, "rates", p.Rates, all, func(s said) (any, bool) { return s.Rates, s.Rates != nil }, itself[[]float64])
			fact(t, "unit", p.Unit, all, func(s said) (any, bool) {
				if s.Unit == nil {
					return nil, false
				}
				return *s.Unit, true
			}, itself[string])
			sorted := func(names []string) []string {
				names = slices.Clone(names)
				for i := range names {
					names[i] = strings.ToUpper(names[i])
				}
				slices.Sort(names)
				return names
			}
			fact(t, "channels", p.Channels, all, func(s said) (any, bool) { return sorted(s.Channels), s.Channels != nil }, func(text string) any { return sorted(strings.Fields(text)) })
			fact(t, "trials", p.Trials, all, func(s said) (any, bool) {
				n := map[string]map[string]int{"session": s.Trials, "run": s.TrialsOfRun, "subject": s.TrialsOfSubject}[p.Trials.Value.Per]
				return n, n != nil
			}, func(tr dataset.Trials) any {
				n := map[string]int{}
				for _, c := range tr.Classes {
					n[c.Name] = c.N
				}
				return n
			})
			for _, c := range p.Trials.Value.Classes { // codes are those with which MOABB hands them out
				if code := all[sources["loader"]].Events[c.Name]; code != c.Code {
					t.Errorf("code of %s is %q, MOABB's is %q", c.Name, c.Code, code)
				}
			}
			if v := s.Subjects; v != 0 && p.Subjects.Known() && p.Subjects.Value != v {
				t.Errorf("the list has %d subjects, published are %d", v, p.Subjects.Value)
			}
			if p.EEG.Known() && p.EEG.Value != s.Channels || p.Rates.Known() && !slices.Contains(p.Rates.Value, s.RateHz) {
				t.Errorf("the list has %d channels at %g Hz, published are %+v at %+v", s.Channels, s.RateHz, p.EEG, p.Rates)
			}
			text := fmt.Sprint(p.Lines())
			if !p.Runs.Known() && !strings.Contains(text, "[runs of a session unknown]") {
				t.Errorf("what is unknown is not said: %s", text)
			}
		})
	}
	if n != 14 {
		t.Errorf("%d sets, want 14: all but tuab and muse-p300", n)
	}
}

var (
	centro = strings.Fields("Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz EOG1 EOG2 EOG3")
	four   = []string{"left_hand", "right_hand", "feet", "tongue"}
)

func at(subject, session, run int) string {
	return fmt.Sprintf("sub-%d/ses-%d/eeg/sub-%d_ses-%d_run-%d_eeg.arrow", subject, session, subject, session, run)
}

func file(data []byte) *fstest.MapFile { return &fstest.MapFile{Data: data} }

// published is a copy of BNCI2014_001 as it is published where there are 12 labels of each class: 9 subjects, two sessions, six runs.
func published(t *testing.T, rate float64, channels []signal.Channel, labels ...string) fstest.MapFS {
	t.Helper()
	same := file(datasettest.Made(t, rate, channels, labels...))
	out := fstest.MapFS{}
	for subject := 1; subject <= 9; subject++ {
		for session := range 2 {
			for run := range 6 {
				out[at(subject, session, run)] = same
			}
		}
	}
	return out
}

func count(t *testing.T, set string, fsys fstest.MapFS, choice string) dataset.CountReport {
	t.Helper()
	s, err := dataset.Lookup(set)
	if err != nil {
		t.Fatal(err)
	}
	c, err := dataset.ParseChoice(choice)
	if err != nil {
		t.Fatal(err)
	}
	recs, err := s.Recordings(fsys)
	if err != nil {
		t.Fatal(err)
	}
	if recs, err = s.Choose(c, recs); err != nil {
		t.Fatal(err)
	}
	r, err := s.VerifyCounts(fsys, recs, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Findings {
		if f.What != dataset.CountMismatch {
			t.Errorf("%+v", f)
		}
	}
	return r
}

// TestPublishedCompared: whatever is planted in a copy that has no hashes is named, and nothing else.
func TestPublishedCompared(t *testing.T) {
	labels := slices.Repeat(four, 12)
	channels := datasettest.Channels(centro...)
	made := func(rate float64, channels []signal.Channel, labels ...string) *fstest.MapFile {
		return file(datasettest.Made(t, rate, channels, labels...))
	}
	without := func(subject int) func(fstest.MapFS) {
		return func(s fstest.MapFS) {
			maps.DeleteFunc(s, func(p string, _ *fstest.MapFile) bool { return strings.HasPrefix(p, fmt.Sprintf("sub-%d/", subject)) })
		}
	}
	renamed := slices.Clone(channels)
	renamed[0].Name = "F3"
	unitless := slices.Clone(channels)
	unitless[2].Unit = signal.NoUnit
	odd := slices.Clone(labels)
	odd[0] = "right_hand"
	for name, c := range map[string]struct {
		plant func(s fstest.MapFS)
		want  []string
	}{
		"nothing": {func(fstest.MapFS) {}, nil},
		"codes": {func(s fstest.MapFS) {
			maps.Copy(s, published(t, 250, channels, slices.Repeat([]string{"1", "2", "3", "4"}, 12)...))
		}, nil},
		"words": {func(s fstest.MapFS) {
			maps.Copy(s, published(t, 250, channels, slices.Repeat([]string{"Left-Hand", "right hand", "FEET", "Tongue", "7"}, 12)...))
		}, nil},
		"missing subject": {without(3), []string{"3: subject 3 is missing with all recordings: published are 9 subjects, 1-9 (MOABB 1.7.2 loader)"}},
		"subjects missing and too many": {func(s fstest.MapFS) {
			without(3)(s)
			without(9)(s)
			for session := range 2 {
				for run := range 6 {
					s[at(12, session, run)] = s[at(1, 0, 0)]
				}
			}
		}, []string{"3,9: subjects 3, 9 are missing", "12: subject 12 is too much: published are 9"}},
		"missing session": {
			func(s fstest.MapFS) {
				maps.DeleteFunc(s, func(p string, _ *fstest.MapFile) bool { return path.Dir(p) == "sub-4/ses-1/eeg" })
			},
			[]string{"4: subject 4 has 1 session (0), must have 2 (MOABB 1.7.2 METADATA)"},
		},
		"missing run": {func(s fstest.MapFS) { delete(s, at(5, 1, 2)) }, []string{
			at(5, 1, 0) + ": subject 5, session 1 has 5 runs (0, 1, 3, 4, 5), must have 6",
			at(5, 1, 0) + ": subject 5, session 1 has 60 trials of left_hand, must have 72", at(5, 1, 0) + ": subject 5, session 1 has 60 trials of right_hand",
			at(5, 1, 0) + ": subject 5, session 1 has 60 trials of feet", at(5, 1, 0) + ": subject 5, session 1 has 60 trials of tongue",
		}},
		"wrong label": {func(s fstest.MapFS) { s[at(2, 0, 3)] = made(250, channels, odd...) }, []string{
			at(2, 0, 0) + ": subject 2, session 0 has 71 trials of left_hand, must have 72 (MOABB 1.7.2 METADATA)",
			at(2, 0, 0) + ": subject 2, session 0 has 73 trials of right_hand, must have 72",
		}},
		"other labels": {func(s fstest.MapFS) {
			for run := range 6 {
				s[at(2, 0, run)] = made(250, channels, slices.Repeat([]string{"left_hand", "right_hand", "feet", "zunge"}, 12)...)
			}
		}, []string{at(2, 0, 0) + `: subject 2, session 0 has 0 trials of tongue, must have 72 (MOABB 1.7.2 METADATA): its events are "feet", "left_hand", "right_hand", "zunge"`}},
		"other rate":     {func(s fstest.MapFS) { maps.Copy(s, published(t, 128, channels, labels...)) }, []string{at(1, 0, 0) + ": and 107 more have 128 Hz, must have 250 Hz (MOABB 1.7.2 METADATA)"}},
		"one rate":       {func(s fstest.MapFS) { s[at(7, 1, 5)] = made(128, channels, labels...) }, []string{at(7, 1, 5) + ": has 128 Hz, must have 250 Hz"}},
		"other channel":  {func(s fstest.MapFS) { s[at(7, 1, 5)] = made(250, renamed, labels...) }, []string{at(7, 1, 5) + ": has other channels of EEG, without Fz and with F3: must be 22, Fz, FC3"}},
		"a channel less": {func(s fstest.MapFS) { s[at(7, 1, 5)] = made(250, channels[1:], labels...) }, []string{at(7, 1, 5) + ": has other channels of EEG, without Fz: must be 22"}},
		"no EOG":         {func(s fstest.MapFS) { maps.Copy(s, published(t, 250, channels[:22], labels...)) }, []string{at(1, 0, 0) + ": and 107 more have 0 channels of EOG, must have 3"}},
		"no unit":        {func(s fstest.MapFS) { s[at(7, 1, 5)] = made(250, unitless, labels...) }, []string{at(7, 1, 5) + `: has 1 channels of EEG that are no voltages, FC1 in "": must be µV`}},
		"cut": {func(s fstest.MapFS) { s[at(1, 0, 5)] = file(s[at(1, 0, 5)].Data[:100]) }, []string{
			at(1, 0, 5) + ": cannot be read, so that nothing in it was counted", at(1, 0, 0) + ": subject 1, session 0 has 5 runs",
			at(1, 0, 0) + ": subject 1, session 0 has 60", at(1, 0, 0) + ": subject 1, session 0 has 60", at(1, 0, 0) + ": subject 1, session 0 has 60", at(1, 0, 0) + ": subject 1, session 0 has 60",
		}},
	} {
		fsys := published(t, 250, channels, labels...)
		c.plant(fsys)
		r := count(t, "BNCI2014_001", fsys, "")
		if len(r.Findings) != len(c.want) {
			t.Errorf("%s: %d findings, want %d: %v", name, len(r.Findings), len(c.want), r.Findings)
			continue
		}
		for i, f := range r.Findings {
			if got := f.Path + ": " + f.Text; !strings.HasPrefix(got, c.want[i]) {
				t.Errorf("%s: finding %d is %q, want %q", name, i, got, c.want[i])
			}
		}
		if len(r.NotCompared) != 0 {
			t.Errorf("%s: not compared: %v, but sources say all of this set", name, r.NotCompared)
		}
	}
}

// TestPublishedBySubject: subjects that have another number of sessions than others are held to theirs.
func TestPublishedBySubject(t *testing.T) {
	names := strings.Fields("FC3 FCz FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CPz CP4")
	same := file(datasettest.Made(t, 512, datasettest.Channels(names...), slices.Repeat([]string{"right_hand", "feet"}, 100)...))
	fsys := fstest.MapFS{}
	for subject := 1; subject <= 12; subject++ {
		for session := range 2 {
			fsys[fmt.Sprintf("subject%02d/session%d/x.arrow", subject, session)] = same
		}
	}
	for _, subject := range []int{8, 9, 10, 11} {
		fsys[fmt.Sprintf("subject%02d/session2/x.arrow", subject)] = same
	}
	if r := count(t, "bnci2015-001", fsys, ""); len(r.Findings) != 0 || r.Recordings != 28 || r.Trials["feet"] != 2800 {
		t.Errorf("as published: %d recordings, %v, %v", r.Recordings, r.Trials, r.Findings)
	}
	delete(fsys, "subject09/session2/x.arrow")
	fsys["subject01/session2/x.arrow"] = same
	r := count(t, "bnci2015-001", fsys, "")
	if len(r.Findings) != 2 || !strings.HasPrefix(r.Findings[0].Text, "subject 01 has 3 sessions (0, 1, 2), must have 2") || !strings.HasPrefix(r.Findings[1].Text, "subject 09 has 2 sessions (0, 1), must have 3") {
		t.Errorf("%v", r.Findings)
	}
	if len(r.NotCompared) != 1 || r.NotCompared[0] != "channels of EOG: no source says" {
		t.Errorf("not compared: %q", r.NotCompared)
	}
	r = count(t, "bnci2015-001", fsys, "8")
	if len(r.Findings) != 0 || !slices.Equal(r.Subjects, []string{"08"}) || r.NotCompared[0] != "subjects: only some were chosen" {
		t.Errorf("one subject: %v, %v, %v", r.Findings, r.Subjects, r.NotCompared)
	}
	if r = count(t, "bnci2015-001", fsys, "9:1"); len(r.Findings) != 0 || !slices.Contains(r.NotCompared, "sessions and runs: only some were chosen") {
		t.Errorf("one session: %v, %v", r.Findings, r.NotCompared)
	}
}
