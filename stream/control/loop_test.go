package control

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
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

func TestRunCursor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var steps []Frame
		var log bytes.Buffer
		befores := 0
		c := NewCursor("left", "right")
		err := RunCursor(ctx, leftUntil(500*ms), CursorOptions{
			Cursor: c, JSON: &log,
			Before: func(*Cursor) { befores++ },
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
			if moving != (f.Velocity == [2]float64{-0.5, 0}) || !moving && f.Velocity != [2]float64{} {
				t.Fatalf("at %g s: velocity %v", f.Seconds, f.Velocity)
			}
			if moving && (f.State != CursorMoves || f.Label != "left" || math.Abs(f.AgeMS-3) > 1e-9) || !moving && f.State != CursorSafe {
				t.Fatalf("at %g s: %+v", f.Seconds, f)
			}
		}
		if math.Abs(c.Position[0]+0.25) > 1e-9 {
			t.Errorf("position %g, want -0.25: half a second at 0.5 per second", c.Position[0])
		}
		var states []string
		for lines := bufio.NewScanner(&log); lines.Scan(); {
			var l logLine
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
		if err := RunCursor(ctx, leftUntil(time.Second), CursorOptions{Cursor: NewCursor("left", "right"), Screen: NewScreen(w, false)}); err != nil {
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
			done <- RunCursor(ctx, flicker, CursorOptions{
				Cursor: NewCursor("left", "right"), JSON: w, OnStep: func(Frame) { steps++ },
			})
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
		lines, lost, last := 0, 0, logLine{}
		for _, text := range w.text {
			last = logLine{}
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

func TestRunCursorEndsWhereWritingFails(t *testing.T) {
	for name, opt := range map[string]func(w *counter) CursorOptions{
		"screen": func(w *counter) CursorOptions { return CursorOptions{Screen: NewScreen(w, true)} },
		"log":    func(w *counter) CursorOptions { return CursorOptions{JSON: w} },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &counter{fail: errors.New("broken pipe")}
				o := opt(w)
				o.Cursor = NewCursor("left", "right")
				err := RunCursor(t.Context(), leftUntil(time.Hour), o)
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

func TestRunCursorRefuses(t *testing.T) {
	if err := RunCursor(t.Context(), leftUntil(0), CursorOptions{}); err == nil {
		t.Error("no cursor, no error")
	}
	c := NewCursor("left", "right")
	c.Speed = -1
	if err := RunCursor(t.Context(), leftUntil(0), CursorOptions{Cursor: c}); err == nil {
		t.Error("a bad cursor, no error")
	}
}
