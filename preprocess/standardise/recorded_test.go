package standardise_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	_ "github.com/gyrus-bci/gyrus/ingest/text"
	"github.com/gyrus-bci/gyrus/preprocess/standardise"
)

// TestRecorded compares with pandas on the first channels of recordings, at every 500th sample.
func TestRecorded(t *testing.T) {
	raw, err := os.ReadFile("testdata/recorded.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string `json:"program"`
		Runs    []struct {
			Data     string      `json:"data"`
			Path     string      `json:"path"`
			Channels int         `json:"channels"`
			Check    float64     `json:"check"`
			Plain    [][]float64 `json:"plain"`
			Block    [][]float64 `json:"block"`
		} `json:"runs"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Runs) != 3 {
		t.Fatalf("%d recordings, must be 3", len(g.Runs))
	}
	for _, r := range g.Runs {
		all := datasettest.Whole(t, r.Path)
		idx := make([]int, r.Channels)
		for i := range idx {
			idx[i] = i
		}
		c, sum := signal.Chunk{Info: all.Info.Pick(idx), X: all.X[:r.Channels]}, 0.0
		for _, x := range c.X {
			for _, v := range x {
				sum += math.Abs(v)
			}
		}
		if !(math.Abs(sum-r.Check) <= 1e-9*r.Check) {
			t.Fatalf("%s: the samples add up to %g, those of the script to %g", r.Data, sum, r.Check)
		}
		for block, want := range map[float64][][]float64{0: r.Plain, 4: r.Block} {
			s := &standardise.EMA{Factor: 0.001, InitBlock: block, Eps: 1e-4, Kinds: []signal.Kind{signal.EEG}}
			if _, err := s.Start(c.Info); err != nil {
				t.Fatal(err)
			}
			y, err := s.Process(c)
			if err != nil {
				t.Fatal(err)
			}
			var got []float64
			for _, x := range y.X {
				for i := 0; i < len(x); i += 500 {
					got = append(got, x[i])
				}
			}
			what := "exponential moving standardisation"
			if block > 0 {
				what += ", first block by its own"
			}
			paritytest.Within(t, what, g.Program, r.Data, got, slices.Concat(want...), 1e-9)
		}
	}
}
