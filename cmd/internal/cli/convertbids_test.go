package cli

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
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
