package spatial

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

func init() {
	preprocess.Register("montage", func() preprocess.Processor {
		return &Montage{Method: bySpline, MinCoverage: 0.75, MaxNeighbour: 0.08}
	})
}

// What can become of a channel that is not there.
const (
	bySpline = "spherical_spline"
	byNone   = "none"
)

// Montage makes the channels of a list out of those that are there, in the order of the list, so that what follows always
// sees the same ones. A channel that is there passes bit for bit. One that is missing is what all EEG channels that have a
// position say about its place, by spherical splines (Perrin et al. 1989, doi:10.1016/0013-4694(89)90180-6; stiffness 4,
// 50 terms, lambda 1e-5: MNE's matrix); its place is where the rule of the 10-05 system has its name. All other channels are
// left out. How many are measured, which are not, and what was left out is said in the notes of the fit. One that the source marks
// as bad counts as missing, and goes into no spline.
//
// A stream is refused where too few of the channels are measured, or one that is missing has no electrode near it: splines
// would make up what nobody saw. The rank of the data is at most that of what was measured.
type Montage struct {
	Channels     []string  `json:"channels" doc:"the channels that come out, in this order; one that may be missing must be a name of the 10-05 system. Not together with system"`
	System       string    `json:"system" doc:"in place of channels: 1020, biosemi16, biosemi32 or biosemi64"`
	Method       string    `json:"method" doc:"what becomes of a channel that is missing: spherical_spline, or none (the stream is refused)"`
	MinCoverage  float64   `json:"min_coverage" doc:"the fraction of the channels that must be measured, 0 to 1; a stream with less is refused"`
	MaxNeighbour float64   `json:"max_neighbour_m" only:"method=spherical_spline" doc:"how far the nearest measured electrode may be from a channel that is interpolated, in metres straight through the head (neighbours in the 10-20 system are 0.073 apart); a stream where it is farther is refused"`
	Sphere       []float64 `json:"sphere_m" only:"method=spherical_spline" doc:"the head: x, y, z of its centre and its radius, in metres; empty takes the sphere on which names are placed where all positions are those of names, and fits one to the positions of the EEG channels otherwise"`

	mix.Stage
	notes    []signal.Note
	ignored  []string // channels that reach nothing
	separate bool     // every channel reaches only itself
}

// Ignores names the channels that are left out and go into no spline.
func (p *Montage) Ignores() (names []string, separate bool) { return p.ignored, p.separate }

// Bridges says that the same channels come out of whatever stream is taken.
func (p *Montage) Bridges() {}

// Notes says how much is measured.
func (p *Montage) Notes() []signal.Note { return p.notes }

// Start finds the channels and computes the matrix.
func (p *Montage) Start(in *signal.Info) (*signal.Info, error) {
	p.Clear()
	p.notes, p.ignored, p.separate = nil, nil, false
	out, err := p.start(in)
	if err != nil {
		return nil, fmt.Errorf("montage: %w", err)
	}
	return out, nil
}

func (p *Montage) start(in *signal.Info) (*signal.Info, error) {
	names, err := p.targets(in)
	if err != nil {
		return nil, err
	}
	out := &signal.Info{Rate: in.Rate, Reference: in.Reference, Channels: make([]signal.Channel, len(names))}
	rows := make([]mix.Row, len(names))
	used := make([]bool, len(in.Channels))
	var missing []int
	var bad []string
	for i, name := range names {
		ch := in.Index(name)
		if ch < 0 || in.Channels[ch].Bad {
			if missing = append(missing, i); ch >= 0 {
				bad = append(bad, name)
			}
			continue
		}
		if _, placed := montage.Direction(name); placed && in.Channels[ch].Kind != signal.EEG {
			return nil, fmt.Errorf("channel %q is an electrode, but that of the stream is of kind %q, must be %q: rename it, or leave it out with pick", name, in.Channels[ch].Kind, signal.EEG)
		}
		out.Channels[i], rows[i], used[ch] = in.Channels[ch], mix.Copy(ch), true
	}
	coverage := float64(len(names)-len(missing)) / float64(len(names))
	if coverage < p.MinCoverage {
		return nil, fmt.Errorf("coverage is %.3g: %d of %d channels are measured, must be at least %g (min_coverage); missing: %s%s; the stream has %s",
			coverage, len(names)-len(missing), len(names), p.MinCoverage, strings.Join(at(names, missing), ", "), markedBad(bad), strings.Join(in.Names(), ", "))
	}
	far := ""
	p.separate = len(missing) == 0
	if len(missing) > 0 {
		nearest, err := p.interpolate(rows, out, in, names, missing, used)
		if err != nil {
			return nil, fmt.Errorf("%w%s", err, markedBad(bad))
		}
		far = fmt.Sprintf("; interpolated, with an electrode within %.0f mm: %s", math.Ceil(1000*nearest), strings.Join(at(names, missing), ", ")) + markedBad(bad)
	}
	var left []string
	for ch, c := range in.Channels {
		if !used[ch] {
			p.ignored = append(p.ignored, c.Name)
		}
		if !slices.Contains(names, c.Name) {
			left = append(left, c.Name)
		}
	}
	if len(left) > 0 {
		far += "; left out: " + strings.Join(left, ", ")
	}
	text := fmt.Sprintf(" of the %d channels measured", len(names)) + far
	p.notes = []signal.Note{{
		Text: "coverage %s" + strings.ReplaceAll(fmt.Sprintf(": %d", len(names)-len(missing))+text, "%", "%%"), Low: coverage, High: coverage,
	}}
	p.Set(in, out, rows)
	return out, nil
}

// targets are the names of the channels that come out, after a look at the parameters.
func (p *Montage) targets(in *signal.Info) ([]string, error) {
	list := p.Channels
	switch {
	case len(p.Channels) > 0 && p.System != "":
		return nil, errors.New("channels and system both say what comes out: leave one out")
	case p.System != "":
		if list = montage.System(p.System); list == nil {
			return nil, fmt.Errorf("system: %w", &registry.UnknownError{What: "system of electrodes", Name: p.System, Known: montage.Systems()})
		}
	case len(p.Channels) == 0:
		return nil, fmt.Errorf("nothing to go by: give channels, or system (%s)", strings.Join(montage.Systems(), ", "))
	}
	switch {
	case p.Method != bySpline && p.Method != byNone:
		return nil, fmt.Errorf("method is %q, must be %s or %s", p.Method, bySpline, byNone)
	case !(p.MinCoverage >= 0 && p.MinCoverage <= 1):
		return nil, fmt.Errorf("min_coverage is %g, must be from 0 to 1", p.MinCoverage)
	case !(p.MaxNeighbour > 0) || math.IsInf(p.MaxNeighbour, 0):
		return nil, fmt.Errorf("max_neighbour_m is %g, must be above 0 and finite", p.MaxNeighbour)
	}
	names := make([]string, len(list))
	for i, label := range list {
		names[i] = label
		if in.Index(label) < 0 {
			names[i], _ = montage.Normalize(label)
		}
		if k := slices.Index(names[:i], names[i]); k >= 0 {
			return nil, fmt.Errorf("channels: %q and %q are the same channel", list[k], label)
		}
	}
	return names, nil
}

// interpolate fills the rows of the missing channels, and says how far the nearest electrode is from the loneliest of them. It
// marks in used what goes into the splines.
func (p *Montage) interpolate(rows []mix.Row, out, in *signal.Info, names []string, missing []int, used []bool) (float64, error) {
	if p.Method == byNone {
		return 0, fmt.Errorf("missing: %s; the stream has %s; method %s interpolates them", strings.Join(at(names, missing), ", "), strings.Join(in.Names(), ", "), bySpline)
	}
	to := make([][3]float64, len(missing))
	for k, i := range missing {
		u, ok := montage.Direction(names[i])
		if !ok {
			return 0, fmt.Errorf("channel %q is missing, and is no name of the 10-05 system, so that nobody knows where it should be; the stream has %s", names[i], strings.Join(in.Names(), ", "))
		}
		to[k] = u
	}
	var from []int
	for ch, c := range in.Channels {
		if c.Kind == signal.EEG && c.Pos != nil && !c.Bad {
			from, used[ch] = append(from, ch), true
		}
	}
	if len(from) == 0 {
		return 0, errors.New("no EEG channel has a position: rename channels to their 10-05 names, or give a file of electrodes (--electrodes)")
	}
	unit := in.Channels[from[0]].Unit
	for _, ch := range from[1:] {
		if c := in.Channels[ch]; c.Unit != unit {
			return 0, fmt.Errorf("channel %q is in %q and %q in %q: channels of several units cannot be mixed", in.Channels[from[0]].Name, unit, c.Name, c.Unit)
		}
	}
	head, u, err := p.locate(in, from)
	if err != nil {
		return 0, err
	}
	worst := 0.0
	for k, v := range to {
		nearest, who := math.Inf(1), 0
		for i, w := range u {
			if d := head.Radius * math.Sqrt((v[0]-w[0])*(v[0]-w[0])+(v[1]-w[1])*(v[1]-w[1])+(v[2]-w[2])*(v[2]-w[2])); d < nearest {
				nearest, who = d, from[i]
			}
		}
		if nearest > p.MaxNeighbour {
			return 0, fmt.Errorf("the electrode nearest to %s, which is missing, is %s, %.0f mm away, must be within %g mm (max_neighbour_m): nothing is known about that place", names[missing[k]], in.Channels[who].Name, 1000*nearest, 1000*p.MaxNeighbour)
		}
		worst = max(worst, nearest)
	}
	m, err := spline.Interpolation(u, to, lambda)
	if err != nil {
		return 0, err
	}
	for k, i := range missing {
		pos := signal.Position{}
		for axis := range pos {
			pos[axis] = head.Centre[axis] + head.Radius*to[k][axis]
		}
		out.Channels[i] = signal.Channel{Name: names[i], Original: names[i], Kind: signal.EEG, Unit: unit, Pos: &pos}
		rows[i] = mix.Dense(from, mat.Row(nil, k, m), 0)
	}
	return worst, nil
}

// locate finds the head and the directions of the channels idx. Where all positions are those of names, and none is given, the
// head is the sphere on which they were put, however few there are.
func (p *Montage) locate(in *signal.Info, idx []int) (spline.Sphere, [][3]float64, error) {
	sphere := p.Sphere
	byName := !slices.ContainsFunc(idx, func(ch int) bool { return !montage.ByName(in.Channels[ch]) })
	if len(sphere) == 0 && byName {
		c := montage.Centre()
		sphere = []float64{c[0], c[1], c[2], montage.HeadRadius}
	}
	return spline.Locate(in, idx, sphere)
}

// markedBad says which channels count as missing although they are there; "" for none.
func markedBad(names []string) string {
	if len(names) == 0 {
		return ""
	}
	return "; there, but marked as bad: " + strings.Join(names, ", ")
}

// at is the named entries of list.
func at(list []string, idx []int) []string {
	out := make([]string, len(idx))
	for i, k := range idx {
		out[i] = list[k]
	}
	return out
}
