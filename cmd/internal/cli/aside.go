package cli

import (
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

const (
	asideAhead = 1024        // writes that wait for a terminal that stands still
	asideEnd   = time.Second // how long the end waits until all are shown
)

// aside is standard error. What is written goes out at once, until unheld is called: from then on it goes out in its turn, on a goroutine of
// its own, and a terminal that stands still (Ctrl-S, or a console in which somebody marks text) holds up nobody who has to hear an emergency
// stop or to decode. It may be written to from any goroutine.
type aside struct {
	w io.Writer

	mu    sync.Mutex
	queue chan []byte   // nil: written at once
	done  chan struct{} // closed when all of the queue is written
	lost  int           // writes that had no room
	ended bool
}

// Write never fails where it is unheld: there is nobody to be told.
func (a *aside) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.queue == nil {
		return a.w.Write(p)
	}
	if a.ended {
		return len(p), nil
	}
	if a.lost > 0 && len(a.queue) < cap(a.queue) {
		a.queue <- a.unshown("before the next one") // there is room: nobody else sends
		a.lost = 0
	}
	select {
	case a.queue <- append([]byte(nil), p...):
	default:
		a.lost++
	}
	return len(p), nil
}

func (a *aside) unshown(where string) []byte {
	return fmt.Appendf(nil, "%d lines %s were not shown: nothing was read for a while\n", a.lost, where)
}

// pictures is an aside for what is drawn again and again: of this nothing is missed where there is no room.
type pictures struct{ *aside }

func (p pictures) Write(b []byte) (int, error) {
	p.mu.Lock()
	full := p.queue != nil && len(p.queue) > cap(p.queue)/2
	p.mu.Unlock()
	if full {
		return len(b), nil
	}
	return p.aside.Write(b)
}

// unheld lets nobody wait for the terminal any more.
func (a *aside) unheld() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.queue != nil {
		return
	}
	a.queue, a.done = make(chan []byte, asideAhead), make(chan struct{})
	go func(lines <-chan []byte) {
		defer close(a.done)
		for line := range lines {
			_, _ = a.w.Write(line) // there is nobody to be told
		}
	}(a.queue)
}

// close waits until all is shown, but not for a terminal that stands still.
func (a *aside) close() {
	a.mu.Lock()
	wait := a.queue != nil && !a.ended
	if wait {
		a.ended = true
		if a.lost > 0 && len(a.queue) < cap(a.queue) {
			a.queue <- a.unshown("at the end")
		}
		close(a.queue)
	}
	a.mu.Unlock()
	if !wait {
		return
	}
	select {
	case <-a.done:
	case <-time.After(asideEnd):
	}
}

// unheld is for commands in which something moves, or is recorded, while lines are noted. They go on, and end as they should, also where
// whoever read the lines is gone.
func unheld(cmd *cobra.Command) {
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE) // a write to nobody is an error, no more
	if a, ok := cmd.ErrOrStderr().(*aside); ok {
		a.unheld()
	}
}
