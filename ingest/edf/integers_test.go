package edf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
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
				for way, decode := range map[string]func(){
					"in":   func() { decode16(dst[at:at+n], src, offset, gain) },
					"past": func() { decode16Past(dst[at:at+n], src, max(1, n), 2*n, offset, gain) },
				} {
					for i := range dst {
						dst[i] = guard
					}
					decode()
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

// TestIntegersInRuns: runs of samples, with bytes of others between them, are decoded as each alone, at any place in a line of the cache.
func TestIntegersInRuns(t *testing.T) {
	defer func(have bool) { haveLanes = have }(haveLanes)
	rng := rand.New(rand.NewPCG(3, 4))
	lanes := []bool{false}
	if haveLanes {
		lanes = append(lanes, true)
	}
	const guard, offset, gain = -77.25, 0.3, 0.1
	for _, haveLanes = range lanes {
		for n := 1; n < 34; n++ {
			for runs := range 5 {
				for at := range 9 {
					stride := 2*n + rng.IntN(20)
					src := make([]byte, max(0, runs*stride-stride+2*n))
					for i := range src {
						src[i] = byte(rng.Uint32())
					}
					got, want := make([]float64, at+n*runs+9), make([]float64, at+n*runs+9)
					for i := range got {
						got[i], want[i] = guard, guard
					}
					for k := range runs {
						plain16(want[at+k*n:at+(k+1)*n], src[k*stride:], offset, gain)
					}
					decode16Past(got[at:at+runs*n], src, n, stride, offset, gain)
					uncached.Done()
					if !slices.Equal(got, want) {
						t.Fatalf("%d runs of %d, %d bytes apart, from %d on, lanes %v: %v, want %v", runs, n, stride, at, haveLanes, got, want)
					}
				}
			}
		}
	}
}
