package synth

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// headRadius is that of the outer sphere, in metres.
const headRadius = montage.HeadRadius

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

// rows are the coronal rows from the front to the back; the outer electrodes, from 7 on, carry another name where the row
// crosses the temple.
var rows = []struct{ name, outer string }{
	{"AF", "AF"}, {"F", "F"}, {"FC", "FT"}, {"C", "T"}, {"CP", "TP"}, {"P", "P"}, {"PO", "PO"},
}

// electrodeNames lists the electrodes of the 10-10 system in a fixed order; electrodes holds their directions.
var (
	electrodeNames = tenTen()
	electrodes     = place(electrodeNames)
)

// tenTen is the names of the 10-10 system from the front to the back.
func tenTen() []string {
	names := []string{"Nz", "Fpz", "Fp1", "Fp2"}
	for _, row := range rows {
		names = append(names, row.name+"z")
		for odd := 1; odd <= 9; odd += 2 {
			prefix := row.name
			if odd >= 7 {
				prefix = row.outer
			}
			names = append(names, fmt.Sprintf("%s%d", prefix, odd), fmt.Sprintf("%s%d", prefix, odd+1))
		}
	}
	return append(names, "Oz", "O1", "O2", "Iz")
}

// place looks up directions. A name without one is a bug.
func place(names []string) map[string]vec {
	at := make(map[string]vec, len(names))
	for _, name := range names {
		u, ok := montage.Direction(name)
		if !ok {
			panic("synth: no place for electrode " + name)
		}
		at[name] = u
	}
	return at
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

// info describes EEG channels at their places (montage.Position).
func info(names []string, rate float64) (*signal.Info, error) {
	out := &signal.Info{Rate: rate, Channels: make([]signal.Channel, len(names))}
	for k, name := range names {
		pos, ok := montage.Position(name)
		if _, known := electrodes[name]; !ok || !known {
			return nil, fmt.Errorf("channels: %w", &registry.UnknownError{What: "electrode", Name: name, Known: electrodeNames})
		}
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
