package flatfile

import (
	"errors"
	"fmt"
	"io"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Source is a file with what is needed to complain about it.
type Source struct {
	File ingest.File
	Name string
	Size int64

	*Log
}

// NewSource is f with its size. What it complains about goes to log, which files of one recording share; nil makes a new one.
func NewSource(f ingest.File, name string, log *Log) (*Source, error) {
	st, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if log == nil {
		log = new(Log)
	}
	return &Source{File: f, Name: name, Size: st.Size(), Log: log}, nil
}

// Read fills p from byte at on. field is for the message.
func (s *Source) Read(p []byte, at int64, field string) error {
	if at < 0 || int64(len(p)) > s.Size-at {
		return s.Errorf(at, field, "needs %d bytes, the file ends at byte %d: fetch it again in binary mode", len(p), s.Size)
	}
	n, err := s.File.ReadAt(p, at)
	if n == len(p) {
		return nil
	}
	if errors.Is(err, io.EOF) { // it was longer when it was opened
		err = io.ErrUnexpectedEOF
	}
	return s.Errorf(at+int64(n), field, "cannot be read: %w", err)
}

// Bytes is n bytes from byte at on. It allocates only what the file has.
func (s *Source) Bytes(at, n int64, field string) ([]byte, error) {
	if at < 0 || n < 0 || n > s.Size-at {
		return nil, s.Errorf(at, field, "needs %d bytes, the file ends at byte %d: fetch it again in binary mode", n, s.Size)
	}
	b := make([]byte, n)
	return b, s.Read(b, at, field)
}

// Errorf is an error about a field at byte at.
func (s *Source) Errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: s.Name, Field: field, Offset: max(0, min(at, s.Size)), Err: fmt.Errorf(format, args...)}
}

// Deviate lists the first departure of its kind, which is its field and rule, and counts the others.
func (s *Source) Deviate(at int64, field, rule, found, assumed string) {
	s.DeviateOften(at, field, rule, func() string { return found }, assumed)
}

// DeviateOften is Deviate for what may come millions of times: found is asked for the first one only.
func (s *Source) DeviateOften(at int64, field, rule string, found func() string, assumed string) {
	if k := (kind{field, rule}); !s.seen(k) {
		s.add(k, signal.Deviation{Where: fmt.Sprintf("byte %d: %s", at, field), Rule: rule, Found: found(), Assumed: assumed})
	}
}

// Omit is Deviate where channels or events that the file has, or says that it has, are not in what is read.
func (s *Source) Omit(at int64, field, rule, found, assumed string) {
	s.OmitOften(at, field, rule, func() string { return found }, assumed)
}

// OmitOften is Omit for what may come millions of times.
func (s *Source) OmitOften(at int64, field, rule string, found func() string, assumed string) {
	s.DeviateOften(at, field, rule, found, assumed)
	s.list[s.first[kind{field, rule}]].Missing = true
}

// Log is a list of deviations that a broken writer cannot fill the memory with: of each kind the first, and a count.
type Log struct {
	list  []signal.Deviation
	first map[kind]int // position in list
	again map[kind]int
}

type kind struct{ field, rule string }

// Add lists d unless one of its kind is there.
func (l *Log) Add(name string, d signal.Deviation) {
	if k := (kind{name, ""}); !l.seen(k) {
		l.add(k, d)
	}
}

// seen says whether there is one of kind k, and counts it then.
func (l *Log) seen(k kind) bool {
	_, seen := l.first[k]
	if seen {
		l.again[k]++
	}
	return seen
}

func (l *Log) add(k kind, d signal.Deviation) {
	if l.first == nil {
		l.first, l.again = map[kind]int{}, map[kind]int{}
	}
	l.first[k] = len(l.list)
	l.list = append(l.list, d)
}

// Deviations is the list with its counts.
func (l *Log) Deviations() []signal.Deviation {
	for k, n := range l.again {
		l.list[l.first[k]].Found += fmt.Sprintf("; %d more like it", n)
	}
	clear(l.again)
	return l.list
}

// Channels names the channels of a recording by their labels and places the electrodes. at is where label i lies in the
// file. The units are the caller's.
func (s *Source) Channels(labels []string, at func(i int) int64) []signal.Channel {
	chans := make([]signal.Channel, len(labels))
	for i, e := range montage.Assign(labels) {
		if e.Note != "" {
			s.Deviate(at(i), "channel label", "labels differ and are not empty", fmt.Sprintf("%q: %s", e.Original, e.Note), fmt.Sprintf("the name %q", e.Name))
		}
		chans[i] = signal.Channel{Name: e.Name, Original: e.Original, Kind: e.Kind}
		if e.Kind == signal.EEG {
			chans[i].Pos = montage.Place(e.Name)
		}
	}
	return chans
}

// Text reads the text of a header, and says as what: see ingest.Text.
func (s *Source) Text(raw []byte) (text, coding string) { return ingest.Text(s.File, raw) }
