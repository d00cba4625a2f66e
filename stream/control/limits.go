package control

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Limits bound how fast what is acted on may change, whatever the decoder sends; 0 means no limit. A command of the kind
// none is never held back: to stop is always allowed.
type Limits struct {
	// Commands per second that are accepted, each at least 1/Commands after the one before; earlier ones are refused.
	Commands float64 `json:"commands_per_s"`
	// ClassChanges per second: a class that differs from the one before is refused until 1/ClassChanges after the change to
	// that one. The one before is acted on until it expires, no longer.
	ClassChanges float64 `json:"class_changes_per_s"`
	// ChangePerS and ChangePerCommand bound the way of each number of a continuous value: per second, and from one command to
	// the next. It begins at 0 behind every safe state and every other kind of command. In the safe state, and for a command
	// of another kind, there is no way: the value is gone at once.
	ChangePerS       float64 `json:"change_per_s"`
	ChangePerCommand float64 `json:"change_per_command"`
}

func (l *Limits) validate() error {
	for _, p := range []struct {
		name string
		v    float64
	}{{"Commands", l.Commands}, {"ClassChanges", l.ClassChanges}, {"ChangePerS", l.ChangePerS}, {"ChangePerCommand", l.ChangePerCommand}} {
		if !(p.v >= 0 && p.v <= 1e6) {
			return fmt.Errorf("control: Limits.%s is %g, must be 0 (no limit) to 1e6", p.name, p.v)
		}
	}
	return nil
}

// period is the time between two events of a rate, 0 where there is no limit.
func period(perS float64) time.Duration {
	if perS == 0 {
		return 0
	}
	return time.Duration(math.Ceil(1e9 / perS))
}

// pace holds the rules of the first two limits; like judge it has no clock.
type pace struct {
	command, change time.Duration // the shortest times, 0: no limit

	moved   time.Duration // arrival of the newest accepted command that is not of the kind none
	some    bool          // there was one
	label   string        // of the newest accepted class
	changed time.Duration // when it began
}

// weigh says why c may not be accepted now, "" where it may.
func (p *pace) weigh(arrival time.Duration, c *bus.Command) Verdict {
	switch {
	case c.Kind == bus.KindNone:
	case p.some && arrival-p.moved < p.command:
		return RefusedRate
	case c.Kind == bus.KindClass && p.label != "" && c.Label != p.label && arrival-p.changed < p.change:
		return RefusedChange
	}
	return ""
}

// take notes an accepted command.
func (p *pace) take(arrival time.Duration, c *bus.Command) {
	if c.Kind == bus.KindNone {
		return
	}
	p.moved, p.some = arrival, true
	if c.Kind == bus.KindClass && c.Label != p.label {
		p.label, p.changed = c.Label, arrival
	}
}

// slewStep is the longest time between two questions that counts: a loop that was held up makes no leap.
const slewStep = 100 * time.Millisecond

// slew holds the rules of the other two limits.
type slew struct {
	perS, perCommand float64

	on        bool
	run       int64
	seq       uint64
	base, out []float64 // what was acted on when the command at hand came; now
	last      time.Duration
	counted   bool // the command at hand was changed by a limit
}

// off forgets what was acted on.
func (s *slew) off() { s.on = false }

// limit changes the value of a to what the limits allow at now. It reports whether this command is changed for the first
// time.
func (s *slew) limit(now time.Duration, a *Action) (first bool) {
	c := &a.Command
	if s.perS == 0 && s.perCommand == 0 {
		return false
	}
	if c.Kind != bus.KindContinuous {
		s.off()
		return false
	}
	if !s.on || len(s.out) != len(c.Value) {
		s.on, s.last, s.run = true, now, 0
		s.out = make([]float64, len(c.Value))
	}
	if c.Run != s.run || c.Seq != s.seq {
		s.run, s.seq, s.counted = c.Run, c.Seq, false
		s.base = append(s.base[:0], s.out...)
	}
	step := s.perS * min(now-s.last, slewStep).Seconds()
	s.last = now
	for k, want := range c.Value {
		if s.perCommand > 0 {
			want = min(max(want, s.base[k]-s.perCommand), s.base[k]+s.perCommand)
		}
		if s.perS > 0 {
			want = min(max(want, s.out[k]-step), s.out[k]+step)
		}
		s.out[k] = want
	}
	if slices.Equal(s.out, c.Value) {
		return false
	}
	c.Value = slices.Clone(s.out) // that of the command is shared with everybody who asked before
	first = !s.counted
	s.counted = true
	return first
}
