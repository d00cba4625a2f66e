package bci2000

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// clocks are states that change all the time by what they are.
var clocks = []string{"SourceTime", "StimulusTime", "PrecisionTime"}

const (
	widest     = 16      // bits of a state that makes events
	busiest    = 10      // changes a second
	chunkBytes = 1 << 18 // that are read at once
)

// value takes a state out of the vector.
func (s state) value(v []byte) uint64 {
	out := uint64(0)
	for k := range s.bits {
		bit := s.bit + k
		out |= uint64(v[bit/8]>>(bit%8)&1) << k
	}
	return out
}

// track is one state being followed.
type track struct {
	state
	now     uint64
	open    int // place of the event that goes on, -1 where there is none
	events  []signal.Event
	changes int64
}

// readEvents follows the states through the file.
func (h *header) readEvents(src *flatfile.Source, n, frame int64) ([]signal.Event, error) {
	var tracks []*track
	for _, s := range h.list {
		if s.bits <= widest && isText(s.name) && !slices.Contains(clocks, s.name) {
			tracks = append(tracks, &track{state: s, open: -1})
		}
	}
	if len(tracks) == 0 {
		return nil, nil
	}
	rate := h.info.Rate
	most := int64(float64(n)/rate*busiest) + busiest
	per := max(1, chunkBytes/frame)
	buf := make([]byte, min(per, n)*frame)
	var last []byte // the vector before: most samples change nothing
	for at := int64(0); at < n; at += per {
		m := min(per, n-at)
		if err := src.Read(buf[:m*frame], h.bytes+at*frame, "states"); err != nil {
			return nil, err
		}
		for k := range m {
			v := buf[(k+1)*frame-h.states : (k+1)*frame]
			if last != nil && slices.Equal(v, last) {
				continue
			}
			last = append(last[:0], v...)
			for _, t := range tracks {
				t.follow(v, at+k, rate, most)
			}
		}
	}
	var events []signal.Event
	for _, t := range tracks {
		if t.changes > most {
			src.Deviate(0, "State Vector Definition", fmt.Sprintf("a state that changes at most %d times a second makes events", busiest), fmt.Sprintf("%s changes %d times", t.name, t.changes), "it makes none")
			continue
		}
		if t.open >= 0 {
			t.close(n, rate)
		}
		events = append(events, t.events...)
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int { return cmp.Compare(a.Sample, b.Sample) })
	return events, nil
}

// follow looks at the state at sample k.
func (t *track) follow(v []byte, k int64, rate float64, most int64) {
	x := t.value(v)
	if x == t.now {
		return
	}
	t.now = x
	if t.changes++; t.changes > most {
		t.events, t.open = nil, -1
		return
	}
	if t.open >= 0 {
		t.close(k, rate)
	}
	if x != 0 {
		t.open = len(t.events)
		t.events = append(t.events, signal.Event{Sample: k, Onset: float64(k) / rate, Label: t.name + "/" + strconv.FormatUint(x, 10)})
	}
}

// close ends the event that goes on before sample k.
func (t *track) close(k int64, rate float64) {
	e := &t.events[t.open]
	e.Duration = float64(k-e.Sample) / rate
	t.open = -1
}
