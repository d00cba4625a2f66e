package ingesttest

import (
	"runtime/debug"
	"slices"
	"testing"
	"time"
)

// BenchFresh does read as often as b asks for, each time into memory that is fresh from the system, as it is for a program
// that reads one file. It reports the median of the time of the processor as cpu-ns/op: on a busy machine it is all that tells.
func BenchFresh(b *testing.B, read func() error) {
	b.Helper()
	b.ReportAllocs()
	var took []time.Duration
	for b.Loop() {
		b.StopTimer()
		debug.FreeOSMemory()
		b.StartTimer()
		begin := cpuTime()
		if err := read(); err != nil {
			b.Fatal(err)
		}
		took = append(took, cpuTime()-begin)
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "cpu-ns/op")
}
