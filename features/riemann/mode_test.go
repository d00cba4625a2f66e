package riemann_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/features/riemann"
)

// TestRecentreModes: run maps a new run as MapRun maps a training run, which is compared with pyRiemann; fixed maps it by the
// reference alone, whatever came before; incremental does neither.
func TestRecentreModes(t *testing.T) {
	row := func(a, b, c float64) []float64 { return []float64{a, b, c} }
	train := [][][]float64{{row(2, 0.3, 1), row(3, -0.2, 1.5), row(2.5, 0.1, 2)}}
	run := [][]float64{row(8, 1, 4), row(9, 0.5, 5), row(7, -1, 3)}
	f := features.Format{Names: []string{"a.a", "a.b", "b.b"}}
	mapped := map[string][][]float64{}
	want := [][]float64{make([]float64, 3), make([]float64, 3), make([]float64, 3)}
	for _, mode := range []string{"incremental", "run", "fixed"} {
		s, err := features.Steps().New("recentre", []byte(`{"mode":"`+mode+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		r := s.(*riemann.Recentre)
		if _, err := r.Start(f); err != nil {
			t.Fatal(err)
		}
		if err := r.FitRuns(train); err != nil {
			t.Fatal(err)
		}
		if err := r.MapRun(want, run); err != nil {
			t.Fatal(err)
		}
		if mode == "run" {
			if err := r.Transform(make([]float64, 3), run[0]); err == nil || !strings.Contains(err.Error(), "mode incremental") {
				t.Errorf("a row before its run is known: %v", err)
			}
			if err := r.SetRun(run); err != nil {
				t.Fatal(err)
			}
		}
		for _, x := range run {
			dst := make([]float64, 3)
			if err := r.Transform(dst, x); err != nil {
				t.Fatal(err)
			}
			mapped[mode] = append(mapped[mode], dst)
		}
		again := make([]float64, 3)
		if err := r.Transform(again, run[0]); err != nil {
			t.Fatal(err)
		}
		if moves := !slices.Equal(again, mapped[mode][0]); moves != (mode == "incremental") {
			t.Errorf("mode %s: the reference moves: %t", mode, moves)
		}
	}
	for i := range run {
		if !slices.Equal(mapped["run"][i], want[i]) {
			t.Errorf("mode run: row %d is %v, MapRun gives %v", i, mapped["run"][i], want[i])
		}
		if slices.Equal(mapped["fixed"][i], want[i]) {
			t.Errorf("mode fixed: row %d is mapped by its run", i)
		}
	}
}
