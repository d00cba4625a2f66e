package matfile

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"math"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/gyrus-bci/gyrus/ingest/flatfile"
)

// Class is what a value is in MATLAB.
type Class uint8

// The classes that are told apart; all numbers are Number and the logical ones too.
const (
	Other Class = iota // objects, functions, sparse arrays
	Cell
	Struct
	Char
	Number
)

const (
	headBytes = 128
	miMatrix  = 14
	miPacked  = 15
	maxDepth  = 32
	maxDims   = 8

	freeBytes = 1 << 20 // that any packed variable may hold
	ratio     = 100     // bytes beyond it to a byte of the file
	mostBytes = 4 << 30
)

// widths of the types of data, 0 for what holds no numbers.
var types = map[uint32]flatfile.Type{
	1: flatfile.Int8, 2: flatfile.Uint8, 3: flatfile.Int16, 4: flatfile.Uint16, 5: flatfile.Int32, 6: flatfile.Uint32,
	7: flatfile.Float32, 9: flatfile.Float64, 12: flatfile.Int64, 13: flatfile.Uint64,
}

// Match says whether head begins a MAT-file of level 5, or one of 7.3.
func Match(head []byte) bool {
	return bytes.HasPrefix(head, []byte("MATLAB 5.0 MAT-file")) || bytes.HasPrefix(head, []byte("MATLAB 7.3 MAT-file"))
}

// area is bytes in which values lie: the file, or what a packed variable holds.
type area struct {
	src    *flatfile.Source
	big    bool
	packed bool
	at     int64            // of the packed variable in the file
	outer  *flatfile.Source // the file

	small [256]byte // for fields of this size at most, of which there are many: valid until the next is read
}

// errorf is an error at byte at of the area.
func (a *area) errorf(at int64, field, format string, args ...any) error {
	if field == "" { // a variable of no name, or one in front of its name
		field = "variable"
	}
	if a.packed {
		return a.outer.Errorf(a.at, field, format+" (byte %d of the unpacked variable)", append(args, at)...)
	}
	return a.outer.Errorf(at, field, format, args...)
}

func (a *area) order() binary.ByteOrder {
	if a.big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// bytes are n bytes from at on, valid until the next call.
func (a *area) bytes(at, n int64, field string) ([]byte, error) {
	if at < 0 || n < 0 || n > a.src.Size-at {
		return nil, a.errorf(at, field, "needs %d bytes, there are %d: fetch the file again in binary mode", n, max(0, a.src.Size-at))
	}
	b := a.small[:]
	if n > int64(len(b)) {
		b = make([]byte, n)
	}
	b = b[:n]
	if err := a.src.Read(b, at, field); err != nil {
		return nil, err
	}
	return b, nil
}

// tag is the head of an element.
type tag struct {
	typ        uint32
	data, size int64 // where its data are
	next       int64
}

func (a *area) tag(at, end int64, field string) (tag, error) {
	if end-at < 8 {
		return tag{}, a.errorf(at, field, "an element needs 8 bytes, there are %d", end-at)
	}
	b, err := a.bytes(at, 8, field)
	if err != nil {
		return tag{}, err
	}
	first := a.order().Uint32(b)
	if small := first >> 16; small != 0 {
		if small > 4 {
			return tag{}, a.errorf(at, field, "a small element of %d bytes, must have at most 4", small)
		}
		return tag{first & 0xffff, at + 4, int64(small), at + 8}, nil
	}
	t := tag{typ: first, data: at + 8, size: int64(a.order().Uint32(b[4:]))}
	t.next = t.data + t.size
	if t.typ != miPacked {
		t.next = t.data + (t.size+7)&^7
	}
	if t.data+t.size > end {
		return tag{}, a.errorf(at, field, "an element of %d bytes, there are %d: the file was cut; fetch it again", t.size, end-t.data)
	}
	t.next = min(t.next, end)
	return t, nil
}

// Value is an array somewhere in the file.
type Value struct {
	Name  string
	Class Class
	Dims  []int64
	At    int64 // of its first byte in the file

	a         *area
	body, end int64 // what follows the name
	depth     int
	class     byte
}

// Open finds the variables of a file that have one of the names: the last of each. Only those that are packed are in memory. It ends
// early, with a deviation, where the file was cut between them.
func Open(src *flatfile.Source, names ...string) (map[string]Value, error) {
	head, err := src.Bytes(0, headBytes, "header")
	if err != nil {
		return nil, err
	}
	if bytes.HasPrefix(head, []byte("MATLAB 7.3")) {
		return nil, src.Errorf(0, "header", "this is a file of version 7.3, which is HDF5 and cannot be read: in MATLAB, load it and save it with save(name, '-struct', 'EEG', '-v7') or, in EEGLAB, clear \"If data larger than 2 GB\" in the memory options and save the data set again, with its data in an .fdt file")
	}
	a := &area{src: src, outer: src}
	switch string(head[126:128]) {
	case "IM":
	case "MI":
		a.big = true
	default:
		return nil, src.Errorf(126, "endian indicator", "is %q, must be IM or MI", head[126:128])
	}
	if v := a.order().Uint16(head[124:]); v != 0x0100 {
		return nil, src.Errorf(124, "version", "is %#04x, must be 0x0100", v)
	}
	all := map[string]Value{}
	room := min(freeBytes+ratio*src.Size, mostBytes) // for what is unpacked
	count := 0
	for at := int64(headBytes); at < src.Size; {
		t, err := a.tag(at, src.Size, "variable")
		if err != nil {
			return nil, err
		}
		v, ok := Value{}, true
		switch t.typ {
		case miPacked:
			v, err = a.unpack(at, t, &room, names)
		case miMatrix:
			v, err = a.value(t, 0)
		default:
			ok = false
		}
		if err != nil {
			return nil, err
		}
		if ok && slices.Contains(names, v.Name) {
			v.At = at
			all[v.Name] = v
		}
		if count++; count > 1<<16 {
			return nil, src.Errorf(at, "variable", "more than %d variables", 1<<16)
		}
		at = t.next
	}
	return all, nil
}

// memory is an open file in memory.
type memory struct{ *bytes.Reader }

func (m memory) Close() error               { return nil }
func (m memory) Stat() (fs.FileInfo, error) { return m, nil }
func (m memory) Name() string               { return "" }
func (m memory) Mode() fs.FileMode          { return 0 }
func (m memory) ModTime() time.Time         { return time.Time{} }
func (m memory) IsDir() bool                { return false }
func (m memory) Sys() any                   { return nil }

// unpack takes a packed variable into memory, if it has one of the names, and what it takes off room.
func (a *area) unpack(at int64, t tag, room *int64, names []string) (Value, error) {
	z, err := zlib.NewReader(io.NewSectionReader(a.src.File, t.data, t.size))
	if err != nil {
		return Value{}, a.errorf(at, "packed variable", "cannot be unpacked: %w", err)
	}
	var b blocks
	read := func(most int64) error {
		if err := b.readFrom(z, most); err != nil {
			return a.errorf(at, "packed variable", "cannot be unpacked: %w: fetch the file again", err)
		}
		return nil
	}
	if err := read(min(*room, firstBlock-1)); err != nil {
		return Value{}, err
	}
	// The head tells the name, and nobody unpacks what nobody reads.
	inner := &flatfile.Source{File: &b, Name: a.src.Name, Size: math.MaxInt64, Log: a.src.Log}
	in := &area{src: inner, big: a.big, packed: true, at: at, outer: a.outer}
	if it, err := in.tag(0, math.MaxInt64, "packed variable"); err == nil && it.typ == miMatrix {
		if v, err := in.value(it, 0); err == nil && !slices.Contains(names, v.Name) {
			return Value{}, nil
		}
	}
	// It says how long it is: more is not unpacked, and what is too much is refused before there is memory for it.
	if head, err := in.bytes(0, 8, "packed variable"); err == nil {
		claimed := 8 + int64(in.order().Uint32(head[4:]))
		if claimed > *room {
			return Value{}, a.errorf(at, "packed variable", "unpacks to %d bytes, with those before it to more than %d times the %d bytes of the file, or to more than %d GiB, as no recording does", claimed, ratio, a.src.Size, mostBytes>>30)
		}
		if err := read(claimed - 1); err != nil {
			return Value{}, err
		}
		if _, err := z.Read(make([]byte, 1)); err != nil && !errors.Is(err, io.EOF) { // at the end is a checksum
			return Value{}, a.errorf(at, "packed variable", "cannot be unpacked: %w: fetch the file again", err)
		}
	}
	*room -= b.size
	inner.Size = b.size
	it, err := in.tag(0, b.size, "packed variable")
	if err != nil {
		return Value{}, err
	}
	if it.typ != miMatrix {
		return Value{}, in.errorf(0, "packed variable", "holds an element of type %d, must be an array (%d)", it.typ, miMatrix)
	}
	return in.value(it, 0)
}

// value reads the head of an array.
func (a *area) value(t tag, depth int) (Value, error) {
	v := Value{a: a, At: t.data, depth: depth}
	if t.typ != miMatrix {
		return v, a.errorf(t.data, "array", "an element of type %d, must be an array (%d)", t.typ, miMatrix)
	}
	if t.size == 0 { // how an empty array is written within a structure
		v.Class, v.Dims = Number, []int64{0, 0}
		return v, nil
	}
	if depth > maxDepth {
		return v, a.errorf(t.data, "array", "lies in more than %d others", maxDepth)
	}
	end := t.data + t.size
	flags, err := a.tag(t.data, end, "array flags")
	if err != nil {
		return v, err
	}
	b, err := a.bytes(flags.data, min(flags.size, 4), "array flags")
	if err != nil {
		return v, err
	}
	if flags.size < 4 {
		return v, a.errorf(flags.data, "array flags", "has %d bytes, must have 8", flags.size)
	}
	v.class = byte(a.order().Uint32(b))
	switch v.class {
	case 1:
		v.Class = Cell
	case 2:
		v.Class = Struct
	case 4:
		v.Class = Char
	case 6, 7, 8, 9, 10, 11, 12, 13, 14, 15:
		v.Class = Number
	default: // an object, whose head is another
		return v, nil
	}
	dims, err := a.tag(flags.next, end, "dimensions")
	if err != nil {
		return v, err
	}
	if dims.size%4 != 0 || dims.size/4 > maxDims {
		return v, a.errorf(dims.data, "dimensions", "has %d bytes, must be those of at most %d numbers", dims.size, maxDims)
	}
	if b, err = a.bytes(dims.data, dims.size, "dimensions"); err != nil {
		return v, err
	}
	count := int64(1)
	v.Dims = make([]int64, 0, len(b)/4)
	for i := 0; i < len(b); i += 4 {
		d := int64(int32(a.order().Uint32(b[i:])))
		if d < 0 || d > 0 && count > math.MaxInt64/d {
			return v, a.errorf(dims.data, "dimensions", "a dimension of %d in an array of %d", d, count)
		}
		v.Dims = append(v.Dims, d)
		count *= d
	}
	name, err := a.tag(dims.next, end, "array name")
	if err != nil {
		return v, err
	}
	if b, err = a.bytes(name.data, min(name.size, 256), "array name"); err != nil {
		return v, err
	}
	v.Name, v.body, v.end = string(b), name.next, end
	return v, nil
}

// Count is the number of elements.
func (v Value) Count() int64 {
	n := int64(1)
	for _, d := range v.Dims {
		n *= d
	}
	if len(v.Dims) == 0 {
		return 0
	}
	return n
}

// Errorf is an error about v.
func (v Value) Errorf(field, format string, args ...any) error {
	return v.a.errorf(v.body, field, format, args...)
}

// Array says where the numbers of v lie, column after column. n is how many there are.
func (v Value) Array(field string) (src *flatfile.Source, at int64, typ flatfile.Type, big bool, n int64, err error) {
	n = v.Count()
	if v.Class != Number || n == 0 {
		return nil, 0, 0, false, 0, v.Errorf(field, "is no array of numbers, or empty")
	}
	t, err := v.a.tag(v.body, v.end, field)
	if err != nil {
		return nil, 0, 0, false, 0, err
	}
	typ, ok := types[t.typ]
	if !ok || t.size != typ.Width()*n && ok {
		return nil, 0, 0, false, 0, v.Errorf(field, "%d bytes of type %d for %d numbers", t.size, t.typ, n)
	}
	return v.a.src, t.data, typ, v.a.big, n, nil
}

// Float is the number that v is; ok is false where it is another thing or not one number.
func (v Value) Float(field string) (x float64, ok bool, err error) {
	if v.Class != Number || v.Count() != 1 {
		return 0, false, nil
	}
	_, at, typ, big, _, err := v.Array(field)
	if err != nil {
		return 0, false, err
	}
	b, err := v.a.bytes(at, typ.Width(), field)
	if err != nil {
		return 0, false, err
	}
	return flatfile.Number(b, typ, big), true, nil
}

// First is the first of the values in a cell array; ok is false where v is another thing, or has none.
func (v Value) First(field string) (in Value, ok bool, err error) {
	if v.Class != Cell || v.Count() < 1 {
		return Value{}, false, nil
	}
	t, err := v.a.tag(v.body, v.end, field)
	if err != nil {
		return Value{}, false, err
	}
	in, err = v.a.value(t, v.depth+1)
	return in, err == nil, err
}

// textBytes is the longest text that is read; what is longer is no label.
const textBytes = 1 << 16

// Text is the text that v is, its first row where it has several; ok is false where it is another thing.
func (v Value) Text(field string) (text string, ok bool, err error) {
	return v.text(field, firstRow)
}

// Rows is the text that v is, with the end of a line between its rows; ok is false where it is another thing.
func (v Value) Rows(field string) (text string, ok bool, err error) {
	return v.text(field, allRows)
}

// text is the text that v is; of several rows it is what pick makes of their letters, which stand column after column.
func (v Value) text(field string, pick func(letters string, rows int64) string) (text string, ok bool, err error) {
	if v.Class != Char {
		return "", false, nil
	}
	n := v.Count()
	if n == 0 {
		return "", true, nil
	}
	t, err := v.a.tag(v.body, v.end, field)
	if err != nil {
		return "", false, err
	}
	if t.size > textBytes {
		return "", false, v.Errorf(field, "is text of %d bytes, must have at most %d", t.size, textBytes)
	}
	if rows := v.Dims[0]; rows > 1 && n > t.size { // a letter has a byte at least, and each row that is claimed is written
		return "", false, v.Errorf(field, "is text of %d rows and %d letters in %d bytes, must have a byte for each letter", rows, n, t.size)
	}
	b, err := v.a.bytes(t.data, t.size, field)
	if err != nil {
		return "", false, err
	}
	switch t.typ {
	case 1, 2, 16: // 8 bits, UTF-8
		text, _ = v.a.outer.Text(b)
	case 4, 17: // 16 bits, UTF-16
		text = v.a.utf16(b)
	default:
		return "", false, v.Errorf(field, "is text of type %d, must be of 8 or 16 bits", t.typ)
	}
	if rows := v.Dims[0]; rows > 1 {
		text = pick(text, rows)
	}
	return text, true, nil
}

// utf16 is text of 16 bits. It is made without a slice of letters between: labels are many.
func (a *area) utf16(b []byte) string {
	var text strings.Builder
	text.Grow(len(b) / 2)
	for ; len(b) >= 2; b = b[2:] {
		r := rune(a.order().Uint16(b))
		if utf16.IsSurrogate(r) {
			pair := rune(utf8.RuneError)
			if len(b) >= 4 {
				pair = utf16.DecodeRune(r, rune(a.order().Uint16(b[2:])))
			}
			if r = pair; r != utf8.RuneError {
				b = b[2:]
			}
		}
		text.WriteRune(r)
	}
	return text.String()
}

// firstRow is every letter that begins a column. It takes no memory for the others: labels are many.
func firstRow(letters string, rows int64) string {
	var line strings.Builder
	i := int64(0)
	for _, r := range letters {
		if i%rows == 0 {
			line.WriteRune(r)
		}
		i++
	}
	return line.String()
}

// allRows is the rows with the end of a line between them.
func allRows(letters string, rows int64) string {
	var lines strings.Builder
	lines.Grow(len(letters) + int(rows))
	list := []rune(letters)
	for row := range rows {
		if row > 0 {
			lines.WriteByte('\n')
		}
		for i := row; i < int64(len(list)); i += rows {
			lines.WriteRune(list[i])
		}
	}
	return lines.String()
}

// loadBytes is what is taken into memory to be walked through.
const loadBytes = 64 << 20

// Each calls f for every element of an array of structures, with those of its fields that have one of the names, until f returns an error.
func (v Value) Each(f func(i int64, fields map[string]Value) error, wanted ...string) error {
	if v.Class != Struct {
		return v.Errorf(v.Name, "must be a structure")
	}
	names, at, err := v.fieldNames()
	if err != nil {
		return err
	}
	a := v.a
	if n := v.end - at; n <= loadBytes && !a.packed { // one read for all of it, and places in the file as before
		b, err := a.src.Bytes(at, n, v.Name)
		if err != nil {
			return err
		}
		a = &area{src: &flatfile.Source{File: shifted{memory{bytes.NewReader(b)}, at}, Name: a.src.Name, Size: v.end, Log: a.src.Log}, big: a.big, outer: a.outer}
	}
	fields := make(map[string]Value, len(wanted))
	for i := range v.Count() {
		if at, err = a.fields(fields, names, wanted, at, v.end, v.depth); err != nil {
			return err
		}
		if err := f(i, fields); err != nil {
			return err
		}
		if len(names) == 0 {
			break
		}
	}
	return nil
}

// shifted is memory that begins at a byte of a file.
type shifted struct {
	memory
	at int64
}

// ReadAt reads what is in memory.
func (s shifted) ReadAt(p []byte, off int64) (int, error) {
	if off < s.at {
		return 0, errors.New("before what was read")
	}
	return s.memory.ReadAt(p, off-s.at)
}

// fields reads those of one structure, of which the first begins at byte at, and returns where the next structure begins.
func (a *area) fields(to map[string]Value, names, wanted []string, at, end int64, depth int) (int64, error) {
	for _, name := range names {
		t, err := a.tag(at, end, name)
		if err != nil {
			return 0, err
		}
		if slices.Contains(wanted, name) {
			if to[name], err = a.value(t, depth+1); err != nil {
				return 0, err
			}
		}
		at = t.next
	}
	return at, nil
}

// Fields are those of a single structure that have one of the names. Unlike those of Each, they stay places in the file.
func (v Value) Fields(wanted ...string) (map[string]Value, error) {
	if v.Class != Struct || v.Count() != 1 {
		return nil, v.Errorf(v.Name, "must be one structure")
	}
	names, at, err := v.fieldNames()
	if err != nil {
		return nil, err
	}
	fields := make(map[string]Value, len(wanted))
	_, err = v.a.fields(fields, names, wanted, at, v.end, v.depth)
	return fields, err
}

// fieldNames are the names of the fields, and where the fields begin.
func (v Value) fieldNames() ([]string, int64, error) {
	const field = "field names"
	t, err := v.a.tag(v.body, v.end, field)
	if err != nil {
		return nil, 0, err
	}
	b, err := v.a.bytes(t.data, min(t.size, 4), field)
	if err != nil {
		return nil, 0, err
	}
	if len(b) < 4 {
		return nil, 0, v.Errorf(field, "their length is missing")
	}
	width := int64(int32(v.a.order().Uint32(b)))
	if t, err = v.a.tag(t.next, v.end, field); err != nil {
		return nil, 0, err
	}
	if width <= 0 || width > 256 || t.size%width != 0 || t.size/width > 4096 {
		return nil, 0, v.Errorf(field, "%d bytes in names of %d", t.size, width)
	}
	if b, err = v.a.bytes(t.data, t.size, field); err != nil {
		return nil, 0, err
	}
	var names []string
	for ; len(b) > 0; b = b[width:] {
		name, _, _ := bytes.Cut(b[:width], []byte{0})
		names = append(names, string(name))
	}
	return names, t.next, nil
}
