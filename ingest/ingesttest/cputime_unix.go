//go:build unix

package ingesttest

import (
	"syscall"
	"time"
)

// cpuTime is what this process has computed so far, in all threads.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		panic(err) // there is no reason that the manual knows
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
