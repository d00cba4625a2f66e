package brainvision

import (
	"fmt"
	"strconv"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// samples is the file with the samples.
type samples interface {
	count() int64 // of each channel
	reader(line flatfile.Timeline) (signal.SampleReader, []signal.Span, int64)
}

// samples finds out how many there are.
func (h *header) samples(src *flatfile.Source) (samples, error) {
	if h.text != nil {
		return newTable(src, h)
	}
	width := h.typ.Width()
	frame := width * int64(len(h.gains))
	n := src.Size / frame
	if rest := src.Size % frame; rest != 0 || n == 0 {
		if h.vectorised || n == 0 {
			return nil, src.Errorf(src.Size, "samples", "%d bytes are not a whole number of samples of %d channels of %d bytes, at least one: where each channel begins is not known; fetch the file again", src.Size, len(h.gains), width)
		}
		src.Deviate(n*frame, "samples", "the file ends with a whole sample of all channels", fmt.Sprintf("%d bytes more", rest), "they are left out")
	}
	if h.points > 0 && h.points != n {
		if h.vectorised && h.points > n {
			return nil, src.Errorf(src.Size, "samples", "the header has DataPoints=%d, the file ends behind %d: it was cut; fetch it again", h.points, n)
		}
		src.Deviate(src.Size, "samples", fmt.Sprintf("has as many as the header: DataPoints=%d", h.points), strconv.FormatInt(n, 10), "those that are there")
	}
	if h.vectorised && h.points == 0 {
		src.Deviate(0, "samples", "the header has DataPoints where channels lie one behind the other", "none", fmt.Sprintf("%d, by the size of the file: were it cut, channels would begin elsewhere", n))
	}
	return &numbers{src, h, n}, nil
}

// numbers is samples as numbers.
type numbers struct {
	src *flatfile.Source
	h   *header
	n   int64
}

func (b *numbers) count() int64 { return b.n }

func (b *numbers) reader(line flatfile.Timeline) (signal.SampleReader, []signal.Span, int64) {
	width, channels := b.h.typ.Width(), int64(len(b.h.gains))
	lay := flatfile.Layout{Columns: make([]flatfile.Column, channels), Record: width * channels, PerRecord: 1, Big: b.h.big}
	if b.h.vectorised {
		lay.Record, lay.PerRecord = width*channels*b.n, b.n
	}
	for ch, gain := range b.h.gains {
		c := flatfile.Column{At: int64(ch) * width, Step: width, Type: b.h.typ, Gain: gain}
		if b.h.vectorised {
			c.At *= b.n
		}
		lay.Columns[ch] = c
	}
	lay.Runs = line
	spans, end := lay.Spans()
	return flatfile.NewReader(b.src, lay), spans, end
}
