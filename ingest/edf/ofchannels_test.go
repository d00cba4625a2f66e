package edf_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// named are events with their channels: "1/0.5/spike (Cz, Pz)".
func named(events []signal.Event) string {
	var all []string
	for _, e := range events {
		text := fmt.Sprintf("%g/%g/%s", e.Onset, e.Duration, e.Label)
		if !e.Channels.IsZero() {
			text += " (" + e.Channels.String() + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// threeChannels has these lists in its first record. Two signals have the same label.
func threeChannels(lists string) edftest.File {
	s := func(label string) edftest.Signal { return edftest.Signal{Label: label, Dim: "uV", Samples: 10} }
	return edftest.File{Reserved: "EDF+C", N: 2, Signals: []edftest.Signal{s("EEG Cz-Ref"), s("EEG Pz-Ref"), s("aux"), s("twice"), s("twice"), edftest.Annotations(200, func(r int) string {
		if r > 0 {
			lists = ""
		}
		return edftest.TAL(edftest.Steady(r), "") + lists
	})}}
}

// TestOfChannels: behind @@ stands the label of the channel that an annotation is of, by MNE's convention; those that differ in that alone
// are one event.
func TestOfChannels(t *testing.T) {
	for _, tc := range []struct{ name, lists, want, noted string }{
		{"one", edftest.TAL("+1", "0.5", "spike@@EEG Cz-Ref"), "1/0.5/spike (Cz)", ""},
		{"two in a list", edftest.TAL("+1", "0.5", "spike@@EEG Pz-Ref", "spike@@EEG Cz-Ref"), "1/0.5/spike (Cz, Pz)", ""},
		{"in lists apart", edftest.TAL("+1", "0.5", "spike@@aux") + edftest.TAL("+1.2", "", "T1") + edftest.TAL("+1", "0.5", "spike@@EEG Cz-Ref"), "1/0.5/spike (Cz, aux) 1.2/0/T1", ""},
		{"another duration", edftest.TAL("+1", "0.5", "spike@@aux") + edftest.TAL("+1", "", "spike@@EEG Cz-Ref"), "1/0.5/spike (aux) 1/0/spike (Cz)", ""},
		{"beside all channels", edftest.TAL("+1", "", "spike@@aux", "spike"), "1/0/spike (aux) 1/0/spike", ""},
		{"again", edftest.TAL("+1", "", "x@@aux", "x@@aux"), "1/0/x (aux) 1/0/x (aux)", ""},
		{"no text", edftest.TAL("+1", "", "@@aux"), "1/0/ (aux)", ""},
		{"no such label", edftest.TAL("+1", "", "a@@Cz", "b@@", "c@@aux@@aux"), "1/0/a@@Cz 1/0/b@@ 1/0/c@@aux@@aux", `3 with a label that none, or several, have, such as "a@@Cz"`},
		{"a label of two", edftest.TAL("+1", "", "a@@twice"), "1/0/a@@twice", `1 with a label that none, or several, have, such as "a@@twice"`},
		{"MNE's bad stretch", edftest.TAL("+1", "0.5", "BAD_noise@@aux"), "1/0.5/BAD_noise (aux)", ""},
	} {
		rec := mustOpen(t, threeChannels(tc.lists))
		if got := named(rec.Events); got != tc.want {
			t.Errorf("%s: the events are %s, want %s", tc.name, got, tc.want)
		}
		if len(rec.Notes) > 1 || (tc.noted != "") != (len(rec.Notes) == 1) || len(rec.Notes) == 1 && rec.Notes[0].Found != tc.noted {
			t.Errorf("%s: the notes are %+v, want %q", tc.name, rec.Notes, tc.noted)
		}
	}
}

// ofChannelsMade has events of channels, whose names are not their labels.
func ofChannelsMade(t testing.TB, events ...signal.Event) *signal.Recording {
	rec := mustOpen(t, threeChannels(""))
	rec.Events = events
	return rec
}

func of(sample int64, duration float64, label string, names ...string) signal.Event {
	return signal.Event{Sample: sample, Onset: float64(sample) / 10, Duration: duration, Label: label, Channels: signal.ChannelsOf(names...)}
}

// TestOfChannelsWritten: what is written reads back, or is a loss.
func TestOfChannelsWritten(t *testing.T) {
	for _, tc := range []struct {
		name   string
		events []signal.Event
		want   string // "" for what was written
		lost   string
	}{
		{"kept", []signal.Event{of(1, 0, "cue"), of(3, 0.2, "spike", "Cz", "aux"), of(3, 0.2, "spike", "Cz", "Pz"), of(5, 0, "", "Pz")}, "", ""},
		{"all behind single ones", []signal.Event{of(1, 0, "x"), of(1, 0, "x", "Cz")}, "0.1/0/x (Cz) 0.1/0/x", ""},
		{"alike but for channels", []signal.Event{of(1, 0, "x", "Pz"), of(1, 0, "x", "Cz"), of(2, 0, "y")}, "0.1/0/x (Cz, Pz) 0.2/0/y", "2 of 3 events"},
		{"not there", []signal.Event{of(1, 0, "x", "Oz")}, "0.1/0/x@@Oz", "1 of 1 events"},
		{"a label of two, which are told apart", []signal.Event{of(1, 0, "x", "twice-1")}, "", ""},
		{"a text that reads so", []signal.Event{of(1, 0, "x@@aux")}, "0.1/0/x (aux)", "1 of 1 events"},
		{"a text with the sign", []signal.Event{of(1, 0, "x@@y"), of(2, 0, "x@@y", "Cz")}, "0.1/0/x@@y 0.2/0/x@@y@@EEG Cz-Ref", "1 of 2 events"},
	} {
		for _, format := range []string{"edf+", "bdf+"} {
			rec := ofChannelsMade(t, tc.events...)
			if strings.HasPrefix(tc.name, "a label of two") && rec.Info.Index("twice-1") < 0 {
				t.Fatalf("the channels are %v", rec.Info.Names())
			}
			again, losses := rewriteOffGrid(t, rec, format)
			want := tc.want
			if want == "" {
				want = named(tc.events)
			}
			if got := named(again.Events); got != want {
				t.Errorf("%s as %s: the events are %s, want %s", tc.name, format, got, want)
			}
			var lost []string
			for _, l := range losses {
				if l.Where == "events" {
					lost = append(lost, l.Found)
				}
			}
			if len(lost) > 1 || (tc.lost == "") != (len(lost) == 0) || len(lost) == 1 && !strings.HasPrefix(lost[0], tc.lost) {
				t.Errorf("%s as %s: the losses are %q, want %q", tc.name, format, lost, tc.lost)
			}
		}
	}
}

// TestSkipOfChannels: what MNE calls not measured in single channels is an event, as in FIF, and no gap, also after it was written.
func TestSkipOfChannels(t *testing.T) {
	rec := mustOpen(t, threeChannels(edftest.TAL("+0.5", "0.4", "BAD_ACQ_SKIP@@EEG Cz-Ref", "BAD_ACQ_SKIP@@aux")+edftest.TAL("+1", "0.5", "BAD_ACQ_SKIP@@EEG Pz-Ref")))
	const want = "0.5/0.4/BAD_ACQ_SKIP (Cz, aux) 1/0.5/BAD_ACQ_SKIP (Pz)"
	if got := named(rec.Events); got != want || len(rec.Others) > 0 || len(rec.Gaps()) > 0 || len(rec.Notes) > 0 {
		t.Fatalf("the events are %s, want %s, with %d others, the gaps %v and the notes %+v", got, want, len(rec.Others), rec.Gaps(), rec.Notes)
	}
	for _, format := range []string{"edf+", "bdf+"} {
		again, losses := rewriteOffGrid(t, rec, format)
		same(t, again, rec, 1e-3)
		if got := named(again.Events); got != want || slices.ContainsFunc(losses, func(l signal.Deviation) bool { return l.Where == "samples" }) {
			t.Errorf("as %s: the events are %s, want %s, with the losses %+v", format, got, want, losses)
		}
	}
}

// annotation is one as MNE has it.
type annotation struct {
	Onset, Duration float64
	Text            string
	Channels        []string
}

// TestPeerOfChannels: MNE has the same channels of the annotations that the writer wrote, and gyrus those of the ones that MNE exports.
func TestPeerOfChannels(t *testing.T) {
	needPeer(t)
	compare := func(name string, rec *signal.Recording, theirs []annotation) {
		t.Helper()
		labels := map[string]string{}
		for _, c := range rec.Info.Channels {
			labels[c.Name] = c.Original
		}
		var ours []string
		for _, e := range rec.Events {
			var of []string
			for _, n := range e.Channels.Names() {
				of = append(of, labels[n])
			}
			slices.Sort(of)
			ours = append(ours, fmt.Sprintf("%.6g %.6g %s %q", e.Onset, e.Duration, e.Label, of))
		}
		var other []string
		for _, a := range theirs {
			slices.Sort(a.Channels)
			other = append(other, fmt.Sprintf("%.6g %.6g %s %q", a.Onset, a.Duration, a.Text, a.Channels))
		}
		slices.Sort(ours)
		slices.Sort(other)
		if !slices.Equal(ours, other) {
			t.Errorf("%s: gyrus has %q, MNE %q", name, ours, other)
		}
	}
	for _, format := range []string{"edf+", "bdf+"} {
		w, err := ingest.WriterFor(format, "")
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join(t.TempDir(), "x"+w.Ext[0])
		rec := ofChannelsMade(t, of(1, 0, "cue"), of(3, 0.2, "spike", "Cz", "aux"), of(3, 0.4, "spike", "Pz"), of(5, 0, "x"), of(5, 0, "x", "Pz", "Cz"), of(7, 0.5, "BAD_y", "Cz"))
		if _, err := ingest.WriteFile(file, w, rec, false); err != nil {
			t.Fatal(err)
		}
		var theirs []annotation
		peer(t, "ofchannels.py", &theirs, "read", file)
		if len(theirs) != 6 {
			t.Errorf("MNE reads %d annotations, want 6: %v", len(theirs), theirs)
		}
		again, err := ingest.OpenFile(file)
		if err != nil {
			t.Fatal(err)
		}
		closeAfter(t, again)
		compare("written by gyrus as "+format, again, theirs)

		exported := filepath.Join(t.TempDir(), "mne"+w.Ext[0])
		peer(t, "ofchannels.py", &theirs, "write", exported)
		again, err = ingest.OpenFile(exported)
		if err != nil {
			t.Fatal(err)
		}
		closeAfter(t, again)
		compare("exported by MNE as "+format, again, theirs)
		if named(again.Events) == "" {
			t.Error("MNE exported no annotation")
		}
	}
}
