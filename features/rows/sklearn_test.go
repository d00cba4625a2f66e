package rows_test

import (
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/rows"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func TestStandardiseAgainstScikitLearn(t *testing.T) {
	raw, err := os.ReadFile("testdata/standardise.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Program string      `json:"program"`
		Rows    [][]float64 `json:"rows"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	x := make([][]float64, 40) // as in standardise.py
	for i := range x {
		for j := range 4 {
			x[i] = append(x[i], float64((7*i*i+31*j)%101)*math.Pow(10, float64(3*j-3))+float64(5*j))
		}
		x[i] = append(x[i], 7.25)
	}
	s := &rows.Standardise{}
	if _, err := s.Start(features.Format{Names: []string{"a", "b", "c", "d", "same"}}); err != nil {
		t.Fatal(err)
	}
	if err := s.FitRows(x[:30], signal.Labels{}); err != nil {
		t.Fatal(err)
	}
	var got []float64
	for _, row := range x[30:] {
		y := make([]float64, len(row))
		if err := s.Transform(y, row); err != nil {
			t.Fatal(err)
		}
		got = append(got, y...)
	}
	paritytest.Within(t, "standardised rows", g.Program, "generated", got, slices.Concat(g.Rows...), 1e-12)
}
