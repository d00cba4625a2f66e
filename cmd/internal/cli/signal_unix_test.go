//go:build unix

package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
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

// TestTerminalCloses: a terminal that closes, and a reader of the lines that is gone, end nothing in the middle: what was recorded until the
// end is there.
func TestTerminalCloses(t *testing.T) {
	t.Parallel() // it mostly waits
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	src := gyrusProcess(t, "play", "synth:imagery:3:1", "--nats", "--port", strconv.Itoa(port), "--session", "s1")
	var bus safeBuffer
	src.Stderr = &bus
	if err := src.Start(); err != nil {
		t.Fatal(err)
	}
	says(t, "bus:", &bus)
	lines, theirs, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "r.arrow")
	cmd := gyrusProcess(t, "record", file, "nats:eeg", "--url", url, "--session", "s1")
	cmd.Stdout, cmd.Stderr = theirs, theirs
	if err := errors.Join(cmd.Start(), theirs.Close()); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(lines)
	for said.Scan() && !strings.Contains(said.Text(), "nats:eeg: ") {
	}
	if err := errors.Join(said.Err(), lines.Close()); err != nil {
		t.Fatal(err)
	}
	for range 2 { // stalls, which are told to nobody
		if err := src.Process.Signal(syscall.SIGSTOP); err != nil {
			t.Fatal(err)
		}
		time.Sleep(600 * time.Millisecond) // the link to its bus outlasts that
		if err := src.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		time.Sleep(1500 * time.Millisecond)
	}
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitFailed && code != exitIncomplete { // its results could not be written, or the machine stood still
		t.Errorf("%v, want exit code %d", cmd.ProcessState, exitFailed)
	}
	var info infoJSON
	mustJSON(t, &info, "info", file, "--json")
	if info.Samples < 200 || len(info.Deviations) > 0 {
		t.Errorf("%d samples, %v", info.Samples, info.Deviations)
	}
}

// TestAmissBesideASignal: what went wrong is told, and is the exit code, whoever ended the command.
func TestAmissBesideASignal(t *testing.T) {
	t.Parallel() // it mostly waits
	told, saved := stopped{syscall.SIGINT}, errors.New("disk full")
	for _, tc := range []struct {
		err  error
		code int
	}{
		{nil, 130},
		{context.Canceled, 130},
		{told, 130},
		{fmt.Errorf("reading: %w", errors.Join(context.Canceled)), 130},
		{errors.Join(context.Canceled, told), 130},
		{fmt.Errorf("(%w after 2 s): %w", context.Canceled, saved), 130},
		{errors.Join(context.Canceled, saved), exitFailed},
		{errors.Join(told, incomplete{saved}), exitIncomplete},
		{refusal{saved}, exitRefused},
	} {
		left := amiss(tc.err)
		if code := exitCode(cmp.Or[error](left, told)); code != tc.code || left != nil && left.Error() != saved.Error() {
			t.Errorf("%v leaves %v, exit code %d, want %d", tc.err, left, code, tc.code)
		}
	}
	port := freePort(t)
	src := start(t, "play", "synth:imagery:3:1", "--nats", "--port", strconv.Itoa(port), "--session", "s1", "--speed", "8")
	says(t, "bus:", &src.errs)
	cmd := gyrusProcess(t, "record", filepath.Join(t.TempDir(), "r.arrow"), "nats:eeg", "--url", fmt.Sprintf("nats://127.0.0.1:%d", port), "--session", "s1")
	cmd.Args = []string{"sh", "-c", `ulimit -f 200; exec "$0"`, cmd.Path}
	cmd.Path = "/bin/sh"
	var errs safeBuffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	says(t, "nothing more is recorded", &errs)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != exitIncomplete || !strings.Contains(errs.String(), "stopped by interrupt") || !strings.Contains(errs.String(), "too large") {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
}
