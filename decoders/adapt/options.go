package adapt

import (
	"errors"
	"fmt"
	"math"
)

// Options are the parameters of a Head.
type Options struct {
	Start       State   `json:"start" doc:"shadow (goes live when it has proven better than the running decoder) or frozen"`
	Memory      float64 `json:"memory" doc:"decisions with feedback after which an old one counts 1/e, at least 10"`
	Ridge       float64 `json:"ridge" doc:"decisions that count for every feature's having no weight, above 0; much where feedback is wrong at times"`
	Trust       float64 `json:"trust" doc:"decisions that count for the running decoder's probabilities keeping their weight, above 0"`
	Settle      int     `json:"settle" doc:"first decisions with feedback, which give the features their mean and scale before anything is learned; at least 5"`
	MaxStep     float64 `json:"max_step" doc:"largest change of the weights by one piece of feedback, as part of their norm, above 0"`
	MaxDistance float64 `json:"max_distance" doc:"distance of the weights from where they began, as part of their norm there, at which the head freezes, above 0"`
	PerMinute   int     `json:"updates_per_minute" doc:"more feedback within a minute is not learned from, at least 1"`
	ErrorRate   float64 `json:"error_rate" doc:"part of the feedback that is wrong, as measured for its source, 0 to below 0.5"`
	Expire      float64 `json:"expire_s" doc:"how long a decision waits for feedback, in seconds, above 0"`
	Explore     float64 `json:"explore" doc:"standard errors that are added to values to try what is unknown; 0 wherever decisions move something"`
	Actuates    bool    `json:"actuates" doc:"decisions move something: exploration is refused"`
	Decisions   int     `json:"decisions" doc:"decisions with feedback before the head may go live, at least 1"`
	Doubt       float64 `json:"doubt" doc:"chance of going live with a head that is not better, in each comparison of which one begins every 25 decisions with feedback; above 0 and below 1"`
	Collapse    float64 `json:"collapse" doc:"part of the last 30 decisions for one class that freezes the head, above 0.5; 1: only all of them; above 1: never"`
	Fall        float64 `json:"fall" doc:"how far the part of right decisions among the last 20 with feedback may fall below that at the snapshot before the head freezes, above 0"`
	Snapshot    int     `json:"snapshot_every" doc:"updates between two snapshots, at least 1; 8 are kept"`
}

// Defaults are for motor imagery with two classes and a decision every few seconds.
func Defaults() Options {
	return Options{
		Start: Shadow, Memory: 100, Ridge: 200, Trust: 10, Settle: 20, MaxStep: 0.2, MaxDistance: 10, PerMinute: 30, Expire: 5, Actuates: true,
		Decisions: 40, Doubt: 0.05, Collapse: 0.9, Fall: 0.15, Snapshot: 20,
	}
}

// Check reports what is out of range.
func (o *Options) Check() error {
	var errs []error
	need := func(ok bool, key string, v any, must string) {
		if !ok {
			errs = append(errs, fmt.Errorf("%s is %v, must be %s", key, v, must))
		}
	}
	need(o.Start == Shadow || o.Start == Frozen, "start", o.Start, "shadow or frozen")
	need(o.Memory >= 10 && !math.IsInf(o.Memory, 0), "memory", o.Memory, "at least 10")
	need(o.Ridge > 0 && !math.IsInf(o.Ridge, 0), "ridge", o.Ridge, "above 0")
	need(o.Trust > 0 && !math.IsInf(o.Trust, 0), "trust", o.Trust, "above 0")
	need(o.Settle >= 5, "settle", o.Settle, "at least 5")
	need(o.MaxStep > 0, "max_step", o.MaxStep, "above 0")
	need(o.MaxDistance > 0, "max_distance", o.MaxDistance, "above 0")
	need(o.PerMinute >= 1, "updates_per_minute", o.PerMinute, "at least 1")
	need(o.ErrorRate >= 0 && o.ErrorRate < 0.5, "error_rate", o.ErrorRate, "0 to below 0.5")
	need(o.Expire > 0 && o.Expire <= 600, "expire_s", o.Expire, "above 0 and at most 600")
	need(o.Explore >= 0 && !math.IsInf(o.Explore, 0), "explore", o.Explore, "at least 0")
	need(o.Decisions >= 1, "decisions", o.Decisions, "at least 1")
	need(o.Doubt > 0 && o.Doubt < 1, "doubt", o.Doubt, "above 0 and below 1")
	need(o.Collapse > 0.5, "collapse", o.Collapse, "above 0.5")
	need(o.Fall > 0, "fall", o.Fall, "above 0")
	need(o.Snapshot >= 1, "snapshot_every", o.Snapshot, "at least 1")
	if o.Explore > 0 && o.Actuates {
		errs = append(errs, errors.New("explore is above 0 where decisions move something: set explore to 0, or actuates to false where nothing can be moved"))
	}
	return errors.Join(errs...)
}

// State is what a head does.
type State string

// The states of a head. From Shadow it goes to Live by itself, to Frozen from both, and by Thaw back to where it was.
const (
	Shadow State = "shadow" // it learns; the running decoder decides
	Live   State = "live"   // it learns and decides
	Frozen State = "frozen" // it does not learn; who decided before goes on deciding
)
