// Package ingest opens recordings: it keeps the registry of file formats and plays a recording as a stream.
package ingest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/gyrus-bci/gyrus/ingest/regular"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// File is an open file that can be read at any place. *os.File is one.
type File interface {
	fs.File
	ReadAt(p []byte, off int64) (int, error)
}

// Owned is what open makes of f, which the recording owns from then on and closes; it is closed too where open fails.
func Owned(f File, name string, open func(f File, name string) (*signal.Recording, error)) (*signal.Recording, error) {
	rec, err := open(f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	rec.Closer = f
	return rec, nil
}

// Format is one family of files.
type Format struct {
	Name string   // "edf"
	Ext  []string // the endings it goes by, with the dot, in lower case: ".edf", ".csv.gz"
	// Hint says what to look at where the name has such an ending and no format knows the content; "" means that it may
	// be no recording, or have been transferred as text.
	Hint string
	// Match says whether the first bytes of a file (up to 4096) are of this format, whatever its name.
	Match func(head []byte) bool
	// Open reads the headers and returns a recording that reads samples lazily. It owns f from now on and closes it, also
	// when it fails. Errors from the bytes of the file are *FormatError.
	Open func(f File, name string) (*signal.Recording, error)
	// OpenIn takes the place of Open where a recording may be spread over several files: fsys is where f was opened, and
	// OpenBeside finds the others there. It names those it has read in Recording.Parts.
	OpenIn func(fsys fs.FS, f File, name string) (*signal.Recording, error)
	// Sidecar is the ending that the name of a file beside has, behind the whole name, by which this format claims a file whatever
	// its content: with ".gyrus.yaml", x.csv is of this format where x.csv.gyrus.yaml lies beside it. Only names with one of Ext
	// are looked at. "" claims none. OpenIn reads it.
	Sidecar string
	// Template writes a sidecar to begin with, by what is in the file. It closes f. Every format with a sidecar has it.
	Template func(f File, name string) ([]byte, error)
	// Mend, where it is not nil, undoes damage to a file that Open refuses, as far as the file proves what it was, and lists
	// what was done. What it returns reads f, and closes it when it is closed; whole says that it has all bytes that the file had
	// before the damage, and no others. An error says why nothing could be done.
	Mend func(f File, name string) (mended File, done []signal.Deviation, whole bool, err error)
	// Repair, where it is not nil, writes a copy of f, which Open reads, that has all its bytes but those that break the specification,
	// as far as they can be put right without another one, and says in how many places it differs. It does not close f. Where it is nil a
	// repaired copy is written anew, from what was read.
	Repair func(w io.Writer, f File, name string) (places int, err error)
}

var (
	mu      sync.RWMutex
	formats []Format
)

// Register adds a format. It panics on a name that is taken, and unless the format has either Open or OpenIn, and with a sidecar
// OpenIn and Template.
func Register(f Format) {
	if (f.Open == nil) == (f.OpenIn == nil) {
		panic("ingest: format " + f.Name + " must have one of Open and OpenIn")
	}
	if f.Sidecar != "" && (f.OpenIn == nil || f.Template == nil) {
		panic("ingest: format " + f.Name + " has a sidecar and not both OpenIn and Template")
	}
	mu.Lock()
	defer mu.Unlock()
	for _, g := range formats {
		if g.Name == f.Name {
			panic("ingest: format " + f.Name + " is registered twice")
		}
	}
	formats = append(formats, f)
	slices.SortFunc(formats, func(a, b Format) int { return strings.Compare(a.Name, b.Name) })
}

// Formats lists what is registered, sorted by name.
func Formats() []Format {
	mu.RLock()
	defer mu.RUnlock()
	return slices.Clone(formats)
}

// FormatError says which byte of which file is wrong: `s01.edf: byte 252: number of signals: "12,5" is not a whole
// number`.
type FormatError struct {
	File, Field string // Field is the name in the specification
	Offset      int64  // of the field's first byte, from the start of the file
	Err         error  // returned by Unwrap
}

// Error is one line.
func (e *FormatError) Error() string {
	return fmt.Sprintf("%s: byte %d: %s: %v", e.File, e.Offset, e.Field, e.Err)
}

// Unwrap is the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// Open opens the recording called name in fsys, with what is said about it elsewhere there: see Companion. The content
// decides about the format, unless a sidecar beside it does; the ending of the name is only used to look for that, and to
// say what was expected.
func Open(fsys fs.FS, name string) (*signal.Recording, error) {
	rec, err := open(fsys, name)
	if err != nil {
		return nil, err
	}
	return complete(fsys, name, rec)
}

// open opens the recording as its own files have it.
func open(fsys fs.FS, name string) (*signal.Recording, error) {
	f, err := regular.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	format, err := recognise(fsys, f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	file := f.(File) // recognise has seen that it is one
	var rec *signal.Recording
	if format.OpenIn != nil {
		rec, err = format.OpenIn(fsys, file, name)
	} else {
		rec, err = format.Open(file, name)
	}
	if err != nil {
		return nil, err
	}
	rec.PlaceEvents()
	return rec, nil
}

// Mended is a damaged recording that can be read.
type Mended struct {
	*signal.Recording
	Done  []signal.Deviation // what was undone
	Ext   []string           // the endings of its format
	Whole File               // the file as it was before the damage, open until the recording is closed; nil where not all of its bytes are known
}

// Mend opens the damaged recording called name in fsys, which Open refuses, with the damage undone, and lists what was done.
func Mend(fsys fs.FS, name string) (*Mended, error) {
	f, err := regular.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	format, err := recognise(fsys, f, name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if format.Mend == nil || format.Open == nil {
		return nil, errors.Join(fmt.Errorf("%s: no repair is known for damaged files of %s", name, format.Name), f.Close())
	}
	mended, done, whole, err := format.Mend(f.(File), name)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	rec, err := format.Open(mended, name)
	if err != nil {
		return nil, err
	}
	rec.PlaceEvents()
	m := &Mended{Recording: rec, Done: done, Ext: format.Ext}
	if whole {
		m.Whole = mended
	}
	return m, nil
}

// OpenBeside opens the file called other in the folder of the file called name, as formats of several files name their
// parts. other may have no folder in it: a header does not get to say where on the machine is read. The error wraps
// fs.ErrNotExist where the file is not there.
func OpenBeside(fsys fs.FS, name, other string) (File, error) {
	if other == "" || other == "." || other == ".." || strings.ContainsAny(other, `/\:`) || strings.ContainsRune(other, 0) {
		return nil, fmt.Errorf("%q is no name of a file beside %s, must be a name without a folder", other, name)
	}
	return OpenPart(fsys, Beside(name, other))
}

// OpenPart opens a file that can be read at any place. The error wraps fs.ErrNotExist where it is not there.
func OpenPart(fsys fs.FS, name string) (File, error) {
	f, err := regular.Open(fsys, name)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err == nil && st.IsDir() {
		err = fmt.Errorf("%s is a folder, must be a file", name)
	}
	file, ok := f.(File)
	if err == nil && !ok {
		err = fmt.Errorf("%s: this file system cannot read at any place in a file (%T)", name, f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return file, nil
}

// Beside is the name of the file called other in the folder of the file called name, whose folder keeps its spelling.
func Beside(name, other string) string { return name[:strings.LastIndexByte(name, '/')+1] + other }

// Sidecar is the name of the file that decides about the format of the file called name where it lies beside it. An error says
// which endings have one.
func Sidecar(name string) (string, error) {
	format, err := withSidecar(name)
	return name + format.Sidecar, err
}

// withSidecar is the format that has a sidecar and an ending of name.
func withSidecar(name string) (Format, error) {
	var endings []string
	for _, f := range Formats() {
		if f.Sidecar != "" && f.ending(name) != "" {
			return f, nil
		}
		if f.Sidecar != "" {
			endings = append(endings, f.Ext...)
		}
	}
	return Format{}, fmt.Errorf("%s: a mapping is for tables of text, which end in %s", name, strings.Join(endings, ", "))
}

// Template is a sidecar to begin with for the file called name in fsys.
func Template(fsys fs.FS, name string) ([]byte, error) {
	format, err := withSidecar(name)
	if err != nil {
		return nil, err
	}
	f, err := OpenPart(fsys, name)
	if err != nil {
		return nil, err
	}
	return format.Template(f, name)
}

// sidecarBeside says whether the file that decides about the format of name lies beside it.
func (f Format) sidecarBeside(fsys fs.FS, name string) (bool, error) {
	if f.Sidecar == "" || f.ending(name) == "" {
		return false, nil
	}
	side, err := OpenPart(fsys, name+f.Sidecar)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, side.Close()
}

// recognise finds the format of an open file by what lies beside it, or else by its first bytes.
func recognise(fsys fs.FS, f fs.File, name string) (Format, error) {
	st, err := f.Stat()
	if err != nil {
		return Format{}, err
	}
	if st.IsDir() {
		return Format{}, fmt.Errorf("%s is a folder, must be a recording", name)
	}
	file, ok := f.(File)
	if !ok {
		return Format{}, fmt.Errorf("%s: this file system cannot read at any place in a file (%T)", name, f)
	}
	for _, format := range Formats() {
		if claimed, err := format.sidecarBeside(fsys, name); claimed || err != nil {
			return format, err
		}
	}
	head := make([]byte, min(4096, st.Size()))
	if n, err := file.ReadAt(head, 0); err != nil && n < len(head) {
		return Format{}, fmt.Errorf("%s: %w", name, err)
	}
	for _, format := range Formats() {
		if format.Match(head) {
			return format, nil
		}
	}
	return Format{}, &FormatError{File: name, Field: "first bytes", Offset: 0, Err: unrecognised(name, head)}
}

// ending is the one of f's endings that name has, "" where it has none.
func (f Format) ending(name string) string {
	name = strings.ToLower(path.Base(name))
	i := slices.IndexFunc(f.Ext, func(e string) bool { return strings.HasSuffix(name, e) })
	if i < 0 {
		return ""
	}
	return f.Ext[i]
}

// unrecognised says why no format claimed a file.
func unrecognised(name string, head []byte) error {
	var known []string
	var expected Format
	ending := ""
	for _, f := range Formats() {
		known = append(known, f.Name)
		if e := f.ending(name); e != "" {
			expected, ending = f, e
		}
	}
	begins := fmt.Sprintf("%q", head[:min(16, len(head))])
	if len(head) == 0 {
		begins = "nothing: the file is empty"
	}
	const hint = "check that it is the recording itself and was transferred in binary mode"
	switch {
	case expected.Hint != "":
		return fmt.Errorf("no known recording although the name ends in %s: the file begins with %s; %s", ending, begins, expected.Hint)
	case expected.Name != "":
		return fmt.Errorf("not %s although the name ends in %s: the file begins with %s; %s", strings.ToUpper(expected.Name), ending, begins, hint)
	}
	return fmt.Errorf("no known format (%s) begins with %s", strings.Join(known, ", "), begins)
}
