package bids_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/bids"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// opened is the one recording of a tree; it is closed at the end of the test.
func opened(t *testing.T, files tree, name string) *signal.Recording {
	t.Helper()
	return ingesttest.Open(t, fstest.MapFS(files), name)
}

// fixtureCalled opens the fixture of that name.
func fixtureCalled(t *testing.T, name string) *signal.Recording {
	t.Helper()
	for _, f := range fixtures() {
		if f.name == name {
			return opened(t, f.tree, f.recording)
		}
	}
	t.Fatalf("no fixture %s", name)
	return nil
}

// labelled is the events of rec as "1.5 button".
func labelled(rec *signal.Recording) string {
	var all []string
	for _, e := range rec.Events {
		all = append(all, fmt.Sprintf("%g %s", e.Onset, e.Label))
	}
	return strings.Join(all, ", ")
}

// deviates checks that the deviations are as many as want, and that each has a where, a rule, and what was found that contain
// the parts, which are parted by bars, of one.
func deviates(t *testing.T, found []signal.Deviation, want ...string) {
	t.Helper()
	left := slices.Clone(found)
	for _, w := range want {
		parts := strings.Split(w, "|")
		at := slices.IndexFunc(left, func(d signal.Deviation) bool {
			text := strings.Join([]string{d.Where, d.Rule, d.Found, d.Assumed}, "\n")
			return !slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(text, p) })
		})
		if at < 0 {
			t.Errorf("no deviation %q in\n%v", w, found)
			continue
		}
		left = slices.Delete(left, at, at+1)
	}
	for _, d := range left {
		t.Errorf("a deviation too many: %+v", d)
	}
}

// at is a sample of the first channel.
func at(t *testing.T, rec *signal.Recording, sample int64) float64 {
	t.Helper()
	x := make([][]float64, len(rec.Info.Channels))
	for i := range x {
		x[i] = make([]float64, 1)
	}
	if err := rec.Data.ReadSamples(x, sample); err != nil {
		t.Fatal(err)
	}
	return x[0][0]
}

// TestFieldTrip1545: sidecars extend and overrule the header, and every conflict is listed.
func TestFieldTrip1545(t *testing.T) {
	rec := fixtureCalled(t, "fieldtrip-1545")
	c := rec.Info.Channels
	if c[2].Kind != signal.EOG || c[0].Kind != signal.EEG || !c[1].Bad || c[0].Bad || c[2].Bad {
		t.Errorf("channels %+v", c)
	}
	if want := 0.1 * math.Round(200*math.Sin(2*math.Pi*3*0.07)); math.Abs(at(t, rec, 7)-want) > 1e-3 { // EDF rounds the ends of its range
		t.Errorf("a sample of %g µV, want %g: the header says mV, the table µV, and that is what a head makes", at(t, rec, 7), want)
	}
	if *c[1].Pos != (signal.Position{0.002, 0.01, 0.12}) || c[2].Pos != nil || rec.Info.Reference != "Cz" {
		t.Errorf("positions %v and %v, reference %q", c[1].Pos, c[2].Pos, rec.Info.Reference)
	}
	if got := labelled(rec); got != "2.25 left, 7 right" || rec.Events[0].Duration != 0.5 || rec.Events[0].Sample != 225 {
		t.Errorf("events %s", got)
	}
	deviates(t, rec.Deviations,
		`column units|"mV"|"uV" for Fz, Cz, LE|uV, of the table`,
		`_events.tsv|none at 2 of those 2|"button" at 1.500 s`, `_events.tsv|2 of 2 elsewhere|"left" at 2.250 s`)
}

// TestMNEBIDS380, 381 and 382: the same report, three times. There may be fewer electrodes than channels, more, and in any order.
func TestMNEBIDS380(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-380")
	c := rec.Info.Channels
	if *c[0].Pos != (signal.Position{0.001, 0.06, 0.1}) || c[1].Pos != montage.Place("Cz") || c[3].Pos != nil {
		t.Errorf("positions %v %v %v", c[0].Pos, c[1].Pos, c[3].Pos)
	}
	deviates(t, rec.Deviations)
}

func TestMNEBIDS381(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-381")
	c := rec.Info.Channels
	if *c[0].Pos != (signal.Position{0.001, 0.06, 0.1}) || *c[2].Pos != (signal.Position{0.003, -0.05, 0.11}) || c[3].Pos != nil {
		t.Errorf("positions %v %v %v", c[0].Pos, c[2].Pos, c[3].Pos)
	}
	deviates(t, rec.Deviations)
}

func TestMNEBIDS382(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-382")
	c := rec.Info.Channels
	if *c[0].Pos != (signal.Position{0.001, 0.06, 0.1}) || c[1].Pos != montage.Place("Cz") || *c[2].Pos != (signal.Position{0.003, -0.05, 0.11}) {
		t.Errorf("positions %v %v %v: columns and rows are in orders of their own, and n/a is no place", c[0].Pos, c[1].Pos, c[2].Pos)
	}
	deviates(t, rec.Deviations)
}

// TestEventsOfChannels: column channel of a table has the names of the channels that an event is of. Several are parted by the Delimiter of the
// sidecar; without one a cell is one name (BIDS 1.10, "Task events"). A name of no channel is kept, and listed.
func TestEventsOfChannels(t *testing.T) {
	comma := `{"channel": {"Delimiter": ","}}`
	for name, tc := range map[string]struct {
		about      string
		rows       []string
		want, list string
	}{
		"none":           {"", []string{"1|0|blink|n/a"}, "blink", ""},
		"one":            {"", []string{"1|0|blink|EEG Fp1", "2|0|cue|n/a", "3|0|spike|T7"}, "blink (Fp1) cue spike (T7)", ""},
		"gyrus's names":  {"", []string{"1|0|blink|Fp1", "2|0|spike|T3"}, "blink (Fp1) spike (T7)", ""},
		"several":        {comma, []string{"1|0|spike|T3,EEG Fp1", "2|0|cue|n/a", "3|0|x|T3 , a;b"}, "spike (Fp1, T7) cue x (T7, a;b)", ""},
		"no delimiter":   {"", []string{"1|0|spike|T3,EEG Fp1"}, "spike (T3,EEG Fp1)", "T3,EEG Fp1: not in the recording"},
		"not there":      {comma, []string{"1|0|spike|T3,Oz", "2|0|spike|Oz", "3|0|spike|POz"}, "spike (Oz, T7) spike (Oz) spike (POz)", "Oz, POz: not in the recording"},
		"about no words": {`{"channel": {"Delimiter": 7}}`, []string{"1|0|spike|T3"}, "spike (T7)", ""},
	} {
		f := study().edf("uV", "EEG Fp1", "T3", "a;b").text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "EEG Fp1|EEG|uV", "T3|EEG|uV", "a;b|MISC|uV").
			table(stem+"_events.tsv", append([]string{"onset|duration|trial_type|channel"}, tc.rows...)...)
		if tc.about != "" {
			f = f.text(stem+"_events.json", tc.about)
		}
		rec := opened(t, f, recording)
		var got []string
		for _, e := range rec.Events {
			text := e.Label
			if !e.Channels.IsZero() {
				text += " (" + e.Channels.String() + ")"
			}
			got = append(got, text)
		}
		if s := strings.Join(got, " "); s != tc.want {
			t.Errorf("%s: the events are %s, want %s", name, s, tc.want)
		}
		listed := slices.DeleteFunc(slices.Clone(rec.Deviations), func(d signal.Deviation) bool { return !strings.HasSuffix(d.Where, "_events.tsv: column channel") })
		if len(rec.Notes) > 0 || (tc.list == "") != (len(listed) == 0) || len(listed) > 0 && !strings.HasPrefix(listed[0].Found, tc.list) {
			t.Errorf("%s: notes %+v, deviations %+v, want %q", name, rec.Notes, rec.Deviations, tc.list)
		}
	}
}

// TestMNEBIDS701: intracranial recordings have channels that are no electrodes.
func TestMNEBIDS701(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-701")
	var kinds []string
	for _, c := range rec.Info.Channels {
		kinds = append(kinds, string(c.Kind))
		if c.Pos != nil {
			t.Errorf("%s is at %v of the head: its place is one in the brain", c.Name, c.Pos)
		}
	}
	if got := strings.Join(kinds, " "); got != "seeg seeg ecog ecg misc" {
		t.Errorf("kinds %s", got)
	}
	if !slices.ContainsFunc(rec.Texts, func(x signal.Text) bool { return strings.Contains(x.Text, `coordinate system "ACPC"`) }) ||
		!slices.Contains(rec.Texts, signal.Text{Field: "high_cutoff", Channel: "LA2", Text: "40"}) {
		t.Errorf("texts %v", rec.Texts)
	}
	deviates(t, rec.Deviations, `line 6, column units|"uV"|"V" for DC1|V, of the table`)
}

// TestMNEBIDS947: a trial_type that is n/a throughout does not erase the events.
func TestMNEBIDS947(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-947")
	if got := labelled(rec); got != "1.5 1040, 4 2049, 5 1040" {
		t.Errorf("events %s", got)
	}
	deviates(t, rec.Deviations, `_events.tsv|1 of 3 elsewhere|"1040" at 5.000 s`)
}

// TestMNEBIDS687: a trial_type that stands for several values is composed with them.
func TestMNEBIDS687(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-687")
	if got := labelled(rec); got != "1 response/202, 2 stimulus/11, 3 response/201, 4 stimulus/12, 5 feedback, 6 feedback, 7 response/na" {
		t.Errorf("events %s", got)
	}
}

// TestMNEBIDS223: values are what they are.
func TestMNEBIDS223(t *testing.T) {
	rec := fixtureCalled(t, "mne-bids-223")
	if got := labelled(rec); got != "1 4, 2 1, 3 2, 4 4" || rec.Events[3].Duration != 0.25 {
		t.Errorf("events %s", got)
	}
}

// TestInheritance: the more specific sidecar wins, field by field; of tables, the most specific is the one.
func TestInheritance(t *testing.T) {
	rec := fixtureCalled(t, "inherited")
	for _, want := range []signal.Text{{Field: "Manufacturer", Text: "of the recording"}, {Field: "PowerLineFrequency", Text: "60"}, {Field: "TaskName", Text: "odd"}} {
		if !slices.Contains(rec.Texts, want) {
			t.Errorf("no %+v in %v", want, rec.Texts)
		}
	}
	if rec.Info.Channels[3].Kind != signal.EOG || !slices.Contains(rec.Parts, "task-odd_eeg.json") || !slices.Contains(rec.Parts, "sub-01/sub-01_task-odd_channels.tsv") {
		t.Errorf("parts %v, channels %+v", rec.Parts, rec.Info.Channels)
	}
	deviates(t, rec.Deviations)

	nearer := complete().table("sub-01/sub-01_channels.tsv", "name|type|units", "Fz|ECG|uV").table("task-odd_channels.tsv", "name|type|units", "Fz|EMG|uV")
	if rec := opened(t, nearer, recording); rec.Info.Channels[0].Kind != signal.EEG {
		t.Errorf("Fz is %s: the table beside the recording counts", rec.Info.Channels[0].Kind)
	}
	other := complete().text("task-even_eeg.json", `{"SamplingFrequency": 1}`).text("run-1_eeg.json", `{"SamplingFrequency": 2}`)
	deviates(t, opened(t, other, recording).Deviations)
	two := complete().text(folder+"sub-01_eeg.json", `{"PowerLineFrequency": 60}`)
	rec = opened(t, two, recording)
	deviates(t, rec.Deviations, "one _eeg.json for it in each folder|sub-01_task-odd_eeg.json and sub-01/eeg/sub-01_eeg.json")
	if !slices.Contains(rec.Texts, signal.Text{Field: "PowerLineFrequency", Text: "50"}) {
		t.Error("the sidecar with more entities counts")
	}
}

// complete is a tree in which all is as it should be.
func complete() tree {
	for _, f := range fixtures() {
		if f.name == "mne-bids-381" {
			return f.tree
		}
	}
	panic("no fixture mne-bids-381")
}

// TestConflicts: each is listed, with what was assumed.
func TestConflicts(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(tree)
		want   []string
	}{
		{"nothing", func(tree) {}, nil},
		{"rate", func(f tree) { f.text(stem+"_eeg.json", strings.Replace(about, "100", "128", 1)) }, []string{"_eeg.json: SamplingFrequency|rate of the recording, 100 Hz|128"}},
		{"rate of channels", func(f tree) {
			f.table(stem+"_channels.tsv", "name|type|units|sampling_frequency", "Fz|EEG|uV|100", "Cz|EEG|uV|50", "Pz|EEG|uV|fast", "EOG1|EOG|uV|50")
		}, []string{"column sampling_frequency|50 for Cz, EOG1", "fast for Pz"}},
		{"length", func(f tree) {
			f.text(stem+"_eeg.json", strings.Replace(about, `"PowerLineFrequency": 50`, `"PowerLineFrequency": "n/a", "RecordingDuration": 12`, 1))
		}, []string{"RecordingDuration|10 s|12"}},
		{"counts", func(f tree) {
			f.text(stem+"_eeg.json", strings.Replace(about, `{`, `{"EEGChannelCount": 4, "EOGChannelCount": 1, `, 1))
		}, []string{"EEGChannelCount|, 3|4"}},
		{"counts, as they are spelled now", func(f tree) {
			f.text(stem+"_eeg.json", strings.Replace(about, `{`, `{"MISCChannelCount": 2, `, 1))
		}, []string{"MISCChannelCount|, 0|2"}},
		{"counts, as they were spelled", func(f tree) {
			f.text(stem+"_eeg.json", strings.Replace(about, `{`, `{"MiscChannelCount": 2, `, 1))
		}, []string{"MiscChannelCount|, 0|2"}},
		{"fields", func(f tree) { f.text(stem+"_eeg.json", `{"SamplingFrequency": "fast"}`) }, []string{"no TaskName, EEGReference, PowerLineFrequency, SoftwareFilters", `SamplingFrequency|a number|"fast"`}},
		{"no sidecars", func(f tree) {
			delete(f, stem+"_eeg.json")
			delete(f, stem+"_channels.tsv")
			delete(f, stem+"_events.tsv")
		}, []string{"a _eeg.json for it|none", "a _channels.tsv for it|none", "an _events.tsv for it|none|2 events"}},
		{"broken sidecar", func(f tree) { f.text(stem+"_eeg.json", `{"a": `) }, []string{"_eeg.json|a sidecar can be read|byte 6|as if it were not there", "a _eeg.json for it|none"}},
		{"types", func(f tree) {
			f.table(stem+"_channels.tsv", "name|type|units", "Fz|eeg|uV", "Cz|BRAIN|uV", "Pz|EOG|uV", "EOG1|n/a|uV")
		}, []string{`line 2, column type|capitals|"eeg"`, `line 3, column type|"BRAIN" for Cz|eeg`, `line 4, column type|Pz: eeg|EOG`}},
		{"states", func(f tree) {
			f.table(stem+"_channels.tsv", "name|type|units|status", "Fz|EEG|uV|Bad", "Cz|EEG|uV|poor", "Pz|EEG|uV|n/a", "EOG1|EOG|uV|good")
		}, []string{`line 2, column status|"Bad" for Fz|bad`, `line 3, column status|"poor" for Cz`}},
		{"names", func(f tree) {
			f.table(stem+"_channels.tsv", "name|type|units", "Fz|EEG|uV", "Fz|EOG|uV", "Oz|EEG|uV", "EOG1|EOG|uV")
		}, []string{"Oz: not in the recording", "Fz twice", "none for Cz, Pz"}},
		{"units", func(f tree) {
			f.table(stem+"_channels.tsv", "name|type|units", "Fz|EEG|V", "Cz|EEG|V", "Pz|EEG|V", "EOG1|EOG|V")
		}, []string{`"uV"|"V" for Fz, Cz, Pz, EOG1|what the recording says: with that unit they would vary by`}},
		{"no columns", func(f tree) { f.table(stem+"_channels.tsv", "Name|kind", "Fz|EEG") }, []string{"a column name|none", "a column type|none", "a column units|none"}},
		{"no onset", func(f tree) { f.table(stem+"_events.tsv", "time|duration", "1|2") }, []string{"a column onset|the events that the recording has itself"}},
		{"no table of events", func(f tree) { f.text(stem+"_events.tsv", "") }, []string{"_events.tsv|a sidecar can be read"}},
		{"onsets", func(f tree) {
			f.table(stem+"_events.tsv", "onset|duration|sample|trial_type", "1.5|-1|150|button", "n/a|0|400|light", "n/a|0|n/a|x", "1e99|n/a|n/a|x", "300|0|30000|late")
		}, []string{
			`line 2, column duration|"-1"|0 s`, `line 3, column onset|"n/a"|where column sample says`, `line 4, column onset|"n/a", and 1 rows more|left out`, `line 6, column onset|"300"|kept`,
			`1 of 3 elsewhere|"late"`,
		}},
		{"samples", func(f tree) {
			f.table(stem+"_events.tsv", "onset|duration|sample|begsample|trial_type", "1.5|0|151|151|button", "4|0|500|401|light")
		}, []string{`line 3, column sample|"500" at the onset 4|the onset`}},
		{"stim_type", func(f tree) { f.table(stem+"_events.tsv", "onset|duration|stim_type", "1.5|0|a", "4|0|b") }, []string{"stim_type"}},
		{"no coordinate system", func(f tree) { delete(f, folder+"sub-01_coordsystem.json") }, []string{"_electrodes.tsv|a _coordsystem.json|none"}},
		{
			"half a place", func(f tree) {
				f.table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "Fz|1|n/a|100", "Cz|2|10|high", "Pz|3|-50|110")
			},
			[]string{"line 2 (Fz), line 3 (Cz)"},
		},
		{"no axis", func(f tree) { f.table(folder+"sub-01_electrodes.tsv", "name|x|y", "Fz|1|2") }, []string{"the columns name, x, y and z|no z"}},
		{"far away", func(f tree) {
			f.text(folder+"sub-01_coordsystem.json", `{"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "m"}`)
		}, []string{"units of the coordinates|a median of 120 m|nothing"}},
		{"a unit that is none", func(f tree) {
			f.text(folder+"sub-01_coordsystem.json", `{"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "inch"}`)
		}, []string{`units of the coordinates|"inch"|mm: electrodes then are a median of 0.12 m`}},
		{
			"begin", func(f tree) {
				f.table("sub-01/sub-01_scans.tsv", "filename|acq_time", "eeg/sub-01_task-odd_eeg.edf|2009-06-15T13:45:30")
			},
			[]string{"_scans.tsv: line 2|2002-03-02T10:11:12Z|2009-06-15T13:45:30"},
		},
		{"the same begin", func(f tree) {
			f.table("sub-01/sub-01_scans.tsv", "filename|acq_time", "eeg/sub-01_task-odd_eeg.edf|2002-03-02T10:11:12.5")
		}, nil},
		{"no begin", func(f tree) { f.table("sub-01/sub-01_scans.tsv", "filename|acq_time", "eeg/other.edf|n/a") }, []string{"none for eeg/sub-01_task-odd_eeg.edf"}},
		{"a date", func(f tree) {
			f.table("sub-01/sub-01_scans.tsv", "filename|acq_time", "eeg/sub-01_task-odd_eeg.edf|15.6.2009")
		}, []string{`"15.6.2009"`}},
		{"no participant", func(f tree) { f.table("participants.tsv", "participant_id|age", "sub-02|1") }, []string{"participants.tsv|none for sub-01"}},
	} {
		files := complete()
		c.change(files)
		t.Run(c.name, func(t *testing.T) {
			list := opened(t, files, recording).Deviations
			deviates(t, list, c.want...)
			missing := slices.ContainsFunc(list, func(d signal.Deviation) bool { return d.Missing })
			if want := c.name == "no onset" || c.name == "onsets" || c.name == "no table of events"; missing != want {
				t.Errorf("the list says that events are missing: %t, want %t; %+v", missing, want, list)
			}
		})
	}
}

// TestNames: recordings are known by their names, wherever they lie in a tree.
func TestNames(t *testing.T) {
	files := complete()
	for _, c := range []struct {
		name string
		want []string
	}{
		{"sub-01/eeg/sub-01_run-1_task-odd_eeg.edf", []string{"task before run"}},
		{"sub-01/eeg/sub-02_task-odd_eeg.edf", []string{"in sub-01/eeg"}},
		{"sub-01/sub-01_task-odd_eeg.edf", []string{"in sub-01"}},
		{"sub-01/eeg/sub-01_task-odd_acq-a_eeg.EDF", []string{"ending"}},
		{"sub-01/eeg/sub-01_eeg.edf", []string{"a task"}},
	} {
		rec := opened(t, withCopy(files, c.name), c.name)
		for _, w := range c.want {
			if !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Rule+d.Found, w) }) {
				t.Errorf("%s: no %q in %v", c.name, w, rec.Deviations)
			}
		}
	}
	for _, plain := range []string{"x.edf", "sub-01/eeg/odd.edf", "sub-01/eeg/sub-01_task-odd_beh.edf", "sub-01/eeg/task-odd_eeg.edf"} {
		if rec := opened(t, withCopy(files, plain), plain); rec.Format != "EDF+C" || len(rec.Deviations)+len(rec.Parts) > 0 {
			t.Errorf("%s: %s, %v, %v: it is no recording of the tree", plain, rec.Format, rec.Deviations, rec.Parts)
		}
	}
}

func withCopy(files tree, name string) tree {
	out := tree{name: files[recording]}
	for k, v := range files {
		out[k] = v
	}
	return out
}

// TestFrames: coordinates of other systems are turned into the head frame, by landmarks where there are some.
func TestFrames(t *testing.T) {
	for _, c := range []struct {
		system string
		want   signal.Position // of Fz, which the table has at 60, 1, 100 mm
		told   string
	}{
		{`"EEGCoordinateSystem": "CapTrak"`, signal.Position{0.06, 0.001, 0.1}, ""},
		{`"EEGCoordinateSystem": "ElektaNeuromag"`, signal.Position{0.06, 0.001, 0.1}, ""},
		{`"EEGCoordinateSystem": "CTF"`, signal.Position{-0.001, 0.06, 0.1}, ""},
		{`"EEGCoordinateSystem": "EEGLAB-HJ"`, signal.Position{-0.001, 0.06, 0.1}, ""},
		{`"EEGCoordinateSystem": "Other"`, *montage.Place("Fz"), `nothing leads from the coordinate system "Other"`},
		{`"EEGCoordinateSystem": "MNI152Lin"`, *montage.Place("Fz"), `nothing leads from the coordinate system "MNI152Lin"`},
		// Landmarks: the ears at y = ±80 mm and z = 10, the nose at x = 100: x to the nose, y to the left, shifted by 10 and 10.
		{
			`"EEGCoordinateSystem": "Other", "AnatomicalLandmarkCoordinateUnits": "cm", "AnatomicalLandmarkCoordinates": {"NAS": [11, 0, 1], "LPA": [1, 8, 1], "RPA": [1, -8, 1]}`,
			signal.Position{-0.001, 0.05, 0.09},
			"",
		},
		{
			`"EEGCoordinateSystem": "Other", "AnatomicalLandmarkCoordinateUnits": "cm", "AnatomicalLandmarkCoordinates": {"NAS": [1, 0, 1], "LPA": [1, 8, 1], "RPA": [1, -8, 1]}`,
			*montage.Place("Fz"), "nothing leads",
		}, // on a line
		{
			`"EEGCoordinateSystem": "Other", "AnatomicalLandmarkCoordinateSystem": "CTF", "AnatomicalLandmarkCoordinateUnits": "cm", "AnatomicalLandmarkCoordinates": {"NAS": [11, 0, 1], "LPA": [1, 8, 1], "RPA": [1, -8, 1]}`,
			*montage.Place("Fz"), "nothing leads",
		},
	} {
		files := complete().table(folder+"sub-01_electrodes.tsv", "name|x|y|z", "Fz|60|1|100", "Cz|10|-2|120").
			text(folder+"sub-01_coordsystem.json", `{`+c.system+`, "EEGCoordinateUnits": "mm"}`)
		rec := opened(t, files, recording)
		if got := *rec.Info.Channels[0].Pos; distance(got, c.want) > 1e-15 {
			t.Errorf("%s: Fz is at %v, want %v", c.system, got, c.want)
		}
		told := slices.ContainsFunc(rec.Texts, func(x signal.Text) bool {
			return strings.Contains(x.Text, "positions are not used") && strings.Contains(x.Text, c.told)
		})
		if told != (c.told != "") {
			t.Errorf("%s: texts %v", c.system, rec.Texts)
		}
		deviates(t, rec.Deviations)
	}
}

// TestSpaces: of several tables of electrodes the one in the frame of the head is taken.
func TestSpaces(t *testing.T) {
	files := complete().
		table(folder+"sub-01_space-MNI152Lin_electrodes.tsv", "name|x|y|z", "Fz|1|1|1").
		text(folder+"sub-01_space-MNI152Lin_coordsystem.json", `{"EEGCoordinateSystem": "MNI152Lin", "EEGCoordinateUnits": "mm"}`).
		table(folder+"sub-01_space-CapTrak_electrodes.tsv", "name|x|y|z", "Fz|0.01|0.07|0.1").
		text(folder+"sub-01_space-CapTrak_coordsystem.json", `{"EEGCoordinateSystem": "CapTrak", "EEGCoordinateUnits": "m"}`)
	files.text(folder+"sub-01_space-CapTrak_electrodes.json", `{"x": {"Description": "to the right"}}`)
	delete(files, folder+"sub-01_electrodes.tsv")
	rec := opened(t, files, recording)
	if *rec.Info.Channels[0].Pos != (signal.Position{0.01, 0.07, 0.1}) {
		t.Errorf("Fz is at %v", rec.Info.Channels[0].Pos)
	}
	said, _, _, err := bids.FindSidecars(fstest.MapFS(files), recording)
	if err != nil {
		t.Fatal(err)
	}
	if !said.ElectrodesAbout.Has("x") || len(said.Elsewhere) != 1 {
		t.Fatalf("the others are %+v, want the one of MNI152Lin", said.Elsewhere)
	}
	if s := said.Elsewhere[0]; s.File != folder+"sub-01_space-MNI152Lin_electrodes.tsv" || string(s.Coordsystem.Raw("EEGCoordinateSystem")) != `"MNI152Lin"` || s.Electrodes.Len() != 1 || s.About.Has("x") {
		t.Errorf("elsewhere is %+v", s)
	}
	deviates(t, rec.Deviations)
}

// TestLateStart: seconds are counted from the first sample that is stored, also where the recording counts from before it.
func TestLateStart(t *testing.T) {
	rec := &signal.Recording{
		Name: recording, Format: "test", Info: &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
		Spans: []signal.Span{{Start: 200, Len: 800}}, Len: 1000, Data: signal.Memory{make([]float64, 1000)},
	}
	files := study().text(stem+"_eeg.json", about).table(stem+"_channels.tsv", "name|type|units", "Cz|EEG|uV").
		table(stem+"_events.tsv", "onset|duration|sample|trial_type", "1.5|0|150|light")
	if err := bids.Complete(fstest.MapFS(files), recording, rec); err != nil {
		t.Fatal(err)
	}
	deviates(t, rec.Deviations)
	if e := rec.Events; len(e) != 1 || e[0].Sample != 350 || e[0].Onset != 3.5 {
		t.Errorf("events %+v", e)
	}
}

// TestNoSidecarBlocksTheSignal: whatever is wrong with them, the recording can be read.
func TestNoSidecarBlocksTheSignal(t *testing.T) {
	files := complete().text(stem+"_events.tsv", "\xff\xfe\x00").text(stem+"_channels.tsv", "").text(folder+"sub-01_electrodes.tsv", "a\nb").text(folder+"sub-01_coordsystem.json", "[]").
		text("participants.tsv", "\n\n").text("sub-01/sub-01_scans.tsv", "x\ty\n1\n")
	rec := opened(t, files, recording)
	if labelled(rec) != "1.5 button, 4 light" || at(t, rec, 7) == 0 || len(rec.Deviations) < 6 {
		t.Errorf("events %s, deviations %v", labelled(rec), rec.Deviations)
	}
}

// TestTooLarge: what is too large to be a sidecar is refused, not read.
func TestTooLarge(t *testing.T) {
	files := complete()
	files[stem+"_eeg.json"] = &fstest.MapFile{Data: make([]byte, 16<<20+1)}
	_, err := ingest.Open(fstest.MapFS(files), recording)
	var large *bids.TooLargeError
	if !errors.As(err, &large) || large.File != stem+"_eeg.json" || large.Most != 16<<20 {
		t.Errorf("the error %v", err)
	}
	if _, err := bids.ReadTree(fstest.MapFS(files), "."); err != nil {
		t.Errorf("the names of the tree can be read: %v", err)
	}
	files["participants.tsv"] = &fstest.MapFile{Data: make([]byte, 64<<20+1)}
	if _, err := bids.ReadTree(fstest.MapFS(files), "."); !errors.As(err, &large) {
		t.Errorf("the error %v", err)
	}
}

// TestConformance: a recording with sidecars keeps the promises of all recordings.
func TestConformance(t *testing.T) {
	for _, name := range []string{"fieldtrip-1545", "mne-bids-687", "scans"} {
		for _, f := range fixtures() {
			if f.name == name {
				t.Run(name, func(t *testing.T) {
					ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(fstest.MapFS(f.tree), f.recording) })
				})
			}
		}
	}
}

// TestMEG: recordings of magnetic fields are FIF files; what gyrus reads in them are the channels that are voltages.
func TestMEG(t *testing.T) {
	path := datasettest.Need(t, "ssvep-exo/subject01/record-[2012.07.06-19.02.16]_raw.fif")
	files := study().file(t, "sub-01/meg/sub-01_task-odd_meg.fif", path).
		text("sub-01/meg/sub-01_task-odd_meg.json", `{"TaskName": "odd", "SamplingFrequency": 256, "PowerLineFrequency": 50, "DewarPosition": "upright", "SoftwareFilters": "n/a", "DigitizedLandmarks": false, "DigitizedHeadPoints": false}`).
		table("sub-01/meg/sub-01_task-odd_channels.tsv", "name|type|units|status", "Oz|EEG|V|bad", "O1|EEG|V|good")
	rec := opened(t, files, "sub-01/meg/sub-01_task-odd_meg.fif")
	if k := rec.Info.Index("Oz"); k < 0 || !rec.Info.Channels[k].Bad || rec.Format != "FIF with BIDS" {
		t.Errorf("%s, channels %+v", rec.Format, rec.Info.Channels)
	}
	for _, d := range rec.Deviations {
		if strings.Contains(d.Where, "units") {
			t.Errorf("volts are the unit of the format: %+v", d)
		}
	}
}

// TestHED: what gyrus does not know is handed on as it is.
func TestHED(t *testing.T) {
	const hed = `{"trial_type": {"Levels": {"light": "a flash"}, "HED": {"light": "Sensory-event, (Red, Blue)"}}}`
	files := complete().text(stem+"_events.json", hed).table(stem+"_events.tsv", "onset|duration|trial_type|HED|stim_file", "1.5|0|button|Agent-action|n/a", "4|0|light|n/a|x.png")
	s, deviations, ok, err := bids.FindSidecars(fstest.MapFS(files), recording)
	if err != nil || !ok || len(deviations) > 0 {
		t.Fatal(err, ok, deviations)
	}
	if got := string(s.EventsAbout.Raw("trial_type")); got != hed[15:len(hed)-1] {
		t.Errorf("trial_type is %s", got)
	}
	if text, ok := s.Events.Cell(0, "HED"); !ok || text != "Agent-action" || !slices.Equal(s.Events.Columns, []string{"onset", "duration", "trial_type", "HED", "stim_file"}) {
		t.Errorf("events %v", s.Events)
	}
	if _, _, ok, err := bids.FindSidecars(fstest.MapFS(files), "elsewhere.edf"); ok || err != nil {
		t.Errorf("a file that lies in no tree: %v %v", ok, err)
	}
}

// TestAcquired: a time without Z is called UTC, as in the formats that know no other.
func TestAcquired(t *testing.T) {
	rec := fixtureCalled(t, "scans")
	if want := time.Date(1999, 12, 31, 23, 59, 58, 5e8, time.UTC); !rec.Begin.Equal(want) {
		t.Errorf("begins at %v, want %v", rec.Begin, want)
	}
	if !slices.Contains(rec.Texts, signal.Text{Field: "participants.tsv: age", Text: "33", Personal: true}) {
		t.Errorf("texts %v", rec.Texts)
	}
}
