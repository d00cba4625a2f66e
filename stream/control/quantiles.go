package control

import (
	"math"
	"math/rand/v2"
	"slices"
)

// reservoir is how many samples Quantiles keeps: 512 KiB, and 65 samples above the 99.9th percentile.
const reservoir = 1 << 16

// Quantiles collects a measured quantity, such as an age in milliseconds, in bounded memory. Up to 65536 samples it
// keeps all, and its quantiles are exact; of more it keeps a uniform random sample of 65536 (algorithm R, Vitter 1985,
// doi:10.1145/3147.3165), drawn with a fixed seed. All of the memory is taken with the first sample: a session of hours takes no
// more than one of minutes, and no control loop waits while a longer list is copied. The count and the maximum are always exact. The zero value is ready;
// it may be used from one goroutine at a time.
type Quantiles struct {
	kept []float64
	n    uint64
	max  float64
	rng  *rand.Rand
}

// Add collects x, which must not be NaN: it panics on one, because a measurement that is none is a bug.
func (q *Quantiles) Add(x float64) {
	if math.IsNaN(x) {
		panic("control: a quantile of NaN")
	}
	q.n++
	if q.n == 1 || x > q.max {
		q.max = x
	}
	if q.kept == nil {
		q.kept = make([]float64, 0, reservoir)
		q.rng = rand.New(rand.NewPCG(1, reservoir))
	}
	if len(q.kept) < reservoir {
		q.kept = append(q.kept, x)
		return
	}
	if i := q.rng.Uint64N(q.n); i < reservoir {
		q.kept[i] = x
	}
}

// Count is the number of samples added.
func (q *Quantiles) Count() uint64 { return q.n }

// At gives the quantile for each p from 0 to 1: the smallest kept sample that at least the part p of the kept samples
// does not exceed (nearest rank, "inverted_cdf" of NumPy). It is 0 where nothing was added; p = 1 is the exact maximum.
func (q *Quantiles) At(p ...float64) []float64 {
	out := make([]float64, len(p))
	if q.n == 0 {
		return out
	}
	sorted := slices.Sorted(slices.Values(q.kept))
	for i, p := range p {
		if !(p >= 0 && p <= 1) {
			panic("control: a quantile is from 0 to 1")
		}
		if p == 1 {
			out[i] = q.max
			continue
		}
		out[i] = sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)]
	}
	return out
}

// Clone is a copy in memory of its own that can be read while q goes on; it is not meant to be added to.
func (q *Quantiles) Clone() *Quantiles {
	return &Quantiles{kept: slices.Clone(q.kept), n: q.n, max: q.max}
}

// Summary is what is reported of a measured quantity, in the quantity's unit. All is 0 where N is.
type Summary struct {
	N    uint64  `json:"n"`
	P50  float64 `json:"p50"`
	P99  float64 `json:"p99"`
	P999 float64 `json:"p99_9"`
	Max  float64 `json:"max"`
}

// Summary sums up.
func (q *Quantiles) Summary() Summary {
	v := q.At(0.5, 0.99, 0.999)
	return Summary{N: q.n, P50: v[0], P99: v[1], P999: v[2], Max: q.max}
}
