package artifact

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/spline"
)

func init() {
	preprocess.Register("bad_channels", func() preprocess.Processor {
		return &BadChannels{
			Methods: []string{byFlat, byDeviation, byNoise, byCorrelation}, Flat: 1e-9, DeviationZ: 5, NoiseZ: 5,
			Correlation: 0.4, CorrelationWindow: 1, CorrelationBad: 0.01,
			RansacSamples: 50, RansacPart: 0.25, RansacCorrelation: 0.75, RansacWindow: 5, RansacBad: 0.4, MaxBad: 0.5, Action: actionDrop,
		}
	})
}

// The criteria, in the order of the columns of BadChannels.Bad.
const (
	byNaN         = "nan"
	byFlat        = "flat"
	byDeviation   = "deviation"
	byNoise       = "noisy"
	byCorrelation = "correlation"
	byDropout     = "dropout"
	byRansac      = "ransac"
)

// What happens to bad channels.
const (
	actionDrop        = "drop"
	actionInterpolate = "interpolate"
)

var criteria = []string{byNaN, byFlat, byDeviation, byNoise, byCorrelation, byDropout, byRansac}

// BadChannels removes EEG channels that were bad in the training signal, by the criteria of the PREP pipeline
// (Bigdely-Shamlo et al. 2015, doi:10.3389/fninf.2015.00016) as pyprep has them. Which ones is fixed by calibration: a
// stream never changes its channels. Found says which and why. With action interpolate they stay, and get what all other
// EEG channels say about their place, by spherical splines (the step interpolate, MNE's interpolate_bads): every EEG
// channel then needs a position, and the rank falls as if they were gone.
//
//   - nan (always): a NaN or an infinite sample.
//   - flat: standard deviation or median absolute deviation (MAD) below flat_uv.
//   - deviation: the robust amplitude, 0.7413 times the interquartile range, is more than deviation_z robust standard
//     deviations from the median of all channels.
//   - noisy: MAD of what is above 50 Hz over MAD of the rest, as such a z-score above noise_z; not at 100 Hz and below.
//   - correlation: in more than correlation_bad of the windows of correlation_window_s, the signal below 50 Hz has no
//     absolute correlation of at least correlation with another channel (98th percentile).
//   - dropout, with correlation: in more than correlation_bad of the windows it is flat.
//   - ransac: in more than ransac_bad of the windows of ransac_window_s, the signal below 50 Hz correlates by less than
//     ransac_correlation with the median of its predictions, by spherical splines, from ransac_samples random choices
//     of ransac_part of the channels (Fischler and Bolles 1981, doi:10.1145/358669.358692). Channels bad by deviation,
//     correlation or dropout neither predict nor are tested. Channels need positions; the centre of the head is that of
//     the sphere through them, where pyprep takes the origin.
//
// The signal must have been high-passed at about 1 Hz; put this step before those that mix channels. Windows do not reach
// over the ends of training stretches; unlike PREP, the last whole window counts. It is an error to find more than
// max_bad of the channels bad.
type BadChannels struct {
	Action            string   `json:"action" doc:"what to do with bad channels: drop, or interpolate (every EEG channel needs a position)"`
	Methods           []string `json:"methods" doc:"criteria to apply: flat, deviation, noisy, correlation, ransac (needs positions)"`
	Exclude           []string `json:"exclude" doc:"names of EEG channels that are neither judged nor removed; with action interpolate they still count as good"`
	Flat              float64  `json:"flat_uv" doc:"flat: smallest standard deviation of a good channel, µV, at least 0" only:"methods=flat"`
	DeviationZ        float64  `json:"deviation_z" doc:"deviation: largest z-score of a good channel's amplitude, above 0" only:"methods=deviation"`
	NoiseZ            float64  `json:"noise_z" doc:"noisy: largest z-score of a good channel's noise above 50 Hz, above 0" only:"methods=noisy"`
	Correlation       float64  `json:"correlation" doc:"correlation: smallest correlation with another channel in a good window, 0 to 1" only:"methods=correlation"`
	CorrelationWindow float64  `json:"correlation_window_s" doc:"correlation: length of the windows in seconds" only:"methods=correlation"`
	CorrelationBad    float64  `json:"correlation_bad" doc:"correlation: largest part of bad windows of a good channel, 0 to below 1" only:"methods=correlation"`
	RansacSamples     int      `json:"ransac_samples" doc:"ransac: number of random choices of channels, at least 1" only:"methods=ransac"`
	RansacPart        float64  `json:"ransac_part" doc:"ransac: part of the channels in each choice, so that at least 4 are chosen, below 1" only:"methods=ransac"`
	RansacCorrelation float64  `json:"ransac_correlation" doc:"ransac: smallest correlation with the prediction in a good window, 0 to 1" only:"methods=ransac"`
	RansacWindow      float64  `json:"ransac_window_s" doc:"ransac: length of the windows in seconds" only:"methods=ransac"`
	RansacBad         float64  `json:"ransac_bad" doc:"ransac: largest part of bad windows of a good channel, 0 to below 1" only:"methods=ransac"`
	Seed              uint64   `json:"seed" doc:"ransac: seed of the random choices" only:"methods=ransac"`
	MaxBad            float64  `json:"max_bad" doc:"largest part of the channels that may be bad before calibration fails, 0 to below 1"`

	// Bad is 1 where a channel is bad by a criterion, 0 elsewhere [EEG channels, 7: nan, flat, deviation, noisy, correlation,
	// dropout, ransac]; nil until calibrated.
	Bad [][]float64 `json:"-"`

	in, info *signal.Info
	idx      []int // the channels that are judged
	keep     []int // the channels that are left, with drop
	out      signal.Buffer
	splines  spatial.Interpolate // with interpolate
}

// Start checks the parameters. With action drop, what comes out lacks the bad channels, once they are known.
func (s *BadChannels) Start(in *signal.Info) (*signal.Info, error) {
	s.in = nil
	if actions := []string{actionDrop, actionInterpolate}; !slices.Contains(actions, s.Action) {
		return nil, fmt.Errorf("bad_channels: action: %w", &registry.UnknownError{What: "action", Name: s.Action, Known: actions})
	}
	known := []string{byFlat, byDeviation, byNoise, byCorrelation, byRansac}
	if len(s.Methods) == 0 {
		return nil, fmt.Errorf("bad_channels: methods is empty, must name at least one of %s", strings.Join(known, ", "))
	}
	for _, m := range s.Methods {
		if !slices.Contains(known, m) {
			return nil, fmt.Errorf("bad_channels: methods: %w", &registry.UnknownError{What: "method", Name: m, Known: known})
		}
	}
	if err := s.checkNumbers(in); err != nil {
		return nil, err
	}
	idx, err := channelsOf("bad_channels", in, []signal.Kind{signal.EEG})
	if err == nil {
		idx, err = without("bad_channels", in, idx, s.Exclude)
	}
	switch {
	case err != nil:
		return nil, err
	case len(idx) < 4:
		return nil, fmt.Errorf("bad_channels: %d EEG channels, needs at least 4 to compare with one another", len(idx))
	case s.Bad != nil && len(s.Bad) != len(idx):
		return nil, fmt.Errorf("bad_channels: was calibrated on %d channels, now gets %d; calibrate again", len(s.Bad), len(idx))
	}
	if s.Action == actionInterpolate {
		eeg, err := channelsOf("bad_channels", in, []signal.Kind{signal.EEG})
		if err != nil {
			return nil, err
		}
		if _, _, err := spline.Locate(in, eeg, nil); err != nil { // before anything is calibrated in vain
			return nil, fmt.Errorf("bad_channels: action interpolate: %w", err)
		}
	}
	s.in, s.idx = in, idx
	if err := s.prepare(); err != nil {
		s.in = nil
		return nil, err
	}
	return s.info, nil
}

func (s *BadChannels) checkNumbers(in *signal.Info) error {
	part := func(v float64) bool { return v >= 0 && v < 1 }
	window := func(v float64) bool { return in.Samples(v) >= 3 && v <= 3600 }
	for _, p := range []struct {
		key  string
		v    float64
		ok   bool
		must string
	}{
		{"flat_uv", s.Flat, s.Flat >= 0, "at least 0"},
		{"deviation_z", s.DeviationZ, s.DeviationZ > 0, "above 0"},
		{"noise_z", s.NoiseZ, s.NoiseZ > 0, "above 0"},
		{"correlation", s.Correlation, s.Correlation >= 0 && s.Correlation <= 1, "0 to 1"},
		{"correlation_window_s", s.CorrelationWindow, window(s.CorrelationWindow), "at least 3 samples and at most an hour"},
		{"correlation_bad", s.CorrelationBad, part(s.CorrelationBad), "at least 0 and below 1"},
		{"ransac_samples", float64(s.RansacSamples), s.RansacSamples >= 1, "at least 1"},
		{"ransac_part", s.RansacPart, s.RansacPart > 0 && s.RansacPart < 1, "above 0 and below 1"},
		{"ransac_correlation", s.RansacCorrelation, s.RansacCorrelation >= 0 && s.RansacCorrelation <= 1, "0 to 1"},
		{"ransac_window_s", s.RansacWindow, window(s.RansacWindow), "at least 3 samples and at most an hour"},
		{"ransac_bad", s.RansacBad, part(s.RansacBad), "at least 0 and below 1"},
		{"max_bad", s.MaxBad, part(s.MaxBad), "at least 0 and below 1"},
	} {
		if !p.ok || !finite(p.v) {
			return fmt.Errorf("bad_channels: %s is %g, must be %s", p.key, p.v, p.must)
		}
	}
	return nil
}

// prepare describes what comes out, and how the bad channels are made.
func (s *BadChannels) prepare() error {
	if s.Action == actionInterpolate {
		s.splines = spatial.Interpolate{}
		for _, b := range s.Found() {
			s.splines.Bads = append(s.splines.Bads, b.Name)
		}
		var err error
		if s.info, err = s.splines.Start(s.in); err != nil {
			return fmt.Errorf("bad_channels: %w", err)
		}
		return nil
	}
	s.keep = s.keep[:0]
	for ch := range s.in.Channels {
		if k := slices.Index(s.idx, ch); k < 0 || s.Bad == nil || !slices.Contains(s.Bad[k], 1) {
			s.keep = append(s.keep, ch)
		}
	}
	s.info = s.in.Pick(s.keep)
	return nil
}

// BadChannel is one that is removed or interpolated.
type BadChannel struct {
	Name string
	Why  []string // criteria: "nan", "flat", "deviation", "noisy", "correlation", "dropout", "ransac"
}

// Found lists the channels that are bad, in the order of the stream.
func (s *BadChannels) Found() []BadChannel {
	var found []BadChannel
	for k, row := range s.Bad {
		b := BadChannel{Name: s.in.Channels[s.idx[k]].Name}
		for i, v := range row {
			if v == 1 {
				b.Why = append(b.Why, criteria[i])
			}
		}
		if len(b.Why) > 0 {
			found = append(found, b)
		}
	}
	return found
}

// Calibrate judges the channels.
func (s *BadChannels) Calibrate(runs []signal.Chunk) error {
	s.Bad = nil
	if err := checkRuns("bad_channels", s.in, runs); err != nil {
		return err
	}
	x := make([][][]float64, 0, len(runs)) // [run][channel][sample]
	for _, r := range runs {
		if r.Len() == 0 {
			continue
		}
		chs := make([][]float64, len(s.idx))
		for k, ch := range s.idx {
			chs[k] = r.X[ch]
		}
		x = append(x, chs)
	}
	bad, err := s.judge(x)
	if err != nil {
		return fmt.Errorf("bad_channels: %w", err)
	}
	s.Bad = bad
	found := s.Found()
	if n := len(found); float64(n) > s.MaxBad*float64(len(s.idx)) {
		var names []string
		for _, b := range found {
			names = append(names, fmt.Sprintf("%s (%s)", b.Name, strings.Join(b.Why, ", ")))
		}
		s.Bad = nil
		return fmt.Errorf("bad_channels: %d of %d channels are bad, more than max_bad (%g): %s; look at the recording, high-pass it before this step, or relax the criteria",
			n, len(s.idx), s.MaxBad, strings.Join(names, ", "))
	}
	if err := s.prepare(); err != nil {
		s.Bad = nil
		return err
	}
	return nil
}

// State is "bad" [EEG channels, 7], see Bad.
func (s *BadChannels) State() signal.State {
	if s.Bad == nil {
		return nil
	}
	return signal.State{"bad": signal.Matrix(s.Bad)}
}

// SetState puts back what State returned.
func (s *BadChannels) SetState(st signal.State) error {
	if s.in == nil {
		return errors.New("bad_channels: SetState before Start")
	}
	bad, err := st.Get("bad", len(s.idx), len(criteria))
	if err != nil {
		return fmt.Errorf("bad_channels: %w", err)
	}
	for _, v := range bad.Data {
		if v != 0 && v != 1 {
			return fmt.Errorf(`bad_channels: array "bad" holds %g, must hold 0 and 1`, v)
		}
	}
	s.Bad = bad.Rows()
	if err := s.prepare(); err != nil {
		s.Bad = nil
		return err
	}
	return nil
}

// Ignores names the bad channels. With action interpolate the others reach them.
func (s *BadChannels) Ignores() (names []string, separate bool) {
	for _, b := range s.Found() {
		names = append(names, b.Name)
	}
	return names, s.Action == actionDrop
}

// Process copies the channels that are left, and interpolates the others where asked to.
func (s *BadChannels) Process(c signal.Chunk) (signal.Chunk, error) {
	switch {
	case s.in == nil:
		return signal.Chunk{}, errors.New("bad_channels: used before Start")
	case s.Bad == nil:
		return signal.Chunk{}, errors.New("bad_channels: not calibrated; train the pipeline or load a bundle first")
	case c.Len() == 0:
		return signal.Chunk{}, nil
	case len(c.X) != len(s.in.Channels):
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(s.in.Channels))
	}
	if s.Action == actionInterpolate {
		return s.splines.Process(c)
	}
	out := s.out.Like(c, s.info)
	for k, ch := range s.keep {
		copy(out.X[k], c.X[ch])
	}
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (s *BadChannels) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }

// lowPass50 is the filter of PREP that separates EEG from noise, over 100 samples, forwards and backwards at once: the
// weights of the samples from −100 to 100. nil at 100 Hz and below.
func lowPass50(rate float64) []float64 {
	if rate <= 100 {
		return nil
	}
	const half, order = 512, 100
	from, to := math.RoundToEven(half*90/rate), math.RoundToEven(half*100/rate) // 45 to 50 Hz
	h := make([]float64, order+1)
	for n := range h {
		for k := 0; k <= half; k++ {
			r := min(max((float64(k)-from)/(to-from), 0), 1)
			gain := 1 - r*r*(3-2*r)
			if k == 0 || k == half {
				gain /= 2
			}
			h[n] += gain * math.Cos(math.Pi*float64(k)*(float64(n)-order/2)/half) / half
		}
		h[n] *= 0.54 - 0.46*math.Cos(2*math.Pi*float64(n)/order)
	}
	g := make([]float64, 2*order+1)
	for lag := range order + 1 {
		for n := range order + 1 - lag {
			g[order+lag] += h[n] * h[n+lag]
		}
		g[order-lag] = g[order+lag]
	}
	return g
}

// smooth filters x by the symmetric weights g. Beyond its ends x goes on mirrored at its last point, as in SciPy's
// filtfilt.
func smooth(x, g []float64) []float64 {
	if g == nil {
		return slices.Clone(x)
	}
	n, wing := len(x), len(g)/2
	padded := make([]float64, n+2*wing)
	copy(padded[wing:], x)
	for k := 1; k <= wing; k++ {
		padded[wing-k] = 2*x[0] - x[min(k, n-1)]
		padded[wing+n-1+k] = 2*x[n-1] - x[max(n-1-k, 0)]
	}
	y := make([]float64, n)
	for k := 1; k <= wing; k++ {
		w := g[wing+k]
		left, right := padded[wing-k:wing-k+n], padded[wing+k:wing+k+n]
		for t := range y {
			y[t] += float64(w * (left[t] + right[t]))
		}
	}
	for t := range y {
		y[t] += float64(g[wing] * x[t])
	}
	return y
}
