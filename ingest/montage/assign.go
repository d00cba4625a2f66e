package montage

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Entry is what one label becomes.
type Entry struct {
	Original  string      // the label
	Name      string      // unique within the list
	Kind      signal.Kind // a guess from the label
	Reference string      // in words, as from the function Reference
	Note      string      // why Name is not what Normalize says, "" where it is: for the list of deviations
}

// Assign names all channels of one recording. Beyond what Normalize does for each
//
//   - a run of numbered labels that goes beyond the 10-05 system (A1 to A32 of an amplifier, C1 to C64 of a grid) is taken
//     for what it is: those labels keep their names and are Misc, also the ones that by chance are 10-05 names; "EEG 1" and
//     "EEG EXG 1" are no such labels;
//   - labels that come to the same name all get a number behind it, "T8-P8-1" and "T8-P8-2", so that nobody takes the first
//     for the only one;
//   - an empty label becomes "channel 3", counted from 1.
func Assign(originals []string) []Entry {
	entries := make([]Entry, len(originals))
	inputs := numbered(originals)
	for i, o := range originals {
		e := Entry{Original: o}
		e.Name, e.Reference, e.Kind = split(o)
		letters, _, _ := numberedLabel(o)
		switch {
		case e.Name == "":
			e.Name = fmt.Sprintf("channel %d", i+1)
			e.Note = "the label is empty"
		case letters != "" && inputs[letters] && e.Kind != signal.Trigger: // "STI 014" is one
			e.Name, e.Kind, e.Reference = strings.TrimSpace(o), signal.Misc, ""
		}
		entries[i] = e
	}
	unique(entries)
	return entries
}

// numberedLabel takes "C12" apart, and "EEG C12-REF": of such labels the letters are "EEG C", since a file may have both. letters is ""
// for a label of another form; system says whether "C12" is a 10-05 name.
func numberedLabel(label string) (letters string, n int, system bool) {
	before, s := untyped(strings.TrimSpace(label))
	if first, second, dash := strings.Cut(s, "-"); dash {
		if _, is := references[strings.ToUpper(strings.TrimSpace(second))]; is {
			s = first
		}
	}
	s = strings.TrimRight(s, ". ")
	at := strings.IndexAny(s, "0123456789")
	if at < 0 || at == 0 && before == "" || before != "" && (at == 0 || s[at-1] == ' ') {
		return "", 0, false // no electrode and no input is called "EXG 1": what is in front alone says what it is
	}
	n, err := strconv.Atoi(s[at:])
	if err != nil {
		return "", 0, false
	}
	_, system = Spell(s)
	return before + s[:at], n, system
}

// numbered finds the letters whose numbered labels are inputs of an amplifier or contacts of a grid: at least one of
// them is no 10-05 name, and either one has a number above 10, where the 10-05 system ends, or all of 1 to 7 are there.
// (T1 and T2 beside T3 to T6 are clinical electrodes: that is why being no 10-05 name is not enough.)
func numbered(labels []string) map[string]bool {
	type run struct {
		foreign, beyond bool
		seen            [8]bool
	}
	runs := map[string]*run{}
	for _, l := range labels {
		letters, n, system := numberedLabel(l)
		if letters == "" {
			continue
		}
		r := runs[letters]
		if r == nil {
			r = new(run)
			runs[letters] = r
		}
		if !system {
			r.foreign = true
		}
		if n > 10 {
			r.beyond = true
		}
		if 1 <= n && n <= 7 {
			r.seen[n] = true
		}
	}
	inputs := map[string]bool{}
	for letters, r := range runs {
		inputs[letters] = r.foreign && (r.beyond || [7]bool(r.seen[1:]) == [7]bool{true, true, true, true, true, true, true})
	}
	return inputs
}

// unique numbers the names that occur more than once.
func unique(entries []Entry) {
	if !repeats(entries) {
		return
	}
	count := map[string]int{} // mostly they are few
	for _, e := range entries {
		count[e.Name]++
	}
	next := map[string]int{}
	for i := range entries {
		name := entries[i].Name
		if count[name] == 1 {
			continue
		}
		numbered := ""
		for numbered == "" || count[numbered] > 0 { // two that are numbered never meet: what stands before the last hyphen differs
			next[name]++
			numbered = fmt.Sprintf("%s-%d", name, next[name])
		}
		entries[i].Name = numbered
		note := fmt.Sprintf("%d channels come to the name %q", count[name], name)
		if entries[i].Note != "" {
			note = entries[i].Note + "; " + note
		}
		entries[i].Note = note
	}
}

// repeats says whether a name occurs more than once. It is asked of every recording, and costs less than counting them.
func repeats(entries []Entry) bool {
	order := make([]int32, len(entries))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return strings.Compare(entries[a].Name, entries[b].Name) })
	for i := 1; i < len(order); i++ {
		if entries[order[i]].Name == entries[order[i-1]].Name {
			return true
		}
	}
	return false
}
