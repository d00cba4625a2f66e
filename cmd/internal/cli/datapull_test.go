package cli

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// mirror is a server with a list of hashes and some files of CHB-MIT, which are none, and how often it was asked.
func mirror(t *testing.T) (url string, asked *atomic.Int64, dir string) {
	t.Helper()
	dir = t.TempDir()
	var list bytes.Buffer
	for _, name := range []string{"chb01/chb01_01.edf", "chb01/chb01_02.edf", "chb01/chb01-summary.txt", "chb02/chb02_01.edf", "chb02/chb02-summary.txt", "SUBJECT-INFO", "RECORDS"} {
		data := bytes.Repeat([]byte(name), 1000)
		sum := sha256.Sum256(data)
		list.WriteString(hex.EncodeToString(sum[:]) + " " + name + "\n")
		put(t, filepath.Join(dir, name), data)
	}
	put(t, filepath.Join(dir, pull.ListFile), list.Bytes())
	asked = &atomic.Int64{}
	files := http.FileServer(http.Dir(dir))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		files.ServeHTTP(w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL, asked, dir
}

func put(t *testing.T, name string, data []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestDataPull: what is wanted is fetched once; dry runs and offline ones say what is missing; verify then knows the files.
func TestDataPull(t *testing.T) {
	url, asked, source := mirror(t)
	data := t.TempDir()
	t.Setenv("GYRUS_DATA", data)
	folder := filepath.Join(data, "chb-mit")

	code, _, errs := run(t, "data", "pull", "chb-mit:chb01", "--offline")
	if code != exitIncomplete || !strings.Contains(errs, "never fetched") || asked.Load() != 0 {
		t.Errorf("offline, nothing known: exit code %d, %q, asked %d times", code, errs, asked.Load())
	}
	code, out, errs := run(t, "data", "pull", "chb-mit:chb01", "--from", url, "--dry-run")
	if code != 0 || !strings.Contains(out, "chb01/chb01_02.edf  18 kB  missing") || !strings.Contains(out, "4 files, 0 were here; 71 kB would be fetched from "+url) || strings.Contains(out, "chb02") {
		t.Errorf("dry run: exit code %d, %q, %q", code, out, errs)
	}
	if _, err := os.Stat(folder); err == nil {
		t.Error("a dry run has made the folder")
	}
	var v pullJSON
	mustJSON(t, &v, "data", "pull", "chb-mit:chb01", "--from", url, "--json")
	want := []string{"SUBJECT-INFO", "chb01/chb01-summary.txt", "chb01/chb01_01.edf", "chb01/chb01_02.edf"}
	if slices.Sort(v.Fetched); !slices.Equal(v.Fetched, want) || v.Set != "chb-mit" || v.Folder != folder || v.Bytes != 71_000 || v.Need != 71_000 {
		t.Errorf("%+v", v)
	}
	asked.Store(0)
	code, out, errs = run(t, "data", "pull", "chb-mit:chb01", "--from", url)
	if code != 0 || asked.Load() != 0 || !strings.Contains(out, "4 files, 4 were here, 0 fetched") {
		t.Errorf("again: exit code %d, asked %d times, %q, %q", code, asked.Load(), out, errs)
	}
	var checked verifyJSON // there is no manifest, but the list
	if mustJSON(t, &checked, "data", "verify", "chb-mit:1", "--json"); !checked.OK || checked.Listed != 4 || checked.Known != 0 {
		t.Errorf("verify: %+v", checked)
	}
	t.Setenv("GYRUS_OFFLINE", "1")
	code, out, errs = run(t, "data", "pull", "chb-mit")
	if code != exitIncomplete || asked.Load() != 0 || !strings.Contains(out, "chb02/chb02_01.edf  ? B  missing") || !strings.Contains(errs, "2 of 6 files are missing") {
		t.Errorf("offline: exit code %d, asked %d times, %q, %q", code, asked.Load(), out, errs)
	}
	t.Setenv("GYRUS_OFFLINE", "")

	put(t, filepath.Join(source, "chb02/chb02_01.edf"), []byte("something else")) // than the list says
	code, out, errs = run(t, "data", "pull", "chb-mit:2", "--from", url)
	if code != exitIncomplete || !strings.Contains(out, "failed  chb02/chb02_01.edf: came with SHA-256") || !strings.Contains(errs, "1 of 3 files are missing") {
		t.Errorf("wrong content: exit code %d, %q, %q", code, out, errs)
	}
	if _, err := os.Stat(filepath.Join(folder, "chb02", "chb02_01.edf")); err == nil {
		t.Error("wrong content has got its name")
	}
	put(t, filepath.Join(folder, "chb01", "chb01_01.edf"), []byte("mine"))
	code, out, _ = run(t, "data", "pull", "chb-mit:1", "--from", url)
	if code != exitIncomplete || !strings.Contains(out, "--replace") {
		t.Errorf("another content here: exit code %d, %q", code, out)
	}
	if code, out, errs = run(t, "data", "pull", "chb-mit:1", "--from", url, "--replace"); code != 0 {
		t.Errorf("replaced: exit code %d, %q, %q", code, out, errs)
	}
}

func TestDataPullRefuses(t *testing.T) {
	t.Setenv("GYRUS_DATA", t.TempDir())
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"egmmidb"}, exitUsage, `did you mean "eegmmidb"`},
		{[]string{"seed"}, exitRefused, "Go to https://bcmi.sjtu.edu.cn/home/seed/"},
		{[]string{"bnci2014-001"}, exitRefused, "gyrus data manifest bnci2014-001 -o"},
		{[]string{"muse-p300"}, exitRefused, "gyrus data verify muse-p300 says whether"},
		{[]string{"eegmmidb", "--parallel", "0"}, exitUsage, "--parallel is 0, must be 1 to 16"},
		{[]string{"eegmmidb", "--retries", "-1"}, exitUsage, "--retries is -1"},
		{[]string{"eegmmidb", "--from", "ftp://x/"}, exitUsage, "http://"},
		{[]string{"eegmmidb", "--from", "http://maja:geheim@%zz/"}, exitUsage, "--from"},
		{[]string{"eegmmidb:S001:x:R01", "--offline"}, exitUsage, "SUBJECTS:RUNS"},
		{[]string{"eegmmidb:S999", "--offline"}, exitIncomplete, "never fetched"},
	} {
		code, _, errs := run(t, append([]string{"data", "pull"}, c.args...)...)
		if code != c.code || !strings.Contains(errs, c.want) || strings.Contains(errs, "geheim") {
			t.Errorf("%v: exit code %d, %q; want %d, %q", c.args, code, errs, c.code, c.want)
		}
	}
	t.Setenv("GYRUS_OFFLINE", "maybe")
	if code, _, errs := run(t, "data", "pull", "eegmat"); code != exitUsage || !strings.Contains(errs, "GYRUS_OFFLINE") {
		t.Errorf("exit code %d, %q", code, errs)
	}
}

// TestNames: a recording may be named by its data set wherever a file can stand, and names of what is not there say what is.
func TestNames(t *testing.T) {
	t.Setenv("GYRUS_DATA", filepath.Dir(filepath.Dir(filepath.Dir(s001(t, "R06")))))
	byPath, byName := infoJSON{}, infoJSON{}
	mustJSON(t, &byPath, "info", s001(t, "R06"), "--json")
	mustJSON(t, &byName, "info", "eegmmidb:S001:R06", "--json")
	if len(byName.Events) == 0 || len(byName.Events) != len(byPath.Events) || byName.Samples != byPath.Samples {
		t.Errorf("%d events by name, %d by path", len(byName.Events), len(byPath.Events))
	}
	dir := t.TempDir()
	var named, given map[string]any
	mustJSON(t, &named, "train", "csp-lda", "eegmmidb:S001:R06,R10,R14", "--events", "T1=fists,T2=feet", "--json")
	mustJSON(t, &given, "train", "csp-lda", s001(t, "R06"), s001(t, "R10"), s001(t, "R14"), "--events", "T1=fists,T2=feet", "--json")
	if named["trials"] != 45.0 || named["balanced_accuracy"] != given["balanced_accuracy"] {
		t.Errorf("by name %v of %v trials, by path %v", named["balanced_accuracy"], named["trials"], given["balanced_accuracy"])
	}
	m := model(t)
	var ev map[string]any
	if mustJSON(t, &ev, "eval", m, "PhysionetMI:1:14", "--json"); ev["trials"] != 15.0 {
		t.Errorf("eval: %v", ev["trials"])
	}
	for _, c := range []struct {
		args []string
		code int
		want []string
	}{
		{[]string{"info", "eegmmidb:S001"}, exitUsage, []string{"stands for 14 recordings", "one is wanted"}},
		{[]string{"info", "eegmmidb:S003:R01"}, exitUsage, []string{`unknown subject of eegmmidb "S003"`, "001, 002", "gyrus data pull eegmmidb:S003:R01"}},
		{[]string{"info", "eegmmidb:S002:R03"}, exitUsage, []string{`unknown run of subject 002 "R03"`, "there are 01, 02, 04"}},
		{[]string{"info", "egmmidb:S001:R01"}, exitUsage, []string{`did you mean "eegmmidb"`, "no such file or folder"}},
		{[]string{"info", "tuab:1"}, exitUsage, []string{"put the files of the data set there"}},
		{[]string{"train", "csp-lda", "eegmmidb:S001:R04,R06"}, exitRefused, []string{`"left fist" in subject 001, run 04 and "both fists" in subject 001, run 06`}},
		{[]string{"train", "csp-lda", "eegmmidb:S001:R04", "eegmmidb:S001:R06"}, exitRefused, []string{"they would become one class"}},
		{[]string{"convert", "eegmmidb:S001:R01,R02", filepath.Join(dir, "x.edf")}, exitUsage, []string{"stands for 2 recordings"}},
	} {
		code, _, errs := run(t, c.args...)
		for _, want := range c.want {
			if code != c.code || !strings.Contains(errs, want) {
				t.Errorf("%v: exit code %d, %q; want %d, %q", c.args, code, errs, c.code, want)
			}
		}
	}
	if code, _, errs := run(t, "convert", "eegmmidb:S001:R01", filepath.Join(dir, "x.edf")); code != 0 {
		t.Errorf("convert: %d, %q", code, errs)
	}
	// A folder that is no known set has names too, and so have BIDS trees.
	tiny := datasettest.Need(t, "formats/bids/tiny_bids")
	var bids infoJSON
	if mustJSON(t, &bids, "info", tiny+":01:eeg", "--json"); len(bids.Channels) == 0 {
		t.Errorf("%+v", bids)
	}
}

func TestSplitName(t *testing.T) {
	for arg, want := range map[string][2]string{
		"eegmmidb:S001:R04": {"eegmmidb", "S001:R04"}, "eegmmidb": {"eegmmidb", ""}, `C:\study:01`: {`C:\study`, "01"}, "C:/a.edf": {"C:/a.edf", ""}, "a/b:": {"a/b", ""},
	} {
		if name, choice, _ := splitName(arg); name != want[0] || choice != want[1] {
			t.Errorf("%s: %q, %q", arg, name, choice)
		}
	}
}

// TestCommaWithinAName: a list of files keeps the lists of runs in the names of recordings together.
func TestCommaWithinAName(t *testing.T) {
	t.Chdir(t.TempDir())
	put(t, "R02", nil) // a file, whatever its name
	for arg, want := range map[string]string{
		"a.edf,b.edf": "a.edf b.edf", "eegmmidb:S001:R01,R03": "eegmmidb:S001:R01,R03", "eegmmidb:S001,S002:R01,R03,eegmmidb:S003": "eegmmidb:S001,S002:R01,R03 eegmmidb:S003",
		"eegmmidb:S001:R01,R02": "eegmmidb:S001:R01 R02", "eegmmidb:S001:R01,dir/c.edf": "eegmmidb:S001:R01 dir/c.edf",
	} {
		if got := strings.Join(joinChoices(strings.Split(arg, ",")), " "); got != want {
			t.Errorf("%s: %s, want %s", arg, got, want)
		}
	}
}

// TestNamesAreChecked: what goes by the name of a data set is what was checked; the file itself can still be opened.
func TestNamesAreChecked(t *testing.T) {
	data, err := os.ReadFile(s001(t, "R04"))
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	t.Setenv("GYRUS_DATA", root)
	file := filepath.Join(root, "eegmmidb", "S001", "S001R04.edf")
	put(t, file, data)
	if code, _, errs := run(t, "info", "eegmmidb:S001:R04"); code != 0 {
		t.Errorf("as it should be: exit code %d, %q", code, errs)
	}
	i := bytes.Index(data, []byte("\x14T2\x14"))
	put(t, file, append(append(bytes.Clone(data[:i]), "\x14T1\x14"...), data[i+4:]...))
	for _, args := range [][]string{{"info", "eegmmidb:S001:R04"}, {"train", "csp-lda", "eegmmidb:S001"}} {
		if code, _, errs := run(t, args...); code != exitRefused || !strings.Contains(errs, "altered: S001/S001R04.edf") || !strings.Contains(errs, "gyrus data verify") {
			t.Errorf("%v, a wrong label: exit code %d, %q", args, code, errs)
		}
	}
	if code, _, errs := run(t, "info", file); code != 0 {
		t.Errorf("by its path: exit code %d, %q", code, errs)
	}
	study := filepath.Join(root, "study")
	put(t, filepath.Join(study, "sub-01", "sub-01_run-1.edf"), data)
	if code, _, errs := run(t, "data", "manifest", study, "-o", filepath.Join(study, "gyrus-manifest.json")); code != 0 {
		t.Fatal(errs)
	}
	if code, _, errs := run(t, "info", study+":01:1"); code != 0 {
		t.Errorf("a folder with a manifest: exit code %d, %q", code, errs)
	}
	put(t, filepath.Join(study, "sub-01", "sub-01_run-1.edf"), data[:len(data)-1])
	if code, _, errs := run(t, "info", study+":01:1"); code != exitRefused || !strings.Contains(errs, "altered") {
		t.Errorf("cut off: exit code %d, %q", code, errs)
	}
}
