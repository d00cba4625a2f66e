package text_test

import (
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"io"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestRealMuse compares every sample and event of muse-p300 with a plain reading of the file by encoding/csv.
func TestRealMuse(t *testing.T) {
	root := datasettest.Need(t, "muse-p300")
	files, err := filepath.Glob(filepath.Join(root, "session*", "*.csv.gz"))
	if err != nil || len(files) != 16 {
		t.Fatalf("%d recordings, %v; want 16", len(files), err)
	}
	for _, path := range files {
		rows := readCSV(t, path)
		rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
		if err != nil {
			t.Fatal(err)
		}
		if rec.Info.Rate != 256 || rec.Spans != nil || rec.Len != int64(len(rows)-1) || len(rec.Info.Channels) != 5 || len(rec.Deviations) != 0 || len(rec.Notes) != 2 {
			t.Fatalf("%s: %d samples at %g Hz, %d channels, spans %v, deviations %+v; want %d at 256 Hz without a gap", path, rec.Len, rec.Info.Rate, len(rec.Info.Channels), rec.Spans, rec.Deviations, len(rows)-1)
		}
		x := samples(t, rec, signal.Span{Len: rec.Len})
		event := 0
		for i, row := range rows[1:] {
			for ch := range x {
				v, err := strconv.ParseFloat(row[1+ch], 64)
				if err != nil || math.Float64bits(v) != math.Float64bits(x[ch][i]) {
					t.Fatalf("%s: sample %d of channel %d is %g, the file has %s", path, i, ch, x[ch][i], row[1+ch])
				}
			}
			if row[6] == "0" {
				continue
			}
			if e := rec.Events[event]; e.Sample != int64(i) || e.Label != row[6] {
				t.Fatalf("%s: event %d is %+v, want %q at %d", path, event, e, row[6], i)
			}
			event++
		}
		if event != len(rec.Events) || event == 0 {
			t.Errorf("%s: %d events, the file has %d", path, len(rec.Events), event)
		}
	}
}

func readCSV(t *testing.T, path string) [][]string {
	t.Helper()
	rows, err := csv.NewReader(strings.NewReader(unpacked(t, path))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

// unpacked is the text of a gzip file.
func unpacked(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
