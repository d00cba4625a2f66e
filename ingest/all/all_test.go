package all_test

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

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

// TestLastHalfSample: 0 <= onset < n/rate is within n samples. What happens behind the middle of the last one, of the recording or of a
// run before a gap, is at that sample in every format that is written, and read back.
func TestLastHalfSample(t *testing.T) {
	const rate, n = 100, 400
	for _, w := range ingest.Writers() {
		t.Run(w.Name, func(t *testing.T) {
			x := make(signal.Memory, 2)
			for ch := range x {
				x[ch] = make([]float64, n)
				for k := range x[ch] {
					x[ch][k] = float64(k%50) + float64(ch)
				}
			}
			rec := &signal.Recording{
				Name: "x", Begin: time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC), Len: n, Spans: []signal.Span{{Start: 0, Len: 100}, {Start: 200, Len: 200}}, Data: x,
				Info: &signal.Info{Rate: rate, Channels: []signal.Channel{
					{Name: "C3", Original: "C3", Kind: signal.EEG, Unit: signal.Microvolt}, {Name: "C4", Original: "C4", Kind: signal.EEG, Unit: signal.Microvolt},
				}},
				Events: []signal.Event{{Sample: 99, Onset: 0.997, Label: "T1"}, {Sample: 250, Onset: 2.5, Label: "T0"}, {Sample: 399, Onset: 3.996, Label: "T2"}},
			}
			path := filepath.Join(t.TempDir(), "x"+w.Ext[0])
			if _, err := ingest.WriteFile(path, w, rec, false); err != nil {
				t.Fatal(err)
			}
			got, err := ingest.OpenFile(path)
			if err != nil {
				t.Fatal(err)
			}
			at := map[string]int64{}
			for _, e := range got.Events {
				at[e.Label] = e.Sample
			}
			if at["T1"] != 99 || at["T0"] != 250 || at["T2"] != 399 || len(got.Outside()) != 0 {
				t.Errorf("the events are %+v, of which %d are outside", got.Events, len(got.Outside()))
			}
			if err := got.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}
