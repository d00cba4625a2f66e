package arrowfile_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/arrowfile"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func written(t testing.TB, rec *signal.Recording) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := arrowfile.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func open(t testing.TB, data []byte) *signal.Recording {
	t.Helper()
	rec, err := ingest.Open(fstest.MapFS{"x.arrow": {Data: data}}, "x.arrow")
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// samples is every sample of every run, channel by channel.
func samples(t testing.TB, rec *signal.Recording) (all [][]float64) {
	t.Helper()
	for _, run := range rec.Runs() {
		x := make([][]float64, len(rec.Info.Channels))
		for ch := range x {
			x[ch] = make([]float64, run.Len)
		}
		if err := rec.Data.ReadSamples(x, run.Start); err != nil {
			t.Fatal(err)
		}
		all = append(all, x...)
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	rec := ingesttest.Gapped()
	data := written(t, rec)
	again := open(t, data)
	if diff := cmp.Diff(samples(t, rec), samples(t, again)); diff != "" {
		t.Errorf("samples (-written +read):\n%s", diff)
	}
	for _, d := range []string{cmp.Diff(rec.Info, again.Info), cmp.Diff(rec.Events, again.Events), cmp.Diff(rec.Spans, again.Spans), cmp.Diff(rec.Begin, again.Begin)} {
		if d != "" {
			t.Errorf("(-written +read):\n%s", d)
		}
	}
	if again.Len != rec.Len || len(again.Deviations) != 0 {
		t.Errorf("%d samples, deviations %v", again.Len, again.Deviations)
	}
	ingesttest.Run(t, func() (*signal.Recording, error) {
		return ingest.Open(fstest.MapFS{"x.arrow": {Data: data}}, "x.arrow")
	})
}

// TestFromPeer: what pyarrow writes, as a stream and as a file, see testdata/peer.py.
func TestFromPeer(t *testing.T) {
	for _, name := range []string{"pyarrow.arrows", "pyarrow.arrow"} {
		openPeer := func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), name) }
		rec, err := openPeer()
		if err != nil {
			t.Fatal(err)
		}
		want := &signal.Info{Rate: 100, Reference: "Cz", Channels: []signal.Channel{
			{Name: "C3", Original: "EEG C3", Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{-0.06, 0.01, 0.07}},
			{Name: "lux", Original: "lux", Kind: signal.Misc, Unit: "lx"},
		}}
		if diff := cmp.Diff(want, rec.Info); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if !slices.Equal(rec.Spans, []signal.Span{{Start: 0, Len: 120}, {Start: 150, Len: 30}}) || !rec.Begin.Equal(time.Unix(1_700_000_000, 0)) || len(rec.Deviations) != 0 {
			t.Errorf("%s: spans %v, begin %v, deviations %v", name, rec.Spans, rec.Begin, rec.Deviations)
		}
		events := []signal.Event{{Sample: 7, Onset: 0.07, Duration: 0.5, Label: "cue"}, {Sample: 57, Onset: 0.57, Duration: 0.5, Label: "cue"}, {Sample: 107, Onset: 1.07, Duration: 0.5, Label: "cue"}, {Sample: 157, Onset: 1.57, Duration: 0.5, Label: "cue"}}
		if diff := cmp.Diff(events, rec.Events); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", name, diff)
		}
		x := samples(t, rec)
		if x[0][119] != 119./8 || x[2][29] != 179./8 || x[3][0] != -150 {
			t.Errorf("%s: the samples are %v", name, x)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
		ingesttest.Run(t, openPeer)
	}
}

// TestPeerReads: pyarrow, polars and DuckDB read what gyrus writes. It runs where GYRUS_ARROW_PYTHON names a Python with
// testdata/requirements.txt installed (make interop-arrow).
func TestPeerReads(t *testing.T) {
	python := os.Getenv("GYRUS_ARROW_PYTHON")
	if python == "" {
		t.Skip("GYRUS_ARROW_PYTHON is not set: make interop-arrow runs this test with pyarrow, polars and DuckDB")
	}
	rec := ingesttest.Gapped()
	name := filepath.Join(t.TempDir(), "x.arrow")
	if err := os.WriteFile(name, written(t, rec), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/peer.py", "read", name).Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var peer struct {
		Rows     int                  `json:"rows"`
		Polars   int                  `json:"polars_rows"`
		Sum      float64              `json:"duckdb_sum"`
		Names    []string             `json:"names"`
		Metadata map[string]string    `json:"metadata"`
		Units    []string             `json:"units"`
		Columns  map[string][]float64 `json:"columns"`
		Events   [][4]any             `json:"events"`
	}
	if err := json.Unmarshal(out, &peer); err != nil {
		t.Fatal(err)
	}
	x := samples(t, rec)
	sum := 0.0
	for _, part := range [][]float64{x[0], x[2]} {
		for _, v := range part {
			sum += v
		}
	}
	if peer.Rows != 633 || peer.Polars != 633 || math.Abs(peer.Sum-sum) > 1e-9 {
		t.Errorf("pyarrow has %d rows, polars %d, DuckDB sums to %g, want 633 and %g", peer.Rows, peer.Polars, peer.Sum, sum)
	}
	if !slices.Equal(peer.Names, []string{"Cz", "light", "sample", "time_ns", "events"}) || peer.Units[0] != "µV" || peer.Units[1] != "lx" || peer.Metadata["rate_hz"] != "128" {
		t.Errorf("names %v, units %v, metadata %v", peer.Names, peer.Units, peer.Metadata)
	}
	if !slices.Equal(peer.Columns["Cz"], slices.Concat(x[0], x[2])) || peer.Columns["sample"][333] != 400 {
		t.Error("pyarrow reads other samples")
	}
	if len(peer.Events) != 3 || peer.Events[2][1] != "right" {
		t.Errorf("events %v", peer.Events)
	}
}

// TestKilled: a file that ends anywhere is read up to the last whole batch, and says so.
func TestKilled(t *testing.T) {
	data := written(t, ingesttest.Gapped())
	ingesttest.Cut(t, "x.arrow", data, 7)
	uncut := open(t, data)
	batches := uncut.Data.(*arrowfile.Reader).Batches()
	if len(batches) < 5 {
		t.Fatalf("%d batches", len(batches))
	}
	rec := open(t, data[:len(data)-20])
	if want := batches[len(batches)-2].End(); rec.Len != want || len(rec.Deviations) != 1 {
		t.Errorf("without its last bytes the file ends at sample %d, want %d; deviations %v", rec.Len, want, rec.Deviations)
	}
}

// TestMissing: samples behind a place that is damaged are missing, and a file that ends before its time, whole batches or not, says how
// long it is.
func TestMissing(t *testing.T) {
	good := written(t, ingesttest.Gapped())
	var marks []int // where messages begin
	for at := 0; at < len(good); at += 8 {
		if bytes.HasPrefix(good[at:], []byte{0xff, 0xff, 0xff, 0xff}) {
			marks = append(marks, at)
		}
	}
	batches := len(open(t, good).Data.(*arrowfile.Reader).Batches())
	if len(marks) != batches+2 { // the schema, and the mark of the end
		t.Fatalf("%d marks, %d batches", len(marks), batches)
	}
	third, last := marks[3], marks[batches] // batches
	end := len(good) - 8
	change := func(data []byte, at int, to ...byte) []byte {
		data = slices.Clone(data)
		copy(data[at:], to)
		return data
	}
	for _, tc := range []struct {
		name    string
		data    []byte
		read    int // batches
		listed  bool
		missing bool
	}{
		{"whole", good, batches, false, false},
		{"not closed", good[:end], batches, true, false},
		{"cut within a batch", good[:third+1000], 2, true, false},
		{"cut within the head of a batch", good[:third+20], 2, true, false},
		{"cut within the mark of a batch", good[:third+5], 2, true, false},
		{"cut within the mark of the end", good[:end+4], batches, true, false},
		{"a mark of the end that is damaged", change(good, end, 'x'), batches, true, false},
		{"zeros behind a batch, as a crash of the system leaves", append(slices.Clone(good[:third]), make([]byte, 512)...), 2, true, false},
		{"a mark that is damaged", change(good, third, 'x'), 2, true, true},
		{"a head that is damaged", change(good, third+8, 0xff, 0xff, 0xff), 2, true, true},
		{"a head that is too long for the file", change(good, third+4, 0, 0, 0xff), 2, true, true},
		{"the same, not closed", change(good[:end], third+4, 0, 0, 0xff), 2, true, true},
		{"the same, cut later", change(good[:last+300], third+4, 0, 0, 0xff), 2, true, true},
		{"the last mark that is damaged", change(good, last, 'x'), batches - 1, true, true},
		{"the last head that is too long for the file", change(good, last+4, 0, 0, 0xff), batches - 1, true, true},
	} {
		rec := open(t, tc.data)
		missing := slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return d.Missing })
		if got := len(rec.Data.(*arrowfile.Reader).Batches()); got != tc.read || missing != tc.missing || len(rec.Deviations) > 0 != tc.listed {
			t.Errorf("%s: %d batches are read, want %d; missing is %v, want %v: %v", tc.name, got, tc.read, missing, tc.missing, rec.Deviations)
		}
	}
}

// TestNothingWritten: a recording in which not one batch is whole is an empty one with its channels, whether it was closed, cut
// off behind the head, or cut off within the first batch.
func TestNothingWritten(t *testing.T) {
	rec := ingesttest.Gapped()
	good := written(t, rec)
	var b bytes.Buffer
	w, err := arrowfile.NewWriter(&b, rec.Info)
	if err != nil {
		t.Fatal(err)
	}
	head := slices.Clone(b.Bytes())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		data []byte
		cut  int
	}{"closed": {b.Bytes(), 0}, "behind the head": {head, 1}, "within the first batch": {good[:len(head)+300], 1}} {
		again := open(t, c.data)
		if diff := cmp.Diff(rec.Info, again.Info); diff != "" || again.Len != 0 || len(again.Runs()) != 1 || again.Runs()[0].Len != 0 || len(again.Events) != 0 || len(again.Deviations) != c.cut {
			t.Errorf("%s: %d samples, runs %v, deviations %v, the info differs (-written +read):\n%s", name, again.Len, again.Runs(), again.Deviations, diff)
		}
		src := ingest.Play(again, ingest.PlayOptions{})
		if _, err := src.Next(t.Context()); !errors.Is(err, io.EOF) {
			t.Errorf("%s: played: %v", name, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	good := written(t, ingesttest.Gapped())
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"schema of another": {bytes.Replace(good, []byte("gyrus_schema"), []byte("other_schema"), 1), "not samples of gyrus"},
		"text":              {[]byte("\xff\xff\xff\xffabcdefgh"), "bytes"},
	} {
		_, err := ingest.Open(fstest.MapFS{"x.arrow": {Data: c.data}}, "x.arrow")
		if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "x.arrow: byte ") {
			t.Errorf("%s: the error is %v, must name the place and %q", name, err, c.want)
		}
	}
	rec := ingesttest.Gapped()
	w, err := arrowfile.NewWriter(new(bytes.Buffer), rec.Info)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(signal.NewChunk(rec.Info, 10, 5)); err != nil {
		t.Error(err)
	}
	if err := w.Write(signal.NewChunk(rec.Info, 12, 5)); err == nil {
		t.Error("a chunk that overlaps the one before was written")
	}
}

func FuzzOpen(f *testing.F) {
	rates, name := ingesttest.Written(f, "arrow", ingesttest.Rates())
	f.Add(rates[name].Data)
	f.Add(written(f, ingesttest.Gapped()))
	f.Add(written(f, ingesttest.Hypnogram()))
	for _, name := range []string{"pyarrow.arrow", "pyarrow.arrows"} {
		data, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) < 1<<16 {
			ingesttest.Fuzz(t, fstest.MapFS{name: {Data: data}, "x.2.arrow": rates["x.2.arrow"]}, name)
		}
	})
}
