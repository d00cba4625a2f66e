package signal

import (
	"cmp"
	"fmt"
	"slices"
	"sort"
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
// and lie over each other; they are sorted, without those that lie over nothing.
func Without(runs, skips []Span) (left []Span, out int64) {
	skips = slices.DeleteFunc(skips, func(s Span) bool { return s.Len <= 0 })
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

// LeaveOut makes gaps of the samples of r that lie in skips, which may have any order: its file goes on to have them. It says how many those are.
func (r *Recording) LeaveOut(skips []Span) (out int64) {
	left, out := Without(r.Runs(), skips)
	if out == 0 {
		return 0
	}
	r.Data = inside(r.Data, left, r.FileRuns())
	r.Spans, r.Len = left, 0
	if n := len(left); n > 0 {
		r.Len = left[n-1].End()
	}
	if r.Len == 0 || len(left) == 1 && left[0].Start == 0 {
		r.Spans = nil
	}
	return out
}

// within is the samples of a file that lie in runs, which are in order.
type within struct {
	SampleReader
	runs, all []Span
}

// ReadSamples reads samples of one run.
func (w within) ReadSamples(dst [][]float64, start int64) error {
	end := start
	if len(dst) > 0 {
		end += int64(len(dst[0]))
	}
	i := sort.Search(len(w.runs), func(i int) bool { return w.runs[i].End() > start })
	if end > start && (i == len(w.runs) || start < w.runs[i].Start || end > w.runs[i].End()) {
		return fmt.Errorf("samples [%d, %d) lie in none of the %d runs of the recording: nobody measured all of them", start, end, len(w.runs))
	}
	return w.SampleReader.ReadSamples(dst, start)
}

// FileRuns is where the file has samples.
func (w within) FileRuns() []Span { return w.all }

// CheckSamples looks at all samples of the file.
func (w within) CheckSamples() ([]Deviation, error) { return CheckSamples(w.SampleReader) }

// Unwrap is what reads the file.
func (w within) Unwrap() SampleReader { return w.SampleReader }

// withinUnits is within where the source tells units.
type withinUnits struct {
	within
	units UnitReader
}

// SourceUnits are those of the source.
func (w withinUnits) SourceUnits() []string { return w.units.SourceUnits() }

// withinStored is withinUnits where the source has integers.
type withinStored struct {
	withinUnits
	stored StoredReader
}

// Stored is that of the source.
func (w withinStored) Stored() []Stored { return w.stored.Stored() }

// inside is the samples of r that lie in runs; all is what its file has. It tells of the units and integers of a source what r tells.
func inside(r SampleReader, runs, all []Span) SampleReader {
	w := within{r, runs, all}
	units, tells := r.(UnitReader)
	if !tells {
		return w
	}
	if stored, whole := r.(StoredReader); whole {
		return withinStored{withinUnits{w, units}, stored}
	}
	return withinUnits{w, units}
}
