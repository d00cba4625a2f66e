package evidence

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mathext"

	"github.com/gyrus-bci/gyrus/decoders"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// AsksForRest is FalsePerMin.
func (a *Accumulator) AsksForRest() float64 { return a.FalsePerMin }

// AnyRest is Any.
func (a *Accumulator) AnyRest() bool { return a.Any }

// RestClass is Rest.
func (a *Accumulator) RestClass() int { return a.Rest }

// Allowed is how many events minutes may hold so that, of a Poisson process, a rate of perMinute or more would hold so few
// with a probability of at most 1 − certainty: the one-sided upper limit of the rate (Garwood 1936,
// doi:10.1093/biomet/28.3-4.437) is then at most perMinute. It is -1 where even no event would not show that.
func Allowed(minutes, perMinute, certainty float64) int {
	n := -1
	for mathext.GammaIncRegCompInv(float64(n)+2, 1-certainty) <= perMinute*minutes {
		n++
	}
	return n
}

// LeastRest is how many rows there must be for none with a decision to show the rate.
func (a *Accumulator) LeastRest(step float64) int {
	n := max(0, int(60*mathext.GammaIncRegCompInv(1, 1-a.Certainty)/a.FalsePerMin/step)-1)
	for Allowed(float64(n)*step/60, a.FalsePerMin, a.Certainty) < 0 {
		n++
	}
	return n
}

// FitRest sets Enter to the least odds, of those that occur at rest, at which and above which the rest data hold no more
// decisions than Allowed in the time in which one can begin. Leave counts for at most Enter then. All other parameters stay, and the rate holds
// for them only.
//
// A threshold at which the data hold just as many decisions as were asked for would be too low: it lies where the next
// decision would begin, so new data bring about one decision more in the same time. Allowed makes the asked rate a
// ceiling instead, which a new recording of the same kind exceeds with a probability of at most 1 − Certainty. Rest of
// another kind, such as with the eyes closed instead of open, is not the same: record all kinds that will occur. Decisions
// that come in bursts are no Poisson process, and new data can then hold more of them than the certainty says: the rate on
// held-out rest, which training reports, shows it.
//
// With Hold a decision counts again for each second that it lasts, and the time in which it is held is none in which another could
// begin (decoders.FalseDecisions): at most FalsePerMin seconds of a minute are then in a false decision. That a decision which
// began at rest would end, rest itself must show.
//
// It is an error where there is too little rest to tell such a rate from 0, and, with Hold, where the odds of a class never fall
// below Leave at rest: a decision for it would last for ever.
func (a *Accumulator) FitRest(s []decoders.Stretch, step float64) error {
	if !(a.FalsePerMin > 0) {
		return errors.New("evidence: false_per_min is 0, so there is no rate to set the threshold for")
	}
	if err := a.Check(); err != nil {
		return err
	}
	if !(step > 0) || math.IsInf(step, 0) {
		return fmt.Errorf("evidence: rows are %g s apart, must be above 0", step)
	}
	rows := 0
	for _, one := range s {
		for i := range one.Scores {
			if one.AtRest(i) {
				rows++
			}
		}
	}
	minutes := float64(rows) * step / 60
	allowed := Allowed(minutes, a.FalsePerMin, a.Certainty)
	if allowed < 0 {
		return fmt.Errorf("evidence: %.3g s of rest cannot show with a certainty of %g that there are at most %g decisions a minute: that takes at least %.0f s in which one could be made; give more, or ask for less",
			60*minutes, a.Certainty, a.FalsePerMin, math.Ceil(float64(a.LeastRest(step))*step))
	}
	// A run that never decides gives every confidence that can occur; a decision would only clear evidence.
	try := *a
	try.log, try.fitted = nil, true
	try.Enter, try.Hold = math.MaxFloat64, false
	var odds, lowest []float64
	for r, one := range s {
		try.Reset()
		for i, row := range one.Scores {
			if _, _, err := try.Push(row, one.Time(i, step)); err != nil {
				return fmt.Errorf("rest stretch %d, row %d: %w", r, i, err)
			}
			if one.AtRest(i) {
				odds = append(odds, try.odds(try.best()))
				lowest = try.lower(lowest)
			}
		}
	}
	for k, low := range lowest {
		if a.Hold && k != a.Rest && low >= a.Leave {
			return fmt.Errorf("evidence: leave_nats is %g, and no row at rest has odds of class %d below it, the lowest are %.3g: with hold, a decision for it would never end at rest, however rarely one begins; set leave_nats above %.3g, or leave hold out",
				a.Leave, k, low, slices.Max(lowest))
		}
	}
	slices.Sort(odds)
	odds = slices.Compact(odds)
	try.Hold = a.Hold
	enter, free := math.Nextafter(odds[len(odds)-1], math.Inf(1)), rows
	for _, o := range slices.Backward(odds) {
		try.Enter = o
		n, err := try.FalseDecisions(s, step)
		if err != nil {
			return err
		}
		if n.Free != free {
			free, allowed = n.Free, Allowed(float64(n.Free)*step/60, a.FalsePerMin, a.Certainty)
		}
		if n.Count() > allowed {
			break
		}
		enter = o
	}
	a.set(enter)
	return nil
}

// lower is the lowest odds of each class so far, with those of now; nil before the first row.
func (a *Accumulator) lower(lowest []float64) []float64 {
	if lowest == nil {
		lowest = slices.Repeat([]float64{math.Inf(1)}, len(a.log))
	}
	for k := range lowest {
		lowest[k] = min(lowest[k], a.odds(k))
	}
	return lowest
}

func (a *Accumulator) set(enter float64) {
	a.Enter, a.fitted = enter, true
	a.Reset()
}

// FalseDecisions counts what is decided at rest. Without Hold each row with a decision begins one, with it also the first behind rows that
// are missing. The run at hand is lost.
func (a *Accumulator) FalseDecisions(s []decoders.Stretch, step float64) (n decoders.FalseDecisions, err error) {
	defer a.Reset()
	for r, one := range s {
		a.Reset()
		n.Anew()
		for i, row := range one.Scores {
			label, _, err := a.Push(row, one.Time(i, step))
			if err != nil {
				return n, fmt.Errorf("rest stretch %d, row %d: %w", r, i, err)
			}
			if !a.Hold {
				n.Anew()
			}
			n.Add(label, one.Time(i, step), one.AtRest(i), step)
		}
	}
	return n, nil
}

// State is "enter" [1], the threshold in nats, where rest data have set it.
func (a *Accumulator) State() signal.State {
	if !a.fitted {
		return nil
	}
	return signal.State{"enter": signal.NewArray([]float64{a.Enter}, 1)}
}

// SetState puts back what State returned.
func (a *Accumulator) SetState(s signal.State) error {
	if a.FalsePerMin == 0 {
		if len(s) > 0 {
			return errors.New("evidence: false_per_min is 0, but there is a threshold that rest data have set")
		}
		return nil
	}
	enter, err := s.Get("enter", 1)
	if err != nil {
		return fmt.Errorf("evidence: %w", err)
	}
	if v := enter.Data[0]; math.IsNaN(v) || math.IsInf(v, 0) {
		return fmt.Errorf(`evidence: array "enter" is %g, must be finite`, v)
	}
	a.set(enter.Data[0])
	return nil
}
