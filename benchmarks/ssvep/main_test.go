package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

// TestAgainstOracle decides the exoskeleton set with the built-in pipelines, and compares every decision with that of the
// program in MNE, SciPy, scikit-learn and meegkit.
func TestAgainstOracle(t *testing.T) {
	g, err := load("../oracle/golden/ssvep_exo.json")
	if err != nil {
		t.Fatal(err)
	}
	people, err := subjects(datasettest.Need(t, "ssvep-exo"))
	if err != nil {
		t.Fatal(err)
	}
	all, different := 0, 0
	for _, m := range methods {
		for seconds := 1.0; seconds <= 5; seconds++ {
			c, want, others, err := compare(t.Context(), g, m, seconds, people)
			if err != nil {
				t.Fatalf("%s, %g s: %v", m.name, seconds, err)
			}
			all, different = all+c.Trials(), different+others
			t.Logf("%-6s %g s: %d of %d right, the oracle %d; %d decided otherwise", m.name, seconds, c.Correct(), c.Trials(), want, others)
			if c.Correct() < want || others > 0 {
				t.Errorf("%s, %g s: %d right and %d decided otherwise, must be at least %d and 0", m.name, seconds, c.Correct(), others, want)
			}
		}
	}
	paritytest.Error(t, paritytest.Report{
		What: "built-in SSVEP pipelines (CCA, filter-bank CCA, TRCA; 1 to 5 s): part of the trials decided otherwise",
		Peer: fmt.Sprintf("MNE %s, SciPy %s, scikit-learn %s, meegkit %s", g.Versions["mne"], g.Versions["scipy"], g.Versions["sklearn"], g.Versions["meegkit"]),
		Data: "SSVEP exoskeleton set, 288 trials", Err: float64(different) / float64(all), Tol: 0,
	})
}

// TestWrongData: a folder without the data set is an error, not an empty table.
func TestWrongData(t *testing.T) {
	if _, err := subjects(t.TempDir()); err == nil || !strings.Contains(err.Error(), "no folder subject01") {
		t.Errorf("the error is %v", err)
	}
}
