package text_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/ingest/text"
)

const header = "timestamps,TP9,AF7,AF8,TP10,Right AUX,Marker\n"

// muse is n rows at 256 Hz from a time in 2017, stamps rounded to milliseconds, with a marker every 100 rows. edit, where
// not nil, changes the cells of a row; the row is left out where it returns nil.
func muse(n int, edit func(row int, cells []string) []string) string {
	var b strings.Builder
	b.WriteString(header)
	rng := rand.New(rand.NewPCG(1, 1))
	for row := range n {
		cells := []string{fmt.Sprintf("%.3f", 1486223115.483+float64(row)/256)}
		for range 5 {
			cells = append(cells, fmt.Sprintf("%.3f", 40*rng.NormFloat64()))
		}
		mark := "0"
		if row%100 == 20 {
			mark = strconv.Itoa(1 + row/100%2)
		}
		cells = append(cells, mark)
		if edit != nil {
			cells = edit(row, cells)
		}
		if cells != nil {
			b.WriteString(strings.Join(cells, ",") + "\n")
		}
	}
	return b.String()
}

// packed is data in gzip.
func packed(t testing.TB, data string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write([]byte(data)); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(data []byte, name string) (*signal.Recording, error) {
	return ingest.Open(fstest.MapFS{name: {Data: data}}, name)
}

func mustOpen(t testing.TB, text string) *signal.Recording {
	t.Helper()
	rec, err := open([]byte(text), "x.csv")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// listed says whether a deviation has all parts in its words.
func listed(rec *signal.Recording, parts ...string) bool { return among(rec.Deviations, parts) }

// noted is listed for what breaks nothing.
func noted(rec *signal.Recording, parts ...string) bool { return among(rec.Notes, parts) }

func among(list []signal.Deviation, parts []string) bool {
	for _, d := range list {
		words := fmt.Sprintf("%s: %s; found %s; %s", d.Where, d.Rule, d.Found, d.Assumed)
		all := true
		for _, p := range parts {
			all = all && strings.Contains(words, p)
		}
		if all {
			return true
		}
	}
	return false
}

// samples reads a whole run.
func samples(t testing.TB, rec *signal.Recording, s signal.Span) [][]float64 {
	t.Helper()
	x := make([][]float64, len(rec.Info.Channels))
	for ch := range x {
		x[ch] = make([]float64, s.Len)
	}
	if err := rec.Data.ReadSamples(x, s.Start); err != nil {
		t.Fatal(err)
	}
	return x
}

func TestSuite(t *testing.T) {
	gaps := func(row int, cells []string) []string {
		switch {
		case row >= 300 && row < 340, row >= 700 && row < 701:
			return nil
		case row == 500:
			cells[2] = "nan"
		}
		return cells
	}
	for name, data := range map[string][]byte{
		"plain.csv":    []byte(muse(1000, nil)),
		"plain.csv.gz": packed(t, muse(1000, nil)),
		"gaps.csv":     []byte(muse(1000, gaps)),
		"short.csv":    []byte(muse(3, nil)),
		"windows.csv":  []byte(strings.ReplaceAll(muse(50, nil), "\n", "\r\n")),
		"tabs.tsv":     []byte(strings.ReplaceAll(muse(50, nil), ",", "\t")),
	} {
		t.Run(name, func(t *testing.T) {
			ingesttest.Run(t, func() (*signal.Recording, error) { return open(data, name) })
		})
	}
}

// TestCut: a file that was cut anywhere is refused or says so, and never gives a sample that the whole has not.
func TestCut(t *testing.T) {
	text := muse(40, nil)
	ingesttest.CutPart(t, fstest.MapFS{"x.csv": {Data: []byte(text)}}, "x.csv", "x.csv", 1, func(n int) bool { return n > 0 && text[n-1] == '\n' }) // behind a whole row
	ingesttest.Cut(t, "x.csv.gz", packed(t, text), 1)
	whole := mustOpen(t, text)
	want := samples(t, whole, signal.Span{Len: whole.Len})
	z := packed(t, text)
	for name, data := range map[string][]byte{"x.csv": []byte(text), "x.csv.gz": z} {
		opened := 0
		for n := range data {
			rec, err := open(data[:n], name)
			if err != nil {
				continue
			}
			opened++
			if !listed(rec, "the file was cut") && (name != "x.csv" || data[n-1] != '\n') {
				t.Errorf("%s, %d bytes: the cut is not among %+v", name, n, rec.Deviations)
			}
			for ch, x := range samples(t, rec, signal.Span{Len: rec.Len}) {
				for k, v := range x {
					if v != want[ch][k] {
						t.Fatalf("%s, %d bytes: channel %d, sample %d is %g, the whole file has %g", name, n, ch, k, v, want[ch][k])
					}
				}
			}
		}
		if opened == 0 {
			t.Errorf("%s: no cut file opens", name)
		}
	}
}

func TestMuse(t *testing.T) {
	rec := mustOpen(t, muse(1000, nil))
	if rec.Format != "Muse CSV" || rec.Info.Rate != 256 || rec.Len != 1000 || rec.Spans != nil {
		t.Errorf("%s at %g Hz, %d samples, spans %v", rec.Format, rec.Info.Rate, rec.Len, rec.Spans)
	}
	if got := rec.Begin.Format("2006-01-02 15:04:05.000"); got != "2017-02-04 15:45:15.483" {
		t.Errorf("begins at %s", got)
	}
	for i, want := range []struct {
		name string
		kind signal.Kind
	}{{"TP9", signal.EEG}, {"AF7", signal.EEG}, {"AF8", signal.EEG}, {"TP10", signal.EEG}, {"Right AUX", signal.Misc}} {
		c := rec.Info.Channels[i]
		if c.Name != want.name || c.Kind != want.kind || c.Unit != signal.Microvolt || (c.Pos == nil) != (want.kind == signal.Misc) {
			t.Errorf("channel %d is %+v, want %v", i, c, want)
		}
	}
	if len(rec.Events) != 10 {
		t.Fatalf("%d events, want 10", len(rec.Events))
	}
	for i, e := range rec.Events {
		if want := strconv.Itoa(1 + i%2); e.Sample != int64(20+100*i) || e.Label != want || math.Abs(e.Onset-float64(e.Sample)/256) > 1.1e-3 {
			t.Errorf("event %d is %+v, want %q at %d", i, e, want, 20+100*i)
		}
	}
	for _, parts := range [][]string{{"µV", "found no units"}, {"column timestamps", "256 Hz", "evenly spaced"}} {
		if !noted(rec, parts...) {
			t.Errorf("%q is not among %+v", parts, rec.Notes)
		}
	}
	if len(rec.Deviations) != 0 || len(rec.Notes) != 2 {
		t.Errorf("the deviations are %+v, the notes %+v; want none and 2", rec.Deviations, rec.Notes)
	}
}

// TestLabels: markers are numbers in their shortest form, or words.
func TestLabels(t *testing.T) {
	marks := map[int]string{3: "1.0", 5: "2", 6: "2", 8: "0.0", 9: "", 11: "-3", 13: "left hand", 15: "NaN", 17: "1e2"}
	rec := mustOpen(t, muse(30, func(row int, cells []string) []string {
		cells[6] = "0"
		if m, ok := marks[row]; ok {
			cells[6] = m
		}
		return cells
	}))
	want := []string{"3 1", "5 2", "6 2", "11 -3", "13 left hand", "17 100"}
	var got []string
	for _, e := range rec.Events {
		got = append(got, fmt.Sprint(e.Sample, " ", e.Label))
	}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("events are %q, want %q", got, want)
	}
}

// TestColumns: other orders, several markers, a column without a number, one that is missing, one that is twice there.
func TestColumns(t *testing.T) {
	var b strings.Builder
	b.WriteString("\xef\xbb\xbfMarker0,\"AF7\",TP9,timestamps,AF8,Right AUX,AF8,Marker1\r\n")
	for row := range 20 {
		fmt.Fprintf(&b, "%d,%d,2,%.4f,3,,5,%d\r\n", row/19, row, float64(row)/256, row/18)
	}
	rec := mustOpen(t, b.String())
	if got := strings.Join(rec.Info.Names(), ","); got != "AF7,TP9,AF8-1,AF8-2" {
		t.Errorf("channels are %s", got)
	}
	x := samples(t, rec, signal.Span{Len: 20})
	if x[0][7] != 7 || x[1][7] != 2 || x[2][7] != 3 || x[3][7] != 5 {
		t.Errorf("row 8 is %g %g %g %g", x[0][7], x[1][7], x[2][7], x[3][7])
	}
	if !rec.Begin.IsZero() {
		t.Errorf("begins at %v, must be unknown", rec.Begin)
	}
	if len(rec.Events) != 3 || rec.Events[0].Sample != 18 || rec.Events[2].Sample != 19 {
		t.Errorf("events are %+v", rec.Events)
	}
	for _, parts := range [][]string{{"byte order mark"}, {"no column TP10"}, {"column Right AUX", "left out"}, {"AF8", "2 channels"}} {
		if !listed(rec, parts...) {
			t.Errorf("%q is not among %+v", parts, rec.Deviations)
		}
	}
}

// TestErrors: what cannot be read names the line, the column and the byte.
func TestErrors(t *testing.T) {
	row := func(n int, change func(cells []string) []string) string {
		return muse(40, func(r int, cells []string) []string {
			if r == n-2 { // line n
				return change(cells)
			}
			return cells
		})
	}
	cell := func(n, col int, s string) string {
		return row(n, func(c []string) []string { c[col] = s; return c })
	}
	cases := []struct {
		name, text, at string // at is the text that the offset must point at
		want           []string
	}{
		{"word", cell(17, 2, "off"), "off", []string{"line 17, column AF7", `"off" is not a number`}},
		{"hexadecimal", cell(5, 1, "0x1p3"), "0x1p3", []string{"line 5, column TP9", `"0x1p3"`}},
		{"decimal comma", strings.ReplaceAll(strings.ReplaceAll(muse(9, nil), ",", ";"), ".", ","), "1486223115,483", []string{"line 2, column timestamps", "decimal point"}},
		{"no stamp", cell(9, 0, ""), "", []string{"line 9, column timestamps", "cannot be placed in time"}},
		{"stamp NaN", cell(9, 0, "nan"), "nan", []string{"line 9, column timestamps", "cannot be placed in time"}},
		{"a cell less", row(8, func(c []string) []string { return c[:5] }), "", []string{"line 8", "5 cells, the header 7"}},
		{"a cell more", row(8, func(c []string) []string { return append(c, "7") }), "", []string{"line 8", "8 cells, the header 7"}},
		{"no stamps column", strings.Replace(muse(9, nil), "timestamps", "time", 1), "", []string{"line 1, column timestamps", "is missing", "time, TP9"}},
		{"two of them", strings.Replace(muse(9, nil), "Right AUX", "timestamps", 1), "", []string{"two columns of stamps"}},
		{"header only", header, "", []string{"0 rows", "at least 2"}},
		{"one row", muse(1, nil), "", []string{"1 rows"}},
		{"standing clock", muse(60, func(_ int, c []string) []string { c[0] = "5"; return c }), "", []string{"column timestamps", "must be above 0"}},
		{"clock runs back", muse(60, func(r int, c []string) []string { c[0] = strconv.Itoa(-r); return c }), "", []string{"must be above 0"}},
		{"nothing measured", muse(60, func(_ int, c []string) []string { return []string{c[0], "", "", "nan", "", "inf", "0"} }), "", []string{"no column has a number"}},
		{"a long line", header + strings.Repeat("1,", 40000) + "\n", "1,1,", []string{"line 2", "longer than 65536"}},
		{"zeros", cell(6, 3, "1\x002"), "1\x002", []string{"line 6, column AF8"}},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			_, err := open([]byte(tc.text), "x.csv")
			var format *ingest.FormatError
			if !errors.As(err, &format) {
				t.Fatalf("the error is %v, must be a *ingest.FormatError", err)
			}
			t.Log(err)
			for _, w := range append(tc.want, "x.csv: byte") {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("%q does not say %q", err, w)
				}
			}
			if !strings.HasPrefix(tc.text[format.Offset:], tc.at) {
				t.Errorf("byte %d is at %q, want %q", format.Offset, tc.text[format.Offset:min(len(tc.text), int(format.Offset)+20)], tc.at)
			}
		})
	}
	_, err := open(packed(t, cell(17, 2, "off")), "x.csv.gz")
	want := fmt.Sprintf("byte %d of the unpacked text", strings.Index(cell(17, 2, "off"), "off"))
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("packed: the error is %v, must say %q", err, want)
	}
}

// TestPacking: damage to the gzip file is refused, and so is what unpacks to far too much, early and in little memory.
func TestPacking(t *testing.T) {
	sound := packed(t, muse(3000, nil))
	flipped := bytes.Clone(sound)
	flipped[len(flipped)/2] ^= 0x10
	sum := bytes.Clone(sound)
	sum[len(sum)-6] ^= 1
	row := strings.Repeat("0,", 6) + "0\n"
	bomb := packed(t, muse(3, nil)+strings.Repeat(row, 5_000_000))
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"flipped bit":  {flipped, "x.csv.gz: byte"},
		"checksum":     {sum, "checksum"},
		"more behind":  {append(bytes.Clone(sound), "garbage that is no gzip"...), "gzip"},
		"bomb":         {bomb, "unpacks to more than 100 times"},
		"long line":    {packed(t, muse(3, nil)+strings.Repeat("0", 1<<24)), "longer than"},
		"header alone": {sound[:9], "no known"},
	} {
		rec, err := open(tc.data, "x.csv.gz")
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) || format.Offset > int64(len(tc.data)) {
			t.Errorf("%s: got %v and %v, want a *ingest.FormatError that says %q", name, rec, err, tc.want)
		}
	}
	two := append(packed(t, muse(20, nil)), packed(t, strings.Join(strings.SplitAfter(muse(40, nil), "\n")[21:], ""))...)
	rec, err := open(two, "x.csv.gz")
	if err != nil || rec.Len != 40 {
		t.Errorf("two members of one gzip file: %v, must be 40 samples", err)
	}
}
