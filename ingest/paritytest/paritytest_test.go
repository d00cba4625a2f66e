package paritytest

import (
	"math"
	"strings"
	"testing"
)

// spy is a test that only takes notes.
type spy struct {
	testing.TB
	failed bool
	log    string
}

func (s *spy) Helper()               {}
func (s *spy) Errorf(string, ...any) { s.failed = true }
func (s *spy) Log(args ...any)       { s.log = args[0].(string) }

func TestWithin(t *testing.T) {
	want := []float64{100, -50, 0}
	for name, tc := range map[string]struct {
		got  []float64
		pass bool
	}{
		"the same":        {[]float64{100, -50, 0}, true},
		"within":          {[]float64{100, -50, 1e-5}, true}, // relative to the largest
		"beyond":          {[]float64{100, -50, 1e-3}, false},
		"not a number":    {[]float64{100, math.NaN(), 0}, false},
		"infinite":        {[]float64{math.Inf(1), -50, 0}, false},
		"too few":         {[]float64{100, -50}, false},
		"the wrong signs": {[]float64{-100, 50, 0}, false},
	} {
		s := &spy{TB: t}
		Within(s, "what", "peer", "data", tc.got, want, 1e-6)
		if s.failed == tc.pass {
			t.Errorf("%s: failed is %v", name, s.failed)
		}
		if tc.pass != strings.HasPrefix(s.log, Prefix+`{"what":"what","peer":"peer","data":"data"`) {
			t.Errorf("%s: log %q", name, s.log)
		}
	}
}
