package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"time"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// convBar is what a convolution must reach, in GFLOP/s on one core of 112 (Zen 4).
const convBar = 60

// convShape is a convolution over time; one of out = 0 works on one row, as depthwise networks do.
type convShape struct {
	out, in, taps, dil, t int
	what                  string
}

var convShapes = []convShape{
	{8, 1, 64, 1, 500, "1 → 8 filters of 64 taps, one of 22 rows of 500 samples"},
	{40, 22, 25, 1, 976, "22 channels × 25 taps → 40 filters, 1000 samples"},
	{32, 32, 4, 2, 250, "32 → 32 rows, 4 taps 2 apart, 250 samples"},
	{0, 0, 16, 1, 125, "depthwise, 16 taps, 125 samples"},
	{0, 0, 16, 1, 500, "depthwise, 16 taps, 500 samples"},
	{0, 0, 64, 1, 500, "depthwise, 64 taps, 500 samples"},
}

// convRow is a finished row of the job conv: GFLOP/s of the convolution and of its gradients by weights and inputs.
type convRow struct {
	What    string  `json:"what"`
	Kernel  string  `json:"kernel"`
	Forward float64 `json:"forward_gflops"`
	Weights float64 `json:"weights_gflops"`
	Inputs  float64 `json:"inputs_gflops"`
	Bar     float64 `json:"bar"`
	Met     bool    `json:"met"` // by Forward
}

// conv measures convolutions, one thread, in the time of that thread.
func conv(rounds int, asJSON bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if !asJSON {
		fmt.Printf("%8s %8s %8s %6s  GFLOP/s, one thread, %s\n", "forward", "weights", "inputs", "bar", kernel.Name())
	}
	missed := 0
	for _, s := range convShapes {
		r := s.measure(rounds)
		mark := ""
		if !r.Met {
			missed++
			mark = "  MISSED"
		}
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		fmt.Printf("%8.1f %8.1f %8.1f %6d  %s%s\n", r.Forward, r.Weights, r.Inputs, convBar, r.What, mark)
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d shapes miss the bar", missed, len(convShapes))
	}
	return nil
}

func (s convShape) measure(rounds int) convRow {
	out, in := max(1, s.out), max(1, s.in)
	long := s.t + (s.taps-1)*s.dil
	rng := rand.New(rand.NewPCG(1, 1))
	random := func(n int) []float32 {
		x := make([]float32, n)
		for i := range x {
			x[i] = float32(rng.NormFloat64())
		}
		return x
	}
	x, dx, wt, dwt := random(in*long), random(in*long), random(out*in*s.taps), random(out*in*s.taps)
	y, dy := random(out*s.t), random(out*s.t)
	var w kernel.Work
	calls := [3]func(){
		func() { w.Conv(y, s.t, x, long, wt, out, in, s.taps, s.dil, s.t, false) },
		func() { w.ConvGradW(dwt, dy, s.t, x, long, out, in, s.taps, s.dil, s.t) },
		func() { w.ConvGradX(dx, long, dy, s.t, wt, out, in, s.taps, s.dil, s.t) },
	}
	if s.out == 0 {
		calls = [3]func(){
			func() { kernel.Depth(y, x, wt, s.dil, false) },
			func() { kernel.DepthGradW(dwt, dy, x, s.dil) },
			func() { kernel.DepthGradX(dx, dy, wt, s.dil) },
		}
	}
	flops := 2 * float64(out*in*s.taps*s.t)
	reps := max(1, int((2*time.Millisecond).Seconds()*50e9/flops))
	var seconds [3][]float64
	for round := range rounds + 1 {
		for i, call := range calls {
			begin := cpuTime()
			for range reps {
				call()
			}
			if round > 0 { // the first one warms up
				seconds[i] = append(seconds[i], (cpuTime()-begin).Seconds()/float64(reps))
			}
		}
	}
	r := convRow{What: s.what, Kernel: kernel.Name(), Bar: convBar}
	r.Forward, r.Weights, r.Inputs = flops/median(seconds[0])/1e9, flops/median(seconds[1])/1e9, flops/median(seconds[2])/1e9
	r.Met = r.Forward >= convBar
	return r
}
