package dqn

// world is what the agent acts in: trials, each a run of states. Actions 0 to classes−1 decide for a class and end the
// trial; action classes, where there is one, waits.
type world struct {
	truth   []int // of each trial
	classes int
	wait    bool // there is the action wait
	states  int  // of a trial
	chain   bool // the next trial counts as what follows the end of one
	size    int  // values of a state

	signals, samples int // rows of a state that are signals, the first ones, and their length

	right, wrong float64 // rewards of deciding for the class of the trial, and for another
	cost         float64 // reward of waiting
	late         float64 // reward of waiting in the last state

	// look writes the state number s of a trial to dst, [size].
	look func(dst []float32, trial, s int)
}

// actions is how many there are.
func (w *world) actions() int {
	if w.wait {
		return w.classes + 1
	}
	return w.classes
}

// over is the state behind the end of a trial.
const over = -1

// act is the reward of action a in state s of a trial, and the next state or over.
func (w *world) act(trial, s, a int) (reward float64, next int) {
	switch {
	case a == w.truth[trial]:
		return w.right, over
	case a < w.classes:
		return w.wrong, over
	case s == w.states-1:
		return w.late, over
	default:
		return w.cost, s + 1
	}
}

// transition is one action and what came of it.
type transition struct {
	trial, state, action int
	reward               float64
	next, nextTrial      int // the state that follows and its trial; next may be over
}

// replay keeps the newest transitions.
type replay struct {
	kept  []transition
	limit int
	at    int // where the next one goes once it is full
}

func (r *replay) add(t transition) {
	if len(r.kept) < r.limit {
		r.kept = append(r.kept, t)
		return
	}
	r.kept[r.at] = t
	r.at = (r.at + 1) % r.limit
}
