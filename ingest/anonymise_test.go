package ingest_test

import (
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestFindPersonal: what somebody may have typed, and not the codes of a machine that come seldom.
func TestFindPersonal(t *testing.T) {
	rec := &signal.Recording{Info: &signal.Info{}}
	for _, l := range []string{
		"TargetCode/2", "spike/elec5/1", "digital/65535", "T1", "comment/Ada was tired", "Mrs. Smith 3/4", "Mrs. Smith", "comment/", "Lights/off",
		"Stimulus/S  1", "Stimulus/S  1", "Stimulus/S  1",
	} {
		rec.Events = append(rec.Events, signal.Event{Label: l})
	}
	var found []string
	for _, p := range ingest.FindPersonal(rec) {
		found = append(found, p.Found)
	}
	if want := []string{"comment/Ada was tired", "Mrs. Smith 3/4", "Mrs. Smith", "comment/", "Lights/off"}; !slices.Equal(found, want) {
		t.Errorf("found %q, want %q", found, want)
	}
}
