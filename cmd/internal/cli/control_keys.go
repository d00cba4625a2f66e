package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"sync"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/gyrus-bci/gyrus/stream/control"
)

// readKeys obeys the keys of an operator, where there are any: on a terminal that is drawn on, key by key, or with --keys
// as bytes. restore gives the terminal back; it may be called again.
func (f *controlFlags) readKeys(cmd *cobra.Command, drawn bool, rec *control.Receiver, cancel context.CancelCauseFunc) (restore func(), err error) {
	in := cmd.InOrStdin()
	restore = func() {}
	file, ok := in.(*os.File)
	tty := ok && term.IsTerminal(int(file.Fd()))
	if !f.keys && (!tty || !drawn) {
		return restore, nil
	}
	if tty && drawn {
		state, err := term.MakeRaw(int(file.Fd()))
		if err != nil {
			return restore, fmt.Errorf("reading keys: %w", err)
		}
		restore = sync.OnceFunc(func() {
			_ = term.Restore(int(file.Fd()), state) // fails where the terminal is gone, and nobody sees it then
		})
	}
	tell := func(err error) { note(cmd, "%v", err) }
	if drawn {
		tell = func(error) {} // the screen shows why
	}
	go obeyKeys(in, rec, tell, cancel) // ends with its input, at the latest with the process: a read of a terminal cannot be broken off
	return restore, nil
}

// operator is what keys act on.
type operator interface {
	EmergencyStop()
	Rearm() error
	Hold()
}

// obeyKeys reads keys until in ends. tell is told why nothing was re-armed.
func obeyKeys(in io.Reader, rec operator, tell func(error), cancel context.CancelCauseFunc) {
	key := make([]byte, 1)
	for {
		if n, err := in.Read(key); n == 0 && err != nil {
			return
		} else if n == 0 {
			continue
		}
		switch key[0] {
		case ' ':
			rec.Hold()
		case 's', 'S':
			rec.EmergencyStop()
		case 'r', 'R':
			if err := rec.Rearm(); err != nil {
				tell(err)
			}
		case 'q', 'Q':
			cancel(nil)
		case 3: // Ctrl-C, which is a key like others on a raw terminal
			cancel(stopped{syscall.SIGINT})
		}
	}
}
