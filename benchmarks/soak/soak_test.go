package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gyrus-bci/gyrus/stream/bus"
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
		if f.name == "network" {
			t.Log("network: left out: it takes root; make soak has it")
			continue
		}
		o, err := f.run(ctx, r)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		t.Logf("%s: safe behind %.0f ms, back behind %.1f s; %s", f.name, o.SafeMS, o.BackS, o.Notes)
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

// TestPicked: a fault that is not there is named with those that are.
func TestPicked(t *testing.T) {
	if _, err := picked("decoder,brokr"); err == nil || !strings.Contains(err.Error(), "decoder, broker, outlet") {
		t.Errorf("got %v", err)
	}
	if list, err := picked("viewer,decoder"); err != nil || len(list) != 2 || list[0].name != "viewer" {
		t.Errorf("got %v, %v", list, err)
	}
}
