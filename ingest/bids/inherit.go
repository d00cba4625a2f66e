package bids

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// applies says whether a file called n, at the level of a recording or above, is about the recording: all entities that it has
// are the recording's too (BIDS 1.10, "The inheritance principle"). Of electrodes and their coordinate systems there may be
// several, told apart by space.
func (n Name) applies(recording Name) bool {
	for _, e := range n.Entities {
		if e.Key == "space" && (n.Suffix == "electrodes" || n.Suffix == "coordsystem") {
			continue
		}
		if recording.Get(e.Key) != e.Value {
			return false
		}
	}
	return true
}

// levels are the folders from the root to the one of rel.
func levels(rel string) []string {
	all := []string{"."}
	dir := path.Dir(rel)
	for i, c := range dir {
		if c == '/' {
			all = append(all, dir[:i])
		}
	}
	if dir != "." {
		all = append(all, dir)
	}
	return all
}

// found is a sidecar by its path below the root and its name.
type found struct {
	rel  string
	name Name
}

// find lists the sidecars of a suffix and an ending that apply to the recording called rel, the least specific first: one of
// each folder, and in it, of each space. Where two apply in one folder that is a deviation, and the one with more entities
// counts.
func (f *folder) find(rel string, recording Name, suffix, ext string) (all []found, deviations []signal.Deviation, err error) {
	for _, dir := range levels(rel) {
		entries, err := f.list(dir)
		if err != nil {
			return nil, nil, err
		}
		spaces := map[string][]found{}
		for _, e := range entries {
			if !strings.HasSuffix(e.Name(), "_"+suffix+ext) {
				continue
			}
			n, err := ParseName(e.Name())
			if err != nil || n.Suffix != suffix || n.Ext != ext || !n.applies(recording) {
				continue
			}
			space := n.Get("space")
			spaces[space] = append(spaces[space], found{path.Join(dir, e.Name()), n})
		}
		for _, space := range sortedKeys(spaces) {
			these := spaces[space]
			slices.SortStableFunc(these, func(a, b found) int { return len(b.name.Entities) - len(a.name.Entities) })
			if len(these) > 1 {
				deviations = append(deviations, signal.Deviation{
					Where: rel, Rule: fmt.Sprintf("one _%s%s for it in each folder", suffix, ext),
					Found: fmt.Sprintf("%s and %s", these[0].rel, these[1].rel), Assumed: these[0].rel,
				})
			}
			all = append(all, these[0])
		}
	}
	return all, deviations, nil
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// Sidecars is what the files beside a recording say.
type Sidecars struct {
	About    Sidecar // _eeg.json, _ieeg.json or _meg.json, those of folders above merged in
	Channels *Table  // nil where there is none, like the others
	Events   *Table
	// Electrodes is the one of the most specific folder; where there are several, of different spaces, that whose frame leads
	// to the head.
	Electrodes  *Table
	Coordsystem Sidecar // of Electrodes
	// Elsewhere are the same electrodes in other spaces, which nothing but a tree that is written of this one needs.
	Elsewhere []Space
	// EventsAbout is _events.json: levels and HED of the columns. The other two are alike.
	ChannelsAbout, EventsAbout, ElectrodesAbout Sidecar
	// The files that these come from, below the root; of About, the most specific.
	AboutFile, ChannelsFile, EventsFile, ElectrodesFile, CoordsystemFile string
	Files                                                                []string // all that were read
}

// Space is where electrodes are in one system of coordinates.
type Space struct {
	Electrodes         *Table
	Coordsystem, About Sidecar // the system, and what the columns of the table are
	File               string  // of the table, below the root
}

// sidecars reads what applies to the recording called rel.
func (f *folder) sidecars(rel string, recording Name) (*Sidecars, []signal.Deviation, error) {
	r := sidecarReader{folder: f, rel: rel, recording: recording, out: &Sidecars{}}
	r.out.AboutFile = r.about(recording.Suffix, &r.out.About)
	r.table("channels", &r.out.Channels, &r.out.ChannelsFile)
	r.about("channels", &r.out.ChannelsAbout)
	r.table("events", &r.out.Events, &r.out.EventsFile)
	r.about("events", &r.out.EventsAbout)
	r.electrodes()
	return r.out, r.deviations, r.err
}

// sidecarReader reads one kind of sidecar after the other, until an error.
type sidecarReader struct {
	*folder
	rel        string
	recording  Name
	out        *Sidecars
	deviations []signal.Deviation
	err        error
}

// all finds the sidecars of one kind.
func (r *sidecarReader) all(suffix, ext string) []found {
	if r.err != nil {
		return nil
	}
	files, deviations, err := r.find(r.rel, r.recording, suffix, ext)
	r.deviations, r.err = append(r.deviations, deviations...), err
	return files
}

// about merges the JSON files of one suffix, and says which is the most specific.
func (r *sidecarReader) about(suffix string, into *Sidecar) (file string) {
	return r.merge(r.all(suffix, ".json"), into)
}

func (r *sidecarReader) merge(files []found, into *Sidecar) (file string) {
	for _, f := range files {
		if s, ok := r.json(f.rel); ok {
			*into, file = s.Over(*into), f.rel
		}
	}
	return file
}

func (r *sidecarReader) json(rel string) (Sidecar, bool) {
	s, ok, deviations, err := r.sidecar(rel)
	r.note(rel, ok, deviations, err)
	return s, ok
}

// table reads the most specific of the tables of one suffix.
func (r *sidecarReader) table(suffix string, into **Table, file *string) {
	files := r.all(suffix, ".tsv")
	if len(files) == 0 {
		return
	}
	*file = files[len(files)-1].rel
	*into = r.tsv(*file)
}

func (r *sidecarReader) tsv(rel string) *Table {
	t, deviations, err := r.folder.table(rel)
	r.note(rel, t != nil, deviations, err)
	return t
}

// note takes down what reading a file has brought.
func (r *sidecarReader) note(rel string, read bool, deviations []signal.Deviation, err error) {
	r.deviations = append(r.deviations, deviations...)
	if r.err == nil {
		r.err = err
	}
	if read && !slices.Contains(r.out.Files, rel) {
		r.out.Files = append(r.out.Files, rel)
	}
}

// electrodes reads the tables of electrodes, the most specific of each space, and chooses among those of the most specific folder the
// one whose frame leads to the head.
func (r *sidecarReader) electrodes() {
	tables, systems := r.all("electrodes", ".tsv"), r.all("coordsystem", ".json")
	if len(tables) == 0 {
		return
	}
	nearest := path.Dir(tables[len(tables)-1].rel)
	bySpace := map[string]found{}
	for _, t := range tables { // the most specific comes last
		bySpace[t.name.Get("space")] = t
	}
	best, chosen := -1, ""
	for _, space := range sortedKeys(bySpace) {
		t := bySpace[space]
		if path.Dir(t.rel) != nearest {
			continue
		}
		system, file := r.coordsystem(space, systems)
		if frame := frameOf(system, r.recording.Suffix); frame.rank > best {
			best, chosen = frame.rank, space
			r.out.ElectrodesFile, r.out.Coordsystem, r.out.CoordsystemFile = t.rel, system, file
		}
	}
	r.out.Electrodes = r.tsv(r.out.ElectrodesFile)
	abouts := r.all("electrodes", ".json")
	about := func(space string) (s Sidecar) {
		r.merge(slices.DeleteFunc(slices.Clone(abouts), func(f found) bool { of := f.name.Get("space"); return of != "" && of != space }), &s)
		return s
	}
	if r.out.Electrodes != nil {
		r.out.ElectrodesAbout = about(chosen)
	}
	for _, space := range sortedKeys(bySpace) {
		if space == chosen {
			continue
		}
		if t := r.tsv(bySpace[space].rel); t != nil {
			system, _ := r.coordsystem(space, systems)
			r.out.Elsewhere = append(r.out.Elsewhere, Space{t, system, about(space), bySpace[space].rel})
		}
	}
}

// coordsystem is the one of a space: the most specific that names it, or, where there is none, that names none.
func (r *sidecarReader) coordsystem(space string, systems []found) (Sidecar, string) {
	for _, want := range []string{space, ""} {
		for _, s := range slices.Backward(systems) {
			if s.name.Get("space") == want {
				system, _ := r.json(s.rel)
				return system, s.rel
			}
		}
	}
	if len(systems) > 0 && space == "" { // the table may lack the space that its coordinate system has
		last := systems[len(systems)-1]
		system, _ := r.json(last.rel)
		return system, last.rel
	}
	return Sidecar{}, ""
}
