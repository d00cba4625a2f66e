package bids

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/atomicfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// NameError says that recordings cannot be written under the names that were chosen for them.
type NameError struct{ Err error }

// Error is the reason.
func (e *NameError) Error() string { return e.Err.Error() }

// Unwrap is the reason.
func (e *NameError) Unwrap() error { return e.Err }

// misnamed is a NameError.
func misnamed(format string, args ...any) error { return &NameError{fmt.Errorf(format, args...)} }

// check looks whether all items can be written, before anything is read or written.
func (w *treeWriter) check(items []Item) error {
	if w.opt.Derivative != "" {
		if strings.ContainsAny(w.opt.Derivative, `/\:`) || strings.HasPrefix(w.opt.Derivative, ".") {
			return misnamed("the derivative is called %q, must be the name of a folder", w.opt.Derivative)
		}
		if err := CheckLabel("desc", w.opt.Desc); err != nil {
			return misnamed("a derivative needs a label: %w", err)
		}
	} else if w.opt.Desc != "" {
		return misnamed("only a derivative has a desc: name it as well")
	}
	if i := slices.IndexFunc(items, func(it Item) bool { return it.From != nil }); i >= 0 {
		w.source = items[i].From
	}
	if err := w.look(); err != nil {
		return err
	}
	seen := map[string]string{}
	var names []Name
	for i := range items {
		it := &items[i]
		name, err := ParseName(it.Name.With("desc", w.opt.Desc).File("eeg", ".edf").String()) // in the order of the specification
		if err == nil {
			err = name.Check()
		}
		if err != nil {
			return misnamed("%s: %w", it.Input, err)
		}
		it.Name = name
		if it.Name.Get("task") == "" {
			return misnamed("%s: a recording of EEG is of a task: name one, such as rest", it.Input)
		}
		key := same(it.Name)
		if other, taken := seen[key]; taken {
			return misnamed("%s and %s would both be %s: give them different subjects, sessions or runs; --run 1 counts them in the order given", other, it.Input, strings.TrimSuffix(it.Name.String(), "_eeg.edf"))
		}
		seen[key] = it.Input
		names = append(names, it.Name)
		old, err := w.there(it.Name)
		if err != nil {
			return err
		}
		if len(old) > 0 && !w.opt.Force {
			return &ExistsError{filepath.Join(filepath.Dir(w.in(it.Name)), old[max(0, slices.IndexFunc(old, isData))])}
		}
	}
	return w.lend(names)
}

// lend refuses names of which one has all that the other has, and less: its sidecars would be about the other recording as
// well, and there must be one (BIDS 1.10, "The inheritance principle").
func (w *treeWriter) lend(names []Name) error {
	listed := map[string][]Name{}
	for _, n := range names {
		dir := filepath.Dir(w.in(n))
		if _, done := listed[dir]; !done {
			entries, err := os.ReadDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			listed[dir] = []Name{}
			for _, e := range entries {
				if m, err := ParseName(e.Name()); err == nil && m.Suffix == "eeg" && isData(e.Name()) {
					listed[dir] = append(listed[dir], m)
				}
			}
		}
		for _, m := range listed[dir] {
			if same(m) != same(n) && (m.applies(n) || n.applies(m)) {
				return misnamed("%s beside %s: what is said of the one would be said of the other too, since its name has all that the other has: give both a run, or both an acq",
					strings.TrimSuffix(n.String(), n.Ext), strings.TrimSuffix(m.String(), m.Ext))
			}
		}
		listed[dir] = append(listed[dir], n)
	}
	return nil
}

// same is equal for names that mean the same recording: run-1 and run-01 do, and some file systems do not tell a from A.
func same(n Name) string {
	n = n.File("", "")
	if run := n.Get("run"); run != "" {
		if run = strings.TrimLeft(run, "0"); run == "" {
			run = "0"
		}
		n = n.With("run", run)
	}
	return strings.ToLower(n.String())
}

// look sees what is at the root.
func (w *treeWriter) look() error {
	list, err := os.ReadDir(w.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return misnamed("%s: a tree is a folder: %w", w.root, err)
	}
	file := filepath.Join(w.root, DescriptionFile)
	data, err := readIfThere(file)
	if err != nil {
		return err
	}
	if data == nil {
		for _, e := range list {
			if e.Name() != "derivatives" { // which may lie in a tree that comes later
				return misnamed("%s is no BIDS tree, since it has no %s, and is not empty: name a tree, or a new folder", w.root, DescriptionFile)
			}
		}
		return nil
	}
	s, err := ReadSidecar(data, file)
	if err != nil {
		return err
	}
	d, errs := ReadDescription(s)
	if len(errs) > 0 {
		return fmt.Errorf("%s: %w", file, errors.Join(errs...))
	}
	if is, want := kindOfTree(d), kindOfTree(w.describes()); is != want {
		return misnamed("%s is of the type %s, and what is written is %s: name another folder", w.root, is, want)
	}
	w.old = &d
	return w.textsThere()
}

func kindOfTree(d Description) string {
	if d.DatasetType == "" {
		return Raw
	}
	return d.DatasetType
}

// treeName is the name of the folder of a tree.
func treeName(root string) string {
	full, err := filepath.Abs(root)
	if err != nil {
		full = root
	}
	if name := filepath.Base(full); name != "." && name != string(filepath.Separator) {
		return name
	}
	return "recordings"
}

// there lists the files of a recording that are in the tree, whatever their endings.
func (w *treeWriter) there(n Name) ([]string, error) {
	list, err := os.ReadDir(filepath.Dir(w.in(n)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var out []string
	for _, e := range list {
		if other, err := ParseName(e.Name()); err == nil && slices.Contains([]string{"eeg", "channels", "events"}, other.Suffix) && same(other) == same(n) {
			out = append(out, e.Name())
		}
	}
	return out, err
}

// isData says whether a file of a recording is the one with its samples.
func isData(base string) bool {
	n, err := ParseName(base)
	return err == nil && slices.Contains(endings[n.Suffix], n.Ext)
}

// finish writes what describes the tree as a whole, in front of the recordings, so that it appears last.
func (w *treeWriter) finish() error {
	var set atomicfile.Set
	err := w.describe(&set)
	for _, e := range w.done {
		if err == nil {
			err = w.replace(e.name)
		}
	}
	set.Join(&w.set)
	w.set = set
	return err
}

// replace lets go what is left of a recording that n takes the place of.
func (w *treeWriter) replace(n Name) error {
	old, err := w.there(n)
	if err != nil {
		return err
	}
	for _, base := range old {
		w.set.Remove(filepath.Join(filepath.Dir(w.in(n)), base))
	}
	return nil
}

// describe writes the files of the root and the tables.
func (w *treeWriter) describe(set *atomicfile.Set) error {
	d := w.description()
	s, err := d.Sidecar()
	if err != nil {
		return err
	}
	if s, err = w.hed(s); err != nil {
		return err
	}
	if err := w.put(set, filepath.Join(w.root, DescriptionFile), s.Write); err != nil {
		return err
	}
	if err := w.putTexts(set, d); err != nil || w.opt.Derivative != "" {
		return err // whose participants and scans are those of its source
	}
	if err := w.participants(set); err != nil {
		return err
	}
	return w.scans(set)
}

// hed is a description with the version of the HED strings that are handed on, which must be one.
func (w *treeWriter) hed(s Sidecar) (Sidecar, error) {
	const field = "HEDVersion"
	for _, e := range w.done {
		raw := e.item.HEDVersion
		if raw == nil || !e.item.Said.hasHED() {
			continue
		}
		switch have := s.Raw(field); {
		case have == nil:
			if err := s.Set(field, raw); err != nil {
				return s, err
			}
		case compact(have) != compact(raw):
			return s, fmt.Errorf("%s: its HED strings are of version %s, those of the tree %s are of %s: bring them to one version first", e.item.Input, raw, w.root, have)
		}
	}
	return s, nil
}

// hasHED says whether events have HED strings.
func (s *Sidecars) hasHED() bool {
	if s.Events != nil && s.Events.Column("HED") >= 0 {
		return true
	}
	return slices.ContainsFunc(s.EventsAbout.fields, func(f field) bool { return bytes.Contains(f.value, []byte(`"HED"`)) })
}

// compact is JSON without spaces.
func compact(raw json.RawMessage) string {
	var b bytes.Buffer
	if err := json.Compact(&b, raw); err != nil {
		return string(raw)
	}
	return b.String()
}

// table reads a table of the tree, with columns where it is not there.
func table(file string, columns ...string) (*Table, error) {
	data, err := readIfThere(file)
	if err != nil || data == nil {
		return &Table{Columns: columns}, err
	}
	t, _, err := ReadTable(data, file)
	if err != nil {
		return nil, err
	}
	if t.Column(columns[0]) < 0 {
		return nil, fmt.Errorf("%s has no column %s, so that nothing can be added to it: mend or remove it", file, columns[0])
	}
	return t, nil
}

// clash is a cell that is there already and says something else than what was to be written.
type clash struct{ column, has, other string }

// merge puts a row into t: into the one that has the same first cell, where what is there already stays unless it is n/a, or
// as a new one. clashes are the cells that stay although the row has something else.
func (t *Table) merge(cells [][2]string) (clashes []clash) {
	for row, has := range t.Rows() {
		if has[t.Column(cells[0][0])] != cells[0][1] {
			continue
		}
		for _, c := range cells[1:] {
			t.column(c[0])
			switch cell := &t.rows[row][t.Column(c[0])]; {
			case *cell == Missing:
				*cell = c[1]
			case c[1] != Missing && c[1] != *cell:
				clashes = append(clashes, clash{c[0], *cell, c[1]})
			}
		}
		return clashes
	}
	t.Add(cells...)
	return nil
}

// besides is a row without some of its columns.
func besides(row [][2]string, columns ...string) [][2]string {
	return slices.DeleteFunc(slices.Clone(row), func(c [2]string) bool { return slices.Contains(columns, c[0]) })
}

// column adds a column unless it is there.
func (t *Table) column(name string) {
	if t.Column(name) < 0 {
		rows := t.Rows()
		t.Columns = append(t.Columns, name)
		for k := range rows {
			rows[k] = append(rows[k], Missing)
		}
	}
}

// people is what the files about the participants will say.
type people struct {
	table *Table
	about Sidecar            // what the columns are
	told  []signal.Deviation // what they do not say, since they say something else
}

// readPeople reads what the tree says of its participants.
func (w *treeWriter) readPeople() (*people, error) {
	t, err := table(filepath.Join(w.root, ParticipantsFile), ParticipantID)
	if err != nil {
		return nil, err
	}
	p := &people{table: t}
	file := filepath.Join(w.root, ParticipantsAboutFile)
	data, err := readIfThere(file)
	if err != nil {
		return nil, err
	}
	if data != nil {
		if p.about, err = ReadSidecar(data, file); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// participant adds the subject of a recording to participants.tsv and participants.json. What is there already stays, and each
// place where the input says something else is a loss, listed once.
func (w *treeWriter) participant(it Item) (losses []signal.Deviation, err error) {
	if w.opt.Derivative != "" {
		return nil, nil // whose participants are those of its source
	}
	if w.people == nil {
		if w.people, err = w.readPeople(); err != nil {
			return nil, err
		}
	}
	p := w.people
	lose := func(where, rule, found, assumed string) {
		d := signal.Deviation{Where: where, Rule: rule, Found: found, Assumed: assumed}
		if !slices.Contains(p.told, d) {
			p.told, losses = append(p.told, d), append(losses, d)
		}
	}
	id := "sub-" + it.Name.Get("sub")
	for _, c := range p.table.merge(append([][2]string{{ParticipantID, id}}, besides(it.Participant, ParticipantID)...)) {
		lose(fmt.Sprintf("%s: %s, column %s", ParticipantsFile, id, c.column), "what the tree says of a participant stays",
			fmt.Sprintf("%q in the input, %q in the tree", c.other, c.has), fmt.Sprintf("%q stays", c.has))
	}
	for _, key := range it.ParticipantsAbout.Keys() {
		has, other := p.about.Raw(key), it.ParticipantsAbout.Raw(key)
		if key != ParticipantID && has != nil && compact(has) != compact(other) {
			lose(ParticipantsAboutFile+": "+key, "what the tree says of a column stays", fmt.Sprintf("%.200s in the input, %.200s in the tree", compact(other), compact(has)), "that of the tree stays")
		}
	}
	p.about = p.about.Over(it.ParticipantsAbout)
	return losses, nil
}

// participants writes participants.tsv, and participants.json, which says what its columns are.
func (w *treeWriter) participants(set *atomicfile.Set) error {
	p := w.people
	var own Sidecar
	if err := own.Set(ParticipantID, column{Description: "The label of the subject, as in the names of the folders."}); err != nil {
		return err
	}
	i := p.table.Column(ParticipantID)
	slices.SortStableFunc(p.table.Rows(), func(a, b []string) int { return strings.Compare(a[i], b[i]) })
	if err := w.put(set, filepath.Join(w.root, ParticipantsFile), p.table.Write); err != nil {
		return err
	}
	return w.put(set, filepath.Join(w.root, ParticipantsAboutFile), p.about.Over(own).Write)
}

// scans adds the recordings to the table of each session.
func (w *treeWriter) scans(set *atomicfile.Set) error {
	var files []string
	tables := map[string]*Table{}
	for _, e := range w.done {
		base := Name{}.With("sub", e.name.Get("sub")).With("ses", e.name.Get("ses")).File("scans", ".tsv").String()
		file := filepath.Join(w.root, filepath.FromSlash(e.name.Folder()), base)
		t := tables[file]
		if t == nil {
			var err error
			if t, err = table(file, "filename", "acq_time"); err != nil {
				return err
			}
			files, tables[file] = append(files, file), t
		}
		i := t.Column("filename")
		t.rows = slices.DeleteFunc(t.Rows(), func(row []string) bool { // of what is replaced
			other, err := ParseName(path.Base(row[i]))
			return err == nil && other.Suffix == "eeg" && same(other) == same(e.name)
		})
		t.merge(append([][2]string{{"filename", "eeg/" + e.name.String()}, {"acq_time", e.acquired}}, besides(e.item.Scan, "filename", "acq_time")...))
	}
	for _, file := range files {
		t := tables[file]
		slices.SortStableFunc(t.Rows(), func(a, b []string) int { return strings.Compare(a[t.Column("filename")], b[t.Column("filename")]) })
		if err := w.put(set, file, t.Write); err != nil {
			return err
		}
	}
	return nil
}

// column is what a sidecar says of a column of a table.
type column struct {
	LongName    string            `json:"LongName,omitempty"`
	Description string            `json:"Description"`
	Units       string            `json:"Units,omitempty"`
	Levels      map[string]string `json:"Levels,omitempty"`    // what values stand for
	Delimiter   string            `json:"Delimiter,omitempty"` // between several values in one cell
}
