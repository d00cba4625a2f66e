package mix_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
)

func TestApply(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const chs, n = 5, 700 // more than two blocks
	x, rows := make([][]float64, chs), []mix.Row{mix.Copy(3)}
	for ch := range x {
		x[ch] = make([]float64, n)
		for i := range x[ch] {
			x[ch][i] = r.NormFloat64()
		}
	}
	for range 3 {
		w := make([]float64, chs-1)
		for i := range w {
			w[i] = r.NormFloat64()
		}
		w[1] = 0
		rows = append(rows, mix.Dense([]int{4, 3, 0, 1}, w, r.NormFloat64()))
	}
	dst := make([][]float64, len(rows))
	for i := range dst {
		dst[i] = make([]float64, n)
	}
	x[2][500] = math.NaN() // no row listens
	x[3][600] = math.NaN() // only the copy does
	mix.Apply(dst, x, rows)
	for i, row := range rows {
		for at := range n {
			want := row.Offset
			for k, ch := range row.From {
				want += row.Weights[k] * x[ch][at]
			}
			if got := dst[i][at]; math.Abs(got-want) > 1e-14 || math.IsNaN(got) != (i == 0 && at == 600) {
				t.Fatalf("row %d sample %d is %g, want %g", i, at, got, want)
			}
		}
	}
}

func TestStageErrors(t *testing.T) {
	info := &signal.Info{Rate: 100, Channels: []signal.Channel{{Name: "a"}, {Name: "b"}}}
	var s mix.Stage
	if _, err := s.Process(signal.NewChunk(info, 0, 3)); err == nil || s.Ready() {
		t.Error("works without rows")
	}
	s.Set(info, info, []mix.Row{mix.Copy(1), mix.Copy(0)})
	if _, err := s.Process(signal.NewChunk(info.Pick([]int{0}), 0, 3)); err == nil {
		t.Error("takes a chunk of 1 channel, was set for 2")
	}
	if c, err := s.Process(signal.NewChunk(info, 0, 0)); err != nil || c.Len() != 0 {
		t.Errorf("an empty chunk gives %d samples, %v", c.Len(), err)
	}
	s.Clear()
	if _, err := s.Process(signal.NewChunk(info, 0, 3)); err == nil {
		t.Error("works without rows")
	}
}
