package split

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Purge takes those windows out of the training part of each fold that share samples with a window of its test part, and lists
// them in Fold.Purged: a decoder that has learned from such a window knows part of what it is tested on, and where labels follow each
// other in time that is told as if it knew the classes. Every window is still tested. Folds whose parts share no sample stay as they are.
// That is the purged cross-validation of López de Prado (2018, Advances in Financial Machine Learning, chapter 7); how far neighbours in
// time flatter decoders of the brain: Varoquaux et al. 2017 (doi:10.1016/j.neuroimage.2016.10.038).
//
// spans[i] is the stretch of the run groups[i] whose samples window i is made of. What a filter remembers of earlier samples is not
// counted. It is an error where a fold is left without a training window of a class.
func Purge(folds []Fold, y signal.Labels, groups []string, spans []signal.Span) ([]Fold, error) {
	if err := check(y, groups); err != nil {
		return nil, fmt.Errorf("purge: %w", err)
	}
	if len(spans) != len(groups) {
		return nil, fmt.Errorf("purge: got the samples of %d windows of %d, must be as many", len(spans), len(groups))
	}
	out := slices.Clone(folds)
	for k := range out {
		f := &out[k]
		tested, train, had, left := merge(f.Test, groups, spans), f.Train, make([]int, len(y.Classes)), make([]int, len(y.Classes))
		f.Train, f.Purged = nil, nil
		for _, i := range train {
			had[y.Y[i]]++
			if tested.share(groups[i], spans[i]) {
				f.Purged = append(f.Purged, i)
				continue
			}
			f.Train = append(f.Train, i)
			left[y.Y[i]]++
		}
		for class, n := range had {
			if n > 0 && left[class] == 0 {
				return nil, fmt.Errorf("%q: all %d training windows of class %q share samples with windows that are tested, so it cannot be learned; cut shorter windows, or use another split: %q, whose parts follow each other in time, takes few, %q none",
					f.Name, n, y.Classes[class], BlockedKFoldName, LeaveOneRunOutName)
			}
		}
	}
	return out, nil
}

// Purged is how many windows Purge has taken out of the training parts of folds, added up, and what there is to say of it, "" where it
// took out none.
func Purged(folds []Fold) (n int, what string) {
	all, most := 0, 0
	for k, f := range folds {
		n, all = n+len(f.Purged), all+len(f.Purged)+len(f.Train)
		if len(f.Purged) > len(folds[most].Purged) {
			most = k
		}
	}
	if n == 0 {
		return 0, ""
	}
	f := folds[most]
	return n, fmt.Sprintf("of the training windows of %d folds, %d in all, %d share samples with windows that are tested and are left out; %q loses most and learns from %d of %d",
		len(folds), all, n, f.Name, len(f.Train), len(f.Train)+len(f.Purged))
}

// Shared is a window of the training part and one of the test part of f that share samples, and whether there are such.
func Shared(f Fold, groups []string, spans []signal.Span) (train, test int, found bool) {
	tested := merge(f.Test, groups, spans)
	for _, i := range f.Train {
		if !tested.share(groups[i], spans[i]) {
			continue
		}
		for _, k := range f.Test {
			if groups[k] == groups[i] && spans[k].Start < spans[i].End() && spans[i].Start < spans[k].End() {
				return i, k, true
			}
		}
	}
	return 0, 0, false
}

// stretches are those of each run, apart from each other and ascending.
type stretches map[string][]signal.Span

// merge joins the spans of some windows where they overlap or touch.
func merge(windows []int, groups []string, spans []signal.Span) stretches {
	all := stretches{}
	for _, i := range windows {
		if spans[i].Len > 0 {
			all[groups[i]] = append(all[groups[i]], spans[i])
		}
	}
	for run, list := range all {
		slices.SortFunc(list, func(a, b signal.Span) int { return cmp.Compare(a.Start, b.Start) })
		joined := list[:1]
		for _, s := range list[1:] {
			if last := &joined[len(joined)-1]; s.Start <= last.End() {
				last.Len = max(last.End(), s.End()) - last.Start
			} else {
				joined = append(joined, s)
			}
		}
		all[run] = joined
	}
	return all
}

// share says whether s has a sample of a run that one of the stretches has.
func (all stretches) share(run string, s signal.Span) bool {
	list := all[run]
	i, _ := slices.BinarySearchFunc(list, s.Start, func(t signal.Span, at int64) int { return cmp.Compare(t.End(), at+1) })
	return s.Len > 0 && i < len(list) && list[i].Start < s.End() // the first one that ends behind the begin of s
}
