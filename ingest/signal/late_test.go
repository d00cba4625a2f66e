package signal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func lateChunk() signal.Chunk {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	c := signal.NewChunk(info, 500, 10)
	c.Late = []signal.Event{{Sample: -3, Onset: -0.03, Label: "before"}, {Sample: 399, Onset: 3.99, Label: "too late"}, {Sample: 400, Onset: 4, Label: "late"}}
	c.Events = []signal.Event{{Sample: 500, Onset: 5, Label: "first"}, {Sample: 509, Onset: 5.09, Label: "last"}}
	return c
}

// TestLateEvents: they stay apart from those that came with their samples, and go with the first part of a chunk.
func TestLateEvents(t *testing.T) {
	c := lateChunk()
	if n := c.TooLate(); n != 2 {
		t.Errorf("%d events are too late, want 2", n)
	}
	if a, b := c.Slice(500, 505), c.Slice(505, 510); len(a.Late) != 3 || len(b.Late) != 0 {
		t.Errorf("parts of it have %d and %d late events, want 3 and 0", len(a.Late), len(b.Late))
	}
	d := c.Clone()
	d.Late[0].Label = "other"
	if c.Late[0].Label != "before" {
		t.Error("a clone shares the late events")
	}
	for _, bad := range [][]signal.Event{{{Sample: 500}}, {{Sample: 2}, {Sample: 1}}, {{Sample: 1, Label: "\xff"}}} {
		c.Late = bad
		if err := c.CheckEvents(); err == nil || !strings.Contains(err.Error(), "late event") {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

// TestLateRecord: late events come back from a record of PlacedSchema, and stand at the first sample in one of Schema.
func TestLateRecord(t *testing.T) {
	c := lateChunk()
	schema := signal.PlacedSchema(c.Info)
	info, err := signal.InfoFromSchema(schema)
	if err != nil || !cmp.Equal(info, c.Info) {
		t.Fatalf("%v, %v", info, err)
	}
	got, err := signal.FromRecord(c.RecordWith(schema), info)
	if err != nil || !cmp.Equal(got.Late, c.Late) || !cmp.Equal(got.Events, c.Events) {
		t.Errorf("%v: late %+v, on time %+v", err, got.Late, got.Events)
	}
	got, err = signal.FromRecord(c.Record(), info)
	if err != nil || got.Late != nil || len(got.Events) != 5 || got.Events[2].Sample != 500 || got.Events[2].Onset != 4 {
		t.Errorf("%v: late %+v, on time %+v", err, got.Late, got.Events)
	}
}

// TestPlacedChannels: the channels of events come back from a record of PlacedSchema, and are all of them in one of before there was a field for that.
func TestPlacedChannels(t *testing.T) {
	c := lateChunk()
	c.Late[1].Channels, c.Events[1].Channels = signal.ChannelsOf("Cz"), signal.ChannelsOf("Cz", "no such \"name\" é")
	rec := c.RecordWith(signal.PlacedSchema(c.Info))
	got, err := signal.FromRecord(rec, c.Info)
	if err != nil || !cmp.Equal(got.Late, c.Late) || !cmp.Equal(got.Events, c.Events) {
		t.Errorf("%v: late %+v, on time %+v", err, got.Late, got.Events)
	}
	// other is rec with another last column.
	other := func(change func(fields []arrow.Field, cols []arrow.ArrayData) ([]arrow.Field, []arrow.ArrayData)) arrow.RecordBatch {
		last := int(rec.NumCols()) - 1
		list := rec.Column(last).Data()
		item := list.Children()[0]
		fields, cols := change(item.DataType().(*arrow.StructType).Fields(), item.Children())
		structs := arrow.StructOf(fields...)
		data := array.NewData(arrow.ListOf(structs), list.Len(), list.Buffers(), []arrow.ArrayData{array.NewData(structs, item.Len(), item.Buffers(), cols, 0, 0)}, 0, 0)
		all := rec.Schema().Fields()
		all[last].Type = data.DataType()
		md := rec.Schema().Metadata()
		return array.NewRecordBatch(arrow.NewSchema(all, &md), append(slices.Clone(rec.Columns()[:last]), array.NewListData(data)), rec.NumRows())
	}
	old := other(func(fields []arrow.Field, cols []arrow.ArrayData) ([]arrow.Field, []arrow.ArrayData) {
		return fields[:4], cols[:4]
	})
	info, err := signal.InfoFromSchema(old.Schema())
	if err != nil {
		t.Fatal(err)
	}
	got, err = signal.FromRecord(old, info)
	want := lateChunk()
	if err != nil || !cmp.Equal(got.Late, want.Late) || !cmp.Equal(got.Events, want.Events) {
		t.Errorf("without channels: %v: late %+v, on time %+v", err, got.Late, got.Events)
	}
	labels := other(func(fields []arrow.Field, cols []arrow.ArrayData) ([]arrow.Field, []arrow.ArrayData) {
		return fields, append(slices.Clone(cols[:4]), cols[0]) // what is no JSON in the place of the channels
	})
	if got, err := signal.FromRecord(labels, info); err == nil || !strings.Contains(err.Error(), `row 0: the channels of event "before" are "before", must be a list of names as JSON`) || got.X == nil || got.Events != nil {
		t.Errorf("labels in the place of channels: %v, %+v", err, got.Events)
	}
}
