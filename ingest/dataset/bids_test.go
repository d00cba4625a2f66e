package dataset_test

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// tree is a BIDS tree of two people with three sessions of two runs each: EDF+ without events, which stand in tables.
func tree(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "dataset_description.json"), []byte(`{"Name": "planted", "BIDSVersion": "1.10.0"}`))
	write(t, filepath.Join(dir, "participants.tsv"), []byte("participant_id\nsub-01\nsub-02\n"))
	write(t, filepath.Join(dir, "task-mi_events.json"), []byte(`{"trial_type": {"LongName": "Cue", "Levels": {"left": "left fist", "right": {"Description": "right fist", "TermURL": "x"}}}, "StimulusPresentation": {"OperatingSystem": "x"}}`))
	w, err := ingest.WriterFor("edf+", "x.edf")
	if err != nil {
		t.Fatal(err)
	}
	seed := 0.0
	for _, sub := range []string{"01", "02"} {
		for _, ses := range []string{"1", "2", "3"} {
			for _, run := range []string{"1", "2"} {
				seed++
				base := filepath.Join(dir, "sub-"+sub, "ses-"+ses, "eeg", "sub-"+sub+"_ses-"+ses+"_task-mi_run-"+run)
				x := signal.Memory{make([]float64, 1000)}
				for i := range x[0] {
					x[0][i] = 20 * math.Sin(0.1*seed*float64(i))
				}
				rec := &signal.Recording{Name: base, Len: 1000, Data: x, Info: &signal.Info{
					Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}},
				}}
				if err := os.MkdirAll(filepath.Dir(base), 0o700); err != nil {
					t.Fatal(err)
				}
				if _, err := ingest.WriteFile(base+"_eeg.edf", w, rec, false); err != nil {
					t.Fatal(err)
				}
				write(t, base+"_eeg.json", []byte(`{"TaskName": "mi", "SamplingFrequency": 100, "EEGReference": "FCz", "PowerLineFrequency": 50, "SoftwareFilters": "n/a"}`))
				write(t, base+"_channels.tsv", []byte("name\ttype\tunits\nCz\tEEG\tµV\n"))
				// The tables of the first and the eleventh run are the same, as those of a study may be.
				events := fmt.Sprintf("onset\tduration\ttrial_type\n1.0%.0f\t1\tleft\n3.0\t1\tright\n5.0\t1\tleft\n7.5\t1\tright\n", math.Mod(seed, 10))
				write(t, base+"_events.tsv", []byte(events))
			}
		}
	}
	return dir
}

// TestPlantedBIDS: whatever is planted in a BIDS tree is named, in its tables too.
func TestPlantedBIDS(t *testing.T) {
	name := func(dir, sub, ses, run, what string) string {
		return filepath.Join(dir, "sub-"+sub, "ses-"+ses, "eeg", "sub-"+sub+"_ses-"+ses+"_task-mi_run-"+run+"_"+what)
	}
	replace := func(t *testing.T, file, old, with string) {
		t.Helper()
		edit(t, file, func(b []byte) []byte {
			out := bytes.Replace(b, []byte(old), []byte(with), 1)
			if bytes.Equal(out, b) {
				t.Fatalf("%s has no %q", file, old)
			}
			return out
		})
	}
	const e11, e12, v11, v12, v21 = "sub-01/ses-1/eeg/sub-01_ses-1_task-mi_run-1_eeg.edf", "sub-01/ses-1/eeg/sub-01_ses-1_task-mi_run-2_eeg.edf",
		"sub-01/ses-1/eeg/sub-01_ses-1_task-mi_run-1_events.tsv", "sub-01/ses-1/eeg/sub-01_ses-1_task-mi_run-2_events.tsv", "sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-1_events.tsv"
	for what, c := range map[string]struct {
		plant func(t *testing.T, dir string)
		found []string // "kind path words"
	}{
		"nothing": {func(*testing.T, string) {}, nil},
		"a wrong label": {func(t *testing.T, dir string) {
			replace(t, name(dir, "01", "1", "1", "events.tsv"), "5.0\t1\tleft", "5.0\t1\tright")
		}, []string{"altered " + v11, `labels ` + e11 + ` has 1 trials of "left", must have 2`, `labels ` + e11 + ` 1 events differ, first event 3: sample and label are "500 right", must be "500 left"`}},
		"classes of a run swapped": {func(t *testing.T, dir string) {
			edit(t, name(dir, "01", "1", "2", "events.tsv"), func(b []byte) []byte {
				return []byte(strings.NewReplacer("left", "right", "right", "left").Replace(string(b)))
			})
		}, []string{"altered " + v12, `labels ` + e12 + ` the classes are swapped in all 4 events: "right" for "left", "left" for "right"`}},
		"events a second late": {func(t *testing.T, dir string) {
			replace(t, name(dir, "02", "1", "1", "events.tsv"), "7.5\t1\tright", "8.5\t1\tright")
		}, []string{"altered " + v21, `labels sub-02/ses-1/ 1 events differ, first event 4: sample and label are "850 right", must be "750 right"`}},
		"tables of two runs swapped": {func(t *testing.T, dir string) {
			swap(t, name(dir, "01", "1", "1", "events.tsv"), name(dir, "01", "1", "2", "events.tsv"))
		}, []string{"swapped " + v11 + " has the content of " + v12, "swapped " + v12, `labels ` + e11 + ` 1 events differ`, `labels ` + e12 + ` 1 events differ`}},
		"another rate in the table": {func(t *testing.T, dir string) {
			replace(t, name(dir, "01", "1", "1", "channels.tsv"), "Cz\tEEG", "Cz\tEOG")
		}, []string{"altered sub-01/ses-1/eeg/sub-01_ses-1_task-mi_run-1_channels.tsv", "labels " + e11 + ` names, kinds and units of channels differ: channel 1 is "Cz eog µV", must be "Cz eeg µV"`}},
		"levels swapped": {func(t *testing.T, dir string) {
			edit(t, filepath.Join(dir, "task-mi_events.json"), func(b []byte) []byte {
				return []byte(strings.NewReplacer("left fist", "right fist", "right fist", "left fist").Replace(string(b)))
			})
		}, []string{
			"altered task-mi_events.json",
			`labels task-mi_events.json levels differ: trial_type "left" means "right fist", trial_type "right" means "left fist"; must be: trial_type "left" means "left fist", trial_type "right" means "right fist"`,
		}},
		"a level less": {func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, "task-mi_events.json"), `"left": "left fist", `, "")
		}, []string{"altered task-mi_events.json", `labels task-mi_events.json levels differ: none of these; must be: trial_type "left" means "left fist"`}},
		"words of the sidecar": {func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, "task-mi_events.json"), "Cue", "Sign")
		}, []string{"altered task-mi_events.json"}},
		"a participant's row is gone": {func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, "participants.tsv"), "sub-02\n", "")
		}, []string{"altered participants.tsv", "missing participants.tsv has no row of sub-02, of whom the manifest has recordings"}},
		"a participant more": {func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, "participants.tsv"), "sub-02\n", "sub-02\nsub-03\n")
		}, []string{"altered participants.tsv"}},
		"the participants' column is gone": {func(t *testing.T, dir string) {
			replace(t, filepath.Join(dir, "participants.tsv"), "participant_id", "who")
		}, []string{"altered participants.tsv", "missing participants.tsv has no column participant_id"}},
		"a missing subject": {func(t *testing.T, dir string) {
			if err := os.RemoveAll(filepath.Join(dir, "sub-02")); err != nil {
				t.Fatal(err)
			}
		}, []string{"missing_subject 02 subject 02 is missing with all its"}},
		"two sessions swapped": {func(t *testing.T, dir string) {
			for _, run := range []string{"1", "2"} {
				for _, what := range []string{"eeg.edf", "events.tsv"} {
					swap(t, name(dir, "02", "1", run, what), name(dir, "02", "3", run, what))
				}
			}
		}, []string{"swapped sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-1_eeg.edf (subject 02, session 3, run 1)", "swapped sub-02/ses-3/eeg/sub-02_ses-3_task-mi_run-2_events.tsv", "swapped sub-02/ses-1/", "swapped sub-02/ses-3/", "labels sub-02/ses-1/", "labels sub-02/ses-3/"}},
		"sessions off by one": {func(t *testing.T, dir string) {
			for _, ses := range []string{"3", "2", "1"} {
				next := string(ses[0] + 1)
				for _, run := range []string{"1", "2"} {
					for _, what := range []string{"eeg.edf", "eeg.json", "channels.tsv", "events.tsv"} {
						if err := os.MkdirAll(filepath.Dir(name(dir, "01", next, run, what)), 0o700); err != nil {
							t.Fatal(err)
						}
						if err := os.Rename(name(dir, "01", ses, run, what), name(dir, "01", next, run, what)); err != nil {
							t.Fatal(err)
						}
					}
				}
			}
		}, []string{"shifted_sessions 01 the sessions of subject 01 are off by +1: 6 recordings", "missing sub-01/ses-1/", "swapped sub-01/ses-2/", "swapped sub-01/ses-3/", "labels sub-01/ses-2/", "labels sub-01/ses-3/", "swapped sub-01/ses-4/"}},
		"a run twice": {func(t *testing.T, dir string) {
			edit(t, name(dir, "02", "1", "2", "eeg.edf"), func([]byte) []byte {
				b, _ := os.ReadFile(name(dir, "02", "1", "1", "eeg.edf"))
				return b
			})
		}, []string{"duplicated sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-2_eeg.edf has the content of sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-1_eeg.edf"}},
		"a third run, a copy": {func(t *testing.T, dir string) {
			b, err := os.ReadFile(name(dir, "02", "1", "1", "eeg.edf"))
			if err != nil {
				t.Fatal(err)
			}
			write(t, name(dir, "02", "1", "3", "eeg.edf"), b)
		}, []string{"duplicated sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-3_eeg.edf is a copy of"}},
		"a truncated file": {func(t *testing.T, dir string) {
			edit(t, name(dir, "02", "1", "1", "eeg.edf"), func(b []byte) []byte { return b[:len(b)-300] })
		}, []string{"altered sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-1_eeg.edf", "labels sub-02/ses-1/"}},
		"a changed byte": {func(t *testing.T, dir string) {
			edit(t, name(dir, "02", "1", "1", "eeg.edf"), func(b []byte) []byte { b[len(b)-200] ^= 1; return b })
		}, []string{"altered sub-02/ses-1/eeg/sub-02_ses-1_task-mi_run-1_eeg.edf rate, channels, length and events are as they should be"}},
	} {
		t.Run(what, func(t *testing.T) {
			dir := tree(t)
			m, err := dataset.Set{}.Make(os.DirFS(dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			if n := len(m.Files); n != 3+12*4 {
				t.Fatalf("%d files in the manifest", n)
			}
			c.plant(t, dir)
			r, err := m.Verify(os.DirFS(dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			matches := func(f dataset.Finding, want string) bool {
				kind, rest, _ := strings.Cut(want, " ")
				path, words, _ := strings.Cut(rest, " ")
				return f.What == kind && strings.HasPrefix(f.Path, path) && strings.Contains(f.Text, words)
			}
			for _, want := range c.found {
				if !slices.ContainsFunc(r.Findings, func(f dataset.Finding) bool { return matches(f, want) }) {
					t.Errorf("no finding %q among %v", want, r.Findings)
				}
			}
			for _, f := range r.Findings {
				if !slices.ContainsFunc(c.found, func(want string) bool {
					w := strings.Fields(want)
					return f.What == w[0] && strings.HasPrefix(f.Path, w[1])
				}) {
					t.Errorf("nobody has planted %+v", f)
				}
			}
		})
	}
}

// TestComposedLabels: one cell that is changed in a table with trial_type and value is one event, though it decides how the labels of all are composed.
func TestComposedLabels(t *testing.T) {
	simple, several := "left\t1 right\t2", "response\t201 response\t202 stimulus\t1"
	for what, c := range map[string]struct {
		kinds, old, with string // of the rows in turn; in row 9
		found            []string
	}{
		"another trial_type": {simple, "left\t1", "right\t1", []string{
			`has 9 trials of "left", must have 10`, `has 1 trials of "right/1", must have 0`, `1 events differ, first event 9: sample and label are "740 right/1", must be "740 left"`,
		}},
		"another value": {simple, "left\t1", "left\t7", []string{
			`has 9 trials of "left", must have 10`, `has 1 trials of "left/7", must have 0`, `1 events differ, first event 9: sample and label are "740 left/7", must be "740 left"`,
		}},
		"no value": {simple, "left\t1", "left\tn/a", []string{
			`has 9 trials of "left", must have 10`, `has 1 trials of "left/na", must have 0`, `1 events differ, first event 9: sample and label are "740 left/na", must be "740 left"`,
		}},
		"both": {simple, "left\t1", "right\t2", []string{
			`has 9 trials of "left", must have 10`, `has 11 trials of "right", must have 10`, `1 events differ, first event 9: sample and label are "740 right", must be "740 left"`,
		}},
		"composed before": {several, "stimulus\t1", "response\t1", []string{
			`has 1 trials of "response/1", must have 0`, `has 5 trials of "stimulus", must have 6`, `1 events differ, first event 9: sample and label are "740 response/1", must be "740 stimulus"`,
		}},
		"composed before, of others": {several, "stimulus\t1", "stimulus\t2", []string{
			`has 5 trials of "stimulus", must have 6`, `has 1 trials of "stimulus/2", must have 0`, `1 events differ, first event 9: sample and label are "740 stimulus/2", must be "740 stimulus"`,
		}},
		"no more composed": {"go\t1 go\t1 go\t1 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 go\t2 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5 stop\t5", "go\t2", "go\t1", []string{
			`has 4 trials of "go/1", must have 3`, `has 0 trials of "go/2", must have 1`, `1 events differ, first event 9: sample and label are "740 go/1", must be "740 go/2"`,
		}},
		"of as many": {strings.Repeat("left\t1 ", 19) + "right\t2", "left\t1", "right\t1", []string{
			`has 18 trials of "left", must have 19`, `has 1 trials of "right/1", must have 0`, `1 events differ, first event 9: sample and label are "740 right/1", must be "740 left"`,
		}},
		"a sample": {simple, "7.40\t0.5", "7.50\t0.5", []string{`1 events differ, first event 9: sample and label are "750 left", must be "740 left"`}},
	} {
		t.Run(what, func(t *testing.T) {
			dir := tree(t)
			file := filepath.Join(dir, "sub-02", "ses-1", "eeg", "sub-02_ses-1_task-mi_run-1_events.tsv")
			kinds, rows := strings.Split(c.kinds, " "), []string{"onset\tduration\ttrial_type\tvalue"}
			for i := range 20 {
				rows = append(rows, fmt.Sprintf("%.2f\t0.5\t%s", 1+.8*float64(i), kinds[i%len(kinds)]))
			}
			write(t, file, []byte(strings.Join(rows, "\n")+"\n"))
			m, err := dataset.Set{}.Make(os.DirFS(dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			was := rows[9]
			if rows[9] = strings.Replace(was, c.old, c.with, 1); rows[9] == was {
				t.Fatalf("row 9 is %q, which has no %q", was, c.old)
			}
			write(t, file, []byte(strings.Join(rows, "\n")+"\n"))
			r, err := m.Verify(os.DirFS(dir), nil)
			if err != nil {
				t.Fatal(err)
			}
			var texts []string
			for _, f := range r.Findings {
				if f.What == dataset.Labels {
					texts = append(texts, f.Text)
				}
			}
			if !slices.Equal(texts, c.found) {
				t.Errorf("found\n%s\nwant\n%s", strings.Join(texts, "\n"), strings.Join(c.found, "\n"))
			}
		})
	}
}

// TestChooseBIDS: in a tree, recordings are what the tree says, with sessions.
func TestChooseBIDS(t *testing.T) {
	choose := func(dir, text string) []dataset.Recording {
		t.Helper()
		recs, err := dataset.Set{}.Recordings(os.DirFS(dir))
		if err != nil {
			t.Fatal(err)
		}
		c, err := dataset.ParseChoice(text)
		if err != nil {
			t.Fatal(err)
		}
		got, err := dataset.Set{}.Choose(c, recs)
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	if got := choose(tree(t), "02:1,3:2"); len(got) != 2 || !strings.HasSuffix(got[0].Path, "sub-02_ses-1_task-mi_run-2_eeg.edf") || !strings.HasSuffix(got[1].Path, "sub-02_ses-3_task-mi_run-2_eeg.edf") {
		t.Errorf("%v", got)
	}
	if got := choose(datasettest.Need(t, "formats/bids/tiny_bids"), "sub-01:eeg"); len(got) != 1 || got[0].Path != "sub-01/ses-eeg/eeg/sub-01_ses-eeg_task-rest_eeg.vhdr" {
		t.Errorf("%v", got)
	}
}
