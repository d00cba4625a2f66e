package spatial

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func init() {
	preprocess.Register("ssp", func() preprocess.Processor {
		return &SSP{Components: 1, TMin: -0.2, TMax: 0.2}
	})
}

// SSP takes the directions out of the EEG channels in which artefacts are strongest: x − U·Uᵀ·x, with the first principal
// components U of the training signal in windows around artefacts (signal-space projection, Uusitalo & Ilmoniemi 1997,
// doi:10.1007/BF02534144; MNE's compute_proj_epochs). The components are those of Σ x·xᵀ over all samples of the windows;
// no mean is taken off, so put a highpass before. The rank of the data falls by components.
//
// Windows lie around the events named in events, or around the peaks of the channels in eog, or both; where neither is
// given, the eog channels are all of kind eog. A peak is the sample farthest from the channel's median in a stretch that
// is farther from it than threshold_uv, or, with 0, than 5 robust standard deviations (1.4826 times the median absolute
// deviation). Peaks closer than a window apart count once, the larger one. Windows that reach beyond a run are left out.
//
// EEG channels that the source of the training signal marks as bad are in no direction and pass as they are, like MNE's. The notes
// of the fit name them.
type SSP struct {
	Components int      `json:"components" doc:"number of directions to take out, from 1 to below the number of EEG channels"`
	Events     []string `json:"events" doc:"labels of the events that mark artefacts"`
	EOG        []string `json:"eog" doc:"names of channels whose peaks mark artefacts; without events and eog all channels of kind eog"`
	Threshold  float64  `json:"threshold_uv" doc:"distance from the median, in µV, from which on an eog channel has a peak; 0 for 5 robust standard deviations"`
	TMin       float64  `json:"tmin_s" doc:"begin of the windows, in seconds from the event or peak"`
	TMax       float64  `json:"tmax_s" doc:"end of the windows, in seconds from the event or peak, above tmin_s"`

	// Vectors is one direction of length 1 per row [components, EEG channels], nil until fitted; Explained the part of the
	// windows' power that each has. Channels that were bad have zeros.
	Vectors   [][]float64 `json:"-"`
	Explained []float64   `json:"-"`

	in       *signal.Info
	eeg, eog []int
	bad      []string // in the last calibration
	mix.Stage
}

// Start checks the parameters.
func (s *SSP) Start(in *signal.Info) (*signal.Info, error) {
	s.Clear()
	s.in, s.eeg = nil, eegChannels(in)
	switch {
	case s.Components < 1 || s.Components >= len(s.eeg):
		return nil, fmt.Errorf("ssp: components is %d, must be at least 1 and below %d, the number of EEG channels", s.Components, len(s.eeg))
	case !(s.TMin < s.TMax) || math.IsInf(s.TMax-s.TMin, 0) || in.Samples(s.TMax) <= in.Samples(s.TMin):
		return nil, fmt.Errorf("ssp: tmin_s is %g and tmax_s %g, the window must have at least one sample at %g Hz", s.TMin, s.TMax, in.Rate)
	case !(s.Threshold >= 0) || math.IsInf(s.Threshold, 0):
		return nil, fmt.Errorf("ssp: threshold_uv is %g, must be 0 or positive", s.Threshold)
	case s.Vectors != nil && len(s.Vectors[0]) != len(s.eeg):
		return nil, fmt.Errorf("ssp: was fitted on %d EEG channels, now gets %d; use the channels of the training data", len(s.Vectors[0]), len(s.eeg))
	}
	var err error
	if s.eog, err = find("eog", s.EOG, in); err != nil {
		return nil, fmt.Errorf("ssp: %w", err)
	}
	if len(s.EOG) == 0 && len(s.Events) == 0 {
		for ch, c := range in.Channels {
			if c.Kind == signal.EOG {
				s.eog = append(s.eog, ch)
			}
		}
		if len(s.eog) == 0 {
			return nil, errors.New("ssp: no channel is of kind eog: name the channels that show the artefact in eog, or the events that mark it in events")
		}
	}
	s.in = in
	s.prepare()
	return in, nil
}

// prepare makes the rows of what was fitted.
func (s *SSP) prepare() {
	if s.Vectors == nil {
		return
	}
	rows := make([]mix.Row, len(s.in.Channels))
	for ch := range rows {
		rows[ch] = mix.Copy(ch)
	}
	at := used(s.Vectors, len(s.eeg))
	for _, i := range at {
		w := make([]float64, len(s.eeg))
		w[i] = 1
		for _, u := range s.Vectors {
			floats.AddScaled(w, -u[i], u)
		}
		rows[s.eeg[i]] = row(s.eeg, at, w, 0)
	}
	s.Set(s.in, s.in, rows)
}

// Process projects.
func (s *SSP) Process(c signal.Chunk) (signal.Chunk, error) {
	switch {
	case s.in == nil:
		return signal.Chunk{}, errNotStarted
	case !s.Ready():
		return signal.Chunk{}, errNotCalibrated
	}
	return s.Stage.Process(c)
}

// Calibrate finds the directions. It is an error where no window is found, or where the windows' rank is below
// components.
func (s *SSP) Calibrate(runs []signal.Chunk) error {
	if s.in == nil {
		return fmt.Errorf("ssp: Calibrate: %w", errNotStarted)
	}
	at, idx, bad := good(s.in, s.eeg)
	if s.Components >= len(idx) {
		return fmt.Errorf("ssp: components is %d, must be below %d, the number of EEG channels that the source does not mark as bad (of %d)", s.Components, len(idx), len(s.eeg))
	}
	if _, err := training(s.in, append(slices.Clone(idx), s.eog...), runs); err != nil {
		return fmt.Errorf("ssp: %w", err)
	}
	from, length := s.in.Samples(s.TMin), s.in.Samples(s.TMax)-s.in.Samples(s.TMin)
	peaks := make([]float64, len(s.eog)) // thresholds
	medians := make([]float64, len(s.eog))
	for e, ch := range s.eog {
		var err error
		if medians[e], peaks[e], err = s.level(ch, runs); err != nil {
			return fmt.Errorf("ssp: %w", err)
		}
	}
	n := len(idx)
	sum, windows := mat.NewSymDense(n, nil), 0
	for _, r := range runs {
		var middles []int64 // in samples of the run
		for _, e := range r.Events {
			if slices.Contains(s.Events, e.Label) {
				middles = append(middles, e.Sample-r.Start)
			}
		}
		for e, ch := range s.eog {
			middles = append(middles, maxima(r.X[ch], medians[e], peaks[e], length)...)
		}
		for _, t := range middles {
			lo := t + from
			if lo < 0 || lo+length > int64(r.Len()) {
				continue
			}
			windows++
			for i, a := range idx {
				x := r.X[a][lo : lo+length]
				for j, b := range idx[:i+1] {
					sum.SetSym(i, j, sum.At(i, j)+floats.Dot(x, r.X[b][lo:lo+length]))
				}
			}
		}
	}
	if windows == 0 {
		return fmt.Errorf("ssp: no artefact in the training signal (events %q, %d eog channels): record some blinks, or lower threshold_uv", s.Events, len(s.eog))
	}
	basis, values, err := spd.Range(sum)
	if err != nil {
		return fmt.Errorf("ssp: covariance of the EEG channels in %d windows: %w", windows, err)
	}
	if len(values) < s.Components {
		return fmt.Errorf("ssp: components is %d, but the EEG channels have rank %d in the %d windows; set components to at most %d", s.Components, len(values), windows, len(values))
	}
	s.Vectors, s.Explained = make([][]float64, s.Components), make([]float64, s.Components)
	for k := range s.Vectors {
		u := mat.Col(nil, len(values)-1-k, basis)
		if -floats.Min(u) > floats.Max(u) {
			floats.Scale(-1, u)
		}
		s.Vectors[k], s.Explained[k] = u, values[len(values)-1-k]/floats.Sum(values)
	}
	s.Vectors, s.bad = spread(s.Vectors, at, len(s.eeg)), bad
	s.prepare()
	return nil
}

// Notes names the channels that were left out because the source marks them as bad.
func (s *SSP) Notes() []signal.Note {
	return signal.BadNote("in no direction, and not changed", s.bad, "")
}

// level is the median of a channel over all runs and the distance from it that makes a peak.
func (s *SSP) level(ch int, runs []signal.Chunk) (median, threshold float64, err error) {
	var x []float64
	for _, r := range runs {
		x = append(x, r.X[ch]...)
	}
	slices.Sort(x)
	median = stat.Quantile(0.5, stat.Empirical, x, nil)
	if s.Threshold > 0 {
		return median, s.Threshold, nil
	}
	for i := range x {
		x[i] = math.Abs(x[i] - median)
	}
	slices.Sort(x)
	threshold = 5 * 1.4826 * stat.Quantile(0.5, stat.Empirical, x, nil)
	if threshold == 0 {
		return 0, 0, fmt.Errorf("eog: channel %q hardly ever changes in the training signal; check the electrode, leave it out, or set threshold_uv", s.in.Channels[ch].Name)
	}
	return median, threshold, nil
}

// maxima are the samples farthest from median in every stretch that is farther from it than threshold; of those closer
// than apart, the larger one, the first of equals.
func maxima(x []float64, median, threshold float64, apart int64) []int64 {
	var at []int64
	size := func(t int64) float64 { return math.Abs(x[t] - median) }
	for t := 0; t < len(x); t++ {
		if !(size(int64(t)) > threshold) {
			continue
		}
		best := int64(t)
		for ; t < len(x) && size(int64(t)) > threshold; t++ {
			if size(int64(t)) > size(best) {
				best = int64(t)
			}
		}
		switch last := len(at) - 1; {
		case last < 0 || best-at[last] >= apart:
			at = append(at, best)
		case size(best) > size(at[last]):
			at[last] = best
		}
	}
	return at
}

// State is "vectors" [components, channels] and "explained" [components].
func (s *SSP) State() signal.State {
	if s.Vectors == nil {
		return nil
	}
	return signal.State{"vectors": signal.Matrix(s.Vectors), "explained": signal.NewArray(slices.Clone(s.Explained), len(s.Explained))}
}

// SetState puts back what State returned.
func (s *SSP) SetState(state signal.State) error {
	if s.in == nil {
		return fmt.Errorf("ssp: SetState: %w", errNotStarted)
	}
	vectors, err := state.Get("vectors", s.Components, len(s.eeg))
	if err != nil {
		return fmt.Errorf("ssp: %w", err)
	}
	explained, err := state.Get("explained", s.Components)
	if err != nil {
		return fmt.Errorf("ssp: %w", err)
	}
	s.Vectors, s.Explained, s.bad = vectors.Rows(), slices.Clone(explained.Data), nil
	s.prepare()
	return nil
}
