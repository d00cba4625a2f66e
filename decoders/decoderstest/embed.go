package decoderstest

import (
	"math"
	"slices"
	"testing"

	"github.com/gyrus-bci/gyrus/decoders"
)

// embedding: every decoder of windows shows what its last layer sees, so that it can adapt: finite values, the same each
// time, without allocation, and different for windows of different classes. It changes nothing of the scores, and nothing
// of the window.
func (s *suite) embedding(t *testing.T) {
	if !s.windows {
		t.Skip("skipped: it reads rows, which are what adapts")
	}
	if e, ok := s.construct().(decoders.Embedder); !ok || e.EmbedLen() != 0 {
		t.Fatal("is no decoders.Embedder, or has an embedding before it is fitted")
	}
	d, x, _ := s.fitted(t)
	e, ok := decoders.AsEmbedder(d)
	if !ok || e.EmbedLen() > decoders.MaxEmbed {
		t.Fatalf("has no embedding, or one longer than %d", decoders.MaxEmbed)
	}
	before, after := make([]float64, len(s.classes)), make([]float64, len(s.classes))
	if err := d.Predict(before, x[0]); err != nil {
		t.Fatal(err)
	}
	a, b := make([]float64, e.EmbedLen()), make([]float64, e.EmbedLen())
	for i, dst := range [][]float64{a, b} { // the first two rows are of different classes
		row := slices.Clone(x[i])
		if err := e.Embed(dst, row); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(row, x[i]) {
			t.Error("changes the window")
		}
		for j, v := range dst {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				t.Fatalf("value %d is %g", j, v)
			}
		}
	}
	if slices.Equal(a, b) {
		t.Error("two windows of different classes have the same embedding")
	}
	again := make([]float64, len(a))
	if err := e.Embed(again, x[0]); err != nil || !slices.Equal(a, again) {
		t.Errorf("another embedding of the same window (%v)", err)
	}
	if err := d.Predict(after, x[0]); err != nil || !slices.Equal(before, after) {
		t.Errorf("other scores behind Embed (%v)", err)
	}
	if err := e.Embed(again[1:], x[0]); err == nil {
		t.Error("too little room is no error")
	}
	if err := e.Embed(again, x[0][1:]); err == nil {
		t.Error("a window that is too short is no error")
	}
	if n := testing.AllocsPerRun(10, func() { _ = e.Embed(a, x[0]) }); n > 0 {
		t.Errorf("Embed allocates %g times", n)
	}
}
