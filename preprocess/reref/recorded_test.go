package reref_test

import (
	"encoding/json"
	"os"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/reref"
)

// TestRecorded compares references of two recordings with MNE's, at every 1000th sample of some channels.
func TestRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		MNE  string `json:"mne"`
		Runs []struct {
			Data      string            `json:"data"`
			Path      string            `json:"path"`
			Channels  []string          `json:"channels"`
			Ears      []string          `json:"ears"`
			Pairs     [][]string        `json:"pairs"`
			Shown     []string          `json:"shown"`
			Average   [][]float64       `json:"average"`
			Linked    [][]float64       `json:"linked"`
			Single    [][]float64       `json:"single"`
			Bipolar   [][]float64       `json:"bipolar"`
			Sphere    []float64         `json:"sphere"`
			Positions []signal.Position `json:"positions"`
			CSD       [][]float64       `json:"csd"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Runs) != 2 {
		t.Fatalf("%d recordings, must be 2", len(g.Runs))
	}
	for _, r := range g.Runs {
		c := datasettest.Whole(t, r.Path)
		if len(c.X) != len(r.Channels) {
			t.Fatalf("%s: %d channels, MNE has %d", r.Data, len(c.X), len(r.Channels))
		}
		info := *c.Info
		info.Channels = slices.Clone(info.Channels)
		for ch := range r.Positions {
			info.Channels[ch].Pos = &r.Positions[ch]
		}
		c.Info = &info
		var pairs []string
		for _, p := range r.Pairs {
			pairs = append(pairs, p[0]+"-"+p[1])
		}
		for _, tc := range []struct {
			what  string
			step  preprocess.Processor
			shown []string
			want  [][]float64
		}{
			{"common average", &reref.CAR{}, r.Shown, r.Average},
			{"linked ears, of two temporal channels", &reref.LinkedEars{Channels: r.Ears}, r.Shown, r.Linked},
			{"reference of one channel", &reref.Reference{Channels: []string{"Cz"}}, r.Shown, r.Single},
			{"bipolar", &reref.Bipolar{Pairs: r.Pairs}, pairs, r.Bipolar},
			{"laplacian", &reref.Laplacian{Lambda: 1e-5, Stiffness: 4, Sphere: r.Sphere}, r.Shown, r.CSD},
		} {
			if tc.want == nil { // no template has positions for all channels of eegmat
				t.Logf("%s: no golden values of %s", r.Data, tc.what)
				continue
			}
			out, err := tc.step.Start(&info)
			if err != nil {
				t.Fatalf("%s: %v", tc.what, err)
			}
			y, err := tc.step.Process(c)
			if err != nil {
				t.Fatalf("%s: %v", tc.what, err)
			}
			var got []float64
			for _, name := range tc.shown {
				for i := 0; i < y.Len(); i += 1000 {
					got = append(got, y.X[out.Index(name)][i])
				}
			}
			paritytest.Within(t, tc.what, "MNE "+g.MNE, r.Data, got, slices.Concat(tc.want...), 1e-9)
		}
	}
}
