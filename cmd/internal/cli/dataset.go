package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datadir"
	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// verifyJSON is what gyrus data verify --json prints.
type verifyJSON struct {
	Set        string            `json:"set"`
	Folder     string            `json:"folder"`
	Same       int               `json:"same"`       // files that are as the manifest says
	Known      int               `json:"known"`      // files in the manifest
	Listed     int               `json:"listed"`     // files beyond it that are as the publisher's list says
	Recordings int               `json:"recordings"` // that are as they should be, of the manifest
	Subjects   []string          `json:"subjects"`   // of those
	Kinds      map[string]int    `json:"kinds"`      // of those: how many are of what, where all of a recording is of one thing
	Trials     map[string]int    `json:"trials"`     // of those, by class
	Layouts    []dataset.Layout  `json:"layouts"`    // formats, rates, channels and units that recordings of the manifest have
	Findings   []dataset.Finding `json:"findings"`   // what is not as it should be, and files that nobody has checked
	OK         bool              `json:"ok"`
	// Hashes says that bytes were compared. Otherwise recordings, subjects, trials and layouts are those that were read, and Published is
	// what they were compared with.
	Hashes      bool               `json:"hashes_checked"`
	Published   *dataset.Published `json:"published,omitempty"`
	NotCompared []string           `json:"not_compared,omitempty"` // what no source says, or what was left out by the choice
}

// listJSON is a data set in what gyrus data list --json prints.
type listJSON struct {
	dataset.Set
	Folder  string           `json:"folder"` // where it is looked for first
	Here    bool             `json:"here"`   // one of the folders exists
	Folders []dataset.Folder `json:"folders"`
	Reads   bool             `json:"reads"`  // gyrus reads the format that it is published in
	Remedy  string           `json:"remedy"` // what to do where it does not
}

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", Short: "data sets: which gyrus knows, fetching them, and whether what lies here is what it should be", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataList(), newDataPull(), newDataVerify(), newDataManifest())
	return cmd
}

func newDataList() *cobra.Command {
	return &cobra.Command{
		Use: "list [NAME]", Short: "the data sets that gyrus knows by name, or all about one", Args: cobra.MaximumNArgs(1),
		Long: `List shows every data set that gyrus knows. "checked" are those with a manifest: gyrus has read the files that it names,
and verify compares yours with them. Of the others it knows what their publications say and has seen no file. "format" is what recordings are published
in, "read" whether gyrus reads that; list NAME says what to do where it does not. "pull" are those
that gyrus data pull can fetch; for the others, list NAME has the page to go to. "found by" says what led to a folder that is
here: GYRUS_DATA, or where MNE and MOABB keep it (MNE_DATA, mne-python.json, ~/mne_data).`,
		Example: "  gyrus data list\n  gyrus data list seed",
		RunE: func(cmd *cobra.Command, args []string) error {
			root, err := datadir.Root()
			if err != nil {
				return err
			}
			sets := dataset.Sets()
			if len(args) == 1 {
				s, err := dataset.Lookup(args[0])
				if err != nil {
					return usageError{err}
				}
				sets = []dataset.Set{s}
			}
			all := []listJSON{}
			for _, s := range sets {
				v := listJSON{Set: s, Folder: filepath.Join(root, s.Name)}
				v.Reads, v.Remedy = s.Reads()
				if v.Folders, err = s.Folders(); err != nil {
					return err
				}
				v.Here, v.Folders = len(v.Folders) > 0, append([]dataset.Folder{}, v.Folders...)
				all = append(all, v)
			}
			switch {
			case wantsJSON(cmd):
				return printJSON(cmd, all)
			case len(args) == 1:
				return printSet(cmd, all[0])
			}
			rows := [][]string{{"data set", "paradigm", "subjects", "channels", "rate (Hz)", "format", "read", "licence", "checked", "pull", "found by"}}
			for _, s := range all {
				found := "not here"
				if s.Here {
					found = s.Folders[0].From
				}
				rows = append(rows, []string{
					s.Name, s.Paradigm, known(float64(s.Subjects)), known(float64(s.Channels)), known(s.RateHz), s.Format, yes(s.Reads), cmp.Or(s.Licence, "ask the source"),
					yes(s.Checked), yes(s.Download.Base != ""), found,
				})
			}
			columns(cmd.OutOrStdout(), rows)
			return nil
		},
	}
}

// printSet is all about one set.
func printSet(cmd *cobra.Command, s listJSON) error {
	confirmed := func(text, by string) string {
		switch {
		case text == "":
			return "unknown"
		case by == "":
			return text + "  (not confirmed by a second source)"
		}
		return text + "  (the same in: " + by + ")"
	}
	rows := [][2]string{
		{"names", strings.Join(append([]string{s.Name}, s.Aliases...), ", ")},
		{"paradigm", s.Paradigm},
		{"in short", fmt.Sprintf("%s subjects, %s channels, %s Hz", known(float64(s.Subjects)), known(float64(s.Channels)), known(s.RateHz))},
		{"page", confirmed(s.Source, s.SourceBy)},
		{"cite", confirmed(s.Cite, s.CiteBy)},
		{"licence", cmp.Or(s.Licence, "ask the source")},
		{"notes", s.Notes},
	}
	format := fmt.Sprintf("%s (%s)", s.Format, strings.Join(s.Endings, ", "))
	if !s.Reads {
		format += ", which gyrus does not read: " + s.Remedy
	}
	rows = append(rows, [2]string{"format", format})
	switch {
	case s.Download.List:
		rows = append(rows, [2]string{"to fetch", "gyrus data pull " + s.Name + "  (all, or subjects: " + s.Name + ":NAME)"})
	case s.Download.Base != "":
		rows = append(rows, [2]string{"to fetch", "gyrus data pull " + s.Name + "  (the files that were checked)"})
	case !s.Reads:
		rows = append(rows, [2]string{"to fetch", "by hand, from the page; what is made of the files goes into " + s.Folder})
	default:
		rows = append(rows, [2]string{"to fetch", "by hand, from the page, into " + s.Folder})
	}
	m, err := s.Manifest()
	if err != nil {
		return err
	}
	if m != nil {
		subjects, recordings := map[string]bool{}, 0
		for _, f := range m.Files {
			if f.Layout >= 0 {
				subjects[f.Subject] = true
				recordings++
			}
		}
		rows = append(rows, [2]string{"checked", fmt.Sprintf("%d recordings of %d subjects; gyrus data verify %s", recordings, len(subjects), s.Name)})
	} else {
		of := "yours"
		if !s.Reads {
			of = "those that you have made of its files"
		}
		text := "no: gyrus has seen no file of it; gyrus data manifest " + s.Name + " takes down what " + of + " are"
		if s.Published.Known() {
			text += ", and gyrus data verify " + s.Name + " compares them with what is published"
		}
		rows = append(rows, [2]string{"checked", text})
	}
	if !s.Published.Known() {
		rows = append(rows, [2]string{"published", "unknown: no source was found that says how many subjects, sessions, runs and trials there are"})
	} else {
		label := "published"
		for _, l := range s.Published.Lines() {
			rows = append(rows, [2]string{label, l[0] + ": " + l[1]})
			label = ""
		}
	}
	for _, f := range s.Folders {
		rows = append(rows, [2]string{"here", f.Path + "  (" + f.From + ")"})
	}
	if !s.Here {
		rows = append(rows, [2]string{"here", "no"})
	}
	for _, r := range rows {
		if r[1] != "" {
			fmt.Fprintf(cmd.OutOrStdout(), "%-9s  %s\n", r[0], r[1])
		}
	}
	return nil
}

// known is a number, "?" where it is 0.
func known(x float64) string {
	if x == 0 {
		return "?"
	}
	return strconv.FormatFloat(x, 'g', -1, 64)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// located finds the set, its folder and what is wanted of it: arg is a name, then dir may say where it lies, or a folder, and
// behind a colon stands a choice.
func located(arg, dir string) (s dataset.Set, folder string, choice dataset.Choice, err error) {
	name, text, _ := splitName(arg)
	if choice, err = dataset.ParseChoice(text); err != nil {
		return s, "", choice, usageError{fmt.Errorf("%s: %w", arg, err)}
	}
	s, err = dataset.Lookup(name)
	unknown := err
	switch {
	case dir != "" && unknown != nil:
		return s, "", choice, usageError{unknown}
	case dir != "":
		folder = dir
	case unknown != nil:
		folder = name
	default:
		found, err := s.Folders()
		if err != nil {
			return s, "", choice, err
		}
		if len(found) > 0 {
			return s, found[0].Path, choice, nil
		}
		root, err := datadir.Root()
		if err != nil {
			return s, "", choice, err
		}
		folder = filepath.Join(root, s.Name)
	}
	st, statErr := os.Stat(folder)
	switch {
	case statErr == nil && st.IsDir():
		return s, folder, choice, nil
	case unknown != nil && errors.Is(statErr, os.ErrNotExist):
		return s, "", choice, usageError{fmt.Errorf("%w; and there is no such file or folder", unknown)}
	case statErr != nil:
		how := "put the files of the data set there"
		if s.Download.Base != "" {
			how = "fetch it with gyrus data pull " + s.Name
		}
		return s, "", choice, usageError{fmt.Errorf("%w: %s, set GYRUS_DATA, or name their folder with --dir", statErr, how)}
	}
	return s, "", choice, usageError{fmt.Errorf("%s is a file, must be the folder of a data set", folder)}
}

// manifestOf is the manifest of a set, or the one in the folder. It is nil where there is none and counts are published.
func manifestOf(s dataset.Set, folder string) (*dataset.Manifest, error) {
	m, err := s.Manifest()
	if err != nil || m != nil {
		return m, err
	}
	file := filepath.Join(folder, dataset.ManifestFile)
	data, err := os.ReadFile(file)
	switch {
	case errors.Is(err, os.ErrNotExist) && s.Name != "":
		if _, err := os.Stat(filepath.Join(folder, pull.ListFile)); err == nil { // bytes can be compared, labels not
			return &dataset.Manifest{Set: s.Name}, nil
		}
		if s.Published.Known() { // counts can be compared, bytes not
			return nil, nil
		}
		return nil, refusal{fmt.Errorf("%s has no manifest, since gyrus has seen no file of it: make one of yours with gyrus data manifest %s -o %s", s.Name, s.Name, file)}
	case err != nil:
		return nil, usageError{fmt.Errorf("%w: make one with gyrus data manifest %s -o %s while the files are as they should be", err, folder, file)}
	}
	if m, err = dataset.ParseManifest(data); err != nil {
		return nil, refusal{fmt.Errorf("%s: %w", file, err)}
	}
	return m, nil
}

func newDataVerify() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "verify NAME[:SUBJECTS[:RUNS]]|DIR", Short: "whether the files of a data set are those that were checked, and what is different", Args: cobra.ExactArgs(1),
		Long: `Verify hashes every file of a data set and compares it with the manifest that comes with gyrus, and files that gyrus has not
read with the list of hashes that pull has fetched with them. Files that differ are opened: a wrong label, swapped classes,
another length or rate, a file in the place of another, a run that is there twice, sessions that are off by one and a missing
subject are named. Files that nobody has checked are listed and are no fault.

Of a set without a manifest no hash can be checked. Its recordings, in any format that gyrus reads, are opened and compared with
what is published of it, as gyrus data list NAME has it with the sources: subjects, sessions, runs, trials of each class, rate, channels.
Every difference is a count_mismatch. What no source says is named and not compared.

A folder that is no known set, such as a BIDS tree, is compared with the ` + dataset.ManifestFile + ` in it, which gyrus data manifest
writes. The exit code is 0 where all is as it should be, 3 where anything is not.`,
		Example: "  gyrus data verify eegmmidb\n  gyrus data verify eegmmidb:S001\n  gyrus data verify Kalunga2016 --dir ~/ssvep --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, folder, choice, err := located(args[0], dir)
			if err != nil {
				return err
			}
			m, err := manifestOf(s, folder)
			if err != nil {
				return err
			}
			if m == nil {
				return verifyCounts(cmd, args[0], s, folder, choice)
			}
			wanted, err := chosenFiles(s, folder, choice, m)
			if err != nil {
				return usageError{err}
			}
			r, err := m.Verify(os.DirFS(folder), wanted)
			if err != nil {
				return err
			}
			if r.There == 0 && len(m.Files) > 0 && slices.ContainsFunc(r.Findings, func(f dataset.Finding) bool { return f.What == dataset.Unknown }) {
				return refusal{fmt.Errorf("%s has files, but none of those that the manifest names: it is another folder, or another edition of the set, which gyrus has not read", folder)}
			}
			v := verifyJSON{
				Set: s.Name, Folder: folder, Same: r.Same, Listed: r.Listed, Recordings: r.Recordings, Subjects: append([]string{}, r.Subjects...),
				Kinds: r.Kinds, Trials: r.Trials, Layouts: m.Layouts, Findings: append([]dataset.Finding{}, r.Findings...), OK: r.Faults() == 0,
				Hashes: true,
			}
			for _, f := range m.Files {
				if wanted == nil || wanted(f.Path) {
					v.Known++
				}
			}
			if wantsJSON(cmd) {
				err = printJSON(cmd, v)
			} else {
				printVerify(cmd, s, v)
			}
			if err == nil && !v.OK {
				err = refusal{fmt.Errorf("%s: %d things are not as the manifest says", folder, r.Faults())}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the folder of the data set (default: where gyrus data list has found it)")
	return cmd
}

// verifyCounts compares recordings with what is published of their set, where nothing is known of their bytes.
func verifyCounts(cmd *cobra.Command, arg string, s dataset.Set, folder string, choice dataset.Choice) error {
	_, recs, err := chosenRecordings(arg, s, folder, choice)
	if err != nil {
		return err
	}
	r, err := s.VerifyCounts(os.DirFS(folder), recs, choice)
	if err != nil {
		return err
	}
	v := verifyJSON{
		Set: s.Name, Folder: folder, Recordings: r.Recordings, Subjects: append([]string{}, r.Subjects...), Kinds: map[string]int{}, Trials: r.Trials,
		Layouts: append([]dataset.Layout{}, r.Layouts...), Findings: append([]dataset.Finding{}, r.Findings...), OK: len(r.Findings) == 0,
		Published: &s.Published, NotCompared: r.NotCompared,
	}
	if wantsJSON(cmd) {
		err = printJSON(cmd, v)
	} else {
		printVerify(cmd, s, v)
	}
	if err == nil && !v.OK {
		err = refusal{fmt.Errorf("%s: %d things are not as published of %s; no hash was checked", folder, len(v.Findings), s.Name)}
	}
	return err
}

// chosenFiles says which files belong to a choice; nil where that is all.
func chosenFiles(s dataset.Set, folder string, c dataset.Choice, m *dataset.Manifest) (func(string) bool, error) {
	if c.All() {
		return nil, nil
	}
	if s.Name == "" {
		return nil, fmt.Errorf("%s is no known data set: verify all of it", folder)
	}
	wanted, err := s.Wanted(c, m)
	if err == nil && len(m.Files) > 0 && !slices.ContainsFunc(m.Files, func(f dataset.File) bool { return f.Layout >= 0 && wanted(f.Path) }) {
		err = errors.New("the manifest has no recording of that choice: gyrus has not read them")
	}
	return wanted, err
}

func printVerify(cmd *cobra.Command, s dataset.Set, v verifyJSON) {
	w := cmd.OutOrStdout()
	if v.Hashes {
		fmt.Fprintf(w, "%s: %d of %d files as they should be", v.Folder, v.Same, v.Known)
	} else {
		fmt.Fprintf(w, "%s: no hash was checked, since gyrus has seen no file of %s: counts were compared with what is published", v.Folder, s.Name)
	}
	if v.Listed > 0 {
		fmt.Fprintf(w, ", %d more as the publisher's list says", v.Listed)
	}
	subjects := ""
	if len(v.Subjects) > 0 {
		subjects = fmt.Sprintf(" of %d subjects", len(v.Subjects))
	}
	if s.Subjects > 0 && len(v.Subjects) > 0 {
		subjects += fmt.Sprintf(" (published: %d)", s.Subjects)
	}
	fmt.Fprintf(w, "\n%d recordings%s\n", v.Recordings, subjects)
	for _, l := range v.Layouts {
		kinds := map[string]int{}
		for _, c := range l.Channels {
			if words := strings.Fields(c); len(words) >= 2 { // "FC5 eeg µV", "Right AUX misc µV"
				kinds[strings.Join(words[len(words)-2:], " in ")]++
			}
		}
		var texts []string
		for _, k := range slices.Sorted(maps.Keys(kinds)) {
			texts = append(texts, fmt.Sprintf("%d %s", kinds[k], k))
		}
		fmt.Fprintf(w, "  %s, %g Hz: %s\n", l.Format, l.RateHz, strings.Join(texts, ", "))
	}
	for _, l := range slices.Sorted(maps.Keys(v.Kinds)) {
		fmt.Fprintf(w, "  %6d recordings: %s\n", v.Kinds[l], l)
	}
	for _, l := range slices.Sorted(maps.Keys(v.Trials)) {
		fmt.Fprintf(w, "  %6d × %s\n", v.Trials[l], l)
	}
	for _, f := range v.Findings {
		fmt.Fprintf(w, "%-16s  %s: %s\n", f.What, cmp.Or(f.Path, v.Folder), f.Text)
	}
	for _, text := range v.NotCompared {
		fmt.Fprintf(w, "%-16s  %s\n", "not compared", text)
	}
}

func newDataManifest() *cobra.Command {
	var dir, out string
	cmd := &cobra.Command{
		Use: "manifest NAME|DIR", Short: "what is in a data set: subjects, sessions, runs, trials, rates, channels, units, hashes", Args: cobra.ExactArgs(1),
		Long: `Manifest reads all of a folder and takes down what verify compares it with later. The folder may be of any set: subjects, sessions
and runs are read off names as BIDS has them (sub-01_ses-2_run-3) and folders such as subject01/session2; in a BIDS tree, events
and channels are those of its tables.`,
		Example: "  gyrus data manifest my-study -o my-study/" + dataset.ManifestFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, folder, choice, err := located(args[0], dir)
			if err != nil {
				return err
			}
			if !choice.All() {
				return usageError{errors.New("a manifest is of all of a data set: leave out what stands behind the colon")}
			}
			if err := checkOutput(out, nil); err != nil {
				return err
			}
			m, err := s.Make(os.DirFS(folder), func(path, to string) {
				note(cmd, "%s is a link to %s, out of the folder: what is there is taken down, and a copy of the folder does not have it", path, to)
			})
			if err != nil {
				return refusal{fmt.Errorf("%s: %w", folder, err)}
			}
			data, err := m.Encode()
			if err != nil {
				return err
			}
			if out != "" {
				return atomicfile.Write(out, func(w io.Writer) error {
					_, err := w.Write(data)
					return err
				})
			}
			_, err = cmd.OutOrStdout().Write(data)
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the folder of the data set (default: where gyrus data list has found it)")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it there, not on standard output")
	return cmd
}
