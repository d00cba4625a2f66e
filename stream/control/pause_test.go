//go:build unix

package control

import (
	"syscall"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/bus/bustest"
)

// TestDecoderPaused stops a decoder process with SIGSTOP, as a debugger or a machine out of memory does, and lets it go
// on. Its first words then may be old. A cursor and a hand follow it.
func TestDecoderPaused(t *testing.T) {
	t.Parallel()
	b := bustest.Open(t, bus.Options{})
	hand := driveHand(t, b, Limits{Commands: 30, ClassChanges: 1})
	drivers := map[string]*driver{"cursor": drive(t, b), "hand": hand}
	decoder := startDecoder(t, b.URL())
	for _, d := range drivers {
		d.wait(t, true)
	}
	paused := time.Now()
	if err := decoder.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	for name, d := range drivers {
		stood := d.wait(t, false).Sub(paused)
		t.Logf("after SIGSTOP the %s stood at %v; allowed %v", name, stood, decoderValid+margin)
		if stood > decoderValid+margin {
			t.Errorf("the %s stood after %v, want at most %v", name, stood, decoderValid+margin)
		}
	}
	<-time.After(outageLength() - time.Since(paused))
	resumed := time.Now()
	if err := decoder.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	for name, d := range drivers {
		proven := d.wait(t, true).Sub(resumed)
		t.Logf("after SIGCONT the %s moved at %v", name, proven)
		if proven < proofSpan {
			t.Errorf("the %s moved %v after the pause, before %v of heartbeats had shown how old its commands are", name, proven, proofSpan)
		}
	}
	for _, d := range drivers { // the decoder's clock is this machine's
		d.checkNothingFromBefore(t, resumed)
	}
}
