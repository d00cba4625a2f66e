package nn_test

import (
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/foundation/nn"
	"github.com/gyrus-bci/gyrus/foundation/nn/nntest"
)

func TestSequenceLayers(t *testing.T) {
	for _, tc := range []struct {
		name   string
		define func() nn.Layer
		in     nn.Shape
	}{
		{"layer norm", func() nn.Layer { return &nn.LayerNorm{} }, nn.Shape{3, 6}},
		{"attention", func() nn.Layer { return &nn.Attention{Heads: 2} }, nn.Shape{5, 6}},
		{"attention, own width and scale", func() nn.Layer { return &nn.Attention{Heads: 2, Width: 4, Scale: 3} }, nn.Shape{5, 6}},
		{"attention, causal", func() nn.Layer { return &nn.Attention{Heads: 1, Causal: true} }, nn.Shape{6, 4}},
		{"attention, dropout", func() nn.Layer { return &nn.Attention{Heads: 2, Dropout: 0.3} }, nn.Shape{5, 6}},
		{"attention, axis 0", func() nn.Layer { return &nn.Attention{Heads: 2} }, nn.Shape{3, 4, 6}},
		{"attention, axis 1", func() nn.Layer { return &nn.Attention{Heads: 2, Axis: 1} }, nn.Shape{3, 4, 6}},
		{"criss-cross", func() nn.Layer { return &nn.CrissCross{Heads: 4} }, nn.Shape{3, 4, 8}},
		{"lstm", func() nn.Layer { return &nn.LSTM{Hidden: 5} }, nn.Shape{4, 3}},
		{"lstm, one token", func() nn.Layer { return &nn.LSTM{Hidden: 3} }, nn.Shape{1, 3}},
		{"gru", func() nn.Layer { return &nn.GRU{Hidden: 5} }, nn.Shape{4, 3}},
		{"gru, last", func() nn.Layer { return nn.Seq(&nn.GRU{Hidden: 5}, &nn.Last{}) }, nn.Shape{4, 3}},
		{"prelu", func() nn.Layer { return &nn.PReLU{} }, nn.Shape{3, 7}},
		{"positions", func() nn.Layer { return &nn.Positions{} }, nn.Shape{4, 3}},
		{"class token", func() nn.Layer { return &nn.ClassToken{} }, nn.Shape{4, 3}},
		{"gate", func() nn.Layer { return &nn.Gate{} }, nn.Shape{3, 8}},
		{"layers without an input gradient", func() nn.Layer { return nn.Seq(&nn.LayerNorm{}, &nn.Attention{Heads: 1}, &nn.LSTM{Hidden: 2}) }, nn.Shape{3, 4}},
	} {
		t.Run(tc.name, func(t *testing.T) { nntest.Check(t, tc.define, tc.in, nntest.Options{}) })
	}
	t.Run("embedding", func(t *testing.T) {
		nntest.Check(t, func() nn.Layer { return nn.Seq(&nn.Embedding{Count: 7, Width: 3}, &nn.Linear{Out: 2}) }, nn.Shape{4},
			nntest.Options{Discrete: true, Input: func(rng *rand.Rand, x []float32) {
				for i := range x {
					x[i] = float32(rng.IntN(7))
				}
			}})
	})
}
