package main

import (
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cpuTime is what this thread has computed so far: others on the machine do not count.
func cpuTime() time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t); err != nil {
		panic(err) // Linux has had it since 2.6
	}
	return time.Duration(t.Nano())
}

// pin keeps the thread that calls it on one processor core, the first of those that the process may use, or away from it.
// It says nothing where that is not allowed: the figures are then those of a thread that wanders.
func pin(away bool) {
	var all unix.CPUSet
	if unix.SchedGetaffinity(0, &all) != nil || all.Count() < 2 {
		return
	}
	first := 0
	for !all.IsSet(first) {
		first++
	}
	if away {
		all.Clear(first)
	} else {
		all.Zero()
		all.Set(first)
	}
	_ = unix.SchedSetaffinity(0, &all)
}

// maxRSS is the most memory that a process that has ended has had at once, in bytes.
func maxRSS(p *os.ProcessState) int64 {
	return p.SysUsage().(*syscall.Rusage).Maxrss << 10
}
