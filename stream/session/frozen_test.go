//go:build unix

package session

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
	"github.com/gyrus-bci/gyrus/stream/control"
)

func init() {
	children["broker"], children["decoder"] = brokerChild, decoderChild
}

// brokerChild is a server, which says where, until its standard input ends.
func brokerChild(string) error {
	b, err := bus.StartBroker(bus.BrokerOptions{Listen: "127.0.0.1:0"})
	if err != nil {
		return err
	}
	fmt.Println(b.URL())
	_, _ = io.Copy(io.Discard, os.Stdin) // an error is an end as well
	return b.Close()
}

// decoderChild sends commands where nothing holds it back, and says what people are told, until it is killed.
func decoderChild(url string) error {
	b, err := bus.Open(context.Background(), bus.Options{URL: url})
	if err != nil {
		return err
	}
	clock := bus.NewClock()
	w, err := bus.NewCommandWriter(b, "s", "d", time.Second, clock)
	if err != nil {
		return err
	}
	g, err := NewGuard(GuardOptions{Commands: w, Clock: clock, Stops: b, Note: func(text string) { fmt.Println(text) }})
	if err != nil {
		return err
	}
	for {
		if _, holds := g.holding(); !holds {
			_ = w.Publish(bus.Command{Kind: bus.KindClass, Label: "left", Confidence: 1, TSample: clock.Now()}) // without a link it is lost
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// process is one of the children.
type process struct {
	*exec.Cmd
	said
}

func begins(t *testing.T, what, url string) *process {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(exe)}
	p.Env = append(os.Environ(), childVar+"="+what+" "+url)
	p.Stderr = os.Stderr
	in, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := p.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for lines := bufio.NewScanner(out); lines.Scan(); {
			p.note(lines.Text())
		}
	}()
	t.Cleanup(func() {
		_ = in.Close()
		_ = p.Process.Kill() // it may have ended
		<-ended
		_ = p.Wait()
	})
	return p
}

// stands lets it stand still while fn runs.
func (p *process) stands(t *testing.T, fn func()) {
	t.Helper()
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	fn()
	if err := p.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
}

func moving(t *testing.T, b *bus.Bus) *control.Receiver {
	t.Helper()
	rec, err := control.New(b, control.Options{Session: "s", Decoder: "d", OnSafe: func(control.Reason) error { return nil }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = rec.Close() }) // where its link is broken
	return rec
}

// standsBack fails where the actuator moves, or people are told that no stop came; the decoder must say that nobody knows, or have heard
// the stop after all.
func (p *process) standsBack(t *testing.T, rec *control.Receiver) {
	t.Helper()
	soon(t, "people to be told", func() bool { return p.count(unknown)+p.count("EMERGENCY STOP") > 0 })
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if a, ok := rec.Current(); ok {
			t.Fatalf("the actuator moves again (%s), though an emergency stop was sent: %q", a.Command.Label, p.lines)
		}
	}
	if p.count("no emergency stop is in force") > 0 {
		t.Errorf("people were told that no stop came: %q", p.lines)
	}
}

// TestFrozenServer: a stop that reaches the server while that stands still is heard by nobody: all have been cut off when it goes on.
func TestFrozenServer(t *testing.T) {
	t.Parallel() // it mostly waits
	server := begins(t, "broker", "")
	soon(t, "the server", func() bool { return server.count("nats://") == 1 })
	url := server.lines[0]
	b, err := bus.Open(t.Context(), bus.Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() }) // the server stands still in between
	rec := moving(t, b)
	button, err := nats.Connect(url)
	if err != nil {
		t.Fatal(err)
	}
	defer button.Close()
	d := begins(t, "decoder", url)
	soon(t, "the actuator to move", func() bool { _, ok := rec.Current(); return ok })
	server.stands(t, func() {
		time.Sleep(2500 * time.Millisecond)
		if err := button.Publish(bus.StopSubject("s"), nil); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
	})
	d.standsBack(t, rec)
}

// TestFrozenDecoder: a stop that a controller confirms while the decoder stands still is not lost with that controller.
func TestFrozenDecoder(t *testing.T) {
	t.Parallel() // it mostly waits
	b := bustest.Open(t, bus.Options{})
	rec := moving(t, b)
	d := begins(t, "decoder", b.URL())
	soon(t, "the actuator to move", func() bool { _, ok := rec.Current(); return ok })
	d.stands(t, func() {
		time.Sleep(4500 * time.Millisecond)
		if stood, err := b.SendStop(t.Context(), "s", bus.NewStop("button", "smoke"), 1); err != nil || len(stood) != 1 {
			t.Fatalf("%+v, %v", stood, err)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
		rec = moving(t, b)
	})
	d.standsBack(t, rec)
	if d.count("EMERGENCY STOP") > 0 || !strings.Contains(strings.Join(d.lines, "\n"), rec.Name()+" of decoder d knows of none, and has heard all for ") {
		t.Errorf("people were told %q", d.lines)
	}
}
