package stream_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders/split"
	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestGalleryAgainstOracle decodes EEGMMIDB S001 and S002, imagined fists against feet and left against right, leave one
// run out, with the built-in pipelines: each is within one trial of the program in MNE, SciPy, pyRiemann and scikit-learn
// (benchmarks/oracle/eegmmidb_pipelines.py) on the same trials.
func TestGalleryAgainstOracle(t *testing.T) {
	raw, err := os.ReadFile("../benchmarks/oracle/golden/eegmmidb_pipelines.json")
	if err != nil {
		t.Fatal(err)
	}
	var want struct {
		Rows []struct {
			Subject, Task, Filter, Pipeline string
			Correct, Trials                 int
		} `json:"rows"`
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		t.Fatal(err)
	}
	if len(want.Rows) != 40 {
		t.Fatalf("%d rows, want 2 subjects × 2 tasks × 2 filters × 4 pipelines, and filter-bank CSP with the filters of mne.decoding.CSP", len(want.Rows))
	}
	runs := map[string][]string{"fists-feet": {"R06", "R10", "R14"}, "left-right": {"R04", "R08", "R12"}}
	for _, row := range want.Rows {
		name, by, _ := strings.Cut(row.Pipeline, " ") // "fbcsp-lda by mne.decoding.CSP"
		if row.Filter == "zero-phase" {
			name += "-zero-phase"
		}
		spec, err := pipeline.Load(name)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		var recs []*signal.Recording
		for _, run := range runs[row.Task] {
			path := datasettest.Need(t, "eegmmidb/"+row.Subject+"/"+row.Subject+run+".edf")
			rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
			if err != nil {
				t.Fatal(err)
			}
			recs = append(recs, rec)
		}
		set, y := collect(t, build(t, spec, pipeline.Cued), recs...)
		folds, err := split.LeaveOneRunOut{}.Split(y, set.Group)
		if err != nil {
			t.Fatal(err)
		}
		tested, err := stream.CrossValidate(context.Background(), spec, recs, set, y, folds, nil)
		if err != nil {
			t.Errorf("%s %s %s: %v", row.Subject, row.Task, name, err)
			continue
		}
		right := 0
		for _, r := range tested {
			if r.Label == r.Truth {
				right++
			}
		}
		t.Logf("%s %-10s %-20s %d of %d, oracle %d %s", row.Subject, row.Task, name, right, len(tested), row.Correct, by)
		if d := right - row.Correct; len(tested) != row.Trials || d < -1 || d > 1 {
			t.Errorf("%s %s %s: %d of %d correct, the oracle %s has %d of %d", row.Subject, row.Task, name, right, len(tested), by, row.Correct, row.Trials)
		}
		for _, rec := range recs {
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}
