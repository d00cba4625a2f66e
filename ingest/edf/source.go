package edf

import (
	"errors"
	"fmt"
	"io"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// source is the file with what is needed to complain about it.
type source struct {
	file ingest.File
	name string
	size int64
	dev  deviations
}

// read fills p from byte at on. field is for the message.
func (s *source) read(p []byte, at int64, field string) error {
	return s.readOf(p, at, func() string { return field })
}

// readRecord is read for a part of the record that lies there, counted from 0.
func (s *source) readRecord(p []byte, at, record int64) error {
	return s.readOf(p, at, func() string { return fmt.Sprintf("data record %d", record+1) })
}

func (s *source) readOf(p []byte, at int64, field func() string) error {
	n, err := s.file.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) { // it was longer when it was opened
		err = io.ErrUnexpectedEOF
	}
	return &ingest.FormatError{File: s.name, Field: field(), Offset: at + int64(n), Err: fmt.Errorf("cannot be read: %w", err)}
}

// errorf is an error about a field at byte at.
func (s *source) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.name, Field: field, Offset: at, Err: fmt.Errorf(format, args...)}
}

// deviations collects departures from the specification. Those of one kind that come again and again, once per record
// or annotation, are one entry with a count: a broken writer must not fill the memory.
type deviations struct {
	entries []signal.Deviation
	again   map[string]*repeated
	order   []string
}

type repeated struct {
	first signal.Deviation
	n     int
}

// add lists one.
func (d *deviations) add(at int64, field, rule, found, assumed string) {
	d.entries = append(d.entries, deviation(at, field, rule, found, assumed))
}

// count lists the first of a kind and counts the others.
func (d *deviations) count(kind string, at int64, field, rule string, found func() string, assumed string) {
	if r := d.again[kind]; r != nil {
		r.n++
		return
	}
	if d.again == nil {
		d.again = map[string]*repeated{}
	}
	d.again[kind] = &repeated{deviation(at, field, rule, found(), assumed), 1}
	d.order = append(d.order, kind)
}

// missing says of a kind that is counted that something is not read because of it.
func (d *deviations) missing(kind string) { d.again[kind].first.Missing = true }

func deviation(at int64, field, rule, found, assumed string) signal.Deviation {
	return signal.Deviation{Where: fmt.Sprintf("byte %d: %s", at, field), Rule: rule, Found: found, Assumed: assumed}
}

func (d *deviations) list() []signal.Deviation {
	all := d.entries
	for _, kind := range d.order {
		r := d.again[kind]
		if r.n > 1 {
			r.first.Found += fmt.Sprintf("; %d more like it", r.n-1)
		}
		all = append(all, r.first)
	}
	return all
}
