package edf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/uncached"
)

// TestIntegers: every sample is (integer + offset)·gain, with and without the vector kernels, and nothing else is written.
func TestIntegers(t *testing.T) {
	defer func(have bool) { haveLanes = have }(haveLanes)
	rng := rand.New(rand.NewPCG(1, 2))
	lanes := []bool{false}
	if haveLanes {
		lanes = append(lanes, true)
	}
	const guard, offset, gain = -77.25, 0.3, 0.1
	for _, haveLanes = range lanes {
		for n := range 70 {
			for at := range 9 {
				name := fmt.Sprintf("%d samples from %d on, lanes %v", n, at, haveLanes)
				dst := make([]float64, at+n+9)
				var src []byte
				want := make([]float64, len(dst))
				for i := range want {
					want[i] = guard
				}
				for i := range n {
					v := int16(rng.Uint32())
					if i < 2 {
						v = []int16{math.MinInt16, math.MaxInt16}[i]
					}
					src = binary.LittleEndian.AppendUint16(src, uint16(v))
					sum := float64(v) + offset
					want[at+i] = sum * gain
				}
				for way, decode := range map[string]func([]float64, []byte, float64, float64){"in": decode16, "past": decode16Past} {
					for i := range dst {
						dst[i] = guard
					}
					decode(dst[at:at+n], src, offset, gain)
					uncached.Done()
					for i, v := range dst {
						if v != want[i] {
							t.Fatalf("%s, %s the cache: %d is %v, want %v", name, way, i-at, v, want[i])
						}
					}
				}
			}
		}
	}
}
