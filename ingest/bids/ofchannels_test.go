package bids_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// eventsOf are the events of rec with their channels: "spike (Cz, Pz)".
func eventsOf(rec *signal.Recording) string {
	var all []string
	for _, e := range rec.Events {
		text := e.Label
		if !e.Channels.IsZero() {
			text += " (" + e.Channels.String() + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, " ")
}

// TestChannelsWritten: events are written with the labels that their channels have in the file, and a delimiter that is in none of them where
// an event is of several (BIDS 1.10, "Task events").
func TestChannelsWritten(t *testing.T) {
	for name, tc := range map[string]struct {
		originals         []string // of Cz and Pz
		of                []string
		column, delimiter string
	}{
		"none":          {[]string{"Cz", "Pz"}, []string{"", ""}, "", ""},
		"single ones":   {[]string{"EEG Cz-Ref", "Pz"}, []string{"Cz", ""}, "EEG Cz-Ref n/a", ""},
		"several":       {[]string{"EEG Cz-Ref", "Pz"}, []string{"Cz", "Cz+Pz"}, "EEG Cz-Ref EEG Cz-Ref,Pz", ","},
		"with commas":   {[]string{"a,b;c", "d"}, []string{"a,b;c", "d+a,b;c"}, "a,b;c a,b;c|d", "|"},
		"a comma alone": {[]string{"a,b", "d"}, []string{"a,b", "d"}, "a,b d", ""},
	} {
		rec := opened(t, study().edf("uV", tc.originals...).text(stem+"_eeg.json", about).table(stem+"_channels.tsv", append([]string{"name|type|units"}, tc.originals[0]+"|EEG|uV", tc.originals[1]+"|EEG|uV")...), recording)
		rec.Events = nil
		for i, of := range tc.of {
			e := signal.Event{Sample: int64(100 * (i + 1)), Onset: float64(i + 1), Label: "x"}
			if of != "" {
				e.Channels = signal.ChannelsOf(strings.Split(of, "+")...)
			}
			rec.Events = append(rec.Events, e)
		}
		root := t.TempDir()
		it := bids.Item{Input: "x", Name: bids.Name{}.With("sub", "1").With("task", "x"), Open: func() (*signal.Recording, error) { return rec, nil }}
		w := bids.MustWrite(t, root, writeOptions, it)[0]
		base := strings.TrimSuffix(filepath.Join(root, filepath.FromSlash(w.Path)), "_eeg.edf")
		data, err := os.ReadFile(base + "_events.tsv")
		if err != nil {
			t.Fatal(err)
		}
		table, _, err := bids.ReadTable(data, "events.tsv")
		if err != nil {
			t.Fatal(err)
		}
		var cells []string
		for row := range table.Len() {
			if k := table.Column("channel"); k >= 0 {
				cells = append(cells, table.At(row, k))
			}
		}
		if got := strings.Join(cells, " "); got != tc.column {
			t.Errorf("%s: the column is %q, want %q", name, got, tc.column)
		}
		data, err = os.ReadFile(base + "_events.json")
		if err != nil {
			t.Fatal(err)
		}
		var doc bids.Sidecar
		if err := doc.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		said := string(doc.Raw("channel"))
		if (said != "") != (tc.column != "") || strings.Contains(said, "Delimiter") != (tc.delimiter != "") || tc.delimiter != "" && !strings.Contains(said, `"Delimiter": "`+tc.delimiter+`"`) {
			t.Errorf("%s: the sidecar says %s of the column, want the delimiter %q", name, said, tc.delimiter)
		}
		again := ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path)))
		if got, want := eventsOf(again), eventsOf(rec); got != want || len(again.Deviations) > 0 {
			t.Errorf("%s: the events are %s, want %s, with deviations %+v", name, got, want, again.Deviations)
		}
		// Another format, from the tree, with its own table.
		second := t.TempDir()
		again, _ = rewrite(t, root, "brainvision", second, true)
		if got, want := eventsOf(again), eventsOf(rec); got != want || len(again.Deviations) > 0 {
			t.Errorf("%s, written again: the events are %s, want %s, with deviations %+v", name, got, want, again.Deviations)
		}
	}
}

// TestChannelsOfMarkers: a table without the column, as mne-bids writes it, has a row for each channel of an event of BrainVision. The event keeps
// its channels, and nothing is listed.
func TestChannelsOfMarkers(t *testing.T) {
	root := t.TempDir()
	rec := opened(t, study().edf("uV", "Cz", "Pz").text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV", "Pz|EEG|uV"), recording)
	rec.Events = []signal.Event{{Sample: 100, Onset: 1, Label: "cue"}, {Sample: 200, Onset: 2, Label: "spike", Channels: signal.ChannelsOf("Cz", "Pz")}, {Sample: 300, Onset: 3, Label: "spike", Channels: signal.ChannelsOf("Pz")}}
	opt := writeOptions
	opt.Format = "brainvision"
	w := bids.MustWrite(t, root, opt, bids.Item{Input: "x", Name: bids.Name{}.With("sub", "1").With("task", "x"), Open: func() (*signal.Recording, error) { return rec, nil }})[0]
	path := filepath.Join(root, filepath.FromSlash(w.Path))
	for rows, want := range map[string]string{
		"1\t0\tcue\n2\t0\tspike\n2\t0\tspike\n3\t0\tspike\n": "cue spike (Cz, Pz) spike (Pz)",
		"1\t0\tcue\n2\t0\tspike\n3\t0\tspike\n":              "cue spike (Cz, Pz) spike (Pz)",
	} {
		if err := os.WriteFile(strings.TrimSuffix(path, "_eeg.vhdr")+"_events.tsv", []byte("onset\tduration\ttrial_type\n"+rows), 0o600); err != nil {
			t.Fatal(err)
		}
		again := ingesttest.OpenFile(t, path)
		if got := eventsOf(again); got != want || len(again.Deviations) > 0 {
			t.Errorf("the events are %s, want %s, with deviations %+v", got, want, again.Deviations)
		}
	}
}

// TestChannelsRelabelled: where a file has other labels than the tree that it comes from, the table of events has these too.
func TestChannelsRelabelled(t *testing.T) {
	first := t.TempDir()
	rec := opened(t, study().edf("uV", "Cz", "Pz").text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV", "Pz|EEG|uV"), recording)
	rec.Info.Channels[0].Name, rec.Info.Channels[0].Original = "a name that is longer than 16", "a name that is longer than 16"
	rec.Events = []signal.Event{{Sample: 100, Onset: 1, Label: "x", Channels: signal.ChannelsOf("Pz")}, {Sample: 200, Onset: 2, Label: "y", Channels: signal.ChannelsOf(rec.Info.Names()...)}}
	opt := writeOptions
	opt.Format = "brainvision"
	bids.MustWrite(t, first, opt, bids.Item{Input: "x", Name: bids.Name{}.With("sub", "1").With("task", "x"), Open: func() (*signal.Recording, error) { return rec, nil }})
	again, _ := rewrite(t, first, "edf+", t.TempDir(), true)
	if again.Info.Index("a name that is longer than 16") >= 0 {
		t.Fatalf("the channels are %q: the test needs a label that EDF does not hold", again.Info.Names())
	}
	if got, want := eventsOf(again), "x (Pz) y ("+signal.ChannelsOf(again.Info.Names()...).String()+")"; got != want || len(again.Deviations) > 0 {
		t.Errorf("the events are %s, want %s, with deviations %+v", got, want, again.Deviations)
	}
}
