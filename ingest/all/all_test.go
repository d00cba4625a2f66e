package all_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// damaged are files that must be refused, with a part of the reason.
var damaged = map[string]string{
	"formats/edf/crlf-corrupt/S001/S001R03.edf": "fetch it again in binary mode",
	"formats/eeglab/eeglab_data_epochs_ica.set": `the samples are in "eeglab_data_epochs_ica.fdt", which is not there`,
	"eegmat/subject-info.csv":                   "no known recording although the name ends in .csv",
}

// parts are endings of files that belong to the recording beside them, with a part of what is said about them.
var parts = map[string]string{
	".eeg": "give the name of the .vhdr beside it", ".vmrk": "open the header beside it", ".fdt": "opened by the .set beside it",
	".tsv": "no known recording although the name ends in .tsv", // sidecars of BIDS
}

// sets are the folders below the data folder that hold files of the registered formats.
var sets = []string{"formats/brainvision", "formats/eeglab", "formats/bids", "formats/edf", "formats/ecog", "eegmat", "eegmmidb/S002", "muse-p300", "openbci", "ssvep-exo"}

// TestRealRecordings runs the suite over every file whose name has the ending of a registered format.
func TestRealRecordings(t *testing.T) {
	var ext []string
	for _, f := range ingest.Formats() {
		ext = append(ext, f.Ext...)
	}
	seen := 0
	for _, set := range sets {
		root := os.DirFS(datasettest.Need(t, set))
		err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !slices.ContainsFunc(ext, func(e string) bool { return strings.HasSuffix(strings.ToLower(name), e) }) {
				return err
			}
			seen++
			t.Run(path.Join(set, name), func(t *testing.T) {
				t.Parallel()
				reason, bad := damaged[path.Join(set, name)]
				if r, part := parts[path.Ext(name)]; part {
					reason, bad = r, true
				}
				if strings.HasSuffix(name, "-eve.fif") {
					reason, bad = "open the recording beside it", true
				}
				if bad {
					_, err := ingest.Open(root, name)
					var format *ingest.FormatError
					if !errors.As(err, &format) || !strings.Contains(err.Error(), reason) {
						t.Errorf("the error is %v, must be a *ingest.FormatError that says %q", err, reason)
					}
					return
				}
				ingesttest.Run(t, func() (*signal.Recording, error) { return ingest.Open(root, name) })
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if seen < 37 {
		t.Errorf("%d recordings were found, want at least 37", seen)
	}
}

func TestTextFile(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(path.Join(dir, "notes.edf"), []byte("subject 3 was tired\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := ingest.Open(os.DirFS(dir), "notes.edf")
	const want = `notes.edf: byte 0: first bytes: not EDF although the name ends in .edf: the file begins with "subject 3 was ti"; check that it is the recording itself and was transferred in binary mode`
	if err == nil || err.Error() != want {
		t.Errorf("the error is\n%v\nwant\n%s", err, want)
	}
}
