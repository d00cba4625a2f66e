package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// validateJSON is one file of gyrus validate --json, which prints a list.
type validateJSON struct {
	File       string             `json:"file"`
	Verdict    string             `json:"verdict"` // "clean", "deviates", "refused"
	Format     string             `json:"format,omitempty"`
	Error      string             `json:"error,omitempty"` // why it was refused
	Deviations []signal.Deviation `json:"deviations"`
	Notes      []signal.Deviation `json:"notes"` // what is assumed where the format leaves it open, or has more than is read: no breach
}

// The verdicts of gyrus validate.
const (
	verdictClean    = "clean"
	verdictDeviates = "deviates"
	verdictRefused  = "refused"
)

func newValidate() *cobra.Command {
	cmd := &cobra.Command{
		Use: "validate FILE|TREE…", Short: "where recordings, and BIDS trees, break the specification of their format", Args: cobra.MinimumNArgs(1),
		Long: `Validate opens each file and lists where it breaks the specification of its format: where, what the specification says, what
was found, and what is assumed when the file is read. It looks at every sample where the format has a rule about samples (EDF and
BDF: the digital range); other commands refuse with --strict what the headers tell. Of a BIDS tree it looks at the names, the
tables and the sidecars, and at every recording in it.

The exit code is 0 where all files are clean, 4 where some deviate and can be read, 3 where one cannot be read, and 3 for any
deviation with --strict. See gyrus fix for a repaired copy.`,
		Example: "  gyrus validate *.edf\n  gyrus validate night.edf --strict --json | jq '.[].deviations'",
		RunE: func(cmd *cobra.Command, args []string) error {
			how, err := readingOf(cmd)
			if err != nil {
				return err
			}
			strict := how.Strict
			how.Strict = false
			var all []validateJSON
			for _, path := range args {
				vs, err := validate(how, path)
				if err != nil {
					return err
				}
				all = append(all, vs...)
			}
			refused, deviating := 0, 0
			for i := range all {
				v := &all[i]
				switch {
				case v.Verdict == verdictRefused:
					refused++
				case v.Verdict == verdictDeviates && strict:
					refused++
					v.Verdict, v.Error = verdictRefused, "deviations are refused by --strict"
				case v.Verdict == verdictDeviates:
					deviating++
				}
			}
			if wantsJSON(cmd) {
				if err := printJSON(cmd, all); err != nil {
					return err
				}
			} else {
				w := cmd.OutOrStdout()
				for _, v := range all {
					fmt.Fprintf(w, "%s  %s", v.File, v.Verdict)
					if v.Format != "" {
						fmt.Fprintf(w, ", %s, %d deviations", v.Format, len(v.Deviations))
					}
					fmt.Fprintln(w)
					if v.Error != "" {
						fmt.Fprintf(w, "  %s\n", v.Error)
					}
					for _, d := range v.Deviations {
						fmt.Fprintf(w, "  %s\n", deviationLine(d))
					}
					for _, d := range v.Notes {
						fmt.Fprintf(w, "  no breach, but to know: %s\n", deviationLine(d))
					}
				}
			}
			switch {
			case refused > 0:
				return refusal{fmt.Errorf("%d of %d files refused", refused, len(all))}
			case deviating > 0:
				return incomplete{fmt.Errorf("%d of %d files deviate from the specification of their format", deviating, len(all))}
			}
			return nil
		},
	}
	addReading(cmd)
	return cmd
}

func newVerdict(path string) validateJSON {
	return validateJSON{File: path, Verdict: verdictClean, Deviations: []signal.Deviation{}, Notes: []signal.Deviation{}}
}

// validate looks at one file, or at a BIDS tree and all recordings in it. The error is for what says nothing about the file,
// such as that it is not there.
func validate(how opener, path string) ([]validateJSON, error) {
	v := newVerdict(path)
	refuse := func(err error) ([]validateJSON, error) {
		if exitCode(err) != exitRefused {
			return nil, err
		}
		v.Verdict, v.Error = verdictRefused, err.Error()
		return []validateJSON{v}, nil
	}
	if tree, is, err := openTree(path); err != nil {
		return refuse(err)
	} else if is {
		return validateTree(how, path, tree)
	}
	rec, err := how.open(path)
	if err != nil {
		return refuse(err)
	}
	changed, err := returnsLost(append([]string{path}, rec.Parts...))
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	if err := v.judge(rec, changed); err != nil {
		return refuse(errors.Join(err, rec.Close()))
	}
	return []validateJSON{v}, rec.Close()
}

// judge lists what is wrong with rec, and what was found elsewhere.
func (v *validateJSON) judge(rec *signal.Recording, more []signal.Deviation) error {
	v.Format = rec.Format
	v.Notes = append(v.Notes, rec.Notes...)
	samples, err := signal.CheckSamples(rec.Data)
	if err != nil {
		return err
	}
	if all := slices.Concat(rec.Deviations, more, samples); len(all) > 0 {
		v.Verdict, v.Deviations = verdictDeviates, all
	}
	return nil
}

// returnsLost looks, in files of any format, for what leaves their length as it is and changes samples: a transfer in text mode that made a
// line feed of every carriage return.
func returnsLost(files []string) (found []signal.Deviation, err error) {
	for _, name := range files {
		f, err := ingest.OpenPart(ingest.Paths{}, filepath.ToSlash(name))
		if errors.Is(err, os.ErrNotExist) { // a name, not a file
			continue
		}
		if err != nil {
			return nil, err
		}
		st, err := f.Stat()
		words := ""
		if err == nil {
			words, err = ingest.CheckReturns(f, st.Size())
		}
		if err := errors.Join(err, f.Close()); err != nil {
			return nil, err
		}
		if words != "" {
			found = append(found, signal.Deviation{
				Where: name, Rule: "numbers are stored in binary", Found: words,
				Assumed: "nothing: a transfer in text mode probably made line feeds of all carriage returns, which changes samples; fetch the file again in binary mode",
			})
		}
	}
	return found, nil
}
