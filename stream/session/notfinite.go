package session

import (
	"fmt"
	"time"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// notFinite follows the samples of a stream that are NaN or infinite, in whatever channel. They come in spells: one is over when none has
// come for SeldomEvery, or when the stream begins anew and with it the numbers of its samples.
type notFinite struct {
	name  string
	info  *signal.Info
	watch *pipeline.FiniteWatch // of the spell
	since time.Time             // when it began, the zero time where none goes on
	last  time.Time
	n     uint64 // of the whole stream
}

func newNotFinite(name string, info *signal.Info) *notFinite {
	return &notFinite{name: name, info: info, watch: pipeline.NewFiniteWatch(info)}
}

// see takes in c, which came at now, and returns the line for people: at the begin of a spell, else "".
func (f *notFinite) see(now time.Time, c signal.Chunk) string {
	if !f.since.IsZero() && (c.Anew || !f.on(now)) {
		f.watch, f.since = pipeline.NewFiniteWatch(f.info), time.Time{}
	}
	n := f.watch.See(c)
	if n == 0 {
		return ""
	}
	f.n, f.last = f.n+uint64(n), now
	if !f.since.IsZero() {
		return ""
	}
	f.since = now
	return fmt.Sprintf("%s: %s: where the pipeline uses such a channel they count as lost, and no window reaches over them; look at the electrodes, and at what the sender does", f.name, f.now(now))
}

// on says whether a spell goes on.
func (f *notFinite) on(now time.Time) bool {
	return !f.since.IsZero() && now.Sub(f.last) < SeldomEvery
}

// now is the spell that goes on, for the state of the stream: which channels, since when, and how many samples; "" for none.
func (f *notFinite) now(now time.Time) string {
	if !f.on(now) {
		return ""
	}
	n, channels := f.watch.NotFinite()
	return fmt.Sprintf("samples that are NaN or infinite since %s: %d (%s)", f.since.Format(time.TimeOnly), n, pipeline.Blame(channels))
}
