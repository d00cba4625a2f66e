package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
	"github.com/gyrus-bci/gyrus/ingest/linked"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// treeFlags are the flags of gyrus convert --bids.
type treeFlags struct {
	bids, force      bool
	dataset          string
	lineFreq         float64
	derivative, desc string
	entities         [5]string // in the order of treeEntities
}

// treeEntities are the parts of a name that have a flag.
var treeEntities = [...]struct{ flag, key, usage string }{
	{"subject", "sub", "whose recording it is: letters and digits"},
	{"session", "ses", "in which session: letters and digits"},
	{"task", "task", "what was done, such as rest or imagery: letters and digits"},
	{"acq", "acq", "how it was measured, where that differs: letters and digits"},
	{"run", "run", "the number of the run; of several inputs with the same name that of the first, from which they are counted in the order given"},
}

const bidsFlag = "bids"

// treeOnly are the flags that mean nothing without --bids.
func treeOnly() []string {
	all := []string{"dataset", "line-freq", "force", "derivative", "desc"}
	for _, e := range treeEntities {
		all = append(all, e.flag)
	}
	return all
}

func (f *treeFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.bids, bidsFlag, false, "write a BIDS tree: OUT is its folder, and there may be many inputs")
	for i, e := range treeEntities {
		flags.StringVar(&f.entities[i], e.flag, "", "with --bids: "+e.usage)
	}
	flags.StringVar(&f.dataset, "dataset", "", "with --bids: the inputs are of this data set, of which gyrus knows how files are called; see gyrus data list")
	flags.Float64Var(&f.lineFreq, "line-freq", 0, "with --bids: the frequency of the mains in Hz, 50 or 60 (default: not known)")
	flags.BoolVar(&f.force, "force", false, "with --bids: replace recordings that are in the tree already")
	flags.StringVar(&f.derivative, "derivative", "", "with --bids: write the derivative of this name, DIR/derivatives/NAME")
	flags.StringVar(&f.desc, "desc", "", "with --derivative: what the data are, as a label in the names: letters and digits")
}

// unused refuses flags that would be ignored without --bids.
func (f *treeFlags) unused(cmd *cobra.Command) error {
	for _, name := range treeOnly() {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s is only for --bids", name)}
		}
	}
	return nil
}

// writtenTreeJSON is what gyrus convert --bids --json prints.
type writtenTreeJSON struct {
	Root       string        `json:"root"`
	Recordings []writtenJSON `json:"recordings"`
	// NotHandedOn are the files of inputs that are trees which are not in the one written.
	NotHandedOn []string `json:"not_handed_on"`
}

type writtenJSON struct {
	convertJSON
	Copied bool `json:"copied"` // the file of the input, as it is
}

func (f *treeFlags) run(cmd *cobra.Command, args []string, to string, hide hiding) error {
	root := args[len(args)-1]
	opt, err := f.options(cmd, to)
	if err != nil {
		return err
	}
	how, err := readingOf(cmd)
	if err != nil {
		return err
	}
	in := treeInputs{flags: f, how: how, hiding: hide, personal: map[string][]ingest.Personal{}}
	for _, path := range args[:len(args)-1] {
		if err := in.add(cmd, path); err != nil {
			return err
		}
	}
	items := in.items
	if opt.About, err = in.about(); err != nil {
		return err
	}
	if err := f.number(items); err != nil {
		return usageError{err}
	}
	bar := newProgress(cmd, "recordings", int64(len(items)))
	defer bar.end()
	for i := range items {
		open := items[i].Open
		items[i].Open = func() (*signal.Recording, error) {
			bar.set(int64(i))
			return open()
		}
	}
	written, err := bids.Write(cmd.Context(), root, items, opt)
	bar.end()
	if err != nil {
		return treeError(err)
	}
	v := writtenTreeJSON{Root: root, Recordings: []writtenJSON{}, NotHandedOn: append([]string{}, in.notHandedOn...)}
	for _, w := range written {
		v.Recordings = append(v.Recordings, writtenJSON{convertJSON{
			Input: w.Input, Output: filepath.Join(root, filepath.FromSlash(w.Path)), Beside: []string{}, Removed: []string{}, From: w.From, To: w.To,
			Losses: append([]signal.Deviation{}, w.Losses...), Deviations: append([]signal.Deviation{}, w.Deviations...), Notes: append([]signal.Deviation{}, w.Notes...),
			Personal: append(append([]ingest.Personal{}, in.personal[w.Input]...), w.Personal...),
		}, w.Copied})
	}
	if wantsJSON(cmd) {
		err = printJSON(cmd, v)
	}
	for _, r := range v.Recordings {
		err = errors.Join(err, missingFrom(r.Output, r.Losses, r.Deviations))
		if r.Copied {
			r.To += ", the file as it is"
		}
		if !wantsJSON(cmd) {
			r.print(cmd)
		}
	}
	return err
}

// treeError sorts an error of writing a tree into the exit codes.
func treeError(err error) error {
	var loss *ingest.LossError
	var there *bids.ExistsError
	var name *bids.NameError
	var unfit *bids.UnfitError
	switch {
	case errors.As(err, &loss), errors.As(err, &unfit):
		return refusal{err}
	case errors.As(err, &there), errors.As(err, &name):
		return usageError{err}
	}
	return err
}

// treeInputs are the recordings that are written into a tree.
type treeInputs struct {
	flags *treeFlags
	how   opener
	hiding
	items    []bids.Item
	sets     []dataset.Set                // of the inputs that are in no tree
	personal map[string][]ingest.Personal // by the input
	// notHandedOn are files of trees that are not written.
	notHandedOn []string
}

// add adds a recording, all of a tree, or what the name of a data set stands for.
func (in *treeInputs) add(cmd *cobra.Command, arg string) error {
	n, err := resolve(arg)
	if err != nil {
		return err
	}
	if n.folder != "" {
		return in.set(n)
	}
	tree, is, err := openTree(arg)
	if err != nil {
		return err
	}
	if is {
		first := len(in.items)
		if err := in.tree(arg, tree, nil); err != nil {
			return err
		}
		return in.left(cmd, arg, tree, in.items[first:])
	}
	if st, err := os.Stat(arg); err == nil && st.IsDir() {
		return usageError{fmt.Errorf("%s is a folder and no BIDS tree: name the recordings in it", arg)}
	}
	it, err := in.flags.item(arg)
	if err != nil {
		return usageError{err}
	}
	if f := in.flags.dataset; f == "" {
		in.sets = append(in.sets, dataset.Set{})
	} else if set, err := dataset.Lookup(f); err == nil { // which item has found
		in.sets = append(in.sets, set)
	}
	return in.recording(arg, it)
}

// of is a recording of a set.
func of(set dataset.Set, at dataset.Place, name bids.Name) bids.Item {
	return bids.Item{Name: name, Task: set.Task(at), Meaning: func(label string) string {
		if label == "" {
			return "" // which would be the whole recording
		}
		return set.Meaning(at, label)
	}}
}

// about is what is known of the data set that all recordings are of.
func (in *treeInputs) about() (bids.Description, error) {
	if len(in.sets) == 0 || slices.ContainsFunc(in.sets, func(s dataset.Set) bool { return s.Name != in.sets[0].Name }) {
		return bids.Description{}, nil
	}
	return in.sets[0].Describe()
}

// set adds recordings that were named by their data set.
func (in *treeInputs) set(n named) error {
	tree, is, err := openTree(n.folder)
	if err != nil {
		return err
	}
	if is && slices.ContainsFunc(tree.Recordings(), func(r bids.Recording) bool { return r.Path == n.chosen[0].Path }) {
		return in.tree(n.folder, tree, n.chosen)
	}
	names := n.set.Names(n.all)
	in.sets = append(in.sets, n.set)
	for i, r := range n.chosen {
		name, err := in.flags.complete(names[slices.Index(n.all, r)], n.files[i])
		if err != nil {
			return usageError{err}
		}
		if err := in.recording(n.files[i], of(n.set, r.Place, name)); err != nil {
			return err
		}
	}
	return nil
}

// tree adds the recordings of a tree, or those chosen.
func (in *treeInputs) tree(path string, tree *bids.Tree, chosen []dataset.Recording) error {
	if in.how.Strict && len(tree.Deviations) > 0 {
		return refusal{fmt.Errorf("%s breaks the specification of BIDS, which --strict refuses: %s; see gyrus validate %s", path, deviationLine(tree.Deviations[0]), path)}
	}
	if tree.Description.DatasetType == bids.Derivative && in.flags.derivative == "" {
		return usageError{fmt.Errorf("%s is a derivative, and what is written without --derivative is none: name it, and what its data are with --desc", path)}
	}
	if len(tree.Recordings()) == 0 {
		return refusal{fmt.Errorf("%s is a BIDS tree without recordings", path)}
	}
	for _, sub := range tree.Subjects {
		for _, ses := range sub.Sessions {
			for _, rec := range ses.Recordings {
				if chosen != nil && !slices.ContainsFunc(chosen, func(c dataset.Recording) bool { return c.Path == rec.Path }) {
					continue
				}
				file := filepath.Join(path, filepath.FromSlash(rec.Path))
				if rec.Name.Suffix != "eeg" {
					return refusal{fmt.Errorf("%s is %s, and gyrus writes trees of EEG alone: name the recordings of EEG in %s one by one instead of the tree; as to this one, %s", file, strings.ToUpper(rec.Name.Suffix), path, bids.InsteadOfTree)}
				}
				it := bids.Item{Name: rec.Name, Scan: rowOf(ses.Scans, "filename", strings.TrimPrefix(rec.Path, rec.Name.Folder()+"/")), Participant: rowOf(tree.Participants, bids.ParticipantID, "sub-"+sub.Label), ParticipantsAbout: tree.ParticipantsAbout, HEDVersion: tree.Description.Rest.Raw("HEDVersion")}
				if !in.anonymise { // a README may name anybody
					it.From = tree
				}
				var err error
				if it.Name, err = in.flags.over(it.Name); err != nil {
					return usageError{err}
				}
				if err := in.recording(file, it); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// rowOf is the row of a table that has a value in a column, nil where there is none.
func rowOf(t *bids.Table, column, value string) (cells [][2]string) {
	if t == nil {
		return nil
	}
	for row := range t.Len() {
		if v, _ := t.Cell(row, column); v != value {
			continue
		}
		for k, name := range t.Columns {
			cells = append(cells, [2]string{name, t.At(row, k)})
		}
		break
	}
	return cells
}

// recording adds one recording with what is said beside it, if it lies in a tree.
func (in *treeInputs) recording(path string, it bids.Item) error {
	it.Input, it.Copy = path, path
	if in.anonymise {
		it.Anonymous = &bids.Anonymous{Texts: in.texts}
	}
	it.Open = func() (*signal.Recording, error) {
		rec, err := in.how.open(path)
		if err == nil {
			condition(rec, path)
		}
		if err == nil && in.anonymise {
			var clean *signal.Recording
			if clean, in.personal[path], err = in.anonymised(rec, path, it.Name.Get("sub")); err != nil {
				return nil, errors.Join(err, rec.Close())
			}
			it.Anonymous.Names = ingest.Naming(rec)
			rec = clean
		}
		return rec, err
	}
	if in.anonymise || in.how.Units.Changes() || in.how.Electrodes != nil || in.how.Encoding != "" && in.how.Encoding != ingest.AutoEncoding || strings.HasPrefix(path, synthPrefix) {
		it.Copy = ""
	}
	if !strings.HasPrefix(path, synthPrefix) {
		said, err := sidecarsOf(path)
		if err != nil {
			return refusal{fmt.Errorf("%s: %w", path, err)}
		}
		it.Said = said
		if said != nil && it.HEDVersion == nil {
			if it.HEDVersion, err = hedVersion(path); err != nil {
				return refusal{err}
			}
		}
	}
	in.items = append(in.items, it)
	return nil
}

// sidecarsOf is what is said beside a recording, nil where it lies in no tree. What is wrong with it is found when the
// recording is opened.
func sidecarsOf(path string) (*bids.Sidecars, error) {
	full, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	root := filepath.VolumeName(full) + string(filepath.Separator)
	said, _, _, err := bids.FindSidecars(os.DirFS(root), filepath.ToSlash(strings.TrimPrefix(full, root)))
	return said, err
}

// hedVersion is what the description of the tree that a recording lies in says of its HED strings, nil where it says nothing.
func hedVersion(path string) (json.RawMessage, error) {
	dir, err := filepath.Abs(filepath.Dir(path))
	if err != nil {
		return nil, err
	}
	const folders = 3 // eeg, the session and the subject
	for range folders + 1 {
		file := filepath.Join(dir, bids.DescriptionFile)
		text, err := os.ReadFile(file)
		if err == nil {
			s, err := bids.ReadSidecar(text, file)
			return s.Raw("HEDVersion"), err
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		dir = filepath.Dir(dir)
	}
	return nil, nil
}

// left says which files of the tree at root, of which items are all recordings in their order, are not handed on.
func (in *treeInputs) left(cmd *cobra.Command, root string, tree *bids.Tree, items []bids.Item) error {
	on := map[string]bool{bids.DescriptionFile: true, bids.ParticipantsFile: true, bids.ParticipantsAboutFile: true}
	stems := map[string]bool{}
	for i, rec := range tree.Recordings() {
		stems[strings.TrimSuffix(rec.Path, rec.Name.Ext)] = true // with what belongs to it
		scans := bids.Name{}.With("sub", rec.Name.Get("sub")).With("ses", rec.Name.Get("ses")).File("scans", ".tsv")
		on[rec.Name.Folder()+"/"+scans.String()] = true
		if said := items[i].Said; said != nil {
			for _, file := range said.Files {
				on[file] = true
			}
		}
	}
	texts := !in.anonymise && in.flags.derivative == "" // at the root are handed on
	var names, lost []string                            // all, and those with something of the recordings
	see := func(name string, dead bool) {
		ext := path.Ext(name)
		belongs := ext != ".json" && stems[strings.TrimSuffix(name, ext)]
		if on[name] || belongs || bids.IsRootText(name) && texts && !dead {
			return
		}
		names = append(names, name)
		if !besideRecordings(name) {
			lost = append(lost, name)
		}
	}
	err := linked.Walk(os.DirFS(root), func(name string, _ fs.FileMode) error {
		see(name, false)
		return nil
	}, func(l linked.Link) error {
		if l.Dead {
			see(l.Path, true)
		}
		return nil
	})
	if err != nil {
		return refusal{fmt.Errorf("%s: %w", root, err)}
	}
	if len(names) == 0 {
		return nil
	}
	for _, name := range names {
		in.notHandedOn = append(in.notHandedOn, filepath.Join(root, filepath.FromSlash(name)))
	}
	if in.how.Strict && len(lost) > 0 {
		return refusal{fmt.Errorf("%s has files that are not handed on, which --strict refuses, and nothing was written: %s; name the recordings in it instead of the tree, or leave out --strict", root, someOf(lost))}
	}
	note(cmd, "%s: not handed on, since gyrus writes recordings of EEG and what it reads with them alone: %s", root, someOf(names))
	return nil
}

// someOf is names in a message.
func someOf(names []string) string {
	const most = 20
	shown := strings.Join(names[:min(most, len(names))], ", ")
	if n := len(names) - most; n > 0 {
		shown += fmt.Sprintf(", and %d more: --json without --strict lists all", n)
	}
	return shown
}

// besideRecordings says whether a file of a tree, by its path, has nothing that was recorded or is known of a recording: texts about the whole, what
// was shown, programs.
func besideRecordings(name string) bool {
	top, _, below := strings.Cut(name, "/")
	return below && (top == "code" || top == "stimuli") || bids.IsRootText(name)
}

// options checks the flags that are for the whole tree.
func (f *treeFlags) options(cmd *cobra.Command, to string) (bids.Options, error) {
	opt := bids.Options{
		Format: strings.ToLower(to), LineFreq: f.lineFreq, Force: f.force, Derivative: f.derivative, Desc: f.desc,
		Strict:    cmd.Flags().Lookup(strictFlag).Value.String() == "true",
		Generator: bids.Generator{Name: "gyrus", Version: Version, CodeURL: "https://github.com/gyrus-bci/gyrus"},
		Date:      time.Now().Format(time.DateOnly),
	}
	if to != "" && !slices.Contains(bids.Formats(), opt.Format) {
		return opt, usageError{fmt.Errorf("--to is %q, BIDS allows %s for EEG that gyrus writes", to, strings.Join(bids.Formats(), ", "))}
	}
	if cmd.Flags().Changed("line-freq") && f.lineFreq != 50 && f.lineFreq != 60 {
		return opt, usageError{fmt.Errorf("--line-freq is %g, must be the frequency of the mains in Hz, 50 or 60", f.lineFreq)}
	}
	if (f.derivative == "") != (f.desc == "") {
		return opt, usageError{errors.New("--derivative NAME and --desc LABEL are given together: the folder of the derivative, and what its data are")}
	}
	return opt, nil
}

// item is an input with what it is called in the tree: what its own name says, then the data set, then the flags.
func (f *treeFlags) item(in string) (it bids.Item, err error) {
	var n bids.Name
	base := filepath.Base(in)
	if own, err := bids.ParseName(base); err == nil && (own.Get("sub") != "" || own.Get("task") != "") {
		for _, e := range treeEntities {
			n = n.With(e.key, own.Get(e.key))
		}
	}
	if f.dataset != "" {
		set, err := dataset.Lookup(f.dataset)
		if err != nil {
			return it, err
		}
		full, err := filepath.Abs(in)
		if err != nil {
			return it, err
		}
		place, ok := set.Parse(filepath.ToSlash(full))
		if !ok {
			return it, fmt.Errorf("%s is not called as the recordings of %s are: name --subject, --session and --run yourself, without --dataset", in, set.Name)
		}
		it = of(set, place, n)
		for _, e := range set.BIDSName(place).Entities {
			n = n.With(e.Key, e.Value)
		}
	}
	it.Name, err = f.complete(n, in)
	return it, err
}

// complete is n with what the flags say. It is an error where the subject or the task is still missing.
func (f *treeFlags) complete(n bids.Name, in string) (bids.Name, error) {
	n, err := f.over(n)
	if err != nil {
		return n, err
	}
	for _, e := range treeEntities {
		if (e.key == "sub" || e.key == "task") && n.Get(e.key) == "" {
			return n, fmt.Errorf("%s: its name does not say which %s it is of: give --%s, letters and digits", in, e.flag, e.flag)
		}
	}
	return n, nil
}

// over is n with what the flags say in the place of what it has.
func (f *treeFlags) over(n bids.Name) (bids.Name, error) {
	for i, e := range treeEntities {
		v := f.entities[i]
		if v == "" {
			continue
		}
		if err := bids.CheckLabel(e.key, v); err != nil {
			return n, fmt.Errorf("--%s: %w", e.flag, err)
		}
		n = n.With(e.key, v)
	}
	return n, nil
}

// number counts the runs of inputs that have the same name, from --run on.
func (f *treeFlags) number(items []bids.Item) error {
	first := f.entities[len(treeEntities)-1]
	if first == "" {
		return nil // names that are the same are refused by Write
	}
	at, err := strconv.Atoi(first)
	if err != nil {
		return fmt.Errorf("--run is %q, must be a whole number", first)
	}
	next := map[string]int{}
	for i := range items {
		key := items[i].Name.String()
		items[i].Name = items[i].Name.With("run", fmt.Sprintf("%0*d", len(first), at+next[key]))
		next[key]++
	}
	return nil
}
