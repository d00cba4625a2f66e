package bids_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
)

// TestReadTree finds subjects, sessions and recordings by names.
func TestReadTree(t *testing.T) {
	files := complete().
		text("participants.json", `{"age": {"Units": "year"}}`).
		table("participants.tsv", "participant_id|age", "sub-01|33", "sub-02|44").
		table("sub-02/ses-a/sub-02_ses-a_scans.tsv", "filename|acq_time", "eeg/sub-02_ses-a_task-odd_run-1_eeg.edf|n/a").
		text("sub-02/ses-a/eeg/sub-02_ses-a_task-odd_eeg.json", about).
		text("derivatives/clean/dataset_description.json", `{}`).text("derivatives/notes.txt", "").
		text("task-odd_events.json", `{}`).text("sub-02/anat/sub-02_T1w.nii.gz", "").text("README", "")
	for _, name := range []string{"sub-02/ses-a/eeg/sub-02_ses-a_task-odd_run-1_eeg.edf", "sub-02/ses-a/eeg/sub-02_ses-a_task-odd_run-2_eeg.edf", "sub-02/ses-b/eeg/sub-02_ses-b_task-odd_eeg.edf"} {
		files = withCopy(files, name)
	}
	files.text("sub-02/ses-b/eeg/sub-02_ses-b_task-odd_eeg.vmrk", "") // goes with a header
	tree, err := bids.ReadTree(fstest.MapFS(files), ".")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, sub := range tree.Subjects {
		for _, ses := range sub.Sessions {
			all = append(all, sub.Label+"/"+ses.Label)
			for _, rec := range ses.Recordings {
				all = append(all, rec.Name.Get("task")+rec.Name.Get("run"))
			}
		}
	}
	if got := strings.Join(all, " "); got != "01/ odd 02/a odd1 odd2 02/b odd" {
		t.Errorf("found %s", got)
	}
	if tree.Description.Name != "made by a test" || tree.Participants.Len() != 2 || !tree.ParticipantsAbout.Has("age") || tree.Subjects[1].Sessions[0].Scans == nil {
		t.Errorf("%+v", tree)
	}
	if !slices.Equal(tree.Derivatives, []string{"derivatives/clean"}) {
		t.Errorf("derivatives %v", tree.Derivatives)
	}
	deviates(t, tree.Deviations)
	rec, err := tree.Open(tree.Recordings()[1])
	if err != nil || rec.Name != "sub-02/ses-a/eeg/sub-02_ses-a_task-odd_run-1_eeg.edf" {
		t.Fatal(rec, err)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	s, found, err := tree.Sidecars(tree.Recordings()[1])
	if err != nil || len(found) > 0 || !s.About.Has("TaskName") {
		t.Errorf("%+v %v %v", s, found, err)
	}
}

// TestDerivative: trees that were made of others are read like them, in their folders or on their own.
func TestDerivative(t *testing.T) {
	files := complete()
	out := tree{}.text("derivatives/clean/dataset_description.json",
		`{"Name": "n", "BIDSVersion": "1.10.0", "DatasetType": "derivative", "GeneratedBy": [{"Name": "gyrus", "Version": "1"}], "SourceDatasets": [{"DOI": "doi:10.1/x"}]}`)
	const name = "derivatives/clean/sub-01/eeg/sub-01_task-odd_desc-clean_eeg.edf"
	out[name] = files[recording]
	out["derivatives/clean/sub-01/eeg/sub-01_task-odd_desc-clean_eeg.json"] = files[stem+"_eeg.json"]
	out["derivatives/clean/sub-01/eeg/sub-01_task-odd_desc-clean_channels.tsv"] = files[stem+"_channels.tsv"]
	out["derivatives/clean/sub-01/eeg/sub-01_task-odd_desc-clean_events.tsv"] = files[stem+"_events.tsv"]
	read, err := bids.ReadTree(fstest.MapFS(out), "derivatives/clean")
	if err != nil {
		t.Fatal(err)
	}
	d := read.Description
	if len(read.Recordings()) != 1 || d.DatasetType != bids.Derivative || d.GeneratedBy[0].Name != "gyrus" || d.SourceDatasets[0].DOI != "doi:10.1/x" {
		t.Errorf("%+v", read)
	}
	deviates(t, read.Deviations)
	rec, err := read.Open(read.Recordings()[0])
	if err != nil {
		t.Fatal(err)
	}
	deviates(t, rec.Deviations)
	if !slices.Contains(rec.Parts, "derivatives/clean/sub-01/eeg/sub-01_task-odd_desc-clean_channels.tsv") {
		t.Errorf("parts %v", rec.Parts)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	delete(out, "derivatives/clean/dataset_description.json")
	out.text("derivatives/clean/dataset_description.json", `{"Name": "n", "BIDSVersion": "1.10.0", "DatasetType": "derivative"}`)
	if read, err = bids.ReadTree(fstest.MapFS(out), "derivatives/clean"); err != nil {
		t.Fatal(err)
	}
	deviates(t, read.Deviations, "GeneratedBy|none")
}

// TestTreeDeviations: what is wrong with names and with the tables about the whole.
func TestTreeDeviations(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(tree)
		want   []string
	}{
		{"nothing", func(tree) {}, nil},
		{"no description", func(f tree) { delete(f, "dataset_description.json") }, []string{"dataset_description.json|none"}},
		{
			"description", func(f tree) { f.text("dataset_description.json", `{"Name": 7, "DatasetType": "cooked"}`) },
			[]string{"field Name", "BIDSVersion|none", `DatasetType|"cooked"`},
		},
		{"broken description", func(f tree) { f.text("dataset_description.json", `{`) }, []string{"a sidecar can be read", "Name|none", "BIDSVersion|none"}},
		{"orphan", func(f tree) { f.text(folder+"sub-01_task-even_eeg.json", `{}`) }, []string{"sub-01_task-even_eeg.json|no such recording"}},
		{"orphan of a level above", func(f tree) { f.table("task-even_channels.tsv", "name|type|units") }, []string{"task-even_channels.tsv|no such recording"}},
		{"orphan of events", func(f tree) { f.table(folder+"sub-01_task-odd_run-2_events.tsv", "onset|duration") }, []string{"run-2_events.tsv|no such recording"}},
		{"grammar", func(f tree) { f.text(folder+"notes on odd.txt", "") }, []string{"notes on odd.txt: name|passed over"}},
		{"two formats", func(f tree) { f[stem+"_eeg.bdf"] = f[recording] }, []string{"one recording of a name|_eeg.bdf"}},
		{
			"label", func(f tree) { f["sub-0.1/eeg/x"] = &fstest.MapFile{}; f["sub-a+b/eeg/sub-1_x.txt"] = &fstest.MapFile{} },
			[]string{`sub-a+b|letters and digits`, "none for sub-a+b"},
		},
		{
			"participants", func(f tree) { f.table("participants.tsv", "age|participant_id", "1|sub-03", "2|7", "3|sub-03") },
			[]string{"line 1|first column", "sub-03 has none", `"7"`, "sub-03 again", "none for sub-01"},
		},
		{"scans", func(f tree) { f.table("sub-01/sub-01_scans.tsv", "filename", "eeg/gone.edf", "../x") }, []string{"eeg/gone.edf", "../x"}},
		{"scans without files", func(f tree) { f.table("sub-01/sub-01_scans.tsv", "name", "x") }, []string{"a column filename"}},
	} {
		files := complete()
		c.change(files)
		tree, err := bids.ReadTree(fstest.MapFS(files), ".")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		t.Run(c.name, func(t *testing.T) { deviates(t, tree.Deviations, c.want...) })
	}
	if _, err := bids.ReadTree(fstest.MapFS{"a/x.edf": {}}, "."); err == nil || !strings.Contains(err.Error(), "neither") {
		t.Errorf("a folder that is no tree: %v", err)
	}
	if _, err := bids.ReadTree(fstest.MapFS{}, "gone"); err == nil {
		t.Error("a folder that is not there is a tree")
	}
}

// TestLinks: a tree that lies in itself is refused; links to files, as git-annex makes them, are followed.
func TestLinks(t *testing.T) {
	root := t.TempDir()
	if err := os.CopyFS(root, fstest.MapFS(complete())); err != nil {
		t.Fatal(err)
	}
	link := func(to, name string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(root, filepath.FromSlash(name))); err != nil {
			t.Skipf("this system makes no links: %v", err)
		}
	}
	move := func(name string) {
		t.Helper()
		if err := os.Rename(filepath.Join(root, filepath.FromSlash(name)), filepath.Join(root, "annexed")); err != nil {
			t.Fatal(err)
		}
	}
	move(recording)
	link(filepath.Join("..", "..", "annexed"), recording)
	link("nowhere", "sub-01/eeg/sub-01_task-gone_eeg.edf")
	read, err := bids.ReadTree(os.DirFS(root), ".")
	if err != nil {
		t.Fatal(err)
	}
	all := read.Recordings()
	if len(all) != 2 || !all[0].Gone || all[1].Gone {
		t.Fatalf("recordings %+v", all)
	}
	if _, err := read.Open(all[0]); err == nil || !strings.Contains(err.Error(), "datalad get") {
		t.Errorf("the error %v", err)
	}
	rec, err := read.Open(all[1])
	if err != nil {
		t.Fatal(err)
	}
	deviates(t, rec.Deviations)
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
	for _, loop := range []struct{ to, name string }{{".", "sub-02"}, {filepath.Join("..", ".."), "sub-01/ses-1/eeg"}, {"..", "sub-01/ses-1"}, {"sub-3", "sub-3"}, {filepath.Join("..", ".."), "sub-01/eeg/loop"}, {".", "sub-01/notes"}, {".", "all"}} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, filepath.FromSlash(loop.name))), 0o777); err != nil {
			t.Fatal(err)
		}
		link(loop.to, loop.name)
		if _, err := bids.ReadTree(os.DirFS(root), "."); err == nil || !strings.Contains(err.Error(), loop.name+" is a link") {
			t.Errorf("%s, a link to %s: the error %v", loop.name, loop.to, err)
		}
		if err := os.Remove(filepath.Join(root, filepath.FromSlash(loop.name))); err != nil {
			t.Fatal(err)
		}
	}
}

// TestTinyTree is the tree that mne-bids is tested with.
func TestTinyTree(t *testing.T) {
	root := strings.TrimSuffix(filepath.ToSlash(datasettest.Need(t, "formats/bids/tiny_bids/"+tinyRecording)), "/"+tinyRecording)
	read, err := bids.ReadTree(os.DirFS(root), ".")
	if err != nil {
		t.Fatal(err)
	}
	deviates(t, read.Deviations)
	if all := read.Recordings(); len(all) != 1 || all[0].Path != tinyRecording || read.Subjects[0].Sessions[0].Label != "eeg" || read.Description.BIDSVersion != "1.7.0" {
		t.Errorf("%+v", read)
	}
	var version string
	if _, err := read.Description.Rest.Get("HEDVersion", &version); err != nil || version != "8.3.0" {
		t.Errorf("HED %q %v", version, err)
	}
}
