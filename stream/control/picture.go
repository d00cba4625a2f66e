package control

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Picture is an SVG of both simulators as they look on a terminal: the cursor on its way to the third of eight targets, and
// the hand with a cup in a power grasp. It is played from fixed commands, so that it is the same each time.
func Picture() string {
	const turn = 10 * time.Millisecond
	cursor := NewCenterOut(NewCursor("left", "right"), 8)
	counters := Counters{}
	act := func(a Action) Action {
		counters.Received++
		counters.Accepted++
		a.Command.Confidence, a.Age = 0.87, 24*time.Millisecond
		return a
	}
	var a Action
	var state State
	for step := 0; step < 3000; step++ {
		v := cursor.View().(*CursorView)
		if v.Trial == 3 && math.Hypot(v.Position[0], v.Position[1]) > 0.45 {
			break
		}
		a = act(Action{Command: bus.Command{Kind: bus.KindContinuous, Value: towards(v)}})
		state = cursor.Step(turn, a, true)
	}
	left := frame(cursor, 0, state, a, true, counters)

	hand := NewHand()
	hand.Goals = []string{GraspPower, GraspPinch}
	counters = Counters{}
	for range 150 {
		a = act(Action{Command: bus.Command{Kind: bus.KindClass, Label: GraspPower}})
		state = hand.Step(turn, a, true)
	}
	return svg(left, frame(hand, 0, state, a, true, counters))
}

// towards is the direction from the cursor to its target.
func towards(v *CursorView) []float64 {
	if v.Target == nil {
		return []float64{0, 0}
	}
	return []float64{v.Target[0] - v.Position[0], v.Target[1] - v.Position[1]}
}

// svgColours are those of the terminal on a dark ground.
var svgColours = map[string]string{green: "#4ec980", yellow: "#e6c34d", alarm: "#ff6b6b"}

var escape = regexp.MustCompile(`\x1b\[[0-9;]*m`)

// svg draws frames below each other in a fixed-width font.
func svg(frames ...Frame) string {
	const line, left, letter = 18, 16, 8.43 // pixels; the width of a letter of 14 pixels
	var lines []string
	for k, f := range frames {
		if k > 0 {
			lines = append(lines, "")
		}
		lines = append(lines, strings.Split(strings.TrimSuffix(Render(f, true), "\n"), "\n")...)
	}
	wide := 0
	for _, l := range lines {
		wide = max(wide, len([]rune(escape.ReplaceAllString(l, ""))))
	}
	w, h := int(2*left+letter*float64(wide)), line*(len(lines)+1)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="The cursor and the hand of gyrus control on a terminal">`+"\n", w, h, w, h)
	fmt.Fprintf(&b, `<rect width="%d" height="%d" rx="8" fill="#16181d"/>`+"\n", w, h)
	b.WriteString(`<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="14" fill="#d6d9de" xml:space="preserve">` + "\n")
	for k, l := range lines {
		column := 0
		color := ""
		rest := l
		for rest != "" {
			text := rest
			next := ""
			if at := escape.FindStringIndex(rest); at != nil {
				text, next, rest = rest[:at[0]], rest[at[0]:at[1]], rest[at[1]:]
			} else {
				rest = ""
			}
			if n := len([]rune(text)); n > 0 {
				x := make([]string, n) // of each letter, so that columns are under each other whatever font there is
				for i := range x {
					x[i] = strconv.FormatFloat(left+letter*float64(column+i), 'f', 1, 64)
				}
				fmt.Fprintf(&b, `<text x="%s" y="%d"`, strings.Join(x, " "), line*(k+1)+2)
				if color != "" {
					fmt.Fprintf(&b, ` fill="%s"`, color)
				}
				fmt.Fprintf(&b, ">%s</text>\n", strings.NewReplacer("&", "&amp;", "<", "&lt;", " ", "\u00a0").Replace(text))
				column += n
			}
			if next != "" {
				color = svgColours[next]
			}
		}
	}
	b.WriteString("</g>\n</svg>\n")
	return b.String()
}
