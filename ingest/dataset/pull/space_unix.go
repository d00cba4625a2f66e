//go:build linux || darwin

package pull

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Free is how many bytes a user may still write on the disk that holds dir, which must exist.
func Free(dir string) (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, err
	}
	return int64(st.Bavail) * int64(st.Bsize), nil //nolint:unconvert // the types differ between systems
}

// diskFull says whether err is that of a disk, or a quota, without room.
func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }
