// Command live measures live sessions against their bars.
//
//	go run ./benchmarks/speed/live -python bin/lsl/bin/python latency   # outlet → inlet → filter → CSP+LDA → NATS → subscriber, beside liblsl and NumPy
//	go run ./benchmarks/speed/live -seconds 600 scale                   # 128 and 512 channels at 2 kHz: nothing lost, at most half a core
//	go run ./benchmarks/speed/live spikes                               # 1,024 channels at 30 kHz through filter and bins
//
// Every command prints the figures beside their bars, with the load of the machine, and ends with 1 where one is missed.
// Latencies of a busy machine say nothing: the bars are for an idle one. bin/lsl is what make interop sets up, with SciPy.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	_ "github.com/gyrus-bci/gyrus/decoders/all"
	_ "github.com/gyrus-bci/gyrus/features/all"
	_ "github.com/gyrus-bci/gyrus/preprocess/all"
)

// options are the flags.
type options struct {
	python  string
	seconds float64
	rounds  int
	json    bool
	// channels are those of the rows of scale.
	channels []int
}

// jobs are what can be measured.
var jobs = map[string]func(context.Context, options) error{"latency": latency, "scale": scale, "spikes": spikes}

func main() {
	var o options
	flag.StringVar(&o.python, "python", "", "interpreter that has mne-lsl and SciPy; without one the peer is left out")
	flag.Float64Var(&o.seconds, "seconds", 30, "length of one run")
	flag.IntVar(&o.rounds, "rounds", 4, "latency: runs, in turn with the peer")
	one := flag.Int("channels", 0, "scale: measure so many channels alone; 0 for 128, then 512")
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.Parse()
	if o.channels = []int{128, 512}; *one > 0 {
		o.channels = []int{*one}
	}
	err := errors.New("say what to measure: latency, scale or spikes")
	if job, ok := jobs[flag.Arg(0)]; ok && flag.NArg() == 1 {
		fmt.Fprintf(os.Stderr, "%d cores, load %s\n", runtime.NumCPU(), load())
		err = job(context.Background(), o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "live:", err)
		os.Exit(1)
	}
}

// load is what else the machine is doing, as far as it tells.
func load() string {
	raw, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(raw))[:3], " ")
}
