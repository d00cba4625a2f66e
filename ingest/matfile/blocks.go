package matfile

import (
	"errors"
	"io"
	"io/fs"
	"sort"
	"time"
)

// firstBlock is the bytes of the first block, blockBytes those of the largest.
const (
	firstBlock = 4 << 10
	blockBytes = 1 << 20
)

// blocks is an open file in memory, which grows without being copied: a block is as long as all before it, up to blockBytes.
type blocks struct {
	list []block
	size int64
}

type block struct {
	at int64
	b  []byte
}

// readFrom takes in what r has until there are more than most bytes, or it ends.
func (m *blocks) readFrom(r io.Reader, most int64) error {
	for m.size <= most {
		b := make([]byte, min(max(m.size, firstBlock), blockBytes, max(most+1-m.size, 16)))
		n := 0
		var err error
		for n < len(b) && err == nil {
			var k int
			k, err = r.Read(b[n:])
			n += k
		}
		if n > 0 {
			m.list = append(m.list, block{m.size, b[:n]})
			m.size += int64(n)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ReadAt reads what is in memory.
func (m *blocks) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("before the first byte")
	}
	for i := sort.Search(len(m.list), func(i int) bool { return m.list[i].at > off }) - 1; n < len(p) && i >= 0 && i < len(m.list); i++ {
		if from := off + int64(n) - m.list[i].at; from < int64(len(m.list[i].b)) {
			n += copy(p[n:], m.list[i].b[from:])
		}
	}
	if n < len(p) {
		err = io.EOF
	}
	return n, err
}

func (m *blocks) Read([]byte) (int, error)   { return 0, errors.New("is read at places only") }
func (m *blocks) Close() error               { return nil }
func (m *blocks) Stat() (fs.FileInfo, error) { return m, nil }
func (m *blocks) Size() int64                { return m.size }
func (m *blocks) Name() string               { return "" }
func (m *blocks) Mode() fs.FileMode          { return 0 }
func (m *blocks) ModTime() time.Time         { return time.Time{} }
func (m *blocks) IsDir() bool                { return false }
func (m *blocks) Sys() any                   { return nil }
