package dsp_test

import (
	"fmt"
	"math"
	"math/cmplx"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/gyrus-bci/gyrus/preprocess/dsp"
)

// naive is the difference equation y[t] = b0·x[t] + b1·x[t−1] + b2·x[t−2] − a1·y[t−1] − a2·y[t−2], section by section:
// the direct form, with another memory than Filt's.
func naive(sos dsp.SOS, x []float64) []float64 {
	at := func(v []float64, t int) float64 {
		if t < 0 {
			return 0
		}
		return v[t]
	}
	for _, s := range sos {
		y := make([]float64, len(x))
		for t := range x {
			y[t] = s.B0*x[t] + s.B1*at(x, t-1) + s.B2*at(x, t-2) - s.A1*at(y, t-1) - s.A2*at(y, t-2)
		}
		x = y
	}
	return x
}

// anySOS draws up to five sections with poles inside a radius of 0.95, half of them with B0 = B2 = 1.
func anySOS(t *rapid.T) dsp.SOS {
	sos := make(dsp.SOS, rapid.IntRange(1, 5).Draw(t, "sections"))
	for i := range sos {
		r, angle := rapid.Float64Range(0, 0.95).Draw(t, "radius"), rapid.Float64Range(0, math.Pi).Draw(t, "angle")
		b := rapid.Float64Range(-2, 2)
		sos[i] = dsp.Section{B0: 1, B1: b.Draw(t, "b1"), B2: 1, A1: -2 * r * math.Cos(angle), A2: r * r}
		if rapid.Bool().Draw(t, "general") {
			sos[i].B0, sos[i].B2 = b.Draw(t, "b0"), b.Draw(t, "b2")
		}
	}
	return sos
}

func anySignal(t *rapid.T, channels, samples int) [][]float64 {
	x := make([][]float64, channels)
	for ch := range x {
		x[ch] = rapid.SliceOfN(rapid.Float64Range(-100, 100), samples, samples).Draw(t, "x")
	}
	return x
}

func TestFiltIsTheDifferenceEquation(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sos := anySOS(t)
		x := anySignal(t, rapid.IntRange(1, 9).Draw(t, "channels"), rapid.IntRange(0, 80).Draw(t, "samples"))
		y := run(sos, x)
		for ch := range x {
			// The scale is the largest value that came up on the way, section by section.
			scale := 100.0
			for i := range sos {
				for _, v := range naive(sos[:i+1], x[ch]) {
					scale = max(scale, math.Abs(v))
				}
			}
			for i, want := range naive(sos, x[ch]) {
				if !(math.Abs(y[ch][i]-want) <= 1e-10*scale) {
					t.Fatalf("channel %d sample %d is %g, the definition gives %g", ch, i, y[ch][i], want)
				}
			}
		}
	})
}

// Neither the cutting into calls, nor the company of other channels, nor filtering in place changes a bit.
func TestFiltIsTheSameHoweverItIsCalled(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sos := anySOS(t)
		channels, samples := rapid.IntRange(1, 9).Draw(t, "channels"), rapid.IntRange(1, 1200).Draw(t, "samples")
		x := make([][]float64, channels)
		for ch := range x {
			x[ch] = make([]float64, samples)
			for i := range x[ch] {
				x[ch][i] = math.Sin(float64(i*(ch+1)+i*i%17)) * 50
			}
		}
		want := make([][]float64, channels)
		for ch := range x {
			want[ch] = run(sos, x[ch:ch+1])[0]
		}
		z := sos.NewState(channels)
		for from := 0; from < samples; {
			to := min(samples, from+rapid.IntRange(0, 700).Draw(t, "call"))
			part := make([][]float64, channels)
			for ch := range part {
				part[ch] = x[ch][from:to]
			}
			sos.Filt(part, part, z)
			from = to
		}
		for ch := range x {
			for i := range x[ch] {
				if math.Float64bits(x[ch][i]) != math.Float64bits(want[ch][i]) {
					t.Fatalf("channel %d of %d, sample %d: %v together and in parts, %v alone and at once", ch, channels, i, x[ch][i], want[ch][i])
				}
			}
		}
	})
}

func TestFiltKeepsNaNInItsChannel(t *testing.T) {
	sos, err := dsp.Butter(4, dsp.Bandpass(8, 30), 250)
	if err != nil {
		t.Fatal(err)
	}
	for bad := range 5 { // four go side by side, the fifth alone
		x := make([][]float64, 5)
		for ch := range x {
			x[ch] = make([]float64, 50)
			x[ch][0] = 1
		}
		x[bad][10] = math.NaN()
		for ch, y := range run(sos, x) {
			for i, v := range y {
				if math.IsNaN(v) != (ch == bad && i >= 10) {
					t.Fatalf("NaN in channel %d at sample 10: channel %d sample %d is %g", bad, ch, i, v)
				}
			}
		}
	}
}

// What Butterworth designs promise whatever the program: half the power at the edges, 1 in the pass band, and a
// monotonic response.
func TestButterResponse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.IntRange(1, dsp.MaxOrder).Draw(t, "order")
		rate := rapid.Float64Range(50, 5000).Draw(t, "rate")
		low := rapid.Float64Range(0.05, 0.2).Draw(t, "low") * rate
		high := rapid.Float64Range(0.25, 0.45).Draw(t, "high") * rate
		// The bilinear transform puts the centre of the band here.
		centre := rate / math.Pi * math.Atan(math.Sqrt(math.Tan(math.Pi*low/rate)*math.Tan(math.Pi*high/rate)))
		for _, tc := range []struct {
			name        string
			band        dsp.Band
			edges       []float64
			pass, block float64
		}{
			{"lowpass", dsp.Lowpass(high), []float64{high}, 0, rate / 2},
			{"highpass", dsp.Highpass(low), []float64{low}, rate / 2, 0},
			{"bandpass", dsp.Bandpass(low, high), []float64{low, high}, centre, rate / 2},
			{"bandstop", dsp.Bandstop(low, high), []float64{low, high}, 0, centre},
		} {
			sos, err := dsp.Butter(order, tc.band, rate)
			if err != nil {
				t.Fatal(err)
			}
			gain := func(f float64) float64 { return cmplx.Abs(response(sos, f, rate)) }
			for _, edge := range tc.edges {
				if g := gain(edge); math.Abs(g-math.Sqrt2/2) > 1e-7 {
					t.Errorf("%s of order %d: gain %g at the edge of %g Hz, must be 0.7071", tc.name, order, g, edge)
				}
			}
			if g := gain(tc.pass); math.Abs(g-1) > 1e-7 {
				t.Errorf("%s of order %d: gain %g at %g Hz, must be 1", tc.name, order, g, tc.pass)
			}
			if g := gain(tc.block); g > 1e-7 {
				t.Errorf("%s of order %d: gain %g at %g Hz, must be 0", tc.name, order, g, tc.block)
			}
		}
	})
}

func TestNotchResponse(t *testing.T) {
	const freq, q, rate = 50.0, 10.0, 500.0
	sos := dsp.SOS{dsp.NotchSection(freq, q, rate)}
	if g := cmplx.Abs(response(sos, freq, rate)); g > 1e-9 {
		t.Errorf("gain %g at %g Hz, must be 0", g, freq)
	}
	for _, f := range []float64{0, rate / 2} {
		if g := cmplx.Abs(response(sos, f, rate)); math.Abs(g-1) > 1e-12 {
			t.Errorf("gain %g at %g Hz, must be 1", g, f)
		}
	}
	// The band between the two frequencies of half power is freq/q wide. It is found by bisection on both sides.
	half := func(in, out float64) float64 {
		for range 60 {
			mid := (in + out) / 2
			if cmplx.Abs(response(sos, mid, rate)) < math.Sqrt2/2 {
				in = mid
			} else {
				out = mid
			}
		}
		return in
	}
	if width := half(freq, rate/2) - half(freq, 0); math.Abs(width-freq/q) > 1e-9 {
		t.Errorf("the notch is %g Hz wide, must be %g", width, freq/q)
	}
}

func TestButterErrors(t *testing.T) {
	for _, tc := range []struct {
		name  string
		order int
		band  dsp.Band
		rate  float64
		want  string
	}{
		{"order 0", 0, dsp.Lowpass(10), 250, "order is 0, must be 1 to 12"},
		{"order 13", 13, dsp.Lowpass(10), 250, "order is 13, must be 1 to 12"},
		{"no rate", 4, dsp.Lowpass(10), 0, "sampling rate is 0 Hz"},
		{"rate not a number", 4, dsp.Lowpass(10), math.NaN(), "sampling rate is NaN Hz"},
		{"edge at 0", 4, dsp.Highpass(0), 250, "edge is 0 Hz, must be above 0 and below 125 Hz (half the sampling rate of 250 Hz)"},
		{"edge at half the rate", 4, dsp.Lowpass(125), 250, "edge is 125 Hz"},
		{"edge not a number", 4, dsp.Bandpass(8, math.NaN()), 250, "edge is NaN Hz"},
		{"edges swapped", 4, dsp.Bandpass(30, 8), 250, "band is 30 to 8 Hz, the first must be below the second"},
		{"edges equal", 4, dsp.Bandstop(30, 30), 250, "band is 30 to 30 Hz"},
		{"no band", 4, dsp.Band{}, 250, "edge is 0 Hz"},
		{"beyond double precision", 2, dsp.Highpass(1e-12), 1000, "no stable filter with edges at 1e-12"},
	} {
		_, err := dsp.Butter(tc.order, tc.band, tc.rate)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: error is %v, must contain %q", tc.name, err, tc.want)
		}
	}
}

func TestFiltPanicsOnShapes(t *testing.T) {
	sos, err := dsp.Butter(2, dsp.Lowpass(10), 100)
	if err != nil {
		t.Fatal(err)
	}
	for name, call := range map[string]func(){
		"too few states": func() { sos.Filt([][]float64{{1}}, [][]float64{{1}}, nil) },
		"too few out":    func() { sos.Filt(nil, [][]float64{{1}}, sos.NewState(1)) },
		"ragged in": func() {
			sos.Filt([][]float64{{1, 2}, {1, 2}}, [][]float64{{1, 2}, {1}}, sos.NewState(2))
		},
		"short out": func() { sos.Filt([][]float64{{1}}, [][]float64{{1, 2}}, sos.NewState(1)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			call()
		}()
	}
}

func ExampleButter() {
	sos, err := dsp.Butter(4, dsp.Bandpass(8, 30), 250)
	if err != nil {
		fmt.Println(err)
		return
	}
	x := [][]float64{make([]float64, 5000)} // 20 s of a 50 Hz hum of 20 µV on an electrode offset of 1000 µV
	for t := range x[0] {
		x[0][t] = 1000 + 20*math.Sin(2*math.Pi*50*float64(t)/250)
	}
	sos.Filt(x, x, sos.NewState(1))
	var peak float64
	for _, v := range x[0][4000:] { // behind the transient
		peak = max(peak, math.Abs(v))
	}
	fmt.Printf("%d sections; the hum is down to %.1f µV, the offset is gone\n", len(sos), peak)
	// Output: 4 sections; the hum is down to 0.7 µV, the offset is gone
}
