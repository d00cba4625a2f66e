package regular_test

import (
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest/regular"
)

// never is a file system whose files must not be opened: only looked at.
type never struct {
	fstest.MapFS
	t *testing.T
}

func (n never) Open(name string) (fs.File, error) {
	n.t.Errorf("%s was opened", name)
	return n.MapFS.Open(name)
}

func TestSpecialFilesAreNotOpened(t *testing.T) {
	for mode, what := range map[fs.FileMode]string{
		fs.ModeNamedPipe: "is a pipe", fs.ModeSocket: "is a socket", fs.ModeDevice: "is a device", fs.ModeDevice | fs.ModeCharDevice: "is a device",
		fs.ModeIrregular: "is a special file",
	} {
		_, err := regular.Open(never{fstest.MapFS{"a.edf": {Mode: mode | 0o600}}, t}, "a.edf")
		if err == nil || !strings.Contains(err.Error(), "a.edf "+what) || !strings.Contains(err.Error(), "must be a file") {
			t.Errorf("%v: %v, want that it %s", mode, err, what)
		}
	}
}

func TestFilesAndFoldersAreOpened(t *testing.T) {
	fsys := fstest.MapFS{"d/a.edf": {Data: []byte("x"), Mode: 0o600}}
	f, err := regular.Open(fsys, "d/a.edf")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(f); err != nil || string(b) != "x" {
		t.Errorf("%q, %v", b, err)
	}
	if d, err := regular.Open(fsys, "d"); err != nil || d == nil {
		t.Errorf("folder: %v", err)
	}
	if _, err := regular.Open(fsys, "none"); err == nil {
		t.Error("what is not there was opened")
	}
}
