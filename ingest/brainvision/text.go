package brainvision

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// textLayout says how samples are written as text.
type textLayout struct {
	decimal                byte
	skipLines, skipColumns int64
}

// indexed is how many samples lie between two places in the file that are remembered.
const indexed = 256

// table is samples as text: a line for each sample, or, where they are vectorised, for each channel, whose name may stand in
// front. It remembers where every 256th sample begins and reads on from there.
type table struct {
	src   *flatfile.Source
	h     *header
	n     int64
	index [][]int64 // of each channel, or one for all: byte of sample 0, 256, …
}

// newTable goes through the text once.
func newTable(src *flatfile.Source, h *header) (*table, error) {
	t := &table{src: src, h: h}
	c := &cursor{src: src}
	c.seek(0)
	for range h.text.skipLines {
		if err := c.line(); err != nil {
			return nil, err
		}
	}
	columns := int64(len(h.gains))
	if h.vectorised {
		return t, t.indexChannels(c)
	}
	var index []int64
	for {
		if err := c.blank(); err != nil {
			return nil, err
		}
		if c.ended {
			break
		}
		at, cells, last := c.at, int64(0), ""
		for {
			cell, err := c.cell()
			if err != nil {
				return nil, err
			}
			if cell == "" {
				break
			}
			last = cell
			cells++
		}
		if cells != columns+h.text.skipColumns {
			if c.ended {
				src.Deviate(at, "samples", "the file ends with a whole line", fmt.Sprintf("%d cells of %d", cells, columns+h.text.skipColumns), "the line is left out")
				break
			}
			return nil, src.Errorf(at, "samples", "the line has %d cells, must have %d: look for what wrote or cut it", cells, columns+h.text.skipColumns)
		}
		if c.ended && !c.newline {
			_, err := t.number(last, at)
			if err != nil {
				src.Deviate(at, "samples", "the file ends with a whole line", fmt.Sprintf("%.40q", last), "the line is left out")
				break
			}
			src.Deviate(at, "samples", "the last line has an end", "none: the file may have been cut within its last number", "it is read as it is")
		}
		if t.n%indexed == 0 {
			index = append(index, at)
		}
		t.n++
	}
	t.index = [][]int64{index}
	return t, t.counted()
}

// indexChannels reads one line for each channel.
func (t *table) indexChannels(c *cursor) error {
	for ch := range t.h.gains {
		if err := c.blank(); err != nil {
			return err
		}
		at := c.at
		if c.ended {
			return t.src.Errorf(at, "samples", "ends behind %d channels, the header has %d", ch, len(t.h.gains))
		}
		var index []int64
		n := int64(0)
		for column := int64(0); ; column++ {
			before := c.at
			cell, err := c.cell()
			if err != nil {
				return err
			}
			if cell == "" {
				break
			}
			if column < t.h.text.skipColumns {
				continue
			}
			if column == 0 {
				if _, err := t.number(cell, at); err != nil { // the channel's name
					continue
				}
			}
			if n%indexed == 0 {
				index = append(index, before)
			}
			n++
		}
		if ch > 0 && n != t.n {
			return t.src.Errorf(at, "samples", "line %d has %d samples, the first has %d: look for what wrote or cut it", ch+1, n, t.n)
		}
		if c.ended && !c.newline {
			t.src.Deviate(at, "samples", "the last line has an end", "none: the file may have been cut within its last number", "it is read as it is")
		}
		t.n, t.index = n, append(t.index, index)
	}
	return t.counted()
}

func (t *table) counted() error {
	if t.n == 0 {
		return t.src.Errorf(t.src.Size, "samples", "there are none")
	}
	if t.h.points > 0 && t.h.points != t.n {
		t.src.Deviate(t.src.Size, "samples", fmt.Sprintf("has as many as the header: DataPoints=%d", t.h.points), strconv.FormatInt(t.n, 10), "those that are there")
	}
	return nil
}

func (t *table) count() int64 { return t.n }

func (t *table) reader(line flatfile.Timeline) (signal.SampleReader, []signal.Span, int64) {
	spans, end := (&flatfile.Layout{Runs: line}).Spans()
	return &textReader{t: t, runs: line, c: cursor{src: t.src}, at: -1}, spans, end
}

func (t *table) number(cell string, at int64) (float64, error) {
	if t.h.text.decimal == ',' {
		cell = strings.Replace(cell, ",", ".", 1)
	}
	v, err := strconv.ParseFloat(cell, 64)
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, t.src.Errorf(at, "samples", "%.40q is not a number", cell)
	}
	return v, nil
}

// textReader reads the samples of a table.
type textReader struct {
	t    *table
	runs flatfile.Timeline
	c    cursor
	at   int64 // sample of the file that stands at the cursor, where samples are multiplexed; -1 where it stands elsewhere
}

// ReadSamples reads any range of one span.
func (r *textReader) ReadSamples(dst [][]float64, start int64) error {
	if len(dst) != len(r.t.h.gains) {
		return fmt.Errorf("%s: %d rows to fill, there are %d channels", r.t.src.Name, len(dst), len(r.t.h.gains))
	}
	n := int64(len(dst[0]))
	for i := range dst {
		if int64(len(dst[i])) != n {
			return fmt.Errorf("%s: row %d to fill has %d samples, row 0 has %d, they must have the same length", r.t.src.Name, i, len(dst[i]), n)
		}
	}
	for _, p := range r.runs {
		if start >= p.Start && start <= p.End() && n <= p.End()-start {
			if n == 0 {
				return nil
			}
			return r.read(dst, p.From+start-p.Start, n)
		}
	}
	return fmt.Errorf("%s: %d samples from sample %d do not lie in one span of the recording", r.t.src.Name, n, start)
}

func (r *textReader) read(dst [][]float64, from, n int64) error {
	if r.t.h.vectorised {
		for ch := range dst {
			r.c.seek(r.t.index[ch][from/indexed])
			for range from % indexed {
				if _, err := r.c.cell(); err != nil {
					return err
				}
			}
			for k := range n {
				if err := r.value(&dst[ch][k], ch); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if r.at != from {
		r.c.seek(r.t.index[0][from/indexed])
		for range from % indexed {
			if err := r.row(nil, 0); err != nil {
				return err
			}
		}
	}
	r.at = -1 // nothing is valid if reading fails
	for k := range n {
		if err := r.row(dst, k); err != nil {
			return err
		}
	}
	r.at = from + n
	return nil
}

// row reads one line, into nothing where dst is nil.
func (r *textReader) row(dst [][]float64, k int64) error {
	if err := r.c.blank(); err != nil {
		return err
	}
	if dst == nil {
		return r.c.line()
	}
	for range r.t.h.text.skipColumns {
		if _, err := r.c.cell(); err != nil {
			return err
		}
	}
	for ch := range dst {
		if err := r.value(&dst[ch][k], ch); err != nil {
			return err
		}
	}
	return r.c.line()
}

func (r *textReader) value(to *float64, ch int) error {
	at := r.c.at
	cell, err := r.c.cell()
	if err != nil {
		return err
	}
	v, err := r.t.number(cell, at)
	*to = v * r.t.h.gains[ch]
	return err
}

// cursor reads cells that are parted by spaces, tabs or semicolons.
type cursor struct {
	src     *flatfile.Source
	r       *bufio.Reader
	at      int64 // of the next byte
	ended   bool
	newline bool // the line that was read last has an end
	buf     []byte
}

func (c *cursor) seek(at int64) {
	s := io.NewSectionReader(c.src.File, at, c.src.Size-at)
	if c.r == nil {
		c.r = bufio.NewReaderSize(s, 1<<16)
	} else {
		c.r.Reset(s)
	}
	c.at, c.ended, c.newline = at, false, true
}

// byte is the next one; at the end ended is set.
func (c *cursor) byte() (byte, error) {
	b, err := c.r.ReadByte()
	switch {
	case errors.Is(err, io.EOF):
		c.ended = true
		return '\n', nil
	case err != nil:
		return 0, c.src.Errorf(c.at, "samples", "cannot be read: %w", err)
	}
	c.at++
	return b, nil
}

func (c *cursor) back() error {
	if c.ended {
		return nil
	}
	c.at--
	return c.r.UnreadByte()
}

func gap(b byte) bool { return b == ' ' || b == '\t' || b == '\r' || b == ';' }

// blank passes over empty lines and spaces.
func (c *cursor) blank() error {
	for !c.ended {
		b, err := c.byte()
		if err != nil {
			return err
		}
		if !gap(b) && b != '\n' {
			return c.back()
		}
	}
	return nil
}

// line passes over the rest of the line.
func (c *cursor) line() error {
	for !c.ended {
		b, err := c.byte()
		if err != nil || b == '\n' {
			return err
		}
	}
	return nil
}

// cellBytes is the longest cell.
const cellBytes = 256

// cell is the next cell of the line, "" at its end, which is passed over then.
func (c *cursor) cell() (string, error) {
	c.buf = c.buf[:0]
	for {
		b, err := c.byte()
		switch {
		case err != nil:
			return "", err
		case b == '\n':
			if len(c.buf) > 0 {
				return string(c.buf), c.back()
			}
			c.newline = !c.ended
			return "", nil
		case gap(b) && len(c.buf) > 0:
			return string(c.buf), nil
		case gap(b):
			continue
		}
		if c.buf = append(c.buf, b); len(c.buf) > cellBytes {
			return "", c.src.Errorf(c.at, "samples", "a cell is longer than %d bytes, so this is no table of samples", cellBytes)
		}
	}
}
