package arrowipc

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/memory"
)

// Batch is the record in m, over m's memory. schema must be one that signal.InfoFromSchema has accepted.
func (m Message) Batch(schema *arrow.Schema) (arrow.RecordBatch, error) {
	if m.Kind != BatchKind {
		return nil, fmt.Errorf("arrow message of kind %d, must be a record batch (3)", m.Kind)
	}
	if m.header.slot(batchCompression) != 0 {
		return nil, errors.New("compressed record batch, must be plain")
	}
	chs := schema.NumFields() - 3
	r := &batchReader{f: m.header.f, body: m.Body}
	var nodes, buffers int
	r.node, nodes = m.header.vector(batchNodes, 16)
	r.buf, buffers = m.header.vector(batchBuffers, 16)
	if r.f.err != nil {
		return nil, r.f.err
	}
	list, ok := schema.Field(chs + 2).Type.(*arrow.ListType)
	if !ok {
		return nil, fmt.Errorf("the last column is of type %s, must be a list of events", schema.Field(chs+2).Type)
	}
	item, ok := list.Elem().(*arrow.StructType)
	if !ok || item.NumFields() < 1 {
		return nil, fmt.Errorf("the last column is a list of %s, must be one of events", list.Elem())
	}
	wantNodes, wantBuffers := chs+4+item.NumFields(), 2*chs+7+2*item.NumFields() // see column and events
	for _, f := range item.Fields() {
		if f.Type.ID() == arrow.STRING {
			wantBuffers++
		}
	}
	if nodes != wantNodes || buffers != wantBuffers {
		return nil, fmt.Errorf("record batch of %d nodes and %d buffers, must be %d and %d for %d channels", nodes, buffers, wantNodes, wantBuffers, chs)
	}
	r.rows = m.header.int64(batchLength)
	cols := make([]arrow.Array, 0, chs+3)
	for ch := range chs {
		cols = append(cols, array.NewFloat64Data(r.column(schema.Field(ch).Type, r.rows)))
	}
	cols = append(cols, array.NewInt64Data(r.column(arrow.PrimitiveTypes.Int64, r.rows)), array.NewInt64Data(r.column(arrow.PrimitiveTypes.Int64, r.rows)))
	events := r.events(list, item)
	if r.f.err != nil {
		return nil, r.f.err
	}
	return array.NewRecordBatch(schema, append(cols, array.NewListData(events)), r.rows), nil
}

// batchReader walks over the columns of a record batch in the order of the format, depth first. After a failure, which
// is kept in f.err, what it returns is empty.
type batchReader struct {
	f         *flat
	body      []byte
	rows      int64
	node, buf int // where the next FieldNode and the next Buffer are
}

var errBody = errors.New("the record batch is damaged: its lengths do not fit its body")

// next is the length of the next array, which must be n, and its nulls.
func (r *batchReader) next(n int64) (nulls int) {
	length, null := r.f.i64(r.node), r.f.i64(r.node+8)
	r.node += 16
	if r.f.err == nil && (length != n || null < 0 || null > n) {
		r.f.err = errBody
	}
	return int(null)
}

// buffer is the next buffer, which must hold at least n values of size bytes. It is copied where it is not aligned.
func (r *batchReader) buffer(n int64, size int) *memory.Buffer {
	off, length := r.f.i64(r.buf), r.f.i64(r.buf+8)
	r.buf += 16
	all := int64(len(r.body))
	if r.f.err == nil && (off < 0 || length < 0 || off > all || length > all-off || n < 0 || n > length/int64(size)) {
		r.f.err = errBody
	}
	if r.f.err != nil || n == 0 {
		return memory.NewBufferBytes(nil)
	}
	b := r.body[off : off+n*int64(size)]
	if uintptr(unsafe.Pointer(&b[0]))%uintptr(size) != 0 {
		aligned := make([]int64, (len(b)+7)/8)
		b = arrow.GetBytes(aligned)[:copy(arrow.GetBytes(aligned), b)]
	}
	return memory.NewBufferBytes(b)
}

// validity is the next bitmap; nil where there are no nulls, when the format allows any content.
func (r *batchReader) validity(n int64, nulls int) *memory.Buffer {
	if nulls == 0 {
		r.buf += 16
		return nil
	}
	return r.buffer((n+7)/8, 1)
}

// column is the next column of n numbers of eight bytes: one node, two buffers.
func (r *batchReader) column(dt arrow.DataType, n int64) *array.Data {
	nulls := r.next(n)
	valid := r.validity(n, nulls)
	values := r.buffer(n, 8)
	if r.f.err != nil {
		return array.NewData(dt, 0, []*memory.Buffer{nil, nil}, nil, 0, 0)
	}
	return array.NewData(dt, int(n), []*memory.Buffer{valid, values}, nil, nulls, 0)
}

// offsets is the next buffer of n+1 offsets, checked to rise from at least 0, and the last of them.
func (r *batchReader) offsets(n int64) (b *memory.Buffer, end int64) {
	if n == 0 { // the format allows an empty buffer in place of a single 0
		return r.buffer(0, 4), 0
	}
	b = r.buffer(n+1, 4)
	for _, o := range arrow.GetData[int32](b.Bytes()) {
		if int64(o) < end {
			r.f.err = errBody
			break
		}
		end = int64(o)
	}
	return b, end
}

// events is the last column: a list (one node, two buffers) of structs (one, one) of texts (one, three each) and
// numbers.
func (r *batchReader) events(dt *arrow.ListType, item *arrow.StructType) *array.Data {
	nulls := r.next(r.rows)
	valid := r.validity(r.rows, nulls)
	offsets, used := r.offsets(r.rows)
	n := r.f.i64(r.node) // what the struct says; at least what the list uses
	itemNulls := r.next(n)
	if r.f.err == nil && (n < used || n > int64(len(r.body))/8) {
		r.f.err = errBody
	}
	itemValid := r.validity(n, itemNulls)
	var fields []arrow.ArrayData
	for _, f := range item.Fields() {
		if f.Type.ID() == arrow.STRING {
			fields = append(fields, r.text(f.Type, n))
		} else {
			fields = append(fields, r.column(f.Type, n))
		}
	}
	if r.f.err != nil {
		return nil
	}
	items := array.NewData(item, int(n), []*memory.Buffer{itemValid}, fields, itemNulls, 0)
	return array.NewData(dt, int(r.rows), []*memory.Buffer{valid, offsets}, []arrow.ArrayData{items}, nulls, 0)
}

// Columns says how many rows a record batch has and where the values of its first n columns begin in its body of bodyLength
// bytes, so that they can be read on their own, and how many events the last column has. The columns must be plain numbers
// of eight bytes without nulls.
func (m Message) Columns(n int, bodyLength int64) (rows int64, at []int64, events int64, err error) {
	if m.Kind != BatchKind {
		return 0, nil, 0, fmt.Errorf("arrow message of kind %d, must be a record batch (3)", m.Kind)
	}
	if m.header.slot(batchCompression) != 0 {
		return 0, nil, 0, errors.New("compressed record batch, must be plain")
	}
	f := m.header.f
	node, nodes := m.header.vector(batchNodes, 16)
	buf, buffers := m.header.vector(batchBuffers, 16)
	rows = m.header.int64(batchLength)
	if f.err == nil && (nodes < n+2 || buffers < 2*n || rows < 0) {
		f.err = errBody
	}
	for k := 0; k < n && f.err == nil; k++ {
		length, nulls := f.i64(node+16*k), f.i64(node+16*k+8)
		off, size := f.i64(buf+32*k+16), f.i64(buf+32*k+24) // behind the bitmap
		switch {
		case length != rows || off < 0 || size < 0 || off > bodyLength || size > bodyLength-off || rows > size/8:
			f.err = errBody
		case nulls != 0:
			f.err = fmt.Errorf("column %d has %d nulls, must have none: a missing sample is a gap, behind which begins a new batch", k, nulls)
		}
		at = append(at, off)
	}
	events = f.i64(node + 16*(n+1)) // behind the list itself
	return rows, at, events, f.err
}

// Table is the record in m, over m's memory, whose columns are float64, int64 or text.
func (m Message) Table(schema *arrow.Schema) (arrow.RecordBatch, error) {
	if m.Kind != BatchKind {
		return nil, fmt.Errorf("arrow message of kind %d, must be a record batch (3)", m.Kind)
	}
	if m.header.slot(batchCompression) != 0 {
		return nil, errors.New("compressed record batch, must be plain")
	}
	texts := 0
	for _, f := range schema.Fields() {
		switch f.Type.ID() {
		case arrow.FLOAT64, arrow.INT64:
		case arrow.STRING:
			texts++
		default:
			return nil, fmt.Errorf("column %q is of type %s, must be float64, int64 or text", f.Name, f.Type)
		}
	}
	r := &batchReader{f: m.header.f, body: m.Body}
	var nodes, buffers int
	r.node, nodes = m.header.vector(batchNodes, 16)
	r.buf, buffers = m.header.vector(batchBuffers, 16)
	if r.f.err != nil {
		return nil, r.f.err
	}
	if n := schema.NumFields(); nodes != n || buffers != 2*n+texts {
		return nil, fmt.Errorf("record batch of %d nodes and %d buffers, must be %d and %d", nodes, buffers, n, 2*n+texts)
	}
	r.rows = m.header.int64(batchLength)
	var cols []arrow.Array
	for _, f := range schema.Fields() {
		switch f.Type.ID() {
		case arrow.FLOAT64:
			cols = append(cols, array.NewFloat64Data(r.column(f.Type, r.rows)))
		case arrow.INT64:
			cols = append(cols, array.NewInt64Data(r.column(f.Type, r.rows)))
		default:
			data := r.text(f.Type, r.rows)
			if r.f.err == nil {
				cols = append(cols, array.NewStringData(data))
			}
		}
		if r.f.err != nil {
			return nil, r.f.err
		}
	}
	return array.NewRecordBatch(schema, cols, r.rows), nil
}

// text is the next column of n texts: one node, three buffers.
func (r *batchReader) text(dt arrow.DataType, n int64) *array.Data {
	nulls := r.next(n)
	valid := r.validity(n, nulls)
	ends, size := r.offsets(n)
	return array.NewData(dt, int(n), []*memory.Buffer{valid, ends, r.buffer(size, 1)}, nil, nulls, 0)
}
