package dashboard

import (
	"math"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// Band is a range of frequencies with a name.
type Band struct {
	Name string  `json:"name"`
	Low  float64 `json:"low_hz"`  // from here
	High float64 `json:"high_hz"` // up to, not including, here
}

// bands are those of the scalp map, as clinicians name them (IFCN glossary, Kane et al. 2017, doi:10.1016/j.cnp.2017.07.002).
var bands = []Band{{"delta", 1, 4}, {"theta", 4, 8}, {"alpha", 8, 13}, {"beta", 13, 30}, {"gamma", 30, 45}}

const (
	spectrumS   = 2       // seconds of signal behind a spectrum
	spectrumHz  = 60      // up to here it is shown
	maxSpectrum = 4 << 20 // values that are held: 32 MiB
)

// spectra holds the newest two seconds of the channels and estimates their spectra.
type spectra struct {
	rate     float64
	channels int // the first so many: 4 Mi values are held at most
	win      int // samples
	plan     *dsp.WelchPlan
	work     *dsp.WelchWork
	shown    int // bins up to spectrumHz
	buf      [][]float64
	next     int64 // sample that continues what is held
}

// newSpectra looks at segments of one second, 1 Hz apart, that overlap by half.
func newSpectra(info *signal.Info) *spectra {
	seg := max(8, int(math.Round(info.Rate)))
	s := &spectra{rate: info.Rate, win: spectrumS * seg}
	s.channels = min(len(info.Channels), max(1, maxSpectrum/(2*s.win)))
	s.plan = dsp.NewWelchPlan(info.Rate, dsp.WelchOptions{SegLen: seg})
	s.work = s.plan.NewWork()
	for s.shown < s.plan.Bins() && s.plan.Freq(s.shown) <= spectrumHz {
		s.shown++
	}
	s.buf = make([][]float64, s.channels)
	return s
}

// add takes c in. Nothing reaches over a gap.
func (s *spectra) add(c signal.Chunk) {
	if c.Anew || c.Start != s.next {
		for ch := range s.buf {
			s.buf[ch] = s.buf[ch][:0]
		}
	}
	s.next = c.End()
	for ch := range s.buf {
		x := c.X[ch]
		x = x[max(0, len(x)-s.win):]
		b := s.buf[ch]
		if b == nil {
			b = make([]float64, 0, 2*s.win)
		}
		if len(b)+len(x) > cap(b) { // keep the newest: each sample is moved once in a window
			n := copy(b, b[max(0, len(b)-s.win):])
			b = b[:n]
		}
		s.buf[ch] = append(b, x...)
	}
}

// estimate is the power spectral density of every channel in µV²/Hz [channels][bins], nil where there is not enough signal yet.
func (s *spectra) estimate() [][]float64 {
	if len(s.buf[0]) < s.win {
		return nil
	}
	psd := make([][]float64, s.channels)
	for ch, b := range s.buf {
		psd[ch] = make([]float64, s.plan.Bins())
		s.plan.PSD(psd[ch], b[len(b)-s.win:], s.work)
	}
	return psd
}

// bandDB is the power of a band in dB of 1 µV², −∞ for a flat channel and NaN where the band is above what the rate shows.
func (s *spectra) bandDB(psd []float64, b Band) float64 {
	if b.High > s.rate/2 {
		return math.NaN()
	}
	sum := 0.0
	for k, v := range psd {
		if f := s.plan.Freq(k); b.Low <= f && f < b.High {
			sum += v
		}
	}
	return decibel(sum * s.plan.Freq(1))
}

// decibel is 10·log10, −∞ of 0.
func decibel(power float64) float64 { return 10 * math.Log10(power) }
