// Package all registers every processor and segmenter of gyrus. It is imported for that alone.
package all

import (
	_ "github.com/gyrus-bci/gyrus/preprocess/artifact"
	_ "github.com/gyrus-bci/gyrus/preprocess/filt"
	_ "github.com/gyrus-bci/gyrus/preprocess/pick"
	_ "github.com/gyrus-bci/gyrus/preprocess/reref"
	_ "github.com/gyrus-bci/gyrus/preprocess/resample"
	_ "github.com/gyrus-bci/gyrus/preprocess/segment"
	_ "github.com/gyrus-bci/gyrus/preprocess/spatial"
	_ "github.com/gyrus-bci/gyrus/preprocess/standardise"
)
