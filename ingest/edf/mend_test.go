package edf_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
)

// TestMendReal undoes the damage to a real recording, and compares it with the original, which is in the data too.
func TestMendReal(t *testing.T) {
	bad, good := datasettest.Need(t, "formats/edf/crlf-corrupt/S001/S001R03.edf"), datasettest.Need(t, "eegmmidb/S001/S001R03.edf")
	rec, err := ingest.Mend(os.DirFS(filepath.Dir(bad)), filepath.Base(bad))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, rec.Recording)
	if done := rec.Done; len(done) != 1 || !strings.Contains(done[0].Found, "a transfer in text mode") {
		t.Errorf("it says it did %+v", done)
	}
	want, err := ingest.Open(os.DirFS(filepath.Dir(good)), filepath.Base(good))
	if err != nil {
		t.Fatal(err)
	}
	closeAfter(t, want)
	same(t, rec.Recording, want, 0)
}

// TestMend damages generated files. "" is for damage that is undone.
func TestMend(t *testing.T) {
	whole := large().Bytes()
	text := bytes.ReplaceAll(whole, []byte("\n"), []byte("\r\n"))
	if len(text) < len(whole)+16 {
		t.Fatal("too few line feeds in the samples to speak of")
	}
	f := small()
	f.N, f.Signals[0].Samples, f.Signals[2] = 4, 70_000, edftest.Annotations(20, edftest.Clock(edftest.Steady))
	f.Signals[0].At = func(_, i int) int16 { return int16(i) }
	many := f.Bytes()
	for _, c := range []struct {
		name, refused string
		data          []byte
	}{
		{"text mode", "", text},
		{"truncated", "", whole[:len(whole)-100]},
		{"text mode, then truncated", "more has happened to it", text[:len(text)-100]},
		{"line feeds lost their returns", "took them out", bytes.ReplaceAll(many, []byte("\r\n"), []byte("\n"))},
		{"returns with their line feeds became returns", "took them out", bytes.ReplaceAll(many, []byte("\r\n"), []byte("\r"))},
		{"returns became line feeds", "made line feeds of all carriage returns", bytes.ReplaceAll(many, []byte("\r"), []byte("\n"))},
		{"header alone", "cannot be repaired", whole[:1024]},
	} {
		t.Run(c.name, func(t *testing.T) {
			fsys := fstest.MapFS{"x.edf": {Data: c.data}}
			if rec, err := ingest.Open(fsys, "x.edf"); err == nil && !bytes.Equal(c.data, whole) {
				closeAfter(t, rec)
				t.Error("the damaged file opens")
			}
			rec, err := ingest.Mend(fsys, "x.edf")
			if c.refused != "" {
				if err == nil || !strings.Contains(err.Error(), c.refused) {
					t.Errorf("the error is %v, want %q", err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			closeAfter(t, rec.Recording)
			if len(rec.Done) == 0 || rec.Len == 0 {
				t.Errorf("%d samples and %v, want some of both", rec.Len, rec.Done)
			}
			if (rec.Whole != nil) != (c.name == "text mode") {
				t.Errorf("that all bytes of the file are known is said: %t", rec.Whole != nil)
			}
			if c.name == "text mode" {
				want, err := open(t, whole)
				if err != nil {
					t.Fatal(err)
				}
				closeAfter(t, want)
				same(t, rec.Recording, want, 0)
			}
		})
	}
}
