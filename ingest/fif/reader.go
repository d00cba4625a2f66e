package fif

import (
	"encoding/binary"
	"fmt"
	"math"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// blockBytes is how much is read from the file at once at most.
const blockBytes = 1 << 20

// reader reads the samples.
type reader struct {
	src   *source
	chans []channel
	list  []buffer
	spans []signal.Span
	all   []int // 0, 1, 2, …

	// The block that was read last: samples [start, start+n) of list[from]. Whoever reads on behind it gets as much as
	// fits ahead, so a recording that is played sample by sample is read in blocks, and one that is read here and there
	// only what is asked for.
	buf      []byte
	from     int
	start, n int64
	next     int64 // the sample behind the range that was asked for last
}

// SourceUnits are the units of the channels, of which a voltage is always in V.
func (r *reader) SourceUnits() []string {
	all := make([]string, len(r.chans))
	for i, c := range r.chans {
		if all[i] = string(c.Unit); c.Unit == signal.Microvolt {
			all[i] = "V"
		}
	}
	return all
}

func newReader(src *source, chans []channel, b *buffers) *reader {
	r := &reader{src: src, chans: chans, list: b.list, spans: b.spans(), all: make([]int, len(chans)), next: -1}
	if r.spans == nil {
		r.spans = []signal.Span{{Start: 0, Len: b.len}}
	}
	for ch := range r.all {
		r.all[ch] = ch
	}
	return r
}

// ReadSamples reads any range of one span.
func (r *reader) ReadSamples(dst [][]float64, start int64) error { return r.read(dst, r.all, start) }

// read fills dst[i] with channel pick[i].
func (r *reader) read(dst [][]float64, pick []int, start int64) error {
	if len(dst) != len(pick) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.src.name, len(dst), len(pick))
	}
	n := int64(len(dst[0]))
	for i := range dst {
		if int64(len(dst[i])) != n {
			return fmt.Errorf("%s: row %d to fill has %d samples, row 0 has %d, they must have the same length", r.src.name, i, len(dst[i]), n)
		}
	}
	if n == 0 {
		return nil
	}
	i := sort.Search(len(r.spans), func(i int) bool { return r.spans[i].End() > start })
	if i == len(r.spans) || start < r.spans[i].Start || n > r.spans[i].End()-start {
		return fmt.Errorf("%s: %d samples from sample %d do not lie in one span of the recording", r.src.name, n, start)
	}
	ahead := start == r.next
	r.next = start + n
	k := sort.Search(len(r.list), func(k int) bool { return r.list[k].start+r.list[k].n > start })
	for done := int64(0); done < n; k++ {
		b := r.list[k]
		for end := min(n, b.start+b.n-start); done < end; {
			at := start + done
			if k != r.from || at < r.start || at >= r.start+r.n {
				want := start + end - at
				if ahead {
					want = b.start + b.n - at
				}
				if err := r.load(k, at, want); err != nil {
					return err
				}
			}
			m := min(end-done, r.start+r.n-at)
			r.decode(dst, pick, done, m, b.typ, r.buf[(at-r.start)*r.sample(b.typ):])
			done += m
		}
	}
	return nil
}

// sample is the bytes of one sample of all channels.
func (r *reader) sample(typ uint32) int64 { return widths[typ] * int64(len(r.chans)) }

// load reads samples from at on of list[k] into the block, as many as are wanted and fit, at least one.
func (r *reader) load(k int, at, want int64) error {
	r.n = 0 // nothing is valid if reading fails
	b := r.list[k]
	size := r.sample(b.typ)
	n := min(want, max(1, blockBytes/size))
	if int64(cap(r.buf)) < n*size {
		r.buf = make([]byte, n*size)
	}
	r.buf = r.buf[:n*size]
	if err := b.src.read(r.buf, b.at+(at-b.start)*size, "buffer"); err != nil {
		return err
	}
	r.from, r.start, r.n = k, at, n
	return nil
}

// decode fills dst[i][done:done+n] from src [samples, channels].
func (r *reader) decode(dst [][]float64, pick []int, done, n int64, typ uint32, src []byte) {
	width := int(widths[typ])
	stride := width * len(r.chans)
	for i, ch := range pick {
		gain, x, from := r.chans[ch].gain, dst[i][done:done+n], src[width*ch:]
		switch typ {
		case typeShort, typePack16:
			for t := range x {
				x[t] = float64(int16(binary.BigEndian.Uint16(from[t*stride:]))) * gain
			}
		case typeInt:
			for t := range x {
				x[t] = float64(int32(binary.BigEndian.Uint32(from[t*stride:]))) * gain
			}
		case typeFloat:
			for t := range x {
				x[t] = float32At(from[t*stride:]) * gain
			}
		default:
			for t := range x {
				x[t] = math.Float64frombits(binary.BigEndian.Uint64(from[t*stride:])) * gain
			}
		}
	}
}
