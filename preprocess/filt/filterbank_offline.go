package filt

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.RegisterOffline("filterbank_zero_phase", func() preprocess.Offline {
		return &FilterbankZeroPhase{Bands: [][]float64{{4, 8}, {8, 12}, {12, 16}, {16, 20}, {20, 24}, {24, 28}, {28, 32}, {32, 36}, {36, 40}}}
	})
}

// FilterbankZeroPhase is Filterbank for finished recordings, with the filters of FIRZeroPhase: no delay. A NaN is an
// error: it would be in every band of its channel, over the length of the taps around it.
//
// What comes out has bands × channels channels, band by band, in the unit of the channels (filter banks: Ang et al. 2008,
// doi:10.1109/IJCNN.2008.4634130; filters: Widmann, Schröger and Maess 2015, doi:10.1016/j.jneumeth.2014.08.002).
type FilterbankZeroPhase struct {
	Bands [][]float64 `json:"bands" doc:"lower and upper edge of each band in Hz: [[4, 8], [8, 12]]"`
}

// Apply filters c once for each band.
func (f *FilterbankZeroPhase) Apply(c signal.Chunk) (signal.Chunk, error) {
	info, pick, err := banked("filterbank_zero_phase", c.Info, f.Bands)
	if err != nil {
		return signal.Chunk{}, err
	}
	for _, ch := range pick {
		if t := slices.IndexFunc(c.X[ch], func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }); t >= 0 {
			return signal.Chunk{}, fmt.Errorf("filterbank_zero_phase: sample %d of %s is %g, must be a number; leave the channel out, or cut the recording there",
				c.Start+int64(t), c.Info.Channels[ch].Name, c.X[ch][t])
		}
	}
	out := signal.NewChunk(info, c.Start, c.Len())
	out.Time, out.Events = c.Time, slices.Clone(c.Events)
	for b, edges := range f.Bands {
		h, err := firTaps("filterbank_zero_phase", edges[0], edges[1], false, 0, 0, "hamming", c.Info)
		if err != nil {
			return signal.Chunk{}, fmt.Errorf("band %d: %w", b+1, err)
		}
		fir, err := dsp.NewZeroPhaseFIR(h, c.Len())
		if err != nil {
			return signal.Chunk{}, fmt.Errorf("filterbank_zero_phase: band %d: %w", b+1, err)
		}
		for i, ch := range pick {
			fir.Filt(out.X[b*len(pick)+i], c.X[ch])
		}
	}
	return out, nil
}
