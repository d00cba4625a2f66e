package bids_test

import (
	"encoding/json"
	"fmt"
	"maps"
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
	_ "github.com/gyrus-bci/gyrus/ingest/eeglab" // to read
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The interrupted recordings have 1000 samples at 100 Hz. At the samples 100, 450 and 800 of the file Cz has a pulse, 500 µV or more, and
// an event. 7 s are missing before the sample 400, 2.5 s before 700: with these the pulses are at 1, 11.5 and 17.5 s.
var (
	pulsesInFile = []int64{100, 450, 800}
	pulsesInTime = []int64{100, 1150, 1750}
)

// Tables of events of these, in either time. mne-bids writes the first, with a row for the gap and numbers that it makes up as values.
var (
	inFile = []string{"onset|duration|trial_type|value|sample", "1.0|0.0|a|1|100", "4.0|0.01|New Segment/|2|400", "4.5|0.0|b|3|450", "7.0|0.01|New Segment/|2|700", "8.0|0.0|c|4|800"}
	inTime = []string{"onset|duration|trial_type|sample", "1|0|a|100", "11.5|0|b|450", "17.5|0|c|800"}
)

// gapped is a recording of BrainVision with these markers, and what is said of it but for the events.
func gapped(markers ...string) tree {
	h := "Brain Vision Data Exchange Header File Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=sub-01_task-odd_eeg.eeg\nMarkerFile=sub-01_task-odd_eeg.vmrk\nDataFormat=BINARY\n" +
		"DataOrientation=MULTIPLEXED\nNumberOfChannels=2\nSamplingInterval=10000\n[Binary Infos]\nBinaryFormat=INT_16\n[Channel Infos]\nCh1=Cz,,1,µV\nCh2=Pz,,1,µV\n"
	m := "Brain Vision Data Exchange Marker File, Version 1.0\n[Common Infos]\nCodepage=UTF-8\nDataFile=sub-01_task-odd_eeg.eeg\n[Marker Infos]\nMk1=New Segment,,1,1,0,20210304050607000000\nMk2=New Segment,,401,1,0,20210304050618000000\nMk3=New Segment,,701,1,0,20210304050623500000\n"
	var numbered strings.Builder
	for i, mark := range markers {
		fmt.Fprintf(&numbered, "Mk%d=%s\n", i+4, mark)
	}
	x := make([]byte, 0, 4000)
	for k := range int64(1000) {
		cz := int16(k%40 - 20)
		if slices.Contains(pulsesInFile, k) {
			cz = 500
		}
		pz := int16((k*7)%30 - 15)
		x = append(x, byte(cz), byte(cz>>8), byte(pz), byte(pz>>8))
	}
	f := study().text(stem+"_eeg.json", about).text(stem+"_eeg.vhdr", h).text(stem+"_eeg.vmrk", m+numbered.String()).
		table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV", "Pz|EEG|uV")
	f[stem+"_eeg.eeg"] = &fstest.MapFile{Data: x}
	return f
}

// marks are the markers of the pulses; the names of their types are empty, as gyrus writes them for labels that are no stimuli.
var marks = []string{"Comment,a,101,1,0", "Comment,b,451,1,0", "Comment,c,801,1,0"}

// commented are rows with the labels of marks.
func commented(rows []string) []string {
	out := slices.Clone(rows)
	for i := range out {
		for _, label := range []string{"a", "b", "c"} {
			out[i] = strings.Replace(out[i], "|"+label+"|", "|Comment/"+label+"|", 1)
		}
	}
	return out
}

// cut is the recording of EEGLAB, with its table.
func cut(t *testing.T, rows ...string) tree {
	f := study().text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV", "Pz|EEG|uV")
	if rows != nil {
		f.table(stem+"_events.tsv", slices.Clone(rows)...)
	}
	return f.file(t, stem+"_eeg.set", "testdata/interrupted.set")
}

// interrupted are the fixtures with gaps that mne-bids reads as well: it lays the samples end to end.
func interrupted(t *testing.T) []fixture {
	return []fixture{
		{"gaps-brainvision", stem + "_eeg.vhdr", gapped(marks...).table(stem+"_events.tsv", commented(inFile)...)},
		{"gaps-eeglab", stem + "_eeg.set", cut(t, inFile...)},
	}
}

// pulsed checks that the events a, b, c and no others stand at the pulses, by their samples and by their seconds.
func pulsed(t *testing.T, rec *signal.Recording) {
	t.Helper()
	var found []int64
	for _, e := range rec.Events {
		if strings.Contains(e.Label, "Segment") || strings.Contains(e.Label, "boundary") {
			continue
		}
		found = append(found, e.Sample)
		if math.Abs(e.Onset*100-float64(e.Sample)) > 1e-6 {
			t.Errorf("the event %+v is at another time than its sample", e)
		}
		if v := at(t, rec, e.Sample); v < 400 {
			t.Errorf("at the event %+v there is %g µV, no pulse", e, v)
		}
	}
	if !slices.Equal(found, pulsesInTime) {
		t.Errorf("events at %v, want %v", found, pulsesInTime)
	}
}

// TestInterruptedTables: a table of events is read in the time that fits the recording, with gaps counted or not, and which one it was is
// listed where it is not the one of the specification.
func TestInterruptedTables(t *testing.T) {
	vhdr, set := stem+"_eeg.vhdr", stem+"_eeg.set"
	lasts := func(f tree, seconds string) tree {
		return f.text(stem+"_eeg.json", strings.Replace(about, "{", `{"RecordingDuration": `+seconds+", ", 1))
	}
	unnumbered := func(rows []string) []string { // without the last column, sample
		var out []string
		for _, r := range rows {
			out = append(out, r[:strings.LastIndex(r, "|")])
		}
		return out
	}
	events := func(f tree, rows []string) tree { return f.table(stem+"_events.tsv", slices.Clone(rows)...) }
	const laid = "laid end to end, without 2 gaps of 9.5 s in all: "
	for _, c := range []struct {
		name, file string
		tree       tree
		want       []string // deviations of the table, beside those of the recording
	}{
		{"BrainVision, by its events", vhdr, events(gapped(marks...), commented(inFile)), []string{laid + "2 of 2 events behind the first gap"}},
		{"BrainVision, by its events, in time", vhdr, events(gapped(marks...), commented(inTime)), nil},
		{"BrainVision, by sample", vhdr, events(gapped(), inFile), []string{laid + "that is what the numbers of samples say"}},
		{"BrainVision, by sample, in time", vhdr, events(gapped(), inTime), nil},
		{"BrainVision, by duration", vhdr, lasts(events(gapped(), unnumbered(inFile)), "9.99"), []string{laid + "RecordingDuration does not count the gaps"}},
		{"BrainVision, by duration, in time", vhdr, lasts(events(gapped(), unnumbered(inTime)), "19.5"), nil},
		{"BrainVision, by nothing", vhdr, events(gapped(), unnumbered(inFile)), []string{"nothing says whether the table counts them|laid end to end, as other programs read"}},
		{"EEGLAB, by its events", set, cut(t, inFile...), []string{laid + "4 of 4 events"}},
		{"EEGLAB, by its events, in time", set, cut(t, inTime...), []string{"none at 2 of those 5"}},
		{"EEGLAB, by its events against the duration", set, lasts(cut(t, inTime...), "9.99"), []string{"none at 2 of those 5"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			rec := opened(t, c.tree, c.file)
			pulsed(t, rec)
			var found []signal.Deviation
			for _, d := range rec.Deviations {
				if strings.Contains(d.Where, "events.tsv") {
					found = append(found, d)
				}
			}
			deviates(t, found, c.want...)
		})
	}
}

// TestBoundaries: a boundary of EEGLAB stands where its gap begins, and lasts as long as that, as it does in the file itself: whether a table has it
// there, between the samples before and behind (as MNE does), or behind the gap.
func TestBoundaries(t *testing.T) {
	const head = "onset|duration|trial_type"
	own := ingesttest.Open(t, fstest.MapFS(cut(t)), stem+"_eeg.set")
	for name, rows := range map[string][]string{
		"itself":                   nil,
		"of gyrus":                 {head, "1|0|a", "4|7|boundary", "4.5|0|b", "7|2.5|boundary", "8|0|c"},
		"of MNE":                   {head, "1|0|a", "3.995|7|boundary", "4.5|0|b", "6.995|2.5|boundary", "8|0|c"},
		"gaps counted":             {head, "1|0|a", "4|7|boundary", "11.5|0|b", "14|2.5|boundary", "17.5|0|c"},
		"gaps counted, behind":     {head, "1|0|a", "10.995|7|boundary", "11.5|0|b", "16.5|2.5|boundary", "17.5|0|c"},
		"the first alone":          {head, "1|0|a", "4|7|boundary"},
		"the first alone, of MNE":  {head, "1|0|a", "3.995|7|boundary"},
		"the second alone, of MNE": {head, "1|0|a", "6.995|2.5|boundary"},
	} {
		t.Run(name, func(t *testing.T) {
			rec := own
			if rows != nil {
				rec = opened(t, cut(t, rows...), stem+"_eeg.set")
			}
			found := map[signal.Event]bool{}
			for _, e := range rec.Events {
				if e.Label == "boundary" {
					found[e] = true
				}
			}
			want := map[signal.Event]bool{{Sample: 400, Onset: 4, Duration: 7, Label: "boundary"}: true, {Sample: 1400, Onset: 14, Duration: 2.5, Label: "boundary"}: true}
			switch { // rows that are not there are no events: the table is all
			case strings.HasPrefix(name, "the first"):
				delete(want, signal.Event{Sample: 1400, Onset: 14, Duration: 2.5, Label: "boundary"})
			case strings.HasPrefix(name, "the second"):
				delete(want, signal.Event{Sample: 400, Onset: 4, Duration: 7, Label: "boundary"})
			}
			if !maps.Equal(found, want) {
				t.Errorf("the boundaries are %v, want %v", found, want)
			}
			for _, d := range rec.Deviations {
				if d.Missing {
					t.Errorf("missing: %+v", d)
				}
			}
		})
	}
}

// TestBoundaryInFront: a boundary of EEGLAB in front of the first sample stands there, and lasts over none, alone and whatever a table says of it; it is no
// conflict, and no loss where the tree is written again.
func TestBoundaryInFront(t *testing.T) {
	for name, rows := range map[string][]string{
		"without a table": nil,
		"of gyrus":        {"0|0|boundary"},
		"of MNE":          {"0|0.234375|boundary"},
		"of EEGLAB":       {"-0.00390625|0.234375|boundary"},
	} {
		t.Run(name, func(t *testing.T) {
			f := study().text(stem+"_eeg.json", about).file(t, stem+"_eeg.set", "../eeglab/testdata/edges.set").
				table(stem+"_channels.tsv", "name|type|units", "Fp1|EEG|uV", "Cz|EEG|uV", "T3|EEG|uV", "EOG1|EEG|uV", "Käse|EEG|uV")
			if rows != nil {
				f.table(stem+"_events.tsv", append(append([]string{"onset|duration|trial_type"}, rows...),
					"0.078125|0|a", "0.390625|0.3125|boundary", "0.390625|0.3125|boundary", "0.390625|0|b", "0.78125|0.15625|boundary")...)
			}
			check := func(rec *signal.Recording) {
				t.Helper()
				if len(rec.Events) != 6 || rec.Events[0] != (signal.Event{Label: "boundary"}) {
					t.Errorf("the events are %+v", rec.Events)
				}
				for _, d := range rec.Deviations {
					if strings.HasSuffix(d.Where, "_events.tsv") && !strings.Contains(d.Found, "gap") {
						t.Errorf("a deviation: %+v", d)
					}
				}
			}
			rec := opened(t, f, stem+"_eeg.set")
			check(rec)
			tree, err := bids.ReadTree(fstest.MapFS(f), ".")
			if err != nil {
				t.Fatal(err)
			}
			r := tree.Recordings()[0]
			said, _, err := tree.Sidecars(r)
			if err != nil {
				t.Fatal(err)
			}
			for _, format := range []string{"brainvision", "edf+"} {
				root, opt := t.TempDir(), writeOptions
				opt.Format = format
				w := bids.MustWrite(t, root, opt, bids.Item{Input: r.Path, Name: r.Name, Said: said, Open: func() (*signal.Recording, error) { return tree.Open(r) }})[0]
				for _, d := range w.Losses {
					if d.Where == "events" && (strings.Contains(d.Found, "within") || strings.Contains(d.Found, "last over")) {
						t.Errorf("%s: a loss: %+v", format, d)
					}
				}
				check(ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path))))
			}
		})
	}
}

// TestInterruptedByNothing: where the events of a table fit those of the recording in neither time, the recording's own are kept.
func TestInterruptedByNothing(t *testing.T) {
	f := gapped(marks...).table(stem+"_events.tsv", "onset|duration|trial_type", "2|0|x", "5.25|0|y", "6.5|0|z", "9|0|x")
	rec := opened(t, f, stem+"_eeg.vhdr")
	pulsed(t, rec)
	if !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool {
		return strings.Contains(d.Found, "nothing says whether the table counts them") && strings.HasPrefix(d.Assumed, "the events that the recording has itself")
	}) {
		t.Errorf("deviations %v", rec.Deviations)
	}
}

// TestInterruptedEDF: time goes on within the gaps of EDF+D, also where RecordingDuration does not count them, as mne-bids writes it.
func TestInterruptedEDF(t *testing.T) {
	f := edftest.File{Reserved: "EDF+D", N: 10}
	f.Signals = append(f.Signals, edftest.Signal{Label: "Cz", Dim: "uV", Samples: 100, At: func(r, i int) int16 { return int16(i) }},
		edftest.Annotations(30, func(r int) string {
			if r < 5 {
				return edftest.TAL(fmt.Sprintf("+%d", r), "")
			}
			text := edftest.TAL(fmt.Sprintf("+%d", r+7), "")
			if r == 6 {
				text += edftest.TAL("+13.5", "", "light")
			}
			return text
		}))
	tr := study().text(stem+"_eeg.json", strings.Replace(about, "{", `{"RecordingDuration": 9.99, `, 1)).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV").
		table(stem+"_events.tsv", "onset|duration|trial_type", "13.5|0|light")
	tr[recording] = &fstest.MapFile{Data: f.Bytes()}
	rec := opened(t, tr, recording)
	deviates(t, rec.Deviations)
	if got := labelled(rec); got != "13.5 light" || rec.Events[0].Sample != 1350 {
		t.Errorf("events %s", got)
	}
}

// filledEDF has ten records of 1 s at 100 Hz. 1.2 s from 2.5 s on fill it, behind which something happens at 4.5 and 7.5 s.
func filledEDF() []byte {
	marks := map[int]string{2: edftest.TAL("+2.5", "1.2", "BAD filled"), 4: edftest.TAL("+4.5", "", "a"), 7: edftest.TAL("+7.5", "", "b")}
	f := edftest.File{Reserved: "EDF+C", N: 10}
	f.Signals = append(f.Signals, edftest.Signal{Label: "Cz", Dim: "uV", Samples: 100, At: func(r, i int) int16 { return int16(100*r + i) }},
		edftest.Annotations(60, func(r int) string { return edftest.TAL(edftest.Steady(r), "") + marks[r] }))
	return f.Bytes()
}

// TestFilledEDF: BIDS 1.10, "Task events", sample counts those of the file, and what fills it lies there like all else.
func TestFilledEDF(t *testing.T) {
	for _, c := range []struct{ a, b, complaint string }{{"450", "750", ""}, {"330", "630", "column sample"}} {
		tr := study().text(stem+"_eeg.json", strings.Replace(about, "{", `{"RecordingDuration": 10, `, 1)).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV").
			table(stem+"_events.tsv", "onset|duration|trial_type|sample", "4.5|0|a|"+c.a, "7.5|0|b|"+c.b)
		tr[recording] = &fstest.MapFile{Data: filledEDF()}
		rec := opened(t, tr, recording)
		if got := labelled(rec); got != "4.5 a, 7.5 b" || rec.Events[0].Sample != 450 || rec.Events[1].Sample != 750 {
			t.Errorf("sample %s: events %s", c.a, got)
		}
		if c.complaint == "" {
			deviates(t, rec.Deviations)
		} else {
			deviates(t, rec.Deviations, c.complaint)
		}
	}
}

// TestWriteFilled: a copy has the samples that fill it, and so has what the tables count. Formats that are written have none there.
func TestWriteFilled(t *testing.T) {
	in := filepath.Join(t.TempDir(), "x.edf")
	if err := os.WriteFile(in, filledEDF(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ format, a, b, seconds string }{
		{"", "4.5\t0\ta\tn/a\t450\n", "7.5\t0\tb\tn/a\t750\n", "10"},
		{"edf+", "4.5\t0\ta\tn/a\t330\n", "7.5\t0\tb\tn/a\t630\n", "10"},
		{"brainvision", "3.3\t0\ta\tn/a\t330\n", "6.3\t0\tb\tn/a\t630\n", "8.8"},
	} {
		root := t.TempDir()
		it := bids.MakeItem("01", "odd", "", nil)
		it.Copy, it.Open = in, func() (*signal.Recording, error) { return ingest.Open(os.DirFS(filepath.Dir(in)), "x.edf") }
		out := bids.MustWrite(t, root, bids.Options{Format: c.format}, it)[0]
		want := "onset\tduration\ttrial_type\tvalue\tsample\n" + c.a + c.b
		if got := said(t, root, "sub-01_task-odd_events.tsv"); got != want || out.Copied != (c.format == "") {
			t.Errorf("as %q: copied %t, events.tsv is\n%s, want\n%s", c.format, out.Copied, got, want)
		}
		if about := said(t, root, "sub-01_task-odd_eeg.json"); !strings.Contains(about, `"RecordingDuration": `+c.seconds+",") {
			t.Errorf("as %q: _eeg.json is %s, want %s s", c.format, about, c.seconds)
		}
		rec := ingesttest.Open(t, os.DirFS(root), out.Path)
		if e := rec.Events; len(e) != 2 || e[0].Sample != 450 || e[1].Sample != 750 || c.format != "brainvision" && len(rec.Deviations) > 0 {
			t.Errorf("as %q: events %+v, deviations %+v", c.format, e, rec.Deviations)
		}
	}
}

// TestFilledHandedOn: a table beside a file that fills its records is written anew for one that does not, and stays as it is otherwise.
func TestFilledHandedOn(t *testing.T) {
	rows := []string{"onset|duration|trial_type|sample", "4.5|0|a|450", "n/a|0|nowhere|n/a", "7.50|0|b|750"}
	tr := study().text(stem+"_eeg.json", strings.Replace(about, "{", `{"RecordingDuration": 10, `, 1)).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV").table(stem+"_events.tsv", rows...)
	tr[recording] = &fstest.MapFile{Data: filledEDF()}
	in := onDisk(t, tr, ".")
	for format, want := range map[string]string{
		"":            string(tr[stem+"_events.tsv"].Data),
		"edf+":        "onset\tduration\ttrial_type\tsample\n4.5\t0\ta\t330\nn/a\t0\tnowhere\tn/a\n7.50\t0\tb\t630\n",
		"brainvision": "onset\tduration\ttrial_type\tsample\n3.3\t0\ta\t330\nn/a\t0\tnowhere\tn/a\n6.3\t0\tb\t630\n",
	} {
		root := t.TempDir()
		_, w := rewrite(t, in, format, root, true)
		if got := said(t, root, "sub-01_task-odd_events.tsv"); got != want {
			t.Errorf("as %q: events.tsv is\n%s, want\n%s", format, got, want)
		}
		if listed := slices.ContainsFunc(w.Losses, func(l signal.Deviation) bool { return strings.Contains(l.Assumed, "written anew") }); listed != (format == "brainvision") {
			t.Errorf("as %q: losses %+v", format, w.Losses)
		}
	}
}

// said is a file of the first subject.
func said(t *testing.T, root, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(root, "sub-01", "eeg", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestWriteKeepsChannels: records that are filled up, which the file says, weigh less than channels that are not there.
func TestWriteKeepsChannels(t *testing.T) {
	rec := bids.Sample(bids.Whole)
	rec.Spans, rec.Len = []signal.Span{{Start: 0, Len: 13}, {Start: 247, Len: 87}, {Start: 469, Len: 31}, {Start: 611, Len: 69}}, 680
	for ch, x := range rec.Data.(signal.Memory) {
		rec.Data.(signal.Memory)[ch] = append(x, make([]float64, 680-len(x))...)
	}
	rec.Others = []*signal.Recording{{
		Name: "made", Info: &signal.Info{Rate: 128, Channels: []signal.Channel{{Name: "chin", Original: "chin", Kind: signal.EMG, Unit: signal.Microvolt}}}, Len: 870,
		Spans: []signal.Span{{Start: 0, Len: 17}, {Start: 316, Len: 111}, {Start: 600, Len: 40}, {Start: 782, Len: 88}}, Data: signal.Memory{make([]float64, 870)},
	}}
	root := t.TempDir()
	w := bids.MustWrite(t, root, bids.Options{}, bids.MakeItem("01", "rest", "", rec))[0]
	if text := said(t, root, "sub-01_task-rest_channels.tsv"); w.To != "edf+" || !strings.Contains(text, "chin") {
		t.Errorf("written as %s with the channels\n%s\nand losses %v", w.To, text, w.Losses)
	}
	for _, l := range w.Losses {
		if l.Missing {
			t.Errorf("missing: %+v", l)
		}
	}
}

// TestWriteKeepsEventsInGaps: a format that moves events out of gaps loses more than one that rounds samples a little, and one that rounds them less is
// better where no event is moved.
func TestWriteKeepsEventsInGaps(t *testing.T) {
	for _, c := range []struct {
		sample int64
		to     string
	}{{110, "bdf+"}, {20, "brainvision"}} {
		rec := bids.Sample(func(ch, t int) float64 { return float64(float32(math.Sin(float64(t+ch)))) * 1000 })
		rec.Spans, rec.Events = []signal.Span{{Start: 0, Len: 100}, {Start: 150, Len: 50}}, []signal.Event{{Sample: c.sample, Onset: float64(c.sample) / 100, Label: "light"}}
		root := t.TempDir()
		w := bids.MustWrite(t, root, bids.Options{}, bids.MakeItem("01", "rest", "", rec))[0]
		again := ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path)))
		if w.To != c.to || len(again.Events) != 1 || again.Events[0] != rec.Events[0] {
			t.Errorf("an event at %d: written as %s, want %s, read as %v, losses %+v", c.sample, w.To, c.to, again.Events, w.Losses)
		}
	}
}

// onDisk writes the files of a tree into a folder and returns the path of one.
func onDisk(t *testing.T, f tree, name string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, fstest.MapFS(f)); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, filepath.FromSlash(name))
}

// alone is a recording without what lies beside it: its files have no name of BIDS.
func alone(t *testing.T, f tree, ext string) string {
	t.Helper()
	out := tree{}
	for name, file := range f {
		if strings.HasPrefix(name, stem+"_eeg.") && !strings.HasSuffix(name, ".json") {
			data := strings.ReplaceAll(string(file.Data), "sub-01_task-odd_eeg.", "cut.")
			out["cut"+filepath.Ext(name)] = &fstest.MapFile{Data: []byte(data)}
		}
	}
	return onDisk(t, out, "cut"+ext)
}

// TestWriteInterrupted: onsets are those at which programs find the events in the file, samples are indexes in it, and what a table cannot
// say of the gaps is listed.
func TestWriteInterrupted(t *testing.T) {
	for _, c := range []struct {
		name, path, format string
		onsets, samples    []string
		seconds            float64
		losses             int
	}{
		{"BrainVision", alone(t, gapped(marks...), ".vhdr"), "", []string{"1", "4.5", "8"}, []string{"100", "450", "800"}, 10, 1},
		{"EEGLAB", alone(t, cut(t), ".set"), "", []string{"1", "4", "4.5", "7", "8"}, []string{"100", "400", "450", "700", "800"}, 10, 1},
		{"EDF+D", alone(t, cut(t), ".set"), "edf+", []string{"1", "4", "11.5", "14", "17.5"}, []string{"100", "400", "450", "700", "800"}, 19.5, -1},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			open := func() (*signal.Recording, error) { return ingest.OpenFile(c.path) }
			opt := writeOptions
			opt.Format = c.format
			w := bids.MustWrite(t, root, opt, bids.Item{Input: c.path, Copy: c.path, Open: open, Name: bids.Name{}.With("sub", "01").With("task", "odd")})[0]
			var losses []signal.Deviation
			for _, l := range w.Losses {
				if l.Where == "events" {
					losses = append(losses, l)
				}
			}
			if c.losses >= 0 && (len(losses) != c.losses || !strings.Contains(losses[0].Found, "2 gaps of 9.5 s")) {
				t.Errorf("losses %v, want %d, the first of the gaps", losses, c.losses)
			}
			text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(stem+"_events.tsv")))
			if err != nil {
				t.Fatal(err)
			}
			table, _, err := bids.ReadTable(text, "events.tsv")
			if err != nil {
				t.Fatal(err)
			}
			var onsets, samples []string
			for row := range table.Len() {
				onset, _, err := table.Number(row, "onset")
				if err != nil {
					t.Error(err)
				}
				sample, _ := table.Cell(row, "sample")
				onsets, samples = append(onsets, fmt.Sprintf("%.6g", onset)), append(samples, sample)
			}
			if !slices.Equal(onsets, c.onsets) || !slices.Equal(samples, c.samples) {
				t.Errorf("onsets %v at samples %v, want %v at %v", onsets, samples, c.onsets, c.samples)
			}
			text, err = os.ReadFile(filepath.Join(root, filepath.FromSlash(stem+"_eeg.json")))
			if err != nil {
				t.Fatal(err)
			}
			var said struct{ RecordingDuration float64 }
			if err := json.Unmarshal(text, &said); err != nil || said.RecordingDuration != c.seconds {
				t.Errorf("RecordingDuration %g (%v), want %g", said.RecordingDuration, err, c.seconds)
			}
			pulsed(t, ingesttest.OpenFile(t, filepath.Join(root, filepath.FromSlash(w.Path))))
		})
	}
}

// TestInterruptedHandedOn: a table in the time of the file becomes one with gaps counted where the samples go to a format with gaps, and the
// other way round; in the same format it stays as it is.
func TestInterruptedHandedOn(t *testing.T) {
	step := func(in, format string, root string) (path, table string) {
		t.Helper()
		fsys := os.DirFS(in)
		study, err := bids.ReadTree(fsys, ".")
		if err != nil {
			t.Fatal(err)
		}
		r := study.Recordings()[0]
		said, _, err := study.Sidecars(r)
		if err != nil {
			t.Fatal(err)
		}
		opt := writeOptions
		opt.Format = format
		it := bids.Item{Input: r.Path, Name: r.Name, Copy: filepath.Join(in, filepath.FromSlash(r.Path)), Said: said}
		it.Open = func() (*signal.Recording, error) { return study.Open(r) }
		w := bids.MustWrite(t, root, opt, it)[0]
		text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(stem+"_events.tsv")))
		if err != nil {
			t.Fatal(err)
		}
		return filepath.Join(root, filepath.FromSlash(w.Path)), string(text)
	}
	f := gapped(marks...).table(stem+"_events.tsv", commented(inFile)...)
	in := onDisk(t, f, ".")
	same := t.TempDir()
	path, table := step(in, "", same)
	if want := string(f[stem+"_events.tsv"].Data); table != want {
		t.Errorf("the table is\n%s, want it as it was\n%s", table, want)
	}
	pulsed(t, ingesttest.OpenFile(t, path))

	edf := t.TempDir()
	path, table = step(in, "edf+", edf)
	if want := "11.5\t0.0\tComment/b\t3\t450\n"; !strings.Contains(table, want) {
		t.Errorf("the table with EDF+D is\n%s, want the row %q", table, want)
	}
	pulsed(t, ingesttest.OpenFile(t, path))

	back := t.TempDir()
	path, table = step(edf, "brainvision", back)
	if want := "4.5\t0.0\tComment/b\t3\t450\n"; !strings.Contains(table, want) {
		t.Errorf("the table with BrainVision is\n%s, want the row %q", table, want)
	}
	pulsed(t, ingesttest.OpenFile(t, path))
}
