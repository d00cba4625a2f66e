package segment

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.RegisterSegmenter("sliding", func() preprocess.Segmenter { return &Sliding{Length: 3, Step: 0.1, Detrend: detrendNone} })
}

// Sliding cuts windows of one length, one every step.
//
// A window ends behind the samples whose number, counted from sample 0 of the stream and not from the last gap, makes a
// multiple of the step: [k·step−length, k·step). So the places of the windows do not depend on where a gap lies. Step and
// length are rounded to samples once; 0.1 s at 256 Hz is 26 samples, and every window is 26 samples behind the last.
//
// A window may lose its trend, as those of events may; set both alike where one trains and the other runs live.
//
// A window is [channels][samples] in the units of the stream. It is the definition of
// https://mne.tools/stable/generated/mne.make_fixed_length_events.html but for where windows begin.
type Sliding struct {
	Length  float64 `json:"length_s" doc:"length of a window in seconds, at least one sample, at most a day"`
	Step    float64 `json:"step_s" doc:"time from one window to the next in seconds, at least one sample, at most a day"`
	Detrend string  `json:"detrend" doc:"what a window loses: none, constant (its mean) or linear (its line of least squares)"`

	length, step int64 // samples
	next         int64 // End of the next window
	placed       bool  // next is known
	hist         history
	volt         []bool  // channels that lose their trend
	own          scratch // samples of windows that do
}

// Start converts the times to samples and forgets all samples.
func (s *Sliding) Start(in *signal.Info) (int, error) {
	var err error
	if s.length, err = samples(in, "sliding", "length_s", s.Length); err != nil {
		return 0, err
	}
	if s.length < 1 {
		return 0, fmt.Errorf("sliding: length_s is %g, must be at least one sample: %g s at %g Hz", s.Length, 1/in.Rate, in.Rate)
	}
	if s.step, err = samples(in, "sliding", "step_s", s.Step); err != nil {
		return 0, err
	}
	if s.step < 1 {
		return 0, fmt.Errorf("sliding: step_s is %g, must be at least one sample: %g s at %g Hz; set it to length_s (%g) for windows that do not overlap",
			s.Step, 1/in.Rate, in.Rate, s.Length)
	}
	if err := checkDetrend("sliding", s.Detrend); err != nil {
		return 0, err
	}
	s.placed, s.volt = false, voltages(in)
	s.hist.start(in, s.length)
	return int(s.length), nil
}

// Hop is the number of samples from one window to the next, behind Start.
func (s *Sliding) Hop() int64 { return s.step }

// Push returns the windows that end in c. They share memory and are valid until the next call.
func (s *Sliding) Push(c signal.Chunk) ([]signal.Window, error) {
	if c.Len() == 0 {
		return nil, nil
	}
	if err := s.hist.push(c); err != nil {
		return nil, fmt.Errorf("sliding: %w", err)
	}
	if !s.placed {
		s.next, s.placed = ceilTo(s.hist.run+s.length, s.step), true
	}
	s.own.reset()
	for ; s.next <= s.hist.end(); s.next += s.step {
		w := s.hist.lend(s.next-s.length, s.length)
		if s.Detrend == detrendConstant || s.Detrend == detrendLinear {
			s.own.own(w)
			for ch, x := range w.X {
				if s.volt[ch] {
					detrend(x, s.Detrend)
				}
			}
		}
	}
	return s.hist.windows, nil
}

// End has nothing to return: a window that slides waits for no event.
func (s *Sliding) End() []preprocess.Miss { return nil }

// ceilTo is the smallest multiple of step that is at least n, which may be negative.
func ceilTo(n, step int64) int64 {
	r := n % step
	if r > 0 {
		r -= step
	}
	return n - r
}
