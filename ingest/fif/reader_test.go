package fif_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// counting is a folder that counts the bytes read from its files.
type counting struct {
	fs.FS
	n *int
}

func (c counting) Open(name string) (fs.File, error) {
	f, err := c.FS.Open(name)
	if err != nil {
		return nil, err
	}
	return countingFile{f.(ingest.File), c.n}, nil
}

type countingFile struct {
	ingest.File
	n *int
}

func (c countingFile) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.File.ReadAt(p, off)
	*c.n += n
	return n, err
}

const exo = "ssvep-exo/subject01/record-[2012.07.06-19.06.14]_raw.fif"

func openExo(t testing.TB) (rec *signal.Recording, read *int, size int64) {
	t.Helper()
	path := datasettest.Need(t, exo)
	st, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	read = new(int)
	rec, err = ingest.Open(counting{os.DirFS(filepath.Dir(path)), read}, filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return rec, read, st.Size()
}

func rows(channels int, n int64) [][]float64 {
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = make([]float64, n)
	}
	return x
}

// TestLazy: opening reads heads and five seconds, a window only itself, and playing sample by sample each byte once.
func TestLazy(t *testing.T) {
	rec, read, size := openExo(t)
	second := int(4 * 8 * rec.Info.Rate)
	if limit := 5*second + 16<<10; *read > limit {
		t.Errorf("opening %d bytes read %d, want at most %d", size, *read, limit)
	}
	*read = 0
	if err := rec.Data.ReadSamples(rows(8, 256), 40000); err != nil {
		t.Fatal(err)
	}
	if *read != second {
		t.Errorf("a second has %d bytes, %d were read", second, *read)
	}
	*read = 0
	x := rows(8, 1)
	for at := range rec.Len {
		if err := rec.Data.ReadSamples(x, at); err != nil {
			t.Fatal(err)
		}
	}
	if int64(*read) > size {
		t.Errorf("sample by sample %d bytes were read, the file has %d", *read, size)
	}
}

// TestImplausible: the exoskeleton set has a wrong unit and its positions in mm; both are listed, neither is repaired.
func TestImplausible(t *testing.T) {
	rec, _, _ := openExo(t)
	if len(rec.Deviations) != 2 {
		t.Fatalf("the deviations are %+v, want one about the position and one about the amplitude", rec.Deviations)
	}
	for _, c := range rec.Info.Channels {
		if c.Pos == nil || c.Pos[0] < -0.25 || c.Pos[0] > 0.25 {
			t.Errorf("%s is at %v, want a place on the head", c.Name, c.Pos)
		}
	}
}

// BenchmarkOpen reads the heads of all tags and the events beside.
func BenchmarkOpen(b *testing.B) {
	path := datasettest.Need(b, exo)
	b.ReportAllocs()
	for b.Loop() {
		rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			b.Fatal(err)
		}
		if err := rec.Close(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadWhole reads 8 channels of 305 s at once; bytes are those of the file.
func BenchmarkReadWhole(b *testing.B) {
	rec, _, size := openExo(b)
	x := rows(8, rec.Len)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if err := rec.Data.ReadSamples(x, 0); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)*float64(rec.Len)/rec.Info.Rate/b.Elapsed().Seconds(), "x_realtime")
}
