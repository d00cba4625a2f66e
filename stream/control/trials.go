package control

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/gyrus-bci/gyrus/decoders/metrics"
	"github.com/gyrus-bci/gyrus/stream/bus"
)

// Phase is what a task is doing.
type Phase string

// The phases of a task.
const (
	PhasePause Phase = "pause" // before a trial: the simulator is at its start and does not move
	PhaseGo    Phase = "go"    // a trial: commands move the simulator
	PhaseDone  Phase = "done"  // behind the last trial
)

// Result is how a trial ended.
type Result string

// The results of a trial.
const (
	Hit     Result = "hit"     // the goal was reached and held
	Miss    Result = "miss"    // another goal was reached and held, or the goal was spoilt
	Timeout Result = "timeout" // neither, in the time there was
)

// Outcome is the end of one trial.
type Outcome struct {
	Result  Result
	Goal    int           // which one it was
	Meant   string        // the class that leads to it, "" where none or several do
	Elapsed time.Duration // of the trial, safe states left out
	// The newest command that decided something and was acted on in the trial; Run is 0 where there was none.
	Run   int64
	Seq   uint64
	Delay time.Duration // from the publication of that command to the end of the trial
}

// Trials is a task: goals come one after the other, each to be reached in time and held. A safe state stops the clock of
// a trial, so that a broken link is not the decoder's error. It is part of a simulator, not one itself.
type Trials struct {
	Hold    time.Duration // how long the goal must be held without a break; 0: reaching it is enough
	Timeout time.Duration // the longest trial
	Pause   time.Duration // before each trial, safe states left out
	Count   int           // of trials; 0 means that they go on
	Seed    uint64        // of the order of the goals: each block has every goal once
	Cued    bool          // trials begin by cue only, not by themselves

	phase   Phase
	trial   int // from 1
	goal    int
	left    time.Duration // of the pause
	elapsed time.Duration
	at      int           // the goal it is at, -1: none
	held    time.Duration // how long
	block   []int         // goals that this block still has
	rng     *rand.Rand

	run   int64
	seq   uint64
	delay time.Duration

	safe    bool // so was the newest step
	waits   bool // a trial has begun in a safe state, and the simulator is not at its start yet
	ended   bool // in the newest step
	outcome Outcome
	n       map[Result]int
	toHit   time.Duration
	total   time.Duration
}

// DefaultTrials have 10 s each and no end.
func DefaultTrials() Trials {
	return Trials{Timeout: 10 * time.Second, Pause: 500 * time.Millisecond, Seed: 1}
}

func (t *Trials) validate() error {
	switch {
	case t.Hold < 0 || t.Hold > time.Minute:
		return fmt.Errorf("hold is %v, must be 0 to 1 min", t.Hold)
	case t.Timeout <= t.Hold || t.Timeout > time.Hour:
		return fmt.Errorf("timeout is %v, must be longer than hold (%v) and at most 1 h", t.Timeout, t.Hold)
	case t.Pause < 0 || t.Pause > time.Minute:
		return fmt.Errorf("pause is %v, must be 0 to 1 min", t.Pause)
	case t.Count < 0:
		return errors.New("the number of trials is below 0, must be 0 (without end) or more")
	}
	return nil
}

func (t *Trials) prepare() {
	if t.phase == "" {
		t.phase, t.left, t.n = PhasePause, t.Pause, map[Result]int{}
		t.rng = rand.New(rand.NewPCG(t.Seed, 0))
	}
}

// begins lets time pass before a trial, and says whether the simulator is put where a trial begins now. In a safe state (not ok) it never is,
// and no time passes: what freezes, or is at most opened slowly, does not leap. goals is how many there are to choose from.
func (t *Trials) begins(dt time.Duration, goals int, ok bool) bool {
	t.prepare()
	t.ended, t.safe = false, !ok
	if t.waits && ok {
		t.waits = false
		return true
	}
	if t.phase != PhasePause || t.Cued || !ok {
		return false
	}
	if t.left -= dt; t.left > 0 {
		return false
	}
	if len(t.block) == 0 {
		t.block = t.rng.Perm(goals)
	}
	t.start(t.block[0])
	t.block = t.block[1:]
	return true
}

// cue begins a trial with the given goal, in the place of one that is running, and says whether the simulator is put where a trial begins now:
// in a safe state that waits for the end of it.
func (t *Trials) cue(goal int) bool {
	t.prepare()
	t.ended = false
	if t.phase == PhaseGo {
		t.end(Timeout)
	}
	if t.phase == PhaseDone {
		return false
	}
	t.start(goal)
	t.waits = t.safe
	return !t.waits
}

func (t *Trials) start(goal int) {
	t.phase, t.goal, t.elapsed, t.held, t.at = PhaseGo, goal, 0, 0, -1
	t.trial++
	t.run, t.seq, t.delay = 0, 0, 0
}

// judge lets time pass in a trial: the simulator is at the goal at, or at none (-1). spoilt ends the trial as a miss.
func (t *Trials) judge(dt time.Duration, a Action, ok bool, at int, spoilt bool) {
	if t.phase != PhaseGo {
		return
	}
	if !ok {
		t.at = -1 // what was held was not held by a command
		return
	}
	t.elapsed += dt
	if a.Command.Kind == bus.KindNone {
		t.delay += dt
	} else {
		t.run, t.seq, t.delay = a.Command.Run, a.Command.Seq, a.Age
	}
	if at == t.at {
		t.held += dt
	} else {
		t.at, t.held = at, 0
	}
	switch {
	case spoilt:
		t.end(Miss)
	case at >= 0 && t.held >= t.Hold && at == t.goal:
		t.end(Hit)
	case at >= 0 && t.held >= t.Hold:
		t.end(Miss)
	case t.elapsed >= t.Timeout:
		t.end(Timeout)
	}
}

func (t *Trials) end(r Result) {
	t.ended = true
	t.outcome = Outcome{Result: r, Goal: t.goal, Elapsed: t.elapsed, Run: t.run, Seq: t.seq, Delay: t.delay}
	t.n[r]++
	t.total += t.elapsed
	if !t.Cued {
		t.total += t.Pause
	}
	if r == Hit {
		t.toHit += t.elapsed
	}
	t.phase, t.left = PhasePause, t.Pause
	if t.Count > 0 && t.trial >= t.Count {
		t.phase = PhaseDone
	}
}

// Outcome is the end of a trial, where one ended in the newest step.
func (t *Trials) Outcome() (Outcome, bool) { return t.outcome, t.ended }

// Done says whether the last trial is over.
func (t *Trials) Done() bool { return t.phase == PhaseDone }

// Score sums up the trials that ended.
type Score struct {
	Goals    int `json:"goals"` // to choose from
	Trials   int `json:"trials"`
	Hits     int `json:"hits"`
	Misses   int `json:"misses"`
	Timeouts int `json:"timeouts"`
	// TimeToHit is the mean duration of a trial with a hit, 0 without one; Seconds of all trials, the pause before included.
	TimeToHit float64 `json:"time_to_hit_s"`
	Seconds   float64 `json:"trial_s"`
	// ITR is the information transfer rate, see metrics.ITR: goals and errors count as equally likely, a timeout is an
	// error, pauses are part of the time. 0 without trials.
	ITR float64 `json:"itr_bits_per_min"`
	// PathEfficiency is the mean over the hits of the straight way to the goal over the way that was gone; nil where the
	// simulator has no way, or without a hit.
	PathEfficiency *float64 `json:"path_efficiency,omitempty"`
}

func (t *Trials) score(goals int) Score {
	s := Score{Goals: goals, Hits: t.n[Hit], Misses: t.n[Miss], Timeouts: t.n[Timeout]}
	s.Trials = s.Hits + s.Misses + s.Timeouts
	if s.Hits > 0 {
		s.TimeToHit = t.toHit.Seconds() / float64(s.Hits)
	}
	if s.Trials > 0 && t.total > 0 {
		s.Seconds = t.total.Seconds() / float64(s.Trials)
		s.ITR = metrics.ITR(goals, float64(s.Hits)/float64(s.Trials), s.Seconds)
	}
	return s
}
