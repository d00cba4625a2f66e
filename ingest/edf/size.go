package edf

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest"
)

const recordsField = "number of data records"

// fitSize compares the header with the size of the file. A count of records that is missing or too small is derived
// from the size; a file that is too short is refused.
func (h *header) fitSize(src *source) error {
	if h.headerBytes != h.bytes {
		if err := h.fitHeaderBytes(src); err != nil {
			return src.orDamage(err)
		}
	}
	there := (src.size - h.bytes) / h.record // whole records
	rest := (src.size - h.bytes) % h.record
	switch {
	case h.records == there && rest == 0:
		return nil
	case h.records > there:
		end := float64(h.bytes) + float64(h.records)*float64(h.record) // what is claimed may not fit into 64 bits
		return src.orDamage(src.orPairsLost(src.errorf(src.size, recordsField,
			"is %d, so the file must have %.0f bytes; it ends after %d, in record %d: it is truncated; fetch it again in binary mode, or write %d into the field (byte %d) to read what is there",
			h.records, end, src.size, there+1, there, recordsAt)))
	}
	if err := src.damage(src.size - (h.bytes + max(h.records, 0)*h.record)); err != nil {
		return err
	}
	if h.records != there {
		rule := "the number of records in the file"
		if h.records < 0 {
			rule += "; -1 only while it is being recorded"
		}
		src.dev.add(recordsAt, recordsField, rule, strconv.FormatInt(h.records, 10), fmt.Sprintf("%d, from the size of the file", there))
		h.records = there
	}
	if rest != 0 {
		src.dev.add(src.size-rest, "data records", "the file ends with a whole record", fmt.Sprintf("%d of %d bytes", rest, h.record), "these bytes are left out")
	}
	return nil
}

// fitHeaderBytes decides where the records begin if the field breaks its rule: where the size of the file says so.
func (h *header) fitHeaderBytes(src *source) error {
	fits := func(begin int64) bool {
		data := src.size - begin
		return begin >= h.bytes && data >= 0 && data%h.record == 0 && (h.records < 0 || data/h.record == h.records)
	}
	const field, rule = "number of bytes in header record", "256 times one more than the number of signals"
	switch {
	case fits(h.bytes):
		src.dev.add(184, field, rule, strconv.FormatInt(h.headerBytes, 10), fmt.Sprintf("%d: the size of the file fits", h.bytes))
	case fits(h.headerBytes):
		src.dev.add(184, field, rule, strconv.FormatInt(h.headerBytes, 10), "the data begin there: the size of the file fits")
		h.bytes = h.headerBytes
	default:
		return src.errorf(184, field, "is %d, must be %d for %d signals, and the size of the file fits neither: it is truncated or damaged; fetch it again in binary mode", h.headerBytes, h.bytes, len(h.signals))
	}
	return nil
}

// orDamage is the reason behind err where the bytes of the file show it, err itself otherwise.
func (s *source) orDamage(err error) error {
	var format *ingest.FormatError
	if !errors.As(err, &format) {
		return err
	}
	if d := s.damage(-1); d != nil {
		return d
	}
	return err
}

// damage looks for what a transfer in text mode does to binary data. surplus is by how many bytes the file is longer
// than the header says, -1 where that is unknown. It reads the whole file and is only asked where something is wrong.
//
// Text mode turns every line feed (byte 10) into carriage return and line feed (13 10). In samples the two bytes come as
// others do, about once in 256; so 16 or more line feeds that all have a carriage return in front are no chance. Where it made a line
// feed of every carriage return, or one byte of both, there is too little of them left: see ingest.ByteCounts and orPairsLost.
func (s *source) damage(surplus int64) error {
	n, err := s.lineFeeds()
	if err != nil {
		return err
	}
	// Of very many line feeds a few can have lost theirs again, or come in later.
	if n.feeds >= many && n.pairs < n.feeds && n.pairs >= n.feeds-n.feeds/16 {
		return s.errorf(n.first-1, "data records",
			"%d of %d line feeds (byte 10) in the file have a carriage return (13) in front: the file went through a text-mode transfer that inserted them and shifted the samples, and was altered beside; fetch it again in binary mode, or see whether gyrus fix can prove what it was", n.pairs, n.feeds)
	}
	if n.feeds > 0 && n.pairs == n.feeds && (n.feeds >= 16 || n.feeds >= 2 && n.feeds == surplus) {
		return s.errorf(n.first-1, "data records",
			"all %d line feeds (byte 10) in the file have a carriage return (13) in front: the file went through a text-mode transfer that inserted them and shifted the samples; fetch it again in binary mode", n.feeds)
	}
	if n.counts.ReturnsLost() {
		return &hopeless{s.errorf(n.first, "data records", "%w", ingest.ReturnsError(&n.counts))}
	}
	return nil
}

// hopeless is damage that nothing in the file undoes.
type hopeless struct{ error }

// Unwrap is what it is.
func (h *hopeless) Unwrap() error { return h.error }

// sampled is how much of the samples is looked at whenever a file is opened.
const sampled = 1 << 16

// changed refuses a file in which every carriage return became a line feed. Its size is right, so that nothing else tells: the first
// samples do.
func (s *source) changed(h *header) error {
	var c ingest.ByteCounts
	p := make([]byte, min(sampled, max(0, s.size-h.bytes)))
	if err := s.read(p, h.bytes, "data records"); err != nil {
		return err
	}
	if _, err := c.Write(p); err != nil {
		return err
	}
	if c.ReturnsLost() {
		return s.errorf(h.bytes, "data records", "%w", ingest.ReturnsError(&c))
	}
	return nil
}

// orPairsLost is the reason why a file is too short where its bytes show it, err itself otherwise.
func (s *source) orPairsLost(err error) error {
	n, failed := s.lineFeeds()
	if failed != nil {
		return failed
	}
	if !n.counts.PairsLost() {
		return err
	}
	return &hopeless{s.errorf(max(0, n.first), "data records",
		"%d of %d line feeds (byte 10) have a carriage return (13) in front, where %d pairs of bytes are one beside them, and bytes are missing: a text-mode transfer took them out, by one byte for every return with its line feed, and shifted the samples; where they were is not known: it cannot be repaired; fetch it again in binary mode", n.pairs, n.feeds, n.counts.Near)}
}

// lineFeeds counts them in the whole file, and those with a carriage return in front.
type lineFeeds struct {
	feeds, pairs int64
	first        int64 // byte of the first one, -1 where there is none
	counts       ingest.ByteCounts
}

func (s *source) lineFeeds() (n lineFeeds, err error) {
	n.first = -1
	buf := make([]byte, min(blockBytes, max(s.size, 1)))
	for at := int64(0); at < s.size; {
		p := buf[:min(int64(len(buf)), s.size-at)]
		if err := s.read(p, at, "data records"); err != nil {
			return n, err
		}
		if _, err := n.counts.Write(p); err != nil {
			return n, err
		}
		if n.first < 0 {
			if i := bytes.IndexByte(p, '\n'); i >= 0 {
				n.first = at + int64(i)
			}
		}
		at += int64(len(p))
	}
	n.feeds, n.pairs = n.counts.N['\n'], n.counts.Pairs
	return n, nil
}
