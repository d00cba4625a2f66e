package artifact_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/artifact"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/spd"
)

func TestCheckerConformance(t *testing.T) {
	for name, c := range map[string]struct{ use, params string }{
		"amplitude":        {"amplitude", `{}`},
		"amplitude all":    {"amplitude", `{"peak_to_peak_uv": 300, "max_uv": 200, "flat_uv": 0.5, "max_step_uv": 100, "kinds": ["eeg", "eog"]}`},
		"autoreject":       {"autoreject", `{}`},
		"autoreject local": {"autoreject", `{"method": "local", "folds": 10, "max_bad": 0.4}`},
		"potato":           {"potato", `{}`},
		"potato folds":     {"potato", `{"estimator": "oas", "folds": 3}`},
		"potato oas":       {"potato", `{"estimator": "oas", "kinds": ["eeg", "eog"]}`},
	} {
		preprocesstest.RunChecker(t, name, func() preprocess.Checker {
			k, err := preprocess.Checkers().New(c.use, []byte(c.params))
			if err != nil {
				t.Fatal(err)
			}
			return k
		})
	}
}

// noise is the generator of testdata/golden.py.
type noise uint64

func (u *noise) next() float64 {
	*u = *u*6364136223846793005 + 1442695040888963407
	return float64(*u>>11)*0x1p-53 - 0.5
}

func eegInfo(rate float64, names ...string) *signal.Info {
	info := &signal.Info{Rate: rate}
	for _, n := range names {
		info.Channels = append(info.Channels, signal.Channel{Name: n, Original: n, Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return info
}

// goldenWindows makes what windows in testdata/golden.py makes.
func goldenWindows() []signal.Window {
	const chs, n = 5, 50
	u := noise(3)
	var mix [chs][chs]float64
	for c := range mix {
		for k := range mix[c] {
			mix[c][k] = u.next()
		}
	}
	info := eegInfo(100, "E1", "E2", "E3", "E4", "E5")
	ws := make([]signal.Window, 60)
	for w := range ws {
		c := signal.NewChunk(info, int64(w*n), n)
		for t := range n {
			var s [chs]float64
			for k := range s {
				s[k] = u.next()
			}
			for ch := range c.X {
				for k := range s {
					c.X[ch][t] += mix[ch][k] * s[k]
				}
				c.X[ch][t] = 100*c.X[ch][t] + 50*float64(ch)
			}
		}
		if w%7 == 3 {
			floats.Scale(4, c.X[1])
		}
		if w%11 == 5 {
			for _, x := range c.X {
				floats.Scale(5, x)
			}
		}
		ws[w] = signal.Window{Info: info, Start: c.Start, X: c.X}
	}
	return ws
}

type golden struct {
	Programs map[string]string `json:"programs"`
	EOG      struct {
		Coefficients [][]float64 `json:"coefficients"`
		Cleaned      [][]float64 `json:"cleaned"`
	} `json:"eog"`
	AutoReject struct {
		Global          []*float64  `json:"global"`
		GlobalThreshold float64     `json:"global_threshold"`
		Local           [][]float64 `json:"local"`
		LocalThresholds []float64   `json:"local_thresholds"`
	} `json:"autoreject"`
	Potato struct {
		Centre [][]float64 `json:"centre"`
		Z      []float64   `json:"z"`
		Mean   float64     `json:"mean"`
		Std    float64     `json:"std"`
		OASZ   []float64   `json:"oas_z"`
	} `json:"potato"`
}

func close1(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s is %v, must be %v within %g", what, got, want, tol)
	}
}

// compared collects the values of one report.
type compared struct{ got, want []float64 }

func (c *compared) add(got, want float64) { c.got, c.want = append(c.got, got), append(c.want, want) }

func (c *compared) report(t *testing.T, what, peer, data string, tol float64) {
	t.Helper()
	if len(c.want) == 0 {
		t.Errorf("%s: nothing was compared", what)
	}
	paritytest.Within(t, what, peer, data, c.got, c.want, tol)
}

// TestAutoRejectAgainstThePackage compares the loss of every candidate with the package's estimator, and the thresholds
// with those that its search finds, which are not always the best.
func TestAutoRejectAgainstThePackage(t *testing.T) {
	var g golden
	readJSON(t, "testdata/golden.json", &g)
	ws := goldenWindows()
	candidates, losses := artifact.Losses(ws, []int{0, 1, 2, 3, 4}, 5, true)
	if len(losses) != len(g.AutoReject.Global) {
		t.Fatalf("%d candidates, must be %d", len(losses), len(g.AutoReject.Global))
	}
	var global, threshold, perChannel, thresholds compared
	excess, better := 0.0, []string{}
	for i, want := range g.AutoReject.Global {
		if want == nil {
			if !math.IsInf(losses[i], 1) {
				t.Errorf("loss %d is %g, must be infinite", i, losses[i])
			}
			continue
		}
		global.add(losses[i], *want)
		close1(t, "global loss", losses[i], *want, 1e-12)
	}
	at := floats.MinIdx(losses)
	a := &artifact.AutoReject{Method: "global", Folds: 5, Kinds: []signal.Kind{signal.EEG}}
	fit(t, a, ws)
	if a.Thresholds[0] != candidates[at] || a.Thresholds[4] != candidates[at] {
		t.Errorf("thresholds %v, must all be %g", a.Thresholds, candidates[at])
	}
	threshold.add(a.Thresholds[0], g.AutoReject.GlobalThreshold)
	close1(t, "global threshold", a.Thresholds[0], g.AutoReject.GlobalThreshold, 1e-9)

	local := &artifact.AutoReject{Method: "local", Folds: 10, MaxBad: 0.2, Kinds: []signal.Kind{signal.EEG}}
	fit(t, local, ws)
	for ch, want := range g.AutoReject.Local {
		candidates, losses := artifact.Losses(ws, []int{ch}, 10, false)
		for i := range want {
			perChannel.add(losses[i], want[i])
			close1(t, "local loss", losses[i], want[i], 1e-12)
		}
		if local.Thresholds[ch] != candidates[floats.MinIdx(losses)] {
			t.Errorf("threshold %d is %g, must be %g", ch, local.Thresholds[ch], candidates[floats.MinIdx(losses)])
		}
		// The package takes the last of the amplitudes that are not above the one it found.
		theirs := floats.NearestIdx(candidates, g.AutoReject.LocalThresholds[ch])
		// By the package's own losses, want, ours is never worse, and its best candidate is ours.
		ours := floats.NearestIdx(candidates, local.Thresholds[ch])
		excess = max(excess, (want[ours]-want[theirs])/want[theirs])
		thresholds.add(local.Thresholds[ch], candidates[floats.MinIdx(want)])
		if ours != theirs {
			better = append(better, fmt.Sprintf("channel %d: %.6g µV with a loss of %.6g where its search ends at %.6g µV with %.6g", ch+1, candidates[ours], want[ours], candidates[theirs], want[theirs]))
		}
	}
	peer := "autoreject " + g.Programs["autoreject"]
	global.report(t, "autoreject: losses of global thresholds", peer, "generated", 1e-12)
	threshold.report(t, "autoreject: global threshold", peer, "generated", 1e-9)
	perChannel.report(t, "autoreject: losses of the thresholds of channels", peer, "generated", 1e-12)
	thresholds.report(t, "autoreject: thresholds of channels, all candidates tried", peer, "generated", 1e-12)
	paritytest.Error(t, paritytest.Report{
		What: "autoreject: thresholds of channels, how much worse than those of the package's search by its own loss", Peer: peer, Data: "generated", Err: excess, Tol: 1e-12,
		Note: fmt.Sprintf("The package searches by Bayesian optimisation and does not try every candidate; gyrus does. %d of %d thresholds are the same; better by the package's own loss: %s.",
			len(thresholds.got)-len(better), len(thresholds.got), strings.Join(better, "; ")),
	})
}

func fit(t *testing.T, c preprocess.CheckFitter, ws []signal.Window) {
	t.Helper()
	if err := c.Start(ws[0].Info, ws[0].Len()); err != nil {
		t.Fatal(err)
	}
	if err := c.FitWindows(ws); err != nil {
		t.Fatal(err)
	}
}

func TestPotatoAgainstPyRiemann(t *testing.T) {
	var g golden
	readJSON(t, "testdata/golden.json", &g)
	ws := goldenWindows()
	p := &artifact.Potato{Threshold: 2.5, MaxIter: 100, Estimator: spd.SCM, Kinds: []signal.Kind{signal.EEG}}
	fit(t, p, ws)
	var centre, stats, zs, oasZs compared
	for i := range p.Centre {
		for j, want := range g.Potato.Centre[i] {
			centre.add(p.Centre[i][j], want)
			close1(t, "centre", p.Centre[i][j], want, 1e-6)
		}
	}
	stats.add(p.Mean, g.Potato.Mean)
	stats.add(p.Deviation, g.Potato.Std)
	close1(t, "mean", p.Mean, g.Potato.Mean, 1e-6)
	close1(t, "deviation", p.Deviation, g.Potato.Std, 1e-6)
	oas := &artifact.Potato{Threshold: 1.5, MaxIter: 100, Estimator: spd.OAS, Kinds: []signal.Kind{signal.EEG}}
	fit(t, oas, ws)
	rejected := 0
	for i, w := range ws {
		z, err := p.Score(w)
		if err != nil {
			t.Fatal(err)
		}
		zs.add(z, g.Potato.Z[i])
		close1(t, "z", z, g.Potato.Z[i], 1e-6)
		if (p.Check(w) == "") != (g.Potato.Z[i] < 2.5) {
			t.Errorf("window %d: says %q at z = %g", i, p.Check(w), z)
		}
		if p.Check(w) != "" {
			rejected++
		}
		z, err = oas.Score(w)
		if err != nil {
			t.Fatal(err)
		}
		oasZs.add(z, g.Potato.OASZ[i])
		close1(t, "z with OAS", z, g.Potato.OASZ[i], 1e-6)
	}
	if rejected == 0 || rejected > 20 {
		t.Errorf("%d of %d windows are rejected", rejected, len(ws))
	}
	peer := "pyRiemann " + g.Programs["pyriemann"]
	centre.report(t, "Riemannian potato: centre", peer, "generated", 1e-6)
	stats.report(t, "Riemannian potato: mean and deviation of the distances", peer, "generated", 1e-6)
	zs.report(t, "Riemannian potato: z of the windows", peer, "generated", 1e-6)
	oasZs.report(t, "Riemannian potato, OAS: z of the windows", peer, "generated", 1e-6)
}

func TestAmplitudeSaysWhy(t *testing.T) {
	info := preprocesstest.Info()
	a := &artifact.Amplitude{PeakToPeak: 150, Max: 100, Flat: 1, MaxStep: 60, Kinds: []signal.Kind{signal.EEG}}
	if err := a.Start(info, 100); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(x [][]float64){
		"": func([][]float64) {},
		"151 µV peak to peak in C3, at most 150": func(x [][]float64) { x[2][10], x[2][50] = 75, -76 },
		"-Inf in Fp1 at sample 99":               func(x [][]float64) { x[0][99] = math.Inf(-1) },
		"NaN in Fp1 at sample 0":                 func(x [][]float64) { x[0][0] = math.NaN() },
		"101 µV in O2, at most 100": func(x [][]float64) {
			for t := range x[5] {
				x[5][t] -= 86
			}
		},
		"0 µV peak to peak in F3, at least 1: flat": func(x [][]float64) { clear(x[1]) },
		"a step of 65 µV in C4, at most 60":         func(x [][]float64) { x[3][20], x[3][21], x[3][22] = 40, -25, -10 },
	} {
		w := signal.Window{Info: info, X: signal.NewChunk(info, 0, 100).X}
		for ch, x := range w.X {
			for t := range x {
				x[t] = 15 * math.Sin(float64(t)*math.Pi/2)
				if ch >= 6 { // not looked at
					x[t] = 1e9
				}
			}
		}
		change(w.X)
		if got := a.Check(w); !strings.HasPrefix(got, want) || (want == "") != (got == "") {
			t.Errorf("says %q, must say %q", got, want)
		}
	}
}

func TestCheckerErrors(t *testing.T) {
	info := preprocesstest.Info()
	eeg := []signal.Kind{signal.EEG}
	for want, c := range map[string]preprocess.Checker{
		"amplitude: all limits are 0":                       &artifact.Amplitude{Kinds: eeg},
		"amplitude: max_uv is NaN, must be at least 0":      &artifact.Amplitude{Max: math.NaN(), Kinds: eeg},
		"amplitude: flat_uv is 9, must be at most":          &artifact.Amplitude{PeakToPeak: 5, Flat: 9, Kinds: eeg},
		"amplitude: kinds is empty":                         &artifact.Amplitude{PeakToPeak: 5},
		`kinds: unknown kind "egg": did you mean "eeg"?`:    &artifact.Amplitude{PeakToPeak: 5, Kinds: []signal.Kind{"egg"}},
		"none of the 8 channels is of the kinds [ecog]":     &artifact.Amplitude{PeakToPeak: 5, Kinds: []signal.Kind{signal.ECoG}},
		`autoreject: method: unknown method "globl"`:        &artifact.AutoReject{Method: "globl", Folds: 2, Kinds: eeg},
		"autoreject: folds is 1, must be at least 2":        &artifact.AutoReject{Method: "local", Folds: 1, Kinds: eeg},
		"autoreject: max_bad is 1, must be":                 &artifact.AutoReject{Method: "local", Folds: 2, MaxBad: 1, Kinds: eeg},
		"potato: threshold is 0, must be above 0":           &artifact.Potato{MaxIter: 1, Estimator: spd.SCM, Kinds: eeg},
		"potato: max_iter is 0":                             &artifact.Potato{Threshold: 1, Estimator: spd.SCM, Kinds: eeg},
		"potato: folds is 1, must be 0 or at least 2":       &artifact.Potato{Threshold: 1, MaxIter: 1, Folds: 1, Estimator: spd.OAS, Kinds: eeg},
		`potato: estimator: estimator is "x"`:               &artifact.Potato{Threshold: 1, MaxIter: 1, Estimator: "x", Kinds: eeg},
		"windows of 5 samples have no covariance of full r": &artifact.Potato{Threshold: 1, MaxIter: 1, Estimator: spd.SCM, Kinds: eeg},
	} {
		if err := c.Start(info, 5); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, must contain %q", err, want)
		}
	}
}

// With folds, mean and deviation are those of windows to a centre that they are not in. The definition: one potato for each
// fold, fitted to the other windows.
func TestPotatoFolds(t *testing.T) {
	const folds = 4
	ws := goldenWindows()
	make1 := func(folds int, ws []signal.Window) *artifact.Potato {
		p := &artifact.Potato{Threshold: 1e6, MaxIter: 100, Estimator: spd.OAS, Kinds: []signal.Kind{signal.EEG}, Folds: folds}
		fit(t, p, ws)
		return p
	}
	var logs []float64
	for k := range folds {
		from, to := k*len(ws)/folds, (k+1)*len(ws)/folds
		p := make1(0, slices.Concat(ws[:from], ws[to:]))
		for _, w := range ws[from:to] {
			z, err := p.Score(w)
			if err != nil {
				t.Fatal(err)
			}
			logs = append(logs, z*p.Deviation+p.Mean)
		}
	}
	mean, deviation := stat.PopMeanStdDev(logs, nil)
	got, plain := make1(folds, ws), make1(0, ws)
	close1(t, "mean", got.Mean, mean, 1e-12)
	close1(t, "deviation", got.Deviation, deviation, 1e-12)
	if !(got.Mean > plain.Mean) {
		t.Errorf("windows lie %g from a centre that they are not in and %g from one that they are in", got.Mean, plain.Mean)
	}
	for c, row := range plain.Centre {
		for k, v := range row {
			close1(t, "centre", got.Centre[c][k], v, 1e-12)
		}
	}

	few := &artifact.Potato{Threshold: 3, MaxIter: 100, Estimator: spd.OAS, Kinds: []signal.Kind{signal.EEG}, Folds: 21}
	if err := few.Start(ws[0].Info, ws[0].Len()); err != nil {
		t.Fatal(err)
	}
	if err := few.FitWindows(ws); err == nil || !strings.Contains(err.Error(), "training windows for 21 folds, must be at least 3 each") {
		t.Errorf("too many folds: %v", err)
	}
}

// A flat channel makes the covariance singular: the potato says what to do, and a shrinking estimator does it.
func TestPotatoOfSingularWindows(t *testing.T) {
	ws := goldenWindows()
	for _, w := range ws {
		clear(w.X[2])
	}
	p := &artifact.Potato{Threshold: 2.5, MaxIter: 100, Estimator: spd.SCM, Kinds: []signal.Kind{signal.EEG}}
	if err := p.Start(ws[0].Info, ws[0].Len()); err != nil {
		t.Fatal(err)
	}
	if err := p.FitWindows(ws); err == nil || !strings.Contains(err.Error(), "0 of 60 training windows can be used") {
		t.Errorf("singular covariances: %v", err)
	}
	p.Estimator = spd.OAS
	fit(t, p, ws)
	if says := p.Check(ws[0]); says != "" {
		t.Errorf("with OAS: %s", says)
	}
}
