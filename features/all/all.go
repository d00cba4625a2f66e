// Package all registers every feature step.
package all

import (
	_ "github.com/gyrus-bci/gyrus/features/align"
	_ "github.com/gyrus-bci/gyrus/features/connectivity"
	_ "github.com/gyrus-bci/gyrus/features/csp"
	_ "github.com/gyrus-bci/gyrus/features/erp"
	_ "github.com/gyrus-bci/gyrus/features/riemann"
	_ "github.com/gyrus-bci/gyrus/features/rows"
	_ "github.com/gyrus-bci/gyrus/features/spectral"
	_ "github.com/gyrus-bci/gyrus/features/ssvep"
	_ "github.com/gyrus-bci/gyrus/features/timedomain"
)
