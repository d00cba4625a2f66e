package control

import (
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Simulator is what a control loop moves. It has no clock and no unseeded random number: the same steps give the same
// frames. It is used from one goroutine.
type Simulator interface {
	Validate() error // reports the first parameter that is out of its range
	// Step lets dt pass, and moves by what Receiver.Current said. ok false is the safe state.
	Step(dt time.Duration, a Action, ok bool) State
	View() View               // what there is to see now; it may be kept
	Outcome() (Outcome, bool) // of a trial, where one ended in the newest Step
	Done() bool               // nothing is left to do
}

// State is what a simulator is doing, in one word.
type State string

// The states of a simulator.
const (
	StateMoves   State = "moves"
	StateHolds   State = "holds"   // there is a command, and it is to stand
	StateUnknown State = "unknown" // there is a command that it has no movement for: it stands
	StateSafe    State = "safe"    // there is no command to act on
)

// View is what there is to see of a simulator at one moment.
type View interface {
	Name() string                 // of the simulator
	Same(View) bool               // nothing changed that deserves a line in a log
	Summary() string              // a few words for a line on a terminal
	Draw(p Paint, s State) string // lines of text without cursor movements, each ended by a newline
	Report(a *bus.Actuator)       // fills in what pages show of it
}

// Paint gives text a colour, or leaves it as it is.
type Paint func(code, text string) string

// Frame is what there is to see at one moment.
type Frame struct {
	Seconds    float64  `json:"t_s"` // since the control loop began
	Simulator  string   `json:"simulator"`
	State      State    `json:"state"`
	Reason     Reason   `json:"reason,omitempty"` // StateSafe: why
	Latched    bool     `json:"latched,omitempty"`
	Waits      bool     `json:"stop_unconfirmed,omitempty"`
	Fresh      bool     `json:"-"` // it is over in half a second
	Label      string   `json:"label,omitempty"`
	Confidence float64  `json:"confidence,omitempty"`
	AgeMS      float64  `json:"age_ms"` // of the command; 0 without one
	View       View     `json:"view"`
	Counters   Counters `json:"commands"`
	Note       string   `json:"-"` // a line for people, of LoopOptions.Note
}

// frame is the moment after Step.
func frame(sim Simulator, seconds float64, state State, a Action, ok bool, n Counters) Frame {
	v := sim.View()
	f := Frame{Seconds: seconds, Simulator: v.Name(), State: state, Reason: a.Reason, Latched: a.Latched, Waits: a.Waits, Fresh: a.Fresh, View: v, Counters: n}
	if !ok {
		return f
	}
	f.Label, f.Confidence, f.AgeMS = a.Command.Label, a.Command.Confidence, a.Age.Seconds()*1e3
	if a.Command.Kind == bus.KindContinuous {
		f.Label = "continuous"
	}
	return f
}

// sameState says whether nothing changed between f and g that deserves a line in a log.
func (f *Frame) sameState(g *Frame) bool {
	return g.View != nil && f.State == g.State && f.Reason == g.Reason && f.Latched == g.Latched && f.Waits == g.Waits && f.Label == g.Label && f.View.Same(g.View)
}

// Colours of a terminal (ECMA-48, "select graphic rendition").
const (
	plain  = "\x1b[0m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	alarm  = "\x1b[1;37;41m" // white on red
)

// Render draws f as lines of text without cursor movements, each ended by a newline: the view, the state, and the counts.
// Without color it holds no escape sequence.
func Render(f Frame, color bool) string {
	paint := func(code, s string) string {
		if !color {
			return s
		}
		return code + s + plain
	}
	var b strings.Builder
	b.WriteString(f.View.Draw(paint, f.State))
	switch f.State {
	case StateSafe:
		word := "SAFE " + string(f.Reason)
		switch {
		case f.Waits:
			word += " (the stop is not confirmed)"
		case f.Fresh:
			word += " (latched: a stop came just now, look before you re-arm)"
		case f.Latched:
			word += " (latched: re-arm to go on)"
		case f.Reason.Words() != "":
			word += " (" + f.Reason.Words() + ")"
		}
		fmt.Fprintf(&b, " %s  %s\n", paint(alarm, word), f.View.Summary())
	default:
		code := green
		if f.State != StateMoves {
			code = yellow
		}
		label := f.Label
		if label == "" {
			label = "-"
		}
		fmt.Fprintf(&b, " %s  %s  %s %.2f  age %.0f ms  %s\n",
			paint(code, strings.ToUpper(string(f.State))), clean(label), bar(f.Confidence), f.Confidence, f.AgeMS, f.View.Summary())
	}
	n := f.Counters
	fmt.Fprintf(&b, " commands %d, accepted %d, expired %d, unproven %d, other %d, gaps %d; safe %d times\n",
		n.Received, n.Accepted, n.Expired, n.Unproven, n.Received-n.Accepted-n.Expired-n.Unproven, n.Gaps, n.SafeEntries)
	if f.Note != "" {
		fmt.Fprintf(&b, " %s\n", paint(yellow, f.Note))
	}
	return b.String()
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
