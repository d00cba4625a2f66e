package seizure

import (
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
)

// TestConformance runs the suite over the integer networks, a third of whose weights are pruned; the float ones are among
// the registered decoders, which decoders/all tests.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("skipped: trains networks")
	}
	for _, name := range []string{"edge_dnn", "edge_cnn", "edge_lstm"} {
		decoderstest.Run(t, name, func() decoders.Fitter {
			d, err := decoders.Decoders().New(name, []byte(`{"int8": true, "prune": 0.3, "fine_tune_epochs": 5, "epochs": 25, "patience": 8, "batch": 8, "workers": 1}`))
			if err != nil {
				t.Fatal(err)
			}
			return d
		})
	}
}
