package stream_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// TestRestLack: what is said of too little rest before anything was learned is what training says, and as much as it asks for is enough.
// What rest_block_s is held against is enough as well.
func TestRestLack(t *testing.T) {
	recs := []*signal.Recording{simulatedRun(t, 1, 1, 0.6, "a"), simulatedRun(t, 1, 2, 0.6, "b")}
	still := simulatedRun(t, 1, 3, 0, "still")
	first := func(s float64) []*signal.Recording {
		r := *still
		r.Events = nil
		if r.Len = int64(math.Ceil(s * r.Info.Rate)); r.Len > still.Len {
			t.Fatalf("%g s of rest, there are %g", s, float64(still.Len)/r.Info.Rate)
		}
		return []*signal.Recording{&r}
	}
	spec := asking(t, "csp-lda", 3)
	p := build(t, spec, pipeline.Cued)
	set, y := collect(t, p, recs...)
	if err := p.Fit(set, y); err != nil {
		t.Fatal(err)
	}
	lack := func(err error) (l *stream.RestLackError) {
		t.Helper()
		if err != nil && !errors.As(err, &l) {
			t.Fatal(err)
		}
		return l
	}
	const short = 60.0
	before := lack(stream.CheckRest(context.Background(), spec, first(short), nil))
	_, err := stream.CalibrateRest(context.Background(), p, recs, stream.RestOptions{Recordings: first(short)})
	behind := lack(err)
	if before == nil || behind == nil || before.Error() != behind.Error() || *before != *behind {
		t.Fatalf("before: %v; behind: %v", before, behind)
	}
	// 3 a minute, with 95 % certainty: −ln(0.05)/3 min are 59.9 s, which must be left of nine tenths less the windows of 3 s on both sides.
	if before.RestS < short-0.2 || before.RestS > short || before.AllS < (59.9+6)/0.9 || before.AllS > 1.2*(59.9+6)/0.9 {
		t.Errorf("%g s were recorded, %g are asked for", before.RestS, before.AllS)
	}
	q := build(t, spec, pipeline.All)
	if err := q.Start(still.Info); err != nil {
		t.Fatal(err)
	}
	for what, s := range map[string]float64{"asked for": math.Ceil(before.AllS), "promised": stream.NeedRest(q).BlockS()} {
		if l := lack(stream.CheckRest(context.Background(), spec, first(s), nil)); l != nil {
			t.Errorf("%g s, as %s: %v", s, what, l)
		}
		if _, err := stream.CalibrateRest(context.Background(), p, recs, stream.RestOptions{Recordings: first(s)}); err != nil {
			t.Errorf("%g s, as %s: %v", s, what, err)
		}
	}
}
