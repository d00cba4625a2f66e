package session

import (
	"fmt"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// StampWatch tells what is wrong with the stamps of a live source: at once, and then at most every SeldomEvery. A sender that
// stamps in µs lets its stream begin anew again and again, and one that stamps NaN lets nothing through. It is for one
// goroutine.
type StampWatch struct {
	name             string
	jumps, unstamped uint64 // that were told of
	off              bool
	told             time.Time
}

// NewStampWatch watches the source called name.
func NewStampWatch(name string) *StampWatch { return &StampWatch{name: name} }

// Look is told how the source is, and returns the line for people, "" for none.
func (w *StampWatch) Look(now time.Time, h signal.Health) string {
	jumps, unstamped := since64(h.Jumps, w.jumps), since64(h.Unstamped, w.unstamped)
	off := h.StampsOffS != 0
	if !off {
		w.off = false
	}
	if jumps+unstamped == 0 && off == w.off || !w.told.IsZero() && now.Sub(w.told) < SeldomEvery {
		return ""
	}
	var wrong []string
	if off && !w.off {
		wrong = append(wrong, fmt.Sprintf("they lie %s the clock that it tells of, so that samples are taken to be measured when they arrive, and marks of other programs do not meet them exactly", signal.Apart(h.StampsOffS)))
	}
	if jumps > 0 {
		wrong = append(wrong, fmt.Sprintf("its clock jumped %d times, and the stream began anew each time, with filters and windows", jumps))
	}
	if unstamped > 0 {
		wrong = append(wrong, fmt.Sprintf("%d samples had a stamp that is no time in seconds, or came before the first that is one: the latter are left out, the others stand where their neighbours say", unstamped))
	}
	span := ""
	if !w.told.IsZero() {
		span = fmt.Sprintf(" within %.0f s", now.Sub(w.told).Seconds())
	}
	w.jumps, w.unstamped, w.off, w.told = h.Jumps, h.Unstamped, off, now
	return fmt.Sprintf("STAMPS of %s%s: %s; in all %d jumps, %d samples without a time, %d handed out. If it goes on, mend the sending program: a stamp is in seconds of a steady clock (lsl_local_clock), not in ms or µs, and never NaN; or let it push without stamps",
		w.name, span, strings.Join(wrong, "; "), h.Jumps, h.Unstamped, h.Samples)
}

// since64 is what was counted since before; a source that was opened again counts from 0.
func since64(n, before uint64) uint64 {
	if n < before {
		return n
	}
	return n - before
}
