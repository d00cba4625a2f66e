package bus

import "time"

// Clock gives nanoseconds since 1970 that never jump: the wall clock when it was made, plus monotonic time since. A
// process has one, so that the stamps of samples and the ages of commands are of one clock. After hours it may differ
// from the wall clock by what NTP has corrected since; receivers learn the difference from the heartbeats.
type Clock struct {
	start time.Time
	ahead time.Duration
}

// NewClock reads the wall clock once.
func NewClock() Clock { return Clock{start: time.Now()} }

// Ahead is c on a host whose clock is ahead by so much: for trying what a wrong clock does.
func (c Clock) Ahead(by time.Duration) Clock {
	c.ahead += by
	return c
}

// Now is the time in nanoseconds since 1970 (UTC).
func (c Clock) Now() int64 { return c.At(time.Now()) }

// At is t on this clock. t must come from time.Now in this process, such as the arrival of a message.
func (c Clock) At(t time.Time) int64 { return c.start.UnixNano() + int64(t.Sub(c.start)+c.ahead) }
