package record

import (
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Splice counts the samples of a source on over its restarts, from 0: one that begins anew, or goes back, stands as far behind what
// was there before as the clock says, at least one sample. So what happened meanwhile has its true time. The zero value has seen
// nothing.
type Splice struct {
	begun, anew bool  // anew: the next samples are the first of a source that began anew
	shift, next int64 // what is added to sample numbers; the next that is expected
	lastEnd     int64 // time of sample next, nanoseconds
	from        int64 // first sample behind the newest restart
	blind       bool  // the clock went back there: nobody knows how long nothing was measured
}

// backS is by how many seconds the stamps of a source may go back over a restart without its clock being another.
const backS = 0.01

// Take follows the next chunk of the source, and says whether it is the first one (KindBegin) or begins anew (KindAnew); "" where it
// goes on.
func (s *Splice) Take(c signal.Chunk) Kind {
	if c.Len() == 0 {
		s.anew = s.anew || c.Anew
		return ""
	}
	anew, kind := c.Anew || s.anew, Kind("")
	s.anew = false
	switch {
	case !s.begun:
		s.begun, s.shift, kind = true, -c.Start, KindBegin
	case anew || c.Start+s.shift < s.next:
		gap := int64(1)
		d := math.Round(float64(c.Time-s.lastEnd) * c.Info.Rate / 1e9)
		if d > 1 && d < 1e12 {
			gap = int64(d)
		}
		s.from, s.blind = s.next+gap, d < -1-backS*c.Info.Rate
		s.shift, kind = s.from-c.Start, KindAnew
	}
	s.next, s.lastEnd = c.End()+s.shift, c.TimeAt(c.End())
	return kind
}

// Shift is what is added to the sample numbers of the newest chunk.
func (s *Splice) Shift() int64 { return s.shift }

// Place counts e, whose sample is counted as in the newest chunk, on like the samples, at rate Hz. Where the clock of the source went
// back nobody knows how what was before lies to what is behind: an event of before is where nothing was measured then.
func (s *Splice) Place(e signal.Event, rate float64) signal.Event {
	shift := s.shift
	if s.blind && e.Sample+shift < s.from {
		shift = s.from - 1 - e.Sample
	}
	e.Sample += shift
	e.Onset += float64(shift) / rate
	return e
}
