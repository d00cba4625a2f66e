package bus_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestRawLateEvents: events that came behind their samples keep these over the bus, so that who decides there cuts the same windows.
func TestRawLateEvents(t *testing.T) {
	b := open(t, "")
	i := info(3)
	chunks := cut(noise(i, 400, 7), 50, 8)
	at := chunks[len(chunks)-1].Start
	late := []signal.Event{{Sample: at - 90, Onset: 1.5, Label: "T1"}, {Sample: at - 1, Onset: 2, Duration: 4, Label: "T2"}}
	chunks[len(chunks)-1].Late = late
	r := rawReader(t, b, "eeg")
	w := rawWriter(t, b, "eeg", i)
	writeAll(t, w, chunks)
	end(t, w)
	var got []signal.Event
	for _, c := range readAll(t, r) {
		if len(c.Late) > 0 && c.Start != at {
			t.Errorf("late events in the chunk at %d, must be in that at %d", c.Start, at)
		}
		got = append(got, c.Late...)
	}
	if diff := cmp.Diff(late, got); diff != "" {
		t.Errorf("late events (-want +got):\n%s", diff)
	}
}
