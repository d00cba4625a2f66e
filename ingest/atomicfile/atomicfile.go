// Package atomicfile writes files whole or not at all.
package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// Check says why a file called path could not be written: its folder is not there or takes no files, or path names something that
// is not a regular file and would be destroyed. It looks before the work is done that the file will hold.
func Check(path string) error {
	final, _, err := target(path)
	if err != nil {
		return err
	}
	if err := Takes(filepath.Dir(final)); err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	return nil
}

// Takes says why no file can be made in a folder, as of a file system that is read-only: permissions alone do not tell. It makes one that it
// removes again.
func Takes(dir string) error {
	f, err := os.CreateTemp(dir, ".gyrus-*")
	if err == nil {
		err = errors.Join(f.Close(), os.Remove(f.Name()))
	}
	if err == nil {
		return nil
	}
	var at *fs.PathError // its path is of a file that nobody asked for
	if errors.As(err, &at) {
		err = at.Err
	}
	return fmt.Errorf("no file can be made in the folder %s: %w; name another folder, or make that one writable", dir, err)
}

// target follows links to the file that path stands for, and says which permissions it has or will have.
func target(path string) (final string, mode fs.FileMode, err error) {
	final, err = filepath.EvalSymlinks(path)
	if errors.Is(err, fs.ErrNotExist) {
		if st, err := os.Stat(filepath.Dir(path)); err != nil || !st.IsDir() {
			return "", 0, fmt.Errorf("cannot write %s: there is no folder %s", path, filepath.Dir(path))
		}
		return path, 0, nil
	}
	if err != nil {
		return "", 0, fmt.Errorf("cannot write %s: %w", path, err)
	}
	st, err := os.Stat(final)
	if err != nil {
		return "", 0, fmt.Errorf("cannot write %s: %w", path, err)
	}
	if !st.Mode().IsRegular() {
		return "", 0, fmt.Errorf("cannot write %s: it is there and is not a file; name another", path)
	}
	return final, st.Mode().Perm(), nil
}

// Write makes the file called path of what fill writes. It writes beside path and renames at the end, so that nobody
// ever sees half a file: where anything fails, a file that was there before is still there, and nothing is left behind.
// Links are followed, permissions kept.
func Write(path string, fill func(io.Writer) error) error {
	var set Set
	w, err := set.Create(path)
	if err == nil {
		err = errors.Join(fill(w), w.Close())
	}
	if err != nil {
		return errors.Join(err, set.Discard())
	}
	return set.Commit()
}

// Set is files that belong together and appear together, each as Write makes it. The zero value is empty. Whoever has
// called Create or MkdirAll calls Commit or Discard at the end.
type Set struct {
	files   []*File
	folders []string // those that were made, the upper ones first
	removed []string // files that go when the others are there
}

// File is one file of a set, under the name it has until it is complete.
type File struct {
	*os.File
	path, final string // as it was asked for, and with links followed
	mode        fs.FileMode
	closed      bool
}

// Create opens a file that will be called path.
func (s *Set) Create(path string) (*File, error) {
	final, mode, err := target(path)
	if err != nil {
		return nil, err
	}
	tmp, err := beside(final)
	if err != nil {
		return nil, fmt.Errorf("cannot write %s: %w", path, err)
	}
	f := &File{File: tmp, path: path, final: final, mode: mode}
	s.files = append(s.files, f)
	return f, nil
}

// MkdirAll makes a folder, and those above it. Discard removes those that were not there before.
func (s *Set) MkdirAll(dir string) error {
	var missing []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		st, err := os.Stat(d)
		if err == nil && !st.IsDir() {
			return fmt.Errorf("cannot make the folder %s: %s is there and is no folder", dir, d)
		}
		if err == nil {
			break
		}
		if !errors.Is(err, fs.ErrNotExist) || filepath.Dir(d) == d {
			return fmt.Errorf("cannot make the folder %s: %w", dir, err)
		}
		missing = append(missing, d)
	}
	for i := len(missing) - 1; i >= 0; i-- {
		err := os.Mkdir(missing[i], 0o777)
		if errors.Is(err, fs.ErrExist) { // somebody else made it
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot make the folder %s: %w", dir, err)
		}
		s.folders = append(s.folders, missing[i])
	}
	return nil
}

// Remove lets the file at path go once all others have their names, unless one of them has taken its place. It need not be
// there.
func (s *Set) Remove(path string) { s.removed = append(s.removed, path) }

// Join moves all that is in o to the end of s: what was created in s first appears last.
func (s *Set) Join(o *Set) {
	s.files = append(s.files, o.files...)
	s.folders = append(s.folders, o.folders...)
	s.removed = append(s.removed, o.removed...)
	*o = Set{}
}

// Close sees that all is on the disk. A second call does nothing.
func (f *File) Close() error {
	if f.closed {
		return nil
	}
	f.closed = true
	var err error
	if f.mode != 0 {
		err = f.Chmod(f.mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.File.Close()); err != nil {
		return fmt.Errorf("cannot write %s: %w", f.path, err)
	}
	return nil
}

// Commit gives all files their names, the first one last: it is the one that names the others. Where that fails, those
// that have no name yet are removed, and so are those that have one and are new: only files that were there before and
// have been replaced stay so.
func (s *Set) Commit() error {
	for _, f := range s.files {
		if err := f.Close(); err != nil {
			return errors.Join(err, s.Discard())
		}
	}
	var fresh, named []string
	for n := len(s.files); n > 0; n = len(s.files) {
		f := s.files[n-1]
		if err := os.Rename(f.Name(), f.final); err != nil {
			errs := []error{fmt.Errorf("cannot write %s: %w", f.path, err)}
			for _, path := range fresh {
				errs = append(errs, os.Remove(path))
			}
			return errors.Join(append(errs, s.Discard())...)
		}
		if f.mode == 0 {
			fresh = append(fresh, f.final)
		}
		named = append(named, f.final)
		s.files = s.files[:n-1]
	}
	var errs []error
	for _, path := range s.removed {
		st, err := os.Stat(path)
		isNew := func(name string) bool { // also where the file system does not tell its name from path
			other, err := os.Stat(name)
			return err == nil && os.SameFile(st, other)
		}
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			errs = append(errs, err)
		case !slices.ContainsFunc(named, isNew):
			errs = append(errs, os.Remove(path))
		}
	}
	*s = Set{}
	return errors.Join(errs...)
}

// Discard removes all files that have no name yet, and the folders that were made for them, unless something else is in
// them by now.
func (s *Set) Discard() error {
	var errs []error
	for _, f := range s.files {
		if !f.closed {
			f.closed = true
			errs = append(errs, f.File.Close())
		}
		errs = append(errs, os.Remove(f.Name()))
	}
	for i := len(s.folders) - 1; i >= 0; i-- {
		if left, err := os.ReadDir(s.folders[i]); err == nil && len(left) == 0 {
			errs = append(errs, os.Remove(s.folders[i]))
		}
	}
	*s = Set{}
	return errors.Join(errs...)
}

// beside opens a new file in the folder of path, with the permissions that the user gives to new files.
func beside(path string) (*os.File, error) {
	for try := 0; ; try++ {
		// The name is only drawn to be free; what the file holds does not depend on it.
		name := filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"."+strconv.FormatUint(rand.Uint64(), 36))
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err == nil || !errors.Is(err, fs.ErrExist) || try == 100 {
			return f, err
		}
	}
}
