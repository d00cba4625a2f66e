package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"time"

	"github.com/gyrus-bci/gyrus/decoders/deep"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// spin is the argument that makes this program the load: it keeps one core busy until its input ends.
const spin = "spin"

func init() {
	if len(os.Args) == 2 && os.Args[1] == spin {
		go func() {
			_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the parent
			os.Exit(0)
		}()
		for x := 1.0; x != 0; x = x*1.0000001 + 1e-9 { // it is to do nothing useful
		}
	}
}

// delay is how long single windows took.
type delay struct {
	Net    string  `json:"net"`
	Load   bool    `json:"other_cores_busy"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	P999   float64 `json:"p99_9_ms"`
	Max    float64 `json:"max_ms"`
	Ratio  float64 `json:"p99_over_p50"`
	Bar    float64 `json:"bar,omitempty"`
	Allocs float64 `json:"allocations_per_window"`
}

// latency times networks on one window after another, idle and with every other core kept busy by other processes.
func latency(asJSON bool) error {
	opt := deep.EEGNet82()
	opt.Kernel = 64
	eegnet, err := deep.EEGNet(opt, 4)
	if err != nil {
		return err
	}
	encoder := func() nn.Layer {
		return &nn.Sequential{Layers: []nn.Named{
			{Name: "blocks", Layer: nn.Encoder(4, 200, 8, 800, 0)},
			{Name: "norm", Layer: &nn.LayerNorm{}},
			{Layer: &nn.Transpose{}},
			{Layer: &nn.MeanPool{}},
			{Layer: &nn.Flatten{}},
			{Name: "out", Layer: &nn.Linear{Out: 4}},
		}}
	}
	missed := 0
	for _, busy := range []bool{false, true} {
		for _, net := range []struct {
			name   string
			define func() nn.Layer
			in     nn.Shape
			n      int
		}{{"EEGNet 22 × 500", eegnet, nn.Shape{22, 500}, 20000}, {"encoder 88 × 200", encoder, nn.Shape{88, 200}, 1500}} {
			d, err := delays(net.define, net.in, net.n, busy)
			if err != nil {
				return err
			}
			d.Net, d.Load = net.name, busy
			if busy {
				d.Bar = 2
				if d.Ratio > d.Bar {
					missed++
				}
			}
			if asJSON {
				if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
					return err
				}
				continue
			}
			how := "idle"
			if busy {
				how = "other cores busy"
			}
			fmt.Printf("%-18s %-17s p50 %8.4f ms  p99 %8.4f ms  p99.9 %8.4f ms  max %8.4f ms  p99/p50 %.2f  allocations %.3g\n",
				d.Net, how, d.P50, d.P99, d.P999, d.Max, d.Ratio, d.Allocs)
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d of 2 bars are missed: p99 must be at most 2 × p50 while the other cores are busy", missed)
	}
	return nil
}

func delays(define func() nn.Layer, in nn.Shape, n int, busy bool) (d delay, err error) {
	net, err := nn.New(define, in, nn.Options{})
	if err != nil {
		return d, err
	}
	if err := net.Freeze(); err != nil {
		return d, err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, in.Size())
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	if busy {
		for range runtime.NumCPU() - 1 {
			cmd := exec.Command(os.Args[0], spin)
			in, err := cmd.StdinPipe()
			if err != nil {
				return d, err
			}
			if err := cmd.Start(); err != nil {
				return d, err
			}
			defer func() { err = errors.Join(err, in.Close(), cmd.Wait()) }()
		}
	}
	took := make([]float64, n)
	var before, after runtime.MemStats
	for i := range n/10 + n {
		if i == n/10 { // warm
			runtime.ReadMemStats(&before)
		}
		begin := time.Now()
		if _, err := net.Forward(x); err != nil {
			return d, err
		}
		if i >= n/10 {
			took[i-n/10] = time.Since(begin).Seconds() * 1e3
		}
	}
	runtime.ReadMemStats(&after)
	slices.Sort(took)
	at := func(p float64) float64 { return took[min(int(p*float64(n)), n-1)] }
	d = delay{P50: at(0.5), P99: at(0.99), P999: at(0.999), Max: took[n-1], Allocs: float64(after.Mallocs-before.Mallocs) / float64(n)}
	d.Ratio = d.P99 / d.P50
	return d, nil
}
