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
		"pick": `{"kinds": ["eeg"], "exclude": ["C3"]}`,
	}
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
			preprocesstest.Run(t, name, func() preprocess.Processor {
				p, err := preprocess.Processors().New(name, []byte(processors[name]))
				if err != nil {
					t.Fatal(err)
				}
				return p
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
