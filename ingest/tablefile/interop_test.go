package tablefile_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/ingesttest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// TestPeerReadsRates: pyarrow and DuckDB read each of the files that a recording of several rates is written as, and one of events alone:
// names, units, rates, every sample, and the events outside the data, and DuckDB finds in Parquet what is known of each channel. It runs where GYRUS_ARROW_PYTHON names a Python with
// ../arrowfile/testdata/requirements.txt (make interop-arrow).
func TestPeerReadsRates(t *testing.T) {
	python := os.Getenv("GYRUS_ARROW_PYTHON")
	if python == "" {
		t.Skip("GYRUS_ARROW_PYTHON is not set: make interop-arrow runs this test with pyarrow and DuckDB")
	}
	each(t, func(t *testing.T, w ingest.Writer) {
		rec, alone := ingesttest.Rates(), ingesttest.Hypnogram()
		rec.Info.Channels[0].Bad, rec.Info.Channels[0].Pos = true, &signal.Position{-0.01, 0.0625, 0.1}
		rec.Texts = []signal.Text{{Field: "patient", Text: "HOSP123 \"Ada\" <&>\n脑", Personal: true}, {Field: "prefiltering", Channel: "Cz", Text: "HP:0.1Hz"}}
		alone.Texts = []signal.Text{{Field: "scored by", Text: "Eva", Personal: true}}
		dir := write(t, w, rec)
		paths := []string{"x." + w.Name, "x.2." + w.Name, "x.3." + w.Name}
		for i := range paths {
			paths[i] = filepath.Join(dir, paths[i])
		}
		own := ingesttest.OwnNames()
		paths = append(paths, filepath.Join(write(t, w, alone), "x."+w.Name), filepath.Join(write(t, w, own), "x."+w.Name))
		out, err := exec.CommandContext(t.Context(), python, append([]string{"../arrowfile/testdata/peer.py", "tables"}, paths...)...).Output()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		var peer []struct {
			Rows          int64                `json:"rows"`
			DuckDB        int64                `json:"duckdb_rows"`
			Names         []string             `json:"names"`
			Channels      []string             `json:"channels"`
			Units         []signal.Unit        `json:"units"`
			Columns       map[string][]float64 `json:"columns"`
			Events        int                  `json:"events"`
			Sums          []float64            `json:"duckdb_sums"`
			Rate          float64              `json:"rate,string"`
			DuckDBRate    string               `json:"duckdb_rate"`
			Begin         string               `json:"begin"`
			Outside       []signal.Event       `json:"outside"`
			DuckDBOutside []signal.Event       `json:"duckdb_outside"`
			Described     [][]any              `json:"duckdb_channels"`
			Others        []string             `json:"others"`
			Texts         []signal.Text        `json:"texts"`
		}
		if err := json.Unmarshal(out, &peer); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]string{"x.2." + w.Name, "x.3." + w.Name}, peer[0].Others); d != "" {
			t.Errorf("others (-want +peer):\n%s", d)
		}
		if want := alone.Begin.Format(time.RFC3339Nano); peer[3].Begin != want {
			t.Errorf("events alone begin at %q, want %q", peer[3].Begin, want)
		}
		for i, r := range append(append([]*signal.Recording{rec}, rec.Others...), alone, own) {
			p := peer[i]
			var names []string
			for _, f := range signal.Schema(r.Info).Fields() {
				names = append(names, f.Name)
			}
			rows := int64(0)
			columns := map[string][]float64{}
			for _, run := range r.Runs() {
				rows += run.Len
				c := signal.NewChunk(r.Info, run.Start, int(run.Len))
				if len(r.Info.Channels) == 0 {
					break
				}
				if err := r.Data.ReadSamples(c.X, run.Start); err != nil {
					t.Fatal(err)
				}
				for ch, x := range c.X {
					name := names[ch]
					columns[name] = append(columns[name], x...)
				}
			}
			var units []signal.Unit
			for _, c := range r.Info.Channels {
				units = append(units, c.Unit)
			}
			outside := r.Outside()
			if p.Rows != rows || p.DuckDB != rows || p.Rate != r.Info.Rate || p.Events != len(r.Events)-len(outside) || !slices.Equal(p.Units, units) ||
				!slices.Equal(p.Names, names) || !slices.Equal(p.Channels, r.Info.Names()) {
				t.Errorf("%s: pyarrow has %d rows, DuckDB %d, want %d; rate %g, names %q, channels %q, units %v, %d events", paths[i], p.Rows, p.DuckDB, rows, p.Rate, p.Names, p.Channels, p.Units, p.Events)
			}
			if len(columns) > 0 {
				if d := cmp.Diff(columns, p.Columns); d != "" {
					t.Errorf("%s: samples (-written +pyarrow):\n%s", paths[i], d)
				}
			}
			for ch, name := range names[:len(r.Info.Channels)] {
				sum := 0.0
				for _, v := range columns[name] {
					sum += v
				}
				if math.Abs(sum-p.Sums[ch]) > 1e-9*math.Abs(sum)+1e-9 {
					t.Errorf("%s: the sum of %s in DuckDB is %g, want %g", paths[i], name, p.Sums[ch], sum)
				}
			}
			if d := cmp.Diff(outside, p.Outside); d != "" && len(outside)+len(p.Outside) > 0 {
				t.Errorf("%s: events outside (-written +pyarrow):\n%s", paths[i], d)
			}
			if d := cmp.Diff(r.Texts, p.Texts); d != "" && len(r.Texts)+len(p.Texts) > 0 {
				t.Errorf("%s: texts of the header (-written +pyarrow):\n%s", paths[i], d)
			}
			if w.Name == "parquet" {
				var described [][]any
				for k, c := range r.Info.Channels {
					row := []any{names[k], c.Name, string(c.Unit), string(c.Kind), c.Original, nil, nil}
					if c.Pos != nil {
						row[5] = []any{c.Pos[0], c.Pos[1], c.Pos[2]}
					}
					if c.Bad {
						row[6] = "bad"
					}
					described = append(described, row)
				}
				if d := cmp.Diff(described, p.Described); d != "" && len(described)+len(p.Described) > 0 {
					t.Errorf("%s: what is known of the channels (-written +DuckDB):\n%s", paths[i], d)
				}
				if d := cmp.Diff(p.Outside, p.DuckDBOutside); d != "" || p.DuckDBRate == "" {
					t.Errorf("%s: DuckDB has the rate %q and other events (-pyarrow +DuckDB):\n%s", paths[i], p.DuckDBRate, d)
				}
			}
		}
	})
}
