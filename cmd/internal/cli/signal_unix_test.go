//go:build unix

package cli

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestSignalSentTwice: one end that is sent twice, as timeout does to the process and to its group, is one; a second one that comes later
// ends the process at once.
func TestSignalSentTwice(t *testing.T) {
	t.Parallel() // it mostly waits
	dir := t.TempDir()
	port := freePort(t)
	src := start(t, "play", "synth:imagery:3:1", "--nats", "--port", strconv.Itoa(port), "--session", "s1")
	says(t, "bus:", &src.errs)
	record := func(name string) (*exec.Cmd, *safeBuffer) {
		var errs safeBuffer
		cmd := gyrusProcess(t, "record", filepath.Join(dir, name), "nats:eeg", "--url", fmt.Sprintf("nats://127.0.0.1:%d", port), "--session", "s1")
		cmd.Stderr = &errs
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		says(t, "nats:eeg: ", &errs)
		time.Sleep(500 * time.Millisecond)
		return cmd, &errs
	}
	for i := range 5 {
		cmd, errs := record(fmt.Sprintf("r%d.arrow", i))
		for range 2 {
			if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
				t.Fatal(err)
			}
		}
		_ = cmd.Wait()
		if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGTERM) || !strings.Contains(errs.String(), "stopped by") {
			t.Errorf("exit code %d, want 143 by its own hand: %s", code, errs.String())
		}
	}
}

// TestRecordOnAFullDisk: what was written is a result with something missing, and nobody is told of a session where there is none.
func TestRecordOnAFullDisk(t *testing.T) {
	t.Parallel() // it mostly waits
	port := freePort(t)
	src := start(t, "play", "synth:imagery:3:1", "--nats", "--port", strconv.Itoa(port), "--session", "s1", "--speed", "8")
	says(t, "bus:", &src.errs)
	file := filepath.Join(t.TempDir(), "r.arrow")
	cmd := gyrusProcess(t, "record", file, "nats:eeg", "--url", fmt.Sprintf("nats://127.0.0.1:%d", port), "--session", "s1", "--duration", "4")
	cmd.Args = []string{"sh", "-c", `ulimit -f 800; exec "$0"`, cmd.Path}
	cmd.Path = "/bin/sh"
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != exitIncomplete || !strings.Contains(string(out), "nothing more is recorded") || strings.Contains(string(out), "the session goes on") {
		t.Errorf("exit code %d, %v: %s", code, err, out)
	}
	var info infoJSON
	mustJSON(t, &info, "info", file, "--json")
	if info.Samples == 0 {
		t.Error("nothing is there")
	}
}
