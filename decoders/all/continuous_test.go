package all_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
)

// steered lists the continuous decoders that need the position beside the velocity.
var steered = map[string]bool{"refit": true}

// TestContinuousConformance runs the suite over whatever continuous decoder is registered, with the default parameters.
func TestContinuousConformance(t *testing.T) {
	names := decoders.ContinuousDecoders().Names()
	if len(names) == 0 {
		t.Fatal("no continuous decoder is registered")
	}
	for _, name := range names {
		decoderstest.RunContinuous(t, name, func() decoders.Continuous {
			d, err := decoders.ContinuousDecoders().New(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			return d
		}, steered[name])
	}
}

// TestDeciderConformance runs the suite over whatever decide step is registered, with the default parameters.
func TestDeciderConformance(t *testing.T) {
	names := decoders.Deciders().Names()
	if len(names) == 0 {
		t.Fatal("no decider is registered")
	}
	for _, name := range names {
		decoderstest.RunDecider(t, name, func() decoders.Decider {
			d, err := decoders.Deciders().New(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			return d
		})
	}
}
