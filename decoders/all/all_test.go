package all_test

import (
	"encoding/json"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	_ "github.com/gyrus-bci/gyrus/decoders/all"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
)

// shorter is the parameters of networks in the suite, which fits each of them some dozens of times on small windows.
var shorter = []byte(`{"epochs": 25, "patience": 8, "learning_rate": 0.003, "workers": 1}`)

// trainsInEpochs says whether d is a network with the parameters that shorter sets.
func trainsInEpochs(t *testing.T, d decoders.Fitter) bool {
	t.Helper()
	raw, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var params map[string]any
	if err := json.Unmarshal(raw, &params); err != nil {
		t.Fatal(err)
	}
	_, epochs := params["epochs"]
	_, patience := params["patience"]
	return epochs && patience
}

// TestConformance runs the suite over whatever is registered, with the default parameters, but for shorter training.
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
			if trainsInEpochs(t, d) {
				if d, err = decoders.Decoders().New(name, shorter); err != nil {
					t.Fatal(err)
				}
			}
			return d
		})
	}
}
