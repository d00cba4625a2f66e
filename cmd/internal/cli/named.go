package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/registry"
)

// namedHelp is said in the help of every command that takes recordings.
const namedHelp = `A recording may be named by its data set, as gyrus data list has it: eegmmidb:S001:R04,R08 are two runs of one subject,
eegmmidb:*:R01 the first run of all, ssvep-exo:01-03 all of three subjects, study:01:2 session 2 in the folder study; or it is
simulated, such as synth:imagery:1:2.`

// splitName parts "eegmmidb:S001:R04" at its first colon; that behind the letter of a Windows drive does not count.
func splitName(arg string) (name, choice string, parted bool) {
	start := 0
	if len(arg) > 2 && arg[1] == ':' && (arg[2] == '\\' || arg[2] == '/') {
		start = 2
	}
	i := strings.IndexByte(arg[start:], ':')
	if i < 0 {
		return arg, "", false
	}
	return arg[:start+i], arg[start+i+1:], true
}

// named is what an argument stands for.
type named struct {
	files  []string
	set    dataset.Set // where the argument was the name of one
	at     []dataset.Place
	folder string              // of the set
	chosen []dataset.Recording // of files
	all    []dataset.Recording // of the folder
}

// resolve finds the recordings that arg stands for: a file is one, and so is a simulation; what is no file may be the name of a
// data set, or a folder, with what is wanted of it.
func resolve(arg string) (named, error) {
	itself := named{files: []string{arg}}
	if synthName(arg) != "" {
		return itself, nil
	}
	if _, err := os.Stat(arg); err == nil || !errors.Is(err, os.ErrNotExist) {
		return itself, nil // opening it has the better message
	}
	name, _, parted := splitName(arg)
	if !parted {
		if _, err := dataset.Lookup(name); err != nil {
			return itself, nil //nolint:nilerr // a file that is not there
		}
	}
	set, folder, choice, err := located(arg, "")
	if err != nil {
		return named{}, err
	}
	recs, chosen, err := chosenRecordings(arg, set, folder, choice)
	if err != nil {
		return named{}, err
	}
	if err := asChecked(set, folder, chosen); err != nil {
		return named{}, err
	}
	out := named{set: set, folder: folder, chosen: chosen, all: recs}
	for _, r := range chosen {
		out.files, out.at = append(out.files, filepath.Join(folder, filepath.FromSlash(r.Path))), append(out.at, r.Place)
	}
	return out, nil
}

// chosenRecordings are all recordings of a set in a folder, and those that arg, which is a name with that choice, stands for: at least one.
func chosenRecordings(arg string, set dataset.Set, folder string, choice dataset.Choice) (recs, chosen []dataset.Recording, err error) {
	recs, err = set.Recordings(os.DirFS(folder))
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", folder, err)
	}
	if len(recs) == 0 {
		why, err := set.WhyNone(os.DirFS(folder))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", folder, err)
		}
		if why != "" {
			why = ": " + why
		}
		return nil, nil, usageError{fmt.Errorf("%s: there are no recordings in %s%s", arg, folder, why)}
	}
	if chosen, err = set.Choose(choice, recs); err != nil {
		err = fmt.Errorf("%s: %w in %s", arg, err, folder)
		var unknown *registry.UnknownError
		if set.Download.Base != "" && errors.As(err, &unknown) {
			_, text, _ := splitName(arg)
			err = fmt.Errorf("%w; what is not there yet, gyrus data pull %s:%s fetches", err, set.Name, text)
		}
		return nil, nil, usageError{err}
	}
	return recs, chosen, nil
}

// asChecked refuses recordings that are not what their manifest, or the list that was fetched with them, says. Files that nobody
// has checked pass.
func asChecked(set dataset.Set, folder string, chosen []dataset.Recording) error {
	m, err := set.Manifest()
	if err != nil {
		return err
	}
	if m == nil {
		data, err := os.ReadFile(filepath.Join(folder, dataset.ManifestFile))
		switch {
		case errors.Is(err, os.ErrNotExist):
			m = &dataset.Manifest{Set: set.Name}
		case err != nil:
			return err
		default:
			if m, err = dataset.ParseManifest(data); err != nil {
				return refusal{fmt.Errorf("%s: %w", filepath.Join(folder, dataset.ManifestFile), err)}
			}
		}
	}
	wanted := map[string]bool{}
	for _, r := range chosen {
		wanted[r.Path] = true
	}
	for _, f := range m.Files {
		if wanted[f.Path] {
			for _, p := range f.Parts {
				wanted[p] = true
			}
		}
	}
	r, err := m.Verify(os.DirFS(folder), func(path string) bool { return wanted[path] })
	if err != nil || r.Faults() == 0 {
		return err
	}
	i := slices.IndexFunc(r.Findings, func(f dataset.Finding) bool { return f.What != dataset.Unknown })
	f := r.Findings[i]
	more := ""
	if n := r.Faults() - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more findings)", n)
	}
	return refusal{fmt.Errorf("%s: %s: %s: %s%s; see gyrus data verify, or name the file itself to use it as it is", folder, f.What, f.Path, f.Text, more)}
}

// resolveOne is resolve for a place where one recording is taken.
func resolveOne(arg string) (string, error) {
	n, err := resolve(arg)
	if err != nil {
		return "", err
	}
	if len(n.files) != 1 {
		var which []string
		for _, p := range n.at[:min(len(n.at), 5)] {
			which = append(which, p.String())
		}
		if more := len(n.at) - len(which); more > 0 {
			which = append(which, fmt.Sprintf("and %d more", more))
		}
		return "", usageError{fmt.Errorf("%s stands for %d recordings (%s), one is wanted: name subject and run", arg, len(n.files), strings.Join(which, "; "))}
	}
	return n.files[0], nil
}

// resolveAll is resolve for a list. Where recordings of one set are to be used together in which a label means two things, it
// is an error.
func resolveAll(args []string, together bool) (files []string, err error) {
	at := map[string][]dataset.Place{}
	for _, arg := range args {
		n, err := resolve(arg)
		if err != nil {
			return nil, err
		}
		files = append(files, n.files...)
		if at[n.set.Name] = append(at[n.set.Name], n.at...); together {
			if text := n.set.Conflict(at[n.set.Name]); text != "" {
				return nil, refusal{fmt.Errorf("%s: they would become one class; name runs in which it means the same", text)}
			}
		}
	}
	return files, nil
}

// takes says which arguments of a command are recordings.
type takes int

const (
	takesOne      takes = iota // the first argument
	takesAll                   // all
	takesButFirst              // all but the first, which is a model or a pipeline; they are used together
	takesDecoded               // all but the first; each for itself
	takesItself                // those that the command resolves
)

// withRecordings lets a command take names of recordings in place of files.
func withRecordings(cmd *cobra.Command, t takes) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		from, to := 0, len(args)
		switch t {
		case takesOne:
			to = 1
		case takesButFirst, takesDecoded:
			from = 1
		case takesItself:
			return run(cmd, args)
		}
		var files []string
		var err error
		if t == takesOne {
			files = []string{""}
			files[0], err = resolveOne(args[0])
		} else {
			files, err = resolveAll(args[from:to], t == takesButFirst)
		}
		if err != nil {
			return err
		}
		return run(cmd, slices.Concat(args[:from], files, args[to:]))
	}
	if cmd.Long == "" {
		cmd.Long = strings.ToUpper(cmd.Short[:1]) + cmd.Short[1:] + "."
	}
	cmd.Long += "\n\n" + namedHelp
	return cmd
}
