package arrowfile

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/gyrus-bci/gyrus/ingest/pages"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// wholeBytes is the size up to which a batch is read whole and kept for the next call. Of larger ones only what is asked for
// is read, column by column.
const wholeBytes = 4 << 20

// Reader reads samples, and knows the batches in which they were written.
type Reader struct {
	src     *source
	info    *signal.Info
	batches []Batch

	// While the file is opened: its events, their labels, and the batch with events that was read last.
	events pages.List[signal.Event]

	noEvents int // batches whose events cannot be read, of which firstBad is the first
	firstBad signal.Deviation
	late     bool // some came late, or lie outside the data: they are not in order
	texts    map[string]string
	batch    []byte

	body []byte // of the batch that was read last
	held int    // its number; valid where body is not empty
	part []byte
}

// Batches is all of them, in order: with the time that was recorded for each, which need not be what the rate makes of the
// time of the first.
func (r *Reader) Batches() []Batch { return slices.Clone(r.batches) }

// ReadSamples reads any range of one span.
func (r *Reader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.info.Channels) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.src.name, len(dst), len(r.info.Channels))
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
	k := sort.Search(len(r.batches), func(k int) bool { return r.batches[k].End() > start })
	for j, at := k, start; ; j++ { // before anything is filled
		if j == len(r.batches) || r.batches[j].Start > at || n > math.MaxInt64-start {
			return fmt.Errorf("%s: samples from %d on, %d of them, do not lie in one span of the recording", r.src.name, start, n)
		}
		if at = r.batches[j].End(); at >= start+n {
			break
		}
	}
	for done := int64(0); done < n; k++ {
		b := r.batches[k]
		from := start + done - b.Start
		m := min(n-done, b.Len-from)
		if err := r.fill(dst, done, m, k, from); err != nil {
			return err
		}
		done += m
	}
	return nil
}

// fill sets dst[ch][done:done+n] to the samples of batch k from its row from on.
func (r *Reader) fill(dst [][]float64, done, n int64, k int, from int64) error {
	b := r.batches[k]
	whole := b.size <= wholeBytes
	if whole && (r.held != k || len(r.body) == 0) {
		r.body = slices.Grow(r.body[:0], int(b.size))[:b.size]
		if err := r.src.read(r.body, b.body, "record batch"); err != nil {
			r.body = r.body[:0]
			return err
		}
		r.held = k
	}
	for ch := range dst {
		var raw []byte
		if at := b.at[ch] + 8*from; whole {
			raw = r.body[at : at+8*n]
		} else {
			r.part = slices.Grow(r.part[:0], int(8*n))[:8*n]
			if err := r.src.read(r.part, b.body+at, "record batch"); err != nil {
				return err
			}
			raw = r.part
		}
		x := dst[ch][done : done+n]
		for t := range x {
			x[t] = math.Float64frombits(binary.LittleEndian.Uint64(raw[8*t:]))
		}
	}
	return nil
}
