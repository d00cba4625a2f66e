package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datadir"
	"github.com/gyrus-bci/gyrus/ingest/dataset/pull"
)

// offlineEnv is the environment's --offline.
const offlineEnv = "GYRUS_OFFLINE"

// pullJSON is what gyrus data pull --json prints.
type pullJSON struct {
	Set     string      `json:"set"`
	Folder  string      `json:"folder"`
	From    string      `json:"from"`
	DryRun  bool        `json:"dry_run"`
	Offline bool        `json:"offline"`
	Files   []pull.Item `json:"files"` // as they were before; those that are here with their size
	Need    int64       `json:"bytes_needed"`
	Free    int64       `json:"bytes_free"` // -1 where the system does not say
	pull.Result
	Failed []failedJSON `json:"failed"`
}

type failedJSON struct {
	Path string `json:"path"`
	Why  string `json:"why"`
}

// pullFlags are those of gyrus data pull.
type pullFlags struct {
	dir, from         string
	parallel, retries int
	offline, dry      bool
	replace           bool
}

func newDataPull() *cobra.Command {
	var f pullFlags
	cmd := &cobra.Command{
		Use: "pull NAME[:SUBJECTS[:RUNS]]", Short: "fetch a data set, or what is missing of it, and verify every file", Args: cobra.ExactArgs(1),
		Long: `Pull fetches the files of a data set into its folder. A file gets its name when its SHA-256 is right: as gyrus knows it, or
as the list says that the source has beside the files (` + pull.ListFile + `). What is there already is hashed and not fetched again; a
file that is there and differs is left alone, unless --replace is given. A pull that is interrupted, killed or cut off goes on
where it ended when it is started again. Content with a wrong SHA-256 is kept beside the file's place as .NAME.rejected and is
never used.

Sources that ask for an account, or publish no hashes, are not fetched: the page to go to is named, and the command that
verifies what you put into the folder. Proxies are those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.

The exit code is 0 where all that is wanted is there, 4 where something is missing.`,
		Example: `  gyrus data pull eegmmidb:S001-S010 --dry-run
  gyrus data pull eegmmidb:*:R04,R08,R12
  gyrus data pull chb-mit:chb01 --dir /data/chbmit
  gyrus data pull eegmat --offline                         what is missing, without the network`,
		RunE: func(cmd *cobra.Command, args []string) error { return f.run(cmd, args[0]) },
	}
	cmd.Flags().StringVar(&f.dir, "dir", "", "the folder of the data set (default: the one of its name below $GYRUS_DATA)")
	cmd.Flags().StringVar(&f.from, "from", "", "the address of another server with the same files (user and password in it are sent, and never printed)")
	cmd.Flags().IntVar(&f.parallel, "parallel", 4, "files at a time, 1 to 16")
	cmd.Flags().IntVar(&f.retries, "retries", 5, "further tries of what failed, with growing pauses, 0 to 20")
	cmd.Flags().BoolVar(&f.offline, "offline", false, "do not touch the network: say what is missing (environment: "+offlineEnv+"=1)")
	cmd.Flags().BoolVar(&f.dry, "dry-run", false, "write nothing: say what would be fetched, and how much it is")
	cmd.Flags().BoolVar(&f.replace, "replace", false, "fetch files again that are there and differ")
	return cmd
}

// options checks the flags and finds out what to fetch, from where to where.
func (f *pullFlags) options(cmd *cobra.Command, arg string) (s dataset.Set, o pull.Options, err error) {
	switch env := os.Getenv(offlineEnv); {
	case f.parallel < 1 || f.parallel > 16:
		return s, o, usageError{fmt.Errorf("--parallel is %d, must be 1 to 16", f.parallel)}
	case f.retries < 0 || f.retries > 20:
		return s, o, usageError{fmt.Errorf("--retries is %d, must be 0 to 20", f.retries)}
	case env != "" && env != "0" && env != "1":
		return s, o, usageError{fmt.Errorf("%s is %q, must be 0 or 1", offlineEnv, env)}
	case env == "1" && !cmd.Flags().Changed("offline"):
		f.offline = true
	}
	name, text, _ := splitName(arg)
	if s, err = dataset.Lookup(name); err != nil {
		return s, o, usageError{err}
	}
	choice, err := dataset.ParseChoice(text)
	if err != nil {
		return s, o, usageError{fmt.Errorf("%s: %w", arg, err)}
	}
	folder := f.dir
	if folder == "" {
		root, err := datadir.Root()
		if err != nil {
			return s, o, err
		}
		folder = filepath.Join(root, s.Name)
	}
	if s.Download.Base == "" {
		return s, o, refusal{byHand(s, folder)}
	}
	m, err := s.Manifest()
	if err != nil {
		return s, o, err
	}
	o = pull.Options{
		Folder: folder, Base: s.Download.Base, HasList: s.Download.List, Offline: f.offline, DryRun: f.dry, Replace: f.replace,
		Parallel: f.parallel, Retries: f.retries,
	}
	if f.retries == 0 {
		o.Retries = -1
	}
	if f.from != "" {
		if _, err := pull.ParseBase(f.from); err != nil {
			return s, o, usageError{fmt.Errorf("--from: %w", err)}
		}
		o.Base = f.from
	}
	if o.Want, err = s.Wanted(choice, m); err != nil {
		return s, o, usageError{err}
	}
	if m != nil {
		for _, file := range m.Files {
			o.Known = append(o.Known, pull.File{Path: file.Path, SHA256: file.SHA256, Bytes: file.Bytes})
		}
	}
	return s, o, nil
}

// byHand says how to get a set that is not fetched.
func byHand(s dataset.Set, folder string) error {
	then := fmt.Sprintf("gyrus data verify %s says whether they are the right ones", s.Name)
	if !s.Checked {
		then = fmt.Sprintf("gyrus data manifest %s -o %s takes down what they are, and gyrus data verify %s compares them with that later", s.Name, filepath.Join(folder, dataset.ManifestFile), s.Name)
	}
	why := "its source publishes no SHA-256"
	if strings.Contains(s.Notes, "on application") {
		why = "its source hands it out on application"
	}
	if reads, remedy := s.Reads(); !reads {
		return fmt.Errorf("%s is not fetched by gyrus: %s. Go to %s for the files. They are %s, which gyrus does not read: %s. Put what is made of them into %s; %s", s.Name, why, s.Source, s.Format, remedy, folder, then)
	}
	return fmt.Errorf("%s is not fetched by gyrus: %s. Go to %s, and put the files into %s; %s", s.Name, why, s.Source, folder, then)
}

func (f *pullFlags) run(cmd *cobra.Command, arg string) (err error) {
	s, o, err := f.options(cmd, arg)
	if err != nil {
		return err
	}
	if found, err := s.Folders(); err != nil {
		return err
	} else if len(found) > 0 && f.dir == "" && found[0].Path != o.Folder {
		note(cmd, "%s is in %s already (%s); this pull is into %s, which comes before it", s.Name, found[0].Path, found[0].From, o.Folder)
	}
	bar := newByteProgress(cmd, s.Name)
	defer bar.end()
	o.Note, o.Bytes = bar.note, bar.came
	if st, err := os.Stat(o.Folder); err == nil && st.IsDir() {
		note(cmd, "looking at what is in %s", o.Folder)
	}
	plan, err := pull.Make(cmd.Context(), o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, plan.Close()) }()
	v := pullJSON{
		Set: s.Name, Folder: o.Folder, From: plan.From(), DryRun: f.dry, Offline: f.offline, Files: append([]pull.Item{}, plan.Items...),
		Need: plan.Need, Free: plan.Free, Failed: []failedJSON{},
	}
	switch _, err := os.Stat(filepath.Join(o.Folder, pull.ListFile)); {
	case len(v.Files) > 0:
	case f.offline && o.HasList && err != nil:
		return incomplete{fmt.Errorf("what belongs to %s is not known, since the list of all files was never fetched: pull without --offline", arg)}
	default:
		return usageError{fmt.Errorf("%s names no file of the data set that is known", arg)}
	}
	if !f.dry && !f.offline && plan.Need > 0 {
		note(cmd, "fetching %s from %s into %s", pull.Size(plan.Need), v.From, o.Folder)
	}
	bar.begin(plan.Need)
	var runErr error
	v.Result, runErr = plan.Run(cmd.Context())
	bar.end()
	for _, e := range v.Result.Failed {
		v.Failed = append(v.Failed, failedJSON{e.Path, e.Err.Error()})
	}
	if wantsJSON(cmd) {
		err = printJSON(cmd, v)
	} else {
		v.print(cmd)
	}
	if runErr == nil {
		runErr = v.lacks()
	}
	return errors.Join(err, runErr)
}

// lacks is an error where something that is wanted is not there.
func (v pullJSON) lacks() error {
	missing := 0
	for _, it := range v.Files {
		if it.State != pull.Here {
			missing++
		}
	}
	missing -= len(v.Fetched)
	switch {
	case missing == 0 || v.DryRun:
		return nil
	case v.Offline:
		return incomplete{fmt.Errorf("%d of %d files are missing in %s: pull without --offline fetches them", missing, len(v.Files), v.Folder)}
	}
	return incomplete{fmt.Errorf("%d of %d files are missing in %s: the same command goes on where this one ended", missing, len(v.Files), v.Folder)}
}

// print is v for people.
func (v pullJSON) print(cmd *cobra.Command) {
	w := cmd.OutOrStdout()
	count, have := map[pull.State]int{}, int64(0)
	for _, it := range v.Files {
		count[it.State]++
		have += it.Have
		if it.State != pull.Here && (v.DryRun || v.Offline) {
			what := string(it.State)
			switch {
			case it.Problem != "":
				what = it.Problem
			case it.State == pull.Part:
				what = "begun, " + pull.Size(it.Have) + " are here"
			case it.State == pull.Different:
				what = "is here with another SHA-256"
			}
			fmt.Fprintf(w, "  %s  %s  %s\n", it.Path, pull.Size(it.Bytes), what)
		}
	}
	fmt.Fprintf(w, "%s: %d files, %d were here", v.Folder, len(v.Files), count[pull.Here])
	free := ""
	if v.Free >= 0 {
		free = ", " + pull.Size(v.Free) + " are free"
	}
	switch {
	case v.Offline:
		fmt.Fprintf(w, ", %d are missing\n", len(v.Files)-count[pull.Here])
	case v.DryRun:
		fmt.Fprintf(w, "; %s would be fetched from %s%s\n", pull.Size(v.Need), v.From, free)
	default:
		fmt.Fprintf(w, ", %d fetched (%s)\n", len(v.Fetched), pull.Size(v.Bytes))
	}
	for _, e := range v.Failed {
		fmt.Fprintf(w, "failed  %s: %s\n", e.Path, e.Why)
	}
	if n := len(v.Left); n > 0 {
		fmt.Fprintf(w, "not begun: %d files\n", n)
	}
}
