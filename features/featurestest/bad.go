package featurestest

import (
	"slices"
	"strings"
	"testing"
)

// bad is a way in which data are poor. What a step makes of them must be finite, and the planted effect must be found in them
// where it is left, or it refuses them and says what to do.
type bad struct {
	what     string
	spoil    func(x [][]float64)
	channels int  // of a window or row; 0 for all
	perClass int  // training examples; 0 for as many as ever
	found    bool // the effect is left
}

var badKinds = []bad{
	{"a flat channel", func(x [][]float64) { clear(x[len(x)-1]) }, 0, 0, true},
	{"a constant channel", func(x [][]float64) { fill(x[len(x)-1], 0.1+1e5/3) }, 0, 0, true},
	{"a channel of rounding errors", func(x [][]float64) {
		for i, v := range x[0] {
			x[len(x)-1][i] = 1e-16 * v * float64(1-i%2*2)
		}
	}, 0, 0, true},
	{"a channel twice", func(x [][]float64) { copy(x[len(x)-1], x[0]) }, 0, 0, true},
	{"average reference", averaged, 0, 0, true},
	{"one channel", func([][]float64) {}, 1, 0, false},
	{"fewer examples than channels", func([][]float64) {}, 0, 2, false},
	{"one example of each class", func([][]float64) {}, 0, 1, false},
	{"all channels flat", func(x [][]float64) {
		for _, row := range x {
			clear(row)
		}
	}, 0, 0, false},
}

func fill(x []float64, v float64) {
	for i := range x {
		x[i] = v
	}
}

func averaged(x [][]float64) {
	for t := range x[0] {
		mean := 0.0
		for ch := range x {
			mean += x[ch][t] / float64(len(x))
		}
		for ch := range x {
			x[ch][t] -= mean
		}
	}
}

// poor runs the step on data of every kind that is bad. Numbers of a row are spoiled as the channels of windows are;
// upper triangles of covariances are those of spoiled signals.
func (s *suite) poor(t *testing.T) {
	for _, kind := range badKinds {
		t.Run(kind.what, func(t *testing.T) {
			u := s.unit(t)
			ex := u.simulate(5, 20*len(s.classes), 60, effect)
			u.spoil(&ex, kind)
			if kind.channels > 0 && u.in.Len > 0 {
				in := u.in
				in.Names = in.Names[:kind.channels]
				if in.Chans != nil {
					in.Chans = in.Chans[:kind.channels]
				}
				out, err := u.step.Start(in)
				if err != nil {
					remedied(t, err)
					return
				}
				u.in, u.out = in, out
			}
			if kind.perClass > 0 {
				ex.train = ex.train[:kind.perClass*len(s.classes)]
			}
			if err := u.fit(ex.pick(ex.train), ex.labels(ex.train)); err != nil {
				remedied(t, err)
				return
			}
			rows := make([][]float64, len(ex.x))
			u.reset()
			for i, x := range ex.x {
				out := u.buffer()
				if err := u.apply(out, x); err != nil {
					remedied(t, err)
					return
				}
				if !allFinite(out) {
					t.Fatalf("example %d gives a number that is not finite, and no error", i)
				}
				if rows[i] = out[0]; u.out.Len > 0 {
					rows[i] = logPower(out)
				}
			}
			if !kind.found || s.partly != "" {
				return
			}
			for _, row := range rows { // of a flat channel that goes through; it tells nothing
				for j := range row {
					row[j] = max(row[j], -100)
				}
			}
			model, err := fitLDA(rows, ex.y, ex.train, len(s.classes))
			if err != nil {
				t.Fatal(err)
			}
			right := 0
			for _, i := range ex.test {
				if model.class(rows[i]) == ex.y[i] {
					right++
				}
			}
			if _, chance := chanceRange(len(ex.test), 1/float64(len(s.classes))); right <= chance {
				t.Errorf("%d of %d test examples with a planted effect are right, as by chance: what is bad hides what is good", right, len(ex.test))
			}
		})
	}
}

// spoil applies kind to every example.
func (u *unit) spoil(ex *examples, kind bad) {
	for i := range ex.x {
		x := ex.x[i]
		switch {
		case takesCovariances(u.step):
			spoilCovariance(x[0], kind.what)
		case u.in.Len == 0:
			cols := make([][]float64, len(x[0])) // numbers as channels of one sample
			for j := range cols {
				cols[j] = x[0][j : j+1]
			}
			kind.spoil(cols)
		default:
			if kind.spoil(x); kind.channels > 0 {
				ex.x[i] = x[:kind.channels]
			}
		}
	}
}

// spoilCovariance does to an upper triangle what the kind would do to the last channel of the signals.
func spoilCovariance(row []float64, what string) {
	at := func(i, j int) *float64 {
		return &row[min(i, j)*matrixSize-min(i, j)*(min(i, j)-1)/2+max(i, j)-min(i, j)]
	}
	const last = matrixSize - 1
	switch what {
	case "a flat channel", "a constant channel":
		for i := range matrixSize {
			*at(i, last) = 0
		}
	case "a channel of rounding errors":
		for i := range matrixSize {
			*at(i, last) *= 1e-17
		}
	case "a channel twice":
		for i := range last {
			*at(i, last) = *at(i, 0)
		}
		*at(last, last) = *at(0, 0)
	case "all channels flat":
		clear(row)
	}
}

// remedied checks that an error says what to do. A verb of that kind is what a test can look for.
func remedied(t *testing.T, err error) {
	t.Helper()
	if !slices.ContainsFunc([]string{"leave", "use ", "set ", "record ", "repair", "give ", "put ", "choose ", "lower ", "raise ", "check ", "drop ", "take ", "make ", "must be from "}, func(verb string) bool { return strings.Contains(err.Error(), verb) }) {
		t.Errorf("error is %q, must say what to do", err)
	}
}
