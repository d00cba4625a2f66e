package synth

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Task says what is imagined on the cues T1 and T2, as in the EEG Motor Movement/Imagery data set.
type Task string

// The tasks.
const (
	Hands     Task = "hands"      // T1 left fist, T2 right fist
	FistsFeet Task = "fists-feet" // T1 both fists, T2 both feet
)

// Options say what MotorImagery simulates. Begin with Defaults: the zero value is not valid, but every amplitude, Effect
// and BlinksPerMin may be 0, which leaves that part out.
type Options struct {
	Subject uint64 `json:"subject_seed" doc:"seed of what stays with a person: mixing, frequencies, electrodes"`
	Run     uint64 `json:"run_seed" doc:"seed of what happens in one recording: order of trials, time courses, blinks"`

	Rate     float64  `json:"rate_hz" doc:"samples per second, 64 to 10000"`
	Channels []string `json:"channels" doc:"electrodes of the 10-10 system; the default is the 64 of EEGMMIDB"`

	Task           Task    `json:"task" doc:"hands (T1 left fist, T2 right fist) or fists-feet (T1 fists, T2 feet)"`
	TrialsPerClass int     `json:"trials_per_class" doc:"cues T1 and as many T2, in random order; at least 1"`
	RestS          float64 `json:"rest_s" doc:"rest T0 before each cue, in seconds, 1 to 60"`
	CueS           float64 `json:"cue_s" doc:"length of each cue, in seconds, 1 to 60"`
	Effect         float64 `json:"effect" doc:"share of the mu rhythm's power that imagery takes away, 0 (none: labels mean nothing) to 1"`

	BackgroundUV float64 `json:"background_uv" doc:"RMS of the 1/f background, in µV, mean over the head"`
	Exponent     float64 `json:"exponent" doc:"of the background's 1/f^exponent power spectrum, 0.25 to 1.75"`
	AlphaUV      float64 `json:"alpha_uv" doc:"RMS of each occipital alpha rhythm at O1 or O2, in µV"`
	MuUV         float64 `json:"mu_uv" doc:"RMS at rest of the 10 Hz part of each mu rhythm at C3, C4 or Cz, in µV"`
	BlinkUV      float64 `json:"blink_uv" doc:"mean height of blinks at Fp1 and Fp2, in µV"`
	BlinksPerMin float64 `json:"blinks_per_min" doc:"blinks per minute, 0 to 60"`
	LineUV       float64 `json:"line_uv" doc:"RMS of mains hum in the median channel, in µV"`
	LineHz       float64 `json:"line_hz" doc:"mains frequency, below half of rate_hz: 50 in Europe, 60 in the Americas"`
	SensorUV     float64 `json:"sensor_uv" doc:"RMS of the white noise of each channel, in µV"`
}

// Defaults are a run much like those of EEGMMIDB: 64 channels at 160 Hz, 16 trials, 133 s.
func Defaults() Options {
	return Options{
		Rate: 160, Channels: EEGMMIDB(),
		Task: Hands, TrialsPerClass: 8, RestS: 4.2, CueS: 4.1, Effect: 0.6,
		BackgroundUV: 10, Exponent: 1.2, AlphaUV: 8, MuUV: 6,
		BlinkUV: 120, BlinksPerMin: 12, LineUV: 2, LineHz: 60, SensorUV: 1,
	}
}

// field is a number with the range it must lie in, both ends allowed.
type field struct {
	key           string
	value, lo, hi float64
}

// check reports the first field outside its range.
func check(fields []field) error {
	for _, f := range fields {
		if !(f.lo <= f.value && f.value <= f.hi) { // also catches NaN
			return fmt.Errorf("%s is %g, must be between %g and %g", f.key, f.value, f.lo, f.hi)
		}
	}
	return nil
}

// maxValues bounds a recording to 1 GiB.
const maxValues = 1 << 27

// schedule is what MotorImagery and Noise have in common: who, where, when.
type schedule struct {
	subject, run uint64
	info         *signal.Info
	labels       []string // one per class
	perClass     int
	restS, cueS  float64
}

func newSchedule(subject, run uint64, rate float64, channels, labels []string, perClass int, restS, cueS float64) (*schedule, error) {
	if err := check([]field{
		{"rate_hz", rate, 64, 10000}, {"trials_per_class", float64(perClass), 1, 1e6}, {"rest_s", restS, 1, 60}, {"cue_s", cueS, 1, 60},
	}); err != nil {
		return nil, err
	}
	in, err := info(channels, rate)
	if err != nil {
		return nil, err
	}
	s := &schedule{subject: subject, run: run, info: in, labels: labels, perClass: perClass, restS: restS, cueS: cueS}
	if want := float64(s.samples()) * float64(len(channels)); want > maxValues {
		return nil, fmt.Errorf("%d trials at %g Hz in %d channels are %.3g values, must be at most %d: ask for fewer trials and simulate more runs",
			s.trials(), rate, len(channels), want, maxValues)
	}
	return s, nil
}

func (s *schedule) trials() int { return s.perClass * len(s.labels) }

// samples is the length of the recording: it ends with its last cue.
func (s *schedule) samples() int64 {
	_, _, end := s.seconds(s.trials() - 1)
	return s.info.Samples(end)
}

// seconds is when trial i's rest begins, its cue begins, and its cue ends.
func (s *schedule) seconds(i int) (rest, cue, end float64) {
	rest = float64(i) * (s.restS + s.cueS)
	return rest, rest + s.restS, rest + s.restS + s.cueS
}

// Trial is one cue.
type Trial struct {
	Sample int64 // of the cue's first sample
	Len    int64 // of the cue, in samples
	Label  string
}

// draw orders the trials at random, as many of each class, and lists the events: T0 for each rest, then the cue.
func (s *schedule) draw() ([]Trial, []signal.Event) {
	order := make([]int, s.trials())
	for i := range order {
		order[i] = i % len(s.labels)
	}
	stream("order", s.subject, s.run).Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })

	trials := make([]Trial, len(order))
	events := make([]signal.Event, 0, 2*len(order))
	for i, class := range order {
		rest, cue, end := s.seconds(i)
		start := s.info.Samples(cue)
		trials[i] = Trial{Sample: start, Len: s.info.Samples(end) - start, Label: s.labels[class]}
		events = append(events,
			signal.Event{Sample: s.info.Samples(rest), Onset: rest, Duration: s.restS, Label: "T0"},
			signal.Event{Sample: start, Onset: cue, Duration: s.cueS, Label: s.labels[class]})
	}
	return trials, events
}

// record wraps the samples.
func (s *schedule) record(kind string, x [][]float64, events []signal.Event) *signal.Recording {
	return &signal.Recording{
		Name:   fmt.Sprintf("%s of subject %d, run %d", kind, s.subject, s.run),
		Format: "synth",
		Info:   s.info,
		Events: events,
		Len:    int64(len(x[0])),
		Data:   signal.Memory(x),
	}
}

// slab is one row of n samples per channel, one behind the other, all 0.
func (s *schedule) slab() [][]float64 {
	c := signal.NewChunk(s.info, 0, int(s.samples()))
	return c.X
}

// addTo adds gain[ch]·source to every channel.
func addTo(x [][]float64, gain, source []float64) {
	for ch, g := range gain {
		row := x[ch]
		for t, v := range source {
			row[t] += g * v
		}
	}
}

// rms is the root of the mean square of x.
func rms(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v * v
	}
	return math.Sqrt(sum / float64(len(x)))
}
