package filt_test

import (
	"encoding/json"
	"os"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/filt"
)

func TestDCAgainstSciPy(t *testing.T) {
	raw, err := os.ReadFile("testdata/dc.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string `json:"program"`
		Cases   []struct {
			Cutoff float64   `json:"cutoff_hz"`
			Y      []float64 `json:"y"` // every 5th sample
		} `json:"cases"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	info := &signal.Info{Rate: 250, Channels: []signal.Channel{{Name: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}
	c := signal.NewChunk(info, 0, 600)
	for i := range c.X[0] { // as in dc.py
		c.X[0][i] = float64((7919*i+i*i%31)%1009) - 300
	}
	var got, want []float64
	for _, tc := range g.Cases {
		f := &filt.DC{Cutoff: tc.Cutoff}
		if _, err := f.Start(info); err != nil {
			t.Fatal(err)
		}
		y, err := f.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range tc.Y {
			got, want = append(got, y.X[0][5*i]), append(want, v)
		}
	}
	paritytest.Within(t, "step dc", g.Program+" lfilter", "generated", got, want, 1e-9)
}
