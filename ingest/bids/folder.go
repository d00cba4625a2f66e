package bids

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/regular"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// What a sidecar may have at most, in bytes: far more than any has, and little enough to be read into memory.
const (
	maxSidecar = 16 << 20
	maxTable   = 64 << 20
)

// folder is the root of a tree, with what was listed there.
type folder struct {
	fsys fs.FS
	root string
	dirs map[string][]fs.DirEntry
}

func newFolder(fsys fs.FS, root string) *folder {
	return &folder{fsys, root, map[string][]fs.DirEntry{}}
}

// path is the name in fsys of what is called rel below the root.
func (f *folder) path(rel string) string { return path.Join(f.root, rel) }

// list is what is in a folder; nothing where there is no such folder.
func (f *folder) list(rel string) ([]fs.DirEntry, error) {
	if entries, known := f.dirs[rel]; known {
		return entries, nil
	}
	entries, err := fs.ReadDir(f.fsys, f.path(rel))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("folder %s: %w", rel, err)
	}
	f.dirs[rel] = entries
	return entries, nil
}

// TooLargeError says that a sidecar was not read for its size.
type TooLargeError struct {
	File        string
	Bytes, Most int64
}

// Error is one line.
func (e *TooLargeError) Error() string {
	return fmt.Sprintf("%s has %d bytes, must have at most %d: it is no sidecar; move it away", e.File, e.Bytes, e.Most)
}

// read is what is in a file, whose size is looked at first.
func (f *folder) read(rel string, most int64) (data []byte, err error) {
	file, err := regular.Open(f.fsys, f.path(rel))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	st, err := file.Stat()
	switch {
	case err != nil:
		return nil, err
	case st.IsDir():
		return nil, fmt.Errorf("%s is a folder, must be a file", rel)
	case st.Size() > most:
		return nil, &TooLargeError{rel, st.Size(), most}
	}
	data, err = io.ReadAll(io.LimitReader(file, most+1)) // whatever Stat has said
	if err == nil && int64(len(data)) > most {
		err = &TooLargeError{rel, int64(len(data)), most}
	}
	return data, err
}

// unread is the deviation of a sidecar that is there and cannot be read. Only one that is too large is an error: it may
// be anything.
func unread(rel string, err error) (signal.Deviation, error) {
	var large *TooLargeError
	if errors.As(err, &large) {
		return signal.Deviation{}, err
	}
	found := err.Error()
	if errors.Is(err, fs.ErrNotExist) {
		found = "a link to a file that is not there: fetch it, for example with datalad get"
	}
	return signal.Deviation{
		Where: rel, Rule: "a sidecar can be read", Found: strings.TrimPrefix(found, rel+": "), Assumed: "as if it were not there",
		Missing: strings.HasSuffix(rel, "_events.tsv"),
	}, nil
}

// table reads a TSV file; nil where it cannot be read.
func (f *folder) table(rel string) (*Table, []signal.Deviation, error) {
	data, err := f.read(rel, maxTable)
	if err == nil {
		t, found, err := ReadTable(data, rel)
		if err == nil {
			return t, found, nil
		}
		d, err := unread(rel, err)
		return nil, append(found, d), err
	}
	d, err := unread(rel, err)
	return nil, []signal.Deviation{d}, err
}

// sidecar reads a JSON file; ok is false where it cannot be read.
func (f *folder) sidecar(rel string) (s Sidecar, ok bool, found []signal.Deviation, err error) {
	data, err := f.read(rel, maxSidecar)
	if err == nil {
		if s, err = ReadSidecar(data, rel); err == nil {
			return s, true, nil, nil
		}
	}
	d, err := unread(rel, err)
	return Sidecar{}, false, []signal.Deviation{d}, err
}
