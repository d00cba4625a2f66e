package brainvision_test

import (
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func write(t *testing.T, rec *signal.Recording) (*signal.Recording, []signal.Deviation) {
	t.Helper()
	w, err := ingest.WriterFor("brainvision", "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	made, err := ingest.WriteFile(filepath.Join(dir, "new.vhdr"), w, rec, false)
	if err != nil {
		t.Fatal(err)
	}
	return open(t, os.DirFS(dir), "new.vhdr"), made.Losses
}

// same compares all that the format holds.
func same(t *testing.T, got, want *signal.Recording) {
	t.Helper()
	if got.Info.Rate != want.Info.Rate || got.Info.Reference != want.Info.Reference || !got.Begin.Equal(want.Begin) || got.Len != want.Len || !slices.Equal(got.Runs(), want.Runs()) {
		t.Errorf("%v from %v, %d samples in %v, reference %q, want %v from %v, %d in %v, %q", got.Info, got.Begin, got.Len, got.Runs(), got.Info.Reference,
			want.Info, want.Begin, want.Len, want.Runs(), want.Info.Reference)
	}
	for i, c := range got.Info.Channels {
		w := want.Info.Channels[i]
		if c.Name != w.Name || c.Original != w.Original || c.Unit != w.Unit || c.Kind != w.Kind || (c.Pos == nil) != (w.Pos == nil) {
			t.Errorf("channel %d is %+v, want %+v", i, c, w)
		} else if c.Pos != nil {
			for k := range c.Pos {
				if math.Abs(c.Pos[k]-w.Pos[k]) > 1e-15 {
					t.Errorf("%s is at %v, want %v", c.Name, *c.Pos, *w.Pos)
				}
			}
		}
	}
	if !slices.Equal(got.Events, want.Events) {
		t.Errorf("the events are %+v, want %+v", got.Events, want.Events)
	}
	x, y := all(t, got), all(t, want)
	for ch := range x {
		for k := range x[ch] {
			if x[ch][k] != y[ch][k] {
				t.Fatalf("channel %d sample %d is %v, want %v", ch, k, x[ch][k], y[ch][k])
			}
		}
	}
}

// TestRoundTrip: recordings whose numbers are float32 come back equal, and nothing is lost.
func TestRoundTrip(t *testing.T) {
	dir := datasettest.Need(t, "formats/brainvision")
	for _, name := range []string{"test.vhdr", "test_units.vhdr", "testv2.vhdr", "test_highpass.vhdr"} {
		t.Run(name, func(t *testing.T) {
			want := open(t, os.DirFS(dir), name)
			got, losses := write(t, want)
			for _, l := range losses {
				t.Errorf("%+v is lost", l)
			}
			same(t, got, want)
		})
	}
}

// TestRoundTripOfGaps: New Segment is read as a gap and written as one, with and without a date.
func TestRoundTripOfGaps(t *testing.T) {
	want := open(t, os.DirFS("testdata"), "segments.vhdr")
	if n := len(want.Runs()); n != 3 {
		t.Fatalf("%d runs, want 3", n)
	}
	got, losses := write(t, want)
	for _, l := range losses {
		t.Errorf("%+v is lost", l)
	}
	same(t, got, want)
}

func TestWriteGaps(t *testing.T) {
	pos := &signal.Position{0.01, 0.02, 0.09}
	want := &signal.Recording{
		Name: "x", Begin: time.Date(2021, 3, 4, 23, 59, 59, 123456e3, time.UTC), Len: 1050,
		Info: &signal.Info{Rate: 250, Reference: "Cz", Channels: []signal.Channel{
			{Name: "Fz", Original: "Fz.", Kind: signal.EEG, Unit: signal.Microvolt, Pos: pos},
			{Name: "a,b", Original: "a,b", Kind: signal.Misc, Unit: "°C"},
			{Name: "Status", Original: "Status", Kind: signal.Trigger},
		}},
		Spans: []signal.Span{{Start: 0, Len: 20}, {Start: 21, Len: 30}, {Start: 1000, Len: 50}},
		Events: []signal.Event{
			{Sample: 0, Label: "start"},
			{Sample: 21, Onset: 21 / 250., Label: "a/b, c"},
			{Sample: 1049, Onset: 1049 / 250., Duration: 0.4, Label: "T1"},
		},
	}
	data := make(signal.Memory, 3)
	for ch := range data {
		data[ch] = make([]float64, want.Len)
		for k := range data[ch] {
			data[ch][k] = float64(k*(ch+1)) / 4
		}
	}
	want.Data = data
	got, losses := write(t, want)
	if len(losses) > 0 {
		t.Errorf("lost: %+v", losses)
	}
	same(t, got, want)
	if len(got.Deviations) > 0 || len(got.Notes) != 1 {
		t.Errorf("gaps that were written are deviations %+v, notes %+v, want one note", got.Deviations, got.Notes)
	}
	again, losses := write(t, got)
	if len(losses) > 0 {
		t.Errorf("lost the second time: %+v", losses)
	}
	same(t, again, got)
}

func TestLosses(t *testing.T) {
	rec := &signal.Recording{
		Name: "x", Begin: time.Date(2021, 3, 4, 5, 6, 7, 123456789, time.UTC), Len: 20,
		Info:   &signal.Info{Rate: 250, Channels: []signal.Channel{{Name: "x", Original: "x\ny", Kind: signal.EEG, Unit: signal.Microvolt}}},
		Spans:  []signal.Span{{Start: 5, Len: 5}, {Start: 15, Len: 5}},
		Events: []signal.Event{{Sample: 12, Onset: 12 / 250., Label: "in the gap"}, {Sample: 16, Onset: 0.0641, Label: "between samples"}},
	}
	x := make([]float64, 20)
	for k := range x {
		x[k] = 0.1 + 1/float64(k+3)
	}
	rec.Data = signal.Memory{x}
	rec.Others = []*signal.Recording{{Info: rec.Info}}
	_, losses := write(t, rec)
	text := fmt.Sprintf("%+v", losses)
	for _, want := range []string{"10 that have more", "1 groups of channels", "a gap of 5 samples in front", "to the microsecond", "1 within gaps", "whole samples", `"x\ny"`} {
		if !strings.Contains(text, want) {
			t.Errorf("the losses %s must say %s", text, want)
		}
	}
}

// TestEventsBeforeTheFirstSample: positions count from 1, so what happened before stands at the first sample, which is listed.
func TestEventsBeforeTheFirstSample(t *testing.T) {
	rec := &signal.Recording{
		Name: "x", Len: 20, Info: &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}, Data: signal.Memory{make([]float64, 20)},
		Events: []signal.Event{{Sample: -30, Onset: -0.3, Duration: 0.1, Label: "over"}, {Sample: -4, Onset: -0.04, Duration: 0.1, Label: "lasts"}, {Sample: 3, Onset: 0.03, Label: "within"}},
	}
	want := []signal.Event{{Label: "over"}, {Duration: 0.06, Label: "lasts"}, {Sample: 3, Onset: 0.03, Label: "within"}}
	for _, first := range []int64{0, 2} { // a gap in front is left out, and time counts from its end
		rec := *rec
		rec.Spans = []signal.Span{{Start: first, Len: 20 - first}}
		events := slices.Clone(rec.Events)
		for i := range events {
			events[i].Sample, events[i].Onset = events[i].Sample+first, float64(events[i].Sample+first)/100
		}
		rec.Events = events
		got, losses := write(t, &rec)
		if !slices.Equal(got.Events, want) || len(got.Deviations) > 0 {
			t.Errorf("the events are %+v, want %+v; deviations %+v", got.Events, want, got.Deviations)
		}
		if text := fmt.Sprintf("%+v", losses); !strings.Contains(text, "Where:events Rule:stand at a sample Found:2 before the first") || len(losses) != 1+int(min(first, 1)) {
			t.Errorf("the losses are %s, want one of 2 events before the first sample", text)
		}
	}
}

// TestEventsInGaps: what happened in a gap stands at the first sample behind it, and lasts over no sample that was measured later than it did: a
// boundary of EEGLAB lasts as long as its gap.
func TestEventsInGaps(t *testing.T) {
	at := func(sample int64, lasts float64, label string) signal.Event {
		return signal.Event{Sample: sample, Onset: float64(sample) / 100, Duration: lasts, Label: label}
	}
	rec := &signal.Recording{
		Name: "x", Len: 100, Begin: time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC), Spans: []signal.Span{{Start: 0, Len: 10}, {Start: 50, Len: 50}},
		Info: &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}, Data: signal.Memory{make([]float64, 100)},
		Events: []signal.Event{at(5, 0.02, "in front"), at(10, 0.4, "boundary"), at(30, 0.1, "within"), at(45, 0.08, "lasts"), at(60, 0.3, "behind")},
	}
	got, losses := write(t, rec)
	if want := []signal.Event{at(5, 0.02, "in front"), at(50, 0, "boundary"), at(50, 0, "within"), at(50, 0.03, "lasts"), at(60, 0.3, "behind")}; !slices.Equal(got.Events, want) {
		t.Errorf("the events are %+v, want %+v", got.Events, want)
	}
	if text := fmt.Sprintf("%+v", losses); len(losses) != 1 || !strings.Contains(text, "3 within gaps") || !strings.Contains(text, "end where they did") {
		t.Errorf("the losses are %s, want one of 3 events within gaps", text)
	}
}

// TestKinds: what channels are is kept where labels do not tell, and other programs see the same labels.
func TestKinds(t *testing.T) {
	rec := &signal.Recording{Name: "x", Len: 20, Info: &signal.Info{Rate: 100}}
	add := func(name string, kind signal.Kind, unit signal.Unit) {
		rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: name, Original: name, Kind: kind, Unit: unit})
	}
	for i := range 8 {
		add(fmt.Sprintf("EXG Channel %d", i), signal.EEG, signal.Microvolt)
	}
	for i := range 12 { // which, all together, are taken for inputs of an amplifier
		add(fmt.Sprintf("A%d", i+1), signal.EEG, signal.Microvolt)
	}
	add("Fz", signal.Misc, "°C")
	add("F3", signal.Misc, "Hz")
	add("eye", signal.EOG, signal.Microvolt)
	add("pulses", signal.Trigger, signal.NoUnit)
	add("Status", signal.Misc, signal.NoUnit)
	rec.Info.Channels = append(rec.Info.Channels, signal.Channel{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt, Pos: montage.Place("Cz")})
	rec.Data = make(signal.Memory, len(rec.Info.Channels))
	for ch := range rec.Data.(signal.Memory) {
		rec.Data.(signal.Memory)[ch] = make([]float64, 20)
	}
	rec.Texts = []signal.Text{{Field: "prefiltering", Channel: "Cz", Text: "HP:0.1Hz"}}
	got, losses := write(t, rec)
	if len(losses)+len(got.Deviations) > 0 {
		t.Errorf("lost: %+v, deviations %+v", losses, got.Deviations)
	}
	same(t, got, rec)
	if !slices.Equal(got.Texts, rec.Texts) {
		t.Errorf("the texts are %+v, want %+v", got.Texts, rec.Texts)
	}
}

// TestPositionsOfOtherChannels: a measured position of a channel that is not read as an electrode is a loss; one that the name tells, and one of an electrode
// in a unit that says nothing, are none.
func TestPositionsOfOtherChannels(t *testing.T) {
	measured := &signal.Position{0.01, 0.02, 0.09}
	for name, tc := range map[string]struct {
		channel    signal.Channel
		kind, lost bool
	}{
		"of another label": {signal.Channel{Name: "grid 1", Original: "grid 1", Kind: signal.EEG, Unit: signal.Microvolt, Pos: measured}, false, false},
		"of a sensor":      {signal.Channel{Name: "Fz", Original: "Fz", Kind: signal.EEG, Unit: "°C", Pos: measured}, true, true},
		"misc":             {signal.Channel{Name: "grid 1", Original: "grid 1", Kind: signal.Misc, Unit: signal.Microvolt, Pos: measured}, false, true},
		"by name":          {signal.Channel{Name: "Fz", Original: "Fz", Kind: signal.EEG, Unit: "°C", Pos: montage.Place("Fz")}, true, false},
		"without a unit":   {signal.Channel{Name: "Fz", Original: "Fz", Kind: signal.EEG, Unit: signal.NoUnit, Pos: measured}, false, false},
		"of an electrode":  {signal.Channel{Name: "Fz", Original: "Fz", Kind: signal.EEG, Unit: signal.Microvolt, Pos: measured}, false, false},
	} {
		rec := &signal.Recording{
			Name: "x", Len: 20, Info: &signal.Info{Rate: 100, Channels: []signal.Channel{tc.channel, {Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
			Data: signal.Memory{make([]float64, 20), make([]float64, 20)},
		}
		got, losses := write(t, rec)
		c := got.Info.Channels[0]
		text := fmt.Sprintf("%+v", losses)
		if strings.Contains(text, "1 with measured positions") != tc.lost || strings.Contains(text, "1 channels of another kind") != tc.kind {
			t.Errorf("%s: losses %s, want one of the position: %t, of the kind: %t", name, text, tc.lost, tc.kind)
		}
		if (c.Kind != tc.channel.Kind) != tc.kind {
			t.Errorf("%s: read as %+v", name, c)
		}
		if there := c.Pos != nil && math.Abs(c.Pos[0]-measured[0]) < 1e-12; !tc.lost && name != "by name" && !there {
			t.Errorf("%s: read at %v, want %v", name, c.Pos, measured)
		}
	}
}
