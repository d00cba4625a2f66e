package featurestest

import (
	"fmt"
	"math"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/stat/distuv"
)

const (
	seeds     = 8
	perClass  = 24 // training examples
	testCases = 60 // test examples per seed
)

func (s *suite) noise(t *testing.T) {
	correct := s.experiment(t, 0, func(ex examples) []int { return ex.train })
	if lo, hi := chanceRange(seeds*testCases, 1/float64(len(s.classes))); correct < lo || correct > hi {
		t.Errorf("%d of %d test examples of pure noise with random labels are right; at chance it would be %d to %d (99.9 %%)",
			correct, seeds*testCases, lo, hi)
	}
}

func (s *suite) power(t *testing.T) {
	correct := s.experiment(t, effect, func(ex examples) []int { return ex.train })
	need := 9 * seeds * testCases / 10
	if s.partly != "" {
		_, need = chanceRange(seeds*testCases, 1/float64(len(s.classes)))
		t.Logf("%d of %d; not asked for 90 %%: %s", correct, seeds*testCases, s.partly)
	}
	if correct <= need {
		t.Errorf("%d of %d test examples with a planted effect are right, must be more than %d", correct, seeds*testCases, need)
	}
}

// experiment fits the step on what fitOn picks and an LDA behind it on the training examples, and counts the test
// examples that come out right, over all seeds. Every seed makes new data and a new step.
func (s *suite) experiment(t *testing.T, strength float64, fitOn func(examples) []int) int {
	t.Helper()
	correct := 0
	for seed := range uint64(seeds) {
		u := s.unit(t)
		ex := u.simulate(1000+seed, perClass*len(s.classes), testCases, strength)
		if at := fitOn(ex); u.learns() {
			if err := u.fit(ex.pick(at), ex.labels(at)); err != nil {
				t.Fatalf("seed %d: fit: %v", seed, err)
			}
		}
		rows := make([][]float64, len(ex.x))
		outs := append(u.train(t, ex.pick(ex.train)), u.all(t, ex.pick(ex.test))...) // the training examples come first
		for i, out := range outs {
			if u.out.Len > 0 {
				rows[i] = logPower(out)
			} else {
				rows[i] = out[0]
			}
		}
		model, err := fitLDA(rows, ex.y, ex.train, len(s.classes))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		for _, i := range ex.test {
			if model.class(rows[i]) == ex.y[i] {
				correct++
			}
		}
	}
	return correct
}

// logPower is the logarithm of each channel's mean square about its mean.
func logPower(x [][]float64) []float64 {
	row := make([]float64, len(x))
	for ch, samples := range x {
		mean, power := 0.0, 0.0
		for _, v := range samples {
			mean += v / float64(len(samples))
		}
		for _, v := range samples {
			power += (v - mean) * (v - mean) / float64(len(samples))
		}
		row[ch] = math.Log(power)
	}
	return row
}

// chanceRange is where the number of successes of n draws with probability p lies in 99.9 % of cases: either tail
// outside it has at most 0.05 %, exactly.
func chanceRange(n int, p float64) (lo, hi int) {
	b := distuv.Binomial{N: float64(n), P: p}
	for b.CDF(float64(lo)) <= 0.0005 {
		lo++
	}
	hi = n
	for 1-b.CDF(float64(hi-1)) <= 0.0005 {
		hi--
	}
	return lo, hi
}

// lda is a plain linear discriminant with a ridge, written out here because features must not import decoders.
type lda struct {
	coef  [][]float64
	bias  []float64
	scale []float64

	centre []float64
}

func fitLDA(rows [][]float64, y, train []int, classes int) (*lda, error) {
	p := len(rows[0])
	centre := make([]float64, p) // so that a number that hardly varies is no large one
	for _, i := range train {
		for j, v := range rows[i] {
			centre[j] += v / float64(len(train))
		}
	}
	centred := make([][]float64, len(rows))
	for i, row := range rows {
		centred[i] = make([]float64, p)
		for j, v := range row {
			centred[i][j] = v - centre[j]
		}
	}
	rows = centred
	mean := make([][]float64, classes)
	count := make([]float64, classes)
	for k := range mean {
		mean[k] = make([]float64, p)
	}
	for _, i := range train {
		count[y[i]]++
		for j, v := range rows[i] {
			mean[y[i]][j] += v
		}
	}
	for k := range mean {
		for j := range mean[k] {
			mean[k][j] /= count[k]
		}
	}
	cov := mat.NewSymDense(p, nil)
	for _, i := range train {
		d := mat.NewVecDense(p, slices.Clone(rows[i]))
		d.SubVec(d, mat.NewVecDense(p, mean[y[i]]))
		cov.SymRankOne(cov, 1/float64(len(train)), d)
	}
	m := &lda{scale: make([]float64, p), centre: centre}
	for j := range p { // on one scale, so that the ridge means the same for every number
		m.scale[j] = 1
		if v := cov.At(j, j); v > 0 {
			m.scale[j] = 1 / math.Sqrt(v)
		}
	}
	scaled := mat.NewSymDense(p, nil)
	for i := range p {
		for j := i; j < p; j++ {
			scaled.SetSym(i, j, 0.9*cov.At(i, j)*m.scale[i]*m.scale[j])
		}
		scaled.SetSym(i, i, scaled.At(i, i)+0.1)
	}
	var chol mat.Cholesky
	if !chol.Factorize(scaled) {
		return nil, fmt.Errorf("the features have no covariance that can be inverted: %v", mat.Formatted(cov))
	}
	for k := range classes {
		mu := mat.NewVecDense(p, nil)
		for j := range p {
			mu.SetVec(j, mean[k][j]*m.scale[j])
		}
		var w mat.VecDense
		if err := chol.SolveVecTo(&w, mu); err != nil {
			return nil, err
		}
		m.coef = append(m.coef, w.RawVector().Data)
		m.bias = append(m.bias, -mat.Dot(&w, mu)/2)
	}
	return m, nil
}

func (m *lda) class(row []float64) int {
	best, top := 0, math.Inf(-1)
	for k, w := range m.coef {
		score := m.bias[k]
		for j, v := range row {
			score += w[j] * (v - m.centre[j]) * m.scale[j]
		}
		if score > top {
			best, top = k, score
		}
	}
	return best
}
