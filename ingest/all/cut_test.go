package all_test

import (
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/edf/edftest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// cutCase is a small recording, of which each file is cut behind every byte.
type cutCase struct {
	files fstest.MapFS
	name  string
	// whole says, of a file, behind which bytes nobody can tell that something is missing; nil is none.
	whole map[string]func(n int) bool
}

// folderOf is the files of a folder whose names match one of the patterns.
func folderOf(t *testing.T, folder string, patterns ...string) fstest.MapFS {
	t.Helper()
	files := fstest.MapFS{}
	for _, p := range patterns {
		names, err := filepath.Glob(filepath.Join(folder, p))
		if err != nil || len(names) == 0 {
			t.Fatalf("%s: %d files, %v", p, len(names), err)
		}
		for _, name := range names {
			data, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			files[path.Base(filepath.ToSlash(name))] = &fstest.MapFile{Data: data}
		}
	}
	return files
}

// every says that each width bytes behind head are whole.
func every(head, width int) func(n int) bool {
	return func(n int) bool { return n >= head && (n-head)%width == 0 }
}

// endOfLine says that a line ends there.
func endOfLine(data []byte) func(n int) bool {
	return func(n int) bool { return n > 0 && data[n-1] == '\n' }
}

// lines is endOfLine for each of the files: headers and tables of text do not say how many lines they have.
func lines(files fstest.MapFS) map[string]func(int) bool {
	whole := map[string]func(int) bool{}
	for name, f := range files {
		whole[name] = endOfLine(f.Data)
	}
	return whole
}

// variables says that a variable of a MAT-file ends there.
func variables(data []byte) func(n int) bool {
	ends := map[int]bool{}
	for at := 128; at+8 <= len(data); {
		at += 8 + int(le.Uint32(data[at+4:]))
		ends[at] = true
	}
	return func(n int) bool { return ends[n] }
}

func small() edftest.File {
	return edftest.File{Reserved: "EDF+C", N: 3, Signals: []edftest.Signal{
		{Label: "EEG Cz", Dim: "uV", Samples: 10},
		{Label: "EEG Pz", Dim: "uV", Samples: 10},
		edftest.Annotations(20, func(r int) string { return edftest.TAL(edftest.Steady(r), "") + edftest.TAL("+1.25", "0.5", "T1") }),
	}}
}

// TestCut cuts a recording of every format behind every byte, in each of its files: there is a clear error, or what is there can be read and
// what is missing is listed.
func TestCut(t *testing.T) {
	for name, c := range cutCases(t) {
		for part := range c.files {
			t.Run(name+"/"+part, func(t *testing.T) {
				t.Parallel()
				ingesttest.CutPart(t, c.files, c.name, part, 1, c.whole[part])
			})
		}
	}
}

func cutCases(t *testing.T) map[string]cutCase {
	bdf := small()
	bdf.Version, bdf.Reserved = "\xffBIOSEMI", "24BIT"
	bdf.Signals = []edftest.Signal{{Label: "Cz", Dim: "uV", Samples: 10}}
	bdfBytes := bdf.Bytes()
	bdfBytes = append(bdfBytes[:512:512], make([]byte, 3*3*10)...)
	short := func() *signal.Recording {
		rec := ingesttest.Gapped()
		rec.Len, rec.Spans, rec.Events = 60, []signal.Span{{Start: 0, Len: 30}, {Start: 40, Len: 20}}, rec.Events[:2]
		return rec
	}
	arrow, _ := ingesttest.Written(t, "arrow", short())
	parquet, _ := ingesttest.Written(t, "parquet", short())
	xdf, _ := ingesttest.Written(t, "xdf", short())
	nev := folderOf(t, "../blackrock/testdata", "v23pause.nev", "v23pause.ns3")
	events := nev["v23pause.nev"].Data
	marks, set := folderOf(t, "../brainvision/testdata", "int16v.*"), folderOf(t, "../eeglab/testdata", "packed.set")
	ascii := fstest.MapFS{
		"x.vhdr": {Data: []byte(strings.Replace(vhdr, "BINARY", "ASCII", 1))}, "x.vmrk": {Data: []byte(vmrkHead + "Mk1=Stimulus,S  1,2,1,0\n")}, "x.eeg": {Data: []byte(strings.Repeat("1.5\n", 20))},
	}
	table := []byte(rows(3, 40))
	cases := map[string]cutCase{
		"arrow":   {files: arrow, name: "x.arrow"},
		"bci2000": {files: folderOf(t, "../bci2000/testdata", "int32.dat"), name: "int32.dat", whole: map[string]func(int) bool{"int32.dat": every(557, 17)}},
		"bdf":     {files: fstest.MapFS{"x.bdf": {Data: bdfBytes}}, name: "x.bdf"},
		"blackrock": {files: nev, name: "v23pause.ns3", whole: map[string]func(int) bool{
			"v23pause.nev": every(int(le.Uint32(events[12:])), int(le.Uint32(events[16:]))),
		}},
		"brainvision":      {files: marks, name: "int16v.vhdr", whole: lines(marks)},
		"brainvision text": {files: ascii, name: "x.vhdr", whole: lines(ascii)},
		"cnt":              {files: folderOf(t, "../cnt/testdata", "int16.cnt"), name: "int16.cnt"},
		"edf":              {files: fstest.MapFS{"x.edf": {Data: small().Bytes()}}, name: "x.edf"},
		"eeglab":           {files: folderOf(t, "../eeglab/testdata", "beside.*"), name: "beside.set"},
		"eeglab packed":    {files: set, name: "packed.set", whole: map[string]func(int) bool{"packed.set": variables(set["packed.set"].Data)}},
		"fif":              {files: folderOf(t, "../fif/testdata", "int_raw.fif", "int-eve.fif"), name: "int_raw.fif"},
		"gdf":              {files: folderOf(t, "../gdf/testdata", "v220_uint8.gdf"), name: "v220_uint8.gdf"},
		"parquet":          {files: parquet, name: "x.parquet"},
		"text":             {files: fstest.MapFS{"x.csv": {Data: table}}, name: "x.csv", whole: map[string]func(int) bool{"x.csv": endOfLine(table)}},
		"text packed":      {files: fstest.MapFS{"x.csv.gz": {Data: packed(t, table)}}, name: "x.csv.gz"},
		"xdf":              {files: xdf, name: "x.xdf"},
	}
	for _, f := range ingest.Formats() {
		found := false
		for name := range cases {
			found = found || name == f.Name || strings.HasPrefix(name, f.Name+" ")
		}
		if !found {
			t.Errorf("no case for %s", f.Name)
		}
	}
	return cases
}
