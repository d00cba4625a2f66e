//go:build unix

package controllers

import (
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// freezes lets the example stand still while fn runs, and a while longer.
func (b *beside) freezes(wait time.Duration, fn func()) {
	b.t.Helper()
	if err := b.c.cmd.Process.Signal(syscall.SIGSTOP); err != nil {
		b.t.Fatal(err)
	}
	fn()
	<-time.After(wait)
	if err := b.c.cmd.Process.Signal(syscall.SIGCONT); err != nil {
		b.t.Fatal(err)
	}
}

// TestExampleSaysHowLongItListens: since it was ready, and not since it last stood still.
func TestExampleSaysHowLongItListens(t *testing.T) {
	t.Parallel()
	alongside(t, func(t *testing.T, b *beside) {
		listens := func(since time.Time) {
			t.Helper()
			before := time.Since(since)
			if b.number(1) != nil {
				t.Fatal("a stop is in force")
			}
			if after := time.Since(since); b.listens < before-time.Second || b.listens > after+time.Second {
				t.Errorf("it says that it has heard all for %v, want %v to %v", b.listens, before, after)
			}
		}
		listens(b.begin)
		<-time.After(time.Second)
		listens(b.begin)
		b.freezes(2200*time.Millisecond, func() {}) // not so long that it is cut off
		listens(time.Now())
		<-time.After(time.Second)
		if b.number(2); b.listens < time.Second-turns || b.listens > 3*time.Second {
			t.Errorf("it says that it has heard all for %v, want about a second", b.listens)
		}
	})
}

// TestExampleIsNotRearmedByAKeyOfBefore: a key that was pressed before a stop, or when nobody can have looked at it, does not lift it.
func TestExampleIsNotRearmedByAKeyOfBefore(t *testing.T) {
	t.Parallel()
	alongside(t, func(t *testing.T, b *beside) {
		inForce := func(id, what string) {
			t.Helper()
			<-time.After(turns)
			for seq := range uint64(12) { // all that are in force, in turn
				if a := b.number(seq + 1); a != nil && a.ID == id {
					return
				}
			}
			t.Errorf("the key of before %s has lifted it", what)
		}
		b.stops(bus.Stop{V: 1, ID: "first", Why: "smoke"})
		b.c.press(t)
		inForce("first", "anybody can have looked")
		for k := range 8 {
			<-time.After(lookFirst + turns)
			id := "s" + strconv.Itoa(k)
			b.freezes(50*time.Millisecond, func() {
				b.c.press(t)
				if err := b.nc.Publish(bus.StopSubject(session), []byte(`{"v":1,"id":"`+id+`","why":"fire"}`)); err != nil {
					t.Fatal(err)
				}
				if err := b.nc.Flush(); err != nil {
					t.Fatal(err)
				}
			})
			inForce(id, "the stop")
		}
		b.c.rearm(t)
		within(t, "it to be re-armed by somebody who has looked", func() bool { return b.number(1) == nil })
	})
}
