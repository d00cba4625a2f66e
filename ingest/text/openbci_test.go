package text_test

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const openBCIHeader = `%OpenBCI Raw EXG Data
%Number of channels = 2
%Sample Rate = 250 Hz
%Board = OpenBCI_GUI$BoardCytonSerial
Sample Index, EXG Channel 0, EXG Channel 1, Accel Channel 0, Not Used, Not Used, Timestamp, Marker Channel, Timestamp (Formatted)
`

// openBCI is the rows of a recording at 250 Hz for which keep is true. Stamps are in milliseconds and come in bursts of 9;
// the marker of row k is k/100 where 100 divides k.
func openBCI(n int, keep func(row int) bool) string {
	var b strings.Builder
	b.WriteString(openBCIHeader)
	for row := range n {
		if keep != nil && !keep(row) {
			continue
		}
		mark := 0
		if row%100 == 0 {
			mark = row / 100
		}
		fmt.Fprintf(&b, "%d, %.2f, %.2f, 0.5,0,0, %d,%d, 12:00:53.329\n", row%256, float64(row), -float64(row), 1557936053329+row/9*36, mark)
	}
	return b.String()
}

func TestOpenBCI(t *testing.T) {
	text := openBCI(1000, nil)
	ingesttest.Run(t, func() (*signal.Recording, error) { return open([]byte(text), "x.txt") })
	ingesttest.Cut(t, "x.txt", []byte(openBCI(40, nil)), 1)
	ingesttest.Cut(t, "x.txt.gz", packed(t, openBCI(40, nil)), 1)
	rec := mustOpen(t, text)
	if rec.Format != "OpenBCI text" || rec.Info.Rate != 250 || rec.Len != 1000 || rec.Spans != nil {
		t.Errorf("%s at %g Hz, %d samples, spans %v", rec.Format, rec.Info.Rate, rec.Len, rec.Spans)
	}
	if got := strings.Join(rec.Info.Names(), "|"); got != "EXG Channel 0|EXG Channel 1|Accel Channel 0" {
		t.Errorf("channels are %s", got)
	}
	if c := rec.Info.Channels; c[1].Kind != signal.EEG || c[1].Unit != signal.Microvolt || c[2].Kind != signal.Misc || c[2].Unit != "g" {
		t.Errorf("channels are %+v", c)
	}
	if got := rec.Begin.Format("2006-01-02 15:04:05.000"); got != "2019-05-15 16:00:53.329" {
		t.Errorf("begins at %s", got)
	}
	if len(rec.Events) != 9 || rec.Events[1].Sample != 200 || rec.Events[1].Label != "2" {
		t.Errorf("events are %+v", rec.Events)
	}
	if !noted(rec, "line 3 names, 250 Hz") || !noted(rec, "EXG channels are EEG in µV") || len(rec.Notes) != 2 || len(rec.Deviations) != 0 {
		t.Errorf("deviations are %+v, notes %+v", rec.Deviations, rec.Notes)
	}
	seconds := mustOpen(t, regexp.MustCompile(`(155793\d{4})(\d{3}),`).ReplaceAllString(text, "$1.$2,")) // of other versions
	if seconds.Info.Rate != 250 || !seconds.Begin.Equal(rec.Begin) || len(seconds.Events) != 9 {
		t.Errorf("with stamps in seconds it is at %g Hz and begins at %v", seconds.Info.Rate, seconds.Begin)
	}
}

// TestOpenBCIGaps: the counter says how many samples are missing, also where stamps are too coarse to tell, and over whole
// rounds of 256 together with the stamps.
func TestOpenBCIGaps(t *testing.T) {
	gone := func(row int) bool { return row == 500 || row >= 900 && row < 903 || row >= 1500 && row < 1500+700 }
	rec := mustOpen(t, openBCI(4000, func(row int) bool { return !gone(row) }))
	want := []signal.Span{{Start: 0, Len: 500}, {Start: 501, Len: 399}, {Start: 903, Len: 597}, {Start: 2200, Len: 1800}}
	if !slices.Equal(rec.Spans, want) {
		t.Errorf("spans are %v, want %v", rec.Spans, want)
	}
	for _, s := range rec.Spans {
		for i, v := range samples(t, rec, s)[0] {
			if v != float64(s.Start+int64(i)) {
				t.Fatalf("sample %d is that of row %g", s.Start+int64(i), v)
			}
		}
	}
	if !listed(rec, "column Sample Index and Timestamp, row 501", "3 such gaps", "704 samples are missing") {
		t.Errorf("the gaps are not among %+v", rec.Deviations)
	}
	// A counter that is none is not believed.
	rec = mustOpen(t, strings.ReplaceAll(openBCI(1000, nil), "\n7, ", "\n9, "))
	if rec.Spans != nil || !listed(rec, "column Sample Index", "in the stamps only") {
		t.Errorf("spans %v, deviations %+v", rec.Spans, rec.Deviations)
	}
}

func TestOpenBCIErrors(t *testing.T) {
	text := openBCI(30, nil)
	for _, tc := range []struct{ name, text, want string }{
		{"rate", strings.Replace(text, "= 250 Hz", "= fast", 1), `line 3, column Sample Rate: "fast" is no rate`},
		{"channels", strings.Replace(text, "channels = 2", "channels = 8", 1), "byte 22: Number of channels: is 8, the header on line 5 has 2 columns"},
		{"no header", strings.Replace(text, "Sample Index, EXG", "0, EXG", 1), "line 5, column Sample Index: behind the comments stands"},
		{"no stamps", strings.Replace(text, " Timestamp,", " Time,", 1), "without stamps the rate is unknown"},
		{"counter", strings.Replace(text, "\n7, ", "\nx, ", 1), `column Sample Index: "x" is not a number`},
		{"counter empty", strings.Replace(text, "\n7, ", "\n, ", 1), `column Sample Index: "" is not a number`},
		{"comments only", "%OpenBCI Raw EXG Data\n%Sample Rate = 250 Hz\n", "ends within its header"},
	} {
		_, err := open([]byte(tc.text), "x.txt")
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: the error is %v, must be a *ingest.FormatError that says %q", tc.name, err, tc.want)
		}
	}
}

// TestRealOpenBCI compares every sample with a plain reading of the file.
func TestRealOpenBCI(t *testing.T) {
	path := datasettest.Need(t, "openbci/OpenBCI_GUI-v6-blinks-jawClench-alpha.txt.gz")
	rec, err := ingest.Open(os.DirFS(filepath.Dir(path)), filepath.Base(path))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(unpacked(t, path), "\n"), "\n")[5:]
	if rec.Info.Rate != 250 || rec.Len != int64(len(lines)) || rec.Spans != nil || len(rec.Info.Channels) != 19 {
		t.Fatalf("%d samples at %g Hz, %d channels, spans %v; want %d at 250 Hz in 19", rec.Len, rec.Info.Rate, len(rec.Info.Channels), rec.Spans, len(lines))
	}
	x := samples(t, rec, signal.Span{Len: rec.Len})
	for i, l := range lines {
		cells := strings.Split(l, ",")
		for ch := range 8 {
			v, err := strconv.ParseFloat(strings.TrimSpace(cells[1+ch]), 64)
			if err != nil || math.Float64bits(v) != math.Float64bits(x[ch][i]) {
				t.Fatalf("sample %d of channel %d is %g, the file has %s", i, ch, x[ch][i], cells[1+ch])
			}
		}
	}
}

// TestOldOpenBCI: GUI 3 and 4 wrote no names of columns: it is said how the file is read, and the mapping that is made of it reads it.
func TestOldOpenBCI(t *testing.T) {
	for name, c := range map[string]struct {
		head, more string // of the remarks, of a row
		accel      int
	}{
		"GUI 3": {"%OpenBCI Raw EEG Data\n%\n%Sample Rate = 250.0 Hz\n%First Column = SampleIndex\n%Other Columns = EEG data in microvolts\n", "", 3},
		"GUI 4": {"%OpenBCI Raw EEG Data\n%Number of channels = 8\n%Sample Rate = 250.0 Hz\n%First Column = SampleIndex\n%Last Column = Timestamp \n", ", 16:35:00.%03d, 1521477300%03d", 3},
	} {
		var b strings.Builder
		b.WriteString(c.head)
		for i := range 240 {
			fmt.Fprintf(&b, "%d, -36.5, %d.25, 26.38, -24.49, -0.46, -5.05, 15.16, 28.87, 0.00, 0.01, 1.00", i%256, i)
			if c.more != "" {
				fmt.Fprintf(&b, c.more, 4*i, 4*i)
			}
			b.WriteString("\n")
		}
		fsys := fstest.MapFS{"x.txt": {Data: []byte(b.String())}}
		if _, err := ingest.Open(fsys, "x.txt"); err == nil || !strings.Contains(err.Error(), "gyrus info FILE --mapping-template > FILE.gyrus.yaml") {
			t.Errorf("%s: the error is %v", name, err)
		}
		mapping, err := ingest.Template(fsys, "x.txt")
		if err != nil {
			t.Fatal(err)
		}
		fsys["x.txt.gyrus.yaml"] = &fstest.MapFile{Data: mapping}
		rec, err := ingest.Open(fsys, "x.txt")
		if err != nil {
			t.Errorf("%s: %v\n%s", name, err, mapping)
			continue
		}
		if rec.Info.Rate != 250 || rec.Len != 240 || len(rec.Info.Channels) != 8+c.accel || rec.Spans != nil || len(rec.Events) > 0 || len(rec.Deviations) > 0 {
			t.Errorf("%s: %s, %d samples, spans %v, events %v, deviations %v", name, rec.Info, rec.Len, rec.Spans, rec.Events, rec.Deviations)
		}
		x := signal.NewChunk(rec.Info, 7, 1)
		if err := rec.Data.ReadSamples(x.X, 7); err != nil {
			t.Fatal(err)
		}
		if x.X[0][0] != -36.5 || x.X[1][0] != 7.25 || rec.Info.Channels[7].Unit != signal.Microvolt || rec.Info.Channels[8].Unit != "g" {
			t.Errorf("%s: sample 7 is %v, of %+v", name, x.X, rec.Info.Channels)
		}
		if begin := time.Unix(1521477300, 0); c.more != "" && !rec.Begin.Equal(begin) {
			t.Errorf("%s: begins %v, must be %v", name, rec.Begin, begin)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}
