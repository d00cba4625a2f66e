package signal

import "fmt"

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

// Noter is a step that says, once it is fitted, what it did to be able to: an optional interface of feature steps and
// decoders.
type Noter interface {
	// Notes is asked for behind a fit. It is empty where there is nothing to say.
	Notes() []Note
}
