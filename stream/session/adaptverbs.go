package session

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Learned is what an operator is told of what was learned from feedback.
type Learned struct {
	AdaptReport
	Snapshots []string `json:"snapshots"` // hashes of those that can be rolled back to, newest first
}

// verbs are what operators can ask an adapter for. They are done at once, between two windows, and logged.
func (a *Adapter) verbs() []bus.Verb {
	plain := func(name string, fn func()) func(context.Context, []string) (any, error) {
		return func(context.Context, []string) (any, error) {
			return a.operate(name, func() error { fn(); return nil })
		}
	}
	return []bus.Verb{
		{Name: "learned", Doc: "what was learned from feedback so far", Do: func(context.Context, []string) (any, error) {
			return a.operate("", func() error { return nil })
		}},
		{Name: "freeze", Doc: "learn no more from feedback; who decides goes on deciding", Do: plain("freeze", func() { a.head.Freeze("by an operator") })},
		{Name: "thaw", Fresh: true, Doc: "learn from feedback again", Do: plain("thaw", func() { a.head.Thaw() })},
		{Name: "reset", Doc: "forget what was learned from feedback, let the model decide as it was trained, and freeze", Do: plain("reset", func() { a.head.Reset() })},
		{Name: "save", Doc: "write the model with what was learned to the file that the session file names", Do: func(context.Context, []string) (any, error) {
			return a.operate("save", a.save)
		}},
	}
}

// rollback puts back what was learned as it was at a snapshot, "0" is the newest, and freezes.
func (a *Adapter) rollback(args []string) (any, error) {
	back := 0
	if len(args) > 0 {
		var err error
		if back, err = strconv.Atoi(args[0]); err != nil || back < 0 {
			return nil, fmt.Errorf("rollback learned %s: must be how many snapshots to go back, 0 is the newest", args[0])
		}
	}
	return a.operate("rollback", func() error { return a.head.Rollback(back) })
}

// operate does what an operator asks for, logs it under the name of the verb, "" where nothing changes, and says what there
// is then.
func (a *Adapter) operate(verb string, fn func() error) (any, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.head == nil {
		return nil, errors.New("there is nothing learned from feedback yet: no window has been decided")
	}
	if err := fn(); err != nil {
		return nil, err
	}
	if verb != "" {
		_, why := a.head.State()
		if err := a.write(logLine{Record: a.head.Status(a.clock.Now(), why), Operator: verb}); err != nil {
			return nil, err
		}
	}
	return Learned{*a.report(), a.head.Snapshots()}, nil
}
