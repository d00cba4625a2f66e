package bids_test

import (
	"errors"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// FuzzTable: any bytes are a table or an error; a table that is written and read again is the same, and has no deviations but
// those of its names.
func FuzzTable(f *testing.F) {
	for _, s := range []string{
		"", "onset\tduration\n1.5\tn/a\n", "\xef\xbb\xbfa\tb\r\n1\t2", "a\ta\n\t\n", "\t\t\t", "a\r1\r2", "name\tunits\nCz\t\xb5V\n", "a\tb\n1\n1\t2\t3\n\n", " a \n x \n", "\n\n", "\ufeff\ufeffa\tb\n1\t2\n", "\ufeff \ufeffa\tb\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var table *bids.Table
		var found []signal.Deviation
		var err error
		allocated := ingesttest.Allocated(func() { table, found, err = bids.ReadTable(data, "x.tsv") })
		ingesttest.Bounded(t, allocated, int64(len(data)), &signal.Recording{Info: &signal.Info{}, Deviations: found})
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.tsv") {
				t.Errorf("the error %v must name the file", err)
			}
			return
		}
		for row := range table.Len() {
			if len(table.Rows()[row]) != len(table.Columns) {
				t.Fatalf("row %d has %d cells, there are %d columns", row, len(table.Rows()[row]), len(table.Columns))
			}
			if n := table.Line(row); n < 2 || row > 0 && n <= table.Line(row-1) {
				t.Errorf("row %d is line %d", row, n)
			}
		}
		if slices.Contains(table.Columns, "") || len(table.Columns) == 1 {
			return // a row of one empty cell is a blank line
		}
		var b strings.Builder
		if err := table.Write(&b); err != nil {
			t.Fatalf("a table that was read cannot be written: %v", err)
		}
		again, _, err := bids.ReadTable([]byte(b.String()), "y.tsv")
		if err != nil || !slices.Equal(again.Columns, table.Columns) || !slices.EqualFunc(again.Rows(), table.Rows(), slices.Equal) {
			t.Errorf("written and read again: %q, %q, want %q, %q (%v)", again.Columns, again.Rows(), table.Columns, table.Rows(), err)
		}
	})
}

// FuzzSidecar: any bytes are an object or an error; one that is written and read again is the same.
func FuzzSidecar(f *testing.F) {
	for _, s := range []string{"", "{}", `{"a": 1, "a": {"b": [1, "\u00b5"]}}`, "\xef\xbb\xbf{}", `{"HED": "(Red, <Blue>)"}`, "[]", `{"a"`, strings.Repeat(`{"a":`, 100), `{"a": 1e999}`, `{"\ud800": "\udfff"}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var s bids.Sidecar
		var err error
		ingesttest.Bounded(t, ingesttest.Allocated(func() { s, err = bids.ReadSidecar(data, "x.json") }), int64(len(data)), nil)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "x.json") {
				t.Errorf("the error %v must name the file", err)
			}
			return
		}
		bids.ReadDescription(s)
		var b strings.Builder
		if err := s.Write(&b); err != nil {
			t.Fatalf("a sidecar that was read cannot be written: %v", err)
		}
		again, err := bids.ReadSidecar([]byte(b.String()), "y.json")
		if err != nil || !slices.Equal(again.Keys(), s.Keys()) {
			t.Errorf("written and read again: %q, want %q (%v)", again.Keys(), s.Keys(), err)
		}
	})
}

// FuzzName: what is read as a name is written as one of the same parts.
func FuzzName(f *testing.F) {
	for _, s := range []string{"sub-01_ses-02_task-rest_run-01_eeg.edf", "sub-01_run-1_task-x_eeg.vhdr", "sub-_eeg.edf", "eeg", "-_-.", "sub-01_x-1_sub-02_eeg.tsv.gz", "a-b-c_d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := bids.ParseName(s)
		if err != nil {
			return
		}
		n.Problems(s)
		again, err := bids.ParseName(n.String())
		if err != nil || again.Suffix != n.Suffix || again.Ext != n.Ext || len(again.Entities) != len(n.Entities) || again.String() != n.String() {
			t.Errorf("%q is %+v, written %q and read %+v (%v)", s, n, n.String(), again, err)
		}
		for _, e := range n.Entities {
			if again.Get(e.Key) != n.Get(e.Key) {
				t.Errorf("%q: %s is %q, and behind writing %q", s, e.Key, n.Get(e.Key), again.Get(e.Key))
			}
		}
		if n.Check() == nil && path.Base(n.String()) != n.String() {
			t.Errorf("%q passes Check and has a folder", n.String())
		}
	})
}

// FuzzSidecars: whatever lies beside a recording, it can be opened, its description is valid and its events are in order.
func FuzzSidecars(f *testing.F) {
	text := func(files tree, name string) []byte {
		if file := files[name]; file != nil {
			return file.Data
		}
		return nil
	}
	for _, x := range fixtures() {
		f.Add(text(x.tree, stem+"_eeg.json"), text(x.tree, stem+"_channels.tsv"), text(x.tree, stem+"_events.tsv"), text(x.tree, folder+"sub-01_electrodes.tsv"),
			text(x.tree, folder+"sub-01_coordsystem.json"), text(x.tree, "sub-01/sub-01_scans.tsv"), []byte("participant_id\tage\nsub-01\t33\n"))
	}
	f.Add([]byte(about), []byte(nil), []byte("onset\tduration\ttrial_type\n1\t0.25\tBAD_ACQ_SKIP\n-3\t1e300\tBAD_ACQ_SKIP\n4\t0\tlight\n9.5\t0.7\tComment/BAD_ACQ_SKIP\n"), []byte(nil), []byte(nil), []byte(nil), []byte(nil))
	data := edfFile("uV", "Fz", "Cz", "Pz", "EOG1")
	f.Fuzz(func(t *testing.T, about, channels, events, electrodes, coordsystem, scans, participants []byte) {
		files := fstest.MapFS{recording: {Data: data}}
		for name, content := range map[string][]byte{
			stem + "_eeg.json": about, stem + "_channels.tsv": channels, stem + "_events.tsv": events, folder + "sub-01_electrodes.tsv": electrodes,
			folder + "sub-01_coordsystem.json": coordsystem, "sub-01/sub-01_scans.tsv": scans, "participants.tsv": participants,
		} {
			if content != nil {
				files[name] = &fstest.MapFile{Data: content}
			}
		}
		ingesttest.Fuzz(t, files, recording)
		read, err := bids.ReadTree(files, ".")
		if err != nil {
			t.Fatal(err)
		}
		rec, err := read.Open(read.Recordings()[0])
		if err != nil {
			var large *bids.TooLargeError
			if !errors.As(err, &large) {
				t.Fatal(err)
			}
			return
		}
		for i, r := range rec.Runs() {
			if r.End() > rec.Len || r.Start < 0 || r.Len < 0 || i > 0 && r.Start <= rec.Runs()[i-1].End() {
				t.Errorf("runs %v of %d samples", rec.Runs(), rec.Len)
			}
		}
		for _, c := range rec.Info.Channels {
			if c.Pos != nil && !c.Pos.Finite() {
				t.Errorf("%s is at %v", c.Name, *c.Pos)
			}
		}
		if !slices.IsSortedFunc(rec.Events, func(a, b signal.Event) int { return int(max(-1, min(1, a.Sample-b.Sample))) }) {
			t.Errorf("events %v", rec.Events)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
}
