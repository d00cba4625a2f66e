package ica

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"gonum.org/v1/gonum/mat"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
)

type golden struct {
	Channels   int         `json:"channels"`
	Samples    int         `json:"samples"`
	Seed       uint64      `json:"seed"`
	K          [][]float64 `json:"k"`
	Init       [][]float64 `json:"init"`
	Orthogonal [][]float64 `json:"orthogonal"`
	Results    []struct {
		Name       string      `json:"name"`
		W          [][]float64 `json:"w"`
		Iterations int         `json:"iterations"`
		Tol        float64     `json:"tol"`
		Ortho      bool        `json:"ortho"`
		Passes     int         `json:"passes"`
		Rate       float64     `json:"rate"`
		Started    bool        `json:"started"`
	} `json:"results"`
}

// lcg is the generator of ica.py.
type lcg uint64

func (g *lcg) next() float64 {
	*g = *g*6364136223846793005 + 1442695040888963407
	return float64(*g>>11) / (1 << 53)
}

// mixed makes what signals in ica.py makes.
func mixed(channels, samples int, seed uint64) [][]float64 {
	g := lcg(seed)
	mix, x := make([][]float64, channels), make([][]float64, channels)
	for i := range mix {
		mix[i], x[i] = make([]float64, channels), make([]float64, samples)
		for j := range mix[i] {
			mix[i][j] = g.next() - 0.5
		}
	}
	s := make([]float64, channels)
	for t := range samples {
		for i := range s {
			v := g.next() - 0.5
			if s[i] = v; i%3 != 1 {
				s[i] = v * v * v * 20
			}
		}
		for i := range x {
			for j, v := range s {
				x[i][t] += 20 * mix[i][j] * v
			}
			x[i][t] += 100 * float64(i)
		}
	}
	return x
}

func dense(rows [][]float64) *mat.Dense {
	m := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, r := range rows {
		m.SetRow(i, r)
	}
	return m
}

// apart is the largest difference of two matrices over the largest entry.
func apart(a *mat.Dense, want [][]float64) float64 {
	diff, size := 0.0, 0.0
	for i, row := range want {
		for j, v := range row {
			diff, size = max(diff, math.Abs(a.At(i, j)-v)), max(size, math.Abs(v))
		}
	}
	return diff / size
}

// apartUpToOrder is apart, where every row of a stands for the row of want nearest in direction, with either sign. It is
// infinite where two stand for one.
func apartUpToOrder(a *mat.Dense, want [][]float64) float64 {
	ordered := mat.NewDense(len(want), len(want), nil)
	taken := make([]bool, len(want))
	for i := range want {
		at, best := 0, 0.0
		row := a.RowView(i)
		for k, w := range want {
			v := mat.NewVecDense(len(w), w)
			if c := mat.Dot(row, v) / (mat.Norm(row, 2) * mat.Norm(v, 2)); math.Abs(c) > math.Abs(best) {
				at, best = k, c
			}
		}
		if taken[at] {
			return math.Inf(1)
		}
		taken[at] = true
		for j := range want {
			ordered.Set(at, j, math.Copysign(1, best)*a.At(i, j))
		}
	}
	return apart(ordered, want)
}

// read returns the cases and the versions by program.
func read(t *testing.T) ([]golden, map[string]string) {
	t.Helper()
	raw, err := os.ReadFile("testdata/ica.json")
	if err != nil {
		t.Fatal(err)
	}
	var g struct {
		Programs string   `json:"programs"`
		Cases    []golden `json:"cases"`
	}
	if err := json.Unmarshal(raw, &g); err != nil {
		t.Fatal(err)
	}
	if len(g.Cases) != 2 {
		t.Fatalf("%d cases", len(g.Cases))
	}
	versions := map[string]string{}
	for _, p := range strings.Split(g.Programs, ", ") {
		name, version, _ := strings.Cut(p, " ")
		versions[name] = version
	}
	return g.Cases, versions
}

// TestAgainstPeers: from the same start every algorithm takes the steps of the program it is named after, as many of
// them, and ends in the same matrix, order and signs included: to 1e-9 of its size, Picard to 1e-8 in its first steps and
// 1e-7 at the end. Infomax by steps over all samples, which goes on to the maximum, gets there from another start too.
func TestAgainstPeers(t *testing.T) {
	cases, versions := read(t)
	worst, limit := map[string]float64{}, map[string]float64{} // by what is reported
	note := func(what string, d, tolerance float64) {
		worst[what], limit[what] = max(worst[what], d), tolerance
	}
	for i, g := range cases {
		run := both
		if i > 0 { // one case is enough for the slow ways
			run = func(t *testing.T, f func(t *testing.T)) {
				t.Helper()
				f(t)
			}
		}
		x := mixed(g.Channels, g.Samples, g.Seed)
		cut := [][][]float64{make([][]float64, g.Channels), make([][]float64, g.Channels)} // two runs are as good as one
		for ch := range x {
			cut[0][ch], cut[1][ch] = x[ch][:777], x[ch][777:]
		}
		run(t, func(t *testing.T) {
			white, err := Whiten(cut, 0)
			if err != nil {
				t.Fatal(err)
			}
			d := apart(white.K, g.K)
			if note("whitening", d, 1e-9); d > 1e-9 {
				t.Errorf("K differs from NumPy's by %g of its size", d)
			}
			for _, want := range g.Results {
				var got Result
				tolerance := 1e-9
				switch want.Name {
				case "fastica":
					got, err = white.FastICA(FastICAOptions{Init: dense(g.Init), MaxIter: 500, Tol: want.Tol})
				case "picard":
					got, err = white.Picard(PicardOptions{Init: dense(g.Orthogonal), MaxIter: want.Passes, Tol: want.Tol, Ortho: want.Ortho})
				case "infomax":
					uniform := lcg(99)
					opt := InfomaxOptions{MaxIter: want.Passes, Tol: 1e-12, Rate: want.Rate, Uniform: uniform.next}
					if want.Started {
						opt.Init = dense(g.Init)
					}
					got, err = white.Infomax(opt)
				case "infomax to the end":
					uniform := lcg(99)
					got, err = white.Infomax(InfomaxOptions{
						Init: dense(g.Orthogonal), MaxIter: want.Passes, Tol: want.Tol, Rate: want.Rate, Block: g.Samples, SmallAngles: -1, Uniform: uniform.next,
					})
				}
				if err != nil {
					t.Fatalf("%s: %v", want.Name, err)
				}
				sameSteps, what := true, want.Name
				if want.Name == "picard" { // whose count begins at 0
					sameSteps, tolerance, what = false, 1e-8, "picard, first steps"
					if want.Tol > 0 {
						// Near the end, the line search compares costs that differ by rounding alone: paths part, and meet in the end.
						tolerance, what = 1e-7, "picard, converged"
					}
				}
				d := apart(got.W, want.W)
				if want.Name == "infomax to the end" { // from another start: the same maximum, in any order
					sameSteps, tolerance = false, 1e-6
					d = apartUpToOrder(got.W, want.W)
				}
				if note(what, d, tolerance); !(d <= tolerance) || sameSteps && got.Iterations != want.Iterations {
					t.Errorf("%d channels, %s (tol %g, ortho %t, %d passes): differs by %.2g of the size, %v; the peer took %d iterations",
						g.Channels, want.Name, want.Tol, want.Ortho, want.Passes, d, got, want.Iterations)
				}
				if want.Tol > 0 && !got.Converged {
					t.Errorf("%s: %v", want.Name, got)
				}
			}
		})
	}
	for what, peer := range map[string]string{
		"whitening": "NumPy svd", "fastica": "scikit-learn", "infomax": "mne", "infomax to the end": "mne",
		"picard, first steps": "python-picard", "picard, converged": "python-picard",
	} {
		if limit[what] == 0 {
			t.Errorf("%s: nothing was compared", what)
		}
		peer = strings.TrimSpace(strings.Replace(peer+" "+versions[peer], "mne", "MNE", 1))
		paritytest.Error(t, paritytest.Report{What: "ICA from the same start, " + what, Peer: peer, Data: "generated", Err: worst[what], Tol: limit[what]})
	}
}

// TestSeparates: the sources come back, whatever the algorithm, from random starts.
func TestSeparates(t *testing.T) {
	const channels, samples, seed = 6, 6000, 5
	x := mixed(channels, samples, seed)
	g := lcg(seed)
	mix := make([][]float64, channels)
	for i := range mix {
		mix[i] = make([]float64, channels)
		for j := range mix[i] {
			mix[i][j] = g.next() - 0.5
		}
	}
	white, err := Whiten([][][]float64{x}, 0)
	if err != nil {
		t.Fatal(err)
	}
	start := lcg(3)
	init, err := Start(channels, func() float64 { return start.next() - 0.5 })
	if err != nil {
		t.Fatal(err)
	}
	uniform := lcg(4)
	for name, run := range map[string]func() (Result, error){
		"fastica": func() (Result, error) { return white.FastICA(FastICAOptions{Init: init, MaxIter: 200, Tol: 1e-8}) },
		"infomax": func() (Result, error) {
			return white.Infomax(InfomaxOptions{MaxIter: 200, Tol: 1e-4, Uniform: uniform.next})
		},
		"picard": func() (Result, error) { return white.Picard(PicardOptions{Init: init, MaxIter: 200, Tol: 1e-7}) },
		"picard_o": func() (Result, error) {
			return white.Picard(PicardOptions{Init: init, MaxIter: 200, Tol: 1e-7, Ortho: true})
		},
	} {
		res, err := run()
		if err != nil || !res.Converged {
			t.Errorf("%s: %v, %v", name, res, err)
			continue
		}
		var p mat.Dense
		p.Product(res.W, white.K, dense(mix))
		if d := amari(&p); d > 0.04 { // what 6000 samples leave: about 1/sqrt(samples) in each entry, more where infomax stops
			t.Errorf("%s: Amari distance %.3g from the true mixture, want at most 0.04", name, d)
		}
	}
}

// amari is 0 for a permutation with signs and scales, and at most 1 (Amari, Cichocki & Yang 1996).
func amari(p *mat.Dense) float64 {
	n, _ := p.Dims()
	sum := 0.0
	for i := range n {
		rows, cols, rowMax, colMax := 0.0, 0.0, 0.0, 0.0
		for j := range n {
			r, c := math.Abs(p.At(i, j)), math.Abs(p.At(j, i))
			rows, cols, rowMax, colMax = rows+r, cols+c, max(rowMax, r), max(colMax, c)
		}
		sum += rows/rowMax + cols/colMax - 2
	}
	return sum / float64(2*n*(n-1))
}

func TestWhiten(t *testing.T) {
	x := mixed(5, 1000, 1)
	for i := range x[0] { // the last is the mean of the others
		x[4][i] = (x[0][i] + x[1][i] + x[2][i] + x[3][i]) / 4
	}
	w, err := Whiten([][][]float64{x}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if w.Components() != 4 || w.Len() != 1000 {
		t.Fatalf("%d components of %d samples, want 4 of 1000", w.Components(), w.Len())
	}
	sum := 0.0
	for i, e := range w.Explained {
		if sum += e; i > 0 && e > w.Explained[i-1] {
			t.Errorf("component %d explains more than the one before", i)
		}
	}
	if math.Abs(sum-1) > 1e-12 {
		t.Errorf("all components explain %g of the variance", sum)
	}
	z := make([][]float64, 4)
	for i := range z { // what is stored is K·(x − mean), white
		z[i] = make([]float64, 1000)
		for s := range z[i] {
			for ch := range x {
				z[i][s] += w.K.At(i, ch) * (x[ch][s] - w.Mean[ch])
			}
			if got := w.x[s*w.stride+i]; math.Abs(got-z[i][s]) > 1e-9 {
				t.Fatalf("component %d sample %d is %g, want %g", i, s, got, z[i][s])
			}
		}
		for j := range i + 1 {
			dot, want := 0.0, 0.0
			for s := range z[i] {
				dot += z[i][s] * z[j][s] / 1000
			}
			if i == j {
				want = 1
			}
			if math.Abs(dot-want) > 1e-9 {
				t.Errorf("covariance of %d and %d is %g, want %g", i, j, dot, want)
			}
		}
	}
	part, err := Whiten([][][]float64{x}, w.Explained[0]+w.Explained[1]-1e-9)
	if err != nil || part.Components() != 2 {
		t.Errorf("%v components for the variance of two, %v", part, err)
	}
	two, err := Whiten([][][]float64{x}, 2)
	if err != nil || two.Components() != 2 || apart(two.K, [][]float64{w.K.RawRowView(0), w.K.RawRowView(1)}) > 1e-12 {
		t.Errorf("two components are not the first two, %v", err)
	}
}

func TestErrors(t *testing.T) {
	x := mixed(3, 100, 1)
	bad := mixed(3, 100, 1)
	bad[1][50] = math.NaN()
	flat := [][]float64{make([]float64, 100), make([]float64, 100)}
	for _, tc := range []struct {
		x          [][]float64
		components float64
		want       string
	}{
		{x, 4, "components is 4, but the channels have rank 3"},
		{x, 1.5, "components is 1.5, must be a whole number"},
		{x, -1, "components is -1, must be"},
		{x, math.NaN(), "components is NaN, must be"},
		{bad, 0, "channel 1 has a sample that is not finite"},
		{flat, 0, "must have a rank of at least 1"},
		{[][]float64{{1, 2}, {3, 4}}, 0, "2 samples of 2 channels, must be more samples than channels"},
		{nil, 0, "0 samples of 0 channels"},
	} {
		if _, err := Whiten([][][]float64{tc.x}, tc.components); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("error is %v, must contain %q", err, tc.want)
		}
	}
	w, err := Whiten([][][]float64{x}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.FastICA(FastICAOptions{Init: mat.NewDense(3, 3, nil), MaxIter: 1}); err == nil || !strings.Contains(err.Error(), "singular") {
		t.Errorf("a start of zeros gives the error %v", err)
	}
	if res, err := w.FastICA(FastICAOptions{Init: eye(3), MaxIter: 1, Tol: 1e-15}); err != nil || res.Converged || res.Iterations != 1 {
		t.Errorf("one iteration gives %v, %v", res, err)
	}
	zero := lcg(1)
	if _, err := w.Infomax(InfomaxOptions{MaxIter: 3, Rate: math.NaN(), Uniform: zero.next}); err == nil || !strings.Contains(err.Error(), "beyond all bounds") {
		t.Errorf("a learning rate of NaN gives the error %v", err)
	}
}

// benchmarkData is 64 components of 96,000 samples: 10 minutes at 160 Hz.
func benchmarkData(b *testing.B) ([][]float64, *mat.Dense) {
	b.Helper()
	x := mixed(64, 96000, 1)
	g := lcg(2)
	init, err := Start(64, func() float64 { return g.next() - 0.5 })
	if err != nil {
		b.Fatal(err)
	}
	return x, init
}

// BenchmarkFastICA is what benchmarks/speed compares: whitening and FastICA, as sklearn.decomposition.fastica does both.
func BenchmarkFastICA(b *testing.B) {
	x, init := benchmarkData(b)
	for b.Loop() {
		w, err := Whiten([][][]float64{x}, 0)
		if err != nil {
			b.Fatal(err)
		}
		res, err := w.FastICA(FastICAOptions{Init: init, MaxIter: 200, Tol: 1e-4})
		if err != nil || !res.Converged {
			b.Fatal(res, err)
		}
		b.ReportMetric(float64(res.Iterations), "iterations")
	}
}

func BenchmarkPicard(b *testing.B) {
	if testing.Short() {
		b.Skip("takes half a minute")
	}
	x, init := benchmarkData(b)
	w, err := Whiten([][][]float64{x}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		res, err := w.Picard(PicardOptions{Init: init, MaxIter: 200, Tol: 1e-5})
		if err != nil || !res.Converged {
			b.Fatal(res, err)
		}
		b.ReportMetric(float64(res.Iterations), "iterations")
	}
}

func BenchmarkInfomax(b *testing.B) { // ten passes
	if testing.Short() {
		b.Skip("takes half a minute")
	}
	x, _ := benchmarkData(b)
	w, err := Whiten([][][]float64{x}, 0)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		g := lcg(3)
		if _, err := w.Infomax(InfomaxOptions{MaxIter: 10, Tol: 1e-12, Uniform: g.next}); err != nil {
			b.Fatal(err)
		}
	}
}
