package parquet

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
)

// forged is a file of one column, made by hand.
type forged struct {
	typ        Type
	codec      int32
	rows       int64 // of the footer
	values     int64 // of the column, 0 for rows
	repetition int32
	pages      []forgedPage
}

type forgedPage struct {
	typ, plain, values, enc int32 // plain is that of the body where it is 0
	body                    []byte
	summed                  bool
	crc                     uint32
}

func (f forged) bytes() []byte {
	b := []byte(Magic)
	for _, p := range f.pages {
		o := out{b: b}
		o.open()
		o.i32(1, p.typ)
		if p.plain == 0 {
			p.plain = int32(len(p.body))
		}
		o.i32(2, p.plain)
		o.i32(3, int32(len(p.body)))
		if p.summed {
			o.i32(4, int32(p.crc))
		}
		o.structure(map[int32]int16{pageData: 5, pageDict: 7, pageDataV2: 8}[p.typ])
		o.i32(1, p.values)
		if p.typ == pageDataV2 {
			o.i32(4, p.enc)
		} else {
			o.i32(2, p.enc)
		}
		o.close()
		o.close()
		b = o.b
		b = append(b, p.body...)
	}
	values := f.values
	if values == 0 {
		values = f.rows
	}
	var o out
	o.open()
	o.list(2, thriftStruct, 2)
	o.node("schema", -1, -1, 1, 0)
	o.open()
	o.i32(1, int32(f.typ))
	o.i32(3, f.repetition)
	o.text(4, "x")
	o.close()
	o.list(4, thriftStruct, 1)
	o.open()
	o.list(1, thriftStruct, 1)
	o.open()
	o.structure(3)
	o.i32(1, int32(f.typ))
	o.i32(4, f.codec)
	o.i64(5, values)
	o.i64(7, int64(len(b)-4))
	o.i64(9, 4)
	o.close()
	o.close()
	o.i64(3, f.rows)
	o.close()
	o.close()
	return end(b, o.b)
}

// end is pages with a footer behind them.
func end(b, footer []byte) []byte {
	b = append(b, footer...)
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(footer))), Magic...)
}

// readAll reads all of the first column.
func readAll(data []byte) error {
	f, err := Open(bytes.NewReader(data), int64(len(data)), "x.parquet")
	if err != nil {
		return err
	}
	c := f.Cursor(0)
	for g := range f.Groups() {
		if err := c.Open(g); err != nil {
			return err
		}
		var some [1000]uint64
		if c.col.Flat() && c.col.Type != ByteArray {
			for left := f.Rows(g); left > 0; {
				n := min(left, int64(len(some)))
				if err := c.read(c.col.Type, some[:n]); err != nil {
					return err
				}
				left -= n
			}
			continue
		}
		for {
			_, def, ok, err := c.Next()
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			if def == c.col.MaxDef {
				if _, err := c.Text(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// TestHostile: files that claim more than they hold, or hold more than a memory does, are refused, and take no more memory
// than twice their size and 4 MiB before that is found.
func TestHostile(t *testing.T) {
	zeros := make([]byte, 64<<20)
	pack, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := pack.EncodeAll(zeros, nil)
	var gz bytes.Buffer
	w := gzip.NewWriter(&gz)
	if _, err := w.Write(zeros); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	eight := make([]byte, 8)
	uv := func(v ...uint64) (b []byte) {
		for _, x := range v {
			b = binary.AppendUvarint(b, x)
		}
		return b
	}
	one := func(typ Type, codec int32, p forgedPage) []byte {
		return forged{typ: typ, codec: codec, rows: 1, pages: []forgedPage{p}}.bytes()
	}
	elements := out{}
	elements.open()
	elements.list(2, thriftStruct, 3_000_000)
	elements.b = append(elements.b, make([]byte, 3_000_000)...) // empty structs
	groups := out{}
	groups.open()
	groups.list(4, thriftStruct, 3_000_000)
	groups.b = append(groups.b, make([]byte, 3_000_000)...)
	deep := out{}
	deep.open()
	deep.field(100, thriftStruct)
	deep.b = append(deep.b, bytes.Repeat([]byte{1<<4 | thriftStruct}, 1000)...)
	tree := out{}
	tree.open()
	tree.list(2, thriftStruct, 20)
	for range 20 {
		tree.node("a", -1, 1, 1, 0)
	}
	tree.close()
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"a page that claims 2 GiB, snappy":   {one(Double, codecSnappy, forgedPage{plain: math.MaxInt32, values: 1, body: s2.EncodeSnappy(nil, eight)}), "may take at most"},
		"a page that claims 3 MiB, snappy":   {one(Double, codecSnappy, forgedPage{plain: 3 << 20, values: 1, body: s2.EncodeSnappy(nil, eight)}), "8 bytes come out of it (SNAPPY), its header says 3145728"},
		"a bomb of zstd that says so":        {one(Double, codecZstd, forgedPage{plain: int32(len(zeros)), values: 1, body: bomb}), "may take at most"},
		"a bomb of zstd that says 8 bytes":   {one(Double, codecZstd, forgedPage{plain: 8, values: 1, body: bomb}), "cannot be unpacked (ZSTD)"},
		"a bomb of gzip that says 8 bytes":   {one(Double, codecGzip, forgedPage{plain: 8, values: 1, body: gz.Bytes()}), "9 bytes come out of it (GZIP)"},
		"a bomb of lz4 that says 8 bytes":    {one(Double, codecLZ4Raw, forgedPage{plain: 8, values: 1, body: append([]byte{0x1F, 0, 1, 0}, bytes.Repeat([]byte{255}, 1000)...)}), "cannot be unpacked (LZ4_RAW)"},
		"a codec that is not read":           {one(Double, 4, forgedPage{plain: 8, values: 1, body: eight}), "compressed by BROTLI, must be one of UNCOMPRESSED, SNAPPY, GZIP, ZSTD, LZ4_RAW: write the file again"},
		"a codec that there is not":          {one(Double, 99, forgedPage{plain: 8, values: 1, body: eight}), "compressed by number 99"},
		"an encoding that is not read":       {one(Double, codecNone, forgedPage{plain: 8, values: 1, body: eight, enc: encDelta}), "DOUBLE encoded as DELTA_BINARY_PACKED"},
		"a type that is not read":            {one(1, codecNone, forgedPage{plain: 8, values: 1, body: eight}), "is of type INT32, must be INT64, DOUBLE or BYTE_ARRAY"},
		"a sum that is another":              {one(Double, codecNone, forgedPage{plain: 8, values: 1, body: eight, summed: true, crc: crc32.ChecksumIEEE(eight) + 1}), "the page is damaged"},
		"fewer bytes than values":            {one(Double, codecNone, forgedPage{plain: 7, values: 1, body: eight[1:]}), "the page ends before its values do"},
		"more values than rows":              {one(Double, codecNone, forgedPage{plain: 8, values: 2, body: eight}), "2 values behind 0, the column has 1"},
		"values below 0":                     {one(Double, codecNone, forgedPage{plain: 8, values: -1, body: eight}), "-1 values"},
		"no dictionary":                      {one(Double, codecNone, forgedPage{plain: 2, values: 1, body: []byte{1, 2}, enc: encDictionary}), "numbers of a dictionary, and there is none"},
		"numbers of 33 bits":                 {forged{typ: Double, rows: 1, pages: []forgedPage{{typ: pageDict, plain: 8, values: 1, body: eight}, {plain: 2, values: 1, body: []byte{33, 2}, enc: encDictionary}}}.bytes(), "numbers of 33 bits"},
		"a number behind a dictionary":       {forged{typ: Double, rows: 1, pages: []forgedPage{{typ: pageDict, plain: 8, values: 1, body: eight}, {plain: 3, values: 1, body: []byte{1, 2, 1}, enc: encDictionary}}}.bytes(), "value number 1 of a dictionary of 1"},
		"a dictionary that claims":           {forged{typ: ByteArray, rows: 1, pages: []forgedPage{{typ: pageDict, plain: 8, values: math.MaxInt32, body: eight}}}.bytes(), "2147483647 values in 8 bytes"},
		"a text that claims":                 {one(ByteArray, codecNone, forgedPage{plain: 8, values: 1, body: []byte{255, 255, 255, 127, 0, 0, 0, 0}}), "the page ends before its values do"},
		"lengths that claim":                 {one(ByteArray, codecNone, forgedPage{values: 1, enc: encDeltaLength, body: append(uv(128, 4), uv(1, 1<<20)...)}), "the page ends before its values do"},
		"differences that claim":             {one(Int64, codecNone, forgedPage{values: 1, enc: encDelta, body: append(uv(128, 4, 1<<40, 0), 0, 0)}), "1099511627776 values in blocks of 128"},
		"blocks of no values":                {one(Int64, codecNone, forgedPage{plain: 4, values: 1, enc: encDelta, body: uv(0, 1, 1, 1)}), "in blocks of 0 values"},
		"a prefix of nothing":                {one(ByteArray, codecNone, forgedPage{values: 1, enc: encDeltaPrefix, body: append(uv(128, 4, 1, 2*5), uv(128, 4, 1, 2*3)...)[:10]}), "the page ends before its values do"},
		"2^62 rows":                          {forged{typ: Double, rows: 1 << 62}.bytes(), "is taken for damage"},
		"2^62 values in a list":              {forged{typ: ByteArray, repetition: 2, rows: 1, values: 1 << 62}.bytes(), "is taken for damage"},
		"rows below 0":                       {forged{typ: Double, rows: -1}.bytes(), "is taken for damage"},
		"rows without pages":                 {forged{typ: Double, rows: 1000}.bytes(), "the column ends before its values do"},
		"null":                               {forged{typ: Double, rows: 1, repetition: 1, pages: []forgedPage{{plain: 6, values: 1, body: []byte{2, 0, 0, 0, 2, 0}}}}.bytes(), "value 0 of the row group is null"},
		"levels behind the page":             {forged{typ: Double, rows: 1, repetition: 1, pages: []forgedPage{{plain: 6, values: 1, body: []byte{200, 0, 0, 0, 2, 0}}}}.bytes(), "the page ends before its values do"},
		"a list that begins inside a row":    {forged{typ: ByteArray, rows: 1, repetition: 2, pages: []forgedPage{{plain: 12, values: 1, body: []byte{2, 0, 0, 0, 2, 1, 2, 0, 0, 0, 2, 0}}}}.bytes(), "begins inside a row"},
		"three million columns":              {end([]byte(Magic), elements.b), "columns in a footer of"},
		"three million row groups":           {end([]byte(Magic), groups.b), "row groups in a footer of"},
		"nested without end":                 {end([]byte(Magic), deep.b), "nested more than 16 levels deep"},
		"a schema nested without end":        {end([]byte(Magic), tree.b), "nested more than 8 levels deep"},
		"a footer that is longer than all":   {append([]byte("PAR1abcdefgh"), 0xFF, 0xFF, 0xFF, 0x7F, 'P', 'A', 'R', '1'), "cut off"},
		"a footer of nothing":                {end([]byte(Magic), []byte{thriftStop}), "there is none"},
		"a footer that ends inside a number": {end([]byte(Magic), []byte{0x15, 0x80}), "unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			err := readAll(c.data)
			runtime.ReadMemStats(&after)
			var format *ingest.FormatError
			if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, c.want)
			}
			if got, most := after.TotalAlloc-before.TotalAlloc, uint64(2*len(c.data)+onePage+ingesttest.Slack); got > most {
				t.Errorf("%d bytes were allocated for a file of %d, want at most %d", got, len(c.data), most)
			}
		})
	}
}

// TestLongRuns: a run of a billion values costs no memory, and no time where only some are asked for.
func TestLongRuns(t *testing.T) {
	h := hybrid{b: append(binary.AppendUvarint(nil, 1<<31), 5), width: 3}
	if err := h.skip(1<<30 - 1); err != nil {
		t.Fatal(err)
	}
	if v, err := h.one(); v != 5 || err != nil {
		t.Errorf("the last is %d, %v", v, err)
	}
	if _, err := h.one(); !errors.Is(err, errShort) {
		t.Errorf("behind the last: %v", err)
	}
}

// TestHybrid: the example of the specification, 0 to 7 in three bits each, "10001000 11000110 11111010".
func TestHybrid(t *testing.T) {
	h := hybrid{b: []byte{3, 0b10001000, 0b11000110, 0b11111010}, width: 3}
	for want := range uint64(8) {
		if v, err := h.one(); v != want || err != nil {
			t.Errorf("value %d is %d, %v", want, v, err)
		}
	}
}

// TestDelta: the examples of the specification, 1 to 5 and 7, 5, 3, 1, 2, 3, 4, 5, by their headers and blocks.
func TestDelta(t *testing.T) {
	for _, c := range []struct {
		block []byte // minimum of the differences, widths, differences less the minimum
		x     []int64
	}{
		{[]byte{2, 0, 0, 0, 0}, []int64{1, 2, 3, 4, 5}},
		{append([]byte{3, 2, 0, 0, 0, 0b11000000, 0b00111111}, make([]byte, 6)...), []int64{7, 5, 3, 1, 2, 3, 4, 5}},
	} {
		want := binary.AppendUvarint([]byte{0x80, 1, 4, byte(len(c.x))}, zagzig(c.x[0]))
		want = append(want, c.block...)
		if got := appendDelta(nil, c.x); !bytes.Equal(got, want) {
			t.Errorf("%v is written as % x, want % x", c.x, got, want)
		}
		d, err := newDelta(want)
		if err != nil {
			t.Fatal(err)
		}
		for k, x := range c.x {
			if v, err := d.one(); int64(v) != x || err != nil {
				t.Errorf("value %d is %d, want %d (%v)", k, int64(v), x, err)
			}
		}
		if _, err := d.one(); err == nil || d.at != len(want) {
			t.Errorf("behind the last: %v, at byte %d of %d", err, d.at, len(want))
		}
	}
}

// readColumns reads all columns of all row groups in the memory of one cursor, as package parquetfile opens a recording.
func readColumns(data []byte) (values int64, err error) {
	f, err := Open(bytes.NewReader(data), int64(len(data)), "x.parquet")
	if err != nil || len(f.Columns) == 0 {
		return 0, err
	}
	c := f.Cursor(0)
	for g := range f.Groups() {
		for k := range f.Columns {
			c.Column(k)
			if err := c.Open(g); err != nil {
				return values, err
			}
			for {
				_, def, ok, err := c.Next()
				if err != nil {
					return values, err
				}
				if !ok {
					break
				}
				values++
				switch {
				case def < c.col.MaxDef:
				case c.col.Type == ByteArray:
					_, err = c.Text()
				case c.col.Type == Double:
					_, err = c.Float()
				default:
					_, err = c.Int()
				}
				if err != nil {
					return values, err
				}
			}
		}
	}
	return values, nil
}

// onePage is what a page and its dictionary may take, packed and unpacked, in a file of any size: writers make them of 1 MiB each, and they
// may pack to nothing. A page cannot be read here and there.
const onePage = 3 << 20

// FuzzRead: whatever is in a file, reading all of it takes twice its size, one page, and 1 MiB at most.
func FuzzRead(f *testing.F) {
	names, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(names) < 8 {
		f.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := readColumns(data)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(2*len(data)+onePage+ingesttest.Slack); got > most {
			t.Errorf("%d bytes were allocated for a file of %d, want at most %d", got, len(data), most)
		}
		var format *ingest.FormatError
		if err != nil && !errors.As(err, &format) {
			t.Errorf("the error is %v (%T)", err, err)
		}
	})
}
