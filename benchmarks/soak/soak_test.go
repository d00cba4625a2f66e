package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
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

// TestSoak is the short form of make soak: the decoder and the outlet are killed, and the actuator is safe and none of the old
// commands moves it. How long it takes to be safe is a matter of an idle machine, so the bar here is wider.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("starts four processes and kills them")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r, err := newRig(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	}()
	for _, f := range faults {
		if f.name != "decoder" && f.name != "outlet" {
			continue
		}
		o, err := f.run(ctx, r)
		if err != nil {
			t.Fatalf("%s: %v", f.name, err)
		}
		t.Logf("%s: safe behind %.0f ms, back behind %.1f s; %s", f.name, o.SafeMS, o.BackS, o.Notes)
		if o.Wrong != "" || o.Old > 0 || o.SafeMS > 2000 {
			t.Errorf("%s: %+v", f.name, o)
		}
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
