package spatial

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	preprocess.Register("ssd", func() preprocess.Processor {
		return &SSD{Low: 9, High: 12, NoiseLow: 7, NoiseHigh: 14, Order: 2, Components: 4, Output: sources}
	})
}

// SSD finds the components of the EEG channels with the most power in a band over the power in its flanks
// (spatio-spectral decomposition, Nikulin, Nolte & Curio 2011, doi:10.1016/j.neuroimage.2011.01.057): the w that solve
//
//	S·w = λ·N·w,   wᵀ·N·w = 1
//
// for the covariances S of the training signal in the band, and N of what the wider band has beyond it, in order of falling
// λ, the signal-to-noise ratio. It is MNE's SSD with sort_by_spectral_ratio off. The filters are Butterworth's of the given
// order run forward and backward over the training signal; the stream itself is not filtered.
//
// Data need not have full rank: components are sought within the range of N (see spd.RankTol).
//
// EEG channels that the source of the training signal marks as bad are in no component, like MNE's: with output cleaned they pass
// as they are, with sources they are left out with the other EEG channels. The notes of the fit name them.
type SSD struct {
	Low        float64 `json:"low_hz" doc:"lower edge of the band that matters, in Hz"`
	High       float64 `json:"high_hz" doc:"upper edge of the band that matters, in Hz"`
	NoiseLow   float64 `json:"noise_low_hz" doc:"lower edge of the flanks, in Hz, above 0 and at most low_hz"`
	NoiseHigh  float64 `json:"noise_high_hz" doc:"upper edge of the flanks, in Hz, at least high_hz and below half the sampling rate"`
	Order      int     `json:"order" doc:"of the Butterworth filters, run forward and backward, 1 to 8"`
	Components int     `json:"components" doc:"number of components to keep, 1 up to the rank of the EEG channels"`
	Output     string  `json:"output" doc:"sources (the components as channels ssd1, ssd2, … in the place of the EEG) or cleaned (the part of the EEG channels that the components make)"`

	// Filters is one component per row [components, EEG channels] in 1/µV, Patterns its topography [EEG channels,
	// components] in µV, Ratios its λ; nil until fitted. Channels that were bad have zeros.
	Filters  [][]float64 `json:"-"`
	Patterns [][]float64 `json:"-"`
	Ratios   []float64   `json:"-"`

	in   *signal.Info
	eeg  []int
	band dsp.SOS
	wide dsp.SOS
	mix.Stage
	rank int      // of the flanks in the last calibration, 0 where it is not known
	bad  []string // in the last calibration
}

// Start checks the parameters and designs the filters.
func (s *SSD) Start(in *signal.Info) (*signal.Info, error) {
	s.Clear()
	s.in, s.eeg = nil, eegChannels(in)
	switch {
	case !(0 < s.NoiseLow && s.NoiseLow <= s.Low && s.Low < s.High && s.High <= s.NoiseHigh && s.NoiseHigh < in.Rate/2): // also catches NaN
		return nil, fmt.Errorf("ssd: bands are %g to %g Hz within %g to %g Hz, must be 0 < noise_low_hz ≤ low_hz < high_hz ≤ noise_high_hz < %g (half the sampling rate)",
			s.Low, s.High, s.NoiseLow, s.NoiseHigh, in.Rate/2)
	case s.NoiseLow == s.Low && s.NoiseHigh == s.High:
		return nil, fmt.Errorf("ssd: both bands are %g to %g Hz: nothing would be left of the flanks", s.Low, s.High)
	case s.Order < 1 || s.Order > 8:
		return nil, fmt.Errorf("ssd: order is %d, must be from 1 to 8", s.Order)
	case s.Components < 1 || s.Components > len(s.eeg):
		return nil, fmt.Errorf("ssd: components is %d, must be from 1 to %d, the number of EEG channels", s.Components, len(s.eeg))
	case s.Filters != nil && len(s.Filters[0]) != len(s.eeg):
		return nil, fmt.Errorf("ssd: was fitted on %d EEG channels, now gets %d; use the channels of the training data", len(s.Filters[0]), len(s.eeg))
	}
	if err := checkOutput(s.Output); err != nil {
		return nil, fmt.Errorf("ssd: %w", err)
	}
	var err error
	if s.band, err = dsp.Butter(s.Order, dsp.Bandpass(s.Low, s.High), in.Rate); err == nil {
		s.wide, err = dsp.Butter(s.Order, dsp.Bandpass(s.NoiseLow, s.NoiseHigh), in.Rate)
	}
	if err != nil {
		return nil, fmt.Errorf("ssd: %w", err)
	}
	s.in = in
	return s.prepare(), nil
}

// prepare makes the rows, if there is something fitted, and describes what comes out.
func (s *SSD) prepare() *signal.Info {
	out, rows := s.in, make([]mix.Row, len(s.in.Channels))
	if s.Output == sources {
		o := *s.in
		o.Channels, rows = numbered("ssd", s.Components), rows[:s.Components]
		for _, ch := range others(s.in) {
			o.Channels, rows = append(o.Channels, s.in.Channels[ch]), append(rows, mix.Copy(ch))
		}
		out = &o
	}
	if s.Filters == nil {
		return out
	}
	at := used(s.Filters, len(s.eeg))
	if s.Output == sources {
		for k, w := range s.Filters {
			rows[k] = row(s.eeg, at, w, 0)
		}
	} else {
		for ch := range rows {
			rows[ch] = mix.Copy(ch)
		}
		for _, i := range at {
			w := make([]float64, len(s.eeg))
			for k, f := range s.Filters {
				floats.AddScaled(w, s.Patterns[i][k], f)
			}
			rows[s.eeg[i]] = row(s.eeg, at, w, 0)
		}
	}
	s.Set(s.in, out, rows)
	return out
}

// Process applies the matrix.
func (s *SSD) Process(c signal.Chunk) (signal.Chunk, error) {
	switch {
	case s.in == nil:
		return signal.Chunk{}, errNotStarted
	case !s.Ready():
		return signal.Chunk{}, errNotCalibrated
	}
	return s.Stage.Process(c)
}

// Calibrate finds the components. It is an error where components is above the rank of the training signal in the
// flanks.
func (s *SSD) Calibrate(runs []signal.Chunk) error {
	if s.in == nil {
		return fmt.Errorf("ssd: Calibrate: %w", errNotStarted)
	}
	at, idx, bad := good(s.in, s.eeg)
	if len(idx) < s.Components {
		return fmt.Errorf("ssd: components is %d, but only %d of %d EEG channels are not marked as bad by the source; set components to at most that", s.Components, len(idx), len(s.eeg))
	}
	x, err := training(s.in, idx, runs)
	if err != nil {
		return fmt.Errorf("ssd: %w", err)
	}
	n := len(idx)
	own, noise := mat.NewSymDense(n, nil), mat.NewSymDense(n, nil)
	if err := s.covariances(own, noise, x); err != nil {
		return fmt.Errorf("ssd: %w", err)
	}
	values, w, err := spd.GeneralEigen(own, noise)
	if err != nil {
		return fmt.Errorf("ssd: covariance of the flanks: %w", err)
	}
	if len(values) < s.Components {
		return fmt.Errorf("ssd: components is %d, but the EEG channels have rank %d (an average reference, interpolated and flat channels each lower it); set components to at most %d", s.Components, len(values), len(values))
	}
	// The patterns of all components are N·Wᵀ: it inverts W on the range of N, for W·N·Wᵀ = 1.
	var patterns mat.Dense
	patterns.Mul(noise, w.T())
	s.rank, s.bad = len(values), bad
	s.Filters, s.Ratios, s.Patterns = nil, nil, slab(len(s.eeg), s.Components)
	for k := range s.Components {
		i := len(values) - 1 - k // values ascend
		s.Filters, s.Ratios = append(s.Filters, mat.Row(nil, i, w)), append(s.Ratios, values[i])
		for ch := range n {
			s.Patterns[at[ch]][k] = patterns.At(ch, i)
		}
	}
	s.Filters = spread(s.Filters, at, len(s.eeg))
	s.prepare()
	return nil
}

// Notes says so where the training signal in the flanks does not have full rank, and names the channels that were left out because
// the source marks them as bad.
func (s *SSD) Notes() []signal.Note {
	return append(signal.BadNote("in no component", s.bad, ""), signal.RankNote(s.rank, s.rank, len(s.eeg)-len(s.bad))...)
}

// covariances fills in those of the band and of the flanks over all runs. Like MNE it takes off no mean: the filters do.
func (s *SSD) covariances(own, noise *mat.SymDense, x [][][]float64) error {
	total := 0.0
	for _, run := range x {
		length := len(run[0])
		signalPart, flanks := slab(len(run), length), slab(len(run), length)
		s.band.FiltFilt(signalPart, run)
		s.wide.FiltFilt(flanks, run)
		for ch := range flanks {
			floats.Sub(flanks[ch], signalPart[ch])
		}
		for _, c := range []struct {
			sum *mat.SymDense
			x   [][]float64
		}{{own, signalPart}, {noise, flanks}} {
			for i, a := range c.x {
				for j, b := range c.x[:i+1] {
					c.sum.SetSym(i, j, c.sum.At(i, j)+floats.Dot(a, b))
				}
			}
		}
		total += float64(length)
	}
	own.ScaleSym(1/total, own)
	noise.ScaleSym(1/total, noise)
	if t := mat.Trace(noise); !(t > 0) || math.IsInf(t, 0) {
		return fmt.Errorf("the EEG channels have a power of %g in the flanks, from %g to %g Hz: check the recording", t, s.NoiseLow, s.NoiseHigh)
	}
	return nil
}

// slab is rows of n zeros.
func slab(rows, n int) [][]float64 {
	x := make([][]float64, rows)
	for i := range x {
		x[i] = make([]float64, n)
	}
	return x
}

// State is "filters" [components, channels], "patterns" [channels, components] and "ratios" [components].
func (s *SSD) State() signal.State {
	if s.Filters == nil {
		return nil
	}
	return signal.State{
		"filters": signal.Matrix(s.Filters), "patterns": signal.Matrix(s.Patterns),
		"ratios": signal.NewArray(slices.Clone(s.Ratios), len(s.Ratios)),
	}
}

// SetState puts back what State returned.
func (s *SSD) SetState(state signal.State) error {
	if s.in == nil {
		return fmt.Errorf("ssd: SetState: %w", errNotStarted)
	}
	filters, err := state.Get("filters", s.Components, len(s.eeg))
	if err != nil {
		return fmt.Errorf("ssd: %w", err)
	}
	patterns, err := state.Get("patterns", len(s.eeg), s.Components)
	if err != nil {
		return fmt.Errorf("ssd: %w", err)
	}
	ratios, err := state.Get("ratios", s.Components)
	if err != nil {
		return fmt.Errorf("ssd: %w", err)
	}
	s.Filters, s.Patterns, s.Ratios, s.rank = filters.Rows(), patterns.Rows(), slices.Clone(ratios.Data), 0
	s.bad = nil
	s.prepare()
	return nil
}
