// Command soak runs a live session of four processes (broker, outlet, decoder, controller) and does to it what happens in a
// laboratory: processes are killed, a cable is pulled, clocks jump, samples are lost, a viewer does not read. It prints for each
// fault how long the actuator took to be safe, beside its bar, and whether the session went on. Beside it a second session, on
// a server of its own, runs all the time with a recorder and a viewer: nothing is done to it, and none of its processes may grow.
//
//	go run ./benchmarks/soak                 # every fault once, then two minutes for growth
//	go run ./benchmarks/soak -minutes 30     # faults in turn for half an hour, goroutines and memory watched
//	go run ./benchmarks/soak -faults decoder,broker -minutes 0
//
// The controller is in this process, the others are children of it. Cutting a network takes root and the program ip; without
// them the reason is printed and the fault is left out.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// outcome is what one fault came to.
type outcome struct {
	Fault   string  `json:"fault"`
	Skipped string  `json:"skipped,omitempty"` // why it was left out
	SafeMS  float64 `json:"safe_ms,omitempty"` // from the fault until the actuator was safe
	BarMS   float64 `json:"bar_ms,omitempty"`  // at most; 0: the actuator need not stop
	BackS   float64 `json:"back_s,omitempty"`  // from the end of the fault until commands were acted on again
	Old     uint64  `json:"old_commands"`      // commands of before that came behind the fault and were acted on
	Notes   string  `json:"notes,omitempty"`   // what was counted
	Wrong   string  `json:"wrong,omitempty"`   // "" where all is well
	Took    float64 `json:"took_s"`            // all of it
}

// fault is something that happens.
type fault struct {
	name string
	run  func(context.Context, *rig) (outcome, error)
}

// faults are done in this order.
var faults = []fault{
	{"decoder", killDecoder},
	{"broker", killBroker},
	{"outlet", killOutlet},
	{"recorder", killRecorder},
	{"network", cutNetwork},
	{"clock", jumpClock},
	{"hostclock", wrongClock},
	{"loss1", func(ctx context.Context, r *rig) (outcome, error) { return loseChunks(ctx, r, 0.01) }},
	{"loss10", func(ctx context.Context, r *rig) (outcome, error) { return loseChunks(ctx, r, 0.10) }},
	{"viewer", slowViewer},
}

func main() {
	if role := os.Getenv(roleVar); role != "" {
		if err := child(role, os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, "soak:", role+":", err)
			os.Exit(1)
		}
		return
	}
	minutes := flag.Float64("minutes", 2, "how long to watch for growth of goroutines and memory, 0 for not at all; the faults come again and again meanwhile")
	only := flag.String("faults", "", "names with commas between; empty for all")
	asJSON := flag.Bool("json", false, "print JSON, one line to a fault")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := soak(ctx, *minutes, *only, *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

func picked(only string) ([]fault, error) {
	if only == "" {
		return faults, nil
	}
	var list []fault
	for _, n := range strings.Split(only, ",") {
		i := slices.IndexFunc(faults, func(f fault) bool { return f.name == n })
		if i < 0 {
			var known []string
			for _, f := range faults {
				known = append(known, f.name)
			}
			return nil, fmt.Errorf("no fault is called %q; there are %s", n, strings.Join(known, ", "))
		}
		list = append(list, faults[i])
	}
	return list, nil
}

func soak(ctx context.Context, minutes float64, only string, asJSON bool) (err error) {
	list, err := picked(only)
	if err != nil {
		return err
	}
	r, err := newRig(ctx, 0, 0.95, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	began := time.Now()
	wrong := 0
	for round := 0; round == 0 || time.Since(began).Minutes() < minutes; round++ {
		for _, f := range list {
			at := time.Now()
			o, err := f.run(ctx, r)
			if err != nil {
				return fmt.Errorf("%s: %w", f.name, err)
			}
			o.Fault, o.Took = f.name, time.Since(at).Seconds()
			if o.Wrong == "" && o.BarMS > 0 && o.SafeMS > o.BarMS {
				o.Wrong = fmt.Sprintf("the actuator was safe behind %.0f ms, at most %.0f are allowed", o.SafeMS, o.BarMS)
			}
			if o.Wrong == "" && o.Old > 0 {
				o.Wrong = fmt.Sprintf("%d old commands were acted on", o.Old)
			}
			if o.Wrong != "" {
				wrong++
			}
			if err := show(o, asJSON); err != nil {
				return err
			}
		}
		if err := settle(ctx); err != nil { // and until what the slow viewer held is let go of
			return err
		}
		r.own = append(r.own, feel())
	}
	g := outcome{Fault: "growth", Skipped: "-minutes 0"}
	if minutes > 0 {
		if g, err = r.growth(ctx); err != nil {
			return err
		}
	}
	if g.Wrong != "" {
		wrong++
	}
	if err := show(g, asJSON); err != nil {
		return err
	}
	if wrong > 0 {
		return fmt.Errorf("%d faults did not end well", wrong)
	}
	return nil
}

func show(o outcome, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(o)
	}
	switch {
	case o.Skipped != "":
		fmt.Printf("%-9s SKIPPED: %s\n", o.Fault, o.Skipped)
		return nil
	case o.BarMS > 0:
		fmt.Printf("%-9s safe behind %4.0f ms (at most %.0f), commands again behind %.1f s, %d old commands acted on; %s", o.Fault, o.SafeMS, o.BarMS, o.BackS, o.Old, o.Notes)
	default:
		fmt.Printf("%-9s %s", o.Fault, o.Notes)
	}
	if o.Wrong != "" {
		fmt.Printf("; WRONG: %s", o.Wrong)
	}
	fmt.Println()
	return nil
}
