package synth

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// headRadius is that of the outer sphere, in metres.
const headRadius = 0.095

// vec is a direction or a point in the axes of the head frame: x to the right ear, y to the nose, z up. Points are
// counted from the centre of the sphere.
type vec [3]float64

func (a vec) dot(b vec) float64   { return a[0]*b[0] + a[1]*b[1] + a[2]*b[2] }
func (a vec) norm() float64       { return math.Sqrt(a.dot(a)) }
func (a vec) scale(f float64) vec { return vec{a[0] * f, a[1] * f, a[2] * f} }
func (a vec) add(b vec) vec       { return vec{a[0] + b[0], a[1] + b[1], a[2] + b[2]} }
func (a vec) unit() vec           { return a.scale(1 / a.norm()) }

// polar is the direction theta degrees from the vertex, azimuth degrees from the nose to the left.
func polar(theta, azimuth float64) vec {
	st, ct := math.Sincos(theta * math.Pi / 180)
	sa, ca := math.Sincos(azimuth * math.Pi / 180)
	return vec{-st * sa, st * ca, ct}
}

// tenPercent is the angle of a tenth of the way from nasion to inion: Cz to Fpz are four of them and a right angle.
const tenPercent = 22.5

// rows are the coronal rows from the front to the back. Odd positions 1, 3, 5, 7 divide the arc from the midline to the
// equator into quarters; the outer ones carry another name where the row crosses the temple.
var rows = []struct{ name, outer string }{
	{"AF", "AF"}, {"F", "F"}, {"FC", "FT"}, {"C", "T"}, {"CP", "TP"}, {"P", "P"}, {"PO", "PO"},
}

// electrodes holds the direction of every electrode by name; electrodeNames has them in a fixed order.
var electrodes, electrodeNames = placeElectrodes()

// placeElectrodes follows the rule of the 10-10 system: the midline and the equator (the ring through Fpz, T7, Oz and
// T8) are divided into tenths, each row is the circle through its two points on the equator and the one on the midline.
// Positions 9 and 10 lie a tenth below the equator, on the height of nasion, ears and inion.
func placeElectrodes() (map[string]vec, []string) {
	at := map[string]vec{}
	var names []string
	put := func(name string, v vec) {
		at[name] = v
		names = append(names, name)
	}
	both := func(prefix string, odd int, v vec) { // the left one and its mirror image
		put(fmt.Sprintf("%s%d", prefix, odd), v)
		put(fmt.Sprintf("%s%d", prefix, odd+1), vec{-v[0], v[1], v[2]})
	}
	put("Nz", polar(5*tenPercent, 0))
	put("Fpz", polar(4*tenPercent, 0))
	both("Fp", 1, polar(90, 18))
	for k, row := range rows {
		sagittal := float64(k-3) * tenPercent // behind the vertex
		middle, azimuth := polar(-sagittal, 0), 18*float64(k+2)
		put(row.name+"z", middle)
		for quarter := 1; quarter <= 4; quarter++ {
			prefix := row.name
			if quarter == 4 {
				prefix = row.outer
			}
			both(prefix, 2*quarter-1, alongCircle(middle, polar(90, azimuth), float64(quarter)/4))
		}
		both(row.outer, 9, polar(5*tenPercent, azimuth))
	}
	put("Oz", polar(90, 180))
	both("O", 1, polar(90, 162))
	put("Iz", polar(5*tenPercent, 180))
	return at, names
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

// EEGMMIDB lists the 64 channels of the EEG Motor Movement/Imagery data set in its order (Schalk et al. 2004,
// doi:10.1109/TBME.2004.827072).
func EEGMMIDB() []string {
	return strings.Fields(`FC5 FC3 FC1 FCz FC2 FC4 FC6 C5 C3 C1 Cz C2 C4 C6 CP5 CP3 CP1 CPz CP2 CP4 CP6 Fp1 Fpz Fp2
		AF7 AF3 AFz AF4 AF8 F7 F5 F3 F1 Fz F2 F4 F6 F8 FT7 FT8 T7 T8 T9 T10 TP7 TP8
		P7 P5 P3 P1 Pz P2 P4 P6 P8 PO7 PO3 POz PO4 PO8 O1 Oz O2 Iz`)
}

// Electrodes lists every electrode that the simulator can place: the 10-10 system, in a fixed order.
func Electrodes() []string { return slices.Clone(electrodeNames) }

// info describes EEG channels at their places. Positions are in the head frame, whose origin lies between the ears, a
// tenth of the midline below the equator.
func info(names []string, rate float64) (*signal.Info, error) {
	out := &signal.Info{Rate: rate, Channels: make([]signal.Channel, len(names))}
	for k, name := range names {
		u, ok := electrodes[name]
		if !ok {
			return nil, fmt.Errorf("channels: %w", &registry.UnknownError{What: "electrode", Name: name, Known: electrodeNames})
		}
		v := u.scale(headRadius)
		v[2] += headRadius * math.Sin(tenPercent*math.Pi/180)
		pos := signal.Position(v)
		out.Channels[k] = signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt, Pos: &pos}
	}
	return out, out.Validate()
}

// directions are those of the channels of i.
func directions(i *signal.Info) []vec {
	out := make([]vec, len(i.Channels))
	for k, c := range i.Channels {
		out[k] = electrodes[c.Name]
	}
	return out
}
