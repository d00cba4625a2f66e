package weights

import (
	"errors"
	"fmt"
	"io"
)

// The formats that Open reads.
const (
	Safetensors = "safetensors"
	TorchZip    = "torch zip"
)

// Entry says what a tensor in a file is.
type Entry struct {
	Name  string `json:"name"`
	DType string `json:"dtype"` // as in safetensors: "F32"
	Shape []int  `json:"shape"`
	Bytes int64  `json:"bytes"` // of its values
}

// Value is something in a checkpoint that is not a tensor, such as the number of an epoch.
type Value struct {
	Name  string `json:"name"`
	Value any    `json:"value"` // nil, bool, int64, *big.Int, float64, string or DType
}

// Reader is an open file of weights: what is in it is known, values are read when asked for. It may be used by several
// goroutines where its io.ReaderAt may.
type Reader struct {
	Format   string            // Safetensors or TorchZip
	Metadata map[string]string // of safetensors
	Entries  []Entry           // in the file's order
	Values   []Value           // of torch, in the file's order

	read map[string]func() (Tensor, error)
}

// add appends a tensor, unless its name is taken.
func (f *Reader) add(e Entry, read func() (Tensor, error)) bool {
	if f.read == nil {
		f.read = map[string]func() (Tensor, error){}
	}
	if _, taken := f.read[e.Name]; taken {
		return false
	}
	f.read[e.Name] = read
	f.Entries = append(f.Entries, e)
	return true
}

// Tensor reads the values of one tensor.
func (f *Reader) Tensor(name string) (Tensor, error) {
	read, ok := f.read[name]
	if !ok {
		return Tensor{}, fmt.Errorf("no tensor %q among the %d of the file", name, len(f.Entries))
	}
	return read()
}

// Open reads what is in a file of size bytes, by its content and not by its name: safetensors or a zip file of
// torch.save. Everything that the file claims is checked before memory is taken for it. No code in a checkpoint is ever
// run: what would run some is refused with its name and place (*PickleError).
func Open(r io.ReaderAt, size int64) (*Reader, error) {
	head := make([]byte, min(16, size))
	if err := readFull(r, head, 0); err != nil {
		return nil, err
	}
	kind := string(head)
	switch {
	case len(head) < 9:
		return nil, fmt.Errorf("the file has %d bytes: neither safetensors nor a checkpoint of torch, or cut short", size)
	case head[8] == '{': // the first byte of a header; in a zip file, a method of compression that does not exist
		return openSafetensors(r, size)
	case kind[:4] == "PK\x03\x04":
		return openTorch(r, size)
	case kind[:4] == "\x80\x02\x8a\x0a": // the pickled number 0x1950a86a20f9469cfc6c
		return nil, errors.New("byte 0: a torch file in the layout before 1.6, which is a row of pickles: where you trust it, load it with torch.load(path, weights_only=True) and write it with torch.save(state, path), which makes a zip file")
	case head[0] == 0x80 && head[1] <= 5:
		return nil, errors.New("byte 0: a bare pickle: where you trust it, load it in Python and write its state_dict with torch.save")
	}
	if _, err := headerLen(head, size); err != nil {
		return nil, fmt.Errorf("%w; nor a zip file of torch.save", err)
	}
	return nil, fmt.Errorf("byte 8: header: begins with %q, must begin with \"{\": neither safetensors nor a zip file of torch.save", head[8:9])
}

// readFull reads len(p) bytes at off, or says that they are not there.
func readFull(r io.ReaderAt, p []byte, off int64) error {
	n, err := r.ReadAt(p, off)
	if n == len(p) {
		return nil // io.EOF right behind them is none of our business
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("byte %d: the file ends, %d more bytes must follow: it was cut while open, or its size was given wrong", off+int64(n), len(p)-n)
	}
	return err
}
