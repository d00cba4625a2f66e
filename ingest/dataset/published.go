package dataset

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Published is what is said of a set, as it is handed out, by those who have published it or made it available to others: counts and
// names, no hashes. None of it was seen in its files. What no source says is unknown.
type Published struct {
	Subjects   Fact[int]       `json:"subjects"`
	Names      Fact[string]    `json:"subject_names"`  // spans: "1-9", "SC400-SC438 SC440"
	Recordings Fact[int]       `json:"recordings"`     // of all subjects together
	Sessions   Fact[Counts]    `json:"sessions"`       // of a subject
	Runs       Fact[Counts]    `json:"runs"`           // of a session
	Trials     Fact[Trials]    `json:"trials"`         // of each class
	EEG        Fact[int]       `json:"eeg_channels"`   // how many there are
	Channels   Fact[string]    `json:"eeg_names"`      // of all of them, in any order
	EOG        Fact[int]       `json:"eog_channels"`   // how many there are
	Rates      Fact[[]float64] `json:"rates_hz"`       // that recordings have, each one of these
	Unit       Fact[string]    `json:"unit_of_source"` // of the samples of EEG in the files, as they are handed out
}

// Known says whether any of it is.
func (p Published) Known() bool {
	return p.Subjects.Known() || p.Names.Known() || p.Recordings.Known() || p.Sessions.Known() || p.Runs.Known() || p.Trials.Known() || p.EEG.Known() || p.Channels.Known() ||
		p.EOG.Known() || p.Rates.Known() || p.Unit.Known()
}

// Fact is something that a source says; without a source it is unknown.
type Fact[T any] struct {
	Value   T
	Source  string
	Differs string // what other sources say, "" where they say the same or nothing
}

// Known says whether any source says it.
func (f Fact[T]) Known() bool { return f.Source != "" }

// MarshalJSON gives the value as null where it is unknown.
func (f Fact[T]) MarshalJSON() ([]byte, error) {
	if !f.Known() {
		return []byte(`{"value": null, "source": "unknown"}`), nil
	}
	return json.Marshal(struct {
		Value   T      `json:"value"`
		Source  string `json:"source"`
		Differs string `json:"others_differ,omitempty"`
	}{f.Value, f.Source, f.Differs})
}

// from is who says so, in parentheses.
func (f Fact[T]) from() string {
	if f.Differs != "" {
		return fmt.Sprintf("(%s; but %s)", f.Source, f.Differs)
	}
	return "(" + f.Source + ")"
}

// Counts are how many of something every subject has.
type Counts struct {
	All    int            `json:"all"`
	Except map[string]int `json:"except,omitempty"` // subjects that have another number
}

// of is the number of a subject.
func (c Counts) of(subject string) int {
	for name, n := range c.Except {
		if levels[0].plain(name) == levels[0].plain(subject) {
			return n
		}
	}
	return c.All
}

// String is "2, but 3 for 8, 9".
func (c Counts) String() string {
	names := map[int][]string{}
	for name, n := range c.Except {
		names[n] = append(names[n], name)
	}
	words := []string{strconv.Itoa(c.All)}
	for _, n := range slices.Sorted(maps.Keys(names)) {
		slices.SortFunc(names[n], natural)
		words = append(words, fmt.Sprintf("but %d for %s", n, strings.Join(names[n], ", ")))
	}
	return strings.Join(words, ", ")
}

// Trials are how many there are of each class.
type Trials struct {
	Per     string  `json:"per"` // "subject", "session" or "run": what they are counted in
	Classes []Class `json:"classes"`
}

// Class is one thing that a trial can be of.
type Class struct {
	Name string `json:"name"` // label of its events, whatever the capitals and dashes
	Code string `json:"code"` // the number that stands for it, where events have numbers
	N    int    `json:"trials"`
}

// Lines say what is published, a name, what it is, and who says so; unknown is said too.
func (p Published) Lines() [][2]string {
	return [][2]string{
		{"subjects", line(p.Subjects, strconv.Itoa)},
		{"their names", line(p.Names, func(s string) string { return s })},
		{"recordings", line(p.Recordings, strconv.Itoa)},
		{"sessions of a subject", line(p.Sessions, Counts.String)},
		{"runs of a session", line(p.Runs, Counts.String)},
		{"trials of a class", line(p.Trials, Trials.String)},
		{"EEG channels", line(p.EEG, strconv.Itoa)},
		{"their names", line(p.Channels, func(s string) string { return strings.Join(strings.Fields(s), ", ") })},
		{"EOG channels", line(p.EOG, strconv.Itoa)},
		{"rate", line(p.Rates, func(v []float64) string { return oneOf(v) + " Hz" })},
		{"unit in the files", line(p.Unit, func(s string) string { return s })},
	}
}

func line[T any](f Fact[T], text func(T) string) string {
	if !f.Known() {
		return "unknown"
	}
	return text(f.Value) + "  " + f.from()
}

// String is "72 left_hand, 72 right_hand in a session".
func (t Trials) String() string {
	var words []string
	for _, c := range t.Classes {
		words = append(words, fmt.Sprintf("%d %s", c.N, c.Name))
	}
	return strings.Join(words, ", ") + " in a " + t.Per
}

// oneOf is "160 or 128".
func oneOf(v []float64) string {
	var words []string
	for _, x := range v {
		words = append(words, strconv.FormatFloat(x, 'g', -1, 64))
	}
	return strings.Join(words, " or ")
}

// Spans are the names that "1-9 12" stands for.
func Spans(text string) (names []string) {
	for _, word := range strings.Fields(text) {
		from, to, ok := strings.Cut(word, "-")
		m, n := numbered.FindStringSubmatch(from), numbered.FindStringSubmatch(to)
		if !ok || m == nil || n == nil {
			names = append(names, word)
			continue
		}
		first, _ := strconv.Atoi(m[2])
		last, _ := strconv.Atoi(n[2])
		for k := first; k <= last; k++ {
			names = append(names, fmt.Sprintf("%s%0*d", m[1], len(from)-len(m[1]), k))
		}
	}
	return names
}

// Who says what is published. testdata/published.py takes it from the packages; of MOABB it is the METADATA of a class, its row in
// the tables (summary), or what its code asks for (loader).
const (
	metadata = moabb + " METADATA"
	summary  = moabb + " summary"
	loader   = moabb + " loader"
	eegdash  = "eegdash 0.9.1"
	mne      = "MNE 1.13.2"
	torcheeg = "torcheeg 1.1.3"
	compass  = "EEG-FM-Compass, as prepared there, arXiv:2601.17883"
)

func say[T any](value T, source string) Fact[T] { return Fact[T]{value, source, ""} }

// classes have the same number of trials, and codes "1", "2", … in their order.
func classes(n int, names ...string) (all []Class) {
	for i, name := range names {
		all = append(all, Class{name, strconv.Itoa(i + 1), n})
	}
	return all
}

// published is by the names of sets. Of those that are not there all is unknown: recordings of tuab have no rate and no channels in
// common, and of muse-p300 no second source was found.
var published = map[string]Published{
	"bnci2014-001": {
		Subjects: say(9, metadata), Names: say("1-9", loader), Recordings: say(108, eegdash), Sessions: say(Counts{All: 2}, metadata), Runs: say(Counts{All: 6}, metadata),
		Trials: say(Trials{"session", classes(72, "left_hand", "right_hand", "feet", "tongue")}, metadata),
		EEG:    say(22, metadata), Channels: say("Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz", metadata), EOG: say(3, metadata),
		Rates: say([]float64{250}, metadata), Unit: say("µV", loader),
	},
	"bnci2014-004": {
		Subjects: say(9, metadata), Names: say("1-9", loader), Sessions: say(Counts{All: 5}, metadata), Runs: say(Counts{All: 1}, metadata),
		Trials: say(Trials{"subject", classes(360, "left_hand", "right_hand")}, metadata),
		EEG:    say(3, metadata), Channels: say("C3 Cz C4", metadata), EOG: say(3, metadata),
		Rates: say([]float64{250}, metadata), Unit: say("µV", loader),
	},
	"bnci2014-008": {
		Subjects: say(8, metadata), Names: say("1-8", loader), Recordings: say(8, eegdash), Sessions: say(Counts{All: 1}, metadata), Runs: say(Counts{All: 1}, metadata),
		Trials: say(Trials{"session", []Class{{"Target", "2", 700}, {"NonTarget", "1", 3500}}}, metadata),
		EEG:    say(8, metadata), Channels: say("Fz Cz Pz Oz P3 P4 PO7 PO8", metadata),
		Rates: say([]float64{256}, metadata), Unit: say("µV", loader),
	},
	"bnci2014-009": {
		Subjects: say(10, metadata), Names: say("1-10", loader), Recordings: say(30, eegdash),
		Sessions: Fact[Counts]{Counts{All: 3}, loader, metadata + " has 4"}, Runs: say(Counts{All: 1}, metadata),
		Trials: say(Trials{"session", []Class{{"Target", "2", 288}, {"NonTarget", "1", 1440}}}, metadata),
		EEG:    say(16, metadata), Channels: say("Fz Cz Pz Oz P3 P4 PO7 PO8 F3 F4 FCz C3 C4 CP3 CPz CP4", metadata),
		Rates: say([]float64{256}, metadata), Unit: say("µV", loader),
	},
	"bnci2015-001": {
		Subjects: say(12, metadata), Names: say("1-12", loader), Recordings: say(28, eegdash),
		Sessions: Fact[Counts]{Counts{2, map[string]int{"8": 3, "9": 3, "10": 3, "11": 3}}, loader, metadata + " has 3, " + summary + " has 3"}, Runs: say(Counts{All: 1}, metadata),
		Trials: Fact[Trials]{Trials{"session", classes(100, "right_hand", "feet")}, metadata, summary + " has 200"},
		EEG:    say(13, metadata), Channels: say("FC3 FCz FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CPz CP4", metadata),
		Rates: say([]float64{512}, metadata), Unit: say("µV", loader),
	},
	"chb-mit": {Subjects: say(24, eegdash), Recordings: say(686, eegdash), Rates: say([]float64{256}, eegdash)},
	"eegmat":  {Subjects: say(36, eegdash), Recordings: say(72, eegdash), Rates: say([]float64{500}, eegdash)},
	"eegmmidb": {
		Subjects: say(109, metadata), Names: say("1-109", loader), Recordings: say(1526, eegdash), Sessions: say(Counts{All: 1}, metadata),
		Runs: Fact[Counts]{Counts{All: 14}, loader, metadata + " has 6"},
		EEG:  say(64, metadata),
		Channels: say("FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6 Fp1 Fpz Fp2 AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 "+
			"FT7 FT8 T7 T8 T9 T10 TP7 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz", metadata),
		Rates: Fact[[]float64]{[]float64{160, 128}, eegdash, metadata + " has 160, " + summary + " has 160"},
	},
	"nakanishi2015": {
		Subjects: Fact[int]{10, metadata, summary + " has 9, " + loader + " has 9, " + eegdash + " has 9"}, Sessions: say(Counts{All: 1}, metadata), Runs: say(Counts{All: 1}, metadata),
		Trials: say(Trials{"session", classes(15, "9.25", "11.25", "13.25", "9.75", "11.75", "13.75", "10.25", "12.25", "14.25", "10.75", "12.75", "14.75")}, metadata),
		EEG:    say(8, metadata), Channels: say("PO7 PO3 POz PO4 PO8 O1 Oz O2", metadata),
		Rates: say([]float64{256}, metadata), Unit: say("µV", loader),
	},
	"seed": {
		Subjects: say(15, torcheeg), Recordings: say(45, torcheeg), Sessions: say(Counts{All: 3}, torcheeg),
		EEG: say(62, torcheeg), Channels: say("Fp1 Fpz Fp2 AF3 AF4 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCz FC2 FC4 FC6 FT8 T7 C5 C3 C1 Cz C2 C4 C6 T8 "+
			"TP7 CP5 CP3 CP1 CPz CP2 CP4 CP6 TP8 P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO5 PO3 POz PO4 PO6 PO8 CB1 O1 Oz O2 CB2", torcheeg),
		Rates: say([]float64{200}, torcheeg),
	},
	"seed-vig": {EEG: say(17, compass), Rates: say([]float64{200}, compass)},
	"sleep-edfx": {
		Subjects: say(100, mne), Names: say("SC400-SC438 SC440-SC467 SC470-SC477 SC480-SC482 ST701-ST702 ST704-ST722 ST724", mne), Recordings: say(197, mne),
		Sessions: say(Counts{2, map[string]int{"SC413": 1, "SC436": 1, "SC452": 1}}, mne), Rates: say([]float64{100}, eegdash),
	},
	"ssvep-exo": {
		Subjects: say(12, metadata), Names: say("1-12", loader), Sessions: say(Counts{All: 1}, metadata), Runs: say(Counts{2, map[string]int{"7": 3, "10": 4, "12": 5}}, loader),
		Trials: say(Trials{"run", []Class{{"rest", "1", 8}, {"13", "2", 8}, {"21", "3", 8}, {"17", "4", 8}}}, metadata),
		EEG:    say(8, metadata), Channels: say("Oz O1 O2 POz PO3 PO4 PO7 PO8", metadata), Rates: say([]float64{256}, metadata),
	},
	"things-eeg2": {Subjects: say(10, eegdash), EEG: say(63, eegdash), Rates: say([]float64{1000}, eegdash)},
}
