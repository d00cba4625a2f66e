package text

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// fill says whether any channel has a value in a row.
type fill uint8

const (
	filled fill = iota
	bare        // none has, and nothing else but what all rows have: it stands for a sample that is lost, or for nothing
	aside       // none has, but what rows with samples do not have, such as a marker or another sensor: it is no sample
)

// blanks is the rows in which no channel has a value, in a table with stamps.
type blanks struct {
	of    []fill           // each row; nil where all have a value
	lines [aside + 1]int64 // the first line of each kind, and how many there are
	many  [aside + 1]int
	out   fill // rows of this kind and above are no samples; 0 leaves all in

	before []cell // of the last row with a value, where it was looked at
}

// isOut says whether a row is no sample.
func (b *blanks) isOut(row int) bool { return b.out > filled && b.of[row] >= b.out }

// blank takes in a row without a value in any channel. A marker goes on where its cell is empty. Where rows with samples have none there, each
// row with one is an event: it is a message, and no state that lasts from the row before. A state that they have may change in a row that is lost.
func (t *table) blank(row int, cells []cell) {
	b := &t.blanks
	if b.of == nil {
		b.of = make([]fill, row, cap(t.stamps))
	}
	before := b.before[:0]
	if len(t.before) > 0 {
		before = split(before, t.before, 0, t.lay.comma)
		b.before = before
	}
	kind := bare
	for i, c := range cells {
		col := &t.lay.columns[i]
		if col.role != unused && col.role != marker || t.lay.none(c.text) {
			continue
		}
		other := len(before) == 0 || t.lay.none(before[i].text)
		if other {
			kind = aside
		}
		if col.role == unused {
			continue
		}
		if other && col.code != nil && col.code.open != nil && b.of[col.code.open.row] != filled {
			t.marker(row, col, nil)
		}
		t.marker(row, col, c.text)
	}
	if b.many[kind]++; b.many[kind] == 1 {
		b.lines[kind] = t.src.line
	}
	b.of = append(b.of, kind)
}

// setAside takes out the rows that are no samples, and lists those without a value. Gaps then come from the stamps, as where rows are not
// there. Rows that may stand for lost samples stay in their place where the stamps scatter too much to tell of a single one.
func (t *table) setAside() {
	b := &t.blanks
	t.at = t.stamps
	if b.of == nil {
		return
	}
	if b.many[bare]+b.many[aside] < t.rows {
		b.out = bare
		t.at = t.samplesOf(make([]float64, 0, t.rows), t.stamps)
		if b.many[bare] > 0 && !t.lay.tells(t.at) {
			b.out = aside
			t.at = t.samplesOf(t.at[:0], t.stamps)
		}
	}
	t.index = t.samplesOf(t.index[:0], t.index)
	for ch, x := range t.x {
		t.x[ch] = t.samplesOf(x[:0], x)
	}
	for kind := bare; kind <= aside; kind++ {
		if b.many[kind] == 0 {
			continue
		}
		dev := signal.Deviation{Where: fmt.Sprintf("line %d", b.lines[kind]), Rule: "every row has a value in every channel", Found: count(b.many[kind], "row") + " with none in any"}
		switch {
		case b.out == filled || kind < b.out:
			dev.Assumed = "samples are missing there: a gap"
		case kind == bare:
			dev.Assumed = "they are no samples, and what is missing is told by the stamps"
		default:
			dev.Assumed = "they are no samples, since they have what rows with samples do not have, such as a marker; markers stay at their time"
		}
		t.src.dev.count(fmt.Sprint("blank ", kind), func() signal.Deviation { return dev })
	}
}

// tells says whether stamps are even enough for each row that is not there.
func (l *layout) tells(stamps []float64) bool {
	median, steps, err := medianStep(stamps)
	if err != nil {
		return false
	}
	single, tested := singleStep(stamps, steps)
	return single > 0 && l.bears(single, median, tested)
}

// samplesOf appends to dst what x, which has all rows, has for those that are samples.
func (t *table) samplesOf(dst, x []float64) []float64 {
	for row, v := range x {
		if !t.blanks.isOut(row) {
			dst = append(dst, v)
		}
	}
	return dst
}

// rowOf is the row of the k-th sample, from 0.
func (t *table) rowOf(k int) int {
	row := 0
	for ; k > 0 || t.blanks.isOut(row); row++ {
		if !t.blanks.isOut(row) {
			k--
		}
	}
	return row
}

// stays says whether more than one of the rows [from, to) is a sample.
func (t *table) stays(from, to int) bool {
	n := 0
	for row := from; row < to && n < 2; row++ {
		if !t.blanks.isOut(row) {
			n++
		}
	}
	return n == 2
}

// sample is the number of the sample at a row with k rows of samples in front, or, where the row is none, of the nearest in time that may be
// there: between those in front and behind.
func (t *table) sample(row, k int, number func(k int) int64, rate float64) int64 {
	if !t.blanks.isOut(row) {
		return number(k)
	}
	steps := func(from int) float64 { return math.Round((t.stamps[row] - t.at[from]) * rate) }
	if k == 0 {
		return int64(min(0, steps(0)))
	}
	most := math.Inf(1)
	if k < len(t.at) {
		most = float64(number(k) - number(k-1))
	}
	return number(k-1) + int64(min(max(0, steps(k-1)), most))
}
