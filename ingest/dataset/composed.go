package dataset

import (
	"cmp"
	"slices"
	"strings"
)

// recompose gives the events of f, as they are read now, the labels that the manifest has for them where only the way of writing them differs. A label
// of a table of events is composed of trial_type and value, "left/1", where a trial_type stands for several values anywhere in the table
// (package bids): one row that is changed, added or taken out changes the labels of all the others.
//
// Of several labels that can be one of the manifest, the one is that the most events have where the manifest has it, and the others stay as they are: a row with another value than the
// rest is another event.
func (f *File) recompose(want File) {
	if !slices.ContainsFunc(want.Parts, func(p string) bool { return strings.HasSuffix(p, "events.tsv") }) {
		return
	}
	type pair struct {
		got, want string
		same, all int // events that have the one where the manifest has the other, and that have the composed one
	}
	var pairs []pair
	same := map[[2]string]int{}
	for i := range min(len(f.Events), len(want.Events)) {
		a, l, _ := strings.Cut(f.Events[i], " ")
		if b, w, _ := strings.Cut(want.Events[i], " "); a == b {
			same[[2]string{l, w}]++
		}
	}
	// composed is the labels that trial is composed to, none where it stands for one value.
	composed := func(trial string, list, other map[string]int) (labels []string) {
		n := 0
		for l := range list {
			if strings.HasPrefix(l, trial+"/") {
				if n++; other[l] == 0 {
					labels = append(labels, l)
				}
			}
		}
		if n < 2 || list[trial] > 0 {
			return nil
		}
		return labels
	}
	for l := range want.Trials {
		for _, g := range composed(l, f.Trials, want.Trials) {
			pairs = append(pairs, pair{g, l, same[[2]string{g, l}], f.Trials[g]})
		}
	}
	for l := range f.Trials {
		for _, w := range composed(l, want.Trials, f.Trials) {
			pairs = append(pairs, pair{l, w, same[[2]string{l, w}], want.Trials[w]})
		}
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		return cmp.Or(cmp.Compare(b.same, a.same), cmp.Compare(b.all, a.all), strings.Compare(a.want, b.want), strings.Compare(a.got, b.got))
	})
	labels, taken := map[string]string{}, map[string]bool{}
	for _, p := range pairs {
		if labels[p.got] == "" && !taken[p.want] {
			labels[p.got], taken[p.want] = p.want, true
		}
	}
	for i, e := range f.Events {
		sample, label, _ := strings.Cut(e, " ")
		if l := labels[label]; l != "" {
			f.Events[i] = sample + " " + l
			f.Trials[l]++
			if f.Trials[label]--; f.Trials[label] == 0 {
				delete(f.Trials, label)
			}
		}
	}
}
