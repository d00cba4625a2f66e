package dsp_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	godsp "github.com/mjibson/go-dsp/fft"
	"gonum.org/v1/gonum/dsp/fourier"

	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// naiveDFT is the definition, with the angle reduced in whole numbers.
func naiveDFT(x []complex128) []complex128 {
	n := len(x)
	y := make([]complex128, n)
	for k := range y {
		for t, v := range x {
			y[k] += v * cmplx.Exp(complex(0, -2*math.Pi*float64(k*t%n)/float64(n)))
		}
	}
	return y
}

func noise(n int, seed uint64) []float64 {
	rng := rand.New(rand.NewPCG(seed, 7))
	x := make([]float64, n)
	for i := range x {
		x[i] = rng.NormFloat64()
	}
	return x
}

func complexNoise(n int, seed uint64) []complex128 {
	re, im := noise(n, seed), noise(n, seed+1000)
	x := make([]complex128, n)
	for i := range x {
		x[i] = complex(re[i], im[i])
	}
	return x
}

// spectraDiffer is the root mean square of the difference relative to that of want.
func spectraDiffer(got, want []complex128) float64 {
	if len(got) != len(want) {
		return math.Inf(1)
	}
	var d, s float64
	for k := range want {
		d += real((got[k] - want[k]) * cmplx.Conj(got[k]-want[k]))
		s += real(want[k] * cmplx.Conj(want[k]))
	}
	return math.Sqrt(d / s)
}

// fftTolerance is relative to the spectrum's root mean square. Rounding grows with the square root of the logarithm of
// the length; Bluestein's three transforms and the naive sums are the worst of what is compared.
const fftTolerance = 1e-13

func TestFFTIsTheDefinition(t *testing.T) {
	lengths := []int{625, 343, 729, 1001, 1009, 840}
	for n := 1; n <= 160; n++ {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		x := complexNoise(n, uint64(n))
		want := naiveDFT(x)
		p := dsp.NewFFT(n)
		w, got := p.NewWork(), make([]complex128, n)
		p.Forward(got, x, w)
		if d := spectraDiffer(got, want); !(d <= fftTolerance) {
			t.Errorf("%d points: differs from the definition by %g", n, d)
		}
		p.Inverse(got, got, w)
		if d := spectraDiffer(got, x); !(d <= fftTolerance) {
			t.Errorf("%d points: the inverse of the transform differs from the signal by %g", n, d)
		}
		re := noise(n, uint64(n)+5)
		for i, v := range re {
			x[i] = complex(v, 0)
		}
		r := dsp.NewRealFFT(n)
		half := make([]complex128, r.Bins())
		r.Transform(half, re, r.NewWork())
		if d := spectraDiffer(half, naiveDFT(x)[:n/2+1]); !(d <= fftTolerance) {
			t.Errorf("%d real points: differs from the definition by %g", n, d)
		}
	}
}

// TestRealFFTAgreesWithOthers compares with gonum and go-dsp at the lengths that matter.
func TestRealFFTAgreesWithOthers(t *testing.T) {
	gonum, goDSP := 0.0, 0.0
	for _, n := range []int{200, 250, 256, 500, 512, 1000, 1021, 1024, 1750, 2000, 2047, 2048, 2500, 4000, 4095, 4096, 4099, 15000} {
		x := noise(n, uint64(n))
		p := dsp.NewRealFFT(n)
		got := make([]complex128, p.Bins())
		p.Transform(got, x, p.NewWork())
		d := spectraDiffer(got, fourier.NewFFT(n).Coefficients(nil, x))
		if gonum = max(gonum, d); !(d <= 1e-10) { // gonum's roots for large primes
			t.Errorf("%d points: differs from gonum by %g", n, d)
		}
		d = spectraDiffer(got, godsp.FFTReal(x)[:n/2+1])
		if goDSP = max(goDSP, d); !(d <= 1e-11) { // go-dsp multiplies its roots up
			t.Errorf("%d points: differs from go-dsp by %g", n, d)
		}
	}
	parity(t, "FFT of real signals, root mean square", "gonum", gonum, 1e-10)
	parity(t, "FFT of real signals, root mean square", "go-dsp", goDSP, 1e-11)
}

// TestBatchIsTheSameBits: neither the company nor the kernels change a bit.
func TestBatchIsTheSameBits(t *testing.T) {
	lengths := []int{250, 256, 360, 500, 512, 1000, 1021, 1024, 1750, 2048, 3430}
	for n := 1; n <= 70; n++ {
		lengths = append(lengths, n)
	}
	for _, n := range lengths {
		p := dsp.NewRealFFT(n)
		w, alone := p.NewWork(), make([]complex128, p.Bins())
		for signals := range 10 {
			x, got := make([][]float64, signals), make([][]complex128, signals)
			for i := range x {
				x[i], got[i] = noise(n, uint64(100*n+i)), make([]complex128, p.Bins())
			}
			p.Batch(got, x, w)
			for i := range x {
				p.Transform(alone, x[i], w)
				for k := range alone {
					if !sameComplex(alone[k], got[i][k]) {
						t.Fatalf("%d points, signal %d of %d, bin %d: %v in a batch, %v alone", n, i, signals, k, got[i][k], alone[k])
					}
				}
			}
		}
	}
}

// TestInverseBatchIsTheSameBits as Inverse, in place too.
func TestInverseBatchIsTheSameBits(t *testing.T) {
	for _, n := range []int{1, 2, 3, 7, 12, 22, 64, 105, 250, 256} {
		p := dsp.NewFFT(n)
		w, alone := p.NewWork(), make([]complex128, n)
		for signals := range 10 {
			x, got := make([][]complex128, signals), make([][]complex128, signals)
			for i := range x {
				x[i] = complexNoise(n, uint64(100*n+i))
				got[i] = slices.Clone(x[i])
			}
			p.InverseBatch(got, got, w)
			for i := range x {
				p.Inverse(alone, x[i], w)
				if !slices.EqualFunc(alone, got[i], sameComplex) {
					t.Fatalf("%d points, signal %d of %d: other bits in a batch", n, i, signals)
				}
			}
		}
	}
}

// sameComplex takes +0 for −0: a sum of nothing may have either.
func sameComplex(a, b complex128) bool {
	return real(a) == real(b) && imag(a) == imag(b)
}

func TestPlanIsSharedByGoroutines(t *testing.T) {
	for _, n := range []int{1000, 1001} {
		p := dsp.NewRealFFT(n)
		var wg sync.WaitGroup
		for g := range uint64(4) {
			wg.Go(func() {
				w, got := p.NewWork(), make([]complex128, p.Bins())
				for i := range uint64(20) {
					x := noise(n, 10*g+i)
					p.Transform(got, x, w)
					if d := spectraDiffer(got, fourier.NewFFT(n).Coefficients(nil, x)); !(d <= fftTolerance) {
						t.Errorf("goroutine %d: differs from gonum by %g", g, d)
					}
				}
			})
		}
		wg.Wait()
	}
}

func TestFFTDoesNotAllocate(t *testing.T) {
	for _, n := range []int{1000, 1001, 1021} {
		p := dsp.NewRealFFT(n)
		w := p.NewWork()
		x, got := make([][]float64, 7), make([][]complex128, 7)
		for i := range x {
			x[i], got[i] = noise(n, 1), make([]complex128, p.Bins())
		}
		c := dsp.NewFFT(n)
		cw, z := c.NewWork(), complexNoise(n, 1)
		if a := testing.AllocsPerRun(10, func() {
			p.Batch(got, x, w)
			p.Transform(got[0], x[0], w)
			c.Forward(z, z, cw)
			c.Inverse(z, z, cw)
		}); a != 0 {
			t.Errorf("%d points: %g allocations", n, a)
		}
	}
}

func TestFFTShowsBadSamples(t *testing.T) {
	for _, n := range []int{64, 15, 22} {
		p := dsp.NewRealFFT(n)
		for _, bad := range []float64{math.NaN(), math.Inf(1)} {
			x, got := noise(n, 1), make([]complex128, p.Bins())
			x[n/3] = bad
			p.Transform(got, x, p.NewWork())
			for k, v := range got {
				if !cmplx.IsNaN(v) && !cmplx.IsInf(v) {
					t.Errorf("%d points with a %g: bin %d is %v", n, bad, k, v)
				}
			}
		}
	}
}

func ExampleRealFFT() {
	x := make([]float64, 250) // one second at 250 Hz: 10 Hz, 20 µV
	for t := range x {
		x[t] = 20 * math.Cos(2*math.Pi*10*float64(t)/250)
	}
	p := dsp.NewRealFFT(len(x))
	bins := make([]complex128, p.Bins())
	p.Transform(bins, x, p.NewWork())
	fmt.Printf("bin 10: %.0f, bin 11: %.0f\n", cmplx.Abs(bins[10]), cmplx.Abs(bins[11]))
	// Output: bin 10: 2500, bin 11: 0
}

// BenchmarkRealFFT is the time of one signal in a batch of 64, as benchmarks/speed/peers/fft.py takes it of SciPy.
func BenchmarkRealFFT(b *testing.B) {
	for _, n := range []int{256, 500, 512, 1000, 1024, 1750, 2048, 4096, 1021} {
		p := dsp.NewRealFFT(n)
		w := p.NewWork()
		x, got := make([][]float64, 64), make([][]complex128, 64)
		for i := range x {
			x[i], got[i] = noise(n, 1), make([]complex128, p.Bins())
		}
		b.Run(fmt.Sprintf("n=%d/batch=64", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Batch(got, x, w)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/transform")
		})
		b.Run(fmt.Sprintf("n=%d/one", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				p.Transform(got[0], x[0], w)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/transform")
		})
		b.Run(fmt.Sprintf("n=%d/gonum", n), func(b *testing.B) {
			g := fourier.NewFFT(n)
			for b.Loop() {
				g.Coefficients(got[0], x[0])
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/transform")
		})
	}
}
