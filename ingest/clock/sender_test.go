package clock

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
)

// sender is a program that sends chunks, each when its last sample has been measured, or later.
type sender struct {
	rate, truth float64 // Hz: that it names, and that of its clock
	chunk       int     // samples; each has a stamp if all is set, else the first one
	all         bool
	equal       bool                       // the samples of a chunk have the same stamp
	delay       func(r *rand.Rand) float64 // s, of a chunk
	busy        func(t float64) float64    // s, until when one that is to be sent at t has to wait
	slew        func(t float64) float64    // s, by which the clock of the stamps is off
	seconds     float64                    // how long it goes on
}

// run tells a tracker what the sender does.
func (s sender) run(t *testing.T, opt Options) *drive {
	rng := rand.New(rand.NewPCG(31, 32))
	opt.Rate = s.rate
	d := newDrive(t, opt)
	newest := 0.0
	for k := 0; float64(k) < s.seconds*s.truth; k += s.chunk {
		at := 100 + float64(k+s.chunk-1)/s.truth // when the last sample was measured
		sent := at
		if s.delay != nil {
			sent += s.delay(rng)
		}
		if s.busy != nil {
			sent = max(sent, s.busy(sent))
		}
		sent = max(sent, newest) // one behind the other
		newest = sent
		stamp := sent
		if s.slew != nil {
			stamp += s.slew(sent)
		}
		for i := range s.chunk {
			x := stamp
			if !s.equal {
				x -= float64(s.chunk-1-i) / s.truth
			}
			d.add(x, sent, s.all || i == 0)
		}
	}
	return d
}

// TestTrackerSenders: programs that lose nothing, whatever else they do: no loss is told, no clock has jumped, and the rate comes out.
func TestTrackerSenders(t *testing.T) {
	expo := func(mean float64) func(*rand.Rand) float64 {
		return func(r *rand.Rand) float64 { return mean * r.ExpFloat64() }
	}
	stalls := func(every, long float64) func(float64) float64 { // from the beginning on
		return func(at float64) float64 {
			if phase := math.Mod(at, every); phase < long {
				return at - phase + long
			}
			return at
		}
	}
	ticks := func(tick float64) func(float64) float64 {
		return func(at float64) float64 { return tick * math.Ceil(at/tick) }
	}
	slew := func(at float64) float64 { return 500e-6 * min(max(at-130, 0), 60) } // as NTP does, for a minute
	for name, s := range map[string]sender{
		"held up for 250 ms every 7 s, chunks of 25, all stamped":  {rate: 250, chunk: 25, all: true, delay: expo(5e-4), busy: stalls(7, 0.25)},
		"held up for 250 ms every 7 s, chunks of 25":               {rate: 250, chunk: 25, delay: expo(5e-4), busy: stalls(7, 0.25)},
		"held up for 200 ms every 3 s, chunks of 8":                {rate: 250, chunk: 8, delay: expo(5e-4), busy: stalls(3, 0.2)},
		"held up for 150 ms every 3 s, 128 Hz, chunks of 25":       {rate: 128, chunk: 25, delay: expo(5e-4), busy: stalls(3, 0.15)},
		"held up for 200 ms every 5 s, 1 kHz, one by one":          {rate: 1000, chunk: 1, delay: expo(5e-4), busy: stalls(5, 0.2)},
		"a first second at once, with equal stamps":                {rate: 250, chunk: 1, all: true, busy: func(at float64) float64 { return max(at, 101) }},
		"a first second at once, in chunks of equal stamps":        {rate: 250, chunk: 8, all: true, equal: true, delay: expo(1e-3), busy: func(at float64) float64 { return max(at, 101) }},
		"a slewed clock, 1 kHz, exact":                             {rate: 1000, chunk: 20, slew: slew},
		"a slewed clock, 1 kHz, exact, all stamped":                {rate: 1000, chunk: 20, all: true, slew: slew},
		"polled every 16 ms, 256 Hz, packets of 4":                 {rate: 256, chunk: 4, busy: ticks(16e-3)},
		"polled every 10 ms, 512 Hz, one by one":                   {rate: 512, chunk: 1, busy: ticks(10e-3)},
		"Bluetooth, chunks of 12, all with the delay of the chunk": {rate: 256, chunk: 12, all: true, delay: expo(10e-3)},
		"Bluetooth, chunks of 12 with one stamp":                   {rate: 256, chunk: 12, all: true, equal: true, delay: expo(5e-3)},
		"1 Hz, late by up to 60 ms":                                {rate: 1, chunk: 1, seconds: 900, delay: func(r *rand.Rand) float64 { return 0.06 * r.Float64() }},
		"0.8 % slow, chunks of 25":                                 {rate: 250, truth: 248, chunk: 25, delay: expo(1e-3)},
	} {
		if s.truth == 0 {
			s.truth = s.rate
		}
		if s.seconds == 0 {
			s.seconds = 120
		}
		d := s.run(t, Options{})
		t.Logf("%s: %d runs, %d jumps, %.3f Hz, jitter %.3g ms", name, len(d.runs), d.tr.Jumps, d.tr.RateHz(), 1e3*d.tr.JitterS())
		if len(d.runs) != 1 || d.tr.Jumps != 0 {
			t.Errorf("%s: %d runs, %d jumps", name, len(d.runs), d.tr.Jumps)
		}
		if r := d.tr.RateHz(); !(math.Abs(r/s.truth-1) < 2e-3) {
			t.Errorf("%s: a rate of %g Hz", name, r)
		}
	}
}

// TestTrackerLongGaps: behind hours without a sample, or without a stamp, times are right and finite.
func TestTrackerLongGaps(t *testing.T) {
	for _, hours := range []float64{1, 13, 200} {
		for _, how := range []string{"stamps", "told", "without a stamp"} {
			name := fmt.Sprintf("%g h, %s", hours, how)
			d := newDrive(t, Options{Rate: 250, HalfTimeS: 5})
			for k := range 5000 {
				d.add(100+float64(k)/250, 100+float64(k)/250, true)
			}
			n := int64(hours * 3600 * 250)
			begin := 5000 + n
			switch how {
			case "told":
				d.tr.Missing(n)
			case "without a stamp":
				if hours > 1 {
					continue // as many samples take long
				}
				for k := range n {
					d.add(0, 100+float64(5000+k)/250, false)
				}
			}
			for k := range int64(5000) {
				at := 100 + float64(begin+k)/250
				d.add(at, at, true)
			}
			if e := d.time[len(d.time)-1] - (100 + float64(begin+4999)/250); !(math.Abs(e) < 1e-3) {
				t.Errorf("%s: the last time is off by %g s", name, e)
			}
			if r := d.tr.RateHz(); !(math.Abs(r-250) < 0.1) || math.IsNaN(d.tr.JitterS()) {
				t.Errorf("%s: %g Hz, jitter %g s", name, r, d.tr.JitterS())
			}
		}
	}
}
