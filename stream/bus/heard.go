package bus

import "time"

// heard is what a decoder said of its clock.
type heard struct {
	run, published int64     // TPublish of what it said
	at             time.Time // when that came
}

// on is a time of this process on the decoder's clock, by what it said before or behind: too early by as long as that was under way, never
// too late.
func (h heard) on(t time.Time) int64 { return h.published + int64(t.Sub(h.at)) }

// named is a decoder of a session.
type named struct{ session, decoder string }

// maxHeard is how many decoders a Bus remembers; where more speak it begins anew.
const maxHeard = 256

// hear remembers the newest that a decoder said.
func (b *Bus) hear(session, decoder string, h heard) {
	b.mu.Lock()
	defer b.mu.Unlock()
	who := named{session, decoder}
	if old, ok := b.newest[who]; ok && old.run == h.run && old.published >= h.published {
		return
	}
	if b.newest == nil || len(b.newest) >= maxHeard {
		b.newest = map[named]heard{}
	}
	b.newest[who] = h
}

// heardOf is the newest that this process has heard from a decoder, the zero value where it has heard nothing.
func (b *Bus) heardOf(session, decoder string) heard {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.newest[named{session, decoder}]
}
