package dsp_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// polyphase resamples all channels in pieces of the lengths that next gives.
func polyphase(t testing.TB, x [][]float64, up, down, offset int, next func() int) [][]float64 {
	t.Helper()
	p, err := dsp.NewPolyphase(up, down)
	if err != nil {
		t.Fatal(err)
	}
	s := p.NewState(len(x), offset)
	y := make([][]float64, len(x))
	grow := func(n int) [][]float64 {
		at := make([][]float64, len(x))
		for ch := range y {
			y[ch] = append(y[ch], make([]float64, n)...)
			at[ch] = y[ch][len(y[ch])-n:]
		}
		return at
	}
	for at := 0; at < len(x[0]); {
		n := min(next(), len(x[0])-at)
		part := make([][]float64, len(x))
		for ch := range x {
			part[ch] = x[ch][at : at+n]
		}
		s.Push(grow(s.Ready(n)), part)
		at += n
	}
	s.Flush(grow(s.Rest()))
	return y
}

func TestPolyphaseMatchesSciPy(t *testing.T) {
	g, worst := readFIR(t), 0.0
	cases := g.Poly
	if len(cases) < 8 {
		t.Fatalf("only %d signals in testdata/fir.json", len(cases))
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, c := range cases {
		common := gcd(int(c.Rate), int(c.To))
		up, down := int(c.To)/common, int(c.Rate)/common
		what := fmt.Sprintf("%d samples from %g to %g Hz", c.N, c.Rate, c.To)
		x := [][]float64{firSignal(c.N), firSignal(c.N), firSignal(c.N)}
		whole := polyphase(t, x, up, down, 0, func() int { return c.N })
		if len(whole[0]) != c.Len {
			t.Errorf("%s: %d samples come out, SciPy has %d", what, len(whole[0]), c.Len)
			continue
		}
		worst = max(worst, compare(t, what, thin(whole[2], c.Len/150), c.Y))
		for _, most := range []int{1, 10, 700} {
			cut := polyphase(t, x, up, down, 0, func() int { return 1 + r.IntN(most) })
			for i := range whole[1] {
				if cut[1][i] != whole[1][i] {
					t.Fatalf("%s: sample %d is %v in pieces of up to %d, %v as a whole", what, i, cut[1][i], most, whole[1][i])
				}
			}
		}
	}
	parity(t, "polyphase resampling", "SciPy "+g.SciPy+" resample_poly", worst, tolerance)
}

func TestPolyphaseGolden(t *testing.T) {
	const channels, samples = 4, 15000
	long, want := datasettest.Golden(t, "long"), datasettest.Golden(t, "mne_resample_poly_125")
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = long[ch*samples : (ch+1)*samples]
	}
	var all []float64
	for ch, y := range polyphase(t, x, 1, 2, 0, func() int { return samples }) {
		compare(t, fmt.Sprintf("channel %d", ch), y, want[ch*samples/2:(ch+1)*samples/2])
		all = append(all, y...)
	}
	paritytest.Within(t, "polyphase resampling, 250 to 125 Hz", "MNE 1.9.0", "golden/mne_resample_poly_125", all, want, tolerance)
}

// An output that lies between samples must be where the offset says: a slow sine is known everywhere.
func TestPolyphaseOffset(t *testing.T) {
	const up, down = 64, 125 // 250 to 128 Hz
	x := make([]float64, 5000)
	for i := range x {
		x[i] = math.Cos(2 * math.Pi * 3 * float64(i) / 250)
	}
	for _, offset := range []int{0, 1, 63, 64, 124} {
		y := polyphase(t, [][]float64{x}, up, down, offset, func() int { return 77 })[0]
		if want := (5000*up - offset + down - 1) / down; len(y) != want {
			t.Errorf("offset %d: %d samples come out, must be %d", offset, len(y), want)
		}
		for i := 30; i < len(y)-30; i++ {
			want := math.Cos(2 * math.Pi * 3 * (float64(offset)/up + float64(i)*down/up) / 250)
			if math.Abs(y[i]-want) > 2e-3 { // the ripple of the filter
				t.Fatalf("offset %d: sample %d is %g, must be %g", offset, i, y[i], want)
			}
		}
	}
}

func TestPolyphaseSingleSample(t *testing.T) {
	for _, ratio := range [][2]int{{1, 2}, {5, 2}} { // a constant stays one, however short
		y := polyphase(t, [][]float64{{7}}, ratio[0], ratio[1], 0, func() int { return 1 })[0]
		if want := (ratio[0] + ratio[1] - 1) / ratio[1]; len(y) != want {
			t.Fatalf("%v: %d samples, must be %d", ratio, len(y), want)
		}
		for _, v := range y {
			if math.Abs(v-7) > 0.02 {
				t.Errorf("%v: %g, must be about 7", ratio, v)
			}
		}
	}
}

func TestPolyphaseErrors(t *testing.T) {
	for _, ratio := range [][2]int{{0, 1}, {1, 1}, {1, 20001}, {-3, 2}} {
		if _, err := dsp.NewPolyphase(ratio[0], ratio[1]); err == nil || !strings.Contains(err.Error(), "must be two different whole numbers from 1 to 20000") {
			t.Errorf("%v: the error is %v", ratio, err)
		}
	}
}

func TestFFTResampleMatchesMNE(t *testing.T) {
	g, worst := readFIR(t), 0.0
	cases := g.FFT
	if len(cases) < 8 {
		t.Fatalf("only %d signals in testdata/fir.json", len(cases))
	}
	for _, c := range cases {
		what := fmt.Sprintf("%d samples from %g to %g Hz", c.N, c.Rate, c.To)
		f, err := dsp.NewFFTResampleMNE(c.N, c.Rate, c.To)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if f.Len() != c.Len {
			t.Errorf("%s: %d samples come out, MNE has %d", what, f.Len(), c.Len)
			continue
		}
		y := make([]float64, c.Len)
		f.Resample(y, firSignal(c.N))
		worst = max(worst, compare(t, what, thin(y, c.Len/150), c.Y))
	}
	parity(t, "FFT resampling", "MNE "+g.MNE+" resample", worst, tolerance)
}

func TestFFTResampleGolden(t *testing.T) {
	const channels, samples, out = 4, 15000, 7680
	long, want := datasettest.Golden(t, "long"), datasettest.Golden(t, "mne_resample_fft_128")
	f, err := dsp.NewFFTResampleMNE(samples, 250, 128)
	if err != nil {
		t.Fatal(err)
	}
	y := make([]float64, f.Len())
	var all []float64
	for ch := range channels {
		f.Resample(y, long[ch*samples:(ch+1)*samples])
		compare(t, fmt.Sprintf("channel %d", ch), y, want[ch*out:(ch+1)*out])
		all = append(all, y...)
	}
	paritytest.Within(t, "FFT resampling, 250 to 128 Hz", "MNE 1.9.0", "golden/mne_resample_fft_128", all, want, tolerance)
	bad := append([]float64(nil), long[:samples]...)
	bad[77] = math.Inf(1)
	f.Resample(y, bad)
	for i, v := range y {
		if !math.IsNaN(v) {
			t.Fatalf("sample %d of a channel with an infinity is %g, must be NaN", i, v)
		}
	}
	for _, bad := range [][3]float64{{0, 250, 128}, {100, 0, 128}, {100, 250, math.NaN()}, {100, 250, -1}} {
		if _, err := dsp.NewFFTResampleMNE(int(bad[0]), bad[1], bad[2]); err == nil || !strings.Contains(err.Error(), "must be at least one and rates above 0") {
			t.Errorf("%v: the error is %v", bad, err)
		}
	}
	for _, bad := range [][4]int{{0, 1, 2, 0}, {9, 0, 2, 0}, {9, 1, 20001, 0}, {9, 1, 2, -1}} {
		if _, err := dsp.NewFFTResample(bad[0], bad[1], bad[2], bad[3]); err == nil || !strings.Contains(err.Error(), "must be at least one, by whole numbers") {
			t.Errorf("%v: the error is %v", bad, err)
		}
	}
}

// Every output must lie where the offset says: a slow wave that begins and ends flat is known everywhere.
func TestFFTResampleIsInPlace(t *testing.T) {
	wave := func(at float64) float64 {
		r := (at - 2500) / 400
		return math.Exp(-r*r/2) * math.Cos(2*math.Pi*3*at/250)
	}
	x := make([]float64, 5000)
	for i := range x {
		x[i] = wave(float64(i))
	}
	for _, c := range [][3]int{{64, 125, 0}, {64, 125, 124}, {1, 2, 1}, {5, 2, 1}, {97, 250, 13}, {1, 1, 0}} {
		up, down, offset := c[0], c[1], c[2]
		f, err := dsp.NewFFTResample(len(x), up, down, offset)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float64, f.Len())
		f.Resample(y, x)
		if want := (5000*up - offset + down - 1) / down; len(y) != want {
			t.Fatalf("%v: %d samples come out, must be %d", c, len(y), want)
		}
		for k, v := range y {
			if want := wave(float64(offset+k*down) / float64(up)); math.Abs(v-want) > 1e-6 { // what the joining of the ends rings
				t.Fatalf("%v: sample %d is %g, must be %g", c, k, v, want)
			}
		}
	}
}

func BenchmarkPolyphase(b *testing.B) { // one hour of 22 channels, 250 to 128 Hz
	const n, channels = 900000, 22
	r := rand.New(rand.NewPCG(1, 1))
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = make([]float64, n)
		for i := range x[ch] {
			x[ch][i] = 20 * r.NormFloat64()
		}
	}
	y := make([][]float64, channels)
	for ch := range y {
		y[ch] = make([]float64, n*64/125)
	}
	for b.Loop() {
		p, err := dsp.NewPolyphase(64, 125)
		if err != nil {
			b.Fatal(err)
		}
		s := p.NewState(channels, 0)
		done := s.Ready(n)
		s.Push(y, x)
		rest := make([][]float64, channels)
		for ch := range rest {
			rest[ch] = y[ch][done:]
		}
		s.Flush(rest)
	}
}

func BenchmarkFFTResample(b *testing.B) { // one channel of one hour, 250 to 128 Hz
	const n = 900000
	x := firSignal(n)
	f, err := dsp.NewFFTResample(n, 64, 125, 0)
	if err != nil {
		b.Fatal(err)
	}
	y := make([]float64, f.Len())
	for b.Loop() {
		f.Resample(y, x)
	}
}
