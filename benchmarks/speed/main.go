// Command speed measures gyrus against the programs that people use today: each job is a Go benchmark and a Python
// script that does the same work, run in turn, with as many threads (one, unless the job says otherwise). It prints the
// ratio of the medians beside its bar.
//
//	make speed                                   # sets the peers up in a virtual environment, then runs all
//	go run ./benchmarks/speed -python bin/peers/bin/python -rounds 7 sosfilt welch
//	go run ./benchmarks/speed -python bin/peers/bin/python -rounds 15 gemm   # GFLOP/s of matrix products, beside OpenBLAS
//	go run ./benchmarks/speed latency                                         # one window at a time beside busy cores
//	go run ./benchmarks/speed -python bin/nets/bin/python latency               # … and PyTorch and ONNX Runtime doing the same
//	go run ./benchmarks/speed -python bin/lsl/bin/python -rounds 5 lsl          # samples over LSL beside liblsl, one process to a side
//	go run ./benchmarks/speed big                                             # memory of reading files of 10 GB, time of a window
//	go run ./benchmarks/speed -rounds 50 conv                                   # GFLOP/s of convolutions
//
// A ratio above 1 says that gyrus is faster. Absolute times do not carry to another machine; ratios of one run do.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// job is one row of the table.
type job struct {
	name  string
	pkg   string   // of the Go benchmark
	bench string   // its name, as -bench takes it, anchored
	peer  []string // script below peers/ and its arguments
	key   string   // the peer's "job", where its script prints several; "" takes the only line
	cores int      // threads that both may use; 0 stands for 1
	cpu   bool     // both report the time of the processor instead of the clock on the wall: on a busy machine it is all that tells
	loops int      // how often the Go benchmark does it; 0 stands for as often as fits in a second
	times int      // the peer's figure is for one of so many that the Go benchmark does; 0 stands for 1
	fresh string   // which of BenchmarkFresh in ingest/uncached fills memory as large as what is read here; "" for none
	bar   float64  // the ratio that is asked for
	what  string
}

// result is a finished row.
type result struct {
	Job       string    `json:"job"`
	What      string    `json:"what"`
	Peer      string    `json:"peer"`
	Seconds   float64   `json:"gyrus_s"` // median
	PeerS     float64   `json:"peer_s"`  // median
	Ratio     float64   `json:"ratio"`
	Bar       float64   `json:"bar"`
	Met       bool      `json:"met"`
	Gyrus     []float64 `json:"gyrus_rounds_s"`
	PeerRound []float64 `json:"peer_rounds_s"`
	Fresh     float64   `json:"fresh_memory_s,omitempty"` // median: what the memory of the result alone takes
}

func main() {
	python := flag.String("python", "python3", "interpreter that has the peers")
	rounds := flag.Int("rounds", 5, "how often each job is run, in turn with its peer")
	asJSON := flag.Bool("json", false, "print JSON")
	blas := flag.String("blas", "", "library that the job gemm is compared with; it has cblas_sgemm (default: NumPy's OpenBLAS)")
	gb := flag.Float64("gb", 10, "size of the files that the job big plays, in 10⁹ bytes")
	flag.Parse()
	if *rounds < 1 {
		fmt.Fprintf(os.Stderr, "speed: -rounds is %d, must be at least 1\n", *rounds)
		os.Exit(1)
	}
	var err error
	switch { // these time parts of a second themselves
	case slices.Equal(flag.Args(), []string{"gemm"}):
		err = gemm(context.Background(), *python, *blas, *rounds, *asJSON)
	case slices.Equal(flag.Args(), []string{"conv"}):
		err = conv(*rounds, *asJSON)
	case slices.Equal(flag.Args(), []string{"lsl"}):
		err = labStreams(context.Background(), *python, *rounds, *asJSON)
	case slices.Equal(flag.Args(), []string{"latency"}):
		peers := "" // PyTorch is large: only where it is asked for
		flag.Visit(func(f *flag.Flag) {
			if f.Name == "python" {
				peers = *python
			}
		})
		err = latency(context.Background(), peers, *asJSON)
	case slices.Equal(flag.Args(), []string{"big"}):
		err = bigFiles(context.Background(), *gb, *asJSON)
	case flag.NArg() == 2 && slices.Contains([]string{byPlaying, whole, windows}, flag.Arg(0)):
		err = read(context.Background(), flag.Arg(0), flag.Arg(1))
	default:
		err = run(context.Background(), *python, *rounds, *asJSON, flag.Args())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "speed:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, python string, rounds int, asJSON bool, names []string) error {
	picked := jobs
	if len(names) > 0 {
		picked = nil
		for _, n := range names {
			i := slices.IndexFunc(jobs, func(j job) bool { return j.name == n })
			if i < 0 {
				return fmt.Errorf("no job is called %q; there are gemm, conv, latency, lsl and big, each alone, and %s", n, strings.Join(jobNames(), ", "))
			}
			picked = append(picked, jobs[i])
		}
	}
	dir, err := os.MkdirTemp("", "gyrus-speed-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if !asJSON {
		fmt.Printf("%-14s %12s %12s %8s %6s  %s\n", "job", "gyrus (ms)", "peer (ms)", "ratio", "bar", "peer; work")
	}
	missed := 0
	for _, j := range picked {
		r, err := measure(ctx, j, python, rounds, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", j.name, err)
		}
		if !r.Met {
			missed++
		}
		if asJSON {
			if err := json.NewEncoder(os.Stdout).Encode(r); err != nil {
				return err
			}
			continue
		}
		mark := ""
		if !r.Met {
			mark = "  MISSED"
		}
		fmt.Printf("%-14s %12.3f %12.3f %8.2f %6g  %s; %s%s\n", r.Job, 1e3*r.Seconds, 1e3*r.PeerS, r.Ratio, r.Bar, r.Peer, r.What, mark)
		if r.Fresh > 0 {
			fmt.Printf("%-14s %12.3f    of these are for the memory of the result alone, fresh from the system: no reader can be above %.2f here\n", "", 1e3*r.Fresh, r.PeerS/r.Fresh)
		}
	}
	if missed > 0 {
		return fmt.Errorf("%d of %d bars are missed", missed, len(picked))
	}
	return nil
}

func jobNames() []string {
	names := make([]string, len(jobs))
	for i, j := range jobs {
		names[i] = j.name
	}
	return names
}

// built is the tests of a package as a program in dir.
func built(ctx context.Context, dir, name, pkg string) (string, error) {
	bin := filepath.Join(dir, name+".test")
	if out, err := exec.CommandContext(ctx, "go", "test", "-c", "-o", bin, pkg).CombinedOutput(); err != nil {
		return "", fmt.Errorf("building its benchmark: %w\n%s", err, out)
	}
	return bin, nil
}

// measure runs one job and its peer in turn.
func measure(ctx context.Context, j job, python string, rounds int, dir string) (result, error) {
	r := result{Job: j.name, What: j.what, Bar: j.bar}
	bin, err := built(ctx, dir, j.name, j.pkg)
	if err != nil {
		return r, err
	}
	memory := j
	memory.bench = "^BenchmarkFresh$/" + j.fresh
	var memoryBin string
	if j.fresh != "" {
		if memoryBin, err = built(ctx, dir, "fresh", module+"ingest/uncached"); err != nil {
			return r, err
		}
	}
	var fresh []float64
	for range rounds {
		if memoryBin != "" {
			s, err := ours(ctx, memoryBin, memory)
			if err != nil {
				return r, err
			}
			fresh = append(fresh, s)
		}
		s, err := ours(ctx, bin, j)
		if err != nil {
			return r, err
		}
		r.Gyrus = append(r.Gyrus, s)
		p, version, err := theirs(ctx, python, j)
		if err != nil {
			return r, err
		}
		r.PeerRound, r.Peer = append(r.PeerRound, p*float64(max(1, j.times))), version
	}
	r.Seconds, r.PeerS = median(r.Gyrus), median(r.PeerRound)
	if len(fresh) > 0 {
		r.Fresh = median(fresh)
	}
	r.Ratio = r.PeerS / r.Seconds
	r.Met = r.Ratio >= j.bar
	return r, nil
}

var (
	nsPerOp  = regexp.MustCompile(`(?m)^Benchmark\S+\s+\d+\s+([0-9.]+) ns/op`)
	cpuPerOp = regexp.MustCompile(`(?m)^Benchmark\S+\s+\d+\s.*\s([0-9.]+) cpu-ns/op`)
)

// ours is the seconds of one operation of a Go benchmark.
func ours(ctx context.Context, bin string, j job) (float64, error) {
	long := "1s"
	if j.loops > 0 {
		long = strconv.Itoa(j.loops) + "x"
	}
	cmd := exec.CommandContext(ctx, bin, "-test.run", "^$", "-test.bench", j.bench, "-test.benchtime", long, "-test.cpu", strconv.Itoa(max(1, j.cores)))
	out, err := cmd.CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("%s: %w\n%s", j.bench, err, out)
	}
	pattern := nsPerOp
	if j.cpu {
		pattern = cpuPerOp
	}
	m := pattern.FindAllSubmatch(out, -1)
	if len(m) != 1 {
		return 0, fmt.Errorf("%s matches %d benchmarks, must match one:\n%s", j.bench, len(m), out)
	}
	ns, err := strconv.ParseFloat(string(m[0][1]), 64)
	return ns / 1e9, err
}

// line is what a peer's script prints for each job it has timed.
type line struct {
	Peer   string  `json:"peer"`
	Job    string  `json:"job"`
	Median float64 `json:"median"`
}

// theirs is the median of a peer's own repetitions, in seconds, and its name with its version.
func theirs(ctx context.Context, python string, j job) (float64, string, error) {
	args := append([]string{filepath.Join("benchmarks", "speed", "peers", j.peer[0])}, j.peer[1:]...)
	cmd := exec.CommandContext(ctx, python, args...)
	threads := strconv.Itoa(max(1, j.cores))
	cmd.Env = append(os.Environ(), "OMP_NUM_THREADS="+threads, "OPENBLAS_NUM_THREADS="+threads, "MKL_NUM_THREADS="+threads)
	if j.cpu {
		cmd.Env = append(cmd.Env, "SPEED_CLOCK=cpu")
	}
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return 0, "", fmt.Errorf("%s %s: %w (run it in the root of the repository)", python, strings.Join(args, " "), err)
	}
	for text := range strings.Lines(string(out)) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			return 0, "", fmt.Errorf("%s prints %q, must print lines of JSON: %w", args[0], text, err)
		}
		if (j.key == "" || l.Job == j.key) && l.Median > 0 {
			return l.Median, l.Peer, nil
		}
	}
	return 0, "", errors.New(args[0] + " prints no line for the job " + strconv.Quote(j.key))
}

func median(x []float64) float64 {
	x = slices.Sorted(slices.Values(x))
	if n := len(x); n%2 == 0 {
		return (x[n/2-1] + x[n/2]) / 2
	}
	return x[len(x)/2]
}
