package signal_test

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// bitsEqual compares floats by their bits, so that NaN payloads and the sign of zero count.
var bitsEqual = cmp.Comparer(func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) })

func twoChannels() *signal.Info {
	return &signal.Info{Rate: 160, Reference: "A1", Channels: []signal.Channel{
		{Name: "FC5", Original: "Fc5.", Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{-0.07, 0.03, 0.05}},
		{Name: "Resp", Original: "Resp", Kind: signal.Misc, Unit: "kΩ"},
	}}
}

func threeSamples() signal.Chunk {
	c := signal.NewChunk(twoChannels(), 40, 3)
	c.Time = 1_700_000_000_000_000_007
	copy(c.X[0], []float64{1, -2.5, math.NaN()})
	copy(c.X[1], []float64{math.Copysign(0, -1), math.Inf(1), 5e-324})
	c.Events = []signal.Event{{Sample: 41, Onset: 0.25625, Label: "T1"}, {Sample: 41, Onset: 0.2563, Duration: 4.1, Label: "größer"}}
	return c
}

func TestRecordSharesMemory(t *testing.T) {
	c := threeSamples()
	rec := c.Record()
	for ch := range c.X {
		if got := rec.Column(ch).(*array.Float64).Float64Values(); unsafe.SliceData(got) != unsafe.SliceData(c.X[ch]) {
			t.Errorf("Record copied channel %d", ch)
		}
	}
	back, err := signal.FromRecord(rec, c.Info)
	if err != nil {
		t.Fatal(err)
	}
	for ch := range c.X {
		if unsafe.SliceData(back.X[ch]) != unsafe.SliceData(c.X[ch]) {
			t.Errorf("FromRecord copied channel %d", ch)
		}
		if cap(back.X[ch]) != back.Len() {
			t.Errorf("channel %d has room for %d samples, an append would write into the next", ch, cap(back.X[ch]))
		}
	}
}

// drawInfo makes stream descriptions, also odd ones: names that a column behind the channels has too, rates with many digits.
func drawInfo(t *rapid.T) *signal.Info {
	name := rapid.StringMatching(`[A-Za-z0-9µ. ]{1,8}|sample|time_ns|events`)
	names := rapid.SliceOfNDistinct(name, 1, 5, rapid.ID[string]).Draw(t, "names")
	info := &signal.Info{
		Rate:      rapid.Float64Range(1e-3, 1e6).Draw(t, "rate"),
		Reference: rapid.SampledFrom([]string{"", "Cz", "A1+A2"}).Draw(t, "reference"),
	}
	for _, n := range names {
		c := signal.Channel{
			Name: n, Original: rapid.String().Draw(t, "original"), Kind: rapid.SampledFrom([]signal.Kind{signal.EEG, signal.Misc, signal.Trigger}).Draw(t, "kind"),
			Unit: rapid.SampledFrom([]signal.Unit{signal.Microvolt, signal.NoUnit, "°C"}).Draw(t, "unit"),
		}
		if rapid.Bool().Draw(t, "positioned") {
			xyz := rapid.SliceOfN(rapid.Float64Range(-0.2, 0.2), 3, 3).Draw(t, "position")
			c.Pos = (*signal.Position)(xyz)
		}
		c.Bad = rapid.Bool().Draw(t, "bad")
		info.Channels = append(info.Channels, c)
	}
	return info
}

func drawChunk(t *rapid.T, info *signal.Info) signal.Chunk {
	n := rapid.IntRange(1, 50).Draw(t, "samples")
	c := signal.NewChunk(info, rapid.Int64Range(-1000, 1<<40).Draw(t, "start"), n)
	c.Time = rapid.Int64Range(-1<<50, 1<<61).Draw(t, "time")
	for ch := range c.X {
		for s := range c.X[ch] {
			c.X[ch][s] = math.Float64frombits(rapid.Uint64().Draw(t, "bits"))
		}
	}
	at := c.Start
	for range rapid.IntRange(0, 6).Draw(t, "events") { // several at one sample happen often
		at = rapid.Int64Range(at, c.End()-1).Draw(t, "at")
		c.Events = append(c.Events, signal.Event{
			Sample: at, Onset: rapid.Float64().Draw(t, "onset"), Duration: rapid.Float64().Draw(t, "duration"), Label: rapid.String().Draw(t, "label"),
		})
	}
	return c
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		info := drawInfo(t)
		schema := signal.Schema(info)
		gotInfo, err := signal.InfoFromSchema(schema)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(info, gotInfo, bitsEqual); diff != "" {
			t.Fatalf("Info (-want +got):\n%s", diff)
		}
		c := drawChunk(t, gotInfo)

		// Through Arrow's own writer and reader, so that an invalid layout shows.
		var buf bytes.Buffer
		w := ipc.NewWriter(&buf, ipc.WithSchema(schema))
		if err := w.Write(c.RecordWith(schema)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		r, err := ipc.NewReader(&buf)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Release()
		rec, err := r.Read()
		if err != nil {
			t.Fatal(err)
		}
		got, err := signal.FromRecord(rec, gotInfo)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c, got, bitsEqual); diff != "" {
			t.Fatalf("chunk (-want +got):\n%s", diff)
		}

		// A part of a record is a part of the chunk.
		from := rapid.Int64Range(0, int64(c.Len())-1).Draw(t, "from")
		to := rapid.Int64Range(from+1, int64(c.Len())).Draw(t, "to")
		part, err := signal.FromRecord(rec.NewSlice(from, to), gotInfo)
		if err != nil {
			t.Fatal(err)
		}
		want := c.Slice(c.Start+from, c.Start+to)
		if len(want.Events) == 0 {
			want.Events = nil
		}
		if diff := cmp.Diff(want, part, bitsEqual); diff != "" {
			t.Fatalf("part (-want +got):\n%s", diff)
		}
	})
}

func TestRecordOfNoSamples(t *testing.T) {
	info := twoChannels()
	rec := signal.NewChunk(info, 40, 0).Record()
	if rec.NumRows() != 0 || rec.NumCols() != 5 {
		t.Fatalf("record has %d rows and %d columns, want 0 and 5", rec.NumRows(), rec.NumCols())
	}
	c, err := signal.FromRecord(rec, info)
	if err != nil {
		t.Fatal(err)
	}
	if c.Len() != 0 || len(c.X) != 2 || c.Events != nil {
		t.Errorf("got %+v, want two channels without samples", c)
	}
}

func TestRecordPanics(t *testing.T) {
	for name, spoil := range map[string]func(*signal.Chunk){
		"event behind the chunk":  func(c *signal.Chunk) { c.Events[1].Sample = 43 },
		"event before the chunk":  func(c *signal.Chunk) { c.Events[0].Sample = 39 },
		"events out of order":     func(c *signal.Chunk) { c.Events[1].Sample = 40 },
		"label is not UTF-8":      func(c *signal.Chunk) { c.Events[0].Label = "\xff" },
		"channels differ in size": func(c *signal.Chunk) { c.X[1] = c.X[1][:2] },
	} {
		t.Run(name, func(t *testing.T) {
			c := threeSamples()
			spoil(&c)
			defer func() {
				if recover() == nil {
					t.Error("Record took it")
				}
			}()
			c.Record()
		})
	}
}

// withColumn is rec with column k made by build.
func withColumn(rec arrow.Record, k int, dt arrow.DataType, build func(array.Builder)) arrow.Record {
	b := array.NewBuilder(memory.DefaultAllocator, dt)
	build(b)
	cols := append([]arrow.Array(nil), rec.Columns()...)
	cols[k] = b.NewArray()
	fields := rec.Schema().Fields()
	fields[k].Type = dt
	return array.NewRecord(arrow.NewSchema(fields, nil), cols, rec.NumRows())
}

func int64s(x ...int64) func(array.Builder) {
	return func(b array.Builder) { b.(*array.Int64Builder).AppendValues(x, nil) }
}

func TestFromRecordRefuses(t *testing.T) {
	c := threeSamples()
	rec := c.Record()
	t1 := c.Time + 6_250_000 // one sample at 160 Hz
	cases := []struct {
		name, want string
		rec        arrow.Record
	}{
		{"fewer columns", "4 columns", array.NewRecord(arrow.NewSchema(rec.Schema().Fields()[:4], nil), rec.Columns()[:4], 3)},
		{"float32", `column "FC5" is of type float32`, withColumn(rec, 0, arrow.PrimitiveTypes.Float32, func(b array.Builder) {
			b.(*array.Float32Builder).AppendValues([]float32{1, 2, 3}, nil)
		})},
		{"null sample", `column "Resp" has 1 nulls`, withColumn(rec, 1, arrow.PrimitiveTypes.Float64, func(b array.Builder) {
			b.(*array.Float64Builder).AppendValues([]float64{1, 2, 3}, []bool{true, false, true})
		})},
		{"gap in sample", "row 2: sample is 43, must be 42", withColumn(rec, 2, arrow.PrimitiveTypes.Int64, int64s(40, 41, 43))},
		{"sample overflows", "row 0: sample is 9223372036854775807", withColumn(rec, 2, arrow.PrimitiveTypes.Int64, int64s(math.MaxInt64, math.MinInt64, math.MinInt64+1))},
		{"gap in time", "row 2: time_ns is", withColumn(rec, 3, arrow.PrimitiveTypes.Int64, int64s(c.Time, t1, t1+9_500_000))},
		{"no list", `column "events" is of type int64`, withColumn(rec, 4, arrow.PrimitiveTypes.Int64, int64s(1, 2, 3))},
		{"null event", "row 1: an event or one of its fields is null", withColumn(rec, 4, rec.Column(4).DataType(), func(b array.Builder) {
			l := b.(*array.ListBuilder)
			l.AppendNull() // no list at all is as good as an empty one
			l.Append(true)
			l.ValueBuilder().AppendNull()
			l.Append(true)
		})},
		{"label is not UTF-8", "is not UTF-8", withColumn(rec, 4, rec.Column(4).DataType(), func(b array.Builder) {
			l := b.(*array.ListBuilder)
			l.AppendNull()
			l.Append(true)
			s := l.ValueBuilder().(*array.StructBuilder)
			s.Append(true)
			s.FieldBuilder(0).(*array.StringBuilder).Append("\xff")
			s.FieldBuilder(1).(*array.Float64Builder).Append(0)
			s.FieldBuilder(2).(*array.Float64Builder).Append(0)
			l.Append(true)
		})},
	}
	for _, tc := range cases {
		if _, err := signal.FromRecord(tc.rec, c.Info); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
	renamed := *c.Info
	renamed.Channels = []signal.Channel{{Name: "FC5"}, {Name: "Cz"}}
	if _, err := signal.FromRecord(rec, &renamed); err == nil || !strings.Contains(err.Error(), `column 1 is "Resp", must be "Cz"`) {
		t.Errorf("other names: error %v", err)
	}
	near := withColumn(rec, 3, arrow.PrimitiveTypes.Int64, int64s(c.Time, t1, t1+9_300_000)) // 3.05 ms late, half a sample is 3.125 ms
	if _, err := signal.FromRecord(near, c.Info); err != nil {
		t.Errorf("jitter below half a sample: %v", err)
	}
}

func TestInfoFromSchemaRefuses(t *testing.T) {
	type fields = []arrow.Field
	good := signal.Schema(twoChannels())
	meta := func(kv ...string) arrow.Metadata {
		m := map[string]string{}
		for i := 0; i < len(kv); i += 2 {
			m[kv[i]] = kv[i+1]
		}
		return arrow.MetadataFrom(m)
	}
	channel := func(kv ...string) func(fields) fields {
		return func(f fields) fields { f[0].Metadata = meta(kv...); return f }
	}
	same := func(f fields) fields { return f }
	head := meta("gyrus_schema", "1", "rate_hz", "160")
	cases := []struct {
		name, want string
		md         arrow.Metadata
		change     func(fields) fields
	}{
		{"no metadata", `gyrus_schema is "", must be "1"`, arrow.Metadata{}, same},
		{"later version", `gyrus_schema is "2"`, meta("gyrus_schema", "2", "rate_hz", "160"), same},
		{"no rate", `rate_hz is "", must be a number`, meta("gyrus_schema", "1"), same},
		{"rate 0", "sampling rate is 0 Hz", meta("gyrus_schema", "1", "rate_hz", "0"), same},
		{"rate NaN", "sampling rate is NaN Hz", meta("gyrus_schema", "1", "rate_hz", "NaN"), same},
		{"no channel", "3 columns", head, func(f fields) fields { return f[2:] }},
		{"no unit", `column 0 ("FC5"): metadata has no unit`, head, channel("kind", "eeg")},
		{"no kind", `column 0 ("FC5"): metadata has no kind`, head, channel("unit", "µV")},
		{"millivolt", `unit is "mV", voltages must be converted to "µV"`, head, channel("kind", "eeg", "unit", "mV")},
		{"Greek mu", `unit is "μV"`, head, channel("kind", "eeg", "unit", "\u03bcV")},
		{"flat position", "must be three numbers", head, channel("kind", "eeg", "unit", "µV", "position", "[0,1]")},
		{"position NaN", "must be three numbers", head, channel("kind", "eeg", "unit", "µV", "position", "[NaN,0,1]")},
		{"int channel", `column 0 ("FC5"): type is int64`, head, func(f fields) fields { f[0].Type = arrow.PrimitiveTypes.Int64; return f }},
		{"same name", `both named "FC5"`, head, func(f fields) fields { f[1].Name = "FC5"; return f }},
		{"no sample column", `column 2 is "number"`, head, func(f fields) fields { f[2].Name = "number"; return f }},
		{"events of text", `column 4 is "events" of type utf8`, head, func(f fields) fields { f[4].Type = arrow.BinaryTypes.String; return f }},
	}
	for _, tc := range cases {
		s := arrow.NewSchema(tc.change(append(fields(nil), good.Fields()...)), &tc.md)
		if _, err := signal.InfoFromSchema(s); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error %v, want one with %q", tc.name, err, tc.want)
		}
	}
}

func TestSchemaKeepsBadPositionsVisible(t *testing.T) {
	info := twoChannels()
	info.Channels[0].Pos = &signal.Position{0, math.NaN(), 0}
	if _, err := signal.InfoFromSchema(signal.Schema(info)); err == nil {
		t.Error("a position that is not a number went through")
	}
}

func BenchmarkRecord(b *testing.B) { // one chunk is 20 samples
	for _, chs := range []int{8, 64, 256} {
		info := &signal.Info{Rate: 1000}
		for ch := range chs {
			info.Channels = append(info.Channels, signal.Channel{Name: strconv.Itoa(ch), Kind: signal.EEG, Unit: signal.Microvolt})
		}
		schema, c := signal.Schema(info), signal.NewChunk(info, 0, 20)
		b.Run(fmt.Sprintf("ch=%d", chs), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := signal.FromRecord(c.RecordWith(schema), info); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
