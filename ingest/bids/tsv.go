package bids

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Missing is how a table says that there is no value.
const Missing = "n/a"

const mark = "\ufeff" // of byte order

// Table is a file of tab-separated values (BIDS 1.10, "Tabular files"): all cells as they are written, known columns and
// others. What was read stays text, with the place of each row, until Rows is asked for: a cell takes two bytes of a file, and a
// string sixteen of memory.
type Table struct {
	Columns []string

	text   []byte
	starts []uint32 // of the rows in text
	lines  []uint32 // of the rows in the file that it was read from, nil where no line is blank
	rows   [][]string
	made   bool // rows are what counts
}

// Len is the number of rows.
func (t *Table) Len() int {
	if t.made {
		return len(t.rows)
	}
	return len(t.starts)
}

// Rows are all cells, each row as long as Columns. Who changes one changes the table.
func (t *Table) Rows() [][]string {
	if !t.made {
		t.rows = make([][]string, t.Len())
		for i := range t.rows {
			t.rows[i] = make([]string, len(t.Columns))
			for k := range t.rows[i] {
				t.rows[i][k] = t.At(i, k)
			}
		}
		t.made, t.text, t.starts = true, nil, nil
	}
	return t.rows
}

// NewTable is a table of these columns and rows, each as long as columns.
func NewTable(columns []string, rows ...[]string) *Table {
	return &Table{Columns: columns, rows: rows, made: true}
}

// find is the first row whose cell in a column is the one; -1 where there is none, or no such column.
func (t *Table) find(column string, is func(cell string) bool) int {
	k := t.Column(column)
	for row := 0; k >= 0 && row < t.Len(); row++ {
		if is(t.At(row, k)) {
			return row
		}
	}
	return -1
}

// At is the cell of a row in a column.
func (t *Table) At(row, column int) string {
	if t.made {
		return t.rows[row][column]
	}
	return string(t.cell(row, column))
}

var missing = []byte(Missing)

// cell is At without a copy.
func (t *Table) cell(row, column int) []byte {
	if t.made {
		return []byte(t.rows[row][column])
	}
	line, _, _ := bytes.Cut(t.text[t.starts[row]:], []byte("\n"))
	for range column {
		var found bool
		if _, line, found = bytes.Cut(line, []byte("\t")); !found {
			return missing
		}
	}
	cell, _, _ := bytes.Cut(line, []byte("\t"))
	if cell = bytes.TrimSpace(cell); len(cell) == 0 {
		return missing
	}
	return cell
}

// Line is where a row stands in the file that the table was read from, from 1.
func (t *Table) Line(row int) int {
	if row < len(t.lines) {
		return int(t.lines[row])
	}
	return row + 2
}

// ReadTable takes a table apart; name is what messages call it. What breaks the specification and can be read is listed,
// rows counted as lines of the file, from 1. Quotes have no meaning. data belongs to the table from now on.
func ReadTable(data []byte, name string) (*Table, []signal.Deviation, error) {
	r := tableReader{name: name}
	if uint64(len(data)) > math.MaxUint32 {
		return nil, nil, fmt.Errorf("%s has %d bytes, a table may have %d", name, len(data), uint32(math.MaxUint32))
	}
	data = r.text(data)
	head, rest, _ := bytes.Cut(data, []byte("\n"))
	if len(head) == 0 && len(rest) == 0 {
		return nil, r.found, fmt.Errorf("%s is empty, must have a line with the names of the columns", name)
	}
	columns := bytes.Count(head, []byte("\t")) + 1
	if columns > maxColumns {
		return nil, r.found, fmt.Errorf("%s: %d columns are more than the %d that a table may have", name, columns, maxColumns)
	}
	t := &Table{Columns: r.columns(strings.Split(string(head), "\t")), text: data}
	blank, total := 0, 0
	for line := range bytes.SplitSeq(rest, []byte("\n")) {
		if total++; len(line) == 0 {
			blank++
		}
	}
	t.starts = make([]uint32, 0, total-blank)
	if blank > 1 || blank == 1 && len(rest) > 0 && rest[len(rest)-1] != '\n' {
		t.lines = make([]uint32, 0, total-blank)
	}
	at := len(data) - len(rest)
	for number := 2; len(rest) > 0; number++ {
		line, after, _ := bytes.Cut(rest, []byte("\n"))
		if len(line) == 0 {
			r.count("blank lines", number)
		} else {
			r.row(line, columns, number)
			t.starts = append(t.starts, uint32(at))
			if t.lines != nil {
				t.lines = append(t.lines, uint32(number))
			}
		}
		at += len(rest) - len(after)
		rest = after
	}
	r.report()
	return t, r.found, nil
}

// maxColumns bounds what the first line can ask to be allocated.
const maxColumns = 1 << 12

// tableReader lists what is wrong with a table.
type tableReader struct {
	name  string
	found []signal.Deviation
	kinds []string          // of what there may be many of, in the order in which they were first met
	lines map[string][2]int // the first line, and how many there are
}

func (r *tableReader) add(where, rule, found, assumed string) {
	r.found = append(r.found, signal.Deviation{Where: r.name + where, Rule: rule, Found: found, Assumed: assumed})
}

// count notes what may be wrong with many lines.
func (r *tableReader) count(kind string, line int) {
	if r.lines == nil {
		r.lines = map[string][2]int{}
	}
	at := r.lines[kind]
	if at[1] == 0 {
		r.kinds, at[0] = append(r.kinds, kind), line
	}
	at[1]++
	r.lines[kind] = at
}

// rowRules are what lines must be, and what is done where they are not.
var rowRules = map[string][2]string{
	"blank lines":           {"a row in each line", "passed over"},
	"rows that are short":   {"as many cells in a row as there are columns", "what is missing is " + Missing},
	"rows that are long":    {"as many cells in a row as there are columns", "what has no column is left out"},
	"rows with empty cells": {Missing + " where there is no value", Missing},
}

// report lists what was counted.
func (r *tableReader) report() {
	for _, kind := range r.kinds {
		at, rule := r.lines[kind], rowRules[kind]
		r.add(fmt.Sprintf(": line %d", at[0]), rule[0], fmt.Sprintf("%d %s", at[1], kind), rule[1])
	}
}

// text makes lines that end in \n of the bytes of a file, in UTF-8.
func (r *tableReader) text(data []byte) []byte {
	data = bytes.TrimPrefix(data, []byte(mark)) // it is allowed, and common
	if !utf8.Valid(data) {
		r.add("", "text in UTF-8", "other bytes", "Latin-1")
		data = []byte(ingest.Latin1Text(data))
	}
	if n := bytes.Count(data, []byte("\r\n")); n > 0 {
		data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")) // the specification leaves the end of a line open
	}
	if bytes.IndexByte(data, '\r') >= 0 {
		r.add("", "lines end in a line feed", "carriage returns alone", "ends of lines")
		data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	}
	return data
}

// columns are the names of the columns, trimmed; one that is there twice is known by the first. Programs that each put a byte order
// mark in front leave several, which are no part of the first name.
func (r *tableReader) columns(names []string) []string {
	seen := map[string]bool{}
	for i, c := range names {
		trimmed := strings.TrimSpace(c)
		if i == 0 && strings.HasPrefix(trimmed, mark) {
			trimmed = strings.TrimLeftFunc(trimmed, func(r rune) bool { return string(r) == mark || unicode.IsSpace(r) })
			r.add(": line 1, column 1", "a file begins with one byte order mark", fmt.Sprintf("%q", c), trimmed)
			c = trimmed
		}
		switch {
		case trimmed == "":
			r.add(fmt.Sprintf(": line 1, column %d", i+1), "a name for each column", "none", "kept without a name")
		case seen[trimmed]:
			r.add(fmt.Sprintf(": line 1, column %d", i+1), "each column once", fmt.Sprintf("%q again", trimmed), "the first one is read")
		case trimmed != c:
			r.add(fmt.Sprintf(": line 1, column %d", i+1), "names without spaces around", fmt.Sprintf("%q", c), trimmed)
		}
		seen[trimmed] = true
		names[i] = trimmed
	}
	return names
}

// row counts what is wrong with a line.
func (r *tableReader) row(line []byte, columns, number int) {
	switch cells := bytes.Count(line, []byte("\t")) + 1; {
	case cells < columns:
		r.count("rows that are short", number)
	case cells > columns:
		r.count("rows that are long", number)
	}
	k := 0
	for cell := range bytes.SplitSeq(line, []byte("\t")) {
		if k++; k > columns {
			break
		}
		if len(bytes.TrimSpace(cell)) == 0 {
			r.count("rows with empty cells", number)
			break
		}
	}
}

// Column is the place of the first column of that name, -1 where there is none.
func (t *Table) Column(name string) int {
	for i, c := range t.Columns {
		if c == name {
			return i
		}
	}
	return -1
}

// Cell is what a row says in a column. ok is false where there is no such column, and where it says n/a.
func (t *Table) Cell(row int, column string) (text string, ok bool) {
	i := t.Column(column)
	if i < 0 {
		return "", false
	}
	text = t.At(row, i)
	if text == Missing {
		return "", false
	}
	return text, true
}

// number is Number by the place of the column, which may be -1. bad says that the cell is no finite number. A column of millions of
// those costs no memory.
func (t *Table) number(row, column int) (v float64, ok, bad bool) {
	if column < 0 {
		return 0, false, false
	}
	text := t.cell(row, column)
	if string(text) == Missing {
		return 0, false, false
	}
	if len(text) > 64 { // longer than any number that means something; an error would keep it
		return 0, true, true
	}
	v, err := strconv.ParseFloat(string(text), 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, true, true
	}
	return v, true, false
}

// Number is what a row says in a column of numbers. ok is false as in Cell; an error says that it is no finite number.
func (t *Table) Number(row int, column string) (v float64, ok bool, err error) {
	text, ok := t.Cell(row, column)
	if !ok {
		return 0, false, nil
	}
	v, err = strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0, true, fmt.Errorf("%q is no number", text)
	}
	return v, true, nil
}

// Add appends a row: the cells of the columns named, n/a in all others, and columns that are new at the end.
func (t *Table) Add(cells ...[2]string) {
	t.Rows()
	row := make([]string, len(t.Columns))
	for i := range row {
		row[i] = Missing
	}
	for _, c := range cells {
		i := t.Column(c[0])
		if i < 0 {
			i = len(t.Columns)
			t.Columns = append(t.Columns, c[0])
			for k := range t.rows {
				t.rows[k] = append(t.rows[k], Missing)
			}
			row = append(row, "")
		}
		row[i] = c[1]
	}
	t.rows = append(t.rows, row)
}

// Write writes the table. What is empty is written as n/a; a cell with a tab or an end of a line in it is an error, for
// which nothing is written.
func (t *Table) Write(w io.Writer) error {
	if len(t.Columns) == 0 {
		return errors.New("a table without columns")
	}
	var b strings.Builder
	for i, row := range append([][]string{t.Columns}, t.Rows()...) {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("row %d has %d cells, must have %d", i, len(row), len(t.Columns))
		}
		for k, cell := range row {
			if strings.ContainsAny(cell, "\t\r\n") || !utf8.ValidString(cell) {
				return fmt.Errorf("column %s, row %d: %q has a tab, an end of a line or bytes that are not UTF-8 in it, which a table has no way to write", t.Columns[k], i, cell)
			}
			if i == 0 && k == 0 && strings.HasPrefix(strings.TrimSpace(cell), mark) {
				return fmt.Errorf("column 1 is called %q: a name that begins with a byte order mark would be read without it; take it off", cell)
			}
			if k > 0 {
				b.WriteByte('\t')
			}
			if cell == "" {
				cell = Missing
			}
			b.WriteString(cell)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}
