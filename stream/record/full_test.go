package record

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/gyrus-bci/gyrus/ingest/all"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// disk has so many bytes left.
type disk struct{ left int }

// onDisk is a file on it: what does not fit is written in part, as on a disk that is full.
type onDisk struct {
	*os.File
	of *disk
}

func (f *onDisk) Write(p []byte) (int, error) {
	n := min(len(p), f.of.left)
	f.of.left -= n
	if _, err := f.File.Write(p[:n]); err != nil {
		return 0, err
	}
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

// TestFullDisk: on a disk that is full the recorder says so once, counts what is missing, and what was written before is there.
func TestFullDisk(t *testing.T) {
	info := &signal.Info{Rate: 1000, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	for _, ending := range []string{".arrow", ".xdf"} {
		path := filepath.Join(t.TempDir(), "r"+ending)
		d := &disk{100_000}
		told := make(chan error, 10)
		r, err := createIn(Options{Path: path, Info: info, Outputs: []string{"a"}, OnError: func(err error) { told <- err }}, func(name string) (file, error) {
			f, err := os.Create(name)
			return &onDisk{f, d}, err
		})
		if err != nil {
			t.Fatal(err)
		}
		var sent, decided int64
		add := func() {
			c := signal.NewChunk(info, sent, 500)
			c.Time = 1_800_000_000_000_000_000 + sent*1_000_000
			for i := range c.X[0] {
				c.X[0][i] = float64(sent) + float64(i)
			}
			r.Chunk(c)
			r.Decision(Decision{Start: sent, End: sent + 500, Kind: "class", Label: "a", Values: []float64{1}, Fate: Sent, Seq: uint64(decided + 1)})
			sent, decided = sent+500, decided+1
		}
		for len(told) == 0 {
			add()
			time.Sleep(time.Millisecond)
			if sent > 1_000_000 {
				t.Fatal("nobody was told")
			}
		}
		for range 10 { // it goes on
			add()
		}
		st, err := r.Close()
		var missing *IncompleteError
		if !errors.As(err, &missing) || !errors.Is(err, syscall.ENOSPC) || len(told) != 1 || st.Error == "" {
			t.Fatalf("%s: %v, told %d times", ending, err, len(told))
		}
		if st.Samples+st.Dropped != sent || st.Decisions+st.DroppedDecisions != decided || missing.Samples != st.Dropped || st.Dropped < 5000 || st.Samples < 1000 {
			t.Errorf("%s: of %d samples and %d decisions: %+v", ending, sent, decided, st)
		}
		for _, text := range []string{err.Error(), st.Error, (<-told).Error()} {
			parts := strings.Split(text, "; ")
			slices.Sort(parts)
			if strings.Contains(text, "\n") || len(slices.Compact(slices.Clone(parts))) != len(parts) {
				t.Errorf("%s: is to be one line that says each thing once: %q", ending, text)
			}
		}
		if !strings.Contains(err.Error(), "are missing in the recording: nothing more could be written") {
			t.Errorf("%s: %v", ending, err)
		}
		if ending == ".xdf" {
			continue
		}
		got, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if got.Samples.Len != st.Samples || int64(len(got.Decisions)) < st.Decisions || got.Closed {
			t.Errorf("read back are %d samples and %d decisions, counted %d and %d", got.Samples.Len, len(got.Decisions), st.Samples, st.Decisions)
		}
		if err := got.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestIrregularCountsWhatIsInTheFile: events that wait for the file and cannot be written are counted as dropped, not as recorded.
func TestIrregularCountsWhatIsInTheFile(t *testing.T) {
	r, err := CreateIrregular(IrregularOptions{Path: filepath.Join(t.TempDir(), "a.arrow"), Name: "cues", Format: "string"})
	if err != nil {
		t.Fatal(err)
	}
	for k, label := range []string{"a", "\xff"} { // which no Arrow file takes
		if err := r.Texts(int64(k), []string{label}); err != nil {
			t.Fatal(err)
		}
	}
	st, err := r.Close()
	var missing *IncompleteError
	if !errors.As(err, &missing) || missing.Samples != 2 || st.Events != 0 || st.Dropped != 2 {
		t.Errorf("%v, %+v", err, st)
	}
}
