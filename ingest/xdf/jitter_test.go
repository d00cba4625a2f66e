package xdf_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// jittered is stamps of n samples at a rate, from 100 s on: true times, and what each is late by.
func jittered(n int, rate float64, late func(rng *rand.Rand) float64) func(k int) float64 {
	rng := rand.New(rand.NewPCG(6, 6))
	stamps := make([]float64, n)
	for k := range stamps {
		stamps[k] = 100 + float64(k)/rate + late(rng)
	}
	return func(k int) float64 { return stamps[k] }
}

// evenly is a jitter anywhere between 0 and most.
func evenly(most float64) func(rng *rand.Rand) float64 {
	return func(rng *rand.Rand) float64 { return most * rng.Float64() }
}

// openLossy is a recording of lossy at a nominal rate of 250 Hz, with markers at the true times of samples at a rate.
func openLossy(t *testing.T, n int, rate float64, lost func(k int) bool, stamp func(k int) float64) *signal.Recording {
	t.Helper()
	data := lossyMarked(t, n, 250, lost, stamp, func(k int) float64 { return 100 + float64(k)/rate })
	rec, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	})
	return rec
}

// checkTrue compares where samples and events stand with the numbers of the samples at their true times. Places may be off by so many
// samples, events by one.
func checkTrue(t *testing.T, name string, rec *signal.Recording, n int, lost func(k int) bool, off int64) {
	t.Helper()
	var want []signal.Span
	for k := range n {
		switch last := len(want) - 1; {
		case !lost(k):
		case last >= 0 && want[last].End() == int64(k):
			want[last].Len++
		default:
			want = append(want, signal.Span{Start: int64(k), Len: 1})
		}
	}
	got := rec.Gaps()
	if !slices.EqualFunc(got, want, func(a, b signal.Span) bool {
		return a.Len == b.Len && max(a.Start-b.Start, b.Start-a.Start) <= off
	}) {
		k := 0
		for k < min(len(got), len(want)) && got[k] == want[k] {
			k++
		}
		t.Errorf("%s: %d gaps, want %d: from gap %d on %v, want %v; %v", name, len(got), len(want), k, got[k:min(k+4, len(got))], want[k:min(k+4, len(want))], rec.Deviations)
		return
	}
	if rec.Info.Rate != 250 {
		t.Errorf("%s: the rate is %.9g Hz, want 250 Hz", name, rec.Info.Rate)
	}
	for _, e := range rec.Events {
		k, err := strconv.ParseInt(e.Label, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if d := e.Sample - k; d < -1 || d > 1 {
			// where its own sample is lost it may stand at the last one before, or the first behind
			inside := lost(int(k)) && (e.Sample <= k && !slices.ContainsFunc(want, func(s signal.Span) bool { return s.Start > e.Sample+1 && s.Start <= k }))
			if !inside {
				t.Errorf("%s: event %d stands at sample %d", name, k, e.Sample)
			}
		}
	}
	for _, run := range rec.Runs() {
		x := [][]float64{make([]float64, run.Len)}
		if err := rec.Data.ReadSamples(x, run.Start); err != nil {
			t.Fatal(err)
		}
		for i, v := range x[0] {
			if d := run.Start + int64(i) - int64(v); d < -off || d > off {
				t.Fatalf("%s: sample %d is sample %g of the amplifier", name, run.Start+int64(i), v)
			}
		}
	}
	if slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Found, "may be missing") }) {
		t.Errorf("%s: %v", name, rec.Deviations)
	}
}

// TestGapsWithJitter: samples that are lost are gaps at their place whatever the jitter of the stamps, as long as it is less than a step;
// none is lost to another rate.
func TestGapsWithJitter(t *testing.T) {
	const n = 6000
	for _, jitter := range []float64{0, 1e-6, 1e-5, 1e-4, 1e-3, 3e-3} {
		stamp := jittered(n, 250, evenly(jitter))
		for _, long := range []int{1, 2, 5, 25, 125, 249, 400, 499} {
			for _, at := range []int{40, 1000, 3013, n - 40 - long} {
				name := fmt.Sprintf("%d samples at %d, %g s of jitter", long, at, jitter)
				lost := func(k int) bool { return at <= k && k < at+long }
				checkTrue(t, name, openLossy(t, n, 250, lost, stamp), n, lost, 0)
			}
		}
	}
}

// TestManyGapsWithJitter: one gap does not hide another.
func TestManyGapsWithJitter(t *testing.T) {
	for _, jitter := range []float64{1e-5, 1e-4, 1e-3, 3e-3} {
		stamp := jittered(lossyLen, 250, evenly(jitter))
		for _, tc := range []struct{ many, mean int }{{1, 2000}, {1, 400}, {5, 700}, {12, 512}, {12, 1024}, {25, 750}, {200, 3000}} {
			lost := atRandom(tc.many, tc.mean)
			if jitter > 2e-3 { // some stamps must lie between two losses for each to be seen
				lost = atRandomApart(tc.many, tc.mean, max(3*tc.many, 20))
			}
			checkTrue(t, fmt.Sprintf("%d about every %d, %g s of jitter", tc.many, tc.mean, jitter), openLossy(t, lossyLen, 250, lost, stamp), lossyLen, lost, 0)
		}
	}
}

// TestGapsWithOtherJitter: what a stamp is late by has other distributions, too, and the clock another rate than the nominal one. Where the
// jitter reaches a step and more, the place of one sample that is lost is known to a few.
func TestGapsWithOtherJitter(t *testing.T) {
	const n = 12_000
	for _, tc := range []struct {
		name string
		rate float64
		late func(rng *rand.Rand) float64
		off  int64 // for losses of one or two samples
	}{
		{"normal, 0.01 ms", 250, func(rng *rand.Rand) float64 { return 1e-5 * rng.NormFloat64() }, 0},
		{"normal, 0.5 ms", 250, func(rng *rand.Rand) float64 { return 5e-4 * rng.NormFloat64() }, 0},
		{"normal, 1 ms", 250, func(rng *rand.Rand) float64 { return 1e-3 * rng.NormFloat64() }, 1},
		{"normal, 3 ms", 250, func(rng *rand.Rand) float64 { return 3e-3 * rng.NormFloat64() }, 20},
		{"exponential, 0.2 ms", 250, func(rng *rand.Rand) float64 { return 2e-4 * rng.ExpFloat64() }, 0},
		{"exponential, 1 ms", 250, func(rng *rand.Rand) float64 { return 1e-3 * rng.ExpFloat64() }, 2},
		{"exponential, 2 ms, 20 ppm fast", 250.005, func(rng *rand.Rand) float64 { return 2e-3 * rng.ExpFloat64() }, 4},
		{"one of 50 late by up to 40 ms", 250.005, func(rng *rand.Rand) float64 {
			late := 1e-4 * rng.ExpFloat64()
			if rng.IntN(50) == 0 {
				late += 0.04 * rng.Float64()
			}
			return late
		}, 1},
	} {
		stamp := jittered(n, tc.rate, tc.late)
		for _, long := range []int{1, 2, 12, 100, 400} {
			for _, at := range []int{150, 1000, 6017, n - 150 - long} {
				lost := func(k int) bool { return at <= k && k < at+long }
				off := tc.off
				if long > 2 {
					off = min(off, 1)
				}
				checkTrue(t, fmt.Sprintf("%s: %d samples at %d", tc.name, long, at), openLossy(t, n, tc.rate, lost, stamp), n, lost, off)
			}
		}
	}
}

// TestJitterIsNoGap: stamps that scatter, are late and catch up, or follow a clock that drifts, miss nothing.
func TestJitterIsNoGap(t *testing.T) {
	const n = 60_000
	none := func(int) bool { return false }
	drifting := func(ppm, period float64) func(k int) float64 { // the clock runs fast and slow by turns
		jitter := jittered(n, 250, evenly(1e-3))
		return func(k int) float64 {
			at := float64(k) / 250
			return jitter(k) + 1e-6*ppm*period/(2*math.Pi)*(1-math.Cos(2*math.Pi*at/period))
		}
	}
	// stall has the program come late for so many samples now and then: they wait, and get their stamps together
	stall := func(samples int) func(k int) float64 {
		jitter := jittered(n, 250, evenly(5e-4))
		return func(k int) float64 {
			if k%5000 >= 3000 && k%5000 < 3000+samples {
				return jitter(k/5000*5000+3000+samples) + 1e-5*float64(k%5000-3000-samples)
			}
			return jitter(k)
		}
	}
	for name, stamp := range map[string]func(k int) float64{
		"evenly to 0.01 ms":   jittered(n, 250, evenly(1e-5)),
		"evenly to 1 ms":      jittered(n, 250, evenly(1e-3)),
		"evenly to 3 ms":      jittered(n, 250, evenly(3e-3)),
		"evenly to 8 ms":      jittered(n, 250, evenly(8e-3)),
		"normal, 1 ms":        jittered(n, 250, func(rng *rand.Rand) float64 { return 1e-3 * rng.NormFloat64() }),
		"normal, 3.5 ms":      jittered(n, 250, func(rng *rand.Rand) float64 { return 3.5e-3 * rng.NormFloat64() }),
		"exponential, 0.1 ms": jittered(n, 250, func(rng *rand.Rand) float64 { return 1e-4 * rng.ExpFloat64() }),
		"exponential, 3 ms":   jittered(n, 250, func(rng *rand.Rand) float64 { return 3e-3 * rng.ExpFloat64() }),
		"fast":                jittered(n, 250.02, evenly(1e-3)),
		"drift of 50 ppm":     drifting(50, 600),
		"drift of 300 ppm":    drifting(300, 60),
		"stalls of 10":        stall(10),
		"stalls of 120":       stall(120),
		"stalls of 240":       stall(240),
	} {
		rec := openLossy(t, n, 250, none, stamp)
		if gaps := rec.Gaps(); gaps != nil || rec.Info.Rate != 250 || slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Found, "may be missing") }) {
			t.Errorf("%s: %d gaps at %.9g Hz: %v, %v", name, len(gaps), rec.Info.Rate, gaps[:min(3, len(gaps))], rec.Deviations)
		}
	}
}

// TestLostChunks: where a chunk has one stamp, chunks that are lost are gaps whatever the jitter of these, as long as it is less than a step.
func TestLostChunks(t *testing.T) {
	for _, chunk := range []int{4, 10, 32} {
		for _, jitter := range []float64{1e-5, 1e-3, 3e-3} {
			for _, gone := range [][2]int{{0, 0}, {300, 1}, {200, 4}, {411, 400 / chunk}} { // from which chunk on, and how many
				const n = 20_000
				name := fmt.Sprintf("chunks of %d, %g s of jitter, %d chunks lost at %d", chunk, jitter, gone[1], gone[0])
				lost := func(k int) bool { return gone[0] <= k/chunk && k/chunk < gone[0]+gone[1] }
				var buf bytes.Buffer
				w, id, marks := recorder(t, &buf, 250)
				late := jittered(n, 250, evenly(jitter))
				for k := 0; k < n/chunk*chunk; k += chunk {
					x := make([]float64, chunk)
					for i := range x {
						x[i] = float64(k + i)
					}
					if !lost(k) {
						if err := w.Samples(id, []float64{late(k)}, [][]float64{x}); err != nil {
							t.Fatal(err)
						}
					}
					if err := w.Texts(marks, []float64{100 + float64(k)/250}, [][]string{{strconv.Itoa(k)}}); err != nil {
						t.Fatal(err)
					}
				}
				for k := range 20 { // the recorder's clock runs at another rate
					at := 100 + 4*float64(k)
					if err := errors.Join(w.ClockOffset(id, at, 7+3e-5*at), w.ClockOffset(marks, at, 7+3e-5*at)); err != nil {
						t.Fatal(err)
					}
				}
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				rec := open(t, buf.Bytes())
				checkTrue(t, name, rec, n, lost, 0)
				if err := rec.Close(); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

// TestTooMuchJitter: what nobody can tell is said, with the reason, and what is told beside pyxdf, too.
func TestTooMuchJitter(t *testing.T) {
	const n = 10_000
	lost := func(k int) bool { return 4000 <= k && k < 4200 }
	rec := openLossy(t, n, 250, lost, jittered(n, 250, evenly(0.03)))
	if rec.Gaps() != nil || !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool {
		return strings.Contains(d.Found, "samples may be missing there, but they scatter by about 0.009") && strings.Contains(d.Found, "more than the 0.004 s") && strings.Contains(d.Assumed, "into the rate")
	}) {
		t.Errorf("gaps %v, %+v", rec.Gaps(), rec.Deviations)
	}
	rec = openLossy(t, n, 250, lost, jittered(n, 250, evenly(0.003)))
	if !slices.ContainsFunc(rec.Notes, func(d signal.Deviation) bool {
		return strings.Contains(d.Found, "1 breaks, the first by 0.80") && strings.Contains(d.Assumed, "gaps; of these 1 leave out less than what is a break to pyxdf (steps of more than 2 s)")
	}) {
		t.Errorf("%+v", rec.Notes)
	}
}

// TestGapsOfFastClock: a gap is as long as what was lost, also where sample numbers and the clock have come apart by as much.
func TestGapsOfFastClock(t *testing.T) {
	const n = 60_000
	for _, rate := range []float64{249.85, 250.15} { // 600 ppm: as 60 ppm over ten times as long
		for _, jitter := range []float64{0, 1e-3} {
			for _, long := range []int{1, 25, 400} {
				lost := func(k int) bool { return k > 40_000 && (k-40_000)%9000 < long }
				name := fmt.Sprintf("%d samples at %g Hz, %g s of jitter", long, rate, jitter)
				checkTrue(t, name, openLossy(t, n, rate, lost, jittered(n, rate, evenly(jitter))), n, lost, 0)
			}
		}
	}
}

// TestGapsThatWander: stamps that wander, by little, tell of samples that are lost where it is whole ones.
func TestGapsThatWander(t *testing.T) {
	const n = 12_000
	for _, wander := range []float64{1e-6, 1e-5, 2e-5} { // from one stamp to the next
		rng := rand.New(rand.NewPCG(3, 3))
		off, at := make([]float64, n), 0.0
		for k := range off {
			at = 0.999*at + wander*rng.NormFloat64()
			off[k] = at
		}
		stamp := func(k int) float64 { return 100 + float64(k)/250 + off[k] }
		for _, long := range []int{0, 1, 12, 96, 400} {
			lost := func(k int) bool { return 5000 <= k && k < 5000+long }
			checkTrue(t, fmt.Sprintf("%d samples, %g s from stamp to stamp", long, wander), openLossy(t, n, 250, lost, stamp), n, lost, 0)
		}
	}
}
