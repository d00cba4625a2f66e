package weights

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzPickle: whatever a pickle says, every tensor that comes out of it has the bytes of its shape.
func FuzzPickle(f *testing.F) {
	store := bytes.Repeat([]byte{1, 2, 3, 4}, 16)
	paths, err := filepath.Glob("testdata/*.pt")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		if a, err := openArchive(bytes.NewReader(raw), int64(len(raw))); err == nil {
			data, err := a.whole("data.pkl", maxPickle)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	files := map[string]evil{}
	readJSON(f, "evil.json", &files)
	for _, e := range files {
		if a, err := openArchive(bytes.NewReader(e.File), int64(len(e.File))); err == nil {
			if data, err := a.whole("data.pkl", maxPickle); err == nil {
				f.Add(data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		a := &archive{r: bytes.NewReader(store), members: map[string]member{}, made: map[string]*storage{}}
		root, err := unpickle(data, func(key, dtype string, values int64) (*storage, error) {
			// any number of values that the memory holds, so that strides are what is tried
			size := values * int64(dtypes[dtype].size)
			if values < 0 || values > 64 || size > int64(len(store)) {
				return nil, errors.New("no such storage")
			}
			a.members["data/"+key] = member{0, size, 0}
			s, err := a.storage(key, dtype, values)
			if err == nil {
				s.sound = func() error { return nil }
			}
			return s, err
		})
		if err != nil {
			return
		}
		r, err := flatten(root, int64(len(store)))
		if err != nil {
			return
		}
		read(t, r, 1<<16)
	})
}

// FuzzOpen: a file that opens can be read, and says what it holds.
func FuzzOpen(f *testing.F) {
	paths, err := filepath.Glob("testdata/*.pt")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range paths {
		raw, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	files := map[string]evil{}
	readJSON(f, "evil.json", &files)
	for _, e := range files {
		f.Add(e.File)
	}
	f.Add(file(`{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}`, 1))
	f.Fuzz(func(t *testing.T, data []byte) {
		if r, err := openBytes(data); err == nil {
			read(t, r, 1<<20)
		}
	})
}

// read reads the tensors of up to limit bytes.
func read(t *testing.T, r *Reader, limit int64) {
	for _, e := range r.Entries {
		if e.Bytes > limit {
			continue
		}
		x, err := r.Tensor(e.Name)
		if err != nil {
			continue // a checksum
		}
		if want, err := byteLen(x.DType, x.Shape); err != nil || want != int64(len(x.Data)) || want != e.Bytes {
			t.Fatalf("%s: %d bytes for %v of %s: %v", e.Name, len(x.Data), x.Shape, x.DType, err)
		}
	}
}
