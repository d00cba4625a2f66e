package arrowfile

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/apache/arrow-go/v18/arrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/tablefile"
)

func init() {
	ingest.Register(ingest.Format{
		Name: "arrow", Ext: []string{".arrow", ".arrows"}, OpenIn: OpenIn,
		Match: func(head []byte) bool { return bytes.HasPrefix(head, magic) || bytes.HasPrefix(head, mark) },
	})
	ingest.RegisterWriter(ingest.Writer{Name: "arrow", Ext: []string{".arrow", ".arrows"}, Write: writeFile})
}

var (
	magic = []byte("ARROW1\x00\x00") // of a file with a frame
	mark  = []byte{0xFF, 0xFF, 0xFF, 0xFF}
)

const (
	markBytes = 8        // the mark and the length of the header
	maxHeader = 64 << 20 // of one message: a schema of 65,536 channels has less

	readBehind = 1 << 16 // bytes behind a place that is damaged that are looked through at once
	mostTries  = 1024    // marks among them at which a message is looked for, at most: numbers may look like one
)

// Batch is one run of samples in the file.
type Batch struct {
	Start int64 // sample number of the first
	Len   int64
	Time  int64 // when the first was measured, nanoseconds since 1970 (UTC), as it was recorded
	body  int64 // place of the body
	size  int64
	at    []int64 // of each channel in the body
}

// End is the sample number behind the last one.
func (b Batch) End() int64 { return b.Start + b.Len }

// source is the file with what is needed to complain about it.
type source struct {
	file ingest.File
	name string
	size int64
}

func (s *source) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.name, Field: field, Offset: min(at, s.size), Err: fmt.Errorf(format, args...)}
}

func (s *source) read(p []byte, at int64, field string) error {
	if n, err := s.file.ReadAt(p, at); n < len(p) {
		return s.errorf(at+int64(n), field, "cannot be read: %w", err)
	}
	return nil
}

// OpenIn reads the heads of all batches of f, and those with events whole, and so of the files beside it in fsys that it names. It
// owns f from now on and closes it, also when it fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	return tablefile.Open(fsys, f, name, open)
}

func open(f ingest.File, name string) (*signal.Recording, *tablefile.Metadata, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("%s: %w", name, err)
	}
	s := &source{f, name, st.Size()}
	at := int64(0)
	head := make([]byte, min(int64(len(magic)), s.size))
	if err := s.read(head, 0, "first bytes"); err != nil {
		return nil, nil, err
	}
	if bytes.Equal(head, magic) {
		at = int64(len(magic))
	}
	r := &Reader{src: s}
	schema, md, end, err := r.schema(at)
	if err != nil {
		return nil, nil, s.errorf(at, "schema", "%w", err)
	}
	rec := &signal.Recording{Name: name, Format: "Arrow", Begin: md.Begin, Info: r.info, Data: r, Texts: md.Texts, Deviations: md.Deviations}
	if len(r.info.Channels) == 0 {
		rec.Data = signal.Memory{}
	}
	r.late = r.events.Len() > 0
	for at = end; ; at = end {
		if at == s.size {
			rec.Deviations = append(rec.Deviations, cut(at, "the file ends without the mark of its end", "it was not closed, and is read up to here"))
			break
		}
		var m arrowipc.Message
		m, end, err = s.message(at)
		if err == nil && m.Kind == arrowipc.EndKind {
			break
		}
		if err == nil {
			err = r.add(m, schema, at, end)
		}
		if err != nil {
			d := cut(at, err.Error(), fmt.Sprintf("the file ends here; %d bytes are not read", s.size-at))
			if d.Missing, err = s.goesOn(at, err); err != nil {
				return nil, nil, err
			}
			rec.Deviations = append(rec.Deviations, d)
			break
		}
	}
	if rec.Events = r.events.Slice(); r.late {
		slices.SortStableFunc(rec.Events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	}
	if r.noEvents > 0 {
		if r.noEvents > 1 {
			r.firstBad.Found += fmt.Sprintf("; %d more like it", r.noEvents-1)
		}
		rec.Deviations = append(rec.Deviations, r.firstBad)
	}
	r.texts, r.batch = nil, nil
	if len(r.batches) == 0 { // nothing came, or it was cut off before the first batch was written: what would have come is known
		return rec, md, nil
	}
	first := r.batches[0]
	if before := math.Round(float64(first.Start) * 1e9 / r.info.Rate); math.Abs(float64(first.Time)-before) >= 1e15 { // days off: a date, not the time from a start
		rec.Begin = time.Unix(0, first.Time-int64(before)).UTC()
	}
	rec.Spans, rec.Len = r.spans()
	return rec, md, nil
}

// schema reads the message at byte at, and the events that it has.
func (r *Reader) schema(at int64) (schema *arrow.Schema, md *tablefile.Metadata, end int64, err error) {
	m, end, err := r.src.message(at)
	if err != nil {
		return nil, nil, 0, err
	}
	if schema, err = m.Schema(); err != nil {
		return nil, nil, 0, err
	}
	r.info, md, err = tablefile.Read(schema, &r.events)
	return schema, md, end, err
}

func cut(at int64, found, assumed string) signal.Deviation {
	return signal.Deviation{Where: fmt.Sprintf("byte %d: record batch", at), Rule: "a stream is whole messages and the mark of the end", Found: found, Assumed: assumed}
}

// shortError is a message that the file ends within, if that is no damage.
type shortError struct{ error }

func shortf(format string, args ...any) error { return shortError{fmt.Errorf(format, args...)} }

// goesOn says whether the file has samples behind byte at, where a message cannot be read because of why: there is another message or the
// mark of the end, or what is there is more than a mark, no message that was only cut off, and no zeros as a crash of the system leaves.
func (s *source) goesOn(at int64, why error) (bool, error) {
	zeros, tries := true, mostTries
	buf := make([]byte, min(readBehind, s.size-at))
	for from := at; s.size-from >= markBytes; {
		part := buf[:min(int64(len(buf)), s.size-from)/markBytes*markBytes] // messages begin at multiples of it
		if err := s.read(part, from, "message"); err != nil {
			return false, err
		}
		for ; len(part) > 0; part, from = part[markBytes:], from+markBytes {
			zeros = zeros && binary.LittleEndian.Uint64(part) == 0
			if from == at || !bytes.HasPrefix(part, mark) || tries == 0 {
				continue
			}
			tries--
			m, _, err := s.message(from)
			if err == nil && (m.Kind != arrowipc.EndKind || from+markBytes == s.size) {
				return true, nil
			}
		}
	}
	return !zeros && !errors.As(why, new(shortError)) && s.size-at > markBytes, nil
}

// message is the header of the message at byte at, and the byte behind its body.
func (s *source) message(at int64) (m arrowipc.Message, end int64, err error) {
	var frame [markBytes]byte
	if s.size-at < markBytes {
		return m, 0, shortf("%d bytes are left, a message has at least %d", s.size-at, markBytes)
	}
	if err := s.read(frame[:], at, "message"); err != nil {
		return m, 0, err
	}
	if !bytes.HasPrefix(frame[:], mark) {
		return m, 0, fmt.Errorf("a message begins with % x, must begin with ff ff ff ff", frame[:4])
	}
	n := int64(int32(binary.LittleEndian.Uint32(frame[4:])))
	if n == 0 {
		return arrowipc.Message{Kind: arrowipc.EndKind}, at + markBytes, nil
	}
	if n < 0 || n > maxHeader || n > s.size-at-markBytes {
		return m, 0, shortf("a message with a header of %d bytes, %d are left", n, s.size-at-markBytes)
	}
	header := make([]byte, n)
	if err := s.read(header, at+markBytes, "message"); err != nil {
		return m, 0, err
	}
	m, body, err := arrowipc.ParseHeader(header)
	if err != nil {
		return m, 0, err
	}
	if end = at + markBytes + n; body > s.size-end {
		return m, 0, shortf("a message with a body of %d bytes, %d are left", body, s.size-end)
	}
	return m, end + body, nil
}

// add takes a batch into the index, and its events.
func (r *Reader) add(m arrowipc.Message, schema *arrow.Schema, at, end int64) error {
	chs := len(r.info.Channels)
	var frame [4]byte
	if err := r.src.read(frame[:], at+4, "message"); err != nil {
		return err
	}
	body := at + markBytes + int64(binary.LittleEndian.Uint32(frame[:]))
	rows, columns, events, err := m.Columns(chs+2, end-body) // and sample and time_ns
	if err != nil {
		return err
	}
	if rows == 0 {
		return nil
	}
	if chs == 0 {
		return fmt.Errorf("a batch of %d rows without channels: a recording of events alone has none", rows)
	}
	b := Batch{Len: rows, body: body, size: end - body, at: columns[:chs]}
	var last int64
	for _, v := range []struct {
		at  int64
		dst *int64
	}{{columns[chs], &b.Start}, {columns[chs] + 8*(rows-1), &last}, {columns[chs+1], &b.Time}} {
		var raw [8]byte
		if err := r.src.read(raw[:], body+v.at, "record batch"); err != nil {
			return err
		}
		*v.dst = int64(binary.LittleEndian.Uint64(raw[:]))
	}
	from := int64(0)
	if n := len(r.batches); n > 0 {
		from = r.batches[n-1].End()
	}
	if b.Start < from || b.Start > math.MaxInt64/2 || last != b.Start+rows-1 {
		return fmt.Errorf("a batch of %d rows with the samples %d to %d behind sample %d: they must count on, and a gap needs a batch of its own", rows, b.Start, last, from)
	}
	if events != 0 {
		times, err := r.eventsOf(m, schema, body, b.size)
		if err != nil && !times {
			return err
		}
		if err != nil {
			if r.noEvents++; r.noEvents == 1 {
				r.firstBad = signal.Deviation{Where: fmt.Sprintf("byte %d: events", at), Rule: "events can be read", Found: err.Error(), Assumed: "the events of the record batch are left out", Missing: true}
			}
		}
	}
	r.batches = append(r.batches, b)
	return nil
}

// eventsOf adds the events of the batch m, whose body is at byte body, all or none. Where times holds, an error is one about them alone.
func (r *Reader) eventsOf(m arrowipc.Message, schema *arrow.Schema, body, size int64) (times bool, err error) {
	if int64(cap(r.batch)) < size {
		r.batch = make([]byte, size)
	}
	m.Body = r.batch[:size]
	if err := r.src.read(m.Body, body, "record batch"); err != nil {
		return false, err
	}
	rec, err := m.Batch(schema)
	if err != nil {
		return true, err // the columns of samples have been looked at
	}
	c, err := signal.FromRecord(rec, r.info)
	if err != nil {
		return c.X != nil, err
	}
	r.late = r.late || len(c.Late) > 0
	for _, events := range [][]signal.Event{c.Late, c.Events} {
		for _, e := range events {
			e.Label = r.text(e.Label)
			r.events.Add(e)
		}
	}
	return true, nil
}

// text is label in memory of its own, which all that are equal share: the batch it came from is read over.
func (r *Reader) text(label string) string {
	kept, seen := r.texts[label]
	if !seen {
		if r.texts == nil {
			r.texts = map[string]string{}
		}
		kept = strings.Clone(label)
		r.texts[kept] = kept
	}
	return kept
}

// spans is nil where there is no gap.
func (r *Reader) spans() (spans []signal.Span, end int64) {
	for _, b := range r.batches {
		if n := len(spans); n > 0 && spans[n-1].End() == b.Start {
			spans[n-1].Len += b.Len
		} else {
			spans = append(spans, signal.Span{Start: b.Start, Len: b.Len})
		}
		end = b.End()
	}
	if len(spans) == 1 && spans[0].Start == 0 {
		spans = nil
	}
	return spans, end
}
