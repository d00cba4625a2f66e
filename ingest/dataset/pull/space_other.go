//go:build !linux && !darwin && !windows

package pull

import (
	"errors"
	"syscall"
)

// Free is how many bytes a user may still write on the disk that holds dir. Here nobody can say.
func Free(string) (int64, error) { return 0, errors.ErrUnsupported }

// diskFull says whether err is that of a disk without room.
func diskFull(err error) bool { return errors.Is(err, syscall.ENOSPC) }
