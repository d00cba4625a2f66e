package seizure

import (
	"fmt"
	"math"
	"slices"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// The classes of windows.
const (
	Ictal      = "ictal"
	Interictal = "interictal"
	Preictal   = "preictal"
)

// Labels say how a window is labelled by the seizures of its recording. For simulated time, which is compressed, all
// times may be shortened.
type Labels struct {
	IctalPart   float64 // part of the window that must lie in a seizure
	PreictalS   float64 // preictal begins so long before the onset of a seizure
	HorizonS    float64 // and ends so long before it
	InterictalS float64 // least distance from any seizure of an interictal window; a seizure that begins less than this behind the end of another makes nothing preictal
}

// DefaultLabels are those of prediction with an occurrence period of 30 min and a horizon of 5 min: half of the window, 35
// to 5 min, 4 h.
func DefaultLabels() Labels {
	return Labels{IctalPart: 0.5, PreictalS: 35 * 60, HorizonS: 5 * 60, InterictalS: 4 * 3600}
}

// Check reports what cannot be.
func (l Labels) Check() error {
	if !(l.IctalPart > 0 && l.IctalPart <= 1) || !(0 <= l.HorizonS && l.HorizonS < l.PreictalS) || !(l.InterictalS >= l.PreictalS) || math.IsInf(l.InterictalS, 0) {
		return fmt.Errorf("labels: the ictal part %g must be above 0 and at most 1; the horizon %g s, the preictal time %g s and the interictal distance %g s must rise, from at least 0", l.IctalPart, l.HorizonS, l.PreictalS, l.InterictalS)
	}
	return nil
}

// Of is the class of the window [start, end), in seconds, by all seizures near it, in order of time: "" for one that
// belongs to none, which is left out of training but not out of the time in which false alarms count. A window that is
// partly in a seizure, but not enough to be ictal, has no class, nor has one of which a part lies in the preictal time.
func (l Labels) Of(start, end float64, seizures []Span) string {
	inside, far := 0.0, true
	for _, s := range seizures {
		inside += max(min(end, s.End)-max(start, s.Start), 0)
		far = far && (end <= s.Start-l.InterictalS || start >= s.End+l.InterictalS)
	}
	if inside >= l.IctalPart*(end-start) {
		return Ictal
	}
	if far {
		return Interictal
	}
	if inside > 0 {
		return ""
	}
	for i, s := range seizures {
		if lead := i == 0 || s.Start-seizures[i-1].End >= l.InterictalS; !lead {
			continue
		}
		if start >= s.Start-l.PreictalS && end <= s.Start-l.HorizonS {
			return Preictal
		}
	}
	return ""
}

// Events are one event for each window with a class, at its first sample, whose label is the class: with them a pipeline
// cuts windows from a recording of so many samples by the step events (tmin_s 0, tmax_s the length). Windows have
// lengthS seconds and begin every stepS.
func (l Labels) Events(info *signal.Info, samples int64, seizures []Span, lengthS, stepS float64) ([]signal.Event, error) {
	if err := l.Check(); err != nil {
		return nil, err
	}
	if !slices.IsSortedFunc(seizures, func(a, b Span) int {
		if a.Start < b.Start {
			return -1
		}
		return 1
	}) {
		return nil, fmt.Errorf("labels: the seizures %v are not in order of time", seizures)
	}
	length, step := info.Samples(lengthS), info.Samples(stepS)
	if length < 1 || step < 1 {
		return nil, fmt.Errorf("labels: windows of %g s every %g s, must be at least one sample (%g s)", lengthS, stepS, 1/info.Rate)
	}
	var out []signal.Event
	for at := int64(0); at+length <= samples; at += step {
		start, end := float64(at)/info.Rate, float64(at+length)/info.Rate
		if class := l.Of(start, end, seizures); class != "" {
			out = append(out, signal.Event{Sample: at, Onset: start, Duration: end - start, Label: class})
		}
	}
	return out, nil
}
