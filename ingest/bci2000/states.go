package bci2000

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// clocks are states that change all the time by what they are.
var clocks = []string{"SourceTime", "StimulusTime", "PrecisionTime"}

// markers are states that tell of the experiment, or of keys (BCI2000 wiki, "User Reference:P3SpellerTask", "User Reference:StimulusPresentationTask",
// "User Reference:CursorTask", "Contributions:KeyLogFilter"): events, however fast they follow each other.
var markers = []string{
	"StimulusCode", "StimulusType", "StimulusBegin", "StimulusCodeRes", "StimulusTypeRes", "PhaseInSequence", "TargetCode", "ResultCode", "Feedback", "IntertrialInterval",
	"SelectedStimulus", "SelectedTarget", "SelectedRow", "SelectedColumn", "KeyDown", "KeyUp",
}

const (
	together   = 0.1     // seconds between changes that follow each other closely, unless a block lasts longer
	longest    = 1.0     // seconds of a block that is believed
	few        = 10      // close changes that are nothing to go by
	named      = 10      // states that a note names
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
	now    uint64
	open   int               // place of the event that goes on, -1 where there is none
	begins int               // changes to another value than 0
	last   int64             // sample of the last change
	close  int               // changes from one value straight to another, neither of them 0, closely behind the last change
	labels map[uint64]string // each of which is in memory once
}

// measured says whether the state is a number that is measured, such as the position of a cursor or of the eyes, and not what happens: it goes
// from value to value, mostly as often as it can be seen to.
func (t *track) measured() bool {
	return t.close > few && 2*t.close > t.begins && !slices.Contains(markers, t.name)
}

// readEvents follows the states through the file: once to see which of them are events, and once more for these, which may be as many as the
// samples. Those that are measured are noted.
func (h *header) readEvents(src *flatfile.Source, n, frame int64) (events []signal.Event, notes []signal.Deviation, err error) {
	var tracks []*track
	for _, s := range h.list {
		if isText(s.name) && !slices.Contains(clocks, s.name) {
			tracks = append(tracks, &track{state: s, open: -1, labels: map[uint64]string{}})
		}
	}
	if len(tracks) == 0 {
		return nil, nil, nil
	}
	rate := h.info.Rate
	near := int64(math.Ceil(together * rate))
	if b := float64(h.block); b <= longest*rate {
		near = max(near, h.block)
	}
	err = h.follow(src, n, frame, tracks, func(t *track, before uint64, k int64) {
		if t.now != 0 {
			if t.begins++; before != 0 && k-t.last <= near {
				t.close++
			}
		}
		t.last = k
	})
	if err != nil {
		return nil, nil, err
	}
	total, left := 0, []string(nil)
	for _, t := range tracks {
		if t.now = 0; t.measured() {
			left = append(left, t.name)
			continue
		}
		total += t.begins
	}
	notes = measuredNote(left)
	tracks = slices.DeleteFunc(tracks, func(t *track) bool { return t.measured() || t.begins == 0 })
	if total == 0 {
		return nil, notes, nil
	}
	events = make([]signal.Event, 0, total)
	end := func(t *track, k int64) {
		if t.open >= 0 {
			e := &events[t.open]
			e.Duration = float64(k-e.Sample) / rate
			t.open = -1
		}
	}
	err = h.follow(src, n, frame, tracks, func(t *track, _ uint64, k int64) {
		if end(t, k); t.now != 0 {
			t.open = len(events)
			events = append(events, signal.Event{Sample: k, Onset: float64(k) / rate, Label: t.label(t.now)})
		}
	})
	for _, t := range tracks {
		end(t, n)
	}
	return events, notes, err
}

// measuredNote says which states make no events because they are numbers that are measured.
func measuredNote(names []string) []signal.Deviation {
	if len(names) == 0 {
		return nil
	}
	found := strings.Join(names[:min(len(names), named)], ", ")
	if more := len(names) - named; more > 0 {
		found += fmt.Sprintf(" and %d more", more)
	}
	return []signal.Deviation{{
		Where: "State Vector Definition", Rule: "a state may tell what happens, or be a number that is measured, such as the position of a cursor",
		Found: found + ": from value to value all the time", Assumed: "numbers that are measured, which are not read: they make no events",
	}}
}

// follow calls changed for each change of a state to what it is now, in the order of the samples, and with each in that of tracks.
func (h *header) follow(src *flatfile.Source, n, frame int64, tracks []*track, changed func(t *track, before uint64, k int64)) error {
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
				if before, x := t.now, t.value(v); x != before {
					t.now = x
					changed(t, before, at+k)
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
