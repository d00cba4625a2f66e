//go:build !unix

package ingesttest

import "time"

// cpuTime is not known here.
func cpuTime() time.Duration { return 0 }
