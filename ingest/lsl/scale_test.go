//go:build unix

package lsl

import (
	"math"
	"os"
	"syscall"
	"testing"
	"time"
)

// cpu is the seconds that this process has computed.
func cpu(t *testing.T) float64 {
	t.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		t.Fatal(err)
	}
	return float64(r.Utime.Sec+r.Stime.Sec) + float64(r.Utime.Usec+r.Stime.Usec)/1e6
}

// TestScale: 128 and 512 channels at 2 kHz in chunks of 10 ms from an outlet to an inlet, both in this process: no sample
// is lost, and both together need at most half a core. GYRUS_SOAK says for how long, such as 10m; without it 2 s.
func TestScale(t *testing.T) {
	long := 2 * time.Second
	if s := os.Getenv("GYRUS_SOAK"); s != "" {
		var err error
		if long, err = time.ParseDuration(s); err != nil {
			t.Fatalf("GYRUS_SOAK: %v", err)
		}
	}
	for _, channels := range []int{128, 512} {
		i := eeg(channels)
		i.Rate = 2000
		o := outlet(t, i, OutletOptions{})
		n := open(t, InletOptions{})
		ready(t, o)
		const chunk = 20
		chunks := int(long.Seconds() * i.Rate / chunk)
		sent := make(chan error, 1)
		began, before := time.Now(), cpu(t)
		start := LocalClock()
		go func() {
			x := make([]float32, chunk*channels)
			for k := range chunks {
				time.Sleep(time.Until(began.Add(time.Duration(k+1) * 10 * time.Millisecond)))
				for j := range x {
					x[j] = float32((k*chunk + j/channels) % 1000)
				}
				if err := PushChunk(o, x, start+float64((k+1)*chunk-1)/i.Rate); err != nil {
					sent <- err
					return
				}
			}
			sent <- nil
		}()
		var got int64
		var age float64
		for got < int64(chunks*chunk) {
			c := next(t, n)
			if c.Start != got || c.Anew || c.X[channels-1][0] != float64(got%1000) {
				t.Fatalf("chunk at %d (anew: %v) with %g, want %d", c.Start, c.Anew, c.X[channels-1][0], got)
			}
			got = c.End()
			age = max(age, LocalClock()-clockOf(n.Arrived()))
		}
		if err := <-sent; err != nil {
			t.Fatal(err)
		}
		wall := time.Since(began).Seconds()
		cores := (cpu(t) - before) / wall
		s, h := o.Stats(), n.Health()
		t.Logf("%d channels × 2 kHz for %.1f s: %.3f core for both sides, %d dropped there and %d here; at most %.2f ms from the socket to Next; %.2f ppm, jitter %.1f µs",
			channels, wall, cores, s.Readers[0].Dropped, h.Dropped, 1e3*age, 1e6*(h.RateHz/2000-1), 1e6*h.JitterS)
		if s.Readers[0].Dropped+h.Dropped+h.Lost+h.Suspected+h.Jumps > 0 || math.Abs(h.RateHz/2000-1) > 1e-4 {
			t.Errorf("%+v, %+v", s, h)
		}
		if cores > 0.5 && !raceDetector {
			t.Errorf("%g cores, want at most 0.5", cores)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}
}
