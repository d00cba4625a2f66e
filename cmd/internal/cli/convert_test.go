package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// awkward writes an EDF file with samples of so many µV as deviations, in the unit dim.
func awkward(t *testing.T, name, dim string, clean bool) string {
	t.Helper()
	f := edftest.File{
		N: 4, Patient: "12-3 F 02-MAY-1951 Ada_Example", Reserved: "EDF+C",
		Signals: []edftest.Signal{
			{Label: "EEG Cz", Dim: dim, Samples: 100, At: func(r, i int) int16 { return int16((i*7919+r)%600 - 300) }},
			edftest.Annotations(20, edftest.Clock(edftest.Steady)),
		},
	}
	if !clean {
		f.Records = "-1"
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestValidate has an exit code for each verdict.
func TestValidate(t *testing.T) {
	good, bad := awkward(t, "good.edf", "uV", true), awkward(t, "bad.edf", "uV", false)
	cut := filepath.Join(t.TempDir(), "cut.edf")
	raw, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, raw[:len(raw)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		code int
		out  string
		args []string
	}{
		{0, "clean", []string{"validate", good}},
		{4, "number of data records", []string{"validate", good, bad}},
		{3, "refused", []string{"validate", bad, "--strict"}},
		{3, "truncated", []string{"validate", cut}},
		{2, "", []string{"validate", "not-there.edf"}},
		{0, "number of data records", []string{"info", bad}},
		{3, "", []string{"info", bad, "--strict"}},
		{3, "", []string{"convert", bad, filepath.Join(t.TempDir(), "x.xdf"), "--strict"}},
		{2, "", []string{"convert", good, filepath.Join(t.TempDir(), "x.unknown")}},
		{2, "", []string{"info", good, "--units-policy", "guess"}},
	} {
		code, out, errs := run(t, c.args...)
		if code != c.code || !strings.Contains(out, c.out) {
			t.Errorf("%v: exit code %d, want %d with %q; output %q %q", c.args, code, c.code, c.out, out, errs)
		}
	}
}

// TestFix mends a file that is cut, and one with a wrong count; both copies are clean.
// TestReturnsLost: every carriage return of a real recording became a line feed. Its length is right; its samples are not.
func TestReturnsLost(t *testing.T) {
	for _, tc := range []struct {
		file  string
		info  int
		words string // of validate
	}{
		{"eegmmidb/S001/S001R04.edf", exitRefused, "a transfer in text mode made line feeds of all carriage returns and changed the samples"},
		{"ssvep-exo/subject01/record-[2012.07.06-19.02.16].gdf", 0, "a transfer in text mode probably made line feeds of all carriage returns, which changes samples"},
	} {
		data, err := os.ReadFile(datasettest.Need(t, tc.file))
		if err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		path := filepath.Join(dir, "x"+filepath.Ext(tc.file))
		if err := os.WriteFile(path, bytes.ReplaceAll(data, []byte("\r"), []byte("\n")), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, errs := run(t, "info", path); code != tc.info || code != 0 && !strings.Contains(errs, tc.words) {
			t.Errorf("%s: info: exit code %d: %s", tc.file, code, errs)
		}
		if code, out, errs := run(t, "validate", path); code == 0 || !strings.Contains(out+errs, tc.words) || !strings.Contains(out+errs, "no carriage return (byte 13) among") {
			t.Errorf("%s: validate: exit code %d: %s%s", tc.file, code, out, errs)
		}
		if tc.info == 0 {
			continue
		}
		out := filepath.Join(dir, "fixed.edf")
		if code, _, errs := run(t, "fix", path, out); code != exitRefused || !strings.Contains(errs, "it cannot be repaired; fetch it again in binary mode") {
			t.Errorf("fix: exit code %d: %s", code, errs)
		}
		if _, err := os.Stat(out); err == nil {
			t.Error("fix has written something")
		}
	}
}

func TestFix(t *testing.T) {
	bad := awkward(t, "bad.edf", "uV", false)
	cut := awkward(t, "cut.edf", "uV", true)
	raw, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(cut, raw[:len(raw)-10], 0o600); err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{bad, cut} {
		out := filepath.Join(t.TempDir(), "fixed.edf")
		if code, text, errs := run(t, "fix", in, out); code != 0 {
			t.Fatalf("%s: exit code %d: %s %s", in, code, text, errs)
		}
		if code, text, errs := run(t, "validate", out, "--strict"); code != 0 {
			t.Errorf("the copy of %s: exit code %d: %s %s", in, code, text, errs)
		}
	}
}

// TestConvertKeepsAll: channels of every rate and events outside the data are in what is written, or the exit code is 4.
func TestConvertKeepsAll(t *testing.T) {
	f := edftest.File{
		N: 4, Reserved: "EDF+C",
		Signals: []edftest.Signal{
			{Label: "EEG Cz", Dim: "uV", Samples: 100, At: func(r, i int) int16 { return int16((i*7919+r)%600 - 300) }},
			{Label: "EEG Pz", Dim: "uV", Samples: 100, At: func(r, i int) int16 { return int16((i*31+r)%600 - 300) }},
			{Label: "Temp rectal", Dim: "degC", Samples: 1, At: func(r, _ int) int16 { return int16(r) }},
			{Label: "Resp nasal", Dim: "", Samples: 10, At: func(r, i int) int16 { return int16(10*r + i) }},
			edftest.Annotations(60, func(r int) string {
				return edftest.TAL(edftest.Steady(r), "") + edftest.TAL(fmt.Sprintf("+%d.5", 3*r), "", "mark")
			}),
		},
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "night.edf")
	if err := os.WriteFile(in, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	type described struct {
		Channels []struct {
			Name string
			Rate float64 `json:"rate_hz"`
		}
		Events []struct {
			Onset float64 `json:"onset_s"`
			Label string
		}
		Outside []struct{} `json:"events_outside"`
	}
	describe := func(path string) (d described) {
		code, text, errs := run(t, "info", path, "--json")
		if err := json.Unmarshal([]byte(text), &d); err != nil || code != 0 {
			t.Fatalf("%s: exit code %d, %v: %s", path, code, err, errs)
		}
		return d
	}
	want := describe(in)
	if len(want.Channels) != 4 || len(want.Outside) != 2 {
		t.Fatalf("what is to be converted is %+v", want)
	}
	for name, c := range map[string]struct{ code, beside int }{
		"x.arrow": {0, 2}, "x.parquet": {0, 2}, "x.edf": {0, 0}, "x.bdf": {0, 0}, "x.xdf": {0, 0}, "x.vhdr": {exitIncomplete, 2},
	} {
		out := filepath.Join(dir, name)
		for _, again := range []string{"", " again"} { // over what is there
			code, text, errs := run(t, "convert", in, out, "--json")
			var v struct{ Beside []string }
			if err := json.Unmarshal([]byte(text), &v); err != nil || code != c.code || len(v.Beside) != c.beside {
				t.Fatalf("%s%s: exit code %d, want %d; beside it %v, want %d (%v): %s", name, again, code, c.code, v.Beside, c.beside, err, errs)
			}
			for _, b := range v.Beside {
				if _, err := os.Stat(b); err != nil {
					t.Error(err)
				}
			}
			if c.code != 0 && !strings.Contains(errs, "not all of the recording is in it: channels: ") {
				t.Errorf("%s: says %q", name, errs)
			}
		}
		if c.code == 0 {
			near := cmp.Comparer(func(a, b float64) bool { return math.Abs(a-b) < 1e-12 }) // XDF has stamps, of which the first is taken off
			if d := cmp.Diff(want, describe(out), near); d != "" {
				t.Errorf("%s (-in +out):\n%s", name, d)
			}
		}
		strict := 0
		if c.code != 0 {
			strict = exitRefused
		}
		if code, _, errs := run(t, "convert", in, filepath.Join(dir, "strict"+filepath.Ext(name)), "--strict"); code != strict {
			t.Errorf("%s --strict: exit code %d, want %d: %s", name, code, strict, errs)
		}
	}
	// A file of somebody else, and one that is being read, stay.
	own := filepath.Join(dir, "y.2.arrow")
	if err := os.Rename(filepath.Join(dir, "x.2.arrow"), own); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{in, filepath.Join(dir, "y.arrow")}, {filepath.Join(dir, "x.parquet"), filepath.Join(dir, "x.2.parquet")}} {
		if code, _, errs := run(t, "convert", args[0], args[1]); code != exitUsage || !strings.Contains(errs, "name another file") {
			t.Errorf("convert %v: exit code %d: %s", args, code, errs)
		}
	}
	if got := describe(own); len(got.Channels) != 1 {
		t.Errorf("%s is another: %+v", own, got)
	}
	// What cannot be read is not in what is written.
	if err := os.Remove(filepath.Join(dir, "x.2.parquet")); err != nil {
		t.Fatal(err)
	}
	if code, _, errs := run(t, "convert", filepath.Join(dir, "x.parquet"), filepath.Join(dir, "z.edf")); code != exitIncomplete || !strings.Contains(errs, "not all of the input is in it, because it cannot be read: metadata others") {
		t.Errorf("an input of which a part is missing: exit code %d: %s", code, errs)
	}
}

// TestConvertKeepsTexts: what the header says of the patient, the recording and the electrodes comes back from every format that has a place
// for it, is not told as lost there, and goes when names go.
func TestConvertKeepsTexts(t *testing.T) {
	dir := t.TempDir()
	in := whoIs(t, dir)
	type described struct{ Texts []signal.Text }
	describe := func(path string) (d described) {
		mustJSON(t, &d, "info", path, "--json")
		return d
	}
	want := describe(in)
	if len(want.Texts) < 2 || want.Texts[0].Text != "HOSP123 F 02-JAN-1970 SECRETNAME" {
		t.Fatalf("the texts are %+v", want.Texts)
	}
	for _, name := range []string{"x.arrow", "x.parquet", "x.xdf", "x.vhdr"} {
		out, back := filepath.Join(dir, name), filepath.Join(dir, name+".edf")
		for _, args := range [][]string{{in, out}, {out, back}} {
			if code, text, errs := run(t, append([]string{"convert"}, args...)...); code != 0 || strings.Contains(text, "texts of the header") {
				t.Fatalf("convert %v: exit code %d: %s, %s", args, code, text, errs)
			}
		}
		if d := cmp.Diff(want, describe(out)); d != "" {
			t.Errorf("%s (-in +out):\n%s", name, d)
		}
		if d := cmp.Diff(want, describe(back)); d != "" {
			t.Errorf("%s, and back (-in +out):\n%s", name, d)
		}
		hidden := filepath.Join(dir, "hidden-"+name)
		if code, _, errs := run(t, "convert", out, hidden, "--anonymise"); code != 0 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		for _, x := range describe(hidden).Texts {
			if x.Personal {
				t.Errorf("%s: %+v is there again", hidden, x)
			}
		}
	}
	vhdr := filepath.Join(dir, "x.vhdr")
	raw, err := os.ReadFile(vhdr)
	if err != nil {
		t.Fatal(err)
	}
	put(t, vhdr, append(raw, "\r\n[Comment]\r\nimpedances were high\r\n"...))
	code, text, _ := run(t, "convert", vhdr, filepath.Join(dir, "commented.edf"))
	if code != 0 || !strings.Contains(text, "loss: texts of the header: ") || !strings.Contains(text, "1 others: Comment") {
		t.Errorf("a comment in EDF+: exit code %d, %s", code, text)
	}
	if code, _, errs := run(t, "convert", vhdr, filepath.Join(dir, "strict.edf"), "--strict"); code != exitRefused {
		t.Errorf("--strict: exit code %d, %s", code, errs)
	}
}

// TestUnitsPolicy: EEG in volts that is read as µV and the reverse, and blank units.
func TestUnitsPolicy(t *testing.T) {
	for _, c := range []struct {
		dim, policy string
		code        int
		says        string
	}{
		{"uV", "warn", 0, `"deviations": []`},
		{"V", "warn", 0, "the unit or the calibration in the file is wrong"},
		{"V", "error", 3, ""},
		{"V", "assume:uV", 0, "uV in place of V, by --units-policy"},
		{"nV", "assume:uV", 0, "uV in place of nV, by --units-policy"},
		{"", "warn", 0, "may not be"},
		{"", "error", 3, ""},
		{"", "assume:uV", 0, "uV, by --units-policy"},
	} {
		path := awkward(t, "x.edf", c.dim, true)
		code, out, errs := run(t, "info", path, "--json", "--units-policy", c.policy)
		if code != c.code || !strings.Contains(out, c.says) {
			t.Errorf("%q, %s: exit code %d, want %d with %q: %s %s", c.dim, c.policy, code, c.code, c.says, out, errs)
		}
	}
}

// TestAnonymise: nothing personal is in the file that is written, nor in any byte of it.
func TestAnonymise(t *testing.T) {
	in, out := awkward(t, "x.edf", "uV", true), filepath.Join(t.TempDir(), "y.edf")
	code, text, errs := run(t, "convert", in, out, "--anonymise", "--json")
	if code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	var v struct {
		Personal []struct{ Where, Found, Done string }
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Personal) != 2 || !strings.Contains(v.Personal[0].Found, "Ada_Example") || v.Personal[1].Where != "begin" {
		t.Errorf("personal is %+v, want the patient and the begin", v.Personal)
	}
	raw, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{"Ada", "1951", "2002", "12-3", "02.03.02"} {
		if strings.Contains(string(raw[:256]), s) {
			t.Errorf("%q is still in the header", s)
		}
	}
}

// TestDropTexts: what somebody may have typed is nowhere in what is written, and its time stays; codes that come again stay.
func TestDropTexts(t *testing.T) {
	f := edftest.File{
		N: 4, Reserved: "EDF+C",
		Signals: []edftest.Signal{
			{Label: "EEG Cz", Dim: "uV", Samples: 100},
			edftest.Annotations(40, func(r int) string {
				text := edftest.TAL(edftest.Steady(r), "") + edftest.TAL(fmt.Sprintf("+%d.25", r), "", "left")
				if r == 2 {
					text += edftest.TAL("+2.5", "", "Ada was tired")
				}
				return text
			}),
		},
	}
	dir := t.TempDir()
	in := filepath.Join(dir, "x.edf")
	if err := os.WriteFile(in, f.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	const bids = "--bids --subject 1 --task rest --anonymise"
	tree, again := filepath.Join(dir, "tree"), filepath.Join(dir, "again")
	for _, c := range []struct {
		args string
		out  string // a folder, or a file
		kept bool
	}{
		{"convert " + in + " " + filepath.Join(dir, "kept.edf") + " --anonymise", filepath.Join(dir, "kept.edf"), true},
		{"convert " + in + " " + filepath.Join(dir, "y.edf") + " --anonymise --drop-texts", filepath.Join(dir, "y.edf"), false},
		{"convert " + in + " " + filepath.Join(dir, "y.xdf") + " --anonymise --drop-texts", filepath.Join(dir, "y.xdf"), false},
		{"convert " + bids + " " + in + " " + tree, tree, true},
		{"convert " + bids + " --drop-texts " + in + " " + filepath.Join(dir, "other"), filepath.Join(dir, "other"), false},
		{"convert " + bids + " --drop-texts " + tree + " " + again, again, false}, // whose table of events has it too
	} {
		code, text, errs := run(t, strings.Fields(c.args)...)
		if code != 0 {
			t.Fatalf("%s: exit code %d: %s", c.args, code, errs)
		}
		if done := strings.Contains(text, `"Ada was tired"; written as "text removed"`); done == c.kept {
			t.Errorf("%s: says %s", c.args, text)
		}
		there, removed, left := false, false, false
		err := filepath.WalkDir(c.out, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			there = there || strings.Contains(string(raw), "Ada")
			removed = removed || strings.Contains(string(raw), "text removed")
			left = left || strings.Contains(string(raw), "left")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if there != c.kept || removed == c.kept || !left {
			t.Errorf("%s: the text is there: %v, what stands for it: %v, the code: %v", c.args, there, removed, left)
		}
	}
	code, text, _ := run(t, "info", filepath.Join(dir, "y.edf"), "--json")
	if code != 0 || !strings.Contains(text, `"onset_s": 2.5,`) {
		t.Errorf("the time of the event is not there: %s", text)
	}
	if code, _, errs := run(t, "convert", in, filepath.Join(dir, "z.edf"), "--drop-texts"); code != exitUsage || !strings.Contains(errs, "--drop-texts does nothing without --anonymise") {
		t.Errorf("alone it ends with %d: %s", code, errs)
	}
}
