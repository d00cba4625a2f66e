package electrodes

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/regular"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Set is what a file says.
type Set struct {
	File, Format string
	Electrodes   []Electrode
	Unplaced     []string // labels for which the file has no place
	// Shared says that positions are in the frame of montage.Position, or the head frame, and may be mixed with those of names.
	Shared bool
	How    string // what was read from the numbers, in words: "millimetres, as the file says; the head frame of nasion and ears"
	// Deviations are what was assumed against the convention of the format.
	Deviations []signal.Deviation
}

// Electrode is one place.
type Electrode struct {
	Label string // as the file writes it
	Pos   signal.Position
}

// point is what a reader finds for one label.
type point struct {
	label string
	line  int
	at    int64 // byte of the file
	xyz   [3]float64
}

// cloud is what a reader finds in a file.
type cloud struct {
	points    []point
	fiducials map[string][3]float64 // nasion, left, right
	unplaced  []string
	unit      string // of the numbers, where the file says it: "mm"
}

// format is one kind of file.
type format struct {
	name string
	ext  []string
	read func(*source) (*cloud, error)
}

var formats = []format{
	{"EEGLAB polar", []string{".loc", ".locs", ".eloc"}, readLocs},
	{"EEGLAB table", []string{".ced"}, readCED},
	{"EEGLAB Cartesian", []string{".xyz"}, readXYZ},
	{"BESA sfp", []string{".sfp"}, readSFP},
	{"ASA elc", []string{".elc"}, readELC},
	{"BESA elp", []string{".elp"}, readELP},
	{"BrainVision bvef", []string{".bvef"}, readBVEF},
	{"MNE hpts", []string{".hpts"}, readHPTS},
}

// Endings are those of the files that can be read.
func Endings() []string {
	var all []string
	for _, f := range formats {
		all = append(all, f.ext...)
	}
	return all
}

// maxSize is more than any list of electrodes needs.
const maxSize = 4 << 20

// Open reads the file called name in fsys, whose ending says what it is. Errors from what is in it are *ingest.FormatError.
func Open(fsys fs.FS, name string) (*Set, error) {
	ending := strings.ToLower(path.Ext(name))
	i := slices.IndexFunc(formats, func(f format) bool { return slices.Contains(f.ext, ending) })
	if i < 0 {
		err := fmt.Errorf("%s: %w", name, &registry.UnknownError{What: "ending of a file of electrodes", Name: ending, Known: Endings()})
		if ending == ".tsv" {
			err = fmt.Errorf("%w; electrodes.tsv of BIDS belongs beside its recording", err)
		}
		return nil, err
	}
	f, err := regular.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxSize+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &source{name: name, raw: raw}
	if len(raw) > maxSize {
		return nil, s.errorf(maxSize, "size", "more than %d MiB, no list of electrodes is that long: check that it is one", maxSize>>20)
	}
	c, err := formats[i].read(s)
	if err != nil {
		return nil, err
	}
	return c.set(s, formats[i].name)
}

// source is a file with what is needed to complain about it.
type source struct {
	name string
	raw  []byte
}

func (s *source) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.name, Field: field, Offset: max(0, min(at, int64(len(s.raw)))), Err: fmt.Errorf(format, args...)}
}

// at is an error about a line.
func (s *source) at(l line, field, format string, args ...any) error {
	return s.errorf(l.at, fmt.Sprintf("line %d: %s", l.n, field), format, args...)
}

// line is one that is not empty.
type line struct {
	n    int // counted from 1
	at   int64
	text string
}

// lines are those that are neither empty nor begin with one of the marks of a comment.
func (s *source) lines(comments ...string) []line {
	var all []line
	at, n := int64(0), 0
	for raw := range strings.SplitAfterSeq(string(s.raw), "\n") {
		n++
		text, _ := ingest.Text(nil, []byte(strings.TrimRight(raw, "\r\n")))
		if n == 1 {
			text = strings.TrimPrefix(text, "\ufeff")
		}
		trimmed := strings.TrimSpace(text)
		if trimmed != "" && !slices.ContainsFunc(comments, func(c string) bool { return strings.HasPrefix(trimmed, c) }) {
			all = append(all, line{n, at, text})
		}
		at += int64(len(raw))
	}
	return all
}

// set makes positions of what was read.
func (c *cloud) set(s *source, name string) (*Set, error) {
	if len(c.points) == 0 {
		return nil, s.errorf(0, "electrodes", "the file has no electrode with a place, must have at least one")
	}
	seen := map[string]int{}
	for _, p := range c.points {
		if first, twice := seen[p.label]; twice {
			return nil, s.errorf(p.at, fmt.Sprintf("line %d: label", p.line), "%q is also the label of line %d, labels must differ", p.label, first)
		}
		seen[p.label] = p.line
		if x := p.xyz; !signal.Position(x).Finite() || x == [3]float64{} {
			return nil, s.errorf(p.at, fmt.Sprintf("line %d: position", p.line), "%v of %q is no place, must be finite and not the origin", x, p.label)
		}
	}
	set := &Set{File: s.name, Format: name, Unplaced: c.unplaced}
	if err := c.place(s, set); err != nil {
		return nil, err
	}
	return set, set.orient(s, len(c.fiducials) == 3)
}

// place brings the points into metres, and into the head frame where the file fixes one.
func (c *cloud) place(s *source, set *Set) error {
	raw := make([][3]float64, len(c.points))
	for i, p := range c.points {
		raw[i] = p.xyz
	}
	mean, unit, convert := montage.Metres(raw)
	switch scale, named := units[c.unit]; {
	case c.unit == "":
		set.How = unit + ", by their size"
		if unit == "" {
			return s.errorf(0, "positions", "lie %.4g from the origin on average, which is no head in metres, centimetres or millimetres, and no sphere of radius 1: check that they are positions of electrodes", mean)
		}
	case !named:
		return s.errorf(0, "unit", "%w", &registry.UnknownError{What: "unit of positions", Name: c.unit, Known: []string{"m", "cm", "mm"}})
	case !(montage.Nearest <= mean*scale && mean*scale <= montage.Farthest):
		return s.errorf(0, "unit", "positions lie %.4g %s from the origin on average, electrodes lie %g to %g mm from it: check the unit",
			mean, c.unit, 1000*montage.Nearest, 1000*montage.Farthest)
	default:
		unit, convert = c.unit, func(x [3]float64) signal.Position { return signal.Position(scaled(x, scale)) }
		set.How = c.unit + ", as the file says"
	}
	frame, err := c.headFrame()
	switch {
	case err != nil:
		return s.errorf(0, "fiducials", "%w", err)
	case frame != nil:
		set.Shared, set.How = true, set.How+"; the head frame of nasion and ears"
		inner := convert
		origin := inner([3]float64{}) // a rotation is about the origin, wherever the unit sphere is put
		convert = func(x [3]float64) signal.Position { return signal.Position(sub(inner(frame.apply(x)), origin)) }
	case unit == montage.UnitSphere:
		set.Shared, set.How = true, set.How+"; the sphere on which names are placed"
	default:
		set.How += "; in the frame of the file, which has not both ears and the nasion"
	}
	for _, p := range c.points {
		set.Electrodes = append(set.Electrodes, Electrode{p.label, convert(p.xyz)})
	}
	return nil
}

// units are those that a file can name, in metres.
var units = map[string]float64{"m": 1, "cm": 0.01, "mm": 0.001}
