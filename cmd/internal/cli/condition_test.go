package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// TestConvertKeepsConditions: what the names of a data set say of whole recordings is in the table of events of the tree, since the
// names are others there.
func TestConvertKeepsConditions(t *testing.T) {
	tree := filepath.Join(t.TempDir(), "tree")
	if code, _, errs := run(t, "convert", "--bids", datasettest.Need(t, "eegmat/Subject00_2.edf"), tree, "--subject", "00", "--task", "arithmetic"); code != 0 {
		t.Fatal(errs)
	}
	events, err := os.ReadFile(filepath.Join(tree, "sub-00", "eeg", "sub-00_task-arithmetic_events.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(events), "\n0\t62\tmental arithmetic\t") {
		t.Errorf("no event of all of the recording in\n%s", events)
	}
}
