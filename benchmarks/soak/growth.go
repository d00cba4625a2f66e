package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gyrus-bci/gyrus/stream/control"
)

// pulse is what every child says of itself once a second, behind a collection of garbage.
type pulse struct {
	Goroutines float64 `json:"goroutines"`
	HeapMB     float64 `json:"heap_mb"`
	RSSMB      float64 `json:"rss_mb"` // 0 where the system does not tell
}

// spoken is a line with a pulse; pulseMark is how it begins.
type spoken struct {
	Pulse pulse `json:"pulse"`
}

const pulseMark = `{"pulse":`

// feel measures this process.
func feel() pulse {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p := pulse{Goroutines: float64(runtime.NumGoroutine()), HeapMB: float64(m.HeapAlloc) / 1e6}
	if raw, err := os.ReadFile("/proc/self/statm"); err == nil { // Linux alone
		if f := strings.Fields(string(raw)); len(f) > 1 {
			pages, _ := strconv.ParseFloat(f[1], 64)
			p.RSSMB = pages * float64(os.Getpagesize()) / 1e6
		}
	}
	return p
}

// leakEvery is what a child that leaks keeps with every pulse, beside a goroutine.
const leakEvery = 128 << 10

// beat says a pulse once a second, for as long as the process lives. leak keeps memory and a goroutine with each.
func beat(leak bool) {
	var kept [][]byte
	for range time.Tick(time.Second) {
		if leak {
			b := make([]byte, leakEvery)
			kept = append(kept, b)
			go func() { select {} }()
		}
		_ = say(spoken{feel()}) // who does not hear it is gone
	}
	runtime.KeepAlive(kept)
}

// A series may grow by so much from its first bin to its last.
const (
	mostGoroutines = 3
	mostHeapMB     = 1
	mostRSSMB      = 16 // what the runtime keeps of freed memory comes and goes
	leastPulses    = 18
)

// trend is how one figure of one life went: pulses behind the warm-up, in bins.
type trend struct {
	First, Last float64 // means of the first bin and of the last
	Growth      float64 // slope over the time from the first bin to the last
}

// trendOf takes the mean of each bin and the median of the slopes between all pairs of bins (Theil 1950, Sen 1968).
func trendOf(x []float64, bin int) trend {
	var mean []float64
	for ; len(x) >= bin; x = x[bin:] {
		sum := 0.0
		for _, v := range x[:bin] {
			sum += v
		}
		mean = append(mean, sum/float64(bin))
	}
	var slopes []float64
	for i := range mean {
		for j := range i {
			slopes = append(slopes, (mean[i]-mean[j])/float64(i-j))
		}
	}
	n := len(mean)
	return trend{mean[0], mean[n-1], median(slopes) * float64(n-1)}
}

// life is a process from its start to its end.
type life struct {
	Name string
	P    []pulse
}

// grown says how a life went, and what grows, "" for nothing. ok is false where it was too short. A minute of warm-up and
// bins of a minute, or for shorter lives a quarter and a sixth of the rest.
func (l life) grown() (notes, wrong string, ok bool) {
	if len(l.P) < leastPulses {
		return "", "", false
	}
	p := l.P[min(60, len(l.P)/4):]
	bin := min(60, max(2, len(p)/6))
	var wrongs []string
	parts := []string{fmt.Sprintf("%s %d s", l.Name, len(l.P))}
	for _, s := range []struct {
		name, unit string
		of         func(pulse) float64
		most       float64
	}{
		{"goroutines", "", func(p pulse) float64 { return p.Goroutines }, mostGoroutines},
		{"heap", " MB", func(p pulse) float64 { return p.HeapMB }, mostHeapMB},
		{"resident", " MB", func(p pulse) float64 { return p.RSSMB }, mostRSSMB},
	} {
		var x []float64
		for _, v := range p {
			x = append(x, s.of(v))
		}
		t := trendOf(x, bin)
		parts = append(parts, fmt.Sprintf("%s %.1f → %.1f%s (slope %+.2f)", s.name, t.First, t.Last, s.unit, t.Growth))
		if t.Growth > s.most {
			wrongs = append(wrongs, fmt.Sprintf("%s: %s grow by %.1f%s, at most %g", l.Name, s.name, t.Growth, s.unit, s.most))
		}
	}
	return strings.Join(parts, ", "), strings.Join(wrongs, "; "), true
}

func median(x []float64) float64 { return slices.Sorted(slices.Values(x))[len(x)/2] }

// quiet is a second session, on a server of its own, to which nothing is done: its processes live as long as the test.
type quiet struct {
	procs      []*proc
	controller *proc
	began      time.Time
	dir        string
}

const quietSession = "quiet"

func newQuiet(ctx context.Context) (q *quiet, err error) {
	q = &quiet{}
	defer func() {
		if err != nil {
			err = errors.Join(err, q.close())
		}
	}()
	if q.dir, err = os.MkdirTemp("", "gyrus-soak-"); err != nil {
		return q, err
	}
	port, err := freePort(ctx)
	if err != nil {
		return q, err
	}
	stream, url := fmt.Sprintf("gyrus-quiet-%d", os.Getpid()), fmt.Sprintf("nats://127.0.0.1:%d", port)
	for _, c := range [][]string{
		{"broker", "127.0.0.1", strconv.Itoa(port)},
		{"outlet", stream},
		{"decoder", "-session", quietSession, "-policy", "skip", "-folder", q.dir, url, stream},
		{"controller", url, quietSession},
		{"recorder", filepath.Join(q.dir, "quiet.arrow"), stream},
		{"viewer", url},
	} {
		p, err := start(ctx, nil, c[0], c[1:]...)
		if err != nil {
			return q, err
		}
		p.name = "quiet " + c[0]
		if q.procs = append(q.procs, p); c[0] == "controller" {
			q.controller = p
		}
	}
	q.began = time.Now()
	return q, nil
}

// check says what the controller of the session got, and what is wrong with it: with nothing to do, memory does not grow.
func (q *quiet) check(ctx context.Context) (notes, wrong string, err error) {
	n, err := q.counters(ctx)
	if err != nil {
		return "", "", err
	}
	s := time.Since(q.began).Seconds()
	notes = fmt.Sprintf("the quiet session sent %d commands in %.0f s, %d gaps, %d safe states", n.Accepted, s, n.Gaps, n.SafeEntries)
	if float64(n.Accepted) < 0.9*(s-3)*rateHz/chunkN {
		wrong = fmt.Sprintf("the quiet session does too little: %d commands in %.0f s", n.Accepted, s)
	}
	for _, p := range q.procs {
		if p.ended() {
			wrong = p.name + " has ended"
		}
	}
	return notes, wrong, nil
}

// counters are those of its controller.
func (q *quiet) counters(ctx context.Context) (n control.Counters, err error) {
	raw, err := q.controller.tell(ctx, "count")
	if err == nil {
		err = json.Unmarshal(raw, &n)
	}
	return n, err
}

func (q *quiet) close() error {
	var err error
	for _, p := range slices.Backward(q.procs) {
		err = errors.Join(err, p.kill())
	}
	if q.dir != "" {
		err = errors.Join(err, os.RemoveAll(q.dir))
	}
	return err
}
