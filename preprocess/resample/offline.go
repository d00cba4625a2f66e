package resample

import (
	"fmt"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.RegisterOffline("resample_fft", func() preprocess.Offline { return &FFT{Rate: 128} })
}

// FFT changes the sampling rate of a finished recording by cutting or extending its spectrum (see dsp.NewFFTResample),
// with no transition band at all. A channel with a NaN or an infinity comes out as NaN from end to end of its stretch.
//
// With n samples at the old and m at the new rate, the first min(n, m)/2 values of the discrete Fourier transform are kept,
// the rest are 0, and the transform back is multiplied by m/n
// (https://docs.scipy.org/doc/scipy/reference/generated/scipy.signal.resample.html). [channels][samples] in the unit of the
// channels; events move with the time axis.
type FFT struct {
	Rate float64 `json:"rate_hz" doc:"new sampling rate in Hz; over the old one it must be a ratio of whole numbers up to 20000"`
	MNE  bool    `json:"as_mne" doc:"true gives the numbers of mne.filter.resample(npad='auto'), whose rounding puts samples up to two off their place; false puts them where their times say"`
}

// Apply resamples c.
func (f *FFT) Apply(c signal.Chunk) (signal.Chunk, error) {
	up, down, err := ratio(c.Info.Rate, f.Rate)
	if err != nil {
		return signal.Chunk{}, fmt.Errorf("resample_fft: %w", err)
	}
	info := *c.Info
	info.Rate = f.Rate
	if c.Len() == 0 || up == down {
		out := c.Clone()
		out.Info = &info
		return out, nil
	}
	a := axis{up: int64(up), down: int64(down), begin: c.Start}
	first := a.first()
	n := int(-floorDiv(-c.End()*a.up, a.down) - first) // the outputs that lie in the stretch
	if n <= 0 && len(c.Events) > 0 {
		return signal.Chunk{}, fmt.Errorf("resample_fft: the samples [%d, %d) between two gaps are so few that none remains at %g Hz, but they have %d events; bridge the gaps or keep the rate", c.Start, c.End(), f.Rate, len(c.Events))
	}
	plan, err := f.plan(c, up, down, int(first*a.down-c.Start*a.up))
	if err != nil {
		return signal.Chunk{}, fmt.Errorf("resample_fft: %w", err)
	}
	y := make([]float64, plan.Len())
	out := signal.NewChunk(&info, first, min(n, len(y)))
	sample, part := a.at(first)
	out.Time = c.TimeAt(sample) + nanoseconds(part, a.up, c.Info.Rate)
	for ch, x := range c.X {
		if c.Info.Channels[ch].Kind != signal.Trigger {
			plan.Resample(y, x)
			copy(out.X[ch], y)
			continue
		}
		for k := range out.X[ch] {
			lo, hi := a.span(first + int64(k))
			out.X[ch][k] = code(x[lo-c.Start : min(hi, c.End())-c.Start])
		}
	}
	for _, e := range c.Events {
		e.Sample = min(a.nearest(e.Sample), out.End()-1)
		out.Events = append(out.Events, e)
	}
	return out, nil
}

// plan is the way from the samples of c to those of the new rate, the first of which lies offset/up samples behind the
// first of c.
func (f *FFT) plan(c signal.Chunk, up, down, offset int) (*dsp.FFTResample, error) {
	if f.MNE {
		return dsp.NewFFTResampleMNE(c.Len(), c.Info.Rate, f.Rate)
	}
	return dsp.NewFFTResample(c.Len(), up, down, offset)
}
