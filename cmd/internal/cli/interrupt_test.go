package cli

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTrainInterrupted: an interrupt while networks learn ends the command within a second, with 130 and without a bundle.
func TestTrainInterrupted(t *testing.T) {
	t.Parallel() // it mostly waits
	for _, decoder := range []string{"eegnet, epochs: 100000, patience: 0", "dqn, decisions: 10000000", "calibrated, decoder: {use: edge_cnn, epochs: 100000, patience: 0}"} {
		dir := t.TempDir()
		file, out := filepath.Join(dir, "net.yaml"), filepath.Join(dir, "net.gyrus")
		if err := os.WriteFile(file, []byte("segment: {use: events, tmin_s: 0.5, tmax_s: 3.5, events: {T1: fists, T2: feet}}\ndecoder: {use: "+decoder+"}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		var o, e safeBuffer
		code := make(chan int, 1)
		go func() {
			code <- Run(ctx, []string{"train", file, s001(t, "R06"), s001(t, "R10"), "-o", out}, strings.NewReader(""), &o, &e)
		}()
		time.Sleep(1500 * time.Millisecond) // it has read the recordings and learns
		begin := time.Now()
		cancel(stopped{syscall.SIGINT})
		select {
		case got := <-code:
			if took := time.Since(begin); got != 130 || took > time.Second {
				t.Errorf("%s: exit code %d after %v, want 130 within 1 s; %s", decoder, got, took, e.String())
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: still running 20 s after an interrupt", decoder)
		}
		if files, err := filepath.Glob(filepath.Join(dir, "net.gyrus*")); err != nil || len(files) > 0 || o.String() != "" {
			t.Errorf("%s: an interrupted training left %v and printed %q (%v)", decoder, files, o.String(), err)
		}
	}
}
