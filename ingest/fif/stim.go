package fif

import (
	"cmp"
	"math"
	"slices"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// stimulusChannels are the positions of the channels that events are looked for in.
func (r *reader) stimulusChannels() []int {
	for _, name := range []string{"STI101", "STI 014"} {
		if i := slices.IndexFunc(r.chans, func(c channel) bool { return c.Original == name }); i >= 0 {
			return []int{i}
		}
	}
	var pick []int
	for i, c := range r.chans {
		if c.Kind == signal.Trigger {
			pick = append(pick, i)
		}
	}
	return pick
}

// stimuli finds the events in the stimulus channels. there is false where there is no such channel.
//
// As MNE's find_events: an event is a sample at which the value is above that of the sample before; values lose their
// fraction and their sign; behind a gap the value before is 0.
func (r *reader) stimuli(c clock) (events []signal.Event, there bool, err error) {
	pick := r.stimulusChannels()
	if len(pick) == 0 {
		return nil, false, nil
	}
	size := min(4096, r.spans[len(r.spans)-1].End())
	slab := make([][]float64, len(pick))
	for i := range slab {
		slab[i] = make([]float64, size)
	}
	last, x := make([]int64, len(pick)), make([][]float64, len(pick))
	negative := false
	for k, span := range r.spans {
		for at := span.Start; at < span.End(); at += size {
			n := min(size, span.End()-at)
			for i := range x {
				x[i] = slab[i][:n]
			}
			if err := r.read(x, pick, at); err != nil {
				return nil, true, err
			}
			for t := range n {
				for i := range x {
					v := whole(x[i][t])
					negative = negative || v < 0
					v = max(v, -v)
					if at == span.Start && t == 0 {
						last[i] = 0
						if k == 0 {
							last[i] = v // it was there before the recording
						}
					}
					if v > last[i] {
						events = append(events, signal.Event{Sample: at + t, Onset: float64(at+t) / c.rate, Label: strconv.FormatInt(v, 10)})
					}
					last[i] = v
				}
			}
		}
	}
	if negative {
		r.src.deviate(0, "stimulus channel", "values are not negative", "negative values in "+r.chans[pick[0]].Original, "their magnitude, as MNE does")
	}
	slices.SortStableFunc(events, func(a, b signal.Event) int {
		return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Label, b.Label))
	})
	return slices.Compact(events), true, nil
}

// whole is x without its fraction; 0 where it is no number or too large for one.
func whole(x float64) int64 {
	if !(math.Abs(x) < 1<<53) {
		return 0
	}
	return int64(x)
}
