package control_test

import (
	"context"
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// hand stands for a prosthesis.
type hand struct{}

func (hand) Move(label string) { fmt.Println("move:", label) }

func (hand) Stop(why control.Reason) error {
	fmt.Println("stop:", why)
	return nil
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

// A controller: it asks for the command at every turn of its loop, and moves only where there is one.
func Example() {
	b, err := bus.Open(context.Background(), bus.Options{}) // URL: where the session's server is
	check(err)
	defer func() { check(b.Close()) }()
	defer decode(b)() // in life, another program
	var h hand
	r, err := control.New(b, control.Options{Session: "s1", Decoder: "mi", OnSafe: h.Stop})
	check(err)
	defer func() { check(r.Close()) }() // stops the hand first; an error means that it may still move

	loop := time.NewTicker(10 * time.Millisecond)
	defer loop.Stop()
	for range loop.C {
		a, ok := r.Current()
		if !ok {
			continue // OnSafe has stopped the hand, or is about to; a.Reason says why
		}
		h.Move(a.Command.Label)
		return
	}
	// Output:
	// stop: never
	// move: right
	// stop: stopped
}

// decode starts a decoder that always means "right", and returns what ends it.
func decode(b *bus.Bus) (end func()) {
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s1", "mi", time.Second, clock)
	check(err)
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-quit:
				return
			case <-time.After(20 * time.Millisecond):
				check(w.Publish(bus.Command{TSample: clock.Now(), Kind: bus.KindClass, Label: "right", Confidence: 0.9}))
			}
		}
	}()
	return func() {
		close(quit)
		<-done
		check(w.Close())
	}
}
