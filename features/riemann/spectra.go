package riemann

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"

	"github.com/gyrus-bci/gyrus/features"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	features.Register("cospectra", func() features.Step { return &Cospectra{Low: 8, High: 30, Window: 1, Overlap: 0.75} })
	features.Register("coherence", func() features.Step { return &Coherence{Low: 8, High: 30, Window: 1, Overlap: 0.75, Kind: Ordinary} })
}

// spectra computes the cross-spectra of Cospectra and Coherence. The means of the channels are not taken out; bins at 0 Hz see
// them.
type spectra struct {
	window
	n, step, stretches int
	from, bins         int
	taper              []float64
	scale              float64 // 1/(stretches·Σ w²)
	fft                *dsp.RealFFT
	work               *dsp.FFTWork
	cut                []float64
	out                []complex128
	x                  [][]complex128 // [channel][stretch·bins + bin]
}

func (s *spectra) start(in features.Format, low, high, length, overlap float64) error {
	s.names = nil
	if in.Len < 2 {
		return fmt.Errorf("gets %v, needs windows of at least 2 samples", in)
	}
	nyquist := in.Rate / 2
	if !(length*in.Rate <= float64(in.Len)+0.5) { // also catches NaN
		return fmt.Errorf("window_s is %g, but windows have %d samples (%g s); make it shorter", length, in.Len, float64(in.Len)/in.Rate)
	}
	s.n = int(math.Round(length * in.Rate))
	switch {
	case !(low >= 0 && low <= high && high <= nyquist):
		return fmt.Errorf("fmin_hz is %g and fmax_hz is %g, must ascend from 0 to %g (half the sampling rate)", low, high, nyquist)
	case !(overlap >= 0 && overlap < 1):
		return fmt.Errorf("overlap is %g, must be from 0 up to, not including, 1", overlap)
	case !(length > 0) || s.n < 4:
		return fmt.Errorf("window_s is %g, must be at least 4 samples (%g s)", length, 4/in.Rate)
	}
	s.step = max(1, int((1-overlap)*float64(s.n)))
	s.stretches = (in.Len-s.n)/s.step + 1
	df := in.Rate / float64(s.n)
	s.from, s.bins = -1, 0
	for k := range s.n/2 + 1 {
		if f := float64(k) * df; f >= low && f <= high {
			if s.from < 0 {
				s.from = k
			}
			s.bins++
		}
	}
	if s.bins == 0 {
		return fmt.Errorf("no bin from fmin_hz %g to fmax_hz %g: they are %g Hz apart; make lengths longer or the band wider", low, high, df)
	}
	s.taper = make([]float64, s.n)
	power := 0.0
	for t := range s.taper {
		s.taper[t] = 0.5 - 0.5*math.Cos(2*math.Pi*float64(t)/float64(s.n-1))
		power += s.taper[t] * s.taper[t]
	}
	s.scale = 1 / (float64(s.stretches) * power)
	s.fft = dsp.NewRealFFT(s.n)
	s.work, s.cut, s.out = s.fft.NewWork(), make([]float64, s.n), make([]complex128, s.fft.Bins())
	s.x = make([][]complex128, len(in.Names))
	for ch := range s.x {
		s.x[ch] = make([]complex128, s.stretches*s.bins)
	}
	s.window = window{names: append([]string(nil), in.Names...), len: in.Len}
	return nil
}

// transform fills s.x from the window x.
func (s *spectra) transform(dst []float64, x [][]float64) error {
	if err := s.check(dst, spd.Packed(len(s.names)), x); err != nil {
		return err
	}
	if err := s.finite(x); err != nil {
		return err
	}
	for ch, row := range x {
		for k := range s.stretches {
			for t, v := range row[k*s.step : k*s.step+s.n] {
				s.cut[t] = v * s.taper[t]
			}
			s.fft.Transform(s.out, s.cut, s.work)
			copy(s.x[ch][k*s.bins:(k+1)*s.bins], s.out[s.from:])
		}
	}
	return nil
}

// cross is S_cd of bin k (from 0 within the band).
func (s *spectra) cross(c, d, k int) complex128 {
	var re, im float64
	for i := k; i < len(s.x[c]); i += s.bins {
		a, b := s.x[c][i], s.x[d][i]
		re += real(a)*real(b) + imag(a)*imag(b)
		im += real(a)*imag(b) - imag(a)*real(b)
	}
	f := s.scale
	if bin := s.from + k; bin != 0 && 2*bin != s.n {
		f *= 2
	}
	return complex(re*f, im*f)
}

// Cospectra is the real part of the cross-spectrum of the channels, averaged over the bins of a band: a covariance of the
// band without a filter, in the channels' unit squared, as the upper triangle of the matrix (Barachant and Congedo's
// CoSpectra in pyRiemann gives it for each bin). It is positive definite where stretches times bins are at least about
// half as many as channels and no channel depends on the others.
//
// The window is cut into stretches of Window seconds that overlap; each gets a symmetric Hann window w and is Fourier
// transformed to X_c(f). The cross-spectrum is
//
//	S_cd(f) = 2·mean over stretches of conj(X_c(f))·X_d(f) / Σ w²      (without the 2 at 0 Hz and at half the rate)
//
// as pyRiemann's cross_spectrum, whose stretches are rounded to powers of two.
//
// The estimate of S is that of Welch 1967 (doi:10.1109/TAU.1967.1161901); the row has channels·(channels+1)/2 numbers
// (https://pyriemann.readthedocs.io).
type Cospectra struct {
	Low     float64 `json:"fmin_hz" doc:"lowest frequency, in Hz, at least 0"`
	High    float64 `json:"fmax_hz" doc:"highest frequency, in Hz, up to half the sampling rate; bins from fmin_hz to fmax_hz are averaged"`
	Window  float64 `json:"window_s" doc:"length of a stretch, in seconds, up to that of the window; bins are 1/window_s apart"`
	Overlap float64 `json:"overlap" doc:"part of a stretch that the next one shares, from 0 up to, not including, 1"`

	spectra
}

// Start checks the parameters. The numbers are called "cospectrum(C3,C3)", "cospectrum(C3,C4)", ….
func (c *Cospectra) Start(in features.Format) (features.Format, error) {
	if err := c.start(in, c.Low, c.High, c.Window, c.Overlap); err != nil {
		return features.Format{}, fmt.Errorf("cospectra: %w", err)
	}
	return features.Format{Names: pairs("cospectrum", in.Names)}, nil
}

// Extract fills dst [n·(n+1)/2] from x [channels, samples].
func (c *Cospectra) Extract(dst []float64, x [][]float64) error {
	if err := c.transform(dst, x); err != nil {
		return fmt.Errorf("cospectra: %w", err)
	}
	i := 0
	for a := range x {
		for b := a; b < len(x); b++ {
			sum := 0.0
			for k := range c.bins {
				sum += real(c.cross(a, b, k))
			}
			dst[i] = sum / float64(c.bins)
			i++
		}
	}
	return nil
}

// Kind is a kind of coherence.
type Kind string

// The kinds that exist.
const (
	Ordinary      Kind = "ordinary"
	Instantaneous Kind = "instantaneous"
	Lagged        Kind = "lagged"
	Imaginary     Kind = "imaginary"
)

func (k Kind) check() error {
	if k != Ordinary && k != Instantaneous && k != Lagged && k != Imaginary {
		return fmt.Errorf(`kind is %q, must be "ordinary", "instantaneous", "lagged" or "imaginary"`, string(k))
	}
	return nil
}

// UnmarshalJSON accepts the names above.
func (k *Kind) UnmarshalJSON(data []byte) error {
	var word string
	if err := json.Unmarshal(data, &word); err != nil || Kind(word).check() != nil {
		return fmt.Errorf(`key "kind": is %s, must be "ordinary", "instantaneous", "lagged" or "imaginary"`, strings.TrimSpace(string(data)))
	}
	*k = Kind(word)
	return nil
}

// JSONSchema describes the values for editors (JSON Schema 2020-12).
func (Kind) JSONSchema() map[string]any {
	return map[string]any{"enum": []any{string(Ordinary), string(Instantaneous), string(Lagged), string(Imaginary)}}
}

// Coherence is the squared coherence of every pair of channels, from 0 to 1, averaged over the bins of a band, as the
// upper triangle of the matrix (Pascual-Marqui 2007, arXiv:0711.1455; Nolte et al. 2004,
// doi:10.1016/j.clinph.2004.04.029; pyRiemann's Coherences gives it for each bin). With S the cross-spectrum:
//
//	ordinary       |S_cd|² / (S_cc·S_dd)
//	instantaneous  Re² S_cd / (S_cc·S_dd)
//	lagged         Im² S_cd / (S_cc·S_dd − Re² S_cd), 0 on the diagonal; not defined at 0 Hz and half the rate
//	imaginary      Im² S_cd / (S_cc·S_dd), 0 on the diagonal
//
// Only the ordinary and the instantaneous kind give positive semi-definite matrices. With one stretch the ordinary
// coherence is 1 whatever the signal, so at least two are needed, and of one channel it is
// always 1. A flat channel has no coherence, which is an error.
type Coherence struct {
	Low     float64 `json:"fmin_hz" doc:"lowest frequency, in Hz, at least 0"`
	High    float64 `json:"fmax_hz" doc:"highest frequency, in Hz, up to half the sampling rate; bins from fmin_hz to fmax_hz are averaged"`
	Window  float64 `json:"window_s" doc:"length of a stretch, in seconds, up to that of the window; bins are 1/window_s apart"`
	Overlap float64 `json:"overlap" doc:"part of a stretch that the next one shares, from 0 up to, not including, 1"`
	Kind    Kind    `json:"kind" doc:"ordinary, instantaneous (in phase), lagged (out of phase, corrected for volume conduction) or imaginary (out of phase)"`

	spectra
}

// Start checks the parameters. The numbers are called "coherence(C3,C3)", "coherence(C3,C4)", ….
func (c *Coherence) Start(in features.Format) (features.Format, error) {
	if err := c.Kind.check(); err != nil {
		return features.Format{}, fmt.Errorf("coherence: %w", err)
	}
	if err := c.start(in, c.Low, c.High, c.Window, c.Overlap); err != nil {
		return features.Format{}, fmt.Errorf("coherence: %w", err)
	}
	var err error
	switch {
	case len(in.Names) < 2:
		err = fmt.Errorf("gets %v, needs at least two channels: coherence is between them; use more, or cospectra for the power of one", in)
	case c.stretches < 2:
		err = fmt.Errorf("window_s is %g, which makes one stretch of the window, for which coherence is always 1; make it shorter", c.Window)
	case c.Kind == Lagged && (c.from == 0 || 2*(c.from+c.bins-1) == c.n):
		err = fmt.Errorf("the band from fmin_hz %g to fmax_hz %g has a bin at 0 Hz or at half the sampling rate, where lagged coherence does not exist", c.Low, c.High)
	}
	if err != nil {
		c.names = nil
		return features.Format{}, fmt.Errorf("coherence: %w", err)
	}
	return features.Format{Names: pairs("coherence", in.Names)}, nil
}

// Extract fills dst [n·(n+1)/2] from x [channels, samples].
func (c *Coherence) Extract(dst []float64, x [][]float64) error {
	if err := c.transform(dst, x); err != nil {
		return fmt.Errorf("coherence: %w", err)
	}
	for ch := range x {
		constant := flat(x[ch]) // which leaks into the band
		for k := range c.bins {
			if constant || real(c.cross(ch, ch, k)) == 0 {
				return fmt.Errorf("coherence: channel %q has no power at %g Hz: it is flat; leave the channel out or repair its electrode",
					c.names[ch], float64(c.from+k)/c.Window)
			}
		}
	}
	i := 0
	for a := range x {
		for b := a; b < len(x); b++ {
			sum := 0.0
			for k := range c.bins {
				sum += c.of(c.cross(a, b, k), real(c.cross(a, a, k))*real(c.cross(b, b, k)), a == b)
			}
			dst[i] = sum / float64(c.bins)
			i++
		}
	}
	return nil
}

// flat says whether all samples are the same.
func flat(x []float64) bool {
	for _, v := range x {
		if v != x[0] {
			return false
		}
	}
	return true
}

// of is the coherence for a cross-spectrum and the product of the powers.
func (c *Coherence) of(s complex128, power float64, same bool) float64 {
	re2, im2 := real(s)*real(s), imag(s)*imag(s)
	switch {
	case c.Kind == Ordinary:
		return (re2 + im2) / power
	case c.Kind == Instantaneous:
		return re2 / power
	case c.Kind == Imaginary:
		return im2 / power
	case same || im2 == 0:
		return 0
	}
	return im2 / (power - re2)
}
