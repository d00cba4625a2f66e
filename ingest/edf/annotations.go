package edf

import (
	"bytes"
	"cmp"
	"fmt"
	"iter"
	"slices"
	"sort"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// annotations reads the signals that hold text: the onset of every record and the events. Nothing in them keeps the
// signals from being read; what cannot be understood is listed.
type annotations struct {
	src    *source
	h      *header
	line   *timeline
	rate   float64 // of the channels that the events are counted on, 0 where there are none
	events pages.List[signal.Event]
	fills  fills
	labels map[string]words // so that the thousandth "T0" needs no memory
	chans  []channel
	of     labelled // of chans; nil before a text may name one

	more pages.List[further]     // channels of events, in their order
	in   map[signal.Channels]int // the event of several channels, from 1, that was the last one with this channel

	unknown int    // annotations that name a channel which is none
	first   string // the text of the first of them
}

// A call to read costs about as much as so many bytes that are read and not needed.
const skipBytes = 16 << 10

// readAll reads all records.
func (a *annotations) readAll() error {
	if a.h.plus == "" {
		a.line.whole()
		return nil
	}
	var texts []*signalHeader
	for i := range a.h.signals {
		if s := &a.h.signals[i]; s.isText && s.samples > 0 {
			texts = append(texts, s)
		}
	}
	if len(texts) == 0 {
		a.src.dev.add(252, "number of signals", fmt.Sprintf("%s+ has a signal %q", a.h.v.name, a.h.v.annotations), "none", "no events, and no gaps")
		a.line.whole()
		return nil
	}
	a.labels = map[string]words{}
	lo, last := texts[0].offset, texts[len(texts)-1]
	hi := last.offset + last.samples*int64(a.h.v.bytes)
	err := a.h.walk(a.src, lo, hi, func(r int64, buf []byte) { a.record(r, texts, buf, lo) })
	if err != nil {
		return err
	}
	a.line.finish()
	a.join()
	for i := range a.fills.Len() {
		f := a.fills.list.At(i)
		f.onset = a.line.time(f.onset)
	}
	sort.Sort(&a.fills)
	return nil
}

// runs is stretches of samples without a gap, and where each begins: at which sample of all that the records hold of a channel.
type runs struct {
	spans []signal.Span
	first []int64
}

// runs is where c has samples that were measured, and, where others fill its records, where it has any.
func (a *annotations) runs(c *channel) (measured runs, stored []signal.Span) {
	rate := float64(c.samples) / a.h.duration
	all := a.line.runs(c.samples, rate)
	if a.fills.any(c) {
		stored = listed(all, false).spans
		all = a.fills.left(all, c, rate, a.line.sampleAt(c.samples, rate))
	}
	return listed(all, true), stored
}

// listed is all in memory, which is no more than it needs; where each begins is left out where nobody asks for it.
func listed(all iter.Seq2[signal.Span, int64], firsts bool) runs {
	n := 0
	for range all {
		n++
	}
	r := runs{spans: make([]signal.Span, 0, n)}
	if firsts {
		r.first = make([]int64, 0, n)
	}
	for span, first := range all {
		if r.spans = append(r.spans, span); firsts {
			r.first = append(r.first, first)
		}
	}
	return r
}

// walk reads the bytes [lo, hi) of every record and gives them to do, in the order of the file.
func (h *header) walk(src *source, lo, hi int64, do func(record int64, buf []byte)) error {
	var buf []byte
	if h.record <= skipBytes { // many records at once
		perBlock := blockBytes / h.record
		for r := int64(0); r < h.records; r += perBlock {
			n := min(perBlock, h.records-r)
			buf = grow(buf, n*h.record)
			if err := src.readRecord(buf, h.bytes+r*h.record, r); err != nil {
				return err
			}
			for k := range n {
				do(r+k, buf[k*h.record+lo:k*h.record+hi])
			}
		}
		return nil
	}
	for r := range h.records {
		buf = grow(buf, hi-lo)
		if err := src.readRecord(buf, h.bytes+r*h.record+lo, r); err != nil {
			return err
		}
		do(r, buf)
	}
	return nil
}

func grow(buf []byte, n int64) []byte {
	if int64(cap(buf)) < n {
		return make([]byte, n)
	}
	return buf[:n]
}

// record reads the texts of one record; buf begins at byte lo of it.
func (a *annotations) record(record int64, texts []*signalHeader, buf []byte, lo int64) {
	for i, s := range texts {
		text := buf[s.offset-lo:][:s.samples*int64(a.h.v.bytes)]
		at := a.h.bytes + record*a.h.record + s.offset
		keeper := i == 0 // the first list of the first signal keeps the time
		if keeper && (len(text) == 0 || text[0] == 0) {
			a.noTime(record, at, func() string { return "no list" })
			keeper = false
		}
		for pos := 0; pos < len(text); {
			if text[pos] == 0 {
				pos++
				continue
			}
			list, _, ended := bytes.Cut(text[pos:], []byte{0})
			if !ended {
				a.flaw("unended", at+int64(pos), "a NUL behind each list", func() string { return fmt.Sprintf("%q", clip(list)) }, "the list ends with its signal")
			}
			a.list(list, record, at+int64(pos), keeper)
			keeper = false
			pos += len(list) + 1
		}
	}
}

// list reads one list. keeper says that it must keep the time of the record.
func (a *annotations) list(b []byte, record, at int64, keeper bool) {
	t, wrong := parseTAL(b, func(found func() string) {
		a.flaw("flaw", at, "+onset, maybe byte 21 and a duration, byte 20, texts with a byte 20 behind each", found, "read as far as possible")
	})
	if wrong.format != "" {
		a.flaw("unreadable", at, "onset, byte 20, texts with a byte 20 behind each", wrong.String, "this list is left out")
		if _, texts, _ := bytes.Cut(b, []byte{talText}); !keeper || len(bytes.Trim(texts, "\x14")) > 0 {
			a.src.dev.missing("unreadable")
		}
		if keeper {
			a.noTime(record, at, func() string { return "an unreadable list" })
		}
		return
	}
	if keeper {
		if first, _, _ := bytes.Cut(t.texts, []byte{talText}); len(first) == 0 {
			a.line.add(record, at, t.onset, true)
		} else {
			a.noTime(record, at, func() string { return fmt.Sprintf("the text %q", clip(first)) })
		}
	} else if len(bytes.Trim(t.texts, "\x14")) == 0 {
		a.flaw("empty", at, "a text in each list but the first of a record", func() string { return fmt.Sprintf("none at %g s", t.onset.value) }, "this list is left out")
	}
	for text := range bytes.SplitSeq(t.texts, []byte{talText}) {
		if len(text) > 0 {
			a.event(t, text, at)
		}
	}
}

// noTime places a record without a time-keeping annotation.
func (a *annotations) noTime(record, at int64, found func() string) {
	a.flaw("time-keeping", at, "the first list of each record has the record's onset and an empty text",
		func() string { return fmt.Sprintf("record %d: %s", record+1, found()) }, "the record follows the one before without a gap")
	a.line.add(record, at, seconds{}, false)
}

func (a *annotations) flaw(kind string, at int64, rule string, found func() string, assumed string) {
	a.src.dev.count(kind, at, "annotation", rule, found, assumed)
}

func (a *annotations) event(t tal, text []byte, at int64) {
	w, known := a.labels[string(text)]
	if !known {
		label := string(text)
		if !utf8.ValidString(label) {
			label, _ = ingest.Text(a.src.file, text)
		}
		w = a.words(label)
		a.labels[string(text)] = w
	}
	if !utf8.Valid(text) {
		_, coding := ingest.Text(a.src.file, text)
		a.flaw("coding", at, "texts are UTF-8", func() string { return fmt.Sprintf("%q", clip(text)) }, "read as "+coding)
	}
	onset := t.onset.minus(a.line.first)
	if a.fills.add(a.h, onset, t.duration, w.text) {
		return
	}
	if w.unknown {
		if a.unknown++; a.unknown == 1 {
			a.first = w.text
		}
	}
	e := signal.Event{Onset: onset, Duration: t.duration, Label: w.label, Channels: w.channels}
	if !a.continues(e) {
		a.events.Add(e)
	}
}

// place finds the samples of the events, once it is known where the records lie.
func (a *annotations) place(perRecord int64) {
	if a.events.Len() == 0 {
		return
	}
	at := a.line.sampleAt(perRecord, a.rate)
	for i := range a.events.Len() {
		e := a.events.At(i)
		e.Onset = a.line.time(e.Onset)
		e.Sample = at(e.Onset)
	}
}

// sorted is the events by time, those of several channels as one; those of one time stay in the order of the file.
func (a *annotations) sorted() []signal.Event {
	events := a.events.Slice()
	slices.SortStableFunc(events, func(x, y signal.Event) int {
		return cmp.Or(cmp.Compare(x.Sample, y.Sample), cmp.Compare(x.Onset, y.Onset))
	})
	return signal.JoinChannels(events)
}
