package text_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gyrus-bci/gyrus/ingest/signal"
)

// line is a row of a table and its stamp.
type line struct {
	at    float64
	cells string
}

// lines is a table of t, C3, C4, m, x, of rows in the order of their stamps.
func lines(rows []line) string {
	slices.SortStableFunc(rows, func(a, b line) int { return int(math.Copysign(1, a.at-b.at)) })
	var b strings.Builder
	b.WriteString("t,C3,C4,m,x\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "%.6f,%s\n", r.at, r.cells)
	}
	return b.String()
}

const ofOthers = "time: {column: t, unit: s}\nunit: uV\nkind: eeg\nchannels: [{column: C3}, {column: C4}]\nmarkers: [{column: m}]\nignore: [x]\n"

// eeg is n rows at 256 Hz from 10 s on whose first channel counts them. keep, where not nil, says which are there.
func eeg(n int, keep func(k int) bool) []line {
	var rows []line
	for k := range n {
		if keep == nil || keep(k) {
			rows = append(rows, line{10 + float64(k)/256, fmt.Sprintf("%d,1,,", k)})
		}
	}
	return rows
}

// checkOthers checks rate, length and spans, and that each sample is at its place.
func checkOthers(t *testing.T, rec *signal.Recording, n int64, spans ...signal.Span) {
	t.Helper()
	if rec.Info.Rate != 256 || rec.Len != n || !slices.Equal(rec.Spans, spans) {
		t.Fatalf("%d samples at %g Hz, spans %v, want %d at 256 Hz, %v: %+v", rec.Len, rec.Info.Rate, rec.Spans, n, spans, rec.Deviations)
	}
	inPlace(t, rec)
}

// TestRowsOfOthers: rows with a marker or another sensor alone are no samples and no gaps, and events are at their time, whether the rate is
// named or not.
func TestRowsOfOthers(t *testing.T) {
	const n = 2560
	for _, rate := range []string{"", "rate_hz: 256\n"} {
		rows := eeg(n, nil)
		for k := range 40 {
			rows = append(rows, line{10.0031 + 0.24*float64(k), ",,blink,"})
		}
		for k := range 500 {
			rows = append(rows, line{10.0007 + 0.02*float64(k), ",,,0.25"})
		}
		rec := mustMap(t, lines(rows), ofOthers+rate)
		checkOthers(t, rec, n)
		if len(rec.Events) != 40 {
			t.Errorf("%d events, want 40", len(rec.Events))
		}
		for k, e := range rec.Events {
			at := 0.0031 + 0.24*float64(k)
			if math.Abs(e.Onset-at) > 1e-6 || e.Sample != int64(math.Round(at*256)) || e.Duration != 0 {
				t.Errorf("event %d is %+v, want it at %g s, sample %g", k, e, at, at*256)
			}
		}
		if !listed(rec, "line 3:", "540 rows with none in any", "no samples") {
			t.Errorf("the rows are not among %+v", rec.Deviations)
		}
	}
}

// TestRowsOfOthersScattered: they are none, either, where stamps come in bursts, and lost rows leave the gap that they are.
func TestRowsOfOthersScattered(t *testing.T) {
	const n = 2560
	rows := eeg(n, func(k int) bool { return k < 1200 || k >= 1260 })
	for i := range rows {
		k := math.Round((rows[i].at - 10) * 256)
		rows[i].at = 10 + math.Floor(k/12)*12/256 + 1e-5*math.Mod(k, 12)
	}
	for k := range 100 {
		rows = append(rows, line{10.011 + 0.093*float64(k), ",,blink,"})
	}
	rec := mustMap(t, lines(rows), ofOthers+"rate_hz: 256\n")
	checkOthers(t, rec, n, signal.Span{Start: 0, Len: 1200}, signal.Span{Start: 1260, Len: n - 1260})
	within := 0
	for k, e := range rec.Events {
		if at := 0.011 + 0.093*float64(k); math.Abs(e.Onset-at) > 1e-6 || math.Abs(float64(e.Sample)-at*256) > 12 {
			t.Errorf("event %d is %+v, want it at %g s", k, e, at)
		}
		if e.Sample >= 1200 && e.Sample < 1260 {
			within++
		}
	}
	if len(rec.Events) != 100 || within < 2 {
		t.Errorf("%d events, %d of them in the gap, want 100, and 2 or 3 in the gap", len(rec.Events), within)
	}
}

// TestRowsOfOthersAround: what is marked before the first sample and behind the last is there, and a code of the rows of samples goes on over rows of
// others.
func TestRowsOfOthersAround(t *testing.T) {
	rows := eeg(512, nil)
	for k := 100; k < 140; k++ {
		rows[k].cells = fmt.Sprintf("%d,1,cue,", k)
	}
	rows[200].cells = "200,1,tap,"
	for k := range 90 {
		rows = append(rows, line{10.0007 + 0.02*float64(k), ",,,0.25"})
	}
	rows = append(rows, line{9.5, ",,begin,"}, line{13, ",,end,"})
	rec := mustMap(t, lines(rows), ofOthers)
	checkOthers(t, rec, 512)
	var got []string
	for _, e := range rec.Events {
		got = append(got, fmt.Sprintf("%s@%d %.4f+%.4f", e.Label, e.Sample, e.Onset, e.Duration))
	}
	want := "begin@-128 -0.5000+0.0000 cue@100 0.3906+0.1562 tap@200 0.7812+0.0000 end@768 3.0000+0.0000"
	if strings.Join(got, " ") != want {
		t.Errorf("the events are %v, want %s", got, want)
	}
}

// TestLostWhereStateChanges: a row that is lost at a change of a state that rows with samples have too is lost, and no row of others, whether stamps
// tell of a single one or not. The change is where it was.
func TestLostWhereStateChanges(t *testing.T) {
	const n, of = 2560, 3 // rows of a state
	lost := func(k int) bool { return k%60 == 9 || k >= 900 && k < 930 }
	gone := make([]bool, n)
	for k := range gone {
		gone[k] = lost(k)
	}
	spans, missing := kept(gone)
	rng := rand.New(rand.NewPCG(3, 3))
	for name, late := range map[string]func() float64{"even": func() float64 { return 0 }, "scattered": func() float64 { return 3 * rng.Float64() }} {
		t.Run(name, func(t *testing.T) {
			rows := make([]line, n)
			for k := range rows {
				rows[k] = line{10 + (float64(k)+late())/256, fmt.Sprintf("%d,1,%d,", k, 1+k/of%7)}
				rows[k].at = math.Max(rows[k].at, rows[max(0, k-1)].at)
				if gone[k] {
					rows[k].cells = fmt.Sprintf(",,%d,", 1+k/of%7)
				}
			}
			rec := mustMap(t, lines(rows), ofOthers+"rate_hz: 256\n")
			checkOthers(t, rec, n, spans...)
			if len(rec.Events) != (n+of-1)/of {
				t.Errorf("%d events, want %d", len(rec.Events), (n+of-1)/of)
			}
			for i, e := range rec.Events {
				at := int64(i * of)
				cut := gone[at] && e.Sample == at-1 && e.Onset*256 < float64(at) // digits of a stamp may put it in front of the end of a run
				if e.Sample != at && !cut {
					t.Fatalf("event %d is %+v, want it at sample %d", i, e, at)
				}
			}
			if !listed(rec, fmt.Sprintf("%d rows with none in any", missing)) {
				t.Errorf("the rows are not among %+v", rec.Deviations)
			}
		})
	}
}

// TestRowsWithoutAnything: rows with a stamp alone stand for lost samples where they are in their place, and for nothing where they are not.
func TestRowsWithoutAnything(t *testing.T) {
	const n = 2560
	lost := func(k int) bool { return k%50 == 7 || k >= 900 && k < 930 }
	gone := make([]bool, n)
	for k := range gone {
		gone[k] = lost(k)
	}
	spans, missing := kept(gone)
	inPlaces := eeg(n, nil)
	for k := range inPlaces {
		if lost(k) {
			inPlaces[k].cells = ",,,"
		}
	}
	rec := mustMap(t, lines(inPlaces), ofOthers)
	checkOthers(t, rec, n, spans...)
	if !listed(rec, "line 9:", fmt.Sprintf("%d rows with none in any", missing), "told by the stamps") || !listed(rec, fmt.Sprintf("%d samples are missing", missing)) {
		t.Errorf("the deviations are %+v", rec.Deviations)
	}

	rng := rand.New(rand.NewPCG(3, 3))
	for k := range inPlaces { // late by more than one that is lost
		inPlaces[k].at = math.Max(inPlaces[max(0, k-1)].at, 10+(float64(k)+3*rng.Float64())/256)
	}
	rec = mustMap(t, lines(inPlaces), ofOthers+"rate_hz: 256\n")
	checkOthers(t, rec, n, spans...)
	if !listed(rec, "line 9:", fmt.Sprintf("%d rows with none in any", missing), "a gap") {
		t.Errorf("the deviations are %+v", rec.Deviations)
	}

	between := eeg(n, nil)
	for k := range 200 {
		between = append(between, line{10.0013 + 0.047*float64(k), ",,,"})
	}
	checkOthers(t, mustMap(t, lines(between), ofOthers), n)

	var b strings.Builder
	b.WriteString("C3,C4\n")
	for k := range n {
		if lost(k) {
			b.WriteString(",\n")
		} else {
			fmt.Fprintf(&b, "%d,1\n", k)
		}
	}
	checkOthers(t, mustMap(t, b.String(), "rate_hz: 256\nunit: uV\n"), n, spans...)

	if _, err := mapped("t,C3,C4\n0,1,\n1,,1\n2,1,\n3,,1\n", "time: {column: t, unit: s}\nunit: uV\n"); err == nil || !strings.Contains(err.Error(), "put the rest under ignore") {
		t.Errorf("each row has a value in one channel: the error is %v", err)
	}
	if _, err := mapped("t,C3,C4\n0,,\n1,,\n2,,\n", "time: {column: t, unit: s}\nunit: uV\n"); err == nil || !strings.Contains(err.Error(), "no column has a number in any row") {
		t.Errorf("no row has a value: the error is %v", err)
	}
}

// TestCountedRowsWithoutAnything: rows with a number and a stamp alone are samples that are missing, by the number.
func TestCountedRowsWithoutAnything(t *testing.T) {
	gone := make([]bool, 2000)
	stamp := late(250, 3)
	var b strings.Builder
	b.WriteString(openBCIHeader)
	for k := range gone {
		if gone[k] = k%40 == 11; gone[k] {
			fmt.Fprintf(&b, "%d, , , ,0,0, %.6f,0, 12:00:53.329\n", k%256, 1.6e9+stamp(k))
		} else {
			fmt.Fprintf(&b, "%d, %d, 2, 0.5,0,0, %.6f,0, 12:00:53.329\n", k%256, k, 1.6e9+stamp(k))
		}
	}
	rec := mustOpen(t, b.String())
	want, _ := kept(gone)
	if rec.Info.Rate != 250 || !slices.Equal(rec.Spans, want) {
		t.Fatalf("%d samples at %g Hz, %d spans, want %d: %+v", rec.Len, rec.Info.Rate, len(rec.Spans), len(want), rec.Deviations)
	}
	inPlace(t, rec)
}

// TestAllocationOfBlanks opens a large table of short cells, in which every other row has none.
func TestAllocationOfBlanks(t *testing.T) {
	var b strings.Builder
	b.WriteString("time_ms,C3,marker\n")
	for k := range 50_000 {
		fmt.Fprintf(&b, "%d,1,\n%d,,\n", 2*k, 2*k+1)
	}
	check(t, []byte(b.String()), b.String())
}

// ways is how stamps come: even, twelve rows to a stamp, or up to a fifth of a step off.
func ways() map[string]func(k int) float64 {
	rng := rand.New(rand.NewPCG(5, 5))
	return map[string]func(k int) float64{
		"even":   func(k int) float64 { return float64(k) },
		"bursts": func(k int) float64 { return float64(k / 12 * 12) },
		"jitter": func(k int) float64 { return float64(k) + 0.4*(rng.Float64()-0.5) },
	}
}

// TestMessagesBehindMarkers: a row with a message alone is no sample behind a row of samples that has a marker itself, also where that is the same or
// the first row of all, whether a mapping names the rate and the code of the column or not.
func TestMessagesBehindMarkers(t *testing.T) {
	const n = 6000
	for name, at := range ways() {
		for _, every := range []int{10, 12, 600} {
			for i, mapping := range []string{"", ofOthers, ofOthers + "rate_hz: 100\n", strings.Replace(ofOthers, "{column: m}", "{column: m, each_row: true}", 1) + "rate_hz: 100\n"} {
				var b strings.Builder
				b.WriteString([]string{"time_ms,Fz (uV),Cz (uV),marker\n", "t,C3,C4,m,x\n"}[min(i, 1)])
				tail, ms := []string{"", ","}[min(i, 1)], []float64{10, 0.01}[min(i, 1)]
				messages := 0
				for k := range n {
					stim, s := "", at(k)
					if k%every == 0 {
						stim = "stim"
					}
					fmt.Fprintf(&b, "%.6f,%d,1,%s%s\n", s*ms, k, stim, tail)
					if stim != "" {
						fmt.Fprintf(&b, "%.6f,,,%s%s\n", (s+0.03)*ms, []string{"resp", "stim"}[k/every%2], tail)
						messages++
					}
				}
				var rec *signal.Recording
				if i == 0 {
					rec = mustOpen(t, b.String())
				} else {
					rec = mustMap(t, b.String(), mapping)
				}
				if rec.Info.Rate != 100 || rec.Len != n || rec.Spans != nil {
					t.Errorf("%s, a message each %d rows, mapping %q: %d samples at %g Hz, %d spans, want %d at 100 Hz without a gap", name, every, mapping, rec.Len, rec.Info.Rate, len(rec.Spans), n)
					continue
				}
				inPlace(t, rec)
				if len(rec.Events) != 2*messages {
					t.Errorf("%s, a message each %d rows, mapping %q: %d events, want %d", name, every, mapping, len(rec.Events), 2*messages)
				}
			}
		}
	}
}

// TestLostWithinStates: rows without samples that have the state which nearly all rows with samples have stand for lost ones, also at its changes and
// at the begin; so do those within a state that only some rows have.
func TestLostWithinStates(t *testing.T) {
	const n = 15000
	for name, at := range ways() {
		for _, of := range []struct {
			name  string
			state func(k int) string
			lost  func(k int) bool
		}{
			{"at changes", func(k int) string { return strconv.Itoa(1 + k/50%7) }, func(k int) bool { return k%250 == 0 && k > 0 }},
			{"anywhere", func(k int) string { return strconv.Itoa(1 + k/50%7) }, func(k int) bool { return k%97 == 60 }},
			{"within some", func(k int) string { return []string{"", "", "", "cue"}[k/100%4] }, func(k int) bool { return k%400 == 350 || k%400 == 351 }},
		} {
			t.Run(name+" "+of.name, func(t *testing.T) {
				gone := make([]bool, n)
				var b strings.Builder
				b.WriteString("t,C3,C4,m,x\n")
				for k := range gone {
					if gone[k] = of.lost(k); gone[k] {
						fmt.Fprintf(&b, "%.6f,,,%s,\n", at(k)/250, of.state(k))
					} else {
						fmt.Fprintf(&b, "%.6f,%d,1,%s,\n", at(k)/250, k, of.state(k))
					}
				}
				rec := mustMap(t, b.String(), ofOthers+"rate_hz: 250\n")
				want, _ := kept(gone)
				if rec.Info.Rate != 250 || rec.Len != n || !slices.Equal(rec.Spans, want) {
					t.Fatalf("%d samples at %g Hz, %d spans, want %d at 250 Hz, %d spans: %+v", rec.Len, rec.Info.Rate, len(rec.Spans), n, len(want), rec.Deviations)
				}
				inPlace(t, rec)
			})
		}
	}
}

// TestMessagesAmongZeros: a column that rows with samples fill with 0 is one of messages where few rows without samples have 0, and else one of a trigger
// that may begin in a row that is lost.
func TestMessagesAmongZeros(t *testing.T) {
	const n = 6000
	trigger := func(k int) int { return max(0, 6-k%50) / 6 * (1 + k/50%3) } // a sample long
	for name, at := range ways() {
		var b strings.Builder
		b.WriteString("t,C3,C4,m,x\n")
		for k := range n {
			s := at(k)
			fmt.Fprintf(&b, "%.6f,%d,1,%d,\n", s/250, k, trigger(k))
			if k%20 == 0 {
				fmt.Fprintf(&b, "%.6f,,,9,\n", (s+0.03)/250)
			}
		}
		rec := mustMap(t, b.String(), ofOthers)
		if rec.Info.Rate != 250 || rec.Len != n || rec.Spans != nil || len(rec.Events) != n/20+n/50 {
			t.Errorf("%s: %d samples at %g Hz, %d spans, %d events; want %d at 250 Hz without a gap, %d events", name, rec.Len, rec.Info.Rate, len(rec.Spans), len(rec.Events), n, n/20+n/50)
		}

		gone := make([]bool, n)
		b.Reset()
		b.WriteString("t,C3,C4,m,x\n")
		for k := range gone {
			values := strconv.Itoa(k) + ",1"
			if gone[k] = k%250 == 100 || k%97 == 60; gone[k] {
				values = ","
			}
			fmt.Fprintf(&b, "%.6f,%s,%d,\n", at(k)/250, values, trigger(k))
		}
		rec = mustMap(t, b.String(), ofOthers+"rate_hz: 250\n")
		if want, _ := kept(gone); rec.Info.Rate != 250 || rec.Len != n || !slices.Equal(rec.Spans, want) || len(rec.Events) != n/50 {
			t.Errorf("%s: %d samples at %g Hz, %d spans, %d events; want %d at 250 Hz, %d spans, %d events", name, rec.Len, rec.Info.Rate, len(rec.Spans), len(rec.Events), n, len(want), n/50)
		}
	}
}

// TestMessagesBesideLost: a few rows that are lost do not make states of the messages of all others, wherever they stand.
func TestMessagesBesideLost(t *testing.T) {
	const n = 6000
	for name, at := range ways() {
		for _, of := range []func(k int) bool{
			func(k int) bool { return k == 3 }, func(k int) bool { return k == 2004 }, func(k int) bool { return k%997 == 4 },
		} {
			gone := make([]bool, n)
			var b strings.Builder
			b.WriteString("t,C3,C4,m,x\n")
			for k := range gone {
				s, values := at(k), strconv.Itoa(k)+",1"
				if gone[k] = of(k); gone[k] {
					values = ","
				}
				fmt.Fprintf(&b, "%.6f,%s,0,\n", s/250, values)
				if k%500 == 250 {
					fmt.Fprintf(&b, "%.6f,,,go,\n", (s+0.03)/250)
				}
			}
			rec := mustMap(t, b.String(), ofOthers+"rate_hz: 250\n")
			if want, _ := kept(gone); rec.Info.Rate != 250 || rec.Len != n || !slices.Equal(rec.Spans, want) || len(rec.Events) != n/500 {
				t.Errorf("%s: %d samples at %g Hz, spans %v, %d events; want %d at 250 Hz, %v, %d events", name, rec.Len, rec.Info.Rate, rec.Spans, len(rec.Events), n, want, n/500)
			}
		}
	}
}

// TestRateTellsOfRows: rows that have a state alone are no samples where the rate that the table names is that of the others.
func TestRateTellsOfRows(t *testing.T) {
	const n = 6000
	for name, at := range ways() {
		var b strings.Builder
		b.WriteString("t,C3,C4,m,x\n")
		for k := range n {
			s := at(k)
			fmt.Fprintf(&b, "%.6f,%d,1,%d,\n", s/250, k, 1+k/500%3)
			if k%10 == 4 {
				fmt.Fprintf(&b, "%.6f,,,%d,\n", (s+0.03)/250, 1+k/500%3)
			}
		}
		rec := mustMap(t, b.String(), ofOthers+"rate_hz: 250\n")
		if rec.Info.Rate != 250 || rec.Len != n || rec.Spans != nil {
			t.Errorf("%s: %d samples at %g Hz, %d spans, want %d at 250 Hz without a gap: %+v", name, rec.Len, rec.Info.Rate, len(rec.Spans), n, rec.Deviations)
		}
	}
}

// TestRowsOfManySensors: rows without samples that have something in more ways than are told apart are no samples either.
func TestRowsOfManySensors(t *testing.T) {
	const n, sensors = 6000, 10
	for name, at := range ways() {
		var b strings.Builder
		b.WriteString("t,C3,C4,m")
		for i := range sensors {
			fmt.Fprintf(&b, ",s%d", i)
		}
		b.WriteString("\n")
		for k := range n {
			s := at(k)
			fmt.Fprintf(&b, "%.6f,%d,1,%s\n", s/250, k, strings.Repeat(",", sensors))
			if k%6 == 3 {
				fmt.Fprintf(&b, "%.6f,,,", (s+0.03)/250)
				for i := range sensors {
					b.WriteString([]string{",", ",36.5"}[(k/6+1)>>i&1])
				}
				b.WriteString("\n")
			}
		}
		ignored := make([]string, sensors)
		for i := range ignored {
			ignored[i] = fmt.Sprintf("s%d", i)
		}
		rec := mustMap(t, b.String(), strings.Replace(ofOthers, "[x]", "["+strings.Join(ignored, ", ")+"]", 1))
		if rec.Info.Rate != 250 || rec.Len != n || rec.Spans != nil || !listed(rec, "1000 rows with none in any", "no samples") {
			t.Errorf("%s: %d samples at %g Hz, %d spans, want %d at 250 Hz without a gap: %+v", name, rec.Len, rec.Info.Rate, len(rec.Spans), n, rec.Deviations)
		}
	}
}
