package bus

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"
)

// TestStopLedger: what is in force is the newest stop in whichever order they are heard of, one that is sent again and again is one, and
// what an operator has lifted holds nothing back again because somebody still stands by it; a message of it does.
func TestStopLedger(t *testing.T) {
	now := time.Now()
	at := func(s float64) time.Time { return now.Add(time.Duration(s * float64(time.Second))) }
	for name, steps := range map[string][]struct {
		do   func(l *StopLedger) bool
		want bool   // another
		why  string // in force behind it, "" for none
	}{
		"messages": {
			{func(l *StopLedger) bool { return l.Hear(Stop{ID: "1", Why: "first"}, at(0)) }, true, "first"},
			{func(l *StopLedger) bool { return l.Hear(Stop{ID: "1", Why: "first"}, at(5)) }, false, "first"},
			{func(l *StopLedger) bool { return l.Hear(Stop{ID: "2", Why: "second"}, at(6)) }, true, "second"},
			{func(l *StopLedger) bool { return l.Hear(Stop{ID: "1", Why: "first"}, at(7)) }, false, "second"},
			{func(l *StopLedger) bool { return l.Hear(Stop{Why: "third"}, at(8)) }, true, "third"},
			{func(l *StopLedger) bool { return l.Hear(Stop{Why: "third"}, at(8.9)) }, false, "third"},
			{func(l *StopLedger) bool { return l.Hear(Stop{Why: "third"}, at(9.9)) }, true, "third"},
		},
		"what others say": {
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "2", Why: "second"}, at(-60)) }, true, "second"},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "1", Why: "first"}, at(-600)) }, true, "second"}, // nobody has seen it
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "1", Why: "first"}, at(-500)) }, false, "second"},
			{func(l *StopLedger) bool { return l.Told(Stop{Why: "before"}, at(-9000)) }, true, "second"},
			{func(l *StopLedger) bool { return l.Told(Stop{Why: "before"}, at(-9000.9)) }, false, "second"},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "2", Why: "second"}, at(-1)) }, false, "second"},
			{func(l *StopLedger) bool { return l.Told(Stop{Why: "without"}, at(-59.5)) }, false, "second"},
			{func(l *StopLedger) bool { return l.Told(Stop{Why: "without"}, at(-58)) }, true, "without"},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "3", Why: "third"}, at(0)) }, true, "third"},
		},
		"what was lifted": {
			{func(l *StopLedger) bool { return l.Hear(Stop{ID: "1", Why: "first"}, at(0)) }, true, "first"},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "0", Why: "before"}, at(-9)) }, true, "first"},
			{func(l *StopLedger) bool { l.Lift(at(1)); return false }, false, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "1", Why: "first"}, at(5)) }, false, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "0", Why: "before"}, at(5)) }, false, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{Why: "without"}, at(1)) }, false, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "9", Why: "unknown"}, at(-99)) }, true, "unknown"},
			{func(l *StopLedger) bool { l.Lift(at(2)); return false }, false, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{Why: "without"}, at(3)) }, true, "without"},
			{func(l *StopLedger) bool { l.Lift(at(4)); return false }, false, ""},
			{func(l *StopLedger) bool { return l.Hear(Stop{ID: "1", Why: "again"}, at(5)) }, true, "again"},
			{func(l *StopLedger) bool { l.Lift(at(6)); return slices.Equal(l.Lifted(9), []string{"0", "9", "1"}) }, true, ""},
		},
		"what was lifted before": {
			{func(l *StopLedger) bool { l.Recall([]string{"1", "", "2"}); return len(l.Lifted(9)) == 2 }, true, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "1", Why: "first"}, at(0)) }, false, ""},
			{func(l *StopLedger) bool { return l.Told(Stop{ID: "3", Why: "third"}, at(0)) }, true, "third"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var l StopLedger
			for k, step := range steps {
				if got := step.do(&l); got != step.want {
					t.Errorf("step %d: %v, want %v", k, got, step.want)
				}
				if s, since, ok := l.InForce(); ok != (step.why != "") || s.Why != step.why || ok == since.IsZero() {
					t.Errorf("step %d: %+v since %v, %v; want %q", k, s, since, ok, step.why)
				}
			}
		})
	}
}

// TestStopLedgerListsAll: all stops that are in force are listed in the order in which they came, with the time of the newest message of
// each, and forgotten when they are lifted.
func TestStopLedgerListsAll(t *testing.T) {
	now := time.Now()
	var l StopLedger
	l.Told(Stop{ID: "b"}, now.Add(-time.Minute))
	l.Hear(Stop{ID: "c"}, now)
	l.Told(Stop{ID: "a"}, now.Add(-time.Hour))
	l.Hear(Stop{ID: "b"}, now.Add(time.Second))
	want := []CameStop{{Stop{ID: "a"}, now.Add(-time.Hour)}, {Stop{ID: "b"}, now.Add(time.Second)}, {Stop{ID: "c"}, now}}
	if got := l.All(); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	l.Lift(now)
	if got := l.All(); len(got) != 0 {
		t.Errorf("behind the resumption: %v", got)
	}
	for k := range maxMet + 1 { // the newest is never the one that is forgotten
		l.Told(Stop{ID: strconv.Itoa(k)}, now.Add(-time.Duration(k)*time.Minute))
	}
	if s, _, _ := l.InForce(); s.ID != "0" || len(l.All()) != maxMet {
		t.Errorf("%q of %d", s.ID, len(l.All()))
	}
}

// TestStopLedgerIsBounded: floods of stops fill no memory, and the newest that were lifted are known.
func TestStopLedgerIsBounded(t *testing.T) {
	var l StopLedger
	for k := range 3 * MaxLifted {
		l.Hear(Stop{ID: strconv.Itoa(k)}, time.Now())
		if k%2 == 1 {
			l.Lift(time.Now())
		}
	}
	for k := range 2 * maxMet {
		l.Hear(Stop{ID: "more" + strconv.Itoa(k)}, time.Now())
	}
	if len(l.lifted) != MaxLifted || len(l.met) != maxMet {
		t.Errorf("%d lifted, %d met", len(l.lifted), len(l.met))
	}
	if got := l.Lifted(2); !slices.Equal(got, []string{strconv.Itoa(3*MaxLifted - 2), strconv.Itoa(3*MaxLifted - 1)}) {
		t.Errorf("the newest are %v", got)
	}
}

// TestHeartbeatsTellOfTheStop: while a stop holds the decoder back its heartbeats say so, with its age, and they always speak of nonces.
func TestHeartbeatsTellOfTheStop(t *testing.T) {
	b := openBus(t, "")
	got := make(chan Status, 1000)
	if _, err := b.SubscribeStatus("s1", func(s Status, _ time.Time) { got <- s }); err != nil {
		t.Fatal(err)
	}
	w, err := NewCommandWriter(b, "s1", "mi", time.Second, Clock{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	}()
	if s := <-got; s.Stop != nil || s.Nonces == nil {
		t.Errorf("%+v", s)
	}
	w.Stopped([]CameStop{{Stop{ID: "x", Source: "button", Why: "smoke"}, time.Now().Add(-time.Minute)}})
	var told Status
	for told = range got {
		if told.Stop != nil {
			break
		}
	}
	if s := told.Stop; s.ID != "x" || s.Source != "button" || s.Why != "smoke" || !(s.SinceMS >= 60e3 && s.SinceMS < 120e3) {
		t.Errorf("%+v", s)
	}
	w.Stopped(nil)
	for s := range got {
		if s.Stop == nil {
			break
		}
	}
	for _, text := range []string{`{"since_ms":-1}`, `{"since_ms":1e13}`, `{"id":"` + fmt.Sprintf("%065d", 1) + `"}`, `"x"`} {
		if s, err := ParseStatus(fmt.Appendf(nil, `{"v":1,"session":"s1","decoder":"mi","run":1,"seq":1,"cmd_seq":0,"t_publish_ns":2,"state":"waiting","stop":%s}`, text)); err == nil {
			t.Errorf("%s is taken: %+v", text, s.Stop)
		}
	}
}
