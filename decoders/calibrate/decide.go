package calibrate

import (
	"errors"
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

func init() {
	decoders.RegisterDecider("conformal", func() decoders.Decider { return &Abstain{Alpha: 0.1, Runs: 1} })
}

// Abstain decides for a class only where all others are ruled out, and else for no control: split-conformal prediction,
// see FitConformal. Each row is decided on by itself. The true class of a trial is among those that remain possible with
// a probability of at least 1 − Alpha, if the trial and those of the calibration are exchangeable; sliding windows at
// rest are none of any class, and no such promise holds for them.
//
// The calibration trials are those of the last Runs training runs, which nothing else learns from.
//
// With n calibration trials, class k remains possible where
//
//	1 − p_k ≤ the ⌈(n+1)(1−Alpha)⌉-th smallest 1 − p of the true class
//
// (Sadinle, Lei and Wasserman 2019, doi:10.1080/01621459.2017.1395341). Scores [classes] go in, a class or no control comes
// out.
type Abstain struct {
	Alpha float64 `json:"alpha" doc:"probability that the true class is ruled out, at most, above 0 and below 1"`
	Runs  int     `json:"calibration_runs" doc:"the last so many training runs are kept for the calibration: the features and the decoder do not learn from them; at least 1"`

	limit   Conformal
	classes int // 0 until fitted
}

// Check reports parameters that are out of their range.
func (a *Abstain) Check() error {
	switch {
	case !(a.Alpha > 0 && a.Alpha < 1):
		return fmt.Errorf("conformal: alpha is %g, must be between 0 and 1", a.Alpha)
	case a.Runs < 1:
		return fmt.Errorf("conformal: calibration_runs is %d, must be at least 1", a.Runs)
	}
	return nil
}

// CalibrationRuns is Runs.
func (a *Abstain) CalibrationRuns() int { return a.Runs }

// FitTrials sets the limit from the scores [trials][classes] of trials that nothing has learned from. It is an error where
// there are so few trials that no class could ever be ruled out. What was fitted before is then kept.
func (a *Abstain) FitTrials(scores [][]float64, y signal.Labels) error {
	if err := a.Check(); err != nil {
		return err
	}
	limit, err := FitConformal(scores, y.Y, a.Alpha)
	if err != nil {
		return err
	}
	if math.IsInf(limit.Limit, 1) {
		return fmt.Errorf("conformal: %d calibration trials cannot rule out any class with alpha %g, which needs at least %d; record more, or raise alpha or calibration_runs",
			len(scores), a.Alpha, int(math.Ceil(1/a.Alpha-1e-9))-1)
	}
	a.limit, a.classes = limit, len(y.Classes)
	return nil
}

// Possible marks in dst [classes] the classes that the scores of a trial leave possible.
func (a *Abstain) Possible(dst []bool, scores []float64) { a.limit.Set(dst, scores) }

// Push is the one class that the scores leave possible, or -1. t does not matter. confidence is the score of that class, or
// the highest where there is none.
func (a *Abstain) Push(scores []float64, _ float64) (class int, confidence float64, err error) {
	if a.classes == 0 {
		return -1, 0, errors.New("conformal: not fitted; train the pipeline or load a bundle first")
	}
	if len(scores) != a.classes {
		return -1, 0, fmt.Errorf("conformal: got %d scores, must be %d", len(scores), a.classes)
	}
	for k, p := range scores {
		if !(p >= 0 && p <= 1) {
			return -1, 0, fmt.Errorf("conformal: score %d is %g, must be a probability", k, p)
		}
		confidence = max(confidence, p)
	}
	if class = a.limit.Decide(scores); class >= 0 {
		confidence = scores[class]
	}
	return class, confidence, nil
}

// Reset does nothing: there is no memory.
func (*Abstain) Reset() {}

// State is "limit" [1] and "classes" [1].
func (a *Abstain) State() signal.State {
	if a.classes == 0 {
		return nil
	}
	return signal.State{"limit": signal.NewArray([]float64{a.limit.Limit}, 1), "classes": signal.NewArray([]float64{float64(a.classes)}, 1)}
}

// SetState puts back what State returned.
func (a *Abstain) SetState(s signal.State) error {
	limit, err := s.Get("limit", 1)
	if err != nil {
		return fmt.Errorf("conformal: %w", err)
	}
	classes, err := s.Get("classes", 1)
	if err != nil {
		return fmt.Errorf("conformal: %w", err)
	}
	n := classes.Data[0]
	if !(limit.Data[0] >= 0 && limit.Data[0] <= 1) || !(n >= 2 && n < 1e6) || n != math.Trunc(n) {
		return fmt.Errorf("conformal: limit %g for %g classes, must be from 0 to 1, for at least 2", limit.Data[0], n)
	}
	a.limit, a.classes = Conformal{Limit: limit.Data[0]}, int(n)
	return nil
}
