package deep

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// noisy is n windows of standardised noise and their one-hot targets, of which each window has one of its own.
func noisy(n, channels, samples int) (x, y []float32) {
	rng := rand.New(rand.NewPCG(11, 12))
	x, y = make([]float32, n*channels*samples), make([]float32, n*n)
	for i := range x {
		x[i] = float32(rng.NormFloat64())
	}
	for i := range n {
		y[i*n+i] = 1
	}
	return x, y
}

// augmented is what the augmentation makes of noisy windows, with what they were, and which windows are as before.
func augmented(t *testing.T, name string, n, channels, samples int) (before, after, y []float32, same []bool) {
	t.Helper()
	before, y = noisy(n, channels, samples)
	after = slices.Clone(before)
	do, err := augmentation([]string{name}, channels, samples)
	if err != nil {
		t.Fatal(err)
	}
	do(rand.New(rand.NewPCG(1, 2)), after, y, nil)
	size := channels * samples
	kept := 0
	for i := range n {
		same = append(same, slices.Equal(before[i*size:(i+1)*size], after[i*size:(i+1)*size]))
		if same[i] {
			kept++
		}
	}
	if name == "mixup" {
		return before, after, y, same
	}
	if _, targets := noisy(n, channels, samples); !slices.Equal(y, targets) {
		t.Errorf("%s: changed targets", name)
	}
	t.Logf("%s: %d of %d windows are as before", name, kept, n)
	if kept < n/3 {
		t.Errorf("%s: only %d of %d windows are as before, want about half", name, kept, n)
	}
	if kept == n {
		t.Errorf("%s: changed nothing", name)
	}
	return before, after, y, same
}

// TestTimeShift: every changed window is the old one, moved by up to 5 % of its length in all channels alike, and mirrored
// at the end that it left.
func TestTimeShift(t *testing.T) {
	const n, channels, samples = 40, 3, 100
	before, after, _, _ := augmented(t, "time_shift", n, channels, samples)
	seen := map[int]bool{}
	for i := range n {
		found := 99
		for by := -5; by <= 5; by++ {
			fits := true
			for ch := range channels {
				old, now := before[(i*channels+ch)*samples:][:samples], after[(i*channels+ch)*samples:][:samples]
				mirrored := append(append(reversed(old), old...), reversed(old)...)
				fits = fits && slices.Equal(now, mirrored[samples-by:2*samples-by])
			}
			if fits {
				found = by
			}
		}
		if found == 99 {
			t.Fatalf("window %d is not the old one moved by -5 to 5 samples", i)
		}
		seen[found] = true
	}
	if len(seen) < 6 {
		t.Errorf("moved by %v only", seen)
	}
}

func reversed(x []float32) []float32 {
	y := slices.Clone(x)
	slices.Reverse(y)
	return y
}

// TestChannelDrop: a channel is as before or zero; in changed windows about a tenth is.
func TestChannelDrop(t *testing.T) {
	const n, channels, samples = 400, 16, 8
	before, after, _, _ := augmented(t, "channel_drop", n, channels, samples)
	gone := 0
	for c := range n * channels {
		old, now := before[c*samples:(c+1)*samples], after[c*samples:(c+1)*samples]
		switch {
		case slices.Equal(now, make([]float32, samples)):
			gone++
		case !slices.Equal(old, now):
			t.Fatalf("channel %d is neither as before nor zero", c)
		}
	}
	// half of the windows, a tenth of their channels; five standard errors of that
	if p := float64(gone) / (n * channels); math.Abs(p-0.05) > 5*math.Sqrt(0.05*0.95/(n*channels))*1.5 {
		t.Errorf("%.3f of the channels are gone, want 0.05", p)
	}
}

// TestNoise: what is added has the standard deviation 0.1, and no mean.
func TestNoise(t *testing.T) {
	const n, channels, samples = 60, 4, 50
	before, after, _, same := augmented(t, "noise", n, channels, samples)
	var sum, square, count float64
	for i := range after {
		if d := float64(after[i] - before[i]); !same[i/(channels*samples)] {
			sum, square, count = sum+d, square+d*d, count+1
		}
	}
	if mean, sd := sum/count, math.Sqrt(square/count); math.Abs(mean) > 5*0.1/math.Sqrt(count) || math.Abs(sd-0.1) > 5*0.1/math.Sqrt(2*count) {
		t.Errorf("added noise has the mean %.4f and the standard deviation %.4f, want 0 and 0.1", mean, sd)
	}
}

// spectrum is the discrete Fourier transform by its definition.
func spectrum(x []float32) []complex128 {
	out := make([]complex128, len(x)/2+1)
	for k := range out {
		for t, v := range x {
			out[k] += complex(float64(v), 0) * cmplx.Rect(1, -2*math.Pi*float64(k*t)/float64(len(x)))
		}
	}
	return out
}

// TestSurrogate: the power of every channel at every frequency stays, and so do the cross-spectra of channels; phases do
// not.
func TestSurrogate(t *testing.T) {
	for _, samples := range []int{48, 49} {
		const n, channels = 12, 3
		before, after, _, same := augmented(t, "surrogate", n, channels, samples)
		for i := range n {
			var old, now [channels][]complex128
			for ch := range channels {
				old[ch] = spectrum(before[(i*channels+ch)*samples:][:samples])
				now[ch] = spectrum(after[(i*channels+ch)*samples:][:samples])
			}
			turned := 0.0
			for k := range old[0] {
				for a := range channels {
					for b := range channels {
						was, is := old[a][k]*cmplx.Conj(old[b][k]), now[a][k]*cmplx.Conj(now[b][k])
						if cmplx.Abs(was-is) > 1e-4*float64(samples) {
							t.Fatalf("%d samples, window %d: cross-spectrum of %d and %d at %d is %v, was %v", samples, i, a, b, k, is, was)
						}
					}
				}
				angle := math.Abs(cmplx.Phase(now[0][k] / old[0][k]))
				if angle > math.Pi/2+1e-3 {
					t.Errorf("%d samples, window %d: the phase at %d is turned by %.3f", samples, i, k, angle)
				}
				turned = max(turned, angle)
			}
			if !same[i] && turned < 0.5 {
				t.Errorf("%d samples, window %d: phases are turned by at most %.3f", samples, i, turned)
			}
		}
	}
}

// TestMixup: as each target is one of its own, the new targets say which windows were mixed and how much of each: they
// add up to 1, at most two are above 0, and the windows are that mean.
func TestMixup(t *testing.T) {
	const n, channels, samples = 16, 2, 10
	before, after, y, _ := augmented(t, "mixup", n, channels, samples)
	mixed := 0
	for i := range n {
		row, sum, parts := y[i*n:(i+1)*n], 0.0, 0
		for _, v := range row {
			if v < 0 {
				t.Fatalf("targets %v", row)
			}
			if v > 0 {
				parts++
			}
			sum += float64(v)
		}
		if math.Abs(sum-1) > 1e-6 || parts > 2 {
			t.Errorf("window %d: targets %v, must add up to 1 and name at most two", i, row)
		}
		if parts == 2 {
			mixed++
		}
		for k := range channels * samples {
			want := 0.0
			for j, v := range row {
				want += float64(v) * float64(before[j*channels*samples+k])
			}
			if d := math.Abs(want - float64(after[i*channels*samples+k])); d > 1e-5 {
				t.Fatalf("window %d, value %d differs by %g from the mean that its targets tell", i, k, d)
			}
		}
	}
	if mixed < n/4 {
		t.Errorf("only %d of %d are mixed", mixed, n)
	}
}

// TestMixupKeepsWeights: with a weight to each window, what counts of it afterwards, weight times target, is what both parts
// of the mean had before. The shares are those that the same random numbers give without weights.
func TestMixupKeepsWeights(t *testing.T) {
	const n, channels, samples = 16, 2, 10
	_, _, shares, _ := augmented(t, "mixup", n, channels, samples)
	x, y := noisy(n, channels, samples)
	w, before := make([]float32, n), make([]float32, n)
	for i := range w {
		w[i] = float32(i%5 + 1)
		before[i] = w[i]
	}
	mixup(rand.New(rand.NewPCG(1, 2)), x, y, w, channels, samples)
	for i := range n {
		for j := range n {
			want := float64(shares[i*n+j]) * float64(before[j])
			if got := float64(w[i]) * float64(y[i*n+j]); math.Abs(got-want) > 1e-5 {
				t.Fatalf("window %d: class %d counts %g, want %g", i, j, got, want)
			}
		}
	}
}

// TestBeta: mean and variance of Beta(a, a) are 1/2 and 1/(4(2a+1)).
func TestBeta(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	const n, a = 20000, 0.2
	var sum, square float64
	for range n {
		v := beta(rng, a)
		if !(v >= 0 && v <= 1) {
			t.Fatalf("drew %g", v)
		}
		sum, square = sum+v, square+(v-0.5)*(v-0.5)
	}
	want := 1 / (4 * (2*a + 1))
	if math.Abs(sum/n-0.5) > 5*math.Sqrt(want/n) || math.Abs(square/n-want) > 0.01*want*5 {
		t.Errorf("mean %.4f, variance %.4f, want 0.5 and %.4f", sum/n, square/n, want)
	}
}

// TestAugmentationsTogether: all of them behind each other, the same for the same seed, and unknown ones refused.
func TestAugmentationsTogether(t *testing.T) {
	var names []string
	for name := range augmentations {
		names = append(names, name)
	}
	slices.Sort(names)
	do, err := augmentation(names, 3, 50)
	if err != nil {
		t.Fatal(err)
	}
	var first []float32
	for range 2 {
		x, y := noisy(8, 3, 50)
		do(rand.New(rand.NewPCG(7, 7)), x, y, nil)
		if first != nil && !slices.Equal(first, x) {
			t.Error("the same seed gives other windows")
		}
		first = x
	}
	if _, err := augmentation([]string{"noize"}, 3, 50); err == nil || !strings.Contains(err.Error(), `did you mean "noise"`) {
		t.Errorf("a slip: %v", err)
	}
	if do, err := augmentation(nil, 3, 50); do != nil || err != nil {
		t.Error("no augmentation is something")
	}
	x, y := noisy(2, 1, 1) // windows of one sample go through all
	do, err = augmentation(names, 1, 1)
	if err != nil {
		t.Fatal(err)
	}
	do(rand.New(rand.NewPCG(7, 7)), x, y, nil)
	if s := fmt.Sprint(x); strings.Contains(s, "NaN") {
		t.Error(s)
	}
}
