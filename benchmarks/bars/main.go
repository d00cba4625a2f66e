// Command bars holds the binary against the figures that do not depend on another program: how long it takes to start,
// how large it is, and what the demo says of accuracy, commands and latency.
//
//	go run ./benchmarks/bars bin/gyrus
//
// Latencies are measured up to three times, because a shared machine is sometimes busy; each attempt is printed.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"time"
)

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bars PATH-OF-GYRUS")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bars:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, gyrus string) error {
	st, err := os.Stat(gyrus)
	if err != nil {
		return err
	}
	size := float64(st.Size()) / 1e6
	fmt.Printf("size             %8.1f MB   below 40\n", size)

	var took []time.Duration
	for range 21 {
		begin := time.Now()
		if out, err := exec.CommandContext(ctx, gyrus, "version").CombinedOutput(); err != nil {
			return fmt.Errorf("%s version: %w\n%s", gyrus, err, out)
		}
		took = append(took, time.Since(begin))
	}
	slices.Sort(took)
	median := took[len(took)/2].Seconds() * 1e3
	fmt.Printf("gyrus version    %8.1f ms   below 50 (median of %d)\n", median, len(took))

	missed := demos(ctx, gyrus)
	if size >= 40 {
		missed = errors.Join(missed, fmt.Errorf("the binary has %.1f MB", size))
	}
	if median >= 50 {
		missed = errors.Join(missed, fmt.Errorf("gyrus version takes %.1f ms", median))
	}
	return missed
}

// demo is what is read of gyrus demo --json.
type demo struct {
	Data     string  `json:"data"`
	Trials   int     `json:"trials"`
	Cued     int     `json:"cued"`
	Balanced float64 `json:"balanced_accuracy"`
	Commands struct {
		Sent     int `json:"sent"`
		Received int `json:"received"`
		Expired  int `json:"expired"`
		Refused  int `json:"refused"`
	} `json:"commands"`
	Latency struct {
		P50 float64 `json:"p50"`
		P99 float64 `json:"p99"`
		Max float64 `json:"max"`
	} `json:"latency_ms"`
}

// demos runs the demo until it meets its bars, at most three times.
func demos(ctx context.Context, gyrus string) error {
	var last error
	for range 3 {
		out, err := exec.CommandContext(ctx, gyrus, "demo", "--json").Output()
		var d demo
		if uerr := json.Unmarshal(out, &d); uerr != nil {
			return fmt.Errorf("%s demo --json: %w", gyrus, errors.Join(err, uerr))
		}
		fmt.Printf("demo             %s\n", d.Data)
		fmt.Printf("  trials         %5d of %d, balanced accuracy %.3f   at least 0.85\n", d.Trials, d.Cued, d.Balanced)
		fmt.Printf("  commands       %5d sent, %d received, %d expired, %d refused   all received, none else\n", d.Commands.Sent, d.Commands.Received, d.Commands.Expired, d.Commands.Refused)
		fmt.Printf("  latency        p50 %.3f ms, p99 %.3f ms, max %.3f ms   p50 below 1, p99 below 5\n", d.Latency.P50, d.Latency.P99, d.Latency.Max)
		last = err
		switch {
		case d.Trials != d.Cued || d.Commands.Sent != d.Commands.Received || d.Commands.Expired+d.Commands.Refused > 0:
			last = errors.Join(last, errors.New("the demo lost commands"))
		case d.Latency.P50 >= 1 || d.Latency.P99 >= 5:
			last = errors.Join(last, errors.New("the demo misses its latency"))
		case d.Balanced < 0.85: // one run of 15 trials; the accuracy itself is tested on all three runs
			return fmt.Errorf("the demo decodes with a balanced accuracy of %.3f", d.Balanced)
		}
		if last == nil {
			return nil
		}
	}
	return last
}
