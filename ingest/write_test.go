package ingest_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
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

// TestWriteFileBeside: a file beside is replaced only where it is part of the recording that is replaced, and nothing that is read.
func TestWriteFileBeside(t *testing.T) {
	ingest.Register(ingest.Format{
		Name: "pair", Match: func(head []byte) bool { return bytes.HasPrefix(head, []byte("good")) },
		OpenIn: func(_ fs.FS, f ingest.File, name string) (*signal.Recording, error) {
			rec := &signal.Recording{Name: name, Info: &signal.Info{}, Closer: f}
			head := make([]byte, len("good, alone"))
			if n, _ := f.ReadAt(head, 0); string(head[:n]) != "good, alone" {
				rec.Parts = []string{strings.TrimSuffix(name, ".one") + ".two"}
			}
			return rec, nil
		},
	})
	for name, c := range map[string]struct {
		there string // files that are there, with what they hold
		reads string
		parts []string
		fails string
	}{
		"nothing":            {},
		"the old pair":       {there: "f.one=good f.two=good"},
		"another alone":      {there: "f.two=mine", fails: "f.two beside it, which is there and does not belong to it: move that"},
		"another with it":    {there: "f.one=other f.two=mine", fails: "does not belong to it"},
		"not of the old one": {there: "f.one=good,_alone f.two=mine", fails: "does not belong to it"},
		"what is read":       {there: "f.one=good f.two=good", reads: "f.two", fails: "f.two beside it, which would overwrite what is being read"},
		"a part of that":     {there: "f.one=good f.two=good", parts: []string{"f.two"}, fails: "f.two beside it, which would overwrite"},
		"in place of a part": {there: "f.one=mine", parts: []string{"f.one"}, fails: "f.one would overwrite what is being read"},
	} {
		dir := t.TempDir()
		for _, file := range strings.Fields(c.there) {
			f, text, _ := strings.Cut(strings.ReplaceAll(file, "_", " "), "=")
			if err := os.WriteFile(filepath.Join(dir, f), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		rec := &signal.Recording{Name: "good, and new"}
		for _, p := range c.parts {
			rec.Parts = append(rec.Parts, filepath.ToSlash(filepath.Join(dir, p)))
		}
		path := filepath.Join(dir, "f.one")
		made, err := ingest.WriteFile(path, pair, rec, false, filepath.Join(dir, c.reads))
		var beside *ingest.BesideError
		if c.fails == "" && err != nil || c.fails != "" && (!errors.As(err, &beside) || !strings.Contains(err.Error(), c.fails)) {
			t.Errorf("%s: the error is %v, want %q", name, err, c.fails)
		}
		if two := filepath.Join(dir, "f.two"); c.fails == "" && !slices.Equal(made.Beside, []string{two}) {
			t.Errorf("%s: beside it are %v, want %s", name, made.Beside, two)
		}
		left, err := os.ReadDir(dir)
		if want := len(strings.Fields(c.there)); err != nil || c.fails != "" && len(left) != want {
			t.Errorf("%s: %v are left (%v), want the %d that were there", name, left, err, want)
		}
		for _, file := range strings.Fields(c.there) {
			f, text, _ := strings.Cut(strings.ReplaceAll(file, "_", " "), "=")
			if got, err := os.ReadFile(filepath.Join(dir, f)); err != nil || (string(got) == text) != (c.fails != "") {
				t.Errorf("%s: %s has %q (%v), had %q", name, f, got, err, text)
			}
		}
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
