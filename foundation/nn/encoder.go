package nn

import "strconv"

// EncoderBlock is one pre-norm block of a transformer encoder: x + attention(norm(x)), then x + dense(norm(x)), where dense
// goes to hidden values, GELU, and back (Vaswani et al. 2017, arXiv:1706.03762; Xiong et al. 2020, arXiv:2002.04745). Its
// parameters are called norm1, attention, norm2, dense1 and dense2. Shapes: [tokens, width] → the same.
func EncoderBlock(width, heads, hidden int, dropout float64) Layer {
	drop := func() Named { return Named{Layer: &Dropout{P: dropout}} }
	return &Sequential{Layers: []Named{
		{Layer: &Residual{Body: Named{Layer: &Sequential{Layers: []Named{
			{"norm1", &LayerNorm{}}, {"attention", &Attention{Heads: heads, Dropout: dropout}}, drop(),
		}}}}},
		{Layer: &Residual{Body: Named{Layer: &Sequential{Layers: []Named{
			{"norm2", &LayerNorm{}}, {"dense1", &Linear{Out: hidden}}, {"", GELU()}, drop(), {"dense2", &Linear{Out: width}}, drop(),
		}}}}},
	}}
}

// Encoder is depth blocks, called "0", "1", ….
func Encoder(depth, width, heads, hidden int, dropout float64) *Sequential {
	s := &Sequential{}
	for i := range depth {
		s.Layers = append(s.Layers, Named{strconv.Itoa(i), EncoderBlock(width, heads, hidden, dropout)})
	}
	return s
}
