package synth

import (
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// SeizureOptions say what Seizures simulates. Begin with SeizureDefaults.
type SeizureOptions struct {
	Subject uint64 `json:"subject_seed" doc:"seed of the patient: the focus and where it spreads, frequencies, amplitude, mixing"`
	Run     uint64 `json:"run_seed" doc:"seed of one recording: when seizures come, how long they last, time courses"`

	Rate    float64 `json:"rate_hz" doc:"samples per second, 64 to 10000"`
	LengthS float64 `json:"length_s" doc:"of the recording, in seconds"`
	Count   int     `json:"seizures" doc:"seizures, spread over the recording, at least 0"`
	MinS    float64 `json:"min_s" doc:"shortest seizure, in seconds, at least 5"`
	MaxS    float64 `json:"max_s" doc:"longest seizure, in seconds, at most a quarter of the recording's part of one seizure"`

	SeizureUV     float64 `json:"seizure_uv" doc:"peak of the spike-wave at the electrode above the focus, in µV, mean over patients"`
	PostictalS    float64 `json:"postictal_s" doc:"how long the slowing behind a seizure takes to fade, in seconds; 0: none"`
	PreictalS     float64 `json:"preictal_s" doc:"how long before a seizure its focus begins to change, in seconds; 0: not at all"`
	PreictalUV    float64 `json:"preictal_uv" doc:"RMS of the theta rhythm that has grown at the focus when the seizure begins, in µV; 0: none"`
	BurstsPerHour float64 `json:"bursts_per_hour" doc:"rhythmic bursts that are no seizures, of 2 to 6 s, 0 to 600"`
	BurstUV       float64 `json:"burst_uv" doc:"their peak at the electrode above, in µV"`

	BackgroundUV float64 `json:"background_uv" doc:"RMS of the 1/f background, in µV, mean over the head"`
	Exponent     float64 `json:"exponent" doc:"of the background's 1/f^exponent power spectrum, 0.25 to 1.75"`
	BlinkUV      float64 `json:"blink_uv" doc:"mean height of blinks at Fp1 and Fp2, in µV"`
	BlinksPerMin float64 `json:"blinks_per_min" doc:"blinks per minute, 0 to 60"`
	SensorUV     float64 `json:"sensor_uv" doc:"RMS of the white noise of each channel, in µV"`
}

// SeizureDefaults are half an hour with three seizures, in compressed time: what takes hours in a patient takes minutes.
func SeizureDefaults() SeizureOptions {
	return SeizureOptions{
		Rate: 256, LengthS: 1800, Count: 3, MinS: 25, MaxS: 60, SeizureUV: 90, PostictalS: 60, PreictalS: 210, PreictalUV: 12,
		BurstsPerHour: 20, BurstUV: 35, BackgroundUV: 12, Exponent: 1.2, BlinkUV: 100, BlinksPerMin: 8, SensorUV: 1,
	}
}

// SeizureTruth is what Seizures put into a recording.
type SeizureTruth struct {
	Focus    string    // the electrode above
	Spread   []string  // the electrodes above what seizures spread to, in order
	Peak     float64   // of the spike-wave at the focus, in µV
	Seizures []Seizure // in order of time
	Bursts   []Burst   // in order of time
}

// Seizure is one seizure: a spike-wave rhythm that falls from FromHz to ToHz, grows over its first half, spreads, and
// ends within its last tenth.
type Seizure struct {
	StartS, EndS float64
	FromHz, ToHz float64
	SpreadS      []float64 // when it reaches each of SeizureTruth.Spread
}

// Burst is a rhythm that is no seizure.
type Burst struct {
	StartS, EndS float64
	At           string
}

// Bipolar lists the 18 channels of the longitudinal bipolar montage, each the difference of two electrodes.
func Bipolar() []string {
	return strings.Fields("Fp1-F7 F7-T7 T7-P7 P7-O1 Fp1-F3 F3-C3 C3-P3 P3-O1 Fp2-F4 F4-C4 C4-P4 P4-O2 Fp2-F8 F8-T8 T8-P8 P8-O2 Fz-Cz Cz-Pz")
}

// foci are the electrodes that a focus may lie under, and where its seizures spread to.
var foci = [][]string{
	{"T7", "F7", "P7", "T8"},
	{"T8", "F8", "P8", "T7"},
	{"F7", "T7", "F3", "F8"},
	{"F8", "T8", "F4", "F7"},
	{"F3", "C3", "F7", "F4"},
	{"F4", "C4", "F8", "F3"},
	{"P7", "T7", "O1", "P8"},
	{"P8", "T8", "O2", "P7"},
}

// slowSources is the number of background dipoles, more than there are channels.
const slowSources = 40

// Seizures simulates the recording of a patient with focal epilepsy, in the bipolar montage of Bipolar, and returns it with
// its truth. Events called "seizure" say when each begins and how long it lasts.
//
// A seizure is a spike-wave rhythm of 3 to 8 Hz that slows down, grows and spreads, with slow waves behind it; before it a
// theta rhythm grows at the focus. It has the signs that detectors look for (Gotman 1982, doi:10.1016/0013-4694(82)90038-4)
// and is far simpler than a real one: a detector that works here has shown that it can be trained, not that it works.
//
// The error names the first option that is out of range, and the range.
func Seizures(opt SeizureOptions) (*signal.Recording, *SeizureTruth, error) {
	const most = 2000 // µV
	slot := opt.LengthS / float64(max(opt.Count, 1))
	if err := check([]field{
		{"rate_hz", opt.Rate, 64, 10000},
		{"length_s", opt.LengthS, 60, 1e5},
		{"seizures", float64(opt.Count), 0, 1000},
		{"min_s", opt.MinS, 5, opt.MaxS},
		{"max_s", opt.MaxS, opt.MinS, slot / 4},
		{"seizure_uv", opt.SeizureUV, 0, most},
		{"postictal_s", opt.PostictalS, 0, opt.LengthS},
		{"preictal_s", opt.PreictalS, 0, opt.LengthS},
		{"preictal_uv", opt.PreictalUV, 0, most},
		{"bursts_per_hour", opt.BurstsPerHour, 0, 600},
		{"burst_uv", opt.BurstUV, 0, most},
		{"background_uv", opt.BackgroundUV, 0, most},
		{"exponent", opt.Exponent, 0.25, 1.75},
		{"blink_uv", opt.BlinkUV, 0, most},
		{"blinks_per_min", opt.BlinksPerMin, 0, 60},
		{"sensor_uv", opt.SensorUV, 0, most},
	}); err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	single, pairs := electrodesOf(Bipolar())
	in, err := info(single, opt.Rate)
	if err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	n := in.Samples(opt.LengthS)
	if want := float64(n) * float64(len(single)); want > maxValues {
		return nil, nil, fmt.Errorf("synth: %g s at %g Hz in %d electrodes are %.3g values, must be at most %d: simulate several shorter runs", opt.LengthS, opt.Rate, len(single), want, maxValues)
	}
	s := &schedule{subject: opt.Subject, run: opt.Run, info: in}
	x, us, conductor := signal.NewChunk(in, 0, int(n)).X, directions(in), newSphere(head)
	if opt.BackgroundUV > 0 {
		s.addBackground(x, us, conductor, opt.BackgroundUV, opt.Exponent, slowSources)
	}
	e := &epilepsy{schedule: s, opt: opt, x: x, us: us, conductor: conductor}
	truth := e.add()
	if opt.BlinkUV > 0 && opt.BlinksPerMin > 0 {
		s.addBlinks(x, blinkTopography(us), opt.BlinkUV, opt.BlinksPerMin)
	}
	out := bipolar(in, x, pairs)
	s.info = out.Info
	s.addSensorNoise(out.X, opt.SensorUV)
	events := make([]signal.Event, len(truth.Seizures))
	for i, z := range truth.Seizures {
		events[i] = signal.Event{Sample: in.Samples(z.StartS), Onset: z.StartS, Duration: z.EndS - z.StartS, Label: "seizure"}
	}
	return s.record("simulated seizures", out.X, events), truth, nil
}

// electrodesOf lists the electrodes of bipolar channels, each once, and the positions of each channel's two.
func electrodesOf(channels []string) (names []string, pairs [][2]int) {
	at := map[string]int{}
	for _, c := range channels {
		a, b, _ := strings.Cut(c, "-")
		var pair [2]int
		for i, name := range []string{a, b} {
			if _, ok := at[name]; !ok {
				at[name] = len(names)
				names = append(names, name)
			}
			pair[i] = at[name]
		}
		pairs = append(pairs, pair)
	}
	return names, pairs
}

// bipolar takes differences.
func bipolar(in *signal.Info, x [][]float64, pairs [][2]int) signal.Chunk {
	out := &signal.Info{Rate: in.Rate, Channels: make([]signal.Channel, len(pairs))}
	for k, name := range Bipolar() {
		out.Channels[k] = signal.Channel{Name: name, Original: name, Kind: signal.EEG, Unit: signal.Microvolt}
	}
	c := signal.NewChunk(out, 0, len(x[0]))
	for k, p := range pairs {
		for t, v := range x[p[0]] {
			c.X[k][t] = v - x[p[1]][t]
		}
	}
	return c
}

// epilepsy adds what belongs to the disease.
type epilepsy struct {
	*schedule
	opt       SeizureOptions
	x         [][]float64
	us        []vec
	conductor *sphere
}

func (e *epilepsy) add() *SeizureTruth {
	r := stream("patient", e.subject)
	chain := foci[r.IntN(len(foci))]
	truth := &SeizureTruth{Focus: chain[0], Spread: chain[1:], Peak: e.opt.SeizureUV * math.Exp(0.2*r.NormFloat64())}
	from, to := 6+2*r.Float64(), 3+r.Float64()
	gains := make([][]float64, len(chain))
	for i, at := range chain {
		gains[i] = e.source("focus "+at, at)
	}
	when := stream("seizures", e.subject, e.run)
	slot := e.opt.LengthS / float64(max(e.opt.Count, 1))
	for i := range e.opt.Count {
		z := Seizure{StartS: slot * (float64(i) + 0.45 + 0.25*when.Float64()), FromHz: from * (0.95 + 0.1*when.Float64()), ToHz: to * (0.95 + 0.1*when.Float64())}
		length := e.opt.MinS + (e.opt.MaxS-e.opt.MinS)*when.Float64()
		z.EndS = z.StartS + length
		for k := range truth.Spread {
			z.SpreadS = append(z.SpreadS, z.StartS+length*(0.15+0.15*float64(k)+0.1*when.Float64()))
		}
		truth.Seizures = append(truth.Seizures, z)
		e.seizure(z, uint64(i), gains, truth.Peak)
		e.preictal(z, uint64(i), gains[0])
		e.postictal(z, uint64(i), gains, truth.Peak)
	}
	truth.Bursts = e.bursts()
	return truth
}

// source is how a dipole under an electrode reaches all of them; 1 at the one above.
func (e *epilepsy) source(part, at string) []float64 {
	r := stream(part, e.subject)
	above := electrodes[at]
	place := above.add(randomDirection(r).scale(0.08 * r.Float64())).unit().scale(0.75 * headRadius)
	moment := above.add(randomDirection(r).scale(0.35 * r.Float64()))
	return e.conductor.topography(e.us, place, moment.scale(1/e.conductor.potential(above, place, moment)))
}

// addFrom adds gain·source from sample at on.
func (e *epilepsy) addFrom(at int64, gain, source []float64) {
	for ch, g := range gain {
		row := e.x[ch]
		for t, v := range source {
			if k := at + int64(t); 0 <= k && k < int64(len(row)) {
				row[k] += g * v
			}
		}
	}
}

// spikeWave is a slow wave with a spike on it, by the phase; its largest value is about 1 and its mean 0.
func spikeWave(phase float64) float64 {
	spike := math.Exp(12 * (math.Cos(phase) - 1))
	const mean = 0.1164 // of the spike over a cycle: e^-12·I0(12)
	return 0.8*(spike-mean) - 0.4*math.Cos(phase-2.2)
}

// seizure adds one, at the focus and with a delay of a few ms at what it has spread to.
func (e *epilepsy) seizure(z Seizure, number uint64, gains [][]float64, peak float64) {
	r := stream("seizure", e.subject, e.run, number)
	start, rate := e.info.Samples(z.StartS), e.info.Rate
	n := int(e.info.Samples(z.EndS) - start)
	phase, wander := 2*math.Pi*r.Float64(), 0.0
	phases, envelope := make([]float64, n), make([]float64, n)
	for t := range n {
		u := float64(t) / float64(n)
		wander += -wander/rate + 0.08*math.Sqrt(2/rate)*r.NormFloat64() // within a tenth or so, over a second
		phase += 2 * math.Pi * z.FromHz * math.Pow(z.ToHz/z.FromHz, u) * (1 + wander) / rate
		phases[t] = phase
		envelope[t] = peak * (0.2 + 0.8*ramp(u/0.5)) * (1 - ramp((u-0.9)/0.1))
	}
	course := make([]float64, n)
	for k, gain := range gains {
		begin, strength, lag := 0, 1.0, 0.0
		if k > 0 {
			begin, strength, lag = int(e.info.Samples(z.SpreadS[k-1])-start), 0.75-0.1*float64(k), 0.4*r.Float64()
		}
		for t := range course {
			course[t] = strength * envelope[t] * ramp(float64(t-begin)/(2*rate)) * spikeWave(phases[t]-lag)
			if k == 0 {
				course[t] = envelope[t] * spikeWave(phases[t])
			}
		}
		e.addFrom(start, gain, course)
	}
}

// rhythmic is a narrow-band rhythm of RMS 1 for n samples.
func (e *epilepsy) rhythmic(n int, freq, bandwidth float64, part string, number uint64) []float64 {
	r := stream(part, e.subject, e.run, number)
	re, im := make([]float64, n), make([]float64, n)
	carrier(re, im, e.info.Rate, bandwidth, r)
	for t := range re {
		sin, cos := math.Sincos(2 * math.Pi * cycles(freq, t, e.info.Rate))
		re[t] = math.Sqrt2 * (re[t]*cos - im[t]*sin)
	}
	return re
}

// preictal lets a theta rhythm grow at the focus.
func (e *epilepsy) preictal(z Seizure, number uint64, gain []float64) {
	if e.opt.PreictalS == 0 || e.opt.PreictalUV == 0 {
		return
	}
	n := int(e.info.Samples(e.opt.PreictalS))
	course := e.rhythmic(n, 5.5, 1.5, "preictal", number)
	for t := range course {
		course[t] *= e.opt.PreictalUV * ramp(2*float64(t)/float64(n)) // all of it from the middle on
	}
	e.addFrom(e.info.Samples(z.StartS)-int64(n), gain, course)
}

// postictal adds slow waves wherever the seizure has been.
func (e *epilepsy) postictal(z Seizure, number uint64, gains [][]float64, peak float64) {
	n := int(e.info.Samples(e.opt.PostictalS))
	for k, gain := range gains {
		course := e.rhythmic(n, 1.5, 0.8, "postictal", number*16+uint64(k))
		for t := range course {
			course[t] *= 0.3 * peak * (1 - ramp(float64(t)/float64(n)))
		}
		e.addFrom(e.info.Samples(z.EndS), gain, course)
	}
}

// bursts adds short rhythms under random electrodes.
func (e *epilepsy) bursts() (out []Burst) {
	if e.opt.BurstsPerHour == 0 || e.opt.BurstUV == 0 {
		return nil
	}
	r := stream("bursts", e.subject, e.run)
	for at := 3600 / e.opt.BurstsPerHour * r.ExpFloat64(); ; at += 8 + 3600/e.opt.BurstsPerHour*r.ExpFloat64() {
		b := Burst{StartS: at, EndS: at + 2 + 4*r.Float64(), At: e.info.Channels[r.IntN(len(e.info.Channels))].Name}
		freq, height := 4+3*r.Float64(), e.opt.BurstUV*(0.7+0.6*r.Float64())
		if b.EndS > e.opt.LengthS {
			return out
		}
		n := int(e.info.Samples(b.EndS - b.StartS))
		course := make([]float64, n)
		for t := range course {
			u := float64(t) / float64(n)
			course[t] = height * math.Sin(math.Pi*u) * math.Sin(2*math.Pi*cycles(freq, t, e.info.Rate))
		}
		e.addFrom(e.info.Samples(b.StartS), e.source("burst "+b.At, b.At), course)
		out = append(out, b)
	}
}
