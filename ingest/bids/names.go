package bids

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Entity is one pair of a name: "sub" and "01" of sub-01.
type Entity struct{ Key, Value string }

// entityKeys are all entities that names may have, in the order in which they stand (BIDS 1.10, appendix "Entities").
var entityKeys = []string{
	"sub", "tpl", "ses", "cohort", "sample", "task", "tracksys", "acq", "nuc", "voi", "ce", "trc", "stain", "rec", "dir", "run", "mod", "echo",
	"flip", "inv", "mt", "part", "proc", "hemi", "space", "split", "recording", "chunk", "atlas", "seg", "scale", "res", "den", "label", "desc",
}

// indexKeys are the entities of which the value is a number; of all others it is a label.
var indexKeys = []string{"run", "echo", "flip", "inv", "split", "chunk"}

// Name is the name of a file in a tree, taken apart: sub-01_ses-02_task-rest_run-01_eeg.edf has four entities, the suffix
// "eeg" and the ending ".edf".
type Name struct {
	Entities []Entity
	Suffix   string // "eeg", "channels", "events"
	Ext      string // with the dot, from the first one on: ".edf", ".tsv.gz"; "" where there is none
}

// ParseName takes the name of a file, without its folder, apart. An error says that it is no name of the kind at all; what
// else may be wrong with it is what Problems lists.
func ParseName(base string) (Name, error) {
	if strings.ContainsAny(base, `/\`) {
		return Name{}, fmt.Errorf("%q has a folder in it, must be the name of a file", base)
	}
	stem, ext := base, ""
	if i := strings.IndexByte(base, '.'); i >= 0 {
		stem, ext = base[:i], base[i:]
	}
	parts := strings.Split(stem, "_")
	n := Name{Suffix: parts[len(parts)-1], Ext: ext}
	if n.Suffix == "" || strings.Contains(n.Suffix, "-") {
		return Name{}, fmt.Errorf("%q does not end in _ and a suffix, such as _eeg or _channels", base)
	}
	for _, p := range parts[:len(parts)-1] {
		key, value, ok := strings.Cut(p, "-")
		if !ok || key == "" || value == "" {
			return Name{}, fmt.Errorf("%q: %q is no key-value, such as sub-01", base, p)
		}
		n.Entities = append(n.Entities, Entity{key, value})
	}
	if len(n.Entities) == 0 {
		return Name{}, fmt.Errorf("%q has no key-value before the suffix, such as sub-01_", base)
	}
	return n, nil
}

// String is the name as the specification writes it: entities in its order, those that it does not know before desc.
func (n Name) String() string {
	sorted := slices.Clone(n.Entities)
	slices.SortStableFunc(sorted, func(a, b Entity) int { return place(a.Key) - place(b.Key) })
	var b strings.Builder
	for _, e := range sorted {
		b.WriteString(e.Key + "-" + e.Value + "_")
	}
	return b.String() + n.Suffix + n.Ext
}

// place is where an entity stands in a name.
func place(key string) int {
	if i := slices.Index(entityKeys, key); i >= 0 {
		return 2 * i
	}
	return 2*(len(entityKeys)-1) - 1 // just before desc
}

// Get is the value of an entity, "" where the name does not have it.
func (n Name) Get(key string) string {
	for _, e := range n.Entities {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// With is n with an entity set, or without it where value is "".
func (n Name) With(key, value string) Name {
	n.Entities = slices.DeleteFunc(slices.Clone(n.Entities), func(e Entity) bool { return e.Key == key })
	if value != "" {
		n.Entities = append(n.Entities, Entity{key, value})
	}
	return n
}

// File is the name of another file of the same entities: n.File("channels", ".tsv") lies beside the recording n.
func (n Name) File(suffix, ext string) Name {
	n.Suffix, n.Ext = suffix, ext
	return n
}

// Folder is where the files of n lie below the root: "sub-01/ses-02".
func (n Name) Folder() string {
	dir := "sub-" + n.Get("sub")
	if ses := n.Get("ses"); ses != "" {
		dir += "/ses-" + ses
	}
	return dir
}

// CheckLabel says what is wrong with the value of an entity that somebody has chosen.
func CheckLabel(key, value string) error {
	letter := func(c rune) bool { return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
	digit := func(c rune) bool { return c >= '0' && c <= '9' }
	not := func(is func(rune) bool) func(rune) bool { return func(c rune) bool { return !is(c) } }
	switch {
	case value == "":
		return fmt.Errorf("%s is empty, must be letters and digits", key)
	case slices.Contains(indexKeys, key) && strings.ContainsFunc(value, not(digit)):
		return fmt.Errorf("%s is %q, must be a whole number", key, value)
	case strings.ContainsFunc(value, not(letter)):
		return fmt.Errorf("%s is %q, must be letters and digits alone", key, value)
	}
	return nil
}

// Problems is where n, the name of the file at path, breaks the specification.
func (n Name) Problems(path string) []signal.Deviation {
	var out []signal.Deviation
	add := func(rule, found, assumed string) {
		out = append(out, signal.Deviation{Where: path + ": name", Rule: rule, Found: found, Assumed: assumed})
	}
	seen := map[string]bool{}
	for i, e := range n.Entities {
		switch {
		case !slices.Contains(entityKeys, e.Key):
			add("entities of the specification", fmt.Sprintf("%s-%s", e.Key, e.Value), "kept")
		case seen[e.Key]:
			add("each entity once", e.Key+" twice", "the first one")
		}
		seen[e.Key] = true
		if i > 0 && place(e.Key) < place(n.Entities[i-1].Key) {
			add(fmt.Sprintf("%s before %s", e.Key, n.Entities[i-1].Key), n.written(), "joined by what the name says, in whatever order")
		}
		if err := CheckLabel(e.Key, e.Value); err != nil {
			add("values of letters and digits; of indices, such as run, of digits", err.Error(), "kept")
		}
	}
	return out
}

// written is the name in the order that the entities have.
func (n Name) written() string {
	var b strings.Builder
	for _, e := range n.Entities {
		b.WriteString(e.Key + "-" + e.Value + "_")
	}
	return b.String() + n.Suffix + n.Ext
}

// Check says what is wrong with a name that is to be written.
func (n Name) Check() error {
	if p := n.Problems(n.String()); len(p) > 0 {
		return fmt.Errorf("%s: %s; there is %s", p[0].Where, p[0].Rule, p[0].Found)
	}
	if n.Get("sub") == "" {
		return errors.New("a name without sub: each recording is of a subject")
	}
	return nil
}
