package text

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// fill says whether any channel has a value in a row.
type fill uint8

const (
	filled fill = iota
	bare        // none has, and nothing else but what most rows have: it stands for a sample that is lost, or for nothing
	aside       // none has, but what rows with samples do not have, such as a marker or another sensor: it is no sample
)

// blanks is the rows in which no channel has a value, in a table with stamps.
type blanks struct {
	of   []uint8   // of each row the number of its pattern; nil where all have a value
	pats []pattern // the first is that of rows with a value
	rows int
	many [aside + 1]int
	out  fill // rows of this kind and above are no samples; 0 leaves all in

	shares []share // of each column; nil where no row has something there
	before []cell  // of the last row with a value, where it was looked at
	has    []byte  // of a row, while it is looked at
}

// pattern is the rows without a value that have cells in the same columns. Which of these are states is known when all rows were read.
type pattern struct {
	has  string // a byte for each column: 0 where it has nothing, or 0 as a marker, else another or goesOn
	line int64  // the first, and how many there are
	many int
	kind fill
}

const (
	another byte = 1 + iota
	goesOn       // a marker that the row with samples before has too

	mostPatterns = math.MaxUint8 // rows beyond are taken for those of the last

	lostShare = 0.01 // of rows that are too many for the rate that the table names, from which on they are no samples
)

// isOut says whether a row is no sample.
func (b *blanks) isOut(row int) bool { return b.out > filled && b.pats[b.of[row]].kind >= b.out }

// share is how many rows with samples have something in a column of markers or of what is not used, how many of them a marker, and how many the marker
// of the row before; and how many rows without samples have something that is no marker, mostly 0, and how many another marker than the row before.
type share struct{ many, marks, goes, zeros, others int32 }

// with is the share of a column of n. Most tables have nothing in such columns, and need no room for it.
func (b *blanks) with(column, n int) *share {
	if b.shares == nil {
		b.shares = make([]share, n)
	}
	return &b.shares[column]
}

// add takes in a cell of a row with samples.
func (s *share) add(says, same bool) {
	s.many++
	if says {
		s.marks++
	}
	if same {
		s.goes++
	}
}

// ofState says whether a cell without samples, which is another than that of the row before or goes on, is one of a state so far: most rows with
// samples have something in its column, or it goes on as it mostly does there. In a column of messages few have, or they have 0 and most rows without
// samples another marker. Lost rows of a trigger, which is mostly 0, mostly have 0 too.
func (t *table) ofState(column int, has byte) bool {
	s := t.blanks.with(column, len(t.lay.columns))
	most := 2*int(s.many) > t.rows-t.blanks.rows
	if t.lay.columns[column].role == marker {
		most = most && (2*s.marks > s.many || s.zeros > 0 && s.zeros >= s.others)
	}
	return most || has == goesOn && 2*s.goes > s.marks
}

// blank takes in a row without a value in any channel. A marker goes on where its cell is empty. Each row with a message is an event. A state does
// not begin anew, and may change in a row that is lost.
func (t *table) blank(row int, cells []cell) {
	b := &t.blanks
	if b.of == nil {
		b.of = make([]uint8, row, cap(t.stamps))
		b.pats = []pattern{{}}
	}
	before := b.before[:0]
	if len(t.before) > 0 {
		before = split(before, t.before, 0, t.lay.comma)
		b.before = before
	}
	b.has = append(b.has[:0], make([]byte, len(cells))...)
	for i, c := range cells {
		col := &t.lay.columns[i]
		if col.role != unused && col.role != marker || t.lay.none(c.text) {
			continue
		}
		if col.role == unused {
			b.has[i] = another
			continue
		}
		if !col.says(t.word(col, c.text)) {
			b.with(i, len(cells)).zeros++
			t.marker(row, col, c.text)
			continue
		}
		b.has[i] = another
		if len(before) > 0 && t.word(col, before[i].text) == t.word(col, c.text) {
			b.has[i] = goesOn
		} else {
			b.with(i, len(cells)).others++
		}
		if !t.ofState(i, b.has[i]) && col.code != nil && col.code.open != nil {
			t.marker(row, col, nil)
		}
		t.marker(row, col, c.text)
	}
	k := slices.IndexFunc(b.pats[1:], func(p pattern) bool { return p.has == string(b.has) }) + 1
	if k == 0 {
		if k = len(b.pats); k <= mostPatterns {
			b.pats = append(b.pats, pattern{has: string(b.has), line: t.src.line})
		}
		k = min(k, mostPatterns)
	}
	b.pats[k].many++
	b.rows++
	b.of = append(b.of, uint8(k))
}

// judge says of what kind the rows without a value are.
func (t *table) judge() {
	b := &t.blanks
	for k := 1; k < len(b.pats); k++ {
		s := &b.pats[k]
		s.kind = bare
		for i, has := range []byte(s.has) {
			if has != 0 && !t.ofState(i, has) {
				s.kind = aside
			}
		}
		b.many[s.kind] += s.many
	}
}

// setAside takes out the rows that are no samples, and lists those without a value. Gaps then come from the stamps, as where rows are not
// there. Rows that may stand for lost samples stay in their place where the stamps scatter too much to tell of a single one, unless the rate that
// the table names is that of the rows without them.
func (t *table) setAside() {
	b := &t.blanks
	t.at = t.stamps
	if b.of == nil {
		return
	}
	t.judge()
	if b.rows < t.rows {
		b.out = bare
		t.at = t.samplesOf(make([]float64, 0, t.rows), t.stamps)
		if b.many[bare] > 0 && !t.lay.tells(t.at) {
			without := t.lay.off(t.at)
			b.out = aside
			t.at = t.samplesOf(t.at[:0], t.stamps)
			if with := t.lay.off(t.at); with > lostShare && 2*without < with {
				b.out = bare
				t.at = t.samplesOf(t.at[:0], t.stamps)
			}
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
		dev := signal.Deviation{Where: fmt.Sprintf("line %d", b.line(kind)), Rule: "every row has a value in every channel", Found: count(b.many[kind], "row") + " with none in any"}
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

// line is the first of a kind.
func (b *blanks) line(kind fill) int64 {
	first := int64(math.MaxInt64)
	for _, s := range b.pats {
		if s.kind == kind {
			first = min(first, s.line)
		}
	}
	return first
}

// off is how far the rate of stamps is from that which the table names, as a share of it, and 0 where it names none.
func (l *layout) off(stamps []float64) float64 {
	median, _, err := medianStep(stamps)
	if err != nil || l.stated == "" {
		return 0
	}
	return math.Abs(median*l.nominal[0] - 1)
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
