package edf

import (
	"cmp"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The bits of the signal "Status" of BDF, as the amplifiers of BioSemi write them (https://www.biosemi.com/faq/trigger_signals.htm).
const (
	statusTrigger = 1<<16 - 1 // the trigger inputs
	statusCMS     = 1 << 20   // the common mode sense electrode is in range
	statusBattery = 1 << 22   // the battery is low
)

// What is wrong with the amplifier, as the label of an event that lasts as long.
const (
	cmsLabel     = "CMS out of range"
	batteryLabel = "battery low"
)

// readStatus makes events of the signal "Status" of a BDF file: one where the trigger inputs (the lower 16 bits) change to
// another number than 0, with the number as its label, and one as long as the electrode CMS is out of range or the battery
// low. What the inputs hold from the first sample on is no event. A file in which CMS is never in range was not written by
// such an amplifier: there the upper bits mean nothing. Events that are also among the annotations are there once.
func (a *annotations) readStatus(chans []channel) error {
	i := slices.IndexFunc(chans, func(c channel) bool { return strings.EqualFold(c.Original, "Status") })
	if a.h.v != bdf24 || i < 0 {
		return nil
	}
	c := &chans[i]
	rate := float64(c.samples) / a.h.duration
	s := status{a: a, rate: rate}
	s.written = make([]int32, a.events.Len())
	for i := range s.written {
		s.written[i] = int32(i)
	}
	slices.SortFunc(s.written, func(x, y int32) int { return inOrder(*a.events.At(int(x)), *a.events.At(int(y))) })
	runs, _ := a.runs(c)
	k := 0
	err := a.h.walk(a.src, c.offset, c.offset+3*c.samples, func(record int64, buf []byte) {
		for t := range c.samples {
			i := record*c.samples + t
			for k+1 < len(runs.first) && runs.first[k+1] <= i {
				k++
			}
			if k < len(runs.first) && i >= runs.first[k] && i < runs.first[k]+runs.spans[k].Len { // not filled
				s.sample(runs.spans[k].Start+i-runs.first[k], uint32(int24(buf[3*t:])))
			}
		}
	})
	if err != nil {
		return err
	}
	s.end()
	return nil
}

// status follows the signal.
type status struct {
	a            *annotations
	rate         float64
	seen         bool
	last         uint32
	next         int64 // the sample behind the last one
	cms, battery int64 // since when, counted from 1; 0 where all is well
	inRange      bool  // CMS was, at least once
	faults       pages.List[fault]
	written      []int32 // places of the events that the annotations have, in order
}

// fault is so many samples in which something was wrong.
type fault struct {
	at, samples int64
	label       string
}

// inOrder sorts events by what makes two of them the same.
func inOrder(x, y signal.Event) int {
	return cmp.Or(cmp.Compare(x.Sample, y.Sample), strings.Compare(x.Label, y.Label))
}

// add takes in an event, unless the annotations have it.
func (s *status) add(e signal.Event) {
	if _, written := slices.BinarySearchFunc(s.written, e, func(i int32, e signal.Event) int { return inOrder(*s.a.events.At(int(i)), e) }); !written {
		s.a.events.Add(e)
	}
}

func (s *status) sample(at int64, v uint32) {
	if v == s.last && s.seen {
		s.next = at + 1
		return
	}
	if code := v & statusTrigger; s.seen && code != s.last&statusTrigger && code != 0 {
		s.add(s.event(at, 0, strconv.FormatUint(uint64(code), 10)))
	}
	s.inRange = s.inRange || v&statusCMS != 0
	s.fault(&s.cms, v&statusCMS == 0, at, cmsLabel)
	s.fault(&s.battery, v&statusBattery != 0, at, batteryLabel)
	s.seen, s.last, s.next = true, v, at+1
}

// fault begins or ends one.
func (s *status) fault(since *int64, on bool, at int64, label string) {
	switch {
	case on && *since == 0:
		*since = at + 1
	case !on && *since > 0:
		s.faults.Add(fault{*since - 1, at - (*since - 1), label})
		*since = 0
	}
}

func (s *status) event(at, samples int64, label string) signal.Event {
	onset := float64(at) / s.rate
	return signal.Event{Sample: int64(math.Round(onset * s.a.rate)), Onset: onset, Duration: float64(samples) / s.rate, Label: label}
}

func (s *status) end() {
	s.fault(&s.cms, false, s.next, cmsLabel)
	s.fault(&s.battery, false, s.next, batteryLabel)
	for i := 0; s.inRange && i < s.faults.Len(); i++ {
		f := s.faults.At(i)
		s.add(s.event(f.at, f.samples, f.label))
	}
}
