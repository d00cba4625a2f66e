package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// errOver is what is asked of a session that has ended.
var errOver = errors.New("the session has ended")

// sessionVerb is what operators can ask a session for that has its stream.
type sessionVerb struct {
	bus.Verb // without Do
	do       func(e *engine, ctx context.Context, args []string) (any, error)
}

// sessionVerbs are all of them, but for those of an adapter.
func sessionVerbs() []sessionVerb {
	return []sessionVerb{
		{bus.Verb{Name: "swap", Fresh: true, Args: []string{"bundle"}, Doc: "decode with another model, between two windows; the path is of the machine that decodes, a relative one counts from the session file as that of bundle does"}, (*engine).verbSwap},
		{bus.Verb{
			Name: "rollback", Fresh: true, Args: []string{"[learned]", "[snapshot]"},
			Doc: "decode with the model before; with learned: put back what was learned from feedback as it was at a snapshot (0, the newest), and freeze",
		}, (*engine).verbRollback},
		{bus.Verb{Name: "accept", Fresh: true, Doc: "decode with the model that the calibration has made"}, says(accepted)},
		{bus.Verb{Name: "refuse", Fresh: true, Doc: "end the calibration without its model, and go on with the bundle, where there is one; also while it waits for cues or rest of its source (cues: markers)"}, says(refused)},
		{bus.Verb{Name: "repeat", Doc: "refuse the model and calibrate again; also while it waits for cues or rest of its source (cues: markers)"}, says(repeated)},
	}
}

// says judges the model that a calibration has made.
func says(v verdict) func(*engine, context.Context, []string) (any, error) {
	return func(e *engine, ctx context.Context, _ []string) (any, error) {
		s := standing{State: e.opt.Commands.Intent()}
		err := e.do(ctx, func() error {
			err := e.answer(v)
			s.Phase = e.shown()
			return err
		})
		if err != nil {
			return nil, err
		}
		return s, nil
	}
}

// do runs fn between two chunks and waits for it. Where ctx ends before, fn does not run.
func (e *engine) do(ctx context.Context, fn func() error) error {
	const gone = "whoever asked has gone before the session could begin with it, and nothing was done: %w"
	if err := ctx.Err(); err != nil { // also where the session waits for something to do
		return fmt.Errorf(gone, err)
	}
	done := make(chan error, 1)
	select {
	case e.ops <- func() { done <- fn() }:
		return <-done
	case <-e.over:
		return errOver
	case <-ctx.Done():
		return fmt.Errorf(gone, ctx.Err())
	}
}

// loadTimeout is how long a model may take to be read and built.
const loadTimeout = 30 * time.Second

// maxHung is how many models may be given up that are still being read: each holds a goroutine, and what it has read so far.
const maxHung = 4

// loading is the models that are being read.
type loading struct {
	mu   sync.Mutex
	now  map[int]beingRead
	last int
}

type beingRead struct {
	path  string
	since time.Time
}

// begin admits one more, or says why not. What it admits must end.
func (l *loading) begin(path string, now time.Time) (id int, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	var hung []string
	for _, r := range l.now {
		took := now.Sub(r.since)
		if took < loadTimeout {
			return 0, fmt.Errorf("another model is being read, %s since %.0f s: try again when that is done; it is given up after %.0f s", r.path, took.Seconds(), loadTimeout.Seconds())
		}
		hung = append(hung, r.path)
	}
	if len(hung) >= maxHung {
		slices.Sort(hung)
		return 0, fmt.Errorf("%d models were given up that are still being read (%s): the drive does not answer; mend it, or start the session anew (gyrus ctl stop works)", len(hung), strings.Join(hung, ", "))
	}
	if l.now == nil {
		l.now = map[int]beingRead{}
	}
	l.last++
	l.now[l.last] = beingRead{path, now}
	return l.last, nil
}

func (l *loading) end(id int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.now, id)
}

// load reads a model on a goroutine of its own: what lies on a drive that does not answer holds up nobody, and the next model for
// as long as loadTimeout.
func (e *engine) load(ctx context.Context, path string) (Model, error) {
	id, err := e.loading.begin(path, time.Now())
	if err != nil {
		return Model{}, err
	}
	type loaded struct {
		m   Model
		err error
	}
	got := make(chan loaded, 1)
	go func() {
		m, err := e.opt.Load(path)
		e.loading.end(id) // before anybody is answered: who asks for the next model at once is not refused
		got <- loaded{m, err}
	}()
	ctx, cancel := context.WithTimeout(ctx, loadTimeout)
	defer cancel()
	select {
	case l := <-got:
		return l.m, l.err
	case <-ctx.Done():
		return Model{}, fmt.Errorf("%s: the file has not been read within %.0f s: does its drive answer? The session goes on with its model; swap to a file on another drive: %w", path, loadTimeout.Seconds(), ctx.Err())
	}
}

func (e *engine) verbSwap(ctx context.Context, args []string) (any, error) {
	path := args[0]
	if !filepath.IsAbs(path) {
		path = filepath.Join(e.opt.Dir, path)
	}
	path = whole(path)
	res, err := e.swapTo(ctx, path)
	if err != nil && !strings.Contains(err.Error(), path) {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return res, err
}

// swapTo is verbSwap with the file at path.
func (e *engine) swapTo(ctx context.Context, path string) (any, error) {
	m, err := e.load(ctx, path)
	if err != nil {
		return nil, err
	}
	if err := m.Pipeline.Start(e.info); err != nil {
		return nil, fmt.Errorf("the new model does not fit the stream: %w", err)
	}
	return e.change(ctx, func() (Model, bool, error) { return m, true, nil })
}

func (e *engine) verbRollback(ctx context.Context, args []string) (any, error) {
	if len(args) > 0 {
		switch {
		case args[0] != "learned":
			return nil, fmt.Errorf("rollback of %q: must be nothing, for the model before, or learned", args[0])
		case e.opt.Adapter == nil:
			return nil, errors.New("the session does not learn from feedback: it has no section adapt")
		}
		return e.opt.Adapter.rollback(args[1:])
	}
	return e.change(ctx, func() (Model, bool, error) {
		if len(e.before) == 0 {
			return Model{}, false, errors.New("there is no model before this one; what was learned from feedback goes back with: rollback learned")
		}
		return e.before[len(e.before)-1], false, nil
	})
}

// change puts the model that which names in place of the one that decides.
func (e *engine) change(ctx context.Context, which func() (Model, bool, error)) (any, error) {
	var res *Swapped
	var wait *pending
	err := e.do(ctx, func() error {
		m, forward, err := which()
		if err == nil {
			res, wait, err = e.swap(m, forward)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if wait == nil {
		return res, nil
	}
	return wait.await(ctx, cmp.Or(e.opt.swapWait, swapWait), res)
}

// answer is what somebody says of the model that a calibration has made, or of one that waits for what its source shows and has none.
func (e *engine) answer(a verdict) error {
	switch {
	case e.cal != nil && e.phase == bus.PhaseAsking:
		return e.judged(a)
	case e.cal != nil && e.phase == bus.PhaseCalibrating && e.cal.opt.Cues == cuesMarkers:
		return e.judgeWait(a)
	}
	return fmt.Errorf("the session is %s: there is no model to judge", e.shown())
}
