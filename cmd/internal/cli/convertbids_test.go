package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// TestConvertBIDSNotHandedOn: whatever of a tree is not in the one written is named, all of it with --json, and --strict refuses it.
func TestConvertBIDSNotHandedOn(t *testing.T) {
	from := filepath.Join(t.TempDir(), "from")
	if code, _, errs := run(t, "convert", "--bids", awkward(t, "sub-7_task-rest_eeg.edf", "uV", true), from, "--to", "brainvision"); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	convert := func(flags ...string) (code int, out, errs string) {
		return run(t, append([]string{"convert", "--bids", from, filepath.Join(t.TempDir(), "to")}, flags...)...)
	}
	if code, _, errs := convert("--strict"); code != 0 || strings.Contains(errs, "handed on") {
		t.Fatalf("all of the tree is handed on: exit code %d, %s", code, errs)
	}
	put := func(name string) {
		t.Helper()
		file := filepath.Join(from, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte("{}"), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"CHANGES", "LICENSE", "CITATION.cff"} { // which are handed on
		put(name)
	}
	code, out, errs := convert("--strict", "--json")
	if code != 0 || !strings.Contains(out, `"not_handed_on": []`) {
		t.Errorf("texts at the root: exit code %d, %s %s", code, out, errs)
	}
	code, _, errs = convert("--strict", "--derivative", "x", "--desc", "x") // which has no texts of another tree
	if code != 0 || !strings.Contains(errs, "not handed on") || !strings.Contains(errs, "CHANGES, CITATION.cff, LICENSE, README") {
		t.Errorf("texts at the root, for a derivative: exit code %d, %s", code, errs)
	}
	put("code/a.m")
	put("stimuli/a.png")
	if code, _, errs := convert("--strict"); code != 0 || !strings.Contains(errs, "code/a.m, stimuli/a.png") {
		t.Errorf("what has nothing of a recording is told, and not refused: exit code %d, %s", code, errs)
	}
	if err := errors.Join(os.RemoveAll(filepath.Join(from, "code")), os.RemoveAll(filepath.Join(from, "stimuli"))); err != nil {
		t.Fatal(err)
	}
	want := []string{ // by name
		"derivatives/x/sub-7/eeg/sub-7_task-rest_desc-x_eeg.edf", "sub-7/beh/sub-7_task-rest_events.tsv", "sub-7/eeg/sub-7_coordsystem.json", "sub-7/eeg/sub-7_headshape.pos", "sub-7/eeg/sub-7_photo.jpg", "sub-7/sub-7_scans.json",
	}
	for _, name := range want {
		put(name)
	}
	var v struct {
		NotHandedOn []string `json:"not_handed_on"`
	}
	code, out, errs = convert("--json")
	if err := json.Unmarshal([]byte(out), &v); err != nil || code != 0 {
		t.Fatalf("exit code %d, %v: %s", code, err, errs)
	}
	for i, name := range v.NotHandedOn {
		v.NotHandedOn[i], _ = filepath.Rel(from, name)
		v.NotHandedOn[i] = filepath.ToSlash(v.NotHandedOn[i])
	}
	if got := strings.Join(v.NotHandedOn, " "); got != strings.Join(want, " ") {
		t.Errorf("not handed on %s, want %s", got, want)
	}
	for _, name := range want {
		if !strings.Contains(errs, name) || strings.Contains(errs, "about no recording") {
			t.Errorf("stderr has no %s, or calls it about no recording: %s", name, errs)
		}
	}
	put("code/a.m")
	if code, _, errs := convert("--strict"); code != 3 || strings.Contains(errs, "code/a.m") || !strings.Contains(errs, "derivatives/x") || !strings.Contains(errs, "leave out --strict") {
		t.Errorf("strict: exit code %d, %s", code, errs)
	}
	for i := range 20 {
		put(fmt.Sprintf("code/%02d.m", i))
	}
	if _, _, errs := convert(); !strings.Contains(errs, "code/19.m, ") || strings.Contains(errs, "derivatives/x") || !strings.Contains(errs, "and 7 more: --json") {
		t.Errorf("of 27 files 20 and a number are named: %s", errs)
	}
}

// TestConvertBIDSIntracranial: what is not of EEG alone is refused data, with what to do instead, which works.
func TestConvertBIDSIntracranial(t *testing.T) {
	in := filepath.Join(t.TempDir(), "in")
	if code, _, errs := run(t, "convert", "--bids", awkward(t, "sub-7_task-rest_eeg.edf", "uV", true), in); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	base := filepath.Join(in, "sub-7", "eeg", "sub-7_task-rest_")
	table, err := os.ReadFile(base + "channels.tsv")
	if err != nil {
		t.Fatal(err)
	}
	put(t, base+"channels.tsv", []byte(strings.ReplaceAll(string(table), "\tEEG\t", "\tECOG\t")))
	code, _, errs := run(t, "convert", "--bids", base+"eeg.edf", filepath.Join(t.TempDir(), "out"))
	if code != 3 || !strings.Contains(errs, "intracranial") || !strings.Contains(errs, "gyrus convert IN OUT.arrow") {
		t.Errorf("exit code %d, %s", code, errs)
	}
	if code, _, errs := run(t, "convert", base+"eeg.edf", filepath.Join(t.TempDir(), "out.arrow")); code != 0 {
		t.Errorf("what is told does not work: exit code %d, %s", code, errs)
	}
	if err := os.Rename(filepath.Join(in, "sub-7", "eeg"), filepath.Join(in, "sub-7", "ieeg")); err != nil {
		t.Fatal(err)
	}
	base = filepath.Join(in, "sub-7", "ieeg", "sub-7_task-rest_")
	if err := os.Rename(base+"eeg.edf", base+"ieeg.edf"); err != nil {
		t.Fatal(err)
	}
	code, _, errs = run(t, "convert", "--bids", in, filepath.Join(t.TempDir(), "out"))
	if code != 3 || !strings.Contains(errs, "is IEEG") || !strings.Contains(errs, "one by one") || !strings.Contains(errs, "gyrus convert IN OUT.arrow") {
		t.Errorf("a tree: exit code %d, %s", code, errs)
	}
}

// TestConvertBIDSBySet: recordings named by their data set become a whole tree, with the names, the task, the meaning of events and
// the licence that the set has; a subject that is not there lets nothing be written.
func TestConvertBIDSBySet(t *testing.T) {
	datasettest.Need(t, "eegmmidb/S002/S002R08.edf")
	root := filepath.Join(t.TempDir(), "study")
	code, _, errs := run(t, "convert", "--bids", "eegmmidb:S001-S003:R04,R08", root)
	if code != exitUsage || !strings.Contains(errs, `unknown subject at the end of S001-S003 "S003"`) || !strings.Contains(errs, "gyrus data pull eegmmidb:S001-S003:R04,R08") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if _, err := os.Stat(root); err == nil {
		t.Errorf("something was written: %s", treeFiles(t, root))
	}
	if code, _, errs := run(t, "convert", "--bids", "eegmmidb:S001-S002:R04,R08", root); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	all := treeFiles(t, root)
	for _, sub := range []string{"001", "002"} {
		var scans strings.Builder
		for _, r := range []string{"04", "08"} {
			name := "eeg/sub-" + sub + "_task-leftOrRightFistImagined_run-" + r + "_eeg.edf"
			scans.WriteString("\n" + name)
			if !strings.Contains(all, name) {
				t.Errorf("no %s among %s", name, all)
			}
		}
		text, err := os.ReadFile(filepath.Join(root, "sub-"+sub, "sub-"+sub+"_scans.tsv"))
		if err != nil || strings.ReplaceAll(string(text), "\t2009-08-12T16:15:00", "") != "filename\tacq_time"+scans.String()+"\n" {
			t.Errorf("scans.tsv is %q (%v)", text, err)
		}
	}
	for name, want := range map[string]string{
		"participants.tsv": "participant_id\nsub-001\nsub-002\n", "dataset_description.json": `"License": "ODC-By 1.0"`,
		"sub-001/eeg/sub-001_task-leftOrRightFistImagined_run-04_eeg.json":    `"TaskName": "left or right fist, imagined"`,
		"sub-001/eeg/sub-001_task-leftOrRightFistImagined_run-04_events.json": `"T1": "left fist, imagined"`,
	} {
		if text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name))); err != nil || !strings.Contains(string(text), want) {
			t.Errorf("%s is %s (%v), want %s in it", name, text, err, want)
		}
	}
	again := filepath.Join(t.TempDir(), "again") // from a tree, one subject: with its rows
	if code, _, errs := run(t, "convert", "--bids", root+":002:08", again); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
	if got := treeFiles(t, again); strings.Contains(got, "sub-001") || strings.Contains(got, "run-04") || !strings.Contains(got, "sub-002_task-leftOrRightFistImagined_run-08_eeg.edf") {
		t.Errorf("%s, want run 08 of subject 002 alone", got)
	}
	if code, _, errs := run(t, "convert", "--bids", "ssvep-exo:1", "--task", "flicker", filepath.Join(t.TempDir(), "exo")); code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestShiftDates: all recordings of a subject go back by the same number of days, by one for all or one that follows from the seed,
// and nothing of the true date is in the tree. EDF cannot hold such a year: BrainVision is chosen, unless it would round samples; then
// the loss is listed, and the date is in scans.tsv.
func TestShiftDates(t *testing.T) {
	in := awkward(t, "x.edf", "uV", true) // of 2002-03-02
	begins := map[string]string{}
	for _, c := range []struct{ sub, flag string }{{"1", "--shift-dates=40000"}, {"1", "--shift-dates-seed=geheim"}, {"2", "--shift-dates-seed=geheim"}, {"1", "--shift-dates-seed=other"}} {
		root := filepath.Join(t.TempDir(), "study")
		var v struct {
			Recordings []struct {
				To       string
				Losses   []any
				Personal []struct{ Where, Found, Done string }
			}
		}
		mustJSON(t, &v, "convert", "--bids", "--subject", c.sub, "--task", "rest", "--run", "1", "--anonymise", c.flag, in, in, root, "--json")
		if len(v.Recordings) != 2 || v.Recordings[0].To != "edf+" || len(v.Recordings[0].Losses) != 1 {
			t.Fatalf("%+v, want two in EDF+, with a loss", v)
		}
		if p := v.Recordings[0].Personal[1]; p.Where != "begin" || !strings.HasPrefix(p.Found, "2002-03-02") || !strings.Contains(p.Done, "days earlier") || strings.Contains(p.Done, "true date") {
			t.Errorf("%+v", p)
		}
		scans, err := os.ReadFile(filepath.Join(root, "sub-"+c.sub, "sub-"+c.sub+"_scans.tsv"))
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(strings.TrimSpace(string(scans)), "\n")
		_, one, _ := strings.Cut(lines[1], "\t")
		_, two, _ := strings.Cut(lines[2], "\t")
		begins[c.sub+c.flag] = one
		if one != two || one[:2] != "18" {
			t.Errorf("scans.tsv is %s, want two of the same day of the 19th century", scans)
		}
		for _, name := range strings.Fields(treeFiles(t, root)) {
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
			if err != nil || strings.Contains(string(text), "2002") && !strings.HasSuffix(name, ".edf") || strings.Contains(string(text[:min(1024, len(text))]), "2002") {
				t.Errorf("%s has the true year (%v)", name, err)
			}
		}
		code, out, errs := run(t, "info", "--json", filepath.Join(root, "sub-"+c.sub, "eeg", "sub-"+c.sub+"_task-rest_run-1_eeg.edf"))
		if code != 0 || !strings.Contains(out, one) {
			t.Errorf("it begins otherwise than scans.tsv says, %s: %s %s", one, out, errs)
		}
	}
	if got := begins["1--shift-dates=40000"]; !strings.HasPrefix(got, "1892-08-25T") { // datetime.date(2002, 3, 2) - timedelta(40000)
		t.Errorf("40000 days before is %s", got)
	}
	root := filepath.Join(t.TempDir(), "study")
	if code, out, errs := run(t, "convert", "--bids", "--dataset", "eegmmidb", "--anonymise", "--shift-dates", "40000", s001(t, "R04"), root); code != 0 || !strings.Contains(out, "brainvision") || !strings.Contains(out, " 0 losses") {
		t.Errorf("exit code %d, want BrainVision without losses: %s %s", code, out, errs)
	}
	code, out, errs := run(t, "info", "--json", filepath.Join(root, "sub-001", "eeg", "sub-001_task-leftOrRightFistImagined_run-04_eeg.vhdr"))
	if code != 0 || !strings.Contains(out, "1900-02-05T16:15:00") || !strings.Contains(out, `"deviations": []`) { // 2009-08-12 and 40000 days before
		t.Errorf("the file in BrainVision begins otherwise: %s %s", out, errs)
	}
	days := map[string]bool{}
	for _, b := range begins {
		days[b] = true
	}
	if len(days) != len(begins) {
		t.Errorf("%v, want other shifts of other subjects and seeds", begins)
	}
	for _, c := range []struct{ flags, says string }{
		{"--anonymise --shift-dates 40000", `"Assumed": "unknown"`},
		{"--anonymise --shift-dates 100", "looks like a true date, from 27820 days on it is in 1925 or earlier"}, // until 1925-12-31
	} {
		code, out, errs := run(t, append([]string{"convert", "--json", in, filepath.Join(t.TempDir(), "y.edf")}, strings.Fields(c.flags)...)...)
		if code != 0 || !strings.Contains(strings.ToLower(out), strings.ToLower(c.says)) {
			t.Errorf("%s: exit code %d, want %q: %s %s", c.flags, code, c.says, out, errs)
		}
	}
	for flags, says := range map[string]string{
		"--shift-dates 40000":                              "does nothing without --anonymise",
		"--anonymise --shift-dates 0":                      "above 0",
		"--anonymise --shift-dates -1":                     "above 0",
		"--anonymise --shift-dates x":                      "invalid",
		"--anonymise --shift-dates 200000":                 "must be at most 73839", // since 1800-01-01
		"--anonymise --shift-dates-seed x":                 "only for --bids",
		"--anonymise --shift-dates 1 --shift-dates-seed x": "give one of them",
	} {
		out := filepath.Join(t.TempDir(), "y.edf")
		code, _, errs := run(t, append([]string{"convert", in, out}, strings.Fields(flags)...)...)
		if _, err := os.Stat(out); code != exitUsage || !strings.Contains(errs, says) || err == nil {
			t.Errorf("%s: exit code %d, want %q: %s", flags, code, says, errs)
		}
	}
}
