package all_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	_ "github.com/gyrus-bci/gyrus/decoders/all"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
)

// TestConformance runs the suite over whatever is registered, with the default parameters.
func TestConformance(t *testing.T) {
	names := decoders.Decoders().Names()
	if len(names) == 0 {
		t.Fatal("no decoder is registered")
	}
	for _, name := range names {
		decoderstest.Run(t, name, func() decoders.Fitter {
			d, err := decoders.Decoders().New(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			return d
		})
	}
}
