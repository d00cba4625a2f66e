package text

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// table is the rows of a file.
type table struct {
	src    *source
	lay    *layout
	x      [][]float64 // [channel][row], NaN where missing
	stamps []float64   // s
	at     []float64   // those of the rows that are samples
	index  []float64   // of the counter, empty where there is none
	marks  [][]mark    // in the order of their rows
	marked int         // how many they are
	rows   int
	blanks blanks
	before []byte // the last line with a value in some channel
}

// mark is a marker in a row.
type mark struct {
	row   int
	label string
	rows  int // as long as it stays
}

// readTable reads the rows up to the end of the text.
func readTable(src *source, lay *layout) (*table, error) {
	t := &table{src: src, lay: lay}
	rows := src.rows(len(lay.columns))
	if lay.rate > 0 {
		t.stamps = make([]float64, 0, rows)
	}
	t.x = make([][]float64, 0, len(lay.columns))
	for i := range lay.columns {
		switch lay.columns[i].role {
		case sample:
			t.x = append(t.x, make([]float64, 0, rows))
		case stamp:
			t.stamps = make([]float64, 0, rows)
		case counter:
			t.index = make([]float64, 0, rows)
		case marker, unused:
		}
	}
	var cells []cell
	for {
		line, err := src.next()
		switch {
		case errors.Is(err, io.EOF):
			t.ended()
			return t, nil
		case errors.Is(err, errNoEnd), errors.Is(err, errPacked):
			src.dev.count("cut", func() signal.Deviation {
				return signal.Deviation{
					Where: fmt.Sprintf("byte %d: line %d", src.offset(src.at), src.line), Rule: "every row ends with its line",
					Found: err.Error() + ": the file was cut, or is still being written", Assumed: "what there is of the last line is left out",
				}
			})
			t.ended()
			return t, nil
		case err != nil:
			return nil, err
		}
		if len(line) == 0 {
			src.dev.count("blank", func() signal.Deviation {
				return signal.Deviation{Where: src.where(""), Rule: "every line is a row", Found: "an empty line", Assumed: "it is passed over"}
			})
			continue
		}
		cells = src.split(cells[:0], line, lay.comma)
		if len(cells) != len(lay.columns) {
			return nil, src.cellError(src.at, "", "the row has %d cells, the header %d: every row must have as many; look for what wrote or cut the line", len(cells), len(lay.columns))
		}
		if err := t.row(cells); err != nil {
			return nil, err
		}
		if b := t.blanks.of; b == nil || b[t.rows-1] == 0 {
			t.before = append(t.before[:0], line...)
		}
	}
}

// row takes in the cells of one line.
func (t *table) row(cells []cell) error {
	row, ch, values := t.rows, 0, 0
	var gap cell // the first one without a value in a channel
	var of *column
	t.rows++
	if t.lay.rate > 0 {
		t.stamps = append(t.stamps, float64(row)/t.lay.rate)
	}
	for i, c := range cells {
		col := &t.lay.columns[i]
		switch col.role {
		case unused, marker:
			continue
		case sample, stamp, counter:
		}
		v, missing, ok := t.lay.number(c.text)
		if col.iso {
			if v, ok = parseISO(string(c.text)); !ok {
				return t.src.cellError(c.at, col.name, "the stamp is %s, must be a date and a time, such as 2021-03-04T05:06:07.25Z", quote(c.text))
			}
			missing = false
		}
		switch {
		case !ok && t.lay.decimal == ',':
			return t.src.cellError(c.at, col.name, "%s is not a number; it must be digits with a decimal comma, such as -44,922", quote(c.text))
		case !ok:
			return t.src.cellError(c.at, col.name, "%s is not a number; it must be digits with a decimal point, such as -44.922", quote(c.text))
		case col.role == stamp && (missing || math.Abs(v*col.scale) > 1e12):
			return t.src.cellError(c.at, col.name, "the stamp is %s, must be a number of seconds: the row cannot be placed in time", quote(c.text))
		case col.role == stamp:
			t.stamps = append(t.stamps, v*col.scale)
			continue
		case col.role == counter && missing:
			return t.src.cellError(c.at, col.name, "%s is not a number, must count the samples", quote(c.text))
		case col.role == counter:
			t.index = append(t.index, v)
			continue
		case missing && of == nil:
			gap, of = c, col
		case !missing:
			values++
		}
		t.x[ch] = append(t.x[ch], col.value(v))
		ch++
	}
	if values == 0 && t.lay.rate == 0 {
		t.blank(row, cells)
		return nil
	}
	for i, c := range cells {
		col := &t.lay.columns[i]
		if col.role != marker && col.role != unused {
			continue
		}
		says, same := false, false
		if col.role == marker {
			says, same = t.marker(row, col, c.text)
		}
		if !t.lay.none(c.text) {
			t.blanks.with(i, len(cells)).add(says, same)
		}
	}
	if t.blanks.of != nil {
		t.blanks.of = append(t.blanks.of, 0)
	}
	for range ch - values {
		t.missing(of, gap)
	}
	return nil
}

// missing lists a cell of a channel that has no number.
func (t *table) missing(col *column, c cell) {
	t.src.dev.count("missing", func() signal.Deviation {
		return signal.Deviation{
			Where: fmt.Sprintf("%s, byte %d", t.src.where(col.name), t.src.offset(c.at)), Rule: "every cell has a finite number", Found: quote(c.text),
			Assumed: "the row is missing: a gap",
		}
	})
}

// quote is a cell for a message.
func quote(text []byte) string {
	const most = 40
	if len(text) > most {
		return fmt.Sprintf("%q…", text[:most])
	}
	return fmt.Sprintf("%q", text)
}
