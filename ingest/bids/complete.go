package bids

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.RegisterCompanion(ingest.Companion{Name: "bids", Complete: Complete})
}

// withSidecars stands behind the format of a recording that Complete has changed.
const withSidecars = " with BIDS"

// datatypes are the folders that recordings lie in, and the suffixes of their names.
var datatypes = []string{"eeg", "ieeg", "meg"}

// maxAbove is how many folders above a recording are looked at for the root of a tree.
const maxAbove = 8

// locate finds the tree that the file called name lies in: the folder above sub-<label>/[ses-<label>/]eeg, or the nearest one
// with a dataset_description.json. ok is false where the name is not one of a recording, or there is no tree.
func locate(fsys fs.FS, name string) (root, rel string, n Name, ok bool) {
	n, err := ParseName(path.Base(name))
	if err != nil || !slices.Contains(datatypes, n.Suffix) || n.Get("sub") == "" || n.Ext == "" || n.Ext == ".json" || strings.HasPrefix(n.Ext, ".tsv") {
		return "", "", Name{}, false
	}
	dir := path.Dir(name)
	up := path.Dir(dir)
	if strings.HasPrefix(path.Base(up), "ses-") {
		up = path.Dir(up)
	}
	if slices.Contains(datatypes, path.Base(dir)) && strings.HasPrefix(path.Base(up), "sub-") {
		root = path.Dir(up)
		return root, below(root, name), n, true
	}
	for range maxAbove {
		if st, err := fs.Stat(fsys, path.Join(dir, DescriptionFile)); err == nil && !st.IsDir() {
			return dir, below(dir, name), n, true
		}
		up := path.Dir(dir)
		if up == dir {
			break
		}
		dir = up
	}
	return "", "", Name{}, false
}

// below is name, which lies in root, without it.
func below(root, name string) string {
	if root == "." {
		return path.Clean(name)
	}
	return strings.TrimPrefix(strings.TrimPrefix(path.Clean(name), root), "/")
}

// FindSidecars reads what is said beside the recording called name, which may lie in a tree or not: ok says whether it does.
func FindSidecars(fsys fs.FS, name string) (s *Sidecars, deviations []signal.Deviation, ok bool, err error) {
	root, rel, n, ok := locate(fsys, name)
	if !ok {
		return nil, nil, false, nil
	}
	s, deviations, err = newFolder(fsys, root).sidecars(rel, n)
	return s, deviations, true, err
}

// Complete changes rec, the file called name in fsys, to what the sidecars of its tree say, where it lies in one: types,
// units, states and positions of channels, events, reference, begin. Every place where they say something else than the
// recording itself, and where they break the specification, is added to its Deviations. It is what ingest.Open does for every
// recording where this package is linked.
func Complete(fsys fs.FS, name string, rec *signal.Recording) error {
	root, rel, n, ok := locate(fsys, name)
	if !ok {
		return nil
	}
	f := newFolder(fsys, root)
	s, deviations, err := f.sidecars(rel, n)
	if err != nil {
		return err
	}
	rec.Format += withSidecars
	rec.Deviations = append(rec.Deviations, deviations...)
	rec.Deviations = append(rec.Deviations, placeProblems(rel, n)...)
	c := &completion{rec: rec, rel: rel, in: s, header: rec.Info.Reference}
	if err := c.channels(); err != nil {
		return err
	}
	c.electrodes(n.Suffix)
	c.about(n.Suffix)
	c.absent(n)
	c.events()
	if err := c.scans(f, n); err != nil {
		return err
	}
	if err := c.participant(f, n); err != nil {
		return err
	}
	for _, file := range s.Files {
		rec.Parts = append(rec.Parts, f.path(file))
	}
	return nil
}

// endings are those that a recording may have (BIDS 1.10, the formats of EEG, iEEG and MEG), in folders by their datatype.
var endings = map[string][]string{
	"eeg":  {".edf", ".bdf", ".vhdr", ".set"},
	"ieeg": {".edf", ".vhdr", ".set", ".mefd", ".nwb"},
	"meg":  {".fif", ".ds", ".sqd", ".con", ".kdf", ".chn", ".trg", ".raw", ".raw.mhd", ".mefd"},
}

// companionEndings are of the files that belong to a recording of the same name.
var companionEndings = []string{".vmrk", ".eeg", ".fdt", ".pos"}

// placeProblems is where the name of a recording, and the folders it lies in, break the specification.
func placeProblems(rel string, n Name) []signal.Deviation {
	out := n.Problems(rel)
	add := func(rule, found string) {
		out = append(out, signal.Deviation{Where: rel + ": name", Rule: rule, Found: found, Assumed: "what the name says"})
	}
	if n.Get("task") == "" {
		add("a task in the name of a recording", "none")
	}
	dir := path.Dir(rel)
	if want := n.Folder() + "/" + n.Suffix; dir != want {
		add("a file in the folder "+want, "in "+dir)
	}
	if !slices.Contains(endings[n.Suffix], n.Ext) {
		add("an ending of "+strings.Join(endings[n.Suffix], ", "), n.Ext)
	}
	return out
}

// absent lists the tables that are recommended and not there.
func (c *completion) absent(n Name) {
	if c.in.Channels == nil && c.in.ChannelsFile == "" {
		c.deviate(c.rel, "a _channels.tsv for it", "none", "what the header of the recording says")
	}
	resting := strings.HasPrefix(strings.ToLower(n.Get("task")), "rest") || n.Get("sub") == "emptyroom"
	if c.in.Events == nil && c.in.EventsFile == "" && !resting && len(c.rec.Events) > 0 {
		c.deviate(c.rel, "an _events.tsv for it, as its task is not rest", "none", fmt.Sprintf("the %d events that the recording has itself", len(c.rec.Events)))
	}
}

// scans takes over when the recording began (BIDS 1.10, "Scans file").
func (c *completion) scans(f *folder, n Name) error {
	folder := n.Folder()
	file := path.Join(folder, strings.ReplaceAll(folder, "/", "_")+"_scans.tsv")
	if there, err := f.has(file); err != nil || !there {
		return err
	}
	t, deviations, err := f.table(file)
	c.rec.Deviations = append(c.rec.Deviations, deviations...)
	if err != nil || t == nil {
		return err
	}
	c.in.Files = append(c.in.Files, file)
	mine := below(folder, c.rel)
	row := t.find("filename", func(cell string) bool { return sameRecording(cell, mine) })
	if row < 0 {
		c.deviate(file, "a row for each recording", "none for "+mine, "the begin that the recording has itself")
		return nil
	}
	text, ok := t.Cell(row, "acq_time")
	if !ok {
		return nil
	}
	where := fmt.Sprintf("%s: line %d, column acq_time", file, t.Line(row))
	at, err := begun(text)
	if err != nil {
		c.deviate(where, "a date and a time, as 2009-06-15T13:45:30, or n/a", fmt.Sprintf("%q", text), "the begin that the recording has itself")
		return nil //nolint:nilerr // it is listed
	}
	was := c.rec.Begin
	if d := at.Sub(was); !was.IsZero() && d > -time.Second && d < time.Second {
		return nil // the same, written with fewer digits here or there
	}
	if !was.IsZero() {
		c.deviate(where, "the begin that the recording has itself, "+was.UTC().Format(time.RFC3339Nano), text, "the table")
	}
	for _, r := range append([]*signal.Recording{c.rec}, c.rec.Others...) {
		r.Begin = at
	}
	return nil
}

// sameRecording says whether two names are of one recording: any file of a BrainVision triplet stands for it.
func sameRecording(a, b string) bool {
	triplet := func(name string) bool {
		return slices.Contains([]string{".vhdr", ".vmrk", ".eeg"}, path.Ext(name))
	}
	return a == b || triplet(a) && triplet(b) && strings.TrimSuffix(a, path.Ext(a)) == strings.TrimSuffix(b, path.Ext(b))
}

// begun reads a time, which without Z is the local time of the laboratory: gyrus calls that UTC, as for the formats of
// files that know no other.
func begun(text string) (time.Time, error) {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		at, err = time.Parse("2006-01-02T15:04:05", text) // also with a fraction
	}
	return at.UTC(), err
}

// The files about the participants, and the column of the first that says whose row it is (BIDS 1.10, "Participants file").
const (
	ParticipantsFile      = "participants.tsv"
	ParticipantsAboutFile = "participants.json"
	ParticipantID         = "participant_id"
)

// participant keeps what participants.tsv says about who was recorded.
func (c *completion) participant(f *folder, n Name) error {
	const file = ParticipantsFile
	if there, err := f.has(file); err != nil || !there {
		return err
	}
	t, deviations, err := f.table(file)
	c.rec.Deviations = append(c.rec.Deviations, deviations...)
	if err != nil || t == nil {
		return err
	}
	c.in.Files = append(c.in.Files, file)
	sub := "sub-" + n.Get("sub")
	row := t.find(ParticipantID, func(cell string) bool { return cell == sub })
	if row < 0 {
		c.deviate(file, "a row for each subject", "none for "+sub, "nothing is known about the subject")
		return nil
	}
	for k, column := range t.Columns {
		if text := t.At(row, k); text != Missing && column != ParticipantID {
			c.rec.Texts = append(c.rec.Texts, signal.Text{Field: file + ": " + column, Text: text, Personal: true})
		}
	}
	return nil
}

// has says whether there is a file of that name.
func (f *folder) has(rel string) (bool, error) {
	entries, err := f.list(path.Dir(rel))
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == path.Base(rel) }), nil
}
