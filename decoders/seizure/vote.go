package seizure

import (
	"fmt"
	"math"

	"github.com/gyrus-bci/gyrus/decoders"
)

func init() { decoders.RegisterDecider("seizure_vote", func() decoders.Decider { return NewVote() }) }

// Vote makes alarms of the probability of a seizure in one window after another. The score of a row is the weighted mean
// of its probability and those of up to Rows−1 rows before, Σ (Rows−i)·p(t−i) / Σ (Rows−i) over i from 0 to Rows−1: the
// newest counts most. Rows before the first count as 0. An alarm begins when the score has been at least Threshold for
// Steps rows running, and ends with the first row whose score is not; none begins within Refractory of the end of another.
//
// Scores [classes] go in, an alarm or none comes out; alarms are scored by the rules of SzCORE (Dan et al. 2024,
// doi:10.1111/epi.18113).
type Vote struct {
	Rows       int     `json:"rows" doc:"windows that vote, at least 1"`
	Threshold  float64 `json:"threshold" doc:"least score of an alarm, above 0 to 1; choose it on patients that are not tested"`
	Steps      int     `json:"steps" doc:"rows running that must reach the threshold, at least 1"`
	Refractory float64 `json:"refractory_s" doc:"time behind an alarm in which no other begins, in s, at least 0"`
	Ictal      int     `json:"ictal" doc:"position of the class that stands for a seizure among the classes in alphabetical order: 0 for ictal, interictal, preictal"`

	p       []float64 // ring
	at      int
	running int
	alarm   bool
	until   float64
	time    float64
	begun   bool
}

// NewVote has the defaults: 8 rows, 3 steps, 90 s, a threshold of ½.
func NewVote() *Vote { return &Vote{Rows: 8, Threshold: 0.5, Steps: 3, Refractory: 90} }

// Check reports parameters that are out of their range.
func (v *Vote) Check() error {
	switch {
	case v.Rows < 1 || v.Steps < 1:
		return fmt.Errorf("seizure_vote: rows is %d and steps %d, must be at least 1", v.Rows, v.Steps)
	case !(v.Threshold > 0 && v.Threshold <= 1):
		return fmt.Errorf("seizure_vote: threshold is %g, must be above 0 and at most 1", v.Threshold)
	case !(v.Refractory >= 0) || math.IsInf(v.Refractory, 0):
		return fmt.Errorf("seizure_vote: refractory_s is %g, must be at least 0 and finite", v.Refractory)
	case v.Ictal < 0:
		return fmt.Errorf("seizure_vote: ictal is %d, must be the position of a class", v.Ictal)
	}
	return nil
}

// Reset forgets all rows.
func (v *Vote) Reset() {
	clear(v.p)
	v.at, v.running, v.alarm, v.begun, v.until = 0, 0, false, false, math.Inf(-1)
}

// Push takes in the probabilities of the row at t seconds. It returns Ictal while there is an alarm and -1 otherwise, and
// the score as the confidence. It does not allocate after the first row.
func (v *Vote) Push(scores []float64, t float64) (class int, confidence float64, err error) {
	if !v.begun {
		if err := v.Check(); err != nil {
			return -1, 0, err
		}
		if len(v.p) != v.Rows {
			v.p = make([]float64, v.Rows)
		}
		v.Reset()
	}
	switch {
	case v.Ictal >= len(scores):
		return -1, 0, fmt.Errorf("seizure_vote: ictal is %d, must be below the number of classes, %d", v.Ictal, len(scores))
	case !(scores[v.Ictal] >= 0 && scores[v.Ictal] <= 1):
		return -1, 0, fmt.Errorf("seizure_vote: score %d is %g, must be a probability", v.Ictal, scores[v.Ictal])
	case math.IsNaN(t) || math.IsInf(t, 0) || v.begun && !(t > v.time):
		return -1, 0, fmt.Errorf("seizure_vote: row at %g s behind one at %g s; times must ascend, Reset begins a new run", t, v.time)
	}
	v.begun, v.time = true, t
	v.p[v.at] = scores[v.Ictal]
	sum, weights := 0.0, 0.0
	for i := range v.Rows {
		w := float64(v.Rows - i)
		sum += float64(w * v.p[(v.at-i+v.Rows)%v.Rows])
		weights += w
	}
	v.at = (v.at + 1) % v.Rows
	score := sum / weights
	switch {
	case !(score >= v.Threshold):
		if v.alarm {
			v.alarm, v.until = false, t+v.Refractory
		}
		v.running = 0
	default:
		v.running++
	}
	if v.running >= v.Steps && t >= v.until {
		v.alarm = true
	}
	if v.alarm {
		return v.Ictal, score, nil
	}
	return -1, score, nil
}

// Alarms are those that v makes of the probabilities of one recording: scores[i] belongs to the row at t[i] seconds. Each
// lasts from the row that raised it to the first row that did not hold it, or to end, which must be behind the last row.
func (v *Vote) Alarms(scores [][]float64, t []float64, end float64) ([]Span, error) {
	if n := len(t); len(scores) != n || n > 0 && !(end > t[n-1]) {
		return nil, fmt.Errorf("seizure_vote: %d rows with %d times to %g s, must be as many, and end behind the last", len(scores), n, end)
	}
	v.Reset()
	var out []Span
	on := false
	for i, s := range scores {
		class, _, err := v.Push(s, t[i])
		if err != nil {
			return nil, err
		}
		switch {
		case class >= 0 && !on:
			out, on = append(out, Span{t[i], end}), true
		case class < 0 && on:
			out[len(out)-1].End, on = t[i], false
		}
	}
	return out, nil
}
