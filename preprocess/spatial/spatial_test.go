package spatial_test

import (
	"testing"

	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
)

func TestConformance(t *testing.T) {
	for name, construct := range map[string]func() preprocess.Calibrator{
		"ica fastica": func() preprocess.Calibrator {
			return &spatial.ICA{Method: "fastica", EOG: []string{"EOG1"}, EOGThreshold: 0.5, Exclude: []int{3}, MaxIter: 500, Output: "cleaned"}
		},
		"ica sources": func() preprocess.Calibrator {
			return &spatial.ICA{Method: "fastica", EOGThreshold: 1, Exclude: []int{2}, MaxIter: 500, Output: "sources"}
		},
		"ica picard": func() preprocess.Calibrator {
			return &spatial.ICA{Method: "picard", EOGThreshold: 1, Components: 3, MaxIter: 500, Tol: 1e-2, Output: "cleaned"}
		},
		"ssp": func() preprocess.Calibrator { return &spatial.SSP{Components: 2, TMin: -0.2, TMax: 0.2} },
		"ssd": func() preprocess.Calibrator {
			return &spatial.SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 2, Components: 3, Output: "sources"}
		},
		"ssd cleaned": func() preprocess.Calibrator {
			return &spatial.SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 3, Components: 2, Output: "cleaned"}
		},
	} {
		t.Run(name, func(t *testing.T) { preprocesstest.RunCalibrator(t, name, construct) })
	}
	t.Run("interpolate", func(t *testing.T) {
		preprocesstest.Run(t, "interpolate", func() preprocess.Processor { return &spatial.Interpolate{Bads: []string{"C3", "O2"}} })
	})
}
