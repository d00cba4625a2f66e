package parquet

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest"
)

// Magic is what a file begins and ends with, Encrypted what does so in its place where the footer is encrypted.
const (
	Magic     = "PAR1"
	Encrypted = "PARE"
)

const (
	tail     = 8       // bytes behind the footer: its length and Magic
	slack    = 3 << 20 // what a page may take beyond twice the file
	maxDepth = 8       // of a schema

	// The least that the footer says of a column, in the schema, in a group and in the Arrow schema, and of a group. What claims
	// to be more columns would take more memory than the file has bytes.
	columnBytes, groupBytes = 128, 64
)

// Type is the type of the values of a column.
type Type int

// The types that are read.
const (
	Int64     Type = 2
	Double    Type = 5
	ByteArray Type = 6
)

var typeNames = []string{"BOOLEAN", "INT32", "INT64", "INT96", "FLOAT", "DOUBLE", "BYTE_ARRAY", "FIXED_LEN_BYTE_ARRAY"}

func (t Type) String() string { return name(typeNames, int(t)) }

// name is the k-th of names, or its number.
func name(names []string, k int) string {
	if 0 <= k && k < len(names) {
		return names[k]
	}
	return fmt.Sprintf("number %d", k)
}

// Column is one column of values: a leaf of the tree that a schema is.
type Column struct {
	Name    string // its path, with dots: "events.list.element.label"
	Type    Type
	MaxDef  int // the level of definition of a value that is there
	MaxRep  int // how many lists it lies in
	Element int // the level of definition from which on there is an element of its list, null or not
}

// Flat says whether there is a value for each row, or a null.
func (c *Column) Flat() bool { return c.MaxRep == 0 }

// group is a run of rows that lie together.
type group struct {
	at   int // its description in the footer
	rows int64
}

// chunk is a column in a group.
type chunk struct {
	typ, codec int
	values     int64 // nulls counted
	at, end    int64 // of its pages
	elsewhere  bool  // in another file
	secret     bool  // encrypted
}

// File is a Parquet file that is open. It is for one goroutine at a time.
type File struct {
	Columns []Column

	name     string
	r        io.ReaderAt
	size     int64
	footerAt int64
	footer   []byte
	metadata int // where its keys and values are, 0 for nowhere
	groups   []group
	chunks   []chunk // of the group that was looked at last
	loaded   int     // which that is
	unpack   unpacker
}

// Open reads the footer of r, which has size bytes. Errors are *ingest.FormatError that call it name.
func Open(r io.ReaderAt, size int64, name string) (*File, error) {
	f := &File{name: name, r: r, size: size, loaded: -1}
	if err := f.readFooter(); err != nil {
		return nil, err
	}
	if err := f.parseFooter(); err != nil {
		return nil, err
	}
	return f, nil
}

// Groups is how many runs of rows the file has.
func (f *File) Groups() int { return len(f.groups) }

// Rows is how many rows group g has.
func (f *File) Rows(g int) int64 { return f.groups[g].rows }

// Errorf is an error about the footer, which describes all columns.
func (f *File) Errorf(field, format string, args ...any) error {
	return f.errorf(f.footerAt, field, format, args...)
}

// Unfolds is the most bytes that all values of the file may take.
func (f *File) Unfolds() int64 { return 1000*f.size + 16<<20 }

// Values calls each for what the file says of itself, in memory that must not be changed.
func (f *File) Values(each func(key, value []byte)) {
	if f.metadata == 0 {
		return
	}
	t := &thrift{b: f.footer, at: f.metadata} // which has been read once, by parseFooter
	t.list(thriftList, func(kind byte) {
		var k, v []byte
		t.structure(kind, func(id int16, kind byte) {
			switch id {
			case 1:
				k = t.binary(kind)
			case 2:
				v = t.binary(kind)
			default:
				t.skip(kind)
			}
		})
		if t.err == nil {
			each(k, v)
		}
	})
}

func (f *File) errorf(at int64, field, format string, args ...any) error {
	return &ingest.FormatError{File: f.name, Field: field, Offset: max(0, min(at, f.size)), Err: fmt.Errorf(format, args...)}
}

// read fills p from byte at on.
func (f *File) read(p []byte, at int64, field string) error {
	if n, err := f.r.ReadAt(p, at); n < len(p) {
		return f.errorf(at+int64(n), field, "cannot be read: %w", err)
	}
	return nil
}

func (f *File) readFooter() error {
	const cut = "a file that was cut off has lost the footer at its end, without which nothing in it can be found; fetch or write it again"
	if f.size < int64(len(Magic))+tail {
		return f.errorf(f.size, "footer", "the file has %d bytes: %s", f.size, cut)
	}
	var head [len(Magic)]byte
	var end [tail]byte
	if err := f.read(head[:], 0, "first bytes"); err != nil {
		return err
	}
	if err := f.read(end[:], f.size-tail, "footer"); err != nil {
		return err
	}
	switch mark := string(end[4:]); {
	case string(head[:]) == Encrypted || mark == Encrypted:
		return f.errorf(0, "first bytes", "the file is encrypted: write it again without")
	case string(head[:]) != Magic:
		return f.errorf(0, "first bytes", "%q, must be %s", head[:], Magic)
	case mark != Magic:
		return f.errorf(f.size-4, "last bytes", "%q, must be %s: %s", mark, Magic, cut)
	}
	n := int64(binary.LittleEndian.Uint32(end[:]))
	if n > f.size-tail-int64(len(Magic)) {
		return f.errorf(f.size-tail, "length of the footer", "%d bytes, the file has %d: %s", n, f.size, cut)
	}
	f.footerAt = f.size - tail - n
	f.footer = make([]byte, n)
	return f.read(f.footer, f.footerAt, "footer")
}

// The fields of the footer are those of FileMetaData, SchemaElement, RowGroup, ColumnChunk and ColumnMetaData in
// https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift.

func (f *File) parseFooter() error {
	t := &thrift{b: f.footer}
	var tree []element
	var bad error
	values := int64(0)
	t.fields(func(id int16, kind byte) {
		switch id {
		case 2:
			t.list(kind, func(kind byte) {
				if most := 64 + len(t.b)/columnBytes; len(tree) > most {
					t.fail(fmt.Errorf("more than %d columns in a footer of %d bytes", most, len(t.b)))
					return
				}
				tree = append(tree, readElement(t, kind))
			})
		case 4:
			t.list(kind, func(kind byte) {
				if most := 16 + len(t.b)/groupBytes; len(f.groups) > most {
					t.fail(fmt.Errorf("more than %d row groups in a footer of %d bytes", most, len(t.b)))
					return
				}
				g := group{at: t.at}
				t.structure(kind, func(id int16, kind byte) {
					if id == 3 {
						g.rows = t.integer(kind)
					} else {
						t.skip(kind)
					}
				})
				if bad == nil && (g.rows < 0 || g.rows > f.Unfolds()/8 || values+g.rows > f.Unfolds()/8) {
					bad = f.errorf(f.footerAt+int64(g.at), "row group", "%d rows behind %d, where the file has %d bytes: %s", g.rows, values, f.size, f.tooMuch())
				}
				values += g.rows
				f.groups = append(f.groups, g)
			})
		case 5:
			f.metadata = t.at
			t.skip(kind)
		case 8:
			t.fail(errors.New("columns are encrypted: write the file again without"))
		default:
			t.skip(kind)
		}
	})
	if t.err != nil {
		return f.errorf(f.footerAt+int64(t.at), "footer", "damaged: %w", t.err)
	}
	if bad != nil {
		return bad
	}
	if len(tree) == 0 {
		return f.errorf(f.footerAt, "schema", "there is none")
	}
	rest, err := f.leaves(tree[1:], tree[0].children, Column{}, nil)
	if err == nil && len(rest) > 0 {
		err = fmt.Errorf("%d elements are part of nothing", len(rest))
	}
	if err != nil {
		return f.errorf(f.footerAt, "schema", "%w", err)
	}
	if n := int64(len(f.Columns)); n > 0 && values > f.Unfolds()/8/n {
		return f.errorf(f.footerAt, "footer", "%d rows of %d columns, where the file has %d bytes: %s", values, n, f.size, f.tooMuch())
	}
	return nil
}

func (f *File) tooMuch() string {
	return fmt.Sprintf("more than 1000 times the file and 16 MiB (%d bytes) is taken for damage; a file that holds that much must be written with little or no compression, and without dictionaries", f.Unfolds())
}

// element is a node of the schema's tree, which is listed depth first.
type element struct {
	name       string
	typ        int // -1 for a group
	repetition int // 0 required, 1 optional, 2 repeated
	children   int64
}

func readElement(t *thrift, kind byte) element {
	e := element{typ: -1}
	t.structure(kind, func(id int16, kind byte) {
		switch id {
		case 1:
			e.typ = int(t.integer(kind))
		case 3:
			e.repetition = int(t.integer(kind))
		case 4:
			e.name = string(t.binary(kind))
		case 5:
			e.children = t.integer(kind)
		default:
			t.skip(kind)
		}
	})
	return e
}

// leaves adds the leaves among the first n nodes of tree, and below them, to f.Columns, and returns what is left of it. The
// levels of their parent are those of up.
func (f *File) leaves(tree []element, n int64, up Column, path []string) ([]element, error) {
	if len(path) >= maxDepth {
		return nil, fmt.Errorf("%s is nested more than %d levels deep", strings.Join(path, "."), maxDepth)
	}
	for ; n > 0; n-- {
		if len(tree) == 0 {
			return nil, errors.New("damaged: it ends too early")
		}
		e := tree[0]
		tree = tree[1:]
		c := up
		switch e.repetition {
		case 0:
		case 1:
			c.MaxDef++
		case 2:
			c.MaxDef++
			c.MaxRep++
			c.Element = c.MaxDef
		default:
			return nil, fmt.Errorf("column %q has the repetition %d, must be 0, 1 or 2", e.name, e.repetition)
		}
		at := append(slices.Clip(path), e.name)
		if e.typ >= 0 && e.children == 0 {
			c.Name, c.Type = strings.Join(at, "."), Type(e.typ)
			f.Columns = append(f.Columns, c)
			continue
		}
		if e.typ >= 0 || e.children < 0 {
			return nil, fmt.Errorf("column %q has %d parts and the type %s, must have one of them", e.name, e.children, Type(e.typ))
		}
		var err error
		if tree, err = f.leaves(tree, e.children, c, at); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// load reads the descriptions of the columns in group g.
func (f *File) load(g int) error {
	if f.loaded == g {
		return nil
	}
	f.loaded = -1
	if f.chunks == nil {
		f.chunks = make([]chunk, len(f.Columns))
	}
	at := f.groups[g].at
	t := &thrift{b: f.footer, at: at}
	n := 0
	t.fields(func(id int16, kind byte) {
		if id != 1 {
			t.skip(kind)
			return
		}
		n = t.list(kind, func(kind byte) {
			if n == len(f.chunks) {
				t.fail(fmt.Errorf("there are more than %d columns, those of the schema", n))
				return
			}
			f.chunks[n] = readChunk(t, kind)
			n++
		})
	})
	field := fmt.Sprintf("row group %d", g)
	if t.err != nil {
		return f.errorf(f.footerAt+int64(t.at), field, "damaged: %w", t.err)
	}
	if n != len(f.chunks) {
		return f.errorf(f.footerAt+int64(at), field, "%d columns, the schema has %d", n, len(f.chunks))
	}
	for k := range f.chunks {
		c, col := &f.chunks[k], &f.Columns[k]
		var err error
		switch {
		case c.elsewhere:
			err = errors.New("lies in another file: write all columns into one")
		case c.secret:
			err = errors.New("is encrypted: write the file again without")
		case c.typ != int(col.Type):
			err = fmt.Errorf("is of type %s, in the schema of %s", Type(c.typ), col.Type)
		case c.at < int64(len(Magic)) || c.end < c.at || c.end > f.footerAt:
			err = fmt.Errorf("lies at bytes %d to %d, must be between %d and %d", c.at, c.end, len(Magic), f.footerAt)
		case c.values < 0 || c.values > f.Unfolds()/8:
			err = fmt.Errorf("has %d values: %s", c.values, f.tooMuch())
		case col.Flat() && c.values != f.groups[g].rows:
			err = fmt.Errorf("has %d values in %d rows", c.values, f.groups[g].rows)
		}
		if err != nil {
			return f.errorf(f.footerAt+int64(at), field, "column %s %w", col.Name, err)
		}
	}
	f.loaded = g
	return nil
}

func readChunk(t *thrift, kind byte) chunk {
	var c chunk
	var size, dictionary int64
	c.typ, c.codec = -1, -1
	t.structure(kind, func(id int16, kind byte) {
		switch id {
		case 1:
			c.elsewhere = len(t.binary(kind)) > 0
		case 3:
			t.structure(kind, func(id int16, kind byte) {
				switch id {
				case 1:
					c.typ = int(t.integer(kind))
				case 4:
					c.codec = int(t.integer(kind))
				case 5:
					c.values = t.integer(kind)
				case 7:
					size = t.integer(kind)
				case 9:
					c.at = t.integer(kind)
				case 11:
					dictionary = t.integer(kind)
				default:
					t.skip(kind)
				}
			})
		case 8, 9:
			c.secret = true
			t.skip(kind)
		default:
			t.skip(kind)
		}
	})
	if dictionary > 0 { // some writers say 0 where there is none
		c.at = min(c.at, dictionary)
	}
	if c.end = c.at + size; size < 0 || c.end < c.at {
		c.end = -1
	}
	return c
}
