package all_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/units"
)

// TestRealChannelsArePlausible: no channel of real recordings, which have flat, dead and poor ones, is taken for one with another unit.
// Of each folder the first eight recordings are looked at.
func TestRealChannelsArePlausible(t *testing.T) {
	root := datasettest.Need(t, "")
	seen, looked := map[string]int{}, 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		dir := filepath.Dir(path)
		if err != nil || d.IsDir() || seen[dir] == 8 {
			return err
		}
		rec, err := ingest.Open(os.DirFS(dir), filepath.Base(path))
		if err != nil {
			return nil // tables, texts, and files that are broken on purpose lie there too
		}
		defer func() { _ = rec.Close() }()
		seen[dir]++
		for _, r := range append([]*signal.Recording{rec}, rec.Others...) {
			switch odd, err := units.Implausible(r); {
			case err != nil:
				t.Errorf("%s: %v", path, err)
			case odd != nil && strings.Contains(odd.Found, "vary otherwise"):
				t.Errorf("%s: %s", path, odd.Found)
			}
			looked++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if looked < 50 {
		t.Errorf("only %d recordings were looked at", looked)
	}
	t.Logf("%d recordings", looked)
}
