package matfile_test

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"testing/fstest"
	"unicode/utf16"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/flatfile"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/matfile"
)

// element is one of a MAT-file, padded.
func element(typ uint32, data []byte) []byte {
	b := binary.LittleEndian.AppendUint32(nil, typ)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(data)))
	b = append(b, data...)
	return append(b, make([]byte, (8-len(data)%8)%8)...)
}

// chars is a MAT-file with an array of letters called x.
func chars(rows, columns int, typ uint32, letters []byte) []byte {
	head := append([]byte("MATLAB 5.0 MAT-file"), bytes.Repeat([]byte(" "), 105)...)
	le := binary.LittleEndian
	dims := le.AppendUint32(le.AppendUint32(nil, uint32(rows)), uint32(columns))
	array := append(element(6, []byte{4, 0, 0, 0, 0, 0, 0, 0}), element(5, dims)...)
	array = append(append(array, element(1, []byte("x"))...), element(typ, letters)...)
	return append(append(head, 0, 1, 'I', 'M'), element(14, array)...)
}

func read(t *testing.T, data []byte) matfile.Value {
	t.Helper()
	f, err := fstest.MapFS{"x.mat": {Data: data}}.Open("x.mat")
	if err != nil {
		t.Fatal(err)
	}
	src, err := flatfile.NewSource(f.(ingest.File), "x.mat", nil)
	if err != nil {
		t.Fatal(err)
	}
	vars, err := matfile.Open(src, "x")
	if err != nil {
		t.Fatal(err)
	}
	return vars["x"]
}

// TestCharacterArrays: letters stand column after column, in 8 or 16 bits ("MAT-File Format", "Character Arrays").
func TestCharacterArrays(t *testing.T) {
	wide := func(text string) (b []byte) {
		for _, u := range utf16.Encode([]rune(text)) {
			b = binary.LittleEndian.AppendUint16(b, u)
		}
		return b
	}
	for name, tc := range map[string]struct {
		rows, columns int
		typ           uint32
		letters       []byte
		text, all     string
	}{
		"one row":            {1, 4, 1, []byte("Fp1z"), "Fp1z", "Fp1z"},
		"two rows":           {2, 3, 1, []byte("adbecf"), "abc", "abc\ndef"},
		"three rows, UTF-16": {3, 2, 4, wide("aµebd1"), "ab", "ab\nµd\ne1"},
		"beyond 16 bits":     {1, 4, 4, wide("a🧠b"), "a🧠b", "a🧠b"},
		"half of a pair":     {1, 3, 4, []byte{'a', 0, 0x3e, 0xd8, 'b', 0}, "a\ufffdb", "a\ufffdb"},
		"half at the end":    {1, 2, 4, []byte{'a', 0, 0x3e, 0xd8}, "a\ufffd", "a\ufffd"},
		"the wrong half":     {1, 3, 4, []byte{0xe0, 0xdd, 0x3e, 0xd8, 0xe0, 0xdd}, "\ufffd🧠", "\ufffd🧠"},
		"UTF-8, two rows":    {2, 2, 16, []byte("µaβb"), "µβ", "µβ\nab"},
	} {
		v := read(t, chars(tc.rows, tc.columns, tc.typ, tc.letters))
		if text, ok, err := v.Text("x"); text != tc.text || !ok || err != nil {
			t.Errorf("%s: Text is %q, %v, %v, want %q", name, text, ok, err, tc.text)
		}
		if text, ok, err := v.Rows("x"); text != tc.all || !ok || err != nil {
			t.Errorf("%s: Rows is %q, %v, %v, want %q", name, text, ok, err, tc.all)
		}
	}
}

// TestRowsWithoutLetters: an array that claims more letters than it has bytes is refused before there is memory for its rows.
func TestRowsWithoutLetters(t *testing.T) {
	data := chars(100_000_000, 1, 1, []byte("Cz"))
	v := read(t, data)
	for name, f := range map[string]func(string) (string, bool, error){"Text": v.Text, "Rows": v.Rows} {
		var err error
		ingesttest.Bounded(t, ingesttest.Allocated(func() { _, _, err = f("x") }), int64(len(data)), nil)
		if want := "is text of 100000000 rows and 100000000 letters in 2 bytes, must have a byte for each letter"; err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v, must say %q", name, err, want)
		}
	}
}

// TestManyWideLabels: labels are many, and none takes much more than itself.
func TestManyWideLabels(t *testing.T) {
	letters := bytes.Repeat([]byte{'a', 0, 'b', 0}, 16_000)
	for rows, want := range map[int]string{1: strings.Repeat("ab", 16_000), 2: strings.Repeat("a", 16_000)} {
		v := read(t, chars(rows, 32_000/rows, 4, letters))
		n := ingesttest.Allocated(func() {
			for range 100 {
				if text, _, err := v.Text("x"); text != want || err != nil {
					t.Fatalf("%d letters, %v, want %d", len(text), err, len(want))
				}
			}
		})
		if most := int64(100*3*len(letters) + ingesttest.Slack); n > most {
			t.Errorf("%d rows: reading a label of %d bytes 100 times takes %d, want at most %d", rows, len(letters), n, most)
		}
	}
}
