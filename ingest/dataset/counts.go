package dataset

import (
	"cmp"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// CountReport is what VerifyCounts has found. No hash was looked at.
type CountReport struct {
	Recordings  int            // that could be read
	Subjects    []string       // of those
	Layouts     []Layout       // of those
	Trials      map[string]int // of those, by class; by label where no source says which classes there are
	Findings    []Finding      // what is not as published
	NotCompared []string       // what no source says, or what was left out by the choice
}

// counted is a recording that was read.
type counted struct {
	Recording
	layout   int
	trials   map[string]int // by label
	channels []signal.Channel
	rate     float64
}

// counting is one comparison of a folder with what is published.
type counting struct {
	CountReport
	set   Set
	all   bool // of the subjects
	whole bool // all sessions and runs of those
	recs  []counted
}

// VerifyCounts compares recordings below dir with what is published of the set: whether all are there, with as many trials, at the
// rate and with the channels that they should have. recs are what Choose has found of c, and all of them are opened. No hashes are
// compared, and where c leaves something out, nor is what is counted over it.
func (s Set) VerifyCounts(dir fs.FS, recs []Recording, c Choice) (CountReport, error) {
	v := &counting{set: s, all: c.All(), whole: len(c.parts) <= 1, CountReport: CountReport{Trials: map[string]int{}}}
	if err := v.read(dir, recs); err != nil {
		return v.CountReport, err
	}
	v.subjects()
	v.sessions()
	v.trials()
	v.layouts()
	return v.CountReport, nil
}

func (v *counting) add(path, format string, args ...any) {
	v.Findings = append(v.Findings, Finding{CountMismatch, path, fmt.Sprintf(format, args...)})
}

func (v *counting) not(format string, args ...any) {
	v.NotCompared = append(v.NotCompared, fmt.Sprintf(format, args...))
}

// read opens recordings. One that was read as part of another does not count.
func (v *counting) read(dir fs.FS, recs []Recording) error {
	parts, failed := map[string]bool{}, map[string]error{}
	for _, r := range recs {
		rec, err := ingest.Open(dir, r.Path)
		if err != nil {
			failed[r.Path] = err
			continue
		}
		f := File{Path: r.Path}
		l := f.take(rec)
		for _, p := range f.Parts {
			parts[p] = true
		}
		i := slices.IndexFunc(v.Layouts, l.equal)
		if i < 0 {
			i, v.Layouts = len(v.Layouts), append(v.Layouts, l)
		}
		v.recs = append(v.recs, counted{r, i, f.Trials, rec.Info.Channels, rec.Info.Rate})
		if err := rec.Close(); err != nil {
			return fmt.Errorf("%s: %w", r.Path, err)
		}
	}
	v.recs = slices.DeleteFunc(v.recs, func(c counted) bool { return parts[c.Path] })
	for _, r := range recs {
		if err := failed[r.Path]; err != nil && !parts[r.Path] {
			v.add(r.Path, "cannot be read, so that nothing in it was counted: %v", err)
		}
	}
	v.Recordings = len(v.recs)
	for _, c := range v.recs {
		if !slices.Contains(v.Subjects, c.Subject) {
			v.Subjects = append(v.Subjects, c.Subject)
		}
	}
	return nil
}

// subjects compares who is there, and how many recordings there are of all.
func (v *counting) subjects() {
	p := v.set.Published
	switch {
	case !v.all:
		v.not("subjects: only some were chosen")
		return
	case p.Names.Known():
		want := Spans(p.Names.Value)
		if lacks := without(want, v.Subjects); len(lacks) > 0 {
			v.add(strings.Join(lacks, ","), "%s missing with all recordings: published are %d subjects, %s %s", is("subject", lacks), len(want), p.Names.Value, p.Names.from())
		}
		if more := without(v.Subjects, want); len(more) > 0 {
			v.add(strings.Join(more, ","), "%s too much: published are %d subjects, %s %s", is("subject", more), len(want), p.Names.Value, p.Names.from())
		}
	case p.Subjects.Known():
		if n := len(v.Subjects); n != p.Subjects.Value {
			v.add("", "there are recordings of %d subjects (%s), must be %d %s", n, strings.Join(v.Subjects, ", "), p.Subjects.Value, p.Subjects.from())
		}
	default:
		v.not("subjects: %s", noSource)
	}
	// Where sessions and runs are counted one by one they say more than their sum.
	if p.Recordings.Known() && (!p.Sessions.Known() || !p.Runs.Known()) && v.Recordings != p.Recordings.Value {
		v.add("", "there are %d recordings of all subjects together, must be %d %s", v.Recordings, p.Recordings.Value, p.Recordings.from())
	}
}

const noSource = "no source says"

// without are the names that have not, whatever their prefixes and zeros.
func without(names, have []string) (lacks []string) {
	l := levels[0]
	for _, n := range names {
		if !slices.ContainsFunc(have, func(h string) bool { return l.plain(h) == l.plain(n) }) {
			lacks = append(lacks, n)
		}
	}
	return lacks
}

// is is "subject 3 is" or "subjects 3, 5 are".
func is(what string, names []string) string {
	if len(names) == 1 {
		return what + " " + names[0] + " is"
	}
	return what + "s " + strings.Join(names, ", ") + " are"
}

// groups parts recordings by something, in their order.
func groups(recs []counted, by func(Place) string) (names []string, of map[string][]counted) {
	of = map[string][]counted{}
	for _, c := range recs {
		k := by(c.Place)
		if of[k] == nil {
			names = append(names, k)
		}
		of[k] = append(of[k], c)
	}
	return names, of
}

func subject(p Place) string { return p.Subject }
func session(p Place) string { return p.Session }

// sessions compares how many each subject has, and how many runs are in each.
func (v *counting) sessions() {
	p := v.set.Published
	if !v.whole {
		v.not("sessions and runs: only some were chosen")
		return
	}
	if !p.Sessions.Known() {
		v.not("sessions of a subject: %s", noSource)
	}
	if !p.Runs.Known() {
		v.not("runs of a session: %s", noSource)
	}
	names, of := groups(v.recs, subject)
	for _, name := range names {
		sessions, runs := groups(of[name], session)
		if want := p.Sessions.Value.of(name); p.Sessions.Known() && len(sessions) != want {
			v.add(name, "%s has %s, must have %d %s", Place{Subject: name}, several(sessions, "session"), want, p.Sessions.from())
		}
		for _, s := range sessions {
			there := runs[s]
			if want := p.Runs.Value.of(name); p.Runs.Known() && len(there) != want {
				var are []string
				for _, c := range there {
					are = append(are, cmp.Or(c.Run, c.Path))
				}
				v.add(there[0].Path, "%s has %s, must have %d %s", Place{Subject: name, Session: s}, several(are, "run"), want, p.Runs.from())
			}
		}
	}
}

// several is "1 session (0train)".
func several(names []string, what string) string {
	n := len(names)
	if n != 1 {
		what += "s"
	}
	if n == 1 && names[0] == "" {
		return "1 " + what
	}
	return fmt.Sprintf("%d %s (%s)", n, what, strings.Join(names, ", "))
}

// trials counts those of each class in what they are published for.
func (v *counting) trials() {
	p := v.set.Published.Trials
	by := map[string]func(Place) string{
		"subject": subject,
		"session": func(p Place) string { return Place{Subject: p.Subject, Session: p.Session}.String() },
		"run":     Place.String,
	}[p.Value.Per]
	sum := func(recs []counted) map[string]int {
		n := map[string]int{}
		for _, c := range recs {
			for class, k := range p.Value.count(c.trials) {
				n[class] += k
			}
		}
		return n
	}
	v.Trials = sum(v.recs)
	switch {
	case !p.Known():
		v.not("trials of a class: %s", noSource)
		return
	case !v.whole && p.Value.Per != "run":
		v.not("trials: only some sessions or runs were chosen")
		return
	}
	names, of := groups(v.recs, by)
	for _, name := range names {
		n, labels, first := sum(of[name]), map[string]bool{}, of[name][0]
		for _, c := range of[name] {
			for l := range c.trials {
				labels[l] = true
			}
		}
		for _, class := range p.Value.Classes {
			if got := n[class.Name]; got != class.N {
				text := ""
				if got == 0 {
					text = ": its events are " + cmp.Or(strings.Join(quote(slices.Sorted(maps.Keys(labels))), ", "), "none")
				}
				where := first.Place
				switch p.Value.Per {
				case "subject":
					where = Place{Subject: where.Subject}
				case "session":
					where.Run = ""
				}
				v.add(first.Path, "%s has %d trials of %s, must have %d %s%s", where, got, class.Name, class.N, p.from(), text)
			}
		}
	}
}

// quote puts labels in quotes, the first of many.
func quote(labels []string) (out []string) {
	for i, l := range labels {
		if i == shownChannels {
			return append(out, fmt.Sprintf("and %d more", len(labels)-i))
		}
		out = append(out, fmt.Sprintf("%q", l))
	}
	return out
}

// count is how many trials of each class events with these labels are. A label is the name of a class; in a recording without any
// such it is the number that stands for it. Without classes it is by label.
func (t Trials) count(labels map[string]int) map[string]int {
	if len(t.Classes) == 0 {
		return labels
	}
	plain := strings.NewReplacer("_", "", "-", "", " ", "").Replace
	same := func(a, b string) bool { return strings.EqualFold(plain(a), plain(b)) }
	n := map[string]int{}
	for _, by := range []func(Class) string{func(c Class) string { return c.Name }, func(c Class) string { return c.Code }} {
		for l, k := range labels {
			for _, c := range t.Classes {
				if by(c) != "" && same(by(c), l) {
					n[c.Name] += k
				}
			}
		}
		if len(n) > 0 {
			break
		}
	}
	return n
}

// layouts compares rates, channels and units, once for all recordings that have them alike.
func (v *counting) layouts() {
	p := v.set.Published
	for _, f := range []struct {
		known bool
		what  string
	}{{p.Rates.Known(), "rate"}, {p.EEG.Known(), "channels of EEG"}, {p.Channels.Known(), "names of channels"}, {p.EOG.Known(), "channels of EOG"}, {p.Unit.Known(), "units"}} {
		if !f.known {
			v.not("%s: %s", f.what, noSource)
		}
	}
	for i := range v.Layouts {
		var paths []string
		var c counted
		for _, r := range v.recs {
			if r.layout == i {
				if paths = append(paths, r.Path); len(paths) == 1 {
					c = r
				}
			}
		}
		if len(paths) == 0 {
			continue
		}
		has := "has"
		if n := len(paths) - 1; n > 0 {
			has = fmt.Sprintf("and %d more have", n)
		}
		if p.Rates.Known() && !slices.Contains(p.Rates.Value, c.rate) {
			v.add(c.Path, "%s %g Hz, must have %s Hz %s", has, c.rate, oneOf(p.Rates.Value), p.Rates.from())
		}
		v.channels(c, has)
	}
}

// channels compares those of one recording, which stands for all that have the same.
func (v *counting) channels(c counted, has string) {
	p := v.set.Published
	kinds, units := map[signal.Kind][]string{}, []string{}
	for _, ch := range c.channels {
		kinds[ch.Kind] = append(kinds[ch.Kind], ch.Name)
		if ch.Kind == signal.EEG && ch.Unit != signal.Microvolt {
			units = append(units, fmt.Sprintf("%s in %q", ch.Name, string(ch.Unit)))
		}
	}
	eeg := kinds[signal.EEG]
	if p.Channels.Known() {
		want := strings.Fields(p.Channels.Value)
		fold := func(names []string, n string) bool {
			return slices.ContainsFunc(names, func(o string) bool { return strings.EqualFold(o, n) })
		}
		lacks := slices.DeleteFunc(slices.Clone(want), func(n string) bool { return fold(eeg, n) })
		more := slices.DeleteFunc(slices.Clone(eeg), func(n string) bool { return fold(want, n) })
		var words []string
		if len(lacks) > 0 {
			words = append(words, "without "+strings.Join(lacks, ", "))
		}
		if len(more) > 0 {
			words = append(words, "with "+strings.Join(more, ", "))
		}
		if len(words) > 0 {
			v.add(c.Path, "%s other channels of EEG, %s: must be %d, %s %s", has, strings.Join(words, " and "), len(want), strings.Join(want, ", "), p.Channels.from())
		}
	} else if p.EEG.Known() && len(eeg) != p.EEG.Value {
		v.add(c.Path, "%s %d channels of EEG, must have %d %s", has, len(eeg), p.EEG.Value, p.EEG.from())
	}
	if n := len(kinds[signal.EOG]); p.EOG.Known() && n != p.EOG.Value {
		v.add(c.Path, "%s %d channels of EOG, must have %d %s", has, n, p.EOG.Value, p.EOG.from())
	}
	if n := len(units); p.Unit.Known() && n > 0 {
		v.add(c.Path, "%s %d channels of EEG that are no voltages, %s: must be %s, or other parts of a volt %s", has, n, strings.Join(units[:min(n, shownChannels)], ", "), p.Unit.Value, p.Unit.from())
	}
}
