package parquetfile_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io/fs"
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
	"github.com/gyrus-bci/gyrus/ingest/arrowipc"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/parquet"
	"github.com/gyrus-bci/gyrus/ingest/parquetfile"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

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
	if w, g := samples(t, want), samples(t, got); !slices.EqualFunc(w, g, slices.Equal) { // cmp takes its time
		t.Errorf("samples (-written +read):\n%s", cmp.Diff(w, g))
	}
	for _, d := range []string{
		cmp.Diff(want.Info, got.Info), cmp.Diff(want.Events, got.Events), cmp.Diff(want.Spans, got.Spans),
		cmp.Diff(want.Begin, got.Begin), cmp.Diff(want.Len, got.Len),
	} {
		if d != "" {
			t.Errorf("(-written +read):\n%s", d)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	rec := ingesttest.Gapped()
	rec.Info.Channels[0].Bad = true
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

// TestChannels: what programs without the Arrow schema find of each channel, and that what they write there changes nothing.
func TestChannels(t *testing.T) {
	rec := ingesttest.OwnNames()
	rec.Info.Channels = rec.Info.Channels[:2]
	rec.Data = rec.Data.(signal.Memory)[:2]
	rec.Info.Channels[0].Bad, rec.Info.Channels[1].Pos = true, &signal.Position{-0.01, 0.0625, 0.1}
	rec.Info.Channels[1].Kind, rec.Info.Channels[1].Unit = signal.Misc, "lx"
	data := written(t, rec)
	p, err := parquet.Open(bytes.NewReader(data), int64(len(data)), "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	p.Values(func(key, value []byte) {
		if string(key) == "channels" {
			found = string(value)
		}
	})
	want := `[{"column":"sample (channel)","name":"sample","original":"my sample","kind":"eeg","unit":"µV","status":"bad"},` +
		`{"column":"time_ns (channel)","name":"time_ns","original":"my time_ns","kind":"misc","unit":"lx","position":[-0.01,0.0625,0.1]}]`
	if d := cmp.Diff(want, found); d != "" {
		t.Errorf("channels (-want +written):\n%s", d)
	}
	again, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: bytes.Replace(data, []byte(`"unit":"lx"`), []byte(`"unit":"mx"`), 1)}}, "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	same(t, rec, again)
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

// TestCut: a file that was cut at any byte is refused, because its description stands at its end, and says so.
func TestCut(t *testing.T) {
	data := written(t, ingesttest.Gapped())
	for n := 4; n < len(data); n++ {
		_, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: data[:n]}}, "x.parquet")
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), "cut off") {
			t.Fatalf("cut to %d of %d bytes: %v", n, len(data), err)
		}
	}
}

// TestDamaged: where a byte of the pages was changed, their sums say so; no damage is read as other samples or events.
func TestDamaged(t *testing.T) {
	data := written(t, ingesttest.Gapped())
	whole, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: data}}, "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	want := samples(t, whole)
	end := len(data) - 8 - int(binary.LittleEndian.Uint32(data[len(data)-8:])) // of the pages
	refused := 0
	for at := 4; at < end; at += 3 {
		bad := bytes.Clone(data)
		bad[at] ^= 0x55
		rec, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: bad}}, "x.parquet")
		if err == nil {
			for _, run := range rec.Runs() {
				x := [][]float64{make([]float64, run.Len), make([]float64, run.Len)}
				err = errors.Join(err, rec.Data.ReadSamples(x, run.Start))
			}
		}
		if err != nil {
			refused++
			continue
		}
		if d := cmp.Diff(want, samples(t, rec)); d != "" {
			t.Fatalf("byte %d was changed, and what is read is another:\n%s", at, d)
		}
		if slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Where, "events of 1 of 2 row groups") }) {
			refused++
			if group := (cmp.Diff(whole.Events[:2], rec.Events) == "") != (cmp.Diff(whole.Events[2:], rec.Events) == ""); !group {
				t.Fatalf("byte %d was changed: the events are %+v, must be those of one row group", at, rec.Events)
			}
			continue
		}
		if d := cmp.Diff(whole.Events, rec.Events); d != "" {
			t.Fatalf("byte %d was changed, and what is read is another:\n%s", at, d)
		}
	}
	if refused < (end-4)/3*9/10 {
		t.Errorf("%d of %d changes were found", refused, (end-4)/3)
	}
}

// TestRefuses: files of Parquet that are no recordings, and how to make them one.
func TestRefuses(t *testing.T) {
	plain := func(metadata [][2]string, fields ...parquet.Field) []byte {
		var b bytes.Buffer
		w := parquet.NewWriter(&b, fields, metadata)
		w.Group(1)
		for _, f := range fields {
			if f.Type == parquet.Double {
				w.Floats([]float64{1})
			} else {
				w.Ints([]int64{1})
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	x := parquet.Field{Name: "x", Type: parquet.Double}
	_, message, err := arrowipc.NewEncoder(signal.Schema(ingesttest.Gapped().Info))
	if err != nil {
		t.Fatal(err)
	}
	schema := base64.StdEncoding.EncodeToString(message)
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"text":       {[]byte("PAR1 is no Parquet"), "cut off"},
		"encrypted":  {[]byte("PARE is encrypted PARE"), "write it again without"},
		"no schema":  {plain(nil, x), "has no ARROW:schema: not samples of gyrus; docs/formats/parquet.md"},
		"no base64":  {plain([][2]string{{"ARROW:schema", "*"}}, x), "illegal base64"},
		"no message": {plain([][2]string{{"ARROW:schema", "AAAA"}}, x), "not an Arrow IPC message"},
		"columns":    {plain([][2]string{{"ARROW:schema", schema}}, x), "1 columns of values, must be 7"},
		"names":      {plain([][2]string{{"ARROW:schema", schema}}, x, x, x, x, x, x, x), `column 0 is "x" of type DOUBLE in 0 lists, must be "Cz"`},
	} {
		_, err := ingest.Open(fstest.MapFS{"x.parquet": {Data: c.data}}, "x.parquet")
		var format *ingest.FormatError
		if !errors.As(err, &format) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestWindow: what is read of a large file for a window is the pages that it lies in.
func TestWindow(t *testing.T) {
	x := make([]float64, 1_000_000)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	rec := &signal.Recording{
		Name: "r", Len: int64(len(x)), Data: signal.Memory{x},
		Info: &signal.Info{Rate: 1000, Channels: []signal.Channel{{Name: "Cz", Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}},
	}
	f := &counted{data: written(t, rec)}
	again, err := parquetfile.OpenIn(fstest.MapFS{}, f, "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if f.bytes > len(f.data)/50 {
		t.Errorf("opening read %d of %d bytes", f.bytes, len(f.data))
	}
	f.bytes = 0
	part := [][]float64{make([]float64, 1000)}
	if err := again.Data.ReadSamples(part, 700_123); err != nil || !slices.Equal(part[0], x[700_123:701_123]) {
		t.Errorf("another window, %v", err)
	}
	if f.bytes > 200_000 { // a page, and the headers in front of it
		t.Errorf("a second of 1000 read %d of %d bytes", f.bytes, len(f.data))
	}
}

// counted is a file that counts the bytes that are read.
type counted struct {
	data  []byte
	bytes int
}

func (c *counted) ReadAt(p []byte, at int64) (int, error) {
	n, err := bytes.NewReader(c.data).ReadAt(p, at)
	c.bytes += n
	return n, err
}
func (c *counted) Stat() (fs.FileInfo, error) { return fstest.MapFS{"x": {Data: c.data}}.Stat("x") }
func (c *counted) Read([]byte) (int, error)   { return 0, errors.New("is read at places only") }
func (c *counted) Close() error               { return nil }

// FuzzOpen: whatever is in a file, opening it takes what any format may and the pages of a column (see FuzzRead of package parquet), and
// all samples are read or refused.
func FuzzOpen(f *testing.F) {
	rates, first := ingesttest.Written(f, "parquet", ingesttest.Rates())
	f.Add(rates[first].Data)
	f.Add(written(f, ingesttest.Hypnogram()))
	data := written(f, ingesttest.Gapped())
	f.Add(data)
	f.Add(data[:len(data)-100])
	for at := 50; at < len(data); at += 1999 {
		bad := bytes.Clone(data)
		bad[at] ^= 0xFF
		f.Add(bad)
	}
	for _, name := range []string{"pyarrow-dictionary.parquet", "pyarrow-plain.parquet", "pyarrow-delta.parquet"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if !bytes.HasPrefix(data, []byte("PAR1")) { // is another format
			t.Skip()
		}
		ingesttest.FuzzPacked(t, fstest.MapFS{first: {Data: data}, "x.2.parquet": rates["x.2.parquet"]}, first, 3<<19, 1000, 16<<20)
	})
}

// TestFromPeer: what pyarrow writes, see testdata/peer.py. Each has its own codec, encodings, version of pages and places of
// row groups, and nulls are allowed everywhere.
func TestFromPeer(t *testing.T) {
	want := ingesttest.Gapped()
	for _, name := range []string{"pyarrow-dictionary.parquet", "pyarrow-plain.parquet", "pyarrow-delta.parquet"} {
		open := func() (*signal.Recording, error) { return ingest.Open(os.DirFS("testdata"), name) }
		rec, err := open()
		if err != nil {
			t.Fatal(err)
		}
		same(t, want, rec)
		ingesttest.Run(t, open)
	}
}

// TestPeerReads: pyarrow, polars and DuckDB read what gyrus writes, and gyrus what pyarrow writes, with the gap inside one row
// group. It runs where GYRUS_ARROW_PYTHON names a Python with ../arrowfile/testdata/requirements.txt (make interop-arrow).
func TestPeerReads(t *testing.T) {
	python := os.Getenv("GYRUS_ARROW_PYTHON")
	if python == "" {
		t.Skip("GYRUS_ARROW_PYTHON is not set: make interop-arrow runs this test with pyarrow, polars and DuckDB")
	}
	rec := ingesttest.Gapped()
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
		Rate     string            `json:"duckdb_rate"`
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
	if !slices.Equal(peer.Names, []string{"Cz", "light", "sample", "time_ns", "events"}) || peer.Units[0] != "µV" || peer.Units[1] != "lx" || peer.Metadata["rate_hz"] != "128" || peer.Rate != "128" {
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

// TestPeerReadsDocs: what the Python of docs/formats/parquet.md writes is a recording.
func TestPeerReadsDocs(t *testing.T) {
	python := os.Getenv("GYRUS_ARROW_PYTHON")
	if python == "" {
		t.Skip("GYRUS_ARROW_PYTHON is not set: make interop-arrow runs this test with pyarrow")
	}
	page, err := os.ReadFile("../../docs/formats/parquet.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(page), "```python\n")
	code, _, _ = strings.Cut(code, "```")
	cmd := exec.CommandContext(t.Context(), python, "-c", code)
	cmd.Dir = t.TempDir()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	rec, err := ingest.Open(os.DirFS(cmd.Dir), "x.parquet")
	if err != nil {
		t.Fatal(err)
	}
	if rec.Len != 1250 || rec.Info.Rate != 250 || rec.Info.Channels[1].Name != "Cz" || rec.Info.Channels[1].Unit != signal.Microvolt || len(rec.Events) != 1 || rec.Events[0].Sample != 500 {
		t.Errorf("%+v, %+v", rec, rec.Info)
	}
	if err := rec.Close(); err != nil {
		t.Error(err)
	}
}
