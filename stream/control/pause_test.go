//go:build unix

package control

import (
	"syscall"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestDecoderPaused stops a decoder process with SIGSTOP, as a debugger or a machine out of memory does, and lets it go
// on. Its first words then may be old.
func TestDecoderPaused(t *testing.T) {
	t.Parallel()
	b := open(t, bus.Options{})
	d := drive(t, b)
	decoder := startDecoder(t, b.URL())
	d.wait(t, true)
	paused := time.Now()
	if err := decoder.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	stood := d.wait(t, false).Sub(paused)
	t.Logf("after SIGSTOP the cursor stood at %v; allowed %v", stood, decoderValid+margin)
	if stood > decoderValid+margin {
		t.Errorf("the cursor stood after %v, want at most %v", stood, decoderValid+margin)
	}
	<-time.After(time.Second - time.Since(paused))
	resumed := time.Now()
	if err := decoder.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	proven := d.wait(t, true).Sub(resumed)
	t.Logf("after SIGCONT the cursor moved at %v", proven)
	if proven < proofSpan {
		t.Errorf("it moved %v after the pause, before %v of heartbeats had shown how old its commands are", proven, proofSpan)
	}
}
