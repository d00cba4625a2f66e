// Package all registers every processor and segmenter of gyrus. It is imported for that alone.
package all

import (
	_ "github.com/gyrus-bci/gyrus/preprocess/filt"
	_ "github.com/gyrus-bci/gyrus/preprocess/pick"
	_ "github.com/gyrus-bci/gyrus/preprocess/reref"
	_ "github.com/gyrus-bci/gyrus/preprocess/segment"
)
