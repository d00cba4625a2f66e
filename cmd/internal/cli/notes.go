package cli

import (
	"fmt"
	"strings"

	"github.com/gyrus-bci/gyrus/stream/bundle"
)

// delayLine says by how much the filters make the signal late; "" without one.
func delayLine(d *bundle.Delay) string {
	if d == nil {
		return ""
	}
	var steps []string
	for _, s := range d.Steps {
		steps = append(steps, fmt.Sprintf("%s %.1f ms", s.Step, 1e3*s.Seconds))
	}
	return fmt.Sprintf("group delay at %.4g Hz, the centre of the pass band: %.1f ms (%s)\n", d.AtHz, 1e3*d.Seconds, strings.Join(steps, ", "))
}

// noteLines is what the steps said of the fit, one line each.
func noteLines(notes []bundle.Note) string {
	var b strings.Builder
	for _, n := range notes {
		fmt.Fprintf(&b, "%s: %s\n", n.Step, n.Text)
	}
	return b.String()
}
