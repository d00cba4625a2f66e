// Package reading opens recordings that may not be as they should be: it says what is done about units that are unknown or
// wrong, places that are in another file, letters of headers, and departures from the specification of a format.
package reading

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/electrodes"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// Options say how; the zero value lists what is wrong and goes on.
type Options struct {
	Strict     bool // refuse recordings that deviate
	Units      units.Policy
	Electrodes *electrodes.Set // nil: positions are those of the recording, or of names
	Encoding   ingest.Encoding // of headers; "" is AutoEncoding
	Mapping    string          // path, with slashes, of what says what the columns of a table are; "": the file beside it
	Journals   bool            // what a recorder wrote about itself is among the events
}

// Parameters are Options as they stand in a file or on a command line.
type Parameters struct {
	Strict     bool   `json:"strict" doc:"refuse a recording that breaks the specification of its format"`
	Policy     string `json:"units_policy" doc:"where a unit is unknown or the amplitudes tell that it is wrong: warn, error, or assume:uV (mV, V, nV); absent: warn"`
	Electrodes string `json:"electrodes" doc:"a file that says where the electrodes are (.sfp, .elc, .locs, .ced, .xyz, .elp, .bvef, .hpts), joined by name"`
	Mapping    string `json:"mapping" doc:"of a table (CSV): the file that says what its columns are; absent: FILE.gyrus.yaml beside it"`
	Encoding   string `json:"header_encoding" doc:"of letters in headers, and in all of a table, that are no US-ASCII: auto (UTF-8, or Latin-1 where it is not that), latin-1 or windows-1252; absent: auto"`
}

// CheckWords says what is wrong with the words, before any file is opened.
func (p *Parameters) CheckWords() error {
	_, err := p.words()
	return err
}

func (p *Parameters) words() (o Options, err error) {
	o.Strict, o.Mapping = p.Strict, p.Mapping
	if p.Policy != "" {
		if o.Units, err = units.ParsePolicy(p.Policy); err != nil {
			return o, err
		}
	}
	if p.Encoding != "" {
		if o.Encoding, err = ingest.ParseEncoding(p.Encoding); err != nil {
			return o, err
		}
	}
	return o, nil
}

// Options reads the file of electrodes in fsys, and the words.
func (p *Parameters) Options(fsys fs.FS) (Options, error) {
	o, err := p.words()
	if err == nil && p.Electrodes != "" {
		o.Electrodes, err = electrodes.Open(fsys, p.Electrodes)
	}
	return o, err
}

// StrictError says that a recording was refused for its deviations.
type StrictError struct {
	Name, Format string
	Deviations   []signal.Deviation
}

// Error is one line.
func (e *StrictError) Error() string {
	more := ""
	if n := len(e.Deviations) - 1; n > 0 {
		more = fmt.Sprintf("; and %d more, see gyrus validate %s", n, e.Name)
	}
	return fmt.Sprintf("%s breaks the specification of %s, which --strict refuses: %s%s", e.Name, e.Format, Line(e.Deviations[0]), more)
}

// Line is a deviation for people.
func Line(d signal.Deviation) string {
	return fmt.Sprintf("%s: %s; found %s; %s", d.Where, d.Rule, d.Found, d.Assumed)
}

// Open opens the recording called name in fsys. joined says what became of the file of electrodes, nil without one. Refusals
// are *units.Error and *StrictError.
func (o Options) Open(fsys fs.FS, name string) (rec *signal.Recording, joined *electrodes.Joined, err error) {
	return o.open(fsys, func(fsys fs.FS) (*signal.Recording, error) { return ingest.Open(fsys, name) })
}

// OpenFile is Open for a path of the operating system, as ingest.OpenFile is.
func (o Options) OpenFile(path string) (rec *signal.Recording, joined *electrodes.Joined, err error) {
	if o.Mapping == "" {
		return o.open(ingest.Paths{}, func(fsys fs.FS) (*signal.Recording, error) { return ingest.OpenFileThrough(fsys, path) })
	}
	sidecar, err := ingest.Sidecar(filepath.ToSlash(path))
	if err != nil {
		return nil, nil, &MappingError{fmt.Errorf("has no effect on %w", err)}
	}
	if _, err := os.Stat(o.Mapping); err != nil {
		return nil, nil, &MappingError{err}
	}
	rec, joined, err = o.open(withFile{name: sidecar, path: o.Mapping}, func(fsys fs.FS) (*signal.Recording, error) { return ingest.OpenFileThrough(fsys, path) })
	var format *ingest.FormatError
	if errors.As(err, &format) && format.File == sidecar {
		format.File = o.Mapping
	}
	if err != nil {
		return nil, nil, err
	}
	for i, p := range rec.Parts {
		if p == sidecar {
			rec.Parts[i] = o.Mapping
		}
	}
	return rec, joined, nil
}

// MappingError is a mapping that is not there, or for a file that takes none.
type MappingError struct{ Err error }

// Error is one line.
func (e *MappingError) Error() string { return "mapping " + e.Err.Error() }

// Unwrap is the cause.
func (e *MappingError) Unwrap() error { return e.Err }

// withFile opens paths as they are, but for one, in whose place there is another.
type withFile struct {
	ingest.Paths

	name, path string
}

// Open opens name.
func (f withFile) Open(name string) (fs.File, error) { return f.Paths.Open(f.of(name)) }

// Stat is what is known of name.
func (f withFile) Stat(name string) (fs.FileInfo, error) { return f.Paths.Stat(f.of(name)) }

func (f withFile) of(name string) string {
	if name == f.name {
		return f.path
	}
	return name
}

func (o Options) open(fsys fs.FS, open func(fs.FS) (*signal.Recording, error)) (rec *signal.Recording, joined *electrodes.Joined, err error) {
	files := &ingest.Encoded{FS: fsys, Encoding: o.Encoding}
	if o.Encoding == "" || o.Encoding == ingest.AutoEncoding {
		rec, err = open(fsys)
	} else if rec, err = open(files); err == nil && !files.Asked() {
		rec.Deviations = append(rec.Deviations, signal.Deviation{
			Where: "header", Rule: "an encoding is asked for where letters depend on it",
			Found: "no letter of this header does, or its format says which it is", Assumed: string(o.Encoding) + " has no effect",
		})
	}
	if err != nil {
		return nil, nil, err
	}
	joined, err = o.Apply(rec)
	if err != nil {
		return nil, nil, errors.Join(err, rec.Close())
	}
	return rec, joined, nil
}

// Apply does to an open recording what Open does once it is open. Where it refuses, rec stays open.
func (o Options) Apply(rec *signal.Recording) (joined *electrodes.Joined, err error) {
	if o.Journals {
		rec.JournalsAsEvents()
	}
	if o.Electrodes != nil {
		if joined, err = o.Electrodes.Apply(rec); err != nil {
			return nil, err
		}
	}
	if err := units.Apply(rec, o.Units); err != nil {
		return nil, err
	}
	if o.Strict && len(rec.Deviations) > 0 {
		return nil, &StrictError{rec.Name, rec.Format, rec.Deviations}
	}
	return joined, nil
}
