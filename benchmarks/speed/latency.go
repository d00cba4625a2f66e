package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/benchmarks/speed/nets"
	"github.com/gyrus-bci/gyrus/foundation/nn"
)

// load is the argument that makes this program the load: it keeps one core busy until its input ends.
const load = "spin"

func init() {
	if len(os.Args) == 2 && os.Args[1] == load {
		go func() {
			_, _ = os.Stdin.Read(make([]byte, 1)) // ends with the parent
			os.Exit(0)
		}()
		runtime.LockOSThread()
		pin(true)
		for x := 1.0; x != 0; x = x*1.0000001 + 1e-9 { // it is to do nothing useful
		}
	}
}

// delay is how long single windows took.
type delay struct {
	Net    string  `json:"net"`
	Peer   string  `json:"peer,omitempty"` // empty: gyrus
	Load   bool    `json:"other_cores_busy"`
	P50    float64 `json:"p50_ms"`
	P99    float64 `json:"p99_ms"`
	P999   float64 `json:"p99_9_ms"`
	Max    float64 `json:"max_ms"`
	Ratio  float64 `json:"p99_over_p50"`
	Bar    float64 `json:"bar,omitempty"`
	Allocs float64 `json:"allocations_per_window"`
	// Machine is p99 over p50 of a loop of arithmetic that takes as long as the network and touches no memory, timed in turn
	// with it: what the machine itself adds. CPU is p99 over p50 of the time that the thread was computing.
	Machine float64 `json:"machine_p99_over_p50,omitempty"`
	CPU     float64 `json:"cpu_p99_over_p50,omitempty"`
}

func (d delay) print() {
	how := "idle"
	if d.Load {
		how = "other cores busy"
	}
	who := d.Peer
	if who == "" {
		who = "gyrus"
	}
	fmt.Printf("%-16s %-24s %-17s p50 %8.4f ms  p99 %8.4f ms  p99.9 %8.4f ms  max %8.4f ms  p99/p50 %6.2f", d.Net, who, how, d.P50, d.P99, d.P999, d.Max, d.Ratio)
	if d.Peer == "" {
		fmt.Printf("  (of its computing time %.2f, of a loop without memory %.2f)  allocations %.3g", d.CPU, d.Machine, d.Allocs)
	}
	fmt.Println()
}

// timed is a network whose single windows are timed.
type timed struct {
	name   string // for people
	key    string // for peers/latency.py
	define func() nn.Layer
	in     nn.Shape
	n      int // windows
}

// latency times networks on one window after another, idle and with every other core kept busy by other processes.
func latency(ctx context.Context, python string, asJSON bool) error {
	eegnet, err := nets.EEGNet()
	if err != nil {
		return err
	}
	var missed []delay
	for _, busy := range []bool{false, true} {
		for _, net := range []timed{
			{"EEGNet 22 × 500", "eegnet", eegnet, nets.EEGNetIn(), 20000}, {"encoder 88 × 200", "encoder", nets.Encoder, nets.EncoderIn(), 1500},
		} {
			rows, err := net.delays(ctx, python, busy)
			if err != nil {
				return err
			}
			if rows[0].Bar > 0 && rows[0].Ratio > rows[0].Bar {
				missed = append(missed, rows[0])
			}
			for _, d := range rows {
				if !asJSON {
					d.print()
				} else if err := json.NewEncoder(os.Stdout).Encode(d); err != nil {
					return err
				}
			}
		}
	}
	if len(missed) == 0 {
		return nil
	}
	var each []string
	for _, d := range missed {
		each = append(each, fmt.Sprintf("%s has %.2f, a loop without memory that takes as long has %.2f in the same run", d.Net, d.Ratio, d.Machine))
	}
	return fmt.Errorf("%d of 2 bars are missed: p99 must be at most 2 × p50 while the other cores are busy; %s", len(missed), strings.Join(each, "; "))
}

// delays is the row of gyrus, and those of the peers where python is not empty.
func (t timed) delays(ctx context.Context, python string, busy bool) (rows []delay, err error) {
	if busy {
		for range runtime.NumCPU() - 1 {
			cmd := exec.CommandContext(ctx, os.Args[0], load)
			in, err := cmd.StdinPipe()
			if err != nil {
				return nil, err
			}
			if err := cmd.Start(); err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, in.Close(), cmd.Wait()) }()
		}
	}
	own, err := t.own()
	if err != nil {
		return nil, err
	}
	if busy {
		own.Bar = 2
	}
	rows = []delay{own}
	if python != "" {
		peers, err := t.peers(ctx, python)
		if err != nil {
			return nil, err
		}
		rows = append(rows, peers...)
	}
	for i := range rows {
		rows[i].Net, rows[i].Load = t.name, busy
	}
	return rows, nil
}

// own times gyrus in turn with the loop: on a thread of its own, on one core, with the collector of garbage off, as a live
// session would set it up. Both let others run between windows, as who waits for the next window does.
func (t timed) own() (d delay, err error) {
	net, err := nn.New(t.define, t.in, nn.Options{})
	if err != nil {
		return d, err
	}
	if err := net.Freeze(); err != nil {
		return d, err
	}
	rng := rand.New(rand.NewPCG(1, 1))
	x := make([]float32, t.in.Size())
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	done := make(chan error)
	go func() { // the thread ends with it, and the pinning too
		runtime.LockOSThread()
		pin(false)
		defer debug.SetGCPercent(debug.SetGCPercent(-1))
		done <- t.measure(net, x, &d)
	}()
	return d, <-done
}

// measure fills d.
func (t timed) measure(net *nn.Net, x []float32, d *delay) error {
	forward := func() error {
		_, err := net.Forward(x)
		return err
	}
	turns := 1
	arithmetic := func() error {
		if loop(turns) == 0 { // it never is; the compiler does not know
			return errors.New("the loop ends at 0")
		}
		return nil
	}
	warm := t.n / 10
	wall, cpu := make([]float64, t.n), make([]float64, t.n)
	if err := series(forward, wall[:warm], cpu[:warm], nil, nil, nil); err != nil {
		return err
	}
	target := percentile(wall[:warm], 0.5)
	turns = 1 << 10
	for range 2 { // once short, once as long as it will be
		times := make([]float64, 101)
		if err := series(arithmetic, times, make([]float64, len(times)), nil, nil, nil); err != nil {
			return err
		}
		turns = max(1, int(float64(turns)*target/percentile(times, 0.5)))
	}
	idle, idleCPU := make([]float64, t.n), make([]float64, t.n)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if err := series(forward, wall, cpu, arithmetic, idle, idleCPU); err != nil {
		return err
	}
	runtime.ReadMemStats(&after)
	d.P50, d.P99, d.P999, d.Max = percentile(wall, 0.5), percentile(wall, 0.99), percentile(wall, 0.999), slices.Max(wall)
	d.Ratio, d.CPU = d.P99/d.P50, percentile(cpu, 0.99)/percentile(cpu, 0.5)
	d.Machine = percentile(idle, 0.99) / percentile(idle, 0.5)
	d.Allocs = float64(after.Mallocs-before.Mallocs) / float64(t.n)
	return nil
}

// loop computes in registers alone.
func loop(turns int) float64 {
	x := 1.0
	for range turns {
		x = x*1.0000001 + 1e-9
	}
	return x
}

// series times a, in turn with b where there is one, in milliseconds of the wall and of this thread's computing.
func series(a func() error, wallA, cpuA []float64, b func() error, wallB, cpuB []float64) error {
	one := func(f func() error, wall, cpu *float64) error {
		runtime.Gosched()
		c := cpuTime()
		begin := time.Now()
		err := f()
		*wall = time.Since(begin).Seconds() * 1e3
		*cpu = (cpuTime() - c).Seconds() * 1e3
		return err
	}
	for i := range wallA {
		if err := one(a, &wallA[i], &cpuA[i]); err != nil {
			return err
		}
		if b == nil {
			continue
		}
		if err := one(b, &wallB[i], &cpuB[i]); err != nil {
			return err
		}
	}
	return nil
}

// percentile is the value that the part p of x is at most.
func percentile(x []float64, p float64) float64 {
	x = slices.Sorted(slices.Values(x))
	return x[min(int(p*float64(len(x))), len(x)-1)]
}

// peers are PyTorch and ONNX Runtime on the same network, one thread.
func (t timed) peers(ctx context.Context, python string) ([]delay, error) {
	cmd := exec.CommandContext(ctx, python, filepath.Join("benchmarks", "speed", "peers", "latency.py"), t.key)
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w (run it in the root of the repository)", python, strings.Join(cmd.Args[1:], " "), err)
	}
	var rows []delay
	for text := range strings.Lines(string(out)) {
		var d delay
		if err := json.Unmarshal([]byte(text), &d); err != nil || d.Peer == "" {
			return nil, fmt.Errorf("latency.py prints %q, must print lines of JSON with a peer: %w", text, err)
		}
		rows = append(rows, d)
	}
	return rows, nil
}
