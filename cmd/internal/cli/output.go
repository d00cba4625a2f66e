package cli

import (
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// output is standard output. It remembers its first failure, such as a full disk, so that commands can print without
// looking and none of them ends with 0 when its result did not arrive.
type output struct {
	w   io.Writer
	err error
}

// Write writes unless an earlier write failed.
func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.err = err
	return n, err
}

// terminal is the terminal that w writes to, nil where there is none.
func terminal(w io.Writer) *os.File {
	switch o := w.(type) {
	case *output:
		w = o.w
	case *aside:
		w = o.w
	}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb" {
		return f
	}
	return nil
}

// screen is where a command draws: the terminal on standard output, unless it prints JSON or was told not to draw.
func screen(cmd *cobra.Command, headless bool) *os.File {
	if headless || wantsJSON(cmd) {
		return nil
	}
	return terminal(cmd.OutOrStdout())
}
