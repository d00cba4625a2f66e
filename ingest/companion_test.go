package ingest_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

var errCompanion = errors.New("the companion cannot read")

func init() {
	ingest.Register(ingest.Format{
		Name: "test of one file", Ext: []string{".one"}, Match: func(head []byte) bool { return string(head) == "ONE" },
		Open: func(f ingest.File, name string) (*signal.Recording, error) {
			return &signal.Recording{Name: name, Format: "one", Info: &signal.Info{}}, f.Close()
		},
	})
	ingest.RegisterCompanion(ingest.Companion{Name: "test", Complete: func(fsys fs.FS, name string, rec *signal.Recording) error {
		if strings.HasSuffix(name, "/refused.one") {
			return errCompanion
		}
		dir, inside := strings.CutSuffix(name, "/run/with.one")
		if !inside {
			return nil
		}
		beside, err := fs.ReadFile(fsys, dir+"/more.txt")
		rec.Info.Reference = string(beside)
		rec.Parts = append(rec.Parts, dir+"/more.txt")
		return err
	}})
}

func TestCompanion(t *testing.T) {
	files := fstest.MapFS{"a/run/with.one": {Data: []byte("ONE")}, "a/more.txt": {Data: []byte("Cz")}, "a/refused.one": {Data: []byte("ONE")}, "b.one": {Data: []byte("ONE")}}
	rec, err := ingest.Open(files, "a/run/with.one")
	if err != nil || rec.Info.Reference != "Cz" || !slices.Equal(rec.Parts, []string{"a/more.txt"}) {
		t.Errorf("%+v %v", rec, err)
	}
	if rec, err = ingest.Open(files, "b.one"); err != nil || rec.Parts != nil {
		t.Errorf("where nothing more is known: %+v %v", rec, err)
	}
	if _, err = ingest.Open(files, "a/refused.one"); !errors.Is(err, errCompanion) {
		t.Errorf("the error %v", err)
	}
}

// TestOpenFile finds what lies above the file, also where the path begins in its folder, and calls it by the path given.
func TestOpenFile(t *testing.T) {
	root := t.TempDir()
	for name, text := range map[string]string{"set/run/with.one": "ONE", "set/more.txt": "Cz"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	t.Chdir(filepath.Join(root, "set"))
	for _, path := range []string{filepath.Join("run", "with.one"), filepath.Join(root, "set", "run", "with.one")} {
		rec, err := ingest.OpenFile(path)
		want := filepath.ToSlash(filepath.Join(filepath.Dir(filepath.Dir(path)), "more.txt"))
		if err != nil || rec.Info.Reference != "Cz" || rec.Name != filepath.ToSlash(path) || !slices.Equal(rec.Parts, []string{want}) {
			t.Errorf("%s: %+v %v, want the part %s", path, rec, err, want)
		}
	}
	t.Chdir("run")
	if rec, err := ingest.OpenFile("with.one"); err != nil || rec.Info.Reference != "Cz" || rec.Name != "with.one" {
		t.Errorf("in the folder of the file: %+v %v", rec, err)
	}
}
