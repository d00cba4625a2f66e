package synth

import (
	"fmt"
	"math"
	"slices"
	"testing"
)

func TestBackgroundFollowsThePowerLaw(t *testing.T) {
	for _, exponent := range []float64{0.5, 1.2, 1.7} {
		for _, rate := range []float64{160, 250} {
			opt := silent("Fz", "C3", "Pz", "T8", "Oz", "AF3")
			opt.BackgroundUV, opt.Exponent, opt.Rate, opt.TrialsPerClass = 10, exponent, rate, 6
			_, _, x := simulate(t, opt)
			// Mean over segments of 4 s and channels of the power at 2 to 30 Hz, without the bins between.
			n := int(4 * rate)
			var f, p []float64
			for k := 8; k <= 120; k += 7 {
				sum := 0.0
				for _, row := range x {
					for at := 0; at+n <= len(row); at += n {
						sum += bin(row[at:at+n], k)
					}
				}
				f, p = append(f, float64(k)/4), append(p, sum)
			}
			// The sources' own exponents lie 0.2 to either side: their sum is a little flatter at high frequencies.
			if got := -slope(f, p); math.Abs(got-exponent) > 0.15 {
				t.Errorf("exponent %g at %g Hz: the power falls like 1/f^%.2f", exponent, rate, got)
			}
		}
	}
}

func TestBackgroundHasTheAmplitudeAsked(t *testing.T) {
	opt := silent(Electrodes()...)
	opt.BackgroundUV, opt.TrialsPerClass = 10, 4
	var square, gains float64
	for run := range uint64(2) {
		opt.Run = run
		_, truth, x := simulate(t, opt)
		for ch, row := range x {
			square += rms(row) * rms(row) / float64(len(x)) / 2
			for _, g := range truth.Background {
				gains += g[ch] * g[ch] / float64(len(x)) / 2
			}
		}
	}
	if math.Abs(gains-100) > 1e-9 {
		t.Errorf("the mixing makes %g µV², want 100", gains)
	}
	if square < 85 || square > 115 { // the slowest parts of 2 runs of 66 s: a few per cent
		t.Errorf("the samples have %g µV², want about 100", square)
	}
}

func TestNeighboursAreAlike(t *testing.T) {
	opt := silent("C3", "C1", "CP3", "O2")
	opt.BackgroundUV, opt.TrialsPerClass = 10, 1
	_, truth, _ := simulate(t, opt)
	correlation := func(a, b int) float64 {
		var ab, aa, bb float64
		for _, g := range truth.Background {
			ab, aa, bb = ab+g[a]*g[b], aa+g[a]*g[a], bb+g[b]*g[b]
		}
		return ab / math.Sqrt(aa*bb)
	}
	if near, far := min(correlation(0, 1), correlation(0, 2)), correlation(0, 3); near < 0.7 || math.Abs(far) > 0.6 {
		t.Errorf("C3 correlates with its neighbours by %.2f and with O2 by %.2f, want above 0.7 and below 0.6", near, far)
	}
}

func TestRhythmsPeakWhereTheyShould(t *testing.T) {
	opt := silent(EEGMMIDB()...)
	opt.AlphaUV, opt.MuUV, opt.Effect = 8, 6, 0
	rec, truth, x := simulate(t, opt)
	if len(truth.Rhythms) != 5 {
		t.Fatalf("%d rhythms, want 5", len(truth.Rhythms))
	}
	for _, r := range truth.Rhythms {
		above := r.Name[len(r.Name)-2:]
		if got := r.Topography[rec.Info.Index(above)]; math.Abs(got-1) > 1e-12 {
			t.Errorf("%s: %g at %s, want 1", r.Name, got, above)
		}
		far := "Fpz"
		if r.Name[:2] == "mu" {
			far = "Oz"
		}
		if got := math.Abs(r.Topography[rec.Info.Index(far)]); got > 0.3 {
			t.Errorf("%s: %g at %s, want little", r.Name, got, far)
		}
		want := 8.0
		if r.Name[:2] == "mu" {
			want = 6 * math.Sqrt(1+0.4*0.4) // with the harmonic
		}
		if got := rms(r.Activity); math.Abs(got/want-1) > 0.2 { // about 130 s · 2 Hz independent values
			t.Errorf("%s: %g µV RMS, want about %g", r.Name, got, want)
		}
	}
	for _, r := range truth.Rhythms {
		above := row(rec, x, r.Name[len(r.Name)-2:])[:4800]
		for harmonic := 1.0; harmonic <= 2; harmonic++ {
			if r.Name[:2] != "mu" && harmonic == 2 {
				break // alpha has none
			}
			f := harmonic * r.FreqHz
			if in, out := power(above, f-1.5, f+1.5), power(above, f+5, f+8); in < 3*out { // the harmonic's line is twice as wide
				t.Errorf("%s: %g µV² around %.1f Hz, %g beside it, want a peak", r.Name, in, f, out)
			}
		}
	}
}

func TestBlinksPeakAtTheirTimes(t *testing.T) {
	opt := silent("Fp1", "Fp2", "Cz", "Oz")
	opt.BackgroundUV, opt.BlinkUV, opt.TrialsPerClass = 10, 120, 20
	_, truth, x := simulate(t, opt)
	opt.BlinkUV = 0
	_, none, still := simulate(t, opt)
	if len(none.Blinks) != 0 {
		t.Errorf("%d blinks of 0 µV", len(none.Blinks))
	}
	minutes := float64(len(x[0])) / 160 / 60
	if want := 12 * minutes; math.Abs(float64(len(truth.Blinks))-want) > 3*math.Sqrt(want) {
		t.Errorf("%d blinks in %.1f min, want about %.0f", len(truth.Blinks), minutes, want)
	}
	pulse := make([]float64, len(x[0])) // mean of Fp1 and Fp2, without the background
	for s := range pulse {
		pulse[s] = (x[0][s] + x[1][s] - still[0][s] - still[1][s]) / 2
	}
	for i, b := range truth.Blinks {
		if b.HeightUV < 96 || b.HeightUV > 144 {
			t.Errorf("blink %d is %g µV high, want 96 to 144", i, b.HeightUV)
		}
		if math.Abs(pulse[b.Sample]-b.HeightUV) > 1e-9 {
			t.Errorf("blink %d at sample %d: %g µV, want %g", i, b.Sample, pulse[b.Sample], b.HeightUV)
		}
		around := pulse[max(b.Sample-32, 0):min(b.Sample+33, int64(len(pulse)))]
		if slices.Max(around) > pulse[b.Sample]+1e-9 {
			t.Errorf("blink %d: higher beside sample %d than there", i, b.Sample)
		}
		if i > 0 && b.Sample-truth.Blinks[i-1].Sample < 128 {
			t.Errorf("blinks %d and %d lie %d samples apart, want at least 128", i-1, i, b.Sample-truth.Blinks[i-1].Sample)
		}
		// In the recording itself, over a background of about 15 µV.
		if got := (x[0][b.Sample] + x[1][b.Sample]) / 2; got < 40 {
			t.Errorf("blink %d: %g µV at Fp1 and Fp2, want a peak", i, got)
		}
	}
	if g := truth.BlinkTopography; math.Abs(g[0]-1) > 1e-9 || math.Abs(g[1]-1) > 1e-9 || g[2] > 0.2 || g[3] > 0.02 {
		t.Errorf("blinks reach Fp1, Fp2, Cz, Oz with %.3f, want 1, 1, little, nothing", g)
	}
}

func TestHumPeaksAtTheMainsFrequency(t *testing.T) {
	for _, freq := range []float64{50, 60} {
		opt := Defaults()
		opt.Channels, opt.LineHz, opt.TrialsPerClass = []string{"C3", "Pz", "F8"}, freq, 2
		rec, truth, x := simulate(t, opt)
		for ch, c := range rec.Info.Channels {
			seg := x[ch][:16*160]
			peak := power(seg, freq-0.5, freq+0.5)
			beside := (power(seg, freq-4, freq-3) + power(seg, freq+3, freq+4)) / 2
			if got := math.Sqrt(peak - beside); math.Abs(got/truth.LineUV[ch]-1) > 0.35 { // waxes and wanes by a tenth
				t.Errorf("%g Hz, %s: hum of %g µV RMS, truth says %g", freq, c.Name, got, truth.LineUV[ch])
			}
			if peak < 10*beside {
				t.Errorf("%g Hz, %s: %g µV² at the mains frequency, %g beside it, want a peak", freq, c.Name, peak, beside)
			}
		}
		if a := truth.LineUV; a[0] == a[1] || a[1] == a[2] {
			t.Errorf("%g Hz: the hum is the same in all channels: %v", freq, a)
		}
	}
}

func TestSensorNoiseIsWhiteAndIndependent(t *testing.T) {
	opt := silent("C3", "C4")
	opt.SensorUV = 2
	_, _, x := simulate(t, opt)
	n := float64(len(x[0]))
	var cross, lag float64
	for s := 1; s < len(x[0]); s++ {
		cross += x[0][s] * x[1][s] / n
		lag += x[0][s] * x[0][s-1] / n
	}
	limit := 4 * 4 / math.Sqrt(n) // four standard errors of a product of two values of 2 µV
	if math.Abs(rms(x[0])-2) > 0.05 || math.Abs(cross) > limit || math.Abs(lag) > limit {
		t.Errorf("RMS %.3f µV, covariance %.3f with the other channel and %.3f with a sample later; want 2, 0, 0 ± %.3f", rms(x[0]), cross, lag, limit)
	}
}

func TestAmplitudesAreThoseOfEEG(t *testing.T) {
	for seed := range uint64(3) {
		opt := Defaults()
		opt.Subject, opt.Run, opt.TrialsPerClass = seed, seed, 3
		rec, _, x := simulate(t, opt)
		for ch, c := range rec.Info.Channels {
			if got := rms(x[ch]); got < 5 || got > 40 {
				t.Errorf("subject %d, %s: %.1f µV RMS, want 5 to 40", seed, c.Name, got)
			}
			for s, v := range x[ch] {
				if math.IsNaN(v) || math.Abs(v) > 400 {
					t.Fatalf("subject %d, %s, sample %d: %g µV", seed, c.Name, s, v)
				}
			}
		}
		all := 0.0
		for _, row := range x {
			all += rms(row) * rms(row) / float64(len(x))
		}
		if got := math.Sqrt(all); got < 10 || got > 30 {
			t.Errorf("subject %d: %.1f µV RMS over all channels, want 10 to 30", seed, got)
		}
	}
}

func BenchmarkMotorImagery(b *testing.B) {
	for _, channels := range [][]string{EEGMMIDB()[:8], EEGMMIDB()} {
		b.Run(fmt.Sprintf("ch=%d", len(channels)), func(b *testing.B) {
			opt := Defaults()
			opt.Channels = channels
			b.ReportAllocs()
			seconds := 0.0
			for b.Loop() {
				rec, _, err := MotorImagery(opt)
				if err != nil {
					b.Fatal(err)
				}
				seconds += float64(rec.Len) / rec.Info.Rate
			}
			b.ReportMetric(seconds/b.Elapsed().Seconds(), "x_realtime")
		})
	}
}
