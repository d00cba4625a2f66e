package montage

import (
	"math"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// HeadRadius is that of the sphere on which Position puts the electrodes, in metres.
const HeadRadius = 0.095

// tenPercent is the angle of a tenth of the way from nasion to inion: Cz to Fpz are four of them and a right angle.
const tenPercent = 22.5

// Direction is the unit vector from the centre of a spherical head to the electrode called name, in the axes of the head
// frame: x to the right ear, y to the nose, z up. ok is false where name is not MNE's spelling of a 10-05 electrode.
//
// It follows the rule of the 10-10 and 10-05 systems (Oostenveld & Praamstra 2001, doi:10.1016/S1388-2457(00)00527-7) on a
// sphere, and is no measurement: the package comment says how far heads and caps are from it. The midline and
// the equator (the ring through Fpz, T7, Oz and T8) are divided into tenths and twentieths; each row is the circle through
// its two points on the equator and the one on the midline, divided into quarters (1, 3, 5, 7) and eighths (1h, 3h, 5h,
// 7h). 9h and 9 lie a twentieth and a tenth below the equator, the latter on the height of nasion, ears and inion. Ear
// lobes (A1, A2) and mastoids (M1, M2) are taken to lie a twentieth below TP9 and TP10, where MNE's template has them all.
func Direction(name string) (u [3]float64, ok bool) {
	v, ok := directions[name]
	return v, ok
}

// Position is where Direction's ray meets a sphere of radius HeadRadius, in the head frame, whose origin lies between the
// ears: a tenth of the midline below the equator.
func Position(name string) (p signal.Position, ok bool) {
	v, ok := directions[name]
	if !ok {
		return p, false
	}
	v = v.scale(HeadRadius)
	v[2] += lift
	return signal.Position(v), true
}

// Place is Position in the form that signal.Channel wants, nil where name has none. Everybody gets the same pointer: what
// it points to must not be written to.
func Place(name string) *signal.Position { return places[name] }

// sameWithin is how near to the place of its name, in metres, an electrode is taken to be there by its name alone: nobody measures
// one to a micrometre, and texts of millimetres are rounded by less.
const sameWithin = 1e-6

// Measured says whether the electrode called name lies where somebody measured it: at pos, and not there because of its name alone.
func Measured(name string, pos *signal.Position) bool {
	if pos == nil {
		return false
	}
	place := Place(name)
	if place == nil {
		return true
	}
	d := vec{pos[0] - place[0], pos[1] - place[1], pos[2] - place[2]}
	return !(d.norm() <= sameWithin) // also where pos is not finite
}

// ByName says whether c lies where its name puts it: nobody has measured that.
func ByName(c signal.Channel) bool {
	return c.Pos != nil && !Measured(c.Name, c.Pos)
}

// places holds the position of every electrode by name.
var places = func() map[string]*signal.Position {
	m := make(map[string]*signal.Position, len(directions))
	for name := range directions {
		p, _ := Position(name) // there is one for each of them
		m[name] = &p
	}
	return m
}()

// vec is a direction, or a point counted from the centre of the unit sphere.
type vec [3]float64

func (a vec) dot(b vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) norm() float64       { return math.Sqrt(a.dot(a)) }
func (a vec) scale(f float64) vec { return vec{a[0] * f, a[1] * f, a[2] * f} }
func (a vec) add(b vec) vec       { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }

// polar is the direction theta degrees from the vertex, azimuth degrees from the nose to the left.
func polar(theta, azimuth float64) vec {
	st, ct := math.Sincos(theta * math.Pi / 180)
	sa, ca := math.Sincos(azimuth * math.Pi / 180)
	return vec{-st * sa, st * ca, ct}
}

// coronal are the rows from the front to the back, half a tenth apart: names of the inner and of the outer electrodes.
var coronal = []struct{ inner, outer string }{
	{"AFp", "AFp"},
	{"AF", "AF"},
	{"AFF", "AFF"},
	{"F", "F"},
	{"FFC", "FFT"},
	{"FC", "FT"},
	{"FCC", "FTT"},
	{"C", "T"},
	{"CCP", "TTP"},
	{"CP", "TP"},
	{"CPP", "TPP"},
	{"P", "P"},
	{"PPO", "PPO"},
	{"PO", "PO"},
	{"POO", "POO"},
}

// directions holds the direction of every electrode by name.
var directions = placeElectrodes()

func placeElectrodes() map[string]vec {
	at := make(map[string]vec, 352)
	both := func(prefix string, odd int, half string, v vec) { // the left one and its mirror image
		at[prefix+strconv.Itoa(odd)+half] = v
		at[prefix+strconv.Itoa(odd+1)+half] = vec{-v[0], v[1], v[2]}
	}
	for h, row := range coronal {
		sagittal := float64(h-7) / 2 * tenPercent // behind the vertex
		azimuth := 9 * float64(h+3)
		middle, side := polar(-sagittal, 0), polar(90, azimuth)
		at[row.inner+"z"] = middle
		for quarter := 1; quarter <= 4; quarter++ {
			prefix := row.inner
			if quarter == 4 {
				prefix = row.outer
			}
			both(prefix, 2*quarter-1, "", alongCircle(middle, side, float64(quarter)/4))
			both(prefix, 2*quarter-1, "h", alongCircle(middle, side, (float64(quarter)-0.5)/4))
		}
		both(row.outer, 9, "", polar(5*tenPercent, azimuth))
		both(row.outer, 9, "h", polar(4.5*tenPercent, azimuth))
	}
	for _, row := range []struct {
		prefix         string
		theta, azimuth float64 // of the one on the midline, and of number 1
		midline        float64
	}{
		{"N", 5, 18, 0}, {"NFp", 4.5, 18, 0}, {"Fp", 4, 18, 0}, {"O", 4, 162, 180}, {"OI", 4.5, 162, 180}, {"I", 5, 162, 180},
	} {
		theta := row.theta * tenPercent
		at[row.prefix+"z"] = polar(theta, row.midline)
		both(row.prefix, 1, "", polar(theta, row.azimuth))
		both(row.prefix, 1, "h", polar(theta, (row.azimuth+row.midline)/2))
	}
	both("A", 1, "", polar(5.5*tenPercent, 108))
	both("M", 1, "", polar(5.5*tenPercent, 108))
	for name, v := range at {
		at[name] = v.add(vec{}) // -0 becomes 0
	}
	return at
}

// alongCircle is the point a fraction of the way from middle, on the midline, to side, on the circle through both and
// the mirror image of side.
func alongCircle(middle, side vec, fraction float64) vec {
	// The circle's centre lies in the plane x = 0, behind middle as far along the line to the chord's midpoint as makes
	// both equally far: |c - middle| = |c - side| with c = middle + s·(chord - middle).
	chord := vec{0, side[1], side[2]}
	down := chord.add(middle.scale(-1))
	h, half := down.norm(), side[0]
	r := (h*h + half*half) / (2 * h) // radius of the circle through the ends and the top of an arc of height h
	centre := middle.add(down.scale(r / h))
	angle := math.Atan2(math.Abs(half), r-h) * fraction
	sin, cos := math.Sincos(angle)
	return centre.add(down.scale(-r * cos / h)).add(vec{math.Copysign(r*sin, half), 0, 0})
}
