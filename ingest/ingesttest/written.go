package ingesttest

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// Open opens a recording, and closes it at the end of the test.
func Open(t testing.TB, fsys fs.FS, name string) *signal.Recording {
	t.Helper()
	rec, err := ingest.Open(fsys, name)
	return closed(t, rec, err)
}

// OpenFile is Open for a path.
func OpenFile(t testing.TB, path string) *signal.Recording {
	t.Helper()
	rec, err := ingest.OpenFile(path)
	return closed(t, rec, err)
}

// closed is rec, which is closed at the end of the test.
func closed(t testing.TB, rec *signal.Recording, err error) *signal.Recording {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return rec
}

// Written is the files that a writer of gyrus makes of rec, and the name of the first.
func Written(t testing.TB, format string, rec *signal.Recording) (files fstest.MapFS, name string) {
	t.Helper()
	w, err := ingest.WriterFor(format, "")
	if err != nil {
		t.Fatal(err)
	}
	dir, name := t.TempDir(), "x"+w.Ext[0]
	made, err := ingest.WriteFile(filepath.Join(dir, name), w, rec, false)
	if err != nil {
		t.Fatal(err)
	}
	files = fstest.MapFS{}
	for _, path := range append(made.Beside, filepath.Join(dir, name)) {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(path)] = &fstest.MapFile{Data: data}
	}
	return files, name
}
