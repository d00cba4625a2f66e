package ingest_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// pair writes two files and loses the events; it fails behind the first where the recording is called "bad".
var pair = ingest.Writer{Name: "pair", Ext: []string{".one"}, Write: func(create ingest.Create, name string, rec *signal.Recording) ([]signal.Deviation, error) {
	for _, n := range []string{name, strings.TrimSuffix(name, ".one") + ".two"} {
		w, err := create(n)
		if err != nil {
			return nil, err
		}
		if _, err := io.WriteString(w, rec.Name); err != nil {
			return nil, err
		}
		if err := w.Close(); err != nil {
			return nil, err
		}
		if rec.Name == "bad" {
			return nil, errors.New("the disk is on fire")
		}
	}
	if rec.Events == nil {
		return nil, nil
	}
	return []signal.Deviation{{Where: "events", Rule: "has none", Found: "some", Assumed: "left out"}}, nil
}}

func TestWriteFile(t *testing.T) {
	events := []signal.Event{{Label: "x"}}
	for _, c := range []struct {
		name   string
		rec    signal.Recording
		strict bool
		losses int
		files  int
		fails  string
	}{
		{"whole", signal.Recording{Name: "good"}, true, 0, 2, ""},
		{"loss", signal.Recording{Name: "good", Events: events}, false, 1, 2, ""},
		{"strict", signal.Recording{Name: "good", Events: events}, true, 1, 0, "nothing was written: events: has none; there is some"},
		{"failed", signal.Recording{Name: "bad"}, false, 0, 0, "the disk is on fire"},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			made, err := ingest.WriteFile(filepath.Join(dir, "f.one"), pair, &c.rec, c.strict)
			if c.fails == "" && err != nil || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
				t.Errorf("the error is %v, want %q", err, c.fails)
			}
			var loss *ingest.LossError
			if errors.As(err, &loss) != (c.name == "strict") {
				t.Errorf("%v (%T) is a LossError only where strict refuses", err, err)
			}
			left, err := os.ReadDir(dir)
			if err != nil || len(left) != c.files || len(made.Losses) != c.losses {
				t.Errorf("%d files and %d losses, want %d and %d (%v)", len(left), len(made.Losses), c.files, c.losses, err)
			}
		})
	}
	escape := pair
	escape.Write = func(create ingest.Create, _ string, _ *signal.Recording) ([]signal.Deviation, error) {
		_, err := create("../x")
		return nil, err
	}
	if _, err := ingest.WriteFile(filepath.Join(t.TempDir(), "f.one"), escape, &signal.Recording{}, false); err == nil {
		t.Error("a writer may write outside its folder")
	}
}

func TestWriterFor(t *testing.T) {
	ingest.RegisterWriter(pair)
	for _, c := range []struct{ format, path, fails string }{
		{"", "a/b.ONE", ""},
		{"pair", "a/b.dat", ""},
		{"", "a/b.dat", "the ending must be one of .one"},
		{"par", "a/b.dat", "pair"},
	} {
		w, err := ingest.WriterFor(c.format, c.path)
		if c.fails == "" && (err != nil || w.Name != "pair") || c.fails != "" && (err == nil || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%q %q: %v (%v), want %q", c.format, c.path, w.Name, err, c.fails)
		}
	}
}
