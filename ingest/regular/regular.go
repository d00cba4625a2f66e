// Package regular opens files that recordings and what is said about them may lie in. To open a pipe waits for whoever writes into
// it, and a device never ends: in a folder that came from elsewhere either would hold the program up for ever.
package regular

import (
	"fmt"
	"io/fs"
)

// Open opens the file called name, links followed. A folder is opened too: its users refuse it in words of their own. Pipes,
// sockets and devices are refused before they are opened.
func Open(fsys fs.FS, name string) (fs.File, error) {
	st, err := fs.Stat(fsys, name)
	if err != nil {
		return nil, err
	}
	if what := special(st.Mode()); what != "" {
		return nil, fmt.Errorf("%s is a %s, must be a file: copy what comes out of it into one", name, what)
	}
	return fsys.Open(name)
}

// special is what something is that is neither file nor folder.
func special(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	case m&fs.ModeIrregular != 0:
		return "special file of this system"
	}
	return ""
}
