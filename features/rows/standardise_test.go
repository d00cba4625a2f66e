package rows_test

import (
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/featurestest"
	"github.com/gyrus-bci/gyrus/features/rows"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestConformance(t *testing.T) {
	featurestest.Run(t, "standardise", func() features.Step { return &rows.Standardise{} })
}

// TestByHand: the columns are ±2 around 5, a constant whose mean is rounded, and one beside a large offset.
func TestByHand(t *testing.T) {
	s := &rows.Standardise{}
	if _, err := s.Start(features.Format{Names: []string{"a", "flat", "far"}}); err != nil {
		t.Fatal(err)
	}
	flat := 0.1 + 1e5/3
	if err := s.FitRows([][]float64{{3, flat, 1e9 + 1}, {7, flat, 1e9 - 1}, {3, flat, 1e9 + 1}, {7, flat, 1e9 - 1}}, signal.Labels{}); err != nil {
		t.Fatal(err)
	}
	dst := make([]float64, 3)
	if err := s.Transform(dst, []float64{9, flat + 0.5, 1e9 + 3}); err != nil {
		t.Fatal(err)
	}
	for j, want := range []float64{2, 0.5, 3} {
		if math.Abs(dst[j]-want) > 1e-6*want { // flat + 0.5 is itself rounded to 7e-12
			t.Errorf("number %d is %g, want %g", j, dst[j], want)
		}
	}
}

func TestErrors(t *testing.T) {
	start := func() *rows.Standardise {
		s := &rows.Standardise{}
		if _, err := s.Start(features.Format{Names: []string{"C3.logvar", "C4.logvar"}}); err != nil {
			t.Fatal(err)
		}
		return s
	}
	_, window := (&rows.Standardise{}).Start(features.Format{Names: []string{"C3"}, Len: 10})
	fitted := start()
	if err := fitted.FitRows([][]float64{{1, 2}, {3, 5}}, signal.Labels{}); err != nil {
		t.Fatal(err)
	}
	_, other := fitted.Start(features.Format{Names: []string{"C3.logvar"}})
	for _, tc := range []struct {
		name string
		err  error
		want string
	}{
		{"a window", window, "needs rows"},
		{"rows of another length than it was fitted to", other, "fitted to rows of 2 numbers, gets 1"},
		{"too large", start().FitRows([][]float64{{1, 1e200}, {2, -1e200}}, signal.Labels{}), "variance of C4.logvar is +Inf"},
		{"NaN", start().FitRows([][]float64{{1, 1}, {2, math.NaN()}}, signal.Labels{}), "training row 1: C4.logvar is NaN"},
		{"scale 0", start().SetState(signal.State{"mean": signal.NewArray([]float64{0, 0}, 2), "scale": signal.NewArray([]float64{1, 0}, 2)}), "scale of C4.logvar is 0"},
	} {
		if tc.err == nil || !strings.Contains(tc.err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, tc.err, tc.want)
		}
	}
}
