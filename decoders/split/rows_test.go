package split_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
)

// TestRows: every row is tested once, training and test share no row, and with blocks no training row lies within the gap of
// a test row of its run.
func TestRows(t *testing.T) {
	var groups []string
	for _, run := range []struct {
		name string
		n    int
	}{{"a", 57}, {"b", 100}} {
		for range run.n {
			groups = append(groups, run.name)
		}
	}
	for name, want := range map[string]int{split.LeaveOneRunOutName: 2, split.BlockedKFoldName: 5} {
		const gap = 4
		folds, err := split.Rows(name, groups, gap)
		if err != nil || len(folds) != want {
			t.Fatalf("%s: %d folds, %v", name, len(folds), err)
		}
		tested := make([]int, len(groups))
		for _, f := range folds {
			if !slices.IsSorted(f.Train) || !slices.IsSorted(f.Test) || len(f.Train) == 0 {
				t.Errorf("%s %s: train %v, test %v", name, f.Name, f.Train, f.Test)
			}
			for _, i := range f.Test {
				tested[i]++
				for _, j := range f.Train {
					if i == j || name == split.LeaveOneRunOutName && groups[i] == groups[j] || groups[i] == groups[j] && max(i-j, j-i) <= gap {
						t.Fatalf("%s %s: row %d is tested, %d trained on", name, f.Name, i, j)
					}
				}
			}
		}
		if slices.ContainsFunc(tested, func(n int) bool { return n != 1 }) {
			t.Errorf("%s: rows are tested %v times", name, tested)
		}
	}
	for want, err := range map[string]error{
		"give the files of at least 2 runs": rowsErr(split.LeaveOneRunOutName, groups[:57], 4),
		"must have at least 210":            rowsErr(split.BlockedKFoldName, groups, 20),
		"blocked-kfold":                     rowsErr("kfold", groups, 1),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, must contain %q", err, want)
		}
	}
}

func rowsErr(name string, groups []string, gap int) error {
	_, err := split.Rows(name, groups, gap)
	return err
}
