package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// script is an Actions that says what the test wants, by the time since its start.
type script struct {
	begin time.Time
	at    func(now time.Duration) (Action, bool)
}

func (s *script) Current() (Action, bool) { return s.at(time.Since(s.begin)) }
func (s *script) Counters() Counters      { return Counters{Received: 7} }

// leftUntil moves left for d, then is safe.
func leftUntil(d time.Duration) *script {
	return &script{time.Now(), func(now time.Duration) (Action, bool) {
		if now <= d {
			a := class("left")
			a.Age = 3 * ms
			return a, true
		}
		return Action{Reason: ReasonExpired}, false
	}}
}

// roaming is a task that the cursor moves freely in: no pause, and targets too far for a test.
func roaming() *CenterOut {
	o := NewCenterOut(NewCursor("left", "right"), 2)
	o.Pause, o.Timeout, o.Distance = 0, time.Hour, 1
	return o
}

// logged is what a line of the log says of a cursor.
type logged struct {
	State    State    `json:"state"`
	Reason   Reason   `json:"reason"`
	Lost     int      `json:"lost"`
	Counters Counters `json:"commands"`
	View     struct {
		Position [2]float64 `json:"position"`
	} `json:"view"`
}

func TestRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var steps []Frame
		var log bytes.Buffer
		befores := 0
		o := roaming()
		err := Run(ctx, leftUntil(500*ms), o, LoopOptions{
			JSON:   &log,
			Before: func() { befores++ },
			OnStep: func(f Frame) { steps = append(steps, f) },
		})
		if err != nil {
			t.Fatal(err)
		}
		if n := len(steps); n < 100 || n > 101 || befores != n { // 1 s at 100 Hz, and the last stop
			t.Fatalf("%d steps, %d calls of Before; want 100", n, befores)
		}
		for _, f := range steps {
			moving := f.Seconds <= 0.5+1e-9
			v := f.View.(*CursorView).Velocity
			if moving != (v == [2]float64{-0.5, 0}) || !moving && v != [2]float64{} {
				t.Fatalf("at %g s: velocity %v", f.Seconds, v)
			}
			if moving && (f.State != StateMoves || f.Label != "left" || math.Abs(f.AgeMS-3) > 1e-9) || !moving && f.State != StateSafe {
				t.Fatalf("at %g s: %+v", f.Seconds, f)
			}
		}
		if math.Abs(o.Cursor.Position[0]+0.25) > 1e-9 {
			t.Errorf("position %g, want -0.25: half a second at 0.5 per second", o.Cursor.Position[0])
		}
		var states []string
		for lines := bufio.NewScanner(&log); lines.Scan(); {
			var l logged
			if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
				t.Fatal(err)
			}
			if l.Counters.Received != 7 || l.Lost != 0 {
				t.Errorf("line %+v", l)
			}
			states = append(states, string(l.State)+" "+string(l.Reason))
		}
		if got := strings.Join(states, ", "); got != "moves , safe expired, safe stopped" {
			t.Errorf("log: %s", got)
		}
	})
}

// counter counts writes, and can hang until it is released.
type counter struct {
	mu   sync.Mutex
	n    int
	text []string
	hold chan struct{}
	fail error
}

func (w *counter) Write(p []byte) (int, error) {
	if w.hold != nil {
		<-w.hold
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.n++
	w.text = append(w.text, string(p))
	return len(p), w.fail
}

func TestDrawingIsAtMost30PerSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		w := &counter{}
		if err := Run(ctx, leftUntil(time.Second), roaming(), LoopOptions{Screen: NewScreen(w, false)}); err != nil {
			t.Fatal(err)
		}
		if w.n < 40 || w.n > 62 { // 2 s, the last frame, and giving the terminal its cursor back
			t.Errorf("%d writes in 2 s, want at most 30 per second", w.n)
		}
		if last := w.text[w.n-2]; !strings.Contains(last, "SAFE stopped") {
			t.Errorf("the last frame is %q", last)
		}
	})
}

// TestSlowReadersDoNotHoldUpTheLoop: a terminal and a log that hang cost frames and lines, which are counted, and no step.
func TestSlowReadersDoNotHoldUpTheLoop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begin := time.Now()
		flicker := &script{begin, func(now time.Duration) (Action, bool) { // changes at each step
			return class([]string{"left", "right"}[int(now/loopPeriod)%2]), true
		}}
		w := &counter{hold: make(chan struct{})}
		steps := 0
		done := make(chan error, 1)
		go func() {
			done <- Run(ctx, flicker, roaming(), LoopOptions{JSON: w, OnStep: func(Frame) { steps++ }})
		}()
		time.Sleep(11 * time.Second)
		synctest.Wait()
		if steps < 1000 {
			t.Errorf("%d steps in 10 s, want 1000", steps)
		}
		close(w.hold)
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		lines, lost, last := 0, 0, logged{}
		for _, text := range w.text {
			last = logged{}
			if err := json.Unmarshal([]byte(text), &last); err != nil {
				t.Fatal(err)
			}
			lines++
			lost += last.Lost
		}
		if lines+lost != steps || lost == 0 {
			t.Errorf("%d lines and %d lost, want the sum %d", lines, lost, steps)
		}
		if last.Reason != ReasonStopped {
			t.Errorf("the last line is %+v", last)
		}
	})
}

func TestRunEndsWhereWritingFails(t *testing.T) {
	for name, opt := range map[string]func(w *counter) LoopOptions{
		"screen": func(w *counter) LoopOptions { return LoopOptions{Screen: NewScreen(w, true)} },
		"log":    func(w *counter) LoopOptions { return LoopOptions{JSON: w} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &counter{fail: errors.New("broken pipe")}
				o := roaming()
				err := Run(t.Context(), leftUntil(time.Hour), o, opt(w))
				if !errors.Is(err, w.fail) {
					t.Errorf("error %v, want that of the writer", err)
				}
				if o.Cursor.Velocity != [2]float64{} {
					t.Error("the cursor still moves")
				}
			})
		})
	}
}

// TestRunEndsThoughNobodyReads: who interrupts it does not wait for whoever reads what it shows.
func TestRunEndsThoughNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		read, w := io.Pipe() // nobody reads
		began := time.Now()
		err := Run(ctx, leftUntil(time.Second), roaming(), LoopOptions{JSON: w})
		if d := time.Since(began); err == nil || !strings.Contains(err.Error(), "nothing was read") || d > 2*time.Second+2*paintEnd {
			t.Errorf("%v behind %s", err, d)
		}
		if err := read.Close(); err != nil {
			t.Error(err)
		}
		synctest.Wait()
	})
}

func TestRunRefuses(t *testing.T) {
	o := roaming()
	o.Cursor.Speed = -1
	if err := Run(t.Context(), leftUntil(0), o, LoopOptions{}); err == nil || !strings.Contains(err.Error(), "speed_per_s") {
		t.Errorf("a bad cursor: %v", err)
	}
}

// TestRunEndsBehindTheLastTrial: each trial is told once, and the last frame is safe.
func TestRunEndsBehindTheLastTrial(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := NewCenterOut(NewCursor("left", "right"), 2)
		o.Count, o.Timeout = 4, 3*time.Second
		left := &script{time.Now(), func(time.Duration) (Action, bool) {
			a := class("left")
			a.Command.Run, a.Command.Seq, a.Age = 5, 9, 40*ms
			return a, true
		}}
		var outcomes []Outcome
		var last Frame
		err := Run(t.Context(), left, o, LoopOptions{OnOutcome: func(o Outcome) { outcomes = append(outcomes, o) }, OnStep: func(f Frame) { last = f }})
		if err != nil {
			t.Fatal(err)
		}
		n := map[Result]int{}
		for _, o := range outcomes {
			n[o.Result]++
			if want := map[int]string{0: "right", 1: "left"}[o.Goal]; o.Meant != want || o.Run != 5 || o.Seq != 9 || o.Delay != 40*ms {
				t.Errorf("outcome %+v, want class %s of command 9 of run 5, 40 ms before", o, want)
			}
		}
		if len(outcomes) != 4 || n[Hit] != 2 || n[Miss] != 2 || last.State != StateSafe || last.Reason != ReasonStopped {
			t.Errorf("outcomes %v, last frame %+v; want 2 hits, 2 misses, and a stop", n, last)
		}
		// 0.7 to the target's edge at 0.5 per second in steps of 10 ms.
		if s := o.Score(); s.Hits != 2 || s.Misses != 2 || s.ITR != 0 || math.Abs(s.TimeToHit-1.4) > 0.03 || math.Abs(*s.PathEfficiency-1) > 0.02 {
			t.Errorf("score %+v, efficiency %v", s, *s.PathEfficiency)
		}
	})
}

// gate is a lock that time goes on behind in a bubble.
type gate chan struct{}

func (g gate) Lock()   { g <- struct{}{} }
func (g gate) Unlock() { <-g }

// TestNoStepBehindTheStop: a stop that comes between the question what to do and the step is carried out behind the step, by a lock that
// the loop holds: what it confirms is not moved again by an answer of before.
func TestNoStepBehindTheStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var (
			steps   = make(gate, 1)
			stopped bool // of steps
			done    = make(chan struct{})
			moved   int
		)
		actions := &script{time.Now(), nil}
		actions.at = func(now time.Duration) (Action, bool) {
			a, ok := class("left"), !stopped
			if now == 100*ms {
				go func() { // OnSafe
					defer close(done)
					steps.Lock()
					defer steps.Unlock()
					stopped = true
				}()
				time.Sleep(ms) // it has all the time that it wants
			}
			return a, ok
		}
		err := Run(ctx, actions, roaming(), LoopOptions{Lock: steps, OnStep: func(f Frame) {
			if f.State != StateMoves {
				return
			}
			if moved++; stopped {
				t.Errorf("at %g s it moves behind the stop", f.Seconds)
			}
		}})
		if err != nil {
			t.Fatal(err)
		}
		<-done
		if moved != 10 {
			t.Errorf("%d steps before the stop, want 10", moved)
		}
	})
}
