package edf

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/montage"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// channel is a signal with samples, ready to be read.
type channel struct {
	signal.Channel
	ref     string // what it was measured against, "" where unknown
	samples int64  // in each record
	offset  int64  // of its first byte from the start of a record
	scale   scale
	header  *signalHeader
	fills   uint64 // tells most channels apart that are filled in other places
}

// channels names and scales the signals that hold samples, in the order of the file.
func (h *header) channels(src *source) ([]channel, error) {
	labels := make([]string, 0, len(h.signals))
	for i := range h.signals {
		if s := &h.signals[i]; s.sampled() {
			labels = append(labels, s.label)
		}
	}
	chans := make([]channel, len(labels))
	next := 0 // the next signal
	for i, e := range montage.Assign(labels) {
		for !h.signals[next].sampled() {
			next++
		}
		s := &h.signals[next]
		next++
		if e.Note != "" {
			src.dev.add(h.at(fLabel, s), "label", "labels differ and are not empty", fmt.Sprintf("%q: %s", e.Original, e.Note), fmt.Sprintf("the name %q", e.Name))
		}
		unit := units.Parse(s.dimension)
		switch {
		case s.unscaled: // which is listed
		case !unit.Voltage && voltage(e.Kind):
			src.dev.add(h.at(fDimension, s), "physical dimension", "a voltage (uV, mV, V, nV) for "+strings.ToUpper(string(e.Kind)),
				fmt.Sprintf("%q for %q", s.dimension, e.Original), "nothing: the samples of this channel are in the unit as it is written, and may not be µV")
		case unit.Standard != "":
			src.dev.add(h.at(fDimension, s), "physical dimension", "units of voltage are uV, mV, V, nV", fmt.Sprintf("%q for %q", s.dimension, e.Original), unit.Standard)
		}
		sc, ok := newScale(s.stated(), unit)
		if !ok {
			return nil, src.errorf(h.at(fPhysMin, s), "physical minimum", "%g to %g for the digital range %d to %d cannot be computed with: write the true range into the fields",
				s.physMin, s.physMax, s.digMin, s.digMax)
		}
		chans[i] = channel{
			Channel: signal.Channel{Name: e.Name, Original: e.Original, Kind: e.Kind, Unit: unit.Unit},
			ref:     e.Reference, samples: s.samples, offset: s.offset,
			scale: sc, header: s,
		}
		if e.Kind == signal.EEG {
			chans[i].Pos = montage.Place(e.Name) // the file has none: that of the name on a spherical head
		}
	}
	return chans, nil
}

// sampled says whether the signal is a channel.
func (s *signalHeader) sampled() bool { return !s.isText && s.samples > 0 }

// stored is how the file keeps the samples.
func (s *signalHeader) stored() signal.Stored {
	if s.widened != nil {
		return *s.widened
	}
	return s.stated()
}

// stated is what the header says of that.
func (s *signalHeader) stated() signal.Stored {
	return signal.Stored{DigMin: s.digMin, DigMax: s.digMax, PhysMin: s.physMin, PhysMax: s.physMax, Unit: s.dimension}
}

// voltage says whether channels of kind k must be voltages.
func voltage(k signal.Kind) bool {
	return k != signal.Misc && k != signal.Trigger
}

// groupSize is how many channels a group has, and how many of them are EEG.
type groupSize struct{ eeg, all int }

// mainGroup is the group with the most EEG channels, then with the most channels, then the first in the file.
func mainGroup(sizes []groupSize) (best int) {
	for i, s := range sizes {
		if b := sizes[best]; s.eeg > b.eeg || s.eeg == b.eeg && s.all > b.all {
			best = i
		}
	}
	return best
}

// group sorts the channels by rate, and by where they have samples. The first group is the main one; the others follow in the order of the file. There is at least one, maybe empty.
func group(chans []channel, f *fills) []rateGroup {
	var groups []rateGroup
	for i := range chans {
		c := &chans[i]
		c.fills = f.hash(c)
		k := slices.IndexFunc(groups, func(g rateGroup) bool {
			return g[0].samples == c.samples && g[0].fills == c.fills && f.alike(g[0], c)
		})
		if k < 0 {
			k, groups = len(groups), append(groups, nil)
			if k == 0 { // mostly there is one
				groups[0] = make(rateGroup, 0, len(chans))
			}
		}
		groups[k] = append(groups[k], c)
	}
	if len(groups) == 0 {
		return []rateGroup{nil}
	}
	sizes := make([]groupSize, len(groups))
	for i, g := range groups {
		sizes[i] = groupSize{g.eeg(), len(g)}
	}
	best := mainGroup(sizes)
	main := groups[best]
	return append([]rateGroup{main}, slices.Delete(groups, best, best+1)...)
}

// rateGroup is all channels of one rate that have the same gaps.
type rateGroup []*channel

func (g rateGroup) eeg() (n int) {
	for _, c := range g {
		if c.Kind == signal.EEG {
			n++
		}
	}
	return n
}

// fill describes the group in r. groups is how many there are.
func (g rateGroup) fill(r *signal.Recording, ann *annotations, groups int) {
	r.Info = &signal.Info{}
	if len(g) == 0 { // annotations only
		r.Data = signal.Memory{}
		return
	}
	r.Info.Rate = float64(g[0].samples) / ann.h.duration
	r.Info.Reference = g.reference()
	r.Info.Channels = make([]signal.Channel, len(g))
	for i, c := range g {
		r.Info.Channels[i] = c.Channel
	}
	runs, stored := ann.runs(g[0])
	if n := len(runs.spans); n > 0 {
		r.Len = runs.spans[n-1].End()
	}
	if len(runs.spans) > 1 || len(runs.spans) == 1 && runs.spans[0].Start > 0 {
		r.Spans = runs.spans // the reader keeps them too: nobody writes to either
	}
	r.Data = &reader{src: ann.src, h: ann.h, chans: g, runs: runs, stored: stored, perRecord: g[0].samples, most: max(blockBytes/int64(groups), groupBytes)}
}

// reference is what all EEG channels were measured against, "" where they differ or do not say.
func (g rateGroup) reference() string {
	ref, seen := "", false
	for _, c := range g {
		switch {
		case c.Kind != signal.EEG:
		case !seen:
			ref, seen = c.ref, true
		case ref != c.ref:
			return ""
		}
	}
	return ref
}
