// Package all registers every decoder.
package all

import (
	_ "github.com/gyrus-bci/gyrus/decoders/linear"
)
