package resample_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/dataset/datasettest"
	"github.com/gyrus-bci/gyrus/ingest/paritytest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/preprocess"
	"github.com/gyrus-bci/gyrus/preprocess/preprocesstest"
	"github.com/gyrus-bci/gyrus/preprocess/resample"
)

// channels describes n EEG channels and a trigger.
func channels(n int, rate float64) *signal.Info {
	info := &signal.Info{Rate: rate}
	for ch := range n {
		info.Channels = append(info.Channels, signal.Channel{Name: fmt.Sprintf("E%d", ch), Kind: signal.EEG, Unit: signal.Microvolt})
	}
	info.Channels = append(info.Channels, signal.Channel{Name: "STI", Kind: signal.Trigger})
	return info
}

// golden is the four channels of one minute at 250 Hz that MNE resampled.
func golden(t *testing.T) signal.Chunk {
	t.Helper()
	const n = 15000
	x := datasettest.Golden(t, "long")
	c := signal.NewChunk(channels(4, 250), 0, n)
	for ch := range 4 {
		copy(c.X[ch], x[ch*n:])
	}
	return c
}

func compare(t *testing.T, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d samples, must be %d", what, len(got), len(want))
	}
	var scale, worst float64
	for i, v := range want {
		scale, worst = max(scale, math.Abs(v)), max(worst, math.Abs(v-got[i]))
	}
	if !(worst <= 1e-9*scale) {
		t.Errorf("%s: differs by %g of the largest value", what, worst/scale)
	}
}

// stream plays c through p in pieces of up to most samples.
func stream(t testing.TB, p preprocess.Processor, c signal.Chunk, most int) signal.Chunk {
	t.Helper()
	info, err := p.Start(c.Info)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var all signal.Chunk
	take := func(out signal.Chunk, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if out.Len() == 0 {
			return
		}
		if all.Len() == 0 {
			all = out.Clone()
			all.Info = info
			return
		}
		if out.Start != all.End() {
			t.Fatalf("samples %d follow on %d", out.Start, all.End())
		}
		for ch, x := range out.X {
			all.X[ch] = append(all.X[ch], x...)
		}
		all.Events = append(all.Events, out.Events...)
	}
	for at := c.Start; at < c.End(); {
		n := min(int64(1+r.IntN(most)), c.End()-at)
		take(p.Process(c.Slice(at, at+n)))
		at += n
	}
	take(p.Flush())
	return all
}

func TestStreamIsMNEPolyphase(t *testing.T) {
	c, want := golden(t), datasettest.Golden(t, "mne_resample_poly_125")
	var all, twice []float64
	for _, most := range []int{7, 20000} {
		got := stream(t, &resample.Resample{Rate: 125}, c, most)
		for ch := range 4 {
			compare(t, fmt.Sprintf("channel %d", ch), got.X[ch], want[ch*7500:(ch+1)*7500])
			all = append(all, got.X[ch]...)
		}
		twice = append(twice, want...)
	}
	paritytest.Within(t, "step resample, 250 to 125 Hz, in pieces of any length", "MNE 1.9.0", "golden/mne_resample_poly_125", all, twice, 1e-9)
}

func TestFFTIsMNE(t *testing.T) {
	want := datasettest.Golden(t, "mne_resample_fft_128")
	got, err := (&resample.FFT{Rate: 128, MNE: true}).Apply(golden(t))
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	for ch := range 4 {
		all = append(all, got.X[ch]...)
		compare(t, fmt.Sprintf("channel %d", ch), got.X[ch], want[ch*7680:(ch+1)*7680])
	}
	paritytest.Within(t, "step resample_fft, 250 to 128 Hz", "MNE 1.9.0", "golden/mne_resample_fft_128", all, want, 1e-9)
}

// What is measured at a time must come out at that time, from wherever the stream begins.
func TestSamplesAreInPlace(t *testing.T) {
	wave := func(ns int64) float64 { return math.Cos(2 * math.Pi * 3 * float64(ns-7e9) / 1e9) }
	for name, apply := range map[string]func(signal.Chunk) signal.Chunk{
		"resample": func(c signal.Chunk) signal.Chunk { return stream(t, &resample.Resample{Rate: 128}, c, 90) },
		"resample_fft": func(c signal.Chunk) signal.Chunk {
			out, err := (&resample.FFT{Rate: 128}).Apply(c)
			if err != nil {
				t.Fatal(err)
			}
			return out
		},
	} {
		for _, start := range []int64{0, 1, 62, 125, 1003, 1004} {
			c := signal.NewChunk(channels(1, 250), start, 2500)
			c.Time = 7e9 + start*4e6
			for i := range c.X[0] {
				c.X[0][i] = wave(c.TimeAt(start + int64(i)))
			}
			got := apply(c)
			if lo, hi := (start*64+124)/125, ((start+2500)*64+124)/125; got.Start != lo || got.End() != hi {
				t.Fatalf("%s from %d: the samples are [%d, %d), must be [%d, %d)", name, start, got.Start, got.End(), lo, hi)
			}
			for i, v := range got.X[0] {
				s := got.Start + int64(i)
				if at := got.TimeAt(s); at != 7e9+s*7812500 {
					t.Fatalf("%s from %d: sample %d has the time %d", name, start, s, at)
				}
				if want := wave(got.TimeAt(s)); i > 60 && i < got.Len()-60 && math.Abs(v-want) > 2e-3 { // the ripple of the filter, and the ends
					t.Fatalf("%s from %d: sample %d is %g, must be %g", name, start, s, v, want)
				}
			}
		}
	}
}

// Events go to the nearest sample, once; triggers keep their codes, however short.
func TestEventsAndTriggers(t *testing.T) {
	for _, rate := range []float64{50, 128, 1000} {
		c := signal.NewChunk(channels(1, 250), 11, 1000)
		trigger := c.X[1]
		for i := 0; i < 950; i += 37 {
			trigger[i] = float64(1 + i%5)
			c.Events = append(c.Events, signal.Event{Sample: 11 + int64(i), Onset: float64(i), Label: strconv.Itoa(1 + i%5)})
		}
		c.Events = append(c.Events, signal.Event{Sample: 1010, Label: "last"})
		for name, got := range map[string]signal.Chunk{
			"resample": stream(t, &resample.Resample{Rate: rate}, c, 30),
			"resample_fft": func() signal.Chunk {
				out, err := (&resample.FFT{Rate: rate}).Apply(c)
				if err != nil {
					t.Fatal(err)
				}
				return out
			}(),
		} {
			if len(got.Events) != len(c.Events) {
				t.Fatalf("%s to %g Hz: %d events, must be %d", name, rate, len(got.Events), len(c.Events))
			}
			for i, e := range got.Events {
				exact := float64(c.Events[i].Sample) * rate / 250
				if want := max(min(int64(math.Floor(exact+0.5)), got.End()-1), got.Start); e.Sample != want || e.Label != c.Events[i].Label || e.Onset != c.Events[i].Onset {
					t.Errorf("%s to %g Hz: event %d is %v, must be at %d", name, rate, i, e, want)
				}
			}
			var codes, want []float64
			last := 0.0
			for _, v := range got.X[1] {
				if v != 0 && v != last {
					codes = append(codes, v)
				}
				last = v
			}
			for _, v := range trigger {
				if v != 0 {
					want = append(want, v)
				}
			}
			if !slices.Equal(codes, want) {
				t.Errorf("%s to %g Hz: the codes are %v, must be %v", name, rate, codes, want)
			}
		}
	}
}

// One NaN spoils what the filter makes of it, and no more.
func TestNaNPasses(t *testing.T) {
	c := signal.NewChunk(channels(2, 250), 0, 1000)
	c.X[0][500] = math.NaN()
	p := &resample.Resample{Rate: 125}
	got := stream(t, p, c, 100)
	reach := p.HeldSeconds() * 125
	for i, v := range got.X[0] {
		if math.IsNaN(v) != (math.Abs(float64(i)-250) <= reach) || math.IsNaN(got.X[1][i]) {
			t.Fatalf("sample %d is %g, the NaN lies at 250 and reaches %g samples", i, v, reach)
		}
	}
}

func TestSameRate(t *testing.T) {
	c := signal.NewChunk(channels(1, 250), 5, 10)
	for i := range c.X[0] {
		c.X[0][i], c.X[1][i] = float64(i), float64(10-i)
	}
	got := stream(t, &resample.Resample{Rate: 250}, c, 3)
	off, err := (&resample.FFT{Rate: 250}).Apply(c)
	if err != nil {
		t.Fatal(err)
	}
	for ch := range c.X {
		if !slices.Equal(got.X[ch], c.X[ch]) || !slices.Equal(off.X[ch], c.X[ch]) || got.Start != 5 || off.Start != 5 {
			t.Fatalf("channel %d changes at the same rate: %v, %v", ch, got.X[ch], off.X[ch])
		}
	}
	if d := (&resample.Resample{}).HeldSeconds() + (&resample.Resample{}).DelaySeconds(); d != 0 {
		t.Errorf("a step that was not started reports %g s", d)
	}
}

func TestErrors(t *testing.T) {
	for _, tc := range []struct {
		rate, to float64
		want     string
	}{
		{250, 0, "rate_hz is 0, must be above 0 and finite"},
		{250, -1, "rate_hz is -1, must be above 0 and finite"},
		{250, math.NaN(), "rate_hz is NaN, must be above 0 and finite"},
		{250, 99.9999, "999999/2500000, both must be at most 20000: choose a rounder rate than 99.9999 for 250 Hz"},
		{250 / math.Pi, 100, "no ratio of whole numbers with at most six decimals"},
	} {
		_, err := (&resample.Resample{Rate: tc.to}).Start(channels(1, tc.rate))
		if err == nil || !strings.HasPrefix(err.Error(), "resample: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%g to %g Hz: the error is %v, must contain %q", tc.rate, tc.to, err, tc.want)
		}
		_, err = (&resample.FFT{Rate: tc.to}).Apply(signal.NewChunk(channels(1, tc.rate), 0, 10))
		if err == nil || !strings.HasPrefix(err.Error(), "resample_fft: ") || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%g to %g Hz: the error is %v, must contain %q", tc.rate, tc.to, err, tc.want)
		}
	}
	for _, ok := range [][2]float64{{256, 100}, {512.5, 250}, {1000, 99.7}, {44100, 16000}} { // exact, if odd
		if _, err := (&resample.Resample{Rate: ok[1]}).Start(channels(1, ok[0])); err != nil {
			t.Errorf("%g to %g Hz: %v", ok[0], ok[1], err)
		}
	}
	if _, err := (&resample.Resample{Rate: 100}).Start(channels(0, 250)); err == nil || !strings.Contains(err.Error(), "are all triggers") {
		t.Errorf("without a channel to filter the error is %v", err)
	}
	p := &resample.Resample{Rate: 125}
	if _, err := p.Start(preprocesstest.Info()); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Process(signal.NewChunk(channels(1, 250), 0, 5)); err == nil || !strings.Contains(err.Error(), "a chunk of 2 channels, must be 8") {
		t.Errorf("a chunk of another stream: the error is %v", err)
	}
	// A stretch between two gaps that no sample of the output falls into: its events must not vanish.
	lost := signal.NewChunk(channels(1, 250), 1, 1)
	lost.Events = []signal.Event{{Sample: 1, Label: "cue"}}
	if _, err := p.Start(lost.Info); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Process(lost); err != nil {
		t.Fatal(err)
	}
	if _, err := p.Flush(); err == nil || !strings.Contains(err.Error(), "the samples [1, 2) between two gaps are so few that none remains at 125 Hz, but they have 1 events") {
		t.Errorf("lost events: the error is %v", err)
	}
	if _, err := (&resample.FFT{Rate: 125}).Apply(lost); err == nil || !strings.Contains(err.Error(), "but they have 1 events") {
		t.Errorf("lost events: the error is %v", err)
	}
}

// The sizes of benchmarks/speed/peers/resample.py: 22 channels of one hour, 250 to 128 Hz.
func hour() signal.Chunk {
	c := signal.NewChunk(channels(22, 250), 0, 900000)
	r := rand.New(rand.NewPCG(1, 1))
	for _, x := range c.X[:22] {
		for i := range x {
			x[i] = 20 * r.NormFloat64()
		}
	}
	return c
}

func BenchmarkResample(b *testing.B) { // in chunks of one second, as a stream comes
	c := hour()
	p := &resample.Resample{Rate: 128}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Start(c.Info); err != nil {
			b.Fatal(err)
		}
		for at := int64(0); at < c.End(); at += 250 {
			if _, err := p.Process(c.Slice(at, at+250)); err != nil {
				b.Fatal(err)
			}
		}
		if _, err := p.Flush(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkResampleFFT(b *testing.B) {
	c := hour()
	for b.Loop() {
		if _, err := (&resample.FFT{Rate: 128}).Apply(c); err != nil {
			b.Fatal(err)
		}
	}
}
