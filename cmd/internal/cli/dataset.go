package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
)

// verifyJSON is what gyrus data verify --json prints.
type verifyJSON struct {
	Set      string            `json:"set"`
	Folder   string            `json:"folder"`
	Same     int               `json:"same"`     // files that are as the manifest says
	Known    int               `json:"known"`    // files in the manifest
	Findings []dataset.Finding `json:"findings"` // what is not, and files that nobody has checked
	OK       bool              `json:"ok"`
}

// listJSON is a data set in what gyrus data list --json prints.
type listJSON struct {
	dataset.Set
	Folder string `json:"folder"`
	Here   bool   `json:"here"` // the folder exists
}

func newData() *cobra.Command {
	cmd := &cobra.Command{
		Use: "data", Short: "data sets: which gyrus knows, and whether what lies here is what it should be", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newDataList(), newDataVerify(), newDataManifest())
	return cmd
}

func newDataList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "the data sets that gyrus knows by name", Args: cobra.NoArgs,
		Long: `List shows every data set that gyrus knows. "checked" are those with a manifest: gyrus has read the files that it names,
and verify compares yours with them. Of the others it knows what their publications say and has seen no file. "here" are those
with a folder below the data folder, $GYRUS_DATA.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := dataset.Root()
			if err != nil {
				return err
			}
			all := []listJSON{}
			rows := [][]string{{"data set", "paradigm", "subjects", "channels", "rate (Hz)", "licence", "checked", "here"}}
			for _, s := range dataset.Sets() {
				v := listJSON{Set: s, Folder: filepath.Join(root, s.Name)}
				st, err := os.Stat(v.Folder)
				v.Here = err == nil && st.IsDir()
				all = append(all, v)
				licence := s.Licence
				if licence == "" {
					licence = "ask the source"
				}
				rows = append(rows, []string{s.Name, s.Paradigm, known(float64(s.Subjects)), known(float64(s.Channels)), known(s.RateHz), licence, yes(s.Checked), yes(v.Here)})
			}
			if wantsJSON(cmd) {
				return printJSON(cmd, all)
			}
			columns(cmd.OutOrStdout(), rows)
			return nil
		},
	}
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

// located finds the set and its folder: arg is a name, then dir may say where it lies, or a folder.
func located(arg, dir string) (s dataset.Set, folder string, err error) {
	s, err = dataset.Lookup(arg)
	switch {
	case err == nil && dir != "":
		folder = dir
	case err == nil:
		root, err := dataset.Root()
		if err != nil {
			return s, "", err
		}
		folder = filepath.Join(root, s.Name)
	case dir != "":
		return s, "", usageError{err}
	default:
		folder = arg
	}
	st, statErr := os.Stat(folder)
	switch {
	case statErr == nil && st.IsDir():
		return s, folder, nil
	case err != nil && errors.Is(statErr, os.ErrNotExist):
		return s, "", usageError{fmt.Errorf("%w; and there is no such folder", err)}
	case statErr != nil:
		return s, "", usageError{fmt.Errorf("%w: put the files of the data set there, set GYRUS_DATA, or name their folder with --dir", statErr)}
	}
	return s, "", usageError{fmt.Errorf("%s is a file, must be the folder of a data set", folder)}
}

func newDataVerify() *cobra.Command {
	var dir string
	cmd := &cobra.Command{
		Use: "verify NAME|DIR", Short: "whether the files of a data set are those that were checked, and what is different", Args: cobra.ExactArgs(1),
		Long: `Verify hashes every file of a data set and compares it with the manifest that comes with gyrus. Files that differ are opened:
a wrong label, another length or rate, a file in the place of another and a missing subject are named. Files that are not in
the manifest are listed and are no fault. A folder that is no known set is compared with the ` + dataset.ManifestFile + ` in it, which
gyrus data manifest writes.`,
		Example: "  gyrus data verify eegmmidb\n  gyrus data verify Kalunga2016 --dir ~/ssvep --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			s, folder, err := located(args[0], dir)
			if err != nil {
				return err
			}
			m, err := s.Manifest()
			if err != nil {
				return err
			}
			if s.Name == "" {
				data, err := os.ReadFile(filepath.Join(folder, dataset.ManifestFile))
				if err != nil {
					return usageError{fmt.Errorf("%w: make one with gyrus data manifest while the files are as they should be", err)}
				}
				if m, err = dataset.ParseManifest(data); err != nil {
					return refusal{fmt.Errorf("%s: %w", folder, err)}
				}
			}
			if m == nil {
				return refusal{fmt.Errorf("%s has no manifest, since gyrus has seen no file of it: make one of yours with gyrus data manifest %s", s.Name, folder)}
			}
			same, found, err := m.Verify(os.DirFS(folder))
			if err != nil {
				return err
			}
			v := verifyJSON{Set: s.Name, Folder: folder, Same: same, Known: len(m.Files), Findings: append([]dataset.Finding{}, found...)}
			wrong := 0
			for _, f := range found {
				if f.What != dataset.Unknown {
					wrong++
				}
			}
			v.OK = wrong == 0
			if wantsJSON(cmd) {
				err = printJSON(cmd, v)
			} else {
				w := cmd.OutOrStdout()
				fmt.Fprintf(w, "%s: %d of %d files as they should be\n", folder, same, v.Known)
				for _, f := range found {
					fmt.Fprintf(w, "  %-15s  %s: %s\n", f.What, f.Path, f.Text)
				}
			}
			if err == nil && wrong > 0 {
				err = refusal{fmt.Errorf("%s: %d things are not as the manifest says", folder, wrong)}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&dir, "dir", "", "the folder of the data set (default: the one of its name below $GYRUS_DATA)")
	return cmd
}

func newDataManifest() *cobra.Command {
	var dir, out string
	cmd := &cobra.Command{
		Use: "manifest NAME|DIR", Short: "what is in a data set: subjects, sessions, runs, trials, rates, channels, units, hashes", Args: cobra.ExactArgs(1),
		Example: "  gyrus data manifest my-study -o my-study/" + dataset.ManifestFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, folder, err := located(args[0], dir)
			if err != nil {
				return err
			}
			if err := checkOutput(out, nil); err != nil {
				return err
			}
			m, err := s.Make(os.DirFS(folder))
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
	cmd.Flags().StringVar(&dir, "dir", "", "the folder of the data set (default: the one of its name below $GYRUS_DATA)")
	cmd.Flags().StringVarP(&out, "output", "o", "", "write it there, not on standard output")
	return cmd
}
