package seizure

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
)

// Span is a time from Start to End, in seconds from the start of a recording.
type Span struct{ Start, End float64 }

// Rules say how alarms are held against seizures.
type Rules struct {
	MergeS  float64 // events that are less far apart are one, in the reference and among the alarms
	LongS   float64 // longer events are cut into pieces of at most this length
	BeforeS float64 // an alarm counts from so long before a seizure
	AfterS  float64 // to so long behind it
}

// SzCORE are the rules of the framework of that name (Dan et al. 2024, doi:10.1111/epi.18113).
func SzCORE() Rules { return Rules{MergeS: 90, LongS: 300, BeforeS: 30, AfterS: 60} }

// maskHz is the resolution of scores.
const maskHz = 10

// EventScore says how the alarms of one recording, or of several together (Add), match its seizures.
type EventScore struct {
	Seconds   float64 // all of the recorded time
	Seizures  int     // after merging and cutting
	Detected  int     // of them
	Alarms    int     // after merging and cutting
	FalsePart int     // alarms of which any part lies outside of the extended times of the detected seizures
	// FalseWhole counts the alarms that lie outside with all of their time: what version 0.0.7 of timescoring counts.
	FalseWhole int
	// Latency holds, for each detected seizure, the begin of the first alarm that overlaps its extended time less the
	// begin of the seizure, in s: below 0 where the alarm came first.
	Latency []float64
}

// Score holds the alarms of a recording of so many seconds against its seizures. Times are rounded to tenths of a second,
// what lies outside of the recording is cut off. Alarms of no length are errors, as are times that are not numbers.
func Score(seizures, alarms []Span, seconds float64, r Rules) (EventScore, error) {
	n := int(math.Round(seconds * maskHz))
	if !(seconds > 0) || math.IsInf(seconds, 0) || n < 1 {
		return EventScore{}, fmt.Errorf("score: the recording has %g s, must be above %g", seconds, 0.5/maskHz)
	}
	if !(r.MergeS >= 0 && r.LongS > 0 && r.BeforeS >= 0 && r.AfterS >= 0) {
		return EventScore{}, fmt.Errorf("score: merge %g s, before %g s and after %g s must be at least 0, long %g s above 0", r.MergeS, r.BeforeS, r.AfterS, r.LongS)
	}
	ref, err := r.events(seizures, n, "seizure")
	if err != nil {
		return EventScore{}, err
	}
	hyp, err := r.events(alarms, n, "alarm")
	if err != nil {
		return EventScore{}, err
	}
	s := EventScore{Seconds: seconds, Seizures: len(ref), Alarms: len(hyp)}
	before, after := int(math.Round(r.BeforeS*maskHz)), int(math.Round(r.AfterS*maskHz))
	inside := make([]bool, n) // within the extended time of a detected seizure
	for _, e := range ref {
		long := ticks{max(e.start-before, 0), min(e.end+after, n)}
		first := slices.IndexFunc(hyp, func(h ticks) bool { return h.start < long.end && h.end > long.start })
		if first < 0 {
			continue
		}
		s.Detected++
		s.Latency = append(s.Latency, float64(hyp[first].start-e.start)/maskHz)
		for t := long.start; t < long.end; t++ {
			inside[t] = true
		}
	}
	for _, h := range hyp {
		if slices.Contains(inside[h.start:h.end], false) {
			s.FalsePart++
		}
		if !slices.Contains(inside[h.start:h.end], true) {
			s.FalseWhole++
		}
	}
	return s, nil
}

// ticks is an event in units of 1/maskHz s.
type ticks struct{ start, end int }

// events rounds, joins and cuts, in order of time.
func (r Rules) events(spans []Span, n int, what string) ([]ticks, error) {
	var list []ticks
	for i, s := range spans {
		if !(s.End > s.Start) || math.IsInf(s.Start, 0) || math.IsInf(s.End, 0) {
			return nil, fmt.Errorf("score: %s %d is from %g to %g s, must be finite and end behind its start", what, i, s.Start, s.End)
		}
		t := ticks{max(int(math.Round(s.Start*maskHz)), 0), min(int(math.Round(s.End*maskHz)), n)}
		if t.end > t.start {
			list = append(list, t)
		}
	}
	slices.SortFunc(list, func(a, b ticks) int { return cmp.Compare(a.start, b.start) })
	var merged []ticks
	for _, t := range list {
		if k := len(merged) - 1; k >= 0 && float64(t.start-merged[k].end) < r.MergeS*maskHz {
			merged[k].end = max(merged[k].end, t.end)
			continue
		}
		merged = append(merged, t)
	}
	long := max(int(math.Round(r.LongS*maskHz)), 1)
	var out []ticks
	for _, t := range merged {
		for ; t.end-t.start > long; t.start += long {
			out = append(out, ticks{t.start, t.start + long})
		}
		out = append(out, t)
	}
	return out, nil
}

// Add takes in the score of another recording: false alarms are averaged over all hours.
func (s *EventScore) Add(o EventScore) {
	s.Seconds += o.Seconds
	s.Seizures += o.Seizures
	s.Detected += o.Detected
	s.Alarms += o.Alarms
	s.FalsePart += o.FalsePart
	s.FalseWhole += o.FalseWhole
	s.Latency = append(s.Latency, o.Latency...)
}

// Sensitivity is the part of the seizures that was detected; NaN where there was none.
func (s EventScore) Sensitivity() float64 { return ratio(s.Detected, s.Seizures) }

// Precision is hits over hits and false alarms; NaN without either. An alarm that overruns is both.
func (s EventScore) Precision() float64 { return ratio(s.Detected, s.Detected+s.FalsePart) }

// F1 is the harmonic mean of both; NaN with neither seizures nor false alarms.
func (s EventScore) F1() float64 {
	return ratio(2*s.Detected, 2*s.Detected+s.FalsePart+s.Seizures-s.Detected)
}

// FalsePerHour is the rate of false alarms over all recorded time.
func (s EventScore) FalsePerHour() float64 { return float64(s.FalsePart) / (s.Seconds / 3600) }

// FalsePerDay is the same in a day.
func (s EventScore) FalsePerDay() float64 { return 24 * s.FalsePerHour() }

// LatencyQuartiles are the first quartile, the median and the third of Latency, between two values along a straight line;
// NaN where nothing was detected.
func (s EventScore) LatencyQuartiles() (q [3]float64) {
	l := slices.Clone(s.Latency)
	slices.Sort(l)
	for i := range q {
		if len(l) == 0 {
			q[i] = math.NaN()
			continue
		}
		at := float64(len(l)-1) * float64(i+1) / 4
		k := int(at)
		q[i] = l[k]
		if k+1 < len(l) {
			q[i] += (at - float64(k)) * (l[k+1] - l[k])
		}
	}
	return q
}

func ratio(a, b int) float64 {
	if b == 0 {
		return math.NaN()
	}
	return float64(a) / float64(b)
}

// MeanSensitivity is the mean over patients, those without seizures left out, with its confidence interval at level, such
// as 0.95: that of a mean of proportions (metrics.Confusion.BalancedAccuracyInterval). It says how much hangs on the
// seizures that these patients happened to have, not on which patients they are.
func MeanSensitivity(patients []EventScore, level float64) (mean, low, high float64, err error) {
	missed := len(patients) // a class that no seizure belongs to
	var truth, said []int
	for k, p := range patients {
		for i := range p.Seizures {
			truth, said = append(truth, k), append(said, missed)
			if i < p.Detected {
				said[len(said)-1] = k
			}
		}
	}
	if len(truth) == 0 {
		return 0, 0, 0, errors.New("score: no patient has a seizure")
	}
	c, err := metrics.NewConfusion(make([]string, missed+1), truth, said)
	if err != nil {
		return 0, 0, 0, err
	}
	low, high = c.BalancedAccuracyInterval(level)
	return c.BalancedAccuracy(), low, high, nil
}
