package decoderstest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/decoders"
)

// interrupted: a fit that is interrupted, before it begins or on the way, ends within a second with the error of its
// context, and what was learned before is kept to the bit.
func (s *suite) interrupted(t *testing.T) {
	d, long := s.construct().(decoders.Interruptible)
	if !long {
		t.Skip("skipped: it learns at once and is no decoders.Interruptible")
	}
	x, y := s.rows()
	over, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.FitContext(over, x, y); !errors.Is(err, context.Canceled) {
		t.Fatalf("a fit whose context was over before it began: got %v, want %v", err, context.Canceled)
	}
	if d.Outputs() != nil {
		t.Fatal("it has learned all the same")
	}
	const soon, limit = 30 * time.Millisecond, time.Second
	ctx, cancel := context.WithTimeout(t.Context(), soon)
	defer cancel()
	late, done := context.WithTimeout(t.Context(), soon+limit)
	defer done()
	ended := make(chan error, 1)
	go func() { ended <- d.FitContext(ctx, x, y) }()
	var err error
	select {
	case err = <-ended:
	case <-late.Done():
		t.Errorf("it goes on %v after its context was over", limit)
		err = <-ended
	}
	if err == nil {
		return // it was faster
	}
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("a fit that was interrupted: got %v, want %v", err, context.DeadlineExceeded)
	}
	if d.Outputs() != nil {
		t.Error("half a fit is used")
	}
}
