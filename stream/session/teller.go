package session

import (
	"fmt"
	"sync"
	"time"
)

const (
	toldAhead = 256         // lines that wait for whoever shows them
	tellEnd   = time.Second // how long an end waits until all are shown
)

// teller hands lines for people to fn on a goroutine of its own: a terminal that stands still (Ctrl-S, or a window in which somebody marks
// text) holds up nobody who has to hear an emergency stop.
type teller struct {
	lines chan string
	done  chan struct{}

	mu    sync.Mutex
	lost  int // lines that had no room
	ended bool
}

func newTeller(fn func(string)) *teller {
	t := &teller{lines: make(chan string, toldAhead), done: make(chan struct{})}
	go func() {
		defer close(t.done)
		for line := range t.lines {
			fn(line)
		}
	}()
	return t
}

// say has a line shown, in its turn. Behind close there is nobody to show it to.
func (t *teller) say(line string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return
	}
	if t.lost > 0 {
		line = fmt.Sprintf("%s (%d lines before this one were not shown: nothing was read for a while)", line, t.lost)
	}
	select {
	case t.lines <- line:
		t.lost = 0
	default:
		t.lost++
	}
}

// close waits until all is shown, but not for a terminal that stands still.
func (t *teller) close() {
	t.mu.Lock()
	if !t.ended {
		t.ended = true
		close(t.lines)
	}
	t.mu.Unlock()
	select {
	case <-t.done:
	case <-time.After(tellEnd):
	}
}
