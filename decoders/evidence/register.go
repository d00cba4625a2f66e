package evidence

import "github.com/gyrus-bci/gyrus/decoders"

func init() { decoders.RegisterDecider("evidence", func() decoders.Decider { return New() }) }
