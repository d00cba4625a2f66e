package edf

import (
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"slices"
	"sort"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// writeData writes all records.
func (o *output) writeData(w io.Writer) error {
	width := int64(o.v.bytes)
	size := o.room * width
	for i, g := range o.groups {
		size += o.lay.per[i] * int64(len(g.chans)) * width
	}
	most := max(1, blockBytes/size) // records at once
	var block []byte
	slabs := make([]signal.Buffer, len(o.groups))
	record := int64(0)
	for _, seg := range o.lay.segments {
		for k := int64(0); k < seg.records; k += most {
			n := min(most, seg.records-k)
			block = grow(block, n*size)
			at := int64(0) // of the group in a record
			for i, g := range o.groups {
				if err := g.put(o.v, &slabs[i], block[at:], seg.begin[i]+k*o.lay.per[i], n, o.lay.per[i], size); err != nil {
					return err
				}
				at += o.lay.per[i] * int64(len(g.chans)) * width
			}
			for r := range n {
				text := block[r*size+at : (r+1)*size]
				clear(text[copy(text, o.notes[record]):])
				record++
			}
			if _, err := w.Write(block); err != nil {
				return err
			}
		}
	}
	return nil
}

// put encodes n records of per samples each from sample at on into dst, where records lie size bytes apart.
func (g *outGroup) put(v *variant, slab *signal.Buffer, dst []byte, at, n, per, size int64) error {
	end := at + n*per
	here := at // up to where it has been written
	emit := func(from, to int64, x func(ch int, t int64) int64) {
		width := int64(v.bytes)
		for ch := range g.chans {
			base := int64(ch) * per * width
			for t := from; t < to; t++ {
				r, i := (t-at)/per, (t-at)%per
				v.encode(dst[r*size+base+i*width:][:width], x(ch, t))
			}
		}
	}
	pad := func(to int64) {
		if to > here {
			emit(here, to, func(ch int, _ int64) int64 { return g.chans[ch].last })
			g.padded += to - here
			here = to
		}
	}
	for _, run := range g.rec.Runs() {
		from, to := max(run.Start, here), min(run.End(), end)
		if from >= to {
			continue
		}
		pad(from)
		c := slab.Chunk(g.rec.Info, from, int(to-from))
		if err := g.rec.Data.ReadSamples(c.X, from); err != nil {
			return err
		}
		emit(from, to, func(ch int, t int64) int64 {
			d := g.chans[ch].integer(v, c.X[ch][t-from])
			g.chans[ch].last = d
			return d
		})
		here = to
	}
	pad(end)
	return nil
}

// annotate makes the annotation lists of all records: the onset of each, and the events, each in the record in which it
// happens or, where that is full, in one behind it.
func (o *output) annotate() error {
	clocks := make([][]byte, 0, o.lay.records())
	ends := make([]float64, 0, o.lay.records()) // s from sample 0, of each record
	for _, seg := range o.lay.segments {
		for k := range seg.records {
			onset := seg.onset - o.shift + float64(k)*o.lay.duration
			if k > 0 || seg.onset != o.shift { // the decimals of the product of two, not of what a float makes of it
				onset = decimalOnset(seg.onset-o.shift, k, o.lay.durationText)
			}
			clocks = append(clocks, append([]byte("+"+sum(o.first, onset)), talText, talText, 0))
			ends = append(ends, seg.onset-o.shift+float64(k+1)*o.lay.duration)
		}
	}
	var lists [][]byte
	changed, empty, wrong, marks := 0, 0, 0, 0
	var home []int // the record of each list
	r := 0
	events, axis := make([]signal.Event, 0, len(o.rec.Events)), newAxis(o)
	for _, e := range o.rec.Events {
		e.Onset = axis.onset(e)
		if e.Onset-e.Onset != 0 || math.Abs(e.Onset) > maxSeconds/2 || !(e.Duration >= 0) || e.Duration > maxSeconds {
			wrong++
			continue
		}
		label, same := talSafe(e.Label)
		if !same {
			changed++
		}
		if label == "" && e.Channels.IsZero() {
			empty++
			continue
		}
		e.Label = label
		events = append(events, e)
	}
	o.listOfChannels(events)
	for _, e := range events {
		if slices.ContainsFunc(o.ofChannels(e), func(text string) bool { return isMark(text, e.Duration) }) {
			marks++
		}
	}
	for _, e := range rank(append(events, o.marks()...)) {
		text := sum(o.first, e.Onset)
		if text[0] != '-' {
			text = "+" + text
		}
		if e.Duration > 0 {
			text += string(rune(talDuration)) + strconv.FormatFloat(e.Duration, 'f', -1, 64)
		}
		for r < len(ends)-1 && ends[r] <= e.Onset {
			r++
		}
		for _, label := range o.ofChannels(e) {
			lists, home = append(lists, append([]byte(text+string(rune(talText))+label), talText, 0)), append(home, r)
		}
	}
	if axis.moved > 0 {
		o.lose("events", "an onset says at which sample an event is", fmt.Sprintf("%d of %d events by a clock that the samples do not follow, up to %.3g s apart", axis.moved, len(o.rec.Events), axis.most), "the time of their samples")
	}
	if changed > 0 {
		o.lose("events", "a text has no bytes 0, 20 and 21", fmt.Sprintf("%d of %d events have", changed, len(o.rec.Events)), "written as spaces")
	}
	if empty > 0 {
		o.lack("events", "an annotation has a text", fmt.Sprintf("%d of %d events have no label", empty, len(o.rec.Events)))
	}
	if wrong > 0 {
		o.lack("events", "an onset is a number, and a duration is at least 0", fmt.Sprintf("%d of %d events break that", wrong, len(o.rec.Events)))
	}
	if marks > 0 {
		o.lose("samples", fmt.Sprintf("samples under %q and %q were not measured", filledText, signal.SkipLabel), fmt.Sprintf("%d of %d events are called so", marks, len(o.rec.Events)), "read as gaps, if a channel has the label that is named")
	}
	lo := 0
	for _, c := range clocks {
		lo = max(lo, len(c))
	}
	hi := lo
	for _, l := range lists {
		hi += len(l)
	}
	for lo < hi { // the least room in which all lists fit
		if mid := (lo + hi) / 2; fill(clocks, lists, home, mid, nil) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	o.room = int64((hi + o.v.bytes - 1) / o.v.bytes)
	if o.room > maxCount {
		return errors.New("the annotations do not fit into the records")
	}
	o.notes = clocks
	fill(clocks, lists, home, hi, clocks)
	return nil
}

// talSafe is a text without the bytes that end one; same says that it has none.
func talSafe(text string) (safe string, same bool) {
	safe = strings.Map(func(c rune) rune {
		if c == 0 || c == talText || c == talDuration {
			return ' '
		}
		return c
	}, text)
	return safe, safe == text
}

// axis says where the reader will find what the file says to have happened, on the samples of the main channels.
type axis struct {
	o      *output
	rate   float64                   // in the file
	starts []int64                   // of each segment, on the axis of the copy
	at     func(onset float64) int64 // onset from the first data record on
	runs   []signal.Span             // of the main channels, on the axis of the recording
	moved  int                       // events whose onset would lead to another sample than theirs
	most   float64                   // s, by which they are apart at most
}

// newAxis is worked out by the rules of the reader from the records as they are laid out.
func newAxis(o *output) *axis {
	a := &axis{o: o, runs: o.rec.Runs()}
	if len(o.rec.Info.Channels) == 0 {
		return a
	}
	line := timeline{h: &header{duration: o.lay.duration}}
	for i := range o.lay.segments {
		s := &o.lay.segments[i]
		line.segments.Add(segment{line.placed, s.onset - o.shift})
		line.placed += s.records
	}
	a.rate = float64(o.lay.per[0]) / o.lay.duration
	for _, start := range line.starts(o.lay.per[0], a.rate) {
		a.starts = append(a.starts, start)
	}
	a.at = line.sampleAt(o.lay.per[0], a.rate)
	return a
}

// onset is when e happened, from the first data record on, so that it is read at its sample. That is the onset that it has, unless this
// would lead to another one: because it is by a clock that the samples do not follow (XDF), or because the header cannot hold their rate
// or their segment begins on the grid of other channels, so that they are not quite where they were. What happens among them moves with them.
func (a *axis) onset(e signal.Event) float64 {
	o := a.o
	there := e.Onset - o.shift
	if a.at == nil || there-there != 0 {
		return there
	}
	rate, exact := o.rec.Info.Rate, o.lay.inexact[0] == 0
	own := float64(e.Sample) / rate
	segs := o.lay.segments
	i := sort.Search(len(segs), func(i int) bool { return segs[i].begin[0] > e.Sample }) - 1
	in := i >= 0 && e.Sample < segs[i].begin[0]+segs[i].records*o.lay.per[0]
	if !in { // in a gap, before or behind
		i = 0
	}
	n := e.Sample - segs[i].begin[0]
	want := a.starts[i] + n
	switch {
	case exact && a.read(there, e.Sample-want) == want:
		return there
	case exact || o.rec.Place(e.Onset) != e.Sample:
		a.moved++
		a.most = max(a.most, math.Abs(own-e.Onset))
	}
	if !in {
		if !exact && o.rec.Place(e.Onset) == e.Sample {
			return there
		}
		return a.between(own-o.shift, e.Sample-want, want)
	}
	of := segs[i].onset - o.shift + float64(n)/a.rate
	for _, within := range [...]float64{e.Onset - own, 0, 0.4 / a.rate, -0.4 / a.rate} {
		if a.read(of+within, e.Sample-want) == want {
			return of + within
		}
	}
	return of
}

// read is the sample of the copy at which the reader sees an event with this onset. by is how many samples further on it is in the recording.
// What the reader counts to the sample behind a run, though it is before its end, is in it: see signal.Recording.PlaceEvents.
func (a *axis) read(onset float64, by int64) int64 {
	at := a.at(onset)
	if onset*a.rate > float64(at)-offGrid || at != int64(math.Round(onset*a.rate)) {
		return at
	}
	i := sort.Search(len(a.runs), func(i int) bool { return a.runs[i].End() >= at+by })
	if i == len(a.runs) || a.runs[i].End() != at+by || a.runs[i].Len == 0 || i+1 < len(a.runs) && a.runs[i+1].Start == at+by {
		return at
	}
	return at - 1
}

// between is an onset near to this one that is read at sample want, which lies in no segment: it must lie in none either, and segments do
// not quite end and begin where the samples next to them do.
func (a *axis) between(onset float64, by, want int64) float64 {
	segs, shift := a.o.lay.segments, a.o.shift
	i := sort.Search(len(segs), func(i int) bool { return segs[i].onset-shift > onset }) // the segment behind it
	for k := max(i-1, 0); k <= min(i, len(segs)-1); k++ {
		for _, at := range [2]float64{a.o.lay.end(&segs[k]) - shift, math.Nextafter(segs[k].onset-shift, math.Inf(-1))} {
			if a.read(onset, by) != want && a.read(at, by) == want {
				onset = at
			}
		}
	}
	return onset
}

// fill puts the lists into records with room for so many bytes, each in the record of its home or behind it, and says
// whether all fit. Where into is not nil they are appended there.
func fill(clocks, lists [][]byte, home []int, room int, into [][]byte) bool {
	r, used := 0, 0
	if len(clocks) > 0 {
		used = len(clocks[0])
	}
	for i, l := range lists {
		for r < home[i] || used+len(l) > room {
			if r++; r >= len(clocks) {
				return false
			}
			used = len(clocks[r])
		}
		used += len(l)
		if into != nil {
			into[r] = append(into[r], l...)
		}
	}
	return true
}

// decimalOnset is onset + k·duration, the product made of the decimals of the header.
func decimalOnset(onset float64, k int64, duration string) float64 {
	d, _ := new(big.Rat).SetString(duration)
	a, _ := new(big.Rat).SetString(strconv.FormatFloat(onset, 'f', -1, 64))
	x, _ := a.Add(a, d.Mul(d, new(big.Rat).SetInt64(k))).Float64()
	return x
}

// sum is the decimal number first plus x, as exact as both are written.
func sum(first string, x float64) string {
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if first == "0" {
		return text
	}
	a, _ := new(big.Rat).SetString(first)
	b, _ := new(big.Rat).SetString(text)
	digits := max(decimals(first), decimals(text))
	text = a.Add(a, b).FloatString(digits)
	if digits > 0 {
		text = strings.TrimRight(strings.TrimRight(text, "0"), ".")
	}
	return text
}

func decimals(s string) int {
	if _, frac, found := strings.Cut(s, "."); found {
		return len(frac)
	}
	return 0
}
