package edf

import (
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestCheck: a layout that hides samples is refused before anything is written.
func TestCheck(t *testing.T) {
	group := func(rate float64, runs ...signal.Span) *outGroup {
		return &outGroup{rec: &signal.Recording{Info: &signal.Info{Rate: rate, Channels: make([]signal.Channel, 1)}, Len: runs[len(runs)-1].End(), Spans: runs}}
	}
	for name, tc := range map[string]struct {
		segments []outSegment
		want     string // of the error, "" for none
	}{
		"all samples":                {[]outSegment{{0, 1, []int64{0, 0}}, {1.5, 1, []int64{15, 150}}}, ""},
		"a record begins too early":  {[]outSegment{{0, 2, []int64{0, 0}}, {1.5, 1, []int64{20, 200}}}, "would begin at 1.5 s"},
		"by one sample of one group": {[]outSegment{{0, 1, []int64{0, 0}}, {1.5, 1, []int64{15, 99}}}, "would begin at 1.5 s"},
		"a run in two segments":      {[]outSegment{{0, 1, []int64{0, 0}}, {1.5, 1, []int64{15, 160}}}, "90 of 100 samples at 100 Hz"},
		"a run in no segment":        {[]outSegment{{0, 1, []int64{0, 0}}}, "10 of 20 samples at 10 Hz"},
	} {
		o := &output{
			groups: []*outGroup{group(10, signal.Span{Len: 10}, signal.Span{Start: 15, Len: 10}), group(100, signal.Span{Len: 50}, signal.Span{Start: 150, Len: 50})},
			lay:    layout{duration: 1, per: []int64{10, 100}, segments: tc.segments},
		}
		if err := o.check(); (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}
