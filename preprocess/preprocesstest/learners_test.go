package preprocesstest_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

// offset is a calibrator that takes the mean of the training signal from each channel, and has one fault.
type offset struct {
	fault string
	info  *signal.Info
	mean  []float64
	kept  []signal.Chunk
	out   signal.Buffer
}

func (s *offset) Start(in *signal.Info) (*signal.Info, error) {
	s.info = in
	if s.fault == "forgets at Start" {
		s.mean = nil
	}
	return in, nil
}

func (s *offset) Calibrate(runs []signal.Chunk) error {
	mean, n := make([]float64, len(s.info.Channels)), 0.0
	if s.fault == "learns on" && s.mean != nil {
		copy(mean, s.mean)
	}
	for _, r := range runs {
		if s.fault != "does not count channels" && len(r.X) != len(mean) {
			return errors.New("another number of channels")
		}
		for ch, x := range r.X {
			for _, v := range x {
				if math.IsNaN(v) && s.fault != "learns NaN" {
					continue
				}
				mean[ch] += max(min(v, 1e6), -1e6)
			}
			if s.fault == "writes to the training signal" && len(x) > 0 {
				x[0]++
			}
		}
		n += float64(r.Len())
	}
	if n == 0 && s.fault == "learns from nothing" {
		n = 1
	}
	if n == 0 {
		s.mean = nil
		return errors.New("no sample")
	}
	for ch := range mean {
		mean[ch] /= n
	}
	s.mean, s.kept = mean, runs
	return nil
}

func (s *offset) State() signal.State {
	switch {
	case s.mean == nil:
		return nil
	case s.fault == "lends its state":
		return signal.State{"mean": signal.NewArray(s.mean, len(s.mean))}
	case s.fault == "forgets half":
		return signal.State{"mean": signal.NewArray(make([]float64, len(s.mean)), len(s.mean))}
	}
	return signal.State{"mean": signal.NewArray(slices.Clone(s.mean), len(s.mean))}
}

func (s *offset) SetState(st signal.State) error {
	if s.fault == "takes any state" {
		s.mean = make([]float64, len(s.info.Channels))
		copy(s.mean, st["mean"].Data)
		return nil
	}
	mean, err := st.Get("mean", len(s.info.Channels))
	if err != nil {
		return fmt.Errorf("offset: %w", err)
	}
	if s.mean = mean.Data; s.fault != "keeps the state it is given" {
		s.mean = slices.Clone(mean.Data)
	}
	return nil
}

func (s *offset) Process(c signal.Chunk) (signal.Chunk, error) {
	mean := s.mean
	switch {
	case mean == nil && s.fault == "works without calibration":
		mean = make([]float64, len(c.X))
	case mean == nil:
		return signal.Chunk{}, errors.New("not calibrated")
	case s.fault == "keeps the training signal" && len(s.kept) > 0:
		mean = make([]float64, len(c.X))
		for ch := range mean {
			mean[ch] = s.kept[0].X[ch][0]
		}
	}
	y := s.out.Like(c, s.info)
	for ch, x := range c.X {
		for t, v := range x {
			y.X[ch][t] = v - mean[ch]
		}
	}
	return y, nil
}

func (s *offset) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }

// brokenCalibrators is a fault of offset and what the suite must say about it.
var brokenCalibrators = map[string]string{
	"works without calibration":     "Process without calibration works",
	"learns from nothing":           "Calibrate on no signal works",
	"does not count channels":       "Calibrate on a channel too few works",
	"forgets at Start":              "Process: not calibrated",
	"learns on":                     "calibrated a second time has another",
	"learns NaN":                    `of the state "mean" is NaN`,
	"writes to the training signal": "Calibrate writes to its input",
	"keeps the training signal":     "channel 0 sample 0",
	"lends its state":               "behind writing to what State returned has another",
	"forgets half":                  "calibrated, not loaded: channel 0",
	"takes any state":               `SetState without "mean": the error is <nil>`,
	"keeps the state it is given":   "the state loaded has another",
}

// limit is a checker that rejects what is larger than anything in training, and has one fault.
type limit struct {
	fault string
	info  *signal.Info
	top   float64
	ready bool
	calls int
	last  signal.Window
	sink  []float64
}

func (c *limit) Start(in *signal.Info, _ int) error {
	c.info = in
	return nil
}

func (c *limit) largest(w signal.Window) float64 {
	top := 0.0
	for ch, x := range w.X {
		for _, v := range x {
			if c.info.Channels[ch].Kind == signal.EEG {
				top = max(top, math.Abs(v)) // NaN goes on
			}
		}
	}
	return top
}

func (c *limit) Check(w signal.Window) string {
	c.calls++
	top := c.largest(w)
	switch c.fault {
	case "accepts NaN":
		if math.IsNaN(top) {
			return ""
		}
	case "counts":
		if c.calls%7 == 0 {
			return "the seventh"
		}
	case "allocates":
		c.sink = make([]float64, w.Len())
	case "writes to the window":
		w.X[0][0] = 0
	case "keeps the window":
		if c.last.Len() > 0 && c.largest(c.last) == 0 {
			return "the one before is empty"
		}
		c.last = w
	case "accepts before it is fitted":
		if !c.ready {
			return ""
		}
	case "accepts all":
		return ""
	case "rejects all":
		return "on principle"
	}
	if !c.ready || !(top <= c.top) {
		return "too large"
	}
	return ""
}

func (c *limit) FitWindows(ws []signal.Window) error {
	if len(ws) == 0 && c.fault != "fits nothing" {
		return errors.New("no window")
	}
	for _, w := range ws {
		if v := c.largest(w); !math.IsNaN(v) || c.fault == "learns NaN" {
			c.top = max(c.top, v)
		}
	}
	c.ready = true
	return nil
}

func (c *limit) State() signal.State {
	if !c.ready {
		return nil
	}
	return signal.State{"top": signal.NewArray([]float64{c.top}, 1)}
}

func (c *limit) SetState(s signal.State) error {
	top, err := s.Get("top", 1)
	if err != nil {
		return err
	}
	c.top, c.ready = top.Data[0], true
	return nil
}

var brokenCheckers = map[string]string{
	"accepts NaN":                 "with a NaN in channel",
	"counts":                      "in backward order",
	"allocates":                   "allocations for a good window, must be 0",
	"writes to the window":        "Check writes to its input",
	"keeps the window":            "it keeps the window",
	"accepts before it is fitted": "accepts a window before anything was fitted",
	"accepts all":                 "with its EEG a thousand times larger",
	"rejects all":                 "good windows pass, must be half at least",
	"fits nothing":                "FitWindows on no window works",
	"learns NaN":                  `of the state "top" is NaN`,
}

func TestSuiteFindsBrokenLearners(t *testing.T) {
	if name, inside := os.LookupEnv(env); inside {
		kind, fault, _ := strings.Cut(name, ": ")
		if kind == "calibrator" {
			preprocesstest.RunCalibrator(t, name, func() preprocess.Calibrator { return &offset{fault: fault} })
		} else {
			preprocesstest.RunChecker(t, name, func() preprocess.Checker { return &limit{fault: fault} })
		}
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	says := map[string]string{}
	for fault, want := range brokenCalibrators {
		says["calibrator: "+fault] = want
	}
	for fault, want := range brokenCheckers {
		says["checker: "+fault] = want
	}
	for name, want := range says {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.Command(self, "-test.run=^TestSuiteFindsBrokenLearners$")
			cmd.Env = append(slices.Clone(os.Environ()), env+"="+name)
			out, err := cmd.CombinedOutput()
			if err == nil {
				t.Fatalf("the suite finds nothing wrong:\n%s", out)
			}
			if !strings.Contains(string(out), want) {
				t.Errorf("the suite must say %q, says\n%s", want, out)
			}
		})
	}
}

func TestSuitePassesLearners(t *testing.T) {
	preprocesstest.RunCalibrator(t, "offset", func() preprocess.Calibrator { return &offset{} })
	preprocesstest.RunChecker(t, "limit", func() preprocess.Checker { return &limit{} })
}
