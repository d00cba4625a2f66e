//go:build !linux && !darwin && !windows

package pull

import (
	"errors"
	"os"
)

// tryLock would take a lock on f: this system has none that gyrus knows.
func tryLock(*os.File) (ok bool, err error) { return false, errors.ErrUnsupported }
