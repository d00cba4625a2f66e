package dashboard

import (
	"fmt"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
)

// TestActuators: who speaks is shown, who is silent stays with the time since, who ends is gone, and there are never too many.
func TestActuators(t *testing.T) {
	var s actuators
	begin := time.Now()
	says := func(name string, state bus.ActuatorState, after time.Duration) {
		s.take(bus.Actuator{Controller: name, State: state}, begin.Add(after))
	}
	names := func(after time.Duration) (list []string) {
		for _, a := range s.list(begin.Add(after)).Actuators {
			list = append(list, fmt.Sprintf("%s %s %.0f", a.Controller, a.State, a.AgeMS))
		}
		return list
	}
	check := func(what string, after time.Duration, due bool, want ...string) {
		t.Helper()
		if got := s.due(); got != due {
			t.Errorf("%s: something changed: %t, want %t", what, got, due)
		}
		if got := names(after); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check("nobody", 0, false)
	says("b", bus.ActuatorMoves, 0)
	says("a", bus.ActuatorSafe, time.Second)
	check("two", time.Second, true, "a safe 0", "b moves 1000")
	check("the same", 2*time.Second, false, "a safe 1000", "b moves 2000")
	says("a", bus.ActuatorEnded, 2*time.Second)
	check("one has ended", 3*time.Second, true, "b moves 3000")
	says("nobody", bus.ActuatorEnded, 2*time.Second)
	check("one that was not there has ended", 3*time.Second, false, "b moves 3000")
	says("z", bus.ActuatorHolds, 10*time.Second)
	check("one is silent", 10*time.Second, true, "z holds 0", "b moves 10000")
	for k := range maxActuators {
		says(fmt.Sprintf("c%d", k), bus.ActuatorMoves, 11*time.Second)
	}
	if got := names(11 * time.Second); len(got) != maxActuators || got[0] != "c0 moves 0" {
		t.Errorf("too many: %v", got)
	}
	for _, n := range names(11 * time.Second) {
		if n == "b moves 11000" {
			t.Error("the one that was silent for longest is still there")
		}
	}
}
