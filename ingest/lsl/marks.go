package lsl

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// maxMarks may wait for their samples; more lose the oldest, which are counted.
const maxMarks = 1 << 14

// takeMarks keeps marks that came, on their link's goroutine.
func (n *Inlet) takeMarks(s *Samples, ts *timeSync) {
	labels, mended := s.labels()
	arrived := clockOf(s.Arrived)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.nowMark = ts
	n.marked.N += uint64(len(labels))
	mendedTexts(&n.marked, mended)
	for k, label := range labels {
		n.pending = append(n.pending, mark{ts.mark(s.Stamps[k], arrived) - n.opt.MarkersDelayS, label})
	}
	off, tell := ts.tellOff()
	if n.marked.StampsOffS = off; tell {
		n.marked.Detail += fmt.Sprintf("; its stamps lie %s the clock that it tells of: marks are taken to be of when they arrive", signal.Apart(off))
	}
	slices.SortStableFunc(n.pending, func(a, b mark) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	if over := len(n.pending) - maxMarks; over > 0 {
		n.marked.Lost += uint64(over)
		n.pending = slices.Delete(n.pending, 0, over)
	}
}

// labels is each sample as one text, its channels parted by commas. mended is as in strings.
func (s *Samples) labels() (out []string, mended uint64) {
	var all []string
	switch s.shape.format {
	case String:
		all, mended = s.strings()
	case Float32:
		for _, v := range AppendValues[float32](nil, s) {
			all = append(all, strconv.FormatFloat(float64(v), 'g', -1, 32))
		}
	case Float64:
		for _, v := range AppendValues[float64](nil, s) {
			all = append(all, strconv.FormatFloat(v, 'g', -1, 64))
		}
	case Int64:
		all = texts(AppendValues[int64](nil, s))
	case Int32:
		all = texts(AppendValues[int32](nil, s))
	case Int16:
		all = texts(AppendValues[int16](nil, s))
	default:
		all = texts(AppendValues[int8](nil, s))
	}
	out = make([]string, s.Len())
	for k := range out {
		out[k] = strings.Join(all[k*s.shape.channels:(k+1)*s.shape.channels], ",")
	}
	return out, mended
}

// strings is all values of a stream of strings, in UTF-8: the protocol says nothing of how they are coded, and one that is something
// else could be written into no file that has texts. It is read as Latin-1, as descriptions are; mended is how many samples have one.
func (s *Samples) strings() (all []string, mended uint64) {
	all = AppendValues[string](nil, s)
	last := -1 // of these samples
	for k, text := range all {
		if utf8.ValidString(text) {
			continue
		}
		all[k] = string(fromLatin1([]byte(text)))
		if at := k / s.shape.channels; at > last {
			mended, last = mended+1, at
		}
	}
	return all, mended
}

// mendedTexts counts samples whose texts were not UTF-8, and says so at the first.
func mendedTexts(m *signal.Marks, n uint64) {
	if m.NotUTF8 == 0 && n > 0 {
		m.Detail += "; some of its texts are not UTF-8, and read as Latin-1"
	}
	m.NotUTF8 += n
}

func texts[T Number](x []T) []string {
	out := make([]string, len(x))
	for i, v := range x {
		out[i] = fmt.Sprint(v)
	}
	return out
}

// marksIn takes the marks that belong to a chunk whose first sample was measured at first, and those of samples before it, which
// have been handed out without them; those of the future stay.
func (n *Inlet) marksIn(c signal.Chunk, first float64) (late, events []signal.Event) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.late, n.events = n.late[:0], n.events[:0]
	k := 0
	for ; k < len(n.pending); k++ {
		m := n.pending[k]
		at := (m.at - first) * n.info.Rate // samples from the start of the chunk
		e := signal.Event{Sample: c.Start + int64(math.Round(at)), Onset: (float64(c.Start) + at) / n.info.Rate, Label: m.label}
		if e.Sample >= c.End() {
			break
		}
		if e.Sample >= c.Start {
			n.events = append(n.events, e)
			continue
		}
		n.late = append(n.late, e)
		n.marked.LagS = max(n.marked.LagS, first-m.at)
	}
	n.pending = slices.Delete(n.pending, 0, k)
	c.Late = n.late
	n.marked.Late += uint64(len(n.late))
	n.marked.TooLate += uint64(c.TooLate())
	return n.late, n.events
}
