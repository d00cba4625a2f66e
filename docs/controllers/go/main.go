// Command go is a controller in Go: package control does what docs/protocol.md asks for. It prints what it acts on.
//
//	go run ./docs/controllers/go nats://127.0.0.1:4222 s1 decoder
//
// The key r (and Enter) on standard input re-arms it: behind an emergency stop, and where it shows older_run.
package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

func main() {
	if len(os.Args) != 4 {
		fmt.Fprintln(os.Stderr, "usage: go URL SESSION DECODER")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2], os.Args[3]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(url, session, decoder string) (err error) {
	ends := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as under nohup
		ends = append(ends, syscall.SIGHUP)
	}
	ctx, cancel := signal.NotifyContext(context.Background(), ends...)
	defer cancel()
	b, err := bus.Open(ctx, bus.Options{URL: url, Name: "example-go"})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	// What moves the actuator and what stops it have one lock: an answer of before the stop must not move it behind the stop.
	var actuator sync.Mutex
	r, err := control.New(b, control.Options{Session: session, Decoder: decoder, OnSafe: func(why control.Reason) error {
		actuator.Lock()
		defer actuator.Unlock()
		return stop(why)
	}})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }() // stops the actuator first
	go keys(r)
	fmt.Println("ready")

	loop := time.NewTicker(10 * time.Millisecond)
	defer loop.Stop()
	var seq uint64
	var run int64
	var shown control.Reason
	turn := func() {
		actuator.Lock()
		defer actuator.Unlock()
		a, ok := r.Current()
		if a.Reason != shown {
			if shown = a.Reason; shown.Words() != "" { // an operator can do something about it
				fmt.Println("shows", shown)
			}
		}
		if ok && (a.Command.Run != run || a.Command.Seq != seq) { // an actuator would be moved at every turn; not ok: stop was called, or is about to be
			run, seq = a.Command.Run, a.Command.Seq
			fmt.Println("act", seq, a.Command.Label)
		}
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-loop.C:
			turn()
		}
	}
}

// keys re-arms r with the key r, until standard input ends, or the process.
func keys(r *control.Receiver) {
	for in := bufio.NewReader(os.Stdin); ; {
		key, err := in.ReadByte()
		if err != nil {
			return
		}
		if key == 'r' || key == 'R' {
			if err := r.Rearm(); err != nil {
				fmt.Fprintln(os.Stderr, err)
			}
		}
	}
}

// stop stops the actuator: of this one there is nothing but its words.
func stop(why control.Reason) error {
	_, err := fmt.Println("safe", why)
	return err
}
