//go:build !unix

package main

import "time"

// cpuTime is not known here: the share of a core is then shown as 0.
func cpuTime() time.Duration { return 0 }
