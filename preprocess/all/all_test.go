package all_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/preprocess"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

// What the steps need that cannot run with their defaults on the suite's stream. A new step whose defaults fail there
// fails the test until it has a line here.
var (
	processors = map[string]string{
		"ica":         `{"eog": ["EOG1"]}`,
		"interpolate": `{"bads": ["C3"]}`,
		"montage":     `{"channels": ["C4", "C5", "O1", "Fp1"]}`,
		"reference":   `{"channels": ["C3"]}`,
		"linked_ears": `{"channels": ["O1", "O2"]}`,
		"bipolar":     `{"pairs": [["F3", "C3"], ["O1", "O2"]]}`,
		"fir":         `{"low_hz": 8, "high_hz": 30}`, "bessel": `{"low_hz": 8, "high_hz": 30}`, "ellip": `{"high_hz": 40}`,
		"cheby1": `{"low_hz": 8, "high_hz": 30, "stop": true}`, "cheby2": `{"low_hz": 1}`,
		"pick": `{"kinds": ["eeg"], "exclude": ["C3"]}`,
	}
	offlines   = map[string]string{}
	checkers   = map[string]string{}
	segmenters = map[string]string{
		"events": `{"events": {"T1": "fists", "T2": "feet"}, "tmin_s": -0.25, "tmax_s": 1}`,
	}
)

func TestProcessors(t *testing.T) {
	names := preprocess.Processors().Names()
	if len(names) == 0 {
		t.Fatal("no processor is registered")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			construct := func() preprocess.Processor {
				p, err := preprocess.Processors().New(name, []byte(processors[name]))
				if err != nil {
					t.Fatal(err)
				}
				return p
			}
			if _, learns := construct().(preprocess.Calibrator); learns {
				preprocesstest.RunCalibrator(t, name, func() preprocess.Calibrator { return construct().(preprocess.Calibrator) })
				return
			}
			preprocesstest.Run(t, name, construct)
		})
	}
}

func TestOfflines(t *testing.T) {
	names := preprocess.Offlines().Names()
	if len(names) == 0 {
		t.Fatal("no offline step is registered")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			preprocesstest.RunOffline(t, name, func() preprocess.Offline {
				o, err := preprocess.Offlines().New(name, []byte(offlines[name]))
				if err != nil {
					t.Fatal(err)
				}
				return o
			})
		})
	}
}

func TestSegmenters(t *testing.T) {
	names := preprocess.Segmenters().Names()
	if len(names) == 0 {
		t.Fatal("no segmenter is registered")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			preprocesstest.RunSegmenter(t, name, func() preprocess.Segmenter {
				s, err := preprocess.Segmenters().New(name, []byte(segmenters[name]))
				if err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}

func TestCheckers(t *testing.T) {
	names := preprocess.Checkers().Names()
	if len(names) == 0 {
		t.Fatal("no checker is registered")
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			preprocesstest.RunChecker(t, name, func() preprocess.Checker {
				c, err := preprocess.Checkers().New(name, []byte(checkers[name]))
				if err != nil {
					t.Fatal(err)
				}
				return c
			})
		})
	}
}
