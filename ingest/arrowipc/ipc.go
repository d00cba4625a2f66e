package arrowipc

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/endian"
	"github.com/apache/arrow-go/v18/arrow/ipc"
)

// Kind is the kind of a message (https://arrow.apache.org/docs/format/Columnar.html, "Encapsulated message format").
type Kind int

// The kinds that gyrus sends.
const (
	SchemaKind Kind = 1
	BatchKind  Kind = 3
	EndKind    Kind = -1 // no message of Arrow's, but the mark of the end
)

// Numbers of Arrow's flatbuffers (Message.fbs, Schema.fbs): slots of tables, members of unions.
const (
	msgVersion, msgKind, msgHeader, msgBodyLength                               = 0, 1, 2, 3
	schemaEndianness, schemaFields, schemaMetadata                              = 0, 1, 2
	fieldName, fieldTypeID, fieldType, fieldDictionary, fieldChildren, fieldMet = 0, 2, 3, 4, 5, 6
	batchLength, batchNodes, batchBuffers, batchCompression                     = 0, 1, 2, 3
	typeInt, typeFloat, typeUTF8, typeList, typeStruct                          = 2, 3, 5, 12, 13
	versionV4, versionV5                                                        = 3, 4
	doublePrecision                                                             = 2
	continuation                                                                = 0xFFFFFFFF
)

// EndOfStream is the last message of a stream.
var EndOfStream = []byte{0xFF, 0xFF, 0xFF, 0xFF, 0, 0, 0, 0}

// Message is one encapsulated message, over memory that it was parsed from.
type Message struct {
	Kind   Kind
	header table // Schema or RecordBatch
	Body   []byte
}

// Parse takes data apart. It copies nothing.
func Parse(data []byte) (Message, error) {
	if len(data) < 8 || binary.LittleEndian.Uint32(data) != continuation {
		return Message{}, errors.New("not an Arrow IPC message: it must begin with ff ff ff ff and the length of the header")
	}
	size := int(int32(binary.LittleEndian.Uint32(data[4:])))
	if size == 0 && len(data) == 8 {
		return Message{Kind: EndKind}, nil
	}
	if size <= 0 || size > len(data)-8 {
		return Message{}, fmt.Errorf("arrow header of %d bytes in a message of %d", size, len(data))
	}
	m, length, err := ParseHeader(data[8 : 8+size])
	m.Body = data[8+size:]
	if err == nil && length != int64(len(m.Body)) {
		err = fmt.Errorf("arrow body of %d bytes, its header says %d: what is read must be one whole message", len(m.Body), length)
	}
	if err != nil {
		return Message{}, err
	}
	return m, nil
}

// ParseHeader takes the header of a message apart, which lies behind the eight bytes of the mark and its length, and says
// how many bytes of body follow it. The message has no body yet. It copies nothing.
func ParseHeader(header []byte) (m Message, bodyLength int64, err error) {
	f := &flat{b: header, budget: flatBudget}
	root := f.root()
	m = Message{Kind: Kind(root.uint8(msgKind))}
	version, length := root.int16(msgVersion), root.int64(msgBodyLength)
	var ok bool
	m.header, ok = root.sub(msgHeader)
	switch {
	case f.err != nil:
		return Message{}, 0, f.err
	case !ok:
		return Message{}, 0, errors.New("arrow message without a header")
	case version != versionV4 && version != versionV5:
		return Message{}, 0, fmt.Errorf("arrow metadata version V%d, must be V4 or V5", version+1)
	case length < 0:
		return Message{}, 0, ErrDamaged
	case m.Kind != SchemaKind && m.Kind != BatchKind:
		return Message{}, 0, fmt.Errorf("arrow message of kind %d, must be a schema (1) or a record batch (3)", m.Kind)
	}
	return m, length, nil
}

// Schema is the Arrow schema in m.
func (m Message) Schema() (*arrow.Schema, error) {
	if m.Kind != SchemaKind {
		return nil, fmt.Errorf("arrow message of kind %d, must be a schema (1)", m.Kind)
	}
	f := m.header.f
	if m.header.int16(schemaEndianness) != 0 || endian.IsBigEndian {
		return nil, errors.New("arrow numbers with the high byte first are not supported")
	}
	var fields []arrow.Field
	var bad error
	m.header.tables(schemaFields, func(t table) {
		field, err := readField(t, 1)
		if err != nil && bad == nil {
			bad = fmt.Errorf("column %d: %w", len(fields), err)
		}
		fields = append(fields, field)
	})
	md := readMetadata(m.header, schemaMetadata)
	if err := errors.Join(f.err, bad); err != nil {
		return nil, err
	}
	return arrow.NewSchema(fields, &md), nil
}

func readMetadata(t table, slot int) arrow.Metadata {
	var keys, vals []string
	t.tables(slot, func(kv table) {
		keys, vals = append(keys, kv.str(0)), append(vals, kv.str(1))
	})
	return arrow.NewMetadata(keys, vals)
}

// readField reads the types that the layout has: what signal.InfoFromSchema refuses anyway is refused here by number.
func readField(t table, depth int) (arrow.Field, error) {
	field := arrow.Field{Name: t.str(fieldName), Metadata: readMetadata(t, fieldMet)}
	if t.slot(fieldDictionary) != 0 {
		return field, fmt.Errorf("%q is encoded with a dictionary, must be plain", field.Name)
	}
	var children []arrow.Field
	var bad error
	if depth <= 3 { // a number or text, in a struct, in a list
		t.tables(fieldChildren, func(c table) {
			if bad == nil {
				var child arrow.Field
				child, bad = readField(c, depth+1)
				children = append(children, child)
			}
		})
	}
	if bad != nil {
		return field, fmt.Errorf("%q: %w", field.Name, bad)
	}
	kind, _ := t.sub(fieldType)
	switch id := t.uint8(fieldTypeID); {
	case id == typeFloat && kind.int16(0) == doublePrecision:
		field.Type = arrow.PrimitiveTypes.Float64
	case id == typeInt && kind.int32(0) == 64 && kind.uint8(1) == 1:
		field.Type = arrow.PrimitiveTypes.Int64
	case id == typeUTF8:
		field.Type = arrow.BinaryTypes.String
	case id == typeList && len(children) == 1:
		field.Type = arrow.ListOfField(children[0])
	case id == typeStruct && len(children) >= 3 && len(children) <= 5:
		field.Type = arrow.StructOf(children...)
	default:
		return field, fmt.Errorf("%q has a type (number %d in Schema.fbs) that samples do not have", field.Name, id)
	}
	return field, nil
}

// Encoder turns records into messages, one after the other, in memory that is used again.
type Encoder struct {
	buf  bytes.Buffer
	w    *ipc.Writer
	head int // bytes of the schema message that Arrow's writer puts in front of the first batch
}

// NewEncoder also returns the schema message.
func NewEncoder(schema *arrow.Schema) (*Encoder, []byte, error) {
	e := new(Encoder)
	e.w = ipc.NewWriter(&e.buf, ipc.WithSchema(schema))
	var empty bytes.Buffer // a stream without a batch is the schema and the end
	if err := ipc.NewWriter(&empty, ipc.WithSchema(schema)).Close(); err != nil {
		return nil, nil, fmt.Errorf("arrow schema: %w", err)
	}
	head := bytes.TrimSuffix(empty.Bytes(), EndOfStream)
	e.head = len(head)
	return e, head, nil
}

// Encode is the message of rec, valid until the next call.
func (e *Encoder) Encode(rec arrow.RecordBatch) ([]byte, error) {
	head := e.head
	e.head = 0
	e.buf.Reset()
	if err := e.w.Write(rec); err != nil {
		return nil, fmt.Errorf("arrow record batch: %w", err)
	}
	return e.buf.Bytes()[head:], nil
}
