package cli

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
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

// TestDataVerifyPublished: a copy of a set that gyrus has seen no file of is compared with what is published, and it is said that no hash
// was checked.
func TestDataVerifyPublished(t *testing.T) {
	root := t.TempDir()
	t.Setenv("GYRUS_DATA", root)
	channels := datasettest.Channels(strings.Fields("Fz Cz Pz Oz P3 P4 PO7 PO8")...)
	labels := slices.Concat(slices.Repeat([]string{"Target"}, 700), slices.Repeat([]string{"NonTarget"}, 3500))
	at := func(subject int) string {
		return filepath.Join(root, "bnci2014-008", fmt.Sprintf("sub-%02d", subject), fmt.Sprintf("sub-%02d_eeg.arrow", subject))
	}
	for subject := 1; subject <= 8; subject++ {
		put(t, at(subject), datasettest.Made(t, 256, channels, labels...))
	}
	code, out, errs := run(t, "data", "verify", "bnci2014-008")
	if code != 0 || !strings.Contains(out, "no hash was checked") || !strings.Contains(out, "8 recordings of 8 subjects") || !strings.Contains(out, "5600 × Target") || strings.Contains(out, "count_mismatch") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	put(t, at(3), datasettest.Made(t, 256, channels, labels[1:]...))
	if err := os.Remove(at(5)); err != nil {
		t.Fatal(err)
	}
	code, out, errs = run(t, "data", "verify", "BNCI2014_008")
	if code != exitRefused || !strings.Contains(out, "subject 5 is missing") || !strings.Contains(out, "subject 03 has 699 trials of Target, must have 700") || !strings.Contains(errs, "2 things are not as published") {
		t.Errorf("exit code %d, %s, %s", code, out, errs)
	}
	code, out, _ = run(t, "data", "verify", "bnci2014-008", "--json")
	var v struct {
		Hashes    *bool `json:"hashes_checked"`
		OK        bool
		Findings  []dataset.Finding
		Published map[string]struct {
			Value  any
			Source string
		}
		NotCompared []string `json:"not_compared"`
	}
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatal(err)
	}
	if code != exitRefused || v.Hashes == nil || *v.Hashes || v.OK || len(v.Findings) != 2 || v.Findings[0].What != dataset.CountMismatch ||
		v.Published["subjects"].Value != 8.0 || v.Published["subjects"].Source != "MOABB 1.7.2 METADATA" || v.Published["eog_channels"].Source != "unknown" || len(v.NotCompared) != 1 {
		t.Errorf("exit code %d, %+v", code, v)
	}
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"data", "verify", "bnci2014-008:9"}, exitUsage, `unknown subject of bnci2014-008 "9"`},
		{[]string{"data", "verify", "bnci2014-008:3"}, exitRefused, "1 things are not as published"},
		{[]string{"data", "verify", "bnci2014-008:4"}, 0, ""},
	} {
		if code, out, errs := run(t, c.args...); code != c.code || !strings.Contains(errs, c.want) {
			t.Errorf("%v: exit code %d, %s, %s; want %d, %q", c.args, code, out, errs, c.code, c.want)
		}
	}
	put(t, filepath.Join(root, "nakanishi2015", "s1.mat"), []byte("MATLAB 5.0"))
	if code, _, errs := run(t, "data", "verify", "nakanishi2015"); code != exitUsage || !strings.Contains(errs, "which gyrus does not read: MOABB opens its sets by name") {
		t.Errorf("MAT-files: exit code %d, %s", code, errs)
	}
	put(t, filepath.Join(root, "tuab", "x.txt"), []byte("x"))
	if code, _, errs := run(t, "data", "verify", "tuab"); code != exitRefused || !strings.Contains(errs, "tuab has no manifest") {
		t.Errorf("nothing published: exit code %d, %s", code, errs)
	}
	if code, out, _ := run(t, "data", "list", "bnci2014-009"); code != 0 || !strings.Contains(out, "sessions of a subject: 3  (MOABB 1.7.2 loader; but MOABB 1.7.2 METADATA has 4)") || !strings.Contains(out, "EOG channels: unknown") {
		t.Errorf("%d, %s", code, out)
	}
	if code, out, _ := run(t, "data", "list", "tuab"); code != 0 || !strings.Contains(out, "published  unknown") {
		t.Errorf("%d, %s", code, out)
	}
}
