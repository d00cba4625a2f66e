package xdf

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// TestFloats: every value comes to its place, with and without the vector kernel, whatever the numbers of channels and samples, and
// nothing else is written.
func TestFloats(t *testing.T) {
	defer func(have bool) { haveLanes = have }(haveLanes)
	rng := rand.New(rand.NewPCG(1, 2))
	special := []float32{0, float32(math.Copysign(0, -1)), math.MaxFloat32, math.SmallestNonzeroFloat32, float32(math.Inf(1)), float32(math.Inf(-1)), float32(math.NaN())}
	lanes := []bool{false}
	if haveLanes {
		lanes = append(lanes, true)
	}
	for _, haveLanes = range lanes {
		for chs := 1; chs <= 20; chs++ {
			for _, n := range []int{0, 1, 7, 8, 9, 16, 61} {
				name := fmt.Sprintf("%d channels, %d samples, lanes %v", chs, n, haveLanes)
				var raw []byte
				var at []int64
				want := make([][]float64, chs)
				for range n {
					raw = append(raw, make([]byte, rng.IntN(12))...) // stamps, and heads of chunks
					at = append(at, int64(len(raw)))
					for ch := range want {
						v := float32(rng.NormFloat64())
						if rng.IntN(10) == 0 {
							v = special[rng.IntN(len(special))]
						}
						raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
						want[ch] = append(want[ch], float64(v))
					}
				}
				const from, guard = 3, -77.25
				dst := make([][]float64, chs)
				for ch := range dst {
					dst[ch] = make([]float64, from+n+5)
					for i := range dst[ch] {
						dst[ch][i] = guard
					}
				}
				floats(dst, from, raw, at)
				for ch, x := range dst {
					for i, v := range x {
						w := guard
						if i >= from && i < from+n {
							w = want[ch][i-from]
						}
						if math.Float64bits(v) != math.Float64bits(w) {
							t.Fatalf("%s: sample %d of channel %d is %v, want %v", name, i-from, ch, v, w)
						}
					}
				}
			}
		}
	}
}
