package dataset_test

import (
	"bufio"
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// recording is a small file whose samples are all v and whose events have these labels, a second apart.
func recording(t *testing.T, v float64, labels ...string) *fstest.MapFile {
	t.Helper()
	x := signal.Memory{make([]float64, 500)}
	for i := range x[0] {
		x[0][i] = v + float64(i%7)
	}
	rec := &signal.Recording{
		Name: "r", Len: 500, Data: x,
		Info: &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
	}
	for i, l := range labels {
		rec.Events = append(rec.Events, signal.Event{Sample: int64(100 * i), Onset: float64(i), Label: l})
	}
	var b bytes.Buffer
	if err := arrowfile.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	return &fstest.MapFile{Data: b.Bytes()}
}

func study(t *testing.T) fstest.MapFS {
	t.Helper()
	return fstest.MapFS{
		"README":                          {Data: []byte("a study")},
		"sub-01/ses-1/sub-01_ses-1.arrow": recording(t, 1, "left", "right", "left"),
		"sub-01/ses-2/sub-01_ses-2.arrow": recording(t, 2, "right", "right", "left"),
		"sub-02/ses-1/sub-02_ses-1.arrow": recording(t, 3, "left", "left", "right"),
	}
}

// TestVerify: whatever is planted is named, and nothing else.
func TestVerify(t *testing.T) {
	made, err := dataset.Set{}.Make(study(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	data, err := made.Encode()
	if err != nil {
		t.Fatal(err)
	}
	m, err := dataset.ParseManifest(data)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(made, m); diff != "" {
		t.Errorf("a manifest that is read again (-made +read):\n%s", diff)
	}
	f := m.Files[1]
	if f.Subject != "01" || f.Session != "1" || f.Samples != 500 || !maps.Equal(f.Trials, map[string]int{"left": 2, "right": 1}) || !slices.Equal(m.Layouts[f.Layout].Channels, []string{"Cz eeg µV"}) {
		t.Errorf("the manifest has %+v, %+v", f, m.Layouts)
	}
	const one, two, three = "sub-01/ses-1/sub-01_ses-1.arrow", "sub-01/ses-2/sub-01_ses-2.arrow", "sub-02/ses-1/sub-02_ses-1.arrow"
	for name, c := range map[string]struct {
		plant func(fsys fstest.MapFS)
		want  []string
	}{
		"nothing":      {func(fstest.MapFS) {}, nil},
		"wrong label":  {func(s fstest.MapFS) { s[one] = recording(t, 1, "left", "left", "left") }, []string{"altered " + one, `labels ` + one + ` has 3 trials of "left", must have 2`, `labels ` + one + ` has 0 trials of "right", must have 1`, `labels ` + one + ` 1 events differ, first event 2: sample and label are "100 left", must be "100 right"`}},
		"labels moved": {func(s fstest.MapFS) { s[one] = recording(t, 1, "right", "left", "left") }, []string{"altered " + one, `labels ` + one + ` 2 events differ, first event 1`}},
		"classes swapped": {func(s fstest.MapFS) { s[one] = recording(t, 1, "right", "left", "right") }, []string{
			"altered " + one, `labels ` + one + ` has 1 trials`, `labels ` + one + ` has 2 trials`, `labels ` + one + ` the classes are swapped in all 3 events: "right" for "left", "left" for "right"`,
		}},
		"off by one": {func(s fstest.MapFS) {
			s["sub-01/ses-3/sub-01_ses-3.arrow"] = s[two]
			s[two] = s[one]
			delete(s, one)
		}, []string{
			"shifted_sessions 01 the sessions of subject 01 are off by +1: 2 recordings", "missing " + one, "swapped " + two + " has the content of " + one,
			`labels ` + two, `labels ` + two, `labels ` + two, "swapped sub-01/ses-3/sub-01_ses-3.arrow is " + two + " (subject 01, session 2) under another name",
		}},
		"run twice": {func(s fstest.MapFS) { s[two] = s[one] }, []string{
			"duplicated " + two + " has the content of " + one + " (subject 01, session 1), which is there too: its trials would count twice", `labels ` + two, `labels ` + two, `labels ` + two,
		}},
		"one bit": {func(s fstest.MapFS) {
			data := bytes.Clone(s[three].Data)
			data[bytes.Index(data, []byte{3, 0, 0, 0, 0, 0, 0, 0})+4] ^= 1
			s[three] = &fstest.MapFile{Data: data}
		}, []string{"altered " + three}},
		"other samples": {func(s fstest.MapFS) { s[three] = recording(t, 4, "left", "left", "right") }, []string{"altered " + three}},
		"swapped": {func(s fstest.MapFS) { s[one], s[two] = s[two], s[one] }, []string{
			"swapped " + one + " has the content of " + two + " (subject 01, session 2); this should be " + one + " (subject 01, session 1)", `labels ` + one + ` has 1 trials`, `labels ` + one + ` has 2 trials`, `labels ` + one + ` 1 events differ`,
			"swapped " + two + " has the content of " + one, `labels ` + two + ` has 2 trials`, `labels ` + two + ` has 1 trials`, `labels ` + two + ` 1 events differ`,
		}},
		"no subject": {func(s fstest.MapFS) { delete(s, three) }, []string{"missing_subject 02 subject 02 is missing with all its 1 recordings"}},
		"no session": {func(s fstest.MapFS) { delete(s, two) }, []string{"missing " + two + " is missing: subject 01, session 2"}},
		"no readme":  {func(s fstest.MapFS) { delete(s, "README") }, []string{"missing README is missing"}},
		"cut":        {func(s fstest.MapFS) { s[three] = &fstest.MapFile{Data: s[three].Data[:40]} }, []string{"altered " + three, "labels " + three + " cannot be read"}},
		"copy":       {func(s fstest.MapFS) { s["sub-03/x.arrow"] = s[three] }, []string{"duplicated sub-03/x.arrow is a copy of " + three}},
		"more":       {func(s fstest.MapFS) { s["z.txt"] = &fstest.MapFile{Data: []byte("z")} }, []string{"unknown z.txt is not in the manifest"}},
	} {
		fsys := study(t)
		c.plant(fsys)
		r, err := m.Verify(fsys, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := r.Findings
		if len(found) != len(c.want) {
			t.Errorf("%s: %d findings, want %d: %v", name, len(found), len(c.want), found)
			continue
		}
		for i, f := range found {
			if got := f.What + " " + f.Path + " " + f.Text; !strings.HasPrefix(got, c.want[i]) {
				t.Errorf("%s: finding %d is %q, want %q", name, i, got, c.want[i])
			}
		}
	}
}

// TestRealSets: the files here are those of the manifests, in which every reader finds what it found when they were made.
func TestRealSets(t *testing.T) {
	for _, s := range dataset.Sets() {
		m, err := s.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		if (m != nil) != s.Checked || s.Source == "" || s.Paradigm == "" {
			t.Errorf("%s: %+v", s.Name, s)
		}
		if m == nil {
			continue
		}
		t.Run(s.Name, func(t *testing.T) {
			dir := os.DirFS(datasettest.Need(t, s.Name))
			made, err := s.Make(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m, made); diff != "" {
				t.Errorf("(-manifest +files):\n%s", diff)
			}
			if r, err := m.Verify(dir, nil); err != nil || r.Same != len(m.Files) || r.Faults() != 0 {
				t.Errorf("%d of %d the same, %v, %v", r.Same, len(m.Files), r.Findings, err)
			}
		})
	}
}

// TestOfficialSums: the hashes of EEGMMIDB are those that PhysioNet publishes.
func TestOfficialSums(t *testing.T) {
	f, err := os.Open(filepath.Join(datasettest.Need(t, "eegmmidb"), "SHA256SUMS.official.txt"))
	if err != nil {
		t.Fatal(err)
	}
	official := map[string]string{}
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if w := strings.Fields(lines.Text()); len(w) == 2 {
			official[w[1]] = w[0]
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	s, err := dataset.Lookup("PhysionetMI")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for _, f := range m.Files {
		if f.Layout < 0 {
			continue
		}
		if n++; official[f.Path] != f.SHA256 {
			t.Errorf("%s: %s, PhysioNet has %q", f.Path, f.SHA256, official[f.Path])
		}
		if run := f.Run; run > "02" && f.Trials["T1"]+f.Trials["T2"] != 15 { // Schalk et al. 2004: 15 trials to a run
			t.Errorf("%s: %v", f.Path, f.Trials)
		}
	}
	if n != 22 {
		t.Errorf("%d recordings, want 22", n)
	}
}

func TestLookup(t *testing.T) {
	for _, name := range []string{"ssvep-exo", "Kalunga2016", "kalunga_2016"} {
		if s, err := dataset.Lookup(name); err != nil || s.Name != "ssvep-exo" {
			t.Errorf("%s: %q, %v", name, s.Name, err)
		}
	}
	if _, err := dataset.Lookup("egmmidb"); err == nil || !strings.Contains(err.Error(), `did you mean "eegmmidb"`) {
		t.Errorf("%v", err)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{"set": 3}`:                    "manifest",
		`{"set": "x", "colour": 1}`:     "colour",
		`{"files": [{"path": "../x"}]}`: "no path",
		`{"files": [{"path": "x"}]}`:    "layout 0",
		`{"files": [{"path": "x", "layout": -1}, {"path": "x", "layout": -1}]}`: "twice",
	} {
		if _, err := dataset.ParseManifest([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
