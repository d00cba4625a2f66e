package synth

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Truth is what MotorImagery put into a recording. What it lists per channel is in the recording's order.
type Truth struct {
	Classes map[string]string // what is imagined on a cue: "T1" is "left_fist"
	Trials  []Trial

	// Rhythms are alpha_O1, alpha_O2, mu_C3, mu_C4 and mu_Cz.
	Rhythms []Rhythm
	// Background holds the gains of the 1/f sources, [source][channel], in µV: a source's time course has variance 1.
	Background [][]float64
	Blinks     []Blink
	// BlinkTopography is how a blink reaches each channel; the mean of Fp1 and Fp2 is 1.
	BlinkTopography []float64
	LineUV          []float64 // RMS of the mains hum in each channel, without its slow waxing and waning by a tenth
}

// Rhythm is an oscillating source: channel ch gets Topography[ch]·Activity[t].
type Rhythm struct {
	Name       string    // "mu_C3": kind and the electrode above it
	FreqHz     float64   // of the fundamental
	Topography []float64 // per channel; 1 at the electrode above
	Activity   []float64 // per sample, in µV at that electrode, beta harmonic and desynchronisation included
	Envelope   []float64 // per sample: momentary amplitude of the fundamental in Activity, in µV
	Lost       []float64 // per sample: share of the power at rest that imagery has taken away, 0 to Options.Effect
}

// Blink is one closing of the eyes.
type Blink struct {
	Sample   int64   // of the peak
	HeightUV float64 // of the peak, mean of Fp1 and Fp2
}

// imagined says for each task which movement a cue stands for, and the electrodes above the areas it desynchronises:
// those of the hand on the other side, and the feet in the middle.
var imagined = map[Task]map[string]struct {
	class string
	areas []string
}{
	Hands:     {"T1": {"left_fist", []string{"C4"}}, "T2": {"right_fist", []string{"C3"}}},
	FistsFeet: {"T1": {"fists", []string{"C3", "C4"}}, "T2": {"feet", []string{"Cz"}}},
}

// MotorImagery simulates one run of cued motor imagery and returns it with its truth. The recording begins with a rest
// T0, rests and cues take turns as in EEGMMIDB, and it ends with the last cue; Begin is the zero time. Potentials are
// against infinity, so no electrode is named as the reference.
//
// The error names the first option that is out of range, and the range.
func MotorImagery(opt Options) (*signal.Recording, *Truth, error) {
	cues, ok := imagined[opt.Task]
	if !ok {
		return nil, nil, fmt.Errorf("synth: task is %q, must be %q or %q", opt.Task, Hands, FistsFeet)
	}
	const most = 1000 // µV: no electrode sees more
	if err := check([]field{
		{"effect", opt.Effect, 0, 1},
		{"background_uv", opt.BackgroundUV, 0, most},
		{"exponent", opt.Exponent, 0.25, 1.75},
		{"alpha_uv", opt.AlphaUV, 0, most},
		{"mu_uv", opt.MuUV, 0, most},
		{"blink_uv", opt.BlinkUV, 0, most},
		{"blinks_per_min", opt.BlinksPerMin, 0, 60},
		{"line_uv", opt.LineUV, 0, most},
		{"sensor_uv", opt.SensorUV, 0, most},
	}); err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	if nyq := opt.Rate / 2; opt.LineUV > 0 && !(0 < opt.LineHz && opt.LineHz < nyq) {
		return nil, nil, fmt.Errorf("synth: line_hz is %g, must be between 0 and %g (half of rate_hz); set line_uv to 0 for no hum", opt.LineHz, nyq)
	}
	s, err := newSchedule(opt.Subject, opt.Run, opt.Rate, opt.Channels, []string{"T1", "T2"}, opt.TrialsPerClass, opt.RestS, opt.CueS)
	if err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}

	truth := &Truth{Classes: map[string]string{}}
	for label, cue := range cues {
		truth.Classes[label] = cue.class
	}
	var events []signal.Event
	truth.Trials, events = s.draw()
	x, us, conductor := s.slab(), directions(s.info), newSphere(head)
	if opt.BackgroundUV > 0 {
		truth.Background = s.addBackground(x, us, conductor, opt.BackgroundUV, opt.Exponent, sources)
	}
	for _, area := range areas {
		amplitude := opt.AlphaUV
		if area.kind == "mu" {
			amplitude = opt.MuUV
		}
		lost := make([]float64, len(x[0]))
		for _, trial := range truth.Trials {
			for _, at := range cues[trial.Label].areas {
				if area.kind == "mu" && area.at == at {
					desynchronise(lost, trial, opt.Rate, opt.Effect)
				}
			}
		}
		rhythm := s.rhythm(area, us, conductor, amplitude, lost)
		addTo(x, rhythm.Topography, rhythm.Activity)
		truth.Rhythms = append(truth.Rhythms, rhythm)
	}
	truth.BlinkTopography = blinkTopography(us)
	if opt.BlinkUV > 0 && opt.BlinksPerMin > 0 {
		truth.Blinks = s.addBlinks(x, truth.BlinkTopography, opt.BlinkUV, opt.BlinksPerMin)
	}
	truth.LineUV = s.addHum(x, opt.LineUV, opt.LineHz)
	s.addSensorNoise(x, opt.SensorUV)
	return s.record("simulated motor imagery", x, events), truth, nil
}

// The time course of desynchronisation: it begins half a second behind the cue, is complete half a second later, holds
// until the cue ends and is gone a second after that.
const (
	erdLatencyS  = 0.5
	erdRiseS     = 0.5
	erdRecoveryS = 1.0
)

// desynchronise enters one trial into lost, the share of power that is missing at each sample.
func desynchronise(lost []float64, trial Trial, rate, effect float64) {
	length := float64(trial.Len) / rate
	for t := trial.Sample; t < int64(len(lost)); t++ {
		at := float64(t-trial.Sample) / rate
		switch {
		case at >= length+erdRecoveryS:
			return
		case at >= length:
			lost[t] = effect * (1 - ramp((at-length)/erdRecoveryS))
		default:
			lost[t] = effect * ramp((at-erdLatencyS)/erdRiseS)
		}
	}
}

// ramp goes from 0 at 0 to 1 at 1 along half a cosine, and stays there.
func ramp(u float64) float64 {
	return 0.5 - 0.5*math.Cos(math.Pi*min(max(u, 0), 1))
}
