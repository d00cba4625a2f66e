package synth

import (
	"math"
	"math/rand/v2"
)

// sources is the number of background dipoles: more than there are channels, or a spatial filter could take all of the
// background away, which no real recording allows.
const sources = 100

// addBackground mixes count 1/f sources into x and returns their gains, [source][channel]. Every source has the same mean
// power over all electrodes of the 10-10 system, so the gains do not depend on which of them are recorded.
func (s *schedule) addBackground(x [][]float64, us []vec, conductor *sphere, amplitude, exponent float64, count int) [][]float64 {
	everywhere := make([]vec, len(electrodeNames))
	for k, name := range electrodeNames {
		everywhere[k] = electrodes[name]
	}
	gains := make([][]float64, count)
	settle := int(runIn * s.info.Rate)
	buf := make([]float64, settle+len(x[0]))
	for k := range gains {
		r := stream("background source", s.subject, uint64(k))
		place := randomDirection(r)
		for place[2] < -0.3 { // no brain below
			place = randomDirection(r)
		}
		place = place.scale(headRadius * (0.4 + 0.4*r.Float64()))
		moment := randomDirection(r)
		steep := exponent + 0.4*(r.Float64()-0.5)
		scale := amplitude / math.Sqrt(float64(count)) / rms(conductor.topography(everywhere, place, moment))
		gains[k] = conductor.topography(us, place, moment.scale(scale))

		course := stream("background course", s.subject, s.run, uint64(k))
		addTo(x, gains[k], background(buf, settle, s.info.Rate, steep, course))
	}
	return gains
}

// randomDirection is a point on the unit sphere, all equally likely.
func randomDirection(r *rand.Rand) vec {
	return vec{r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}.unit()
}

// area is where a rhythm comes from.
type area struct {
	kind, at string  // rhythm and the electrode above
	depth    float64 // distance from the centre over the head's radius
	beta     float64 // amplitude of the second harmonic over that of the fundamental
}

// The mu rhythm is shaped like an arch, hence its second harmonic at 20 Hz. The foot area lies deep between the
// hemispheres; here its dipole points up, so that it is seen best at Cz.
var areas = []area{
	{"alpha", "O1", 0.75, 0},
	{"alpha", "O2", 0.75, 0},
	{"mu", "C3", 0.75, 0.4},
	{"mu", "C4", 0.75, 0.4},
	{"mu", "Cz", 0.65, 0.4},
}

// rhythmWidth is the width of the spectral line of a rhythm at half its height, in Hz.
const rhythmWidth = 2

// rhythm simulates one oscillating source; lost is kept.
func (s *schedule) rhythm(a area, us []vec, conductor *sphere, amplitude float64, lost []float64) Rhythm {
	name := a.kind + "_" + a.at
	r := stream(name, s.subject)
	above := electrodes[a.at]
	place := above.add(randomDirection(r).scale(0.08 * r.Float64())).unit().scale(a.depth * headRadius) // up to 5° aside
	moment := above.add(randomDirection(r).scale(0.35 * r.Float64()))                                   // up to 20° aslant
	moment = moment.scale(1 / conductor.potential(above, place, moment))
	out := Rhythm{
		Name:       name,
		FreqHz:     9.25 + 1.5*r.Float64(),
		Topography: conductor.topography(us, place, moment),
		Activity:   make([]float64, len(lost)),
		Envelope:   make([]float64, len(lost)),
		Lost:       lost,
	}
	re, im := make([]float64, len(lost)), make([]float64, len(lost))
	carrier(re, im, s.info.Rate, rhythmWidth, stream(name, s.subject, s.run))
	for t := range lost {
		phase := math.Atan2(im[t], re[t]) + 2*math.Pi*cycles(out.FreqHz, t, s.info.Rate)
		// The magnitude of the carrier has a mean square of 1, a cosine of 1/2: hence the root of 2.
		out.Envelope[t] = math.Sqrt2 * amplitude * math.Hypot(re[t], im[t]) * math.Sqrt(1-lost[t])
		out.Activity[t] = out.Envelope[t] * (math.Cos(phase) + a.beta*math.Cos(2*phase))
	}
	return out
}

// cycles is how many cycles of freq are over at sample t, less the whole ones, which would cost the sine its precision.
func cycles(freq float64, t int, rate float64) float64 {
	_, part := math.Modf(freq * float64(t) / rate)
	return part
}
