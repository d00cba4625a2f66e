package decoders

// MaxEmbed is the most values of an embedding.
const MaxEmbed = 256

// Embedder is a Windowed decoder that shows what its last layer makes its decision of: what is left to learn with those
// values is linear. A decoder that adapts puts a head of its own on them.
type Embedder interface {
	Windowed
	// EmbedLen is the number of values, 1 to MaxEmbed; 0 until fitted.
	EmbedLen() int
	// Embed fills dst [EmbedLen] for one window, as Predict would be given it. It neither allocates nor keeps x.
	Embed(dst, x []float64) error
}

// AsEmbedder is d as an Embedder, if it is one: see AsWindowed. A decoder with another one inside is one where that one is.
func AsEmbedder(d Fitter) (Embedder, bool) {
	if _, windows := AsWindowed(d); !windows {
		return nil, false
	}
	e, ok := d.(Embedder)
	return e, ok && e.EmbedLen() > 0
}

// Embedding makes embeddings of what goes into the last layer of a network. Where that is signals over time, [channels,
// steps], and long, it is averaged over stretches of time; what is longer than MaxEmbed all the same is folded: every
// value is added to one of foldTo sums, with a sign, both drawn by a hash of its position, which keeps scalar products in
// the mean (Weinberger et al. 2009, arXiv:0902.2206).
type Embedding struct {
	channels, steps int
	stretches       int // per channel
	fold            bool
}

// Sizes of embeddings: what is not longer than short is taken as it is.
const (
	short  = 64
	foldTo = 64
)

// NewEmbedding is for values of the given shape, as foundation/nn says it; nil for none.
func NewEmbedding(shape []int) Embedding {
	if len(shape) == 0 {
		return Embedding{}
	}
	e := Embedding{channels: 1, steps: 1, stretches: 1}
	for i, n := range shape {
		if i == len(shape)-1 && i > 0 {
			e.steps = n
		} else {
			e.channels *= n
		}
	}
	e.stretches = min(e.steps, max(1, short/e.channels))
	e.fold = e.channels*e.stretches > MaxEmbed
	return e
}

// Len is the number of values.
func (e Embedding) Len() int {
	if e.fold {
		return foldTo
	}
	return e.channels * e.stretches
}

// Fill makes the embedding dst of x.
func (e Embedding) Fill(dst []float64, x []float32) {
	clear(dst)
	at := 0
	for ch := range e.channels {
		row := x[ch*e.steps : (ch+1)*e.steps]
		for s := range e.stretches {
			lo, hi := s*e.steps/e.stretches, (s+1)*e.steps/e.stretches
			sum := 0.0
			for _, v := range row[lo:hi] {
				sum += float64(v)
			}
			v := sum / float64(hi-lo)
			if !e.fold {
				dst[at] = v
			} else if place := scatter(uint64(at)); place&1 == 0 {
				dst[place>>1%foldTo] += v
			} else {
				dst[place>>1%foldTo] -= v
			}
			at++
		}
	}
}

// scatter is a hash (the finaliser of SplitMix64, Steele et al. 2014, doi:10.1145/2660193.2660195).
func scatter(i uint64) uint64 {
	z := i*0x9e3779b97f4a7c15 + 0x9e3779b97f4a7c15
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}
