package brainvision_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// named are events with their channels: "1+2/Comment/spike (Cz, Fz)".
func named(rec *signal.Recording) string {
	var all []string
	for _, e := range rec.Events {
		text := fmt.Sprintf("%d+%g/%s", e.Sample, e.Duration*rec.Info.Rate, e.Label)
		if !e.Channels.IsZero() {
			text += " (" + e.Channels.String() + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// TestOfChannels: the fifth field of a marker is the number of the channel that it is of, or 0. Markers that differ in it alone are one event.
func TestOfChannels(t *testing.T) {
	for _, tc := range []struct{ name, markers, want, found string }{
		{"all", "Mk2=Comment,x,2,1,0\nMk3=Comment,y,2,1\nMk4=Comment,z,2,1,\n", "1+1/Comment/x 1+1/Comment/y 1+1/Comment/z", ""},
		{"one", "Mk2=Comment,x,2,1,2\n", "1+1/Comment/x (Cz)", ""},
		{"two", "Mk2=Comment,x,2,1,1\nMk3=Comment,y,2,1,1\nMk4=Comment,x,2,1, 2 \n", "1+1/Comment/x (Cz, Fz) 1+1/Comment/y (Fz)", ""},
		{"of other lengths", "Mk2=Comment,x,2,1,1\nMk4=Comment,x,2,2,2\n", "1+1/Comment/x (Fz) 1+2/Comment/x (Cz)", ""},
		{"none of them", "Mk2=Comment,x,2,1,3\nMk3=Comment,x,2,1,Cz\nMk4=Comment,BAD_ACQ_SKIP,2,1,9\n", "1+1/Comment/x 1+1/Comment/x 1+1/Comment/BAD_ACQ_SKIP", `"3"; 2 more like it`},
	} {
		rec := open(t, files("Mk2=Stimulus,S  1,2,1,0\n", tc.markers), "x.vhdr")
		if got := named(rec); got != tc.want {
			t.Errorf("%s: the events are %s, want %s", tc.name, got, tc.want)
		}
		var found []string
		for _, d := range append(slices.Clone(rec.Deviations), rec.Notes...) {
			found = append(found, d.Found)
		}
		if strings.Join(found, " ") != tc.found {
			t.Errorf("%s: listed is %q, want %q", tc.name, found, tc.found)
		}
	}
}

func of(sample int64, size float64, label string, names ...string) signal.Event {
	return signal.Event{Sample: sample, Onset: float64(sample) / 100, Duration: size / 100, Label: label, Channels: signal.ChannelsOf(names...)}
}

// TestOfChannelsWritten: what is written reads back, or is a loss.
func TestOfChannelsWritten(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []signal.Event
		want   string // "" for what was written
		lost   string
	}{
		{"kept", []signal.Event{of(0, 1, "Stimulus/S  1"), of(1, 2, "spike", "Fz"), of(1, 2, "spike", "Cz", "Fz"), of(2, 0, "x", "Cz")}, "", ""},
		{"alike but for channels", []signal.Event{of(1, 0, "x", "Cz"), of(1, 0, "x", "Fz"), of(2, 0, "x")}, "1+0/x (Cz, Fz) 2+0/x", "2 of 3 events that do"},
		{"not there", []signal.Event{of(1, 0, "x", "Oz"), of(2, 0, "x", "Cz", "Oz")}, "1+0/x 2+0/x (Cz)", "2 of 2 events with others"},
		{"MNE's mark of a channel", []signal.Event{of(1, 1, "BAD_ACQ_SKIP", "Cz")}, "", ""},
	} {
		rec := open(t, files(), "x.vhdr")
		rec.Events = tc.events
		want := tc.want
		if want == "" {
			want = named(rec)
		}
		again, losses := write(t, rec)
		if got := named(again); got != want {
			t.Errorf("%s: the events are %s, want %s", tc.name, got, want)
		}
		var lost []string
		for _, l := range losses {
			lost = append(lost, l.Found)
		}
		if strings.Join(lost, " ") != tc.lost {
			t.Errorf("%s: the losses are %q, want %q", tc.name, lost, tc.lost)
		}
	}
}

// TestPeerReadsWrittenChannels: MNE, which passes over the channels of markers, has an annotation for each channel of an event, as of what it exports itself.
func TestPeerReadsWrittenChannels(t *testing.T) {
	python := os.Getenv("GYRUS_BRAINVISION_PYTHON")
	if python == "" {
		t.Skip("GYRUS_BRAINVISION_PYTHON is not set: make interop-brainvision runs this test with MNE")
	}
	rec := open(t, files(), "x.vhdr")
	rec.Events = []signal.Event{of(0, 1, "cue"), of(1, 2, "Comment/spike", "Fz"), of(2, 1, "Comment/spike", "Cz", "Fz")}
	_, _, dir := written(t, rec)
	cmd := exec.CommandContext(t.Context(), python, "-c", `import sys, json, mne
a = mne.io.read_raw_brainvision(sys.argv[1], verbose='error').annotations
print(json.dumps([f'{o:g} {d:g} {t}' for o, d, t in zip(a.onset, a.duration, a.description)]))`, filepath.Join(dir, "new.vhdr"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var got []string
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	if want := []string{"0 0.01 /cue", "0.01 0.02 Comment/spike", "0.02 0.01 Comment/spike", "0.02 0.01 Comment/spike"}; !slices.Equal(got, want) {
		t.Errorf("MNE reads %q, want %q", got, want)
	}
}
