package cli

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stillTerminal is a terminal of 24 lines of 80 columns, and what makes it stand still, as Ctrl-S does, and go on.
func stillTerminal(t *testing.T) (tty *os.File, stop, start func()) {
	t.Helper()
	ptm, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("no pseudo-terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(int(ptm.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetPointerInt(int(ptm.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	if tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0); err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(int(tty.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	go func() { // who looks at it
		buf := make([]byte, 4096)
		for {
			if _, err := ptm.Read(buf); err != nil {
				return
			}
		}
	}()
	flow := func(what int) func() {
		return func() {
			if err := unix.IoctlSetInt(int(tty.Fd()), unix.TCXONC, what); err != nil {
				t.Error(err)
			}
		}
	}
	const tcooff, tcoon = 0, 1
	t.Cleanup(func() {
		flow(tcoon)()
		_, _ = tty.Close(), ptm.Close()
	})
	return tty, flow(tcooff), flow(tcoon)
}

// TestRecordOnAStillTerminal: a terminal that stands still, with a bar on it, keeps no recording from its end, which is on time and whole.
func TestRecordOnAStillTerminal(t *testing.T) {
	t.Parallel() // it mostly waits
	tty, still, _ := stillTerminal(t)
	port := freePort(t)
	url := fmt.Sprintf("nats://127.0.0.1:%d", port)
	src := start(t, "play", "synth:imagery:3:1", "--nats", "--port", strconv.Itoa(port), "--session", "s1")
	says(t, "bus:", &src.errs)
	file := filepath.Join(t.TempDir(), "a.arrow")
	var out safeBuffer
	code := make(chan int, 1)
	go func() {
		code <- Run(context.Background(), []string{"record", file, "nats:eeg", "--url", url, "--session", "s1", "--duration", "4", "--json"}, strings.NewReader(""), &out, tty)
	}()
	time.Sleep(patience + 1500*time.Millisecond) // the bar is there
	still()
	select {
	case c := <-code:
		if c != exitDone {
			t.Errorf("exit code %d: %s", c, out.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it waits for the terminal")
	}
	var info infoJSON
	mustJSON(t, &info, "info", file, "--json")
	if len(info.Deviations) > 0 || info.Samples < 300 {
		t.Errorf("%d samples, %v", info.Samples, info.Deviations)
	}
}
