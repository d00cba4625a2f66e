package split

import (
	"fmt"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// RowsNames lists the splits that Rows knows, sorted.
func RowsNames() []string { return []string{BlockedKFoldName, LeaveOneRunOutName} }

// Rows makes folds for rows that follow each other in time and have no class, groups[i] being the run of row i:
// leave-one-run-out tests each run with what was learned from the others; blocked-kfold cuts every run into 5 blocks of
// rows that follow each other, and tests one block of every run with what was learned from the other blocks. There the gap
// rows before and behind a block are in neither part, because their windows overlap with those of the block: gap is at
// least the length of a window over the step, rounded up.
//
// The error for an unknown name is a *registry.UnknownError.
func Rows(name string, groups []string, gap int) ([]Fold, error) {
	var runs []string
	at := map[string][]int{} // the rows of each run
	for i, g := range groups {
		if _, known := at[g]; !known {
			runs = append(runs, g)
		}
		at[g] = append(at[g], i)
	}
	switch name {
	case LeaveOneRunOutName:
		if len(runs) < 2 {
			return nil, fmt.Errorf("%s: all %d rows are of one run, so there is nothing to learn from when it is left out; give the files of at least 2 runs, or use the split %q",
				name, len(groups), BlockedKFoldName)
		}
		var folds []Fold
		for _, r := range runs {
			f := Fold{Name: "test on " + r, Test: at[r]}
			for i, g := range groups {
				if g != r {
					f.Train = append(f.Train, i)
				}
			}
			folds = append(folds, f)
		}
		return folds, nil
	case BlockedKFoldName:
		const k = 5
		folds := make([]Fold, k)
		for b := range folds {
			f := &folds[b]
			f.Name = fmt.Sprintf("block %d of %d", b+1, k)
			for _, r := range runs {
				n := len(at[r])
				if least := k * (2*gap + 2); n < least {
					return nil, fmt.Errorf("%s: run %s has %d rows, must have at least %d: longer recordings, or shorter windows", name, r, n, least)
				}
				from, to := b*n/k, (b+1)*n/k
				for i, row := range at[r] {
					switch {
					case from <= i && i < to:
						f.Test = append(f.Test, row)
					case i < from-gap || i >= to+gap:
						f.Train = append(f.Train, row)
					}
				}
			}
			slices.Sort(f.Test)
			slices.Sort(f.Train)
		}
		return folds, nil
	}
	return nil, &registry.UnknownError{What: "split of a continuous pipeline", Name: name, Known: RowsNames()}
}
