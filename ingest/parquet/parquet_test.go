package parquet_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
	arrowparquet "github.com/apache/arrow-go/v18/parquet"
	"github.com/apache/arrow-go/v18/parquet/compress"
	"github.com/apache/arrow-go/v18/parquet/file"
	"github.com/apache/arrow-go/v18/parquet/pqarrow"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/parquet"
)

// table is what the tests write: a column of doubles, one of int64, and lists of texts.
type table struct {
	X     []float64  `json:"x"`
	I     []int64    `json:"i"`
	Texts [][]string `json:"texts"`
}

// newTable has n rows. Its doubles are of few kinds, so that a dictionary makes sense, and its numbers jump.
func newTable(n int) table {
	rng := rand.New(rand.NewPCG(7, uint64(n)))
	var t table
	i := int64(-5)
	for k := range n {
		t.X = append(t.X, float64(rng.IntN(50))/7-3)
		if i += 1 + rng.Int64N(3); k%1000 == 999 {
			i += 1 << 40
		}
		t.I = append(t.I, i)
		list := []string{}
		for range max(0, rng.IntN(6)-3) {
			list = append(list, strings.Repeat("left", rng.IntN(3))+strconv.Itoa(rng.IntN(20)))
		}
		t.Texts = append(t.Texts, list)
	}
	return t
}

// byArrow is t in a file that arrow-go wrote.
func byArrow(t testing.TB, in table, rowGroup int64, options ...arrowparquet.WriterProperty) []byte {
	t.Helper()
	list := arrow.ListOfNonNullable(arrow.BinaryTypes.String)
	schema := arrow.NewSchema([]arrow.Field{
		{Name: "x", Type: arrow.PrimitiveTypes.Float64}, {Name: "i", Type: arrow.PrimitiveTypes.Int64, Nullable: true}, {Name: "texts", Type: list, Nullable: true},
	}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Float64Builder).AppendValues(in.X, nil)
	b.Field(1).(*array.Int64Builder).AppendValues(in.I, nil)
	lists := b.Field(2).(*array.ListBuilder)
	for _, l := range in.Texts {
		lists.Append(true)
		for _, s := range l {
			lists.ValueBuilder().(*array.StringBuilder).Append(s)
		}
	}
	rec := b.NewRecord()
	var buf bytes.Buffer
	if err := pqarrow.WriteTable(array.NewTableFromRecords(schema, []arrow.Record{rec}), &buf, rowGroup, arrowparquet.NewWriterProperties(options...), pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// read is all of a file with the columns of a table.
func read(data []byte) (out table, err error) {
	f, err := parquet.Open(bytes.NewReader(data), int64(len(data)), "x.parquet")
	if err != nil {
		return out, err
	}
	if len(f.Columns) != 3 {
		return out, fmt.Errorf("columns %v", f.Columns)
	}
	for g := range f.Groups() {
		x, i := make([]float64, f.Rows(g)), make([]int64, f.Rows(g))
		c, d, l := f.Cursor(0), f.Cursor(1), f.Cursor(2)
		if err := errors.Join(c.Open(g), d.Open(g), l.Open(g)); err != nil {
			return out, err
		}
		if err := errors.Join(c.Floats(x), d.Ints(i)); err != nil {
			return out, err
		}
		out.X, out.I = append(out.X, x...), append(out.I, i...)
		for {
			rep, def, ok, err := l.Next()
			if err != nil {
				return out, err
			}
			if !ok {
				break
			}
			if rep == 0 {
				out.Texts = append(out.Texts, []string{})
			}
			if def < f.Columns[2].Element {
				continue
			}
			v, err := l.Text()
			if err != nil {
				return out, err
			}
			out.Texts[len(out.Texts)-1] = append(out.Texts[len(out.Texts)-1], string(v))
		}
	}
	return out, nil
}

func same(t *testing.T, got, want table) {
	t.Helper()
	if !slices.Equal(got.X, want.X) {
		t.Errorf("%d doubles differ from the %d that were written", len(got.X), len(want.X))
	}
	if !slices.Equal(got.I, want.I) {
		t.Errorf("%d numbers differ from the %d that were written", len(got.I), len(want.I))
	}
	if !slices.EqualFunc(got.Texts, want.Texts, slices.Equal) {
		t.Errorf("%d lists differ from the %d that were written", len(got.Texts), len(want.Texts))
	}
}

// jump reads x here and there.
func jump(t *testing.T, data []byte, want []float64) {
	t.Helper()
	f, err := parquet.Open(bytes.NewReader(data), int64(len(data)), "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	c := f.Cursor(0)
	rng := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		g := rng.IntN(f.Groups())
		first := int64(0)
		for k := range g {
			first += f.Rows(k)
		}
		row := rng.Int64N(f.Rows(g))
		part := make([]float64, 1+rng.Int64N(min(300, f.Rows(g)-row)))
		if c.Group() != g {
			err = c.Open(g)
		}
		if err := errors.Join(err, c.To(row), c.Floats(part)); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(part, want[first+row:][:len(part)]) {
			t.Fatalf("rows %d to %d of group %d differ when they are read on their own", row, row+int64(len(part)), g)
		}
	}
}

// TestEncodings: what arrow-go writes in every encoding, codec and version of pages.
func TestEncodings(t *testing.T) {
	in := newTable(5000)
	type encodings struct{ x, i, text arrowparquet.Encoding }
	enc := arrowparquet.Encodings
	codecs := map[string]compress.Compression{"none": compress.Codecs.Uncompressed, "snappy": compress.Codecs.Snappy, "gzip": compress.Codecs.Gzip, "zstd": compress.Codecs.Zstd}
	for name, e := range map[string]encodings{
		"PLAIN": {enc.Plain, enc.Plain, enc.Plain}, "dictionary": {}, "DELTA_LENGTH_BYTE_ARRAY": {enc.Plain, enc.DeltaBinaryPacked, enc.DeltaLengthByteArray},
		"DELTA_BYTE_ARRAY": {enc.Plain, enc.DeltaBinaryPacked, enc.DeltaByteArray},
	} {
		for codecName, codec := range codecs {
			for _, version := range []arrowparquet.DataPageVersion{arrowparquet.DataPageV1, arrowparquet.DataPageV2} {
				t.Run(fmt.Sprintf("%s/%s/v%d", name, codecName, version+1), func(t *testing.T) {
					options := []arrowparquet.WriterProperty{arrowparquet.WithCompression(codec), arrowparquet.WithDataPageVersion(version), arrowparquet.WithDataPageSize(3000), arrowparquet.WithBatchSize(100)}
					if name != "dictionary" {
						options = append(options, arrowparquet.WithDictionaryDefault(false), arrowparquet.WithEncodingFor("x", e.x), arrowparquet.WithEncodingFor("i", e.i), arrowparquet.WithEncodingFor("texts.list.element", e.text))
					}
					data := byArrow(t, in, 3000, options...)
					got, err := read(data)
					if err != nil {
						t.Fatal(err)
					}
					same(t, got, in)
					jump(t, data, in.X)
				})
			}
		}
	}
}

// written is t in a file that Writer wrote, in groups of so many rows.
func written(t testing.TB, in table, rows int) []byte {
	t.Helper()
	var b bytes.Buffer
	w := parquet.NewWriter(&b, []parquet.Field{
		{Name: "x", Type: parquet.Double}, {Name: "i", Type: parquet.Int64}, {Name: "texts", List: []parquet.Field{{Name: "text", Type: parquet.ByteArray}}},
	}, [][2]string{{"who", "me"}})
	for from := 0; from < len(in.X); from += rows {
		to := min(len(in.X), from+rows)
		w.Group(int64(to - from))
		w.Floats(in.X[from:to])
		w.Ints(in.I[from:to])
		var at []int64
		var texts []string
		for k, l := range in.Texts[from:to] {
			for _, s := range l {
				at, texts = append(at, int64(k)), append(texts, s)
			}
		}
		w.ListTexts(at, texts)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// TestArrowReadsWritten: arrow-go reads what Writer writes, with its statistics, and so does this package. Doubles are left
// out: arrow-go 17 does not know BYTE_STREAM_SPLIT. TestPeerReads of package parquetfile reads them with other programs.
func TestArrowReadsWritten(t *testing.T) {
	for _, n := range []int{1, 33, 5000, 150_000} { // the last has several pages of all columns, and groups
		in := newTable(n)
		in.I[0], in.I[n-1] = math.MaxInt64, math.MinInt64 // differences that wrap around
		data := written(t, in, 100_000)
		got, err := read(data)
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, in)
		jump(t, data, in.X)
		got = readByArrow(t, data)
		got.X = in.X
		same(t, got, in)
		p, err := file.NewParquetReader(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		chunk, err := p.RowGroup(0).MetaData().ColumnChunk(0)
		if err != nil {
			t.Fatal(err)
		}
		first := in.X[:min(n, 100_000)]
		if s, err := chunk.Statistics(); err != nil || math.Float64frombits(leUint64(s.EncodeMin())) != slices.Min(first) || math.Float64frombits(leUint64(s.EncodeMax())) != slices.Max(first) {
			t.Errorf("the statistics are %v, %v", s, err)
		}
		if who := p.MetaData().KeyValueMetadata().FindValue("who"); who == nil || *who != "me" {
			t.Errorf("the metadata has %v", p.MetaData().KeyValueMetadata())
		}
	}
}

// readByArrow is the numbers and the texts of a file, as arrow-go reads it.
func readByArrow(t *testing.T, data []byte) (out table) {
	t.Helper()
	p, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(p, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	var groups []int
	for g := range p.NumRowGroups() {
		groups = append(groups, g)
	}
	peer, err := r.ReadRowGroups(t.Context(), []int{1, 2}, groups)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range peer.Column(0).Data().Chunks() {
		out.I = append(out.I, c.(*array.Int64).Int64Values()...)
	}
	for _, c := range peer.Column(1).Data().Chunks() {
		l := c.(*array.List)
		for k := range l.Len() {
			from, to := l.ValueOffsets(k)
			list := []string{}
			for j := from; j < to; j++ {
				list = append(list, l.ListValues().(*array.Struct).Field(0).(*array.String).Value(int(j)))
			}
			out.Texts = append(out.Texts, list)
		}
	}
	return out
}

func leUint64(b []byte) (v uint64) {
	for k, x := range b {
		v |= uint64(x) << (8 * k)
	}
	return v
}

// TestSpecialFloats: NaN, both zeros and infinities keep their bits, and NaN leaves no statistics that would hide rows.
func TestSpecialFloats(t *testing.T) {
	in := table{X: []float64{math.NaN(), math.Copysign(0, -1), 0, math.Inf(1), math.Inf(-1), 5e-324}, I: make([]int64, 6), Texts: make([][]string, 6)}
	data := written(t, in, 6)
	got, err := read(data)
	if err != nil {
		t.Fatal(err)
	}
	for k := range in.X {
		if math.Float64bits(got.X[k]) != math.Float64bits(in.X[k]) {
			t.Errorf("value %d is %g, want %g", k, got.X[k], in.X[k])
		}
	}
	p, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if chunk, err := p.RowGroup(0).MetaData().ColumnChunk(0); err != nil {
		t.Error(err)
	} else if ok, err := chunk.StatsSet(); ok || err != nil {
		t.Errorf("there are statistics of NaN: %v", err)
	}
}

// TestNull: a null in a flat column is an error that says which.
func TestNull(t *testing.T) {
	schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: arrow.PrimitiveTypes.Float64, Nullable: true}}, nil)
	b := array.NewRecordBuilder(memory.DefaultAllocator, schema)
	b.Field(0).(*array.Float64Builder).AppendValues([]float64{1, 2, 3}, []bool{true, false, true})
	var buf bytes.Buffer
	if err := pqarrow.WriteTable(array.NewTableFromRecords(schema, []arrow.Record{b.NewRecord()}), &buf, 100, nil, pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	f, err := parquet.Open(bytes.NewReader(buf.Bytes()), int64(buf.Len()), "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	c := f.Cursor(0)
	err = errors.Join(c.Open(0), c.Floats(make([]float64, 3)))
	var format *ingest.FormatError
	if !errors.As(err, &format) || !strings.Contains(err.Error(), "value 1 of the row group is null") {
		t.Errorf("the error is %v", err)
	}
}

// TestGolden: what pyarrow, polars and DuckDB wrote of the table in values.json, see testdata/peer.py.
func TestGolden(t *testing.T) {
	values, err := os.ReadFile("testdata/values.json")
	if err != nil {
		t.Fatal(err)
	}
	var want table
	if err := json.Unmarshal(values, &want); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob("testdata/*.parquet")
	if err != nil || len(names) != 8 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(data)
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, want)
			jump(t, data, want.X)
		})
	}
}

// TestPeerReads: what pyarrow, polars and DuckDB write with every codec, encoding and version of pages is read equal. It runs where
// GYRUS_ARROW_PYTHON names a Python with ../arrowfile/testdata/requirements.txt (make interop-arrow).
func TestPeerReads(t *testing.T) {
	python := os.Getenv("GYRUS_ARROW_PYTHON")
	if python == "" {
		t.Skip("GYRUS_ARROW_PYTHON is not set: make interop-arrow runs this test with pyarrow, polars and DuckDB")
	}
	in := newTable(60_000)
	dir := t.TempDir()
	values, err := json.Marshal(in)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "values.json"), values, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), python, "testdata/peer.py", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.parquet"))
	if err != nil || len(names) < 40 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, err := read(data)
			if refused := strings.Contains(name, "refused"); refused {
				if err == nil || !strings.Contains(err.Error(), "write the file again") {
					t.Errorf("the error is %v, must say what to do", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			same(t, got, in)
			jump(t, data, in.X)
		})
	}
}
