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
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
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

// Make reads every file below dir and says what is there. Files that are no recordings are listed with their hash. A file that
// looks like a recording of the set and cannot be read is an error.
func (s Set) Make(dir fs.FS) (*Manifest, error) {
	m := &Manifest{Set: s.Name, Layouts: []Layout{}, Files: []File{}}
	parts := map[string]bool{}
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || name == ManifestFile {
			return err
		}
		if !d.Type().IsRegular() {
			return fmt.Errorf("%s is no regular file: links are not followed", name)
		}
		f, err := s.look(dir, m, name)
		m.Files = append(m.Files, f)
		for _, p := range f.Parts {
			parts[p] = true
		}
		return err
	})
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
	return l, rec.Close()
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

// Finding is something that is not as the manifest says.
type Finding struct {
	What string `json:"what"` // missing_subject, missing, swapped, altered, labels, unknown
	Path string `json:"path"` // of the file or, for a subject, its name
	Text string `json:"text"`
}

// The kinds of finding. Unknown files are no fault: they were never checked.
const (
	MissingSubject = "missing_subject"
	Missing        = "missing"
	Swapped        = "swapped"
	Altered        = "altered"
	Labels         = "labels"
	Unknown        = "unknown"
)

// Verify compares the files below dir with m, and says how many were the same. Every file is hashed; one that differs is opened,
// so that the finding says what is different in it.
func (m *Manifest) Verify(dir fs.FS) (same int, found []Finding, err error) {
	add := func(what, path, format string, args ...any) {
		found = append(found, Finding{what, path, fmt.Sprintf(format, args...)})
	}
	byHash, byPath := map[string]File{}, map[string]File{}
	for _, f := range m.Files {
		byHash[f.SHA256], byPath[f.Path] = f, f
	}
	altered, there := map[string]bool{}, map[string]bool{}
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasPrefix(d.Name(), ".") || name == ManifestFile {
			return err
		}
		want, known := byPath[name]
		if !known && !d.Type().IsRegular() {
			return nil
		}
		sum, n, err := hash(dir, name)
		if err != nil {
			return err
		}
		there[name] = true
		other, elsewhere := byHash[sum]
		switch {
		case known && sum == want.SHA256:
			same++
		case known && elsewhere:
			altered[name] = true
			add(Swapped, name, "has the content of %s (%s); this should be %s", other.Path, other.Place, want.Place)
		case known:
			altered[name] = true
			add(Altered, name, "%d bytes with SHA-256 %.12s…, must be %d with %.12s…", n, sum, want.Bytes, want.SHA256)
		case elsewhere:
			add(Unknown, name, "is a copy of %s (%s) under another name", other.Path, other.Place)
		default:
			add(Unknown, name, "is not in the manifest: nobody has checked it")
		}
		return nil
	})
	if err != nil {
		return same, found, err
	}
	for _, f := range m.Files {
		touched := altered[f.Path] || slices.ContainsFunc(f.Parts, func(p string) bool { return altered[p] || !there[p] })
		if f.Layout >= 0 && there[f.Path] && touched {
			for _, text := range m.differences(dir, f) {
				add(Labels, f.Path, "%s", text)
			}
		}
	}
	found = append(found, m.missing(there)...)
	slices.SortStableFunc(found, func(a, b Finding) int { return strings.Compare(path.Clean(a.Path), path.Clean(b.Path)) })
	return same, found, nil
}

// missing names what is not there: whole subjects by one finding.
func (m *Manifest) missing(there map[string]bool) (found []Finding) {
	left, all := map[string]int{}, map[string]int{}
	for _, f := range m.Files {
		if f.Subject == "" {
			continue
		}
		all[f.Subject]++
		if there[f.Path] {
			left[f.Subject]++
		}
	}
	said := map[string]bool{}
	for _, f := range m.Files {
		switch {
		case there[f.Path]:
		case f.Subject != "" && left[f.Subject] == 0:
			if !said[f.Subject] {
				found = append(found, Finding{MissingSubject, f.Subject, fmt.Sprintf("subject %s is missing with all its %d recordings", f.Subject, all[f.Subject])})
			}
			said[f.Subject] = true
		default:
			text := "is missing"
			if place := f.String(); place != "" {
				text += ": " + place
			}
			found = append(found, Finding{Missing, f.Path, text})
		}
	}
	return found
}

// differences says what is other in a recording than the manifest says: its layout, length and first wrong label.
func (m *Manifest) differences(dir fs.FS, want File) (texts []string) {
	got := File{Path: want.Path}
	l, err := got.read(dir)
	if err != nil {
		return []string{"cannot be read: " + err.Error()}
	}
	if o := m.Layouts[want.Layout]; !l.equal(o) {
		texts = append(texts, fmt.Sprintf("is %s at %g Hz with %d channels, must be %s at %g Hz with %d, of the same names and units", l.Format, l.RateHz, len(l.Channels), o.Format, o.RateHz, len(o.Channels)))
	}
	if got.Samples != want.Samples {
		texts = append(texts, fmt.Sprintf("has %d samples, must have %d", got.Samples, want.Samples))
	}
	var labels []string
	for l := range want.Trials {
		labels = append(labels, l)
	}
	for l := range got.Trials {
		if _, both := want.Trials[l]; !both {
			labels = append(labels, l)
		}
	}
	slices.Sort(labels)
	for _, l := range labels {
		if got.Trials[l] != want.Trials[l] {
			texts = append(texts, fmt.Sprintf("has %d trials of %q, must have %d", got.Trials[l], l, want.Trials[l]))
		}
	}
	wrong, first := 0, -1
	for i := range min(len(got.Events), len(want.Events)) {
		if got.Events[i] != want.Events[i] {
			if wrong++; first < 0 {
				first = i
			}
		}
	}
	if first >= 0 {
		texts = append(texts, fmt.Sprintf("%d events differ, first event %d: sample and label are %q, must be %q", wrong, first+1, got.Events[first], want.Events[first]))
	}
	return texts
}
