package dataset

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
	"github.com/gyrus-bci/gyrus/ingest/linked"
)

// Finding is something that is not as the manifest says.
type Finding struct {
	What string `json:"what"` // one of the kinds below
	Path string `json:"path"` // of the file or, for a subject, its name
	Text string `json:"text"`
}

// The kinds of finding. Unknown files are no fault: they were never checked. Nor are links by themselves: what they should lead to and is
// not there is missing.
const (
	MissingSubject = "missing_subject"
	Missing        = "missing"            // a file, or in a table of participants the row of a subject
	Shifted        = "shifted_sessions"   // all sessions of a subject are off by the same number
	Exchanged      = "exchanged_subjects" // all recordings of two subjects lie in the place of the other
	Swapped        = "swapped"            // the content of another file, which is not in its place
	Duplicated     = "duplicated"         // the content of another file, which is there too
	Altered        = "altered"
	Labels         = "labels"
	CountMismatch  = "count_mismatch" // not as published: subjects, sessions, runs, trials, rate, channels or units
	Unknown        = "unknown"
	Link           = "link" // leads nowhere, or out of the folder
)

// Report is what Verify has found.
type Report struct {
	Same       int            // files that are as the manifest says
	There      int            // files of the manifest that are there at all
	Listed     int            // files that are not in it, and are as the publisher's list beside them says
	Recordings int            // of the manifest that are there and as they should be
	Subjects   []string       // of those recordings
	Kinds      map[string]int // of those recordings: how many are of what, where all of a recording is of one thing
	Trials     map[string]int // of those recordings: by what a label means, or the label where nobody knows
	Findings   []Finding      // by path
}

// Faults is how many findings are faults.
func (r Report) Faults() (n int) {
	for _, f := range r.Findings {
		if f.What != Unknown && f.What != Link {
			n++
		}
	}
	return n
}

// set is the set that the manifest is of, the zero value for a folder that is none.
func (m *Manifest) set() Set {
	i := slices.IndexFunc(sets, func(s Set) bool { return s.Name == m.Set && m.Set != "" })
	if i < 0 {
		return Set{}
	}
	return sets[i]
}

// content is what lies in a folder.
type content struct {
	sum   string
	bytes int64
}

// verifying is one comparison of a folder with a manifest.
type verifying struct {
	*Manifest
	Report
	dir     fs.FS
	here    map[string]content
	byPath  map[string]File
	holders map[string][]File // the files that should have a content
	altered map[string]bool
	dead    map[string]string // links that lead nowhere, and where they should
}

// Verify compares the files below dir with m. Every file is hashed; one that differs is opened, so that the finding says what
// is different in it. Files that m does not have are compared with the list that was fetched with them, where there is one.
// wanted says which files it is about, nil for all.
func (m *Manifest) Verify(dir fs.FS, wanted func(path string) bool) (Report, error) {
	if wanted == nil {
		wanted = func(string) bool { return true }
	}
	all := m.Files
	m = &Manifest{Set: m.Set, Layouts: m.Layouts}
	for _, f := range all {
		if wanted(f.Path) {
			m.Files = append(m.Files, f)
		}
	}
	v := &verifying{
		Manifest: m, dir: dir, here: map[string]content{}, byPath: map[string]File{}, holders: map[string][]File{}, altered: map[string]bool{}, dead: map[string]string{},
		Report: Report{Kinds: map[string]int{}, Trials: map[string]int{}},
	}
	for _, f := range m.Files {
		v.byPath[f.Path] = f
		v.holders[f.SHA256] = append(v.holders[f.SHA256], f)
	}
	err := linked.Walk(dir, func(name string, mode fs.FileMode) error {
		if name == ManifestFile || name == pull.ListFile || !wanted(name) || !mode.IsRegular() {
			return nil
		}
		var c content
		var err error
		c.sum, c.bytes, err = hash(dir, name)
		v.here[name] = c
		return err
	}, func(l linked.Link) error {
		v.link(l, wanted(l.Path))
		return nil
	})
	if err != nil {
		return Report{}, err
	}
	list, err := listed(dir)
	if err != nil {
		return Report{}, err
	}
	for _, name := range slices.Sorted(maps.Keys(v.here)) {
		v.file(name, list)
	}
	v.shifts()
	v.exchanged()
	v.missing()
	if err := v.opened(); err != nil {
		return Report{}, err
	}
	v.count()
	slices.SortStableFunc(v.Findings, func(a, b Finding) int { return strings.Compare(a.Path, b.Path) })
	return v.Report, nil
}

// link notes one that leads nowhere, or out of the folder.
func (v *verifying) link(l linked.Link, wanted bool) {
	_, known := v.byPath[l.Path]
	switch {
	case l.Dead && known:
		v.dead[l.Path] = l.To
	case l.Dead:
		v.add(Link, l.Path, "is a link to %s, which is not there: %s", l.To, fetchIt)
	case wanted || l.Dir:
		v.add(Link, l.Path, "is a link to %s, out of the folder: what is there was compared, and a copy of the folder does not have it", l.To)
	}
}

// fetchIt is what to do about links of git-annex and DataLad.
const fetchIt = "fetch what it leads to, with datalad get or git annex get where the folder is of these"

// listed is the publisher's list of hashes in the folder.
func listed(dir fs.FS) (map[string]string, error) {
	data, err := fs.ReadFile(dir, pull.ListFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return pull.ParseSums(pull.ListFile, data)
}

func (v *verifying) add(what, path, format string, args ...any) {
	v.Findings = append(v.Findings, Finding{what, path, fmt.Sprintf(format, args...)})
}

// inPlace says whether a file of the manifest is there with its content.
func (v *verifying) inPlace(f File) bool { return v.here[f.Path].sum == f.SHA256 }

// file compares one that is there.
func (v *verifying) file(name string, list map[string]string) {
	c := v.here[name]
	want, known := v.byPath[name]
	if known {
		v.There++
	}
	owner, owned := v.owner(c)
	moved := owned && !v.inPlace(owner)
	switch {
	case known && c.sum == want.SHA256:
		v.Same++
		return
	case known && moved:
		v.add(Swapped, name, "has the content of %s; this should be %s", owner.named(), want.named())
	case known && owned:
		v.add(Duplicated, name, "has the content of %s, which is there too: its trials would count twice; this should be %s", owner.named(), want.named())
	case known:
		v.add(Altered, name, "%d bytes with SHA-256 %.12s…, must be %d with %.12s…", c.bytes, c.sum, want.Bytes, want.SHA256)
	case moved:
		v.add(Swapped, name, "is %s under another name", owner.named())
		return
	case owned && owner.Layout >= 0:
		v.add(Duplicated, name, "is a copy of %s: its trials would count twice", owner.named())
		return
	case owned:
		v.add(Unknown, name, "is a copy of %s", owner.named())
		return
	case list[name] == c.sum:
		v.Listed++
		return
	case list[name] != "":
		v.add(Altered, name, "%d bytes with SHA-256 %.12s…, must be %.12s… as %s says", c.bytes, c.sum, list[name], pull.ListFile)
		return
	default:
		v.add(Unknown, name, "is not in the manifest: nobody has checked it")
		return
	}
	v.altered[name] = true
}

// owner is the file that should have a content; of several rather one that is not in its place, since it may have gone there.
func (v *verifying) owner(c content) (File, bool) {
	owners := v.holders[c.sum]
	if len(owners) == 0 {
		return File{}, false
	}
	if i := slices.IndexFunc(owners, func(f File) bool { return !v.inPlace(f) }); i >= 0 {
		return owners[i], true
	}
	return owners[0], true
}

// named is a file with whose recording it is.
func (f File) named() string {
	if place := f.String(); place != "" {
		return fmt.Sprintf("%s (%s)", f.Path, place)
	}
	return f.Path
}

// lies is a recording of the manifest that is there.
type lies struct {
	at, of  Place // by the name under which it lies, and what it is of
	inPlace bool
}

// lying are the recordings of the manifest that are there, under names that say what they are of.
func (v *verifying) lying() iter.Seq[lies] {
	return func(yield func(lies) bool) {
		set := v.set()
		for name, c := range v.here {
			at, ok := set.Parse(name)
			owner, owned := v.owner(c)
			if ok && owned && owner.Layout >= 0 && !yield(lies{at, owner.Place, v.byPath[name].SHA256 == c.sum}) {
				return
			}
		}
	}
}

// shifts finds subjects of whom all recordings that lie in the wrong place are off by the same number of sessions.
func (v *verifying) shifts() {
	type move struct{ n, by int }
	moves := map[string]move{}
	for l := range v.lying() {
		if l.inPlace {
			continue
		}
		at, of := l.at, l.of
		from, err1 := trailing(of.Session)
		to, err2 := trailing(at.Session)
		m, seen := moves[of.Subject]
		switch by := to - from; {
		case err1 != nil || err2 != nil || by == 0 || at.Subject != of.Subject || seen && m.by != by:
			m.by = 0 // no common number
		case !seen:
			m.by = by
		}
		m.n++
		moves[of.Subject] = m
	}
	for subject, m := range moves {
		if m.n < 2 || m.by == 0 {
			continue
		}
		whose := "the only subject"
		if subject != "" {
			whose = "subject " + subject
		}
		v.add(Shifted, subject, "the sessions of %s are off by %+d: %d recordings lie in the folder or under the name of another session", whose, m.by, m.n)
	}
}

// trailing is the number at the end of a name.
func trailing(name string) (int, error) {
	if m := numbered.FindStringSubmatch(name); m != nil {
		return strconv.Atoi(m[2])
	}
	return 0, strconv.ErrSyntax
}

// subjects are those whose the files are: of what was read with recordings that of these, "" where it is of several.
func (v *verifying) subjects() map[string]string {
	set, of := v.set(), map[string]string{}
	for _, f := range v.Files {
		for _, p := range f.Parts {
			if was, ok := of[p]; ok && was != f.Subject {
				of[p] = ""
				continue
			}
			of[p] = f.Subject
		}
	}
	for _, f := range v.Files {
		switch p, ok := set.Parse(f.Path); {
		case f.Subject != "":
			of[f.Path] = f.Subject
		case set.layout == nil && ok && p.Subject != "":
			of[f.Path] = p.Subject
		}
	}
	return of
}

// missing names what is not there: whole subjects by one finding, unless some of a subject lies under another name.
func (v *verifying) missing() {
	found := map[string]bool{}
	for _, c := range v.here {
		found[c.sum] = true
	}
	of, left, all := v.subjects(), map[string]bool{}, map[string]map[string]bool{}
	for _, f := range v.Files {
		if f.Layout < 0 { // what is said about recordings may outlast them
			continue
		}
		subject := of[f.Path]
		if all[subject] == nil {
			all[subject] = map[string]bool{}
		}
		all[subject][cmp.Or(f.String(), f.Path)] = true // of one recording in two formats there is one
		_, there := v.here[f.Path]
		left[subject] = left[subject] || there || found[f.SHA256]
	}
	said := map[string]bool{}
	for _, f := range v.Files {
		_, there := v.here[f.Path]
		switch subject := of[f.Path]; {
		case there:
		case subject != "" && len(all[subject]) > 0 && !left[subject]:
			if !said[subject] {
				text := ""
				if to, dead := v.dead[f.Path]; dead {
					text = fmt.Sprintf(": %s is a link to %s, which is not there (%s)", f.Path, to, fetchIt)
				}
				v.add(MissingSubject, subject, "subject %s is missing with all its %d recordings%s", subject, len(all[subject]), text)
			}
			said[subject] = true
		default:
			text := "is missing"
			if to, dead := v.dead[f.Path]; dead {
				text = fmt.Sprintf("is a link to %s, which is not there (%s)", to, fetchIt)
			}
			if place := f.String(); place != "" {
				text += ": " + place
			}
			v.add(Missing, f.Path, "%s", text)
		}
	}
}

// exchanged finds subjects all of whose recordings lie in the places of another one, and the other way round.
func (v *verifying) exchanged() {
	to := map[string]string{}
	for l := range v.lying() {
		from := l.of.Subject
		if was, seen := to[from]; seen && was != l.at.Subject {
			to[from] = "" // of several
			continue
		}
		to[from] = l.at.Subject
	}
	for _, a := range slices.Sorted(maps.Keys(to)) {
		if b := to[a]; a != "" && a < b && to[b] == a {
			v.add(Exchanged, a, "subjects %s and %s are exchanged: all recordings of each lie in the folder or under the name of the other", a, b)
		}
	}
}

// opened looks into recordings that are not the same as they were, or of which a part is not.
func (v *verifying) opened() error {
	for _, f := range v.Files {
		if v.altered[f.Path] {
			text, err := v.rowsGone(f)
			if err != nil {
				return err
			}
			if text != "" {
				v.add(Missing, f.Path, "%s", text)
			}
		}
		if f.Levels != nil && v.altered[f.Path] {
			text, err := v.levelsOf(f)
			if err != nil {
				return err
			}
			if text != "" {
				v.add(Labels, f.Path, "%s", text)
			}
		}
		_, there := v.here[f.Path]
		touched := v.altered[f.Path] || slices.ContainsFunc(f.Parts, func(p string) bool {
			_, ok := v.here[p]
			return v.altered[p] || !ok
		})
		if f.Layout < 0 || !there || !touched {
			continue
		}
		texts := v.differences(v.dir, f)
		for _, text := range texts {
			v.add(Labels, f.Path, "%s", text)
		}
		if i := slices.IndexFunc(v.Findings, func(g Finding) bool { return g.What == Altered && g.Path == f.Path }); i >= 0 && len(texts) == 0 {
			v.Findings[i].Text += "; rate, channels, length and events are as they should be: samples or words of the header differ"
		}
	}
	return nil
}

// differences says what is other in a recording than the manifest says: its layout, length and labels.
func (m *Manifest) differences(dir fs.FS, want File) (texts []string) {
	got := File{Path: want.Path}
	l, err := got.read(dir)
	if err != nil {
		return []string{"cannot be read: " + err.Error()}
	}
	got.recompose(want)
	texts = l.differences(m.Layouts[want.Layout])
	if got.Samples != want.Samples {
		texts = append(texts, fmt.Sprintf("has %d samples, must have %d", got.Samples, want.Samples))
	}
	all := maps.Clone(want.Trials)
	if all == nil {
		all = map[string]int{}
	}
	maps.Copy(all, got.Trials)
	for _, l := range slices.Sorted(maps.Keys(all)) {
		if got.Trials[l] != want.Trials[l] {
			texts = append(texts, fmt.Sprintf("has %d trials of %s, must have %d", got.Trials[l], m.quoted(want.Place, l), want.Trials[l]))
		}
	}
	if text := m.permuted(got.Events, want); text != "" {
		return append(texts, text)
	}
	wrong, first := 0, -1
	for i := range min(len(got.Events), len(want.Events)) {
		if got.Events[i] != want.Events[i] {
			if wrong++; first < 0 {
				first = i
			}
		}
	}
	if first >= 0 {
		texts = append(texts, fmt.Sprintf("%d events differ, first event %d: sample and label are %q, must be %q", wrong, first+1, got.Events[first], want.Events[first]))
	}
	return texts
}

// differences says what is other in l than in the layout want.
func (l Layout) differences(want Layout) (texts []string) {
	if l.Format != want.Format || l.RateHz != want.RateHz || len(l.Channels) != len(want.Channels) {
		texts = append(texts, fmt.Sprintf("is %s at %g Hz with %d channels, must be %s at %g Hz with %d", l.Format, l.RateHz, len(l.Channels), want.Format, want.RateHz, len(want.Channels)))
	}
	var words []string
	n := 0
	add := func(format string, args ...any) {
		if n++; n <= shownChannels {
			words = append(words, fmt.Sprintf(format, args...))
		}
	}
	if len(l.Channels) == len(want.Channels) {
		for i, c := range l.Channels {
			if c != want.Channels[i] {
				add("channel %d is %q, must be %q", i+1, c, want.Channels[i])
			}
		}
	} else {
		for _, c := range want.Channels {
			if !slices.Contains(l.Channels, c) {
				add("%q is missing", c)
			}
		}
		for _, c := range l.Channels {
			if !slices.Contains(want.Channels, c) {
				add("%q is too much", c)
			}
		}
	}
	if n == 0 {
		return texts
	}
	text := "names, kinds and units of channels differ: " + strings.Join(words, "; ")
	if n > shownChannels {
		text += fmt.Sprintf("; and %d more", n-shownChannels)
	}
	return append(texts, text)
}

// shownChannels is how many channels a finding names.
const shownChannels = 5

// quoted is a label with what it means.
func (m *Manifest) quoted(p Place, label string) string {
	if mean := m.set().Meaning(p, label); mean != "" {
		return fmt.Sprintf("%q (%s)", label, mean)
	}
	return strconv.Quote(label)
}

// permuted says that classes stand for each other: events are at the same samples, and all of one label have the label of
// another one. It is "" where that is not so.
func (m *Manifest) permuted(got []string, want File) string {
	if len(got) != len(want.Events) {
		return ""
	}
	to, from := map[string]string{}, map[string]string{}
	n := 0
	for i := range got {
		a, l, _ := strings.Cut(want.Events[i], " ")
		b, k, _ := strings.Cut(got[i], " ")
		if a != b || to[l] != "" && to[l] != k || from[k] != "" && from[k] != l {
			return ""
		}
		if to[l], from[k] = k, l; l != k {
			n++
		}
	}
	var words []string
	for _, l := range slices.Sorted(maps.Keys(to)) {
		if to[l] != l {
			words = append(words, fmt.Sprintf("%s for %s", strconv.Quote(to[l]), m.quoted(want.Place, l)))
		}
	}
	if len(words) == 0 {
		return ""
	}
	return fmt.Sprintf("the classes are swapped in all %d events: %s", n, strings.Join(words, ", "))
}

// count sums up what is as it should be. A recording that is there in several formats counts once.
func (v *verifying) count() {
	set, seen, best := v.set(), map[string]bool{}, map[Place]int{}
	whole := func(f File) bool {
		return f.Layout >= 0 && v.inPlace(f) && !slices.ContainsFunc(f.Parts, func(p string) bool { return !v.inPlace(v.byPath[p]) })
	}
	if set.layout != nil {
		for _, f := range v.Files {
			if whole(f) {
				rank, ok := best[f.Place]
				if r := set.rank(f.Path); !ok || r < rank {
					best[f.Place] = r
				}
			}
		}
	}
	for _, f := range v.Files {
		if rank, ok := best[f.Place]; !whole(f) || ok && rank != set.rank(f.Path) {
			continue
		}
		v.Recordings++
		if kind := set.Meaning(f.Place, ""); kind != "" {
			v.Kinds[kind]++
		}
		if f.Subject != "" && !seen[f.Subject] {
			seen[f.Subject] = true
			v.Subjects = append(v.Subjects, f.Subject)
		}
		for l, n := range f.Trials {
			if m := set.Meaning(f.Place, l); m != "" {
				l = m
			}
			v.Trials[l] += n
		}
	}
}
