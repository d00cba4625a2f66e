package metrics

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"
)

// Followed says how well a quantity was followed, with 95 % intervals.
type Followed struct {
	R       float64 `json:"r"` // Pearson's correlation of the decoded and the true quantity; 0 where one does not vary
	RLow    float64 `json:"r_low"`
	RHigh   float64 `json:"r_high"`
	R2      float64 `json:"r2"` // 1 − Σ(y−ŷ)²/Σ(y−mean y)²: 0 for who says the mean, below 0 for who does worse
	R2Low   float64 `json:"r2_low"`
	R2High  float64 `json:"r2_high"`
	Rows    int     `json:"rows"`
	Seconds float64 `json:"block_s"` // length of the blocks behind the intervals
}

// Follow compares decoded and true values [rows], in order of time and step seconds apart. Neighbouring rows are alike, so
// the intervals are those of the circular block bootstrap (Politis and Romano 1992; of Künsch 1989,
// doi:10.1214/aos/1176347265, with the ends joined): whole blocks of blockS
// seconds are drawn with replacement, 1000 times from the seed. The spread of atanh r and of ln(1 − R²) over the draws, on
// which scales both are about normal, times Student's t for as many blocks as there are gives the limits. It is an error
// where there are fewer than 4 blocks.
func Follow(decoded, truth []float64, step, blockS float64, seed uint64) (Followed, error) {
	n := len(truth)
	if len(decoded) != n {
		return Followed{}, fmt.Errorf("metrics: got %d decoded and %d true values, must be as many", len(decoded), n)
	}
	if !(step > 0) || !(blockS > 0) {
		return Followed{}, fmt.Errorf("metrics: rows are %g s apart and blocks %g s long, must be above 0", step, blockS)
	}
	for i := range truth {
		if math.IsNaN(decoded[i]+truth[i]) || math.IsInf(decoded[i]+truth[i], 0) {
			return Followed{}, fmt.Errorf("metrics: row %d: decoded %g, true %g; must be finite", i, decoded[i], truth[i])
		}
	}
	block := max(1, int(math.Round(blockS/step)))
	if n < 4*block {
		return Followed{}, fmt.Errorf("metrics: %d rows are too few for an interval, must be at least 4 blocks of %d", n, block)
	}
	if slices.Min(truth) == slices.Max(truth) {
		return Followed{}, errors.New("metrics: the true quantity does not vary, so nothing can be followed")
	}
	out := Followed{Rows: n, Seconds: blockS}
	out.R, out.R2 = follow(decoded, truth)
	const draws = 1000
	rng := rand.New(rand.NewPCG(seed, 0x666f6c6c6f77))
	zs, ls := make([]float64, draws), make([]float64, draws)
	d, t := make([]float64, 0, n+block), make([]float64, 0, n+block)
	for k := range draws {
		d, t = d[:0], t[:0]
		for len(d) < n {
			at := rng.IntN(n) // the end goes over into the beginning
			for i := range block {
				d, t = append(d, decoded[(at+i)%n]), append(t, truth[(at+i)%n])
			}
		}
		r, r2 := follow(d[:n], t[:n])
		zs[k], ls[k] = fisher(r), leftover(r2)
	}
	blocks := float64(n) / float64(block)
	wide := distuv.StudentsT{Sigma: 1, Nu: blocks - 1}.Quantile(0.975) * math.Sqrt(blocks/(blocks-1))
	z, l := wide*stat.StdDev(zs, nil), wide*stat.StdDev(ls, nil)
	out.RLow, out.RHigh = math.Tanh(fisher(out.R)-z), math.Tanh(fisher(out.R)+z)
	out.R2Low, out.R2High = 1-math.Exp(leftover(out.R2)+l), 1-math.Exp(leftover(out.R2)-l)
	return out, nil
}

// fisher is atanh r, bounded where r is 1 but for rounding.
func fisher(r float64) float64 { return math.Atanh(min(max(r, 1e-15-1), 1-1e-15)) }

// leftover is ln(1 − R²), bounded where R² is 1 but for rounding.
func leftover(r2 float64) float64 { return math.Log(max(1-r2, 1e-30)) }

// follow is the correlation and the coefficient of determination.
func follow(decoded, truth []float64) (r, r2 float64) {
	n := float64(len(truth))
	md, mt := 0.0, 0.0
	for i := range truth {
		md += decoded[i] / n
		mt += truth[i] / n
	}
	dd, dt, tt, ee := 0.0, 0.0, 0.0, 0.0
	for i := range truth {
		a, b, e := decoded[i]-md, truth[i]-mt, decoded[i]-truth[i]
		dd += a * a
		dt += a * b
		tt += b * b
		ee += e * e
	}
	if dd > 0 && tt > 0 {
		r = dt / math.Sqrt(dd*tt)
	}
	if tt > 0 {
		r2 = 1 - ee/tt
	}
	return r, r2
}

// Correlation is Pearson's, 0 where one of both does not vary.
func Correlation(decoded, truth []float64) float64 {
	r, _ := follow(decoded, truth)
	return r
}
