// Package all registers every feature step.
package all

import (
	_ "github.com/gyrus-bci/gyrus/features/csp"
	_ "github.com/gyrus-bci/gyrus/features/timedomain"
)
