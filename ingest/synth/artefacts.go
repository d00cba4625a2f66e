package synth

import "math"

const (
	blinkS     = 0.4 // length of a blink
	blinkGapS  = 0.8 // from one peak to the next, at least
	blinkReach = 30  // degrees from the eyes at which a blink has fallen to exp(-1/2)
)

// blinkTopography falls off like a bell with the angle from the point between the eyes (Croft & Barry 2000,
// doi:10.1016/S0987-7053(00)00055-1, has measured propagation factors). It is 1 at Fp1 and Fp2.
func blinkTopography(us []vec) []float64 {
	eyes := polar(110, 0)
	bell := func(u vec) float64 {
		angle := math.Acos(min(max(u.dot(eyes), -1), 1)) * 180 / math.Pi / blinkReach
		return math.Exp(-angle * angle / 2)
	}
	out := make([]float64, len(us))
	for k, u := range us {
		out[k] = bell(u) / bell(electrodes["Fp1"])
	}
	return out
}

// addBlinks adds blinks at random times: exponential pauses behind a dead time, so that they never overlap.
func (s *schedule) addBlinks(x [][]float64, topography []float64, height, perMinute float64) []Blink {
	r := stream("blinks", s.subject, s.run)
	rate, n := s.info.Rate, int64(len(x[0]))
	half := int64(math.Round(blinkS / 2 * rate))
	pause := 60/perMinute - blinkGapS
	var blinks []Blink
	for at := pause * r.ExpFloat64(); ; at += blinkGapS + pause*r.ExpFloat64() {
		b := Blink{Sample: s.info.Samples(at), HeightUV: height * (0.8 + 0.4*r.Float64())}
		if b.Sample >= n {
			return blinks
		}
		blinks = append(blinks, b)
		for t := max(b.Sample-half, 0); t <= min(b.Sample+half, n-1); t++ {
			c := math.Cos(math.Pi / 2 * float64(t-b.Sample) / float64(half))
			for ch, g := range topography {
				x[ch][t] += g * b.HeightUV * c * c
			}
		}
	}
}

// addHum adds mains hum and returns its RMS in each channel. Amplitude and phase differ between channels, as electrodes
// sit differently well; all of it waxes and wanes by about a tenth within 10 s or so.
func (s *schedule) addHum(x [][]float64, amplitude, freq float64) []float64 {
	out := make([]float64, len(x))
	if amplitude == 0 {
		return out
	}
	n := len(x[0])
	re, im := make([]float64, n), make([]float64, n)
	drift, unused := make([]float64, n), make([]float64, n)
	r := stream("hum", s.subject, s.run)
	start := r.Float64()
	carrier(drift, unused, s.info.Rate, 0.03, r)
	for t := range n {
		sin, cos := math.Sincos(2 * math.Pi * (start + cycles(freq, t, s.info.Rate)))
		a := math.Sqrt2 * (1 + 0.1*math.Sqrt2*drift[t])
		re[t], im[t] = a*cos, a*sin
	}
	for ch, c := range s.info.Channels {
		seat := stream("seat of electrode "+c.Name, s.subject)
		out[ch] = amplitude * math.Exp(0.25*seat.NormFloat64())
		sin, cos := math.Sincos(0.3 * seat.NormFloat64())
		for t := range n {
			x[ch][t] += out[ch] * (cos*re[t] + sin*im[t])
		}
	}
	return out
}

// addSensorNoise adds white noise to every channel, from a stream of its own.
func (s *schedule) addSensorNoise(x [][]float64, amplitude float64) {
	if amplitude == 0 {
		return
	}
	for ch, c := range s.info.Channels {
		r := stream("sensor "+c.Name, s.subject, s.run)
		for t := range x[ch] {
			x[ch][t] += amplitude * r.NormFloat64()
		}
	}
}
