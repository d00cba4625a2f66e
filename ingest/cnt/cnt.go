package cnt

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	ingest.Register(ingest.Format{Name: "cnt", Ext: []string{".cnt"}, Match: match, Open: Open})
}

const (
	fixedBytes   = 900
	channelBytes = 75
	maxChannels  = 1 << 14
)

func match(head []byte) bool { return bytes.HasPrefix(head, []byte("Version 3.0\x00")) }

// Open reads the header and the events of f. It owns f from now on and closes it, also when it fails.
func Open(f ingest.File, name string) (*signal.Recording, error) {
	return ingest.Owned(f, name, open)
}

// header is what is read of the header.
type header struct {
	channels, bytes int64 // bytes of the header
	samples         int64 // as the header says
	table           int64 // where the events are
	typ             flatfile.Type
	n               int64 // samples of each channel
	block           int64 // samples of a channel that lie one behind the other
	rate            float64
}

func open(f ingest.File, name string) (*signal.Recording, error) {
	src, err := flatfile.NewSource(f, name, nil)
	if err != nil {
		return nil, err
	}
	b, err := src.Bytes(0, fixedBytes, "header")
	if err != nil {
		return nil, err
	}
	h, err := readHeader(src, b)
	if err != nil {
		return nil, err
	}
	c, err := src.Bytes(fixedBytes, channelBytes*h.channels, "channels")
	if err != nil {
		return nil, err
	}
	if err := h.layout(src, int64(int32(binary.LittleEndian.Uint32(b[894:])))); err != nil {
		return nil, err
	}
	width := h.typ.Width()
	lay := flatfile.Layout{Record: width * h.channels * h.block, PerRecord: h.block, Columns: make([]flatfile.Column, h.channels)}
	labels := make([]string, h.channels)
	for i := range labels {
		e := c[channelBytes*i:]
		label, _, _ := bytes.Cut(e[:10], []byte{0})
		labels[i], _ = src.Text(label)
		f32 := func(at int) float64 { return float64(math.Float32frombits(binary.LittleEndian.Uint32(e[at:]))) }
		gain := f32(71) * f32(59) / 204.8
		if gain == 0 || gain-gain != 0 {
			return nil, src.Errorf(fixedBytes+channelBytes*int64(i)+59, "sensitivity", "sensitivity %g times calibration %g of channel %q cannot be computed with", f32(59), f32(71), labels[i])
		}
		baseline := float64(int16(binary.LittleEndian.Uint16(e[47:])))
		lay.Columns[i] = flatfile.Column{At: int64(i) * width * h.block, Step: width, Type: h.typ, Zero: baseline, Gain: gain}
	}
	info := &signal.Info{Rate: h.rate, Channels: src.Channels(labels, func(i int) int64 { return fixedBytes + channelBytes*int64(i) })}
	for i := range info.Channels {
		info.Channels[i].Unit = signal.Microvolt
	}
	lay.At, lay.Runs = h.bytes, flatfile.Whole(h.n)
	rec := &signal.Recording{Name: name, Format: "CNT 3.0", Begin: begin(src, b), Info: info, Len: h.n, Data: signal.InUnits{SampleReader: flatfile.NewReader(src, lay), Units: microvolts(len(lay.Columns))}}
	personal(src, b, rec)
	if rec.Events, err = h.events(src); err != nil {
		return nil, err
	}
	rec.Coined = signal.LabelsOf(rec.Events)
	rec.Deviations = src.Deviations()
	return rec, nil
}

func readHeader(src *flatfile.Source, b []byte) (*header, error) {
	le := binary.LittleEndian
	h := &header{channels: int64(le.Uint16(b[370:])), samples: int64(le.Uint32(b[864:])), table: int64(le.Uint32(b[886:])), rate: float64(le.Uint16(b[376:]))}
	if h.channels < 1 || h.channels > maxChannels {
		return nil, src.Errorf(370, "number of channels", "is %d, must be from 1 to %d", h.channels, maxChannels)
	}
	if h.rate == 0 {
		return nil, src.Errorf(376, "rate", "is 0, must be above")
	}
	h.bytes = fixedBytes + channelBytes*h.channels
	return h, nil
}

// layout finds out how wide the numbers are.
func (h *header) layout(src *flatfile.Source, block int64) error {
	if src.Size > math.MaxInt32 {
		return src.Errorf(886, "event table", "lies beyond what 32 bits can tell in a file of %d bytes, so that the width of the numbers is not known: export it as EDF", src.Size)
	}
	if !h.width(h.table) {
		at, found := h.findTable(src)
		if found {
			src.Deviate(886, "event table", "follows the samples", fmt.Sprintf("at byte %d, where it cannot be", h.table), fmt.Sprintf("it is at byte %d, behind %d samples of %d bytes", at, h.samples, h.typ.Width()))
			h.table = at
		} else if err := h.count(src, max(block, 1)); err != nil {
			return err
		}
	}
	if h.table > src.Size { // cut: what was there tells the width all the same
		src.Omit(886, "event table", "lies within the file", fmt.Sprintf("at byte %d of %d: the file was cut", h.table, src.Size), "the samples that are there; there are no events")
	}
	width := h.typ.Width()
	h.block = 1
	if block > 1 {
		if h.block = block / width; h.block < 1 || block%width != 0 || h.block > h.samples {
			return src.Errorf(894, "channel offset", "is %d bytes, must be those of 1 to %d samples", block, h.samples)
		}
	}
	record := width * h.channels * h.block
	h.n = min(h.samples, (src.Size-h.bytes)/record*h.block)
	if rest := h.n % h.block; rest != 0 {
		src.Deviate(894, "channel offset", "blocks are whole", fmt.Sprintf("%d samples in the last of %d", rest, h.block), "they are left out")
		h.n -= rest
	}
	if h.n < 1 {
		return src.Errorf(src.Size, "samples", "there are none")
	}
	return nil
}

// width takes that of the numbers with which the samples end where the table of events is. It is false where there is none.
func (h *header) width(table int64) bool {
	for _, typ := range []flatfile.Type{flatfile.Int16, flatfile.Int32} {
		if h.samples > 0 && table-h.bytes == typ.Width()*h.channels*h.samples {
			h.typ = typ
			return true
		}
	}
	return false
}

// findTable looks for the table of events, of which the header tells another place, behind the samples of either width: it is found
// where the file ends with the samples or with what the table says that it has, for one width alone.
func (h *header) findTable(src *flatfile.Source) (at int64, found bool) {
	for _, typ := range []flatfile.Type{flatfile.Int16, flatfile.Int32} {
		end := h.bytes + typ.Width()*h.channels*h.samples
		fits := end == src.Size
		if left := src.Size - end; left >= tableHead {
			b, err := src.Bytes(end, tableHead, "event table")
			fits = err == nil && b[0] >= 1 && b[0] <= 3 && int64(binary.LittleEndian.Uint32(b[1:])) == left-tableHead
		}
		if !fits || h.samples == 0 {
			continue
		}
		if found {
			return 0, false
		}
		at, found, h.typ = end, true, typ
	}
	return at, found
}

// personal keeps the fields of the header about people (SETUP in sethead.h of Neuroscan).
func personal(src *flatfile.Source, b []byte, rec *signal.Recording) {
	for _, f := range []struct {
		field  string
		at, to int
	}{
		{"patient identification", 21, 41},
		{"operator", 41, 61},
		{"doctor", 61, 81},
		{"referral", 81, 101},
		{"hospital", 101, 121},
		{"patient", 121, 141},
		{"medication", 145, 165},
		{"category", 165, 185},
		{"state", 185, 205},
		{"label", 205, 225},
	} {
		raw, _, _ := bytes.Cut(b[f.at:f.to], []byte{0})
		text, _ := src.Text(raw)
		rec.AddPersonal(f.field, text)
	}
	if age := binary.LittleEndian.Uint16(b[141:]); age != 0 {
		rec.AddPersonal("age", strconv.Itoa(int(age)))
	}
	for _, f := range []struct {
		field string
		at    int
	}{{"sex", 143}, {"hand", 144}} {
		if c := b[f.at]; c > ' ' && c < 0x7f && c != 'U' {
			rec.AddPersonal(f.field, string(rune(c)))
		}
	}
}

// begin reads date and time; the format has no time zone, so it is taken for UTC.
func begin(src *flatfile.Source, b []byte) time.Time {
	text := func(p []byte) string {
		p, _, _ = bytes.Cut(p, []byte{0})
		return strings.TrimSpace(string(p))
	}
	day, clock := text(b[225:235]), text(b[235:247])
	if day == "" {
		return time.Time{}
	}
	if t, err := time.Parse("01/02/06 15:04:05", day+" "+clock); err == nil {
		return t
	}
	src.Deviate(225, "date", "is month/day/year and hour:minute:second", fmt.Sprintf("%q and %q", day, clock), "the begin is not known")
	return time.Time{}
}

// tableHead is how many bytes the table of events has before the first.
const tableHead = 9

// rows are the events of the table, as they lie there.
type rows struct {
	kind        byte
	size, width int64 // in bytes: of all, as the table says, and of one
	raw         []byte
	flaw        string // why there are none, "" where they can be read
}

// readRows reads the table, which lies within the file.
func (h *header) readRows(src *flatfile.Source) (*rows, error) {
	const field = "event table"
	have := src.Size - h.table - tableHead
	if have < 0 {
		return &rows{flaw: "the file was cut"}, nil
	}
	head, err := src.Bytes(h.table, tableHead, field)
	if err != nil {
		return nil, err
	}
	t := &rows{kind: head[0], size: int64(binary.LittleEndian.Uint32(head[1:])), width: 19}
	if t.kind == 1 {
		t.width = 8
	}
	if t.kind < 1 || t.kind > 3 || t.size > have {
		t.flaw = fmt.Sprintf("type %d with %d bytes of %d", t.kind, t.size, have)
		return t, nil
	}
	t.raw, err = src.Bytes(h.table+tableHead, t.size/t.width*t.width, field)
	return t, err
}

// place is where the event at b is said to be, in bytes of the file, in type 3 in samples.
func place(b []byte) int64 { return int64(int32(binary.LittleEndian.Uint32(b[4:]))) }

// events reads the table.
func (h *header) events(src *flatfile.Source) ([]signal.Event, error) {
	const field = "event table"
	if h.table >= src.Size {
		if h.table == src.Size {
			src.Deviate(h.table, field, "follows the samples", "the file ends with them", "there are no events")
		}
		return nil, nil
	}
	t, err := h.readRows(src)
	if err != nil {
		return nil, err
	}
	if t.flaw != "" {
		src.Omit(h.table, field, "is whole, of type 1, 2 or 3", t.flaw, "there are no events")
		return nil, nil
	}
	if t.size%t.width != 0 {
		src.Omit(h.table, field, fmt.Sprintf("has events of %d bytes", t.width), fmt.Sprintf("%d bytes", t.size), "the rest is left out")
	}
	b := t.raw
	frame := h.channels * h.typ.Width()
	events := make([]signal.Event, 0, len(b)/int(t.width))
	for ; len(b) > 0; b = b[t.width:] {
		at := place(b)
		k := at // in samples, in type 3
		if t.kind != 3 {
			k = int64(math.Floor(float64(at-h.bytes) / float64(frame)))
		}
		label := strconv.Itoa(int(binary.LittleEndian.Uint16(b)))
		switch {
		case b[3]&0x0f != 0:
			label = fmt.Sprintf("keypad %d", b[3]&0x0f)
		case b[2] != 0:
			label = fmt.Sprintf("keyboard %d", b[2])
		}
		switch b[3] & 0xf0 { // marks of a person who looked through the recording
		case 0xc0:
			label = "rejected from here: " + label
		case 0xd0:
			label = "accepted from here: " + label
		}
		events = append(events, signal.Event{Sample: k, Onset: float64(k) / h.rate, Label: label})
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	return events, nil
}

// microvolts is the unit that the format has, n times.
func microvolts(n int) []string {
	u := make([]string, n)
	for i := range u {
		u[i] = "µV"
	}
	return u
}
