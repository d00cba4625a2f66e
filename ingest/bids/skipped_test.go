package bids_test

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// unmeasured are the recordings of testdata/skipped, which mne-bids wrote: zeros from 2.5 s on for 1.25 s and from 9 s on, which are marked in the
// table alone (BrainVision), and in the file as well (EDF).
func unmeasured(t *testing.T) []fixture {
	of := func(name, sub, ext string) fixture {
		f := tree{}
		root := "testdata/skipped/"
		for _, file := range []string{"dataset_description.json", "participants.tsv"} {
			f.file(t, file, root+file)
		}
		entries, err := os.ReadDir(root + sub + "/eeg")
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			f.file(t, sub+"/eeg/"+e.Name(), root+sub+"/eeg/"+e.Name())
		}
		f.file(t, sub+"/"+sub+"_scans.tsv", root+sub+"/"+sub+"_scans.tsv")
		return fixture{name, sub + "/eeg/" + sub + "_task-odd_eeg" + ext, f}
	}
	return []fixture{of("skip-brainvision", "sub-01", ".vhdr"), of("skip-edf", "sub-02", ".edf")}
}

// unmeasuredRuns is where these recordings have samples.
var unmeasuredRuns = []signal.Span{{Start: 0, Len: 250}, {Start: 375, Len: 525}}

// checkUnmeasured says what is wrong with one of these recordings, wherever it went: its runs, the pulses of Cz, and its events, which stand at them.
func checkUnmeasured(t *testing.T, rec *signal.Recording) {
	t.Helper()
	if !slices.Equal(rec.Runs(), unmeasuredRuns) || rec.Len != 900 {
		t.Errorf("samples are at %v of %d, want %v of 900", rec.Runs(), rec.Len, unmeasuredRuns)
	}
	if got := labelled(rec); got != "1 a, 4.5 b, 8 c" {
		t.Errorf("events %s", got)
	}
	for _, e := range rec.Events {
		if v := at(t, rec, e.Sample); v < 499.9 || v > 500.1 {
			t.Errorf("at the event %+v there is %g µV, want the pulse of 500", e, v)
		}
	}
}

// TestSkippedByTable: what MNE marks as not measured in the table of events is a gap, noted, and no event, and nothing breaks the specification.
// The file goes on to have the samples, and its reader to tell their units.
func TestSkippedByTable(t *testing.T) {
	for _, f := range unmeasured(t) {
		t.Run(f.name, func(t *testing.T) {
			rec := opened(t, f.tree, f.recording)
			checkUnmeasured(t, rec)
			stored := int64(0)
			for _, r := range rec.FileRuns() {
				stored += r.Len
			}
			if stored != 1000 {
				t.Errorf("the file has %d samples, want 1000", stored)
			}
			if len(rec.Notes) != 1 || !strings.Contains(rec.Notes[0].Rule, signal.SkipLabel) || !strings.Contains(rec.Notes[0].Found, "2 so marked, 2.25 s in all") {
				t.Errorf("notes %+v, want one of 2 marks over 2.25 s", rec.Notes)
			}
			for _, d := range rec.Deviations {
				if strings.Contains(d.Where, "events.tsv") {
					t.Errorf("deviation %+v", d)
				}
			}
			if u, ok := rec.Data.(signal.UnitReader); !ok || len(u.SourceUnits()) != 2 || u.SourceUnits()[0] == "" {
				t.Errorf("the reader %T does not tell the units", rec.Data)
			}
			if _, ok := rec.Data.(signal.StoredReader); ok != strings.HasSuffix(f.name, "edf") {
				t.Errorf("the reader %T tells the integers of the file: %t", rec.Data, ok)
			}
			ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS(f.tree), f.recording) })
		})
	}
}

// TestSkippedIsStreamed: what is streamed ends in front of the gap and goes on behind it, and no chunk reaches over it.
func TestSkippedIsStreamed(t *testing.T) {
	f := unmeasured(t)[0]
	src := ingest.Play(opened(t, f.tree, f.recording), ingest.PlayOptions{Chunk: 100})
	var runs []signal.Span
	for {
		c, err := src.Next(t.Context())
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if n := len(runs); n > 0 && runs[n-1].End() == c.Start {
			runs[n-1].Len += int64(c.Len())
		} else {
			runs = append(runs, signal.Span{Start: c.Start, Len: int64(c.Len())})
		}
	}
	if !slices.Equal(runs, unmeasuredRuns) {
		t.Errorf("chunks of %v, want %v", runs, unmeasuredRuns)
	}
}

// TestSkippedRows: which rows are marks over what was not measured, and where these lie in files with gaps of their own (the recordings of
// gaps_test.go, with 9.5 s missing).
func TestSkippedRows(t *testing.T) {
	s := func(start, n int64) signal.Span { return signal.Span{Start: start, Len: n} }
	plain := func() tree { // 1000 samples, events at 150 and 400
		return study().edf("uV", "Cz").text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV")
	}
	whole := []signal.Span{s(0, 1000)}
	const rest = "1.5|0|button|n/a"
	for _, c := range []struct {
		name, file string
		tree       tree
		rows       []string // below onset, duration, trial_type, channel
		runs       []signal.Span
		events     string
	}{
		{"in the middle", recording, plain(), []string{"1|0.2|BAD_ACQ_SKIP|n/a", rest}, []signal.Span{s(0, 100), s(120, 880)}, "1.5 button"},
		{"first", recording, plain(), []string{"0|1|BAD_ACQ_SKIP|n/a", rest}, []signal.Span{s(100, 900)}, "1.5 button"},
		{"last, over the end", recording, plain(), []string{rest, "9|99|BAD_ACQ_SKIP|n/a"}, []signal.Span{s(0, 900)}, "1.5 button"},
		{"over each other", recording, plain(), []string{"1|0.2|BAD_ACQ_SKIP|n/a", "1.1|0.2|BAD_ACQ_SKIP|n/a", rest}, []signal.Span{s(0, 100), s(130, 870)}, "1.5 button"},
		{"all", recording, plain(), []string{"0|10|BAD_ACQ_SKIP|n/a"}, []signal.Span{s(0, 0)}, ""},
		{"before the begin", recording, plain(), []string{"-2|1|BAD_ACQ_SKIP|n/a", rest}, whole, "1.5 button"},
		{"with an event in it", recording, plain(), []string{"1|1|BAD_ACQ_SKIP|n/a", rest}, []signal.Span{s(0, 100), s(200, 800)}, "1.5 button"},
		{"of one channel", recording, plain(), []string{"1|0.2|BAD_ACQ_SKIP|Cz", rest}, whole, "1 BAD_ACQ_SKIP, 1.5 button"},
		{"without a duration", recording, plain(), []string{"1|n/a|BAD_ACQ_SKIP|n/a", rest}, whole, "1 BAD_ACQ_SKIP, 1.5 button"},
		{"of another name", recording, plain(), []string{"1|0.2|BAD_ACQ_SKIPPED|n/a", rest}, whole, "1 BAD_ACQ_SKIPPED, 1.5 button"},
		{"as a comment", recording, plain(), []string{"1|0.2|Comment/BAD_ACQ_SKIP|n/a", rest}, []signal.Span{s(0, 100), s(120, 880)}, "1.5 button"},
		{
			"laid end to end, over a gap of the file", stem + "_eeg.vhdr", gapped(marks...),
			[]string{"1|0|Comment/a|n/a", "3.9|0.2|BAD_ACQ_SKIP|n/a", "4.5|0|Comment/b|n/a", "8|0|Comment/c|n/a"},
			[]signal.Span{s(0, 390), s(1110, 290), s(1650, 300)},
			"1 Comment/a, 11.5 Comment/b, 17.5 Comment/c",
		},
		{
			"gaps counted, over those of the file", stem + "_eeg.vhdr", gapped(),
			[]string{"1|0|a|n/a", "4|7|BAD_ACQ_SKIP|n/a", "11.5|0|b|n/a", "14|2.5|BAD_ACQ_SKIP|n/a", "17.5|0|c|n/a"},
			[]signal.Span{s(0, 400), s(1100, 300), s(1650, 300)},
			"1 a, 11.5 b, 17.5 c",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := opened(t, c.tree.table(stem+"_events.tsv", append([]string{"onset|duration|trial_type|channel"}, c.rows...)...), c.file)
			if !slices.Equal(rec.Runs(), c.runs) || labelled(rec) != c.events {
				t.Errorf("samples are at %v, want %v, and events %s, want %s", rec.Runs(), c.runs, labelled(rec), c.events)
			}
			n := int64(0)
			for _, r := range rec.Runs() {
				n += r.Len
			}
			if note := slices.ContainsFunc(rec.Notes, func(d signal.Deviation) bool { return strings.Contains(d.Rule, signal.SkipLabel) }); note != (n < 1000) {
				t.Errorf("%d samples of 1000 are left, and the notes are %+v", n, rec.Notes)
			}
		})
	}
}

// TestSkippedFIF: of a recording with a gap of its own, from 1 to 1.5 s, nothing is left out by the mark over that gap, which MNE has there, but by one
// elsewhere; and both are gaps in every format.
func TestSkippedFIF(t *testing.T) {
	const name = folder + "sub-01_task-odd_eeg.fif"
	for _, c := range []struct {
		rows []string
		runs []signal.Span
	}{
		{[]string{"1|0.5|BAD_ACQ_SKIP"}, []signal.Span{{Start: 0, Len: 100}, {Start: 150, Len: 50}}},
		{[]string{"1|0.5|BAD_ACQ_SKIP", "1.6|0.1|BAD_ACQ_SKIP", "1.99|0|9"}, []signal.Span{{Start: 0, Len: 100}, {Start: 150, Len: 10}, {Start: 170, Len: 30}}},
		{[]string{"0.9|0.7|BAD_ACQ_SKIP", "1.99|0|9"}, []signal.Span{{Start: 0, Len: 90}, {Start: 160, Len: 40}}},
	} {
		f := study().text(stem+"_eeg.json", about).table(stem+"_events.tsv", append([]string{"onset|duration|trial_type"}, c.rows...)...).file(t, name, "../fif/testdata/skip_raw.fif")
		if rec := opened(t, f, name); !slices.Equal(rec.Runs(), c.runs) {
			t.Errorf("%v: samples are at %v, want %v", c.rows, rec.Runs(), c.runs)
		}
		in := onDisk(t, f, ".")
		for _, format := range bids.Formats() {
			rec, _ := rewrite(t, in, format, t.TempDir(), true)
			if !slices.Equal(rec.Runs(), c.runs) || len(rec.Events) != strings.Count(fmt.Sprint(c.rows), "|9") || len(rec.Events) > 0 && rec.Events[0].Sample != 199 {
				t.Errorf("%v as %s: samples are at %v, want %v, events %+v", c.rows, format, rec.Runs(), c.runs, rec.Events)
			}
		}
	}
}

// TestSkippedAtOtherRates: channels at other rates have the gap at the same time.
func TestSkippedAtOtherRates(t *testing.T) {
	f := edftest.File{Reserved: "EDF+C", N: 10}
	ramp := func(per int) func(r, i int) int16 { return func(r, i int) int16 { return int16(per*r + i) } }
	f.Signals = append(f.Signals, edftest.Signal{Label: "Cz", Dim: "uV", Samples: 100, At: ramp(100)}, edftest.Signal{Label: "Resp", Dim: "mV", Samples: 20, At: ramp(20)},
		edftest.Annotations(30, func(r int) string { return edftest.TAL(edftest.Steady(r), "") }))
	tr := study().text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV", "Resp|MISC|mV").
		table(stem+"_events.tsv", "onset|duration|trial_type", "2|1.5|BAD_ACQ_SKIP", "4|0|light")
	tr[recording] = &fstest.MapFile{Data: f.Bytes()}
	rec := opened(t, tr, recording)
	if len(rec.Others) != 1 {
		t.Fatalf("%d others, want 1", len(rec.Others))
	}
	if want := []signal.Span{{Start: 0, Len: 200}, {Start: 350, Len: 650}}; !slices.Equal(rec.Runs(), want) {
		t.Errorf("samples are at %v, want %v", rec.Runs(), want)
	}
	if want := []signal.Span{{Start: 0, Len: 40}, {Start: 70, Len: 130}}; !slices.Equal(rec.Others[0].Runs(), want) {
		t.Errorf("those of the other rate are at %v, want %v", rec.Others[0].Runs(), want)
	}
	if len(rec.FileRuns()) != 1 || rec.FileRuns()[0].Len != 1000 || rec.Others[0].FileRuns()[0].Len != 200 {
		t.Errorf("the file has %v and %v", rec.FileRuns(), rec.Others[0].FileRuns())
	}
	ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS(tr), recording) })
}

// rewrite writes the one recording of the tree in as a tree root in a format, as gyrus convert --bids does with a tree, and opens it.
func rewrite(t *testing.T, in, format, root string, said bool) (*signal.Recording, bids.Written) {
	t.Helper()
	study, err := bids.ReadTree(os.DirFS(in), ".")
	if err != nil {
		t.Fatal(err)
	}
	r := study.Recordings()[0]
	opt := writeOptions
	opt.Format = format
	it := bids.Item{Input: r.Path, Name: r.Name, Copy: filepath.Join(in, filepath.FromSlash(r.Path))}
	it.Open = func() (*signal.Recording, error) { return study.Open(r) }
	if said {
		if it.Said, _, err = study.Sidecars(r); err != nil {
			t.Fatal(err)
		}
	}
	w := bids.MustWrite(t, root, opt, it)[0]
	return ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path))), w
}

// TestSkippedInOtherUnits: a file of which the table of channels overrules the units is not copied, also where some of it was not measured.
func TestSkippedInOtherUnits(t *testing.T) {
	f := study().edf("mV", "Fz", "Cz").text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Fz|EEG|uV", "Cz|EEG|uV").
		table(stem+"_events.tsv", "onset|duration|trial_type", "2|1|BAD_ACQ_SKIP", "4|0|light")
	want := opened(t, f, recording)
	got, w := rewrite(t, onDisk(t, f, "."), "", t.TempDir(), true)
	for k := range int64(10) {
		if a, b := at(t, got, 321+k), at(t, want, 321+k); math.Abs(a-b) > 2e-6 || b == 0 || b > 20 { // float32
			t.Errorf("sample %d is %g µV, want %g", 321+k, a, b)
		}
	}
	if w.Copied || !slices.Equal(got.Runs(), want.Runs()) || len(want.Runs()) != 2 {
		t.Errorf("copied: %t, samples at %v, want %v", w.Copied, got.Runs(), want.Runs())
	}
}

// TestSkippedRoundTrips: the gap is there in every tree that is written of one, in whatever format, and in trees written of these; a copy has the
// file and the table as they were.
func TestSkippedRoundTrips(t *testing.T) {
	for _, f := range unmeasured(t) {
		in := onDisk(t, f.tree, ".")
		for _, format := range append(bids.Formats(), "") {
			for _, said := range []bool{true, false} {
				t.Run(fmt.Sprintf("%s as %q, said %t", f.name, format, said), func(t *testing.T) {
					root := t.TempDir()
					rec, w := rewrite(t, in, format, root, said)
					checkUnmeasured(t, rec)
					if w.Copied != (format == "" && said) {
						t.Errorf("copied: %t", w.Copied)
					}
					name := strings.TrimSuffix(filepath.Base(f.recording), filepath.Ext(f.recording))
					name = strings.TrimSuffix(name, "_eeg") + "_events.tsv"
					table, err := os.ReadFile(filepath.Join(root, filepath.Dir(filepath.FromSlash(f.recording)), name))
					if err != nil {
						t.Fatal(err)
					}
					was := string(f.tree[filepath.Dir(f.recording)+"/"+name].Data)
					if w.Copied && string(table) != was {
						t.Errorf("the table of a copy is\n%s, want\n%s", table, was)
					}
					if !w.Copied && strings.Contains(string(table), signal.SkipLabel) {
						t.Errorf("the table beside a file without these samples marks them:\n%s", table)
					}
					for _, next := range append(bids.Formats(), "") {
						again, _ := rewrite(t, root, next, t.TempDir(), true)
						checkUnmeasured(t, again)
					}
				})
			}
		}
	}
}
