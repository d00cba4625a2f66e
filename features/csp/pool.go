package csp

import (
	"errors"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

// pool is what the windows of one class add up to.
type pool struct {
	sum     *mat.SymDense // of their covariances [channels, channels]
	windows int
	fourth  float64 // Σ over all samples of |x|⁴, the vector x without its window's mean; only for Ledoit-Wolf
}

// pool adds up the covariances of each class's windows, in the order of the windows. basis spans what the data span,
// where the covariances are to be shrunk in it; else it is nil.
func (c *CSP) pool(x [][][]float64, y signal.Labels) (pools []pool, basis *mat.Dense, err error) {
	chs := len(c.in.Names)
	pools = make([]pool, len(c.classes))
	for k := range pools {
		pools[k].sum = mat.NewSymDense(chs, nil)
	}
	all := mat.NewSymDense(chs, nil)
	each := c.Regularise.automatic() && c.CovEst != Joined // every window has a shrinkage of its own
	kept := make([]pool, 0, len(x))
	var work spd.Workspace
	cov := mat.NewSymDense(chs, nil)
	for i, window := range x {
		if err := c.check(window); err != nil {
			return nil, nil, fmt.Errorf("training window %d %w", i, err)
		}
		work.Covariance(cov, window)
		for ch := range chs {
			if v := cov.At(ch, ch); math.IsNaN(v) || math.IsInf(v, 0) { // only then is a sample worth looking for
				return nil, nil, fmt.Errorf("training window %d, channel %q: %s; leave the window out or repair the channel", i, c.in.Names[ch], firstBad(window[ch]))
			}
		}
		p := pool{sum: cov, windows: 1}
		if c.Regularise == LedoitWolf {
			p.fourth = fourthPower(window)
		}
		all.AddSym(all, cov)
		if each {
			kept = append(kept, p)
			cov = mat.NewSymDense(chs, nil)
			continue
		}
		pools[y.Y[i]].add(p)
	}
	if mat.Trace(all) == 0 {
		return nil, nil, errors.New("no channel of any training window ever changes; check the recording")
	}
	if c.Shrinkage > 0 || c.Regularise.automatic() {
		if basis, _, err = spd.Range(all); err != nil {
			return nil, nil, err
		}
	}
	for i, p := range kept { // only now is the rank known
		shrink(p.sum, basis, c.shrunk(c.Regularise.amount(p, c.in.Len, basis)))
		pools[y.Y[i]].add(p)
	}
	return pools, basis, nil
}

func (p *pool) add(q pool) {
	p.sum.AddSym(p.sum, q.sum)
	p.windows += q.windows
	p.fourth += q.fourth
}

// covariance is the mean covariance of the windows in all pools, shrunk as the parameters say.
func (c *CSP) covariance(basis *mat.Dense, pools ...pool) *mat.SymDense {
	all := pool{sum: mat.NewSymDense(len(c.in.Names), nil)}
	for _, p := range pools {
		all.add(p)
	}
	amount := c.Shrinkage
	if c.CovEst == Joined && c.Regularise.automatic() {
		amount = c.shrunk(c.Regularise.amount(all, c.in.Len, basis))
	}
	all.sum.ScaleSym(1/float64(all.windows), all.sum)
	if c.CovEst == Joined {
		n := float64(all.windows * c.in.Len)
		all.sum.ScaleSym(n/(n-1), all.sum) // as MNE divides; with windows the factor is the same for all classes
	}
	if amount > 0 {
		shrink(all.sum, basis, amount)
	}
	return all.sum
}

// amount is the shrinkage that the data of p, windows of n samples, ask for in the space that basis spans.
//
// Ledoit and Wolf 2004 (doi:10.1016/S0047-259X(03)00096-4) weigh the variance of the covariance's entries against
// their distance from the target; OAS (Chen, Wiesel, Eldar and Hero 2010, doi:10.1109/TSP.2010.2053029) assumes normal
// samples. Both as in scikit-learn with assume_centered; windows have lost their means.
func (r Regularise) amount(p pool, n int, basis *mat.Dense) float64 {
	_, rank := basis.Dims()
	dims, samples := float64(rank), float64(n*p.windows)
	scale := 1 / float64(p.windows)
	power := mat.Trace(p.sum) * scale / dims
	squares := mat.Norm(p.sum, 2) * scale // Frobenius
	squares *= squares
	if r == OAS {
		mean := squares / (dims * dims)
		distance := (samples + 1) * (mean - power*power/dims)
		if amount := mean + power*power; amount < distance {
			return amount / distance
		}
		return 1
	}
	distance := squares/dims - power*power
	variance := (p.fourth/samples - squares) / (samples * dims)
	if variance < distance {
		return max(variance, 0) / distance
	}
	if distance <= 0 {
		return 0 // already a multiple of the identity
	}
	return 1
}

// fourthPower is Σ_t |x_t|⁴ of the window x [channels, samples] without its channels' means.
func fourthPower(x [][]float64) float64 {
	square := make([]float64, len(x[0]))
	for _, row := range x {
		sum := 0.0
		for _, v := range row {
			sum += v - row[0]
		}
		mean := row[0] + sum/float64(len(row))
		for t, v := range row {
			square[t] += (v - mean) * (v - mean)
		}
	}
	sum := 0.0
	for _, v := range square {
		sum += v * v
	}
	return sum
}

// shrink draws cov by the part s towards its mean power times the projection on the columns of basis.
func shrink(cov *mat.SymDense, basis *mat.Dense, s float64) {
	_, rank := basis.Dims()
	power := mat.Trace(cov) / float64(rank)
	cov.ScaleSym(1-s, cov)
	cov.SymRankK(cov, s*power, basis)
}
