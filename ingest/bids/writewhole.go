package bids

import (
	"cmp"
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

const readme, changes = "README", "CHANGES"

// rootTexts are the files at the root that are handed on to a tree that has none of the name, whatever their endings.
var rootTexts = []string{readme, changes, "LICENSE", "CITATION"}

// rootText is the one of them that a file at the root of a tree is, "" for others.
func rootText(base string) string {
	if stem := strings.TrimSuffix(base, path.Ext(base)); slices.Contains(rootTexts, stem) {
		return stem
	}
	return ""
}

// IsRootText says whether a file at the root of a tree is one of those that Write hands on, or says that it does not: README,
// CHANGES, LICENSE and CITATION.
func IsRootText(base string) bool { return rootText(base) != "" }

// placeholder begins what a README says that nobody has written yet.
const placeholder = "What only you know belongs here, in place of this paragraph"

// text is a file at the root of the tree.
type text struct {
	stem, name string // "README", "README.md"
	content    []byte
	unread     bool  // it cannot be read, such as a link to what was not fetched
	from       *Tree // nil for what is there already
}

// textsOf are those at a root: of what is there already all, and of an input those that can be read.
func textsOf(fsys fs.FS, root string, from *Tree) (all []text, err error) {
	entries, err := fs.ReadDir(fsys, root)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		file := path.Join(root, e.Name())
		st, err := fs.Stat(fsys, file)
		stem := rootText(e.Name())
		if from == nil { // some file systems do not tell readme from README
			stem = rootText(strings.ToUpper(e.Name()))
		}
		if stem == "" {
			continue
		}
		t := text{stem: stem, name: e.Name(), unread: err != nil || !st.Mode().IsRegular(), from: from}
		if !t.unread {
			t.content, err = fs.ReadFile(fsys, file)
			if t.unread = err != nil; t.unread && from != nil {
				return nil, err
			}
		}
		if from == nil || !t.unread {
			all = append(all, t)
		}
	}
	return all, nil
}

// whole takes over what an input says of a tree as a whole, once for each tree and once for what is in none. What the tree says of
// itself stays. Where the input says something else that is a loss, but a note for texts that say nothing of the recordings.
func (w *treeWriter) whole(it Item) (losses, notes []signal.Deviation, err error) {
	from := it.From
	if w.opt.Derivative != "" || slices.Contains(w.seen, from) {
		return nil, nil, nil
	}
	w.seen = append(w.seen, from)
	losses, err = w.overruled(from)
	if err != nil || from == nil {
		return losses, nil, err
	}
	texts, err := textsOf(from.FS, from.Root, from)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range texts {
		is := func(o text) bool { return o.stem == t.stem }
		i := slices.IndexFunc(w.texts, is)
		same := slices.ContainsFunc(w.texts, func(o text) bool { return is(o) && !o.unread && string(o.content) == string(t.content) })
		switch {
		case i < 0 || w.texts[i].from == from: // a tree may have README and README.md
			w.texts = append(w.texts, t)
		case same || t.stem == readme && strings.Contains(string(t.content), placeholder):
		default:
			d := signal.Deviation{Where: t.name, Rule: wholeStays, Found: fmt.Sprintf("%d bytes of other text in the input than the tree has in %s", len(t.content), w.texts[i].name), Assumed: "that of the tree stays"}
			if w.texts[i].unread {
				d.Found = fmt.Sprintf("%d bytes in the input, and the tree has %s, which cannot be read", len(t.content), w.texts[i].name)
			}
			if t.stem == readme {
				losses = append(losses, d)
			} else {
				notes = append(notes, d)
			}
		}
	}
	return losses, notes, nil
}

const wholeStays = "what the tree says of itself stays"

// overruled lists the fields of the description of an input that the tree does not take over.
func (w *treeWriter) overruled(from *Tree) (losses []signal.Deviation, err error) {
	said, err := w.said(from).Sidecar()
	if err != nil {
		return nil, err
	}
	have, err := w.description().Sidecar()
	if err != nil {
		return nil, err
	}
	// These are of the tree itself, GeneratedBy is joined, and HEDVersion goes with the strings.
	for _, key := range said.without([]string{"BIDSVersion", "DatasetType", "GeneratedBy", "HEDVersion"}).Keys() {
		d := signal.Deviation{Where: DescriptionFile + ": " + key, Rule: wholeStays, Assumed: "that of the tree stays"}
		switch other, has := compact(said.Raw(key)), have.Raw(key); {
		case has == nil:
			d.Found, d.Assumed = fmt.Sprintf("%.200s in the input, none in the tree", other), "not taken over"
		case compact(has) != other:
			d.Found = fmt.Sprintf("%.200s in the input, %.200s in the tree", other, compact(has))
		default:
			continue
		}
		losses = append(losses, d)
	}
	return losses, nil
}

// said is what an input says of the tree that it comes from, as another tree says it; nil stands for inputs that come from none.
func (w *treeWriter) said(from *Tree) Description {
	if from == nil {
		return w.opt.About
	}
	d := from.Description
	var doi string
	if _, err := d.Rest.Get("DatasetDOI", &doi); err == nil && doi != "" { // which is that of the source
		d.SourceDatasets = append(slices.Clone(d.SourceDatasets), SourceDataset{DOI: doi})
	}
	d.Rest = d.Rest.without([]string{"DatasetDOI"})
	return d
}

// describes is the description of a new tree.
func (w *treeWriter) describes() Description {
	if w.opt.Derivative != "" {
		return Description{
			Name: w.opt.Derivative, BIDSVersion: Version, DatasetType: Derivative,
			SourceDatasets: []SourceDataset{{URL: "../.."}}, // from derivatives/NAME
		}
	}
	d := w.said(w.source)
	d.Name, d.BIDSVersion, d.DatasetType = cmp.Or(d.Name, treeName(w.root)), Version, Raw
	return d
}

// description is what the tree says of itself, with all programs that made it, this one among them.
func (w *treeWriter) description() Description {
	d := w.describes()
	if w.old != nil {
		d = *w.old
		d.BIDSVersion = cmp.Or(d.BIDSVersion, Version)
	}
	var by []Generator // that come in
	for _, from := range w.seen {
		if from != nil {
			by = append(by, from.Description.GeneratedBy...)
		}
	}
	d.GeneratedBy = slices.Clone(d.GeneratedBy)
	for _, g := range append(by, w.opt.Generator) {
		if !slices.ContainsFunc(d.GeneratedBy, g.same) {
			d.GeneratedBy = append(d.GeneratedBy, g)
		}
	}
	return d
}

// putTexts writes README, CHANGES and the others where the tree has none: those of the inputs, or new ones.
func (w *treeWriter) putTexts(set *atomicfile.Set, d Description) error {
	there := map[string]bool{}
	for _, t := range w.texts {
		if there[t.stem] = true; t.from == nil {
			continue
		}
		if err := w.putText(set, filepath.Join(w.root, t.name), string(t.content)); err != nil {
			return err
		}
	}
	by := strings.TrimSpace(w.opt.Generator.Name + " " + w.opt.Generator.Version)
	if !there[readme] {
		text := fmt.Sprintf("# %s\n\nEEG recordings in the Brain Imaging Data Structure (BIDS %s), converted by %s.\n\n"+
			placeholder+": what was measured and from whom, with which equipment,\n"+
			"what the participants did, who may use the data and under which licence, and whom to ask or to cite.\n", d.Name, d.BIDSVersion, by)
		if err := w.putText(set, filepath.Join(w.root, readme), text); err != nil {
			return err
		}
	}
	if !there[changes] && w.opt.Date != "" {
		return w.putText(set, filepath.Join(w.root, changes), fmt.Sprintf("1.0.0 %s\n  - First version, written by %s.\n", w.opt.Date, by))
	}
	return nil
}

// textsThere are those that the tree has already.
func (w *treeWriter) textsThere() (err error) {
	w.texts, err = textsOf(os.DirFS(w.root), ".", nil)
	return err
}
