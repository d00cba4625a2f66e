package synth

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// NoiseOptions say what Noise simulates. Begin with NoiseDefaults.
type NoiseOptions struct {
	Subject uint64 `json:"subject_seed" doc:"seed of the mixing, which runs of one subject share"`
	Run     uint64 `json:"run_seed" doc:"seed of the time courses and of the order of the labels"`

	Rate     float64  `json:"rate_hz" doc:"samples per second, 64 to 10000"`
	Channels []string `json:"channels" doc:"electrodes of the 10-10 system; there are as many sources"`

	Classes        []string `json:"classes" doc:"labels of the cues, at least two, none of them T0"`
	TrialsPerClass int      `json:"trials_per_class" doc:"cues of each class, in random order; at least 1"`
	RestS          float64  `json:"rest_s" doc:"rest T0 before each cue, in seconds, 1 to 60"`
	CueS           float64  `json:"cue_s" doc:"length of each cue, in seconds, 1 to 60"`
	AmplitudeUV    float64  `json:"amplitude_uv" doc:"RMS of the median channel, in µV, above 0"`
}

// NoiseDefaults are 22 channels at 160 Hz and 8 trials of each of T1 and T2.
func NoiseDefaults() NoiseOptions {
	return NoiseOptions{
		Rate: 160, Channels: strings.Fields("Fz FC3 FC1 FCz FC2 FC4 C5 C3 C1 Cz C2 C4 C6 CP3 CP1 CPz CP2 CP4 P1 Pz P2 POz"),
		Classes: []string{"T1", "T2"}, TrialsPerClass: 8, RestS: 4.2, CueS: 4.1, AmplitudeUV: 10,
	}
}

// NoiseTruth is what Noise mixed.
type NoiseTruth struct {
	Trials []Trial
	Phi    []float64   // of each source: its correlation with itself one sample later
	Mixing [][]float64 // [channel][source], in µV: every source has variance 1
}

// Noise simulates a recording whose labels mean nothing: first-order autoregressive sources, with coefficients evenly
// from 0.2 to 0.95, through one random mixing. The order of the labels comes from a random stream of its own and is
// never looked at when the samples are made. Whatever decodes it better than chance has seen its test data.
//
// The error names the first option that is out of range, and the range.
func Noise(opt NoiseOptions) (*signal.Recording, *NoiseTruth, error) {
	if err := checkClasses(opt.Classes); err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	if err := check([]field{{"amplitude_uv", opt.AmplitudeUV, 1e-6, 1e6}}); err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	s, err := newSchedule(opt.Subject, opt.Run, opt.Rate, opt.Channels, slices.Clone(opt.Classes), opt.TrialsPerClass, opt.RestS, opt.CueS)
	if err != nil {
		return nil, nil, fmt.Errorf("synth: %w", err)
	}
	chs := len(opt.Channels)
	truth := &NoiseTruth{Phi: make([]float64, chs), Mixing: make([][]float64, chs)}
	r := stream("noise mixing", s.subject)
	for ch := range truth.Mixing {
		truth.Mixing[ch] = make([]float64, chs)
		for k := range truth.Mixing[ch] {
			truth.Mixing[ch][k] = opt.AmplitudeUV / math.Sqrt(float64(chs)) * r.NormFloat64()
		}
	}
	x := s.slab()
	course, gain := make([]float64, len(x[0])), make([]float64, chs)
	for k := range chs {
		truth.Phi[k] = 0.2 + 0.75*float64(k)/float64(max(chs-1, 1))
		autoregression(course, truth.Phi[k], s.run, s.subject, k)
		for ch := range gain {
			gain[ch] = truth.Mixing[ch][k]
		}
		addTo(x, gain, course)
	}
	var events []signal.Event
	truth.Trials, events = s.draw()
	return s.record("simulated noise", x, events), truth, nil
}

// autoregression fills x with x[t] = phi·x[t-1] + white noise, of variance 1 from the first sample on.
func autoregression(x []float64, phi float64, run, subject uint64, source int) {
	r := stream("noise course", subject, run, uint64(source))
	v, push := r.NormFloat64(), math.Sqrt(1-phi*phi)
	for t := range x {
		x[t] = v
		v = phi*v + push*r.NormFloat64()
	}
}

func checkClasses(classes []string) error {
	if len(classes) < 2 {
		return fmt.Errorf("classes are %q, must be at least two", classes)
	}
	for i, c := range classes {
		switch {
		case c == "":
			return fmt.Errorf("class %d has no name", i)
		case c == "T0":
			return errors.New(`classes: "T0" is the label of the rests, choose another`)
		case slices.Contains(classes[:i], c):
			return fmt.Errorf("classes: %q is there twice, names must differ", c)
		}
	}
	return nil
}
