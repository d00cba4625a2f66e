package doctor

import (
	"context"
	"fmt"
)

// File is one that a session will write, or reads.
type File struct {
	What string // the recording
	File string
	// Check says why it cannot be written or read, nil where nothing speaks against it. It leaves everything as it was.
	Check  func() error
	Remedy string // where something does
}

// writes asks whether what the session will write can be: a session of an hour is not to find out at its end.
func writes(_ context.Context, o *Options) []Finding {
	return filesFound("writes", "nothing stands in the way of %s of the session, %s", o.Writes)
}

// reads asks whether what the session begins with is there, and does.
func reads(_ context.Context, o *Options) []Finding {
	return filesFound("reads", "%s of the session can be used: %s", o.Reads)
}

// filesFound is what the checks of files say; fine says that one does, of what it is and where.
func filesFound(check, fine string, files []File) (out []Finding) {
	for _, f := range files {
		if err := f.Check(); err != nil {
			out = append(out, Finding{check, Problem, fmt.Sprintf("%s of the session: %s", f.What, err), f.Remedy})
			continue
		}
		out = append(out, Finding{check, OK, fmt.Sprintf(fine, f.What, f.File), ""})
	}
	return out
}
