package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// noteSpoilt says which samples were not finite, and what that did, which channels never changed, and what was made of channels
// that are not those of training.
func noteSpoilt(cmd *cobra.Command, name string, s pipeline.Stats) {
	if s.Crossing != "" {
		note(cmd, "%s: %s", name, s.Crossing)
	}
	if why := s.Spoilt(); why != "" {
		note(cmd, "%s: %s", name, why)
	}
	if which := s.Still(); which != "" {
		note(cmd, "%s: %s", name, which)
	}
}

// anyWindow refuses a stream in which samples that are not finite left no window.
func anyWindow(name string, s pipeline.Stats) error {
	if s.NotFinite > 0 && s.Windows == 0 {
		return refusal{fmt.Errorf("%s: no window is left: %s", name, s.Spoilt())}
	}
	return nil
}
