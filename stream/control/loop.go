package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// The control loop's clock, and how often it is drawn.
const (
	loopPeriod = 10 * time.Millisecond
	drawPeriod = time.Second / 30
	logQueue   = 256
)

// Actions is what a control loop reads; *Receiver is one.
type Actions interface {
	Current() (Action, bool)
	Counters() Counters
}

// LoopOptions tune Run. All may be left out.
type LoopOptions struct {
	Screen    *Screen               // draws at most 30 frames a second; nil draws nothing
	JSON      io.Writer             // gets one line, a Frame, for every change of state, label or view; nil gets nothing
	Before    func()                // is called in the control loop before each step and may change the simulator; it must not block
	OnStep    func(Frame)           // is called in the control loop after each step and must not block
	Note      func(f *Frame) string // says, in a line under each frame that is drawn, what else people should know, "" for nothing; it is called in the control loop and must not block
	OnOutcome func(Outcome)         // is called in the control loop at the end of each trial and must not block

	// Lock, if not nil, is held from the question what to do to the end of the step, OnStep included. An OnSafe that takes it too finds
	// no step under way that was begun before the stop.
	Lock sync.Locker
}

// paintEnd is how long Run waits behind the end of its context until all is shown.
const paintEnd = 3 * time.Second

// logLine is a Frame as a line of JSON.
type logLine struct {
	Frame
	Lost int `json:"lost,omitempty"` // lines before this one that the reader was too slow for
}

// Run moves a simulator 100 times a second by what actions.Current says at that moment, until ctx ends or the simulator is
// done: then it is put into the safe state, the last frame is shown, and Run returns nil. Nothing is queued: a turn that
// comes late takes the newest command, not the one it missed. Drawing and logging have a goroutine of their own, so that a
// slow terminal does not hold up the loop; where they fail, the simulator stops and Run returns the error. It waits until all is shown
// and read, but for no more than three seconds behind the end of ctx.
func Run(ctx context.Context, actions Actions, sim Simulator, opt LoopOptions) error {
	if err := sim.Validate(); err != nil {
		return fmt.Errorf("control: %w", err)
	}
	if opt.Lock == nil {
		opt.Lock = &sync.Mutex{} // of nobody else
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	p := painter{screen: opt.Screen, json: opt.JSON, frames: make(chan Frame, 1), lines: make(chan logLine, logQueue)}
	done := make(chan error, 1)
	go func() {
		err := p.run()
		if err != nil {
			cancel(err)
		}
		done <- err
	}()
	loop(ctx, actions, sim, opt, &p)
	var late <-chan time.Time // who interrupts a program means its end, whatever reads what it shows
	if ctx.Err() != nil {
		late = time.After(paintEnd)
	}
	unread := fmt.Errorf("control: nothing was read of what is shown for %s behind the end: the last of it is missing", paintEnd)
	if p.lost > 0 { // the simulator stands now, so that the last line can wait for its reader
		select {
		case p.lines <- logLine{Frame: p.last, Lost: p.lost - 1}:
		case err := <-done:
			return err
		case <-late:
			late = time.After(0)
		}
	}
	close(p.frames)
	close(p.lines)
	select {
	case err := <-done:
		return err
	case <-late:
		return unread
	}
}

// loop is the control loop.
func loop(ctx context.Context, actions Actions, sim Simulator, opt LoopOptions, p *painter) {
	tick := time.NewTicker(loopPeriod)
	defer tick.Stop()
	begin := time.Now()
	var (
		last, drawn time.Duration
		logged      Frame
	)
	turn := func(now time.Duration, a Action, ok bool) Frame {
		if opt.Before != nil {
			opt.Before()
		}
		state := sim.Step(now-last, a, ok)
		last = now
		f := frame(sim, now.Seconds(), state, a, ok, actions.Counters())
		if opt.Note != nil {
			f.Note = opt.Note(&f)
		}
		if !f.sameState(&logged) {
			logged = f
			p.log(f)
		}
		if opt.OnStep != nil {
			opt.OnStep(f)
		}
		if o, ended := sim.Outcome(); ended && opt.OnOutcome != nil {
			opt.OnOutcome(o)
		}
		return f
	}
	for {
		select {
		case <-ctx.Done():
			p.draw(turn(time.Since(begin), Action{Reason: ReasonStopped}, false))
			return
		case <-tick.C:
			now := time.Since(begin)
			opt.Lock.Lock()
			a, ok := actions.Current()
			f := turn(now, a, ok)
			opt.Lock.Unlock()
			if drawn == 0 || now-drawn >= drawPeriod {
				drawn = now
				p.draw(f)
			}
			if sim.Done() {
				p.draw(turn(time.Since(begin), Action{Reason: ReasonStopped}, false))
				return
			}
		}
	}
}

// painter shows and logs in a goroutine of its own.
type painter struct {
	screen *Screen
	json   io.Writer
	frames chan Frame   // one place: the newest
	lines  chan logLine // bounded; what does not fit is counted
	last   Frame        // the newest for lines
	lost   int
}

// draw hands over a frame in place of one that has not been drawn yet.
func (p *painter) draw(f Frame) {
	if p.screen == nil {
		return
	}
	select {
	case <-p.frames:
	default:
	}
	p.frames <- f // there is room: only this goroutine fills it
}

// log hands over a line, or counts it as lost.
func (p *painter) log(f Frame) {
	if p.json == nil {
		return
	}
	p.last = f
	select {
	case p.lines <- logLine{Frame: f, Lost: p.lost}:
		p.lost = 0
	default:
		p.lost++
	}
}

// run writes until both channels are closed and empty, or a write fails.
func (p *painter) run() (err error) {
	if p.screen != nil {
		defer func() { err = errors.Join(err, p.screen.Close()) }()
	}
	frames, lines := p.frames, p.lines
	for frames != nil || lines != nil {
		select {
		case f, ok := <-frames:
			if !ok {
				frames = nil
				continue
			}
			if err := p.screen.Show(f); err != nil {
				return fmt.Errorf("control: drawing the simulator: %w", err)
			}
		case l, ok := <-lines:
			if !ok {
				lines = nil
				continue
			}
			raw, err := json.Marshal(l)
			if err != nil {
				return fmt.Errorf("control: logging the simulator: %w", err)
			}
			if _, err := p.json.Write(append(raw, '\n')); err != nil {
				return fmt.Errorf("control: logging the simulator: %w", err)
			}
		}
	}
	return nil
}
