// Package dataset knows data sets by name: what belongs to them, where it lies on this machine, and whether it is what it
// should be.
package dataset

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/linked"
	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// Recording is a recording of a set and where it lies.
type Recording struct {
	Place
	Path string // below the folder of the set, with slashes
}

// Recordings lists those below dir in the order of subject, session and run. Of a recording that is there in several formats
// it is the one that comes first in the set's preference. Nothing is opened: what a recording is, its name says, and in a folder
// that is a BIDS tree the tree.
func (s Set) Recordings(dir fs.FS) ([]Recording, error) {
	if s.layout == nil {
		if recs, err := treeRecordings(dir); err != nil || len(recs) > 0 {
			return recs, err
		}
	}
	var out []Recording
	take := func(name string) {
		p, follows := s.Parse(name)
		if follows && p != (Place{}) && (s.layout != nil || recordingName(name)) {
			out = append(out, Recording{p, name})
		}
	}
	err := linked.Walk(dir, func(name string, _ fs.FileMode) error {
		take(name)
		return nil
	}, func(l linked.Link) error {
		if l.Dead { // opening it says so
			take(l.Path)
		}
		return nil
	})
	slices.SortStableFunc(out, func(a, b Recording) int {
		return cmp.Or(natural(a.Subject, b.Subject), natural(a.Session, b.Session), natural(a.Run, b.Run), s.rank(a.Path)-s.rank(b.Path), strings.Compare(a.Path, b.Path))
	})
	if s.layout != nil {
		out = slices.CompactFunc(out, func(a, b Recording) bool { return a.Place == b.Place && path.Ext(a.Path) != path.Ext(b.Path) })
	}
	return out, err
}

// treeRecordings lists those of a BIDS tree; none where dir is no tree, or one in name alone, with recordings in other folders.
func treeRecordings(dir fs.FS) ([]Recording, error) {
	if is, err := bids.IsTree(dir, "."); err != nil || !is {
		return nil, err
	}
	tree, err := bids.ReadTree(dir, ".")
	if err != nil {
		return nil, err
	}
	var out []Recording
	for _, r := range tree.Recordings() {
		out = append(out, Recording{Place{r.Name.Get("sub"), r.Name.Get("ses"), r.Name.Get("run")}, r.Path})
	}
	return out, nil
}

// rank is how late a path comes in the set's preference of formats.
func (s Set) rank(path string) int {
	i := slices.IndexFunc(s.prefer, func(ending string) bool { return strings.HasSuffix(path, ending) })
	if i < 0 {
		return len(s.prefer)
	}
	return i
}

// recordingName says whether a file of an unknown set has the ending of a recording.
func recordingName(name string) bool {
	lower := strings.ToLower(name)
	return slices.ContainsFunc(ingest.Formats(), func(f ingest.Format) bool {
		return slices.ContainsFunc(f.Ext, func(ext string) bool { return strings.HasSuffix(lower, ext) })
	})
}

// numbered is a name with a number at its end: S001, run-2, 07.
var numbered = regexp.MustCompile(`^(.*?)0*(\d+)$`)

// natural orders names by the numbers at their ends.
func natural(a, b string) int {
	m, n := numbered.FindStringSubmatch(a), numbered.FindStringSubmatch(b)
	if m == nil || n == nil || m[1] != n[1] {
		return strings.Compare(a, b)
	}
	return cmp.Or(len(m[2])-len(n[2]), strings.Compare(m[2], n[2]), strings.Compare(a, b))
}

// level is one of the three things that a recording is named by.
type level struct {
	what   string
	prefix *regexp.Regexp // what may stand before its number
	of     func(Place) string
}

var levels = []level{
	{"subject", regexp.MustCompile(`^(?:sub-|subject[-_ ]?|chb|s)`), func(p Place) string { return p.Subject }},
	{"session", regexp.MustCompile(`^(?:ses-|session[-_ ]?|s)`), func(p Place) string { return p.Session }},
	{"run", regexp.MustCompile(`^(?:run-|r)`), func(p Place) string { return p.Run }},
}

// plain is a name without capitals, prefix and leading zeros: "S001" and "sub-01" are both "1".
func (l level) plain(name string) string {
	name = strings.ToLower(name)
	if rest := name[len(l.prefix.FindString(name)):]; rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		name = rest
	}
	if m := numbered.FindStringSubmatch(name); m != nil {
		return m[1] + m[2]
	}
	return name
}

// matcher is one word of a choice: a name, a span of numbers "S001-S010", or "*" for all.
func (l level) matcher(word string, known []string) (match func(string) bool, err error) {
	if word == "*" {
		return func(string) bool { return true }, nil
	}
	want := l.plain(word)
	if slices.ContainsFunc(known, func(k string) bool { return l.plain(k) == want }) {
		return func(name string) bool { return l.plain(name) == want }, nil
	}
	if from, to, ok := strings.Cut(word, "-"); ok {
		m, n := numbered.FindStringSubmatch(l.plain(from)), numbered.FindStringSubmatch(l.plain(to))
		if m != nil && n != nil && (m[1] == n[1] || n[1] == "") {
			first, err1 := strconv.Atoi(m[2])
			last, err2 := strconv.Atoi(n[2])
			if err1 == nil && err2 == nil && first <= last {
				if err := l.ends(word, m[1], [2]int{first, last}, known); err != nil {
					return nil, err
				}
				return func(name string) bool {
					k := numbered.FindStringSubmatch(l.plain(name))
					if k == nil || k[1] != m[1] {
						return false
					}
					v, err := strconv.Atoi(k[2])
					return err == nil && first <= v && v <= last
				}, nil
			}
			if err1 == nil && err2 == nil {
				return nil, fmt.Errorf("%s %q: the first number must not be above the last", l.what, word)
			}
		}
	}
	return func(name string) bool { return l.plain(name) == want }, nil
}

// ends refuses a span of which an end is not there though others of it are: whoever names ten subjects does not want two.
// known is nil where it is not known what there is.
func (l level) ends(word, name string, span [2]int, known []string) error {
	lacks, within := [2]bool{true, true}, false
	for _, k := range known {
		m := numbered.FindStringSubmatch(l.plain(k))
		if m == nil || m[1] != name {
			continue
		}
		v, err := strconv.Atoi(m[2])
		within = within || err == nil && span[0] <= v && v <= span[1]
		for i, end := range span {
			lacks[i] = lacks[i] && (err != nil || v != end)
		}
	}
	from, to, _ := strings.Cut(word, "-")
	for i, end := range []string{from, to} {
		if within && lacks[i] {
			return &registry.UnknownError{What: l.what + " at the end of " + word, Name: end, Known: known, Exact: true}
		}
	}
	return nil
}

// Choice is what stands behind the name of a set: "S001,S002:R04,R08" are two runs of two subjects. Its parts, separated by
// colons, are subjects, sessions where the set has any, and runs; each is a list of names, spans "R04-R08" and "*", and may be
// left out or empty, which is all.
type Choice struct{ parts [][]string }

// ParseChoice reads what stands behind the first colon of "eegmmidb:S001:R04". "" is all.
func ParseChoice(text string) (Choice, error) {
	var c Choice
	if text == "" {
		return c, nil
	}
	for part := range strings.SplitSeq(text, ":") {
		words := []string{"*"}
		if part != "" {
			words = strings.Split(part, ",")
		}
		if slices.Contains(words, "") {
			return c, fmt.Errorf("%q: a name is empty between commas", part)
		}
		c.parts = append(c.parts, words)
	}
	if len(c.parts) > len(levels) {
		return c, fmt.Errorf("%q has %d parts, must be at most SUBJECTS:SESSIONS:RUNS", text, len(c.parts))
	}
	return c, nil
}

// All says that nothing is left out.
func (c Choice) All() bool { return len(c.parts) == 0 }

// words are those for every level, of which a set need not have all.
func (c Choice) words(has [3]bool) ([3][]string, error) {
	all := [3][]string{{"*"}, {"*"}, {"*"}}
	var at []int
	var names []string
	for i, l := range levels {
		if has[i] {
			at, names = append(at, i), append(names, strings.ToUpper(l.what)+"S")
		}
	}
	if len(c.parts) > len(at) {
		return all, fmt.Errorf("has %d parts behind its name, must have at most %d: %s", len(c.parts), len(at), strings.Join(names, ":"))
	}
	for i, words := range c.parts {
		all[at[i]] = words
	}
	return all, nil
}

// Choose is what c names of recs, in the order in which it names it. Every word must find a recording in whatever the words
// before it have found: a run that one of two subjects lacks is an error, which lists what there is.
func (s Set) Choose(c Choice, recs []Recording) ([]Recording, error) {
	var has [3]bool
	for _, r := range recs {
		for i, l := range levels {
			has[i] = has[i] || l.of(r.Place) != ""
		}
	}
	words, err := c.words(has)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.title(), err)
	}
	return s.choose(words, 0, "", recs)
}

func (s Set) choose(words [3][]string, depth int, where string, recs []Recording) ([]Recording, error) {
	if depth == len(levels) {
		return recs, nil
	}
	l := levels[depth]
	groups, names := map[string][]Recording{}, []string{}
	for _, r := range recs {
		k := l.of(r.Place)
		if groups[k] == nil {
			names = append(names, k)
		}
		groups[k] = append(groups[k], r)
	}
	var out []Recording
	taken := map[string]bool{}
	for _, word := range words[depth] {
		match, err := l.matcher(word, names)
		if err != nil {
			return nil, err
		}
		found := false
		for _, name := range names {
			if !match(name) {
				continue
			}
			found = true
			if taken[name] {
				continue
			}
			taken[name] = true
			there := where
			if name != "" {
				there = strings.TrimSpace(where + " " + l.what + " " + strings.TrimPrefix(name, l.what))
			}
			chosen, err := s.choose(words, depth+1, there, groups[name])
			if err != nil {
				return nil, err
			}
			out = append(out, chosen...)
		}
		if !found {
			what := l.what + " of " + s.title()
			if where != "" {
				what = l.what + " of " + where
			}
			return nil, &registry.UnknownError{What: what, Name: word, Known: names, Exact: numbered.MatchString(word)}
		}
	}
	return out, nil
}

func (s Set) title() string {
	if s.Name == "" {
		return "the folder"
	}
	return s.Name
}

// Wanted says whether a file of the set belongs to what c names: recordings, what lies beside them, and what belongs to all of
// the set. m, which may be nil, says which files were read with others.
func (s Set) Wanted(c Choice, m *Manifest) (func(path string) bool, error) {
	var has [3]bool
	for i, l := range levels {
		switch {
		case m != nil && len(m.Files) > 0:
			has[i] = slices.ContainsFunc(m.Files, func(f File) bool { return l.of(f.Place) != "" })
		case s.layout != nil:
			has[i] = slices.Contains(s.layout.SubexpNames(), l.what)
		}
	}
	words, err := c.words(has)
	if err != nil {
		return nil, fmt.Errorf("%s %w", s.Name, err)
	}
	var match [3][]func(string) bool
	for i, l := range levels {
		for _, w := range words[i] {
			f, err := l.matcher(w, nil)
			if err != nil {
				return nil, err
			}
			match[i] = append(match[i], f)
		}
	}
	wants := func(p Place) bool {
		for i, l := range levels {
			if name := l.of(p); name != "" && !slices.ContainsFunc(match[i], func(f func(string) bool) bool { return f(name) }) {
				return false // what is of no run is of all
			}
		}
		return true
	}
	parts, read := map[string]bool{}, map[string]bool{} // of what is wanted, and of anything; files that gyrus has read
	if m != nil {
		for _, f := range m.Files {
			read[f.Path] = true
			for _, p := range f.Parts {
				read[p] = false
				parts[p] = parts[p] || wants(f.Place)
			}
		}
	}
	return func(path string) bool {
		if p, ok := s.Parse(path); ok {
			return wants(p)
		}
		if p, ok := s.Beside(path); ok {
			return wants(p)
		}
		return parts[path] || read[path]
	}, nil
}
