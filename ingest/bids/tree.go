package bids

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/linked"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Tree is a folder in the form of BIDS: what is in it by its names, before any recording is opened.
type Tree struct {
	FS   fs.FS
	Root string // the folder in FS

	Description       Description
	Participants      *Table // nil where there is none
	ParticipantsAbout Sidecar
	Subjects          []Subject // sorted by label
	Derivatives       []string  // the folders of trees that were made of this one, below Root: "derivatives/clean"
	// Deviations is where names, folders and the files about the whole break the specification. What is wrong with the
	// sidecars of a recording is listed by the recording, once it is opened.
	Deviations []signal.Deviation
}

// Subject is a person, or an animal.
type Subject struct {
	Label    string // without sub-
	Sessions []Session
}

// Session is a visit.
type Session struct {
	Label      string      // without ses-; "" where the subject has no sessions
	Recordings []Recording // sorted by path
	Scans      *Table      // nil where there is none
}

// Recording is a file that should be a recording, by its name.
type Recording struct {
	Path string // below the root of the tree
	Name Name
	// Gone says that it is a link to a file that is not there: trees of git-annex have those until they are fetched.
	Gone bool
}

// Recordings lists all of the tree.
func (t *Tree) Recordings() []Recording {
	var all []Recording
	for _, sub := range t.Subjects {
		for _, ses := range sub.Sessions {
			all = append(all, ses.Recordings...)
		}
	}
	return all
}

// Open opens a recording of the tree, with its sidecars.
func (t *Tree) Open(r Recording) (*signal.Recording, error) {
	rec, err := ingest.Open(t.FS, path.Join(t.Root, r.Path))
	if err != nil && r.Gone {
		return nil, fmt.Errorf("%s is a link to a file that is not there: fetch it, for example with datalad get: %w", r.Path, err)
	}
	return rec, err
}

// Sidecars reads what is said beside a recording of the tree.
func (t *Tree) Sidecars(r Recording) (*Sidecars, []signal.Deviation, error) {
	return newFolder(t.FS, t.Root).sidecars(r.Path, r.Name)
}

// IsTree says whether a folder is a tree, by what lies in it: a dataset_description.json, or folders of subjects.
func IsTree(fsys fs.FS, root string) (bool, error) {
	entries, err := fs.ReadDir(fsys, root)
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == DescriptionFile || strings.HasPrefix(e.Name(), "sub-") && !strings.Contains(e.Name(), "_")
	}), nil
}

// ReadTree finds all recordings of the tree at root, which must be a folder; "." is the root of fsys. It reads the files about
// the whole and the names of all others; no recording is opened.
func ReadTree(fsys fs.FS, root string) (*Tree, error) {
	r := treeReader{folder: newFolder(fsys, root), tree: &Tree{FS: fsys, Root: root}}
	entries, err := fs.ReadDir(fsys, root)
	if err != nil {
		return nil, err
	}
	if is, err := IsTree(fsys, root); err != nil || !is {
		return nil, errors.Join(err, fmt.Errorf("%s is no BIDS tree: it has neither a %s nor folders of subjects, sub-<label>", root, DescriptionFile))
	}
	r.dirs["."] = entries
	for _, step := range []func() error{r.description, r.participants, r.subjects, r.listed, r.orphans, r.derivatives} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return r.tree, nil
}

// treeReader reads a tree.
type treeReader struct {
	*folder
	tree *Tree
	// sidecars are all files that may be about a recording, by their path.
	sidecars []found
	guard    linked.Guard
}

func (r *treeReader) deviate(where, rule, found, assumed string) {
	r.tree.Deviations = append(r.tree.Deviations, signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed})
}

// description reads dataset_description.json.
func (r *treeReader) description() error {
	there, err := r.has(DescriptionFile)
	if err != nil {
		return err
	}
	if !there {
		r.deviate(DescriptionFile, "describes the data set", "none", "a raw data set of a version that can be read")
		return nil
	}
	s, _, deviations, err := r.sidecar(DescriptionFile)
	r.tree.Deviations = append(r.tree.Deviations, deviations...)
	if err != nil {
		return err
	}
	var errs []error
	r.tree.Description, errs = ReadDescription(s)
	for _, err := range errs {
		r.deviate(DescriptionFile, "values of the types that the specification has", err.Error(), "as if it were not there")
	}
	d := r.tree.Description
	for _, need := range []string{"Name", "BIDSVersion"} {
		if !s.Has(need) {
			r.deviate(DescriptionFile+": "+need, "the field is there", "none", "nothing")
		}
	}
	switch {
	case d.DatasetType != "" && d.DatasetType != Raw && d.DatasetType != Derivative && d.DatasetType != "study":
		r.deviate(DescriptionFile+": DatasetType", "raw, derivative or study", fmt.Sprintf("%q", d.DatasetType), Raw)
	case d.DatasetType == Derivative && len(d.GeneratedBy) == 0:
		r.deviate(DescriptionFile+": GeneratedBy", "what made a derivative", "none", "nothing")
	}
	return nil
}

// participants reads participants.tsv and what its columns mean.
func (r *treeReader) participants() error {
	if there, err := r.has(ParticipantsAboutFile); err != nil {
		return err
	} else if there {
		s, _, deviations, err := r.sidecar(ParticipantsAboutFile)
		r.tree.Deviations = append(r.tree.Deviations, deviations...)
		if r.tree.ParticipantsAbout = s; err != nil {
			return err
		}
	}
	const file = ParticipantsFile
	there, err := r.has(file)
	if err != nil || !there {
		return err
	}
	t, deviations, err := r.table(file)
	r.tree.Deviations = append(r.tree.Deviations, deviations...)
	if err != nil || t == nil {
		return err
	}
	if r.tree.Participants = t; t.Columns[0] != ParticipantID {
		r.deviate(file+": line 1", "the first column is participant_id", t.Columns[0], "the column of that name, where there is one")
	}
	return nil
}

// descend looks into a folder and refuses one that lies in itself, by a link.
func (r *treeReader) descend(rel string, look func() error) error {
	return r.guard.Descend(r.fsys, r.path(rel), rel, look)
}

// folders are those in dir of which the name begins with prefix, by label; links count, files do not.
func (r *treeReader) folders(dir, prefix string) ([]string, error) {
	entries, err := r.list(dir)
	if err != nil {
		return nil, err
	}
	var labels []string
	for _, e := range entries {
		label, is := strings.CutPrefix(e.Name(), prefix)
		if !is || strings.Contains(label, "_") || strings.Contains(label, ".") {
			continue
		}
		if isDir, err := r.isDir(dir, e); err != nil || !isDir {
			if err != nil {
				return nil, err
			}
			continue
		}
		if err := CheckLabel(strings.TrimSuffix(prefix, "-"), label); err != nil {
			r.deviate(path.Join(dir, e.Name()), "a label of letters and digits", err.Error(), "kept")
		}
		labels = append(labels, label)
	}
	return labels, nil
}

// isDir says whether an entry of dir is a folder, or a link to one.
func (r *treeReader) isDir(dir string, e fs.DirEntry) (bool, error) {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir(), nil
	}
	st, err := fs.Stat(r.fsys, r.path(path.Join(dir, e.Name())))
	if err != nil {
		return false, fmt.Errorf("%s is a link that leads nowhere: %w", path.Join(dir, e.Name()), err)
	}
	return st.IsDir(), nil
}

// subjects finds all recordings.
func (r *treeReader) subjects() error {
	return r.descend(".", func() error {
		if err := r.collect("."); err != nil {
			return err
		}
		labels, err := r.folders(".", "sub-")
		if err != nil {
			return err
		}
		for _, label := range labels {
			sub := Subject{Label: label}
			err := r.descend("sub-"+label, func() error { return r.subject(&sub) })
			if err != nil {
				return err
			}
			r.tree.Subjects = append(r.tree.Subjects, sub)
		}
		if len(labels) == 0 {
			r.deviate(".", "folders of subjects, sub-<label>", "none", "a tree without recordings")
		}
		return nil
	})
}

func (r *treeReader) subject(sub *Subject) error {
	dir := "sub-" + sub.Label
	if err := r.collect(dir); err != nil {
		return err
	}
	direct := Session{}
	if err := r.session(dir, &direct); err != nil {
		return err
	}
	labels, err := r.folders(dir, "ses-")
	if err != nil {
		return err
	}
	if len(direct.Recordings) > 0 || len(labels) == 0 {
		sub.Sessions = append(sub.Sessions, direct)
	}
	for _, label := range labels {
		ses, folder := Session{Label: label}, dir+"/ses-"+label
		err := r.descend(folder, func() error {
			if err := r.collect(folder); err != nil {
				return err
			}
			return r.session(folder, &ses)
		})
		if err != nil {
			return err
		}
		sub.Sessions = append(sub.Sessions, ses)
	}
	return nil
}

// session finds the recordings in the folders by datatype in dir, and its scans.
func (r *treeReader) session(dir string, ses *Session) error {
	entries, err := r.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !slices.Contains(datatypes, e.Name()) {
			continue
		}
		isDir, err := r.isDir(dir, e)
		folder := dir + "/" + e.Name()
		if err == nil && isDir {
			err = r.descend(folder, func() error { return r.recordings(folder, ses) })
		}
		if err != nil {
			return err
		}
	}
	scans := dir + "/" + strings.ReplaceAll(dir, "/", "_") + "_scans.tsv"
	there, err := r.has(scans)
	if err != nil || !there {
		return err
	}
	t, deviations, err := r.table(scans)
	r.tree.Deviations = append(r.tree.Deviations, deviations...)
	if err != nil || t == nil {
		return err
	}
	ses.Scans = t
	if t.Column("filename") < 0 {
		r.deviate(scans+": line 1", "a column filename", "none", "as if the table were not there")
		return nil
	}
	for row := range t.Len() {
		name, _ := t.Cell(row, "filename")
		there, err := r.has(path.Join(dir, name))
		if err != nil {
			return err
		}
		if !there || !fs.ValidPath(name) {
			r.deviate(fmt.Sprintf("%s: line %d, column filename", scans, t.Line(row)), "a file in the folder of the table", fmt.Sprintf("%q, which is not there", name), "nothing")
		}
	}
	return nil
}

// recordings finds the recordings in the folder of a datatype.
func (r *treeReader) recordings(dir string, ses *Session) error {
	if err := r.collect(dir); err != nil {
		return err
	}
	entries, err := r.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		rel := dir + "/" + e.Name()
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		n, err := ParseName(e.Name())
		if err != nil {
			r.deviate(rel+": name", "a name of key-values and a suffix", err.Error(), "passed over")
			continue
		}
		if !slices.Contains(datatypes, n.Suffix) || n.Ext == ".json" || n.Ext == "" || slices.Contains(companionEndings, n.Ext) || strings.HasPrefix(n.Ext, ".tsv") {
			continue
		}
		rec := Recording{Path: rel, Name: n}
		if e.Type()&fs.ModeSymlink != 0 {
			_, err := fs.Stat(r.fsys, r.path(rel))
			rec.Gone = errors.Is(err, fs.ErrNotExist)
		}
		if k := len(ses.Recordings) - 1; k >= 0 && strings.TrimSuffix(ses.Recordings[k].Path, ses.Recordings[k].Name.Ext) == strings.TrimSuffix(rel, n.Ext) {
			r.deviate(rel+": name", "one recording of a name, in one format", "beside "+ses.Recordings[k].Path, "two recordings with the same sidecars")
		}
		ses.Recordings = append(ses.Recordings, rec)
	}
	return nil
}

// aboutRecordings are the suffixes of files that are about recordings and nothing else.
var aboutRecordings = append([]string{"channels", "electrodes", "coordsystem"}, datatypes...)

// collect takes down the sidecars in a folder that is being looked into, and refuses links to a folder that it lies in, whatever they are
// called: whoever follows them, to copy the tree or to hash it, comes to no end.
func (r *treeReader) collect(dir string) error {
	entries, err := r.list(dir)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if rel := path.Join(dir, e.Name()); e.Type()&fs.ModeSymlink != 0 {
			if st, err := fs.Stat(r.fsys, r.path(rel)); err == nil && st.IsDir() { // others are looked at where they are opened
				if err := r.descend(rel, func() error { return nil }); err != nil {
					return err
				}
			}
		}
		n, err := ParseName(e.Name())
		if err != nil || n.Ext != ".json" && n.Ext != ".tsv" {
			continue
		}
		inDatatype := slices.Contains(datatypes, path.Base(dir)) // elsewhere events may be of other kinds of data
		if slices.Contains(aboutRecordings, n.Suffix) || n.Suffix == "events" && inDatatype {
			r.sidecars = append(r.sidecars, found{path.Join(dir, e.Name()), n})
		}
	}
	return nil
}

// orphans lists sidecars that are about no recording.
func (r *treeReader) orphans() error {
	under := map[string][]Name{} // the recordings in a folder and those below it
	for _, rec := range r.tree.Recordings() {
		for _, dir := range levels(rec.Path) {
			under[dir] = append(under[dir], rec.Name)
		}
	}
	for _, s := range r.sidecars {
		about := slices.ContainsFunc(under[path.Dir(s.rel)], func(rec Name) bool {
			return s.name.applies(rec) && (!slices.Contains(datatypes, s.name.Suffix) || s.name.Suffix == rec.Suffix)
		})
		if !about {
			r.deviate(s.rel, "a sidecar is about a recording, whose name it has or the begin of it", "no such recording", "passed over")
		}
	}
	return nil
}

// listed compares the subjects with participants.tsv.
func (r *treeReader) listed() error {
	t := r.tree.Participants
	if t == nil || t.Column(ParticipantID) < 0 {
		return nil
	}
	seen := map[string]bool{}
	for row := range t.Len() {
		id, _ := t.Cell(row, ParticipantID)
		where := fmt.Sprintf("participants.tsv: line %d", t.Line(row))
		label := strings.TrimPrefix(id, "sub-")
		switch {
		case label == id:
			r.deviate(where, "a participant_id such as sub-01", fmt.Sprintf("%q", id), "nothing")
		case seen[id]:
			r.deviate(where, "each participant once", id+" again", "the first row")
		case !slices.ContainsFunc(r.tree.Subjects, func(s Subject) bool { return s.Label == label }):
			r.deviate(where, "participants that have a folder", id+" has none", "nothing")
		}
		seen[id] = true
	}
	for _, s := range r.tree.Subjects {
		if !seen["sub-"+s.Label] {
			r.deviate(ParticipantsFile, "a row for each subject", "none for sub-"+s.Label, "nothing is known about the subject")
		}
	}
	return nil
}

// derivatives finds the trees in the folder derivatives: those that have a description.
func (r *treeReader) derivatives() error {
	entries, err := r.list("derivatives")
	if err != nil {
		return err
	}
	for _, e := range entries {
		dir := "derivatives/" + e.Name()
		if st, err := fs.Stat(r.fsys, r.path(path.Join(dir, DescriptionFile))); err == nil && !st.IsDir() {
			r.tree.Derivatives = append(r.tree.Derivatives, dir)
		}
	}
	return nil
}
