package control

import (
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// CursorState is what a simulated cursor is doing, in one word.
type CursorState string

// The states of a cursor.
const (
	CursorMoves   CursorState = "moves"
	CursorHolds   CursorState = "holds"   // there is a command, and it is to stand
	CursorUnknown CursorState = "unknown" // there is a command that the cursor has no movement for: it stands
	CursorSafe    CursorState = "safe"    // there is no command to act on: it stands
)

// Frame is what there is to see of a cursor at one moment.
type Frame struct {
	Seconds    float64     `json:"t_s"` // since the control loop began
	State      CursorState `json:"state"`
	Reason     Reason      `json:"reason,omitempty"` // CursorSafe: why
	Latched    bool        `json:"latched,omitempty"`
	Label      string      `json:"label,omitempty"`
	Confidence float64     `json:"confidence,omitempty"`
	AgeMS      float64     `json:"age_ms"` // of the command; 0 without one
	Position   [2]float64  `json:"position"`
	Velocity   [2]float64  `json:"velocity_per_s"`
	Target     [2]float64  `json:"target"`
	Hits       int         `json:"hits"`
	Unknown    int         `json:"unknown"` // steps with a command that the cursor has no movement for
	Counters   Counters    `json:"commands"`
}

// frame is the moment after Step.
func (c *Cursor) frame(seconds float64, a Action, ok, known bool, n Counters) Frame {
	f := Frame{
		Seconds: seconds, State: CursorMoves, Reason: a.Reason, Latched: a.Latched, Position: c.Position, Velocity: c.Velocity,
		Target: c.Target, Hits: c.Hits, Unknown: c.Unknown, Counters: n,
	}
	switch {
	case !ok:
		f.State = CursorSafe
		return f
	case !known:
		f.State = CursorUnknown
	case c.Velocity == [2]float64{}:
		f.State = CursorHolds
	}
	f.Label, f.Confidence, f.AgeMS = a.Command.Label, a.Command.Confidence, a.Age.Seconds()*1e3
	if a.Command.Kind == bus.KindContinuous {
		f.Label = "continuous"
	}
	return f
}

// sameState says whether nothing changed between f and g that deserves a line in a log.
func (f *Frame) sameState(g *Frame) bool {
	return f.State == g.State && f.Reason == g.Reason && f.Latched == g.Latched && f.Label == g.Label && f.Hits == g.Hits
}

// columns is the width of the field in letters; odd, so that there is a middle.
const columns = 61

// Colours of a terminal (ECMA-48, "select graphic rendition").
const (
	plain  = "\x1b[0m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	alarm  = "\x1b[1;37;41m" // white on red
)

// Render draws f as five lines of text without cursor movements, each ended by a newline: the field with the target and
// the cursor, the state, and the counts. Only x is shown. Without color it holds no escape sequence.
func Render(f Frame, color bool) string {
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return code + s + plain
	}
	field := []rune(strings.Repeat(" ", columns))
	field[columns/2] = '·'
	field[column(f.Target[0])] = '◎'
	at := column(f.Position[0])
	cursor := paint(green, "█")
	if f.State == CursorSafe {
		cursor = paint(alarm, "█")
	}
	var b strings.Builder
	edge := strings.Repeat("─", columns)
	fmt.Fprintf(&b, "╭%s╮\n│%s%s%s│\n╰%s╯\n", edge, string(field[:at]), cursor, string(field[at+1:]), edge)

	switch f.State {
	case CursorSafe:
		word := "SAFE " + string(f.Reason)
		if f.Latched {
			word += " (latched: re-arm to go on)"
		}
		fmt.Fprintf(&b, " %s  hits %d\n", paint(alarm, word), f.Hits)
	default:
		code := green
		if f.State != CursorMoves {
			code = yellow
		}
		label := f.Label
		if label == "" {
			label = "-"
		}
		fmt.Fprintf(&b, " %s  %s  %s %.2f  age %.0f ms  hits %d\n",
			paint(code, strings.ToUpper(string(f.State))), clean(label), bar(f.Confidence), f.Confidence, f.AgeMS, f.Hits)
	}
	n := f.Counters
	fmt.Fprintf(&b, " commands %d, accepted %d, expired %d, unproven %d, other %d, gaps %d; safe %d times\n",
		n.Received, n.Accepted, n.Expired, n.Unproven, n.Received-n.Accepted-n.Expired-n.Unproven, n.Gaps, n.SafeEntries)
	return b.String()
}

// column is the place of x, from -1 to 1, in the field.
func column(x float64) int {
	x = min(max(x, -1), 1)
	return int(math.Round((x + 1) / 2 * (columns - 1)))
}

// bar shows p, from 0 to 1, in ten letters.
func bar(p float64) string {
	n := int(math.Round(10 * min(max(p, 0), 1)))
	return strings.Repeat("█", n) + strings.Repeat("░", 10-n)
}

// clean makes a label that came over the network harmless to a terminal, and short.
func clean(label string) string {
	label = strings.Map(func(c rune) rune {
		if c < ' ' || (c >= 0x7f && c < 0xa0) {
			return '?'
		}
		return c
	}, label)
	if letters := []rune(label); len(letters) > 20 {
		return string(letters[:19]) + "…"
	}
	return label
}
