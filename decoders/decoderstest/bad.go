package decoderstest

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// bad is a way in which data are poor. What a decoder makes of them must be finite, and the planted effect must be found
// in them where it is left, or it refuses them and says what to do.
type bad struct {
	what  string
	spoil func(row []float64) []float64
	rows  int  // training rows of each class; 0 for as many as ever
	found bool // the effect is left whole
}

// badRows spoil numbers that carry no effect: 4 to 7.
func badRows() []bad {
	rng := rand.New(rand.NewPCG(11, 1))
	return []bad{
		{"a flat number", func(r []float64) []float64 { r[5] = 0; return r }, 0, true},
		{"a constant number", func(r []float64) []float64 { r[5] = 0.1 + 1e5/3; return r }, 0, true},
		{"a number of rounding errors", func(r []float64) []float64 { r[5] = 1e-16 * rng.NormFloat64(); return r }, 0, true},
		{"a number twice", func(r []float64) []float64 { r[6] = r[5]; return r }, 0, true},
		{"rank deficient", averaged, 0, true},
		{"one number", func(r []float64) []float64 { return r[:1] }, 0, false},
		{"fewer rows than numbers", func(r []float64) []float64 { return r }, 3, false},
		{"all numbers constant", func(r []float64) []float64 { fill(r, 3); return r }, 0, false},
	}
}

// badCovariances spoil the last channel, which carries no effect of two classes.
func badCovariances() []bad {
	const last = matrixSize - 1
	flat := func(m [][]float64) {
		for i := range m {
			m[i][last], m[last][i] = 0, 0
		}
	}
	twice := func(m [][]float64) {
		for i := range m[:last] {
			m[i][last], m[last][i] = m[i][last-1], m[i][last-1]
		}
		m[last][last] = m[last-1][last-1]
	}
	rng := rand.New(rand.NewPCG(12, 1))
	rounding := func(m [][]float64) {
		for i := range m[:last] {
			e := 1e-17 * rng.NormFloat64()
			m[i][last], m[last][i] = e, e
		}
		m[last][last] = 0
	}
	return []bad{
		{"a flat channel", matrices(flat), 0, false},
		{"a flat channel, shrunk", matrices(flat, shrunk), 0, true},
		{"a channel of rounding errors, shrunk", matrices(rounding, shrunk), 0, true},
		{"a channel twice", matrices(twice), 0, false},
		{"a channel twice, shrunk", matrices(twice, shrunk), 0, true},
		{"rank deficient", matrices(centred), 0, false},
		{"rank deficient, shrunk", matrices(centred, shrunk), 0, false},
		{"one channel", func(r []float64) []float64 { return r[:1] }, 0, false},
		{"fewer rows than numbers", func(r []float64) []float64 { return r }, 3, false},
		{"the same matrix every time", func(r []float64) []float64 { fill(r, 0); return matrices(shrunk)(append([]float64{1}, r[1:]...)) }, 0, false},
	}
}

// badWindows spoil the last channel, which carries no effect of two classes. Whether the effect is found is not asked: the suite
// trains networks for so short a time that another start alone can keep one from finding it.
func badWindows() []bad {
	channel := func(w []float64, ch int) []float64 { return w[ch*windowSamples : (ch+1)*windowSamples] }
	const last = windowChannels - 1
	return []bad{
		{"a flat channel", func(w []float64) []float64 { clear(channel(w, last)); return w }, 0, false},
		{"a constant channel", func(w []float64) []float64 { fill(channel(w, last), 50); return w }, 0, false},
		{"a channel twice", func(w []float64) []float64 { copy(channel(w, last), channel(w, last-1)); return w }, 0, false},
		{"all channels flat", func(w []float64) []float64 { clear(w); return w }, 0, false},
		{"few windows", func(w []float64) []float64 { return w }, 3, false},
	}
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

func averaged(r []float64) []float64 {
	mean := 0.0
	for _, v := range r {
		mean += v / float64(len(r))
	}
	for j := range r {
		r[j] -= mean
	}
	return r
}

// matrices applies changes to a covariance that comes as its upper triangle.
func matrices(changes ...func(m [][]float64)) func([]float64) []float64 {
	return func(row []float64) []float64 {
		m := make([][]float64, matrixSize)
		for i := range m {
			m[i] = make([]float64, matrixSize)
		}
		k := 0
		for i := range m {
			for j := i; j < matrixSize; j++ {
				m[i][j], m[j][i] = row[k], row[k]
				k++
			}
		}
		for _, change := range changes {
			change(m)
		}
		row = row[:0]
		for i := range m {
			row = append(row, m[i][i:]...)
		}
		return row
	}
}

// shrunk draws m towards the identity by a tenth, as the estimators oas and lwf do.
func shrunk(m [][]float64) {
	mu := 0.0
	for i := range m {
		mu += m[i][i] / float64(len(m))
	}
	for i := range m {
		for j := range m {
			m[i][j] *= 0.9
		}
		m[i][i] += 0.1 * mu
	}
}

// centred makes m the covariance after an average reference.
func centred(m [][]float64) {
	for range 2 { // columns, then rows, of the transposed matrix
		for i := range m {
			averaged(m[i])
		}
		for i := range m {
			for j := range i {
				m[i][j], m[j][i] = m[j][i], m[i][j]
			}
		}
	}
}

// poor runs the decoder on data of every kind that is bad.
func (s *suite) poor(t *testing.T) {
	kinds := badRows()
	switch {
	case s.covariances:
		kinds = badCovariances()
	case s.windows:
		if len(s.classes) > 2 {
			return // the effect of class 3 is in the last channel, and networks take long
		}
		kinds = badWindows()
	}
	for _, kind := range kinds {
		t.Run(kind.what, func(t *testing.T) {
			const tests = 100
			train := perClass * len(s.classes)
			if kind.rows > 0 {
				train = kind.rows * len(s.classes)
			}
			x, y := s.simulate(7, train, tests, effect)
			for i := range x {
				x[i] = kind.spoil(x[i])
			}
			d := s.construct()
			if err := d.Fit(x[:train], signal.Labels{Classes: s.classes, Y: y[:train]}); err != nil {
				remedied(t, err)
				return
			}
			right := 0
			p := make([]float64, len(s.classes))
			for i, row := range x[train:] {
				if err := d.Predict(p, row); err != nil {
					remedied(t, err)
					return
				}
				finite(t, p)
				if slices.Index(p, slices.Max(p)) == y[train+i] {
					right++
				}
			}
			if kind.found && (!s.covariances || len(s.classes) == 2) && right < 85*tests/100 {
				t.Errorf("%d of %d test rows with a planted effect are right, must be at least 85 %%: what is bad hides what is good", right, tests)
			}
		})
	}
}

func finite(t *testing.T, p []float64) {
	t.Helper()
	for _, v := range p {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			t.Fatalf("scores %v, must be finite", p)
		}
	}
}

// remedied checks that an error says what to do. A verb of that kind is what a test can look for.
func remedied(t *testing.T, err error) {
	t.Helper()
	for _, verb := range []string{"leave", "use ", "set ", "record ", "repair", "give ", "put ", "choose ", "lower ", "raise ", "check ", "drop ", "take "} {
		if strings.Contains(err.Error(), verb) {
			return
		}
	}
	t.Errorf("error is %q, must say what to do", err)
}

// poorRuns is poor for continuous decoders.
func (s *tracking) poorRuns(t *testing.T) {
	for _, kind := range append(badRows(), bad{what: "fewer rows than lags", spoil: func(r []float64) []float64 { return r }, rows: 3}) {
		t.Run(kind.what, func(t *testing.T) {
			rows := trackRows
			if kind.rows > 0 {
				rows = kind.rows
			}
			x, y := s.simulate(1, rows)
			test, truth := s.simulate(2, testRows)
			for _, run := range [][][]float64{x, test} {
				for i := range run {
					run[i] = kind.spoil(run[i])
				}
			}
			d := s.fresh()
			if err := d.FitContinuous(x, y); err != nil {
				remedied(t, err)
				return
			}
			got := s.run(t, d, test)
			for _, p := range got {
				finite(t, p)
			}
			if r := correlation(got, truth, s.scored); kind.found && !(r > s.least-0.1) {
				t.Errorf("correlation with the planted velocity is %.2f, must be above %.2f: what is bad hides what is good", r, s.least-0.1)
			}
		})
	}
}
