package text_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

const lossyRows = 30_000

// every loses many rows of each of so many, but for the first and the last ones.
func every(many, of int) []bool {
	gone := make([]bool, lossyRows)
	for k := of; k < lossyRows-of; k++ {
		gone[k] = k%of < many
	}
	return gone
}

// packets loses packets of so many rows, about mean rows apart.
func packets(many, mean int) []bool {
	rng := rand.New(rand.NewPCG(4, uint64(many)))
	gone := make([]bool, lossyRows)
	for k := 20 * many; k < lossyRows-1000; k += many * max(5, int(rng.ExpFloat64()*float64(mean)/float64(many))) {
		for i := range many {
			gone[k+i] = true
		}
	}
	return gone
}

// burst is the stamp of a row at a rate, where so many rows share one.
func burst(rate float64, rows int) func(k int) float64 {
	return func(k int) float64 { return float64(k/rows*rows) / rate }
}

// late is the stamp of a row at a rate, where rows are late, by so many rows in the mean.
func late(rate, rows float64) func(k int) float64 {
	rng := rand.New(rand.NewPCG(5, 5))
	last := 0.0
	return func(k int) float64 {
		last = max(last, (float64(k)+rows*rng.ExpFloat64())/rate)
		return last
	}
}

// lossy is a table of kind muse, openbci or csv, of the rows that are not gone.
func lossy(kind string, gone []bool, digits int, stamp func(k int) float64) string {
	var b strings.Builder
	b.WriteString(map[string]string{"muse": header, "openbci": openBCIHeader, "csv": "time (s),Fp1 (uV)\n"}[kind])
	for k := range gone {
		if gone[k] {
			continue
		}
		switch t := stamp(k); kind {
		case "muse":
			fmt.Fprintf(&b, "%.*f,%d,2,3,4,5,0\n", digits, 1.5e9+t, k)
		case "openbci":
			fmt.Fprintf(&b, "%d, %d, 2, 0.5,0,0, %.*f,0, 12:00:53.329\n", k%256, k, digits, 1.6e9+t)
		case "csv":
			fmt.Fprintf(&b, "%.*f,%d\n", digits, t, k)
		}
	}
	return b.String()
}

// kept is the spans between the rows that are gone, and how many these are.
func kept(rows []bool) (spans []signal.Span, gone int) {
	for k, is := range rows {
		switch last := len(spans) - 1; {
		case is:
			gone++
		case last >= 0 && spans[last].End() == int64(k):
			spans[last].Len++
		default:
			spans = append(spans, signal.Span{Start: int64(k), Len: 1})
		}
	}
	return spans, gone
}

// inPlace checks that the first channel has at each sample its number.
func inPlace(t *testing.T, rec *signal.Recording) {
	t.Helper()
	for _, s := range rec.Runs() {
		for i, v := range samples(t, rec, s)[0] {
			if v != float64(s.Start+int64(i)) {
				t.Fatalf("sample %d is that of row %g", s.Start+int64(i), v)
			}
		}
	}
}

// TestGapsThatRecur: rows that are lost again and again are gaps, all of them, and neither they nor the digits of the stamps slow the
// rate.
func TestGapsThatRecur(t *testing.T) {
	for _, tc := range []struct {
		name, kind string
		gone       []bool
		digits     int
		stamp      func(k int) float64
		rate       float64
	}{
		{"2 of 500", "csv", every(2, 500), 4, burst(250, 1), 250},
		{"5 of 500", "csv", every(5, 500), 4, burst(250, 1), 250},
		{"25 of 500", "csv", every(25, 500), 4, burst(250, 1), 250},
		{"1 of 20", "csv", every(1, 20), 4, burst(250, 1), 250},
		{"packets of 12", "csv", packets(12, 500), 4, burst(250, 1), 250},
		{"packets of 12, 249.3 Hz", "csv", packets(12, 500), 6, burst(249.3, 1), 249.3},
		{"25 of 500, bursts of 10", "csv", every(25, 500), 4, burst(250, 10), 250},
		{"packets of 12, milliseconds", "csv", packets(12, 500), 3, burst(256, 1), 256},
		{"1 of 30, milliseconds", "csv", every(1, 30), 3, burst(256, 1), 256},
		{"packets of 12", "muse", packets(12, 512), 4, burst(256, 1), 256},
		{"packets of 12, milliseconds", "muse", packets(12, 512), 3, burst(256, 1), 256},
		{"packets of 12, bursts", "muse", packets(12, 512), 4, burst(256, 12), 256},
		{"packets of 12, 220 Hz", "muse", packets(12, 512), 3, burst(220, 1), 220},
		{"1 of 30, milliseconds", "muse", every(1, 30), 3, burst(256, 1), 256},
		{"5 of 500", "openbci", every(5, 500), 6, burst(250, 1), 250},
		{"10 of 500", "openbci", every(10, 500), 6, burst(250, 1), 250},
		{"10 of 250", "openbci", every(10, 250), 6, burst(250, 1), 250},
		{"1 of 20", "openbci", every(1, 20), 6, burst(250, 1), 250},
		{"25 of 500, bursts of 10", "openbci", every(25, 500), 3, burst(250, 10), 250},
		{"1 of 20, bursts of 10", "openbci", every(1, 20), 3, burst(250, 10), 250},
		{"packets of 12, at 245 Hz", "openbci", packets(12, 512), 4, burst(245, 1), 250}, // the table names the rate
		{"packets of 12, late, at 245 Hz", "openbci", packets(12, 512), 4, late(245, 4), 250},
		{"packets of 12, late", "openbci", packets(12, 512), 4, late(250, 4), 250},
		{"packets of 16, late", "openbci", packets(16, 300), 4, late(250, 10), 250},
		{"300 of 3000, bursts of 10", "openbci", every(300, 3000), 3, burst(250, 10), 250}, // more than a round of the counter
	} {
		t.Run(tc.kind+" "+tc.name, func(t *testing.T) {
			rec := mustOpen(t, lossy(tc.kind, tc.gone, tc.digits, tc.stamp))
			want, missing := kept(tc.gone)
			if math.Abs(rec.Info.Rate/tc.rate-1) > 1e-5 {
				t.Errorf("the rate is %.9g Hz, want %g Hz", rec.Info.Rate, tc.rate)
			}
			if !slices.Equal(rec.Spans, want) {
				t.Fatalf("%d spans, want %d; the last one ends at %d, want %d; %v", len(rec.Spans), len(want), rec.Len, lossyRows, rec.Deviations)
			}
			inPlace(t, rec)
			if !listed(rec, fmt.Sprintf("%d such gaps", len(want)-1), fmt.Sprintf("%d samples are missing", missing)) {
				t.Errorf("the gaps are not among %+v", rec.Deviations)
			}
		})
	}
}

// TestChunksAreNoGaps: where rows have the stamps of a rate that is not quite theirs, and every chunk of rows begins with a true one, nothing
// is missing.
func TestChunksAreNoGaps(t *testing.T) {
	for _, tc := range []struct {
		rows int
		rate float64
	}{{32, 245}, {64, 245}, {128, 247.5}, {128, 249}, {25, 252}} {
		stamp := func(k int) float64 { return float64(k/tc.rows*tc.rows)/tc.rate + float64(k%tc.rows)/250 }
		text := lossy("csv", make([]bool, 20_000), 6, stamp)
		rec := mustOpen(t, text)
		if again, err := mapped(text, "time: {column: time (s), unit: s}\nrate_hz: 250\nchannels: [{column: 2, name: Fp1, unit: uV, kind: eeg}]\n"); err != nil || again.Spans != nil {
			t.Errorf("chunks of %d at %g Hz, the mapping says 250 Hz: %v, %+v", tc.rows, tc.rate, err, again)
		}
		if rec.Spans != nil || math.Abs(rec.Info.Rate/tc.rate-1) > 1e-3 {
			t.Errorf("chunks of %d at %g Hz: %d spans at %g Hz; %v", tc.rows, tc.rate, len(rec.Spans), rec.Info.Rate, rec.Deviations)
		}
	}
}

// TestCountedPackets: OpenBCI's Ganglion counts packets of two samples, from 0 to 99 or 100 to 199, and in older versions from 1 to 100 or
// 101 to 200 and then one of a single sample, which is 0. What is lost is told by that, however late the rows are, as by a number of each sample.
func TestCountedPackets(t *testing.T) {
	twice := func(from, to int) (round []int) {
		for v := from; v <= to; v++ {
			round = append(round, v, v)
		}
		return round
	}
	cyton := make([]int, 256)
	for v := range cyton {
		cyton[v] = v
	}
	for name, round := range map[string][]int{
		"0 to 255, each once": cyton, "0 to 100": twice(0, 100), "0 to 99": twice(0, 99), "100 to 199": twice(100, 199),
		"0 once, 1 to 100": append([]int{0}, twice(1, 100)...), "0 once, 101 to 200": append([]int{0}, twice(101, 200)...),
	} {
		const n = 20_000
		number := func(k int) int { return round[k%len(round)] }
		for loss, lose := range map[string]func(gone []bool){
			"nothing":  func([]bool) {},
			"a packet": func(gone []bool) { gone[2*len(round)+7], gone[2*len(round)+8] = true, true },
			"packets": func(gone []bool) {
				rng := rand.New(rand.NewPCG(8, 8))
				lost := false
				for k := 1; k < n-300; k++ {
					if number(k) != number(k-1) {
						lost = rng.IntN(50) == 0
					}
					gone[k] = lost
				}
			},
			"from the second of a packet to the first of another": func(gone []bool) {
				for k := 5*len(round) + 6; k < 5*len(round)+17; k++ {
					gone[k] = true
				}
			},
			"a round and a half": func(gone []bool) {
				for k := 5*len(round) + 9; k < 5*len(round)+9+len(round)/4*6; k++ {
					gone[k] = true
				}
			},
			"all up to the same number": func(gone []bool) {
				k := 5*len(round) + 9
				for number(k) == number(k-1) {
					k++
				}
				for before := number(k - 1); number(k) != before; k++ {
					gone[k] = true
				}
			},
		} {
			t.Run(name+", "+loss, func(t *testing.T) {
				gone := make([]bool, n)
				lose(gone)
				stamp := late(200, 1)
				var b strings.Builder
				b.WriteString(strings.Replace(openBCIHeader, "250 Hz", "200 Hz", 1))
				for k := range gone {
					if !gone[k] {
						fmt.Fprintf(&b, "%d, %d, 2, 0.5,0,0, %.6f,0, 12:00:53.329\n", number(k), k, 1.6e9+stamp(k))
					}
				}
				rec := mustOpen(t, b.String())
				want, missing := kept(gone)
				if missing == 0 {
					want = nil
				}
				if rec.Info.Rate != 200 || rec.Len != n || !slices.Equal(rec.Spans, want) {
					t.Fatalf("%d samples at %g Hz in %d spans, want %d at 200 Hz in %d: %v", rec.Len, rec.Info.Rate, len(rec.Spans), n, len(want), rec.Deviations)
				}
				inPlace(t, rec)
				if listed(rec, "in the stamps only") || missing > 0 && !listed(rec, "Sample Index", fmt.Sprintf("%d samples are missing", missing)) {
					t.Errorf("the deviations are %+v", rec.Deviations)
				}
			})
		}
	}
}
