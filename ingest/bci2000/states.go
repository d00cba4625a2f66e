package bci2000

import (
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
	changes int64
	begins  int // changes to another value than 0
	busy    bool
	labels  map[uint64]string // each of which is in memory once
}

// readEvents follows the states through the file: once to see how often they change, and once more for the events, which may be as many
// as the samples.
func (h *header) readEvents(src *flatfile.Source, n, frame int64) ([]signal.Event, error) {
	var tracks []*track
	for _, s := range h.list {
		if s.bits <= widest && isText(s.name) && !slices.Contains(clocks, s.name) {
			tracks = append(tracks, &track{state: s, open: -1, labels: map[uint64]string{}})
		}
	}
	if len(tracks) == 0 {
		return nil, nil
	}
	err := h.follow(src, n, frame, tracks, func(t *track, x uint64, _ int64) {
		t.changes++
		if x != 0 {
			t.begins++
		}
	})
	if err != nil {
		return nil, err
	}
	rate := h.info.Rate
	most := int64(float64(n)/rate*busiest) + busiest
	total := 0
	for _, t := range tracks {
		if t.now = 0; t.changes > most {
			t.busy = true
			src.Deviate(0, "State Vector Definition", fmt.Sprintf("a state that changes at most %d times a second makes events", busiest), fmt.Sprintf("%s changes %d times", t.name, t.changes), "it makes none")
			continue
		}
		total += t.begins
	}
	tracks = slices.DeleteFunc(tracks, func(t *track) bool { return t.busy || t.begins == 0 })
	if total == 0 {
		return nil, nil
	}
	events := make([]signal.Event, 0, total)
	end := func(t *track, k int64) {
		if t.open >= 0 {
			e := &events[t.open]
			e.Duration = float64(k-e.Sample) / rate
			t.open = -1
		}
	}
	err = h.follow(src, n, frame, tracks, func(t *track, x uint64, k int64) {
		if end(t, k); x != 0 {
			t.open = len(events)
			events = append(events, signal.Event{Sample: k, Onset: float64(k) / rate, Label: t.label(x)})
		}
	})
	for _, t := range tracks {
		end(t, n)
	}
	return events, err
}

// follow calls changed for each change of a state, in the order of the samples, and with each in that of tracks.
func (h *header) follow(src *flatfile.Source, n, frame int64, tracks []*track, changed func(t *track, x uint64, k int64)) error {
	per := max(1, chunkBytes/frame)
	buf := make([]byte, min(per, n)*frame)
	var last []byte // the vector before: most samples change nothing
	for at := int64(0); at < n; at += per {
		m := min(per, n-at)
		if err := src.Read(buf[:m*frame], h.bytes+at*frame, "states"); err != nil {
			return err
		}
		for k := range m {
			v := buf[(k+1)*frame-h.states : (k+1)*frame]
			if last != nil && slices.Equal(v, last) {
				continue
			}
			last = append(last[:0], v...)
			for _, t := range tracks {
				if x := t.value(v); x != t.now {
					t.now = x
					changed(t, x, at+k)
				}
			}
		}
	}
	return nil
}

// label is that of an event at which the state becomes x.
func (t *track) label(x uint64) string {
	label, seen := t.labels[x]
	if !seen {
		label = t.name + "/" + strconv.FormatUint(x, 10)
		t.labels[x] = label
	}
	return label
}
