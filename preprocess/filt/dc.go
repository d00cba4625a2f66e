package filt

import (
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func init() {
	preprocess.Register("dc", func() preprocess.Processor { return &DC{Cutoff: 0.1} })
}

// DC takes the electrode's offset and its slow drift out of every channel but triggers: a mean that forgets is taken from
// each sample, which is a causal high-pass of first order.
//
//	m[t] = m[t−1] + a·(x[t] − m[t−1]),   y[t] = x[t] − m[t],   a about 2π·cutoff_hz/rate
//
// Unlike highpass it starts at the level of the first sample, so there is no step to wait for. A NaN or an infinity comes
// out as NaN and is not taken into the mean.
//
// The mean is the exponentially weighted one of Roberts 1959 (doi:10.1080/00401706.1959.10489860). [channels][samples] and
// their unit stay as they are.
type DC struct {
	Cutoff float64 `json:"cutoff_hz" doc:"frequency in Hz where half the power is left; above 0 and below half the sampling rate; 1/(2 pi cutoff_hz) is the time constant in seconds"`

	each
	keep float64   // weight of the old mean
	mean []float64 // NaN before the first number
}

// Start computes the weight for in.Rate and forgets the means.
func (f *DC) Start(in *signal.Info) (*signal.Info, error) {
	if err := checkHz("dc", "cutoff_hz", f.Cutoff, in); err != nil {
		return nil, err
	}
	// Half the power of what half the rate has is left where r²(3−4c) + 2rc − 1 = 0, c being the cosine of the edge: the
	// form here loses nothing at low edges.
	half := math.Sin(math.Pi * f.Cutoff / in.Rate)
	c := math.Cos(2 * math.Pi * f.Cutoff / in.Rate)
	f.keep = 1 / (c + half*math.Sqrt(2*(3-c)))
	f.info, f.mean = in, make([]float64, len(in.Channels))
	for ch := range f.mean {
		f.mean[ch] = math.NaN()
	}
	return in, nil
}

// Process filters c.
func (f *DC) Process(c signal.Chunk) (signal.Chunk, error) { return f.process(c, f) }

func (f *DC) filt(ch int, dst, x []float64) {
	m := f.mean[ch]
	for t, v := range x {
		if v-v != 0 { // NaN or infinite
			dst[t] = math.NaN()
			continue
		}
		if m != m {
			m = v
		}
		y := float64(f.keep * (v - m))
		m = v - y
		dst[t] = y
	}
	f.mean[ch] = m
}

// section is the step as a transfer function, keep·(1 − z⁻¹) / (1 − keep·z⁻¹).
func (f *DC) section() dsp.SOS { return dsp.SOS{{B0: f.keep, B1: -f.keep, A1: -f.keep}} }

// DelaySeconds is by how much the filter makes a signal late, averaged over all frequencies with the power that it lets
// pass as the weight: next to nothing. It is 0 before Start.
func (f *DC) DelaySeconds() float64 {
	if f.info == nil {
		return 0
	}
	return f.section().MeanDelay(f.info.Rate)
}

// DelayAt is the group delay in seconds at hz Hz: negative near the cutoff, where the filter runs ahead. It is 0 before
// Start.
func (f *DC) DelayAt(hz float64) float64 {
	if f.info == nil {
		return 0
	}
	return f.section().GroupDelay(hz, f.info.Rate)
}
