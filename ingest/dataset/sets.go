package dataset

import (
	"regexp"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// Set is a data set that gyrus knows by name.
type Set struct {
	Name     string   `json:"name"`     // also its folder below Root
	Aliases  []string `json:"aliases"`  // what others call it, MOABB first
	Paradigm string   `json:"paradigm"` // "motor imagery"
	Subjects int      `json:"subjects"` // as published; 0 where gyrus does not know
	Channels int      `json:"channels"` // of EEG, as published; 0 where gyrus does not know
	RateHz   float64  `json:"rate_hz"`  // as published; 0 where gyrus does not know
	Source   string   `json:"source"`   // where it is handed out
	Format   string   `json:"format"`   // that recordings are handed out in
	Endings  []string `json:"endings"`  // of these recordings
	Licence  string   `json:"licence"`  // "" where the source must be asked
	Cite     string   `json:"cite"`
	Notes    string   `json:"notes"` // what to mind
	// Checked says that there is a manifest: the files that it names were read by gyrus, and what is in them is known. All else
	// is what the source says, and no file of it was seen.
	Checked bool `json:"checked"`
	// CiteBy and SourceBy name another source that has the same DOI and the same page or address; "" where none was found. The
	// pages themselves were not opened.
	CiteBy    string    `json:"cite_confirmed_by"`
	SourceBy  string    `json:"source_confirmed_by"`
	Download  Download  `json:"download"`
	Published Published `json:"published"`

	layout  *regexp.Regexp // finds subject, session and run in the path of a recording; nil for Parse's general rule
	beside  *regexp.Regexp // finds them in the path of other files that belong to it, which are fetched with it
	prefer  []string       // endings of recordings, where one is there in several formats
	cache   cache
	labels  []string // of events that do not mean the same in all runs
	whole   bool     // no event says what a recording is of: each is all of one condition, which meaning knows
	meaning func(p Place, label string) string
}

// Download says how a set can be fetched; the zero value means that it cannot, and that Source is the page to go to.
type Download struct {
	Base string `json:"base"` // address of the folder of the files
	// List says that the hashes of all files are in SHA256SUMS.txt there. Otherwise what can be fetched is what the manifest names.
	List bool `json:"list"`
}

const moabb = "MOABB 1.7.2"

// sets are in the order of their names. What stands here of sets without a manifest is from their publications.
var sets = []Set{
	{
		Name: "bnci2014-001", Aliases: []string{"BNCI2014_001", "BNCI2014001", "BCI competition IV 2a"}, Paradigm: "motor imagery", Subjects: 9, Channels: 22, RateHz: 250,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "http://bnci-horizon-2020.eu/database/data-sets", Cite: "Tangermann et al. 2012, doi:10.3389/fnins.2012.00055",
		Notes:  "four classes; two sessions a subject; three EOG channels beside the EEG",
		CiteBy: moabb, SourceBy: moabb,
		cache: cache{"MNE_DATASETS_BNCI_PATH", []string{"MNE-bnci-data/~bci/database/001-2014"}},
	},
	{
		Name: "bnci2014-004", Aliases: []string{"BNCI2014_004", "BNCI2014004", "BCI competition IV 2b"}, Paradigm: "motor imagery", Subjects: 9, Channels: 3, RateHz: 250,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "http://bnci-horizon-2020.eu/database/data-sets", Cite: "Leeb et al. 2007, doi:10.1109/TNSRE.2007.906956", Notes: "two classes; five sessions a subject",
		CiteBy: moabb, SourceBy: moabb,
		cache: cache{"MNE_DATASETS_BNCI_PATH", []string{"MNE-bnci-data/~bci/database/004-2014"}},
	},
	{
		Name: "bnci2014-008", Aliases: []string{"BNCI2014_008", "BNCI2014008"}, Paradigm: "P300", Subjects: 8, Channels: 8, RateHz: 256,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "http://bnci-horizon-2020.eu/database/data-sets", Cite: "Riccio et al. 2013, doi:10.3389/fnhum.2013.00732",
		CiteBy: moabb, SourceBy: moabb,
		cache: cache{"MNE_DATASETS_BNCI_PATH", []string{"MNE-bnci-data/~bci/database/008-2014"}},
	},
	{
		Name: "bnci2014-009", Aliases: []string{"BNCI2014_009", "BNCI2014009"}, Paradigm: "P300", Subjects: 10, Channels: 16, RateHz: 256,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "http://bnci-horizon-2020.eu/database/data-sets", Cite: "Aricò et al. 2014, doi:10.1088/1741-2560/11/3/035008",
		CiteBy: moabb, SourceBy: moabb,
		cache: cache{"MNE_DATASETS_BNCI_PATH", []string{"MNE-bnci-data/~bci/database/009-2014"}},
	},
	{
		Name: "bnci2015-001", Aliases: []string{"BNCI2015_001", "BNCI2015001"}, Paradigm: "motor imagery", Subjects: 12, Channels: 13, RateHz: 512,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "http://bnci-horizon-2020.eu/database/data-sets", Cite: "Faller et al. 2012, doi:10.1109/TNSRE.2012.2189584", Notes: "two classes: right hand and feet",
		CiteBy: moabb, SourceBy: moabb,
		cache: cache{"MNE_DATASETS_BNCI_PATH", []string{"MNE-bnci-data/~bci/database/001-2015"}},
	},
	{
		Name: "chb-mit", Aliases: []string{"CHBMIT", "CHB-MIT"}, Paradigm: "seizures", Channels: 23, RateHz: 256,
		Format: "EDF", Endings: []string{".edf"},
		Source: "https://physionet.org/content/chbmit/1.0.0/", Licence: "ODC-By 1.0", Cite: "Shoeb 2009; Guttag 2010, doi:10.13026/C2K01R",
		Notes:  "24 cases; chb21 is the girl of chb01, so both belong on one side of every split; the montage changes within cases",
		CiteBy: "physionet.org as archived, eegdash 0.9.1", SourceBy: "physionet.org as archived",
		Download: Download{"https://physionet.org/files/chbmit/1.0.0/", true},
		layout:   regexp.MustCompile(`(?:^|/)(?P<subject>chb\d\d)[a-z]?_(?P<run>\d+\+?)\.edf$`),
		beside:   regexp.MustCompile(`^(?P<subject>chb\d\d)/(?:chb\d\d-summary\.txt|chb\d\d[a-z]?_(?P<run>\d+\+?)\.edf\.seizures)$|^SUBJECT-INFO$`),
	},
	{
		Name: "eegmat", Aliases: []string{"EEGMAT"}, Paradigm: "workload", Subjects: 36, Channels: 20, RateHz: 500,
		Format: "EDF", Endings: []string{".edf"},
		Source: "https://physionet.org/content/eegmat/1.0.0/", Licence: "ODC-By 1.0", Cite: "Zyma et al. 2019, doi:10.3390/data4010014",
		Notes:  "the label is the file, _1 rest and _2 mental arithmetic: only splits by subject mean anything",
		layout: regexp.MustCompile(`(?:^|/)Subject(?P<subject>\d+)_(?P<run>[12])\.edf$`),
		CiteBy: "GitHub code search", SourceBy: "GitHub code search",
		Download: Download{"https://physionet.org/files/eegmat/1.0.0/", true},
		beside:   regexp.MustCompile(`^subject-info\.csv$`),
		meaning:  eegmatMeaning, whole: true,
	},
	{
		Name: "eegmmidb", Aliases: []string{"PhysionetMI", "EEGMMIDB"}, Paradigm: "motor imagery", Subjects: 109, Channels: 64, RateHz: 160,
		Format: "EDF+", Endings: []string{".edf"},
		Source: "https://physionet.org/content/eegmmidb/1.0.0/", Licence: "ODC-By 1.0", Cite: "Schalk et al. 2004, doi:10.1109/TBME.2004.827072",
		Notes:  "T1 and T2 mean left and right fist in R03 R04 R07 R08 R11 R12, both fists and both feet in R05 R06 R09 R10 R13 R14",
		layout: regexp.MustCompile(`(?:^|/)S(?P<subject>\d{3})R(?P<run>\d{2})\.edf$`),
		CiteBy: moabb, SourceBy: "MOABB 1.7.2, MNE 1.13.2",
		Download: Download{"https://physionet.org/files/eegmmidb/1.0.0/", true},
		cache:    cache{"MNE_DATASETS_EEGBCI_PATH", []string{"MNE-eegbci-data/files/eegmmidb/1.0.0"}},
		labels:   []string{"T1", "T2"}, meaning: eegmmidbMeaning,
	},
	{
		Name: "muse-p300", Aliases: []string{"Muse P300"}, Paradigm: "P300", Subjects: 1, Channels: 4, RateHz: 256,
		Format: "Muse CSV", Endings: []string{".csv.gz", ".csv"},
		Source: "https://github.com/NeuroTechX/eeg-notebooks", Licence: "BSD-3-Clause", Cite: "",
		Notes:   "one person, three sessions; marker 1 is the frequent picture, 2 the rare one",
		layout:  regexp.MustCompile(`(?:^|/)(?:subject(?P<subject>\d+)/)?(?P<session>session\d+)/data_(?P<run>[-0-9_.]+)\.csv(?:\.gz)?$`),
		beside:  regexp.MustCompile(`^LICENSE$`),
		meaning: museMeaning,
	},
	{
		Name: "nakanishi2015", Aliases: []string{"Nakanishi2015"}, Paradigm: "SSVEP", Subjects: 10, Channels: 8, RateHz: 256,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "https://github.com/mnakanishi/12JFPM_SSVEP", Cite: "Nakanishi et al. 2015, doi:10.1371/journal.pone.0140703", Notes: "twelve classes; cut into trials already",
		CiteBy: moabb, SourceBy: moabb,
		cache: cache{"MNE_DATASETS_NAKANISHI_PATH", []string{"MNE-nakanishi-data/mnakanishi/12JFPM_SSVEP/raw/master/data"}},
	},
	{
		Name: "seed", Aliases: []string{"SEED"}, Paradigm: "emotion", Subjects: 15, Channels: 62, RateHz: 200,
		Format: "MAT-files, and Neuroscan CNT as measured", Endings: []string{".cnt", ".mat"},
		Source: "https://bcmi.sjtu.edu.cn/home/seed/", Cite: "Zheng and Lu 2015, doi:10.1109/TAMD.2015.2431497", Notes: "on application; 200 Hz is the rate after its makers' resampling",
		CiteBy: "GitHub code search", SourceBy: "torcheeg 1.1.3",
	},
	{
		Name: "seed-vig", Aliases: []string{"SEED-VIG"}, Paradigm: "fatigue", Channels: 17, RateHz: 200,
		Format: "MAT-files", Endings: []string{".mat"},
		Source: "https://bcmi.sjtu.edu.cn/home/seed/seed-vig.html", Cite: "Zheng and Lu 2017, doi:10.1088/1741-2552/aa5a98", Notes: "on application; the target is a number, PERCLOS",
		CiteBy: "GitHub code search", SourceBy: "GitHub code search",
	},
	{
		Name: "sleep-edfx", Aliases: []string{"Sleep-EDFx", "SleepPhysionet"}, Paradigm: "sleep", Subjects: 100, Channels: 2, RateHz: 100,
		Format: "EDF and EDF+", Endings: []string{".edf"},
		Source: "https://physionet.org/content/sleep-edfx/1.0.0/", Licence: "ODC-By 1.0", Cite: "Kemp et al. 2000, doi:10.1109/10.867928",
		Notes:  "the hypnograms are files of annotations of their own; two nights of most subjects",
		CiteBy: "GitHub code search", SourceBy: "braindecode 1.8.1, torcheeg 1.1.3",
		Download: Download{"https://physionet.org/files/sleep-edfx/1.0.0/", true},
		layout:   regexp.MustCompile(`(?:^|/)(?P<subject>S[CT][47]\d\d)(?P<session>\d)[0-9A-Z]{2}-PSG\.edf$`),
		beside:   regexp.MustCompile(`(?:^|/)(?P<subject>S[CT][47]\d\d)(?P<session>\d)[0-9A-Z]{2}-Hypnogram\.edf$|^S[CT]-subjects\.xls$`),
		cache:    cache{"PHYSIONET_SLEEP_PATH", []string{"physionet-sleep-data"}},
	},
	{
		Name: "ssvep-exo", Aliases: []string{"Kalunga2016"}, Paradigm: "SSVEP", Subjects: 12, Channels: 8, RateHz: 256,
		Format: "FIF and GDF", Endings: []string{".fif", ".gdf"},
		Source: "https://github.com/sylvchev/dataset-ssvep-exoskeleton", Licence: "CC0-1.0", Cite: "Kalunga et al. 2016, doi:10.1016/j.neucom.2016.01.007",
		Notes:  "the unit in the files is wrong by a factor; rest trials come first and the order is nearly the same in all sessions: never score by order",
		layout: regexp.MustCompile(`(?:^|/)subject(?P<subject>\d+)(?:/record-\[(?P<run>[0-9.-]+)\](?:_raw\.fif|\.gdf)|_run(?P<run>\d+)_raw\.fif)$`),
		CiteBy: moabb, SourceBy: "GitHub, as stored; MOABB 1.7.2 has https://zenodo.org/record/2392979",
		Download: Download{"https://raw.githubusercontent.com/sylvchev/dataset-ssvep-exoskeleton/HEAD/", false},
		beside:   regexp.MustCompile(`^LICENSE$`),
		prefer:   []string{".fif"}, meaning: exoMeaning,
		cache: cache{"MNE_DATASETS_SSVEPEXO_PATH", []string{"MNE-ssvepexo-data/zenodo/2392979", "MNE-ssvepexo-data/record/2392979/files"}},
	},
	{
		Name: "things-eeg2", Aliases: []string{"ThingsEEG2"}, Paradigm: "visual", Subjects: 10, Channels: 63, RateHz: 1000,
		Format: "NumPy arrays", Endings: []string{".npy"},
		Source: "https://osf.io/3jk45/", Cite: "Gifford et al. 2022, doi:10.1016/j.neuroimage.2022.119754",
		CiteBy: "sciencedirect.com as archived", SourceBy: "GitHub code search",
	},
	{
		Name: "tuab", Aliases: []string{"TUAB", "TUH Abnormal"}, Paradigm: "clinical",
		Format: "EDF", Endings: []string{".edf"},
		Source: "https://isip.piconepress.com/projects/nedc/html/tuh_eeg/", Cite: "López de Diego 2017", Notes: "on application; rates and montages differ between files",
		SourceBy: "braindecode 1.8.1",
	},
}

// Sets lists every data set that gyrus knows, sorted by name.
func Sets() []Set {
	all := slices.Clone(sets)
	for i := range all {
		_, err := manifests.ReadFile(manifestName(all[i].Name))
		all[i].Checked = err == nil
		all[i].Published = published[all[i].Name]
	}
	return all
}

// Lookup is the set of that name or alias, whatever its capitals, spaces, dashes and underscores.
func Lookup(name string) (Set, error) {
	plain := func(s string) string {
		return strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(s))
	}
	var known []string
	for _, s := range Sets() {
		for _, n := range append([]string{s.Name}, s.Aliases...) {
			if plain(n) == plain(name) {
				return s, nil
			}
		}
		known = append(known, s.Name)
	}
	return Set{}, &registry.UnknownError{What: "data set", Name: name, Known: known}
}

// Place is whose recording a file is, when and in which run: "" where its path does not say.
type Place struct {
	Subject string `json:"subject,omitempty"`
	Session string `json:"session,omitempty"`
	Run     string `json:"run,omitempty"`
}

// String is "subject 01, session 2, run 3", without what is not known.
func (p Place) String() string {
	var words []string
	for _, w := range [][2]string{{"subject", p.Subject}, {"session", p.Session}, {"run", p.Run}} {
		if w[1] != "" {
			words = append(words, w[0]+" "+strings.TrimPrefix(w[1], w[0]))
		}
	}
	return strings.Join(words, ", ")
}

// general reads names of BIDS (sub-01_ses-2_run-3), and folders called subject01 and session2.
var general = []struct {
	pattern *regexp.Regexp
	set     func(p *Place, v string)
}{
	{regexp.MustCompile(`(?:^|[/_])sub-([0-9A-Za-z]+)`), func(p *Place, v string) { p.Subject = v }},
	{regexp.MustCompile(`(?:^|[/_])ses-([0-9A-Za-z]+)`), func(p *Place, v string) { p.Session = v }},
	{regexp.MustCompile(`_run-([0-9A-Za-z]+)`), func(p *Place, v string) { p.Run = v }},
	{regexp.MustCompile(`(?i)(?:^|/)subject[-_]?([0-9A-Za-z]+)/`), func(p *Place, v string) { p.Subject = v }},
	{regexp.MustCompile(`(?i)(?:^|/)session[-_]?([0-9A-Za-z]+)/`), func(p *Place, v string) { p.Session = v }},
}

// Parse finds the place of a recording in its path below the folder of the set, given with slashes. ok is false where the set
// has a layout of its own and the path does not follow it.
func (s Set) Parse(path string) (p Place, ok bool) {
	if s.layout == nil {
		for _, g := range general {
			if m := g.pattern.FindStringSubmatch(path); m != nil {
				g.set(&p, m[1])
			}
		}
		return p, true
	}
	p, ok = submatches(s.layout, path)
	return p, ok
}

// Beside is Parse for a file that is no recording and belongs to one, or, with an empty place, to all.
func (s Set) Beside(path string) (p Place, ok bool) {
	if s.beside == nil {
		return p, false
	}
	return submatches(s.beside, path)
}

func submatches(pattern *regexp.Regexp, path string) (p Place, ok bool) {
	m := pattern.FindStringSubmatch(path)
	if m == nil {
		return p, false
	}
	for i, name := range pattern.SubexpNames() {
		to := map[string]*string{"subject": &p.Subject, "session": &p.Session, "run": &p.Run}[name]
		if to != nil && m[i] != "" {
			*to = m[i]
		}
	}
	return p, true
}
