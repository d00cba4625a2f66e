package parquet

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	mathbits "math/bits"

	"github.com/klauspost/compress/zstd"
)

// How many rows a page of doubles has, so that a window of a recording is found without much else around it, and a page of
// anything else, which is read whole.
const (
	pageRows = 1 << 12
	longRows = 1 << 16
)

// Field is a column to write: of values, one for each row, or, with List, of lists of rows of values.
type Field struct {
	Name string
	Type Type
	List []Field // of no lists themselves
}

// Writer writes a file, one row group after the other, and in a group one column after the other: first Group, then Floats,
// Ints, ListFloats or ListTexts as the fields say, for each column of values in the order of the fields. Pages are compressed
// with Zstandard and have sums. Doubles are byte streams (BYTE_STREAM_SPLIT), which makes recordings half as large as plain
// ones; int64 are differences (DELTA_BINARY_PACKED).
type Writer struct {
	w      io.Writer
	at     int64
	fields []Field
	meta   [][2]string
	leaves []leaf
	groups []byte // their descriptions
	count  int
	rows   int64 // of all groups
	group  int64 // rows of this one
	chunks []written
	err    error

	pack          *zstd.Encoder
	plain, packed []byte
}

// leaf is a column of values.
type leaf struct {
	path []string
	typ  Type
	list bool
}

// written is a column that lies in the file.
type written struct {
	at, plain, packed int64 // bytes
	values            int64
	enc               int32
	least, most       []byte // of its values, nil where that is not said
}

// NewWriter begins a file with the given columns, and keys and values of metadata.
func NewWriter(w io.Writer, fields []Field, metadata [][2]string) *Writer {
	pack, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)) // so that the same values make the same bytes
	p := &Writer{w: w, fields: fields, meta: metadata, pack: pack, err: err}
	for _, f := range fields {
		if f.List == nil {
			p.leaves = append(p.leaves, leaf{[]string{f.Name}, f.Type, false})
		}
		for _, e := range f.List {
			p.leaves = append(p.leaves, leaf{[]string{f.Name, "list", "element", e.Name}, e.Type, true})
		}
	}
	p.write([]byte(Magic))
	return p
}

func (p *Writer) write(b []byte) {
	if p.err == nil {
		var n int
		n, p.err = p.w.Write(b)
		p.at += int64(n)
	}
}

// Group begins a row group of so many rows.
func (p *Writer) Group(rows int64) {
	p.endGroup()
	p.group = rows
	p.rows += rows
}

// column begins the next column, which must be of type t.
func (p *Writer) column(t Type, list bool, enc int32) *written {
	k := len(p.chunks)
	if k >= len(p.leaves) || p.leaves[k].typ != t || p.leaves[k].list != list {
		panic(fmt.Sprintf("parquet: column %d is written as %s (in a list: %t), which the fields do not say", k, t, list))
	}
	p.chunks = append(p.chunks, written{at: p.at, enc: enc})
	return &p.chunks[k]
}

// Floats writes a column of doubles, one for each row.
func (p *Writer) Floats(x []float64) {
	c := p.column(Double, false, encSplit)
	p.all(c, len(x), pageRows, func(b []byte, from, to int) []byte { return appendSplit(b, x[from:to]) })
	least, most := math.Inf(1), math.Inf(-1)
	for _, v := range x {
		if math.IsNaN(v) { // which is neither below nor above anything
			return
		}
		least, most = min(least, v), max(most, v)
	}
	if least == 0 { // so that readers who tell them apart miss neither
		least = math.Copysign(0, -1)
	}
	if len(x) > 0 {
		c.least, c.most = binary.LittleEndian.AppendUint64(nil, math.Float64bits(least)), binary.LittleEndian.AppendUint64(nil, math.Float64bits(most+0))
	}
}

// Ints writes a column of int64, one for each row.
func (p *Writer) Ints(x []int64) {
	c := p.column(Int64, false, encDelta)
	p.all(c, len(x), longRows, func(b []byte, from, to int) []byte { return appendDelta(b, x[from:to]) })
	if len(x) == 0 {
		return
	}
	least, most := x[0], x[0]
	for _, v := range x {
		least, most = min(least, v), max(most, v)
	}
	c.least, c.most = binary.LittleEndian.AppendUint64(nil, uint64(least)), binary.LittleEndian.AppendUint64(nil, uint64(most))
}

// all writes n values in pages of so many rows; values appends those from one to another.
func (p *Writer) all(c *written, n, rows int, values func(b []byte, from, to int) []byte) {
	if int64(n) != p.group {
		panic(fmt.Sprintf("parquet: %d values in %d rows", n, p.group))
	}
	for from := 0; from < n; from += rows {
		to := min(n, from+rows)
		p.plain = values(p.plain[:0], from, to)
		p.page(c, to-from)
	}
}

// ListFloats writes a column of doubles in lists: x[i] is in row at[i], which must not fall.
func (p *Writer) ListFloats(at []int64, x []float64) {
	p.lists(Double, at, func(b []byte, from, to int) []byte {
		for _, v := range x[from:to] {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
		}
		return b
	})
}

// ListTexts writes a column of byte arrays in lists: x[i] is in row at[i], which must not fall.
func (p *Writer) ListTexts(at []int64, x []string) {
	p.lists(ByteArray, at, func(b []byte, from, to int) []byte {
		for _, v := range x[from:to] {
			b = append(binary.LittleEndian.AppendUint32(b, uint32(len(v))), v...)
		}
		return b
	})
}

func (p *Writer) lists(t Type, at []int64, values func(b []byte, from, to int) []byte) {
	c := p.column(t, true, encPlain)
	from := 0
	for row := int64(0); row < p.group; row += longRows {
		var rep, def runs
		to, end := from, min(p.group, row+longRows)
		for k := row; k < end; {
			if to == len(at) || at[to] > k { // empty lists, up to the next value
				next := end
				if to < len(at) {
					next = min(next, at[to])
				}
				rep.add(0, int(next-k))
				def.add(0, int(next-k))
				k = next
				continue
			}
			for n := 0; to < len(at) && at[to] == k; n++ {
				rep.add(byte(min(n, 1)), 1)
				def.add(1, 1)
				to++
			}
			k++
		}
		p.plain = def.appendTo(rep.appendTo(p.plain[:0]))
		p.plain = values(p.plain, from, to)
		p.page(c, rep.n)
		from = to
	}
	if from != len(at) {
		panic("parquet: a value in a row that is not in the group, or rows that fall")
	}
}

// runs are levels of 0 and 1, as runs of one value of the hybrid encoding.
type runs struct {
	b     []byte
	level byte
	same  int
	n     int
}

func (r *runs) add(level byte, n int) {
	if level != r.level {
		r.end()
		r.level = level
	}
	r.same += n
	r.n += n
}

func (r *runs) end() {
	if r.same > 0 {
		r.b = append(binary.AppendUvarint(r.b, uint64(r.same)<<1), r.level)
	}
	r.same = 0
}

// appendTo adds the runs behind their length.
func (r *runs) appendTo(b []byte) []byte {
	r.end()
	return append(binary.LittleEndian.AppendUint32(b, uint32(len(r.b))), r.b...)
}

// page writes p.plain as a data page of version 1 with n values.
func (p *Writer) page(c *written, n int) {
	if p.err != nil {
		return
	}
	p.packed = p.pack.EncodeAll(p.plain, p.packed[:0])
	var o out
	o.open()
	o.i32(1, pageData)
	o.i32(2, int32(len(p.plain)))
	o.i32(3, int32(len(p.packed)))
	o.i32(4, int32(crc32.ChecksumIEEE(p.packed)))
	o.structure(5)
	o.i32(1, int32(n))
	o.i32(2, c.enc)
	o.i32(3, encRLE)
	o.i32(4, encRLE)
	o.close()
	o.close()
	p.write(o.b)
	p.write(p.packed)
	c.values += int64(n)
	c.plain += int64(len(o.b) + len(p.plain))
	c.packed += int64(len(o.b) + len(p.packed))
}

// endGroup describes the row group that was written.
func (p *Writer) endGroup() {
	if p.group == 0 {
		return
	}
	if len(p.chunks) != len(p.leaves) {
		panic(fmt.Sprintf("parquet: %d of %d columns were written", len(p.chunks), len(p.leaves)))
	}
	o := out{b: p.groups, last: []int16{0}}
	plain, packed := int64(0), int64(0)
	o.list(1, thriftStruct, len(p.chunks))
	for k, c := range p.chunks {
		plain, packed = plain+c.plain, packed+c.packed
		o.open()
		o.i64(2, c.at)
		o.structure(3)
		o.i32(1, int32(p.leaves[k].typ))
		o.list(2, thriftI32, 2)
		o.b = append(o.b, byte(zagzig(int64(c.enc))), byte(zagzig(encRLE)))
		o.list(3, thriftBinary, len(p.leaves[k].path))
		for _, s := range p.leaves[k].path {
			o.element(s)
		}
		o.i32(4, codecZstd)
		o.i64(5, c.values)
		o.i64(6, c.plain)
		o.i64(7, c.packed)
		o.i64(9, c.at)
		if c.least != nil {
			o.structure(12)
			o.i64(3, 0)
			o.text(5, string(c.most))
			o.text(6, string(c.least))
			o.close()
		}
		o.close()
		o.close()
	}
	o.i64(2, plain)
	o.i64(3, p.group)
	o.i64(5, p.chunks[0].at)
	o.i64(6, packed)
	o.close()
	p.groups = o.b
	p.count++
	p.chunks, p.group = p.chunks[:0], 0
}

// Close writes the footer, and returns the first failure of all that was written.
func (p *Writer) Close() error {
	p.endGroup()
	var o out
	o.open()
	o.i32(1, 2)
	nodes := 1 + len(p.fields)
	for _, f := range p.fields {
		if f.List != nil {
			nodes += 2 + len(f.List)
		}
	}
	o.list(2, thriftStruct, nodes)
	o.node("schema", -1, -1, len(p.fields), 0)
	for _, f := range p.fields {
		if f.List == nil {
			o.node(f.Name, f.Type, 0, 0, 0)
			continue
		}
		o.node(f.Name, -1, 0, 1, logicalList)
		o.node("list", -1, 2, 1, 0)
		o.node("element", -1, 0, len(f.List), 0)
		for _, e := range f.List {
			o.node(e.Name, e.Type, 0, 0, 0)
		}
	}
	o.i64(3, p.rows)
	o.list(4, thriftStruct, p.count)
	o.b = append(o.b, p.groups...)
	o.list(5, thriftStruct, len(p.meta))
	for _, kv := range p.meta {
		o.open()
		o.text(1, kv[0])
		o.text(2, kv[1])
		o.close()
	}
	o.text(6, "gyrus")
	o.list(7, thriftStruct, len(p.leaves)) // least and most are by the order of the type
	for range p.leaves {
		o.open()
		o.structure(1)
		o.close()
		o.close()
	}
	o.close()
	n := len(o.b)
	p.write(append(binary.LittleEndian.AppendUint32(o.b, uint32(n)), Magic...))
	return p.err
}

// The numbers of LogicalType, and of ConvertedType, which older readers know instead.
const (
	logicalString, logicalList     = 1, 3
	convertedString, convertedList = 0, 3
)

// node is one element of the schema. Numbers below 0 are left out. Byte arrays are texts.
func (o *out) node(name string, typ Type, repetition int32, children int, logical int16) {
	converted := int32(convertedList)
	if typ == ByteArray {
		logical, converted = logicalString, convertedString
	}
	o.open()
	if typ >= 0 {
		o.i32(1, int32(typ))
	}
	if repetition >= 0 {
		o.i32(3, repetition)
	}
	o.text(4, name)
	if children > 0 {
		o.i32(5, int32(children))
	}
	if logical != 0 {
		o.i32(6, converted)
		o.structure(10)
		o.structure(logical)
		o.close()
		o.close()
	}
	o.close()
}

// appendSplit adds x as BYTE_STREAM_SPLIT.
func appendSplit(b []byte, x []float64) []byte {
	from := len(b)
	b = append(b, make([]byte, 8*len(x))...)
	streams := b[from:]
	for i, v := range x {
		for k, u := 0, math.Float64bits(v); k < 8; k, u = k+1, u>>8 {
			streams[k*len(x)+i] = byte(u)
		}
	}
	return b
}

const (
	deltaBlock = 128 // values
	deltaMini  = 32
)

// appendDelta adds x as DELTA_BINARY_PACKED.
func appendDelta(b []byte, x []int64) []byte {
	b = binary.AppendUvarint(b, deltaBlock)
	b = binary.AppendUvarint(b, deltaBlock/deltaMini)
	b = binary.AppendUvarint(b, uint64(len(x)))
	if len(x) == 0 {
		return binary.AppendUvarint(b, 0)
	}
	b = binary.AppendUvarint(b, zagzig(x[0]))
	for from := 1; from < len(x); from += deltaBlock {
		block := x[from:min(len(x), from+deltaBlock)]
		var diff [deltaBlock]int64 // they may wrap around, and do so again when they are added up
		least := int64(math.MaxInt64)
		for i := range block {
			diff[i] = x[from+i] - x[from+i-1]
			least = min(least, diff[i])
		}
		b = binary.AppendUvarint(b, zagzig(least))
		widths := len(b)
		b = append(b, make([]byte, deltaBlock/deltaMini)...)
		for m := 0; m < len(block); m += deltaMini {
			var mini [deltaMini]uint64
			all := uint64(0)
			for i := range min(deltaMini, len(block)-m) {
				mini[i] = uint64(diff[m+i]) - uint64(least)
				all |= mini[i]
			}
			width := mathbits.Len64(all)
			b[widths+m/deltaMini] = byte(width)
			b = appendBits(b, mini[:], width)
		}
	}
	return b
}

// appendBits adds numbers of width bits, the low bit first; all of them together are whole bytes.
func appendBits(b []byte, x []uint64, width int) []byte {
	var acc uint64
	n := 0
	for _, v := range x {
		for left := width; left > 0; {
			k := min(left, 8-n)
			acc |= (v & (1<<k - 1)) << n
			v >>= k
			left -= k
			if n += k; n == 8 {
				b, acc, n = append(b, byte(acc)), 0, 0
			}
		}
	}
	return b
}
