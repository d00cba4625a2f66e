package fif

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

func init() {
	ingest.Register(ingest.Format{Name: "fif", Ext: []string{".fif"}, Match: match, OpenIn: OpenIn})
}

// match looks for the tag of the file's identity, in compressed files too: OpenIn then says what to do about those.
func match(head []byte) bool {
	if plain := gunzip(head); plain != nil {
		head = plain
	}
	return len(head) >= bytesOfTag && binary.BigEndian.Uint32(head) == tagFileID && binary.BigEndian.Uint32(head[4:]) == typeID && binary.BigEndian.Uint32(head[8:]) == bytesOfID
}

// gunzip is the beginning of what was compressed into what head begins, nil where that is not the case.
func gunzip(head []byte) []byte {
	z, err := gzip.NewReader(bytes.NewReader(head))
	if err != nil {
		return nil
	}
	plain := make([]byte, bytesOfTag)
	if _, err := io.ReadFull(z, plain); err != nil {
		return nil
	}
	return plain
}

// OpenIn reads the heads of all tags of f, those of the parts that a split recording goes on in, and the events from the file beside
// it, which it finds in fsys. It owns f from now on and closes it, also when it fails.
func OpenIn(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	p := &parts{files: []ingest.File{f}}
	rec, err := p.open(fsys, f, name)
	if err != nil {
		return nil, errors.Join(err, p.close())
	}
	rec.Closer = closer(p.close)
	return rec, nil
}

// closer is a function that closes.
type closer func() error

// Close calls it.
func (c closer) Close() error { return c() }

func (p *parts) open(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
	s, err := newSource(f, name)
	if err != nil {
		return nil, err
	}
	head := make([]byte, min(4096, s.size))
	if err := s.read(head, 0, "file"); err != nil {
		return nil, err
	}
	if gunzip(head) != nil {
		return nil, s.errorf(0, "file", "is compressed with gzip, which cannot be read here and there: unpack it with gunzip, or with 7-Zip on Windows")
	}
	c, err := collect(s)
	if err != nil {
		return nil, err
	}
	raw, err := c.samples(s)
	if err != nil {
		return nil, err
	}
	chans, err := c.channels(s)
	if err != nil {
		return nil, err
	}
	if err := p.follow(fsys, s, c, raw); err != nil {
		return nil, err
	}
	c.notes(s)
	clock := clock{rate: c.rate, first: raw.first}
	notes, skips := skipped(c.annotations.events(c.date, clock, chans), c.rate)
	spans, filled := raw.spans(skips) // the reader has them too: nobody writes to them
	rec := &signal.Recording{
		Name: name, Format: "FIF", Len: raw.len, Spans: spans,
		Info: &signal.Info{Rate: c.rate, Reference: c.electrodes(), Channels: make([]signal.Channel, len(chans))},
	}
	for i, ch := range chans {
		rec.Info.Channels[i] = ch.Channel
	}
	for _, p := range c.people {
		rec.AddPersonal(p[0], p[1])
	}
	if n := len(spans); n > 0 {
		rec.Len = spans[n-1].End()
	}
	if rec.Len == 0 { // nothing was measured
		rec.Spans = nil
	}
	if filled > 0 {
		rec.Notes = append(rec.Notes, signal.SkipNote("annotations", len(skips), float64(filled)/c.rate))
	}
	if !c.date.IsZero() {
		rec.Begin = c.date.Add(time.Duration(math.Round(min(clock.offset(), 1e9) * 1e9)))
	}
	r := newReader(s, chans, raw, spans)
	seen, stimulated, err := r.stimuli(clock)
	if err != nil {
		return nil, err
	}
	written, from := beside(fsys, s, clock)
	rec.Parts = p.names()
	if from != "" {
		rec.Parts = append(rec.Parts, from)
	}
	rec.Events = choose(s, seen, stimulated, written, from)
	rec.Coined = signal.LabelsOf(rec.Events) // numbers, however long
	if len(rec.Events) == 0 {
		rec.Events = notes
	} else {
		rec.Events = append(rec.Events, notes...)
	}
	slices.SortStableFunc(rec.Events, inOrder)
	rec.Data, rec.Deviations = r, append(s.list(), p.deviations()...)
	switch d, err := units.Implausible(rec); {
	case err != nil:
		return nil, err
	case d != nil:
		rec.Deviations = append(rec.Deviations, *d)
	}
	return rec, nil
}

// clock places events: the acquisition counts samples from its own start.
type clock struct {
	rate  float64
	first int64 // number of sample 0
}

// offset is the seconds from the start of the acquisition to sample 0.
func (c clock) offset() float64 { return float64(c.first) / c.rate }

// event is one at a number of the acquisition.
func (c clock) event(number int64, code int32) signal.Event {
	at := number - c.first
	return signal.Event{Sample: at, Onset: float64(at) / c.rate, Label: strconv.Itoa(int(code))}
}
