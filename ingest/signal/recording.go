package signal

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"time"
)

// Span is a run of samples without a gap.
type Span struct {
	Start int64 `json:"start"`
	Len   int64 `json:"len"`
}

// End is the sample number behind the last one.
func (s Span) End() int64 { return s.Start + s.Len }

// SampleReader is all that a file format has to implement.
type SampleReader interface {
	// ReadSamples fills dst[ch][t] with sample start+t of every channel, in the channels' unit. The range must lie in
	// one Span of the recording. It keeps nothing of dst and may be called from one goroutine at a time.
	ReadSamples(dst [][]float64, start int64) error
}

// Deviation is a place where a source breaks its format's specification and what was assumed instead.
type Deviation struct {
	Where   string `json:"where"`   // "byte 252: number of signals"
	Rule    string `json:"rule"`    // what the specification says
	Found   string `json:"found"`   // what is there
	Assumed string `json:"assumed"` // what was done about it
	// Missing says of a loss that channels or events are not in what was written, and of what a source breaks that they are not in what was
	// read, though the source has them, or says that it has; samples behind a place that is damaged are as well. Samples that a file ends
	// without are no such thing: the recording ends there, and the length says so. Nor are a single value that is none, which is a gap, what
	// has no value and no time to begin with, such as an empty column, or texts of a header.
	Missing bool `json:"missing,omitempty"`
}

// Recording is one finished run: what was measured, and a way to read any part.
type Recording struct {
	Name   string    // for messages: the file's name
	Parts  []string  // names of the other files it was read from, such as one with its events
	Format string    // "EDF+C"
	Begin  time.Time // when sample 0 was measured; the zero time where unknown
	Info   *Info
	Events []Event // sorted by Sample; those outside the data are kept
	Len    int64   // sample number behind the last one, gaps counted
	Spans  []Span  // where there is data, in order; nil means all of [0, Len)
	Data   SampleReader

	// Others are groups of channels that were sampled at other rates, each a recording of its own on the same clock.
	Others     []*Recording
	Journals   []Journal
	Deviations []Deviation
	Notes      []Deviation // what was assumed where the format leaves it open, or has more than is read: no breach of it
	Texts      []Text      // what the header says in words
	// Coined are labels of events that the reader made of numbers and words of its own, so that nobody can have typed them.
	Coined []string
	Closer io.Closer // nil where there is nothing to close
}

// Journal is what the program that recorded wrote down about itself, line by line: the states of clocks, what happened to the session,
// what was decided. Its lines are no events of the experiment, so that no step learns from them, unless JournalsAsEvents is called.
type Journal struct {
	Name  string  // of the stream in the source
	Kind  string  // its type there: "Clock", "Log" or "Decisions"
	Lines []Event // instants, sorted by Sample; the label is the text, one object of JSON. There may be none
}

// JournalsAsEvents moves the lines of the journals among the events, for those who ask for them.
func (r *Recording) JournalsAsEvents() {
	all := slices.Clone(r.Events)
	for _, j := range r.Journals {
		all = append(all, j.Lines...)
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Or(cmp.Compare(a.Sample, b.Sample), cmp.Compare(a.Onset, b.Onset)) })
	r.Events, r.Journals = all, nil
}

// Text is what the header of a source says in words and has no other place in a Recording: it is handed on where a format
// that is written has room for it.
type Text struct {
	Field    string `json:"field"`             // as the specification of the source calls it: "local patient identification"
	Channel  string `json:"channel,omitempty"` // the name of the channel that it is about; "" for the whole recording
	Text     string `json:"text"`
	Personal bool   `json:"personal"` // it may say who was recorded, or by whom
}

// longestText is how many bytes of a text are kept that AddPersonal takes; the rest is told by its length.
const longestText = 4096

// AddPersonal adds a text of the header that may say who was recorded, or by whom, unless it is empty or says that it is not known: X.
func (r *Recording) AddPersonal(field, text string) {
	text = strings.TrimSpace(strings.TrimRight(text, "\x00"))
	if !slices.ContainsFunc(strings.Fields(text), func(w string) bool { return w != "X" }) {
		return
	}
	if n := len(text); n > longestText {
		text = fmt.Sprintf("%s … (%d bytes)", strings.ToValidUTF8(text[:longestText], ""), n)
	}
	r.Texts = append(r.Texts, Text{Field: field, Text: strings.Clone(text), Personal: true})
}

// Stored says how a source keeps the samples of a channel: as integers, of which DigMin stands for PhysMin and DigMax for
// PhysMax, in Unit as the source writes it.
type Stored struct {
	DigMin, DigMax   int64
	PhysMin, PhysMax float64
	Unit             string
}

// StoredReader is a SampleReader that knows the integers behind its samples: an optional interface, by which a format with
// integers is written without a second rounding.
type StoredReader interface {
	SampleReader
	Stored() []Stored // one to a channel
}

// UnitReader is a SampleReader that knows the units in which the source says that its samples are: an optional interface, by
// which another unit takes the place of a wrong one.
type UnitReader interface {
	SampleReader
	SourceUnits() []string // one to a channel, as the source writes it; "" where it says none
}

// InUnits is a SampleReader of samples that the source has in these units: a UnitReader.
type InUnits struct {
	SampleReader
	Units []string // one to a channel, as of SourceUnits
}

// SourceUnits is Units.
func (r InUnits) SourceUnits() []string { return r.Units }

// SampleChecker is a SampleReader of a format with rules about samples that only a look at each of them can tell to be broken, such as
// a range that the header states: an optional interface.
type SampleChecker interface {
	SampleReader
	CheckSamples() ([]Deviation, error) // reads all samples of the file, those of other rates too
}

// CheckSamples looks at all samples where r is a SampleChecker; otherwise there is nothing to be looked for.
func CheckSamples(r SampleReader) ([]Deviation, error) {
	if c, ok := r.(SampleChecker); ok {
		return c.CheckSamples()
	}
	return nil, nil
}

// Runs is where there is data: Spans, or all of it.
func (r *Recording) Runs() []Span {
	if r.Spans == nil {
		return []Span{{0, r.Len}}
	}
	return r.Spans
}

// Lead is when the first sample of any channel of r and its Others was measured, in seconds from sample 0, where runs says where each has
// samples; false where none has any.
func (r *Recording) Lead(runs func(*Recording) []Span) (seconds float64, ok bool) {
	seconds = math.Inf(1)
	for _, g := range append([]*Recording{r}, r.Others...) {
		if len(g.Info.Channels) == 0 {
			continue
		}
		for _, run := range runs(g) {
			if run.Len > 0 {
				seconds = min(seconds, float64(run.Start)/g.Info.Rate)
				break
			}
		}
	}
	return seconds, !math.IsInf(seconds, 1)
}

// Gaps is what lies between the runs, and before the first.
func (r *Recording) Gaps() []Span {
	var gaps []Span
	at := int64(0)
	for _, s := range r.Runs() {
		if s.Start > at {
			gaps = append(gaps, Span{at, s.Start - at})
		}
		at = s.End()
	}
	return gaps
}

// Outside is the events at samples that are not there: in a gap, before the first sample, behind the last. They are kept with the
// onset that the source gives, and no chunk brings them.
func (r *Recording) Outside() []Event {
	var all []Event
	k := 0 // events before k lie before the run
	for _, s := range r.Runs() {
		for ; k < len(r.Events) && r.Events[k].Sample < s.Start; k++ {
			all = append(all, r.Events[k])
		}
		for k < len(r.Events) && r.Events[k].Sample < s.End() {
			k++
		}
	}
	return append(all, r.Events[k:]...)
}

// belowEnd is the part of a sample by which an onset must lie before the end of a run to be within it: what is less comes of computing.
const belowEnd = 1e-6

// Place is the sample at which something happened at an onset in seconds from sample 0: the nearest, but the last one of a run for
// what happened within half a sample of its end. A sample lasts until the next one, so a run of n samples lasts n/rate, and what
// happened before its end is in it. Info.Rate is above 0.
func (r *Recording) Place(onset float64) int64 {
	at := r.Info.Samples(onset)
	runs := r.Runs()
	i := sort.Search(len(runs), func(i int) bool { return runs[i].End() >= at }) // the first that ends there, or later
	if i == len(runs) || runs[i].End() != at || runs[i].Len == 0 || onset*r.Info.Rate > float64(at)-belowEnd {
		return at
	}
	if i+1 < len(runs) && runs[i+1].Start == at {
		return at
	}
	return at - 1
}

// PlaceEvents moves the events that stand at the sample nearest to their onset to that of Place.
func (r *Recording) PlaceEvents() {
	if !(r.Info.Rate > 0) {
		return
	}
	moved := false
	for i := range r.Events {
		e := &r.Events[i]
		if e.Onset-e.Onset != 0 || e.Sample != r.Info.Samples(e.Onset) { // no number, or by a clock of its own
			continue
		}
		if at := r.Place(e.Onset); at != e.Sample {
			e.Sample, moved = at, true
		}
	}
	if moved {
		slices.SortStableFunc(r.Events, func(a, b Event) int { return cmp.Compare(a.Sample, b.Sample) })
	}
}

// Close frees what the recording holds open.
func (r *Recording) Close() error {
	if r.Closer == nil {
		return nil
	}
	return r.Closer.Close()
}

// Source is where chunks come from: a file being played, an amplifier, a NATS subject.
type Source interface {
	Info() *Info
	// Next blocks until a chunk is there; after the last one it returns io.EOF. The chunk is valid until the next call.
	Next(ctx context.Context) (Chunk, error)
	io.Closer
}

// Memory is a SampleReader over samples that are already in memory.
type Memory [][]float64

// ReadSamples copies. A range that is not there is an error.
func (m Memory) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(m) {
		return fmt.Errorf("%d rows to fill, there are %d channels", len(dst), len(m))
	}
	for ch := range dst {
		if end := start + int64(len(dst[ch])); start < 0 || end > int64(len(m[ch])) {
			return fmt.Errorf("samples [%d, %d) of channel %d, which has %d", start, end, ch, len(m[ch]))
		}
		copy(dst[ch], m[ch][start:])
	}
	return nil
}
