package ingest_test

import (
	"errors"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestOpenBeside: a name in a header does not lead out of the folder.
func TestOpenBeside(t *testing.T) {
	fsys := fstest.MapFS{"a/x.fif": {}, "a/y.fif": {}, "secret": {}}
	f, err := ingest.OpenBeside(fsys, "a/x.fif", "y.fif")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	for _, other := range []string{"../secret", "/secret", `..\secret`, "..", ".", "", "c:secret", "a\x00"} {
		if _, err := ingest.OpenBeside(fsys, "a/x.fif", other); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%q: the error is %v, must refuse the name", other, err)
		}
	}
	if _, err := ingest.OpenBeside(fsys, "a/x.fif", "z.fif"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the error is %v, must be fs.ErrNotExist", err)
	}
}

// TestOpenIn: a format of several files is told where the others are; one must say which way it wants to be opened.
func TestOpenIn(t *testing.T) {
	fsys := fstest.MapFS{"a/x.two": {Data: []byte("two")}, "a/x.rest": {Data: []byte("the rest")}}
	ingest.Register(ingest.Format{
		Name: "test of two files", Ext: []string{".two"}, Match: func(head []byte) bool { return string(head) == "two" },
		OpenIn: func(fsys fs.FS, f ingest.File, name string) (*signal.Recording, error) {
			rest, err := ingest.OpenBeside(fsys, name, "x.rest")
			if err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return &signal.Recording{Name: name, Parts: []string{ingest.Beside(name, "x.rest")}, Info: &signal.Info{}}, errors.Join(rest.Close(), f.Close())
		},
	})
	rec, err := ingest.Open(fsys, "a/x.two")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(rec.Parts, " "); got != "a/x.rest" {
		t.Errorf("the parts are %s, want a/x.rest", got)
	}
	defer func() {
		if recover() == nil {
			t.Error("a format with neither Open nor OpenIn was registered")
		}
	}()
	ingest.Register(ingest.Format{Name: "test of nothing"})
}
