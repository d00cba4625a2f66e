package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
	"github.com/gyrus-bci/gyrus/stream/control"
)

// TestMain lets the test's own program be the children.
func TestMain(m *testing.M) {
	if role := os.Getenv(roleVar); role != "" {
		if err := child(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, role+":", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// grace is what a machine that runs other tests may add to a bar of time: processes wait for a core that long.
const grace = 500 * time.Millisecond

// TestSoak is the short form of make soak: everything that takes no root, once, with the bars of the long form and grace.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("starts ten processes and kills some of them")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	r, err := newRig(ctx, grace, 0.5, true)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, f := range faults {
		if f.name == "network" || f.name == "cable" {
			t.Logf("%s: left out: it takes root; make soak has it", f.name)
			continue
		}
		o, err := r.do(ctx, f)
		if err != nil {
			t.Fatal(err)
		}
		t.Logf("%s: safe behind %.0f ms, back behind %.1f s, %d persons; %s", f.name, o.SafeMS, o.BackS, o.Persons, o.Notes)
		if o.Wrong != "" || o.Old > 0 || o.SafeMS > r.barMS() {
			t.Errorf("%s: %+v", f.name, o)
		}
	}
}

// TestPlantedLeak: a process that keeps a goroutine and 128 KB a second is found, and one that does not is not accused.
func TestPlantedLeak(t *testing.T) {
	if testing.Short() {
		t.Skip("watches two processes for half a minute")
	}
	var procs [2]*proc
	for k := range procs {
		t.Setenv(leakVar, strings.Repeat("1", k))
		p, err := start(t.Context(), nil, "outlet", fmt.Sprintf("gyrus-leak-%d-%d", k, os.Getpid()))
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := p.kill(); err != nil {
				t.Error(err)
			}
		}()
		procs[k] = p
	}
	for begin := time.Now(); len(procs[0].life().P) < 24 || len(procs[1].life().P) < 24; time.Sleep(time.Second) {
		if time.Since(begin) > 2*time.Minute {
			t.Fatal("no pulses come")
		}
	}
	for k, p := range procs {
		notes, wrong, ok := p.life().grown()
		t.Log(notes, wrong)
		if found := strings.Contains(wrong, "goroutines grow") && strings.Contains(wrong, "heap grow"); !ok || found != (k == 1) || k == 0 && wrong != "" {
			t.Errorf("process %d: %q", k, wrong)
		}
	}
}

// TestJudgeLoss: a decoder that invalidates nothing, and one that misplaces windows, are found; one that is right is not.
func TestJudgeLoss(t *testing.T) {
	lost := make([]bool, 40)
	lost[12], lost[13], lost[30] = true, true, true
	at := func(k int, off time.Duration) seen {
		return seen{Command: bus.Command{TSample: 1e18 + int64(time.Duration(k)*chunkTime+off)}}
	}
	var all, right []seen
	for k := range lost {
		all = append(all, at(k, 0))
		if k < 12 || k >= 23 && k < 30 { // ten chunks behind the second loss; the third leaves no room to the end
			right = append(right, at(k, time.Millisecond))
		}
	}
	if got, want := judgeLoss(lost, 1e18, right), (losses{lost: 3, runs: 2, may: 19, did: 19}); got != want {
		t.Errorf("right: %+v, want %+v", got, want)
	}
	if got := judgeLoss(lost, 1e18, all); got.over != 21 || got.did != 19 {
		t.Errorf("nothing invalidated: %+v", got)
	}
	if got := judgeLoss(lost, 1e18, []seen{at(5, 40*time.Millisecond)}); got.beside != 1 {
		t.Errorf("misplaced: %+v", got)
	}
}

// TestPicked: a fault that is not there is named with those that are; what is left out is named.
func TestPicked(t *testing.T) {
	for _, tc := range [][2]string{{"decoder,brokr", ""}, {"", "brokr"}} {
		if _, _, err := picked(tc[0], tc[1]); err == nil || !strings.Contains(err.Error(), "decoder, broker, doubt, outlet") {
			t.Errorf("%q: got %v", tc, err)
		}
	}
	if _, _, err := picked("network", "network"); err == nil {
		t.Error("no fault is left, and that is no error")
	}
	list, left, err := picked("viewer,decoder,network", "network")
	if err != nil || len(list) != 2 || list[0].name != "decoder" || list[1].name != "viewer" || len(left) != len(faults)-2 || !slices.Contains(left, "network") {
		t.Errorf("got %v, %v, %v", list, left, err)
	}
	if list, left, err = picked("", "network,cable"); err != nil || len(list) != len(faults)-2 || !slices.Equal(left, []string{"network", "cable"}) {
		t.Errorf("got %v, %v, %v", list, left, err)
	}
}

// TestResult: a fault that could not be done is no success, one that was left out by intent is, and both are named.
func TestResult(t *testing.T) {
	s := result{LeftOut: []string{"network"}}
	s.count(outcome{Fault: "broker", Persons: 1})
	if err := s.err(); err != nil || s.String() != "result    well: 1 faults, somebody had to look and to resume the session 1 times; left out by intent: network" {
		t.Errorf("%v: %s", err, &s)
	}
	s = result{}
	for range 2 {
		s.count(outcome{Fault: "network", Skipped: "no root"})
	}
	if err := s.err(); err == nil || !strings.Contains(err.Error(), "-without network leaves") || s.Result != "incomplete" || s.Done != 0 || !strings.Contains(s.String(), "not done: network") {
		t.Errorf("%v: %s", err, &s)
	}
	s.count(outcome{Fault: "viewer", Wrong: "the actuator noticed"})
	if err := s.err(); err == nil || s.Result != "wrong" || !strings.Contains(err.Error(), "1 faults did not end well: viewer") || !strings.Contains(err.Error(), "incomplete: network") {
		t.Errorf("%v: %s", err, &s)
	}
}

// TestJudge: a doubt that nobody had to look at, and commands that are sent while they are held back, are found.
func TestJudge(t *testing.T) {
	for _, tc := range []struct {
		name    string
		o       outcome
		persons int
		grace   time.Duration
		want    string
	}{
		{"well", outcome{BarMS: 300, SafeMS: 300, Persons: 1}, 1, 0, ""},
		{"nobody looked", outcome{BarMS: 300}, 1, grace, "skipped in silence"},
		{"once too often", outcome{Persons: 2}, 1, 0, "2 times, must be 1"},
		{"a machine that does other things", outcome{Persons: 2}, 1, grace, ""},
		{"moved", outcome{Persons: 1, Moved: 3}, 1, grace, "3 commands were sent while"},
		{"old", outcome{Old: 1}, 0, 0, "1 old commands"},
		{"late", outcome{BarMS: 300, SafeMS: 301}, 0, 0, "behind 301 ms"},
		{"not done", outcome{Skipped: "no root"}, 1, 0, ""},
		{"wrong in itself", outcome{Wrong: "x"}, 1, 0, "x"},
	} {
		if tc.o.judge(tc.persons, tc.grace); tc.want == "" && tc.o.Wrong != "" || !strings.Contains(tc.o.Wrong, tc.want) {
			t.Errorf("%s: %q, want %q", tc.name, tc.o.Wrong, tc.want)
		}
	}
}

// TestSaw: a command between two looks of one run that both say that it is held back has moved; others have not.
func TestSaw(t *testing.T) {
	r := &rig{}
	at := func(run, ns int64, held string) bus.Telemetry {
		return bus.Telemetry{Run: run, TPublish: ns, HeldBy: held}
	}
	for _, c := range []sent{{1, 5}, {1, 15}, {1, 25}, {1, 45}, {2, 55}} {
		r.weigh(bus.Command{Run: c.run, TPublish: c.published}, time.Now(), control.Accepted)
	}
	r.old.Store(0)
	for i, l := range []struct {
		t    bus.Telemetry
		want int
	}{
		{at(1, 10, "a doubt"), 0}, // before it all was well
		{at(1, 20, "a doubt"), 1}, // that of 15
		{at(1, 30, ""), 1},        // somebody resumed
		{at(1, 40, ""), 1},
		{at(1, 50, "a doubt"), 1},
		{at(2, 60, "a doubt"), 1}, // another run
	} {
		if r.saw(l.t); r.moved != l.want {
			t.Errorf("look %d: %d moved, want %d", i, r.moved, l.want)
		}
	}
}
