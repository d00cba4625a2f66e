package all_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	_ "github.com/gyrus-bci/gyrus/features/all"
	"github.com/gyrus-bci/gyrus/features/featurestest"
)

// TestConformance runs the suite over whatever is registered, with the default parameters.
func TestConformance(t *testing.T) {
	names := features.Steps().Names()
	if len(names) == 0 {
		t.Fatal("no feature step is registered")
	}
	for _, name := range names {
		featurestest.Run(t, name, func() features.Step {
			step, err := features.Steps().New(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			return step
		})
	}
}
