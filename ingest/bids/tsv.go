package bids

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Missing is how a table says that there is no value.
const Missing = "n/a"

// Table is a file of tab-separated values (BIDS 1.10, "Tabular files"): all cells as they are written, known columns and
// others.
type Table struct {
	Columns []string
	Rows    [][]string // each as long as Columns
	lines   []int      // of the rows in the file that it was read from
}

// Line is where a row stands in the file that the table was read from, from 1.
func (t *Table) Line(row int) int {
	if row < len(t.lines) {
		return t.lines[row]
	}
	return row + 2
}

// ReadTable takes a table apart; name is what messages call it. What breaks the specification and can be read is listed,
// rows counted as lines of the file, from 1. Quotes have no meaning.
func ReadTable(data []byte, name string) (*Table, []signal.Deviation, error) {
	r := tableReader{name: name}
	data = r.text(data)
	head, rest, _ := strings.Cut(string(data), "\n")
	if head == "" && rest == "" {
		return nil, r.found, fmt.Errorf("%s is empty, must have a line with the names of the columns", name)
	}
	columns := strings.Count(head, "\t") + 1
	if rows := strings.Count(rest, "\n") + 1; columns > maxColumns || columns > maxCells/rows {
		return nil, r.found, fmt.Errorf("%s: %d columns of %d rows are more than the %d columns, and %d cells, that a table may have", name, columns, rows, maxColumns, maxCells)
	}
	t := &Table{Columns: r.columns(strings.Split(head, "\t"))}
	for number := 2; rest != ""; number++ {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		if line == "" {
			r.count("blank lines", number)
			continue
		}
		t.Rows, t.lines = append(t.Rows, r.row(line, columns, number)), append(t.lines, number)
	}
	r.report()
	return t, r.found, nil
}

// Bounds of what a small file can ask to be allocated: a short row has as many cells as a long one.
const (
	maxColumns = 1 << 12
	maxCells   = 1 << 22
)

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
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")) // a byte order mark is allowed, and common
	if !utf8.Valid(data) {
		r.add("", "text in UTF-8", "other bytes", "Latin-1")
		runes := make([]rune, len(data))
		for i, b := range data {
			runes[i] = rune(b)
		}
		data = []byte(string(runes))
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

// columns are the names of the columns, trimmed; one that is there twice is known by the first.
func (r *tableReader) columns(names []string) []string {
	seen := map[string]bool{}
	for i, c := range names {
		trimmed := strings.TrimSpace(c)
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

// row is the cells of a line.
func (r *tableReader) row(text string, columns, line int) []string {
	cells := strings.Split(text, "\t")
	switch {
	case len(cells) < columns:
		r.count("rows that are short", line)
	case len(cells) > columns:
		r.count("rows that are long", line)
	}
	out := make([]string, columns)
	empty := false
	for i := range out {
		out[i] = Missing
		if i < len(cells) {
			out[i] = strings.TrimSpace(cells[i])
			empty = empty || out[i] == ""
		}
	}
	if empty {
		r.count("rows with empty cells", line)
		for i := range out {
			if out[i] == "" {
				out[i] = Missing
			}
		}
	}
	return out
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
	if i < 0 || t.Rows[row][i] == Missing {
		return "", false
	}
	return t.Rows[row][i], true
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
	row := make([]string, len(t.Columns))
	for i := range row {
		row[i] = Missing
	}
	for _, c := range cells {
		i := t.Column(c[0])
		if i < 0 {
			i = len(t.Columns)
			t.Columns = append(t.Columns, c[0])
			for k := range t.Rows {
				t.Rows[k] = append(t.Rows[k], Missing)
			}
			row = append(row, "")
		}
		row[i] = c[1]
	}
	t.Rows = append(t.Rows, row)
}

// Write writes the table. What is empty is written as n/a; a cell with a tab or an end of a line in it is an error, for
// which nothing is written.
func (t *Table) Write(w io.Writer) error {
	if len(t.Columns) == 0 {
		return errors.New("a table without columns")
	}
	var b strings.Builder
	for i, row := range append([][]string{t.Columns}, t.Rows...) {
		if len(row) != len(t.Columns) {
			return fmt.Errorf("row %d has %d cells, must have %d", i, len(row), len(t.Columns))
		}
		for k, cell := range row {
			if strings.ContainsAny(cell, "\t\r\n") || !utf8.ValidString(cell) {
				return fmt.Errorf("column %s, row %d: %q has a tab, an end of a line or bytes that are not UTF-8 in it, which a table has no way to write", t.Columns[k], i, cell)
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
