package synth

import (
	"math"
	"slices"
	"strings"
	"testing"
)

func TestNoiseIsTheMixingOfItsSources(t *testing.T) {
	// Over many samples the covariance is M·M' and the covariance with a sample later M·diag(phi)·M'.
	opt := NoiseDefaults()
	opt.Subject, opt.TrialsPerClass, opt.Channels = 2, 40, EEGMMIDB()[:10]
	chs := len(opt.Channels)
	now, later := square(chs), square(chs)
	var phi []float64
	var mixing [][]float64
	total := 0.0
	for run := range uint64(3) {
		opt.Run = run
		rec, truth, err := Noise(opt)
		if err != nil {
			t.Fatal(err)
		}
		if mixing != nil && !slices.EqualFunc(mixing, truth.Mixing, slices.Equal) {
			t.Error("runs of one subject have different mixings")
		}
		phi, mixing = truth.Phi, truth.Mixing
		x := samples(t, rec)
		total += float64(rec.Len)
		for a := range chs {
			for b := range chs {
				for s := 1; s < len(x[a]); s++ {
					now[a][b] += x[a][s] * x[b][s]
					later[a][b] += x[a][s] * x[b][s-1]
				}
			}
		}
	}
	if phi[0] != 0.2 || math.Abs(phi[chs-1]-0.95) > 1e-15 {
		t.Errorf("phi goes from %g to %g, want 0.2 to 0.95", phi[0], phi[chs-1])
	}
	var dNow, dLater, size float64
	for a := range chs {
		for b := range chs {
			var m, mp float64
			for k, p := range phi {
				m += mixing[a][k] * mixing[b][k]
				mp += mixing[a][k] * p * mixing[b][k]
			}
			d := now[a][b]/total - m
			dNow += d * d
			d = later[a][b]/total - mp
			dLater += d * d
			size += m * m
		}
	}
	if r, l := math.Sqrt(dNow/size), math.Sqrt(dLater/size); r > 0.03 || l > 0.03 { // 300000 samples
		t.Errorf("the covariances differ from the mixing's by %.3f and %.3f of their size, want at most 0.03", r, l)
	}
}

func square(n int) [][]float64 {
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
	}
	return m
}

func TestNoiseKnowsNothingOfItsLabels(t *testing.T) {
	opt := NoiseDefaults()
	opt.TrialsPerClass = 6
	rec, truth, err := Noise(opt)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.Info.Validate(); err != nil {
		t.Error(err)
	}
	opt.Classes, opt.TrialsPerClass = []string{"a", "b", "c", "d"}, 3 // as many trials
	rec4, truth4, err := Noise(opt)
	if err != nil {
		t.Fatal(err)
	}
	if !sameBits(samples(t, rec), samples(t, rec4)) {
		t.Error("the samples depend on the labels")
	}
	counts := map[string]int{}
	for i, trial := range truth4.Trials {
		counts[trial.Label]++
		if trial.Sample != truth.Trials[i].Sample {
			t.Errorf("trial %d lies at sample %d or %d", i, trial.Sample, truth.Trials[i].Sample)
		}
		if e := rec4.Events[2*i+1]; e.Label != trial.Label || e.Sample != trial.Sample {
			t.Errorf("event %+v, trial %+v", e, trial)
		}
	}
	if counts["a"] != 3 || counts["b"] != 3 || counts["c"] != 3 || counts["d"] != 3 {
		t.Errorf("labels %v, want 3 of each", counts)
	}
	opt.Run++
	_, other, err := Noise(opt)
	if err != nil {
		t.Fatal(err)
	}
	if slices.Equal(other.Trials, truth4.Trials) {
		t.Error("two runs have the same order of labels")
	}
}

func TestOrderIsFair(t *testing.T) {
	// Over many runs every position has each label equally often, and the label before says nothing.
	const runs = 400
	opt := NoiseDefaults()
	opt.Channels, opt.TrialsPerClass, opt.RestS, opt.CueS = []string{"Cz"}, 4, 1, 1
	first := make([]int, 8)
	same := 0
	for run := range uint64(runs) {
		opt.Run = run
		_, truth, err := Noise(opt)
		if err != nil {
			t.Fatal(err)
		}
		for i, trial := range truth.Trials {
			if trial.Label == "T1" {
				first[i]++
			}
			if i > 0 && trial.Label == truth.Trials[i-1].Label {
				same++
			}
		}
	}
	for i, n := range first {
		if math.Abs(float64(n)-runs/2) > 4*math.Sqrt(runs)/2 {
			t.Errorf("trial %d is T1 in %d of %d runs", i, n, runs)
		}
	}
	// Of the 7 trials left, 3 are like the one before.
	if want := runs * 7 * 3.0 / 7; math.Abs(float64(same)-want) > 4*math.Sqrt(runs*7)/2 {
		t.Errorf("%d labels are like the one before, want about %g", same, want)
	}
}

func TestNoiseOptionsOutOfRange(t *testing.T) {
	for _, tc := range []struct {
		set  func(*NoiseOptions)
		want string
	}{
		{func(o *NoiseOptions) { o.Classes = []string{"T1"} }, `synth: classes are ["T1"], must be at least two`},
		{func(o *NoiseOptions) { o.Classes = []string{"T1", "T0"} }, `synth: classes: "T0" is the label of the rests, choose another`},
		{func(o *NoiseOptions) { o.Classes = []string{"T1", "T1"} }, `synth: classes: "T1" is there twice, names must differ`},
		{func(o *NoiseOptions) { o.Classes = []string{"T1", ""} }, "synth: class 1 has no name"},
		{func(o *NoiseOptions) { o.AmplitudeUV = 0 }, "synth: amplitude_uv is 0, must be between 1e-06 and 1e+06"},
		{func(o *NoiseOptions) { o.Rate = 0 }, "synth: rate_hz is 0, must be between 64 and 10000"},
	} {
		opt := NoiseDefaults()
		tc.set(&opt)
		if rec, _, err := Noise(opt); err == nil || !strings.Contains(err.Error(), tc.want) || rec != nil {
			t.Errorf("got %v, want %q", err, tc.want)
		}
	}
}
