package spatial

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/ica"
	"github.com/gyrus-bci/gyrus/preprocess/spatial/mix"
)

func init() {
	preprocess.Register("ica", func() preprocess.Processor {
		return &ICA{Method: "fastica", EOGThreshold: 0.5, MaxIter: 500, Output: cleaned}
	})
}

// ICA finds independent components of the EEG channels in the training signal and takes some of them out of the stream:
// x − A·(W·(x − mean)) over the removed components, with the unmixing W and the mixing A. What the components do not
// span, where there are fewer than the rank, stays.
//
// Components are numbered from 1 in order of the variance that they bring to the channels in training; each has a
// variance of 1 there, and the entry of largest magnitude in its topography is positive. A component is removed when its
// number is in exclude, or when the Pearson correlation with a channel of eog over the training signal has a magnitude of
// at least eog_threshold. Training needs a highpass of about 1 Hz before this step (drifts are no independent sources),
// and a number of samples of many times the square of the number of channels.
//
// Methods: fastica (Hyvärinen 1999, doi:10.1109/72.761722), infomax (extended, Lee, Girolami & Sejnowski 1999,
// doi:10.1162/089976699300016719), picard (the maximum that extended infomax seeks, Ablin, Cardoso & Gramfort 2018,
// doi:10.1109/TSP.2018.2844203), picard_o (the same with uncorrelated components, doi:10.1109/ICASSP.2018.8461662). Where the
// method does not converge, calibration fails: nothing is fitted.
//
// EEG channels that the source of the training signal marks as bad are in no component and pass as they are, like MNE's; with
// output sources they are left out with the other EEG channels. The notes of the fit name them.
type ICA struct {
	Method       string   `json:"method" doc:"fastica, infomax (extended), picard (extended infomax by quasi-Newton steps) or picard_o (picard with uncorrelated components)"`
	Components   float64  `json:"components" doc:"principal components kept before: a number from 1 to the rank of the EEG channels, a part of the variance between 0 and 1, or 0 for all"`
	Exclude      []int    `json:"exclude" doc:"numbers of components to remove, counted from 1 in order of falling variance"`
	EOG          []string `json:"eog" doc:"names of channels that show the eyes: components that correlate with one of them are removed"`
	EOGThreshold float64  `json:"eog_threshold" doc:"magnitude of the correlation with an eog channel from which on a component is removed, above 0 up to 1"`
	Seed         uint64   `json:"seed" doc:"of the random start: the same seed and data give the same components"`
	MaxIter      int      `json:"max_iter" doc:"iterations after which calibration fails, at least 1"`
	Tol          float64  `json:"tol" doc:"when to stop: largest change of direction (fastica), squared change of weights (infomax) or gradient (picard); 0 for 1e-4, 1e-12 and 1e-5"`
	Output       string   `json:"output" doc:"cleaned (the channels without the removed components) or sources (the other components as channels ica1, ica2, … in the place of the EEG)"`

	// Unmixing is W·K [components, channels] in 1/µV, Mixing its inverse on the components' span [channels, components] in
	// µV, Mean that of each channel in µV; nil until fitted. They are over the EEG channels, with zeros for those that were bad.
	Unmixing [][]float64 `json:"-"`
	Mixing   [][]float64 `json:"-"`
	Mean     []float64   `json:"-"`
	Removed  []bool      `json:"-"` // of each component

	in  *signal.Info
	eeg []int
	eog []int
	bad []string // in the last calibration
	mix.Stage
}

// defaults of Tol, those of scikit-learn, MNE and MNE's use of picard.
var tolerances = map[string]float64{"fastica": 1e-4, "infomax": 1e-12, "picard": 1e-5, "picard_o": 1e-5}

// Start checks the parameters. With output "sources" the number of channels is known once it is fitted.
func (s *ICA) Start(in *signal.Info) (*signal.Info, error) {
	s.Clear()
	s.in, s.eeg = nil, eegChannels(in)
	_, known := tolerances[s.Method]
	switch {
	case !known:
		return nil, fmt.Errorf("ica: method is %q, must be fastica, infomax, picard or picard_o", s.Method)
	case !(s.EOGThreshold > 0 && s.EOGThreshold <= 1): // also catches NaN
		return nil, fmt.Errorf("ica: eog_threshold is %g, must be above 0 and at most 1", s.EOGThreshold)
	case s.MaxIter < 1:
		return nil, fmt.Errorf("ica: max_iter is %d, must be at least 1", s.MaxIter)
	case !(s.Tol >= 0) || math.IsInf(s.Tol, 0):
		return nil, fmt.Errorf("ica: tol is %g, must be 0 or a small positive number", s.Tol)
	case len(s.eeg) < 2:
		return nil, fmt.Errorf("ica: %d EEG channels (of %d channels), must be at least 2", len(s.eeg), len(in.Channels))
	case s.Mean != nil && len(s.Mean) != len(s.eeg):
		return nil, fmt.Errorf("ica: was fitted on %d EEG channels, now gets %d; use the channels of the training data", len(s.Mean), len(s.eeg))
	}
	if err := checkOutput(s.Output); err != nil {
		return nil, fmt.Errorf("ica: %w", err)
	}
	for _, n := range s.Exclude {
		if n < 1 || n > len(s.eeg) {
			return nil, fmt.Errorf("ica: exclude: component %d, numbers go from 1 to at most %d, the number of EEG channels", n, len(s.eeg))
		}
	}
	var err error
	if s.eog, err = find("eog", s.EOG, in); err != nil {
		return nil, fmt.Errorf("ica: %w", err)
	}
	s.in = in
	return s.prepare(), nil
}

// prepare makes the rows of what was fitted.
func (s *ICA) prepare() *signal.Info {
	if s.Unmixing == nil {
		return s.in
	}
	if s.Output == sources {
		return s.unmix()
	}
	n := len(s.eeg)
	rows := make([]mix.Row, len(s.in.Channels))
	for ch := range rows {
		rows[ch] = mix.Copy(ch)
	}
	at := used(s.Unmixing, n)
	for _, i := range at {
		w, offset := make([]float64, n), 0.0
		w[i] = 1
		for k, removed := range s.Removed {
			if removed {
				floats.AddScaled(w, -s.Mixing[i][k], s.Unmixing[k])
				offset += s.Mixing[i][k] * floats.Dot(s.Unmixing[k], s.Mean)
			}
		}
		rows[s.eeg[i]] = row(s.eeg, at, w, offset)
	}
	s.Set(s.in, s.in, rows)
	return s.in
}

// unmix makes the rows of the components that stay.
func (s *ICA) unmix() *signal.Info {
	out := *s.in
	out.Channels = nil
	var rows []mix.Row
	at := used(s.Unmixing, len(s.eeg))
	for k, c := range numbered("ica", len(s.Unmixing)) {
		if !s.Removed[k] {
			out.Channels = append(out.Channels, c)
			rows = append(rows, row(s.eeg, at, s.Unmixing[k], -floats.Dot(s.Unmixing[k], s.Mean)))
		}
	}
	for _, ch := range others(s.in) {
		out.Channels, rows = append(out.Channels, s.in.Channels[ch]), append(rows, mix.Copy(ch))
	}
	s.Set(s.in, &out, rows)
	return &out
}

// Notes says so where the EEG channels do not have full rank: then there are as many components as dimensions. With components
// above 0 that is what was asked for. It names the channels that were left out because the source marks them as bad.
func (s *ICA) Notes() []signal.Note {
	notes := signal.BadNote("in no component", s.bad, "")
	if s.Components != 0 {
		return notes
	}
	return append(notes, signal.RankNote(len(s.Unmixing), len(s.Unmixing), len(s.eeg)-len(s.bad))...)
}

// Process applies the matrix.
func (s *ICA) Process(c signal.Chunk) (signal.Chunk, error) {
	switch {
	case s.in == nil:
		return signal.Chunk{}, errNotStarted
	case !s.Ready():
		return signal.Chunk{}, errNotCalibrated
	}
	return s.Stage.Process(c)
}

// Calibrate finds the components and decides which ones go. See Whiten in package ica for what the signal must be.
func (s *ICA) Calibrate(runs []signal.Chunk) error {
	if s.in == nil {
		return fmt.Errorf("ica: Calibrate: %w", errNotStarted)
	}
	at, idx, bad := good(s.in, s.eeg)
	if len(idx) < 2 {
		return fmt.Errorf("ica: %d of %d EEG channels are not marked as bad by the source, must be at least 2", len(idx), len(s.eeg))
	}
	x, err := training(s.in, idx, runs)
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	white, err := ica.Whiten(x, s.Components)
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	res, err := s.run(white)
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	if !res.Converged {
		return fmt.Errorf("ica: %s has %v: raise max_iter or tol, keep fewer components, put a highpass of 1 Hz before, or train on more signal", s.Method, res)
	}
	fitted := ICA{Mean: white.Mean}
	if err := fitted.order(res.W, white.K); err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	fitted.Removed = make([]bool, len(fitted.Unmixing))
	for _, n := range s.Exclude {
		if n > len(fitted.Removed) {
			return fmt.Errorf("ica: exclude: component %d, but there are only %d (rank of the EEG channels)", n, len(fitted.Removed))
		}
		fitted.Removed[n-1] = true
	}
	if err := fitted.mark(s, x, runs); err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	if s.Output == sources && !slices.Contains(fitted.Removed, false) && len(others(s.in)) == 0 {
		return errors.New("ica: all components are removed: nothing would be left")
	}
	n := len(s.eeg)
	s.Unmixing, s.Mean, s.Removed, s.bad = spread(fitted.Unmixing, at, n), spread([][]float64{fitted.Mean}, at, n)[0], fitted.Removed, bad
	s.Mixing = make([][]float64, n)
	for i := range s.Mixing {
		s.Mixing[i] = make([]float64, len(fitted.Unmixing))
	}
	for k, i := range at {
		s.Mixing[i] = fitted.Mixing[k]
	}
	s.prepare()
	return nil
}

// run is the chosen method from a seeded start.
func (s *ICA) run(white *ica.White) (ica.Result, error) {
	r := rand.New(rand.NewPCG(s.Seed, 0))
	tol := s.Tol
	if tol == 0 {
		tol = tolerances[s.Method]
	}
	if s.Method == "infomax" {
		return white.Infomax(ica.InfomaxOptions{MaxIter: s.MaxIter, Tol: tol, Uniform: r.Float64})
	}
	start, err := ica.Start(white.Components(), r.NormFloat64)
	if err != nil {
		return ica.Result{}, fmt.Errorf("start from seed %d: %w", s.Seed, err)
	}
	if s.Method == "fastica" {
		return white.FastICA(ica.FastICAOptions{Init: start, MaxIter: s.MaxIter, Tol: tol})
	}
	return white.Picard(ica.PicardOptions{Init: start, MaxIter: s.MaxIter, Tol: tol, Ortho: s.Method == "picard_o"})
}

// order scales the components to variance 1, sorts them by the variance that they bring to the channels and fixes signs.
func (s *ICA) order(w, k *mat.Dense) error {
	comps, chs := k.Dims()
	var inverse, mixing mat.Dense
	if err := inverse.Inverse(w); err != nil {
		return fmt.Errorf("the unmixing matrix cannot be inverted: %w", err)
	}
	back := mat.NewDense(chs, comps, nil) // the inverse of k on its range: its rows are orthogonal
	for i := range comps {
		row := k.RawRowView(i)
		power := floats.Dot(row, row)
		for ch, v := range row {
			back.Set(ch, i, v/power)
		}
	}
	mixing.Mul(back, &inverse)
	var unmixing mat.Dense
	unmixing.Mul(w, k)
	type component struct {
		unmixing, mixing []float64
		power            float64
	}
	all := make([]component, comps)
	for i := range all {
		u, m := mat.Row(nil, i, &unmixing), mat.Col(nil, i, &mixing)
		scale := mat.Norm(w.RowView(i), 2) // the deviation: the data that w was found on are white
		if big := floats.Max(m); -floats.Min(m) > big {
			scale = -scale
		}
		floats.Scale(1/scale, u)
		floats.Scale(scale, m)
		all[i] = component{u, m, floats.Dot(m, m)}
		if math.IsNaN(all[i].power) || math.IsInf(all[i].power, 0) {
			return fmt.Errorf("component %d is not finite", i)
		}
	}
	slices.SortStableFunc(all, func(a, b component) int { return cmp.Compare(b.power, a.power) })
	s.Mixing = make([][]float64, chs)
	for _, c := range all {
		s.Unmixing = append(s.Unmixing, c.unmixing)
		for ch := range s.Mixing {
			s.Mixing[ch] = append(s.Mixing[ch], c.mixing[ch])
		}
	}
	return nil
}

// mark removes the components that correlate with an eog channel of p.
func (s *ICA) mark(p *ICA, x [][][]float64, runs []signal.Chunk) error {
	if len(p.eog) == 0 {
		return nil
	}
	eyes, err := training(p.in, p.eog, runs)
	if err != nil {
		return err
	}
	for e := range p.eog {
		var eye []float64
		for _, r := range eyes {
			eye = append(eye, r[e]...)
		}
		if stat.Variance(eye, nil) == 0 {
			return fmt.Errorf("eog: channel %q never changes in the training signal; check the electrode or leave it out", p.EOG[e])
		}
		source := make([]float64, len(eye))
		for k, w := range s.Unmixing {
			clear(source)
			at := 0
			for _, r := range x {
				n := len(r[0])
				for ch := range r {
					floats.AddScaled(source[at:at+n], w[ch], r[ch])
				}
				at += n
			}
			if math.Abs(stat.Correlation(source, eye, nil)) >= p.EOGThreshold {
				s.Removed[k] = true
			}
		}
	}
	return nil
}

// State is "unmixing" [components, channels], "mixing" [channels, components], "mean" [channels] and "removed" [components],
// 1 for those that are.
func (s *ICA) State() signal.State {
	if s.Unmixing == nil {
		return nil
	}
	removed := make([]float64, len(s.Removed))
	for i, r := range s.Removed {
		if r {
			removed[i] = 1
		}
	}
	return signal.State{
		"unmixing": signal.Matrix(s.Unmixing), "mixing": signal.Matrix(s.Mixing),
		"mean": signal.NewArray(slices.Clone(s.Mean), len(s.Mean)), "removed": signal.NewArray(removed, len(removed)),
	}
}

// SetState puts back what State returned.
func (s *ICA) SetState(state signal.State) error {
	if s.in == nil {
		return fmt.Errorf("ica: SetState: %w", errNotStarted)
	}
	unmixing, err := state.Get("unmixing", -1, len(s.eeg))
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	comps := unmixing.Shape[0]
	mixing, err := state.Get("mixing", len(s.eeg), comps)
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	mean, err := state.Get("mean", len(s.eeg))
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	removed, err := state.Get("removed", comps)
	if err != nil {
		return fmt.Errorf("ica: %w", err)
	}
	s.Unmixing, s.Mixing, s.Mean = unmixing.Rows(), mixing.Rows(), slices.Clone(mean.Data)
	s.bad = nil
	s.Removed = make([]bool, comps)
	for i, v := range removed.Data {
		s.Removed[i] = v != 0
	}
	s.prepare()
	return nil
}
