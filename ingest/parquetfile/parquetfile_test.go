package parquetfile_test

import (
	"bytes"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/parquetfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// recording is one with a gap, events and two kinds of channel.
func recording() *signal.Recording {
	const n = 700
	rng := rand.New(rand.NewPCG(1, 2))
	x := make(signal.Memory, 2)
	for ch := range x {
		x[ch] = make([]float64, n)
		for t := range x[ch] {
			x[ch][t] = rng.NormFloat64()
		}
	}
	return &signal.Recording{
		Name: "r", Format: "test", Begin: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC), Len: n, Spans: []signal.Span{{Start: 0, Len: 333}, {Start: 400, Len: 300}}, Data: x,
		Info: &signal.Info{Rate: 128, Reference: "linked ears", Channels: []signal.Channel{
			{Name: "Cz", Original: "EEG Cz-LE", Kind: signal.EEG, Unit: signal.Microvolt, Pos: &signal.Position{0, 0.01, 0.09}},
			{Name: "light", Original: "light", Kind: signal.Misc, Unit: "lx"},
		}},
		Events: []signal.Event{{Sample: 5, Onset: 0.04, Label: "left"}, {Sample: 5, Onset: 0.041, Label: "é, \"x\""}, {Sample: 500, Onset: 3.9, Duration: 1.5, Label: "right"}},
	}
}

func written(t testing.TB, rec *signal.Recording) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := parquetfile.Write(&b, rec); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
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

func same(t *testing.T, want, got *signal.Recording) {
	t.Helper()
	for _, d := range []string{
		cmp.Diff(samples(t, want), samples(t, got)), cmp.Diff(want.Info, got.Info), cmp.Diff(want.Events, got.Events), cmp.Diff(want.Spans, got.Spans),
		cmp.Diff(want.Begin, got.Begin), cmp.Diff(want.Len, got.Len),
	} {
		if d != "" {
			t.Errorf("(-written +read):\n%s", d)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rec := recording()
	data := written(t, rec)
	open := func() (*signal.Recording, error) {
		return ingest.Open(fstest.MapFS{"x.parquet": {Data: data}}, "x.parquet")
	}
	again, err := open()
	if err != nil {
		t.Fatal(err)
	}
	same(t, rec, again)
	ingesttest.Run(t, open)
}

// TestManyGroups: a recording of more than one row group, with more labels than fit into a page.
func TestManyGroups(t *testing.T) {
	const n = 3<<20 + 17 // one channel: a group has 2 Mi samples
	x := make([]float64, n)
	for i := range x {
		x[i] = float64(i % 1001)
	}
	rec := &signal.Recording{
		Name: "r", Len: n, Data: signal.Memory{x}, Begin: time.Unix(1_700_000_000, 0).UTC(),
		Info: &signal.Info{Rate: 1000, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
	}
	for i := range int64(80_000) {
		rec.Events = append(rec.Events, signal.Event{Sample: 30 * i, Onset: 0.03 * float64(i), Label: "an event with a long name, number " + strconv.FormatInt(i, 10)})
	}
	again, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: written(t, rec)}}, "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	same(t, rec, again)
	part := [][]float64{make([]float64, 10)}
	if err := again.Data.ReadSamples(part, 2<<20-5); err != nil || part[0][9] != x[2<<20+4] {
		t.Errorf("%v, %v", part, err)
	}
}

// TestDamaged: a file that was cut, or in which a byte was changed, is refused or read; nothing panics.
func TestDamaged(t *testing.T) {
	data := written(t, recording())
	for n := 4; n < len(data); n += 97 {
		if _, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: data[:n]}}, "x.parquet"); err == nil {
			t.Errorf("cut to %d of %d bytes: opened", n, len(data))
		}
	}
	for at := 4; at < len(data); at += 29 {
		bad := bytes.Clone(data)
		bad[at] ^= 0x55
		rec, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: bad}}, "x.parquet")
		if err != nil {
			continue
		}
		for _, run := range rec.Runs() {
			x := [][]float64{make([]float64, min(run.Len, 1000)), make([]float64, min(run.Len, 1000))}
			_ = rec.Data.ReadSamples(x[:min(2, len(rec.Info.Channels))], run.Start) // an error is as good
		}
	}
	if _, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: []byte("PAR1 is no Parquet")}}, "x.parquet"); err == nil || !strings.Contains(err.Error(), "cut off") {
		t.Errorf("text: %v", err)
	}
}

// TestPeerReads: pyarrow, polars and DuckDB read what gyrus writes, and gyrus what pyarrow writes, with the gap inside one row
// group. It runs where GYRUS_ARROW_PYTHON names a Python with ../arrowfile/testdata/requirements.txt (make interop-arrow).
func TestPeerReads(t *testing.T) {
	python := os.Getenv("GYRUS_ARROW_PYTHON")
	if python == "" {
		t.Skip("GYRUS_ARROW_PYTHON is not set: make interop-arrow runs this test with pyarrow, polars and DuckDB")
	}
	rec := recording()
	name := filepath.Join(t.TempDir(), "x.parquet")
	if err := os.WriteFile(name, written(t, rec), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), python, "testdata/peer.py", name, name+".again").Output()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var peer struct {
		Rows     int               `json:"rows"`
		Polars   int               `json:"polars_rows"`
		Sum      float64           `json:"duckdb_sum"`
		Events   int               `json:"duckdb_events"`
		Names    []string          `json:"names"`
		Metadata map[string]string `json:"metadata"`
		Units    []string          `json:"units"`
		Cz       []float64         `json:"cz"`
	}
	if err := json.Unmarshal(out, &peer); err != nil {
		t.Fatal(err)
	}
	x := samples(t, rec)
	cz := slices.Concat(x[0], x[2])
	sum := 0.0
	for _, v := range cz {
		sum += v
	}
	if peer.Rows != 633 || peer.Polars != 633 || math.Abs(peer.Sum-sum) > 1e-9 || peer.Events != 3 {
		t.Errorf("pyarrow has %d rows, polars %d, DuckDB sums to %g with %d events, want 633, %g and 3", peer.Rows, peer.Polars, peer.Sum, peer.Events, sum)
	}
	if !slices.Equal(peer.Names, []string{"Cz", "light", "sample", "time_ns", "events"}) || peer.Units[0] != "µV" || peer.Units[1] != "lx" || peer.Metadata["rate_hz"] != "128" {
		t.Errorf("names %v, units %v, metadata %v", peer.Names, peer.Units, peer.Metadata)
	}
	if !slices.Equal(peer.Cz, cz) {
		t.Error("pyarrow reads other samples")
	}
	again, err := ingest.Open(os.DirFS(filepath.Dir(name)), "x.parquet.again")
	if err != nil {
		t.Fatal(err)
	}
	same(t, rec, again)
	if err := again.Close(); err != nil {
		t.Error(err)
	}
}
