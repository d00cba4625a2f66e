package montage

import (
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// lift is how far the middle of the spherical head lies above the origin of the head frame, between the ears.
var lift = HeadRadius * math.Sin(tenPercent*math.Pi/180)

// Centre is the middle of the spherical head on which Position puts electrodes.
func Centre() signal.Position { return signal.Position{0, 0, lift} }

// OnSphere is where the ray along u from the middle of the spherical head meets it: places of formats that know only
// directions, in the frame of Position. u need not have the length 1, but must not be 0.
func OnSphere(u [3]float64) signal.Position {
	v := vec(u).scale(HeadRadius / vec(u).norm())
	v[2] += lift
	return signal.Position(v)
}

// Spherical is the unit vector theta degrees from the vertex, phi degrees from the right ear towards the nose. A negative theta
// is one on the other side. BrainVision and BESA write places like that.
func Spherical(theta, phi float64) [3]float64 {
	st, ct := math.Sincos(theta * math.Pi / 180)
	sp, cp := math.Sincos(phi * math.Pi / 180)
	return [3]float64{st * cp, st * sp, ct}
}

// Electrodes lie between Nearest and Farthest from the middle of the head, in metres.
const (
	Nearest  = 0.02
	Farthest = 0.25
)

// UnitSphere is the unit of places on a sphere of radius 1.
const UnitSphere = "a unit sphere"

// Metres tells the unit of places by their mean distance from the origin, and how they become positions: metres,
// centimetres and millimetres stay in their frame; those on a sphere of radius 1 come to the sphere of Position, in proportion.
// Where no head has that size, unit is "" and place nil.
func Metres(points [][3]float64) (mean float64, unit string, place func(x [3]float64) signal.Position) {
	if len(points) == 0 {
		return 0, "", nil
	}
	for _, p := range points {
		mean += vec(p).norm() / float64(len(points))
	}
	scale, up := 1.0, 0.0
	switch {
	case Nearest <= mean && mean <= Farthest:
		unit = "metres"
	case 0.8 <= mean && mean <= 1.25:
		scale, up, unit = HeadRadius/mean, lift, UnitSphere
	case 4 <= mean && mean <= 100*Farthest:
		scale, unit = 0.01, "centimetres"
	case 40 <= mean && mean <= 1000*Farthest:
		scale, unit = 0.001, "millimetres"
	default:
		return mean, "", nil
	}
	return mean, unit, func(x [3]float64) signal.Position {
		return signal.Position{x[0] * scale, x[1] * scale, x[2]*scale + up}
	}
}
