package text_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	reader "github.com/gyrus-bci/gyrus/ingest/text"
)

// counted is a file that counts how often it was closed.
type counted struct {
	ingest.File
	closed int
}

func (c *counted) Close() error {
	c.closed++
	return c.File.Close()
}

// held is what a table takes in memory beside its file: 8 bytes for every cell, which becomes a float64. Text cannot be read here and
// there, so the numbers are read once, and they are the recording.
func held(text string) int64 {
	cells := 1
	for _, c := range []byte(text) {
		if strings.IndexByte(",;\t \n", c) >= 0 {
			cells++
		}
	}
	return int64(8 * cells)
}

// check opens any bytes: there is a *ingest.FormatError, or a recording that keeps its promises, and never a panic; the
// file is closed, and memory is bounded.
func check(t *testing.T, data []byte, text string) {
	t.Helper()
	var file fs.File
	file, err := fstest.MapFS{"x.csv": {Data: data}}.Open("x.csv")
	if err != nil {
		t.Fatal(err)
	}
	f := &counted{File: file.(ingest.File)}
	var rec *signal.Recording
	allocated := ingesttest.Allocated(func() { rec, err = reader.OpenIn(fstest.MapFS{}, f, "x.csv") })
	ingesttest.Bounded(t, allocated, int64(len(data))+held(text), rec)
	if f.closed != 1 {
		t.Errorf("the file was closed %d times, want once", f.closed)
	}
	if err != nil {
		var format *ingest.FormatError
		if !errors.As(err, &format) || format.File != "x.csv" || format.Field == "" || format.Offset < 0 || format.Offset > int64(len(data)) {
			t.Errorf("the error %v (%T) must be a *ingest.FormatError that names the file, a field and a byte in it", err, err)
		}
		return
	}
	if err := rec.Info.Validate(); err != nil {
		t.Error(err)
	}
	at := int64(-1)
	for _, s := range rec.Runs() {
		if s.Start <= at || s.Len <= 0 || s.End() > rec.Len {
			t.Fatalf("a span [%d, %d) behind sample %d, with the length %d", s.Start, s.End(), at, rec.Len)
		}
		at = s.End()
		for _, x := range samples(t, rec, s) {
			for i, v := range x {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Fatalf("sample %d is %g", i, v)
				}
			}
		}
	}
	for i, e := range rec.Events {
		if math.IsNaN(e.Onset) || math.IsInf(e.Onset, 0) || e.Label == "" || i > 0 && e.Sample < rec.Events[i-1].Sample {
			t.Errorf("event %d is %+v", i, e)
		}
	}
	if len(rec.Deviations)+len(rec.Notes) == 0 {
		t.Error("no deviations and no notes: the rate is never certain")
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
}

// TestAbsurdHeader: what has more columns than any amplifier is refused before anything is made of them.
func TestAbsurdHeader(t *testing.T) {
	for name, data := range map[string]string{
		"Muse": "timestamps,TP9" + strings.Repeat(",x", 20_000) + "\n", "plain": "time_ms,C3" + strings.Repeat(",x", 20_000) + "\n1,1\n",
	} {
		var err error
		ingesttest.Bounded(t, ingesttest.Allocated(func() { _, err = ingest.Open(fstest.MapFS{"x.csv": {Data: []byte(data)}}, "x.csv") }), int64(len(data)), nil)
		if err == nil {
			t.Errorf("%s: must be refused", name)
		}
	}
	data := "TP9" + strings.Repeat(",x", 9000) + "\n0" + strings.Repeat(",1", 9000) + "\n"
	_, err := mapped(data, "rate_hz: 100\nunit: uV\n")
	if err == nil || !strings.Contains(err.Error(), "there are 9001 columns, must be at most 2048") {
		t.Errorf("the error is %v", err)
	}
}

// numbered is n rows with their numbers.
func numbered(n int, row string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, row, i)
	}
	return b.String()
}

// TestAllocation opens large tables of short cells, where opening takes the most: numbers are counted before they are read.
func TestAllocation(t *testing.T) {
	const n = 100_000
	for name, data := range map[string]string{
		"short rows":              "time_ms,C3\n" + strings.Repeat("1,1\n", n),
		"many columns":            "time_ms" + strings.Repeat(",C3", 1) + strings.Repeat(",x", 50) + "\n" + strings.Repeat("1"+strings.Repeat(",1", 51)+"\n", n/50),
		"blank lines":             "time_ms,C3\n1,1\n" + strings.Repeat("\n", 10*n),
		"missing":                 "time_ms,C3\n" + strings.Repeat("1,\n", n),
		"a marker in each row":    "time_ms,C3,marker\n" + strings.Repeat("1,1,go\n", n),
		"markers that change":     "time_ms,C3,marker\n" + strings.Repeat("1,1,7\n1,1,8\n", n/2),
		"markers that all differ": "time_ms,C3,marker\n" + numbered(n, "1,1,m%d\n"),
		"markers that are read":   "time_ms,C3,marker\n" + numbered(n, "%d,1,m%[1]d\n"),
		"markers in Latin-1":      "time_ms,C3,marker\n" + strings.Repeat("1,1,\xfc\n", n),
		"Muse":                    muse(20_000, nil),
		"many, all wide":          header + strings.Repeat("\n", 10*n),
	} {
		t.Run(name, func(t *testing.T) { check(t, []byte(data), data) })
	}
	t.Run("packed", func(t *testing.T) {
		text := muse(20_000, nil)
		check(t, packed(t, text), text)
	})
}

// TestNamelessColumns opens what has the most columns for its bytes: none has a name, or all have the
// same, and what is said of each is longer than it is.
func TestNamelessColumns(t *testing.T) {
	for name, data := range map[string]string{
		"no rows": "timestamps,TP9" + strings.Repeat(",", 2046) + "\n", "short row": "timestamps,TP9" + strings.Repeat(",", 2046) + "\n1,1\n",
		"tabs":          "timestamps\tTP9" + strings.Repeat("\t", 2046) + "\n1\t1" + strings.Repeat("\t", 2046) + "\n2\t1" + strings.Repeat("\t", 2046) + "\n",
		"the same name": "timestamps,TP9" + strings.Repeat(",TP9", 2046) + "\n",
	} {
		t.Run(name, func(t *testing.T) { check(t, []byte(data), data) })
	}
	const board = "%OpenBCI Raw EXG Data\n%Number of channels = 8\n%Sample Rate = 250 Hz\n%Board = OpenBCI_GUI\nSample Index, "
	for name, cell := range map[string]string{"OpenBCI, no name": ",", "OpenBCI, the same name": "EXG Channel,"} {
		data := board + strings.Repeat(cell, 2040) + "Timestamp\n"
		t.Run(name, func(t *testing.T) { check(t, []byte(data), data) })
	}
	for name, tc := range map[string][2]string{
		"mapping":                {"a" + strings.Repeat(",", 2047) + "\n", "rate_hz: 100\n"},
		"mapping, the same name": {"a" + strings.Repeat(",a", 2047) + "\n1\n", "rate_hz: 100\nunit: mV\n"},
		"mapping, no header":     {"1" + strings.Repeat(",1", 2047) + "\n", "rate_hz: 100\nheader_rows: 0\n"},
	} {
		t.Run(name, func(t *testing.T) {
			ingesttest.FuzzPacked(t, fstest.MapFS{"x.csv": {Data: []byte(tc[0])}, "x.csv.gyrus.yaml": {Data: []byte(tc[1])}}, "x.csv", held(tc[0]), 64, 0)
		})
	}
}

// TestManyRenamed: 64 columns are named one by one, and the others are counted.
func TestManyRenamed(t *testing.T) {
	for _, n := range []int{63, 64, 200} {
		row := "1" + strings.Repeat("\t", n)
		data := "timestamps\tTP9" + strings.Repeat("\t", n) + "\n0\t" + row + "\n0.00390625\t" + row + "\n"
		rec, err := ingest.Open(fstest.MapFS{"x.csv": {Data: []byte(data)}}, "x.csv")
		if err != nil {
			t.Fatal(err)
		}
		for rule, kind := range map[string]string{"names differ and are not empty": "renamed", "a column has numbers": "empty"} {
			listed, more := 0, []string(nil)
			for _, d := range rec.Deviations {
				if d.Rule == rule {
					listed++
					if _, rest, found := strings.Cut(d.Found, "; "); found {
						more = append(more, rest)
					}
				}
			}
			var want []string
			if n > 64 {
				want = []string{fmt.Sprintf("%d more like it", n-64)}
			}
			if listed != min(n, 64) || !slices.Equal(more, want) {
				t.Errorf("%d columns that are %s: %d are listed, and %q, want %d, %q", n, kind, listed, more, min(n, 64), want)
			}
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add(muse(40, nil))
	f.Add(muse(40, func(row int, c []string) []string {
		if row == 20 {
			return nil
		}
		c[0] = c[0][8:]
		return c
	}))
	f.Add(strings.ReplaceAll(muse(9, nil), ",", "\t"))
	f.Add(header + "1,nan,,2,inf,1e400,x\n1,2,3,4,5,6,0\n\n-1e300,1,1,1,1,1,1\n")
	f.Add(openBCI(300, func(row int) bool { return row < 30 || row > 280 }))
	f.Fuzz(func(t *testing.T, data string) { check(t, []byte(data), data) })
}

// FuzzPacked takes the bytes behind the magic number, so that most inputs are packed files.
func FuzzPacked(f *testing.F) {
	f.Add(packed(f, muse(40, nil)))
	f.Add(packed(f, header))
	f.Add(packed(f, muse(40, nil))[:200])
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 2 {
			data[0], data[1] = 0x1f, 0x8b
		}
		text := ""
		if z, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
			plain, _ := io.ReadAll(io.LimitReader(z, int64(1<<20+100*len(data)))) // what is there before an error
			text = string(plain)
		}
		check(t, data, text)
	})
}
