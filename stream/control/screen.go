package control

import (
	"io"
	"os"
	"strings"
)

// Screen shows frames in place on a terminal.
type Screen struct {
	w     io.Writer
	color bool
	lines int // of the frame before, which is overwritten
}

// NewScreen writes to w, whatever w is, with or without colours.
func NewScreen(w io.Writer, color bool) *Screen { return &Screen{w: w, color: color} }

// TerminalScreen is a screen on f, or nil, which shows nothing, where f is no terminal. A NO_COLOR in the environment that
// is not empty turns colours off (no-color.org).
func TerminalScreen(f *os.File) *Screen {
	st, err := f.Stat()
	if err != nil || st.Mode()&os.ModeCharDevice == 0 || os.Getenv("TERM") == "dumb" {
		return nil
	}
	return NewScreen(f, os.Getenv("NO_COLOR") == "")
}

// Show draws f over the frame before, in one write, so that a terminal shows no half of it.
func (s *Screen) Show(f Frame) error {
	text := Render(f, s.color)
	var b strings.Builder
	if s.lines == 0 {
		b.WriteString("\x1b[?25l\x1b[?7l") // hide the terminal's own cursor; cut long lines instead of wrapping them
	}
	for range s.lines {
		b.WriteString("\x1b[A")
	}
	b.WriteString(strings.ReplaceAll(text, "\n", "\x1b[K\r\n")) // erase what a longer line left; \r for terminals that give key by key
	b.WriteString("\x1b[J")                                     // erase the lines that a longer frame left
	s.lines = strings.Count(text, "\n")
	_, err := io.WriteString(s.w, b.String())
	return err
}

// Close gives the terminal its cursor and its wrapping back.
func (s *Screen) Close() error {
	if s.lines == 0 {
		return nil
	}
	s.lines = 0
	_, err := io.WriteString(s.w, "\x1b[?7h\x1b[?25h")
	return err
}
