package signal

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// SchemaVersion is the version of the Arrow layout that Schema describes, the value of "gyrus_schema" in its metadata.
const SchemaVersion = "1"

// The columns behind the channels, in this order.
const (
	sampleColumn = "sample"  // int64: sample number, counted from the start of the stream
	timeColumn   = "time_ns" // int64: when it was measured, nanoseconds since 1970 (UTC)
	eventsColumn = "events"  // list of struct: what happened at this sample, empty for most
	extraColumns = 3

	channelsField = "channels" // of an event that was written while it came: a list of names as JSON, empty for all channels
)

// The keys of the metadata.
const (
	schemaKey    = "gyrus_schema" // of the schema
	rateKey      = "rate_hz"
	referenceKey = "reference"
	unitKey      = "unit" // of a channel's field
	kindKey      = "kind"
	originalKey  = "original"
	positionKey  = "position" // "[x,y,z]", metres, see Position; absent where unknown
	nameKey      = "name"     // of the channel, where its column has another one: see columnNames
	statusKey    = "status"   // statusBad; absent for channels that nobody found bad
	statusBad    = "bad"
)

var (
	eventType = arrow.StructOf(
		arrow.Field{Name: "label", Type: arrow.BinaryTypes.String},
		arrow.Field{Name: "onset_s", Type: arrow.PrimitiveTypes.Float64},
		arrow.Field{Name: "duration_s", Type: arrow.PrimitiveTypes.Float64},
	)
	eventsType = arrow.ListOfField(arrow.Field{Name: "item", Type: eventType})
	// placedType says of each event at which sample it was: one that came late stands in a row behind it. And of which channels.
	placedType  = with(oldPlacedType, arrow.Field{Name: channelsField, Type: arrow.BinaryTypes.String})
	placedsType = arrow.ListOfField(arrow.Field{Name: "item", Type: placedType})
	// oldPlacedType is that of before there were channels of events.
	oldPlacedType  = with(eventType, arrow.Field{Name: sampleColumn, Type: arrow.PrimitiveTypes.Int64})
	oldPlacedsType = arrow.ListOfField(arrow.Field{Name: "item", Type: oldPlacedType})
)

func with(t *arrow.StructType, more arrow.Field) *arrow.StructType {
	return arrow.StructOf(append(slices.Clone(t.Fields()), more)...)
}

// eventsLayout says whether a column of this type holds events, and which fields those have besides the first three.
func eventsLayout(t arrow.DataType) (events, sample, channels bool) {
	channels = sameLayout(t, placedsType)
	sample = channels || sameLayout(t, oldPlacedsType)
	return sample || sameLayout(t, eventsType), sample, channels
}

// Schema is the Arrow schema of chunks that info describes: one float64 column per channel, then sample (int64),
// time_ns (int64) and events (list of struct of label, onset_s, duration_s). Each channel's field carries its unit,
// kind, original name, position (metres) and, of bad channels, status as metadata, the schema carries rate_hz and reference. A channel
// that is called as one of the last three columns has another column, and name as metadata.
func Schema(info *Info) *arrow.Schema {
	fields := make([]arrow.Field, 0, len(info.Channels)+extraColumns)
	names := columnNames(info)
	for k, c := range info.Channels {
		keys, vals := []string{unitKey, kindKey, originalKey}, []string{string(c.Unit), string(c.Kind), c.Original}
		if c.Pos != nil {
			keys, vals = append(keys, positionKey), append(vals, formatPosition(*c.Pos))
		}
		if c.Bad {
			keys, vals = append(keys, statusKey), append(vals, statusBad)
		}
		if names[k] != c.Name {
			keys, vals = append(keys, nameKey), append(vals, c.Name)
		}
		fields = append(fields, arrow.Field{Name: names[k], Type: arrow.PrimitiveTypes.Float64, Metadata: arrow.NewMetadata(keys, vals)})
	}
	fields = append(fields,
		arrow.Field{Name: sampleColumn, Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: timeColumn, Type: arrow.PrimitiveTypes.Int64},
		arrow.Field{Name: eventsColumn, Type: eventsType},
	)
	md := arrow.NewMetadata(
		[]string{schemaKey, rateKey, referenceKey},
		[]string{SchemaVersion, formatFloat(info.Rate), info.Reference},
	)
	return arrow.NewSchema(fields, &md)
}

// columnNames are those of the channels: their own, but for what the last three columns are called. To many programs a column Sample is the
// same as sample.
func columnNames(info *Info) []string {
	names := info.Names()
	for k, name := range names {
		if !slices.ContainsFunc([]string{sampleColumn, timeColumn, eventsColumn}, func(own string) bool { return strings.EqualFold(name, own) }) {
			continue
		}
		free := name + " (channel)"
		for n := 2; slices.ContainsFunc(names, func(other string) bool { return strings.EqualFold(other, free) }); n++ {
			free = fmt.Sprintf("%s (channel %d)", name, n)
		}
		names[k] = free
	}
	return names
}

// channelName is the one of the channel in a column.
func channelName(f arrow.Field) string {
	if name, ok := f.Metadata.GetValue(nameKey); ok {
		return name
	}
	return f.Name
}

// PlacedSchema is Schema for what is written while it comes: its events have a field sample, which says where one was that is in the
// first row of a record because it came late, and a field channels, as nothing else says of which channels one is.
func PlacedSchema(info *Info) *arrow.Schema {
	s := Schema(info)
	fields, md := s.Fields(), s.Metadata()
	fields[len(fields)-1].Type = placedsType
	return arrow.NewSchema(fields, &md)
}

// InfoFromSchema is the inverse of Schema and of PlacedSchema, whose field channels may be missing. It accepts what another Arrow program wrote in this layout: nullability,
// further metadata and the name of the list's item do not matter. The error says which column or key is wrong.
func InfoFromSchema(s *arrow.Schema) (*Info, error) {
	info, err := FileInfoFromSchema(s)
	if err == nil && len(info.Channels) == 0 {
		return nil, fmt.Errorf("arrow schema: %d columns, must be at least one channel and then %s, %s, %s", s.NumFields(), sampleColumn, timeColumn, eventsColumn)
	}
	return info, err
}

// FileInfoFromSchema is InfoFromSchema for files, which may hold a recording without channels: rate_hz is 0 then.
func FileInfoFromSchema(s *arrow.Schema) (*Info, error) {
	md := s.Metadata()
	if v, ok := md.GetValue(schemaKey); !ok || v != SchemaVersion {
		return nil, fmt.Errorf("arrow schema: metadata %s is %q, must be %q: not samples of gyrus, or of another version", schemaKey, v, SchemaVersion)
	}
	chs := s.NumFields() - extraColumns
	if chs < 0 {
		return nil, fmt.Errorf("arrow schema: %d columns, must be channels and then %s, %s, %s", s.NumFields(), sampleColumn, timeColumn, eventsColumn)
	}
	rate, _ := md.GetValue(rateKey)
	hz, err := strconv.ParseFloat(rate, 64)
	if err != nil {
		return nil, fmt.Errorf("arrow schema: metadata %s is %q, must be a number", rateKey, rate)
	}
	info := &Info{Rate: hz}
	if chs > 0 {
		info.Channels = make([]Channel, chs)
	}
	info.Reference, _ = md.GetValue(referenceKey)
	for k := range info.Channels {
		if info.Channels[k], err = channelFromField(s.Field(k)); err != nil {
			return nil, fmt.Errorf("arrow schema: column %d (%q): %w", k, s.Field(k).Name, err)
		}
	}
	for k, want := range []arrow.Field{
		{Name: sampleColumn, Type: arrow.PrimitiveTypes.Int64},
		{Name: timeColumn, Type: arrow.PrimitiveTypes.Int64},
		{Name: eventsColumn, Type: eventsType},
	} {
		got := s.Field(chs + k)
		fits := sameLayout(got.Type, want.Type)
		if want.Name == eventsColumn {
			fits, _, _ = eventsLayout(got.Type)
		}
		if got.Name != want.Name || !fits {
			return nil, fmt.Errorf("arrow schema: column %d is %q of type %s, must be %q of type %s", chs+k, got.Name, got.Type, want.Name, want.Type)
		}
	}
	if chs == 0 {
		if hz != 0 {
			return nil, fmt.Errorf("arrow schema: %d columns, none of them a channel, and metadata %s is %q, must be 0 then", s.NumFields(), rateKey, rate)
		}
		return info, nil
	}
	if err := info.Validate(); err != nil {
		return nil, fmt.Errorf("arrow schema: %w", err)
	}
	return info, nil
}

// otherVolts are spellings of voltages that are not Microvolt. Reading one as µV would be wrong by 1e3 or 1e6, or hides
// that nobody has converted.
var otherVolts = []string{"V", "mV", "nV", "uV", "\u03bcV"}

func channelFromField(f arrow.Field) (Channel, error) {
	c := Channel{Name: channelName(f), Original: channelName(f)}
	if f.Type.ID() != arrow.FLOAT64 {
		return c, fmt.Errorf("type is %s, must be float64", f.Type)
	}
	unit, ok := f.Metadata.GetValue(unitKey)
	if !ok {
		return c, fmt.Errorf("metadata has no %s: gyrus does not guess units", unitKey)
	}
	if slices.Contains(otherVolts, unit) {
		return c, fmt.Errorf("%s is %q, voltages must be converted to %q (the sign U+00B5)", unitKey, unit, Microvolt)
	}
	kind, ok := f.Metadata.GetValue(kindKey)
	if !ok {
		return c, fmt.Errorf("metadata has no %s (such as %q or %q)", kindKey, EEG, Misc)
	}
	c.Unit, c.Kind = Unit(unit), Kind(kind)
	if original, ok := f.Metadata.GetValue(originalKey); ok {
		c.Original = original
	}
	status, _ := f.Metadata.GetValue(statusKey)
	c.Bad = status == statusBad
	if pos, ok := f.Metadata.GetValue(positionKey); ok {
		var xyz []float64
		if err := json.Unmarshal([]byte(pos), &xyz); err != nil || len(xyz) != len(c.Pos) {
			return c, fmt.Errorf("%s is %q, must be three numbers in metres: [x,y,z]", positionKey, pos)
		}
		c.Pos = (*Position)(xyz)
	}
	return c, nil
}

// sameLayout compares types by what lies in memory: names of list items and nullability may differ, names of struct
// fields may not.
func sameLayout(a, b arrow.DataType) bool {
	if a.ID() != b.ID() {
		return false
	}
	switch a := a.(type) {
	case *arrow.ListType:
		return sameLayout(a.Elem(), b.(*arrow.ListType).Elem())
	case *arrow.StructType:
		return slices.EqualFunc(a.Fields(), b.(*arrow.StructType).Fields(), func(x, y arrow.Field) bool {
			return x.Name == y.Name && sameLayout(x.Type, y.Type)
		})
	default:
		return true
	}
}

// Record is RecordWith(Schema(c.Info)).
func (c Chunk) Record() arrow.RecordBatch { return c.RecordWith(Schema(c.Info)) }

// RecordWith wraps c as an Arrow record batch of the given schema, which must be Schema(c.Info) or PlacedSchema(c.Info) and which
// callers with many chunks make once. Under the former late events stand at the first sample, and events have no channels. The channels' columns are c's own memory: like c itself, the record is valid until the next
// call of whoever made c. All its memory belongs to Go: Release is allowed and frees nothing.
//
// A chunk without samples becomes a record without rows, which can hold neither Start nor Time. RecordWith panics where
// channels differ in length or an event lies outside the chunk or out of order: CheckEvents finds such events first.
func (c Chunk) RecordWith(schema *arrow.Schema) arrow.RecordBatch {
	n := c.Len()
	if err := c.CheckEvents(); err != nil {
		panic("signal: " + err.Error())
	}
	sample, at := make([]int64, n), make([]int64, n)
	for t := range n {
		sample[t] = c.Start + int64(t)
		at[t] = c.TimeAt(sample[t])
	}
	cols := make([]arrow.Array, 0, len(c.X)+extraColumns)
	for ch, x := range c.X {
		if len(x) != n {
			panic(fmt.Sprintf("signal: channel %d has %d samples, channel 0 has %d", ch, len(x), n))
		}
		cols = append(cols, array.NewFloat64Data(plain(arrow.PrimitiveTypes.Float64, x)))
	}
	cols = append(cols,
		array.NewInt64Data(plain(arrow.PrimitiveTypes.Int64, sample)),
		array.NewInt64Data(plain(arrow.PrimitiveTypes.Int64, at)),
		array.NewListData(c.eventData(sameLayout(schema.Field(len(c.X)+2).Type, placedsType))),
	)
	return array.NewRecordBatch(schema, cols, int64(n))
}

// CheckEvents reports the first event that is not in [Start, End), out of order, or not UTF-8, and the first late one that is not
// in front of Start.
func (c Chunk) CheckEvents() error {
	last := int64(math.MinInt64)
	for i, e := range c.Late {
		switch {
		case e.Sample < last || e.Sample >= c.Start:
			return fmt.Errorf("late event %d (%q) is at sample %d, must be before %d, sorted", i, e.Label, e.Sample, c.Start)
		case !utf8.ValidString(e.Label):
			return fmt.Errorf("late event %d at sample %d: label %q is not UTF-8", i, e.Sample, e.Label)
		}
		last = e.Sample
	}
	last = c.Start
	for i, e := range c.Events {
		switch {
		case e.Sample < last || e.Sample >= c.End():
			return fmt.Errorf("event %d (%q) is at sample %d, must be in [%d, %d), sorted", i, e.Label, e.Sample, last, c.End())
		case !utf8.ValidString(e.Label):
			return fmt.Errorf("event %d at sample %d: label %q is not UTF-8", i, e.Sample, e.Label)
		}
		last = e.Sample
	}
	return nil
}

// plain is x as a column without nulls.
func plain[T float64 | int64 | int32](dt arrow.DataType, x []T) *array.Data {
	return array.NewData(dt, len(x), []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(x))}, nil, 0, 0)
}

// eventData is the events as one list per sample. Late ones are in that of the first, and where placed holds it is said of all at
// which sample they were.
func (c Chunk) eventData(placed bool) *array.Data {
	late := len(c.Late)
	n, k := c.Len(), late+len(c.Events)
	offsets, ends := make([]int32, n+1), make([]int32, k+1) // of the lists in the events, of the labels in the text
	onset, duration, sample := make([]float64, k), make([]float64, k), make([]int64, k)
	var text, channels []byte
	named := make([]int32, k+1) // ends of the channels in their text
	for i := range k {
		var e Event
		if i < late {
			e = c.Late[i]
		} else {
			e = c.Events[i-late]
		}
		sample[i] = e.Sample
		offsets[max(e.Sample-c.Start, 0)+1]++
		text = append(text, e.Label...)
		ends[i+1] = int32(len(text))
		if placed && !e.Channels.IsZero() {
			list, _ := e.Channels.MarshalJSON() // texts always have one
			channels = append(channels, list...)
		}
		named[i+1] = int32(len(channels))
		onset[i], duration[i] = e.Onset, e.Duration
	}
	for t := range n {
		offsets[t+1] += offsets[t]
	}
	fields := []arrow.ArrayData{texts(ends, text), plain(arrow.PrimitiveTypes.Float64, onset), plain(arrow.PrimitiveTypes.Float64, duration)}
	one, all := eventType, eventsType
	if placed {
		fields = append(fields, plain(arrow.PrimitiveTypes.Int64, sample), texts(named, channels))
		one, all = placedType, placedsType
	}
	item := array.NewData(one, k, []*memory.Buffer{nil}, fields, 0, 0)
	return array.NewData(all, n, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(offsets))}, []arrow.ArrayData{item}, 0, 0)
}

// texts is a column of texts that end at these places of all.
func texts(ends []int32, all []byte) *array.Data {
	return array.NewData(arrow.BinaryTypes.String, len(ends)-1, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.GetBytes(ends)), memory.NewBufferBytes(all)}, nil, 0, 0)
}

// FromRecord is the inverse of Record: a chunk over rec's own memory, which the caller keeps (Retain) as long as he
// needs the chunk. Labels are copied, so that events outlive it. info describes rec, see InfoFromSchema.
//
// One record is one run of samples: the error names the first row where sample does not count on, or where time_ns is
// more than half a sample away from what rate_hz makes of the first row. There is no null in it. With an error about the events alone
// comes the chunk without them; with any other the zero chunk.
func FromRecord(rec arrow.RecordBatch, info *Info) (Chunk, error) {
	chs, n := len(info.Channels), int(rec.NumRows())
	if int(rec.NumCols()) != chs+extraColumns {
		return Chunk{}, fmt.Errorf("record: %d columns, must be %d channels and %d more", rec.NumCols(), chs, extraColumns)
	}
	c := Chunk{Info: info, X: make([][]float64, chs)}
	for ch := range c.X {
		if name := channelName(rec.Schema().Field(ch)); name != info.Channels[ch].Name {
			return Chunk{}, fmt.Errorf("record: column %d is %q, must be %q", ch, name, info.Channels[ch].Name)
		}
		col, err := column[*array.Float64](rec, ch)
		if err != nil {
			return Chunk{}, err
		}
		c.X[ch] = col.Float64Values()[:n:n]
	}
	sample, err := column[*array.Int64](rec, chs)
	if err != nil {
		return Chunk{}, err
	}
	at, err := column[*array.Int64](rec, chs+1)
	if err != nil {
		return Chunk{}, err
	}
	if n == 0 {
		return c, nil
	}
	if err := c.setTimes(sample.Int64Values()[:n], at.Int64Values()[:n]); err != nil {
		return Chunk{}, err
	}
	if err := c.setEvents(rec, chs+2); err != nil {
		c.Events, c.Late = nil, nil
		return c, err
	}
	return c, nil
}

func column[A arrow.Array](rec arrow.RecordBatch, k int) (A, error) {
	a, ok := rec.Column(k).(A)
	if !ok {
		return a, fmt.Errorf("record: column %q is of type %s, must be %T", rec.ColumnName(k), rec.Column(k).DataType(), a)
	}
	if nulls := a.NullN(); nulls > 0 {
		return a, fmt.Errorf("record: column %q has %d nulls, must have none (a missing sample is a gap: begin a new record)", rec.ColumnName(k), nulls)
	}
	return a, nil
}

func (c *Chunk) setTimes(sample, at []int64) error {
	c.Start, c.Time = sample[0], at[0]
	if c.Start > math.MaxInt64-int64(len(sample)) {
		return fmt.Errorf("record: row 0: %s is %d, too large to count on from", sampleColumn, c.Start)
	}
	tolerance := max(1, 0.5e9/c.Info.Rate)
	for t := range sample {
		if want := c.Start + int64(t); sample[t] != want {
			return fmt.Errorf("record: row %d: %s is %d, must be %d (behind a gap begins a new record)", t, sampleColumn, sample[t], want)
		}
		if want := c.TimeAt(sample[t]); !(math.Abs(float64(at[t]-want)) <= tolerance) {
			return fmt.Errorf("record: row %d: %s is %d, must be %d ± %.0f at %g Hz (behind a gap begins a new record)", t, timeColumn, at[t], want, tolerance, c.Info.Rate)
		}
	}
	return nil
}

func (c *Chunk) setEvents(rec arrow.RecordBatch, k int) error {
	list, ok := rec.Column(k).(*array.List)
	events, placed, named := eventsLayout(rec.Column(k).DataType())
	if !ok || !events {
		return fmt.Errorf("record: column %q is of type %s, must be %s", rec.ColumnName(k), rec.Column(k).DataType(), eventsType)
	}
	item := list.ListValues().(*array.Struct)
	label, onset, duration := item.Field(0).(*array.String), item.Field(1).(*array.Float64), item.Field(2).(*array.Float64)
	var was *array.Int64
	if placed {
		was = item.Field(3).(*array.Int64)
	}
	var channels *array.String
	if named {
		channels = item.Field(4).(*array.String)
	}
	first, _ := list.ValueOffsets(0)
	_, last := list.ValueOffsets(c.Len() - 1)
	if n := min(last-first, int64(item.Len())); n > 0 {
		c.Events = make([]Event, 0, n)
	}
	for t := range c.Len() {
		if list.IsNull(t) {
			continue
		}
		from, to := list.ValueOffsets(t)
		for i := int(from); i < int(to); i++ {
			if item.IsNull(i) || label.IsNull(i) || onset.IsNull(i) || duration.IsNull(i) {
				return fmt.Errorf("record: row %d: an event or one of its fields is null, must have label, onset_s and duration_s", t)
			}
			e := Event{Sample: c.Start + int64(t), Onset: onset.Value(i), Duration: duration.Value(i), Label: strings.Clone(label.Value(i))}
			if named && !channels.IsNull(i) && channels.Value(i) != "" {
				if err := json.Unmarshal([]byte(channels.Value(i)), &e.Channels); err != nil {
					return fmt.Errorf("record: row %d: the channels of event %q are %.40q, must be a list of names as JSON, or empty for all: %w", t, e.Label, channels.Value(i), err)
				}
			}
			if placed && !was.IsNull(i) && was.Value(i) != e.Sample {
				if e.Sample = was.Value(i); t > 0 || e.Sample > c.Start {
					return fmt.Errorf("record: row %d: event %q says that it was at sample %d, must be its own, or in row 0 one before it", t, e.Label, e.Sample)
				}
				c.Late = append(c.Late, e)
				continue
			}
			c.Events = append(c.Events, e)
		}
	}
	return c.CheckEvents()
}

// formatFloat is the shortest text that is read back as the same number.
func formatFloat(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }

func formatPosition(p Position) string {
	return "[" + formatFloat(p[0]) + "," + formatFloat(p[1]) + "," + formatFloat(p[2]) + "]"
}
