package stream

import (
	"errors"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/stream/pipeline"
)

// Idle is the rate of false decisions in idle time, and whether it is the one that was asked for.
type Idle struct {
	Asked     float64  `json:"asked_per_min,omitempty"` // at most; absent where no rate was asked for
	Count     int      `json:"false_decisions"`         // that begin
	Again     int      `json:"held_again"`              // one more for each further second that a decision goes on into
	DecidedS  float64  `json:"in_decision_s"`           // time in which one stands, also one that began before
	Share     *float64 `json:"in_decision_share"`       // of the minutes and the time in which one goes on; null where there is none
	Minutes   float64  `json:"minutes"`                 // in which one could have begun: none goes on
	Rejected  float64  `json:"rejected_min"`            // more, in which a check of the pipeline rejected the windows
	Unlike    float64  `json:"unlike_min"`              // more, held back where the stream is unlike the rest that set the threshold
	PerMinute *float64 `json:"per_min"`                 // Count and Again by Minutes; null where there are none
	Low       *float64 `json:"per_min_low"`             // exact Poisson interval, 95 %
	High      *float64 `json:"per_min_high"`
	// Met says that the rate is at most the one asked for. It is absent where none was asked for, where nothing could be decided, and where
	// so few minutes cannot show it: without a single decision the interval would still reach above it, and with those there are it does
	// not lie above it.
	Met *bool `json:"met,omitempty"`
}

// Idle is the rate of a's false decisions; asked is the one that was asked for, 0 where none was. The error is that there was no
// idle time at all.
func (a *Activity) Idle(asked float64) (Idle, error) {
	r := Idle{Asked: asked, Count: a.False, Again: a.Again, DecidedS: a.StandS, Minutes: a.IdleS / 60, Rejected: (a.AwayS - a.UnlikeS) / 60, Unlike: a.UnlikeS / 60}
	if all := a.IdleS + a.HeldS; all > 0 {
		share := a.StandS / all
		r.Share = &share
	}
	switch {
	case a.IdleS+a.HeldS+a.AwayS == 0:
		return r, &pipeline.InputError{Err: errors.New("no window of the section live lies wholly in idle time: it must be longer than one")}
	case a.IdleS == 0:
		if asked > 0 && a.StandS > 0 {
			r.Met = new(bool)
		}
		return r, nil
	}
	rate, err := metrics.FalseActivations(a.False+a.Again, a.IdleS, 0.95)
	if err != nil {
		return r, err
	}
	r.PerMinute, r.Low, r.High = &rate.PerMinute, &rate.Low, &rate.High
	none, err := metrics.FalseActivations(0, a.IdleS, 0.95)
	if err != nil {
		return r, err
	}
	if asked > 0 && (none.High <= asked || rate.Low > asked) {
		met := rate.PerMinute <= asked
		r.Met = &met
	}
	return r, nil
}

// Add adds what happened in other recordings.
func (a *Activity) Add(b *Activity) {
	a.IdleS += b.IdleS
	a.HeldS += b.HeldS
	a.StandS += b.StandS
	a.AwayS += b.AwayS
	a.UnlikeS += b.UnlikeS
	a.False += b.False
	a.Again += b.Again
	a.Times = append(a.Times, b.Times...)
	a.Right += b.Right
	a.Wrong += b.Wrong
	a.Cued += b.Cued
}

// Verdict says in words whether the rate that was asked for was kept, and whether the interval leaves a doubt; "" where none was
// asked for.
func (r *Idle) Verdict() string {
	switch {
	case r.Asked == 0:
		return ""
	case r.PerMinute == nil && r.DecidedS > 0:
		return "missed: a decision stands all the time, and none could begin"
	case r.PerMinute == nil:
		return "not shown: nothing could be decided"
	case r.Met == nil:
		return "not shown: too little rest to tell either way"
	case *r.High <= r.Asked:
		return "met, by the whole interval"
	case *r.PerMinute <= r.Asked:
		return "met, but the interval reaches above it: more rest would tell"
	case *r.Low <= r.Asked:
		return "missed, but the interval reaches below it: more rest would tell"
	default:
		return "missed, by the whole interval"
	}
}
