package artifact

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/registry"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
)

func init() {
	preprocess.RegisterChecker("autoreject", func() preprocess.Checker {
		return &AutoReject{Method: globalThreshold, Folds: 5, MaxBad: 0.1, Kinds: []signal.Kind{signal.EEG}}
	})
}

const (
	globalThreshold = "global"
	localThreshold  = "local"
)

// AutoReject rejects windows by thresholds that it finds itself (Jas et al. 2017, doi:10.1016/j.neuroimage.2017.06.030).
//
// A threshold on largest value minus smallest is as good as the mean of the training windows that pass it is near to the
// median of windows that were set apart, in root mean squares over samples (and channels):
//
//	loss(τ) = mean over folds of ‖ mean{x_i : i in training, ptp(x_i) ≤ τ} − median{x_i : i in test} ‖
//
// The folds are consecutive blocks. With method global one threshold is found for all channels of a kind together, and
// the window is rejected where any channel exceeds it: get_rejection_threshold of the autoreject package. With method
// local each channel has its own (compute_thresholds of the package, without its interpolated copies), and the window is
// rejected where more than max_bad of the channels of all kinds exceed theirs. The package searches by Bayesian
// optimisation among the amplitudes that occur; here all of them are tried, so the loss is never above the package's.
//
// Training windows with a NaN are left out; a window with one is always rejected.
type AutoReject struct {
	Method string        `json:"method" doc:"global: one threshold for all channels of a kind; local: one for each channel"`
	Folds  int           `json:"folds" doc:"parts of the cross-validation, at least 2; the autoreject package takes 5 for global and 10 for local"`
	MaxBad float64       `json:"max_bad" doc:"for local: largest part of the channels that may exceed their thresholds in a good window, 0 to below 1" only:"method=local"`
	Kinds  []signal.Kind `json:"kinds" doc:"kinds of channel that are looked at: eeg, eog, ecg, emg, seeg, ecog, misc"`

	// Thresholds is the largest peak to peak value of a good channel, µV; nil until fitted.
	Thresholds []float64 `json:"-"`

	info   *signal.Info
	idx    []int
	length int
}

// Start checks the parameters.
func (a *AutoReject) Start(in *signal.Info, length int) error {
	a.info = nil
	switch {
	case a.Method != globalThreshold && a.Method != localThreshold:
		return fmt.Errorf("autoreject: method: %w", &registry.UnknownError{What: "method", Name: a.Method, Known: []string{globalThreshold, localThreshold}})
	case a.Folds < 2:
		return fmt.Errorf("autoreject: folds is %d, must be at least 2", a.Folds)
	case !(a.MaxBad >= 0 && a.MaxBad < 1): // also catches NaN
		return fmt.Errorf("autoreject: max_bad is %g, must be at least 0 and below 1", a.MaxBad)
	case length < 1:
		return fmt.Errorf("autoreject: windows of %d samples, must have at least 1", length)
	}
	idx, err := channelsOf("autoreject", in, a.Kinds)
	if err != nil {
		return err
	}
	if a.Thresholds != nil && len(a.Thresholds) != len(idx) {
		return fmt.Errorf("autoreject: was fitted on %d channels, now gets %d; fit again", len(a.Thresholds), len(idx))
	}
	a.info, a.idx, a.length = in, idx, length
	return nil
}

// peakToPeak is largest minus smallest, NaN where a value is not finite.
func peakToPeak(x []float64) float64 {
	lo, hi := x[0], x[0]
	for _, v := range x {
		if !finite(v) {
			return math.NaN()
		}
		lo, hi = min(lo, v), max(hi, v)
	}
	return hi - lo
}

// Check compares with the thresholds.
func (a *AutoReject) Check(w signal.Window) string {
	switch {
	case a.info == nil || len(w.X) != len(a.info.Channels):
		return fmt.Sprintf("a window of %d channels, was not started for them", len(w.X))
	case a.Thresholds == nil:
		return "not fitted: the thresholds are not known yet"
	}
	bad, first, height := 0, -1, 0.0
	for i, ch := range a.idx {
		p := peakToPeak(w.X[ch])
		if math.IsNaN(p) {
			return fmt.Sprintf("%g in %s", w.X[ch][firstBad(w.X[ch])], a.info.Channels[ch].Name)
		}
		if p > a.Thresholds[i] {
			if bad++; first < 0 {
				first, height = i, p
			}
		}
	}
	allowed := 0.0
	if a.Method == localThreshold {
		allowed = a.MaxBad * float64(len(a.idx))
	}
	if float64(bad) <= allowed {
		return ""
	}
	return fmt.Sprintf("%d of %d channels too high, such as %.4g µV peak to peak in %s, at most %.4g",
		bad, len(a.idx), height, a.info.Channels[a.idx[first]].Name, a.Thresholds[first])
}

// FitWindows finds the thresholds.
func (a *AutoReject) FitWindows(ws []signal.Window) error {
	a.Thresholds = nil
	if a.info == nil {
		return errors.New("autoreject: FitWindows before Start")
	}
	var good [][][]float64 // [window][channel][sample]
	for i, w := range ws {
		if len(w.X) != len(a.info.Channels) || w.Len() != a.length {
			return fmt.Errorf("autoreject: training window %d is %d × %d, must be %d × %d", i, len(w.X), w.Len(), len(a.info.Channels), a.length)
		}
		x := make([][]float64, len(a.idx))
		ok := true
		for k, ch := range a.idx {
			x[k] = w.X[ch]
			ok = ok && firstBad(x[k]) < 0
		}
		if ok {
			good = append(good, x)
		}
	}
	if len(good) < a.Folds {
		return fmt.Errorf("autoreject: %d of %d training windows are without NaN, must be at least as many as folds (%d)", len(good), len(ws), a.Folds)
	}
	thresholds := make([]float64, len(a.idx))
	for _, group := range a.groups() {
		t := bestThreshold(good, group, a.Folds, a.Method == globalThreshold)
		for _, k := range group {
			thresholds[k] = t
		}
	}
	a.Thresholds = thresholds
	return nil
}

// groups are the channels, counted among those looked at, that share a threshold.
func (a *AutoReject) groups() [][]int {
	var groups [][]int
	if a.Method == localThreshold {
		for k := range a.idx {
			groups = append(groups, []int{k})
		}
		return groups
	}
	for _, kind := range a.Kinds {
		var group []int
		for k, ch := range a.idx {
			if a.info.Channels[ch].Kind == kind {
				group = append(group, k)
			}
		}
		if len(group) > 0 {
			groups = append(groups, group)
		}
	}
	return groups
}

// bestThreshold is the amplitude with the smallest loss. With strict, a threshold below all windows of a fold is none;
// otherwise the smallest of them passes there, as in the autoreject package for one and for all channels.
func bestThreshold(ws [][][]float64, group []int, folds int, strict bool) float64 {
	heights := make([]float64, len(ws))
	for i, w := range ws {
		for _, k := range group {
			heights[i] = max(heights[i], peakToPeak(w[k]))
		}
	}
	candidates := slices.Compact(slices.Sorted(slices.Values(heights)))
	losses := thresholdLosses(ws, group, folds, strict, heights, candidates)
	best := len(candidates) - 1
	for i := range candidates {
		if losses[i] < losses[best] || losses[i] == losses[best] && i < best {
			best = i
		}
	}
	return candidates[best]
}

// thresholdLosses is the loss of every candidate, ascending; +Inf where it leaves nothing of a fold.
func thresholdLosses(ws [][][]float64, group []int, folds int, strict bool, heights, candidates []float64) []float64 {
	losses := make([]float64, len(candidates))
	samples := len(ws[0][0])
	size := len(group) * samples
	median, sum, column := make([]float64, size), make([]float64, size), make([]float64, 0, len(ws))
	for f := range folds {
		lo, hi := foldBounds(len(ws), folds, f)
		for g, k := range group {
			for t := range samples {
				column = column[:0]
				for _, w := range ws[lo:hi] {
					column = append(column, w[k][t])
				}
				median[g*samples+t] = medianInPlace(column)
			}
		}
		// The windows join the mean one by one, the lowest first: every candidate costs one comparison.
		var order []int
		for i := range ws {
			if i < lo || i >= hi {
				order = append(order, i)
			}
		}
		slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(heights[a], heights[b]) })
		clear(sum)
		joined := 0
		for c, limit := range candidates {
			if !strict {
				limit = max(limit, heights[order[0]])
			}
			for joined < len(order) && heights[order[joined]] <= limit {
				for g, k := range group {
					for t, v := range ws[order[joined]][k] {
						sum[g*samples+t] += v
					}
				}
				joined++
			}
			if joined == 0 {
				losses[c] = math.Inf(1)
				continue
			}
			d := 0.0
			for i, m := range median {
				e := m - sum[i]/float64(joined)
				d += float64(e * e)
			}
			losses[c] += math.Sqrt(d/float64(size)) / float64(folds)
		}
	}
	return losses
}

// foldBounds is fold f of n windows in consecutive blocks; the first ones are longer by one where n is no multiple.
func foldBounds(n, folds, f int) (lo, hi int) {
	size, more := n/folds, n%folds
	lo = f*size + min(f, more)
	hi = lo + size
	if f < more {
		hi++
	}
	return lo, hi
}

// State is "thresholds" [channels], µV.
func (a *AutoReject) State() signal.State {
	if a.Thresholds == nil {
		return nil
	}
	return signal.State{"thresholds": signal.NewArray(slices.Clone(a.Thresholds), len(a.Thresholds))}
}

// SetState puts back what State returned.
func (a *AutoReject) SetState(s signal.State) error {
	if a.info == nil {
		return errors.New("autoreject: SetState before Start")
	}
	t, err := s.Get("thresholds", len(a.idx))
	if err != nil {
		return fmt.Errorf("autoreject: %w", err)
	}
	a.Thresholds = slices.Clone(t.Data)
	return nil
}
