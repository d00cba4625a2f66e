package edf

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// many line feeds: that by chance none of them has a carriage return in front happens once in fifty files.
const many = 1024

// mend undoes damage to f, a file that Open refuses, where the file itself proves what it was, and says what it did. It
// does not close f.
//
// A transfer in text mode put a carriage return in front of every line feed. It is undone where, without them, the file has
// exactly the bytes that its header promises: each one more or less would be seen. A file that ends too early keeps the
// whole records that are there.
func mend(f ingest.File, name string) (mended ingest.File, done []signal.Deviation, whole bool, err error) {
	st, err := f.Stat()
	if err != nil {
		return nil, nil, false, fmt.Errorf("%s: %w", name, err)
	}
	src := &source{file: f, name: name, size: st.Size()}
	damage := src.damage(-1)
	var format *ingest.FormatError
	if damage != nil && !errors.As(damage, &format) {
		return nil, nil, false, damage
	}
	var lost *hopeless
	if errors.As(damage, &lost) {
		return nil, nil, false, damage
	}
	if damage != nil {
		mended, done, err := src.withoutReturns(damage)
		return mended, done, true, err
	}
	h, err := readHeader(src, variantOf(src))
	if err != nil {
		return nil, nil, false, err
	}
	there := (src.size - h.bytes) / h.record
	if there < 1 || h.records <= there {
		return nil, nil, false, src.errorf(h.bytes, "data records", "nothing in the file says what is wrong with it: it cannot be repaired; fetch it again in binary mode")
	}
	// The opposite damage takes bytes out and shifts the samples too.
	if err := src.orPairsLost(nil); err != nil {
		return nil, nil, false, err
	}
	count := []byte(fmt.Sprintf("%-8d", there))
	cut := deviation(recordsAt, recordsField, "the number of records in the file", fmt.Sprintf("%d, of which %d are there", h.records, there),
		fmt.Sprintf("written as %d; the %d bytes behind the last whole record are left out", there, (src.size-h.bytes)%h.record))
	return patched{f, recordsAt, count}, []signal.Deviation{cut}, false, nil
}

// variantOf is BDF where the first byte says so, EDF otherwise.
func variantOf(src *source) *variant {
	first := make([]byte, 1)
	if src.size > 0 && src.read(first, 0, "version") == nil && first[0] == bdf24.version[0] {
		return bdf24
	}
	return edf16
}

// withoutReturns takes out what a transfer in text mode put in, if that gives what the header promises.
func (s *source) withoutReturns(damage error) (ingest.File, []signal.Deviation, error) {
	raw := make([]byte, s.size)
	if err := s.read(raw, 0, "data records"); err != nil {
		return nil, nil, err
	}
	whole := bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n"))
	taken := len(raw) - len(whole)
	again := &source{file: memoryFile{bytes.NewReader(whole), s.file}, name: s.name, size: int64(len(whole))}
	h, err := readHeader(again, variantOf(again))
	if err != nil {
		return nil, nil, fmt.Errorf("%w; and without them the header cannot be read: it cannot be repaired: %w", damage, err)
	}
	if want := h.bytes + h.records*h.record; h.records < 0 || h.headerBytes != h.bytes || want != again.size {
		return nil, nil, fmt.Errorf("%w; it cannot be repaired: without the %d carriage returns the file has %d bytes, but its header promises %d, so that more has happened to it",
			damage, taken, again.size, want)
	}
	return again.file, []signal.Deviation{{
		Where: "data records", Rule: "samples are binary", Found: fmt.Sprintf("a carriage return in front of each of %d line feeds: a transfer in text mode put them there", taken),
		Assumed: fmt.Sprintf("they are taken out: the file then has the %d bytes that its header promises", again.size),
	}}, nil
}

// memoryFile is a file whose content is in memory.
type memoryFile struct {
	*bytes.Reader
	fs.File // the one it was made of: for its name, and to be closed
}

// Read reads on.
func (m memoryFile) Read(p []byte) (int, error) { return m.Reader.Read(p) }

// Stat has the size of the content.
func (m memoryFile) Stat() (fs.FileInfo, error) {
	st, err := m.File.Stat()
	return sized{st, m.Size()}, err
}

type sized struct {
	fs.FileInfo
	size int64
}

// Size is that of the content.
func (s sized) Size() int64 { return s.size }

// patched is a file with a few bytes replaced.
type patched struct {
	ingest.File
	at    int64
	bytes []byte
}

// ReadAt reads with the replacement.
func (f patched) ReadAt(p []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(p, off)
	for i := range int64(n) {
		if k := off + i - f.at; k >= 0 && k < int64(len(f.bytes)) {
			p[i] = f.bytes[k]
		}
	}
	return n, err
}
