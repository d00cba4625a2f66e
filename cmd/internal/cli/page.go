package cli

import (
	"github.com/spf13/cobra"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/dashboard"
	"github.com/gyrus-bci/gyrus/stream/session"
)

// attachPage lets a session tell its web page what happens, beside those that it tells already.
func attachPage(page *dashboard.Server, opt *session.Options) {
	onChunk, onDecision, onLook, onShow := opt.OnChunk, opt.OnDecision, opt.OnLook, opt.OnShow
	opt.OnChunk = func(c signal.Chunk) {
		page.Chunk(c)
		if onChunk != nil {
			onChunk(c)
		}
	}
	opt.OnDecision = func(d session.Decided) {
		page.Decision(d.Command, d.Arrived)
		if onDecision != nil {
			onDecision(d)
		}
	}
	opt.OnLook = func(t bus.Telemetry) {
		page.Look(t)
		if onLook != nil {
			onLook(t)
		}
	}
	opt.OnShow = func(c bus.Cue) {
		page.Cue(c)
		if onShow != nil {
			onShow(c)
		}
	}
}

// showActuators lets a page show what the controllers of a session say that they move, until end is called. A server that does
// not allow it, as one of an older version, costs the page the picture and nothing else.
func showActuators(cmd *cobra.Command, page *dashboard.Server, b *bus.Bus, session, decoder string) (end func() error) {
	sub, err := b.SubscribeActuators(session, decoder, page.Actuator)
	if err != nil {
		note(cmd, "page: what controllers move is not shown: %v", err)
		return func() error { return nil }
	}
	return sub.Close
}
