package dataset

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/linked"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

//go:embed manifests
var manifests embed.FS

func manifestName(set string) string { return "manifests/" + set + ".json" }

// Manifest says what is in a data set: counts, names and hashes, no samples.
type Manifest struct {
	Set     string   `json:"set"` // "" for a folder that is no known set
	Layouts []Layout `json:"layouts"`
	Files   []File   `json:"files"` // sorted by Path
}

// Layout is what several files have in common.
type Layout struct {
	Format   string   `json:"format"`
	RateHz   float64  `json:"rate_hz"`
	Channels []string `json:"channels"` // "FC5 eeg µV"
}

// File is one file of a set.
type File struct {
	Path   string `json:"path"` // below the folder of the set, with slashes
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
	Place
	// Layout is the number of the recording's layout, -1 for a file that is no recording by itself.
	Layout  int            `json:"layout"`
	Samples int64          `json:"samples,omitempty"`
	Trials  map[string]int `json:"trials,omitempty"` // events by label
	Events  []string       `json:"events,omitempty"` // "672 T2": sample number and label, in order
	Levels  []string       `json:"levels,omitempty"` // of a table of events, in its events.json: `trial_type "T1" means "left fist"`
	Parts   []string       `json:"parts,omitempty"`  // other files that it was read from, such as one with its events
}

// Manifest is the set's, nil where no file of it was checked.
func (s Set) Manifest() (*Manifest, error) {
	data, err := manifests.ReadFile(manifestName(s.Name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseManifest(data)
}

// ParseManifest reads what Encode writes. Unknown keys are errors.
func ParseManifest(data []byte) (*Manifest, error) {
	var m Manifest
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return nil, fmt.Errorf("manifest: %w", err)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		switch {
		case !fs.ValidPath(f.Path):
			return nil, fmt.Errorf("manifest: %q is no path below a folder", f.Path)
		case seen[f.Path]:
			return nil, fmt.Errorf("manifest: %s stands there twice", f.Path)
		case f.Layout < -1 || f.Layout >= len(m.Layouts):
			return nil, fmt.Errorf("manifest: %s: layout %d, there are %d", f.Path, f.Layout, len(m.Layouts))
		}
		seen[f.Path] = true
	}
	return &m, nil
}

// Encode is the manifest as JSON, one file to a line.
func (m *Manifest) Encode() ([]byte, error) {
	var b bytes.Buffer
	list := func(name string, n int, item func(i int) any) error {
		fmt.Fprintf(&b, ",\n%q: [", name)
		for i := range n {
			line, err := json.Marshal(item(i))
			if err != nil {
				return err
			}
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, "\n%s", line)
		}
		b.WriteString("\n]")
		return nil
	}
	fmt.Fprintf(&b, "{\"set\": %q", m.Set)
	err := errors.Join(
		list("layouts", len(m.Layouts), func(i int) any { return m.Layouts[i] }),
		list("files", len(m.Files), func(i int) any { return m.Files[i] }))
	b.WriteString("}\n")
	return b.Bytes(), err
}

// Make reads every file below dir and says what is there. Files that are no recordings are listed with their hash; of a set whose
// layout is known, those that belong to it. A file that looks like a recording of the set and cannot be read is an error, and so is a link
// that leads nowhere. Links are what they lead to; outside, which may be nil, is told of those that lead out of the folder.
func (s Set) Make(dir fs.FS, outside func(path, to string)) (*Manifest, error) {
	m := &Manifest{Set: s.Name, Layouts: []Layout{}, Files: []File{}}
	parts := map[string]bool{}
	err := linked.Walk(dir, func(name string, mode fs.FileMode) error {
		if name == ManifestFile {
			return nil
		}
		if !mode.IsRegular() {
			return fmt.Errorf("%s is no regular file, nor a link to one", name)
		}
		f, err := s.look(dir, m, name)
		m.Files = append(m.Files, f)
		for _, p := range f.Parts {
			parts[p] = true
		}
		return err
	}, func(l linked.Link) error {
		if l.Dead {
			return fmt.Errorf("%s is a link to %s, which is not there: %s, or remove the link", l.Path, l.To, fetchIt)
		}
		if outside != nil {
			outside(l.Path, l.To)
		}
		return nil
	})
	if s.layout != nil {
		m.Files = slices.DeleteFunc(m.Files, func(f File) bool {
			_, beside := s.Beside(f.Path)
			return f.Layout < 0 && !beside && !parts[f.Path]
		})
	}
	for i := range m.Files {
		if parts[m.Files[i].Path] { // read with its recording
			m.Files[i].Layout, m.Files[i].Events, m.Files[i].Trials, m.Files[i].Samples = -1, nil, nil, 0
		}
	}
	slices.SortFunc(m.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return m, err
}

// ManifestFile is the name of a manifest in the folder that it is about.
const ManifestFile = "gyrus-manifest.json"

// look describes the file called name.
func (s Set) look(dir fs.FS, m *Manifest, name string) (File, error) {
	f := File{Path: name, Layout: -1}
	var err error
	if f.SHA256, f.Bytes, err = hash(dir, name); err != nil {
		return f, err
	}
	if f.Levels, err = meanings(dir, name); err != nil {
		return f, err
	}
	place, follows := s.Parse(name)
	if !follows {
		return f, nil
	}
	l, err := f.read(dir)
	var format *ingest.FormatError
	switch {
	case errors.As(err, &format) && s.layout == nil: // any file may lie in any folder
		return f, nil
	case err != nil:
		return f, err
	}
	f.Place = place
	f.Layout = slices.IndexFunc(m.Layouts, l.equal)
	if f.Layout < 0 {
		f.Layout, m.Layouts = len(m.Layouts), append(m.Layouts, l)
	}
	return f, nil
}

func (l Layout) equal(o Layout) bool {
	return l.Format == o.Format && l.RateHz == o.RateHz && slices.Equal(l.Channels, o.Channels)
}

// read opens the recording and takes down what is in it.
func (f *File) read(dir fs.FS) (Layout, error) {
	rec, err := ingest.Open(dir, f.Path)
	if err != nil {
		return Layout{}, err
	}
	return f.take(rec), rec.Close()
}

// take takes down what is in the recording.
func (f *File) take(rec *signal.Recording) Layout {
	l := Layout{Format: rec.Format, RateHz: rec.Info.Rate, Channels: []string{}}
	for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
		for _, c := range r.Info.Channels {
			text := fmt.Sprintf("%s %s %s", c.Name, c.Kind, c.Unit)
			if r != rec {
				text += fmt.Sprintf(" at %g Hz", r.Info.Rate)
			}
			l.Channels = append(l.Channels, text)
		}
	}
	f.Samples, f.Parts = rec.Len, slices.Clone(rec.Parts)
	f.Events, f.Trials = nil, nil
	for _, e := range rec.Events {
		f.Events = append(f.Events, strconv.FormatInt(e.Sample, 10)+" "+e.Label)
		if f.Trials == nil {
			f.Trials = map[string]int{}
		}
		f.Trials[e.Label]++
	}
	return l
}

func hash(dir fs.FS, name string) (sum string, n int64, err error) {
	f, err := dir.Open(name)
	if err != nil {
		return "", 0, err
	}
	h := sha256.New()
	n, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), n, errors.Join(err, f.Close())
}
