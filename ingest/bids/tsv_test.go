package bids_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/bids"
)

func TestTabularFiles(t *testing.T) {
	for _, c := range []struct {
		name, text string
		columns    []string
		rows       [][]string
		rules      []string
	}{
		{"plain", "onset\tduration\n1.5\tn/a\n", []string{"onset", "duration"}, [][]string{{"1.5", "n/a"}}, nil},
		{"mark, CRLF and no last line feed", "\ufeffa\tb\r\n1\t2", []string{"a", "b"}, [][]string{{"1", "2"}}, nil},
		{"two marks", "\ufeff\ufeffa\tb\n1\t2\n", []string{"a", "b"}, [][]string{{"1", "2"}}, []string{"a file begins with one byte order mark"}},
		{"a mark behind a space", " \ufeff a\tb\n1\t2\n", []string{"a", "b"}, [][]string{{"1", "2"}}, []string{"a file begins with one byte order mark"}},
		{"a mark elsewhere", "a\t\ufeffb\n\ufeff1\t2\n", []string{"a", "\ufeffb"}, [][]string{{"\ufeff1", "2"}}, nil},
		{"Latin-1", "name\tunits\nCz\t\xb5V\n", []string{"name", "units"}, [][]string{{"Cz", "µV"}}, []string{"text in UTF-8"}},
		{"quotes have no meaning", "a\n\"x\n", []string{"a"}, [][]string{{`"x`}}, nil},
		{"short and long", "a\tb\n1\n1\t2\t3\n", []string{"a", "b"}, [][]string{{"1", "n/a"}, {"1", "2"}}, []string{"as many cells", "as many cells"}},
		{"empty cells and lines", "a\tb\n\t2\n\n3\t4\n", []string{"a", "b"}, [][]string{{"n/a", "2"}, {"3", "4"}}, []string{"n/a where", "a row in each line"}},
		{"twice", "a\ta\n1\t2\n", []string{"a", "a"}, [][]string{{"1", "2"}}, []string{"each column once"}},
		{"spaces", " a\tb\n1 \t2\n", []string{"a", "b"}, [][]string{{"1", "2"}}, []string{"names without spaces"}},
		{"carriage returns", "a\r1\r", []string{"a"}, [][]string{{"1"}}, []string{"lines end in a line feed"}},
	} {
		table, found, err := bids.ReadTable([]byte(c.text), "x.tsv")
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if !slices.Equal(table.Columns, c.columns) || !slices.EqualFunc(table.Rows(), c.rows, slices.Equal) {
			t.Errorf("%s: %q %q", c.name, table.Columns, table.Rows())
		}
		ok := len(found) == len(c.rules)
		for i := range min(len(found), len(c.rules)) {
			ok = ok && strings.HasPrefix(found[i].Rule, c.rules[i])
		}
		if !ok {
			t.Errorf("%s: deviations %v, want %v", c.name, found, c.rules)
		}
	}
	if _, _, err := bids.ReadTable(nil, "x.tsv"); err == nil {
		t.Error("an empty file is a table")
	}
	if _, _, err := bids.ReadTable([]byte(strings.Repeat("\t", 1<<20)), "x.tsv"); err == nil {
		t.Error("a table of a million columns is read")
	}
}

func TestTableWrites(t *testing.T) {
	var table bids.Table
	table.Add([2]string{"name", "Cz"}, [2]string{"type", "EEG"})
	table.Add([2]string{"name", "x"}, [2]string{"units", "µV"})
	table.Add([2]string{"type", ""})
	var b strings.Builder
	if err := table.Write(&b); err != nil {
		t.Fatal(err)
	}
	const want = "name\ttype\tunits\nCz\tEEG\tn/a\nx\tn/a\tµV\nn/a\tn/a\tn/a\n"
	if b.String() != want {
		t.Errorf("got %q, want %q", b.String(), want)
	}
	again, found, err := bids.ReadTable([]byte(b.String()), "x.tsv")
	if err != nil || len(found) > 0 || !slices.EqualFunc(again.Rows(), [][]string{{"Cz", "EEG", "n/a"}, {"x", "n/a", "µV"}, {"n/a", "n/a", "n/a"}}, slices.Equal) {
		t.Errorf("read again: %q %v %v", again.Rows(), found, err)
	}
	marked := bids.NewTable([]string{"\ufeffname", "type"}, []string{"Cz", "EEG"}) // it would be read as name
	b.Reset()
	if err := marked.Write(&b); err == nil || !strings.Contains(err.Error(), "byte order mark") || b.Len() > 0 {
		t.Errorf("a first column that begins with a byte order mark: %v, %q is written", err, b.String())
	}
	for _, bad := range []string{"a\tb", "a\nb", "a\rb", "\xff"} {
		table = *bids.NewTable(table.Columns, []string{bad, "", ""})
		if err := table.Write(&b); err == nil {
			t.Errorf("%q is written", bad)
		}
	}
}
