package signal

import (
	"cmp"
	"fmt"
	"slices"
)

// SkipLabel is what MNE-Python calls a stretch of time in which nobody measured (mne.Annotations). It has samples there, and writes them:
// zeros, or what a filter made of them.
const SkipLabel = "BAD_ACQ_SKIP"

// SkipNote says that samples which a file holds under so many such marks are none of the recording.
func SkipNote(where string, marks int, seconds float64) Deviation {
	return Deviation{
		Where: where, Rule: fmt.Sprintf("%q lies over samples that were not measured: MNE-Python keeps numbers in their place", SkipLabel),
		Found: fmt.Sprintf("%d so marked, %.6g s in all", marks, seconds), Assumed: "gaps: what the file holds there is left out, and so are the marks",
	}
}

// Without is the parts of runs, which lie in order, that are in none of skips, and how many samples that leaves out. Skips may have any order
// and lie over each other; they are sorted.
func Without(runs, skips []Span) (left []Span, out int64) {
	slices.SortFunc(skips, func(a, b Span) int { return cmp.Compare(a.Start, b.Start) })
	left = make([]Span, 0, len(runs)+len(skips)) // each skip makes one more at most
	k := 0
	for _, run := range runs {
		here := run.Start
		for here < run.End() {
			for k < len(skips) && skips[k].End() <= here {
				k++
			}
			if k == len(skips) || skips[k].Start >= run.End() {
				break
			}
			if from := skips[k].Start; from > here {
				left = append(left, Span{here, from - here})
			}
			end := min(skips[k].End(), run.End())
			out += end - max(skips[k].Start, here)
			here = end
		}
		if here < run.End() {
			left = append(left, Span{here, run.End() - here})
		}
	}
	return left, out
}

// FileReader is a SampleReader of a file that holds more samples than the recording has, others filling it: an optional interface for
// those who count samples as they lie in the file.
type FileReader interface {
	SampleReader
	FileRuns() []Span // as Recording.Runs, those that fill the file included
}

// FileRuns is where the file that r was read from has samples: Runs, unless its reader says otherwise.
func (r *Recording) FileRuns() []Span {
	if f, ok := r.Data.(FileReader); ok {
		return f.FileRuns()
	}
	return r.Runs()
}

// Filled is samples of a file that has more of them, which were not measured.
type Filled struct {
	InUnits
	All []Span // those that were not, included
}

// FileRuns is where the file has samples.
func (f Filled) FileRuns() []Span { return f.All }
