package artifact

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.Register("asr", func() preprocess.Processor {
		return &ASR{
			Cutoff: 20, Window: 0.5, Lookahead: 0.25, Step: 0.125, MaxDims: 0.66, Select: true,
			SelectMaxBad: 0.075, SelectLow: -3.5, SelectHigh: 5.5,
		}
	})
}

const (
	windowOverlap = 0.66 // of the windows that thresholds come from
	blockSamples  = 10   // of the covariances that the median is taken of
	minWindows    = 30   // to fit a distribution to
)

// ASR is artifact subspace reconstruction (Mullen et al. 2015, doi:10.1109/TBME.2015.2481482; Chang et al. 2020,
// doi:10.1109/TBME.2019.2930186): directions in sensor space whose power is out of proportion to the training signal
// are taken for artefacts, and rebuilt from the others by the covariance of the training signal. It follows
// asr_calibrate and asr_process of the EEGLAB plugin clean_rawdata.
//
// Calibration: M is the square root of the geometric median of the covariances of blocks of 10 samples, after a filter
// of order 8 that weakens 3 to 13 Hz and strengthens what is below 2 and above 40 Hz. v_i are the eigenvectors of M; the
// strengths of the signal along v_i in windows of window_s, overlapping by 66 %, have the mean μ_i and deviation σ_i where
// they are clean (fit of a truncated generalised Gaussian). The thresholds are T = diag(μ + cutoff·σ) Vᵀ. Where
// select is on, only windows of 1 s count in which few channels are out of the ordinary (clean_windows); samples with a
// NaN never do. Runs are put one behind the other.
//
// Process: every step_s, the covariance of the last window_s, filtered alike, is split into components w_i of power d_i.
// Those with d_i > ‖T w_i‖² are artefacts, but never more than max_dims, the strongest. With W of the others,
// R = M (WᵀM)⁺ Wᵀ is applied, and blended into the one before by a raised cosine over the step. Where nothing is
// rejected, R is the identity and the samples pass unchanged.
//
// What comes out at sample t depends on samples up to lookahead_s + step_s later, so the step holds back that much and
// hands it on late; sample numbers and times stay those of the input. Updates lie at multiples of the step from the start
// of the run, wherever chunks end (the MATLAB program adds one at the end of each call, so that its results depend on
// the calls; block_s repeats that at fixed places, to compare with it).
//
// Channels of other kinds than eeg, and those excluded, pass with the same delay. A NaN counts as 0 for the statistics and
// comes out as NaN, in all EEG channels where R is not the identity. The signal must have been high-passed (0.5 to
// 1 Hz), in calibration as in use.
type ASR struct {
	Cutoff    float64  `json:"cutoff" doc:"how many standard deviations above clean EEG is an artefact; 5 is aggressive, 20 to 30 usual, above 0"`
	Window    float64  `json:"window_s" doc:"length of the statistics in seconds, about as long as artefacts last; made at least 1.5 samples per channel"`
	Lookahead float64  `json:"lookahead_s" doc:"how much later samples decide, seconds, which is delay; best half of window_s, 0 for none"`
	Step      float64  `json:"step_s" doc:"time between two updates in seconds, which is delay too; at least one sample, at most window_s"`
	MaxDims   float64  `json:"max_dims" doc:"largest part of the dimensions that is rebuilt at once, above 0, at most 1"`
	Exclude   []string `json:"exclude" doc:"names of EEG channels that are neither used nor changed"`
	Block     float64  `json:"block_s" doc:"updates start anew after so many seconds, as MATLAB's asr_process does for every block of memory; 0 for never"`

	Select       bool    `json:"select" doc:"calibrate only on windows of 1 s that look clean"`
	SelectMaxBad float64 `json:"select_max_bad" doc:"largest part of the channels that may be out of tolerance in such a window, 0 to below 1" only:"select=true"`
	SelectLow    float64 `json:"select_low" doc:"tolerance below the channel's clean power, in standard deviations, below 0" only:"select=true"`
	SelectHigh   float64 `json:"select_high" doc:"tolerance above the channel's clean power, in standard deviations, above 0" only:"select=true"`

	// Mixing is M [C, C], Threshold is T [C, C], both in µV; nil until calibrated.
	Mixing    [][]float64 `json:"-"`
	Threshold [][]float64 `json:"-"`

	info *signal.Info
	idx  []int // the channels that are cleaned
	rate float64
	b, a []float64 // the shaping filter for rate
	rec  rebuilder
	run  asrRun
}

// Start checks the parameters and forgets the stream.
func (s *ASR) Start(in *signal.Info) (*signal.Info, error) {
	s.info = nil
	for _, p := range []struct {
		key      string
		v        float64
		ok       bool
		required string
	}{
		{"cutoff", s.Cutoff, s.Cutoff > 0, "above 0"},
		{"window_s", s.Window, s.Window > 0 && s.Window <= 3600, "above 0, at most an hour"},
		{"lookahead_s", s.Lookahead, s.Lookahead >= 0 && s.Lookahead <= s.Window, fmt.Sprintf("at least 0 and at most window_s (%g)", s.Window)},
		{"step_s", s.Step, in.Samples(s.Step) >= 1 && s.Step <= s.Window, fmt.Sprintf("at least one sample (%g s) and at most window_s (%g)", 1/in.Rate, s.Window)},
		{"max_dims", s.MaxDims, s.MaxDims > 0 && s.MaxDims <= 1, "above 0 and at most 1"},
		{"block_s", s.Block, s.Block == 0 || s.Block >= s.Window && s.Block <= 86400, fmt.Sprintf("0, or at least window_s (%g) and at most a day", s.Window)},
		{"select_max_bad", s.SelectMaxBad, s.SelectMaxBad >= 0 && s.SelectMaxBad < 1, "at least 0 and below 1"},
		{"select_low", s.SelectLow, s.SelectLow < 0, "below 0"},
		{"select_high", s.SelectHigh, s.SelectHigh > 0, "above 0"},
	} {
		if !p.ok || !finite(p.v) {
			return nil, fmt.Errorf("asr: %s is %g, must be %s", p.key, p.v, p.required)
		}
	}
	idx, err := channelsOf("asr", in, []signal.Kind{signal.EEG})
	if err == nil {
		idx, err = without("asr", in, idx, s.Exclude)
	}
	switch {
	case err != nil:
		return nil, err
	case len(idx) < 2:
		return nil, fmt.Errorf("asr: %d EEG channels, needs at least 2 to rebuild one from the others", len(idx))
	case s.Mixing != nil && len(s.Mixing) != len(idx):
		return nil, fmt.Errorf("asr: was calibrated on %d channels, now gets %d; calibrate again", len(s.Mixing), len(idx))
	}
	if in.Rate != s.rate || s.b == nil {
		if s.b, s.a, err = shapingFilter(in.Rate); err != nil {
			return nil, err
		}
		s.rate = in.Rate
	}
	s.info, s.idx = in, idx
	s.prepare()
	return in, nil
}

// prepare puts the running state at its beginning.
func (s *ASR) prepare() {
	c := len(s.idx)
	window := max(s.info.Samples(s.Window), int64(math.Round(1.5*float64(c))))
	s.run.start(s.info, s.idx, grid{step: s.info.Samples(s.Step), block: s.Block * s.info.Rate}, window, s.info.Samples(s.Lookahead))
	s.run.filter.b, s.run.filter.a = [9]float64(s.b), [9]float64(s.a)
	if s.Mixing != nil {
		s.rec.start(s.Mixing, s.Threshold, int(math.Round(s.MaxDims*float64(c))))
	}
}

// Calibrate learns M and T from at least 30 windows of the training signal.
func (s *ASR) Calibrate(runs []signal.Chunk) error {
	s.Mixing, s.Threshold = nil, nil
	if err := checkRuns("asr", s.info, runs); err != nil {
		return err
	}
	x, err := gather("asr", runs, s.idx)
	if err != nil {
		return err
	}
	for i := range x {
		if len(x[i]) == 0 || slices.Max(x[i]) == slices.Min(x[i]) {
			return fmt.Errorf("asr: channel %s is flat in the training signal: exclude it, or put bad_channels before asr", s.info.Channels[s.idx[i]].Name)
		}
	}
	if s.Select {
		x = cleanSamples(x, s.rate, s.SelectMaxBad, s.SelectLow, s.SelectHigh)
	}
	n := int(s.info.Samples(s.Window))
	starts := windowStarts(len(x[0]), float64(n))
	if len(starts) < minWindows {
		return fmt.Errorf("asr: %.1f s of the training signal are clean, must be at least %.1f: record more, or set select to false",
			float64(len(x[0]))/s.rate, (1+float64(minWindows)*(1-windowOverlap))*s.Window)
	}
	m, t, err := s.learn(x, starts, n)
	if err != nil {
		return fmt.Errorf("asr: %w", err)
	}
	s.Mixing, s.Threshold = m, t
	s.prepare()
	return nil
}

// learn is M and T of the clean signal x [channel][sample].
func (s *ASR) learn(x [][]float64, starts []int, n int) (mixing, threshold [][]float64, err error) {
	c := len(x)
	filter := shaper{b: [9]float64(s.b), a: [9]float64(s.a), z: make([][yuleOrder]float64, c)}
	y := make([][]float64, c)
	for ch := range x {
		y[ch] = make([]float64, len(x[ch]))
		filter.filt(ch, y[ch], x[ch])
	}
	cov, err := robustCovariance(y, blockSamples)
	if err != nil {
		return nil, nil, err
	}
	var eig mat.EigenSym
	if !eig.Factorize(mat.NewSymDense(c, cov), true) {
		return nil, nil, errors.New("the eigenvalues of the covariance of the training signal did not converge")
	}
	var v mat.Dense
	eig.VectorsTo(&v)
	m := mat.NewDense(c, c, nil)
	threshold = make([][]float64, c)
	along := make([]float64, len(y[0]))
	for i, power := range eig.Values(nil) {
		col := mat.Col(nil, i, &v)
		m.RankOne(m, math.Sqrt(max(power, 0)), mat.NewVecDense(c, col), mat.NewVecDense(c, col))
		clear(along)
		for ch := range y {
			for t, u := range y[ch] {
				along[t] += float64(col[ch] * u)
			}
		}
		mu, sigma := fitAmplitudes(rootMeanSquares(along, starts, n))
		threshold[i] = col
		for ch := range col {
			col[ch] *= mu + s.Cutoff*sigma
		}
	}
	for i := range c {
		mixing = append(mixing, mat.Row(nil, i, m))
	}
	return mixing, threshold, nil
}

// State is "mixing" and "threshold" [C, C].
func (s *ASR) State() signal.State {
	if s.Mixing == nil {
		return nil
	}
	return signal.State{"mixing": signal.Matrix(s.Mixing), "threshold": signal.Matrix(s.Threshold)}
}

// SetState puts back what State returned.
func (s *ASR) SetState(st signal.State) error {
	if s.info == nil {
		return errors.New("asr: SetState before Start")
	}
	m, err := st.Get("mixing", len(s.idx), len(s.idx))
	if err != nil {
		return fmt.Errorf("asr: %w", err)
	}
	t, err := st.Get("threshold", len(s.idx), len(s.idx))
	if err != nil {
		return fmt.Errorf("asr: %w", err)
	}
	s.Mixing, s.Threshold = m.Rows(), t.Rows()
	s.prepare()
	return nil
}

// Process returns the samples that are decided.
func (s *ASR) Process(c signal.Chunk) (signal.Chunk, error) {
	switch {
	case s.info == nil:
		return signal.Chunk{}, errors.New("asr: used before Start")
	case s.Mixing == nil:
		return signal.Chunk{}, errors.New("asr: not calibrated; train the pipeline or load a bundle first")
	case c.Len() == 0:
		return signal.Chunk{}, nil
	case len(c.X) != len(s.info.Channels):
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(s.info.Channels))
	}
	return s.run.push(c, &s.rec, false), nil
}

// Flush returns the rest. What the look-ahead lacks is the signal mirrored at its last point, as in clean_asr.
func (s *ASR) Flush() (signal.Chunk, error) {
	if s.info == nil || s.Mixing == nil {
		return signal.Chunk{}, nil
	}
	return s.run.flush(&s.rec), nil
}
