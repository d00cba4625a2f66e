package control

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

func TestQuantilesAgainstNumPy(t *testing.T) {
	raw, err := os.ReadFile("testdata/quantiles.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Cases []struct {
			N    int
			P, Q []float64
		}
	}
	if err := json.Unmarshal(raw, &golden); err != nil {
		t.Fatal(err)
	}
	if len(golden.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, tc := range golden.Cases {
		var q Quantiles
		for i := range tc.N {
			q.Add(float64((i*7919)%10007) / 8)
		}
		for i, got := range q.At(tc.P...) {
			if got != tc.Q[i] {
				t.Errorf("n %d, p %g: %g, NumPy has %g", tc.N, tc.P[i], got, tc.Q[i])
			}
		}
	}
}

func TestQuantilesOfNothing(t *testing.T) {
	var q Quantiles
	if s := q.Summary(); s != (Summary{}) {
		t.Errorf("summary of nothing: %+v", s)
	}
	q.Add(-3)
	if s := q.Summary(); s != (Summary{N: 1, P50: -3, P99: -3, P999: -3, Max: -3}) {
		t.Errorf("summary of one: %+v", s)
	}
}

// TestQuantilesBeyondTheReservoir: of a million exponential samples a sixteenth is kept. The rank of a sample quantile
// has the standard deviation sqrt(p(1-p)/65536); 5 of them are allowed. Count and maximum stay exact.
func TestQuantilesBeyondTheReservoir(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	var q Quantiles
	top := 0.0
	const n = 1_000_000
	for range n {
		x := rng.ExpFloat64()
		top = max(top, x)
		q.Add(x)
	}
	if len(q.kept) != reservoir || q.Count() != n || q.At(1)[0] != top {
		t.Fatalf("kept %d, count %d, max %g; want %d, %d, %g", len(q.kept), q.Count(), q.At(1)[0], reservoir, n, top)
	}
	for _, p := range []float64{0.1, 0.5, 0.99, 0.999} {
		rank := 1 - math.Exp(-q.At(p)[0]) // the true part below it
		if tol := 5 * math.Sqrt(p*(1-p)/reservoir); math.Abs(rank-p) > tol {
			t.Errorf("the quantile %g is really %g, off by more than %g", p, rank, tol)
		}
	}
}

// TestQuantilesTakeTheirMemoryAtOnce: behind the first sample nothing is allocated, neither up to the reservoir nor beyond it.
func TestQuantilesTakeTheirMemoryAtOnce(t *testing.T) {
	var q Quantiles
	q.Add(1)
	if n := testing.AllocsPerRun(1, func() {
		for range reservoir {
			q.Add(2)
		}
	}); n != 0 {
		t.Errorf("%g allocations", n)
	}
	if len(q.kept) != reservoir || q.Count() <= reservoir {
		t.Errorf("kept %d of %d: nothing was added beyond the reservoir", len(q.kept), q.Count())
	}
}

func TestQuantilesClone(t *testing.T) {
	var q Quantiles
	q.Add(1)
	c := q.Clone()
	q.Add(2)
	if c.Count() != 1 || c.At(1)[0] != 1 {
		t.Errorf("the clone follows: %+v", c.Summary())
	}
}

func TestQuantilesRefuse(t *testing.T) {
	for name, f := range map[string]func(q *Quantiles){
		"NaN":      func(q *Quantiles) { q.Add(math.NaN()) },
		"p of 50":  func(q *Quantiles) { q.At(50) },
		"p of NaN": func(q *Quantiles) { q.At(math.NaN()) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			q := Quantiles{kept: []float64{1}, n: 1, max: 1}
			f(&q)
		}()
	}
}
