// Package all registers every decoder.
package all

import (
	_ "github.com/gyrus-bci/gyrus/decoders/adapt"
	_ "github.com/gyrus-bci/gyrus/decoders/calibrate"
	_ "github.com/gyrus-bci/gyrus/decoders/deep"
	_ "github.com/gyrus-bci/gyrus/decoders/dqn"
	_ "github.com/gyrus-bci/gyrus/decoders/evidence"
	_ "github.com/gyrus-bci/gyrus/decoders/kalman"
	_ "github.com/gyrus-bci/gyrus/decoders/linear"
	_ "github.com/gyrus-bci/gyrus/decoders/riemann"
	_ "github.com/gyrus-bci/gyrus/decoders/seizure"
)
