//go:build !unix

package ingesttest

import "time"

// CPUTime is not known here.
func CPUTime() time.Duration { return 0 }
