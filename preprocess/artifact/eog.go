package artifact

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.Register("eog_regression", func() preprocess.Processor { return &EOGRegression{} })
}

// EOGRegression takes from every EEG channel what the EOG channels explain of it (Gratton, Coles and Donchin 1983,
// doi:10.1016/0013-4694(83)90135-9, without the step on averages; Croft and Barry 2000,
// doi:10.1016/S0987-7053(00)00055-1):
//
//	y[ch] = x[ch] − Σ_k B[ch][k] · (eog[k] − offset[k])
//
// B, in µV/µV, is the least-squares solution over the training signal, every stretch of which loses its mean first, as
// MNE's EOGRegression does; samples with a NaN do not count. offset is the mean of an EOG channel in training. MNE takes
// the mean of what it is applied to instead, which a stream does not know: a difference of a constant per channel.
//
// The EEG must have the reference that it is used with: put it behind reref. The EOG channels pass unchanged, as do those
// of other kinds; a NaN in one of them reaches all EEG channels at that sample.
type EOGRegression struct {
	EOG     []string `json:"eog" doc:"names of the channels that see the eyes; none for all of kind eog"`
	Exclude []string `json:"exclude" doc:"names of EEG channels that are left as they are"`

	// Coefficients is B [channels, EOGs]; nil until calibrated.
	Coefficients [][]float64 `json:"-"`
	// Offset is in µV [EOGs].
	Offset []float64 `json:"-"`

	info     *signal.Info
	idx, eog []int
	centred  []float64 // scratch
	out      signal.Buffer
}

// Start finds the channels.
func (s *EOGRegression) Start(in *signal.Info) (*signal.Info, error) {
	s.info = nil
	eog := []int{}
	for _, name := range s.EOG {
		ch := in.Index(name)
		switch {
		case ch < 0:
			return nil, fmt.Errorf("eog_regression: eog: %w", &registry.UnknownError{What: "channel", Name: name, Known: in.Names()})
		case slices.Contains(eog, ch):
			return nil, fmt.Errorf("eog_regression: eog: %q is listed twice", name)
		}
		eog = append(eog, ch)
	}
	if len(s.EOG) == 0 {
		for ch, c := range in.Channels {
			if c.Kind == signal.EOG {
				eog = append(eog, ch)
			}
		}
	}
	if len(eog) == 0 {
		return nil, fmt.Errorf("eog_regression: no channel of the stream is of kind eog (%s): name those nearest to the eyes in eog, such as Fp1", in)
	}
	idx, err := channelsOf("eog_regression", in, []signal.Kind{signal.EEG})
	if err != nil {
		return nil, err
	}
	if idx, err = without("eog_regression", in, idx, s.Exclude); err != nil {
		return nil, err
	}
	idx = slices.DeleteFunc(idx, func(ch int) bool { return slices.Contains(eog, ch) })
	switch {
	case len(idx) == 0:
		return nil, errors.New("eog_regression: no EEG channel is left to take eye movements from")
	case s.Coefficients != nil && (len(s.Coefficients) != len(idx) || len(s.Offset) != len(eog)):
		return nil, fmt.Errorf("eog_regression: was calibrated on %d channels and %d EOGs, now gets %d and %d; calibrate again",
			len(s.Coefficients), len(s.Offset), len(idx), len(eog))
	}
	s.info, s.idx, s.eog = in, idx, eog
	return in, nil
}

// Calibrate solves for B. EOG channels that are flat, or a combination of one another, are an error.
func (s *EOGRegression) Calibrate(runs []signal.Chunk) error {
	s.Coefficients, s.Offset = nil, nil
	if err := checkRuns("eog_regression", s.info, runs); err != nil {
		return err
	}
	k, c := len(s.eog), len(s.idx)
	gram, cross, offset, total := mat.NewSymDense(k, nil), mat.NewDense(k, c, nil), make([]float64, k), 0.0
	for i := range runs {
		if runs[i].Len() == 0 {
			continue
		}
		x, err := gather("eog_regression", runs[i:i+1], slices.Concat(s.eog, s.idx))
		if err != nil {
			return err
		}
		n := float64(len(x[0]))
		for ch := range x {
			mean := floats.Sum(x[ch]) / n
			floats.AddConst(-mean, x[ch])
			if ch < k {
				offset[ch] += mean * n
			}
		}
		total += n
		for a := range k {
			for b := a; b < k; b++ {
				gram.SetSym(a, b, gram.At(a, b)+floats.Dot(x[a], x[b]))
			}
			for ch := range c {
				cross.Set(a, ch, cross.At(a, ch)+floats.Dot(x[a], x[k+ch]))
			}
		}
	}
	for a := range k {
		if !(gram.At(a, a) > 0) {
			return fmt.Errorf("eog_regression: EOG channel %s is flat in the training signal: is it connected? Leave it out of eog otherwise", s.info.Channels[s.eog[a]].Name)
		}
	}
	b, err := s.solve(gram, cross)
	if err != nil {
		return err
	}
	for a := range offset {
		offset[a] /= total
	}
	coefficients := make([][]float64, c)
	for ch := range coefficients {
		coefficients[ch] = mat.Col(nil, ch, b)
		if firstBad(coefficients[ch]) >= 0 {
			return fmt.Errorf("eog_regression: the sums over channel %s overflow: check its unit", s.info.Channels[s.idx[ch]].Name)
		}
	}
	s.Coefficients, s.Offset = coefficients, offset
	return nil
}

// solve is gram⁻¹·cross. The channels are brought to one scale first, so that the condition says how alike they are and
// not how strong.
func (s *EOGRegression) solve(gram *mat.SymDense, cross *mat.Dense) (*mat.Dense, error) {
	k, c := cross.Dims()
	scaled := mat.NewSymDense(k, nil)
	scale := make([]float64, k)
	for a := range k {
		scale[a] = 1 / math.Sqrt(gram.At(a, a))
	}
	for a := range k {
		for b := a; b < k; b++ {
			scaled.SetSym(a, b, gram.At(a, b)*scale[a]*scale[b])
		}
		for ch := range c {
			cross.Set(a, ch, cross.At(a, ch)*scale[a])
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(scaled) || chol.Cond() > 1e10 {
		return nil, fmt.Errorf("eog_regression: the %d EOG channels are combinations of one another (their difference among them?): leave one out of eog", k)
	}
	var b mat.Dense
	if err := chol.SolveTo(&b, cross); err != nil {
		return nil, fmt.Errorf("eog_regression: %w", err)
	}
	for a := range k {
		floats.Scale(scale[a], b.RawRowView(a))
	}
	return &b, nil
}

// State is "coefficients" [channels, EOGs] and "offset" [EOGs].
func (s *EOGRegression) State() signal.State {
	if s.Coefficients == nil {
		return nil
	}
	return signal.State{
		"coefficients": signal.Matrix(s.Coefficients),
		"offset":       signal.NewArray(slices.Clone(s.Offset), len(s.Offset)),
	}
}

// SetState puts back what State returned.
func (s *EOGRegression) SetState(st signal.State) error {
	if s.info == nil {
		return errors.New("eog_regression: SetState before Start")
	}
	b, err := st.Get("coefficients", len(s.idx), len(s.eog))
	if err != nil {
		return fmt.Errorf("eog_regression: %w", err)
	}
	offset, err := st.Get("offset", len(s.eog))
	if err != nil {
		return fmt.Errorf("eog_regression: %w", err)
	}
	s.Coefficients, s.Offset = b.Rows(), slices.Clone(offset.Data)
	return nil
}

// Process subtracts.
func (s *EOGRegression) Process(c signal.Chunk) (signal.Chunk, error) {
	n := c.Len()
	switch {
	case s.info == nil:
		return signal.Chunk{}, errors.New("eog_regression: used before Start")
	case s.Coefficients == nil:
		return signal.Chunk{}, errors.New("eog_regression: not calibrated; train the pipeline or load a bundle first")
	case n == 0:
		return signal.Chunk{}, nil
	case len(c.X) != len(s.info.Channels):
		return signal.Chunk{}, fmt.Errorf("a chunk of %d channels, must be %d as said at the start", len(c.X), len(s.info.Channels))
	}
	out := s.out.Like(c, s.info)
	for ch, x := range c.X {
		copy(out.X[ch], x)
	}
	if cap(s.centred) < n {
		s.centred = make([]float64, n)
	}
	for k, ch := range s.eog {
		d := s.centred[:n]
		for t, v := range c.X[ch] {
			d[t] = v - s.Offset[k]
		}
		for i, target := range s.idx {
			b := s.Coefficients[i][k]
			y := out.X[target][:n]
			for t, v := range d {
				y[t] -= float64(b * v)
			}
		}
	}
	return out, nil
}

// Flush has nothing to return: no sample is held back.
func (s *EOGRegression) Flush() (signal.Chunk, error) { return signal.Chunk{}, nil }
