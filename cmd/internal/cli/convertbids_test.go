package cli

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// treeFiles is the names of all files below dir, with slashes.
func treeFiles(t *testing.T, dir string) string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			rel, _ := filepath.Rel(dir, path)
			all = append(all, filepath.ToSlash(rel))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(all, " ")
}

// TestConvertBIDS names recordings by the data set, by flags and by their own names, and lists what it did with each.
func TestConvertBIDS(t *testing.T) {
	root := filepath.Join(t.TempDir(), "study")
	var v struct {
		Root       string
		Recordings []struct {
			Output, From, To string
			Copied           bool
			Losses, Personal []any
		}
	}
	mustJSON(t, &v, "convert", "--bids", "--dataset", "eegmmidb", "--task", "imagery", "--line-freq", "60", s001(t, "R04"), s001(t, "R08"), root, "--json")
	if len(v.Recordings) != 2 || !v.Recordings[1].Copied || v.Recordings[1].Output != filepath.Join(root, "sub-001", "eeg", "sub-001_task-imagery_run-08_eeg.edf") {
		t.Errorf("%+v", v)
	}
	in := awkward(t, "sub-7_task-rest_eeg.edf", "uV", true)
	mustJSON(t, &v, "convert", "--bids", "--anonymise", in, root, "--json")
	if len(v.Recordings) != 1 || v.Recordings[0].Copied || len(v.Recordings[0].Personal) == 0 {
		t.Errorf("%+v, want it written anew, with what is personal", v)
	}
	mustJSON(t, &v, "convert", "--bids", "--subject", "8", "--session", "2", "--acq", "dry", "--task", "rest", "--run", "07", in, in, in, root, "--to", "bdf+", "--json")
	mustJSON(t, &v, "convert", "--bids", "--derivative", "clean", "--desc", "same", in, root, "--json")
	all := treeFiles(t, root)
	for _, want := range []string{
		"sub-001/eeg/sub-001_task-imagery_run-04_channels.tsv", "sub-7/eeg/sub-7_task-rest_eeg.edf", "sub-8/ses-2/eeg/sub-8_ses-2_task-rest_acq-dry_run-07_eeg.bdf",
		"sub-8/ses-2/eeg/sub-8_ses-2_task-rest_acq-dry_run-09_eeg.bdf", "derivatives/clean/sub-7/eeg/sub-7_task-rest_desc-same_eeg.edf",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no %s among %s", want, all)
		}
	}
	raw, err := os.ReadFile(filepath.Join(root, "sub-7", "eeg", "sub-7_task-rest_eeg.edf"))
	if err != nil || strings.Contains(string(raw[:256]), "Ada") {
		t.Errorf("the anonymised copy names her: %q (%v)", raw[:256], err)
	}
	scans, err := os.ReadFile(filepath.Join(root, "sub-7", "sub-7_scans.tsv"))
	if want := "filename\tacq_time\neeg/sub-7_task-rest_eeg.edf\tn/a\n"; err != nil || string(scans) != want {
		t.Errorf("scans.tsv is %q (%v), want %q", scans, err, want)
	}
}

// TestConvertBIDSRefuses: wrong usage is 2, refused data 3, and neither leaves anything behind.
func TestConvertBIDSRefuses(t *testing.T) {
	in := awkward(t, "a.edf", "uV", true)
	bad := awkward(t, "bad.edf", "uV", false)
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{2, "--subject is only for --bids", []string{in, "OUT", "--subject", "1"}},
		{2, "does not say which subject", []string{"--bids", in, "OUT"}},
		{2, "does not say which task", []string{"--bids", "--subject", "1", in, "OUT"}},
		{2, "--subject: sub is \"a b\", must be letters and digits", []string{"--bids", "--subject", "a b", "--task", "rest", in, "OUT"}},
		{2, "must be a whole number", []string{"--bids", "--subject", "1", "--task", "rest", "--run", "x", in, "OUT"}},
		{2, "would both be", []string{"--bids", "--subject", "1", "--task", "rest", in, bad, "OUT"}},
		{2, "--to is \"xdf\", BIDS allows edf+, bdf+, brainvision", []string{"--bids", "--to", "xdf", "--subject", "1", "--task", "rest", in, "OUT"}},
		{2, "--line-freq is -1", []string{"--bids", "--line-freq", "-1", "--subject", "1", "--task", "rest", in, "OUT"}},
		{2, "are given together", []string{"--bids", "--derivative", "x", "--subject", "1", "--task", "rest", in, "OUT"}},
		{2, "data set", []string{"--bids", "--dataset", "eegmmid", "--task", "rest", in, "OUT"}},
		{2, "is not called as the recordings of eegmmidb", []string{"--bids", "--dataset", "eegmmidb", "--task", "rest", in, "OUT"}},
		{2, "no BIDS tree", []string{"--bids", "--subject", "1", "--task", "rest", in, filepath.Dir(in)}},
		{2, "requires at least 2 arg", []string{"--bids", in}},
		{2, "no such file", []string{"--bids", "--subject", "1", "--task", "rest", in + ".not", "OUT"}},
		{3, "which --strict refuses", []string{"--bids", "--strict", "--subject", "1", "--task", "rest", bad, "OUT"}},
	} {
		out := filepath.Join(t.TempDir(), "out")
		args := []string{"convert"}
		for _, a := range c.args {
			args = append(args, strings.Replace(a, "OUT", out, 1))
		}
		code, _, errs := run(t, args...)
		if code != c.code || !strings.Contains(errs, c.says) {
			t.Errorf("%v: exit code %d, want %d with %q: %s", c.args, code, c.code, c.says, errs)
		}
		if _, err := os.Stat(out); err == nil {
			t.Errorf("%v: something was written: %s", c.args, treeFiles(t, out))
		}
	}
}

// TestConvertBIDSInterrupted: an interrupt ends with 130, and there is no tree.
func TestConvertBIDSInterrupted(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(stopped{syscall.SIGINT})
	var o, e strings.Builder
	code := Run(ctx, []string{"convert", "--bids", "--subject", "1", "--task", "rest", awkward(t, "a.edf", "uV", true), out}, strings.NewReader(""), &o, &e)
	if code != 130 || o.String() != "" {
		t.Errorf("exit code %d, output %q, %s", code, o.String(), e.String())
	}
	if _, err := os.Stat(out); err == nil {
		t.Errorf("something was written: %s", treeFiles(t, out))
	}
}

// TestConvertBIDSFromTree: a tree stands for all recordings in it, and what is said there is said again, but for what says who
// it was where that is to be left out.
func TestConvertBIDSFromTree(t *testing.T) {
	in := datasettest.Need(t, "formats/bids/tiny_bids")
	root, anonymous, derivative := filepath.Join(t.TempDir(), "again"), filepath.Join(t.TempDir(), "anonymous"), filepath.Join(t.TempDir(), "derived")
	code, _, errs := run(t, "convert", "--bids", in, root)
	if code != 0 || !strings.Contains(errs, "not handed on") || !strings.Contains(errs, "sub-01/sub-01_sessions.tsv") {
		t.Fatalf("exit code %d, %q, want that sessions.tsv is named", code, errs)
	}
	read := func(root, name string) string {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimPrefix(strings.ReplaceAll(string(text), "\r", ""), "\ufeff")
	}
	const ses, base = "sub-01/ses-eeg/", "sub-01/ses-eeg/eeg/sub-01_ses-eeg_task-rest_"
	for _, name := range []string{
		"README", "participants.tsv", "participants.json", ses + "sub-01_ses-eeg_scans.tsv", base + "events.tsv", base + "eeg.eeg", base + "eeg.vmrk", base + "eeg.vhdr",
		ses + "eeg/sub-01_ses-eeg_electrodes.tsv",
	} {
		got, want := read(root, name), read(in, name)
		if strings.HasSuffix(name, ".json") { // indented otherwise
			got, want = strings.Join(strings.Fields(got), ""), strings.Join(strings.Fields(want), "")
		}
		if got != want {
			t.Errorf("%s is\n%.300s, want\n%.300s", name, got, want)
		}
	}
	for name, want := range map[string]string{
		base + "events.json": `"start_experiment": "Experiment-structure"`, base + "eeg.json": `"Manufacturer": "Brain Products"`, "dataset_description.json": `"HEDVersion": "8.3.0"`,
		base + "channels.tsv": "0.015915494309189534",
	} {
		if text := read(root, name); !strings.Contains(text, want) {
			t.Errorf("%s lacks %s: %s", name, want, text)
		}
	}
	var v struct {
		Recordings []struct {
			Copied   bool
			Personal []struct{ Where, Found, Done string }
		}
	}
	mustJSON(t, &v, "convert", "--bids", in, anonymous, "--anonymise", "--json")
	if len(v.Recordings) != 1 || v.Recordings[0].Copied || len(v.Recordings[0].Personal) < 3 {
		t.Errorf("%+v, want age, sex and begin among what is personal", v)
	}
	if got, want := read(anonymous, "participants.tsv"), "participant_id\nsub-01\n"; got != want {
		t.Errorf("participants.tsv is %q, want %q", got, want)
	}
	if got := read(anonymous, "dataset_description.json"); !strings.Contains(got, `"HEDVersion": "8.3.0"`) || strings.Contains(got, "MNE-BIDS") {
		t.Errorf("the description is %s, want the version of HED and no names", got)
	}
	if got := read(anonymous, ses+"sub-01_ses-eeg_scans.tsv"); strings.Contains(got, "2000") {
		t.Errorf("scans.tsv is %q", got)
	}
	if code, _, errs := run(t, "convert", "--bids", filepath.Join(in, filepath.FromSlash(base+"eeg.vhdr")), "--subject", "02", derivative); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if got := read(derivative, "dataset_description.json"); !strings.Contains(got, `"HEDVersion": "8.3.0"`) {
		t.Errorf("one recording of a tree takes no version of HED along: %s", got)
	}
	if code, _, errs := run(t, "convert", "--bids", in, derivative, "--derivative", "x", "--desc", "y"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	code, _, errs = run(t, "convert", "--bids", filepath.Join(derivative, "derivatives", "x"), root)
	if code != 2 || !strings.Contains(errs, "is a derivative") {
		t.Errorf("a derivative as raw data: exit code %d, %s", code, errs)
	}
	code, _, errs = run(t, "convert", "--bids", t.TempDir(), root)
	if code != 2 || !strings.Contains(errs, "a folder and no BIDS tree") {
		t.Errorf("a folder that is no tree: exit code %d, %s", code, errs)
	}
}
