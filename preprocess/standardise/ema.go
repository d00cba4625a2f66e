// Package standardise brings channels to a common scale as the signal comes.
package standardise

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.Register("ema_standardise", func() preprocess.Processor {
		return &EMA{Factor: 0.001, Eps: 1e-4, Kinds: []signal.Kind{signal.EEG}}
	})
}

// EMA is exponential moving standardisation, channel by channel (Schirrmeister et al. 2017, doi:10.1002/hbm.23730,
// section 2.4.1), the exponential_moving_standardize of braindecode:
//
//	m[t] = Σ (1−α)^i x[t−i] / Σ (1−α)^i                  i = 0 … t
//	v[t] = Σ (1−α)^i (x[t−i] − m[t−i])² / Σ (1−α)^i
//	y[t] = (x[t] − m[t]) / max(√v[t], eps_uv)
//
// The weights are divided by their sum, so that the first samples are not drawn to 0; y[0] is 0. What comes out has no
// unit. With init_block_s, the first samples are held back until they are all there and standardised by their own mean
// and standard deviation instead; what follows is as without. At the end of a shorter stream the block is what came.
//
// A sample that is NaN or infinite comes out as NaN and counts for nothing; those behind it are as good as ever. A flat
// channel gives 0.
type EMA struct {
	Factor    float64       `json:"factor_new" doc:"weight α of the newest sample, above 0, at most 1; 0.001 at 250 Hz forgets in 4 s"`
	InitBlock float64       `json:"init_block_s" doc:"how much of the start of a stream is standardised at once, seconds, which delays it so much; 0 for none; within a day"`
	Eps       float64       `json:"eps_uv" doc:"smallest standard deviation to divide by, µV, above 0"`
	Kinds     []signal.Kind `json:"kinds" doc:"kinds of channel that are standardised: eeg, eog, ecg, emg, seeg, ecog, misc; the others stay as they are"`

	in, info *signal.Info
	does     []bool
	ch       []moments
	block    int64        // samples held back
	held     signal.Chunk // their copy
	events   []signal.Event
	n        int64 // samples so far, at most block
	out      signal.Buffer
}

// moments is what one channel remembers.
type moments struct{ mean, square average }

// average is an exponentially weighted mean.
type average struct{ value, weight float64 }

// add is the mean with x as its newest value, by the recursion of pandas.
func (a *average) add(x, keep float64) float64 {
	a.weight *= keep
	a.value = (float64(a.weight*a.value) + x) / (a.weight + 1)
	a.weight++
	return a.value
}

// Start forgets the stream.
func (s *EMA) Start(in *signal.Info) (*signal.Info, error) {
	switch {
	case !(s.Factor > 0 && s.Factor <= 1): // also catches NaN
		return nil, fmt.Errorf("ema_standardise: factor_new is %g, must be above 0 and at most 1", s.Factor)
	case !(s.Eps > 0) || math.IsInf(s.Eps, 0):
		return nil, fmt.Errorf("ema_standardise: eps_uv is %g, must be above 0 and finite", s.Eps)
	case !(s.InitBlock >= 0 && s.InitBlock <= 86400):
		return nil, fmt.Errorf("ema_standardise: init_block_s is %g, must be at least 0 and at most a day (86400 s)", s.InitBlock)
	}
	out := *in
	out.Channels = slices.Clone(in.Channels)
	s.does = make([]bool, len(in.Channels))
	for ch, c := range in.Channels {
		if slices.Contains(s.Kinds, c.Kind) {
			s.does[ch] = true
			out.Channels[ch].Unit = signal.NoUnit
		}
	}
	if !slices.Contains(s.does, true) {
		return nil, fmt.Errorf("ema_standardise: none of the %d channels is of the kinds %v", len(in.Channels), s.Kinds)
	}
	s.in, s.info = in, &out
	s.ch = make([]moments, len(in.Channels))
	s.block, s.n, s.held, s.events = in.Samples(s.InitBlock), 0, signal.Chunk{}, s.events[:0]
	return s.info, nil
}

// Ignores names none: every channel is standardised by itself.
func (s *EMA) Ignores() (names []string, separate bool) { return nil, true }

// Process standardises, or holds back what belongs to the block.
func (s *EMA) Process(c signal.Chunk) (signal.Chunk, error) {
	if c.Len() == 0 {
		return signal.Chunk{}, nil
	}
	if len(c.X) != len(s.ch) {
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(s.ch))
	}
	if s.n == s.block {
		out := s.out.Like(c, s.info)
		s.follow(out.X, c.X)
		return out, nil
	}
	return s.hold(c), nil
}

// hold keeps c and returns what is complete.
func (s *EMA) hold(c signal.Chunk) signal.Chunk {
	if s.n == 0 {
		s.held = signal.Chunk{Info: s.in, Start: c.Start, Time: c.Time, X: make([][]float64, len(c.X))}
	}
	take := min(int64(c.Len()), s.block-s.n)
	for ch, x := range c.X {
		s.held.X[ch] = append(s.held.X[ch], x[:take]...) // grows with what comes, whatever the parameter asks for
	}
	s.events = append(s.events, c.Events...)
	if s.n += take; s.n < s.block {
		return signal.Chunk{}
	}
	return s.release(c, take)
}

// release returns what was held, standardised at once, and the samples of c behind it.
func (s *EMA) release(c signal.Chunk, from int64) signal.Chunk {
	n := s.held.Len()
	out := s.out.Chunk(s.info, s.held.Start, n+c.Len()-int(from))
	out.Time, out.Events = s.held.Time, s.events
	rest := make([][]float64, len(out.X))
	tail := make([][]float64, len(out.X))
	for ch := range out.X {
		rest[ch], tail[ch] = out.X[ch][n:], nil
		if len(c.X) > 0 {
			tail[ch] = c.X[ch][from:]
		}
	}
	head := make([][]float64, len(out.X))
	for ch := range head {
		head[ch] = out.X[ch][:n]
	}
	s.follow(head, s.held.X) // the averages run through the block as well
	s.follow(rest, tail)
	for ch, x := range s.held.X {
		if s.does[ch] {
			standardise(out.X[ch][:n], x, s.Eps)
		}
	}
	s.held = signal.Chunk{}
	return out
}

// follow is the recursion, x to y.
func (s *EMA) follow(y, x [][]float64) {
	keep := 1 - s.Factor
	for ch := range x {
		if !s.does[ch] {
			copy(y[ch], x[ch])
			continue
		}
		// One order for all chunks, and no fused products: see dsp.SOS.
		m := &s.ch[ch]
		dst := y[ch][:len(x[ch])]
		for t, v := range x[ch] {
			if !(math.Abs(v) <= math.MaxFloat64) {
				m.mean.weight *= keep
				m.square.weight *= keep
				dst[t] = math.NaN()
				continue
			}
			d := v - m.mean.add(v, keep)
			dst[t] = d / max(math.Sqrt(m.square.add(float64(d*d), keep)), s.Eps)
		}
	}
}

// standardise takes the mean of the finite values of x from them and divides by their standard deviation.
func standardise(dst, x []float64, eps float64) {
	var n, sum, square float64
	for _, v := range x {
		if math.Abs(v) <= math.MaxFloat64 {
			sum += v
			n++
		}
	}
	mean := sum / n
	for _, v := range x {
		if math.Abs(v) <= math.MaxFloat64 {
			square += float64((v - mean) * (v - mean))
		}
	}
	sd := max(math.Sqrt(square/n), eps)
	for t, v := range x {
		dst[t] = (v - mean) / sd
		if !(math.Abs(v) <= math.MaxFloat64) {
			dst[t] = math.NaN()
		}
	}
}

// Flush returns a block that never became full.
func (s *EMA) Flush() (signal.Chunk, error) {
	if s.held.Len() == 0 {
		return signal.Chunk{}, nil
	}
	return s.release(signal.Chunk{}, 0), nil
}
