package all_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// withChannels has events of some channels: by other names than the source has for them, of both groups, some of which are alike but for the channels.
func withChannels(more ...signal.Event) *signal.Recording {
	rec := ofGroups("A1: Fz=eeg T7=eeg Cz=eeg", ": force=misc")
	rec.Info.Channels[1].Original = "EEG T3-Ref"
	of := func(sample int64, seconds float64, label string, names ...string) signal.Event {
		return signal.Event{Sample: sample, Onset: float64(sample) / 100, Duration: seconds, Label: label, Channels: signal.ChannelsOf(names...)}
	}
	rec.Events = append([]signal.Event{of(10, 0, "cue"), of(50, 0.25, "spike", "T7"), of(50, 0.25, "spike", "Cz", "T7"), of(60, 0, "x", "Fz", "Cz", "T7"), of(60, 0, "y", "Fz"), of(70, 0.5, "BAD_z", "Cz")}, more...)
	return rec
}

// told are events with their channels, in order of their names.
func told(rec *signal.Recording) string {
	var all []string
	for _, e := range rec.Events {
		all = append(all, fmt.Sprintf("%d %s (%s)", e.Sample, e.Label, e.Channels))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// TestChannelsOfEventsStay: in every format that gyrus writes events are read of the channels that they were of, or that is a loss which is listed.
func TestChannelsOfEventsStay(t *testing.T) {
	other := signal.Event{Sample: 80, Onset: 0.8, Label: "tap", Channels: signal.ChannelsOf("force")}
	gone := signal.Event{Sample: 80, Onset: 0.8, Label: "tap", Channels: signal.ChannelsOf("Oz", "Cz")}
	for name, rec := range map[string]*signal.Recording{"channels": withChannels(), "of the other group": withChannels(other), "not there": withChannels(gone)} {
		check := func(t *testing.T, again *signal.Recording, losses []signal.Deviation, whole bool) {
			t.Helper()
			lost := slices.ContainsFunc(losses, func(d signal.Deviation) bool {
				return d.Where == "events" && strings.Contains(d.Rule+d.Found, "channel")
			})
			switch kept := told(again) == told(rec); {
			case !kept && !lost:
				t.Errorf("the events are\n%s\nand were\n%s\nand that is no loss: %+v", told(again), told(rec), losses)
			case kept && lost:
				t.Errorf("channels of events are a loss, and stay: %+v", losses)
			case whole && !kept:
				t.Errorf("the events are\n%s\nwant\n%s", told(again), told(rec))
			}
		}
		for _, w := range ingest.Writers() {
			t.Run(name+" as "+w.Name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "x"+w.Ext[0])
				made, err := ingest.WriteFile(path, w, rec, false)
				if err != nil {
					t.Fatal(err)
				}
				check(t, ingesttest.OpenFile(t, path), made.Losses, w.Name == "arrow" || w.Name == "parquet" || name == "channels" && w.Name != "xdf")
			})
		}
		for _, format := range []string{"edf+", "brainvision"} {
			if format == "brainvision" && name == "of the other group" { // which that leaves out
				continue
			}
			t.Run(name+" as BIDS with "+format, func(t *testing.T) {
				root := t.TempDir()
				it := bids.Item{Name: bids.Name{}.With("sub", "1").With("task", "tap"), Input: "made", Open: func() (*signal.Recording, error) { return rec, nil }}
				made, err := bids.Write(t.Context(), root, []bids.Item{it}, bids.Options{Format: format, Generator: bids.Generator{Name: "test"}})
				if err != nil {
					t.Fatal(err)
				}
				again := ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(made[0].Path)))
				check(t, again, made[0].Losses, true)
				for _, d := range again.Deviations {
					if name != "not there" || !strings.Contains(d.Where, "column channel") {
						t.Errorf("what was written has the deviation %+v", d)
					}
				}
			})
		}
	}
}
