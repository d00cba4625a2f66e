package xdf_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/gyrus-bci/gyrus/ingest"
	"github.com/gyrus-bci/gyrus/ingest/signal"
	"github.com/gyrus-bci/gyrus/ingest/xdf"
)

// recorder writes a stream of one channel and one of markers.
func recorder(t *testing.T, to io.Writer, rate float64) (w *xdf.Writer, eeg, marks uint32) {
	t.Helper()
	w, err := xdf.NewWriter(to, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if eeg, err = w.AddStream(xdf.StreamHeader{Name: "EEG", Type: "EEG", Format: "float32", Rate: rate, Channels: []signal.Channel{{Original: "Cz", Kind: signal.EEG, Unit: signal.Microvolt}}}); err != nil {
		t.Fatal(err)
	}
	if marks, err = w.AddStream(xdf.StreamHeader{Name: "marks", Type: "Markers", Format: "string", Channels: make([]signal.Channel, 1)}); err != nil {
		t.Fatal(err)
	}
	return w, eeg, marks
}

// lossy is a stream of so many Hz in chunks of 25 whose sample k of n has the stamp of stamp(k), but for those that are lost, and one of
// markers, called by the samples that they come with.
func lossy(t *testing.T, n int, rate float64, lost func(k int) bool, stamp func(k int) float64) []byte {
	t.Helper()
	return lossyMarked(t, n, rate, lost, stamp, stamp)
}

// lossyMarked is lossy whose markers have stamps of their own.
func lossyMarked(t *testing.T, n int, rate float64, lost func(k int) bool, stamp, mark func(k int) float64) []byte {
	t.Helper()
	var buf bytes.Buffer
	w, id, marks := recorder(t, &buf, rate)
	var stamps, x []float64
	for k := range n {
		if !lost(k) {
			stamps, x = append(stamps, stamp(k)), append(x, float64(k))
		}
		if len(x) == 25 || k == n-1 && len(x) > 0 {
			if err := w.Samples(id, stamps, [][]float64{x}); err != nil {
				t.Fatal(err)
			}
			stamps, x = stamps[:0], x[:0]
		}
		if k%97 == 50 {
			if err := w.Texts(marks, []float64{mark(k)}, [][]string{{strconv.Itoa(k)}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

const lossyLen = 30_000 // samples

// atRandom: so many samples are lost, again and again, about mean apart, and at least 3 times as many.
func atRandom(many, mean int) func(k int) bool { return atRandomApart(many, mean, 3*many) }

// atRandomApart is atRandom with least samples from one loss to the next.
func atRandomApart(many, mean, least int) func(k int) bool {
	rng := rand.New(rand.NewPCG(9, uint64(many)))
	gone := make([]bool, lossyLen)
	for k := 400; k < lossyLen-400; k += max(least, int(rng.ExpFloat64()*float64(mean))) {
		for i := range many {
			gone[k+i] = true
		}
	}
	return func(k int) bool { return gone[k] }
}

// TestGapsThatRecur: samples that are lost again and again, now and then or at equal distances, are gaps, all of them, exact to the
// sample. The rate is that at which samples came, and markers stand at the samples that they came with.
func TestGapsThatRecur(t *testing.T) {
	const n = lossyLen
	every := func(many, of int) func(k int) bool {
		return func(k int) bool { return k >= of && k < n-of && k%of < many }
	}
	for _, tc := range []struct {
		name string
		lost func(k int) bool
	}{
		{"12 about every 512", atRandom(12, 512)},
		{"12 about every 1024", atRandom(12, 1024)},
		{"25 about every 750", atRandom(25, 750)},
		{"1 about every 300", atRandom(1, 300)},
		{"3 about every 40", atRandom(3, 40)},
		{"25 of 500", every(25, 500)},
		{"1 of 777", every(1, 777)},
		{"50 of 1000", every(50, 1000)},
		{"3 of 300", every(3, 300)},
		{"1 of 20", every(1, 20)},
		{"10 of 250, for a while", func(k int) bool { return k >= 10_000 && k < 16_000 && k%250 < 10 }},
		{"none", func(int) bool { return false }},
	} {
		for _, clock := range []struct{ rate, true, jitter float64 }{{250, 250, 0}, {250, 250, 1e-6}, {250, 250.004, 1e-4}, {1000, 1000.002, 0}, {128, 128.4, 0}} {
			name := fmt.Sprintf("%s at %g Hz, nominal %g Hz, %g s of jitter", tc.name, clock.true, clock.rate, clock.jitter)
			rng := rand.New(rand.NewPCG(4, 4))
			jitter := make([]float64, n)
			for k := range jitter {
				jitter[k] = clock.jitter * rng.Float64()
			}
			data := lossy(t, n, clock.rate, tc.lost, func(k int) float64 { return 100 + float64(k)/clock.true + jitter[k] })
			rec, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf")
			if err != nil {
				t.Fatal(err)
			}
			var want []signal.Span
			for k := range n {
				switch last := len(want) - 1; {
				case !tc.lost(k):
				case last >= 0 && want[last].End() == int64(k):
					want[last].Len++
				default:
					want = append(want, signal.Span{Start: int64(k), Len: 1})
				}
			}
			if got := rec.Gaps(); !slices.Equal(got, want) {
				t.Errorf("%s: %d gaps, want %d: %v, want %v", name, len(got), len(want), got[:min(3, len(got))], want[:min(3, len(want))])
				continue
			}
			rate := clock.rate
			if math.Abs(clock.true/clock.rate-1) > 1e-3 {
				rate = clock.true
			}
			if math.Abs(rec.Info.Rate/rate-1) > 1e-6 {
				t.Errorf("%s: the rate is %.9g Hz, want %g Hz", name, rec.Info.Rate, rate)
			}
			events := 0
			for _, e := range rec.Events {
				var k int64
				if _, err := fmt.Sscan(e.Label, &k); err != nil {
					t.Fatal(err)
				}
				events++
				if e.Sample != k && (!tc.lost(int(k)) || e.Sample != k-1) { // where its sample is lost, it may be at the end of the one before
					t.Errorf("%s: marker %d is at sample %d", name, k, e.Sample)
				}
			}
			if events != (n-51)/97+1 {
				t.Errorf("%s: %d markers", name, events)
			}
			for _, run := range rec.Runs() {
				x := [][]float64{make([]float64, run.Len)}
				if err := rec.Data.ReadSamples(x, run.Start); err != nil {
					t.Fatal(err)
				}
				for i, v := range x[0] {
					if v != float64(run.Start+int64(i)) {
						t.Fatalf("%s: sample %d is sample %g of the amplifier", name, run.Start+int64(i), v)
					}
				}
			}
			if slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool { return strings.Contains(d.Found, "may be missing") }) {
				t.Errorf("%s: %v", name, rec.Deviations)
			}
			if err := rec.Close(); err != nil {
				t.Error(err)
			}
		}
	}
}

// TestChunksAreNoGaps: where a chunk has one stamp and its samples come at another rate than the nominal one, the steps from chunk to
// chunk are long, too, but nothing is missing.
func TestChunksAreNoGaps(t *testing.T) {
	for _, tc := range []struct {
		chunk  int
		true   float64
		bursts int // of samples that arrive together, when they have their stamp
	}{{128, 247.5, 1}, {128, 248.9, 1}, {64, 244, 1}, {200, 249, 1}, {500, 249.3, 1}, {32, 250.02, 1}, {25, 250, 33}} {
		var buf bytes.Buffer
		w, err := xdf.NewWriter(&buf, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		id, err := w.AddStream(xdf.StreamHeader{Name: "EEG", Type: "EEG", Format: "int16", Rate: 250, Channels: make([]signal.Channel, 1)})
		if err != nil {
			t.Fatal(err)
		}
		n := max(60*tc.chunk, 30_000/tc.chunk*tc.chunk)
		for k := 0; k < n; k += tc.chunk {
			if err := w.Samples(id, []float64{100 + float64(k/tc.bursts*tc.bursts)/tc.true}, [][]float64{make([]float64, tc.chunk)}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		rec := open(t, buf.Bytes())
		want := tc.true
		if math.Abs(want/250-1) <= 1e-3 {
			want = 250
		}
		if rec.Gaps() != nil || math.Abs(rec.Info.Rate/want-1) > 1e-3 {
			t.Errorf("chunks of %d at %g Hz: gaps %v, %g Hz; %v", tc.chunk, tc.true, rec.Gaps(), rec.Info.Rate, rec.Deviations)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestLateIsNoGap: a program that sleeps between samples wakes up late now and then, by any time, and stays so: its stamps do not tell of
// samples that are missing, so there is no gap, but it is listed.
func TestLateIsNoGap(t *testing.T) {
	for _, scatter := range []float64{1e-5, 3e-5, 1e-4, 1e-3} {
		rng := rand.New(rand.NewPCG(7, 7))
		stamps, at := make([]float64, lossyLen), 100.0
		for k := range stamps {
			stamps[k] = at
			at += 0.004 + scatter*math.Abs(rng.NormFloat64())
			if rng.IntN(200) == 0 {
				at += 0.006 + 0.04*rng.Float64()
			}
		}
		data := lossy(t, lossyLen, 250, func(int) bool { return false }, func(k int) float64 { return stamps[k] })
		rec, err := ingest.Open(fstest.MapFS{"x.xdf": {Data: data}}, "x.xdf")
		if err != nil {
			t.Fatal(err)
		}
		if rec.Gaps() != nil || !slices.ContainsFunc(rec.Deviations, func(d signal.Deviation) bool {
			return strings.Contains(d.Found, "samples may be missing there, but they wander")
		}) {
			t.Errorf("scatter of %g s: %d gaps, %v", scatter, len(rec.Gaps()), rec.Deviations)
		}
		if err := rec.Close(); err != nil {
			t.Error(err)
		}
	}
}
