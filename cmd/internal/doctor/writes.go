package doctor

import (
	"context"
	"fmt"
)

// Write is a file that a session will write.
type Write struct {
	What string // the recording
	File string
	// Check says why it cannot be written, nil where nothing speaks against it. It writes nothing.
	Check  func() error
	Remedy string // where something does
}

// writes asks whether what the session will write can be: a session of an hour is not to find out at its end.
func writes(_ context.Context, o *Options) []Finding {
	var out []Finding
	for _, w := range o.Writes {
		if err := w.Check(); err != nil {
			out = append(out, Finding{"writes", Problem, fmt.Sprintf("%s of the session: %s", w.What, err), w.Remedy})
			continue
		}
		out = append(out, Finding{"writes", OK, fmt.Sprintf("nothing stands in the way of %s of the session, %s", w.What, w.File), ""})
	}
	return out
}
