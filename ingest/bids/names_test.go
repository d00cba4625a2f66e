package bids_test

import (
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/bids"
)

func TestName(t *testing.T) {
	const name = "sub-01_ses-02_task-rest_acq-quiet_run-01_desc-clean_eeg.edf"
	n, err := bids.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	if n.String() != name || n.Suffix != "eeg" || n.Ext != ".edf" || n.Get("run") != "01" || n.Get("space") != "" || n.Folder() != "sub-01/ses-02" {
		t.Errorf("%q is %+v", name, n)
	}
	if p := n.Problems(name); len(p) > 0 {
		t.Errorf("a good name has problems: %v", p)
	}
	if got, want := n.With("desc", "").With("space", "CapTrak").File("electrodes", ".tsv.gz").String(), "sub-01_ses-02_task-rest_acq-quiet_run-01_space-CapTrak_electrodes.tsv.gz"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if n.String() != name {
		t.Error("With changes what it is called on")
	}
}

func TestNameProblems(t *testing.T) {
	for _, c := range []struct{ name, rule string }{
		{"sub-01_run-1_task-rest_eeg.edf", "task before run"},
		{"sub-01_task-my-rest_eeg.edf", "values of letters and digits"},
		{"sub-01_task-rest_run-one_eeg.edf", "values of letters and digits; of indices"},
		{"sub-01_task-a_task-b_eeg.edf", "each entity once"},
		{"sub-01_colour-red_eeg.edf", "entities of the specification"},
	} {
		n, err := bids.ParseName(c.name)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		p := n.Problems(c.name)
		if len(p) != 1 || !strings.HasPrefix(p[0].Rule, c.rule) {
			t.Errorf("%s: problems %v, want one: %s", c.name, p, c.rule)
		}
		if err := n.Check(); err == nil {
			t.Errorf("%s passes Check", c.name)
		}
	}
	for _, bad := range []string{"", "README", "eeg.edf", "sub-01.edf", "sub-_eeg.edf", "sub-01_eeg-.edf", "-01_eeg.edf", "sub01_eeg.edf", "a/sub-01_eeg.edf", "sub-01__eeg.edf"} {
		if n, err := bids.ParseName(bad); err == nil {
			t.Errorf("%q is read as %+v", bad, n)
		}
	}
}
