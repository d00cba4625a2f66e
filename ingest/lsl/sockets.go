package lsl

import (
	"errors"
	"syscall"
)

// control runs set on the file of a socket.
func control(c syscall.RawConn, set func(fd uintptr) error) error {
	var err error
	failed := c.Control(func(fd uintptr) { err = set(fd) })
	return errors.Join(failed, err)
}
