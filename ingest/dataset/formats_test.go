package dataset_test

import (
	"strings"
	"testing"
	"testing/fstest"

	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/dataset"
)

// TestReads: of every set the format that it is published in is known, and what to do where gyrus does not read it.
func TestReads(t *testing.T) {
	unread := 0
	for _, s := range dataset.Sets() {
		reads, remedy := s.Reads()
		if s.Format == "" || len(s.Endings) == 0 || reads == (remedy != "") {
			t.Errorf("%s: format %q, endings %q, read %v, remedy %q", s.Name, s.Format, s.Endings, reads, remedy)
		}
		if s.Checked && !reads {
			t.Errorf("%s: gyrus has read its files, and does not read %q", s.Name, s.Endings)
		}
		if !reads {
			unread++
		}
	}
	if unread == 0 {
		t.Error("gyrus reads the formats of all sets: nothing was checked")
	}
}

// TestWhyNone: files of a format that is not read, or whose paths do not say whose they are, are no recordings of a set, and it is said why.
func TestWhyNone(t *testing.T) {
	for _, c := range []struct {
		set, files string
		want       string // "" where nothing is there
	}{
		{"bnci2014-001", "A01T.mat a/A02T.MAT notes.txt", "2 files such as A01T.mat end in .mat, a format in which bnci2014-001 is published and which gyrus does not read: MOABB opens"},
		{"things-eeg2", "raw_eeg_training.npy", "raw_eeg_training.npy ends in .npy, a format in which things-eeg2 is published and which gyrus does not read: numpy.load"},
		{"bnci2014-001", "A01T.gdf", "A01T.gdf does not say by its path whose it is: name folders like subject01/session1"},
		{"eegmmidb", "first.edf second.edf", "2 files such as first.edf are named otherwise than the recordings of eegmmidb"},
		{"eegmmidb", "README", ""},
		{"seed", ".git/x.mat", ""},
	} {
		s, err := dataset.Lookup(c.set)
		if err != nil {
			t.Fatal(err)
		}
		fsys := fstest.MapFS{}
		for _, name := range strings.Fields(c.files) {
			fsys[name] = &fstest.MapFile{}
		}
		recs, err := s.Recordings(fsys)
		if err != nil || len(recs) > 0 {
			t.Errorf("%s: %v, %v", c.files, recs, err)
		}
		if got, err := s.WhyNone(fsys); err != nil || c.want == "" && got != "" || !strings.HasPrefix(got, c.want) {
			t.Errorf("%s of %s: %q, %v, want %q", c.files, c.set, got, err, c.want)
		}
	}
}
