// Command soak runs a live session of four processes (broker, outlet, decoder, controller) and does to it what happens in a
// laboratory: processes are killed, a cable is pulled, clocks jump, samples are lost, a viewer does not read. It prints for each
// fault how long the actuator took to be safe, beside its bar, and whether the session went on. Beside it a second session, on
// a server of its own, runs all the time with a recorder and a viewer: nothing is done to it, and none of its processes may grow.
//
//	go run ./benchmarks/soak                 # every fault once, then two minutes for growth
//	go run ./benchmarks/soak -minutes 30     # faults in turn for half an hour, goroutines and memory watched
//	go run ./benchmarks/soak -faults decoder,broker -minutes 0
//	go run ./benchmarks/soak -without network,cable
//
// The controller is in this process, the others are children of it. The decoder is what gyrus live runs: what holds it back is on
// record, and where nobody knows whether an emergency stop came somebody has to look and to resume the session. That somebody is
// played, with the request that gyrus ctl sends, and counted; until then no command may be sent.
//
// Cutting a network takes root and the program ip; where it cannot be done the reason is printed and the run is incomplete, which is
// no success. -without leaves faults out by intent, and the result names them.
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
	Skipped string  `json:"skipped,omitempty"`   // why it was not done
	SafeMS  float64 `json:"safe_ms,omitempty"`   // from the fault until the actuator was safe
	BarMS   float64 `json:"bar_ms,omitempty"`    // at most; 0: the actuator need not stop
	BackS   float64 `json:"back_s,omitempty"`    // from the end of the fault until commands were acted on again
	Old     uint64  `json:"old_commands"`        // commands of before that came behind the fault and were acted on
	Notes   string  `json:"notes,omitempty"`     // what was counted
	Wrong   string  `json:"wrong,omitempty"`     // "" where all is well
	Persons int     `json:"persons"`             // how often somebody had to look, and to resume the session
	MovesS  float64 `json:"resumed_s,omitempty"` // from that until commands were acted on, the longest
	Moved   int     `json:"moved_while_held"`    // commands that were sent while the decoder said that they are held back
	Took    float64 `json:"took_s"`              // all of it
}

// fault is something that happens.
type fault struct {
	name string
	// persons is how often somebody must look and resume the session: where nobody can know whether an emergency stop came.
	persons int
	run     func(context.Context, *rig) (outcome, error)
}

// faults are done in this order.
var faults = []fault{
	{"decoder", 0, killDecoder},
	{"broker", 1, killBroker},
	{"doubt", 1, killInDoubt},
	{"outlet", 0, killOutlet},
	{"recorder", 0, killRecorder},
	{"network", 0, func(ctx context.Context, r *rig) (outcome, error) { return cutNetwork(ctx, r, false) }},
	{"cable", 0, func(ctx context.Context, r *rig) (outcome, error) { return cutNetwork(ctx, r, true) }},
	{"clock", 0, jumpClock},
	{"hostclock", 0, wrongClock},
	{"loss1", 0, func(ctx context.Context, r *rig) (outcome, error) { return loseChunks(ctx, r, 0.01) }},
	{"loss10", 0, func(ctx context.Context, r *rig) (outcome, error) { return loseChunks(ctx, r, 0.10) }},
	{"viewer", 0, slowViewer},
}

// result is what a run came to.
type result struct {
	Result     string   `json:"result"` // well, wrong or incomplete
	Done       int      `json:"faults"`
	Persons    int      `json:"persons"`              // how often somebody had to look and to resume the session
	Wrong      []string `json:"wrong,omitempty"`      // faults that did not end well, once for each time
	Incomplete []string `json:"incomplete,omitempty"` // faults that could not be done here
	LeftOut    []string `json:"left_out,omitempty"`   // by intent
}

// count takes in one outcome.
func (s *result) count(o outcome) {
	s.Persons += o.Persons
	switch {
	case o.Skipped == "":
		s.Done++
	case !slices.Contains(s.Incomplete, o.Fault):
		s.Incomplete = append(s.Incomplete, o.Fault)
	}
	if o.Wrong != "" {
		s.Wrong = append(s.Wrong, o.Fault)
	}
}

// err is why the run did not show what it is for, nil where it did.
func (s *result) err() (err error) {
	s.Result = "well"
	if len(s.Incomplete) > 0 {
		s.Result = "incomplete"
		names := strings.Join(s.Incomplete, ",")
		err = fmt.Errorf("incomplete: %s could not be done here, for the reason above; -without %s leaves it out by intent", names, names)
	}
	if len(s.Wrong) > 0 {
		s.Result = "wrong"
		err = errors.Join(fmt.Errorf("%d faults did not end well: %s", len(s.Wrong), strings.Join(s.Wrong, ", ")), err)
	}
	return err
}

// String is one line.
func (s *result) String() string {
	parts := []string{fmt.Sprintf("%-9s %s: %d faults, somebody had to look and to resume the session %d times", "result", s.Result, s.Done, s.Persons)}
	for _, l := range []struct {
		what  string
		names []string
	}{{"wrong", s.Wrong}, {"not done", s.Incomplete}, {"left out by intent", s.LeftOut}} {
		if len(l.names) > 0 {
			parts = append(parts, l.what+": "+strings.Join(l.names, ", "))
		}
	}
	return strings.Join(parts, "; ")
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
	without := flag.String("without", "", "names of faults to leave out by intent, with commas between: network,cable where no network can be cut")
	asJSON := flag.Bool("json", false, "print JSON, one line to a fault, and one for the result")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := soak(ctx, *minutes, *only, *without, *asJSON)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// picked are the faults to do, and the names of those that are left out.
func picked(only, without string) (list []fault, left []string, err error) {
	names := func(text string) (list []string, err error) {
		if text == "" {
			return nil, nil
		}
		for _, n := range strings.Split(text, ",") {
			if !slices.ContainsFunc(faults, func(f fault) bool { return f.name == n }) {
				var known []string
				for _, f := range faults {
					known = append(known, f.name)
				}
				return nil, fmt.Errorf("no fault is called %q; there are %s", n, strings.Join(known, ", "))
			}
			list = append(list, n)
		}
		return list, nil
	}
	want, err := names(only)
	if err != nil {
		return nil, nil, err
	}
	out, err := names(without)
	if err != nil {
		return nil, nil, err
	}
	for _, f := range faults {
		if only != "" && !slices.Contains(want, f.name) || slices.Contains(out, f.name) {
			left = append(left, f.name)
			continue
		}
		list = append(list, f)
	}
	if len(list) == 0 {
		return nil, nil, errors.New("-faults and -without leave no fault to be done")
	}
	return list, left, nil
}

func soak(ctx context.Context, minutes float64, only, without string, asJSON bool) (err error) {
	list, left, err := picked(only, without)
	if err != nil {
		return err
	}
	r, err := newRig(ctx, 0, 0.95, false)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	began := time.Now()
	sum := result{LeftOut: left}
	for round := 0; round == 0 || time.Since(began).Minutes() < minutes; round++ {
		for _, f := range list {
			o, err := r.do(ctx, f)
			if err != nil {
				return err
			}
			sum.count(o)
			if err := show(o, asJSON); err != nil {
				return err
			}
		}
		if err := settle(ctx); err != nil { // and until what the slow viewer held is let go of
			return err
		}
		r.own = append(r.own, feel())
	}
	if minutes > 0 {
		g, err := r.growth(ctx)
		if err != nil {
			return err
		}
		sum.count(g)
		if err := show(g, asJSON); err != nil {
			return err
		}
	} else {
		sum.LeftOut = append(sum.LeftOut, "growth")
	}
	end := sum.err()
	if asJSON {
		return errors.Join(json.NewEncoder(os.Stdout).Encode(sum), end)
	}
	fmt.Println(&sum)
	return end
}

func show(o outcome, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(o)
	}
	if o.Skipped != "" {
		fmt.Printf("%-9s NOT DONE: %s\n", o.Fault, o.Skipped)
		return nil
	}
	var parts []string
	if o.BarMS > 0 {
		parts = append(parts, fmt.Sprintf("safe behind %4.0f ms (at most %.0f), commands again behind %.1f s, %d old commands acted on", o.SafeMS, o.BarMS, o.BackS, o.Old))
	}
	if o.Persons > 0 {
		parts = append(parts, fmt.Sprintf("somebody had to look and to resume the session %d times, %d commands sent before that, commands again %.2f s behind it (at most %g)", o.Persons, o.Moved, o.MovesS, movesS))
	}
	if o.Notes != "" {
		parts = append(parts, o.Notes)
	}
	if o.Wrong != "" {
		parts = append(parts, "WRONG: "+o.Wrong)
	}
	fmt.Printf("%-9s %s\n", o.Fault, strings.Join(parts, "; "))
	return nil
}
