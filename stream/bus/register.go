package bus

import (
	"sync"
	"time"
)

// Register holds the newest value only. A subscription's callback stores into it and returns at once, the control loop
// reads it when it is ready to act: however slow the loop is, it never works through old commands (the client library
// would keep the oldest of a backlog and drop the newest). All methods may be called from any goroutine.
type Register[T any] struct {
	mu          sync.Mutex
	value       T
	at          time.Time
	full, seen  bool
	overwritten uint64
	wake        chan struct{}
}

// NewRegister is an empty register.
func NewRegister[T any]() *Register[T] { return &Register[T]{wake: make(chan struct{}, 1)} }

// Store replaces the value, which arrived at the given time.
func (r *Register[T]) Store(v T, arrival time.Time) {
	r.mu.Lock()
	if r.full && !r.seen {
		r.overwritten++
	}
	r.value, r.at, r.full, r.seen = v, arrival, true, false
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default: // a wake-up is waiting already
	}
}

// Load returns the newest value and its arrival, and leaves it there. ok is false where there is none.
func (r *Register[T]) Load() (v T, arrival time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = true
	return r.value, r.at, r.full
}

// Take is Load that leaves the register empty.
func (r *Register[T]) Take() (v T, arrival time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	v, arrival, ok = r.value, r.at, r.full
	var none T
	r.value, r.full = none, false
	return v, arrival, ok
}

// Wake receives after Store. Several calls of Store may cause one wake-up, and one wake-up may find the register empty,
// because the value before it was taken too.
func (r *Register[T]) Wake() <-chan struct{} { return r.wake }

// Overwritten counts the values that were replaced before anybody had seen them.
func (r *Register[T]) Overwritten() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.overwritten
}
