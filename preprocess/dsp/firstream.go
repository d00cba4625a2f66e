package dsp

// FIRFilter runs taps over a signal that comes in pieces: y[t] = Σ_k h[k]·x[t−k].
type FIRFilter struct {
	back []float64 // the taps, the last one first: in the order of the samples they meet
}

// FIRState is the memory of a FIRFilter for one channel.
type FIRState struct {
	x   []float64 // the last len(taps)−1 samples, and room for what comes
	out []float64
}

// firBlock is the number of samples that are filtered at a time: with their history they stay in the first-level cache.
const firBlock = 512

// NewFIRFilter prepares the taps h, at least one.
func NewFIRFilter(h []float64) *FIRFilter {
	f := &FIRFilter{back: append([]float64(nil), h...)}
	reverse(f.back)
	return f
}

// NewState is the memory of one channel, at rest.
func (f *FIRFilter) NewState() FIRState {
	return FIRState{x: make([]float64, len(f.back)-1+firBlock), out: make([]float64, firBlock)}
}

// Filt filters x into dst, which may be x, and carries the state from call to call. What comes out depends on the samples
// so far and on nothing else, bit for bit. A NaN is forgotten when it leaves the taps.
func (f *FIRFilter) Filt(dst, x []float64, s *FIRState) {
	past := len(f.back) - 1
	for len(x) > 0 {
		n := min(len(x), firBlock)
		copy(s.x[past:], x[:n])
		SumRows(s.out[:(n+Columns-1)/Columns*Columns], f.back, s.x, 1)
		copy(dst, s.out[:n])
		copy(s.x, s.x[n:past+n])
		dst, x = dst[n:], x[n:]
	}
}
