package all_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/features/featurestest"
)

// params are those of the steps whose defaults cannot run on the suite's windows.
var params = map[string]string{
	"cca":   `{"freqs_hz": {"left_hand": 8, "right_hand": 14, "feet": 20}}`,
	"fbcca": `{"freqs_hz": {"left_hand": 8, "right_hand": 14, "feet": 20}, "harmonics": 3}`,
	"fbcsp": `{"select": 4}`,
	"pac":   `{"amplitude_hz": [8, 30]}`, // with the oscillation in it
}

// partly lists the steps that are made for something else than the suite's planted oscillation, and why they see less
// of it: they must find it better than chance, not almost always.
var partly = map[string]string{
	"aperiodic": "the line leaves out what stands above it, as the oscillation does",
	"pac":       "the oscillation is not coupled: it only makes the amplitude steadier",
	"coherence": "an average over 8 to 30 Hz, the oscillation has one frequency",
}

// banked lists the steps that work behind a filter bank.
var banked = map[string]bool{"fbcca": true, "fbcsp": true}

// TestConformance runs the suite over whatever is registered, with the default parameters or those above.
func TestConformance(t *testing.T) {
	names := features.Steps().Names()
	if len(names) == 0 {
		t.Fatal("no feature step is registered")
	}
	for _, name := range names {
		var options []featurestest.Option
		if why := partly[name]; why != "" {
			options = append(options, featurestest.Partly(why))
		}
		if banked[name] {
			options = append(options, featurestest.Banked())
		}
		featurestest.Run(t, name, func() features.Step {
			step, err := features.Steps().New(name, []byte(params[name]))
			if err != nil {
				t.Fatal(err)
			}
			if lagged[name] {
				return &delayed{Extractor: step.(features.Extractor)}
			}
			return step
		}, options...)
	}
}
