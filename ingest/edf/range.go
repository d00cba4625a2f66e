package edf

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// beyond is what lies out of the digital range of a signal.
type beyond struct {
	n               int64 // samples
	first           int64 // byte of the first of them
	least, greatest int64
}

// CheckSamples looks at all samples of the file, those of other rates too, and lists the signals that leave the digital range which their
// header states, with how many samples do. From then on Stored has a range that holds them, where eight characters can state it without
// another scale, so that a copy breaks the specification no more. It needs memory for one megabyte, and looks once.
func (r *reader) CheckSamples() ([]signal.Deviation, error) {
	h := r.h
	if h.looked {
		return slices.Clone(h.beyond), nil
	}
	found := make([]beyond, len(h.signals))
	records := io.NewSectionReader(r.src.file, h.bytes, h.records*h.record)
	buf := bufio.NewReaderSize(records, blockBytes)
	var in []*signalHeader // a record: a header may speak of thousands that are not
	for i := range h.signals {
		if h.signals[i].samples > 0 {
			in = append(in, &h.signals[i])
		}
	}
	at := h.bytes
	for record := range h.records {
		for _, s := range in {
			for left := s.samples * int64(h.v.bytes); left > 0; {
				raw, err := buf.Peek(int(min(left, blockBytes/6*6))) // whole samples of both widths
				if err != nil {
					if errors.Is(err, io.EOF) { // it was longer when it was opened
						err = io.ErrUnexpectedEOF
					}
					return nil, &ingest.FormatError{File: r.src.name, Field: fmt.Sprintf("data record %d", record+1), Offset: at, Err: fmt.Errorf("cannot be read: %w", err)}
				}
				if !s.isText {
					found[s.index].look(raw, at, s, h.v)
				}
				n, err := buf.Discard(len(raw))
				if err != nil {
					return nil, err
				}
				at, left = at+int64(n), left-int64(n)
			}
		}
	}
	var all []signal.Deviation
	for i := range found {
		b, s := &found[i], &h.signals[i]
		if b.n == 0 {
			continue
		}
		lo, hi := min(s.digMin, s.digMax), max(s.digMin, s.digMax)
		all = append(all, deviation(b.first, fmt.Sprintf("samples of signal %d, %q", i+1, s.label),
			fmt.Sprintf("lie from the digital minimum to the digital maximum: from %d to %d", lo, hi),
			fmt.Sprintf("%d of %d do not; all lie from %d to %d", b.n, h.records*s.samples, min(b.least, lo), max(b.greatest, hi)), "read with the same scale; none is clipped"))
		s.widened = s.wider(h.v, min(b.least, lo), max(b.greatest, hi))
	}
	h.looked, h.beyond = true, all
	return slices.Clone(all), nil
}

// look counts the samples in raw, which lie at byte at.
func (b *beyond) look(raw []byte, at int64, s *signalHeader, v *variant) {
	lo, hi := min(s.digMin, s.digMax), max(s.digMin, s.digMax)
	for k := 0; k+v.bytes <= len(raw); k += v.bytes {
		var d int64
		if v.bytes == 2 {
			d = int64(int16(binary.LittleEndian.Uint16(raw[k:])))
		} else {
			d = int64(int24(raw[k:]))
		}
		if d >= lo && d <= hi {
			continue
		}
		if b.n == 0 {
			b.first, b.least, b.greatest = at+int64(k), d, d
		}
		b.n, b.least, b.greatest = b.n+1, min(b.least, d), max(b.greatest, d)
	}
}

// ends is how many numbers are tried for each end of a wider range, for each of two steps.
const ends = 32

// wider is a range that holds lo to hi, in which all integers stand for the same values, to the last bit, as in the range of the header;
// nil where none is found whose ends are numbers of eight characters.
func (s *signalHeader) wider(v *variant, lo, hi int64) *signal.Stored {
	was := s.stated()
	gain := (was.PhysMax - was.PhysMin) / float64(was.DigMax-was.DigMin)
	offset := was.PhysMax/gain - float64(was.DigMax)
	type end struct {
		dig  int64
		phys float64
	}
	// The end itself, or one that lies further out: by single steps, or by the width of the range that is there, whose ends are short numbers.
	outwards := func(from, side, of int64, phys float64) (all []end) {
		for _, by := range []int64{1, max(was.DigMax-was.DigMin, was.DigMin-was.DigMax)} {
			for k := range int64(ends) {
				if d := from + side*k*by; d >= v.min && d <= v.max {
					x, err := strconv.ParseFloat(number8(phys+float64(d-of)*gain), 64)
					if err == nil {
						all = append(all, end{d, x})
					}
				}
			}
		}
		return all
	}
	tops := outwards(hi, 1, was.DigMax, was.PhysMax)
	for _, low := range outwards(lo, -1, was.DigMin, was.PhysMin) {
		for _, top := range tops {
			w := signal.Stored{DigMin: low.dig, DigMax: top.dig, PhysMin: low.phys, PhysMax: top.phys, Unit: was.Unit}
			if g := (w.PhysMax - w.PhysMin) / float64(w.DigMax-w.DigMin); g == gain && w.PhysMax/g-float64(w.DigMax) == offset {
				return &w
			}
		}
	}
	return nil
}
