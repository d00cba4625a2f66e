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
	"strconv"
)

// Check says why a file called path could not be written: its folder is not there, or path names something that is not
// a regular file and would be destroyed. It looks before the work is done that the file will hold.
func Check(path string) error {
	_, _, err := target(path)
	return err
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
	final, mode, err := target(path)
	if err != nil {
		return err
	}
	tmp, err := beside(final)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, err)
	}
	if err := fill(tmp); err != nil {
		return errors.Join(err, discard(tmp))
	}
	if mode != 0 {
		err = tmp.Chmod(mode)
	}
	if err == nil {
		err = tmp.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), discard(tmp))
	}
	if err := tmp.Close(); err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), os.Remove(tmp.Name()))
	}
	if err := os.Rename(tmp.Name(), final); err != nil {
		return errors.Join(fmt.Errorf("cannot write %s: %w", path, err), os.Remove(tmp.Name()))
	}
	return nil
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

func discard(f *os.File) error { return errors.Join(f.Close(), os.Remove(f.Name())) }
