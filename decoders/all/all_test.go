package all_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
	_ "github.com/gyrus-bci/gyrus/decoders/all"
	"github.com/gyrus-bci/gyrus/decoders/decoderstest"
)

// shorter is the parameters of networks in the suite, which fits each of them some dozens of times on small windows.
var shorter = []byte(`{"epochs": 25, "patience": 8, "learning_rate": 0.003, "workers": 1}`)

// perClass is the training windows of each class that decoders need which are to find the planted effect: 24, but for a
// network whose head reads every step of every virtual channel, and which learns fewer by heart.
func perClass(name string) int {
	if name == "signal_jepa" {
		return 100
	}
	return 24
}

// longer is for that network, whose loss on held-back windows rises before it falls.
var longer = []byte(`{"epochs": 60, "validation": 0, "learning_rate": 0.003, "workers": 1}`)

// TestConformance runs the suite over whatever is registered, with the default parameters, but for shorter training.
func TestConformance(t *testing.T) {
	names := decoders.Decoders().Names()
	if len(names) == 0 {
		t.Fatal("no decoder is registered")
	}
	for _, name := range names {
		decoderstest.RunOn(t, name, perClass(name), func() decoders.Fitter {
			d, err := decoders.Decoders().New(name, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, network := decoders.AsWindowed(d); network {
				params := shorter
				if name == "signal_jepa" {
					params = longer
				}
				if d, err = decoders.Decoders().New(name, params); err != nil {
					t.Fatal(err)
				}
			}
			return d
		})
	}
}
