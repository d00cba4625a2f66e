package electrodes

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The three points that fix the head frame.
const (
	nasion = "nasion"
	left   = "left ear"
	right  = "right ear"
)

// fiducialNames are what files call them, in lower case.
var fiducialNames = map[string]string{
	"nz": nasion, "nasion": nasion, "fidnz": nasion, "nas": nasion,
	"lpa": left, "fidt9": left,
	"rpa": right, "fidt10": right,
}

// add puts a point where it belongs. The nasion may be a channel's place as well.
func (c *cloud) add(p point) {
	if f, ok := fiducialNames[strings.ToLower(p.label)]; ok {
		if c.fiducials == nil {
			c.fiducials = map[string][3]float64{}
		}
		c.fiducials[f] = p.xyz
		if !strings.EqualFold(p.label, "Nz") {
			return
		}
	}
	c.points = append(c.points, p)
}

// rigid is a rotation about an origin.
type rigid struct {
	axes   [3][3]float64 // of the new frame, seen from the old one
	origin [3]float64
}

func (r *rigid) apply(x [3]float64) (y [3]float64) {
	d := sub(x, r.origin)
	for k := range y {
		y[k] = dot(r.axes[k], d)
	}
	return y
}

// headFrame is the frame that the fiducials fix, as Neuromag and MNE define it: x runs from the left to the right ear, y
// through the nasion at a right angle to it, z is up. It is nil where one is missing.
func (c *cloud) headFrame() (*rigid, error) {
	n, okN := c.fiducials[nasion]
	l, okL := c.fiducials[left]
	r, okR := c.fiducials[right]
	if !okN || !okL || !okR {
		return nil, nil //nolint:nilnil // there is none, and that is no error
	}
	ears := sub(r, l)
	x := unit(ears)
	origin := add(l, scaled(x, dot(sub(n, l), x)))
	front := sub(n, origin)
	if size := math.Sqrt(dot(ears, ears)); !(size > 0) || !(math.Sqrt(dot(front, front)) > 0.1*size) || math.IsInf(size, 0) {
		return nil, fmt.Errorf("nasion %v, left ear %v and right ear %v are no triangle, and fix no head", n, l, r)
	}
	y := unit(front)
	return &rigid{[3][3]float64{x, y, cross(x, y)}, origin}, nil
}

func dot(a, b [3]float64) float64 { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }

func sub(a, b [3]float64) [3]float64 { return [3]float64{a[0] - b[0], a[1] - b[1], a[2] - b[2]} }

func add(a, b [3]float64) [3]float64 { return [3]float64{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

func scaled(a [3]float64, f float64) [3]float64 { return [3]float64{a[0] * f, a[1] * f, a[2] * f} }

func unit(a [3]float64) [3]float64 { return scaled(a, 1/math.Sqrt(dot(a, a))) }

func cross(a, b [3]float64) [3]float64 {
	return [3]float64{a[1]*b[2] - a[2]*b[1], a[2]*b[0] - a[0]*b[2], a[0]*b[1] - a[1]*b[0]}
}

// axes is one way to name the axes: output k is sign[k] times input from[k].
type axes struct {
	from [3]int
	sign [3]float64
}

func (a axes) apply(x [3]float64) [3]float64 {
	return [3]float64{a.sign[0] * x[a.from[0]], a.sign[1] * x[a.from[1]], a.sign[2] * x[a.from[2]]}
}

// mirror says that left and right change places.
func (a axes) mirror() bool {
	even := a.from == [3]int{0, 1, 2} || a.from == [3]int{1, 2, 0} || a.from == [3]int{2, 0, 1}
	return (a.sign[0]*a.sign[1]*a.sign[2] > 0) != even
}

// String says where the axes of the file point: "x to the nose, y to the left, z up".
func (a axes) String() string {
	towards := [3][2]string{{"to the right", "to the left"}, {"to the nose", "to the back"}, {"up", "down"}}
	var words [3]string
	for k, from := range a.from {
		way := 0
		if a.sign[k] < 0 {
			way = 1
		}
		words[from] = string("xyz"[from]) + " " + towards[k][way]
	}
	return strings.Join(words[:], ", ")
}

// allAxes are the 48 ways, the one that changes nothing first.
var allAxes = func() (all []axes) {
	for _, from := range [][3]int{{0, 1, 2}, {1, 0, 2}, {0, 2, 1}, {2, 1, 0}, {1, 2, 0}, {2, 0, 1}} {
		for bits := range 8 {
			a := axes{from: from}
			for k := range a.sign {
				a.sign[k] = 1 - 2*float64(bits>>k&1)
			}
			all = append(all, a)
		}
	}
	return all
}()

// Correlations with where names are by the rule, from which axes are believed, and below which they are not if others fit.
const believed, doubted = 0.8, 0.5

// clearer is how many times as far from fitting wholly axes must be than others to be told from them. Of caps of four electrodes and more at the
// places of templates, a few mm and up to 20° off, none is taken for a turned or a mirrored one by that.
const clearer = 3

// fit is how well places fit the names with their axes named in one way.
type fit struct {
	axes
	r float64
}

// tells says that f fits clearly better than other.
func (f fit) tells(other fit) bool { return clearer*(1-f.r) <= 1-other.r && f.r > other.r+1e-9 }

// orient compares the axes with where names should be: turned ones are turned back, mirrored ones refused, and where names cannot tell axes
// from others, that is listed. Files with fewer than four names of the 10-05 system cannot be checked. fixed says that fiducials fix the frame.
func (set *Set) orient(s *source, fixed bool) error {
	var got, want [][3]float64
	for _, e := range set.Electrodes {
		name, _ := montage.Normalize(e.Label)
		if p, ok := montage.Position(name); ok {
			got, want = append(got, e.Pos), append(want, p)
		}
	}
	if len(got) < 4 {
		set.How += fmt.Sprintf("; its axes are not checked, for %d labels are names of the 10-05 system", len(got))
		return nil
	}
	centre(got)
	centre(want)
	var fits []fit
	for _, a := range allAxes {
		fits = append(fits, fit{a, correlation(got, want, a)})
	}
	as, best := fits[0], fits[0]
	for _, f := range fits[1:] { // of places in a plane a turned and a mirrored set fit alike
		if f.r > best.r+1e-9 || f.r > best.r-1e-9 && best.mirror() && !f.mirror() {
			best = f
		}
	}
	switch {
	case best.r < believed && as.r < doubted:
		return s.errorf(0, "positions", "are not where the names of the 10-05 system are, however the axes are turned (correlation %.2f): names and numbers do not belong together", best.r)
	case best.r >= believed && (as.r < doubted || best.tells(as)):
		return set.turn(s, best, fixed)
	case fixed:
		return nil
	}
	for _, f := range fits[1:] {
		if as.tells(f) || !set.moves(f.axes, fixed) {
			continue
		}
		set.Deviations = append(set.Deviations, signal.Deviation{
			Where: set.File + ": axes", Rule: "the names of the 10-05 system tell which way x, y and z point",
			Found:   fmt.Sprintf("%d names, whose places fit about as well with %s (correlation %.2f) as with x to the right, y to the nose, z up (%.2f)", len(got), f, f.r, as.r),
			Assumed: "x to the right, y to the nose, z up",
		})
		return nil
	}
	return nil
}

// turn turns places, or refuses a mirror image.
func (set *Set) turn(s *source, to fit, fixed bool) error {
	if to.mirror() {
		return s.errorf(0, "positions", "are a mirror image of where the names of the 10-05 system are (%s): an axis is negated, or two axes, or left and right in the names, are exchanged; correct the file", to)
	}
	set.Deviations = append(set.Deviations, signal.Deviation{
		Where: set.File + ": axes", Rule: "x to the right, y to the nose, z up", Found: to.String() + ", by the names of the 10-05 system", Assumed: "the axes were turned",
	})
	for i := range set.Electrodes {
		set.Electrodes[i].Pos = set.turned(set.Electrodes[i].Pos, to.axes, fixed)
	}
	return nil
}

// turned is where p is with other axes: about the origin of the file, which of a unit sphere is where montage has the middle of the head.
func (set *Set) turned(p signal.Position, to axes, fixed bool) signal.Position {
	origin := [3]float64{}
	if set.Shared && !fixed {
		origin = montage.Centre()
	}
	return signal.Position(add(to.apply(sub(p, origin)), origin))
}

// moves says that other axes put an electrode more than 10 mm off, which is as far as caps sit from where they should.
func (set *Set) moves(to axes, fixed bool) bool {
	return slices.ContainsFunc(set.Electrodes, func(e Electrode) bool {
		d := sub(set.turned(e.Pos, to, fixed), e.Pos)
		return dot(d, d) > 0.01*0.01
	})
}

// centre takes the mean off.
func centre(x [][3]float64) {
	mean := [3]float64{}
	for _, p := range x {
		mean = add(mean, scaled(p, 1/float64(len(x))))
	}
	for i := range x {
		x[i] = sub(x[i], mean)
	}
}

// correlation of centred points with others, once their axes are named a.
func correlation(x, y [][3]float64, a axes) float64 {
	xy, xx, yy := 0.0, 0.0, 0.0
	for i := range x {
		xy += dot(a.apply(x[i]), y[i])
		xx += dot(x[i], x[i])
		yy += dot(y[i], y[i])
	}
	if xx == 0 || yy == 0 {
		return 1 // one place: nothing to tell
	}
	return xy / math.Sqrt(xx*yy)
}

// errPolhemus is for files that share an ending and nothing else.
var errPolhemus = errors.New("this is a file of Polhemus, not of BESA, which has the same ending; it is not read: save the electrodes as .sfp or .hpts")
