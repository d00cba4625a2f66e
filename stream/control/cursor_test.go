package control

import (
	"math"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

func class(label string) Action {
	return Action{Command: bus.Command{Kind: bus.KindClass, Label: label}}
}

func continuous(v ...float64) Action {
	return Action{Command: bus.Command{Kind: bus.KindContinuous, Value: v}}
}

func TestCursorVelocity(t *testing.T) {
	const diagonal = math.Sqrt2 / 2
	for name, tc := range map[string]struct {
		a       Action
		ok      bool
		want    [2]float64
		unknown int
	}{
		"left":                      {class("left"), true, [2]float64{-2, 0}, 0},
		"right":                     {class("right"), true, [2]float64{2, 0}, 0},
		"up":                        {class("up"), true, [2]float64{0, 2}, 0},
		"nothing meant":             {Action{Command: bus.Command{Kind: bus.KindNone}}, true, [2]float64{}, 0},
		"unknown label":             {class("tongue"), true, [2]float64{}, 1},
		"unknown kind":              {Action{}, true, [2]float64{}, 1},
		"one number":                {continuous(-0.5), true, [2]float64{-1, 0}, 0},
		"two numbers":               {continuous(0.3, -0.4), true, [2]float64{0.6, -0.8}, 0},
		"longer than 1":             {continuous(30, 30), true, [2]float64{2 * diagonal, 2 * diagonal}, 0},
		"three numbers":             {continuous(0, 0, 1), true, [2]float64{}, 1},
		"safe":                      {Action{Reason: ReasonExpired}, false, [2]float64{}, 0},
		"safe, whatever the action": {class("right"), false, [2]float64{}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			c := NewCursor("left", "right")
			c.Velocities["up"] = [2]float64{0, 1}
			c.Speed = 2
			c.Velocity = [2]float64{9, 9}
			state := c.Step(10*ms, tc.a, tc.ok)
			want := StateMoves
			switch {
			case !tc.ok:
				want = StateSafe
			case tc.unknown > 0:
				want = StateUnknown
			case tc.want == [2]float64{}:
				want = StateHolds
			}
			if state != want {
				t.Errorf("state %s, want %s", state, want)
			}
			for i := range tc.want {
				if math.Abs(c.Velocity[i]-tc.want[i]) > 1e-15 || math.Abs(c.Position[i]-0.01*tc.want[i]) > 1e-15 {
					t.Fatalf("velocity %v, position %v; want velocity %v for 10 ms", c.Velocity, c.Position, tc.want)
				}
			}
			if c.Unknown != tc.unknown {
				t.Errorf("unknown %d, want %d", c.Unknown, tc.unknown)
			}
			if known := NewCenterOut(c, 2).Knows(&tc.a.Command); tc.ok && known != (tc.unknown == 0) {
				t.Errorf("the cursor says that it has a movement: %t", known)
			}
		})
	}
}

func TestCursorStaysInTheSquare(t *testing.T) {
	c := NewCursor("left", "right")
	for range 1000 {
		c.Step(10*ms, class("right"), true)
	}
	if c.Position != [2]float64{1, 0} {
		t.Errorf("position %v, want the right edge", c.Position)
	}
}

func TestCursorMakesNoLeap(t *testing.T) {
	c := NewCursor("left", "right")
	c.Step(time.Hour, class("right"), true)
	if want := 0.5 * maxStep.Seconds(); c.Position[0] != want {
		t.Errorf("position %g after a turn that was an hour late, want %g", c.Position[0], want)
	}
	c.Step(-time.Hour, class("right"), true)
	if want := 0.5 * maxStep.Seconds(); c.Position[0] != want {
		t.Errorf("position %g after a step back in time, want %g", c.Position[0], want)
	}
}

func TestCursorValidate(t *testing.T) {
	if err := NewCursor("a", "b").Validate(); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Cursor){
		"speed 0":        func(c *Cursor) { c.Speed = 0 },
		"speed NaN":      func(c *Cursor) { c.Speed = math.NaN() },
		"speed 21":       func(c *Cursor) { c.Speed = 21 },
		"no velocities":  func(c *Cursor) { c.Velocities = nil },
		"velocity 2":     func(c *Cursor) { c.Velocities["a"] = [2]float64{2, 0} },
		"velocity √2":    func(c *Cursor) { c.Velocities["a"] = [2]float64{1, 1} },
		"velocity NaN":   func(c *Cursor) { c.Velocities["a"] = [2]float64{math.NaN(), 0} },
		"velocity minus": func(c *Cursor) { c.Velocities["a"] = [2]float64{-2, 0} },
	} {
		c := NewCursor("a", "b")
		spoil(c)
		if c.Validate() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
