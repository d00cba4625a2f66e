package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/foundation/nn/kernel"
)

// gemmBar is the part of OpenBLAS's speed that every shape must reach.
const gemmBar = 0.9

// shape is a product of m × k and k × n; ta and tb say that A and B are stored transposed.
type shape struct {
	m, n, k int
	ta, tb  bool
	what    string
}

// shapes are those of a transformer over patches of 16 × 88 tokens, of its inference and attention, and of convolutions.
var shapes = []shape{
	{m: 64, n: 64, k: 64},
	{m: 128, n: 128, k: 128},
	{m: 256, n: 256, k: 256},
	{m: 512, n: 512, k: 512},
	{m: 1024, n: 1024, k: 1024},
	{m: 1408, n: 600, k: 200, what: "queries, keys, values"},
	{m: 1408, n: 800, k: 200, what: "feed-forward 1"},
	{m: 1408, n: 200, k: 800, what: "feed-forward 2"},
	{m: 200, n: 800, k: 1408, ta: true, what: "gradient by weights"},
	{m: 1408, n: 200, k: 800, tb: true, what: "gradient by inputs"},
	{m: 88, n: 600, k: 200, what: "one window"},
	{m: 88, n: 800, k: 200, what: "one window"},
	{m: 88, n: 200, k: 800, what: "one window"},
	{m: 88, n: 88, k: 25, tb: true, what: "attention"},
	{m: 88, n: 25, k: 88, what: "attention"},
	{m: 8, n: 11000, k: 64, what: "convolution of 22 channels"},
	{m: 16, n: 125, k: 16, what: "pointwise convolution"},
	{m: 1, n: 800, k: 200, what: "one row"},
}

func (s shape) String() string {
	name := fmt.Sprintf("%d×%d×%d", s.m, s.n, s.k)
	if s.ta {
		name += " A'"
	}
	if s.tb {
		name += " B'"
	}
	return name
}

func (s shape) flops() float64 { return 2 * float64(s.m) * float64(s.n) * float64(s.k) }

// gemmResult is a finished row of the job gemm.
type gemmResult struct {
	Shape  string  `json:"shape"`
	What   string  `json:"what,omitempty"`
	Kernel string  `json:"kernel"`
	Peer   string  `json:"peer"`
	Gyrus  float64 `json:"gyrus_gflops"` // median
	Other  float64 `json:"peer_gflops"`  // median
	Ratio  float64 `json:"ratio"`
	Bar    float64 `json:"bar"`
	Met    bool    `json:"met"`
}

// gemm compares the product of matrices with OpenBLAS. Both take turns of about 50 ms, rounds to a shape, and count the
// time of their own thread.
func gemm(ctx context.Context, python string, library string, rounds int, asJSON bool) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	args := []string{filepath.Join("benchmarks", "speed", "peers", "gemm.py")}
	if library != "" {
		args = append(args, library)
	}
	cmd := exec.CommandContext(ctx, python, args...)
	for _, e := range os.Environ() { // what the machine's owner has set for OpenBLAS would slow it down
		if !strings.HasPrefix(e, "OPENBLAS_") {
			cmd.Env = append(cmd.Env, e)
		}
	}
	cmd.Env = append(cmd.Env, "OPENBLAS_NUM_THREADS=1")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	missed, err := gemmRows(in, bufio.NewReader(pipe), rounds, asJSON)
	err = errors.Join(err, in.Close(), cmd.Wait())
	if err == nil && missed > 0 {
		err = fmt.Errorf("%d of %d shapes miss the bar", missed, len(shapes))
	}
	return err
}

func gemmRows(to io.Writer, from *bufio.Reader, rounds int, asJSON bool) (missed int, err error) {
	text, err := from.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("gemm.py: %w", err)
	}
	var peer struct {
		Peer string `json:"peer"`
	}
	if err := json.Unmarshal([]byte(text), &peer); err != nil {
		return 0, fmt.Errorf("gemm.py prints %q, must print its name as JSON: %w", text, err)
	}
	if !asJSON {
		fmt.Printf("%-20s %10s %10s %8s %6s  GFLOP/s, one thread; gyrus with %s, peer is %s\n", "gemm", "gyrus", "peer", "ratio", "bar", kernel.Name(), peer.Peer)
	}
	for _, s := range shapes {
		r, err := gemmRow(s, to, from, rounds)
		if err != nil {
			return missed, fmt.Errorf("%s: %w", s, err)
		}
		r.Peer = peer.Peer
		mark := ""
		if !r.Met {
			missed++
			mark = "  MISSED"
		}
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return missed, err
			}
			continue
		}
		fmt.Printf("%-20s %10.1f %10.1f %8.2f %6g  %s%s\n", r.Shape, r.Gyrus, r.Other, r.Ratio, r.Bar, r.What, mark)
	}
	return missed, nil
}

func gemmRow(s shape, to io.Writer, from *bufio.Reader, rounds int) (gemmResult, error) {
	r := rand.New(rand.NewPCG(1, 1))
	a, b, c := make([]float32, s.m*s.k), make([]float32, s.k*s.n), make([]float32, s.m*s.n)
	for _, x := range [][]float32{a, b} {
		for i := range x {
			x[i] = float32(r.NormFloat64())
		}
	}
	lda, ldb := s.k, s.n
	if s.ta {
		lda = s.m
	}
	if s.tb {
		ldb = s.k
	}
	var w kernel.Work
	loop := func(reps int) float64 {
		begin := cpuTime()
		for range reps {
			w.Gemm(s.ta, s.tb, s.m, s.n, s.k, a, lda, b, ldb, c, s.n, false)
		}
		return (cpuTime() - begin).Seconds() / float64(reps)
	}
	call := func(reps int) float64 {
		loop(reps/8 + 1) // others have had the caches; gemm.py does so, too
		return loop(reps)
	}
	digit := map[bool]int{true: 1}
	other := func(reps int) (float64, error) {
		if _, err := fmt.Fprintln(to, s.m, s.n, s.k, digit[s.ta], digit[s.tb], reps); err != nil {
			return 0, err
		}
		text, err := from.ReadString('\n')
		if err != nil {
			return 0, fmt.Errorf("gemm.py: %w", err)
		}
		return strconv.ParseFloat(strings.TrimSpace(text), 64)
	}
	const turn = 100 * time.Millisecond // for some milliseconds after it has slept, Go's scheduler often interrupts a thread
	reps := max(1, int(turn.Seconds()*50e9/s.flops()))
	call(reps) // warm
	if _, err := other(reps); err != nil {
		return gemmResult{}, err
	}
	var ours, theirs []float64
	for range rounds {
		ours = append(ours, call(reps))
		x, err := other(reps)
		if err != nil {
			return gemmResult{}, err
		}
		theirs = append(theirs, x)
	}
	slices.Sort(ours)
	g := gemmResult{Shape: s.String(), What: s.what, Kernel: kernel.Name(), Bar: gemmBar}
	g.Gyrus, g.Other = s.flops()/median(ours)/1e9, s.flops()/median(theirs)/1e9
	g.Ratio = g.Gyrus / g.Other
	g.Met = g.Ratio >= g.Bar
	return g, nil
}
