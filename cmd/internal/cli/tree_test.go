package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// tinyBIDS is the tree that mne-bids is tested with, and the recording in it.
func tinyBIDS(t *testing.T) (root, recording string) {
	t.Helper()
	const rel = "sub-01/ses-eeg/eeg/sub-01_ses-eeg_task-rest_eeg.vhdr"
	path := datasettest.Need(t, "formats/bids/tiny_bids/"+rel)
	return strings.TrimSuffix(filepath.ToSlash(path), "/"+rel), rel
}

// TestInfoTree lists the recordings of a tree, and what is in each.
func TestInfoTree(t *testing.T) {
	root, rel := tinyBIDS(t)
	var v infoTreeJSON
	mustJSON(t, &v, "info", root, "--json")
	if v.Name != "tiny_bids" || v.DatasetType != "raw" || v.Subjects != 1 || v.Sessions != 1 || v.Participants != 1 || len(v.Recordings) != 1 || len(v.Deviations) != 0 {
		t.Fatalf("%+v", v)
	}
	if m := v.Recordings[0]; m.Path != rel || m.Subject != "01" || m.Session != "eeg" || m.Task != "rest" || m.Channels != 69 || m.Bad != 1 || m.Events["show_stimulus"] != 1 || m.RateHz != 5000 {
		t.Errorf("%+v", m)
	}
	code, out, _ := run(t, "info", root)
	if code != 0 || !strings.Contains(out, "1 subjects, 1 sessions, 1 recordings") || !strings.Contains(out, rel) || !strings.Contains(out, `events: "show_stimulus", "start_experiment"`) {
		t.Errorf("exit code %d: %s", code, out)
	}
	code, _, errs := run(t, "info", root, "--strict")
	if code != 3 || !strings.Contains(errs, "which --strict refuses") {
		t.Errorf("exit code %d: %s", code, errs)
	}
	code, _, errs = run(t, "train", "csp-lda", root)
	if code != 2 || !strings.Contains(errs, "name a recording in it") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestRecordingOfTree finds its sidecars by itself, also from inside of its folder, and names them as the path was given.
func TestRecordingOfTree(t *testing.T) {
	root, rel := tinyBIDS(t)
	var v infoJSON
	mustJSON(t, &v, "info", root+"/"+rel, "--json")
	k := slices.IndexFunc(v.Channels, func(c channelJSON) bool { return c.Bad })
	if len(v.Events) != 2 || v.Events[1].Label != "show_stimulus" || k < 0 || !slices.Contains(v.Parts, root+"/participants.tsv") {
		t.Errorf("events %v, parts %v", v.Events, v.Parts)
	}
	t.Chdir(filepath.Join(root, filepath.FromSlash(filepath.Dir(rel))))
	mustJSON(t, &v, "info", filepath.Base(rel), "--json")
	if len(v.Events) != 2 || !slices.Contains(v.Parts, "sub-01_ses-eeg_task-rest_events.tsv") {
		t.Errorf("in its folder: events %v, parts %v", v.Events, v.Parts)
	}
}

// TestValidateTree looks at the tree and at each recording in it.
func TestValidateTree(t *testing.T) {
	root, rel := tinyBIDS(t)
	code, out, _ := run(t, "validate", root)
	if code != 4 || !strings.Contains(out, root+"  clean, BIDS 1.7.0, 0 deviations") || !strings.Contains(out, root+"/"+rel+"  deviates") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, out, _ = run(t, "validate", root, "--strict"); code != 3 || !strings.Contains(out, "refused by --strict") {
		t.Errorf("exit code %d: %s", code, out)
	}
	broken := filepath.Join(t.TempDir(), "tree")
	if err := os.CopyFS(broken, os.DirFS(root)); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"dataset_description.json": "{}", rel: "no header"} {
		if err := os.WriteFile(filepath.Join(broken, filepath.FromSlash(name)), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	code, out, errs := run(t, "validate", broken)
	if code != 3 || !strings.Contains(out, "tree  deviates") || !strings.Contains(out, "BIDSVersion: the field is there") || !strings.Contains(out, "refused") || !strings.Contains(errs, "1 of 2 files refused") {
		t.Errorf("exit code %d: %s %s", code, out, errs)
	}
	if code, out, _ = run(t, "info", broken); code != 0 || !strings.Contains(out, "cannot be read: ") {
		t.Errorf("exit code %d: %s", code, out)
	}
	if code, _, errs = run(t, "validate", t.TempDir()); code != 2 || !strings.Contains(errs, "is a folder") {
		t.Errorf("exit code %d: %s", code, errs)
	}
}

// TestTrainOnTree: the events of the sidecars are the classes; the sidecars may be given too, as by a glob.
func TestTrainOnTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "tree", "sub-001", "eeg")
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, r := range []string{"06", "10"} {
		var v infoJSON
		mustJSON(t, &v, "info", s001(t, "R"+r), "--json")
		data, err := os.ReadFile(s001(t, "R"+r))
		if err != nil {
			t.Fatal(err)
		}
		var table strings.Builder
		table.WriteString("onset\tduration\ttrial_type\n")
		for _, e := range v.Events {
			fmt.Fprintf(&table, "%g\t%g\t%s\n", e.Onset, e.Duration, map[string]string{"T0": "rest", "T1": "fists", "T2": "feet"}[e.Label])
		}
		base := filepath.Join(dir, "sub-001_task-imagery_run-"+r)
		for name, content := range map[string]string{
			"_eeg.edf": string(data), "_events.tsv": table.String(),
			"_eeg.json": `{"TaskName": "imagery", "EEGReference": "n/a", "SamplingFrequency": 160, "PowerLineFrequency": 60, "SoftwareFilters": "n/a"}`,
		} {
			if err := os.WriteFile(base+name, []byte(content), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		files = append(files, base+"_eeg.edf", base+"_eeg.json", base+"_events.tsv")
	}
	args := append([]string{"train", "csp-lda"}, files...)
	code, out, errs := run(t, append(args, "--events", "fists=fists,feet=feet", "-o", filepath.Join(t.TempDir(), "m.gyrus"))...)
	if code != 0 || !strings.Contains(errs, "run-06_events.tsv: read with ") || !strings.Contains(out, "fists") {
		t.Errorf("exit code %d: %s %s", code, out, errs)
	}
	if code, _, errs = run(t, append(args, "--events", "T1=fists,T2=feet")...); code == 0 || !strings.Contains(errs, "fists") {
		t.Errorf("exit code %d: the events of the header are not those of the recording any more: %s", code, errs)
	}
}
