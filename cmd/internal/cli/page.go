package cli

import (
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
