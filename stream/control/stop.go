package control

import (
	"errors"
	"fmt"
	"io"
	"time"
)

// stopOrder asks for the stop of one safe state.
type stopOrder struct {
	entry uint64 // its number
	why   Reason
}

// watch lets time pass for the judge when nobody asks: it wakes at each deadline. It never waits for the stopper.
func (r *Receiver) watch() {
	defer close(r.watched)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		r.mu.Lock()
		now := r.now()
		r.judge.advance(now)
		at, some := r.judge.deadline()
		r.armed = 0
		if some {
			r.armed = at
			timer.Reset(at - now + 1) // the deadline itself is still in time
		} else {
			timer.Stop()
		}
		r.settle()
		r.mu.Unlock()
		select {
		case <-timer.C:
		case <-r.wake:
		case <-r.quit:
			return
		}
	}
}

// stopper calls OnSafe, and nothing else, until each safe state is confirmed.
func (r *Receiver) stopper() {
	defer close(r.stopped)
	for {
		select {
		case order := <-r.stop:
			if !r.confirm(order) {
				return
			}
		case <-r.quit:
			select { // Close may have asked for a last stop
			case order := <-r.stop:
				r.confirm(order)
			default:
			}
			return
		}
	}
}

// confirm tries to stop until it works, for a newer reason where there is one. It reports false where Close lost patience.
func (r *Receiver) confirm(order stopOrder) bool {
	retry := time.NewTicker(r.opt.RetryStop)
	defer retry.Stop()
	for {
		err := r.opt.OnSafe(order.why)
		r.mu.Lock()
		r.stopErr = err
		if err == nil {
			r.judge.confirm(order.entry)
			r.mu.Unlock()
			r.reply()
			return true
		}
		r.judge.n.StopRetries++
		r.mu.Unlock()
		select {
		case <-retry.C:
		case order = <-r.stop:
		case <-r.giveUp:
			return false
		}
	}
}

// Close enters the safe state, waits until the stop is confirmed, 2 s at most, and ends the subscriptions. A second call
// does nothing. The error says that the actuator may still be moving, or that a subscription could not be ended.
func (r *Receiver) Close() error {
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return nil
	}
	r.judge.stop(r.now())
	r.settle()
	r.closed = true
	r.mu.Unlock()
	close(r.quit)
	<-r.watched

	patience := time.NewTimer(closeWait)
	defer patience.Stop()
	var errs []error
	select {
	case <-r.stopped:
	case <-patience.C:
		close(r.giveUp)
		errs = append(errs, r.unconfirmed())
	}
	if r.unlink != nil { // nil where New failed half-way
		r.unlink()
	}
	for _, s := range []io.Closer{r.commands, r.status, r.stops} {
		if s == nil {
			continue
		}
		if err := s.Close(); err != nil {
			errs = append(errs, fmt.Errorf("control: %w", err))
		}
	}
	return errors.Join(errs...)
}

// unconfirmed is the error of a stop that did not work in time.
func (r *Receiver) unconfirmed() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	cause := r.stopErr
	if cause == nil {
		cause = errors.New("OnSafe has not returned")
	}
	return fmt.Errorf("control: the stop was not confirmed within %v, the actuator may still be moving: stop it by hand: %w", closeWait, cause)
}
