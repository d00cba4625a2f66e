package blackrock

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// apart is how many samples lie at most between stamps that are looked at, and apartBytes how many bytes.
const (
	apart      = 1024
	apartBytes = 1 << 20
)

// packets finds the gaps between samples that each have a stamp.
func (h *nsx) packets(l *line) error {
	width := h.lay.Record
	n := (l.src.Size - h.bytes) / width
	h.rest(l.src, h.bytes+n*width)
	p := &packets{line: l, h: h}
	step := max(1, min(apart, apartBytes/width))
	from, fromStamp := int64(0), uint64(0)
	var err error
	if n > 0 {
		if fromStamp, err = p.stamp(0); err != nil {
			return err
		}
		p.begin(0, fromStamp)
	}
	for from < n-1 {
		to := min(n-1, from+step)
		toStamp, err := p.stamp(to)
		if err != nil {
			return err
		}
		if expected := float64(to-from) / l.rate; toStamp < fromStamp || math.Abs(l.since(toStamp, fromStamp)-expected) >= 0.5/l.rate {
			if err := p.look(from, to); err != nil {
				return err
			}
		}
		from, fromStamp = to, toStamp
		p.mark(to, toStamp)
	}
	p.finish(n)
	p.drift()
	return nil
}

// packets is samples with a stamp each.
type packets struct {
	*line

	h     *nsx
	first int64 // packet that the open run begins with
	start int64 // its number as a sample
	buf   []byte
	head  [13]byte
}

// offset is the byte of a packet.
func (p *packets) offset(k int64) int64 { return p.h.bytes + k*p.h.lay.Record }

// stamp reads that of packet k.
func (p *packets) stamp(k int64) (uint64, error) {
	if err := p.src.Read(p.head[:], p.offset(k), "data header"); err != nil {
		return 0, err
	}
	return p.check(p.head[:], k)
}

func (p *packets) check(b []byte, k int64) (uint64, error) {
	if n := le.Uint32(b[9:]); n != 1 {
		return 0, p.src.Errorf(p.offset(k)+9, "number of data points", "is %d in packet %d, must be 1 as in the first", n, k+1)
	}
	return le.Uint64(b[1:]), nil
}

// begin opens a run with packet k.
func (p *packets) begin(k int64, stamp uint64) {
	if k > 0 {
		p.finish(k)
	}
	p.first, p.start = k, p.next(stamp, p.offset(k)+1, "time stamp")
}

// finish closes the open run before packet k.
func (p *packets) finish(k int64) {
	if n := k - p.first; n > 0 {
		r := flatfile.Piece{From: p.offset(p.first), Span: signal.Span{Start: p.start, Len: n}}
		p.runs = append(p.runs, r)
		p.end = r.End()
	}
}

// mark notes the sample of packet k, for events.
func (p *packets) mark(k int64, stamp uint64) {
	e := &p.eras[len(p.eras)-1]
	if last := (*e)[len(*e)-1]; stamp > last.stamp {
		*e = append(*e, point{p.start + k - p.first, stamp})
	}
}

// look finds the gaps between two packets, one by one.
func (p *packets) look(from, to int64) error {
	width := p.h.lay.Record
	if need := (to - from + 1) * width; int64(len(p.buf)) < need {
		p.buf = make([]byte, need)
	}
	if err := p.src.Read(p.buf[:(to-from)*width+13], p.offset(from), "data header"); err != nil {
		return err
	}
	var last uint64
	for k := from; k <= to; k++ {
		stamp, err := p.check(p.buf[(k-from)*width:], k)
		if err != nil {
			return err
		}
		if k > from && (stamp < last || p.since(stamp, last) >= 1.5/p.rate) {
			p.mark(k-1, last)
			p.begin(k, stamp)
		}
		last = stamp
	}
	return nil
}

// drift lists a rate that is not the nominal one, as far as it can be seen: by half a sample in the longest run.
func (p *packets) drift() {
	var from, to point
	r := 0
	for _, e := range p.eras {
		open := e[0]
		for _, q := range e {
			for p.runs[r].End() <= q.sample {
				r++
				open = q
			}
			if open.sample < p.runs[r].Start {
				open = q
			}
			if q.sample-open.sample > to.sample-from.sample {
				from, to = open, q
			}
		}
	}
	seconds, samples := p.since(to.stamp, from.stamp), float64(to.sample-from.sample)
	if off := seconds*p.rate - samples; math.Abs(off) >= 0.5 {
		p.src.Deviate(p.h.bytes+1, "time stamp", fmt.Sprintf("samples are taken at %g Hz", p.rate), fmt.Sprintf("%.6f Hz by the stamps: after %.3f s they are %.1f samples apart", samples/seconds, seconds, off),
			fmt.Sprintf("%g Hz; events stand at the sample that was measured with them", p.rate))
	}
}
