package synth

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestScheduleIsThatOfEEGMMIDB(t *testing.T) {
	rec, truth, _ := simulate(t, silent("C3", "C4"))
	if err := rec.Info.Validate(); err != nil {
		t.Error(err)
	}
	if want := int64(16 * (672 + 656)); rec.Len != want { // 4.2 s and 4.1 s at 160 Hz
		t.Errorf("%d samples, want %d", rec.Len, want)
	}
	if len(rec.Events) != 32 || len(truth.Trials) != 16 {
		t.Fatalf("%d events and %d trials, want 32 and 16", len(rec.Events), len(truth.Trials))
	}
	counts := map[string]int{}
	for i, e := range rec.Events {
		trial := truth.Trials[i/2]
		counts[e.Label]++
		want, at, duration := "T0", int64(i/2*1328), 4.2
		if i%2 == 1 {
			want, at, duration = trial.Label, at+672, 4.1
			if trial.Sample != at || trial.Len != 656 {
				t.Errorf("trial %d: %d samples from %d, want 656 from %d", i/2, trial.Len, trial.Sample, at)
			}
		}
		if e.Label != want || e.Sample != at || e.Duration != duration || math.Abs(e.Onset*160-float64(at)) > 1e-6 {
			t.Errorf("event %d: %+v, want %s at sample %d for %g s", i, e, want, at, duration)
		}
	}
	if counts["T0"] != 16 || counts["T1"] != 8 || counts["T2"] != 8 {
		t.Errorf("events: %v, want 16 T0, 8 T1, 8 T2", counts)
	}
}

func TestClassesAreNamed(t *testing.T) {
	for task, want := range map[Task][2]string{Hands: {"left_fist", "right_fist"}, FistsFeet: {"fists", "feet"}} {
		opt := silent("C3")
		opt.Task = task
		if _, truth, _ := simulate(t, opt); truth.Classes["T1"] != want[0] || truth.Classes["T2"] != want[1] {
			t.Errorf("%s: %v, want %v", task, truth.Classes, want)
		}
	}
}

// TestDesynchronisationIsWhereAndWhenItShouldBe looks at the samples alone: power from 8 to 12 Hz in the last three
// seconds of a cue over that in the three seconds before it.
func TestDesynchronisationIsWhereAndWhenItShouldBe(t *testing.T) {
	for _, tc := range []struct {
		task Task
		lost map[string][]string // cue → electrodes over an area that loses power
	}{
		{Hands, map[string][]string{"T1": {"C4"}, "T2": {"C3"}}},
		{FistsFeet, map[string][]string{"T1": {"C3", "C4"}, "T2": {"Cz"}}},
	} {
		for _, effect := range []float64{0.4, 0.8} {
			type cell struct{ label, electrode string }
			ratios := map[cell][]float64{}
			for run := range uint64(6) {
				opt := silent("C3", "Cz", "C4")
				opt.MuUV, opt.SensorUV, opt.Task, opt.Effect, opt.Subject, opt.Run = 6, 0.1, tc.task, effect, run/2, run
				rec, truth, x := simulate(t, opt)
				for _, trial := range truth.Trials {
					for ch, c := range rec.Info.Channels {
						during := power(x[ch][trial.Sample+176:trial.Sample+656], 8, 12)
						before := power(x[ch][trial.Sample-480:trial.Sample], 8, 12)
						at := cell{trial.Label, c.Name}
						ratios[at] = append(ratios[at], math.Log(during/before))
					}
				}
			}
			for at, r := range ratios {
				want := 0.0
				if slices.Contains(tc.lost[at.label], at.electrode) {
					want = math.Log(1 - effect)
				}
				// The neighbouring sources reach an electrode with a fifth of their amplitude, which adds up to ±0.2.
				mean, variance := moments(r)
				if tolerance := 0.2 + 3*math.Sqrt(variance/float64(len(r))); math.Abs(mean-want) > tolerance {
					t.Errorf("%s, effect %g, %s at %s: log power changes by %.2f, want %.2f ± %.2f", tc.task, effect, at.label, at.electrode, mean, want, tolerance)
				}
			}
		}
	}
}

func TestDesynchronisationTakesAwayExactlyTheShareAsked(t *testing.T) {
	opt := silent("C4")
	opt.MuUV, opt.Effect = 6, 0
	_, rest, _ := simulate(t, opt)
	opt.Effect = 0.7
	_, truth, x := simulate(t, opt)
	mu := slices.IndexFunc(truth.Rhythms, func(r Rhythm) bool { return r.Name == "mu_C4" })
	r, r0 := truth.Rhythms[mu], rest.Rhythms[mu]
	for s := range r.Lost {
		if got, want := r.Activity[s]*r.Activity[s], (1-r.Lost[s])*r0.Activity[s]*r0.Activity[s]; math.Abs(got-want) > 1e-12*want+1e-20 {
			t.Fatalf("sample %d: %g µV², want %g", s, got, want)
		}
		sum := 0.0
		for _, other := range truth.Rhythms {
			sum += other.Topography[0] * other.Activity[s]
		}
		if math.Abs(x[0][s]-sum) > 1e-12 {
			t.Fatalf("sample %d: %g µV, but the rhythms sum to %g", s, x[0][s], sum)
		}
	}
	for _, trial := range truth.Trials {
		for _, tc := range []struct{ after, share float64 }{ // seconds behind the cue, of 4.1 s
			{-0.1, 0}, {0, 0}, {0.5, 0}, {0.75, 0.5}, {1, 1}, {2.5, 1}, {4.1, 1}, {4.6, 0.5}, {5.1, 0}, {6, 0},
		} {
			at := trial.Sample + int64(math.Round(tc.after*160))
			want := 0.7 * tc.share
			if trial.Label == "T2" {
				want = 0 // the right hand is on the other side
			}
			if at < int64(len(r.Lost)) && math.Abs(r.Lost[at]-want) > 1e-12 {
				t.Errorf("%s: %g of the power lost %g s behind the cue, want %g", trial.Label, r.Lost[at], tc.after, want)
			}
		}
	}
}

// lateralisation is the t statistic, over the trials of one run, of log power at C3 over that at C4, T1 against T2.
func lateralisation(t *testing.T, seed uint64, effect float64) float64 {
	opt := Defaults()
	opt.Channels, opt.Effect, opt.Subject, opt.Run = []string{"C3", "C4"}, effect, seed, seed
	_, truth, x := simulate(t, opt)
	by := map[string][]float64{}
	for _, trial := range truth.Trials {
		from, to := trial.Sample+160, trial.Sample+640
		by[trial.Label] = append(by[trial.Label], math.Log(power(x[0][from:to], 8, 12)/power(x[1][from:to], 8, 12)))
	}
	return welchT(by["T1"], by["T2"])
}

func TestWithoutEffectTheClassesAreAlike(t *testing.T) {
	const (
		seeds    = 20
		critical = 2.145 // two-sided 5 % of Student's t with 14 degrees of freedom
		most     = 5     // P(more than 5 of 20 beyond it) = 0.0003
	)
	var null, planted []float64
	var falseAlarms, found int
	for seed := range uint64(seeds) {
		null = append(null, lateralisation(t, seed, 0))
		if math.Abs(null[seed]) > critical {
			falseAlarms++
		}
	}
	for seed := range uint64(8) {
		planted = append(planted, lateralisation(t, seed, 0.8))
		if planted[seed] > critical {
			found++
		}
	}
	mean, variance := moments(null)
	// The standard deviation of t with 14 degrees of freedom is 1.08.
	if limit := 3.3 * 1.08 / math.Sqrt(seeds); math.Abs(mean) > limit || falseAlarms > most {
		t.Errorf("effect 0: mean t is %.2f (want within ±%.2f), %d of %d significant (want at most %d)", mean, limit, falseAlarms, seeds, most)
	}
	if sd := math.Sqrt(variance); sd < 0.65 || sd > 1.6 {
		t.Errorf("effect 0: the standard deviation of t is %.2f, want about 1.08", sd)
	}
	// The power of the test: it must see an effect that is there.
	if mean, _ := moments(planted); found < 6 || mean < critical {
		t.Errorf("effect 0.8: mean t is %.2f, %d of %d significant, want most of them", mean, found, len(planted))
	}
}

func TestWithoutEffectTheTaskIsNotInTheSamples(t *testing.T) {
	opt := Defaults()
	opt.Channels, opt.Effect, opt.TrialsPerClass = []string{"C3", "Cz", "C4", "Fp1", "O1"}, 0, 2
	_, _, a := simulate(t, opt)
	opt.Task = FistsFeet
	if _, _, b := simulate(t, opt); !sameBits(a, b) {
		t.Error("effect 0: the samples depend on the task")
	}
	opt.Effect = 0.5
	if _, _, b := simulate(t, opt); sameBits(a, b) {
		t.Error("effect 0.5: the samples do not depend on it")
	}
}

func ExampleMotorImagery() {
	opt := Defaults()
	opt.Channels = []string{"C3", "Cz", "C4"}
	opt.Subject, opt.Run = 7, 1 // another Run of Subject 7 has the same mixing and other trials
	rec, truth, err := MotorImagery(opt)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%v, %.1f s, %d trials; T1 is %s\n", rec.Info, float64(rec.Len)/rec.Info.Rate, len(truth.Trials), truth.Classes["T1"])
	// Output: 3 channels at 160 Hz (C3, Cz, C4), 132.8 s, 16 trials; T1 is left_fist
}
