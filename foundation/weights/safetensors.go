// Package weights reads and writes files of named arrays.
//
// Open reads two layouts by name and lazily: safetensors, which is eight bytes with the length of a JSON header, the
// header, and the values (https://github.com/huggingface/safetensors, "Format"), and the zip files of torch.save
// (https://docs.pytorch.org/docs/stable/notes/serialization.html), whose pickle is read by an interpreter that can make
// dictionaries, lists, numbers, strings and tensors and nothing else. Marshal and Write write safetensors.
package weights

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// maxHeader bounds the header, as the reference implementation does, so that a file of a few bytes cannot ask for
// gigabytes.
const maxHeader = 100 << 20

// metadataKey is the one name in the header that is not a tensor.
const metadataKey = "__metadata__"

// File is the content of one safetensors file.
type File struct {
	Metadata map[string]string
	Tensors  map[string]Tensor
}

// Marshal lays f out as a file. The same content gives the same bytes: tensors lie in the order of their names.
func Marshal(f File) ([]byte, error) {
	entries := make([]Entry, 0, len(f.Tensors))
	var total int64
	for n, t := range f.Tensors {
		entries = append(entries, Entry{Name: n, DType: t.DType, Shape: t.Shape, Bytes: int64(len(t.Data))})
		total += int64(len(t.Data))
	}
	var out bytes.Buffer
	out.Grow(int(min(total, 1<<30)) + 128*len(entries))
	err := Write(&out, f.Metadata, entries, func(name string) (Tensor, error) { return f.Tensors[name], nil })
	return out.Bytes(), err
}

// Write lays a file out on w, one tensor in memory at a time: get is called once for each entry, in the order of the
// names, and must return what the entry says.
func Write(w io.Writer, metadata map[string]string, entries []Entry, get func(name string) (Tensor, error)) error {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b Entry) int { return strings.Compare(a.Name, b.Name) })
	head, err := marshalHeader(metadata, entries)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return err
	}
	for _, e := range entries {
		t, err := get(e.Name)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.Name, err)
		}
		if t.DType != e.DType || !slices.Equal(t.Shape, e.Shape) || int64(len(t.Data)) != e.Bytes {
			return fmt.Errorf("tensor %q: is %s %v of %d bytes, was announced as %s %v of %d bytes", e.Name, t.DType, t.Shape, len(t.Data), e.DType, e.Shape, e.Bytes)
		}
		if _, err := w.Write(t.Data); err != nil {
			return err
		}
	}
	return nil
}

// marshalHeader is everything before the values. Entries are sorted by name.
func marshalHeader(metadata map[string]string, entries []Entry) ([]byte, error) {
	type item struct {
		DType   string  `json:"dtype"`
		Shape   []int   `json:"shape"`
		Offsets []int64 `json:"data_offsets"`
	}
	header := map[string]any{}
	if len(metadata) > 0 {
		header[metadataKey] = metadata
	}
	var at int64
	for i, e := range entries {
		if e.Name == metadataKey {
			return nil, fmt.Errorf("tensor %q: the name is reserved", e.Name)
		}
		if i > 0 && entries[i-1].Name == e.Name {
			return nil, fmt.Errorf("tensor %q: the name stands twice", e.Name)
		}
		if want, err := byteLen(e.DType, e.Shape); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", e.Name, err)
		} else if want != e.Bytes {
			return nil, fmt.Errorf("tensor %q: %d bytes of data, shape %v of %s takes %d", e.Name, e.Bytes, e.Shape, e.DType, want)
		}
		shape := e.Shape
		if shape == nil {
			shape = []int{} // a scalar is [], not null
		}
		header[e.Name] = item{e.DType, shape, []int64{at, at + e.Bytes}}
		at += e.Bytes
	}
	text, err := json.Marshal(header) // map keys come out sorted
	if err != nil {
		return nil, err
	}
	text = append(text, bytes.Repeat([]byte(" "), -len(text)&7)...) // values begin at a multiple of 8, for memory maps
	if len(text) > maxHeader {
		return nil, fmt.Errorf("the header takes %d bytes, must be at most %d", len(text), maxHeader)
	}
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text...), nil
}

// Unmarshal reads a file that is whole in memory. The tensors share data's memory. Every byte behind the header must
// belong to exactly one tensor: a file that is cut, has a tail or overlaps is an error.
func Unmarshal(data []byte) (File, error) {
	head, values, err := Split(data)
	if err != nil {
		return File{}, err
	}
	metadata, spans, err := parseHeader(head, int64(len(values)))
	if err != nil {
		return File{}, err
	}
	f := File{Metadata: metadata, Tensors: make(map[string]Tensor, len(spans))}
	for _, s := range spans {
		f.Tensors[s.Name] = Tensor{DType: s.DType, Shape: s.Shape, Data: values[s.lo:s.hi:s.hi]}
	}
	return f, nil
}

// Split is the header and the values of a file, checked for length only.
func Split(data []byte) (head, values []byte, err error) {
	n, err := headerLen(data, int64(len(data)))
	if err != nil {
		return nil, nil, err
	}
	return data[8 : 8+n], data[8+n:], nil
}

// headerLen is the length of the header of a file of size bytes that begins with data.
func headerLen(data []byte, size int64) (int64, error) {
	if len(data) < 8 {
		return 0, fmt.Errorf("byte 0: header length: the file has %d bytes, must have at least 8", size)
	}
	n := binary.LittleEndian.Uint64(data)
	if most := min(maxHeader, size-8); n > uint64(most) {
		return 0, fmt.Errorf("byte 0: header length: is more than the %d bytes that can follow: not a safetensors file, or cut short", most)
	}
	return int64(n), nil
}

// openSafetensors reads the header of a file and nothing else.
func openSafetensors(r io.ReaderAt, size int64) (*Reader, error) {
	first := make([]byte, min(8, size))
	if err := readFull(r, first, 0); err != nil {
		return nil, err
	}
	n, err := headerLen(first, size)
	if err != nil {
		return nil, err
	}
	head := make([]byte, n)
	if err := readFull(r, head, 8); err != nil {
		return nil, err
	}
	metadata, spans, err := parseHeader(head, size-8-n)
	if err != nil {
		return nil, err
	}
	f := &Reader{Format: Safetensors, Metadata: metadata}
	for _, s := range spans {
		f.add(s.Entry, func() (Tensor, error) {
			data := make([]byte, s.Bytes)
			err := readFull(r, data, 8+n+s.lo)
			return Tensor{DType: s.DType, Shape: s.Shape, Data: data}, err
		})
	}
	return f, nil
}
