package filt_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
	"github.com/gyrus-bci/gyrus/preprocess/filt"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

// Steps that filter each channel by itself, with parameters that run.
var apart = map[string]string{
	"fir": `{"low_hz": 8, "high_hz": 30, "low_trans_hz": 8, "high_trans_hz": 8}`, "cheby1": `{"low_hz": 8, "high_hz": 30}`,
	"cheby2": `{"high_hz": 30}`, "ellip": `{"low_hz": 8, "high_hz": 30, "stop": true}`, "bessel": `{"low_hz": 8}`,
	"comb": ``, "dc": ``,
}

func TestNewChannelsApart(t *testing.T) {
	for name, params := range apart {
		t.Run(name, func(t *testing.T) {
			preprocesstest.ChannelsApart(t, func() preprocess.Processor { return step(t, name, params) })
		})
	}
}

// noise is n samples of every channel of info, with an offset.
func noise(info *signal.Info, n int) signal.Chunk {
	r := rand.New(rand.NewPCG(7, 7))
	c := signal.NewChunk(info, 0, n)
	for _, x := range c.X {
		for i := range x {
			x[i] = 100 + 20*r.NormFloat64()
		}
	}
	return c
}

func process(t *testing.T, p preprocess.Processor, c signal.Chunk) signal.Chunk {
	t.Helper()
	if _, err := p.Start(c.Info); err != nil {
		t.Fatal(err)
	}
	got, err := p.Process(c)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// Every step must give its keys to the design in the right places.
func TestSectionStepsAreTheirDesigns(t *testing.T) {
	must := func(sos dsp.SOS, err error) dsp.SOS {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return sos
	}
	for _, tc := range []struct {
		name, params string
		want         dsp.SOS
	}{
		{"cheby1", `{"low_hz": 5, "high_hz": 45, "order": 3, "ripple_db": 1}`, must(dsp.Cheby1(3, 1, dsp.Bandpass(5, 45), 250))},
		{"cheby1", `{"high_hz": 45}`, must(dsp.Cheby1(4, 0.5, dsp.Lowpass(45), 250))},
		{"cheby2", `{"low_hz": 5, "order": 5, "attenuation_db": 30}`, must(dsp.Cheby2(5, 30, dsp.Highpass(5), 250))},
		{"ellip", `{"low_hz": 5, "high_hz": 45, "stop": true, "order": 2, "ripple_db": 1, "attenuation_db": 35}`, must(dsp.Ellip(2, 1, 35, dsp.Bandstop(5, 45), 250))},
		{"bessel", `{"low_hz": 5, "high_hz": 45, "order": 6}`, must(dsp.Bessel(6, dsp.Bandpass(5, 45), 250))},
	} {
		c := noise(preprocesstest.Info(), 300)
		p := step(t, tc.name, tc.params)
		got := process(t, p, c)
		want := c.Clone().X
		for ch := range want {
			if c.Info.Channels[ch].Kind != signal.Trigger {
				tc.want.Filt(want[ch:ch+1], c.X[ch:ch+1], tc.want.NewState(1))
			}
			for i, v := range want[ch] {
				if got.X[ch][i] != v {
					t.Fatalf("%s %s: %s sample %d is %g, must be %g", tc.name, tc.params, c.Info.Channels[ch].Name, i, got.X[ch][i], v)
				}
			}
		}
		d := p.(interface {
			DelaySeconds() float64
			DelayAt(hz float64) float64
		})
		if got, want := d.DelaySeconds(), tc.want.MeanDelay(250); got != want {
			t.Errorf("%s: reports a delay of %g s, must be %g", tc.name, got, want)
		}
		if got, want := d.DelayAt(12), tc.want.GroupDelay(12, 250); got != want {
			t.Errorf("%s: reports a delay of %g s at 12 Hz, must be %g", tc.name, got, want)
		}
	}
}

// A burst in the pass band must come out as late as the step says.
func TestDelayIsTrue(t *testing.T) {
	for name, tc := range map[string]struct {
		params string
		hz     float64
	}{
		"fir":      {`{"low_hz": 8, "high_hz": 30}`, 15},
		"bandpass": {``, 15},
		"ellip":    {`{"low_hz": 8, "high_hz": 30}`, 15},
		"bessel":   {`{"low_hz": 5, "high_hz": 40}`, 15},
		"comb":     {`{"q": 5}`, 20},
		"dc":       {`{"cutoff_hz": 2}`, 15},
	} {
		info := preprocesstest.Info().Pick([]int{0})
		c := signal.NewChunk(info, 0, 6000)
		envelope := func(at float64) float64 { return math.Exp(-(at * at) / (2 * 0.8 * 0.8)) }
		for i := range c.X[0] {
			at := float64(i)/250 - 8
			c.X[0][i] = envelope(at) * math.Cos(2*math.Pi*tc.hz*at)
		}
		p := step(t, name, tc.params)
		centre := func(x []float64) float64 {
			var sum, moment float64
			for i, v := range x {
				sum += v * v
				moment += float64(i) / 250 * v * v
			}
			return moment / sum
		}
		got := centre(process(t, p, c).X[0]) - centre(c.X[0])
		want := p.(interface{ DelayAt(hz float64) float64 }).DelayAt(tc.hz)
		if math.Abs(got-want) > 2e-3 {
			t.Errorf("%s: a burst of %g Hz comes %g s late, the step says %g", name, tc.hz, got, want)
		}
	}
	if got := (&filt.FIR{}).DelaySeconds() + (&filt.Bandpass{}).DelayAt(3) + (&filt.Comb{}).DelaySeconds() + (&filt.DC{}).DelayAt(1); got != 0 {
		t.Errorf("steps that were not started report delays of %g s", got)
	}
}

func TestFIRStep(t *testing.T) {
	h, err := dsp.FIR(dsp.Bandpass(8, 30), dsp.FIROptions{Window: dsp.BlackmanFIR, LowTrans: 3, HighTrans: 4}, 250)
	if err != nil {
		t.Fatal(err)
	}
	c := noise(preprocesstest.Info(), 900)
	c.X[2][100] = math.NaN()
	p := step(t, "fir", `{"low_hz": 8, "high_hz": 30, "low_trans_hz": 3, "high_trans_hz": 4, "window": "blackman"}`)
	got := process(t, p, c)
	for _, i := range []int{0, 99, 500, 899} {
		var want float64
		for k := range min(len(h), i+1) {
			want += h[k] * c.X[0][i-k]
		}
		if math.Abs(got.X[0][i]-want) > 1e-10 {
			t.Errorf("sample %d is %g, must be %g", i, got.X[0][i], want)
		}
	}
	for i, v := range got.X[2] {
		if reached := i >= 100 && i < 100+len(h); reached != math.IsNaN(v) {
			t.Fatalf("a NaN at 100 under %d taps: sample %d is %g", len(h), i, v)
		}
	}
	if got, want := p.(*filt.FIR).DelaySeconds(), float64(len(h)-1)/2/250; got != want {
		t.Errorf("reports a delay of %g s, must be %g", got, want)
	}
}

func TestDC(t *testing.T) {
	info := preprocesstest.Info().Pick([]int{0, 1})
	c := signal.NewChunk(info, 0, 5000)
	for i := range c.X[0] {
		c.X[0][i] = 40000
		c.X[1][i] = math.Sin(2 * math.Pi * 2 * float64(i) / 250) // at the cutoff
	}
	c.X[0][0], c.X[0][10] = math.Inf(1), math.NaN()
	got := process(t, step(t, "dc", `{"cutoff_hz": 2}`), c)
	for i, v := range got.X[0] {
		if bad := i == 0 || i == 10; bad != math.IsNaN(v) || (!bad && v != 0) {
			t.Fatalf("sample %d of a constant is %g: a constant leaves 0 from its first sample on, and what is no number shows once", i, v)
		}
	}
	var power float64
	for _, v := range got.X[1][2500:] {
		power += v * v / 2500
	}
	if math.Abs(power-0.25) > 1e-3 { // a sine has ½
		t.Errorf("at the cutoff a power of %g is left, must be a quarter", power)
	}
}

func TestComb(t *testing.T) {
	info := preprocesstest.Info().Pick([]int{0})
	c := signal.NewChunk(info, 0, 5000)
	for i := range c.X[0] {
		at := float64(i) / 250
		c.X[0][i] = 300 + 50*math.Sin(2*math.Pi*50*at) + 30*math.Cos(2*math.Pi*100*at) + 10*math.Sin(2*math.Pi*11*at)
	}
	got := process(t, step(t, "comb", `{"freq_hz": 50, "q": 30}`), c)
	for i := 4000; i < 5000; i++ {
		want := 10 * math.Sin(2*math.Pi*11*(float64(i)/250))
		if math.Abs(got.X[0][i]-want) > 1.2 { // the notches next to 11 Hz turn its phase a little
			t.Fatalf("sample %d is %g, must be about %g: 50 and 100 Hz and the mean are to be gone", i, got.X[0][i], want)
		}
	}
}

func TestFilterbank(t *testing.T) {
	info := preprocesstest.Info()
	c := noise(info, 700)
	p := step(t, "filterbank", `{"bands": [[4, 8.5], [8, 12]], "order": 3}`)
	out, err := p.Start(info)
	if err != nil {
		t.Fatal(err)
	}
	want := "Fp1@4-8.5 F3@4-8.5 C3@4-8.5 C4@4-8.5 O1@4-8.5 O2@4-8.5 Fp1@8-12 F3@8-12 C3@8-12 C4@8-12 O1@8-12 O2@8-12"
	if got := strings.Join(out.Names(), " "); got != want {
		t.Errorf("the channels are %s, must be %s", got, want)
	}
	if info.Channels[0].Name != "Fp1" || out.Channels[6].Kind != signal.EEG || out.Channels[6].Pos != info.Channels[0].Pos {
		t.Error("the copies must keep what the channels are, and leave the input alone")
	}
	got, err := p.Process(c)
	if err != nil {
		t.Fatal(err)
	}
	for b, band := range []dsp.Band{dsp.Bandpass(4, 8.5), dsp.Bandpass(8, 12)} {
		sos, err := dsp.Butter(3, band, 250)
		if err != nil {
			t.Fatal(err)
		}
		y := make([]float64, 700)
		for ch := range 6 {
			sos.Filt([][]float64{y}, c.X[ch:ch+1], sos.NewState(1))
			for i, v := range y {
				if got.X[6*b+ch][i] != v {
					t.Fatalf("%s sample %d is %g, must be %g", out.Channels[6*b+ch].Name, i, got.X[6*b+ch][i], v)
				}
			}
		}
		if got := p.(*filt.Filterbank).BandDelay(b); got != sos.MeanDelay(250) {
			t.Errorf("band %d reports a delay of %g s", b, got)
		}
	}
	if fb := p.(*filt.Filterbank); fb.DelaySeconds() != max(fb.BandDelay(0), fb.BandDelay(1)) {
		t.Errorf("reports a delay of %g s, must be the longest of its bands", fb.DelaySeconds())
	}
}

func TestNewErrors(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"fir", ``, "fir: no edge: give low_hz, high_hz or both"},
		{"fir", `{"low_hz": 8, "stop": true}`, "fir: stop removes what is between two edges"},
		{"fir", `{"low_hz": 30, "high_hz": 8}`, "fir: low_hz is 30 and high_hz is 8, the first must be below the second"},
		{"fir", `{"high_hz": 30, "low_trans_hz": 2}`, "fir: a transition band is given at an edge that is not"},
		{"fir", `{"high_hz": 30, "window": "boxcar"}`, `fir: window is "boxcar", must be hamming, hann or blackman`},
		{"fir", `{"high_hz": 30, "high_trans_hz": 200}`, "fir: upper transition band is 200 Hz wide"},
		{"cheby1", `{"high_hz": -4}`, "cheby1: high_hz is -4, must be above 0 and below 125 Hz"},
		{"cheby1", `{"high_hz": 4, "ripple_db": 0}`, "cheby1: ripple in the pass band is 0 dB"},
		{"cheby2", `{"low_hz": 126}`, "cheby2: low_hz is 126, must be above 0 and below 125 Hz"},
		{"cheby2", `{"low_hz": 12, "order": 0}`, "cheby2: order is 0, must be 1 to 12"},
		{"ellip", `{"low_hz": 12, "ripple_db": 50}`, "ellip: ripple in the pass band is 50 dB and attenuation of the stop band 40 dB"},
		{"bessel", `{"high_hz": 12, "order": 13}`, "bessel: order is 13, must be 1 to 12"},
		{"comb", `{"freq_hz": 60}`, "comb: frequency is 60 Hz, must divide the sampling rate of 250 Hz: resample first"},
		{"comb", `{"q": 1}`, "comb: q is 1, must be above 1 and finite"},
		{"dc", `{"cutoff_hz": 0}`, "dc: cutoff_hz is 0, must be above 0"},
		{"filterbank", `{"bands": []}`, "filterbank: bands is empty"},
		{"filterbank", `{"bands": [[4, 8, 12]]}`, "filterbank: band 1 of bands is [4 8 12], must be two frequencies"},
		{"filterbank", `{"bands": [[4, 8], [12, 8]]}`, "filterbank: band 2: low_hz is 12 and high_hz is 8"},
		{"filterbank", `{"bands": [[4, 8], [4, 8]]}`, "filterbank: the band 4 to 8 Hz is listed twice"},
		{"filterbank", `{"order": 99}`, "filterbank: band 1: order is 99"},
	} {
		_, err := step(t, tc.name, tc.params).Start(preprocesstest.Info())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: the error is %v, must contain %q", tc.name, tc.params, err, tc.want)
		}
	}
	if _, err := step(t, "filterbank", ``).Start(preprocesstest.Info().Pick([]int{6, 7})); err == nil || !strings.Contains(err.Error(), "no eeg, seeg or ecog channel") {
		t.Errorf("filterbank without EEG: the error is %v", err)
	}
	for name, params := range map[string]string{"fir": `{"high_hz": 30}`, "filterbank": ``} {
		p := step(t, name, params)
		if _, err := p.Start(preprocesstest.Info()); err != nil {
			t.Fatal(err)
		}
		if _, err := p.Process(signal.NewChunk(preprocesstest.Info().Pick([]int{0, 1}), 0, 5)); err == nil {
			t.Errorf("%s takes a chunk of 2 channels, was started for 8", name)
		}
	}
}

func offline(t testing.TB, name, params string) preprocess.Offline {
	t.Helper()
	o, err := preprocess.Offlines().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// The steps against MNE's and SciPy's numbers, with a trigger channel that must pass as it is.
func TestOfflineGolden(t *testing.T) {
	for _, tc := range []struct {
		name, params, in, want, peer string
		channels                     int
	}{
		{"fir_zero_phase", ``, "long", "mne_fir_8_30", "MNE 1.9.0", 4},
		{"notch_zero_phase", ``, "long", "mne_notch50", "MNE 1.9.0", 4},
		{"filtfilt", ``, "sig", "sosfiltfilt", "SciPy sosfiltfilt", 22},
	} {
		x, want := datasettest.Golden(t, tc.in), datasettest.Golden(t, tc.want)
		n := len(x) / tc.channels
		info := &signal.Info{Rate: 250}
		for ch := range tc.channels {
			info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch), Kind: signal.EEG, Unit: signal.Microvolt})
		}
		info.Channels = append(info.Channels, signal.Channel{Name: "STI", Kind: signal.Trigger})
		c := signal.NewChunk(info, 0, n)
		for ch := range tc.channels {
			copy(c.X[ch], x[ch*n:])
		}
		for i := range c.X[tc.channels] {
			c.X[tc.channels][i] = float64(i % 7)
		}
		got, err := offline(t, tc.name, tc.params).Apply(c)
		if err != nil {
			t.Fatal(err)
		}
		var all []float64
		for ch := range tc.channels {
			all = append(all, got.X[ch]...)
			var scale, worst float64
			for i, v := range want[ch*n : (ch+1)*n] {
				scale, worst = max(scale, math.Abs(v)), max(worst, math.Abs(v-got.X[ch][i]))
			}
			if !(worst <= 1e-9*scale) {
				t.Errorf("%s: channel %d differs by %g of the largest value", tc.name, ch, worst/scale)
			}
		}
		paritytest.Within(t, "step "+tc.name, tc.peer, "golden/"+tc.want, all, want, 1e-9)
		for i, v := range got.X[tc.channels] {
			if v != float64(i%7) {
				t.Fatalf("%s: sample %d of the trigger is %g, must be %d", tc.name, i, v, i%7)
			}
		}
	}
}

func TestOfflineErrors(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"fir_zero_phase", `{"low_hz": 0, "high_hz": 0}`, "fir_zero_phase: no edge"},
		{"filtfilt", `{"low_hz": 0, "stop": true}`, "filtfilt: stop removes what is between two edges"},
		{"filtfilt", `{"order": 0}`, "filtfilt: order is 0, must be 1 to 12"},
		{"notch_zero_phase", `{"freqs_hz": []}`, "notch_zero_phase: no frequency to remove"},
		{"notch_zero_phase", `{"freqs_hz": [125]}`, "notch_zero_phase: notch at 125 Hz reaches"},
		{"notch_zero_phase", `{"trans_hz": 0}`, "notch_zero_phase: trans_hz is 0, must be above 0"},
		{"notch_zero_phase", `{"width_hz": -1}`, "notch_zero_phase: notches are -1 Hz wide"},
	} {
		if _, err := offline(t, tc.name, tc.params).Apply(noise(preprocesstest.Info(), 100)); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: the error is %v, must contain %q", tc.name, tc.params, err, tc.want)
		}
	}
}

// hour is one hour of 22 channels at 250 Hz.
func hour() signal.Chunk {
	info := &signal.Info{Rate: 250}
	for ch := range 22 {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	return noise(info, 900000)
}

// The sizes of the peers' scripts in benchmarks/speed/peers.
func BenchmarkFIRZeroPhase(b *testing.B) {
	c := hour()
	for b.Loop() {
		if _, err := offline(b, "fir_zero_phase", ``).Apply(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFiltFilt(b *testing.B) {
	c := hour()
	for b.Loop() {
		if _, err := offline(b, "filtfilt", ``).Apply(c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBandpassHour(b *testing.B) {
	c := hour()
	p := step(b, "bandpass", ``)
	for b.Loop() {
		if _, err := p.Start(c.Info); err != nil {
			b.Fatal(err)
		}
		if _, err := p.Process(c); err != nil {
			b.Fatal(err)
		}
	}
}
