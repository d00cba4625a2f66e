package lsl

import "golang.org/x/sys/unix"

// monotonic is CLOCK_MONOTONIC, as liblsl reads it (std::chrono::steady_clock).
func monotonic() float64 {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &t); err != nil {
		return 0 // cannot happen: Linux has had it since 2.6
	}
	return float64(t.Sec) + float64(t.Nsec)/1e9
}
