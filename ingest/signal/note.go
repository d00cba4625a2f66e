package signal

import (
	"fmt"
	"slices"
	"strings"
)

// Note is what a step has to say about how it learned: how much it regularised, which rank the data have.
type Note struct {
	Text      string  // with one verb, %s, where the number goes: "shrinkage %s (Ledoit-Wolf)"
	Low, High float64 // the number; two where it was not the same every time
}

// String puts the number in its place: "shrinkage 0.13 (Ledoit-Wolf)", "shrinkage 0.11 to 0.15 (Ledoit-Wolf)".
func (n Note) String() string {
	number := fmt.Sprintf("%.3g", n.Low)
	if high := fmt.Sprintf("%.3g", n.High); high != number {
		number += " to " + high
	}
	return fmt.Sprintf(n.Text, number)
}

// Noter is a step that says, once it is fitted, what it did to be able to: an optional interface of steps on samples, feature
// steps and decoders.
type Noter interface {
	// Notes is asked for behind a fit. It is empty where there is nothing to say.
	Notes() []Note
}

// RankNote says that the data of so many channels have fewer dimensions, from low to high in several fits, and that the step
// worked within those. It is empty where all dimensions are there, and where low is 0: nothing was fitted.
func RankNote(low, high, channels int) []Note {
	if low == 0 || low >= channels {
		return nil
	}
	return []Note{{
		Text: fmt.Sprintf("covariance has rank %%s of %d (average reference, flat, replaced or equal channels): solved within its range", channels),
		Low:  float64(low), High: float64(high),
	}}
}

// BadNote says what became of channels that the source marks as bad, and what to do for the same in a stream that does not mark them,
// "" where the step does the same there. It is empty where there are none.
func BadNote(done string, names []string, remedy string) []Note {
	if len(names) == 0 {
		return nil
	}
	if remedy != "" {
		remedy = "; " + remedy
	}
	n := float64(len(names))
	return []Note{{
		Text: "%s " + strings.ReplaceAll(done+", because the recording marks them as bad: "+strings.Join(names, ", ")+remedy, "%", "%%"),
		Low:  n, High: n,
	}}
}

// MergeNotes makes one note of those with the same text: numbers become ranges.
func MergeNotes(notes []Note) []Note {
	var all []Note
	for _, n := range notes {
		k := slices.IndexFunc(all, func(m Note) bool { return m.Text == n.Text })
		if k < 0 {
			all = append(all, n)
			continue
		}
		all[k].Low, all[k].High = min(all[k].Low, n.Low), max(all[k].High, n.High)
	}
	return all
}
