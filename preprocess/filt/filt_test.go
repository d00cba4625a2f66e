package filt_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/dsp"
	"github.com/gyrus-bci/gyrus/preprocess/filt"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
)

var names = []string{"notch", "bandpass", "bandstop", "lowpass", "highpass"}

// make a step as a pipeline file does.
func step(t testing.TB, name, params string) preprocess.Processor {
	t.Helper()
	p, err := preprocess.Processors().New(name, []byte(params))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// The suite itself runs in preprocess/all.
func TestChannelsApart(t *testing.T) {
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			preprocesstest.ChannelsApart(t, func() preprocess.Processor { return step(t, name, "") })
		})
	}
}

// Every step must give its keys to the design in the right places.
func TestStepsAreTheirDesigns(t *testing.T) {
	design := func(order int, b dsp.Band) dsp.SOS {
		sos, err := dsp.Butter(order, b, 250)
		if err != nil {
			t.Fatal(err)
		}
		return sos
	}
	for _, tc := range []struct {
		name, params string
		want         dsp.SOS
	}{
		{"notch", `{"freq_hz": 60, "q": 20}`, dsp.SOS{dsp.NotchSection(60, 20, 250)}},
		{"notch", ``, dsp.SOS{dsp.NotchSection(50, 30, 250)}},
		{"bandpass", `{"low_hz": 5, "high_hz": 45, "order": 3}`, design(3, dsp.Bandpass(5, 45))},
		{"bandpass", ``, design(4, dsp.Bandpass(8, 30))},
		{"bandstop", `{"low_hz": 55, "high_hz": 65, "order": 1}`, design(1, dsp.Bandstop(55, 65))},
		{"lowpass", `{"cutoff_hz": 33, "order": 5}`, design(5, dsp.Lowpass(33))},
		{"highpass", `{"cutoff_hz": 1.5, "order": 2}`, design(2, dsp.Highpass(1.5))},
	} {
		info := preprocesstest.Info()
		p := step(t, tc.name, tc.params)
		if _, err := p.Start(info); err != nil {
			t.Fatal(err)
		}
		c := signal.NewChunk(info, 0, 300)
		for ch, x := range c.X {
			for i := range x {
				x[i] = float64((i*(ch+3))%17 + 100)
			}
		}
		got, err := p.Process(c)
		if err != nil {
			t.Fatal(err)
		}
		want := c.Clone().X
		for ch := range want {
			if info.Channels[ch].Kind != signal.Trigger { // codes pass as they are
				tc.want.Filt(want[ch:ch+1], c.X[ch:ch+1], tc.want.NewState(1))
			}
			for i, v := range want[ch] {
				if got.X[ch][i] != v {
					t.Fatalf("%s %s: %s sample %d is %g, must be %g", tc.name, tc.params, info.Channels[ch].Name, i, got.X[ch][i], v)
				}
			}
		}
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct{ name, params, want string }{
		{"notch", `{"freq_hz": 125}`, "notch: freq_hz is 125, must be above 0 and below 125 Hz (half the sampling rate of 250 Hz)"},
		{"notch", `{"freq_hz": -50}`, "notch: freq_hz is -50"},
		{"notch", `{"q": 0.3}`, "notch: q is 0.3, must be finite and above 0.4 (freq_hz over half the sampling rate); 30 is usual"},
		{"bandpass", `{"high_hz": 130}`, "bandpass: high_hz is 130, must be above 0 and below 125 Hz (half the sampling rate of 250 Hz)"},
		{"bandpass", `{"low_hz": 0}`, "bandpass: low_hz is 0"},
		{"bandpass", `{"low_hz": 30, "high_hz": 8}`, "bandpass: low_hz is 30 and high_hz is 8, the first must be below the second"},
		{"bandpass", `{"order": 0}`, "bandpass: order is 0, must be 1 to 12"},
		{"bandstop", `{"order": 13}`, "bandstop: order is 13, must be 1 to 12"},
		{"bandstop", `{"low_hz": 52}`, "bandstop: low_hz is 52 and high_hz is 52"},
		{"lowpass", `{"cutoff_hz": 200}`, "lowpass: cutoff_hz is 200, must be above 0 and below 125 Hz"},
		{"highpass", `{"cutoff_hz": 0}`, "highpass: cutoff_hz is 0, must be above 0 and below 125 Hz"},
		{"highpass", `{"cutoff_hz": 1e-11}`, "highpass: no stable filter"},
	} {
		_, err := step(t, tc.name, tc.params).Start(preprocesstest.Info())
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s %s: error is %v, must contain %q", tc.name, tc.params, err, tc.want)
		}
	}
	for _, p := range []preprocess.Processor{
		&filt.Notch{Freq: math.NaN(), Q: 30},
		&filt.Notch{Freq: 50, Q: math.NaN()},
		&filt.Notch{Freq: 50, Q: math.Inf(1)},
		&filt.Bandpass{Low: math.NaN(), High: 30, Order: 4},
		&filt.Bandpass{Low: 8, High: math.Inf(1), Order: 4},
		&filt.Lowpass{Cutoff: math.NaN(), Order: 4},
	} {
		if _, err := p.Start(preprocesstest.Info()); err == nil {
			t.Errorf("%+v starts, must be an error", p)
		}
	}
}

func TestChunkOfAnotherStream(t *testing.T) {
	for _, name := range names {
		p := step(t, name, "")
		if _, err := p.Start(preprocesstest.Info()); err != nil {
			t.Fatal(err)
		}
		other := preprocesstest.Info().Pick([]int{0, 1})
		if _, err := p.Process(signal.NewChunk(other, 0, 5)); err == nil {
			t.Errorf("%s takes a chunk of 2 channels, was started for 8", name)
		}
	}
}

func BenchmarkBandpass(b *testing.B) {
	for _, channels := range []int{8, 64, 256} {
		b.Run(fmt.Sprintf("ch=%d", channels), func(b *testing.B) { benchmark(b, channels, 250) })
	}
	// What comes from an amplifier: one chunk is 8 ms.
	b.Run("ch=64/chunk=2", func(b *testing.B) { benchmark(b, 64, 2) })
}

// benchmark filters chunks of n samples at 250 Hz.
func benchmark(b *testing.B, channels, n int) {
	info := &signal.Info{Rate: 250}
	for ch := range channels {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	f := step(b, "bandpass", "")
	if _, err := f.Start(info); err != nil {
		b.Fatal(err)
	}
	c := signal.NewChunk(info, 0, n)
	for ch, x := range c.X {
		for t := range x {
			x[t] = 20 * math.Sin(float64(t*(ch+1)))
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.Process(c); err != nil {
			b.Fatal(err)
		}
	}
	s := b.Elapsed().Seconds() / float64(b.N)
	b.ReportMetric(float64(n)/250/s, "x_realtime")
	b.ReportMetric(s*1e9/float64(channels*n), "ns/channel-sample")
}
