package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// TestDataVerify: a folder with a manifest is as it should be, until a file is changed.
func TestDataVerify(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "study")
	file := filepath.Join(dir, "sub-01", "sub-01_run-1.csv")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("any"), 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "data", "verify", dir); code != exitUsage || !strings.Contains(errs, "gyrus data manifest") {
		t.Errorf("without a manifest: exit code %d, %q", code, errs)
	}
	if code, _, errs := run(t, "data", "manifest", dir, "-o", filepath.Join(dir, "gyrus-manifest.json")); code != 0 {
		t.Fatal(errs)
	}
	var v verifyJSON
	if mustJSON(t, &v, "data", "verify", dir, "--json"); !v.OK || v.Same != 1 || v.Known != 1 {
		t.Errorf("%+v", v)
	}
	if err := os.WriteFile(file, []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out, errs := run(t, "data", "verify", dir)
	if code != exitRefused || !strings.Contains(out, "altered") || !strings.Contains(out, "sub-01_run-1.csv") || !strings.Contains(errs, "1 things") {
		t.Errorf("altered: exit code %d, %q, %q", code, out, errs)
	}
}

func TestDataRefuses(t *testing.T) {
	t.Setenv("GYRUS_DATA", t.TempDir())
	other := t.TempDir()
	put(t, filepath.Join(other, "some.edf"), []byte("x"))
	put(t, filepath.Join(other, "gyrus-manifest.json"), []byte(`{"set": "", "layouts": [], "files": []}`))
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"verify", "egmmidb"}, exitUsage, `did you mean "eegmmidb"`},
		{[]string{"verify", "eegmmidb"}, exitUsage, "GYRUS_DATA"},
		{[]string{"verify", "tuab", "--dir", t.TempDir()}, exitRefused, "no manifest"},
		{[]string{"manifest", "no-such", "--dir", t.TempDir()}, exitUsage, "unknown data set"},
		{[]string{"verify", "eegmmidb", "--dir", other}, exitRefused, "none of those that the manifest names"},
		{[]string{"verify", other + ":01"}, exitUsage, "is no known data set"},
		{[]string{"manifest", other + ":0"}, exitUsage, "is of all of a data set"},
		{[]string{"pul"}, exitUsage, "unknown command"},
	} {
		code, _, errs := run(t, append([]string{"data"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %q; want %d, %q", c.args, code, errs, c.code, c.want)
		}
	}
	var list []listJSON
	mustJSON(t, &list, "data", "list", "--json")
	checked := 0
	for _, s := range list {
		if s.Checked {
			checked++
		}
		if s.Here {
			t.Errorf("%s is said to be in an empty folder", s.Name)
		}
	}
	if len(list) != 16 || checked != 4 {
		t.Errorf("%d sets, %d checked; want 16 and 4", len(list), checked)
	}
}

// TestDataFoundByMNE: what lies where MNE keeps it is listed, verified and named as it lies there.
func TestDataFoundByMNE(t *testing.T) {
	const below = "MNE-eegbci-data/files/eegmmidb/1.0.0/S001/S001R04.edf"
	data, err := os.ReadFile(s001(t, "R04"))
	if err != nil {
		t.Fatal(err)
	}
	mne := t.TempDir()
	put(t, filepath.Join(mne, below), data)
	t.Setenv("GYRUS_DATA", t.TempDir())
	t.Setenv("MNE_DATA", mne)
	t.Setenv("MNE_DATASETS_EEGBCI_PATH", "")
	var list []listJSON
	mustJSON(t, &list, "data", "list", "eegmmidb", "--json")
	if len(list) != 1 || !list[0].Here || list[0].Folders[0].From != "MNE_DATA" {
		t.Errorf("%+v", list)
	}
	if _, out, _ := run(t, "data", "list"); !strings.Contains(out, "MNE_DATA") {
		t.Errorf("%s", out)
	}
	var v verifyJSON
	if mustJSON(t, &v, "data", "verify", "eegmmidb:1:4", "--json"); !v.OK || v.Same != 1 || v.Trials["left fist, imagined"] != 8 {
		t.Errorf("%+v", v)
	}
	var info infoJSON
	if mustJSON(t, &info, "info", "eegmmidb:S001:R04", "--json"); info.RateHz != 160 || len(info.Channels) != 64 {
		t.Errorf("%+v", info)
	}
}

// TestDataVerifyBIDS: a tree has a manifest of its own, and a wrong label in a table is named.
func TestDataVerifyBIDS(t *testing.T) {
	tiny, dir := datasettest.Need(t, "formats/bids/tiny_bids"), filepath.Join(t.TempDir(), "tiny")
	if err := os.CopyFS(dir, os.DirFS(tiny)); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "data", "manifest", dir, "-o", filepath.Join(dir, "gyrus-manifest.json")); code != 0 {
		t.Fatal(errs)
	}
	var v verifyJSON
	if mustJSON(t, &v, "data", "verify", dir, "--json"); !v.OK || v.Recordings != 1 {
		t.Errorf("%+v", v)
	}
	table := filepath.Join(dir, "sub-01", "ses-eeg", "eeg", "sub-01_ses-eeg_task-rest_events.tsv")
	data, err := os.ReadFile(table)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	cells := strings.Split(lines[1], "\t")
	column := slices.Index(strings.Split(strings.TrimSpace(lines[0]), "\t"), "trial_type")
	was := cells[column]
	cells[column] = "planted"
	lines[1] = strings.Join(cells, "\t")
	put(t, table, []byte(strings.Join(lines, "")))
	code, out, _ := run(t, "data", "verify", dir)
	if code != exitRefused || !strings.Contains(out, `trials of "planted", must have 0`) || !strings.Contains(out, "_events.tsv") {
		t.Errorf("%q in place of %q: exit code %d, %s", "planted", was, code, out)
	}
}
