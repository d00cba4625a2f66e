package ingest

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Companion knows where more is said about a recording than its own files say, such as in the sidecars of a BIDS tree.
type Companion struct {
	Name string // "bids"
	// Complete changes rec, which was opened as the file called name in fsys, to what is said about it elsewhere in fsys. It
	// names the files it has read in rec.Parts, and lists every conflict in rec.Deviations. Where name lies in no such place
	// it does nothing.
	Complete func(fsys fs.FS, name string, rec *signal.Recording) error
}

var companions []Companion // under mu, sorted by name

// RegisterCompanion adds a companion, which Open and OpenFile ask from then on. It panics on a name that is taken.
func RegisterCompanion(c Companion) {
	mu.Lock()
	defer mu.Unlock()
	for _, d := range companions {
		if d.Name == c.Name {
			panic("ingest: companion " + c.Name + " is registered twice")
		}
	}
	companions = append(companions, c)
	slices.SortFunc(companions, func(a, b Companion) int { return strings.Compare(a.Name, b.Name) })
}

// complete asks all companions about rec, and closes it where one fails.
func complete(fsys fs.FS, name string, rec *signal.Recording) (*signal.Recording, error) {
	mu.RLock()
	all := slices.Clone(companions)
	mu.RUnlock()
	for _, c := range all {
		if err := c.Complete(fsys, name, rec); err != nil {
			return nil, errors.Join(err, rec.Close())
		}
	}
	return rec, nil
}

// OpenFile opens the recording at a path of the operating system, with what is said about it in the folders above: those
// also where the path does not name them. Messages and Parts call files by the path as it was given, where they can.
func OpenFile(path string) (*signal.Recording, error) { return OpenFileThrough(Paths{}, path) }

// OpenFileThrough is OpenFile for a file system that opens what Paths does, in its own way, such as Encoded.
func OpenFileThrough(files fs.FS, path string) (*signal.Recording, error) {
	name := filepath.ToSlash(path)
	rec, err := open(files, name)
	if err != nil {
		return nil, err
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	abs = filepath.ToSlash(abs)
	own := len(rec.Parts)
	if rec, err = complete(files, abs, rec); err != nil {
		return nil, err
	}
	if before, relative := strings.CutSuffix(abs, name); relative {
		for i := own; i < len(rec.Parts); i++ {
			rec.Parts[i] = strings.TrimPrefix(rec.Parts[i], before)
		}
	}
	return rec, nil
}

// MendFile is Mend for a path of the operating system.
func MendFile(path string) (*Mended, error) {
	return Mend(Paths{}, filepath.ToSlash(path))
}

// Paths opens paths of the operating system as they are.
type Paths struct{}

// Open opens name, with slashes, with os.Open.
func (Paths) Open(name string) (fs.File, error) { return os.Open(filepath.FromSlash(name)) }

// Stat is what is known of name without opening it.
func (Paths) Stat(name string) (fs.FileInfo, error) { return os.Stat(filepath.FromSlash(name)) }
