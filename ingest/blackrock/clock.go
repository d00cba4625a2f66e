package blackrock

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// longest is the longest gap, in seconds; beyond it the clock was set.
const longest = 86400

// point says which sample was measured at a stamp.
type point struct {
	sample int64
	stamp  uint64
}

// era is how long the device's clock ran without being set: points in the order of samples and of stamps, at least one.
type era []point

// clock is what the stamps of samples tell.
type clock struct {
	rate       float64
	resolution uint64 // of the stamps, in 1/s
	eras       []era
}

// seconds is a stamp in seconds.
func (c *clock) seconds(stamp uint64) float64 {
	return float64(stamp/c.resolution) + float64(stamp%c.resolution)/float64(c.resolution)
}

// since is the seconds from stamp a to b of the same clock.
func (c *clock) since(b, a uint64) float64 {
	if b < a {
		return -c.seconds(a - b)
	}
	return c.seconds(b - a)
}

// convert is a stamp that counts at another resolution.
func (c *clock) convert(stamp, resolution uint64) uint64 {
	if resolution == c.resolution {
		return stamp
	}
	return stamp/resolution*c.resolution + uint64(math.Round(float64(stamp%resolution)/float64(resolution)*float64(c.resolution)))
}

// at is the sample that was measured at a stamp in one era, and the seconds from the start of the recording.
func (c *clock) at(stamp uint64, e era) (sample int64, onset float64) {
	i := max(0, sort.Search(len(e), func(i int) bool { return e[i].stamp > stamp })-1)
	onset = float64(e[0].sample)/c.rate + c.since(stamp, e[0].stamp)
	return e[i].sample + whole(c.since(stamp, e[i].stamp)*c.rate), onset
}

// whole rounds to a number that sums of it do not overflow.
func whole(v float64) int64 {
	const most = 1 << 53
	return int64(math.Round(max(-most, min(most, v))))
}

// line places samples of a file.
type line struct {
	clock
	src  *flatfile.Source
	runs flatfile.Timeline // From is a byte
	end  int64             // the sample behind the last one
}

// add places n samples at byte at of the file, of which the first has the stamp. field is for messages.
func (l *line) add(stamp uint64, at, n int64, field string) {
	l.runs = append(l.runs, flatfile.Piece{From: at, Span: signal.Span{Start: l.next(stamp, at, field), Len: n}})
	l.end = l.runs[len(l.runs)-1].End()
}

// points is room for as many as there are runs, as far as that is known.
func (l *line) points() era { return make(era, 0, cap(l.runs)) }

// next is the number of a sample that begins a run.
func (l *line) next(stamp uint64, at int64, field string) int64 {
	if len(l.eras) == 0 {
		l.eras = []era{append(l.points(), point{0, stamp})}
		return 0
	}
	e := &l.eras[len(l.eras)-1]
	last := (*e)[len(*e)-1]
	ahead := l.since(stamp, last.stamp)*l.rate - float64(l.end-last.sample) // samples that are missing
	switch {
	case stamp < last.stamp, ahead < -1, ahead > longest*l.rate:
		l.src.DeviateOften(at, field, "time stamps grow steadily", func() string {
			return fmt.Sprintf("%d behind %d, where the sample is %.6g s later", stamp, last.stamp, float64(l.end-last.sample)/l.rate)
		}, "the clock was set there: a gap of one sample, so that no window reaches over it")
		rest := (*e)[len(*e):cap(*e)] // eras lie one behind the other
		*e = slices.Clip(*e)
		l.eras = append(l.eras, append(rest[:0], point{l.end + 1, stamp}))
		return l.end + 1
	case math.Abs(ahead-math.Round(ahead)) > 1e-3 || ahead < 0:
		l.src.DeviateOften(at, field, "samples are whole periods apart", func() string { return fmt.Sprintf("%.3f periods of 1/%g s", ahead, l.rate) }, "the nearest sample")
	}
	start := l.end + max(0, int64(math.Round(ahead)))
	*e = append(*e, point{start, stamp})
	return start
}

// place says where the samples are, and what their clock was.
func (h *nsx) place(src *flatfile.Source) (flatfile.Timeline, *clock, error) {
	l := &line{src: src, clock: clock{rate: h.info.Rate, resolution: h.resolution}}
	var err error
	switch {
	case h.stamp == 0:
		h.unstamped(l)
	case h.ptp:
		err = h.packets(l)
	default:
		err = h.blocks(l)
	}
	if err != nil {
		return nil, nil, err
	}
	if len(l.runs) == 0 {
		return nil, nil, src.Errorf(src.Size, "samples", "there are none")
	}
	return l.runs, &l.clock, nil
}

// unstamped takes all of the file for samples.
func (h *nsx) unstamped(l *line) {
	n := (l.src.Size - h.bytes) / h.lay.Record
	h.rest(l.src, h.bytes+n*h.lay.Record)
	if n > 0 {
		l.add(0, h.bytes, n, "samples")
	}
}

// rest lists bytes at the end of the file that are no whole sample.
func (h *nsx) rest(src *flatfile.Source, at int64) {
	if n := src.Size - at; n > 0 {
		src.Deviate(at, "samples", "the file ends with a whole sample of all channels", plural(n, "byte")+" more: the file was cut", "they are left out")
	}
}

// blocks reads the headers of all blocks of samples.
func (h *nsx) blocks(l *line) error {
	const field = "data header"
	src, header := l.src, 5+h.stamp
	empty, emptyAt := int64(0), int64(0)
	var b [13]byte
	l.runs = make(flatfile.Timeline, 0, h.countBlocks(src))
	for at := h.bytes; at < src.Size; {
		if src.Size-at < header {
			src.Deviate(at, field, fmt.Sprintf("has %d bytes", header), plural(src.Size-at, "byte")+": the file was cut", "they are left out")
			break
		}
		if err := src.Read(b[:header], at, field); err != nil {
			return err
		}
		if b[0] != 1 {
			if len(l.runs) == 0 && empty == 0 {
				return src.Errorf(at, field, "begins with byte %d, must begin with 1", b[0])
			}
			src.Omit(at, field, "begins with byte 1", fmt.Sprintf("byte %d", b[0]), fmt.Sprintf("the %d bytes that follow are left out", src.Size-at))
			break
		}
		stamp, n := h.header(b[:header])
		room := (src.Size - at - header) / h.lay.Record
		switch {
		case n == 0 && room > 0 && !h.another(src, at+header):
			src.Deviate(at, field, "says how many samples follow", "0, and samples: the recording was never ended", fmt.Sprintf("the %d that the file has", room))
			n = room
			h.rest(src, at+header+n*h.lay.Record)
			l.add(stamp, at+header, n, field)
			at = src.Size
			continue
		case n == 0:
			if empty++; empty == 1 {
				emptyAt = at
			}
			at += header
			continue
		case n > room:
			src.Deviate(at, field, "says how many samples follow", fmt.Sprintf("%d, of which the file has %d: it was cut", n, room), "those that are there")
			if room > 0 {
				l.add(stamp, at+header, room, field)
			}
			at = src.Size
			continue
		}
		l.add(stamp, at+header, n, field)
		at += header + n*h.lay.Record
	}
	if empty > 0 {
		src.Deviate(emptyAt, field, "has samples behind it", plural(empty, "block")+" of none", "passed over")
	}
	return nil
}

// countBlocks is how many blocks with samples there are, at most: so that a block of one sample needs no more memory than it must.
func (h *nsx) countBlocks(src *flatfile.Source) (count int) {
	header := 5 + h.stamp
	var b [13]byte
	for at := h.bytes; src.Size-at >= header && src.Read(b[:header], at, "data header") == nil && b[0] == 1; {
		_, n := h.header(b[:header])
		if count++; n > (src.Size-at-header)/h.lay.Record {
			break
		}
		at += header + n*h.lay.Record
	}
	return count
}

// header takes the header of a block apart.
func (h *nsx) header(b []byte) (stamp uint64, n int64) {
	if h.stamp == 8 {
		return le.Uint64(b[1:]), int64(le.Uint32(b[9:]))
	}
	return uint64(le.Uint32(b[1:])), int64(le.Uint32(b[5:]))
}

// another says whether a block begins at byte at: it ends where the file does, or another one begins.
func (h *nsx) another(src *flatfile.Source, at int64) bool {
	var b [13]byte
	header := 5 + h.stamp
	if src.Size-at < header || src.Read(b[:header], at, "data header") != nil || b[0] != 1 {
		return false
	}
	_, n := h.header(b[:header])
	end := at + header + n*h.lay.Record
	if end >= src.Size {
		return end == src.Size
	}
	return src.Read(b[:1], end, "data header") == nil && b[0] == 1
}
