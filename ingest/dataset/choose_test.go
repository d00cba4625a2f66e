package dataset_test

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// TestChoose: names of recordings of the real sets, the files that they stand for, and what is said of names that there are not.
func TestChoose(t *testing.T) {
	const exo = "record-[2012.07.06-19.06.14]"
	for _, c := range []struct {
		set, choice string
		want        []string // the ends of the paths
		err         string
	}{
		{"eegmmidb", "S001:R04,R08,R12", []string{"S001R04.edf", "S001R08.edf", "S001R12.edf"}, ""},
		{"eegmmidb", "001:12,4", []string{"S001R12.edf", "S001R04.edf"}, ""}, // in the order asked for
		{"eegmmidb", "1-2:R04", []string{"S001R04.edf", "S002R04.edf"}, ""},
		{"eegmmidb", "*:R01-R02", []string{"S001R01.edf", "S001R02.edf", "S002R01.edf", "S002R02.edf"}, ""},
		{"eegmmidb", ":R01", []string{"S001R01.edf", "S002R01.edf"}, ""},
		{"eegmmidb", "sub-1:run-4,R04", []string{"S001R04.edf"}, ""}, // each once
		{"PhysionetMI", "S002:R01", []string{"S002R01.edf"}, ""},
		{"eegmmidb", "S003:R04", nil, `unknown subject of eegmmidb "S003": there are 001, 002`},
		{"eegmmidb", "S001-S009", nil, `unknown subject at the end of S001-S009 "S009": there are 001, 002`},
		{"eegmmidb", "S003-S009", nil, `unknown subject of eegmmidb "S003-S009"`},
		{"eegmmidb", "S002-S001", nil, "the first number must not be above the last"},
		{"eegmmidb", "S001,S002:R03", nil, `unknown run of subject 002 "R03"`},
		{"eegmmidb", "S001:R15", nil, `unknown run of subject 001 "R15"`},
		{"eegmmidb", "S001:x:R04", nil, "at most 2: SUBJECTS:RUNS"},
		{"ssvep-exo", "01", []string{"record-[2012.07.06-19.02.16]_raw.fif", exo + "_raw.fif"}, ""}, // FIF, not GDF too
		{"Kalunga2016", "subject01:2012.07.06-19.06.14", []string{exo + "_raw.fif"}, ""},
		{"ssvep-exo", "12", nil, `unknown subject of ssvep-exo "12"`},
		{"eegmat", "0:1,2", []string{"Subject00_1.edf", "Subject00_2.edf"}, ""},
		{"eegmat", "Subject01:2", []string{"Subject01_2.edf"}, ""},
		{"muse-p300", "session3", nil, ""},
		{"muse-p300", "1:2017-02-04-15_45_13", []string{"data_2017-02-04-15_45_13.csv.gz"}, ""},
		{"muse-p300", "4", nil, `unknown session of muse-p300 "4"`},
	} {
		s, err := dataset.Lookup(c.set)
		if err != nil {
			t.Fatal(err)
		}
		recs, err := s.Recordings(os.DirFS(datasettest.Need(t, s.Name)))
		if err != nil {
			t.Fatal(err)
		}
		choice, err := dataset.ParseChoice(c.choice)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.Choose(choice, recs)
		if c.err != "" {
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%s:%s: %v, want %q", c.set, c.choice, err, c.err)
			}
			continue
		}
		if err != nil || len(got) == 0 || c.want != nil && len(got) != len(c.want) {
			t.Errorf("%s:%s: %v, %v", c.set, c.choice, got, err)
			continue
		}
		for i, want := range c.want {
			if !strings.HasSuffix(got[i].Path, "/"+want) && got[i].Path != want {
				t.Errorf("%s:%s: recording %d is %s, want %s", c.set, c.choice, i, got[i].Path, want)
			}
		}
	}
	for text, want := range map[string]string{"a,,b": "empty", "a:b:c:d": "at most"} {
		if _, err := dataset.ParseChoice(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestWanted: what is fetched for a choice are its recordings and what belongs to them.
func TestWanted(t *testing.T) {
	for _, c := range []struct{ set, choice, yes, no string }{
		{"eegmmidb", "S001-S010:R04", "S001/S001R04.edf S010/S010R04.edf", "S011/S011R04.edf S001/S001R03.edf S001/S001R04.edf.event wfdbcal"},
		{"eegmat", "", "Subject35_2.edf subject-info.csv", "RECORDS LICENSE.txt"},
		{"eegmat", "3", "Subject03_1.edf subject-info.csv", "Subject04_1.edf"},
		{"chb-mit", "chb01", "chb01/chb01_03.edf chb01/chb01-summary.txt chb01/chb01_03.edf.seizures SUBJECT-INFO", "chb02/chb02_01.edf chb02/chb02-summary.txt RECORDS"},
		{"chb-mit", "17:3", "chb17/chb17a_03.edf", "chb17/chb17a_04.edf"},
		{"sleep-edfx", "SC400:1", "sleep-cassette/SC4001E0-PSG.edf sleep-cassette/SC4001EC-Hypnogram.edf SC-subjects.xls", "sleep-cassette/SC4002E0-PSG.edf sleep-cassette/SC4012E0-PSG.edf sleep-telemetry/ST7011J0-PSG.edf"},
		{"muse-p300", "session2", "session2/data_2017-02-09-17.13.56.csv.gz LICENSE", "session1/data_2017-02-04-15_45_13.csv.gz"},
		{"ssvep-exo", "1", "subject01/record-[2012.07.06-19.02.16]_raw.fif subject01/record-[2012.07.06-19.02.16]-eve.fif LICENSE", "subject02/record-[2012.07.19-17.36.23]-eve.fif"},
	} {
		s, err := dataset.Lookup(c.set)
		if err != nil {
			t.Fatal(err)
		}
		m, err := s.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		choice, err := dataset.ParseChoice(c.choice)
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := s.Wanted(choice, m)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range strings.Fields(c.yes) {
			if !wanted(path) {
				t.Errorf("%s:%s leaves out %s", c.set, c.choice, path)
			}
		}
		for _, path := range strings.Fields(c.no) {
			if wanted(path) {
				t.Errorf("%s:%s takes %s", c.set, c.choice, path)
			}
		}
	}
}

// TestMeaning: T1 and T2 mean other things in other runs, so they are not to be used together.
func TestMeaning(t *testing.T) {
	s, err := dataset.Lookup("eegmmidb")
	if err != nil {
		t.Fatal(err)
	}
	at := func(runs ...string) (p []dataset.Place) {
		for _, r := range runs {
			p = append(p, dataset.Place{Subject: "001", Run: r})
		}
		return p
	}
	if text := s.Conflict(at("04", "08", "12", "03", "01")); text != "" {
		t.Errorf("left and right fists: %s", text)
	}
	if text := s.Conflict(at("01", "04", "06")); !strings.Contains(text, `T1 of eegmmidb is "left fist" in subject 001, run 04 and "both fists" in subject 001, run 06`) {
		t.Errorf("fists and feet: %q", text)
	}
	for _, c := range []struct{ set, run, label, want string }{
		{"eegmmidb", "14", "T2", "both feet, imagined"},
		{"eegmmidb", "05", "T1", "both fists, executed"},
		{"eegmmidb", "02", "", "eyes closed"},
		{"eegmmidb", "15", "T1", ""},
		{"eegmat", "2", "", "mental arithmetic"},
		{"ssvep-exo", "", "4", "17 Hz"},
		{"ssvep-exo", "", "33026", "21 Hz"},
		{"muse-p300", "", "2", "target"},
		{"tuab", "", "1", ""},
	} {
		s, err := dataset.Lookup(c.set)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.Meaning(dataset.Place{Run: c.run}, c.label); got != c.want {
			t.Errorf("%s, run %s, %q: %q, want %q", c.set, c.run, c.label, got, c.want)
		}
	}
}

// TestCondition: recordings that are all of one condition are known by their folder and name, and no others.
func TestCondition(t *testing.T) {
	for file, want := range map[string]string{
		"/data/eegmat/Subject00_1.edf": "rest eegmat", "eegmat/Subject35_2.edf": "mental arithmetic eegmat", "EEGMAT/Subject35_2.edf": "mental arithmetic eegmat",
		"Subject00_1.edf": " ", "/data/mine/Subject00_1.edf": " ", "eegmat/Subject00_3.edf": " ", "eegmat/subject-info.csv": " ", "eegmmidb/S001R01.edf": " ",
	} {
		if condition, set := dataset.Condition(file); condition+" "+set != want {
			t.Errorf("%s is all of %q, by the set %q, want %q", file, condition, set, want)
		}
	}
}

// TestExoCodes: the codes of the two formats of one record are the same classes, by their order in time.
func TestExoCodes(t *testing.T) {
	s, err := dataset.Lookup("ssvep-exo")
	if err != nil {
		t.Fatal(err)
	}
	m, err := s.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	classes := map[string][]string{}
	for _, f := range m.Files {
		for _, e := range f.Events {
			_, label, _ := strings.Cut(e, " ")
			if mean := s.Meaning(f.Place, label); mean != "" {
				classes[f.Path] = append(classes[f.Path], mean)
			}
		}
	}
	both := 0
	for path, want := range classes {
		if name, ok := strings.CutSuffix(path, ".gdf"); ok {
			if both++; len(want) != 32 || !slices.Equal(classes[name+"_raw.fif"], want) {
				t.Errorf("%s: %v in GDF, %v in FIF", name, want, classes[name+"_raw.fif"])
			}
		}
	}
	if both != 4 {
		t.Errorf("%d records in both formats, want 4", both)
	}
}

// TestFolders: the folder of a set is found below GYRUS_DATA, and where MNE and MOABB keep it, by their settings.
func TestFolders(t *testing.T) {
	home, data := t.TempDir(), t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("USERPROFILE", home)
	t.Setenv("GYRUS_DATA", data)
	for _, key := range []string{"MNE_DATA", "MNE_DATASETS_EEGBCI_PATH"} {
		t.Setenv(key, "")
	}
	s, err := dataset.Lookup("eegmmidb")
	if err != nil {
		t.Fatal(err)
	}
	const below = "MNE-eegbci-data/files/eegmmidb/1.0.0"
	mkdir := func(parts ...string) string {
		dir := filepath.Join(parts...)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	expect := func(want ...dataset.Folder) {
		t.Helper()
		if got, err := s.Folders(); err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, %v, want %v", got, err, want)
		}
	}
	expect()
	home1 := dataset.Folder{Path: mkdir(home, "mne_data", below), From: "~/mne_data"}
	expect(home1)
	set := map[string]any{"MNE_DATA": mkdir(home, "set"), "MNE_LOGGING_LEVEL": 3}
	text, err := json.Marshal(set)
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(home, ".mne", "mne-python.json"), text)
	expect() // it says another place, where nothing is
	file := dataset.Folder{Path: mkdir(home, "set", below), From: "mne-python.json"}
	expect(file)
	t.Setenv("MNE_DATA", mkdir(home, "env"))
	env := dataset.Folder{Path: mkdir(home, "env", below), From: "MNE_DATA"}
	expect(env)
	t.Setenv("MNE_DATASETS_EEGBCI_PATH", "~/own")
	own := dataset.Folder{Path: mkdir(home, "own", below), From: "MNE_DATASETS_EEGBCI_PATH"}
	expect(own)
	expect(dataset.Folder{Path: mkdir(data, "eegmmidb"), From: "GYRUS_DATA"}, own)
	write(t, filepath.Join(home, ".mne", "mne-python.json"), []byte("{"))
	if _, err := s.Folders(); err == nil || !strings.Contains(err.Error(), "mne-python.json") {
		t.Errorf("settings that cannot be read: %v", err)
	}
}

// TestNames: what recordings are called in BIDS trees. Runs that are dates are counted, in the order of all.
func TestNames(t *testing.T) {
	for _, c := range []struct {
		set   string
		paths []string
		want  []string
	}{
		{
			"eegmmidb",
			[]string{"S001/S001R01.edf", "S001/S001R04.edf", "S109/S109R06.edf"},
			[]string{"sub-001_task-eyesOpen_run-01_eeg", "sub-001_task-leftOrRightFistImagined_run-04_eeg", "sub-109_task-bothFistsOrBothFeetImagined_run-06_eeg"},
		},
		{"eegmat", []string{"Subject00_1.edf", "Subject00_2.edf"}, []string{"sub-00_task-rest_run-1_eeg", "sub-00_task-mentalArithmetic_run-2_eeg"}},
		{
			"ssvep-exo",
			[]string{"subject01/record-[2012.07.06-19.02.16]_raw.fif", "subject01/record-[2012.07.06-19.06.14]_raw.fif", "subject02/record-[2012.07.19-17.36.23]_raw.fif"},
			[]string{"sub-01_task-SSVEP_run-01_eeg", "sub-01_task-SSVEP_run-02_eeg", "sub-02_task-SSVEP_eeg"},
		},
		{"muse-p300", []string{"session1/data_2017-02-04-15_45_13.csv.gz"}, []string{"sub-01_ses-1_task-P300_eeg"}},
		{"chb-mit", []string{"chb01/chb01_02+.edf", "chb01/chb01_03.edf"}, []string{"sub-chb01_task-seizures_run-01_eeg", "sub-chb01_task-seizures_run-02_eeg"}},
		{"sleep-edfx", []string{"sleep-cassette/SC4001E0-PSG.edf", "sleep-cassette/SC4002E0-PSG.edf"}, []string{"sub-SC400_ses-1_task-sleep_eeg", "sub-SC400_ses-2_task-sleep_eeg"}},
	} {
		set, err := dataset.Lookup(c.set)
		if err != nil {
			t.Fatal(err)
		}
		var recs []dataset.Recording
		for _, p := range c.paths {
			place, ok := set.Parse(p)
			if !ok {
				t.Fatalf("%s: %s is none of its recordings", c.set, p)
			}
			recs = append(recs, dataset.Recording{Place: place, Path: p})
		}
		for i, n := range set.Names(recs) {
			if got := n.File("eeg", "").String(); got != c.want[i] || n.File("eeg", ".edf").Check() != nil {
				t.Errorf("%s is %s (%v), want %s", c.paths[i], got, n.File("eeg", ".edf").Check(), c.want[i])
			}
		}
	}
}

// TestSamePlace: two parts of a case with the same number are two recordings (chb17a_03 and chb17c_03 of CHB-MIT); the same recording in
// two formats is one.
func TestSamePlace(t *testing.T) {
	set, err := dataset.Lookup("chb-mit")
	if err != nil {
		t.Fatal(err)
	}
	recs, err := set.Recordings(fstest.MapFS{"chb17/chb17a_03.edf": {}, "chb17/chb17c_03.edf": {}, "chb17/chb17a_04.edf": {}})
	if err != nil || len(recs) != 3 {
		t.Fatalf("%+v, %v", recs, err)
	}
	for i, want := range []string{"sub-chb17_task-seizures_run-01", "sub-chb17_task-seizures_run-02", "sub-chb17_task-seizures_run-03"} {
		if got := set.Names(recs)[i].File("eeg", "").String(); got != want+"_eeg" {
			t.Errorf("%s is %s, want %s", recs[i].Path, got, want)
		}
	}
	exo, err := dataset.Lookup("ssvep-exo")
	if err != nil {
		t.Fatal(err)
	}
	recs, err = exo.Recordings(fstest.MapFS{"subject01/record-[2012.07.06-19.02.16].gdf": {}, "subject01/record-[2012.07.06-19.02.16]_raw.fif": {}})
	if err != nil || len(recs) != 1 || !strings.HasSuffix(recs[0].Path, ".fif") {
		t.Errorf("%+v, %v, want the FIF file alone", recs, err)
	}
}

// TestAddresses: what is fetched has the shape that its host gives to folders of files, and lies beside the page of the set. The
// address of EEGMMIDB is that of MNE 1.13.2 (datasets/eegbci, EEGMI_URL) and MOABB 1.7.2 (PhysionetMI, BASE_URL).
func TestAddresses(t *testing.T) {
	physionet := regexp.MustCompile(`^https://physionet\.org/files/([a-z0-9-]+)/(\d+\.\d+\.\d+)/$`)
	raw := regexp.MustCompile(`^https://raw\.githubusercontent\.com/([\w.-]+)/([\w.-]+)/[\w.-]+/$`)
	fetched := 0
	for _, s := range dataset.Sets() {
		if u, err := url.Parse(s.Source); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || u.RawQuery != "" {
			t.Errorf("%s: the page %s is no address (%v)", s.Name, s.Source, err)
		}
		base := s.Download.Base
		if base == "" {
			continue
		}
		fetched++
		if _, err := pull.ParseBase(base); err != nil {
			t.Errorf("%s: %v", s.Name, err)
		}
		page := ""
		if m := physionet.FindStringSubmatch(base); m != nil {
			page = "https://physionet.org/content/" + m[1] + "/" + m[2] + "/"
		} else if m := raw.FindStringSubmatch(base); m != nil {
			page = "https://github.com/" + m[1] + "/" + m[2]
		}
		if page != s.Source || s.Download.List != strings.Contains(base, "physionet.org") { // where every project has a list of hashes
			t.Errorf("%s: %s is not the folder of the page %s, or its list is not where lists are", s.Name, base, s.Source)
		}
	}
	if s, err := dataset.Lookup("eegmmidb"); err != nil || s.Download.Base != "https://physionet.org/files/eegmmidb/1.0.0/" || fetched != 5 {
		t.Errorf("%+v, %v; %d sets are fetched, want 5", s.Download, err, fetched)
	}
}
