package gdf

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// newSegment is the type of events at which recording went on.
const newSegment = 0x7ffe

// event is one of the table.
type event struct {
	position, duration uint32 // in samples at the rate of the table; position counts from 1
	typ                uint16
	channel            uint16 // from 1, 0 for all
}

// table is the table of events, as it lies in the file: there may be more of them than samples.
type table struct {
	rate     float64 // Hz, 0 where it is that of the samples
	at       int64
	raw      []byte // column behind column, of n events
	n        int64
	whole    int64 // events that are there
	duration bool  // they have one, and a channel
}

// events are those that are there, in the order of the file.
func (t *table) events(yield func(event) bool) {
	le := binary.LittleEndian
	for i := range t.whole {
		e := event{position: le.Uint32(t.raw[4*i:]), typ: le.Uint16(t.raw[4*t.n+2*i:])}
		if t.duration {
			e.channel, e.duration = le.Uint16(t.raw[6*t.n+2*i:]), le.Uint32(t.raw[8*t.n+4*i:])
		}
		if !yield(e) {
			return
		}
	}
}

// readEvents reads the table behind the records.
func (h *header) readEvents(src *flatfile.Source, records int64) (*table, error) {
	t := &table{at: h.bytes + records*h.record}
	if h.records != records || t.at >= src.Size {
		if h.records == records && t.at > src.Size {
			return nil, src.Errorf(src.Size, "event table", "lies behind the file")
		}
		if h.records == records {
			src.Deviate(src.Size, "event table", "follows the records", "the file ends with them", "there are no events")
		}
		return t, nil
	}
	const field = "event table"
	head, err := src.Bytes(t.at, min(8, src.Size-t.at), field)
	if err != nil {
		return nil, err
	}
	lost := func(found string) (*table, error) {
		src.Omit(t.at, field, "is whole, of mode 1 or 3", found, "there are no events")
		return t, nil
	}
	if len(head) < 8 {
		return lost(fmt.Sprintf("%d bytes: the file was cut", len(head)))
	}
	le := binary.LittleEndian
	three := int64(head[1]) | int64(head[2])<<8 | int64(head[3])<<16
	n := three
	if h.version < 1.94 {
		t.rate, n = float64(three), int64(le.Uint32(head[4:]))
	} else {
		t.rate = float64(math.Float32frombits(le.Uint32(head[4:])))
	}
	mode := head[0]
	if mode&1 == 0 || mode > 7 {
		return lost(fmt.Sprintf("mode %d", mode))
	}
	if !(t.rate >= 0) || math.IsInf(t.rate, 0) {
		return lost(fmt.Sprintf("a rate of %g Hz", t.rate))
	}
	width := int64(6)
	if mode&2 != 0 {
		width = 12
	}
	whole, there := n, src.Size-t.at-8
	if n > there/width { // column behind column: those events are whole of which the last column has something
		last, bytes := 4*n, int64(2)
		if mode&2 != 0 {
			last, bytes = 8*n, 4
		}
		found := fmt.Sprintf("%d events in %d bytes: the file was cut", n, there)
		if whole = (there - last) / bytes; whole < 1 || n > there {
			return lost(found)
		}
		src.Omit(t.at, field, "is whole, of mode 1 or 3", found, fmt.Sprintf("the first %d events", whole))
	}
	t.raw, err = src.Bytes(t.at+8, min(n*width, there), field)
	t.n, t.whole, t.duration = n, whole, mode&2 != 0
	return t, err
}

// seconds is the onset of an event from the start of the file, without gaps.
func (t *table) seconds(e event, rate float64) float64 {
	if t.rate > 0 {
		rate = t.rate
	}
	return (float64(e.position) - 1) / rate
}

// timeline breaks n samples at new segments.
func (t *table) timeline(src *flatfile.Source, n int64, rate float64, groups int) flatfile.Timeline {
	line := flatfile.Whole(n)
	breaks := 0
	for e := range t.events {
		if e.typ == newSegment && e.position > 1 {
			breaks++
		}
	}
	at := make([]int64, 0, breaks)
	for e := range t.events {
		if e.typ == newSegment && e.position > 1 {
			at = append(at, int64(math.Round(t.seconds(e, rate)*rate)))
		}
	}
	if len(at) == 0 {
		return line
	}
	const rule = "samples follow each other in time"
	if groups > 1 {
		src.Deviate(t.at, "event table", rule, fmt.Sprintf("%d new segments", len(at)), "nothing: there are channels of several rates; the events say where")
		return line
	}
	slices.Sort(at)
	line = slices.Grow(line, len(at))
	for _, k := range at {
		line.Break(k, 1)
	}
	src.Deviate(t.at, "event table", rule, fmt.Sprintf("%d new segments, with nothing said of how much lies between them", len(at)), "gaps of one sample")
	return line
}

// maxSample is the number of the last sample that can be counted with floats.
const maxSample = 1 << 53

// place gives the events their sample numbers. of is the channels of the file, each alone; the zero value is one that is left out.
func (t *table) place(src *flatfile.Source, line flatfile.Timeline, rate float64, of []signal.Channels) []signal.Event {
	events := make([]signal.Event, 0, t.whole)
	clock := rate
	if t.rate > 0 {
		clock = t.rate
	}
	for e := range t.events {
		exact := t.seconds(e, rate) * rate
		if math.Abs(exact) > maxSample { // the rate of the table may be any
			src.DeviateOften(t.at, "event table", "events lie within 2⁵³ samples", func() string {
				return fmt.Sprintf("type %d at position %d of %g Hz, %.3g s", e.typ, e.position, clock, exact/rate)
			}, "they stand at sample 2⁵³, behind the end of the samples, or as far in front of them")
			exact = math.Copysign(maxSample, exact)
		}
		var channels signal.Channels
		if i := int(e.channel) - 1; i >= 0 && i < len(of) {
			channels = of[i]
		}
		if e.channel > 0 && channels.IsZero() {
			rule := fmt.Sprintf("the channel of an event is the number of one of the %d channels, or 0 for all", len(of))
			if int(e.channel) <= len(of) {
				rule = "the channel of an event is one with samples; others are left out"
			}
			src.DeviateOften(t.at, "event table", rule, func() string {
				return fmt.Sprintf("%d of type %d at position %d", e.channel, e.typ, e.position)
			}, "of all channels")
		}
		k := math.Round(exact)
		at := line.Sample(int64(k))
		events = append(events, signal.Event{
			Sample: at, Onset: (float64(at) + (exact - k)) / rate, Duration: min(float64(e.duration)/clock, maxSample/rate), Label: strconv.Itoa(int(e.typ)), Channels: channels,
		})
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int { return int(max(-1, min(1, a.Sample-b.Sample))) })
	return events
}
