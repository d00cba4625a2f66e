package edf

import (
	"encoding/binary"
	"fmt"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/uncached"
)

// blockBytes is how much is read from the file at once at most, for all groups of channels together: a few hundred microseconds of work,
// little enough to stay in the cache of the processor until it is decoded. A record may be recordBlocks times as long as what a group has
// of it; a longer one is read in pieces.
const (
	blockBytes   = 1 << 20
	groupBytes   = 4096 // a group has at least
	recordBlocks = 4
)

// reader reads the samples of one group of channels.
type reader struct {
	src       *source
	h         *header
	chans     []*channel
	runs      runs
	stored    []signal.Span // where samples fill records: where the file has any
	perRecord int64         // samples of each channel
	most      int64         // bytes that are read at once

	// The block that was read last: records [first, first+n). Whoever reads on behind it gets as much as fits ahead; so
	// a recording that is played sample by sample reads each record once, and one that is read here and there only what
	// it asks for.
	buf      []byte
	first, n int64
	block    []float64 // samples on their way past the cache
	next     int64     // the record behind the range that was asked for last
}

// ReadSamples reads any range of one span.
func (r *reader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.chans) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.src.name, len(dst), len(r.chans))
	}
	n := int64(len(dst[0]))
	for ch := range dst {
		if int64(len(dst[ch])) != n {
			return fmt.Errorf("%s: row %d to fill has %d samples, row 0 has %d, they must have the same length", r.src.name, ch, len(dst[ch]), n)
		}
	}
	if n == 0 {
		return nil
	}
	spans := r.runs.spans
	i := sort.Search(len(spans), func(i int) bool { return spans[i].End() > start })
	if i == len(spans) || start < spans[i].Start || start+n > spans[i].End() {
		return fmt.Errorf("%s: samples [%d, %d) do not lie in one span of the recording", r.src.name, start, start+n)
	}
	at := r.runs.first[i] + start - spans[i].Start
	from := at / r.perRecord // records [from, to)
	to := (at+n-1)/r.perRecord + 1
	skip := at % r.perRecord // samples of the first record that are not wanted
	ahead := r.next == from || r.next == from+1
	r.next = to
	if r.h.record > recordBlocks*r.most {
		return r.readPieces(dst, from, skip)
	}
	past := uncached.Worth(n * int64(len(dst)))
	if past {
		if r.block == nil {
			r.block = make([]float64, uncached.Block)
		}
		defer uncached.Done()
	}
	for done := int64(0); done < n; {
		if from < r.first || from >= r.first+r.n {
			most := from + max(1, r.most/r.h.record)
			if ahead {
				most = min(r.h.records, most)
			} else {
				most = min(to, most)
			}
			if err := r.load(from, most-from); err != nil {
				return err
			}
		}
		// Channel by channel: what is written then lies in few pages of memory, and what is read stays in the cache.
		stop := min(to, r.first+r.n)
		filled := done
		for ch := range r.chans {
			c := r.chans[ch]
			at, miss, record := done, skip, from
			if whole := min(stop-from, (n-at)/r.perRecord); past && whole > 0 && miss == 0 && r.h.v.decodePast != nil && c.scale.plain() {
				raw := r.buf[(from-r.first)*r.h.record+c.offset:]
				r.h.v.decodePast(dst[ch][at:at+whole*r.perRecord], raw, int(r.perRecord), int(r.h.record), c.scale.offset, c.scale.gain)
				at, record = at+whole*r.perRecord, from+whole
			}
			for ; record < stop; record++ {
				k := min(r.perRecord-miss, n-at)
				b := (record-r.first)*r.h.record + c.offset + miss*int64(r.h.v.bytes)
				r.decode(dst[ch][at:at+k], r.buf[b:b+k*int64(r.h.v.bytes)], c, past)
				at, miss = at+k, 0
			}
			filled = at
		}
		done, from, skip = filled, stop, 0
	}
	return nil
}

// load reads records [first, first+n) into the block.
func (r *reader) load(first, n int64) error {
	r.n = 0 // nothing is valid if reading fails
	if need := n * r.h.record; int64(cap(r.buf)) < need {
		r.buf = make([]byte, need)
	}
	r.buf = r.buf[:n*r.h.record]
	if err := r.src.readRecord(r.buf, r.h.bytes+first*r.h.record, first); err != nil {
		return err
	}
	r.first, r.n = first, n
	return nil
}

// readPieces reads where a record is too long for that: channel by channel, a block at a time.
func (r *reader) readPieces(dst [][]float64, record, skip int64) error {
	if r.buf == nil {
		r.buf = make([]byte, r.most)
	}
	width := int64(r.h.v.bytes)
	most := int64(len(r.buf)) / width
	for done, n := int64(0), int64(len(dst[0])); done < n; record, skip = record+1, 0 {
		inRecord := min(r.perRecord-skip, n-done)
		for ch := range r.chans {
			c := r.chans[ch]
			at := r.h.bytes + record*r.h.record + c.offset + skip*width
			for k := int64(0); k < inRecord; k += most {
				p := r.buf[:min(most, inRecord-k)*width]
				if err := r.src.readRecord(p, at+k*width, record); err != nil {
					return err
				}
				x := dst[ch][done+k : done+k+int64(len(p))/width]
				r.decode(x, p, c, false)
			}
		}
		done += inRecord
	}
	return nil
}

// decode fills x with the samples in raw, past the cache if that is asked for.
func (r *reader) decode(x []float64, raw []byte, c *channel, past bool) {
	if !past {
		r.h.v.decode(x, raw, c.scale.offset, c.scale.gain)
		c.scale.convert(x)
		return
	}
	for len(x) > 0 {
		n := min(len(x), len(r.block))
		r.decode(r.block[:n], raw[:n*r.h.v.bytes], c, false)
		uncached.Copy(x[:n], r.block[:n])
		x, raw = x[n:], raw[n*r.h.v.bytes:]
	}
}

// decode24 is decode16 for samples of 24 bits; src is three times as long as dst.
func decode24(dst []float64, src []byte, offset, gain float64) {
	for len(dst) >= 4 && len(src) >= 16 { // four at a time, the last of which needs a byte beyond its own
		v, w := binary.LittleEndian.Uint64(src), binary.LittleEndian.Uint64(src[6:])
		dst[0] = (float64(int32(v<<8)>>8) + offset) * gain
		dst[1] = (float64(int32(v>>16)>>8) + offset) * gain
		dst[2] = (float64(int32(w<<8)>>8) + offset) * gain
		dst[3] = (float64(int32(w>>16)>>8) + offset) * gain
		dst, src = dst[4:], src[12:]
	}
	for t := range dst {
		dst[t] = (float64(int24(src[3*t:])) + offset) * gain
	}
}

// int24 is a little-endian integer of 24 bits.
func int24(b []byte) int32 { return int32(uint32(b[0])<<8|uint32(b[1])<<16|uint32(b[2])<<24) >> 8 }

func encode16(dst []byte, sample int64) { binary.LittleEndian.PutUint16(dst, uint16(sample)) }

func encode24(dst []byte, sample int64) {
	_ = dst[2]
	dst[0], dst[1], dst[2] = byte(sample), byte(sample>>8), byte(sample>>16)
}

// FileRuns is where the file has samples, those that fill records included.
func (r *reader) FileRuns() []signal.Span {
	if r.stored != nil {
		return r.stored
	}
	return r.runs.spans
}

// SourceUnits are the physical dimensions.
func (r *reader) SourceUnits() []string {
	all := make([]string, len(r.chans))
	for i, c := range r.chans {
		all[i] = c.header.dimension
	}
	return all
}

// Stored is how the file keeps the samples of each channel.
func (r *reader) Stored() []signal.Stored {
	all := make([]signal.Stored, len(r.chans))
	for i, c := range r.chans {
		all[i] = c.header.stored()
	}
	return all
}
