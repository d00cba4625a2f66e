package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"verify", "egmmidb"}, exitUsage, `did you mean "eegmmidb"`},
		{[]string{"verify", "eegmmidb"}, exitUsage, "GYRUS_DATA"},
		{[]string{"verify", "tuab", "--dir", t.TempDir()}, exitRefused, "no manifest"},
		{[]string{"manifest", "no-such", "--dir", t.TempDir()}, exitUsage, "unknown data set"},
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
