package signal

import (
	"fmt"
	"math"
	"sort"
)

// Event is something that happened at a sample: a cue, a button, a note of the technician.
type Event struct {
	Sample   int64   `json:"sample"`     // counted from the start of the stream, like Chunk.Start
	Onset    float64 `json:"onset_s"`    // seconds from the start of the stream, as the source gave it
	Duration float64 `json:"duration_s"` // 0 for an instant or where unknown
	Label    string  `json:"label"`
	// Channels are those that it is of; the zero value is all of them.
	Channels Channels `json:"channels,omitzero"`
}

// LabelsOf are the labels of events, each once.
func LabelsOf(events []Event) []string {
	var all []string
	seen := map[string]bool{}
	for _, e := range events {
		if !seen[e.Label] {
			seen[e.Label] = true
			all = append(all, e.Label)
		}
	}
	return all
}

// Chunk is a run of samples without a gap: what a source hands out and a step works on.
//
// X[ch][t] is channel ch at sample Start+t; the channels lie one behind the other in one slab, which is also the layout
// of an Arrow record batch, so that Record wraps it without copying.
type Chunk struct {
	Info   *Info
	Start  int64       // sample number of X[·][0], counted from the start of the stream
	Time   int64       // when X[·][0] was measured, in nanoseconds since 1970 (UTC)
	X      [][]float64 // channel-major, all of one length; µV for voltages
	Events []Event     // those with Start <= Sample < Start+Len(), sorted by Sample
	// Late are events of samples that a live source handed out before it knew of them: Sample < Start, sorted by Sample. Who holds
	// the past places them there; nobody takes them to be of another sample.
	Late []Event
	// Anew says that the source began anew with this chunk, such as a sender that was restarted: sample numbers start
	// again, and nothing before has to do with what follows.
	Anew bool
}

// NewChunk makes an empty slab of n samples for each channel of info.
func NewChunk(info *Info, start int64, n int) Chunk {
	var b Buffer
	return b.Chunk(info, start, n)
}

// Len is the number of samples in each channel.
func (c Chunk) Len() int {
	if len(c.X) == 0 {
		return 0
	}
	return len(c.X[0])
}

// End is the sample number behind the last one.
func (c Chunk) End() int64 { return c.Start + int64(c.Len()) }

// TimeAt is the time of sample number s, which may lie outside the chunk, in nanoseconds since 1970.
func (c Chunk) TimeAt(s int64) int64 {
	return c.Time + int64(math.Round(float64(s-c.Start)*1e9/c.Info.Rate))
}

// Slice is the part of c from sample from up to, not including, sample to, both counted like Start. It shares memory.
func (c Chunk) Slice(from, to int64) Chunk {
	if from < c.Start || to > c.End() || from > to {
		panic(fmt.Sprintf("signal: slice [%d, %d) of a chunk that holds [%d, %d)", from, to, c.Start, c.End()))
	}
	out := Chunk{Info: c.Info, Start: from, Time: c.TimeAt(from), X: make([][]float64, len(c.X)), Events: EventsIn(c.Events, from, to)}
	if from == c.Start {
		out.Late = c.Late
	}
	for ch, x := range c.X {
		out.X[ch] = x[from-c.Start : to-c.Start]
	}
	return out
}

// Clone is c in memory of its own.
func (c Chunk) Clone() Chunk {
	out := NewChunk(c.Info, c.Start, c.Len())
	out.Time, out.Anew, out.Events = c.Time, c.Anew, append([]Event(nil), c.Events...)
	out.Late = append([]Event(nil), c.Late...)
	for ch, x := range c.X {
		copy(out.X[ch], x)
	}
	return out
}

// MaxLate is how late an event may be, in seconds, for who decides now: so much of the past is kept for it.
const MaxLate = 1.0

// TooLate is how many events of c are later than MaxLate.
func (c Chunk) TooLate() int {
	return sort.Search(len(c.Late), func(i int) bool { return float64(c.Start-c.Late[i].Sample) <= MaxLate*c.Info.Rate })
}

// EventsIn is the part of the sorted list that lies in [from, to). It shares memory.
func EventsIn(events []Event, from, to int64) []Event {
	lo := sort.Search(len(events), func(i int) bool { return events[i].Sample >= from })
	hi := lo + sort.Search(len(events)-lo, func(i int) bool { return events[lo+i].Sample >= to })
	return events[lo:hi:hi]
}

// Buffer is a slab that is used again for every chunk, so that a step allocates only until it has seen its longest
// chunk. The zero value is ready.
type Buffer struct {
	slab []float64
	x    [][]float64
}

// Chunk is n samples of every channel of info in b's memory, not cleared. It is valid until the next call.
func (b *Buffer) Chunk(info *Info, start int64, n int) Chunk {
	chs := len(info.Channels)
	if need := chs * n; cap(b.slab) < need {
		b.slab = newSlab(need)
	}
	if cap(b.x) < chs {
		b.x = make([][]float64, chs)
	}
	b.x = b.x[:chs]
	for ch := range b.x {
		b.x[ch] = b.slab[: chs*n : chs*n][ch*n : (ch+1)*n : (ch+1)*n]
	}
	return Chunk{Info: info, Start: start, X: b.x}
}

// Like is a chunk of b in place of c: same time and events, as many samples, described by info.
func (b *Buffer) Like(c Chunk, info *Info) Chunk {
	y := b.Chunk(info, c.Start, c.Len())
	y.Time, y.Events, y.Late = c.Time, c.Events, c.Late
	return y
}
